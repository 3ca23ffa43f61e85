package crypto

import (
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// VerifiedStatementManifest is the manifest of a statement that two people signed, without
// the texts that it names. Nothing but Root.VerifyStatementManifest makes a usable one.
type VerifiedStatementManifest struct {
	manifest                           *StatementManifest
	digest                             string
	author, approver                   *Staff
	authorSignature, approverSignature *Signature
}

// Manifest returns what was signed; nil when nothing was verified.
func (v *VerifiedStatementManifest) Manifest() *StatementManifest { return v.manifest }

// SHA256 returns the digest of the manifest's text: 64 small hexadecimal digits.
func (v *VerifiedStatementManifest) SHA256() string { return v.digest }

// Author returns who wrote the statement and signed.
func (v *VerifiedStatementManifest) Author() *Staff { return v.author }

// AuthorSignature returns the author's signature over the manifest.
func (v *VerifiedStatementManifest) AuthorSignature() *Signature { return v.authorSignature }

// Approver returns who approved it.
func (v *VerifiedStatementManifest) Approver() *Staff { return v.approver }

// ApproverSignature returns the approver's signature over the manifest.
func (v *VerifiedStatementManifest) ApproverSignature() *Signature { return v.approverSignature }

// VerifyStatementManifest verifies "manifest.txt" with "manifest.txt.asc", for who has
// nothing else: that the author whom it names and one other person, who had these roles
// when they signed, signed it. What the texts say, and whether the version follows the one
// before, it can't tell.
func (r *Root) VerifyStatementManifest(manifest, asc []byte, staff []*Certificate, now time.Time) (*VerifiedStatementManifest, error) {
	if r == nil || r.certificate == nil {
		return nil, errors.New("there is no root to verify the statement with")
	}
	m, err := ParseStatementManifest(manifest)
	if err != nil {
		return nil, err
	}
	if m.Institution != r.Fingerprint() {
		return nil, because(CauseOtherInstitution, fmt.Errorf("statement %s is that of another institution, whose root has the fingerprint %s", m.Statement, m.Institution.Spaced()))
	}
	author, approver, err := SplitStatementSignatures(asc)
	if err != nil {
		return nil, err
	}
	v := &VerifiedStatementManifest{manifest: m, digest: sha256Hex(manifest)}
	p := signer{root: r, staff: staff, role: RoleAuthor, purpose: PurposeStatementAuthor, only: m.Author, now: now}
	if v.author, v.authorSignature, _, err = p.verify(packet.SigTypeBinary, manifest, author); err != nil {
		return nil, fmt.Errorf("the author's signature over the manifest of statement %s: %w", m.Statement, err)
	}
	p.only, p.role, p.purpose = "", RoleApprover, PurposeStatementApproval
	v.approver, v.approverSignature, _, err = p.verify(packet.SigTypeBinary, manifest, approver)
	if err == nil {
		err = checkSecondPerson(v.author, v.authorSignature, v.approver, v.approverSignature.Made())
	}
	if err != nil {
		return nil, fmt.Errorf("the approver's signature over the manifest of statement %s: %w", m.Statement, ofSomethingElse(err, CauseOtherApproval))
	}
	return v, nil
}
