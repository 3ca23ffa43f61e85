package crypto

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// checkedStatement is a version of a statement whose texts, manifest and author's
// signatures agreed, and which follows the version before it.
type checkedStatement struct {
	manifest        *StatementManifest
	digest          string
	texts           []*StatementText      // in the manifest's order
	given           []SignedStatementText // the same as they came
	signed          SignedStatement       // the same with one spelling of armor
	author          *Staff
	authorSignature *Signature
}

// SubmittedStatement is a version of a statement that its author signed and nobody
// approved yet: what an approver is shown. Nothing but Root.VerifyStatementSubmission
// makes a usable one.
type SubmittedStatement struct{ checked checkedStatement }

// VerifiedStatement is a version of a statement that two people signed. Nothing but
// Root.VerifyStatement makes a usable one.
type VerifiedStatement struct {
	checked           checkedStatement
	approver          *Staff
	approverSignature *Signature
}

func (s *SubmittedStatement) exists() error {
	if s == nil || s.checked.manifest == nil {
		return errors.New("there is no submitted statement")
	}
	return nil
}

func (v *VerifiedStatement) exists() error {
	if v == nil || v.checked.manifest == nil || v.approver == nil || v.approverSignature == nil {
		return errors.New("there is no verified statement")
	}
	return nil
}

// Manifest returns what the author signed.
func (s *SubmittedStatement) Manifest() *StatementManifest { return s.checked.manifest }

// SHA256 returns the digest of the manifest's text: 64 small hexadecimal digits.
func (s *SubmittedStatement) SHA256() string { return s.checked.digest }

// Texts returns the texts in all languages, the authoritative one first.
func (s *SubmittedStatement) Texts() []*StatementText { return slices.Clone(s.checked.texts) }

// Author returns who signed.
func (s *SubmittedStatement) Author() *Staff { return s.checked.author }

// AuthorSignature returns the author's signature over the manifest.
func (s *SubmittedStatement) AuthorSignature() *Signature { return s.checked.authorSignature }

// Attachments returns the files that go with the version.
func (s *SubmittedStatement) Attachments() []StatementAttachment {
	if s.exists() != nil {
		return nil
	}
	return slices.Clone(s.checked.texts[0].Attachments)
}

// CheckAttachment says whether a file is the attachment of that name.
func (s *SubmittedStatement) CheckAttachment(name string, data []byte) error {
	if err := s.exists(); err != nil {
		return err
	}
	return checkAttachmentOf(s.checked.manifest.Statement, s.checked.texts[0].Attachments, name, sha256Hex(data), int64(len(data)))
}

// Manifest returns what was signed.
func (v *VerifiedStatement) Manifest() *StatementManifest { return v.checked.manifest }

// SHA256 returns the digest of the manifest's text, which the next version and
// receipts carry: 64 small hexadecimal digits.
func (v *VerifiedStatement) SHA256() string { return v.checked.digest }

// Texts returns the texts in all languages, the authoritative one first.
func (v *VerifiedStatement) Texts() []*StatementText { return slices.Clone(v.checked.texts) }

// Text returns the text in a language, nil when there is none.
func (v *VerifiedStatement) Text(language string) *StatementText {
	for _, text := range v.checked.texts {
		if text.Language == language {
			return text
		}
	}
	return nil
}

// Attachments returns the files that go with the version.
func (v *VerifiedStatement) Attachments() []StatementAttachment {
	if v.exists() != nil {
		return nil
	}
	return slices.Clone(v.checked.texts[0].Attachments)
}

// Author returns who wrote and signed it.
func (v *VerifiedStatement) Author() *Staff { return v.checked.author }

// AuthorSignature returns the author's signature over the manifest.
func (v *VerifiedStatement) AuthorSignature() *Signature { return v.checked.authorSignature }

// Approver returns who approved it.
func (v *VerifiedStatement) Approver() *Staff { return v.approver }

// ApproverSignature returns the approver's signature over the manifest.
func (v *VerifiedStatement) ApproverSignature() *Signature { return v.approverSignature }

// Signed returns manifest, texts and the signatures that verified, in the one
// spelling that is to be kept and published: armor can be spelt so that Valise reads
// it and GnuPG doesn't.
func (v *VerifiedStatement) Signed() SignedStatement { return v.checked.signed.clone() }

