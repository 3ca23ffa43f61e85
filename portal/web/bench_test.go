package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// Concurrent clients of the benchmark, and how many notices each acknowledges before the comparison is made anew.
const (
	benchClients = 64
	benchNotices = 8
)

// Acknowledgements over HTTPS with durable commits, by so many representatives at once, each on a connection of their own. x-bare is how many times as long
// it takes as the same number of clients take who do nothing but commit one row of a receipt's size each, durably, into the same database; x-store, as
// they take when the row goes through Valise's own store, without HTTP, session or signatures.
func BenchmarkAcknowledge(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "portal.db")
		bare, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(60000)&_pragma=synchronous(FULL)&_txlock=immediate")
		if err != nil {
			b.Fatal(err)
		}
		bare.SetMaxOpenConns(1) // more would only wait for each other's lock, with pauses
		benchmarkAcknowledge(b, live.Options{Database: path}, bare)
	})
	b.Run("PostgreSQL and Redis", func(b *testing.B) {
		dsn := portaltest.DurablePostgreSQL(b)
		bare, err := sql.Open("pgx", dsn)
		if err != nil {
			b.Fatal(err)
		}
		bare.SetMaxOpenConns(benchClients)
		bare.SetMaxIdleConns(benchClients)
		benchmarkAcknowledge(b, live.Options{Database: dsn, Redis: portaltest.Redis(b)}, bare)
	})
}

// benchClient is a representative at work.
type benchClient struct {
	*live.Person
	http     *http.Client
	requests []*http.Request // acknowledgements, ready to be sent
}

func benchmarkAcknowledge(b *testing.B, o live.Options, bare *sql.DB) {
	b.Cleanup(func() { bare.Close() })
	p := live.Portal(b, o)
	clients := make([]*benchClient, benchClients)
	people := make([]*live.Person, benchClients)
	for i := range clients {
		people[i] = p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
		c := &benchClient{Person: people[i], http: p.Client()}
		// A connection of its own; HTTP/1.1, as proxies speak to nodes. The client's part runs on the same cores, and HTTP/2 would make it dearer.
		transport := c.http.Transport.(*http.Transport).Clone()
		transport.ForceAttemptHTTP2, transport.TLSClientConfig.NextProtos = false, nil
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		c.http.Transport = transport
		b.Cleanup(c.http.CloseIdleConnections)
		clients[i] = c
	}
	trust := benchTrust(b, p)
	for _, c := range clients {
		c.logIn(b, p)
	}
	if _, err := bare.Exec("CREATE TABLE bare (number BIGINT NOT NULL PRIMARY KEY, receipt BYTEA NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	const each = benchClients * benchNotices
	row, size := 0, 0
	var whole, toBare, toStore []float64
	for b.Loop() {
		b.StopTimer()
		var notices []crypto.Number
		for range benchNotices {
			notices = append(notices, p.Release(p.Draft(), people...))
		}
		inParallel(runtime.GOMAXPROCS(0), len(clients), func(i int) { size = clients[i].prepare(b, p, trust, notices) })
		runtime.GC()
		b.StartTimer()

		start := time.Now()
		inParallel(benchClients, each, func(i int) {
			if _, err := bare.Exec("INSERT INTO bare (number, receipt) VALUES ($1, $2)", row+i, make([]byte, size)); err != nil {
				b.Error(err)
			}
		})
		row += each
		committed := time.Now()
		inParallel(benchClients, each, func(i int) {
			if err := p.Store.RecordAudit(context.Background(), portal.AuditEntry{Actor: "benchmark", Act: "benchmark", Object: strings.Repeat("x", size)}); err != nil {
				b.Error(err)
			}
		})
		stored := time.Now()
		inParallel(benchClients, benchClients, func(i int) {
			for _, r := range clients[i].requests {
				clients[i].send(b, r, http.StatusCreated)
			}
		})
		end := time.Now()
		whole = append(whole, end.Sub(stored).Seconds())
		toBare = append(toBare, end.Sub(stored).Seconds()/committed.Sub(start).Seconds())
		toStore = append(toStore, end.Sub(stored).Seconds()/stored.Sub(committed).Seconds())
	}
	b.ReportMetric(median(toBare), "x-bare")
	b.ReportMetric(median(toStore), "x-store")
	b.ReportMetric(each/median(whole), "acknowledgements/s")
	b.ReportMetric(0, "ns/op") // it would count all three
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// inParallel calls work for 0 … n-1, so many at once.
func inParallel(workers, n int, work func(i int)) {
	next := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
}

func benchTrust(b *testing.B, p *live.Server) *ceremony.Trust {
	b.Helper()
	var institution api.Institution
	response, err := p.Client().Get(p.URL + api.Root + "/institution")
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&institution); err != nil {
		b.Fatal(err)
	}
	trust, err := ceremony.Believe(p.Pin, institution)
	if err != nil {
		b.Fatal(err)
	}
	return trust
}

// ask sends a request and reads its answer.
func (c *benchClient) ask(b *testing.B, p *live.Server, method, path string, body, into any, status int) {
	data, err := json.Marshal(body)
	if err != nil {
		b.Error(err)
		return
	}
	r, err := http.NewRequest(method, p.URL+api.Root+path, bytes.NewReader(data))
	if err != nil {
		b.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/json")
	if err := json.Unmarshal(c.send(b, r, status), into); err != nil {
		b.Error(err)
	}
}

func (c *benchClient) send(b *testing.B, r *http.Request, status int) []byte {
	response, err := c.http.Do(r)
	if err != nil {
		b.Error(err)
		return nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		b.Error(response.StatusCode, string(body), err)
	}
	return body
}

func (c *benchClient) logIn(b *testing.B, p *live.Server) {
	var challenge api.LogInChallenge
	c.ask(b, p, "POST", "/login/start", api.LogInStart{As: c.Number.String()}, &challenge, http.StatusOK)
	signed, err := ceremony.SignLogIn(challenge, p.URL, c.Number.String(), c.Key, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	c.ask(b, p, "POST", "/login", signed, new(api.LoggedIn), http.StatusOK)
}

// prepare opens notices and signs the receipts. It returns the size of one.
func (c *benchClient) prepare(b *testing.B, p *live.Server, trust *ceremony.Trust, notices []crypto.Number) (size int) {
	c.requests = nil
	for _, n := range notices {
		var notice api.Notice
		path := fmt.Sprintf("/notices/%s", n)
		c.ask(b, p, "GET", path, nil, &notice, http.StatusOK)
		self, err := ceremony.SelfOf(c.Bundle)
		if err != nil {
			b.Fatal(err)
		}
		opened, err := ceremony.Open(trust, self, n, notice, time.Now())
		if err != nil {
			b.Error(err)
			return 0
		}
		receipt, err := ceremony.Acknowledge(opened, c.Key, c.Number, crypto.DecisionAcknowledged, notice.Nonce, time.Now())
		if err != nil {
			b.Error(err)
			return 0
		}
		data, err := json.Marshal(receipt)
		if err != nil {
			b.Error(err)
			return 0
		}
		r, err := http.NewRequest("POST", p.URL+api.Root+path+"/acknowledgement", bytes.NewReader(data))
		if err != nil {
			b.Error(err)
			return 0
		}
		r.Header.Set("Content-Type", "application/json")
		c.requests = append(c.requests, r)
		size = len(receipt.Receipt)
	}
	return size
}
