package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"valise/portal/portaltest"
)

// On a mirror people read, follow links, and verify a text in their own browser, with what the mirror itself serves.
func TestAMirrorInABrowser(t *testing.T) {
	m := openMirrored(t)
	dir := filepath.Join(t.TempDir(), "mirror")
	if status, _, said := m.export(dir); status != exitDone {
		t.Fatal(said)
	}
	plain := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(plain.Close)
	_, text, _ := get(t, plain.URL+"/statements/"+string(m.first)+"/2/en.txt")
	css := func(selector string) chromedp.CSS { return chromedp.CSS(selector) }

	b := portaltest.Chromium(t)
	b.Do(chromedp.Navigate(plain.URL), chromedp.Click(css("#statements a")), chromedp.WaitVisible(css("#text")), chromedp.Click(css("footer a[href$='/verify']")),
		chromedp.WaitVisible(css("html[data-ready] #verify-text")), chromedp.SetValue(css("#verify-text"), string(text)), chromedp.SetValue(css("#verify-root"), string(m.Pin.Fingerprint)),
		chromedp.Click(css("#verify-submit")), chromedp.WaitVisible(css("#verdicts .verdict")))
	if outcome := portaltest.Read(b, chromedp.Evaluate[string]("document.querySelector('#verdicts .verdict').dataset.outcome + ': ' + document.querySelector('#verdicts').innerText")); !strings.HasPrefix(outcome, "holds") {
		t.Errorf("%s", outcome)
	}
	for _, problem := range b.Problems() {
		t.Error(problem)
	}
	for _, asked := range b.Requests() {
		if !strings.HasPrefix(asked, plain.URL) {
			t.Errorf("the page asked for %s", asked)
		}
	}
}
