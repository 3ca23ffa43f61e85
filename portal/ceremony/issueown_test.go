package ceremony_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

func TestAnOwnCertificateIsConfirmedByTheEndOfItsFingerprint(t *testing.T) {
	now := time.Now()
	key, err := crypto.GenerateKey(crypto.ProfileCompat, "Ama <ama@mission.example>", now)
	if err != nil {
		t.Fatal(err)
	}
	c, spaced := key.Certificate(), key.Certificate().Fingerprint().Spaced()
	for _, typed := range []string{spaced, strings.ToLower(spaced), spaced[len(spaced)-19:], " " + strings.ReplaceAll(spaced, " ", "")[24:]} {
		if f, err := ceremony.ConfirmOwn(c, typed, now); err != nil || f != c.Fingerprint() {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for _, typed := range []string{"", spaced[len(spaced)-14:], spaced[:24], "0000 0000 0000 0000", spaced + "0"} {
		if f, err := ceremony.ConfirmOwn(c, typed, now); !errors.Is(err, ceremony.ErrNotConfirmed) || f != "" {
			t.Errorf("%q: %v", typed, err)
		}
	}
	if _, err := ceremony.ConfirmOwn(c, spaced, now.Add(-48*time.Hour)); err == nil || errors.Is(err, ceremony.ErrNotConfirmed) {
		t.Errorf("a certificate that can't be used: %v", err)
	}
}
