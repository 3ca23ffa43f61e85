//go:build !js

package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest/live"
)

// directory reads the directory as compose-ceremonies.js does: helper is another worker, or the same where a browser can start no others.
func (c *colleague) directory(helper *worker) composeDirectory {
	c.t.Helper()
	var mailboxes []api.Mailbox
	c.want(http.StatusOK, "GET", "/mailboxes", nil, &mailboxes)
	var trust trustShown
	c.call("compose-trust", object{}, &trust)
	helper.call("helper-begin", trust, nil)
	c.call("compose-begin", object{}, nil)
	for _, m := range mailboxes {
		var keys []ceremony.LabelKey
		var judgements []ceremony.Judgement
		c.call("compose-labels", object{"mailboxes": []api.Mailbox{m}}, &keys)
		helper.call("helper-judge", object{"mailboxes": []api.Mailbox{m}, "keys": keys}, &judgements)
		c.call("compose-take", object{"mailboxes": []api.Mailbox{m}, "judgements": judgements}, nil)
	}
	var d composeDirectory
	c.call("compose-complete", object{}, &d)
	return d
}

// wraps has everything wrapped, and returns what is to be sent.
func (c *colleague) wraps(work sealingWork, helper *worker) (s api.Submission) {
	c.t.Helper()
	for i, m := range work.Members {
		var wrapped wrappedEnvelopes
		helper.call("helper-wrap", object{"notice": work.Notice, "keys": work.Keys, "personal": work.Personal, "members": []memberOf{m}, "at": []int{i}}, &wrapped)
		c.call("compose-add", wrapped, nil)
	}
	if err := json.Unmarshal(c.bytesOf("compose-finish", object{}, nil), &s); err != nil {
		c.t.Fatal(err)
	}
	return s
}

func aNotice(words ...string) object {
	return object{
		"words": words,
		"draft": object{
			"languages":   []object{{"language": "en", "subject": "Findings", "text": "Something may have been read.\r\n"}},
			"acknowledge": true, "deadline": object{"date": "2030-01-02", "time": "17:00", "zone": "Europe/Amsterdam", "at": "2030-01-02T17:00:00+01:00"},
			"fallback": "after 12h", "reminders": []int{24, 2}, "escalate": 48, "urgent": true,
		},
	}
}

