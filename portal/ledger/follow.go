package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Follower watches a log from outside: a reader, an auditor, a journalist, another
// institution. It needs only the static files of the log, from the portal or any mirror.
type Follower struct {
	// Policy says whom to believe.
	Policy Policy
	// Fetch returns one of the log's files: CheckpointPath (at most MaxCheckpointSize
	// bytes) or the path of a Resource (at most MaxResourceSize). It should read no
	// more than that, and never answer the checkpoint out of a cache.
	Fetch func(ctx context.Context, path string) ([]byte, error)
	// State is the file that keeps the last checkpoint that was seen; without it, a log
	// that is rewritten between two visits goes unnoticed. It is made when it isn't there.
	State string
	// All checks every leaf again, not only those that came since.
	All bool
	// Each is called, unless nil, with every leaf that was checked, once it was, in order.
	// What it returns ends the following. A leaf may be of a kind that ParseLeaf doesn't
	// know yet.
	Each func(index int64, leaf []byte) error
}

// ErrNotYet is what a Fetch returns that can't fetch by itself, and will be asked again once somebody has: the browser's.
var ErrNotYet = errors.New("it has not been fetched yet")

// Followed is what following a log came to. It exists only when all was well.
type Followed struct {
	Before  *SignedCheckpoint // seen last time; nil the first time
	Now     *SignedCheckpoint
	Checked int64 // leaves
}

// Follow fetches the newest checkpoint, verifies its signatures, that the log only grew
// since the checkpoint seen last, and that the leaves are those that were signed. Only
// then it is kept as the last one. An Alarm says what is wrong with the log; any
// other error, that it could not be looked at.
func (f *Follower) Follow(ctx context.Context) (*Followed, error) {
	before, err := f.before()
	if err != nil {
		return nil, err
	}
	signed, err := f.Fetch(ctx, CheckpointPath)
	if err != nil {
		return nil, fmt.Errorf("the checkpoint of %s can't be fetched: %w", f.Policy.Origin, err)
	}
	now, err := f.Policy.Open(signed)
	if err != nil {
		return nil, err
	}
	tiles := f.tilesOf(ctx, now)
	followed := &Followed{Before: before, Now: now}
	var first int64
	if before != nil {
		if err := tiles.compare(before, "when you looked last"); err != nil {
			return nil, err
		}
		if !f.All {
			first = before.Size
		}
	}
	if err := f.checkLeaves(tiles, first); err != nil {
		return nil, err
	}
	followed.Checked = now.Size - first
	if f.State != "" {
		if err := replaceFile(f.State, now.raw); err != nil {
			return nil, fmt.Errorf("the checkpoint can't be kept for the next time: %w", err)
		}
	}
	return followed, nil
}

// before returns the checkpoint that was seen last, nil when there is none.
func (f *Follower) before() (*SignedCheckpoint, error) {
	if err := f.Policy.check(); err != nil {
		return nil, err
	}
	if f.State == "" {
		return nil, nil
	}
	c, err := readCheckpoint(f.State, f.Policy)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the file with the checkpoint seen last can't be used. If the log has changed its key since, give the old one, too; if you remove the file, you begin anew, and a log rewritten since is not noticed: %w", err)
	}
	return c, nil
}

// Compare says whether another checkpoint of the same log, from a proof, a witness or
// another reader, belongs to the log as now shows it; if not, an Alarm holds both.
func (f *Follower) Compare(ctx context.Context, now, other *SignedCheckpoint) error {
	if other.Size > now.Size {
		now, other = other, now
	}
	tiles := f.tilesOf(ctx, now)
	return tiles.compare(other, "in another checkpoint that you have")
}

// Includes verifies that a leaf is the one with this index in the log, as now shows it.
func (f *Follower) Includes(ctx context.Context, now *SignedCheckpoint, index int64, leaf Leaf) (*Included, error) {
	if index < 0 || index >= now.Size {
		return nil, alarm(Missing, "the log %s has %d leaves; there is no leaf %d among them", now.Origin, now.Size, index)
	}
	tiles := f.tilesOf(ctx, now)
	hashes, err := tiles.read([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return nil, err
	}
	if leaf.text == "" || hashes[0] != leaf.Hash() {
		return nil, alarm(Missing, "leaf %d of the log %s is another than the one that you have", index, now.Origin).between(nil, now.raw)
	}
	return &Included{Leaf: leaf, Event: leaf.Public(), Index: index, Checkpoint: now}, nil
}

// Leaves verifies the leaves from first on against a checkpoint, and calls Each with every one.
func (f *Follower) Leaves(ctx context.Context, now *SignedCheckpoint, first int64) error {
	if first < 0 {
		return fmt.Errorf("there is no leaf %d", first)
	}
	return f.checkLeaves(f.tilesOf(ctx, now), first)
}

// checkLeaves fetches the leaves from first on and compares them with what was signed.
func (f *Follower) checkLeaves(t *tiles, first int64) error {
	for first < t.now.Size {
		r := Resource{Entries: true, Index: first / TileWidth}
		r.Width = r.widthAt(t.now.Size)
		bundle, err := t.bundle(r)
		if err != nil {
			return err
		}
		start := r.Index * TileWidth
		indexes := make([]int64, r.Width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, start+int64(i))
		}
		hashes, err := t.read(indexes)
		if err != nil {
			return err
		}
		for i, leaf := range bundle {
			index := start + int64(i)
			if tlog.RecordHash(leaf) != hashes[i] {
				return alarm(Altered, "leaf %d was changed: what is served for it isn't what the log %s signed. Whoever serves the log, or has broken in there, is lying", index, t.now.Origin).between(nil, t.now.raw)
			}
			if f.Each != nil && index >= first {
				if err := f.Each(index, leaf); err != nil {
					return err
				}
			}
		}
		first = start + int64(r.Width)
	}
	return nil
}

