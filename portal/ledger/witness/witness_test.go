package witness

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"valise/portal/ledger"
)

const origin = "court.example/ledger"

// tree is a log in memory.
type tree struct {
	leaves [][]byte
	hashes []tlog.Hash
}

func (l *tree) LedgerSize(context.Context) (int64, error) { return int64(len(l.leaves)), nil }
func (l *tree) LockLedger(context.Context) (int64, error) { return int64(len(l.leaves)), nil }
func (l *tree) LedgerLeaves(_ context.Context, first int64, n int) ([][]byte, error) {
	return l.leaves[first : first+int64(n)], nil
}

func (l *tree) LedgerHashes(_ context.Context, indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, i := range indexes {
		found = append(found, l.hashes[i])
	}
	return found, nil
}

func (l *tree) AppendLedger(_ context.Context, _ int64, leaves [][]byte, hashes []tlog.Hash) error {
	l.leaves, l.hashes = append(l.leaves, leaves...), append(l.hashes, hashes...)
	return nil
}

// signing is a log with its signer.
type signing struct {
	tree
	key    *ledger.Key
	signer *ledger.Signer
}

func newSigning(t *testing.T, key *ledger.Key) *signing {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signer")
	if err := ledger.CreateSigner(path, origin, key); err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.OpenSigner(path, origin, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { signer.Close() })
	return &signing{key: key, signer: signer}
}

// grow enters n leaves and signs.
func (s *signing) grow(t *testing.T, n int) *ledger.SignedCheckpoint {
	t.Helper()
	for range n {
		if _, err := ledger.Append(t.Context(), &s.tree, ledger.NewDecoy()); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.signer.Sign(t.Context(), &s.tree)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *signing) policy() ledger.Policy {
	return ledger.Policy{Origin: origin, Log: []note.Verifier{s.key.Verifier()}}
}

func logKey(t *testing.T) *ledger.Key {
	t.Helper()
	k, err := ledger.NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// run runs a witness and returns its key and address.
func run(t *testing.T, name string, logs ...ledger.Policy) (*ledger.Key, *httptest.Server) {
	t.Helper()
	key, err := ledger.NewWitnessKey(name)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := ledger.CreateWitness(folder, key); err != nil {
		t.Fatal(err)
	}
	w, err := ledger.OpenWitness(folder, key, logs...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Handler(w, func(err error) { t.Error(err) }))
	t.Cleanup(func() { server.Close(); w.Close() })
	return key, server
}

func TestWitnessesOfALog(t *testing.T) {
	s := newSigning(t, logKey(t))
	k1, w1 := run(t, "witness.example/w1", s.policy())
	k2, w2 := run(t, "witness.example/w2", s.policy())
	k3, w3 := run(t, "witness.example/w3") // doesn't know the log
	_, w4 := run(t, "witness.example/w4", s.policy())
	w4.Close() // is down
	clients := []*Client{
		NewClient(w1.URL, k1.Verifier(), w1.Client()), NewClient(w2.URL+"/", k2.Verifier(), w2.Client()),
		NewClient(w3.URL, k3.Verifier(), w3.Client()), NewClient(w4.URL, k3.Verifier(), w4.Client()),
	}
	policy := s.policy()
	policy.Witnesses, policy.Quorum = []note.Verifier{k1.Verifier(), k2.Verifier()}, 2
	for _, n := range []int{0, 3, 0, 300, 1} {
		c, failures := Gather(t.Context(), clients, &s.tree, s.grow(t, n))
		if len(failures) != 2 || !strings.Contains(failures[0].Error(), "doesn't know the log") {
			t.Fatalf("failures: %v", failures)
		}
		if opened, err := policy.Open(c.Bytes()); err != nil || time.Since(opened.Cosignatures()[1].At) > time.Minute {
			t.Fatal(err)
		}
	}
	// A client that starts anew finds out what the witness knows.
	fresh := NewClient(w1.URL, k1.Verifier(), w1.Client())
	if _, err := fresh.Cosign(t.Context(), &s.tree, s.grow(t, 7)); err != nil {
		t.Error(err)
	}
	// What a witness shows to those who watch is what it cosigned.
	for name, want := range map[string]int{origin: http.StatusOK, "other.example/ledger": http.StatusNotFound} {
		response, err := http.Get(fmt.Sprintf("%s/%x/checkpoint", w1.URL, sha256.Sum256([]byte(name))))
		if err != nil {
			t.Fatal(err)
		}
		shown, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != want {
			t.Fatalf("%s: status %d, %v", name, response.StatusCode, err)
		}
		if want == http.StatusOK {
			policy.Quorum = 1
			if c, err := policy.Open(shown); err != nil || c.Size != 311 {
				t.Errorf("%+v, %v", c, err)
			}
		}
	}
}

func TestASecondHistoryIsFoundOutByTheWitness(t *testing.T) {
	key := logKey(t)
	honest, liar := newSigning(t, key), newSigning(t, key) // the thief has the key
	k, w := run(t, "witness.example/w1", honest.policy())
	client := NewClient(w.URL, k.Verifier(), w.Client())
	early := honest.grow(t, 10)
	if _, err := client.Cosign(t.Context(), &honest.tree, honest.grow(t, 10)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{20, 5} { // as large, and larger
		_, err := NewClient(w.URL, k.Verifier(), w.Client()).Cosign(t.Context(), &liar.tree, liar.grow(t, n))
		wantAlarm(t, err, ledger.Rewritten)
	}
	_, err := client.Cosign(t.Context(), &honest.tree, early)
	wantAlarm(t, err, ledger.Shrunk)

	// Somebody between, who answers with another witness's line, with nonsense, or endlessly.
	k2, w2 := run(t, "witness.example/w2", honest.policy())
	next := honest.grow(t, 1)
	if _, err := NewClient(w2.URL, k.Verifier(), w2.Client()).Cosign(t.Context(), &honest.tree, next); err == nil {
		t.Errorf("the line of %s was taken for that of another", k2.Name())
	}
	for name, handler := range map[string]http.HandlerFunc{
		"nonsense":         func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "hello\n") },
		"nothing":          func(rw http.ResponseWriter, r *http.Request) {},
		"409 without size": func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(409) },
		"409 for ever":     func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(409); io.WriteString(rw, "3\n") },
		"409 below nought": func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(409); io.WriteString(rw, "-3\n") },
		"403":              func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(403) },
		"500":              func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(500) },
	} {
		server := httptest.NewServer(handler)
		if c, err := NewClient(server.URL, k.Verifier(), server.Client()).Cosign(t.Context(), &honest.tree, next); err == nil {
			t.Errorf("%s: cosigned %+v", name, c)
		}
		server.Close()
	}
}

