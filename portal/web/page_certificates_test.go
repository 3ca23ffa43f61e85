package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/web"
)

// another is the same portal with another description, as it answers an address.
func another(t *testing.T, p *live.Server, change func(*web.Portal)) func(path string) *httptest.ResponseRecorder {
	t.Helper()
	site := *p.Portal
	change(&site)
	handler, err := site.Handler()
	must(t, err)
	return func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
}

func TestTheCertificatesPageShowsWhatVerifies(t *testing.T) {
	p := live.Portal(t, live.Options{})
	gone := p.HireAt(time.Now().Add(-30*time.Minute), "Gone & away", crypto.RoleApprover).Certificate()
	gone, err := crypto.CertifyStaff(p.Root, gone, nil, time.Now().Add(-time.Minute))
	must(t, err)
	_, err = p.Portal.Registry.AddStaff(context.Background(), gone.Bytes())
	if portal.KindOf(err) != portal.Forbidden && err != nil {
		t.Logf("the portal said: %v", err)
	}
	checkpoint := p.SignLedger()
	v := newVisitor(t, p)
	for language, words := range map[string][]string{"en": {"Staff who sign", "Former staff", ">author</span>", "Entries signed so far"}, "fr": {"Le personnel qui signe", "Ancien personnel", ">auteur</span>", "Inscriptions signées"}} {
		page := v.page("/"+language+"/certificates", 200)
		for _, want := range append(words, live.AuthorName, live.ApproverName, live.RegistrarName, "Gone &amp; away", live.LedgerName, htmlEscaped(checkpoint.Root.String()), fmt.Sprintf("<dd>%d</dd>", checkpoint.Size)) {
			if !strings.Contains(page, want) {
				t.Errorf("the page in %s lacks %s", language, want)
			}
		}
		if strings.Index(page, "Gone &amp; away") < strings.Index(page, words[1]) {
			t.Errorf("in %s who has left stands among those who sign", language)
		}
	}

	// What it offers checks under the root, with gpg.
	gpg := portaltest.GPG(t)
	for _, path := range []string{"/root.asc", "/keys/staff.asc"} {
		gpg.Import(v.do("GET", path, nil).body)
	}
	checked, said, err := gpg.Try(nil, "--check-signatures")
	if err != nil || bytes.Count(checked, []byte("sig!")) < 2*3+1 || bytes.Contains(checked, []byte("Gone")) {
		t.Errorf("%s %s", checked, said)
	}
	ledgerKey := v.do("GET", "/keys/ledger.asc", nil)
	ledgerKey.want(t, 200)
	if _, _, err := gpg.Verify(ledgerKey.body); err != nil {
		t.Error(err)
	}
	former := v.do("GET", "/keys/"+string(gone.Fingerprint())+".asc", nil)
	former.want(t, 200)
	if c, err := crypto.ParseCertificate(former.body); err != nil || c.Fingerprint() != gone.Fingerprint() {
		t.Errorf("%v", err)
	}

	// Each certificate leads to its proof, that of who has left as well.
	page := v.page("/en/certificates", 200)
	for _, of := range []crypto.Fingerprint{p.Author.Certificate().Fingerprint(), p.Approver.Certificate().Fingerprint(), gone.Fingerprint()} {
		path := "/keys/" + string(of) + ".tlog-proof"
		if !strings.Contains(page, `href="`+path+`"`) {
			t.Errorf("the page does not lead to %s", path)
		}
		a := v.do("GET", path, nil)
		a.want(t, 200)
		c, err := crypto.ParseCertificate(v.do("GET", "/keys/"+string(of)+".asc", nil).body)
		must(t, err)
		if e := verifyProof(t, p.LedgerPolicy(), a.body); e.Kind != ledger.StaffCertificate || e.Fingerprint != of || e.Certificate != sha256.Sum256(c.Bytes()) {
			t.Errorf("%s proves %+v", path, e)
		}
	}
	late := p.Hire("Late Comer", crypto.RoleAuthor).Certificate().Fingerprint()
	if a := v.do("GET", "/keys/"+string(late)+".tlog-proof", nil); a.StatusCode != 404 || a.Header.Get("Retry-After") == "" {
		t.Errorf("before a checkpoint covers it: %d, %v", a.StatusCode, a.Header)
	}
	for _, path := range []string{"/keys/" + string(p.Root.Certificate().Fingerprint()) + ".asc", "/keys/" + string(p.Root.Certificate().Fingerprint()) + ".tlog-proof", "/keys/nobody.asc", "/keys/nobody.tlog-proof", "/keys/"} {
		v.do("GET", path, nil).want(t, 404)
	}

	// A ledger that says something else than its key is not shown.
	other, err := crypto.SignLedgerKey(p.Root, crypto.LedgerKey{Log: "another.example/ledger", Keys: []string{anotherLedgerKey(t)}}, time.Now())
	must(t, err)
	page = another(t, p, func(p *web.Portal) { p.LedgerKey = other })("/en/certificates").Body.String()
	if strings.Contains(page, htmlEscaped(checkpoint.Root.String())) || !strings.Contains(page, "does not verify") {
		t.Error("a checkpoint is shown that does not verify")
	}
	// Without its database, it still shows the root, and says that the rest is missing.
	must(t, p.Store.Close())
	page = v.page("/en/certificates", 200)
	if !strings.Contains(page, `id="root-fingerprint"`) || !strings.Contains(page, "can’t be shown at the moment") || strings.Contains(page, live.AuthorName) {
		t.Errorf("%s", page)
	}
}

