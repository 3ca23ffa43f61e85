package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"valise/portal"
	"valise/portal/api"
	"valise/portal/session"
)

// ------------------------------------------------------------------ observing

type contextKey int

const (
	traceKey contextKey = iota
	visitKey
)

// trace is what the log line of a request is made of. It goes along in the request's context.
type trace struct {
	recorder  *recorder
	route     string // pattern, never the path
	code      string // of what went wrong
	reference string
	cause     error
	stack     []byte
	gone      bool   // the client left
	visit     *visit // who is logged in, admitted or not; nil where nobody asks
}

func traceOf(r *http.Request) *trace { return r.Context().Value(traceKey).(*trace) }

// observe is the outermost middleware.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		t := &trace{recorder: &recorder{ResponseWriter: w}}
		r = session.Attach(r.WithContext(context.WithValue(r.Context(), traceKey, t)))
		defer func() {
			// Only http.ErrAbortHandler can come here (serve and the frame's own handlers stop every other panic): it goes on to
			// net/http, which breaks the connection.
			problem := recover()
			s.logLine(r, t, time.Since(begin))
			if problem != nil {
				panic(problem)
			}
		}()
		s.guard(func(w http.ResponseWriter, r *http.Request) error { next.ServeHTTP(w, r); return nil })(t.recorder, r)
	})
}

// guard runs a handler; its error, and a panic, become an answer.
func (s *server) guard(handle handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			problem := recover()
			if problem == nil {
				return
			}
			if problem == http.ErrAbortHandler {
				panic(problem)
			}
			traceOf(r).stack = debug.Stack()
			s.fail(w, r, fmt.Errorf("panic: %v", problem))
		}()
		if err := handle(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// methods are those that a log line names; a client may invent others.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions}

func (s *server) logLine(r *http.Request, t *trace, took time.Duration) {
	method := r.Method
	if !slices.Contains(methods, method) {
		method = "other"
	}
	route := t.route
	if route == "" {
		route = "none"
	}
	status := t.recorder.status
	switch {
	case t.gone:
		status = statusGone
	case status == 0:
		status = http.StatusOK
	}
	line := []slog.Attr{
		slog.String("method", method), slog.String("route", route), slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.Int64("bytes", t.recorder.bytes),
	}
	if t.code != "" {
		line = append(line, slog.String("code", t.code))
	}
	if t.reference != "" {
		line = append(line, slog.String("reference", t.reference))
		if t.cause != nil {
			line = append(line, slog.String("cause", portal.Scrubbed(t.cause)))
		}
		if t.stack != nil {
			line = append(line, slog.String("stack", string(t.stack)))
		}
	}
	level := slog.LevelInfo
	switch {
	case status >= 500:
		level = slog.LevelError
	case route == "GET /healthz" || route == "GET /readyz":
		level = slog.LevelDebug
	}
	s.Log.LogAttrs(r.Context(), level, "request", line...)
}

// recorder notices what is written.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Started says that headers are out. The session store asks, since a cookie would come too late.
func (w *recorder) Started() bool { return w.status != 0 }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		size, _ := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(timeFor(writeTimeout, size)))
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ------------------------------------------------------------------ headers

// The content security policies. Nothing is allowed that isn't ours, and nothing inline. Trusted Types: a script address or markup comes only out of
// the one policy "valise" that the pages' own script defines.
const (
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; worker-src 'self'; " +
		"manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types valise"
	// workerPolicy stands on the response that is the worker's script, and on no other: only the worker compiles WebAssembly.
	workerPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; " +
		"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types valise"
	// helperPolicy is for workers that the worker starts to help it: they reach no network, and start nothing.
	helperPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'; " +
		"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	permissionsPolicy = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), " +
		"gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), " +
		"screen-wake-lock=(), usb=(), xr-spatial-tracking=()"
	// noPasskeys goes with it everywhere but on the pages of second factors.
	noPasskeys      = ", publickey-credentials-create=(), publickey-credentials-get=()"
	strictTransport = "max-age=63072000" // two years
)

