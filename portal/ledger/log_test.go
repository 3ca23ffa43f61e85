package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"valise/portal"
)

func TestProofsVerifyAndAnyFlippedBitIsRefused(t *testing.T) {
	d := newDatabase(t)
	rapid.Check(t, func(r *rapid.T) {
		d.empty(t)
		var leaves []Leaf
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 40), 1, 6).Draw(r, "transactions") {
			batch := statements(t, len(leaves), n)
			if first := d.append(t, batch...); first != int64(len(leaves)) {
				r.Fatalf("the batch begins at %d, not at %d", first, len(leaves))
			}
			leaves = append(leaves, batch...)
		}
		ctx := t.Context()
		size := rapid.Int64Range(1, int64(len(leaves))).Draw(r, "size")
		root, err := Root(ctx, d, size)
		if err != nil {
			r.Fatal(err)
		}
		if want, err := tlog.TreeHash(size, storedHashes{ctx, d}); err != nil || want != root {
			r.Fatalf("the root is %v, tlog says %v, %v", root, want, err)
		}

		index := rapid.Int64Range(0, size-1).Draw(r, "index")
		inclusion, err := InclusionProof(ctx, d, index, size)
		if err != nil {
			r.Fatal(err)
		}
		leaf := leaves[index].Hash()
		if err := tlog.CheckRecord(inclusion, size, root, index, leaf); err != nil {
			r.Fatal(err)
		}
		old := rapid.Int64Range(0, size).Draw(r, "old")
		oldRoot, err := Root(ctx, d, old)
		if err != nil {
			r.Fatal(err)
		}
		consistency, err := ConsistencyProof(ctx, d, old, size)
		if err != nil {
			r.Fatal(err)
		}
		check := func() error {
			return checkConsistency(consistency, tlog.Tree{N: old, Hash: oldRoot}, tlog.Tree{N: size, Hash: root})
		}
		if err := check(); err != nil {
			r.Fatal(err)
		}

		bit := rapid.IntRange(0, 8*tlog.HashSize-1).Draw(r, "bit")
		flip := func(what string, h *tlog.Hash, check func() error) {
			h[bit/8] ^= 1 << (bit % 8)
			if check() == nil {
				r.Fatalf("a flipped bit in the %s went unnoticed", what)
			}
			h[bit/8] ^= 1 << (bit % 8)
		}
		included := func() error { return tlog.CheckRecord(inclusion, size, root, index, leaf) }
		flip("root", &root, included)
		flip("leaf", &leaf, included)
		for i := range inclusion {
			flip("inclusion proof", &inclusion[i], included)
		}
		flip("old root", &oldRoot, check)
		if old > 0 {
			flip("new root", &root, check)
		}
		for i := range consistency {
			flip("consistency proof", &consistency[i], check)
		}
	})
}

// What is stored is what tlog would store.
func TestStoredHashesAreThoseOfTlog(t *testing.T) {
	d := newDatabase(t)
	var stored []tlog.Hash
	all := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, i := range indexes {
			found = append(found, stored[i])
		}
		return found, nil
	})
	leaves := statements(t, 0, 300)
	for i, l := range leaves {
		hashes, err := tlog.StoredHashes(int64(i), l.Bytes(), all)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	d.append(t, leaves[0])
	d.append(t, leaves[1:70]...)
	d.append(t, leaves[70:]...)
	indexes := make([]int64, len(stored))
	for i := range indexes {
		indexes[i] = int64(i)
	}
	got, err := d.LedgerHashes(t.Context(), indexes)
	if err != nil || !slices.Equal(got, stored) {
		t.Errorf("other hashes were stored: %v", err)
	}
}

func TestAnEventThatFailedIsNotInTheLog(t *testing.T) {
	d := newDatabase(t)
	d.append(t, statement(t, 0))
	tx, err := d.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Append(t.Context(), transaction{tx}, statement(t, 1)); err != nil {
		t.Fatal(err)
	}
	tx.Rollback()
	if n, err := d.LedgerSize(t.Context()); n != 1 || err != nil {
		t.Errorf("the log has %d leaves, %v", n, err)
	}
	if first := d.append(t, statement(t, 2)); first != 1 {
		t.Errorf("the next leaf is number %d", first)
	}
}

func TestAppendingAtOnceKeepsTheTreeWhole(t *testing.T) {
	d := newDatabase(t)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() { d.append(t, statement(t, i), statement(t, 100+i)) })
	}
	group.Wait()
	f := &frontier{}
	leaves, err := d.LedgerLeaves(t.Context(), 0, 100)
	if err != nil || len(leaves) != 40 {
		t.Fatalf("%d leaves, %v", len(leaves), err)
	}
	for _, l := range leaves {
		f.add(nil, tlog.RecordHash(l))
	}
	if root, err := Root(t.Context(), d, 40); err != nil || root != f.root() {
		t.Errorf("the root is %v, %v; the leaves make %v", root, err, f.root())
	}
}

func TestAppendRefusesWhatIsNoLeaf(t *testing.T) {
	d := newDatabase(t)
	tx, err := d.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := Append(t.Context(), transaction{tx}); err == nil {
		t.Error("nothing was entered")
	}
	if _, err := Append(t.Context(), transaction{tx}, statement(t, 0), Leaf{}); err == nil {
		t.Error("an empty leaf was entered")
	}
}

