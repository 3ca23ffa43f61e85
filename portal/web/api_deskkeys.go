package web

import (
	"net/http"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/registry"
)

// getDeskKeys gives the desk's certificates for mail programs, and the records of their keys that are for who asks.
func (s *server) getDeskKeys(w http.ResponseWriter, r *http.Request) error {
	keys, err := s.Registry.DeskKeys(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	answer := api.DeskKeys{Keys: make([]api.DeskKey, len(keys))}
	for i, k := range keys {
		wire := api.DeskKey{
			Fingerprint: k.Certificate.Fingerprint(), Certificate: k.Certificate.Armor(), Published: k.Published,
			Shares: []api.DeskKeyShare{}, Lacking: append([]string{}, k.Lacking...), Former: append([]string{}, k.Former...),
		}
		for _, share := range k.Shares {
			wire.Shares = append(wire.Shares, api.DeskKeyShare{By: share.By, Record: share.Record})
		}
		answer.Keys[i] = wire
	}
	return writeJSON(w, http.StatusOK, answer)
}

// postDeskKeyShares keeps records of such a key for members of the desk.
func (s *server) postDeskKeyShares(w http.ResponseWriter, r *http.Request) error {
	of, err := crypto.ParseFingerprint(r.PathValue("fingerprint"))
	if err != nil {
		return portal.Errorf(portal.Invalid, "invalid-fingerprint", "That is no fingerprint of a certificate: %v.", err)
	}
	var request api.ShareDeskKey
	if err := decode(w, r, &request); err != nil {
		return err
	}
	shares := make([]registry.DeskKeyShare, len(request.Shares))
	for i, share := range request.Shares {
		shares[i] = registry.DeskKeyShare{Holder: share.Holder, Record: share.Record}
	}
	return done(w, s.Registry.ShareDeskKey(r.Context(), visitOf(r).actor, of, shares, []byte(request.Signed)))
}
