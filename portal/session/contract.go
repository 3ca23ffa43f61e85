package session

// CONTRACT: signatures that web and cmd compile against; the owner replaces this file by real ones.

import (
	"context"
	"net/http"
	"time"

	"github.com/gorilla/sessions"
)

// Store is our gorilla/sessions Store. Use NewStore.
type Store struct{}

// NewStore makes the store. insecureHTTP leaves out "__Host-" and Secure, for a listener that was named insecure.
func NewStore(records Records, insecureHTTP bool, now func() time.Time) *Store { panic("contract") }

func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) { panic("contract") }
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) { panic("contract") }
func (s *Store) Save(r *http.Request, w http.ResponseWriter, t *sessions.Session) error {
	panic("contract")
}

// Current returns the request's session state, nil when nobody is logged in; an error is portal.Unavailable, never "nobody".
func (s *Store) Current(r *http.Request) (*State, error) { panic("contract") }

// Start begins a session for holder: a new id whatever the request carried, and a fresh browser share.
func (s *Store) Start(w http.ResponseWriter, r *http.Request, holder string) (*State, error) {
	panic("contract")
}

// Update writes what changed in a session that still exists (Fetched); portal.Unauthenticated when it is gone meanwhile. Two updates at the same time lose nothing.
func (s *Store) Update(w http.ResponseWriter, r *http.Request, change func(*State)) (*State, error) {
	panic("contract")
}

// End logs out.
func (s *Store) End(w http.ResponseWriter, r *http.Request) error { panic("contract") }

// Lines lists the holder's sessions, current one marked.
func (s *Store) Lines(r *http.Request) ([]Info, error) { panic("contract") }

// RevokeAll ends all sessions of the request's holder.
func (s *Store) RevokeAll(w http.ResponseWriter, r *http.Request) error { panic("contract") }

// Challenges hands out and takes single-use nonces for log-in.
type Challenges struct{}

func NewChallenges(nonces Nonces) *Challenges                                  { panic("contract") }
func (c *Challenges) New(ctx context.Context, as string) (string, error)       { panic("contract") } // 32 hex characters
func (c *Challenges) Take(ctx context.Context, as, nonce string) (bool, error) { panic("contract") }

// Limiter limits by mailbox and by address; keys are HMACs under a key that changes daily, derived from the portal secret.
type Limiter struct{}

func NewLimiter(limits Limits, secret []byte, now func() time.Time) *Limiter { panic("contract") }

// Rule is how often: Burst at once, then one per Every.
type Rule struct {
	Name  string
	Burst int
	Every time.Duration
}

// Allow returns nil, or a *portal.Error of kind TooMany with RetryAfter, or Unavailable.
func (l *Limiter) Allow(ctx context.Context, rule Rule, who string) error { panic("contract") }

// Redis implements Records, Nonces and Limits on any redis.UniversalClient.
// func NewRedis(client redis.UniversalClient) *Redis

// Attach gives a request gorilla's registry of sessions, in the outermost middleware: gorilla would otherwise attach it to whichever copy of the request asks first.
func Attach(r *http.Request) *http.Request { panic("contract") }
