package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/web"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

// visitor is somebody at a portal: a browser, or another program.
type visitor struct {
	t      *testing.T
	portal *live.Server
	client *http.Client
	header http.Header // on every request
}

func newVisitor(t *testing.T, p *live.Server) *visitor {
	return &visitor{t: t, portal: p, client: p.Client(), header: http.Header{}}
}

// answer is a response that was read whole.
type answer struct {
	*http.Response
	body []byte
}

// do sends a request. A body that is not nil, a string or an io.Reader goes as JSON.
func (v *visitor) do(method, path string, body any) answer {
	v.t.Helper()
	var reader io.Reader
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
		contentType = ""
	case io.Reader:
		reader = b
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			v.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, v.portal.URL+path, reader)
	if err != nil {
		v.t.Fatal(err)
	}
	for name, values := range v.header {
		request.Header[name] = values
	}
	if contentType != "" && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	if response.Header.Get("Content-Type") == "text/event-stream" { // has no end
		return answer{response, nil}
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{response, text}
}

func (v *visitor) get(path string) answer { v.t.Helper(); return v.do("GET", api.Root+path, nil) }
func (v *visitor) post(path string, body any) answer {
	v.t.Helper()
	return v.do("POST", api.Root+path, body)
}

// into reads a JSON answer of the expected status.
func (a answer) into(t *testing.T, status int, answer any) {
	t.Helper()
	a.want(t, status)
	if answer == nil {
		return
	}
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(answer); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
}

func (a answer) want(t *testing.T, status int) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: %d %s, want %d", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.body, status)
	}
}

// wantFailure checks a refusal of the API.
func (a answer) wantFailure(t *testing.T, status int, code string) {
	t.Helper()
	var failure api.Failure
	if err := json.Unmarshal(a.body, &failure); err != nil {
		t.Fatalf("%s %s: %d %s: %v", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.body, err)
	}
	if a.StatusCode != status || failure.Error.Code != code || failure.Error.Message == "" {
		t.Errorf("%s %s: %d %s, want %d %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.body, status, code)
	}
	if (failure.Error.Reference != "") != (status >= 500) {
		t.Errorf("reference %q with status %d", failure.Error.Reference, status)
	}
}

// logIn logs in with a key, as a representative's number or a staff fingerprint.
func (v *visitor) logIn(as string, key *crypto.Key) api.LoggedIn {
	v.t.Helper()
	var loggedIn api.LoggedIn
	v.post("/login", v.proof(as, key)).into(v.t, 200, &loggedIn)
	return loggedIn
}

// proof asks for a log-in text and signs it.
func (v *visitor) proof(as string, key *crypto.Key) api.LogIn {
	v.t.Helper()
	var challenge api.LogInChallenge
	v.post("/login/start", api.LogInStart{As: as}).into(v.t, 200, &challenge)
	signed, err := crypto.ClearSign(key, crypto.PurposeLogIn, []byte(challenge.Text), v.portal.Portal.Now())
	if err != nil {
		v.t.Fatal(err)
	}
	return api.LogIn{As: as, SignedText: string(signed)}
}

func fingerprint(k *crypto.Key) string { return string(k.Certificate().Fingerprint()) }

// publicPath are addresses that any cache may carry.
var publicPath = regexp.MustCompile(`^/($|(en|fr)$|((en|fr)/)?(statements|series|certificates|verify)(/|$)|feeds/|keys/|root\.asc$|sitemap\.xml$|robots\.txt$|reader\.html$|client-manifest/)`)

// examples of what a pattern's wildcards may stand for.
var examples = strings.NewReplacer("{notice}", "N-4GZ0R8TB", "{representative}", "S-7K2M9QXC.2", "{mailbox}", "S-7K2M9QXC", "{$}", "")

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

func exampleOf(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, wildcard.ReplaceAllString(examples.Replace(path), "x")
}

// ------------------------------------------------------------------ the frame

func TestSecurityHeadersStandOnEveryRoute(t *testing.T) {
	p := live.Portal(t, live.Options{})
	v := newVisitor(t, p)
	patterns := []string{"GET /nothing-here", "GET /api/v1/nothing-here", "DELETE /api/v1/session", "GET /api/v1//session"}
	for pattern := range web.Routes() {
		patterns = append(patterns, pattern)
	}
	for _, pattern := range patterns {
		method, path := exampleOf(pattern)
		var body any
		if method == "POST" {
			body = "{}"
		}
		a := v.do(method, path, body)
		if a.StatusCode >= 500 {
			t.Errorf("%s: %d %s", pattern, a.StatusCode, a.body)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "same-origin",
			"Strict-Transport-Security": "max-age=63072000",
		} {
			if got := a.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s %q, want %q", pattern, name, got, want)
			}
		}
		policy := a.Header.Values("Content-Security-Policy")
		if len(policy) != 1 {
			t.Fatalf("%s: %d policies", pattern, len(policy))
		}
		directives := []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "require-trusted-types-for 'script'"}
		if path == "/reader.html" { // one file with all that is in it, by its digest; it reaches nothing and is no part of this origin
			directives = append(directives, "script-src 'wasm-unsafe-eval' 'sha256-", "connect-src 'none'", "form-action 'none'", "trusted-types 'none'", "sandbox allow-scripts")
		} else {
			directives = append(directives, "script-src 'self'", "trusted-types valise")
		}
		for _, directive := range directives {
			if !strings.Contains(policy[0]+";", directive) {
				t.Errorf("%s: %q is not in %s", pattern, directive, policy[0])
			}
		}
		if strings.Contains(policy[0], "unsafe-inline") || strings.Contains(policy[0], "'unsafe-eval'") {
			t.Errorf("%s: %s", pattern, policy[0])
		}
		if a.Header.Get("Permissions-Policy") == "" || len(a.Header.Values("Access-Control-Allow-Origin")) != 0 {
			t.Errorf("%s: %v", pattern, a.Header)
		}
		if cache := a.Header.Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(path, "/assets/") && !strings.HasPrefix(path, "/favicon") && !strings.HasPrefix(path, api.Root+"/statements") && !publicPath.MatchString(path) {
			t.Errorf("%s: Cache-Control %q", pattern, cache)
		}
		if len(a.Header.Values("Set-Cookie")) != 0 {
			t.Errorf("%s sets a cookie before anybody logged in", pattern)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	v := newVisitor(t, live.Portal(t, live.Options{}))
	v.get("/nothing").wantFailure(t, 404, "not-found")
	v.get("/session/").wantFailure(t, 404, "not-found")
	v.do("GET", "/api/v2/session", nil).wantFailure(t, 404, "not-found")
	for request, allow := range map[string]string{
		"DELETE /session": "GET, HEAD", "GET /login": "POST", "PUT /notices": "GET, HEAD, POST", "OPTIONS /me": "GET, HEAD",
		"POST /notices/N-4GZ0R8TB": "GET, HEAD", "BREW /institution": "GET, HEAD",
	} {
		method, path, _ := strings.Cut(request, " ")
		a := v.do(method, api.Root+path, nil)
		a.wantFailure(t, 405, "method-not-allowed")
		if got := a.Header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q, want %q", request, got, allow)
		}
	}
	a := v.do("GET", "/nothing-here", nil)
	a.want(t, 404)
	if strings.Contains(a.Header.Get("Content-Type"), "json") {
		t.Error("a page that isn't there is answered with JSON")
	}
}

