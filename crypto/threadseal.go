package crypto

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// SealedThreadMessage is everything that is handed in of a message. What the server
// must know to keep it stands in the clear; all else is sealed.
type SealedThreadMessage struct {
	Kind     MessageKind
	Thread   Number
	Mailbox  Number
	About    Number // or ""
	ID       string
	SHA256   string           // of the heading's text
	Headings map[Suite][]byte // one SEIPD packet each
	Bodies   map[Suite][]byte // one SEIPD packet each
	// Envelopes are one for each representative, in the order of their ordinals, then one
	// for each of the desk, by fingerprint.
	Envelopes []Envelope
}

// SealReply signs a message with a representative's key, for PurposeReply and
// PurposeReplyHeading, at the time m.Created, and seals it to the desk and to the
// representatives of the mailbox, the writer among them. It sets m's Kind, From and
// Sender. Sealing the same m again, later and to others, gives the same message; now is
// when their certificates must be good.
func SealReply(key *Key, as Representative, m *ThreadMessage, to []*Recipient, desk []*Staff, now time.Time) (*SealedThreadMessage, error) {
	if !key.exists() || m == nil {
		return nil, errNoKey
	}
	if err := key.certificate.checkUserID(as.String()); err != nil {
		return nil, fmt.Errorf("the key is not that of %s: %w", as, key.certificate.withFingerprint(err))
	}
	m.Kind, m.From, m.Sender = Reply, as.String(), as.String()
	if !slices.ContainsFunc(to, func(r *Recipient) bool {
		return r != nil && r.representative == as && r.certificate.fingerprint == key.certificate.fingerprint
	}) {
		return nil, fmt.Errorf("%s is not among those whom the reply is sealed to, so you could not read it again", as)
	}
	if len(desk) == 0 {
		return nil, errors.New("nobody at the institution could read the reply: no member of its staff may author or approve just now")
	}
	return sealThreadMessage(key, m, to, desk, now)
}

// SealAnswer is SealReply for a member of the desk, a staff member with RoleAuthor or
// RoleApprover at the time m.Created.
func SealAnswer(root *Root, key *Key, m *ThreadMessage, to []*Recipient, desk []*Staff, now time.Time) (*SealedThreadMessage, error) {
	if !root.exists() || !key.exists() || m == nil {
		return nil, errors.New("answering needs the institution's root and a key")
	}
	self, err := root.VerifyStaff(key.Certificate(), m.Created)
	if err != nil {
		return nil, err
	}
	if err := self.ofDesk(); err != nil {
		return nil, err
	}
	m.Kind, m.From, m.Sender = Answer, StaffHolder(key.certificate.fingerprint), self.Name()
	if !slices.ContainsFunc(desk, func(s *Staff) bool { return s != nil && s.certificate.fingerprint == key.certificate.fingerprint }) {
		return nil, errors.New("you are not among those whom the answer is sealed to, so you could not read it again")
	}
	if len(to) == 0 {
		return nil, fmt.Errorf("nobody of %s could read the answer: no representative has claimed the mailbox", m.Mailbox)
	}
	return sealThreadMessage(key, m, to, desk, now)
}

// ofDesk refuses who may neither author nor approve.
func (s *Staff) ofDesk() error {
	if !s.Has(RoleAuthor) && !s.Has(RoleApprover) {
		return fmt.Errorf("%s is not of the desk: that takes the role %q or %q", s.Name(), RoleAuthor, RoleApprover)
	}
	return nil
}

func sealThreadMessage(key *Key, m *ThreadMessage, to []*Recipient, desk []*Staff, now time.Time) (*SealedThreadMessage, error) {
	to, desk, err := sortHolders(to, desk)
	if err != nil {
		return nil, err
	}
	if err := checkAddressees(m, to, desk, now); err != nil {
		return nil, err
	}
	mime, err := m.encode()
	if err != nil {
		return nil, err
	}
	heading := &ThreadHeading{MessageFacts: m.MessageFacts, ContentSHA256: sha256Hex(mime), Subject: LanguageSubject{m.Text.Language, m.Text.Subject}}
	text := heading.encode()
	s := &SealedThreadMessage{
		Kind: m.Kind, Thread: m.Thread, Mailbox: m.Mailbox, About: m.About, ID: m.ID, SHA256: sha256Hex(text),
		Headings: map[Suite][]byte{}, Bodies: map[Suite][]byte{},
	}
	onContent, onHeading, err := m.Kind.purposes()
	if err != nil {
		return nil, err
	}
	certificates := holderCertificates(to, desk)
	keys := map[Suite]*SessionKey{}
	for _, suite := range suites {
		if !slices.ContainsFunc(certificates, func(c *Certificate) bool { return c.Suite() == suite }) {
			continue
		}
		session, err := newSessionKey(suite)
		if err != nil {
			return nil, err
		}
		if s.Bodies[suite], err = session.seal(onContent, key, mime, m.Created); err != nil {
			return nil, err
		}
		if s.Headings[suite], err = session.seal(onHeading, key, text, m.Created); err != nil {
			return nil, err
		}
		keys[suite] = session
	}
	wrapped := &SealedNotice{}
	if err := wrapped.wrap(keys, to, desk, nil); err != nil {
		return nil, err
	}
	s.Envelopes = wrapped.Envelopes
	return s, nil
}

