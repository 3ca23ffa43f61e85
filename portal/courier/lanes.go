package courier

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Pauses of a server that can't be reached.
const (
	shortestPause = time.Second
	longestPause  = 5 * time.Minute
)

// lanes bound how much goes to one domain or server at once, and how fast. They are in memory only: domains are part of addresses, so they are written nowhere.
type lanes struct {
	width int           // how many at once
	pace  time.Duration // between the beginnings of two

	mutex sync.Mutex
	lanes map[string]*lane
}

type lane struct {
	busy, waiting int
	next          time.Time // not before
	failures      int       // in a row
	horizon       time.Time // until when those who found no room were sent away
	takes         time.Duration
	freed         chan struct{} // closed when somebody leaves
}

func newLanes(width int, pace time.Duration) *lanes {
	return &lanes{width: max(1, width), pace: pace, lanes: map[string]*lane{}}
}

// maxWait is how long somebody waits for a lane before they come again later.
const maxWait = 20 * time.Second

// enter waits for room in a lane, or says when to come again. Whoever entered leaves.
func (l *lanes) enter(ctx context.Context, name string, now func() time.Time) (again time.Time, entered bool) {
	deadline := now().Add(maxWait)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	way := l.lanes[name]
	if way == nil {
		way = &lane{freed: make(chan struct{}), takes: 200 * time.Millisecond}
		l.lanes[name] = way
	}
	if way.full(l.width, now()) {
		return way.comeAgain(l.width, now()), false
	}
	way.waiting++
	defer func() { way.waiting-- }()
	for {
		pause := way.next.Sub(now())
		if way.busy < l.width && pause <= 0 {
			way.busy++
			way.next = now().Add(l.pace)
			return time.Time{}, true
		}
		if way.busy >= l.width || pause > maxWait {
			pause = deadline.Sub(now())
		}
		freed := way.freed
		l.mutex.Unlock()
		timer := time.NewTimer(max(pause, time.Millisecond))
		select {
		case <-freed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		l.mutex.Lock()
		if ctx.Err() != nil || !now().Before(deadline) {
			return way.comeAgain(l.width, now()), false
		}
	}
}

func (w *lane) full(width int, now time.Time) bool {
	return w.busy >= width && w.waiting >= 2*width || w.next.Sub(now) > maxWait
}

// full says whether whoever tried to enter a lane now would be sent away, and then when to come again.
func (l *lanes) full(name string, now time.Time) (again time.Time, full bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	way := l.lanes[name]
	if way == nil || !way.full(l.width, now) {
		return time.Time{}, false
	}
	return way.comeAgain(l.width, now), true
}

// comeAgain spreads those who found no room over the time that those before them take.
func (w *lane) comeAgain(width int, now time.Time) time.Time {
	if soonest := latest(now.Add(time.Second), w.next); w.horizon.Before(soonest) {
		w.horizon = soonest
	}
	w.horizon = w.horizon.Add(w.takes / time.Duration(width))
	return w.horizon
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// leave makes room. When the server could not be reached, the lane is closed for a while, longer each time.
func (l *lanes) leave(name string, took time.Duration, unreachable bool, now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	way := l.lanes[name]
	way.busy--
	way.takes = (7*way.takes + took) / 8
	if unreachable {
		pause := min(shortestPause<<min(way.failures, 16), longestPause)
		way.failures++
		way.next = latest(way.next, now.Add(jitter(pause)))
	} else {
		way.failures = 0
	}
	close(way.freed)
	way.freed = make(chan struct{})
}

// sweep forgets lanes in which nothing happens.
func (l *lanes) sweep(now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for name, way := range l.lanes {
		if way.busy == 0 && way.waiting == 0 && now.After(way.next) && now.After(way.horizon) {
			delete(l.lanes, name)
		}
	}
}

// jitter is a time between three quarters and five quarters of d.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }
