package courier

import (
	"context"
	"errors"
	"fmt"
	"net"

	"valise/portal"
)

// problem is what the log may hold of an error that kept the courier from its work: its kind, in words of ours, and never its text. What a database, a mail library or a certificate's check
// says names whom it is about more often than not, and its connection string where the database lies.
func problem(err error) string {
	var answer interface{ SQLState() string } // PostgreSQL's
	var code interface{ Code() int }          // SQLite's
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long"
	case errors.As(err, &answer) && len(answer.SQLState()) == 5:
		return "the database answers with the error " + answer.SQLState()
	case errors.As(err, &code):
		return fmt.Sprintf("the database answers with the error %d", code.Code())
	case portal.KindOf(err) == portal.Unavailable, errors.As(err, &network):
		return "the database can't be reached"
	}
	return "an error of the kind " + innermost(err)
}

// innermost names the type of the error that others were wrapped around, which finds the place in the source.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return fmt.Sprintf("%T", err)
		}
		err = next
	}
}
