package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/publish"
)

const workColumns = `statement, state, revision, saved_by, saved_at, submission_sha256, submitted_by, submitted_at, approved_by, approved_at, checked_at,
	returned_by, returned_at, reason, draft`

// optionalText scans a text that may be NULL.
type optionalText struct{ text *string }

func (o optionalText) Scan(value any) error {
	var s sql.Null[string]
	if err := s.Scan(value); err != nil {
		return err
	}
	*o.text = s.V
	return nil
}

func workInto(w *publish.Work) []any {
	return []any{
		&w.Statement, &w.State, &w.Revision, &w.SavedBy, instant{&w.SavedAt}, optionalText{&w.SubmissionSHA256}, optionalText{&w.SubmittedBy}, instant{&w.SubmittedAt},
		optionalText{&w.ApprovedBy}, instant{&w.ApprovedAt}, instant{&w.CheckedAt}, optionalText{&w.ReturnedBy}, instant{&w.ReturnedAt}, &w.Reason, &w.Draft,
	}
}

const noSubmission = `submission = NULL, submission_sha256 = NULL, submitted_by = NULL, submitted_at = NULL, approved_by = NULL, approved_at = NULL, checked_at = NULL`

// SaveStatementDraft implements publish.Store.
func (d *DB) SaveStatementDraft(ctx context.Context, w publish.Work, mostOfPerson int64) error {
	return d.write(ctx, func(t *tx) error {
		if err := t.roomForDraft(w, mostOfPerson); err != nil {
			return err
		}
		var changed int64
		var err error
		if w.Revision == 1 {
			changed, err = t.exec(`INSERT INTO statement_works (statement, state, revision, saved_by, saved_at, draft) VALUES ($1, 'draft', 1, $2, $3, $4)
				ON CONFLICT (statement) DO NOTHING`, w.Statement, w.SavedBy, micros(w.SavedAt), w.Draft)
		} else {
			changed, err = t.exec(`UPDATE statement_works SET state = 'draft', revision = $2, saved_by = $3, saved_at = $4, draft = $5, `+noSubmission+`
				WHERE statement = $1 AND revision = $2 - 1`, w.Statement, w.Revision, w.SavedBy, micros(w.SavedAt), w.Draft)
		}
		if err != nil {
			return err
		}
		if changed > 0 {
			return t.draftNames(w.Statement, w.Attachments)
		}
		kept, err := t.work(w.Statement)
		switch {
		case err != nil:
			return err
		case kept.Revision == w.Revision && bytes.Equal(kept.Draft, w.Draft):
			return nil
		}
		return portal.Errorf(portal.Conflict, "draft-changed",
			"The draft of %s has moved on: revision %d was saved at %s. Yours was not saved, and nothing was overwritten. Fetch that revision, and put your changes into it.",
			w.Statement, kept.Revision, kept.SavedAt.Format(time.RFC3339))
	})
}

// roomForDraft refuses what would be too much for one person.
func (t *tx) roomForDraft(w publish.Work, most int64) error {
	var size int64
	if err := t.row(`SELECT COALESCE(SUM(LENGTH(draft)), 0) FROM statement_works WHERE saved_by = $1 AND statement <> $2`, w.SavedBy, w.Statement).Scan(&size); err != nil {
		return err
	}
	if size+int64(len(w.Draft)) <= most {
		return nil
	}
	return portal.Errorf(portal.TooLarge, "too-many-drafts", "Drafts that you saved last have %d MiB together, and that is as many as there may be. This one was not saved. Discard drafts that are not needed, or publish some, then save again.", size>>20)
}

// work reads one without its submission, and locks it.
func (t *tx) work(n crypto.Number) (w publish.Work, err error) {
	err = t.row(`SELECT `+workColumns+` FROM statement_works WHERE statement = $1`+t.forUpdate, n).Scan(workInto(&w)...)
	return w, orNotFound(err, "no-draft", "There is no draft of a statement %s. It may have been published, or discarded.", n)
}

// DiscardStatementDraft implements publish.Store.
func (d *DB) DiscardStatementDraft(ctx context.Context, n crypto.Number, revision int) error {
	return d.write(ctx, func(t *tx) error {
		w, err := t.work(n)
		switch {
		case err != nil:
			return err
		case w.State != publish.Draft:
			return portal.Errorf(portal.Conflict, "not-a-draft", "The statement %s is %s. Take it back first.", n, w.State)
		case w.Revision != revision:
			return portal.Errorf(portal.Conflict, "draft-changed", "The draft of %s has moved on: revision %d was saved at %s. Look at it before you discard it.", n, w.Revision, w.SavedAt.Format(time.RFC3339))
		}
		if _, err = t.exec(`DELETE FROM statement_works WHERE statement = $1`, n); err != nil {
			return err
		}
		return t.forgetSealedFiles(`statement = $1`, n)
	})
}

