package portaltest

import (
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// FaultyProxy passes TCP connections on to a server, until it is told to fail. It starts passing
// everything; Pass brings it back there from any fault.
type FaultyProxy struct {
	// Address is where it listens, 127.0.0.1:PORT. It stays the same over Refuse and Pass.
	Address string
	// URL is the target's address with the host replaced, when the target was given as a URL.
	URL string

	t      testing.TB
	target string

	mu       sync.Mutex
	listener net.Listener // nil while refusing
	fault    fault
	changed  chan struct{} // closed when fault changes
	open     map[*link]bool
	running  sync.WaitGroup
}

// fault is what is wrong with the line. The zero fault is none.
type fault struct {
	delay       time.Duration // before each piece, either way
	stall       bool          // pieces wait
	loseAnswers bool          // the first piece of an answer ends its connection instead
}

// Proxy stands a FaultyProxy before target, HOST:PORT or a URL (redis://…, postgres://…, http://…).
func Proxy(t testing.TB, target string) *FaultyProxy {
	t.Helper()
	p := &FaultyProxy{t: t, target: target, changed: make(chan struct{}), open: map[*link]bool{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Address = listener.Addr().String()
	if strings.Contains(target, "://") {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		p.target = u.Host
		u.Host = p.Address
		p.URL = u.String()
	}
	p.serve(listener)
	t.Cleanup(func() {
		p.Refuse()
		p.running.Wait()
	})
	return p
}

// Pass ends every fault: what waits goes on, new connections are taken.
func (p *FaultyProxy) Pass() {
	p.t.Helper()
	p.set(fault{})
	p.mu.Lock()
	listening := p.listener != nil
	p.mu.Unlock()
	if listening {
		return
	}
	listener, err := net.Listen("tcp", p.Address)
	if err != nil {
		p.t.Fatalf("the proxy can't listen again on its port: %v", err)
	}
	p.serve(listener)
}

// Cut ends all connections at once, with a reset. New ones are taken as before.
func (p *FaultyProxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.open {
		l.cut()
	}
}

// Refuse ends all connections and refuses new ones, as if nobody listened.
func (p *FaultyProxy) Refuse() {
	p.mu.Lock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.Cut()
}

// Delay holds back each piece of data for a time, in both directions.
func (p *FaultyProxy) Delay(d time.Duration) { p.set(fault{delay: d}) }

// Stall takes connections and data and passes nothing on, as a network does that drops packets.
func (p *FaultyProxy) Stall() { p.set(fault{stall: true}) }

// LoseAnswers passes on what clients send, and cuts each connection when the server answers: what was asked for has been done, and
// who asked for it can't know.
func (p *FaultyProxy) LoseAnswers() { p.set(fault{loseAnswers: true}) }

func (p *FaultyProxy) set(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *FaultyProxy) serve(listener net.Listener) {
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	p.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed by Refuse
			}
			p.running.Go(func() { p.connect(listener, client) })
		}
	})
}

func (p *FaultyProxy) connect(listener net.Listener, client net.Conn) {
	server, err := net.DialTimeout("tcp", p.target, 10*time.Second)
	if err != nil {
		reset(client)
		return
	}
	l := &link{client: client, server: server, ended: make(chan struct{})}
	defer l.close()

	p.mu.Lock()
	if p.listener != listener { // Refuse came in between
		p.mu.Unlock()
		l.cut()
		return
	}
	p.open[l] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, l)
	}()

	carry := func(to, from net.Conn, answers bool) {
		if err := p.carry(to, from, answers, l.ended); err != nil {
			l.cut()
			return
		}
		to.(*net.TCPConn).CloseWrite() // one side has said all; the other may go on
	}
	var both sync.WaitGroup
	both.Go(func() { carry(server, client, false) })
	both.Go(func() { carry(client, server, true) })
	both.Wait()
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	ended          chan struct{} // closed by cut
	once           sync.Once
}

// cut ends both halves with a reset, and whatever waits for them.
func (l *link) cut() {
	l.once.Do(func() { close(l.ended) })
	reset(l.client)
	reset(l.server)
}

func (l *link) close() {
	l.client.Close()
	l.server.Close()
}

var errLost = errors.New("the answer was lost")

// carry passes data on until from has ended (nil) or something has gone wrong.
func (p *FaultyProxy) carry(to, from net.Conn, answers bool, ended <-chan struct{}) error {
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			if err := p.wait(answers, ended); err != nil {
				return err
			}
			if _, err := to.Write(piece[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// wait holds a piece back as long as the fault of the moment asks.
func (p *FaultyProxy) wait(answer bool, ended <-chan struct{}) error {
	for {
		p.mu.Lock()
		f, changed := p.fault, p.changed
		p.mu.Unlock()
		if f.loseAnswers && answer {
			return errLost
		}
		var over <-chan time.Time
		switch {
		case f.stall:
		case f.delay > 0:
			over = time.After(f.delay)
		default:
			return nil
		}
		select {
		case <-over:
			return nil
		case <-changed:
		case <-ended:
			return net.ErrClosed
		}
	}
}

// reset closes a connection so that the other side gets an error, not an end.
func reset(conn net.Conn) {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}
