package web

import (
	"context"
	"net/http"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// deskHome is what a staff member sees first: what waits for them, then what goes on.
type deskHome struct {
	Author    bool
	Waiting   []deskLine     // for this person
	Notices   []noticeOnDesk // for this person
	Mine      []deskLine     // in hand
	Scheduled []deskLine     // approved, for their minute
	Elsewhere []crypto.Role  // roles whose work is not on this page
	Awaited   []awaitedLine  // statements that mailboxes are asked to acknowledge
	Lately    []archiveLine
	Sent      []noticeOnDesk // the last ones
}

// Waits counts what waits for this person.
func (h deskHome) Waits() int { return len(h.Waiting) + len(h.Notices) }

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

// noticeOnDesk is a notice that staff sent, or want to send.
type noticeOnDesk struct {
	Number    crypto.Number
	State     string // a key under "dispatch.state."
	Author    string
	Submitted time.Time
	At        time.Time // when it came where it stands
	Deadline  *time.Time
	Mailboxes int
}

// lastNotices is how many of those the home shows.
const lastNotices = 10

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
		if err := s.noticesOnDesk(r.Context(), actor, names, &page); err != nil {
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

// noticesOnDesk lists the last notices, and first those that this person may approve.
func (s *server) noticesOnDesk(ctx context.Context, actor portal.Actor, names nameBook, page *deskHome) error {
	records, err := s.Dispatch.Notices(ctx, actor)
	if err != nil {
		return err
	}
	self := actor.Staff().Certificate().Fingerprint()
	for _, record := range records {
		m, err := crypto.ParseManifest(record.Signed.Manifest)
		if err != nil {
			return err
		}
		line := noticeOnDesk{
			Number: record.Number, State: string(record.State), Author: names.of(portal.StaffHolder(m.Author)), Submitted: record.SubmittedAt.UTC(), Mailboxes: m.Mailboxes,
		}
		_, line.At = lastAct(record, m, names)
		if m.Acknowledge && !m.Deadline.IsZero() {
			line.Deadline = &m.Deadline
		}
		switch {
		case record.State == portal.Submitted && m.Author != self && actor.Has(crypto.RoleApprover):
			page.Notices = append(page.Notices, line)
		case len(page.Sent) < lastNotices:
			page.Sent = append(page.Sent, line)
		}
	}
	return nil
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
