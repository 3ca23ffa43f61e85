package courier_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/courier"
	"valise/portal/dispatch"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// answers has somebody of a mailbox open and acknowledge a notice.
func (p *post) answers(person *live.Person, n crypto.Number) {
	p.t.Helper()
	d, err := p.Store.Delivery(p.t.Context(), person.Number, n)
	must(p.t, err)
	now := time.Now()
	_, err = p.Store.MarkOpened(p.t.Context(), person.Number, n, now)
	must(p.t, err)
	_, _, err = p.Store.RecordAcknowledgement(p.t.Context(), portal.AcknowledgementRecord{
		Notice: d.Notice.Number, Representative: person.Number, Certificate: person.Key.Certificate().Fingerprint(), Decision: crypto.DecisionAcknowledged, Receipt: []byte("receipt"), ReceivedAt: now,
	})
	must(p.t, err)
}

// TestAReminderGoesByEMail: to who was sent the notice and is awaited; the same message under a Message-ID of its own, and no more of them than notice and representative allow.
func TestAReminderGoesByEMail(t *testing.T) {
	type step func(p *post, person *live.Person, n crypto.Number)
	opens := func(p *post, person *live.Person, n crypto.Number) {
		_, err := p.Store.MarkOpened(p.t.Context(), person.Number, n, time.Now())
		must(p.t, err)
	}
	answers := func(p *post, person *live.Person, n crypto.Number) { p.answers(person, n) }
	for name, c := range map[string]struct {
		draft   func(*crypto.Draft)
		address func(*crypto.Address)
		first   string // what is in the outbox before anybody is reminded
		between step
		after   step // between the reminder and the courier
		want    string
		mails   int
	}{
		"not opened":                      {first: "sent ", want: "sent ; sent ", mails: 2},
		"opened, and not acknowledged":    {first: "sent ", between: opens, want: "sent ; sent ", mails: 2},
		"acknowledged after the reminder": {first: "sent ", after: answers, want: "cancelled acknowledged; sent ", mails: 1},
		"nothing is asked, and it is opened after the reminder": {
			draft: func(d *crypto.Draft) { d.Acknowledge, d.Deadline = false, time.Time{} }, first: "sent ", after: opens, want: "cancelled opened; sent ", mails: 1,
		},
		"the first is still to come":       {draft: func(d *crypto.Draft) { d.Fallback = crypto.FallbackAfter(12) }, first: "waiting not-yet", want: "waiting not-yet", mails: 0},
		"never by e-mail, says the notice": {draft: func(d *crypto.Draft) { d.Fallback = crypto.FallbackNone }, first: "", want: "", mails: 0},
		"never, says the representative":   {address: func(a *crypto.Address) { a.Policy = crypto.MailNever }, first: "cancelled never", want: "cancelled never; cancelled never", mails: 0},
		"only a last call":                 {address: func(a *crypto.Address) { a.Policy = crypto.MailLastCall }, first: "waiting not-yet", want: "waiting not-yet", mails: 0},
		"quiet hours":                      {address: quietSoon, first: "sent ", want: "sent ; waiting quiet", mails: 1},
		"quiet hours, and urgent":          {draft: func(d *crypto.Draft) { d.Urgent = true }, address: quietSoon, first: "sent ", want: "sent ; sent ", mails: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
			person := p.claimed(crypto.KindState, crypto.ProfilePQ)
			p.address(person, c.address)
			draft := p.Draft()
			draft.Fallback = crypto.FallbackAtOnce
			if c.draft != nil {
				c.draft(draft)
			}
			number := p.Release(draft, person)
			carrier := p.courier(p.config())
			p.until(carrier, c.first, p.outboxIs(c.first))
			if c.between != nil {
				c.between(p, person, number)
			}
			p.pass(time.Hour) // to where quietSoon is quiet
			reminded, err := p.Portal.Dispatch.Remind(t.Context(), p.Acting(p.Author), number, dispatch.Reminding{Awaited: true})
			must(t, err)
			if len(reminded.Reminded) != 1 {
				t.Fatalf("reminded: %+v", reminded)
			}
			if c.after != nil {
				c.after(p, person, number)
			}
			p.until(carrier, c.want, p.outboxIs(c.want))
			mails := p.sink.Mails()
			if len(mails) != c.mails {
				t.Fatalf("%d mails", len(mails))
			}
			ids := map[string]bool{}
			var first []byte
			for _, m := range mails {
				header, all := parts(t, m.Data)
				id, err := header.MessageID()
				must(t, err)
				ids[id] = true
				if len(all) < 2 || first != nil && !bytes.Equal(all[1].body, first) {
					t.Error("the reminder is not the same message")
				}
				first = all[1].body
			}
			if len(ids) != len(mails) {
				t.Errorf("%d mails under %d Message-IDs", len(mails), len(ids))
			}
		})
	}
}

