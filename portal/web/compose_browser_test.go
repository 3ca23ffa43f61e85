package web_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// asks runs a ceremony of the page's worker, as the page's own scripts do, and returns its outcome. The page may be any one with a key.
func asks[R any](t *testing.T, r *reader, ceremony string, parameters any) (R, error) {
	t.Helper()
	var result R
	text, err := json.Marshal(parameters)
	must(t, err)
	answer := portaltest.Read(r.Browser, chromedp.Evaluate[string](fmt.Sprintf(askEngine, ceremony, text), chromedp.EvalAwaitPromise))
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

// askEngine uses the very engine that the page's scripts use: the module at the same address is the same one. Progress is kept in window.progress.
const askEngine = `(async () => {
	const { ask } = await import([...document.scripts].find((s) => s.type === 'module').src.replace(/[^/]+$/, 'engine.js'));
	window.progress = [];
	try {
		return JSON.stringify({ result: await ask(%q, %s, (word) => window.progress.push(word)) ?? null });
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
	ada := f.desk(t, live.AuthorName, f.Author, "/staff/statements", "newsroom")

	start, err := asks[struct {
		Directory []struct{ Mailbox crypto.Number }
		Languages []string
	}](t, ada, "composeStart", object{})
	must(t, err)
	if len(start.Directory) != 3 || len(start.Languages) != 2 {
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
	for _, person := range []*live.Person{state, office, newcomer} {
		if c := f.opens(t, sealed.Notice, person); c.Languages[0].Subject != "Findings that concern you" {
			t.Errorf("%s reads %+v", person.Number, c)
		}
	}
	ada.wantNoProblems()
}

// opens opens a submitted notice as one of its recipients will.
func (f *frontage) opens(t *testing.T, n crypto.Number, person *live.Person) *crypto.Content {
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
