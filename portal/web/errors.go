package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"valise/portal"
	"valise/portal/api"
)

// refusal is an error that only HTTP knows, with its status.
type refusal struct {
	status  int
	code    string
	message string
}

func (e *refusal) Error() string { return e.message }

func refuse(status int, code, format string, args ...any) error {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

// statusOf is the status of each kind of portal.Error.
var statusOf = map[portal.Kind]int{
	portal.Internal:        http.StatusInternalServerError,
	portal.Invalid:         http.StatusBadRequest,
	portal.Unauthenticated: http.StatusUnauthorized,
	portal.Forbidden:       http.StatusForbidden,
	portal.NotFound:        http.StatusNotFound,
	portal.Conflict:        http.StatusConflict,
	portal.TooLarge:        http.StatusRequestEntityTooLarge,
	portal.TooMany:         http.StatusTooManyRequests,
	portal.Unavailable:     http.StatusServiceUnavailable,
}

// defaultCodes are for errors that a step gave no code.
var defaultCodes = map[portal.Kind]string{
	portal.Internal:        "internal",
	portal.Invalid:         "invalid",
	portal.Unauthenticated: "unauthenticated",
	portal.Forbidden:       "forbidden",
	portal.NotFound:        "not-found",
	portal.Conflict:        "conflict",
	portal.TooLarge:        "too-large",
	portal.TooMany:         "too-many",
	portal.Unavailable:     "unavailable",
}

// statusGone is what the log says when the client left before it was answered.
const statusGone = 499

// unavailableRetry is how many seconds Retry-After says when nobody knows better.
const unavailableRetry = 10

// failure is an error as it leaves the house.
type failure struct {
	status     int
	code       string // for programs
	message    string // for the person
	reference  string // finds the log line; only for what is our fault
	retryAfter int    // seconds; 0: not said
	cause      error  // for the log
}

// judge turns any error into a failure. What nobody classified is ours, and its text stays here.
func judge(err error) failure {
	var known *refusal
	if errors.As(err, &known) {
		return failure{status: known.status, code: known.code, message: known.message}
	}
	var e *portal.Error
	if !errors.As(err, &e) || e.Kind == portal.Internal {
		reference := newReference()
		return failure{
			status: http.StatusInternalServerError, code: "internal", reference: reference, cause: err,
			message: "Something went wrong on our side; nothing that you sent was kept unless we had confirmed it. Try again; if it stays, tell us the reference " + reference + ".",
		}
	}
	f := failure{status: statusOf[e.Kind], code: e.Code, message: e.Public, retryAfter: e.RetryAfter, cause: e.Err}
	if f.code == "" {
		f.code = defaultCodes[e.Kind]
	}
	if e.Kind == portal.Unavailable {
		f.reference = newReference()
		f.cause = err
		if f.retryAfter == 0 {
			f.retryAfter = unavailableRetry
		}
	}
	return f
}

// fail answers a request with what went wrong: JSON under /api/, else a page. It is the only place that does.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	t := traceOf(r)
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		t.code, t.gone = "client-gone", true
		return
	}
	f := judge(err)
	t.code, t.reference, t.cause = f.code, f.reference, f.cause
	if t.recorder.Started() {
		// Part of an answer is out; the client must not take it for the whole.
		panic(http.ErrAbortHandler)
	}
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Del("Content-Disposition")
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeFailure(w, f)
		return
	}
	if f.status == http.StatusUnauthorized && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		// Who isn't logged in and asks for a page is asked to log in, and comes back.
		door := "/login"
		if isDesk(r.URL.Path) {
			door = deskLogIn
		}
		http.Redirect(w, r, door+"?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if f.code == errFactorMissing.Code && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		http.Redirect(w, r, factorPath+"?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	s.pages.failure(w, r, f)
}

func writeFailure(w http.ResponseWriter, f failure) {
	body, err := json.Marshal(api.Failure{Error: api.FailureDetail{Code: f.code, Message: f.message, Reference: f.reference}})
	if err != nil { // three strings
		panic(err)
	}
	writeBytes(w, f.status, "application/json", body)
}

// newReference draws 40 bits that connect what a person tells us with a log line.
func newReference() string {
	return rand.Text()[:8]
}
