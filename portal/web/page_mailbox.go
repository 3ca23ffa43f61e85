package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// noticeLine is a notice as the server knows it: without its subject. The browser fills that in, and verifies the rest. Or it is a
// statement to the world, which everybody may know.
type noticeLine struct {
	Number    crypto.Number
	State     string // a key under "state."
	Delivered time.Time
	Deadline  *time.Time // only while it is awaited
	By        string     // who acknowledged
	Urgent    bool
	Reminded  *time.Time // when the institution last reminded of it, while it is awaited
	Statement *titleLine // nil: it is a notice
}

// titleLine is what a list shows of a statement.
type titleLine struct {
	Kind      crypto.StatementKind
	Title     string
	Language  string // of the title
	Direction string
	Reason    string // of a correction or withdrawal
}

// noticeRows is what the template "rows" gets.
type noticeRows struct {
	View    *view
	Notices []noticeLine
}

type mailboxPage struct {
	Mailbox                crypto.Number
	Own                    bool // the key is not with us: this browser can't open anything
	Awaiting, Unread, Rest []noticeLine
	UnreadAnswers          int                   // messages of threads
	Commands               []portal.TakenCommand // by signed mail, in the name of a representative of the mailbox
}

// Empty says that nothing has ever arrived.
func (p mailboxPage) Empty() bool { return len(p.Awaiting)+len(p.Unread)+len(p.Rest) == 0 }

// getMailbox lists a mailbox: what awaits acknowledgement first.
func (s *server) getMailbox(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	deliveries, err := s.Dispatch.Mailbox(r.Context(), actor)
	if err != nil {
		return err
	}
	me, err := s.Registry.Me(r.Context(), actor)
	if err != nil {
		return err
	}
	statements, err := s.Publish.Mailbox(r.Context(), actor)
	if err != nil {
		return err
	}
	threads, err := s.Correspond.Threads(r.Context(), actor, "")
	if err != nil {
		return err
	}
	page := mailboxPage{Mailbox: me.Representative.Mailbox, Own: me.Profile == crypto.ProfileOwn}
	if page.Commands, err = s.Registry.CommandsSeen(r.Context(), actor); err != nil {
		return err
	}
	for _, t := range threads {
		page.UnreadAnswers += t.Unread
	}
	for _, d := range deliveries {
		line, err := s.noticeLine(d)
		if err != nil {
			return err
		}
		page.add(line, d.OpenedAt.IsZero())
	}
	l := s.pages.languages.pick(w, r, s.pages.secure)
	for _, m := range statements {
		page.add(s.statementLine(m, l), m.FetchedAt.IsZero())
	}
	slices.SortStableFunc(page.Awaiting, urgentOr(soonestFirst))
	slices.SortStableFunc(page.Unread, urgentOr(newestFirst))
	slices.SortStableFunc(page.Rest, newestFirst)
	return s.pages.render(w, r, http.StatusOK, "mailbox", page)
}

// add puts a line where it belongs: what is asked for first, then what nobody of the mailbox has read.
func (p *mailboxPage) add(line noticeLine, unread bool) {
	switch {
	case line.State == "awaiting" || line.State == "overdue":
		p.Awaiting = append(p.Awaiting, line)
	case unread && line.By == "":
		p.Unread = append(p.Unread, line)
	default:
		p.Rest = append(p.Rest, line)
	}
}

func newestFirst(a, b noticeLine) int { return b.Delivered.Compare(a.Delivered) }

// soonestFirst sorts by deadline; what has none comes last.
func soonestFirst(a, b noticeLine) int {
	switch {
	case a.Deadline == nil || b.Deadline == nil:
		return cmp.Compare(btoi(a.Deadline == nil), btoi(b.Deadline == nil))
	}
	return a.Deadline.Compare(*b.Deadline)
}

// urgentOr sorts what is urgent before all else, and then as it is told.
func urgentOr(then func(a, b noticeLine) int) func(a, b noticeLine) int {
	return func(a, b noticeLine) int { return cmp.Or(cmp.Compare(btoi(b.Urgent), btoi(a.Urgent)), then(a, b)) }
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// noticeLine tells where a delivered notice stands.
func (s *server) noticeLine(d portal.Delivery) (noticeLine, error) {
	m, err := crypto.ParseManifest(d.Notice.Signed.Manifest)
	if err != nil {
		return noticeLine{}, err
	}
	line := noticeLine{Number: d.Notice.Number, Delivered: d.DeliveredAt.UTC(), State: "unread", Urgent: m.Urgent}
	switch a := d.Acknowledgement; {
	case a != nil:
		line.State, line.By = string(a.Decision), a.Representative.String()
	case m.Acknowledge:
		line.State = "awaiting"
		if !m.Deadline.IsZero() {
			line.Deadline = &m.Deadline
			if s.Now().After(m.Deadline) {
				line.State = "overdue"
			}
		}
	case !d.OpenedAt.IsZero():
		line.State = "read"
	}
	if at := d.RemindedAt.UTC(); !d.RemindedAt.IsZero() && d.Acknowledgement == nil && line.State != "read" {
		line.Reminded = &at
	}
	return line, nil
}

// statementLine tells where a statement stands in the mailbox.
func (s *server) statementLine(m publish.MailboxStatement, l *spoken) noticeLine {
	title := titleIn(publish.Entry{Titles: m.Titles}, l.tag)
	line := noticeLine{Number: m.Statement, Delivered: m.PublishedAt.UTC(), Statement: &titleLine{m.Kind, title.Title, title.Language, directionOf(title.Language), title.Reason}}
	switch a := m.Acknowledgement(); {
	case m.Kind == crypto.StatementWithdrawal:
		line.State = "withdrawn"
	case a != nil:
		line.State, line.By = string(a.Decision), a.Representative.String()
	case m.Overdue(s.Now()):
		line.State = "overdue"
	case m.Asks:
		line.State = "awaiting"
	case m.Kind == crypto.StatementCorrection:
		line.State = "corrected"
	case m.FetchedAt.IsZero():
		line.State = "unread"
	default:
		line.State = "read"
	}
	if m.Awaiting() && !m.Deadline.IsZero() {
		deadline := m.Deadline.UTC()
		line.Deadline = &deadline
	}
	return line
}
