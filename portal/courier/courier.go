package courier

import (
	"context"
	"crypto/rand"
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

	journal *journal // of the round that runs; nil: there is none

	mutex     sync.Mutex
	staff     []*crypto.Certificate
	staffAt   time.Time
	verified  portal.Certificates
	manifests map[[sha256.Size]byte]*crypto.VerifiedManifest // that held with these staff certificates
	announced autocryptHeader
	addresses map[[sha256.Size]byte]crypto.Address // opened ones, by the digest of the sealed record
	counted   map[string]int                       // since the last line in the log
	total     Totals
	deferred  map[string]time.Time // while it hurries: what was deferred, and until when
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
		addresses: map[[sha256.Size]byte]crypto.Address{}, counted: map[string]int{},
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
	own, others := openJournal(c.config.Journal, c.tokens.secret, c.log)
	defer own.close()
	for _, j := range append(others, own) {
		c.settleJournal(ctx, j)
	}
	for _, j := range others {
		j.close()
	}
	c.journal = own
	defer func() { c.journal = nil }()
	// More is leased than is being sent, so that nobody who sends waits for the database to give out what comes next.
	slots := make(chan struct{}, leasedAhead*c.config.Workers)
	queue := make(chan leased, cap(slots)) // never full: each in it has a slot
	outcomes := make(chan outcome)         // without room: nobody sends another mail while two of theirs are not written down
	release := func() { <-slots }
	var sending, writing sync.WaitGroup
	defer c.report()
	defer c.hangUp()
	defer writing.Wait()
	defer func() { close(queue); sending.Wait(); close(outcomes) }()
	writing.Go(func() { c.settleAll(work, func() bool { return ctx.Err() != nil }, until, outcomes) })
	for range c.config.Workers {
		sending.Go(func() {
			for l := range queue {
				if ctx.Err() != nil { // the lease runs out, and it is done by whoever comes next
					release()
				} else if s, ok := c.carry(work, l, hurry); ok {
					outcomes <- outcome{s, l, release}
				} else {
					release()
				}
			}
		})
	}
	reported := c.now()
	for ctx.Err() == nil {
		free := takeSlots(ctx, slots, c.config.Workers)
		now := c.now()
		lease := rand.Text() // another each time: what came of an entry whose lease ran out, and was leased again, even by this process, is not kept
		entries, err := c.store.LeaseOutbox(ctx, lease, now, now.Add(c.config.Lease), free)
		if err != nil && ctx.Err() == nil {
			c.log.Error("courier", "problem", "the outbox can't be read: "+problem(err))
		}
		for range free - len(entries) {
			release()
		}
		for _, e := range entries {
			queue <- leased{e, lease, now, now.Add(c.config.Lease)}
		}
		if c.now().Sub(reported) > reportEvery {
			reported = c.now()
			c.report()
			c.sweep()
		}
		if len(entries) > 0 {
			continue
		}
		if hurry && len(slots) == 0 && (err == nil && c.nothingDeferred(until) || !c.now().Before(until)) {
			return err
		}
		sleep(ctx, c.config.Poll)
	}
	return nil
}

// leased is an entry that this courier works on.
type leased struct {
	entry     Entry
	lease     string
	at, until time.Time
}

// leasedAhead is how many times as many entries are leased as are sent at once.
const leasedAhead = 3

// takeSlots waits for so many free slots, and takes all that are free: entries are leased many at a time, as each lease is a transaction.
func takeSlots(ctx context.Context, slots chan struct{}, least int) (free int) {
	for free < least {
		select {
		case slots <- struct{}{}:
			free++
		case <-ctx.Done():
			return free
		}
	}
	for {
		select {
		case slots <- struct{}{}:
			free++
		default:
			return free
		}
	}
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

// carry does one entry, well before its lease is over; ok is false when nothing came of it.
func (c *Courier) carry(ctx context.Context, l leased, hurry bool) (s Settlement, ok bool) {
	left := l.until.Sub(c.now())
	if left < c.config.Lease/2 {
		return s, false // it waited too long for its turn: whoever leases it next has time enough
	}
	e := l.entry
	ctx, cancel := context.WithTimeout(ctx, left*3/4)
	defer cancel()
	s, err := c.do(ctx, e, hurry)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Error("courier", "problem", problem(err))
		}
		return s, false // the lease runs out, and it is done again
	}
	s.Notice, s.Representative, s.Reminder, s.Lease, s.LeasedAt, s.At = e.Notice, e.Representative, e.Reminder, l.lease, l.at, c.now()
	if s.State == Sent {
		c.journal.taken(c.line(&s))
	}
	return s, true
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

