package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/courier"
	"valise/portal/registry"
)

// queued puts entries for n representatives into the outbox, as a release does.
func queued(t testing.TB, db *DB, n int) (crypto.Number, []crypto.Representative) {
	t.Helper()
	var people []crypto.Representative
	for range n {
		r := newIssued(t, db)
		people = append(people, r)
	}
	number := delivered(t, db, people...)
	var rows [][]any
	for _, r := range people {
		rows = append(rows, []any{number, r.String(), 0, r.Mailbox, "waiting", micros(noon), micros(noon), micros(noon), 0, ""})
	}
	must(t, db.write(t.Context(), func(t *tx) error {
		return t.insert("outbox", "notice, holder, reminder, mailbox, state, queued_at, due_at, next_at, attempts, reason", rows)
	}))
	return number, people
}

// TestAnEntryIsLeasedToOneCourier: whichever node asks, and taken up by another once the lease has run out.
func TestAnEntryIsLeasedToOneCourier(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		n, people := queued(t, db, 60)
		var mutex sync.Mutex
		taken := map[string]string{}
		var group sync.WaitGroup
		for i := range 4 {
			db, name := node(), fmt.Sprintf("courier %d", i)
			group.Go(func() {
				for {
					entries, err := db.LeaseOutbox(ctx, name, noon.Add(time.Minute), noon.Add(2*time.Minute), 7)
					if err != nil {
						t.Error(err)
					}
					if err != nil || len(entries) == 0 {
						return
					}
					mutex.Lock()
					for _, e := range entries {
						if by, twice := taken[e.Representative.String()]; twice {
							t.Errorf("%s was leased to %s and %s", e.Representative, by, name)
						}
						taken[e.Representative.String()] = name
					}
					mutex.Unlock()
				}
			})
		}
		group.Wait()
		if len(taken) != len(people) {
			t.Fatalf("%d of %d were leased", len(taken), len(people))
		}
		again, err := db.LeaseOutbox(ctx, "late", noon.Add(90*time.Second), noon.Add(3*time.Minute), 100)
		must(t, err)
		if len(again) != 0 {
			t.Error("what is leased was leased again")
		}
		later, err := db.LeaseOutbox(ctx, "heir", noon.Add(3*time.Minute), noon.Add(5*time.Minute), 100)
		must(t, err)
		if len(later) != len(people) {
			t.Errorf("%d leases ran out, want %d", len(later), len(people))
		}
		r := people[0]
		sent := courier.Settlement{Notice: n, Representative: r, State: courier.Sent, Attempts: 1, At: noon.Add(4 * time.Minute)}
		settle := func(lease string, s courier.Settlement) bool {
			s.Lease = lease
			kept, err := db.SettleOutbox(ctx, s)
			must(t, err)
			return len(kept) == 1 && kept[0]
		}
		if settle(taken[r.String()], sent) {
			t.Error("who lost the lease settled the entry")
		}
		if !settle("heir", sent) {
			t.Error("who has the lease could not settle the entry")
		}
		dead := courier.Settlement{Notice: n, Representative: people[1], State: courier.Dead, Attempts: 1, Reason: "refused 550 5.1.1", At: noon.Add(4 * time.Minute)}
		settle("heir", dead)
		wait := courier.Settlement{Notice: n, Representative: people[2], State: courier.Waiting, NextAt: noon.Add(time.Hour), Attempts: 1, Reason: "deferred 451", At: noon.Add(4 * time.Minute)}
		settle("heir", wait)

		// Staff see what happened, and so does the ledger.
		for mailbox, want := range map[crypto.Number][]portal.NoticeEventKind{r.Mailbox: {portal.RelayToNonERDS}, people[1].Mailbox: {portal.RelayToNonERDSFailure}, people[2].Mailbox: nil} {
			events, err := db.NoticeEvents(ctx, n, mailbox)
			must(t, err)
			var kinds []portal.NoticeEventKind
			for _, e := range events {
				kinds = append(kinds, e.Kind)
			}
			if !slices.Equal(kinds, want) {
				t.Errorf("events %v, want %v", kinds, want)
			}
		}
		all, err := db.Outbox(ctx, n, "", 100)
		must(t, err)
		if len(all) != len(people) || all[0].State != courier.Dead || all[0].Reason != dead.Reason {
			t.Errorf("the outbox has %d entries, the first %+v", len(all), all[0])
		}
		must(t, db.RetryOutbox(ctx, n, people[1], noon.Add(time.Hour)))
		wantCode(t, db.RetryOutbox(ctx, n, people[1], noon.Add(time.Hour)), portal.Conflict, "not-dead")
		hurried, err := db.HurryOutbox(ctx, noon.Add(time.Hour))
		must(t, err)
		if hurried != len(people)-1 {
			t.Errorf("%d entries are hurried", hurried)
		}
	})
}

// TestAReleaseQueuesWhoHasAnAddress, by what the notice says, in its own transaction.
func TestAReleaseQueuesWhoHasAnAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		with, without := newIssued(t, db), newIssued(t, db)
		must(t, db.SetAddress(ctx, registry.Address{Representative: with, Record: []byte("sealed"), SetAt: noon, SetBy: staffHolder}))
		for fallback, due := range map[crypto.Fallback]time.Time{crypto.FallbackNone: {}, crypto.FallbackAtOnce: noon, crypto.FallbackAfter(12): noon.Add(12 * time.Hour)} {
			m := manifestWith(t, fallback)
			must(t, db.write(ctx, func(t *tx) error { // as Release does
				number := crypto.NewNumber(crypto.KindNotice)
				if _, err := t.exec(`INSERT INTO notices (number, state, submitted_at, manifest, author_signature) VALUES ($1, 'submitted', 1, $2, $2)`, number, m); err != nil {
					return err
				}
				for _, r := range []crypto.Representative{with, without} {
					if _, err := t.exec(`INSERT INTO envelopes (notice, holder, mailbox, certificate, suite, envelope) VALUES ($1, $2, $3, 'c', 'pq', $4)`, number, r.String(), r.Mailbox, []byte("e")); err != nil {
						return err
					}
				}
				return t.queueFallback(number, m, noon)
			}))
			entries, err := db.Outbox(ctx, "", "", 10)
			must(t, err)
			switch {
			case due.IsZero() != (len(entries) == 0):
				t.Errorf("%s: %d entries", fallback, len(entries))
			case due.IsZero():
			case len(entries) != 1 || entries[0].Representative != with || !entries[0].DueAt.Equal(kept(due)) || !entries[0].NextAt.Equal(kept(noon)):
				t.Errorf("%s: %+v", fallback, entries)
			}
			must(t, db.write(ctx, func(t *tx) error { _, err := t.exec(`DELETE FROM outbox`); return err }))
		}
	})
}

// manifestWith is a manifest of which only the fallback matters.
func manifestWith(t testing.TB, f crypto.Fallback) []byte {
	t.Helper()
	digest := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	ref := crypto.BodyRef{SHA256: digest, Size: 1}
	m := crypto.Manifest{
		Institution: fingerprint(0), Notice: crypto.NewNumber(crypto.KindNotice), Version: 1, Author: fingerprint(1), Created: noon.UTC().Truncate(time.Second),
		ContentSHA256: digest, HeadingSHA256: digest, OpeningSHA256: digest, AudienceRoot: digest, Mailboxes: 2, Members: 2,
		Bodies: map[crypto.Suite]crypto.BodyRef{crypto.SuitePQ: ref}, Headings: map[crypto.Suite]crypto.BodyRef{crypto.SuitePQ: ref}, Fallback: f,
	}
	text, err := m.Encode()
	must(t, err)
	return text
}
