package web_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// Approved for later, a notice stands with its minute, and lies in no mailbox; its author takes it back in time. What could not be released says why, and what to do.
func TestANoticeIsScheduledAndRecalledInTheBrowser(t *testing.T) {
	t.Parallel() // it waits more than it works
	f := newFrontage(t)
	state := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	later := func() crypto.Number {
		d := f.Draft()
		d.Release, d.Urgent = time.Now().Add(3*time.Hour).Truncate(time.Minute), true
		return f.waits(t, d, state)
	}
	first, second, plain := later(), later(), f.waits(t, f.Draft(), state)

	bela := f.desk(t, live.ApproverName, f.Approver, "/staff/notices", "dispatch")
	order := portaltest.Read(bela.Browser, chromedp.Evaluate[string](`[...document.querySelectorAll('[data-group=approve] [data-notice]')].map((row) => row.dataset.notice).pop()`))
	if order != string(plain) {
		t.Errorf("the last one of those that wait is %s, and not the one that is not urgent", order)
	}
	bela.sees("[data-group=approve] [data-notice="+string(first)+"]", "Urgent")
	bela.sees("[data-group=approve] [data-notice="+string(first)+"]", "into the mailboxes at")
	for _, n := range []crypto.Number{first, second} {
		bela.visit(noticeOf(n), "dispatch_notice")
		bela.sees("#decision-text", "With your signature it waits for its time")
		bela.sees("#approve", "Approve it for 1 mailbox")
		bela.press("#approve")
		bela.sees("#scheduled", "It was approved, and waits for its time")
	}
	portaltest.Axe(t, bela.Browser, "dispatch-scheduled")
	bela.looks("dispatch-scheduled")
	if got := f.stateOf(t, first); got != portal.Approved {
		t.Errorf("approved for later, it is %q", got)
	}
	reader := newReader(t, f)
	reader.visit("/mailbox", "login")
	reader.logIn(state.Number.String(), live.Passphrase, "mailbox")
	if reader.isVisible("[data-notice=" + string(first) + "]") {
		t.Error("before its time it lies in the mailbox")
	}
	bela.visit("/staff/notices", "dispatch")
	bela.sees("[data-group=scheduled] [data-notice="+string(first)+"]", "Approved; waits for its time")
	portaltest.Axe(t, bela.Browser, "dispatch-list-scheduled")

	ada := f.desk(t, live.AuthorName, f.Author, noticeOf(first), "dispatch_notice")
	ada.sees("#scheduled", "It is put into the mailboxes at")
	if ada.isVisible("#decision") || ada.isVisible("#own") {
		t.Error("there is something to approve on what was approved")
	}
	ada.press("#recalling summary")
	ada.writes("#recall-reason", "Too early.")
	ada.press("#recall-submit")
	ada.sees("#ended", "It was recalled")
	ada.sees("#ended-why", "Too early.")
	if got := f.stateOf(t, first); got != portal.Recalled {
		t.Errorf("recalled, it is %q", got)
	}

	must(t, f.Store.KeepReleaseProblem(t.Context(), second, portal.ReleaseProblem{At: time.Now(), Code: "stale-certificate", Text: "The notice is sealed to representatives whose key was replaced (1: " + state.Number.String() + ")."}))
	ada.visit(noticeOf(second)+"?lang=fr", "dispatch_notice")
	ada.sees("#scheduled", "N’a pu être remis à son heure")
	ada.sees("#scheduled", "Retirez-le")
	ada.press("#scheduled summary")
	ada.sees("#scheduled", state.Number.String())
	portaltest.Axe(t, ada.Browser, "dispatch-not-released")
	ada.looks("dispatch-not-released")
	ada.visit("/staff/notices?lang=fr", "dispatch")
	ada.sees("[data-group=scheduled] [data-notice="+string(second)+"]", "N’a pu être remis")

	// Released, what is urgent stands before what is older, and marked as both signed it.
	d := f.Draft()
	d.Urgent = true
	f.Release(f.Draft(), state)
	urgent := f.Release(d, state)
	f.Release(f.Draft(), state)
	reader.visit("/mailbox", "mailbox")
	reader.sees("#awaiting li:first-child .urgent", "Urgent")
	order = portaltest.Read(reader.Browser, chromedp.Evaluate[string](`document.querySelector('#awaiting [data-notice]').dataset.notice`))
	if order != string(urgent) {
		t.Errorf("%s stands first, not the urgent %s", order, urgent)
	}
	portaltest.Axe(t, reader.Browser, "mailbox-urgent")
	reader.looks("mailbox-urgent")
	bela.wantNoProblems()
	ada.wantNoProblems()
	reader.wantNoProblems()
}
