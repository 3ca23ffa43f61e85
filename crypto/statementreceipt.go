package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const statementAcknowledgementFirstLine = "valise statement acknowledgement v1"

// StatementAcknowledgement is the text of the receipt of a statement: "valise
// statement acknowledgement v1". It differs from the Acknowledgement of a notice in
// that it has no opening value, as a statement is public and proves nothing by being
// known, and in that it can't be taken for one.
type StatementAcknowledgement struct {
	Institution    Fingerprint    // of the root
	Statement      Number         // the statement's
	Version        int            // the statement's
	ManifestSHA256 string         // VerifiedStatement.SHA256
	Representative Representative // who acknowledges
	Certificate    Fingerprint    // of the key that signs
	Decision       Decision
	Time           time.Time // in UTC, cut to seconds
	SessionNonce   string    // what the server handed out, 16 bytes in 32 small hexadecimal digits
}

// Encode returns the text. What ParseStatementAcknowledgement would refuse is refused.
func (a *StatementAcknowledgement) Encode() ([]byte, error) {
	text := writeText(statementAcknowledgementFirstLine,
		textLine{"institution", string(a.Institution)},
		textLine{"statement", string(a.Statement)},
		textLine{"version", strconv.Itoa(a.Version)},
		textLine{"manifest-sha256", a.ManifestSHA256},
		textLine{"representative", a.Representative.String()},
		textLine{"certificate", string(a.Certificate)},
		textLine{"decision", string(a.Decision)},
		textLine{"time", formatTextTime(a.Time)},
		textLine{"session-nonce", a.SessionNonce})
	if _, err := ParseStatementAcknowledgement(text); err != nil {
		return nil, err
	}
	return text, nil
}

// ParseStatementAcknowledgement reads what Encode writes, as forgivingly as
// ParseAcknowledgement does.
func ParseStatementAcknowledgement(text []byte) (*StatementAcknowledgement, error) {
	r := readSignedByHand("acknowledgement", statementAcknowledgementFirstLine, text, MaxAcknowledgementSize)
	a := &StatementAcknowledgement{
		Institution:    r.fingerprint("institution"),
		Statement:      r.statement("statement"),
		Version:        r.integer("version", maxVersion),
		ManifestSHA256: r.hex("manifest-sha256", 32),
	}
	a.Representative = r.representative("representative")
	a.Certificate = r.fingerprint("certificate")
	a.Decision = r.decision("decision")
	a.Time = r.time("time")
	a.SessionNonce = r.hex("session-nonce", nonceSize)
	if err := r.end(); err != nil {
		return nil, err
	}
	return a, nil
}

// AcknowledgeStatement builds the receipt of a statement, and clear-signs it with the
// representative's key for PurposeStatementAcknowledgement. A statement that doesn't ask
// the representative's kind of stakeholder, or isn't due, is refused, and so is a key
// whose certificate is not that of the representative.
func AcknowledgeStatement(v *VerifiedStatement, k *Key, as Representative, decision Decision, sessionNonce string, now time.Time) ([]byte, error) {
	if err := v.mayBeAcknowledgedBy(as); err != nil {
		return nil, err
	}
	if k == nil || k.certificate == nil {
		return nil, errors.New("acknowledging needs a key")
	}
	if err := k.certificate.checkUserID(as.String()); err != nil {
		return nil, fmt.Errorf("the key is not that of %s: %w", as, k.certificate.withFingerprint(err))
	}
	m := v.checked.manifest
	if !v.Due(now) {
		return nil, fmt.Errorf("statement %s is to be published at %s; it can't be acknowledged before", m.Statement, formatTextTime(m.PublishAt))
	}
	text, err := (&StatementAcknowledgement{
		Institution: m.Institution, Statement: m.Statement, Version: m.Version, ManifestSHA256: v.checked.digest,
		Representative: as, Certificate: k.certificate.fingerprint, Decision: decision,
		Time: now.UTC().Truncate(time.Second), SessionNonce: sessionNonce,
	}).Encode()
	if err != nil {
		return nil, err
	}
	return ClearSign(k, PurposeStatementAcknowledgement, text, now)
}

func (v *VerifiedStatement) mayBeAcknowledgedBy(r Representative) error {
	if err := v.exists(); err != nil {
		return err
	}
	for _, kind := range v.checked.manifest.Acknowledge {
		if kind == r.Mailbox.Kind() {
			return nil
		}
	}
	return fmt.Errorf("statement %s does not ask %s for an acknowledgement", v.checked.manifest.Statement, r)
}

// StatementReceipt is a receipt of a statement that verified. Nothing but
// VerifyStatementReceipt makes one.
type StatementReceipt struct {
	acknowledgement *StatementAcknowledgement
	signature       *Signature
	respelt         []byte
}

// Bytes returns the receipt as it is to be kept and given out; see Receipt.Bytes.
func (r *StatementReceipt) Bytes() []byte { return bytes.Clone(r.respelt) }

// Acknowledgement returns what was signed.
func (r *StatementReceipt) Acknowledgement() *StatementAcknowledgement { return r.acknowledgement }

// Signature returns the representative's signature.
func (r *StatementReceipt) Signature() *Signature { return r.signature }

// VerifyStatementReceipt verifies a receipt, made with Valise or with gpg --clearsign,
// against the statement and the signer's certificate. It demands what VerifyReceipt
// does, but for the opening value; that the statement asks the representative's kind
// of stakeholder; and that it was due.
func VerifyStatementReceipt(receipt []byte, v *VerifiedStatement, c *Certificate, now time.Time) (*StatementReceipt, error) {
	if err := v.exists(); err != nil {
		return nil, err
	}
	if c == nil || c.entity == nil {
		return nil, errors.New("verifying a receipt needs the signer's certificate")
	}
	text, s, respelt, err := verifyClearSigned(c, PurposeStatementAcknowledgement, receipt, now)
	if err != nil {
		return nil, fmt.Errorf("the receipt: %w", err)
	}
	a, err := ParseStatementAcknowledgement(text)
	if err != nil {
		return nil, err
	}
	if err := a.checkStatement(v); err != nil {
		return nil, err
	}
	if err := c.checkReceiptSigner(a.Certificate, a.Representative); err != nil {
		return nil, err
	}
	published := latest(v.checked.manifest.PublishAt, v.approverSignature.Made())
	if a.Time.Before(published.Add(-ClockSkew)) {
		return nil, fmt.Errorf("the receipt is dated %s, before %s was approved and published", formatTextTime(a.Time), v.checked.manifest.Statement)
	}
	if err := checkReceiptTime(a.Time, s.Made(), now); err != nil {
		return nil, err
	}
	return &StatementReceipt{acknowledgement: a, signature: s, respelt: respelt}, nil
}

func (a *StatementAcknowledgement) checkStatement(v *VerifiedStatement) error {
	m := v.checked.manifest
	switch {
	case a.Institution != m.Institution:
		return because(CauseOtherInstitution, fmt.Errorf("the receipt is for another institution, whose root has the fingerprint %s", a.Institution.Spaced()))
	case a.Statement != m.Statement:
		return because(CauseOtherSubject, fmt.Errorf("the receipt is for another statement, %s, not for %s", a.Statement, m.Statement))
	case a.Version != m.Version:
		return because(CauseOtherSubject, fmt.Errorf("the receipt is for version %d of %s, not for version %d", a.Version, m.Statement, m.Version))
	case a.ManifestSHA256 != v.checked.digest:
		return because(CauseOtherSubject, fmt.Errorf("the receipt is for another manifest of %s than the one at hand", m.Statement))
	}
	return v.mayBeAcknowledgedBy(a.Representative)
}
