package crypto

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind is the first letter of a number: what it names.
type Kind byte

const (
	KindState        Kind = 'S'
	KindOrganisation Kind = 'O'
	KindIndividual   Kind = 'I'
	KindNotice       Kind = 'N'
	KindStatement    Kind = 'P' // public: S is taken
	KindThread       Kind = 'T'
	KindGroup        Kind = 'G' // a named audience, among staff
)

// numberCharacters is how many characters follow the hyphen: seven random ones
// (35 bits) and the check character.
const numberCharacters = 8

// Number names a mailbox ("S-7K2M9QXD"), a notice ("N-4GZ0R8T4"), a public
// statement ("P-…"), a thread of replies and answers ("T-…") or a group of mailboxes ("G-…"): kind, hyphen, seven random Crockford base-32 characters and a check character over kind and
// characters (a weighted sum in GF(32): every single wrong character and every
// swap of two is caught). The zero value is no number.
type Number string

// NewNumber draws a number. It returns "" for a kind that is not one of the constants.
func NewNumber(kind Kind) Number {
	if !kind.known() {
		return ""
	}
	text := string(kind) + string(randomCrockford(numberCharacters-1))
	return Number(text[:1] + "-" + text[1:] + string(checkCharacter(text)))
}

func (k Kind) known() bool {
	switch k {
	case KindState, KindOrganisation, KindIndividual, KindNotice, KindStatement, KindThread, KindGroup:
		return true
	}
	return false
}

// Mailbox says whether numbers of the kind name mailboxes.
func (k Kind) Mailbox() bool {
	return k == KindState || k == KindOrganisation || k == KindIndividual
}

// Kind returns the number's first letter, 0 for the zero value.
func (n Number) Kind() Kind {
	if n == "" {
		return 0
	}
	return Kind(n[0])
}

// ParseNumber reads a number as people type it: small letters, spaces, any dash
// or none, O for 0, I or L for 1. What it returns is spelt as NewNumber spells
// it. The error says what is wrong.
func ParseNumber(text string) (Number, error) {
	bare := dropSeparators(text)
	if bare == "" {
		return "", errors.New("the number is missing: it looks like S-7K2M9QXD")
	}
	kind := Kind(strings.ToUpper(bare[:1])[0])
	switch kind { // a digit where the kind belongs, as elsewhere
	case '0':
		kind = KindOrganisation
	case '1', 'L':
		kind = KindIndividual
	}
	if !kind.known() {
		return "", errors.New("the number must start with S (State), O (organisation), I (individual), N (notice), P (public statement), T (thread) or G (group)")
	}
	characters := bare[1:]
	for _, r := range characters {
		if r > 'z' || crockfordValue(byte(r)) < 0 {
			return "", fmt.Errorf("the number holds %q, which no number holds: it is made of digits and letters without U", r)
		}
	}
	if len(characters) != numberCharacters {
		return "", fmt.Errorf("the number has %d characters after its first letter, it must have %d", len(characters), numberCharacters)
	}
	canonical := string(kind) + canonicalCrockford(characters)
	last := len(canonical) - 1
	if checkCharacter(canonical[:last]) != canonical[last] {
		return "", errors.New("the number has a typing error: compare it, character by character, with where you have it from")
	}
	return Number(canonical[:1] + "-" + canonical[1:]), nil
}

// canonicalCrockford respells characters that crockfordValue knows.
func canonicalCrockford(text string) string {
	canonical := make([]byte, len(text))
	for i := range canonical {
		canonical[i] = crockford[crockfordValue(text[i])]
	}
	return string(canonical)
}

// MaxOrdinal is the highest ordinal of a representative.
const MaxOrdinal = 999

// Representative names a person behind a mailbox: "S-7K2M9QXD/2".
type Representative struct {
	Mailbox Number
	Ordinal int // 1 … MaxOrdinal
}

// String returns the number with its ordinal; "/1" is always written.
func (r Representative) String() string {
	return string(r.Mailbox) + "/" + strconv.Itoa(r.Ordinal)
}

// ParseRepresentative reads a representative's number as forgivingly as
// ParseNumber does; "/1" may be left out. The number of a notice or a statement is refused.
func ParseRepresentative(text string) (Representative, error) {
	number, ordinal, found := strings.Cut(text, "/")
	mailbox, err := ParseNumber(number)
	if err != nil {
		return Representative{}, err
	}
	switch mailbox.Kind() {
	case KindNotice:
		return Representative{}, fmt.Errorf("%s is the number of a notice; a mailbox starts with S, O or I", mailbox)
	case KindStatement:
		return Representative{}, fmt.Errorf("%s is the number of a statement; a mailbox starts with S, O or I", mailbox)
	case KindThread:
		return Representative{}, fmt.Errorf("%s is the number of a thread; a mailbox starts with S, O or I", mailbox)
	case KindGroup:
		return Representative{}, fmt.Errorf("%s is the number of a group; a mailbox starts with S, O or I", mailbox)
	}
	if !found {
		return Representative{Mailbox: mailbox, Ordinal: 1}, nil
	}
	ordinal = strings.TrimSpace(ordinal)
	n, err := strconv.ParseUint(ordinal, 10, 16)
	if err != nil || n < 1 || n > MaxOrdinal || ordinal[0] == '0' {
		return Representative{}, fmt.Errorf("after the slash stands the representative's ordinal, a number from 1 to %d, as in %s/2", MaxOrdinal, mailbox)
	}
	return Representative{Mailbox: mailbox, Ordinal: int(n)}, nil
}
