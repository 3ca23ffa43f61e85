package store

import (
	"context"
	"database/sql"
	"errors"

	"valise/crypto"
	"valise/portal"
)

// addPersonal keeps the personal parts of a notice, many in one statement.
func (t *tx) addPersonal(n crypto.Number, personal portal.PersonalParts) error {
	if len(personal.Parts) == 0 {
		return nil
	}
	if _, err := t.exec(`INSERT INTO personal_keys (notice, sealed) VALUES ($1, $2)`, n, personal.Key); err != nil {
		return err
	}
	rows := make([][]any, len(personal.Parts))
	for i, p := range personal.Parts {
		rows[i] = []any{n, p.Mailbox, p.Suite, p.Data}
	}
	return t.insert("personal_parts", `notice, mailbox, suite, part`, rows)
}

// PersonalParts implements dispatch.Store.
func (d *DB) PersonalParts(ctx context.Context, n crypto.Number) (personal portal.PersonalParts, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		if err := t.row(`SELECT sealed FROM personal_keys WHERE notice = $1`, n).Scan(&personal.Key); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			return err
		}
		return t.each(func(rows *sql.Rows) error {
			var p crypto.SealedPersonal
			err := rows.Scan(&p.Mailbox, &p.Suite, &p.Data)
			personal.Parts = append(personal.Parts, p)
			return err
		}, `SELECT mailbox, suite, part FROM personal_parts WHERE notice = $1 ORDER BY mailbox, suite`, n)
	})
	return personal, err
}

// PersonalPart implements dispatch.Store.
func (d *DB) PersonalPart(ctx context.Context, n crypto.Number, r crypto.Representative) (part, envelope []byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		err := t.row(`SELECT p.part, e.personal FROM envelopes e JOIN personal_parts p ON p.notice = e.notice AND p.mailbox = e.mailbox AND p.suite = e.suite
			WHERE e.notice = $1 AND e.holder = $2`, n, r.String()).Scan(&part, &envelope)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return part, envelope, err
}

// orNull is NULL for what is empty.
func orNull(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
