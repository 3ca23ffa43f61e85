package store

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// SQLite compiles a statement each time it is asked, which takes longer than most of ours run. Every connection to a SQLite file keeps the statements that it compiled; pgx does the same for
// PostgreSQL.

// maxPrepared is how many statements a connection keeps, of some ten kilobytes each.
const maxPrepared = 64

// preparing opens connections that keep statements.
type preparing struct{ driver.Connector }

func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := c.(sqliteConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("the driver's connection is a %T, which can't keep statements", c)
	}
	return &preparedConn{conn, map[string]preparedStmt{}}, nil
}

// sqliteConn is what the driver's connections can do, but for running a text at once.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type preparedStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// preparedConn is a connection. Package sql has one goroutine at a time use it.
type preparedConn struct {
	sqliteConn
	idle map[string]preparedStmt // by their texts; one that runs isn't there
}

// Unwrap is for the driver.
func (c *preparedConn) Unwrap() driver.Conn { return c.sqliteConn }

// ExecContext implements driver.ExecerContext.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	if err != nil {
		s.Close()
		return nil, err
	}
	c.keep(query, s)
	return result, nil
}

// QueryContext implements driver.QueryerContext. The statement runs until its rows are closed.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &preparedRows{rows, c, query, s}, nil
}

type preparedRows struct {
	driver.Rows
	conn  *preparedConn
	query string
	stmt  preparedStmt
}

// Close implements driver.Rows. Package sql closes rows once.
func (r *preparedRows) Close() error {
	if err := r.Rows.Close(); err != nil {
		r.stmt.Close()
		return err
	}
	r.conn.keep(r.query, r.stmt)
	return nil
}

// take returns a statement that nothing else runs: one that was kept, or a new one.
func (c *preparedConn) take(ctx context.Context, query string) (preparedStmt, error) {
	if s, kept := c.idle[query]; kept {
		delete(c.idle, query)
		return s, nil
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := made.(preparedStmt)
	if !ok {
		made.Close()
		return nil, fmt.Errorf("the driver's statement is a %T, which can't be kept", made)
	}
	return s, nil
}

// keep puts a statement aside for the next time, in the place of any other one when there are too many.
func (c *preparedConn) keep(query string, s preparedStmt) {
	if _, twice := c.idle[query]; twice {
		s.Close()
		return
	}
	if len(c.idle) >= maxPrepared {
		for text, other := range c.idle {
			other.Close()
			delete(c.idle, text)
			break
		}
	}
	c.idle[query] = s
}

// Close implements driver.Conn.
func (c *preparedConn) Close() error {
	for _, s := range c.idle {
		s.Close()
	}
	clear(c.idle)
	return c.sqliteConn.Close()
}
