package dispatch_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
)

// called is a contact as a client signs it; with a note sealed to the readers given.
func (c *court) called(by *crypto.Key, n crypto.Number, made crypto.ContactMade, readers ...*crypto.Key) (signed, note []byte) {
	c.t.Helper()
	record, err := c.db.Signed(c.t.Context(), n)
	must(c.t, err)
	staff := []*crypto.Certificate{c.author.Certificate(), c.secondAuthor.Certificate(), c.approver.Certificate(), c.registrar.Certificate(), c.both.Certificate()}
	v, err := c.pin.VerifyManifest(record.Signed, staff, c.now)
	must(c.t, err)
	var to []*crypto.Staff
	for _, k := range readers {
		to = append(to, c.staff(k).Staff())
	}
	signed, note, err = crypto.SignContact(v, by, made, to, c.now)
	must(c.t, err)
	return signed, note
}

func TestAContactIsRecorded(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n := c.released()
	state := c.people[focal].Mailbox
	c.now = c.now.Add(time.Hour)
	made := crypto.ContactMade{Mailbox: state, Way: crypto.ByTelephone, Outcome: crypto.ContactReached, Time: c.now.Add(-10 * time.Minute), Note: "Spoke with the duty officer."}
	signed, note := c.called(c.registrar, n, made, c.author, c.approver, c.registrar)
	registrar := c.staff(c.registrar)

	kept, created, err := c.RecordContact(ctx, registrar, n, signed, note)
	must(t, err)
	c.wantAudited(registrar, "dispatch.contact", string(n)+" "+string(state))
	c.now = c.now.Add(time.Minute)
	again, createdAgain, err := c.RecordContact(ctx, registrar, n, signed, note)
	must(t, err)
	if !created || createdAgain || !again.ReceivedAt.Equal(kept.ReceivedAt) || string(again.Signed) != string(signed) {
		t.Errorf("kept %v, again %v", created, createdAgain)
	}
	contacts, err := c.Contacts(ctx, c.staff(c.auditor), n)
	must(t, err)
	if len(contacts) != 1 || contacts[0].Way != made.Way || contacts[0].Outcome != made.Outcome || !contacts[0].Time.Equal(made.Time) || string(contacts[0].Note) != string(note) {
		t.Fatalf("%+v", contacts)
	}
	told, err := c.Told(ctx, c.staff(c.author), n)
	must(t, err)
	if got := told[state].Contact; len(told) != 1 || got == nil || got.Outcome != made.Outcome || got.Signed != nil || got.By != registrar.Holder() {
		t.Errorf("%+v", told)
	}
	// One that was damaged on the disk keeps nobody from reading the others: it comes as it is, and clients say that it doesn't hold.
	second, _ := c.called(c.registrar, n, crypto.ContactMade{Mailbox: c.people[lawyer].Mailbox, Way: crypto.ByCourier, Outcome: crypto.ContactNotReached, Time: c.now})
	_, _, err = c.RecordContact(ctx, registrar, n, second, nil)
	must(t, err)
	c.damage(`UPDATE notice_events SET evidence = substr(evidence, 1, 40) WHERE mailbox = ? AND evidence IS NOT NULL`, c.people[lawyer].Mailbox)
	contacts, err = c.Contacts(ctx, c.staff(c.auditor), n)
	must(t, err)
	if len(contacts) != 2 || contacts[0].Way != "" || len(contacts[0].Signed) != 40 || contacts[1].Way != made.Way {
		t.Errorf("%+v", contacts)
	}
	told, err = c.Told(ctx, c.staff(c.author), n)
	must(t, err)
	if told[state].Contact == nil || told[c.people[lawyer].Mailbox].Contact != nil {
		t.Errorf("%+v", told)
	}

	// It takes nobody off the list of those who are awaited.
	status, err := c.Status(ctx, c.staff(c.author), n)
	must(t, err)
	at := slices.IndexFunc(status.Mailboxes, func(m portal.MailboxStatus) bool { return m.Mailbox == state })
	if !status.Awaited(status.Mailboxes[at]) {
		t.Error("who was telephoned is not awaited any more")
	}

	// Who has not the role, reads and records nothing; neither does a representative.
	_, _, err = c.RecordContact(ctx, c.staff(c.auditor), n, signed, note)
	wantCode(t, err, portal.Forbidden, "author-only")
	c.wantAudited(c.staff(c.auditor), "dispatch.contact refused", string(n)+" "+string(state))
	_, _, err = c.RecordContact(ctx, c.people[focal].Acting(), n, signed, note)
	wantCode(t, err, portal.Forbidden, "staff-only")
	if _, err = c.Contacts(ctx, c.people[focal].Acting(), n); portal.KindOf(err) != portal.Forbidden {
		t.Errorf("a representative reads the contacts: %v", err)
	}
	if _, err = c.Told(ctx, c.people[focal].Acting(), n); portal.KindOf(err) != portal.Forbidden {
		t.Errorf("a representative reads who was told: %v", err)
	}
	// What somebody else signed, what is not sealed, or sealed to others, what is not of this notice, mailbox or time.
	_, _, err = c.RecordContact(ctx, c.staff(c.author), n, signed, note)
	wantCode(t, err, portal.Forbidden, "other-signer")
	_, _, err = c.RecordContact(ctx, registrar, n, signed, nil)
	wantCode(t, err, portal.Invalid, "other-note")
	for name, wrong := range map[string][]byte{"plain": []byte("Spoke with the duty officer."), "large": make([]byte, 300<<10)} {
		if _, _, err = c.RecordContact(ctx, registrar, n, signed, wrong); err == nil {
			t.Errorf("%s: it was kept", name)
		}
	}
	sealedToMore, more := c.called(c.registrar, n, made, c.author, c.auditor)
	_, _, err = c.RecordContact(ctx, registrar, n, sealedToMore, more)
	wantCode(t, err, portal.Invalid, "not-sealed")
	made.Note = ""
	bare, _ := c.called(c.registrar, n, made)
	_, _, err = c.RecordContact(ctx, registrar, n, bare, note)
	wantCode(t, err, portal.Invalid, "other-note")
	elsewhere := made
	elsewhere.Mailbox = crypto.NewNumber(crypto.KindState)
	other, _ := c.called(c.registrar, n, elsewhere)
	_, _, err = c.RecordContact(ctx, registrar, n, other, nil)
	wantCode(t, err, portal.NotFound, "no-delivery")
	another := c.released()
	_, _, err = c.RecordContact(ctx, registrar, another, bare, nil)
	wantCode(t, err, portal.Invalid, "invalid-contact")
	_, _, err = c.RecordContact(ctx, registrar, n, []byte(strings.Replace(string(bare), "reached", "refused", 1)), nil)
	wantCode(t, err, portal.Invalid, "invalid-contact")
	_, _, err = c.RecordContact(ctx, registrar, n, []byte("called them"), nil)
	wantCode(t, err, portal.Invalid, "invalid-contact")
	_, _, err = c.RecordContact(ctx, registrar, n, make([]byte, 20<<10), nil)
	wantCode(t, err, portal.TooLarge, "too-large")
	waiting, _ := c.submitted()
	_, _, err = c.RecordContact(ctx, registrar, waiting, bare, nil)
	wantCode(t, err, portal.Conflict, "not-released")
	c.now = c.now.Add(25 * time.Hour)
	_, _, err = c.RecordContact(ctx, registrar, n, bare, nil)
	wantCode(t, err, portal.Invalid, "stale-signature")
}

