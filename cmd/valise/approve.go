package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// ApproveCommand shows a submitted notice and approves it.
type ApproveCommand struct {
	staffFlags
	Notice          string `arg:"" optional:"" help:"The notice's number. Without it, those that wait for approval are listed."`
	SaveAttachments string `type:"path" placeholder:"DIR" help:"Write the attachments there before asking, to be looked at."`
	AllPersonal     bool   `help:"Show what each mailbox alone will read, for all of them; otherwise for the first 20."`
	SendBack        bool   `help:"Send it back to its author instead of approving it, with --reason or --file."`
	reasonFlags
	Yes bool `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (ApproveCommand) Help() string {
	return manual(`Opens the notice with your own envelope, so the same bytes that recipients will open, and shows all of it: every language, the attachments, what is said to single mailboxes alone, and everyone it goes to, with names where you may see them. It checks that author, content, subjects and audience are those that were signed, and that every recipient's certificate is their current one. Then it asks, and signs the same manifest that the author signed.

With your signature the portal releases the notice into every mailbox at once, or at the time that the notice sets; until then it can be recalled. What is released can't be taken back. The author can't approve; nobody can approve for you.

With --send-back it goes to nobody, for good. Its author reads why, and seals another. The reason is signed by you and sealed to the staff who author and approve.

EXAMPLES

  valise approve --server https://portal.example --key benoit.key
  valise approve N-4GZ0R8T4 --server https://portal.example --key benoit.key
  valise approve N-4GZ0R8T4 --send-back --reason "The second paragraph names a witness." --server https://portal.example --key benoit.key

JSON

  with a notice: notice, state (released; approved: it waits for its time), released (when, or when it will be), author, languages[] (language, subject, text), attachments[] (name, type, size, sha256), acknowledge, deadline, release (null: at once), urgent, fallback, reminders[] (hours before the deadline), escalate_hours, recipients[] (representative, stakeholder, name, post_quantum), personal[] (mailbox, languages[]: what it alone reads)
  with --send-back: notice, state (returned), ended
  without: an array of notice, author, submitted, acknowledge, deadline, release, urgent, fallback, reminders[], escalate_hours, mailboxes, problem

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 released, sent back, or listed; 1 refused, something did not hold, or not confirmed; 2 wrong usage.`)
}

// Run lists, or shows and approves.
func (c *ApproveCommand) Run(ctx context.Context, p *process) error {
	var number crypto.Number
	if c.Notice != "" {
		var err error
		if number, err = parseNotice(c.Notice); err != nil {
			return err
		}
	}
	reason, err := c.read(p)
	switch {
	case err != nil:
		return err
	case c.SendBack && number == "":
		return usagef("--send-back needs the number of a notice")
	case c.SendBack && reason == "":
		return usagef("say why it is sent back, with --reason or --file")
	case !c.SendBack && reason != "":
		return usagef("a reason is for --send-back")
	}
	o, err := c.logIn(ctx, p, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	if number == "" {
		return c.list(ctx, p, o)
	}
	return c.decide(ctx, p, o, number, reason)
}

func (c *ApproveCommand) decide(ctx context.Context, p *process, o *officer, number crypto.Number, reason string) error {
	d, err := o.directory(ctx, p)
	if err != nil {
		return err
	}
	n, err := o.client.StaffNotice(ctx, number)
	if err != nil {
		return err
	}
	e, err := ceremony.Examine(o.trust, o.keys, number, n, d, time.Now())
	if err != nil {
		return err
	}
	c.show(p, e, d)
	showAllPersonal(p, e, d, c.AllPersonal)
	if c.SaveAttachments != "" {
		if err := p.saveAttachments(c.SaveAttachments, e.Opened.Content()); err != nil {
			return err
		}
	}
	if c.SendBack {
		request, err := ceremony.ReturnNotice(o.trust, o.key, e, reason, time.Now())
		if err != nil {
			return err
		}
		ended, err := o.client.ReturnNotice(ctx, number, request)
		if err != nil {
			return err
		}
		p.report(endedJSON{number, ended.State, ended.Ended}, func() {
			p.say("Sent %s back. It goes to nobody. Its author can read why: valise status --server … --key …", number)
		})
		return nil
	}
	approval, err := ceremony.Approve(o.trust, o.key, e, time.Now()) // says what is in the way before anybody is asked
	if err != nil {
		return err
	}
	if !c.Yes {
		m := e.Opened.Verified().Manifest()
		to := count(m.Mailboxes, "mailbox", "mailboxes")
		question := fmt.Sprintf("Release it to %s? This can't be undone.", to)
		if m.Release.After(time.Now()) {
			question = fmt.Sprintf("Approve it, to be released to %s at %s?", to, hour(m.Release))
		}
		if err := p.confirm(question); err != nil {
			return err
		}
	}
	released, err := o.client.Approve(ctx, number, approval)
	if err != nil {
		return err
	}
	p.report(approvedJSON(number, released, e), func() {
		if released.State == portal.Approved {
			p.say("Approved %s. It is released at %s; until then: valise recall %s", number, hourUTC(released.Released), number)
			return
		}
		p.say("Released %s at %s.", number, hourUTC(released.Released))
	})
	return nil
}

// show prints exactly what recipients will see, and who they are.
func (c *ApproveCommand) show(p *process, e *ceremony.Examined, d *ceremony.Directory) {
	v := e.Opened.Verified()
	m := v.Manifest()
	p.say("%s, sealed by %s at %s", m.Notice, v.Author().Name(), hourUTC(m.Created))
	p.say("from %s", e.Opened.Content().From)
	showPolicy(p, m)
	showContent(p, e.Opened.Content(), "")
	p.say("\nTo %s:", count(m.Mailboxes, "mailbox", "mailboxes"))
	for _, r := range e.Recipients {
		line := r.Representative.String()
		if r.Entry != nil && r.Mailbox != nil {
			line = entryName(r.Mailbox, r.Entry)
			if !r.Entry.PostQuantum() {
				line += "  (not post-quantum)"
			}
		}
		if r.Problem != nil {
			line += "  PROBLEM: " + r.Problem.Error()
		}
		p.say("    %s", line)
	}
	if absent := e.Absent(d); len(absent) > 0 {
		p.say("\nNOT AMONG THEM, though the directory has them for the same mailboxes; ask the author why:")
		for _, entry := range absent {
			p.say("    %s", entryName(d.Mailbox(entry.Representative.Mailbox), entry))
		}
	}
	p.say("")
}

// showContent prints a content, in one language or, for "", in all.
func showContent(p *process, c *crypto.Content, language string) {
	for _, l := range c.Languages {
		if language == "" || l.Language == language {
			p.say("\n──── %s ──── %s\n\n%s", l.Language, l.Subject, strings.TrimRight(l.Text, "\n"))
		}
	}
	for _, a := range c.Attachments {
		p.say("attached  %s (%s, %s, SHA-256 %s)", a.Name, a.Type, size(len(a.Data)), digest(a.Data))
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// saveAttachments writes attachments; their names were checked to have no path.
func (p *process) saveAttachments(dir string, c *crypto.Content) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, a := range c.Attachments {
		path := filepath.Join(dir, filepath.Base(a.Name))
		if err := writeNew(path, a.Data, 0o600); err != nil {
			return fmt.Errorf("the attachment %s: %w", a.Name, err)
		}
		p.say("saved  %s", path)
	}
	return nil
}

type attachmentJSON struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

func contentJSON(c *crypto.Content) ([]languageJSON, []attachmentJSON) {
	languages, attachments := []languageJSON{}, []attachmentJSON{}
	for _, l := range c.Languages {
		languages = append(languages, languageJSON{l.Language, l.Subject, l.Text})
	}
	for _, a := range c.Attachments {
		attachments = append(attachments, attachmentJSON{a.Name, a.Type, len(a.Data), digest(a.Data)})
	}
	return languages, attachments
}

type recipientJSON struct {
	Representative string `json:"representative"`
	Stakeholder    string `json:"stakeholder,omitempty"`
	Name           string `json:"name,omitempty"`
	PostQuantum    bool   `json:"post_quantum"`
}

type approveJSON struct {
	Notice      crypto.Number      `json:"notice"`
	State       portal.NoticeState `json:"state"` // released, or approved: it waits for its time
	Released    time.Time          `json:"released"`
	Author      *signerJSON        `json:"author"`
	Languages   []languageJSON     `json:"languages"`
	Attachments []attachmentJSON   `json:"attachments"`
	Recipients  []recipientJSON    `json:"recipients"`
	Personal    []personalJSON     `json:"personal"`
	policyJSON
}

func approvedJSON(n crypto.Number, released api.Released, e *ceremony.Examined) approveJSON {
	v := e.Opened.Verified()
	out := approveJSON{
		Notice: n, State: released.State, Released: released.Released, Author: signedBy(v.Author(), v.AuthorSignature()),
		Recipients: []recipientJSON{}, policyJSON: policyOf(v.Manifest()),
	}
	out.Languages, out.Attachments = contentJSON(e.Opened.Content())
	out.Personal = allPersonalJSON(e)
	for _, r := range e.Recipients {
		out.Recipients = append(out.Recipients, recipientJSON{r.Representative.String(), r.Mailbox.Name, r.Entry.Name, r.Entry.PostQuantum()})
	}
	return out
}

type waitingJSON struct {
	Notice    crypto.Number `json:"notice"`
	Author    *signerJSON   `json:"author"`
	Submitted time.Time     `json:"submitted"`
	Mailboxes int           `json:"mailboxes"`
	policyJSON
	Problem string `json:"problem,omitempty"`
}

// list shows what waits for approval.
func (c *ApproveCommand) list(ctx context.Context, p *process, o *officer) error {
	notices, err := o.client.StaffNotices(ctx)
	if err != nil {
		return err
	}
	waiting := []waitingJSON{}
	for _, n := range notices {
		if n.State != portal.Submitted {
			continue
		}
		w := waitingJSON{Notice: n.Notice, Submitted: n.Submitted}
		v, err := o.trust.Root().VerifySubmission(crypto.SignedManifest{Manifest: []byte(n.Manifest), AuthorSignature: []byte(n.AuthorSignature)}, o.trust.StaffCertificates(), time.Now())
		if err != nil {
			w.Problem = err.Error()
		} else {
			m := v.Manifest()
			w.Author, w.policyJSON, w.Mailboxes = signedBy(v.Author(), v.AuthorSignature()), policyOf(m), m.Mailboxes
		}
		waiting = append(waiting, w)
	}
	slices.SortStableFunc(waiting, func(a, b waitingJSON) int { return urgentFirst(a.Urgent, b.Urgent) })
	p.report(waiting, func() {
		for _, w := range waiting {
			if w.Problem != "" {
				p.say("%s  DOES NOT HOLD: %s", w.Notice, w.Problem)
				continue
			}
			p.say("%s%s  by %s, %s, to %s", urgentMark(w.Urgent), w.Notice, w.Author.Name, hourUTC(w.Submitted), count(w.Mailboxes, "mailbox", "mailboxes"))
		}
		if len(waiting) == 0 {
			p.say("Nothing waits for approval.")
		}
	})
	return nil
}
