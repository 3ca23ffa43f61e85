package main

import (
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/evidence"
	"valise/portal/portaltest/live"
)

// TestABundleSaysThatANoticeWasDispatchedEarly: the signatures hold, and the ledger shows the dispatch; but it came before the time that two people signed.
func TestABundleSaysThatANoticeWasDispatchedEarly(t *testing.T) {
	p := live.Portal(t, live.Options{})
	draft := p.Draft()
	draft.Release, draft.Deadline, draft.Reminders = time.Now().Add(2*time.Hour), time.Time{}, nil
	draft.Acknowledge = false
	n := p.Release(draft, p.Issue(crypto.KindState, crypto.ProfilePQ)) // approved: it waits
	record, err := p.Store.Signed(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Portal.Root.VerifyManifest(record.Signed, p.Staff(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for dispatched, warns := range map[time.Time]bool{time.Now(): true, draft.Release: false, draft.Release.Add(time.Minute): false, draft.Release.Add(72 * time.Hour): true} {
		v := &evidence.Verified{Manifest: m, Dispatched: dispatched, Readme: true}
		warnings := bundleWarnings(v)
		if (len(warnings) == 1) != warns || warns && !strings.Contains(warnings[0], "it was due on") {
			t.Errorf("dispatched %v: %q", dispatched.Sub(draft.Release), warnings)
		}
	}
}
