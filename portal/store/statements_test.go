package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// The store looks at nothing in what is sealed or signed.
var (
	anAuthor   = crypto.StaffHolder("A")
	anApprover = crypto.StaffHolder("B")
)

func saved(n crypto.Number, revision int, draft string) publish.Work {
	return publish.Work{Statement: n, Revision: revision, Draft: []byte(draft), SavedBy: anAuthor, SavedAt: noon}
}

func submitted(n crypto.Number, revision int, sealed string) publish.Work {
	return publish.Work{Statement: n, Revision: revision, Submission: []byte(sealed), SubmissionSHA256: publish.SHA256Of([]byte(sealed)), SubmittedBy: anAuthor, SubmittedAt: noon}
}

func approvedWork(n crypto.Number, sealed string) publish.Work {
	return publish.Work{Statement: n, Submission: []byte(sealed), SubmissionSHA256: publish.SHA256Of([]byte(sealed)), ApprovedBy: anApprover, ApprovedAt: noon}
}

func digestOf(version int) string { return publish.SHA256Of(fmt.Append(nil, version)) }

// publication is version v of a statement out of an approved work.
func publication(n crypto.Number, v int, submission string) publish.Publication {
	kind, previous := crypto.StatementCorrection, digestOf(v-1)
	if v == 1 {
		kind, previous = crypto.StatementOriginal, ""
	}
	return publish.Publication{
		Version:        publish.Version{Statement: n, Version: v, Kind: kind, ManifestSHA256: digestOf(v), Signed: fmt.Appendf(nil, "signed %d", v), PublishedAt: noon.Add(time.Duration(v) * time.Hour)},
		PreviousSHA256: previous, Topic: "security", From: publish.Approved, SubmissionSHA256: publish.SHA256Of([]byte(submission)),
		Titles: []publish.Title{{Language: "en", Title: fmt.Sprintf("Findings %d", v)}, {Language: "fr", Title: fmt.Sprintf("Constats %d", v)}},
		Words:  publish.Words(fmt.Sprintf("The forensic findings; les constats de l’expertise, version %d", v)),
	}
}

// approvedWorkOf brings a statement to where notaries find it.
func approvedWorkOf(t testing.TB, db *DB, n crypto.Number) {
	t.Helper()
	must(t, db.SaveStatementDraft(t.Context(), saved(n, 1, "draft"), 1000))
	must(t, db.SubmitStatement(t.Context(), submitted(n, 1, "submission")))
	must(t, db.ApproveStatement(t.Context(), approvedWork(n, "approved"), publish.SHA256Of([]byte("submission"))))
}

