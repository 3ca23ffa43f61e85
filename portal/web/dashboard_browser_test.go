package web_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// within waits until an expression of the page is true, and returns how long that took.
func (r *reader) within(limit time.Duration, what, expression string) time.Duration {
	r.t.Helper()
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		is := portaltest.Read(r.Browser, chromedp.Evaluate[bool](expression))
		switch took := time.Since(begun); {
		case is:
			return took
		case took > limit:
			r.t.Errorf("not within %v: %s", limit, what)
			return took
		}
	}
}

func counts(state string, n int) string {
	return fmt.Sprintf("document.querySelector('#counts [data-count=%s]')?.textContent === '%d'", state, n)
}

// TestDashboardsMoveWithinASecond: two people watch one notice, each on a node of their own, and one node loses Redis for a while.
func TestDashboardsMoveWithinASecond(t *testing.T) {
	redis := portaltest.StartRedis(t)
	proxy := portaltest.Proxy(t, redis.URL)
	database := portaltest.PostgreSQL(t)
	one := frontageOf(t, live.Portal(t, live.Options{Database: database, Redis: redis.URL}))
	two := frontageOf(t, live.Portal(t, live.Options{Database: database, Redis: proxy.URL, Heartbeat: 500 * time.Millisecond}))
	var people []*live.Person
	for _, kind := range []crypto.Kind{crypto.KindState, crypto.KindState, crypto.KindOrganisation, crypto.KindIndividual} {
		people = append(people, one.Claim(one.Issue(kind, crypto.ProfilePQ), crypto.ProfilePQ))
	}
	n := one.Release(one.Draft(), people...)
	ada := one.desk(t, live.AuthorName, one.Author, noticeOf(n), "dispatch_notice")
	bela := two.desk(t, live.ApproverName, two.Approver, noticeOf(n), "dispatch_notice")
	for _, r := range []*reader{ada, bela} {
		r.sees("#live", "Live")
		r.sees("#progress", "0 of 4 opened it")
		r.sees("#found", "4 mailboxes")
	}

	// A representative opens it on the first node, and then acknowledges it: both see it.
	acknowledge := func(person *live.Person) {
		t.Helper()
		visitor := newVisitor(t, one.Server)
		visitor.logIn(person.Number.String(), person.Key)
		acknowledged(visitor, person, n)
	}
	const limit = time.Second
	acknowledge(people[0])
	for name, r := range map[string]*reader{"its own node": ada, "the other node": bela} {
		took := r.within(limit, "the count of acknowledgements on "+name, counts("acknowledged", 1))
		t.Logf("%s: %v", name, took)
		r.within(limit, "its line", fmt.Sprintf("document.querySelector('#lines [data-mailbox=%q]').dataset.state === 'acknowledged'", people[0].Number.Mailbox))
		r.sees("#progress", "1 of 4 opened it")
	}

	// The second node's line to Redis breaks: its page says so. Nothing that happens meanwhile is missing when it is back.
	proxy.Refuse()
	proxy.Cut()
	bela.sees("#live", "Reconnecting since")
	acknowledge(people[1])
	acknowledge(people[2])
	ada.within(limit, "three acknowledgements on the node that hears", counts("acknowledged", 3))
	proxy.Pass()
	bela.within(20*time.Second, "what was missed", counts("acknowledged", 3))
	bela.sees("#live", "Live")
	acknowledge(people[3])
	bela.within(limit, "the last one, after Redis came back", counts("acknowledged", 4))
	ada.wantNoProblems()
}

