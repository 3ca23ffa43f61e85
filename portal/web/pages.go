package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/templates"
)

// pages is what the HTML pages need beyond the server: templates, catalogues, assets. It is read once, so that a mistake stops the start
// and not a reader.
type pages struct {
	institution portal.Institution
	origin      string
	secure      bool // cookies
	root        *crypto.Certificate
	now         func() time.Time
	languages   *languages
	assets      assets
	reader      *readerFile                   // nil: it was not built
	client      string                        // crypto.ClientManifest.ClientSHA256 of what is served
	sets        map[string]*template.Template // by page
}

// scriptOf is which script each page loads; the others load frame.js, which does what every page needs.
var scriptOf = map[string]string{
	"compose": "compose.js", "dispatch": "dispatch.js", "dispatch_notice": "dispatch-notice.js", "factor": "factor.js", "staff_account": "staff-account.js", "staff_people": "staff-people.js",
	"staff_login": "staff-login.js", "staff_home": "staff-home.js", "newsroom": "newsroom.js", "editor": "editor.js", "review": "review.js",
	"verify": "verify.js", "registry": "registry.js", "registry_mailbox": "registry-mailbox.js", "registry_issue": "registry-issue.js", "registry_groups": "registry-groups.js",
	"thread": "thread.js", "thread_desk": "thread.js", "thread_list": "thread-list.js", "thread_inbox": "thread-list.js",
	"login": "login.js", "claim": "claim.js", "mailbox": "mailbox.js", "notice": "notice.js", "mailbox_statement": "mailbox-statement.js", "account": "account.js",
}

func newPages(p *Portal) (*pages, error) {
	g := &pages{
		institution: p.Institution, origin: p.Origin, secure: !p.InsecureHTTP, root: p.Root.Certificate(), now: p.Now,
		sets: make(map[string]*template.Template),
	}
	var err error
	if g.languages, err = readLanguages(); err != nil {
		return nil, err
	}
	if g.assets, err = readAssets(); err != nil {
		return nil, err
	}
	g.reader = g.assets.reader()
	client, err := g.assets.client()
	if err != nil {
		return nil, err
	}
	g.client = client.ClientSHA256()
	if g.assets[wasmAsset] == nil || g.assets[deskAsset] == nil {
		p.Log.Warn("built without the browser's half: neither mailboxes nor the staff's desk can be opened in a browser; build with: make build")
	}
	return g, g.parse()
}

// parse makes a set of templates for each page: the page itself, with layout and parts around it.
func (g *pages) parse() error {
	functions := template.FuncMap{
		"asset":    g.assets.address,
		"rows":     func(v *view, notices []noticeLine) noticeRows { return noticeRows{v, notices} },
		"desk":     func(v *view, line deskLine) deskRow { return deskRow{v, line} },
		"lines":    func(v *view, lines []archiveLine) archiveRows { return archiveRows{v, lines} },
		"told":     func(v *view, t mailboxTold) toldRow { return toldRow{v, t} },
		"chasing":  func(v *view, c chasing) chasingRow { return chasingRow{v, c} },
		"progress": func(v *view, line progressLine) progressRow { return progressRow{v, line} },
		"board":    func(v *view, line boardLine) boardRow { return boardRow{v, line} },
		"drafted":  func(v *view, line draftLine) draftRow { return draftRow{v, line} },
		"threads":  func(v *view, rows []threadRow) threadRows { return threadRows{v, rows} },
		"moment":   func(v *view, prefix, hint string) momentFields { return momentFields{v, prefix, hint} },
	}
	around, err := template.New("layout").Funcs(functions).Option("missingkey=error").ParseFS(templates.Pages, "pages/layout.html", "pages/parts*.html")
	if err != nil {
		return err
	}
	files, err := fs.Glob(templates.Pages, "pages/*.html")
	if err != nil {
		return err
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || strings.HasPrefix(name, "parts") {
			continue
		}
		set, err := around.Clone()
		if err != nil {
			return err
		}
		if g.sets[name], err = set.ParseFS(templates.Pages, file); err != nil {
			return err
		}
	}
	return nil
}

// view is what a page's template gets.
type view struct {
	*spoken
	Page        string
	Script      string // "" for none
	Public      bool   // the same for everybody
	Desk        bool   // a page of staff
	Institution string
	Origin      string
	Contact     []string
	Languages   []languageLink
	Holder      string      // who is logged in; "" nobody, or it isn't known on this page
	Staff       *staffFrame // who is logged in, when it is staff
	IdleSeconds int         // until the session ends by itself
	Data        any         // the page's own

	root   *crypto.Certificate
	assets assets
}

type languageLink struct {
	Tag, Name, Link string
	Current         bool
}

// WASM is the address of the browser's half that the page loads; "" when it wasn't built. The calls of the verify page, and of those on which representatives write, are in
// the larger one.
func (v *view) WASM() (string, error) {
	if v.Desk || v.Page == "verify" || v.Page == "thread" || v.Page == "thread_list" {
		return v.assets.address(deskAsset)
	}
	return v.assets.address(wasmAsset)
}

// Language is the tag of the interface language.
func (v *view) Language() string { return v.tag }

// Direction is "ltr" or "rtl".
func (v *view) Direction() string { return v.direction }

// In is the address of a public page in the interface language: "/" the first one.
func (v *view) In(path string) string { return inPath(v.tag, path) }

// wordy are pages whose scripts have many words of their own, which begin with the page's name: they are on that page only, and on those whose names go on behind
// an underscore.
var wordy = []string{"claim", "compose", "editor", "review", "dispatch", "registry", "thread"}

