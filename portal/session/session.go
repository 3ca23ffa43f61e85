package session

import (
	"context"
	"time"

	"valise/crypto"
)

// Name of the session in gorilla's registry, and of the cookie ("__Host-valise" over HTTPS, "valise" when an insecure listener
// was asked for by name).
const Name = "valise"

// Lifetimes of a session (OWASP's ranges for high-value applications).
const (
	IdleTimeout     = 30 * time.Minute
	AbsoluteTimeout = 12 * time.Hour
	HalfTimeout     = 10 * time.Minute // of a half session, whatever it does: who has a key alone shall not pile them up
	NonceLifetime   = 2 * time.Minute
)

// State is what a session holds, stored as JSON. The zero State is nobody.
type State struct {
	Holder       string                   `json:"holder"` // portal.Actor.Holder()
	Created      time.Time                `json:"created"`
	Seen         time.Time                `json:"seen"`
	Epoch        int64                    `json:"epoch"`
	Key          crypto.Fingerprint       `json:"key"`               // of the certificate that whoever began it proved to have; replaced since, it ends the session
	BrowserShare []byte                   `json:"browser_share"`     // 32 random bytes: one half of what unlocks the key kept in the browser's session storage
	Fetched      map[crypto.Number]string `json:"fetched,omitempty"` // notice → the nonce that its acknowledgement must carry

	// Statements are likewise those that were fetched from the mailbox.
	Statements map[crypto.Number]FetchedStatement `json:"statements,omitempty"`

	// Complete says that everything was shown that is demanded at log-in. A session that isn't complete is half: it may show what is missing,
	// and nothing else. Only Start and Complete set it.
	Complete bool `json:"complete,omitempty"`
	Passkey  bool `json:"passkey,omitempty"` // a passkey was shown in this session
	SignOn   bool `json:"sign_on,omitempty"` // so was an account at the single sign-on provider

	Asked     map[string]Asked `json:"asked,omitempty"`     // by purpose: what a passkey or the single sign-on provider has been asked and has not answered
	Code      string           `json:"code,omitempty"`      // what a half session shows its holder, who confirms it in another one; "" while it doesn't wait for that
	Confirmed bool             `json:"confirmed,omitempty"` // they did
}

// Asked is a question that waits for one answer. See Store.Ask.
type Asked struct {
	Data    []byte    `json:"data"`
	Expires time.Time `json:"expires"`
}

// FetchedStatement is the version of a statement that a session has fetched, and the nonce that its acknowledgement must carry.
type FetchedStatement struct {
	Version int    `json:"version"`
	Nonce   string `json:"nonce"`
}

// Info is a line in a person's list of sessions.
type Info struct {
	ID      string // first 16 hex characters of the stored hash; enough to point at, useless to log in
	Created time.Time
	Seen    time.Time
	Current bool
	Half    bool // something is still to be shown
}

// Waiting is a half session that its holder may confirm in another one.
type Waiting struct {
	Code  string
	Since time.Time
}

// Records is where sessions live; implemented on Redis and on SQL, and held to the same suite by package recordstest. Ids are hashes
// already. All methods return an error of portal.Unavailable when the place can't be reached.
//
// Update is compare-and-set: two requests of one session at the same time must not undo each other's changes, so a change is written
// only over the bytes that it was made from. In SQL: UPDATE … SET data = new, expires = … WHERE id_hash = … AND data = old AND expires > now.
//
// A record whose ttl has passed is unknown to every method, whether or not it was deleted yet, and its id may be created again.
//
// An implementation that can lose a holder's epoch while it keeps their sessions (Redis, by eviction) must then answer
// an epoch that it never gave before; SQL simply starts at 0.
type Records interface {
	Load(ctx context.Context, idHash string) (data []byte, err error)                             // nil, nil when unknown
	Create(ctx context.Context, idHash, holder string, data []byte, ttl time.Duration) error      // fails if it exists
	Update(ctx context.Context, idHash string, old, data []byte, ttl time.Duration) (bool, error) // false when it is gone (never revived), or is no longer old
	Delete(ctx context.Context, idHash, holder string) error                                      // nil when it is gone already
	List(ctx context.Context, holder string) (map[string][]byte, error)                           // idHash → data
	Epoch(ctx context.Context, holder string) (int64, error)
	Revoke(ctx context.Context, holder string) error // raises the epoch, then deletes the holder's records
}

// Nonces are single use: Take succeeds once, within ttl of Put. What comes in as nonce is a SHA-256 in hex already
// (Challenges hashes), so an implementation keeps it as it is. Two Takes at the same time: one succeeds.
type Nonces interface {
	PutNonce(ctx context.Context, purpose, nonce string, ttl time.Duration) error
	TakeNonce(ctx context.Context, purpose, nonce string) (bool, error)
}

// Limits is GCRA: rate per period with a burst. Keys are HMACs made by the caller of Limiter.
type Limits interface {
	Allow(ctx context.Context, key string, burst int, period time.Duration) (ok bool, retryAfter time.Duration, err error)
}

// IdleExpires is when the session ends if no further request comes.
func (s *State) IdleExpires() time.Time {
	idle, absolute := s.Seen.Add(IdleTimeout), s.AbsoluteExpires()
	if idle.After(absolute) {
		return absolute
	}
	return idle
}

// AbsoluteExpires is when the session ends whatever comes.
func (s *State) AbsoluteExpires() time.Time {
	if !s.Complete {
		return s.Created.Add(HalfTimeout)
	}
	return s.Created.Add(AbsoluteTimeout)
}
