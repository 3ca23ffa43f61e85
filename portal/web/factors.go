package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"valise/portal"
	"valise/portal/api"
	"valise/portal/passkey"
	"valise/portal/session"
)

// errFactorMissing is what a half session is told of everything but what makes it whole.
var errFactorMissing = portal.Errorf(portal.Forbidden, "factor-missing", "You have shown your key, and something else is still asked of you. Show it at %s in your browser, then try again.", factorPath)

// Where what is missing is shown, and what is there is looked after.
const (
	factorPath   = deskPath + "/factor"
	signOnPath   = factorPath + "/sign-on"
	signedOnPath = factorPath + "/signed-on"
	accountPath  = deskPath + "/account"
	peoplePath   = deskPath + "/people"
)

// SignOnReturn is the path to which the single sign-on provider sends browsers back.
const SignOnReturn = signedOnPath

// factors is how somebody's second factor stands, and what of it a session still lacks.
type factors struct {
	have    []passkey.Passkey
	last    *passkey.Reset
	missing []string
	until   time.Time // until when a first passkey may be enrolled; zero: no limit
	closed  error     // why none may be enrolled with the key alone
}

// factorsOf looks at what is asked of a staff member. Who has a passkey shows it, whether or not it is demanded.
func (s *server) factorsOf(ctx context.Context, actor portal.Actor, state *session.State) (*factors, error) {
	f := &factors{}
	var err error
	if f.have, f.last, err = s.Passkeys.Own(ctx, actor); err != nil {
		return nil, err
	}
	f.until, f.closed = s.Passkeys.EnrolsAlone(f.have, f.last)
	if state.Complete || state.Confirmed {
		return f, nil
	}
	switch {
	case state.Passkey:
	case len(f.have) > 0:
		f.missing = append(f.missing, api.MissingPasskey)
	case s.Passkeys.Demanded():
		f.missing = append(f.missing, api.MissingEnrolment)
	}
	if s.SignOn != nil && !state.SignOn {
		f.missing = append(f.missing, api.MissingSignOn)
	}
	return f, nil
}

// keySuffices says whether a log-in with the key is all that is asked of somebody.
func (s *server) keySuffices(ctx context.Context, actor portal.Actor) (bool, error) {
	if _, ok := actor.Representative(); ok {
		return true, nil
	}
	f, err := s.factorsOf(ctx, actor, &session.State{})
	return err == nil && len(f.missing) == 0, err
}

// factorShown notes in the session what was shown, and makes it whole when nothing else is missing.
func (s *server) factorShown(w http.ResponseWriter, r *http.Request, note func(*session.State)) (*api.FactorShown, error) {
	state, err := s.Sessions.Update(w, r, note)
	if err != nil {
		return nil, err
	}
	if state.Complete {
		return &api.FactorShown{Complete: true, Missing: []string{}}, nil
	}
	f, err := s.factorsOf(r.Context(), visitOf(r).actor, state)
	if err != nil {
		return nil, err
	}
	if len(f.missing) == 0 {
		if state, err = s.Sessions.Complete(w, r); err != nil {
			return nil, err
		}
	}
	return &api.FactorShown{Complete: state.Complete, Missing: slices.Concat([]string{}, f.missing)}, nil
}

// ------------------------------------------------------------------ questions

// What a session is asked waits in it under these names.
const (
	askedPasskey   = "passkey"
	askedEnrolment = "enrolment"
	askedSignOn    = "sign-on"
)

func (s *server) ask(w http.ResponseWriter, r *http.Request, name string, q *passkey.Question, err error) error {
	if err != nil {
		return err
	}
	if err := s.Sessions.Ask(w, r, name, q.Data, passkey.QuestionPeriod); err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, "application/json", q.Options)
	return nil
}

// shownFor is the proof that a passkey was shown for something; nil for an answer that is none, which the step then refuses.
func (s *server) shownFor(w http.ResponseWriter, r *http.Request, answer []byte, purpose passkey.Purpose, object string) (*passkey.Shown, error) {
	if len(answer) == 0 || string(answer) == "null" {
		return nil, nil
	}
	data, err := s.Sessions.Answered(w, r, askedPasskey)
	if err != nil {
		return nil, err
	}
	return s.Passkeys.FinishShow(r.Context(), visitOf(r).actor, data, answer, purpose, object)
}
