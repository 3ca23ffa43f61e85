package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// load is how many take part: few in the suite, so that every path is walked, and many with VALISE_LOAD=full ("make load"), for the figures in docs/bench.md.
func load(few, many int) int {
	switch said := os.Getenv("VALISE_LOAD"); said {
	case "":
		return few
	case "full":
		return many
	default:
		n, err := strconv.Atoi(said)
		if err != nil || n < 1 {
			panic("VALISE_LOAD is full, or a number of people")
		}
		return n
	}
}

// latencies are how long things of a kind took.
type latencies struct {
	mu   sync.Mutex
	took map[string][]time.Duration
}

// measure does something and keeps how long it took, when it succeeded.
func (l *latencies) measure(what string, do func() error) error {
	began := time.Now()
	err := do()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.took == nil {
			l.took = map[string][]time.Duration{}
		}
		l.took[what] = append(l.took[what], time.Since(began))
	}
	return err
}

func (l *latencies) report(t *testing.T, what ...string) {
	t.Helper()
	for _, w := range what {
		took := slices.Sorted(slices.Values(l.took[w]))
		if len(took) == 0 {
			t.Errorf("nothing was measured of: %s", w)
			continue
		}
		at := func(percent int) time.Duration {
			return took[min(len(took)-1, len(took)*percent/100)].Round(time.Millisecond)
		}
		t.Logf("%-12s %5d times: p50 %v, p99 %v, at most %v", w, len(took), at(50), at(99), took[len(took)-1].Round(time.Millisecond))
	}
}

// ------------------------------------------------------------------ a crowd that acknowledges

// crowd is people who have each a mailbox, with one notice in it.
type crowd struct {
	*court
	people []*live.Person
	notice crypto.Number
	latencies
	redis *portaltest.RedisServer

	confirmed []string // by person: the receipt that the portal confirmed
	again     atomic.Int64
	done      atomic.Int64
}

