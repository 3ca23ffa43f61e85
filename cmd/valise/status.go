package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// StatusCommand shows how far a notice has come, or who has acknowledged a statement.
type StatusCommand struct {
	staffFlags
	Notice   string `arg:"" optional:"" name:"number" help:"The number of a notice, or of a statement that asks for acknowledgement. Without it, all notices are listed."`
	Version  int    `placeholder:"N" help:"Of a statement: this version, instead of the newest that asks."`
	CSV      bool   `name:"csv" help:"Print the mailboxes of a notice as a table (RFC 4180), with the names that your key unseals."`
	Receipts string `type:"path" placeholder:"DIR" help:"Write every receipt that held there, as MAILBOX.asc."`
}

// Help is the part of --help below the summary.
func (StatusCommand) Help() string {
	return manual(`Who has acknowledged a notice, and to whom it went, is verified: both signatures over it, the audience that they cover, and every receipt, up to the root that your key file pins; what the portal says beside that is named and not believed. When it was delivered and opened is the portal's word. Of statements, --receipts verifies the receipts.

When a notice went out is compared with when its approver signed, and with the time that was set; if they don't fit, that is said.

Names are unsealed with your key, where you may see them; nothing of them leaves this machine.

EXAMPLES

  valise status --server https://portal.example --key amara.key
  valise status N-4GZ0R8T4 --server https://portal.example --key amara.key --receipts receipts/
  valise status N-4GZ0R8T4 --server https://portal.example --key amara.key --csv > N-4GZ0R8T4.csv
  valise status P-V2HC9RK1 --server https://portal.example --key amara.key

JSON

  with a notice: notice, state, acknowledge, deadline, released, urgent, release and not_released (of one that is approved: when it goes out, why it did not), late (why its times don't fit), mailboxes[] (mailbox, stakeholder, delivered, opened, acknowledged, by, name, decision, overdue, reminded, contacts[] (way, outcome, time, by, note, problem), receipt: "held", what did not, or empty), invented[] (mailboxes that it never went to), missing[] (mailboxes of which the portal says nothing)
  with a statement: statement, version, asking[] (versions), newest, kind, title, published, deadline, kinds[] (kind, mailboxes, acknowledged, refused, overdue, fetched, waiting), mailboxes[]
  without: an array of notice, state, author, submitted, released, acknowledge, deadline, release, urgent, fallback, reminders[], escalate_hours, mailboxes, problem; ended, by and reason of those that were returned or recalled; not_released: why an approved one was not at its time; late

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 shown, and what the portal says agrees with the receipts; 1 refused, failed, or it does not; 2 wrong usage.`)
}

// Run shows it.
func (c *StatusCommand) Run(ctx context.Context, p *process) error {
	if c.Notice == "" {
		if c.Receipts != "" || c.CSV {
			return usagef("--receipts and --csv need a number")
		}
		return c.list(ctx, p)
	}
	if c.Receipts != "" {
		if err := os.MkdirAll(c.Receipts, 0o700); err != nil {
			return fmt.Errorf("--receipts: %w", err)
		}
	}
	number, err := parseUpdate(c.Notice)
	switch {
	case err != nil:
		return err
	case c.CSV && p.json:
		return usagef("--csv or --json, not both")
	case number.Kind() == crypto.KindStatement && c.CSV:
		return usagef("--csv is for notices")
	case number.Kind() == crypto.KindStatement:
		return c.statement(ctx, p, number)
	case c.Version != 0:
		return usagef("--version is for statements")
	}
	o, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	status, err := o.client.Status(ctx, number)
	if err != nil {
		return err
	}
	d, err := o.directory(ctx, p)
	if err != nil {
		return err
	}
	out := statusJSON{Notice: number, State: status.State, Acknowledge: status.Acknowledge, Deadline: status.Deadline, Released: status.Released, Urgent: status.Urgent, Release: status.Release, Mailboxes: []mailboxStatusJSON{}, Invented: []crypto.Number{}, Missing: []crypto.Number{}}
	if status.Problem != nil {
		out.NotReleased = status.Problem.Message
	}
	for _, m := range status.Mailboxes {
		out.Mailboxes = append(out.Mailboxes, statusLine(d, m))
	}
	wrong := 0
	if status.State == portal.Released {
		if wrong, err = c.verify(ctx, p, o, d, &out, status.Mailboxes); err != nil {
			return err
		}
		if err := o.contacts(ctx, p, &out); err != nil {
			return err
		}
	}
	switch {
	case c.CSV && wrong == 0:
		if _, err := p.stdout.Write(api.StatusTable(status, ceremony.StatusNames(d))); err != nil {
			return err
		}
	case !c.CSV:
		p.report(out, func() { out.show(p) })
	}
	if wrong > 0 {
		p.warn("what the portal says of %s is not what its receipts and signatures prove; believe those, and tell the administrators", count(wrong, "mailbox", "mailboxes"))
		return errShown
	}
	return nil
}

