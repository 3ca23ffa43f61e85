package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/session"
)

const (
	holder = "S-7K2M9QXC/2"
	key    = crypto.Fingerprint("0123456789ABCDEF0123456789ABCDEF01234567")
)

// bench is a session store on a real Redis, with a clock that the test moves, and a browser for it.
type bench struct {
	t      *testing.T
	server *portaltest.RedisServer
	place  *session.Redis
	store  *session.Store
	mu     sync.Mutex
	now    time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, server: portaltest.StartRedis(t), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	b.place = openRedis(t, b.server)
	b.store = session.NewStore(b.place, false, b.clock)
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// request is one that carries a cookie's value, "" for none.
func (b *bench) request(cookie string) *http.Request {
	r := httptest.NewRequest("GET", "https://portal.example/", nil)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: b.store.CookieName(), Value: cookie})
	}
	return session.Attach(r)
}

// logIn starts a session, as a browser that has the cookie already, and returns the new one.
func (b *bench) logIn(cookie string) string {
	b.t.Helper()
	w := httptest.NewRecorder()
	if _, err := b.store.Start(w, b.request(cookie), holder, key, true); err != nil {
		b.t.Fatal(err)
	}
	return b.setCookie(w).Value
}

// setCookie returns the one cookie that a response sets.
func (b *bench) setCookie(w *httptest.ResponseRecorder) *http.Cookie {
	b.t.Helper()
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		b.t.Fatalf("the response sets %d cookies, want 1: %v", len(cookies), cookies)
	}
	return cookies[0]
}

func (b *bench) current(cookie string) *session.State {
	b.t.Helper()
	state, err := b.store.Current(b.request(cookie))
	if err != nil {
		b.t.Fatal(err)
	}
	return state
}

func (b *bench) wantLoggedIn(cookie string, want bool) {
	b.t.Helper()
	if got := b.current(cookie) != nil; got != want {
		b.t.Errorf("logged in: %t, want %t", got, want)
	}
}

func TestCookieOfASession(t *testing.T) {
	b := newBench(t)
	w := httptest.NewRecorder()
	state, err := b.store.Start(w, b.request(""), holder, key, true)
	if err != nil {
		t.Fatal(err)
	}
	line := w.Header().Get("Set-Cookie")
	name, value, _ := strings.Cut(strings.Split(line, ";")[0], "=")
	if want := "__Host-valise=" + value + "; Path=/; HttpOnly; Secure; SameSite=Lax"; line != want {
		t.Errorf("Set-Cookie: %s\nwant: %s", line, want)
	}
	if name != "__Host-valise" || len(value) != 43 {
		t.Errorf("cookie %q with %d characters, want 43 (256 bit)", name, len(value))
	}
	if len(state.BrowserShare) != 32 || state.Holder != holder {
		t.Errorf("state %+v", state)
	}

	insecure := session.NewStore(b.place, true, b.clock)
	w = httptest.NewRecorder()
	if _, err := insecure.Start(w, b.request(""), holder, key, true); err != nil {
		t.Fatal(err)
	}
	c := b.setCookie(w)
	if c.Name != "valise" || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("insecure cookie: %+v", c)
	}
}

func TestNobodyIsLoggedInWithoutAKnownCookie(t *testing.T) {
	b := newBench(t)
	good := b.logIn("")
	b.wantLoggedIn(good, true)
	for name, cookie := range map[string]string{
		"none":       "",
		"unknown":    strings.Repeat("A", 43),
		"another":    good[:42] + "_",
		"short":      good[:42],
		"long":       good + "A",
		"no base64":  strings.Repeat("!", 43),
		"the hash":   strings.Repeat("ab", 32),
		"a wildcard": "*",
	} {
		t.Run(name, func(t *testing.T) { b.wantLoggedIn(cookie, false) })
	}
}

func TestAnUnknownIDIsNeverAdopted(t *testing.T) {
	b := newBench(t)
	planted := strings.Repeat("A", 43)
	given := b.logIn(planted)
	if given == planted {
		t.Fatal("the session took the id that the request brought")
	}
	b.wantLoggedIn(planted, false)
	b.wantLoggedIn(given, true)
}

