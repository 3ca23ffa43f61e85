//go:build desk || !js

package ceremony

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rsc.io/qr"

	"valise/crypto"
)

// letterLanguages are the languages that the letter is written in.
var letterLanguages = []string{"en", "fr"}

// InLetter returns those of an institution's languages that the letter is written in; English when it is in none of them.
func InLetter(languages []string) []string {
	var found []string
	for _, tag := range languages {
		if slices.Contains(letterLanguages, tag) {
			found = append(found, tag)
		}
	}
	if found == nil {
		return []string{"en"}
	}
	return found
}

// Letter is what is filled into the letter with the claim code, as paper has it. None of it is the server's word.
type Letter struct {
	Addressee   []string // empty for individuals: the letter doesn't say whom the institution writes to
	Date        string   // 2026-01-05
	Origin      string
	Number      string
	Code        []string // groups of five
	Fingerprint []string // of the root, groups of four
	SHA256      []string // of the root's public key, groups of eight
	QR          QRCode   // what a telephone reads instead of address, number and code
}

// QRCode is a QR code (ISO/IEC 18004) as the path of an SVG picture, with the quiet zone of four modules.
type QRCode struct {
	Side int    // of the picture, in modules
	Path string // the black ones
}

// WriteLetter fills in the letter to who was issued.
func WriteLetter(t *Trust, origin string, o Order, code crypto.ClaimCode, now time.Time) (*Letter, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	root := t.root.Certificate()
	l := &Letter{
		Date: now.Format(time.DateOnly), Origin: origin, Number: o.Representative.String(), Code: strings.Split(string(code), "-"),
		Fingerprint: strings.Fields(root.Fingerprint().Spaced()), SHA256: groupsOf(root.PublicKeySHA256(), 8),
	}
	if o.Representative.Mailbox.Kind() != crypto.KindIndividual {
		l.Addressee = append(l.Addressee, o.Person)
		if o.Stakeholder != "" {
			l.Addressee = append(l.Addressee, o.Stakeholder)
		}
	}
	var err error
	l.QR, err = drawQR(ClaimAddress(origin, o.Representative, code))
	return l, err
}

// ClaimAddress is what the QR code holds. What stands behind # never leaves the
// browser, and the page takes it off its address at once.
func ClaimAddress(origin string, as crypto.Representative, code crypto.ClaimCode) string {
	return fmt.Sprintf("%s/claim#%s.%d:%s", origin, as.Mailbox, as.Ordinal, code)
}

func groupsOf(text string, size int) []string {
	var groups []string
	for len(text) > size {
		groups, text = append(groups, text[:size]), text[size:]
	}
	return append(groups, text)
}

func drawQR(text string) (QRCode, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return QRCode{}, err
	}
	const quiet = 4
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return QRCode{Side: code.Size + 2*quiet, Path: path.String()}, nil
}
