package crypto

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/ocb"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A locked bundle is an OpenPGP message (RFC 9580, section 10.3) of two packets,
// always of this form:
//
//	SKESK version 6   AES-256, OCB, S2K Argon2id (3 passes, 4 lanes, 64 MiB)
//	SEIPD version 2   AES-256, OCB, chunks of 64 KiB; inside, one literal packet
//
// The literal packet holds
//
//	valise bundle v1
//	holder: S-7K2M9QXD/2
//	root: 0123456789ABCDEF0123456789ABCDEF01234567
//
//	-----BEGIN PGP PRIVATE KEY BLOCK-----
//	…
//
// with the current key first and past ones after it, all unlocked: the message is the lock.

// Bounds of a locked bundle.
const (
	// MaxBundleSize is the size in bytes of the largest locked bundle accepted.
	MaxBundleSize = 512 << 10
	// MaxPastKeys is how many earlier keys a bundle may hold.
	MaxPastKeys = 32
)

// Bundle is what rests locked: a private key, whose it is, the pin, and earlier
// keys of the same holder, so that envelopes that were on their way to them still
// open.
type Bundle struct {
	Holder string // "S-7K2M9QXD/2", or a staff member's or the root's name: 1 to 255 bytes of UTF-8 in one line
	Pin    Pin
	Key    *Key
	Past   []*Key
}

// Keys returns Key, then Past: what to try an envelope with.
func (b *Bundle) Keys() []*Key { return append([]*Key{b.Key}, b.Past...) }

const (
	bundleFirstLine = "valise bundle v1"

	aes256         = byte(packet.CipherAES256)
	aeadOCB        = byte(packet.AEADModeOCB)
	bundleChunk    = 64 << 10
	bundleChunkExp = 10 // 2⁽¹⁰⁺⁶⁾ = 64 KiB (RFC 9580, section 5.13.2)

	sessionKeySize = 32
	ocbNonceSize   = 15
	ocbTagSize     = 16
	seipdSaltSize  = 32
)

// skeskLabel is the HKDF info and associated data of the SKESK packet: its type
// octet, version, cipher and mode (RFC 9580, section 5.3.2).
var skeskLabel = string([]byte{0xc0 | packetSKESK, 6, aes256, aeadOCB})

// skeskHead is everything before the salt in the body of the SKESK packet,
// skeskCost what follows the salt, and seipdHead starts the body of the SEIPD
// packet: bundles are written with these, and no others are accepted, so a hostile
// file can't make Argon2 ask for more.
var (
	skeskHead = string([]byte{6, 3 + 20 + ocbNonceSize, aes256, aeadOCB, 20, s2kArgon2})
	skeskCost = string([]byte{argon2Passes, argon2Parallelism, argon2MemoryExp})
	seipdHead = string([]byte{2, aes256, aeadOCB, bundleChunkExp})
)

// LockBundle locks b under s. The outcome is binary, and another one every time.
func LockBundle(b *Bundle, s *Secrets) ([]byte, error) {
	if !s.derived() {
		return nil, errNotDerived
	}
	text, err := b.encode()
	if err != nil {
		return nil, err
	}
	sessionKey := make([]byte, sessionKeySize)
	rand.Read(sessionKey)
	skesk, err := s.lockSessionKey(sessionKey)
	if err != nil {
		return nil, err
	}
	seipd, err := sealBundleText(text, sessionKey)
	if err != nil {
		return nil, err
	}
	locked := append(skesk, seipd...)
	if len(locked) > MaxBundleSize {
		return nil, fmt.Errorf("the bundle has %d KiB, more than %d: leave out the oldest keys", len(locked)>>10, MaxBundleSize>>10)
	}
	return locked, nil
}

// lockSessionKey returns the SKESK packet (RFC 9580, section 5.3.2).
func (s *Secrets) lockSessionKey(sessionKey []byte) ([]byte, error) {
	aead, err := s.skeskAEAD()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, ocbNonceSize)
	rand.Read(nonce)
	body := []byte(skeskHead + string(s.salt[:]) + skeskCost + string(nonce))
	body = aead.Seal(body, nonce, sessionKey, []byte(skeskLabel))
	return appendPacket(nil, packetSKESK, body), nil
}

func (s *Secrets) skeskAEAD() (interface {
	Seal(dst, nonce, plaintext, additionalData []byte) []byte
	Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error)
}, error) {
	block, err := aes.NewCipher(s.expand(skeskLabel))
	if err != nil {
		return nil, err
	}
	return ocb.NewOCBWithNonceAndTagSize(block, ocbNonceSize, ocbTagSize)
}

// sealBundleText returns the SEIPD packet.
func sealBundleText(text, sessionKey []byte) ([]byte, error) {
	var streamed bytes.Buffer
	w, err := packet.SerializeSymmetricallyEncrypted(nopCloser{&streamed}, packet.CipherAES256, true,
		packet.CipherSuite{Cipher: packet.CipherAES256, Mode: packet.AEADModeOCB}, sessionKey,
		&packet.Config{AEADConfig: &packet.AEADConfig{DefaultMode: packet.AEADModeOCB, ChunkSize: bundleChunk}})
	if err != nil {
		return nil, fmt.Errorf("locking the bundle: %w", err)
	}
	literal := append([]byte{'b', 0, 0, 0, 0, 0}, text...) // binary, no file name, no date
	if _, err := w.Write(appendPacket(nil, packetLiteral, literal)); err != nil {
		return nil, fmt.Errorf("locking the bundle: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("locking the bundle: %w", err)
	}
	whole, err := packet.NewOpaqueReader(&streamed).Next() // the library writes in parts; one length is simpler to check
	if err != nil {
		return nil, fmt.Errorf("locking the bundle: %w", err)
	}
	return appendPacket(nil, packetSEIPD, whole.Contents), nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// lockedParts is a locked bundle, cut: nothing in it is known to be genuine.
type lockedParts struct {
	salt, nonce, sessionKey []byte // of the SKESK packet; sessionKey is encrypted
	seipd                   []byte // the whole packet
}

// cutLocked accepts exactly the form that LockBundle writes.
func cutLocked(locked []byte) (*lockedParts, error) {
	const form = "this is not a locked bundle of Valise, or it is damaged; "
	if len(locked) > MaxBundleSize {
		return nil, fmt.Errorf(form+"it has more than %d KiB", MaxBundleSize>>10)
	}
	packets, err := splitPackets(locked, 2)
	if err != nil {
		return nil, errors.New(form + err.Error())
	}
	if len(packets) != 2 || packets[0].kind != packetSKESK || packets[1].kind != packetSEIPD {
		return nil, errors.New(form + "it is not made of a SKESK and a SEIPD packet")
	}
	body := packets[0].body
	cut := func(n int) []byte {
		part := body[:n:n]
		body = body[n:]
		return part
	}
	if len(body) != len(skeskHead)+SaltSize+len(skeskCost)+ocbNonceSize+sessionKeySize+ocbTagSize {
		return nil, errors.New(form + "its SKESK packet has another size")
	}
	head, salt, cost := cut(len(skeskHead)), cut(SaltSize), cut(len(skeskCost))
	if string(head) != skeskHead || string(cost) != skeskCost {
		return nil, errors.New(form + "its SKESK packet has other parameters")
	}
	seipd := packets[1].body
	if len(seipd) < len(seipdHead)+seipdSaltSize+2*ocbTagSize || !bytes.HasPrefix(seipd, []byte(seipdHead)) {
		return nil, errors.New(form + "its SEIPD packet has other parameters")
	}
	return &lockedParts{salt: salt, nonce: cut(ocbNonceSize), sessionKey: body, seipd: packets[1].whole}, nil
}

// BundleSalt returns the salt to derive the Secrets of a locked bundle with. A
// bundle with other parameters than LockBundle's is refused.
func BundleSalt(locked []byte) ([]byte, error) {
	parts, err := cutLocked(locked)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(parts.salt), nil
}

// UnlockBundle opens what LockBundle locked. It returns ErrWrongSecret when the
// secrets are of another passphrase or claim code.
func UnlockBundle(locked []byte, s *Secrets) (b *Bundle, err error) {
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("reading the bundle failed: %v", r)
		}
	}()
	if !s.derived() {
		return nil, errNotDerived
	}
	parts, err := cutLocked(locked)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(parts.salt, s.salt[:]) != 1 {
		return nil, errors.New("the secrets were derived with another salt than this bundle's; derive them with BundleSalt")
	}
	aead, err := s.skeskAEAD()
	if err != nil {
		return nil, err
	}
	sessionKey, err := aead.Open(nil, parts.nonce, parts.sessionKey, []byte(skeskLabel))
	if err != nil {
		return nil, ErrWrongSecret
	}
	text, err := openBundleText(parts.seipd, sessionKey)
	if err != nil {
		return nil, err
	}
	return decodeBundle(text)
}

