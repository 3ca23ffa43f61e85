package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// asks runs a ceremony of the page's worker, as the page's own scripts do, and returns its outcome. The page may be any one with a key.
func asks[R any](t testing.TB, r *reader, ceremony string, parameters any) (R, error) {
	t.Helper()
	return asksFor[R](t, r, time.Minute, ceremony, parameters)
}

// asksFor is asks for what takes long.
func asksFor[R any](t testing.TB, r *reader, patience time.Duration, ceremony string, parameters any) (R, error) {
	t.Helper()
	var result R
	ctx, cancel := context.WithTimeout(r.Context, patience)
	defer cancel()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(askEngine, ceremony, scripted(t, parameters)), chromedp.EvalAwaitPromise))
	must(t, err)
	var outcome struct {
		Result json.RawMessage                 `json:"result"`
		Error  *struct{ Code, Message string } `json:"error"`
	}
	must(t, json.Unmarshal([]byte(answer), &outcome))
	if outcome.Error != nil {
		return result, fmt.Errorf("%s: %s", outcome.Error.Code, outcome.Error.Message)
	}
	must(t, json.Unmarshal(outcome.Result, &result))
	return result, nil
}

// scripted writes parameters as JavaScript.
func scripted(t testing.TB, parameters any) string {
	t.Helper()
	if of, ok := parameters.(object); ok {
		var b strings.Builder
		for name, value := range of {
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strconv.Quote(name) + ": " + scripted(t, value))
		}
		return "{" + b.String() + "}"
	}
	if s, ok := parameters.(script); ok {
		return string(s)
	}
	text, err := json.Marshal(parameters)
	must(t, err)
	return string(text)
}

// askEngine uses the very engine that the page's scripts use: the module at the same address is the same one. Progress is kept in window.progress.
const askEngine = `(async () => {
	const { ask } = await import([...document.scripts].find((s) => s.type === 'module').src.replace(/[^/]+$/, 'engine.js'));
	window.progress = [];
	const told = (word) => window.progress.push({ word, at: performance.now() });
	try {
		const result = await ask(%q, %s, told) ?? null;
		if (result?.lines) result.lines = null; // thousands, for the page and not for us
		return JSON.stringify({ result });
	} catch (error) {
		return JSON.stringify({ error: { code: error.code ?? 'script', message: String(error.message ?? error) } });
	}
})()`

type composed struct {
	Notice crypto.Number `json:"notice"`
}

type composedAudience struct {
	Mailboxes       int            `json:"mailboxes"`
	Representatives int            `json:"representatives"`
	Desk            int            `json:"desk"`
	Kinds           map[string]int `json:"kinds"`
	Warnings        map[string][]struct {
		Representative, Name, Why string
	} `json:"warnings"`
	Unknown []struct{ Word, Why string } `json:"unknown"`
}

type object = map[string]any

// noticeToSeal is a draft as the page has it.
func noticeToSeal(words ...string) object {
	return object{
		"words": words,
		"draft": object{
			"languages": []object{
				{"language": "en", "subject": "Findings that concern you", "text": "Data that you entrusted to us may have been read."},
				{"language": "fr", "subject": "Constats qui vous concernent", "text": "Des données ont pu être lues."},
			},
			"acknowledge": true, "fallback": "after 12h",
		},
	}
}

func TestANoticeIsSealedInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	state := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	office := f.Claim(f.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	newcomer := f.Issue(crypto.KindIndividual, crypto.ProfilePQ)
	lawyer := f.claimOwn(t, f.Issue(crypto.KindOrganisation, crypto.ProfilePQ))
	ada := f.desk(t, live.AuthorName, f.Author, "/staff/statements", "newsroom")

	var helped atomic.Bool
	meddle := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		helped.CompareAndSwap(false, strings.HasSuffix(r.URL.Path, "/helper.js"))
		next.ServeHTTP(w, r)
	}
	f.meddle.Store(&meddle)
	start, err := asks[struct {
		Directory []struct{ Mailbox crypto.Number }
		Languages []string
	}](t, ada, "composeStart", object{})
	must(t, err)
	if len(start.Directory) != 4 || len(start.Languages) != 2 {
		t.Errorf("it begins with %+v", start)
	}
	list := "Elbonia (" + string(state.Number.Mailbox) + "); " + string(office.Number.Mailbox) + "\nS-12345678"
	audience, err := asks[composedAudience](t, ada, "audience", object{"words": []string{list, "individuals", "everybody"}})
	must(t, err)
	if audience.Mailboxes != 3 || audience.Representatives != 3 || audience.Desk != 2 || audience.Kinds["S"] != 1 || len(audience.Unknown) != 2 ||
		len(audience.Warnings["classical"]) != 1 || len(audience.Warnings["unclaimed"]) != 1 || len(audience.Warnings["refused"]) != 0 {
		t.Errorf("the audience is %+v", audience)
	}
	sealed, err := asks[composed](t, ada, "sealNotice", noticeToSeal("all"))
	must(t, err)
	if !helped.Load() {
		t.Error("the worker with the key did all of it alone")
	}
	for _, person := range []*live.Person{state, office, newcomer, lawyer} {
		if c := f.opens(t, sealed.Notice, person); c.Languages[0].Subject != "Findings that concern you" {
			t.Errorf("%s reads %+v", person.Number, c)
		}
	}
	ada.wantNoProblems()
}

