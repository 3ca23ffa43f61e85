package web_test

import (
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestASessionEndsWithTheKeyThatBeganIt: whoever came in with a key that was replaced since is out, at once and on every node, also when the command came by mail to another process that knows no sessions.
func TestASessionEndsWithTheKeyThatBeganIt(t *testing.T) {
	for name, options := range map[string]func() live.Options{
		"SQLite": func() live.Options { return live.Options{} },
		"PostgreSQL and Redis": func() live.Options {
			return live.Options{Database: portaltest.PostgreSQL(t), Redis: portaltest.Redis(t)}
		},
	} {
		t.Run(name, func(t *testing.T) { sessionsEndWithTheKey(t, live.Portal(t, options())) })
	}
}

func sessionsEndWithTheKey(t *testing.T, p *live.Server) {
	who := p.Issue(crypto.KindOrganisation, crypto.ProfilePQ)
	as := who.Number.String()
	key := func() *crypto.Key {
		k, err := crypto.GenerateKey(crypto.ProfileCompat, as, time.Now())
		must(t, err)
		return k
	}
	first, next := key(), key()
	// The claim: who came in with the issued key, as a thief of the letter would, is out; who claims goes on.
	owner, thief := newVisitor(t, p), newVisitor(t, p)
	share := owner.logIn(as, who.Key).Share
	thief.logIn(as, who.Key)
	own, err := crypto.CertifySuccessor(who.Key, first.Certificate(), who.Number, time.Now())
	must(t, err)
	owner.post("/claim", api.Claim{Profile: crypto.ProfileOwn, Certificate: own.Armor()}).want(t, 204)
	var still api.Session
	owner.get("/session").into(t, 200, &still)
	if string(still.Share) != string(share) || still.State != portal.Claimed {
		t.Errorf("after the claim: %+v", still)
	}
	thief.get("/session").wantFailure(t, 401, "no-session")
	// The command by mail.
	successor, err := crypto.CertifySuccessor(first, next.Certificate(), who.Number, time.Now())
	must(t, err)
	nonce := strings.Repeat("0f", 16)
	signed, err := crypto.SignCommand(first, &crypto.Command{
		Institution: p.Portal.Root.Fingerprint(), Representative: who.Number, Certificate: first.Certificate().Fingerprint(), Kind: crypto.CommandNewCertificate,
		About: string(next.Certificate().Fingerprint()), Time: time.Now().UTC().Truncate(time.Second), Nonce: nonce,
	}, time.Now())
	must(t, err)
	taken, err := p.Portal.Registry.CommandByMail(t.Context(), signed, [][]byte{[]byte(successor.Armor())}, func(crypto.Representative) string { return nonce })
	if err != nil || !taken {
		t.Fatalf("taken %t: %v", taken, err)
	}
	for _, path := range []string{"/session", "/me", "/envelopes", "/threads"} {
		owner.get(path).wantFailure(t, 401, "no-session")
	}
	again := newVisitor(t, p)
	again.post("/login", again.proof(as, first)).wantFailure(t, 401, "wrong-signature")
	again.logIn(as, next)
	again.get("/me").want(t, 200)
}

// TestANewPassphraseEndsTheOtherSessions: somebody who fears for the old one gets rid of whoever came in with it.
func TestANewPassphraseEndsTheOtherSessions(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	owner, thief := newVisitor(t, p), newVisitor(t, p)
	owner.logIn(person.Number.String(), person.Key)
	thief.logIn(person.Number.String(), person.Key)
	record, err := p.Store.Representative(t.Context(), person.Number)
	must(t, err)
	owner.post("/me/lock", api.Lock{Salt: record.Salt, Verifier: record.Verifier, LockedBundle: record.LockedBundle}).want(t, 204)
	owner.get("/me").want(t, 200)
	thief.get("/me").wantFailure(t, 401, "no-session")
}