// Words are the messages that scripts show; only staff see why somebody's certificate is refused (policy-…), and what went wrong with what they alone do (desk-…). A notice is written in the editor's parts, and with its words.
func (v *view) Words() []word {
	return slices.DeleteFunc(slices.Clone(v.scripts), func(w word) bool {
		page, _, _ := strings.Cut(w.Key, "-")
		on := v.Page == page || strings.HasPrefix(v.Page, page+"_") || v.Page == "compose" && page == "editor"
		return !on && slices.Contains(wordy, page) || (page == "policy" || page == "desk") && !v.Desk
	})
}

// T says a message; pairs are names and values that it has gaps for. An unknown key is an error, which stops the page.
func (v *view) T(key string, pairs ...any) (string, error) {
	data := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return "", fmt.Errorf("message %s: %v is no name", key, pairs[i])
		}
		data[name] = pairs[i+1]
	}
	return v.say(key, data, nil)
}

// Own says a message of the page's own, whose keys begin with its name, for parts that several pages have.
func (v *view) Own(key string, pairs ...any) (string, error) { return v.T(v.Page+"."+key, pairs...) }

// TN says a message about a number of things.
func (v *view) TN(key string, count int) (string, error) {
	return v.say(key, map[string]any{"PluralCount": count}, count)
}

// RootFingerprint is in groups of four, as on paper.
func (v *view) RootFingerprint() []string { return strings.Fields(v.root.Fingerprint().Spaced()) }

// RootHex is without spaces, for a command line.
func (v *view) RootHex() string { return string(v.root.Fingerprint()) }

// RootSHA256 is in groups of eight, as on paper.
func (v *view) RootSHA256() []string { return groups(v.root.PublicKeySHA256(), 8) }

func groups(text string, size int) []string {
	var list []string
	for len(text) > size {
		list, text = append(list, text[:size]), text[size:]
	}
	return append(list, text)
}

// render answers with a page.
func (g *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	v := g.view(w, r, name, data)
	page, err := g.execute(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Language", v.Language())
	writeBytes(w, status, "text/html; charset=utf-8", page)
	return nil
}

// execute writes a page.
func (g *pages) execute(v *view) ([]byte, error) {
	set := g.sets[v.Page]
	if set == nil {
		return nil, fmt.Errorf("there is no page %s", v.Page)
	}
	var page bytes.Buffer
	err := set.ExecuteTemplate(&page, "layout", v)
	return page.Bytes(), err
}

// viewIn is what a page in a language gets, whoever reads it.
func (g *pages) viewIn(l *spoken, name string, data any) *view {
	v := &view{
		spoken: l, Page: name, Script: "frame.js", Origin: g.origin, Institution: g.institution.NameIn(l.tag),
		Contact: g.institution.Contact, Data: data, root: g.root, assets: g.assets,
	}
	if script := scriptOf[name]; script != "" {
		v.Script = script
	}
	return v
}

func (g *pages) view(w http.ResponseWriter, r *http.Request, name string, data any) *view {
	v := g.viewIn(g.languages.pick(w, r, g.secure), name, data)
	v.Desk = isDesk(r.URL.Path)
	for _, tag := range g.languages.tags {
		l := g.languages.spoken[tag.String()]
		name, err := l.say("name", nil, nil)
		if err != nil {
			name = l.tag
		}
		v.Languages = append(v.Languages, languageLink{Tag: l.tag, Name: name, Link: inLanguage(r, l.tag), Current: l == v.spoken})
	}
	if visit := traceOf(r).visit; visit != nil {
		v.Holder = visit.session.Holder
		v.Staff = frameOf(visit.actor)
		v.IdleSeconds = max(0, int(visit.session.IdleExpires().Sub(g.now()).Seconds()))
	}
	return v
}

// inLanguage is the address of the same page in another language.
func inLanguage(r *http.Request, tag string) string {
	query := r.URL.Query()
	query.Set("lang", tag)
	return (&url.URL{Path: r.URL.Path, RawQuery: query.Encode()}).String()
}

// form reads what a page's form sends, within the route's limit. Line ends come out as LF.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, refuse(http.StatusUnsupportedMediaType, "unsupported-media-type", "Send the form as the page has it.")
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, portal.Errorf(portal.Invalid, "invalid-form", "The form can't be read; send it again.")
	}
	for _, list := range values {
		for i := range list {
			list[i] = strings.ReplaceAll(list[i], "\r\n", "\n")
		}
	}
	return values, nil
}

// again is for an error that the person can mend: the page is shown once more with it, and with what they typed. Others are for the frame.
func (s *server) again(r *http.Request, err error) (f failure, ok bool) {
	var refused *refusal
	if !errors.As(err, &refused) {
		switch portal.KindOf(err) {
		case portal.Invalid, portal.Unauthenticated, portal.Conflict, portal.TooMany:
		default:
			return failure{}, false
		}
	}
	f = judge(err)
	if f.code == defaultCodes[portal.Unauthenticated] || f.code == "no-session" {
		return failure{}, false
	}
	traceOf(r).code = f.code
	return f, true
}

// localPath is a path on this portal to go on to, or the mailbox for anything else. A browser takes "//host" and "/\host" for another
// site.
func localPath(wanted string) string {
	u, err := url.Parse(wanted)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(wanted, "/") || strings.HasPrefix(wanted, "//") ||
		strings.ContainsAny(wanted, "\\\t\r\n") || strings.HasPrefix(u.Path, "/login") {
		return "/mailbox"
	}
	return wanted
}
