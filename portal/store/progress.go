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

// changedSince selects, by their numbers, the mailboxes of notice $1 of which something was kept at $2 or later. (Joined with an empty text, a number is no column of an index: SQLite
// would otherwise look for the numbers first, which are all.)
const changedSince = `SELECT mailbox FROM deliveries WHERE notice = $1 AND opened_at IS NOT NULL AND opened_at >= $2 AND mailbox || '' > $3
	UNION SELECT mailbox FROM acknowledgements WHERE notice = $1 AND decision = 'acknowledged' AND received_at >= $2 AND mailbox || '' > $3
	UNION SELECT mailbox FROM acknowledgements WHERE notice = $1 AND decision = 'refused' AND received_at >= $2 AND mailbox || '' > $3
	UNION SELECT mailbox FROM notice_events WHERE notice = $1 AND at >= $2 AND via IS NOT NULL AND mailbox || '' > $3
	ORDER BY mailbox LIMIT $4`

// ProgressLines implements dispatch.Store.
func (d *DB) ProgressLines(ctx context.Context, n crypto.Number, since time.Time, after crypto.Number, limit int) (lines []portal.MailboxStatus, err error) {
	err = d.look(ctx, func(t *tx) error {
		if since.IsZero() {
			lines, err = t.progressLines(n, `mailbox > $2 ORDER BY d.mailbox LIMIT $3`, after, limit)
			if err != nil || len(lines) == 0 {
				return err
			}
			return t.reach(n, lines, `mailbox >= $2 AND mailbox <= $3`, lines[0].Mailbox, lines[len(lines)-1].Mailbox)
		}
		// The few that changed are read by their numbers. In one statement PostgreSQL would rather read all that there are.
		var changed []any
		if err := t.each(func(rows *sql.Rows) error {
			var mailbox crypto.Number
			err := rows.Scan(&mailbox)
			changed = append(changed, mailbox)
			return err
		}, changedSince, n, since.UnixMicro(), after, limit); err != nil {
			return err
		}
		for len(changed) > 0 {
			part := changed[:min(len(changed), t.parameters-1)]
			changed = changed[len(part):]
			which := `mailbox IN (` + parameters(2, len(part)) + `)`
			found, err := t.progressLines(n, which+` ORDER BY d.mailbox`, part...)
			if err != nil {
				return err
			}
			if err := t.reach(n, found, which, part...); err != nil {
				return err
			}
			lines = append(lines, found...)
		}
		return nil
	})
	return lines, err
}

// progressLines reads lines of deliveries d; without the receipt, which is long.
func (t *tx) progressLines(n crypto.Number, which string, args ...any) (lines []portal.MailboxStatus, err error) {
	err = t.each(func(rows *sql.Rows) error {
		line, err := scanStatus(rows, n)
		lines = append(lines, line)
		return err
	}, `SELECT d.mailbox, d.delivered_at, d.opened_at, a.holder, a.certificate, a.decision, a.received_at, NULL
		FROM deliveries d LEFT JOIN acknowledgements a ON a.notice = d.notice AND a.mailbox = d.mailbox WHERE d.notice = $1 AND d.`+which, append([]any{n}, args...)...)
	return lines, err
}

// reach adds to lines when they were reminded, and the last try to reach them by another way than the portal.
func (t *tx) reach(n crypto.Number, lines []portal.MailboxStatus, which string, args ...any) error {
	at := make(map[crypto.Number]*portal.MailboxStatus, len(lines))
	for i := range lines {
		at[lines[i].Mailbox] = &lines[i]
	}
	return t.each(func(rows *sql.Rows) error {
		e := portal.NoticeEvent{Notice: n}
		var by sql.NullString
		if err := rows.Scan(&e.ID, &e.Mailbox, &e.Kind, &e.Via, instant{&e.At}, &by); err != nil {
			return err
		}
		e.By = by.String
		switch line := at[e.Mailbox]; { // the last one stays
		case line == nil:
		case e.Via != portal.ViaPortal:
			line.Reach = &e
		case e.Kind == portal.NotificationForAcceptance:
			line.RemindedAt = e.At
		}
		return nil
	}, `SELECT id, mailbox, kind, via, at, by_whom FROM notice_events WHERE notice = $1 AND via IS NOT NULL AND `+which+` ORDER BY mailbox, at, id`, append([]any{n}, args...)...)
}

// unreachable counts the mailboxes that portal.MailboxStatus.Unreachable is true of.
func (t *tx) unreachable(notices ...crypto.Number) (map[crypto.Number]int, error) {
	args := make([]any, len(notices))
	for i, n := range notices {
		args[i] = n
	}
	counts := make(map[crypto.Number]int, len(notices))
	err := t.each(func(rows *sql.Rows) error {
		var n crypto.Number
		var count int
		err := rows.Scan(&n, &count)
		counts[n] = count
		return err
	}, `SELECT f.notice, count(DISTINCT f.mailbox) FROM notice_events f JOIN deliveries d ON d.notice = f.notice AND d.mailbox = f.mailbox
		WHERE f.notice IN (`+parameters(1, len(notices))+`) AND f.kind IN ('ConsignmentNotificationFailure', 'RelayToNonERDSFailure') AND d.opened_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM notice_events s WHERE s.notice = f.notice AND s.mailbox = f.mailbox AND s.via <> 'portal' AND (s.at > f.at OR s.at = f.at AND s.id > f.id)
				AND s.kind NOT IN ('ConsignmentNotificationFailure', 'RelayToNonERDSFailure'))
		GROUP BY f.notice`, args...)
	return counts, err
}

// Unreachable implements dispatch.Store.
func (d *DB) Unreachable(ctx context.Context, n crypto.Number) (count int, err error) {
	err = d.look(ctx, func(t *tx) error {
		counts, err := t.unreachable(n)
		count = counts[n]
		return err
	})
	return count, err
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
