package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/client"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/session"
)

// answer is what the portal says to a GET from a browser with a cookie that nobody knows.
func (c *court) answer(path string) (status int, retryAfter, body string) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.origin+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	request.AddCookie(&http.Cookie{Name: session.Name, Value: strings.Repeat("A", 43)})
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Retry-After"), string(data)
}

// ready waits until the node has found again what it lost.
func (c *court) ready() {
	c.t.Helper()
	for range 200 {
		if status, _, _ := c.answer("/readyz"); status == http.StatusOK {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Fatal("the node is not ready after ten seconds")
}

// want demands a status, and Retry-After with 503.
func (c *court) want(path string, status int) {
	c.t.Helper()
	got, retryAfter, body := c.answer(path)
	if got != status {
		c.t.Errorf("GET %s: %d, want %d: %s", path, got, status, body)
	}
	if status == http.StatusServiceUnavailable && (retryAfter == "" || retryAfter == "0") {
		c.t.Errorf("GET %s: nothing says when to come back: %s", path, body)
	}
}

func TestRedisIsLost(t *testing.T) {
	redis := portaltest.StartRedis(t)
	var people []*live.Person
	var notices []crypto.Number
	c := openCourt(t, portaltest.PostgreSQL(t), redis.URL, func(c *court) {
		people = c.claimed(8, 1)
		for range 9 {
			notices = append(notices, c.Release(c.Draft(), people...))
		}
	})
	c.start()
	c.believe()
	d := &redisLoss{c: c, clients: make([]*client.Client, len(people)), people: people, confirmed: make([]map[crypto.Number]string, len(people))}
	for i := range people {
		d.confirmed[i] = map[crypto.Number]string{}
	}
	d.logIn()
	d.acknowledge(notices[:3], redis.Flush)
	d.logIn()
	d.acknowledge(notices[3:6], redis.Kill)

	c.want("/healthz", http.StatusOK)
	c.want("/api/v1/institution", http.StatusOK)
	c.want("/readyz", http.StatusServiceUnavailable)
	c.want("/api/v1/me", http.StatusServiceUnavailable)
	for _, path := range []string{"/api/v1/login/start", "/api/v1/login"} {
		response, err := http.Post(c.origin+path, "application/json", strings.NewReader(`{"as":"`+people[0].Number.String()+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "who is logged in") || response.Header.Get("Retry-After") == "" {
			t.Errorf("POST %s while Redis is down: %d %s (%v); want 503 that says so, and when to come back", path, response.StatusCode, body, err)
		}
	}

	redis.Start()
	c.ready()
	d.logIn()
	d.acknowledge(notices, func() {}) // all of them, those that are confirmed again
	for _, n := range notices {
		stored := c.acknowledgements(n)
		for i, p := range people {
			if row := stored[p.Number.Mailbox]; row.receipt == "" || row.receipt != d.confirmed[i][n] {
				t.Errorf("the receipt of %s for %s was confirmed and is not there", p.Number, n)
			}
		}
	}
}

// redisLoss is people at work while Redis goes away.
type redisLoss struct {
	c         *court
	people    []*live.Person
	clients   []*client.Client
	confirmed []map[crypto.Number]string // by person: receipts that the portal confirmed
}

func (d *redisLoss) logIn() {
	d.c.t.Helper()
	for i, p := range d.people {
		v, err := untilItAnswers(func() (*client.Client, error) {
			v := d.c.visitor()
			_, err := v.LogIn(d.c.t.Context(), p.Number.String(), p.Key)
			return v, err
		})
		if err != nil {
			d.c.t.Fatalf("logging in again: %v", err)
		}
		d.clients[i] = v
	}
}

// acknowledge lets everybody work through notices; in the middle something happens, and whoever notices stops.
func (d *redisLoss) acknowledge(notices []crypto.Number, happens func()) {
	t := d.c.t
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var done atomic.Int32
	middle := make(chan struct{})
	var work []func()
	for i, p := range d.people {
		work = append(work, func() {
			for _, n := range notices {
				if int(done.Add(1)) == len(notices)*len(d.people)/2 {
					close(middle)
				}
				receipt, err := d.c.open(ctx, d.clients[i], p, n)
				if err != nil {
					d.noticed(ctx, err)
					return
				}
				if kept := d.confirmed[i][n]; kept != "" { // what was confirmed is confirmed again, in another session
					receipt.Receipt = kept
				}
				answer, err := d.clients[i].Acknowledge(ctx, n, receipt)
				if err != nil {
					d.noticed(ctx, err)
					return
				}
				d.confirmed[i][n] = answer.Receipt
			}
		})
	}
	work = append(work, func() {
		<-middle
		happens()
		time.AfterFunc(time.Second, cancel) // the client would go on trying
	})
	atTheSameTime(work...)
}

// noticed says whether an error is what people are told when their session, or Redis, is gone.
func (d *redisLoss) noticed(ctx context.Context, err error) {
	if ctx.Err() == nil && !client.IsStatus(err, http.StatusUnauthorized) && !client.IsStatus(err, http.StatusServiceUnavailable) {
		d.c.t.Errorf("when Redis was lost: %v", err)
	}
}

func TestTheDatabaseIsDown(t *testing.T) {
	database := portaltest.StartPostgreSQL(t)
	var person *live.Person
	var notice crypto.Number
	c := openCourt(t, database.DSN, portaltest.Redis(t), func(c *court) {
		person = c.claimed(1, 1)[0]
		notice = c.Release(c.Draft(), person)
	})
	c.start()
	c.believe()
	v := c.logIn(person.Number.String(), person.Key)
	receipt, err := c.open(t.Context(), v, person, notice)
	if err != nil {
		t.Fatal(err)
	}
	database.Kill()

	c.want("/healthz", http.StatusOK)
	c.want("/readyz", http.StatusServiceUnavailable)
	c.want("/api/v1/institution", http.StatusServiceUnavailable)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // the client would go on trying for longer
	defer cancel()
	if _, err := v.Acknowledge(ctx, notice, receipt); err == nil {
		t.Error("an acknowledgement was confirmed while the database was down")
	}

	database.Start()
	c.ready()
	answer, err := untilItAnswers(func() (string, error) {
		kept, err := v.Acknowledge(t.Context(), notice, receipt)
		return kept.Receipt, err
	})
	if err != nil || answer != receipt.Receipt {
		t.Errorf("acknowledging again once the database is back: %v", err)
	}
	if stored := c.acknowledgements(notice); len(stored) != 1 || stored[person.Number.Mailbox].receipt != receipt.Receipt {
		t.Error("the receipt is not there once")
	}
}
