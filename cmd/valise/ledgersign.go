package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/ledger/witness"
	"valise/portal/store"
)

// LedgerSignCommand puts events into the ledger and signs it.
type LedgerSignCommand struct {
	Database     string        `env:"VALISE_DATABASE" placeholder:"DSN" help:"The portal's database: a file for SQLite, or postgres://…."`
	DatabaseFile string        `env:"VALISE_DATABASE_FILE" placeholder:"FILE" help:"A file that holds the DSN, when it contains a password."`
	Key          []string      `required:"" env:"VALISE_LEDGER_SIGNING_KEY" type:"existingfile" placeholder:"FILE" help:"The ledger's private key, made with 'valise ledger key new'. Two while it changes its key; it then signs with both."`
	State        string        `required:"" env:"VALISE_LEDGER_STATE" placeholder:"FILE" help:"Where it keeps what it signed last, outside the database. Back it up with the key, and never put an older copy back."`
	Create       bool          `help:"Begin the ledger: make the state file, which must not exist yet."`
	Every        time.Duration `placeholder:"DURATION" help:"Go on until SIGINT or SIGTERM, once every so long (10s, 10m). Without it, once."`
	RoundTo      int           `env:"VALISE_LEDGER_ROUND_TO" placeholder:"N" help:"Add leaves that mean nothing, so that each round enters a multiple of N private ones, and nobody can count what happened."`
	Witnesses    string        `env:"VALISE_LEDGER_WITNESSES" type:"existingfile" placeholder:"FILE" help:"Ask these witnesses to cosign: a line for each, its verifier key, a space, its address."`
}

// Help is the part of --help below the summary.
func (LedgerSignCommand) Help() string {
	return manual(`Each round puts what has happened since into the tree, in an order that tells nothing; compares the database with what was signed before; signs; asks the witnesses; and publishes the checkpoint, which the portal then serves. Run it on a host that the web servers can't reach into; it needs the database, and nothing needs it.

It believes nobody. When the database is no longer what it signed (leaves deleted, changed, put back from an older copy) it signs nothing, says what it found, and ends with status 3: it needs people. Nothing else stops it; a database that can't be reached is tried again.

--every is also how finely anybody can tell from outside when something happened: take minutes where that matters more than speed. One process per ledger; a second one waits for nothing and ends.

EXAMPLES

  valise ledger sign --database portal.db --key ledger.key --state ledger.state --create
  valise ledger sign --database-file database --key ledger.key --state ledger.state --every 10s --round-to 16 --witnesses witnesses

FILES

  --witnesses: lines such as "university.example/witness+6828871a+BHFB… https://witness.university.example"; empty lines and those that begin with # are passed over.

JSON

  origin, size, root, entered, cosignatures (witness, at), failures

EXIT STATUS

  0 signed, or ended by a signal; 1 failed; 2 wrong usage; 3 the database contradicts what was signed, or a witness has seen another ledger.`)
}

type signedLedgerJSON struct {
	Origin       string            `json:"origin"`
	Size         int64             `json:"size"`
	Root         string            `json:"root"`
	Entered      int               `json:"entered"`
	Cosignatures []cosignatureJSON `json:"cosignatures"`
	Failures     []string          `json:"failures"`
}

// Run signs once, or until ctx ends.
func (c *LedgerSignCommand) Run(ctx context.Context, p *process) (err error) {
	if c.Every < 0 {
		return usagef("--every must be above nought")
	}
	dsn, err := setting("database", c.Database, c.DatabaseFile)
	if err != nil {
		return usageError{err}
	}
	if dsn == "" {
		return usagef("no database was named: give --database, or --database-file")
	}
	keys, err := c.keys(p)
	if err != nil {
		return err
	}
	witnesses, err := c.witnesses(p)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.Create {
		if err := ledger.CreateSigner(c.State, keys[0].Name(), keys...); err != nil {
			return err
		}
	}
	signer, err := ledger.OpenSigner(c.State, keys[0].Name(), keys...)
	if err != nil {
		return fmt.Errorf("%w (--create begins a ledger that has never been signed)", err)
	}
	defer signer.Close()
	k := &ledgerKeeper{store: db, signer: signer, witnesses: witnesses, roundTo: c.RoundTo, log: slog.New(slog.NewJSONHandler(p.stderr, nil))}
	if c.Every > 0 {
		return k.keep(ctx, c.Every)
	}
	round, err := k.round(ctx)
	if err != nil {
		return err
	}
	return round.report(p)
}

