package crypto

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// integerOf is a multiprecision integer of so many octets, all of them ones: odd,
// and as long as it can be (RFC 9580, section 3.2).
func integerOf(octets int) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(8*octets)), bytes.Repeat([]byte{0xff}, octets)...)
}

// hostileCertificate is a certificate of an algorithm whose public key is made of
// the given integers; its self-signatures are made of integers, too.
func hostileCertificate(algorithm packet.PublicKeyAlgorithm, public [][]byte, signatures int, signature ...[]byte) []byte {
	body := []byte{4, 0x5a, 0, 0, 0, byte(algorithm)}
	for _, integer := range public {
		body = append(body, integer...)
	}
	key := appendPacket(nil, packetPublicKey, body)
	c := bytes.Clone(key)
	c = appendPacket(c, packetUserID, []byte("S-7K2M9QXD/2"))
	read, err := packet.Read(bytes.NewReader(key))
	if err != nil {
		panic(err)
	}
	id := binary.BigEndian.AppendUint64(nil, read.(*packet.PublicKey).KeyId)
	s := []byte{4, byte(packet.SigTypePositiveCert), byte(algorithm), 10 /* SHA-512 */, 0, 6, 5, 2, 0x60, 0, 0, 0, 0, 10, 9, 16}
	s = append(append(s, id...), 0, 0)
	for _, integer := range signature {
		s = append(s, integer...)
	}
	for range signatures {
		c = appendPacket(c, packetSignature, s)
	}
	return c
}

// Whoever may show a certificate to the server must not keep it busy with one. The
// bound is generous: what is refused here takes minutes to hours when it isn't.
func TestHostileCertificatesCostLittle(t *testing.T) {
	for name, c := range map[string][]byte{
		"DSA with a subgroup as large as its group": hostileCertificate(packet.PubKeyAlgoDSA, [][]byte{integerOf(8000), integerOf(8000), integerOf(7997), integerOf(7997)}, 2, integerOf(7999), []byte{0, 1, 1}),
		"RSA with one enormous modulus":             hostileCertificate(packet.PubKeyAlgoRSA, [][]byte{integerOf(8190), append([]byte{0, 24}, 0xff, 0xff, 0xff)}, 6, integerOf(8189)),
		"RSA with many signatures":                  hostileCertificate(packet.PubKeyAlgoRSA, [][]byte{integerOf(2048), append([]byte{0, 24}, 0xff, 0xff, 0xff)}, 28, integerOf(2047)),
	} {
		t.Run(name, func(t *testing.T) {
			if len(c) > MaxCertificateSize {
				t.Fatal("it is too large to be looked at")
			}
			start := time.Now()
			done := make(chan error, 1)
			go func() {
				parsed, err := ParseCertificate(c)
				if err == nil {
					err = parsed.CheckPolicy(noon)
				}
				done <- err
			}()
			select {
			case err := <-done:
				if err == nil {
					t.Error("it was accepted")
				}
				t.Logf("%v: %v", time.Since(start), err)
			case <-time.After(2 * time.Second):
				t.Fatal("it is not refused within two seconds")
			}
		})
	}
}

// Elliptic curves without fast code cost milliseconds a signature: there must not be
// hundreds of them in one certificate.
func TestManySelfSignaturesAreRefused(t *testing.T) {
	c := mustKey(t, ProfileCompat, "S-7K2M9QXD/2").Certificate()
	for name, behind := range map[string]int{"of the user ID": 2, "of the subkey": 4} {
		many := []byte(nil)
		for i, p := range c.packet {
			many = append(many, p.whole...)
			if i == behind {
				many = append(many, bytes.Repeat(p.whole, maxSelfSignatures)...)
			}
		}
		got, err := ParseCertificate(many)
		if got != nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantRule(t, err, RuleTooLarge)
	}
}

// A signature may hold a signature, which may hold another one: reading them must
// not take longer than their size demands.
func TestNestedSignaturesCostLittle(t *testing.T) {
	nested := []byte{4, byte(packet.SigTypePrimaryKeyBinding), byte(packet.PubKeyAlgoEdDSA), 10, 0, 6, 5, 2, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1}
	for len(nested) < maxSignatureSize-100 {
		outer := []byte{4, byte(packet.SigTypePrimaryKeyBinding), byte(packet.PubKeyAlgoEdDSA), 10, 0, 6, 5, 2, 0x60, 0, 0, 0}
		embedded := append(binary.BigEndian.AppendUint32([]byte{255}, uint32(len(nested)+1)), 32)
		embedded = append(embedded, nested...)
		if len(embedded) > 0xffff {
			break
		}
		outer = append(binary.BigEndian.AppendUint16(outer, uint16(len(embedded))), embedded...)
		nested = append(outer, 0, 0, 0, 1, 1, 0, 1, 1)
	}
	start := time.Now()
	if _, err := parseSignature(rawPacket{kind: packetSignature, body: nested, whole: appendPacket(nil, packetSignature, nested)}); err == nil {
		t.Error("it was accepted")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("reading %d octets took %v", len(nested), took)
	}
}

// allocated returns how many octets f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A text of nothing but line ends must not make its reader keep a word or three for
// every octet: in a browser that is the end of the page.
func TestLineEndsCostLittleMemory(t *testing.T) {
	lines := strings.Repeat("\n", 8<<20)
	for name, read := range map[string]func(){
		"an armored message": func() {
			SplitMessage([]byte("-----BEGIN PGP MESSAGE-----\n\n" + lines + "-----END PGP MESSAGE-----\n"))
		},
		"an audience":         func() { ParseAudience([]byte(audienceFirstLine + "\n" + lines)) },
		"a clear-signed text": func() { ReadClearSigned([]byte(beginSignedMessage + "\n\n" + lines[:maxClearSignedSize-1000])) },
	} {
		if n := allocated(read); n > 64<<20 {
			t.Errorf("reading %s of %d MiB took %d MiB", name, len(lines)>>20, n>>20)
		}
	}
}
