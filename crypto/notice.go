package crypto

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Draft is what an author hands in.
type Draft struct {
	From        string            // the institution's name
	Languages   []LanguageVersion // the first one is authoritative
	Attachments []Attachment
	Acknowledge bool      // whether a receipt is asked for
	Deadline    time.Time // for the receipt; keeps its offset from UTC; zero: none

	// What follows is the Manifest's, see there. A zero value is the plain choice.
	Release       time.Time
	Urgent        bool
	Fallback      Fallback // "": FallbackNone
	Reminders     []int
	EscalateHours int
}

// Envelope is one wrapped session key, and whose it is.
type Envelope struct {
	Holder      string      // "S-7K2M9QXD/2", or StaffHolder of a desk member
	Certificate Fingerprint // of the certificate that it was wrapped to
	Suite       Suite       // of the body and the heading that it opens
	Data        []byte      // one PKESK packet
}

// StaffHolder names a staff member as the holder of envelopes and sessions:
// "staff:" and the fingerprint.
func StaffHolder(f Fingerprint) string { return "staff:" + string(f) }

// SealedNotice is everything that an author submits.
type SealedNotice struct {
	Manifest        []byte
	AuthorSignature []byte           // armored, detached, over Manifest
	Audience        []byte           // text; for the server and the staff
	Headings        map[Suite][]byte // one SEIPD packet each
	Bodies          map[Suite][]byte // one SEIPD packet each
	Envelopes       []Envelope       // representatives in the order of Audience, then the desk by fingerprint
}

// Signed returns manifest and author's signature.
func (s *SealedNotice) Signed() SignedManifest {
	return SignedManifest{Manifest: s.Manifest, AuthorSignature: s.AuthorSignature}
}

