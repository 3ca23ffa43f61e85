package crypto

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

const testPassphrase = "river anvil cloud mango tulip zebra"

func mustSecrets(t testing.TB, secret string, salt []byte) *Secrets {
	t.Helper()
	s, err := DeriveSecrets([]byte(secret), salt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustLock(t testing.TB, b *Bundle, s *Secrets) []byte {
	t.Helper()
	locked, err := LockBundle(b, s)
	if err != nil {
		t.Fatal(err)
	}
	return locked
}

func testBundle(t testing.TB) *Bundle {
	root := mustRoot(t)
	return &Bundle{
		Holder: "S-7K2M9QXC/2",
		Pin:    Pin{root.Certificate().Fingerprint()},
		Key:    mustKey(t, ProfilePQ, "S-7K2M9QXC/2"),
		Past:   []*Key{mustKey(t, ProfileCompat, "S-7K2M9QXC/2"), mustKey(t, ProfilePQ, "S-7K2M9QXC/2")},
	}
}

func TestBundleOpensWithThePassphraseThatLockedIt(t *testing.T) {
	b := testBundle(t)
	locked := mustLock(t, b, mustSecrets(t, testPassphrase, NewSalt()))

	salt, err := BundleSalt(locked)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := UnlockBundle(locked, mustSecrets(t, "  river anvil\tcloud\r\n mango tulip  zebra\n", salt))
	if err != nil {
		t.Fatal(err)
	}
	if opened.Holder != b.Holder || opened.Pin != b.Pin || len(opened.Keys()) != 3 {
		t.Errorf("holder %q, pin %q, %d keys", opened.Holder, opened.Pin, len(opened.Keys()))
	}
	for i, k := range opened.Keys() {
		if k.Armor() != b.Keys()[i].Armor() {
			t.Errorf("key %d changed", i)
		}
	}
	if again := mustLock(t, opened, mustSecrets(t, testPassphrase, salt)); bytes.Equal(again, locked) {
		t.Error("the same bundle was locked to the same octets twice")
	}
}

func TestBundleRefusesAnotherSecret(t *testing.T) {
	salt := NewSalt()
	locked := mustLock(t, testBundle(t), mustSecrets(t, testPassphrase, salt))
	for _, wrong := range []string{"River anvil cloud mango tulip zebra", "river anvil cloud mango tulip", string(NewClaimCode())} {
		if b, err := UnlockBundle(locked, mustSecrets(t, wrong, salt)); !errors.Is(err, ErrWrongSecret) || b != nil {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := UnlockBundle(locked, mustSecrets(t, testPassphrase, NewSalt())); err == nil || errors.Is(err, ErrWrongSecret) {
		t.Errorf("secrets with another salt: %v", err)
	}
}

// A holder who has only the file, the passphrase and some program that knows
// RFC 9580 must be able to get at the key.
func TestBundleOpensWithAnyOpenPGPProgram(t *testing.T) {
	b := testBundle(t)
	locked := mustLock(t, b, mustSecrets(t, testPassphrase, NewSalt()))
	asked := 0
	message, err := openpgp.ReadMessage(bytes.NewReader(locked), nil, func([]openpgp.Key, bool) ([]byte, error) {
		if asked++; asked > 1 {
			return nil, errors.New("asked again")
		}
		return []byte(testPassphrase), nil
	}, &packet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(message.UnverifiedBody)
	if err != nil {
		t.Fatal(err)
	}
	want := "valise bundle v1\nholder: S-7K2M9QXC/2\nroot: " + string(b.Pin.Fingerprint) + "\n\n" + b.Key.Armor()
	if !strings.HasPrefix(string(text), want) {
		t.Errorf("the bundle reads\n%s", text)
	}
}

func TestLockedBundleAcceptsNoOtherParameters(t *testing.T) {
	s := mustSecrets(t, testPassphrase, NewSalt())
	locked := mustLock(t, testBundle(t), s)
	const body = 2 // the SKESK packet's body starts here
	packets, err := splitPackets(locked, 2)
	if err != nil {
		t.Fatal(err)
	}
	seipd := len(locked) - len(packets[1].body)
	for name, place := range map[string]int{
		"packet type": 0, "packet length": 1, "version": body, "count": body + 1, "cipher": body + 2, "AEAD mode": body + 3,
		"S2K length": body + 4, "S2K type": body + 5, "passes": body + 22, "lanes": body + 23, "memory": body + 24,
		"body's packet type": body + 88, "body's version": seipd, "body's cipher": seipd + 1, "body's AEAD mode": seipd + 2, "body's chunk size": seipd + 3,
	} {
		for _, value := range []byte{0, 1, 31, 255, locked[place] ^ 1} {
			hostile := bytes.Clone(locked)
			if hostile[place] == value {
				continue
			}
			hostile[place] = value
			if _, err := BundleSalt(hostile); err == nil {
				t.Errorf("%s %d was accepted", name, value)
			}
			if _, err := UnlockBundle(hostile, s); err == nil || errors.Is(err, ErrWrongSecret) {
				t.Errorf("%s %d: %v", name, value, err)
			}
		}
	}
}

func TestTamperedBundleStaysShut(t *testing.T) {
	s := mustSecrets(t, testPassphrase, NewSalt())
	locked := mustLock(t, &Bundle{Holder: "Anna Meijer", Pin: Pin{mustRoot(t).Certificate().Fingerprint()}, Key: mustKey(t, ProfileCompat, "Anna Meijer")}, s)
	for i := range locked {
		hostile := bytes.Clone(locked)
		hostile[i] ^= 0x10
		if _, err := UnlockBundle(hostile, s); err == nil {
			t.Errorf("octet %d may be changed", i)
		}
	}
	for n := range locked {
		if _, err := UnlockBundle(locked[:n], s); err == nil {
			t.Errorf("cut after %d octets it still opens", n)
		}
	}
	if _, err := UnlockBundle(append(bytes.Clone(locked), 0), s); err == nil {
		t.Error("an octet may be added")
	}
}

func TestLockBundleRefuses(t *testing.T) {
	s := mustSecrets(t, testPassphrase, NewSalt())
	for name, change := range map[string]func(*Bundle){
		"no key":           func(b *Bundle) { b.Key = nil },
		"no holder":        func(b *Bundle) { b.Holder = "" },
		"two-line holder":  func(b *Bundle) { b.Holder = "S-7K2M9QXC/2\nroot: 00" },
		"no pin":           func(b *Bundle) { b.Pin = Pin{} },
		"too many keys":    func(b *Bundle) { b.Past = make([]*Key, MaxPastKeys+1) },
		"spaces at an end": func(b *Bundle) { b.Holder = " Anna" },
	} {
		b := testBundle(t)
		change(b)
		if _, err := LockBundle(b, s); err == nil {
			t.Errorf("%s: was locked", name)
		}
	}
}

func TestSecrets(t *testing.T) {
	salt := NewSalt()
	s := mustSecrets(t, testPassphrase, salt)
	if !bytes.Equal(s.Salt(), salt) || len(s.LogInSecret()) != 32 {
		t.Error("salt or log-in secret is wrong")
	}
	if !bytes.Equal(s.LogInSecret(), mustSecrets(t, " "+strings.ReplaceAll(testPassphrase, " ", "\u00a0 "), salt).LogInSecret()) {
		t.Error("white space changes the log-in secret")
	}
	if bytes.Equal(s.LogInSecret(), s.expand(skeskLabel)) || bytes.Equal(s.LogInSecret(), s.output[:]) || bytes.Equal(LogInVerifier(s.LogInSecret()), s.LogInSecret()) {
		t.Error("what the server sees is what locks the bundle")
	}
	if bytes.Equal(s.LogInSecret(), mustSecrets(t, testPassphrase, NewSalt()).LogInSecret()) {
		t.Error("the salt doesn't count")
	}
	for _, salt := range [][]byte{nil, salt[:15], append(salt, 0)} {
		if _, err := DeriveSecrets([]byte(testPassphrase), salt); err == nil {
			t.Errorf("a salt of %d bytes was accepted", len(salt))
		}
	}
	if _, err := DeriveSecrets([]byte(" \n"), salt); err == nil {
		t.Error("an empty passphrase was accepted")
	}
}

func TestPrintingShowsNoSecrets(t *testing.T) {
	s := mustSecrets(t, testPassphrase, NewSalt())
	b := &Bundle{Holder: "Anna Meijer", Key: mustKey(t, ProfileCompat, "Anna Meijer")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, value := range []any{s, *s, b.Key, b, *b} {
			if shown := fmt.Sprintf(verb, value); len(shown) > 300 {
				t.Errorf("%s shows %s", verb, shown)
			}
		}
	}
	if shown := fmt.Sprint(s, *s); strings.ContainsAny(shown, "0123456789") {
		t.Errorf("secrets are shown: %s", shown)
	}
}

// The formats are for years: what they make of fixed input must not change.
func TestSecretsDoNotChangeBetweenReleases(t *testing.T) {
	s := mustSecrets(t, testPassphrase, []byte("0123456789abcdef"))
	const want = "7fa9d232a68d4fc751e28c2edc084613785df5d1b54ca5fcbc87087b518b9037"
	if got := hex.EncodeToString(LogInVerifier(s.LogInSecret())); got != want {
		t.Errorf("log-in verifier %s, want %s", got, want)
	}
}

func BenchmarkDeriveSecrets(b *testing.B) {
	salt := NewSalt()
	for b.Loop() {
		mustSecrets(b, testPassphrase, salt)
	}
}

func FuzzUnlockBundle(f *testing.F) {
	s := mustSecrets(f, testPassphrase, []byte("0123456789abcdef"))
	key, err := GenerateKey(ProfileCompat, "Anna Meijer", noon)
	if err != nil {
		f.Fatal(err)
	}
	locked := mustLock(f, &Bundle{Holder: "Anna Meijer", Pin: Pin{key.Certificate().Fingerprint()}, Key: key}, s)
	text, err := (&Bundle{Holder: "Anna Meijer", Pin: Pin{key.Certificate().Fingerprint()}, Key: key}).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(locked)
	f.Add(locked[:90])
	f.Add(text)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		salt, saltErr := BundleSalt(data)
		b, err := UnlockBundle(data, s)
		if err == nil && (saltErr != nil || !bytes.Equal(salt, s.Salt()) || b.Key == nil || b.Pin.Fingerprint == "") {
			t.Error("a bundle opened that has no salt, no key or no pin")
		}
		if b, err := decodeBundle(data); err == nil { // as if whoever locked it was hostile
			if again, err := b.encode(); err != nil || len(again) == 0 {
				t.Errorf("what was read can't be written: %v", err)
			}
		}
	})
}
