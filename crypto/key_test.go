package crypto

import (
	"bytes"
	"strings"
	"testing"
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