func TestHEAD(t *testing.T) {
	v := newVisitor(t, live.Portal(t, live.Options{}))
	for _, path := range []string{"/api/v1/institution", "/healthz", "/readyz"} {
		full, head := v.do("GET", path, nil), v.do("HEAD", path, nil)
		head.want(t, 200)
		if len(head.body) != 0 || head.ContentLength != int64(len(full.body)) || head.Header.Get("Content-Type") != full.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d octets, Content-Length %d, want %d", path, len(head.body), head.ContentLength, len(full.body))
		}
	}
	v.do("HEAD", "/api/v1/session", nil).want(t, 401)
}

func TestOtherSitesAreRefused(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	v := newVisitor(t, p)
	v.logIn(person.Number.String(), person.Key)
	for name, test := range map[string]struct {
		site, origin string
		refused      bool
	}{
		"our own page":                   {"same-origin", p.URL, false},
		"another program":                {"", "", false},
		"an old browser, our page":       {"", p.URL, false},
		"another site":                   {"cross-site", "https://evil.example", true},
		"another site, old browser":      {"", "https://evil.example", true},
		"a sandboxed frame":              {"", "null", true},
		"another host of the same site":  {"same-site", "https://other.127.0.0.1", true},
		"http instead of https":          {"", strings.Replace(p.URL, "https", "http", 1) + "0", true},
		"a site that claims our own too": {"cross-site", "https://127.0.0.1.evil.example", true},
	} {
		t.Run(name, func(t *testing.T) {
			v.t = t
			v.header = http.Header{}
			if test.site != "" {
				v.header.Set("Sec-Fetch-Site", test.site)
			}
			if test.origin != "" {
				v.header.Set("Origin", test.origin)
			}
			a := v.post("/login/start", api.LogInStart{As: person.Number.String()})
			if test.refused {
				a.wantFailure(t, 403, "cross-site")
				v.post("/logout", nil).wantFailure(t, 403, "cross-site")
			} else {
				a.want(t, 200)
			}
		})
	}
	v.t = t
	for _, site := range []string{"cross-site", "same-site", "none"} { // also the mere fetching: it would mark a notice opened
		v.header = http.Header{"Sec-Fetch-Site": {site}}
		v.get("/session").wantFailure(t, 403, "cross-site")
		v.get("/notices/N-4GZ0R8TB/message.asc").wantFailure(t, 403, "cross-site")
		v.get("/institution").want(t, 200)
	}
	v.header = nil
	v.get("/session").want(t, 200) // still logged in
}

func TestBodiesHaveLimits(t *testing.T) {
	p := live.Portal(t, live.Options{})
	v := newVisitor(t, p)
	large := `{"as": "` + strings.Repeat("x", api.MaxRequest) + `"}`
	v.post("/login/start", large).wantFailure(t, 413, "too-large")
	v.post("/login/start", io.MultiReader(strings.NewReader(large))).wantFailure(t, 413, "too-large") // of unknown length
	v.post("/staff", api.StaffCertificate{Certificate: strings.Repeat("x", 100<<10)}).want(t, 400)
	v.post("/staff", api.StaffCertificate{Certificate: strings.Repeat("x", 200<<10)}).wantFailure(t, 413, "too-large")
	v.post("/logout", large).wantFailure(t, 413, "too-large")
	v.logIn(fingerprint(p.Author), p.Author)
	v.post("/notices", api.Submission{Manifest: strings.Repeat("x", 9<<20)}).want(t, 400) // fits, and is no notice
}

