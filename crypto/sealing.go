package crypto

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Sealing is a notice that is being sealed, in steps: all that takes the author's key is
// done in one place, and the envelopes, which are the long part, are wrapped wherever
// there are cores; a client can say how far it is, and stop. BeginSealing makes
// one; Add takes envelopes, in any order; Finish signs. SealNotice is all of it at once.
type Sealing struct {
	author   *Key
	now      time.Time
	manifest *Manifest
	sealed   *SealedNotice
	keys     map[Suite]*SessionKey
	members  []AudienceMember // sorted
	desk     []*Staff         // sorted
	personal *personalDispatch
}

// BeginSealing does what SealNotice does, but wraps no envelope and doesn't sign the manifest yet.
//
// to are recipients (Recipient.Member) whose chain VerifyRepresentative accepted in a program that the caller trusts like itself: here, or in another
// worker of the same client, which keeps the Recipient and wraps to it (WrapRecipients). Nothing here can check that; the server and the approver's client do.
func BeginSealing(root *Root, author *Key, draft *Draft, to []AudienceMember, desk []*Staff, now time.Time) (*Sealing, error) {
	p, err := PrepareSealing(root, author, draft, to, desk, now)
	if err != nil {
		return nil, err
	}
	if err := p.SealPersonal(p.Left()); err != nil {
		return nil, err
	}
	return p.Begin()
}

// PreparedSealing is what comes before a Sealing, for who wants to stop in between: each of thousands of personal parts is signed, and that takes its time on the one core that
// has the key.
type PreparedSealing struct {
	root     *Root
	author   *Key
	draft    *Draft
	notice   Number
	audience *Audience
	personal *personalDispatch // nil: the notice has no personal parts
	desk     []*Staff
	now      time.Time
}

// PrepareSealing is the beginning of BeginSealing; SealPersonal follows until nothing is Left, and Begin.
func PrepareSealing(root *Root, author *Key, draft *Draft, to []AudienceMember, desk []*Staff, now time.Time) (*PreparedSealing, error) {
	if draft == nil {
		return nil, errors.New("there is no draft to seal")
	}
	now = now.UTC().Truncate(time.Second)
	if err := checkAuthor(root, author, now); err != nil {
		return nil, err
	}
	desk, err := sortDesk(desk)
	if err != nil {
		return nil, err
	}
	members := slices.SortedFunc(slices.Values(to), compareMembers)
	audience, err := audienceOf(members)
	if err != nil {
		return nil, err
	}
	if err := checkDesk(author, root, desk, now); err != nil { // before thousands of signatures
		return nil, err
	}
	notice := NewNumber(KindNotice)
	personal, err := preparePersonal(draft, notice, now, members)
	if err != nil {
		return nil, err
	}
	return &PreparedSealing{root, author, draft, notice, audience, personal, desk, now}, nil
}

// Left returns how many personal parts are not sealed yet.
func (p *PreparedSealing) Left() int {
	if p.personal == nil {
		return 0
	}
	return len(p.personal.places) - len(p.personal.parts)
}

// SealPersonal seals the next n personal parts, or as many as are left, on all cores.
func (p *PreparedSealing) SealPersonal(n int) error {
	if n = min(n, p.Left()); n <= 0 {
		return nil
	}
	return p.personal.seal(p.author, n, p.now)
}

// Begin does the rest of BeginSealing.
func (p *PreparedSealing) Begin() (*Sealing, error) {
	if n := p.Left(); n > 0 {
		return nil, fmt.Errorf("%d personal parts are not sealed yet", n)
	}
	return beginSealing(p.root, p.author, p.draft, p.notice, p.audience, p.personal, p.desk, p.now)
}

// beginSealing is BeginSealing for a sorted audience, when the personal parts are sealed.
func beginSealing(root *Root, author *Key, draft *Draft, notice Number, audience *Audience, personal *personalDispatch, desk []*Staff, now time.Time) (*Sealing, error) {
	personal.enter(audience)
	members := audience.Members
	a, err := audience.Encode()
	if err != nil {
		return nil, err
	}
	audienceRoot, err := audience.Root()
	if err != nil {
		return nil, err
	}
	content := &Content{
		From: draft.From, Notice: notice, Salt: NewContentSalt(), Opening: NewOpening(), AudienceRoot: audienceRoot,
		Created: now, Languages: draft.Languages, Attachments: draft.Attachments,
	}
	mime, err := content.Encode()
	if err != nil {
		return nil, err
	}
	// Before the work begins: everything else in the manifest that could be refused.
	manifest := &Manifest{
		Institution: root.Fingerprint(), Notice: content.Notice, Version: 1, Author: author.Certificate().Fingerprint(), Created: now,
		ContentSHA256: sha256Hex(mime), HeadingSHA256: sha256Hex(content.heading().encode()),
		OpeningSHA256: openingDigest(content.Opening), AudienceRoot: content.AudienceRoot,
		Mailboxes: audience.Mailboxes(), Members: len(audience.Members), Bodies: map[Suite]BodyRef{}, Headings: map[Suite]BodyRef{},
	}
	manifest.setPolicy(draft)
	if err := checkDraft(manifest); err != nil {
		return nil, err
	}
	if err := checkDesk(author, root, desk, now); err != nil {
		return nil, err
	}
	s := &Sealing{author: author, now: now, manifest: manifest, members: members, desk: desk, personal: personal}
	s.sealed = &SealedNotice{Audience: a, Headings: map[Suite][]byte{}, Bodies: map[Suite][]byte{}, Envelopes: make([]Envelope, len(members)+len(desk))}
	occurs := map[Suite]bool{}
	for _, m := range members {
		occurs[m.Suite] = true
	}
	for _, member := range desk {
		occurs[member.certificate.Suite()] = true
	}
	if s.keys, err = s.sealed.sealBodies(author, mime, content.heading().encode(), manifest, occurs, now); err != nil {
		return nil, err
	}
	if err := s.personal.sealKey(s.sealed, author, audienceRoot, desk, now); err != nil {
		return nil, err
	}
	return s, nil
}

