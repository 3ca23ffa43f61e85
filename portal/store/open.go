package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"valise/portal/dispatch"
	"valise/portal/publish"
	"valise/portal/registry"
	"valise/portal/session"
)

// DB is an open database. Its methods may be called by many goroutines, and several DBs, on several machines, may share a
// PostgreSQL database. Use Open.
type DB struct {
	speech
	readers *sql.DB
	// write runs one transaction, writeOnce a function with only one statement that writes, which needs none around it. This is where the two
	// databases differ.
	write, writeOnce func(context.Context, func(*tx) error) error

	dialect goose.Dialect
	options []goose.ProviderOption // for migrations
	writers *sql.DB                // what migrations run on
	close   func() error
}

var (
	_ registry.Store  = (*DB)(nil)
	_ dispatch.Store  = (*DB)(nil)
	_ publish.Store   = (*DB)(nil)
	_ session.Records = (*DB)(nil)
	_ session.Nonces  = (*DB)(nil)
	_ session.Limits  = (*DB)(nil)
)

// callTime bounds every call, so that a network that swallows packets ends in an answer. A body of tens of megabytes
// has to fit in.
const callTime = time.Minute

// Open opens a database: "postgres://…" (or "postgresql://…") or the path of a SQLite file, which may have "sqlite:" before it.
// The file is made, readable by its owner only, if it isn't there; its folder must exist. The tables come with Migrate.
func Open(ctx context.Context, dsn string) (*DB, error) {
	var d *DB
	var err error
	switch {
	case strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://"):
		d, err = openPostgreSQL(dsn)
	case dsn == "" || dsn == "sqlite:":
		return nil, errors.New("no database was named: give the path of a SQLite file, or postgres://…")
	case strings.Contains(dsn, "://"): // not shown: it may hold a password
		return nil, errors.New("the database's address is neither postgres://… nor the path of a SQLite file")
	default:
		d, err = openSQLite(ctx, strings.TrimPrefix(dsn, "sqlite:"))
	}
	if err != nil {
		return nil, err
	}
	if err := d.Ping(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the tables up to date. Several nodes may do so at once.
func (d *DB) Migrate(ctx context.Context) error {
	provider, err := d.migrator()
	if err != nil {
		return err
	}
	if _, err = provider.Up(ctx); err != nil {
		return fault(err)
	}
	return d.fillAsked(ctx)
}

// ErrNotMigrated is told when tables are missing, or older than this program.
var ErrNotMigrated = errors.New("the database's tables are missing, or older than this program; bring them up to date with --migrate")

// Migrated asks whether there is nothing left for Migrate to do; ErrNotMigrated.
func (d *DB) Migrated(ctx context.Context) error {
	provider, err := d.migrator()
	if err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err == nil && pending {
		return ErrNotMigrated
	}
	return fault(err)
}

func (d *DB) migrator() (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(d.dialect, d.writers, folder, append(d.options, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(searchMigration(d.search)))...)
}

// Ping asks whether the database can be reached; portal.Unavailable.
func (d *DB) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return fault(d.readers.PingContext(ctx))
}

// Close ends all connections. What is being written is finished first; what comes after is refused.
func (d *DB) Close() error { return d.close() }
