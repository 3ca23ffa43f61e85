package courier_test

import (
	"bytes"
	"testing"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestWhatAMailboxAloneIsToldGoesAlong: in the same mail as a second file, or in a mail of its own where programs open one message a mail.
func TestWhatAMailboxAloneIsToldGoesAlong(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	portal := p.claimed(crypto.KindState, crypto.ProfilePQ)
	gnupg := p.claimed(crypto.KindOrganisation, crypto.ProfileCompat)
	p.address(portal, func(a *crypto.Address) { a.Email = "portal@mission.example" })
	p.address(gnupg, func(a *crypto.Address) { a.Email = "gnupg@mission.example" })
	draft := atOnce(p.Server)
	draft.Personal = map[crypto.Number][]crypto.PersonalText{gnupg.Number.Mailbox: {{Language: "en", Text: "Your file NV-114 was read.\n"}}}
	number := p.Release(draft, portal, gnupg)
	p.until(p.courier(p.config()), "all is sent", p.is("sent ; sent "))

	mails := map[string][][]byte{}
	ids := map[string]bool{}
	for _, m := range p.sink.Mails() {
		mails[m.To] = append(mails[m.To], m.Data)
		header, _ := parts(t, m.Data)
		id, err := header.MessageID()
		must(t, err)
		ids[id] = true
		if len(m.Data) != 16<<10 && len(m.Data) != 64<<10 {
			t.Errorf("a mail has %d octets", len(m.Data))
		}
	}
	if len(mails["portal@mission.example"]) != 1 || len(mails["gnupg@mission.example"]) != 3 || len(ids) != 4 {
		t.Fatalf("%d and %d mails, %d Message-IDs", len(mails["portal@mission.example"]), len(mails["gnupg@mission.example"]), len(ids))
	}

	want := func(person *live.Person) []byte {
		part, envelope, err := p.Store.PersonalPart(t.Context(), number, person.Number)
		must(t, err)
		return crypto.Message(envelope, part)
	}
	is := func(armored, message []byte) bool {
		envelope, body, err := crypto.SplitMessage(armored)
		must(t, err)
		return bytes.Equal(crypto.Message(envelope, body), message)
	}
	_, all := parts(t, mails["portal@mission.example"][0])
	if len(all) != 4 || is(all[1].body, want(portal)) || !is(all[2].body, want(portal)) {
		t.Errorf("%d parts: the personal part is not the second file", len(all))
	}
	_, first := parts(t, mails["gnupg@mission.example"][0])
	_, second := parts(t, mails["gnupg@mission.example"][2]) // between them, the papers
	if len(first) != 2 || len(second) != 2 || !is(first[1].body, want(gnupg)) || is(second[1].body, want(gnupg)) {
		t.Error("the first of two mails is not the personal part, or the second is")
	}
	g := portaltest.GPG(t)
	g.Run([]byte(gnupg.Key.Armor()), "--import")
	g.Run([]byte(p.Author.Certificate().Armor()), "--import")
	if opened := g.Run(first[1].body, "--decrypt"); !bytes.Contains(opened, []byte("Your file NV-114 was read.")) || !bytes.Contains(opened, []byte("Subject: Findings that concern you")) {
		t.Errorf("gpg opens %q", opened)
	}
}
