package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// frontage is a portal as browsers reach it, with somebody on the way who can do things to requests and answers.
type frontage struct {
	*live.Server
	url    string
	meddle atomic.Pointer[func(w http.ResponseWriter, r *http.Request, next http.Handler)]
}

func newFrontage(t testing.TB) *frontage {
	t.Helper()
	return frontageOf(t, live.Portal(t, live.Options{}))
}

// frontageOf is one of several nodes.
func frontageOf(t testing.TB, p *live.Server) *frontage {
	f := &frontage{Server: p}
	site := *f.Portal
	server := httptest.NewUnstartedServer(nil)
	site.Origin = "https://" + server.Listener.Addr().String()
	handler, err := site.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if meddle := f.meddle.Load(); meddle != nil {
			(*meddle)(w, r, handler)
			return
		}
		handler.ServeHTTP(w, r)
	})
	server.StartTLS()
	t.Cleanup(server.Close)
	f.url = site.Origin
	return f
}

// onTheWay meddles with one kind of request from now on.
func (f *frontage) onTheWay(method, path string, do func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	meddle := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == method && r.URL.Path == path {
			do(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
	f.meddle.Store(&meddle)
}

// loseAnswers carries requests out and breaks the line before the answer, until the line is mended. (A browser sends a request
// again by itself when a connection that it had used before breaks, so losing one answer would not be noticed.)
func (f *frontage) loseAnswers(paths ...string) (mend func()) {
	meddle := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if slices.Contains(paths, r.URL.Path) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	}
	f.meddle.Store(&meddle)
	return func() { f.meddle.Store(nil) }
}

// issueWithLetter issues a representative as a registrar does, with a claim code for the letter.
func (f *frontage) issueWithLetter(t *testing.T, profile crypto.Profile) (crypto.Representative, crypto.ClaimCode) {
	t.Helper()
	as, err := ceremony.NewMailbox(crypto.KindState)
	if err != nil {
		t.Fatal(err)
	}
	wire := api.Institution{Root: f.Root.Certificate().Armor()}
	for _, c := range f.Staff() {
		wire.Staff = append(wire.Staff, c.Armor())
	}
	trust, err := ceremony.Believe(f.Pin, wire)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := ceremony.Issue(trust, f.Registrar, ceremony.Order{Representative: as, Profile: profile, Stakeholder: "Elbonia", Person: "Ama Mensah"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := issued.Request
	if err := f.Portal.Registry.Issue(context.Background(), f.Acting(f.Registrar), registry.Issuance{
		Representative: as, Profile: profile, Certificate: []byte(r.Certificate), Salt: r.Salt, Verifier: r.Verifier, LockedBundle: r.LockedBundle,
		Label: r.Label, Details: r.Details,
	}); err != nil {
		t.Fatal(err)
	}
	return as, issued.Code
}

// reader is a person in front of a browser.
type reader struct {
	*portaltest.Browser
	t   testing.TB
	url string
}

func newReader(t testing.TB, f *frontage) *reader {
	return &reader{Browser: portaltest.Chromium(t, portaltest.IgnoreCertificateErrors), t: t, url: f.url}
}

func css(selector string) chromedp.CSS { return chromedp.CSS(selector) }

// arrive waits until a page has done what it does by itself.
func (r *reader) arrive(page string) {
	r.t.Helper()
	r.Do(chromedp.WaitReady(css("html[data-page=" + page + "][data-ready]")))
}

func (r *reader) visit(path, page string) {
	r.t.Helper()
	r.Visit(r.url + path)
	r.arrive(page)
}

func (r *reader) typeInto(selector, text string) {
	r.t.Helper()
	r.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).value = ''", selector)), chromedp.SendKeys(css(selector), text))
}

func (r *reader) press(selector string) {
	r.t.Helper()
	r.Do(chromedp.Click(css(selector)))
}

// sees waits until an element shows a text.
func (r *reader) sees(selector, want string) {
	r.t.Helper()
	text := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		text = portaltest.Read(r.Browser, chromedp.Evaluate[string](fmt.Sprintf("(e => e && e.checkVisibility() ? e.innerText : '')(document.querySelector(%q))", selector)))
		if strings.Contains(text, want) {
			return
		}
	}
	r.t.Fatalf("%s shows %q, want %q", selector, text, want)
}

func (r *reader) isVisible(selector string) bool {
	r.t.Helper()
	return portaltest.Read(r.Browser, chromedp.Evaluate[bool](fmt.Sprintf("(e => e !== null && e.checkVisibility())(document.querySelector(%q))", selector)))
}

func (r *reader) keeps() bool {
	r.t.Helper()
	return portaltest.Read(r.Browser, chromedp.Evaluate[bool]("sessionStorage.length > 0"))
}

func (r *reader) logIn(as, passphrase, page string) {
	r.t.Helper()
	r.typeInto("#login-number", as)
	r.typeInto("#login-passphrase", passphrase)
	r.press("#login-submit")
	if page != "" {
		r.arrive(page)
	}
}

// wantNoProblems fails for whatever the browser complained of, but what was meant to fail.
func (r *reader) wantNoProblems(meant ...string) {
	r.t.Helper()
	for _, problem := range r.Problems() {
		if !slices.ContainsFunc(meant, func(m string) bool { return strings.Contains(problem, m) }) {
			r.t.Errorf("the browser complains: %s", problem)
		}
	}
}

// TestTheKeyStaysAndGoes follows the unlocked key from page to page, to another tab, and out.
func TestTheKeyStaysAndGoes(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := string(f.Release(f.Draft(), person))
	as := person.Number.String()
	r := newReader(t, f)

	r.visit("/notices/"+n, "login")
	r.logIn("x", "y", "")
	r.sees("#login-number-error", "number")
	r.logIn(as, "wrong words entirely", "")
	r.sees("#login-passphrase-error", "wrong")
	r.logIn(strings.ToLower(as), live.Passphrase, "notice") // where they wanted to go
	r.sees("#subject", "Findings that concern you")
	r.sees("#text strong", "may")
	r.sees("#signers", live.ApproverName)
	r.visit("/mailbox", "mailbox")
	r.sees(".subject", "Findings that concern you")
	r.Do(chromedp.Reload())
	r.arrive("mailbox")
	r.sees(".subject", "Findings that concern you")
	if r.isVisible("#unlock") {
		t.Error("a page change lost the key")
	}
	if stored := portaltest.Read(r.Browser, chromedp.Evaluate[string]("JSON.stringify(sessionStorage)")); strings.Contains(stored, "PRIVATE") || strings.Contains(stored, live.Passphrase) {
		t.Error("the key lies in the session storage in clear")
	}

	// Another tab has the session, and not the key.
	tab := &reader{Browser: r.Tab(), t: t, url: f.url}
	tab.visit("/mailbox", "mailbox")
	tab.sees(".subject", "Sealed notice")
	tab.typeInto("#unlock-passphrase", "wrong")
	tab.press("#unlock-submit")
	tab.sees("#unlock-passphrase-error", "wrong")
	tab.typeInto("#unlock-passphrase", live.Passphrase)
	tab.press("#unlock-submit")
	tab.sees(".subject", "Findings that concern you")

	// Logging out in one takes the key from both.
	tab.press("#logout button")
	tab.arrive("login")
	r.arrive("login")
	r.sees(".notice-box", "logged out")
	if r.keeps() || tab.keeps() {
		t.Error("log-out leaves something in the tab")
	}

	// A session that is ended elsewhere ends here at the next step.
	r.visit("/login?next=%2Fmailbox", "login")
	r.logIn(as, live.Passphrase, "mailbox")
	stored := portaltest.Read(r.Browser, chromedp.Evaluate[string]("sessionStorage.getItem('valise.kept')"))
	elsewhere := newVisitor(t, f.Server)
	elsewhere.logIn(as, person.Key)
	elsewhere.post("/sessions/revoke", "{}").want(t, 204)
	r.Do(chromedp.Reload())
	r.arrive("login")
	// And what its tab kept opens nothing in the next session.
	r.logIn(as, live.Passphrase, "mailbox")
	r.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("sessionStorage.setItem('valise.kept', %q)", stored)), chromedp.Reload())
	r.arrive("mailbox")
	r.sees("#unlock", "Passphrase")
	if r.keeps() {
		t.Error("what can't be opened stays")
	}

	// Half an hour without doing anything: a warning, and then the end.
	r.typeInto("#unlock-passphrase", live.Passphrase)
	r.press("#unlock-submit")
	r.sees(".subject", "Findings that concern you")
	r.Do(chromedp.Evaluate[chromedp.Void]("{ const now = Date.now; Date.now = () => now() + 27.5 * 60_000; }"))
	r.sees("#idle", "two minutes")
	r.press("#idle-stay")
	for end := time.Now().Add(5 * time.Second); r.isVisible("#idle") && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if !r.keeps() || r.isVisible("#idle") {
		t.Error("who wants to stay can't")
	}
	r.Do(chromedp.Evaluate[chromedp.Void]("{ const now = Date.now; Date.now = () => now() + 31 * 60_000; }"))
	r.arrive("login")
	r.sees(".notice-box", "half an hour")
	if r.keeps() {
		t.Error("the session's end leaves something in the tab")
	}
	r.visit("/mailbox", "login")
	r.wantNoProblems("401")
	tab.wantNoProblems("401")
}

