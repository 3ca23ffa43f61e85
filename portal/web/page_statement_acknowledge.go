package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/publish"
)

// A statement in the mailbox, which asks to be acknowledged. What it says, the script fetches and verifies; who has no scripts reads it where everybody does.

// mailboxStatementPath is where it stands.
func mailboxStatementPath(n crypto.Number, rest string) string {
	return "/mailbox/statements/" + string(n) + rest
}

type mailboxStatementPage struct {
	noticeLine
	Version     int
	Acknowledge bool // is asked for
	Overdue     bool
	Own         bool
	Receipt     string
	ReceiptBy   string // sentence
	Me          string // whose page it is, as in paths
	Signer      string // whose certificate verifies the receipt, as in paths
	Public      string // address where everybody reads it
	Earlier     []earlierReceipt
	Files       receiptFiles
}

// earlierReceipt is that of a version that was replaced.
type earlierReceipt struct {
	Version  int
	Sentence string
	Address  string
}

// getMailboxStatementPage shows a statement as far as everybody knows it, and what the mailbox has said to it. It fetches nothing: the script does.
func (s *server) getMailboxStatementPage(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	m, versions, err := s.Publish.Peek(r.Context(), actor, n)
	if err != nil {
		return err
	}
	me, err := s.Registry.Me(r.Context(), actor)
	if err != nil {
		return err
	}
	l := s.pages.languages.pick(w, r, s.pages.secure)
	page := mailboxStatementPage{
		noticeLine: s.statementLine(m, l), Version: m.Version, Acknowledge: m.Asks, Own: me.Profile == crypto.ProfileOwn, Me: fileOf(me.Representative), Files: statementFiles(n, m.Version),
	}
	page.Overdue, page.Signer = page.State == "overdue", page.Me
	page.Public = statementAddress(n, page.Statement.Language)
	if page.Deadline != nil {
		if page.Deadline, err = signedDeadline(versions[len(versions)-1]); err != nil {
			return err
		}
	}
	for _, a := range m.Acknowledgements {
		sentence, err := receiptSentence(l, a.Decision, a.Representative, a.ReceivedAt)
		if err != nil {
			return err
		}
		if a.Version != m.Version {
			page.Earlier = append(page.Earlier, earlierReceipt{a.Version, sentence, statementFiles(n, a.Version).Receipt})
			continue
		}
		kept, err := s.Publish.StatementReceipt(r.Context(), actor, n, a.Version, me.Representative.Mailbox)
		if err != nil {
			return err
		}
		page.Receipt, page.ReceiptBy, page.Signer = string(kept.Receipt), sentence, fileOf(a.Representative)
	}
	return s.pages.render(w, r, http.StatusOK, "mailbox_statement", page)
}

func statementFiles(n crypto.Number, version int) receiptFiles {
	return receiptFiles{
		About: "statement", Receipt: fmt.Sprintf("%s%s?version=%d", api.Root, mailboxStatementPath(n, "/acknowledgement"), version),
		Proof: fmt.Sprintf("%s%s?version=%d", api.Root, mailboxStatementPath(n, "/acknowledgement/proof"), version), Name: fmt.Sprintf("%s-%d-acknowledgement", n, version),
		Manifest: statementAddress(n, strconv.Itoa(version), "manifest.txt"), ManifestName: "manifest.txt", ManifestCommand: "sha256sum manifest.txt",
	}
}

// signedDeadline is the deadline at the offset from UTC that was signed.
func signedDeadline(v publish.Version) (*time.Time, error) {
	m, err := manifestOf(v)
	if err != nil {
		return nil, err
	}
	return &m.Deadline, nil
}

func manifestOf(v publish.Version) (*crypto.StatementManifest, error) {
	signed, err := crypto.ParseSignedStatement(v.Signed)
	if err != nil {
		return nil, fmt.Errorf("a published statement: %w", err)
	}
	m, err := crypto.ParseStatementManifest(signed.Manifest)
	if err != nil {
		return nil, fmt.Errorf("a published statement: %w", err)
	}
	return m, nil
}

// statementAcknowledgePage is the way to acknowledge with a text that one signs oneself.
type statementAcknowledgePage struct {
	Number    crypto.Number
	Statement titleLine
	Version   int
	Download  string // address: fetches the statement from the mailbox
	Text      string // to sign; "" until this session has fetched the newest version
	Signed    string // as it was pasted
	Problem   string
}

func (s *server) getStatementAcknowledge(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	return s.showStatementAcknowledge(w, r, statementAcknowledgePage{Number: n}, http.StatusOK)
}

// showStatementAcknowledge fills in the text.
func (s *server) showStatementAcknowledge(w http.ResponseWriter, r *http.Request, page statementAcknowledgePage, status int) error {
	visit := visitOf(r)
	m, versions, err := s.Publish.Peek(r.Context(), visit.actor, page.Number)
	if err != nil {
		return err
	}
	if !m.Awaiting() {
		http.Redirect(w, r, mailboxStatementPath(page.Number, ""), http.StatusSeeOther)
		return nil
	}
	line := s.statementLine(m, s.pages.languages.pick(w, r, s.pages.secure))
	page.Statement, page.Version = *line.Statement, m.Version
	page.Download = api.Root + mailboxStatementPath(page.Number, "/text.asc?language="+line.Statement.Language)
	if fetched := visit.session.Statements[page.Number]; fetched.Version == m.Version {
		if page.Text, err = s.statementReceiptForm(r, page.Number, versions[len(versions)-1], fetched.Nonce); err != nil {
			return err
		}
	}
	return s.pages.render(w, r, status, "statement_acknowledge", page)
}

func (s *server) statementReceiptForm(r *http.Request, n crypto.Number, v publish.Version, nonce string) (string, error) {
	me, err := s.Registry.Me(r.Context(), visitOf(r).actor)
	if err != nil {
		return "", err
	}
	current, err := wireMe(me)
	if err != nil {
		return "", err
	}
	text, err := (&crypto.StatementAcknowledgement{
		Institution: s.Root.Fingerprint(), Statement: n, Version: v.Version, ManifestSHA256: v.ManifestSHA256, Representative: me.Representative, Certificate: current.Fingerprint,
		Decision: crypto.DecisionAcknowledged, Time: wireTime(s.Now()), SessionNonce: nonce,
	}).Encode()
	return string(text), err
}

// postStatementAcknowledge takes the signed text, as POST /api/v1/mailbox/statements/{statement}/acknowledgement does.
func (s *server) postStatementAcknowledge(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	values, err := form(w, r)
	if err != nil {
		return err
	}
	page := statementAcknowledgePage{Number: n, Signed: values.Get("receipt")}
	_, _, err = s.acknowledgeStatement(r, n, []byte(page.Signed))
	if f, ok := s.again(r, err); ok {
		page.Problem = f.message
		return s.showStatementAcknowledge(w, r, page, f.status)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, mailboxStatementPath(n, "#receipt-section"), http.StatusSeeOther)
	return nil
}

// ------------------------------------------------------------------ staff

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
