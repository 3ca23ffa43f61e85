package store

import (
	"context"
	"database/sql"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// querier is *sql.DB, *sql.Conn or *sql.Tx.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// speech is in what the SQL of the two databases differs.
type speech struct {
	// What ends a SELECT that locks its rows; empty on SQLite, where a writing transaction is alone.
	forUpdate, forShare string
	// parameters is how many a statement has at most when it could be done with any number. For PostgreSQL each statement costs a round trip; SQLite
	// looks each parameter's name up among all others, so its time grows with the square.
	parameters int
	search     searchSpeech
}

var (
	speechOfSQLite     = speech{parameters: 60, search: searchOfSQLite}
	speechOfPostgreSQL = speech{forUpdate: " FOR UPDATE", forShare: " FOR SHARE", parameters: 6000, search: searchOfPostgreSQL}
)

// tx is a transaction for as long as one function runs in it.
type tx struct {
	speech
	ctx context.Context
	on  querier
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (changed int64, err error) {
	result, err := t.on.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row asks for one row; sql.ErrNoRows comes from its Scan.
func (t *tx) row(query string, args ...any) *sql.Row {
	return t.on.QueryRowContext(t.ctx, query, args...)
}

// each hands every row to scan.
func (t *tx) each(scan func(rows *sql.Rows) error, query string, args ...any) error {
	rows, err := t.on.QueryContext(t.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// insert writes many rows with few statements; row by row, PostgreSQL would spend its time on round trips.
func (t *tx) insert(table, columns string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	width := len(rows[0])
	for len(rows) > 0 {
		n := min(len(rows), max(1, t.parameters/width))
		var query strings.Builder
		query.WriteString("INSERT INTO " + table + " (" + columns + ") VALUES ")
		args := make([]any, 0, n*width)
		for i, row := range rows[:n] {
			if i > 0 {
				query.WriteString(", ")
			}
			query.WriteString("(" + parameters(len(args)+1, width) + ")")
			args = append(args, row...)
		}
		if _, err := t.exec(query.String(), args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// parameters returns "$3, $4, $5" for first 3 and n 3.
func parameters(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(first+i))
	}
	return b.String()
}

// rounded returns values, the last one several times, so that there is a power of two of them, or most: lists of any length make a few texts then, and both databases keep what they compiled.
func rounded(values []any, most int) []any {
	n := min(most, 1<<bits.Len(uint(len(values)-1)))
	return append(slices.Clip(values), slices.Repeat(values[len(values)-1:], n-len(values))...)
}

// look runs one reading statement.
func (d *DB) look(ctx context.Context, do func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return fault(do(&tx{speech: d.speech, ctx: ctx, on: d.readers}))
}

// snapshot runs several reading statements that see the database as it was at one moment.
func (d *DB) snapshot(ctx context.Context, do func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	t, err := d.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return fault(err)
	}
	defer t.Rollback() // nothing to commit
	return fault(do(&tx{speech: d.speech, ctx: ctx, on: t}))
}

// ------------------------------------------------------------------ times

// micros is how a time is kept; NULL for the zero time.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// instant scans what micros wrote.
type instant struct{ t *time.Time }

func (i instant) Scan(value any) error {
	var n sql.Null[int64]
	if err := n.Scan(value); err != nil {
		return err
	}
	*i.t = time.Time{}
	if n.Valid {
		*i.t = time.UnixMicro(n.V).UTC()
	}
	return nil
}

// present makes octets that must be there out of nil: NULL would mean "none" there.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
