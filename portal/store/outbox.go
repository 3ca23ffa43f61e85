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
	_, err = t.exec(`INSERT INTO outbox (notice, holder, reminder, mailbox, state, queued_at, due_at, next_at, attempts, reason, made_at)
		SELECT e.notice, e.holder, 0, e.mailbox, 'waiting', CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($2 AS BIGINT), 0, '', CAST($4 AS BIGINT)
		FROM envelopes e JOIN addresses a ON a.holder = e.holder WHERE e.notice = $1 AND e.mailbox IS NOT NULL
		ON CONFLICT (notice, holder, reminder) DO NOTHING`, n, micros(at), micros(due), micros(time.Now()))
	return err
}

// queueReminders puts a notice into the outbox once more, for each representative with an address of the mailboxes whose reminders at that time are events of it. Who is still to get
// an e-mail about it gets that, when it is due, and no other. What a notice says must not go by e-mail doesn't.
func (t *tx) queueReminders(n crypto.Number, at time.Time) error {
	var manifest []byte
	var released time.Time
	if err := t.row(`SELECT manifest, released_at FROM notices WHERE number = $1`, n).Scan(&manifest, instant{&released}); err != nil {
		return err
	}
	due, err := fallbackDue(manifest, released)
	if err != nil || due.IsZero() {
		return err
	}
	if due.Before(at) {
		due = at
	}
	_, err = t.exec(`INSERT INTO outbox (notice, holder, reminder, mailbox, state, queued_at, due_at, next_at, attempts, reason, made_at)
		SELECT e.notice, e.holder, CAST($2 AS BIGINT), e.mailbox, 'waiting', d.delivered_at, CAST($3 AS BIGINT), CAST($2 AS BIGINT), 0, '', CAST($4 AS BIGINT)
		FROM notice_events v
		JOIN envelopes e ON e.notice = v.notice AND e.mailbox = v.mailbox
		JOIN addresses a ON a.holder = e.holder
		JOIN deliveries d ON d.notice = e.notice AND d.mailbox = e.mailbox
		WHERE v.notice = $1 AND v.kind = 'NotificationForAcceptance' AND v.via = 'portal' AND v.at = $2
			AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.notice = e.notice AND o.holder = e.holder AND o.state = 'waiting')
		ON CONFLICT (notice, holder, reminder) DO NOTHING`, n, micros(at), micros(due), micros(time.Now()))
	return err
}

// queueWaiting puts what lies unopened in the mailbox of a representative, whose address was set just now, into the outbox. What could not be sent to the address
// before is tried again; what was sent, isn't.
func (t *tx) queueWaiting(r crypto.Representative, now time.Time) error {
	all, err := t.lying(r, `d.opened_at IS NULL`)
	if err != nil {
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
		if _, err := t.exec(`INSERT INTO outbox (notice, holder, reminder, mailbox, state, queued_at, due_at, next_at, attempts, reason, made_at)
			VALUES ($1, $2, 0, $3, 'waiting', $4, $5, $6, 0, '', $7)
			ON CONFLICT (notice, holder, reminder) DO UPDATE SET state = 'waiting', next_at = excluded.next_at, attempts = 0, reason = '', settled_at = NULL, lease = NULL, leased_until = NULL
			WHERE outbox.state <> 'sent'`,
			w.notice, r.String(), r.Mailbox, micros(w.delivered), micros(due), micros(now), micros(time.Now())); err != nil {
			return err
		}
	}
	return nil
}

// lying is a notice in a representative's mailbox.
type lying struct {
	notice    crypto.Number
	manifest  []byte
	delivered time.Time
}

// lying returns the notices that lie sealed to a representative, of those that a condition picks: on d, their deliveries, and e, the envelopes. Its parameters begin with $2.
func (t *tx) lying(r crypto.Representative, condition string, args ...any) (all []lying, err error) {
	err = t.each(func(rows *sql.Rows) error {
		var l lying
		err := rows.Scan(&l.notice, &l.manifest, instant{&l.delivered})
		all = append(all, l)
		return err
	}, `SELECT n.number, n.manifest, d.delivered_at FROM envelopes e
		JOIN deliveries d ON d.notice = e.notice AND d.mailbox = e.mailbox
		JOIN notices n ON n.number = e.notice
		WHERE e.holder = $1 AND `+condition, append([]any{r.String()}, args...)...)
	return all, err
}

const outboxColumns = `notice, holder, reminder, state, queued_at, due_at, next_at, attempts, reason, settled_at, asked`

