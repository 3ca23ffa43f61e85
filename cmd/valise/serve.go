package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/redis/go-redis/v9"

	"valise/crypto"
	"valise/portal"
	"valise/portal/audit"
	"valise/portal/correspond"
	"valise/portal/courier"
	"valise/portal/dispatch"
	"valise/portal/ledger"
	"valise/portal/passkey"
	"valise/portal/publish"
	"valise/portal/registry"
	"valise/portal/session"
	"valise/portal/signon"
	"valise/portal/store"
	"valise/portal/watch"
	"valise/portal/web"
)

// ServeCommand runs the portal.
type ServeCommand struct {
	Listen            string         `default:"127.0.0.1:8080" env:"VALISE_LISTEN" placeholder:"ADDRESS" help:"Where to listen; port 0 takes a free one."`
	Origin            string         `env:"VALISE_ORIGIN" placeholder:"URL" help:"The portal's public address, as people see it in their browser: https://portal.example. People sign it when they log in."`
	Institution       string         `required:"" env:"VALISE_INSTITUTION" type:"existingfile" placeholder:"FILE" help:"The institution's description (TOML: name, languages, contact; also promise, pinned, security, certificates)."`
	NoticeTemplates   string         `env:"VALISE_NOTICE_TEMPLATES" type:"existingdir" placeholder:"DIR" help:"The institution's own templates of notices, one file NAME.toml each, in place of those that come along."`
	RootCertificate   string         `required:"" env:"VALISE_ROOT_CERTIFICATE" type:"existingfile" placeholder:"FILE" help:"The institution's root certificate (public), as 'valise root new' wrote it."`
	LedgerKey         string         `env:"VALISE_LEDGER_KEY" type:"existingfile" placeholder:"FILE" help:"What the root says about the ledger's key (public), as 'valise ledger key certify' wrote it. Readers of the ledger take it from here; the key itself belongs elsewhere."`
	PortalSecretFile  string         `required:"" env:"VALISE_PORTAL_SECRET_FILE" placeholder:"FILE" help:"At least 32 random bytes, the same on every node and in no database. Keys of rate limits come from it. Make it with: head -c 32 /dev/urandom > FILE"`
	Database          string         `env:"VALISE_DATABASE" placeholder:"DSN" help:"A file for SQLite, or postgres://…."`
	DatabaseFile      string         `env:"VALISE_DATABASE_FILE" placeholder:"FILE" help:"A file that holds the DSN, when it contains a password."`
	Redis             string         `env:"VALISE_REDIS" placeholder:"URL" help:"Sessions, log-in nonces and limits go to this Redis: redis://… or rediss://…. Without it they go to the database."`
	RedisFile         string         `env:"VALISE_REDIS_FILE" placeholder:"FILE" help:"A file that holds the Redis URL."`
	TLSCertificate    string         `env:"VALISE_TLS_CERTIFICATE" type:"existingfile" placeholder:"FILE" help:"Serve HTTPS with this certificate chain (PEM)."`
	TLSKey            string         `env:"VALISE_TLS_KEY" type:"existingfile" placeholder:"FILE" help:"Its private key (PEM)."`
	TrustedProxy      []netip.Prefix `env:"VALISE_TRUSTED_PROXY" placeholder:"CIDR" help:"Proxies whose X-Forwarded-For is believed."`
	Migrate           bool           `env:"VALISE_MIGRATE" help:"Bring the database's tables up to date first. Several nodes may do it at once."`
	WithNotary        string         `env:"VALISE_NOTARY_KEY" type:"existingfile" placeholder:"FILE" help:"Publish approved statements in this process, too, with this notary's key file: for a portal that is one process. Whoever takes it over then reads what is under embargo; 'valise notary' runs apart."`
	NotarySecretFile  string         `env:"VALISE_NOTARY_SECRET_FILE" placeholder:"FILE" help:"With --with-notary: a file whose first line is the key file's passphrase."`
	WithCourier       string         `env:"VALISE_COURIER_KEY" type:"existingfile" placeholder:"FILE" help:"Carry e-mail in this process, too, with this courier's key file: for a portal that is one process. Whoever takes it over then reads where people get e-mail; 'valise courier' runs apart."`
	CourierSecretFile string         `env:"VALISE_COURIER_SECRET_FILE" placeholder:"FILE" help:"With --with-courier: a file whose first line is the key file's passphrase."`
	courierFlags

	InsecureHTTP bool `name:"insecure-http" env:"VALISE_INSECURE_HTTP" help:"Allow an origin with http://. INSECURE: whoever is on the line can take sessions over."`

	InsecureSingleFactor bool `name:"insecure-single-factor" env:"VALISE_INSECURE_SINGLE_FACTOR" help:"Let staff log in with their key alone, without a passkey; who has enrolled one is still asked for it. INSECURE: whoever copies a staff key and its passphrase is that person."`

	OIDCIssuer           string `name:"oidc-issuer" env:"VALISE_OIDC_ISSUER" placeholder:"URL" help:"Demand the institution's single sign-on (OpenID Connect) of staff, in addition to their key and passkey: the issuer, as the provider spells it."`
	OIDCClientID         string `name:"oidc-client-id" env:"VALISE_OIDC_CLIENT_ID" placeholder:"ID" help:"With --oidc-issuer: this portal's client id there. The address to send browsers back to is ORIGIN/staff/factor/signed-on."`
	OIDCClientSecretFile string `name:"oidc-client-secret-file" env:"VALISE_OIDC_CLIENT_SECRET_FILE" placeholder:"FILE" help:"With --oidc-issuer: a file that holds the client's secret."`
}