func TestReminding(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n := c.released()
	author := c.staff(c.author)
	c.receive(c.people[delegate], n)
	silent := []crypto.Number{c.people[focal].Mailbox, c.people[lawyer].Mailbox, c.people[newcomer].Mailbox}
	slices.Sort(silent)
	remind := func(whom dispatch.Reminding) dispatch.Reminded {
		t.Helper()
		done, err := c.Remind(ctx, author, n, whom)
		must(t, err)
		return done
	}
	one := remind(dispatch.Reminding{Mailboxes: []crypto.Number{c.people[focal].Mailbox, c.people[delegate].Mailbox}})
	if !slices.Equal(one.Reminded, []crypto.Number{c.people[focal].Mailbox}) || !slices.Equal(one.Answered, []crypto.Number{c.people[delegate].Mailbox}) || len(one.Lately) != 0 {
		t.Errorf("%+v", one)
	}
	c.wantAudited(author, "dispatch.remind", string(n))
	if overdue := remind(dispatch.Reminding{Overdue: true}); len(overdue.Reminded)+len(overdue.Lately)+len(overdue.Answered) != 0 {
		t.Errorf("nobody is overdue yet: %+v", overdue)
	}
	c.now = c.now.Add(10 * time.Minute)
	rest := remind(dispatch.Reminding{Awaited: true})
	if len(rest.Reminded) != len(silent)-1 || !slices.Equal(rest.Lately, []crypto.Number{c.people[focal].Mailbox}) {
		t.Errorf("%+v", rest)
	}
	c.now = c.now.AddDate(1, 0, 0) // after the deadline
	if overdue := remind(dispatch.Reminding{Overdue: true}); !slices.Equal(overdue.Reminded, silent) {
		t.Errorf("overdue: %+v, want %v", overdue, silent)
	}
	// Its representative sees it.
	deliveries, err := c.Mailbox(ctx, c.people[focal].Acting())
	must(t, err)
	if len(deliveries) != 1 || !deliveries[0].RemindedAt.Equal(c.now) {
		t.Errorf("reminded at %v", deliveries[0].RemindedAt)
	}
	_, err = c.Remind(ctx, author, n, dispatch.Reminding{})
	wantCode(t, err, portal.Invalid, "nobody-chosen")
	_, err = c.Remind(ctx, author, n, dispatch.Reminding{Mailboxes: []crypto.Number{crypto.NewNumber(crypto.KindState)}})
	wantCode(t, err, portal.NotFound, "no-delivery")
	_, err = c.Remind(ctx, c.staff(c.auditor), n, dispatch.Reminding{Awaited: true})
	wantCode(t, err, portal.Forbidden, "author-only")
	_, err = c.Remind(ctx, c.people[focal].Acting(), n, dispatch.Reminding{Awaited: true})
	wantCode(t, err, portal.Forbidden, "staff-only")
	waiting, _ := c.submitted()
	_, err = c.Remind(ctx, author, waiting, dispatch.Reminding{Awaited: true})
	wantCode(t, err, portal.Conflict, "not-released")
}
