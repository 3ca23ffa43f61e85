package crypto

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Bounds of what is accepted as a certificate. A post-quantum certificate with a
// chain's certifications has about 2.5 KiB and 10 packets.
const (
	// MaxCertificateSize is the size in bytes of the largest certificate accepted, without armor.
	MaxCertificateSize = 64 << 10

	maxCertificatePackets = 300
	maxSelfSignatures     = 64 // each is verified
	maxUserIDs            = 16
	maxUserIDSize         = 500
	maxSubkeys            = 24
)

// Suite says how a body is sealed and an envelope wrapped.
type Suite string

const (
	SuitePQ     Suite = "pq"     // SEIPDv2 AES-256, PKESK v6 (a v6/own key without ML-KEM but with the SEIPDv2 feature is of this suite too)
	SuiteCompat Suite = "compat" // SEIPDv1 AES-256, PKESK v3
)

// Certificate is a public key (an OpenPGP certificate, RFC 9580, section 10.1)
// that was parsed and whose self-signatures were checked. It never changes and
// may be used by many goroutines.
type Certificate struct {
	raw    []byte          // as received, without armor
	packet []rawPacket     // raw, cut
	entity *openpgp.Entity // every signature's Valid is set

	fingerprint    Fingerprint
	userIDs        []string // with a self-signature that holds; sorted
	userAttributes bool     // photographs and the like
	self           *packet.Signature
	encryption     *openpgp.Key

	certified sync.Map // certifier: others' certifications that were found to hold
}

// exists refuses the zero value.
func (c *Certificate) exists() bool { return c != nil && c.entity != nil }

var errZeroCertificate = errors.New("there is no certificate")

// ParseCertificate reads exactly one certificate, armored or binary, of at most
// MaxCertificateSize. Something else, a private key, several certificates, or
// one whose self-signatures don't hold is refused with a *PolicyError. Whether
// the certificate is any good today is what CheckPolicy says.
func ParseCertificate(data []byte) (c *Certificate, err error) {
	defer recoverForeign(&err)
	if len(data) > 2*MaxCertificateSize {
		return nil, errTooLarge()
	}
	raw := bytes.Clone(data)
	if isArmored(data) {
		if bytes.Contains(data, []byte(armorBegin+armorPrivateKey)) {
			return nil, errPrivateKey()
		}
		if raw, err = dearmor(armorPublicKey, data); err != nil {
			return nil, errNoCertificate(err)
		}
	}
	if len(raw) > MaxCertificateSize {
		return nil, errTooLarge()
	}
	return certificateFromPackets(raw)
}

// certificateFromPackets does not copy raw.
func certificateFromPackets(raw []byte) (*Certificate, error) {
	packets, err := splitPackets(raw, maxCertificatePackets)
	if err != nil {
		return nil, errNoCertificate(err)
	}
	if err := checkCertificatePackets(packets); err != nil {
		return nil, err
	}
	reader := packet.NewReader(bytes.NewReader(raw))
	entity, err := openpgp.ReadEntity(reader)
	if err != nil {
		return nil, errNoCertificate(err)
	}
	if entity.PrimaryKey.Version != 4 && entity.PrimaryKey.Version != 6 {
		return nil, errNoCertificate(fmt.Errorf("its key is of version %d", entity.PrimaryKey.Version))
	}
	if countSelfSignatures(entity) > maxSelfSignatures {
		return nil, errTooLarge()
	}
	checkSelfSignatures(entity)
	c := &Certificate{
		raw:            raw,
		packet:         packets,
		entity:         entity,
		fingerprint:    fingerprintOf(entity.PrimaryKey),
		userAttributes: slices.ContainsFunc(packets, func(p rawPacket) bool { return p.kind == packetUserAttribute }),
	}
	for name, identity := range entity.Identities {
		if slices.ContainsFunc(identity.SelfCertifications, cryptographicallyValid) {
			c.userIDs = append(c.userIDs, name)
		}
	}
	slices.Sort(c.userIDs)
	c.self = primarySelfSignature(entity, c.userIDs)
	c.encryption = chooseEncryptionKey(entity, c.self)
	return c, nil
}