func TestWorkOnAStatement(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx, n := node(), t.Context(), crypto.NewNumber(crypto.KindStatement)
		must(t, db.SaveStatementDraft(ctx, saved(n, 1, "first"), 1000))
		must(t, db.SaveStatementDraft(ctx, saved(n, 1, "first"), 1000)) // the answer was lost
		wantCode(t, db.SaveStatementDraft(ctx, saved(n, 1, "other"), 1000), portal.Conflict, "draft-changed")
		must(t, db.SaveStatementDraft(ctx, saved(n, 2, "second"), 1000))
		wantCode(t, db.SaveStatementDraft(ctx, saved(n, 2, "other"), 1000), portal.Conflict, "draft-changed")
		wantCode(t, db.SaveStatementDraft(ctx, saved(n, 4, "other"), 1000), portal.Conflict, "draft-changed")
		wantCode(t, db.SaveStatementDraft(ctx, saved(crypto.NewNumber(crypto.KindStatement), 2, "x"), 1000), portal.NotFound, "no-draft")
		// The list of work reads all drafts, so one person's have a limit together; the draft that is saved anew counts once.
		wantCode(t, db.SaveStatementDraft(ctx, saved(crypto.NewNumber(crypto.KindStatement), 1, "third"), 10), portal.TooLarge, "too-many-drafts")
		wantCode(t, db.SaveStatementDraft(ctx, saved(n, 3, "much too large"), 10), portal.TooLarge, "too-many-drafts")

		wantCode(t, db.SubmitStatement(ctx, submitted(n, 1, "s")), portal.Conflict, "draft-changed")
		must(t, db.SubmitStatement(ctx, submitted(n, 2, "s")))
		must(t, db.SubmitStatement(ctx, submitted(n, 2, "s")))
		wantCode(t, db.SubmitStatement(ctx, submitted(n, 2, "other")), portal.Conflict, "already-submitted")
		wantCode(t, db.DiscardStatementDraft(ctx, n, 2), portal.Conflict, "not-a-draft")
		w, err := node().StatementWork(ctx, n)
		must(t, err)
		if w.State != publish.Submitted || w.Revision != 2 || string(w.Draft) != "second" || string(w.Submission) != "s" || w.SubmittedBy != anAuthor || !w.SubmittedAt.Equal(kept(noon)) || !w.ApprovedAt.IsZero() {
			t.Errorf("%+v", w)
		}

		wantCode(t, db.ApproveStatement(ctx, approvedWork(n, "a"), "another"), portal.Conflict, "statement-moved-on")
		must(t, db.ApproveStatement(ctx, approvedWork(n, "a"), w.SubmissionSHA256))
		must(t, db.ApproveStatement(ctx, approvedWork(n, "a"), w.SubmissionSHA256))
		waiting, err := db.WaitingStatements(ctx)
		if err != nil || len(waiting) != 1 || waiting[0].Statement != n || !waiting[0].CheckedAt.IsZero() {
			t.Fatalf("%+v, %v", waiting, err)
		}
		must(t, db.MarkStatementChecked(ctx, n, "another", noon))
		must(t, db.MarkStatementChecked(ctx, n, waiting[0].SubmissionSHA256, noon))
		must(t, db.MarkStatementChecked(ctx, n, waiting[0].SubmissionSHA256, noon.Add(time.Hour)))
		works, err := db.StatementWorks(ctx)
		if err != nil || len(works) != 1 || !works[0].CheckedAt.Equal(kept(noon)) || works[0].State != publish.Approved || works[0].Submission != nil || works[0].ApprovedBy != anApprover {
			t.Fatalf("%+v, %v", works, err)
		}

		wantCode(t, db.ReturnStatement(ctx, n, w.SubmissionSHA256, nil, anApprover, noon), portal.Conflict, "statement-moved-on")
		must(t, db.ReturnStatement(ctx, n, waiting[0].SubmissionSHA256, []byte("sealed reason"), anApprover, noon))
		w, err = db.StatementWork(ctx, n)
		must(t, err)
		if w.State != publish.Draft || w.Submission != nil || w.SubmittedBy != "" || !w.CheckedAt.IsZero() || string(w.Reason) != "sealed reason" || w.ReturnedBy != anApprover {
			t.Errorf("%+v", w)
		}
		w.Draft, w.Reason = nil, nil
		if standing, err := db.StatementStanding(ctx, n); err != nil || !reflect.DeepEqual(standing, w) {
			t.Errorf("the standing is %+v, %v; want %+v", standing, err, w)
		}
		must(t, db.SubmitStatement(ctx, submitted(n, 2, "again")))
		must(t, db.SaveStatementDraft(ctx, saved(n, 3, "edited"), 1000))
		if w, err = db.StatementWork(ctx, n); err != nil || w.State != publish.Draft || w.Submission != nil {
			t.Errorf("%+v, %v", w, err)
		}
		wantCode(t, db.DiscardStatementDraft(ctx, n, 2), portal.Conflict, "draft-changed")
		must(t, db.DiscardStatementDraft(ctx, n, 3))
		wantCode(t, db.DiscardStatementDraft(ctx, n, 3), portal.NotFound, "no-draft")
		_, err = db.StatementStanding(ctx, n)
		wantCode(t, err, portal.NotFound, "no-draft")
	})
}

func TestTwoEditorsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		n := crypto.NewNumber(crypto.KindStatement)
		must(t, node().SaveStatementDraft(t.Context(), saved(n, 1, "draft 1"), 1000))
		const editors, rounds = 4, 10
		var wins [rounds + 2]int
		var mu sync.Mutex
		var group sync.WaitGroup
		for e := range editors {
			db := node()
			group.Go(func() {
				for revision := 2; revision < rounds+2; revision++ {
					err := db.SaveStatementDraft(t.Context(), saved(n, revision, fmt.Sprintf("draft %d by %d", revision, e)), 1000)
					switch portal.KindOf(err) {
					case portal.Conflict:
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					wins[revision]++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		w, err := node().StatementWork(t.Context(), n)
		must(t, err)
		for revision := 2; revision <= w.Revision; revision++ {
			if wins[revision] != 1 {
				t.Errorf("revision %d was saved %d times", revision, wins[revision])
			}
		}
	})
}

func TestPublishedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		ctx, n := t.Context(), crypto.NewNumber(crypto.KindStatement)
		db := node()
		approvedWorkOf(t, db, n)
		created := 0
		var mu sync.Mutex
		var group sync.WaitGroup
		for i := range 4 {
			db := node()
			group.Go(func() {
				p := publication(n, 1, "approved")
				p.PublishedAt = p.PublishedAt.Add(time.Duration(i) * time.Second)
				at, first, err := db.Publish(ctx, p)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || at.IsZero() {
					t.Error(at, err)
				}
				if first {
					created++
				}
			})
		}
		group.Wait()
		if created != 1 {
			t.Errorf("published %d times", created)
		}
		versions, err := db.Statement(ctx, n)
		if err != nil || len(versions) != 1 || string(versions[0].Signed) != "signed 1" {
			t.Fatalf("%+v, %v", versions, err)
		}
		if _, err := db.StatementWork(ctx, n); portal.KindOf(err) != portal.NotFound {
			t.Errorf("%v", err)
		}
		other := publication(n, 1, "approved")
		other.ManifestSHA256 = digestOf(0)
		_, _, err = db.Publish(ctx, other)
		wantCode(t, err, portal.Conflict, "version-exists")

		// Taken back, edited, or not what was approved: not published.
		approvedWorkOf(t, db, n)
		_, _, err = db.Publish(ctx, publication(n, 2, "submission"))
		wantCode(t, err, portal.Conflict, "statement-moved-on")
		_, _, err = db.Publish(ctx, publication(n, 3, "approved"))
		wantCode(t, err, portal.Conflict, "other-version")
		fork := publication(n, 2, "approved")
		fork.PreviousSHA256 = "another"
		_, _, err = db.Publish(ctx, fork)
		wantCode(t, err, portal.Conflict, "other-version")
		_, first, err := db.Publish(ctx, publication(n, 2, "approved"))
		if err != nil || !first {
			t.Fatal(err)
		}
		versions, err = db.Statement(ctx, n)
		if err != nil || len(versions) != 2 || string(versions[0].Signed) != "signed 1" {
			t.Fatalf("%+v, %v", versions, err)
		}
		if _, err := db.Statement(ctx, crypto.NewNumber(crypto.KindStatement)); portal.KindOf(err) != portal.NotFound {
			t.Error(err)
		}
	})
}