// gather makes a court of two nodes on PostgreSQL and Redis, and a crowd who has been sent a notice.
func gather(t *testing.T, people int) *crowd {
	t.Helper()
	c := &crowd{redis: portaltest.StartRedis(t)}
	began := time.Now()
	c.court = openCourt(t, portaltest.PostgreSQL(t), c.redis.URL, func(court *court) {
		c.people = make([]*live.Person, people)
		for i := range c.people {
			c.people[i] = court.Claim(court.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
		}
		c.notice = court.Release(court.Draft(), c.people...)
	})
	t.Logf("%d people issued and claimed, and the notice sealed and released to them: %v", people, time.Since(began).Round(time.Millisecond))
	one, two := c.start(), c.start()
	c.line.lead(one.address, two.address)
	c.believe()
	c.confirmed = make([]string, people)
	return c
}

// acknowledge is what one of them does: logs in, opens, acknowledges; each on a connection of their own.
func (c *crowd) acknowledge(ctx context.Context, i int) error {
	person := c.people[i]
	v, err := client.New(c.origin, false)
	if err != nil {
		return err
	}
	defer v.Close()
	if err := c.measure("log in", func() error {
		_, err := v.LogIn(ctx, person.Number.String(), person.Key)
		return err
	}); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	receipt := ""
	if err := c.measure("open", func() error {
		r, err := c.open(ctx, v, person, c.notice)
		receipt = r.Receipt
		return err
	}); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return c.measure("acknowledge", func() error {
		kept, err := v.Acknowledge(ctx, c.notice, api.Receipt{Receipt: receipt})
		if err != nil {
			return fmt.Errorf("acknowledge: %w", err)
		}
		if kept.Receipt != receipt {
			return errors.New("another receipt was kept than was signed")
		}
		c.confirmed[i] = kept.Receipt
		c.done.Add(1)
		return nil
	})
}

// allAtOnce lets everybody begin in the same moment, and returns how long it took until the last one was done.
func (c *crowd) allAtOnce(do func(i int)) time.Duration {
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range c.people {
		group.Go(func() {
			<-start
			do(i)
		})
	}
	began := time.Now()
	close(start)
	group.Wait()
	return time.Since(began)
}

// nothingIsLost compares what was confirmed with the database itself, and with the ledger: each receipt is there, once, and nothing else.
func (c *crowd) nothingIsLost() {
	t := c.t
	t.Helper()
	stored := c.acknowledgements(c.notice)
	for i, p := range c.people {
		row, there := stored[p.Number.Mailbox]
		switch {
		case c.confirmed[i] == "":
			t.Errorf("%s was never confirmed", p.Number)
		case !there:
			t.Errorf("the receipt of %s was confirmed, and is not there", p.Number)
		case row.receipt != c.confirmed[i]:
			t.Errorf("another receipt of %s is there than was confirmed", p.Number)
		case row.holder != p.Number.String():
			t.Errorf("the receipt of %s is there as that of %s", p.Number, row.holder)
		}
	}
	if len(stored) != len(c.people) {
		t.Errorf("there are %d receipts, of %d people", len(stored), len(c.people))
	}
	c.ledgerAgrees()
	entries := map[string]bool{}
	c.look(func(rows *sql.Rows) error {
		var subject string
		err := rows.Scan(&subject)
		if entries[subject] {
			t.Errorf("the ledger has it twice: %s", subject)
		}
		entries[subject] = true
		return err
	}, `SELECT subject FROM ledger_entries WHERE subject LIKE 'notice-acknowledged %'`)
	if len(entries) != len(c.people) {
		t.Errorf("the ledger has %d acknowledgements, of %d people", len(entries), len(c.people))
	}
}

// TestACrowdAcknowledgesAtOnce: everybody logs in, opens and acknowledges in the same moment, on two nodes. No error, no loss, nothing twice.
func TestACrowdAcknowledgesAtOnce(t *testing.T) {
	c := gather(t, load(60, 2000))
	took := c.allAtOnce(func(i int) {
		if err := c.acknowledge(t.Context(), i); err != nil {
			t.Errorf("%s: %v", c.people[i].Number, err)
		}
	})
	t.Logf("%d people, all at once, on two nodes: %v until the last was done", len(c.people), took.Round(time.Millisecond))
	c.report(t, "log in", "open", "acknowledge")
	c.nothingIsLost()
	c.statusOf(c.notice)
}

// TestRedisIsLostInACrowd: in the middle of it Redis is emptied, and later killed and started again. People log in again; nothing that was confirmed is missing.
func TestRedisIsLostInACrowd(t *testing.T) {
	c := gather(t, load(60, 2000))
	n := int64(len(c.people))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var disasters sync.WaitGroup
	disasters.Go(func() {
		wait := func(done int64) {
			for c.done.Load() < done && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
		}
		wait(n / 4)
		c.redis.Flush()
		wait(n / 2)
		c.redis.Kill()
		time.Sleep(500 * time.Millisecond)
		c.redis.Start()
	})
	took := c.allAtOnce(func(i int) {
		for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
			err := c.acknowledge(ctx, i)
			switch {
			case err == nil:
				return
			// The answer was lost with the session, and the receipt kept: who comes back in another session is told so.
			case client.IsCode(err, "already-acknowledged"):
				if c.confirmed[i], err = c.receiptOf(ctx, i); err == nil {
					c.done.Add(1)
					return
				}
			case time.Now().After(end):
				t.Errorf("%s, after five minutes: %v", c.people[i].Number, err)
				return
			// Not known any more (401), not fetched in this session, or Redis away (503): as people are told, they log in again.
			case client.IsStatus(err, http.StatusUnauthorized), client.IsStatus(err, http.StatusServiceUnavailable), client.IsCode(err, "not-fetched", "other-session"):
				c.again.Add(1)
			default:
				t.Errorf("%s: %v", c.people[i].Number, err)
				return
			}
		}
	})
	disasters.Wait()
	t.Logf("%d people, with Redis emptied and restarted on the way: %v; %d times somebody began again", n, took.Round(time.Millisecond), c.again.Load())
	c.report(t, "log in", "open", "acknowledge")
	c.nothingIsLost()
}

// receiptOf fetches the receipt that the portal has of somebody.
func (c *crowd) receiptOf(ctx context.Context, i int) (string, error) {
	v, err := client.New(c.origin, false)
	if err != nil {
		return "", err
	}
	defer v.Close()
	if _, err := v.LogIn(ctx, c.people[i].Number.String(), c.people[i].Key); err != nil {
		return "", err
	}
	receipt, err := v.Receipt(ctx, c.notice)
	return string(receipt), err
}

// statusOf is how long staff wait for who has acknowledged, receipts verified.
func (c *crowd) statusOf(n crypto.Number) {
	c.t.Helper()
	v := c.staff(c.Approver)
	began := time.Now()
	status, err := v.Status(c.t.Context(), n)
	if err != nil {
		c.t.Fatal(err)
	}
	told := time.Since(began)
	receipts, err := v.Receipts(c.t.Context(), n)
	if err != nil {
		c.t.Fatal(err)
	}
	fetched := time.Since(began) - told
	if len(status.Mailboxes) != len(c.people) || len(receipts.Receipts) != len(c.people) {
		c.t.Errorf("staff see %d mailboxes and %d receipts, of %d", len(status.Mailboxes), len(receipts.Receipts), len(c.people))
	}
	c.t.Logf("status of %d mailboxes: %v; their receipts: %v", len(status.Mailboxes), told.Round(time.Millisecond), fetched.Round(time.Millisecond))
}

// ------------------------------------------------------------------ ten thousand mailboxes

// TestANoticeToTenThousandMailboxes is a notice to everybody, by the program that staff use: checked, sealed, submitted, examined, approved and released in one
// transaction, and watched.
func TestANoticeToTenThousandMailboxes(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{
		"SQLite":     func(t testing.TB) string { return filepath.Join(t.TempDir(), "portal.db") },
		"PostgreSQL": portaltest.PostgreSQL,
	} {
		t.Run(name, func(t *testing.T) { manyMailboxes(t, database(t), load(150, 10_000)) })
	}
}

