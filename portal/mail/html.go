package mail

import (
	"html"
	"strings"
)

// textOfHTML returns the text of HTML as a reader of it would see it, roughly, and where links lead. It is no parser of HTML, and need not be: what comes out is text.
func textOfHTML(source string) string {
	w := htmlText{}
	lower := asciiLower(source)
	for at := 0; at < len(source); {
		open := strings.IndexByte(source[at:], '<')
		if open < 0 {
			w.words(source[at:])
			break
		}
		w.words(source[at : at+open])
		at += open
		rest := lower[at:]
		switch {
		case strings.HasPrefix(rest, "<!--"):
			at += behind(rest, "-->")
		case len(rest) > 1 && (rest[1] == '!' || rest[1] == '?'):
			at += behind(rest, ">")
		case len(rest) > 1 && (rest[1] == '/' || 'a' <= rest[1] && rest[1] <= 'z'):
			size := tagSize(rest)
			name, closing := tagName(rest[:size])
			w.tag(name, closing, source[at:at+size])
			at += size
			if end := "</" + name; !closing && unseen[name] {
				if next := strings.Index(lower[at:], end); next >= 0 {
					at += next
				} else {
					at = len(source)
				}
			}
		default:
			w.words("<")
			at++
		}
	}
	return strings.TrimSpace(w.b.String())
}

// behind returns the size of what ends with a mark, or of all when it isn't there.
func behind(text, mark string) int {
	if at := strings.Index(text, mark); at >= 0 {
		return at + len(mark)
	}
	return len(text)
}

// unseen are elements whose content nobody sees.
var unseen = map[string]bool{"script": true, "style": true, "head": true, "title": true, "template": true, "noscript": true}

// blocks are elements that begin a line; true: after an empty one.
var blocks = map[string]bool{
	"p": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "table": true, "ul": true, "ol": true, "blockquote": true, "pre": true,
	"div": false, "tr": false, "li": false, "hr": false, "dt": false, "dd": false, "section": false, "article": false,
}

// htmlText collects text.
type htmlText struct {
	b     strings.Builder
	space bool   // white space is due
	lines int    // line ends are due
	link  string // where the open link leads
	begin int    // where its text begins
	pre   int    // elements that keep white space
}

func (w *htmlText) words(text string) {
	text = html.UnescapeString(text)
	if w.pre > 0 {
		w.flush()
		w.b.WriteString(text)
		return
	}
	for i, word := range strings.FieldsFunc(text, isHTMLSpace) {
		if i > 0 || isHTMLSpace(rune(text[0])) {
			w.space = true
		}
		w.flush()
		w.b.WriteString(word)
	}
	if text != "" && isHTMLSpace(rune(text[len(text)-1])) {
		w.space = true
	}
}

func isHTMLSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' }

// flush writes the white space that is due.
func (w *htmlText) flush() {
	if w.b.Len() > 0 {
		switch {
		case w.lines > 0:
			w.b.WriteString(strings.Repeat("\n", w.lines))
		case w.space:
			w.b.WriteByte(' ')
		}
	}
	w.space, w.lines = false, 0
}

func (w *htmlText) tag(name string, closing bool, source string) {
	if empty, block := blocks[name]; block {
		n := 1
		if empty {
			n = 2
		}
		w.lines = max(w.lines, n)
	}
	switch {
	case name == "br":
		w.lines = min(w.lines+1, 2)
	case name == "pre" && closing:
		w.pre = max(0, w.pre-1)
	case name == "pre":
		w.pre++
	case (name == "td" || name == "th") && !closing:
		w.space = true
	case name == "li" && !closing:
		w.flush()
		w.b.WriteString("- ")
	case name == "img" && attribute(source, "alt") != "":
		w.words(" [" + attribute(source, "alt") + "] ")
	case name == "a" && !closing:
		w.link, w.begin = attribute(source, "href"), w.b.Len()
	case name == "a":
		if w.link == "" { // also behind the end of one: an end costs nothing, however many there are
			return
		}
		if shown := strings.TrimSpace(w.b.String()[w.begin:]); !strings.HasPrefix(w.link, "#") && w.link != shown && w.link != "mailto:"+shown {
			w.b.WriteString(" <" + w.link + ">")
		}
		w.link = ""
	}
}

// tagSize returns the size of the tag that a text begins with; a ">" within quotes doesn't end it.
func tagSize(text string) int {
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'') && i > 0 && text[i-1] == '=':
			quote = c
		case quote == 0 && c == '>':
			return i + 1
		}
	}
	return len(text)
}

func tagName(tag string) (name string, closing bool) {
	tag = strings.TrimPrefix(tag, "<")
	tag, closing = strings.CutPrefix(tag, "/")
	end := strings.IndexFunc(tag, func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9') })
	if end < 0 {
		end = len(tag)
	}
	return tag[:end], closing
}

const maxAttribute = 2000 // bytes of an attribute that are shown

// attribute returns the value of one of a tag's attributes.
func attribute(tag, name string) string {
	lower := asciiLower(tag)
	for at := 0; ; {
		next := strings.Index(lower[at:], name)
		if next < 0 {
			return ""
		}
		at += next + len(name)
		if before := lower[at-len(name)-1]; !isHTMLSpace(rune(before)) && before != '"' && before != '\'' {
			continue
		}
		value, ok := strings.CutPrefix(strings.TrimLeft(tag[at:], " \t\r\n"), "=")
		if !ok {
			continue
		}
		value = strings.TrimLeft(value, " \t\r\n")
		if value != "" && (value[0] == '"' || value[0] == '\'') {
			value, _, _ = strings.Cut(value[1:], value[:1])
		} else {
			value = value[:strings.IndexFunc(value+">", func(r rune) bool { return isHTMLSpace(r) || r == '>' })]
		}
		if len(value) > maxAttribute {
			value = value[:maxAttribute] + "…"
		}
		return strings.Join(strings.Fields(html.UnescapeString(value)), " ")
	}
}

// asciiLower makes small letters of ASCII's, and changes no octet's place.
func asciiLower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
