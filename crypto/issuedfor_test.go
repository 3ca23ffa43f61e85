package crypto

import (
	"strings"
	"testing"
	"time"
)

func TestWhatWasIssuedForACertificateIsTakenUpWithIt(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	number := o.representative.String()
	own, thief, issued := mustKey(t, ProfileCompat, number), mustKey(t, ProfilePQ, number), mustKey(t, ProfilePQ, number)
	issued = adopt(t, issued)(CertifyIssuedFor(o.registrar, issued.Certificate(), o.representative, own.Certificate().Fingerprint(), noon))
	verify := func(chain ...*Certificate) error {
		r, err := root.VerifyRepresentative(o.staff(), chain, o.representative, noon.Add(3*time.Hour))
		if err == nil && r.Registrar().Name() != "Chen Wei" {
			t.Errorf("issued by %s", r.Registrar().Name())
		}
		return err
	}
	if err := verify(issued.Certificate()); err != nil {
		t.Fatal(err) // something can be sealed to it already
	}
	own = adopt(t, own)(CertifySuccessor(issued, own.Certificate(), o.representative, noon.Add(time.Hour)))
	if err := verify(issued.Certificate(), own.Certificate()); err != nil {
		t.Fatal(err)
	}
	later, err := CertifySuccessor(own, mustKey(t, ProfilePQ, number).Certificate(), o.representative, noon.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(issued.Certificate(), own.Certificate(), later); err != nil {
		t.Errorf("their own next key: %v", err)
	}

	// Who opened the letter has the issued key, but not the certificate.
	if _, err := CertifySuccessor(issued, thief.Certificate(), o.representative, noon.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), own.Certificate().Fingerprint().Spaced()) {
		t.Errorf("the thief is not told which certificate it takes: %v", err)
	}
	forced, err := certifyRepresentative(issued, thief.Certificate(), o.representative, noon.Add(time.Hour), notations(chainNotation, chainSuccessor)...) // with a program of their own
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(issued.Certificate(), forced); err == nil || CauseOf(err) != CauseBrokenChain {
		t.Errorf("another certificate took it up: %v", err)
	}
	for _, owns := range [][]string{{"me"}, {"0123"}, {""}, {string(own.Certificate().Fingerprint()), string(thief.Certificate().Fingerprint())}} {
		strange := mustKey(t, ProfilePQ, number)
		strange = adopt(t, strange)(certify(o.registrar, strange.Certificate(), number, 0, noon, append(notations(chainNotation, chainIssued), notations(ownNotation, owns...)...)...))
		next, err := certify(strange, own.Certificate(), number, 0, noon.Add(time.Hour), notations(chainNotation, chainSuccessor)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(strange.Certificate(), next); err == nil {
			t.Errorf("issued for %q, and taken up", owns)
		}
	}
	if _, err := CertifyIssuedFor(o.registrar, thief.Certificate(), o.representative, "", noon); err == nil {
		t.Error("issued for nobody's certificate")
	}
}
