package crypto

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Profile says how a key is made.
type Profile string

const (
	ProfilePQ     Profile = "pq"     // v4 Ed25519 (EdDSA legacy) + ML-KEM-768+X25519 subkey
	ProfileCompat Profile = "compat" // v4 Ed25519 + Cv25519, readable by GnuPG 2.2
	ProfileOwn    Profile = "own"    // made elsewhere
)

// Key is an unlocked private key with its certificate.
type Key struct {
	certificate *Certificate
	entity      *openpgp.Entity // the certificate's, with the private parts; every signature's Valid is set
}

// exists refuses the zero value.
func (k *Key) exists() bool { return k != nil && k.certificate.exists() && k.entity != nil }

var errNoKey = errors.New("there is no key")

// Format keeps the private part out of logs, whatever verb prints the key.
func (k *Key) Format(f fmt.State, _ rune) {
	if k == nil || k.certificate == nil {
		io.WriteString(f, "no key")
		return
	}
	io.WriteString(f, "key "+string(k.certificate.fingerprint))
}

// GenerateKey makes a key of profile ProfilePQ or ProfileCompat with one user ID.
// The key does not expire by itself: a mailbox that silently stopped receiving
// would be worse than a key that must be revoked. now is cut to seconds.
//
// A user ID is 1 to 255 bytes of UTF-8 in one line, without space at its ends.
func GenerateKey(profile Profile, userID string, now time.Time) (*Key, error) {
	config := generationConfig(now)
	switch profile {
	case ProfilePQ:
		config.AEADConfig = &packet.AEADConfig{} // what advertises SEIPDv2
	case ProfileCompat:
	default:
		return nil, fmt.Errorf("keys of profile %q can't be made here, only %q and %q", profile, ProfilePQ, ProfileCompat)
	}
	entity, err := newEntity(userID, config)
	if err != nil {
		return nil, err
	}
	if profile == ProfilePQ {
		entity.Subkeys = nil
		config.Algorithm = packet.PubKeyAlgoMlkem768X25519
		if err := entity.AddEncryptionSubkey(config); err != nil {
			return nil, fmt.Errorf("making the encryption subkey: %w", err)
		}
	}
	return keyFromEntity(entity)
}

// GenerateRoot makes the institution's root: an Ed25519 key that certifies and
// signs and has no subkey. Its user ID is the institution's name.
func GenerateRoot(institution string, now time.Time) (*Key, error) {
	entity, err := newEntity(institution, generationConfig(now))
	if err != nil {
		return nil, err
	}
	entity.Subkeys = nil
	return keyFromEntity(entity)
}

func generationConfig(now time.Time) *packet.Config {
	return &packet.Config{
		Algorithm:     packet.PubKeyAlgoEdDSA,
		Curve:         packet.Curve25519,
		DefaultHash:   crypto.SHA512,
		DefaultCipher: packet.CipherAES256,
		Time:          func() time.Time { return now },
	}
}

// newEntity makes a primary key with one user ID and an encryption subkey.
func newEntity(userID string, config *packet.Config) (*openpgp.Entity, error) {
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	// The library refuses brackets in user IDs, which are free text (RFC 9580,
	// section 5.11). So it signs a stand-in first, and the same signature is then
	// made over the real one.
	const standIn = "user"
	entity, err := openpgp.NewEntity(standIn, "", "", config)
	if err != nil {
		return nil, fmt.Errorf("making the key: %w", err)
	}
	identity := entity.Identities[standIn]
	delete(entity.Identities, standIn)
	identity.Name = userID
	identity.UserId = &packet.UserId{Id: userID, Name: userID}
	self := identity.SelfCertifications[0].Packet
	if err := self.SignUserId(userID, entity.PrimaryKey, entity.PrivateKey, config); err != nil {
		return nil, fmt.Errorf("signing the user ID: %w", err)
	}
	entity.Identities[userID] = identity
	return entity, nil
}

func checkUserID(userID string) error {
	switch {
	case userID == "" || len(userID) > 255:
		return errors.New("a user ID has 1 to 255 bytes")
	case !utf8.ValidString(userID) || strings.ContainsFunc(userID, unicode.IsControl):
		return errors.New("a user ID is one line of UTF-8 text")
	case strings.ContainsFunc(userID, func(r rune) bool { return isInvisible(r) && !isJoiner(r) }):
		return errors.New("a user ID holds no invisible characters: two people could have names that look the same")
	case strings.TrimSpace(userID) != userID:
		return errors.New("a user ID neither starts nor ends with a space")
	}
	return nil
}

// keyFromEntity takes over a key that was just made, with one user ID.
func keyFromEntity(entity *openpgp.Entity) (*Key, error) {
	var public bytes.Buffer
	if err := entity.Serialize(&public); err != nil {
		return nil, fmt.Errorf("writing the certificate: %w", err)
	}
	certificate, err := certificateFromPackets(public.Bytes())
	if err != nil {
		return nil, err
	}
	return newKey(certificate, privateParts(entity))
}

