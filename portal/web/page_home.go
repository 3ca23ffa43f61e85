package web

import "net/http"

// getHome is the first page. It looks at no session, so it is there when nothing else is.
func (s *server) getHome(w http.ResponseWriter, r *http.Request) error {
	return s.pages.render(w, r, http.StatusOK, "home", nil)
}

// getRoot gives the root certificate as a file.
func (s *server) getRoot(w http.ResponseWriter, r *http.Request) error {
	writeFile(w, "root.asc", "application/pgp-keys", []byte(s.Root.Certificate().Armor()))
	return nil
}

// writeFile answers with something to save.
func writeFile(w http.ResponseWriter, name, mediaType string, data []byte) {
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	writeBytes(w, http.StatusOK, mediaType, data)
}
