package web

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// Feeds of the newest statements, for each language in which the institution publishes, and for each topic: Atom (RFC 4287) and JSON Feed 1.1. A
// correction or withdrawal brings its statement to the top again, under the same id.

const (
	atomType     = "application/atom+xml; charset=utf-8"
	jsonFeedType = "application/feed+json; charset=utf-8"
	jsonFeedForm = "https://jsonfeed.org/version/1.1"

	// maxInFeed is the size in bytes of the longest text that a feed holds in full; of longer ones it has the beginning.
	maxInFeed = 32 << 10
)

// feed is what both forms are made of.
type feed struct {
	title, institution, language string
	home, self                   string
	updated                      time.Time
	entries                      []feedEntry
}

type feedEntry struct {
	address, title, topic, content, signed string
	published, updated                     time.Time
	files                                  []feedFile
}

// feedFile is an attachment.
type feedFile struct {
	address, mediaType, name string
	size                     int64
}

// getFeed serves "en.atom" or "en.json".
func (s *server) getFeed(w http.ResponseWriter, r *http.Request) error {
	tag, ending, _ := strings.Cut(r.PathValue("file"), ".")
	write := map[string]func(http.ResponseWriter, *http.Request, feed) error{"atom": writeAtom, "json": writeJSONFeed}[ending]
	if write == nil || !s.publishesIn(tag) {
		return notFound(w, r)
	}
	f, err := s.feed(r.Context(), tag, r.PathValue("topic"))
	if portal.KindOf(err) == portal.Invalid { // no topic is called so, and no feed of ours what somebody writes into its address
		return notFound(w, r)
	}
	if err != nil {
		return err
	}
	f.self = s.Origin + r.URL.EscapedPath()
	w.Header().Set("Content-Language", tag)
	return write(w, r, f)
}

// publishesIn says whether there are feeds in a language.
func (s *server) publishesIn(tag string) bool {
	return slices.Contains(s.Institution.Languages, tag) || s.pages.languages.spoken[tag] != nil
}

func (s *server) feed(ctx context.Context, tag, topic string) (f feed, err error) {
	l := s.pages.speech(tag)
	entries, _, err := s.Publish.Archive(ctx, publish.Query{Language: tag, Topic: topic})
	if err != nil {
		return f, err
	}
	f = feed{institution: s.Institution.NameIn(tag), language: tag, home: s.Origin + inPath(l.tag, "/statements"), updated: time.Unix(0, 0).UTC()}
	title, err := l.say("statements.title", nil, nil)
	if err != nil {
		return f, err
	}
	f.title = f.institution + " – " + title
	if topic != "" {
		f.title += " – " + topic
		f.home += "/topic/" + url.PathEscape(topic)
	}
	for _, e := range entries {
		entry, err := s.feedEntry(ctx, l, e, tag)
		if err != nil {
			return f, err
		}
		f.entries = append(f.entries, entry)
		if e.PublishedAt.After(f.updated) {
			f.updated = e.PublishedAt
		}
	}
	return f, nil
}

func (s *server) feedEntry(ctx context.Context, l *spoken, e publish.Entry, tag string) (entry feedEntry, err error) {
	title := titleIn(e, tag)
	address := s.Origin + statementAddress(e.Statement, title.Language)
	entry = feedEntry{
		address: address, title: title.Title, topic: e.Topic, published: e.FirstAt, updated: e.PublishedAt,
		signed: fmt.Sprintf("%s%s/%d/%s.txt", s.Origin, statementAddress(e.Statement), e.Version, title.Language),
	}
	if e.Kind != crypto.StatementOriginal {
		kind, err := l.say("statement.kind."+string(e.Kind), nil, nil)
		if err != nil {
			return entry, err
		}
		entry.title = kind + ": " + title.Title
		entry.content = "<p><strong>" + html.EscapeString(title.Reason) + "</strong></p>\n"
	}
	p, err := s.published(ctx, e.Statement)
	if err != nil {
		return entry, err
	}
	text := p.version(0).Text(title.Language)
	if text == nil { // a newer version came meanwhile, and is in other languages
		return entry, nil
	}
	for _, a := range text.Attachments {
		served, _ := servedType(a.Type)
		mediaType, _, _ := strings.Cut(served, ";")
		entry.files = append(entry.files, feedFile{s.Origin + fileAddress(e.Statement, p.newest(), a.Name), mediaType, a.Name, a.Size})
	}
	body, err := statementHTML(text.Body)
	if err != nil {
		return entry, err
	}
	if len(body) > maxInFeed {
		entry.content += "<p>" + html.EscapeString(beginningOf(body, 1000)) + "</p>"
		return entry, nil
	}
	entry.content += string(body)
	return entry, nil
}

// ------------------------------------------------------------------ Atom

type atomFeed struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Language string      `xml:"xml:lang,attr"`
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Updated  string      `xml:"updated"`
	Author   atomPerson  `xml:"author"`
	Links    []atomLink  `xml:"link"`
	Entries  []atomEntry `xml:"entry"`
}

type atomPerson struct {
	Name string `xml:"name"`
}

