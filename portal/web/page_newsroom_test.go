package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest/live"
)

// save keeps a draft without submitting it.
func (n *newsroom) save(v *visitor, key *crypto.Key, d *crypto.StatementDraft) {
	n.t.Helper()
	save, err := ceremony.SaveStatement(n.trust(), key, d, time.Now())
	must(n.t, err)
	v.do("PUT", api.Root+"/staff/statements/"+string(d.Statement)+"/draft", save).into(n.t, 200, &api.SavedStatement{})
}

func TestTheNewsroomIsSortedByWhatAwaitsWhom(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	published, withdrawn, corrected1 := announcement(), announcement(), announcement()
	for _, d := range []*crypto.StatementDraft{published, withdrawn, corrected1} {
		n.publish(d)
	}
	n.publish(corrected(withdrawn, crypto.StatementWithdrawal, "It was wrong."))
	draft, submitted, approved, returned := announcement(), announcement(), announcement(), announcement()
	n.save(n.author, n.p.Author, draft)
	n.submit(submitted)
	approved.PublishAt = time.Now().Add(time.Hour).Truncate(time.Second)
	n.submit(approved)
	n.approve(approved.Statement)
	n.submit(returned)
	back, err := ceremony.ReturnStatement(n.trust(), n.p.Approver, n.examine(returned.Statement), "Say which systems.", time.Now())
	must(t, err)
	n.approver.post("/staff/statements/"+string(returned.Statement)+"/return", back).want(t, 204)
	n.save(n.author, n.p.Author, corrected(corrected1, crypto.StatementCorrection, "A number was wrong."))

	for _, who := range []struct {
		v      *visitor
		groups map[string][]crypto.Number // and no others
		calls  string
	}{
		{n.author, map[string][]crypto.Number{"returned": {returned.Statement}, "mine": {draft.Statement, corrected1.Statement}, "submitted": {submitted.Statement}, "approved": {approved.Statement}}, "1 statement waits"},
		{n.approver, map[string][]crypto.Number{"approve": {submitted.Statement}, "others": {draft.Statement, returned.Statement, corrected1.Statement}, "approved": {approved.Statement}}, "1 statement waits"},
	} {
		text := who.v.page("/staff/statements", 200)
		if strings.Contains(text, "which systems") || strings.Count(text, "Anomalous") != strings.Count(text, "data-published=")+2*strings.Count(text, "data-go=\"correct\"") || !strings.Contains(text, who.calls) {
			t.Errorf("the server knows a draft's title, or counts otherwise: %s", text)
		}
		if got := strings.Count(text, "<section data-group="); got != len(who.groups) {
			t.Errorf("%d groups, want %d", got, len(who.groups))
		}
		for group, numbers := range who.groups {
			_, rest, _ := strings.Cut(text, `<section data-group="`+group+`">`)
			section, _, _ := strings.Cut(rest, "</section>")
			if got := strings.Count(section, "data-work="); got != len(numbers) {
				t.Errorf("%s: %d statements, want %d", group, got, len(numbers))
			}
			for _, number := range numbers {
				link := `href="/staff/statements/` + string(number)
				if group != "submitted" && group != "approved" && group != "approve" {
					link += "/edit"
				}
				if !strings.Contains(section, link+`"`) {
					t.Errorf("%s lacks %s", group, link)
				}
			}
		}
		for number, acts := range map[crypto.Number][]string{published.Statement: {"correct", "withdraw"}, withdrawn.Statement: nil, corrected1.Statement: {"work"}} {
			_, rest, _ := strings.Cut(text, `data-published="`+string(number)+`"`)
			row, _, _ := strings.Cut(rest, "</li>")
			if got := strings.Count(row, "data-go="); got != len(acts) {
				t.Errorf("%s: %s", number, row)
			}
			for _, act := range acts {
				if !strings.Contains(row, `data-go="`+act+`"`) {
					t.Errorf("%s lacks %s", number, act)
				}
			}
		}
	}
	n.author.header.Set("Accept-Language", "fr")
	if text := n.author.page("/staff/statements?q=activit", 200); !strings.Contains(text, "Renvoyées à vous") || !strings.Contains(text, `value="activit"`) || strings.Count(text, "data-published=") != 3 {
		t.Error("in French")
	}
	if text := n.author.page("/staff/statements?q=%21", 400); !strings.Contains(text, `id="problem"`) || !strings.Contains(text, "data-work=") {
		t.Error("a search for nothing loses the work")
	}
	n.author.header.Del("Accept-Language")
}

