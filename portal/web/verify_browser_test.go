package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"valise/portal/portaltest"
)

// Whatever a reader gives the verify page, by whatever name, and whatever the staff signed: its words are shown, and none of it becomes part of the page.
func TestTheVerifyPageShowsMarkupAsText(t *testing.T) {
	const attack = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`
	f := newFrontage(t)
	n := newNewsroom(t, f.Server)
	d := hostile()
	n.publish(d)
	f.SignLedger()
	r := newReader(t, f)
	r.visit("/en/verify", "verify")
	r.typeInto("#verify-root", f.Pin.Fingerprint.Spaced())
	at := "/statements/" + string(d.Statement) + "/"
	folder := t.TempDir()
	give := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, data, 0o600))
		r.choose("#verify-files", path)
	}

	click := func(selector string) { // by script: the page may still be scrolling to a verdict
		t.Helper()
		r.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).click()", selector)))
	}

	const name = `<img src=x onerror="window.pwned=1">.txt`
	give(name, n.reader.do("GET", at+"en.txt", nil).body)
	r.sees(".verdict[data-outcome=holds]", "Findings "+attack)
	r.sees("#given", name)
	r.unharmed()
	portaltest.Axe(t, r.Browser, "verify-hostile")
	click("#verify-clear")
	give("signed.json", n.reader.do("GET", at+"signed.json", nil).body)
	r.sees(".verdict[data-outcome=holds]", "Findings "+attack)
	r.unharmed()
	click("#verify-clear")

	for _, pasted := range []string{
		attack, `{"statement":"` + attack + `"}`, "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + attack + "\n-----BEGIN PGP SIGNATURE-----\n\n" + attack + "\n-----END PGP SIGNATURE-----\n",
		"valise acknowledgement v1\nupdate: " + attack + "\n", "c2sp.org/tlog-proof@v1\nindex " + attack + "\n\n" + attack,
	} {
		r.writes("#verify-text", pasted)
		click("#verify-submit")
		r.Do(chromedp.WaitVisible(css(".verdict:not([data-outcome=holds])")))
		r.unharmed()
		click("#verify-clear")
		r.Do(chromedp.WaitNotPresent(css(".verdict")))
	}
	r.wantNoProblems()
}
