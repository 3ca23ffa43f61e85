package store

import (
	"context"
	"database/sql"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/courier"
)

var (
	_ courier.InStore    = (*DB)(nil)
	_ courier.InboxStore = (*DB)(nil)
)

// QueuedSince implements courier.InStore.
func (d *DB) QueuedSince(ctx context.Context, after time.Time, limit int) ([]courier.Queued, error) {
	return d.queued(ctx, `queued_at > $1 ORDER BY queued_at DESC`, after, limit)
}

// QueuedNewly implements courier.InStore.
func (d *DB) QueuedNewly(ctx context.Context, within time.Duration, limit int) ([]courier.Queued, error) {
	return d.queued(ctx, `made_at > $1 ORDER BY made_at DESC`, time.Now().Add(-within), limit)
}

func (d *DB) queued(ctx context.Context, which string, after time.Time, limit int) (queued []courier.Queued, err error) {
	err = d.look(ctx, func(t *tx) error {
		queued = nil
		return t.each(func(rows *sql.Rows) error {
			var q courier.Queued
			var holder string
			if err := rows.Scan(&q.Notice, &holder, remindedAt{&q.Reminder}); err != nil {
				return err
			}
			r, err := crypto.ParseRepresentative(holder)
			q.Representative = r
			queued = append(queued, q)
			return err
		}, `SELECT notice, holder, reminder FROM outbox WHERE `+which+` LIMIT $2`, micros(after), limit)
	})
	return queued, err
}

// ReturnMail implements courier.InStore.
func (d *DB) ReturnMail(ctx context.Context, n crypto.Number, r crypto.Representative, final bool, reason string, at time.Time) (changed bool, err error) {
	state := courier.Sent
	if final {
		state = courier.Dead
	}
	err = d.write(ctx, func(t *tx) error {
		rows, err := t.exec(`UPDATE outbox SET state = $3, reason = $4, settled_at = CASE WHEN $3 = 'dead' THEN CAST($5 AS BIGINT) ELSE settled_at END
			WHERE notice = $1 AND holder = $2 AND state = 'sent' AND reason <> $4
				AND reminder = (SELECT max(o.reminder) FROM outbox o WHERE o.notice = outbox.notice AND o.holder = outbox.holder AND o.state IN ('sent', 'dead'))`, n, r.String(), state, reason, micros(at))
		if changed = err == nil && rows == 1; !changed || !final {
			return err
		}
		return t.recordEvents([]portal.NoticeEvent{{
			ID: portal.NewNoticeEventID(), Notice: n, Mailbox: r.Mailbox, Kind: portal.RelayToNonERDSFailure, At: at, Via: portal.ViaEMail,
		}})
	})
	return changed && err == nil, err
}

// KeepMail implements courier.InStore.
func (d *DB) KeepMail(ctx context.Context, m courier.KeptMail, mails int, bytes int64) (kept bool, dropped int, err error) {
	holder := ""
	if m.Representative.Ordinal > 0 {
		holder = m.Representative.String()
	}
	err = d.write(ctx, func(t *tx) error {
		dropped = 0
		rows, err := t.exec(`INSERT INTO kept_mail (id, received_at, reason, detail, notice, holder, size, record) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
			m.ID, micros(m.ReceivedAt), m.Reason, m.Detail, textOrNull(string(m.Notice)), textOrNull(holder), m.Size, m.Record)
		if kept = err == nil && rows == 1; !kept {
			return err
		}
		type line struct {
			id   string
			size int64
		}
		var all []line
		if err := t.each(func(rows *sql.Rows) error {
			var l line
			err := rows.Scan(&l.id, &l.size)
			all = append(all, l)
			return err
		}, `SELECT id, length(record) FROM kept_mail WHERE reason = $1 ORDER BY received_at DESC, id`, m.Reason); err != nil {
			return err
		}
		var sum int64
		for i, l := range all {
			if sum += l.size; l.id == m.ID || i < mails && sum <= bytes {
				continue
			}
			if _, err := t.exec(`DELETE FROM kept_mail WHERE id = $1`, l.id); err != nil {
				return err
			}
			dropped++
		}
		return nil
	})
	return kept && err == nil, dropped, err
}

const microsPerDay = int64(24 * time.Hour / time.Microsecond)

// CountMail implements courier.InStore.
func (d *DB) CountMail(ctx context.Context, what string, mails int, at time.Time) error {
	return d.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO mail_counts (day, what, mails) VALUES ($1, $2, $3) ON CONFLICT (day, what) DO UPDATE SET mails = mail_counts.mails + excluded.mails`,
			at.UnixMicro()/microsPerDay, what, mails)
		return err
	})
}

// MailCounts implements courier.InboxStore.
func (d *DB) MailCounts(ctx context.Context, since time.Time) (counts []courier.MailCount, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var c courier.MailCount
			var day int64
			err := rows.Scan(&day, &c.What, &c.Mails)
			c.Day = time.UnixMicro(day * microsPerDay).UTC()
			counts = append(counts, c)
			return err
		}, `SELECT day, what, mails FROM mail_counts WHERE day >= $1 ORDER BY day DESC, what`, since.UnixMicro()/microsPerDay)
	})
	return counts, err
}

const keptColumns = `id, received_at, reason, detail, coalesce(notice, ''), coalesce(holder, ''), size`

func scanKept(scan func(...any) error, more ...any) (m courier.KeptMail, err error) {
	var holder string
	if err := scan(append([]any{&m.ID, instant{&m.ReceivedAt}, &m.Reason, &m.Detail, &m.Notice, &holder, &m.Size}, more...)...); err != nil {
		return m, err
	}
	if holder != "" {
		m.Representative, err = crypto.ParseRepresentative(holder)
	}
	return m, err
}

// KeptMails implements courier.InboxStore.
func (d *DB) KeptMails(ctx context.Context, limit int) (kept []courier.KeptMail, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			m, err := scanKept(rows.Scan)
			kept = append(kept, m)
			return err
		}, `SELECT `+keptColumns+` FROM kept_mail ORDER BY received_at DESC, id LIMIT $1`, limit)
	})
	return kept, err
}

// KeptMail implements courier.InboxStore.
func (d *DB) KeptMail(ctx context.Context, id string) (m courier.KeptMail, err error) {
	err = d.look(ctx, func(t *tx) error {
		var record []byte
		m, err = scanKept(t.row(`SELECT `+keptColumns+`, record FROM kept_mail WHERE id = $1`, id).Scan, &record)
		m.Record = record
		return orNotFound(err, "no-mail", "There is no such mail; somebody may have dealt with it, or it was given up for newer ones.")
	})
	return m, err
}

// RemoveKeptMail implements courier.InboxStore.
func (d *DB) RemoveKeptMail(ctx context.Context, id string) error {
	return d.writeOnce(ctx, func(t *tx) error {
		removed, err := t.exec(`DELETE FROM kept_mail WHERE id = $1`, id)
		if err == nil && removed == 0 {
			return portal.Errorf(portal.NotFound, "no-mail", "There is no such mail; somebody may have dealt with it.")
		}
		return err
	})
}
