package correspond_test

import (
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/correspond"
	"valise/portal/portaltest"
	"valise/portal/portaltest/people"
	"valise/portal/store"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// office are the keys of an institution and of two mailboxes, made once.
type office struct {
	*people.Institution
	author, approver, registrar, auditor, comer *crypto.Key
	people                                      []*people.Person
}

const (
	delegate  = iota // of a State
	colleague        // of the same State, with a key that GnuPG reads
	newcomer         // of the same State, who has not claimed yet
	lawyer           // of an organisation
)

var theOffice = sync.OnceValue(func() *office {
	o := &office{Institution: people.Found(noon)}
	o.author, o.approver = o.Hire("Amara Diallo", crypto.RoleAuthor), o.Hire("Benoît Laurent", crypto.RoleApprover)
	o.registrar, o.auditor, o.comer = o.Hire("Chen Wei", crypto.RoleRegistrar), o.Hire("Emil Sato", crypto.RoleAuditor), o.Hire("Dora Novak", crypto.RoleAuditor)
	state := crypto.NewNumber(crypto.KindState)
	for i, r := range []crypto.Representative{{Mailbox: state, Ordinal: 1}, {Mailbox: state, Ordinal: 2}, {Mailbox: state, Ordinal: 3}, {Mailbox: crypto.NewNumber(crypto.KindOrganisation), Ordinal: 1}} {
		profile := crypto.ProfilePQ
		if i == colleague {
			profile = crypto.ProfileCompat
		}
		o.people = append(o.people, people.Represent(o.registrar, profile, r, noon))
	}
	return o
})

// court is the step over a fresh database, with a clock that tests move.
type court struct {
	*office
	*correspond.Correspond
	t     *testing.T
	db    *store.DB
	pin   *crypto.Root
	now   time.Time
	staff []*crypto.Key
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, c *court)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newCourt(t, filepath.Join(t.TempDir(), "portal.db"))) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newCourt(t, portaltest.PostgreSQL(t))) })
}

func newCourt(t *testing.T, dsn string) *court {
	t.Helper()
	c := &court{office: theOffice(), t: t, now: noon.Add(time.Hour)}
	var err error
	c.db, err = store.Open(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { c.db.Close() })
	must(t, c.db.Migrate(t.Context()))
	c.pin = c.Pin()
	c.Correspond = correspond.New(c.db, c.pin, func() time.Time { return c.now })
	for _, k := range []*crypto.Key{c.author, c.approver, c.registrar, c.auditor, c.comer} {
		c.keepStaff(k)
	}
	for i, p := range c.people {
		must(t, c.db.Issue(t.Context(), portal.RepresentativeRecord{
			Representative: p.Representative, State: portal.Issued, Profile: crypto.ProfilePQ, Salt: []byte("salt"), Verifier: []byte("verifier"), LockedBundle: []byte("locked"),
			Chain: [][]byte{p.Issued.Certificate().Bytes()}, IssuedAt: noon,
		}, []byte("label")))
		if i != newcomer {
			c.claim(p)
		}
	}
	return c
}

func (c *court) claim(p *people.Person) {
	c.t.Helper()
	must(c.t, c.db.Claim(c.t.Context(), portal.RepresentativeRecord{
		Representative: p.Representative, State: portal.Claimed, Profile: crypto.ProfilePQ, Salt: []byte("salt"), Verifier: []byte("verifier"), LockedBundle: []byte("locked"),
		Chain: [][]byte{p.Issued.Certificate().Bytes(), p.Own.Certificate().Bytes()}, IssuedAt: noon, ClaimedAt: noon,
	}, nil))
}

// keepStaff shows the portal a certificate of a member of the staff, a newer form of one that it knows included.
func (c *court) keepStaff(k *crypto.Key) {
	c.t.Helper()
	must(c.t, c.db.AddStaff(c.t.Context(), k.Certificate().Fingerprint(), func([]byte) ([]byte, error) { return k.Certificate().Bytes(), nil }))
	c.staff = append(slices.DeleteFunc(slices.Clone(c.staff), func(other *crypto.Key) bool {
		return other.Certificate().Fingerprint() == k.Certificate().Fingerprint()
	}), k)
}