// privateParts returns the private keys of entity by fingerprint.
func privateParts(entity *openpgp.Entity) map[Fingerprint]*packet.PrivateKey {
	parts := map[Fingerprint]*packet.PrivateKey{}
	if entity.PrivateKey != nil {
		parts[fingerprintOf(entity.PrimaryKey)] = entity.PrivateKey
	}
	for _, subkey := range entity.Subkeys {
		if subkey.PrivateKey != nil {
			parts[fingerprintOf(subkey.PublicKey)] = subkey.PrivateKey
		}
	}
	return parts
}

var errOpensOnly = errors.New("this key only opens: the private part of its primary key is not here, so it signs and certifies nothing")

// newKey joins a certificate and private parts. The primary key's must be there
// and, when the certificate has one, the chosen encryption key's.
func newKey(c *Certificate, parts map[Fingerprint]*packet.PrivateKey) (*Key, error) {
	k, err := joinKey(c, parts)
	if err != nil {
		return nil, err
	}
	if k.entity.PrivateKey == nil {
		return nil, errors.New("the private part of the primary key is missing; export the key on the computer that holds it, with: gpg --armor --export-secret-keys FINGERPRINT")
	}
	return k, nil
}

// joinKey is newKey for a key whose primary part may be missing: it then only opens.
func joinKey(c *Certificate, parts map[Fingerprint]*packet.PrivateKey) (*Key, error) {
	entity, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(c.raw)))
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	checkSelfSignatures(entity)
	usable := func(key *packet.PublicKey) *packet.PrivateKey {
		part := parts[fingerprintOf(key)]
		if part == nil || part.Dummy() || part.Encrypted {
			return nil
		}
		return part
	}
	entity.PrivateKey = usable(entity.PrimaryKey)
	for i := range entity.Subkeys {
		entity.Subkeys[i].PrivateKey = usable(entity.Subkeys[i].PublicKey)
	}
	if encryption, err := c.encryptionKey(); err == nil && usable(encryption) == nil {
		return nil, errors.New("the private part of the encryption key is missing; export the key on the computer that holds it, with: gpg --armor --export-secret-keys FINGERPRINT")
	}
	return &Key{certificate: c, entity: entity}, nil
}

// Certificate returns the public side of the key.
func (k *Key) Certificate() *Certificate { return k.certificate }

// WithCertificate returns the same key with a newer certificate, as it comes back
// from being certified. A certificate of another key is refused.
func (k *Key) WithCertificate(c *Certificate) (*Key, error) {
	if !k.exists() {
		return nil, errNoKey
	}
	if !c.exists() {
		return nil, errZeroCertificate
	}
	if c.Fingerprint() != k.certificate.Fingerprint() {
		return nil, fmt.Errorf("certificate %s belongs to another key than %s", c.Fingerprint(), k.certificate.Fingerprint())
	}
	return newKey(c, privateParts(k.entity))
}

// Armor returns the unlocked private key (a transferable secret key, RFC 9580,
// section 10.2) as ASCII armor with CRC-24. Handle it with care: whoever reads it
// has the key.
func (k *Key) Armor() string {
	return armor(armorPrivateKey, k.secretPackets())
}

// secretPackets writes the certificate with each public key packet replaced by
// its secret counterpart; everything else stays octet by octet. A subkey whose
// private part is missing is left out with its signatures.
func (k *Key) secretPackets() []byte {
	primary := publicBody(k.entity.PrimaryKey)
	secrets := map[string][]byte{string(primary): appendPacket(nil, packetSecretKey, append(bytes.Clone(primary), missingSecret...))}
	if k.entity.PrivateKey != nil {
		secrets[string(primary)] = secretPacket(k.entity.PrivateKey)
	}
	for i := range k.entity.Subkeys {
		if subkey := &k.entity.Subkeys[i]; subkey.PrivateKey != nil {
			secrets[string(publicBody(subkey.PublicKey))] = secretPacket(subkey.PrivateKey)
		}
	}
	var out []byte
	dropping := false
	for _, p := range k.certificate.packet {
		switch p.kind {
		case packetPublicKey, packetPublicSubkey:
			secret := secrets[string(p.body)]
			dropping = secret == nil
			out = append(out, secret...)
		default:
			if !dropping {
				out = append(out, p.whole...)
			}
		}
	}
	return out
}

// secretPacket writes a private key as a packet.
func secretPacket(key *packet.PrivateKey) []byte {
	var b bytes.Buffer
	if err := key.Serialize(&b); err != nil {
		return nil // unlocked keys of known algorithms: the library has no error left
	}
	return b.Bytes()
}
