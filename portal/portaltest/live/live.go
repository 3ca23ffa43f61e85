// Package live starts a real portal inside a test's process: HTTPS, store, sessions, steps and pages, with an institution's root and staff
// around it.
//
//	p := live.Portal(t, live.Options{}) // SQLite; or Database: portaltest.PostgreSQL(t), Redis: portaltest.Redis(t)
//	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
//	number := p.Release(p.Draft(), person)
//	response, err := p.Client().Get(p.URL + "/api/v1/institution")
//
// It stands beside package portaltest and not in it, since store and steps use portaltest in their own tests. People and notices are
// made by way of the steps, which costs no Argon2 run and no HTTP, so a test can have thousands; what is to be tested over HTTP, the test
// does itself.
//
// Only tests import this package.
package live

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/audit"
	"valise/portal/correspond"
	"valise/portal/courier"
	"valise/portal/dispatch"
	"valise/portal/ledger"
	"valise/portal/passkey"
	"valise/portal/portaltest"
	"valise/portal/portaltest/people"
	"valise/portal/publish"
	"valise/portal/registry"
	"valise/portal/session"
	"valise/portal/signon"
	"valise/portal/store"
	"valise/portal/watch"
	"valise/portal/web"
)

// Options say what a test's portal stands on. The zero value is the embedded default: one SQLite file.
type Options struct {
	Database       string           // as store.Open takes it; "": a new SQLite file
	Redis          string           // URL; "": sessions are in the database
	Now            func() time.Time // nil: time.Now
	TrustedProxies []netip.Prefix   // with 127.0.0.0/8, a test comes from whatever address it puts in X-Forwarded-For
	Languages      []string         // the institution's working languages; nil: English and French

	Heartbeat    time.Duration        // of open streams; 0: as in production
	Provider     *portaltest.Provider // its single sign-on is demanded of staff, too; nil: none
	SecondFactor bool                 // staff must show a passkey after their key; as browsers make none for an address, URL is then https://localhost:PORT
}

// Server is a real portal, over HTTPS, in this process.
type Server struct {
	URL       string      // and origin: https://127.0.0.1:PORT
	Pin       crypto.Pin  // the root's fingerprint
	Root      *crypto.Key // the same for all portals of the process
	Author    *crypto.Key // staff keys carry the certificates that the root certified
	Approver  *crypto.Key
	Registrar *crypto.Key
	Portal    *web.Portal
	Store     *store.DB
	Log       *Log // what it logged

	t      testing.TB
	server *httptest.Server
	keeper ledgerKeeper
}

// Names of the staff, for tests that look where they turn up.
const (
	AuthorName    = "Ada Author"
	ApproverName  = "Bela Approver"
	RegistrarName = "Chandra Registrar"
)

