package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxSignedManifestSize is the size in bytes of the largest encoded signed
// manifest accepted.
const MaxSignedManifestSize = MaxManifestSize + 4*maxSignatureSize

// SignedManifest is what travels beside a message: the manifest's text and the
// detached signatures over it. Nothing in it is known to be genuine.
type SignedManifest struct {
	Manifest          []byte
	AuthorSignature   []byte // for PurposeNoticeAuthor, armored
	ApproverSignature []byte // for PurposeNoticeApproval, armored; nil before approval
}

// Encode returns one text file that proves, offline and for years, what was sent:
// the manifest, then the author's signature, then the approver's, each as an
// armored block. A stranger can cut it apart at the lines "-----BEGIN PGP
// SIGNATURE-----" and check each signature with gpg --verify; see docs/formats.md.
func (s SignedManifest) Encode() ([]byte, error) {
	if _, err := ParseManifest(s.Manifest); err != nil {
		return nil, err
	}
	file := bytes.Clone(s.Manifest)
	for _, signature := range [][]byte{s.AuthorSignature, s.ApproverSignature} {
		raw, err := binarySignature(signature)
		if err != nil {
			return nil, err
		}
		file = append(file, armor(armorSignature, raw)...)
	}
	return file, nil
}

// binarySignature takes off the armor, if there is one.
func binarySignature(signature []byte) ([]byte, error) {
	if len(signature) == 0 {
		return nil, because(CauseNotApproved, errors.New("a signature is missing: the notice has not been approved"))
	}
	if len(signature) > 2*maxSignatureSize {
		return nil, errNoSignature(errors.New("it is too large"))
	}
	raw := signature
	if isArmored(signature) {
		var err error
		if raw, err = dearmor(armorSignature, signature); err != nil {
			return nil, errNoSignature(err)
		}
	}
	if _, err := readSignature(raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// ParseSignedManifest reads what Encode writes; other line ends in it, and what
// other programs write around armor, are forgiven. It verifies no signature.
func ParseSignedManifest(file []byte) (SignedManifest, error) {
	if len(file) > MaxSignedManifestSize {
		return SignedManifest{}, fmt.Errorf("the signed manifest has %d KiB; at most %d are accepted", len(file)>>10, MaxSignedManifestSize>>10)
	}
	text := strings.ReplaceAll(string(file), "\r\n", "\n")
	blocks := strings.Split(text, beginSignature)
	if len(blocks) != 3 {
		return SignedManifest{}, fmt.Errorf("a signed manifest holds a manifest and two signatures; in this file are %d signatures", len(blocks)-1)
	}
	if _, err := ParseManifest([]byte(blocks[0])); err != nil {
		return SignedManifest{}, err
	}
	s := SignedManifest{Manifest: []byte(blocks[0])}
	for i, signature := range []*[]byte{&s.AuthorSignature, &s.ApproverSignature} {
		raw, err := binarySignature([]byte(beginSignature + blocks[i+1]))
		if err != nil {
			return SignedManifest{}, err
		}
		*signature = []byte(armor(armorSignature, raw))
	}
	return s, nil
}

// VerifiedManifest is a manifest whose author's signature held up to the root,
// and the approver's too unless it came from VerifySubmission. Nothing else makes
// a usable one.
type VerifiedManifest struct {
	manifest *Manifest
	digest   string
	at       time.Time // when it was verified

	author, approver                   *Staff // approver is nil for a submission
	authorSignature, approverSignature *Signature
}

// Manifest returns what was signed.
func (v *VerifiedManifest) Manifest() *Manifest { return v.manifest }

// SHA256 returns the digest of the manifest's text, which receipts carry: 64 small
// hexadecimal digits.
func (v *VerifiedManifest) SHA256() string { return v.digest }

// Author returns who sealed and signed the notice.
func (v *VerifiedManifest) Author() *Staff { return v.author }

// AuthorSignature returns the author's signature over the manifest.
func (v *VerifiedManifest) AuthorSignature() *Signature { return v.authorSignature }

// Approver returns who approved it, nil after VerifySubmission.
func (v *VerifiedManifest) Approver() *Staff { return v.approver }

// ApproverSignature returns the approver's signature, nil after VerifySubmission.
func (v *VerifiedManifest) ApproverSignature() *Signature { return v.approverSignature }

// exists refuses the zero value.
func (v *VerifiedManifest) exists() error {
	if v == nil || v.manifest == nil || v.author == nil || v.authorSignature == nil {
		return errors.New("there is no verified manifest")
	}
	return nil
}

// approved refuses a submission.
func (v *VerifiedManifest) approved() error {
	if err := v.exists(); err != nil {
		return err
	}
	if v.approver == nil || v.approverSignature == nil {
		return because(CauseNotApproved, fmt.Errorf("notice %s has not been approved: a second person's signature is missing", v.manifest.Notice))
	}
	return nil
}

// VerifySubmission verifies the author's signature only: for the server before it
// keeps a submission, and for an approver, who opens the notice to decide. The
// manifest must name this root, and its author a staff member who had RoleAuthor
// when they signed. now is the verifier's clock.
//
// What a recipient is shown must come from VerifyManifest.
func (r *Root) VerifySubmission(s SignedManifest, staff []*Certificate, now time.Time) (*VerifiedManifest, error) {
	if r == nil || r.certificate == nil {
		return nil, errors.New("there is no root to verify the manifest with")
	}
	m, err := ParseManifest(s.Manifest)
	if err != nil {
		return nil, err
	}
	if m.Institution != r.Fingerprint() {
		return nil, because(CauseOtherInstitution, fmt.Errorf("the manifest of %s is that of another institution, whose root has the fingerprint %s", m.Notice, m.Institution.Spaced()))
	}
	v := &VerifiedManifest{manifest: m, digest: sha256Hex(s.Manifest), at: now}
	problem := because(CauseUnknownSigner, fmt.Errorf("the author's certificate, %s, is not among those of the staff", m.Author))
	for _, c := range staff {
		if c.Fingerprint() != m.Author {
			continue
		}
		v.author, v.authorSignature, err = r.verifyStaffSignature(c, RoleAuthor, PurposeNoticeAuthor, s.Manifest, s.AuthorSignature, now)
		if err == nil {
			problem = nil
			break
		}
		problem = err
	}
	if problem != nil {
		return nil, fmt.Errorf("the author's signature over the manifest of %s: %w", m.Notice, problem)
	}
	if made := v.authorSignature.Made(); made.Before(m.Created.Add(-ClockSkew)) || made.After(m.Created.Add(ClockSkew)) {
		return nil, fmt.Errorf("the author's signature over the manifest of %s is dated %s, the manifest %s: seal the notice again", m.Notice, formatTextTime(made.UTC()), formatTextTime(m.Created))
	}
	return v, nil
}

// VerifyManifest is VerifySubmission, and verifies the approver's signature over
// the same bytes: by a staff member who had RoleApprover when they signed, with
// another key and another name than the author's, and not before the author.
func (r *Root) VerifyManifest(s SignedManifest, staff []*Certificate, now time.Time) (*VerifiedManifest, error) {
	v, err := r.VerifySubmission(s, staff, now)
	if err != nil {
		return nil, err
	}
	if len(s.ApproverSignature) == 0 {
		return nil, because(CauseNotApproved, fmt.Errorf("notice %s has not been approved: a second person's signature is missing", v.manifest.Notice))
	}
	raw, err := binarySignature(s.ApproverSignature)
	if err != nil {
		return nil, fmt.Errorf("the approver's signature over the manifest of %s: %w", v.manifest.Notice, err)
	}
	signature, err := readSignature(raw)
	if err != nil {
		return nil, fmt.Errorf("the approver's signature over the manifest of %s: %w", v.manifest.Notice, err)
	}
	problem := because(CauseUnknownSigner, fmt.Errorf("it was made by a key (%s) that is not among those of the staff", issuer(signature)))
	for _, c := range staff {
		if !c.hasKey(signature) {
			continue
		}
		approver, verified, err := r.verifyStaffSignature(c, RoleApprover, PurposeNoticeApproval, s.Manifest, raw, now)
		if err == nil {
			err = v.mayApprove(approver, verified.Made())
		}
		if err == nil {
			v.approver, v.approverSignature = approver, verified
			return v, nil
		}
		problem = err
	}
	return nil, fmt.Errorf("the approver's signature over the manifest of %s: %w", v.manifest.Notice, ofSomethingElse(problem, CauseOtherApproval))
}

// verifyStaffSignature verifies one signature, and that who made it had a role when they did.
func (r *Root) verifyStaffSignature(c *Certificate, role Role, purpose Purpose, data, signature []byte, now time.Time) (*Staff, *Signature, error) {
	s, err := VerifyDetached(c, purpose, data, signature, now)
	if err != nil {
		return nil, nil, err
	}
	member, err := r.VerifyStaff(c, s.Made())
	if err != nil {
		return nil, nil, err
	}
	if !member.Has(role) {
		return nil, nil, because(CauseNoRole, fmt.Errorf("%s did not have the role %q when they signed", member.Name(), role))
	}
	return member, s, nil
}

// mayApprove says whether a staff member is another person than the author, and
// the time not before the author signed.
func (v *VerifiedManifest) mayApprove(approver *Staff, at time.Time) error {
	switch {
	case approver.Certificate().Fingerprint() == v.author.Certificate().Fingerprint(), samePerson(approver.Name(), v.author.Name()):
		return because(CauseOnePerson, fmt.Errorf("%s is the author, so somebody else must approve", v.author.Name()))
	case !approver.Has(RoleApprover):
		return because(CauseNoRole, fmt.Errorf("%s does not have the role %q", approver.Name(), RoleApprover))
	case at.Before(v.authorSignature.Made().Add(-ClockSkew)):
		return fmt.Errorf("the approval would be dated %s, before the author signed (%s): check the clock", formatTextTime(at.UTC()), formatTextTime(v.authorSignature.Made().UTC()))
	}
	return nil
}

// samePerson compares two certified names, but for capitals, spaces and what is
// invisible. That letters of two alphabets look the same, or that an accent may be a
// letter of its own, the root must mind who certifies.
func samePerson(a, b string) bool {
	seen := func(name string) string { return strings.Join(strings.Fields(dropInvisible(name)), " ") }
	return strings.EqualFold(seen(a), seen(b))
}

// CheckAudience reads an audience and says whether it is the one that was signed.
func (v *VerifiedManifest) CheckAudience(text []byte) (*Audience, error) {
	if err := v.exists(); err != nil {
		return nil, err
	}
	a, err := ParseAudience(text)
	if err != nil {
		return nil, fmt.Errorf("the audience of %s is not the one that was signed: %w", v.manifest.Notice, err)
	}
	if root, err := a.Root(); err != nil || root != v.manifest.AudienceRoot || len(a.Members) != v.manifest.Members {
		return nil, fmt.Errorf("the audience of %s is not the one that was signed", v.manifest.Notice)
	}
	if n := a.Mailboxes(); n != v.manifest.Mailboxes {
		return nil, fmt.Errorf("the audience of %s has %d mailboxes, the manifest says %d", v.manifest.Notice, n, v.manifest.Mailboxes)
	}
	for _, s := range a.Suites() {
		if !hasKey(v.manifest.Bodies, s) {
			return nil, fmt.Errorf("somebody in the audience of %s needs a body of suite %q, and there is none", v.manifest.Notice, s)
		}
	}
	return a, nil
}

// CheckBody says whether a sealed body is the one of its suite that was signed.
func (v *VerifiedManifest) CheckBody(body []byte) error {
	if err := v.exists(); err != nil {
		return err
	}
	return checkSealed("body", body, v.manifest.Bodies, v.manifest.Notice)
}

// CheckHeading says whether a sealed heading is the one of its suite that was signed.
func (v *VerifiedManifest) CheckHeading(heading []byte) error {
	if err := v.exists(); err != nil {
		return err
	}
	return checkSealed("heading", heading, v.manifest.Headings, v.manifest.Notice)
}

func checkSealed(what string, sealed []byte, refs map[Suite]BodyRef, n Number) error {
	suite, err := CheckBody(sealed)
	if err != nil {
		return fmt.Errorf("the %s of %s: %w", what, n, err)
	}
	ref, ok := refs[suite]
	if !ok {
		return fmt.Errorf("the manifest of %s names no %s of suite %q", n, what, suite)
	}
	if err := ref.check(sealed); err != nil {
		return fmt.Errorf("the %s of %s: %w", what, n, err)
	}
	return nil
}

// open opens a body or heading, and verifies the author's signature inside it,
// which must be of the same time as that over the manifest.
func (v *VerifiedManifest) open(purpose Purpose, envelope, sealed []byte, keys []*Key) ([]byte, error) {
	key, err := Unwrap(envelope, keys...)
	if err != nil {
		return nil, err
	}
	return v.openWith(key, purpose, sealed)
}

// openWith is open with the session key.
func (v *VerifiedManifest) openWith(key *SessionKey, purpose Purpose, sealed []byte) ([]byte, error) {
	content, s, err := key.open(purpose, v.author.Certificate(), sealed, v.at)
	if err != nil {
		return nil, err
	}
	if err := v.signedWithManifest(s); err != nil {
		return nil, err
	}
	return content, nil
}

// signedWithManifest refuses a signature inside that is not of the time of that over the manifest.
func (v *VerifiedManifest) signedWithManifest(s *Signature) error {
	if distance := s.Made().Sub(v.authorSignature.Made()); distance < -ClockSkew || distance > ClockSkew {
		return errors.New("the author's signature inside is of another time than that over the manifest")
	}
	return nil
}