func manyMailboxes(t *testing.T, database string, many int) {
	h := &lyingHouse{Server: live.Portal(t, live.Options{Database: database}), t: t} // an honest one, here
	h.open()
	began := time.Now()
	mailboxes := make([]crypto.Number, many)
	for i := range mailboxes {
		mailboxes[i] = h.Issue([]crypto.Kind{crypto.KindState, crypto.KindOrganisation, crypto.KindIndividual}[i%3], crypto.ProfilePQ).Number.Mailbox
	}
	t.Logf("%d mailboxes issued: %v", many, time.Since(began).Round(time.Millisecond))
	text := filepath.Join(t.TempDir(), "en.md")
	h.must(os.WriteFile(text, []byte(noticeSubject+"\n\n"+strings.Repeat("Data may have been read. ", 100)+"\n"), 0o600))

	timed := func(what string, args ...string) string {
		t.Helper()
		runtime.GC()
		began := time.Now()
		status, said := h.says(t, "", args...)
		if status != exitDone {
			t.Fatalf("valise %s: %d\n%.2000s", args[0], status, said)
		}
		t.Logf("valise %-8s %v  (%s)", args[0], time.Since(began).Round(time.Millisecond), what)
		return said
	}
	var sealed sealJSON
	said := timed("directory fetched, every chain verified, sealed and submitted", h.byAda("seal", text, "--to", "all", "--deadline", time.Now().Add(48*time.Hour).UTC().Format(time.RFC3339), "--yes", "--json")...)
	h.must(json.NewDecoder(strings.NewReader(said[strings.Index(said, "{"):])).Decode(&sealed))
	if sealed.Mailboxes != many {
		t.Fatalf("it was sealed to %d mailboxes, of %d", sealed.Mailboxes, many)
	}
	timed("examined, every chain verified, approved, released in one transaction", h.byBela("approve", string(sealed.Notice), "--yes")...)
	if said := timed("directory fetched, every receipt verified", h.byBela("status", string(sealed.Notice))...); !strings.Contains(said, fmt.Sprintf("%d mailboxes: 0 opened", many)) {
		t.Errorf("%.300s", said)
	}
	h.watched(t, sealed.Notice, many)
}

// watched is how long the page takes that staff look at, how large it is, and that of the program's answer.
func (h *lyingHouse) watched(t *testing.T, n crypto.Number, many int) {
	v := h.visitor(string(h.Approver.Certificate().Fingerprint()), h.Approver)
	began := time.Now()
	status, err := v.Status(t.Context(), n)
	h.must(err)
	if len(status.Mailboxes) != many {
		t.Errorf("status has %d mailboxes", len(status.Mailboxes))
	}
	t.Logf("status as JSON: %v", time.Since(began).Round(time.Millisecond))

	// The page, with the session's cookie as a browser has it.
	cookie := h.sessionOf(h.Approver)
	for _, path := range []string{"/staff", "/staff/notices", "/staff/notices/" + string(n)} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+path, nil)
		h.must(err)
		request.AddCookie(cookie)
		var took []time.Duration
		var size int
		for range 5 {
			began := time.Now()
			answer, err := http.DefaultClient.Do(request)
			h.must(err)
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			h.must(err)
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d", path, answer.StatusCode)
			}
			took, size = append(took, time.Since(began)), len(body)
		}
		slices.Sort(took)
		t.Logf("GET %s: %v, %d kB", strings.Replace(path, string(n), "{notice}", 1), took[len(took)/2].Round(100*time.Microsecond), size>>10)
		if limit := 2 * time.Second; took[0] > limit {
			t.Errorf("%s takes more than %v: nobody watches that", path, limit)
		}
		if size > 2<<20 {
			t.Errorf("%s has %d bytes: nobody on a train loads that", path, size)
		}
	}
}

// sessionOf logs somebody in and returns the cookie.
func (h *lyingHouse) sessionOf(key *crypto.Key) *http.Cookie {
	h.t.Helper()
	as := string(key.Certificate().Fingerprint())
	c := h.client()
	challenge, err := c.StartLogIn(h.t.Context(), as)
	h.must(err)
	signed, err := ceremony.SignLogIn(challenge, h.url, as, key, time.Now())
	h.must(err)
	body, err := json.Marshal(signed)
	h.must(err)
	answer, err := http.Post(h.url+"/api/v1/login", "application/json", bytes.NewReader(body))
	h.must(err)
	answer.Body.Close()
	for _, cookie := range answer.Cookies() {
		if strings.HasSuffix(cookie.Name, "valise") {
			return cookie
		}
	}
	h.t.Fatalf("logging in gives %d and no cookie", answer.StatusCode)
	return nil
}
