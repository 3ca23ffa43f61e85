package publish

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	// maxWord is the length in bytes at which a word is cut.
	maxWord = 60
	// maxWords is how many different words of a text can be searched for.
	maxWords = 10_000
	// MaxQueryWords is how many words are searched for at once; more are passed over.
	MaxQueryWords = 12
)

// Words returns the different words of a text, sorted, in the form in which they are
// searched for, the same in every database: small letters without accents, and, for
// scripts that put no spaces between words, each two characters that follow each other.
func Words(text string) []string {
	seen := map[string]bool{}
	eachWord(text, func(word string) bool {
		seen[word] = true
		return len(seen) < maxWords
	})
	words := make([]string, 0, len(seen))
	for word := range seen {
		words = append(words, word)
	}
	slices.Sort(words)
	return words
}

// QueryWords returns the first words of what somebody searches for.
func QueryWords(text string) []string {
	var words []string
	eachWord(text, func(word string) bool {
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
		return len(words) < MaxQueryWords
	})
	return words
}

// eachWord hands out words until yield says that it is enough.
func eachWord(text string, yield func(string) bool) {
	var word strings.Builder
	var before rune // the last character of a run without spaces
	pair := false   // the run had two
	more := true
	end := func() {
		switch {
		case before != 0 && !pair:
			more = more && yield(string(before))
		case word.Len() > 0:
			more = more && yield(word.String())
		}
		word.Reset()
		before, pair = 0, false
	}
	for _, r := range norm.NFKD.String(text) {
		if !more {
			return
		}
		switch {
		case unicode.Is(unicode.Mn, r) || r == 'ـ': // an accent; the stroke that stretches Arabic words
		case withoutSpaces(r):
			if word.Len() > 0 {
				end()
			}
			if before != 0 {
				more, pair = yield(string([]rune{before, r})), true
			}
			before = r
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			if before != 0 {
				end()
			}
			if word.Len() < maxWord {
				word.WriteRune(unicode.ToLower(r))
			}
		default:
			end()
		}
	}
	if more {
		end()
	}
}

// withoutSpaces says whether a character is of a script that writes words without spaces between them.
func withoutSpaces(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
