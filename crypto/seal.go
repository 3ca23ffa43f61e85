package crypto

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// sealMode is the mode of suite pq. OCB is the only one that every program must
// read (RFC 9580, section 9.6). GCM is four times as fast (BenchmarkModes: 1500
// MB/s against 340), but a content is encrypted once however many receive it, and
// for a notice of 4 KiB that is a difference of 10 µs, a sixth of one envelope.
const sealMode = packet.AEADModeOCB

// SessionKey is the key of one body. The heading of the same notice is sealed
// with it, too.
type SessionKey struct {
	suite Suite
	key   []byte
}

func newSessionKey(suite Suite) (*SessionKey, error) {
	if err := suite.check(); err != nil {
		return nil, err
	}
	key := make([]byte, sessionKeySize)
	rand.Read(key) // never fails: the runtime stops the process instead
	return &SessionKey{suite: suite, key: key}, nil
}

func (s Suite) check() error {
	if s != SuitePQ && s != SuiteCompat {
		return fmt.Errorf("%q is no suite", string(s))
	}
	return nil
}

// Suite returns the suite of the body that the key opens.
func (k *SessionKey) Suite() Suite { return k.suite }

// Format keeps the key out of logs, whatever verb prints it.
func (k *SessionKey) Format(f fmt.State, _ rune) { io.WriteString(f, "session key (not shown)") }

// SealBody signs content with the author's key, for PurposeContent, and encrypts
// it once under a new session key. The body is one packet with a definite length
// (RFC 9580, section 5.13), for SuitePQ of version 2 with AES-256 in OCB mode, for
// SuiteCompat of version 1 with AES-256. Inside stand a one-pass signature, the
// content as literal data without file name and date, and the signature; nothing
// is compressed, so sizes tell nothing about the content but its length.
//
// content has at most MaxContentSize bytes. GnuPG 2.2 gives out nothing that a key
// of version 6 signed, so such an author's key is refused for SuiteCompat.
func SealBody(suite Suite, author *Key, content []byte, now time.Time) (body []byte, key *SessionKey, err error) {
	if key, err = newSessionKey(suite); err != nil {
		return nil, nil, err
	}
	if body, err = key.seal(PurposeContent, author, content, now); err != nil {
		return nil, nil, err
	}
	return body, key, nil
}

// OpenBody decrypts a body and verifies that exactly author signed the content for
// PurposeContent, as VerifyDetached demands. Nothing is returned before everything
// was checked.
func OpenBody(body []byte, key *SessionKey, author *Certificate, now time.Time) (content []byte, s *Signature, err error) {
	return key.open(PurposeContent, author, body, now)
}

// seal signs and encrypts content as one packet.
func (k *SessionKey) seal(purpose Purpose, author *Key, content []byte, now time.Time) ([]byte, error) {
	if len(content) > MaxContentSize {
		return nil, fmt.Errorf("the content has %d bytes; at most %d can be sealed", len(content), MaxContentSize)
	}
	signed, err := signInside(k.suite, author, purpose, content, now)
	if err != nil {
		return nil, err
	}
	return k.encrypt(signed)
}

// open decrypts one packet of the key's suite and verifies the signature inside.
func (k *SessionKey) open(purpose Purpose, author *Certificate, sealed []byte, now time.Time) ([]byte, *Signature, error) {
	if k == nil || !author.exists() {
		return nil, nil, errors.New("opening a sealed packet needs its session key and its author's certificate")
	}
	suite, err := CheckBody(sealed)
	if err != nil {
		return nil, nil, err
	}
	if suite != k.suite {
		return nil, nil, fmt.Errorf("a sealed packet of suite %q can't be opened with a key of suite %q", suite, k.suite)
	}
	plain, err := k.decrypt(sealed)
	if err != nil {
		return nil, nil, err
	}
	return verifyInside(plain, []*Certificate{author}, purpose, now)
}

