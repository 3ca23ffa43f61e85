package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
)

const uploadColumns = `id, holder, size, sha256, received, begun_at, notice`

func uploadInto(u *dispatch.Upload) []any {
	return []any{&u.ID, &u.Holder, &u.Size, &u.SHA256, &u.Received, instant{&u.BegunAt}, optionalText{(*string)(&u.Notice)}}
}

// BeginUpload implements dispatch.Store.
func (d *DB) BeginUpload(ctx context.Context, u dispatch.Upload, most int, inAll int64, since time.Time) (begun dispatch.Upload, err error) {
	err = d.write(ctx, func(t *tx) error {
		if err := t.oneOf(u.Holder); err != nil {
			return err
		}
		err := t.row(`SELECT `+uploadColumns+` FROM uploads WHERE holder = $1 AND size = $2 AND sha256 = $3 AND begun_at > $4 ORDER BY begun_at DESC LIMIT 1`,
			u.Holder, u.Size, u.SHA256, micros(since)).Scan(uploadInto(&begun)...)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		begun = u
		if err := t.forgetUploads(`holder = $1 AND notice IS NULL AND id NOT IN (SELECT id FROM uploads WHERE holder = $1 AND notice IS NULL ORDER BY begun_at DESC LIMIT $2)`,
			u.Holder, most-1); err != nil {
			return err
		}
		if err := t.roomForUpload(u.Size, inAll, since); err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO uploads (`+uploadColumns+`) VALUES ($1, $2, $3, $4, 0, $5, NULL)`, u.ID, u.Holder, u.Size, u.SHA256, micros(u.BegunAt))
		return err
	})
	return begun, err
}

// roomForUpload refuses what would make the unfinished uploads of everybody too large together. What is announced counts, so that none is stopped half way.
func (t *tx) roomForUpload(size, inAll int64, since time.Time) error {
	if err := t.oneOf("uploads"); err != nil {
		return err
	}
	var before int64
	if err := t.row(`SELECT COALESCE(SUM(size), 0) FROM uploads WHERE notice IS NULL AND begun_at > $1`, micros(since)).Scan(&before); err != nil || before+size <= inAll {
		return err
	}
	return portal.Errorf(portal.TooMany, "uploads-full", "Large notices that are being uploaded, and not finished, have %d MiB together, and that is as many as there may be. Try again when others are done; what nobody finishes is forgotten after a day. Smaller notices are taken as always.", before>>20)
}

// forgetUploads removes those of a condition with their pieces.
func (t *tx) forgetUploads(condition string, args ...any) error {
	if _, err := t.exec(`DELETE FROM upload_pieces WHERE upload IN (SELECT id FROM uploads WHERE `+condition+`)`, args...); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM uploads WHERE `+condition, args...)
	return err
}

// Upload implements dispatch.Store.
func (d *DB) Upload(ctx context.Context, holder, id string, since time.Time) (u dispatch.Upload, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT `+uploadColumns+` FROM uploads WHERE id = $1 AND holder = $2 AND begun_at > $3`, id, holder, micros(since)).Scan(uploadInto(&u)...),
			"no-upload", "There is no such upload, or no longer. Upload the notice from the beginning.")
	})
	return u, err
}

// AddPiece implements dispatch.Store. Of two that come at once one is kept.
func (d *DB) AddPiece(ctx context.Context, u dispatch.Upload, offset int64, piece []byte) (dispatch.Upload, error) {
	err := d.write(ctx, func(t *tx) error {
		if err := t.row(`SELECT received FROM uploads WHERE id = $1 AND notice IS NULL`+t.forUpdate, u.ID).Scan(&u.Received); err != nil {
			return orNotFound(err, "no-upload", "There is no such upload, or no longer. Upload the notice from the beginning.")
		}
		if u.Received != offset {
			return nil
		}
		u.Received += int64(len(piece))
		if _, err := t.exec(`INSERT INTO upload_pieces (upload, position, data) VALUES ($1, $2, $3)`, u.ID, offset, piece); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE uploads SET received = $2 WHERE id = $1`, u.ID, u.Received)
		return err
	})
	return u, err
}

// Piece implements dispatch.Store.
func (d *DB) Piece(ctx context.Context, id string, offset int64) (piece []byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.row(`SELECT data FROM upload_pieces WHERE upload = $1 AND position = $2`, id, offset).Scan(&piece)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, io.EOF
	}
	return piece, err
}

// FinishUpload implements dispatch.Store.
func (d *DB) FinishUpload(ctx context.Context, id string, n crypto.Number) error {
	return d.write(ctx, func(t *tx) error {
		if _, err := t.exec(`UPDATE uploads SET notice = $2 WHERE id = $1`, id, n); err != nil {
			return err
		}
		_, err := t.exec(`DELETE FROM upload_pieces WHERE upload = $1`, id)
		return err
	})
}

// DropUpload implements dispatch.Store.
func (d *DB) DropUpload(ctx context.Context, holder, id string) error {
	return d.write(ctx, func(t *tx) error { return t.forgetUploads(`id = $1 AND holder = $2`, id, holder) })
}

func (d *DB) purgeUploads(ctx context.Context, now time.Time) error {
	return d.writeOnce(ctx, func(t *tx) error { return t.forgetUploads(`begun_at <= $1`, micros(now.Add(-dispatch.UploadTime))) })
}
