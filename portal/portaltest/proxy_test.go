package portaltest_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"valise/portal/portaltest"
)

// countingServer answers "here" and counts the requests it has had.
func countingServer(t *testing.T) (server *httptest.Server, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		io.WriteString(w, "here")
	}))
	t.Cleanup(server.Close)
	return server, requests
}

func get(url string, patience time.Duration) (string, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestProxyFailsOnDemandAndRecovers(t *testing.T) {
	server, requests := countingServer(t)
	proxy := portaltest.Proxy(t, server.URL)
	passes := func(when string) {
		t.Helper()
		if body, err := get(proxy.URL, 5*time.Second); body != "here" {
			t.Fatalf("%s: %q, %v", when, body, err)
		}
	}
	passes("at first")

	proxy.Refuse()
	if _, err := get(proxy.URL, time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refusing gave %v", err)
	}
	proxy.Pass()
	passes("after refusing")

	proxy.Stall()
	if _, err := get(proxy.URL, 50*time.Millisecond); err == nil || !err.(interface{ Timeout() bool }).Timeout() {
		t.Errorf("stalling gave %v, want a timeout", err)
	}
	proxy.Pass()
	passes("after stalling")

	proxy.Delay(50 * time.Millisecond)
	start := time.Now()
	passes("delayed")
	if took := time.Since(start); took < 100*time.Millisecond { // there and back
		t.Errorf("a delayed answer took %v only", took)
	}

	proxy.LoseAnswers()
	before := requests.Load()
	if body, err := get(proxy.URL, 5*time.Second); err == nil {
		t.Errorf("a lost answer came: %q", body)
	}
	if requests.Load() != before+1 {
		t.Errorf("the server had %d requests, want the one whose answer was lost", requests.Load()-before)
	}
	proxy.Pass()
	passes("after losing answers")
}

func TestProxyCutsOpenConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	proxy := portaltest.Proxy(t, listener.Addr().String())
	conn, err := net.Dial("tcp", proxy.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn.Write([]byte("x"))
	if _, err := server.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	proxy.Cut()
	for side, c := range map[string]net.Conn{"client": conn, "server": server} {
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("the %s saw %v, want a reset", side, err)
		}
	}
}

func TestStalledConnectionsEndWithTheTest(t *testing.T) {
	server, _ := countingServer(t)
	t.Run("stall", func(t *testing.T) {
		proxy := portaltest.Proxy(t, server.URL)
		proxy.Stall()
		conn, err := net.Dial("tcp", proxy.Address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() }) // before the proxy's own Cleanup
		io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
		// The proxy's Cleanup waits for all it started: a leak hangs here.
	})
}