// SealNotice makes a notice of a draft: it draws number, opening value and salt,
// builds content and audience, seals a body and a heading for each suite that
// occurs among recipients and desk, wraps an envelope for each of them on all
// cores, and signs the manifest. progress, which may be nil, is told how many
// envelopes are done, by one goroutine at a time.
//
// author must be the key of a staff member with RoleAuthor, and carry the
// certificate that the root certified. Every recipient's certificate must satisfy
// the policy now. Among the desk, the staff who can open the notice before it is
// released, must be an approver who is not the author.
func SealNotice(root *Root, author *Key, draft *Draft, recipients []*Recipient, desk []*Staff, now time.Time, progress func(done, total int)) (*SealedNotice, error) {
	if draft == nil {
		return nil, errors.New("there is no draft to seal")
	}
	now = now.UTC().Truncate(time.Second)
	if err := checkAuthor(root, author, now); err != nil {
		return nil, err
	}
	recipients, desk, err := sortHolders(recipients, desk)
	if err != nil {
		return nil, err
	}
	audience, err := audienceOf(recipients)
	if err != nil {
		return nil, err
	}
	a, err := audience.Encode()
	if err != nil {
		return nil, err
	}
	audienceRoot, err := audience.Root()
	if err != nil {
		return nil, err
	}
	content := &Content{
		From: draft.From, Notice: NewNumber(KindNotice), Salt: NewContentSalt(), Opening: NewOpening(), AudienceRoot: audienceRoot,
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
	if err := checkDesk(author, root, desk, recipients, now); err != nil {
		return nil, err
	}
	sealed := &SealedNotice{Audience: a, Headings: map[Suite][]byte{}, Bodies: map[Suite][]byte{}}
	keys, err := sealed.sealBodies(author, mime, content.heading().encode(), manifest, holderCertificates(recipients, desk), now)
	if err != nil {
		return nil, err
	}
	if err := sealed.wrap(keys, recipients, desk, progress); err != nil {
		return nil, err
	}
	if sealed.Manifest, err = manifest.Encode(); err != nil {
		return nil, err
	}
	if sealed.AuthorSignature, err = SignDetached(author, PurposeNoticeAuthor, sealed.Manifest, now); err != nil {
		return nil, err
	}
	return sealed, nil
}

func checkAuthor(root *Root, author *Key, now time.Time) error {
	if root == nil || root.certificate == nil || author == nil || author.certificate == nil {
		return errors.New("sealing a notice needs the institution's root and the author's key")
	}
	member, err := root.VerifyStaff(author.Certificate(), now)
	if err != nil {
		return fmt.Errorf("the author: %w", err)
	}
	if !member.Has(RoleAuthor) {
		return fmt.Errorf("%s does not have the role %q, so recipients would refuse the notice", member.Name(), RoleAuthor)
	}
	return nil
}

// sortHolders returns both sorted, the desk without repetitions.
func sortHolders(recipients []*Recipient, desk []*Staff) ([]*Recipient, []*Staff, error) {
	if slices.ContainsFunc(recipients, func(r *Recipient) bool { return r == nil || r.certificate == nil }) ||
		slices.ContainsFunc(desk, func(s *Staff) bool { return s == nil || s.certificate == nil }) {
		return nil, nil, errors.New("a recipient or a member of the desk was not verified")
	}
	recipients, desk = slices.Clone(recipients), slices.Clone(desk)
	slices.SortFunc(recipients, func(a, b *Recipient) int { return compareRepresentatives(a.representative, b.representative) })
	slices.SortFunc(desk, func(a, b *Staff) int {
		return cmp.Compare(a.certificate.fingerprint, b.certificate.fingerprint)
	})
	desk = slices.CompactFunc(desk, func(a, b *Staff) bool { return a.certificate.fingerprint == b.certificate.fingerprint })
	return recipients, desk, nil
}

func (r *Recipient) member() AudienceMember {
	return AudienceMember{r.representative, r.certificate.Fingerprint(), r.certificate.Suite()}
}

// audienceOf returns the audience of sorted recipients.
func audienceOf(recipients []*Recipient) (*Audience, error) {
	if len(recipients) == 0 {
		return nil, errors.New("the notice goes to nobody: choose at least one mailbox")
	}
	audience := &Audience{Salt: NewAudienceSalt()}
	for i, r := range recipients {
		if i > 0 && r.representative == recipients[i-1].representative {
			return nil, fmt.Errorf("%s stands in the audience twice", r.representative)
		}
		audience.Members = append(audience.Members, r.member())
	}
	return audience, nil
}

// checkDesk says whether somebody can approve what will be sealed, and checks the
// policy of every certificate that it will be sealed to.
func checkDesk(author *Key, root *Root, desk []*Staff, recipients []*Recipient, now time.Time) error {
	self, err := root.VerifyStaff(author.Certificate(), now)
	if err != nil {
		return fmt.Errorf("the author: %w", err)
	}
	if !slices.ContainsFunc(desk, func(s *Staff) bool {
		return s.Has(RoleApprover) && s.certificate.fingerprint != author.certificate.fingerprint && !samePerson(s.Name(), self.Name())
	}) {
		return errors.New("nobody who could approve the notice could open it: add an approver other than its author")
	}
	for _, s := range desk {
		if err := s.certificate.CheckPolicy(now); err != nil {
			return fmt.Errorf("the certificate of %s can't be sealed to: %w", s.Name(), err)
		}
	}
	return onAllCores(len(recipients), nil, func(i int) error {
		r := recipients[i]
		if err := r.certificate.CheckPolicy(now); err != nil {
			return fmt.Errorf("the certificate of %s can't be sealed to: %w", r.representative, err)
		}
		return nil
	})
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

// sealBodies seals body and heading for each suite that occurs, and names them in the manifest.
func (s *SealedNotice) sealBodies(author *Key, mime, heading []byte, m *Manifest, to []*Certificate, now time.Time) (map[Suite]*SessionKey, error) {
	keys := map[Suite]*SessionKey{}
	for _, suite := range suites {
		if !slices.ContainsFunc(to, func(c *Certificate) bool { return c.Suite() == suite }) {
			continue
		}
		body, key, err := SealBody(suite, author, mime, now)
		if err != nil {
			return nil, err
		}
		sealedHeading, err := key.seal(PurposeHeading, author, heading, now)
		if err != nil {
			return nil, err
		}
		keys[suite] = key
		s.Bodies[suite], m.Bodies[suite] = body, RefTo(body)
		s.Headings[suite], m.Headings[suite] = sealedHeading, RefTo(sealedHeading)
	}
	return keys, nil
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

// OpenedNotice is a notice whose body, content, opening value and manifest agreed.
// Nothing but OpenNotice makes a usable one.
type OpenedNotice struct {
	verified *VerifiedManifest
	content  *Content
}

// Verified returns the manifest, and who signed it. Its Approver is nil when an
// approver or author opened a submission.
func (o *OpenedNotice) Verified() *VerifiedManifest { return o.verified }

// Content returns what the notice says.
func (o *OpenedNotice) Content() *Content { return o.content }

// exists refuses the zero value.
func (o *OpenedNotice) exists() error {
	if o == nil || o.content == nil {
		return errors.New("there is no opened notice")
	}
	return o.verified.exists()
}

// OpenNotice opens one body with the envelope of its suite and any of keys. It
// returns nothing unless all of this holds: the body is the one that was signed; the
// author of the manifest signed the content inside, at the same time; the content
// is the one that was signed, and it names the manifest's notice, time, audience
// and opening value; and the headings that were signed show its subjects.
//
// That the notice was meant for whoever opens it, and not wrapped anew for them by
// somebody whom it was meant for, only CheckMembership shows.
func OpenNotice(v *VerifiedManifest, envelope, body []byte, keys []*Key) (*OpenedNotice, error) {
	if err := v.exists(); err != nil {
		return nil, err
	}
	if err := v.CheckBody(body); err != nil {
		return nil, err
	}
	m := v.manifest
	mime, err := v.open(PurposeContent, envelope, body, keys)
	if err != nil {
		return nil, fmt.Errorf("notice %s: %w", m.Notice, err)
	}
	if sha256Hex(mime) != m.ContentSHA256 {
		return nil, fmt.Errorf("notice %s: the body holds another content than the one that was signed", m.Notice)
	}
	c, err := ParseContent(mime)
	if err != nil {
		return nil, fmt.Errorf("notice %s: %w", m.Notice, err)
	}
	differs := func(what string) error {
		return fmt.Errorf("notice %s: the content names another %s than the manifest does", m.Notice, what)
	}
	switch {
	case c.Notice != m.Notice:
		return nil, differs("number")
	case !c.Created.Equal(m.Created):
		return nil, differs("time")
	case c.AudienceRoot != m.AudienceRoot:
		return nil, differs("audience")
	case openingDigest(c.Opening) != m.OpeningSHA256:
		return nil, differs("opening value")
	case sha256Hex(c.heading().encode()) != m.HeadingSHA256:
		return nil, fmt.Errorf("notice %s: the lists of mailboxes would show other subjects than the content has", m.Notice)
	}
	return &OpenedNotice{verified: v, content: c}, nil
}

// Approve signs the manifest of a notice that the approver has opened a second
// time, for PurposeNoticeApproval. approver must be the key of a staff member with
// RoleApprover who is another person than the author; manifest must be the bytes
// that were verified. A notice whose deadline has passed is refused, and one whose
// author no longer has RoleAuthor.
func Approve(root *Root, approver *Key, o *OpenedNotice, manifest []byte, now time.Time) (signature []byte, err error) {
	if err := o.exists(); err != nil {
		return nil, err
	}
	if root == nil || root.certificate == nil || approver == nil || approver.certificate == nil {
		return nil, errors.New("approving a notice needs the institution's root and the approver's key")
	}
	v := o.verified
	if sha256Hex(manifest) != v.digest || v.manifest.Institution != root.Fingerprint() {
		return nil, fmt.Errorf("the manifest is not that of the notice that was opened, %s", v.manifest.Notice)
	}
	member, err := root.VerifyStaff(approver.Certificate(), now)
	if err != nil {
		return nil, fmt.Errorf("the approver: %w", err)
	}
	if err := v.mayApprove(member, now); err != nil {
		return nil, err
	}
	// Whoever has the key of somebody who has left can date a notice back.
	if author, err := root.VerifyStaff(v.author.Certificate(), now); err != nil || !author.Has(RoleAuthor) {
		return nil, fmt.Errorf("%s, the author of %s, no longer has the role %q: somebody who has it must seal the notice", v.author.Name(), v.manifest.Notice, RoleAuthor)
	}
	if d := v.manifest.Deadline; !d.IsZero() && !d.After(now) {
		return nil, fmt.Errorf("the deadline of %s, %s, has passed: ask the author to seal it again with a later one", v.manifest.Notice, formatTextTime(d))
	}
	return SignDetached(approver, PurposeNoticeApproval, bytes.Clone(manifest), now)
}
