package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// desk is a staff member in front of a browser of their own.
func (f *frontage) desk(t testing.TB, name string, key *crypto.Key, path, page string) *reader {
	t.Helper()
	r := newReader(t, f)
	r.visit("/staff/login?next="+strings.ReplaceAll(path, "/", "%2F"), "staff_login")
	r.choose("#key-file", f.keyFile(t, name, key))
	r.typeInto("#key-passphrase", live.Passphrase)
	r.press("#staff-login-submit")
	r.arrive(page)
	return r
}

// writes puts a text into a field as if it were typed: what was there is replaced.
func (r *reader) writes(selector, text string) {
	r.t.Helper()
	r.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const e = document.querySelector(%q); e.focus(); e.value = %q; e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); }`, selector, text)))
}

func (r *reader) value(selector string) string {
	r.t.Helper()
	return portaltest.Read(r.Browser, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q).value`, selector)))
}

func (r *reader) path() string {
	r.t.Helper()
	return portaltest.Read(r.Browser, chromedp.Evaluate[string](`location.pathname`))
}

// saves waits until the editor has nothing left to save.
func (r *reader) saves() {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if portaltest.Read(r.Browser, chromedp.Evaluate[bool](`document.querySelector('#saved').dataset.state === 'saved' && document.querySelector('#saved-text').textContent !== ''`)) {
			return
		}
	}
	r.t.Fatalf("the editor does not save: %s", portaltest.Read(r.Browser, chromedp.Evaluate[string](`document.querySelector('#saved').innerText`)))
}

// comesBack is somebody who looks at the tab again.
func (r *reader) comesBack() {
	r.t.Helper()
	r.Do(chromedp.Evaluate[chromedp.Void](`document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))`))
}

// looks takes pictures at both sizes, light and dark, when somebody wants to see them.
func (r *reader) looks(name string) {
	r.t.Helper()
	if os.Getenv("VALISE_SCREENSHOTS") == "" {
		return
	}
	for size, viewport := range map[string]portaltest.Viewport{"1280": portaltest.Desktop, "360": portaltest.Phone} {
		r.Resize(viewport)
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			r.Dark(dark)
			time.Sleep(50 * time.Millisecond)
			if portaltest.Read(r.Browser, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > innerWidth")) {
				r.t.Errorf("%s is wider than %s", name, size)
			}
			r.Screenshot(name + "-" + size + "-" + scheme)
		}
	}
	r.Resize(portaltest.Desktop)
	r.Dark(false)
}

// draft is what the portal keeps of a statement, opened.
func (n *newsroom) draft(number crypto.Number) *ceremony.WorkedOn {
	n.t.Helper()
	var w api.StatementWork
	n.author.get("/staff/statements/"+string(number)).into(n.t, 200, &w)
	opened, err := ceremony.OpenWork(n.trust(), []*crypto.Key{n.p.Author}, w, time.Now())
	must(n.t, err)
	return opened
}

var editorPath = regexp.MustCompile(`^/staff/statements/(P-[0-9A-Z]{8})/edit$`)

// TestAStatementIsWrittenByTwoInTheBrowser follows a statement through the editor: begun, saved by itself, written by two at once, on a bad line, over the end of
// a session, submitted, taken back, corrected, withdrawn; and what somebody may put into its fields.
func TestAStatementIsWrittenByTwoInTheBrowser(t *testing.T) {
	t.Parallel() // most of its time it waits for editors to save, and to look
	f := newFrontage(t)
	n := newNewsroom(t, f.Server)
	earlier := announcement()
	n.publish(earlier)
	dora := f.Hire("Dora Author", crypto.RoleAuthor)
	d := &writing{t: t, f: f, newsroom: n, ada: f.desk(t, live.AuthorName, f.Author, "/staff/statements", "newsroom")}
	d.begin()
	d.dora = f.desk(t, "Dora Author", dora, "/staff/statements/"+string(d.number)+"/edit", "editor")
	d.two()
	d.bothChange()
	d.hostile()
	d.languages()
	d.files()
	d.badLine()
	d.sessionEnds()
	d.submit(earlier.Statement)
	d.takeBack()
	d.correct()
	d.withdraw()
	d.ada.wantNoProblems("401", "ERR_", "409")
	d.dora.sees("#told", "discarded or published") // her editor has been open all the time
	d.dora.wantNoProblems("404", "409")
}

// writing is a statement and the two who write it.
type writing struct {
	*newsroom
	t         *testing.T
	f         *frontage
	ada, dora *reader
	number    crypto.Number
}

