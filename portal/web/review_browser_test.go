package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// hostile is a statement in which everything that somebody can write is markup.
func hostile() *crypto.StatementDraft {
	const attack = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`
	return &crypto.StatementDraft{
		Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1, Topic: "security", Acknowledge: []crypto.Kind{crypto.KindState},
		Languages: []crypto.StatementLanguage{
			{
				Language: "en", Title: "Findings " + attack,
				Body: "Twelve systems " + attack + " were affected.\n\n- one [press](javascript:window.pwned=1)\n- two\n\nThe host country’s police are investigating.\n\nNothing else is known so far.\n\nWe shall publish more.\n",
			},
			{Language: "fr", Title: "Constats " + attack, Body: "Douze systèmes ont été touchés.\n"},
		},
	}
}

// unharmed fails the test when something of a statement has become part of the page.
func (r *reader) unharmed() {
	r.t.Helper()
	if portaltest.Read(r.Browser, chromedp.Evaluate[bool](`window.pwned !== undefined || document.querySelector('main img, main script, main [onerror]') !== null`)) {
		r.t.Error("markup of a statement has become markup of the page")
	}
}

func (n *newsroom) standing(number crypto.Number) (s api.StatementStanding) {
	n.t.Helper()
	n.author.get(reviewOf(number)+"/standing").into(n.t, 200, &s)
	return s
}

func reviewOf(n crypto.Number) string { return "/staff/statements/" + string(n) }

// TestAStatementIsReviewedInTheBrowser follows a statement before its approver: what changed, sent back on a bad line, changed meanwhile, approved; then one for a minute.
func TestAStatementIsReviewedInTheBrowser(t *testing.T) {
	t.Parallel() // it waits more than it works
	f := newFrontage(t)
	n := newNewsroom(t, f.Server)
	first := hostile()
	n.publish(first)
	draft := corrected(first, crypto.StatementCorrection, `The <b onclick="window.pwned=1">number</b> was wrong.`, "Le nombre <script>window.pwned=1</script> était erroné.")
	draft.Topic = "findings"
	draft.Languages[0].Body = strings.Replace(draft.Languages[0].Body, "Twelve", "Fourteen", 1) + "\nThis paragraph is new <i>.\n"
	n.submit(draft)
	number := draft.Statement

	bela := f.desk(t, live.ApproverName, f.Approver, reviewOf(number), "review")
	bela.sees("#title", `Findings <img src=x onerror="window.pwned=1"><script>`)
	bela.sees("#text", "Fourteen systems <img src=x")
	bela.sees("#why-text", `The <b onclick=`)
	bela.sees("#standing", live.AuthorName)
	bela.sees("#asked", "from States")
	bela.sees("#over", "Correction")
	bela.sees("#decision-text", "published at once, in English and French")
	bela.unharmed()
	portaltest.Axe(t, bela.Browser, "review")
	bela.press("#languages [data-language=fr]")
	bela.sees("#title", "Constats <img")
	bela.press("#languages [data-language=en]")

	// What changed is told by words, and by more than colour.
	bela.press("#views [data-view=changes]")
	bela.sees("#changed-texts", "Fourteen")
	marks := portaltest.Read(bela.Browser, chromedp.Evaluate[string](`[...document.querySelectorAll('#changes .compared :is(ins, del)')].map((e) => e.localName + ':' + e.textContent.trim() + ':' + getComputedStyle(e).textDecorationLine + ':' + getComputedStyle(e, '::before').content).join('|')`))
	for _, want := range []string{`del:Twelve:line-through:"−"`, `ins:Fourteen:underline:"+"`, "ins:This paragraph is new <i>.:underline"} {
		if !strings.Contains(marks, want) {
			t.Errorf("the changes are %q and lack %q", marks, want)
		}
	}
	bela.sees("#changed-facts", "security")
	bela.sees("#changed-facts", "findings")
	bela.sees("#changes [data-language=fr]", "Le nombre <script>")
	bela.unharmed()
	portaltest.Axe(t, bela.Browser, "review-changes")
	bela.press("#views [data-view=page]")

	// Sent back: not without a reason, and on a bad line the reason stays.
	bela.press("#returning summary")
	bela.press("#send-back")
	bela.sees("#reason-error", "Say why")
	portaltest.Axe(t, bela.Browser, "review-return")
	bela.writes("#reason", "It was fifteen <b>.\nAsk Chandra.")
	mend := f.loseAnswers("/api/v1" + reviewOf(number) + "/return")
	bela.press("#send-back")
	bela.sees("#reason-error", "can’t be reached")
	if bela.value("#reason") != "It was fifteen <b>.\nAsk Chandra." {
		t.Error("the reason is lost")
	}
	mend()
	bela.press("#send-back")
	bela.sees("#moved", "You sent it back")
	bela.sees("#is-draft", "editor")
	if w := n.draft(number); w.Why == nil || w.Why.Reason != "It was fifteen <b>.\nAsk Chandra." || w.ReturnedBy.Name() != live.ApproverName {
		t.Errorf("sent back: %+v", w.Why)
	}

	// Changed while she looks: she is told, and sees what is there. Then approved.
	draft.Revision = 2
	n.submit(draft)
	bela.visit(reviewOf(number), "review")
	bela.sees("#text", "Fourteen")
	draft.Revision = 3
	draft.Languages[0].Body = strings.Replace(draft.Languages[0].Body, "Fourteen", "Fifteen", 1)
	n.submit(draft)
	bela.writes("#reason", "kept")
	bela.press("#approve")
	bela.sees("#moved", "Somebody changed it while you were looking")
	bela.sees("#moved", "still in the field")
	bela.sees("#text", "Fifteen")

	// The session ends: the statement goes from the page, her reason does not.
	must(t, f.Portal.Sessions.RevokeHolder(t.Context(), portal.StaffHolder(f.Approver.Certificate().Fingerprint())))
	bela.press("#approve")
	bela.sees("#moved", "Your reason is still in this page")
	if bela.isVisible("#statement") || bela.isVisible("#changes") {
		t.Error("the statement is still there when the session has ended")
	}
	bela.choose("#key-file", f.keyFile(t, live.ApproverName, f.Approver))
	bela.typeInto("#key-passphrase", live.Passphrase)
	bela.press("#unlock-submit")
	bela.sees("#text", "Fifteen")
	if bela.value("#reason") != "kept" {
		t.Error("the reason went with the session")
	}
	bela.writes("#reason", "")
	bela.press("#approve")
	bela.sees("#is-published", "It is published")
	bela.sees("#moved", "You approved it")
	if v := n.previous(number); v == nil || v.Manifest().Version != 2 || !strings.HasPrefix(v.Text("en").Body, "Fifteen") {
		t.Error("what was approved is not what is published")
	}
	bela.visit(reviewOf(number), "review")
	bela.sees("#is-published", "It is published")

	// One for a minute, in a zone that Go's WebAssembly doesn't know.
	timed := announcement()
	timed.PublishAt, timed.Zone = time.Now().Add(90*time.Minute).Truncate(time.Minute).In(time.FixedZone("", 5*3600+45*60)), "Asia/Kathmandu"
	n.attach(timed, "annex.pdf", "application/pdf", []byte("%PDF annex")) // her browser hands it on to the notary, who checks that it is there
	n.submit(timed)
	bela.visit(reviewOf(timed.Statement), "review")
	bela.sees("#standing", "(UTC+05:45), in the time zone Asia/Kathmandu")
	bela.sees("#standing", "which is "+timed.PublishAt.UTC().Format("2 January 2006, 15:04")+" (UTC)")
	bela.sees("#decision-text", "not even its title")
	bela.sees("#approve", "Approve, for "+timed.PublishAt.Format("2 January 2006, 15:04"))
	bela.press("#approve")
	bela.sees("#waiting", live.ApproverName+" approved it")
	bela.sees("#standing", "No notary has looked at it yet")
	portaltest.Axe(t, bela.Browser, "review-waiting")
	if _, err := n.notary.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	bela.sees("#standing", "A notary checked it on") // by itself
	bela.press("#waiting [data-cancel]")
	bela.sees("#moved", "a draft again")
	if w := n.draft(timed.Statement); w.State != "draft" {
		t.Errorf("called off: %s", w.State)
	}

	// Her page is still open when its author takes it back.
	timed.Revision, timed.PublishAt = 2, time.Time{}
	n.submit(timed)
	bela.visit(reviewOf(timed.Statement), "review")
	bela.sees("#decision-text", "at once")
	n.author.post(reviewOf(timed.Statement)+"/cancel", api.CancelStatement{Submission: n.standing(timed.Statement).Submission}).want(t, 204)
	bela.writes("#reason", "One more thing.")
	bela.press("#approve")
	bela.sees("#moved", "it is a draft now")
	bela.sees("#kept", "One more thing.")
	bela.writes("#reason", "")
	bela.sees("#is-draft", "editor")

	// What does not verify is not shown, only why.
	one, other := announcement(), announcement()
	const attachment = "&lt;img src=x onerror=pwned()&gt; & 'report'.pdf"
	n.attach(one, attachment, "application/pdf", []byte("%PDF report"))
	n.submit(one)
	n.submit(other)
	f.onTheWay("GET", "/api/v1"+reviewOf(one.Statement), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		swapped := r.Clone(r.Context())
		swapped.URL.Path = "/api/v1" + reviewOf(other.Statement)
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, swapped)
		fmt.Fprint(w, strings.ReplaceAll(answer.Body.String(), string(other.Statement), string(one.Statement)))
	})
	bela.visit(reviewOf(one.Statement), "review")
	bela.sees("#review-problem", "Don’t approve this statement")
	bela.sees("#review-problem-text", "mixed them up")
	if bela.isVisible("#opened") || bela.isVisible("#approve") {
		t.Error("what does not verify is shown")
	}
	portaltest.Axe(t, bela.Browser, "review-problem")
	f.meddle.Store(nil)
	bela.visit(reviewOf(one.Statement), "review")
	bela.sees("#attachments", attachment+" · application/pdf")
	bela.sees("#attachments", one.Attachments[0].SHA256)
	bela.unharmed()
	portaltest.Axe(t, bela.Browser, "review-attachment")
	if _, data := bela.Download(chromedp.Click(css("#files button"))); string(data) != "%PDF report" {
		t.Errorf("what is attached is saved as %q", data)
	}
	bela.press("#approve")
	bela.sees("#is-published", "It is published")
	if v := n.previous(one.Statement); v == nil || len(v.Attachments()) != 1 {
		t.Error("it is not published with its attachment")
	}

	// One that the portal exchanged: it can be sent back, and not approved.
	lied := announcement()
	n.attach(lied, "report.pdf", "application/pdf", []byte("%PDF true"))
	n.submit(lied)
	lie, err := crypto.SealStatementAttachment([]byte("%PDF lies"), lied.Statement, f.Author, n.trust().StatementDesk(time.Now()), time.Now())
	must(t, err)
	f.onTheWay("GET", "/api/v1"+reviewOf(lied.Statement)+"/attachments/"+lied.Sealed[lied.Attachments[0].SHA256], func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write(lie)
	})
	bela.visit(reviewOf(lied.Statement), "review")
	bela.sees("#obstacle", "is not the file that was signed")
	if bela.isVisible("#approve") {
		t.Error("it can be approved with another file than the one that was signed")
	}
	f.meddle.Store(nil)
	bela.wantNoProblems("409", "404", "Failed to load resource", "ERR_")
}

// TestAnAuthorReviewsTheirOwn sees no way to approve it, and takes it back.
func TestAnAuthorReviewsTheirOwn(t *testing.T) {
	f := newFrontage(t)
	n := newNewsroom(t, f.Server)
	draft := announcement()
	n.submit(draft)
	ada := f.desk(t, live.AuthorName, f.Author, reviewOf(draft.Statement), "review")
	ada.sees("#own", "somebody else must approve")
	if ada.isVisible("#approve") || ada.isVisible("#send-back") {
		t.Error("an author is offered to approve their own work")
	}
	portaltest.Axe(t, ada.Browser, "review-own")
	ada.visit(reviewOf(draft.Statement)+"?lang=fr", "review")
	ada.sees("#own", "ici, personne ne publie seul")
	ada.sees("#standing", "Rédigée et signée par")
	ada.Screenshot("review-own-fr")
	ada.press("#own [data-cancel]")
	ada.sees("#moved", "redevient un brouillon")
	if w := n.draft(draft.Statement); w.State != "draft" {
		t.Errorf("taken back: %s", w.State)
	}
	ada.wantNoProblems()
}
