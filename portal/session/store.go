package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"valise/portal"
)

// Store is our gorilla/sessions Store. Use NewStore.
//
// Handlers use Current, Start, Update, End, Lines and RevokeAll; they go through gorilla's registry, so that a request loads its
// session once. Get, New and Save are gorilla's interface.
type Store struct {
	records      Records
	insecureHTTP bool
	now          func() time.Time
}

// NewStore makes the store. insecureHTTP leaves out "__Host-" and Secure, for a listener that was named insecure.
func NewStore(records Records, insecureHTTP bool, now func() time.Time) *Store {
	return &Store{records: records, insecureHTTP: insecureHTTP, now: now}
}

// Sizes of what is drawn for a session, in bytes.
const (
	idSize    = 32
	shareSize = 32
)

// seenStep is how old Seen may become before a request writes it anew, so that not every request writes. A session therefore ends
// between 29 and 30 minutes after its last request, never later.
const seenStep = time.Minute

// maxTries bounds how often an update is made again because another request of the same session was faster. Each time one of them
// succeeds, so it takes that many requests at once to come so far.
const maxTries = 64

// record is a session as it was loaded: what gorilla's session carries under recordKey.
type record struct {
	idHash string
	raw    []byte // as stored; what an update must find unchanged
	state  State
}

type valueKey int

const recordKey valueKey = 0

// ------------------------------------------------------------------ gorilla's interface

// Attach gives a request gorilla's registry of sessions. Call it in the outermost middleware: gorilla would otherwise attach it to whichever
// copy of the request asks first, and a later middleware's copy would load the session again.
func Attach(r *http.Request) *http.Request {
	sessions.GetRegistry(r)
	return r
}

// Get returns the request's session, loaded once per request.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New loads the session that the request's cookie names. A cookie whose id isn't known gives a new, empty session
// without an id: what a client sends never becomes a session's id. The error is portal.Unavailable, and the session then
// is not to be taken for that of nobody.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	t := sessions.NewSession(s, name)
	t.Options = s.options()
	t.IsNew = true
	if name != Name {
		return t, fmt.Errorf("session: this store keeps only sessions named %q", Name)
	}
	id, ok := s.cookie(r)
	if !ok {
		return t, nil
	}
	found, err := s.load(r.Context(), hashID(id))
	if err != nil || found == nil {
		return t, err
	}
	s.put(t, id, found)
	return t, nil
}

// Save writes a session that Start or New made: gorilla calls it for every session of a request. One that belongs to nobody is left
// alone; Options.MaxAge < 0 ends it. It must come before the response's body, as it may set the cookie.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, t *sessions.Session) error {
	found, ok := t.Values[recordKey].(*record)
	if len(t.Values) > 1 || (len(t.Values) == 1 && !ok) {
		return errors.New("session: values beside the State would be lost; add a field to State")
	}
	if t.Options != nil && t.Options.MaxAge < 0 {
		return s.end(r.Context(), w, t)
	}
	if !ok {
		return nil
	}
	data, err := json.Marshal(found.state)
	if err != nil {
		return err
	}
	kept, err := s.records.Update(r.Context(), found.idHash, found.raw, data, s.ttl(found.state))
	if err != nil {
		return err
	}
	if !kept {
		return errEnded
	}
	found.raw = data
	return nil
}

// put makes a loaded record the content of gorilla's session.
func (s *Store) put(t *sessions.Session, id []byte, found *record) {
	t.ID = base64.RawURLEncoding.EncodeToString(id)
	t.IsNew = false
	t.Values[recordKey] = found
}

func recordOf(t *sessions.Session) *record {
	found, _ := t.Values[recordKey].(*record)
	return found
}

// ------------------------------------------------------------------ what handlers use

var errEnded = portal.Errorf(portal.Unauthenticated, "no-session", "Your session has ended. Log in and try again.")

// Current returns the request's session state, nil when nobody is logged in; an error is portal.Unavailable, never "nobody".
// The State is the caller's: changing it changes nothing.
func (s *Store) Current(r *http.Request) (*State, error) {
	t, err := s.Get(r, Name)
	if err != nil {
		return nil, err
	}
	found := recordOf(t)
	if found == nil {
		return nil, nil
	}
	return found.state.clone(), nil
}

