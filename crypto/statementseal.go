package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Before it is public, a statement travels and rests as a sealed record: what its
// author submits, to the desk; what was approved, to the desk and the notaries; why it
// was sent back, to the desk.

const (
	// MaxSealedStatement is the size in bytes of the largest sealed statement, draft or
	// reason accepted: the content, and an envelope for each of those it may be sealed to.
	MaxSealedStatement = MaxSignedStatementSize + 256<<10

	// MaxReturnReason is the size in bytes of the longest reason for sending back.
	MaxReturnReason = 16 << 10
)

// SealStatement seals a signed statement, approved or not, to members of the staff,
// padded with spaces to a multiple of 4 KiB so that the sealed size doesn't tell how
// long it is. sender is who hands it in: its author, or its approver.
func SealStatement(s SignedStatement, sender *Key, to []*Staff, now time.Time) ([]byte, error) {
	encoded, err := s.Encode()
	if err != nil {
		return nil, err
	}
	return sealPadded(encoded, sender, PurposeStatementSealed, to, now)
}

func sealPadded(encoded []byte, sender *Key, purpose Purpose, to []*Staff, now time.Time) ([]byte, error) {
	if sender == nil || !sender.exists() {
		return nil, errNoKey
	}
	certificates, err := certificatesOf(to)
	if err != nil {
		return nil, err
	}
	padding := (draftPadding - len(encoded)%draftPadding) % draftPadding
	return SealRecord(append(bytes.Clone(encoded), bytes.Repeat([]byte(" "), padding)...), sender, purpose, certificates, now)
}

func certificatesOf(to []*Staff) (certificates []*Certificate, err error) {
	for _, member := range to {
		if member == nil || !member.certificate.exists() {
			return nil, errors.New("somebody whom the statement is to be sealed to was not verified")
		}
		certificates = append(certificates, member.certificate)
	}
	return certificates, nil
}

// OpenStatement opens a sealed statement with any of keys, and returns it and who
// handed it in, a staff member who had RoleAuthor or RoleApprover then. statement is
// the number under which it was kept: a server can't pass off one as another. The
// signatures in it are not verified: see Root.VerifyStatementSubmission and
// Root.VerifyStatement.
func (r *Root) OpenStatement(sealed []byte, statement Number, keys []*Key, staff []*Certificate, now time.Time) (SignedStatement, *Staff, error) {
	encoded, sender, err := r.openPadded(sealed, PurposeStatementSealed, keys, staff, []Role{RoleAuthor, RoleApprover}, now)
	if err != nil {
		return SignedStatement{}, nil, fmt.Errorf("the sealed statement %s: %w", statement, err)
	}
	s, err := ParseSignedStatement(encoded)
	if err != nil {
		return SignedStatement{}, nil, fmt.Errorf("the sealed statement %s: %w", statement, err)
	}
	m, err := ParseStatementManifest(s.Manifest)
	if err != nil {
		return SignedStatement{}, nil, err
	}
	if m.Statement != statement {
		return SignedStatement{}, nil, fmt.Errorf("this is statement %s, not %s: the portal has mixed them up", m.Statement, statement)
	}
	return s, sender, nil
}

func (r *Root) openPadded(sealed []byte, purpose Purpose, keys []*Key, staff []*Certificate, roles []Role, now time.Time) ([]byte, *Staff, error) {
	if !r.exists() {
		return nil, nil, errNoRoot
	}
	content, s, err := OpenRecord(sealed, keys, staff, purpose, now)
	if err != nil {
		return nil, nil, err
	}
	sender, err := r.VerifyStaff(s.Signer(), s.Made())
	if err != nil {
		return nil, nil, err
	}
	had := false
	for _, role := range roles {
		had = had || sender.Has(role)
	}
	if !had {
		return nil, nil, fmt.Errorf("it was sealed by %s, who had no right to hand it in", sender.Name())
	}
	encoded := bytes.TrimRight(content, " ")
	if len(content)%draftPadding != 0 || len(content)-len(encoded) >= draftPadding {
		return nil, nil, errors.New("it is not in the form that Valise writes; a newer version may read it")
	}
	return encoded, sender, nil
}

// StatementReturn says why a statement was sent back to its author: by an approver,
// or by a notary that could not publish it.
type StatementReturn struct {
	Statement Number
	// ManifestSHA256 is the digest of the manifest of what was sent back, 64 small hexadecimal digits.
	ManifestSHA256 string
	// Reason is UTF-8 of 1 to MaxReturnReason bytes.
	Reason string
}

const statementReturnForm = "valise statement return v1"

type statementReturnJSON struct {
	Form           string `json:"form"`
	Statement      Number `json:"statement"`
	ManifestSHA256 string `json:"manifest-sha256"`
	Reason         string `json:"reason"`
}

func (j *statementReturnJSON) check() error {
	switch {
	case j.Form != statementReturnForm:
		return fmt.Errorf("this is not %q; a newer version of Valise may read it", statementReturnForm)
	case !isNumberOf(j.Statement, KindStatement):
		return errors.New("what was sent back has no number of a statement")
	case !isHex(j.ManifestSHA256, 32):
		return errors.New("what was sent back is not named by its manifest's digest")
	case j.Reason == "" || len(j.Reason) > MaxReturnReason || !utf8.ValidString(j.Reason):
		return fmt.Errorf("say why it is sent back, in 1 to %d KiB of text", MaxReturnReason>>10)
	}
	return nil
}

// SealStatementReturn seals a reason to the desk, as SealStatement does.
func SealStatementReturn(s StatementReturn, by *Key, desk []*Staff, now time.Time) ([]byte, error) {
	j := statementReturnJSON{statementReturnForm, s.Statement, s.ManifestSHA256, s.Reason}
	if err := j.check(); err != nil {
		return nil, err
	}
	encoded, err := encodeJSON(j)
	if err != nil {
		return nil, err
	}
	return sealPadded(encoded, by, PurposeStatementReturn, desk, now)
}

// OpenStatementReturn opens a reason, and returns it and who gave it, who had
// RoleApprover or RoleNotary then. statement is the number under which it was kept.
func (r *Root) OpenStatementReturn(sealed []byte, statement Number, keys []*Key, staff []*Certificate, now time.Time) (StatementReturn, *Staff, error) {
	encoded, by, err := r.openPadded(sealed, PurposeStatementReturn, keys, staff, []Role{RoleApprover, RoleNotary}, now)
	if err != nil {
		return StatementReturn{}, nil, fmt.Errorf("why %s was sent back: %w", statement, err)
	}
	var j statementReturnJSON
	if err := parseJSON(encoded, &j, "reason for sending back"); err != nil {
		return StatementReturn{}, nil, err
	}
	if err := j.check(); err != nil {
		return StatementReturn{}, nil, err
	}
	if j.Statement != statement {
		return StatementReturn{}, nil, fmt.Errorf("this says why %s was sent back, not %s: the portal has mixed them up", j.Statement, statement)
	}
	return StatementReturn{j.Statement, j.ManifestSHA256, j.Reason}, by, nil
}
