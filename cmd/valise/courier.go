package main

import (
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"valise/crypto"
	"valise/portal/correspond"
	"valise/portal/courier"
	"valise/portal/courier/route"
	"valise/portal/dispatch"
	"valise/portal/registry"
	"valise/portal/store"
)

// CourierCommand carries sealed messages by e-mail.
type CourierCommand struct {
	Key             string `required:"" env:"VALISE_COURIER_KEY" type:"existingfile" placeholder:"FILE" help:"The courier's key file, made with 'valise staff new' and certified with 'valise staff certify --role courier'."`
	SecretFile      string `env:"VALISE_COURIER_SECRET_FILE" placeholder:"FILE" help:"A file whose first line is the key file's passphrase (\"-\": standard input). Without it you are asked."`
	RootCertificate string `required:"" env:"VALISE_ROOT_CERTIFICATE" type:"existingfile" placeholder:"FILE" help:"The institution's root certificate (public)."`
	Database        string `env:"VALISE_DATABASE" placeholder:"DSN" help:"A file for SQLite, or postgres://…."`
	DatabaseFile    string `env:"VALISE_DATABASE_FILE" placeholder:"FILE" help:"A file that holds the DSN, when it contains a password."`
	Redis           string `env:"VALISE_REDIS" placeholder:"URL" help:"The portal's Redis, redis://… or rediss://…, over which its nodes are told at once that something about a notice changed. Without it open pages of staff show it some seconds later."`
	RedisFile       string `env:"VALISE_REDIS_FILE" placeholder:"FILE" help:"A file that holds the Redis URL."`

	courierFlags

	Now      bool          `help:"The portal is down: send everything that waits now, whatever its time and whatever quiet hours, and end. Who wants no e-mail gets none, and what a notice says must not go by e-mail doesn't."`
	Patience time.Duration `default:"15m" placeholder:"TIME" help:"With --now: how long what mail servers defer is tried again before the command ends."`
}

// courierFlags say how a courier works, in a process of its own or in the server's.
type courierFlags struct {
	Mail      string        `name:"mail" env:"VALISE_COURIER_MAIL" type:"existingfile" placeholder:"FILE" help:"As whom, and over which mail server, the courier writes (TOML), see below."`
	Workers   int           `name:"mail-workers" default:"16" env:"VALISE_COURIER_WORKERS" placeholder:"N" help:"How many mails are sent at once."`
	PerDomain int           `name:"mail-per-domain" default:"4" env:"VALISE_COURIER_PER_DOMAIN" placeholder:"N" help:"How many of them to one domain."`
	Pace      time.Duration `name:"mail-pace" default:"0s" env:"VALISE_COURIER_PACE" placeholder:"TIME" help:"How much time is left between two mails to one domain."`
	Lease     time.Duration `name:"mail-lease" default:"5m" env:"VALISE_COURIER_LEASE" placeholder:"TIME" help:"How long a mail is left to a courier that may have died before another one takes it up. Sending one takes less."`
	GiveUp    time.Duration `name:"mail-give-up" default:"120h" env:"VALISE_COURIER_GIVE_UP" placeholder:"TIME" help:"How long a mail that mail servers defer is tried before it is given up, and shown to staff."`

	Journal string `name:"mail-journal" env:"VALISE_COURIER_JOURNAL" placeholder:"FILE" help:"A file of this machine, on a disk that outlives the process, in which the courier notes what mail servers took until the database has it: one that is killed then sends next to nothing twice. Left out, it stands beside an SQLite database, and with PostgreSQL there is none. Couriers on one machine may name the same."`

	LMTP string `name:"lmtp" env:"VALISE_COURIER_LMTP" placeholder:"ADDRESS" help:"Take mail in here that a mail server hands over by LMTP: acknowledgements, mail that could not be delivered, replies. A path (a socket), or an address of the loopback interface such as 127.0.0.1:2424."`
	SMTP string `name:"smtp" env:"VALISE_COURIER_SMTP" placeholder:"ADDRESS" help:"Likewise by SMTP, for a mail server that speaks no LMTP."`

	InsecurePlainSMTP     bool `name:"insecure-plain-smtp" env:"VALISE_COURIER_INSECURE_PLAIN_SMTP" help:"Hand mail over without TLS. INSECURE, but for a mail server on this machine: whoever is on the line sees who gets mail. What a domain promises by DANE or MTA-STS is demanded all the same."`
	InsecureUnverifiedTLS bool `name:"insecure-unverified-tls" env:"VALISE_COURIER_INSECURE_UNVERIFIED_TLS" help:"Take any TLS certificate of a mail server. INSECURE: whoever is on the line can pretend to be it, and see who gets mail. What a domain promises by DANE or MTA-STS is demanded all the same."`
}