// claimOwn claims with a certificate that was made elsewhere; the portal holds nothing of its key.
func (f *frontage) claimOwn(t *testing.T, issued *live.Person) *live.Person {
	t.Helper()
	key, err := crypto.GenerateKey(crypto.ProfileCompat, issued.Number.String(), f.Portal.Now())
	must(t, err)
	certificate, err := crypto.CertifySuccessor(issued.Key, key.Certificate(), issued.Number, f.Portal.Now())
	must(t, err)
	must(t, f.Portal.Registry.Claim(t.Context(), portal.ActingRepresentative(issued.Number), registry.Claiming{Profile: crypto.ProfileOwn, Certificate: certificate.Bytes()}))
	key, err = key.WithCertificate(certificate)
	must(t, err)
	return &live.Person{Number: issued.Number, Key: key}
}

// opens opens a submitted notice as one of its recipients will.
func (f *frontage) opens(t testing.TB, n crypto.Number, person *live.Person) *crypto.Content {
	t.Helper()
	record, err := f.Store.Notice(t.Context(), n)
	must(t, err)
	v, err := f.Portal.Root.VerifySubmission(record.Signed, f.Staff(), f.Portal.Now())
	must(t, err)
	e, err := f.Store.Envelope(t.Context(), n, person.Number.String())
	must(t, err)
	body, err := f.Store.Body(t.Context(), n, e.Suite)
	must(t, err)
	opened, err := crypto.OpenNotice(v, e.Data, body, []*crypto.Key{person.Key})
	must(t, err)
	return opened.Content()
}

// TestSendingGoesOnWhereTheLineBroke cuts the line in the middle of a notice of several pieces, and at its very end.
func TestSendingGoesOnWhereTheLineBroke(t *testing.T) {
	f := newFrontage(t)
	state := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	ada := f.desk(t, live.AuthorName, f.Author, "/staff/statements", "newsroom")

	// A draft with a file of two MiB, saved and opened again.
	draft, err := asks[struct {
		ID crypto.Number `json:"id"`
	}](t, ada, "newNoticeDraft", object{})
	must(t, err)
	octets := bytes.Repeat([]byte("evidence "), 1<<18)
	file, err := asks[object](t, ada, "attachNoticeFile", object{"draft": draft.ID, "name": "evidence.txt", "data": aFile("evidence ", 1<<18)})
	must(t, err)
	content := noticeToSeal("states")["draft"].(object)
	content["id"], content["words"], content["attachments"] = draft.ID, []string{"states"}, []object{file}
	saved, err := asks[object](t, ada, "saveNoticeDraft", object{"draft": content, "revision": 0})
	must(t, err)
	_, err = asks[object](t, ada, "saveNoticeDraft", object{"draft": object{"id": draft.ID}, "revision": 0})
	if err == nil || !strings.Contains(err.Error(), "draft-changed") {
		t.Errorf("somebody else's draft is overwritten: %v", err)
	}
	drafts, err := asks[[]struct {
		ID       crypto.Number `json:"id"`
		Revision int           `json:"revision"`
		Mine     bool          `json:"mine"`
		Draft    object        `json:"draft"`
	}](t, ada, "noticeDrafts", object{})
	must(t, err)
	if len(drafts) != 1 || drafts[0].Revision != 1 || !drafts[0].Mine || drafts[0].Draft["acknowledge"] != true || saved["revision"] != 1.0 {
		t.Errorf("the drafts are %+v", drafts)
	}

	// Two pieces arrive, then the line is dead.
	var pieces, sent atomic.Int32
	meddle := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/uploads/") {
			if pieces.Add(1) > 2 {
				panic(http.ErrAbortHandler)
			}
		}
		next.ServeHTTP(w, r)
	}
	f.meddle.Store(&meddle)
	_, err = asks[composed](t, ada, "sealNotice", object{"draft": drafts[0].Draft, "revision": 1})
	if err == nil || !strings.HasPrefix(err.Error(), "network") {
		t.Fatalf("on a dead line: %v", err)
	}

	// It is mended, goes on with the third, and loses the last answer.
	meddled := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		switch {
		case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/uploads/"):
			if offset := r.URL.Query().Get("offset"); sent.Add(1) == 1 && offset != strconv.Itoa(2<<20) {
				t.Errorf("it goes on at byte %s", offset)
			}
		case strings.HasSuffix(r.URL.Path, "/notice"):
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	}
	f.meddle.Store(&meddled)
	_, err = asks[composed](t, ada, "resumeSending", object{})
	if err == nil || !strings.HasPrefix(err.Error(), "network") {
		t.Fatalf("when the last answer is lost: %v", err)
	}
	_, err = asks[composed](t, ada, "sealNotice", noticeToSeal("states"))
	if err == nil || !strings.HasPrefix(err.Error(), "maybe-sent") {
		t.Errorf("what may have arrived is sealed again: %v", err)
	}
	f.meddle.Store(nil)
	done, err := asks[composed](t, ada, "resumeSending", object{})
	must(t, err)
	notices, err := f.Portal.Dispatch.Notices(t.Context(), f.Acting(f.Author))
	must(t, err)
	if len(notices) != 1 || notices[0].Number != done.Notice {
		t.Errorf("there are %d notices, and it is %s", len(notices), done.Notice)
	}
	if c := f.opens(t, done.Notice, state); len(c.Attachments) != 1 || c.Attachments[0].Name != "evidence.txt" || !bytes.Equal(c.Attachments[0].Data, octets) {
		t.Error("the attachment is not what was attached")
	}
	if drafts, err := f.Portal.Dispatch.NoticeDrafts(t.Context(), f.Acting(f.Author)); err != nil || len(drafts) != 0 {
		t.Errorf("its draft is still there: %d, %v", len(drafts), err)
	}
	ada.wantNoProblems("409", "ERR_", "Failed to load resource")
}

