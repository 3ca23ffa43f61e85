package crypto

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// The MIME encoding of a content. It is written by hand, since the standard
// library's encoders promise no fixed spelling, and a content has exactly one.

const (
	crlf = "\r\n"

	typeField        = "Content-Type: "
	languageField    = "Content-Language: "
	encodingField    = "Content-Transfer-Encoding: "
	dispositionField = "Content-Disposition: attachment; "
	subjectField     = "Subject: "
	outerField       = "HP-Outer: "

	boundaryParameter = `boundary="`
	fileNameParameter = "filename*=utf-8''" // RFC 2231, section 4

	maxMailLine   = 998 // octets without CR LF (RFC 5322, section 2.1.1)
	maxEncodeLine = 76  // characters of an encoded line (RFC 2045, sections 6.7 and 6.8)
	maxHeaderLine = 78

	// unknownAddress stands where a mailbox must have an address (RFC 5322,
	// section 3.4) while what is meant is the institution, whatever its address is
	// by the time that somebody reads it.
	unknownAddress = "<institution@valise.invalid>"

	// mailDate is RFC 5322, section 3.3; times are in UTC.
	mailDate = "Mon, 02 Jan 2006 15:04:05 +0000"
)

// boundary derives from the opening value, so no text can hold it by chance.
func (c *Content) boundary() string { return boundaryOf(c.Opening) }

func boundaryOf(secret string) string {
	return "valise-" + sha256Hex([]byte("valise boundary " + secret))[:32]
}

// mime writes the entity.
func (c *Content) mime() []byte {
	return (&entity{
		boundary: c.boundary(), sender: c.From, address: unknownAddress, to: "Recipients of " + string(c.Notice), created: c.Created,
		languages: c.Languages, facts: c.openingText(), attachments: c.Attachments,
	}).mime()
}

// entity is what is sealed, before it is written.
type entity struct {
	boundary, sender, address, to string
	created                       time.Time
	subject                       string // "": that of the first language
	languages                     []LanguageVersion
	facts                         []byte // the text that machines read
	attachments                   []Attachment
}

func (e *entity) mime() []byte {
	var b strings.Builder
	e.writeHeader(&b)
	next := crlf + "--" + e.boundary
	for i, l := range e.languages {
		b.WriteString(next + crlf)
		l.write(&b, i == 0)
	}
	b.WriteString(next + crlf)
	writeOpeningPart(&b, e.facts)
	for _, a := range e.attachments {
		b.WriteString(next + crlf)
		a.write(&b)
	}
	b.WriteString(next + "--" + crlf)
	return []byte(b.String())
}

// writeHeader writes the protected header fields, and with HP-Outer (RFC 9788,
// section 2.2) which of them a mail shows outside, and how: sender and date as
// they are, no subject, no recipient.
func (e *entity) writeHeader(b *strings.Builder) {
	from := encodeSender(e.sender) + crlf + " " + e.address + crlf
	date := "Date: " + e.created.UTC().Format(mailDate) + crlf
	b.WriteString("MIME-Version: 1.0" + crlf)
	b.WriteString(date + from)
	b.WriteString("To: " + e.to + ":;" + crlf)
	subject := e.subject
	if subject == "" {
		subject = e.languages[0].Subject
	}
	b.WriteString(encodeWords(subjectField, subject) + crlf)
	b.WriteString(outerField + date)
	b.WriteString(outerField + from)
	b.WriteString(outerField + "To: undisclosed-recipients:;" + crlf)
	b.WriteString(outerField + "Subject: [...]" + crlf)
	b.WriteString(typeField + "multipart/mixed; " + boundaryParameter + e.boundary + `";` + crlf + ` protected-headers="v1"; hp="cipher"` + crlf)
}

func (l LanguageVersion) write(b *strings.Builder, first bool) {
	legacy := ""
	if first { // its subject is the message's, so a program that shows that may hide it here
		legacy = `; hp-legacy-display="1"`
	}
	body := strings.ReplaceAll(subjectField+l.Subject+"\n\n"+l.Text, "\n", crlf)
	encoding := "8bit"
	if longestLine(body) > maxMailLine {
		encoding, body = "quoted-printable", encodeQuotedPrintable(body)
	}
	b.WriteString(typeField + `text/plain; charset="utf-8"` + legacy + crlf)
	b.WriteString(languageField + l.Language + crlf)
	b.WriteString(encodingField + encoding + crlf)
	b.WriteString("Content-Disposition: inline" + crlf + crlf)
	b.WriteString(body)
}