func (d *writing) path() string { return "/staff/statements/" + string(d.number) + "/edit" }

// wants demands what the portal keeps.
func (d *writing) wants(revision int, check func(*crypto.StatementDraft) bool) {
	d.t.Helper()
	if kept := d.draft(d.number); kept.Revision < revision || !check(kept.Content) {
		d.t.Errorf("revision %d: %+v", kept.Revision, kept.Content)
	}
}

// begin: nothing is kept before something is written; then it has a number and an address, and a closed tab loses at most seconds.
func (d *writing) begin() {
	t, ada := d.t, d.ada
	ada.press("#new-statement")
	ada.arrive("editor")
	ada.sees("#heading", "Statement")
	ada.press("#save")
	ada.sees("#saved-said", "") // nothing to save
	if ada.path() != "/staff/statements/new" || ada.isVisible(`[data-part="reason-field"]`) {
		t.Error("something was kept before anything was written, or a new statement asks for a reason")
	}
	begun := time.Now()
	ada.writes("#title-en", "First forensic findings")
	ada.saves()
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("it took %v until it was saved", took)
	}
	at := editorPath.FindStringSubmatch(ada.path())
	if at == nil {
		t.Fatalf("the address is %s", ada.path())
	}
	d.number = crypto.Number(at[1])
	// Somebody who types on and on is saved meanwhile.
	typing := time.Now()
	for i := 0; time.Since(typing) < 6500*time.Millisecond; i++ {
		ada.writes("#body-en", "We have found **how** it was done.\n\n- It was *targeted*.\n"+strings.Repeat("- And so on.\n", i))
		time.Sleep(400 * time.Millisecond)
	}
	d.wants(2, func(c *crypto.StatementDraft) bool { return strings.Contains(c.Languages[0].Body, "And so on") })
	ada.sees("#preview-en strong", "how")
	ada.saves()
	ada.looks("editor-begun")
	ada.visit(d.path(), "editor")
	if ada.value("#title-en") != "First forensic findings" || !strings.Contains(ada.value("#body-en"), "And so on") {
		t.Error("what was written is not there again")
	}
	ada.Do(chromedp.Evaluate[chromedp.Void](`dispatchEvent(new KeyboardEvent('keydown', {key: 's', ctrlKey: true, cancelable: true}))`))
	portaltest.Axe(t, ada.Browser, "editor")
}

// two: who has the same draft open is told of a newer one, and what only one of two changed is put together.
func (d *writing) two() {
	t, ada, dora := d.t, d.ada, d.dora
	ada.writes("#body-en", "We have found how it was done.\n")
	ada.saves()
	dora.sees("#told", live.AuthorName+" saved revision") // it looks by itself every ten seconds
	dora.press("#told-show")
	if got := dora.value("#body-en"); got != "We have found how it was done.\n" {
		t.Errorf("Dora sees %q", got)
	}
	ada.writes("#topic", "Sécurité informatique")
	ada.saves()
	dora.writes("#title-fr", "Premiers constats")
	dora.sees("#conflict", live.AuthorName+" saved revision")
	dora.sees("#conflict", "Only you changed this")
	portaltest.Axe(t, dora.Browser, "conflict")
	dora.press("#conflict-save")
	dora.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool {
		return c.Topic == "securite-informatique" && c.Languages[1].Title == "Premiers constats" && c.Languages[0].Body == "We have found how it was done.\n"
	})
	ada.comesBack()
	ada.sees("#told", "Dora Author saved revision")
	ada.press("#told-show")
}

// bothChange: where two changed the same, both texts are shown, and a person decides.
func (d *writing) bothChange() {
	t, ada, dora := d.t, d.ada, d.dora
	ada.writes("#title-en", "Second forensic findings")
	ada.saves()
	before := d.draft(d.number).Revision
	dora.writes("#title-en", "First findings of the police")
	dora.sees("#conflict", "Both of you changed this")
	dora.looks("conflict")
	dora.press("#conflict-save")
	dora.sees("#conflict-error", "Choose")
	d.wants(before, func(c *crypto.StatementDraft) bool { return c.Languages[0].Title == "Second forensic findings" })
	if got := dora.value("#title-en"); got != "First findings of the police" {
		t.Errorf("Dora's text has become %q", got)
	}
	dora.press("#conflict-title-en-own")
	dora.writes("#conflict-title-en-text", "Second findings of the police")
	dora.press("#conflict-save")
	dora.saves()
	d.wants(before+1, func(c *crypto.StatementDraft) bool { return c.Languages[0].Title == "Second findings of the police" })
	// And to take all of theirs.
	ada.writes("#title-en", "Something else")
	ada.sees("#conflict", "Dora Author saved revision")
	ada.press("#conflict-theirs")
	ada.sees("#saved-text", "Saved")
	if got := ada.value("#title-en"); got != "Second findings of the police" {
		t.Errorf("Ada sees %q", got)
	}
}