func (c *court) acting(k *crypto.Key) portal.Actor {
	c.t.Helper()
	member, err := c.pin.VerifyStaff(k.Certificate(), c.now)
	must(c.t, err)
	return portal.ActingStaff(member)
}

func (c *court) certificates() (all []*crypto.Certificate) {
	for _, k := range c.staff {
		all = append(all, k.Certificate())
	}
	return all
}

func (c *court) recipients(people ...int) (to []*crypto.Recipient) {
	c.t.Helper()
	for _, i := range people {
		p := c.people[i]
		r, err := c.pin.VerifyRepresentative(c.certificates(), []*crypto.Certificate{p.Issued.Certificate(), p.Own.Certificate()}, p.Representative, c.now)
		must(c.t, err)
		to = append(to, r)
	}
	return to
}

func (c *court) desk(keys ...*crypto.Key) (desk []*crypto.Staff) {
	for _, k := range keys {
		desk = append(desk, c.acting(k).Staff())
	}
	return desk
}

// writing is a message of the State's, for a new thread.
func (c *court) writing() *crypto.ThreadMessage {
	m := crypto.NewThreadMessage(c.pin.Fingerprint(), crypto.NewNumber(crypto.KindThread), c.people[delegate].Mailbox, "", nil, c.now)
	m.Text = crypto.LanguageVersion{Language: "en", Subject: "A question", Text: "Who signed?\n"}
	return m
}

func (c *court) reply(m *crypto.ThreadMessage, to ...int) *crypto.SealedThreadMessage {
	c.t.Helper()
	p := c.people[delegate]
	sealed, err := crypto.SealReply(p.Own, p.Representative, m, c.recipients(to...), c.desk(c.author, c.approver), c.now)
	must(c.t, err)
	return sealed
}

// begun is a thread with one reply of the delegate.
func (c *court) begun() *crypto.SealedThreadMessage {
	c.t.Helper()
	sealed := c.reply(c.writing(), delegate, colleague)
	_, created, err := c.Reply(c.t.Context(), c.people[delegate].Acting(), sealed)
	must(c.t, err)
	if !created {
		c.t.Error("not created")
	}
	return sealed
}

func (c *court) wantCode(err error, kind portal.Kind, code string) {
	c.t.Helper()
	var e *portal.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		c.t.Errorf("got %v (kind %d), want kind %d, code %q", err, portal.KindOf(err), kind, code)
	}
}

func TestFromReplyToAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, c *court) {
		ctx := t.Context()
		first := c.begun()
		approver, delegateActor := c.acting(c.approver), c.people[delegate].Acting()

		// The desk sees it: unread, waiting; the colleague of the same mailbox, too.
		inbox, err := c.Threads(ctx, approver, "open")
		must(t, err)
		if len(inbox) != 1 || inbox[0].Number != first.Thread || inbox[0].Unread != 1 || !inbox[0].Waiting() || inbox[0].Unshared != 0 || len(inbox[0].First.Heading) == 0 {
			t.Fatalf("%+v", inbox)
		}
		for i, unread := range map[int]int{delegate: 0, colleague: 1} {
			threads, err := c.Threads(ctx, c.people[i].Acting(), "")
			must(t, err)
			if len(threads) != 1 || threads[0].Unread != unread || threads[0].First.Suite != c.people[i].Own.Certificate().Suite() {
				t.Errorf("%d: %+v", i, threads)
			}
		}
		if threads, err := c.Threads(ctx, c.people[lawyer].Acting(), ""); err != nil || len(threads) != 0 {
			t.Errorf("another mailbox sees %+v, %v", threads, err)
		}

		// Read once, it is no longer unread; what comes out is what went in.
		m, body, err := c.Message(ctx, approver, first.Thread, first.ID)
		must(t, err)
		if string(body) != string(first.Bodies[m.Suite]) || m.ReadAt.IsZero() {
			t.Error("another body, or unread")
		}
		inbox, err = c.Threads(ctx, approver, "open")
		must(t, err)
		if inbox[0].Unread != 0 {
			t.Error("still unread")
		}
		if other, err := c.Threads(ctx, c.acting(c.author), "open"); err != nil || other[0].Unread != 1 {
			t.Error("read by one is read by all")
		}

		// The same message again changes nothing; another under its id is refused.
		if _, created, err := c.Reply(ctx, delegateActor, first); err != nil || created {
			t.Errorf("again: %v, %v", created, err)
		}
		forged := *first
		forged.SHA256 = inbox[0].First.SHA256[1:] + "0"
		_, _, err = c.Reply(ctx, delegateActor, &forged)
		c.wantCode(err, portal.Conflict, "message-exists")

		// An answer; then nothing waits.
		c.now = c.now.Add(time.Minute)
		answer := crypto.NewThreadMessage(c.pin.Fingerprint(), first.Thread, first.Mailbox, "", []string{first.SHA256}, c.now)
		answer.Text = crypto.LanguageVersion{Language: "en", Subject: "Re", Text: "The registrar.\n"}
		sealed, err := crypto.SealAnswer(c.pin, c.approver, answer, c.recipients(delegate, colleague), c.desk(c.author, c.approver), c.now)
		must(t, err)
		_, _, err = c.Answer(ctx, approver, sealed)
		must(t, err)
		thread, messages, err := c.Thread(ctx, delegateActor, first.Thread)
		must(t, err)
		if thread.Waiting() || thread.Unread != 1 || len(messages) != 2 || messages[1].Kind != crypto.Answer || messages[1].Writer != approver.Holder() {
			t.Errorf("%+v %+v", thread, messages)
		}

		// Assigned, closed; a reply opens it again.
		must(t, c.Assign(ctx, approver, first.Thread, c.acting(c.author).Holder()))
		c.wantCode(c.Assign(ctx, approver, first.Thread, c.acting(c.registrar).Holder()), portal.Invalid, "invalid-assignee")
		must(t, c.Close(ctx, approver, first.Thread))
		closed, err := c.Threads(ctx, approver, "closed")
		must(t, err)
		if len(closed) != 1 || closed[0].Assignee != c.acting(c.author).Holder() {
			t.Errorf("%+v", closed)
		}
		more := c.writing()
		more.Thread = first.Thread
		_, _, err = c.Reply(ctx, delegateActor, c.reply(more, delegate, colleague))
		must(t, err)
		if open, err := c.Threads(ctx, approver, "open"); err != nil || len(open) != 1 || open[0].Messages != 3 {
			t.Errorf("%+v, %v", open, err)
		}
	})
}