type statusJSON struct {
	Notice      crypto.Number       `json:"notice"`
	State       portal.NoticeState  `json:"state"`
	Acknowledge bool                `json:"acknowledge"`
	Deadline    *time.Time          `json:"deadline"`
	Released    *time.Time          `json:"released"`
	Urgent      bool                `json:"urgent"`
	Release     *time.Time          `json:"release"`                // when an approved one is to be released
	NotReleased string              `json:"not_released,omitempty"` // why it was not
	Late        string              `json:"late,omitempty"`         // the portal's time of release doesn't fit the signatures
	Mailboxes   []mailboxStatusJSON `json:"mailboxes"`
	Invented    []crypto.Number     `json:"invented"` // the notice never went to them, though the portal says so
	Missing     []crypto.Number     `json:"missing"`  // it went to them, and the portal says nothing
}

type mailboxStatusJSON struct {
	Mailbox      crypto.Number   `json:"mailbox"`
	Stakeholder  string          `json:"stakeholder,omitempty"`
	Delivered    *time.Time      `json:"delivered"`
	Opened       *time.Time      `json:"opened"`
	Acknowledged *time.Time      `json:"acknowledged"`
	By           string          `json:"by,omitempty"`
	Name         string          `json:"name,omitempty"`
	Decision     crypto.Decision `json:"decision,omitempty"`
	Overdue      bool            `json:"overdue"`
	Receipt      string          `json:"receipt,omitempty"` // "held", or what did not
	Reminded     *time.Time      `json:"reminded"`          // last, on the portal; its word
	Contacts     []toldJSON      `json:"contacts,omitempty"`
}

func statusLine(d *ceremony.Directory, m api.MailboxStatus) mailboxStatusJSON {
	line := mailboxStatusJSON{
		Mailbox: m.Mailbox, Delivered: m.Delivered, Opened: m.Opened, Acknowledged: m.Acknowledged, By: m.By, Decision: m.Decision, Overdue: m.Overdue, Reminded: m.Reminded,
	}
	if mailbox := d.Mailbox(m.Mailbox); mailbox != nil {
		line.Stakeholder = mailbox.Name
	}
	if by, err := crypto.ParseRepresentative(m.By); err == nil {
		if e := d.Entry(by); e != nil {
			line.Name = e.Name
		}
	}
	return line
}

