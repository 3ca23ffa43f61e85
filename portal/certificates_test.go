package portal

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"valise/crypto"
)

func TestCertificatesAreRememberedWithinBounds(t *testing.T) {
	k, err := crypto.GenerateKey(crypto.ProfileCompat, "S-7K2M9QXC/1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var c Certificates
	first, err := c.Parse(k.Certificate().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.ParseAll([][]byte{k.Certificate().Bytes(), k.Certificate().Bytes()})
	if err != nil || again[0] != first || again[1] != first {
		t.Error("the same octets were parsed anew", err)
	}
	if armored, err := c.Parse([]byte(k.Certificate().Armor())); err != nil || armored.Fingerprint() != first.Fingerprint() {
		t.Error(err)
	}
	if _, err := c.Parse([]byte("no certificate")); err == nil {
		t.Error("what is no certificate was parsed")
	}
	if _, err := c.ParseAll([][]byte{nil}); KindOf(err) != Internal || err == nil {
		t.Errorf("a stored certificate that is none: %v", err)
	}

	for i := range 300 {
		c.remember(sha256.Sum256([]byte{byte(i), byte(i >> 8)}), remembered{first, 64 << 10})
	}
	if total := len(c.parsed); c.size > maxRemembered || total < 100 || total > 140 {
		t.Errorf("%d certificates with %d bytes are remembered", total, c.size)
	}
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"the chain is broken": "The chain is broken.", "Done.": "Done.", " été ": "Été.",
	} {
		if got := Sentence(errors.New(text)); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestCertificateErrorNamesTheRule(t *testing.T) {
	_, err := crypto.ParseCertificate(nil)
	if e := CertificateError(err); e.Kind != Invalid || e.Code != "policy-"+crypto.RuleNoCertificate {
		t.Errorf("%+v", e)
	}
	if e := CertificateError(errors.New("the chain is broken")); e.Code != "invalid-certificate" || e.Public != "The chain is broken." {
		t.Errorf("%+v", e)
	}
}
