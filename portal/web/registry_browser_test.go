package web_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// sentBodies collects what browsers send.
func (f *frontage) sentBodies() func() string {
	var (
		mu   sync.Mutex
		sent bytes.Buffer
	)
	meddle := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		sent.WriteString(r.Method + " " + r.URL.String() + "\n")
		sent.Write(body)
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	}
	f.meddle.Store(&meddle)
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return sent.String()
	}
}

func (r *reader) text(selector string) string {
	r.t.Helper()
	return portaltest.Read(r.Browser, chromedp.Text(css(selector)))
}

// TestAMailboxFromLetterToRevocation goes its way in two browsers: a registrar issues, prints, and in the end revokes; somebody claims with what stands on the paper.
func TestAMailboxFromLetterToRevocation(t *testing.T) {
	f := newFrontage(t)
	f.Issue(crypto.KindOrganisation, crypto.ProfileCompat) // whose label nobody can read
	sent := f.sentBodies()
	chandra := f.desk(t, live.RegistrarName, f.Registrar, "/staff/mailboxes", "registry")
	chandra.sees("#registry-counts", "1")
	chandra.sees("#registry-list", "Name sealed")
	chandra.sees("#registry-list", "not post-quantum")

	chandra.press("main a[href='/staff/mailboxes/new']")
	chandra.arrive("registry_issue")
	chandra.press("#issue-submit")
	chandra.sees("#kinds-error", "whose")
	chandra.press("#kind-I")
	if !chandra.isVisible("#individual") {
		t.Error("nothing is said about individuals")
	}
	chandra.press("#kind-S")
	chandra.press("#issue-submit")
	chandra.sees("#stakeholder-error", "State")
	chandra.typeInto("#stakeholder", "Republic of Elbonia")
	chandra.press("#issue-submit")
	chandra.sees("#person-error", "name")
	// A certificate of their own is believed by the ear alone.
	own, err := crypto.GenerateKey(crypto.ProfileCompat, "Ama Mensah <ama@mission.example>", time.Now().Add(-time.Hour))
	must(t, err)
	chandra.press("#own summary")
	chandra.writes("#own-certificate", "nothing")
	chandra.sees("#own-certificate-error", "no certificate")
	chandra.writes("#own-certificate", own.Certificate().Armor())
	chandra.sees("#own-fingerprint", own.Certificate().Fingerprint().Spaced())
	chandra.sees("#own-names", "ama@mission.example")
	portaltest.Axe(t, chandra.Browser, "registry-issue")
	chandra.looks("registry-issue")
	chandra.typeInto("#person", "Ama Mensah")
	chandra.writes("#contact", "Registry: +31 70 000 0000\nday and night")
	chandra.typeInto("#own-end", "0123 4567 89AB CDEF")
	chandra.press("#issue-submit")
	chandra.sees("#own-end-error", "not the end of this fingerprint")
	chandra.writes("#own-certificate", "")
	chandra.press("#issue-submit")
	chandra.sees("#issued-title", "Print")
	portaltest.Axe(t, chandra.Browser, "registry-letter")
	chandra.looks("registry-letter")

	// What stands on the paper.
	letter := chandra.text("#letter")
	for _, line := range []string{"Republic of Elbonia", "Ama Mensah", "Registry: +31 70 000 0000", "day and night", "Cour internationale (essai)", f.url, time.Now().Format("2006-01-02")} {
		if !strings.Contains(letter, line) {
			t.Errorf("the letter doesn't say %q:\n%s", line, letter)
		}
	}
	places := func(name string) string {
		return portaltest.Read(chandra.Browser, chromedp.Evaluate[string]("[...document.querySelectorAll('[data-letter="+name+"]')].map((e) => e.textContent).join('-')"))
	}
	if got := places("fingerprint"); strings.ReplaceAll(got, "-", "") != string(f.Pin.Fingerprint) {
		t.Errorf("the fingerprint in the letter is %s", got)
	}
	number := portaltest.Read(chandra.Browser, chromedp.Evaluate[string]("document.querySelector('#letter .big [data-letter=number]').textContent"))
	code, err := crypto.ParseClaimCode(places("code"))
	if err != nil {
		t.Fatalf("%s: %v", places("code"), err)
	}
	as, err := crypto.ParseRepresentative(number)
	must(t, err)
	if portaltest.Read(chandra.Browser, chromedp.Evaluate[int]("document.querySelector('#letter svg path').getAttribute('d').length")) < 1000 {
		t.Error("there is no QR code")
	}
	chandra.Print()
	if chandra.isVisible(".masthead") || chandra.isVisible("#issued") || chandra.isVisible("footer") || !chandra.isVisible("#letter") {
		t.Error("more than the letter is printed, or less")
	}
	chandra.Screenshot("registry-paper")
	chandra.Dark(false)
	if !portaltest.Read(chandra.Browser, chromedp.Evaluate[bool]("!dispatchEvent(new Event('beforeunload', { cancelable: true }))")) {
		t.Error("the page can be left with the letter in it, without a question")
	}
	chandra.Do(chromedp.Evaluate[chromedp.Void]("window.print = () => {}"))
	chandra.press("#print")
	chandra.press("#printed")
	chandra.sees("#done-title", "gone")
	if portaltest.Read(chandra.Browser, chromedp.Evaluate[bool]("document.documentElement.outerHTML.includes('"+strings.Split(string(code), "-")[1]+"') || !dispatchEvent(new Event('beforeunload', { cancelable: true }))")) {
		t.Error("the code is still in the page, or the page still asks")
	}

	// Claimed with it.
	ama := newReader(t, f)
	ama.visit("/claim", "claim")
	ama.typeInto("#claim-number", number)
	ama.typeInto("#claim-code", string(code))
	ama.press("#claim-submit")
	ama.sees("#claim-fingerprint", strings.Fields(f.Pin.Fingerprint.Spaced())[3])
	ama.press("#claim-compared")
	ama.press("#claim-compared-next")
	ama.sees("[data-step=key] h2", "Write down")
	words := ama.text("#claim-words")
	ama.press("#claim-kept")
	ama.typeInto("#claim-again", words)
	ama.press("#claim-again-submit")
	ama.sees("#claim-done", "yours")
	ama.press("a[data-go=mailbox]")
	ama.arrive("mailbox")
	for _, secret := range append(strings.Split(string(code), "-")[:2], "Elbonia", "Mensah", "+31 70") {
		if strings.Contains(sent(), secret) {
			t.Errorf("%q went to the server", secret)
		}
	}

	// Found by name, and ended.
	chandra.visit("/staff/mailboxes", "registry")
	chandra.sees("#registry-counts", "2")
	portaltest.Axe(t, chandra.Browser, "registry")
	chandra.looks("registry")
	chandra.writes("#registry-search", "elbönia mensah")
	chandra.sees("#registry-counts", "Found: 1")
	chandra.press("#registry-list a")
	chandra.arrive("registry_mailbox")
	chandra.sees("#registry-name", "Republic of Elbonia")
	chandra.sees("#registry-people", "Claimed")
	chandra.press(".revoke summary")
	chandra.sees(".revoke [data-last]", "only representative")
	chandra.press(".revoke button")
	chandra.sees(".revoke [data-missing]", "why")
	portaltest.Axe(t, chandra.Browser, "registry-mailbox")
	chandra.looks("registry-mailbox")
	chandra.press(".revoke input[value=compromised]")
	chandra.typeInto(".revoke [data-id=note]", "telephone stolen")
	chandra.press(".revoke button")
	chandra.sees("#registry-status", "has been ended")
	chandra.sees("#registry-people", "by "+live.RegistrarName)
	chandra.sees("#registry-people", "(compromised)")
	chandra.sees("#registry-people", "telephone stolen")
	chandra.looks("registry-revoked")
	if strings.Contains(sent(), "telephone stolen") {
		t.Error("the reason went to the server as it was")
	}

	// Out, and in no more.
	ama.visit("/mailbox", "login")
	ama.logIn(as.String(), words, "")
	ama.sees("#login-passphrase-error", "wrong")

	// Somebody else of the same mailbox.
	chandra.press("#registry-issue")
	chandra.arrive("registry_issue")
	chandra.sees("#issue-for", "Republic of Elbonia")
	chandra.typeInto("#person", "Kofi Owusu")
	chandra.press("#issue-submit")
	chandra.sees("#issued-title", "Print")
	if got := places("number"); !strings.HasPrefix(got, string(as.Mailbox)+"/2") {
		t.Errorf("the next representative is %s", got)
	}
	chandra.wantNoProblems()
	ama.wantNoProblems("401")

	// An author sees the names of States, and can end nothing.
	ada := f.desk(t, live.AuthorName, f.Author, "/staff/mailboxes/"+string(as.Mailbox), "registry_mailbox")
	ada.sees("#registry-people", "Kofi Owusu")
	if ada.isVisible(".revoke") || ada.isVisible("#registry-issue") || strings.Contains(ada.text("#registry-people"), "compromised") {
		t.Error("an author sees what is for registrars")
	}
	ada.visit("/staff/mailboxes/new", "failure")
}

