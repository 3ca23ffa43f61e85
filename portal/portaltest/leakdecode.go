package portaltest

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"html"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// decoder takes apart what may be one encoding. It hands on everything that could be meant, since nothing says what is.
type decoder struct {
	name   string
	decode func(data []byte, found func([]byte))
}

var decoders = []decoder{
	{"hexadecimal", decodeHex},
	{"base64", decodeBase64},
	{"percent-encoding", inText(percent, unescapePercent)},
	{"quoted-printable", inText(quotedPrintable, unescapeQuotedPrintable)},
	{"escapes", inText(escape, unescape)},
	{"HTML entities", inText(entity, func(text []byte) []byte { return []byte(html.UnescapeString(string(text))) })},
	{"gzip", unzip([]byte{0x1f, 0x8b, 8}, 0, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })},
	{"zlib", unzip([]byte{0x78}, 0, func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) })},
	{"bzip2", unzip([]byte("BZh"), 0, func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil })},
	{"ZIP", decodeZIP},
	{"OpenPGP compression", decodeCompressedPackets},
	{"deflate", func(data []byte, found func([]byte)) { inflate(data, found) }},
}

// minRun is how many characters of an alphabet make it worth trying. Shorter ones are looked for as they would be spelt.
const minRun = 16

// runs hands on each run of octets that belong.
func runs(data []byte, belongs func(byte) bool, run func([]byte)) {
	begin := -1
	for i := 0; i <= len(data); i++ {
		switch in := i < len(data) && belongs(data[i]); {
		case in && begin < 0:
			begin = i
		case !in && begin >= 0:
			if i-begin >= minRun {
				run(data[begin:i])
			}
			begin = -1
		}
	}
}

func lineBreak(c byte) bool { return c == '\r' || c == '\n' }

func withoutLineBreaks(run []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, run)
}

func decodeHex(data []byte, found func([]byte)) {
	digit := func(c byte) bool {
		return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' || lineBreak(c)
	}
	runs(data, digit, func(run []byte) {
		run = withoutLineBreaks(run)
		for shift := range min(2, len(run)) {
			digits := run[shift:]
			octets := make([]byte, len(digits)/2)
			hex.Decode(octets, digits[:len(octets)*2]) // they are digits
			found(octets)
		}
	})
}

func decodeBase64(data []byte, found func([]byte)) {
	character := func(c byte) bool {
		return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '+' || c == '/' || c == '-' || c == '_' || lineBreak(c)
	}
	runs(data, character, func(run []byte) {
		run = withoutLineBreaks(run)
		for i, c := range run { // it is a copy
			switch c {
			case '-':
				run[i] = '+'
			case '_':
				run[i] = '/'
			}
		}
		for shift := range min(4, len(run)) {
			characters := run[shift:]
			if len(characters)%4 == 1 {
				characters = characters[:len(characters)-1]
			}
			octets := make([]byte, base64.RawStdEncoding.DecodedLen(len(characters)))
			n, _ := base64.RawStdEncoding.Decode(octets, characters) // they are of its alphabet
			found(octets[:n])
		}
	})
}

// ------------------------------------------------------------------ escapes in text

var (
	percent         = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	quotedPrintable = regexp.MustCompile(`=([0-9A-Fa-f]{2}|[ \t]*\r?\n)`)
	escape          = regexp.MustCompile(`\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|u\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{2}|[0-7]{3}|["\\/bfnrt'])`)
	entity          = regexp.MustCompile(`&#?[0-9A-Za-z]+;`)
)

// inText unescapes each stretch of text that holds such an escape.
func inText(escape *regexp.Regexp, unescape func([]byte) []byte) func([]byte, func([]byte)) {
	return func(data []byte, found func([]byte)) {
		for len(data) > 0 {
			n := textLength(data)
			if n >= minSecret && escape.Match(data[:n]) {
				found(unescape(data[:n]))
			}
			if n == len(data) {
				return
			}
			_, size := utf8.DecodeRune(data[n:])
			data = data[n+size:]
		}
	}
}

// textLength is how many octets at the beginning are text in UTF-8.
func textLength(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 || r != '\r' && r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
			return i
		}
		i += size
	}
	return len(data)
}

func unescapePercent(text []byte) []byte {
	plain := percent.ReplaceAllFunc(text, func(e []byte) []byte { return []byte{number(e[1:], 16)} })
	return bytes.ReplaceAll(plain, []byte("+"), []byte(" ")) // in a query; a real plus is found in what it was made from
}

