package crypto

import (
	"errors"
	"fmt"
	"strings"
)

// Fingerprint is a v4 (40) or v6 (64) fingerprint in upper-case hexadecimal without spaces.
type Fingerprint string

// ParseFingerprint reads a fingerprint as it stands on paper or in another
// program's output: spaces, line breaks, colons, small letters and a leading 0x
// are forgiven. Key ids (8 or 16 digits) are refused, because they can be
// forged.
func ParseFingerprint(text string) (Fingerprint, error) {
	bare := strings.Map(func(r rune) rune {
		if r == ':' || isSeparator(r) {
			return -1
		}
		return r
	}, text)
	bare = strings.ToUpper(bare)
	bare = strings.TrimPrefix(bare, "0X")
	for _, r := range bare {
		if !strings.ContainsRune("0123456789ABCDEF", r) {
			return "", fmt.Errorf("the fingerprint holds %q: it is made of the digits 0–9 and the letters A–F", r)
		}
	}
	switch len(bare) {
	case 40, 64:
		return Fingerprint(bare), nil
	case 0:
		return "", errors.New("the fingerprint is missing")
	case 8, 16:
		return "", errors.New("this is a key id, which can be forged; give the whole fingerprint, 40 or 64 digits")
	}
	return "", fmt.Errorf("the fingerprint has %d digits, it must have 40 or 64", len(bare))
}

// Spaced returns the fingerprint in groups of four, as on paper.
func (f Fingerprint) Spaced() string {
	var b strings.Builder
	for i := 0; i < len(f); i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(f[i:min(i+4, len(f))]))
	}
	return b.String()
}
