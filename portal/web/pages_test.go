package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// page fetches a page, which must be whole: nothing in it that a template could not fill in.
func (v *visitor) page(path string, status int) string {
	v.t.Helper()
	a := v.do("GET", path, nil)
	a.want(v.t, status)
	return wholePage(v.t, a)
}

func wholePage(t *testing.T, a answer) string {
	t.Helper()
	text := string(a.body)
	if got := a.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("%s: Content-Type %q", a.Request.URL.Path, got)
	}
	for _, mistake := range []string{"<no value>", "&lt;no value&gt;", "%!", "ZgotmplZ", "<script>", " style=", "onclick", "javascript:"} {
		if strings.Contains(text, mistake) {
			t.Errorf("%s: %s is in the page", a.Request.URL.Path, mistake)
		}
	}
	if !strings.HasSuffix(strings.TrimSpace(text), "</html>") || strings.Count(text, "<h1") != 1 || strings.Count(text, "<main") != 1 {
		t.Errorf("%s is not a whole page", a.Request.URL.Path)
	}
	ids := make(map[string]bool)
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]] {
			t.Errorf("%s: two elements have the id %s", a.Request.URL.Path, m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(` (?:for|aria-describedby)="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		for _, id := range strings.Fields(m[1]) {
			if !ids[id] {
				t.Errorf("%s: a label points at %s, which isn't there", a.Request.URL.Path, id)
			}
		}
	}
	return text
}

// submit sends a form as a browser does.
func (v *visitor) submit(path string, values url.Values) answer {
	v.t.Helper()
	v.header.Set("Content-Type", "application/x-www-form-urlencoded")
	defer v.header.Del("Content-Type")
	return v.do("POST", path, strings.ReplaceAll(values.Encode(), "%0A", "%0D%0A"))
}

// stay keeps redirects from being followed.
func (v *visitor) stay() *visitor {
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return v
}

func (a answer) wantRedirect(t *testing.T, to string) {
	t.Helper()
	a.want(t, http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != to {
		t.Errorf("%s leads to %q, want %q", a.Request.URL.Path, got, to)
	}
}

// textIn takes what stands in <pre id=…>.
func textIn(t *testing.T, page, id string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)<pre id="` + id + `"[^>]*>(.*?)</pre>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("there is no %s in %s", id, page)
	}
	return html.UnescapeString(m[1])
}

func TestEveryPageInBothLanguages(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
	waiting := p.Release(p.Draft(), person)
	plain := p.Draft()
	plain.Acknowledge, plain.Deadline = false, time.Time{}
	unasked := p.Release(plain, person)
	nobody := newVisitor(t, p)
	v := newVisitor(t, p)
	v.logIn(person.Number.String(), person.Key)
	v.get("/notices/"+string(unasked)).want(t, 200)

	for language, words := range map[string]struct{ awaiting, read, until, login string }{
		"en": {"1 update awaits", "Read", "(UTC)", "Log in"},
		"fr": {"1 communication attend", "Lu", "(UTC)", "Se connecter"},
	} {
		nobody.header.Set("Accept-Language", language+"-CH, de;q=0.5")
		v.header.Set("Accept-Language", language+"-CH, de;q=0.5")
		for _, path := range []string{"/", "/login", "/login?note=out", "/login?note=ended&next=/account", "/login/text", "/claim"} {
			text := nobody.page(path, 200)
			if !strings.Contains(text, `<html lang="`+language+`" dir="ltr"`) || !strings.Contains(text, words.login) {
				t.Errorf("%s is not in %s", path, language)
			}
		}
		nobody.page("/nothing-here", 404)
		mailbox := v.page("/mailbox", 200)
		for _, want := range []string{words.awaiting, words.until, `data-notice="` + string(waiting) + `" data-state="awaiting"`, `data-notice="` + string(unasked) + `" data-state="read"`, person.Number.String()} {
			if !strings.Contains(mailbox, want) {
				t.Errorf("the mailbox in %s does not say %q", language, want)
			}
		}
		if strings.Contains(mailbox, "Findings") {
			t.Error("the server knows a subject")
		}
		for _, path := range []string{"/notices/" + string(waiting), "/notices/" + string(unasked), "/notices/" + string(waiting) + "/acknowledge", "/account"} {
			v.page(path, 200)
		}
		v.page("/notices/N-4GZ0R8TB", 400)
		v.page("/notices/"+string(crypto.NewNumber(crypto.KindNotice)), 404)
	}
	if a := v.get("/notices/" + string(waiting) + "/nonce"); a.StatusCode != 409 {
		t.Errorf("looking at the pages opened the notice: %d", a.StatusCode)
	}
}

func TestALanguageIsPickedAndRemembered(t *testing.T) {
	v := newVisitor(t, live.Portal(t, live.Options{}))
	v.header.Set("Accept-Language", "ar, zh;q=0.9, *;q=0.1")
	if text := v.page("/", 200); !strings.Contains(text, `lang="en"`) {
		t.Error("a language that we don't have is not answered in English")
	}
	a := v.do("GET", "/login?lang=fr", nil)
	cookies := a.Cookies()
	if len(cookies) != 1 || cookies[0].Value != "fr" || !cookies[0].Secure || !cookies[0].HttpOnly || cookies[0].MaxAge != 0 || !cookies[0].Expires.IsZero() {
		t.Errorf("%v", cookies)
	}
	if text := v.page("/claim", 200); !strings.Contains(text, `<html lang="fr"`) {
		t.Error("the language was forgotten")
	}
	if text := v.page("/claim?lang=xx", 200); !strings.Contains(text, `<html lang="fr"`) {
		t.Error("an unknown language counts")
	}
}

func TestNextStaysOnThisPortal(t *testing.T) {
	v := newVisitor(t, live.Portal(t, live.Options{}))
	for next, want := range map[string]string{
		"/notices/N-4GZ0R8TB": "/notices/N-4GZ0R8TB", "/account?x=1": "/account?x=1", "": "/mailbox", "https://evil.example/": "/mailbox", "//evil.example": "/mailbox",
		"/\\evil.example": "/mailbox", "javascript:alert(1)": "/mailbox", "/login": "/mailbox", "account": "/mailbox", "/\t/evil.example": "/mailbox",
	} {
		text := v.page("/login?next="+url.QueryEscape(next), 200)
		if !strings.Contains(text, `name="next" value="`+html.EscapeString(want)+`"`) {
			t.Errorf("next=%q does not lead to %q", next, want)
		}
	}
	v.stay().do("GET", "/notices/N-4GZ0R8TB", nil).wantRedirect(t, "/login?next=%2Fnotices%2FN-4GZ0R8TB")
}

func TestWhatWasTypedComesBackEscaped(t *testing.T) {
	v := newVisitor(t, live.Portal(t, live.Options{}))
	const typed = `"><script>alert(1)</script>`
	a := v.submit("/login/text", url.Values{"as": {typed}, "next": {typed}})
	a.want(t, 400)
	text := wholePage(t, a)
	if !strings.Contains(text, html.EscapeString(typed)[5:]) || !strings.Contains(text, `role="alert"`) {
		t.Errorf("what was typed is lost, or what was wrong isn't said: %s", text)
	}
	person := "S-7K2M9QXD/1"
	a = v.submit("/login/signed", url.Values{"as": {person}, "signed_text": {typed}})
	a.want(t, 401)
	if text := wholePage(t, a); !strings.Contains(text, "&lt;script&gt;") || textIn(t, text, "text-to-sign") == "" {
		t.Error("no new text to sign, or what was pasted is lost")
	}
}

// TestARefusalIsSaidInTheReadersLanguage: the catalogue's words for its code.
func TestARefusalIsSaidInTheReadersLanguage(t *testing.T) {
	v := newVisitor(t, live.Portal(t, live.Options{}))
	v.page("/login?lang=fr", 200) // remembered
	a := v.submit("/login/signed", url.Values{"as": {"S-7K2M9QXD/1"}, "signed_text": {"hello"}})
	a.want(t, 401)
	if text := html.UnescapeString(wholePage(t, a)); !strings.Contains(text, "Ce n’est pas le texte signé") {
		t.Errorf("what is no signed text is refused in other words than French ones: %s", text)
	}
}

// TestWithoutScripts goes the whole way with forms, links and gpg.
func TestWithoutScripts(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	n := string(p.Release(p.Draft(), person))
	gpg := portaltest.GPG(t)
	gpg.Import([]byte(person.Key.Armor()))
	as := person.Number.String()
	v := newVisitor(t, p).stay()

	// Log in.
	a := v.submit("/login/text", url.Values{"as": {strings.ToLower(as)}, "next": {"/notices/" + n}})
	a.want(t, 200)
	text := textIn(t, wholePage(t, a), "text-to-sign")
	signed := string(gpg.ClearSign(as, text))
	v.submit("/login/signed", url.Values{"as": {as}, "next": {"/notices/" + n}, "signed_text": {signed}}).wantRedirect(t, "/notices/"+n)
	a = v.submit("/login/signed", url.Values{"as": {as}, "signed_text": {signed}}) // a second time
	a.want(t, 401)
	v.do("GET", "/mailbox", nil).want(t, 200) // and the session is still there

	// Without having fetched it there is nothing to acknowledge.
	page := v.page("/notices/"+n+"/acknowledge", 200)
	if strings.Contains(page, "valise acknowledgement") || !strings.Contains(page, "/message.asc") {
		t.Errorf("%s", page)
	}
	message := v.do("GET", "/api/v1/notices/"+n+"/message.asc", nil)
	message.want(t, 200)
	gpg.Import(v.do("GET", "/certificates/"+strings.Replace(as, "/", ".", 1)+"/chain", nil).body)
	opened := string(gpg.Decrypt(message.body))
	opening := regexp.MustCompile(`(?m)^opening: [0-9a-f]{64}`).FindString(strings.ReplaceAll(opened, "\r", ""))
	if opening == "" || !strings.Contains(opened, "Findings that concern you") {
		t.Fatalf("opened: %s", opened)
	}

	// Acknowledge, first with the line left empty.
	text = textIn(t, v.page("/notices/"+n+"/acknowledge", 200), "ack-text")
	if strings.Count(text, "\nopening:") != 1 || strings.Contains(text, opening) {
		t.Fatalf("to sign: %s", text)
	}
	a = v.submit("/notices/"+n+"/acknowledge", url.Values{"receipt": {string(gpg.ClearSign(as, text))}})
	if a.StatusCode < 400 || a.StatusCode >= 500 || !strings.Contains(wholePage(t, a), `role="alert"`) {
		t.Errorf("a receipt without opening value: %d", a.StatusCode)
	}
	text = regexp.MustCompile(`(?m)^opening:.*$`).ReplaceAllString(text, opening)
	receipt := gpg.ClearSign(as, text)
	v.submit("/notices/"+n+"/acknowledge", url.Values{"receipt": {string(receipt)}}).wantRedirect(t, "/notices/"+n+"#receipt-section")
	page = v.page("/notices/"+n, 200)
	if textIn(t, page, "receipt") != string(receipt) || !strings.Contains(page, "Acknowledged by "+as) {
		t.Error("the receipt is not shown as it was handed in")
	}
	v.do("GET", "/notices/"+n+"/acknowledge", nil).wantRedirect(t, "/notices/"+n)

	// The files that the page offers for checking it do check it.
	fresh := portaltest.GPG(t)
	fresh.Import(v.do("GET", "/certificates/"+strings.Replace(as, "/", ".", 1), nil).body)
	if _, _, err := fresh.Verify(v.do("GET", "/api/v1/notices/"+n+"/acknowledgement", nil).body); err != nil {
		t.Errorf("gpg on the receipt: %v", err)
	}
	manifest := string(v.do("GET", "/notices/"+n+"/manifest.asc", nil).body)
	manifest, _, _ = strings.Cut(manifest, "-----BEGIN")
	if digest := crypto.RefTo([]byte(manifest)).SHA256; !strings.Contains(string(receipt), "manifest-sha256: "+digest) {
		t.Errorf("the manifest's digest %s is not in the receipt", digest)
	}
	if a := v.do("GET", "/certificates/"+strings.Replace(as, "/", ".", 1)+"/chain", nil); strings.Count(string(a.body), "BEGIN PGP PUBLIC KEY BLOCK") != 6 {
		t.Errorf("the chain has %d certificates, want 2 of the representative, 3 of staff, the root", strings.Count(string(a.body), "BEGIN PGP PUBLIC KEY BLOCK"))
	}

	// Log out, also twice, also everywhere.
	v.submit("/logout", nil).wantRedirect(t, "/login?note=out")
	v.submit("/logout", nil).wantRedirect(t, "/login?note=out")
	v.do("GET", "/mailbox", nil).wantRedirect(t, "/login?next=%2Fmailbox")
	other := newVisitor(t, p).stay()
	other.logIn(as, person.Key)
	v.logIn(as, person.Key)
	v.submit("/sessions/revoke", nil).wantRedirect(t, "/login?note=everywhere")
	other.do("GET", "/mailbox", nil).wantRedirect(t, "/login?next=%2Fmailbox")
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
	v := newVisitor(t, p).stay()
	v.logIn(person.Number.String(), person.Key)
	v.header.Set("Origin", "https://evil.example")
	v.header.Set("Sec-Fetch-Site", "cross-site")
	for _, path := range []string{"/logout", "/sessions/revoke", "/login/text", "/login/signed"} {
		if a := v.submit(path, nil); a.StatusCode != 403 || !strings.Contains(string(a.body), `data-code="cross-site"`) {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	v.header = http.Header{}
	v.do("GET", "/mailbox", nil).want(t, 200)
}

func TestStaffAndTheUnclaimedAreToldWhatToDo(t *testing.T) {
	p := live.Portal(t, live.Options{})
	issued := p.Issue(crypto.KindState, crypto.ProfileCompat)
	v := newVisitor(t, p)
	v.logIn(issued.Number.String(), issued.Key)
	if text := v.page("/mailbox", 403); !strings.Contains(text, `href="/claim"`) {
		t.Error("who has not claimed isn't told where to")
	}
	v.logIn(fingerprint(p.Author), p.Author)
	if text := v.page("/mailbox", 403); !strings.Contains(text, `href="/staff" data-go="place"`) || !strings.Contains(text, live.AuthorName) {
		t.Error("staff aren't told where to")
	}
	v.logIn(issued.Number.String(), issued.Key)
	if text := v.page("/staff", 403); !strings.Contains(text, `href="/mailbox" data-go="place"`) {
		t.Error("who isn't staff isn't told where to")
	}
}

// TestWhereSomebodyWantedToGoIsKept also by who takes the way with a text, without scripts.
func TestWhereSomebodyWantedToGoIsKept(t *testing.T) {
	v := newVisitor(t, live.Portal(t, live.Options{}))
	if page := v.page("/login?next=%2Fnotices%2FN-4GZ0R8T4%3Flang%3Dfr", 200); !strings.Contains(page, `href="/login/text?next=%2Fnotices%2FN-4GZ0R8T4%3Flang%3Dfr"`) {
		t.Errorf("lost on the way:\n%s", page)
	}
}

func TestTheFirstPagesNeedNothingElse(t *testing.T) {
	redis := portaltest.StartRedis(t)
	p := live.Portal(t, live.Options{Redis: redis.URL})
	v := newVisitor(t, p)
	redis.Stop()
	for _, path := range []string{"/", "/login", "/claim", "/login/text"} {
		v.page(path, 200)
	}
	a := v.submit("/login/text", url.Values{"as": {"S-7K2M9QXD"}})
	a.want(t, 503)
	if text := wholePage(t, a); !strings.Contains(text, `id="reference"`) {
		t.Error("no reference")
	}
}

func TestTheFirstVisitIsSmall(t *testing.T) {
	p := live.Portal(t, live.Options{})
	n := newNewsroom(t, p)
	first := inArabicToo()
	first.Languages[0].Body = strings.Repeat("Anomalous activity was detected, and immediate measures were taken to limit its impact.\n\n", 25) // some 2 kB, as such statements have
	n.publish(first)
	for range 5 {
		d := announcement()
		d.Series = first.Statement
		n.publish(d)
	}
	v := newVisitor(t, p)
	v.header.Set("Accept-Encoding", "br")
	text := ""
	for _, path := range []string{"/statements/" + string(first.Statement) + "/en", "/en/statements", "/en/series/" + string(first.Statement), "/"} { // where links from elsewhere lead
		total := 0
		text = v.page(path, 200)
		total += len(text)
		for _, m := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(text, -1) {
			a := v.do("GET", m[1], nil)
			a.want(t, 200)
			total += len(a.body)
		}
		if total > 30_000 {
			t.Errorf("%s needs %d octets", path, total)
		}
	}
	wasm := regexp.MustCompile(`data-wasm="([^"]*)"`).FindStringSubmatch(text)[1]
	if wasm == "" {
		t.Fatal("built without the browser's half: run make build first")
	}
	if a := v.do("GET", wasm, nil); a.Header.Get("Content-Encoding") != "br" || len(a.body) > 2_000_000 {
		t.Errorf("the WebAssembly is %d octets, %q", len(a.body), a.Header.Get("Content-Encoding"))
	}
}
