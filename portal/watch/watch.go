// Package watch wakes those who watch: open pages of staff, which show within a second that a notice was acknowledged.
//
// It carries topics and nothing else: the number of a notice, or "desk" for the lists of the staff. Never a mailbox, never what happened. Whoever
// is woken reads the state anew, with their own permission; so a message that is lost, doubled or invented by somebody in Redis does no harm but a look in vain, or
// a look that comes a little later.
//
//	a step commits → Tell → listeners of this process, at once
//	                      → Redis pub/sub, one channel → listeners of the other nodes
//
// Without Redis it is in process. With it, who can't be reached is told later: what waits to be told is kept, as a set of topics, until Redis takes it; and whenever
// a node hears again after it could not, all its listeners are woken, since nobody knows what they missed.
//
// Nobody waits for anybody. Tell never blocks; a listener who is slow finds one token in its channel, however often it was told.
package watch

import (
	"context"
	"sync"
)

// Watch is one node's. The zero Watch is ready, and stays in process; OverRedis makes one that reaches other nodes.
type Watch struct {
	mu        sync.Mutex
	listeners map[string]map[chan struct{}]bool // by topic

	relay *relay // nil: in process
}

// everything is the topic of all topics. Nobody subscribes to it.
const everything = "*"

// Tell wakes whoever subscribed to one of the topics, here and on other nodes. It does not wait for them. Call it after what changed is committed.
// A topic has at most 64 characters, printable ASCII without spaces; what is not such is told to nobody.
func (w *Watch) Tell(topics ...string) {
	for _, topic := range topics {
		if !valid(topic) || topic == everything {
			continue
		}
		w.wake(topic)
		if w.relay != nil {
			w.relay.post(topic)
		}
	}
}

// Subscribe returns a channel that holds a token whenever one of the topics was told since it was last read, or when this node may have missed it. It begins
// empty: subscribe, then read the state, and nothing falls in between. It is never closed; the subscription ends with ctx.
func (w *Watch) Subscribe(ctx context.Context, topics ...string) <-chan struct{} {
	told := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listeners == nil {
		w.listeners = make(map[string]map[chan struct{}]bool)
	}
	for _, topic := range topics {
		if w.listeners[topic] == nil {
			w.listeners[topic] = make(map[chan struct{}]bool)
		}
		w.listeners[topic][told] = true
	}
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, topic := range topics {
			delete(w.listeners[topic], told)
			if len(w.listeners[topic]) == 0 {
				delete(w.listeners, topic)
			}
		}
	})
	return told
}

// Hears says whether changes on other nodes are heard at the moment. When that changes, all listeners are woken.
func (w *Watch) Hears() bool { return w.relay == nil || w.relay.hears.Load() }

// Close ends what OverRedis began.
func (w *Watch) Close() {
	if w.relay != nil {
		w.relay.close()
	}
}

func (w *Watch) wake(topic string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for told := range w.listeners[topic] {
		wakeOne(told)
	}
}

func (w *Watch) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, listeners := range w.listeners {
		for told := range listeners {
			wakeOne(told)
		}
	}
}

func wakeOne(told chan struct{}) {
	select {
	case told <- struct{}{}:
	default: // told, and did not look yet
	}
}

const maxTopic = 64

func valid(topic string) bool {
	if topic == "" || len(topic) > maxTopic {
		return false
	}
	for i := range len(topic) {
		if topic[i] <= ' ' || topic[i] > '~' {
			return false
		}
	}
	return true
}
