package courier

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Config is how a courier works.
type Config struct {
	Institution *Identity // to States and organisations
	Individuals *Identity // to individuals; nil: they get no e-mail

	Workers   int           // mails at once; 0: DefaultWorkers
	PerDomain int           // to one domain at once; 0: DefaultPerDomain
	Pace      time.Duration // between two mails to one domain
	Lease     time.Duration // how long an entry is left to a courier that may have died; 0: DefaultLease
	Poll      time.Duration // how often the outbox is looked at while nothing is due; 0: DefaultPoll
	GiveUp    time.Duration // how long a mail that servers defer is tried; 0: DefaultGiveUp

	// Journal is the path of a file of this machine in which stands what mail servers took, until the database has it: so a courier that is killed sends next to nothing twice.
	// Several couriers of one machine may name the same. "": there is none.
	Journal string

	In Ways // on which mail comes in; Inbox.Run

	// Told is called after it was written down that mails were sent, or can't be, with the numbers of their notices; nil: nobody is told.
	Told func(topics ...string)
}

// What a Config has when it says nothing.
const (
	DefaultWorkers   = 16
	DefaultPerDomain = 4
	DefaultLease     = 5 * time.Minute
	DefaultPoll      = 2 * time.Second
	DefaultGiveUp    = 5 * 24 * time.Hour
)

// Backoff between tries of one mail.
const (
	firstRetry   = time.Minute
	longestRetry = time.Hour
)

// Courier carries mail. Use New.
type Courier struct {
	store  Store
	root   *crypto.Root
	keys   []*crypto.Key // newest first
	tokens tokens
	config Config
	log    *slog.Logger
	now    func() time.Time

	individuals, institution *transport
	domains, servers         *lanes

	sheets  sheets
	pieces  pieces
	journal *journal // of the round that runs; nil: there is none

	mutex      sync.Mutex
	staff      []*crypto.Certificate
	staffAt    time.Time
	verified   portal.Certificates
	manifests  map[[sha256.Size]byte]*crypto.VerifiedManifest // that held with these staff certificates
	announced  autocryptHeader
	addresses  map[[sha256.Size]byte]crypto.Address // opened ones, by the digest of the sealed record
	bodies     map[bodyOf][]byte                    // that are what was signed
	bodiesSize int
	opened     Addressed      // until where addresses were opened ahead
	aheadAt    time.Time      // when nothing more was left to be
	counted    map[string]int // since the last line in the log
	total      Totals
	deferred   map[string]time.Time // while it hurries: what was deferred, and until when
}

// Totals count what became of entries.
type Totals struct{ Sent, Cancelled, Dead, Waiting int }

// maxAddresses is how many opened addresses are remembered.
const maxAddresses = 10_000

