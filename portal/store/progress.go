package store

import (
	"context"
	"database/sql"
	"time"

	"valise/crypto"
	"valise/portal"
)

// progressQuery counts, for each of $4 equal parts of time, what happened in it; the last part has no end, so what is counted is all there is. In every part three ranges of an index
// are counted, and no row of a table is looked at: grouping the rows by their part would sort them all.
const progressQuery = `WITH RECURSIVE parts (i, low, high) AS (
		SELECT 0, CAST(0 AS BIGINT), CASE WHEN $4 = 1 THEN CAST($5 AS BIGINT) ELSE CAST($2 AS BIGINT) + CAST($3 AS BIGINT) END
		UNION ALL
		SELECT i + 1, high, CASE WHEN i + 2 = $4 THEN CAST($5 AS BIGINT) ELSE high + CAST($3 AS BIGINT) END FROM parts WHERE i + 1 < $4
	)
	SELECT (SELECT count(*) FROM deliveries WHERE notice = $1 AND opened_at IS NOT NULL AND opened_at >= low AND opened_at < high),
		(SELECT count(*) FROM acknowledgements WHERE notice = $1 AND decision = 'acknowledged' AND received_at >= low AND received_at < high),
		(SELECT count(*) FROM acknowledgements WHERE notice = $1 AND decision = 'refused' AND received_at >= low AND received_at < high)
	FROM parts ORDER BY i`

// always is later than any time that is kept.
const always = int64(1) << 62

// Progress implements dispatch.Store.
func (d *DB) Progress(ctx context.Context, n crypto.Number, from, to time.Time, parts int) (points []portal.ProgressPoint, err error) {
	width := max(1, to.Sub(from).Microseconds()/int64(parts))
	err = d.look(ctx, func(t *tx) error {
		var so portal.ProgressPoint // far
		return t.each(func(rows *sql.Rows) error {
			var opened, acknowledged, refused int
			if err := rows.Scan(&opened, &acknowledged, &refused); err != nil {
				return err
			}
			so.At = time.UnixMicro(from.UnixMicro() + int64(len(points)+1)*width).UTC()
			so.Opened, so.Acknowledged, so.Refused = so.Opened+opened, so.Acknowledged+acknowledged, so.Refused+refused
			points = append(points, so)
			return nil
		}, progressQuery, n, from.UnixMicro(), width, parts, always)
	})
	return points, err
}

// LastProgress implements dispatch.Store.
func (d *DB) LastProgress(ctx context.Context, n crypto.Number) (last time.Time, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.row(`SELECT max(at) FROM (
			SELECT max(opened_at) AS at FROM deliveries WHERE notice = $1 AND opened_at IS NOT NULL
			UNION ALL SELECT max(received_at) FROM acknowledgements WHERE notice = $1 AND decision = 'acknowledged'
			UNION ALL SELECT max(received_at) FROM acknowledgements WHERE notice = $1 AND decision = 'refused') x`, n).Scan(instant{&last})
	})
	return last, err
}

// progressLine selects lines of what staff watch; without the receipt, which is long.
const progressLine = `SELECT d.mailbox, d.delivered_at, d.opened_at, a.holder, a.certificate, a.decision, a.received_at, NULL
	FROM deliveries d LEFT JOIN acknowledgements a ON a.notice = d.notice AND a.mailbox = d.mailbox WHERE d.notice = $1 `

// ProgressLines implements dispatch.Store.
func (d *DB) ProgressLines(ctx context.Context, n crypto.Number, since time.Time, after crypto.Number, limit int) (lines []portal.MailboxStatus, err error) {
	query, args := progressLine+`AND d.mailbox > $2 ORDER BY d.mailbox LIMIT $3`, []any{n, after, limit}
	if !since.IsZero() {
		query = progressLine + `AND d.mailbox IN (
				SELECT mailbox FROM deliveries WHERE notice = $1 AND opened_at IS NOT NULL AND opened_at >= $4
				UNION SELECT mailbox FROM acknowledgements WHERE notice = $1 AND decision = 'acknowledged' AND received_at >= $4
				UNION SELECT mailbox FROM acknowledgements WHERE notice = $1 AND decision = 'refused' AND received_at >= $4)
			AND d.mailbox > $2 ORDER BY d.mailbox LIMIT $3`
		args = append(args, since.UnixMicro())
	}
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			line, err := scanStatus(rows, n)
			lines = append(lines, line)
			return err
		}, query, args...)
	})
	return lines, err
}

// scanStatus reads a line of what staff watch.
func scanStatus(rows *sql.Rows, n crypto.Number) (line portal.MailboxStatus, err error) {
	var a acknowledgement
	if err := rows.Scan(append([]any{&line.Mailbox, instant{&line.DeliveredAt}, instant{&line.OpenedAt}}, a.columns()...)...); err != nil {
		return line, err
	}
	line.Acknowledgement, err = a.record(n)
	return line, err
}
