package session_test

import (
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"valise/portal"
	"valise/portal/session"
)

// begin starts a half session.
func (b *bench) begin() string {
	b.t.Helper()
	w := httptest.NewRecorder()
	state, err := b.store.Start(w, b.request(""), holder, key, false)
	if err != nil {
		b.t.Fatal(err)
	}
	if state.Complete {
		b.t.Fatal("complete from the start")
	}
	return b.setCookie(w).Value
}

func TestCompletingRotates(t *testing.T) {
	b := newBench(t)
	half := b.begin()
	share := b.current(half).BrowserShare
	// A change can't complete it.
	if state, err := b.store.Update(httptest.NewRecorder(), b.request(half), func(s *session.State) { s.Complete, s.Passkey = true, true }); err != nil || state.Complete || !state.Passkey {
		t.Fatalf("an update makes %+v, %v", state, err)
	}
	b.pass(9 * time.Minute)
	w := httptest.NewRecorder()
	state, err := b.store.Complete(w, b.request(half))
	if err != nil {
		t.Fatal(err)
	}
	whole := b.setCookie(w).Value
	if whole == half || !state.Complete || !state.Passkey || string(state.BrowserShare) != string(share) {
		t.Errorf("completed: %+v; another id: %t", state, whole != half)
	}
	b.wantLoggedIn(half, false)
	if got := b.current(whole); got == nil || !got.Complete {
		t.Errorf("then: %+v", got)
	}
	b.pass(session.AbsoluteTimeout - 9*time.Minute) // it lives no longer for it
	b.wantLoggedIn(whole, false)

	// What was ended meanwhile stays so.
	half = b.begin()
	r := b.request(half)
	if _, err := b.store.Current(r); err != nil { // loaded
		t.Fatal(err)
	}
	if err := b.store.RevokeHolder(t.Context(), holder); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Complete(httptest.NewRecorder(), r); portal.KindOf(err) != portal.Unauthenticated {
		t.Errorf("completed after it was revoked: %v", err)
	}
	if _, err := b.store.Complete(httptest.NewRecorder(), b.request("")); portal.KindOf(err) != portal.Unauthenticated {
		t.Errorf("nobody's session completed: %v", err)
	}
	if _, err := b.store.Complete(wrappedWriter{startedWriter{httptest.NewRecorder()}}, b.request(b.begin())); err == nil {
		t.Error("Complete after the body")
	}
}

func TestAQuestionHasOneAnswer(t *testing.T) {
	b := newBench(t)
	cookie, other := b.logIn(""), b.logIn("")
	ask := func(purpose, data string) {
		t.Helper()
		if err := b.store.Ask(httptest.NewRecorder(), b.request(cookie), purpose, []byte(data), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	answered := func(cookie, purpose string) string {
		t.Helper()
		data, err := b.store.Answered(httptest.NewRecorder(), b.request(cookie), purpose)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	ask("passkey", "one")
	ask("enrolment", "two")
	for _, wrong := range []string{answered(other, "passkey"), answered(cookie, "sign-on")} {
		if wrong != "" {
			t.Errorf("answered %q", wrong)
		}
	}
	if got := answered(cookie, "passkey"); got != "one" {
		t.Errorf("answered %q", got)
	}
	if got := answered(cookie, "passkey"); got != "" {
		t.Errorf("answered a second time: %q", got)
	}
	b.pass(time.Minute)
	if got := answered(cookie, "enrolment"); got != "" {
		t.Errorf("answered too late: %q", got)
	}
	ask("passkey", "three")
	ask("passkey", "four")
	var found atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			data, err := b.store.Answered(httptest.NewRecorder(), b.request(cookie), "passkey")
			if err != nil {
				t.Error(err)
			}
			if string(data) == "four" {
				found.Add(1)
			} else if data != nil {
				t.Errorf("answered %q", data)
			}
		})
	}
	group.Wait()
	if found.Load() != 1 {
		t.Errorf("%d of eight at a time found the question", found.Load())
	}
}

func TestALogInIsConfirmedInAnotherSession(t *testing.T) {
	b := newBench(t)
	whole, half := b.logIn(""), b.begin()
	wait := func(cookie, code string) *session.State {
		t.Helper()
		state, err := b.store.WaitForConfirmation(httptest.NewRecorder(), b.request(cookie), code)
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	if state := wait(half, "7K2M-9QXD"); state.Code != "7K2M-9QXD" {
		t.Errorf("waits under %q", state.Code)
	}
	if state := wait(half, "0000-0000"); state.Code != "7K2M-9QXD" {
		t.Errorf("asked again, it waits under %q", state.Code)
	}
	if state := wait(whole, "1111-1111"); state.Code != "" {
		t.Error("a whole session waits")
	}
	waiting, err := b.store.Waiting(b.request(whole))
	if err != nil || len(waiting) != 1 || waiting[0].Code != "7K2M-9QXD" {
		t.Fatalf("waiting: %v, %v", waiting, err)
	}
	for _, code := range []string{"", "0000-0000"} {
		if err := b.store.Confirm(b.request(whole), code, true); portal.KindOf(err) != portal.NotFound {
			t.Errorf("confirming %q: %v", code, err)
		}
	}
	if err := b.store.Confirm(b.request(whole), "7K2M-9QXD", true); err != nil {
		t.Fatal(err)
	}
	if state := b.current(half); !state.Confirmed || state.Complete {
		t.Errorf("confirmed: %+v", state)
	}
	if err := b.store.Confirm(b.request(whole), "7K2M-9QXD", false); portal.KindOf(err) != portal.NotFound {
		t.Errorf("refusing what was confirmed: %v", err)
	}
	other := b.begin()
	wait(other, "2222-2222")
	if err := b.store.Confirm(b.request(whole), "2222-2222", false); err != nil {
		t.Fatal(err)
	}
	b.wantLoggedIn(other, false)
	b.wantLoggedIn(half, true)
}

// What a thief of the key alone can begin is soon gone.
func TestAHalfSessionIsShort(t *testing.T) {
	b := newBench(t)
	half, whole := b.begin(), b.logIn("")
	b.pass(session.HalfTimeout - time.Second)
	b.wantLoggedIn(half, true)
	b.pass(time.Second)
	b.wantLoggedIn(half, false)
	b.wantLoggedIn(whole, true)
}

func TestOtherSessionsEndAndThisOneGoesOn(t *testing.T) {
	b := newBench(t)
	this, other, half := b.logIn(""), b.logIn(""), b.begin()
	before := b.current(this)
	w := httptest.NewRecorder()
	if err := b.store.EndOthers(w, b.request(this)); err != nil {
		t.Fatal(err)
	}
	again := b.setCookie(w).Value
	for _, gone := range []string{this, other, half} {
		b.wantLoggedIn(gone, false)
	}
	if got := b.current(again); got == nil || !got.Complete || string(got.BrowserShare) != string(before.BrowserShare) || !got.Created.Equal(before.Created) {
		t.Errorf("this session is now %+v", got)
	}
	if err := b.store.EndOthers(httptest.NewRecorder(), b.request(this)); portal.KindOf(err) != portal.Unauthenticated {
		t.Errorf("from a session that has ended: %v", err)
	}
}