func wantAlarm(t *testing.T, err error, want ledger.Trouble) {
	t.Helper()
	var a *ledger.Alarm
	if !errors.As(err, &a) || a.Trouble != want {
		t.Fatalf("wanted the alarm %q, got: %v", want, err)
	}
	t.Log(err)
}

func TestTheProtocolAsItStandsOnTheWire(t *testing.T) {
	s := newSigning(t, logKey(t))
	_, w := run(t, "witness.example/w1", s.policy())
	c := s.grow(t, 3)
	post := func(body string) (int, string, string) {
		t.Helper()
		response, err := http.Post(w.URL+"/add-checkpoint", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.Header.Get("Content-Type"), string(answer)
	}
	if status, _, answer := post("old 0\n\n" + string(c.Bytes())); status != 200 || !strings.HasPrefix(answer, "— witness.example/w1 ") || strings.Count(answer, "\n") != 1 {
		t.Errorf("%d %q", status, answer)
	}
	if status, kind, answer := post("old 0\n\n" + string(c.Bytes())); status != 409 || kind != "text/x.tlog.size" || answer != "3\n" {
		t.Errorf("%d %s %q", status, kind, answer)
	}
	if status, _, answer := post("hello"); status != 400 || answer == "" {
		t.Errorf("%d %q", status, answer)
	}
	if status, _, answer := post(strings.Repeat("a", ledger.MaxRequestSize+1)); status != 413 || answer == "" {
		t.Errorf("%d %q", status, answer)
	}
	response, err := http.Get(w.URL + "/add-checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 405 {
		t.Errorf("GET gives status %d", response.StatusCode)
	}
}
