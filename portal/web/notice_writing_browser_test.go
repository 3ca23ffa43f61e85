package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// enrol issues a mailbox as a registrar does, with names, and lets its first representative claim it when they are to.
func (f *frontage) enrol(t *testing.T, kind crypto.Kind, profile crypto.Profile, stakeholder, person string, claims bool) *live.Person {
	t.Helper()
	as, err := ceremony.NewMailbox(kind)
	must(t, err)
	wire := api.Institution{Root: f.Root.Certificate().Armor()}
	for _, c := range f.Staff() {
		wire.Staff = append(wire.Staff, c.Armor())
	}
	trust, err := ceremony.Believe(f.Pin, wire)
	must(t, err)
	issued, err := ceremony.Issue(trust, f.Registrar, ceremony.Order{Representative: as, Profile: profile, Stakeholder: stakeholder, Person: person}, time.Now())
	must(t, err)
	r := issued.Request
	must(t, f.Portal.Registry.Issue(context.Background(), f.Acting(f.Registrar), registry.Issuance{
		Representative: as, Profile: profile, Certificate: []byte(r.Certificate), Salt: r.Salt, Verifier: r.Verifier, LockedBundle: r.LockedBundle, Label: r.Label, Details: r.Details,
	}))
	salt, err := crypto.BundleSalt(r.LockedBundle)
	must(t, err)
	secrets, err := ceremony.DeriveSecrets(string(issued.Code), salt)
	must(t, err)
	bundle, err := ceremony.Unlock(as, api.Unlocked{LockedBundle: r.LockedBundle, State: portal.Issued}, secrets)
	must(t, err)
	p := &live.Person{Number: as, Key: bundle.Key, Bundle: bundle}
	if claims {
		return f.Claim(p, profile)
	}
	return p
}

// spoiled breaks the chains of representatives in what the portal shows of its mailboxes.
func (f *frontage) spoiled(of ...crypto.Representative) {
	f.onTheWay("GET", "/api/v1/mailboxes", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		var mailboxes []map[string]any
		if answer.Code != 200 || json.Unmarshal(answer.Body.Bytes(), &mailboxes) != nil {
			w.WriteHeader(answer.Code)
			w.Write(answer.Body.Bytes())
			return
		}
		for _, m := range mailboxes {
			for _, one := range m["representatives"].([]any) {
				if one := one.(map[string]any); slices.ContainsFunc(of, func(r crypto.Representative) bool { return one["representative"] == r.String() }) {
					one["chain"] = []string{"no certificate"}
				}
			}
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(mailboxes)
	})
}

// officer is a notice and the two who write it.
type officer struct {
	second                                crypto.Representative // of Elbonia, whose chain is broken
	t                                     *testing.T
	f                                     *frontage
	ada, dora                             *reader
	path                                  string
	elbonia, office, individual, syldavia *live.Person
}

var draftPath = regexp.MustCompile(`^/staff/notice-drafts/N-[0-9A-Z]{8}$`)

// TestANoticeIsWrittenInTheBrowser follows a notice from the template to two mailboxes: written by two, kept over reloads, a bad line and the end of a session, addressed, sealed, approved
// by another, opened and acknowledged.
func TestANoticeIsWrittenInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	o := &officer{
		t: t, f: f,
		elbonia:    f.enrol(t, crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah", true),
		office:     f.enrol(t, crypto.KindOrganisation, crypto.ProfileCompat, "Field Office North", "Jo Field", true),
		syldavia:   f.enrol(t, crypto.KindState, crypto.ProfilePQ, "Kingdom of Syldavia", "Bo Lund", false),
		individual: f.Claim(f.Issue(crypto.KindIndividual, crypto.ProfilePQ), crypto.ProfilePQ),
	}
	dora := f.Hire("Dora Author", crypto.RoleAuthor)
	o.second = crypto.Representative{Mailbox: o.elbonia.Number.Mailbox, Ordinal: 2}
	f.IssueAs(o.second, crypto.ProfilePQ)
	f.spoiled(o.syldavia.Number, o.second)
	o.ada = f.desk(t, live.AuthorName, f.Author, "/staff/notices", "dispatch")
	o.begin()
	o.address()
	o.particulars()
	o.dora = f.desk(t, "Dora Author", dora, o.path, "compose")
	o.two()
	o.hostile()
	o.how()
	o.seal()
}

