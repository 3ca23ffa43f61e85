package dispatch

import (
	"context"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// contactRoles are who tells of contacts outside the portal, reads what was noted, and reminds.
var contactRoles = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar}

const (
	maxContact     = 16 << 10       // bytes of the largest signed text of a contact, its signature included
	maxContactNote = 256 << 10      // bytes of the largest sealed note
	contactFresh   = 24 * time.Hour // how old a signature may be that is handed in: one that is dated back says nothing
)

// RecordContact verifies that the actor, and nobody else, signed that they tried to reach a mailbox of a released notice by another way, and keeps it with the
// sealed note. Authors, approvers and registrars. The same again: the same outcome, and created is false.
func (d *Dispatch) RecordContact(ctx context.Context, actor portal.Actor, n crypto.Number, signed, note []byte) (kept portal.ContactRecord, created bool, err error) {
	said, problem := readContact(signed)
	object := string(n)
	if problem == nil {
		object += " " + string(said.Mailbox)
	}
	if err := d.staffAct(ctx, actor, "dispatch.contact", object, contactRoles...); err != nil {
		return kept, false, err
	}
	if problem != nil {
		return kept, false, problem
	}
	notice, err := d.store.Signed(ctx, n)
	if err != nil {
		return kept, false, err
	}
	if notice.State != portal.Released {
		return kept, false, portal.Errorf(portal.Conflict, "not-released", "The notice %s has not been released, so nobody can have been told of it.", n)
	}
	staff, err := d.staff(ctx)
	if err != nil {
		return kept, false, err
	}
	v, err := d.verifyManifest(notice.Signed, staff)
	if err != nil {
		return kept, false, err
	}
	c, err := d.root.VerifyContact(signed, v, staff, d.now())
	if err != nil {
		return kept, false, invalid("invalid-contact", "%s", portal.Sentence(err))
	}
	if err := d.checkContact(actor, notice, c, note, staff); err != nil {
		return kept, false, err
	}
	told := c.Contact()
	kept, created, err = d.store.RecordContact(ctx, portal.ContactRecord{
		Notice: n, Mailbox: told.Mailbox, By: actor.Holder(), Way: told.Way, Outcome: told.Outcome, Time: told.Time, Signed: c.Bytes(), Note: note, ReceivedAt: d.now(),
	})
	d.told(n, err)
	return kept, created, err
}

// readContact reads what is not verified yet.
func readContact(signed []byte) (*crypto.Contact, error) {
	if len(signed) > maxContact {
		return nil, portal.Errorf(portal.TooLarge, "too-large", "The contact has more than %d KiB.", maxContact>>10)
	}
	text, err := crypto.ReadClearSigned(signed)
	if err != nil {
		return nil, invalid("invalid-contact", "%s", portal.Sentence(err))
	}
	said, err := crypto.ParseContact(text)
	if err != nil {
		return nil, invalid("invalid-contact", "%s", portal.Sentence(err))
	}
	return said, nil
}

// checkContact refuses what holds, and yet must not be kept.
func (d *Dispatch) checkContact(actor portal.Actor, notice portal.NoticeRecord, c *crypto.VerifiedContact, note []byte, staff []*crypto.Certificate) error {
	told, made := c.Contact(), c.Signature().Made()
	switch {
	case portal.StaffHolder(told.By) != actor.Holder():
		return portal.Errorf(portal.Forbidden, "other-signer", "Somebody else signed that than who is logged in. Who made the contact hands it in.")
	case made.Before(d.now().Add(-contactFresh)):
		return invalid("stale-signature", "That was signed at %s, which is too long ago to be handed in now. Set the clock, and sign it anew; the time of the contact itself may lie further back.", made.UTC().Format(time.RFC3339))
	case told.Time.Before(notice.ReleasedAt.Add(-crypto.ClockSkew)):
		return invalid("before-release", "The notice %s was released at %s; a contact before that can't have been about it.", notice.Number, notice.ReleasedAt.UTC().Format(time.RFC3339))
	case (told.NoteSHA256 == "") != (len(note) == 0):
		return invalid("other-note", "The signed text and the note don't belong together. Write it down again.")
	case len(note) > maxContactNote:
		return portal.Errorf(portal.TooLarge, "too-large", "The sealed note has more than %d KiB. Shorten it.", maxContactNote>>10)
	case len(note) == 0:
		return nil
	}
	var readers []*crypto.Certificate
	for _, certificate := range staff {
		member, err := d.root.VerifyStaff(certificate, d.now())
		if err == nil && slices.ContainsFunc(contactRoles, member.Has) {
			readers = append(readers, certificate)
		}
	}
	if _, err := crypto.RecordAddressees(note, readers); err != nil {
		return invalid("not-sealed", "The note must be sealed to authors, approvers and registrars, and to nobody else: %v. Fetch the list of staff again, and write it down anew.", err)
	}
	return nil
}

// Contacts returns all contacts of a notice, newest first, with their notes, which the server can't read; of one that was damaged only the text. Staff, but not administrators.
func (d *Dispatch) Contacts(ctx context.Context, actor portal.Actor, n crypto.Number) ([]portal.ContactRecord, error) {
	if err := d.staffAct(ctx, actor, "dispatch.contacts", string(n), readers...); err != nil {
		return nil, err
	}
	records, err := d.store.Contacts(ctx, n)
	if err != nil {
		return nil, err
	}
	for i := range records {
		_ = fillContact(&records[i]) // one that was damaged comes as it is: clients verify each by itself, and say which doesn't hold
	}
	return records, nil
}