func (s SignedStatement) clone() SignedStatement {
	s.Texts = slices.Clone(s.Texts)
	return s
}

// Due says whether its time of publication has come.
func (v *VerifiedStatement) Due(now time.Time) bool {
	return v.exists() == nil && !now.Before(v.checked.manifest.PublishAt)
}

// CheckAttachment says whether a file is the attachment of that name.
func (v *VerifiedStatement) CheckAttachment(name string, data []byte) error {
	return v.CheckAttachmentDigest(name, sha256Hex(data), int64(len(data)))
}

// CheckAttachmentDigest is CheckAttachment for a file that is not in memory.
func (v *VerifiedStatement) CheckAttachmentDigest(name, sha256 string, size int64) error {
	if err := v.exists(); err != nil {
		return err
	}
	return checkAttachmentOf(v.checked.manifest.Statement, v.checked.texts[0].Attachments, name, sha256, size)
}

func checkAttachmentOf(n Number, attachments []StatementAttachment, name, sha256 string, size int64) error {
	for _, a := range attachments {
		if a.Name != name {
			continue
		}
		if a.SHA256 != sha256 || a.Size != size {
			return fmt.Errorf("the attachment %s of %s is not the file that was signed (%d bytes, SHA-256 %s): it has been altered, or damaged on the way", name, n, a.Size, a.SHA256)
		}
		return nil
	}
	return fmt.Errorf("statement %s has no attachment %q", n, name)
}

// VerifyStatementSubmission verifies what an author submitted: for the server, and
// for an approver's client before it shows anything. previous is the version that it
// replaces, nil for an original. See VerifyStatement for what is demanded, but for the
// approver's signatures, which must not be there.
func (r *Root) VerifyStatementSubmission(s SignedStatement, previous *VerifiedStatement, staff []*Certificate, now time.Time) (*SubmittedStatement, error) {
	if len(s.ApproverSignature) > 0 || slices.ContainsFunc(s.Texts, func(t SignedStatementText) bool { return len(t.Approver.Clear)+len(t.Approver.Detached) > 0 }) {
		return nil, errors.New("what an author submits carries no approval")
	}
	checked, err := r.checkStatement(s, previous, staff, now)
	if err != nil {
		return nil, err
	}
	return &SubmittedStatement{checked: *checked}, nil
}

// VerifyStatement verifies one version of a statement, with previous, the version
// before it, which is nil for the original and only for that. It demands that
//
//   - the manifest is that of this root, and names exactly the texts that are there:
//     none is missing, altered, exchanged or too many;
//   - the texts agree with the manifest, and with each other in topic, series, salt,
//     languages and attachments;
//   - the author whom the manifest names signed manifest and texts when they were
//     made, and had RoleAuthor then;
//   - one other person, by key and by name, with RoleApprover signed the same bytes, not before the author;
//   - the version follows previous: next number, its manifest's digest, none of its
//     languages left out, neither made nor published before it, and nothing follows a withdrawal.
//
// now is the verifier's clock. It does not say that this is the newest version, nor
// that its time of publication has come: see Due and VerifyStatementVersions.
func (r *Root) VerifyStatement(s SignedStatement, previous *VerifiedStatement, staff []*Certificate, now time.Time) (*VerifiedStatement, error) {
	checked, err := r.checkStatement(s, previous, staff, now)
	if err != nil {
		return nil, err
	}
	n := checked.manifest.Statement
	if len(s.ApproverSignature) == 0 {
		return nil, because(CauseNotApproved, fmt.Errorf("statement %s has not been approved: a second person's signature is missing", n))
	}
	p := signer{root: r, staff: staff, role: RoleApprover, purpose: PurposeStatementApproval, now: now}
	member, signature, armored, err := p.verify(packet.SigTypeBinary, s.Manifest, s.ApproverSignature)
	if err == nil {
		err = checkSecondPerson(checked.author, checked.authorSignature, member, signature.Made())
	}
	if err != nil {
		return nil, fmt.Errorf("the approver's signature over the manifest of statement %s: %w", n, ofSomethingElse(err, CauseOtherApproval))
	}
	checked.signed.ApproverSignature = armored
	p.only = member.certificate.fingerprint
	for i, text := range checked.texts {
		signatures, err := p.verifyText(checked.given[i], false, signature.Made())
		if err != nil {
			return nil, fmt.Errorf("the approver's signature over the text in %s of statement %s: %w", text.Language, n, ofSomethingElse(err, CauseOtherApproval))
		}
		checked.signed.Texts[i].Approver = signatures
	}
	return &VerifiedStatement{checked: *checked, approver: member, approverSignature: signature}, nil
}

