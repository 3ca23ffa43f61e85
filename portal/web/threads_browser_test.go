package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestAReplyAndAnAnswerInTheBrowser follows a message from a notice to the desk's inbox, and the answer back.
func TestAReplyAndAnAnswerInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := string(f.Release(f.Draft(), person))
	r := newReader(t, f)
	r.visit("/notices/"+n, "login")
	r.logIn(person.Number.String(), live.Passphrase, "notice")
	r.press("#answer")
	r.arrive("thread")
	portaltest.Axe(t, r.Browser, "thread-new")

	// What is missing is named, and nothing is lost when the line breaks.
	r.press("#send")
	r.sees("#write-subject-error", "Write a subject")
	r.typeInto("#write-subject", "A question about the list")
	r.typeInto("#write-text", "Who **signed** it?")
	r.choose("#write-files", writtenTo(t, "list.csv", []byte("name,date\n")))
	broken := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == "POST" && strings.Contains(r.URL.Path, "/messages") {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	}
	f.meddle.Store(&broken)
	r.press("#send")
	r.sees("#write-error", "Nothing you wrote is lost")
	f.meddle.Store(nil)
	r.press("#send")
	r.sees("#messages .prose strong", "signed")
	r.sees("#subject", "A question about the list")
	r.sees(".who", "You")
	portaltest.Axe(t, r.Browser, "thread")
	if name, data := r.Download(chromedp.Click(css("[data-attachment='0']"))); name != "list.csv" || string(data) != "name,date\n" {
		t.Errorf("%s: %q", name, data)
	}
	thread := portaltest.Read(r.Browser, chromedp.Evaluate[string]("document.getElementById('thread').dataset.thread"))
	r.visit("/threads", "thread_list")
	r.sees(".subject", "A question about the list")
	portaltest.Axe(t, r.Browser, "threads")

	// The desk.
	staff := newReader(t, f)
	staff.visit("/staff/inbox", "staff_login")
	staff.logInStaff(f.keyFile(t, live.ApproverName, f.Approver), live.Passphrase, "thread_inbox")
	staff.sees("#waiting .subject", "A question about the list")
	staff.sees("#waiting .facts", "1 unread message")
	portaltest.Axe(t, staff.Browser, "inbox")
	staff.Screenshot("inbox")
	staff.visit("/staff/threads/"+thread, "thread_desk")
	staff.sees("#messages .prose", "Who signed it?")
	staff.sees("#by-hand", "")
	staff.Do(chromedp.SetValue(css("#assignee"), crypto.StaffHolder(f.Approver.Certificate().Fingerprint())))
	staff.press("#assign")
	staff.sees("#desk-status", "Done")
	portaltest.Axe(t, staff.Browser, "thread-desk")
	staff.Screenshot("thread-desk")
	staff.typeInto("#write-text", "The registrar did.")
	staff.press("#send")
	staff.sees("#messages li[data-kind=answer] .prose", "The registrar did.")
	staff.sees("#messages li[data-kind=answer]", "signed it alone")
	staff.press("#close")
	staff.sees("#reopen", "Open it again")
	staff.visit("/staff/inbox?state=closed", "thread_inbox")
	staff.sees("#rest .facts", live.ApproverName)
	staff.wantNoProblems()

	// And back.
	r.visit("/mailbox", "mailbox")
	r.sees("#answers", "1 unread message")
	r.visit("/threads/"+thread, "thread")
	r.sees("#messages li[data-kind=answer] .who", "Answer of "+live.ApproverName)
	r.sees("#messages li[data-kind=answer] .prose", "The registrar did.")
	r.Screenshot("thread")
	r.visit("/mailbox", "mailbox")
	if r.isVisible("#answers") {
		t.Error("what was read still counts as unread")
	}
	r.wantNoProblems("ERR_EMPTY_RESPONSE", "ERR_CONNECTION", "ERR_HTTP2", "net::")
}
