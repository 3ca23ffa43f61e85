package crypto

import (
	"testing"
)

// Secrets that were never derived are the same for everybody: a bundle locked under
// them would be open to all, and a log-in secret of them no secret.
func TestZeroSecretsLockNothing(t *testing.T) {
	b := &Bundle{Holder: "S-7K2M9QXD/2", Pin: Pin{mustRoot(t).Certificate().Fingerprint()}, Key: mustKey(t, ProfilePQ, "S-7K2M9QXD/2")}
	for name, s := range map[string]*Secrets{"nil": nil, "zero": {}} {
		if locked, err := LockBundle(b, s); err == nil || locked != nil {
			t.Errorf("%s: a bundle was locked", name)
		}
		if secret := s.LogInSecret(); secret != nil {
			t.Errorf("%s: there is a log-in secret", name)
		}
	}
}

// What was never verified, made or derived must give an error: no success, and no
// panic, which in a browser ends the worker with everything in it.
func TestZeroValuesGiveErrors(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	root, author, recipient := d.pin, d.author, d.recipients[0]
	c := author.Certificate()
	body, key, err := SealBody(SuitePQ, author, []byte("text"), sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	e := d.sealed.Envelopes[0]
	signed := d.approve(t)
	fails := func(name string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s succeeds", name)
		}
	}
	guarded := func(name string, f func() error) {
		t.Helper()
		defer func() {
			t.Helper()
			if r := recover(); r != nil {
				t.Errorf("%s panics: %v", name, r)
			}
		}()
		fails(name, f())
	}
	r := recipient.Representative()
	for _, zero := range []*Root{nil, {}} {
		guarded("VerifyStaff of no root", func() error { _, err := zero.VerifyStaff(c, noon); return err })
		guarded("VerifyRepresentative of no root", func() error {
			_, err := zero.VerifyRepresentative(d.staff(), []*Certificate{recipient.Certificate()}, r, noon)
			return err
		})
		guarded("VerifyManifest of no root", func() error { _, err := zero.VerifyManifest(signed, d.staff(), approvedAt); return err })
		guarded("SealNotice of no root", func() error {
			_, err := SealNotice(zero, author, testDraft(), d.recipients, d.desk(t), sealedAt, nil)
			return err
		})
	}
	for _, zero := range []*Certificate{nil, {}} {
		guarded("VerifyStaff", func() error { _, err := root.VerifyStaff(zero, noon); return err })
		guarded("VerifyRepresentative", func() error {
			_, err := root.VerifyRepresentative(d.staff(), []*Certificate{zero}, r, noon)
			return err
		})
		guarded("VerifyRepresentative", func() error {
			_, err := root.VerifyRepresentative([]*Certificate{zero}, []*Certificate{recipient.Certificate()}, r, noon)
			return err
		})
		guarded("CheckPolicy", func() error { return zero.CheckPolicy(noon) })
		guarded("CheckRepresentative", func() error { return zero.CheckRepresentative(r, noon) })
		guarded("VerifyDetached", func() error {
			_, err := VerifyDetached(zero, PurposeNoticeAuthor, d.sealed.Manifest, d.sealed.AuthorSignature, approvedAt)
			return err
		})
		guarded("VerifyClearSigned", func() error {
			_, _, err := VerifyClearSigned(zero, PurposeLogIn, []byte(mustClearSign(t, author, "text\n")), approvedAt)
			return err
		})
		guarded("Wrap", func() error { _, err := key.Wrap(zero); return err })
		guarded("WrapAll", func() error {
			_, err := WrapAll(map[Suite]*SessionKey{SuitePQ: key}, []*Certificate{zero}, nil)
			return err
		})
		guarded("Rewrap", func() error { _, err := Rewrap(e.Data, []*Key{d.keys[e.Holder]}, zero); return err })
		guarded("CheckEnvelope", func() error { return CheckEnvelope(e.Data, zero) })
		guarded("OpenBody", func() error { _, _, err := OpenBody(body, key, zero, sealedAt); return err })
		guarded("SealRecord", func() error {
			_, err := SealRecord([]byte("x"), author, PurposeDetails, []*Certificate{zero}, sealedAt)
			return err
		})
		guarded("CertifyIssued", func() error { _, err := CertifyIssued(d.registrar, zero, r, noon); return err })
		guarded("CertifyStaff", func() error { _, err := CertifyStaff(d.root, zero, []Role{RoleAuthor}, noon); return err })
		guarded("WithCertificate", func() error { _, err := author.WithCertificate(zero); return err })
	}
	for _, zero := range []*Key{nil, {}} {
		guarded("SignDetached", func() error { _, err := SignDetached(zero, PurposeNoticeAuthor, []byte("x"), noon); return err })
		guarded("ClearSign", func() error { _, err := ClearSign(zero, PurposeLogIn, []byte("x\n"), noon); return err })
		guarded("SealBody", func() error { _, _, err := SealBody(SuitePQ, zero, []byte("x"), noon); return err })
		guarded("Unwrap", func() error { _, err := Unwrap(e.Data, zero); return err })
		guarded("CertifyIssued", func() error { _, err := CertifyIssued(zero, recipient.Certificate(), r, noon); return err })
		guarded("CertifySuccessor", func() error { _, err := CertifySuccessor(zero, recipient.Certificate(), r, noon); return err })
		guarded("CertifyStaff", func() error { _, err := CertifyStaff(zero, c, []Role{RoleAuthor}, noon); return err })
		guarded("LockBundle", func() error {
			_, err := LockBundle(&Bundle{Holder: "x", Pin: Pin{root.Fingerprint()}, Key: zero}, &Secrets{})
			return err
		})
	}
	for _, zero := range []*SessionKey{nil, {}} {
		guarded("Wrap of no key", func() error { _, err := zero.Wrap(recipient.Certificate()); return err })
		guarded("OpenBody of no key", func() error { _, _, err := OpenBody(body, zero, c, sealedAt); return err })
		guarded("WrapAll of no key", func() error {
			_, err := WrapAll(map[Suite]*SessionKey{SuitePQ: zero}, []*Certificate{recipient.Certificate()}, nil)
			return err
		})
	}
	guarded("OpenRoot", func() error { _, err := OpenRoot(Pin{}, root.Certificate().Bytes()); return err })
	guarded("SealNotice without a draft", func() error {
		_, err := SealNotice(root, author, nil, d.recipients, d.desk(t), sealedAt, nil)
		return err
	})
	guarded("an empty draft", func() error {
		_, err := SealNotice(root, author, &Draft{}, d.recipients, d.desk(t), sealedAt, nil)
		return err
	})
	guarded("VerifyManifest", func() error { _, err := root.VerifyManifest(SignedManifest{}, d.staff(), approvedAt); return err })
	guarded("LockBundle", func() error { _, err := LockBundle(nil, &Secrets{}); return err })
	for name, zero := range map[string]interface{ Encode() ([]byte, error) }{
		"Content": &Content{}, "Manifest": &Manifest{}, "Audience": &Audience{}, "Membership": &Membership{}, "LogIn": &LogIn{}, "Acknowledgement": &Acknowledgement{}, "SignedManifest": SignedManifest{},
	} {
		guarded(name, func() error { _, err := zero.Encode(); return err })
	}
}
