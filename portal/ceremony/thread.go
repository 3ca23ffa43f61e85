package ceremony

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// Reader is who reads threads: a representative, or a member of the desk.
type Reader struct {
	keys   []*crypto.Key
	holder string
}

// Reader returns a representative as a reader of threads.
func (s *Self) Reader() *Reader { return &Reader{keys: s.keys, holder: s.representative.String()} }

// DeskReader is a member of the desk as a reader of threads: their present key first, then past ones.
func DeskReader(keys []*crypto.Key) *Reader {
	r := &Reader{keys: keys}
	if len(keys) > 0 {
		r.holder = crypto.StaffHolder(keys[0].Certificate().Fingerprint())
	}
	return r
}

// Written is a message of a thread as a list shows it.
type Written struct {
	ID       string
	Kind     crypto.MessageKind
	Received time.Time               // as the portal says
	Read     *time.Time              // likewise: by the reader
	Verified *crypto.VerifiedHeading // nil when Problem is set, and of a reply by e-mail, which has no heading
	Digest   string                  // by which others name it: Verified's; of a reply by e-mail, the portal's word until it is read (ReadMailed)
	Shared   bool                    // false: it came before the reader, and nobody has shared it with them yet
	Missing  []string                // digests of messages that its writer saw, and that are not before it here
	Problem  error                   // what did not hold
}

// Conversation is a thread as a client verified it. What stands in the embedded api.Thread is the server's word, but for what Verified
// headings say, too.
type Conversation struct {
	api.Thread
	Name     string // of the stakeholder, for staff who may know it
	Messages []Written
	chains   map[crypto.Representative][]*crypto.Certificate
}

// Gaps says whether a message is missing from the middle: one whose writer saw it, and that the portal shows neither here nor as
// one that is still to be shared.
func (c *Conversation) Gaps() bool {
	missing := map[string]bool{}
	unshared := 0
	for _, m := range c.Messages {
		if !m.Shared {
			unshared++
		}
		for _, digest := range m.Missing {
			missing[digest] = true
		}
	}
	return len(missing) > unshared
}

// Subject returns the thread's: that of its first message; "" when that could not be opened, or came by e-mail.
func (c *Conversation) Subject() string {
	if len(c.Messages) == 0 || c.Messages[0].Verified == nil {
		return ""
	}
	return c.Messages[0].Verified.Heading().Subject.Subject
}

// Heads returns the digests that a next message names as those before it: if they are too many, what people wrote before what came by e-mail, of which anybody can send much, and the last ones.
func (c *Conversation) Heads() []string {
	var heads []string
	named, written := map[string]bool{}, map[string]int{} // written: 1 for what did not come by e-mail
	for _, m := range c.Messages {
		if m.Digest == "" {
			continue
		}
		heads = append(heads, m.Digest)
		if m.Verified == nil {
			continue
		}
		written[m.Digest] = 1
		for _, digest := range m.Verified.Heading().After {
			named[digest] = true
		}
	}
	heads = slices.DeleteFunc(heads, func(digest string) bool { return named[digest] })
	slices.SortStableFunc(heads, func(a, b string) int { return cmp.Compare(written[a], written[b]) })
	return heads[max(0, len(heads)-crypto.MaxAfter):]
}

// ListThreads verifies the first messages of threads, in the order given. One that does not hold doesn't hide the others.
func ListThreads(t *Trust, r *Reader, threads api.Threads, now time.Time) ([]Conversation, error) {
	chains, err := threadChains(t, threads.Chains)
	if err != nil {
		return nil, err
	}
	list := make([]Conversation, len(threads.Threads))
	for i, wire := range threads.Threads {
		list[i] = Conversation{Thread: wire, Name: labelOf(t, r, wire, now)}
		list[i].Messages = []Written{readHeading(t, r, &list[i].Thread, wire.First, chains, now)}
	}
	return list, nil
}

