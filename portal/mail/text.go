package mail

import (
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// charsets are those besides UTF-8 that are read. Others are as good as only by their letters of ASCII; the mail itself has them all.
var charsets = map[string]*charmap.Charmap{
	"iso-8859-1": charmap.Windows1252, "latin1": charmap.Windows1252, "windows-1252": charmap.Windows1252, "us-ascii": charmap.Windows1252, // as all programs read them
	"iso-8859-2": charmap.ISO8859_2, "iso-8859-15": charmap.ISO8859_15, "windows-1250": charmap.Windows1250,
	"windows-1251": charmap.Windows1251, "koi8-r": charmap.KOI8R, "iso-8859-5": charmap.ISO8859_5,
	"windows-1256": charmap.Windows1256, "iso-8859-6": charmap.ISO8859_6,
}

// toUTF8 reads octets in a character set. What is UTF-8 is taken as that, whatever the mail says: hardly a text in another set is by chance.
func toUTF8(octets []byte, charset string) string {
	if !utf8.Valid(octets) {
		if set := charsets[strings.ToLower(charset)]; set != nil {
			if decoded, err := set.NewDecoder().Bytes(octets); err == nil {
				octets = decoded
			}
		}
	}
	return strings.ToValidUTF8(string(octets), "\ufffd")
}

// plainText is a text as it can be shown: line ends LF, no control characters, and none that have it seen in another order than it is written (Unicode Standard Annex #9).
func plainText(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || isReordering(r)) {
			return '\ufffd'
		}
		return r
	}, text)
}

func isReordering(r rune) bool {
	return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

const maxLine = 500 // bytes of a subject or a name that are shown

// oneLine is plainText for what stands on one line.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(plainText(text)), " ")
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "…"
	}
	return text
}

// decodeWords reads encoded words (RFC 2047).
func decodeWords(value string) string {
	decoder := mime.WordDecoder{CharsetReader: func(charset string, input io.Reader) (io.Reader, error) {
		octets, err := io.ReadAll(input)
		return strings.NewReader(toUTF8(octets, charset)), err
	}}
	decoded, err := decoder.DecodeHeader(value)
	if err != nil {
		decoded = value
	}
	return toUTF8([]byte(decoded), "")
}

// fileName is what a file is called that is the n-th of a mail: no name of a place, none that is hidden, nothing invisible.
func fileName(name, kind string, n int) string {
	name = name[strings.LastIndexAny(name, `/\:`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`<>"|?*`, r) || r == '\ufffd' {
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(strings.Join(strings.Fields(name), " "), ".")
	if len(name) > 120 { // keep what it ends with
		name = strings.ToValidUTF8(name[:60], "") + "…" + strings.ToValidUTF8(name[len(name)-50:], "")
	}
	if strings.Trim(name, "._ ") != "" && name != WholeName {
		return name
	}
	end := ".bin"
	switch {
	case kind == "message/rfc822":
		end = ".eml"
	case kind == "text/html":
		end = ".html"
	case strings.HasPrefix(kind, "text/"):
		end = ".txt"
	}
	return fmt.Sprintf("file-%d%s", n, end)
}
