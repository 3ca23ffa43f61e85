package web_test

import (
	"context"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestRevocation has a representative who acknowledges one notice, opens another, and is revoked on the other of two nodes.
func TestRevocation(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		p := live.Portal(t, live.Options{})
		revokeSomebody(t, p, p)
	})
	t.Run("two nodes on PostgreSQL and Redis", func(t *testing.T) {
		options := live.Options{Database: portaltest.PostgreSQL(t), Redis: portaltest.Redis(t)}
		revokeSomebody(t, live.Portal(t, options), live.Portal(t, options))
	})
}

func revokeSomebody(t *testing.T, one, other *live.Server) {
	person := one.Claim(one.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	first, second := string(one.Release(one.Draft(), person)), string(one.Release(one.Draft(), person))
	waiting := one.Seal(one.Draft(), person) // sealed before the revocation, handed in behind it
	submitted := one.Submit(one.Draft(), person)
	as := person.Number.String()

	v := newVisitor(t, one)
	v.logIn(as, person.Key)
	acknowledged, opened := fetched(t, v, first), fetched(t, v, second)
	before := receiptAt(t, one, acknowledged, person, time.Now())
	v.post("/notices/"+first+"/acknowledgement", before).want(t, 201)

	registrar := newVisitor(t, other)
	registrar.logIn(fingerprint(one.Registrar), one.Registrar)
	path := "/certificates/" + string(person.Number.Mailbox) + ".1/revocation"
	revocation := revocationOf(t, other, registrar, person.Number)
	v.post(path, revocation).wantFailure(t, 403, "staff-only")
	author := newVisitor(t, other)
	author.logIn(fingerprint(one.Author), one.Author)
	author.post(path, revocation).wantFailure(t, 403, "registrar-only")
	time.Sleep(time.Second) // OpenPGP has only seconds, and what is signed in the same one comes too late
	revocation = revocationOf(t, other, registrar, person.Number)
	registrar.post(path, revocation).want(t, 204)
	registrar.post(path, revocation).wantFailure(t, 409, "already-revoked")

	// On the node that they had been on, their session is nothing, and there is no other.
	v.post("/notices/"+second+"/acknowledgement", receiptAt(t, one, opened, person, time.Now())).want(t, 401)
	v.get("/notices").want(t, 401)
	v.post("/login", v.proof(as, person.Key)).wantFailure(t, 401, "revoked")
	v.post("/login/unlock", api.Unlock{As: as, LogInSecret: make([]byte, 32)}).wantFailure(t, 401, "wrong-secret")

	// What they had acknowledged holds as it did; that they could sign another receipt now helps nobody.
	var evidence api.Evidence
	anyone := newVisitor(t, one)
	anyone.post("/evidence", api.EvidenceRequest(before)).into(t, 200, &evidence)
	trust := trustOf(t, one, anyone)
	if _, err := ceremony.VerifyReceipt(trust, []byte(before.Receipt), evidence, time.Now().Add(24*time.Hour)); err != nil {
		t.Errorf("the receipt from before the revocation: %v", err)
	}
	late := receiptAt(t, one, acknowledged, person, time.Now().Add(2*time.Second))
	if _, err := ceremony.VerifyReceipt(trust, []byte(late.Receipt), evidence, time.Now().Add(time.Minute)); crypto.CauseOf(err) != crypto.CauseRevoked {
		t.Errorf("a receipt from after the revocation: %v", err)
	}

	// Nothing new goes to them.
	_, err := one.Portal.Dispatch.Submit(context.Background(), one.Acting(one.Author), waiting)
	wantPortalCode(t, err, portal.Conflict, "revoked-recipient")
	_, err = one.Store.Release(context.Background(), numberOf(t, submitted), []byte("approved"), time.Now())
	wantPortalCode(t, err, portal.Conflict, "stale-certificate")
	directory := directoryOf(t, one, author, one.Author)
	e := directory.Entry(person.Number)
	if !e.Revoked() || e.Recipient != nil || e.Reason != "" {
		t.Errorf("an author sees %+v", e)
	}
	if e := directoryOf(t, one, registrar, one.Registrar).Entry(person.Number); e.Reason != ceremony.Compromised || e.Note != "stolen" {
		t.Errorf("a registrar sees %+v", e)
	}
	// Somebody else is issued the next ordinal.
	next := one.Claim(one.IssueAs(crypto.Representative{Mailbox: person.Number.Mailbox, Ordinal: 2}, crypto.ProfilePQ), crypto.ProfilePQ)
	one.Release(one.Draft(), next)
}

func wantPortalCode(t *testing.T, err error, kind portal.Kind, code string) {
	t.Helper()
	if e, ok := err.(*portal.Error); !ok || e.Kind != kind || e.Code != code {
		t.Errorf("%v, want %s", err, code)
	}
}

func numberOf(t *testing.T, sealed *crypto.SealedNotice) crypto.Number {
	t.Helper()
	m, err := crypto.ParseManifest(sealed.Manifest)
	must(t, err)
	return m.Notice
}

func trustOf(t *testing.T, p *live.Server, v *visitor) *ceremony.Trust {
	t.Helper()
	var i api.Institution
	v.get("/institution").into(t, 200, &i)
	trust, err := ceremony.Believe(p.Pin, i)
	must(t, err)
	return trust
}

func directoryOf(t *testing.T, p *live.Server, v *visitor, reader *crypto.Key) *ceremony.Directory {
	t.Helper()
	var mailboxes []api.Mailbox
	v.get("/mailboxes").into(t, 200, &mailboxes)
	d, err := ceremony.ReadDirectory(trustOf(t, p, v), []*crypto.Key{reader}, mailboxes, time.Now(), nil)
	must(t, err)
	return d
}

func revocationOf(t *testing.T, p *live.Server, registrar *visitor, of crypto.Representative) *api.Revocation {
	t.Helper()
	r, err := ceremony.Revoke(trustOf(t, p, registrar), p.Registrar, directoryOf(t, p, registrar, p.Registrar).Entry(of), ceremony.Compromised, "stolen", time.Now())
	must(t, err)
	return r
}

// fetched is a notice as somebody fetched it in a session.
func fetched(t *testing.T, v *visitor, n string) (notice api.Notice) {
	t.Helper()
	v.get("/notices/"+n).into(t, 200, &notice)
	return notice
}

// receiptAt is what somebody signs at a time for a notice that they fetched.
func receiptAt(t *testing.T, p *live.Server, notice api.Notice, person *live.Person, at time.Time) api.Receipt {
	t.Helper()
	verified, err := p.Portal.Root.VerifyManifest(notice.Signed(), p.Staff(), time.Now())
	must(t, err)
	opened, err := crypto.OpenNotice(verified, notice.Envelope, notice.Body, person.Bundle.Keys())
	must(t, err)
	receipt, err := crypto.Acknowledge(opened, person.Key, person.Number, crypto.DecisionAcknowledged, notice.Nonce, at)
	must(t, err)
	return api.Receipt{Receipt: string(receipt)}
}