func TestLoggingInRotates(t *testing.T) {
	b := newBench(t)
	before := b.logIn("")
	share := b.current(before).BrowserShare
	after := b.logIn(before)
	if before == after {
		t.Fatal("the id stayed the same")
	}
	b.wantLoggedIn(before, false)
	b.wantLoggedIn(after, true)
	if string(b.current(after).BrowserShare) == string(share) {
		t.Error("the browser share stayed the same")
	}
}

func TestOnlyHashesAreStored(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	stored, err := b.place.List(t.Context(), holder)
	if err != nil || len(stored) != 1 {
		t.Fatal(len(stored), err)
	}
	for idHash, data := range stored {
		if len(idHash) != 64 || strings.Contains(string(data), cookie) || strings.Contains(idHash, cookie) {
			t.Errorf("%s: %s", idHash, data)
		}
		if found, err := b.place.Load(t.Context(), cookie); err != nil || found != nil {
			t.Errorf("the cookie's value is itself a key: %s, %v", found, err)
		}
	}
}

func TestASessionEndsWhenIdle(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	for range 10 { // five hours of a request each half hour, almost
		b.pass(session.IdleTimeout - time.Second)
		b.wantLoggedIn(cookie, true)
	}
	b.pass(session.IdleTimeout)
	b.wantLoggedIn(cookie, false)
	b.pass(-time.Minute)
	b.wantLoggedIn(cookie, false) // it is gone, whatever the clock says afterwards
}

func TestASessionEndsAfterTwelveHours(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	begin := b.clock()
	for b.clock().Sub(begin) < session.AbsoluteTimeout-20*time.Minute {
		b.pass(10 * time.Minute)
		b.wantLoggedIn(cookie, true)
	}
	state := b.current(cookie)
	if want := begin.Add(session.AbsoluteTimeout); !state.IdleExpires().Equal(want) || !state.AbsoluteExpires().Equal(want) {
		t.Errorf("expires %v and %v, want %v", state.IdleExpires(), state.AbsoluteExpires(), want)
	}
	b.pass(20 * time.Minute)
	b.wantLoggedIn(cookie, false)
}

func TestNotEveryRequestWrites(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	begin := b.clock()
	seen := func() time.Duration { return b.current(cookie).Seen.Sub(begin) }
	b.pass(59 * time.Second)
	if got := seen(); got != 0 {
		t.Errorf("seen moved by %v after 59 s", got)
	}
	b.pass(time.Second)
	if got := seen(); got != time.Minute {
		t.Errorf("seen moved by %v after a minute", got)
	}
}

func TestLogOut(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	w := httptest.NewRecorder()
	r := b.request(cookie)
	if err := b.store.End(w, r); err != nil {
		t.Fatal(err)
	}
	if c := b.setCookie(w); c.MaxAge >= 0 || c.Value != "" || !c.Secure {
		t.Errorf("the cookie is not taken back: %+v", c)
	}
	if state, err := b.store.Current(r); state != nil || err != nil {
		t.Errorf("the same request still has a session: %v, %v", state, err)
	}
	b.wantLoggedIn(cookie, false)
}

