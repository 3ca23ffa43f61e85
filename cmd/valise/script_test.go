package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"valise/crypto"
	"valise/portal/portaltest"
)

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"valise": main})
}

// tests stops the servers that they share.
type tests struct{ *testing.M }

func (t tests) Run() int { return portaltest.Run(t.M) }

// TestScripts runs the command line as people do. Beside testscript's own commands the
// scripts have:
//
//	exits N command…    runs it and demands the exit status
//	portal [FLAG FILE]…  starts a portal on $SERVER, under the root in root.asc; $BEHIND is where it listens itself
//	witness KEY VKEY    starts a witness with a key, of the ledger with a verifier key, and writes the file "witnesses" that names it
//	lie nothing|approval|membership|staff|root|salt|older FILE   what the line in front of the portal changes in its answers
//	soon NAME SECONDS   puts the time in so many seconds into $NAME
//	within SECONDS command…  runs it until it exits with 0
//	field NAME KEY…     puts a field of the JSON on standard output into $NAME
func TestScripts(t *testing.T) {
	for _, program := range []string{"gpg"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is needed and missing", program)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			gnupg := filepath.Join(env.WorkDir, "gnupg")
			env.Setenv("GNUPGHOME", gnupg)
			env.Setenv("NO_PROXY", "*")
			env.Values["portal"] = new(portalOnALine)
			return os.Mkdir(gnupg, 0o700)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"soon":    soon,
			"within":  within,
			"portal":  startPortal,
			"witness": startWitness,
			"lie":     lie,
			"field":   field,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS command…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exited with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func soon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: soon NAME SECONDS")
	}
	seconds, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().Add(time.Duration(seconds)*time.Second).UTC().Format(time.RFC3339))
}

func within(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: within SECONDS command…")
	}
	seconds, err := strconv.Atoi(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(time.Duration(seconds) * time.Second); ts.Exec(args[1], args[2:]...) != nil; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not succeed within %d seconds", strings.Join(args[1:], " "), seconds)
		}
	}
}

// field reads "field NUMBER mailboxes 0 number": a path into the last JSON output.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: field NAME KEY…")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for _, key := range args[1:] {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			ts.Check(err)
			if i >= len(at) {
				ts.Fatalf("there is no element %d", i)
			}
			v = at[i]
		default:
			ts.Fatalf("there is no field %q", key)
		}
	}
	text, ok := v.(string)
	if !ok {
		ts.Fatalf("the field is %v, not a text", v)
	}
	ts.Setenv(args[0], text)
}

// portalOnALine is a portal with a line in front of it that may lie: whoever holds
// the web server can change every answer, but can't sign.
type portalOnALine struct {
	line *httptest.Server
	lie  atomic.Value // string
}

var listens = regexp.MustCompile(`"listen":"([^"]+)"`)

func startPortal(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value("portal").(*portalOnALine)
	p.lie.Store("nothing")
	var behind atomic.Pointer[url.URL]
	p.line = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind.Load())
			r.Out.Header.Set("Accept-Encoding", "identity")
		},
		ModifyResponse: func(r *http.Response) error { return p.change(r) },
	})
	ts.Check(os.WriteFile(ts.MkAbs("portal.secret"), bytes.Repeat([]byte("0123456789abcdef"), 2), 0o600))
	ctx, cancel := context.WithCancel(context.Background())
	log := &watched{found: make(chan string, 1)}
	stopped := make(chan int, 1)
	go func() {
		stopped <- run(ctx, append([]string{
			"serve", "--listen", "127.0.0.1:0", "--origin", p.line.URL, "--insecure-http", "--insecure-single-factor", "--institution", ts.MkAbs("institution.toml"),
			"--root-certificate", ts.MkAbs("root.asc"), "--portal-secret-file", ts.MkAbs("portal.secret"), "--database", ts.MkAbs("portal.db"), "--migrate",
		}, flagsIn(ts, args)...), strings.NewReader(""), io.Discard, log)
	}()
	ts.Defer(func() {
		p.line.Close()
		cancel()
		<-stopped
	})
	select {
	case address := <-log.found:
		behind.Store(&url.URL{Scheme: "http", Host: address})
	case code := <-stopped:
		stopped <- code
		ts.Fatalf("the portal did not start (%d): %s", code, log)
	case <-time.After(30 * time.Second):
		ts.Fatalf("the portal did not start: %s", log)
	}
	ts.Setenv("SERVER", p.line.URL)
	ts.Setenv("BEHIND", behind.Load().String())
}