// ReadThread verifies the headings of all messages of the thread that was asked for, and that each comes after those that its writer saw.
func ReadThread(t *Trust, r *Reader, want crypto.Number, d api.ThreadDetail, now time.Time) (*Conversation, error) {
	chains, err := threadChains(t, d.Chains)
	if err != nil {
		return nil, err
	}
	if d.Thread.Thread != want {
		return nil, fmt.Errorf("the portal shows the thread %s as %s: don't rely on it, and tell the institution", d.Thread.Thread, want)
	}
	c := &Conversation{Thread: d.Thread, Name: labelOf(t, r, d.Thread, now), chains: chains}
	before := map[string]bool{}
	for _, wire := range d.List {
		m := readHeading(t, r, &c.Thread, wire, chains, now)
		switch {
		case m.Digest == "":
		case before[m.Digest]:
			m.Verified, m.Digest, m.Problem = nil, "", errors.New("the portal shows the same message twice")
		default:
			if m.Verified != nil {
				for _, digest := range m.Verified.Heading().After {
					if !before[digest] {
						m.Missing = append(m.Missing, digest)
					}
				}
			}
			before[m.Digest] = true
		}
		c.Messages = append(c.Messages, m)
	}
	return c, nil
}

func labelOf(t *Trust, r *Reader, wire api.Thread, now time.Time) string {
	if len(wire.Label) == 0 || r == nil {
		return ""
	}
	name, err := openRecord(t, r.keys, wire.Label, labelRecord, string(wire.Mailbox), now)
	if err != nil { // not sealed to them; the number is shown instead
		return ""
	}
	return name
}

func threadChains(t *Trust, wire map[string][]string) (map[crypto.Representative][]*crypto.Certificate, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	chains := map[crypto.Representative][]*crypto.Certificate{}
	for of, armored := range wire {
		representative, err := crypto.ParseRepresentative(of)
		if err != nil {
			return nil, err
		}
		if chains[representative], err = parseChain(armored); err != nil {
			return nil, err
		}
	}
	return chains, nil
}

func readHeading(t *Trust, r *Reader, thread *api.Thread, wire api.ThreadMessage, chains map[crypto.Representative][]*crypto.Certificate, now time.Time) Written {
	m := Written{ID: wire.ID, Kind: wire.Kind, Received: wire.Received, Read: wire.Read, Shared: len(wire.Envelope) > 0}
	if wire.Kind == crypto.MailedReply { // nothing of it is believed before it is opened, but that something of that digest is there
		if m.Shared = true; isDigest(wire.SHA256) {
			m.Digest = wire.SHA256
		} else {
			m.Problem = errors.New("the portal names it in a way that it never does")
		}
		return m
	}
	if !m.Shared {
		return m
	}
	if r == nil || len(r.keys) == 0 {
		m.Problem = errors.New("there is nobody to open it for: unlock your key first")
		return m
	}
	v, err := t.root.OpenThreadHeading(wire.Kind, thread.Thread, thread.Mailbox, wire.Envelope, wire.Heading, r.keys, t.staff, chains, now)
	switch {
	case err != nil:
		m.Problem = err
	case v.Heading().ID != wire.ID || v.SHA256() != wire.SHA256:
		m.Problem = errors.New("the portal keeps it under the name of another message")
	case v.Heading().About != thread.About:
		m.Problem = errors.New("the portal says that the thread is about something else than the message does")
	default:
		m.Verified, m.Digest = v, v.SHA256()
	}
	return m
}