func (s *statusJSON) show(p *process) {
	opened, acknowledged, refused, overdue, unproved := 0, 0, 0, 0, 0
	for _, m := range s.Mailboxes {
		if m.Opened != nil {
			opened++
		}
		switch {
		case m.Receipt != "" && m.Receipt != receiptHeld:
			unproved++
		case m.Acknowledged == nil:
		case m.Decision == crypto.DecisionRefused:
			refused++
		default:
			acknowledged++
		}
		if m.Overdue {
			overdue++
		}
	}
	p.say("%s%s  %s", urgentMark(s.Urgent), s.Notice, clean(string(s.State)))
	switch {
	case s.NotReleased != "":
		p.say("NOT RELEASED: %s Recall it: valise recall %s", clean(s.NotReleased), s.Notice)
	case s.State == portal.Approved && s.Release != nil:
		p.say("to be released at %s", hourUTC(*s.Release))
	}
	if s.Late != "" {
		p.say("MIND: %s", s.Late)
	}
	if s.Deadline != nil {
		p.say("acknowledgement %s", deadlineText(*s.Deadline))
	}
	p.say("%s: %d opened, %d acknowledged, %d declined, %d overdue\n", count(len(s.Mailboxes), "mailbox", "mailboxes"), opened, acknowledged, refused, overdue)
	for _, m := range s.Mailboxes {
		p.say("    %s: %s", called(numberText(m.Mailbox), m.Stakeholder), m.state())
		if m.Reminded != nil {
			p.say("        reminded %s", hourUTC(*m.Reminded))
		}
		for _, told := range m.Contacts {
			told.show(p)
		}
	}
	for _, n := range s.Missing {
		p.say("    %s: NOT SHOWN by the portal, though the notice went to it: find out by another way whether it was delivered", n)
	}
	for _, n := range s.Invented {
		p.say("    %s: INVENTED by the portal; the notice never went to it", clean(string(n)))
	}
	if acknowledged+refused > 0 {
		p.say("\nThe receipts of %s were verified on this machine.", count(acknowledged+refused, "mailbox", "mailboxes"))
	}
	if unproved > 0 {
		p.say("\nOF %s WHAT THE PORTAL SAYS IS NOT PROVED.", strings.ToUpper(count(unproved, "mailbox", "mailboxes")))
	}
}

const receiptHeld = "held"

func (m *mailboxStatusJSON) state() string {
	state := "not delivered"
	switch {
	case m.Acknowledged != nil:
		state = fmt.Sprintf("%s by %s, %s", clean(string(m.Decision)), called(numberText(clean(m.By)), m.Name), hourUTC(*m.Acknowledged))
	case m.Opened != nil:
		state = "opened " + hourUTC(*m.Opened)
	case m.Delivered != nil:
		state = "delivered " + hourUTC(*m.Delivered)
	}
	if m.Overdue {
		state = "OVERDUE; " + state
	}
	switch m.Receipt {
	case "":
	case receiptHeld:
		state += "; receipt: held"
	default:
		return "NOT PROVED: " + m.Receipt + "; the portal says: " + state
	}
	return state
}

// verify compares what the portal says of a released notice with its receipts, writes those that hold where they are wanted, and counts what differs.
func (c *StatusCommand) verify(ctx context.Context, p *process, o *officer, d *ceremony.Directory, out *statusJSON, said []api.MailboxStatus) (wrong int, err error) {
	receipts, err := o.client.Receipts(ctx, out.Notice)
	if err != nil {
		return 0, err
	}
	answers, err := ceremony.ReadAnswers(o.trust, out.Notice, receipts, d, time.Now(), p.progress("verifying receipts"))
	if err != nil {
		return 0, fmt.Errorf("nothing of %s is shown: %w", out.Notice, err)
	}
	m := answers.Notice.Manifest()
	out.Acknowledge, out.Deadline, out.Late = m.Acknowledge, optional(m.Deadline), lateRelease(answers.Notice, out.Released)
	kept := make([]mailboxStatusJSON, 0, len(out.Mailboxes))
	for i, line := range out.Mailboxes {
		answer := answers.Mailboxes[line.Mailbox]
		switch err := answers.Check(said[i]); {
		case answer == nil:
			out.Invented = append(out.Invented, line.Mailbox)
			wrong++
			continue
		case err != nil:
			line.Receipt = err.Error()
			wrong++
		case answer.Receipt != nil:
			line.Receipt = receiptHeld
		}
		kept = append(kept, line)
		if c.Receipts != "" && answer.Receipt != nil {
			if err := p.writeOut(filepath.Join(c.Receipts, string(line.Mailbox)+".asc"), answer.Receipt.Receipt.Bytes(), 0o600); err != nil {
				return wrong, err
			}
		}
	}
	out.Mailboxes, out.Missing = kept, append(out.Missing, answers.Missing(said)...)
	return wrong + len(out.Missing), nil
}

// lateRelease says why the portal's time of a release doesn't fit what was signed; "" when it does.
func lateRelease(v *crypto.VerifiedManifest, released *time.Time) string {
	var differ *ceremony.TimesDiffer
	if released != nil && errors.As(ceremony.Late(v, *released), &differ) {
		return differ.ToStaff()
	}
	return ""
}