const courierMail = `FILES

  --mail is TOML. [individuals] is left out when they get no e-mail; otherwise nothing in it, nor its mail server, may lead to the institution.

    [institution]                             # to States and organisations
    from = "Registry <registry@court.example>"
    subject = "..."                           # for whom none of their own is set
    bounces = "bounces@court.example"         # what can't be delivered comes back to bounces+…@court.example
    reader = "https://reader.court.example/"  # the offline reader, for those whose mail program can't open the message
    cover = "…"                               # what stands before it, in place of two neutral sentences
    smarthost = "mail.court.example:587"      # left out: the recipient's domain's own servers
    user = "valise"                           # for log-in there
    password-file = "smtp.password"
    tls-first = false                         # true for port 465
    tls-roots = "ca.pem"                      # who vouches for its certificate, in place of the system's
    hello = "courier.court.example"           # the name to say; left out: the domain of from
    resolver = "127.0.0.1:53"                 # a DNS resolver on this machine that verifies DNSSEC: then DANE counts; left out: the system's, and it doesn't
    policies = "policies.court"               # without smarthost: where domains' MTA-STS policies are kept over a restart, sealed; left out: in memory

    [[institution.dkim]]                      # as many as wanted: Ed25519 and RSA
    selector = "2026a"
    key = "dkim.pem"                          # openssl genpkey -algorithm ed25519 -out dkim.pem

    [individuals]
    from = "M. Post <post@neutral.example>"
    …

    [imap]                                    # a mailbox that is emptied, where nobody can hand mail over with --lmtp
    server = "imap.court.example:993"         # with TLS
    user = "registry"
    password-file = "imap.password"
    mailbox = "INBOX"
    done = "Taken"                            # where mail goes that was taken; left out: it is deleted
    unwanted = "Too large"                    # where mail goes that is too large; left out: it stays, flagged
    tls-roots = "ca.pem"

  Paths are relative to the file's folder.`

// Help is the part of --help below the summary.
func (CourierCommand) Help() string {
	return manual(`What a notice's fallback says goes by e-mail is carried by the courier: the very message that lies in the mailbox, in a mail that says nothing outside. It alone can open the addresses, which registrars seal to it; it needs nothing but the database and a mail server, so run it on a host of its own. It listens nowhere, unless mail is to come in: then for the mail server beside it (--lmtp), or it fetches mail by IMAP. It answers no mail. Each mail is sent at least once, always under the same Message-ID. Couriers that share the work share one key.

What can't be sent, or came back, is shown to staff with what to do: 'valise outbox'; mail that came and that nothing could be done with: 'valise mail'.

Logs are JSON lines on standard error and hold counts only.

EXAMPLES

  valise staff new --name "Courier 1" --root-fingerprint "0123 4567 …" --key courier.key --certificate courier.asc
  valise staff certify courier.asc --key root.key --role courier
  valise staff add courier.asc --server https://portal.example
  valise courier --key courier.key --secret-file courier.secret --mail courier.toml --root-certificate root.asc --database-file /run/secrets/database

  valise courier --now …

` + courierMail + `

JSON

  with --now: sent, cancelled, dead (somebody must do something), waiting (tried again when a courier runs)

ENVIRONMENT

  GOGC, GOMEMLIMIT: how much memory it may take for speed; 300 and 256MiB when left out

EXIT STATUS

  0 after a signal, or when --now left nothing; 1 when it can't start, or --now left something; 2 for wrong usage.`)
}

