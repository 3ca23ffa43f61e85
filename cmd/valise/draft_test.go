package main

import (
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/ceremony"
)

func TestSubjectAndText(t *testing.T) {
	for name, draft := range map[string]string{
		"first line":                "A subject\n\nText.\n\nMore.\n",
		"as a heading":              "# A subject\n\nText.\n\nMore.",
		"written on Windows":        "\ufeffA subject\r\n\r\nText.\r\n\r\nMore.\r\n",
		"front matter":              "---\nsubject: A subject\n---\nText.\n\nMore.\n",
		"front matter with a quote": "---\nsubject: \"A subject\"\n---\n\nText.\n\nMore.\n\n",
	} {
		subject, text, err := splitSubject(draft)
		if err != nil || subject != "A subject" || text != "Text.\n\nMore.\n" {
			t.Errorf("%s: %q, %q, %v", name, subject, text, err)
		}
	}
	for name, draft := range map[string]string{
		"no empty line":            "A subject\nText.\n",
		"no text":                  "A subject",
		"nothing below":            "A subject\n\n \n",
		"nothing below the matter": "---\nsubject: A subject\n---\n\n",
		"front matter is open":     "---\nsubject: A subject\nText.\n",
		"other key in the matter":  "---\nsubject: A subject\nto: all\n---\nText.\n",
	} {
		if _, _, err := splitSubject(draft); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	for path, want := range map[string]string{
		"a.csv": "text/csv", "A.PDF": "application/pdf", "letter.eml": "application/octet-stream", "x": "application/octet-stream",
	} {
		if got := mediaType(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestClaimAddressHoldsWhatThePersonWouldType(t *testing.T) {
	as := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 2}
	code := crypto.NewClaimCode()
	address := ceremony.ClaimAddress("https://portal.example", as, code)
	page, typed, ok := strings.Cut(address, "#")
	number, rest, ok2 := strings.Cut(typed, ":")
	if !ok || !ok2 || page != "https://portal.example/claim" {
		t.Fatalf("the address is %s", address)
	}
	if got, err := crypto.ParseRepresentative(strings.Replace(number, ".", "/", 1)); err != nil || got != as {
		t.Errorf("the number is %s: %v", number, err)
	}
	if got, err := crypto.ParseClaimCode(rest); err != nil || got != code {
		t.Errorf("the code is %s: %v", rest, err)
	}
}

func TestManualKeepsLinesShort(t *testing.T) {
	text := manual("JSON\n\n  " + strings.Repeat("word ", 60) + "\n  key   " + strings.Repeat("value ", 40) + "\n")
	for line := range strings.Lines(text) {
		if len(line) > 97 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
	if !strings.Contains(text, "\n        value") {
		t.Errorf("the second column is not continued:\n%s", text)
	}
}