// encrypt returns plain, a sequence of packets, as one packet.
func (k *SessionKey) encrypt(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(len(plain) + len(plain)/1000 + 1024)
	mode := packet.CipherSuite{Cipher: packet.CipherAES256, Mode: sealMode}
	config := &packet.Config{AEADConfig: &packet.AEADConfig{ChunkSize: chunkSize(len(plain))}}
	w, err := packet.SerializeSymmetricallyEncrypted(&b, packet.CipherAES256, k.suite == SuitePQ, mode, k.key, config)
	if err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	// The library writes in parts, which some mail gateways refuse.
	packets, err := joinPackets(b.Bytes(), 1)
	if err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	return appendPacket(make([]byte, 0, len(packets[0].body)+6), packetSEIPD, packets[0].body), nil
}

// chunkSize is how large the chunks are in which so much is encrypted (RFC 9580, section 5.13.2): one, if it is not more than the library's 256 KiB. Whoever
// encrypts or decrypts has memory for a whole chunk, however little is in it.
func chunkSize(size int) uint64 { return min(uint64(1)<<bits.Len(uint(size)), 1<<18) }

// decrypt returns what is inside one packet, after its integrity was checked.
func (k *SessionKey) decrypt(sealed []byte) (plain []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			plain, err = nil, fmt.Errorf("decrypting failed: %v", r)
		}
	}()
	read, err := packet.Read(bytes.NewReader(sealed))
	if err != nil {
		return nil, fmt.Errorf("the sealed packet can't be read: %w", err)
	}
	encrypted, ok := read.(*packet.SymmetricallyEncrypted)
	if !ok || !encrypted.IntegrityProtected || encrypted.Version != k.suite.version() {
		return nil, fmt.Errorf("the sealed packet is not of suite %q", k.suite)
	}
	cipher, err := cipherOf(k.key)
	if err != nil {
		return nil, err
	}
	r, err := encrypted.Decrypt(cipher, k.key)
	if err != nil {
		return nil, errDecrypting
	}
	var b bytes.Buffer
	b.Grow(len(sealed) + bytes.MinRead)
	if _, err := b.ReadFrom(r); err != nil {
		return nil, errDecrypting
	}
	if err := r.Close(); err != nil {
		return nil, errDecrypting
	}
	return b.Bytes(), nil
}

var errDecrypting = errors.New("the sealed packet does not open with this key: it was damaged, altered or cut off, or the envelope belongs to another one")

// version returns the version of the suite's encrypted data packets.
func (s Suite) version() int {
	if s == SuitePQ {
		return 2
	}
	return 1
}

// cipherOf tells the cipher by the size of a session key.
func cipherOf(key []byte) (packet.CipherFunction, error) {
	for _, cipher := range []packet.CipherFunction{packet.CipherAES128, packet.CipherAES192, packet.CipherAES256} {
		if len(key) == cipher.KeySize() {
			return cipher, nil
		}
	}
	return 0, fmt.Errorf("a session key of %d bytes is not for AES", len(key))
}

// signInside returns the three packets that are encrypted (RFC 9580, section 10.3).
func signInside(suite Suite, author *Key, purpose Purpose, content []byte, now time.Time) ([]byte, error) {
	s, err := author.sign(packet.SigTypeBinary, purpose, content, now)
	if err != nil {
		return nil, err
	}
	if suite == SuiteCompat && s.Version != 4 {
		return nil, fmt.Errorf("the key %s is of version %d; what recipients open with GnuPG must be signed with a key of version 4", author.certificate.fingerprint, s.Version)
	}
	signature, err := serializeSignature(s)
	if err != nil {
		return nil, err
	}
	onePass := &packet.OnePassSignature{
		Version: 3, SigType: s.SigType, Hash: s.Hash, PubKeyAlgo: s.PubKeyAlgo, KeyId: *s.IssuerKeyId, IsLast: true,
	}
	if s.Version == 6 {
		onePass.Version, onePass.Salt, onePass.KeyFingerprint = 6, s.Salt(), s.IssuerFingerprint
	}
	var b bytes.Buffer
	b.Grow(len(content) + len(signature) + 128)
	if err := onePass.Serialize(&b); err != nil {
		return nil, fmt.Errorf("writing the signature: %w", err)
	}
	b.Write(appendPacketHeader(nil, packetLiteral, literalHeaderSize+len(content)))
	b.Write([]byte{literalBinary, 0, 0, 0, 0, 0}) // no file name, no date
	b.Write(content)
	b.Write(signature)
	return b.Bytes(), nil
}

