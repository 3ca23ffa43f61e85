package store

import (
	"sync"
	"sync/atomic"
	"testing"

	"valise/crypto"
	"valise/portal"
	"valise/portal/registry"
)

func TestGroups(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		n, other := crypto.NewNumber(crypto.KindGroup), crypto.NewNumber(crypto.KindGroup)
		save := func(db *DB, n crypto.Number, revision int) error {
			return db.SaveGroup(ctx, registry.Group{Number: n, Revision: revision, Record: []byte{byte(revision)}, SavedAt: noon, SavedBy: "staff:X"})
		}
		wantCode(t, save(db, n, 2), portal.Conflict, "group-changed")
		must(t, save(db, n, 1))
		must(t, save(db, other, 1))

		// Two registrars at once, on two nodes: one of them is told.
		var saved atomic.Int32
		var group sync.WaitGroup
		for _, on := range []*DB{node(), node()} {
			group.Go(func() {
				if err := save(on, n, 2); err == nil {
					saved.Add(1)
				} else if portal.KindOf(err) != portal.Conflict {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if saved.Load() != 1 {
			t.Errorf("the same revision was saved %d times", saved.Load())
		}

		groups, err := db.Groups(ctx)
		must(t, err)
		if len(groups) != 2 {
			t.Fatalf("the groups are %+v", groups)
		}
		for _, g := range groups {
			if want := map[crypto.Number]int{n: 2, other: 1}[g.Number]; g.Revision != want || !g.SavedAt.Equal(kept(noon)) || g.SavedBy != "staff:X" || g.Record[0] != byte(want) {
				t.Errorf("kept %+v", g)
			}
		}
		revisions, err := db.GroupRevisions(ctx, n)
		must(t, err)
		if len(revisions) != 2 || revisions[0].Revision != 1 || revisions[1].Revision != 2 {
			t.Errorf("the revisions are %+v", revisions)
		}
		_, err = db.GroupRevisions(ctx, crypto.NewNumber(crypto.KindGroup))
		wantCode(t, err, portal.NotFound, "no-group")
	})
}