// Help is the part of --help below the summary.
func (ServeCommand) Help() string {
	return `Serves the pages and the JSON API until SIGINT or SIGTERM; then it answers what has begun, for at most 20 seconds, and stops.

It holds no private key, unless --with-notary or --with-courier gives it one. One process with a SQLite file is a whole portal; with PostgreSQL and Redis any number of them may run behind a load balancer.
Logs are JSON lines on standard error and name no address and no person. /healthz says that the process runs, /readyz that it can serve.

EXAMPLES

  valise serve --institution institution.toml --root-certificate root.asc --portal-secret-file portal.secret \
      --database portal.db --migrate --origin https://portal.example --tls-certificate cert.pem --tls-key key.pem

  VALISE_DATABASE_FILE=/run/secrets/database VALISE_REDIS_FILE=/run/secrets/redis valise serve …

` + courierMail + `

EXIT STATUS

  0 after a signal; 1 when it can't start or a part failed; 2 for wrong usage.`
}

// Run serves until ctx ends.
func (c *ServeCommand) Run(ctx context.Context, p *process) error {
	log := slog.New(slog.NewJSONHandler(p.stderr, nil))
	redis.SetLogger(redisLog{log})
	site, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer site.Close()
	log.Info("serving", "listen", site.Address(), "origin", site.portal.Origin)
	return site.Serve(ctx)
}

// redisLog keeps what go-redis says of its connections in the form of the log. Callers learn of failures anyway.
type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "redis", "problem", fmt.Sprintf(format, v...))
}

// site is a portal that listens.
type site struct {
	portal   *web.Portal
	store    *store.DB
	redis    *session.Redis // nil: sessions are in the database
	watch    *watch.Watch
	notary   *crypto.Bundle // nil: notaries run elsewhere
	courier  *crypto.Bundle // nil: couriers run elsewhere
	mail     courier.Config
	listener net.Listener
	server   *http.Server
}

const (
	shutdownTimeout = 20 * time.Second
	purgeEvery      = time.Hour
)

