package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// bystander is a witness of the institution's log.
type bystander struct {
	*Witness
	folder string
	key    *Key
}

func newBystander(t testing.TB, i *institution) *bystander {
	t.Helper()
	key, err := NewWitnessKey("witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	b := &bystander{folder: t.TempDir(), key: key}
	if err := CreateWitness(b.folder, key); err != nil {
		t.Fatal(err)
	}
	b.open(t, i)
	t.Cleanup(func() { b.Close() })
	return b
}

func (b *bystander) open(t testing.TB, i *institution) {
	t.Helper()
	var err error
	if b.Witness, err = OpenWitness(b.folder, b.key, i.policy); err != nil {
		t.Fatal(err)
	}
}

// request returns a body that asks to cosign c, with a proof from old on.
func (i *institution) request(t testing.TB, old int64, c *SignedCheckpoint) []byte {
	t.Helper()
	proof, err := ConsistencyProof(t.Context(), i, old, c.Size)
	if err != nil {
		t.Fatal(err)
	}
	return (&Request{Old: old, Proof: proof, Checkpoint: c.Bytes()}).Bytes()
}

func wantRefusal(t testing.TB, err error, status int, size int64) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Status != status || r.Size != size || r.Text == "" {
		t.Fatalf("wanted status %d (size %d), got %+v", status, size, err)
	}
}

func TestAWitnessCosignsALogThatGrows(t *testing.T) {
	i := newInstitution(t)
	b := newBystander(t, i)
	policy := i.policy
	policy.Witnesses, policy.Quorum = []note.Verifier{b.key.Verifier()}, 1
	var old int64
	for n, added := range []int{0, 5, 0, 250, 1} { // an empty log and an unchanged one, too
		c := i.publish(t, statements(t, int(old), added)...)
		line, err := b.AddCheckpoint(i.request(t, old, c))
		if err != nil {
			t.Fatalf("visit %d: %v", n, err)
		}
		cosigned, err := c.Cosigned(line, b.key.Verifier())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Open(cosigned.Bytes()); err != nil {
			t.Fatal(err)
		}
		if latest, err := b.Latest(originHash(origin)); err != nil || !bytes.Equal(latest, cosigned.Bytes()) {
			t.Fatalf("the witness shows\n%s%v", latest, err)
		}
		old = c.Size
		b.Close()
		b.open(t, i) // what it cosigned outlives it
	}
}

func TestWhatAWitnessRefuses(t *testing.T) {
	i := newInstitution(t)
	b := newBystander(t, i)
	early := i.publish(t, statements(t, 0, 10)...)
	c := i.publish(t, statements(t, 10, 10)...)
	if _, err := b.AddCheckpoint(i.request(t, 0, c)); err != nil {
		t.Fatal(err)
	}
	before, err := b.Latest(originHash(origin))
	if err != nil {
		t.Fatal(err)
	}
	next := i.publish(t, statements(t, 20, 13)...)
	good := i.request(t, 20, next)
	swap := func(old, new string) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	proofLine := strings.Split(string(good), "\n")[1]
	another := tlog.RecordHash([]byte("another")).String()

	// 400: not a request, or one that makes no sense.
	for name, body := range map[string][]byte{
		"empty": nil, "no old": swap("old 20\n", ""), "old with a zero": swap("old 20", "old 020"), "old negative": swap("old 20", "old -1"),
		"a line that is no hash": swap(proofLine, "nonsense"), "too many lines": swap("old 20\n", "old 20\n"+strings.Repeat(another+"\n", 64)),
		"old above the checkpoint": swap("old 20", "old 34"), "huge": bytes.Repeat([]byte("a"), MaxRequestSize+1),
		"checkpoint cut off": good[:len(good)-5], "CR LF": bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.AddCheckpoint(body)
			wantRefusal(t, err, 400, 0)
		})
	}

	// 404: an unknown log. 403: no signature of the log, or a false one.
	_, err = b.AddCheckpoint(swap(origin+"\n", "other.example/ledger\n"))
	wantRefusal(t, err, 404, 0)
	_, err = b.AddCheckpoint(swap("\n33\n", "\n34\n"))
	wantRefusal(t, err, 403, 0)
	stranger, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := note.Sign(&note.Note{Text: next.Text()}, stranger)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.AddCheckpoint((&Request{Old: 20, Checkpoint: forged}).Bytes())
	wantRefusal(t, err, 403, 0)

	// 409: another size than it knows, in either direction.
	_, err = b.AddCheckpoint(i.request(t, 0, next))
	wantRefusal(t, err, 409, 20)
	_, err = b.AddCheckpoint(i.request(t, 10, next))
	wantRefusal(t, err, 409, 20)
	_, err = b.AddCheckpoint(i.request(t, 10, early))
	wantRefusal(t, err, 409, 20)

	// 422: a proof that doesn't hold, or none.
	_, err = b.AddCheckpoint(swap(proofLine, another))
	wantRefusal(t, err, 422, 0)
	_, err = b.AddCheckpoint(swap(proofLine+"\n", ""))
	wantRefusal(t, err, 422, 0)
	_, err = b.AddCheckpoint(swap("old 20\n", "old 20\n"+another+"\n"))
	wantRefusal(t, err, 422, 0)

	// 422: the key of the log signs another tree, of the same size or larger.
	liar := newInstitution(t)
	liar.key, liar.policy = i.key, i.policy
	liar.append(t, statements(t, 1, 20)...)
	_, err = b.AddCheckpoint(liar.request(t, 20, liar.lie(t)))
	wantRefusal(t, err, 422, 0)
	liar.append(t, statements(t, 30, 20)...)
	_, err = b.AddCheckpoint(liar.request(t, 20, liar.lie(t)))
	wantRefusal(t, err, 422, 0)
	wrongEmpty, err := note.Sign(&note.Note{Text: Checkpoint{Origin: origin}.Text()}, i.key)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.AddCheckpoint((&Request{Checkpoint: wrongEmpty}).Bytes())
	wantRefusal(t, err, 422, 0)

	if after, err := b.Latest(originHash(origin)); err != nil || !bytes.Equal(after, before) {
		t.Errorf("what was refused changed what the witness keeps: %v", err)
	}
	if _, err := b.AddCheckpoint(good); err != nil {
		t.Errorf("after all this, an honest request is refused: %v", err)
	}
	_, err = b.Latest(originHash("other.example/ledger"))
	wantRefusal(t, err, 404, 0)
}

