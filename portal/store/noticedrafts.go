package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
)

const noticeDraftColumns = `id, revision, saved_at, saved_by, record`

func noticeDraftInto(n *dispatch.NoticeDraft) []any {
	return []any{&n.Draft, &n.Revision, instant{&n.SavedAt}, &n.SavedBy, &n.Record}
}

// SaveNoticeDraft implements dispatch.Store.
func (d *DB) SaveNoticeDraft(ctx context.Context, n dispatch.NoticeDraft, mostOfPerson int64) (saved time.Time, err error) {
	err = d.write(ctx, func(t *tx) error {
		var kept dispatch.NoticeDraft
		err := t.row(`SELECT `+noticeDraftColumns+` FROM notice_drafts WHERE id = $1`+t.forUpdate, n.Draft).Scan(noticeDraftInto(&kept)...)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if kept.Revision == n.Revision && bytes.Equal(kept.Record, n.Record) {
			saved = kept.SavedAt
			return nil
		}
		if kept.Revision != n.Revision-1 {
			return draftChanged(n.Draft, kept)
		}
		if err := t.roomForNoticeDraft(n, mostOfPerson); err != nil {
			return err
		}
		changed, err := t.exec(`INSERT INTO notice_drafts (`+noticeDraftColumns+`) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, saved_at = excluded.saved_at, saved_by = excluded.saved_by, record = excluded.record
			WHERE notice_drafts.revision = excluded.revision - 1`, n.Draft, n.Revision, micros(n.SavedAt), n.SavedBy, n.Record)
		if err != nil {
			return err
		}
		if changed == 0 { // by somebody at the same moment
			return draftChanged(n.Draft, dispatch.NoticeDraft{Revision: n.Revision, SavedAt: n.SavedAt})
		}
		saved = time.UnixMicro(n.SavedAt.UnixMicro()).UTC() // as it is kept
		return t.noticeDraftNames(n.Draft, n.Files)
	})
	return saved, err
}

func draftChanged(n crypto.Number, kept dispatch.NoticeDraft) error {
	if kept.Revision == 0 {
		return portal.Errorf(portal.NotFound, "no-draft", "There is no draft %s any more: it was submitted or discarded. Yours was not saved; save it as a new one.", n)
	}
	return portal.Errorf(portal.Conflict, "draft-changed",
		"The draft %s has moved on: revision %d was saved at %s. Yours was not saved, and nothing was overwritten. Fetch that revision, and put your changes into it.",
		n, kept.Revision, kept.SavedAt.Format(time.RFC3339))
}

// oneOf lets one transaction at a time count what a person has, so that many at once don't each find room for themselves. (On SQLite a writing transaction is alone anyway.)
func (t *tx) oneOf(holder string) error {
	if t.forUpdate == "" {
		return nil
	}
	_, err := t.exec(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, holder)
	return err
}

// roomForNoticeDraft refuses what would make the drafts that one person saved too many; the one that is saved is not counted as it was.
func (t *tx) roomForNoticeDraft(n dispatch.NoticeDraft, most int64) error {
	return t.room(n.SavedBy, int64(len(n.Record)), most, `SELECT COALESCE(SUM(LENGTH(record)), 0) FROM notice_drafts WHERE saved_by = $1 AND id <> $2`, n.SavedBy, n.Draft)
}

// roomForNoticeFile does that for files of drafts that one person uploaded. The same file in two drafts is kept twice, and counts twice.
func (t *tx) roomForNoticeFile(f dispatch.DraftFile, most int64) error {
	return t.room(f.UploadedBy, int64(len(f.Data)), most, `SELECT COALESCE(SUM(size), 0) FROM notice_draft_files WHERE uploaded_by = $1`, f.UploadedBy)
}

func (t *tx) room(holder string, size, most int64, sum string, args ...any) error {
	if err := t.oneOf(holder); err != nil {
		return err
	}
	var before int64
	if err := t.row(sum, args...).Scan(&before); err != nil || before+size <= most {
		return err
	}
	return portal.Errorf(portal.TooLarge, "too-many-drafts", "Drafts of notices, or their files, that you saved have %d MiB together, and that is as many as there may be. This was not saved. Discard drafts that are not needed, then save again.", before>>20)
}

// noticeDraftNames writes down which files the draft names.
func (t *tx) noticeDraftNames(n crypto.Number, ids []string) error {
	if _, err := t.exec(`UPDATE notice_draft_files SET named = 0 WHERE draft = $1 AND named = 1`, n); err != nil {
		return err
	}
	for _, id := range ids {
		changed, err := t.exec(`UPDATE notice_draft_files SET named = 1 WHERE draft = $1 AND id = $2`, n, id)
		if err != nil {
			return err
		}
		if changed == 0 {
			return portal.Errorf(portal.Conflict, "attachment-not-uploaded", "The draft %s names an attachment that the portal does not hold, or no longer. Attach the file again, then save.", n)
		}
	}
	return nil
}

