package web_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// Whoever holds the server can show another mail, or none, and can't say who wrote one.
func TestALyingServerIsCaughtInAMail(t *testing.T) {
	p := live.Portal(t, live.Options{})
	desk := p.DeskMail("Registry", "registry@court.example", time.Now())
	c := newCorrespondents(t, p)
	n := p.Release(p.Draft(), c.other)
	gpg := portaltest.GPG(t)
	gpg.Import([]byte(desk.Certificate().Armor()))
	gpg.Import([]byte(c.other.Key.Armor()))
	sealed := gpg.Run([]byte("Yes."), "--armor", "--sign", "--local-user", string(c.other.Key.Certificate().Fingerprint()), "--encrypt", "--recipient", string(desk.Certificate().Fingerprint()))
	created, err := p.Portal.Correspond.TakeMail(t.Context(), portal.MailedReply{Notice: n, Answers: c.other.Number, Message: sealed})
	if err != nil || !created {
		t.Fatal(created, err)
	}
	var list api.Threads
	c.desk.get("/threads").into(t, 200, &list)
	if len(list.Threads) != 1 || list.Threads[0].First.Kind != crypto.MailedReply || list.Threads[0].Last != crypto.MailedReply {
		t.Fatalf("%+v", list.Threads)
	}
	thread := list.Threads[0].Thread
	path := "/threads/" + string(thread)
	var institution api.Institution
	c.desk.get("/institution").into(t, 200, &institution)
	if c.trust, err = ceremony.Believe(p.Pin, institution); err != nil {
		t.Fatal(err)
	}
	honest := c.thread(t, c.desk, thread)
	id := honest.List[0].ID

	// An answer names the mail, so whoever reads the answer notices when it is gone.
	m := crypto.NewThreadMessage(p.Pin.Fingerprint, thread, c.other.Number.Mailbox, n, c.read(t, thread, honest).Heads(), p.Portal.Now())
	m.Text = crypto.LanguageVersion{Language: "en", Subject: "Re", Text: "Thank you.\n"}
	var to api.Addressees
	c.desk.get("/addressees/"+string(m.Mailbox)).into(t, 200, &to)
	answer, err := ceremony.SealAnswer(c.trust, p.Approver, m, to, p.Portal.Now())
	if err != nil {
		t.Fatal(err)
	}
	c.desk.post(path+"/messages", answer).want(t, 201)
	honest = c.thread(t, c.desk, thread)
	self, err := ceremony.SelfOf(c.other.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	for v, reader := range map[*visitor]*ceremony.Reader{c.desk: ceremony.DeskReader([]*crypto.Key{p.Approver}), c.otherV: self.Reader()} {
		d := c.thread(t, v, thread)
		if conversation, err := ceremony.ReadThread(c.trust, reader, thread, d, time.Now()); err != nil || conversation.Gaps() || conversation.Messages[0].Problem != nil || conversation.Messages[1].Problem != nil {
			t.Errorf("the truth was taken for a lie: %+v, %v", conversation, err)
		}
		d.List = d.List[1:]
		if conversation, err := ceremony.ReadThread(c.trust, reader, thread, d, time.Now()); err != nil || !conversation.Gaps() {
			t.Errorf("nobody notices that the mail is gone: %v", err)
		}
	}
	c.otherV.get(path+"/messages/"+id).wantFailure(t, 404, "sealed-to-desk")
	c.otherV.get(path+"/messages/"+id+"/message.asc").wantFailure(t, 404, "sealed-to-desk")
	if d := c.thread(t, c.otherV, thread); d.List[0].Answers != "" || len(d.Chains[c.other.Number.String()]) != 0 {
		t.Errorf("the mailbox is told %+v", d.List[0])
	}
	if a := c.desk.get(path + "/messages/" + id + "/message.asc"); a.StatusCode != 200 || !strings.HasPrefix(string(a.body), "-----BEGIN PGP MESSAGE-----") {
		t.Errorf("%d %.60s", a.StatusCode, a.body)
	}

	var keys api.DeskKeys
	c.desk.get("/staff/desk-keys").into(t, 200, &keys)
	opening, err := ceremony.ReadDeskKeys(c.trust, []*crypto.Key{p.Approver}, keys, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var wire api.ThreadMessage
	c.desk.get(path+"/messages/"+id).into(t, 200, &wire)
	read := func(change func(*api.ThreadDetail, *api.ThreadMessage)) (*ceremony.Mailed, error) {
		t.Helper()
		var d api.ThreadDetail
		text, err := json.Marshal(honest)
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			t.Fatal(err)
		}
		w := wire
		w.Body = append([]byte(nil), wire.Body...)
		change(&d, &w)
		conversation, err := ceremony.ReadThread(c.trust, ceremony.DeskReader([]*crypto.Key{p.Approver}), thread, d, time.Now())
		if err != nil {
			return nil, err
		}
		return ceremony.ReadMailed(c.trust, conversation, w, opening, time.Now())
	}
	if told, err := read(func(*api.ThreadDetail, *api.ThreadMessage) {}); err != nil || told.Text != "Yes." || told.Signature == nil || told.Signature.Representative() != c.other.Number {
		t.Fatalf("%+v, %v", told, err)
	}
	for what, change := range map[string]func(*api.ThreadDetail, *api.ThreadMessage){
		"alters it": func(_ *api.ThreadDetail, w *api.ThreadMessage) { w.Body[len(w.Body)-5] ^= 1 },
		"shows a reply as a mail": func(d *api.ThreadDetail, w *api.ThreadMessage) {
			w.ID, d.List[1].Kind = d.List[1].ID, crypto.MailedReply
		},
		"shows one that isn't there":     func(_ *api.ThreadDetail, w *api.ThreadMessage) { w.ID = strings.Repeat("0", 32) },
		"names it as nothing is named":   func(d *api.ThreadDetail, _ *api.ThreadMessage) { d.List[0].SHA256 = "x" },
		"shows the thread as another":    func(d *api.ThreadDetail, _ *api.ThreadMessage) { d.Thread.Thread = crypto.NewNumber(crypto.KindThread) },
		"shows a mail as one of a reply": func(d *api.ThreadDetail, _ *api.ThreadMessage) { d.List[0].Kind = crypto.Reply },
	} {
		if told, err := read(change); err == nil || told != nil {
			t.Errorf("a server that %s is not caught", what)
		}
	}
	for what, change := range map[string]func(*api.ThreadDetail, *api.ThreadMessage){
		"hides who could have written it": func(d *api.ThreadDetail, _ *api.ThreadMessage) { d.Chains = nil },
		"moves it to another mailbox":     func(d *api.ThreadDetail, _ *api.ThreadMessage) { d.Mailbox = c.state.Number.Mailbox },
		"makes another its writer": func(d *api.ThreadDetail, _ *api.ThreadMessage) {
			d.Mailbox = c.state.Number.Mailbox
			d.Chains = map[string][]string{c.state.Number.String(): honest.Chains[c.other.Number.String()]}
		},
	} {
		if told, err := read(change); err != nil || told.Signature != nil || told.Problem == nil {
			t.Errorf("a server that %s makes the desk believe %+v, %v", what, told, err)
		}
	}

	// A flood of mail, or of what the server says is mail, keeps nobody from naming what people wrote.
	flooded := honest
	for i := range 3 * crypto.MaxAfter {
		flooded.List = append(flooded.List, api.ThreadMessage{ID: fmt.Sprintf("%032x", i), Kind: crypto.MailedReply, SHA256: fmt.Sprintf("%064x", i), Received: time.Now()})
	}
	conversation, err := ceremony.ReadThread(c.trust, ceremony.DeskReader([]*crypto.Key{p.Approver}), thread, flooded, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if heads := conversation.Heads(); len(heads) != crypto.MaxAfter || !slices.Contains(heads, honest.List[1].SHA256) || !slices.Contains(heads, fmt.Sprintf("%064x", 3*crypto.MaxAfter-1)) {
		t.Errorf("the answer is not named, or the last mail isn't: %v", heads)
	}
}
