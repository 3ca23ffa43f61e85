package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
)

const deliveryQuery = `SELECT ` + noticeColumns + `, e.suite, e.envelope, e.membership, b.heading, d.delivered_at, d.opened_at,
		(SELECT max(v.at) FROM notice_events v WHERE v.notice = e.notice AND v.mailbox = e.mailbox AND v.kind = 'NotificationForAcceptance' AND v.via = 'portal'),
		a.holder, a.certificate, a.decision, a.received_at, a.receipt
	FROM envelopes e
	JOIN deliveries d ON d.notice = e.notice AND d.mailbox = e.mailbox
	JOIN notices n ON n.number = e.notice
	JOIN bodies b ON b.notice = e.notice AND b.suite = e.suite
	LEFT JOIN acknowledgements a ON a.notice = e.notice AND a.mailbox = e.mailbox
	WHERE e.holder = $1 `

func scanDelivery(scan func(...any) error) (portal.Delivery, error) {
	var d portal.Delivery
	var heading []byte
	var a acknowledgement
	into := append(noticeInto(&d.Notice), &d.Suite, &d.Envelope, &d.Membership, &heading, instant{&d.DeliveredAt}, instant{&d.OpenedAt}, instant{&d.RemindedAt})
	if err := scan(append(into, a.columns()...)...); err != nil {
		return portal.Delivery{}, err
	}
	d.Notice.Headings = map[crypto.Suite][]byte{d.Suite: heading}
	var err error
	d.Acknowledgement, err = a.record(d.Notice.Number)
	return d, err
}

// acknowledgement scans what a LEFT JOIN may leave out.
type acknowledgement struct {
	holder, certificate, decision sql.Null[string]
	received                      time.Time
	receipt                       []byte
}

func (a *acknowledgement) columns() []any {
	return []any{&a.holder, &a.certificate, &a.decision, instant{&a.received}, &a.receipt}
}

// record is nil when there is none.
func (a *acknowledgement) record(notice crypto.Number) (*portal.AcknowledgementRecord, error) {
	if !a.holder.Valid {
		return nil, nil
	}
	r, err := crypto.ParseRepresentative(a.holder.V)
	return &portal.AcknowledgementRecord{
		Notice: notice, Representative: r, Certificate: crypto.Fingerprint(a.certificate.V), Decision: crypto.Decision(a.decision.V),
		Receipt: a.receipt, ReceivedAt: a.received,
	}, err
}

// Deliveries implements dispatch.Store.
func (d *DB) Deliveries(ctx context.Context, r crypto.Representative) (deliveries []portal.Delivery, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			delivery, err := scanDelivery(rows.Scan)
			deliveries = append(deliveries, delivery)
			return err
		}, deliveryQuery+`ORDER BY d.delivered_at DESC, n.number`, r.String())
	})
	return deliveries, err
}

// Delivery implements dispatch.Store.
func (d *DB) Delivery(ctx context.Context, r crypto.Representative, n crypto.Number) (delivery portal.Delivery, err error) {
	err = d.look(ctx, func(t *tx) error {
		delivery, err = scanDelivery(t.row(deliveryQuery+`AND e.notice = $2`, r.String(), n).Scan)
		return orNotFound(err, "no-notice", "There is no notice %s in your mailbox.", n)
	})
	return delivery, err
}

// MarkOpened implements dispatch.Store.
func (d *DB) MarkOpened(ctx context.Context, r crypto.Representative, n crypto.Number, at time.Time) (opened time.Time, err error) {
	err = d.write(ctx, func(t *tx) error {
		err := t.row(`UPDATE deliveries SET opened_at = $3, opened_by = $4 WHERE notice = $1 AND mailbox = $2 AND opened_at IS NULL RETURNING opened_at`,
			n, r.Mailbox, micros(at), r.String()).Scan(instant{&opened})
		if err == nil {
			return t.enter(ledger.Event{Kind: ledger.NoticeOpened, Notice: n, Representative: r, At: at})
		}
		if err != sql.ErrNoRows {
			return err
		}
		err = t.row(`SELECT opened_at FROM deliveries WHERE notice = $1 AND mailbox = $2`, n, r.Mailbox).Scan(instant{&opened})
		return orNotFound(err, "no-notice", "There is no notice %s in your mailbox.", n)
	})
	return opened, err
}

