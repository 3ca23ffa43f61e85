package web

import (
	"net/http"
	"slices"
	"strings"
)

// verifyPage is the page on which anybody verifies anything, in their own browser. It is the same for everybody, looks at no session, and has no form
// that sends: what it says is found out by its script (assets/verify.js) with package portal/verdict.
type verifyPage struct {
	Codes []string // of what a verdict can say
	Words []word   // what the script says besides
}

// verifyWords are the words of other pages that this one's script says, too.
var verifyWords = []string{"months", "time", "network", "engine-failed", "code-unavailable"}

func (s *server) getVerifyPage(tag string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l := s.pages.publicSpeech(w, r, tag)
		page := verifyPage{Codes: l.verdicts}
		for _, word := range l.scripts {
			if strings.HasPrefix(word.Key, "verify-") || slices.Contains(verifyWords, word.Key) {
				page.Words = append(page.Words, word)
			}
		}
		return s.pages.publicPage(w, r, l, s.pages.publicLinks(r, "/verify", l), "verify", page)
	}
}