// flagsIn are flags whose values are files of the script.
func flagsIn(ts *testscript.TestScript, args []string) (flags []string) {
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			arg = ts.MkAbs(arg)
		}
		flags = append(flags, arg)
	}
	return flags
}

// startWitness reads "witness KEY VKEY".
func startWitness(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: witness KEY VKEY")
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := &watched{found: make(chan string, 1)}
	stopped := make(chan int, 1)
	go func() {
		stopped <- run(ctx, []string{
			"ledger", "witness", "--listen", "127.0.0.1:0", "--folder", ts.MkAbs("witness"), "--create", "--key", ts.MkAbs(args[0]), "--log", ts.MkAbs(args[1]),
		}, strings.NewReader(""), io.Discard, log)
	}()
	ts.Defer(func() {
		cancel()
		<-stopped
	})
	select {
	case address := <-log.found:
		key := regexp.MustCompile(`"verifier_key":"([^"]+)"`).FindStringSubmatch(log.String())
		ts.Check(os.WriteFile(ts.MkAbs("witnesses"), []byte("# for the test\n\n"+key[1]+" http://"+address+"\n"), 0o600))
	case code := <-stopped:
		stopped <- code
		ts.Fatalf("the witness did not start (%d): %s", code, log)
	case <-time.After(30 * time.Second):
		ts.Fatalf("the witness did not start: %s", log)
	}
}

// watched is a log that is looked through for the address.
type watched struct {
	mu    sync.Mutex
	text  bytes.Buffer
	found chan string
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	if m := listens.FindSubmatch(b); m != nil {
		select {
		case w.found <- string(m[1]):
		default:
		}
	}
	return len(b), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func lie(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 1 != (args[0] == "older") {
		ts.Fatalf("usage: lie nothing|approval|membership|staff|root|salt|older FILE")
	}
	what := args[0]
	if what == "older" { // an earlier certificate of somebody on the staff
		what += " " + ts.ReadFile(args[1])
	}
	if what == "staff" || what == "root" { // of another institution, in the file named by what
		what += " " + ts.ReadFile("foreign.asc")
	}
	ts.Value("portal").(*portalOnALine).lie.Store(what)
}

// change tells the current lie.
func (p *portalOnALine) change(r *http.Response) error {
	what, text, _ := strings.Cut(p.lie.Load().(string), " ")
	if what == "nothing" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	walk(v, func(object map[string]any) {
		switch _, institution := object["root_fingerprint"]; {
		case what == "approval" && object["approver_signature"] != nil:
			object["approver_signature"] = object["author_signature"]
		case what == "membership" && object["membership"] != nil:
			delete(object, "membership")
		case what == "staff" && institution:
			object["staff"] = []any{text}
		case what == "older" && institution:
			replaceStaff(object["staff"].([]any), text)
		case what == "root" && institution:
			object["root"] = text
		case what == "salt" && object["salt"] != nil:
			object["salt"] = "AAAAAAAAAAAAAAAAAAAAAA=="
		}
	})
	if body, err = json.Marshal(v); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	return nil
}

// replaceStaff puts a certificate in the place of another one of the same key.
func replaceStaff(staff []any, with string) {
	older, err := crypto.ParseCertificate([]byte(with))
	if err != nil {
		panic(err)
	}
	for i, armored := range staff {
		if c, err := crypto.ParseCertificate([]byte(armored.(string))); err == nil && c.Fingerprint() == older.Fingerprint() {
			staff[i] = with
		}
	}
}

func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, inner := range v {
			walk(inner, visit)
		}
	case []any:
		for _, inner := range v {
			walk(inner, visit)
		}
	}
}
