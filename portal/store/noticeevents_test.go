package store

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

func reminder(n, mailbox crypto.Number, hours string) portal.NoticeEvent {
	return portal.NoticeEvent{ID: portal.NoticeEventID("remind", string(n), string(mailbox), hours), Notice: n, Mailbox: mailbox, Kind: portal.NotificationForAcceptance, At: noon, Via: portal.ViaPortal}
}

func TestEventsOfANoticeAreKeptOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		a, b := newIssued(t, db), newIssued(t, db)
		n := delivered(t, db, a, b)
		call := portal.NoticeEvent{Notice: n, Mailbox: a.Mailbox, Kind: portal.NotificationForAcceptance, At: noon.Add(time.Hour), By: staffHolder, Via: portal.ViaTelephone, Evidence: []byte("signed")}
		before := len(subjects(t, db))
		must(t, db.RecordNoticeEvents(ctx, []portal.NoticeEvent{reminder(n, a.Mailbox, "24"), reminder(n, b.Mailbox, "24"), call, call}))
		must(t, db.RecordNoticeEvents(ctx, []portal.NoticeEvent{reminder(n, b.Mailbox, "24"), reminder(n, b.Mailbox, "2")}))
		must(t, db.RecordNoticeEvents(ctx, nil))
		all, err := db.NoticeEvents(ctx, n, "")
		must(t, err)
		if len(all) != 5 {
			t.Fatalf("kept %+v", all)
		}
		if got := len(subjects(t, db)) - before; got != 5 {
			t.Errorf("5 events have %d entries for the ledger", got)
		}
		of, err := db.NoticeEvents(ctx, n, a.Mailbox)
		must(t, err)
		if len(of) != 3 || of[0].Via != portal.ViaPortal || of[2].By != staffHolder || string(of[2].Evidence) != "signed" || !of[2].At.Equal(kept(call.At)) || of[1].ID == of[2].ID {
			t.Errorf("of one mailbox: %+v", of)
		}
		evidence, err := db.MailboxEvidence(ctx, n, "", 10)
		must(t, err)
		for _, m := range evidence {
			want := 2
			if m.Mailbox == a.Mailbox {
				want = 3
			}
			if len(m.Events) != want {
				t.Errorf("the evidence of %s has %d events, want %d", m.Mailbox, len(m.Events), want)
			}
		}
		elsewhere := call
		elsewhere.Notice = crypto.NewNumber(crypto.KindNotice)
		wantCode(t, db.RecordNoticeEvents(ctx, []portal.NoticeEvent{elsewhere}), portal.NotFound, "no-notice")
		for name, change := range map[string]func(*portal.NoticeEvent){
			"no kind":               func(e *portal.NoticeEvent) { e.Kind = "" },
			"no time":               func(e *portal.NoticeEvent) { e.At = time.Time{} },
			"no mailbox":            func(e *portal.NoticeEvent) { e.Mailbox = "" },
			"a notice as mailbox":   func(e *portal.NoticeEvent) { e.Mailbox = n },
			"no way":                func(e *portal.NoticeEvent) { e.Via = "" },
			"by pigeon":             func(e *portal.NoticeEvent) { e.Via = "pigeon" },
			"an expiry with a way":  func(e *portal.NoticeEvent) { e.Kind = portal.AcceptanceRejectionExpiry },
			"a recall of a mailbox": func(e *portal.NoticeEvent) { e.Kind, e.Via, e.Evidence = portal.Recall, "", nil },
			"another's ID":          func(e *portal.NoticeEvent) { e.ID = "1" },
			"by a stranger":         func(e *portal.NoticeEvent) { e.By = "somebody" },
			"too much evidence":     func(e *portal.NoticeEvent) { e.Evidence = make([]byte, 1<<20) },
		} {
			bad := call
			change(&bad)
			if err := db.RecordNoticeEvents(ctx, []portal.NoticeEvent{reminder(n, a.Mailbox, "1"), bad}); err == nil {
				t.Errorf("%s: was kept", name)
			}
		}
		if all, err := db.NoticeEvents(ctx, n, ""); err != nil || len(all) != 5 {
			t.Errorf("what was refused left %d events, %v", len(all), err)
		}
	})
}

// Several nodes record the same thousands of reminders at once: each is there once, and has one entry.
func TestManyRecordTheSameEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db := node()
		a := newIssued(t, db)
		n := delivered(t, db, a)
		before := len(subjects(t, db))
		var events []portal.NoticeEvent
		for range 3000 {
			events = append(events, reminder(n, crypto.NewNumber(crypto.KindState), "24"))
		}
		var group sync.WaitGroup
		for i := range 3 {
			db := node()
			mine := slices.Clone(events)
			if i == 1 {
				slices.Reverse(mine)
			}
			group.Go(func() {
				if err := db.RecordNoticeEvents(context.Background(), mine); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		all, err := db.NoticeEvents(t.Context(), n, "")
		must(t, err)
		if len(all) != len(events) || len(subjects(t, db))-before != len(events) {
			t.Errorf("%d events are kept as %d, with %d entries", len(events), len(all), len(subjects(t, db))-before)
		}
	})
}