// checkCertificatePackets looks at the outline: which packets, how many, in which order.
func checkCertificatePackets(packets []rawPacket) error {
	if len(packets) == 0 {
		return errNoCertificate(errors.New("it is empty"))
	}
	userIDs := map[string]bool{}
	subkeys := 0
	for i, p := range packets {
		switch p.kind {
		case packetSecretKey, packetSecretSubkey:
			return errPrivateKey()
		case packetPublicKey:
			if i > 0 {
				return errSeveral()
			}
		case packetUserID:
			if userIDs[string(p.body)] {
				return errNoCertificate(errors.New("it holds the same user ID twice"))
			}
			userIDs[string(p.body)] = true
			if len(p.body) > maxUserIDSize || len(userIDs) > maxUserIDs {
				return errTooLarge()
			}
		case packetPublicSubkey:
			if subkeys++; subkeys > maxSubkeys {
				return errTooLarge()
			}
		case packetSignature, packetUserAttribute, packetTrust, packetMarker, packetPadding:
		default:
			if p.kind < 40 { // critical (RFC 9580, section 4.3)
				return errNoCertificate(fmt.Errorf("it holds an OpenPGP packet of type %d", p.kind))
			}
		}
	}
	if packets[0].kind != packetPublicKey {
		return errNoCertificate(errors.New("it does not start with a public key"))
	}
	return nil
}

func countSelfSignatures(e *openpgp.Entity) int {
	n := len(e.DirectSignatures) + len(e.Revocations)
	for _, identity := range e.Identities {
		n += len(identity.SelfCertifications) + len(identity.Revocations)
	}
	for i := range e.Subkeys {
		n += len(e.Subkeys[i].Bindings) + len(e.Subkeys[i].Revocations)
	}
	return n
}

// checkSelfSignatures verifies every self-signature and self-revocation once,
// unless that is not affordable, and leaves the outcome in Valid. It does so for all of them and without a time,
// because the library would do it lazily (a data race), skip older ones, and
// remember for good that one was expired on the day when it first looked.
func checkSelfSignatures(e *openpgp.Entity) {
	primary := e.PrimaryKey
	mark := func(signatures []*packet.VerifiableSignature, verify func(*packet.Signature) error) {
		for _, s := range signatures {
			valid := affordable(primary) && acceptableSignature(s.Packet) && verify(s.Packet) == nil
			s.Valid = &valid
		}
	}
	mark(e.DirectSignatures, primary.VerifyDirectKeySignature)
	mark(e.Revocations, primary.VerifyRevocationSignature)
	for name, identity := range e.Identities {
		verify := func(s *packet.Signature) error { return primary.VerifyUserIdSignature(name, primary, s) }
		mark(identity.SelfCertifications, verify)
		mark(identity.Revocations, verify)
	}
	for i := range e.Subkeys {
		subkey := &e.Subkeys[i]
		mark(subkey.Bindings, func(s *packet.Signature) error {
			if s.EmbeddedSignature != nil && !affordable(subkey.PublicKey) {
				return errUnaffordable
			}
			return primary.VerifyKeySignature(subkey.PublicKey, s)
		})
		mark(subkey.Revocations, func(s *packet.Signature) error {
			return primary.VerifySubkeyRevocationSignature(s, subkey.PublicKey)
		})
	}
}

var errUnaffordable = errors.New("verifying the key's signatures would take too long")

// affordable says whether verifying a signature of key takes milliseconds. The
// sizes of RSA and DSA keys are their makers' choice, and what a DSA key of 32 kB
// asks for takes minutes. All other algorithms have sizes of their own.
func affordable(key *packet.PublicKey) bool {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly, packet.PubKeyAlgoRSAEncryptOnly:
		bits, err := key.BitLength()
		return err == nil && bits <= maximumRSABits
	case packet.PubKeyAlgoDSA:
		return false // and the policy refuses it anyway
	}
	return true
}

// acceptableSignature refuses what no verification may overlook: a broken hash
// function, and a critical notation that nobody here understands (RFC 9580,
// section 5.2.3.24).
func acceptableSignature(s *packet.Signature) bool {
	for s := s; s != nil; s = s.EmbeddedSignature {
		if !acceptableHash(s) {
			return false
		}
		for _, n := range s.Notations {
			if n.IsCritical {
				return false
			}
		}
	}
	return true
}