// begin: nothing is kept before something is written; a template fills in texts and how it goes out, and can be taken back.
func (o *officer) begin() {
	t, ada := o.t, o.ada
	portaltest.Axe(t, ada.Browser, "dispatch-empty")
	ada.press("#new-notice")
	ada.arrive("compose")
	ada.sees("#compose-lead", "Nobody receives anything")
	ada.looks("compose-blank")
	if ada.path() != "/staff/notices/new" {
		t.Errorf("something was kept before anything was written: %s", ada.path())
	}
	ada.writes("#title-en", "Mine")
	ada.saves()
	if o.path = ada.path(); !draftPath.MatchString(o.path) {
		t.Fatalf("the address is %s", o.path)
	}
	ada.press("[data-template='3-your-data']")
	ada.sees("#template-status", "It replaced what was there")
	ada.sees("#preview-en", "may have been seen")
	ada.press("#template-status button")
	if got := ada.value("#title-en"); got != "Mine" {
		t.Errorf("what was written is not put back, but %q", got)
	}
	ada.press("[data-template='3-your-data']")
	ada.sees("#gaps", "still to be filled in")
	ada.sees("#sentence", "It is marked urgent. Everybody is asked to acknowledge it by")
	ada.sees("#sentence", "reminded 2 days before and 24 hours before")
	ada.press("#gaps button")
	if got := portaltest.Read(ada.Browser, chromedp.Evaluate[string]("(e => e.value.slice(e.selectionStart, e.selectionEnd))(document.activeElement)")); got != "[date]" {
		t.Errorf("the first gap leads to %q", got)
	}
	ada.saves()
}

// address: kinds, a name, a pasted list; what names nobody is said and stays; whose chain is broken must be decided on.
func (o *officer) address() {
	t, ada := o.t, o.ada
	ada.press("#kind-states")
	ada.sees("#audience-count", "2 mailboxes, 1 representative")
	ada.sees("[data-warning=empty]", "Kingdom of Syldavia")
	ada.sees("[data-warning=refused]", o.second.String())
	portaltest.Axe(t, ada.Browser, "compose-refused")
	ada.looks("compose-refused")
	ada.press("[data-warning=empty] button.second")
	ada.sees("#left", string(o.syldavia.Number.Mailbox))
	ada.press("[data-warning=refused] button.quiet")
	ada.sees("#left", o.second.String()+" (this person only)")
	ada.sees("#audience-count", "1 mailbox, 1 representative")
	ada.writes("#find", "fïeld NORTH")
	ada.press("#found button")
	ada.sees("#audience-count", "2 mailboxes, 2 representatives")
	ada.sees("#audience-wrong", "One person’s key is not post-quantum")
	ada.Do(chromedp.Evaluate[chromedp.Void]("document.querySelector('#listing').open = true"))
	ada.writes("#numbers", "our witness ("+string(o.individual.Number.Mailbox)+"), S-12345678")
	ada.sees("#numbers-wrong", "S-12345678")
	ada.sees("#audience-count", "3 mailboxes, 3 representatives")
	ada.saves()
	ada.visit(o.path, "compose")
	ada.sees("#numbers-wrong", "S-12345678")
	ada.sees("#audience-count", "3 mailboxes, 3 representatives")
	ada.writes("#numbers", string(o.individual.Number.Mailbox))
	ada.sees("#numbers-status", "All of the list is taken")
}