func scanEntry(scan func(...any) error) (e courier.Entry, err error) {
	var holder string
	var asked int64
	if err := scan(&e.Notice, &holder, remindedAt{&e.Reminder}, &e.State, instant{&e.QueuedAt}, instant{&e.DueAt}, instant{&e.NextAt}, &e.Attempts, &e.Reason, instant{&e.SettledAt}, &asked); err != nil {
		return courier.Entry{}, err
	}
	e.Asked = asked != 0
	e.Representative, err = crypto.ParseRepresentative(holder)
	return e, err
}

// remindedAt scans when somebody was reminded: 0, in a key, is the zero time.
type remindedAt struct{ t *time.Time }

func (r remindedAt) Scan(value any) error {
	if err := (instant(r)).Scan(value); err != nil {
		return err
	}
	if r.t.UnixMicro() == 0 {
		*r.t = time.Time{}
	}
	return nil
}

// reminderKey is what remindedAt scans.
func reminderKey(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
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
		}, `UPDATE outbox SET lease = $1, leased_until = $2 WHERE (notice, holder, reminder) IN (
				SELECT notice, holder, reminder FROM outbox WHERE state = 'waiting' AND next_at <= $3 AND (leased_until IS NULL OR leased_until < $3)
				ORDER BY next_at LIMIT $4`+skip+`)
			RETURNING `+outboxColumns, lease, micros(until), micros(now), limit)
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// WaitingOutbox implements courier.Store.
func (d *DB) WaitingOutbox(ctx context.Context, now time.Time, do func(courier.Entry)) error {
	return d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			e, err := scanEntry(rows.Scan)
			if err == nil {
				do(e)
			}
			return err
		}, `SELECT `+outboxColumns+` FROM outbox WHERE state = 'waiting' AND next_at <= $1`, micros(now))
	})
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

