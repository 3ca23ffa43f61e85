package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// deskHome is what a staff member sees first: what waits for them, who is overdue, then what goes on.
type deskHome struct {
	Author    bool
	Waiting   []deskLine  // for this person
	Notices   []boardLine // for this person to approve, the urgent first
	Inbox     inboxCount
	Mine      []deskLine    // in hand
	Drafts    []draftLine   // of notices, that this person saved last
	Scheduled []deskLine    // approved, for their minute
	Elsewhere []crypto.Role // roles whose work is not on this page
	Overdue   []boardLine   // notices that mailboxes let pass, who has waited longest first
	Reach     []reachLine   // of notices whose policy says so: whom to tell by another way
	Awaited   []awaitedLine // statements that mailboxes are asked to acknowledge
	Lately    []archiveLine
	Sent      []boardLine // the last notices that don't wait for this person
}

// Waits counts what waits for this person.
func (h deskHome) Waits() int { return len(h.Waiting) + len(h.Notices) + h.Inbox.Waiting }

// inboxCount is what waits in the desk's inbox.
type inboxCount struct {
	Waiting int       // threads, for an answer
	Mine    int       // of them, assigned to this person
	Unread  int       // messages
	Since   time.Time // since when the longest has waited
}

// reachLine is a notice of which some mailboxes are to be told by another way.
type reachLine struct {
	Notice    crypto.Number
	Urgent    bool
	Since     time.Time
	Count     int             // of mailboxes that have not answered
	Contacted int             // of them, those whom somebody has reached for since the release
	Next      []crypto.Number // the first of those whom nobody has reached for
}

// nextToReach is how many of them the home names; the notice's own page has all.
const nextToReach = 6

// boardRow is what the template "board-line" gets.
type boardRow struct {
	View *view
	Line boardLine
}

// draftRow is what the template "draft-line" gets.
type draftRow struct {
	View *view
	Line draftLine
}

// deskLine is a statement on its way, as the server knows it: without its title. The browser fills that in.
type deskLine struct {
	Number crypto.Number
	State  string // a key under "desk.state."
	Calls  bool   // it waits for the reader
	By     string
	At     time.Time
	Link   string
}

// deskRow is what the template "desk-line" gets.
type deskRow struct {
	View *view
	Line deskLine
}

const (
	lastNotices   = 10  // how many the home shows
	overdueAmong  = 200 // so many of the newest are looked at for who is overdue; the list of notices has them all
	overdueOnHome = 10
)

