package crypto

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

func mustKey(t testing.TB, profile Profile, userID string) *Key {
	t.Helper()
	k, err := GenerateKey(profile, userID, noon)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustRoot(t testing.TB) *Key {
	t.Helper()
	k, err := GenerateRoot("International Court (demo)", noon)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestGeneratedKeys(t *testing.T) {
	pq, compat, root := mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), mustKey(t, ProfileCompat, "Anna Meijer"), mustRoot(t)
	for _, test := range []struct {
		name        string
		key         *Key
		suite       Suite
		postQuantum bool
		encrypts    bool
		userID      string
	}{
		{"pq", pq, SuitePQ, true, true, "S-7K2M9QXC/2"},
		{"compat", compat, SuiteCompat, false, true, "Anna Meijer"},
		{"root", root, SuiteCompat, false, false, "International Court (demo)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := test.key.Certificate()
			if c.Suite() != test.suite || c.PostQuantum() != test.postQuantum {
				t.Errorf("suite %q, post-quantum %v", c.Suite(), c.PostQuantum())
			}
			if _, err := c.encryptionKey(); (err == nil) != test.encrypts {
				t.Errorf("encryption key: %v", err)
			}
			if ids := c.UserIDs(); len(ids) != 1 || ids[0] != test.userID {
				t.Errorf("user IDs %q", ids)
			}
			for _, form := range [][]byte{c.Bytes(), []byte(c.Armor()), []byte("Dear sirs,\r\n" + strings.ReplaceAll(c.Armor(), "\n", "\r\n") + "\r\nyours")} {
				again, err := ParseCertificate(form)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(again.Bytes(), c.Bytes()) || again.Fingerprint() != c.Fingerprint() || len(c.Fingerprint()) != 40 {
					t.Error("the certificate changed on its way through a file")
				}
			}
		})
	}
}

func TestGPGImportsGeneratedCertificates(t *testing.T) {
	for name, key := range map[string]*Key{"pq": mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), "compat": mustKey(t, ProfileCompat, "O-7K2M9QXC/1"), "root": mustRoot(t)} {
		t.Run(name, func(t *testing.T) {
			g := newGPG(t)
			c := key.Certificate()
			g.run("--import", g.file("cert.asc", c.Armor()))
			listing := string(g.run("--with-colons", "--check-sigs"))
			if !strings.Contains(listing, string(c.Fingerprint())) || !strings.Contains(listing, c.UserIDs()[0]) || !strings.Contains(listing, "sig:!:") {
				t.Errorf("gpg lists\n%s", listing)
			}
			signing := newGPG(t)
			signing.run("--import", signing.file("cert.asc", c.SigningOnlyArmor()))
			if strings.Contains(string(signing.run("--with-colons", "--list-keys")), "\nsub:") {
				t.Error("the signing-only certificate has a subkey")
			}
		})
	}
}

// detachedSignature is what any program makes with an Ed25519 key of ours.
func detachedSignature(t *testing.T, k *Key, text string) string {
	t.Helper()
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, []*openpgp.Entity{k.entity}, strings.NewReader(text), &packet.Config{Time: func() time.Time { return noon }}); err != nil {
		t.Fatal(err)
	}
	return armor(armorSignature, signature.Bytes())
}

func TestGPGVerifiesWithEveryFormOfACertificate(t *testing.T) {
	for name, key := range map[string]*Key{"pq": mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), "compat": mustKey(t, ProfileCompat, "S-7K2M9QXC/2"), "root": mustRoot(t)} {
		for form, armored := range map[string]string{"whole": key.Certificate().Armor(), "signing only": key.Certificate().SigningOnlyArmor()} {
			t.Run(name+" "+form, func(t *testing.T) {
				g := newGPG(t)
				g.run("--import", g.file("cert.asc", armored))
				g.run("--verify", g.file("text.asc", detachedSignature(t, key, "received\n")), g.file("text", "received\n"))
				if _, _, err := g.try("--verify", g.file("text.asc", detachedSignature(t, key, "received\n")), g.file("text", "refused\n")); err == nil {
					t.Error("gpg verified another text")
				}
			})
		}
	}
}