// tiles reads the tree of one checkpoint; whatever it returns was verified against it. It
// is a tlog.TileReader.
type tiles struct {
	ctx    context.Context
	fetch  func(ctx context.Context, path string) ([]byte, error)
	now    *SignedCheckpoint
	kept   map[tlog.Tile][]byte // verified ones that are needed again and again
	failed error                // of fetch
}

func (f *Follower) tilesOf(ctx context.Context, now *SignedCheckpoint) *tiles {
	return &tiles{ctx: ctx, fetch: f.Fetch, now: now, kept: map[tlog.Tile][]byte{}}
}

// read returns hashes of the tree by their stored index.
func (t *tiles) read(indexes []int64) ([]tlog.Hash, error) {
	hashes, err := tlog.TileHashReader(t.now.tree(), t).ReadHashes(indexes)
	switch {
	case t.failed != nil:
		return nil, t.failed
	case err != nil:
		return nil, alarm(Altered, "the hashes that are served don't make up the tree that the log %s signed at %d leaves: whoever serves them has changed them, or they were damaged on the way (%v)", t.now.Origin, t.now.Size, err).between(nil, t.now.raw)
	}
	return hashes, nil
}

// compare says whether the tree begins with that of an earlier checkpoint; seen says, for
// messages, when or where that was.
func (t *tiles) compare(before *SignedCheckpoint, seen string) error {
	now := t.now
	switch {
	case before.Origin != now.Origin:
		return alarm(WrongOrigin, "these are checkpoints of two logs, %q and %q", before.Origin, now.Origin)
	case now.Size < before.Size:
		return alarm(Shrunk, "the log %s has shrunk: it had %d leaves %s, and signed that; now it shows %d. Either an old copy is served, or leaves were taken away. Look again later, from another place; if it stays so, keep both checkpoints: they prove it", now.Origin, before.Size, seen, now.Size).between(before.raw, now.raw)
	case now.Size == before.Size && now.Root != before.Root:
		return alarm(Forked, "there are two different logs %s with %d leaves, and both are signed: others were shown something else than you. Keep both checkpoints: they prove it", now.Origin, now.Size).between(before.raw, now.raw)
	case now.Size == before.Size || before.Size == 0:
		return nil
	}
	hashes, err := t.read(peakIndexes(before.Size))
	if err != nil {
		return err
	}
	if root := (&frontier{before.Size, hashes}).root(); root != before.Root {
		return alarm(Rewritten, "the log %s was rewritten: its first %d leaves are not those that it had signed %s. Something was changed, removed or slipped in afterwards. Keep both checkpoints: they prove it", now.Origin, before.Size, seen).between(before.raw, now.raw)
	}
	return nil
}

// bundle fetches leaves.
func (t *tiles) bundle(r Resource) ([][]byte, error) {
	data, whole, err := t.get(r)
	if err != nil {
		return nil, err
	}
	leaves, err := ParseBundle(data, whole)
	if err != nil {
		return nil, alarm(Altered, "%s: %v; what is served isn't what the log %s signed", r.Path(), err, t.now.Origin).between(nil, t.now.raw)
	}
	return leaves[:r.Width], nil
}

// get fetches a resource. In place of a partial one, the full one will do when the log has
// grown on and keeps only that; width says which it is.
func (t *tiles) get(r Resource) (data []byte, width int, err error) {
	data, err = t.fetch(t.ctx, r.Path())
	if err == nil || r.Width == TileWidth || errors.Is(err, ErrNotYet) {
		return data, r.Width, wrapFetch(r, err)
	}
	full := r
	full.Width = TileWidth
	if data, err := t.fetch(t.ctx, full.Path()); err == nil {
		return data, TileWidth, nil
	}
	return nil, 0, wrapFetch(r, err)
}

func wrapFetch(r Resource, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s of the ledger can't be fetched, so nothing can be said about it: %w", r.Path(), err)
}

// Height implements tlog.TileReader.
func (t *tiles) Height() int { return tileHeight }

// ReadTiles implements tlog.TileReader.
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		if data, ok := t.kept[tile]; ok {
			found[i] = data
			continue
		}
		data, width, err := t.get(resourceOf(tile))
		if err != nil {
			t.failed = err
			return nil, err
		}
		if len(data) != width*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes instead of %d", resourceOf(tile).Path(), len(data), width*tlog.HashSize)
		}
		found[i] = slices.Clip(data[:tile.W*tlog.HashSize])
	}
	return found, nil
}

// SaveTiles implements tlog.TileReader: it gets only what was verified. Full tiles of leaf
// hashes are needed once; the others are few.
func (t *tiles) SaveTiles(verified []tlog.Tile, data [][]byte) {
	for i, tile := range verified {
		if tile.L > 0 || tile.W < TileWidth {
			t.kept[tile] = data[i]
		}
	}
}
