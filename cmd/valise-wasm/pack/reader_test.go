package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheReaderSaysOnlyWhatTheCataloguesHave(t *testing.T) {
	words, err := readerWords()
	if err != nil || len(words["en"]) == 0 || len(words["fr"]) != len(words["en"]) {
		t.Fatalf("%d and %d words, %v", len(words["en"]), len(words["fr"]), err)
	}
	said := readerPage + readerScript
	for _, m := range regexp.MustCompile(`(?:word\('|data-t="|\{\{t ")([a-z-]+)['"]`).FindAllStringSubmatch(said, -1) {
		if _, ok := words["en"][m[1]]; !ok {
			t.Errorf("no catalogue has reader.%s", m[1])
		}
	}
	for key := range words["en"] {
		built := slices.ContainsFunc([]string{"held-", "problem-"}, func(begin string) bool { return strings.HasPrefix(key, begin) })
		if !built && !strings.Contains(said, `'`+key+`'`) && !strings.Contains(said, `"`+key+`"`) {
			t.Errorf("reader.%s is used nowhere", key)
		}
	}
}

func TestTheReaderAllowsWhatIsInItAndNothingElse(t *testing.T) {
	words, err := readerWords()
	if err != nil {
		t.Fatal(err)
	}
	page, err := fillReader(words, "AAAA", "p { margin: 0 }", []string{"one()", "two()"})
	if err != nil {
		t.Fatal(err)
	}
	again, _ := fillReader(words, "AAAA", "p { margin: 0 }", []string{"one()", "two()"})
	if string(again) != string(page) {
		t.Error("the same sources make other octets")
	}
	text := string(page)
	for _, want := range []string{"default-src 'none'", "connect-src 'none'", "trusted-types 'none'", "'wasm-unsafe-eval' 'sha256-"} {
		if !strings.Contains(text, want) {
			t.Errorf("the policy lacks %s", want)
		}
	}
	if regexp.MustCompile(`unsafe-inline|unsafe-eval'.*unsafe-eval'|https?://|\ssrc=|<link`).MatchString(text) {
		t.Error("it leads elsewhere, or allows too much")
	}
}
