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
	// Personal is what some mailboxes of the audience are told besides, each in any of Languages. When it is not empty, every other
	// mailbox of the audience is sealed an empty part of the same size.
	Personal    map[Number][]PersonalText
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
	Suite       Suite       // of the body and the heading that it opens, and of the personal part
	Data        []byte      // one PKESK packet
	Personal    []byte      // likewise, of the personal part of the holder's mailbox; nil for the desk, and when the notice has none
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
	PersonalParts   []SealedPersonal // by mailbox, then in the order of suites
	PersonalKey     []byte           // a record that opens all of them for the desk; nil without them
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
	if slices.ContainsFunc(recipients, func(r *Recipient) bool { return r == nil || r.certificate == nil }) {
		return nil, errors.New("a recipient was not verified")
	}
	recipients = slices.Clone(recipients)
	slices.SortFunc(recipients, func(a, b *Recipient) int { return compareRepresentatives(a.representative, b.representative) })
	members := make([]AudienceMember, len(recipients))
	for i, r := range recipients {
		members[i] = r.Member()
	}
	if err := checkPolicies(recipients, now.UTC().Truncate(time.Second)); err != nil {
		return nil, err
	}
	sealing, err := BeginSealing(root, author, draft, members, desk, now)
	if err != nil {
		return nil, err
	}
	if err := sealing.wrapAll(recipients, progress); err != nil {
		return nil, err
	}
	return sealing.Finish()
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

// sortDesk returns them by fingerprint, without repetitions.
func sortDesk(desk []*Staff) ([]*Staff, error) {
	if slices.ContainsFunc(desk, func(s *Staff) bool { return s == nil || s.certificate == nil }) {
		return nil, errors.New("a member of the desk was not verified")
	}
	desk = slices.Clone(desk)
	slices.SortFunc(desk, func(a, b *Staff) int {
		return cmp.Compare(a.certificate.fingerprint, b.certificate.fingerprint)
	})
	return slices.CompactFunc(desk, func(a, b *Staff) bool { return a.certificate.fingerprint == b.certificate.fingerprint }), nil
}

// Member returns the recipient as a line of an audience.
func (r *Recipient) Member() AudienceMember {
	return AudienceMember{Representative: r.representative, Certificate: r.certificate.Fingerprint(), Suite: r.certificate.Suite()}
}

// audienceOf returns the audience of sorted members.
func audienceOf(members []AudienceMember) (*Audience, error) {
	if len(members) == 0 {
		return nil, errors.New("the notice goes to nobody: choose at least one mailbox")
	}
	for i, m := range members {
		if i > 0 && m.Representative == members[i-1].Representative {
			return nil, fmt.Errorf("%s stands in the audience twice", m.Representative)
		}
	}
	return &Audience{Salt: NewAudienceSalt(), Members: members}, nil
}

// checkDesk says whether somebody can approve what will be sealed, and checks the
// policy of the desk's certificates.
func checkDesk(author *Key, root *Root, desk []*Staff, now time.Time) error {
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
	return nil
}

// checkPolicies checks the policy of every certificate that will be sealed to.
func checkPolicies(recipients []*Recipient, now time.Time) error {
	return onAllCores(len(recipients), nil, func(i int) error {
		r := recipients[i]
		if err := r.certificate.CheckPolicy(now); err != nil {
			return fmt.Errorf("the certificate of %s can't be sealed to: %w", r.representative, err)
		}
		return nil
	})
}

// sealBodies seals body and heading for each suite that occurs, and names them in the manifest.
func (s *SealedNotice) sealBodies(author *Key, mime, heading []byte, m *Manifest, occurs map[Suite]bool, now time.Time) (map[Suite]*SessionKey, error) {
	keys := map[Suite]*SessionKey{}
	for _, suite := range suites {
		if !occurs[suite] {
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
