package web

import (
	"net/http"

	"valise/portal/api"
	"valise/portal/registry"
)

func (s *server) getMe(w http.ResponseWriter, r *http.Request) error {
	record, err := s.Registry.Me(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	answer, err := wireMe(record)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (s *server) getEnvelopes(w http.ResponseWriter, r *http.Request) error {
	held, err := s.Registry.Envelopes(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireHeldEnvelopes(held))
}

// postClaim moves a representative from the issued key to their own.
func (s *server) postClaim(w http.ResponseWriter, r *http.Request) error {
	var request api.Claim
	if err := decode(w, r, &request); err != nil {
		return err
	}
	if err := s.Registry.Claim(r.Context(), visitOf(r).actor, registry.Claiming{
		Profile: request.Profile, Certificate: []byte(request.Certificate),
		Salt: request.Salt, Verifier: request.Verifier, LockedBundle: request.LockedBundle,
		Envelopes: heldEnvelopes(request.Envelopes),
	}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postLock keeps what a new passphrase locked.
func (s *server) postLock(w http.ResponseWriter, r *http.Request) error {
	var request api.Lock
	if err := decode(w, r, &request); err != nil {
		return err
	}
	if err := s.Registry.ChangeLock(r.Context(), visitOf(r).actor, request.Salt, request.Verifier, request.LockedBundle); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) getCertificates(w http.ResponseWriter, r *http.Request) error {
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	chain, err := s.Registry.Chain(r.Context(), visitOf(r).actor, of)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Chain{Chain: wireChain(chain)})
}
