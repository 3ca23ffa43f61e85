package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	_ "modernc.org/sqlite"

	"valise/crypto"
)

// database is a ledger in a SQLite file, as a store would keep it.
type database struct{ db *sql.DB }

func newDatabase(t testing.TB) *database {
	t.Helper()
	// Nothing here is about durability, so nothing waits for the disk.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "ledger.db")+"?_txlock=immediate&_pragma=synchronous(OFF)&_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	d := &database{db}
	d.exec(t, `CREATE TABLE leaves (i INTEGER PRIMARY KEY, leaf BLOB NOT NULL)`)
	d.exec(t, `CREATE TABLE hashes (i INTEGER PRIMARY KEY, hash BLOB NOT NULL)`)
	return d
}

func (d *database) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := d.db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

// append enters leaves in a transaction of their own.
func (d *database) append(t testing.TB, leaves ...Leaf) (first int64) {
	t.Helper()
	tx, err := d.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if first, err = Append(t.Context(), transaction{tx}, leaves...); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return first
}

// empty makes it a new one.
func (d *database) empty(t testing.TB) {
	t.Helper()
	d.exec(t, `DELETE FROM leaves`)
	d.exec(t, `DELETE FROM hashes`)
}

func (d *database) LedgerSize(ctx context.Context) (int64, error) { return size(ctx, d.db) }
func (d *database) LedgerHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	return readHashes(ctx, d.db, indexes)
}

func (d *database) LedgerLeaves(ctx context.Context, first int64, n int) ([][]byte, error) {
	rows, err := d.db.QueryContext(ctx, `SELECT leaf FROM leaves WHERE i >= $1 AND i < $2 ORDER BY i`, first, first+int64(n))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var leaves [][]byte
	for rows.Next() {
		var leaf []byte
		if err := rows.Scan(&leaf); err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf)
	}
	return leaves, rows.Err()
}

// transaction is an Appender.
type transaction struct{ tx *sql.Tx }

func (t transaction) LockLedger(ctx context.Context) (int64, error) { return size(ctx, t.tx) }
func (t transaction) LedgerHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	return readHashes(ctx, t.tx, indexes)
}

func (t transaction) AppendLedger(ctx context.Context, size int64, leaves [][]byte, hashes []tlog.Hash) error {
	texts := make([]any, len(leaves))
	for i, l := range leaves {
		texts[i] = l
	}
	if err := t.insert(ctx, `leaves`, size, texts); err != nil {
		return err
	}
	octets := make([]any, len(hashes))
	for i := range hashes {
		octets[i] = hashes[i][:]
	}
	return t.insert(ctx, `hashes`, tlog.StoredHashIndex(0, size), octets)
}

func (t transaction) insert(ctx context.Context, table string, first int64, blobs []any) error {
	const rows = 50
	for len(blobs) > 0 {
		n := min(rows, len(blobs))
		var query strings.Builder
		fmt.Fprintf(&query, `INSERT INTO %s VALUES ($1, $2)`, table)
		args := []any{first, blobs[0]}
		for i, blob := range blobs[1:n] {
			fmt.Fprintf(&query, `, ($%d, $%d)`, 2*i+3, 2*i+4)
			args = append(args, first+int64(i)+1, blob)
		}
		if _, err := t.tx.ExecContext(ctx, query.String(), args...); err != nil {
			return err
		}
		first, blobs = first+int64(n), blobs[n:]
	}
	return nil
}

type queries interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func size(ctx context.Context, q queries) (n int64, err error) {
	return n, q.QueryRowContext(ctx, `SELECT coalesce(max(i)+1, 0) FROM leaves`).Scan(&n)
}

func readHashes(ctx context.Context, q queries, indexes []int64) ([]tlog.Hash, error) {
	args := make([]any, len(indexes))
	place := make(map[int64]int, len(indexes))
	for i, index := range indexes {
		args[i], place[index] = index, i
	}
	rows, err := q.QueryContext(ctx, `SELECT i, hash FROM hashes WHERE i IN (?`+strings.Repeat(`, ?`, len(indexes)-1)+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	hashes := make([]tlog.Hash, len(indexes))
	found := 0
	for rows.Next() {
		var index int64
		var hash []byte
		if err := rows.Scan(&index, &hash); err != nil {
			return nil, err
		}
		copy(hashes[place[index]][:], hash)
		found++
	}
	return hashes[:found], rows.Err()
}

// -------------------------------------------------------------- events

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func digestOf(n int) (d Digest) {
	d[0], d[1], d[31] = byte(n), byte(n>>8), 1
	return d
}

func number(t testing.TB, text string) crypto.Number {
	t.Helper()
	n, err := crypto.ParseNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// statement returns the leaf of a statement, another for each n.
func statement(t testing.TB, n int) Leaf {
	t.Helper()
	l, err := PublicLeaf(Event{Kind: StatementPublished, Statement: exampleStatement, Version: 1, Manifest: digestOf(n), At: noon})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// statements returns the leaves of n statements.
func statements(t testing.TB, first, n int) []Leaf {
	leaves := make([]Leaf, n)
	for i := range leaves {
		leaves[i] = statement(t, first+i)
	}
	return leaves
}

const (
	exampleStatement   = "P-V2HC9RK1"
	exampleNotice      = "N-4GZ0R8T4"
	exampleMailbox     = "S-7K2M9QXD"
	exampleEvent       = "000102030405060708090a0b0c0d0e0f"
	exampleFingerprint = "4438A73AE3D8028A366777D5B466E1600CBA9275"
)
