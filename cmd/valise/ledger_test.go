package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ledger"
	"valise/portal/store"
)

// liar is a portal whose ledger is whatever it likes: it has the ledger's own key, and signs several histories with it.
type liar struct {
	*httptest.Server
	t    *testing.T
	key  *ledger.Key
	root *crypto.Key
	seen string // the reader's file

	mu     sync.Mutex
	shown  *history
	change func(path string, file []byte) []byte // nil: as it is
}

// history is one of its ledgers.
type history struct {
	db     *store.DB
	signer *ledger.Signer
	ledger *ledger.Ledger
}

const liarsLedger = "court.example/ledger"

func newLiar(t *testing.T) *liar {
	t.Helper()
	root, err := crypto.GenerateRoot("International Court (test)", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.NewLogKey(liarsLedger)
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{t: t, key: key, root: root, seen: filepath.Join(t.TempDir(), "seen")}
	signed, err := crypto.SignLedgerKey(root, crypto.LedgerKey{Log: liarsLedger, Keys: []string{key.VerifierKey()}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := strings.CutPrefix(r.URL.Path, "/ledger/"); ok {
			l.file(w, r, path)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(api.Institution{Root: root.Certificate().Armor(), LedgerKey: string(signed)})
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *liar) file(w http.ResponseWriter, r *http.Request, path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var file []byte
	var err error
	if path == ledger.CheckpointPath {
		file, err = l.shown.ledger.Checkpoint(r.Context())
	} else {
		file, err = l.shown.ledger.Resource(r.Context(), path)
	}
	if err == nil && l.change != nil {
		file = l.change(path, file)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Write(file)
}

// history begins a ledger, signed with the key, with some events.
func (l *liar) history(events int) *history {
	l.t.Helper()
	db, err := store.Open(l.t.Context(), filepath.Join(l.t.TempDir(), "portal.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { db.Close() })
	if err := db.Migrate(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	state := filepath.Join(l.t.TempDir(), "state")
	if err := ledger.CreateSigner(state, liarsLedger, l.key); err != nil {
		l.t.Fatal(err)
	}
	signer, err := ledger.OpenSigner(state, liarsLedger, l.key)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { signer.Close() })
	h := &history{db, signer, ledger.New(db)}
	h.grow(l.t, events)
	return h
}

// grow enters events, signs and publishes.
func (h *history) grow(t *testing.T, events int) {
	t.Helper()
	for range events {
		somethingHappens(t, h.db)
	}
	if _, err := (&ledgerKeeper{store: h.db, signer: h.signer}).round(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// somethingHappens issues a representative.
func somethingHappens(t *testing.T, db *store.DB) {
	t.Helper()
	r := portal.RepresentativeRecord{
		Representative: crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}, State: portal.Issued, Profile: crypto.ProfilePQ,
		Chain: [][]byte{liarsCertificate()}, Details: []byte("sealed"), IssuedAt: time.Now(),
	}
	if err := db.Issue(t.Context(), r, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
}

var liarsCertificate = sync.OnceValue(func() []byte {
	key, err := crypto.GenerateKey(crypto.ProfileCompat, "S-0000000Q/1", time.Now())
	if err != nil {
		panic(err)
	}
	return key.Certificate().Bytes()
})

// show shows a history, changed or not.
func (l *liar) show(h *history, change func(path string, file []byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown, l.change = h, change
}

// verify runs the command as a reader would.
func (l *liar) verify(more ...string) (status int, stdout, stderr string) {
	l.t.Helper()
	var out, problems bytes.Buffer
	args := append([]string{"ledger", "verify", l.URL, "--root-fingerprint", string(l.root.Certificate().Fingerprint()), "--state", l.seen}, more...)
	status = run(l.t.Context(), args, strings.NewReader(""), &out, &problems)
	return status, out.String(), problems.String()
}

// alarms checks that the reader is told, in words, and that what proves it is written down.
func (l *liar) alarms(words string, evidence bool) {
	t := l.t
	t.Helper()
	before, err := os.ReadFile(l.seen)
	if err != nil {
		t.Fatal(err)
	}
	status, _, said := l.verify()
	if status != exitAlarm || !strings.Contains(said, "ALARM: ") || !strings.Contains(said, words) {
		t.Fatalf("exit status %d, and it says: %s", status, said)
	}
	t.Log(said)
	if after, err := os.ReadFile(l.seen); err != nil || !bytes.Equal(before, after) {
		t.Error("the lie was kept as what was seen last")
	}
	files, err := filepath.Glob(l.seen + ".alarm-*")
	if err != nil || (len(files) > 0) != evidence {
		t.Fatalf("evidence in %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said, file) || strings.Count(string(text), "— "+liarsLedger+" ") != 2 || !bytes.HasPrefix(text, before) {
			t.Errorf("the evidence is\n%s", text)
		}
		os.Remove(file)
	}
}

// TestALyingPortalsLedger: whatever history a portal shows besides the one that it showed first, the command says so and keeps what proves it;
// and goes on as before when the truth comes back.
func TestALyingPortalsLedger(t *testing.T) {
	l := newLiar(t)
	truth := l.history(300) // more than one tile
	l.show(truth, nil)
	if status, said, problems := l.verify(); status != exitDone || !strings.Contains(said, "first look") {
		t.Fatalf("%d: %s%s", status, said, problems)
	}
	longer, same, shorter := l.history(310), l.history(300), l.history(200)

	l.show(longer, nil)
	l.alarms("was rewritten: its first 300 leaves", true)
	l.show(same, nil)
	l.alarms("there are two different logs", true)
	l.show(shorter, nil)
	l.alarms("has shrunk: it had 300 leaves", true)

	truth.grow(t, 5)
	flip := func(what string) func(string, []byte) []byte {
		return func(path string, file []byte) []byte {
			if strings.HasPrefix(path, what) {
				file[len(file)-9] ^= 1
			}
			return file
		}
	}
	l.show(truth, flip("tile/entries/001"))
	l.alarms("leaf 304 was changed", false)
	l.show(truth, flip("tile/0/001"))
	l.alarms("don't make up the tree", false)
	l.show(truth, func(path string, file []byte) []byte {
		if path == ledger.CheckpointPath { // still base 64
			at := &file[len(file)-9]
			if *at == 'A' {
				*at = 'B'
			} else {
				*at = 'A'
			}
		}
		return file
	})
	l.alarms("", false)

	// Another key, another name.
	stranger, err := ledger.NewLogKey(liarsLedger)
	if err != nil {
		t.Fatal(err)
	}
	l.show(truth, func(path string, file []byte) []byte {
		if path != ledger.CheckpointPath {
			return file
		}
		text, _, _ := strings.Cut(string(file), "\n\n")
		signed, err := note.Sign(&note.Note{Text: text + "\n"}, stranger)
		if err != nil {
			t.Error(err)
		}
		return signed
	})
	l.alarms("isn't signed with its key", false)

	// What can't be fetched accuses nobody.
	l.show(truth, func(path string, file []byte) []byte {
		if path == ledger.CheckpointPath {
			return nil
		}
		return file
	})
	if status, _, said := l.verify(); status != exitFailed || strings.Contains(said, "ALARM") {
		t.Errorf("exit status %d: %s", status, said)
	}

	l.show(truth, nil)
	if status, said, problems := l.verify("--json"); status != exitDone || !strings.Contains(said, `"size": 305`) || !strings.Contains(said, `"before": 300`) || !strings.Contains(said, `"checked": 5`) {
		t.Errorf("after all lies, the truth: %d: %s%s", status, said, problems)
	}

	// Two readers who compare find a fork that neither sees alone.
	l.show(longer, nil)
	one := l.seen
	l.seen = filepath.Join(t.TempDir(), "another reader's")
	if status, _, said := l.verify(); status != exitDone {
		t.Fatalf("%d: %s", status, said)
	}
	if status, said, _ := l.verify("--compare", one, "--json"); status != exitAlarm || !strings.Contains(said, `"code": "rewritten"`) {
		t.Errorf("who compares is told: %d %s", status, said)
	}
}

// TestTheSigningProcessNeedsPeople: when the database no longer is what was signed, the process ends with a status of its own; when it can't be
// reached, it goes on.
func TestTheSigningProcessNeedsPeople(t *testing.T) {
	l := newLiar(t)
	folder := t.TempDir()
	dsn, keyFile, state := filepath.Join(folder, "portal.db"), filepath.Join(folder, "key"), filepath.Join(folder, "state")
	if err := os.WriteFile(keyFile, []byte(l.key.Secret()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sign := func(ctx context.Context, more ...string) (int, string) {
		var problems bytes.Buffer
		status := run(ctx, append([]string{"ledger", "sign", "--database", dsn, "--key", keyFile, "--state", state}, more...), strings.NewReader(""), io.Discard, &problems)
		return status, problems.String()
	}

	// Before the tables are there: tried again until they are.
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		status, _ := sign(ctx, "--create", "--every", "20ms")
		ended <- status
	}()
	time.Sleep(100 * time.Millisecond)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	published := func() int64 {
		signed, err := db.LedgerCheckpoint(t.Context())
		if err != nil {
			return -1
		}
		c, err := (ledger.Policy{Origin: liarsLedger, Log: []note.Verifier{l.key.Verifier()}}).Open(signed)
		if err != nil {
			t.Fatal(err)
		}
		return c.Size
	}
	somethingHappens(t, db)
	for deadline := time.Now().Add(20 * time.Second); published() != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("published: %d", published())
		}
	}
	cancel()
	if status := <-ended; status != exitDone {
		t.Errorf("ended by a signal with status %d", status)
	}

	// Whoever takes a leaf away.
	somethingHappens(t, db)
	if status, said := sign(t.Context()); status != exitDone {
		t.Fatal(status, said)
	}
	changed, err := sql.Open("sqlite", "file:"+dsn+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer changed.Close()
	if _, err := changed.Exec(`DELETE FROM ledger_leaves WHERE i = 1`); err != nil {
		t.Fatal(err)
	}
	if status, said := sign(t.Context()); status != exitAlarm || !strings.Contains(said, "leaves were deleted") {
		t.Errorf("%d: %s", status, said)
	}
	if status, said := sign(t.Context(), "--every", "1h"); status != exitAlarm || !strings.Contains(said, `"trouble":"shrunk"`) {
		t.Errorf("%d: %s", status, said)
	}
	if size := published(); size != 2 {
		t.Errorf("%d leaves are published", size)
	}
}