// checkAddressees says whether a message can be sealed to all of them.
func checkAddressees(m *ThreadMessage, to []*Recipient, desk []*Staff, now time.Time) error {
	for i, r := range to {
		if r.representative.Mailbox != m.Mailbox {
			return fmt.Errorf("%s is no representative of %s, which the thread belongs to", r.representative, m.Mailbox)
		}
		if i > 0 && to[i-1].representative == r.representative {
			return fmt.Errorf("%s stands among the addressees twice", r.representative)
		}
		if err := r.certificate.CheckPolicy(now); err != nil {
			return fmt.Errorf("the certificate of %s can't be sealed to: %w", r.representative, err)
		}
	}
	for _, s := range desk {
		if err := s.ofDesk(); err != nil {
			return err
		}
		if err := s.certificate.CheckPolicy(now); err != nil {
			return fmt.Errorf("the certificate of %s can't be sealed to: %w", s.Name(), err)
		}
	}
	return nil
}

// VerifiedHeading is the heading of a message whose writer was verified up to the root.
// Nothing but OpenThreadHeading makes a usable one.
type VerifiedHeading struct {
	heading        *ThreadHeading
	digest         string
	signature      *Signature
	representative Representative
	member         *Staff
	session        *SessionKey
}

// Heading returns what it says.
func (v *VerifiedHeading) Heading() *ThreadHeading { return v.heading }

// SHA256 stands for the message: what later messages name in After.
func (v *VerifiedHeading) SHA256() string { return v.digest }

// Representative returns who wrote a reply; ok is false for an answer.
func (v *VerifiedHeading) Representative() (r Representative, ok bool) {
	return v.representative, v.representative.Ordinal > 0
}

// Member returns who of the desk wrote an answer, nil for a reply.
func (v *VerifiedHeading) Member() *Staff { return v.member }

// Signature returns the writer's signature.
func (v *VerifiedHeading) Signature() *Signature { return v.signature }

func (v *VerifiedHeading) exists() error {
	if v == nil || v.heading == nil || v.session == nil {
		return errors.New("there is no verified heading")
	}
	return nil
}