type atomLink struct {
	Relation string `xml:"rel,attr"`
	Type     string `xml:"type,attr,omitempty"`
	Address  string `xml:"href,attr"`
	Title    string `xml:"title,attr,omitempty"`
	Length   int64  `xml:"length,attr,omitempty"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

type atomEntry struct {
	ID        string       `xml:"id"`
	Title     string       `xml:"title"`
	Published string       `xml:"published"`
	Updated   string       `xml:"updated"`
	Category  atomCategory `xml:"category"`
	Links     []atomLink   `xml:"link"`
	Content   atomText     `xml:"content"`
}

func writeAtom(w http.ResponseWriter, r *http.Request, f feed) error {
	a := atomFeed{
		Language: f.language, ID: f.self, Title: f.title, Updated: f.updated.Format(time.RFC3339), Author: atomPerson{f.institution},
		Links: []atomLink{{Relation: "self", Type: "application/atom+xml", Address: f.self}, {Relation: "alternate", Type: "text/html", Address: f.home}},
	}
	for _, e := range f.entries {
		links := []atomLink{{Relation: "alternate", Type: "text/html", Address: e.address}, {Relation: "related", Type: "text/plain", Address: e.signed}}
		for _, file := range e.files {
			links = append(links, atomLink{"enclosure", file.mediaType, file.address, file.name, file.size})
		}
		a.Entries = append(a.Entries, atomEntry{
			ID: e.address, Title: e.title, Published: e.published.Format(time.RFC3339), Updated: e.updated.Format(time.RFC3339), Category: atomCategory{e.topic},
			Links: links, Content: atomText{"html", e.content},
		})
	}
	return writePublicXML(w, r, atomType, a)
}

func writePublicXML(w http.ResponseWriter, r *http.Request, mediaType string, document any) error {
	body, err := xml.MarshalIndent(document, "", " ")
	if err != nil {
		return err
	}
	writePublic(w, r, mediaType, slices.Concat([]byte(xml.Header), body, []byte("\n")))
	return nil
}

// ------------------------------------------------------------------ JSON Feed

type jsonFeed struct {
	Version  string       `json:"version"`
	Title    string       `json:"title"`
	HomePage string       `json:"home_page_url"`
	Self     string       `json:"feed_url"`
	Language string       `json:"language"`
	Authors  []jsonAuthor `json:"authors"`
	Items    []jsonItem   `json:"items"`
}

type jsonAuthor struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

type jsonItem struct {
	ID          string           `json:"id"`
	URL         string           `json:"url"`
	Title       string           `json:"title"`
	HTML        string           `json:"content_html"`
	Published   time.Time        `json:"date_published"`
	Modified    time.Time        `json:"date_modified"`
	Tags        []string         `json:"tags"`
	Language    string           `json:"language"`
	Attachments []jsonAttachment `json:"attachments"` // the clear-signed text, and the files
}

type jsonAttachment struct {
	URL       string `json:"url"`
	MediaType string `json:"mime_type"`
	Title     string `json:"title,omitempty"`
	Size      int64  `json:"size_in_bytes,omitempty"`
}

func writeJSONFeed(w http.ResponseWriter, r *http.Request, f feed) error {
	j := jsonFeed{
		Version: jsonFeedForm, Title: f.title, HomePage: f.home, Self: f.self, Language: f.language, Authors: []jsonAuthor{{Name: f.institution, URL: f.home}},
		Items: make([]jsonItem, len(f.entries)),
	}
	for i, e := range f.entries {
		attachments := []jsonAttachment{{URL: e.signed, MediaType: "text/plain"}}
		for _, file := range e.files {
			attachments = append(attachments, jsonAttachment{file.address, file.mediaType, file.name, file.size})
		}
		j.Items[i] = jsonItem{
			ID: e.address, URL: e.address, Title: e.title, HTML: e.content, Published: e.published.Truncate(time.Second), Modified: e.updated.Truncate(time.Second), Tags: []string{e.topic},
			Language: f.language, Attachments: attachments,
		}
	}
	body, err := json.Marshal(j)
	if err != nil {
		return err
	}
	writePublic(w, r, jsonFeedType, body)
	return nil
}

// ------------------------------------------------------------------ for search engines

// maxInSitemap is how many statements the sitemap names, the newest; older ones are found from the archive's pages.
const maxInSitemap = 1000

type sitemap struct {
	XMLName   xml.Name      `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	Addresses []sitemapLine `xml:"url"`
}

type sitemapLine struct {
	Address  string `xml:"loc"`
	Modified string `xml:"lastmod,omitempty"`
}

func (s *server) getSitemap(w http.ResponseWriter, r *http.Request) error {
	var m sitemap
	for _, tag := range s.pages.languages.tags {
		for _, path := range []string{"/", "/statements", "/certificates", "/verify"} {
			m.Addresses = append(m.Addresses, sitemapLine{Address: s.Origin + inPath(tag.String(), path)})
		}
	}
	q := publish.Query{Limit: publish.MaxPage}
	for range maxInSitemap / publish.MaxPage {
		entries, next, err := s.Publish.Archive(r.Context(), q)
		if err != nil {
			return err
		}
		for _, e := range entries {
			for _, t := range e.Titles {
				m.Addresses = append(m.Addresses, sitemapLine{s.Origin + statementAddress(e.Statement, t.Language), e.PublishedAt.Format(time.RFC3339)})
			}
		}
		if q.Before = next; next == 0 {
			break
		}
	}
	return writePublicXML(w, r, "application/xml; charset=utf-8", m)
}

// getRobots keeps search engines to what is public. It is no protection, and isn't meant as one.
func (s *server) getRobots(w http.ResponseWriter, r *http.Request) error {
	writePublic(w, r, "text/plain; charset=utf-8", []byte("User-agent: *\nDisallow: /api/\nDisallow: /mailbox\nDisallow: /notices/\nDisallow: /account\nDisallow: /login\nDisallow: /claim\nDisallow: /staff\n\nSitemap: "+s.Origin+"/sitemap.xml\n"))
	return nil
}
