package web

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/audit"
	"valise/portal/correspond"
	"valise/portal/courier"
	"valise/portal/dispatch"
	"valise/portal/ledger"
	"valise/portal/passkey"
	"valise/portal/publish"
	"valise/portal/registry"
	"valise/portal/session"
	"valise/portal/signon"
	"valise/portal/watch"
)

// Portal is everything that the pages and the API stand on. Every field is needed, but LedgerKey, SecurityFile, NoticeTemplates, MailCertificates, TrustedProxies, InsecureHTTP,
// SignOn, Heartbeat and Ready.
type Portal struct {
	Institution      portal.Institution
	Origin           string // "https://portal.example", without path
	Root             *crypto.Root
	Registry         *registry.Registry
	Dispatch         *dispatch.Dispatch
	Mail             *courier.Outbox
	Correspond       *correspond.Correspond
	Publish          *publish.Publish
	Ledger           *ledger.Ledger
	Audit            *audit.Audit
	Watch            *watch.Watch          // what Dispatch tells
	LedgerKey        []byte                // crypto.SignLedgerKey; nil: nobody signs the ledger
	SecurityFile     []byte                // a finished security.txt; nil: Institution.Security says what is in it
	NoticeTemplates  []NoticeTemplate      // what a notice can begin with; nil: those of package templates
	MailCertificates []*crypto.Certificate // further ones of the institution for the Web Key Directory
	Sessions         *session.Store
	Passkeys         *passkey.Passkeys
	SignOn           *signon.SignOn // nil: single sign-on is not asked for
	Challenges       *session.Challenges
	Limiter          *session.Limiter
	TrustedProxies   []netip.Prefix                         // whose X-Forwarded-For is believed; none: nobody's
	InsecureHTTP     bool                                   // was asked for by name: no HSTS
	Heartbeat        time.Duration                          // of open streams; 0: 20 s
	Ready            map[string]func(context.Context) error // "database", "sessions": what /readyz asks
	Log              *slog.Logger
	Now              func() time.Time
}

// server is a Portal in service: what handlers are methods of.
type server struct {
	Portal
	pages   *pages
	memory  memory  // of public pages
	files   files   // of statements, that are being served
	streams streams // that are open

	submitting chan struct{} // a place for each upload that is being submitted
}

// Handler returns the whole site. The error says which part of p is missing or wrong.
func (p *Portal) Handler() (http.Handler, error) {
	handler, _, err := p.handler()
	return handler, err
}

// handler returns also what ends the streams that are open, which else end when their readers leave.
func (p *Portal) handler() (_ http.Handler, endStreams func(), _ error) {
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	pages, err := newPages(p)
	if err != nil {
		return nil, nil, err
	}
	s := &server{Portal: *p, pages: pages, submitting: make(chan struct{}, maxSubmitting)}
	if s.NoticeTemplates == nil {
		if s.NoticeTemplates, err = DefaultNoticeTemplates(); err != nil {
			return nil, nil, err
		}
	}
	s.streams.stopped = make(chan struct{})
	mux, err := s.mux()
	if err != nil {
		return nil, nil, err
	}
	sameOrigin, err := s.sameOrigin(mux)
	if err != nil {
		return nil, nil, err
	}
	return s.observe(s.securityHeaders(sameOrigin)), s.streams.stop, nil
}

// Limits of a connection. Large bodies get more time to be read (readBody) and to be written (recorder): their size at slowRate.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute
	writeTimeout      = time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10

	slowRate = 32 << 10 // bytes per second that a bad line still has
)

// timeFor is how long a body of some size may take beyond a floor.
func timeFor(floor time.Duration, size int64) time.Duration {
	return floor + time.Duration(max(size, 0)/slowRate)*time.Second
}

// Server returns an http.Server for the site with its time limits, whose own complaints ("TLS handshake error from …") lose
// their addresses before they are logged. The caller gives it a listener.
func (p *Portal) Server() (*http.Server, error) {
	handler, endStreams, err := p.handler()
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(complaints{p.Log}, "", 0),
	}
	server.RegisterOnShutdown(endStreams)
	return server, nil
}

// complaints writes what net/http has to say to the log, without addresses.
type complaints struct{ log *slog.Logger }

func (c complaints) Write(line []byte) (int, error) {
	c.log.Warn("http", "problem", portal.Scrub(string(line)))
	return len(line), nil
}

func (p *Portal) check() error {
	if err := p.Institution.Check(); err != nil {
		return err
	}
	for name, missing := range map[string]bool{
		"Root": p.Root == nil, "Registry": p.Registry == nil, "Dispatch": p.Dispatch == nil, "Correspond": p.Correspond == nil, "Publish": p.Publish == nil, "Ledger": p.Ledger == nil, "Audit": p.Audit == nil, "Watch": p.Watch == nil, "Sessions": p.Sessions == nil, "Passkeys": p.Passkeys == nil,
		"Challenges": p.Challenges == nil, "Limiter": p.Limiter == nil, "Log": p.Log == nil, "Now": p.Now == nil,
	} {
		if missing {
			return fmt.Errorf("web.Portal: %s is missing", name)
		}
	}
	if err := p.checkSecurityTxt(); err != nil {
		return err
	}
	if err := p.checkMailCertificates(); err != nil {
		return err
	}
	return checkOrigin(p.Origin, p.InsecureHTTP)
}

// checkOrigin demands what browsers send as Origin: log-in texts are compared with it.
func checkOrigin(origin string, insecureHTTP bool) error {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || origin != u.Scheme+"://"+u.Host {
		return fmt.Errorf("the portal's origin %q must be like https://portal.example, without a path or a slash at its end", origin)
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && insecureHTTP:
		return nil
	case u.Scheme == "http":
		return errors.New("the portal's origin is http, which anybody on the way can read and change; use https, or ask for --insecure-http by name")
	}
	return fmt.Errorf("the portal's origin %q must begin with https://", origin)
}
