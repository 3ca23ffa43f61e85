package crypto

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// StatementDraft is what an author works on. It may be incomplete; PrepareStatement
// says what is missing.
type StatementDraft struct {
	// Statement is the number. "" lets PrepareStatement draw one.
	Statement Number
	// Revision counts what was saved, from 1, so that of two copies the newer one is
	// known, and an old one that comes up again is noticed.
	Revision int
	// Kind is what the version is to be; "" for StatementOriginal.
	Kind   StatementKind
	Topic  string
	Series Number // see StatementText; "" for none
	// Languages are the texts, the first one authoritative.
	Languages   []StatementLanguage
	Attachments []StatementAttachment
	// Sealed names the sealed file of each attachment, by the attachment's SHA-256: the digest of what SealStatementAttachment returned. One that is not there
	// was published with an earlier version already. Whatever it says, the file is known by its own digest.
	Sealed map[string]string
	// PublishAt keeps its offset from UTC. Zero: as soon as it is approved.
	PublishAt time.Time
	// Zone is the name of the time zone in which the author chose PublishAt
	// ("Europe/Amsterdam"), for the page on which it is changed. It is not signed.
	Zone string
	// Acknowledge and Deadline are as in StatementManifest; the order doesn't matter.
	Acknowledge []Kind
	Deadline    time.Time
}

// StatementLanguage is a draft in one language; see StatementText.
type StatementLanguage struct {
	Language string
	Title    string
	Reason   string
	Body     string
}

// PrepareStatement makes texts and manifest of a draft, and signs them as the author:
// what the author submits. previous is the version that is corrected or withdrawn,
// nil for a new statement; the draft's Kind must fit. Bodies are tidied first
// (TidyStatementBody). A time of publication that has passed is refused.
//
// author must be the key of a staff member with RoleAuthor, and carry the certificate
// that the root certified.
func PrepareStatement(root *Root, author *Key, draft *StatementDraft, previous *VerifiedStatement, now time.Time) (SignedStatement, error) {
	now = now.UTC().Truncate(time.Second)
	if draft == nil {
		return SignedStatement{}, errors.New("there is no draft of a statement")
	}
	if err := checkStatementSigner(root, author, RoleAuthor, now); err != nil {
		return SignedStatement{}, fmt.Errorf("the author: %w", err)
	}
	m, err := draft.manifest(previous, now)
	if err != nil {
		return SignedStatement{}, err
	}
	m.Institution, m.Author = root.Fingerprint(), author.certificate.fingerprint
	texts, parsed, err := draft.texts(m)
	if err != nil {
		return SignedStatement{}, err
	}
	encoded, err := m.Encode()
	if err != nil {
		return SignedStatement{}, err
	}
	if err := (&checkedStatement{manifest: m, texts: parsed}).follows(previous); err != nil {
		return SignedStatement{}, err
	}
	s := SignedStatement{Manifest: encoded}
	var signatures []TextSignatures
	if s.AuthorSignature, signatures, err = signStatement(author, PurposeStatementAuthor, encoded, texts, now); err != nil {
		return SignedStatement{}, err
	}
	for i, text := range texts {
		s.Texts = append(s.Texts, SignedStatementText{Text: text, Author: signatures[i]})
	}
	return s, nil
}

// checkStatementSigner says whether a key is that of a staff member with a role.
func checkStatementSigner(root *Root, k *Key, role Role, now time.Time) error {
	if root == nil || root.certificate == nil || k == nil || k.certificate == nil {
		return errors.New("signing a statement needs the institution's root and a staff member's key")
	}
	member, err := root.VerifyStaff(k.certificate, now)
	if err != nil {
		return err
	}
	if !member.Has(role) {
		return fmt.Errorf("%s does not have the role %q, so readers would refuse the statement", member.Name(), role)
	}
	return nil
}

