package web_test

import (
	"encoding/csv"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest/live"
	"valise/portal/web"
)

// An administrator looks after other people's access. Nothing that anybody wrote, to whom, or who acknowledged it is theirs to see, and nothing theirs to sign.
func TestAnAdministratorReadsPublishesAndApprovesNothing(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	notice := p.Release(p.Draft(), person)
	n := newNewsroom(t, p)
	draft := announcement()
	n.submit(draft)
	olga := p.Hire("Olga Berg", crypto.RoleAdministrator)
	admin := newVisitor(t, p)
	admin.logIn(fingerprint(olga), olga)

	// What is about oneself, or about other people's second factors.
	own := []string{"/staff", "/staff/account", "/staff/people", api.Root + "/factors", api.Root + "/staff/people"}
	fill := strings.NewReplacer(
		"{notice}", string(notice), "{statement}", string(draft.Statement), "{mailbox}", string(person.Number.Mailbox), "{representative}", string(person.Number.Mailbox)+".1",
		"{version}", "1", "{id}", strings.Repeat("0", 64), "{name}", "a.pdf", "{code}", "AAAA", "{passkey}", "AAAA", "{member}", fingerprint(olga), "{thread}", string(crypto.NewNumber(crypto.KindThread)), "{message}", strings.Repeat("0", 32), "{group}", string(crypto.NewNumber(crypto.KindGroup)),
		"{draft}", string(crypto.NewNumber(crypto.KindNotice)), "{upload}", strings.Repeat("0", 32)+"?offset=0", "{mail}", strings.Repeat("0", 32), "{fingerprint}", fingerprint(olga),
	)
	bodies := map[string]any{
		"POST " + api.Root + "/mailboxes": api.Issue{Representative: crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}.String()},
	}
	bodies["POST "+api.Root+"/staff/statements/{statement}/approval"] = api.ApproveStatement{Submission: strings.Repeat("0", 64), Signed: "x"}
	walked := 0
	for pattern, door := range web.Routes() {
		if door != web.Staff && door != web.ClaimedOrStaff {
			continue
		}
		method, path, _ := strings.Cut(pattern, " ")
		if slices.ContainsFunc(own, func(begin string) bool {
			return path == begin || begin != "/staff" && strings.HasPrefix(path, begin+"/")
		}) {
			continue
		}
		path = fill.Replace(path)
		if piece, rest, ok := strings.Cut(path, "?offset=0/"); ok { // of an upload, and not of what is below it
			path = piece + "/" + rest
		}
		if strings.Contains(path, "{") {
			t.Errorf("%s: this test doesn't know what to put there", pattern)
			continue
		}
		body := bodies[pattern]
		if body == nil && method != "GET" {
			body = "{}"
		}
		walked++
		switch {
		case method == "PUT" && (strings.Contains(path, "/attachments/") || strings.Contains(path, "/files/") || strings.Contains(path, "/uploads/")):
			admin.header.Set("Content-Type", "application/octet-stream")
		case method == "POST" && !strings.HasPrefix(path, api.Root):
			admin.header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		a := admin.do(method, path, body)
		admin.header.Del("Content-Type")
		if a.StatusCode != 403 {
			t.Errorf("%s answers an administrator with %d: %.200s", pattern, a.StatusCode, a.body)
		}
	}
	if walked < 30 {
		t.Errorf("only %d routes were walked", walked)
	}
	home := admin.page("/staff", 200)
	for _, content := range []string{string(draft.Statement), string(notice), string(person.Number.Mailbox)} {
		if strings.Contains(home, content) {
			t.Errorf("an administrator's home shows %s", content)
		}
	}
	if !strings.Contains(home, "can’t read, publish or approve") || !strings.Contains(home, `href="/staff/people"`) {
		t.Error("an administrator's home does not say what they are there for")
	}
}

