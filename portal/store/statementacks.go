package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/publish"
)

// kindsText is how the kinds that a version asks are kept: "SO".
func kindsText(kinds []crypto.Kind) string {
	var b strings.Builder
	for _, k := range kinds {
		b.WriteByte(byte(k))
	}
	return b.String()
}

// fillAsked reads in the manifests of versions that were published before there was a column for it whom they ask.
func (d *DB) fillAsked(ctx context.Context) error {
	return d.write(ctx, func(t *tx) error {
		type missing struct {
			statement crypto.Number
			version   int
			signed    []byte
		}
		var all []missing
		if err := t.each(func(rows *sql.Rows) error {
			var m missing
			err := rows.Scan(&m.statement, &m.version, &m.signed)
			all = append(all, m)
			return err
		}, `SELECT statement, version, signed FROM statement_versions WHERE asked IS NULL`); err != nil {
			return err
		}
		for _, m := range all {
			signed, err := crypto.ParseSignedStatement(m.signed)
			if err != nil {
				return fmt.Errorf("version %d of %s: %w", m.version, m.statement, err)
			}
			manifest, err := crypto.ParseStatementManifest(signed.Manifest)
			if err != nil {
				return fmt.Errorf("version %d of %s: %w", m.version, m.statement, err)
			}
			if _, err := t.exec(`UPDATE statement_versions SET asked = $3, deadline = $4 WHERE statement = $1 AND version = $2`,
				m.statement, m.version, kindsText(publish.Asked(manifest)), micros(manifest.Deadline)); err != nil {
				return err
			}
		}
		return nil
	})
}

// MailboxStatements implements publish.Store.
func (d *DB) MailboxStatements(ctx context.Context, mailbox crypto.Number) (statements []publish.MailboxStatement, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		statements, err = t.mailboxStatements(mailbox, "")
		return err
	})
	return statements, err
}

// MailboxStatement implements publish.Store.
func (d *DB) MailboxStatement(ctx context.Context, mailbox, n crypto.Number) (s publish.MailboxStatement, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		found, err := t.mailboxStatements(mailbox, n)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return portal.Errorf(portal.NotFound, "no-statement", "There is no statement %s in your mailbox. What is published for everybody stands under Statements.", n)
		}
		s = found[0]
		return nil
	})
	return s, err
}

// mailboxStatements returns all, or the one named.
func (t *tx) mailboxStatements(mailbox, one crypto.Number) (statements []publish.MailboxStatement, err error) {
	kind := string(rune(mailbox.Kind()))
	args := []any{mailbox, "%" + kind + "%"}
	only, onlyReceipts := ``, ``
	if one != "" {
		args = append(args, one)
		only, onlyReceipts = ` AND h.statement = $3`, ` AND statement = $2`
	}
	var entries []publish.Entry
	at := map[crypto.Number]int{}
	if err := t.each(func(rows *sql.Rows) error {
		var s publish.MailboxStatement
		var asked optionalText
		var text string
		asked.text = &text
		if err := rows.Scan(&s.Statement, &s.Version, &s.Kind, &s.Topic, asked, instant{&s.Deadline}, instant{&s.PublishedAt}, instant{&s.IssuedAt}, instant{&s.FetchedAt}); err != nil {
			return err
		}
		if s.Asks = strings.Contains(text, kind); !s.Asks {
			s.Deadline = time.Time{}
		}
		at[s.Statement] = len(statements)
		statements, entries = append(statements, s), append(entries, publish.Entry{Statement: s.Statement})
		return nil
	}, `SELECT h.statement, h.version, h.kind, h.topic, v.asked, v.deadline, v.published_at, m.issued_at, f.fetched_at
		FROM statement_heads h
		JOIN statement_versions v ON v.statement = h.statement AND v.version = h.version
		JOIN mailboxes m ON m.number = $1
		LEFT JOIN statement_fetches f ON f.statement = h.statement AND f.version = h.version AND f.mailbox = $1
		WHERE h.statement IN (SELECT statement FROM statement_versions WHERE asked <> '' AND asked LIKE $2)`+only+` ORDER BY h.place DESC`, args...); err != nil {
		return nil, err
	}
	if err := t.titles(entries); err != nil {
		return nil, err
	}
	for i := range entries {
		statements[i].Titles = entries[i].Titles
	}
	receipts := []any{mailbox}
	if one != "" {
		receipts = append(receipts, one)
	}
	return statements, t.each(func(rows *sql.Rows) error {
		a, err := scanStatementAcknowledgement(rows.Scan)
		if i, ok := at[a.Statement]; ok {
			statements[i].Acknowledgements = append(statements[i].Acknowledgements, a)
		}
		return err
	}, `SELECT `+statementAcknowledgementColumns+`, NULL FROM statement_acknowledgements WHERE mailbox = $1`+onlyReceipts+` ORDER BY statement, version DESC`, receipts...)
}