func TestKeySurvivesBeingWritten(t *testing.T) {
	for _, key := range []*Key{mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), mustKey(t, ProfileCompat, "Anna"), mustRoot(t)} {
		again, err := ParseArmoredKey([]byte(key.Armor()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if again.Armor() != key.Armor() || !bytes.Equal(again.Certificate().Bytes(), key.Certificate().Bytes()) {
			t.Error("the key changed")
		}
	}
}

func TestUserIDs(t *testing.T) {
	for _, good := range []string{"S-7K2M9QXC/2", "International Court (demo)", "محكمة", "Anna <anna@court.example>", "x"} {
		k, err := GenerateKey(ProfilePQ, good, noon)
		if err != nil {
			t.Errorf("%q: %v", good, err)
		} else if c := mustParse(t, k.Certificate().Bytes()); c.UserIDs()[0] != good {
			t.Errorf("%q became %q", good, c.UserIDs())
		}
	}
	for _, bad := range []string{"", " Anna", "Anna\n", "An\x00na", "\xff", strings.Repeat("x", 256)} {
		if _, err := GenerateKey(ProfilePQ, bad, noon); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if _, err := GenerateKey(ProfileOwn, "Anna", noon); err == nil {
		t.Error("a key of profile own was made")
	}
}

// Certificates are shared by every request of a server.
func TestCertificateIsSafeForManyGoroutines(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := root.VerifyRepresentative(o.staff(), o.chain(), o.representative, noon.Add(2*time.Hour)); err != nil {
				t.Error(err)
			}
			if _, err := o.own.Certificate().encryptionKey(); err != nil {
				t.Error(err)
			}
			detachedSignature(t, o.own, "together")
		})
	}
	group.Wait()
}

// Newer keys than ours, brought by their owners, take their place in a chain.
func TestVersion6KeysInAChain(t *testing.T) {
	o := newOffice(t)
	number := o.representative.String()
	fromLibrary := func() *Key {
		config := &packet.Config{V6Keys: true, Algorithm: packet.PubKeyAlgoMldsa65Ed25519, AEADConfig: &packet.AEADConfig{}, Time: func() time.Time { return noon }}
		entity, err := openpgp.NewEntity(number, "", "", config)
		if err != nil {
			t.Fatal(err)
		}
		key, err := keyFromEntity(entity)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	first, second := fromLibrary(), fromLibrary()
	first = adopt(t, first)(CertifySuccessor(o.own, first.Certificate(), o.representative, noon.Add(time.Hour)))
	second = adopt(t, second)(CertifySuccessor(first, second.Certificate(), o.representative, noon.Add(2*time.Hour)))
	chain := append(o.chain(), first.Certificate(), second.Certificate())
	r, err := o.pinned(t).VerifyRepresentative(o.staff(), chain, o.representative, noon.Add(3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Certificate(); len(c.Fingerprint()) != 64 || c.Suite() != SuitePQ || !c.PostQuantum() {
		t.Errorf("fingerprint %s, suite %s", c.Fingerprint(), c.Suite())
	}
}

func TestPostQuantumSubkeyIsPreferred(t *testing.T) {
	for _, order := range [][]packet.PublicKeyAlgorithm{
		{packet.PubKeyAlgoMlkem768X25519, packet.PubKeyAlgoEdDSA},
		{packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoMlkem768X25519},
	} {
		entity, err := newEntity("S-7K2M9QXC/2", generationConfig(noon))
		if err != nil {
			t.Fatal(err)
		}
		entity.Subkeys = nil
		for i, algorithm := range order {
			config := generationConfig(noon.Add(time.Duration(i) * time.Hour))
			config.Algorithm = algorithm
			if err := entity.AddEncryptionSubkey(config); err != nil {
				t.Fatal(err)
			}
		}
		key, err := keyFromEntity(entity)
		if err != nil {
			t.Fatal(err)
		}
		if !key.Certificate().PostQuantum() {
			t.Errorf("of the subkeys %d the classical one was chosen", order)
		}
	}
}

func BenchmarkParseCertificate(b *testing.B) {
	for _, profile := range []Profile{ProfilePQ, ProfileCompat} {
		b.Run(string(profile), func(b *testing.B) {
			data := mustKey(b, profile, "S-7K2M9QXC/2").Certificate().Bytes()
			for b.Loop() {
				mustParse(b, data)
			}
		})
	}
}

func BenchmarkVerifyRepresentative(b *testing.B) {
	o := newOffice(b)
	root, staff, chain := o.pinned(b), o.staff(), o.chain()
	for b.Loop() {
		if _, err := root.VerifyRepresentative(staff, chain, o.representative, noon.Add(2*time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}
