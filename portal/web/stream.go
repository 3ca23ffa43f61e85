package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"valise/portal"
	"valise/portal/api"
)

// Server-sent events (HTML Living Standard, 9.2). They say that something changed, and not what: a page that hears one reads the state anew, with its reader's permission. So
// nothing is lost when a stream breaks, and a stream tells nothing of anybody.

const (
	// heartbeat is how often a comment goes out, so that proxies (HAProxy: "timeout client", "timeout server") keep the line, and how often it is asked whether
	// the reader may still hear.
	heartbeat = 20 * time.Second
	// writeLimit is how long a line may take to be written: whoever went away without a word is noticed by it.
	writeLimit = time.Minute
	// calm is the least time between two events: a thousand acknowledgements at once are a few looks.
	calm = 300 * time.Millisecond

	streamsOfSession = 4    // each is one of the six connections that a browser opens without HTTP/2
	streamsOfPerson  = 12   // at one node, whatever sessions they have: some devices, each with all of its windows
	streamsOfNode    = 2000 // a goroutine and a few KiB each
)

// streams counts those that are open.
type streams struct {
	mu      sync.Mutex
	all     int
	by      map[string]int // whose → streams; in memory only
	stopped chan struct{}  // closed when the server shuts down
	once    sync.Once
}

func (st *streams) stop() { st.once.Do(func() { close(st.stopped) }) }

var (
	errManyWindows = portal.Errorf(portal.TooMany, "too-many-streams", "This session watches in %d windows already. Close one, or go on without: the page asks from time to time instead.", streamsOfSession)
	errManyStreams = portal.Errorf(portal.TooMany, "too-many-streams", "You watch in %d windows already, with all devices that you are logged in with. Close one, or go on without: the page asks from time to time instead.", streamsOfPerson)
	errFullStreams = portal.Errorf(portal.Unavailable, "streams-full", "Too many pages are watching at the moment. This one asks from time to time instead.")
)

// enter counts one more of a session, and of the person whose it is; leave takes it away.
func (st *streams) enter(session, person string) (leave func(), err error) {
	session, person = "session "+session, "person "+person
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case st.by[session] >= streamsOfSession:
		return nil, errManyWindows
	case st.by[person] >= streamsOfPerson:
		return nil, errManyStreams
	case st.all >= streamsOfNode:
		return nil, errFullStreams
	}
	if st.by == nil {
		st.by = make(map[string]int)
	}
	st.all++
	st.by[session]++
	st.by[person]++
	return func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.all--
		for _, whose := range []string{session, person} {
			if st.by[whose]--; st.by[whose] == 0 {
				delete(st.by, whose)
			}
		}
	}, nil
}

// getNoticeStream wakes whoever watches one notice.
func (s *server) getNoticeStream(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	return s.stream(w, r, string(n), func(ctx context.Context, actor portal.Actor) error {
		_, err := s.Dispatch.Standing(ctx, actor, n)
		return err
	})
}

// getDeskStream wakes whoever watches the lists of the staff.
func (s *server) getDeskStream(w http.ResponseWriter, r *http.Request) error {
	return s.stream(w, r, portal.TopicDesk, s.Dispatch.MayWatch)
}

// stream sends an event at once, and then whenever a topic is told, until the reader leaves, the server shuts down, or may says no.
func (s *server) stream(w http.ResponseWriter, r *http.Request, topic string, may func(context.Context, portal.Actor) error) error {
	v := visitOf(r)
	if err := may(r.Context(), v.actor); err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		return nil
	}
	leave, err := s.streams.enter(string(v.session.BrowserShare), v.actor.Holder())
	if err != nil {
		return err
	}
	defer leave()
	told := s.Watch.Subscribe(r.Context(), topic)
	out := &eventWriter{w: w, control: http.NewResponseController(w)}
	if err := out.begin(); err != nil {
		return nil // the answer has begun; there is nobody to tell
	}
	s.pump(r, out, told, may)
	return nil
}

// pump is the life of a stream.
func (s *server) pump(r *http.Request, out *eventWriter, told <-chan struct{}, may func(context.Context, portal.Actor) error) {
	every := s.Heartbeat
	if every == 0 {
		every = heartbeat
	}
	beat := time.NewTicker(every)
	defer beat.Stop()
	if out.changed(s.Watch.Hears()) != nil {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.streams.stopped:
			return
		case <-beat.C:
			if !s.mayStill(r, may) || out.stillHere() != nil {
				return
			}
		case <-told:
			if out.changed(s.Watch.Hears()) != nil || !s.rests(r, calm) {
				return
			}
		}
	}
}

// mayStill says whether the reader's session still runs, and they may still watch. While that can't be known, they stay: what they are told is nothing, and each look of
// theirs is asked for permission by itself.
func (s *server) mayStill(r *http.Request, may func(context.Context, portal.Actor) error) bool {
	state, err := s.Sessions.Still(r)
	if err != nil {
		return portal.KindOf(err) == portal.Unavailable
	}
	if state == nil {
		return false
	}
	v, err := s.visitOfState(r.Context(), state)
	if err == nil {
		err = admit(staff, v)
	}
	if err == nil {
		err = may(r.Context(), v.actor)
	}
	return err == nil || portal.KindOf(err) == portal.Unavailable
}

// rests waits; false when there is nothing to wait for any more.
func (s *server) rests(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	case <-s.streams.stopped:
		return false
	}
}

// eventWriter writes a stream.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// begin sends the headers. A reader that lost the stream comes back after a second or two, not all at the same time.
func (e *eventWriter) begin() error {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx
	e.w.WriteHeader(http.StatusOK)
	// The server's limits are for requests that end. A stream is limited line by line.
	if err := e.control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return e.write(fmt.Sprintf("retry: %d\n\n", 1000+rand.IntN(2000)))
}

func (e *eventWriter) changed(live bool) error {
	data, err := json.Marshal(api.Changed{Live: live})
	if err != nil {
		return err
	}
	return e.write(fmt.Sprintf("event: changed\ndata: %s\n\n", data))
}

func (e *eventWriter) stillHere() error { return e.write(": still here\n\n") }

func (e *eventWriter) write(text string) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}
