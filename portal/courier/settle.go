package courier

import (
	"context"
	"slices"
	"time"

	"valise/portal"
)

// What came of entries is written down apart from those who send, many at a time: whoever has handed a mail over leaves its outcome with the one who writes, and goes on to the
// next. Nobody collects: as soon as one transaction is done, the next takes all that came meanwhile. What a mail server took stands in the journal by then (journal.go); without one,
// who sends waits for the writer (newRound), so that a courier that is killed leaves at most two mails of each to be sent twice.

// outcome is what came of an entry that was leased.
type outcome struct {
	settlement Settlement
	leased     leased
	done       func()
}

// settleAll writes outcomes down until there are no more.
func (c *Courier) settleAll(ctx context.Context, stopping func() bool, patience time.Time, outcomes <-chan outcome) {
	for first := range outcomes {
		batch := []outcome{first}
		for more := true; more && len(batch) < maxSettled; {
			select {
			case next, open := <-outcomes:
				if more = open; open {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		c.settle(ctx, stopping, patience, slices.Clone(batch))
		for _, o := range batch {
			o.done()
		}
	}
}

// maxSettled is how many outcomes one transaction takes.
const maxSettled = 256

// settle writes outcomes down. That a mail was sent is tried until it is done, as the mail would be sent again: until patience is over (the zero time: it never is), or the courier is told
// to stop and the journal has it. Everything else is tried for as long as the lease lasts. Nothing is tried beyond the end of ctx.
func (c *Courier) settle(ctx context.Context, stopping func() bool, patience time.Time, batch []outcome) {
	for wait := 50 * time.Millisecond; len(batch) > 0; wait = min(2*wait, 5*time.Second) {
		settlements := make([]Settlement, len(batch))
		for i, o := range batch {
			settlements[i] = o.settlement
		}
		kept, err := c.store.SettleOutbox(context.WithoutCancel(ctx), settlements...)
		if err == nil {
			c.settled(settlements, kept)
			return
		}
		before, next := len(batch), c.now().Add(wait)
		batch = slices.DeleteFunc(batch, func(o outcome) bool {
			if ctx.Err() != nil || stopping() && c.journal.has(c.line(&o.settlement)) {
				return true
			}
			return next.After(o.leased.until) && (o.settlement.State != Sent || !patience.IsZero() && next.After(patience))
		})
		if len(batch) < before {
			c.log.Error("courier", "problem", "what came of entries can't be kept; what was sent is sent again, unless it stands in the journal when a courier starts: "+problem(err), "entries", before-len(batch))
		}
		if len(batch) > 0 {
			time.Sleep(wait)
		}
	}
}

// line is what stands in the journal of a settlement.
func (c *Courier) line(s *Settlement) journalLine {
	e := Entry{Notice: s.Notice, Representative: s.Representative, Reminder: s.Reminder}
	return journalLine{lineTaken, c.tokens.journal(&e), s.LeasedAt.UnixMicro(), s.At.UnixMicro(), s.Lease}
}

// settled counts what was written down, and tells who watches.
func (c *Courier) settled(settlements []Settlement, kept []bool) {
	var changed []string
	var done []journalLine
	for i, s := range settlements {
		if s.State == Sent {
			done = append(done, c.line(&s))
		}
		if !kept[i] {
			continue
		}
		c.count(s)
		if s.State == Sent || s.State == Dead {
			changed = append(changed, string(s.Notice))
		}
	}
	c.journal.settled(done...)
	if c.config.Told == nil || len(changed) == 0 {
		return
	}
	slices.Sort(changed)
	c.config.Told(append(slices.Compact(changed), portal.TopicDesk)...)
}