// do decides over an entry, and sends it if it is to be sent.
func (c *Courier) do(ctx context.Context, e Entry, hurry bool) (Settlement, error) {
	l, err := c.store.Letter(ctx, e.Notice, e.Representative)
	if portal.KindOf(err) == portal.NotFound {
		return Settlement{State: Cancelled, Reason: ReasonRevoked, Attempts: e.Attempts}, nil
	}
	if err != nil {
		return Settlement{}, err
	}
	now := c.now()
	if d := before(&l, now); !d.now() {
		return settled(&e, d), nil
	}
	notGenuine := Settlement{State: Dead, Reason: ReasonNotGenuine, Attempts: e.Attempts}
	var problem *errNotGenuine
	v, err := c.genuine(ctx, &e, &l)
	if errors.As(err, &problem) {
		return notGenuine, nil
	}
	if err != nil {
		return Settlement{}, err
	}
	m := v.Manifest()
	if m.Release.After(now) { // a server that delivers it before its time gets no help
		return settled(&e, later(m.Release.UTC(), ReasonNotYet)), nil
	}
	a, err := c.open(ctx, l.Address, e.Representative)
	if portal.KindOf(err) == portal.Unavailable {
		return Settlement{}, err
	}
	if err != nil {
		return Settlement{State: Dead, Reason: ReasonUnreadable, Attempts: e.Attempts}, nil
	}
	if d := when(&e, &l, m, &a, hurry, now); !d.now() {
		return settled(&e, d), nil
	}
	identity, transport := c.config.Institution, c.institution
	if e.Representative.Mailbox.Kind() == crypto.KindIndividual {
		identity, transport = c.config.Individuals, c.individuals
	}
	if identity == nil {
		return Settlement{State: Dead, Reason: ReasonNoIdentity, Attempts: e.Attempts}, nil
	}
	s, err := c.send(ctx, &e, &l, v, &a, identity, transport)
	if errors.As(err, &problem) {
		return notGenuine, nil
	}
	return s, err
}

func settled(e *Entry, d decision) Settlement {
	return Settlement{State: d.state, NextAt: d.at, Reason: d.reason, Attempts: e.Attempts}
}

// send writes the mail and hands it over.
func (c *Courier) send(ctx context.Context, e *Entry, l *Letter, v *crypto.VerifiedManifest, a *crypto.Address, identity *Identity, t *transport) (Settlement, error) {
	domain, unreachable := a.Domain(), false
	for _, way := range []struct {
		lanes *lanes
		name  string
	}{{c.domains, domain}, {c.servers, t.host(domain)}} {
		again, entered := way.lanes.enter(ctx, way.name, c.now)
		if !entered {
			return Settlement{State: Waiting, NextAt: again, Reason: ReasonBusy, Attempts: e.Attempts}, nil
		}
		began := c.now()
		defer func() { way.lanes.leave(way.name, c.now().Sub(began), unreachable && way.lanes == c.servers, c.now()) }()
	}
	mails, err := c.write(ctx, e, l, v, a, identity)
	if err != nil {
		return Settlement{}, err
	}
	for _, mail := range mails {
		f := t.send(ctx, identity.sender(c.tokens.of("return", e.Notice, e.Representative)), a.Email, domain, c.tokens.of("report", e.Notice, e.Representative), mail)
		if f != nil {
			unreachable = f.connection
			return c.failed(e, f, t.server.Smarthost != ""), nil
		}
	}
	return Settlement{State: Sent, Attempts: e.Attempts + 1}, nil
}

// failed says what to do after a failure: give up, or try again, later each time. That our own smarthost can't be reached is no try.
func (c *Courier) failed(e *Entry, f *failure, smarthost bool) Settlement {
	now := c.now()
	s := Settlement{State: Waiting, Attempts: e.Attempts + 1, Reason: f.reason}
	switch {
	case f.final:
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

// write makes the mail of an entry, and before it others with what the notice says to the mailbox alone and with the form of a receipt, where these don't go into the same: the form
// that mail programs open by themselves holds one message. The small ones go first: when one can't be handed over, all are tried again, and nobody gets the large one twice.
func (c *Courier) write(ctx context.Context, e *Entry, l *Letter, v *crypto.VerifiedManifest, a *crypto.Address, identity *Identity) ([][]byte, error) {
	body, err := c.body(ctx, v, l.Suite)
	if err != nil {
		return nil, err
	}
	form, err := c.receiptForm(ctx, e, l)
	if err != nil {
		return nil, fmt.Errorf("saying what a receipt by e-mail takes: %w", err)
	}
	announce := ""
	if e.Representative.Mailbox.Kind() != crypto.KindIndividual {
		announce = c.autocrypt(ctx)
	}
	head := func(of, boundary string) *letterhead {
		return &letterhead{
			autocrypt: announce,
			identity:  identity, to: a.Email, subject: identity.subject(a), date: roundDate(c.now()),
			messageID: c.messageID(of, e, identity), boundary: "=_" + c.tokens.ofMail(boundary, e.Notice, e.Representative, e.Reminder),
		}
	}
	small := []struct {
		message      []byte
		of, boundary string
	}{{l.Personal, "personal message", "personal boundary"}, {form, "form message", "form boundary"}}
	cover := l.Profile == crypto.ProfilePQ
	h := head("message", "boundary")
	if cover {
		for _, s := range small {
			if s.message != nil {
				h.more = append(h.more, s.message)
			}
		}
	}
	mail, err := h.write(crypto.Message(l.Envelope, body), cover)
	if errors.Is(err, errTooLarge) {
		mail, err = h.notify(l.Certificate)
		return [][]byte{mail}, err
	}
	if err != nil {
		return nil, err
	}
	var mails [][]byte
	for _, s := range small {
		if cover || s.message == nil {
			continue
		}
		m, err := head(s.of, s.boundary).write(s.message, false)
		if err != nil {
			return nil, err
		}
		mails = append(mails, m)
	}
	return append(mails, mail), nil
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