// New makes a courier. key is certified by the root for RoleCourier; past are its earlier keys, which addresses may still be sealed to.
func New(store Store, root *crypto.Root, key *crypto.Key, past []*crypto.Key, config Config, log *slog.Logger, now func() time.Time) (*Courier, error) {
	member, err := root.VerifyStaff(key.Certificate(), now())
	if err != nil {
		return nil, err
	}
	if !member.Has(crypto.RoleCourier) {
		return nil, fmt.Errorf("%s has no role courier; have the root certify the key for it, and for nothing else", member.Name())
	}
	if config.Institution == nil {
		return nil, errors.New("a courier needs an identity to write under")
	}
	secret, err := key.Derive("courier tokens v1")
	if err != nil {
		return nil, err
	}
	defaults := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	defaults(&config.Lease, DefaultLease)
	defaults(&config.Poll, DefaultPoll)
	defaults(&config.GiveUp, DefaultGiveUp)
	if config.Workers <= 0 {
		config.Workers = DefaultWorkers
	}
	if config.PerDomain <= 0 {
		config.PerDomain = DefaultPerDomain
	}
	c := &Courier{
		store: store, root: root, keys: append([]*crypto.Key{key}, past...), tokens: tokens{secret}, config: config, log: log, now: now,
		domains: newLanes(config.PerDomain, config.Pace), servers: newLanes(config.Workers, 0),
		addresses: map[[sha256.Size]byte]crypto.Address{}, counted: map[string]int{}, bodies: map[bodyOf][]byte{},
	}
	for _, as := range []struct {
		identity  *Identity
		transport **transport
	}{{config.Institution, &c.institution}, {config.Individuals, &c.individuals}} {
		if as.identity == nil {
			continue
		}
		if err := as.identity.Check(); err != nil {
			return nil, err
		}
		if *as.transport, err = newTransport(as.identity, secret, func(what string) { log.Error("courier", "problem", what) }); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// graceTime is how long mails that are on their way are given when the courier is told to stop.
const graceTime = 20 * time.Second

// reportEvery is how often a line with counts goes to the log.
const reportEvery = time.Minute

// Run carries what is due, until ctx ends.
func (c *Courier) Run(ctx context.Context) { _ = c.carryAll(ctx, false, time.Time{}) }

// Flush carries everything that waits now, whatever its time and whatever quiet hours: the portal is down. What a server defers is tried again until patience is over. It
// returns what became of all of it; what still waits is carried by Run later.
func (c *Courier) Flush(ctx context.Context, patience time.Duration) (Totals, error) {
	if _, err := c.store.HurryOutbox(ctx, c.now()); err != nil {
		return Totals{}, err
	}
	c.mutex.Lock()
	c.deferred = map[string]time.Time{}
	c.mutex.Unlock()
	problem := c.carryAll(ctx, true, c.now().Add(patience))
	c.mutex.Lock()
	defer c.mutex.Unlock()
	totals := c.total
	totals.Waiting = len(c.deferred)
	return totals, errors.Join(problem, ctx.Err())
}

// carryAll carries until ctx ends; in a hurry, until nothing is left that can be carried before a time. It fails when the outbox couldn't be read until then.
func (c *Courier) carryAll(ctx context.Context, hurry bool, until time.Time) error {
	// Mails that are on their way when ctx ends get a little time: what is not settled would be sent twice.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	grace := context.AfterFunc(ctx, func() { time.AfterFunc(graceTime, stop) })
	defer grace()
	c.journal = c.openJournals(ctx)
	defer func() { c.journal.close(); c.journal = nil }()
	r := c.newRound(ctx, work, hurry, until)
	defer c.report()
	defer c.hangUp()
	defer r.end()
	reported := c.now()
	for ctx.Err() == nil {
		leased, err := r.lease()
		if c.now().Sub(reported) > reportEvery {
			reported = c.now()
			c.report()
			c.sweep()
		}
		if leased > 0 {
			continue
		}
		if hurry && r.idle() && (err == nil && c.nothingDeferred(until) || !c.now().Before(until)) {
			return err
		}
		if hurry || err != nil || !r.idle() || !c.openAhead(ctx) {
			sleep(ctx, c.config.Poll)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// nothingDeferred says whether nothing is left that could be tried again before a time.
func (c *Courier) nothingDeferred(until time.Time) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, next := range c.deferred {
		if next.Before(until) && c.now().Before(until) {
			return false
		}
	}
	return true
}

func (c *Courier) sweep() {
	now := c.now()
	c.journal.settled(c.pieces.sweep(now)...)
	c.domains.sweep(now)
	c.servers.sweep(now)
	c.institution.rest(false)
	if c.individuals != nil {
		c.individuals.rest(false)
	}
}

func (c *Courier) hangUp() {
	c.institution.rest(true)
	if c.individuals != nil {
		c.individuals.rest(true)
	}
}

// report tells how many entries went which way. Nothing in the log is about one of them.
func (c *Courier) report() {
	c.mutex.Lock()
	counted := maps.Clone(c.counted)
	clear(c.counted)
	c.mutex.Unlock()
	for what, n := range counted {
		c.log.Info("courier", "what", what, "entries", n)
	}
}

func (c *Courier) count(s Settlement) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	what := string(s.State)
	if s.Reason != "" {
		what += " " + s.Reason
	}
	c.counted[what]++
	switch s.State {
	case Sent:
		c.total.Sent++
	case Cancelled:
		c.total.Cancelled++
	case Dead:
		c.total.Dead++
	}
	if c.deferred == nil {
		return
	}
	key := string(s.Notice) + s.Representative.String() + s.Reminder.String()
	if delete(c.deferred, key); s.State == Waiting {
		c.deferred[key] = s.NextAt
	}
}

// goneAfter is how many tries, over an hour, find that a domain takes no mail before that is believed: it is DNS that says so, mostly unsigned, and whoever could forge its answer for a moment would else have all
// mail to the domain given up.
const goneAfter = 7

// failed says what to do after a failure: give up, or try again, later each time. That our own smarthost can't be reached is no try.
func (c *Courier) failed(e *Entry, f *failure, smarthost bool) Settlement {
	now := c.now()
	s := Settlement{State: Waiting, Attempts: e.Attempts + 1, Reason: f.reason}
	switch {
	case f.final, f.reason == ReasonNoDomain && s.Attempts >= goneAfter:
		s.State = Dead
	case smarthost && f.connection:
		s.Attempts, s.NextAt = e.Attempts, now.Add(jitter(firstRetry/2))
	case e.Attempts > 0 && now.Sub(latest(e.QueuedAt, e.DueAt)) > c.config.GiveUp:
		s.State, s.Reason = Dead, ReasonGivenUp+" "+f.reason
	default:
		s.NextAt = now.Add(jitter(min(firstRetry<<min(e.Attempts, 16), longestRetry)))
	}
	return s
}

// messageID is always the same for an entry and a use, so that who gets a mail twice sees one, and a reminder as another; and nobody without the courier's key can make it from the entry.
func (c *Courier) messageID(use string, e *Entry, identity *Identity) string {
	return c.tokens.ofMail(use, e.Notice, e.Representative, e.Reminder) + "@" + identity.domain()
}

// open opens an address, or remembers it.
func (c *Courier) open(ctx context.Context, sealed []byte, of crypto.Representative) (crypto.Address, error) {
	digest := sha256.Sum256(sealed)
	c.mutex.Lock()
	a, known := c.addresses[digest]
	c.mutex.Unlock()
	if known && a.Representative == of {
		return a, nil
	}
	staff, err := c.staffCertificates(ctx)
	if err != nil {
		return crypto.Address{}, portal.Errorf(portal.Unavailable, "unavailable", "The database can't be reached.").Because(err)
	}
	if a, _, err = c.root.OpenAddress(sealed, of, c.keys, staff, c.now()); err != nil {
		return crypto.Address{}, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.addresses) >= maxAddresses {
		clear(c.addresses)
	}
	c.addresses[digest] = a
	return a, nil
}

// aheadAgain is how long after nothing was left to be opened ahead it is looked for more.
const aheadAgain = time.Minute

// openAhead opens some addresses, and parses some certificates, that will be needed when there is something to send, so that it goes out faster then. It says whether it found any.
func (c *Courier) openAhead(ctx context.Context) bool {
	now := c.now()
	c.mutex.Lock()
	enough := len(c.addresses) > maxAddresses-aheadAtOnce // no more are remembered
	c.mutex.Unlock()
	if enough || now.Sub(c.aheadAt) < aheadAgain {
		return false
	}
	found, err := c.store.Addressed(ctx, c.opened, aheadAtOnce)
	if err != nil {
		return false // whoever leases entries says so
	}
	if len(found) == 0 {
		c.aheadAt = now
	}
	for _, a := range found {
		if ctx.Err() != nil {
			return true
		}
		c.opened = a
		_, _ = c.open(ctx, a.Record, a.Representative) // what doesn't open is shown when something is to be sent
		if chain, err := c.verified.ParseAll(a.Chain); err == nil {
			if staff, err := c.staffCertificates(ctx); err == nil {
				_, _ = c.root.VerifyRepresentative(staff, chain, a.Representative, now) // what held is remembered with the certificates
			}
		}
	}
	return len(found) > 0
}

// aheadAtOnce is how many representatives are looked at before it is asked again whether there is something to send.
const aheadAtOnce = 30

// staffFresh is for how long staff certificates are taken as they were.
const staffFresh = 30 * time.Second

func (c *Courier) staffCertificates(ctx context.Context) ([]*crypto.Certificate, error) {
	c.mutex.Lock()
	staff, at := c.staff, c.staffAt
	c.mutex.Unlock()
	if staff != nil && c.now().Sub(at) < staffFresh {
		return staff, nil
	}
	stored, err := c.store.Staff(ctx)
	if err != nil {
		return nil, err
	}
	if staff, err = c.verified.ParseAll(stored); err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.staff, c.staffAt, c.manifests = staff, c.now(), nil
	return staff, nil
}
