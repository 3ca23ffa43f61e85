package web

import (
	"net/http"

	"valise/portal/api"
)

func (s *server) getSession(w http.ResponseWriter, r *http.Request) error {
	v := visitOf(r)
	return writeJSON(w, http.StatusOK, api.Session{
		Holder: v.session.Holder, State: v.state, Share: v.session.BrowserShare, Complete: v.session.Complete,
		IdleExpires: wireTime(v.session.IdleExpires()), AbsoluteExpires: wireTime(v.session.AbsoluteExpires()),
	})
}

func (s *server) postLogOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.Sessions.End(w, r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) getSessions(w http.ResponseWriter, r *http.Request) error {
	sessions, err := s.Sessions.Lines(r)
	if err != nil {
		return err
	}
	lines := make([]api.SessionLine, len(sessions))
	for i, line := range sessions {
		lines[i] = api.SessionLine{ID: line.ID, Created: wireTime(line.Created), Seen: wireTime(line.Seen), Current: line.Current}
	}
	return writeJSON(w, http.StatusOK, lines)
}

// postSessionsRevoke ends all sessions of who asks, this one too.
func (s *server) postSessionsRevoke(w http.ResponseWriter, r *http.Request) error {
	if err := decode(w, r, &struct{}{}); err != nil {
		return err
	}
	if err := s.Sessions.RevokeAll(w, r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