const statementAcknowledgementColumns = `statement, version, holder, certificate, decision, received_at`

func scanStatementAcknowledgement(scan func(...any) error) (a portal.StatementAcknowledgement, err error) {
	var holder string
	if err = scan(&a.Statement, &a.Version, &holder, &a.Certificate, &a.Decision, instant{&a.ReceivedAt}, &a.Receipt); err != nil {
		return a, err
	}
	a.Representative, err = crypto.ParseRepresentative(holder)
	return a, err
}

// MarkStatementFetched implements publish.Store.
func (d *DB) MarkStatementFetched(ctx context.Context, mailbox, n crypto.Number, version int, at time.Time) (fetched time.Time, err error) {
	err = d.write(ctx, func(t *tx) error {
		if _, err := t.exec(`INSERT INTO statement_fetches (statement, version, mailbox, fetched_at) VALUES ($1, $2, $3, $4) ON CONFLICT (statement, version, mailbox) DO NOTHING`,
			n, version, mailbox, micros(at)); err != nil {
			return err
		}
		return t.row(`SELECT fetched_at FROM statement_fetches WHERE statement = $1 AND version = $2 AND mailbox = $3`, n, version, mailbox).Scan(instant{&fetched})
	})
	return fetched, err
}

// RecordStatementAcknowledgement implements publish.Store: the receipt, and its entry for the ledger. Who comes second sees what is there.
func (d *DB) RecordStatementAcknowledgement(ctx context.Context, a portal.StatementAcknowledgement) (kept portal.StatementAcknowledgement, created bool, err error) {
	mailbox := a.Representative.Mailbox
	err = d.write(ctx, func(t *tx) error {
		kept, created = a, true
		err := t.row(`INSERT INTO statement_acknowledgements (statement, version, mailbox, holder, certificate, decision, received_at, receipt)
			SELECT f.statement, f.version, f.mailbox, CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS BIGINT), $8
			FROM statement_fetches f JOIN statement_heads h ON h.statement = f.statement AND h.version = f.version
			WHERE f.statement = $1 AND f.version = $2 AND f.mailbox = $3
			ON CONFLICT (statement, version, mailbox) DO NOTHING RETURNING received_at`,
			a.Statement, a.Version, mailbox, a.Representative.String(), a.Certificate, a.Decision, micros(a.ReceivedAt), present(a.Receipt)).Scan(instant{&kept.ReceivedAt})
		if err == nil {
			return t.enter(ledger.Event{
				Kind: ledger.StatementAcknowledged, Statement: a.Statement, Version: a.Version, Representative: a.Representative, Receipt: sha256.Sum256(a.Receipt), At: a.ReceivedAt,
			})
		}
		if err != sql.ErrNoRows {
			return err
		}
		created = false
		kept, err = t.statementAcknowledgement(a.Statement, a.Version, mailbox)
		switch {
		case portal.KindOf(err) == portal.NotFound:
			return t.notAcknowledgeable(a)
		case err != nil || bytes.Equal(kept.Receipt, a.Receipt):
			return err
		}
		return portal.Errorf(portal.Conflict, "already-acknowledged", "Representative /%d acknowledged this statement for the mailbox at %s; there is one receipt per mailbox.",
			kept.Representative.Ordinal, kept.ReceivedAt.Format(time.RFC3339))
	})
	if err != nil {
		return portal.StatementAcknowledgement{}, false, err
	}
	return kept, created, nil
}

// notAcknowledgeable says why a receipt can't be kept: nobody has fetched the version, or another one was published meanwhile.
func (t *tx) notAcknowledgeable(a portal.StatementAcknowledgement) error {
	var newest int
	err := t.row(`SELECT version FROM statement_heads WHERE statement = $1`, a.Statement).Scan(&newest)
	switch {
	case err != nil:
		return orNotFound(err, "no-statement", "There is no statement %s.", a.Statement)
	case newest != a.Version:
		return portal.Errorf(portal.Conflict, "statement-corrected", "The receipt is for version %d of %s, which version %d has replaced. Open that, and see what it asks.", a.Version, a.Statement, newest)
	}
	return publish.ErrNotFetched
}