func TestTheWebKeyDirectory(t *testing.T) {
	p := live.Portal(t, live.Options{})
	press, err := crypto.GenerateKey(crypto.ProfileCompat, "Press office <Press@Court.example>", time.Now().Add(-time.Hour))
	must(t, err)
	member := p.HireAt(time.Now().Add(-time.Minute), "Dana Desk <dana@mail.court.example>", crypto.RoleAuthor).Certificate()
	get := another(t, p, func(p *web.Portal) { p.MailCertificates = []*crypto.Certificate{press.Certificate()} })

	gpg := portaltest.GPG(t)
	for address, c := range map[string]*crypto.Certificate{"press@court.example": press.Certificate(), "dana@mail.court.example": member} {
		// The name in the directory is what gpg itself makes of the address.
		gpg.Import([]byte(c.Armor()))
		listed, _, err := gpg.Try(nil, "--with-wkd-hash", "--list-keys", string(c.Fingerprint()))
		must(t, err)
		named := regexp.MustCompile(`(?m)^\s+([a-z0-9]{32})@`).FindSubmatch(listed)
		if named == nil {
			t.Fatalf("%s", listed)
		}
		_, domain, _ := strings.Cut(address, "@")
		for _, path := range []string{"/.well-known/openpgpkey/hu/", "/.well-known/openpgpkey/" + domain + "/hu/"} {
			a := get(path + string(named[1]) + "?l=" + strings.SplitN(address, "@", 2)[0])
			if a.Code != 200 || a.Header().Get("Content-Type") != "application/octet-stream" || a.Header().Get("Access-Control-Allow-Origin") != "*" || !bytes.Equal(a.Body.Bytes(), c.Bytes()) {
				t.Errorf("%s at %s: %d, %v", address, path, a.Code, a.Header())
			}
			// gpg takes from it what belongs to the address.
			fresh := portaltest.GPG(t)
			if _, said, err := fresh.Try(a.Body.Bytes(), "--import-filter", "keep-uid=mbox = "+address, "--import"); err != nil {
				t.Errorf("%s", said)
			}
			if listed, _, err := fresh.Try(nil, "--list-keys", address); err != nil || !bytes.Contains(listed, []byte(c.Fingerprint())) {
				t.Errorf("%s: %s", address, listed)
			}
		}
		if a := get("/.well-known/openpgpkey/elsewhere.example/hu/" + string(named[1])); a.Code != 404 {
			t.Errorf("%s is found under another domain: %d", address, a.Code)
		}
	}
	for path, status := range map[string]int{
		"/.well-known/openpgpkey/policy": 200, "/.well-known/openpgpkey/court.example/policy": 200, "/.well-known/openpgpkey/elsewhere.example/policy": 404,
		"/.well-known/openpgpkey/hu/aaaa": 404, "/.well-known/openpgpkey/": 404, "/.well-known/openpgpkey/a/b/c/d": 404,
	} {
		if a := get(path); a.Code != status {
			t.Errorf("%s: %d, want %d", path, a.Code, status)
		}
	}
	if page := get("/en/certificates").Body.String(); !strings.Contains(page, "press@court.example") || !strings.Contains(page, "dana@mail.court.example") {
		t.Error("the page does not name the addresses")
	}
	// Without addresses there is no directory; and one without an address is no certificate for it.
	if a := another(t, live.Portal(t, live.Options{}), func(*web.Portal) {})("/.well-known/openpgpkey/policy"); a.Code != 404 {
		t.Errorf("an empty directory: %d", a.Code)
	}
	site := *p.Portal
	site.MailCertificates = []*crypto.Certificate{p.Author.Certificate()}
	if _, err := site.Handler(); err == nil || !strings.Contains(err.Error(), "no user ID with a mail address") {
		t.Errorf("%v", err)
	}
}

