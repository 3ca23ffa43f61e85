package portal

import (
	"errors"
	"fmt"
)

// Kind is what went wrong, as far as a caller has to know it. The zero Kind is
// Internal, so that an error nobody classified is never shown in detail.
type Kind int

const (
	Internal        Kind = iota // ours: logged, shown as a reference number
	Invalid                     // the input can't be accepted as it is: 400
	Unauthenticated             // log in first, or the proof did not hold: 401
	Forbidden                   // logged in, but not for this: 403
	NotFound                    // no such thing, or not for this actor: 404
	Conflict                    // the thing has moved on: 409
	TooLarge                    // over a stated limit: 413
	TooMany                     // a rate limit: 429
	Unavailable                 // a part (Redis, database) can't be reached: 503
)

// Error is the one error that leaves a step. Public says what happened and what to
// do next; it is shown to whoever asked, so it names nobody. Err is for the log
// and never reaches a client.
type Error struct {
	Kind   Kind
	Code   string // stable, for programs: "stale-certificate"
	Public string
	Err    error
	// RetryAfter is, for TooMany and Unavailable, how many seconds to wait; 0 says nothing.
	RetryAfter int
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Public
	}
	return fmt.Sprintf("%s: %v", e.Public, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose public text is the formatted message.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Public: fmt.Sprintf(format, args...)}
}

// Because hands a cause to the log without showing it.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// KindOf tells the kind of any error; one that is not ours is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