func (s *server) getStaffHome(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	frame := frameOf(actor)
	page := deskHome{Author: actor.Has(crypto.RoleAuthor)}
	for _, role := range []crypto.Role{crypto.RoleRegistrar, crypto.RoleAuditor, crypto.RoleAdministrator} {
		if actor.Has(role) {
			page.Elsewhere = append(page.Elsewhere, role)
		}
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	if frame.Writes() {
		if err := s.worksOnDesk(r.Context(), actor, names, &page); err != nil {
			return err
		}
		if page.Drafts, err = s.noticeDrafts(r.Context(), actor, names); err != nil {
			return err
		}
		page.Drafts = slices.DeleteFunc(page.Drafts, func(d draftLine) bool { return !d.Mine })
		if page.Inbox, err = s.inboxOnDesk(r.Context(), actor); err != nil {
			return err
		}
	}
	if frame.Knows() {
		if err := s.noticesOnDesk(r.Context(), actor, names, &page); err != nil {
			return err
		}
		if page.Reach, err = s.reachOnDesk(r.Context(), actor); err != nil {
			return err
		}
	}
	if page.Awaited, err = s.awaited(r.Context(), actor, s.pages.languages.pick(w, r, s.pages.secure).tag); err != nil {
		return err
	}
	entries, _, err := s.Publish.Archive(r.Context(), publish.Query{Limit: latest})
	if err != nil {
		return err
	}
	page.Lately = archiveLines(entries, s.pages.languages.pick(w, r, s.pages.secure).tag)
	return s.pages.render(w, r, http.StatusOK, "staff_home", page)
}

// worksOnDesk sorts the statements that are being worked on by what this person has to do with them. Other people's drafts are on the list of statements.
func (s *server) worksOnDesk(ctx context.Context, actor portal.Actor, names nameBook, page *deskHome) error {
	works, err := s.Publish.Drafts(ctx, actor)
	if err != nil {
		return err
	}
	self := actor.Holder()
	for _, work := range works {
		line := deskLine{Number: work.Statement, State: string(work.State), Link: deskPath + "/statements/" + string(work.Statement)}
		switch work.State {
		case publish.Draft:
			line.By, line.At, line.Link = names.of(work.SavedBy), work.SavedAt, line.Link+"/edit"
			if work.ReturnedBy != "" {
				line.State, line.By, line.At = "returned", names.of(work.ReturnedBy), work.ReturnedAt
			}
			if work.SavedBy != self {
				continue
			}
			if line.Calls = work.ReturnedBy != "" && work.ReturnedBy != self; line.Calls {
				page.Waiting = append(page.Waiting, line)
				continue
			}
			page.Mine = append(page.Mine, line)
		case publish.Submitted:
			line.By, line.At = names.of(work.SubmittedBy), work.SubmittedAt
			switch {
			case work.SubmittedBy == self:
				page.Mine = append(page.Mine, line)
			case actor.Has(crypto.RoleApprover):
				line.State, line.Calls = "approve", true
				page.Waiting = append(page.Waiting, line)
			}
		case publish.Approved:
			line.By, line.At = names.of(work.ApprovedBy), work.ApprovedAt
			if work.CheckedAt.IsZero() {
				line.State = "unchecked"
			}
			page.Scheduled = append(page.Scheduled, line)
		}
	}
	return nil
}

// noticesOnDesk sorts the notices: those that this person may approve, those that mailboxes let pass, the last ones.
func (s *server) noticesOnDesk(ctx context.Context, actor portal.Actor, names nameBook, page *deskHome) error {
	waiting, rest, _, err := s.Dispatch.Board(ctx, actor, 0, overdueAmong)
	if err != nil {
		return err
	}
	for _, line := range waiting {
		switch shown := lineOnBoard(line, names); {
		case line.Notice.State == portal.Submitted && portal.StaffHolder(line.Manifest.Author) != actor.Holder() && actor.Has(crypto.RoleApprover):
			page.Notices = append(page.Notices, shown)
		case len(page.Sent) < lastNotices:
			page.Sent = append(page.Sent, shown)
		}
	}
	slices.SortStableFunc(page.Notices, func(a, b boardLine) int { return last(a.Urgent) - last(b.Urgent) })
	for _, line := range rest {
		switch shown := lineOnBoard(line, names); {
		case shown.Overdue > 0:
			page.Overdue = append(page.Overdue, shown)
		case len(page.Sent) < lastNotices:
			page.Sent = append(page.Sent, shown)
		}
	}
	slices.SortStableFunc(page.Overdue, func(a, b boardLine) int { return a.Deadline.Compare(*b.Deadline) })
	page.Overdue = page.Overdue[:min(len(page.Overdue), overdueOnHome)]
	return nil
}

// reachOnDesk counts, notice by notice, whom to reach by another way.
func (s *server) reachOnDesk(ctx context.Context, actor portal.Actor) ([]reachLine, error) {
	list, err := s.Dispatch.ToReach(ctx, actor)
	if err != nil {
		return nil, err
	}
	var lines []reachLine
	for _, one := range list {
		if len(lines) == 0 || lines[len(lines)-1].Notice != one.Notice {
			lines = append(lines, reachLine{Notice: one.Notice, Urgent: one.Manifest.Urgent, Since: one.Since.UTC()})
		}
		line := &lines[len(lines)-1]
		line.Count++
		switch {
		case !one.Contacted.IsZero():
			line.Contacted++
		case len(line.Next) < nextToReach:
			line.Next = append(line.Next, one.Mailbox)
		}
	}
	slices.SortStableFunc(lines, func(a, b reachLine) int { return last(a.Urgent) - last(b.Urgent) })
	return lines, nil
}

// last puts what is so in front.
func last(first bool) int {
	if first {
		return 0
	}
	return 1
}

// inboxOnDesk counts what waits in the inbox.
func (s *server) inboxOnDesk(ctx context.Context, actor portal.Actor) (inboxCount, error) {
	threads, err := s.Correspond.Threads(ctx, actor, "open")
	if err != nil {
		return inboxCount{}, err
	}
	var count inboxCount
	for _, t := range threads {
		count.Unread += t.Unread
		if !t.Waiting() {
			continue
		}
		count.Waiting++
		if t.Assignee == actor.Holder() {
			count.Mine++
		}
		if count.Since.IsZero() || t.ChangedAt.Before(count.Since) {
			count.Since = t.ChangedAt.UTC()
		}
	}
	return count, nil
}

// nameBook gives names to holders. It has everybody whom the root ever certified: who left is still named where they acted.
type nameBook map[string]string

func (s *server) names(ctx context.Context) (nameBook, error) {
	staff, err := s.Registry.Staff(ctx)
	if err != nil {
		return nil, err
	}
	names := make(nameBook, len(staff))
	for _, c := range staff {
		if record := s.Root.StaffRecord(c, s.Now()); record != nil {
			names[portal.StaffHolder(c.Fingerprint())] = record.Name
		}
	}
	return names, nil
}

// of is the name of a staff member, or else the holder as it is spelt.
func (n nameBook) of(holder string) string {
	if name := n[holder]; name != "" {
		return name
	}
	return holder
}