func TestSecurityTxt(t *testing.T) {
	p := live.Portal(t, live.Options{})
	press, err := crypto.GenerateKey(crypto.ProfileCompat, "Security <security@court.example>", time.Now().Add(-time.Hour))
	must(t, err)
	soon := time.Now().AddDate(0, 6, 0).Truncate(time.Second)
	contact := portal.SecurityContact{Contact: []string{"mailto:security@court.example"}, Expires: soon, Policy: []string{"https://court.example/policy"}}

	if a := another(t, p, func(*web.Portal) {})("/.well-known/security.txt"); a.Code != 404 {
		t.Errorf("nothing is configured: %d", a.Code)
	}
	get := another(t, p, func(p *web.Portal) {
		p.Institution.Security, p.MailCertificates = contact, []*crypto.Certificate{press.Certificate()}
	})
	a := get("/.well-known/security.txt")
	if a.Code != 200 || a.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d, %v", a.Code, a.Header())
	}
	for _, want := range []string{
		"Contact: mailto:security@court.example\n", "Expires: " + soon.UTC().Format(time.RFC3339) + "\n", "Preferred-Languages: en, fr\n",
		"Canonical: " + p.URL + "/.well-known/security.txt\n", "Policy: https://court.example/policy\n",
	} {
		if !strings.Contains(a.Body.String(), want) {
			t.Errorf("it lacks %q: %s", want, a.Body)
		}
	}
	// The key that it names is there.
	key := regexp.MustCompile(`(?m)^Encryption: ` + p.URL + `(.*)$`).FindStringSubmatch(a.Body.String())
	if key == nil || !bytes.Equal(get(key[1]).Body.Bytes(), press.Certificate().Bytes()) {
		t.Errorf("%s", a.Body)
	}
	if old := get("/security.txt"); old.Code != http.StatusMovedPermanently || old.Header().Get("Location") != "/.well-known/security.txt" {
		t.Errorf("%d, %v", old.Code, old.Header())
	}

	// A finished file comes out to the byte, signed with a key that the portal never had.
	signed, err := crypto.ClearSign(press, crypto.PurposeLedgerKey, a.Body.Bytes(), time.Now())
	must(t, err)
	if got := another(t, p, func(p *web.Portal) { p.SecurityFile = signed })("/.well-known/security.txt"); !bytes.Equal(got.Body.Bytes(), signed) {
		t.Errorf("%s", got.Body)
	}

	// What has expired is not served, and the log says so; what nobody could use stops the start.
	contact.Expires = time.Now().Add(-time.Hour)
	if a := another(t, p, func(p *web.Portal) { p.Institution.Security = contact })("/.well-known/security.txt"); a.Code != 404 || !strings.Contains(p.Log.String(), "SECURITY.TXT HAS EXPIRED") {
		t.Errorf("expired: %d", a.Code)
	}
	for wrong, file := range map[string]string{
		"no contact": "Expires: 2030-01-01T00:00:00Z\n", "no end": "Contact: mailto:a@b.example\n", "no URI": "Contact: a@b.example\nExpires: 2030-01-01T00:00:00Z\n",
		"two ends": "Contact: mailto:a@b.example\nExpires: 2030-01-01T00:00:00Z\nExpires: 2031-01-01T00:00:00Z\n", "http": "Contact: http://b.example\nExpires: 2030-01-01T00:00:00Z\n",
		"half signed": "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nContact: mailto:a@b.example\nExpires: 2030-01-01T00:00:00Z\n", "no line": "Contact\n",
	} {
		site := *p.Portal
		site.SecurityFile = []byte(file)
		if _, err := site.Handler(); err == nil {
			t.Errorf("%s: accepted", wrong)
		}
	}
}

