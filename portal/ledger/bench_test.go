package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const million = 1_000_000

// manyLeaves fills a log with a million private leaves.
func manyLeaves(enter func(leaves ...Leaf)) {
	const batch = 10_000
	leaves := make([]Leaf, batch)
	for n := range million / batch {
		for i := range leaves {
			var d Digest
			binary.BigEndian.PutUint64(d[:], uint64(n*batch+i+1))
			leaves[i] = privateLeaf(d)
		}
		enter(leaves...)
	}
}

// millionInMemory is filled once for all benchmarks; each works on a copy.
var millionInMemory = sync.OnceValues(func() (m memory, err error) {
	manyLeaves(func(leaves ...Leaf) {
		if _, e := Append(context.Background(), &m, leaves...); e != nil {
			err = e
		}
	})
	return m, err
})

func inMemory(b *testing.B) *memory {
	m, err := millionInMemory()
	if err != nil {
		b.Fatal(err)
	}
	return &memory{slices.Clip(m.leaves), slices.Clip(m.hashes)}
}

// bareHashes returns how long SHA-256 alone takes for a leaf and a node, in nanoseconds, when the machine is least busy.
func bareHashes(leaf []byte) float64 {
	const n = 10_000
	leaf = append([]byte{0}, leaf...)
	var node [1 + 2*tlog.HashSize]byte
	best := time.Hour
	for range 20 {
		start := time.Now()
		for range n {
			h := sha256.Sum256(leaf)
			copy(node[1:], h[:])
			h = sha256.Sum256(node[:])
			copy(node[33:], h[:])
		}
		best = min(best, time.Since(start))
	}
	return float64(best) / n
}

// One leaf and, on average, one node are hashed for each leaf entered: "x-sha256" is the time in terms of that.
func BenchmarkAppendAtAMillionLeaves(b *testing.B) {
	for _, batch := range []int{1, 200} {
		leaves := make([]Leaf, batch)
		for i := range leaves {
			leaves[i] = NewDecoy()
		}
		report := func(b *testing.B) {
			perLeaf := float64(b.Elapsed()) / float64(b.N*batch)
			b.ReportMetric(perLeaf, "ns/leaf")
			b.ReportMetric(perLeaf/bareHashes(leaves[0].Bytes()), "x-sha256")
		}
		name := map[int]string{1: "one by one", 200: "200 at once"}[batch]
		b.Run("the log itself/"+name, func(b *testing.B) {
			m := inMemory(b)
			for b.Loop() {
				if _, err := Append(b.Context(), m, leaves...); err != nil {
					b.Fatal(err)
				}
			}
			report(b)
		})
		// Everything in one transaction: what an event pays on top of its own commit.
		b.Run("in SQLite/"+name, func(b *testing.B) {
			d := inSQLite(b)
			tx, err := d.db.Begin()
			if err != nil {
				b.Fatal(err)
			}
			defer tx.Rollback()
			for b.Loop() {
				if _, err := Append(b.Context(), transaction{tx}, leaves...); err != nil {
					b.Fatal(err)
				}
			}
			report(b)
		})
	}
}

// inSQLite returns a database with a million leaves; whoever changes it rolls back.
func inSQLite(b *testing.B) *database {
	b.Helper()
	d := newDatabase(b)
	manyLeaves(func(leaves ...Leaf) { d.append(b, leaves...) })
	b.ResetTimer()
	return d
}

func BenchmarkProofsAtAMillionLeaves(b *testing.B) {
	// An inclusion proof is verified with a leaf and twenty nodes.
	bare := func() float64 { return bareHashes(make([]byte, 64)) / 2 * 21 }
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/bare(), "x-sha256")
	}
	m := inMemory(b)
	root, err := Root(b.Context(), m, million)
	if err != nil {
		b.Fatal(err)
	}
	oldRoot, err := Root(b.Context(), m, 654_321)
	if err != nil {
		b.Fatal(err)
	}
	tree, old := tlog.Tree{N: million, Hash: root}, tlog.Tree{N: 654_321, Hash: oldRoot}
	d := inSQLite(b)
	for _, from := range []struct {
		name string
		r    Reader
	}{{"the log itself", m}, {"in SQLite", d}} {
		var n int64
		b.Run("inclusion/"+from.name, func(b *testing.B) {
			for b.Loop() {
				n = (n + 7919) % million
				if _, err := InclusionProof(b.Context(), from.r, n, million); err != nil {
					b.Fatal(err)
				}
			}
			report(b)
		})
		b.Run("consistency/"+from.name, func(b *testing.B) {
			for b.Loop() {
				n = (n + 7919) % million
				if _, err := ConsistencyProof(b.Context(), from.r, n+1, million); err != nil {
					b.Fatal(err)
				}
			}
			report(b)
		})
	}
	inclusion, err := InclusionProof(b.Context(), m, 123_456, million)
	if err != nil {
		b.Fatal(err)
	}
	leaf := tlog.RecordHash(m.leaves[123_456])
	b.Run("inclusion/verify", func(b *testing.B) {
		for b.Loop() {
			if err := tlog.CheckRecord(inclusion, million, root, 123_456, leaf); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	consistency, err := ConsistencyProof(b.Context(), m, old.N, million)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("consistency/verify", func(b *testing.B) {
		for b.Loop() {
			if err := checkConsistency(consistency, old, tree); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
}

// The first signature of a log that has a million leaves already, and following it from nothing.
func BenchmarkSignAndFollowAMillionLeaves(b *testing.B) {
	m := inMemory(b)
	key, err := NewLogKey(origin)
	if err != nil {
		b.Fatal(err)
	}
	perLeaf := func(b *testing.B) {
		each := float64(b.Elapsed()) / float64(b.N) / million
		b.ReportMetric(each, "ns/leaf")
		b.ReportMetric(each/bareHashes(m.leaves[0]), "x-sha256")
	}
	var c *SignedCheckpoint
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			path := filepath.Join(b.TempDir(), "signer")
			if err := CreateSigner(path, origin, key); err != nil {
				b.Fatal(err)
			}
			s, err := OpenSigner(path, origin, key)
			if err != nil {
				b.Fatal(err)
			}
			if c, err = s.Sign(b.Context(), m); err != nil {
				b.Fatal(err)
			}
			s.Close()
		}
		perLeaf(b)
	})
	b.Run("follow", func(b *testing.B) {
		f := Follower{
			Policy: Policy{Origin: origin, Log: []note.Verifier{key.Verifier()}},
			Fetch: func(ctx context.Context, path string) ([]byte, error) {
				if path == CheckpointPath {
					return c.Bytes(), nil
				}
				r, err := ParsePath(path)
				if err != nil {
					return nil, err
				}
				return ReadResource(ctx, m, million, r)
			},
		}
		for b.Loop() {
			if _, err := f.Follow(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		perLeaf(b)
	})
}