// Notice returns the number that was drawn.
func (s *Sealing) Notice() Number { return s.manifest.Notice }

// Members returns to whom envelopes are to be wrapped, besides the desk: sorted, as Add counts them.
func (s *Sealing) Members() []AudienceMember { return slices.Clone(s.members) }

// Keys returns the session key of each suite, for whoever wraps.
func (s *Sealing) Keys() map[Suite]*SessionKey {
	keys := make(map[Suite]*SessionKey, len(s.keys))
	for suite, k := range s.keys {
		keys[suite] = k
	}
	return keys
}

// Add takes the envelope of the i-th member, as WrapRecipients wrapped it. Its structure is checked; whether it
// opens, only the member can tell.
func (s *Sealing) Add(i int, envelope []byte) error {
	if i < 0 || i >= len(s.members) {
		return fmt.Errorf("there is no member %d of the audience", i)
	}
	m := s.members[i]
	e, err := parseEnvelope(envelope)
	if err == nil && e.suite != m.Suite {
		err = fmt.Errorf("it is of suite %q", e.suite)
	}
	if err != nil {
		return fmt.Errorf("the envelope for %s: %w", m.Representative, err)
	}
	s.sealed.Envelopes[i] = Envelope{Holder: m.Representative.String(), Certificate: m.Certificate, Suite: m.Suite, Data: envelope, Personal: s.sealed.Envelopes[i].Personal}
	return nil
}

// wrapAll wraps every envelope, on all cores; recipients are those of Members.
func (s *Sealing) wrapAll(recipients []*Recipient, progress func(done, total int)) error {
	to := holderCertificates(recipients, s.desk)
	var report func(int)
	if progress != nil {
		report = func(done int) { progress(done, len(to)) }
	}
	envelopes, err := WrapAll(s.keys, to, report)
	if err != nil {
		return err
	}
	for i, e := range envelopes[:len(recipients)] {
		if err := s.Add(i, e); err != nil {
			return err
		}
	}
	if s.personal != nil {
		wrapped, err := WrapPersonal(s.personal.keys, recipients)
		if err != nil {
			return err
		}
		for i, e := range wrapped {
			if err := s.AddPersonal(i, e); err != nil {
				return err
			}
		}
	}
	for i, e := range envelopes[len(recipients):] {
		s.addOfDesk(i, e)
	}
	return nil
}

func (s *Sealing) addOfDesk(i int, envelope []byte) {
	c := s.desk[i].certificate
	s.sealed.Envelopes[len(s.members)+i] = Envelope{Holder: StaffHolder(c.fingerprint), Certificate: c.fingerprint, Suite: c.Suite(), Data: envelope}
}

// Finish wraps to the desk what is not yet, signs the manifest, and returns the notice. It refuses when an envelope is missing.
func (s *Sealing) Finish() (*SealedNotice, error) {
	for i, m := range s.members {
		if s.sealed.Envelopes[i].Data == nil {
			return nil, fmt.Errorf("the envelope for %s is missing", m.Representative)
		}
		if s.personal != nil && s.sealed.Envelopes[i].Personal == nil {
			return nil, fmt.Errorf("the personal envelope for %s is missing", m.Representative)
		}
	}
	for i, member := range s.desk {
		if s.sealed.Envelopes[len(s.members)+i].Data != nil {
			continue
		}
		envelope, err := s.keys[member.certificate.Suite()].Wrap(member.certificate)
		if err != nil {
			return nil, err
		}
		s.addOfDesk(i, envelope)
	}
	var err error
	if s.sealed.Manifest, err = s.manifest.Encode(); err != nil {
		return nil, err
	}
	if s.sealed.AuthorSignature, err = SignDetached(s.author, PurposeNoticeAuthor, s.sealed.Manifest, s.now); err != nil {
		return nil, err
	}
	return s.sealed, nil
}

// WrapRecipients checks the policy of each certificate, and wraps one envelope for each recipient, in their order; keys
// holds one session key per suite that occurs. It is what another worker does for a Sealing.
func WrapRecipients(keys map[Suite]*SessionKey, recipients []*Recipient, now time.Time) ([][]byte, error) {
	certificates := make([]*Certificate, len(recipients))
	for i, r := range recipients {
		if r == nil || r.certificate == nil {
			return nil, errors.New("a recipient was not verified")
		}
		certificates[i] = r.certificate
	}
	if err := checkPolicies(recipients, now); err != nil {
		return nil, err
	}
	return WrapAll(keys, certificates, nil)
}

// Secret returns the key itself, for another worker of the same client.
func (k *SessionKey) Secret() []byte { return slices.Clone(k.key) }

// SessionKeyOf is the reverse of Secret.
func SessionKeyOf(suite Suite, secret []byte) (*SessionKey, error) {
	if err := suite.check(); err != nil {
		return nil, err
	}
	if _, err := cipherOf(secret); err != nil {
		return nil, err
	}
	return &SessionKey{suite: suite, key: slices.Clone(secret)}, nil
}