// TestTheDashboardsList finds, filters and sorts, with names that the page alone knows.
func TestTheDashboardsList(t *testing.T) {
	f := newFrontage(t)
	var people []*live.Person
	for _, kind := range []crypto.Kind{crypto.KindState, crypto.KindState, crypto.KindState, crypto.KindOrganisation, crypto.KindOrganisation, crypto.KindIndividual, crypto.KindIndividual} {
		people = append(people, f.Claim(f.Issue(kind, crypto.ProfilePQ), crypto.ProfilePQ))
	}
	as, _ := f.issueWithLetter(t, crypto.ProfilePQ) // sealed as a registrar's client does: Elbonia
	n := f.Release(f.Draft(), append(people, &live.Person{Number: as})...)
	for i, person := range people[:4] {
		visitor := newVisitor(t, f.Server)
		visitor.logIn(person.Number.String(), person.Key)
		if i < 3 {
			acknowledged(visitor, person, n)
		} else {
			visitor.get("/notices/"+string(n)).want(t, 200)
		}
	}
	failed := people[6].Number.Mailbox
	must(t, f.Store.RecordNoticeEvents(t.Context(), []portal.NoticeEvent{{Notice: n, Mailbox: failed, Kind: portal.RelayToNonERDSFailure, Via: portal.ViaEMail, At: time.Now()}}))

	// Its author reads again what it says.
	ada := f.desk(t, live.AuthorName, f.Author, noticeOf(n), "dispatch_notice")
	ada.press("#reading summary")
	ada.sees("#reading #text", "Data that you entrusted to us may have been read.")
	ada.sees("#reading #standing", live.AuthorName)
	ada.press("#reading [data-language=fr]")
	ada.sees("#reading #subject", "Constatations qui vous concernent")
	ada.wantNoProblems()

	// Without a script the page says it all, too.
	plain := f.desk(t, live.AuthorName, f.Author, "/staff", "staff_home")
	plain.WithoutJavaScript()
	plain.Do(chromedp.Navigate(f.url+noticeOf(n)), chromedp.WaitReady(css("#progress")))
	page := portaltest.Read(plain.Browser, chromedp.OuterHTML(css("#progress")))
	for _, want := range []string{"4 of 8 opened it", "not reached", string(people[0].Number.Mailbox), string(failed), "Evidence bundle"} {
		if !strings.Contains(page, want) {
			t.Errorf("without a script the page lacks %q", want)
		}
	}

	r := f.desk(t, live.RegistrarName, f.Registrar, noticeOf(n), "dispatch_notice")
	r.sees("#found", "8 mailboxes")
	r.sees("[data-count=acknowledged]", "3")
	r.sees("[data-count=unreachable]", "1")
	r.sees("#lines > li:first-child", "not reached")
	r.sees("#lines > li:first-child .number", string(failed))
	r.sees("#lines [data-mailbox="+string(as.Mailbox)+"] .name", "Elbonia")
	r.within(5*time.Second, "a curve", `document.querySelector('#curve .acknowledged').getAttribute('d').length > 20`)
	portaltest.Axe(t, r.Browser, "dashboard")
	r.looks("dashboard")
	choose := func(field, value string) {
		t.Helper()
		r.writes("#find-"+field, value)
	}
	choose("state", "acknowledged")
	r.sees("#found", "3 of 8 mailboxes")
	choose("kind", "O")
	r.sees("#found", "0 of 8 mailboxes")
	choose("state", "")
	r.sees("#found", "2 of 8 mailboxes")
	choose("kind", "")
	r.writes("#find", strings.ToLower(string(people[5].Number.Mailbox)))
	r.sees("#found", "1 of 8 mailboxes")
	r.writes("#find", "élbo")
	r.sees("#found", "1 of 8 mailboxes")
	r.writes("#find", "")
	r.sees("#found", "8 mailboxes")
	choose("order", "newest")
	r.sees("#lines > li:first-child .number", string(people[3].Number.Mailbox))

	// Live, also while one looks for something: what no longer fits goes.
	choose("state", "delivered")
	r.sees("#found", "4 of 8 mailboxes")
	visitor := newVisitor(t, f.Server)
	visitor.logIn(people[5].Number.String(), people[5].Key)
	visitor.get("/notices/"+string(n)).want(t, 200)
	r.sees("#found", "3 of 8 mailboxes")
	r.unharmed()
	r.wantNoProblems()

	// The session ends on the server: the page notices by itself.
	f.logOutEverywhere(t, f.Registrar)
	r.visit(noticeOf(n), "staff_login")
}

