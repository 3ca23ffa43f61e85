//go:build !js

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest/live"
	"valise/portal/publish"
)

// colleague is a staff member's worker, with the portal that newsroom-ceremonies.js talks with.
type colleague struct {
	*worker
	p      *live.Server
	http   *http.Client
	looked map[crypto.Number]string // digests of what the page shows
}

// newColleague logs in with the engine's own signature.
func newColleague(t *testing.T, p *live.Server, key *crypto.Key) *colleague {
	t.Helper()
	c := &colleague{&worker{t, &engine{now: p.Portal.Now}}, p, p.Client(), map[crypto.Number]string{}}
	c.worker.call("begin", object{"origin": p.URL}, nil)
	c.unlock(key)
	fingerprint := string(key.Certificate().Fingerprint())
	var challenge api.LogInChallenge
	c.want(http.StatusOK, "POST", "/login/start", object{"as": fingerprint}, &challenge)
	var in api.LogIn
	c.worker.call("sign-in", object{"challenge": challenge}, &in)
	c.want(http.StatusOK, "POST", "/login", in, nil)
	return c
}

// unlock takes a key as if it had just come out of its file, with the staff as the portal shows it now.
func (c *colleague) unlock(key *crypto.Key) {
	c.t.Helper()
	var i api.Institution
	c.want(http.StatusOK, "GET", "/institution", nil, &i)
	if _, err := c.e.takeStaff(&crypto.Bundle{Holder: "staff", Pin: c.p.Pin, Key: key}, i); err != nil {
		c.t.Fatal(err)
	}
}

