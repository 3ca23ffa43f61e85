package web

import (
	"net/http"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

// getStaffPersonal gives an author or approver what a notice says to each mailbox alone, in the very bytes that recipients get.
func (s *server) getStaffPersonal(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	personal, err := s.Dispatch.PersonalParts(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	answer := api.PersonalParts{PersonalKey: personal.Key, PersonalParts: make([]api.PersonalPart, len(personal.Parts))}
	for i, p := range personal.Parts {
		answer.PersonalParts[i] = api.PersonalPart(p)
	}
	return writeJSON(w, http.StatusOK, answer)
}

// getPersonal is getMessage for the personal part of the mailbox: a second complete message.
func (s *server) getPersonal(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	const contentType = "application/pgp-encrypted"
	if r.Method == http.MethodHead {
		return s.headNotice(w, r, n, contentType)
	}
	delivery, _, _, err := s.open(w, r, n)
	if err != nil {
		return err
	}
	if len(delivery.Personal) == 0 {
		return errNoPersonal
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(n)+`-personal.asc"`)
	writeBytes(w, http.StatusOK, contentType, crypto.ArmorMessage(crypto.Message(delivery.PersonalKey, delivery.Personal)))
	return nil
}

var errNoPersonal = portal.Errorf(portal.NotFound, "no-personal", "The notice says the same to everybody: it has no part for your mailbox alone.")