func TestTheDoorOfStaff(t *testing.T) {
	p := live.Portal(t, live.Options{})
	stranger := newVisitor(t, p).stay()
	stranger.do("GET", "/staff", nil).wantRedirect(t, "/staff/login?next=%2Fstaff")
	stranger.do("GET", "/staff/audit?act=staff", nil).wantRedirect(t, "/staff/login?next=%2Fstaff%2Faudit%3Fact%3Dstaff")
	for next, want := range map[string]string{
		"": "/staff", "/staff/audit?act=staff": "/staff/audit?act=staff", "/mailbox": "/staff", "//example.org/staff": "/staff", "https://example.org/staff": "/staff",
		"/staff/login": "/staff", "/staff/../mailbox": "/staff", "/staffroom": "/staff", "/staff/factor": "/staff", "/login": "/staff", `/staff\@example.org`: "/staff",
	} {
		page := stranger.page("/staff/login?next="+url.QueryEscape(next), 200)
		if !strings.Contains(page, `id="staff-login-next" value="`+html.EscapeString(want)+`"`) {
			t.Errorf("next %q does not lead to %q", next, want)
		}
	}
	page := stranger.page("/staff/login?note=out", 200)
	for _, want := range []string{"desk.css", "desk.wasm", "Your unlocked key is no longer"} {
		if !strings.Contains(page, want) {
			t.Errorf("the door of staff lacks %q", want)
		}
	}
	for _, asset := range []string{"desk.css", "desk.wasm"} {
		if strings.Contains(stranger.page("/login", 200), asset) {
			t.Errorf("who isn't staff loads %s, which only staff need", asset)
		}
	}
	for _, name := range []string{"passphrase", "key"} {
		if strings.Contains(page, ` name="`+name) {
			t.Errorf("a field named %s would be sent by a browser without our script", name)
		}
	}

	officer := newVisitor(t, p).stay()
	officer.logIn(fingerprint(p.Author), p.Author)
	officer.do("POST", "/logout", nil).wantRedirect(t, "/staff/login?note=out")
	officer.logIn(fingerprint(p.Author), p.Author)
	officer.submit("/sessions/revoke", url.Values{}).wantRedirect(t, "/staff/login?note=everywhere")
}

// What waits for whom, as the server knows it: without titles.
func TestWhatWaitsForStaff(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := newNewsroom(t, p)
	submitted := announcement()
	n.submit(submitted)
	notice, err := crypto.ParseManifest(p.Submit(p.Draft(), person).Manifest)
	must(t, err)

	author, approver := n.author.page("/staff", 200), n.approver.page("/staff", 200)
	section := func(page, id string) string {
		_, rest, _ := strings.Cut(page, `<section id="`+id+`"`)
		text, _, _ := strings.Cut(rest, "</section>")
		return text
	}
	if text := section(approver, "waiting"); !strings.Contains(text, string(submitted.Statement)) || !strings.Contains(text, "Awaits your approval") ||
		!strings.Contains(text, "by "+live.AuthorName) || !strings.Contains(text, `href="/staff/notices/`+string(notice.Notice)) {
		t.Errorf("what waits for the approver: %s", text)
	}
	if !strings.Contains(approver, "2 matters wait for you") || strings.Contains(approver, "/staff/statements/new") {
		t.Error("the approver's home counts, or offers, something else")
	}
	if section(author, "waiting") != "" || !strings.Contains(section(author, "mine"), string(submitted.Statement)) || !strings.Contains(author, "Nothing waits for you") {
		t.Errorf("the author's own submission waits for the author")
	}
	if !strings.Contains(section(author, "notices"), "Awaits approval") {
		t.Error("the author does not see where their notice stands")
	}
	for _, page := range []string{author, approver} {
		if strings.Contains(page, "staff:") && strings.Contains(page, ">staff:") {
			t.Error("somebody is called by a fingerprint")
		}
	}
}

