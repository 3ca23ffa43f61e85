//go:build !js

package portal

import "regexp"

// identifying are shapes that must not get into a log by way of an error's text: numbers of whatever kind, network addresses,
// e-mail addresses, fingerprints and hashes, where a database lies and as whom it is asked, and anything that stands between quotes or in a database's "Key (…)=(…)".
var identifying = []struct {
	shape *regexp.Regexp
	put   string
}{
	{regexp.MustCompile(`"(\\.|[^"\\])*"`), `"[text]"`},
	{regexp.MustCompile(`\b(host|user|database|dbname)=[^\s` + "`" + `]+`), "$1=[value]"},
	{regexp.MustCompile(`(?i)\b[A-Z]-[0-9A-Z]{8}\b(/\d+)?`), "[number]"},
	{regexp.MustCompile(`[^\s@"<>]+@[^\s@"<>]+`), "[mail]"},
	{regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b`), "[address]"},
	{regexp.MustCompile(`\[?[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}(%\w+)?\]?(:\d+)?`), "[address]"},
	{regexp.MustCompile(`(?i)\b[0-9a-f]{16,}\b`), "[hex]"},
	{regexp.MustCompile(`=\([^)]*\)`), "=([value])"},
}

// Scrubbed is what may be logged of an error: its text, without what could identify a person.
func Scrubbed(err error) string { return Scrub(err.Error()) }

// Scrub takes out of a text what could identify a person.
func Scrub(text string) string {
	for _, i := range identifying {
		text = i.shape.ReplaceAllString(text, i.put)
	}
	return text
}
