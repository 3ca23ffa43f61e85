package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// Bounds of a mail that is read; what lies beyond is in no text and no list of files, only in the mail itself.
const (
	maxHeader      = 128 << 10 // octets of one entity's header
	maxHeaderLines = 2000      // of one entity's header
	maxDepth       = 8         // entities in entities
	maxParts       = 60        // of all depths together
	maxBoundary    = 200       // octets
)

// entity is a mail, or a part of one.
type entity struct {
	raw    []byte // header and body
	fields []field
	kind   string // media type in small letters
	params map[string]string
	body   []byte // as it came, not decoded
	parts  []*entity
}

type field struct{ name, value string } // name in small letters; value unfolded

// parse reads a MIME entity; nil when it is none: when it doesn't begin with a header that has the field Content-Type.
func parse(content []byte) *entity {
	header, _, ok := splitHeader(content)
	if !ok {
		return nil
	}
	fields, ok := parseFields(header)
	if !ok || (&entity{fields: fields}).field("content-type") == "" {
		return nil
	}
	parts := 0
	return parseEntity(content, 0, &parts)
}

// parseEntity reads one part. One that goes beyond the bounds has no parts of its own.
func parseEntity(raw []byte, depth int, parts *int) *entity {
	*parts++
	e := &entity{raw: raw, kind: "text/plain", body: raw}
	if header, body, ok := splitHeader(raw); ok {
		if fields, ok := parseFields(header); ok {
			e.fields, e.body = fields, body
		}
	}
	if value := e.field("content-type"); value != "" {
		kind, params, err := mime.ParseMediaType(value)
		if kind == "" || err != nil && params == nil && kind == "" {
			kind = "application/octet-stream"
		}
		e.kind, e.params = strings.ToLower(kind), params
	}
	boundary := e.params["boundary"]
	if !strings.HasPrefix(e.kind, "multipart/") || depth >= maxDepth || boundary == "" || len(boundary) > maxBoundary {
		return e
	}
	for _, piece := range cutAtBoundary(e.body, boundary, maxParts) {
		if *parts >= maxParts {
			break
		}
		e.parts = append(e.parts, parseEntity(piece, depth+1, parts))
	}
	return e
}

// splitHeader cuts at the first empty line; ok is false when there is none within the bounds.
func splitHeader(raw []byte) (header, body []byte, ok bool) {
	window := raw[:min(len(raw), maxHeader)]
	for at := 0; at < len(window); {
		end := bytes.IndexByte(window[at:], '\n')
		if end < 0 {
			return nil, nil, false
		}
		if len(bytes.TrimSuffix(window[at:at+end], []byte("\r"))) == 0 {
			return raw[:at], raw[at+end+1:], true
		}
		at += end + 1
	}
	return nil, nil, false
}

// parseFields reads header fields; ok is false when there is a line that is none, or there are too many.
func parseFields(header []byte) (fields []field, ok bool) {
	if bytes.Count(header, []byte("\n")) > maxHeaderLines {
		return nil, false
	}
	var folded []string // the value that is open, line by line: to put it together each time would take time by the square of the lines
	unfold := func() {
		if len(folded) > 1 {
			fields[len(fields)-1].value = strings.Join(folded, " ")
		}
	}
	for line := range bytes.Lines(header) {
		text := strings.TrimRight(string(line), "\r\n")
		if strings.HasPrefix(text, " ") || strings.HasPrefix(text, "\t") {
			if len(fields) == 0 {
				return nil, false
			}
			folded = append(folded, strings.TrimSpace(text))
			continue
		}
		name, value, found := strings.Cut(text, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") {
			return nil, false
		}
		unfold()
		fields = append(fields, field{strings.ToLower(name), strings.TrimSpace(value)})
		folded = append(folded[:0], fields[len(fields)-1].value)
	}
	unfold()
	return fields, true
}

// field returns the first of a name, "" when there is none.
func (e *entity) field(name string) string {
	for _, f := range e.fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// cutAtBoundary returns the parts of a multipart body (RFC 2046, section 5.1.1), each without the line end that belongs to the delimiter behind it. The last part of one whose end is missing is taken as it is.
func cutAtBoundary(body []byte, boundary string, most int) (parts [][]byte) {
	delimiter := []byte("--" + boundary)
	begin := -1
	for at := 0; at < len(body) && len(parts) < most; {
		next := len(body)
		if end := bytes.IndexByte(body[at:], '\n'); end >= 0 {
			next = at + end + 1
		}
		if rest, ok := bytes.CutPrefix(body[at:next], delimiter); ok {
			rest, last := bytes.CutPrefix(rest, []byte("--"))
			if len(bytes.Trim(rest, " \t\r\n")) == 0 {
				if begin >= 0 {
					part := bytes.TrimSuffix(body[begin:max(begin, at)], []byte("\n"))
					parts = append(parts, bytes.TrimSuffix(part, []byte("\r")))
				}
				if begin = next; last {
					return parts
				}
			}
		}
		at = next
	}
	if begin >= 0 && begin < len(body) && len(parts) < most {
		parts = append(parts, body[begin:])
	}
	return parts
}

func (e *entity) decoded() []byte { return Decode(e.field("content-transfer-encoding"), e.body) }

// Decode returns a part's octets without its transfer encoding (RFC 2045, section 6), up to where that is damaged. They are never more than what came; without an encoding they are what came itself.
func Decode(encoding string, body []byte) []byte {
	var r io.Reader = bytes.NewReader(body)
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, digits{r})
	default:
		return body
	}
	decoded, _ := io.ReadAll(r)
	return decoded
}

// digits drops what mail programs put between digits of base 64.
type digits struct{ r io.Reader }

func (d digits) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	kept := p[:0]
	for _, c := range p[:n] {
		if c == '+' || c == '/' || c == '=' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			kept = append(kept, c)
		}
	}
	return len(kept), err
}
