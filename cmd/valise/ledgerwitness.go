package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/ledger/witness"
)

// LedgerWitnessCommand runs a witness.
type LedgerWitnessCommand struct {
	Listen string   `default:"127.0.0.1:8090" env:"VALISE_WITNESS_LISTEN" placeholder:"ADDRESS" help:"Where to listen; port 0 takes a free one. Put a proxy in front that does TLS."`
	Folder string   `required:"" env:"VALISE_WITNESS_FOLDER" placeholder:"DIR" help:"Where it keeps what it cosigned last of each ledger. Back it up with the key, and never put an older copy back."`
	Key    string   `required:"" env:"VALISE_WITNESS_KEY" type:"existingfile" placeholder:"FILE" help:"The witness's private key, made with 'valise ledger key new --witness'."`
	Log    []string `required:"" type:"existingfile" placeholder:"FILE" help:"The verifier key of a ledger to witness, from its institution; may be given several times, twice for one that changes its key."`
	Create bool     `help:"Prepare the folder, which must not have been one already."`
}

// Help is the part of --help below the summary.
func (LedgerWitnessCommand) Help() string {
	return manual(`A witness cosigns the checkpoints of ledgers, each only when it extends the one cosigned before. It is of worth when somebody else runs it than the institution: another court, a university, a newspaper. It keeps one small file for each ledger, and asks nobody for anything.

Speaks C2SP tlog-witness: POST /add-checkpoint, and GET /<SHA-256 of the ledger's name>/checkpoint for what it cosigned last. Cosignatures are Ed25519 (cosignature/v1). Logs are JSON lines on standard error, without addresses.

EXAMPLES

  valise ledger key new --witness --name university.example/witness --key witness.key --verifier witness.vkey
  valise ledger witness --folder witness --create --key witness.key --log court.vkey
  valise ledger witness --folder witness --key witness.key --log court.vkey --listen 127.0.0.1:8090

EXIT STATUS

  0 after a signal; 1 when it can't start or failed; 2 wrong usage.`)
}

// Run serves until ctx ends.
func (c *LedgerWitnessCommand) Run(ctx context.Context, p *process) (err error) {
	line, err := p.readSecretLine(c.Key)
	if err != nil {
		return err
	}
	key, err := ledger.ParseWitnessKey(line)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	policies, err := c.policies(p)
	if err != nil {
		return err
	}
	if c.Create {
		if err := os.MkdirAll(c.Folder, 0o700); err != nil {
			return err
		}
		if err := ledger.CreateWitness(c.Folder, key); err != nil {
			return err
		}
	}
	w, err := ledger.OpenWitness(c.Folder, key, policies...)
	if err != nil {
		return fmt.Errorf("%w (--create prepares a new one)", err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	logger := slog.New(slog.NewJSONHandler(p.stderr, nil))
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	logger.Info("witnessing", "listen", listener.Addr().String(), "name", key.Name(), "verifier_key", key.VerifierKey())
	return serveWitness(ctx, listener, witness.Handler(w, func(err error) { logger.Error("the witness has trouble", "cause", portal.Scrubbed(err)) }))
}

// policies are whose checkpoints it knows.
func (c *LedgerWitnessCommand) policies(p *process) (policies []ledger.Policy, err error) {
	at := map[string]int{}
	for _, path := range c.Log {
		v, err := p.readVerifier(path, ledger.ParseLogVerifier)
		if err != nil {
			return nil, err
		}
		i, known := at[v.Name()]
		if !known {
			i = len(policies)
			at[v.Name()] = i
			policies = append(policies, ledger.Policy{Origin: v.Name()})
		}
		policies[i].Log = append(policies[i].Log, v)
	}
	return policies, nil
}

func serveWitness(ctx context.Context, listener net.Listener, handler http.Handler) error {
	const patience = 10 * time.Second
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // it would name addresses
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		return server.Shutdown(stop)
	}
}
