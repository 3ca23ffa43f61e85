package crypto

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// RevokeRepresentative returns issued, the first certificate of a representative's chain, with
// a registrar's revocation on its user ID: a certification revocation signature (RFC 9580,
// section 5.2.1.13, type 0x30). From now on no chain that begins with it holds; what was
// signed before stays as good as it was.
//
// Any registrar may revoke, not only the one who certified, who may have left: so OpenPGP
// programs that ask for the certifier's own revocation show this one beside the certification,
// and Root.VerifyRepresentative is what ends the chain. The reason in the signature is always
// "the user ID is no longer valid" (section 5.2.3.31, code 32): whether a key was lost or
// somebody has left is for the registrars alone, in a sealed record.
func RevokeRepresentative(registrar *Key, issued *Certificate, representative Representative, now time.Time) (*Certificate, error) {
	if !registrar.exists() {
		return nil, errNoKey
	}
	if err := issued.checkUserID(representative.String()); err != nil {
		return nil, fmt.Errorf("the certificate is not that of %s: %w", representative, issued.withFingerprint(err))
	}
	if registrar.entity.PrivateKey == nil {
		return nil, errOpensOnly
	}
	signer := registrar.entity.PrivateKey
	reason := packet.UserIDNotValid
	s := &packet.Signature{
		Version:           signer.Version,
		SigType:           packet.SigTypeCertificationRevocation,
		PubKeyAlgo:        signer.PubKeyAlgo,
		Hash:              crypto.SHA512,
		CreationTime:      now.Truncate(time.Second),
		IssuerKeyId:       &signer.KeyId,
		IssuerKeyVersion:  uint8(signer.Version),
		IssuerFingerprint: signer.Fingerprint,
		RevocationReason:  &reason,
	}
	if err := s.SignUserId(representative.String(), issued.entity.PrimaryKey, signer, &packet.Config{}); err != nil {
		return nil, fmt.Errorf("revoking: %w", err)
	}
	var revocation bytes.Buffer
	if err := s.Serialize(&revocation); err != nil {
		return nil, fmt.Errorf("revoking: %w", err)
	}
	return issued.withCertification(representative.String(), revocation.Bytes())
}

// Revocation is that a registrar ended a representative's access. Only Root.Revocation makes one.
type Revocation struct {
	at time.Time
	by *Staff
}

// At is when, by the registrar's clock.
func (r *Revocation) At() time.Time { return r.at }

// By is the registrar.
func (r *Revocation) By() *Staff { return r.by }

// Revocation returns the earliest revocation, made until a time by one of staff who was a
// registrar then, of a representative whose chain this is; nil when there is none. It says
// nothing about whether the chain held before.
func (r *Root) Revocation(staff []*Certificate, chain []*Certificate, representative Representative, until time.Time) *Revocation {
	if !r.exists() {
		return nil
	}
	var earliest *Revocation
	for _, c := range chain {
		if !c.exists() {
			continue
		}
		identity := c.entity.Identities[representative.String()]
		if identity == nil {
			continue
		}
		for _, v := range identity.OtherCertifications {
			s := v.Packet
			if s.SigType != packet.SigTypeCertificationRevocation || s.CreationTime.After(until) || !acceptableSignature(s) {
				continue
			}
			if earliest != nil && !s.CreationTime.Before(earliest.at) {
				continue
			}
			if by := r.registrarWho(s, staff, c, representative.String()); by != nil {
				earliest = &Revocation{s.CreationTime, by}
			}
		}
	}
	return earliest
}

// registrarWho returns the one among staff who made a signature over a user ID, if they were a registrar then.
func (r *Root) registrarWho(s *packet.Signature, staff []*Certificate, subject *Certificate, userID string) *Staff {
	for _, c := range staff {
		if !c.exists() || !affordable(c.entity.PrimaryKey) || !s.CheckKeyIdOrFingerprint(c.entity.PrimaryKey) || !c.made(s, subject, userID) {
			continue
		}
		if member, err := r.VerifyStaff(c, s.CreationTime); err == nil && member.Has(RoleRegistrar) {
			return member
		}
	}
	return nil
}

// CheckRevocation says whether revoked is what RevokeRepresentative makes of issued with the
// key of registrar: everything that was there, and their revocation, dated now but for ClockSkew. A
// revocation that was dated back would take away from what the representative signed before.
func (r *Root) CheckRevocation(revoked, issued *Certificate, representative Representative, registrar *Staff, now time.Time) (*Revocation, error) {
	switch {
	case !r.exists():
		return nil, errNoRoot
	case !revoked.exists() || !issued.exists():
		return nil, errZeroCertificate
	case registrar == nil || !registrar.certificate.exists():
		return nil, errors.New("nobody revoked it")
	}
	if !revoked.Extends(issued) || len(revoked.packet) != len(issued.packet)+1 {
		return nil, fmt.Errorf("the revoked certificate of %s must be the portal's with one more signature, and nothing else", representative)
	}
	found := r.Revocation([]*Certificate{registrar.certificate}, []*Certificate{revoked}, representative, now.Add(ClockSkew))
	switch {
	case found == nil:
		return nil, fmt.Errorf("the certificate of %s is not revoked by %s, as a registrar, with a signature that holds", representative, registrar.name)
	case found.at.Before(now.Add(-ClockSkew)):
		return nil, fmt.Errorf("the revocation of %s is dated %s, which is too long ago: set the clock, and revoke again", representative, found.at.UTC().Format(time.RFC3339))
	}
	return found, nil
}

// errRevoked is why a chain doesn't hold any more.
func errRevoked(representative Representative, r *Revocation) error {
	return because(CauseRevoked, fmt.Errorf("the access of %s was ended by %s, as registrar, at %s", representative, r.by.name, r.at.UTC().Format(time.RFC3339)))
}
