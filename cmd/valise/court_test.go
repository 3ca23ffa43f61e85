package main

import (
	"context"
	"database/sql"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// court is an institution whose portal is `valise serve` in processes of their own, which can be killed.
//
// People and notices are made by the steps in this process (live.Server) before the first node starts; after that this process leaves the
// database alone but for looking at it, and everything goes over HTTP.
type court struct {
	*live.Server
	t        *testing.T
	dsn      string
	settings []string // of every node
	listener []string // with TLS or without
	origin   string   // the address that people know
	line     *line
	trust    *ceremony.Trust
	visitors []*client.Client
}

// openCourt makes a court without TLS. redis may be empty. What prepare does is done before the first node starts.
func openCourt(t *testing.T, dsn, redis string, prepare func(*court)) *court {
	t.Helper()
	c := &court{Server: live.Portal(t, live.Options{Database: dsn}), t: t, dsn: dsn, line: newLine(t)}
	prepare(c)
	if err := c.Store.Close(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c.settings = []string{
		"--listen", "127.0.0.1:0",
		"--institution", write("institution.toml", "languages = [\"en\"]\nname.en = \"International Court (test)\"\ncontact = [\"Registry\"]\n"),
		"--root-certificate", write("root.asc", c.Root.Certificate().Armor()),
		"--portal-secret-file", write("portal.secret", strings.Repeat("0123456789abcdef", 2)),
		"--database-file", write("database", dsn),
	}
	if redis != "" {
		c.settings = append(c.settings, "--redis-file", write("redis", redis))
	}
	c.origin, c.listener = "http://"+c.line.address(), []string{"--insecure-http"}
	return c
}

// withTLS lets the nodes serve HTTPS.
func (c *court) withTLS(certificate *portaltest.Certificate) {
	c.origin = "https://" + c.line.address()
	c.listener = []string{"--tls-certificate", certificate.CertFile, "--tls-key", certificate.KeyFile}
}

// node is one `valise serve` process.
type node struct {
	*portaltest.Program
	address string
	log     *watched
}

// start starts a node and waits until it listens. The line leads to it.
func (c *court) start() *node {
	c.t.Helper()
	n := &node{log: &watched{found: make(chan string, 1)}}
	cmd := exec.Command("valise", slices.Concat([]string{"serve", "--origin", c.origin, "--insecure-single-factor"}, c.listener, c.settings)...)
	cmd.Stderr = n.log
	n.Program = portaltest.Start(c.t, cmd)
	select {
	case n.address = <-n.log.found:
	case <-n.Ended():
		c.t.Fatalf("a node did not start:\n%s", n.log)
	case <-time.After(30 * time.Second):
		c.t.Fatalf("a node did not start in half a minute:\n%s", n.log)
	}
	c.line.lead(n.address)
	return n
}

// visitor returns a client of the portal, with cookies of its own.
func (c *court) visitor() *client.Client {
	c.t.Helper()
	v, err := client.New(c.origin, false)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(v.Close)
	c.visitors = append(c.visitors, v)
	return v
}

// turnTo sends everybody to another node from now on. Who has a connection is not in the middle of a request.
func (c *court) turnTo(n *node) {
	for _, v := range c.visitors {
		v.Close()
	}
	c.line.lead(n.address)
}

// believe fetches what the portal says of the institution, once.
func (c *court) believe() *ceremony.Trust {
	c.t.Helper()
	if c.trust == nil {
		institution, err := c.visitor().Institution(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		if c.trust, err = ceremony.Believe(c.Pin, institution); err != nil {
			c.t.Fatal(err)
		}
	}
	return c.trust
}

// logIn returns a client in which somebody is logged in.
func (c *court) logIn(as string, key *crypto.Key) *client.Client {
	c.t.Helper()
	v := c.visitor()
	if _, err := v.LogIn(c.t.Context(), as, key); err != nil {
		c.t.Fatal(err)
	}
	return v
}

func (c *court) staff(key *crypto.Key) *client.Client {
	c.t.Helper()
	return c.logIn(string(key.Certificate().Fingerprint()), key)
}

// claimed makes representatives of mailboxes, so many for each, who have claimed.
func (c *court) claimed(mailboxes, each int) []*live.Person {
	c.t.Helper()
	var people []*live.Person
	for range mailboxes {
		mailbox := crypto.NewNumber(crypto.KindState)
		for i := range each {
			issued := c.IssueAs(crypto.Representative{Mailbox: mailbox, Ordinal: 1 + i}, crypto.ProfilePQ)
			people = append(people, c.Claim(issued, crypto.ProfilePQ))
		}
	}
	return people
}

// open opens a notice as a representative's client does, and signs the receipt.
func (c *court) open(ctx context.Context, v *client.Client, person *live.Person, number crypto.Number) (api.Receipt, error) {
	fetched, err := v.Notice(ctx, number)
	if err != nil {
		return api.Receipt{}, err
	}
	self, err := ceremony.SelfOf(person.Bundle)
	if err != nil {
		return api.Receipt{}, err
	}
	opened, err := ceremony.Open(c.trust, self, number, fetched, time.Now())
	if err != nil {
		return api.Receipt{}, err
	}
	return ceremony.Acknowledge(opened, person.Key, person.Number, crypto.DecisionAcknowledged, fetched.Nonce, time.Now())
}

// look hands the rows of a query to scan, read from the database itself and not by way of the portal.
func (c *court) look(scan func(*sql.Rows) error, query string, args ...any) {
	c.t.Helper()
	driver, dsn := "pgx", c.dsn
	if !strings.Contains(dsn, "://") {
		driver, dsn = "sqlite", "file:"+dsn+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(c.t.Context(), query, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
}

// ------------------------------------------------------------------ the line

// line is the address that people know; it leads to one node at a time, as a load balancer does with one visitor, or spreads connections over several. It carries
// bytes, so TLS ends in the node.
type line struct {
	listener net.Listener

	mu    sync.Mutex
	to    []string
	taken int               // connections, so far
	open  map[net.Conn]bool // both ends of every connection
}

func newLine(t *testing.T) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, open: map[net.Conn]bool{}}
	t.Cleanup(func() {
		listener.Close()
		l.lead()
	})
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(from)
		}
	}()
	return l
}

func (l *line) address() string { return l.listener.Addr().String() }

// lead leads to another node from now on, or to several in turn, each connection then from an address of its own; connections to those before are cut.
func (l *line) lead(to ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
	for conn := range l.open {
		conn.Close()
	}
	clear(l.open)
}

func (l *line) carry(from net.Conn) {
	defer from.Close()
	l.mu.Lock()
	if len(l.to) == 0 {
		l.mu.Unlock()
		return
	}
	l.taken++
	n := l.taken
	address := l.to[n%len(l.to)]
	several := len(l.to) > 1
	l.mu.Unlock()
	var dialer net.Dialer
	if several {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 1, byte(n/250%250), byte(1+n%250))}
	}
	to, err := dialer.Dial("tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	l.mu.Lock()
	if !slices.Contains(l.to, address) {
		l.mu.Unlock()
		return
	}
	l.open[from], l.open[to] = true, true
	l.mu.Unlock()
	go func() {
		io.Copy(to, from)
		to.Close()
	}()
	io.Copy(from, to) // the node's end is the end of both
	l.mu.Lock()
	delete(l.open, from)
	delete(l.open, to)
	l.mu.Unlock()
}