func TestJSONIsTakenStrictly(t *testing.T) {
	v := newVisitor(t, live.Portal(t, live.Options{}))
	v.post("/login/start", `{"as": "S-7K2M9QXC", "admin": true}`).wantFailure(t, 400, "invalid-json")
	v.post("/login/start", `{"as": "S-7K2M9QXC"} {}`).wantFailure(t, 400, "invalid-json")
	v.post("/login/start", ``).wantFailure(t, 400, "invalid-json")
	v.header.Set("Content-Type", "text/plain")
	v.post("/login/start", `{"as": "S-7K2M9QXC"}`).wantFailure(t, 415, "unsupported-media-type")
	v.header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.post("/login/start", `as=S-7K2M9QXC`).wantFailure(t, 415, "unsupported-media-type")
}

func TestHealth(t *testing.T) {
	redis := portaltest.StartRedis(t)
	p := live.Portal(t, live.Options{Redis: redis.URL})
	v := newVisitor(t, p)
	v.do("GET", "/healthz", nil).want(t, 200)
	v.do("GET", "/readyz", nil).want(t, 200)
	redis.Stop()
	v.do("GET", "/healthz", nil).want(t, 200)
	a := v.do("GET", "/readyz", nil)
	a.want(t, 503)
	if string(a.body) != "missing: sessions\n" {
		t.Errorf("%q", a.body)
	}
	p.Store.Close()
	a = v.do("GET", "/readyz", nil)
	a.want(t, 503)
	if string(a.body) != "missing: database, sessions\n" {
		t.Errorf("%q", a.body)
	}
}

// ------------------------------------------------------------------ sessions

func TestLoggingInAndOut(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	v := newVisitor(t, p)
	v.get("/session").wantFailure(t, 401, "no-session")

	a := v.post("/login", v.proof(person.Number.String(), person.Key))
	var loggedIn api.LoggedIn
	a.into(t, 200, &loggedIn)
	if loggedIn.Holder != person.Number.String() || loggedIn.State != portal.Claimed || len(loggedIn.Share) != 32 {
		t.Errorf("%+v", loggedIn)
	}
	cookie := a.Header.Values("Set-Cookie")
	if len(cookie) != 1 || !regexp.MustCompile(`^__Host-valise=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax$`).MatchString(cookie[0]) {
		t.Errorf("Set-Cookie %q", cookie)
	}

	var session api.Session
	v.get("/session").into(t, 200, &session)
	if session.Holder != loggedIn.Holder || !bytes.Equal(session.Share, loggedIn.Share) || session.State != portal.Claimed {
		t.Errorf("%+v", session)
	}
	if left := time.Until(session.IdleExpires); left < 28*time.Minute || left > 30*time.Minute {
		t.Errorf("idle expiry in %v", left)
	}
	if left := time.Until(session.AbsoluteExpires); left < 12*time.Hour-time.Minute || left > 12*time.Hour {
		t.Errorf("absolute expiry in %v", left)
	}

	other := newVisitor(t, p)
	other.logIn(person.Number.String(), person.Key)
	var lines []api.SessionLine
	other.get("/sessions").into(t, 200, &lines)
	if len(lines) != 2 || lines[0].Current == lines[1].Current {
		t.Errorf("%+v", lines)
	}

	a = v.post("/logout", nil)
	a.want(t, 204)
	if cookie := a.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-valise=;") || !strings.Contains(cookie, "Max-Age=0") {
		t.Errorf("Set-Cookie %q", cookie)
	}
	v.get("/session").wantFailure(t, 401, "no-session")
	other.get("/session").want(t, 200)

	v.logIn(person.Number.String(), person.Key)
	other.post("/sessions/revoke", struct{}{}).want(t, 204)
	other.get("/session").wantFailure(t, 401, "no-session")
	v.get("/session").wantFailure(t, 401, "no-session")
	v.logIn(person.Number.String(), person.Key)
	v.get("/session").want(t, 200)
}

