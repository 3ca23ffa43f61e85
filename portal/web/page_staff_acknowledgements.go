package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/publish"
)

type staffAcknowledgementsPage struct {
	Number    crypto.Number
	Nobody    bool // is asked; then there is nothing but the address
	Version   int
	Versions  []int // that ask anybody, the newest first
	Newest    int
	Withdrawn bool
	Awaited   bool // still
	Title     publish.Title
	Direction string
	Published time.Time
	Deadline  *time.Time
	Passed    bool // the deadline
	Kinds     []kindLine
	Late      []publish.StatementMailbox // first: overdue ones
	LateMore  int                        // how many more there are than are listed
	Receipts  []receiptLine
	More      int // how many more receipts
	Address   string
}

// kindLine is a kind of mailboxes, drawn as a bar.
type kindLine struct {
	Kind string // "S", "O", "I"
	publish.KindCount
	Bar []barPart
}

// barPart is a piece of a bar of 100.
type barPart struct {
	State    string // a class, and a key under "stmack.count."
	Count    int
	From, To float64
}

// Width is how long it is.
func (b barPart) Width() float64 { return b.To - b.From }

type receiptLine struct {
	Mailbox  crypto.Number
	Sentence string
	Address  string
}

// maxListed is how many mailboxes a page lists by number; the command line and the API list all.
const maxListed = 200

// getStaffAcknowledgements shows who has acknowledged a statement: counts, and numbers. Whom the numbers belong to stays sealed.
func (s *server) getStaffAcknowledgements(w http.ResponseWriter, r *http.Request) error {
	a, err := s.statementStatus(r)
	var refused *portal.Error
	if errors.As(err, &refused) && refused.Code == "not-asked" {
		n, _ := pathStatement(r)
		return s.pages.render(w, r, http.StatusOK, "staff_acknowledgements", staffAcknowledgementsPage{Number: n, Nobody: true, Address: statementAddress(n)})
	}
	if err != nil {
		return err
	}
	l := s.pages.languages.pick(w, r, s.pages.secure)
	page := staffAcknowledgementsPage{
		Number: a.Statement, Version: a.Version, Versions: a.Asking, Newest: a.Newest, Withdrawn: a.Kind == crypto.StatementWithdrawal, Awaited: a.Awaited(), Title: titleIn(publish.Entry{Titles: a.Titles}, l.tag),
		Published: a.PublishedAt.UTC(), Address: statementAddress(a.Statement),
	}
	page.Direction = directionOf(page.Title.Language)
	if !a.Deadline.IsZero() {
		page.Deadline, page.Passed = &a.Deadline, a.Now.After(a.Deadline)
	}
	for _, c := range a.Counts() {
		page.Kinds = append(page.Kinds, kindLine{string(rune(c.Kind)), c, barOf(c)})
	}
	return s.renderAcknowledgements(w, r, l, a, page)
}

// renderAcknowledgements adds the numbers.
func (s *server) renderAcknowledgements(w http.ResponseWriter, r *http.Request, l *spoken, a *publish.Acknowledgements, page staffAcknowledgementsPage) error {
	for _, m := range a.Mailboxes {
		switch k := m.Acknowledgement; {
		case k == nil && len(page.Late) < maxListed:
			page.Late = append(page.Late, m)
		case k == nil:
			page.LateMore++
		case len(page.Receipts) >= maxListed:
			page.More++
		default:
			sentence, err := receiptSentence(l, k.Decision, k.Representative, k.ReceivedAt)
			if err != nil {
				return err
			}
			page.Receipts = append(page.Receipts, receiptLine{m.Mailbox, sentence, fmt.Sprintf("%s/staff/statements/%s/acknowledgements/%s?version=%d", api.Root, a.Statement, m.Mailbox, a.Version)})
		}
	}
	return s.pages.render(w, r, http.StatusOK, "staff_acknowledgements", page)
}

// barOf lays the counts of a kind end to end.
func barOf(c publish.KindCount) []barPart {
	var bar []barPart
	done := 0
	for _, part := range []barPart{
		{State: "acknowledged", Count: c.Acknowledged}, {State: "refused", Count: c.Refused}, {State: "fetched", Count: c.Fetched}, {State: "waiting", Count: c.Waiting}, {State: "overdue", Count: c.Overdue},
	} {
		if part.Count == 0 {
			continue
		}
		part.From = 100 * float64(done) / float64(c.Mailboxes)
		done += part.Count
		part.To = 100 * float64(done) / float64(c.Mailboxes)
		bar = append(bar, part)
	}
	return bar
}

// awaitedLine is a statement that asks mailboxes for acknowledgement, in the list of a staff member's home.
type awaitedLine struct {
	Number    crypto.Number
	Title     publish.Title
	Direction string
	Deadline  *time.Time
	Overdue   bool
	Answered  int
	Mailboxes int
}

// Part is how much of the bar is full, of 100.
func (l awaitedLine) Part() float64 { return 100 * float64(l.Answered) / float64(max(l.Mailboxes, 1)) }

// awaited is empty for who may not see it.
func (s *server) awaited(ctx context.Context, actor portal.Actor, tag string) ([]awaitedLine, error) {
	if !publish.Watches(actor) {
		return nil, nil
	}
	awaited, err := s.Publish.Awaited(ctx, actor)
	if err != nil {
		return nil, err
	}
	lines := make([]awaitedLine, len(awaited))
	for i, a := range awaited {
		title := titleIn(publish.Entry{Titles: a.Titles}, tag)
		lines[i] = awaitedLine{Number: a.Statement, Title: title, Direction: directionOf(title.Language), Overdue: a.DeadlineOver, Answered: a.Answered, Mailboxes: a.Mailboxes}
		if !a.Deadline.IsZero() {
			deadline := a.Deadline.UTC()
			lines[i].Deadline = &deadline
		}
	}
	return lines, nil
}
