package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"time"

	"valise/crypto"
	"valise/portal"
)

// contactEvents are the events that are contacts outside the portal: signed by somebody of the staff. What the courier does has nobody's name.
const contactEvents = `v.evidence IS NOT NULL AND v.by_whom IS NOT NULL AND v.via <> 'portal' AND v.kind IN ('NotificationForAcceptance', 'ConsignmentNotificationFailure')`

// RecordContact implements dispatch.Store: the event with its entry for the ledger, and the note beside it. One signed text is one event.
func (d *DB) RecordContact(ctx context.Context, c portal.ContactRecord) (kept portal.ContactRecord, created bool, err error) {
	sum := sha256.Sum256(c.Signed)
	event := portal.NoticeEvent{
		ID: portal.NoticeEventID("contact", hex.EncodeToString(sum[:])), Notice: c.Notice, Mailbox: c.Mailbox, Kind: portal.NotificationForAcceptance,
		At: c.ReceivedAt, By: c.By, Via: portal.NoticeVia(c.Way), Evidence: c.Signed,
	}
	if !c.Outcome.Told() {
		event.Kind = portal.ConsignmentNotificationFailure
	}
	if err := event.Check(); err != nil {
		return kept, false, err
	}
	err = d.write(ctx, func(t *tx) error {
		kept, created = c, true
		var one int
		if err := t.row(`SELECT 1 FROM deliveries WHERE notice = $1 AND mailbox = $2`, c.Notice, c.Mailbox).Scan(&one); err != nil {
			return orNotFound(err, "no-delivery", "The notice %s was not sent to the mailbox %s.", c.Notice, c.Mailbox)
		}
		if err := t.recordEvents([]portal.NoticeEvent{event}); err != nil {
			return err
		}
		if err := t.row(`SELECT at FROM notice_events WHERE id = $1`, event.ID).Scan(instant{&kept.ReceivedAt}); err != nil {
			return err
		}
		if created = kept.ReceivedAt.UnixMicro() == c.ReceivedAt.UnixMicro(); len(c.Note) == 0 {
			return nil
		}
		_, err := t.exec(`INSERT INTO contact_notes (event, note) VALUES ($1, $2) ON CONFLICT (event) DO NOTHING`, event.ID, c.Note)
		return err
	})
	if err != nil {
		return portal.ContactRecord{}, false, err
	}
	return kept, created, nil
}

// Contacts implements dispatch.Store.
func (d *DB) Contacts(ctx context.Context, n crypto.Number) (contacts []portal.ContactRecord, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			c := portal.ContactRecord{Notice: n}
			err := rows.Scan(&c.Mailbox, &c.By, instant{&c.ReceivedAt}, &c.Signed, &c.Note)
			contacts = append(contacts, c)
			return err
		}, `SELECT v.mailbox, v.by_whom, v.at, v.evidence, c.note FROM notice_events v LEFT JOIN contact_notes c ON c.event = v.id
			WHERE v.notice = $1 AND `+contactEvents+` ORDER BY v.at DESC, v.id`, n)
	})
	return contacts, err
}

// Told implements dispatch.Store.
func (d *DB) Told(ctx context.Context, n crypto.Number) (map[crypto.Number]portal.Told, error) {
	told := map[crypto.Number]portal.Told{}
	err := d.snapshot(ctx, func(t *tx) error {
		if err := t.each(func(rows *sql.Rows) error {
			var mailbox crypto.Number
			var one portal.Told
			err := rows.Scan(&mailbox, instant{&one.RemindedAt})
			told[mailbox] = one
			return err
		}, `SELECT mailbox, max(at) FROM notice_events WHERE notice = $1 AND kind = 'NotificationForAcceptance' AND via = 'portal' GROUP BY mailbox`, n); err != nil {
			return err
		}
		return t.each(func(rows *sql.Rows) error {
			c := portal.ContactRecord{Notice: n}
			err := rows.Scan(&c.Mailbox, &c.By, instant{&c.ReceivedAt}, &c.Signed)
			one := told[c.Mailbox]
			one.Contact = &c // the last one is the newest
			told[c.Mailbox] = one
			return err
		}, `SELECT v.mailbox, v.by_whom, v.at, v.evidence FROM notice_events v WHERE v.notice = $1 AND `+contactEvents+` ORDER BY v.at, v.id`, n)
	})
	return told, err
}

// RecordReminders implements dispatch.Store. It locks the notice, so that of two who remind at once the second finds what the first did.
func (d *DB) RecordReminders(ctx context.Context, n crypto.Number, mailboxes []crypto.Number, by string, at, since time.Time) (reminded []crypto.Number, err error) {
	err = d.write(ctx, func(t *tx) error {
		reminded = nil
		var one int
		if err := t.row(`SELECT 1 FROM notices WHERE number = $1`+t.forUpdate, n).Scan(&one); err != nil {
			return orNotFound(err, "no-notice", "There is no notice %s.", n)
		}
		lately := map[crypto.Number]bool{}
		if err := t.each(func(rows *sql.Rows) error {
			var mailbox crypto.Number
			err := rows.Scan(&mailbox)
			lately[mailbox] = true
			return err
		}, `SELECT DISTINCT mailbox FROM notice_events WHERE notice = $1 AND kind = 'NotificationForAcceptance' AND via = 'portal' AND at > $2`, n, micros(since)); err != nil {
			return err
		}
		var events []portal.NoticeEvent
		for _, mailbox := range mailboxes {
			if lately[mailbox] {
				continue
			}
			e := portal.NoticeEvent{ID: portal.NewNoticeEventID(), Notice: n, Mailbox: mailbox, Kind: portal.NotificationForAcceptance, At: at, By: by, Via: portal.ViaPortal}
			if err := e.Check(); err != nil {
				return err
			}
			events = append(events, e)
			reminded = append(reminded, mailbox)
		}
		if err := t.recordEvents(events); err != nil || len(events) == 0 {
			return err
		}
		return t.queueReminders(n, at)
	})
	return reminded, err
}
