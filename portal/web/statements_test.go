package web_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/publish"
)

// newsroom is author and approver at their programs, each logged in.
type newsroom struct {
	t                *testing.T
	p                *live.Server
	author, approver *visitor
	reader           *visitor
	notary           *publish.Notary
}

func newNewsroom(t *testing.T, p *live.Server) *newsroom {
	n := &newsroom{t: t, p: p, author: newVisitor(t, p), approver: newVisitor(t, p), reader: newVisitor(t, p)}
	n.author.logIn(fingerprint(p.Author), p.Author)
	n.approver.logIn(fingerprint(p.Approver), p.Approver)
	key := p.Hire("Notary 1", crypto.RoleNotary)
	var err error
	n.notary, err = publish.NewNotary(p.Store, p.Portal.Root, p.Portal.Institution.Languages, key, nil, slog.New(slog.DiscardHandler), p.Portal.Now)
	must(t, err)
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (n *newsroom) trust() *ceremony.Trust {
	n.t.Helper()
	var i api.Institution
	n.reader.get("/institution").into(n.t, 200, &i)
	trust, err := ceremony.Believe(n.p.Pin, i)
	must(n.t, err)
	return trust
}

func announcement() *crypto.StatementDraft {
	return &crypto.StatementDraft{
		Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1, Topic: "security",
		Languages: []crypto.StatementLanguage{
			{Language: "en", Title: "Anomalous activity on our systems", Body: "Anomalous activity was detected.\n"},
			{Language: "fr", Title: "Activité anormale sur nos systèmes", Body: "Une activité anormale a été détectée.\n"},
		},
	}
}

// previous verifies what is published, nil when nothing is.
func (n *newsroom) previous(number crypto.Number) *crypto.VerifiedStatement {
	n.t.Helper()
	a := n.reader.get("/statements/" + string(number))
	if a.StatusCode == 404 {
		return nil
	}
	var s api.Statement
	a.into(n.t, 200, &s)
	versions, err := ceremony.ReadStatement(n.trust(), number, s, time.Now())
	must(n.t, err)
	return versions[len(versions)-1]
}

func (n *newsroom) submit(d *crypto.StatementDraft) {
	n.t.Helper()
	path := api.Root + "/staff/statements/" + string(d.Statement)
	save, err := ceremony.SaveStatement(n.trust(), n.p.Author, d, time.Now())
	must(n.t, err)
	n.author.do("PUT", path+"/draft", save).into(n.t, 200, &api.SavedStatement{})
	submit, err := ceremony.SubmitStatement(n.trust(), n.p.Author, d, n.previous(d.Statement), time.Now())
	must(n.t, err)
	n.author.do("POST", path+"/submission", submit).into(n.t, 201, &api.SubmittedStatement{})
}

func (n *newsroom) examine(number crypto.Number) *ceremony.ExaminedStatement {
	n.t.Helper()
	var w api.StatementWork
	n.approver.get("/staff/statements/"+string(number)).into(n.t, 200, &w)
	e, err := ceremony.ExamineStatement(n.trust(), []*crypto.Key{n.p.Approver}, number, w, n.previous(number), time.Now())
	must(n.t, err)
	return e
}

func (n *newsroom) approve(number crypto.Number) (approved api.ApprovedStatement) {
	n.t.Helper()
	e := n.examine(number)
	n.hold(e)
	handOn, err := e.HandOn(n.trust(), n.p.Approver, time.Now())
	must(n.t, err)
	for _, f := range handOn {
		n.approver.putFile(number, f)
	}
	approval, err := ceremony.ApproveStatement(n.trust(), n.p.Approver, e, time.Now())
	must(n.t, err)
	n.approver.post("/staff/statements/"+string(number)+"/approval", approval).into(n.t, 200, &approved)
	return approved
}

func TestTheWayOfAStatement(t *testing.T) {
	for name, options := range standings {
		t.Run(name, func(t *testing.T) {
			n := newNewsroom(t, live.Portal(t, options(t)))
			d := announcement()
			path := "/staff/statements/" + string(d.Statement)
			n.submit(d)
			n.reader.get("/statements/"+string(d.Statement)).wantFailure(t, 404, "no-statement")

			// The approver finds it in the list, sends it back, and the author finds why.
			var works []api.StatementWork
			n.approver.get("/staff/statements").into(t, 200, &works)
			if len(works) != 1 || works[0].State != api.StatementSubmitted || works[0].Sealed != nil {
				t.Fatalf("%+v", works)
			}
			back, err := ceremony.ReturnStatement(n.trust(), n.p.Approver, n.examine(d.Statement), "Say which systems.", time.Now())
			must(t, err)
			n.approver.post(path+"/return", back).want(t, 204)
			var w api.StatementWork
			n.author.get(path).into(t, 200, &w)
			opened, err := ceremony.OpenWork(n.trust(), []*crypto.Key{n.p.Author}, w, time.Now())
			if err != nil || opened.Why.Reason != "Say which systems." || opened.ReturnedBy.Name() != live.ApproverName {
				t.Fatalf("%+v, %v", opened, err)
			}
			d.Revision = 2
			n.submit(d)

			// The author can't approve.
			approval, err := ceremony.ApproveStatement(n.trust(), n.p.Approver, n.examine(d.Statement), time.Now())
			must(t, err)
			n.author.post(path+"/approval", approval).wantFailure(t, 403, "approver-only")
			n.reader.post(path+"/approval", approval).wantFailure(t, 401, "no-session")
			n.approver.post(path+"/approval", api.ApproveStatement{Submission: approval.Submission}).wantFailure(t, 400, "invalid-approval")
			var approved api.ApprovedStatement
			n.approver.post(path+"/approval", approval).into(t, 200, &approved)
			if approved.State != api.StatementPublished || approved.Version != 1 || approved.Published == nil {
				t.Fatalf("%+v", approved)
			}
			n.approver.post(path+"/approval", approval).into(t, 200, &approved) // the answer was lost
			n.author.get(path).wantFailure(t, 404, "no-draft")

			// A later minute: sealed until then.
			c := *d
			c.Kind, c.Revision, c.PublishAt = crypto.StatementCorrection, 1, time.Now().Add(2*time.Second).Truncate(time.Second)
			c.Languages = []crypto.StatementLanguage{d.Languages[0], d.Languages[1]}
			for i := range c.Languages {
				c.Languages[i].Reason = "A number was wrong."
			}
			n.submit(&c)
			if approved := n.approve(d.Statement); approved.State != api.StatementApproved || approved.Published != nil {
				t.Fatalf("%+v", approved)
			}
			_, err = n.notary.Look(t.Context())
			must(t, err)
			n.author.get(path).into(t, 200, &w)
			if w.State != api.StatementApproved || w.Checked == nil {
				t.Fatalf("%+v", w)
			}
			time.Sleep(time.Until(c.PublishAt))
			_, err = n.notary.Look(t.Context())
			must(t, err)
			if v := n.previous(d.Statement); v.Manifest().Version != 2 || v.Approver().Name() != live.ApproverName {
				t.Errorf("%+v", v.Manifest())
			}
			if log := n.p.Log.String(); strings.Contains(log, "Anomalous") || strings.Contains(log, "which systems") {
				t.Error("the log tells what staff wrote")
			}
		})
	}
}

func TestReadingNeedsNoSessionAndCanBeCached(t *testing.T) {
	redis := portaltest.StartRedis(t)
	n := newNewsroom(t, live.Portal(t, live.Options{Redis: redis.URL}))
	first := announcement()
	n.submit(first)
	n.approve(first.Statement)
	second := announcement()
	second.Series = first.Statement
	second.Languages[0].Title, second.Languages[1].Title = "First forensic findings", "Premiers constats"
	n.submit(second)
	n.approve(second.Statement)
	redis.Stop()

	list := func(query string) (numbers []crypto.Number, next int64) {
		t.Helper()
		var archive api.Archive
		n.reader.get("/statements"+query).into(t, 200, &archive)
		for _, s := range archive.Statements {
			numbers = append(numbers, s.Statement)
		}
		return numbers, archive.Next
	}
	today := time.Now().UTC().Format(time.DateOnly)
	for query, want := range map[string]int{
		"": 2, "?topic=security": 2, "?topic=other": 0, "?language=fr": 2, "?language=ru": 0, "?q=forensic": 1, "?q=constat": 1, "?q=zebra": 0,
		"?series=" + string(first.Statement): 2, "?series=" + string(second.Statement): 1, "?from=" + today: 2, "?to=" + today: 2, "?to=2026-01-01": 0,
		"?to=2026-01-01T00:00:00Z": 0, "?limit=1": 1,
	} {
		if numbers, _ := list(query); len(numbers) != want {
			t.Errorf("%q: %d statements, want %d", query, len(numbers), want)
		}
	}
	numbers, next := list("?limit=1")
	if numbers[0] != second.Statement || next == 0 {
		t.Errorf("%v, next %d", numbers, next)
	}
	if rest, last := list("?limit=1&before=" + "2"); len(rest) != 1 || rest[0] != first.Statement || last != 0 {
		t.Errorf("%v, %d", rest, last)
	}
	for query, code := range map[string]string{
		"?limit=101": "invalid-limit", "?limit=0": "invalid-page", "?before=x": "invalid-page", "?from=yesterday": "invalid-date", "?series=N-4GZ0R8TB": "invalid-number",
		"?q=" + strings.Repeat("a", 201): "invalid-query", "?q=%22": "invalid-query", "?language=%25": "invalid-language",
		"?topic=%00": "invalid-topic", "?topic=%ff": "invalid-topic", "?topic=The+Court+resigns": "invalid-topic", "?topic=" + strings.Repeat("a", 41): "invalid-topic",
	} {
		n.reader.get("/statements"+query).wantFailure(t, 400, code)
	}
	// Nor does anybody give a feed of ours a title of their own.
	for _, topic := range []string{"The%20Court%20resigns", "%00", "a%2Fb"} {
		for _, file := range []string{"en.atom", "en.json"} {
			if a := n.reader.do("GET", "/feeds/"+topic+"/"+file, nil); a.StatusCode != 404 {
				t.Errorf("a feed of the topic %q: %d\n%s", topic, a.StatusCode, a.body)
			}
		}
	}
	n.reader.get("/statements/N-4GZ0R8TB").wantFailure(t, 400, "invalid-number")

	for _, path := range []string{"/statements", "/statements/" + string(first.Statement)} {
		a := n.reader.get(path)
		tag, cache := a.Header.Get("ETag"), a.Header.Get("Cache-Control")
		if tag == "" || !strings.HasPrefix(cache, "public, max-age=") || !strings.Contains(cache, "stale-while-revalidate") || len(a.Header.Values("Set-Cookie")) > 0 || a.Header.Get("Vary") != "" {
			t.Errorf("%s: %v", path, a.Header)
		}
		again := newVisitor(t, n.p)
		again.header.Set("If-None-Match", tag)
		if b := again.get(path); b.StatusCode != 304 || len(b.body) != 0 || b.Header.Get("ETag") != tag || b.Header.Get("Cache-Control") != cache {
			t.Errorf("%s again: %d, %v", path, b.StatusCode, b.Header)
		}
		if head := n.reader.do("HEAD", api.Root+path, nil); head.StatusCode != 200 || head.Header.Get("ETag") != tag || len(head.body) != 0 {
			t.Errorf("HEAD %s: %d", path, head.StatusCode)
		}
	}
}

func TestTwoEditorsAreTold(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := announcement()
	path := api.Root + "/staff/statements/" + string(d.Statement) + "/draft"
	save := func(v *visitor, k *crypto.Key, revision int, topic string) answer {
		t.Helper()
		e := *d
		e.Revision, e.Topic = revision, topic
		s, err := ceremony.SaveStatement(n.trust(), k, &e, time.Now())
		must(t, err)
		return v.do("PUT", path, s)
	}
	save(n.author, n.p.Author, 1, "security").want(t, 200)
	save(n.approver, n.p.Approver, 2, "theirs").want(t, 200)
	save(n.author, n.p.Author, 2, "mine").wantFailure(t, 409, "draft-changed")
	n.author.do("PUT", path, api.SaveStatement{Revision: 3, Draft: []byte("Anomalous activity")}).wantFailure(t, 400, "not-sealed")
	n.author.post("/staff/statements/"+string(d.Statement)+"/discard", api.DiscardStatement{Revision: 2}).want(t, 204)
}
