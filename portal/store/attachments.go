package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// SaveSealedFile implements publish.Store.
func (d *DB) SaveSealedFile(ctx context.Context, f publish.SealedFile, mostFiles int, mostSize, mostOfPerson int64) error {
	return d.write(ctx, func(t *tx) error {
		var kept string
		err := t.row(`SELECT id FROM statement_sealed_files WHERE statement = $1 AND id = $2`+t.forUpdate, f.Statement, f.ID).Scan(&kept)
		if err == nil { // it counts as new, so that it isn't forgotten before the draft names it
			_, err = t.exec(`UPDATE statement_sealed_files SET uploaded_at = $3 WHERE statement = $1 AND id = $2`, f.Statement, f.ID, micros(f.UploadedAt))
			return err
		}
		if err != sql.ErrNoRows {
			return err
		}
		if err := t.roomForSealedFile(f, mostFiles, mostSize); err != nil {
			return err
		}
		if err := t.roomOfPerson(f, mostOfPerson); err != nil {
			return err
		}
		changed, err := t.exec(`INSERT INTO statement_sealed_files (statement, id, size, for_notary, uploaded_by, uploaded_at, in_draft, in_approval) VALUES ($1, $2, $3, $4, $5, $6, 0, 0)
			ON CONFLICT (statement, id) DO NOTHING`, f.Statement, f.ID, len(f.Data), bit(f.ForNotary), f.UploadedBy, micros(f.UploadedAt))
		if err != nil || changed == 0 {
			return err
		}
		_, err = t.exec(`INSERT INTO statement_sealed_data (statement, id, data) VALUES ($1, $2, $3)`, f.Statement, f.ID, f.Data)
		return err
	})
}

func bit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// roomForSealedFile refuses what would be too much for one statement, once what nobody has needed for an hour is gone.
func (t *tx) roomForSealedFile(f publish.SealedFile, mostFiles int, mostSize int64) error {
	for try := 1; ; try++ {
		var files int
		var size int64
		if err := t.row(`SELECT count(*), COALESCE(SUM(size), 0) FROM statement_sealed_files WHERE statement = $1`, f.Statement).Scan(&files, &size); err != nil {
			return err
		}
		switch {
		case files < mostFiles && size+int64(len(f.Data)) <= mostSize:
			return nil
		case try > 1:
			return portal.Errorf(portal.TooLarge, "too-many-attachments", "%d files are uploaded for %s, with %d MiB together, and that is as many as there may be. Those that the draft no longer names are forgotten within an hour; try again then.",
				files, f.Statement, size>>20)
		}
		if err := t.forgetSealedFiles(`in_draft = 0 AND in_approval = 0 AND uploaded_at < $1 AND statement = $2`, micros(f.UploadedAt.Add(-time.Hour)), f.Statement); err != nil {
			return err
		}
	}
}

// roomOfPerson refuses what would be too much for one person.
func (t *tx) roomOfPerson(f publish.SealedFile, most int64) error {
	var size int64
	if err := t.row(`SELECT COALESCE(SUM(size), 0) FROM statement_sealed_files WHERE uploaded_by = $1`, f.UploadedBy).Scan(&size); err != nil {
		return err
	}
	if size+int64(len(f.Data)) <= most {
		return nil
	}
	return portal.Errorf(portal.TooLarge, "too-many-attachments", "Files that you uploaded for statements which are not published yet have %d MiB together, and that is as many as there may be. Discard drafts that are not needed, or wait until some are published.", size>>20)
}