func acceptableHash(s *packet.Signature) bool {
	switch s.Hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512:
		return true
	}
	return false
}

func cryptographicallyValid(s *packet.VerifiableSignature) bool { return s.Valid != nil && *s.Valid }

// primarySelfSignature returns the self-signature that speaks for the whole key:
// for v6 keys the newest direct-key signature (RFC 9580, section 10.1.1), for v4
// keys the newest one of the user ID that is marked as primary, or else of the
// one signed last. Ties go to the user ID that sorts last, so that the answer
// never depends on the order of a map.
func primarySelfSignature(e *openpgp.Entity, userIDs []string) *packet.Signature {
	if e.PrimaryKey.Version == 6 {
		return newest(e.DirectSignatures)
	}
	var best *packet.Signature
	for _, name := range userIDs {
		s := newest(e.Identities[name].SelfCertifications)
		if s == nil || revokedAfter(e.Identities[name].Revocations, s.CreationTime) {
			continue
		}
		if best == nil || isPrimary(s) && !isPrimary(best) ||
			isPrimary(s) == isPrimary(best) && !s.CreationTime.Before(best.CreationTime) {
			best = s
		}
	}
	return best
}

func isPrimary(s *packet.Signature) bool { return s.IsPrimaryId != nil && *s.IsPrimaryId }

func newest(signatures []*packet.VerifiableSignature) *packet.Signature {
	var best *packet.Signature
	for _, s := range signatures {
		if cryptographicallyValid(s) && (best == nil || !s.Packet.CreationTime.Before(best.CreationTime)) {
			best = s.Packet
		}
	}
	return best
}

// revokedAfter says whether one of the revocations is not older than made.
func revokedAfter(revocations []*packet.VerifiableSignature, made time.Time) bool {
	return slices.ContainsFunc(revocations, func(r *packet.VerifiableSignature) bool {
		return cryptographicallyValid(r) && !r.Packet.CreationTime.Before(made)
	})
}

// revokedAt says whether one of the revocations counts at a time. Without a
// reason, or with a compromised key as the reason, it counts for all times, as
// whoever has the key can date signatures back; otherwise from when it was made.
func revokedAt(revocations []*packet.VerifiableSignature, at time.Time) bool {
	return slices.ContainsFunc(revocations, func(r *packet.VerifiableSignature) bool {
		if !cryptographicallyValid(r) {
			return false
		}
		switch reason := r.Packet.RevocationReason; {
		case reason != nil && (*reason == packet.KeySuperseded || *reason == packet.KeyRetired):
			return !at.Before(r.Packet.CreationTime)
		default:
			return true
		}
	})
}

// chooseEncryptionKey picks the key that everything sealed to this certificate is
// sealed to: of those bound for encryption and not revoked, one that the policy
// allows, then a post-quantum one, then the one bound last. It does not look at
// the clock, so all parties pick the same; CheckPolicy refuses the certificate
// when the one picked has expired.
func chooseEncryptionKey(e *openpgp.Entity, self *packet.Signature) *openpgp.Key {
	var best *openpgp.Key
	for i := range e.Subkeys {
		subkey := &e.Subkeys[i]
		binding := newest(subkey.Bindings)
		if binding == nil || !mayEncrypt(binding, subkey.PublicKey) || revokedAfter(subkey.Revocations, binding.CreationTime) {
			continue
		}
		key := &openpgp.Key{Entity: e, PrimarySelfSignature: self, PublicKey: subkey.PublicKey, SelfSignature: binding}
		if best == nil || preferEncryptionKey(key, best) {
			best = key
		}
	}
	if best == nil && self != nil && mayEncrypt(self, e.PrimaryKey) {
		best = &openpgp.Key{Entity: e, PrimarySelfSignature: self, PublicKey: e.PrimaryKey, SelfSignature: self}
	}
	return best
}

func mayEncrypt(s *packet.Signature, key *packet.PublicKey) bool {
	return key.PubKeyAlgo.CanEncrypt() && s.FlagsValid && (s.FlagEncryptCommunications || s.FlagEncryptStorage)
}

func preferEncryptionKey(a, b *openpgp.Key) bool {
	if good, other := checkAlgorithm(a.PublicKey) == nil, checkAlgorithm(b.PublicKey) == nil; good != other {
		return good
	}
	if good, other := isPostQuantum(a.PublicKey), isPostQuantum(b.PublicKey); good != other {
		return good
	}
	return !a.SelfSignature.CreationTime.Before(b.SelfSignature.CreationTime)
}

