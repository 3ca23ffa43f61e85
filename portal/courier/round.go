package courier

import (
	"context"
	"crypto/rand"
	"runtime"
	"sync"
	"time"
)

// A round is the way of entries through the courier: they are leased many at a time, what they are about is read many at a time, parcels are made of them on all cores, and mails are handed over
// over as many connections as there are workers; what came of them is written down by one (settle.go). Each step goes on while the next one works, so that nobody who sends waits for the
// database or for cryptography. How much is on its way is bounded: in entries by slots, in octets by weight.
type round struct {
	c         *Courier
	ctx, work context.Context // work lasts a little longer
	hurry     bool

	slots    chan struct{}
	leases   chan []leased
	parcels  chan *parcel
	outcomes chan outcome
	weight   weight

	preparing, sending, writing sync.WaitGroup
}

// leased is an entry that this courier works on.
type leased struct {
	entry     Entry
	lease     string
	at, until time.Time
}

// leasedAhead is how many times as many entries are leased as are sent at once.
const leasedAhead = 4

// maxWeight is how many octets of mails are made and not yet handed over; one mail more for each who makes some.
const maxWeight = 32 << 20

func (c *Courier) newRound(ctx, work context.Context, hurry bool, until time.Time) *round {
	slots := leasedAhead * c.config.Workers
	r := &round{
		c: c, ctx: ctx, work: work, hurry: hurry,
		slots: make(chan struct{}, slots), leases: make(chan []leased, slots), // never full: each in it has a slot
		parcels: make(chan *parcel, c.config.Workers),
		weight:  weight{most: maxWeight},
	}
	r.weight.freed = sync.NewCond(&r.weight.mutex)
	if c.journal != nil {
		r.outcomes = make(chan outcome, slots)
	} else { // without room: nobody sends another mail while two of theirs are written down nowhere
		r.outcomes = make(chan outcome)
	}
	r.writing.Go(func() { c.settleAll(work, func() bool { return ctx.Err() != nil }, until, r.outcomes) })
	for range runtime.GOMAXPROCS(0) {
		r.preparing.Go(r.prepareAll)
	}
	for range c.config.Workers {
		r.sending.Go(r.sendAll)
	}
	return r
}

// end lets finish what is under way.
func (r *round) end() {
	close(r.leases)
	r.preparing.Wait()
	close(r.parcels)
	r.sending.Wait()
	close(r.outcomes)
	r.writing.Wait()
}

func (r *round) release() { <-r.slots }

func (r *round) idle() bool { return len(r.slots) == 0 }

// lease takes up as many entries as there is room for, and returns how many.
func (r *round) lease() (int, error) {
	c := r.c
	free := takeSlots(r.ctx, r.slots, c.config.Workers)
	now := c.now()
	lease := rand.Text() // another each time: what came of an entry whose lease ran out, and was leased again, even by this process, is not kept unless it was sent
	entries, err := c.store.LeaseOutbox(r.ctx, lease, now, now.Add(c.config.Lease), free)
	if err != nil && r.ctx.Err() == nil {
		c.log.Error("courier", "problem", "the outbox can't be read: "+problem(err))
	}
	for range free - len(entries) {
		r.release()
	}
	for len(entries) > 0 { // a share for each who prepares
		n := min(len(entries), max(4, (len(entries)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0)))
		share := make([]leased, n)
		for i, e := range entries[:n] {
			share[i] = leased{e, lease, now, now.Add(c.config.Lease)}
		}
		r.leases <- share
		entries = entries[n:]
		if len(entries) == 0 {
			return free, nil
		}
	}
	return 0, err
}

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

// prepareAll makes parcels of what is leased. What nothing comes of is done by whoever leases it next.
func (r *round) prepareAll() {
	for share := range r.leases {
		if r.ctx.Err() != nil {
			for range share {
				r.release()
			}
			continue
		}
		letters, err := r.read(share)
		if err != nil {
			r.problem(err)
			for range share {
				r.release()
			}
			continue
		}
		for i, l := range share {
			r.prepare(l, letters[i])
		}
	}
}

func (r *round) problem(err error) {
	if r.work.Err() == nil {
		r.c.log.Error("courier", "problem", problem(err))
	}
}

func (r *round) read(share []leased) ([]*Letter, error) {
	entries := make([]Entry, len(share))
	for i, l := range share {
		entries[i] = l.entry
	}
	return r.c.store.Letters(r.work, entries)
}

// prepare makes the parcel of an entry and hands it to those who send, or settles the entry.
func (r *round) prepare(l leased, letter *Letter) {
	ctx, cancel, ok := r.within(l)
	if !ok {
		r.release()
		return
	}
	defer cancel()
	p, s, err := r.c.prepare(ctx, &l.entry, letter, r.hurry)
	switch {
	case err != nil:
		r.problem(err)
		r.release()
	case p == nil:
		r.outcome(l, s)
	default:
		p.leased = l
		r.weight.add(p.size())
		r.parcels <- p
	}
}

// within bounds work on an entry, so that it ends well before its lease does. It isn't begun when it waited too long for its turn: whoever leases it next has time enough.
func (r *round) within(l leased) (ctx context.Context, cancel context.CancelFunc, ok bool) {
	left := l.until.Sub(r.c.now())
	if left < r.c.config.Lease/2 || r.ctx.Err() != nil {
		return nil, nil, false
	}
	ctx, cancel = context.WithTimeout(r.work, left*3/4)
	return ctx, cancel, true
}

func (r *round) sendAll() {
	for p := range r.parcels {
		r.send(p)
	}
}

func (r *round) send(p *parcel) {
	defer r.weight.add(-p.size())
	defer p.tearUp(&r.c.sheets)
	ctx, cancel, ok := r.within(p.leased)
	if !ok {
		r.release()
		return
	}
	defer cancel()
	r.outcome(p.leased, r.c.send(ctx, p))
}

func (r *round) outcome(l leased, s Settlement) {
	e := &l.entry
	s.Notice, s.Representative, s.Reminder, s.Lease, s.LeasedAt = e.Notice, e.Representative, e.Reminder, l.lease, l.at
	if s.At.IsZero() {
		s.At = r.c.now()
	}
	r.outcomes <- outcome{s, l, r.release}
}

// weight bounds the octets of mails that are made and not yet handed over.
type weight struct {
	most  int
	mutex sync.Mutex
	now   int
	freed *sync.Cond
}

// add waits until what is there is light enough, and adds to it; or, with less than nothing, takes away.
func (w *weight) add(octets int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for octets > 0 && w.now > w.most {
		w.freed.Wait()
	}
	w.now += octets
	w.freed.Broadcast()
}