func TestClaimingOnABadLine(t *testing.T) {
	f := newFrontage(t)
	as, code := f.issueWithLetter(t, crypto.ProfilePQ)
	r := newReader(t, f)
	r.visit("/claim#"+strings.Replace(as.String(), "/", ".", 1)+":"+string(code), "claim")
	if at := portaltest.Read(r.Browser, chromedp.Evaluate[string]("location.href + history.length")); strings.Contains(at, string(code)) || strings.Contains(at, "#") {
		t.Errorf("the code stays in the address: %s", at)
	}
	wrong := []byte(code)
	wrong[7] = map[bool]byte{true: '3', false: '2'}[wrong[7] == '2']
	r.typeInto("#claim-code", string(wrong))
	r.press("#claim-submit")
	r.sees("#claim-code-error", "Group 2")
	r.typeInto("#claim-code", strings.ToLower(strings.ReplaceAll(string(code), "-", " ")))
	r.press("#claim-submit")
	r.sees("#claim-fingerprint", strings.Fields(f.Pin.Fingerprint.Spaced())[3])
	r.press("#claim-compared-next")
	r.sees("#claim-compared-error", "Compare")
	r.press("#claim-compared")
	r.press("#claim-compared-next")
	r.sees("[data-step=key] h2", "Write down")
	words := portaltest.Read(r.Browser, chromedp.Text(css("#claim-words")))
	if len(strings.Fields(words)) != 6 {
		t.Errorf("the words are %q", words)
	}
	r.Do(chromedp.Evaluate[chromedp.Void]("document.querySelector('[data-step=key] details').open = true"))
	r.typeInto("#claim-own-new", "too short")
	r.press("#claim-own-passphrase button[type=submit]")
	r.sees("#claim-own-new-error", "at least 14")
	r.typeInto("#claim-own-new", "ferry obelisk turnip caution hazel")
	r.press("#claim-own-passphrase button[type=submit]")
	r.press("#claim-back") // on second thoughts, the six words
	r.press("#claim-kept")
	r.sees("[data-step=repeat] h2", "Type")
	r.typeInto("#claim-again", "something else")
	r.press("#claim-again-submit")
	r.sees("#claim-again-error", "not the same")

	// The server takes the claim, and the line breaks before it says so; and then it breaks while the page asks what became of it.
	mend := f.loseAnswers("/api/v1/claim", "/api/v1/me")
	r.typeInto("#claim-again", "  "+words+" ")
	r.press("#claim-again-submit")
	r.sees("#claim-again-error", "can’t be reached")
	mend()
	r.press("#claim-again-submit")
	r.sees("#claim-done", "yours")
	r.press("a[data-go=mailbox]")
	r.arrive("mailbox")
	if r.isVisible("#unlock") {
		t.Error("who has just claimed is asked for the passphrase again")
	}
	r.press("#logout button")
	r.arrive("login")
	r.logIn(as.String(), words, "mailbox")

	// The code opens nothing any more.
	r.visit("/claim", "claim")
	r.typeInto("#claim-number", as.String())
	r.typeInto("#claim-code", string(code))
	r.press("#claim-submit")
	r.sees("#claim-code-error", "claimed already")
	r.wantNoProblems("ERR_", "401", "409")
}

