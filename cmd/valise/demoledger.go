package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"valise/crypto"
	"valise/portal/ledger"
	"valise/portal/store"
)

const (
	demoLedgerName   = "court.demo/ledger"
	demoLedgerSecret = "ledger.key"
	demoLedgerState  = "ledger.state"
	demoLedgerKey    = "ledger-key.asc"

	demoLedgerEvery = 5 * time.Second
)

// newDemoLedger makes the ledger's key, begins it, and lets the root say whose it is.
func newDemoLedger(dir string, root *crypto.Key, now time.Time) error {
	key, err := ledger.NewLogKey(demoLedgerName)
	if err != nil {
		return err
	}
	signed, err := crypto.SignLedgerKey(root, crypto.LedgerKey{Log: demoLedgerName, Keys: []string{key.VerifierKey()}}, now)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{demoLedgerSecret: []byte(key.Secret() + "\n"), demoLedgerKey: signed} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return ledger.CreateSigner(filepath.Join(dir, demoLedgerState), demoLedgerName, key)
}

// signDemoLedger does in this process what 'valise ledger sign' does in one of its own, until stop is called.
func signDemoLedger(ctx context.Context, dir string, db *store.DB, log *slog.Logger) (stop func(), err error) {
	secret, err := os.ReadFile(filepath.Join(dir, demoLedgerSecret))
	if errors.Is(err, fs.ErrNotExist) { // a demo from before there was a ledger
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	key, err := ledger.ParseLogKey(strings.TrimSpace(string(secret)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", demoLedgerSecret, err)
	}
	signer, err := ledger.OpenSigner(filepath.Join(dir, demoLedgerState), demoLedgerName, key)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { // what goes wrong stands in the log; everything else goes on
		_ = (&ledgerKeeper{store: db, signer: signer, log: log}).keep(ctx, demoLedgerEvery)
	})
	return func() {
		cancel()
		group.Wait()
		signer.Close()
	}, nil
}
