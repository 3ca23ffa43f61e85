package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// editorPage is what the editor needs to know before anything is opened. Limits are those of crypto, so that the page can say beforehand what would be refused.
type editorPage struct {
	Number    crypto.Number // of what is edited; "" for a new statement
	Kind      crypto.StatementKind
	Of        crypto.Number // what is corrected or withdrawn; "" for an original
	State     publish.State // of what is edited; "" for a new one
	Required  []languageLink
	Others    []languageLink // that can be added
	Topics    []string       // those used before, the last first
	Zone      string         // the institution's; "" for none
	Author    bool           // whoever looks may submit
	Approvers int            // how many others could approve it
	Notaries  int            // how many could publish it at a set minute
	Limits    editorLimits
}

type editorLimits struct {
	Title, Reason, Topic     int   // characters
	Text, Line               int   // bytes
	Lines, Languages         int   // how many
	Attachments              int   // how many
	AttachmentsSize          int64 // bytes
	AttachmentsSizeMegabytes int64
}

var limitsOfStatements = editorLimits{
	Title: crypto.MaxSubject, Reason: crypto.MaxReason, Topic: crypto.MaxTopic, Text: crypto.MaxText, Line: crypto.MaxStatementLine,
	Lines:     crypto.MaxStatementLines - 200, // the header needs some
	Languages: crypto.MaxLanguages, Attachments: crypto.MaxAttachments,
	AttachmentsSize: crypto.MaxAttachmentsSize, AttachmentsSizeMegabytes: crypto.MaxAttachmentsSize >> 20,
}

// momentFields are the fields of a moment in a page; Hint is the id of what describes them.
type momentFields struct {
	View         *view
	Prefix, Hint string
}

// getNewStatement is the editor for what isn't saved yet: a new statement, or a version that corrects or withdraws a published one. Nothing is kept
// by asking for it.
func (s *server) getNewStatement(w http.ResponseWriter, r *http.Request) error {
	if err := mayWrite(visitOf(r).actor); err != nil {
		return err
	}
	page := editorPage{Kind: crypto.StatementOriginal}
	values := r.URL.Query()
	var err error
	if kind := values.Get("kind"); kind != "" {
		if page.Kind, err = crypto.ParseStatementKind(kind); err != nil {
			return portal.Errorf(portal.Invalid, "invalid-kind", "A statement is new, or it corrects or withdraws another. Begin from the list of statements.")
		}
	}
	if page.Kind != crypto.StatementOriginal {
		if page.Of, err = parseStatement(values.Get("of")); err != nil {
			return err
		}
		working, err := s.workedOn(r, page.Of)
		if err != nil {
			return err
		}
		if working {
			http.Redirect(w, r, newsroomPath+"/"+string(page.Of)+"/edit", http.StatusSeeOther)
			return nil
		}
		if err := s.mayFollow(r.Context(), page.Of); err != nil {
			return err
		}
	}
	return s.writeEditor(w, r, page)
}

// getEditor is the editor for what was saved before.
func (s *server) getEditor(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	work, err := s.Publish.Standing(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return s.writeEditor(w, r, editorPage{Number: n, State: work.State})
}

func mayWrite(a portal.Actor) error {
	if a.Has(crypto.RoleAuthor) || a.Has(crypto.RoleApprover) {
		return nil
	}
	return portal.Errorf(portal.Forbidden, "author-only", "This takes the role author or approver, which the institution's root did not give you.")
}

// workedOn says whether there is a draft of a statement already.
func (s *server) workedOn(r *http.Request, n crypto.Number) (bool, error) {
	_, err := s.Publish.Standing(r.Context(), visitOf(r).actor, n)
	if portal.KindOf(err) == portal.NotFound {
		return false, nil
	}
	return err == nil, err
}

// mayFollow says why no version can follow what is published, if none can.
func (s *server) mayFollow(ctx context.Context, n crypto.Number) error {
	versions, err := s.Publish.Statement(ctx, n)
	if err != nil {
		return err
	}
	if versions[len(versions)-1].Kind == crypto.StatementWithdrawal {
		return portal.Errorf(portal.Conflict, "withdrawn", "This statement was withdrawn, so nothing follows it. Write a new one.")
	}
	return nil
}

func (s *server) writeEditor(w http.ResponseWriter, r *http.Request, page editorPage) error {
	actor := visitOf(r).actor
	page.Limits, page.Zone = limitsOfStatements, s.Institution.Zone
	page.Author = actor.Has(crypto.RoleAuthor)
	for _, tag := range s.Institution.Languages {
		page.Required = append(page.Required, languageLink{Tag: tag, Name: nameOfLanguage(tag)})
	}
	page.Others = otherLanguages(s.Institution.Languages)
	var err error
	if page.Topics, err = s.topics(r.Context()); err != nil {
		return err
	}
	if page.Approvers, page.Notaries, err = s.whoElse(r.Context(), actor); err != nil {
		return err
	}
	return s.pages.render(w, r, http.StatusOK, "editor", page)
}

// topics are those of the hundred newest statements, each once.
func (s *server) topics(ctx context.Context) (topics []string, err error) {
	entries, _, err := s.Publish.Archive(ctx, publish.Query{Limit: publish.MaxPage})
	for _, e := range entries {
		if !slices.Contains(topics, e.Topic) {
			topics = append(topics, e.Topic)
		}
	}
	return topics, err
}

// whoElse counts who could approve what an actor submits, and who could publish it at a set minute.
func (s *server) whoElse(ctx context.Context, actor portal.Actor) (approvers, notaries int, err error) {
	certificates, err := s.Registry.Staff(ctx)
	if err != nil {
		return 0, 0, err
	}
	me := actor.Staff()
	for _, c := range certificates {
		member, err := s.Root.VerifyStaff(c, s.Now())
		switch {
		case err != nil: // has left
		case member.Has(crypto.RoleNotary):
			notaries++
		case member.Has(crypto.RoleApprover) && c.Fingerprint() != me.Certificate().Fingerprint() && !strings.EqualFold(member.Name(), me.Name()):
			approvers++
		}
	}
	return approvers, notaries, nil
}

// offered are languages that are offered by name; any other can be added by its tag. Those of the United Nations come first.
var offered = []string{
	"ar", "zh", "en", "fr", "ru", "es",
	"am", "bn", "cs", "da", "de", "el", "fa", "fi", "ha", "he", "hi", "hr", "hu", "hy", "id", "it", "ja", "ka", "ko", "ku", "ln", "mk", "ms", "my", "nl", "no",
	"pl", "ps", "pt", "rn", "ro", "rw", "sg", "sk", "so", "sq", "sr", "sv", "sw", "th", "ti", "tr", "uk", "ur", "vi", "zu",
}

func otherLanguages(required []string) (links []languageLink) {
	for _, tag := range offered {
		if !slices.ContainsFunc(required, func(have string) bool { return strings.EqualFold(have, tag) }) {
			links = append(links, languageLink{Tag: language.Make(tag).String(), Name: nameOfLanguage(tag)})
		}
	}
	return links
}