// open does everything that can fail before the first request.
func (c *ServeCommand) open(ctx context.Context, log *slog.Logger) (_ *site, err error) {
	institution, err := readInstitution(c.Institution)
	if err != nil {
		return nil, err
	}
	securityFile, mailCertificates, err := readInstitutionFiles(filepath.Dir(c.Institution), institution)
	if err != nil {
		return nil, err
	}
	var noticeTemplates []web.NoticeTemplate // nil: those that come along
	if c.NoticeTemplates != "" {
		if noticeTemplates, err = web.ReadNoticeTemplates(os.DirFS(c.NoticeTemplates)); err != nil {
			return nil, fmt.Errorf("the templates of notices in %s: %w", c.NoticeTemplates, err)
		}
	}
	root, err := readRoot(c.RootCertificate)
	if err != nil {
		return nil, err
	}
	ledgerKey, err := readLedgerKey(c.LedgerKey, root)
	if err != nil {
		return nil, err
	}
	secret, err := readPortalSecret(c.PortalSecretFile)
	if err != nil {
		return nil, err
	}
	s := new(site)
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if c.WithNotary != "" {
		if s.notary, err = (&process{stdin: strings.NewReader(""), stderr: os.Stderr}).openKeyFile(c.WithNotary, c.NotarySecretFile); err != nil {
			return nil, err
		}
	}
	if c.WithCourier != "" {
		dsn, err := databaseSetting(c.Database, c.DatabaseFile)
		if err != nil {
			return nil, err
		}
		if s.mail, err = c.config(dsn); err != nil {
			return nil, err
		}
		if s.courier, err = (&process{stdin: strings.NewReader(""), stderr: os.Stderr}).openKeyFile(c.WithCourier, c.CourierSecretFile); err != nil {
			return nil, err
		}
	}
	if err := s.openStore(ctx, c); err != nil {
		return nil, err
	}
	records, nonces, limits, err := s.openSessions(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.listen(c); err != nil {
		return nil, err
	}
	origin, err := c.origin(s.listener.Addr())
	if err != nil {
		return nil, err
	}
	s.watch = new(watch.Watch)
	if s.redis != nil {
		s.watch = watch.OverRedis(s.redis.Client(), log)
	}
	sessions := session.NewStore(records, c.InsecureHTTP, time.Now)
	passkeys, signOn, err := c.factors(s.store, sessions, institution, origin, secret)
	if err != nil {
		return nil, err
	}
	s.portal = &web.Portal{
		Institution:  institution,
		Origin:       origin,
		Root:         root,
		Registry:     registry.New(s.store, root, secret, time.Now),
		Dispatch:     dispatch.New(s.store, root, time.Now).Telling(s.watch.Tell),
		Correspond:   correspond.New(s.store, root, time.Now),
		Mail:         courier.NewOutbox(s.store, time.Now),
		Audit:        audit.New(s.store),
		Watch:        s.watch,
		Publish:      publish.New(s.store, root, institution.Languages, time.Now),
		Ledger:       ledger.New(s.store),
		LedgerKey:    ledgerKey,
		SecurityFile: securityFile,

		NoticeTemplates: noticeTemplates,

		MailCertificates: mailCertificates,

		Sessions:       sessions,
		Passkeys:       passkeys,
		SignOn:         signOn,
		Challenges:     session.NewChallenges(nonces),
		Limiter:        session.NewLimiter(limits, secret, time.Now),
		TrustedProxies: c.TrustedProxy,
		InsecureHTTP:   c.InsecureHTTP,

		Ready: map[string]func(context.Context) error{"database": s.store.Ping},
		Log:   log,
		Now:   time.Now,
	}
	if s.redis != nil {
		s.portal.Ready["sessions"] = s.redis.Ping
	}
	if s.server, err = s.portal.Server(); err != nil {
		return nil, err
	}
	return s, nil
}

// factors makes what staff show after their key.
func (c *ServeCommand) factors(db *store.DB, sessions *session.Store, institution portal.Institution, origin string, secret []byte) (*passkey.Passkeys, *signon.SignOn, error) {
	if err := passkey.CheckOrigin(origin); err != nil && !c.InsecureSingleFactor {
		return nil, nil, usagef("staff need a passkey after their key, but %w: give --origin with a host name and HTTPS (https://localhost is fine to try it), or, knowingly, --insecure-single-factor", err)
	}
	passkeys, err := passkey.New(db, sessions, passkey.Config{
		Origin: origin, Name: institution.NameIn(institution.Languages[0]), Secret: secret, InsecureSingleFactor: c.InsecureSingleFactor,
	}, time.Now)
	if err != nil || c.OIDCIssuer == "" && c.OIDCClientID == "" && c.OIDCClientSecretFile == "" {
		return passkeys, nil, err
	}
	if c.OIDCIssuer == "" || c.OIDCClientID == "" || c.OIDCClientSecretFile == "" {
		return nil, nil, usagef("--oidc-issuer, --oidc-client-id and --oidc-client-secret-file go together")
	}
	clientSecret, err := os.ReadFile(c.OIDCClientSecretFile)
	if err != nil {
		return nil, nil, fmt.Errorf("--oidc-client-secret-file: %w", err)
	}
	signOn, err := signon.New(db, signon.Config{
		Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, Secret: strings.TrimSpace(string(clientSecret)), Return: origin + web.SignOnReturn, Portal: secret,
	}, time.Now)
	return passkeys, signOn, err
}

func (s *site) openStore(ctx context.Context, c *ServeCommand) (err error) {
	dsn, err := databaseSetting(c.Database, c.DatabaseFile)
	if err != nil {
		return err
	}
	if s.store, err = store.Open(ctx, dsn); err != nil {
		return err
	}
	if c.Migrate {
		return s.store.Migrate(ctx)
	}
	return s.store.Migrated(ctx)
}

func (s *site) openSessions(ctx context.Context, c *ServeCommand) (session.Records, session.Nonces, session.Limits, error) {
	url, err := setting("redis", c.Redis, c.RedisFile)
	if err != nil {
		return nil, nil, nil, err
	}
	if url == "" {
		return s.store, s.store, s.store, nil
	}
	if s.redis, err = session.OpenRedis(ctx, url); err != nil {
		return nil, nil, nil, err
	}
	return s.redis, s.redis, s.redis, nil
}

func (s *site) listen(c *ServeCommand) (err error) {
	if (c.TLSCertificate == "") != (c.TLSKey == "") {
		return usagef("--tls-certificate and --tls-key go together")
	}
	s.listener, err = net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w; name another address with --listen (port 0 takes a free one)", err)
	}
	if c.TLSCertificate == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCertificate, c.TLSKey)
	if err != nil {
		return fmt.Errorf("reading the TLS certificate: %w", err)
	}
	s.listener = tls.NewListener(s.listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	return nil
}

