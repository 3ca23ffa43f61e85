package crypto

import (
	"errors"
	"fmt"
	"strings"
)

// A claim code has claimGroups groups of claimGroupSize characters; the last
// character of each group checks it.
const (
	claimGroups    = 6
	claimGroupSize = 5
)

// ClaimCode is 120 random bits, written as six groups of five Crockford base-32
// characters with hyphens between them ("6H0Q4-…"). Each group's last character
// is a check character over the group and its place, so a typing error is named
// by its group. The zero value is no claim code.
type ClaimCode string

// NewClaimCode draws a claim code.
func NewClaimCode() ClaimCode {
	groups := make([]string, claimGroups)
	for i := range groups {
		characters := string(randomCrockford(claimGroupSize - 1))
		groups[i] = characters + string(claimCheck(i, characters))
	}
	return ClaimCode(strings.Join(groups, "-"))
}

// claimCheck returns the check character of a group; its place counts as a
// character in front, so groups that changed places are noticed.
func claimCheck(group int, characters string) byte {
	return checkCharacter(string(crockford[group+1]) + characters)
}

// ParseClaimCode reads a claim code as people type it: small letters, any
// separators or none, O for 0, I or L for 1. What it returns is spelt as
// NewClaimCode spells it. The error names the group that is wrong.
func ParseClaimCode(text string) (ClaimCode, error) {
	typed := strings.FieldsFunc(text, isSeparator)
	if len(typed) == 0 {
		return "", errors.New("the claim code is missing: it has six groups of five characters and stands in your letter")
	}
	characters := strings.Join(typed, "")
	if i := strings.IndexFunc(characters, func(r rune) bool { return r > 'z' || crockfordValue(byte(r)) < 0 }); i >= 0 {
		return "", fmt.Errorf("group %d of the claim code holds a character that no claim code holds: it is made of digits and letters without U", i/claimGroupSize+1)
	}
	if len(characters) != claimGroups*claimGroupSize {
		return "", claimLengthError(typed, len(characters))
	}
	characters = canonicalCrockford(characters)
	var wrong []string
	groups := make([]string, claimGroups)
	for i := range groups {
		groups[i] = characters[i*claimGroupSize : (i+1)*claimGroupSize]
		if last := claimGroupSize - 1; claimCheck(i, groups[i][:last]) != groups[i][last] {
			wrong = append(wrong, fmt.Sprint(i+1))
		}
	}
	switch len(wrong) {
	case 0:
		return ClaimCode(strings.Join(groups, "-")), nil
	case 1:
		return "", fmt.Errorf("group %s of the claim code has a typing error: compare it with your letter", wrong[0])
	default:
		return "", fmt.Errorf("groups %s of the claim code have typing errors: compare them with your letter", strings.Join(wrong, ", "))
	}
}

// claimLengthError names the group of the wrong length, if the groups were typed apart.
func claimLengthError(typed []string, length int) error {
	if len(typed) == claimGroups {
		for i, group := range typed {
			if len(group) != claimGroupSize {
				return fmt.Errorf("group %d of the claim code has %d characters, it must have %d", i+1, len(group), claimGroupSize)
			}
		}
	}
	return fmt.Errorf("the claim code has %d characters, it must have %d (six groups of five): something is missing or was typed twice", length, claimGroups*claimGroupSize)
}
