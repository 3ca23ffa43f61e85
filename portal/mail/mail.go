package mail

import (
	"bytes"
	"mime"
	"strings"
)

// MaxText is how many bytes of text are shown; a longer one is cut there, and is whole in the mail itself.
const MaxText = 1 << 20

// Mail is what one says, as text, and what files are with it.
type Mail struct {
	Subject string // that its writer's program put inside; "" when there is none
	Text    string // with line ends LF
	HTML    bool   // there was no text, and this was made of HTML
	Cut     bool   // the text is longer than MaxText
	Files   []File
}

// File is something that came with a mail. Nobody looked into it.
type File struct {
	Name string // one line without anything that names a place: "list.pdf"
	Type string // as the mail says: "application/pdf"
	Data []byte
}

// WholeName is the name of the file that is the mail itself.
const WholeName = "mail.eml"

// Read reads a MIME entity, or a text. The last of the files is what was given, to the octet.
func Read(content []byte) *Mail {
	m := &Mail{}
	if e := parse(content); e != nil {
		m.Subject = oneLine(decodeWords(e.field("subject")))
		r := reader{mail: m}
		r.read(e)
		m.Text = r.text.String()
	} else {
		text := content[:min(len(content), maxSource)]
		m.Text, m.Cut = plainText(toUTF8(text, "")), len(text) < len(content)
	}
	if m.Text = strings.Trim(m.Text, "\n"); len(m.Text) > MaxText {
		m.Text, m.Cut = strings.ToValidUTF8(m.Text[:MaxText], ""), true
	}
	m.Files = append(m.Files, File{WholeName, "message/rfc822", content})
	return m
}

// Signed takes a mail apart that is signed as a whole (multipart/signed, RFC 3156, section 5): what was signed, header fields included, and the signature beside it. Only the outermost entity counts: what stands beside a signed
// part was signed by nobody.
func Signed(content []byte) (part, signature []byte, ok bool) {
	e := parse(content).innermost()
	if e == nil || e.kind != "multipart/signed" || len(e.parts) != 2 || e.parts[1].kind != "application/pgp-signature" {
		return nil, nil, false
	}
	return e.parts[0].raw, e.parts[1].decoded(), true
}

// innermost passes over wrappers that hold one thing, which some programs make for protected header fields.
func (e *entity) innermost() *entity {
	for e != nil && e.kind == "multipart/mixed" && len(e.parts) == 1 {
		e = e.parts[0]
	}
	return e
}

// OnlyText returns the text of a mail that is nothing else; ok is false for others.
func OnlyText(content []byte) (text []byte, ok bool) {
	e := parse(content)
	switch e = e.innermost(); {
	case e == nil:
		return content, true
	case e.kind != "text/plain" || e.isFile():
		return nil, false
	}
	return []byte(toUTF8(e.decoded(), e.params["charset"])), true
}

// reader puts a mail's texts one after the other.
type reader struct {
	mail *Mail
	text strings.Builder
}

func (r *reader) read(e *entity) {
	switch {
	case len(e.parts) > 0 && e.kind == "multipart/alternative":
		r.read(e.best())
	case len(e.parts) > 0:
		for _, p := range e.parts {
			r.read(p)
		}
	case e.kind == "text/plain" && !e.isFile():
		r.add(plainText(r.textual(e)))
	case e.kind == "text/html" && !e.isFile():
		r.mail.HTML = true
		r.add(plainText(textOfHTML(r.textual(e))))
	case e.kind == "text/rfc822-headers" && strings.EqualFold(e.params["protected-headers"], "v1"): // the subject again, for programs that don't know that it is inside
	case strings.HasPrefix(e.kind, "multipart/") && len(bytes.TrimSpace(e.body)) == 0:
	default:
		r.mail.Files = append(r.mail.Files, e.file(len(r.mail.Files)+1))
	}
}

// best returns the form of several that is shown: a text, else HTML, else the last, which the writer's program thought best.
func (e *entity) best() *entity {
	for _, kind := range []string{"text/plain", "multipart/", "text/html"} {
		for _, p := range e.parts {
			if strings.HasPrefix(p.kind, kind) {
				return p
			}
		}
	}
	return e.parts[len(e.parts)-1]
}

// maxSource is of how much of a part the text is made.
const maxSource = 4 * MaxText

func (r *reader) textual(e *entity) string {
	octets := e.decoded()
	if len(octets) > maxSource {
		octets, r.mail.Cut = octets[:maxSource], true
	}
	return toUTF8(octets, e.params["charset"])
}

func (r *reader) add(text string) {
	if strings.TrimSpace(text) == "" || r.text.Len() > MaxText {
		return
	}
	if r.text.Len() > 0 {
		r.text.WriteString("\n\n")
	}
	r.text.WriteString(strings.Trim(text, "\n"))
}

// isFile says whether a part of text is meant to be saved.
func (e *entity) isFile() bool {
	disposition, _, _ := mime.ParseMediaType(e.field("content-disposition"))
	return disposition == "attachment"
}

func (e *entity) file(n int) File {
	_, params, _ := mime.ParseMediaType(e.field("content-disposition"))
	name := params["filename"]
	if name == "" {
		name = e.params["name"]
	}
	return File{fileName(decodeWords(name), e.kind, n), e.kind, e.decoded()}
}
