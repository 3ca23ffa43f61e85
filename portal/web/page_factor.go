package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"valise/portal"
	"valise/portal/api"
	"valise/portal/passkey"
	"valise/portal/session"
	"valise/portal/signon"
)

// passkeyPermissions stands on the pages that ask for passkeys, and on no other.
const passkeyPermissions = permissionsPolicy + ", publickey-credentials-create=(self), publickey-credentials-get=(self)"

// renderPasskeys is render for a page that asks for passkeys.
func (s *server) renderPasskeys(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	w.Header().Set("Permissions-Policy", passkeyPermissions)
	return s.pages.render(w, r, status, name, data)
}

// resetLine tells a member of a reset.
type resetLine struct {
	By     string
	Reason string
	At     time.Time
}

func (s *server) resetLine(r *http.Request, last *passkey.Reset) (*resetLine, error) {
	if last == nil {
		return nil, nil
	}
	names, err := s.names(r.Context())
	return &resetLine{By: names.of(last.By), Reason: last.Reason, At: last.At.UTC()}, err
}

type factorPage struct {
	Next       string
	Missing    []string // as api.Factors
	Reset      *resetLine
	Until      *time.Time // nil: no limit
	Closed     bool       // a reset was too long ago
	Impossible bool       // this address can have no passkeys
	Problem    string     // of single sign-on
	Foreign    bool       // Problem is English in a page that isn't
}

// First is what is shown now.
func (p factorPage) First() string {
	if len(p.Missing) == 0 {
		return ""
	}
	return p.Missing[0]
}

// getFactor shows what is missing of a log-in, one thing after the other; with nothing missing it goes on.
func (s *server) getFactor(w http.ResponseWriter, r *http.Request) error {
	return s.showFactor(w, r, factorPage{Next: deskNext(r.URL.Query().Get("next"))}, http.StatusOK)
}

func (s *server) showFactor(w http.ResponseWriter, r *http.Request, page factorPage, status int) error {
	v := visitOf(r)
	f, err := s.factorsOf(r.Context(), v.actor, v.session)
	if err != nil {
		return err
	}
	if len(f.missing) == 0 {
		if !v.session.Complete {
			if _, err := s.Sessions.Complete(w, r); err != nil {
				return err
			}
		}
		http.Redirect(w, r, page.Next, http.StatusSeeOther)
		return nil
	}
	page.Missing, page.Closed, page.Impossible = f.missing, f.closed != nil, s.Passkeys.Possible() != nil
	if len(f.have) == 0 { // told until there is a new one
		if page.Reset, err = s.resetLine(r, f.last); err != nil {
			return err
		}
		if !f.until.IsZero() {
			until := f.until.UTC()
			page.Until = &until
		}
	}
	return s.renderPasskeys(w, r, status, "factor", page)
}

// ------------------------------------------------------------------ single sign-on

// onTheWay is what waits in the session while the browser is at the provider.
type onTheWay struct {
	Next string `json:"next"`
	Data []byte `json:"data"`
}

var errNoSignOn = portal.Errorf(portal.NotFound, "no-sign-on", "This portal asks for no single sign-on.")

// getSignOn sends the browser to the provider. It is a link and not a form, since a form may be answered only from here.
func (s *server) getSignOn(w http.ResponseWriter, r *http.Request) error {
	if s.SignOn == nil {
		return errNoSignOn
	}
	if err := fromOurPages(r); err != nil {
		return err
	}
	v := visitOf(r)
	page := factorPage{Next: deskNext(r.URL.Query().Get("next"))}
	// It comes last: the account that somebody first signs on with is theirs from then on, and a copied key is not to choose it.
	f, err := s.factorsOf(r.Context(), v.actor, v.session)
	if err != nil {
		return err
	}
	if len(f.missing) > 0 && f.missing[0] != api.MissingSignOn {
		http.Redirect(w, r, factorPath+"?"+url.Values{"next": {page.Next}}.Encode(), http.StatusSeeOther)
		return nil
	}
	address, data, err := s.SignOn.Begin(r.Context(), v.actor)
	if err != nil {
		return s.signOnProblem(w, r, page, err)
	}
	waiting, err := json.Marshal(onTheWay{page.Next, data})
	if err != nil {
		return err
	}
	if err := s.Sessions.Ask(w, r, askedSignOn, waiting, signon.Period); err != nil {
		return err
	}
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// getSignedOn is where the provider sends the browser back to.
func (s *server) getSignedOn(w http.ResponseWriter, r *http.Request) error {
	if s.SignOn == nil {
		return errNoSignOn
	}
	waiting, err := s.Sessions.Answered(w, r, askedSignOn)
	if err != nil {
		return err
	}
	var way onTheWay
	if len(waiting) > 0 {
		if err := json.Unmarshal(waiting, &way); err != nil {
			return err
		}
	}
	next := deskNext(way.Next)
	if err := s.SignOn.Finish(r.Context(), visitOf(r).actor, way.Data, r.URL.Query()); err != nil {
		return s.signOnProblem(w, r, factorPage{Next: next}, err)
	}
	shown, err := s.factorShown(w, r, func(state *session.State) { state.SignOn = true })
	if err != nil {
		return err
	}
	to := next
	if !shown.Complete {
		to = factorPath + "?" + url.Values{"next": {next}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// signOnProblem shows the page once more, with what went wrong, when that can be mended there.
func (s *server) signOnProblem(w http.ResponseWriter, r *http.Request, page factorPage, err error) error {
	var known *portal.Error
	if !errors.As(err, &known) || known.Kind == portal.Internal || known.Kind == portal.Unauthenticated {
		return err
	}
	f := judge(err)
	t := traceOf(r)
	t.code, t.reference, t.cause = f.code, f.reference, f.cause
	l := s.pages.languages.pick(w, r, s.pages.secure)
	page.Problem, page.Foreign = l.failure(f)
	return s.showFactor(w, r, page, f.status)
}
