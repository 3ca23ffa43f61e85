package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"valise/portal/ledger"
)

var _ ledger.Store = (*DB)(nil)

// enter keeps an event for the ledger in the transaction of the event itself: no event without its leaf, no leaf without its event. It locks
// nothing and waits for nobody; putting leaves into the tree, each of which builds on those before, is done afterwards, many at a time (SequenceLedger).
//
// The row tells what happened in clear, opening included. So do the rows of the event beside it, and with signatures that prove it: who reads one
// reads the other.
func (t *tx) enter(e ledger.Event) error {
	entry, err := ledger.Enter(e)
	if err != nil {
		return err
	}
	hash := entry.Leaf().Hash()
	_, err = t.exec(`INSERT INTO ledger_entries (subject, hash, extra) VALUES ($1, $2, $3)`, entry.Subject, hash[:], entry.Extra)
	return err
}

// enterAll is enter for many events, with few statements.
func (t *tx) enterAll(events []ledger.Event) error {
	rows := make([][]any, len(events))
	for i, e := range events {
		entry, err := ledger.Enter(e)
		if err != nil {
			return err
		}
		hash := entry.Leaf().Hash()
		rows[i] = []any{entry.Subject, hash[:], entry.Extra}
	}
	return t.insert("ledger_entries", "subject, hash, extra", rows)
}

// LedgerEntry implements ledger.Store.
func (d *DB) LedgerEntry(ctx context.Context, subject string) (e ledger.Entry, index int64, err error) {
	err = d.look(ctx, func(t *tx) error {
		var extra []byte
		var leaf sql.Null[int64]
		if err := t.row(`SELECT extra, leaf FROM ledger_entries WHERE subject = $1`, subject).Scan(&extra, &leaf); err != nil {
			return orNotFound(err, "not-in-ledger", "The ledger has no such event.")
		}
		index = -1
		if leaf.Valid {
			index = leaf.V
		}
		e, err = ledger.ParseEntry(subject, extra)
		return err
	})
	return e, index, err
}

// SequenceLedger runs ledger.Sequence in a transaction.
func (d *DB) SequenceLedger(ctx context.Context, roundTo int) (entered int, err error) {
	err = d.write(ctx, func(t *tx) error {
		entered, err = ledger.Sequence(ctx, sequencer{t}, roundTo)
		return err
	})
	if err != nil {
		return 0, err
	}
	return entered, nil
}

// sequencer implements ledger.Sequencer.
type sequencer struct{ *tx }

// advisoryLockOfLedger is "valiselg" in ASCII: PostgreSQL's advisory locks have numbers, and each database its own.
const advisoryLockOfLedger int64 = 0x76616c6973656c67

// LockLedger implements ledger.Appender.
func (s sequencer) LockLedger(ctx context.Context) (int64, error) {
	if s.forUpdate != "" { // on SQLite a writing transaction is alone anyway
		if _, err := s.exec(`SELECT pg_advisory_xact_lock($1)`, advisoryLockOfLedger); err != nil { // it takes no right to change a table
			return 0, err
		}
	}
	return s.ledgerSize()
}

// LedgerHashes implements ledger.Appender.
func (s sequencer) LedgerHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	return s.ledgerHashes(indexes)
}

// AppendLedger implements ledger.Appender.
func (s sequencer) AppendLedger(ctx context.Context, size int64, leaves [][]byte, hashes []tlog.Hash) error {
	rows := make([][]any, len(leaves))
	for i, leaf := range leaves {
		rows[i] = []any{size + int64(i), leaf}
	}
	if err := s.insert("ledger_leaves", "i, leaf", rows); err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, size)
	rows = make([][]any, len(hashes))
	for i := range hashes {
		rows[i] = []any{first + int64(i), hashes[i][:]}
	}
	return s.insert("ledger_hashes", "i, hash", rows)
}

// Waiting implements ledger.Sequencer.
func (s sequencer) Waiting(ctx context.Context, n int) (waiting []ledger.Entry, err error) {
	err = s.each(func(rows *sql.Rows) error {
		var subject string
		var extra []byte
		if err := rows.Scan(&subject, &extra); err != nil {
			return err
		}
		e, err := ledger.ParseEntry(subject, extra)
		waiting = append(waiting, e)
		return err
	}, `SELECT subject, extra FROM ledger_entries WHERE leaf IS NULL ORDER BY hash LIMIT $1`, n)
	return waiting, err
}