func htmlEscaped(text string) string { return strings.ReplaceAll(text, "+", "&#43;") }

func anotherLedgerKey(t *testing.T) string {
	t.Helper()
	key, err := ledger.NewLogKey("another.example/ledger")
	must(t, err)
	return key.VerifierKey()
}

func TestTheFirstPageSaysWhatMattersNow(t *testing.T) {
	p := live.Portal(t, live.Options{})
	first, second, other := announcement(), announcement(), announcement()
	second.Series = first.Statement
	first.Languages[0].Title, second.Languages[0].Title, other.Languages[0].Title = "It began", "It went on", "Something else"
	p.PublishStatement(first)
	v := newVisitor(t, p)
	if strings.Contains(v.page("/en", 200), `id="now"`) {
		t.Error("one statement is no incident")
	}
	p.PublishStatement(second)
	p.PublishStatement(other)
	time.Sleep(10 * time.Millisecond) // what is remembered may be as old as that
	now := regexp.MustCompile(`(?s)<section id="now">.*?</section>`)
	english := now.FindString(v.page("/en", 200))
	for _, want := range []string{"It began", "It went on", `href="/en/series/` + string(first.Statement) + `"`, "All of it: 2 statements"} {
		if !strings.Contains(english, want) {
			t.Errorf("it lacks %s: %s", want, english)
		}
	}
	if french := now.FindString(v.page("/fr", 200)); !strings.Contains(french, "Dernier développement") || !strings.Contains(french, `href="/statements/`+string(second.Statement)+`/fr"`) {
		t.Errorf("%s", french)
	}

	// The institution may say which it is, and what it promises.
	page := another(t, p, func(p *web.Portal) {
		p.Institution.Pinned, p.Institution.Promise = other.Statement, map[string]string{"en": "We shall tell you.", "fr": "Nous vous le dirons."}
	})("/en").Body.String()
	if pinned := now.FindString(page); !strings.Contains(pinned, "Something else") || strings.Contains(pinned, "It began") || !strings.Contains(page, "We shall tell you.") {
		t.Errorf("%s", page)
	}
	for _, wrong := range []portal.Institution{
		{Name: p.Portal.Institution.Name, Languages: []string{"en", "fr"}, Pinned: "N-4GZ0R8T4"},
		{Name: p.Portal.Institution.Name, Languages: []string{"en", "fr"}, Promise: map[string]string{"en": "Only here."}},
	} {
		if wrong.Check() == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
}
