package web

import (
	"bytes"
	"net/http"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/session"
)

// getNotices lists a mailbox. Listing is not opening.
func (s *server) getNotices(w http.ResponseWriter, r *http.Request) error {
	deliveries, err := s.Dispatch.Mailbox(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	notices := make([]api.Notice, len(deliveries))
	for i, d := range deliveries {
		notices[i] = wireNotice(d)
	}
	return writeJSON(w, http.StatusOK, notices)
}

// getNotice marks a notice opened and hands out its body, with the nonce that the acknowledgement must carry.
func (s *server) getNotice(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		return s.headNotice(w, r, n, "application/json")
	}
	delivery, body, nonce, err := s.open(w, r, n)
	if err != nil {
		return err
	}
	notice := wireNotice(delivery)
	notice.Nonce, notice.Body = nonce, body
	notice.Personal, notice.PersonalEnvelope = delivery.Personal, delivery.PersonalKey
	return writeJSON(w, http.StatusOK, notice)
}

// getMessage is getNotice for other OpenPGP programs: envelope ‖ body is a complete message.
func (s *server) getMessage(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	const contentType = "application/pgp-encrypted"
	if r.Method == http.MethodHead {
		return s.headNotice(w, r, n, contentType)
	}
	delivery, body, _, err := s.open(w, r, n)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(n)+`.asc"`)
	writeBytes(w, http.StatusOK, contentType, crypto.ArmorMessage(crypto.Message(delivery.Envelope, body)))
	return nil
}

// headNotice answers HEAD, which hands out no body and so opens nothing.
func (s *server) headNotice(w http.ResponseWriter, r *http.Request, n crypto.Number, contentType string) error {
	if _, err := s.Dispatch.Peek(r.Context(), visitOf(r).actor, n); err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	return nil
}

// open fetches a notice for good: it is marked opened, and the session remembers that it fetched it.
func (s *server) open(w http.ResponseWriter, r *http.Request, n crypto.Number) (portal.Delivery, []byte, string, error) {
	delivery, body, err := s.Dispatch.Open(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return portal.Delivery{}, nil, "", err
	}
	nonce, err := s.fetched(w, r, n)
	return delivery, body, nonce, err
}

// fetched returns the nonce for acknowledging a notice in this session: the one that it has, or a new one.
func (s *server) fetched(w http.ResponseWriter, r *http.Request, n crypto.Number) (string, error) {
	if nonce := visitOf(r).session.Fetched[n]; nonce != "" {
		return nonce, nil
	}
	fresh := crypto.NewNonce()
	state, err := s.Sessions.Update(w, r, func(state *session.State) {
		if state.Fetched[n] != "" { // another request of this session was faster
			return
		}
		if state.Fetched == nil {
			state.Fetched = make(map[crypto.Number]string)
		}
		state.Fetched[n] = fresh
	})
	if err != nil {
		return "", err
	}
	return state.Fetched[n], nil
}

var errNotFetched = portal.Errorf(portal.Conflict, "not-fetched", "Open the notice in this session first; then it can be acknowledged.")

func (s *server) getNonce(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	nonce := visitOf(r).session.Fetched[n]
	if nonce == "" {
		return errNotFetched
	}
	return writeJSON(w, http.StatusOK, api.Nonce{Nonce: nonce})
}

// postAcknowledgement keeps a receipt; what it confirms is on disk.
func (s *server) postAcknowledgement(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	var request api.Receipt
	if err := decode(w, r, &request); err != nil {
		return err
	}
	kept, created, err := s.acknowledge(r, n, []byte(request.Receipt))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return writeJSON(w, status, api.ReceivedReceipt{Received: wireTime(kept.ReceivedAt), Receipt: string(kept.Receipt)})
}

// acknowledge hands a receipt to dispatch with the nonce that this session gave out. A session that gave none out may only repeat, to the byte,
// what was kept before: the answer to the first try may have been lost together with its session.
func (s *server) acknowledge(r *http.Request, n crypto.Number, receipt []byte) (a portal.AcknowledgementRecord, created bool, err error) {
	v := visitOf(r)
	if nonce := v.session.Fetched[n]; nonce != "" {
		return s.Dispatch.Acknowledge(r.Context(), v.actor, n, receipt, nonce)
	}
	person, _ := v.actor.Representative()
	kept, err := s.Dispatch.Receipt(r.Context(), v.actor, n, person.Mailbox)
	switch {
	case err == nil && bytes.Equal(kept.Receipt, receipt):
		return kept, false, nil
	case err == nil || portal.KindOf(err) == portal.NotFound:
		return portal.AcknowledgementRecord{}, false, errNotFetched
	}
	return portal.AcknowledgementRecord{}, false, err
}

// getAcknowledgement gives the mailbox's receipt, to the byte.
func (s *server) getAcknowledgement(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	person, _ := actor.Representative()
	return s.writeReceipt(w, r, actor, n, person.Mailbox)
}

func (s *server) writeReceipt(w http.ResponseWriter, r *http.Request, actor portal.Actor, n, mailbox crypto.Number) error {
	kept, err := s.Dispatch.Receipt(r.Context(), actor, n, mailbox)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(n)+`-acknowledgement.asc"`)
	writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", kept.Receipt)
	return nil
}

// getManifest gives what author and approver signed, to recipients and staff.
func (s *server) getManifest(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	signed, err := s.Dispatch.Manifest(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireManifest(signed))
}
