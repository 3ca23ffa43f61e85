package web

import "net/http"

// pages is what the HTML pages need beyond the server: their templates. STUB: the pages' author replaces this file.
type pages struct{}

// newPages reads templates and assets once, so that a mistake in them stops the start and not a reader.
func newPages(p *Portal) (*pages, error) { return &pages{}, nil }

// failure is the page that says what went wrong.
func (p *pages) failure(w http.ResponseWriter, r *http.Request, f failure) {
	writeBytes(w, f.status, "text/plain; charset=utf-8", []byte(f.message+"\n"))
}
