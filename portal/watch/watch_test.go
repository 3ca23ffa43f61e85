package watch_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"valise/portal/portaltest"
	"valise/portal/watch"
)

func TestWhoSubscribedIsWokenOnce(t *testing.T) {
	var w watch.Watch
	mine, desk, other := w.Subscribe(t.Context(), "N-4R8T2WXH"), w.Subscribe(t.Context(), "desk", "N-4R8T2WXH"), w.Subscribe(t.Context(), "N-2222222Z")
	if woken(mine, 0) {
		t.Error("woken before anything happened")
	}
	for range 1000 { // nobody reads meanwhile
		w.Tell("N-4R8T2WXH", "desk")
	}
	if !woken(mine, 0) || !woken(desk, 0) {
		t.Error("who subscribed was not woken")
	}
	if woken(mine, 0) || woken(desk, 0) {
		t.Error("told a thousand times, a slow listener finds more than one token")
	}
	if woken(other, 0) {
		t.Error("who watches another notice was woken")
	}
	if !w.Hears() {
		t.Error("in process, nothing is missed")
	}
}

func TestASubscriptionEndsWithItsContext(t *testing.T) {
	var w watch.Watch
	ctx, end := context.WithCancel(t.Context())
	told := w.Subscribe(ctx, "desk")
	end()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		w.Tell("desk")
		if !woken(told, 0) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("still woken after its end")
		}
	}
}

func TestTellersAndListenersAtOnce(t *testing.T) {
	var w watch.Watch
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 200 {
				ctx, end := context.WithCancel(t.Context())
				topic := fmt.Sprintf("N-%d", j%7)
				told := w.Subscribe(ctx, topic, "desk")
				w.Tell(topic)
				if !woken(told, time.Second) {
					t.Errorf("listener %d was not woken by its own", i)
				}
				end()
			}
		})
	}
	group.Wait()
}

func TestNodesHearEachOther(t *testing.T) {
	server := portaltest.StartRedis(t)
	one, two := node(t, server.URL), node(t, server.URL)
	here, there := one.Subscribe(t.Context(), "N-4R8T2WXH"), two.Subscribe(t.Context(), "N-4R8T2WXH")
	hears(t, one)
	hears(t, two)
	drain(here)
	drain(there)
	one.Tell("N-4R8T2WXH", "with space", "*", strings.Repeat("x", 65), "")
	if !woken(here, time.Second) || !woken(there, time.Second) {
		t.Error("not woken on both nodes")
	}
	if woken(here, 100*time.Millisecond) {
		t.Error("a node is woken by the echo of its own word")
	}
	if woken(there, 0) {
		t.Error("what is no topic was told")
	}
	one.Tell("desk")
	if woken(there, 100*time.Millisecond) {
		t.Error("woken by another topic")
	}
}

// Redis dies with everything that was on its way, and comes back: both nodes look again, and what could not be told is told.
func TestRedisIsKilledAndComesBack(t *testing.T) {
	server := portaltest.StartRedis(t)
	one, two := node(t, server.URL), node(t, server.URL)
	here, there := one.Subscribe(t.Context(), "desk"), two.Subscribe(t.Context(), "desk")
	hears(t, one)
	hears(t, two)
	drain(here)
	drain(there)
	server.Kill()
	until(t, "both nodes know that they don't hear", func() bool { return !one.Hears() && !two.Hears() })
	drain(here)
	drain(there)

	begun := time.Now()
	one.Tell("desk")
	if took := time.Since(begun); took > 50*time.Millisecond {
		t.Errorf("with Redis down a teller waited for %v", took)
	}
	if !woken(here, time.Second) {
		t.Error("with Redis down a node's own listeners are not woken")
	}
	if woken(there, 50*time.Millisecond) {
		t.Error("woken through a Redis that is down")
	}
	server.Start()
	if !woken(there, 10*time.Second) {
		t.Error("with Redis back, the other node was not woken")
	}
	hears(t, one)
	hears(t, two)
	// What is told after that comes as before.
	time.Sleep(200 * time.Millisecond)
	drain(there)
	one.Tell("desk")
	if !woken(there, 2*time.Second) {
		t.Error("not woken after Redis came back")
	}
}

// Only the teller's line breaks. The listener's holds, so nothing but the topic that waited wakes it.
func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	server := portaltest.StartRedis(t)
	proxy := portaltest.Proxy(t, server.URL)
	teller, listener := node(t, proxy.URL), node(t, server.URL)
	first, second, third := listener.Subscribe(t.Context(), "N-1"), listener.Subscribe(t.Context(), "N-2"), listener.Subscribe(t.Context(), "N-3")
	hears(t, teller)
	hears(t, listener)
	drain(first)
	drain(second)
	proxy.Refuse()
	proxy.Cut()
	teller.Tell("N-1")
	teller.Tell("N-2")
	if woken(first, 300*time.Millisecond) {
		t.Fatal("told through a line that is cut")
	}
	proxy.Pass()
	if !woken(first, 10*time.Second) || !woken(second, 10*time.Second) {
		t.Error("what waited was not told")
	}
	drain(third)

	// So much waits that it is not kept one by one: then everybody looks.
	proxy.Refuse()
	proxy.Cut()
	for i := range 3000 {
		teller.Tell(fmt.Sprintf("N-9%d", i))
	}
	proxy.Pass()
	if !woken(third, 10*time.Second) {
		t.Error("after more than is kept, not everybody was woken")
	}
}

// A line that is silent, without being closed, is noticed.
func TestASilentLineIsGivenUp(t *testing.T) {
	server := portaltest.StartRedis(t)
	proxy := portaltest.Proxy(t, server.URL)
	w := node(t, proxy.URL)
	hears(t, w)
	proxy.Stall()
	until(t, "the silence is noticed", func() bool { return !w.Hears() })
	told := w.Subscribe(t.Context(), "desk")
	proxy.Pass()
	if !woken(told, 10*time.Second) {
		t.Error("not woken when the line was back")
	}
	hears(t, w)
}

func TestItStartsBeforeRedis(t *testing.T) {
	server := portaltest.StartRedis(t)
	server.Stop()
	w := node(t, server.URL)
	told := w.Subscribe(t.Context(), "desk")
	if w.Hears() {
		t.Error("it hears without Redis")
	}
	server.Start()
	if !woken(told, 10*time.Second) || !w.Hears() {
		t.Error("it did not find Redis")
	}
}

// ------------------------------------------------------------------ help

func node(t *testing.T, url string) *watch.Watch {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.MaxRetries, options.DialerRetries, options.ContextTimeoutEnabled = time.Second, time.Second, time.Second, 1, 1, true
	client := redis.NewClient(options)
	w := watch.OverRedis(client, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		w.Close()
		client.Close()
	})
	return w
}

func woken(told <-chan struct{}, within time.Duration) bool {
	if within == 0 {
		select {
		case <-told:
			return true
		default:
			return false
		}
	}
	select {
	case <-told:
		return true
	case <-time.After(within):
		return false
	}
}

func drain(told <-chan struct{}) { woken(told, 0) }

func hears(t *testing.T, w *watch.Watch) {
	t.Helper()
	until(t, "it hears", w.Hears)
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
