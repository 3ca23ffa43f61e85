package crypto

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

func TestKeysThatGPGMadeAreRead(t *testing.T) {
	for name, make := range map[string]func(g *gpg) string{
		"Ed25519": func(g *gpg) string { return g.make("S-7K2M9QXC/2", "future-default", "default", "0") },
		"RSA 3072": func(g *gpg) string {
			return g.makeFrom("S-7K2M9QXC/2", "Key-Type: RSA", "Key-Length: 3072", "Subkey-Type: RSA", "Subkey-Length: 3072")
		},
		"P-384": func(g *gpg) string {
			return g.makeFrom("S-7K2M9QXC/2", "Key-Type: ECDSA", "Key-Curve: nistp384", "Subkey-Type: ECDH", "Subkey-Curve: nistp384")
		},
		"signing subkey": func(g *gpg) string {
			f := g.make("S-7K2M9QXC/2", "ed25519", "cert", "0")
			g.run("--quick-add-key", f, "ed25519", "sign", "0")
			g.run("--quick-add-key", f, "cv25519", "encr", "0")
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGPG(t)
			f := make(g)
			unlocked := g.run("--armor", "--export-secret-keys", f)
			plain, err := ParseArmoredKey(unlocked, nil)
			if err != nil {
				t.Fatal(err)
			}
			g.passwd(f, "tr0ub4dor and more")
			locked := g.run("--passphrase", "tr0ub4dor and more", "--armor", "--export-secret-keys", f)
			if bytes.Equal(locked, unlocked) {
				t.Fatal("gpg did not lock the key")
			}
			for _, wrong := range []string{"", "tr0ub4dor"} {
				if _, err := ParseArmoredKey(locked, []byte(wrong)); !errors.Is(err, ErrWrongSecret) {
					t.Errorf("passphrase %q: %v", wrong, err)
				}
			}
			key, err := ParseArmoredKey(locked, []byte("tr0ub4dor and more"))
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range []*Key{plain, key} {
				if string(k.Certificate().Fingerprint()) != f {
					t.Errorf("fingerprint %s, gpg says %s", k.Certificate().Fingerprint(), f)
				}
				if err := k.Certificate().CheckRepresentative(Representative{"S-7K2M9QXC", 2}, time.Now()); err != nil {
					t.Error(err)
				}
			}
			// Back into another gpg, which must find the key whole.
			other := newGPG(t)
			other.run("--import", other.file("key.asc", key.Armor()))
			other.run("--local-user", f, "--detach-sign", other.file("text", "hello"))
		})
	}
}

// passwd changes the passphrase of a key that has none.
func (g *gpg) passwd(fingerprint, passphrase string) {
	g.t.Helper()
	exported := g.run("--export-secret-keys", fingerprint)
	el, err := openpgp.ReadKeyRing(bytes.NewReader(exported))
	if err != nil {
		g.t.Fatal(err)
	}
	// What GnuPG's own protection looks like: iterated and salted S2K, CFB, SHA-1 checksum.
	if err := el[0].EncryptPrivateKeys([]byte(passphrase), &packet.Config{DefaultCipher: packet.CipherAES128, S2KConfig: &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, S2KCount: 1 << 20}}); err != nil {
		g.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := el[0].SerializePrivateWithoutSigning(&out, nil); err != nil {
		g.t.Fatal(err)
	}
	g.run("--yes", "--delete-secret-keys", fingerprint)
	g.run("--passphrase", passphrase, "--import", g.file("locked.gpg", out.String()))
}

