package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// asking is a draft that asks some kinds of stakeholders.
func asking(kinds ...crypto.Kind) *crypto.StatementDraft {
	d := announcement()
	d.Acknowledge, d.Deadline = kinds, time.Now().Add(72*time.Hour)
	return d
}

// read fetches a statement from a mailbox and verifies it as a client does.
func (n *newsroom) read(v *visitor, number crypto.Number) *ceremony.StatementInMailbox {
	n.t.Helper()
	var fetched api.MailboxStatement
	v.get("/mailbox/statements/"+string(number)).into(n.t, 200, &fetched)
	read, err := ceremony.ReadMailboxStatement(n.trust(), number, fetched, time.Now())
	must(n.t, err)
	return read
}

func (n *newsroom) receiptOf(read *ceremony.StatementInMailbox, person *live.Person) api.Receipt {
	n.t.Helper()
	receipt, err := ceremony.AcknowledgeStatement(read, person.Key, person.Number, crypto.DecisionAcknowledged, read.Nonce, time.Now())
	must(n.t, err)
	return receipt
}

func TestTheWayOfAnAcknowledgementOfAStatement(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { acknowledgeStatement(t, live.Portal(t, live.Options{})) })
	t.Run("PostgreSQL and Redis", func(t *testing.T) {
		acknowledgeStatement(t, live.Portal(t, live.Options{Database: portaltest.PostgreSQL(t), Redis: portaltest.Redis(t)}))
	})
}

