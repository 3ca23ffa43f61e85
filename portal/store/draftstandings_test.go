package store

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/dispatch"
)

// Where drafts stand is told without what was written, of one or of all.
func TestWhereDraftsStand(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		older, newer := crypto.NewNumber(crypto.KindNotice), crypto.NewNumber(crypto.KindNotice)
		for i, n := range []crypto.Number{older, newer} {
			_, err := db.SaveNoticeDraft(ctx, dispatch.NoticeDraft{Draft: n, Revision: 1, SavedAt: noon.Add(time.Duration(i) * time.Hour), SavedBy: staffHolder, Record: []byte("sealed")}, 100)
			must(t, err)
		}
		all, err := db.NoticeDraftStandings(ctx, "")
		must(t, err)
		if len(all) != 2 || all[0].Draft != newer || all[1].Draft != older || all[0].Record != nil || all[0].SavedBy != staffHolder || !all[1].SavedAt.Equal(noon.Truncate(time.Microsecond)) {
			t.Errorf("%+v", all)
		}
		one, err := db.NoticeDraftStandings(ctx, older)
		must(t, err)
		if len(one) != 1 || one[0].Draft != older || one[0].Revision != 1 {
			t.Errorf("%+v", one)
		}
		none, err := db.NoticeDraftStandings(ctx, crypto.NewNumber(crypto.KindNotice))
		must(t, err)
		if len(none) != 0 {
			t.Errorf("%+v", none)
		}
	})
}
