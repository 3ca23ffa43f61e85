package crypto

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/mlkem_ecdh"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/cloudflare/circl/dh/x25519"
	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
)

// audience is how many representatives the large notice of these benchmarks goes to.
const audience = 10_000

// certificates returns audience different certificates of a profile, parsed.
func certificates(b *testing.B, profile Profile) []*Certificate {
	b.Helper()
	all := make([]*Certificate, audience)
	bareOnAllCores(len(all), func(i int) {
		k, err := GenerateKey(profile, fmt.Sprintf("S-%08d/1", i), noon)
		if err != nil {
			b.Error(err)
			return
		}
		all[i] = k.certificate
	})
	return all
}

// bareOnAllCores calls work for 0 … n-1, as WrapAll does.
func bareOnAllCores(n int, work func(i int)) {
	_ = onAllCores(n, nil, func(i int) error { work(i); return nil })
}

// bareX25519 makes an ephemeral key and a shared secret with point.
func bareX25519(b *testing.B, point []byte) {
	var secret, public, shared, theirs x25519.Key
	rand.Read(secret[:])
	copy(theirs[:], point)
	x25519.KeyGen(&public, &secret)
	if !x25519.Shared(&shared, &secret, &theirs) {
		b.Error("a point of low order")
	}
}

// compareWithBare runs both in turns, one right behind the other, so that what
// else the machine does meets both, and reports the median of the ratios.
func compareWithBare(b *testing.B, whole, bare func()) {
	const atLeast = 7 // or one disturbance would be the outcome
	var ratios, wholes []float64
	compare := func() {
		runtime.GC()
		start := time.Now()
		bare()
		middle := time.Now()
		whole()
		end := time.Now()
		wholes = append(wholes, end.Sub(middle).Seconds())
		ratios = append(ratios, end.Sub(middle).Seconds()/middle.Sub(start).Seconds())
	}
	for b.Loop() {
		compare()
	}
	for len(ratios) < atLeast {
		compare()
	}
	slices.Sort(ratios)
	slices.Sort(wholes)
	b.ReportMetric(ratios[len(ratios)/2], "x-bare")
	b.ReportMetric(audience/wholes[len(wholes)/2], "envelopes/s")
	b.ReportMetric(0, "ns/op") // it would count both
}

func sealToAll(b *testing.B, suite Suite, author *Key, to []*Certificate) {
	_, key, err := SealBody(suite, author, make([]byte, 4<<10), noon)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := WrapAll(map[Suite]*SessionKey{suite: key}, to, nil); err != nil {
		b.Fatal(err)
	}
}

// Sealing one notice of 4 KiB to 10,000 post-quantum representatives, against the
// same number of bare ML-KEM-768 and X25519 encapsulations by the fastest
// implementation at hand, on the same cores. The goal is at most 1.3.
func BenchmarkSealPQ(b *testing.B) {
	author, to := mustKey(b, ProfilePQ, "Anna Meijer"), certificates(b, ProfilePQ)
	points, mlkems := make([][]byte, len(to)), make([]kem.PublicKey, len(to))
	for i, c := range to {
		public := c.encryption.PublicKey.PublicKey.(*mlkem_ecdh.PublicKey)
		points[i], mlkems[i] = public.PublicPoint, public.PublicMlkem
	}
	compareWithBare(b, func() { sealToAll(b, SuitePQ, author, to) }, func() {
		bareOnAllCores(len(to), func(i int) {
			bareX25519(b, points[i])
			if _, _, err := mlkem768.Scheme().Encapsulate(mlkems[i]); err != nil {
				b.Error(err)
			}
		})
	})
}

// The same for the compatible suite, against bare X25519.
func BenchmarkSealCompat(b *testing.B) {
	author, to := mustKey(b, ProfilePQ, "Anna Meijer"), certificates(b, ProfileCompat)
	points := make([][]byte, len(to))
	for i := range to {
		points[i] = make([]byte, x25519.Size)
		var secret, public x25519.Key
		rand.Read(secret[:])
		x25519.KeyGen(&public, &secret)
		copy(points[i], public[:])
	}
	compareWithBare(b, func() { sealToAll(b, SuiteCompat, author, to) }, func() {
		bareOnAllCores(len(to), func(i int) { bareX25519(b, points[i]) })
	})
}

