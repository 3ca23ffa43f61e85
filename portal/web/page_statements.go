package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// archiveLine is a statement in a list, in the reader's language if it exists in that.
type archiveLine struct {
	Number    crypto.Number
	Version   int
	Kind      crypto.StatementKind
	Topic     string
	Title     string
	Reason    string
	Language  string
	Direction string
	Link      string
	First     time.Time
	Published time.Time
	Languages []languageLink
}

// archiveRows are lines with the view, for the template that lists them.
type archiveRows struct {
	*view
	Lines []archiveLine
}

func archiveLineOf(e publish.Entry, tag string) archiveLine {
	title := titleIn(e, tag)
	line := archiveLine{
		Number: e.Statement, Version: e.Version, Kind: e.Kind, Topic: e.Topic, Title: title.Title, Reason: title.Reason, Language: title.Language,
		Direction: directionOf(title.Language), Link: statementAddress(e.Statement, title.Language), First: e.FirstAt, Published: e.PublishedAt,
	}
	for _, t := range e.Titles {
		line.Languages = append(line.Languages, languageLink{Tag: t.Language, Name: nameOfLanguage(t.Language), Link: statementAddress(e.Statement, t.Language), Current: t.Language == title.Language})
	}
	return line
}

// titleIn is an entry's title in a language, or the authoritative one.
func titleIn(e publish.Entry, tag string) publish.Title {
	if i := slices.IndexFunc(e.Titles, func(t publish.Title) bool { return t.Language == tag }); i >= 0 {
		return e.Titles[i]
	}
	return e.Titles[0]
}

func archiveLines(entries []publish.Entry, tag string) []archiveLine {
	lines := make([]archiveLine, len(entries))
	for i, e := range entries {
		lines[i] = archiveLineOf(e, tag)
	}
	return lines
}

// archivePage is what the archive shows, and what was asked of it.
type archivePage struct {
	Query, Topic, Language, From, To string
	Asked                            bool // for something in particular
	More                             bool // fields beyond the text are in use
	Later                            bool // not the first page
	Languages                        []languageLink
	Lines                            []archiveLine
	Next, First                      string // addresses; "" for none
	Problem                          string
	Foreign                          bool // the problem is told in English in a page that isn't
}

// getArchivePage searches the archive, page by page.
func (s *server) getArchivePage(tag string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l := s.pages.publicSpeech(w, r, tag)
		values := archiveValues(r)
		page := s.askedOfArchive(values)
		path := r.URL.EscapedPath()
		if tag != negotiated {
			path = strings.TrimPrefix(path, "/"+tag)
		}
		links := s.pages.publicLinks(r, path, l)
		q, err := archiveQuery(values)
		var entries []publish.Entry
		var next publish.Place
		if err == nil {
			q.Limit = publish.DefaultPage
			entries, next, err = s.Publish.Archive(r.Context(), q)
		}
		if err != nil {
			f, ok := s.again(r, err)
			if !ok {
				return err
			}
			page.Problem, page.Foreign = l.failure(f)
			body, err := s.pages.publicBody(l, links, "statements", page)
			if err != nil {
				return err
			}
			writeBytes(w, f.status, "text/html; charset=utf-8", body)
			return nil
		}
		page.Lines = archiveLines(entries, l.tag)
		if next != 0 {
			page.Next = archiveAddress(l.tag, values, strconv.FormatInt(int64(next), 10))
		}
		if page.Later {
			page.First = archiveAddress(l.tag, values, "")
		}
		return s.pages.publicPage(w, r, l, links, "statements", page)
	}
}

func (s *server) askedOfArchive(v url.Values) archivePage {
	page := archivePage{Query: v.Get("q"), Topic: v.Get("topic"), Language: v.Get("language"), From: v.Get("from"), To: v.Get("to"), Later: v.Get("before") != ""}
	page.More = page.Topic != "" || page.Language != "" || page.From != "" || page.To != ""
	page.Asked = page.More || page.Query != ""
	for _, tag := range s.Institution.Languages {
		page.Languages = append(page.Languages, languageLink{Tag: tag, Name: nameOfLanguage(tag), Current: tag == page.Language})
	}
	return page
}

// archiveValues is what is asked of the archive. A topic, and which page it is, may also stand in the path: such an address is one that a static copy of the portal has, too.
func archiveValues(r *http.Request) url.Values {
	values := r.URL.Query()
	for name, in := range map[string]string{"topic": "topic", "before": "place"} {
		if value := r.PathValue(in); value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// archiveAddress is that of another page of the same question.
func archiveAddress(tag string, values url.Values, before string) string {
	address := inPath(tag, "/statements")
	rest := asked(values, before)
	topic := values.Get("topic")
	bare := make(url.Values)
	for name, value := range map[string]string{"topic": topic, "before": before} {
		if value != "" {
			bare.Set(name, value)
		}
	}
	if rest != bare.Encode() {
		return address + "?" + rest
	}
	if topic != "" {
		address += "/topic/" + url.PathEscape(topic)
	}
	if before != "" {
		address += "/before/" + before
	}
	return address
}

// asked is the same question for another page.
func asked(v url.Values, before string) string {
	again := make(url.Values)
	for _, name := range []string{"q", "topic", "language", "from", "to"} {
		if value := v.Get(name); value != "" {
			again.Set(name, value)
		}
	}
	if before != "" {
		again.Set("before", before)
	}
	return again.Encode()
}

// ------------------------------------------------------------------ incidents

type seriesPage struct {
	Number crypto.Number
	Title  archiveLine   // of the statement that it began with
	Lines  []archiveLine // in the order in which they were first published
	More   bool          // there are more than these, the newest
}

// getSeriesPage shows an incident as it went on: the statement that it began with, and all that followed.
func (s *server) getSeriesPage(tag string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		n, err := pathStatement(r)
		if err != nil {
			return err
		}
		l := s.pages.publicSpeech(w, r, tag)
		entries, next, err := s.Publish.Archive(r.Context(), publish.Query{Series: n, Limit: publish.MaxPage})
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return portal.Errorf(portal.NotFound, "no-statement", "There is no published statement with this number. Check it, or search the archive.")
		}
		slices.SortStableFunc(entries, func(a, b publish.Entry) int { return a.FirstAt.Compare(b.FirstAt) })
		page := seriesPage{Number: n, Lines: archiveLines(entries, l.tag), More: next != 0}
		page.Title = page.Lines[0]
		return s.pages.publicPage(w, r, l, s.pages.publicLinks(r, "/series/"+string(n), l), "series", page)
	}
}
