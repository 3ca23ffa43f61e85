package crypto

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Bounds of what a private key may ask for before it is unlocked. GnuPG asks for
// iterated S2K, which costs at most 65 MB of hashing; Argon2 could ask for 2 TiB.
const (
	maxArgon2Passes      = 10
	maxArgon2Parallelism = 16
	maxArgon2MemoryExp   = 18 // 2¹⁸ KiB = 256 MiB
)

// S2K usage octets (RFC 9580, section 3.7.2.1) and specifiers (section 3.7.1).
const (
	usagePlain    = 0
	usageAEAD     = 253
	usageCFB      = 254
	usageChecksum = 255

	s2kSalted   = 1
	s2kIterated = 3
	s2kArgon2   = 4
	s2kGNU      = 101 // GnuPG: the private part is elsewhere
)

// ParseArmoredKey reads one private key that was made elsewhere, as "gpg --armor
// --export-secret-keys" writes it (binary is read too), and unlocks it with its
// passphrase; a key that isn't locked needs none. ErrWrongSecret is returned when
// the passphrase is wrong.
//
// What the key asks for to be unlocked is looked at first, so that a hostile one
// can't exhaust memory.
func ParseArmoredKey(data, passphrase []byte) (k *Key, err error) {
	defer func() {
		if r := recover(); r != nil {
			k, err = nil, errNoPrivateKey(fmt.Errorf("reading it failed: %v", r))
		}
	}()
	if len(data) > 2*MaxCertificateSize {
		return nil, errTooLarge()
	}
	raw := data
	if isArmored(data) {
		if raw, err = dearmor(armorPrivateKey, data); err != nil {
			return nil, errNoPrivateKey(err)
		}
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
	entity, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, errNoPrivateKey(err)
	}
	parts := privateParts(entity)
	for _, key := range parts {
		if err := unlockForeign(key, secrets[string(publicBody(&key.PublicKey))], passphrase); err != nil {
			return nil, err
		}
	}
	return newKey(certificate, parts)
}

func errNoPrivateKey(cause error) error {
	return fmt.Errorf("this is not a private key that can be read: %w; export it with: gpg --armor --export-secret-keys FINGERPRINT", cause)
}

// separateSecrets turns the packets of a private key into those of its
// certificate, and returns what stood behind the public part of each key packet,
// by public part.
func separateSecrets(packets []rawPacket) (public []byte, secrets map[string][]byte, err error) {
	secrets = map[string][]byte{}
	for i, p := range packets {
		kind := byte(packetPublicSubkey)
		switch p.kind {
		case packetSecretKey:
			if i > 0 {
				return nil, nil, errors.New("there is more than one key in it")
			}
			kind = packetPublicKey
		case packetSecretSubkey:
		case packetPublicKey:
			return nil, nil, errors.New("it is a public key")
		default:
			public = append(public, p.whole...)
			continue
		}
		n, err := publicPartSize(p)
		if err != nil {
			// An unknown kind of subkey is passed over, as in certificates; it can't
			// be passed on without its private part, so its packet goes.
			if i > 0 {
				continue
			}
			return nil, nil, err
		}
		public = appendPacket(public, kind, p.body[:n])
		secrets[string(p.body[:n])] = p.body[n:]
	}
	if len(packets) == 0 || packets[0].kind != packetSecretKey {
		return nil, nil, errors.New("it does not start with a private key")
	}
	return public, secrets, nil
}

// publicPartSize returns how many octets of a secret key packet's body are the
// public key (RFC 9580, section 5.5.3).
func publicPartSize(p rawPacket) (int, error) {
	read, err := packet.Read(bytes.NewReader(appendPacket(nil, packetPublicKey, p.body)))
	if err != nil {
		return 0, err
	}
	key, ok := read.(*packet.PublicKey)
	if !ok {
		return 0, errors.New("a key packet is damaged")
	}
	body := publicBody(key)
	if len(body) == 0 || !bytes.HasPrefix(p.body, body) {
		return 0, errors.New("a key packet is damaged")
	}
	return len(body), nil
}

// unlockForeign unlocks key, whose packet holds secret behind its public part.
func unlockForeign(key *packet.PrivateKey, secret, passphrase []byte) error {
	if err := checkUnlockingCost(key.Version, secret); err != nil {
		return err
	}
	if key.Dummy() || !key.Encrypted {
		return nil
	}
	if len(passphrase) == 0 {
		return fmt.Errorf("the private key is locked; give its passphrase: %w", ErrWrongSecret)
	}
	if err := key.Decrypt(passphrase); err != nil {
		return ErrWrongSecret
	}
	return nil
}

// checkUnlockingCost looks at the S2K octets of a secret key before anything acts
// on them (RFC 9580, sections 3.7 and 5.5.3).
func checkUnlockingCost(version int, secret []byte) error {
	damaged := errNoPrivateKey(errors.New("a key packet is damaged"))
	if len(secret) == 0 {
		return damaged
	}
	usage, rest := secret[0], secret[1:]
	outdated := errNoPrivateKey(fmt.Errorf("it is locked in an outdated way (%d); unlock it and lock it again: gpg --edit-key FINGERPRINT passwd", usage))
	algorithms := 1 // cipher
	switch usage {
	case usagePlain:
		return nil
	case usageAEAD:
		algorithms = 2 // and AEAD mode
	case usageCFB, usageChecksum:
	default:
		return outdated
	}
	if version == 6 {
		rest = rest[min(1, len(rest)):] // octet count of what follows
		algorithms++                    // and octet count of the S2K specifier
	}
	if len(rest) <= algorithms {
		return damaged
	}
	specifier := rest[algorithms:]
	if usage == usageChecksum && specifier[0] != s2kGNU { // GnuPG writes it for a private part that is elsewhere
		return outdated
	}
	return checkS2K(specifier)
}

func checkS2K(specifier []byte) error {
	switch specifier[0] {
	case s2kSalted, s2kIterated, s2kGNU:
		return nil
	case s2kArgon2:
		if len(specifier) < 1+SaltSize+3 {
			return errNoPrivateKey(errors.New("a key packet is damaged"))
		}
		passes, parallelism, memory := specifier[1+SaltSize], specifier[2+SaltSize], specifier[3+SaltSize]
		if passes > maxArgon2Passes || parallelism > maxArgon2Parallelism || memory > maxArgon2MemoryExp {
			return fmt.Errorf("unlocking this key would take %d passes over 2^%d KiB of memory, at most %d passes over 256 MiB are accepted: lock it again with less", passes, memory, maxArgon2Passes)
		}
		return nil
	}
	return errNoPrivateKey(fmt.Errorf("it is locked in a way (S2K %d) that is not accepted; unlock it and lock it again: gpg --edit-key FINGERPRINT passwd", specifier[0]))
}