type noticeJSON struct {
	Notice    crypto.Number      `json:"notice"`
	State     portal.NoticeState `json:"state"`
	Author    *signerJSON        `json:"author"`
	Submitted time.Time          `json:"submitted"`
	Released  *time.Time         `json:"released"`
	Mailboxes int                `json:"mailboxes"`
	policyJSON
	Ended       *time.Time `json:"ended,omitempty"`        // when it was returned or recalled
	By          string     `json:"by,omitempty"`           // by whom
	Reason      string     `json:"reason,omitempty"`       // why, for those who author and approve
	NotReleased string     `json:"not_released,omitempty"` // why an approved one was not at its time
	Late        string     `json:"late,omitempty"`         // the portal's time of release doesn't fit the signatures
	Problem     string     `json:"problem"`
}

// list shows all notices.
func (c *StatusCommand) list(ctx context.Context, p *process) error {
	o, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	notices, err := o.client.StaffNotices(ctx)
	if err != nil {
		return err
	}
	out := []noticeJSON{}
	for _, n := range notices {
		line := noticeJSON{Notice: n.Notice, State: n.State, Submitted: n.Submitted, Released: n.Released}
		if v, err := o.verify(n); err != nil {
			line.Problem = err.Error()
		} else {
			m := v.Manifest()
			line.Author, line.policyJSON, line.Mailboxes = signedBy(v.Author(), v.AuthorSignature()), policyOf(m), m.Mailboxes
			line.Late = lateRelease(v, n.Released)
			line.end(o, n)
			if n.Problem != nil {
				line.NotReleased = n.Problem.Message
			}
		}
		out = append(out, line)
	}
	p.report(out, func() {
		for _, n := range out {
			if n.Problem != "" {
				p.say("%s  DOES NOT HOLD: %s", clean(string(n.Notice)), n.Problem)
				continue
			}
			when := "submitted " + hourUTC(n.Submitted)
			if n.Released != nil {
				when = "released " + hourUTC(*n.Released)
			}
			if n.State == portal.Approved {
				when = "approved, to be released at " + hour(*n.Release)
			}
			if n.Ended != nil {
				when = fmt.Sprintf("%s %s by %s", clean(string(n.State)), hourUTC(*n.Ended), n.By)
			}
			p.say("%s%s  %s, by %s, to %s", urgentMark(n.Urgent), n.Notice, when, n.Author.Name, count(n.Mailboxes, "mailbox", "mailboxes"))
			if n.NotReleased != "" {
				p.say("    NOT RELEASED: %s Recall it: valise recall %s", clean(n.NotReleased), n.Notice)
			}
			if n.Late != "" {
				p.say("    MIND: %s", n.Late)
			}
			if n.Reason != "" {
				p.say("    because: %s", clean(n.Reason))
			}
		}
		if len(out) == 0 {
			p.say("There are no notices yet.")
		}
	})
	return nil
}

// end says how a notice ended that was never released. Registrars and auditors see that it did; the reason is sealed to others.
func (n *noticeJSON) end(o *officer, from api.StaffNotice) {
	if from.Ended == nil {
		return
	}
	n.Ended, n.By = from.Ended, o.trust.NameOf(from.EndedBy, time.Now())
	if !o.self.Has(crypto.RoleAuthor) && !o.self.Has(crypto.RoleApprover) {
		return
	}
	end, err := ceremony.OpenNoticeEnd(o.trust, o.keys, from, time.Now())
	if err != nil {
		n.Problem = err.Error()
	} else if end != nil {
		n.By, n.Reason = end.By, end.Reason
	}
}

// verify checks a notice's signatures: both once it is released.
func (o *officer) verify(n api.StaffNotice) (*crypto.VerifiedManifest, error) {
	signed := n.Signed()
	if n.State == portal.Released {
		return o.trust.Root().VerifyManifest(signed, o.trust.StaffCertificates(), time.Now())
	}
	return o.trust.Root().VerifySubmission(signed, o.trust.StaffCertificates(), time.Now())
}