func TestClaimingWithOnesOwnKey(t *testing.T) {
	f := newFrontage(t)
	as, code := f.issueWithLetter(t, crypto.ProfileCompat)
	gpg := portaltest.GPG(t)
	r := newReader(t, f)
	paste := func(certificate []byte) {
		text, _ := json.Marshal(string(certificate))
		r.Do(chromedp.Evaluate[chromedp.Void]("document.querySelector('#claim-certificate').value = " + string(text)))
		r.press("#claim-certificate-submit")
	}
	gpg.GenerateKey("Ama Mensah <ama@elbonia.example>")
	for _, in := range []struct{ language, says string }{{"fr", "chacun pourrait voir qui vous êtes"}, {"en", "its only user ID must be the number"}} {
		r.visit("/claim?lang="+in.language, "claim")
		r.typeInto("#claim-number", as.String())
		r.typeInto("#claim-code", string(code))
		r.press("#claim-submit")
		r.sees("#claim-fingerprint", strings.Fields(f.Pin.Fingerprint.Spaced())[0])
		r.press("#claim-compared")
		r.press("#claim-compared-next")
		r.press("[data-step=key] > details > summary")
		paste(gpg.Export("ama@elbonia.example"))
		r.sees("#claim-certificate-error", in.says)
		r.sees("#claim-certificate-error", "gpg --quick-add-uid")
	}
	gpg.GenerateKey(as.String())
	paste(gpg.Export("=" + as.String()))
	r.sees("[data-step=own-done]", "Your certificate is in place")
	r.press("[data-step=own-done] a")
	r.arrive("login_text")
	r.typeInto("#text-number", as.String())
	r.press("#text-start button")
	r.sees("#text-to-sign", "valise login v1")
	text := portaltest.Read(r.Browser, chromedp.Evaluate[string]("document.querySelector('#text-to-sign').textContent"))
	signed, _ := json.Marshal(string(gpg.ClearSign("="+as.String(), text)))
	r.Do(chromedp.Evaluate[chromedp.Void]("document.querySelector('#text-paste').value = " + string(signed)))
	r.press("#text-signed button")
	r.arrive("mailbox")
	r.visit("/account", "account")
	r.sees("main", "hold it yourself")
	r.wantNoProblems("401")
}

