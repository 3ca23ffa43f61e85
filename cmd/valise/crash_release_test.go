package main

import (
	"database/sql"
	"math/rand/v2"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest/live"
)

// TestKilledAroundTheReleaseMinute kills nodes while approved notices fall due, and again while mailboxes are to be reminded of them: in the end each lies once in each mailbox, at one
// moment that is not before its time, each mailbox was reminded of it once, and the ledger has all of it, once. What was recalled in time lies in no mailbox.
func TestKilledAroundTheReleaseMinute(t *testing.T) {
	t.Parallel() // most of its time it waits for the minute
	const mailboxes, notices = 8, 40
	onEachDatabase(t, 40, func(t *testing.T, d *disaster) {
		var planned []crypto.Number
		var recalled crypto.Number
		var release, remind time.Time
		c := openCourt(t, d.dsn, d.redis, func(c *court) {
			people := c.claimed(mailboxes, 1)
			release = time.Now().Add(notices/10*time.Second + 6*time.Second).Truncate(time.Second) // sealing them takes a while
			remind = release.Add(15 * time.Second)
			plan := func(people ...*live.Person) crypto.Number {
				draft := c.Draft()
				draft.Release, draft.Deadline, draft.Reminders = release, remind.Add(time.Hour), []int{1}
				return c.Release(draft, people...) // approves it, too
			}
			for range notices {
				planned = append(planned, plan(people...))
			}
			recalled = plan(people...)
			if _, err := c.Portal.Dispatch.Recall(t.Context(), c.Acting(c.Author), recalled, nil); err != nil {
				t.Fatal(err)
			}
		})
		d.startSigning(c)
		count := func(query string) (n int) {
			c.look(func(rows *sql.Rows) error { return rows.Scan(&n) }, query)
			return n
		}
		released := func() int { return count(`SELECT count(*) FROM notices WHERE state = 'released'`) }
		if n := released(); n != 0 {
			t.Fatalf("%d notices are out before their time: this machine took too long to seal them", n)
		}
		reminders := func() int {
			return count(`SELECT count(*) FROM notice_events WHERE kind = 'NotificationForAcceptance'`)
		}

		// A node does what is due as soon as it runs, so each start is such a minute.
		until := func(due time.Time, done func() int, all int) (kills int) {
			time.Sleep(time.Until(due))
			for begin := time.Now(); done() < all; kills++ {
				if time.Since(begin) > 90*time.Second {
					t.Fatalf("only %d of %d after %d kills", done(), all, kills)
				}
				nodes := []*node{c.start()}
				if d.database != nil && kills%3 == 2 {
					nodes = append(nodes, c.start())
				}
				time.Sleep(rand.N(moments/10) * time.Duration(1+3*kills)) // at last it may come to an end
				for _, n := range nodes {
					n.Kill()
				}
				c.ledgerAgrees()
			}
			return kills
		}
		kills := until(release, released, notices)
		if late := time.Now(); late.After(remind) {
			t.Fatalf("it took until %s to release them", late)
		}
		more := until(remind, reminders, notices*mailboxes)
		d.checkLedger(c)
		for _, n := range planned {
			row, _ := c.notice(n)
			if row.state != string(portal.Released) || row.deliveries != mailboxes || row.mailboxes != mailboxes || row.firstDelivery != row.released || row.lastDelivery != row.released ||
				row.released.Int64 < release.UnixMicro() || row.deliveries == 0 {
				t.Errorf("%s: %+v", n, row)
			}
		}
		if row, _ := c.notice(recalled); row.state == string(portal.Released) || row.deliveries != 0 {
			t.Errorf("what was recalled lies in %d mailboxes", row.deliveries)
		}
		if n := count(`SELECT count(*) FROM (SELECT DISTINCT notice, mailbox FROM notice_events WHERE kind = 'NotificationForAcceptance') e`); n != notices*mailboxes || reminders() != n {
			t.Errorf("%d reminders were given to %d, want one to each of %d", reminders(), n, notices*mailboxes)
		}
		if early := count(`SELECT count(*) FROM notice_events WHERE kind = 'AcceptanceRejectionExpiry'`); early != 0 {
			t.Errorf("%d deadlines passed an hour early", early)
		}
		t.Logf("%d and %d kills", kills, more)
	})
}
