package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"valise/portal/api"
)

// Size caps of answers, in bytes.
const (
	maxAnswer       = 1 << 20
	maxInstitution  = 16 << 20
	maxNotice       = 80 << 20  // a body of 46 MiB in base64, and what goes with it
	maxStaffNotice  = 160 << 20 // two bodies
	maxPersonal     = 128 << 20 // 64 MiB of personal parts, in base64
	maxNoticeList   = 64 << 20  // 10,000 notices
	maxMailboxList  = 512 << 20 // 50,000 representatives with their chains
	maxReceiptsPage = 64 << 20  // 1,000 receipts, and an audience of 100,000
	maxFailure      = 64 << 10
	connectTimeout  = 15 * time.Second
	requestTimeout  = 10 * time.Minute // a large notice on a bad line
	headerTimeout   = 2 * time.Minute
	attempts        = 4
	maxRetryAfter   = 15 * time.Second
	firstRetryAfter = 300 * time.Millisecond
)

// Error is a refusal by the server, or an answer that isn't one.
type Error struct {
	Status     int    // of HTTP
	Code       string // stable, for programs: "stale-certificate"; "" when it wasn't Valise that answered
	Message    string // for the person
	Reference  string // finds the server's log line
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Message }

// IsCode says whether err is a refusal with one of the codes.
func IsCode(err error, codes ...string) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code == code {
			return true
		}
	}
	return false
}

// IsStatus says whether err is a refusal with an HTTP status.
func IsStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

// Client is one visitor of one portal. Its cookie jar lives as long as it does. It
// may be used by many goroutines.
type Client struct {
	// UserAgent is what it says it is. Who compares what a portal serves had better not be told from a browser by it; all others leave it.
	UserAgent string

	origin string
	http   *http.Client
}

