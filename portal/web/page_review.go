package web

import (
	"net/http"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// reviewPage is a statement that was submitted, or is approved, as the server knows it: without what it says. The browser opens that.
type reviewPage struct {
	Number    crypto.Number
	State     publish.State // "" once it is published
	Approver  bool          // whoever looks has the role
	By        string        // who did it last
	At        time.Time
	Published string // the address of what is published; "" for nothing
}

// getReview shows a statement to who may approve it, or take it back. What may be done depends on where it stands, so the page looks again by itself.
func (s *server) getReview(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	work, err := s.Publish.Standing(r.Context(), actor, n)
	if err != nil && portal.KindOf(err) != portal.NotFound {
		return err
	}
	page := reviewPage{Number: n, State: work.State, Approver: actor.Has(crypto.RoleApprover)}
	versions, notPublished := s.Publish.Statement(r.Context(), n)
	switch {
	case notPublished == nil:
		page.Published = statementAddress(n)
		page.At = versions[len(versions)-1].PublishedAt
	case portal.KindOf(notPublished) != portal.NotFound:
		return notPublished
	case err != nil:
		return err
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	switch work.State {
	case publish.Submitted:
		page.By, page.At = names.of(work.SubmittedBy), work.SubmittedAt
	case publish.Approved:
		page.By, page.At = names.of(work.ApprovedBy), work.ApprovedAt
	case publish.Draft:
		page.By, page.At = names.of(work.SavedBy), work.SavedAt
	}
	return s.pages.render(w, r, http.StatusOK, "review", page)
}

// About names what is decided on, in keys of messages.
func (reviewPage) About() string { return "statement" }

// Kinds are whom a statement can ask to acknowledge it.
func (reviewPage) Kinds() []string {
	return []string{string(rune(crypto.KindState)), string(rune(crypto.KindOrganisation)), string(rune(crypto.KindIndividual))}
}

// Checks are what the browser has checked of what it shows; keys under "review.check.".
func (reviewPage) Checks() []string {
	return []string{"author", "texts", "root", "follows", "submitted"}
}
