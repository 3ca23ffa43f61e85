package web

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"valise/portal/api"
)

// loginNotes are what the log-in page may say above itself.
var loginNotes = []string{"out", "ended", "everywhere", "claimed"}

type loginPage struct {
	Next string
	Note string
}

// NextQuery takes along where to go on to.
func (p loginPage) NextQuery() template.URL { return nextQuery(p.Next) }

func (s *server) getLogIn(w http.ResponseWriter, r *http.Request) error {
	page := loginPage{Next: localPath(r.URL.Query().Get("next"))}
	if note := r.URL.Query().Get("note"); slices.Contains(loginNotes, note) {
		page.Note = note
	}
	return s.pages.render(w, r, http.StatusOK, "login", page)
}

// textPage is the way in with a text that one signs oneself.
type textPage struct {
	Next      string
	As        string // as it was typed
	Challenge *api.LogInChallenge
	Until     string
	Signed    string // as it was pasted
	Problem   string
}

// NextQuery takes along where to go on to.
func (p textPage) NextQuery() template.URL { return nextQuery(p.Next) }

func (s *server) getLogInText(w http.ResponseWriter, r *http.Request) error {
	return s.pages.render(w, r, http.StatusOK, "login_text", textPage{Next: localPath(r.URL.Query().Get("next"))})
}

// postLogInText shows a text to sign.
func (s *server) postLogInText(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressLogInStart); err != nil {
		return err
	}
	values, err := form(w, r)
	if err != nil {
		return err
	}
	page := textPage{Next: localPath(values.Get("next")), As: values.Get("as")}
	return s.showText(w, r, page, http.StatusOK)
}

// showText makes a new text for whom the page names, and shows it.
func (s *server) showText(w http.ResponseWriter, r *http.Request, page textPage, status int) error {
	challenge, err := s.challenge(r, page.As)
	if f, ok := s.again(r, err); ok {
		if page.Problem, err = s.problem(w, r, f); err != nil {
			return err
		}
		return s.pages.render(w, r, f.status, "login_text", page)
	}
	if err != nil {
		return err
	}
	page.Challenge, page.Until = challenge, challenge.Expires.Format("15:04:05 UTC")
	return s.pages.render(w, r, status, "login_text", page)
}

// postLogInSigned takes the signed text, as POST /api/v1/login does. What was wrong is shown above a new text, since the old one may be used up.
func (s *server) postLogInSigned(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressLogIn); err != nil {
		return err
	}
	values, err := form(w, r)
	if err != nil {
		return err
	}
	page := textPage{Next: localPath(values.Get("next")), As: values.Get("as"), Signed: values.Get("signed_text")}
	_, err = s.logIn(w, r, page.As, []byte(page.Signed))
	if f, ok := s.again(r, err); ok {
		if page.Problem, err = s.problem(w, r, f); err != nil {
			return err
		}
		return s.showText(w, r, page, f.status)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, page.Next, http.StatusSeeOther)
	return nil
}

// postPageLogOut ends the session, if there still is one.
func (s *server) postPageLogOut(w http.ResponseWriter, r *http.Request) error {
	current, err := s.Sessions.Current(r)
	door := "/login"
	if err == nil && current != nil {
		door = doorOf(current.Holder)
		err = s.Sessions.End(w, r)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, door+"?note=out", http.StatusSeeOther)
	return nil
}

// postPageRevoke ends all sessions of who asks.
func (s *server) postPageRevoke(w http.ResponseWriter, r *http.Request) error {
	if err := s.Sessions.RevokeAll(w, r); err != nil {
		return err
	}
	http.Redirect(w, r, doorOf(visitOf(r).session.Holder)+"?note=everywhere", http.StatusSeeOther)
	return nil
}

// nextQuery is a query that is escaped already: a template would do it once more to a mere string.
func nextQuery(next string) template.URL {
	if next == "" || next == "/mailbox" {
		return ""
	}
	return template.URL(url.Values{"next": {next}}.Encode())
}
