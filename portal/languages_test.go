package portal_test

import (
	"errors"
	"strings"
	"testing"

	"valise/portal"
)

func TestWorkingLanguages(t *testing.T) {
	for _, test := range []struct {
		required, present string
		missing           string
	}{
		{"", "en", ""},
		{"en", "en", ""},
		{"en fr", "fr ar EN", ""},
		{"en fr", "en", "fr"},
		{"en fr zh-Hant", "zh", "en, fr, zh-Hant"},
		{"en", "", "en"},
	} {
		err := portal.CheckLanguages(strings.Fields(test.required), strings.Fields(test.present))
		var e *portal.Error
		switch {
		case test.missing == "" && err == nil:
		case errors.As(err, &e) && e.Code == "language-missing" && e.Kind == portal.Invalid && strings.Contains(e.Public, "missing in "+test.missing+"."):
		default:
			t.Errorf("%q in %q: %v", test.required, test.present, err)
		}
	}
}
