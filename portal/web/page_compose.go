package web

import (
	"net/http"
	"regexp"

	"valise/crypto"
	"valise/portal"
)

const composePath = noticesPath + "/new"

// composePage is what the page on which a notice is written needs to know before anything is opened. Limits are those of crypto, so that the page can say beforehand what would be
// refused.
type composePage struct {
	Draft     string // the number of what was saved before; "" for a new one
	Required  []languageLink
	Others    []languageLink // that can be added
	Zone      string         // the institution's; "" for none
	Author    bool           // whoever looks may seal and submit
	Approvers int            // how many others could approve it
	Limits    composeLimits
	Reminders int // at most

	institution portal.Institution
	templates   []NoticeTemplate
}

// Choices are what a notice can begin with, for who reads in a language.
func (p composePage) Choices(tag string) ([]templateChoice, error) {
	return noticeChoices(p.templates, p.institution, tag)
}

type composeLimits struct {
	Subject                  int   // characters
	Text                     int   // bytes
	Languages, Attachments   int   // how many
	AttachmentsSize          int64 // bytes
	AttachmentsSizeMegabytes int64
}

var limitsOfNotices = composeLimits{
	Subject: crypto.MaxSubject, Text: crypto.MaxText, Languages: crypto.MaxLanguages, Attachments: crypto.MaxAttachments,
	AttachmentsSize: crypto.MaxAttachmentsSize, AttachmentsSizeMegabytes: crypto.MaxAttachmentsSize >> 20,
}

// draftID is how the address of a draft is written; whether there is such a one, the browser asks.
var draftID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// getCompose is the page on which a notice is written. Nothing is kept by asking for it.
func (s *server) getCompose(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	if err := mayWrite(actor); err != nil {
		return err
	}
	page := composePage{Draft: r.PathValue("draft"), Zone: s.Institution.Zone, Author: actor.Has(crypto.RoleAuthor), Limits: limitsOfNotices, Reminders: crypto.MaxReminders,
		institution: s.Institution, templates: s.NoticeTemplates}
	if page.Draft != "" && !draftID.MatchString(page.Draft) {
		return notFound(w, r)
	}
	for _, tag := range s.Institution.Languages {
		page.Required = append(page.Required, languageLink{Tag: tag, Name: nameOfLanguage(tag)})
	}
	page.Others = otherLanguages(s.Institution.Languages)
	var err error
	if page.Approvers, _, err = s.whoElse(r.Context(), actor); err != nil {
		return err
	}
	return s.pages.render(w, r, http.StatusOK, "compose", page)
}
