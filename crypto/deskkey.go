package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// The desk's key for mail programs. Who writes to the institution from a mail program encrypts to one certificate of the desk, which the root certified for
// RoleDeskMail. Its private part is nowhere but in records, one for each member of the desk (SealDeskKey), that only their own key opens.
//
// A record holds the encryption subkey's private part, and of the primary key the public part only: who is of the desk, or steals the key of somebody who is, can read what was sent
// to the desk, which they can anyway, and can't sign as the desk, nor change the certificate. The primary key's private part exists while the key is made, and then nowhere: what ends
// the certificate is the root's word, or the revocation that was made with it (RevocationOf).

const deskKeyFirstLine = "valise desk key v1"

// NewDeskKey makes the desk's key for mail programs, of ProfileCompat, since what people write with may know nothing later. Its user ID is "NAME <EMAIL>": the institution's name and an address that its
// courier writes from. NAME has no angle brackets and no @.
func NewDeskKey(name, email string, now time.Time) (*Key, error) {
	if err := CheckEmail(email); err != nil {
		return nil, err
	}
	userID := name + " <" + email + ">"
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	if _, _, err := parseDeskUserID(userID); err != nil {
		return nil, err
	}
	return GenerateKey(ProfileCompat, userID, now)
}

// parseDeskUserID takes "NAME <EMAIL>" apart.
func parseDeskUserID(userID string) (name, email string, err error) {
	name, rest, found := strings.Cut(userID, " <")
	email, closed := strings.CutSuffix(rest, ">")
	if !found || !closed || name == "" || strings.TrimSpace(name) != name || strings.ContainsAny(name, "<>@") {
		return "", "", fmt.Errorf("the user ID of a desk's certificate for mail programs is \"Name <address>\", with neither angle brackets nor @ in the name; this is %.80q", userID)
	}
	return name, email, CheckEmail(email)
}

// checkDeskMail says whether the root may certify a certificate for RoleDeskMail.
func (c *Certificate) checkDeskMail() error {
	if _, _, err := parseDeskUserID(c.userIDs[0]); err != nil {
		return err
	}
	if c.Suite() != SuiteCompat || c.encryption == nil || c.PostQuantum() {
		return errors.New("the desk's certificate for mail programs must be one that all of them can encrypt to, of profile compat: make it with valise desk new")
	}
	return nil
}

// DeskAddress returns name and address in the user ID of a certificate that the root certified for RoleDeskMail; ok is false for all others.
func (s *Staff) DeskAddress() (name, email string, ok bool) {
	if s == nil || !s.Has(RoleDeskMail) {
		return "", "", false
	}
	name, email, err := parseDeskUserID(s.name)
	return name, email, err == nil
}

// SealDeskKey seals the desk's key to one member of the desk, signed inside for PurposeDeskKey by who gives it to them: who made it, or another member. The primary key's private part is left out.
func SealDeskKey(desk, signer *Key, to *Certificate, now time.Time) ([]byte, error) {
	if !desk.exists() || !signer.exists() {
		return nil, errNoKey
	}
	text := append([]byte(deskKeyFirstLine+"\n\n"), armor(armorPrivateKey, desk.openingPackets())...)
	return SealRecord(text, signer, PurposeDeskKey, []*Certificate{to}, now)
}

// OpenDeskKey opens such a record with any of keys, and returns the desk's key, which opens and signs nothing. One of signers must have signed it. of is the desk's certificate, which the caller has verified
// with the root: a record of the key of another, or of one whose private part doesn't belong to it, is refused. It may have ended since; what was sent to it still opens.
func OpenDeskKey(record []byte, keys []*Key, signers []*Certificate, of *Certificate, now time.Time) (*Key, error) {
	if !of.exists() {
		return nil, errZeroCertificate
	}
	text, _, err := OpenRecord(record, keys, signers, PurposeDeskKey, now)
	if err != nil {
		return nil, fmt.Errorf("the key of the desk's certificate %s: %w", of.fingerprint, err)
	}
	first, block, _ := strings.Cut(string(text), "\n\n")
	if first != deskKeyFirstLine {
		return nil, fmt.Errorf("this is not a %q; a newer version of Valise may read it", deskKeyFirstLine)
	}
	key, err := parseOpeningKey([]byte(block), of)
	if err != nil {
		return nil, fmt.Errorf("the key of the desk's certificate %s: %w", of.fingerprint, err)
	}
	return key, nil
}

