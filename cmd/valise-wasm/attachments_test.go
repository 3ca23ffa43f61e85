//go:build !js

package main

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest/live"
)

// octets asks for, or sends, bytes that are not JSON.
func (c *colleague) octets(status int, method, path string, body []byte) []byte {
	c.t.Helper()
	request, err := http.NewRequest(method, c.p.URL+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/octet-stream")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		c.t.Fatalf("%s %s: %d %s %v", method, path, answer.StatusCode, data, err)
	}
	return data
}

// bytesOf calls what returns bytes.
func (c *colleague) bytesOf(name string, parameters any, data []byte) (octets []byte) {
	c.t.Helper()
	if err := c.try(name, parameters, data, &octets); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	return octets
}

func sealedPath(n crypto.Number, id string) string {
	return api.Root + "/staff/statements/" + string(n) + "/attachments/" + id
}

func (c *colleague) attach(d *wireDraft, name string, data []byte) {
	c.t.Helper()
	var a draftAttachment
	if err := c.try("attachment-seal", object{"statement": d.Statement, "name": name, "type": ""}, data, &a); err != nil {
		c.t.Fatal(err)
	}
	c.octets(http.StatusNoContent, "PUT", sealedPath(d.Statement, a.Sealed), c.bytesOf("attachment-octets", object{"id": a.Sealed}, nil))
	c.wantRefused("engine", "attachment-octets", object{"id": a.Sealed}, nil) // once
	d.Attachments = append(d.Attachments, a)
}

// compare does what newsroom-ceremonies.js does when something is examined.
func (c *colleague) compare(n crypto.Number) {
	c.t.Helper()
	var needed []neededAttachment
	c.call("attachment-needed", object{"statement": n}, &needed)
	for _, f := range needed {
		path := sealedPath(n, f.ID)
		if f.Version > 0 {
			path = "/statements/" + string(n) + "/1/files/" + f.Name
		}
		if err := c.try("attachment-hold", object{"statement": n, "sha256": f.SHA256}, c.octets(http.StatusOK, "GET", path, nil), nil); err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestAttachmentsInTheNewsroom(t *testing.T) {
	p := live.Portal(t, live.Options{})
	author, approver := newColleague(t, p, p.Author), newColleague(t, p, p.Approver)
	draft := filled(author.begin(crypto.StatementOriginal, "").Draft)
	n, report := draft.Statement, []byte("%PDF-1.7 report")
	author.attach(&draft, "report.pdf", report)
	if a := draft.Attachments[0]; a.Type != "application/pdf" || a.Size != int64(len(report)) {
		t.Errorf("%+v", a)
	}
	author.save(draft, 0)
	var work openedWork
	approver.call("statement-work", approver.about(n), &work)
	if len(work.Draft.Attachments) != 1 || work.Draft.Attachments[0] != draft.Attachments[0] {
		t.Fatalf("%+v", work.Draft.Attachments)
	}
	about := object{"statement": n, "attachment": work.Draft.Attachments[0]}
	sealed := approver.octets(http.StatusOK, "GET", sealedPath(n, draft.Attachments[0].Sealed), nil)
	if got := approver.bytesOf("attachment-open", about, sealed); !bytes.Equal(got, report) {
		t.Errorf("%q", got)
	}
	author.submit(n, 1)

	if shown := approver.examine(n); shown.Obstacle != nil || len(shown.Attachments) != 1 {
		t.Errorf("%+v", shown)
	}
	approver.wantRefused("attachment-not-compared", "statement-approve", approver.decided(n), nil)
	approver.wantRefused("attachment-not-compared", "attachment-hand-on", object{"statement": n}, nil)
	if err := approver.try("attachment-hold", object{"statement": n, "sha256": draft.Attachments[0].SHA256}, sealed[1:], nil); err == nil {
		t.Error("what is no attachment was taken for one")
	}
	approver.compare(n)
	if got := approver.bytesOf("attachment-file", object{"statement": n, "name": "report.pdf"}, nil); !bytes.Equal(got, report) {
		t.Errorf("%q", got)
	}
	if approved := approver.approve(n); approved.State != api.StatementPublished {
		t.Fatalf("%+v", approved)
	}
	if got := approver.octets(http.StatusOK, "GET", "/statements/"+string(n)+"/1/files/report.pdf", nil); !bytes.Equal(got, report) {
		t.Errorf("%q", got)
	}

	// A correction with a minute: one file stays, one comes; a notary, the approver's client handed them on to.
	notary := newNotary(t, p)
	for _, c := range []*colleague{author, approver} {
		key := p.Author
		if c == approver {
			key = p.Approver
		}
		c.unlock(key)
	}
	draft = author.begin(crypto.StatementCorrection, n).Draft
	draft.Languages[0].Reason, draft.Languages[1].Reason = "An annex was missing.", "Il manquait une annexe."
	author.attach(&draft, "annex.txt", []byte("annex"))
	draft.PublishAt = rfc3339(time.Now().Add(5 * time.Second).Truncate(time.Second).UTC())
	author.save(draft, 0)
	author.submit(n, 1)
	approver.examine(n)
	approver.compare(n)
	var ids []string
	approver.call("attachment-hand-on", object{"statement": n}, &ids)
	if len(ids) != 1 {
		t.Fatalf("%d files are handed on", len(ids))
	}
	approver.octets(http.StatusNoContent, "PUT", sealedPath(n, ids[0]), approver.bytesOf("attachment-octets", object{"id": ids[0]}, nil))
	if approved := approver.approve(n); approved.State != api.StatementApproved {
		t.Fatalf("%+v", approved)
	}
	for author.published(n) == nil || len(author.published(n).Versions) < 2 {
		if _, err := notary.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	for name, want := range map[string]string{"report.pdf": string(report), "annex.txt": "annex"} {
		if got := author.octets(http.StatusOK, "GET", "/statements/"+string(n)+"/2/files/"+name, nil); string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
