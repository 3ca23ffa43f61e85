package courier_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestOnlyWhatTwoPeopleSignedIsCarried: whoever writes into the database, or took over the web server, gets nothing sent under the institution's name that two of its staff did
// not sign for that very representative, and nothing before its time.
func TestOnlyWhatTwoPeopleSignedIsCarried(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portal.db")
	p := newPost(t, live.Options{Database: path}, portaltest.MailSinkOptions{})
	person, other := p.claimed(crypto.KindState, crypto.ProfilePQ), p.claimed(crypto.KindState, crypto.ProfilePQ)
	thief, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	must(t, err)
	defer thief.Close()
	does := func(statement string, args ...any) {
		t.Helper()
		if _, err := thief.Exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	queue := func(n crypto.Number, of *live.Person) {
		t.Helper()
		now := time.Now().UnixMicro()
		does(`INSERT INTO deliveries (notice, mailbox, delivered_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, n, of.Number.Mailbox, now)
		does(`INSERT INTO outbox (notice, holder, reminder, mailbox, state, queued_at, due_at, next_at, attempts, reason) VALUES ($1, $2, 0, $3, 'waiting', $4, $4, $4, 0, '') ON CONFLICT DO NOTHING`,
			n, of.Number.String(), of.Number.Mailbox, now)
	}
	submitted := func() crypto.Number {
		t.Helper()
		m, err := crypto.ParseManifest(p.Submit(atOnce(p.Server), person).Manifest)
		must(t, err)
		return m.Notice
	}
	// The addresses come last, so that nothing is queued but what the thief queues, and nothing sent before it was altered.
	unapproved := submitted()
	approvedByAuthor := submitted()
	body, envelope, personal, anothers := p.Release(atOnce(p.Server), person), p.Release(atOnce(p.Server), person), p.Release(told(p, person), person), p.Release(atOnce(p.Server), person)
	does(`UPDATE notices SET state = 'released', released_at = 1, approver_signature = author_signature WHERE number = $1`, approvedByAuthor)
	does(`UPDATE notices SET state = 'released', released_at = 1, approver_signature = (SELECT approver_signature FROM notices WHERE number = $2) WHERE number = $1`, unapproved, body)
	does(`UPDATE bodies SET body = (SELECT body FROM bodies WHERE notice = $2) WHERE notice = $1`, body, unapproved)
	does(`UPDATE envelopes SET envelope = (SELECT e.envelope || b.body FROM envelopes e JOIN bodies b ON b.notice = e.notice WHERE e.notice = $2 AND e.holder = $3) WHERE notice = $1 AND holder = $3`,
		envelope, unapproved, person.Number.String())
	does(`UPDATE personal_parts SET part = (SELECT body FROM bodies WHERE notice = $2) WHERE notice = $1`, personal, unapproved)
	does(`INSERT INTO envelopes (notice, holder, mailbox, certificate, suite, envelope, membership) SELECT notice, $2, $3, $4, suite, envelope, membership FROM envelopes WHERE notice = $1 AND holder = $5`,
		anothers, other.Number.String(), other.Number.Mailbox, other.Key.Certificate().Fingerprint(), person.Number.String())
	does(`UPDATE deliveries SET opened_at = delivered_at WHERE notice = $1`, anothers) // the true one needs no e-mail
	for _, n := range []crypto.Number{unapproved, approvedByAuthor, body, envelope, personal} {
		queue(n, person)
	}
	queue(anothers, other)
	p.address(person, nil)
	p.address(other, nil)

	p.until(p.courier(p.config()), "the courier is done", func() bool { return !strings.Contains(p.outbox(), "waiting") })
	if want := strings.TrimSuffix(strings.Repeat("dead not-genuine; ", 6), "; "); p.outbox() != want {
		t.Errorf("the outbox: %s", p.outbox())
	}
	if mails := p.sink.Mails(); len(mails) > 0 {
		t.Errorf("%d mails were sent", len(mails))
	}
}

// told is a notice that says something to one mailbox alone.
func told(p *post, person *live.Person) *crypto.Draft {
	d := atOnce(p.Server)
	d.Personal = map[crypto.Number][]crypto.PersonalText{person.Number.Mailbox: {{Language: "en", Text: "Your file NV-114 was read.\n"}}}
	return d
}

// TestNothingIsCarriedBeforeItsTime: a server that lies about the time of release gets no mail sent before the time that was signed.
func TestNothingIsCarriedBeforeItsTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portal.db")
	p := newPost(t, live.Options{Database: path}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindState, crypto.ProfilePQ)
	p.address(person, nil)
	draft := atOnce(p.Server)
	draft.Release = time.Now().Add(2 * time.Hour)
	number := p.Release(draft, person) // approved: it waits
	record, err := p.Store.Signed(t.Context(), number)
	must(t, err)
	if record.State != portal.Approved {
		t.Fatalf("it is %s", record.State)
	}
	_, err = p.Store.Release(t.Context(), number, record.Signed.ApproverSignature, time.Now()) // as the liar does
	must(t, err)
	c := p.courier(p.config())
	p.until(c, "it is held back", p.is("waiting not-yet"))
	if mails := p.sink.Mails(); len(mails) > 0 {
		t.Error("it was sent before its time")
	}
	p.pass(3 * time.Hour)
	p.until(c, "it is sent", p.is("sent "))
}
