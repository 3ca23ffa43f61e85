package web

import (
	"net/http"

	"valise/portal/api"
)

// getNoticeDraftStanding says where a draft of a notice stands, without opening it.
func (s *server) getNoticeDraftStanding(w http.ResponseWriter, r *http.Request) error {
	n, err := pathDraft(r)
	if err != nil {
		return err
	}
	d, err := s.Dispatch.DraftStanding(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.DraftStanding{Draft: d.Draft, Revision: d.Revision, State: "draft", Saved: wireTime(d.SavedAt), SavedBy: d.SavedBy})
}