// origin checks the public address, or makes it from the listener's.
func (c *ServeCommand) origin(listens net.Addr) (string, error) {
	origin := c.Origin
	if origin == "" {
		scheme := "http"
		if c.TLSCertificate != "" {
			scheme = "https"
		}
		origin = scheme + "://" + listens.String()
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.TrimSuffix(origin, "/") != u.Scheme+"://"+u.Host {
		return "", usagef("the origin %q is not of the form https://portal.example", origin)
	}
	if u.Scheme == "http" && !c.InsecureHTTP {
		return "", usagef("the origin %s is not HTTPS: give --tls-certificate and --tls-key, or --origin https://… when a proxy does TLS, or, to try it on your own machine only, --insecure-http", origin)
	}
	return u.Scheme + "://" + u.Host, nil
}

// Address returns where it listens.
func (s *site) Address() string { return s.listener.Addr().String() }

// Serve answers requests until ctx ends.
func (s *site) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.server.Serve(s.listener) }()
	ctx, cancel := context.WithCancel(ctx)
	var notary sync.WaitGroup
	defer notary.Wait()
	defer cancel()
	notary.Go(func() { s.notarise(ctx) })
	notary.Go(func() { s.carry(ctx) })
	notary.Go(func() { s.keepTime(ctx) })
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-failed:
			return fmt.Errorf("serving: %w", err)
		case <-tick.C:
			s.purge(ctx)
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
			defer cancel()
			if err := s.server.Shutdown(stop); err != nil {
				return fmt.Errorf("requests did not end in time: %w", err)
			}
			return nil
		}
	}
}

// purge deletes what has expired; what stays is deleted the next time.
func (s *site) purge(ctx context.Context) {
	if err := s.store.Purge(ctx, time.Now()); err != nil {
		s.portal.Log.Error("purging what has expired", "cause", portal.Scrubbed(err))
	}
}

