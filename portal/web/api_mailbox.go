package web

import (
	"net/http"

	"valise/crypto"
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

// postClaim moves a representative from the issued key to their own. Sessions that were begun with the issued key end with it, but for this one.
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
	own, err := crypto.ParseCertificate([]byte(request.Certificate))
	if err == nil {
		err = s.Sessions.GoOnWith(w, r, own.Fingerprint())
	}
	s.goesOn(r, err)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// goesOn writes down why a session can't go on that has just changed what it was begun with. What was changed stays so, and is said to be: whoever is in this session logs in again.
func (s *server) goesOn(r *http.Request, err error) {
	if err == nil {
		return
	}
	f, t := judge(err), traceOf(r)
	t.code, t.reference, t.cause = f.code, f.reference, f.cause
}

// postLock keeps what a new passphrase locked. Who came in with the old one is out.
func (s *server) postLock(w http.ResponseWriter, r *http.Request) error {
	var request api.Lock
	if err := decode(w, r, &request); err != nil {
		return err
	}
	if err := s.Registry.ChangeLock(r.Context(), visitOf(r).actor, request.Salt, request.Verifier, request.LockedBundle); err != nil {
		return err
	}
	s.goesOn(r, s.Sessions.EndOthers(w, r))
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
