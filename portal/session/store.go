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

	"valise/crypto"
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
	r = r.WithContext(context.WithValue(r.Context(), atRestKey{}, new(bool)))
	sessions.GetRegistry(r)
	return r
}

// atRestKey is where a request's context has a *bool: whether it is no sign of life. The registry loads with the context that Attach made, so it is one value for all copies.
type atRestKey struct{}

// AtRest is for a request that a page makes by itself, while nobody may sit before it: it needs a session, and is no sign of life that would keep one from ending.
// Call it after Attach and before the session is asked for.
func AtRest(r *http.Request) {
	if rests, ok := r.Context().Value(atRestKey{}).(*bool); ok {
		*rests = true
	}
}

func atRest(ctx context.Context) bool {
	rests, ok := ctx.Value(atRestKey{}).(*bool)
	return ok && *rests
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

// running returns the request's session with its record; errEnded when nobody is logged in.
func (s *Store) running(r *http.Request) (*sessions.Session, *record, error) {
	t, err := s.Get(r, Name)
	if err != nil {
		return nil, nil, err
	}
	found := recordOf(t)
	if found == nil {
		return nil, nil, errEnded
	}
	return t, found, nil
}

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

// Still looks again at the session that a long request began with: nil when it has ended meanwhile. It is no sign of life. The error is portal.Unavailable, and
// then it isn't known.
func (s *Store) Still(r *http.Request) (*State, error) {
	_, begun, err := s.running(r)
	if err != nil {
		return nil, err
	}
	rests := true
	found, err := s.load(context.WithValue(r.Context(), atRestKey{}, &rests), begun.idHash)
	if err != nil || found == nil {
		return nil, err
	}
	return found.state.clone(), nil
}

// Start begins a session for holder, who proved to have a key: a new id whatever the request carried, and a fresh browser share. A session that the
// request had before is ended. complete says that nothing more is to be shown; else it is a half session until Complete.
func (s *Store) Start(w http.ResponseWriter, r *http.Request, holder string, key crypto.Fingerprint, complete bool) (*State, error) {
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
	return s.begin(ctx, w, t, State{Holder: holder, Created: now, Seen: now, Epoch: epoch, Key: key, BrowserShare: random(shareSize), Complete: complete})
}

// begin keeps a state under a new id, and gives that to the browser.
func (s *Store) begin(ctx context.Context, w http.ResponseWriter, t *sessions.Session, state State) (*State, error) {
	data, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	id := random(idSize)
	begun := &record{idHash: hashID(id), raw: data, state: state}
	if err := s.records.Create(ctx, begun.idHash, state.Holder, data, s.ttl(state)); err != nil {
		return nil, err
	}
	t.Options = s.options()
	s.put(t, id, begun)
	s.setCookie(w, t.ID, t.Options)
	return state.clone(), nil
}

// Complete makes the request's half session a whole one. The id rotates: whoever had the old one has nothing. All else stays, the lifetimes
// among it.
func (s *Store) Complete(w http.ResponseWriter, r *http.Request) (*State, error) {
	return s.renew(w, r, func(ctx context.Context, half *record, whole *State) error {
		whole.Complete, whole.Code, whole.Confirmed = true, "", false
		return s.records.Delete(ctx, half.idHash, whole.Holder)
	})
}

// renew goes on with the request's session under a new id. replace ends the old one, and says what is different in the new.
func (s *Store) renew(w http.ResponseWriter, r *http.Request, replace func(ctx context.Context, old *record, next *State) error) (*State, error) {
	if started(w) {
		return nil, errLate
	}
	t, current, err := s.running(r)
	if err != nil {
		return nil, err
	}
	// Read once more: what was ended or refused meanwhile doesn't come back, and what another request wrote isn't lost.
	still, err := s.update(r.Context(), current, func(*State) {})
	if err != nil {
		return nil, err
	}
	clear(t.Values)
	if still == nil {
		return nil, errEnded
	}
	next := still.state.clone()
	if err := replace(r.Context(), still, next); err != nil {
		return nil, err
	}
	return s.begin(r.Context(), w, t, *next)
}

// ------------------------------------------------------------------ questions

// Ask keeps a question of the request's session until it is answered or its time is over. One of the same purpose that waited is forgotten.
func (s *Store) Ask(w http.ResponseWriter, r *http.Request, purpose string, data []byte, lifetime time.Duration) error {
	expires := s.instant().Add(lifetime)
	_, err := s.Update(w, r, func(state *State) {
		now := s.now()
		maps.DeleteFunc(state.Asked, func(_ string, a Asked) bool { return !now.Before(a.Expires) })
		if state.Asked == nil {
			state.Asked = make(map[string]Asked)
		}
		state.Asked[purpose] = Asked{Data: data, Expires: expires}
	})
	return err
}

// Answered takes back what was asked: once, in time, and in this session only. nil: nothing was.
func (s *Store) Answered(w http.ResponseWriter, r *http.Request, purpose string) ([]byte, error) {
	var asked Asked
	_, err := s.Update(w, r, func(state *State) { // compare-and-set, so that of two answers at a time one finds it
		asked = state.Asked[purpose]
		delete(state.Asked, purpose)
	})
	if err != nil || !s.now().Before(asked.Expires) {
		return nil, err
	}
	return asked.Data, nil
}

// ------------------------------------------------------------------ confirmation

// WaitForConfirmation gives the request's half session a code that its holder confirms in another session. Asked again, it is the same.
func (s *Store) WaitForConfirmation(w http.ResponseWriter, r *http.Request, code string) (*State, error) {
	return s.Update(w, r, func(state *State) {
		if !state.Complete && state.Code == "" {
			state.Code = code
		}
	})
}

// maxWaiting is how many half sessions are shown to who confirms them.
const maxWaiting = 20

// Waiting lists the holder's half sessions that wait for confirmation: the newest, the oldest of them first.
func (s *Store) Waiting(r *http.Request) ([]Waiting, error) {
	held, err := s.held(r)
	if err != nil {
		return nil, err
	}
	var waiting []Waiting
	for _, h := range held {
		if h.state.Code != "" && !h.state.Complete && !h.state.Confirmed {
			waiting = append(waiting, Waiting{Code: h.state.Code, Since: h.state.Created})
		}
	}
	slices.SortFunc(waiting, func(a, b Waiting) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return strings.Compare(a.Code, b.Code)
	})
	return waiting[max(0, len(waiting)-maxWaiting):], nil
}

