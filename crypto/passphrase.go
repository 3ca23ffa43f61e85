package crypto

import (
	"crypto/rand"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// words are 2048 lines, so that 11 random bits choose one without bias. Their
// origin and licence are in words.txt.md.
//
//go:embed words.txt
var words string

const (
	passphraseWords  = 6
	maximumCharacter = 1000
	minimumCharacter = 14 // of a passphrase, when all that is easy to guess is left out
	minimumDistinct  = 7
)

// NewPassphrase draws six words of a list of 2048, joined by spaces: 66 random bits.
func NewPassphrase() string {
	list := strings.Fields(words)
	random := make([]byte, 2*passphraseWords)
	rand.Read(random) // never fails: the runtime stops the process instead
	chosen := make([]string, passphraseWords)
	for i := range chosen {
		chosen[i] = list[int(binary.BigEndian.Uint16(random[2*i:]))%len(list)] // 2¹⁶ is a multiple of 2¹¹
	}
	return strings.Join(chosen, " ")
}

// obvious is what those who guess passphrases try first; it counts for nothing.
func obvious() []string {
	return []string{
		"passphrase", "password", "passwort", "passwd", "motdepasse", "contraseña", "secret", "letmein", "welcome", "iloveyou",
		"administrator", "admin", "valise", "mailbox", "embassy", "ministry", "court", "qwertyuiop", "qwertzuiop", "azertyuiop",
		"qwerty", "qwertz", "azerty", "asdfghjkl", "asdf", "yxcvbnm", "zxcvbnm",
	}
}

// CheckPassphrase refuses a passphrase that is easy to guess, since a thief of the
// server's storage may guess for years. What counts is what is left without words
// and runs that everybody tries, repetitions and mailbox numbers: at least 14
// characters, 7 of them different. The error says what to do.
func CheckPassphrase(passphrase string) error {
	if !utf8.ValidString(passphrase) || strings.ContainsFunc(passphrase, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }) {
		return errors.New("the passphrase holds characters that can't be typed; use letters, digits and spaces")
	}
	typed := strings.Join(strings.Fields(passphrase), " ")
	const advice = "let Valise choose six words for you, or take five or more that have nothing to do with each other or with you"
	if n := utf8.RuneCountInString(typed); n < minimumCharacter {
		return fmt.Errorf("the passphrase has %d characters, it needs at least %d: %s", n, minimumCharacter, advice)
	}
	if utf8.RuneCountInString(typed) > maximumCharacter {
		return fmt.Errorf("the passphrase has more than %d characters: take a shorter one, which you can type again", maximumCharacter)
	}
	rest := withoutObvious(strings.ToLower(typed))
	distinct := map[rune]bool{}
	for _, r := range rest {
		distinct[r] = true
	}
	if len(rest) < minimumCharacter || len(distinct) < minimumDistinct {
		return errors.New("the passphrase is easy to guess, as repetitions, runs such as 12345, mailbox numbers and words such as \"password\" count for nothing: " + advice)
	}
	return nil
}

// withoutObvious returns the characters of a passphrase in small letters that add
// to the work of guessing it.
func withoutObvious(passphrase string) []rune {
	var kept []string
	seen := map[string]bool{}
	for _, word := range strings.Fields(passphrase) {
		bare := word
		if _, err := ParseRepresentative(word); err == nil || seen[word] {
			continue
		}
		seen[word] = true
		for _, o := range obvious() {
			bare = strings.ReplaceAll(bare, o, "")
		}
		kept = append(kept, bare)
	}
	return withoutRuns(withoutRepetition([]rune(strings.Join(kept, " "))))
}

// withoutRuns drops characters that continue a run of three or more of the same
// step: aaa, abc, 321.
func withoutRuns(text []rune) []rune {
	var kept []rune
	for i, r := range text {
		if i >= 2 {
			step := r - text[i-1]
			if step == text[i-1]-text[i-2] && step >= -1 && step <= 1 {
				continue
			}
		}
		kept = append(kept, r)
	}
	return kept
}

// withoutRepetition returns the shortest beginning that, repeated, gives text.
func withoutRepetition(text []rune) []rune {
	for n := 1; n <= len(text)/2; n++ {
		repeated := true
		for i := n; i < len(text) && repeated; i++ {
			repeated = text[i] == text[i-n]
		}
		if repeated {
			return text[:n]
		}
	}
	return text
}
