package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestSigningAGrowingLog(t *testing.T) {
	i := newInstitution(t)
	for n := range 5 {
		before := i.published
		c := i.publish(t, statements(t, 200*n, 200)...)
		if c.Size != int64(200*(n+1)) {
			t.Fatalf("signed %d leaves", c.Size)
		}
		if root, err := Root(t.Context(), i, c.Size); err != nil || root != c.Root {
			t.Fatalf("signed another root: %v", err)
		}
		proof, err := ConsistencyProof(t.Context(), i, before.Size, c.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkConsistency(proof, before.tree(), c.tree()); err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(i.state)
		if err != nil || !bytes.Equal(kept, c.Bytes()) {
			t.Fatalf("what was signed isn't in the signer's file: %v", err)
		}
	}
	if again := i.publish(t); again != i.signer.Last() || again.Size != 1000 {
		t.Error("nothing was added, yet something was signed")
	}
}

// A signer doesn't believe the database.
func TestSignerRefusesALogThatIsNotAnExtension(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func(t *testing.T, i *institution)
		want   Trouble
	}{
		"leaves deleted": {func(t *testing.T, i *institution) {
			i.rewrite(t, statements(t, 0, 290)...)
		}, Shrunk},
		"a leaf changed, the tree computed anew": {func(t *testing.T, i *institution) {
			leaves := statements(t, 0, 320)
			leaves[17] = statement(t, 9999)
			i.rewrite(t, leaves...)
		}, Rewritten},
		"as many leaves, others": {func(t *testing.T, i *institution) {
			i.rewrite(t, statements(t, 1, 300)...)
		}, Rewritten},
		"a new leaf changed after its hash was stored": {func(t *testing.T, i *institution) {
			i.append(t, statements(t, 300, 20)...)
			i.exec(t, `UPDATE leaves SET leaf = $1 WHERE i = 310`, statement(t, 9999).Bytes())
		}, Altered},
		"a new hash changed": {func(t *testing.T, i *institution) {
			i.append(t, statements(t, 300, 20)...)
			i.exec(t, `UPDATE hashes SET hash = zeroblob(32) WHERE i = $1`, tlog.StoredHashIndex(0, 310))
		}, Altered},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstitution(t)
			i.publish(t, statements(t, 0, 300)...)
			c.tamper(t, i)
			before, err := os.ReadFile(i.state)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // and again after a restart
				_, err := i.signer.Sign(t.Context(), i)
				wantAlarm(t, err, c.want)
				i.signer.Close()
				if i.signer, err = OpenSigner(i.state, origin, i.key); err != nil {
					t.Fatal(err)
				}
			}
			if after, err := os.ReadFile(i.state); err != nil || !bytes.Equal(after, before) {
				t.Errorf("the signer's file was changed: %v", err)
			}
		})
	}
	t.Run("leaves missing in the middle", func(t *testing.T) {
		i := newInstitution(t)
		i.publish(t, statements(t, 0, 10)...)
		i.append(t, statements(t, 10, 10)...)
		i.exec(t, `DELETE FROM leaves WHERE i = 15`)
		if _, err := i.signer.Sign(t.Context(), i); err == nil {
			t.Error("a log with a hole was signed")
		}
	})
}

// A signature that wasn't written down must not get out: after a crash, the signer wouldn't know of it.
func TestNothingIsSignedThatCannotBeWrittenDown(t *testing.T) {
	i := newInstitution(t)
	before := i.publish(t, statement(t, 1))
	i.append(t, statement(t, 2))
	folder := filepath.Dir(i.state)
	if err := os.Rename(folder, folder+"-gone"); err != nil {
		t.Fatal(err)
	}
	if c, err := i.signer.Sign(t.Context(), i); err == nil {
		t.Errorf("%d leaves were signed, and no file tells of it", c.Size)
	}
	if i.signer.Last() != before {
		t.Error("the signer takes for signed what it couldn't write down")
	}
	if err := os.Rename(folder+"-gone", folder); err != nil {
		t.Fatal(err)
	}
	if c := i.publish(t); c.Size != 2 {
		t.Errorf("afterwards %d leaves are signed", c.Size)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 2 { // the file and its lock
		t.Errorf("the signer left behind %v, %v", left, err)
	}
}

func TestSignerBeginsALogOnlyOnce(t *testing.T) {
	i := newInstitution(t)
	i.publish(t, statement(t, 1))
	if _, err := OpenSigner(i.state, origin, i.key); err == nil {
		t.Error("two signers work at once")
	}
	i.signer.Close()
	if err := CreateSigner(i.state, origin, i.key); err == nil {
		t.Error("the log began anew")
	}
	if _, err := OpenSigner(filepath.Join(t.TempDir(), "signer"), origin, i.key); err == nil {
		t.Error("a signer without its file works")
	}
	other, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSigner(i.state, origin, other); err == nil {
		t.Error("a signer works with what another key signed")
	}
	if _, err := OpenSigner(i.state, "other.example/ledger", i.key); err == nil {
		t.Error("a signer works with the file of another log")
	}
	witness, err := NewWitnessKey("witness.example")
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateSigner(filepath.Join(t.TempDir(), "signer"), origin, witness); err == nil {
		t.Error("a witness's key signs a log")
	}
	if err := os.WriteFile(i.state, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSigner(i.state, origin, i.key); err == nil {
		t.Error("a signer works with a damaged file")
	}
}

func TestChangingTheLogsKey(t *testing.T) {
	i := newInstitution(t)
	i.publish(t, statement(t, 1))
	i.signer.Close()
	next, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	announcement, err := PublicLeaf(Event{Kind: CheckpointKey, Key: next.VerifierKey(), At: noon})
	if err != nil {
		t.Fatal(err)
	}
	both, err := OpenSigner(i.state, origin, i.key, next)
	if err != nil {
		t.Fatal(err)
	}
	i.signer = both
	// Even when nothing was added, the new key signs.
	c := i.publish(t)
	newPolicy := Policy{Origin: origin, Log: []note.Verifier{next.Verifier()}}
	for _, p := range []Policy{i.policy, newPolicy} {
		if _, err := p.Open(c.Bytes()); err != nil {
			t.Errorf("during the change: %v", err)
		}
	}
	i.publish(t, announcement)
	both.Close()
	if i.signer, err = OpenSigner(i.state, origin, next); err != nil {
		t.Fatal(err)
	}
	c = i.publish(t, statement(t, 2))
	if _, err := newPolicy.Open(c.Bytes()); err != nil {
		t.Errorf("after the change: %v", err)
	}
	_, err = i.policy.Open(c.Bytes())
	wantAlarm(t, err, WrongKey)
}
