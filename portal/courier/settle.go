package courier

import (
	"context"
	"slices"
	"time"

	"valise/portal"
)

// What came of entries is written down apart from those who send, many at a time: whoever has handed a mail over leaves its outcome with the one who writes, and goes on to the
// next. Nobody collects: as soon as one transaction is done, the next takes all that came meanwhile. So nothing that was handed over waits longer than two
// transactions, and a courier that is killed leaves at most two mails of each who sends to be sent twice: fewer than one, mostly, since an outcome is on disk some
// milliseconds after the mail server's answer.

// outcome is what came of an entry that was leased.
type outcome struct {
	settlement Settlement
	leased     leased
	done       func()
}

// settleAll writes outcomes down until there are no more.
func (c *Courier) settleAll(ctx context.Context, outcomes <-chan outcome) {
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
		c.settle(ctx, batch)
		for _, o := range batch {
			o.done()
		}
	}
}

// maxSettled is how many outcomes one transaction takes.
const maxSettled = 256

// settle writes outcomes down. A mail that was handed over, of which that can't be written down, would be sent again, so it is tried for as long as the leases last.
func (c *Courier) settle(ctx context.Context, batch []outcome) {
	for wait := 50 * time.Millisecond; len(batch) > 0; wait = min(2*wait, 5*time.Second) {
		settlements := make([]Settlement, len(batch))
		for i, o := range batch {
			settlements[i] = o.settlement
		}
		kept, err := c.store.SettleOutbox(ctx, settlements...)
		if err == nil {
			c.settled(settlements, kept)
			return
		}
		before := len(batch)
		batch = slices.DeleteFunc(batch, func(o outcome) bool { return c.now().Add(wait).After(o.leased.until) })
		if len(batch) < before {
			c.log.Error("courier", "problem", "what came of entries can't be kept, so they may be sent twice: "+problem(err), "entries", before-len(batch))
		}
		if len(batch) > 0 {
			time.Sleep(wait)
		}
	}
}

// settled counts what was written down, and tells who watches.
func (c *Courier) settled(settlements []Settlement, kept []bool) {
	var changed []string
	for i, s := range settlements {
		if !kept[i] {
			continue
		}
		c.count(s)
		if s.State == Sent || s.State == Dead {
			changed = append(changed, string(s.Notice))
		}
	}
	if c.config.Told == nil || len(changed) == 0 {
		return
	}
	slices.Sort(changed)
	c.config.Told(append(slices.Compact(changed), portal.TopicDesk)...)
}
