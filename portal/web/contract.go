// Package web serves the pages and the JSON API.
package web

// CONTRACT: what cmd wires; the owner replaces this file by the real thing.

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
	"valise/portal/registry"
	"valise/portal/session"
)

// Portal is everything that the pages and the API stand on.
type Portal struct {
	Institution    portal.Institution
	Origin         string // "https://portal.example", without path
	Root           *crypto.Root
	Registry       *registry.Registry
	Dispatch       *dispatch.Dispatch
	Sessions       *session.Store
	Challenges     *session.Challenges
	Limiter        *session.Limiter
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	InsecureHTTP   bool
	Ready          map[string]func(context.Context) error // "database", "sessions"
	Log            *slog.Logger
	Now            func() time.Time
}

// Handler returns the whole site.
func (p *Portal) Handler() (http.Handler, error) { panic("contract") }