func acknowledgeStatement(t *testing.T, p *live.Server) {
	n := newNewsroom(t, p)
	state := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	colleague := p.Claim(p.IssueAs(crypto.Representative{Mailbox: state.Number.Mailbox, Ordinal: 2}, crypto.ProfilePQ), crypto.ProfilePQ)
	office := p.Claim(p.Issue(crypto.KindOrganisation, crypto.ProfilePQ), crypto.ProfilePQ)
	d := asking(crypto.KindState)
	n.publish(d)
	at := "/mailbox/statements/" + string(d.Statement)

	v, other, outsider := newVisitor(t, p), newVisitor(t, p), newVisitor(t, p)
	v.logIn(state.Number.String(), state.Key)
	other.logIn(colleague.Number.String(), colleague.Key)
	outsider.logIn(office.Number.String(), office.Key)
	var listed []api.MailboxStatement
	v.get("/mailbox/statements").into(t, 200, &listed)
	if len(listed) != 1 || !listed[0].Asks || listed[0].Overdue || listed[0].Fetched != nil || listed[0].Nonce != "" || listed[0].Versions != nil || len(listed[0].Titles) != 2 || listed[0].Deadline == nil {
		t.Fatalf("%+v", listed)
	}
	outsider.get("/mailbox/statements").into(t, 200, &listed)
	if len(listed) != 0 {
		t.Errorf("an organisation is shown %+v", listed)
	}
	outsider.get(at).wantFailure(t, 404, "no-statement")
	newVisitor(t, p).get("/mailbox/statements").wantFailure(t, 401, "no-session")
	n.author.get("/mailbox/statements").wantFailure(t, 403, "representatives-only")

	// Looking at it, and HEAD, fetch nothing; without a fetch of this session's own there is no acknowledging.
	v.do("HEAD", api.Root+at, nil).want(t, 200)
	v.do("HEAD", api.Root+at+"/text.asc", nil).want(t, 200)
	v.page("/mailbox", 200)
	v.page(at, 200)
	read := n.read(other, d.Statement)
	v.post(at+"/acknowledgement", n.receiptOf(read, state)).wantFailure(t, 409, "not-fetched")
	mine := n.read(v, d.Statement)
	if mine.Nonce == "" || mine.Nonce == read.Nonce {
		t.Errorf("two sessions have the nonces %q and %q", mine.Nonce, read.Nonce)
	}
	if again := n.read(v, d.Statement); again.Nonce != mine.Nonce {
		t.Error("fetching again gives another nonce")
	}
	v.post(at+"/acknowledgement", n.receiptOf(read, state)).wantFailure(t, 400, "wrong-nonce")
	v.header.Set("Sec-Fetch-Site", "cross-site")
	v.get(at).wantFailure(t, 403, "cross-site")
	v.header.Del("Sec-Fetch-Site")

	receipt := n.receiptOf(mine, state)
	var received, again api.ReceivedReceipt
	v.post(at+"/acknowledgement", receipt).into(t, 201, &received)
	v.post(at+"/acknowledgement", receipt).into(t, 200, &again)
	if received.Receipt != receipt.Receipt || again != received {
		t.Error("the receipt was not kept as it was signed")
	}
	later := newVisitor(t, p)
	later.logIn(state.Number.String(), state.Key)
	later.post(at+"/acknowledgement", receipt).into(t, 200, &again) // another session, which fetched nothing
	other.post(at+"/acknowledgement", n.receiptOf(read, colleague)).wantFailure(t, 409, "already-acknowledged")

	a := other.get(at + "/acknowledgement")
	if a.want(t, 200); string(a.body) != receipt.Receipt || a.Header.Get("Content-Disposition") != fmt.Sprintf("attachment; filename=%q", string(d.Statement)+"-1-acknowledgement.asc") {
		t.Errorf("%s %s", a.Header, a.body)
	}
	gpg := portaltest.GPG(t)
	gpg.Import([]byte(state.Key.Certificate().Armor()))
	if _, _, err := gpg.Verify(a.body); err != nil {
		t.Errorf("gpg on the receipt: %v", err)
	}
	outsider.get(at+"/acknowledgement").wantFailure(t, 404, "no-acknowledgement")
	v.get(at+"/acknowledgement?version=2").wantFailure(t, 404, "no-acknowledgement")
	v.get(at+"/acknowledgement?version=one").wantFailure(t, 400, "invalid-version")

	// Its proof, once a checkpoint covers it; the evidence that proves it to anybody who has it.
	early := v.get(at + "/acknowledgement/proof")
	early.wantFailure(t, 404, "not-in-ledger-yet")
	p.SignLedger()
	staffAt := "/staff/statements/" + string(d.Statement) + "/acknowledgements"
	proof := v.get(at + "/acknowledgement/proof")
	proof.want(t, 200)
	fromStaff := n.author.get(staffAt + "/" + string(state.Number.Mailbox) + "/proof")
	if fromStaff.want(t, 200); string(fromStaff.body) != string(proof.body) || !strings.HasPrefix(string(proof.body), "c2sp.org/tlog-proof@v1\n") {
		t.Errorf("%s", proof.body)
	}
	var evidence api.Evidence
	newVisitor(t, p).post("/evidence", api.EvidenceRequest(receipt)).into(t, 200, &evidence)
	if evidence.LedgerProof != string(proof.body) || evidence.Manifest != "" {
		t.Errorf("%+v", evidence)
	}
	verified, err := ceremony.VerifyStatementReceipt(n.trust(), []byte(receipt.Receipt), evidence, time.Now())
	if err != nil || verified.Receipt.Acknowledgement().Representative != state.Number || verified.Statement.Manifest().Statement != d.Statement {
		t.Errorf("%v", err)
	}
	newVisitor(t, p).post("/evidence", api.EvidenceRequest{Receipt: n.receiptOf(read, colleague).Receipt}).wantFailure(t, 404, "unknown-receipt")

	// Staff.
	var status api.StatementStatus
	n.author.get(staffAt).into(t, 200, &status)
	if len(status.Kinds) != 1 || status.Kinds[0] != (api.StatementKindStatus{Kind: "S", Mailboxes: 1, Acknowledged: 1}) || len(status.Mailboxes) != 1 ||
		status.Mailboxes[0].By != state.Number.String() || status.Version != 1 || status.Newest != 1 {
		t.Errorf("%+v", status)
	}
	if kept := n.author.get(staffAt + "/" + string(state.Number.Mailbox)); string(kept.body) != receipt.Receipt {
		t.Errorf("%d %s", kept.StatusCode, kept.body)
	}
	v.get(staffAt).wantFailure(t, 403, "staff-only")
	if home := n.author.page("/staff", 200); !strings.Contains(home, `data-awaited="`+string(d.Statement)+`"`) || !strings.Contains(home, "1 of 1 mailboxes have answered") {
		t.Errorf("the home of staff does not say how far it is: %s", home)
	}
	page := n.author.page(staffAt, 200)
	for _, want := range []string{`data-kind="S"`, `data-count="acknowledged">1<`, state.Number.String(), string(d.Statement)} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of staff does not say %q", want)
		}
	}

	quiet := announcement()
	n.publish(quiet)
	n.author.get("/staff/statements/"+string(quiet.Statement)+"/acknowledgements").wantFailure(t, 404, "not-asked")
	if page := n.author.page("/staff/statements/"+string(quiet.Statement)+"/acknowledgements", 200); !strings.Contains(page, "asks nobody") {
		t.Errorf("%s", page)
	}
	v.page("/mailbox/statements/"+string(quiet.Statement), 404)

	// Corrected, and asked again: to be acknowledged again, with the receipt of the first version still there.
	n.publish(corrected(d, crypto.StatementCorrection, "A number was wrong.", "Un chiffre était faux."))
	v.get("/mailbox/statements").into(t, 200, &listed)
	if listed[0].Version != 2 || listed[0].Fetched != nil || listed[0].Acknowledgement() != nil || len(listed[0].Acknowledgements) != 1 {
		t.Errorf("%+v", listed)
	}
	other.post(at+"/acknowledgement", n.receiptOf(read, colleague)).wantFailure(t, 409, "statement-corrected")
	second := n.read(other, d.Statement)
	other.post(at+"/acknowledgement", n.receiptOf(second, colleague)).want(t, 201)
	for language, want := range map[string][]string{
		"en": {"Statement to the world", "Receipts of earlier versions", "Why it was corrected", "A number was wrong.", "Acknowledged by " + colleague.Number.String()},
		"fr": {"Déclaration au monde", "Reçus de versions antérieures", "Un chiffre était faux.", "Accusé de réception donné par " + state.Number.String()},
	} {
		v.header.Set("Accept-Language", language)
		page := v.page(at, 200)
		for _, words := range want {
			if !strings.Contains(page, words) {
				t.Errorf("in %s the page does not say %q", language, words)
			}
		}
		n.author.header.Set("Accept-Language", language)
		n.author.page(staffAt+"?version=1", 200)
	}
	n.publish(corrected(d, crypto.StatementWithdrawal, "It was not true.", "Ce n’était pas vrai."))
	page = v.page("/mailbox", 200)
	if !strings.Contains(page, `data-statement="`+string(d.Statement)+`" data-state="withdrawn"`) || strings.Contains(page, `id="awaiting"`) {
		t.Errorf("%s", page)
	}
	v.page(at, 200)
	wantNobodyInLog(t, p.Log.String())
}