// TestGroupsInTheBrowser has a registrar keep groups, and an author read them.
func TestGroupsInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	person, other := f.Issue(crypto.KindState, crypto.ProfilePQ), f.Issue(crypto.KindIndividual, crypto.ProfilePQ)
	sent := f.sentBodies()
	chandra := f.desk(t, live.RegistrarName, f.Registrar, "/staff/mailboxes", "registry")
	chandra.press("main a[href='/staff/groups']")
	chandra.arrive("registry_groups")
	chandra.sees("#groups-none", "no groups yet")
	chandra.press("#group-new button")
	chandra.sees("#group-name-error", "Write")
	chandra.typeInto("#group-name", "Host States")
	chandra.writes("#group-first", string(person.Number.Mailbox)+"\n"+"S-0000000Q")
	chandra.press("#group-new button")
	chandra.sees("#group-name-error", "no mailbox S-0000000Q")
	chandra.writes("#group-first", strings.ToLower(string(person.Number.Mailbox)))
	chandra.press("#group-new button")
	chandra.sees("#groups-status", "Saved")
	chandra.sees("#groups-list", "Host States")
	chandra.typeInto("#group-name", "Situation in the north")
	chandra.writes("#group-first", "host states, "+string(other.Number.Mailbox))
	chandra.press("#group-new button")
	chandra.sees("#groups-list", "Situation in the north")
	chandra.sees("#groups-list", "Mailboxes: 2")
	chandra.press("#groups-list li:first-child summary")
	chandra.writes("#groups-list li:first-child textarea", "Situation in the north")
	chandra.press("#groups-list li:first-child form button")
	chandra.sees("#groups-list li:first-child .error", "hold itself")
	portaltest.Axe(t, chandra.Browser, "registry-groups")
	chandra.looks("registry-groups")
	chandra.press("#groups-list li:nth-child(2) summary")
	chandra.press("[data-member='" + string(other.Number.Mailbox) + "'] button")
	chandra.sees("#groups-list li:nth-child(2)", "Mailboxes: 1")
	chandra.sees("#groups-list li:nth-child(2)", "revision 2")
	if strings.Contains(sent(), "Host") || strings.Contains(sent(), "Situation") {
		t.Error("the name of a group went to the server")
	}
	chandra.wantNoProblems()

	ada := f.desk(t, live.AuthorName, f.Author, "/staff/groups", "registry_groups")
	ada.sees("#groups-list", "Host States")
	if ada.isVisible("#group-new") {
		t.Error("an author is offered to begin a group")
	}
	ada.wantNoProblems()
}
