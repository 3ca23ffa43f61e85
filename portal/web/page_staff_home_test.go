package web_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/portaltest/live"
)

// Who does not answer a notice that is to be brought by another way then stands on the home of staff, once it is time.
func TestTheHomeSaysWhomToReachByAnotherWay(t *testing.T) {
	var late atomic.Int64
	p := live.Portal(t, live.Options{Now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) }})
	silent, quick := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ), p.Claim(p.Issue(crypto.KindOrganisation, crypto.ProfilePQ), crypto.ProfilePQ)
	draft := p.Draft()
	draft.Acknowledge, draft.Deadline, draft.EscalateHours, draft.Urgent = false, time.Time{}, 1, true
	n := p.Release(draft, silent, quick)
	v := newVisitor(t, p)
	v.logIn(quick.Number.String(), quick.Key)
	v.get("/notices/"+string(n)).want(t, 200)

	reach := func() string {
		t.Helper()
		registrar := newVisitor(t, p)
		registrar.logIn(fingerprint(p.Registrar), p.Registrar)
		_, rest, _ := strings.Cut(registrar.page("/staff", 200), `id="reach"`)
		section, _, _ := strings.Cut(rest, "</section>")
		return section
	}
	if early := reach(); early != "" {
		t.Errorf("too early: %s", early)
	}
	late.Store(int64(time.Hour + time.Minute))
	section := reach()
	for _, want := range []string{`data-reach="` + string(n) + `"`, "1 mailbox has not answered", string(silent.Number.Mailbox), "Urgent"} {
		if !strings.Contains(section, want) {
			t.Errorf("the home does not say %q: %s", want, section)
		}
	}
	if strings.Contains(section, string(quick.Number.Mailbox)) {
		t.Errorf("who has opened it stands there: %s", section)
	}
}

// What an approver has approved waits for its time, and not for them; with a line of its own, and when.
func TestTheHomeDoesNotAskToApproveTwice(t *testing.T) {
	p := live.Portal(t, live.Options{})
	state := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	draft := p.Draft()
	draft.Release = time.Now().Add(24 * time.Hour).UTC().Truncate(time.Minute)
	n := p.Release(draft, state)
	v := newVisitor(t, p)
	v.logIn(fingerprint(p.Approver), p.Approver)
	page := v.page("/staff", 200)
	if strings.Contains(page, `id="waiting"`) {
		t.Error("it stands among what waits for the approver")
	}
	_, rest, _ := strings.Cut(page, `data-notice="`+string(n)+`"`)
	line, _, _ := strings.Cut(rest, "</li>")
	for _, want := range []string{`data-state="approved"`, "into the mailboxes at", draft.Release.Format("15:04")} {
		if !strings.Contains(line, want) {
			t.Errorf("its line does not say %q: %s", want, line)
		}
	}
}
