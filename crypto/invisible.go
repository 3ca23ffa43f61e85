package crypto

import (
	"strings"
	"unicode"
)

// isReordering is true of the characters that let "cod.exe" be shown as "exe.doc":
// embeddings, overrides and isolates (Unicode Standard Annex #9).
func isReordering(r rune) bool {
	return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

// isInvisible is true of characters of which nothing is seen, not even a space:
// all that Unicode calls format characters, and fillers.
func isInvisible(r rune) bool {
	switch r {
	case '\u034f', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u2028', '\u2029', '\u2800', '\u3164', '\uffa0':
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// isJoiner is true of the two invisible characters that names need in Persian and
// in Indian languages.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// dropInvisible serves to compare names as people see them.
func dropInvisible(text string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, text)
}
