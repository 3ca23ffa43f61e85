package courier

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAJournalOnAFullDisk says so once, and keeps nothing that isn't there.
func TestAJournalOnAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var log bytes.Buffer
	j := &journal{secret: []byte("secret"), log: slog.New(slog.NewTextHandler(&log, nil)), file: full, open: map[journalLine]string{}}
	lines := []journalLine{{kind: lineTaken, leased: 1, taken: 2, lease: "A"}, {kind: lineTaken, leased: 3, taken: 4, lease: "B"}}
	for _, l := range lines {
		j.taken(l)
		if j.has(l) {
			t.Error("it has what could not be written")
		}
	}
	j.settled(lines...)
	if n := strings.Count(log.String(), "can't be written"); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, &log)
	}
}

// TestAJournalStaysSmall while there always is something that is not settled, and loses nothing of that.
func TestAJournalStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := openJournal(path, []byte("secret"), slog.New(slog.DiscardHandler))
	first := journalLine{kind: lineTaken, leased: 1, taken: 2, lease: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
	j.taken(first)
	for i := range int64(5000) {
		l := journalLine{kind: lineTaken, leased: i + 10, taken: i + 20, lease: first.lease}
		j.taken(l)
		j.settled(l)
	}
	if j.size > compactJournal+1000 {
		t.Errorf("it has %d bytes", j.size)
	}
	lines, broken, err := j.lines()
	if err != nil || broken > 0 || lines[0] != first {
		t.Errorf("it says %d lines, %d broken, %v; the first one: %v", len(lines), broken, err, lines[0])
	}
	j.settled(first)
	if said, err := os.ReadFile(path); err != nil || len(said) > 0 {
		t.Errorf("all is settled, and it has %d bytes, %v", len(said), err)
	}
	j.close()
}
