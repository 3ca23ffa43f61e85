package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
)

const noticesPath = deskPath + "/notices"

// noticesOnPage is how many notices that are decided the list shows at once.
const noticesOnPage = 50

// dispatchPage is the list of notices, as the server knows them: without a subject.
type dispatchPage struct {
	Approve, Waiting, Scheduled, Done []boardLine
	Drafts                            []draftLine // for whoever writes notices
	Next, Newer                       string      // addresses; "" for none
}

// boardLine is a notice in the list.
type boardLine struct {
	Number    crypto.Number
	State     string // a key under "dispatch.state."
	By        string // who did it last
	At        time.Time
	Deadline  *time.Time // by which it is to be acknowledged
	Asks      bool       // for acknowledgement
	Urgent    bool
	Release   *time.Time // at which it is put into the mailboxes, if that is to come, or was to
	Problem   bool       // it could not be
	Mailboxes int
	Tally     portal.NoticeTally
	Overdue   int
}

// out is when it goes out; zero for one without a time, which has no place among the approved.
func (l boardLine) out() time.Time {
	if l.Release == nil {
		return time.Time{}
	}
	return *l.Release
}

// Released says whether it lies in mailboxes.
func (l boardLine) Released() bool { return l.State == string(portal.Released) }

// Bar shows how many have acknowledged.
func (l boardLine) Bar() []barPart { return tallyBar(l.Tally, l.Asks, l.Overdue) }

// skipOf is how many lines of a long list the reader has left behind.
func skipOf(r *http.Request) (int, error) {
	from := r.URL.Query().Get("from")
	if from == "" {
		return 0, nil
	}
	skip, err := strconv.Atoi(from)
	if err != nil || skip < 0 || skip > 1_000_000 {
		return 0, portal.Errorf(portal.Invalid, "invalid-from", "\"from\" is how many lines to leave out.")
	}
	return skip, nil
}

// draftLine is a notice that is being written.
type draftLine struct {
	Number crypto.Number
	By     string // who saved it last
	At     time.Time
	Mine   bool // whoever looks saved it last
}

// noticeDrafts lists the notices that are being written, the newest first.
func (s *server) noticeDrafts(ctx context.Context, actor portal.Actor, names nameBook) (lines []draftLine, err error) {
	drafts, err := s.Dispatch.DraftStandings(ctx, actor)
	for _, d := range drafts {
		lines = append(lines, draftLine{Number: d.Draft, By: names.of(d.SavedBy), At: d.SavedAt.UTC(), Mine: d.SavedBy == actor.Holder()})
	}
	return lines, err
}