// parseOpeningKey reads an unlocked private key without its primary part, and joins it with its certificate.
func parseOpeningKey(block []byte, of *Certificate) (k *Key, err error) {
	defer func() {
		if r := recover(); r != nil {
			k, err = nil, errNoPrivateKey(fmt.Errorf("reading it failed: %v", r))
		}
	}()
	raw, err := dearmor(armorPrivateKey, block)
	if err != nil {
		return nil, errNoPrivateKey(err)
	}
	if len(raw) > MaxCertificateSize {
		return nil, errTooLarge()
	}
	packets, err := splitPackets(raw, maxCertificatePackets)
	if err != nil {
		return nil, errNoPrivateKey(err)
	}
	public, secrets, err := separateSecrets(packets)
	if err != nil {
		return nil, errNoPrivateKey(err)
	}
	certificate, err := certificateFromPackets(public)
	if err != nil {
		return nil, err
	}
	if certificate.fingerprint != of.fingerprint || certificate.PublicKeySHA256() != of.PublicKeySHA256() {
		return nil, fmt.Errorf("this is another key, %s", certificate.fingerprint)
	}
	for _, secret := range secrets { // nothing here asks for a derivation
		if len(secret) == 0 || secret[0] != usagePlain && !bytes.Equal(secret, missingSecret) {
			return nil, errNoPrivateKey(errors.New("a part of it is locked"))
		}
	}
	entity, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, errNoPrivateKey(err)
	}
	if k, err = joinKey(of, privateParts(entity)); err != nil {
		return nil, err
	}
	k.entity.PrivateKey = nil // even if somebody gave it away
	return k, k.checkOpens()
}

// checkOpens seals something to the certificate and opens it: a private part that doesn't belong to it would be noticed only when there is mail.
func (k *Key) checkOpens() error {
	session, err := newSessionKey(k.certificate.Suite())
	if err != nil {
		return err
	}
	envelope, err := session.wrap(k.certificate)
	if err != nil {
		return err
	}
	again, err := Unwrap(envelope, k)
	if err != nil || !bytes.Equal(again.Secret(), session.Secret()) {
		return errors.New("its private part doesn't belong to the certificate")
	}
	return nil
}

// missingSecret is what stands behind the public part of a key packet whose private part is elsewhere: GnuPG's S2K specifier 101, mode 1 (doc/DETAILS of GnuPG, "gnu-dummy"), which all programs know.
var missingSecret = []byte{usageCFB, 0, s2kGNU, 0, 'G', 'N', 'U', 1}

// openingPackets is secretPackets without the private part of the primary key.
func (k *Key) openingPackets() []byte {
	entity := *k.entity
	entity.PrivateKey = nil
	return (&Key{k.certificate, &entity}).secretPackets()
}

// RevocationOf returns the owner's revocation of a key, as ASCII armor that gpg --import takes beside the certificate (RFC 9580, section 5.2.1.11): made together with the key, and kept beside the root for the day
// on which it is lost or stolen.
func RevocationOf(k *Key, now time.Time) (string, error) {
	if !k.exists() || k.entity.PrivateKey == nil {
		return "", errNoKey
	}
	entity := *k.entity
	if err := entity.Revoke(packet.NoReason, "", generationConfig(now)); err != nil {
		return "", fmt.Errorf("making the revocation: %w", err)
	}
	var signature bytes.Buffer
	if err := entity.Revocations[len(entity.Revocations)-1].Packet.Serialize(&signature); err != nil {
		return "", fmt.Errorf("making the revocation: %w", err)
	}
	return armor(armorPublicKey, signature.Bytes()), nil
}

// MailCertificate returns what mail programs need of the desk's certificate, binary: the primary key, the user ID, the encryption subkey, and their newest self-signatures; with the root's certification when root is not nil, so that who trusts
// the root sees that it holds, else without, as Autocrypt wants it (Autocrypt level 1, "key data").
func (s *Staff) MailCertificate(root *Root) ([]byte, error) {
	if s == nil || !s.certificate.exists() || s.certificate.encryption == nil {
		return nil, errZeroCertificate
	}
	c := s.certificate
	subkey := publicBody(c.encryption.PublicKey)
	var out []byte
	keep := func(*packet.Signature) bool { return false }
	for _, p := range c.packet {
		kept := false
		switch p.kind {
		case packetPublicKey:
			kept, keep = true, func(*packet.Signature) bool { return false }
		case packetUserID:
			kept = string(p.body) == s.name
			self := newest(c.entity.Identities[s.name].SelfCertifications)
			keep = func(sig *packet.Signature) bool {
				return kept && (sameSignature(sig, self) || s.certifiedBy(root, sig))
			}
		case packetPublicSubkey:
			kept = bytes.Equal(p.body, subkey)
			binding := c.encryption.SelfSignature
			keep = func(sig *packet.Signature) bool { return kept && sameSignature(sig, binding) }
		case packetSignature:
			read, err := packet.Read(bytes.NewReader(p.whole))
			sig, ok := read.(*packet.Signature)
			kept = err == nil && ok && keep(sig)
		default:
			keep = func(*packet.Signature) bool { return false }
		}
		if kept {
			out = append(out, p.whole...)
		}
	}
	if _, err := certificateFromPackets(out); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Staff) certifiedBy(root *Root, sig *packet.Signature) bool {
	return root.exists() && sig.CreationTime.Equal(s.certified) && sig.SigType != packet.SigTypeCertificationRevocation && sig.CheckKeyIdOrFingerprint(root.certificate.entity.PrimaryKey) && root.certificate.made(sig, s.certificate, s.name)
}

func sameSignature(a, b *packet.Signature) bool {
	return a.SigType == b.SigType && a.CreationTime.Equal(b.CreationTime) && a.HashTag == b.HashTag && bytes.Equal(a.IssuerFingerprint, b.IssuerFingerprint)
}
