package web_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// stream is an open stream of events, read line by line.
type stream struct {
	t        *testing.T
	response *http.Response
	lines    chan string // closed when the server ends it
	leave    context.CancelFunc
}

func (v *visitor) stream(path string) *stream {
	v.t.Helper()
	ctx, leave := context.WithCancel(v.t.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", v.portal.URL+api.Root+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	client := *v.client
	client.Timeout = 0
	response, err := client.Do(request)
	if err != nil {
		v.t.Fatalf("%s: %v", path, err)
	}
	s := &stream{v.t, response, make(chan string), leave}
	go func() {
		defer close(s.lines)
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			select {
			case s.lines <- lines.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	v.t.Cleanup(leave)
	return s
}

// hears waits for a line; "" waits for the end of the stream.
func (s *stream) hears(line string, within time.Duration) {
	s.t.Helper()
	for timeout := time.After(within); ; {
		select {
		case got, more := <-s.lines:
			if !more && line != "" {
				s.t.Fatalf("the stream ended before %q", line)
			}
			if !more || got == line && line != "" {
				return
			}
		case <-timeout:
			s.t.Fatalf("no %q within %v", line, within)
		}
	}
}

// silent says that no event comes for a while.
func (s *stream) silent(d time.Duration) {
	s.t.Helper()
	for timeout := time.After(d); ; {
		select {
		case got := <-s.lines:
			if strings.HasPrefix(got, "event:") {
				s.t.Errorf("heard %q", got)
			}
		case <-timeout:
			return
		}
	}
}

const (
	changed = `data: {"live":true}`
	deaf    = `data: {"live":false}`
)

func TestAStreamTellsThatSomethingChanged(t *testing.T) {
	p := live.Portal(t, live.Options{Heartbeat: 200 * time.Millisecond})
	alice, bob := claimedIn(t, p), claimedIn(t, p)
	n, other := p.Release(p.Draft(), alice, bob), p.Release(p.Draft(), alice)
	author := newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	notice, desk, another := author.stream("/staff/notices/"+string(n)+"/stream"), author.stream("/staff/stream"), author.stream("/staff/notices/"+string(other)+"/stream")
	for _, s := range []*stream{notice, desk, another} {
		s.hears(changed, 5*time.Second) // so that whoever comes back looks
		for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "Content-Encoding": ""} {
			if got := s.response.Header.Get(name); got != want {
				t.Errorf("%s %q, want %q", name, got, want)
			}
		}
		if s.response.ProtoMajor != 2 {
			t.Errorf("over %s", s.response.Proto)
		}
	}
	notice.hears(": still here", 5*time.Second)

	reader := newVisitor(t, p)
	reader.logIn(alice.Number.String(), alice.Key)
	reader.get("/notices/"+string(n)).want(t, 200)
	notice.hears(changed, time.Second)
	desk.hears(changed, time.Second)
	another.silent(500 * time.Millisecond)

	// Not to whom it is no business, and not in too many windows.
	reader.get("/staff/notices/"+string(n)+"/stream").wantFailure(t, 403, "staff-only")
	author.get("/staff/notices/"+string(crypto.NewNumber(crypto.KindNotice))+"/stream").wantFailure(t, 404, "no-notice")
	author.do("HEAD", api.Root+"/staff/stream", nil).want(t, 200)
	fourth := author.stream("/staff/stream")
	fourth.hears(changed, 5*time.Second)
	author.get("/staff/stream").wantFailure(t, 429, "too-many-streams")
	fourth.leave()
	fourth.hears("", 5*time.Second)
	for deadline := time.Now().Add(5 * time.Second); author.get("/staff/stream").StatusCode != 200; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a window that was closed still counts")
		}
	}
	administrator := p.Hire("Ines Informatics", crypto.RoleAdministrator)
	outsider := newVisitor(t, p)
	outsider.logIn(fingerprint(administrator), administrator)
	outsider.get("/staff/stream").wantFailure(t, 403, "author-only")
}

// TestOneAccountDoesNotTakeAllStreams: whoever stole it may log in again and again, and leaves room for others.
func TestOneAccountDoesNotTakeAllStreams(t *testing.T) {
	p := live.Portal(t, live.Options{})
	for range 3 {
		author := newVisitor(t, p)
		author.logIn(fingerprint(p.Author), p.Author)
		for range 4 {
			author.stream("/staff/stream").hears(changed, 5*time.Second)
		}
	}
	author, approver := newVisitor(t, p), newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	author.get("/staff/stream").wantFailure(t, 429, "too-many-streams")
	approver.logIn(fingerprint(p.Approver), p.Approver)
	approver.stream("/staff/stream").hears(changed, 5*time.Second)
}