// getDispatchPage lists the notices, what waits for whoever looks first.
func (s *server) getDispatchPage(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	skip, err := skipOf(r)
	if err != nil {
		return err
	}
	waiting, rest, total, err := s.Dispatch.Board(r.Context(), actor, skip, noticesOnPage)
	if err != nil {
		return err
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	var page dispatchPage
	if frameOf(actor).Writes() {
		if page.Drafts, err = s.noticeDrafts(r.Context(), actor, names); err != nil {
			return err
		}
	}
	for _, line := range waiting {
		if line.Notice.State == portal.Approved {
			page.Scheduled = append(page.Scheduled, lineOnBoard(line, names))
			continue
		}
		if portal.StaffHolder(line.Manifest.Author) != actor.Holder() && actor.Has(crypto.RoleApprover) {
			page.Approve = append(page.Approve, lineOnBoard(line, names))
		} else {
			page.Waiting = append(page.Waiting, lineOnBoard(line, names))
		}
	}
	slices.SortStableFunc(page.Scheduled, func(a, b boardLine) int { // what could not be released stands first, then what is next
		return cmp.Or(btoi(b.Problem)-btoi(a.Problem), a.out().Compare(b.out()))
	})
	for _, line := range rest {
		page.Done = append(page.Done, lineOnBoard(line, names))
	}
	if skip+noticesOnPage < total {
		page.Next = fmt.Sprintf("%s?from=%d", noticesPath, skip+noticesOnPage)
	}
	if skip > 0 {
		page.Newer = fmt.Sprintf("%s?from=%d", noticesPath, max(0, skip-noticesOnPage))
	}
	return s.pages.render(w, r, http.StatusOK, "dispatch", page)
}

func lineOnBoard(l dispatch.Line, names nameBook) boardLine {
	line := boardLine{Number: l.Notice.Number, State: string(l.Notice.State), Asks: l.Manifest.Acknowledge, Urgent: l.Manifest.Urgent, Mailboxes: l.Manifest.Mailboxes, Tally: l.Tally, Overdue: l.Overdue}
	line.By, line.At = lastAct(l.Notice, l.Manifest, names)
	line.Release, line.Problem = releaseOf(l.Notice, l.Manifest), l.Notice.Problem != nil
	if l.Manifest.Acknowledge && !l.Manifest.Deadline.IsZero() {
		line.Deadline = &l.Manifest.Deadline
	}
	return line
}

// releaseOf is when a notice goes into the mailboxes, in the offset that was signed; nil: once it is approved, or it was or won't be.
func releaseOf(n portal.NoticeRecord, m *crypto.Manifest) *time.Time {
	if m.Release.IsZero() || n.State != portal.Submitted && n.State != portal.Approved {
		return nil
	}
	return &m.Release
}

// lastAct is who brought a notice where it stands, and when. A release is told with its author: who approved stands in the signatures.
func lastAct(n portal.NoticeRecord, m *crypto.Manifest, names nameBook) (by string, at time.Time) {
	switch {
	case !n.EndedAt.IsZero():
		return names.of(n.EndedBy), n.EndedAt.UTC()
	case n.State == portal.Released:
		return names.of(portal.StaffHolder(m.Author)), n.ReleasedAt.UTC()
	case n.State == portal.Approved:
		return names.of(portal.StaffHolder(m.Author)), n.ApprovedAt.UTC()
	}
	return names.of(portal.StaffHolder(m.Author)), n.SubmittedAt.UTC()
}

// tallyBar draws the mailboxes of a released notice; asks: they are to acknowledge it.
func tallyBar(t portal.NoticeTally, asks bool, overdue int) []barPart {
	opened := max(0, t.Opened-t.Acknowledged-t.Refused)
	parts := []barPart{
		{State: "acknowledged", Count: t.Acknowledged}, {State: "refused", Count: t.Refused}, {State: "fetched", Count: opened},
		{State: "waiting", Count: max(0, t.Mailboxes-max(t.Opened, t.Acknowledged+t.Refused))},
	}
	late := &parts[3] // who is not reached is one of those
	if overdue > 0 {  // all who have not answered are late, whether or not they opened it
		parts[2].Count, parts[3].Count = 0, 0
		parts = append(parts, barPart{State: "overdue", Count: overdue})
		late = &parts[4]
	}
	if unreachable := min(t.Unreachable, late.Count); unreachable > 0 {
		late.Count -= unreachable
		parts = append(parts, barPart{State: "unreachable", Count: unreachable})
	}
	if !asks {
		parts = parts[2:]
	}
	var bar []barPart
	from := 0.0
	for _, part := range parts {
		part.From = from
		part.To = from + 100*float64(part.Count)/float64(max(t.Mailboxes, 1))
		from = part.To
		bar = append(bar, part)
	}
	return bar
}

// dispatchNoticePage is one notice, as the server knows it. Before its release the browser opens it; after it, the page tells how far it has come.
type dispatchNoticePage struct {
	Number    crypto.Number
	State     portal.NoticeState
	By        string // who brought it there
	At        time.Time
	Author    string
	Opens     bool // it was written for whoever looks: an author or approver
	Mailboxes int
	Asks      bool
	Emails    bool // it goes by e-mail too
	Deadline  *time.Time
	Release   *time.Time             // when it goes into the mailboxes
	Problem   *portal.ReleaseProblem // why it did not
	Overdue   int
	Lines     []progressLine // once it is released: those first that are to be reached, or late
	Dashboard dashboardPart  // likewise
	Chasing   chasing        // likewise
}

// About names what is decided on, in keys of messages.
func (dispatchNoticePage) About() string { return "notice" }

// Ended says whether it will never be released.
func (p dispatchNoticePage) Ended() bool {
	return p.State == portal.Returned || p.State == portal.Recalled
}

// Scheduled says whether it was approved, and waits for its time.
func (p dispatchNoticePage) Scheduled() bool { return p.State == portal.Approved }

// ProblemWords is the key, under "dispatch.release-problem.", of what stood against its release.
func (p dispatchNoticePage) ProblemWords() string {
	switch p.Problem.Code {
	case "stale-certificate", "author-withdrawn", "approver-withdrawn", "notice-invalid", "deadline-passed":
		return p.Problem.Code
	}
	return "other"
}

// Checks are what the browser has checked of what it shows; keys under "dispatch.check.".
func (dispatchNoticePage) Checks() []string {
	return []string{"author", "content", "audience", "root"}
}

// progressLine is a mailbox of a released notice.
type progressLine struct {
	Mailbox crypto.Number
	State   string // a key under "dispatch.mailbox."
	By      string // the representative who answered
	At      time.Time
	Late    bool

	Unreachable bool
	Told        mailboxTold
}

// getDispatchNotice shows a notice to staff.
func (s *server) getDispatchNotice(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	record, err := s.Dispatch.Standing(r.Context(), actor, n)
	if err != nil {
		return err
	}
	m, err := crypto.ParseManifest(record.Signed.Manifest)
	if err != nil {
		return err
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	page := dispatchNoticePage{
		Number: n, State: record.State, Author: names.of(portal.StaffHolder(m.Author)), Opens: frameOf(actor).Writes(), Mailboxes: m.Mailboxes, Asks: m.Acknowledge,
		Emails: m.Fallback != crypto.FallbackNone,
	}
	page.By, page.At = lastAct(record, m, names)
	page.Release, page.Problem = releaseOf(record, m), record.Problem
	if m.Acknowledge && !m.Deadline.IsZero() {
		page.Deadline = &m.Deadline
	}
	if record.State == portal.Released {
		b, err := s.dashboard(r.Context(), actor, n)
		if err != nil {
			return err
		}
		skip, err := skipOf(r)
		if err != nil {
			return err
		}
		page.progress(b, skip)
		if err := s.chase(r, &page, &dispatch.Status{Notice: b.Notice, Manifest: b.Manifest, Mailboxes: b.Lines, Now: b.Now}, names); err != nil {
			return err
		}
	}
	return s.pages.render(w, r, http.StatusOK, "dispatch_notice", page)
}

func (p *dispatchNoticePage) progress(b *dispatch.Dashboard, skip int) {
	p.Overdue = b.Overdue
	p.Dashboard = dashboardPart{Tally: b.Tally, Bar: tallyBar(b.Tally, p.Asks, b.Overdue), Curve: drawCurve(b)}
	p.Lines, p.Dashboard.Pages = linesOf(b, skip)
}
