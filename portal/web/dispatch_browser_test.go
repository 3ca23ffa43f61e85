package web_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// noticeOf is the page of a notice.
func noticeOf(n crypto.Number) string { return "/staff/notices/" + string(n) }

// hostileNotice is one in which everything that somebody can write is markup.
func (f *frontage) hostileNotice() *crypto.Draft {
	const attack = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`
	d := f.Draft()
	d.Languages = []crypto.LanguageVersion{
		{Language: "en", Subject: "Findings " + attack, Text: "Data " + attack + " may have been read.\n\n- one [press](javascript:window.pwned=1)\n"},
		{Language: "fr", Subject: "Constats " + attack, Text: "Des données ont pu être lues.\n"},
	}
	d.Attachments = []crypto.Attachment{{Name: "&lt;img src=x&gt; timeline.csv", Type: "text/csv", Data: []byte("day,what\n5,noticed\n")}}
	d.Fallback, d.Urgent, d.Reminders, d.EscalateHours = crypto.FallbackAfter(12), true, []int{24, 2}, 24
	return d
}

// waits submits a notice and returns its number.
func (f *frontage) waits(t *testing.T, d *crypto.Draft, to ...*live.Person) crypto.Number {
	t.Helper()
	m, err := crypto.ParseManifest(f.Submit(d, to...).Manifest)
	must(t, err)
	return m.Notice
}

func (f *frontage) stateOf(t *testing.T, n crypto.Number) portal.NoticeState {
	t.Helper()
	record, err := f.Portal.Dispatch.Standing(t.Context(), f.Acting(f.Approver), n)
	must(t, err)
	return record.State
}

// TestANoticeIsDecidedOnInTheBrowser follows three notices before author and approver: sent back on a bad line, recalled while the approver looks, approved; then acknowledged.
func TestANoticeIsDecidedOnInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	state := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	office := f.Claim(f.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	newcomer := f.Issue(crypto.KindState, crypto.ProfilePQ)
	first := f.waits(t, f.hostileNotice(), state, office, newcomer)

	// The approver comes from the home page, and sees what recipients will read and who they are.
	bela := f.desk(t, live.ApproverName, f.Approver, "/staff", "staff_home")
	bela.press("#waiting a[href='" + noticeOf(first) + "']")
	bela.arrive("dispatch_notice")
	bela.sees("#subject", `Findings <img src=x onerror="window.pwned=1"><script>`)
	bela.sees("#text", "Data <img src=x")
	bela.sees("#standing", live.AuthorName)
	bela.sees("#standing", "demanded")
	bela.sees("#standing", "after 12 hours")
	bela.sees("#standing", "Urgent: it stands first")
	bela.sees("#standing", "once it is approved")
	bela.sees("#standing", "24, 2 h before the deadline")
	bela.sees("#standing", "has not answered 24 h after the release")
	bela.sees("#standing", "3 mailboxes, 3 representatives")
	bela.sees("#warnings", "1 representative’s key is not post-quantum")
	bela.sees("#warnings", "1 representative has not claimed")
	bela.sees("#audience [data-mailbox="+string(office.Number.Mailbox)+"]", "not post-quantum")
	bela.sees("#audience [data-mailbox="+string(state.Number.Mailbox)+"]", "Name sealed")
	bela.sees("#decision-text", "released into 3 mailboxes at once")
	bela.sees("#approve", "release it to 3 mailboxes")
	bela.sees("#attachments", "&lt;img src=x&gt; timeline.csv · text/csv")
	bela.unharmed()
	if _, data := bela.Download(chromedp.Click(css("#files button"))); string(data) != "day,what\n5,noticed\n" {
		t.Errorf("what is attached is saved as %q", data)
	}
	bela.press("#languages [data-language=fr]")
	bela.sees("#subject", "Constats <img")
	portaltest.Axe(t, bela.Browser, "dispatch-review")
	bela.looks("dispatch-review")

	// Sent back: not without a reason, and on a bad line the reason stays.
	bela.press("#returning summary")
	bela.press("#send-back")
	bela.sees("#reason-error", "Say why")
	bela.writes("#reason", "The <b>date</b> is wrong.\nAsk Chandra.")
	mend := f.loseAnswers("/api/v1" + noticeOf(first) + "/return")
	bela.press("#send-back")
	bela.sees("#reason-error", "can’t be reached")
	if bela.value("#reason") == "" {
		t.Error("the reason is lost")
	}
	mend()
	bela.press("#send-back")
	bela.sees("#ended", "sent back to its author")
	bela.sees("#ended-why", "The <b>date</b> is wrong.")
	if got := f.stateOf(t, first); got != portal.Returned {
		t.Errorf("sent back, it is %q", got)
	}
	bela.unharmed()
	portaltest.Axe(t, bela.Browser, "dispatch-returned")

	// Its author reads why; and recalls their own next one, which they can't approve, while the approver looks at it.
	second := f.waits(t, f.Draft(), state)
	bela.visit(noticeOf(second), "dispatch_notice")
	bela.sees("#decision-text", "released into 1 mailbox at once")
	bela.press("#returning summary")
	bela.writes("#reason", "kept")
	ada := f.desk(t, live.AuthorName, f.Author, "/staff/notices", "dispatch")
	ada.sees("[data-group=done] [data-notice="+string(first)+"]", "Sent back")
	portaltest.Axe(t, ada.Browser, "dispatch-list")
	ada.looks("dispatch-list")
	ada.visit(noticeOf(first), "dispatch_notice")
	ada.sees("#ended-why", "Ask Chandra.")
	if ada.isVisible("#decision") || ada.isVisible("#recalling") {
		t.Error("there is something to decide on what was sent back")
	}
	ada.visit(noticeOf(second)+"?lang=fr", "dispatch_notice")
	ada.sees("#own", "ici, personne n’envoie un avis seul")
	if ada.isVisible("#approve") {
		t.Error("an author is offered to approve their own notice")
	}
	ada.press("#recalling summary")
	portaltest.Axe(t, ada.Browser, "dispatch-own")
	ada.writes("#recall-reason", "Trop tôt.")
	ada.press("#recall-submit")
	ada.sees("#ended", "Il a été retiré")
	ada.sees("#ended-why", "Trop tôt.")
	// The page may have noticed by itself; then there is nothing left to press.
	bela.Do(chromedp.Evaluate[chromedp.Void](`document.querySelector('#moved').hidden && document.querySelector('#approve').click()`))
	bela.sees("#moved", "Somebody decided on it while you were looking")
	bela.sees("#kept-text", "kept")
	if got := f.stateOf(t, second); got != portal.Recalled || bela.isVisible("#opened") {
		t.Errorf("recalled, it is %q", got)
	}

	// Approved: in every mailbox at once; then the page says how far it has come.
	third := f.waits(t, f.Draft(), state, office)
	bela.visit("/staff/notices", "dispatch")
	bela.press("[data-group=approve] [data-notice=" + string(third) + "] a")
	bela.arrive("dispatch_notice")
	bela.sees("#subject", "Findings that concern you")
	bela.press("#approve")
	bela.sees("#progress", "Delivered into 2 mailboxes")
	bela.sees("#progress", "0 of 2 opened it")
	if got := f.stateOf(t, third); got != portal.Released {
		t.Errorf("approved, it is %q", got)
	}
	person := newReader(t, f)
	person.visit("/notices/"+string(third), "login")
	person.logIn(state.Number.String(), live.Passphrase, "notice")
	person.press("#acknowledge")
	person.sees("#receipt-section", "Acknowledged by")
	bela.visit(noticeOf(third), "dispatch_notice")
	bela.sees("#progress [data-mailbox="+string(state.Number.Mailbox)+"]", "Acknowledged")
	bela.sees("[data-count=acknowledged]", "1")
	portaltest.Axe(t, bela.Browser, "dispatch-progress")
	bela.looks("dispatch-progress")
	bela.visit("/staff/notices", "dispatch")
	bela.sees("[data-notice="+string(third)+"]", "1 of 2 acknowledged")

	// A portal that shows another notice under its number: nothing of it is shown.
	one, other := f.waits(t, f.Draft(), state), f.waits(t, f.Draft(), state)
	f.onTheWay("GET", "/api/v1"+noticeOf(one), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		swapped := r.Clone(r.Context())
		swapped.URL.Path = "/api/v1" + noticeOf(other)
		next.ServeHTTP(w, swapped)
	})
	bela.visit(noticeOf(one), "dispatch_notice")
	bela.sees("#dispatch-problem", "Don’t approve this notice")
	if bela.isVisible("#opened") || bela.isVisible("#approve") {
		t.Error("what does not verify is shown")
	}
	portaltest.Axe(t, bela.Browser, "dispatch-problem")
	f.meddle.Store(nil)
	bela.wantNoProblems("409", "ERR_", "Failed to load resource")
	ada.wantNoProblems()
	person.wantNoProblems()
}