// quietSoon is quiet from the next hour on.
func quietSoon(a *crypto.Address) {
	hour := time.Now().UTC().Hour()
	a.Quiet, a.Zone = crypto.QuietHours{From: (hour + 1) % 24, To: (hour + 3) % 24}, "UTC"
}

func (p *post) outboxIs(want string) func() bool {
	return func() bool {
		entries, err := p.Store.Outbox(context.Background(), "", "", 1000)
		must(p.t, err)
		var all []string
		for _, e := range entries {
			all = append(all, string(e.State)+" "+e.Reason)
		}
		slices.Sort(all)
		joined := ""
		for i, s := range all {
			if i > 0 {
				joined += "; "
			}
			joined += s
		}
		return joined == want
	}
}

// TestALastCall goes to who has opened the notice, too, when they have not answered it.
func TestALastCall(t *testing.T) {
	for name, c := range map[string]struct {
		answers bool
		want    string
	}{"opened": {false, "sent "}, "acknowledged": {true, "cancelled acknowledged"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
			person := p.claimed(crypto.KindState, crypto.ProfilePQ)
			p.address(person, func(a *crypto.Address) { a.Policy = crypto.MailLastCall })
			draft := p.Draft()
			draft.Fallback = crypto.FallbackAtOnce
			number := p.Release(draft, person)
			_, err := p.Store.MarkOpened(t.Context(), person.Number, number, time.Now())
			must(t, err)
			carrier := p.courier(p.config())
			p.until(carrier, "it waits", p.is("waiting not-yet"))
			if c.answers {
				p.answers(person, number)
			}
			p.pass(25 * time.Hour)
			p.until(carrier, c.want, p.is(c.want))
		})
	}
}

// TestTheRunnersRemindersGoByEMail, too, and who watches the notice is told when they went.
func TestTheRunnersRemindersGoByEMail(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindState, crypto.ProfilePQ)
	p.address(person, nil)
	draft := p.Draft()
	draft.Fallback, draft.Deadline, draft.Reminders = crypto.FallbackAtOnce, time.Now().Add(30*time.Hour).UTC().Truncate(time.Second), []int{24, 2}
	number := p.Release(draft, person)
	var mutex sync.Mutex
	told := map[string]int{}
	config := p.config()
	config.Told = func(topics ...string) {
		mutex.Lock()
		defer mutex.Unlock()
		for _, topic := range topics {
			told[topic]++
		}
	}
	carrier := p.courier(config)
	p.until(carrier, "the first is sent", p.is("sent "))
	for i, at := range []time.Duration{6*time.Hour + time.Minute, 28*time.Hour + time.Minute} {
		now := time.Now().Add(at)
		deeds, err := p.Store.DueDeeds(t.Context(), now, 10)
		must(t, err)
		if len(deeds) != 1 {
			t.Fatalf("%d deeds are due", len(deeds))
		}
		for range 2 { // of two nodes
			_, err = p.Store.DoDeed(t.Context(), deeds[0], now)
			must(t, err)
		}
		p.mutex.Lock()
		p.ahead = at + time.Minute
		p.mutex.Unlock()
		p.until(carrier, "a reminder is sent", func() bool { return len(p.sink.Mails()) == i+2 && p.settledAll() })
	}
	events, err := p.Store.NoticeEvents(t.Context(), number, person.Number.Mailbox)
	must(t, err)
	relayed := 0
	for _, e := range events {
		if e.Kind == portal.RelayToNonERDS {
			relayed++
		}
	}
	if relayed != 3 {
		t.Errorf("%d mails are events of the notice, want 3", relayed)
	}
	mutex.Lock()
	defer mutex.Unlock()
	if told[string(number)] != 3 || told[portal.TopicDesk] != 3 {
		t.Errorf("told: %v", told)
	}
}

func (p *post) settledAll() bool {
	entries, err := p.Store.Outbox(context.Background(), "", courier.Waiting, 10)
	must(p.t, err)
	return len(entries) == 0
}
