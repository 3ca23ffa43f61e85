package web

import (
	"context"

	"valise/portal"
)

// errFactorMissing is what a half session is told of everything but what makes it whole.
var errFactorMissing = portal.Errorf(portal.Forbidden, "factor-missing", "You have shown your key, and something else is still asked of you. Show it at %s in your browser, then try again.", factorPath)

// factorPath is where what is missing is shown.
const factorPath = "/staff/factor"

// keySuffices says whether a log-in with the key is all that is asked of somebody.
func (s *server) keySuffices(ctx context.Context, actor portal.Actor) (bool, error) {
	if _, ok := actor.Representative(); ok {
		return true, nil
	}
	return s.InsecureSingleFactor, nil
}