// Portal starts a portal whose tables are made and whose staff is known. It is gone when the test ends.
func Portal(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Database == "" {
		o.Database = filepath.Join(t.TempDir(), "portal.db")
	}
	if o.Languages == nil {
		o.Languages = []string{"en", "fr"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	court := theInstitution()
	p := &Server{
		Pin: crypto.Pin{Fingerprint: court.Root.Certificate().Fingerprint()}, Root: court.Root,
		Author: court.author, Approver: court.approver, Registrar: court.registrar,
		Log: new(Log), t: t, server: httptest.NewUnstartedServer(nil),
	}
	p.URL = "https://" + p.server.Listener.Addr().String()
	if o.SecondFactor {
		p.URL = strings.Replace(p.URL, "127.0.0.1", "localhost", 1)
		p.server.TLS = portaltest.TLS(t).Server
	}
	p.open(o)
	server, err := p.Portal.Server()
	if err != nil {
		t.Fatal(err)
	}
	p.server.Config = server
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	t.Cleanup(p.server.Close)
	for _, k := range []*crypto.Key{p.Author, p.Approver, p.Registrar} {
		if _, err := p.Portal.Registry.AddStaff(context.Background(), k.Certificate().Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// open wires a portal as the serve command does.
func (p *Server) open(o Options) {
	t := p.t
	t.Helper()
	root, err := crypto.OpenRoot(p.Pin, p.Root.Certificate().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if p.Store, err = store.Open(context.Background(), o.Database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Store.Close() })
	if err := p.Store.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	ready := map[string]func(context.Context) error{"database": p.Store.Ping}
	var place interface {
		session.Records
		session.Nonces
		session.Limits
	} = p.Store
	told := new(watch.Watch)
	if o.Redis != "" {
		redis, err := session.OpenRedis(context.Background(), o.Redis)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { redis.Close() })
		place, ready["sessions"] = redis, redis.Ping
		told = watch.OverRedis(redis.Client(), slog.New(slog.NewJSONHandler(p.Log, nil)))
		t.Cleanup(told.Close)
	}
	secret := bytes.Repeat([]byte("portal secret of a test "), 2)[:32]
	sessions := session.NewStore(place, false, o.Now)
	passkeys, err := passkey.New(p.Store, sessions, passkey.Config{Origin: p.URL, Name: "International Court (test)", Secret: secret, InsecureSingleFactor: !o.SecondFactor}, o.Now)
	if err != nil {
		t.Fatal(err)
	}
	var signOn *signon.SignOn
	if o.Provider != nil {
		if signOn, err = signon.New(p.Store, signon.Config{
			Issuer: o.Provider.URL, ClientID: o.Provider.ClientID, Secret: o.Provider.Secret, Return: p.URL + web.SignOnReturn, Portal: secret, HTTP: o.Provider.HTTP,
		}, o.Now); err != nil {
			t.Fatal(err)
		}
	}
	p.Portal = &web.Portal{
		Institution: portal.Institution{
			Name:      map[string]string{"en": "International Court (test)", "fr": "Cour internationale (essai)"},
			Languages: o.Languages, Contact: []string{"Registry of the court"},
		},
		Origin: p.URL, Root: root,
		Registry: registry.New(p.Store, root, secret, o.Now), Dispatch: dispatch.New(p.Store, root, o.Now).Telling(told.Tell), Correspond: correspond.New(p.Store, root, o.Now), Publish: publish.New(p.Store, root, o.Languages, o.Now), Ledger: ledger.New(p.Store), Audit: audit.New(p.Store), Mail: courier.NewOutbox(p.Store, o.Now), Watch: told,
		Sessions: sessions, Passkeys: passkeys, SignOn: signOn, Challenges: session.NewChallenges(place),
		Limiter: session.NewLimiter(place, secret, o.Now), TrustedProxies: o.TrustedProxies,
		Ready: ready, Heartbeat: o.Heartbeat, Log: slog.New(slog.NewJSONHandler(p.Log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: o.Now,
	}
	p.openLedger()
}

// Client returns a browser that trusts the portal's TLS certificate, follows no redirect, and has cookies of its own.
func (p *Server) Client() *http.Client {
	jar, _ := cookiejar.New(nil) // fails never
	return &http.Client{
		Transport: p.server.Client().Transport, Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ------------------------------------------------------------------ people

// Passphrase locks the bundles of everybody whom Issue and Claim make.
const Passphrase = "abbey canyon drizzle fabric hollow magnet"

// Person is a representative with what their client would hold.
type Person struct {
	Number crypto.Representative
	Key    *crypto.Key
	Bundle *crypto.Bundle
}

// Issue makes a representative of a new mailbox, not yet claimed, by way of the registry and not of HTTP: it costs no Argon2 run, and a
// test can have many. The lock opens with Passphrase.
func (p *Server) Issue(kind crypto.Kind, profile crypto.Profile) *Person {
	p.t.Helper()
	return p.IssueAs(crypto.Representative{Mailbox: crypto.NewNumber(kind), Ordinal: 1}, profile)
}

// IssueAs is Issue for a chosen number; a mailbox that has representatives already gets one more.
func (p *Server) IssueAs(number crypto.Representative, profile crypto.Profile) *Person {
	p.t.Helper()
	now := p.Portal.Now()
	key, err := crypto.GenerateKey(profile, number.String(), now)
	if err != nil {
		p.t.Fatal(err)
	}
	certificate, err := crypto.CertifyIssued(p.Registrar, key.Certificate(), number, now)
	if err != nil {
		p.t.Fatal(err)
	}
	person := p.person(number, key, certificate)
	sealed, err := crypto.SealRecord([]byte("somebody"), p.Registrar, crypto.PurposeDetails, []*crypto.Certificate{p.Registrar.Certificate()}, now)
	if err != nil {
		p.t.Fatal(err)
	}
	secrets, locked := person.lock(p.t)
	issuance := registry.Issuance{
		Representative: number, Profile: profile, Certificate: certificate.Bytes(),
		Salt: secrets.Salt(), Verifier: crypto.LogInVerifier(secrets.LogInSecret()), LockedBundle: locked, Details: sealed,
	}
	if number.Ordinal == 1 {
		issuance.Label = sealed
	}
	if err := p.Portal.Registry.Issue(context.Background(), p.Acting(p.Registrar), issuance); err != nil {
		p.t.Fatal(err)
	}
	return person
}

// Claim lets a person make a key of their own, of the same profile or another, and returns them with it.
func (p *Server) Claim(issued *Person, profile crypto.Profile) *Person {
	p.t.Helper()
	ctx, now := context.Background(), p.Portal.Now()
	key, err := crypto.GenerateKey(profile, issued.Number.String(), now)
	if err != nil {
		p.t.Fatal(err)
	}
	certificate, err := crypto.CertifySuccessor(issued.Key, key.Certificate(), issued.Number, now)
	if err != nil {
		p.t.Fatal(err)
	}
	actor := portal.ActingRepresentative(issued.Number)
	held, err := p.Portal.Registry.Envelopes(ctx, actor)
	if err != nil {
		p.t.Fatal(err)
	}
	for i, e := range held {
		if held[i].Data, err = crypto.Rewrap(e.Data, issued.Bundle.Keys(), certificate); err != nil {
			p.t.Fatal(err)
		}
		if len(e.Personal) > 0 {
			if held[i].Personal, err = crypto.Rewrap(e.Personal, issued.Bundle.Keys(), certificate); err != nil {
				p.t.Fatal(err)
			}
		}
		held[i].Certificate = certificate.Fingerprint()
	}
	person := p.person(issued.Number, key, certificate)
	person.Bundle.Past = issued.Bundle.Keys()
	secrets, locked := person.lock(p.t)
	if err := p.Portal.Registry.Claim(ctx, actor, registry.Claiming{
		Profile: profile, Certificate: certificate.Bytes(), Salt: secrets.Salt(),
		Verifier: crypto.LogInVerifier(secrets.LogInSecret()), LockedBundle: locked, Envelopes: held,
	}); err != nil {
		p.t.Fatal(err)
	}
	return person
}

func (p *Server) person(number crypto.Representative, key *crypto.Key, certificate *crypto.Certificate) *Person {
	p.t.Helper()
	key, err := key.WithCertificate(certificate)
	if err != nil {
		p.t.Fatal(err)
	}
	return &Person{Number: number, Key: key, Bundle: &crypto.Bundle{Holder: number.String(), Pin: p.Pin, Key: key}}
}

// lock locks a person's bundle; all are locked with the same salt, and Argon2 runs once per process.
func (p *Person) lock(t testing.TB) (*crypto.Secrets, []byte) {
	t.Helper()
	secrets, err := passphraseSecrets()
	if err != nil {
		t.Fatal(err)
	}
	locked, err := crypto.LockBundle(p.Bundle, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return secrets, locked
}

var passphraseSecrets = sync.OnceValues(func() (*crypto.Secrets, error) {
	return crypto.DeriveSecrets([]byte(Passphrase), crypto.NewSalt())
})

// Acting is a staff member, by their key, as the steps take them.
func (p *Server) Acting(staff *crypto.Key) portal.Actor {
	p.t.Helper()
	member, err := p.Portal.Root.VerifyStaff(staff.Certificate(), p.Portal.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	return portal.ActingStaff(member)
}

// Employ makes a process of the portal's: the root certifies a new key for one role, such as crypto.RoleCourier, and the registry takes it in. It returns the key as
// it was made, which is what lies in a key file, and with its certificate, which is what the process works with.
func (p *Server) Employ(name string, role crypto.Role) (made, certified *crypto.Key) {
	p.t.Helper()
	made, err := crypto.GenerateKey(crypto.ProfilePQ, name, time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	certificate, err := crypto.CertifyStaff(p.Root, made.Certificate(), []crypto.Role{role}, time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.Portal.Registry.AddStaff(p.t.Context(), certificate.Bytes()); err != nil {
		p.t.Fatal(err)
	}
	if certified, err = made.WithCertificate(certificate); err != nil {
		p.t.Fatal(err)
	}
	return made, certified
}

// DeskMail makes a certificate of the desk for mail programs, which the root certifies at a time, and gives its key to author and approver. It returns the key as they open it.
func (p *Server) DeskMail(name, email string, at time.Time) *crypto.Key {
	p.t.Helper()
	now := time.Now()
	made, err := crypto.NewDeskKey(name, email, at)
	if err != nil {
		p.t.Fatal(err)
	}
	certificate, err := crypto.CertifyStaff(p.Root, made.Certificate(), []crypto.Role{crypto.RoleDeskMail}, at)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.Portal.Registry.AddStaff(p.t.Context(), certificate.Bytes()); err != nil {
		p.t.Fatal(err)
	}
	var shares []registry.DeskKeyShare
	var given []crypto.GivenDeskKey
	for _, member := range []*crypto.Key{p.Author, p.Approver} {
		record, err := crypto.SealDeskKey(made, p.Author, member.Certificate(), now)
		if err != nil {
			p.t.Fatal(err)
		}
		shares = append(shares, registry.DeskKeyShare{Holder: portal.StaffHolder(member.Certificate().Fingerprint()), Record: record})
		given = append(given, crypto.GivenDeskKey{Holder: portal.StaffHolder(member.Certificate().Fingerprint()), Record: record})
	}
	signed, err := crypto.SignGivenDeskKeys(made, p.Author, given, now)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.Portal.Registry.ShareDeskKey(p.t.Context(), p.Acting(p.Author), certificate.Fingerprint(), shares, signed); err != nil {
		p.t.Fatal(err)
	}
	opened, err := crypto.OpenDeskKey(shares[0].Record, []*crypto.Key{p.Author}, []*crypto.Certificate{p.Author.Certificate()}, certificate, now)
	if err != nil {
		p.t.Fatal(err)
	}
	return opened
}

// ------------------------------------------------------------------ notices

// Draft is a notice that demands acknowledgement within two days.
func (p *Server) Draft() *crypto.Draft {
	return &crypto.Draft{
		From: p.Portal.Institution.Name["en"],
		Languages: []crypto.LanguageVersion{
			{Language: "en", Subject: "Findings that concern you", Text: "Data that you entrusted to us **may** have been read."},
			{Language: "fr", Subject: "Constatations qui vous concernent", Text: "Des données que vous nous avez confiées **ont pu** être lues."},
		},
		Acknowledge: true, Deadline: p.Portal.Now().Add(48 * time.Hour).UTC().Truncate(time.Second),
	}
}

// Seal seals a notice of the author's to people.
func (p *Server) Seal(draft *crypto.Draft, to ...*Person) *crypto.SealedNotice {
	p.t.Helper()
	now := p.Portal.Now()
	staff := p.Staff()
	var recipients []*crypto.Recipient
	for _, person := range to {
		recipients = append(recipients, p.recipient(person, staff))
	}
	var desk []*crypto.Staff
	for _, c := range staff {
		member, err := p.Portal.Root.VerifyStaff(c, now)
		if err != nil {
			p.t.Fatal(err)
		}
		if member.Has(crypto.RoleAuthor) || member.Has(crypto.RoleApprover) {
			desk = append(desk, member)
		}
	}
	sealed, err := crypto.SealNotice(p.Portal.Root, p.Author, draft, recipients, desk, now, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return sealed
}

// Submit seals a notice and hands it in; it waits for approval.
func (p *Server) Submit(draft *crypto.Draft, to ...*Person) *crypto.SealedNotice {
	p.t.Helper()
	sealed := p.Seal(draft, to...)
	if _, err := p.Portal.Dispatch.Submit(context.Background(), p.Acting(p.Author), sealed); err != nil {
		p.t.Fatal(err)
	}
	return sealed
}

// Release submits a notice and approves it; it lies in the mailboxes of those people.
func (p *Server) Release(draft *crypto.Draft, to ...*Person) crypto.Number {
	p.t.Helper()
	sealed, now := p.Submit(draft, to...), p.Portal.Now()
	verified, err := p.Portal.Root.VerifySubmission(sealed.Signed(), p.Staff(), now)
	if err != nil {
		p.t.Fatal(err)
	}
	number := verified.Manifest().Notice
	examined, err := p.Portal.Dispatch.Examine(context.Background(), p.Acting(p.Approver), number)
	if err != nil {
		p.t.Fatal(err)
	}
	opened, err := crypto.OpenNotice(verified, examined.Envelope.Data, examined.Bodies[examined.Envelope.Suite], []*crypto.Key{p.Approver})
	if err != nil {
		p.t.Fatal(err)
	}
	signature, err := crypto.Approve(p.Portal.Root, p.Approver, opened, sealed.Manifest, now)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.Portal.Dispatch.Approve(context.Background(), p.Acting(p.Approver), number, signature); err != nil {
		p.t.Fatal(err)
	}
	return number
}

// Staff returns the certificates of author, approver and registrar.
func (p *Server) Staff() []*crypto.Certificate {
	return []*crypto.Certificate{p.Author.Certificate(), p.Approver.Certificate(), p.Registrar.Certificate()}
}

func (p *Server) recipient(person *Person, staff []*crypto.Certificate) *crypto.Recipient {
	p.t.Helper()
	stored, err := p.Portal.Registry.Chain(context.Background(), p.Acting(p.Author), person.Number)
	if err != nil {
		p.t.Fatal(err)
	}
	chain := make([]*crypto.Certificate, len(stored))
	for i, data := range stored {
		if chain[i], err = crypto.ParseCertificate(data); err != nil {
			p.t.Fatal(err)
		}
	}
	recipient, err := p.Portal.Root.VerifyRepresentative(staff, chain, person.Number, p.Portal.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	return recipient
}

// ------------------------------------------------------------------ keys, once per process

type institution struct {
	*people.Institution
	author, approver, registrar *crypto.Key
}

var theInstitution = sync.OnceValue(func() institution {
	i := institution{Institution: people.Found(time.Now().Add(-time.Hour))} // a test's clock may start a little earlier than its keys
	i.author, i.approver, i.registrar = i.Hire(AuthorName, crypto.RoleAuthor), i.Hire(ApproverName, crypto.RoleApprover), i.Hire(RegistrarName, crypto.RoleRegistrar)
	return i
})

// Hire makes another member of the staff, whom the portal knows from now on.
func (p *Server) Hire(name string, roles ...crypto.Role) *crypto.Key {
	p.t.Helper()
	return p.HireAt(time.Now(), name, roles...)
}

// HireAt is Hire of somebody who was certified earlier.
func (p *Server) HireAt(at time.Time, name string, roles ...crypto.Role) *crypto.Key {
	p.t.Helper()
	k := (&people.Institution{Root: p.Root, At: at}).Hire(name, roles...)
	if _, err := p.Portal.Registry.AddStaff(context.Background(), k.Certificate().Bytes()); err != nil {
		p.t.Fatalf("%s: %v", name, err)
	}
	return k
}

// ------------------------------------------------------------------ the log

// Log keeps what a portal logs.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String returns all of it, a JSON object a line.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