func TestWhoMayDoWhat(t *testing.T) {
	onBoth(t, func(t *testing.T, c *court) {
		ctx := t.Context()
		first := c.begun()
		registrar, delegateActor := c.acting(c.registrar), c.people[delegate].Acting()
		for _, actor := range []portal.Actor{registrar, c.acting(c.auditor)} {
			_, err := c.Threads(ctx, actor, "open")
			c.wantCode(err, portal.Forbidden, "desk-only")
			_, _, err = c.Message(ctx, actor, first.Thread, first.ID)
			c.wantCode(err, portal.Forbidden, "desk-only")
			c.wantCode(c.Close(ctx, actor, first.Thread), portal.Forbidden, "desk-only")
			_, err = c.Lacking(ctx, actor)
			c.wantCode(err, portal.Forbidden, "desk-only")
		}
		_, err := c.Threads(ctx, portal.Actor{}, "")
		c.wantCode(err, portal.Unauthenticated, "no-session")
		_, err = c.Threads(ctx, c.people[newcomer].Acting(), "")
		c.wantCode(err, portal.Forbidden, "claim-first")
		c.wantCode(c.Close(ctx, delegateActor, first.Thread), portal.Forbidden, "staff-only")
		lawyerActor := c.people[lawyer].Acting()
		_, _, err = c.Thread(ctx, lawyerActor, first.Thread)
		c.wantCode(err, portal.NotFound, "no-thread")
		_, _, err = c.Message(ctx, lawyerActor, first.Thread, first.ID)
		c.wantCode(err, portal.NotFound, "no-thread")
		_, _, err = c.Addressees(ctx, lawyerActor, first.Mailbox)
		c.wantCode(err, portal.NotFound, "no-mailbox")
		_, err = c.Share(ctx, lawyerActor, first.Thread, nil)
		c.wantCode(err, portal.NotFound, "no-thread")
		_, _, err = c.Reply(ctx, lawyerActor, first)
		c.wantCode(err, portal.Forbidden, "other-mailbox")
		_, _, err = c.Reply(ctx, c.acting(c.author), first)
		c.wantCode(err, portal.Forbidden, "representatives-only")
		_, _, err = c.Answer(ctx, c.acting(c.author), first)
		c.wantCode(err, portal.Invalid, "invalid-kind")

		// About what never came; a thread that an answer would begin.
		m := c.writing()
		m.About = crypto.NewNumber(crypto.KindNotice)
		_, _, err = c.Reply(ctx, delegateActor, c.reply(m, delegate, colleague))
		c.wantCode(err, portal.NotFound, "no-notice")
		sealed, err := crypto.SealAnswer(c.pin, c.author, c.writing(), c.recipients(delegate, colleague), c.desk(c.author, c.approver), c.now)
		must(t, err)
		_, _, err = c.Answer(ctx, c.acting(c.author), sealed)
		c.wantCode(err, portal.NotFound, "no-thread")
	})
}