// StatementWorks implements publish.Store.
func (d *DB) StatementWorks(ctx context.Context) (works []publish.Work, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var w publish.Work
			if err := rows.Scan(workInto(&w)...); err != nil {
				return err
			}
			works = append(works, w)
			return nil
		}, `SELECT `+workColumns+` FROM statement_works ORDER BY saved_at DESC, statement`)
	})
	return works, err
}

// StatementWork implements publish.Store.
func (d *DB) StatementWork(ctx context.Context, n crypto.Number) (w publish.Work, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT `+workColumns+`, submission FROM statement_works WHERE statement = $1`, n).Scan(append(workInto(&w), &w.Submission)...),
			"no-draft", "There is no draft of a statement %s. It may have been published, or discarded.", n)
	})
	return w, err
}

// SubmitStatement implements publish.Store.
func (d *DB) SubmitStatement(ctx context.Context, w publish.Work) error {
	return d.write(ctx, func(t *tx) error {
		kept, err := t.work(w.Statement)
		switch {
		case err != nil:
			return err
		case kept.State == publish.Submitted && kept.SubmissionSHA256 == w.SubmissionSHA256:
			return nil
		case kept.State != publish.Draft:
			return portal.Errorf(portal.Conflict, "already-submitted", "The statement %s is %s already. Take it back first if you want to submit another text.", w.Statement, kept.State)
		case kept.Revision != w.Revision:
			return portal.Errorf(portal.Conflict, "draft-changed", "The draft of %s has moved on: revision %d was saved at %s, and you signed revision %d. Look at it, and sign that.",
				w.Statement, kept.Revision, kept.SavedAt.Format(time.RFC3339), w.Revision)
		}
		_, err = t.exec(`UPDATE statement_works SET state = 'submitted', submission = $2, submission_sha256 = $3, submitted_by = $4, submitted_at = $5,
			reason = NULL, returned_by = NULL, returned_at = NULL WHERE statement = $1`, w.Statement, w.Submission, w.SubmissionSHA256, w.SubmittedBy, micros(w.SubmittedAt))
		return err
	})
}

func errMovedOn(n crypto.Number) error {
	return portal.Errorf(portal.Conflict, "statement-moved-on", "The statement %s is no longer what you looked at: somebody edited it, took it back, or approved it meanwhile. Look at it again.", n)
}

// ApproveStatement implements publish.Store.
func (d *DB) ApproveStatement(ctx context.Context, w publish.Work, submission string) error {
	return d.write(ctx, func(t *tx) error {
		kept, err := t.work(w.Statement)
		switch {
		case err != nil:
			return err
		case kept.State == publish.Approved && kept.SubmissionSHA256 == w.SubmissionSHA256:
			return nil
		case kept.State != publish.Submitted || kept.SubmissionSHA256 != submission:
			return errMovedOn(w.Statement)
		}
		_, err = t.exec(`UPDATE statement_works SET state = 'approved', submission = $2, submission_sha256 = $3, approved_by = $4, approved_at = $5 WHERE statement = $1`,
			w.Statement, w.Submission, w.SubmissionSHA256, w.ApprovedBy, micros(w.ApprovedAt))
		if err != nil {
			return err
		}
		return t.approvalNames(w.Statement, w.Attachments)
	})
}

// ReturnStatement implements publish.Store.
func (d *DB) ReturnStatement(ctx context.Context, n crypto.Number, submission string, reason []byte, by string, at time.Time) error {
	return d.write(ctx, func(t *tx) error {
		kept, err := t.work(n)
		switch {
		case err != nil:
			return err
		case kept.State == publish.Draft || kept.SubmissionSHA256 != submission:
			return errMovedOn(n)
		}
		_, err = t.exec(`UPDATE statement_works SET state = 'draft', `+noSubmission+`, reason = $2, returned_by = $3, returned_at = $4 WHERE statement = $1`, n, reason, by, micros(at))
		if err != nil {
			return err
		}
		_, err = t.exec(`UPDATE statement_sealed_files SET in_approval = 0 WHERE statement = $1 AND in_approval = 1`, n)
		return err
	})
}

// WaitingStatements implements publish.Store.
func (d *DB) WaitingStatements(ctx context.Context) (waiting []publish.Waiting, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var w publish.Waiting
			if err := rows.Scan(&w.Statement, &w.SubmissionSHA256, instant{&w.CheckedAt}); err != nil {
				return err
			}
			waiting = append(waiting, w)
			return nil
		}, `SELECT statement, submission_sha256, checked_at FROM statement_works WHERE state = 'approved' ORDER BY approved_at, statement`)
	})
	return waiting, err
}

// MarkStatementChecked implements publish.Store. Who comes second changes nothing.
func (d *DB) MarkStatementChecked(ctx context.Context, n crypto.Number, submission string, at time.Time) error {
	return d.writeOnce(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE statement_works SET checked_at = $3 WHERE statement = $1 AND state = 'approved' AND submission_sha256 = $2 AND checked_at IS NULL`, n, submission, micros(at))
		return err
	})
}