func TestComposingInWorkers(t *testing.T) {
	p := live.Portal(t, live.Options{})
	people := p.IssueMany(2, crypto.ProfilePQ)
	office := p.Issue(crypto.KindOrganisation, crypto.ProfileCompat)
	ada := newColleague(t, p, p.Author)
	for how, helper := range map[string]*worker{"alone": ada.worker, "with a helper": newWorker(t)} {
		ada.wantRefused("engine", "compose-finish", object{}, nil)
		d := ada.directory(helper)
		named := 0
		for _, line := range d.Directory {
			if line.Name == "Republic of Elbonia" {
				named++
			}
		}
		if len(d.Directory) != 3 || named != 2 || d.Desk != 2 || len(d.Languages) != 2 {
			t.Errorf("%s: it begins with %+v", how, d)
		}
		var audience composeAudience
		ada.call("compose-audience", object{"words": []string{"states, and " + strings.ToLower(string(office.Number.Mailbox)), "nobody"}, "leaveOut": []string{}}, &audience)
		if audience.Mailboxes != 1 || len(audience.Unknown) != 1 {
			t.Errorf("%s: a pasted list gives %+v", how, audience)
		}
		ada.call("compose-audience", object{"words": []string{"all"}, "leaveOut": []crypto.Number{people[0].Number.Mailbox}}, &audience)
		if audience.Mailboxes != 2 || audience.Representatives != 2 || audience.Kinds["S"] != 1 || len(audience.Warnings.Classical) != 1 || len(audience.Warnings.Unclaimed) != 2 {
			t.Errorf("%s: the audience is %+v", how, audience)
		}

		// With a personal part for one of them, and values of one who was left out after all.
		notice := aNotice("all")
		notice["leaveOut"] = []crypto.Number{people[0].Number.Mailbox}
		notice["draft"].(object)["personal"] = object{
			"fields": []string{"files"}, "texts": []object{{"language": "en", "text": "Yours: {files}."}},
			"values": object{string(people[1].Number.Mailbox): object{"files": "one and two"}, string(people[0].Number.Mailbox): object{"files": "three"}},
		}
		ada.wantRefused("audience-unknown", "compose-prepare", object{"words": []string{"S-12345678"}, "draft": notice["draft"]}, nil)
		var work sealingWork
		var prepared preparedNotice
		ada.call("compose-prepare", notice, &prepared)
		if prepared.Left != 2 {
			t.Errorf("%s: %d personal parts are to be sealed", how, prepared.Left)
		}
		ada.call("compose-personal", object{"most": 1}, &prepared)
		ada.wantRefused("refused", "compose-seal", object{}, nil)
		ada.call("compose-prepare", notice, nil)
		ada.call("compose-personal", object{"most": 100}, &prepared)
		ada.call("compose-seal", object{}, &work)
		if len(work.Members) != 2 || len(work.Keys) != 2 || work.Personal == nil {
			t.Fatalf("%s: to be wrapped are %+v", how, work.Members)
		}
		s := ada.wraps(work, helper)
		var submitted api.Submitted
		ada.want(http.StatusCreated, "POST", "/notices", s, &submitted)
		m, err := crypto.ParseManifest([]byte(s.Manifest))
		if err != nil || submitted.Notice != work.Notice || m.Members != 2 || !m.Urgent || m.EscalateHours != 48 || len(m.Reminders) != 2 || m.Deadline.IsZero() {
			t.Errorf("%s: %s is submitted as %s: %+v, %v", how, work.Notice, submitted.Notice, m, err)
		}
		for i, e := range s.Envelopes {
			if (len(e.Personal) > 0) != (i < 2) {
				t.Errorf("%s: the envelope of %s has a personal part: %t", how, e.Holder, len(e.Personal) > 0)
			}
		}

		// A helper wraps to nobody whom it hasn't judged.
		stranger := memberOf{people[0].Number.String(), p.Author.Certificate().Fingerprint()}
		helper.wantRefused("stale-certificate", "helper-wrap", object{"notice": work.Notice, "keys": work.Keys, "members": []memberOf{stranger}, "at": []int{0}}, nil)
	}
	stranger := newWorker(t)
	stranger.wantRefused("engine", "helper-judge", object{}, nil)
	stranger.wantRefused("locked", "compose-trust", object{}, nil)
}

// TestWhoseChainIsBrokenIsLeftOutKnowingly spoils one representative's certificate on its way.
func TestWhoseChainIsBrokenIsLeftOutKnowingly(t *testing.T) {
	p := live.Portal(t, live.Options{})
	good := p.Issue(crypto.KindState, crypto.ProfilePQ)
	bad := p.IssueAs(crypto.Representative{Mailbox: good.Number.Mailbox, Ordinal: 2}, crypto.ProfilePQ)
	ada, helper := newColleague(t, p, p.Author), newWorker(t)
	ada.directory(helper)
	for i := range ada.e.desk.directory.Mailboxes[0].Representatives {
		e := &ada.e.desk.directory.Mailboxes[0].Representatives[i]
		if e.Representative == bad.Number {
			*e = ceremony.DirectoryEntry{Representative: bad.Number, State: e.State, Refused: errEngine}
		}
	}
	var audience composeAudience
	ada.call("compose-audience", object{"words": []string{"all"}}, &audience)
	if len(audience.Warnings.Refused) != 1 || audience.Warnings.Refused[0].Representative != bad.Number.String() || audience.Warnings.Refused[0].Why == "" {
		t.Errorf("the warnings are %+v", audience.Warnings)
	}
	notice := aNotice("all")
	ada.wantRefused("audience-refused", "compose-prepare", notice, nil)
	notice["confirmed"] = []string{good.Number.String()}
	ada.wantRefused("audience-refused", "compose-prepare", notice, nil)
	notice["confirmed"] = []string{bad.Number.String()}
	var work sealingWork
	ada.call("compose-prepare", notice, nil)
	ada.call("compose-seal", object{}, &work)
	if len(work.Members) != 1 || work.Members[0].Representative != good.Number.String() {
		t.Errorf("it is sealed to %+v", work.Members)
	}
}