// Letters implements courier.Store: a few statements for all of them, which see the database as it was at one moment.
func (d *DB) Letters(ctx context.Context, entries []courier.Entry) (letters []*courier.Letter, err error) {
	type key struct {
		notice crypto.Number
		holder string
	}
	wanted := map[crypto.Number][]any{} // holders
	asked := map[key]bool{}
	for _, e := range entries {
		if k := (key{e.Notice, e.Representative.String()}); !asked[k] {
			asked[k] = true
			wanted[e.Notice] = append(wanted[e.Notice], k.holder)
		}
	}
	found := map[key]*courier.Letter{}
	err = d.snapshot(ctx, func(t *tx) error {
		for n, holders := range wanted {
			var signed crypto.SignedManifest
			err := t.row(`SELECT manifest, author_signature, approver_signature FROM notices WHERE number = $1`, n).Scan(&signed.Manifest, &signed.AuthorSignature, &signed.ApproverSignature)
			if err == sql.ErrNoRows {
				continue
			}
			if err != nil {
				return err
			}
			headings := map[crypto.Suite][]byte{}
			if err := t.each(func(rows *sql.Rows) error {
				var suite crypto.Suite
				var heading []byte
				err := rows.Scan(&suite, &heading)
				headings[suite] = heading
				return err
			}, `SELECT suite, heading FROM bodies WHERE notice = $1`, n); err != nil {
				return err
			}
			for len(holders) > 0 {
				few := holders[:min(len(holders), t.parameters-1)]
				holders = holders[len(few):]
				few = rounded(few, t.parameters-1)
				chains, err := t.chains(`WHERE holder IN (`+parameters(1, len(few))+`)`, few...)
				if err != nil {
					return err
				}
				if err := t.letters(n, few, func(holder string, l *courier.Letter) {
					l.Signed, l.Heading, l.Chain = signed, headings[l.Suite], chains[holder]
					found[key{n, holder}] = l
				}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	letters = make([]*courier.Letter, len(entries))
	for i, e := range entries {
		letters[i] = found[key{e.Notice, e.Representative.String()}]
	}
	return letters, nil
}

// letters hands what one notice is to each of some representatives to do.
func (t *tx) letters(n crypto.Number, holders []any, do func(holder string, l *courier.Letter)) error {
	return t.each(func(rows *sql.Rows) error {
		l := new(courier.Letter)
		var holder string
		var opened sql.NullInt64
		var envelope, part []byte
		if err := rows.Scan(&holder, &l.Membership, &l.Standing, &l.Profile, &l.Address, &opened, &l.Suite, &l.Envelope, &l.Certificate, &envelope, &part, &l.Answered); err != nil {
			return err
		}
		if len(part) > 0 {
			l.Personal = crypto.Message(envelope, part)
		}
		l.Opened = opened.Valid
		do(holder, l)
		return nil
	}, `SELECT e.holder, e.membership, r.state, r.profile, a.record, d.opened_at, e.suite, e.envelope, e.certificate, e.personal, p.part,
			EXISTS (SELECT 1 FROM acknowledgements k WHERE k.notice = e.notice AND k.mailbox = e.mailbox)
		FROM envelopes e
		JOIN representatives r ON r.holder = e.holder
		JOIN deliveries d ON d.notice = e.notice AND d.mailbox = e.mailbox
		LEFT JOIN addresses a ON a.holder = e.holder
		LEFT JOIN personal_parts p ON p.notice = e.notice AND p.mailbox = e.mailbox AND p.suite = e.suite
		WHERE e.notice = $1 AND e.holder IN (`+parameters(2, len(holders))+`)`, append([]any{n}, holders...)...)
}

// Addressed implements courier.Store.
func (d *DB) Addressed(ctx context.Context, after courier.Addressed, limit int) (found []courier.Addressed, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		var holders []any
		if err := t.each(func(rows *sql.Rows) error {
			var a courier.Addressed
			var holder string
			err := rows.Scan(&holder, &a.Record, instant{&a.SetAt})
			if err == nil {
				a.Representative, err = crypto.ParseRepresentative(holder)
			}
			found, holders = append(found, a), append(holders, holder)
			return err
		}, `SELECT a.holder, a.record, a.set_at FROM addresses a JOIN representatives r ON r.holder = a.holder
			WHERE r.state = 'claimed' AND (a.set_at > $1 OR a.set_at = $1 AND a.holder > $2) ORDER BY a.set_at, a.holder LIMIT $3`,
			after.SetAt.UnixMicro(), after.Representative.String(), min(limit, t.parameters)); err != nil || len(found) == 0 {
			return err
		}
		chains, err := t.chains(`WHERE holder IN (`+parameters(1, len(holders))+`)`, holders...)
		for i := range found {
			found[i].Chain = chains[found[i].Representative.String()]
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// SettleOutbox implements courier.Store.
func (d *DB) SettleOutbox(ctx context.Context, settlements ...courier.Settlement) (kept []bool, err error) {
	err = d.write(ctx, func(t *tx) error {
		kept = make([]bool, len(settlements))
		var events []portal.NoticeEvent
		for i, s := range settlements {
			var settled any
			if s.State != courier.Waiting {
				settled = micros(s.At)
			}
			var sentSince any // NULL: only under its own lease
			if s.State == courier.Sent {
				sentSince = micros(s.LeasedAt)
			}
			changed, err := t.exec(`UPDATE outbox SET state = $5, next_at = coalesce($6, next_at), attempts = $7, reason = $8, settled_at = $9, lease = NULL, leased_until = NULL
				WHERE notice = $1 AND holder = $2 AND reminder = $3 AND state = 'waiting' AND (lease = $4 OR lease IS NOT NULL AND next_at <= $10)`,
				s.Notice, s.Representative.String(), reminderKey(s.Reminder), s.Lease, s.State, micros(s.NextAt), s.Attempts, s.Reason, settled, sentSince)
			if err != nil {
				return err
			}
			if kept[i] = changed == 1; !kept[i] {
				continue
			}
			event := portal.NoticeEvent{Notice: s.Notice, Mailbox: s.Representative.Mailbox, At: s.At, Via: portal.ViaEMail}
			switch s.State {
			case courier.Sent:
				occasion := []string{"relay", string(s.Notice), s.Representative.String()}
				if !s.Reminder.IsZero() {
					occasion = append(occasion, s.Reminder.UTC().Format(time.RFC3339Nano))
				}
				event.Kind, event.ID = portal.RelayToNonERDS, portal.NoticeEventID(occasion...)
			case courier.Dead:
				event.Kind, event.ID = portal.RelayToNonERDSFailure, portal.NewNoticeEventID()
			default:
				continue
			}
			events = append(events, event)
		}
		return t.recordEvents(events)
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
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
		changed, err := t.exec(`UPDATE outbox SET state = 'waiting', next_at = $3, attempts = 0, reason = '', settled_at = NULL WHERE notice = $1 AND holder = $2 AND state = 'dead'
			AND reminder = (SELECT max(o.reminder) FROM outbox o WHERE o.notice = outbox.notice AND o.holder = outbox.holder AND o.state = 'dead')`,
			n, r.String(), micros(now))
		if err == nil && changed == 0 {
			return portal.Errorf(portal.Conflict, "not-dead", "There is no e-mail of %s to %s that could not be sent.", n, r)
		}
		return err
	})
}