// VerifyStatementVersions verifies all versions of a statement, the original first,
// and returns them in that order.
func (r *Root) VerifyStatementVersions(versions []SignedStatement, staff []*Certificate, now time.Time) ([]*VerifiedStatement, error) {
	if len(versions) == 0 || len(versions) > maxVersion {
		return nil, fmt.Errorf("a statement has 1 to %d versions, not %d", maxVersion, len(versions))
	}
	verified := make([]*VerifiedStatement, 0, len(versions))
	var previous *VerifiedStatement
	for i, s := range versions {
		v, err := r.VerifyStatement(s, previous, staff, now)
		if err != nil {
			return nil, fmt.Errorf("version %d of %d: %w", i+1, len(versions), err)
		}
		verified, previous = append(verified, v), v
	}
	return verified, nil
}

// checkStatement does everything but looking at the approver's signatures.
func (r *Root) checkStatement(s SignedStatement, previous *VerifiedStatement, staff []*Certificate, now time.Time) (*checkedStatement, error) {
	if r == nil || r.certificate == nil {
		return nil, errors.New("there is no root to verify the statement with")
	}
	m, err := ParseStatementManifest(s.Manifest)
	if err != nil {
		return nil, err
	}
	if m.Institution != r.Fingerprint() {
		return nil, because(CauseOtherInstitution, fmt.Errorf("statement %s is that of another institution, whose root has the fingerprint %s", m.Statement, m.Institution.Spaced()))
	}
	c := &checkedStatement{manifest: m, digest: sha256Hex(s.Manifest), signed: SignedStatement{Manifest: slices.Clone(s.Manifest)}}
	if err := c.readTexts(s); err != nil {
		return nil, err
	}
	p := signer{root: r, staff: staff, role: RoleAuthor, purpose: PurposeStatementAuthor, only: m.Author, now: now}
	if c.author, c.authorSignature, c.signed.AuthorSignature, err = p.verify(packet.SigTypeBinary, s.Manifest, s.AuthorSignature); err != nil {
		return nil, fmt.Errorf("the author's signature over the manifest of statement %s: %w", m.Statement, err)
	}
	if !together(c.authorSignature.Made(), m.Created) {
		return nil, fmt.Errorf("the author's signature over the manifest of statement %s is dated %s, the manifest %s: submit the statement again", m.Statement, formatTextTime(c.authorSignature.Made()), formatTextTime(m.Created))
	}
	for i, text := range c.texts {
		signatures, err := p.verifyText(c.given[i], true, c.authorSignature.Made())
		if err != nil {
			return nil, fmt.Errorf("the author's signature over the text in %s of statement %s: %w", text.Language, m.Statement, err)
		}
		c.signed.Texts = append(c.signed.Texts, SignedStatementText{Text: slices.Clone(c.given[i].Text), Author: signatures})
	}
	if err := c.follows(previous); err != nil {
		return nil, err
	}
	return c, nil
}

// readTexts compares the texts with the manifest, and with each other.
func (c *checkedStatement) readTexts(s SignedStatement) error {
	m := c.manifest
	if len(s.Texts) > MaxLanguages {
		return fmt.Errorf("statement %s: there are %d texts, the manifest names %d", m.Statement, len(s.Texts), len(m.Texts))
	}
	byDigest := map[string]SignedStatementText{}
	for _, t := range s.Texts {
		if len(t.Text) <= MaxStatementTextSize {
			byDigest[sha256Hex(t.Text)] = t
		}
	}
	for _, ref := range m.Texts {
		t, ok := byDigest[ref.SHA256]
		if !ok || len(t.Text) != ref.Size {
			return because(CauseAltered, fmt.Errorf("statement %s: the text in %s is missing, or it is not the one that was signed (%d bytes, SHA-256 %s)", m.Statement, ref.Language, ref.Size, ref.SHA256))
		}
		text, err := ParseStatementText(t.Text)
		if err != nil {
			return fmt.Errorf("statement %s, the text in %s: %w", m.Statement, ref.Language, err)
		}
		if text.Language != ref.Language {
			return because(CauseAltered, fmt.Errorf("statement %s: the manifest names a text in %s as the one in %s: they were exchanged", m.Statement, text.Language, ref.Language))
		}
		if err := c.checkText(text); err != nil {
			return err
		}
		c.texts, c.given = append(c.texts, text), append(c.given, t)
	}
	if len(s.Texts) != len(m.Texts) {
		return fmt.Errorf("statement %s: there are %d texts, the manifest names %d", m.Statement, len(s.Texts), len(m.Texts))
	}
	return nil
}

