package web

import "net/http"

// getClaim is the page of a mailbox's first use. What is typed there stays in the browser, so it is the same for everybody.
func (s *server) getClaim(w http.ResponseWriter, r *http.Request) error {
	return s.pages.render(w, r, http.StatusOK, "claim", nil)
}