// OpenThreadHeading opens the heading of a reply or an answer with its envelope and any
// of keys. chains are the certificates of representatives of the mailbox, by whom, the
// issued one first. It returns nothing unless it was signed for the kind's purpose, at
// the time that it names, by whom it names: a representative with a key of their own
// whose chain held then, or a staff member who could author or approve then; and unless
// it is of this institution, and of this thread and mailbox.
func (r *Root) OpenThreadHeading(kind MessageKind, thread, mailbox Number, envelope, sealed []byte, keys []*Key, staff []*Certificate, chains map[Representative][]*Certificate, now time.Time) (*VerifiedHeading, error) {
	if !r.exists() {
		return nil, errNoRoot
	}
	_, purpose, err := kind.purposes()
	if err != nil {
		return nil, err
	}
	session, err := Unwrap(envelope, keys...)
	if err != nil {
		return nil, err
	}
	plain, err := session.decrypt(sealed)
	if err != nil {
		return nil, err
	}
	signers := staff
	if kind == Reply {
		signers = nil
		for _, chain := range chains {
			signers = append(signers, chain...)
		}
	}
	text, s, err := verifyInside(plain, signers, purpose, now)
	if err != nil {
		return nil, err
	}
	h, err := parseThreadHeading(text)
	if err != nil {
		return nil, err
	}
	switch {
	case h.Institution != r.Fingerprint():
		return nil, errors.New("the message was written to another institution")
	case h.Thread != thread || h.Mailbox != mailbox:
		return nil, fmt.Errorf("the portal shows a message of the thread %s of %s as one of %s of %s: don't rely on it, and tell the institution by another way than this portal", h.Thread, h.Mailbox, thread, mailbox)
	case h.Kind != kind:
		return nil, errors.New("the portal shows a reply as an answer, or an answer as a reply")
	case !h.Created.Equal(s.Made()):
		return nil, errors.New("the message was signed at another time than it names")
	}
	v := &VerifiedHeading{heading: h, digest: sha256Hex(text), signature: s, session: session}
	if kind == Reply {
		v.representative, err = r.writerOfReply(h, s, staff, chains)
	} else {
		v.member, err = r.writerOfAnswer(h, s)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (r *Root) writerOfReply(h *ThreadHeading, s *Signature, staff []*Certificate, chains map[Representative][]*Certificate) (Representative, error) {
	as, err := ParseRepresentative(h.From)
	if err != nil {
		return Representative{}, err
	}
	chain := chains[as]
	at := slices.IndexFunc(chain, func(c *Certificate) bool { return c.exists() && c.fingerprint == s.signer.fingerprint })
	switch {
	case at < 0:
		return Representative{}, fmt.Errorf("the reply says that it is from %s, and was signed with the key of somebody else", as)
	case at == 0: // which whoever saw the letter has
		return Representative{}, fmt.Errorf("the reply was signed with the key that was issued to %s, not with one that they made their own", as)
	}
	if _, err := r.VerifyRepresentative(staff, chain[:at+1], as, s.Made()); err != nil {
		return Representative{}, err
	}
	return as, nil
}

func (r *Root) writerOfAnswer(h *ThreadHeading, s *Signature) (*Staff, error) {
	member, err := r.VerifyStaff(s.signer, s.Made())
	if err != nil {
		return nil, err
	}
	if err := member.ofDesk(); err != nil {
		return nil, err
	}
	if h.From != StaffHolder(s.signer.fingerprint) || h.Sender != member.Name() {
		return nil, fmt.Errorf("the answer was signed by %s, and names somebody else as its writer", member.Name())
	}
	return member, nil
}

// OpenedMessage is a message whose content and heading agreed. Nothing but
// OpenThreadMessage makes a usable one.
type OpenedMessage struct {
	verified *VerifiedHeading
	message  *ThreadMessage
}

// Verified returns the heading, and who signed it.
func (o *OpenedMessage) Verified() *VerifiedHeading { return o.verified }

// Message returns what it says.
func (o *OpenedMessage) Message() *ThreadMessage { return o.message }

// OpenThreadMessage opens the body that belongs to a heading: the same person must have
// signed its content, at the same time, and it must be the one that the heading names.
func OpenThreadMessage(v *VerifiedHeading, body []byte, now time.Time) (*OpenedMessage, error) {
	if err := v.exists(); err != nil {
		return nil, err
	}
	purpose, _, err := v.heading.Kind.purposes()
	if err != nil {
		return nil, err
	}
	mime, s, err := v.session.open(purpose, v.signature.signer, body, now)
	if err != nil {
		return nil, err
	}
	if sha256Hex(mime) != v.heading.ContentSHA256 {
		return nil, errors.New("the message holds another content than the one that its heading names")
	}
	m, err := parseThreadMessage(mime)
	if err != nil {
		return nil, err
	}
	if !s.Made().Equal(v.heading.Created) || string(writeText("", m.lines()...)) != string(writeText("", v.heading.lines()...)) ||
		m.Text.Language != v.heading.Subject.Language || m.Text.Subject != v.heading.Subject.Subject {
		return nil, errors.New("the message says something else of itself than its heading does")
	}
	return &OpenedMessage{verified: v, message: m}, nil
}

// sortHolders returns both sorted, the desk without repetitions.
func sortHolders(recipients []*Recipient, desk []*Staff) ([]*Recipient, []*Staff, error) {
	if slices.ContainsFunc(recipients, func(r *Recipient) bool { return r == nil || r.certificate == nil }) {
		return nil, nil, errors.New("a recipient was not verified")
	}
	recipients = slices.Clone(recipients)
	slices.SortFunc(recipients, func(a, b *Recipient) int { return compareRepresentatives(a.representative, b.representative) })
	desk, err := sortDesk(desk)
	return recipients, desk, err
}

func holderCertificates(recipients []*Recipient, desk []*Staff) []*Certificate {
	certificates := make([]*Certificate, 0, len(recipients)+len(desk))
	for _, r := range recipients {
		certificates = append(certificates, r.certificate)
	}
	for _, s := range desk {
		certificates = append(certificates, s.certificate)
	}
	return certificates
}

func (s *SealedNotice) wrap(keys map[Suite]*SessionKey, recipients []*Recipient, desk []*Staff, progress func(done, total int)) error {
	to := holderCertificates(recipients, desk)
	var report func(int)
	if progress != nil {
		report = func(done int) { progress(done, len(to)) }
	}
	envelopes, err := WrapAll(keys, to, report)
	if err != nil {
		return err
	}
	for i, c := range to {
		holder := StaffHolder(c.Fingerprint())
		if i < len(recipients) {
			holder = recipients[i].representative.String()
		}
		s.Envelopes = append(s.Envelopes, Envelope{Holder: holder, Certificate: c.Fingerprint(), Suite: c.Suite(), Data: envelopes[i]})
	}
	return nil
}