func TestRevokingAllEndsAllAndLetsNewOnesBegin(t *testing.T) {
	b := newBench(t)
	first, second := b.logIn(""), b.logIn("")
	stored, err := b.place.List(t.Context(), holder)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.RevokeAll(httptest.NewRecorder(), b.request(first)); err != nil {
		t.Fatal(err)
	}
	b.wantLoggedIn(first, false)
	b.wantLoggedIn(second, false)

	// A record that comes back, from a backup or a node that was cut off, is of an old epoch.
	for idHash, data := range stored {
		if err := b.place.Create(t.Context(), idHash, holder, data, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	b.wantLoggedIn(first, false)
	b.wantLoggedIn(second, false)
	b.wantLoggedIn(b.logIn(""), true)
}

func TestAnUpdateDoesNotReviveASession(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	slow := b.request(cookie)
	if _, err := b.store.Current(slow); err != nil { // it has loaded its session …
		t.Fatal(err)
	}
	if err := b.store.End(httptest.NewRecorder(), b.request(cookie)); err != nil { // … when the person logs out
		t.Fatal(err)
	}
	_, err := b.store.Update(httptest.NewRecorder(), slow, func(s *session.State) {
		s.Fetched = map[crypto.Number]string{"N-4GZ0R8TB": "x"}
	})
	if portal.KindOf(err) != portal.Unauthenticated {
		t.Errorf("update of an ended session: %v", err)
	}
	b.wantLoggedIn(cookie, false)
}

func TestUpdatesAtTheSameTimeLoseNothing(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	const many = 20
	requests := make([]*http.Request, many)
	for i := range requests { // all have loaded the same state before any writes
		requests[i] = b.request(cookie)
		if _, err := b.store.Current(requests[i]); err != nil {
			t.Fatal(err)
		}
	}
	var wait sync.WaitGroup
	numbers := make(map[crypto.Number]bool)
	for _, r := range requests {
		n := crypto.NewNumber(crypto.KindNotice)
		numbers[n] = true
		wait.Go(func() {
			state, err := b.store.Update(httptest.NewRecorder(), r, func(s *session.State) {
				if s.Fetched == nil {
					s.Fetched = make(map[crypto.Number]string)
				}
				s.Fetched[n] = string(n)
			})
			if err != nil || state.Fetched[n] == "" {
				t.Errorf("update: %v", err)
			}
		})
	}
	wait.Wait()
	fetched := b.current(cookie).Fetched
	for n := range numbers {
		if fetched[n] != string(n) {
			t.Errorf("%s is lost", n)
		}
	}
	if len(fetched) != many {
		t.Errorf("%d are kept, want %d", len(fetched), many)
	}
}

func TestAnUpdateCannotChangeWhoseASessionIs(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	before := b.current(cookie)
	if _, err := b.store.Update(httptest.NewRecorder(), b.request(cookie), func(s *session.State) {
		s.Holder, s.Created, s.Epoch = "staff:0", time.Time{}, 99
		s.BrowserShare[0]++
	}); err != nil {
		t.Fatal(err)
	}
	after := b.current(cookie)
	if after.Holder != before.Holder || !after.Created.Equal(before.Created) || after.Epoch != before.Epoch ||
		string(after.BrowserShare) != string(before.BrowserShare) {
		t.Errorf("%+v became %+v", before, after)
	}
}

// What a request was given of its session is its own: nothing that is changed there, in whichever field, gets into the session without an update.
func TestAStateIsTheCallersOwn(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	n := crypto.NewNumber(crypto.KindStatement)
	r := b.request(cookie)
	if _, err := b.store.Update(httptest.NewRecorder(), r, func(s *session.State) {
		s.Fetched = map[crypto.Number]string{n: "x"}
		s.Statements = map[crypto.Number]session.FetchedStatement{n: {Version: 1, Nonce: "x"}}
		s.Asked = map[string]session.Asked{"x": {Data: []byte("x")}}
	}); err != nil {
		t.Fatal(err)
	}
	given, err := b.store.Current(r)
	if err != nil {
		t.Fatal(err)
	}
	for value, i := reflect.ValueOf(given).Elem(), 0; i < value.NumField(); i++ {
		switch field := value.Field(i); field.Kind() {
		case reflect.Map:
			if field.Len() == 0 {
				t.Errorf("the test fills in no %s", value.Type().Field(i).Name)
			}
			field.Clear()
		case reflect.Slice:
			reflect.ValueOf(field.Bytes()).Index(0).SetUint(uint64(field.Bytes()[0] + 1))
		}
	}
	again, err := b.store.Current(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Fetched) != 1 || len(again.Statements) != 1 || len(again.Asked) != 1 || string(again.BrowserShare) != string(b.current(cookie).BrowserShare) {
		t.Errorf("the session became %+v", again)
	}
}

func TestLinesOfAHolder(t *testing.T) {
	b := newBench(t)
	first := b.logIn("")
	b.pass(5 * time.Minute)
	second := b.logIn("")
	lines, err := b.store.Lines(b.request(first))
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 || lines[0].Current == lines[1].Current {
		t.Fatalf("%+v", lines)
	}
	for _, line := range lines {
		if len(line.ID) != 16 || strings.Contains(first+second, line.ID) {
			t.Errorf("%+v", line)
		}
	}
	b.pass(session.IdleTimeout - time.Minute)
	if lines, err = b.store.Lines(b.request(second)); err != nil || len(lines) != 2 {
		t.Errorf("%+v, %v", lines, err)
	}
	b.pass(session.IdleTimeout - time.Minute) // the first has ended
	if lines, err = b.store.Lines(b.request(second)); err != nil || len(lines) != 1 || !lines[0].Current {
		t.Errorf("%+v, %v", lines, err)
	}
}

func TestRedisStoppedIsNotAnonymous(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	b.server.Stop()
	for name, call := range map[string]func(r *http.Request) error{
		"Current": func(r *http.Request) error { _, err := b.store.Current(r); return err },
		"Start": func(r *http.Request) error {
			_, err := b.store.Start(httptest.NewRecorder(), r, holder, key, true)
			return err
		},
		"End": func(r *http.Request) error { return b.store.End(httptest.NewRecorder(), r) },
	} {
		if err := call(b.request(cookie)); portal.KindOf(err) != portal.Unavailable {
			t.Errorf("%s: %v, want Unavailable", name, err)
		}
	}
	if _, err := b.store.Current(b.request("")); err != nil {
		t.Errorf("a request without a cookie needs no Redis: %v", err)
	}
}

func TestRedisFlushedLogsOut(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	b.server.Flush()
	b.wantLoggedIn(cookie, false)
	b.wantLoggedIn(b.logIn(cookie), true)
}

func TestARecordThatCannotBeReadIsNoSession(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	stored, _ := b.place.List(t.Context(), holder)
	for idHash, data := range stored {
		if ok, err := b.place.Update(t.Context(), idHash, data, []byte(`{"holder":`), time.Hour); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	b.wantLoggedIn(cookie, false)
}

// ------------------------------------------------------------------ gorilla's interface and its pitfalls

func TestASessionIsLoadedOncePerRequest(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	r := b.request(cookie)
	inner := r.WithContext(r.Context()) // as a middleware makes it
	one, err := b.store.Get(inner, session.Name)
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.store.Get(r.WithContext(r.Context()), session.Name)
	if err != nil || one != other {
		t.Errorf("the session was loaded twice (%v)", err)
	}
}

func TestASecondLogInReplacesTheCookieOfTheResponse(t *testing.T) {
	b := newBench(t)
	w := httptest.NewRecorder()
	http.SetCookie(w, &http.Cookie{Name: "other", Value: "stays"})
	r := b.request("")
	for range 2 {
		if _, err := b.store.Start(w, r, holder, key, true); err != nil {
			t.Fatal(err)
		}
	}
	var ours []string
	for _, c := range w.Result().Cookies() {
		if c.Name == b.store.CookieName() {
			ours = append(ours, c.Value)
		}
	}
	if len(ours) != 1 || len(w.Result().Cookies()) != 2 {
		t.Fatalf("Set-Cookie: %q", w.Header()["Set-Cookie"])
	}
	b.wantLoggedIn(ours[0], true)
	if lines, err := b.store.Lines(b.request(ours[0])); err != nil || len(lines) != 1 {
		t.Errorf("%d sessions are left, want 1 (%v)", len(lines), err)
	}
}

type startedWriter struct{ *httptest.ResponseRecorder }

func (startedWriter) Started() bool { return true }

type wrappedWriter struct{ http.ResponseWriter }

func (w wrappedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestACookieThatComesTooLateIsAnError(t *testing.T) {
	b := newBench(t)
	cookie := b.logIn("")
	late := wrappedWriter{startedWriter{httptest.NewRecorder()}}
	if _, err := b.store.Start(late, b.request(""), holder, key, true); err == nil {
		t.Error("Start after the body")
	}
	if err := b.store.End(late, b.request(cookie)); err == nil {
		t.Error("End after the body")
	}
	if err := b.store.RevokeAll(late, b.request(cookie)); err == nil {
		t.Error("RevokeAll after the body")
	}
	b.wantLoggedIn(cookie, true)
}

func TestGorillaSave(t *testing.T) {
	b := newBench(t)
	nobody := b.request("")
	if _, err := b.store.Get(nobody, session.Name); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := sessions.Save(nobody, w); err != nil || len(w.Header()) != 0 {
		t.Errorf("saving nobody's session: %v, %v", err, w.Header())
	}

	cookie := b.logIn("")
	r := b.request(cookie)
	s, err := b.store.Get(r, session.Name)
	if err != nil || s.IsNew || s.ID != cookie {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := s.Save(r, httptest.NewRecorder()); err != nil {
		t.Errorf("saving an unchanged session: %v", err)
	}
	s.Values["note"] = "lost?"
	if err := s.Save(r, httptest.NewRecorder()); err == nil {
		t.Error("a value that isn't kept was saved without a word")
	}
	delete(s.Values, "note")
	s.Options.MaxAge = -1
	if err := s.Save(r, httptest.NewRecorder()); err != nil {
		t.Error(err)
	}
	b.wantLoggedIn(cookie, false)

	if _, err := b.store.Get(b.request(""), "other"); err == nil {
		t.Error("a session of another name was given out")
	}
}

// ------------------------------------------------------------------ nonces and limits

func TestAChallengeIsForOneAndOnce(t *testing.T) {
	b := newBench(t)
	challenges := session.NewChallenges(b.place)
	nonce, err := challenges.New(t.Context(), holder)
	if err != nil || len(nonce) != 32 {
		t.Fatal(nonce, err)
	}
	for i, try := range []struct {
		as, nonce string
		want      bool
	}{{"S-7K2M9QXC/1", nonce, false}, {holder, strings.Repeat("0", 32), false}, {holder, nonce, true}, {holder, nonce, false}} {
		if got, err := challenges.Take(t.Context(), try.as, try.nonce); err != nil || got != try.want {
			t.Errorf("take %d: %t, %v; want %t", i+1, got, err, try.want)
		}
	}
}

func TestLimits(t *testing.T) {
	b := newBench(t)
	secret := []byte("0123456789abcdef0123456789abcdef")
	limiter := session.NewLimiter(b.place, secret, b.clock)
	rule := session.Rule{Name: "test", Burst: 2, Every: 90 * time.Second}
	for range 2 {
		if err := limiter.Allow(t.Context(), rule, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	err := limiter.Allow(t.Context(), rule, "192.0.2.1")
	var e *portal.Error
	if !errors.As(err, &e) || e.Kind != portal.TooMany || e.RetryAfter < 89 || e.RetryAfter > 90 {
		t.Fatalf("the third: %+v", err)
	}
	if err := limiter.Allow(t.Context(), rule, "192.0.2.2"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if err := limiter.Allow(t.Context(), session.Rule{Name: "other", Burst: 2, Every: time.Minute}, "192.0.2.1"); err != nil {
		t.Errorf("another rule: %v", err)
	}
	b.pass(24 * time.Hour) // another day's key: the place's own clock stands still, and yet the old count isn't found
	if err := limiter.Allow(t.Context(), rule, "192.0.2.1"); err != nil {
		t.Errorf("the next day: %v", err)
	}
	b.server.Stop()
	if err := limiter.Allow(t.Context(), rule, "192.0.2.1"); portal.KindOf(err) != portal.Unavailable {
		t.Errorf("Redis stopped: %v", err)
	}
}
