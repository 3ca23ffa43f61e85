package ledger

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// docs/ledger.md shows a real log of ten leaves, which lies in docs/example-ledger. This test holds them, the page and the
// code together, and runs the page's commands.

var update = flag.Bool("update", false, "make the example of docs/ledger.md anew")

const (
	ledgerPage    = "../../docs/ledger.md"
	exampleFolder = "../../docs/example-ledger"
)

var (
	shownFile = regexp.MustCompile("(?s)(<!-- example-ledger/([a-z.-]+) -->\n```[a-z]*\n)(.*?)(```\n)")
	commands  = regexp.MustCompile("(?s)\n```sh\n(.*?)```\n")
)

func TestLedgerPage(t *testing.T) {
	if *update {
		makeExample(t)
	}
	page := string(readExample(t, "../ledger.md"))
	shown := map[string]bool{}
	for _, match := range shownFile.FindAllStringSubmatch(page, -1) {
		shown[match[2]] = true
		if match[3] != string(readExample(t, match[2])) {
			t.Errorf("the page shows another %s than the file: run go test ./portal/ledger -run TestLedgerPage -update", match[2])
		}
	}
	for _, name := range []string{"public-leaf.txt", "private-leaf.txt", "opening.txt", "checkpoint", "receipt.tlog-proof", "request.txt", "log.vkey", "witness.vkey"} {
		if !shown[name] {
			t.Errorf("the page doesn't show %s", name)
		}
	}
	for _, e := range everyKind(t) {
		if !strings.Contains(page, "`"+string(e.Kind)+"`") {
			t.Errorf("the page doesn't tell of %s", e.Kind)
		}
	}
	if *update {
		return
	}

	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(exampleFolder)); err != nil {
		t.Fatal(err)
	}
	blocks := commands.FindAllStringSubmatch(page, -1)
	if len(blocks) < 3 {
		t.Errorf("the page has only %d blocks of commands", len(blocks))
	}
	for _, block := range blocks {
		cmd := exec.Command("sh", "-eu", "-c", block[1])
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s\n%v\n%s", block[1], err, out)
		}
	}
}

// The example can be followed like any log, and its proof holds.
func TestExampleOfTheLedgerPage(t *testing.T) {
	key, err := ParseLogVerifier(strings.TrimSpace(string(readExample(t, "log.vkey"))))
	if err != nil {
		t.Fatal(err)
	}
	witness, err := ParseWitnessVerifier(strings.TrimSpace(string(readExample(t, "witness.vkey"))))
	if err != nil {
		t.Fatal(err)
	}
	policy := Policy{Origin: origin, Log: []note.Verifier{key}, Witnesses: []note.Verifier{witness}, Quorum: 1}
	f := Follower{Policy: policy, Fetch: func(_ context.Context, path string) ([]byte, error) {
		return os.ReadFile(filepath.Join(exampleFolder, filepath.FromSlash(path)))
	}}
	followed, err := f.Follow(t.Context())
	if err != nil || followed.Checked != 10 {
		t.Fatalf("%+v, %v", followed, err)
	}
	public, err := ParseLeaf(readExample(t, "public-leaf.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Includes(t.Context(), followed.Now, 2, public); err != nil {
		t.Error(err)
	}
	private, err := ParseLeaf(readExample(t, "private-leaf.txt"))
	if err != nil {
		t.Fatal(err)
	}
	opening, err := ParseOpening(readExample(t, "opening.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := private.Reveal(opening); err != nil {
		t.Error(err)
	}
	proof, err := ParseProof(readExample(t, "receipt.tlog-proof"))
	if err != nil {
		t.Fatal(err)
	}
	if in, err := policy.VerifyProof(proof, &private); err != nil || in.Event == nil || in.Event.Kind != NoticeAcknowledged {
		t.Errorf("%+v, %v", in, err)
	}
	if q, err := ParseRequest(readExample(t, "request.txt")); err != nil || q.Old != 4 {
		t.Errorf("%+v, %v", q, err)
	}
}

func readExample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(exampleFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// makeExample writes the files, and the page's copies of them.
func makeExample(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(exampleFolder); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	i := newInstitution(t)
	events := everyKind(t)
	var leaves []Leaf
	for _, n := range []int{3, 5, 0, 10, 6, 7, 8, 9} { // certificate, client, statement, issue, dispatch, delivery, opened, acknowledged
		if !events[n].Kind.Private() {
			l, err := PublicLeaf(events[n])
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, l)
			continue
		}
		l, o, err := Commit(events[n])
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, l)
		files["private-leaf.txt"], files["opening.txt"] = l.Bytes(), o.Bytes() // the last one stays: the acknowledgement
	}
	files["public-leaf.txt"] = leaves[2].Bytes()
	leaves = append(leaves, NewDecoy(), NewDecoy())
	i.publish(t, leaves[:4]...)
	c := i.publish(t, leaves[4:]...)
	files["request.txt"] = i.request(t, 4, c)

	witness, err := NewWitnessKey("witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	witness.now = func() time.Time { return noon.Add(5 * time.Minute) }
	signed, err := note.Sign(&note.Note{Text: c.Text()}, witness)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.Cosigned(signed[len(c.Text())+1:], witness.Verifier()); err != nil {
		t.Fatal(err)
	}
	proof, err := NewProof(t.Context(), i, 7, c, files["opening.txt"])
	if err != nil {
		t.Fatal(err)
	}
	files["receipt.tlog-proof"] = proof.Bytes()
	files[CheckpointPath] = c.Bytes()
	files["log.vkey"] = []byte(i.key.VerifierKey() + "\n")
	files["witness.vkey"] = []byte(witness.VerifierKey() + "\n")
	for _, r := range Resources(0, c.Size) {
		if files[r.Path()], err = i.fetch(t.Context(), r.Path()); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files {
		path := filepath.Join(exampleFolder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(ledgerPage)
	if err != nil {
		t.Fatal(err)
	}
	page = shownFile.ReplaceAllFunc(page, func(block []byte) []byte {
		match := shownFile.FindSubmatch(block)
		return []byte(string(match[1]) + string(files[string(match[2])]) + string(match[4]))
	})
	if err := os.WriteFile(ledgerPage, page, 0o644); err != nil {
		t.Fatal(err)
	}
}