func (c *checkedStatement) checkText(text *StatementText) error {
	m, first := c.manifest, text
	if len(c.texts) > 0 {
		first = c.texts[0]
	}
	differs := ""
	switch {
	case text.Institution != m.Institution:
		differs = "institution"
	case text.Statement != m.Statement:
		differs = "number"
	case text.Version != m.Version:
		differs = "version"
	case text.Kind != m.Kind:
		differs = "kind"
	case text.ReplacesSHA256 != m.PreviousSHA256:
		differs = "version before it"
	case !slices.Equal(text.Languages, m.Languages()):
		differs = "list of languages"
	case formatTextTime(text.PublishAt) != formatTextTime(m.PublishAt):
		differs = "time of publication"
	}
	if differs != "" {
		return because(CauseAltered, fmt.Errorf("statement %s: the text in %s names another %s than the manifest does", m.Statement, text.Language, differs))
	}
	switch {
	case text.Topic != first.Topic:
		differs = "topic"
	case text.Series != first.Series:
		differs = "series"
	case text.Salt != first.Salt:
		differs = "salt"
	case !slices.Equal(text.Attachments, first.Attachments):
		differs = "list of attachments"
	}
	if differs != "" {
		return fmt.Errorf("statement %s: the text in %s names another %s than the one in %s", m.Statement, text.Language, differs, first.Language)
	}
	return nil
}

// follows compares a version with the one before it.
func (c *checkedStatement) follows(previous *VerifiedStatement) error {
	m := c.manifest
	if m.Version == 1 {
		if previous != nil {
			return because(CauseWrongSequence, fmt.Errorf("this is the original of statement %s; it can't follow another version", m.Statement))
		}
		return nil
	}
	if err := previous.exists(); err != nil {
		return because(CauseWrongSequence, fmt.Errorf("this is version %d of statement %s; it can be verified only together with version %d", m.Version, m.Statement, m.Version-1))
	}
	before := previous.checked.manifest
	switch {
	case before.Institution != m.Institution || before.Statement != m.Statement:
		return because(CauseWrongSequence, fmt.Errorf("this is a version of statement %s; it can't follow one of %s", m.Statement, before.Statement))
	case before.Version+1 != m.Version:
		return because(CauseWrongSequence, fmt.Errorf("version %d of statement %s can't follow version %d: there is one missing, or they are in another order", m.Version, m.Statement, before.Version))
	case before.Kind == StatementWithdrawal:
		return because(CauseWrongSequence, fmt.Errorf("statement %s was withdrawn with version %d, so there can't be a version %d: publish a new statement", m.Statement, before.Version, m.Version))
	case m.PreviousSHA256 != previous.checked.digest:
		return because(CauseWrongSequence, fmt.Errorf("version %d of statement %s replaces another version %d than the one at hand: one of them is not what was published", m.Version, m.Statement, before.Version))
	case m.Created.Before(before.Created):
		return because(CauseWrongSequence, fmt.Errorf("version %d of statement %s is dated before version %d", m.Version, m.Statement, before.Version))
	case m.PublishAt.Before(before.PublishAt):
		return because(CauseWrongSequence, fmt.Errorf("version %d of statement %s is to be published before version %d, at %s: choose a later time", m.Version, m.Statement, before.Version, formatTextTime(before.PublishAt)))
	}
	for _, language := range before.Languages() {
		if !slices.Contains(m.Languages(), language) {
			return because(CauseWrongSequence, fmt.Errorf("version %d of statement %s is missing in %s: whoever read version %d in that language must find this one in it, too", m.Version, m.Statement, language, before.Version))
		}
	}
	return nil
}