// isDigest says whether a text is a SHA-256 in small hexadecimal digits.
func isDigest(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// ReadMessage opens a message of a conversation that was fetched with its body.
func ReadMessage(c *Conversation, wire api.ThreadMessage, now time.Time) (*crypto.OpenedMessage, error) {
	at := slices.IndexFunc(c.Messages, func(m Written) bool { return m.ID == wire.ID })
	if at < 0 {
		return nil, errors.New("the portal shows a message that is not in the thread")
	}
	m := c.Messages[at]
	switch {
	case m.Problem != nil:
		return nil, m.Problem
	case !m.Shared:
		return nil, errors.New("nobody has shared this message with you yet")
	case m.Verified == nil:
		return nil, errors.New("it came by e-mail, sealed to the desk alone")
	}
	return crypto.OpenThreadMessage(m.Verified, wire.Body, now)
}

// addressees verifies those to whom a mailbox's messages are sealed. Who does not hold is left out; the portal refuses the message if
// that was wrong.
func addressees(t *Trust, mailbox crypto.Number, wire api.Addressees, now time.Time) (to []*crypto.Recipient, desk []*crypto.Staff, err error) {
	if err := t.exists(); err != nil {
		return nil, nil, err
	}
	if wire.Mailbox != mailbox {
		return nil, nil, fmt.Errorf("the portal shows the representatives of %s as those of %s", wire.Mailbox, mailbox)
	}
	for _, a := range wire.Representatives {
		of, err := crypto.ParseRepresentative(a.Representative)
		if err != nil {
			return nil, nil, err
		}
		if of.Mailbox != mailbox {
			return nil, nil, fmt.Errorf("the portal shows %s among the representatives of %s: don't write, and tell the institution", of, mailbox)
		}
		if recipient, err := t.VerifyChain(a.Chain, of, now); err == nil {
			to = append(to, recipient)
		}
	}
	for _, member := range t.Staff(now, crypto.RoleAuthor, crypto.RoleApprover) {
		if member.Certificate().CheckPolicy(now) == nil {
			desk = append(desk, member)
		}
	}
	return to, desk, nil
}

// SealReply seals a representative's message for the portal. To send it again, seal the same m again.
func SealReply(t *Trust, key *crypto.Key, as crypto.Representative, m *crypto.ThreadMessage, wire api.Addressees, now time.Time) (*api.NewMessage, error) {
	to, desk, err := addressees(t, m.Mailbox, wire, now)
	if err != nil {
		return nil, err
	}
	sealed, err := crypto.SealReply(key, as, m, to, desk, now)
	if err != nil {
		return nil, err
	}
	return newMessage(sealed), nil
}

// SealAnswer seals an answer of a member of the desk for the portal.
func SealAnswer(t *Trust, key *crypto.Key, m *crypto.ThreadMessage, wire api.Addressees, now time.Time) (*api.NewMessage, error) {
	to, desk, err := addressees(t, m.Mailbox, wire, now)
	if err != nil {
		return nil, err
	}
	sealed, err := crypto.SealAnswer(t.root, key, m, to, desk, now)
	if err != nil {
		return nil, err
	}
	return newMessage(sealed), nil
}

func newMessage(s *crypto.SealedThreadMessage) *api.NewMessage {
	m := &api.NewMessage{
		Kind: s.Kind, Mailbox: s.Mailbox, About: s.About, ID: s.ID, SHA256: s.SHA256, Headings: s.Headings, Bodies: s.Bodies,
		Envelopes: make([]api.Envelope, len(s.Envelopes)),
	}
	for i, e := range s.Envelopes {
		m.Envelopes[i] = api.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data}
	}
	return m
}

// ShareWith makes envelopes of one thread for those who lack them, as far as they are who the root, or the mailbox's chain up to it, says that
// they are. It returns nothing for whom that does not hold. Whoever can read a message may do it, and nobody else can.
func ShareWith(t *Trust, r *Reader, mailbox crypto.Number, lacking []api.Lack, wire api.Addressees, now time.Time) ([]api.SharedEnvelope, error) {
	to, desk, err := addressees(t, mailbox, wire, now)
	if err != nil {
		return nil, err
	}
	certificates := map[string]*crypto.Certificate{}
	for _, member := range desk {
		certificates[crypto.StaffHolder(member.Certificate().Fingerprint())] = member.Certificate()
	}
	for _, recipient := range to {
		certificates[recipient.Representative().String()] = recipient.Certificate()
	}
	var shared []api.SharedEnvelope
	for _, l := range lacking {
		certificate := certificates[l.Holder]
		if certificate == nil || l.Mailbox != mailbox {
			continue
		}
		envelope, err := crypto.Rewrap(l.Envelope, r.keys, certificate)
		if err != nil {
			continue // one that can't be opened keeps nobody from the others
		}
		shared = append(shared, api.SharedEnvelope{Message: l.Message, Envelope: api.Envelope{
			Holder: l.Holder, Certificate: certificate.Fingerprint(), Suite: l.Suite, Data: envelope,
		}})
	}
	return shared, nil
}
