package web_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/portaltest/live"
	"valise/portal/session"
)

// BenchmarkFanOut wakes 500 watchers over HTTPS, until the last one has read the event; beside it, a bare server that writes the same event to as many.
func BenchmarkFanOut(b *testing.B) {
	const watchers = 500
	p := live.Portal(b, live.Options{})
	var cookies []*http.Cookie
	author := p.Author
	for i := range watchers / 4 { // so many streams has a session, and three sessions as many as a person
		if i%3 == 0 {
			_, author = p.Employ("Author", crypto.RoleAuthor)
		}
		w := httptest.NewRecorder()
		if _, err := p.Portal.Sessions.Start(w, session.Attach(httptest.NewRequest("GET", "/", nil)), portal.StaffHolder(author.Certificate().Fingerprint()), author.Certificate().Fingerprint(), true); err != nil {
			b.Fatal(err)
		}
		cookies = append(cookies, w.Result().Cookies()...)
	}
	ours := watchAll(b, p.URL+api.Root+"/staff/stream", watchers, cookies)

	var mu sync.Mutex
	var told []chan struct{}
	bare := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mine := make(chan struct{}, 1)
		mu.Lock()
		told = append(told, mine)
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			if _, err := w.Write([]byte("event: changed\ndata: {\"live\":true}\n\n")); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-mine:
			case <-r.Context().Done():
				return
			}
		}
	}))
	b.Cleanup(bare.Close)
	theirs := watchAll(b, bare.URL, watchers, nil)

	var here, there time.Duration
	rounds := 0
	for b.Loop() {
		time.Sleep(350 * time.Millisecond) // a stream rests between two events
		us := func() {
			begun := time.Now()
			p.Portal.Watch.Tell(portal.TopicDesk)
			ours.Wait(b)
			here += time.Since(begun)
		}
		them := func() {
			begun := time.Now()
			mu.Lock()
			for _, one := range told {
				one <- struct{}{}
			}
			mu.Unlock()
			theirs.Wait(b)
			there += time.Since(begun)
		}
		if rounds++; rounds%2 == 0 { // who comes first finds a processor that has rested
			us()
			them()
		} else {
			them()
			us()
		}
	}
	b.ReportMetric(here.Seconds()*1000/float64(rounds), "ms/500")
	b.ReportMetric(there.Seconds()*1000/float64(rounds), "bare-ms/500")
	b.ReportMetric(there.Seconds()/here.Seconds(), "ours/bare-rate")
	b.ReportMetric(0, "ns/op")
}

// watching is so many readers of streams; Wait waits until each has read one more event.
type watching struct {
	watchers int
	read     chan struct{}
}

func watchAll(b *testing.B, url string, watchers int, cookies []*http.Cookie) *watching {
	b.Helper()
	ctx, leave := context.WithCancel(context.Background())
	b.Cleanup(leave)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	w := &watching{watchers, make(chan struct{}, 2*watchers)}
	for i := range watchers {
		request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			b.Fatal(err)
		}
		if cookies != nil {
			request.AddCookie(cookies[i%len(cookies)])
		}
		response, err := client.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		if response.StatusCode != http.StatusOK {
			b.Fatal(response.Status)
		}
		go func() {
			defer response.Body.Close()
			for lines := bufio.NewScanner(response.Body); lines.Scan(); {
				if strings.HasPrefix(lines.Text(), "event:") {
					w.read <- struct{}{}
				}
			}
		}()
	}
	w.Wait(b)
	return w
}

// Wait waits for one event at each.
func (w *watching) Wait(b *testing.B) {
	b.Helper()
	timeout := time.After(30 * time.Second)
	for range w.watchers {
		select {
		case <-w.read:
		case <-timeout:
			b.Fatal("some were not told")
		}
	}
}