// particulars: a table is taken line by line, and what can't be taken stays, also over a reload.
func (o *officer) particulars() {
	t, ada := o.t, o.ada
	ada.Do(chromedp.Evaluate[chromedp.Void]("document.querySelector('#pasting').open = true"))
	ada.writes("#paste", "mailbox\twhat\tmeaning\tadvice\tcontact\n"+
		string(o.elbonia.Number.Mailbox)+"\tNames and numbers of the *embassy*\tSomebody may call who knows them\tTrust no caller for what they know\tThe Registry\n"+
		"S-00000000\ta\tb\tc\td\n"+
		strings.ToLower(string(o.office.Number.Mailbox))+"\t\"One \"\"statement\"\"\nof May\"\n"+
		string(o.office.Number.Mailbox)+"\ttwice\nnonsense\n")
	ada.press("#paste-take")
	ada.sees("#paste-wrong", "Line 3: S-00000000 a b c d: there is no mailbox S-00000000")
	ada.sees("#paste-wrong", "Line 6: "+string(o.office.Number.Mailbox)+" twice: "+string(o.office.Number.Mailbox)+" stands in line 4 already")
	ada.sees("#paste-wrong", "Line 7: nonsense: it does not begin")
	ada.sees("#personal-counts", "2 of 3 have a part of their own. One line is unfinished.")
	ada.writes("#as-mailbox", string(o.elbonia.Number.Mailbox))
	ada.sees("#as-text", "Names and numbers of the embassy")
	ada.saves()
	ada.visit(o.path, "compose")
	if got := ada.value("#paste"); !strings.Contains(got, "nonsense") || !strings.HasPrefix(got, "mailbox\twhat") {
		t.Errorf("of what could not be taken is left %q", got)
	}
	ada.sees("#personal-counts", "2 of 3")
	ada.writes("#paste", "")
	for field, text := range map[string]string{"meaning": "Nothing yet", "advice": "Ask us", "contact": "The Registry"} {
		ada.writes(fmt.Sprintf("tr[data-mailbox=%s] textarea[data-field=%s]", o.office.Number.Mailbox, field), text)
	}
	ada.writes("#field-name", "a{b")
	ada.press("#field-add")
	ada.sees("#field-name-error", "no braces")
	ada.writes("#personal-en", ada.value("#personal-en")+"\n{nobody}\n")
	ada.sees("#personal-en-error", "There is no field “nobody”")
	ada.writes("#personal-en", strings.ReplaceAll(ada.value("#personal-en"), "{nobody}", ""))
	ada.saves()
	portaltest.Axe(t, ada.Browser, "compose")
	ada.looks("compose")
}

// two: who saves second is told, and nothing is overwritten.
func (o *officer) two() {
	ada, dora := o.ada, o.dora
	ada.writes("#title-en", "What may have been seen of you")
	ada.saves()
	dora.writes("#title-en", "Information about you")
	dora.sees("#conflict", "Both of you changed this")
	portaltest.Axe(o.t, dora.Browser, "compose-conflict")
	dora.looks("compose-conflict")
	dora.press("#conflict-subject-en-own")
	dora.writes("#conflict-subject-en-text", "Information about you may have been seen")
	dora.press("#conflict-save")
	dora.saves()
	ada.comesBack()
	ada.sees("#told", "Dora Author saved")
	ada.press("#told-show")
	if got := ada.value("#title-en"); got != "Information about you may have been seen" {
		o.t.Errorf("Ada sees %q", got)
	}
	dora.wantNoProblems("409", "ERR_")
}

// hostile: whatever is written is shown as text.
func (o *officer) hostile() {
	ada := o.ada
	attack := `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`
	ada.writes("#body-en", "We are sorry. "+attack+"\n\n[a](javascript:window.pwned=1)\n")
	ada.writes("#body-fr", "Nous en sommes désolés.\n")
	ada.writes(fmt.Sprintf("tr[data-mailbox=%s] textarea[data-field=advice]", o.office.Number.Mailbox), attack)
	ada.sees("#preview-en", "<script>")
	ada.writes("#as-mailbox", string(o.office.Number.Mailbox))
	ada.sees("#as-text", "<script>")
	ada.saves()
	ada.unharmed()
	ada.writes(fmt.Sprintf("tr[data-mailbox=%s] textarea[data-field=advice]", o.office.Number.Mailbox), "Ask us")
}

