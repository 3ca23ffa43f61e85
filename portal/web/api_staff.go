package web

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/dispatch"
	"valise/portal/registry"
)

func (s *server) getMailboxes(w http.ResponseWriter, r *http.Request) error {
	directory, err := s.Registry.Directory(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	mailboxes := make([]api.Mailbox, len(directory))
	for i, m := range directory {
		mailboxes[i] = wireMailbox(m)
	}
	return writeJSON(w, http.StatusOK, mailboxes)
}

// postMailboxes keeps a new representative, and its mailbox when that is new.
func (s *server) postMailboxes(w http.ResponseWriter, r *http.Request) error {
	var request api.Issue
	if err := decode(w, r, &request); err != nil {
		return err
	}
	number, err := crypto.ParseRepresentative(request.Representative)
	if err != nil {
		return portal.Errorf(portal.Invalid, "invalid-number", "Field \"representative\": %v.", err)
	}
	if err := s.Registry.Issue(r.Context(), visitOf(r).actor, registry.Issuance{
		Representative: number, Profile: request.Profile, Certificate: []byte(request.Certificate),
		Salt: request.Salt, Verifier: request.Verifier, LockedBundle: request.LockedBundle,
		Label: request.Label, Details: request.Details,
	}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// postRevocation ends a representative's access. That ends their sessions, too, on every node: nobody acts without being looked up.
func (s *server) postRevocation(w http.ResponseWriter, r *http.Request) error {
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	var request api.Revocation
	if err := decode(w, r, &request); err != nil {
		return err
	}
	if err := s.Registry.Revoke(r.Context(), visitOf(r).actor, registry.Revoking{
		Representative: of, Certificate: []byte(request.Certificate), Reason: request.Reason,
	}); err != nil {
		return err
	}
	// It holds already. What is left of the sessions is removed, so that nothing lies about; if that fails, they expire.
	if err := s.Sessions.RevokeHolder(r.Context(), of.String()); err != nil {
		s.Log.Warn("sessions of somebody whose access was ended are still stored, and expire", "kind", int(portal.KindOf(err)))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postNotices keeps a sealed notice until it is approved.
func (s *server) postNotices(w http.ResponseWriter, r *http.Request) error {
	body, err := readJSON(w, r)
	if err != nil {
		return err
	}
	sealed, err := readSubmission(bytes.NewReader(body))
	if err != nil {
		return err
	}
	n, err := s.Dispatch.Submit(r.Context(), visitOf(r).actor, sealed)
	if err != nil {
		return err
	}
	s.draftBecame(r)
	return writeJSON(w, http.StatusCreated, api.Submitted{Notice: n})
}

func (s *server) getStaffNotices(w http.ResponseWriter, r *http.Request) error {
	records, err := s.Dispatch.Notices(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	notices := make([]api.StaffNotice, len(records))
	for i, record := range records {
		notices[i] = wireStaffNotice(record)
	}
	return writeJSON(w, http.StatusOK, notices)
}

// getStaffNotice gives an author or approver everything to open a notice as its recipients will.
func (s *server) getStaffNotice(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	examined, err := s.Dispatch.Examine(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireExamined(examined))
}

// postApproval releases a notice with the second signature.
func (s *server) postApproval(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	var request api.Approval
	if err := decode(w, r, &request); err != nil {
		return err
	}
	approval, err := s.Dispatch.Approve(r.Context(), visitOf(r).actor, n, []byte(request.Signature))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Released{State: approval.State, Released: wireTime(approval.At)})
}

// postNoticeReturn sends a notice that waits for approval back to its author.
func (s *server) postNoticeReturn(w http.ResponseWriter, r *http.Request) error {
	return endNotice(w, r, portal.Returned, s.Dispatch.Return)
}

// postNoticeRecall takes a notice back before its release.
func (s *server) postNoticeRecall(w http.ResponseWriter, r *http.Request) error {
	return endNotice(w, r, portal.Recalled, s.Dispatch.Recall)
}

func endNotice(w http.ResponseWriter, r *http.Request, end portal.NoticeState, do func(context.Context, portal.Actor, crypto.Number, []byte) (time.Time, error)) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	var request api.NoticeReason
	if err := decode(w, r, &request); err != nil {
		return err
	}
	ended, err := do(r.Context(), visitOf(r).actor, n, request.Reason)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.NoticeEnded{State: end, Ended: wireTime(ended)})
}

// getNoticeStanding tells an open page whether somebody else decided.
func (s *server) getNoticeStanding(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	record, err := s.Dispatch.Standing(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.NoticeStanding{
		Notice: record.Number, State: record.State, Submitted: wireTime(record.SubmittedAt),
		Released: wireTimeOrNull(record.ReleasedAt),
		Release:  wireTimeOrNull(record.ReleaseAt), Problem: wireProblem(record.Problem), Ended: wireTimeOrNull(record.EndedAt), EndedBy: record.EndedBy,
	})
}

func (s *server) getStatus(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	status, err := s.fullStatus(r, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, status)
}

// getStaffReceipts gives the receipts of a notice, so that a client can verify all of them: one at a time would take ten thousand questions.
func (s *server) getStaffReceipts(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	after := crypto.Number("")
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = crypto.ParseNumber(text); err != nil {
			return portal.Errorf(portal.Invalid, "invalid-number", "after: %s", portal.Sentence(err))
		}
	}
	notice, receipts, err := s.Dispatch.Receipts(r.Context(), visitOf(r).actor, n, after)
	if err != nil {
		return err
	}
	answer := api.Receipts{
		SignedManifest: wireManifest(notice.Signed),
		Audience:       string(notice.Audience), Receipts: make([]api.MailboxReceipt, len(receipts)),
	}
	for i, a := range receipts {
		answer.Receipts[i] = api.MailboxReceipt{Mailbox: a.Representative.Mailbox, Receipt: string(a.Receipt)}
	}
	if len(receipts) == dispatch.ReceiptsPage {
		answer.Next = receipts[len(receipts)-1].Representative.Mailbox
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (s *server) getStaffAcknowledgement(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	mailbox, err := pathMailbox(r)
	if err != nil {
		return err
	}
	return s.writeReceipt(w, r, visitOf(r).actor, n, mailbox)
}
