package ledger

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Leaves and openings have the form that every text of Valise has (docs/formats.md,
// "The texts"): UTF-8, LF at the end of every line, a first line that names format and
// version, then "key: value" lines, all of them, in one order and one spelling.

type line struct{ key, value string }

func writeText(first string, lines []line) []byte {
	var b strings.Builder
	b.WriteString(first + "\n")
	for _, l := range lines {
		b.WriteString(l.key + ": " + l.value + "\n")
	}
	return []byte(b.String())
}

// textReader reads a text line by line. The first thing that is wrong is kept in
// err, and everything read after it is "".
type textReader struct {
	what string // for messages: "leaf"
	rest string
	line int // of the line read last
	err  error
}

func readText(what, first string, text []byte, limit int) *textReader {
	r := &textReader{what: what}
	switch {
	case len(text) > limit:
		r.err = fmt.Errorf("the %s has %d bytes; at most %d are accepted", what, len(text), limit)
	case !utf8.Valid(text):
		r.err = fmt.Errorf("the %s is not UTF-8 text; use it as it was made", what)
	case len(text) > 0 && text[len(text)-1] != '\n':
		r.err = fmt.Errorf("the %s does not end with a line feed: it was cut off", what)
	default:
		r.rest = string(text)
		if l, ok := r.next(); !ok || l != first {
			r.fail("must be %q; a newer version of Valise may read it", first)
		}
	}
	return r
}

// next returns the next line; ok is false when there is none.
func (r *textReader) next() (l string, ok bool) {
	r.line++
	if r.err != nil || r.rest == "" {
		return "", false
	}
	l, r.rest, _ = strings.Cut(r.rest, "\n")
	return l, true
}

func (r *textReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("line %d of the %s "+format, append([]any{r.line, r.what}, args...)...)
	}
}

// value returns the value of the next line, which must have the given key.
func (r *textReader) value(key string) string {
	l, ok := r.next()
	if !ok {
		r.fail("is missing; it holds %q", key+": …")
		return ""
	}
	value, ok := strings.CutPrefix(l, key+": ")
	if !ok || value == "" {
		r.fail("must start with %q and hold a value", key+": ")
		return ""
	}
	return value
}

// end returns what went wrong, or that there is more text than there should be.
func (r *textReader) end() error {
	if r.err == nil && r.rest != "" {
		r.line++
		r.fail("is one too many; the text ends before it")
	}
	return r.err
}
