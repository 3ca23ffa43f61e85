package web

import (
	"bytes"
	"html/template"
	"net/http"
	"slices"

	"valise/crypto"
	"valise/templates"
)

// The registry's pages show nothing that the server could read: names are sealed, and what holds of a chain the reader's own client says. So they are frames, which
// the scripts fill in.
const registryPath = deskPath + "/mailboxes"

type registryPage struct {
	Mailbox   crypto.Number // "": all of them, or a new one
	Registrar bool
	Groups    bool          // are for the reader
	Letter    template.HTML // of the page that issues: the letter, with empty places
}

// getRegistry lists the mailboxes.
func (s *server) getRegistry(w http.ResponseWriter, r *http.Request) error {
	return s.registryPage(w, r, "registry", registryPage{})
}

// getRegistryMailbox shows one, with its representatives; registrars end their access here.
func (s *server) getRegistryMailbox(w http.ResponseWriter, r *http.Request) error {
	n, err := pathMailbox(r)
	if err != nil {
		return err
	}
	return s.registryPage(w, r, "registry_mailbox", registryPage{Mailbox: n})
}

func (s *server) registryPage(w http.ResponseWriter, r *http.Request, name string, page registryPage) error {
	actor := visitOf(r).actor
	if err := s.Registry.MayRead(r.Context(), actor); err != nil {
		return err
	}
	page.Registrar = actor.Has(crypto.RoleRegistrar)
	page.Groups = page.Registrar || actor.Has(crypto.RoleAuthor) || actor.Has(crypto.RoleApprover)
	return s.pages.render(w, r, http.StatusOK, name, page)
}

// getRegistryGroups lists the named audiences; registrars change them here.
func (s *server) getRegistryGroups(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	if err := s.Registry.MayReadGroups(r.Context(), actor); err != nil {
		return err
	}
	return s.pages.render(w, r, http.StatusOK, "registry_groups", registryPage{Registrar: actor.Has(crypto.RoleRegistrar)})
}

// getRegistryIssue is where a registrar issues a key and prints its letter: to somebody with a new mailbox, or to one more of an old one.
func (s *server) getRegistryIssue(w http.ResponseWriter, r *http.Request) error {
	if err := s.Registry.MayIssue(r.Context(), visitOf(r).actor); err != nil {
		return err
	}
	page := registryPage{Registrar: true}
	if asked := r.URL.Query().Get("mailbox"); asked != "" {
		r.SetPathValue("mailbox", asked)
		var err error
		if page.Mailbox, err = pathMailbox(r); err != nil {
			return err
		}
	}
	var err error
	if page.Letter, err = s.emptyLetter(); err != nil {
		return err
	}
	return s.pages.render(w, r, http.StatusOK, "registry_issue", page)
}

// emptyLetter is the letter with empty places (span[data-letter]): what belongs there, the server must not see.
type emptyLetter struct {
	Languages, Names     []letterText
	Addressee, Contact   []template.HTML
	Date, Origin, Number template.HTML
	Code                 []template.HTML
	Fingerprint, SHA256  []template.HTML
	QR                   template.HTML
}

type letterText struct{ Tag, Text string }

// NameIn returns the institution's name in a language.
func (l *emptyLetter) NameIn(tag string) string {
	i := slices.IndexFunc(l.Names, func(n letterText) bool { return n.Tag == tag })
	return l.Names[max(i, 0)].Text
}

func place(name string) template.HTML {
	return template.HTML(`<span data-letter="` + template.HTMLEscapeString(name) + `"></span>`)
}

func (s *server) emptyLetter() (template.HTML, error) {
	groups := func(name string, n int) []template.HTML { return slices.Repeat([]template.HTML{place(name)}, n) }
	root := s.Root.Certificate()
	l := &emptyLetter{
		Addressee: groups("addressee", 2), Contact: groups("contact", 1), Date: place("date"), Origin: place("origin"), Number: place("number"), Code: groups("code", 6),
		Fingerprint: groups("fingerprint", len(root.Fingerprint())/4), SHA256: groups("sha256", 8), QR: place("qr"),
	}
	for _, tag := range s.Institution.Languages {
		if tag == "en" || tag == "fr" { // what the letter is written in
			l.Languages, l.Names = append(l.Languages, letterText{Tag: tag}), append(l.Names, letterText{tag, s.Institution.NameIn(tag)})
		}
	}
	if len(l.Languages) == 0 {
		l.Languages, l.Names = []letterText{{Tag: "en"}}, []letterText{{"en", s.Institution.NameIn("en")}}
	}
	type label struct {
		Letter *emptyLetter
		Key    string
	}
	t, err := template.New("page").Funcs(template.FuncMap{"dict": func(l *emptyLetter, key string) label { return label{l, key} }}).Parse(templates.Letter)
	if err != nil {
		return "", err
	}
	var body bytes.Buffer
	err = t.ExecuteTemplate(&body, "letter", l)
	return template.HTML(body.String()), err
}
