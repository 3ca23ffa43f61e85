package crypto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// MaxEnvelopeSize is the size in bytes of the largest envelope that is read: one
// of ML-KEM-768+X25519 has 1.2 kB, one of RSA with 8192 bits 1 kB.
const MaxEnvelopeSize = 4 << 10

// Wrap encrypts the session key to a certificate of its suite (RFC 9580, section
// 5.1; RFC 9980, section 4.3): version 6 for SuitePQ, version 3 for SuiteCompat.
// Whether the certificate is good today is for the caller to check before
// (Root.VerifyRepresentative, CheckPolicy).
func (k *SessionKey) Wrap(to *Certificate) (envelope []byte, err error) {
	if k == nil || k.suite == "" {
		return nil, errors.New("there is no session key")
	}
	if !to.exists() {
		return nil, errZeroCertificate
	}
	if to.Suite() != k.suite {
		return nil, fmt.Errorf("a body of suite %q can't be sealed to certificate %s, whose owner's program opens suite %q: seal a body of that suite, too", k.suite, to.fingerprint, to.Suite())
	}
	return k.wrap(to)
}

// wrap is Wrap for certificates of either suite.
func (k *SessionKey) wrap(to *Certificate) (envelope []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			envelope, err = nil, fmt.Errorf("sealing to certificate %s failed: %v", to.fingerprint, r)
		}
	}()
	key, err := to.encryptionKey()
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", to.fingerprint, to.withFingerprint(errNoEncryption()))
	}
	if err := checkAlgorithm(key); err != nil {
		return nil, fmt.Errorf("certificate %s: %w", to.fingerprint, to.withFingerprint(err))
	}
	var b bytes.Buffer
	b.Grow(1280)
	if err := packet.SerializeEncryptedKeyAEAD(&b, key, packet.CipherAES256, k.suite == SuitePQ, k.key, nil); err != nil {
		return nil, fmt.Errorf("sealing to certificate %s: %w", to.fingerprint, err)
	}
	return b.Bytes(), nil
}

// WrapAll wraps one envelope per certificate, on all cores, and returns them in
// the order of the certificates; keys holds one session key per suite that occurs.
// progress, which may be nil, is told how many are done, from one goroutine at a
// time. When one certificate fails, so does all, and the error names it.
func WrapAll(keys map[Suite]*SessionKey, to []*Certificate, progress func(done int)) ([][]byte, error) {
	for _, c := range to {
		if !c.exists() {
			return nil, errZeroCertificate
		}
		if keys[c.Suite()] == nil {
			return nil, fmt.Errorf("certificate %s needs a body of suite %q, and there is none", c.fingerprint, c.Suite())
		}
	}
	envelopes := make([][]byte, len(to))
	err := onAllCores(len(to), progress, func(i int) (err error) {
		envelopes[i], err = keys[to[i].Suite()].Wrap(to[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	return envelopes, nil
}

// onAllCores does work 0 … n-1, until one fails. progress, which may be nil, is told how
// many are done, from one goroutine at a time.
func onAllCores(n int, progress func(done int), work func(i int) error) error {
	var (
		next   atomic.Int64
		group  sync.WaitGroup
		mutex  sync.Mutex // guards done and failed
		done   int
		failed error
	)
	finish := func(err error) {
		mutex.Lock()
		defer mutex.Unlock()
		if err != nil {
			failed = errors.Join(failed, err)
			next.Store(int64(n)) // nobody needs to go on
			return
		}
		done++
		if progress != nil {
			progress(done)
		}
	}
	for range min(runtime.GOMAXPROCS(0), n) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				finish(work(int(i)))
			}
		})
	}
	group.Wait()
	return failed
}

// Unwrap opens an envelope with the one of keys that it is addressed to.
func Unwrap(envelope []byte, keys ...*Key) (*SessionKey, error) {
	e, err := parseEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	found := false
	for _, k := range keys {
		for _, private := range k.decryptionKeys() {
			if !e.addresses(&private.PublicKey) {
				continue
			}
			found = true
			if key, err := e.decrypt(private); err == nil {
				return key, nil
			}
		}
	}
	if found {
		return nil, errors.New("the envelope does not open with the key that it is addressed to: it was damaged or altered")
	}
	return nil, fmt.Errorf("the envelope is addressed to another key (%s) than those at hand", e.recipient())
}