// archived publishes a statement that says something.
func archived(t testing.TB, db *DB, at time.Time, change func(*publish.Publication)) crypto.Number {
	t.Helper()
	n := crypto.NewNumber(crypto.KindStatement)
	approvedWorkOf(t, db, n)
	p := publication(n, 1, "approved")
	p.PublishedAt = at
	change(&p)
	_, _, err := db.Publish(t.Context(), p)
	must(t, err)
	return n
}

// says gives a publication other texts.
func says(p *publish.Publication, pairs ...string) {
	p.Titles = nil
	for i := 0; i < len(pairs); i += 2 {
		p.Titles = append(p.Titles, publish.Title{Language: pairs[i], Title: pairs[i+1]})
	}
	p.Words = publish.Words(strings.Join(pairs, " "))
}

func TestArchive(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		first := archived(t, db, noon, func(p *publish.Publication) {
			says(p, "en", "Anomalous activity was detected; the Court's systems were isolated", "fr", "Activité anormale détectée")
		})
		second := archived(t, db, noon.Add(24*time.Hour), func(p *publish.Publication) {
			p.Series = first
			says(p, "en", "First forensic findings: espionage", "zh", "首次取证结果：间谍活动", "ru", "Первые выводы экспертизы", "ar", "النتائج الأولى للتحقيق")
		})
		third := archived(t, db, noon.Add(48*time.Hour), func(p *publish.Publication) {
			p.Topic = "judgments"
			says(p, "en", "Judgment in the case of the 2 ships")
		})
		for name, c := range map[string]struct {
			q    publish.Query
			want []crypto.Number
		}{
			"everything, newest first":   {publish.Query{}, []crypto.Number{third, second, first}},
			"topic":                      {publish.Query{Topic: "judgments"}, []crypto.Number{third}},
			"series":                     {publish.Query{Series: first}, []crypto.Number{second, first}},
			"language":                   {publish.Query{Language: "fr"}, []crypto.Number{first}},
			"from":                       {publish.Query{From: noon.Add(24 * time.Hour)}, []crypto.Number{third, second}},
			"until":                      {publish.Query{To: noon.Add(24 * time.Hour)}, []crypto.Number{first}},
			"a word":                     {publish.Query{Words: publish.QueryWords("Espionage")}, []crypto.Number{second}},
			"the beginning of a word":    {publish.Query{Words: publish.QueryWords("activ")}, []crypto.Number{first}},
			"two words":                  {publish.Query{Words: publish.QueryWords("court isolated")}, []crypto.Number{first}},
			"words of two languages":     {publish.Query{Words: publish.QueryWords("court anormale")}, []crypto.Number{first}},
			"without accents":            {publish.Query{Words: publish.QueryWords("DETECTEE")}, []crypto.Number{first}},
			"in another language":        {publish.Query{Words: publish.QueryWords("espionage"), Language: "fr"}, nil},
			"Chinese":                    {publish.Query{Words: publish.QueryWords("间谍")}, []crypto.Number{second}},
			"one Chinese character":      {publish.Query{Words: publish.QueryWords("取")}, []crypto.Number{second}},
			"Russian":                    {publish.Query{Words: publish.QueryWords("ВЫВОДЫ")}, []crypto.Number{second}},
			"Arabic":                     {publish.Query{Words: publish.QueryWords("للتحقيق")}, []crypto.Number{second}},
			"a short word as it is":      {publish.Query{Words: publish.QueryWords("2")}, []crypto.Number{third}},
			"what looks like a command":  {publish.Query{Words: publish.QueryWords(`ships" OR NOT words:* & | ! ' --`)}, nil},
			"nothing has it":             {publish.Query{Words: publish.QueryWords("zebra")}, nil},
			"topic, word, language":      {publish.Query{Topic: "security", Words: publish.QueryWords("forensic"), Language: "en"}, []crypto.Number{second}},
			"after a place in the list":  {publish.Query{Before: 3}, []crypto.Number{second, first}},
			"after a place, and a limit": {publish.Query{Before: 3, Limit: 1}, []crypto.Number{second}},
		} {
			if c.q.Limit == 0 {
				c.q.Limit = 10
			}
			entries, err := db.Statements(ctx, c.q)
			must(t, err)
			var got []crypto.Number
			for _, e := range entries {
				got = append(got, e.Statement)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%s: got %v, want %v", name, got, c.want)
			}
		}
		entries, err := db.Statements(ctx, publish.Query{Words: publish.QueryWords("forensic"), Limit: 1})
		must(t, err)
		if e := entries[0]; len(e.Titles) != 4 || e.Titles[0].Language != "en" || e.Series != first || !e.FirstAt.Equal(kept(noon.Add(24*time.Hour))) {
			t.Errorf("%+v", e)
		}
		// A new version is found by what it says now, and by nothing that it no longer says.
		approvedWorkOf(t, db, second)
		p := publication(second, 2, "approved")
		p.PublishedAt = noon.Add(72 * time.Hour)
		says(&p, "en", "Corrected findings")
		_, _, err = db.Publish(ctx, p)
		must(t, err)
		if entries, err = db.Statements(ctx, publish.Query{Limit: 10}); err != nil || entries[0].Statement != second || entries[0].Version != 2 {
			t.Errorf("%+v, %v", entries, err)
		}
		if entries, err = db.Statements(ctx, publish.Query{Words: []string{"espionage"}, Limit: 10}); err != nil || len(entries) != 0 {
			t.Errorf("%+v, %v", entries, err)
		}
	})
}

