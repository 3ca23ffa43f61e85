package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
)

// RecordNoticeEvents keeps events, each with its entry for the ledger. What was kept under an ID before stays as it is. An event without an ID is given one.
// portal.NotFound when there is no such notice.
func (d *DB) RecordNoticeEvents(ctx context.Context, events []portal.NoticeEvent) error {
	events = slices.Clone(events)
	for i := range events {
		if events[i].ID == "" {
			events[i].ID = portal.NewNoticeEventID()
		}
		if err := events[i].Check(); err != nil {
			return err
		}
	}
	if len(events) == 0 {
		return nil
	}
	// In one order, so that of two who record the same one waits for the other, and not each for the other.
	slices.SortFunc(events, func(a, b portal.NoticeEvent) int { return cmp.Compare(a.ID, b.ID) })
	return d.write(ctx, func(t *tx) error {
		if err := t.knowNotices(events); err != nil {
			return err
		}
		return t.recordEvents(events)
	})
}

// knowNotices refuses events of notices that there are none of, in words instead of a broken foreign key.
func (t *tx) knowNotices(events []portal.NoticeEvent) error {
	known := map[crypto.Number]bool{}
	for _, e := range events {
		if known[e.Notice] {
			continue
		}
		var one int
		if err := t.row(`SELECT 1 FROM notices WHERE number = $1`, e.Notice).Scan(&one); err != nil {
			return orNotFound(err, "no-notice", "There is no notice %s.", e.Notice)
		}
		known[e.Notice] = true
	}
	return nil
}

const eventColumns = `id, notice, mailbox, kind, at, by_whom, via, evidence`

// recordEvents adds checked events with many rows to a statement, and enters those that were not there.
func (t *tx) recordEvents(events []portal.NoticeEvent) error {
	const width = 8
	for len(events) > 0 {
		n := min(len(events), max(1, t.parameters/width))
		var query strings.Builder
		query.WriteString(`INSERT INTO notice_events (` + eventColumns + `) VALUES `)
		args := make([]any, 0, n*width)
		of := make(map[string]portal.NoticeEvent, n)
		for i, e := range events[:n] {
			if _, twice := of[e.ID]; twice {
				return fmt.Errorf("two events of a notice are given the ID %s", e.ID)
			}
			of[e.ID] = e
			if i > 0 {
				query.WriteString(", ")
			}
			query.WriteString("(" + parameters(len(args)+1, width) + ")")
			args = append(args, e.ID, e.Notice, textOrNull(string(e.Mailbox)), string(e.Kind), micros(e.At), textOrNull(e.By), textOrNull(string(e.Via)), e.Evidence)
		}
		query.WriteString(` ON CONFLICT (id) DO NOTHING RETURNING id`)
		var added []ledger.Event
		if err := t.each(func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			added = append(added, ledger.OfNotice(of[id]))
			return err
		}, query.String(), args...); err != nil {
			return err
		}
		if err := t.enterAll(added); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// NoticeEvents returns the events of a notice, those of one mailbox or, for "", all, in the order of time.
func (d *DB) NoticeEvents(ctx context.Context, n, mailbox crypto.Number) (events []portal.NoticeEvent, err error) {
	err = d.look(ctx, func(t *tx) error {
		events, err = t.noticeEvents(`WHERE notice = $1 AND ($2 = '' OR mailbox = $2)`, n, string(mailbox))
		return err
	})
	return events, err
}

func (t *tx) noticeEvents(which string, args ...any) (events []portal.NoticeEvent, err error) {
	err = t.each(func(rows *sql.Rows) error {
		var e portal.NoticeEvent
		var mailbox, by, via sql.NullString
		err := rows.Scan(&e.ID, &e.Notice, &mailbox, &e.Kind, instant{&e.At}, &by, &via, &e.Evidence)
		e.Mailbox, e.By, e.Via = crypto.Number(mailbox.String), by.String, portal.NoticeVia(via.String)
		events = append(events, e)
		return err
	}, `SELECT `+eventColumns+` FROM notice_events `+which, args...)
	slices.SortFunc(events, func(a, b portal.NoticeEvent) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return events, err
}