// New makes a client of the portal at an address: https://portal.example, with a port
// when it has one. http:// is accepted for loopback addresses (127.0.0.0/8, ::1,
// localhost), and for others with insecureHTTP.
func New(server string, insecureHTTP bool) (*Client, error) {
	origin, err := parseOrigin(server, insecureHTTP)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: headerTimeout,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   2,
		IdleConnTimeout:       time.Minute,
	}
	return &Client{UserAgent: "valise", origin: origin, http: &http.Client{
		Transport: transport, Jar: jar, Timeout: requestTimeout,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Origin returns the portal's address as browsers write it, without a path.
func (c *Client) Origin() string { return c.origin }

// Close lets connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func parseOrigin(server string, insecureHTTP bool) (string, error) {
	wrong := fmt.Errorf("%q is not the address of a portal; write it like https://portal.example", server)
	u, err := url.Parse(strings.TrimSpace(server))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || strings.Trim(u.Path, "/") != "" {
		return "", wrong
	}
	host := strings.ToLower(u.Host)
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "https":
		return "https://" + strings.TrimSuffix(host, ":443"), nil
	case "http":
		if !insecureHTTP && !isLoopback(u.Hostname()) {
			return "", fmt.Errorf("%s has no TLS, so whoever is on the line could take your session over: write https://, or give --insecure-http", server)
		}
		return "http://" + strings.TrimSuffix(host, ":80"), nil
	}
	return "", wrong
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// call is one question.
type call struct {
	method     string
	root       string // "": api.Root
	path       string // below it
	body       any    // nil: none
	octets     []byte // instead of body, as they are
	maxRequest int    // bytes; 0: api.MaxRequest
	maxAnswer  int64  // bytes; 0: maxAnswer
	repeatable bool   // asking twice does what asking once does
}

// ask carries a question to the server and reads its answer into into: a pointer to
// a type of package api, *[]byte for text, or nil.
func (c *Client) ask(ctx context.Context, q call, into any) error {
	body := q.octets
	if q.body != nil {
		var err error
		if body, err = json.Marshal(q.body); err != nil {
			return err
		}
	}
	if body != nil {
		limit := q.maxRequest
		if limit == 0 {
			limit = api.MaxRequest
		}
		if len(body) > limit {
			return fmt.Errorf("this would be a request of %.1f MiB; the portal takes at most %.1f MiB: make the attachments smaller, or the audience", mib(len(body)), mib(limit))
		}
	}
	return persist(ctx, func() (bool, error) {
		err := c.once(ctx, q, body, into)
		// What was refused because too many came at once was not done, so asking again does no harm.
		return q.repeatable || IsStatus(err, http.StatusTooManyRequests), err
	})
}

// persist asks until it succeeds, may not be repeated, need not be (retry), or was done often enough.
func persist(ctx context.Context, ask func() (repeatable bool, err error)) error {
	wait := firstRetryAfter
	for attempt := 1; ; attempt++ {
		repeatable, err := ask()
		if err == nil || attempt == attempts || !repeatable || ctx.Err() != nil {
			return err
		}
		pause, again := retry(err, wait)
		if !again {
			return err
		}
		wait *= 2
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func mib(n int) float64 { return float64(n) / (1 << 20) }

// retry says whether and when to ask again after an error.
func retry(err error, wait time.Duration) (time.Duration, bool) {
	var refusal *Error
	if errors.As(err, &refusal) {
		busy := refusal.Status == http.StatusServiceUnavailable || refusal.Status == http.StatusTooManyRequests && refusal.RetryAfter > 0
		if !busy || refusal.RetryAfter > maxRetryAfter {
			return 0, false
		}
		return max(wait, refusal.RetryAfter), true
	}
	var broken *lineError
	return wait, errors.As(err, &broken) && !broken.final
}

// lineError is what happens between here and the server.
type lineError struct {
	origin string
	final  bool // it won't get better by itself
	err    error
}

func (e *lineError) Error() string {
	return fmt.Sprintf("the portal at %s can't be reached: %v", e.origin, e.err)
}

func (e *lineError) Unwrap() error { return e.err }

func (c *Client) once(ctx context.Context, q call, body []byte, into any) error {
	root := q.root
	if root == "" {
		root = api.Root
	}
	request, err := http.NewRequestWithContext(ctx, q.method, c.origin+root+q.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	switch {
	case q.octets != nil:
		request.Header.Set("Content-Type", "application/octet-stream")
	case q.body != nil:
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json, text/plain;q=0.9")
	request.Header.Set("User-Agent", c.UserAgent)
	answer, err := c.http.Do(request)
	if err != nil {
		return c.unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return c.refusal(answer)
	}
	limit := q.maxAnswer
	if limit == 0 {
		limit = maxAnswer
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	switch {
	case err != nil:
		return c.unreachable(err)
	case int64(len(data)) > limit:
		return fmt.Errorf("the portal's answer has more than %.0f MiB, which can't be right", mib(int(limit)))
	}
	return read(data, into)
}

// unreachable puts an error of the line into words. The address in a *url.Error is
// dropped, as it may hold numbers.
func (c *Client) unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var untrusted *tls.CertificateVerificationError
	final := errors.As(err, &untrusted) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return &lineError{origin: c.origin, final: final, err: err}
}

func read(data []byte, into any) error {
	switch into := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*into = data
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("the portal's answer can't be read; is it a Valise portal, and as new as this program? (%v)", err)
	}
	return nil
}

// refusal reads the body of an answer that isn't a success.
func (c *Client) refusal(answer *http.Response) error {
	e := &Error{Status: answer.StatusCode, RetryAfter: retryAfter(answer.Header.Get("Retry-After"))}
	if answer.StatusCode >= 300 && answer.StatusCode <= 399 {
		e.Message = fmt.Sprintf("the portal at %s sends elsewhere, to %q; redirects are not followed: check the address in your letter", c.origin, printable(answer.Header.Get("Location")))
		return e
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxFailure))
	var failure api.Failure
	if err != nil || json.Unmarshal(data, &failure) != nil || failure.Error.Code == "" {
		e.Message = fmt.Sprintf("%s answered %d %s, and not as a Valise portal does: check the address", c.origin, answer.StatusCode, http.StatusText(answer.StatusCode))
		return e
	}
	e.Code, e.Message, e.Reference = printable(failure.Error.Code), printable(failure.Error.Message), printable(failure.Error.Reference)
	if e.Message == "" {
		e.Message = fmt.Sprintf("the portal refused (%s)", e.Code)
	}
	if e.Reference != "" && !strings.Contains(e.Message, e.Reference) {
		e.Message += " (reference " + e.Reference + ")"
	}
	return e
}

func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 24*60*60)) * time.Second
	}
	return 0
}

// printable keeps control characters of a server out of terminals.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > 2000 {
		text = strings.ToValidUTF8(text[:2000], "") + "…"
	}
	return text
}