func TestAcknowledgingOnABadLine(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
	n := string(f.Release(f.Draft(), person))
	r := newReader(t, f)
	r.visit("/notices/"+n, "login")
	r.logIn(person.Number.String(), live.Passphrase, "notice")
	r.sees("#acknowledging", "Acknowledge")
	mend := f.loseAnswers("/api/v1/notices/" + n + "/acknowledgement")
	r.press("#acknowledge")
	r.sees("#acknowledge-error", "can’t be reached")
	mend()
	r.press("#acknowledge")
	r.sees("#receipt-by", "Acknowledged by "+person.Number.String())
	shown := portaltest.Read(r.Browser, chromedp.Evaluate[string]("document.querySelector('#receipt').textContent"))
	name, saved := r.Download(chromedp.Click(css("#receipt-download")))
	if name != n+"-acknowledgement.asc" || string(saved) != shown {
		t.Errorf("%s was saved with %d octets, shown are %d", name, len(saved), len(shown))
	}
	gpg := portaltest.GPG(t)
	gpg.Import([]byte(person.Key.Certificate().Armor()))
	if _, _, err := gpg.Verify(saved); err != nil {
		t.Error(err)
	}
	r.Do(chromedp.Reload())
	r.arrive("notice")
	r.sees("#receipt-by", "Acknowledged by "+person.Number.String())
	if r.isVisible("#acknowledge") {
		t.Error("what is acknowledged is asked for again")
	}
	r.wantNoProblems("ERR_")
}

