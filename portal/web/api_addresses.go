package web

import (
	"net/http"

	"valise/portal/api"
)

// getAddress gives a registrar where a representative gets e-mail, sealed as it is.
func (s *server) getAddress(w http.ResponseWriter, r *http.Request) error {
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	a, err := s.Registry.Address(r.Context(), visitOf(r).actor, of)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Address{Record: a.Record, Set: wireTime(a.SetAt), SetBy: a.SetBy})
}

// putAddress keeps it.
func (s *server) putAddress(w http.ResponseWriter, r *http.Request) error {
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	var request api.SetAddress
	if err := decode(w, r, &request); err != nil {
		return err
	}
	return done(w, s.Registry.SetAddress(r.Context(), visitOf(r).actor, of, request.Record))
}

// postAddressRemove forgets it.
func (s *server) postAddressRemove(w http.ResponseWriter, r *http.Request) error {
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	return done(w, s.Registry.RemoveAddress(r.Context(), visitOf(r).actor, of))
}