func TestArgon2LockedKeysAreReadWhenCheap(t *testing.T) {
	key := mustKey(t, ProfilePQ, "S-7K2M9QXC/2")
	lock := func(memory uint32) []byte {
		el, err := openpgp.ReadKeyRing(bytes.NewReader(key.secretPackets()))
		if err != nil {
			t.Fatal(err)
		}
		if err := el[0].EncryptPrivateKeys([]byte("secret"), &packet.Config{
			DefaultCipher: packet.CipherAES256, AEADConfig: &packet.AEADConfig{},
			S2KConfig: &s2k.Config{S2KMode: s2k.Argon2S2K, Argon2Config: &s2k.Argon2Config{NumberOfPasses: 1, DegreeOfParallelism: 1, Memory: memory}},
		}); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := el[0].SerializePrivateWithoutSigning(&out, nil); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	locked := lock(1 << 10)
	k, err := ParseArmoredKey(locked, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if k.Certificate().Fingerprint() != key.Certificate().Fingerprint() {
		t.Error("another key came out")
	}

	// The same with an octet that asks for 2 TiB, in each of the two key packets.
	packets, err := splitPackets(locked, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range packets {
		if p.kind != packetSecretKey && p.kind != packetSecretSubkey {
			continue
		}
		n, err := publicPartSize(p)
		if err != nil {
			t.Fatal(err)
		}
		memory := n + 3 + 1 + SaltSize + 2 // behind usage, cipher, mode; S2K type, salt, passes, lanes
		if p.body[memory] != 10 {
			t.Fatalf("the memory octet of packet %d is %d", i, p.body[memory])
		}
		var hostile []byte
		for j, q := range packets {
			if i == j {
				body := bytes.Clone(q.body)
				body[memory] = 31
				hostile = appendPacket(hostile, q.kind, body)
			} else {
				hostile = append(hostile, q.whole...)
			}
		}
		if _, err := ParseArmoredKey(hostile, []byte("secret")); err == nil || !strings.Contains(err.Error(), "2^31") {
			t.Errorf("packet %d may ask for 2 TiB: %v", i, err)
		}
	}
}

func TestUnlockingCostIsLookedAtFirst(t *testing.T) {
	argon2 := func(passes, lanes, memory byte) []byte {
		return append(append([]byte{s2kArgon2}, make([]byte, SaltSize)...), passes, lanes, memory)
	}
	for name, test := range map[string]struct {
		version int
		secret  []byte
		good    bool
	}{
		"plain":                  {4, []byte{0, 1, 2}, true},
		"GnuPG":                  {4, append([]byte{254, 7, s2kIterated, 2}, make([]byte, 9)...), true},
		"Argon2":                 {4, append([]byte{253, 9, 2}, argon2(3, 4, 16)...), true},
		"Argon2 in v6":           {6, append([]byte{253, 38, 9, 2, 20}, argon2(3, 4, 16)...), true},
		"2 TiB":                  {4, append([]byte{253, 9, 2}, argon2(1, 4, 31)...), false},
		"2 TiB in v6":            {6, append([]byte{253, 38, 9, 2, 20}, argon2(1, 4, 31)...), false},
		"many passes":            {4, append([]byte{253, 9, 2}, argon2(255, 4, 16)...), false},
		"many lanes":             {4, append([]byte{253, 9, 2}, argon2(3, 255, 16)...), false},
		"cut off":                {4, append([]byte{253, 9, 2}, argon2(3, 4, 16)[:19]...), false},
		"nothing":                {4, nil, false},
		"only a usage octet":     {4, []byte{254}, false},
		"only a usage octet, v6": {6, []byte{253}, false},
		"simple S2K":             {4, []byte{254, 7, 0, 2}, false},
		"outdated checksum":      {4, []byte{255, 7, 3, 2}, false},
		"private part elsewhere": {4, []byte{255, 0, 101, 2, 'G', 'N', 'U', 1}, true},
		"IDEA":                   {4, []byte{1, 0, 0}, false},
		"Argon2 with CFB, 2 TiB": {4, append([]byte{254, 9}, argon2(1, 4, 31)...), false},
	} {
		if err := checkUnlockingCost(test.version, test.secret); (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseArmoredKeyRefuses(t *testing.T) {
	key, other := mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), mustKey(t, ProfileCompat, "Anna")
	mixed := append(key.secretPackets()[:0:0], key.secretPackets()...)
	for name, data := range map[string][]byte{
		"nothing":             nil,
		"a certificate":       []byte(key.Certificate().Armor()),
		"two keys":            append(mixed, other.secretPackets()...),
		"cut off":             []byte(key.Armor()[:500]),
		"a locked bundle":     mustLock(t, testBundle(t), mustSecrets(t, testPassphrase, NewSalt())),
		"something very long": make([]byte, 3*MaxCertificateSize),
	} {
		if k, err := ParseArmoredKey(data, nil); err == nil || k != nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// A key whose public and private parts don't belong together would leak the private part when it signs.
func TestMismatchedPrivatePartIsRefused(t *testing.T) {
	a, b := mustKey(t, ProfileCompat, "Anna"), mustKey(t, ProfileCompat, "Anna")
	pa, err := splitPackets(a.secretPackets(), 10)
	if err != nil {
		t.Fatal(err)
	}
	pb, err := splitPackets(b.secretPackets(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pa {
		if p.kind != packetSecretKey && p.kind != packetSecretSubkey {
			continue
		}
		n, err := publicPartSize(p)
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		for j, q := range pa {
			if i == j {
				out = appendPacket(out, q.kind, append(bytes.Clone(q.body[:n]), pb[i].body[n:]...))
			} else {
				out = append(out, q.whole...)
			}
		}
		if _, err := ParseArmoredKey(out, nil); err == nil {
			t.Errorf("packet %d took another key's private part", i)
		}
	}
}

func TestKeyWithoutItsPrimaryPrivatePartIsRefused(t *testing.T) {
	g := newGPG(t)
	f := g.make("S-7K2M9QXC/2", "future-default", "default", "0")
	if _, err := ParseArmoredKey(g.run("--armor", "--export-secret-subkeys", f), nil); err == nil || !strings.Contains(err.Error(), "primary key is missing") {
		t.Errorf("%v", err)
	}
}

func FuzzParseArmoredKey(f *testing.F) {
	key := mustKey(f, ProfileCompat, "Anna")
	f.Add(key.secretPackets(), []byte(nil))
	f.Add([]byte(key.Armor()), []byte("secret"))
	f.Add(mustKey(f, ProfilePQ, "Anna").secretPackets(), []byte(nil))
	el, err := openpgp.ReadKeyRing(bytes.NewReader(key.secretPackets()))
	if err != nil {
		f.Fatal(err)
	}
	if err := el[0].EncryptPrivateKeys([]byte("secret"), &packet.Config{S2KConfig: &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, S2KCount: 65536}}); err != nil {
		f.Fatal(err)
	}
	var locked bytes.Buffer
	if err := el[0].SerializePrivateWithoutSigning(&locked, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(locked.Bytes(), []byte("secret"))
	f.Fuzz(func(t *testing.T, data, passphrase []byte) {
		k, err := ParseArmoredKey(data, passphrase)
		if err != nil {
			return
		}
		again, err := ParseArmoredKey([]byte(k.Armor()), nil)
		if err != nil || again.Certificate().Fingerprint() != k.Certificate().Fingerprint() {
			t.Errorf("the key does not survive being written: %v", err)
		}
	})
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add(string(mustRoot(f).Certificate().Fingerprint()))
	f.Add(mustRoot(f).Certificate().Fingerprint().Spaced())
	f.Add("0x0123456789abcdef")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if fingerprint, err := ParseFingerprint(text); err == nil {
			if again, err := ParseFingerprint(fingerprint.Spaced()); err != nil || again != fingerprint {
				t.Errorf("%q gives %q, which gives %q, %v", text, fingerprint, again, err)
			}
		}
	})
}
