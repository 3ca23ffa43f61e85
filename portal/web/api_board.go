package web

import (
	"net/http"
	"strings"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

// listedNotices reads "of" in the query: numbers, with commas between them.
func listedNotices(r *http.Request) ([]crypto.Number, error) {
	var notices []crypto.Number
	for text := range strings.SplitSeq(r.URL.Query().Get("of"), ",") {
		if text == "" {
			continue
		}
		n, err := crypto.ParseNumber(text)
		if err != nil || n.Kind() != crypto.KindNotice {
			return nil, portal.Errorf(portal.Invalid, "invalid-number", "\"of\" is a list of notices' numbers, with commas between them.")
		}
		notices = append(notices, n)
	}
	return notices, nil
}

// getBoard says how far the notices of an open list have come.
func (s *server) getBoard(w http.ResponseWriter, r *http.Request) error {
	notices, err := listedNotices(r)
	if err != nil {
		return err
	}
	lines, stamp, err := s.Dispatch.Watching(r.Context(), visitOf(r).actor, notices)
	if err != nil {
		return err
	}
	board := api.Board{Stamp: stamp, Notices: make([]api.BoardNotice, len(lines))}
	for i, l := range lines {
		n := api.BoardNotice{Notice: l.Notice.Number, Acknowledge: l.Manifest.Acknowledge, Tally: wireTally(l.Tally, l.Overdue)}
		for _, part := range tallyBar(l.Tally, l.Manifest.Acknowledge, l.Overdue) {
			n.Bar = append(n.Bar, api.BarPart{State: part.State, Count: part.Count})
		}
		board.Notices[i] = n
	}
	return writeJSON(w, http.StatusOK, board)
}

// getHeadings gives the sealed subjects of notices to who can open them.
func (s *server) getHeadings(w http.ResponseWriter, r *http.Request) error {
	notices, err := listedNotices(r)
	if err != nil {
		return err
	}
	headed, err := s.Dispatch.Headings(r.Context(), visitOf(r).actor, notices)
	if err != nil {
		return err
	}
	wire := make([]api.StaffNotice, len(headed))
	for i, h := range headed {
		wire[i] = wireStaffNotice(h.Notice)
		wire[i].Headings, wire[i].Envelope, wire[i].Suite = h.Notice.Headings, h.Envelope.Data, h.Envelope.Suite
	}
	return writeJSON(w, http.StatusOK, wire)
}
