package web

import (
	"net/http"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/registry"
)

func wireGroups(groups []registry.Group) []api.Group {
	wire := make([]api.Group, len(groups))
	for i, g := range groups {
		wire[i] = api.Group{Group: g.Number, Revision: g.Revision, Record: g.Record, Saved: wireTime(g.SavedAt), SavedBy: g.SavedBy}
	}
	return wire
}

func pathGroup(r *http.Request) (crypto.Number, error) {
	n, err := crypto.ParseNumber(r.PathValue("group"))
	if err != nil || n.Kind() != crypto.KindGroup {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no group's number; one starts with G.")
	}
	return n, nil
}

// getGroups gives the named audiences, sealed as they are.
func (s *server) getGroups(w http.ResponseWriter, r *http.Request) error {
	groups, err := s.Registry.Groups(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireGroups(groups))
}

func (s *server) getGroup(w http.ResponseWriter, r *http.Request) error {
	n, err := pathGroup(r)
	if err != nil {
		return err
	}
	revisions, err := s.Registry.GroupRevisions(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireGroups(revisions))
}

// putGroup keeps a group's next revision.
func (s *server) putGroup(w http.ResponseWriter, r *http.Request) error {
	n, err := pathGroup(r)
	if err != nil {
		return err
	}
	var request api.SaveGroup
	if err := decode(w, r, &request); err != nil {
		return err
	}
	return done(w, s.Registry.SaveGroup(r.Context(), visitOf(r).actor, n, request.Revision, request.Record))
}
