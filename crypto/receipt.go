package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// receiptPeriod is how long after the time in its text a receipt may be signed:
// who signs with a tool of their own takes the text from a page, and a session
// lasts half a day.
const receiptPeriod = 24 * time.Hour

// Acknowledge builds the receipt of a notice that was opened, and clear-signs it
// with the representative's key for PurposeAcknowledgement. sessionNonce is what
// the server handed out with the notice. A notice that has not been approved is
// refused, and so is a key whose certificate is not that of the representative.
func Acknowledge(o *OpenedNotice, k *Key, as Representative, decision Decision, sessionNonce string, now time.Time) ([]byte, error) {
	if err := o.exists(); err != nil {
		return nil, err
	}
	if err := o.verified.approved(); err != nil {
		return nil, err
	}
	if k == nil || k.certificate == nil {
		return nil, errors.New("acknowledging needs a key")
	}
	if err := k.certificate.checkUserID(as.String()); err != nil {
		return nil, fmt.Errorf("the key is not that of %s: %w", as, k.certificate.withFingerprint(err))
	}
	m := o.verified.manifest
	text, err := (&Acknowledgement{
		Institution: m.Institution, Notice: m.Notice, Version: m.Version, ManifestSHA256: o.verified.digest,
		Opening: o.content.Opening, Representative: as, Certificate: k.certificate.fingerprint,
		Decision: decision, Time: now.UTC().Truncate(time.Second), SessionNonce: sessionNonce,
	}).Encode()
	if err != nil {
		return nil, err
	}
	return ClearSign(k, PurposeAcknowledgement, text, now)
}

// Receipt is a receipt that verified. Nothing but VerifyReceipt makes one.
type Receipt struct {
	acknowledgement *Acknowledgement
	signature       *Signature
	respelt         []byte
}

// Bytes returns the receipt as it is to be kept and given out: text and signature
// that verified, in the one spelling that ClearSign has. A clear-signed text can
// be spelt so that Valise reads it and GnuPG doesn't (another hash function
// announced, a wrong checksum), and nobody shall disown a receipt that way.
func (r *Receipt) Bytes() []byte { return bytes.Clone(r.respelt) }

// Acknowledgement returns what was signed.
func (r *Receipt) Acknowledgement() *Acknowledgement { return r.acknowledgement }

// Signature returns the representative's signature.
func (r *Receipt) Signature() *Signature { return r.signature }

// ReadReceipt returns what a receipt says, clear-signed or as SignedMail spells it,
// but verifies nothing: it serves to find out whose certificate to fetch.
func ReadReceipt(receipt []byte) (*Acknowledgement, error) {
	text, err := ReadHandSigned(receipt)
	if err != nil {
		return nil, fmt.Errorf("the receipt: %w", err)
	}
	return ParseAcknowledgement(text)
}

// VerifyReceipt verifies a receipt, made with Valise, with gpg --clearsign or, as
// SignedMail spells it, with a mail program, against the manifest of the approved notice and the signer's certificate. It
// demands that
//
//   - c made the signature, and was good when it did;
//   - c is the certificate that the receipt names, and its only user ID is the
//     number of the representative that the receipt names;
//   - institution, notice, version and manifest are the receipt's;
//   - the opening value is the one whose digest was signed;
//   - the receipt is not older than author's and approver's signatures, not in the
//     future (both but for ClockSkew), and was signed within a day of the time in its text.
//
// That c belongs to the representative is for Root.VerifyRepresentative to say;
// that the representative is in the audience, and that the session nonce is the
// one handed out, only who holds those can check.
func VerifyReceipt(receipt []byte, v *VerifiedManifest, c *Certificate, now time.Time) (*Receipt, error) {
	if err := v.approved(); err != nil {
		return nil, err
	}
	if c == nil || c.entity == nil {
		return nil, errors.New("verifying a receipt needs the signer's certificate")
	}
	text, s, respelt, err := verifyHandSigned(c, PurposeAcknowledgement, receipt, now)
	if err != nil {
		return nil, fmt.Errorf("the receipt: %w", err)
	}
	a, err := ParseAcknowledgement(text)
	if err != nil {
		return nil, err
	}
	if err := a.checkNotice(v); err != nil {
		return nil, err
	}
	if err := c.checkReceiptSigner(a.Certificate, a.Representative); err != nil {
		return nil, err
	}
	signed := latest(v.authorSignature.Made(), v.approverSignature.Made())
	if a.Time.Before(signed.Add(-ClockSkew)) {
		return nil, fmt.Errorf("the receipt is dated %s, before %s was signed", formatTextTime(a.Time), v.manifest.Notice)
	}
	if err := checkReceiptTime(a.Time, s.Made(), now); err != nil {
		return nil, err
	}
	return &Receipt{acknowledgement: a, signature: s, respelt: respelt}, nil
}

// checkNotice says whether the acknowledgement is of the notice that was verified.
func (a *Acknowledgement) checkNotice(v *VerifiedManifest) error {
	m := v.manifest
	switch {
	case a.Institution != m.Institution:
		return because(CauseOtherInstitution, fmt.Errorf("the receipt is for another institution, whose root has the fingerprint %s", a.Institution.Spaced()))
	case a.Notice != m.Notice:
		return because(CauseOtherSubject, fmt.Errorf("the receipt is for another notice, %s, not for %s", a.Notice, m.Notice))
	case a.Version != m.Version:
		return because(CauseOtherSubject, fmt.Errorf("the receipt is for version %d of %s, not for version %d", a.Version, m.Notice, m.Version))
	case a.ManifestSHA256 != v.digest:
		return because(CauseOtherSubject, fmt.Errorf("the receipt is for another manifest of %s than the one at hand", m.Notice))
	case openingDigest(a.Opening) != m.OpeningSHA256:
		return because(CauseOtherSubject, fmt.Errorf("the opening value in the receipt is not that of %s: copy the line %q from the end of the decrypted notice", m.Notice, "opening: "))
	}
	return nil
}

// checkReceiptSigner says whether c, which made the signature, is the certificate that
// the receipt names, and that of the representative whom it names.
func (c *Certificate) checkReceiptSigner(named Fingerprint, as Representative) error {
	if named != c.fingerprint {
		return fmt.Errorf("the receipt names the certificate %s, but it was signed with %s", named, c.fingerprint)
	}
	if err := c.checkUserID(as.String()); err != nil {
		return fmt.Errorf("the receipt was signed with a key that is not that of %s: %w", as, c.withFingerprint(err))
	}
	return nil
}

// checkReceiptTime compares the time in a receipt's text with that of its signature,
// and with the clock.
func checkReceiptTime(said, made, now time.Time) error {
	switch {
	case said.After(now.Add(ClockSkew)):
		return fmt.Errorf("the text is dated %s, which is in the future", formatTextTime(said))
	case made.Before(said.Add(-ClockSkew)) || made.After(said.Add(receiptPeriod)):
		return fmt.Errorf("the text says %s, but was signed at %s: check the clock, and take a new text to sign", formatTextTime(said), formatTextTime(made.UTC()))
	}
	return nil
}