// fillContact reads way, outcome and time out of the text that is kept.
func fillContact(r *portal.ContactRecord) error {
	said, err := readContact(r.Signed)
	if err != nil {
		return err
	}
	r.Way, r.Outcome, r.Time = said.Way, said.Outcome, said.Time
	return nil
}

// Told returns by what else the mailboxes of a notice were told of it; those that weren't are missing. It is not written down by itself: it belongs to what
// Status shows, to the same people.
func (d *Dispatch) Told(ctx context.Context, actor portal.Actor, n crypto.Number) (map[crypto.Number]portal.Told, error) {
	if !slices.ContainsFunc(readers, actor.Has) {
		return nil, d.staffAct(ctx, actor, "dispatch.status", string(n), readers...)
	}
	told, err := d.store.Told(ctx, n)
	if err != nil {
		return nil, err
	}
	for mailbox, t := range told {
		if t.Contact == nil {
			continue
		}
		if fillContact(t.Contact) != nil { // it was damaged: nothing of it is told here, and Contacts has it
			t.Contact = nil
			told[mailbox] = t
			continue
		}
		t.Contact.Signed = nil
	}
	return told, nil
}

// remindAgain is how long a mailbox that was reminded is left in peace by hand.
const remindAgain = time.Hour

// Reminding says whom to remind: some mailboxes, or all that are awaited, or of those the overdue ones.
type Reminding struct {
	Mailboxes []crypto.Number
	Awaited   bool
	Overdue   bool
}

// Reminded is what became of it: every mailbox that was meant is in one of the lists, each by number.
type Reminded struct {
	Reminded []crypto.Number
	Lately   []crypto.Number // left in peace: reminded within the hour
	Answered []crypto.Number // nothing is awaited of them
}

// Remind puts a reminder into mailboxes of a released notice that have not answered it, or, when it asks for nothing, not opened it. Authors, approvers and registrars.
func (d *Dispatch) Remind(ctx context.Context, actor portal.Actor, n crypto.Number, whom Reminding) (Reminded, error) {
	object := string(n)
	if len(whom.Mailboxes) == 1 {
		object += " " + string(whom.Mailboxes[0])
	}
	if err := d.staffAct(ctx, actor, "dispatch.remind", object, contactRoles...); err != nil {
		return Reminded{}, err
	}
	if chosen := []bool{len(whom.Mailboxes) > 0, whom.Awaited, whom.Overdue}; slices.Index(chosen, true) < 0 {
		return Reminded{}, invalid("nobody-chosen", "Say whom to remind: some mailboxes, or all that are overdue.")
	}
	notice, err := d.store.Signed(ctx, n)
	if err != nil {
		return Reminded{}, err
	}
	if notice.State != portal.Released {
		return Reminded{}, portal.Errorf(portal.Conflict, "not-released", "The notice %s has not been released, so there is nobody to remind.", n)
	}
	m, err := crypto.ParseManifest(notice.Signed.Manifest)
	if err != nil {
		return Reminded{}, err
	}
	lines, err := d.store.Status(ctx, n)
	if err != nil {
		return Reminded{}, err
	}
	status := &Status{Notice: notice, Manifest: m, Mailboxes: lines, Now: d.now()}
	awaited, answered, err := status.toRemind(whom)
	if err != nil {
		return Reminded{}, err
	}
	reminded := Reminded{Answered: answered}
	if len(awaited) > 0 {
		at := d.now()
		if reminded.Reminded, err = d.store.RecordReminders(ctx, n, awaited, actor.Holder(), at, at.Add(-remindAgain)); err != nil {
			return Reminded{}, err
		}
	}
	done := make(map[crypto.Number]bool, len(reminded.Reminded))
	for _, mailbox := range reminded.Reminded {
		done[mailbox] = true
	}
	for _, mailbox := range awaited {
		if !done[mailbox] {
			reminded.Lately = append(reminded.Lately, mailbox)
		}
	}
	d.told(n, nil)
	return reminded, nil
}

// Awaited says whether something is still awaited of a mailbox: an answer, or, when none is asked for, that it opens the notice.
func (s *Status) Awaited(m portal.MailboxStatus) bool {
	if m.DeliveredAt.IsZero() {
		return false
	}
	if s.Manifest.Acknowledge {
		return m.Acknowledgement == nil
	}
	return m.OpenedAt.IsZero()
}

// toRemind sorts those who are meant into who is awaited and who isn't any more. A mailbox that is not the notice's is an error, and nobody is reminded.
func (s *Status) toRemind(whom Reminding) (awaited, answered []crypto.Number, err error) {
	named := make(map[crypto.Number]bool, len(whom.Mailboxes))
	for _, mailbox := range whom.Mailboxes {
		named[mailbox] = true
	}
	for _, line := range s.Mailboxes {
		switch {
		case named[line.Mailbox] && !s.Awaited(line):
			answered = append(answered, line.Mailbox)
		case named[line.Mailbox], s.Awaited(line) && (whom.Awaited || whom.Overdue && s.Overdue(line)):
			awaited = append(awaited, line.Mailbox)
		}
		delete(named, line.Mailbox)
	}
	for mailbox := range named {
		return nil, nil, portal.Errorf(portal.NotFound, "no-delivery", "The notice %s was not sent to the mailbox %s. Nobody was reminded.", s.Notice.Number, mailbox)
	}
	return awaited, answered, nil
}