// However requests overlap, no two trees of one size are cosigned, and the size never goes back.
func TestAWitnessAskedByManyAtOnce(t *testing.T) {
	honest, liar := newInstitution(t), newInstitution(t)
	liar.key, liar.policy = honest.key, honest.policy
	b := newBystander(t, honest)
	if _, err := b.AddCheckpoint(honest.request(t, 0, honest.publish(t, statements(t, 0, 10)...))); err != nil {
		t.Fatal(err)
	}
	var bodies [][]byte
	liar.append(t, statements(t, 0, 10)...)
	for n := range 10 {
		bodies = append(bodies, honest.request(t, 10, honest.publish(t, statement(t, 10+n))))
		liar.append(t, statement(t, 100+n))
		bodies = append(bodies, liar.request(t, 10, liar.lie(t)))
	}
	var group sync.WaitGroup
	cosigned := make([]bool, len(bodies))
	for n, body := range bodies {
		group.Go(func() {
			_, err := b.AddCheckpoint(body)
			cosigned[n] = err == nil
			var refusal *Refusal
			if err != nil && !errors.As(err, &refusal) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	count := 0
	for _, yes := range cosigned {
		if yes {
			count++
		}
	}
	if count != 1 { // all asked from the same size on
		t.Errorf("%d of the requests were cosigned", count)
	}
}

func TestAWitnessesFolder(t *testing.T) {
	i := newInstitution(t)
	b := newBystander(t, i)
	if _, err := OpenWitness(b.folder, b.key, i.policy); err == nil {
		t.Error("two witnesses work in one folder")
	}
	if err := CreateWitness(b.folder, b.key); err == nil {
		t.Error("a witness began anew")
	}
	b.Close()
	if _, err := OpenWitness(t.TempDir(), b.key, i.policy); err == nil {
		t.Error("a witness works without what it has cosigned")
	}
	other, err := NewWitnessKey("witness.example/w2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWitness(b.folder, other, i.policy); err == nil {
		t.Error("a witness works in another's folder")
	}
	if err := CreateWitness(t.TempDir(), i.key); err == nil {
		t.Error("a log's key witnesses")
	}
	if _, err := OpenWitness(b.folder, b.key, i.policy, i.policy); err == nil {
		t.Error("a log is witnessed twice")
	}
	b.open(t, i)
	c := i.publish(t, statement(t, 1))
	if _, err := b.AddCheckpoint(i.request(t, 0, c)); err != nil {
		t.Fatal(err)
	}
	// A damaged file is no reason to begin anew.
	if err := os.WriteFile(filepath.Join(b.folder, originHash(origin)+".checkpoint"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = b.AddCheckpoint(i.request(t, 0, c))
	var refusal *Refusal
	if err == nil || errors.As(err, &refusal) {
		t.Errorf("with a damaged file: %v", err)
	}
}

func FuzzParseRequest(f *testing.F) {
	i := newInstitution(f)
	i.publish(f, statements(f, 0, 3)...)
	f.Add(i.request(f, 2, i.publish(f, statements(f, 3, 5)...)))
	f.Add(fmt.Appendf(nil, "old 0\n\n%s", i.published.Bytes()))
	f.Fuzz(func(t *testing.T, body []byte) {
		if q, err := ParseRequest(body); err == nil && !bytes.Equal(q.Bytes(), body) {
			t.Errorf("%q and %q are the same", body, q.Bytes())
		}
	})
}