// securityHeaders puts the same headers on every response. Whatever doesn't say otherwise (assets do) isn't kept by any cache.
func (s *server) securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Nothing goes to other sites. Not "no-referrer": forms would then say "Origin: null", and browsers without Sec-Fetch-Site (Safari
		// before 16.4) be refused as another site.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", permissionsPolicy+noPasskeys)
		h.Set("Cache-Control", "no-store")
		if !s.InsecureHTTP {
			h.Set("Strict-Transport-Security", strictTransport)
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what another site's page sends, by Sec-Fetch-Site and Origin (net/http.CrossOriginProtection).
func (s *server) sameOrigin(next http.Handler) (http.Handler, error) {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(s.Origin); err != nil {
		return nil, err
	}
	protection.SetDenyHandler(s.guard(func(w http.ResponseWriter, r *http.Request) error {
		return errCrossSite
	}))
	return protection.Handler(next), nil
}

var errCrossSite = portal.Errorf(portal.Forbidden, "cross-site", "This request came from another site's page, so nothing was done. Open the portal itself and do it there.")

// ------------------------------------------------------------------ routes

// visit is a request of somebody who is logged in.
type visit struct {
	session *session.State
	actor   portal.Actor
	state   portal.RepresentativeState // of a representative; "" for staff
}

// visitOf returns the request's visit; on routes for anyone it is nil.
func visitOf(r *http.Request) *visit {
	v, _ := r.Context().Value(visitKey).(*visit)
	return v
}

// who returns who is logged in, nil when nobody is. Routes for anyone may ask; the error is portal.Unavailable when it can't be known.
func (s *server) who(r *http.Request) (*visit, error) {
	state, err := s.Sessions.Current(r)
	if err != nil || state == nil {
		return nil, err
	}
	return s.visitOfState(r.Context(), state)
}

// visitOfState is the visit of a session's holder as things stand now; nil when they may no longer come in.
func (s *server) visitOfState(ctx context.Context, state *session.State) (*visit, error) {
	actor, standing, err := s.Registry.ActorOf(ctx, state.Holder, state.Key)
	if portal.KindOf(err) == portal.Unauthenticated {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &visit{session: state, actor: actor, state: standing}, nil
}

// serve makes a row of the table an http.Handler.
func (s *server) serve(row route) http.Handler {
	limit := row.maxBody
	if limit == 0 {
		limit = api.MaxRequest
	}
	return s.guard(func(w http.ResponseWriter, r *http.Request) error {
		traceOf(r).route = row.pattern
		if r.ContentLength > limit {
			return tooLarge(limit)
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if row.access == anyone {
			return row.handle(w, r)
		}
		if strings.HasPrefix(row.path(), "/api/") {
			if err := fromOurPages(r); err != nil {
				return err
			}
		}
		if row.atRest {
			session.AtRest(r)
		}
		v, err := s.who(r)
		if err != nil {
			return err
		}
		traceOf(r).visit = v
		if err := admit(row.access, v); err != nil {
			return err
		}
		return row.handle(w, r.WithContext(context.WithValue(r.Context(), visitKey, v)))
	})
}

// admit says whether a visit may pass a door.
func admit(door access, v *visit) error {
	if v == nil {
		return portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")
	}
	if !v.session.Complete && door != begun && door != halfStaff {
		return errFactorMissing
	}
	_, isRepresentative := v.actor.Representative()
	if door == claimedOrStaff {
		door = claimed
		if !isRepresentative {
			door = staff
		}
	}
	switch door {
	case begun, anySession:
		return nil
	case representative, claimed:
		if !isRepresentative {
			return portal.Errorf(portal.Forbidden, "representatives-only", "This is for representatives of a mailbox; you are logged in as staff.")
		}
		if door == claimed && v.state != portal.Claimed {
			return portal.Errorf(portal.Forbidden, "claim-first", "Claim your mailbox with the code from your letter first.")
		}
		return nil
	case halfStaff, staff:
		if v.actor.Staff() == nil {
			return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
		}
		return nil
	}
	return fmt.Errorf("route with unknown access %d", door)
}

// fromOurPages refuses what a browser sends for anybody but our own pages, also a mere GET: fetching a notice marks it opened, and a link in an
// attacker's e-mail must not do that. It stands before the whole API behind a session; a page's handler that opens a notice calls
// it itself (a page that only shows may be come to from a mail). Browsers say it in Sec-Fetch-Site; other programs leave it out.
func fromOurPages(r *http.Request) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return errCrossSite
	}
	return nil
}

func tooLarge(limit int64) error {
	return portal.Errorf(portal.TooLarge, "too-large", "What was sent is larger than the %d KiB that are accepted here.", limit>>10)
}

// ------------------------------------------------------------------ limits

// clientAddress is where a request comes from, for limits and nothing else. X-Forwarded-For is read from its end, as far as trusted
// proxies wrote it.
func (s *server) clientAddress(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := from.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trustsProxy(address); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = next.Unmap().WithZone("")
	}
	return address
}

func (s *server) trustsProxy(a netip.Addr) bool {
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// limitAddress counts a request against where it comes from: an IPv4 address, or an IPv6 /64, which is what one line is given.
func (s *server) limitAddress(r *http.Request, rule session.Rule) error {
	address := s.clientAddress(r)
	who := address.String()
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			who = prefix.String()
		}
	}
	return s.Limiter.Allow(r.Context(), rule, who)
}