func TestRefusing(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := f.Release(f.Draft(), person)
	r := newReader(t, f)
	r.visit("/notices/"+string(n)+"?lang=fr", "login")
	r.logIn(person.Number.String(), live.Passphrase, "notice")
	r.sees("#subject", "Constatations qui vous concernent")
	r.press("#languages [data-language=en]")
	r.sees("#subject", "Findings that concern you")
	r.press("#acknowledging summary")
	r.press("#refuse")
	r.sees("#receipt-by", "refusé par "+person.Number.String())
	kept, err := f.Portal.Dispatch.Receipt(context.Background(), portal.ActingRepresentative(person.Number), n, person.Number.Mailbox)
	if err != nil || kept.Decision != crypto.DecisionRefused {
		t.Errorf("%v, %v", kept.Decision, err)
	}
	r.wantNoProblems()
}

func TestAPortalThatLies(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := string(f.Release(f.Draft(), person))
	r := newReader(t, f)
	rewrite := func(change func(into map[string]any)) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, q *http.Request, next http.Handler) {
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, q)
			var object map[string]any
			if json.Unmarshal(recorder.Body.Bytes(), &object) == nil {
				change(object)
			}
			body, _ := json.Marshal(object)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(recorder.Code)
			w.Write(body)
		}
	}

	// Another root.
	other, err := crypto.GenerateRoot("International Court (test)", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f.onTheWay("GET", "/api/v1/institution", rewrite(func(o map[string]any) { o["root"] = other.Certificate().Armor() }))
	r.visit("/login", "login")
	r.logIn(person.Number.String(), live.Passphrase, "")
	r.sees("#login-passphrase-error", "not the one on paper")

	// A log-in for another portal.
	f.onTheWay("POST", "/api/v1/login/start", rewrite(func(o map[string]any) { o["origin"] = "https://other.example" }))
	r.press("#login-submit")
	r.sees("#login-passphrase-error", "passing your log-in on")

	// A notice that nobody approved.
	f.meddle.Store(nil)
	r.press("#login-submit")
	r.arrive("mailbox")
	f.onTheWay("GET", "/api/v1/notices/"+n, rewrite(func(o map[string]any) { o["approver_signature"] = o["author_signature"] }))
	r.press(`[data-notice="` + n + `"] a`)
	r.arrive("notice")
	r.sees("#notice-problem", "does not hold")
	if r.isVisible("#opened") || r.isVisible("#acknowledge") || r.isVisible("#signers") {
		t.Error("a notice that doesn't hold is shown")
	}
	r.wantNoProblems()
}