// Run works until ctx ends, or until everything is sent.
func (c *CourierCommand) Run(ctx context.Context, p *process) error {
	dsn, err := databaseSetting(c.Database, c.DatabaseFile)
	if err != nil {
		return err
	}
	config, err := c.config(dsn)
	if err != nil {
		return err
	}
	root, err := readRoot(c.RootCertificate)
	if err != nil {
		return err
	}
	bundle, err := p.openKeyFile(c.Key, c.SecretFile)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	log := slog.New(slog.NewJSONHandler(p.stderr, nil))
	told, end, err := c.tell(ctx, log)
	if err != nil {
		return err
	}
	defer end()
	config.Told = told
	courier, err := openCourier(ctx, db, root, bundle, config, log)
	if err != nil {
		return err
	}
	log.Info("courier", "key", string(bundle.Key.Certificate().Fingerprint()))
	defer collectSeldom()()
	if !c.Now {
		return carryAndTakeIn(ctx, courier, db, dispatch.New(db, root, time.Now).Telling(told), correspond.New(db, root, time.Now), registry.New(db, root, nil, time.Now), config.In) // nil: it gives out no salts
	}
	totals, err := courier.Flush(ctx, c.Patience)
	if err != nil {
		return err
	}
	p.report(flushedJSON{totals.Sent, totals.Cancelled, totals.Dead, totals.Waiting}, func() {
		p.say("Sent %d. Not needed any more: %d.", totals.Sent, totals.Cancelled)
	})
	if totals.Dead+totals.Waiting > 0 {
		return fmt.Errorf("%d could not be sent, see 'valise outbox'; %d wait for a mail server and are tried again when a courier runs", totals.Dead, totals.Waiting)
	}
	return nil
}

// How garbage is collected in a courier's process, which is alone in it and has little that lasts: the heap grows to four times of that before it is, and seldomer still costs memory and
// saves nothing; as it comes near the limit, as often as it must. GOGC and GOMEMLIMIT say otherwise.
const (
	courierGarbage = 300       // percent
	courierMemory  = 256 << 20 // octets
)

// collectSeldom lets garbage be collected less often, until undo. What the key file's passphrase took is given back first.
func collectSeldom() (undo func()) {
	debug.FreeOSMemory()
	percent, limit := -1, int64(-1)
	if os.Getenv("GOGC") == "" {
		percent = debug.SetGCPercent(courierGarbage)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		limit = debug.SetMemoryLimit(courierMemory)
	}
	return func() {
		if percent >= 0 {
			debug.SetGCPercent(percent)
		}
		if limit >= 0 {
			debug.SetMemoryLimit(limit)
		}
	}
}

type flushedJSON struct {
	Sent      int `json:"sent"`
	Cancelled int `json:"cancelled"`
	Dead      int `json:"dead"`
	Waiting   int `json:"waiting"`
}

// openCourier makes a courier of a key file.
func openCourier(ctx context.Context, db *store.DB, root *crypto.Root, bundle *crypto.Bundle, config courier.Config, log *slog.Logger) (*courier.Courier, error) {
	key, err := certifiedKey(ctx, db, root, bundle, "courier")
	if err != nil {
		return nil, err
	}
	warnOfResolvers(ctx, config, log)
	return courier.New(db, root, key, bundle.Past, config, log, time.Now)
}

// warnOfResolvers says in the log when a resolver that is to verify answers can't do so: mail goes all the same, and DANE counts for none of it.
func warnOfResolvers(ctx context.Context, config courier.Config, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, i := range []*courier.Identity{config.Institution, config.Individuals} {
		if i != nil && i.Server.Resolver != "" && !route.Verifies(ctx, i.Server.Resolver) {
			log.Warn("courier", "problem", "the resolver does not vouch for the root of DNS (DNSSEC): while it doesn't, DANE does not count")
			return
		}
	}
}

// identityFile is a table of --mail.
type identityFile struct {
	From         string     `toml:"from"`
	Subject      string     `toml:"subject"`
	Bounces      string     `toml:"bounces"`
	Reader       string     `toml:"reader"`
	Cover        string     `toml:"cover"`
	Smarthost    string     `toml:"smarthost"`
	TLSFirst     bool       `toml:"tls-first"`
	TLSRoots     string     `toml:"tls-roots"`
	Hello        string     `toml:"hello"`
	Resolver     string     `toml:"resolver"`
	Policies     string     `toml:"policies"`
	User         string     `toml:"user"`
	PasswordFile string     `toml:"password-file"`
	DKIM         []dkimFile `toml:"dkim"`
}

type dkimFile struct {
	Selector string `toml:"selector"`
	Key      string `toml:"key"`
}