// TestTheListOfNoticesIsLive: subjects are opened in the page, counts move, and one is told when the list is another one.
func TestTheListOfNoticesIsLive(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	other := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := f.Release(f.hostileNotice(), person, other)
	ada := f.desk(t, live.AuthorName, f.Author, "/staff/notices", "dispatch")
	row := "[data-notice=" + string(n) + "]"
	ada.sees(row+" .subject", `Findings <img src=x onerror="window.pwned=1">`)
	ada.sees(row, "To 2 mailboxes")
	ada.sees("#live", "Live")
	portaltest.Axe(t, ada.Browser, "dispatch-list-live")
	ada.looks("dispatch-list-live")

	visitor := newVisitor(t, f.Server)
	visitor.logIn(person.Number.String(), person.Key)
	acknowledged(visitor, person, n)
	ada.within(time.Second, "the count in the list", fmt.Sprintf("document.querySelector(%q).textContent === '1 of 2 acknowledged'", row+" .tally"))
	ada.sees(row+" .tally", "1 of 2 acknowledged")
	if ada.isVisible("#list-moved") {
		t.Error("an acknowledgement makes no other list")
	}
	waits := f.waits(t, f.Draft(), person)
	ada.sees("#list-moved", "This list has changed")
	ada.press("#list-look")
	ada.sees("[data-notice="+string(waits)+"] .subject", "Findings that concern you")

	// The same on the home of who approves; and on the page of the notice its subject.
	bela := f.desk(t, live.ApproverName, f.Approver, "/staff", "staff_home")
	bela.sees("#waiting [data-notice="+string(waits)+"] .subject", "Findings that concern you")
	bela.sees("#live", "Live")
	bela.visit(noticeOf(n), "dispatch_notice")
	bela.sees("#progress-subject", "Findings <img")
	bela.unharmed()
	ada.unharmed()
	ada.wantNoProblems()
	bela.wantNoProblems()
}

// TestADashboardOfTenThousandMailboxes is read, found in and kept up to date as a short one is.
func TestADashboardOfTenThousandMailboxes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portal.db")
	f := frontageOf(t, live.Portal(t, live.Options{Database: path}))
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := f.Release(f.Draft(), person)
	const more = 9_999
	fillMailboxes(t, path, n, more)
	r := f.desk(t, live.AuthorName, f.Author, noticeOf(n), "dispatch_notice")
	r.sees("#found", "10000 mailboxes; the first 100 are shown")
	r.sees("#live", "Live")
	const slowest = 1500 // milliseconds, on a processor that others use, too
	for _, order := range []string{"newest", "name", "number", "urgent"} {
		took := portaltest.Read(r.Browser, chromedp.Evaluate[float64](fmt.Sprintf(`(() => {
			const begun = performance.now(), order = document.querySelector('#find-order'), find = document.querySelector('#find');
			order.value = %q;
			order.dispatchEvent(new Event('input', { bubbles: true }));
			find.value = find.value ? '' : 'S-7';
			find.dispatchEvent(new Event('input', { bubbles: true }));
			document.body.offsetHeight; // drawn
			return performance.now() - begun;
		})()`, order)))
		if t.Logf("sorted by %s, and looked for: %.0f ms", order, took); took > slowest {
			t.Errorf("sorting by %s and looking for something took %.0f ms", order, took)
		}
	}
	r.press("#line-more button")
	r.sees("#found", "the first 200 are shown")
	visitor := newVisitor(t, f.Server)
	visitor.logIn(person.Number.String(), person.Key)
	acknowledged(visitor, person, n)
	r.within(2*time.Second, "one acknowledgement among ten thousand mailboxes", counts("acknowledged", 1))
	r.writes("#find", string(person.Number.Mailbox))
	r.sees("#lines > li", "Acknowledged")
	r.wantNoProblems()
}

// fillMailboxes puts a notice into more mailboxes than a test has the time to seal it to.
func fillMailboxes(t *testing.T, path string, n crypto.Number, count int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	must(t, err)
	defer db.Close()
	tx, err := db.Begin()
	must(t, err)
	for i := range count {
		var opened any
		if i%3 == 0 {
			opened = time.Now().UnixMicro()
		}
		_, err := tx.Exec(`INSERT INTO deliveries (notice, mailbox, delivered_at, opened_at) VALUES ($1, $2, $3, $4)`, n, crypto.NewNumber(crypto.KindState), time.Now().UnixMicro(), opened)
		must(t, err)
	}
	must(t, tx.Commit())
}

func (f *frontage) logOutEverywhere(t *testing.T, key *crypto.Key) {
	t.Helper()
	must(t, f.Portal.Sessions.RevokeHolder(t.Context(), portal.StaffHolder(key.Certificate().Fingerprint())))
}