// decryptionKeys returns the private parts that may open envelopes, those that are
// no longer sealed to included.
func (k *Key) decryptionKeys() []*packet.PrivateKey {
	var keys []*packet.PrivateKey
	if !k.exists() {
		return nil
	}
	if k.entity.PrivateKey != nil && k.entity.PrimaryKey.PubKeyAlgo.CanEncrypt() {
		keys = append(keys, k.entity.PrivateKey)
	}
	for i := range k.entity.Subkeys {
		if private := k.entity.Subkeys[i].PrivateKey; private != nil && private.PubKeyAlgo.CanEncrypt() {
			keys = append(keys, private)
		}
	}
	return keys
}

// Rewrap opens an envelope with one of from and seals the session key to another
// certificate: a successor's, a new representative's, a new desk member's. The
// envelope keeps the suite of the body, whatever the certificate's own: the owner
// of a GnuPG key can open an old body of SuitePQ with Valise, but not with GnuPG.
func Rewrap(envelope []byte, from []*Key, to *Certificate) ([]byte, error) {
	if !to.exists() {
		return nil, errZeroCertificate
	}
	key, err := Unwrap(envelope, from...)
	if err != nil {
		return nil, err
	}
	return key.wrap(to)
}

// CheckEnvelope is the server's look at what a client calls an envelope: one
// encrypted session key packet, of the version of to's suite, addressed to to's
// encryption key, with fields of the sizes that they must have and nothing else.
// Whether it opens, and what, can only be told by to's owner.
func CheckEnvelope(envelope []byte, to *Certificate) error {
	if !to.exists() {
		return errZeroCertificate
	}
	return CheckEnvelopeFor(to.Suite(), envelope, to)
}

// CheckEnvelopeFor is CheckEnvelope for an envelope of a body of the given suite,
// which differs from the certificate's own when an older envelope was rewrapped.
func CheckEnvelopeFor(suite Suite, envelope []byte, to *Certificate) error {
	if err := suite.check(); err != nil {
		return err
	}
	if !to.exists() {
		return errZeroCertificate
	}
	e, err := parseEnvelope(envelope)
	if err != nil {
		return err
	}
	key, err := to.encryptionKey()
	if err != nil {
		return fmt.Errorf("certificate %s: %w", to.fingerprint, to.withFingerprint(errNoEncryption()))
	}
	if e.suite != suite {
		return fmt.Errorf("the envelope is of suite %q; one of suite %q is needed", e.suite, suite)
	}
	if !e.addresses(key) {
		return fmt.Errorf("the envelope is addressed to another key (%s) than that of certificate %s", e.recipient(), to.fingerprint)
	}
	return nil
}

// envelopePacket is an encrypted session key packet that was taken apart.
type envelopePacket struct {
	whole       []byte
	suite       Suite
	keyID       uint64 // version 3
	keyVersion  int    // version 6
	fingerprint []byte // version 6
	algorithm   packet.PublicKeyAlgorithm
}

// parseEnvelope reads one encrypted session key packet (RFC 9580, section 5.1)
// and checks that nothing stands in it that doesn't belong there.
func parseEnvelope(envelope []byte) (*envelopePacket, error) {
	damaged := errors.New("the envelope is damaged")
	if len(envelope) > MaxEnvelopeSize {
		return nil, errors.New("the envelope is too large")
	}
	packets, err := splitPackets(envelope, 1)
	if err != nil {
		return nil, fmt.Errorf("this is not an envelope: %w", err)
	}
	if len(packets) != 1 || packets[0].kind != packetPKESK {
		return nil, errors.New("this is not an envelope: it is not an encrypted session key")
	}
	e := &envelopePacket{whole: packets[0].whole}
	body := packets[0].body
	take := func(n int) []byte {
		if len(body) < n {
			return nil
		}
		taken := body[:n]
		body = body[n:]
		return taken
	}
	switch version := take(1); {
	case version == nil:
		return nil, damaged
	case version[0] == 3:
		id := take(8)
		if id == nil {
			return nil, damaged
		}
		e.suite, e.keyID = SuiteCompat, binary.BigEndian.Uint64(id)
	case version[0] == 6:
		e.suite = SuitePQ
		head := take(2)
		if head == nil {
			return nil, damaged
		}
		e.keyVersion = int(head[1])
		e.fingerprint = take(map[int]int{4: 20, 6: 32}[e.keyVersion])
		if len(e.fingerprint) == 0 || int(head[0]) != 1+len(e.fingerprint) {
			return nil, damaged
		}
	default:
		return nil, fmt.Errorf("the envelope is of version %d; 3 and 6 are known", version[0])
	}
	algorithm := take(1)
	if algorithm == nil {
		return nil, damaged
	}
	e.algorithm = packet.PublicKeyAlgorithm(algorithm[0])
	if !e.wellFormed(body) {
		return nil, damaged
	}
	return e, nil
}

