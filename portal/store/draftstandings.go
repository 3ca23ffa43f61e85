package store

import (
	"context"
	"database/sql"

	"valise/crypto"
	"valise/portal/dispatch"
)

// NoticeDraftStandings implements dispatch.Store. It reads no record: those may have megabytes, and this is asked every few seconds.
func (d *DB) NoticeDraftStandings(ctx context.Context, draft crypto.Number) (drafts []dispatch.NoticeDraft, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var n dispatch.NoticeDraft
			err := rows.Scan(&n.Draft, &n.Revision, instant{&n.SavedAt}, &n.SavedBy)
			drafts = append(drafts, n)
			return err
		}, `SELECT id, revision, saved_at, saved_by FROM notice_drafts WHERE $1 IN ('', id) ORDER BY saved_at DESC, id`, draft)
	})
	return drafts, err
}
