package courier

import (
	"bytes"
	"errors"
	"mime"
	"regexp"
	"strings"
)

// Bounds of a mail that is looked at. Nothing in a mail is ever decompressed.
const (
	maxHeader      = 128 << 10 // octets of one entity's header, the mail's own included
	maxHeaderLines = 2000
	maxDepth       = 8  // entities in entities
	maxParts       = 60 // of all depths together
	maxBoundary    = 200
	maxText        = 2 << 20 // octets of a decoded part that is searched for a receipt
	maxReceipts    = 4       // signed texts that are looked at
)

var errBroken = errors.New("it is no mail, or one that is nested too deeply or has too many parts")

// entity is a mail, or a part of one.
type entity struct {
	fields []field
	kind   string // media type in small letters
	params map[string]string
	whole  []byte // as it came, header included
	body   []byte // likewise, not decoded
	parts  []*entity

	searched []byte // what text returned
}

type field struct{ name, value string } // name in small letters; value unfolded

// parseMail takes a mail apart. It never fails on what mail programs send in practice; what goes beyond the bounds is refused. That is where it differs from package mail, which shows a person what there is: here
// something is done because of what a mail says, so what can't be read as a whole says nothing.
func parseMail(raw []byte) (*entity, error) {
	parts := 0
	return parseEntity(raw, 0, &parts, "text/plain")
}

func parseEntity(raw []byte, depth int, parts *int, otherwise string) (*entity, error) {
	if *parts++; depth > maxDepth || *parts > maxParts {
		return nil, errBroken
	}
	e := &entity{kind: otherwise, params: map[string]string{}}
	header, body, err := splitHeader(raw)
	if err != nil {
		return nil, err
	}
	e.whole, e.body = raw, body
	if e.fields, err = parseFields(header); err != nil {
		return nil, err
	}
	if value := e.field("content-type"); value != "" {
		kind, params, err := mime.ParseMediaType(value)
		if err == nil || errors.Is(err, mime.ErrInvalidMediaParameter) {
			e.kind = strings.ToLower(kind)
		}
		if params != nil {
			e.params = params
		}
	}
	if !strings.HasPrefix(e.kind, "multipart/") {
		return e, nil
	}
	boundary := e.params["boundary"]
	if boundary == "" || len(boundary) > maxBoundary {
		return nil, errBroken
	}
	below := "text/plain"
	if e.kind == "multipart/digest" {
		below = "message/rfc822"
	}
	pieces, err := cutAtBoundary(body, boundary, maxParts-*parts)
	if err != nil {
		return nil, err
	}
	for _, piece := range pieces {
		part, err := parseEntity(piece, depth+1, parts, below)
		if err != nil {
			return nil, err
		}
		e.parts = append(e.parts, part)
	}
	return e, nil
}

// splitHeader cuts at the first empty line.
func splitHeader(raw []byte) (header, body []byte, err error) {
	for at := 0; at < len(raw) && at <= maxHeader; {
		end := bytes.IndexByte(raw[at:min(len(raw), at+maxHeader)], '\n')
		if end < 0 {
			break
		}
		if line := bytes.TrimSuffix(raw[at:at+end], []byte("\r")); len(line) == 0 {
			return raw[:at], raw[at+end+1:], nil
		}
		at += end + 1
	}
	if len(raw) > maxHeader {
		return nil, nil, errBroken
	}
	return raw, nil, nil
}

