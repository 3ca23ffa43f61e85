package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"valise/portal"
)

// retryAfter is how many seconds whoever meets an unreachable database is told to wait.
const retryAfter = 5

// fault turns what a database reports into a portal.Error. What it can't tell stays as it is, and so is Internal.
func fault(err error) error {
	var ours *portal.Error
	switch {
	case err == nil, errors.As(err, &ours), errors.Is(err, context.Canceled):
		return err
	case unique(err):
		return portal.Errorf(portal.Conflict, "exists", "That exists already. Look at what is there before you try again.").Because(err)
	case unreachable(err):
		e := portal.Errorf(portal.Unavailable, "database-unavailable", "The database can't be reached just now. Try again in a moment; if it was done the first time, the second changes nothing.")
		e.RetryAfter = retryAfter
		return e.Because(err)
	}
	return err
}

func unique(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code == "23505"
	}
	var s *sqlite.Error
	return errors.As(err, &s) && (s.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || s.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func unreachable(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		// Connection exceptions, resources, the operator's intervention, read-only after a fail-over; and races lost too often.
		for _, class := range []string{"08", "53", "57", "25006", "40001", "40P01"} {
			if strings.HasPrefix(p.Code, class) {
				return true
			}
		}
		return false
	}
	var s *sqlite.Error
	if errors.As(err, &s) {
		switch s.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
			return true
		}
		return false
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) || errors.Is(err, errClosed) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// orNotFound makes the absence of a row what it means.
func orNotFound(err error, code, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return portal.Errorf(portal.NotFound, code, format, args...)
	}
	return err
}