func unescapeQuotedPrintable(text []byte) []byte {
	return quotedPrintable.ReplaceAllFunc(text, func(e []byte) []byte {
		if e[len(e)-1] == '\n' {
			return nil // a soft line break
		}
		return []byte{number(e[1:], 16)}
	})
}

func number(digits []byte, base int) byte {
	n, _ := strconv.ParseUint(string(digits), base, 16) // they are digits
	return byte(n)
}

// unescape undoes the escapes of JSON, JavaScript, C, Go and PostgreSQL's bytea.
func unescape(text []byte) []byte {
	var plain []byte
	var half rune // the first of a surrogate pair
	for len(text) > 0 {
		at := escape.FindIndex(text)
		if at == nil {
			return append(plain, text...)
		}
		if at[0] > 0 {
			half = 0
		}
		plain = append(plain, text[:at[0]]...)
		e := text[at[0]+1 : at[1]]
		text = text[at[1]:]
		switch e[0] {
		case 'u', 'U':
			code, _ := strconv.ParseUint(strings.Trim(string(e[1:]), "{}"), 16, 32)
			r := rune(code)
			if both := utf16.DecodeRune(half, r); both != unicode.ReplacementChar {
				r = both
			}
			if half = 0; utf16.IsSurrogate(r) {
				half = r
				continue
			}
			plain = utf8.AppendRune(plain, r)
		case 'x':
			plain = append(plain, number(e[1:], 16))
		case '0', '1', '2', '3', '4', '5', '6', '7':
			plain = append(plain, number(e, 8))
		default:
			if i := strings.IndexByte("bfnrt", e[0]); i >= 0 {
				plain = append(plain, "\b\f\n\r\t"[i])
			} else {
				plain = append(plain, e[0])
			}
		}
	}
	return plain
}

// ------------------------------------------------------------------ compression

// unzip tries, wherever the magic is, what follows it; skip octets before what open reads.
func unzip(magic []byte, skip int, open func(io.Reader) (io.Reader, error)) func([]byte, func([]byte)) {
	return func(data []byte, found func([]byte)) {
		for {
			at := bytes.Index(data, magic)
			if at < 0 || at+skip >= len(data) {
				return
			}
			if r, err := open(bytes.NewReader(data[at+skip:])); err == nil {
				readable(r, found)
			}
			data = data[at+1:]
		}
	}
}

// readable hands on what can be read; damage behind it doesn't matter.
func readable(r io.Reader, found func([]byte)) {
	plain, _ := io.ReadAll(io.LimitReader(r, maxUnzipped))
	if len(plain) >= minSecret {
		found(plain)
	}
}

func inflate(data []byte, found func([]byte)) {
	readable(flate.NewReader(bytes.NewReader(data)), found)
}

// decodeZIP inflates the files of ZIP archives (APPNOTE.TXT, section 4.3.7), by their local headers.
func decodeZIP(data []byte, found func([]byte)) {
	const header = 30
	for {
		at := bytes.Index(data, []byte("PK\x03\x04"))
		if at < 0 || at+header > len(data) {
			return
		}
		data = data[at:]
		content := header + int(binary.LittleEndian.Uint16(data[26:])) + int(binary.LittleEndian.Uint16(data[28:]))
		if content < len(data) {
			inflate(data[content:], found)
		}
		data = data[4:]
	}
}

// decodeCompressedPackets reads OpenPGP's compressed data packets (RFC 9580, section 5.6), wherever something looks like one.
func decodeCompressedPackets(data []byte, found func([]byte)) {
	for i, c := range data {
		header := 0
		switch c {
		case 0xa0, 0xa1, 0xa2, 0xa3: // of old format: length in 1, 2, 4, no octets
			header = 1 + []int{1, 2, 4, 0}[c-0xa0]
		case 0xc8: // of new format
			if i+1 == len(data) {
				return
			}
			switch l := data[i+1]; {
			case l < 192 || 224 <= l && l < 255: // or of unknown length
				header = 2
			case l < 224:
				header = 3
			default:
				header = 6
			}
		default:
			continue
		}
		if i+header+1 >= len(data) {
			continue
		}
		content := data[i+header+1:]
		switch data[i+header] {
		case 1:
			inflate(content, found)
		case 2:
			if r, err := zlib.NewReader(bytes.NewReader(content)); err == nil {
				readable(r, found)
			}
		case 3:
			if bytes.HasPrefix(content, []byte("BZh")) {
				readable(bzip2.NewReader(bytes.NewReader(content)), found)
			}
		}
	}
}