// ofSomethingElse gives another cause to a signature that doesn't hold over what another person's signature holds over: nothing was altered, it belongs to
// something else.
func ofSomethingElse(err error, cause Cause) error {
	if CauseOf(err) == CauseAltered {
		return because(cause, err)
	}
	return err
}

// together says whether two times are the same but for ClockSkew.
func together(a, b time.Time) bool {
	distance := a.Sub(b)
	return -ClockSkew <= distance && distance <= ClockSkew
}

// checkSecondPerson says whether a staff member is another person than the author,
// and may approve at a time, which is not before the author signed.
func checkSecondPerson(author *Staff, signed *Signature, approver *Staff, at time.Time) error {
	switch {
	case approver.certificate.fingerprint == author.certificate.fingerprint, samePerson(approver.Name(), author.Name()):
		return because(CauseOnePerson, fmt.Errorf("%s is the author, so somebody else must approve", author.Name()))
	case !approver.Has(RoleApprover):
		return because(CauseNoRole, fmt.Errorf("%s does not have the role %q", approver.Name(), RoleApprover))
	case at.Before(signed.Made().Add(-ClockSkew)):
		return fmt.Errorf("the approval would be dated %s, before the author signed (%s): check the clock", formatTextTime(at.UTC()), formatTextTime(signed.Made()))
	}
	return nil
}

// signer says whose signatures are looked for.
type signer struct {
	root    *Root
	staff   []*Certificate
	role    Role
	purpose Purpose
	only    Fingerprint // "" for any staff member who had the role
	now     time.Time
}

// verify verifies one signature, by a staff member who had the role when they made it,
// and returns it with one spelling of armor.
func (p signer) verify(kind packet.SignatureType, data, signature []byte) (*Staff, *Signature, []byte, error) {
	raw, err := statementSignature(signature, p.purpose)
	if err != nil {
		return nil, nil, nil, err
	}
	s, err := readSignature(raw)
	if err != nil {
		return nil, nil, nil, err
	}
	problem := because(CauseUnknownSigner, fmt.Errorf("it was made by a key (%s) that is not among those of the staff", issuer(s)))
	if p.only != "" {
		problem = because(CauseUnknownSigner, fmt.Errorf("it was made by a key (%s) other than that of %s, or this one is not among those of the staff", issuer(s), p.only))
	}
	for _, c := range p.staff {
		if c == nil || c.entity == nil || p.only != "" && c.fingerprint != p.only || !c.hasKey(s) {
			continue
		}
		verified, err := c.verify(s, kind, p.purpose, data, p.now)
		if err != nil {
			problem = err
			continue
		}
		member, err := p.root.VerifyStaff(c, verified.Made())
		switch {
		case err != nil:
			problem = err
		case !member.Has(p.role):
			problem = because(CauseNoRole, fmt.Errorf("%s did not have the role %q when they signed", member.Name(), p.role))
		default:
			return member, verified, []byte(armor(armorSignature, raw)), nil
		}
	}
	return nil, nil, nil, problem
}

// verifyText verifies both of one person's signatures over a text, which must be of
// the time of that over the manifest.
func (p signer) verifyText(t SignedStatementText, author bool, at time.Time) (TextSignatures, error) {
	signatures := t.Approver
	if author {
		signatures = t.Author
	}
	_, clear, armoredClear, err := p.verify(packet.SigTypeText, clearSignedData(t.Text), signatures.Clear)
	if err != nil {
		return TextSignatures{}, fmt.Errorf("the clear one: %w", err)
	}
	_, detached, armoredDetached, err := p.verify(packet.SigTypeBinary, t.Text, signatures.Detached)
	if err != nil {
		return TextSignatures{}, fmt.Errorf("the detached one: %w", err)
	}
	if !together(clear.Made(), at) || !together(detached.Made(), at) {
		return TextSignatures{}, errors.New("it is of another time than that over the manifest")
	}
	return TextSignatures{Clear: armoredClear, Detached: armoredDetached}, nil
}

