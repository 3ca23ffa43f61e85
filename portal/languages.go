package portal

import (
	"slices"
	"strings"
)

// CheckLanguages says whether a version of a statement is in all languages that it must be in, the institution's working languages: its readers were promised
// them. Both are tags (BCP 47), compared without regard to case; more languages are welcome. The error is Invalid, with code "language-missing",
// and names those that are missing.
func CheckLanguages(required, present []string) error {
	var missing []string
	for _, language := range required {
		if !slices.ContainsFunc(present, func(tag string) bool { return strings.EqualFold(tag, language) }) {
			missing = append(missing, language)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return Errorf(Invalid, "language-missing", "The statement is missing in %s. The institution publishes in %s, so write it in %s, too, and submit it again.",
		strings.Join(missing, ", "), strings.Join(required, ", "), strings.Join(missing, ", "))
}
