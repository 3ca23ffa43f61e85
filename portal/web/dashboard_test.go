package web_test

import (
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/portaltest/live"
)

func TestTheDashboardOverHTTP(t *testing.T) {
	p := live.Portal(t, live.Options{})
	alice, bob := claimedIn(t, p), claimedIn(t, p)
	n := p.Release(p.Draft(), alice, bob)
	author, reader := newVisitor(t, p), newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	reader.logIn(alice.Number.String(), alice.Key)
	at := "/staff/notices/" + string(n) + "/dashboard"
	var first, second api.Dashboard
	author.get(at).into(t, 200, &first)
	if first.Notice != n || !first.Whole || len(first.Lines) != 2 || first.Next != "" || first.Tally != (api.DashboardTally{Mailboxes: 2}) || len(first.Curve.Opened) != 200 || first.Deadline == nil {
		t.Errorf("%+v", first)
	}
	receipt := acknowledged(reader, alice, n)
	must(t, p.Store.RecordNoticeEvents(t.Context(), []portal.NoticeEvent{
		{Notice: n, Mailbox: bob.Number.Mailbox, Kind: portal.NotificationForAcceptance, Via: portal.ViaPortal, At: time.Now()},
		{Notice: n, Mailbox: bob.Number.Mailbox, Kind: portal.RelayToNonERDSFailure, Via: portal.ViaEMail, At: time.Now()},
	}))
	author.get(at+"?since="+first.Cursor).into(t, 200, &second)
	if second.Whole || second.Tally != (api.DashboardTally{Mailboxes: 2, Opened: 1, Acknowledged: 1, Unreachable: 1}) || second.Curve.Acknowledged[199] != 1 {
		t.Errorf("%+v", second)
	}
	bar := map[string]int{}
	for _, part := range second.Bar {
		bar[part.State] = part.Count
	}
	if bar["acknowledged"] != 1 || bar["unreachable"] != 1 || bar["waiting"] != 0 {
		t.Errorf("%+v", second.Bar)
	}
	for _, line := range second.Lines {
		switch line.Mailbox {
		case alice.Number.Mailbox:
			if line.State != "acknowledged" || line.By != alice.Number.String() || line.Unreachable {
				t.Errorf("%+v", line)
			}
		case bob.Number.Mailbox:
			if line.State != "delivered" || !line.Unreachable || line.Reminded == nil || line.Reach == nil || line.Reach.Via != portal.ViaEMail {
				t.Errorf("%+v", line)
			}
		}
	}
	author.get(at+"?since=yesterday").wantFailure(t, 400, "invalid-cursor")
	author.get(at+"?after="+string(n)).wantFailure(t, 400, "invalid-number")
	reader.get(at).wantFailure(t, 403, "staff-only")
	author.get("/staff/notices/"+string(crypto.NewNumber(crypto.KindNotice))+"/dashboard").wantFailure(t, 404, "no-notice")

	// The page says it without a script, in both languages.
	for language, wants := range map[string][]string{
		"en": {"1 of 2 opened it", "not reached", "Evidence bundle", `<rect class="acknowledged" x="0" y="0" width="50"`, "The same as a table", string(bob.Number.Mailbox)},
		"fr": {"Ouvert par 1 sur 2", "non jointes", "Dossier de preuves"},
	} {
		page := string(author.do("GET", "/staff/notices/"+string(n)+"?lang="+language, nil).body)
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", language, want)
			}
		}
	}
	if page := string(author.do("GET", "/staff/notices/"+string(n), nil).body); strings.Contains(page, string(receipt)) {
		t.Error("the page holds receipts")
	}
}

func TestTheListOfNoticesOverHTTP(t *testing.T) {
	p := live.Portal(t, live.Options{})
	alice := claimedIn(t, p)
	n, other := p.Release(p.Draft(), alice), p.Release(p.Draft(), alice)
	author, registrar, reader := newVisitor(t, p), newVisitor(t, p), newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	registrar.logIn(fingerprint(p.Registrar), p.Registrar)
	reader.logIn(alice.Number.String(), alice.Key)
	of := "?of=" + string(n) + "," + string(other)
	var before, after, later api.Board
	registrar.get("/staff/board"+of).into(t, 200, &before)
	acknowledged(reader, alice, n)
	registrar.get("/staff/board"+of).into(t, 200, &after)
	if len(before.Notices) != 2 || len(after.Notices) != 2 || before.Stamp == "" || before.Stamp != after.Stamp {
		t.Errorf("%+v, then %+v", before, after)
	}
	for _, notice := range after.Notices {
		if got := notice.Tally.Acknowledged; got != 1 && notice.Notice == n || got != 0 && notice.Notice == other {
			t.Errorf("%+v", notice)
		}
	}
	p.Submit(p.Draft(), alice)
	registrar.get("/staff/board").into(t, 200, &later)
	if later.Stamp == after.Stamp || len(later.Notices) != 0 {
		t.Errorf("with one more that waits: %+v", later)
	}

	// Subjects go, sealed, to those who can open them.
	var headed []api.StaffNotice
	author.get("/staff/headings"+of).into(t, 200, &headed)
	if len(headed) != 2 || len(headed[0].Headings) != 1 || len(headed[0].Envelope) == 0 || headed[0].Audience != "" || headed[0].Bodies != nil {
		t.Errorf("%+v", headed)
	}
	registrar.get("/staff/headings"+of).wantFailure(t, 403, "author-only")
	for _, path := range []string{"/staff/board", "/staff/headings"} {
		reader.get(path+of).wantFailure(t, 403, "staff-only")
		author.get(path+"?of="+string(alice.Number.Mailbox)).wantFailure(t, 400, "invalid-number")
		author.get(path+"?of="+strings.Repeat(string(n)+",", 201)).wantFailure(t, 400, "too-many")
	}
}
