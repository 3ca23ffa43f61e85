package crypto

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The texts that people sign (manifest, log-in, acknowledgement) and those whose
// digests they sign (audience and membership, and the opening text inside a notice) share one
// form: UTF-8, LF at the end of every line, a first line that names format and
// version, then lines "key: value", all of them, in one order. There is exactly
// one spelling of everything, so a text that is read and written again is the
// same text; the parsers insist on that, and the encoders write only what the
// parsers read.

// maxTextLines is how many lines a text may have, so that one of nothing but line
// ends doesn't become many times as large when it is cut: an audience has the most.
const maxTextLines = MaxAudience + 10

// textLine is one line "key: value".
type textLine struct{ key, value string }

// writeText returns a text that starts with the line first.
func writeText(first string, lines ...textLine) []byte {
	text := first + "\n"
	for _, l := range lines {
		text += l.key + ": " + l.value + "\n"
	}
	return []byte(text)
}

// textReader reads a text line by line. The first thing that is wrong is kept in
// err, and everything read after it is a zero value.
type textReader struct {
	what   string // for messages: "manifest"
	lines  []string
	number int // of the line read last; 1 is the first one
	err    error
}

// readText checks size, encoding and the first line. what is the text's name in
// messages; limit its largest size in bytes.
func readText(what, first string, text []byte, limit int) *textReader {
	r := &textReader{what: what, number: 1}
	switch {
	case len(text) > limit:
		r.err = fmt.Errorf("the %s has %d bytes; at most %d are accepted", what, len(text), limit)
	case !utf8.Valid(text):
		r.err = fmt.Errorf("the %s is not UTF-8 text; send it as it was made", what)
	case strings.ContainsRune(string(text), '\r'):
		r.err = fmt.Errorf("the %s has line ends of another kind (CR LF); save it with LF alone", what)
	case strings.Count(string(text), "\n") > maxTextLines:
		r.err = fmt.Errorf("the %s has more than %d lines", what, maxTextLines)
	}
	if r.err != nil {
		return r
	}
	body, complete := strings.CutSuffix(string(text), "\n")
	r.lines = strings.Split(body, "\n")
	switch {
	case r.lines[0] != first:
		r.fail("must be %q; a newer version of Valise may read it", first)
	case !complete:
		r.number = len(r.lines)
		r.fail("does not end with a line feed: the text was cut off")
	}
	return r
}

// readSignedByHand is readText for a text that a person may have signed with a
// tool of their own: clear-signing does not sign white space at the ends of lines
// nor the last line feed (RFC 9580, section 7.2), and people add empty lines
// below. What is left must be exact.
func readSignedByHand(what, first string, text []byte, limit int) *textReader {
	if len(text) > limit {
		return readText(what, first, text, limit)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	return readText(what, first, []byte(strings.TrimRight(strings.Join(lines, "\n"), "\n")+"\n"), limit)
}

// fail notes what is wrong with the line read last, unless something was wrong before.
func (r *textReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("line %d of the %s "+format, append([]any{r.number, r.what}, args...)...)
	}
}

// next returns the next line as it is; ok is false when there is none.
func (r *textReader) next() (line string, ok bool) {
	if r.err != nil || r.number >= len(r.lines) {
		return "", false
	}
	r.number++
	return r.lines[r.number-1], true
}

// value returns the value of the next line, which must have the given key.
func (r *textReader) value(key string) string {
	if r.err != nil {
		return ""
	}
	line, ok := r.next()
	if !ok {
		r.err = fmt.Errorf("the %s ends after line %d; the line %q is missing", r.what, r.number, key+": …")
		return ""
	}
	if value, ok := strings.CutPrefix(line, key+": "); ok && value != "" {
		return value
	}
	if strings.TrimRight(line, " ") == key+":" {
		r.fail("(%q) has no value: fill it in", key)
	} else {
		r.fail("must start with %q and hold a value", key+": ")
	}
	return ""
}

// end returns what went wrong, or that there is more text than there should be.
func (r *textReader) end() error {
	if r.err == nil && r.number < len(r.lines) {
		r.number++
		r.fail("is one too many; the text ends before it")
	}
	return r.err
}

// wrong notes that the value of the line read last is not what it must be.
func (r *textReader) wrong(key, must string) {
	r.fail("(%q) must be %s", key, must)
}

func (r *textReader) fingerprint(key string) Fingerprint {
	value := r.value(key)
	f, err := ParseFingerprint(value)
	if r.err == nil && (err != nil || string(f) != value) {
		r.wrong(key, "a fingerprint: 40 or 64 digits 0–9 and capitals A–F, without spaces")
	}
	return f
}

func (r *textReader) notice(key string) Number {
	value := r.value(key)
	n, err := ParseNumber(value)
	if r.err == nil && (err != nil || string(n) != value || n.Kind() != KindNotice) {
		r.wrong(key, "the number of a notice, such as N-4GZ0R8T4, in capitals")
	}
	return n
}

// hex reads n bytes in small hexadecimal digits.
func (r *textReader) hex(key string, n int) string {
	value := r.value(key)
	if r.err == nil && !isHex(value, n) {
		r.wrong(key, fmt.Sprintf("%d digits 0–9 and small letters a–f; it has %d characters", 2*n, utf8.RuneCountInString(value)))
	}
	return value
}

// isHex says whether text is n bytes in small hexadecimal digits.
func isHex(text string, n int) bool {
	return len(text) == 2*n && strings.Trim(text, "0123456789abcdef") == ""
}

// integer reads a decimal number from 1 to most.
func (r *textReader) integer(key string, most int) int {
	value := r.value(key)
	n, err := strconv.Atoi(value)
	if r.err == nil && (err != nil || strconv.Itoa(n) != value || n < 1 || n > most) {
		r.wrong(key, fmt.Sprintf("a number from 1 to %d", most))
	}
	return n
}

// time reads a time in UTC.
func (r *textReader) time(key string) time.Time {
	value := r.value(key)
	t, err := parseTextTime(value)
	if r.err == nil && (err != nil || !strings.HasSuffix(value, "Z")) {
		r.wrong(key, "a time in UTC with seconds, such as 2026-01-15T12:00:00Z")
	}
	return t.UTC()
}

// parseTextTime reads a time of RFC 3339 with seconds, in the spelling of formatTextTime.
func parseTextTime(value string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || formatTextTime(t) != value {
		return time.Time{}, fmt.Errorf("%q is not a time of RFC 3339 with seconds", value)
	}
	return t, nil
}

// formatTextTime cuts to seconds and keeps the offset from UTC.
func formatTextTime(t time.Time) string { return t.Format(time.RFC3339) }

func sha256Hex(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}
