package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// The signature types of C2SP signed-note that are used here.
const (
	typeLog         = 0x01 // Ed25519 over the note's text
	typeCosignature = 0x04 // Ed25519 with a time (C2SP tlog-cosignature)
)

// Key is a private key: that of a log, or that of a witness. One can't stand in for the
// other. It is a note.Signer. Printing it shows only its public half.
type Key struct {
	name   string
	use    byte // typeLog, typeCosignature
	secret ed25519.PrivateKey
	now    func() time.Time // of a witness
}

// NewLogKey makes a key for the log with this name. The name is best the log's address
// without its scheme, "court.example/ledger", and equals the log's origin.
func NewLogKey(name string) (*Key, error) { return newKey(name, typeLog) }

// NewWitnessKey makes a key for the witness with this name. A witness has its key for
// itself: it must not be that of a log or of another witness.
func NewWitnessKey(name string) (*Key, error) { return newKey(name, typeCosignature) }

func newKey(name string, use byte) (*Key, error) {
	if err := checkKeyName(name); err != nil {
		return nil, err
	}
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	return &Key{name: name, use: use, secret: secret, now: time.Now}, err
}

// checkKeyName says whether a key may have this name (C2SP signed-note).
func checkKeyName(name string) error {
	bad := func(r rune) bool { return r == '+' || unicode.IsSpace(r) || unicode.IsControl(r) }
	if name == "" || len(name) > 255 || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q can't be the name of a key: it is 1 to 255 bytes without spaces and plus signs, best an address such as court.example/ledger", name)
	}
	return nil
}

const keyPrefix = "PRIVATE+KEY+"

// ParseLogKey reads what Secret wrote of a log's key.
func ParseLogKey(secret string) (*Key, error) { return parseKey(secret, typeLog, "a log") }

// ParseWitnessKey reads what Secret wrote of a witness's key.
func ParseWitnessKey(secret string) (*Key, error) {
	return parseKey(secret, typeCosignature, "a witness")
}

func parseKey(secret string, use byte, whose string) (*Key, error) {
	bad := fmt.Errorf("this is not the private key of %s: it is one line, %sname+8 digits+base64", whose, keyPrefix)
	rest, ok := strings.CutPrefix(strings.TrimSuffix(secret, "\n"), keyPrefix)
	parts := strings.Split(rest, "+")
	if !ok || len(secret) > 1024 || len(parts) < 3 || checkKeyName(parts[0]) != nil {
		return nil, bad
	}
	data, err := base64.StdEncoding.Strict().DecodeString(strings.Join(parts[2:], "+")) // base64 has plus signs, too
	if err != nil || len(data) != 1+ed25519.SeedSize || data[0] != use {
		return nil, bad
	}
	k := &Key{name: parts[0], use: use, secret: ed25519.NewKeyFromSeed(data[1:]), now: time.Now}
	if k.id() != parts[1] {
		return nil, bad
	}
	return k, nil
}

// Secret returns the private key as one line, without a line end, in the form of
// golang.org/x/mod/sumdb/note. Keep it in a file that only the process that signs can
// read.
func (k *Key) Secret() string {
	return keyPrefix + k.name + "+" + k.id() + "+" + base64.StdEncoding.EncodeToString(append([]byte{k.use}, k.secret.Seed()...))
}

// String returns the verifier key.
func (k *Key) String() string { return k.VerifierKey() }

// GoString returns the verifier key.
func (k *Key) GoString() string { return k.VerifierKey() }

// VerifierKey returns the public half as one line (C2SP signed-note, "Verifier keys").
func (k *Key) VerifierKey() string {
	return k.name + "+" + k.id() + "+" + base64.StdEncoding.EncodeToString(append([]byte{k.use}, k.public()...))
}

// Verifier returns what verifies this key's signatures.
func (k *Key) Verifier() note.Verifier {
	return &verifier{k.name, k.KeyHash(), k.use, k.public()}
}

// Name returns the key's name.
func (k *Key) Name() string { return k.name }

// KeyHash returns the key's id.
func (k *Key) KeyHash() uint32 { return keyHash(k.name, k.use, k.public()) }

func (k *Key) id() string                { return fmt.Sprintf("%08x", k.KeyHash()) }
func (k *Key) public() ed25519.PublicKey { return k.secret.Public().(ed25519.PublicKey) }

// Sign signs a note's text; a witness's key adds the time.
func (k *Key) Sign(text []byte) ([]byte, error) {
	if k.use == typeLog {
		return ed25519.Sign(k.secret, text), nil
	}
	at := k.now().Unix()
	if at <= 0 {
		return nil, errors.New("the clock is wrong: a witness must not sign before 1970")
	}
	signature := binary.BigEndian.AppendUint64(nil, uint64(at))
	return append(signature, ed25519.Sign(k.secret, cosignedMessage(uint64(at), text))...), nil
}

func keyHash(name string, use byte, public ed25519.PublicKey) uint32 {
	digest := sha256.Sum256(append([]byte(name+"\n"), append([]byte{use}, public...)...))
	return binary.BigEndian.Uint32(digest[:])
}

// cosignedMessage is what a witness signs (C2SP tlog-cosignature, "Ed25519 signed message").
func cosignedMessage(at uint64, text []byte) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatUint(at, 10)+"\n"), text...)
}

// verifier is a note.Verifier for both uses.
type verifier struct {
	name   string
	hash   uint32
	use    byte
	public ed25519.PublicKey
}

// ParseLogVerifier reads a log's verifier key.
func ParseLogVerifier(vkey string) (note.Verifier, error) {
	return parseVerifier(vkey, typeLog, "a log")
}

// ParseWitnessVerifier reads a witness's verifier key. Those of ML-DSA-44 (type 0x06)
// aren't supported.
func ParseWitnessVerifier(vkey string) (note.Verifier, error) {
	return parseVerifier(vkey, typeCosignature, "a witness")
}

func parseVerifier(vkey string, use byte, whose string) (note.Verifier, error) {
	bad := fmt.Errorf("%.200q is not the verifier key of %s: it is one line, name+8 digits+base64", vkey, whose)
	name, rest, _ := strings.Cut(vkey, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	if len(vkey) > 1024 || checkKeyName(name) != nil {
		return nil, bad
	}
	data, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(data) != 1+ed25519.PublicKeySize {
		return nil, bad
	}
	if data[0] != use {
		return nil, fmt.Errorf("%.200q is not the verifier key of %s: it is for signatures of type %#02x, not %#02x", vkey, whose, data[0], use)
	}
	v := &verifier{name, keyHash(name, use, data[1:]), use, data[1:]}
	if fmt.Sprintf("%08x", v.hash) != id || encoded != base64.StdEncoding.EncodeToString(data) {
		return nil, bad
	}
	return v, nil
}

func (v *verifier) Name() string    { return v.name }
func (v *verifier) KeyHash() uint32 { return v.hash }

func (v *verifier) Verify(text, signature []byte) bool {
	if v.use == typeLog {
		return len(signature) == ed25519.SignatureSize && ed25519.Verify(v.public, text, signature)
	}
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	if at == 0 || at > math.MaxInt64 {
		return false
	}
	return ed25519.Verify(v.public, cosignedMessage(at, text), signature[8:])
}

// cosignedAt returns the time in a cosignature that was verified.
func cosignedAt(s note.Signature) time.Time {
	data, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(data) < 4+8 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(data[4:])), 0).UTC()
}