// Settle implements ledger.Sequencer.
func (s sequencer) Settle(ctx context.Context, settled []ledger.Settled) error {
	for len(settled) > 0 {
		n := min(len(settled), s.parameters/2)
		query, args := "", make([]any, 0, 2*n)
		for i, e := range settled[:n] {
			if i > 0 {
				query += ", "
			}
			query += fmt.Sprintf("(CAST($%d AS TEXT), CAST($%d AS BIGINT))", 2*i+1, 2*i+2)
			args = append(args, e.Subject, e.Index)
		}
		changed, err := s.exec(`UPDATE ledger_entries SET leaf = v.column2 FROM (VALUES `+query+`) v WHERE subject = v.column1 AND leaf IS NULL`, args...)
		if err != nil {
			return err
		}
		if changed != int64(n) {
			return fmt.Errorf("of %d entries of the ledger %d could be settled", n, changed)
		}
		settled = settled[n:]
	}
	return nil
}

// LedgerSize implements ledger.Reader.
func (d *DB) LedgerSize(ctx context.Context) (size int64, err error) {
	err = d.look(ctx, func(t *tx) error {
		size, err = t.ledgerSize()
		return err
	})
	return size, err
}

// LedgerHashes implements ledger.Reader. Rows never change, so what several statements find is what one would.
func (d *DB) LedgerHashes(ctx context.Context, indexes []int64) (hashes []tlog.Hash, err error) {
	err = d.look(ctx, func(t *tx) error {
		hashes, err = t.ledgerHashes(indexes)
		return err
	})
	return hashes, err
}

// LedgerLeaves implements ledger.Reader.
func (d *DB) LedgerLeaves(ctx context.Context, first int64, n int) (leaves [][]byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		next := first
		return t.each(func(rows *sql.Rows) error {
			var i int64
			var leaf []byte
			if err := rows.Scan(&i, &leaf); err != nil {
				return err
			}
			if i != next {
				return fmt.Errorf("leaf %d of the ledger is missing: its tables are damaged", next)
			}
			next++
			leaves = append(leaves, leaf)
			return nil
		}, `SELECT i, leaf FROM ledger_leaves WHERE i >= $1 AND i < $2 ORDER BY i`, first, first+int64(n))
	})
	return leaves, err
}

// PublishCheckpoint keeps a checkpoint of the ledger; the one of the most leaves is served from then on. One of the same size is replaced: it may have found more witnesses.
func (d *DB) PublishCheckpoint(ctx context.Context, c *ledger.SignedCheckpoint) error {
	return d.writeOnce(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO ledger_checkpoints (size, signed, published_at) VALUES ($1, $2, $3)
			ON CONFLICT (size) DO UPDATE SET signed = excluded.signed, published_at = excluded.published_at`, c.Size, c.Bytes(), micros(time.Now()))
		return err
	})
}

// LedgerCheckpoint implements ledger.Store.
func (d *DB) LedgerCheckpoint(ctx context.Context) (signed []byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT signed FROM ledger_checkpoints ORDER BY size DESC LIMIT 1`).Scan(&signed),
			"no-checkpoint", "The ledger has no checkpoint yet: the process that signs it has not run.")
	})
	return signed, err
}

func (t *tx) ledgerSize() (size int64, err error) {
	return size, t.row(`SELECT coalesce(max(i) + 1, 0) FROM ledger_leaves`).Scan(&size)
}

var errHashMissing = errors.New("a hash of the ledger is missing: its tables are damaged")

// ledgerHashes returns stored hashes in the order of indexes.
func (t *tx) ledgerHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make(map[int64]tlog.Hash, len(indexes))
	wanted := make(map[int64]bool, len(indexes))
	for _, i := range indexes {
		wanted[i] = true
	}
	scan := func(rows *sql.Rows) error {
		var i int64
		var hash []byte
		if err := rows.Scan(&i, &hash); err != nil {
			return err
		}
		if len(hash) != tlog.HashSize {
			return errHashMissing
		}
		if wanted[i] {
			found[i] = tlog.Hash(hash)
		}
		return nil
	}
	// A tile's hashes of leaves lie side by side, those of nodes above them between; others are far apart.
	if n := len(indexes); n > 0 {
		low, high := slices.Min(indexes), slices.Max(indexes)
		if high-low < int64(4*n) {
			if err := t.each(scan, `SELECT i, hash FROM ledger_hashes WHERE i >= $1 AND i <= $2`, low, high); err != nil {
				return nil, err
			}
		} else if err := t.scatteredHashes(scan, indexes); err != nil {
			return nil, err
		}
	}
	hashes := make([]tlog.Hash, len(indexes))
	for at, i := range indexes {
		hash, ok := found[i]
		if !ok {
			return nil, errHashMissing
		}
		hashes[at] = hash
	}
	return hashes, nil
}

func (t *tx) scatteredHashes(scan func(*sql.Rows) error, indexes []int64) error {
	for len(indexes) > 0 {
		n := min(len(indexes), t.parameters)
		args := make([]any, n)
		for at, i := range indexes[:n] {
			args[at] = i
		}
		if err := t.each(scan, `SELECT i, hash FROM ledger_hashes WHERE i IN (`+parameters(1, n)+`)`, args...); err != nil {
			return err
		}
		indexes = indexes[n:]
	}
	return nil
}
