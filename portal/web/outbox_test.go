package web_test

import (
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// withMail is a portal with a courier in office, and a notice that goes by e-mail to a State whose address the registrar set over HTTP.
func withMail(t *testing.T, p *live.Server, registrar *visitor) (*live.Person, crypto.Number) {
	t.Helper()
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	a := crypto.Address{Representative: person.Number, Email: "ama@mission.example", Policy: crypto.MailAsNotice}
	if _, err := ceremony.SealAddress(trustOf(t, p, registrar), p.Registrar, a, time.Now()); err == nil {
		t.Error("an address is sealed though there is no courier")
	}
	p.Employ("Courier 1", crypto.RoleCourier)
	sealed, err := ceremony.SealAddress(trustOf(t, p, registrar), p.Registrar, a, time.Now())
	must(t, err)
	registrar.do("PUT", api.Root+addressPath(person), sealed).want(t, 204)
	draft := p.Draft()
	draft.Fallback = crypto.FallbackAtOnce
	return person, p.Release(draft, person)
}

func addressPath(person *live.Person) string {
	return "/addresses/" + strings.Replace(person.Number.String(), "/", ".", 1)
}

// die lets the courier say that a mail can't be sent.
func die(t *testing.T, p *live.Server, reason string) {
	t.Helper()
	entries, err := p.Store.LeaseOutbox(t.Context(), "test", time.Now(), time.Now().Add(time.Minute), 10)
	must(t, err)
	for _, e := range entries {
		_, err := p.Store.SettleOutbox(t.Context(), courier.Settlement{Lease: "test", Notice: e.Notice, Representative: e.Representative, State: courier.Dead, Reason: reason, Attempts: 1, At: time.Now()})
		must(t, err)
	}
}

func TestEMailOverHTTP(t *testing.T) {
	p := live.Portal(t, live.Options{})
	registrar, author := newVisitor(t, p), newVisitor(t, p)
	registrar.logIn(fingerprint(p.Registrar), p.Registrar)
	author.logIn(fingerprint(p.Author), p.Author)
	person, number := withMail(t, p, registrar)

	var kept api.Address
	registrar.get(addressPath(person)).into(t, 200, &kept)
	a, by, err := ceremony.OpenAddress(trustOf(t, p, registrar), []*crypto.Key{p.Registrar}, person.Number, kept, time.Now())
	must(t, err)
	if a.Email != "ama@mission.example" || by.Name() != live.RegistrarName {
		t.Errorf("the registrar reads %+v by %s", a, by.Name())
	}
	// They see that mail goes to them, and not where to; a colleague without an address, that none does.
	self := newVisitor(t, p)
	self.logIn(person.Number.String(), person.Key)
	if page := self.page("/account", 200); !strings.Contains(page, `id="mail" data-goes`) || strings.Contains(page, "mission.example") {
		t.Error("the account doesn't say that mail goes to its representative, or says where to")
	}
	witness := p.Claim(p.Issue(crypto.KindIndividual, crypto.ProfilePQ), crypto.ProfilePQ)
	other := newVisitor(t, p)
	other.logIn(witness.Number.String(), witness.Key)
	if page := other.page("/account", 200); !strings.Contains(page, `id="mail">`) || !strings.Contains(page, "only when they ask for it") {
		t.Error("the account of an individual doesn't say that no mail goes to them")
	}
	author.get(addressPath(person)).wantFailure(t, 403, "registrar-only")
	author.do("PUT", api.Root+addressPath(person), api.SetAddress{Record: kept.Record}).wantFailure(t, 403, "registrar-only")
	if e := directoryOf(t, p, author, p.Author).Entry(person.Number); !e.Email {
		t.Error("the author isn't told that there is an address")
	}

	var mails []api.Mail
	author.get("/staff/outbox?notice="+string(number)).into(t, 200, &mails)
	if len(mails) != 1 || mails[0].State != "waiting" || mails[0].Next == nil || mails[0].Representative != person.Number.String() {
		t.Errorf("the outbox: %+v", mails)
	}
	author.get("/staff/outbox?state=lost").wantFailure(t, 400, "invalid-state")
	author.get("/staff/outbox?notice=S-1").wantFailure(t, 400, "invalid-number")
	retry := "/staff/outbox/" + string(number) + "/" + strings.Replace(person.Number.String(), "/", ".", 1) + "/retry"
	author.do("POST", api.Root+retry, struct{}{}).wantFailure(t, 409, "not-dead")

	// What could not be sent is on the page, with why, and what to do; and is tried again from there.
	die(t, p, "refused 550 5.1.1")
	page := author.page("/staff/outbox", 200)
	for _, want := range []string{`data-state="dead"`, "550 5.1.1", "refused it for good", string(number), person.Number.String(), `action="` + retry + `"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if page := author.page("/staff/outbox?state=sent", 200); strings.Contains(page, string(number)) {
		t.Error("the page shows what wasn't asked for")
	}
	if french := author.page("/staff/outbox?lang=fr", 200); !strings.Contains(french, `calls">Non envoyé</span>`) {
		t.Error("one mail is called several in French")
	}
	author.page("/staff/outbox?lang=en", 200)
	author.do("POST", retry, nil).want(t, 303)
	author.get("/staff/outbox?state=dead").into(t, 200, &mails)
	if len(mails) != 0 {
		t.Errorf("still dead: %+v", mails)
	}
	registrar.do("POST", api.Root+addressPath(person)+"/remove", struct{}{}).want(t, 204)
	registrar.get(addressPath(person)).wantFailure(t, 404, "no-address")
}

// TestOutboxPageInTheBrowser: everybody can use it, and what is dead is tried again with one press.
func TestOutboxPageInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	registrar := newVisitor(t, f.Server)
	registrar.logIn(fingerprint(f.Registrar), f.Registrar)
	withMail(t, f.Server, registrar)
	die(t, f.Server, "refused 550 5.1.1")
	chandra := f.desk(t, live.RegistrarName, f.Registrar, "/staff/outbox", "outbox")
	chandra.sees("#outbox", "refused it for good")
	portaltest.Axe(t, chandra.Browser, "outbox")
	chandra.looks("outbox")
	chandra.press("form[data-retry] button")
	chandra.sees("#note", "It is tried again")
	chandra.sees("#outbox", "Waiting")
}

// TestAReasonOfACourierToCome: a courier may be newer than a node; the page then shows the mail without saying why.
func TestAReasonOfACourierToCome(t *testing.T) {
	p := live.Portal(t, live.Options{})
	registrar := newVisitor(t, p)
	registrar.logIn(fingerprint(p.Registrar), p.Registrar)
	_, number := withMail(t, p, registrar)
	die(t, p, "a-word-to-come 550")
	if page := registrar.page("/staff/outbox", 200); !strings.Contains(page, string(number)) {
		t.Error("the mail that could not be sent is not shown")
	}
}