// config reads what the flags name, for a courier on a database.
func (c *courierFlags) config(dsn string) (courier.Config, error) {
	config := courier.Config{Workers: c.Workers, PerDomain: c.PerDomain, Pace: c.Pace, Lease: c.Lease, GiveUp: c.GiveUp, Journal: c.Journal}
	if config.Journal == "" && !strings.Contains(dsn, "://") {
		config.Journal = strings.TrimPrefix(dsn, "sqlite:") + ".mail-journal"
	}
	if c.Mail == "" {
		return config, usagef("say as whom the courier writes: --mail FILE")
	}
	var file struct {
		Institution *identityFile `toml:"institution"`
		Individuals *identityFile `toml:"individuals"`
		IMAP        *imapFile     `toml:"imap"`
	}
	data, err := os.ReadFile(c.Mail)
	if err != nil {
		return config, fmt.Errorf("--mail: %w", err)
	}
	if len(data) > maxInstitutionFile {
		return config, fmt.Errorf("%s has %d bytes, more than the %d that are read", c.Mail, len(data), maxInstitutionFile)
	}
	read, err := toml.Decode(string(data), &file)
	if err != nil {
		return config, fmt.Errorf("%s: %w", c.Mail, err)
	}
	if unknown := read.Undecoded(); len(unknown) > 0 {
		return config, fmt.Errorf("%s: the key %q is not known; see valise courier --help", c.Mail, unknown[0])
	}
	if file.Institution == nil {
		return config, fmt.Errorf("%s has no table [institution]: as whom to write to States and organisations", c.Mail)
	}
	folder := filepath.Dir(c.Mail)
	if config.Institution, err = c.identity(folder, file.Institution); err != nil {
		return config, fmt.Errorf("%s: [institution]: %w", c.Mail, err)
	}
	if file.Individuals != nil {
		if config.Individuals, err = c.identity(folder, file.Individuals); err != nil {
			return config, fmt.Errorf("%s: [individuals]: %w", c.Mail, err)
		}
		if p := config.Individuals.Server.Policies; p != "" && p == config.Institution.Server.Policies {
			return config, fmt.Errorf("%s: [institution] and [individuals] need a file each for policies", c.Mail)
		}
	}
	config.In = courier.Ways{LMTP: c.LMTP, SMTP: c.SMTP}
	if file.IMAP != nil {
		if config.In.IMAP, err = file.IMAP.mailbox(folder); err != nil {
			return config, fmt.Errorf("%s: [imap]: %w", c.Mail, err)
		}
	}
	return config, nil
}

// readBeside reads a file that another one names, by its path from that one's folder.
func readBeside(folder, path string) ([]byte, error) { return os.ReadFile(pathBeside(folder, path)) }

func pathBeside(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

func (c *courierFlags) identity(folder string, f *identityFile) (*courier.Identity, error) {
	beside := func(path string) ([]byte, error) { return readBeside(folder, path) }
	i := &courier.Identity{
		From: f.From, Subject: f.Subject, Bounces: f.Bounces, Reader: f.Reader, Cover: f.Cover,
		Server: courier.Server{
			Smarthost: f.Smarthost, TLSFirst: f.TLSFirst, Hello: f.Hello, Username: f.User, Resolver: f.Resolver,
			InsecurePlain: c.InsecurePlainSMTP, InsecureUnverified: c.InsecureUnverifiedTLS,
		},
	}
	if (f.User == "") != (f.PasswordFile == "") {
		return nil, errors.New("user and password-file go together")
	}
	if f.PasswordFile != "" {
		password, err := beside(f.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("password-file: %w", err)
		}
		i.Server.Password = strings.TrimSpace(string(password))
	}
	if f.Policies != "" {
		i.Server.Policies = pathBeside(folder, f.Policies)
	}
	if f.TLSRoots != "" {
		roots, err := beside(f.TLSRoots)
		if err != nil {
			return nil, fmt.Errorf("tls-roots: %w", err)
		}
		i.Server.Roots = x509.NewCertPool()
		if !i.Server.Roots.AppendCertsFromPEM(roots) {
			return nil, fmt.Errorf("tls-roots: %s holds no certificate (PEM)", f.TLSRoots)
		}
	}
	for _, d := range f.DKIM {
		data, err := beside(d.Key)
		if err != nil {
			return nil, fmt.Errorf("dkim: %w", err)
		}
		key, err := parseDKIMKey(data)
		if err != nil {
			return nil, fmt.Errorf("dkim: %s: %w", d.Key, err)
		}
		i.DKIM = append(i.DKIM, courier.DKIMKey{Selector: d.Selector, Key: key})
	}
	return i, i.Check()
}

func parseDKIMKey(data []byte) (stdcrypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, courier.CheckDKIMKey(nil)
	}
	var key any
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		key = nil
	}
	if err := courier.CheckDKIMKey(key); err != nil {
		return nil, err
	}
	return key.(stdcrypto.Signer), nil
}
