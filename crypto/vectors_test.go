package crypto

import (
	"os"
	"testing"
	"time"
)

// The samples of RFC 9580, appendix A, and RFC 9980, appendix A.
func readVector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCertificatesOfTheRFCs(t *testing.T) {
	for name, test := range map[string]struct {
		fingerprint Fingerprint
		userID      string
		suite       Suite
		postQuantum bool
	}{
		"rfc9580-v6-certificate.asc":                  {"CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9", "", SuitePQ, false},
		"rfc9980-v4-ed25519-mlkem768-certificate.asc": {"342E5DB2DE345215CB2C944F7102FFED3B9CF12D", "PQC user (Test Key) <pqc-test-key@example.com>", SuitePQ, true},
		"rfc9980-v6-mldsa65-mlkem768-certificate.asc": {"", "PQC user (Test Key) <pqc-test-key@example.com>", SuitePQ, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := mustParse(t, readVector(t, name))
			if test.fingerprint != "" && c.Fingerprint() != test.fingerprint {
				t.Errorf("fingerprint %s, want %s", c.Fingerprint(), test.fingerprint)
			}
			if len(c.UserIDs()) == 0 != (test.userID == "") || test.userID != "" && c.UserIDs()[0] != test.userID {
				t.Errorf("user IDs %q", c.UserIDs())
			}
			if c.Suite() != test.suite || c.PostQuantum() != test.postQuantum {
				t.Errorf("suite %s, post-quantum %v", c.Suite(), c.PostQuantum())
			}
			if err := c.CheckPolicy(time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPublicKeySHA256IsTheFingerprintOfV6Keys(t *testing.T) {
	c := mustParse(t, readVector(t, "rfc9580-v6-certificate.asc"))
	if f, err := ParseFingerprint(c.PublicKeySHA256()); err != nil || f != c.Fingerprint() {
		t.Errorf("%s, %v", f, err)
	}
}

func TestKeysOfTheRFCs(t *testing.T) {
	for _, name := range []string{"rfc9980-v4-ed25519-mlkem768", "rfc9980-v6-mldsa65-mlkem768"} {
		key, err := ParseArmoredKey(readVector(t, name+"-key.asc"), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c := mustParse(t, readVector(t, name+"-certificate.asc")); key.Certificate().Fingerprint() != c.Fingerprint() {
			t.Errorf("%s: the key's fingerprint is %s, the certificate's %s", name, key.Certificate().Fingerprint(), c.Fingerprint())
		}
	}
}
