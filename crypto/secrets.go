package crypto

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// SaltSize is the size in bytes of the OpenPGP Argon2 salt (RFC 9580, section 3.7.1.4).
const SaltSize = 16

// The cost of one guess at a passphrase: the second recommendation of RFC 9106,
// section 4, for places where 2 GiB aren't at hand. About a second in a browser.
const (
	argon2Passes      = 3
	argon2Parallelism = 4
	argon2MemoryExp   = 16 // 2¹⁶ KiB = 64 MiB
)

// Labels that keep what is derived from one Argon2 run apart. The OpenPGP key
// encryption key comes from the same output by HKDF with a four-octet label of its own.
const (
	logInSecretLabel   = "valise log-in secret v1"
	logInVerifierLabel = "valise log-in verifier v1\x00"
)

// ErrWrongSecret is returned when a passphrase or claim code does not open what it should.
var ErrWrongSecret = errors.New("the passphrase or claim code is wrong; check it, and mind capitals")

// Secrets is the outcome of one Argon2id run (3 passes, 4 lanes, 64 MiB) over a
// passphrase or claim code and a salt. Its output is the S2K output of the locked
// bundle (so that any program that knows RFC 9580 opens the bundle with the
// passphrase itself), and HKDF-SHA256 of the same output is the log-in secret that
// the server is shown. Neither tells anything about the other.
type Secrets struct {
	salt   [SaltSize]byte
	output [32]byte
}

// derived says whether DeriveSecrets made s: the zero value is the same for everybody.
func (s *Secrets) derived() bool { return s != nil && s.output != [32]byte{} }

var errNotDerived = errors.New("there are no secrets: derive them from a passphrase or claim code first")

// Format keeps the secrets out of logs, whatever verb prints them.
func (s Secrets) Format(f fmt.State, _ rune) { io.WriteString(f, "secrets (not shown)") }

// NewSalt returns SaltSize random bytes.
func NewSalt() []byte {
	salt := make([]byte, SaltSize)
	rand.Read(salt) // never fails: the runtime stops the process instead
	return salt
}

// DeriveSecrets takes a passphrase as typed, or a ClaimCode, and a salt of
// SaltSize bytes. White space at the ends is dropped and each run of white space
// inside becomes one space; otherwise the bytes are taken as they are. So capitals
// count, and an accented letter counts in the form (RFC 9580 asks for UTF-8) in
// which the keyboard sends it.
//
// To open a locked bundle with another OpenPGP program, type the passphrase with
// single spaces, the claim code with its hyphens and in capitals.
func DeriveSecrets(secret, salt []byte) (*Secrets, error) {
	if len(salt) != SaltSize {
		return nil, fmt.Errorf("the salt has %d bytes, it must have %d", len(salt), SaltSize)
	}
	normal := strings.Join(strings.Fields(string(secret)), " ")
	if normal == "" {
		return nil, errors.New("the passphrase or claim code is missing")
	}
	s := new(Secrets)
	copy(s.salt[:], salt)
	copy(s.output[:], argon2.IDKey([]byte(normal), salt, argon2Passes, 1<<argon2MemoryExp, argon2Parallelism, uint32(len(s.output))))
	return s, nil
}

// LogInSecret returns the 32 bytes that are sent to the server at log-in; nil for
// the zero value.
func (s *Secrets) LogInSecret() []byte {
	if !s.derived() {
		return nil
	}
	return s.expand(logInSecretLabel)
}

// expand is HKDF-SHA256 (RFC 5869) without salt over the Argon2 output.
func (s *Secrets) expand(label string) []byte {
	key, err := hkdf.Key(sha256.New, s.output[:], nil, label, 32)
	if err != nil {
		panic(err) // only for lengths above 8160
	}
	return key
}

// Salt returns the salt that the secrets were derived with.
func (s *Secrets) Salt() []byte { return append([]byte(nil), s.salt[:]...) }

// LogInVerifier returns what the server keeps of a log-in secret: a SHA-256 digest
// with a label in front. Compare it in constant time. A plain hash does, as the
// secret has 256 bits that cost an Argon2 run each to guess.
func LogInVerifier(logInSecret []byte) []byte {
	digest := sha256.Sum256(append([]byte(logInVerifierLabel), logInSecret...))
	return digest[:]
}