func TestAStreamEndsWithTheSessionAndTheRole(t *testing.T) {
	p := live.Portal(t, live.Options{Heartbeat: 100 * time.Millisecond})
	leaving := p.Hire("Lena Leaving", crypto.RoleAuthor)
	author, lena := newVisitor(t, p), newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	lena.logIn(fingerprint(leaving), leaving)
	mine, hers := author.stream("/staff/stream"), lena.stream("/staff/stream")
	mine.hears(changed, 5*time.Second)
	hers.hears(changed, 5*time.Second)
	mine.hears(": still here", 5*time.Second)

	author.post("/logout", nil).want(t, 204)
	mine.hears("", 5*time.Second)
	hers.hears(": still here", 5*time.Second)

	time.Sleep(time.Second) // certifications are told apart by the second
	administrator, err := crypto.CertifyStaff(p.Root, leaving.Certificate(), []crypto.Role{crypto.RoleAdministrator}, time.Now())
	must(t, err)
	_, err = p.Portal.Registry.AddStaff(t.Context(), administrator.Bytes())
	must(t, err)
	hers.hears("", 5*time.Second)
}

// An open page is no sign of life: its session ends when nobody does anything.
func TestAStreamKeepsNoSessionAlive(t *testing.T) {
	var later atomic.Int64
	p := live.Portal(t, live.Options{Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }, Heartbeat: 50 * time.Millisecond})
	author := newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	s := author.stream("/staff/stream")
	s.hears(changed, 5*time.Second)
	for range 2 {
		later.Add(int64(14 * time.Minute))
		s.hears(": still here", 5*time.Second)
		author.get("/staff/stream").want(t, 200)
	}
	later.Add(int64(3 * time.Minute))
	s.hears("", 5*time.Second)
	author.get("/session").wantFailure(t, 401, "no-session")
}

// The limits of a server are for requests that end; a stream outlives them over HTTP/1.1 and HTTP/2, and ends with the server.
func TestAStreamOutlivesTheServersLimits(t *testing.T) {
	p := live.Portal(t, live.Options{Heartbeat: 100 * time.Millisecond})
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			server, err := p.Portal.Server()
			if err != nil {
				t.Fatal(err)
			}
			server.ReadTimeout, server.WriteTimeout, server.ReadHeaderTimeout, server.IdleTimeout = time.Second, time.Second, time.Second, time.Second
			certificate := portaltest.TLS(t)
			offered := certificate.Server.Clone()
			offered.NextProtos = []string{"h2", "http/1.1"} // as the serve command's listener
			listener, err := tls.Listen("tcp", "127.0.0.1:0", offered)
			if err != nil {
				t.Fatal(err)
			}
			stopped := make(chan error, 1)
			go func() { stopped <- server.Serve(listener) }()
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: certificate.Pool}, ForceAttemptHTTP2: protocol == "HTTP/2.0"}}
			author := newVisitor(t, p)
			author.logIn(fingerprint(p.Author), p.Author)
			author.client.Transport = client.Transport
			there := *p
			there.URL = "https://" + listener.Addr().String()
			author.portal = &there
			s := author.stream("/staff/stream")
			if s.response.Proto != protocol {
				t.Fatalf("over %s", s.response.Proto)
			}
			for begun := time.Now(); time.Since(begun) < 2500*time.Millisecond; {
				s.hears(": still here", time.Second)
			}
			p.Portal.Watch.Tell(portal.TopicDesk)
			s.hears(changed, time.Second)

			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := server.Shutdown(ctx); err != nil {
				t.Errorf("an open stream keeps the server from stopping: %v", err)
			}
			s.hears("", time.Second)
			<-stopped
		})
	}
}

// While Redis is away a stream says that it can't hear other nodes; back again, it says so, and that one should look.
func TestAStreamSaysWhenItIsDeaf(t *testing.T) {
	redis := portaltest.StartRedis(t)
	proxy := portaltest.Proxy(t, redis.URL)
	p := live.Portal(t, live.Options{Redis: proxy.URL, Heartbeat: 300 * time.Millisecond})
	author := newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	s := author.stream("/staff/stream")
	s.hears(changed, 10*time.Second)
	proxy.Refuse()
	proxy.Cut()
	s.hears(deaf, 10*time.Second)
	s.hears(": still here", 10*time.Second)
	s.hears(": still here", 10*time.Second) // nobody can say whether the session runs; it isn't ended by that
	proxy.Pass()
	s.hears(changed, 10*time.Second)
}

func claimedIn(t *testing.T, p *live.Server) *live.Person {
	t.Helper()
	return p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
}
