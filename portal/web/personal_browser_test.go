package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// personalNotice tells one mailbox something of its own, in which everything is markup.
func (f *frontage) personalNotice(to *live.Person) *crypto.Draft {
	d := f.Draft()
	d.Personal = map[crypto.Number][]crypto.PersonalText{to.Number.Mailbox: {
		{Language: "en", Text: "Of your files, **NV-114** was read. <img src=x onerror=\"window.pwned=1\">\n\n# Heading\n"},
		{Language: "fr", Text: "Parmi vos dossiers, **NV-114** a été lu.\n"},
	}}
	return d
}

// TestAMailboxAloneIsTold follows a notice that tells one of two mailboxes something of its own, past its approver, to both.
func TestAMailboxAloneIsTold(t *testing.T) {
	f := newFrontage(t)
	concerned := f.Issue(crypto.KindState, crypto.ProfilePQ)
	other := f.Claim(f.Issue(crypto.KindOrganisation, crypto.ProfilePQ), crypto.ProfilePQ)
	n := f.waits(t, f.personalNotice(concerned), concerned, other)
	concerned = f.Claim(concerned, crypto.ProfileCompat) // both of its envelopes are rewrapped

	// The approver sees what each will read, and finds it by its words.
	bela := f.desk(t, live.ApproverName, f.Approver, noticeOf(n), "dispatch_notice")
	told := "[data-told=" + string(concerned.Number.Mailbox) + "]"
	bela.sees("#warnings", "1 mailbox is told something for it alone")
	bela.sees(told, "For this mailbox alone")
	bela.sees(told, "Of your files, NV-114 was read. <img src=x")
	if bela.isVisible("[data-told=" + string(other.Number.Mailbox) + "]") {
		t.Error("who is told nothing in particular has a part of their own")
	}
	bela.press("#languages [data-language=fr]")
	bela.sees(told, "Parmi vos dossiers, NV-114 a été lu.")
	bela.press("#only-told")
	bela.sees("#audience", string(concerned.Number.Mailbox))
	if bela.isVisible("#audience [data-mailbox=" + string(other.Number.Mailbox) + "]") {
		t.Error("a mailbox that is told nothing is among those that are")
	}
	bela.unharmed()
	portaltest.Axe(t, bela.Browser, "dispatch-personal")
	bela.looks("dispatch-personal")

	// A portal that keeps a part back, or exchanges it: nothing can be approved.
	path := "/api/v1" + noticeOf(n) + "/personal"
	f.onTheWay("GET", path, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		alter(w, r, next, func(answer map[string]any) {
			parts := answer["personal_parts"].([]any)
			answer["personal_parts"] = parts[1:]
		})
	})
	bela.visit(noticeOf(n), "dispatch_notice")
	bela.sees("#dispatch-problem", "Don’t approve this notice")
	if bela.isVisible("#approve") {
		t.Error("what does not verify can be approved")
	}
	f.meddle.Store(nil)
	bela.visit(noticeOf(n), "dispatch_notice")
	bela.sees(told, "NV-114")
	bela.press("#approve")
	bela.sees("#progress", "Delivered into 2 mailboxes")

	// Whom it concerns reads it under its own heading, in the language of the page; nobody else does.
	person := newReader(t, f)
	person.visit("/notices/"+string(n), "login")
	person.logIn(concerned.Number.String(), live.Passphrase, "notice")
	person.sees("#text", "Data that you entrusted to us")
	person.sees("#personal", "For this mailbox alone")
	person.sees("#personal-text", "Of your files, NV-114 was read. <img src=x")
	person.press("#languages [data-language=fr]")
	person.sees("#personal-text", "Parmi vos dossiers")
	person.press("#languages [data-language=en]")
	person.press("#checked summary")
	person.sees("#checks", "is the part that both signatures cover")
	person.unharmed()
	portaltest.Axe(t, person.Browser, "notice-personal")
	person.looks("notice-personal")
	f.onTheWay("GET", "/api/v1/notices/"+string(n), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		alter(w, r, next, func(answer map[string]any) {
			delete(answer, "personal")
			delete(answer, "personal_envelope")
		})
	})
	person.visit("/notices/"+string(n), "notice")
	person.sees("#notice-problem", "withholds")
	if person.isVisible("#text") {
		t.Error("a notice is shown whose personal part is kept back")
	}
	f.meddle.Store(nil)

	outsider := newReader(t, f)
	outsider.visit("/notices/"+string(n), "login")
	outsider.logIn(other.Number.String(), live.Passphrase, "notice")
	outsider.sees("#text", "Data that you entrusted to us")
	if outsider.isVisible("#personal") {
		t.Error("who is told nothing in particular is shown a heading for it")
	}
	bela.wantNoProblems()
	person.wantNoProblems()
	outsider.wantNoProblems()
}

// alter changes an answer in JSON on its way.
func alter(w http.ResponseWriter, r *http.Request, next http.Handler, change func(map[string]any)) {
	recorder := httptest.NewRecorder()
	next.ServeHTTP(recorder, r)
	answer := map[string]any{}
	body := recorder.Body.Bytes()
	if json.Unmarshal(body, &answer) == nil {
		change(answer)
		body, _ = json.Marshal(answer)
	}
	for name, values := range recorder.Header() {
		if !strings.EqualFold(name, "Content-Length") {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(recorder.Code)
	w.Write(body)
}