// Start begins a session for holder: a new id whatever the request carried, and a fresh browser share. A session that the
// request had before is ended.
func (s *Store) Start(w http.ResponseWriter, r *http.Request, holder string) (*State, error) {
	if holder == "" {
		return nil, errors.New("session: nobody can't be logged in")
	}
	if started(w) {
		return nil, errLate
	}
	t, err := s.Get(r, Name)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	epoch, err := s.records.Epoch(ctx, holder)
	if err != nil {
		return nil, err
	}
	if before := recordOf(t); before != nil {
		if err := s.records.Delete(ctx, before.idHash, before.state.Holder); err != nil {
			return nil, err
		}
		clear(t.Values)
	}
	now := s.instant()
	state := State{Holder: holder, Created: now, Seen: now, Epoch: epoch, BrowserShare: random(shareSize)}
	data, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	id := random(idSize)
	begun := &record{idHash: hashID(id), raw: data, state: state}
	if err := s.records.Create(ctx, begun.idHash, holder, data, s.ttl(state)); err != nil {
		return nil, err
	}
	t.Options = s.options()
	s.put(t, id, begun)
	s.setCookie(w, t.ID, t.Options)
	return state.clone(), nil
}

// Update writes what changed in a session that still exists; portal.Unauthenticated when it is gone meanwhile. Two updates
// at the same time lose nothing: change is then made again on what the other one wrote, so it must only look at the
// State that it is given. Whose the session is, when it began and its share stay as they are, whatever change does.
func (s *Store) Update(w http.ResponseWriter, r *http.Request, change func(*State)) (*State, error) {
	t, err := s.Get(r, Name)
	if err != nil {
		return nil, err
	}
	found := recordOf(t)
	if found == nil {
		return nil, errEnded
	}
	updated, err := s.update(r.Context(), found, change)
	if err != nil {
		return nil, err
	}
	if updated == nil {
		clear(t.Values)
		return nil, errEnded
	}
	t.Values[recordKey] = updated
	return updated.state.clone(), nil
}

// End logs out.
func (s *Store) End(w http.ResponseWriter, r *http.Request) error {
	t, err := s.Get(r, Name)
	if err != nil {
		return err
	}
	return s.end(r.Context(), w, t)
}

func (s *Store) end(ctx context.Context, w http.ResponseWriter, t *sessions.Session) error {
	if started(w) {
		return errLate
	}
	if found := recordOf(t); found != nil {
		if err := s.records.Delete(ctx, found.idHash, found.state.Holder); err != nil {
			return err
		}
	}
	s.forget(w, t)
	return nil
}