func TestWhatOneDoesWithOnesKey(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	as := person.Number.String()
	r := newReader(t, f)
	r.visit("/account", "login")
	r.logIn(as, live.Passphrase, "account")
	r.sees("#root-pinned", "confirmed")

	r.typeInto("#backup-passphrase", "wrong")
	r.press("#backup-submit")
	r.sees("#backup-passphrase-error", "wrong")
	r.typeInto("#backup-passphrase", live.Passphrase)
	name, locked := r.Download(chromedp.Click(css("#backup-submit")))
	locked, err := ceremony.KeyFile(locked)
	if err != nil || !strings.HasSuffix(name, "-emergency.asc") {
		t.Fatalf("%s: %v", name, err)
	}
	salt, err := crypto.BundleSalt(locked)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	secrets, err := crypto.DeriveSecrets([]byte(live.Passphrase), salt)
	if err != nil {
		t.Fatal(err)
	}
	if bundle, err := crypto.UnlockBundle(locked, secrets); err != nil || bundle.Holder != as {
		t.Errorf("the copy does not open: %v", err)
	}

	_, private := r.Download(chromedp.Click(css("#export")))
	gpg := portaltest.GPG(t)
	gpg.Import(private)
	gpg.ClearSign(as, "it is mine\n")

	words := portaltest.Read(r.Browser, chromedp.Text(css("#passphrase-words")))
	r.typeInto("#passphrase-now", live.Passphrase)
	r.typeInto("#passphrase-again", words+" more")
	r.press("#passphrase-submit")
	r.sees("#passphrase-again-error", "not the same")
	r.typeInto("#passphrase-again", words)
	r.typeInto("#passphrase-now", "wrong")
	r.press("#passphrase-submit")
	r.sees("#passphrase-now-error", "not your current")
	r.typeInto("#passphrase-now", live.Passphrase)
	r.press("#passphrase-submit")
	r.sees("#passphrase-status", "is changed")
	r.press("#everywhere button")
	r.arrive("login")
	r.sees(".notice-box", "every device")
	r.visit("/login", "login")
	r.logIn(as, live.Passphrase, "")
	r.sees("#login-passphrase-error", "wrong")
	r.logIn(as, words, "mailbox")
	r.wantNoProblems("401")
}

func TestBrowsersThatCanDoLess(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
	n := string(f.Release(f.Draft(), person))

	t.Run("no WebAssembly", func(t *testing.T) {
		r := newReader(t, f)
		if _, err := chromedp.Call(r.Browser, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete globalThis.WebAssembly"}); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"login", "claim"} {
			r.visit("/"+at, at)
			r.sees("#no-wasm", "WebAssembly")
			if r.isVisible("#login") || r.isVisible("#claim") {
				t.Errorf("%s shows a form that does nothing", at)
			}
		}
	})
	t.Run("the WebAssembly does not arrive", func(t *testing.T) {
		meddle := func(w http.ResponseWriter, q *http.Request, next http.Handler) {
			if strings.HasSuffix(q.URL.Path, ".wasm") {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, q)
		}
		f.meddle.Store(&meddle)
		defer f.meddle.Store(nil)
		r := newReader(t, f)
		r.visit("/login", "login")
		r.sees("#no-engine", "did not arrive")
	})
	t.Run("no scripts", func(t *testing.T) {
		r := newReader(t, f)
		r.WithoutJavaScript()
		r.Do(chromedp.Navigate(f.url+"/login"), chromedp.WaitVisible(css("noscript .notice-box")))
		r.Do(chromedp.Click(css("a[data-go=text]")), chromedp.SendKeys(css("#text-number"), person.Number.String()), chromedp.Click(css("#text-start button")))
		text := portaltest.Read(r.Browser, chromedp.Text(css("#text-to-sign")))
		signed, err := crypto.ClearSign(person.Key, crypto.PurposeLogIn, []byte(strings.TrimSpace(text)+"\n"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		r.Do(chromedp.SetValue(css("#text-paste"), string(signed)), chromedp.Click(css("#text-signed button")),
			chromedp.Click(css(`[data-notice="`+n+`"] a`)), chromedp.WaitVisible(css("#by-hand")))
		name, message := r.Download(chromedp.Click(css("#by-hand summary")), chromedp.Click(css("#message")))
		if name != n+".asc" || !strings.HasPrefix(string(message), "-----BEGIN PGP MESSAGE-----") {
			t.Errorf("%s: %.40q", name, message)
		}
		r.Do(chromedp.Click(css("#by-hand a[href$=acknowledge]")), chromedp.WaitVisible(css("#ack-text")))
	})
}