func TestTheEditorKnowsWhatMayBeWritten(t *testing.T) {
	p := live.Portal(t, live.Options{})
	n := newNewsroom(t, p)
	published, withdrawn := announcement(), announcement()
	published.Topic = "elections"
	n.publish(published)
	n.publish(withdrawn)
	n.publish(corrected(withdrawn, crypto.StatementWithdrawal, "It was wrong."))

	text := n.author.page("/staff/statements/new", 200)
	for _, want := range []string{`data-required="en fr"`, `data-kind="original"`, `data-author="true"`, `data-approvers="1"`, `data-notaries="1"`, `<option value="elections">`, `<option value="ar" lang="ar">`, "editor-saving", `<form id="draft"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the editor lacks %s", want)
		}
	}
	if text := n.approver.page("/staff/statements/new", 200); !strings.Contains(text, `data-author="false"`) || !strings.Contains(text, `data-approvers="0"`) {
		t.Error("the editor does not know what an approver may do")
	}
	if text := n.author.page("/staff/statements", 200); strings.Contains(text, "editor-saving") {
		t.Error("every page carries the editor's words")
	}
	for _, kind := range []string{"correction", "withdrawal"} {
		at := "/staff/statements/new?kind=" + kind + "&of="
		if text := n.author.page(at+string(published.Statement), 200); !strings.Contains(text, `data-kind="`+kind+`" data-of="`+string(published.Statement)+`"`) {
			t.Error(text)
		}
		n.author.page(at+string(withdrawn.Statement), 409)
		n.author.page(at+string(crypto.NewNumber(crypto.KindStatement)), 404)
		n.author.page(at+"P-1", 400)
		n.author.page(at, 400)
	}
	n.author.page("/staff/statements/new?kind=poem", 400)
	n.author.page("/staff/statements/"+string(published.Statement)+"/edit", 404)
	n.author.page("/staff/statements/P-1/edit", 400)

	// Who wants to correct what somebody corrects already comes to their draft.
	n.save(n.author, p.Author, corrected(published, crypto.StatementCorrection, "A number was wrong."))
	n.approver.stay().do("GET", "/staff/statements/new?kind=correction&of="+string(published.Statement), nil).wantRedirect(t, "/staff/statements/"+string(published.Statement)+"/edit")
	if text := n.approver.page("/staff/statements/"+string(published.Statement)+"/edit", 200); strings.Contains(text, "A number was wrong") {
		t.Error("the server can read a draft")
	}

	// An open editor asks where a draft stands; that is no act, and tells nothing of what is in it.
	var standing api.StatementStanding
	at := "/staff/statements/" + string(published.Statement) + "/standing"
	n.approver.get(at).into(t, 200, &standing)
	if standing.Revision != 1 || standing.State != api.StatementDraft || standing.SavedBy != p.Acting(p.Author).Holder() {
		t.Errorf("%+v", standing)
	}
	n.approver.get("/staff/statements/"+string(withdrawn.Statement)+"/standing").wantFailure(t, 404, "no-draft")

	// Staff without the roles, representatives and strangers are kept out.
	registrar := newVisitor(t, p)
	registrar.logIn(fingerprint(p.Registrar), p.Registrar)
	for _, path := range []string{"/staff/statements", "/staff/statements/new", "/staff/statements/" + string(published.Statement) + "/edit"} {
		registrar.page(path, 403)
		n.reader.stay().do("GET", path, nil).wantRedirect(t, "/staff/login?next="+url.QueryEscape(path))
	}
	registrar.get(at).wantFailure(t, 403, "author-only")
	n.reader.get(at).wantFailure(t, 401, "no-session")
}