func BenchmarkWrap(b *testing.B) {
	for profile, suite := range map[Profile]Suite{ProfilePQ: SuitePQ, ProfileCompat: SuiteCompat} {
		b.Run(string(profile), func(b *testing.B) {
			to := mustKey(b, profile, "S-7K2M9QXC/2").certificate
			key, err := newSessionKey(suite)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.Wrap(to); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnwrap(b *testing.B) {
	for profile, suite := range map[Profile]Suite{ProfilePQ: SuitePQ, ProfileCompat: SuiteCompat} {
		b.Run(string(profile), func(b *testing.B) {
			k := mustKey(b, profile, "S-7K2M9QXC/2")
			key, err := newSessionKey(suite)
			if err != nil {
				b.Fatal(err)
			}
			envelope, err := key.Wrap(k.certificate)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := Unwrap(envelope, k); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What the modes cost; see sealMode for why it is OCB all the same.
func BenchmarkModes(b *testing.B) {
	key := make([]byte, sessionKeySize)
	for name, mode := range map[string]packet.AEADMode{"OCB": packet.AEADModeOCB, "GCM": packet.AEADModeGCM} {
		for _, size := range []int{4 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				content := make([]byte, size)
				b.SetBytes(int64(size))
				for b.Loop() {
					var out bytes.Buffer
					w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, true, packet.CipherSuite{Cipher: packet.CipherAES256, Mode: mode}, key, &packet.Config{})
					if err != nil {
						b.Fatal(err)
					}
					w.Write(content)
					w.Close()
				}
			})
		}
	}
}

// Sealing and opening a body with attachments.
func BenchmarkBody(b *testing.B) {
	author := mustKey(b, ProfilePQ, "Anna Meijer")
	content := make([]byte, 8<<20)
	for _, suite := range []Suite{SuitePQ, SuiteCompat} {
		b.Run("seal/"+string(suite), func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, _, err := SealBody(suite, author, content, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("open/"+string(suite), func(b *testing.B) {
			body, key, err := SealBody(suite, author, content, noon)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, _, err := OpenBody(body, key, author.certificate, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What gpg does with as many recipients in one message, to compare with the
// envelopes/s above.
func BenchmarkGPGEncrypt(b *testing.B) {
	const recipients = 500
	g := newGPG(b)
	var certificates bytes.Buffer
	args := []string{"--yes", "--output", "/dev/null"}
	for i := range recipients {
		c := mustKey(b, ProfileCompat, fmt.Sprintf("S-%08d/1", i)).Certificate()
		certificates.Write(c.Bytes())
		args = append(args, "--recipient", string(c.Fingerprint()))
	}
	g.run("--import", g.file("certificates", certificates.String()))
	args = append(args, "--encrypt", g.file("notice", string(make([]byte, 4<<10))))
	for b.Loop() {
		g.run(args...)
	}
	b.ReportMetric(recipients*float64(b.N)/b.Elapsed().Seconds(), "envelopes/s")
}

// The armor of a large message, as the courier makes it.
func BenchmarkArmor(b *testing.B) {
	message := make([]byte, 8<<20)
	rand.Read(message)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		ArmorMessage(message)
	}
}

// What it costs to be sure of a statement in six languages, as a server and a mirror are.
func BenchmarkVerifyStatement(b *testing.B) {
	p := newPress(b)
	d := testStatementDraft()
	for _, language := range []string{"es", "ru", "zh"} {
		d.Languages = append(d.Languages, StatementLanguage{Language: language, Title: "T", Body: "text\n"})
	}
	s := p.publish(b, d, nil, submittedAt).Signed()
	for b.Loop() {
		if _, err := p.pin.VerifyStatement(s, nil, p.staff(), readAt); err != nil {
			b.Fatal(err)
		}
	}
}
