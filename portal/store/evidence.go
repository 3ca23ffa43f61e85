package store

import (
	"context"
	"database/sql"
	"slices"

	"valise/crypto"
	"valise/portal"
)

// MailboxEvidence implements dispatch.Store.
func (d *DB) MailboxEvidence(ctx context.Context, n, after crypto.Number, limit int) (found []portal.MailboxEvidence, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		at := map[crypto.Number]int{}
		if err := t.each(func(rows *sql.Rows) error {
			var m portal.MailboxEvidence
			var a acknowledgement
			err := rows.Scan(append([]any{&m.Mailbox, instant{&m.DeliveredAt}, instant{&m.OpenedAt}, optionalText{&m.OpenedBy}}, a.columns()...)...)
			if err != nil {
				return err
			}
			m.Acknowledgement, err = a.record(n)
			at[m.Mailbox] = len(found)
			found = append(found, m)
			return err
		}, `SELECT d.mailbox, d.delivered_at, d.opened_at, d.opened_by, a.holder, a.certificate, a.decision, a.received_at, a.receipt
			FROM deliveries d LEFT JOIN acknowledgements a ON a.notice = d.notice AND a.mailbox = d.mailbox
			WHERE d.notice = $1 AND d.mailbox > $2 ORDER BY d.mailbox LIMIT $3`, n, after, limit); err != nil || len(found) == 0 {
			return err
		}
		if err := t.members(n, found, at); err != nil {
			return err
		}
		args := []any{n}
		for _, m := range found {
			args = append(args, m.Mailbox)
		}
		events, err := t.noticeEvents(`WHERE notice = $1 AND mailbox IN (`+parameters(2, len(found))+`)`, args...)
		for _, e := range events {
			m := &found[at[e.Mailbox]]
			m.Events = append(m.Events, e)
		}
		return err
	})
	return found, err
}

// members adds the representatives that the notice was sealed to, and their chains, to the mailboxes from the first to the last one of found. A mailbox's numbers
// are looked for by number and not as a range, as databases differ in how they order texts.
func (t *tx) members(n crypto.Number, found []portal.MailboxEvidence, at map[crypto.Number]int) error {
	args := make([]any, 0, 1+len(found))
	args = append(args, n)
	for _, m := range found {
		args = append(args, m.Mailbox)
	}
	of := map[string]*portal.MemberEvidence{}
	if err := t.each(func(rows *sql.Rows) error {
		var holder string
		var membership []byte
		if err := rows.Scan(&holder, &membership); err != nil {
			return err
		}
		r, err := crypto.ParseRepresentative(holder)
		if err != nil {
			return err
		}
		m := &found[at[r.Mailbox]]
		m.Members = append(m.Members, portal.MemberEvidence{Representative: r, Membership: membership})
		return nil
	}, `SELECT holder, membership FROM envelopes WHERE notice = $1 AND mailbox IN (`+parameters(2, len(found))+`)`, args...); err != nil {
		return err
	}
	for i := range found {
		slices.SortFunc(found[i].Members, func(a, b portal.MemberEvidence) int { return a.Representative.Ordinal - b.Representative.Ordinal })
		for j := range found[i].Members {
			of[found[i].Members[j].Representative.String()] = &found[i].Members[j]
		}
	}
	return t.each(func(rows *sql.Rows) error {
		var holder string
		var link portal.ChainLink
		err := rows.Scan(&holder, &link.Fingerprint, &link.Certificate)
		if m := of[holder]; m != nil {
			m.Chain = append(m.Chain, link)
		}
		return err
	}, `SELECT c.holder, c.fingerprint, c.certificate FROM envelopes e JOIN certificates c ON c.holder = e.holder
		WHERE e.notice = $1 AND e.mailbox IN (`+parameters(2, len(found))+`) ORDER BY c.holder, c.position`, args...)
}

// Receipts implements dispatch.Store.
func (d *DB) Receipts(ctx context.Context, n, after crypto.Number, limit int) (found []portal.AcknowledgementRecord, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var a acknowledgement
			if err := rows.Scan(a.columns()...); err != nil {
				return err
			}
			record, err := a.record(n)
			if record != nil {
				found = append(found, *record)
			}
			return err
		}, `SELECT holder, certificate, decision, received_at, receipt FROM acknowledgements WHERE notice = $1 AND mailbox > $2 ORDER BY mailbox LIMIT $3`, n, after, limit)
	})
	return found, err
}
