package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxSize is the most leaves of a log that this package reads; numbers above it are
// taken for an attack.
const MaxSize = 1 << 48

// Hashes are kept under the index of tlog.StoredHashIndex: each leaf's hash is
// followed by those of the subtrees that it completes. Nothing that was written is ever
// changed.

// Appender is what Append needs of a transaction of the store.
//
// No two transactions may append at once: each computes the tree's nodes from
// those before, so LockLedger must keep all others waiting until this transaction has
// ended. Where a transaction is alone anyway (SQLite, BEGIN IMMEDIATE) it has only to
// count. The lock is held until the commit is on disk; so events keep an Entry, and
// Sequence appends for many of them.
type Appender interface {
	// LockLedger locks the log until the transaction ends and returns its size.
	LockLedger(ctx context.Context) (size int64, err error)
	// LedgerHashes returns the stored hashes with these indexes, in the same order.
	LedgerHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)
	// AppendLedger writes leaves, whose first has the index size, and hashes, whose
	// first has the stored index tlog.StoredHashIndex(0, size). It must fail when either
	// is there already.
	AppendLedger(ctx context.Context, size int64, leaves [][]byte, hashes []tlog.Hash) error
}

// Reader is what reading the log needs of the store. It sees what was committed.
type Reader interface {
	// LedgerSize returns the number of leaves.
	LedgerSize(ctx context.Context) (int64, error)
	// LedgerHashes returns the stored hashes with these indexes, in the same order.
	LedgerHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)
	// LedgerLeaves returns n leaves from the one with index first on.
	LedgerLeaves(ctx context.Context, first int64, n int) ([][]byte, error)
}

// Append enters leaves at the end of the log, in order, and returns the index of the
// first. They are there when tx commits. Entering many at once costs one reading
// and one writing call, as one does.
func Append(ctx context.Context, tx Appender, leaves ...Leaf) (first int64, err error) {
	if len(leaves) == 0 {
		return 0, errors.New("there is no leaf to enter into the ledger")
	}
	size, err := tx.LockLedger(ctx)
	if err != nil {
		return 0, err
	}
	if size < 0 || size > MaxSize-int64(len(leaves)) {
		return 0, fmt.Errorf("the ledger can't have %d leaves", size)
	}
	f, err := loadFrontier(ctx, tx, size)
	if err != nil {
		return 0, err
	}
	texts := make([][]byte, len(leaves))
	hashes := make([]tlog.Hash, 0, 2*len(leaves)+bits.Len64(uint64(size)))
	for i, l := range leaves {
		if l.text == "" {
			return 0, errors.New("an empty leaf can't be entered into the ledger")
		}
		texts[i] = []byte(l.text)
		hashes = f.add(hashes, l.Hash())
	}
	return size, tx.AppendLedger(ctx, size, texts, hashes)
}

// frontier is all that is needed of a tree to let it grow: the roots of its complete
// subtrees, the largest, leftmost one first, one for each bit of the size.
type frontier struct {
	size  int64
	peaks []tlog.Hash
}

// peakIndexes returns the stored indexes of a frontier's peaks.
func peakIndexes(size int64) []int64 {
	var indexes []int64
	var covered int64
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if size&(1<<level) != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, covered>>level))
			covered += 1 << level
		}
	}
	return indexes
}

func loadFrontier(ctx context.Context, r hashes, size int64) (*frontier, error) {
	f := &frontier{size: size}
	if size == 0 {
		return f, nil
	}
	var err error
	f.peaks, err = storedHashes{ctx, r}.ReadHashes(peakIndexes(size))
	return f, err
}

// add lets the tree grow by one leaf and appends the hashes that are to be stored.
func (f *frontier) add(stored []tlog.Hash, h tlog.Hash) []tlog.Hash {
	stored = append(stored, h)
	for n := f.size; n&1 != 0; n >>= 1 { // each complete subtree of the same height
		last := len(f.peaks) - 1
		h = tlog.NodeHash(f.peaks[last], h)
		f.peaks = f.peaks[:last]
		stored = append(stored, h)
	}
	f.peaks = append(f.peaks, h)
	f.size++
	return stored
}

// root returns the tree's root hash (RFC 6962, section 2.1).
func (f *frontier) root() tlog.Hash {
	if f.size == 0 {
		return emptyRoot()
	}
	last := len(f.peaks) - 1
	h := f.peaks[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(f.peaks[i], h)
	}
	return h
}

// emptyRoot is the root of the tree without leaves.
func emptyRoot() tlog.Hash { return sha256.Sum256(nil) }

// hashes is what both Appender and Reader can.
type hashes interface {
	LedgerHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)
}

// storedHashes is a tlog.HashReader over the store.
type storedHashes struct {
	ctx  context.Context
	from hashes
}

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	found, err := s.from.LedgerHashes(s.ctx, indexes)
	if err == nil && len(found) != len(indexes) {
		err = fmt.Errorf("the store returned %d of %d hashes of the ledger: its tables are damaged", len(found), len(indexes))
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Root returns the root of the tree of the first size leaves.
func Root(ctx context.Context, r Reader, size int64) (tlog.Hash, error) {
	if err := checkSize(size); err != nil {
		return tlog.Hash{}, err
	}
	f, err := loadFrontier(ctx, r, size)
	if err != nil {
		return tlog.Hash{}, err
	}
	return f.root(), nil
}

// InclusionProof returns the proof that the leaf with this index is in the tree of the
// first size leaves (RFC 6962, section 2.1.1).
func InclusionProof(ctx context.Context, r Reader, index, size int64) (tlog.RecordProof, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	if index < 0 || index >= size {
		return nil, fmt.Errorf("leaf %d is not among the first %d", index, size)
	}
	return tlog.ProveRecord(size, index, storedHashes{ctx, r})
}

// ConsistencyProof returns the proof that the tree of the first size leaves begins
// with that of the first old ones (RFC 6962, section 2.1.2). It is empty when old is 0 or
// size, where there is nothing to prove.
func ConsistencyProof(ctx context.Context, r Reader, old, size int64) (tlog.TreeProof, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	switch {
	case old < 0 || old > size:
		return nil, fmt.Errorf("a ledger of %d leaves can't have grown to %d", old, size)
	case old == 0 || old == size:
		return nil, nil
	}
	return tlog.ProveTree(size, old, storedHashes{ctx, r})
}

// checkConsistency returns an error unless the proof shows that tree extends old.
func checkConsistency(proof tlog.TreeProof, old, tree tlog.Tree) error {
	switch {
	case old.N == 0 && old.Hash == emptyRoot() && len(proof) == 0:
		return nil
	case old.N == tree.N && old.Hash == tree.Hash && len(proof) == 0:
		return nil
	case old.N <= 0 || old.N >= tree.N:
		return errors.New("the trees don't extend one another")
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

func checkSize(size int64) error {
	if size < 0 || size > MaxSize {
		return fmt.Errorf("%d is no size of a ledger", size)
	}
	return nil
}
