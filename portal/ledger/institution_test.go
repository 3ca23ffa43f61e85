package ledger

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "court.example/ledger"

// institution is a log with all its parts: tables, signer, and the files it serves.
type institution struct {
	*database
	key       *Key
	state     string // the signer's file
	signer    *Signer
	policy    Policy
	published *SignedCheckpoint
	served    map[string][]byte // instead of what is true
}

func newInstitution(t testing.TB) *institution {
	t.Helper()
	key, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	i := &institution{
		database: newDatabase(t), key: key, state: filepath.Join(t.TempDir(), "signer"), served: map[string][]byte{},
		policy: Policy{Origin: origin, Log: []note.Verifier{key.Verifier()}},
	}
	if err := CreateSigner(i.state, origin, key); err != nil {
		t.Fatal(err)
	}
	if i.signer, err = OpenSigner(i.state, origin, key); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.signer.Close() })
	i.published = i.signer.Last()
	return i
}

// publish enters leaves, and signs and publishes a checkpoint.
func (i *institution) publish(t testing.TB, leaves ...Leaf) *SignedCheckpoint {
	t.Helper()
	if len(leaves) > 0 {
		i.append(t, leaves...)
	}
	c, err := i.signer.Sign(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	i.published = c
	return c
}

// lie signs whatever is in the tables with the log's key, as a thief of the key would.
func (i *institution) lie(t testing.TB) *SignedCheckpoint {
	t.Helper()
	size, err := i.LedgerSize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root, err := Root(t.Context(), i, size)
	if err != nil {
		t.Fatal(err)
	}
	c, err := signCheckpoint(Checkpoint{Origin: origin, Size: size, Root: root}, []*Key{i.key}, i.policy)
	if err != nil {
		t.Fatal(err)
	}
	i.published = c
	return c
}

// rewrite puts other leaves into the tables.
func (i *institution) rewrite(t testing.TB, leaves ...Leaf) {
	t.Helper()
	i.empty(t)
	i.append(t, leaves...)
}

// fetch answers as the portal would.
func (i *institution) fetch(ctx context.Context, path string) ([]byte, error) {
	if data, lies := i.served[path]; lies {
		if data == nil {
			return nil, fs.ErrNotExist
		}
		return data, nil
	}
	if path == CheckpointPath {
		return i.published.Bytes(), nil
	}
	r, err := ParsePath(path)
	if err != nil {
		return nil, err
	}
	return ReadResource(ctx, i, i.published.Size, r)
}

func (i *institution) follower(t testing.TB) *Follower {
	return &Follower{Policy: i.policy, Fetch: i.fetch, State: filepath.Join(t.TempDir(), "seen")}
}

// wantAlarm checks that err is an alarm of this trouble, with words.
func wantAlarm(t testing.TB, err error, want Trouble) *Alarm {
	t.Helper()
	var a *Alarm
	if !errors.As(err, &a) || a.Trouble != want {
		t.Fatalf("wanted the alarm %q, got: %v", want, err)
	}
	t.Logf("%s: %v", a.Trouble, a)
	return a
}

// memory is a log without a database, for measuring what the log itself costs.
type memory struct {
	leaves [][]byte
	hashes []tlog.Hash
}

func (m *memory) LedgerSize(context.Context) (int64, error) { return int64(len(m.leaves)), nil }
func (m *memory) LockLedger(context.Context) (int64, error) { return int64(len(m.leaves)), nil }
func (m *memory) LedgerHashes(_ context.Context, indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = m.hashes[index]
	}
	return found, nil
}

func (m *memory) LedgerLeaves(_ context.Context, first int64, n int) ([][]byte, error) {
	return m.leaves[first : first+int64(n)], nil
}

func (m *memory) AppendLedger(_ context.Context, _ int64, leaves [][]byte, hashes []tlog.Hash) error {
	m.leaves, m.hashes = append(m.leaves, leaves...), append(m.hashes, hashes...)
	return nil
}
