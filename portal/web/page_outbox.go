package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/courier"
)

// outboxPath is where staff see what goes by e-mail.
const outboxPath = deskPath + "/outbox"

type outboxPage struct {
	Notice crypto.Number // "": of all
	State  courier.State // "": in any
	States []courier.State
	Lines  []outboxLine
	More   bool // there are more than are shown
	Retry  bool // the reader may have what is dead tried again
	Note   bool // something was just now
}

// outboxLine is a message that goes to a representative.
type outboxLine struct {
	courier.Entry
	At time.Time // when it was settled, or is looked at next
}

// Path is the representative's number in an address.
func (l outboxLine) Path() string {
	return string(l.Notice) + "/" + strings.Replace(l.Representative.String(), "/", ".", 1)
}

// getOutboxPage lists it, what could not be sent first, with why and what to do. It needs no script: nothing in it is sealed, and nothing is known of where mail goes.
func (s *server) getOutboxPage(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	page := outboxPage{State: courier.State(query.Get("state")), States: []courier.State{courier.Dead, courier.Waiting, courier.Sent, courier.Cancelled}, Note: query.Get("note") == "retried"}
	if text := query.Get("notice"); text != "" {
		n, err := crypto.ParseNumber(text)
		if err != nil || n.Kind() != crypto.KindNotice {
			return portal.Errorf(portal.Invalid, "invalid-number", "That is no notice's number; one starts with N.")
		}
		page.Notice = n
	}
	actor := visitOf(r).actor
	entries, err := s.Mail.List(r.Context(), actor, page.Notice, page.State)
	if err != nil {
		return err
	}
	page.More = len(entries) == courier.MaxOutbox
	for _, e := range entries {
		line := outboxLine{e, e.NextAt}
		if !e.SettledAt.IsZero() {
			line.At = e.SettledAt
		}
		page.Lines = append(page.Lines, line)
	}
	page.Retry = slices.ContainsFunc([]crypto.Role{crypto.RoleRegistrar, crypto.RoleAuthor, crypto.RoleApprover}, actor.Has)
	return s.pages.render(w, r, http.StatusOK, "outbox", page)
}

// postOutboxPageRetry has what could not be sent tried again, and shows the list.
func (s *server) postOutboxPageRetry(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	if err := s.Mail.Retry(r.Context(), visitOf(r).actor, n, of); err != nil {
		return err
	}
	http.Redirect(w, r, outboxPath+"?note=retried", http.StatusSeeOther)
	return nil
}
