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

const deskEnvironment = `ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  `

// AnswerCommand answers a mailbox.
type AnswerCommand struct {
	staffFlags
	Thread string   `arg:"" help:"The number of the thread, from 'valise inbox'."`
	Text   string   `arg:"" help:"The text, a Markdown file whose name says the language: en.md, or en=FILE. Its first line is the subject."`
	Attach []string `type:"existingfile" sep:"none" placeholder:"FILE" help:"A file that goes with it; 25 MiB in all. May be repeated."`
	Close  bool     `help:"Close the thread afterwards."`
}

// Help is the part of --help below the summary.
func (AnswerCommand) Help() string {
	return manual(`Seals an answer, on this machine, to all who have claimed the mailbox and to the desk, and signs it with your key alone. Recipients see it as what it is: the answer of one member of the desk. What the institution has to say takes two signatures, and is a notice: valise seal.

EXAMPLES

  valise answer T-9C3H6W2V en.md --server https://portal.example --key amara.key --attach form.pdf

JSON

  thread, message, sha256 (what later messages name it by), received

` + deskEnvironment + `0 the portal has the answer; 1 refused or failed; 2 wrong usage.`)
}

// Run answers.
func (c *AnswerCommand) Run(ctx context.Context, p *process) error {
	number, err := parseThread(c.Thread)
	if err != nil {
		return err
	}
	if err := p.writing(crypto.NewThreadMessage("", "", "", "", nil, time.Now()), c.Text, c.Attach); err != nil { // before anybody types a passphrase
		return err
	}
	o, err := c.logInDesk(ctx, p)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	who := o.correspondent()
	conversation, err := who.conversation(ctx, number)
	if err != nil {
		return err
	}
	message := crypto.NewThreadMessage(o.trust.Root().Fingerprint(), number, conversation.Mailbox, conversation.About, conversation.Heads(), time.Now())
	if err := p.writing(message, c.Text, c.Attach); err != nil {
		return err
	}
	if err := who.send(ctx, p, message, func(to api.Addressees) (*api.NewMessage, error) {
		return ceremony.SealAnswer(o.trust, o.key, message, to, time.Now())
	}); err != nil || !c.Close {
		return err
	}
	return o.client.CloseThread(ctx, number)
}

// AssignCommand says who looks after a thread.
type AssignCommand struct {
	staffFlags
	Thread string `arg:"" help:"The number of the thread."`
	To     string `placeholder:"WHO" help:"A member of the desk, by name or fingerprint. Without it: you."`
	Nobody bool   `help:"Take it from whoever has it."`
}

// Help is the part of --help below the summary.
func (AssignCommand) Help() string {
	return manual(`Says who of the desk looks after a thread. All of the desk can still read and answer it; representatives don't see who has it.

EXAMPLES

  valise assign T-9C3H6W2V --server https://portal.example --key amara.key

  valise assign T-9C3H6W2V --to 'Benoît Laurent' --server https://portal.example --key amara.key

JSON

  thread, assignee (null: nobody)

` + deskEnvironment + `0 done; 1 refused or failed; 2 wrong usage.`)
}

type assignedJSON struct {
	Thread   crypto.Number `json:"thread"`
	Assignee *string       `json:"assignee"`
}

// Run assigns.
func (c *AssignCommand) Run(ctx context.Context, p *process) error {
	number, err := parseThread(c.Thread)
	if err != nil {
		return err
	}
	if c.Nobody && c.To != "" {
		return usagef("--nobody and --to contradict each other")
	}
	o, err := c.logInDesk(ctx, p)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	out := assignedJSON{Thread: number}
	holder := ""
	if !c.Nobody {
		member, err := c.member(o)
		if err != nil {
			return err
		}
		name := member.Name()
		holder, out.Assignee = crypto.StaffHolder(member.Certificate().Fingerprint()), &name
	}
	if err := o.client.AssignThread(ctx, number, holder); err != nil {
		return err
	}
	p.report(out, func() {
		if out.Assignee == nil {
			p.say("%s is assigned to nobody.", number)
			return
		}
		p.say("%s is assigned to %s.", number, *out.Assignee)
	})
	return nil
}

// member finds whom it is for.
func (c *AssignCommand) member(o *officer) (*crypto.Staff, error) {
	if c.To == "" {
		return o.self, nil
	}
	var found []*crypto.Staff
	for _, member := range o.trust.Staff(time.Now(), crypto.RoleAuthor, crypto.RoleApprover) {
		if f, err := crypto.ParseFingerprint(c.To); err == nil && f == member.Certificate().Fingerprint() || strings.EqualFold(member.Name(), strings.TrimSpace(c.To)) {
			found = append(found, member)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%q is nobody of the desk, which is who may author or approve", c.To)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%q is the name of several; give the fingerprint", c.To)
}

// CloseCommand closes a thread, or opens it again.
type CloseCommand struct {
	staffFlags
	Thread string `arg:"" help:"The number of the thread."`
	Reopen bool   `help:"Open it again."`
}

// Help is the part of --help below the summary.
func (CloseCommand) Help() string {
	return manual(`Takes a thread off the desk's list of open ones. Nothing of it is deleted, and a reply opens it again by itself.

EXAMPLES

  valise close T-9C3H6W2V --server https://portal.example --key amara.key

JSON

  thread, closed

` + deskEnvironment + `0 done; 1 refused or failed; 2 wrong usage.`)
}

// Run closes.
func (c *CloseCommand) Run(ctx context.Context, p *process) error {
	number, err := parseThread(c.Thread)
	if err != nil {
		return err
	}
	o, err := c.logInDesk(ctx, p)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	act, word := o.client.CloseThread, "closed"
	if c.Reopen {
		act, word = o.client.ReopenThread, "open"
	}
	if err := act(ctx, number); err != nil {
		return err
	}
	p.report(struct {
		Thread crypto.Number `json:"thread"`
		Closed bool          `json:"closed"`
	}{number, !c.Reopen}, func() { p.say("%s is %s.", number, word) })
	return nil
}