// hostile: whatever is written into a field is shown as text, in the editor, in a comparison, and in the list.
func (d *writing) hostile() {
	t, ada, dora := d.t, d.ada, d.dora
	attack := `<img src=x onerror="document.title='hit'"><script>document.title='hit'</script>`
	ada.writes("#title-en", attack+"\u202ekcats")
	ada.sees("#title-error-en", "invisible character")
	ada.writes("#body-en", attack+"\n\n[a](javascript:alert(1)) [b](https://ok.example/\"onmouseover=\"x)\n\n# H\n"+strings.Repeat("long", 100))
	ada.writes("#topic", attack)
	ada.sees("#preview-en", "<script>")
	ada.saves()
	dora.writes("#title-en", strings.Repeat("An endless title ", 200))
	dora.sees("#conflict", "onerror")
	for _, r := range []*reader{ada, dora} {
		if found := portaltest.Read(r.Browser, chromedp.Evaluate[string](`[...document.querySelectorAll('main script, main img, main [onerror], main [onmouseover], main a[href^=javascript], dialog img, dialog script')].map(e => e.outerHTML).join() + (document.title.includes('hit') ? document.title : '')`)); found != "" {
			t.Errorf("alive: %s", found)
		}
	}
	dora.press("#conflict-title-en-mine")
	dora.press("#conflict-save")
	dora.saves()
	dora.sees("#title-error-en", "Too long")
	list := &reader{Browser: dora.Tab(), t: t, url: d.f.url}
	list.visit("/staff/statements", "newsroom")
	list.sees("[data-work] .subject", "Sealed")
	ada.comesBack()
	ada.sees("#told", "Dora Author saved")
	ada.press("#told-show")
	ada.writes("#title-en", attack)
	ada.writes("#topic", "security")
	ada.saves()
	ada.visit("/staff/statements", "newsroom")
	ada.sees("[data-work] .subject", "<script>")
	ada.visit(d.path(), "editor")
}

// languages: others are added and removed, with a way back; which one is authoritative is chosen; two are seen at once, one on a phone.
func (d *writing) languages() {
	t, ada := d.t, d.ada
	ada.Do(chromedp.Evaluate[chromedp.Void]("document.querySelector('#add-language').open = true"))
	ada.writes("#other-language", "")
	ada.writes("#other-tag", "no tag!")
	ada.press("#add")
	ada.sees("#other-language-error", "no tag of a language")
	ada.writes("#other-language", "ar")
	ada.press("#add")
	ada.writes("#title-ar", "نتائج التحقيق الأولى")
	ada.writes("#body-ar", "كان الهجوم **موجّهًا**.")
	ada.sees("#preview-ar strong", "موجّهًا")
	if direction := portaltest.Read(ada.Browser, chromedp.Evaluate[string]("getComputedStyle(document.querySelector('#body-ar')).direction + getComputedStyle(document.querySelector('#preview-ar p')).direction")); direction != "rtlrtl" {
		t.Errorf("Arabic is written %s", direction)
	}
	wantShown := func(want string) {
		t.Helper()
		got := ""
		for end := time.Now().Add(5 * time.Second); got != want && time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
			got = portaltest.Read(ada.Browser, chromedp.Evaluate[string]("[...document.querySelectorAll('.language')].filter(e => e.checkVisibility()).map(e => e.dataset.language).join()"))
		}
		if got != want {
			t.Errorf("side by side are %s, want %s", got, want)
		}
	}
	wantShown("en,ar")
	ada.press("#language-bar [data-language=fr]")
	wantShown("fr,ar")
	ada.looks("editor-arabic")
	ada.Resize(portaltest.Phone)
	wantShown("fr")
	ada.Resize(portaltest.Desktop)
	ada.press("[data-language=fr] [data-do=authoritative]")
	ada.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool { return c.Languages[0].Language == "fr" && len(c.Languages) == 3 })
	if ada.isVisible("[data-language=fr] [data-do=remove]") {
		t.Error("a working language can be removed")
	}
	ada.press(".language[data-language=ar] [data-do=remove]")
	ada.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool { return len(c.Languages) == 2 })
	ada.press("#other-language-status button")
	ada.sees("#preview-ar strong", "موجّهًا")
	ada.press(".language[data-language=ar] [data-do=remove]")
	ada.press("#language-bar [data-language=en]")
	ada.press("[data-language=en] [data-do=authoritative]")
	ada.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool { return c.Languages[0].Language == "en" && len(c.Languages) == 2 })
}

