package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Signer signs the log's checkpoints. It belongs in a process of its own, on a host
// that the web tier can't reach into: with its key a thief could show
// different people different logs.
//
// It believes neither the database nor the web server: it keeps the checkpoint that it
// signed last in a file of its own, computes the tree anew from the leaves that were
// added since, and refuses to sign a tree that is not an extension. So whoever owns the
// database can add false leaves, which everybody then sees, but can't take away or
// change one that was signed.
//
// The file must survive what the key survives. Never put back an older copy, and don't
// start a second signer with a copy: that is the only way in which an honest signer comes to
// sign two trees.
type Signer struct {
	path   string
	keys   []*Key
	policy Policy
	lock   io.Closer

	mutex sync.Mutex
	last  *SignedCheckpoint
}

// CreateSigner makes the file for a log that has never been signed; it begins as the
// empty tree. A file that is there already is left as it is, and refused.
func CreateSigner(path, origin string, keys ...*Key) error {
	policy, err := signerPolicy(origin, keys)
	if err != nil {
		return err
	}
	lock, err := lockPath(path + ".lock")
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: a log begins only once", path)
	}
	first, err := signCheckpoint(Checkpoint{Origin: origin, Root: emptyRoot()}, keys, policy)
	if err != nil {
		return err
	}
	return replaceFile(path, first.raw)
}

// OpenSigner takes up signing where it was left. It refuses when the file is missing
// (that would let somebody begin the log anew), not signed by one of the keys, or
// in use by another process. While the log changes its key, give the old and the new one:
// it signs with both.
func OpenSigner(path, origin string, keys ...*Key) (*Signer, error) {
	policy, err := signerPolicy(origin, keys)
	if err != nil {
		return nil, err
	}
	lock, err := lockPath(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Signer{path: path, keys: keys, policy: policy, lock: lock}
	if s.last, err = readCheckpoint(path, policy); err != nil {
		lock.Close()
		return nil, fmt.Errorf("what was signed last can't be read, so nothing can be signed; put the newest copy of the file back: %w", err)
	}
	return s, nil
}

func signerPolicy(origin string, keys []*Key) (Policy, error) {
	p := Policy{Origin: origin}
	for _, k := range keys {
		if k.use != typeLog {
			return p, fmt.Errorf("%s is the key of a witness; a log needs one of its own", k)
		}
		p.Log = append(p.Log, k.Verifier())
	}
	return p, p.check()
}

// readCheckpoint reads a checkpoint that was kept in a file.
func readCheckpoint(path string, p Policy) (*SignedCheckpoint, error) {
	kept, err := readFile(path, MaxCheckpointSize)
	if err != nil {
		return nil, err
	}
	c, err := p.open(kept)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func signCheckpoint(c Checkpoint, keys []*Key, p Policy) (*SignedCheckpoint, error) {
	signers := make([]note.Signer, len(keys))
	for i, k := range keys {
		signers[i] = k
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return nil, err
	}
	return p.open(signed)
}

// Close lets another process sign.
func (s *Signer) Close() error { return s.lock.Close() }

// Last returns the checkpoint that was signed last.
func (s *Signer) Last() *SignedCheckpoint {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.last
}

// Sign signs the log as it stands now, and returns the checkpoint when it is in the
// signer's file: a crash before it was published loses nothing. When nothing was added it
// returns the last one. When the log is not what it was, the error is an Alarm,
// nothing is signed, and nobody but people can set it right.
func (s *Signer) Sign(ctx context.Context, r Reader) (*SignedCheckpoint, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	size, err := r.LedgerSize(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkSize(size); err != nil {
		return nil, err
	}
	f, err := s.resume(ctx, r, size)
	if err != nil {
		return nil, err
	}
	for f.size < size {
		if err := extend(ctx, r, f, int(min(TileWidth, size-f.size))); err != nil {
			return nil, err
		}
	}
	if size == s.last.Size && sameKeys(s.last.signatures, s.policy.Log) {
		return s.last, nil
	}
	next, err := signCheckpoint(Checkpoint{Origin: s.policy.Origin, Size: size, Root: f.root()}, s.keys, s.policy)
	if err != nil {
		return nil, err
	}
	if err := replaceFile(s.path, next.raw); err != nil {
		return nil, fmt.Errorf("what is signed must be written down first: %w", err)
	}
	s.last = next
	return next, nil
}

func sameKeys(signatures []note.Signature, keys []note.Verifier) bool {
	return !slices.ContainsFunc(keys, func(v note.Verifier) bool {
		return !slices.ContainsFunc(signatures, func(s note.Signature) bool { return signedBy(s, []note.Verifier{v}) })
	})
}

// resume returns the tree that was signed last, as the store has it now.
func (s *Signer) resume(ctx context.Context, r Reader, size int64) (*frontier, error) {
	last := s.last
	if size < last.Size {
		return nil, alarm(Shrunk, "the ledger's tables hold %d leaves, but %d were signed: leaves were deleted, or an older copy of the database was put back. Nothing was signed; restore the missing leaves", size, last.Size).between(last.raw, nil)
	}
	f, err := loadFrontier(ctx, r, last.Size)
	if err != nil {
		return nil, err
	}
	if f.root() != last.Root {
		return nil, alarm(Rewritten, "the tree in the ledger's tables is no longer the one that was signed at %d leaves: somebody has changed them. Nothing was signed; restore them from a copy that agrees with the signed checkpoint", last.Size).between(last.raw, nil)
	}
	return f, nil
}

// extend lets f grow by the next n leaves of the store, and refuses when the hashes that
// are stored for them are others than the leaves make.
func extend(ctx context.Context, r Reader, f *frontier, n int) error {
	first := f.size
	leaves, err := r.LedgerLeaves(ctx, first, n)
	if err != nil {
		return err
	}
	if len(leaves) != n {
		return fmt.Errorf("the store returned %d of %d leaves from number %d on; nothing was signed", len(leaves), n, first)
	}
	var made []tlog.Hash
	for i, l := range leaves {
		if len(l) > MaxLeafSize {
			return fmt.Errorf("leaf %d is longer than a leaf may be; nothing was signed", first+int64(i))
		}
		made = f.add(made, tlog.RecordHash(l))
	}
	indexes := make([]int64, len(made))
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, first) + int64(i)
	}
	stored, err := storedHashes{ctx, r}.ReadHashes(indexes)
	if err != nil {
		return err
	}
	if !slices.Equal(made, stored) {
		return alarm(Altered, "the hashes in the ledger's tables are not those of the leaves %d to %d: one or the other was changed. Nothing was signed", first, f.size-1)
	}
	return nil
}