// how: hours that can't be are said; a file goes along; a broken session loses nothing.
func (o *officer) how() {
	t, ada := o.t, o.ada
	ada.choose("#files-input", writtenTo(t, "list & more.csv", []byte("day,what\n5,noticed\n")))
	ada.sees("#file-list bdi", "list & more.csv")
	ada.sees("#files-left", "left")
	ada.press("#release-later")
	ada.writes("#release-date", "2020-01-01")
	ada.writes("#release-time", "02:30")
	ada.sees("#undone", "The time of release has passed")
	ada.press("#release-now")
	ada.press("#reminder-168")
	ada.sees("#reminders-error", "7 days before the deadline is before it is released")
	ada.press("#reminder-168")
	ada.saves()

	elsewhere := newVisitor(t, o.f.Server)
	elsewhere.logIn(fingerprint(o.f.Author), o.f.Author)
	elsewhere.post("/sessions/revoke", "{}").want(t, 204)
	ada.writes("#title-fr", "Ce qui a peut-être été vu")
	ada.sees("#again", "Your text is still here")
	ada.choose("#key-file", o.f.keyFile(t, live.AuthorName, o.f.Author))
	ada.typeInto("#key-passphrase", live.Passphrase)
	ada.press("#unlock-submit")
	ada.saves()
	if got := ada.value("#title-fr"); got != "Ce qui a peut-être été vu" {
		t.Errorf("what was written is %q", got)
	}
}

// seal: a last look, a broken line, and going on; then another person approves, and each opens what is theirs.
func (o *officer) seal() {
	t, f, ada := o.t, o.f, o.ada
	ada.visit(o.path, "compose")
	ada.sees("[data-step=seal]", "ready")
	ada.press("#submit")
	ada.sees("#summary-list", "3 mailboxes, 3 representatives")
	ada.sees("#summary-list", "Information about you may have been seen")
	ada.sees("#summary-list", "Field Office North, Republic of Elbonia, and "+string(o.individual.Number.Mailbox))
	ada.sees("#summary-list", "without Kingdom of Syldavia")
	ada.sees("#summary-list", "without "+o.second.String())
	ada.sees("#summary-mind", "One recipient gets no part of their own")
	portaltest.Axe(t, ada.Browser, "compose-checking")
	ada.looks("compose-checking")
	f.onTheWay("POST", "/api/v1/uploads", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		io.Copy(io.Discard, r.Body)
		http.Error(w, `{"error":{"code":"internal","message":"out of order","reference":"7K2M9QXC"}}`, http.StatusInternalServerError)
	})
	ada.press("#sign")
	ada.sees("#sealing-error", "The line broke. What is sealed is still here")
	portaltest.Axe(t, ada.Browser, "compose-broken")
	ada.looks("compose-broken")
	f.meddle.Store(nil)
	ada.press("#sealing-resume")
	ada.arrive("dispatch_notice")
	number := crypto.Number(strings.TrimPrefix(ada.path(), "/staff/notices/"))
	ada.sees("#subject", "Information about you may have been seen")
	ada.visit("/staff/notices", "dispatch")
	if ada.isVisible("[data-draft]") {
		t.Error("the draft is still there")
	}
	ada.unharmed()

	bela := f.desk(t, live.ApproverName, f.Approver, noticeOf(number), "dispatch_notice")
	bela.sees("#subject", "Information about you may have been seen")
	bela.press("#approve")
	bela.sees("#dispatch", "3")
	for person, want := range map[*live.Person]string{o.elbonia: "Names and numbers of the embassy", o.office: "of May"} {
		r := newReader(t, f)
		r.visit("/notices/"+string(number), "login")
		r.logIn(person.Number.String(), live.Passphrase, "notice")
		r.sees("main", "We are sorry. <img src=x")
		r.sees("main", want)
		if other := map[*live.Person]string{o.elbonia: "of May", o.office: "embassy"}[person]; strings.Contains(r.text("main"), other) {
			t.Errorf("%s reads what is for another", person.Number)
		}
		r.press("#acknowledge")
		r.sees("#receipt-section", "Acknowledged by")
		r.wantNoProblems()
	}
	ada.wantNoProblems("401", "409", "500", "ERR_")
}

// TestWithoutAScriptThePageSaysHow: sealing happens in the browser, so without JavaScript the page names the command.
func TestWithoutAScriptThePageSaysHow(t *testing.T) {
	f := newFrontage(t)
	v := newVisitor(t, f.Server)
	v.logIn(fingerprint(f.Author), f.Author)
	if page := v.page("/staff/notices/new", 200); !strings.Contains(page, "valise seal en.md fr.md") {
		t.Error("it says nothing of the command line")
	}
}