func openBundleText(seipd, sessionKey []byte) ([]byte, error) {
	damaged := errors.New("the locked bundle is damaged; take another copy")
	read, err := packet.Read(bytes.NewReader(seipd))
	if err != nil {
		return nil, damaged
	}
	sealed, ok := read.(*packet.SymmetricallyEncrypted)
	if !ok {
		return nil, damaged
	}
	r, err := sealed.Decrypt(0, sessionKey)
	if err != nil {
		return nil, damaged
	}
	inside, err := io.ReadAll(r)
	if err != nil {
		return nil, damaged
	}
	if err := r.Close(); err != nil {
		return nil, damaged
	}
	packets, err := splitPackets(inside, 1)
	if err != nil || len(packets) != 1 || packets[0].kind != packetLiteral {
		return nil, damaged
	}
	text, ok := bytes.CutPrefix(packets[0].body, []byte{'b', 0, 0, 0, 0, 0})
	if !ok {
		return nil, damaged
	}
	return text, nil
}

func (b *Bundle) encode() ([]byte, error) {
	switch {
	case b == nil || slices.ContainsFunc(b.Keys(), func(k *Key) bool { return !k.exists() }):
		return nil, errors.New("a bundle needs a key")
	case len(b.Past) > MaxPastKeys:
		return nil, fmt.Errorf("a bundle holds at most %d earlier keys, not %d: leave out the oldest", MaxPastKeys, len(b.Past))
	}
	if err := checkHolder(b.Holder); err != nil {
		return nil, err
	}
	pin, err := ParseFingerprint(string(b.Pin.Fingerprint))
	if err != nil {
		return nil, fmt.Errorf("the bundle's pin: %w", err)
	}
	text := bundleFirstLine + "\nholder: " + b.Holder + "\nroot: " + string(pin) + "\n\n"
	for _, key := range b.Keys() {
		text += key.Armor()
	}
	return []byte(text), nil
}

func checkHolder(holder string) error {
	if holder == "" || len(holder) > 255 || !utf8.ValidString(holder) || strings.ContainsFunc(holder, unicode.IsControl) || strings.TrimSpace(holder) != holder {
		return errors.New("a bundle's holder is 1 to 255 bytes of UTF-8 in one line")
	}
	return nil
}

// decodeBundle accepts exactly what encode writes.
func decodeBundle(text []byte) (*Bundle, error) {
	head, blocks, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != bundleFirstLine {
		return nil, fmt.Errorf("the bundle starts with another line than %q; a newer version of Valise may open it", bundleFirstLine)
	}
	malformed := errors.New("the bundle's text is malformed")
	if len(lines) != 3 {
		return nil, malformed
	}
	holder, ok := strings.CutPrefix(lines[1], "holder: ")
	root, ok2 := strings.CutPrefix(lines[2], "root: ")
	if !ok || !ok2 || checkHolder(holder) != nil {
		return nil, malformed
	}
	pin, err := ParseFingerprint(root)
	if err != nil || string(pin) != root {
		return nil, malformed
	}
	b := &Bundle{Holder: holder, Pin: Pin{Fingerprint: pin}}
	keys, err := decodeKeys(blocks)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 || len(keys) > 1+MaxPastKeys {
		return nil, malformed
	}
	b.Key, b.Past = keys[0], keys[1:]
	return b, nil
}

func decodeKeys(blocks string) ([]*Key, error) {
	const last = armorEnd + armorPrivateKey + armorDash + "\n"
	var keys []*Key
	for blocks != "" {
		end := strings.Index(blocks, last)
		if end < 0 {
			return nil, errors.New("a private key in the bundle is cut off")
		}
		block := blocks[:end+len(last)]
		blocks = blocks[len(block):]
		key, err := ParseArmoredKey([]byte(block), nil)
		if err != nil {
			return nil, fmt.Errorf("a private key in the bundle: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