// forgetSealedFiles deletes those of a condition.
func (t *tx) forgetSealedFiles(condition string, args ...any) error {
	if _, err := t.exec(`DELETE FROM statement_sealed_data WHERE (statement, id) IN (SELECT statement, id FROM statement_sealed_files WHERE `+condition+`)`, args...); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM statement_sealed_files WHERE `+condition, args...)
	return err
}

// SealedFile implements publish.Store.
func (d *DB) SealedFile(ctx context.Context, n crypto.Number, id string) (f publish.SealedFile, err error) {
	f.Statement, f.ID = n, id
	err = d.look(ctx, func(t *tx) error {
		var notary int
		err := t.row(`SELECT f.for_notary, f.uploaded_by, f.uploaded_at, d.data FROM statement_sealed_files f JOIN statement_sealed_data d ON d.statement = f.statement AND d.id = f.id
			WHERE f.statement = $1 AND f.id = $2`, n, id).Scan(&notary, &f.UploadedBy, instant{&f.UploadedAt}, &f.Data)
		f.ForNotary = notary == 1
		return orNotFound(err, "no-attachment", "There is no such file of %s. It may have been published, discarded, or forgotten because no draft named it; attach it again.", n)
	})
	return f, err
}

// ApprovedFiles implements publish.Store.
func (d *DB) ApprovedFiles(ctx context.Context, n crypto.Number) (ids []string, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
			return nil
		}, `SELECT id FROM statement_sealed_files WHERE statement = $1 AND in_approval = 1 ORDER BY id`, n)
	})
	return ids, err
}

// draftNames writes down which sealed files the draft names; what was approved before is void.
func (t *tx) draftNames(n crypto.Number, ids []string) error {
	if _, err := t.exec(`UPDATE statement_sealed_files SET in_draft = 0, in_approval = 0 WHERE statement = $1 AND (in_draft = 1 OR in_approval = 1)`, n); err != nil {
		return err
	}
	for _, id := range ids {
		changed, err := t.exec(`UPDATE statement_sealed_files SET in_draft = 1 WHERE statement = $1 AND id = $2`, n, id)
		if err != nil {
			return err
		}
		if changed == 0 {
			return portal.Errorf(portal.Conflict, "attachment-not-uploaded", "The draft of %s names an attachment that the portal does not hold, or no longer. Attach the file again, then save.", n)
		}
	}
	return nil
}

// approvalNames writes down which sealed files were handed in for the notaries.
func (t *tx) approvalNames(n crypto.Number, ids []string) error {
	for _, id := range ids {
		changed, err := t.exec(`UPDATE statement_sealed_files SET in_approval = 1 WHERE statement = $1 AND id = $2 AND for_notary = 1`, n, id)
		if err != nil {
			return err
		}
		if changed == 0 {
			return portal.Errorf(portal.Conflict, "attachment-not-uploaded", "The approval of %s names an attachment that the portal does not hold for the notaries. Hand it in again, then approve.", n)
		}
	}
	return nil
}

// publishFiles keeps the files of a version: new ones, and those that an earlier version has already.
func (t *tx) publishFiles(p publish.Publication) error {
	for i, f := range p.Files {
		if f.Data != nil {
			if _, err := t.exec(`INSERT INTO statement_file_data (sha256, size, data) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING`, f.SHA256, f.Size, f.Data); err != nil {
				return err
			}
		} else {
			var n int
			if err := t.row(`SELECT count(*) FROM statement_files WHERE statement = $1 AND sha256 = $2 AND size = $3`, p.Statement, f.SHA256, f.Size).Scan(&n); err != nil {
				return err
			}
			if n == 0 {
				return publish.MissingFiles([]string{f.Name})
			}
		}
		if _, err := t.exec(`INSERT INTO statement_files (statement, version, position, name, type, size, sha256) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			p.Statement, p.Version.Version, i, f.Name, f.Type, f.Size, f.SHA256); err != nil {
			return err
		}
	}
	return t.forgetSealedFiles(`statement = $1`, p.Statement)
}

// KeptFiles implements publish.Store.
func (d *DB) KeptFiles(ctx context.Context, n crypto.Number) (sizes map[string]int64, err error) {
	sizes = map[string]int64{}
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var digest string
			var size int64
			err := rows.Scan(&digest, &size)
			sizes[digest] = size
			return err
		}, `SELECT sha256, size FROM statement_files WHERE statement = $1`, n)
	})
	return sizes, err
}

// StatementFile implements publish.Store.
func (d *DB) StatementFile(ctx context.Context, n crypto.Number, version int, name string) (f publish.File, err error) {
	query, args := `SELECT f.name, f.type, f.size, f.sha256 FROM statement_files f WHERE f.statement = $1 AND f.name = $2 AND f.version = $3`, []any{n, name, version}
	if version == 0 {
		query, args = `SELECT f.name, f.type, f.size, f.sha256 FROM statement_heads h JOIN statement_files f ON f.statement = h.statement AND f.version = h.version
			WHERE h.statement = $1 AND f.name = $2`, args[:2]
	}
	if strings.ContainsRune(name, 0) { // which PostgreSQL refuses
		return f, orNotFound(sql.ErrNoRows, "no-file", "The statement has no such attachment.")
	}
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(query, args...).Scan(&f.Name, &f.Type, &f.Size, &f.SHA256), "no-file", "The statement has no such attachment.")
	})
	return f, err
}

// FileData implements publish.Store.
func (d *DB) FileData(ctx context.Context, sha256 string) (data []byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT data FROM statement_file_data WHERE sha256 = $1`, sha256).Scan(&data), "no-file", "There is no such file.")
	})
	return data, err
}

// unusedFor is how long a sealed file is kept that no draft names: somebody may be about to save the draft that does.
const unusedFor = 24 * time.Hour

func (d *DB) purgeSealedFiles(ctx context.Context, now time.Time) error {
	return d.writeOnce(ctx, func(t *tx) error {
		return t.forgetSealedFiles(`in_draft = 0 AND in_approval = 0 AND uploaded_at < $1`, micros(now.Add(-unusedFor)))
	})
}
