package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"valise/portal"
)

// Tiles are eight levels high (C2SP tlog-tiles).
const (
	tileHeight = 8
	TileWidth  = 1 << tileHeight
)

// CheckpointPath is where the signed checkpoint lies, beside the resources.
const CheckpointPath = "checkpoint"

// MaxResourceSize is the most bytes of a resource: a bundle of the largest leaves.
const MaxResourceSize = TileWidth * (2 + MaxLeafSize)

// Resource names one of the static files that a log is published as (C2SP tlog-tiles):
// a tile of hashes, or a bundle of leaves.
type Resource struct {
	Entries bool  // a bundle of leaves; its Level is 0
	Level   int   // of a tile: its hashes are each of 256^Level leaves
	Index   int64 // among those of its level
	Width   int   // 1 to TileWidth; fewer than TileWidth only at the right edge
}

// Path returns where the resource lies, relative to the log's address:
// "tile/0/x001/067", "tile/entries/000.p/17".
func (t Resource) Path() string {
	level := "entries"
	if !t.Entries {
		level = strconv.Itoa(t.Level)
	}
	path := fmt.Sprintf("%03d", t.Index%1000)
	for n := t.Index / 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	path = "tile/" + level + "/" + path
	if t.Width != TileWidth {
		path += ".p/" + strconv.Itoa(t.Width)
	}
	return path
}

// ParsePath reads what Path writes, and nothing else.
func ParsePath(path string) (Resource, error) {
	bad := portal.Errorf(portal.NotFound, "no-such-tile", "%.80q is not the path of a part of the ledger; paths look like tile/0/000 and tile/entries/000.p/17", path)
	if len(path) > 100 {
		return Resource{}, bad
	}
	level, rest, ok := strings.Cut(strings.TrimPrefix(path, "tile/"), "/")
	if !ok {
		return Resource{}, bad
	}
	t := Resource{Width: TileWidth, Entries: level == "entries"}
	var err error
	if !t.Entries {
		if t.Level, err = strconv.Atoi(level); err != nil || t.Level < 0 || t.Level > 63 {
			return Resource{}, bad
		}
	}
	rest, width, partial := strings.Cut(rest, ".p/")
	if partial {
		if t.Width, err = strconv.Atoi(width); err != nil || t.Width < 1 || t.Width >= TileWidth {
			return Resource{}, bad
		}
	}
	for _, part := range strings.Split(rest, "/") {
		n, err := strconv.ParseUint(strings.TrimPrefix(part, "x"), 10, 16)
		if err != nil || t.Index > MaxSize {
			return Resource{}, bad
		}
		t.Index = t.Index*1000 + int64(n)
	}
	if t.Index > MaxSize || t.Path() != path {
		return Resource{}, bad
	}
	return t, nil
}

// widthAt returns how many hashes or leaves the full or partial resource of this
// level and index has in a tree of size leaves; 0 when it isn't there.
func (t Resource) widthAt(size int64) int {
	if t.Level < 0 || t.Level*tileHeight > 62 || t.Index < 0 || t.Index > MaxSize {
		return 0
	}
	return int(max(0, min(TileWidth, size>>(t.Level*tileHeight)-t.Index*TileWidth)))
}

// Resources returns the resources that make up a tree of size leaves, those
// left out that a tree of old leaves has already; old is 0 for all. Together with the
// checkpoint they are the whole log, as files.
func Resources(old, size int64) []Resource {
	var all []Resource
	for _, entries := range []bool{false, true} {
		for level := 0; level == 0 || !entries && size>>(level*tileHeight) > 0; level++ {
			t := Resource{Entries: entries, Level: level, Index: old >> (level * tileHeight) / TileWidth}
			for ; t.widthAt(size) > 0; t.Index++ {
				t.Width = t.widthAt(size)
				if t.Width != t.widthAt(old) {
					all = append(all, t)
				}
			}
		}
	}
	return all
}

// ReadResource returns the content of a resource. size is that of the checkpoint that
// was published last: leaves that no checkpoint covers are not shown, as their coming one
// by one would tell when each event happened. What isn't there is portal.NotFound. What it
// returns for a resource never changes.
func ReadResource(ctx context.Context, r Reader, size int64, t Resource) ([]byte, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	if t.Width < 1 || t.Width > t.widthAt(size) || t.Entries && t.Level != 0 {
		return nil, portal.Errorf(portal.NotFound, "no-such-tile", "the ledger's checkpoint covers %d leaves; %s is not among what they make up", size, t.Path())
	}
	if !t.Entries {
		return tlog.ReadTileData(t.tile(), storedHashes{ctx, r})
	}
	leaves, err := r.LedgerLeaves(ctx, t.Index*TileWidth, t.Width)
	if err != nil {
		return nil, err
	}
	if len(leaves) != t.Width {
		return nil, fmt.Errorf("the store returned %d of %d leaves of the ledger: its tables are damaged", len(leaves), t.Width)
	}
	var bundle []byte
	for _, l := range leaves {
		if len(l) > MaxLeafSize {
			return nil, errors.New("a leaf of the ledger is too long: the store's tables are damaged")
		}
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(l)))
		bundle = append(bundle, l...)
	}
	return bundle, nil
}

// ParseBundle takes a bundle apart into exactly width leaves.
func ParseBundle(bundle []byte, width int) ([][]byte, error) {
	damaged := fmt.Errorf("this is not a bundle of %d leaves: it is damaged or cut off", width)
	if width < 1 || width > TileWidth || len(bundle) > MaxResourceSize {
		return nil, damaged
	}
	leaves := make([][]byte, 0, width)
	for range width {
		if len(bundle) < 2 {
			return nil, damaged
		}
		n := int(binary.BigEndian.Uint16(bundle))
		bundle = bundle[2:]
		if n > len(bundle) {
			return nil, damaged
		}
		leaves = append(leaves, bundle[:n:n])
		bundle = bundle[n:]
	}
	if len(bundle) != 0 {
		return nil, damaged
	}
	return leaves, nil
}

func (t Resource) tile() tlog.Tile {
	return tlog.Tile{H: tileHeight, L: t.Level, N: t.Index, W: t.Width}
}

func resourceOf(t tlog.Tile) Resource { return Resource{Level: t.L, Index: t.N, Width: t.W} }
