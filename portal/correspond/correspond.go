package correspond

import (
	"context"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Correspond is the step. Use New.
type Correspond struct {
	store    Store
	root     *crypto.Root
	now      func() time.Time
	verified portal.Certificates
}

// New makes the step; now is the clock.
func New(store Store, root *crypto.Root, now func() time.Time) *Correspond {
	return &Correspond{store: store, root: root, now: now}
}

// Bounds of what one mailbox may send; who runs into them is told to telephone.
var limits = Limits{Threads: 1000, Messages: 500, Recent: 100, Size: 500 << 20, Period: 24 * time.Hour}

const (
	// maxHeading is the size in bytes of the largest sealed heading.
	maxHeading = 64 << 10
	// maxShared is how many envelopes are taken or named at once.
	maxShared = 500
)

func invalid(code, format string, args ...any) *portal.Error {
	return portal.Errorf(portal.Invalid, code, format, args...)
}

var errNobody = portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")

// audit writes down what is about to be done. When it can't be written, it must not be done.
func (c *Correspond) audit(ctx context.Context, actor portal.Actor, act, object string) error {
	return c.store.RecordAudit(ctx, portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: object})
}

// claimed returns the acting representative, who must have a key of their own and not have been revoked.
func (c *Correspond) claimed(ctx context.Context, actor portal.Actor) (crypto.Representative, error) {
	r, ok := actor.Representative()
	if !ok {
		if actor.Staff() != nil {
			return r, portal.Errorf(portal.Forbidden, "representatives-only", "This is for representatives of a mailbox; you are logged in as staff.")
		}
		return r, errNobody
	}
	state, err := c.store.Standing(ctx, r)
	switch {
	case portal.KindOf(err) == portal.NotFound || err == nil && state != portal.Issued && state != portal.Claimed:
		return r, portal.Errorf(portal.Unauthenticated, "revoked", "This access was ended by the institution. Ask the institution if you don't know why.")
	case err == nil && state == portal.Issued:
		return r, portal.Errorf(portal.Forbidden, "claim-first", "Claim your mailbox with the code from your letter first.")
	}
	return r, err
}

// deskAct admits members of the desk to an act, and writes it down; and so it is when another member of the staff tries.
// What the root says of them now counts, not what it said when they logged in: who leaves the desk is shut out at once.
func (c *Correspond) deskAct(ctx context.Context, actor portal.Actor, act, object string) error {
	if actor.Staff() == nil {
		if _, ok := actor.Representative(); ok {
			return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
		}
		return errNobody
	}
	desk, err := c.desk(ctx)
	if err != nil {
		return err
	}
	if _, ok := desk[actor.Holder()]; ok {
		return c.audit(ctx, actor, act, object)
	}
	if err := c.audit(ctx, actor, act+" refused", object); err != nil {
		return err
	}
	return portal.Errorf(portal.Forbidden, "desk-only", "This is for the desk: it takes the role author or approver, which the institution's root did not give you.")
}

// side is on whose behalf somebody reads: a mailbox's, or ("") the desk's.
func (c *Correspond) side(ctx context.Context, actor portal.Actor, act, object string) (crypto.Number, error) {
	if actor.Staff() != nil {
		return "", c.deskAct(ctx, actor, act, object)
	}
	r, err := c.claimed(ctx, actor)
	return r.Mailbox, err
}

// desk returns the certificates of all who are of the desk now, by holder name.
func (c *Correspond) desk(ctx context.Context) (map[string]*crypto.Certificate, error) {
	staff, err := c.staff(ctx)
	if err != nil {
		return nil, err
	}
	return c.deskOf(staff), nil
}

func (c *Correspond) deskOf(staff []*crypto.Certificate) map[string]*crypto.Certificate {
	desk := map[string]*crypto.Certificate{}
	now := c.now()
	for _, certificate := range staff {
		member, err := c.root.VerifyStaff(certificate, now)
		if err == nil && (member.Has(crypto.RoleAuthor) || member.Has(crypto.RoleApprover)) && certificate.CheckPolicy(now) == nil {
			desk[portal.StaffHolder(certificate.Fingerprint())] = certificate
		}
	}
	return desk
}

func (c *Correspond) staff(ctx context.Context) ([]*crypto.Certificate, error) {
	stored, err := c.store.StaffCertificates(ctx)
	if err != nil {
		return nil, err
	}
	return c.verified.ParseAll(stored)
}

// addressees are those to whom messages of a mailbox are sealed now.
type addressees struct {
	certificates map[string]*crypto.Certificate // by holder name
	claimed      map[string]crypto.Fingerprint  // all who claimed the mailbox, whether or not something can be sealed to them
}