func TestALogInProofIsGoodOnceForOneAndHere(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	other := p.Claim(p.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
	v := newVisitor(t, p)
	number := person.Number.String()

	proof := v.proof(number, person.Key)
	v.post("/login", api.LogIn{As: other.Number.String(), SignedText: proof.SignedText}).want(t, 401)
	v.post("/login", proof).want(t, 200) // the wrong name did not use it up
	v.post("/login", proof).wantFailure(t, 401, "nonce-used")

	v.post("/login", v.proof(number, other.Key)).want(t, 401)
	v.post("/login", api.LogIn{As: number, SignedText: "S-7K2M9QXC, honestly"}).want(t, 401)
	v.post("/login", api.LogIn{As: "nobody", SignedText: proof.SignedText}).wantFailure(t, 400, "invalid-number")

	now := p.Portal.Now().UTC().Truncate(time.Second)
	for name, text := range map[string]*crypto.LogIn{
		"a nonce of its own": {Origin: p.URL, As: number, Nonce: crypto.NewNonce(), Time: now},
		"another portal":     {Origin: "https://evil.example", As: number, Nonce: crypto.NewNonce(), Time: now},
	} {
		encoded, err := text.Encode()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := crypto.ClearSign(person.Key, crypto.PurposeLogIn, encoded, now)
		if err != nil {
			t.Fatal(err)
		}
		if a := v.post("/login", api.LogIn{As: number, SignedText: string(signed)}); a.StatusCode != 401 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

func TestALogInTextGoesStale(t *testing.T) {
	var late atomic.Int64
	p := live.Portal(t, live.Options{Now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) }})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	v := newVisitor(t, p)
	proof := v.proof(person.Number.String(), person.Key)
	late.Store(int64(15 * time.Minute))
	v.post("/login", proof).want(t, 401)
}

func TestUnknownNumbersLookLikeKnownOnes(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	v := newVisitor(t, p)
	unknown := crypto.NewNumber(crypto.KindState)
	start := func(as string) (c api.LogInChallenge) {
		t.Helper()
		v.post("/login/start", api.LogInStart{As: as}).into(t, 200, &c)
		return c
	}
	known, first, second := start(person.Number.String()), start(string(unknown)), start(string(unknown))
	if len(known.Salt) != len(first.Salt) || !bytes.Equal(first.Salt, second.Salt) || first.Nonce == second.Nonce || first.As != string(unknown)+"/1" {
		t.Errorf("known %+v, unknown %+v and %+v", known, first, second)
	}
	wrong := v.post("/login/unlock", api.Unlock{As: person.Number.String(), LogInSecret: make([]byte, 32)})
	nobody := v.post("/login/unlock", api.Unlock{As: string(unknown), LogInSecret: make([]byte, 32)})
	wrong.want(t, 401)
	if !bytes.Equal(wrong.body, nobody.body) || wrong.StatusCode != nobody.StatusCode {
		t.Errorf("a wrong secret: %s; nobody: %s", wrong.body, nobody.body)
	}
	v.post("/login/start", api.LogInStart{As: "S-7K2M9QXX"}).want(t, 400)
}

func TestUnlocking(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Issue(crypto.KindState, crypto.ProfilePQ)
	v := newVisitor(t, p)
	var challenge api.LogInChallenge
	v.post("/login/start", api.LogInStart{As: strings.ToLower(string(person.Number.Mailbox))}).into(t, 200, &challenge)
	secrets, err := crypto.DeriveSecrets([]byte(live.Passphrase), challenge.Salt)
	if err != nil {
		t.Fatal(err)
	}
	var unlocked api.Unlocked
	v.post("/login/unlock", api.Unlock{As: challenge.As, LogInSecret: secrets.LogInSecret()}).into(t, 200, &unlocked)
	bundle, err := crypto.UnlockBundle(unlocked.LockedBundle, secrets)
	if err != nil || bundle.Pin != p.Pin || unlocked.State != portal.Issued {
		t.Errorf("%v, %+v", err, unlocked)
	}
}

func TestGuessesAreLimited(t *testing.T) {
	p := live.Portal(t, live.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	person := p.Issue(crypto.KindState, crypto.ProfilePQ)
	v := newVisitor(t, p)
	guess := func(i int, as string) answer {
		v.header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i%250))
		return v.post("/login/unlock", api.Unlock{As: as, LogInSecret: make([]byte, 32)})
	}
	var last answer
	for i := range 70 { // from many addresses, in two spellings of the number
		last = guess(i, []string{person.Number.String(), strings.ToLower(string(person.Number.Mailbox))}[i%2])
		if last.StatusCode == 429 {
			break
		}
	}
	last.wantFailure(t, 429, "too-many")
	if last.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	guess(0, string(crypto.NewNumber(crypto.KindState))).want(t, 401) // others are not concerned
	// Logging in with the key goes on: nobody can be locked out of their mailbox by guesses.
	v.post("/login", v.proof(person.Number.String(), person.Key)).want(t, 200)

	for i := range 400 { // from one address, at many numbers
		v.header.Set("X-Forwarded-For", "203.0.113.7")
		last = v.post("/login/unlock", api.Unlock{As: string(crypto.NewNumber(crypto.KindState)), LogInSecret: make([]byte, 32)})
		if last.StatusCode == 429 {
			break
		}
		_ = i
	}
	last.wantFailure(t, 429, "too-many")
}

// TestDoors tries every row of the table as nobody, as a representative before and after claiming, and as staff.
func TestDoors(t *testing.T) {
	p := live.Portal(t, live.Options{})
	issued := p.Issue(crypto.KindState, crypto.ProfilePQ)
	claimed := p.Claim(p.Issue(crypto.KindOrganisation, crypto.ProfilePQ), crypto.ProfilePQ)
	visitors := map[string]*visitor{}
	for name, as := range map[string]struct {
		number string
		key    *crypto.Key
	}{
		"nobody": {}, "issued": {issued.Number.String(), issued.Key}, "claimed": {claimed.Number.String(), claimed.Key}, "staff": {fingerprint(p.Registrar), p.Registrar},
	} {
		visitors[name] = newVisitor(t, p)
		if as.key != nil {
			visitors[name].logIn(as.number, as.key)
		}
	}
	in := map[web.Door]string{
		web.Anyone: "nobody issued claimed staff", web.Begun: "issued claimed staff", web.AnySession: "issued claimed staff", web.Representative: "issued claimed",
		web.Claimed: "claimed", web.ClaimedOrStaff: "claimed staff", web.Staff: "staff", web.HalfStaff: "staff",
	}
	for pattern, door := range web.Routes() {
		method, path := exampleOf(pattern)
		if !strings.HasPrefix(path, api.Root) || strings.HasSuffix(path, "/logout") || strings.HasSuffix(path, "/revoke") {
			continue
		}
		for name, v := range visitors {
			var body any
			if method == "POST" {
				body = "{}"
			}
			a := v.do(method, path, body)
			var failure api.Failure
			_ = json.Unmarshal(a.body, &failure)
			stopped := false
			switch failure.Error.Code {
			case "no-session", "representatives-only", "claim-first", "staff-only":
				stopped = true
			}
			if allowed := strings.Contains(in[door], name); allowed == stopped {
				t.Errorf("%s as %s: %d %s", pattern, name, a.StatusCode, a.body)
			}
			if stopped && (a.StatusCode == 401) != (name == "nobody") {
				t.Errorf("%s as %s: status %d", pattern, name, a.StatusCode)
			}
			if a.StatusCode >= 500 {
				t.Errorf("%s as %s: %d %s", pattern, name, a.StatusCode, a.body)
			}
		}
	}
}