func TestSizesThatCannotBeAreRefused(t *testing.T) {
	d := newDatabase(t)
	d.append(t, statements(t, 0, 5)...)
	ctx := t.Context()
	for _, size := range []int64{-1, MaxSize + 1, 6, 1 << 40} {
		if _, err := Root(ctx, d, size); err == nil {
			t.Errorf("there is a root of size %d", size)
		}
		if _, err := InclusionProof(ctx, d, 2, size); err == nil {
			t.Errorf("leaf 2 is in a tree of %d", size)
		}
	}
	for _, index := range []int64{-1, 5, 6} {
		if _, err := InclusionProof(ctx, d, index, 5); err == nil {
			t.Errorf("leaf %d is in a tree of 5", index)
		}
	}
	for _, old := range []int64{-1, 6} {
		if _, err := ConsistencyProof(ctx, d, old, 5); err == nil {
			t.Errorf("a tree of %d grew to 5", old)
		}
	}
}

// The example of C2SP tlog-tiles, and every path both ways.
func TestResourcesOfATree(t *testing.T) {
	counts := map[string]int{}
	for _, r := range Resources(0, 70000) {
		switch {
		case r.Entries:
			counts["bundles"]++
		case r.Width == TileWidth:
			counts[fmt.Sprintf("full %d", r.Level)]++
		default:
			counts[fmt.Sprintf("level %d width %d", r.Level, r.Width)]++
		}
		if again, err := ParsePath(r.Path()); err != nil || again != r {
			t.Errorf("%s is read as %+v, %v", r.Path(), again, err)
		}
	}
	want := map[string]int{"bundles": 274, "full 0": 273, "level 0 width 112": 1, "full 1": 1, "level 1 width 17": 1, "level 2 width 1": 1}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", counts, want)
	}
	if got := (Resource{Index: 1234067, Width: 256}).Path(); got != "tile/0/x001/x234/067" {
		t.Errorf("index 1234067 lies at %s", got)
	}
	if got := (Resource{Index: 1000, Width: 8, Entries: true}).Path(); got != "tile/entries/x001/000.p/8" {
		t.Errorf("bundle 1000 lies at %s", got)
	}
	if got := Resources(300, 300); got != nil {
		t.Errorf("a tree that did not grow has new files: %v", got)
	}
	// Files of the old tree and those that are new since make up the new tree.
	files := map[string]bool{}
	for _, r := range append(Resources(0, 300), Resources(300, 70000)...) {
		files[r.Path()] = true
	}
	for _, r := range Resources(0, 70000) {
		if !files[r.Path()] {
			t.Errorf("%s is missing", r.Path())
		}
	}
}

func TestPathsThatAreNone(t *testing.T) {
	for _, path := range []string{
		"", "checkpoint", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/000.p/0",
		"tile/0/000.p/256", "tile/0/000.p/08", "tile/0/001/000", "tile/0/x000/001", "tile/0/x001/x000", "tile/0/x1/000", "tile/0/1000",
		"tile/entries/000/", "tile/0/000?x", "tile/0/../000", "/tile/0/000", "tile/0/+01", "tile/data/000", "tile/0/x999/x999/x999/x999/x999/x999/999",
	} {
		if r, err := ParsePath(path); portal.KindOf(err) != portal.NotFound {
			t.Errorf("%q is read as %+v, %v", path, r, err)
		}
	}
}

func TestResourcesAreWhatTheTreeIsMadeOf(t *testing.T) {
	d := newDatabase(t)
	leaves := statements(t, 0, 600)
	d.append(t, leaves...)
	ctx := t.Context()
	for _, r := range Resources(0, 590) {
		data, err := ReadResource(ctx, d, 590, r)
		if err != nil {
			t.Fatalf("%s: %v", r.Path(), err)
		}
		if r.Entries {
			texts, err := ParseBundle(data, r.Width)
			if err != nil {
				t.Fatalf("%s: %v", r.Path(), err)
			}
			for i, text := range texts {
				if !bytes.Equal(text, leaves[int(r.Index)*TileWidth+i].Bytes()) {
					t.Fatalf("%s holds another leaf", r.Path())
				}
			}
		} else if len(data) != r.Width*tlog.HashSize {
			t.Errorf("%s has %d bytes", r.Path(), len(data))
		}
	}
	// What no checkpoint covers is not shown, though it is in the database.
	for _, r := range []Resource{
		{Index: 2, Width: 79}, {Index: 2, Width: 256}, {Index: 2, Width: 79, Entries: true}, {Level: 1, Width: 3}, {Level: 2, Width: 1}, {Level: 9, Width: 1},
		{Index: 3, Width: 1}, {Width: 0}, {Index: -1, Width: 1}, {Index: MaxSize, Width: 1}, {Level: 1, Width: 1, Entries: true},
	} {
		if _, err := ReadResource(ctx, d, 590, r); portal.KindOf(err) != portal.NotFound {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	f.Add("tile/0/x001/x234/067")
	f.Add("tile/entries/000.p/8")
	f.Fuzz(func(t *testing.T, path string) {
		if r, err := ParsePath(path); err == nil && r.Path() != path {
			t.Errorf("%q and %q are the same", path, r.Path())
		}
	})
}

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0}, 2)
	f.Fuzz(func(t *testing.T, bundle []byte, width int) {
		leaves, err := ParseBundle(bundle, width)
		if err != nil {
			return
		}
		length := 0
		for _, l := range leaves {
			length += 2 + len(l)
		}
		if length != len(bundle) || len(leaves) != width {
			t.Errorf("%d bytes in %d leaves of %d in %d", length, len(leaves), len(bundle), width)
		}
	})
}