// notarise runs the notary in this process, if there is to be one. Its certificate may be shown to the portal later.
func (s *site) notarise(ctx context.Context) {
	if s.notary == nil {
		return
	}
	for said := ""; ctx.Err() == nil; {
		notary, err := openNotary(ctx, s.store, s.portal.Root, s.portal.Institution.Languages, s.notary, s.portal.Log)
		if err == nil {
			notary.Run(ctx)
			return
		}
		if now := portal.Scrubbed(err); now != said && ctx.Err() == nil {
			said = now
			s.portal.Log.Warn("notary", "problem", said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// carry runs the courier in this process, if there is to be one. Its certificate may be shown to the portal later.
func (s *site) carry(ctx context.Context) {
	if s.courier == nil {
		return
	}
	s.mail.Told = s.watch.Tell
	for said := ""; ctx.Err() == nil; {
		courier, err := openCourier(ctx, s.store, s.portal.Root, s.courier, s.mail, s.portal.Log)
		if err == nil {
			err = carryAndTakeIn(ctx, courier, s.store, s.portal.Dispatch, s.portal.Correspond, s.portal.Registry, s.mail.In)
		}
		if err == nil {
			return
		}
		if now := portal.Scrubbed(err); now != said && ctx.Err() == nil {
			said = now
			s.portal.Log.Warn("courier", "problem", said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// keepTime does what falls due: approved notices are released, who has not answered is reminded, deadlines pass. Every node does, and each thing happens once.
func (s *site) keepTime(ctx context.Context) {
	s.portal.Dispatch.Run(ctx, func(err error) {
		s.portal.Log.Error("what fell due could not be done, and is tried again in a minute", "cause", portal.Scrubbed(err))
	})
}

// Close releases what open took.
func (s *site) Close() {
	if s.listener != nil {
		s.listener.Close()
	}
	if s.watch != nil {
		s.watch.Close()
	}
	if s.redis != nil {
		s.redis.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
}

// setting is a value from a flag or, for what holds a password, from a file.
func setting(name, value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	if value != "" {
		return "", usagef("give --%s or --%s-file, not both", name, name)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--%s-file: %w", name, err)
	}
	return strings.TrimSpace(string(data)), nil
}

// databaseSetting is the setting of the database, which must be there.
func databaseSetting(value, file string) (string, error) {
	dsn, err := setting("database", value, file)
	if err == nil && dsn == "" {
		err = usagef("no database was named: give --database FILE for SQLite, or a postgres:// DSN in a file with --database-file")
	}
	return dsn, err
}

const minPortalSecret = 32

func readPortalSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the portal secret: %w; make it with: head -c 32 /dev/urandom > FILE", err)
	}
	if len(secret) < minPortalSecret {
		return nil, fmt.Errorf("the portal secret %s has %d bytes, it needs at least %d random ones; make it with: head -c 32 /dev/urandom > FILE", path, len(secret), minPortalSecret)
	}
	return secret, nil
}

// readRoot reads the root certificate that this portal serves. The file is the operator's own, so it is its own pin.
func readRoot(path string) (*crypto.Root, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the root certificate: %w", err)
	}
	certificate, err := crypto.ParseCertificate(data)
	if err != nil {
		return nil, fmt.Errorf("the root certificate %s: %w", path, err)
	}
	return crypto.OpenRoot(crypto.Pin{Fingerprint: certificate.Fingerprint()}, data)
}

// readLedgerKey reads what the root says about the ledger's key; nil when it says nothing.
func readLedgerKey(path string, root *crypto.Root) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	signed, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the ledger's key: %w", err)
	}
	k, err := root.VerifyLedgerKey(signed, time.Now())
	if err == nil {
		_, err = ledger.PolicyOf(k)
	}
	if err != nil {
		return nil, fmt.Errorf("the ledger's key %s: %w", path, err)
	}
	return signed, nil
}

// maxInstitutionFile is the size in bytes of the largest description read.
const maxInstitutionFile = 64 << 10

// readInstitution reads the institution's description. Unknown keys are refused, so that a typing error is not passed over.
func readInstitution(path string) (portal.Institution, error) {
	var i portal.Institution
	data, err := os.ReadFile(path)
	if err != nil {
		return i, fmt.Errorf("the institution's description: %w", err)
	}
	if len(data) > maxInstitutionFile {
		return i, fmt.Errorf("%s has %d bytes, more than the %d that an institution's description may have", path, len(data), maxInstitutionFile)
	}
	read, err := toml.Decode(string(data), &i)
	if err != nil {
		return i, fmt.Errorf("%s: %w", path, err)
	}
	if unknown := read.Undecoded(); len(unknown) > 0 {
		return i, fmt.Errorf("%s: the key %q is not known; the keys are name, languages, contact, zone, promise, pinned, certificates and security", path, unknown[0])
	}
	if err := i.Check(); err != nil {
		return i, fmt.Errorf("%s: %w", path, err)
	}
	return i, nil
}

// readInstitutionFiles reads the files that an institution's description names; their paths are relative to its folder.
func readInstitutionFiles(folder string, i portal.Institution) (securityFile []byte, certificates []*crypto.Certificate, err error) {
	beside := func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(folder, path)
	}
	if i.Security.File != "" {
		if securityFile, err = os.ReadFile(beside(i.Security.File)); err != nil {
			return nil, nil, fmt.Errorf("security.txt: %w", err)
		}
	}
	for _, path := range i.Certificates {
		data, err := os.ReadFile(beside(path))
		if err != nil {
			return nil, nil, fmt.Errorf("a certificate of the institution: %w", err)
		}
		c, err := crypto.ParseCertificate(data)
		if err != nil {
			return nil, nil, fmt.Errorf("the certificate %s: %w", path, err)
		}
		certificates = append(certificates, c)
	}
	return securityFile, certificates, nil
}