// manifest returns the manifest without texts and signer. What of it could be refused
// later is refused here, in the author's words.
func (d *StatementDraft) manifest(previous *VerifiedStatement, now time.Time) (*StatementManifest, error) {
	m := &StatementManifest{Statement: d.Statement, Version: 1, Kind: d.Kind, Created: now, PublishAt: d.PublishAt.Truncate(time.Second), Deadline: d.Deadline.Truncate(time.Second)}
	if m.Kind == "" {
		m.Kind = StatementOriginal
	}
	if m.Statement == "" {
		m.Statement = NewNumber(KindStatement)
	}
	if previous != nil {
		if err := previous.exists(); err != nil {
			return nil, err
		}
		before := previous.checked.manifest
		if d.Statement == "" {
			m.Statement = before.Statement
		}
		m.Version, m.PreviousSHA256 = before.Version+1, previous.checked.digest
	}
	for _, s := range stakeholders {
		if slices.Contains(d.Acknowledge, s.kind) {
			m.Acknowledge = append(m.Acknowledge, s.kind)
		}
	}
	if d.PublishAt.IsZero() {
		m.PublishAt = now
	}
	switch {
	case previous == nil && m.Kind != StatementOriginal:
		return nil, fmt.Errorf("a %s needs the version that it replaces", m.Kind)
	case previous != nil && m.Kind == StatementOriginal:
		return nil, fmt.Errorf("statement %s is published already: say whether this is a correction or the withdrawal", m.Statement)
	case slices.ContainsFunc(d.Acknowledge, func(k Kind) bool { return !k.Mailbox() }):
		return nil, errors.New("acknowledgement can be asked of States, organisations and individuals")
	case m.PublishAt.Before(now):
		return nil, fmt.Errorf("the time of publication, %s, has passed: choose a later one, or none, to publish as soon as it is approved", formatTextTime(m.PublishAt))
	case !d.Deadline.IsZero() && len(m.Acknowledge) == 0:
		return nil, errors.New("the statement has a deadline but asks nobody to acknowledge: ask somebody, or leave out the deadline")
	case !d.Deadline.IsZero() && !m.Deadline.After(m.PublishAt):
		return nil, fmt.Errorf("the deadline, %s, is not after the publication, %s", formatTextTime(m.Deadline), formatTextTime(m.PublishAt))
	}
	if d.Deadline.IsZero() {
		m.Deadline = time.Time{}
	}
	return m, nil
}

// texts makes all texts, and names them in the manifest.
func (d *StatementDraft) texts(m *StatementManifest) (texts [][]byte, parsed []*StatementText, err error) {
	var languages []string
	for _, l := range d.Languages {
		languages = append(languages, l.Language)
	}
	if err := checkLanguages(languages); err != nil {
		return nil, nil, err
	}
	salt := NewContentSalt()
	for _, l := range d.Languages {
		t := &StatementText{
			Institution: m.Institution, Statement: m.Statement, Version: m.Version, Kind: m.Kind,
			Language: l.Language, Languages: languages, Title: l.Title, Topic: d.Topic, Series: d.Series,
			PublishAt: m.PublishAt, Reason: l.Reason, ReplacesSHA256: m.PreviousSHA256, Salt: salt,
			Attachments: d.Attachments, Body: TidyStatementBody(l.Body),
		}
		text, err := t.Encode()
		if err != nil {
			return nil, nil, err
		}
		texts, parsed = append(texts, text), append(parsed, t)
		m.Texts = append(m.Texts, StatementTextRef{l.Language, sha256Hex(text), len(text)})
	}
	return texts, parsed, nil
}

// ApproveStatement signs, as the approver, the manifest and every text of a submission
// that was verified and shown. approver must be the key of a staff member with
// RoleApprover who is another person than the author. A statement whose deadline for
// acknowledgement has passed is refused.
func ApproveStatement(root *Root, approver *Key, s *SubmittedStatement, now time.Time) (SignedStatement, error) {
	if err := s.exists(); err != nil {
		return SignedStatement{}, err
	}
	now = now.UTC().Truncate(time.Second)
	if err := checkStatementSigner(root, approver, RoleApprover, now); err != nil {
		return SignedStatement{}, fmt.Errorf("the approver: %w", err)
	}
	c := &s.checked
	m := c.manifest
	if m.Institution != root.Fingerprint() {
		return SignedStatement{}, fmt.Errorf("statement %s is that of another institution", m.Statement)
	}
	member, err := root.VerifyStaff(approver.certificate, now)
	if err != nil {
		return SignedStatement{}, fmt.Errorf("the approver: %w", err)
	}
	if err := checkSecondPerson(c.author, c.authorSignature, member, now); err != nil {
		return SignedStatement{}, err
	}
	if !m.Deadline.IsZero() && !m.Deadline.After(now) {
		return SignedStatement{}, fmt.Errorf("the deadline of statement %s, %s, has passed: send it back to its author for a later one", m.Statement, formatTextTime(m.Deadline))
	}
	var texts [][]byte
	for _, t := range c.signed.Texts {
		texts = append(texts, t.Text)
	}
	approved := c.signed.clone()
	signature, signatures, err := signStatement(approver, PurposeStatementApproval, approved.Manifest, texts, now)
	if err != nil {
		return SignedStatement{}, err
	}
	approved.ApproverSignature = signature
	for i := range approved.Texts {
		approved.Texts[i].Approver = signatures[i]
	}
	return approved, nil
}