// RecordAcknowledgement implements dispatch.Store: the receipt, and its entry for the ledger. Who comes second sees what is there.
func (d *DB) RecordAcknowledgement(ctx context.Context, a portal.AcknowledgementRecord) (kept portal.AcknowledgementRecord, created bool, err error) {
	mailbox := a.Representative.Mailbox
	err = d.write(ctx, func(t *tx) error {
		kept, created = a, true
		err := t.row(`INSERT INTO acknowledgements (notice, mailbox, holder, certificate, decision, received_at, receipt)
			SELECT notice, mailbox, CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT), $7
			FROM deliveries WHERE notice = $1 AND mailbox = $2 AND opened_at IS NOT NULL
			ON CONFLICT (notice, mailbox) DO NOTHING RETURNING received_at`,
			a.Notice, mailbox, a.Representative.String(), a.Certificate, a.Decision, micros(a.ReceivedAt), present(a.Receipt)).Scan(instant{&kept.ReceivedAt})
		if err == nil {
			return t.enter(ledger.Event{Kind: ledger.NoticeAcknowledged, Notice: a.Notice, Representative: a.Representative, Receipt: sha256.Sum256(a.Receipt), At: a.ReceivedAt})
		}
		if err != sql.ErrNoRows {
			return err
		}
		created = false
		kept, err = t.acknowledgement(a.Notice, mailbox)
		switch {
		case portal.KindOf(err) == portal.NotFound:
			return portal.Errorf(portal.Conflict, "not-opened", "The notice %s has not been opened. Open it, then acknowledge it.", a.Notice)
		case err != nil || bytes.Equal(kept.Receipt, a.Receipt):
			return err
		}
		return portal.Errorf(portal.Conflict, "already-acknowledged", "Representative /%d acknowledged this notice for the mailbox at %s; there is one receipt per mailbox.",
			kept.Representative.Ordinal, kept.ReceivedAt.Format(time.RFC3339))
	})
	if err != nil {
		return portal.AcknowledgementRecord{}, false, err
	}
	return kept, created, nil
}

// Acknowledgement implements dispatch.Store.
func (d *DB) Acknowledgement(ctx context.Context, n crypto.Number, mailbox crypto.Number) (a portal.AcknowledgementRecord, err error) {
	err = d.look(ctx, func(t *tx) (err error) {
		a, err = t.acknowledgement(n, mailbox)
		return err
	})
	return a, err
}

func (t *tx) acknowledgement(n, mailbox crypto.Number) (portal.AcknowledgementRecord, error) {
	var a acknowledgement
	if err := t.row(`SELECT holder, certificate, decision, received_at, receipt FROM acknowledgements WHERE notice = $1 AND mailbox = $2`, n, mailbox).Scan(a.columns()...); err != nil {
		return portal.AcknowledgementRecord{}, orNotFound(err, "no-acknowledgement", "The mailbox %s has not acknowledged the notice %s.", mailbox, n)
	}
	record, err := a.record(n)
	if err != nil {
		return portal.AcknowledgementRecord{}, err
	}
	return *record, nil
}

// Status implements dispatch.Store. Before release no mailbox has the notice yet, but a line all the same.
func (d *DB) Status(ctx context.Context, n crypto.Number) (lines []portal.MailboxStatus, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			line, err := scanStatus(rows, n)
			lines = append(lines, line)
			return err
		}, `SELECT m.mailbox, d.delivered_at, d.opened_at, a.holder, a.certificate, a.decision, a.received_at, NULL
			FROM (SELECT DISTINCT notice, mailbox FROM envelopes WHERE notice = $1 AND mailbox IS NOT NULL) m
			LEFT JOIN deliveries d ON d.notice = m.notice AND d.mailbox = m.mailbox
			LEFT JOIN acknowledgements a ON a.notice = m.notice AND a.mailbox = m.mailbox
			ORDER BY m.mailbox`, n)
	})
	return lines, err
}

// Certificates implements dispatch.Store. Of a few representatives it is one statement, which needs no transaction around it.
func (d *DB) Certificates(ctx context.Context, representatives ...crypto.Representative) (map[crypto.Representative][][]byte, error) {
	found := map[crypto.Representative][][]byte{}
	read := d.snapshot
	if len(representatives) <= d.speech.parameters {
		read = d.look
	}
	err := read(ctx, func(t *tx) error {
		for rest := representatives; len(rest) > 0; {
			n := min(len(rest), t.parameters)
			args := make([]any, n)
			byHolder := make(map[string]crypto.Representative, n)
			for i, r := range rest[:n] {
				args[i] = r.String()
				byHolder[r.String()] = r
			}
			chains, err := t.chains(`WHERE holder IN (`+parameters(1, n)+`)`, args...)
			if err != nil {
				return err
			}
			for holder, chain := range chains {
				found[byHolder[holder]] = chain
			}
			rest = rest[n:]
		}
		return nil
	})
	return found, err
}

// StaffCertificates implements dispatch.Store.
func (d *DB) StaffCertificates(ctx context.Context) ([][]byte, error) { return d.Staff(ctx) }