// Publish implements publish.Store.
func (d *DB) Publish(ctx context.Context, p publish.Publication) (at time.Time, created bool, err error) {
	err = d.write(ctx, func(t *tx) error {
		at, created, err = t.publish(p)
		return err
	})
	if err != nil {
		return time.Time{}, false, err
	}
	return at, created, nil
}

func (t *tx) publish(p publish.Publication) (at time.Time, created bool, err error) {
	// The work's row is locked first: of several notaries the second waits here, and then finds that it is done.
	w, err := t.work(p.Statement)
	if err != nil && portal.KindOf(err) != portal.NotFound {
		return at, false, err
	}
	var digest string
	err = t.row(`SELECT manifest_sha256, published_at FROM statement_versions WHERE statement = $1 AND version = $2`, p.Statement, p.Version.Version).Scan(&digest, instant{&at})
	switch {
	case err == nil && digest == p.ManifestSHA256:
		return at, false, nil
	case err == nil:
		return at, false, portal.Errorf(portal.Conflict, "version-exists", "Version %d of %s is published already, and it is another one.", p.Version.Version, p.Statement)
	case err != sql.ErrNoRows:
		return at, false, err
	case w.State != p.From || w.SubmissionSHA256 != p.SubmissionSHA256:
		return at, false, errMovedOn(p.Statement)
	}
	first := p.PublishedAt
	if err := t.follows(p, &first); err != nil {
		return at, false, err
	}
	if _, err := t.exec(`INSERT INTO statement_versions (statement, version, kind, manifest_sha256, published_at, signed, asked, deadline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		p.Statement, p.Version.Version, p.Kind, p.ManifestSHA256, micros(p.PublishedAt), p.Signed, kindsText(p.Asked), micros(p.Deadline)); err != nil {
		return at, false, err
	}
	var place int64
	if err := t.row(`UPDATE statement_places SET place = place + 1 RETURNING place`).Scan(&place); err != nil {
		return at, false, err
	}
	if err := t.publishTexts(p, place); err != nil {
		return at, false, err
	}
	if _, err := t.exec(`INSERT INTO statement_heads (statement, version, kind, topic, series, first_at, published_at, place, languages) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (statement) DO UPDATE SET version = excluded.version, place = excluded.place, kind = excluded.kind, topic = excluded.topic, series = excluded.series, languages = excluded.languages, published_at = excluded.published_at`,
		p.Statement, p.Version.Version, p.Kind, p.Topic, p.Series, micros(first), micros(p.PublishedAt), place, languagesOf(p.Titles)); err != nil {
		return at, false, err
	}
	if _, err := t.exec(`DELETE FROM statement_works WHERE statement = $1`, p.Statement); err != nil {
		return at, false, err
	}
	if err := t.publishFiles(p); err != nil {
		return at, false, err
	}
	if err := t.enterPublication(p); err != nil {
		return at, false, err
	}
	return time.UnixMicro(p.PublishedAt.UnixMicro()).UTC(), true, nil
}

// enterPublication keeps the event for the ledger.
func (t *tx) enterPublication(p publish.Publication) error {
	kinds := map[crypto.StatementKind]ledger.Kind{
		crypto.StatementOriginal: ledger.StatementPublished, crypto.StatementCorrection: ledger.StatementCorrected, crypto.StatementWithdrawal: ledger.StatementWithdrawn,
	}
	e := ledger.Event{Kind: kinds[p.Kind], Statement: p.Statement, Version: p.Version.Version, At: p.PublishedAt}
	if n, err := hex.Decode(e.Manifest[:], []byte(p.ManifestSHA256)); err != nil || n != len(e.Manifest) {
		return fmt.Errorf("a manifest's digest is damaged: %q", p.ManifestSHA256)
	}
	return t.enter(e)
}

// follows says whether a version is the next one after what is published, and finds when the first was.
func (t *tx) follows(p publish.Publication, first *time.Time) error {
	var version int
	var kind crypto.StatementKind
	var digest string
	err := t.row(`SELECT h.version, h.kind, h.first_at, v.manifest_sha256 FROM statement_heads h JOIN statement_versions v ON v.statement = h.statement AND v.version = h.version
		WHERE h.statement = $1`, p.Statement).Scan(&version, &kind, instant{first}, &digest)
	if err != nil && err != sql.ErrNoRows {
		return err
	}
	if p.Version.Version != version+1 || p.PreviousSHA256 != digest || kind == crypto.StatementWithdrawal {
		return portal.Errorf(portal.Conflict, "other-version", "Version %d of %s does not follow what is published, version %d. Fetch that, and make a new version of it.", p.Version.Version, p.Statement, version)
	}
	return nil
}

func languagesOf(titles []publish.Title) string {
	all := " "
	for _, title := range titles {
		all += title.Language + " "
	}
	return all
}

func (t *tx) publishTexts(p publish.Publication, place int64) error {
	for i, text := range p.Titles {
		if _, err := t.exec(`INSERT INTO statement_titles (statement, version, position, language, title, reason) VALUES ($1, $2, $3, $4, $5, $6)`,
			p.Statement, p.Version.Version, i, text.Language, text.Title, text.Reason); err != nil {
			return err
		}
	}
	_, err := t.exec(t.search.insert, place, strings.Join(p.Words, " "))
	return err
}

// Statement implements publish.Store.
func (d *DB) Statement(ctx context.Context, n crypto.Number) (versions []publish.Version, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var v publish.Version
			if err := rows.Scan(&v.Statement, &v.Version, &v.Kind, &v.ManifestSHA256, instant{&v.PublishedAt}, &v.Signed); err != nil {
				return err
			}
			versions = append(versions, v)
			return nil
		}, `SELECT statement, version, kind, manifest_sha256, published_at, signed FROM statement_versions WHERE statement = $1 ORDER BY version`, n)
	})
	if err == nil && len(versions) == 0 {
		return nil, portal.Errorf(portal.NotFound, "no-statement", "There is no statement %s.", n)
	}
	return versions, err
}

// Statements implements publish.Store.
func (d *DB) Statements(ctx context.Context, q publish.Query) (entries []publish.Entry, err error) {
	query, args := d.archiveQuery(q)
	err = d.snapshot(ctx, func(t *tx) error {
		if err := t.each(func(rows *sql.Rows) error {
			var e publish.Entry
			if err := rows.Scan(&e.Statement, &e.Version, &e.Kind, &e.Topic, &e.Series, instant{&e.FirstAt}, instant{&e.PublishedAt}, &e.Place); err != nil {
				return err
			}
			entries = append(entries, e)
			return nil
		}, query, args...); err != nil {
			return err
		}
		return t.titles(entries)
	})
	return entries, err
}

// archiveQuery writes the query with the conditions that are asked for.
func (d *DB) archiveQuery(q publish.Query) (query string, args []any) {
	from := `statement_heads h`
	if len(q.Words) > 0 {
		args = append(args, d.search.pattern(q.Words))
		from = fmt.Sprintf(d.search.from, len(args))
	}
	conditions := []string{`1 = 1`}
	where := func(condition string, value any) {
		args = append(args, value)
		conditions = append(conditions, strings.ReplaceAll(condition, `$?`, fmt.Sprintf(`$%d`, len(args))))
	}
	if q.Topic != "" {
		where(`h.topic = $?`, q.Topic)
	}
	if q.Series != "" {
		where(`(h.series = $? OR h.statement = $?)`, q.Series)
	}
	if !q.From.IsZero() {
		where(`h.published_at >= $?`, micros(q.From))
	}
	if !q.To.IsZero() {
		where(`h.published_at < $?`, micros(q.To))
	}
	if q.Before != 0 {
		where(`h.place < $?`, q.Before)
		if len(q.Words) > 0 {
			where(`s.place < $?`, q.Before)
		}
	}
	if q.Language != "" {
		where(`h.languages LIKE $?`, "% "+q.Language+" %")
	}
	args = append(args, q.Limit)
	return `SELECT h.statement, h.version, h.kind, h.topic, h.series, h.first_at, h.published_at, h.place FROM ` + from +
		` WHERE ` + strings.Join(conditions, ` AND `) + fmt.Sprintf(` ORDER BY h.place DESC LIMIT $%d`, len(args)), args
}

// titles adds what lists show to entries.
func (t *tx) titles(entries []publish.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	args := make([]any, len(entries))
	at := map[crypto.Number]*publish.Entry{}
	for i := range entries {
		args[i], at[entries[i].Statement] = entries[i].Statement, &entries[i]
	}
	return t.each(func(rows *sql.Rows) error {
		var n crypto.Number
		var title publish.Title
		if err := rows.Scan(&n, &title.Language, &title.Title, &title.Reason); err != nil {
			return err
		}
		at[n].Titles = append(at[n].Titles, title)
		return nil
	}, `SELECT t.statement, t.language, t.title, t.reason FROM statement_titles t JOIN statement_heads h ON h.statement = t.statement AND h.version = t.version
		WHERE t.statement IN (`+parameters(1, len(args))+`) ORDER BY t.statement, t.position`, args...)
}