// Without scripts, gpg and a text box do it.
func TestAcknowledgingAStatementWithoutScripts(t *testing.T) {
	p := live.Portal(t, live.Options{})
	n := newNewsroom(t, p)
	person := p.Claim(p.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	d := asking(crypto.KindState, crypto.KindOrganisation)
	n.publish(d)
	at := "/mailbox/statements/" + string(d.Statement)
	gpg := portaltest.GPG(t)
	gpg.Import([]byte(person.Key.Armor()))
	for _, c := range p.Staff() {
		gpg.Import([]byte(c.Armor()))
	}
	as := person.Number.String()
	v := newVisitor(t, p).stay()
	v.logIn(as, person.Key)

	mailbox := v.page("/mailbox", 200)
	for _, want := range []string{`data-statement="` + string(d.Statement) + `" data-state="awaiting"`, d.Languages[0].Title, "Statement to the world"} {
		if !strings.Contains(mailbox, want) {
			t.Errorf("the mailbox does not say %q", want)
		}
	}
	v.page(at, 200)
	page := v.page(at+"/acknowledge", 200)
	if strings.Contains(page, "valise statement acknowledgement") || !strings.Contains(page, at+"/text.asc") {
		t.Errorf("%s", page)
	}
	text := v.get(at + "/text.asc?language=fr")
	text.want(t, 200)
	if stdout, _, err := gpg.Verify(text.body); err != nil || !strings.Contains(string(text.body), d.Languages[1].Title) {
		t.Errorf("gpg on the statement: %v %s", err, stdout)
	}
	toSign := textIn(t, v.page(at+"/acknowledge", 200), "ack-text")
	a := v.submit(at+"/acknowledge", url.Values{"receipt": {string(gpg.ClearSign(as, strings.Replace(toSign, "version: 1", "version: 2", 1)))}})
	if a.StatusCode != http.StatusBadRequest || !strings.Contains(wholePage(t, a), `role="alert"`) {
		t.Errorf("a receipt of another version: %d", a.StatusCode)
	}
	receipt := gpg.ClearSign(as, toSign)
	v.submit(at+"/acknowledge", url.Values{"receipt": {string(receipt)}}).wantRedirect(t, at+"#receipt-section")
	if page = v.page(at, 200); textIn(t, page, "receipt") != string(receipt) || !strings.Contains(page, "Acknowledged by "+as) {
		t.Error("the receipt is not shown as it was handed in")
	}
	v.do("GET", at+"/acknowledge", nil).wantRedirect(t, at)

	// The files that the page offers for checking it do check it.
	manifest := v.do("GET", "/statements/"+string(d.Statement)+"/1/manifest.txt", nil).body
	if digest := crypto.RefTo(manifest).SHA256; !strings.Contains(string(receipt), "manifest-sha256: "+digest) {
		t.Errorf("the manifest's digest %s is not in the receipt", digest)
	}
}

// forge answers with other words than the portal's.
func forge(w http.ResponseWriter, r *http.Request, next http.Handler, was, is string) {
	recorder := httptest.NewRecorder()
	next.ServeHTTP(recorder, r)
	body := strings.ReplaceAll(recorder.Body.String(), was, is)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(recorder.Code)
	w.Write([]byte(body))
}

// On a phone: from the mailbox to the statement, verified up to the pinned root, to the receipt that gpg verifies. Then the portal lies.
func TestAStatementIsAcknowledgedInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	n := newNewsroom(t, f.Server)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	notice := string(f.Release(f.Draft(), person))
	d, second := asking(crypto.KindState, crypto.KindOrganisation), asking(crypto.KindState)
	second.Deadline = time.Time{}
	second.Languages[0].Title, second.Languages[1].Title = "What the experts found", "Ce que les experts ont trouvé"
	n.publish(d)
	n.publish(second)
	at, otherAt := "/mailbox/statements/"+string(d.Statement), "/mailbox/statements/"+string(second.Statement)
	r := newReader(t, f)
	r.Resize(portaltest.Phone)
	r.visit("/mailbox", "login")
	r.logIn(person.Number.String(), live.Passphrase, "mailbox")
	r.sees(`[data-notice="`+notice+`"] .subject`, "Findings that concern you")
	r.sees(`[data-statement="`+string(d.Statement)+`"] .facts`, "Statement to the world")
	r.sees(`[data-statement="`+string(second.Statement)+`"] .subject`, "What the experts found")
	r.Screenshot("mailbox-with-statements")
	r.Dark(true)
	r.Screenshot("mailbox-with-statements-dark")
	portaltest.Axe(t, r.Browser, "mailbox")
	r.Resize(portaltest.Phone)

	r.press(`[data-statement="` + string(d.Statement) + `"] a`)
	r.arrive("mailbox_statement")
	r.sees("#text", d.Languages[0].Body[:20])
	r.press("#languages [data-language=fr]")
	r.sees("#subject", d.Languages[1].Title)
	r.sees("#signer-list", "Ada Author")
	r.sees("#acknowledging", "does not say that you agree")
	r.Screenshot("mailbox-statement")
	r.Dark(true)
	r.Screenshot("mailbox-statement-dark")
	portaltest.Axe(t, r.Browser, "mailbox_statement")
	r.visit("/notices/"+notice, "notice")
	r.sees("#acknowledging", "does not say that you agree")
	for name, path := range map[string]string{"statement_acknowledge": at, "acknowledge": "/notices/" + notice} { // for whoever's browser can't
		r.Do(chromedp.Navigate(f.url+path+"/acknowledge"), chromedp.WaitReady(css("#ack-text")))
		portaltest.Axe(t, r.Browser, name)
	}
	r.Resize(portaltest.Phone)
	r.visit(at, "mailbox_statement")
	r.press("#languages [data-language=fr]")
	mend := f.loseAnswers("/api/v1" + at + "/acknowledgement")
	r.press("#acknowledge")
	r.sees("#acknowledge-error", "can’t be reached")
	mend()
	r.press("#acknowledge")
	r.sees("#receipt-by", "Acknowledged by "+person.Number.String())
	r.Screenshot("mailbox-statement-acknowledged")
	shown := portaltest.Read(r.Browser, chromedp.Evaluate[string]("document.querySelector('#receipt').textContent"))
	name, saved := r.Download(chromedp.Click(css("#receipt-download")))
	if name != string(d.Statement)+"-1-acknowledgement.asc" || string(saved) != shown {
		t.Errorf("%s was saved with %d octets, shown are %d", name, len(saved), len(shown))
	}
	gpg := portaltest.GPG(t)
	gpg.Import([]byte(person.Key.Certificate().Armor()))
	if _, _, err := gpg.Verify(saved); err != nil {
		t.Error(err)
	}
	r.Do(chromedp.Reload())
	r.arrive("mailbox_statement")
	r.sees("#receipt-by", "Acknowledged by "+person.Number.String())
	if r.isVisible("#acknowledge") {
		t.Error("what is acknowledged is asked for again")
	}

	// Corrected while the other one is open: what the reader has not seen isn't acknowledged.
	r.visit(otherAt, "mailbox_statement")
	r.sees("#acknowledging", "Acknowledge")
	n.publish(corrected(second, crypto.StatementCorrection, "A number was wrong."))
	r.press("#acknowledge")
	r.sees("#acknowledge-error", "A newer version of this statement")
	// A portal that shows other words than were signed.
	f.onTheWay("GET", "/api/v1"+otherAt, func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		forge(w, request, next, "What the experts found", "What nobody found")
	})
	r.visit(otherAt, "mailbox_statement")
	r.sees("#notice-problem", "This statement does not hold")
	if r.isVisible("#acknowledge") || r.isVisible("#text") || r.isVisible("#why") {
		t.Error("a forged statement is shown, or may be acknowledged")
	}
	r.Screenshot("mailbox-statement-forged")
	f.onTheWay("GET", "/api/v1/statements/"+string(second.Statement), func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		forge(w, request, next, "What the experts found", "What nobody ever found")
	})
	r.visit("/mailbox", "mailbox")
	r.sees(`[data-statement="`+string(second.Statement)+`"] .row-problem`, "does not hold")
	r.wantNoProblems("ERR_", "409", "400")

	// Staff see it move.
	f.meddle.Store(nil)
	issued := f.Issue(crypto.KindOrganisation, crypto.ProfilePQ)
	for range 3 {
		f.Issue(crypto.KindState, crypto.ProfilePQ)
	}
	site, err := url.Parse(f.URL)
	must(t, err)
	for _, c := range n.author.client.Jar.Cookies(site) {
		secure := strings.HasPrefix(c.Name, "__Host-")
		_, err := chromedp.Call(r.Browser, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: f.url, Path: "/", Secure: &secure})
		must(t, err)
	}
	r.visit("/staff", "staff_home")
	r.sees(`[data-awaited="`+string(d.Statement)+`"]`, "1 of 5 mailboxes have answered")
	r.Screenshot("staff-home-awaited")
	r.press(`[data-awaited="` + string(d.Statement) + `"] a`)
	r.arrive("staff_acknowledgements")
	r.sees(`.ack-kind[data-kind="S"] dd[data-count=acknowledged]`, "1")
	r.press("#open summary")
	r.sees("#open", string(issued.Number.Mailbox))
	r.press("#receipts summary")
	r.sees("#receipts", "Acknowledged by "+person.Number.String())
	r.Screenshot("staff-acknowledgements")
	portaltest.Axe(t, r.Browser, "staff_acknowledgements")
	r.wantNoProblems("ERR_", "409", "400")
	if _, err := f.Portal.Publish.StatementReceipt(context.Background(), portal.ActingRepresentative(person.Number), second.Statement, 0, person.Number.Mailbox); portal.KindOf(err) != portal.NotFound {
		t.Errorf("the forged one was acknowledged: %v", err)
	}
}
