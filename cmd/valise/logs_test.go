package main

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/portal/ledger"
	"valise/portal/portaltest"
	"valise/portal/store"
	"valise/portal/web"
)

// TestAFailingDatabaseNamesNobodyInTheLog: what a database says of a row that it refuses may hold an address or a number, and a log must not.
func TestAFailingDatabaseNamesNobodyInTheLog(t *testing.T) {
	for name, failing := range map[string]struct {
		driver, database string
		statements       []string
	}{
		"SQLite": {"sqlite", filepath.Join(t.TempDir(), "portal.db"), []string{
			`CREATE TRIGGER refused_limit BEFORE DELETE ON limits BEGIN SELECT RAISE(ABORT, 'no room for ama.mensah@mission.example of S-7K2M9QXD/2'); END`,
			`CREATE TRIGGER refused_checkpoint BEFORE INSERT ON ledger_checkpoints BEGIN SELECT RAISE(ABORT, 'no room for ama.mensah@mission.example of S-7K2M9QXD/2'); END`,
		}},
		"PostgreSQL": {"pgx", portaltest.PostgreSQL(t), []string{
			`CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room for ama.mensah@mission.example of S-7K2M9QXD/2'; END $$`,
			`CREATE TRIGGER refused_limit BEFORE DELETE ON limits FOR EACH STATEMENT EXECUTE FUNCTION refused()`,
			`CREATE TRIGGER refused_checkpoint BEFORE INSERT ON ledger_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refused()`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			fail := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			db, err := store.Open(t.Context(), failing.database)
			fail(err)
			defer db.Close()
			fail(db.Migrate(t.Context()))
			_, _, err = db.Allow(t.Context(), "somebody", 1, time.Nanosecond)
			fail(err)
			raw, err := sql.Open(failing.driver, failing.database)
			fail(err)
			defer raw.Close()
			for _, statement := range failing.statements {
				_, err := raw.ExecContext(t.Context(), statement)
				fail(err)
			}
			var log bytes.Buffer
			logger := slog.New(slog.NewJSONHandler(&log, nil))
			(&site{store: db, portal: &web.Portal{Log: logger}}).purge(t.Context())
			key, err := ledger.NewLogKey(liarsLedger)
			fail(err)
			state := filepath.Join(t.TempDir(), "state")
			fail(ledger.CreateSigner(state, liarsLedger, key))
			signer, err := ledger.OpenSigner(state, liarsLedger, key)
			fail(err)
			defer signer.Close()
			somethingHappens(t, db)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- (&ledgerKeeper{store: db, signer: signer, log: slog.New(untilFirst{logger.Handler(), cancel})}).keep(ctx, time.Hour)
			}()
			fail(<-done)
			if lines := strings.Count(log.String(), "\n"); lines != 2 {
				t.Errorf("%d lines, want one of the purge and one of the ledger:\n%s", lines, log.String())
			}
			for _, name := range []string{"mensah", "mission.example", "7K2M9QXD"} {
				if strings.Contains(log.String(), name) {
					t.Errorf("the log names %q:\n%s", name, log.String())
				}
			}
		})
	}
}

// untilFirst ends what logs after its first line.
type untilFirst struct {
	slog.Handler
	end func()
}

func (u untilFirst) Handle(ctx context.Context, r slog.Record) error {
	defer u.end()
	return u.Handler.Handle(ctx, r)
}
