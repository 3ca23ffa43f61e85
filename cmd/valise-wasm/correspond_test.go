//go:build !js

package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest/live"
)

// newDelegate is a representative's worker, which talks with the portal as correspond-ceremonies.js does.
func newDelegate(t *testing.T, p *live.Server, person *live.Person) *colleague {
	t.Helper()
	c := &colleague{&worker{t, &engine{now: p.Portal.Now}}, p, p.Client(), map[crypto.Number]string{}}
	c.worker.call("begin", object{"origin": p.URL}, nil)
	var i api.Institution
	c.want(http.StatusOK, "GET", "/institution", nil, &i)
	if _, err := c.e.take(person.Bundle, i); err != nil {
		t.Fatal(err)
	}
	var challenge api.LogInChallenge
	c.want(http.StatusOK, "POST", "/login/start", object{"as": person.Number.String()}, &challenge)
	var in api.LogIn
	c.worker.call("sign-in", object{"challenge": challenge}, &in)
	c.want(http.StatusOK, "POST", "/login", in, nil)
	return c
}

// answered is an answer of the portal as it came.
func (c *colleague) answered(path string) []byte {
	c.t.Helper()
	var raw json.RawMessage
	c.want(http.StatusOK, "GET", path, nil, &raw)
	return raw
}

func (c *colleague) data(name string, parameters any, data []byte, into any) {
	c.t.Helper()
	if err := c.try(name, parameters, data, into); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
}

// send seals what was written with "write", and hands it in.
func (c *colleague) send(begun begunMessage, status int) (m api.NewMessage) {
	c.t.Helper()
	var sealed []byte
	c.data("write-seal", object{}, c.answered("/addressees/"+string(begun.Mailbox)), &sealed)
	if err := json.Unmarshal(sealed, &m); err != nil {
		c.t.Fatal(err)
	}
	c.want(status, "POST", "/threads/"+string(begun.Thread)+"/messages", m, nil)
	return m
}

func TestRepliesAndAnswersInWorkers(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	delegate, approver := newDelegate(t, p, person), newColleague(t, p, p.Approver)

	// Written; sent twice, as when an answer got lost: one message.
	writing := object{"token": "1", "language": "en", "subject": " A question ", "text": "Who *signed*?\r\n"}
	var begun, again begunMessage
	delegate.call("write", writing, &begun)
	delegate.data("write-file", object{"name": "folder/list.csv", "type": "text/csv;charset=utf-8"}, []byte("a,b\n"), nil)
	first := delegate.send(begun, http.StatusCreated)
	delegate.call("write", writing, &again)
	if again.Begun || again.Thread != begun.Thread {
		t.Errorf("the same form is another message: %+v", again)
	}
	if second := delegate.send(again, http.StatusOK); second.ID != first.ID || second.SHA256 != first.SHA256 {
		t.Error("the same form is another message")
	}
	delegate.call("write-done", object{}, nil)

	// The desk reads it.
	path := "/threads/" + string(begun.Thread)
	var lines []threadLine
	approver.data("threads", object{}, approver.answered("/threads"), &lines)
	if len(lines) != 1 || lines[0].Subject != "A question" || lines[0].Problem != "" {
		t.Errorf("%+v", lines)
	}
	approver.wantRefused("engine", "thread-message", object{"thread": begun.Thread, "message": first.ID}, approver.answered(path+"/messages/"+first.ID))
	var shown shownThread
	approver.data("thread", object{"thread": begun.Thread}, approver.answered(path), &shown)
	if shown.Gap || len(shown.Messages) != 1 || shown.Messages[0].Sender != person.Number.String() || shown.Messages[0].Own {
		t.Errorf("%+v", shown)
	}
	var message shownMessage
	approver.data("thread-message", object{"thread": begun.Thread, "message": first.ID}, approver.answered(path+"/messages/"+first.ID), &message)
	if len(message.Attachments) != 1 || message.Attachments[0].Name != "list.csv" || len(message.Text) == 0 {
		t.Errorf("%+v", message)
	}
	var file []byte
	approver.call("thread-file", object{"thread": begun.Thread, "message": first.ID, "index": 0}, &file)
	if string(file) != "a,b\n" {
		t.Errorf("%q", file)
	}

	// And answers; the representative sees whose answer it is.
	approver.wantRefused("engine", "write", object{"token": "2", "language": "en", "subject": "Re", "text": "x"}, nil) // no thread begins at the desk
	var answer begunMessage
	approver.call("write", object{"token": "2", "thread": begun.Thread, "language": "en", "subject": "Re", "text": "The registrar."}, &answer)
	approver.send(answer, http.StatusCreated)
	delegate.data("thread", object{"thread": begun.Thread}, delegate.answered(path), &shown)
	if len(shown.Messages) != 2 || shown.Messages[1].Sender != live.ApproverName || shown.Messages[1].Key == "" || !shown.Messages[0].Own || shown.Messages[1].Missing {
		t.Errorf("%+v", shown)
	}

	// A second representative comes, and gets what was.
	colleague := p.Claim(p.IssueAs(crypto.Representative{Mailbox: person.Number.Mailbox, Ordinal: 2}, crypto.ProfileCompat), crypto.ProfileCompat)
	other := newDelegate(t, p, colleague)
	other.data("thread", object{"thread": begun.Thread}, other.answered(path), &shown)
	if shown.Messages[0].Shared {
		t.Error("shared by nobody")
	}
	var lacking []api.Lack
	approver.want(http.StatusOK, "GET", "/lacking", nil, &lacking)
	var share api.Share
	approver.data("share-envelopes", object{"mailbox": person.Number.Mailbox, "lacking": lacking}, approver.answered("/addressees/"+string(person.Number.Mailbox)), &share)
	var done api.Sharing
	approver.want(http.StatusOK, "POST", path+"/envelopes", share, &done)
	other.data("thread", object{"thread": begun.Thread}, other.answered(path), &shown)
	if done.Added != 2 || !shown.Messages[0].Shared || !shown.Messages[1].Shared || shown.Messages[1].Problem != "" {
		t.Errorf("%+v, %+v", done, shown)
	}

	delegate.wantRefused("message", "write", object{"token": "3", "language": "en", "subject": "", "text": "x"}, nil)
	delegate.wantRefused("engine", "write", object{"token": "3", "thread": crypto.NewNumber(crypto.KindThread), "language": "en", "subject": "x", "text": "x"}, nil)
	delegate.call("forget", object{}, nil)
	delegate.wantRefused("locked", "write", writing, nil)
	delegate.wantRefused("locked", "threads", object{}, []byte("{}"))
}