// The server opens nothing, but it lets nobody be left out, and nobody listen in.
func TestMessagesAreSealedToExactlyTheirAddressees(t *testing.T) {
	c := newCourt(t, filepath.Join(t.TempDir(), "portal.db"))
	ctx, actor := t.Context(), c.people[delegate].Acting()
	for name, change := range map[string]struct {
		change func(*crypto.SealedThreadMessage)
		kind   portal.Kind
		code   string
	}{
		"a colleague left out":      {func(m *crypto.SealedThreadMessage) { m.Envelopes = slices.Delete(m.Envelopes, 1, 2) }, portal.Conflict, "addressees-changed"},
		"one of the desk left out":  {func(m *crypto.SealedThreadMessage) { m.Envelopes = m.Envelopes[:len(m.Envelopes)-1] }, portal.Conflict, "addressees-changed"},
		"a stranger let in":         {func(m *crypto.SealedThreadMessage) { m.Envelopes = append(m.Envelopes, c.envelopeFor(lawyer)) }, portal.Conflict, "addressees-changed"},
		"who has not claimed":       {func(m *crypto.SealedThreadMessage) { m.Envelopes = append(m.Envelopes, c.envelopeFor(newcomer)) }, portal.Conflict, "addressees-changed"},
		"twice":                     {func(m *crypto.SealedThreadMessage) { m.Envelopes = append(m.Envelopes, m.Envelopes[0]) }, portal.Invalid, "extra-envelope"},
		"another's envelope":        {func(m *crypto.SealedThreadMessage) { m.Envelopes[0].Data = m.Envelopes[len(m.Envelopes)-1].Data }, portal.Invalid, "invalid-envelope"},
		"no envelope but text":      {func(m *crypto.SealedThreadMessage) { m.Envelopes[0].Data = []byte("hello") }, portal.Invalid, "invalid-envelope"},
		"a body in clear":           {func(m *crypto.SealedThreadMessage) { m.Bodies[crypto.SuitePQ] = []byte("Who signed?") }, portal.Invalid, "invalid-body"},
		"a body too few":            {func(m *crypto.SealedThreadMessage) { delete(m.Bodies, crypto.SuiteCompat) }, portal.Invalid, "missing-body"},
		"a heading in clear":        {func(m *crypto.SealedThreadMessage) { m.Headings[crypto.SuitePQ] = []byte("A question") }, portal.Invalid, "invalid-heading"},
		"a heading of other bounds": {func(m *crypto.SealedThreadMessage) { m.Headings["other"] = m.Headings[crypto.SuitePQ] }, portal.Invalid, "extra-heading"},
		"no id":                     {func(m *crypto.SealedThreadMessage) { m.ID = "1" }, portal.Invalid, "invalid-id"},
		"a notice's number":         {func(m *crypto.SealedThreadMessage) { m.Thread = crypto.NewNumber(crypto.KindNotice) }, portal.Invalid, "invalid-number"},
		"about a mailbox":           {func(m *crypto.SealedThreadMessage) { m.About = c.people[lawyer].Mailbox }, portal.Invalid, "invalid-number"},
	} {
		t.Run(name, func(t *testing.T) {
			m := c.reply(c.writing(), delegate, colleague)
			change.change(m)
			_, _, err := c.Reply(ctx, actor, m)
			c.wantCode(err, change.kind, change.code)
		})
	}
	if threads, err := c.Threads(ctx, actor, ""); err != nil || len(threads) != 0 {
		t.Errorf("something was kept: %+v, %v", threads, err)
	}
	// Whoever claims between sealing and sending must be sealed to, too.
	late := c.reply(c.writing(), delegate, colleague)
	c.claim(c.people[newcomer])
	_, _, err := c.Reply(ctx, actor, late)
	c.wantCode(err, portal.Conflict, "addressees-changed")
	_, _, err = c.Reply(ctx, actor, c.reply(c.writing(), delegate, colleague, newcomer))
	must(t, err)
}

// envelopeFor is one for somebody who must not have one.
func (c *court) envelopeFor(i int) crypto.Envelope {
	p := c.people[i]
	_, session, err := crypto.SealBody(crypto.SuitePQ, c.author, []byte("x"), c.now)
	must(c.t, err)
	data, err := session.Wrap(p.Own.Certificate())
	must(c.t, err)
	return crypto.Envelope{Holder: p.String(), Certificate: p.Own.Certificate().Fingerprint(), Suite: crypto.SuitePQ, Data: data}
}