func TestTheTrailOverHTTP(t *testing.T) {
	p := live.Portal(t, live.Options{})
	n := newNewsroom(t, p)
	draft := announcement()
	n.submit(draft)
	emil := p.Hire("Emil =Sato", crypto.RoleAuditor)
	auditor := newVisitor(t, p)
	auditor.logIn(fingerprint(emil), emil)
	n.author.get("/staff/audit").wantFailure(t, 403, "auditor-only")
	n.author.get("/staff/audit.csv").wantFailure(t, 403, "auditor-only")
	if page := n.author.page("/staff/audit", 403); !strings.Contains(page, "This page is for auditors") {
		t.Error("who may not read the trail is not told why")
	}

	var trail api.AuditTrail
	auditor.get("/staff/audit?act=publish.submit").into(t, 200, &trail)
	if len(trail.Entries) != 1 || trail.Next != "" {
		t.Fatalf("%+v", trail)
	}
	if e := trail.Entries[0]; e.Name != live.AuthorName || e.Actor != "staff:"+fingerprint(p.Author) || e.Object != string(draft.Statement) || e.Refused || time.Since(e.At) > time.Minute {
		t.Errorf("%+v", e)
	}
	auditor.get("/staff/audit?show=refused").into(t, 200, &trail)
	if len(trail.Entries) != 3 || trail.Entries[0].Act != "audit.read" || !trail.Entries[0].Refused || trail.Entries[1].Act != "audit.export" {
		t.Errorf("refused: %+v", trail.Entries)
	}
	auditor.get("/staff/audit?limit=2").into(t, 200, &trail)
	first := slices.Clone(trail.Entries)
	auditor.get("/staff/audit?limit=2&before="+trail.Next).into(t, 200, &trail)
	if len(first) != 2 || len(trail.Entries) != 2 || trail.Entries[0].At.After(first[1].At) || trail.Entries[0] == first[1] {
		t.Errorf("%+v, then %+v", first, trail.Entries)
	}
	for query, code := range map[string]string{
		"before=1": "invalid-place", "from=yesterday": "invalid-time", "limit=0": "invalid-limit", "limit=1001": "invalid-limit", "show=x": "invalid-show", "actor=Emil": "invalid-actor",
		"object=%25": "invalid-object", "object=hello": "invalid-object", "object=p-7k2m9qxe": "invalid-object", "object=S-7K2M9QXD/0": "invalid-object", "act=%25": "invalid-act", "from=2026-02-02&to=2026-02-01": "invalid-period",
	} {
		auditor.get("/staff/audit?"+query).wantFailure(t, 400, code)
		if strings.HasPrefix(query, "limit=") { // a page has its own
			continue
		}
		if page := auditor.page("/staff/audit?"+query, 400); !strings.Contains(page, `id="problem"`) || !strings.Contains(page, `id="filter"`) {
			t.Errorf("%s: the page does not say what is wrong above its form", query)
		}
	}

	a := auditor.get("/staff/audit.csv?actor=staff:" + fingerprint(emil) + "&object=staff:" + fingerprint(emil))
	a.want(t, 200)
	rows, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	must(t, err)
	if len(rows) != 2 || rows[0][0] != "at" || rows[1][2] != "Emil =Sato" || rows[1][3] != "registry.log-in" || a.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("%q, %v", rows, a.Header)
	}

	page := auditor.page("/staff/audit", 200)
	for _, want := range []string{
		fmt.Sprintf(`%s submitted the statement <b class="number">%s</b> for approval.`, live.AuthorName, draft.Statement), "Refused: " + live.AuthorName + " wanted to read this trail, and may not.",
		"Emil =Sato logged in with their key.", `<option value="staff:` + fingerprint(p.Author) + `">` + live.AuthorName, "audit.csv?",
	} {
		if !strings.Contains(html.UnescapeString(page), want) {
			t.Errorf("the trail lacks %q", want)
		}
	}
	if strings.Contains(page, "looked at the list") {
		t.Error("mere reading is shown where it wasn't asked for")
	}
	if page := auditor.page("/staff/audit?show=all&act=trail&object="+strings.ToLower(string(draft.Statement)), 200); !strings.Contains(page, "Nothing of that kind") {
		t.Error("nothing is not said to be nothing")
	}
	if page := auditor.page("/staff/audit?lang=fr&act=statements", 200); !strings.Contains(html.UnescapeString(page), live.AuthorName+` a soumis la déclaration <b class="number">`+string(draft.Statement)+"</b> à approbation.") {
		t.Error("the trail in French lacks its sentence")
	}
}