// NoticeDrafts implements dispatch.Store.
func (d *DB) NoticeDrafts(ctx context.Context) (drafts []dispatch.NoticeDraft, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var n dispatch.NoticeDraft
			err := rows.Scan(noticeDraftInto(&n)...)
			drafts = append(drafts, n)
			return err
		}, `SELECT `+noticeDraftColumns+` FROM notice_drafts ORDER BY saved_at DESC, id`)
	})
	return drafts, err
}

// NoticeDraft implements dispatch.Store.
func (d *DB) NoticeDraft(ctx context.Context, draft crypto.Number) (n dispatch.NoticeDraft, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT `+noticeDraftColumns+` FROM notice_drafts WHERE id = $1`, draft).Scan(noticeDraftInto(&n)...),
			"no-draft", "There is no draft %s. It may have been submitted, or discarded.", draft)
	})
	return n, err
}

// DiscardNoticeDraft implements dispatch.Store.
func (d *DB) DiscardNoticeDraft(ctx context.Context, draft crypto.Number, revision int) error {
	return d.write(ctx, func(t *tx) error {
		var kept dispatch.NoticeDraft
		err := t.row(`SELECT `+noticeDraftColumns+` FROM notice_drafts WHERE id = $1`+t.forUpdate, draft).Scan(noticeDraftInto(&kept)...)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		case kept.Revision != revision:
			return draftChanged(draft, kept)
		}
		if _, err = t.exec(`DELETE FROM notice_drafts WHERE id = $1`, draft); err != nil {
			return err
		}
		return t.forgetDraftFiles(`draft = $1`, draft)
	})
}

// forgetDraftFiles deletes those of a condition.
func (t *tx) forgetDraftFiles(condition string, args ...any) error {
	if _, err := t.exec(`DELETE FROM notice_draft_data WHERE (draft, id) IN (SELECT draft, id FROM notice_draft_files WHERE `+condition+`)`, args...); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM notice_draft_files WHERE `+condition, args...)
	return err
}

// SaveDraftFile implements dispatch.Store.
func (d *DB) SaveDraftFile(ctx context.Context, f dispatch.DraftFile, mostFiles int, mostSize, mostOfPerson int64) error {
	return d.write(ctx, func(t *tx) error {
		changed, err := t.exec(`UPDATE notice_draft_files SET uploaded_at = $3 WHERE draft = $1 AND id = $2`, f.Draft, f.ID, micros(f.UploadedAt))
		if err != nil || changed > 0 { // it is there, and counts as new, so that it isn't forgotten before the draft names it
			return err
		}
		var files int
		var size int64
		if err := t.row(`SELECT count(*), COALESCE(SUM(size), 0) FROM notice_draft_files WHERE draft = $1`, f.Draft).Scan(&files, &size); err != nil {
			return err
		}
		if files >= mostFiles || size+int64(len(f.Data)) > mostSize {
			// Those that were taken out of the draft again, before the room is said to be full.
			if err := t.forgetDraftFiles(`draft = $1 AND named = 0 AND uploaded_at < $2`, f.Draft, micros(f.UploadedAt.Add(-time.Hour))); err != nil {
				return err
			}
			if err := t.row(`SELECT count(*), COALESCE(SUM(size), 0) FROM notice_draft_files WHERE draft = $1`, f.Draft).Scan(&files, &size); err != nil {
				return err
			}
			if files >= mostFiles || size+int64(len(f.Data)) > mostSize {
				return portal.Errorf(portal.TooLarge, "too-many-attachments", "%d files are uploaded for the draft %s, with %d MiB together, and that is as many as there may be. Those that it no longer names are forgotten within an hour; try again then.",
					files, f.Draft, size>>20)
			}
		}
		if err := t.roomForNoticeFile(f, mostOfPerson); err != nil {
			return err
		}
		if changed, err = t.exec(`INSERT INTO notice_draft_files (draft, id, size, uploaded_by, uploaded_at, named) VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (draft, id) DO NOTHING`,
			f.Draft, f.ID, len(f.Data), f.UploadedBy, micros(f.UploadedAt)); err != nil || changed == 0 {
			return err
		}
		_, err = t.exec(`INSERT INTO notice_draft_data (draft, id, data) VALUES ($1, $2, $3)`, f.Draft, f.ID, f.Data)
		return err
	})
}

// DraftFile implements dispatch.Store.
func (d *DB) DraftFile(ctx context.Context, draft crypto.Number, id string) (data []byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT data FROM notice_draft_data WHERE draft = $1 AND id = $2`, draft, id).Scan(&data),
			"no-attachment", "There is no such file of the draft %s. It may have been submitted, discarded, or forgotten because no draft named it; attach it again.", draft)
	})
	return data, err
}

func (d *DB) purgeDraftFiles(ctx context.Context, now time.Time) error {
	return d.writeOnce(ctx, func(t *tx) error {
		return t.forgetDraftFiles(`named = 0 AND uploaded_at < $1`, micros(now.Add(-unusedFor)))
	})
}