func TestWhoComesGetsWhatWasAndWhoLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, c *court) {
		ctx := t.Context()
		first := c.begun()
		// A new colleague at the desk, and a new representative.
		joined := c.Certify(c.comer, c.now, crypto.RoleAuthor)
		c.now = c.now.Add(time.Hour)
		c.keepStaff(joined)
		c.claim(c.people[newcomer])
		comer, newActor := c.acting(joined), c.people[newcomer].Acting()
		for _, actor := range []portal.Actor{comer, newActor} {
			_, _, err := c.Message(ctx, actor, first.Thread, first.ID)
			c.wantCode(err, portal.NotFound, "not-shared")
			thread, messages, err := c.Thread(ctx, actor, first.Thread)
			must(t, err)
			if thread.Unshared != 1 || thread.Unread != 0 || len(messages[0].Envelope)+len(messages[0].Heading) != 0 {
				t.Errorf("%+v", thread)
			}
			if lacking, err := c.Lacking(ctx, actor); err != nil || len(lacking) != 0 {
				t.Errorf("who holds nothing can share: %+v, %v", lacking, err)
			}
		}

		lacking, err := c.Lacking(ctx, c.acting(c.author))
		must(t, err)
		if len(lacking) != 2 {
			t.Fatalf("%+v", lacking)
		}
		certificates := map[string]*crypto.Certificate{comer.Holder(): joined.Certificate(), c.people[newcomer].String(): c.people[newcomer].Own.Certificate()}
		var shared []correspond.Shared
		for _, l := range lacking {
			data, err := crypto.Rewrap(l.Envelope, []*crypto.Key{c.author}, certificates[l.Holder])
			must(t, err)
			shared = append(shared, correspond.Shared{Message: l.Message, Envelope: crypto.Envelope{Holder: l.Holder, Certificate: certificates[l.Holder].Fingerprint(), Suite: l.Suite, Data: data}})
		}
		// Nobody who could not read it may share it, and to nobody else.
		_, err = c.Share(ctx, c.people[lawyer].Acting(), first.Thread, shared)
		c.wantCode(err, portal.NotFound, "no-thread")
		if added, err := c.Share(ctx, comer, first.Thread, shared); err != nil || added != 0 {
			t.Errorf("who holds none shared %d, %v", added, err)
		}
		stranger := c.envelopeFor(lawyer)
		_, err = c.Share(ctx, c.acting(c.author), first.Thread, []correspond.Shared{{Message: first.ID, Envelope: stranger}})
		c.wantCode(err, portal.Conflict, "addressees-changed")

		added, err := c.Share(ctx, c.acting(c.author), first.Thread, shared)
		must(t, err)
		if again, err := c.Share(ctx, c.acting(c.author), first.Thread, shared); added != 2 || again != 0 || err != nil {
			t.Errorf("added %d, then %d, %v", added, again, err)
		}
		for actor, k := range map[portal.Actor]*crypto.Key{comer: joined, newActor: c.people[newcomer].Own} {
			m, body, err := c.Message(ctx, actor, first.Thread, first.ID)
			must(t, err)
			chains, err := c.Chains(ctx, m)
			must(t, err)
			p := c.people[delegate]
			if len(chains[p.Representative]) != 2 {
				t.Fatal("the writer's chain is missing")
			}
			v, err := c.pin.OpenThreadHeading(m.Kind, first.Thread, first.Mailbox, m.Envelope, m.Heading, []*crypto.Key{k}, c.certificates(),
				map[crypto.Representative][]*crypto.Certificate{p.Representative: {p.Issued.Certificate(), p.Own.Certificate()}}, c.now)
			must(t, err)
			_, err = crypto.OpenThreadMessage(v, body, c.now)
			must(t, err)
		}

		// The colleague leaves the desk: the session that they still have opens nothing from now on.
		left := c.Certify(joined, c.now, crypto.RoleAuditor)
		c.now = c.now.Add(time.Hour)
		c.keepStaff(left)
		_, err = c.Threads(ctx, comer, "open")
		c.wantCode(err, portal.Forbidden, "desk-only")
		_, _, err = c.Message(ctx, comer, first.Thread, first.ID)
		c.wantCode(err, portal.Forbidden, "desk-only")
		next := c.writing()
		_, _, err = c.Reply(ctx, c.people[delegate].Acting(), c.reply(next, delegate, colleague, newcomer))
		must(t, err) // sealed to those who are left
	})
}

func TestAMailboxCanNotFloodTheDesk(t *testing.T) {
	c := newCourt(t, filepath.Join(t.TempDir(), "portal.db"))
	ctx, actor := t.Context(), c.people[delegate].Acting()
	to, desk := c.recipients(delegate, colleague), c.desk(c.author, c.approver)
	for i := range 101 {
		m, err := crypto.SealReply(c.people[delegate].Own, c.people[delegate].Representative, c.writing(), to, desk, c.now)
		must(t, err)
		_, _, err = c.Reply(ctx, actor, m)
		if i < 100 {
			must(t, err)
			continue
		}
		c.wantCode(err, portal.TooMany, "too-many-replies")
		c.now = c.now.Add(25 * time.Hour)
		_, _, err = c.Reply(ctx, actor, m)
		must(t, err)
	}
}
