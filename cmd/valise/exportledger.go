package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"valise/portal/client"
	"valise/portal/ledger"
)

// followLedger verifies the ledger from the checkpoint of the last run on, and returns the public events of all of it. Nothing is written to the mirror yet.
func (e *export) followLedger(ctx context.Context, p *process) ([]ledgerEventJSON, error) {
	if e.institution.LedgerKey == "" {
		return nil, e.withoutLedger(p, "the portal says that nobody signs its ledger")
	}
	policy, err := policyFrom(e.pin, e.institution)
	if err != nil {
		return nil, err
	}
	// All of it: the events of before are needed, to see that each statement is still shown.
	w := &watching{Follower: ledger.Follower{Policy: policy, State: e.mirror.own("checkpoint"), All: true, Fetch: fetchFrom(e.client)}}
	w.Each = w.leaf
	followed, err := w.Follow(ctx)
	if client.IsStatus(err, 404) {
		return nil, e.withoutLedger(p, "the ledger has no checkpoint yet")
	}
	if err != nil {
		return nil, err
	}
	if err := w.checkStaff(ctx, p, e.client); err != nil {
		return nil, err
	}
	e.checkpoint = followed.Now
	return w.public, nil
}

// withoutLedger lets a mirror be made of a portal whose ledger nobody signs yet. A mirror that has followed one does not go on without it: what is kept back would not be seen.
func (e *export) withoutLedger(p *process, why string) error {
	switch _, err := os.Stat(e.mirror.own("checkpoint")); {
	case err == nil:
		return &ledger.Alarm{Trouble: ledger.Withheld, Text: why + ", and this mirror has followed its ledger before: somebody hides it, so that nobody sees what else is kept back. Look again later, and ask the institution if it stays so"}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	p.warn("%s: that nothing is withheld can't be seen", why)
	return nil
}

// writeLedger writes the files that make up the ledger, and the checkpoint last, so that nobody who follows the mirror finds a checkpoint whose tiles are not there.
func (e *export) writeLedger(ctx context.Context) error {
	if e.checkpoint == nil {
		return nil
	}
	tree := tlog.Tree{N: e.checkpoint.Size, Hash: e.checkpoint.Root}
	tiles := fetchedTiles{ctx, fetchFrom(e.client), map[string][]byte{}}
	for _, r := range ledger.Resources(0, e.checkpoint.Size) {
		path := "/ledger/" + r.Path()
		if e.mirror.exists(path) { // it was verified when it was written, and never changes
			continue
		}
		data, err := tiles.get(r)
		if err != nil {
			return err
		}
		if r.Entries {
			err = checkBundle(tree, tiles, r, data)
		} else {
			err = checkTile(tree, tiles, r)
		}
		if err != nil {
			return fmt.Errorf("%s of the ledger is not what was signed: %w", r.Path(), err)
		}
		if err := e.mirror.put(path, data); err != nil {
			return err
		}
	}
	return e.mirror.put("/ledger/"+ledger.CheckpointPath, e.checkpoint.Bytes())
}

// checkTile reads every hash of a tile by way of the tree's root, which verifies the tile.
func checkTile(tree tlog.Tree, tiles fetchedTiles, r ledger.Resource) error {
	indexes := make([]int64, r.Width)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(r.Level*tiles.Height(), r.Index*ledger.TileWidth+int64(i))
	}
	_, err := tlog.TileHashReader(tree, tiles).ReadHashes(indexes)
	return err
}

// checkBundle compares leaves with their hashes in the tree.
func checkBundle(tree tlog.Tree, tiles fetchedTiles, r ledger.Resource, data []byte) error {
	leaves, err := ledger.ParseBundle(data, r.Width)
	if err != nil {
		return err
	}
	indexes := make([]int64, len(leaves))
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, r.Index*ledger.TileWidth+int64(i))
	}
	hashes, err := tlog.TileHashReader(tree, tiles).ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i, leaf := range leaves {
		if tlog.RecordHash(leaf) != hashes[i] {
			return fmt.Errorf("leaf %d is another", r.Index*ledger.TileWidth+int64(i))
		}
	}
	return nil
}

// fetchedTiles is a tlog.TileReader that keeps what it fetched.
type fetchedTiles struct {
	ctx   context.Context
	fetch func(context.Context, string) ([]byte, error)
	kept  map[string][]byte
}

func (t fetchedTiles) get(r ledger.Resource) ([]byte, error) {
	if data := t.kept[r.Path()]; data != nil {
		return data, nil
	}
	data, err := t.fetch(t.ctx, r.Path())
	if err == nil && !r.Entries && len(t.kept) < 10_000 {
		t.kept[r.Path()] = data
	}
	return data, err
}

// Height implements tlog.TileReader.
func (fetchedTiles) Height() int { return 8 }

// ReadTiles implements tlog.TileReader.
func (t fetchedTiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		data, err := t.get(ledger.Resource{Level: tile.L, Index: tile.N, Width: tile.W})
		if err != nil {
			return nil, err
		}
		found[i] = data
	}
	return found, nil
}

// SaveTiles implements tlog.TileReader.
func (fetchedTiles) SaveTiles([]tlog.Tile, [][]byte) {}
