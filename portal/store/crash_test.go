package store

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/registry"
)

// dsnOfVictim tells a process of this test that it is the one to be killed, and what it writes to.
const dsnOfVictim = "VALISE_TEST_VICTIM_DSN"

// TestVictim is not a test of its own: TestKilledWhileWriting starts it as a process.
func TestVictim(t *testing.T) {
	dsn := os.Getenv(dsnOfVictim)
	if dsn == "" {
		return
	}
	db, err := Open(t.Context(), dsn)
	must(t, err)
	deliveries := readLines(t, os.Stdin)
	var group sync.WaitGroup
	var out sync.Mutex
	for i := range 8 {
		group.Go(func() {
			for j := i; j < len(deliveries); j += 8 {
				notice, holder, _ := strings.Cut(deliveries[j], " ")
				r, err := crypto.ParseRepresentative(holder)
				if err != nil {
					panic(err)
				}
				if _, _, err := db.RecordAcknowledgement(context.Background(), receipt(crypto.Number(notice), r, "receipt of "+holder)); err != nil {
					panic(err)
				}
				out.Lock()
				fmt.Println("kept " + deliveries[j])
				out.Unlock()
			}
		})
	}
	group.Wait()
	fmt.Println("done")
	select {} // wait for the end
}

func readLines(t *testing.T, from *os.File) (lines []string) {
	t.Helper()
	s := bufio.NewScanner(from)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	must(t, s.Err())
	return lines
}

// A process is killed at a random moment while it keeps receipts. What it has confirmed is there, whole; what it hasn't is there whole, or not at all.
func TestKilledWhileWriting(t *testing.T) {
	for name, dsn := range map[string]string{"SQLite": filepath.Join(t.TempDir(), "portal.db"), "PostgreSQL": portaltest.DurablePostgreSQL(t)} {
		t.Run(name, func(t *testing.T) {
			confirmed, unconfirmed := 0, 0
			for range 6 {
				db, err := Open(t.Context(), dsn)
				must(t, err)
				must(t, db.Migrate(t.Context()))
				var representatives []crypto.Representative
				for range 60 {
					r := newRepresentative()
					issued(t, db, r)
					representatives = append(representatives, r)
				}
				n := delivered(t, db, representatives...)
				var deliveries []string
				_, err = db.writers.Exec(`UPDATE deliveries SET opened_at = 1`)
				must(t, err)
				for _, r := range representatives {
					deliveries = append(deliveries, string(n)+" "+r.String())
				}
				must(t, db.Close())

				said := killWhileWriting(t, dsn, deliveries)

				db, err = Open(t.Context(), dsn)
				must(t, err)
				for _, r := range representatives {
					kept, err := db.Acknowledgement(t.Context(), n, r.Mailbox)
					was := said[string(n)+" "+r.String()]
					switch {
					case err == nil && string(kept.Receipt) != "receipt of "+r.String():
						t.Errorf("kept %q for %s", kept.Receipt, r)
					case was && err != nil:
						t.Errorf("confirmed, and lost: %v", err)
					case was:
						confirmed++
					case portal.KindOf(err) != portal.NotFound && err != nil:
						t.Error(err)
					default:
						unconfirmed++
					}
				}
				must(t, db.Close())
			}
			t.Logf("%d receipts had been confirmed, %d not", confirmed, unconfirmed)
		})
	}
}

// killWhileWriting returns what the process had confirmed when it was killed.
func killWhileWriting(t *testing.T, dsn string, deliveries []string) map[string]bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestVictim$")
	cmd.Env = append(os.Environ(), dsnOfVictim+"="+dsn)
	cmd.Stdin = strings.NewReader(strings.Join(deliveries, "\n"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	said := map[string]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "kept "):
			if len(said) == 0 {
				time.AfterFunc(rand.N(15*time.Millisecond), func() { cmd.Process.Kill() })
			}
			said[strings.TrimPrefix(line, "kept ")] = true
		}
	}
	cmd.Wait() // killed
	return said
}

// A lock that was replaced is not left in the file, for whoever finds the letter with the claim code and an old disk.
func TestReplacedLocksLeaveTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portal.db")
	db, err := Open(t.Context(), path)
	must(t, err)
	must(t, db.Migrate(t.Context()))
	r := newRepresentative()
	byCode, byFirst, byPassphrase := bytes.Repeat([]byte("by the claim code "), 500), bytes.Repeat([]byte("first passphrase "), 500), bytes.Repeat([]byte("second passphrase "), 500)
	record := portal.RepresentativeRecord{
		Representative: r, State: portal.Issued, Profile: crypto.ProfilePQ, Salt: []byte("salt"), Verifier: []byte("verifier"), LockedBundle: byCode,
		Chain: [][]byte{certificate(0)}, IssuedAt: noon,
	}
	must(t, db.Issue(t.Context(), record, []byte("label")))
	n := submit(t, db, r)
	next := claimed(record)
	next.LockedBundle = byFirst
	must(t, db.Claim(t.Context(), next, []registry.HeldEnvelope{{Notice: n, Certificate: fingerprint(1), Suite: crypto.SuitePQ, Data: []byte("rewrapped")}}))
	must(t, db.ChangeLock(t.Context(), r, []byte("salt"), []byte("verifier"), byPassphrase))
	must(t, db.Close())

	file, err := os.ReadFile(path)
	must(t, err)
	for what, there := range map[string]bool{
		string(byCode[:100]): false, string(byFirst[:100]): false, "for " + r.String(): false, // the old envelope
		string(byPassphrase[:100]): true, "rewrapped": true,
	} {
		if bytes.Contains(file, []byte(what)) != there {
			t.Errorf("%.30q…: in the file %t, want %t", what, !there, there)
		}
	}
	if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
		t.Error("the write-ahead log outlives the process", err)
	}
}

// The largest body there may be fits into both databases.
func TestLargeBodies(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db := node()
		r := newRepresentative()
		issued(t, db, r)
		large := bytes.Repeat([]byte{0, 1, 254, 255}, crypto.MaxBodySize/4)
		n := notice(crypto.NewNumber(crypto.KindNotice))
		must(t, db.Submit(t.Context(), n, map[crypto.Suite][]byte{crypto.SuitePQ: large}, envelopes(r), portal.PersonalParts{}, nil))
		got, err := db.Body(t.Context(), n.Number, crypto.SuitePQ)
		must(t, err)
		if !bytes.Equal(got, large) {
			t.Errorf("%d bytes came back, %d were kept", len(got), len(large))
		}
	})
}
