package web

import (
	"context"
	"net/http"
	"slices"

	"valise/crypto"
	"valise/portal/publish"
)

// latest is how many statements the first page shows.
const latest = 5

type homePage struct {
	Promise     string
	Incident    *incident
	Lines       []archiveLine
	More        bool
	Unavailable bool // the statements can't be read at the moment
}

// incident is what goes on now: the statement that it began with, and what was said last.
type incident struct {
	Began archiveLine
	Last  *archiveLine // nil when nothing followed
	Count int          // of its statements
}

// getHome is the first page. It looks at no session; and when statements can't be read, either, it still says what it can: whose portal this is,
// and how to know that it is theirs.
func (s *server) getHome(tag string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l := s.pages.publicSpeech(w, r, tag)
		links := s.pages.publicLinks(r, "/", l)
		page := homePage{Promise: s.Institution.PromiseIn(l.tag)}
		entries, next, err := s.Publish.Archive(r.Context(), publish.Query{Limit: latest})
		if err == nil {
			page.Lines, page.More = archiveLines(entries, l.tag), next != 0
			page.Incident, err = s.incident(r.Context(), entries, l.tag)
		}
		if err != nil {
			f := judge(err)
			t := traceOf(r)
			t.code, t.reference, t.cause = f.code, f.reference, f.cause
			body, err := s.pages.publicBody(l, links, "home", homePage{Promise: page.Promise, Unavailable: true})
			if err != nil {
				return err
			}
			writeBytes(w, http.StatusOK, "text/html; charset=utf-8", body)
			return nil
		}
		return s.pages.publicPage(w, r, l, links, "home", page)
	}
}

// incident finds what goes on now: the incident that the institution pinned, or, of those that more than one statement belongs to, the one about which something was
// said last. newest are the newest statements.
func (s *server) incident(ctx context.Context, newest []publish.Entry, tag string) (*incident, error) {
	if s.Institution.Pinned != "" {
		return s.incidentOf(ctx, s.Institution.Pinned, 1, tag)
	}
	for _, e := range newest {
		began := e.Series
		if began == "" {
			began = e.Statement // others may have followed it, and it was corrected since
		}
		if now, err := s.incidentOf(ctx, began, 2, tag); now != nil || err != nil {
			return now, err
		}
	}
	return nil, nil
}

// incidentOf is the one that began with a statement; nil when fewer statements than asked for belong to it.
func (s *server) incidentOf(ctx context.Context, began crypto.Number, least int, tag string) (*incident, error) {
	entries, _, err := s.Publish.Archive(ctx, publish.Query{Series: began, Limit: publish.MaxPage})
	if err != nil || len(entries) < least {
		return nil, err
	}
	first := slices.IndexFunc(entries, func(e publish.Entry) bool { return e.Statement == began })
	if first < 0 { // further back than a page reaches
		return nil, nil
	}
	now := &incident{Began: archiveLineOf(entries[first], tag), Count: len(entries)}
	if last := archiveLineOf(entries[0], tag); last.Number != began || last.Kind != crypto.StatementOriginal {
		now.Last = &last
	}
	return now, nil
}

// getRoot gives the root certificate as a file.
func (s *server) getRoot(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Disposition", `attachment; filename="root.asc"`)
	writePublic(w, r, "application/pgp-keys", []byte(s.Root.Certificate().Armor()))
	return nil
}

// writeFile answers with something to save.
func writeFile(w http.ResponseWriter, name, mediaType string, data []byte) {
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	writeBytes(w, http.StatusOK, mediaType, data)
}