// VerifiedStatementText is one text that two people signed, all by itself. Nothing but
// Root.VerifyStatementText and Root.VerifyStatementFile make a usable one.
type VerifiedStatementText struct {
	text                               *StatementText
	digest                             string
	author, approver                   *Staff
	authorSignature, approverSignature *Signature
}

// Text returns what was signed; nil when nothing was verified.
func (v *VerifiedStatementText) Text() *StatementText { return v.text }

// SHA256 returns the digest of the text, as the manifest names it.
func (v *VerifiedStatementText) SHA256() string { return v.digest }

// Author returns who wrote and signed it.
func (v *VerifiedStatementText) Author() *Staff { return v.author }

// AuthorSignature returns the author's signature over the text.
func (v *VerifiedStatementText) AuthorSignature() *Signature { return v.authorSignature }

// Approver returns who approved it.
func (v *VerifiedStatementText) Approver() *Staff { return v.approver }

// ApproverSignature returns the approver's signature over the text.
func (v *VerifiedStatementText) ApproverSignature() *Signature { return v.approverSignature }

// CheckAttachment says whether a file is the attachment of that name.
func (v *VerifiedStatementText) CheckAttachment(name string, data []byte) error {
	if v == nil || v.text == nil {
		return errors.New("there is no verified statement")
	}
	return checkAttachmentOf(v.text.Statement, v.text.Attachments, name, sha256Hex(data), int64(len(data)))
}

// VerifyStatementText verifies a clear-signed text, "en.txt", for a reader who has
// nothing else: that it is this institution's, and that an author and an approver,
// two people who had these roles when they signed, signed it. Whether a newer version
// replaces or withdraws it, and what other languages say, it can't tell.
func (r *Root) VerifyStatementText(txt []byte, staff []*Certificate, now time.Time) (*VerifiedStatementText, error) {
	t, err := ParseStatementFile(txt)
	if err != nil {
		return nil, err
	}
	return r.verifyOneText(packet.SigTypeText, t.Text, clearSignedData(t.Text), t.Author.Clear, t.Approver.Clear, staff, now)
}

// VerifyStatementFile is VerifyStatementText for a text, "en.md", and the file of
// detached signatures, "en.md.asc".
func (r *Root) VerifyStatementFile(md, asc []byte, staff []*Certificate, now time.Time) (*VerifiedStatementText, error) {
	author, approver, err := SplitStatementSignatures(asc)
	if err != nil {
		return nil, err
	}
	return r.verifyOneText(packet.SigTypeBinary, md, md, author, approver, staff, now)
}

func (r *Root) verifyOneText(kind packet.SignatureType, text, data, author, approver []byte, staff []*Certificate, now time.Time) (*VerifiedStatementText, error) {
	if r == nil || r.certificate == nil {
		return nil, errors.New("there is no root to verify the statement with")
	}
	t, err := ParseStatementText(text)
	if err != nil {
		return nil, err
	}
	if t.Institution != r.Fingerprint() {
		return nil, because(CauseOtherInstitution, fmt.Errorf("statement %s is that of another institution, whose root has the fingerprint %s", t.Statement, t.Institution.Spaced()))
	}
	v := &VerifiedStatementText{text: t, digest: sha256Hex(text)}
	p := signer{root: r, staff: staff, role: RoleAuthor, purpose: PurposeStatementAuthor, now: now}
	if v.author, v.authorSignature, _, err = p.verify(kind, data, author); err != nil {
		if CauseOf(err) == CauseAltered && len(approver) > 0 {
			// When the approval holds, the text is as it was: it is the author's signature that doesn't belong to it.
			p.role, p.purpose = RoleApprover, PurposeStatementApproval
			if _, _, _, approval := p.verify(kind, data, approver); approval == nil {
				err = because(CauseOtherSignature, err)
			}
		}
		return nil, fmt.Errorf("the author's signature over statement %s: %w", t.Statement, err)
	}
	p.role, p.purpose = RoleApprover, PurposeStatementApproval
	v.approver, v.approverSignature, _, err = p.verify(kind, data, approver)
	if err == nil {
		err = checkSecondPerson(v.author, v.authorSignature, v.approver, v.approverSignature.Made())
	}
	if err != nil {
		return nil, fmt.Errorf("the approver's signature over statement %s: %w", t.Statement, ofSomethingElse(err, CauseOtherApproval))
	}
	return v, nil
}