func (c *Correspond) addressees(ctx context.Context, mailbox crypto.Number) (*addressees, error) {
	staff, err := c.staff(ctx)
	if err != nil {
		return nil, err
	}
	_, members, err := c.store.Members(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	a := &addressees{certificates: c.deskOf(staff), claimed: map[string]crypto.Fingerprint{}}
	for _, m := range members {
		chain, err := c.verified.ParseAll(m.Chain)
		if err != nil {
			return nil, err
		}
		holder := m.Representative.String()
		a.claimed[holder] = chain[len(chain)-1].Fingerprint()
		// Who has a certificate that has expired gets what came meanwhile once they have a new one, by Share.
		if recipient, err := c.root.VerifyRepresentative(staff, chain, m.Representative, c.now()); err == nil {
			a.certificates[holder] = recipient.Certificate()
		}
	}
	return a, nil
}

// Reply keeps a representative's message to the desk. Claimed representatives only, in threads of their own mailbox; the first one begins the thread.
func (c *Correspond) Reply(ctx context.Context, actor portal.Actor, m *crypto.SealedThreadMessage) (received time.Time, created bool, err error) {
	self, err := c.claimed(ctx, actor)
	if err != nil {
		return time.Time{}, false, err
	}
	if err := checkNames(m, crypto.Reply); err != nil {
		return time.Time{}, false, err
	}
	if m.Mailbox != self.Mailbox {
		return time.Time{}, false, portal.Errorf(portal.Forbidden, "other-mailbox", "You can reply for your own mailbox only.")
	}
	if err := c.audit(ctx, actor, "correspond.reply", object(m)); err != nil {
		return time.Time{}, false, err
	}
	if m.About != "" {
		delivered, err := c.store.Delivered(ctx, self.Mailbox, m.About)
		if err != nil {
			return time.Time{}, false, err
		}
		if !delivered {
			return time.Time{}, false, portal.Errorf(portal.NotFound, "no-notice", "There is no %s in your mailbox that you could reply to.", m.About)
		}
	}
	return c.keep(ctx, actor, m)
}

// Answer keeps a message of a member of the desk in a thread that a mailbox began.
func (c *Correspond) Answer(ctx context.Context, actor portal.Actor, m *crypto.SealedThreadMessage) (received time.Time, created bool, err error) {
	if err := c.deskAct(ctx, actor, "correspond.answer", object(m)); err != nil {
		return time.Time{}, false, err
	}
	if err := checkNames(m, crypto.Answer); err != nil {
		return time.Time{}, false, err
	}
	return c.keep(ctx, actor, m)
}

// object names a message's thread in the audit trail, if it is one.
func object(m *crypto.SealedThreadMessage) string {
	if n, err := crypto.ParseNumber(string(m.Thread)); err == nil && n == m.Thread {
		return string(n)
	}
	return "unreadable"
}

// checkNames looks at what of a message is not sealed.
func checkNames(m *crypto.SealedThreadMessage, kind crypto.MessageKind) error {
	is := func(n crypto.Number, right func(crypto.Kind) bool) bool {
		parsed, err := crypto.ParseNumber(string(n))
		return err == nil && parsed == n && right(n.Kind())
	}
	switch {
	case m.Kind != kind:
		return invalid("invalid-kind", "Representatives send replies, and members of the desk answers.")
	case !is(m.Thread, func(k crypto.Kind) bool { return k == crypto.KindThread }):
		return invalid("invalid-number", "That is no thread's number; a thread's starts with T.")
	case !is(m.Mailbox, crypto.Kind.Mailbox):
		return invalid("invalid-number", "That is no mailbox's number; a mailbox's starts with S, O or I.")
	case m.About != "" && !is(m.About, func(k crypto.Kind) bool { return k == crypto.KindNotice || k == crypto.KindStatement }):
		return invalid("invalid-number", "A thread is about a notice (N-…), a statement (P-…), or neither.")
	case !isHex(m.ID, 32) || !isHex(m.SHA256, 64):
		return invalid("invalid-id", "A message is named by 32, and its heading's digest has 64 digits 0–9 and small letters a–f.")
	}
	return nil
}

func isHex(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == ""
}

// keep checks how a message is sealed, and keeps it.
func (c *Correspond) keep(ctx context.Context, actor portal.Actor, m *crypto.SealedThreadMessage) (time.Time, bool, error) {
	to, err := c.addressees(ctx, m.Mailbox)
	if err != nil {
		return time.Time{}, false, err
	}
	if err := checkSealed(m, to); err != nil {
		return time.Time{}, false, err
	}
	return c.store.AddMessage(ctx, Incoming{SealedThreadMessage: m, Writer: actor.Holder(), At: c.now(), Claimed: to.claimed}, limits)
}

func changed(format string, args ...any) *portal.Error {
	return portal.Errorf(portal.Conflict, "addressees-changed", format+" Fetch the addressees again, and seal the message anew.", args...)
}

// checkSealed says whether a message is sealed to exactly its addressees, with one body and one heading for each suite that they need.
func checkSealed(m *crypto.SealedThreadMessage, to *addressees) error {
	seen := map[string]bool{}
	suites := map[crypto.Suite]bool{}
	for _, e := range m.Envelopes {
		certificate, ok := to.certificates[e.Holder]
		switch {
		case !ok:
			return changed("There is an envelope for somebody who is neither of the desk nor has claimed the mailbox.")
		case seen[e.Holder]:
			return invalid("extra-envelope", "There are two envelopes for %s. Seal the message again.", e.Holder)
		case e.Certificate != certificate.Fingerprint() || e.Suite != certificate.Suite():
			return changed("The message is sealed to a certificate of %s that is no longer in use.", e.Holder)
		}
		if err := crypto.CheckEnvelope(e.Data, certificate); err != nil {
			return invalid("invalid-envelope", "The envelope for %s: %v. Seal the message again.", e.Holder, err)
		}
		seen[e.Holder], suites[e.Suite] = true, true
	}
	for holder := range to.certificates {
		if !seen[holder] {
			return changed("There is no envelope for %s, who must be able to read the message.", holder)
		}
	}
	if err := checkParts("body", m.Bodies, suites, crypto.MaxBodySize); err != nil {
		return err
	}
	return checkParts("heading", m.Headings, suites, maxHeading)
}

func checkParts(what string, parts map[crypto.Suite][]byte, suites map[crypto.Suite]bool, limit int) error {
	for suite := range suites {
		part, ok := parts[suite]
		if !ok {
			return invalid("missing-"+what, "The %s of suite %s, which an envelope needs, is missing.", what, suite)
		}
		if len(part) > limit {
			return portal.Errorf(portal.TooLarge, "too-large", "The %s has more than %d KiB.", what, limit>>10)
		}
		if is, err := crypto.CheckBody(part); err != nil || is != suite {
			return invalid("invalid-"+what, "What is sent as the %s of suite %s is not sealed in that suite. Seal the message again.", what, suite)
		}
	}
	if len(parts) != len(suites) {
		return invalid("extra-"+what, "There is a %s that no envelope opens.", what)
	}
	return nil
}

// Threads returns the threads of the acting representative's mailbox, open and closed, or those of the desk in one state: "open" or "closed". The last changed one first.
func (c *Correspond) Threads(ctx context.Context, actor portal.Actor, state string) ([]Thread, error) {
	mailbox, err := c.side(ctx, actor, "correspond.inbox", "all")
	if err != nil {
		return nil, err
	}
	switch {
	case mailbox != "":
		state = ""
	case state != "open" && state != "closed":
		return nil, invalid("invalid-state", "A thread is open or closed.")
	}
	return c.store.Threads(ctx, actor.Holder(), mailbox, state)
}

// Chains returns the certificates of who wrote replies: what verifies their signatures.
func (c *Correspond) Chains(ctx context.Context, messages ...Record) (map[crypto.Representative][][]byte, error) {
	var writers []crypto.Representative
	for _, m := range messages {
		if r, err := crypto.ParseRepresentative(m.Writer); err == nil && !slices.Contains(writers, r) {
			writers = append(writers, r)
		}
	}
	if len(writers) == 0 {
		return nil, nil
	}
	return c.store.Certificates(ctx, writers...)
}

// Thread returns one with its messages, without their bodies. Listing is not reading.
func (c *Correspond) Thread(ctx context.Context, actor portal.Actor, n crypto.Number) (Thread, []Record, error) {
	return c.thread(ctx, actor, "correspond.thread", n)
}

func (c *Correspond) thread(ctx context.Context, actor portal.Actor, act string, n crypto.Number) (Thread, []Record, error) {
	mailbox, err := c.side(ctx, actor, act, string(n))
	if err != nil {
		return Thread{}, nil, err
	}
	thread, messages, err := c.store.Thread(ctx, actor.Holder(), n)
	if err == nil && mailbox != "" && thread.Mailbox != mailbox {
		return Thread{}, nil, portal.Errorf(portal.NotFound, "no-thread", "There is no thread %s in your mailbox.", n)
	}
	return thread, messages, err
}

// Message returns a message with the reader's envelope and body, and marks it read by them.
func (c *Correspond) Message(ctx context.Context, actor portal.Actor, n crypto.Number, id string) (Record, []byte, error) {
	if _, _, err := c.thread(ctx, actor, "correspond.message", n); err != nil {
		return Record{}, nil, err
	}
	m, body, err := c.store.Message(ctx, actor.Holder(), n, id)
	if err != nil {
		return Record{}, nil, err
	}
	switch {
	case m.Kind == crypto.MailedReply && actor.Staff() == nil:
		return Record{}, nil, errSealedToDesk
	case m.Kind != crypto.MailedReply && len(m.Envelope) == 0:
		return Record{}, nil, portal.Errorf(portal.NotFound, "not-shared", "This message was written before you came, and nobody has shared it with you yet. That happens when a colleague who can read it opens the list of threads.")
	}
	if m.ReadAt.IsZero() {
		m.ReadAt = c.now()
		if err := c.store.MarkRead(ctx, actor.Holder(), id, m.ReadAt); err != nil {
			return Record{}, nil, err
		}
	}
	return m, body, nil
}

// Assign gives a thread to a member of the desk, by holder name, or with "" to nobody.
func (c *Correspond) Assign(ctx context.Context, actor portal.Actor, n crypto.Number, assignee string) error {
	if err := c.deskAct(ctx, actor, "correspond.assign", string(n)); err != nil {
		return err
	}
	if assignee != "" {
		desk, err := c.desk(ctx)
		if err != nil {
			return err
		}
		if desk[assignee] == nil {
			return invalid("invalid-assignee", "Threads are assigned to members of the desk: staff who may author or approve.")
		}
	}
	return c.store.Assign(ctx, n, assignee)
}

// Close ends a thread, until a reply or Reopen opens it again.
func (c *Correspond) Close(ctx context.Context, actor portal.Actor, n crypto.Number) error {
	if err := c.deskAct(ctx, actor, "correspond.close", string(n)); err != nil {
		return err
	}
	return c.store.SetClosed(ctx, n, true)
}

// Reopen undoes Close.
func (c *Correspond) Reopen(ctx context.Context, actor portal.Actor, n crypto.Number) error {
	if err := c.deskAct(ctx, actor, "correspond.reopen", string(n)); err != nil {
		return err
	}
	return c.store.SetClosed(ctx, n, false)
}

// Addressees returns who has claimed a mailbox: to them, and to the desk, its messages are sealed. For representatives of the mailbox, and the desk.
func (c *Correspond) Addressees(ctx context.Context, actor portal.Actor, mailbox crypto.Number) (label []byte, members []Member, err error) {
	own, err := c.side(ctx, actor, "correspond.addressees", string(mailbox))
	if err != nil {
		return nil, nil, err
	}
	if own != "" && own != mailbox {
		return nil, nil, portal.Errorf(portal.NotFound, "no-mailbox", "There is no mailbox %s.", mailbox)
	}
	return c.store.Members(ctx, mailbox)
}

// Lacking returns, of the messages that the actor can open, those that somebody who should open them can't: at most 500 envelopes are named at once.
func (c *Correspond) Lacking(ctx context.Context, actor portal.Actor) ([]Lack, error) {
	mailbox, err := c.side(ctx, actor, "correspond.lacking", "all")
	if err != nil {
		return nil, err
	}
	desk, err := c.desk(ctx)
	if err != nil {
		return nil, err
	}
	holders := make([]string, 0, len(desk))
	for holder := range desk {
		holders = append(holders, holder)
	}
	slices.Sort(holders)
	return c.store.Lacking(ctx, actor.Holder(), mailbox, holders, maxShared)
}

// Share keeps envelopes that the actor made for people who lacked one in a thread, out of their own. It returns how many were new.
func (c *Correspond) Share(ctx context.Context, actor portal.Actor, n crypto.Number, envelopes []Shared) (int, error) {
	mailbox, err := c.side(ctx, actor, "correspond.share", string(n))
	if err != nil {
		return 0, err
	}
	if mailbox != "" {
		if err := c.audit(ctx, actor, "correspond.share", string(n)); err != nil {
			return 0, err
		}
	}
	if len(envelopes) > maxShared {
		return 0, portal.Errorf(portal.TooLarge, "too-large", "At most %d envelopes are taken at once.", maxShared)
	}
	thread, _, err := c.store.Thread(ctx, actor.Holder(), n)
	if err != nil {
		return 0, err
	}
	if mailbox != "" && thread.Mailbox != mailbox {
		return 0, portal.Errorf(portal.NotFound, "no-thread", "There is no thread %s in your mailbox.", n)
	}
	to, err := c.addressees(ctx, thread.Mailbox)
	if err != nil {
		return 0, err
	}
	for _, e := range envelopes {
		certificate := to.certificates[e.Holder]
		if certificate == nil || certificate.Fingerprint() != e.Certificate {
			return 0, changed("There is an envelope for somebody who is neither of the desk nor has claimed the mailbox, or for a certificate that is no longer in use.")
		}
		if err := crypto.CheckEnvelopeFor(e.Suite, e.Data, certificate); err != nil {
			return 0, invalid("invalid-envelope", "The envelope for %s: %v. Rewrap it again.", e.Holder, err)
		}
	}
	return c.store.AddEnvelopes(ctx, actor.Holder(), n, envelopes)
}
