package web

import (
	"net/http"

	"valise/portal/publish"
)

// latest is how many statements the first page shows.
const latest = 5

type homePage struct {
	Lines       []archiveLine
	More        bool
	Unavailable bool // the statements can't be read at the moment
}

// getHome is the first page. It looks at no session; and when statements can't be read, either, it still says what it can: whose portal this is,
// and how to know that it is theirs.
func (s *server) getHome(tag string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l := s.pages.publicSpeech(w, r, tag)
		links := s.pages.publicLinks(r, "/", l)
		entries, next, err := s.Publish.Archive(r.Context(), publish.Query{Limit: latest})
		if err != nil {
			f := judge(err)
			t := traceOf(r)
			t.code, t.reference, t.cause = f.code, f.reference, f.cause
			body, err := s.pages.publicBody(l, links, "home", homePage{Unavailable: true})
			if err != nil {
				return err
			}
			writeBytes(w, http.StatusOK, "text/html; charset=utf-8", body)
			return nil
		}
		return s.pages.publicPage(w, r, l, links, "home", homePage{Lines: archiveLines(entries, l.tag), More: next != 0})
	}
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