// Confirm lets the holder's half session of that code become complete; refuse ends it. portal.NotFound when none waits under the code.
func (s *Store) Confirm(r *http.Request, code string, confirm bool) error {
	held, err := s.held(r)
	if err != nil {
		return err
	}
	for _, h := range held {
		if h.state.Code != code || code == "" || h.state.Complete || h.state.Confirmed {
			continue
		}
		if !confirm {
			return s.records.Delete(r.Context(), h.idHash, h.state.Holder)
		}
		confirmed, err := s.update(r.Context(), h, func(state *State) { state.Confirmed = state.Code == code })
		if err != nil {
			return err
		}
		if confirmed != nil {
			return nil
		}
	}
	return portal.Errorf(portal.NotFound, "nobody-waits", "No log-in waits under this code any more. Look at the code that the command shows, or start the command again.")
}

// held returns the running sessions of the request's holder.
func (s *Store) held(r *http.Request) ([]*record, error) {
	_, current, err := s.running(r)
	if err != nil {
		return nil, err
	}
	stored, err := s.records.List(r.Context(), current.state.Holder)
	if err != nil {
		return nil, err
	}
	var held []*record
	for idHash, data := range stored {
		state, ok := s.read(data)
		if ok && state.Holder == current.state.Holder && state.Epoch == current.state.Epoch {
			held = append(held, &record{idHash: idHash, raw: data, state: state})
		}
	}
	return held, nil
}

// Update writes what changed in a session that still exists; portal.Unauthenticated when it is gone meanwhile. Two updates
// at the same time lose nothing: change is then made again on what the other one wrote, so it must only look at the
// State that it is given. Whose the session is, with which key, when it began, its share and
// whether it is complete stay as they are, whatever change does.
func (s *Store) Update(w http.ResponseWriter, r *http.Request, change func(*State)) (*State, error) {
	t, found, err := s.running(r)
	if err != nil {
		return nil, err
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
	_, current, err := s.running(r)
	if err != nil {
		return nil, err
	}
	held, err := s.held(r)
	if err != nil {
		return nil, err
	}
	var lines []Info
	for _, h := range held {
		lines = append(lines, Info{ID: h.idHash[:16], Created: h.state.Created, Seen: h.state.Seen, Current: h.idHash == current.idHash, Half: !h.state.Complete})
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
	t, current, err := s.running(r)
	if err != nil {
		return err
	}
	if err := s.records.Revoke(r.Context(), current.state.Holder); err != nil {
		return err
	}
	s.forget(w, t)
	return nil
}

// EndOthers ends all sessions of the request's holder but this one, which goes on under a new id: what others may have been begun with
// counts no more.
func (s *Store) EndOthers(w http.ResponseWriter, r *http.Request) error {
	return s.goOn(w, r, func(*State) {})
}

// GoOnWith is EndOthers for who has just put another key in the place of theirs in this session.
func (s *Store) GoOnWith(w http.ResponseWriter, r *http.Request, key crypto.Fingerprint) error {
	return s.goOn(w, r, func(next *State) { next.Key = key })
}

func (s *Store) goOn(w http.ResponseWriter, r *http.Request, change func(next *State)) error {
	_, err := s.renew(w, r, func(ctx context.Context, _ *record, next *State) (err error) {
		change(next)
		if err := s.records.Revoke(ctx, next.Holder); err != nil {
			return err
		}
		next.Epoch, err = s.records.Epoch(ctx, next.Holder)
		return err
	})
	return err
}

// RevokeHolder ends all sessions of somebody else: an administrator took their factors away.
func (s *Store) RevokeHolder(ctx context.Context, holder string) error {
	return s.records.Revoke(ctx, holder)
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
	if s.now().Sub(found.state.Seen) < seenStep || atRest(ctx) {
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
		next.Holder, next.Created, next.Epoch, next.Key = found.state.Holder, found.state.Created, found.state.Epoch, found.state.Key
		next.BrowserShare, next.Complete = found.state.BrowserShare, found.state.Complete
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
	c.Statements = maps.Clone(s.Statements)
	c.Asked = maps.Clone(s.Asked)
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
