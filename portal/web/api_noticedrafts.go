package web

import (
	"net/http"
	"strconv"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/dispatch"
)

func wireNoticeDraft(d dispatch.NoticeDraft) api.NoticeDraft {
	return api.NoticeDraft{Draft: d.Draft, Revision: d.Revision, Saved: wireTime(d.SavedAt), SavedBy: d.SavedBy, Record: d.Record}
}

func pathDraft(r *http.Request) (crypto.Number, error) {
	return draftNumber(r.PathValue("draft"))
}

func draftNumber(text string) (crypto.Number, error) {
	n, err := crypto.ParseNumber(text)
	if err != nil || n.Kind() != crypto.KindNotice {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no number of a notice's draft; one starts with N.")
	}
	return n, nil
}

// getNoticeDrafts gives all drafts of notices, sealed as they are.
func (s *server) getNoticeDrafts(w http.ResponseWriter, r *http.Request) error {
	drafts, err := s.Dispatch.NoticeDrafts(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	wire := make([]api.NoticeDraft, len(drafts))
	for i, d := range drafts {
		wire[i] = wireNoticeDraft(d)
	}
	return writeJSON(w, http.StatusOK, wire)
}

func (s *server) getNoticeDraft(w http.ResponseWriter, r *http.Request) error {
	n, err := pathDraft(r)
	if err != nil {
		return err
	}
	d, err := s.Dispatch.NoticeDraft(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireNoticeDraft(d))
}

// putNoticeDraft keeps a draft's next revision.
func (s *server) putNoticeDraft(w http.ResponseWriter, r *http.Request) error {
	n, err := pathDraft(r)
	if err != nil {
		return err
	}
	var request api.SaveNoticeDraft
	if err := decode(w, r, &request); err != nil {
		return err
	}
	saved, err := s.Dispatch.SaveNoticeDraft(r.Context(), visitOf(r).actor, dispatch.NoticeDraft{Draft: n, Revision: request.Revision, Record: request.Record, Files: request.Files})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.SavedNoticeDraft{Revision: request.Revision, Saved: wireTime(saved)})
}

func (s *server) postNoticeDraftDiscard(w http.ResponseWriter, r *http.Request) error {
	n, err := pathDraft(r)
	if err != nil {
		return err
	}
	var request api.DiscardNoticeDraft
	if err := decode(w, r, &request); err != nil {
		return err
	}
	return done(w, s.Dispatch.DiscardNoticeDraft(r.Context(), visitOf(r).actor, n, request.Revision))
}

// putNoticeDraftFile keeps a sealed file; what it confirms is on disk.
func (s *server) putNoticeDraftFile(w http.ResponseWriter, r *http.Request) error {
	n, err := pathDraft(r)
	if err != nil {
		return err
	}
	sealed, err := readSealedFile(w, r)
	if err != nil {
		return err
	}
	return done(w, s.Dispatch.AttachToDraft(r.Context(), visitOf(r).actor, n, r.PathValue("id"), sealed))
}

func (s *server) getNoticeDraftFile(w http.ResponseWriter, r *http.Request) error {
	n, err := pathDraft(r)
	if err != nil {
		return err
	}
	sealed, err := s.Dispatch.DraftFile(r.Context(), visitOf(r).actor, n, r.PathValue("id"))
	if err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, "application/octet-stream", sealed)
	return nil
}

// draftBecame removes the draft that the query of a submission names: ?draft=N-…&revision=3. The notice is submitted by then: that is what the answer says, whatever
// becomes of the draft.
func (s *server) draftBecame(r *http.Request) {
	query := r.URL.Query()
	n, err := draftNumber(query.Get("draft"))
	if err != nil {
		return
	}
	revision, err := strconv.Atoi(query.Get("revision"))
	if err != nil {
		return
	}
	if err := s.Dispatch.DraftBecame(r.Context(), visitOf(r).actor, n, revision); err != nil {
		s.Log.Warn("the draft of a submitted notice is still there", "kind", int(portal.KindOf(err)))
	}
}