func isPostQuantum(key *packet.PublicKey) bool {
	return key.PubKeyAlgo == packet.PubKeyAlgoMlkem768X25519 || key.PubKeyAlgo == packet.PubKeyAlgoMlkem1024X448
}

// encryptionKey returns the key that envelopes for this certificate are wrapped to.
func (c *Certificate) encryptionKey() (*packet.PublicKey, error) {
	if !c.exists() || c.encryption == nil {
		return nil, errNoEncryption()
	}
	return c.encryption.PublicKey, nil
}

// Fingerprint returns the fingerprint of the primary key.
func (c *Certificate) Fingerprint() Fingerprint { return c.fingerprint }

func fingerprintOf(key *packet.PublicKey) Fingerprint {
	return Fingerprint(strings.ToUpper(hex.EncodeToString(key.Fingerprint)))
}

// Created returns when the primary key was made, as it says itself.
func (c *Certificate) Created() time.Time { return c.entity.PrimaryKey.CreationTime }

// Bytes returns the certificate as it was received, without armor.
func (c *Certificate) Bytes() []byte { return bytes.Clone(c.raw) }

// Armor returns Bytes as ASCII armor with CRC-24.
func (c *Certificate) Armor() string { return armor(armorPublicKey, c.raw) }

// SigningOnlyArmor returns the certificate without its encryption subkeys: it
// verifies the same signatures, and programs take it that refuse a whole
// certificate because of a subkey that they don't know.
func (c *Certificate) SigningOnlyArmor() string {
	var kept []byte
	dropping := false
	for _, p := range c.packet {
		switch p.kind {
		case packetSignature:
		case packetPublicSubkey:
			dropping = !c.isSigningSubkey(p)
		default:
			dropping = false
		}
		if !dropping {
			kept = append(kept, p.whole...)
		}
	}
	return armor(armorPublicKey, kept)
}

func (c *Certificate) isSigningSubkey(p rawPacket) bool {
	for i := range c.entity.Subkeys {
		subkey := &c.entity.Subkeys[i]
		if bytes.Equal(publicBody(subkey.PublicKey), p.body) {
			s := newest(subkey.Bindings)
			return s != nil && s.FlagsValid && s.FlagSign
		}
	}
	return false
}

// publicBody returns the body of a public key packet.
func publicBody(key *packet.PublicKey) []byte {
	var b bytes.Buffer
	if err := key.Serialize(&b); err != nil {
		return nil
	}
	packets, err := splitPackets(b.Bytes(), 1)
	if err != nil {
		return nil
	}
	return packets[0].body
}

// PublicKeySHA256 returns the SHA-256 digest, as 64 small hexadecimal digits, of
// exactly the octets whose SHA-1 digest is a v4 fingerprint: 0x99, two octets of
// length, and the body of the public key packet (RFC 9580, section 5.5.4.2). It
// stands on paper beside the fingerprint, since SHA-1 no longer resists
// collisions. For v6 keys it is the fingerprint.
func (c *Certificate) PublicKeySHA256() string {
	h := sha256.New()
	if err := c.entity.PrimaryKey.SerializeForHash(h); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// UserIDs returns the user IDs whose self-signature holds, sorted.
func (c *Certificate) UserIDs() []string { return slices.Clone(c.userIDs) }

// Suite returns the suite that the owner's program can open, by the feature
// "SEIPD version 2" of the key's self-signature (RFC 9580, section 5.2.3.32).
func (c *Certificate) Suite() Suite {
	if c.self != nil && c.self.SEIPDv2 {
		return SuitePQ
	}
	return SuiteCompat
}

// PostQuantum says whether envelopes for this certificate are wrapped with ML-KEM.
func (c *Certificate) PostQuantum() bool {
	return c.encryption != nil && isPostQuantum(c.encryption.PublicKey)
}

// recoverForeign turns a panic of a parser of foreign data into an error.
func recoverForeign(err *error) {
	if r := recover(); r != nil {
		*err = errNoCertificate(fmt.Errorf("reading it failed: %v", r))
	}
}
