package signon

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"valise/portal"
)

// Store is what this step needs to keep. Every method is one transaction, and what it confirmed is on disk.
type Store interface {
	portal.Auditor

	// BindAccount returns the account that is a holder's, and makes it this one when they have none. portal.Conflict with
	// code "account-taken" when it is another holder's.
	BindAccount(ctx context.Context, holder, account string, at time.Time) (bound string, err error)
}

// Period is how long the provider and its user may take.
const Period = 10 * time.Minute

const (
	callTime    = 10 * time.Second // for each question to the provider
	maxReturned = 4 << 10          // bytes of a state or a code
)

// Config says who vouches for staff.
type Config struct {
	Issuer   string // "https://login.court.example", as the provider spells it
	ClientID string
	Secret   string       // the client's, at the provider
	Return   string       // where the provider sends browsers back to: "https://portal.example/staff/factor/signed-on"
	Portal   []byte       // the portal secret: 32 bytes, in no database
	HTTP     *http.Client // nil: one that trusts the system's certificates
}

// SignOn is the step. Use New.
type SignOn struct {
	store  Store
	config Config
	key    []byte
	now    func() time.Time

	mu       sync.Mutex
	provider *oidc.Provider // nil: not yet discovered
}

// New makes the step. It asks the provider nothing yet: a portal starts, and serves the public, while the provider is down.
func New(store Store, c Config, now func() time.Time) (*SignOn, error) {
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the OpenID Connect issuer %q is not an address like https://login.court.example", c.Issuer)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, fmt.Errorf("the OpenID Connect issuer %s must begin with https://", c.Issuer)
	case c.ClientID == "" || c.Secret == "":
		return nil, errors.New("the OpenID Connect client needs an id and a secret, as the provider gave them")
	}
	key, err := hkdf.Key(sha256.New, c.Portal, nil, "valise sign-on accounts v1", 32)
	if err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{}
	}
	client := *c.HTTP
	client.Timeout = callTime
	c.HTTP = &client
	return &SignOn{store: store, config: c, key: key, now: now}, nil
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// discover asks the provider for its addresses, once it answers.
func (s *SignOn) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	s.mu.Lock()
	provider := s.provider
	s.mu.Unlock()
	if provider == nil {
		// Without the lock: when the provider is slow, nobody is to wait for somebody else's answer. Of two who ask at once, either answer will do.
		// The provider's keys are fetched with this context later on, too, so it must not end with the request.
		found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.config.HTTP), s.config.Issuer)
		if err != nil {
			return nil, nil, portal.Errorf(portal.Unavailable, "sign-on-unavailable", "The institution's single sign-on can't be reached at the moment. Wait a little, then try again.").Because(err)
		}
		s.mu.Lock()
		s.provider, provider = found, found
		s.mu.Unlock()
	}
	return provider, &oauth2.Config{
		ClientID: s.config.ClientID, ClientSecret: s.config.Secret, Endpoint: provider.Endpoint(), RedirectURL: s.config.Return, Scopes: []string{oidc.ScopeOpenID},
	}, nil
}

// asked is what waits in the session.
type asked struct {
	Holder   string `json:"holder"`
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// Begin returns where to send the browser, and what to keep in its session, for one answer within Period.
func (s *SignOn) Begin(ctx context.Context, actor portal.Actor) (address string, data []byte, err error) {
	if err := staffOnly(actor); err != nil {
		return "", nil, err
	}
	_, client, err := s.discover(ctx)
	if err != nil {
		return "", nil, err
	}
	a := asked{Holder: actor.Holder(), State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	if data, err = json.Marshal(a); err != nil {
		return "", nil, err
	}
	return client.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), data, nil
}

// Finish takes what the provider sent the browser back with: nil says that the actor signed on, with the account that is theirs. data is what Begin
// gave to keep; nil when nothing waited.
func (s *SignOn) Finish(ctx context.Context, actor portal.Actor, data []byte, query url.Values) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	var a asked
	if len(data) > 0 {
		if err := json.Unmarshal(data, &a); err != nil {
			return err
		}
	}
	state, code := query.Get("state"), query.Get("code")
	if a.State == "" || a.Holder != actor.Holder() || len(state) > maxReturned || subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 {
		return portal.Errorf(portal.Conflict, "sign-on-over", "This sign-on was not begun here, took longer than ten minutes, or was used already. Start it again from this page.")
	}
	if code == "" || len(code) > maxReturned {
		return portal.Errorf(portal.Forbidden, "sign-on-refused", "The institution's single sign-on did not let you in. Try again; if it stays, ask whoever runs it.").
			Because(fmt.Errorf("the provider says %q", cut(query.Get("error"))))
	}
	account, err := s.account(ctx, a, code)
	if err != nil {
		return err
	}
	if err := s.audit(ctx, actor, "sign-on"); err != nil {
		return err
	}
	bound, err := s.store.BindAccount(ctx, actor.Holder(), account, s.now())
	if err == nil && subtle.ConstantTimeCompare([]byte(bound), []byte(account)) == 1 {
		return nil
	}
	if err == nil || portal.KindOf(err) == portal.Conflict {
		if audit := s.audit(ctx, actor, "sign-on.other-account refused"); audit != nil {
			return audit
		}
	}
	if err != nil {
		return err
	}
	return portal.Errorf(portal.Forbidden, "other-account", "You signed on with another account than the one that is yours here. Sign off there and use your own; if your account has changed, ask an administrator for a reset.")
}

// account redeems a code for a token, verifies it, and returns the account's name in our books.
func (s *SignOn) account(ctx context.Context, a asked, code string) (string, error) {
	provider, client, err := s.discover(ctx)
	if err != nil {
		return "", err
	}
	ctx = oidc.ClientContext(ctx, s.config.HTTP)
	refuse := func(err error) error {
		return portal.Errorf(portal.Forbidden, "sign-on-refused", "What the institution's single sign-on says does not hold. Try again; if it stays, tell whoever runs this portal.").Because(err)
	}
	token, err := client.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) {
			return "", refuse(fmt.Errorf("the token endpoint says %q", cut(refused.ErrorCode))) // not the body, which may hold anything
		}
		return "", portal.Errorf(portal.Unavailable, "sign-on-unavailable", "The institution's single sign-on can't be reached at the moment. Wait a little, then try again.").Because(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", refuse(errors.New("no id_token"))
	}
	id, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: s.config.ClientID, Now: s.now}).Verify(ctx, raw)
	if err != nil {
		return "", refuse(err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return "", refuse(errors.New("another nonce"))
	}
	if id.Subject == "" {
		return "", refuse(errors.New("no subject"))
	}
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%d:%s%s", len(id.Issuer), id.Issuer, id.Subject)
	return hex.EncodeToString(mac.Sum(nil)), nil
}

// audit writes down what is about to be done. When it can't be written, it must not be done.
func (s *SignOn) audit(ctx context.Context, actor portal.Actor, act string) error {
	return s.store.RecordAudit(ctx, portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: actor.Holder()})
}

func staffOnly(actor portal.Actor) error {
	if actor.Staff() != nil {
		return nil
	}
	if _, ok := actor.Representative(); ok {
		return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
	}
	return portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")
}

func cut(text string) string {
	if len(text) > 100 {
		text = text[:100]
	}
	return strings.ToValidUTF8(text, "")
}