// Lines lists the holder's sessions, the latest used first, the current one marked.
func (s *Store) Lines(r *http.Request) ([]Info, error) {
	t, err := s.Get(r, Name)
	if err != nil {
		return nil, err
	}
	current := recordOf(t)
	if current == nil {
		return nil, errEnded
	}
	stored, err := s.records.List(r.Context(), current.state.Holder)
	if err != nil {
		return nil, err
	}
	var lines []Info
	for idHash, data := range stored {
		state, ok := s.read(data)
		if !ok || state.Holder != current.state.Holder || state.Epoch != current.state.Epoch {
			continue
		}
		lines = append(lines, Info{ID: idHash[:16], Created: state.Created, Seen: state.Seen, Current: idHash == current.idHash})
	}
	slices.SortFunc(lines, func(a, b Info) int {
		if c := b.Seen.Compare(a.Seen); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return lines, nil
}

// RevokeAll ends all sessions of the request's holder, this one too.
func (s *Store) RevokeAll(w http.ResponseWriter, r *http.Request) error {
	if started(w) {
		return errLate
	}
	t, err := s.Get(r, Name)
	if err != nil {
		return err
	}
	current := recordOf(t)
	if current == nil {
		return errEnded
	}
	if err := s.records.Revoke(r.Context(), current.state.Holder); err != nil {
		return err
	}
	s.forget(w, t)
	return nil
}

// forget takes the session out of the request and out of the browser.
func (s *Store) forget(w http.ResponseWriter, t *sessions.Session) {
	clear(t.Values)
	t.ID, t.IsNew = "", true
	t.Options = s.options()
	t.Options.MaxAge = -1
	s.setCookie(w, "", t.Options)
}

// ------------------------------------------------------------------ records

// load returns a session that is good now, or nil. Whatever is no longer good is deleted.
func (s *Store) load(ctx context.Context, idHash string) (*record, error) {
	data, err := s.records.Load(ctx, idHash)
	if err != nil || data == nil {
		return nil, err
	}
	found := &record{idHash: idHash, raw: data}
	good := false
	if found.state, good = s.read(data); good {
		epoch, err := s.records.Epoch(ctx, found.state.Holder)
		if err != nil {
			return nil, err
		}
		good = epoch == found.state.Epoch
	}
	if !good {
		return nil, s.records.Delete(ctx, idHash, found.state.Holder)
	}
	if s.now().Sub(found.state.Seen) < seenStep {
		return found, nil
	}
	return s.update(ctx, found, func(*State) {})
}

// read returns the state that data holds, and whether it is a session that is still running.
func (s *Store) read(data []byte) (State, bool) {
	var state State
	if err := json.Unmarshal(data, &state); err != nil || state.Holder == "" {
		return state, false
	}
	now := s.now()
	return state, now.Before(state.IdleExpires()) && now.Before(state.AbsoluteExpires())
}

// update writes a changed state over exactly what it was made from, and tries again on what another request wrote meanwhile.
// nil: the session is gone.
func (s *Store) update(ctx context.Context, found *record, change func(*State)) (*record, error) {
	for range maxTries {
		next := found.state.clone()
		change(next)
		next.Holder, next.Created, next.Epoch = found.state.Holder, found.state.Created, found.state.Epoch
		next.BrowserShare = found.state.BrowserShare
		if now := s.instant(); now.Sub(next.Seen) >= seenStep {
			next.Seen = now
		}
		data, err := json.Marshal(next)
		if err != nil {
			return nil, err
		}
		kept, err := s.records.Update(ctx, found.idHash, found.raw, data, s.ttl(*next))
		if err != nil {
			return nil, err
		}
		if kept {
			return &record{idHash: found.idHash, raw: data, state: *next}, nil
		}
		data, err = s.records.Load(ctx, found.idHash)
		if err != nil || data == nil {
			return nil, err
		}
		state, good := s.read(data)
		if !good {
			return nil, nil
		}
		found = &record{idHash: found.idHash, raw: data, state: state}
	}
	return nil, portal.Errorf(portal.Unavailable, "session-busy", "Too many requests of your session at once. Try again in a moment.")
}

// ttl is how long a record has to be kept from now.
func (s *Store) ttl(state State) time.Duration {
	return max(state.IdleExpires().Sub(s.now()), time.Millisecond)
}

// instant is the clock as states keep it.
func (s *Store) instant() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func (s *State) clone() *State {
	c := *s
	c.BrowserShare = slices.Clone(s.BrowserShare)
	c.Fetched = maps.Clone(s.Fetched)
	return &c
}

func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b) // never fails
	return b
}

// hashID is all that the records know of an id.
func hashID(id []byte) string {
	sum := sha256.Sum256(id)
	return hex.EncodeToString(sum[:])
}

// ------------------------------------------------------------------ the cookie

// CookieName is "__Host-valise", which browsers take only over HTTPS, from this very host, and for all of it; or "valise".
func (s *Store) CookieName() string {
	if s.insecureHTTP {
		return Name
	}
	return "__Host-" + Name
}

// options are the cookie's. No MaxAge: it ends with the browser.
func (s *Store) options() *sessions.Options {
	return &sessions.Options{Path: "/", Secure: !s.insecureHTTP, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// cookie returns the id in the request's cookie. Something of another form is no cookie of ours.
func (s *Store) cookie(r *http.Request) (id []byte, ok bool) {
	c, err := r.Cookie(s.CookieName())
	if err != nil || len(c.Value) != base64.RawURLEncoding.EncodedLen(idSize) {
		return nil, false
	}
	id, err = base64.RawURLEncoding.Strict().DecodeString(c.Value)
	return id, err == nil
}

// setCookie replaces what this response says about the cookie so far; a second Set-Cookie beside it would leave to the browser
// which of the two counts.
func (s *Store) setCookie(w http.ResponseWriter, value string, options *sessions.Options) {
	name := s.CookieName()
	lines := slices.DeleteFunc(w.Header()["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, name+"=") })
	if len(lines) == 0 {
		w.Header().Del("Set-Cookie")
	} else {
		w.Header()["Set-Cookie"] = lines
	}
	http.SetCookie(w, sessions.NewCookie(name, value, options))
}

// errLate keeps a mistake from passing silently: headers that come after the body are dropped without an error.
var errLate = errors.New("session: the response has begun, so the cookie can't be set any more")

// started asks a ResponseWriter, and those that it wraps, whether headers are out, if one of them can tell.
func started(w http.ResponseWriter) bool {
	for {
		switch x := w.(type) {
		case interface{ Started() bool }:
			return x.Started()
		case interface{ Unwrap() http.ResponseWriter }:
			w = x.Unwrap()
		default:
			return false
		}
	}
}
