package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// maxConnections of one node. A PostgreSQL server takes 100 unless told otherwise.
const maxConnections = 24

func openPostgreSQL(dsn string) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("the database's address can't be read: %w", err) // pgx leaves the password out
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "valise"
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120)) // a second between tries, two minutes in all
	if err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(maxConnections)
	pool.SetMaxIdleConns(maxConnections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour) // so that nodes move on after a fail-over
	p := &postgreSQL{pool}
	return &DB{
		speech: speechOfPostgreSQL, readers: pool, write: p.write, writeOnce: p.writeOnce, dialect: goose.DialectPostgres, writers: pool,
		options: []goose.ProviderOption{goose.WithSessionLocker(locker)},
		close:   pool.Close,
	}, nil
}

type postgreSQL struct{ pool *sql.DB }

// maxTries of a transaction that PostgreSQL broke off because of another one.
const maxTries = 8

// write runs a transaction.
func (p *postgreSQL) write(ctx context.Context, do func(*tx) error) error {
	return again(ctx, func(ctx context.Context) error {
		// Read committed: what has to stay as it was read is locked by row.
		t, err := p.pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer t.Rollback() // of no effect after Commit
		if err := do(&tx{speech: speechOfPostgreSQL, ctx: ctx, on: t}); err != nil {
			return err
		}
		return t.Commit()
	})
}

// writeOnce lets the one statement that writes commit by itself, which saves two round trips.
func (p *postgreSQL) writeOnce(ctx context.Context, do func(*tx) error) error {
	return again(ctx, func(ctx context.Context) error { return do(&tx{speech: speechOfPostgreSQL, ctx: ctx, on: p.pool}) })
}

// again runs something, once more when it lost against another transaction.
func again(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var err error
	for try := range maxTries {
		if err = do(ctx); !lostRace(err) {
			break
		}
		select {
		case <-ctx.Done():
			return fault(ctx.Err())
		case <-time.After(rand.N(time.Duration(try+1) * 10 * time.Millisecond)):
		}
	}
	return fault(err)
}

// errLostRace is for transactions that find out by themselves.
var errLostRace = errors.New("another transaction was faster")

// lostRace says whether a transaction has to be done again: PostgreSQL asks for it (serialization_failure, deadlock_detected), or it does so itself.
func lostRace(err error) bool {
	var e *pgconn.PgError
	return errors.Is(err, errLostRace) || errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}
