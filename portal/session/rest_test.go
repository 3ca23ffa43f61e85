package session_test

import (
	"testing"
	"time"

	"valise/portal"
	"valise/portal/session"
)

// What an open page asks by itself keeps no session alive, and a long request learns that its session has ended.
func TestWhatAPageAsksByItselfIsNoSignOfLife(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	long := b.request(cookie)
	if state, err := b.store.Current(long); err != nil || state == nil {
		t.Fatal(state, err)
	}
	for range 2 {
		b.pass(14 * time.Minute)
		resting := b.request(cookie)
		session.AtRest(resting)
		if state, err := b.store.Current(resting); err != nil || state == nil || state.Holder != holder {
			t.Fatalf("at rest: %v, %v", state, err)
		}
		if state, err := b.store.Still(long); err != nil || state == nil || state.Holder != holder {
			t.Fatalf("still: %v, %v", state, err)
		}
	}
	b.pass(3 * time.Minute)
	if state, err := b.store.Still(long); err != nil || state != nil {
		t.Errorf("after 31 minutes of rest: %v, %v", state, err)
	}
	b.wantLoggedIn(cookie, false)
}

func TestALongRequestOutlivesNoLogOut(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	long := b.request(cookie)
	if state, err := b.store.Still(long); err != nil || state == nil {
		t.Fatal(state, err)
	}
	if err := b.store.RevokeHolder(t.Context(), holder); err != nil {
		t.Fatal(err)
	}
	if state, err := b.store.Still(long); err != nil || state != nil {
		t.Errorf("after all sessions were revoked: %v, %v", state, err)
	}
	b.server.Stop()
	if _, err := b.store.Still(long); portal.KindOf(err) != portal.Unavailable {
		t.Errorf("without Redis: %v", err)
	}
	if state, err := b.store.Still(b.request("")); err == nil || state != nil {
		t.Errorf("nobody: %v, %v", state, err)
	}
}