// files: attached sealed, shown with their digests, fetched again, removed.
func (d *writing) files() {
	t, ada := d.t, d.ada
	findings := []byte("%PDF-1.7 the findings")
	ada.choose("#files-input", writtenTo(t, "<b>findings.pdf", findings))
	ada.sees("#files-input-error", "<b>findings.pdf was not attached")
	ada.choose("#files-input", writtenTo(t, "findings & more.pdf", findings))
	sum := sha256.Sum256(findings)
	ada.sees("#file-list", hex.EncodeToString(sum[:]))
	ada.sees("#file-list bdi", "findings & more.pdf")
	ada.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool {
		return len(c.Attachments) == 1 && c.Attachments[0].Size == int64(len(findings))
	})
	ada.choose("#files-input", writtenTo(t, "findings & more.pdf", []byte("others")))
	ada.sees("#files-input-error", "with this name already")
	ada.looks("editor-files")
	if _, data := ada.Download(chromedp.Click(css("[data-save-file]"))); !bytes.Equal(data, findings) {
		t.Errorf("the file comes back as %q", data)
	}
	ada.visit(d.path(), "editor")
	ada.press("[data-remove-file]")
	ada.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool { return len(c.Attachments) == 0 })
}

// badLine: while the line is down the editor says so, and goes on trying.
func (d *writing) badLine() {
	ada := d.ada
	d.f.onTheWay("PUT", "/api/v1/staff/statements/"+string(d.number)+"/draft", func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
	ada.writes("#title-en", "Written while the line is down")
	ada.sees("#saved", "no connection")
	d.f.meddle.Store(nil)
	ada.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool { return c.Languages[0].Title == "Written while the line is down" })
}

// sessionEnds: what isn't saved stays in the page, which logs in again.
func (d *writing) sessionEnds() {
	t, ada := d.t, d.ada
	d.author.post("/sessions/revoke", "{}").want(t, 204)
	ada.writes("#title-en", "Written over the end of a session")
	ada.sees("#again", "Your text is still here")
	ada.looks("session-ended")
	if got := ada.value("#title-en"); got != "Written over the end of a session" {
		t.Errorf("what was written is %q", got)
	}
	ada.choose("#key-file", d.f.keyFile(t, live.AuthorName, d.f.Author))
	ada.typeInto("#key-passphrase", live.Passphrase)
	ada.press("#unlock-submit")
	ada.saves()
	d.author.logIn(fingerprint(d.f.Author), d.f.Author)
	d.wants(0, func(c *crypto.StatementDraft) bool {
		return c.Languages[0].Title == "Written over the end of a session"
	})
	if ada.isVisible("#again") || ada.isVisible("#unlock") {
		t.Error("it goes on asking to log in")
	}
}

// submit: what is missing is said in words, hours that don't exist are explained, what is signed is shown, and asked once.
func (d *writing) submit(earlier crypto.Number) {
	t, ada := d.t, d.ada
	ada.writes("#title-en", "Second forensic findings")
	ada.writes("#body-en", "We have found **how** it was done.\n")
	ada.press("#submit")
	ada.sees("#missing-list", "Français: the text is missing.")
	portaltest.Axe(t, ada.Browser, "checking")
	ada.press("#missing-list button")
	if at := portaltest.Read(ada.Browser, chromedp.Evaluate[string]("document.activeElement.id")); at != "body-fr" {
		t.Errorf("the first thing missing leads to %s", at)
	}
	ada.writes("#body-fr", "Nous avons trouvé **comment**.\n")
	ada.writes("#title-fr", "Deuxièmes constats")

	ada.press("#publish-later")
	ada.writes("#publish-zone", "Europe/Amsterdam")
	for date, says := range map[string]string{"2027-03-28": "clocks go forward from 02:00 to 03:00", "2020-01-01": "that has passed"} {
		ada.writes("#publish-date", date)
		ada.writes("#publish-time", "02:30")
		ada.sees("#publication", says)
	}
	ada.writes("#publish-date", "2027-10-31")
	ada.sees("#publish-which", "an hour later (UTC+01:00)")
	ada.looks("editor-hours")
	ada.press("#submit")
	ada.sees("#missing-list", "which of the two hours")
	ada.press("#checking [data-close]")
	ada.press("#publish-second")
	ada.sees("#publish-means", "31 October 2027, 01:30 (UTC), in")
	ada.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool {
		return c.PublishAt.Format(time.RFC3339) == "2027-10-31T02:30:00+01:00" && c.Zone == "Europe/Amsterdam"
	})
	ada.press("#publish-now")

	ada.writes("#series-search", "anomalous")
	ada.press(`#series-found [data-series="` + string(earlier) + `"]`)
	ada.press("#ask-S")
	ada.saves()
	d.wants(0, func(c *crypto.StatementDraft) bool {
		return c.Series == earlier && len(c.Acknowledge) == 1 && c.Zone == "" && c.PublishAt.IsZero()
	})
	ada.press("#submit")
	ada.sees("#summary-list", "Second forensic findings")
	ada.sees("#summary-list", "Anomalous activity on our systems")
	ada.looks("summary")
	ada.press("#sign")
	ada.arrive("review")
	if kept := d.draft(d.number); kept.State != api.StatementSubmitted {
		t.Errorf("it is %s", kept.State)
	}
}