func parseFields(header []byte) (fields []field, err error) {
	lines := 0
	var folded []string // the value that is open, line by line: to put it together each time would take time by the square of the lines
	unfold := func() {
		if len(folded) > 1 {
			fields[len(fields)-1].value = strings.Join(folded, " ")
		}
	}
	for line := range bytes.Lines(header) {
		if lines++; lines > maxHeaderLines {
			return nil, errBroken
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text != "" && (text[0] == ' ' || text[0] == '\t') {
			if len(fields) > 0 {
				folded = append(folded, strings.TrimSpace(text))
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			continue // "From " of mailbox files, and worse
		}
		unfold()
		fields = append(fields, field{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
		folded = append(folded[:0], fields[len(fields)-1].value)
	}
	unfold()
	return fields, nil
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

// cutAtBoundary returns the parts of a multipart body (RFC 2046, section 5.1.1). One whose end is missing has been cut off on its way; its last part is taken as it is.
func cutAtBoundary(body []byte, boundary string, most int) (parts [][]byte, err error) {
	delimiter := []byte("--" + boundary)
	begin := -1
	for at := 0; at < len(body); {
		end := bytes.IndexByte(body[at:], '\n')
		next := at + end + 1
		if end < 0 {
			next = len(body)
		}
		if rest, ok := bytes.CutPrefix(body[at:next], delimiter); ok {
			last := bytes.HasPrefix(rest, []byte("--"))
			if last {
				rest = rest[2:]
			}
			if len(bytes.Trim(rest, " \t\r\n")) == 0 {
				if begin >= 0 {
					parts = append(parts, trimLineEnd(body[begin:max(begin, at)]))
				}
				if len(parts) > most {
					return nil, errBroken
				}
				if begin = next; last {
					return parts, nil
				}
			}
		}
		at = next
	}
	if begin >= 0 {
		parts = append(parts, body[begin:])
	}
	return parts, nil
}

// trimLineEnd takes the line end away that belongs to the delimiter.
func trimLineEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// text returns a part decoded, as much of it as is searched. Several look for something of theirs in it, so it is decoded once.
func (e *entity) text() []byte {
	if e.searched == nil && len(e.body) <= 2*maxText {
		decoded := e.decoded()
		e.searched = decoded[:min(len(decoded), maxText)]
	}
	return e.searched
}

// walk visits the leaves.
func (e *entity) walk(visit func(*entity)) {
	if len(e.parts) == 0 {
		visit(e)
	}
	for _, p := range e.parts {
		p.walk(visit)
	}
}

// find returns the first entity of one of some kinds, in the order of the mail.
func (e *entity) find(kinds ...string) *entity {
	for _, kind := range kinds {
		if e.kind == kind {
			return e
		}
	}
	for _, p := range e.parts {
		if found := p.find(kinds...); found != nil {
			return found
		}
	}
	return nil
}

const (
	signedBegin = "-----BEGIN PGP SIGNED MESSAGE-----"
	signedEnd   = "-----END PGP SIGNATURE-----"
	receiptLine = "valise acknowledgement v1"
)

// receipt is a clear-signed text in a mail, in each way in which it can be read: as it stands, and with what mail programs do to it undone. Which one it was only the signature says.
type receipt [][]byte

// receipts finds them, wherever in the mail they stand. claimed says that there is something in it that seems to be meant as one, signed or not.
func (e *entity) receipts() (found []receipt, claimed bool) {
	e.walk(func(part *entity) {
		if strings.HasPrefix(part.kind, "image/") || strings.HasPrefix(part.kind, "message/") || part.kind == "text/html" {
			return
		}
		text := part.text()
		claimed = claimed || bytes.Contains(text, []byte(receiptLine))
		for len(found) < maxReceipts {
			at := bytes.Index(text, []byte(signedBegin))
			if at < 0 {
				return
			}
			line := bytes.LastIndexByte(text[:at], '\n') + 1
			length := bytes.Index(text[at:], []byte(signedEnd))
			if length < 0 {
				return
			}
			block := text[line : at+length+len(signedEnd)]
			text = text[at+length+len(signedEnd):]
			if r := readings(string(block), at-line, part.params); len(r) > 0 && len(block) < maxReceiptBlock {
				found = append(found, r)
			}
		}
	})
	return found, claimed
}

const maxReceiptBlock = 64 << 10

// brokenAfterKey is a line of a receipt that a mail program broke behind the colon, since a word that is longer than its lines follows.
var brokenAfterKey = regexp.MustCompile(`(?m)^([a-z0-9-]+:) *\n([0-9a-fA-F]{32,128}) *$`)

// readings returns a block of text as it can be meant. quoted is how many octets stand before its first line's hyphens: the marks with which mail programs quote.
func readings(block string, quoted int, params map[string]string) (all receipt) {
	plain := strings.NewReplacer("\r\n", "\n", "\u00a0", " ").Replace // which makes texts shorter, so quoted is good for block as it came only
	prefix := plain(block[:quoted])
	block = plain(block)
	if strings.Trim(prefix, "> |\t") != "" {
		return nil
	}
	if prefix != "" {
		lines := strings.Split(block, "\n")
		for i, line := range lines {
			rest, ok := strings.CutPrefix(line, prefix)
			if !ok {
				rest = strings.TrimPrefix(line, strings.TrimRight(prefix, " \t"))
			}
			lines[i] = rest
		}
		block = strings.Join(lines, "\n")
	}
	add := func(text string) {
		for _, other := range all {
			if string(other) == text+"\n" {
				return
			}
		}
		all = append(all, []byte(text+"\n"))
	}
	add(block)
	joined := brokenAfterKey.ReplaceAllString(block, "$1 $2")
	if strings.EqualFold(params["format"], "flowed") {
		add(unflow(block, strings.EqualFold(params["delsp"], "yes")))
	}
	add(joined)
	return all
}

// unflow puts flowed lines together (RFC 3676, section 4).
func unflow(text string, deleteSpace bool) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimPrefix(line, " ") // space-stuffed
		if strings.HasSuffix(line, " ") && line != "-- " && strings.TrimSpace(line) != "" {
			if deleteSpace {
				line = line[:len(line)-1]
			}
			b.WriteString(line)
			continue
		}
		b.WriteString(line + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// report is what a mail server says about a mail of ours (RFC 3464).
type report struct {
	envelope string // what we named the mail
	id       string // Message-ID of the mail that came back
	final    bool
	status   string // "5.1.1"; "" when it isn't said
}

var statusCode = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}`)

// report reads one; ok is false when the mail is none, or says that all is well.
func (e *entity) report() (r report, ok bool) {
	if e.kind != "multipart/report" {
		return r, false
	}
	status := e.find("message/delivery-status", "message/global-delivery-status")
	if status == nil || len(status.body) > maxHeader {
		return r, false
	}
	body := status.text()
	for block := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n\n") {
		fields, err := parseFields([]byte(block))
		if err != nil {
			return r, false
		}
		about := &entity{fields: fields}
		if id := about.field("original-envelope-id"); id != "" {
			r.envelope = id
		}
		action := strings.ToLower(about.field("action"))
		if action != "failed" && action != "delayed" {
			continue
		}
		code := statusCode.FindString(about.field("status"))
		if final := action == "failed"; !ok || final {
			r.final, r.status, ok = final, code, true
		}
	}
	if returned := e.find("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers"); returned != nil {
		header, _, err := splitHeader(returned.text())
		if err == nil {
			if fields, err := parseFields(header); err == nil {
				r.id = (&entity{fields: fields}).field("message-id")
			}
		}
	}
	return r, ok
}

// automatic says whether a program wrote the mail (RFC 3834, and what others do).
func (e *entity) automatic() bool {
	auto := strings.ToLower(e.field("auto-submitted"))
	precedence := strings.ToLower(e.field("precedence"))
	return auto != "" && !strings.HasPrefix(auto, "no") || precedence == "bulk" || precedence == "junk" || precedence == "auto_reply" || e.field("x-autoreply") != ""
}