// Wrapped sizes of a session key of 16, 24 or 32 octets (RFC 3394), without and
// with the padding of ECDH (RFC 9580, section 11.5).
var (
	wrappedSizes       = []int{24, 32, 40}
	paddedWrappedSizes = []int{32, 40, 48}
)

// wellFormed looks at the fields that depend on the algorithm.
func (e *envelopePacket) wellFormed(fields []byte) bool {
	share := 0
	switch e.algorithm {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSAEncryptOnly:
		_, rest, ok := takeMPI(fields)
		return ok && len(rest) == 0
	case packet.PubKeyAlgoECDH:
		point, rest, ok := takeMPI(fields)
		return ok && wellFormedPoint(point) && len(rest) > 0 && int(rest[0]) == len(rest)-1 && slices.Contains(paddedWrappedSizes, len(rest)-1)
	case packet.PubKeyAlgoX25519:
		share = 32
	case packet.PubKeyAlgoX448:
		share = 56
	case packet.PubKeyAlgoMlkem768X25519:
		share = 32 + 1088
	case packet.PubKeyAlgoMlkem1024X448:
		share = 56 + 1568
	default:
		return false
	}
	if len(fields) <= share || int(fields[share]) != len(fields)-share-1 {
		return false
	}
	wrapped := int(fields[share])
	if e.suite == SuiteCompat {
		wrapped-- // the cipher stands before the wrapped key
	}
	return slices.Contains(wrappedSizes, wrapped)
}

// takeMPI cuts off a multiprecision integer (RFC 9580, section 3.2), which must be
// written as it should be.
func takeMPI(data []byte) (integer, rest []byte, ok bool) {
	if len(data) < 2 {
		return nil, nil, false
	}
	bits := int(data[0])<<8 | int(data[1])
	size := (bits + 7) / 8
	data = data[2:]
	if bits == 0 || len(data) < size || data[0]>>((bits-1)%8) != 1 {
		return nil, nil, false
	}
	return data[:size], data[size:], true
}

// wellFormedPoint looks at what the library passes over: the prefix of a point
// (RFC 9580, section 11.2), and the bit that X25519 ignores (RFC 7748, section 5).
func wellFormedPoint(point []byte) bool {
	switch point[0] {
	case 0x04: // uncompressed
		return true
	case 0x40: // as the curve's own specification has it
		return len(point) != 1+32 || point[32]&0x80 == 0
	}
	return false
}

// addresses says whether the envelope is for a key. An envelope that hides its
// recipient is for nobody.
func (e *envelopePacket) addresses(key *packet.PublicKey) bool {
	if e.algorithm != key.PubKeyAlgo {
		return false
	}
	if e.suite == SuitePQ {
		return e.keyVersion == key.Version && bytes.Equal(e.fingerprint, key.Fingerprint)
	}
	return e.keyID != 0 && e.keyID == key.KeyId
}

// recipient names the key that the envelope is addressed to.
func (e *envelopePacket) recipient() string {
	if e.suite == SuitePQ {
		return fmt.Sprintf("%X", e.fingerprint)
	}
	return fmt.Sprintf("%016X", e.keyID)
}

func (e *envelopePacket) decrypt(private *packet.PrivateKey) (key *SessionKey, err error) {
	defer func() {
		if r := recover(); r != nil {
			key, err = nil, fmt.Errorf("opening the envelope failed: %v", r)
		}
	}()
	read, err := packet.Read(bytes.NewReader(e.whole))
	if err != nil {
		return nil, err
	}
	encrypted, ok := read.(*packet.EncryptedKey)
	if !ok {
		return nil, errors.New("not an encrypted session key")
	}
	if err := encrypted.Decrypt(private, nil); err != nil {
		return nil, err
	}
	cipher, err := cipherOf(encrypted.Key)
	if err != nil {
		return nil, err
	}
	if e.suite == SuiteCompat && encrypted.CipherFunc != cipher {
		return nil, errors.New("the session key is for another cipher than AES")
	}
	return &SessionKey{suite: e.suite, key: bytes.Clone(encrypted.Key)}, nil
}