// TestAHalfSessionDoesNothingElse walks the whole table, pages too, as a staff member who has shown their key and nothing more.
func TestAHalfSessionDoesNothingElse(t *testing.T) {
	p := live.Portal(t, live.Options{SecondFactor: true})
	v := newVisitor(t, p)
	if in := v.logIn(fingerprint(p.Registrar), p.Registrar); in.Complete {
		t.Fatal("the key alone makes a session complete")
	}
	for pattern, door := range web.Routes() {
		method, path := exampleOf(pattern)
		if door == web.Anyone || door == web.Begun || door == web.HalfStaff {
			continue
		}
		var body any
		if method == "POST" || method == "PUT" {
			body = "{}"
		}
		a := v.do(method, path, body)
		switch {
		case strings.HasPrefix(path, api.Root):
			a.wantFailure(t, 403, "factor-missing")
		case method == "GET" && (a.StatusCode != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/staff/factor?next=")), method != "GET" && a.StatusCode != 403:
			t.Errorf("%s: %d to %q", pattern, a.StatusCode, a.Header.Get("Location"))
		}
	}
	var in api.Session
	v.get("/session").into(t, 200, &in)
	if in.Complete || in.Holder == "" {
		t.Errorf("the session says %+v", in)
	}
	v.post("/logout", nil).want(t, 204)
}

func TestRedisDown(t *testing.T) {
	redis := portaltest.StartRedis(t)
	p := live.Portal(t, live.Options{Redis: redis.URL})
	v := newVisitor(t, p)
	v.logIn(fingerprint(p.Author), p.Author)
	redis.Stop()
	v.get("/institution").want(t, 200)
	for _, a := range []answer{v.get("/session"), v.get("/staff/notices"), v.post("/login/start", api.LogInStart{As: "S-7K2M9QXC/1"}), v.post("/logout", nil)} {
		a.wantFailure(t, 503, "sessions-unavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	redis.Start() // empty
	deadline := time.Now().Add(3 * time.Second)
	for p.Portal.Ready["sessions"](context.Background()) != nil && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	v.get("/session").wantFailure(t, 401, "no-session")
	v.logIn(fingerprint(p.Author), p.Author)
}

// ------------------------------------------------------------------ the way of a notice

// standings are what a portal can stand on.
var standings = map[string]func(*testing.T) live.Options{
	"embedded": func(*testing.T) live.Options { return live.Options{} },
	"PostgreSQL and Redis": func(t *testing.T) live.Options {
		return live.Options{Database: portaltest.PostgreSQL(t), Redis: portaltest.Redis(t)}
	},
}

// TestTheWayOfANotice goes it over HTTP, in the database and in Redis, and looks at what was logged on the way.
func TestTheWayOfANotice(t *testing.T) {
	for name, options := range standings {
		t.Run(name, func(t *testing.T) {
			p := live.Portal(t, options(t))
			journey(t, p)
			wantNobodyInLog(t, p.Log.String())
		})
	}
}

func journey(t *testing.T, p *live.Server) {
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	colleague := p.IssueAs(crypto.Representative{Mailbox: person.Number.Mailbox, Ordinal: 2}, crypto.ProfileCompat)
	stranger := p.Claim(p.Issue(crypto.KindIndividual, crypto.ProfileCompat), crypto.ProfileCompat)
	now := p.Portal.Now

	// Submitted by the author, over HTTP.
	author, approver, registrar := newVisitor(t, p), newVisitor(t, p), newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	approver.logIn(fingerprint(p.Approver), p.Approver)
	registrar.logIn(fingerprint(p.Registrar), p.Registrar)
	sealed := p.Seal(p.Draft(), person, colleague)
	submission := api.Submission{
		Manifest: string(sealed.Manifest), AuthorSignature: string(sealed.AuthorSignature), Audience: string(sealed.Audience),
		Headings: sealed.Headings, Bodies: sealed.Bodies,
	}
	for _, e := range sealed.Envelopes {
		submission.Envelopes = append(submission.Envelopes, api.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data})
	}
	registrar.post("/notices", submission).want(t, 403)
	var submitted api.Submitted
	author.post("/notices", submission).into(t, 201, &submitted)
	n := string(submitted.Notice)
	var submittedAgain api.Submitted
	author.post("/notices", submission).into(t, 201, &submittedAgain) // an answer got lost: it is the same notice
	if submittedAgain != submitted {
		t.Errorf("submitted again, it is %s, not %s", submittedAgain.Notice, submitted.Notice)
	}

	// Nobody's yet.
	v := newVisitor(t, p)
	v.logIn(person.Number.String(), person.Key)
	var notices []api.Notice
	v.get("/notices").into(t, 200, &notices)
	if len(notices) != 0 {
		t.Fatalf("a notice that nobody approved is in a mailbox")
	}
	v.get("/notices/"+n).want(t, 404)

	// Approved.
	var examined api.StaffNotice
	registrar.get("/staff/notices/"+n).want(t, 403)
	approver.get("/staff/notices/"+n).into(t, 200, &examined)
	verified, err := p.Portal.Root.VerifySubmission(crypto.SignedManifest{Manifest: []byte(examined.Manifest), AuthorSignature: []byte(examined.AuthorSignature)}, p.Staff(), now())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := crypto.OpenNotice(verified, examined.Envelope, examined.Bodies[examined.Suite], []*crypto.Key{p.Approver})
	if err != nil {
		t.Fatal(err)
	}
	signature, err := crypto.Approve(p.Portal.Root, p.Approver, opened, []byte(examined.Manifest), now())
	if err != nil {
		t.Fatal(err)
	}
	var released, again api.Released
	author.post("/staff/notices/"+n+"/approval", api.Approval{Signature: string(signature)}).want(t, 403)
	approver.post("/staff/notices/"+n+"/approval", api.Approval{Signature: string(signature)}).into(t, 200, &released)
	approver.post("/staff/notices/"+n+"/approval", api.Approval{Signature: string(signature)}).into(t, 200, &again)
	if !released.Released.Equal(again.Released) {
		t.Errorf("released at %v, and again at %v", released.Released, again.Released)
	}

	// Listing is not opening, and neither is HEAD.
	v.get("/notices").into(t, 200, &notices)
	if len(notices) != 1 || notices[0].Opened != nil || notices[0].Nonce != "" || notices[0].Body != nil || len(notices[0].Heading) == 0 {
		t.Fatalf("%+v", notices)
	}
	v.do("HEAD", api.Root+"/notices/"+n, nil).want(t, 200)
	v.do("HEAD", api.Root+"/notices/"+n+"/message.asc", nil).want(t, 200)
	v.get("/notices/"+n+"/nonce").wantFailure(t, 409, "not-fetched")
	if status := statusOf(t, registrar, n); status.Mailboxes[0].Opened != nil || status.Mailboxes[0].Delivered == nil || !status.Acknowledge {
		t.Errorf("%+v", status)
	}
	notYet := newVisitor(t, p)
	notYet.logIn(colleague.Number.String(), colleague.Key)
	notYet.get("/notices").want(t, 200)
	notYet.get("/notices/"+n).wantFailure(t, 403, "claim-first")
	foreign := newVisitor(t, p)
	foreign.logIn(stranger.Number.String(), stranger.Key)
	foreign.get("/notices/"+n).want(t, 404)
	foreign.get("/notices/"+n+"/manifest").want(t, 404)

	// Opened.
	var notice, twice api.Notice
	v.get("/notices/"+n).into(t, 200, &notice)
	v.get("/notices/"+n).into(t, 200, &twice)
	var nonce api.Nonce
	v.get("/notices/"+n+"/nonce").into(t, 200, &nonce)
	if notice.Nonce == "" || notice.Nonce != twice.Nonce || notice.Nonce != nonce.Nonce {
		t.Errorf("nonces %q, %q, %q", notice.Nonce, twice.Nonce, nonce.Nonce)
	}
	manifest, err := p.Portal.Root.VerifyManifest(notice.Signed(), p.Staff(), now())
	if err != nil {
		t.Fatal(err)
	}
	read, err := crypto.OpenNotice(manifest, notice.Envelope, notice.Body, person.Bundle.Keys())
	if err != nil {
		t.Fatal(err)
	}
	message := v.get("/notices/" + n + "/message.asc")
	message.want(t, 200)
	envelope, body, err := crypto.SplitMessage(message.body)
	if err != nil || !bytes.Equal(envelope, notice.Envelope) || !bytes.Equal(body, notice.Body) {
		t.Errorf("message.asc is another message (%v)", err)
	}
	if got := message.Header.Get("Content-Type"); got != "application/pgp-encrypted" {
		t.Errorf("Content-Type %q", got)
	}

	// Acknowledged, only in the session that opened it.
	receipt, err := crypto.Acknowledge(read, person.Key, person.Number, crypto.DecisionAcknowledged, notice.Nonce, now())
	if err != nil {
		t.Fatal(err)
	}
	path := "/notices/" + n + "/acknowledgement"
	v.get(path).want(t, 404)
	other := newVisitor(t, p)
	other.logIn(person.Number.String(), person.Key)
	other.post(path, api.Receipt{Receipt: string(receipt)}).wantFailure(t, 409, "not-fetched")
	other.get("/notices/"+n).want(t, 200)
	if a := other.post(path, api.Receipt{Receipt: string(receipt)}); a.StatusCode < 400 || a.StatusCode >= 500 {
		t.Errorf("a receipt with another session's nonce: %d %s", a.StatusCode, a.body)
	}
	v.post(path, api.Receipt{Receipt: "I acknowledge."}).want(t, 400)
	var received, repeated, elsewhere api.ReceivedReceipt
	v.post(path, api.Receipt{Receipt: string(receipt)}).into(t, 201, &received)
	v.post(path, api.Receipt{Receipt: string(receipt)}).into(t, 200, &repeated)
	third := newVisitor(t, p) // whose first answer was lost with its session
	third.logIn(person.Number.String(), person.Key)
	third.post(path, api.Receipt{Receipt: string(receipt)}).into(t, 200, &elsewhere)
	if received != repeated || received != elsewhere || received.Receipt != string(receipt) {
		t.Error("the same receipt was answered in different ways")
	}
	second, err := crypto.Acknowledge(read, person.Key, person.Number, crypto.DecisionRefused, notice.Nonce, now())
	if err != nil {
		t.Fatal(err)
	}
	v.post(path, api.Receipt{Receipt: string(second)}).wantFailure(t, 409, "already-acknowledged")

	// Seen by the mailbox, the staff, and whoever has the receipt.
	kept := v.get(path)
	kept.want(t, 200)
	if !bytes.Equal(kept.body, receipt) || !strings.HasPrefix(kept.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("%s: %s", kept.Header.Get("Content-Type"), kept.body)
	}
	kept = registrar.get("/staff/notices/" + n + "/acknowledgements/" + string(person.Number.Mailbox))
	kept.want(t, 200)
	if !bytes.Equal(kept.body, receipt) {
		t.Errorf("%s", kept.body)
	}
	status := statusOf(t, registrar, n)
	if line := status.Mailboxes[0]; line.Acknowledged == nil || line.Opened == nil || line.By != person.Number.String() || line.Decision != crypto.DecisionAcknowledged || line.Overdue {
		t.Errorf("%+v", line)
	}
	notYet.get("/notices").into(t, 200, &notices)
	if a := notices[0].Acknowledgement; a == nil || a.Representative != person.Number.String() {
		t.Errorf("the colleague sees %+v", a)
	}
	var evidence api.Evidence
	newVisitor(t, p).post("/evidence", api.EvidenceRequest{Receipt: string(receipt)}).into(t, 200, &evidence)
	signer, err := crypto.ParseCertificate([]byte(evidence.Chain[len(evidence.Chain)-1]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := crypto.VerifyReceipt(receipt, manifest, signer, now()); err != nil {
		t.Error(err)
	}
	for what, shown := range map[string]string{"the list": notices[0].Membership, "the notice": notice.Membership, "the evidence": evidence.Membership} {
		if m, err := manifest.CheckMembership([]byte(shown)); err != nil || m.Member.Representative.Mailbox != person.Number.Mailbox {
			t.Errorf("%s does not show for whom it was: %q, %v", what, shown, err)
		}
	}
	newVisitor(t, p).post("/evidence", api.EvidenceRequest{Receipt: string(second)}).want(t, 404)
	var signed api.SignedManifest
	v.get("/notices/"+n+"/manifest").into(t, 200, &signed)
	if signed.Manifest != notice.Manifest || signed.ApproverSignature != notice.ApproverSignature {
		t.Errorf("%+v", signed)
	}
	wantDirectory(t, p, registrar, v, person, stranger)
}

// TestTwoNodes has one visitor whose requests come to one node and the other, as a load balancer sends them.
func TestTwoNodes(t *testing.T) {
	options := live.Options{Database: portaltest.PostgreSQL(t), Redis: portaltest.Redis(t)}
	one := live.Portal(t, options)
	other := live.Portal(t, options)
	person := one.Claim(one.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := string(one.Release(one.Draft(), person))

	v := newVisitor(t, one)
	v.logIn(person.Number.String(), person.Key)
	v.portal = other // its cookie is for the host
	var notice api.Notice
	v.get("/notices/"+n).into(t, 200, &notice)
	verified, err := one.Portal.Root.VerifyManifest(notice.Signed(), one.Staff(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := crypto.OpenNotice(verified, notice.Envelope, notice.Body, person.Bundle.Keys())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := crypto.Acknowledge(opened, person.Key, person.Number, crypto.DecisionAcknowledged, notice.Nonce, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.portal = one
	v.post("/notices/"+n+"/acknowledgement", api.Receipt{Receipt: string(receipt)}).want(t, 201)
	v.portal = other
	v.post("/sessions/revoke", struct{}{}).want(t, 204)
	v.portal = one
	v.get("/session").wantFailure(t, 401, "no-session")
}

// TestOpeningManyNoticesAtOnce loses none of the nonces that their acknowledgements need.
func TestOpeningManyNoticesAtOnce(t *testing.T) {
	for name, redis := range map[string]string{"embedded": "", "Redis": portaltest.Redis(t)} {
		t.Run(name, func(t *testing.T) {
			p := live.Portal(t, live.Options{Redis: redis})
			person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
			const many = 8
			var numbers [many]string
			for i := range numbers {
				numbers[i] = string(p.Release(p.Draft(), person))
			}
			v := newVisitor(t, p)
			v.logIn(person.Number.String(), person.Key)
			var nonces [2 * many]string
			var wait sync.WaitGroup
			for i := range nonces { // each twice
				wait.Go(func() {
					var notice api.Notice
					a := v.get("/notices/" + numbers[i%many])
					if err := json.Unmarshal(a.body, &notice); err != nil || a.StatusCode != 200 {
						t.Errorf("%d %s", a.StatusCode, a.body)
					}
					nonces[i] = notice.Nonce
				})
			}
			wait.Wait()
			for i, n := range numbers {
				var nonce api.Nonce
				v.get("/notices/"+n+"/nonce").into(t, 200, &nonce)
				if nonces[i] != nonce.Nonce || nonces[i+many] != nonce.Nonce {
					t.Errorf("notice %d: nonces %q and %q were given out, %q is kept", i, nonces[i], nonces[i+many], nonce.Nonce)
				}
			}
		})
	}
}

func statusOf(t *testing.T, v *visitor, n string) (status api.Status) {
	t.Helper()
	v.get("/staff/notices/"+n+"/status").into(t, 200, &status)
	if len(status.Mailboxes) != 1 {
		t.Fatalf("%+v", status)
	}
	return status
}

// wantDirectory looks at certificates and the directory, as staff, as their owner, and as somebody else.
func wantDirectory(t *testing.T, p *live.Server, staff, v *visitor, person, stranger *live.Person) {
	t.Helper()
	dotted := func(r crypto.Representative) string { return strings.Replace(r.String(), "/", ".", 1) }
	var chain api.Chain
	staff.get("/certificates/"+dotted(person.Number)).into(t, 200, &chain)
	if len(chain.Chain) != 2 || chain.Chain[1] != person.Key.Certificate().Armor() {
		t.Errorf("%d certificates", len(chain.Chain))
	}
	v.get("/certificates/"+dotted(person.Number)).want(t, 200)
	if a := v.get("/certificates/" + dotted(stranger.Number)); a.StatusCode != 403 && a.StatusCode != 404 {
		t.Errorf("another mailbox's certificates: %d", a.StatusCode)
	}
	v.get("/certificates/nonsense").wantFailure(t, 400, "invalid-number")
	var me api.Me
	v.get("/me").into(t, 200, &me)
	if me.Representative != person.Number.String() || me.State != portal.Claimed || me.Fingerprint != person.Key.Certificate().Fingerprint() || len(me.Chain) != 2 {
		t.Errorf("%+v", me)
	}
	var mailboxes []api.Mailbox
	staff.get("/mailboxes").into(t, 200, &mailboxes)
	if len(mailboxes) != 2 || len(mailboxes[0].Representatives)+len(mailboxes[1].Representatives) != 3 {
		t.Errorf("%d mailboxes", len(mailboxes))
	}
	var institution api.Institution
	newVisitor(t, p).get("/institution").into(t, 200, &institution)
	if institution.RootFingerprint != p.Pin.Fingerprint || len(institution.Staff) != 3 || institution.Origin != p.URL {
		t.Errorf("%+v", institution)
	}
}

var identifies = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\b[SOINTG]-[0-9A-HJKMNP-TV-Z]{8}`), // numbers
	regexp.MustCompile(`127\.0\.0\.1|\[?::1\]?:\d`),            // addresses
	regexp.MustCompile(`(?i)[0-9a-f]{32,}`),                    // fingerprints, nonces, ids
	regexp.MustCompile(`(?i)user.?agent|go-http-client`),
	regexp.MustCompile(`(?i)` + live.AuthorName + `|` + live.ApproverName + `|` + live.RegistrarName),
	regexp.MustCompile(`(?i)findings|constatations|entrusted`),
	regexp.MustCompile(`__Host-`),
}

func wantNobodyInLog(t *testing.T, log string) {
	t.Helper()
	if strings.Count(log, "\n") < 30 {
		t.Errorf("the log has only %d lines", strings.Count(log, "\n"))
	}
	for line := range strings.Lines(log) {
		for _, shape := range identifies {
			if found := shape.FindString(line); found != "" {
				t.Errorf("the log says %q: %s", found, line)
			}
		}
		var entry struct{ Msg, Route, Method string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
}

// TestWhatNetHTTPComplainsAboutNamesNoAddress speaks to the TLS port without TLS.
func TestWhatNetHTTPComplainsAboutNamesNoAddress(t *testing.T) {
	p := live.Portal(t, live.Options{})
	connection, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(connection, "GET / HTTP/1.1\r\n\r\n")
	io.Copy(io.Discard, connection)
	connection.Close()
	log := ""
	for end := time.Now().Add(10 * time.Second); log == "" && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		log = p.Log.String() // the server complains after it has closed the connection
	}
	if !strings.Contains(log, "TLS handshake error from [address]") || strings.Contains(log, "127.0.0.1") {
		t.Errorf("the log says %s", log)
	}
}

// TestABodyThatEndsEarly has a client that loses its line in the middle of a request.
func TestABodyThatEndsEarly(t *testing.T) {
	p := live.Portal(t, live.Options{})
	v := newVisitor(t, p)
	request, _ := http.NewRequest("POST", p.URL+"/api/v1/login/start", io.MultiReader(strings.NewReader(`{"as": "S-7K2M`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	request.Header.Set("Content-Type", "application/json")
	if response, err := v.client.Do(request); err == nil {
		response.Body.Close()
		t.Errorf("a cut request was answered with %d", response.StatusCode)
	}
	v.get("/institution").want(t, 200)
	if log := p.Log.String(); strings.Contains(log, "internal") {
		t.Errorf("the log says %s", log)
	}
}

// ------------------------------------------------------------------ what is refused before it starts

func TestAPortalThatLacksAPartDoesNotStart(t *testing.T) {
	p := live.Portal(t, live.Options{}).Portal
	for name, change := range map[string]func(*web.Portal){
		"Registry":    func(p *web.Portal) { p.Registry = nil },
		"Sessions":    func(p *web.Portal) { p.Sessions = nil },
		"Ledger":      func(p *web.Portal) { p.Ledger = nil },
		"Limiter":     func(p *web.Portal) { p.Limiter = nil },
		"Log":         func(p *web.Portal) { p.Log = nil },
		"Institution": func(p *web.Portal) { p.Institution = portal.Institution{} },
		"Origin":      func(p *web.Portal) { p.Origin = "http://portal.example" },
	} {
		broken := *p
		change(&broken)
		if handler, err := broken.Handler(); err == nil || handler != nil {
			t.Errorf("without %s it starts", name)
		}
	}
	if _, err := p.Handler(); err != nil {
		t.Error(errors.Unwrap(err), err)
	}
}
