package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestStaffChaseWhoDoesNotAnswer follows a registrar who telephones and reminds, what colleagues and auditors see of it, and what reaches the mailbox.
func TestStaffChaseWhoDoesNotAnswer(t *testing.T) {
	t.Parallel() // most of its time it waits for a deadline
	f := newFrontage(t)
	state := f.enrol(t, crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah", true)
	office := f.enrol(t, crypto.KindOrganisation, crypto.ProfilePQ, "=HYPERLINK(\"http://x\")", "Kwame Boateng", true)
	emil := f.Hire("Emil Auditor", crypto.RoleAuditor)
	draft := f.Draft()
	n := f.Release(draft, state, office)
	row := func(p *live.Person) string { return "#progress [data-mailbox=" + string(p.Number.Mailbox) + "]" }
	button := func(p *live.Person) string { return "[data-contact=" + string(p.Number.Mailbox) + "]" }

	// She telephones: the line breaks while it is sent, and nothing is lost, nor kept twice.
	chandra := f.desk(t, live.RegistrarName, f.Registrar, noticeOf(n), "dispatch_notice")
	chandra.sees(row(state), "Republic of Elbonia")
	portaltest.Axe(t, chandra.Browser, "dispatch-chase")
	chandra.looks("dispatch-chase")
	chandra.press(button(state))
	chandra.sees("#contact", "Republic of Elbonia")
	portaltest.Axe(t, chandra.Browser, "dispatch-contact")
	chandra.looks("dispatch-contact")
	const note = "Spoke with Ms. Okafor <b>herself</b>.\nShe opens it tonight."
	chandra.writes("#contact-note", note)
	chandra.writes("#contact-way", "telephone")
	chandra.press("label[for=contact-message-left]")
	chandra.writes("#contact-time", time.Now().Add(48*time.Hour).Format("2006-01-02T15:04"))
	chandra.press("#contact-save")
	chandra.sees("#contact-error", "has not come yet")
	chandra.writes("#contact-time", time.Now().Format("2006-01-02T15:04"))
	mend := f.loseAnswers("/api/v1" + noticeOf(n) + "/contacts")
	chandra.press("#contact-save")
	chandra.sees("#contact-error", "can’t be reached")
	if chandra.value("#contact-note") != note {
		t.Error("the note is lost")
	}
	mend()
	chandra.press("#contact-save")
	chandra.sees("#contact-status", "is recorded")
	chandra.sees(row(state), "By telephone: message left")
	chandra.sees(row(state), "by "+live.RegistrarName)
	chandra.sees(row(state), "Spoke with Ms. Okafor <b>herself</b>.")
	chandra.unharmed()
	kept, err := f.Portal.Dispatch.Contacts(t.Context(), f.Acting(f.Author), n)
	must(t, err)
	if len(kept) != 1 || kept[0].Outcome != crypto.ContactLeft || bytes.Contains(kept[0].Signed, []byte("Okafor")) {
		t.Errorf("kept %+v", kept)
	}

	// A colleague, who has the page open, sees the next one come.
	ada := f.desk(t, live.AuthorName, f.Author, noticeOf(n), "dispatch_notice")
	ada.sees(row(state), "She opens it tonight.")
	chandra.press(button(office))
	chandra.writes("#contact-way", "in-person")
	chandra.press("label[for=contact-refused]")
	chandra.press("#contact-save")
	chandra.sees(row(office), "In person: they would not hear it")
	ada.sees(row(office), "In person: they would not hear it")
	ada.wantNoProblems()

	// She reminds, twice: the second time nothing happens. It takes no script.
	chandra.press(row(office) + " .chase form button")
	chandra.arrive("dispatch_notice")
	chandra.sees("#chased", "1 mailbox was reminded")
	chandra.sees(row(office), "Reminded")
	chandra.press("#progress .chase [name=which][value=awaited]")
	chandra.arrive("dispatch_notice")
	chandra.sees("#chased", "1 mailbox was reminded. 1 was left in peace")
	portaltest.Axe(t, chandra.Browser, "dispatch-chased")
	chandra.looks("dispatch-chased")
	lawyer := newReader(t, f)
	lawyer.visit("/mailbox", "login")
	lawyer.logIn(office.Number.String(), live.Passphrase, "mailbox")
	lawyer.sees("[data-notice="+string(n)+"]", "The institution reminds you")
	portaltest.Axe(t, lawyer.Browser, "mailbox-reminded")
	lawyer.looks("mailbox-reminded")
	lawyer.visit("/notices/"+string(n), "notice")
	lawyer.sees("#notice header", "The institution reminds you")
	lawyer.press("#acknowledge")
	lawyer.sees("#receipt-section", "Acknowledged by")

	// Her table has names, guarded against spreadsheets; the portal's has none.
	chandra.visit(noticeOf(n), "dispatch_notice")
	if name, data := chandra.Download(chromedp.Click(css("#table"))); name != string(n)+".csv" || !strings.Contains(string(data), ",Republic of Elbonia,") ||
		!strings.Contains(string(data), `,"'=HYPERLINK(""http://x"")",acknowledged,`) || !strings.Contains(string(data), ",telephone,message-left\r\n") {
		t.Errorf("the table %s:\n%s", name, data)
	}
	if _, data := chandra.Download(chromedp.Click(css("a[href$='status.csv']"))); !strings.Contains(string(data), string(state.Number.Mailbox)+",,delivered,") || strings.Contains(string(data), "Elbonia") {
		t.Errorf("the portal's table:\n%s", data)
	}

	// An auditor sees that there was a contact; the note is not for them, and they chase nobody. In French.
	auditor := f.desk(t, "Emil Auditor", emil, noticeOf(n)+"?lang=fr", "dispatch_notice")
	auditor.sees(row(state), "Par téléphone\u00a0: message laissé")
	auditor.sees(row(state), "n’est pas scellée pour vous")
	if auditor.isVisible(button(state)) || auditor.isVisible(row(state)+" .chase form") {
		t.Error("an auditor is offered to chase somebody")
	}
	portaltest.Axe(t, auditor.Browser, "dispatch-chase-fr")

	// A portal that alters what was signed is not believed.
	f.onTheWay("GET", "/api/v1"+noticeOf(n)+"/contacts", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		var contacts []api.Contact
		body, _ := io.ReadAll(answer.Body)
		if err := json.Unmarshal(body, &contacts); err != nil || len(contacts) != 2 {
			t.Errorf("%s, %v", body, err)
			return
		}
		contacts[1].Contact = strings.Replace(contacts[1].Contact, "message-left", "reached", 1)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(contacts)
	})
	chandra.visit(noticeOf(n), "dispatch_notice")
	chandra.sees(row(state)+" .row-problem", "no signature vouches for")
	if chandra.isVisible(row(state) + " .contact") {
		t.Error("an altered contact is shown as if it held")
	}
	f.meddle.Store(nil)
	chandra.wantNoProblems("ERR_", "Failed to load resource")
	auditor.wantNoProblems()
	lawyer.wantNoProblems()
}

// TestTheHomeOfStaffSaysWhoIsOverdue: and what waits in the inbox; registrars and auditors see the notices, too.
func TestTheHomeOfStaffSaysWhoIsOverdue(t *testing.T) {
	f := newFrontage(t)
	state := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	draft := f.Draft()
	draft.Acknowledge, draft.Deadline = true, time.Now().Add(4*time.Second)
	n := f.Release(draft, state)
	time.Sleep(time.Until(draft.Deadline) + time.Second)
	chandra := f.desk(t, live.RegistrarName, f.Registrar, "/staff", "staff_home")
	chandra.sees("#overdue [data-notice="+string(n)+"]", "1 overdue")
	chandra.sees("#overdue [data-notice="+string(n)+"]", "0 of 1 acknowledged")
	portaltest.Axe(t, chandra.Browser, "staff-home-overdue")
	chandra.looks("staff-home-overdue")
	chandra.visit(noticeOf(n), "dispatch_notice")
	chandra.press("#progress .chase [name=which][value=overdue]")
	chandra.arrive("dispatch_notice")
	chandra.sees("#chased", "1 mailbox was reminded")
	chandra.wantNoProblems()
}
