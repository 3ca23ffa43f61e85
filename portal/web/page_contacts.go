package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
)

// What the page of a released notice says of how its mailboxes were told of it beside the portal, and what staff can do about those that don't answer.

// mailboxTold is that of one mailbox: what the portal knows. The script puts what is signed in its place, with the notes.
type mailboxTold struct {
	Notice, Mailbox crypto.Number
	May             bool // who looks may chase it
	Awaited         bool
	Reminded        *time.Time
	Contact         *contactTold
}

type contactTold struct {
	Way     crypto.ContactWay
	Outcome crypto.ContactOutcome
	Time    time.Time
	By      string // name
}

// chasing is that of all mailboxes.
type chasing struct {
	Notice           crypto.Number
	May              bool
	Awaited, Overdue int
	Done             *chased // what was just done; nil: nothing
}

// chased counts what a reminder did.
type chased struct{ Reminded, Lately, Answered int }

// Ways are the ways of a contact, in the order in which they are offered.
func (chasing) Ways() []crypto.ContactWay { return crypto.ContactWays() }

// Outcomes are those of a contact, likewise.
func (chasing) Outcomes() []crypto.ContactOutcome { return crypto.ContactOutcomes() }

// toldRow is what the templates "dispatch-told" and "dispatch-chase" get; chasingRow is for "dispatch-chasing" and "dispatch-contact".
type (
	toldRow struct {
		View *view
		Told mailboxTold
	}
	chasingRow struct {
		View    *view
		Chasing chasing
	}
)

// chases says whether staff record contacts, and remind.
func chases(actor portal.Actor) bool {
	return actor.Has(crypto.RoleAuthor) || actor.Has(crypto.RoleApprover) || actor.Has(crypto.RoleRegistrar)
}

// chase adds it to a page of a released notice.
func (s *server) chase(r *http.Request, page *dispatchNoticePage, status *dispatch.Status, names nameBook) error {
	actor := visitOf(r).actor
	told, err := s.Dispatch.Told(r.Context(), actor, page.Number)
	if err != nil {
		return err
	}
	page.Chasing = chasing{Notice: page.Number, May: chases(actor), Overdue: page.Overdue, Done: chasedBefore(r.URL.Query())}
	awaited := map[crypto.Number]bool{}
	for _, m := range status.Mailboxes {
		if status.Awaited(m) {
			awaited[m.Mailbox] = true
		}
	}
	page.Chasing.Awaited = len(awaited)
	for i := range page.Lines {
		line := &page.Lines[i]
		line.Told = toldOf(page.Number, line.Mailbox, page.Chasing.May, awaited[line.Mailbox], told[line.Mailbox], names)
	}
	return nil
}

func toldOf(notice, mailbox crypto.Number, may, awaited bool, t portal.Told, names nameBook) mailboxTold {
	shown := mailboxTold{Notice: notice, Mailbox: mailbox, May: may, Awaited: awaited}
	if !t.RemindedAt.IsZero() {
		at := t.RemindedAt.UTC()
		shown.Reminded = &at
	}
	if c := t.Contact; c != nil {
		shown.Contact = &contactTold{Way: c.Way, Outcome: c.Outcome, Time: c.Time, By: names.of(c.By)}
	}
	return shown
}

// postRemind reminds mailboxes, from a form of the page: it takes no script, as it takes no key.
func (s *server) postRemind(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	values, err := form(w, r)
	if err != nil {
		return err
	}
	which := values.Get("which")
	whom := dispatch.Reminding{Overdue: which == "overdue", Awaited: which == "awaited"}
	for _, text := range values["mailbox"] {
		mailbox, err := crypto.ParseNumber(strings.TrimSpace(text))
		if err != nil || !mailbox.Kind().Mailbox() {
			return portal.Errorf(portal.Invalid, "invalid-number", "That is no mailbox's number; one starts with S, O or I.")
		}
		whom.Mailboxes = append(whom.Mailboxes, mailbox)
	}
	done, err := s.Dispatch.Remind(r.Context(), visitOf(r).actor, n, whom)
	if err != nil {
		return err
	}
	next := fmt.Sprintf("%s/%s?chased=%d-%d-%d", noticesPath, n, len(done.Reminded), len(done.Lately), len(done.Answered))
	http.Redirect(w, r, next+"#chased", http.StatusSeeOther)
	return nil
}

// chasedBefore reads what postRemind says to the page behind it; nil when it says nothing that can be understood.
func chasedBefore(q url.Values) *chased {
	parts := strings.Split(q.Get("chased"), "-")
	counts := make([]int, len(parts))
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > crypto.MaxAudience {
			return nil
		}
		counts[i] = n
	}
	if len(counts) != 3 || slices.Max(counts) == 0 && q.Get("chased") != "0-0-0" {
		return nil
	}
	return &chased{counts[0], counts[1], counts[2]}
}
