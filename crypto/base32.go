package crypto

import (
	"crypto/rand"
	"strings"
)

// crockford is Crockford's base 32: digits and capitals without I, L, O and U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// crockfordValue returns what a character stands for, or -1. Small letters count
// as capitals, O as 0, I and L as 1.
func crockfordValue(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		c -= 'a' - 'A'
	}
	switch c {
	case 'O':
		return 0
	case 'I', 'L':
		return 1
	}
	return strings.IndexByte(crockford, c)
}

// randomCrockford returns n characters of 5 random bits each.
func randomCrockford(n int) []byte {
	text := make([]byte, n)
	rand.Read(text) // never fails: the runtime stops the process instead
	for i := range text {
		text[i] = crockford[text[i]&31]
	}
	return text
}

// checkWeights are powers of a generator of the multiplicative group of GF(32),
// so they are distinct and none is zero. A sum of values, each multiplied by a
// weight of its own, changes whenever one value changes, and whenever two
// different values change places.
func checkWeight(position int) int {
	weight := 1
	for range position {
		weight = multiplyGF32(weight, 2)
	}
	return weight
}

// multiplyGF32 multiplies in GF(2)[x] / (x⁵ + x² + 1); x, that is 2, generates the group.
func multiplyGF32(a, b int) int {
	product := 0
	for range 5 {
		if b&1 != 0 {
			product ^= a
		}
		b >>= 1
		a <<= 1
		if a&32 != 0 {
			a ^= 0b100101
		}
	}
	return product
}

// checkCharacter returns the character that makes the weighted sum over text and
// itself zero. Its own weight is 1, those of text are the powers from 1 up;
// len(text) may be at most 30.
func checkCharacter(text string) byte {
	sum := 0
	for i := range len(text) {
		sum ^= multiplyGF32(checkWeight(i+1), crockfordValue(text[i]))
	}
	return crockford[sum]
}

// dropSeparators removes what people put between characters: white space,
// hyphens and dashes.
func dropSeparators(text string) string {
	return strings.Map(func(r rune) rune {
		if isSeparator(r) {
			return -1
		}
		return r
	}, text)
}

func isSeparator(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\u00a0', '\u202f', '-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212':
		return true
	}
	return false
}