// Literal data (RFC 9580, section 5.9).
const (
	literalBinary     = 'b'
	literalUTF8       = 'u'
	literalHeaderSize = 1 + 1 + 4 // format, size of the file name, date
)

// verifyInside takes apart what was encrypted, and verifies that one of signers
// signed it for the purpose.
func verifyInside(plain []byte, signers []*Certificate, purpose Purpose, now time.Time) (content []byte, verified *Signature, err error) {
	defer func() {
		if r := recover(); r != nil {
			content, verified, err = nil, nil, fmt.Errorf("reading the sealed content failed: %v", r)
		}
	}()
	packets, err := insidePackets(plain)
	if err != nil {
		return nil, nil, err
	}
	if len(packets) != 3 || packets[0].kind != packetOnePassSignature || packets[1].kind != packetLiteral || packets[2].kind != packetSignature {
		return nil, nil, errors.New("the sealed content is not signed, or not by exactly one")
	}
	signed, err := literalContent(packets[1])
	if err != nil {
		return nil, nil, err
	}
	s, err := parseSignature(packets[2])
	if err != nil {
		return nil, nil, err
	}
	if err := checkOnePass(packets[0], s); err != nil {
		return nil, nil, err
	}
	if err := checkPurpose(s, purpose, false); err != nil {
		return nil, nil, err
	}
	problem := fmt.Errorf("the sealed content was signed by another key (%s) than it should be", issuer(s))
	for _, signer := range signers {
		verified, err := signer.verify(s, packet.SigTypeBinary, purpose, signed, now)
		if err == nil {
			return signed, verified, nil
		}
		if len(signers) == 1 || signer.hasKey(s) {
			problem = err
		}
	}
	return nil, nil, problem
}

// hasKey says whether a signature names a key of c as its issuer.
func (c *Certificate) hasKey(s *packet.Signature) bool {
	if s.CheckKeyIdOrFingerprint(c.entity.PrimaryKey) {
		return true
	}
	for i := range c.entity.Subkeys {
		if s.CheckKeyIdOrFingerprint(c.entity.Subkeys[i].PublicKey) {
			return true
		}
	}
	return false
}

// checkOnePass refuses a one-pass signature packet that announces another
// signature than the one that follows.
func checkOnePass(p rawPacket, s *packet.Signature) error {
	damaged := errors.New("the sealed content announces another signature than it carries")
	reader := bytes.NewReader(p.whole)
	read, err := packet.Read(reader)
	if err != nil {
		return damaged
	}
	onePass, ok := read.(*packet.OnePassSignature)
	if !ok || reader.Len() != 0 || s.IssuerKeyId == nil {
		return damaged
	}
	version := 3
	if s.Version == 6 {
		version = 6
	}
	if onePass.Version != version || onePass.SigType != s.SigType || onePass.Hash != s.Hash || onePass.PubKeyAlgo != s.PubKeyAlgo ||
		onePass.KeyId != *s.IssuerKeyId || !onePass.IsLast || !bytes.Equal(onePass.Salt, s.Salt()) ||
		version == 6 && !bytes.Equal(onePass.KeyFingerprint, s.IssuerFingerprint) {
		return damaged
	}
	return nil
}

// literalContent returns the octets that a literal data packet holds. Its file
// name and date are not signed and count for nothing.
func literalContent(p rawPacket) ([]byte, error) {
	if len(p.body) < 2 || p.body[0] != literalBinary && p.body[0] != literalUTF8 {
		return nil, errors.New("the sealed content is of an unknown kind")
	}
	header := literalHeaderSize + int(p.body[1])
	if len(p.body) < header {
		return nil, errors.New("the sealed content is cut off")
	}
	return p.body[header:], nil
}