// takeBack: who changes what was submitted is asked first.
func (d *writing) takeBack() {
	t, ada := d.t, d.ada
	ada.visit(d.path(), "editor")
	ada.sees("#state-box", "waits for approval")
	ada.writes("#title-fr", "Autre chose")
	ada.sees("#voiding", "draft again")
	ada.press("#void-no")
	if d.draft(d.number).State != api.StatementSubmitted || ada.value("#title-fr") != "Deuxièmes constats" {
		t.Error("who would rather leave it has changed it")
	}
	ada.writes("#title-fr", "Deuxièmes constatations")
	ada.sees("#voiding", "draft again")
	ada.press("#void-yes")
	ada.saves()
	if d.draft(d.number).State != api.StatementDraft || ada.isVisible("#state-box") {
		t.Error("it was not taken back")
	}
	ada.press("#submit")
	ada.press("#sign")
	ada.arrive("review")
	d.approve(d.number)
}

// correct: the texts of what is published, and a reason in every language.
func (d *writing) correct() {
	t, ada := d.t, d.ada
	ada.visit("/staff/statements", "newsroom")
	ada.press(`[data-published="` + string(d.number) + `"] [data-go=correct]`)
	ada.arrive("editor")
	ada.sees("#heading", "Correction")
	if ada.value("#title-fr") != "Deuxièmes constatations" {
		t.Error("the published text is not there")
	}
	ada.writes("#body-en", "We have found **when** it was done.\n")
	ada.saves()
	ada.press("#submit")
	ada.sees("#missing-list", "English: the reason is missing.")
	ada.press("#checking [data-close]")
	ada.writes("#reason-en", "It said how.")
	ada.writes("#reason-fr", "Il disait comment.")
	ada.looks("correction")
	ada.press("#submit")
	ada.sees("#summary-mind", "Nothing changed in: Français")
	ada.press("#sign")
	ada.arrive("review")
	d.approve(d.number)
	if v := d.previous(d.number); v.Manifest().Version != 2 || v.Texts()[0].Reason != "It said how." {
		t.Errorf("%+v", v.Manifest())
	}
}

// withdraw: a title and a reason.
func (d *writing) withdraw() {
	t, ada := d.t, d.ada
	ada.visit("/staff/statements/new?kind=withdrawal&of="+string(d.number), "editor")
	ada.sees("#heading", "Withdrawal")
	if ada.isVisible("#body-en") {
		t.Error("a withdrawal has a text")
	}
	ada.writes("#reason-en", "It was wrong.")
	ada.writes("#reason-fr", "Il était faux.")
	ada.looks("withdrawal")
	ada.press("#submit")
	ada.press("#sign")
	ada.arrive("review")
	ada.visit("/staff/statements", "newsroom")
	ada.sees(`[data-group=submitted] .kind`, "Withdrawal")
	ada.looks("newsroom")
	portaltest.Axe(t, ada.Browser, "newsroom")
	d.approve(d.number)
	// A draft that nobody needs is discarded, once somebody has been asked.
	ada.visit("/staff/statements/new", "editor")
	ada.writes("#title-en", "Never mind")
	ada.saves()
	ada.press("#discard")
	ada.press("#discard-yes")
	ada.arrive("newsroom")
	if ada.isVisible("[data-work]") {
		t.Error("a discarded draft is still there")
	}
	if ada.isVisible(`[data-published="` + string(d.number) + `"] [data-go]`) {
		t.Error("what is withdrawn can be corrected")
	}
}
