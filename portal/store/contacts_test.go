package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

func TestContactsAreKeptOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		a, b := newIssued(t, db), newIssued(t, db)
		n := delivered(t, db, a, b)
		call := portal.ContactRecord{
			Notice: n, Mailbox: a.Mailbox, By: staffHolder, Way: crypto.ByTelephone, Outcome: crypto.ContactReached, Signed: []byte("signed"), Note: []byte("sealed"), ReceivedAt: noon,
		}
		before := len(subjects(t, db))
		kept1, created, err := db.RecordContact(ctx, call)
		must(t, err)
		again := call
		again.ReceivedAt = noon.Add(time.Minute)
		kept2, createdAgain, err := db.RecordContact(ctx, again)
		must(t, err)
		if !created || createdAgain || !kept2.ReceivedAt.Equal(kept1.ReceivedAt) || len(subjects(t, db))-before != 1 {
			t.Errorf("kept %v at %v, again %v at %v", created, kept1.ReceivedAt, createdAgain, kept2.ReceivedAt)
		}
		missed := call
		missed.Outcome, missed.Way, missed.Signed, missed.Note, missed.ReceivedAt = crypto.ContactNotReached, crypto.ByCourier, []byte("missed"), nil, noon.Add(time.Hour)
		_, _, err = db.RecordContact(ctx, missed)
		must(t, err)

		contacts, err := db.Contacts(ctx, n)
		must(t, err)
		if len(contacts) != 2 || string(contacts[0].Signed) != "missed" || contacts[0].Note != nil || string(contacts[1].Note) != "sealed" || contacts[1].Mailbox != a.Mailbox || contacts[1].By != staffHolder {
			t.Errorf("%+v", contacts)
		}
		events, err := db.NoticeEvents(ctx, n, a.Mailbox)
		must(t, err)
		if len(events) != 2 || events[0].Kind != portal.NotificationForAcceptance || events[0].Via != portal.ViaTelephone || events[1].Kind != portal.ConsignmentNotificationFailure {
			t.Errorf("%+v", events)
		}
		elsewhere := call
		elsewhere.Mailbox = crypto.NewNumber(crypto.KindState)
		_, _, err = db.RecordContact(ctx, elsewhere)
		wantCode(t, err, portal.NotFound, "no-delivery")

		// What the courier does is no contact of anybody.
		must(t, db.RecordNoticeEvents(ctx, []portal.NoticeEvent{{Notice: n, Mailbox: b.Mailbox, Kind: portal.NotificationForAcceptance, At: noon, Via: portal.ViaEMail, Evidence: []byte("mail")}}))
		told, err := db.Told(ctx, n)
		must(t, err)
		if len(told) != 1 || told[a.Mailbox].Contact == nil || string(told[a.Mailbox].Contact.Signed) != "missed" || !told[a.Mailbox].RemindedAt.IsZero() {
			t.Errorf("%+v", told)
		}
	})
}

func TestAMailboxIsRemindedOnceAnHour(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		a, b := newIssued(t, db), newIssued(t, db)
		n := delivered(t, db, a, b)
		remind := func(at time.Time, mailboxes ...crypto.Number) []crypto.Number {
			t.Helper()
			reminded, err := db.RecordReminders(ctx, n, mailboxes, staffHolder, at, at.Add(-time.Hour))
			must(t, err)
			return reminded
		}
		if got := remind(noon, a.Mailbox); !slices.Equal(got, []crypto.Number{a.Mailbox}) {
			t.Errorf("reminded %v", got)
		}
		if got := remind(noon.Add(59*time.Minute), a.Mailbox, b.Mailbox); !slices.Equal(got, []crypto.Number{b.Mailbox}) {
			t.Errorf("within the hour: reminded %v", got)
		}
		if got := remind(noon.Add(61*time.Minute), a.Mailbox, b.Mailbox); !slices.Equal(got, []crypto.Number{a.Mailbox}) {
			t.Errorf("after an hour: reminded %v", got)
		}
		told, err := db.Told(ctx, n)
		must(t, err)
		if !told[a.Mailbox].RemindedAt.Equal(kept(noon.Add(61*time.Minute))) || !told[b.Mailbox].RemindedAt.Equal(kept(noon.Add(59*time.Minute))) {
			t.Errorf("%+v", told)
		}
		_, err = db.RecordReminders(ctx, crypto.NewNumber(crypto.KindNotice), []crypto.Number{a.Mailbox}, staffHolder, noon, noon)
		wantCode(t, err, portal.NotFound, "no-notice")

		// Two nodes at once: still one reminder.
		other, at := node(), noon.Add(5*time.Hour)
		var wg sync.WaitGroup
		counts := make([]int, 8)
		for i := range counts {
			wg.Add(1)
			go func() {
				defer wg.Done()
				on := db
				if i%2 == 1 {
					on = other
				}
				reminded, err := on.RecordReminders(ctx, n, []crypto.Number{a.Mailbox}, staffHolder, at, at.Add(-time.Hour))
				if err != nil {
					t.Error(err)
				}
				counts[i] = len(reminded)
			}()
		}
		wg.Wait()
		total := 0
		for _, c := range counts {
			total += c
		}
		if total != 1 {
			t.Errorf("reminded %d times at once", total)
		}
	})
}