func writeOpeningPart(b *strings.Builder, text []byte) {
	b.WriteString(typeField + `text/plain; charset="utf-8"` + crlf)
	b.WriteString(encodingField + "8bit" + crlf)
	b.WriteString("Content-Disposition: inline" + crlf + crlf)
	b.WriteString(strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), "\n", crlf))
}

func (a Attachment) write(b *strings.Builder) {
	b.WriteString(typeField + a.Type + crlf)
	b.WriteString(encodingField + "base64" + crlf)
	b.WriteString(dispositionField + fileNameParameter + encodeParameter(a.Name) + crlf + crlf)
	encoded := base64.StdEncoding.EncodeToString(a.Data)
	for len(encoded) > maxEncodeLine {
		b.WriteString(encoded[:maxEncodeLine] + crlf)
		encoded = encoded[maxEncodeLine:]
	}
	b.WriteString(encoded)
}

func longestLine(text string) int {
	longest := 0
	for line := range strings.SplitSeq(text, crlf) {
		longest = max(longest, len(line))
	}
	return longest
}

const upperHex = "0123456789ABCDEF"

// encodeQuotedPrintable is RFC 2045, section 6.7, for text with CR LF line ends.
func encodeQuotedPrintable(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, crlf) {
		if i > 0 {
			b.WriteString(crlf)
		}
		column := 0
		for j := range len(line) {
			c := line[j]
			last := j == len(line)-1
			plain := c >= '!' && c <= '~' && c != '=' || (c == ' ' || c == '\t') && !last
			size := 1
			if !plain {
				size = 3
			}
			if column+size > maxEncodeLine-1 {
				b.WriteString("=" + crlf)
				column = 0
			}
			if plain {
				b.WriteByte(c)
			} else {
				b.Write([]byte{'=', upperHex[c>>4], upperHex[c&15]})
			}
			column += size
		}
	}
	return b.String()
}

// decodeQuotedPrintable undoes encodeQuotedPrintable.
func decodeQuotedPrintable(text string) (string, error) {
	text = strings.ReplaceAll(text, "="+crlf, "")
	return decodeHex(text, '=')
}

// decodeHex replaces mark and two hexadecimal digits by the octet that they stand for.
func decodeHex(text string, mark byte) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, mark)
		if i < 0 {
			b.WriteString(text)
			return b.String(), nil
		}
		b.WriteString(text[:i])
		if len(text) < i+3 {
			return "", errors.New("an encoded character is cut off")
		}
		octet, err := hex.DecodeString(text[i+1 : i+3])
		if err != nil {
			return "", errors.New("an encoded character is damaged")
		}
		b.Write(octet)
		text = text[i+3:]
	}
}

// encodeParameter writes the value of a parameter (RFC 2231, section 4): letters,
// digits, and - . _ as they are, all else as % and two hexadecimal digits.
func encodeParameter(value string) string {
	var b strings.Builder
	for i := range len(value) {
		switch c := value[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

func decodeParameter(value string) (string, error) { return decodeHex(value, '%') }

// encodeSender writes a sender's field up to the address: the name as a quoted
// string (RFC 5322, section 3.2.4) if that can hold it, else in encoded words. It
// leaves room for "HP-Outer: " in front, so that both fields are folded alike.
func encodeSender(name string) string {
	const field = "From: "
	quoted := `"` + name + `"`
	if isPrintableASCII(name) && !strings.ContainsAny(name, `"\`) && !strings.Contains(name, "=?") && len(outerField+field+quoted) <= maxHeaderLine {
		return field + quoted
	}
	return strings.TrimPrefix(encodeAllWords(outerField+field, name), outerField)
}

// encodeWords writes a header field whose value is text. Printable ASCII that fits
// on the line stays; all else becomes encoded words (RFC 2047).
func encodeWords(field, value string) string {
	if isPrintableASCII(value) && !strings.Contains(value, "=?") && len(field)+len(value) <= maxHeaderLine {
		return field + value
	}
	return encodeAllWords(field, value)
}

func isPrintableASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// encodeAllWords writes encoded words, one a line.
func encodeAllWords(field, value string) string {
	const start, end = "=?utf-8?B?", "?="
	var b strings.Builder
	b.WriteString(field)
	room := func(column int) int { return (maxHeaderLine - 3 - column - len(start) - len(end)) / 4 * 3 }
	space := room(len(field))
	for {
		n := min(space, len(value))
		for n < len(value) && !utf8.RuneStart(value[n]) { // a character isn't cut (RFC 2047, section 5)
			n--
		}
		b.WriteString(start + base64.StdEncoding.EncodeToString([]byte(value[:n])) + end)
		if value = value[n:]; value == "" {
			return b.String()
		}
		b.WriteString(crlf + " ")
		space = room(1)
	}
}