// script is JavaScript in the parameters of a ceremony.
type script string

// aFile makes a file of a text that is repeated.
func aFile(text string, times int) script {
	return script(fmt.Sprintf("new TextEncoder().encode(%q.repeat(%d))", text, times))
}

func TestSealingIsCancelled(t *testing.T) {
	f := newFrontage(t)
	for range 60 {
		f.Issue(crypto.KindState, crypto.ProfilePQ)
	}
	gone := f.Issue(crypto.KindOrganisation, crypto.ProfilePQ)
	ada := f.desk(t, live.AuthorName, f.Author, "/staff/statements", "newsroom")
	audience, err := asks[composedAudience](t, ada, "audience", object{"words": []string{"all"}})
	must(t, err)
	if audience.Mailboxes != 61 {
		t.Fatalf("%+v", audience)
	}
	text, err := json.Marshal(noticeToSeal("all"))
	must(t, err)
	outcome := portaltest.Read(ada.Browser, chromedp.Evaluate[string](fmt.Sprintf(`(async () => {
		const { ask } = await import([...document.scripts].find((s) => s.type === 'module').src.replace(/[^/]+$/, 'engine.js'));
		let stopping;
		const sealing = ask('sealNotice', %s, (word) => { if (/^sealing [1-9]/.test(word)) stopping ??= [performance.now(), ask('cancelSealing')]; });
		const [code, at] = await sealing.then(() => ['sealed', 0], (error) => [error.code, performance.now()]);
		const { cancelled } = await stopping[1];
		return JSON.stringify({ code, cancelled, soon: at - stopping[0] < 500 });
	})()`, text), chromedp.EvalAwaitPromise))
	if outcome != `{"code":"cancelled","cancelled":true,"soon":true}` {
		t.Errorf("cancelled, it is %s", outcome)
	}
	if notices, err := f.Portal.Dispatch.Notices(t.Context(), f.Acting(f.Author)); err != nil || len(notices) != 0 {
		t.Errorf("%d notices, %v", len(notices), err)
	}

	// Their key is taken from one of them meanwhile: the portal says so, the audience is read again, and who can't be reached must be left out.
	f.revoke(t, gone)
	_, err = asks[composed](t, ada, "sealNotice", noticeToSeal("all"))
	if err == nil || !strings.Contains(err.Error(), gone.Number.String()) {
		t.Errorf("sealed to a revoked key: %v", err)
	}
	_, err = asks[composed](t, ada, "sealNotice", noticeToSeal("all"))
	if err == nil || !strings.HasPrefix(err.Error(), "audience-empty") {
		t.Errorf("a mailbox without anybody is sealed to: %v", err)
	}
	without := noticeToSeal("all")
	without["leaveOut"] = []crypto.Number{gone.Number.Mailbox}
	_, err = asks[composed](t, ada, "sealNotice", without)
	must(t, err)
	ada.wantNoProblems("409", "ERR_", "Failed to load resource")
}

// revoke ends somebody's access.
func (f *frontage) revoke(t *testing.T, person *live.Person) {
	t.Helper()
	record, err := f.Store.Representative(t.Context(), person.Number)
	must(t, err)
	issued, err := crypto.ParseCertificate(record.Chain[0])
	must(t, err)
	time.Sleep(1100 * time.Millisecond) // signatures have seconds
	revoked, err := crypto.RevokeRepresentative(f.Registrar, issued, person.Number, f.Portal.Now())
	must(t, err)
	reason, err := crypto.SealRecord([]byte("left"), f.Registrar, crypto.PurposeDetails, []*crypto.Certificate{f.Registrar.Certificate()}, f.Portal.Now())
	must(t, err)
	must(t, f.Portal.Registry.Revoke(t.Context(), f.Acting(f.Registrar), registry.Revoking{Representative: person.Number, Certificate: revoked.Bytes(), Reason: reason}))
}