func (c *colleague) ask(method, path string, body, into any) (status int, code string) {
	c.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, c.p.URL+api.Root+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if answer.StatusCode >= 300 {
		var failure api.Failure
		_ = json.Unmarshal(text, &failure)
		return answer.StatusCode, failure.Error.Code
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			c.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return answer.StatusCode, ""
}

func (c *colleague) want(status int, method, path string, body, into any) {
	c.t.Helper()
	if got, code := c.ask(method, path, body, into); got != status {
		if got == http.StatusInternalServerError {
			c.t.Log(c.p.Log)
		}
		c.t.Fatalf("%s %s: %d %s, want %d", method, path, got, code, status)
	}
}

func (c *colleague) published(n crypto.Number) (s *api.Statement) {
	c.t.Helper()
	if status, code := c.ask("GET", "/statements/"+string(n), nil, &s); status != 200 && code != "no-statement" {
		c.t.Fatalf("%d %s", status, code)
	}
	return s
}

// about is what the worker's script hands in with every question about a statement.
func (c *colleague) about(n crypto.Number) object {
	c.t.Helper()
	var w api.StatementWork
	c.want(http.StatusOK, "GET", "/staff/statements/"+string(n), nil, &w)
	return object{"statement": n, "work": w, "published": c.published(n), "languages": []string{"fr", "en"}}
}

func (c *colleague) save(d wireDraft, revision int) (saved api.SavedStatement) {
	c.t.Helper()
	var request api.SaveStatement
	c.call("statement-seal", object{"draft": d, "revision": revision}, &request)
	c.want(http.StatusOK, "PUT", "/staff/statements/"+string(d.Statement)+"/draft", request, &saved)
	return saved
}

func (c *colleague) submit(n crypto.Number, revision int) {
	c.t.Helper()
	about := c.about(n)
	about["revision"] = revision
	var request api.SubmitStatement
	c.call("statement-submit", about, &request)
	c.want(http.StatusCreated, "POST", "/staff/statements/"+string(n)+"/submission", request, nil)
}

func (c *colleague) examine(n crypto.Number) (shown examinedStatement) {
	c.t.Helper()
	c.call("statement-examine", c.about(n), &shown)
	c.looked[n] = shown.SHA256
	return shown
}

// decided is what a page sends along when something is decided about what it shows.
func (c *colleague) decided(n crypto.Number) object {
	return object{"statement": n, "sha256": c.looked[n]}
}

func (c *colleague) approve(n crypto.Number) (approved api.ApprovedStatement) {
	c.t.Helper()
	var request api.ApproveStatement
	c.call("statement-approve", c.decided(n), &request)
	c.want(http.StatusOK, "POST", "/staff/statements/"+string(n)+"/approval", request, &approved)
	return approved
}

func (c *colleague) begin(kind crypto.StatementKind, of crypto.Number) (begun begunDraft) {
	c.t.Helper()
	parameters := object{"kind": kind, "of": of}
	if of != "" {
		parameters["published"] = c.published(of)
	}
	c.call("statement-new", parameters, &begun)
	return begun
}

func filled(d wireDraft) wireDraft {
	d.Topic = "security"
	d.Languages = []draftLanguage{
		{Language: "en", Title: "Anomalous activity", Body: "Twelve systems were affected.\n\n- one\n- two\n\nSee [the police](https://police.example).  \n"},
		{Language: "fr", Title: "Activité anormale", Body: "Douze systèmes ont été touchés.\n"},
	}
	return d
}

func newNotary(t *testing.T, p *live.Server) *publish.Notary {
	t.Helper()
	key := p.Hire("Notary 1", crypto.RoleNotary)
	notary, err := publish.NewNotary(p.Store, p.Portal.Root, p.Portal.Institution.Languages, key, nil, slog.New(slog.DiscardHandler), p.Portal.Now)
	if err != nil {
		t.Fatal(err)
	}
	return notary
}

func TestTheNewsroomFromDraftToCorrection(t *testing.T) {
	p := live.Portal(t, live.Options{})
	author, approver := newColleague(t, p, p.Author), newColleague(t, p, p.Approver)

	begun := author.begin(crypto.StatementOriginal, "")
	if begun.Revision != 0 || begun.Previous != nil || begun.Draft.Kind != crypto.StatementOriginal || begun.Draft.Statement.Kind() != crypto.KindStatement {
		t.Fatalf("begun: %+v", begun)
	}
	n, draft := begun.Draft.Statement, filled(begun.Draft)
	if saved := author.save(draft, 0); saved.Revision != 1 {
		t.Fatalf("saved: %+v", saved)
	}
	var request api.SaveStatement
	approver.call("statement-seal", object{"draft": draft, "revision": 0}, &request)
	if status, code := approver.ask("PUT", "/staff/statements/"+string(n)+"/draft", request, nil); status != 409 || code != "draft-changed" {
		t.Errorf("a second first revision: %d %s", status, code)
	}

	var work openedWork
	approver.call("statement-work", approver.about(n), &work)
	if work.State != api.StatementDraft || work.Version != 1 || work.Title != "Activité anormale" || work.Language != "fr" || work.SavedBy != live.AuthorName || work.Mine ||
		len(work.Draft.Languages) != 2 || work.Draft.Languages[0] != draft.Languages[0] || work.Previous != nil {
		t.Errorf("work: %+v", work)
	}
	author.wantRefused("draft-changed", "statement-submit", func() object { o := author.about(n); o["revision"] = 7; return o }(), nil)
	author.submit(n, 1)

	own := author.examine(n)
	if !own.Mine || own.Obstacle == nil || own.Obstacle.Code != "mine" {
		t.Errorf("my own: %+v", own)
	}
	shown := approver.examine(n)
	if shown.Mine || shown.Obstacle != nil || !shown.Due || shown.Author != live.AuthorName || shown.Version != 1 || shown.Diff != nil || shown.Changes != nil || shown.Previous != nil ||
		shown.Topic != "security" || len(shown.Texts) != 2 || !shown.Texts[0].Authoritative || shown.Texts[1].Authoritative || len(shown.Texts[0].Blocks) != 3 || shown.State != api.StatementSubmitted {
		t.Errorf("examined: %+v", shown)
	}

	// Sent back, with a reason that its author reads; and what was examined before counts no more.
	approver.wantRefused("reason-empty", "statement-return", object{"statement": n, "sha256": shown.SHA256, "reason": " \n"}, nil)
	var back api.ReturnStatement
	approver.call("statement-return", object{"statement": n, "sha256": shown.SHA256, "reason": "It was <b>fourteen</b>.\nAsk Chandra."}, &back)
	approver.want(http.StatusNoContent, "POST", "/staff/statements/"+string(n)+"/return", back, nil)
	var lines []statementLine
	var works []api.StatementWork
	author.want(http.StatusOK, "GET", "/staff/statements", nil, &works)
	author.call("statement-works", object{"works": works, "languages": []string{"en"}}, &lines)
	if len(lines) != 1 || lines[0].Why != "It was <b>fourteen</b>.\nAsk Chandra." || lines[0].ReturnedBy != live.ApproverName || lines[0].State != api.StatementDraft || lines[0].Title != "Anomalous activity" {
		t.Errorf("sent back: %+v", lines)
	}
	var stale api.ApproveStatement
	approver.call("statement-approve", approver.decided(n), &stale)
	if status, code := approver.ask("POST", "/staff/statements/"+string(n)+"/approval", stale, nil); status != 409 || code != "other-author" {
		t.Errorf("approved what was sent back: %d %s", status, code)
	}

	// Published at once.
	draft.Languages[0].Body = strings.Replace(draft.Languages[0].Body, "Twelve", "Fourteen", 1)
	author.save(draft, 1)
	author.submit(n, 2)
	// Another text was examined in the background than the one that the page still shows: nothing is decided about it.
	var unseen examinedStatement
	approver.call("statement-examine", approver.about(n), &unseen)
	approver.wantRefused("statement-moved-on", "statement-approve", approver.decided(n), nil)
	approver.wantRefused("statement-moved-on", "statement-approve", object{"statement": n}, nil)
	approver.wantRefused("statement-moved-on", "statement-return", object{"statement": n, "sha256": shown.SHA256, "reason": "No."}, nil)
	approver.examine(n)
	if approved := approver.approve(n); approved.State != api.StatementPublished || approved.Version != 1 || approved.Published == nil {
		t.Errorf("approved: %+v", approved)
	}
	var done publishedLine
	author.call("statement-published", object{"statement": n, "published": author.published(n), "languages": []string{"fr"}}, &done)
	if done.Version != 1 || done.Title != "Activité anormale" || done.State != api.StatementPublished {
		t.Errorf("published: %+v", done)
	}

	// Corrected: with its texts, and what changed is shown.
	begun = author.begin(crypto.StatementCorrection, n)
	if begun.Revision != 0 || begun.Previous == nil || begun.Previous.Version != 1 || begun.Draft.Kind != crypto.StatementCorrection || !strings.HasPrefix(begun.Draft.Languages[0].Body, "Fourteen systems") {
		t.Fatalf("correction: %+v", begun)
	}
	draft = begun.Draft
	draft.Topic = "findings"
	draft.Languages[0].Reason, draft.Languages[1].Reason = "The number was wrong.", "Le nombre était erroné."
	draft.Languages[0].Body = strings.Replace(draft.Languages[0].Body, "Fourteen", "Fifteen", 1)
	author.save(draft, 0)
	author.submit(n, 1)
	shown = approver.examine(n)
	if shown.Version != 2 || shown.Previous == nil || shown.Previous.Version != 1 || shown.Changes.Topic == nil || *shown.Changes.Topic != (ceremony.Change{Before: "security", After: "findings"}) {
		t.Errorf("examined: %+v %+v", shown, shown.Changes)
	}
	if d := shown.Diff; len(d) != 2 || !d[0].Changed || d[1].Changed || len(d[0].Paragraphs) != 4 ||
		!slices.Equal(d[0].Paragraphs[0], []ceremony.Piece{{Removed: "Fourteen"}, {Added: "Fifteen"}, {Same: " systems were affected."}}) {
		t.Errorf("changes: %+v", d)
	}
	if approved := approver.approve(n); approved.Version != 2 {
		t.Errorf("approved: %+v", approved)
	}

	// Withdrawn: titles only; then nothing follows.
	begun = author.begin(crypto.StatementWithdrawal, n)
	draft = begun.Draft
	if draft.Languages[0].Body != "" || draft.Languages[0].Reason != "" || draft.Languages[0].Title == "" {
		t.Errorf("withdrawal: %+v", draft)
	}
	draft.Languages[0].Reason, draft.Languages[1].Reason = "Published in error.", "Publié par erreur."
	author.save(draft, 0)
	author.submit(n, 1)
	approver.examine(n)
	approver.approve(n)
	author.wantRefused("refused", "statement-new", object{"kind": "correction", "of": n, "published": author.published(n)}, nil)
}

func TestTheNewsroomForAMinute(t *testing.T) {
	moment := time.Now()
	p := live.Portal(t, live.Options{Now: func() time.Time { return moment }})
	author, approver := newColleague(t, p, p.Author), newColleague(t, p, p.Approver)
	draft := filled(author.begin(crypto.StatementOriginal, "").Draft)
	n := draft.Statement
	minute := moment.Add(2 * time.Hour).Truncate(time.Minute).In(time.FixedZone("", 5*3600+45*60))
	draft.PublishAt, draft.Zone = minute.Format(time.RFC3339), "Asia/Kathmandu"
	draft.Acknowledge, draft.Deadline = []string{"S", "O"}, minute.Add(time.Hour).Format(time.RFC3339)
	author.save(draft, 0)
	author.submit(n, 1)

	shown := approver.examine(n)
	if shown.Due || shown.Obstacle == nil || shown.Obstacle.Code != "no-notary" || shown.PublishAt != draft.PublishAt || shown.Zone != "Asia/Kathmandu" || fmt.Sprint(shown.Acknowledge) != "[S O]" || shown.Deadline != draft.Deadline {
		t.Errorf("without a notary: %+v %+v", shown, shown.Obstacle)
	}
	approver.wantRefused("refused", "statement-approve", approver.decided(n), nil)

	notary := newNotary(t, p)
	approver.unlock(p.Approver)
	if shown = approver.examine(n); shown.Obstacle != nil {
		t.Fatalf("with a notary: %+v", shown.Obstacle)
	}
	if approved := approver.approve(n); approved.State != api.StatementApproved || approved.Published != nil {
		t.Errorf("approved: %+v", approved)
	}
	if shown = author.examine(n); shown.State != api.StatementApproved || shown.Approver != live.ApproverName || shown.Checked != "" || !shown.Mine || shown.Obstacle != nil || len(shown.Texts) != 2 {
		t.Errorf("waiting: %+v", shown)
	}
	if _, err := notary.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if shown = author.examine(n); shown.Checked == "" {
		t.Errorf("checked: %+v", shown)
	}

	// Called off, as it stands before its author.
	about := author.about(n)["work"].(api.StatementWork)
	author.want(http.StatusNoContent, "POST", "/staff/statements/"+string(n)+"/cancel", object{"submission": about.Submission}, nil)
	author.wantRefused("refused", "statement-examine", author.about(n), nil)
	author.submit(n, 1)
	approver.examine(n)
	approver.approve(n)
	moment = minute
	if _, err := notary.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := author.published(n); s == nil || len(s.Versions) != 1 {
		t.Errorf("not published at its minute: %+v", s)
	}
}

func TestWhoCanNotApproveIsToldWhy(t *testing.T) {
	moment := time.Now()
	p := live.Portal(t, live.Options{Now: func() time.Time { return moment }})
	both := newColleague(t, p, p.Hire("Dana Both", crypto.RoleAuthor, crypto.RoleApprover))
	again := newColleague(t, p, p.Hire("dana  both", crypto.RoleApprover)) // with another key, the same person
	author, approver := newColleague(t, p, p.Author), newColleague(t, p, p.Approver)
	both.unlock(both.e.desk.key) // with everybody who has been hired since
	draft := filled(both.begin(crypto.StatementOriginal, "").Draft)
	draft.Acknowledge, draft.Deadline = []string{"O"}, moment.Add(time.Hour).Format(time.RFC3339)
	both.save(draft, 0)
	both.submit(draft.Statement, 1)
	for _, c := range []struct {
		who  *colleague
		want string
	}{{both, "mine"}, {again, "refused"}, {author, "role"}, {approver, ""}} {
		code, message := "", ""
		if o := c.who.examine(draft.Statement).Obstacle; o != nil {
			code, message = o.Code, o.Message
		}
		if code != c.want || code == "refused" && !strings.Contains(message, "is the author, so somebody else must approve") {
			t.Errorf("%s %s, want %s", code, message, c.want)
		}
	}
	moment = moment.Add(2 * time.Hour)
	approver = newColleague(t, p, p.Approver) // the session has ended, too
	if o := approver.examine(draft.Statement).Obstacle; o == nil || o.Code != "deadline" {
		t.Errorf("after the deadline: %+v", o)
	}
}

func TestTheNewsroomBelievesNoPortal(t *testing.T) {
	p := live.Portal(t, live.Options{})
	author, approver := newColleague(t, p, p.Author), newColleague(t, p, p.Approver)
	begin := func() crypto.Number {
		draft := filled(author.begin(crypto.StatementOriginal, "").Draft)
		author.save(draft, 0)
		author.submit(draft.Statement, 1)
		return draft.Statement
	}
	one, other := begin(), begin()
	about := approver.about(one)
	honest := about["work"].(api.StatementWork)

	lie := func(change func(w *api.StatementWork)) object {
		w := honest
		change(&w)
		return object{"statement": one, "work": w}
	}
	foreign := approver.about(other)["work"].(api.StatementWork)
	approver.wantRefused("refused", "statement-examine", lie(func(w *api.StatementWork) { *w = foreign }), nil)
	approver.wantRefused("refused", "statement-examine", lie(func(w *api.StatementWork) { w.Sealed, w.Submission = foreign.Sealed, foreign.Submission }), nil)
	approver.wantRefused("refused", "statement-examine", lie(func(w *api.StatementWork) { w.Submission = foreign.Submission }), nil)
	approver.wantRefused("refused", "statement-examine", lie(func(w *api.StatementWork) { w.State = api.StatementApproved }), nil) // it lacks the approver's signature
	approver.wantRefused("refused", "statement-work", lie(func(w *api.StatementWork) { w.Draft = foreign.Draft }), nil)
	approver.wantRefused("refused", "statement-work", lie(func(w *api.StatementWork) { w.Revision = 2 }), nil)
	approver.wantRefused("not-examined", "statement-approve", object{"statement": one}, nil) // nothing of it counts as examined

	var lines []statementLine
	approver.call("statement-works", object{"works": []api.StatementWork{lie(func(w *api.StatementWork) { w.Draft = foreign.Draft })["work"].(api.StatementWork), foreign}}, &lines)
	if lines[0].Problem == "" || lines[0].Title != "" || lines[1].Problem != "" {
		t.Errorf("one that can't be opened beside one that can: %+v", lines)
	}
	locked := newWorker(t)
	for _, name := range []string{"statement-works", "statement-work", "statement-new", "statement-seal", "statement-submit", "statement-examine", "statement-approve", "statement-return"} {
		locked.wantRefused("locked", name, object{}, nil)
	}
}
