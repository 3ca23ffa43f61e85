package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/courier"
	"valise/portal/portaltest"
)

// TestACourierWithManyQueued: what it needs of memory doesn't grow with what is queued, nor with what it has sent. The queue is that of some representatives who were reminded very often.
func TestACourierWithManyQueued(t *testing.T) {
	const people = 50
	queued := load(3_000, 100_000)
	path := filepath.Join(t.TempDir(), "portal.db")
	o := openPostOfficeWith(t, path, portaltest.MailSinkOptions{Count: true})
	profiles := make([]crypto.Profile, people) // one mail to each
	for i := range profiles {
		profiles[i] = crypto.ProfilePQ
	}
	o.release(people, profiles...)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO outbox (notice, holder, reminder, mailbox, state, queued_at, due_at, next_at, attempts, reason)
		SELECT notice, holder, i, mailbox, state, queued_at, due_at, next_at, attempts, reason FROM outbox, n`, queued/people-1); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	cmd := exec.Command("valise", o.settings...)
	running := portaltest.Start(t, cmd)
	var early, late int // the most it needs: until two fifths of the mails are sent, but for the first tenth, when its key was opened just now; and after
	for end := began.Add(20 * time.Minute); o.sink.Taken() < queued; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d mails were sent", o.sink.Taken(), queued)
		}
		switch now, sent := residentKiB(t, cmd.Process.Pid), o.sink.Taken(); {
		case sent < queued/10:
		case sent < queued*2/5:
			early = max(early, now)
		default:
			late = max(late, now)
		}
	}
	took := time.Since(began)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		waiting, err := o.Store.Outbox(t.Context(), "", courier.Waiting, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("not all is settled")
		}
	}
	running.Stop()
	if n := o.sink.Taken(); n != queued {
		t.Errorf("%d mails were sent, of %d", n, queued)
	}
	if late > early+early/4+16<<10 {
		t.Errorf("it needed %d MiB at first, and later %d", early>>10, late>>10)
	}
	t.Logf("%d mails, %.0f/s: at most %d MiB at first, later %d MiB", queued, float64(queued)/took.Seconds(), early>>10, late>>10)
}

var resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// residentKiB is what a process has in memory, in KiB.
func residentKiB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := resident.FindSubmatch(status)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}
