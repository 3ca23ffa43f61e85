package crypto

import (
	"strings"
	"time"
)

const (
	logInFirstLine = "valise login v1"

	// MaxLogInSize is the size in bytes of the largest log-in text accepted.
	MaxLogInSize = 1 << 10

	nonceSize = 16
)

// LogIn is the text that a person signs to log in: "valise login v1". The server
// writes it, but a client never signs it before it has compared Origin with the
// address it talks to and As with its own number. See docs/formats.md.
type LogIn struct {
	// Origin is the portal's, as browsers write it: "https://portal.example" or
	// "http://localhost:8080", without path and in small letters.
	Origin string
	// As is a representative's number with its ordinal, or a staff member's fingerprint.
	As string
	// Nonce is the server's, 16 bytes in 32 small hexadecimal digits, good for one log-in.
	Nonce string
	// Time is when the server drew the nonce, in UTC, cut to seconds.
	Time time.Time
}

// NewNonce draws a nonce for a log-in text or for a receipt: 32 hexadecimal digits.
func NewNonce() string { return randomHex(nonceSize) }

// Encode returns the text. What ParseLogIn would refuse is refused.
func (l *LogIn) Encode() ([]byte, error) {
	text := writeText(logInFirstLine,
		textLine{"origin", l.Origin},
		textLine{"as", l.As},
		textLine{"nonce", l.Nonce},
		textLine{"time", formatTextTime(l.Time)})
	if _, err := ParseLogIn(text); err != nil {
		return nil, err
	}
	return text, nil
}

// ParseLogIn reads what Encode writes. White space at the ends of lines, empty
// lines below the text and a missing last line feed are forgiven, because
// clear-signing does not keep them. The error names the line.
func ParseLogIn(text []byte) (*LogIn, error) {
	r := readSignedByHand("log-in text", logInFirstLine, text, MaxLogInSize)
	l := &LogIn{Origin: r.value("origin")}
	if !isOrigin(l.Origin) {
		r.wrong("origin", "the portal's address without a path, such as https://portal.example, in small letters")
	}
	l.As = r.value("as")
	if !isHolder(l.As) {
		r.wrong("as", "a representative's number with its ordinal, such as S-7K2M9QXD/2, or a fingerprint in capitals without spaces")
	}
	l.Nonce = r.hex("nonce", nonceSize)
	l.Time = r.time("time")
	if err := r.end(); err != nil {
		return nil, err
	}
	return l, nil
}

// isHolder says whether text is a representative's number or a fingerprint in its one spelling.
func isHolder(text string) bool {
	if r, err := ParseRepresentative(text); err == nil {
		return r.String() == text
	}
	f, err := ParseFingerprint(text)
	return err == nil && string(f) == text
}

// isOrigin says whether text is the origin of an address in its one spelling
// (RFC 6454, section 6.2), as far as characters go.
func isOrigin(text string) bool {
	host, ok := strings.CutPrefix(text, "https://")
	if !ok {
		host, ok = strings.CutPrefix(text, "http://")
	}
	return ok && host != "" && len(host) <= 260 && strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == ""
}
