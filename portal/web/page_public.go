package web

import (
	"net/http"
	"net/url"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Public pages are the same for everybody, so that any cache may carry them: they look at no session and no cookie, and set none. The language
// stands in their address; only an address without one is answered by what the browser prefers, and says so (Vary).

// negotiated is the interface language of an address that names none.
const negotiated = ""

// inLanguages makes rows of one page: its own address, which answers in the language that the browser prefers, and one for each interface language
// before it.
func inLanguages(path string, page func(tag string) handler) []route {
	rows := []route{{pattern: "GET " + path, access: anyone, handle: page(negotiated)}}
	if path == "/{$}" {
		path = ""
	}
	for _, tag := range catalogueTags() {
		rows = append(rows, route{pattern: "GET /" + tag + path, access: anyone, handle: page(tag)})
	}
	return rows
}

// publicSpeech is the interface language of a public page: the one in its address, or what the browser prefers.
func (g *pages) publicSpeech(w http.ResponseWriter, r *http.Request, tag string) *spoken {
	if l := g.languages.spoken[tag]; l != nil {
		return l
	}
	varyByLanguage(w)
	return g.languages.preferred(r)
}

// speech is the interface language for a text in some language: that, or English.
func (g *pages) speech(tag string) *spoken {
	if l := g.languages.spoken[tag]; l != nil {
		return l
	}
	return g.languages.spoken[g.languages.tags[0].String()]
}

func varyByLanguage(w http.ResponseWriter) { w.Header().Set("Vary", "Accept-Language") }

// publicLinks are the addresses of a page in the interface languages. path is behind the language, "/" for the first page.
func (g *pages) publicLinks(r *http.Request, path string, current *spoken) (links []languageLink) {
	for _, tag := range g.languages.tags {
		l := g.languages.spoken[tag.String()]
		u := url.URL{Path: inPath(l.tag, path), RawQuery: r.URL.RawQuery}
		links = append(links, languageLink{Tag: l.tag, Name: nameOfLanguage(l.tag), Link: u.String(), Current: l == current})
	}
	return links
}

// inPath puts a language before a path.
func inPath(tag, path string) string {
	if path == "/" {
		path = ""
	}
	return "/" + tag + path
}

// publicPage answers with a page that anybody may keep.
func (g *pages) publicPage(w http.ResponseWriter, r *http.Request, l *spoken, links []languageLink, name string, data any) error {
	body, err := g.publicBody(l, links, name, data)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Language", l.tag)
	writePublic(w, r, "text/html; charset=utf-8", body)
	return nil
}

func (g *pages) publicBody(l *spoken, links []languageLink, name string, data any) ([]byte, error) {
	v := g.viewIn(l, name, data)
	v.Public, v.Languages = true, links
	if name != "home" && name != "verify" {
		v.Script = "" // nothing here needs one
	}
	return g.execute(v)
}

// nameOfLanguage is what its speakers call a language, the tag for one that isn't known here.
func nameOfLanguage(tag string) string {
	name := display.Self.Name(language.Make(tag))
	if name == "" {
		return tag
	}
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// directionOf is "ltr" or "rtl".
func directionOf(tag string) string {
	return direction(language.Make(tag))
}
