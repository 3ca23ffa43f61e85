package web

import (
	"net/http"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/session"
)

// postLogInStart gives a text to sign. An unknown number gets one too, of the same shape, with a salt that stays the same.
func (s *server) postLogInStart(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressLogInStart); err != nil {
		return err
	}
	var request api.LogInStart
	if err := decode(w, r, &request); err != nil {
		return err
	}
	challenge, err := s.challenge(r, request.As)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, challenge)
}

// challenge makes a log-in text with a fresh nonce; the page for people without JavaScript shows the same.
func (s *server) challenge(r *http.Request, as string) (*api.LogInChallenge, error) {
	canonical, salt, err := s.Registry.Salt(r.Context(), as)
	if err != nil {
		return nil, err
	}
	nonce, err := s.Challenges.New(r.Context(), canonical)
	if err != nil {
		return nil, err
	}
	now := s.Now().UTC().Truncate(time.Second)
	text, err := (&crypto.LogIn{Origin: s.Origin, As: canonical, Nonce: nonce, Time: now}).Encode()
	if err != nil {
		return nil, err
	}
	return &api.LogInChallenge{
		Origin: s.Origin, As: canonical, Nonce: nonce, Time: now, Expires: now.Add(session.NonceLifetime), Salt: salt, Text: string(text),
	}, nil
}

// postLogInUnlock hands out a locked key for one half of what its passphrase gives.
func (s *server) postLogInUnlock(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressUnlock); err != nil {
		return err
	}
	var request api.Unlock
	if err := decode(w, r, &request); err != nil {
		return err
	}
	as, err := canonicalHolder(request.As)
	if err != nil {
		return err
	}
	if err := s.Limiter.Allow(r.Context(), perHolderUnlock, as); err != nil {
		return err
	}
	locked, state, err := s.Registry.Unlock(r.Context(), as, request.LogInSecret)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Unlocked{LockedBundle: locked, State: state})
}

// canonicalHolder respells a representative's number or a staff fingerprint, so that limits count all spellings as one.
func canonicalHolder(as string) (string, error) {
	if f, err := crypto.ParseFingerprint(as); err == nil {
		return string(f), nil
	}
	number, err := crypto.ParseRepresentative(as)
	if err != nil {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no representative's number: %v.", err)
	}
	return number.String(), nil
}

// postLogIn begins a session for who signed the log-in text.
func (s *server) postLogIn(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressLogIn); err != nil {
		return err
	}
	var request api.LogIn
	if err := decode(w, r, &request); err != nil {
		return err
	}
	answer, err := s.logIn(w, r, request.As, []byte(request.SignedText))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

// logIn verifies the proof, takes its nonce, and only then begins a session. The nonce is taken after the signature held: else anybody could burn
// other people's.
func (s *server) logIn(w http.ResponseWriter, r *http.Request, as string, signedText []byte) (*api.LoggedIn, error) {
	as, err := canonicalHolder(as)
	if err != nil {
		return nil, err
	}
	proof, err := s.Registry.VerifyLogIn(r.Context(), signedText, s.Origin)
	if err != nil {
		return nil, err
	}
	holder := proof.Actor().Holder()
	if holder != as && holder != portal.StaffHolder(crypto.Fingerprint(as)) {
		return nil, portal.Errorf(portal.Unauthenticated, "other-signer", "The signed text is somebody else's. Ask for a new one and sign that.")
	}
	fresh, err := s.Challenges.Take(r.Context(), as, proof.Nonce())
	if err != nil {
		return nil, err
	}
	if !fresh {
		return nil, portal.Errorf(portal.Unauthenticated, "nonce-used", "This log-in text is older than two minutes or was used already. Ask for a new one and sign that.")
	}
	if err := s.Registry.RecordLogIn(r.Context(), proof); err != nil {
		return nil, err
	}
	complete, err := s.keySuffices(r.Context(), proof.Actor())
	if err != nil {
		return nil, err
	}
	state, err := s.Sessions.Start(w, r, holder, proof.Key(), complete)
	if err != nil {
		return nil, err
	}
	return &api.LoggedIn{Holder: holder, State: proof.State(), Share: state.BrowserShare, Complete: state.Complete}, nil
}