// keys reads the private keys.
func (c *LedgerSignCommand) keys(p *process) (keys []*ledger.Key, err error) {
	for _, path := range c.Key {
		line, err := p.readSecretLine(path)
		if err != nil {
			return nil, err
		}
		key, err := ledger.ParseLogKey(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// askedWitness is a witness that is asked to cosign.
type askedWitness struct {
	client *witness.Client
	key    note.Verifier
}

const (
	// witnessTime bounds how long a round waits for witnesses.
	witnessTime = 10 * time.Second
	// witnessEvery is how often witnesses are asked again about a ledger that stands still: the time in a cosignature shows how old a view is.
	witnessEvery = 10 * time.Minute
)

func (c *LedgerSignCommand) witnesses(p *process) (witnesses []askedWitness, err error) {
	if c.Witnesses == "" {
		return nil, nil
	}
	lines, err := p.readLines(c.Witnesses)
	if err != nil {
		return nil, err
	}
	visitor := &http.Client{Timeout: witnessTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, line := range lines {
		vkey, address, _ := strings.Cut(line, " ")
		key, err := ledger.ParseWitnessVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Witnesses, err)
		}
		address = strings.TrimSpace(address)
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("%s: the witness %s has no address; write it behind the key: %s https://witness.example", c.Witnesses, key.Name(), vkey)
		}
		witnesses = append(witnesses, askedWitness{witness.NewClient(address, key, visitor), key})
	}
	return witnesses, nil
}

// ledgerKeeper is the process that keeps a ledger.
type ledgerKeeper struct {
	store     *store.DB
	signer    *ledger.Signer
	witnesses []askedWitness
	roundTo   int
	log       *slog.Logger

	asked time.Time // when witnesses were asked last
}

// ledgerRound is what one round came to.
type ledgerRound struct {
	checkpoint *ledger.SignedCheckpoint
	entered    int
	failures   []error // of witnesses
}

// keep works until ctx ends, or until something is wrong that only people can set right.
func (k *ledgerKeeper) keep(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		before := k.signer.Last().Size
		round, err := k.round(ctx)
		var alarm *ledger.Alarm
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &alarm):
			k.log.Error("the ledger needs people", "trouble", string(alarm.Trouble), "what", alarm.Text)
			return err
		case err != nil:
			k.log.Error("signing the ledger", "cause", portal.Scrubbed(err))
		case round.checkpoint.Size > before:
			k.log.Info("ledger signed", "size", round.checkpoint.Size, "cosignatures", len(round.checkpoint.Cosignatures()))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// round does everything once: it puts what waits into the tree, signs, asks witnesses, publishes. An alarm says that the database, or a witness,
// contradicts what was signed.
func (k *ledgerKeeper) round(ctx context.Context) (*ledgerRound, error) {
	r := new(ledgerRound)
	for more := true; more; {
		n, err := k.store.SequenceLedger(ctx, k.roundTo)
		if err != nil {
			return nil, err
		}
		r.entered += n
		more = n == ledger.MaxSequenced
	}
	signed, err := k.signer.Sign(ctx, k.store)
	if err != nil {
		return nil, err
	}
	published, err := k.store.LedgerCheckpoint(ctx)
	if err != nil && portal.KindOf(err) != portal.NotFound {
		return nil, err
	}
	r.checkpoint = k.withKept(signed, published)
	if len(k.witnesses) > 0 && (len(r.checkpoint.Cosignatures()) < len(k.witnesses) || time.Since(k.asked) >= witnessEvery) {
		k.ask(ctx, r)
	}
	if !bytes.Equal(r.checkpoint.Bytes(), published) {
		if err := k.store.PublishCheckpoint(ctx, r.checkpoint); err != nil {
			return nil, err
		}
	}
	for _, failure := range r.failures {
		var alarm *ledger.Alarm
		if errors.As(failure, &alarm) {
			return nil, failure // it is published all the same: what was signed can't be taken back, and readers should see it
		}
	}
	return r, nil
}

// withKept adds the cosignatures that an earlier round has got for the same checkpoint.
func (k *ledgerKeeper) withKept(signed *ledger.SignedCheckpoint, published []byte) *ledger.SignedCheckpoint {
	lines, same := bytes.CutPrefix(published, []byte(signed.Text()+"\n"))
	if !same {
		return signed
	}
	for _, w := range k.witnesses {
		if added, err := signed.Cosigned(lines, w.key); err == nil {
			signed = added
		}
	}
	return signed
}

// ask asks all witnesses.
func (k *ledgerKeeper) ask(ctx context.Context, r *ledgerRound) {
	ctx, cancel := context.WithTimeout(ctx, witnessTime)
	defer cancel()
	clients := make([]*witness.Client, len(k.witnesses))
	for i, w := range k.witnesses {
		clients[i] = w.client
	}
	r.checkpoint, r.failures = witness.Gather(ctx, clients, k.store, r.checkpoint)
	k.asked = time.Now()
	for _, failure := range r.failures {
		k.log.Warn("a witness did not cosign", "cause", portal.Scrubbed(failure))
	}
}

func (r *ledgerRound) report(p *process) error {
	c := r.checkpoint
	done := signedLedgerJSON{Origin: c.Origin, Size: c.Size, Root: c.Root.String(), Entered: r.entered, Cosignatures: cosignaturesJSON(c), Failures: []string{}}
	for _, failure := range r.failures {
		done.Failures = append(done.Failures, failure.Error())
	}
	p.report(done, func() {
		p.say("%s: %s entered; signed at %s.", c.Origin, count(r.entered, "event", "events"), count(int(c.Size), "leaf", "leaves"))
		for _, s := range c.Cosignatures() {
			p.say("    cosigned by %s, %s", s.Witness, hourUTC(s.At))
		}
	})
	return nil
}
