package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// StatementApproveCommand shows a submitted statement and approves it.
type StatementApproveCommand struct {
	staffFlags
	Statement       string `arg:"" optional:"" help:"The statement's number. Without it, those that wait for approval are listed."`
	SaveAttachments string `placeholder:"DIR" help:"Write the attachments there before asking, to be looked at."`
	Yes             bool   `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (StatementApproveCommand) Help() string {
	return manual(`Opens the very texts that the world will read, checks the author's signature over each, and shows them; of a correction, what has changed against the version that is published: [-what went-], {+what came+}. Every attachment is fetched and compared with what the author signed; --save-attachments writes them down, to be looked at. Then it asks, and signs the same.

What is due is public with that. What has a minute of its own is sealed to the desk and to the institution's notaries, who publish it then; the portal can't read it before. The author can't approve; nobody can approve for you.

EXAMPLES

  valise statement approve --server https://portal.example --key benoit.key
  valise statement approve P-V2HC9RK1 --server https://portal.example --key benoit.key

JSON

  with a number: statement, state (published, approved), version, published, publish_at, languages[] (language, subject, text)
  without: an array of statement, title, submitted, problem

EXIT STATUS

  0 approved, or listed; 1 refused, something did not hold, or not confirmed; 2 wrong usage.`)
}

type approvedStatementJSON struct {
	Statement crypto.Number      `json:"statement"`
	State     api.StatementState `json:"state"`
	Version   int                `json:"version"`
	Published *time.Time         `json:"published"`
	PublishAt time.Time          `json:"publish_at"`
	Languages []languageJSON     `json:"languages"`
}

// Run lists, or shows and approves.
func (c *StatementApproveCommand) Run(ctx context.Context, p *process) error {
	if c.Statement == "" {
		return c.list(ctx, p)
	}
	e, o, err := c.examine(ctx, p, c.Statement)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	showSubmitted(p, e)
	m := e.Submitted.Manifest()
	if err := o.hold(ctx, e); err != nil {
		return err
	}
	if err := p.saveFiles(c.SaveAttachments, e.Submitted.Attachments(), func(a crypto.StatementAttachment) ([]byte, error) { return e.File(a.Name), nil }); err != nil {
		return err
	}
	if err := ceremony.CheckApproval(o.trust, o.key, e, time.Now()); err != nil { // says what is in the way before anybody is asked
		return err
	}
	if !c.Yes {
		question := "Publish it now? A published version is never altered."
		if !e.Due(time.Now()) {
			question = fmt.Sprintf("Have it published at %s?", hour(m.PublishAt))
		}
		if err := p.confirm(question); err != nil {
			return err
		}
	}
	if err := o.handOn(ctx, e); err != nil {
		return err
	}
	approval, err := ceremony.ApproveStatement(o.trust, o.key, e, time.Now())
	if err != nil {
		return err
	}
	approved, err := o.client.ApproveStatement(ctx, m.Statement, approval)
	if err != nil {
		return err
	}
	out := approvedStatementJSON{Statement: m.Statement, State: approved.State, Version: m.Version, Published: approved.Published, PublishAt: m.PublishAt, Languages: textsJSON(e.Submitted.Texts())}
	p.report(out, func() {
		if approved.Published != nil {
			p.say("Published %s, version %d, at %s.", m.Statement, m.Version, hourUTC(*approved.Published))
			return
		}
		p.say("Approved %s, version %d. A notary publishes it at %s; until then the portal can't read it.", m.Statement, m.Version, hour(m.PublishAt))
	})
	return nil
}

// examine logs an approver in, and opens a submission.
func (f *staffFlags) examine(ctx context.Context, p *process, number string) (*ceremony.ExaminedStatement, *officer, error) {
	n, err := parseStatement(number)
	if err != nil {
		return nil, nil, err
	}
	o, err := f.logIn(ctx, p, crypto.RoleApprover)
	if err != nil {
		return nil, nil, err
	}
	e, err := o.examineStatement(ctx, n)
	if err != nil {
		o.close(ctx)
		return nil, nil, err
	}
	return e, o, nil
}

func (o *officer) examineStatement(ctx context.Context, n crypto.Number) (*ceremony.ExaminedStatement, error) {
	w, err := o.client.StatementWork(ctx, n)
	if err != nil {
		return nil, err
	}
	versions, err := published(ctx, o.client, o.trust, n)
	if err != nil {
		return nil, err
	}
	return ceremony.ExamineStatement(o.trust, o.keys, n, w, newest(versions), time.Now())
}

func textsJSON(texts []*crypto.StatementText) []languageJSON {
	languages := []languageJSON{}
	for _, t := range texts {
		languages = append(languages, languageJSON{t.Language, t.Title, t.Body})
	}
	return languages
}

// showSubmitted prints exactly what the world will read, and what has changed.
func showSubmitted(p *process, e *ceremony.ExaminedStatement) {
	m, texts := e.Submitted.Manifest(), e.Submitted.Texts()
	p.say("%s, version %d (%s), signed by %s at %s", m.Statement, m.Version, m.Kind, clean(e.Submitted.Author().Name()), hourUTC(m.Created))
	p.say("topic %s, to be published at %s", texts[0].Topic, hour(m.PublishAt))
	if texts[0].Series != "" {
		p.say("series %s", texts[0].Series)
	}
	if len(m.Acknowledge) > 0 {
		p.say("acknowledgement %s", deadlineText(m.Deadline))
	}
	for _, t := range texts {
		showStatementText(p, t)
	}
	if c := ceremony.CompareStatements(e.Previous, e.Submitted); c != nil {
		showChanges(p, c, m.Version-1)
	}
	p.say("")
}

func showStatementText(p *process, t *crypto.StatementText) {
	p.say("\n──── %s ──── %s", t.Language, clean(t.Title))
	if t.Reason != "" {
		p.say("reason: %s", clean(t.Reason))
	}
	if t.Body != "" {
		p.say("\n%s", cleanText(strings.TrimRight(t.Body, "\n")))
	}
	for _, a := range t.Attachments {
		p.say("attached  %s (%s, %s, SHA-256 %s)", clean(a.Name), a.Type, size(int(a.Size)), a.SHA256)
	}
}

type waitingStatementJSON struct {
	Statement crypto.Number `json:"statement"`
	Title     string        `json:"title,omitempty"`
	Submitted *time.Time    `json:"submitted"`
	Problem   string        `json:"problem,omitempty"`
}

// list shows what waits for approval.
func (c *StatementApproveCommand) list(ctx context.Context, p *process) error {
	o, err := c.logIn(ctx, p, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	works, err := o.client.StatementWorks(ctx)
	if err != nil {
		return err
	}
	waiting := []waitingStatementJSON{}
	for _, w := range works {
		if w.State != api.StatementSubmitted {
			continue
		}
		line := waitingStatementJSON{Statement: w.Statement, Submitted: w.Submitted}
		if opened, err := ceremony.OpenWork(o.trust, o.keys, w, time.Now()); err != nil {
			line.Problem = err.Error()
		} else if len(opened.Content.Languages) > 0 {
			line.Title = opened.Content.Languages[0].Title
		}
		waiting = append(waiting, line)
	}
	p.report(waiting, func() {
		for _, w := range waiting {
			if w.Problem != "" {
				p.say("%s  DOES NOT HOLD: %s", w.Statement, w.Problem)
				continue
			}
			p.say("%s  %s", w.Statement, clean(w.Title))
		}
		if len(waiting) == 0 {
			p.say("Nothing waits for approval.")
		}
	})
	return nil
}

// StatementReturnCommand sends a statement back.
type StatementReturnCommand struct {
	staffFlags
	Statement string `arg:"" help:"The statement's number."`
	Reason    string `placeholder:"TEXT" help:"Why."`
	File      string `placeholder:"FILE" help:"A file that says why (\"-\": standard input)."`
}

// Help is the part of --help below the summary.
func (StatementReturnCommand) Help() string {
	return manual(`The reason is signed by you and sealed to the desk: only staff who author and approve can read it.

EXAMPLES

  valise statement return P-V2HC9RK1 --reason "The second paragraph names a witness." --server https://portal.example --key benoit.key

JSON

  statement, state (draft)

EXIT STATUS

  0 sent back; 1 refused or failed; 2 wrong usage.`)
}

type statementStateJSON struct {
	Statement crypto.Number      `json:"statement"`
	State     api.StatementState `json:"state"`
}

// Run sends back.
func (c *StatementReturnCommand) Run(ctx context.Context, p *process) error {
	if (c.Reason == "") == (c.File == "") {
		return usagef("say why, with --reason or --file")
	}
	reason := c.Reason
	if c.File != "" {
		data, err := p.readInput(c.File, crypto.MaxReturnReason)
		if err != nil {
			return err
		}
		reason = strings.TrimSpace(string(data))
	}
	e, o, err := c.examine(ctx, p, c.Statement)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	request, err := ceremony.ReturnStatement(o.trust, o.key, e, reason, time.Now())
	if err != nil {
		return err
	}
	n := e.Submitted.Manifest().Statement
	if err := o.client.ReturnStatement(ctx, n, request); err != nil {
		return err
	}
	p.report(statementStateJSON{n, api.StatementDraft}, func() { p.say("Sent back %s. Its author can read why: valise statement show %s --key …", n, n) })
	return nil
}

// StatementCancelCommand takes back what isn't published yet.
type StatementCancelCommand struct {
	staffFlags
	Statement string `arg:"" help:"The statement's number."`
}

// Help is the part of --help below the summary.
func (StatementCancelCommand) Help() string {
	return manual(`What was submitted or approved is a draft again. What is published can't be taken back, only withdrawn, for everybody to see.

EXAMPLES

  valise statement cancel P-V2HC9RK1 --server https://portal.example --key amara.key

JSON

  statement, state (draft)

EXIT STATUS

  0 taken back; 1 refused or failed; 2 wrong usage.`)
}

// Run takes back.
func (c *StatementCancelCommand) Run(ctx context.Context, p *process) error {
	n, err := parseStatement(c.Statement)
	if err != nil {
		return err
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	w, err := o.client.StatementWork(ctx, n)
	if err != nil {
		return err
	}
	if w.Submission == "" {
		return fmt.Errorf("statement %s is a draft; there is nothing to take back", n)
	}
	if err := o.client.CancelStatement(ctx, n, w.Submission); err != nil {
		return err
	}
	p.report(statementStateJSON{n, api.StatementDraft}, func() { p.say("Taken back: %s is a draft again.", n) })
	return nil
}
