package store

import (
	"context"
	"database/sql"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/courier"
)

var _ courier.Store = (*DB)(nil)

// fallbackDue says when a notice that came into the mailboxes at a time goes out by e-mail; the zero time: not at all.
func fallbackDue(manifest []byte, at time.Time) (time.Time, error) {
	m, err := crypto.ParseManifest(manifest)
	if err != nil {
		return time.Time{}, err
	}
	hours, after := m.Fallback.Hours()
	switch {
	case m.Fallback == crypto.FallbackAtOnce || after && m.Urgent:
		return at, nil
	case after:
		return at.Add(time.Duration(hours) * time.Hour), nil
	}
	return time.Time{}, nil
}

// queueFallback puts a notice that is being released into the outbox, for each representative who has an address.
func (t *tx) queueFallback(n crypto.Number, manifest []byte, at time.Time) error {
	var one int
	err := t.row(`SELECT 1 FROM envelopes e JOIN addresses a ON a.holder = e.holder WHERE e.notice = $1 LIMIT 1`, n).Scan(&one)
	if err == sql.ErrNoRows {
		return nil
	}
	if err != nil {
		return err
	}
	due, err := fallbackDue(manifest, at)
	if err != nil || due.IsZero() {
		return err
	}
	_, err = t.exec(`INSERT INTO outbox (notice, holder, mailbox, state, queued_at, due_at, next_at, attempts, reason)
		SELECT e.notice, e.holder, e.mailbox, 'waiting', CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($2 AS BIGINT), 0, ''
		FROM envelopes e JOIN addresses a ON a.holder = e.holder WHERE e.notice = $1 AND e.mailbox IS NOT NULL
		ON CONFLICT (notice, holder) DO NOTHING`, n, micros(at), micros(due))
	return err
}

// queueWaiting puts what lies unopened in the mailbox of a representative, whose address was set just now, into the outbox. What could not be sent to the address
// before is tried again; what was sent, isn't.
func (t *tx) queueWaiting(r crypto.Representative, now time.Time) error {
	type waiting struct {
		notice    crypto.Number
		manifest  []byte
		delivered time.Time
	}
	var all []waiting
	if err := t.each(func(rows *sql.Rows) error {
		var w waiting
		err := rows.Scan(&w.notice, &w.manifest, instant{&w.delivered})
		all = append(all, w)
		return err
	}, `SELECT n.number, n.manifest, d.delivered_at FROM envelopes e
		JOIN deliveries d ON d.notice = e.notice AND d.mailbox = e.mailbox
		JOIN notices n ON n.number = e.notice
		WHERE e.holder = $1 AND d.opened_at IS NULL`, r.String()); err != nil {
		return err
	}
	for _, w := range all {
		due, err := fallbackDue(w.manifest, w.delivered)
		if err != nil {
			return err
		}
		if due.IsZero() {
			continue
		}
		if _, err := t.exec(`INSERT INTO outbox (notice, holder, mailbox, state, queued_at, due_at, next_at, attempts, reason)
			VALUES ($1, $2, $3, 'waiting', $4, $5, $6, 0, '')
			ON CONFLICT (notice, holder) DO UPDATE SET state = 'waiting', next_at = excluded.next_at, attempts = 0, reason = '', settled_at = NULL, lease = NULL, leased_until = NULL
			WHERE outbox.state <> 'sent'`,
			w.notice, r.String(), r.Mailbox, micros(w.delivered), micros(due), micros(now)); err != nil {
			return err
		}
	}
	return nil
}

const outboxColumns = `notice, holder, state, queued_at, due_at, next_at, attempts, reason, settled_at`

func scanEntry(scan func(...any) error) (e courier.Entry, err error) {
	var holder string
	if err := scan(&e.Notice, &holder, &e.State, instant{&e.QueuedAt}, instant{&e.DueAt}, instant{&e.NextAt}, &e.Attempts, &e.Reason, instant{&e.SettledAt}); err != nil {
		return courier.Entry{}, err
	}
	e.Representative, err = crypto.ParseRepresentative(holder)
	return e, err
}

