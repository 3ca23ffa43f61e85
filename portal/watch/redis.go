package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// channel is the one channel of Redis. A message on it is the sender's name for this run, random, and topics:
//
//	K3J5M2Q7WXYZABCDEFGHIJKLMN N-4R8T2WXH desk
const channel = "valise:watch"

const (
	pingEvery  = 3 * time.Second // of silence, then the server is asked whether it is there
	pongTime   = 2 * time.Second // it has to answer
	postTime   = 2 * time.Second // for one message
	backoffMin = 100 * time.Millisecond
	backoffMax = time.Second

	// maxWaiting is how many topics wait for a Redis that can't be reached. Of more, everybody is told everything.
	maxWaiting = 1000
	maxMessage = (maxWaiting + 2) * (maxTopic + 1)
)

// relay is the way to other nodes.
type relay struct {
	client redis.UniversalClient
	log    *slog.Logger
	node   string // so that it passes over what it said itself
	hears  atomic.Bool

	mu      sync.Mutex
	waiting map[string]bool // topics to be told
	filled  chan struct{}   // holds a token when something waits

	end     context.CancelFunc
	running sync.WaitGroup
}

// OverRedis makes a Watch that tells other nodes, and hears them, through a client with time limits of its own. It starts, too, while Redis can't be
// reached, and tries until it can. Close ends it; the client is the caller's.
func OverRedis(client redis.UniversalClient, log *slog.Logger) *Watch {
	ctx, end := context.WithCancel(context.Background())
	r := &relay{client: client, log: log, node: rand.Text(), waiting: make(map[string]bool), filled: make(chan struct{}, 1), end: end}
	w := &Watch{relay: r}
	r.running.Go(func() { r.listen(ctx, w) })
	r.running.Go(func() { r.send(ctx) })
	return w
}

func (r *relay) close() {
	r.end()
	r.running.Wait()
}

// ------------------------------------------------------------------ telling

// post lets topics be told. It only notes them.
func (r *relay) post(topics ...string) {
	r.mu.Lock()
	for _, topic := range topics {
		r.waiting[topic] = true
	}
	if len(r.waiting) > maxWaiting {
		r.waiting = map[string]bool{everything: true}
	}
	r.mu.Unlock()
	wakeOne(r.filled)
}

// take returns what waits, and forgets it.
func (r *relay) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	topics := slices.Sorted(maps.Keys(r.waiting))
	clear(r.waiting)
	return topics
}

// send publishes what waits until ctx ends, and then once more.
func (r *relay) send(ctx context.Context) {
	for backoff := backoffMin; ; {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), postTime)
			defer cancel()
			r.publish(last)
			return
		case <-r.filled:
		}
		limited, cancel := context.WithTimeout(ctx, postTime)
		err := r.publish(limited)
		cancel()
		if err == nil {
			backoff = backoffMin
			continue
		}
		rest(ctx, backoff)
		backoff = min(2*backoff, backoffMax)
	}
}

// publish tells what waits. What can't be told waits again.
func (r *relay) publish(ctx context.Context) error {
	topics := r.take()
	if len(topics) == 0 {
		return nil
	}
	err := r.client.Publish(ctx, channel, r.node+" "+strings.Join(topics, " ")).Err()
	if err != nil {
		r.post(topics...)
	}
	return err
}

// ------------------------------------------------------------------ hearing

// listen hears other nodes until ctx ends.
func (r *relay) listen(ctx context.Context, w *Watch) {
	backoff := backoffMin
	for ctx.Err() == nil {
		r.hear(ctx, w, func() { backoff = backoffMin })
		if r.hears.Swap(false) && ctx.Err() == nil {
			r.log.Warn("watch: what happens on other nodes is not heard at the moment")
			w.wakeAll() // they look at Hears
		}
		rest(ctx, backoff)
		backoff = min(2*backoff, backoffMax)
	}
}

// hear keeps one subscription until it breaks. A server that falls silent is asked, and given up when it doesn't answer: a connection whose other end is gone
// without a word would else be listened to for ever.
func (r *relay) hear(ctx context.Context, w *Watch, subscribed func()) {
	pubsub := r.client.Subscribe(ctx, channel)
	defer pubsub.Close()
	stop := context.AfterFunc(ctx, func() { pubsub.Close() })
	defer stop()
	for asked := false; ; {
		patience := pingEvery
		if asked {
			patience = pongTime
		}
		message, err := pubsub.ReceiveTimeout(ctx, patience)
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() && !asked && r.hears.Load() {
			asked = true
			err = pubsub.Ping(ctx)
			message = nil
		}
		if err != nil {
			return
		}
		switch message := message.(type) {
		case *redis.Subscription:
			subscribed()
			if !r.hears.Swap(true) {
				r.log.Info("watch: what happens on other nodes is heard")
			}
			w.wakeAll() // nobody knows what was said meanwhile
			asked = false
		case *redis.Message:
			r.pass(w, message.Payload)
			asked = false
		case *redis.Pong:
			asked = false
		}
	}
}

// pass wakes the listeners of another node's message. Whoever writes into Redis can wake, and no more.
func (r *relay) pass(w *Watch, message string) {
	if len(message) > maxMessage {
		w.wakeAll()
		return
	}
	node, topics, _ := strings.Cut(message, " ")
	if node == r.node {
		return
	}
	for topic := range strings.SplitSeq(topics, " ") {
		if topic == everything {
			w.wakeAll()
			return
		}
		w.wake(topic)
	}
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
