package crypto

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

const (
	acknowledgementFirstLine = "valise acknowledgement v1"

	// MaxAcknowledgementSize is the size in bytes of the largest acknowledgement text accepted.
	MaxAcknowledgementSize = 2 << 10

	openingSize = 32
)

// Decision is what a representative answers to a notice that asks for
// acknowledgement. Both are receipts: both prove that the notice was opened.
type Decision string

const (
	DecisionAcknowledged Decision = "acknowledged"
	DecisionRefused      Decision = "refused" // opened, and acknowledgement declined
)

// ParseDecision reads "acknowledged" or "refused".
func ParseDecision(text string) (Decision, error) {
	switch d := Decision(text); d {
	case DecisionAcknowledged, DecisionRefused:
		return d, nil
	}
	return "", fmt.Errorf("the decision must be %s or %s", DecisionAcknowledged, DecisionRefused)
}

// Acknowledgement is the receipt's text: "valise acknowledgement v1". Clear-signed
// it is the receipt, and anybody can check it with gpg. See docs/formats.md.
type Acknowledgement struct {
	// Institution is the fingerprint of the root.
	Institution Fingerprint
	// Notice is the notice's number.
	Notice Number
	// Version is the notice's.
	Version int
	// ManifestSHA256 is the digest of the manifest's text, 64 small hexadecimal
	// digits. Through it the receipt names everything that was sent.
	ManifestSHA256 string
	// Opening is the 32 bytes of the opening value in 64 small hexadecimal digits.
	// Only who opened the notice knows them.
	Opening string
	// Representative is who acknowledges.
	Representative Representative
	// Certificate is the fingerprint of the key that signs.
	Certificate Fingerprint
	// Decision is the answer.
	Decision Decision
	// Time is when, in UTC, cut to seconds.
	Time time.Time
	// SessionNonce is what the server handed out with the notice, 16 bytes in 32
	// small hexadecimal digits; it ties the receipt to the session that fetched it.
	SessionNonce string
}

func (a *Acknowledgement) text() []byte {
	return writeText(acknowledgementFirstLine,
		textLine{"institution", string(a.Institution)},
		textLine{"notice", string(a.Notice)},
		textLine{"version", strconv.Itoa(a.Version)},
		textLine{"manifest-sha256", a.ManifestSHA256},
		textLine{"opening", a.Opening},
		textLine{"representative", a.Representative.String()},
		textLine{"certificate", string(a.Certificate)},
		textLine{"decision", string(a.Decision)},
		textLine{"time", formatTextTime(a.Time)},
		textLine{"session-nonce", a.SessionNonce})
}

// Encode returns the text. What ParseAcknowledgement would refuse is refused.
func (a *Acknowledgement) Encode() ([]byte, error) {
	text := a.text()
	if _, err := ParseAcknowledgement(text); err != nil {
		return nil, err
	}
	return text, nil
}

// Form returns the text with the line "opening" left empty, whatever Opening is:
// what the portal shows to somebody who signs with a tool of their own. They
// copy that one line from the opened notice, where it stands in the same form.
func (a *Acknowledgement) Form() ([]byte, error) {
	filled := *a
	filled.Opening = hex.EncodeToString(make([]byte, openingSize))
	if _, err := filled.Encode(); err != nil {
		return nil, err
	}
	filled.Opening = ""
	return filled.text(), nil
}

// ParseAcknowledgement reads what Encode writes. White space at the ends of lines,
// empty lines below the text and a missing last line feed are forgiven, because
// clear-signing does not keep them. The error names the line.
func ParseAcknowledgement(text []byte) (*Acknowledgement, error) {
	r := readSignedByHand("acknowledgement", acknowledgementFirstLine, text, MaxAcknowledgementSize)
	a := &Acknowledgement{
		Institution:    r.fingerprint("institution"),
		Notice:         r.notice("notice"),
		Version:        r.integer("version", maxVersion),
		ManifestSHA256: r.hex("manifest-sha256", 32),
		Opening:        r.opening("opening"),
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

func (r *textReader) representative(key string) Representative {
	value := r.value(key)
	representative, err := ParseRepresentative(value)
	if err != nil || representative.String() != value {
		r.wrong(key, "a representative's number with its ordinal, such as S-7K2M9QXD/2")
	}
	return representative
}

func (r *textReader) decision(key string) Decision {
	decision, err := ParseDecision(r.value(key))
	if err != nil {
		r.wrong(key, "acknowledged or refused")
	}
	return decision
}

// opening reads the one value that people copy by hand, and says where it stands.
func (r *textReader) opening(key string) string {
	if r.err != nil {
		return ""
	}
	if r.number < len(r.lines) && r.lines[r.number] == key+":" {
		r.number++
		r.fail("(%q) is still empty: decrypt the notice, and copy the line that starts with %q from the end of its text", key, key+": ")
		return ""
	}
	return r.hex(key, openingSize)
}

// openingDigest returns the digest that a manifest holds of an opening value in
// hexadecimal digits, "" for something else.
func openingDigest(opening string) string {
	value, err := hex.DecodeString(opening)
	if err != nil || len(value) != openingSize {
		return ""
	}
	digest := sha256.Sum256(value)
	return hex.EncodeToString(digest[:])
}