// LeaseOutbox implements courier.Store. Several couriers may ask at once: on PostgreSQL each passes over the rows that another one is just taking.
func (d *DB) LeaseOutbox(ctx context.Context, lease string, now, until time.Time, limit int) (entries []courier.Entry, err error) {
	if limit < 1 {
		return nil, nil
	}
	err = d.write(ctx, func(t *tx) error {
		entries = nil
		skip := ""
		if t.forUpdate != "" {
			skip = t.forUpdate + " SKIP LOCKED"
		}
		return t.each(func(rows *sql.Rows) error {
			e, err := scanEntry(rows.Scan)
			entries = append(entries, e)
			return err
		}, `UPDATE outbox SET lease = $1, leased_until = $2 WHERE (notice, holder) IN (
				SELECT notice, holder FROM outbox WHERE state = 'waiting' AND next_at <= $3 AND (leased_until IS NULL OR leased_until < $3)
				ORDER BY next_at LIMIT $4`+skip+`)
			RETURNING `+outboxColumns, lease, micros(until), micros(now), limit)
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// HurryOutbox implements courier.Store.
func (d *DB) HurryOutbox(ctx context.Context, now time.Time) (int, error) {
	var hurried int64
	err := d.writeOnce(ctx, func(t *tx) (err error) {
		hurried, err = t.exec(`UPDATE outbox SET next_at = $1 WHERE state = 'waiting'`, micros(now))
		return err
	})
	return int(hurried), err
}

// Letter implements courier.Store.
func (d *DB) Letter(ctx context.Context, n crypto.Number, r crypto.Representative) (l courier.Letter, err error) {
	err = d.look(ctx, func(t *tx) error {
		var opened sql.NullInt64
		var envelope, part []byte
		err := t.row(`SELECT n.manifest, n.author_signature, n.approver_signature, e.membership, r.state, r.profile, a.record, d.opened_at, e.suite, e.envelope, e.certificate, e.personal, p.part
			FROM envelopes e
			JOIN notices n ON n.number = e.notice
			JOIN representatives r ON r.holder = e.holder
			JOIN deliveries d ON d.notice = e.notice AND d.mailbox = e.mailbox
			LEFT JOIN addresses a ON a.holder = e.holder
			LEFT JOIN personal_parts p ON p.notice = e.notice AND p.mailbox = e.mailbox AND p.suite = e.suite
			WHERE e.notice = $1 AND e.holder = $2`, n, r.String()).
			Scan(&l.Signed.Manifest, &l.Signed.AuthorSignature, &l.Signed.ApproverSignature, &l.Membership, &l.Standing, &l.Profile, &l.Address, &opened, &l.Suite, &l.Envelope, &l.Certificate, &envelope, &part)
		if err == nil && len(part) > 0 {
			l.Personal = crypto.Message(envelope, part)
		}
		l.Opened = opened.Valid
		return orNotFound(err, "no-notice", "There is no notice %s in that mailbox.", n)
	})
	return l, err
}

// SettleOutbox implements courier.Store.
func (d *DB) SettleOutbox(ctx context.Context, lease string, s courier.Settlement) (kept bool, err error) {
	err = d.write(ctx, func(t *tx) error {
		var settled any
		if s.State != courier.Waiting {
			settled = micros(s.At)
		}
		changed, err := t.exec(`UPDATE outbox SET state = $4, next_at = coalesce($5, next_at), attempts = $6, reason = $7, settled_at = $8, lease = NULL, leased_until = NULL
			WHERE notice = $1 AND holder = $2 AND lease = $3 AND state = 'waiting'`,
			s.Notice, s.Representative.String(), lease, s.State, micros(s.NextAt), s.Attempts, s.Reason, settled)
		if kept = err == nil && changed == 1; !kept {
			return err
		}
		event := portal.NoticeEvent{Notice: s.Notice, Mailbox: s.Representative.Mailbox, At: s.At, Via: portal.ViaEMail}
		switch s.State {
		case courier.Sent:
			event.Kind, event.ID = portal.RelayToNonERDS, portal.NoticeEventID("relay", string(s.Notice), s.Representative.String())
		case courier.Dead:
			event.Kind, event.ID = portal.RelayToNonERDSFailure, portal.NewNoticeEventID()
		default:
			return nil
		}
		return t.recordEvents([]portal.NoticeEvent{event})
	})
	return kept && err == nil, err
}

// Outbox returns entries, those that need somebody first, then the newest; of one notice, or of all ("").
func (d *DB) Outbox(ctx context.Context, n crypto.Number, state courier.State, limit int) (entries []courier.Entry, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			e, err := scanEntry(rows.Scan)
			entries = append(entries, e)
			return err
		}, `SELECT `+outboxColumns+` FROM outbox WHERE ($1 = '' OR notice = $1) AND ($2 = '' OR state = $2)
			ORDER BY CASE state WHEN 'dead' THEN 0 WHEN 'waiting' THEN 1 ELSE 2 END, queued_at DESC, holder LIMIT $3`, string(n), string(state), limit)
	})
	return entries, err
}

// RetryOutbox lets the courier try an entry again that is dead; portal.Conflict when it isn't.
func (d *DB) RetryOutbox(ctx context.Context, n crypto.Number, r crypto.Representative, now time.Time) error {
	return d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(`UPDATE outbox SET state = 'waiting', next_at = $3, attempts = 0, reason = '', settled_at = NULL WHERE notice = $1 AND holder = $2 AND state = 'dead'`,
			n, r.String(), micros(now))
		if err == nil && changed == 0 {
			return portal.Errorf(portal.Conflict, "not-dead", "There is no e-mail of %s to %s that could not be sent.", n, r)
		}
		return err
	})
}
