package store

import (
	"context"

	"valise/crypto"
	"valise/portal/publish"
)

// StatementStanding implements publish.Store. It leaves the large columns where they are.
func (d *DB) StatementStanding(ctx context.Context, n crypto.Number) (w publish.Work, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT statement, state, revision, saved_by, saved_at, submission_sha256, submitted_by, submitted_at, approved_by, approved_at, checked_at,
			returned_by, returned_at FROM statement_works WHERE statement = $1`, n).Scan(
			&w.Statement, &w.State, &w.Revision, &w.SavedBy, instant{&w.SavedAt}, optionalText{&w.SubmissionSHA256}, optionalText{&w.SubmittedBy}, instant{&w.SubmittedAt},
			optionalText{&w.ApprovedBy}, instant{&w.ApprovedAt}, instant{&w.CheckedAt}, optionalText{&w.ReturnedBy}, instant{&w.ReturnedAt},
		), "no-draft", "There is no draft of a statement %s. It may have been published, or discarded.", n)
	})
	return w, err
}