// StatementAcknowledgement implements publish.Store.
func (d *DB) StatementAcknowledgement(ctx context.Context, n crypto.Number, version int, mailbox crypto.Number) (a portal.StatementAcknowledgement, err error) {
	err = d.look(ctx, func(t *tx) (err error) {
		a, err = t.statementAcknowledgement(n, version, mailbox)
		return err
	})
	return a, err
}

func (t *tx) statementAcknowledgement(n crypto.Number, version int, mailbox crypto.Number) (portal.StatementAcknowledgement, error) {
	a, err := scanStatementAcknowledgement(t.row(`SELECT `+statementAcknowledgementColumns+`, receipt FROM statement_acknowledgements
		WHERE statement = $1 AND mailbox = $2 AND (version = $3 OR $3 = 0) ORDER BY version DESC LIMIT 1`, n, mailbox, version).Scan)
	if err != nil {
		return portal.StatementAcknowledgement{}, orNotFound(err, "no-acknowledgement", "The mailbox %s has not acknowledged the statement %s.", mailbox, n)
	}
	return a, nil
}

// StatementMailboxes implements publish.Store. It is one statement that reads each table once, also for tens of thousands of mailboxes.
func (d *DB) StatementMailboxes(ctx context.Context, n crypto.Number, version int, kinds []crypto.Kind) (lines []publish.StatementMailbox, err error) {
	args := []any{n, version}
	for _, k := range kinds {
		args = append(args, string(rune(k)))
	}
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var line publish.StatementMailbox
			var a acknowledgement
			if err := rows.Scan(append([]any{&line.Mailbox, instant{&line.IssuedAt}, instant{&line.FetchedAt}}, a.columns()...)...); err != nil {
				return err
			}
			if a.holder.Valid {
				r, err := crypto.ParseRepresentative(a.holder.V)
				if err != nil {
					return err
				}
				line.Acknowledgement = &portal.StatementAcknowledgement{
					Statement: n, Version: version, Representative: r, Certificate: crypto.Fingerprint(a.certificate.V), Decision: crypto.Decision(a.decision.V), ReceivedAt: a.received,
				}
			}
			lines = append(lines, line)
			return nil
		}, `SELECT m.number, m.issued_at, f.fetched_at, a.holder, a.certificate, a.decision, a.received_at, NULL
			FROM mailboxes m
			LEFT JOIN statement_fetches f ON f.statement = $1 AND f.version = $2 AND f.mailbox = m.number
			LEFT JOIN statement_acknowledgements a ON a.statement = $1 AND a.version = $2 AND a.mailbox = m.number
			WHERE substr(m.number, 1, 1) IN (`+parameters(3, len(kinds))+`)
				AND m.number IN (SELECT mailbox FROM representatives WHERE state <> 'revoked')
			ORDER BY m.number`, args...)
	})
	return lines, err
}

// AwaitedStatements implements publish.Store.
func (d *DB) AwaitedStatements(ctx context.Context, n int) (awaited []publish.Awaited, mailboxes map[crypto.Kind]int, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		var entries []publish.Entry
		if err := t.each(func(rows *sql.Rows) error {
			var a publish.Awaited
			var asked string
			if err := rows.Scan(&a.Statement, &a.Version, &asked, instant{&a.Deadline}, instant{&a.PublishedAt}, &a.Answered); err != nil {
				return err
			}
			for _, kind := range []byte(asked) {
				a.Asked = append(a.Asked, crypto.Kind(kind))
			}
			awaited, entries = append(awaited, a), append(entries, publish.Entry{Statement: a.Statement})
			return nil
		}, `SELECT h.statement, h.version, v.asked, v.deadline, v.published_at,
				(SELECT count(*) FROM statement_acknowledgements a WHERE a.statement = h.statement AND a.version = h.version)
			FROM statement_heads h JOIN statement_versions v ON v.statement = h.statement AND v.version = h.version
			WHERE v.asked <> '' ORDER BY h.place DESC LIMIT $1`, n); err != nil {
			return err
		}
		if err := t.titles(entries); err != nil {
			return err
		}
		for i := range entries {
			awaited[i].Titles = entries[i].Titles
		}
		mailboxes = map[crypto.Kind]int{}
		return t.each(func(rows *sql.Rows) error {
			var kind string
			var count int
			if err := rows.Scan(&kind, &count); err != nil {
				return err
			}
			mailboxes[crypto.Kind(kind[0])] = count
			return nil
		}, `SELECT substr(number, 1, 1), count(*) FROM mailboxes WHERE number IN (SELECT mailbox FROM representatives WHERE state <> 'revoked') GROUP BY substr(number, 1, 1)`)
	})
	return awaited, mailboxes, err
}