// fillArchive publishes statements of some 2,000 characters in two languages.
func fillArchive(b *testing.B, db *DB, count int) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	vocabulary := make([]string, 20_000)
	for i := range vocabulary {
		var w strings.Builder
		for range 3 + random.IntN(8) {
			w.WriteByte(byte('a' + random.IntN(26)))
		}
		vocabulary[i] = w.String()
	}
	text := func() string {
		words := []string{"the", "court", "statement"}
		for range 300 {
			x := random.Float64()
			words = append(words, vocabulary[int(x*x*x*float64(len(vocabulary)))]) // some words are common, most are rare
		}
		return strings.Join(words, " ")
	}
	const atATime = 500
	for done := 0; done < count; done += atATime {
		must(b, db.write(b.Context(), func(t *tx) error {
			for i := done; i < done+atATime; i++ {
				p := publication(crypto.NewNumber(crypto.KindStatement), 1, "approved")
				p.PublishedAt = noon.Add(time.Duration(i) * time.Hour)
				p.Words = publish.Words(text() + " " + text())
				p.Signed = bytes.Repeat([]byte("signed text "), 800)
				if _, err := t.exec(`INSERT INTO statement_works (statement, state, revision, saved_by, saved_at, draft, submission, submission_sha256, submitted_by, submitted_at, approved_by, approved_at)
					VALUES ($1, 'approved', 1, '', 0, $2, $2, $3, '', 0, '', 0)`, p.Statement, []byte("sealed"), p.SubmissionSHA256); err != nil {
					return err
				}
				if _, _, err := t.publish(p); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// BenchmarkArchiveSearch searches 10,000 statements. Each must stay below 50 ms.
func BenchmarkArchiveSearch(b *testing.B) {
	onBothDurable(b, func(b *testing.B, db *DB) {
		fillArchive(b, db, 10_000)
		for name, q := range map[string]publish.Query{
			"word in all":            {Words: []string{"court"}},
			"word in all, language":  {Words: []string{"court"}, Language: "fr"},
			"beginnings of many":     {Words: []string{"sta", "cou"}},
			"rare word":              {Words: []string{"statement", "zzz"}},
			"topic and date":         {Topic: "security", From: noon.Add(1000 * time.Hour), To: noon.Add(2000 * time.Hour)},
			"language, newest first": {Language: "fr"},
			"word in all, far back":  {Words: []string{"court"}, Before: 100},
			"topic that has nothing": {Topic: "nothing"},
		} {
			q.Limit = 21
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					if _, err := db.Statements(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
