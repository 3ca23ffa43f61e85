package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

// SealCommand seals and submits a notice.
type SealCommand struct {
	staffFlags
	Texts  []string `arg:"" name:"text" help:"The notice, one Markdown file per language, the authoritative one first: en.md or notice.en.md, or en=FILE. Its first line is the subject, or a front matter says \"subject: …\"."`
	To     []string `placeholder:"WHO,…" help:"The audience: numbers of mailboxes, groups by number or name, states, organisations, individuals, or all."`
	ToFile string   `type:"existingfile" placeholder:"FILE" help:"More of the audience, one to a line; what follows # is passed over."`
	Attach []string `type:"existingfile" sep:"none" placeholder:"FILE" help:"A file that goes with it; 25 MiB in all. May be repeated."`
	policyFlags
	personalFlags
	LeaveOutRefused bool `help:"With --yes: seal although some representatives' certificates were refused, and leave those out."`
	Yes             bool `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (SealCommand) Help() string {
	return manual(`Fetches the directory, checks every certificate's chain up to the root, and says who is refused and why, who isn't post-quantum and who hasn't claimed yet. Then it seals, on this machine: one content with all languages and attachments, encrypted once for each of the two kinds of key, one envelope for each representative and for the staff who author and approve. It signs the manifest and submits everything. Nobody receives anything before another person has approved it.

EXAMPLES

  valise seal en.md fr.md --server https://portal.example --key amara.key --to states --deadline 2026-02-01T17:00+01:00

  valise seal en.md … --to "Host States,G-2WRX6B0C"
  valise seal en.md … --to all --release 2026-01-20T08:00+01:00 --deadline 2026-02-01T17:00+01:00 --remind 72h,24h --escalate 48h
  valise seal warning.md … --to all --urgent --acknowledge --fallback at-once
  valise seal en.md fr.md … --to all --personal files.csv --personal-text files.en.md --personal-text files.fr.md
  valise seal notice.en.md … --to S-7K2M9QXD,O-4GZ0R8TB --attach timeline.csv --yes --json

FILES

  A text:      Security incident: first notice
               (an empty line)
               Markdown …

  or:          ---
               subject: Security incident: first notice
               ---
               Markdown …

  A table for --personal (CSV, UTF-8):

               mailbox,files,day
               S-7K2M9QXD,"NV-2025-114, NV-2025-131",5 January

  and its text, which goes sealed to that mailbox alone, below the notice's own:

               Of your files, **{files}** were read on {day}.

               {{ and }} stand for braces. Mailboxes that are not in the table are sent a part of the same size with nothing in it, so that nobody sees who is concerned.

JSON

  notice, mailboxes, representatives, personal (mailboxes that are told something for them alone), not_post_quantum[], unclaimed[], no_email[], refused[] (representative, reason)

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 submitted; 1 refused or failed, nothing was submitted; 2 wrong usage.`)
}

// Run seals.
func (c *SealCommand) Run(ctx context.Context, p *process) error {
	draft, err := c.draft(p)
	if err != nil {
		return err
	}
	table, err := c.readPersonal(p, draft)
	if err != nil {
		return err
	}
	audience, err := c.audience(p)
	if err != nil {
		return err
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuthor)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	d, err := o.directory(ctx, p)
	if err != nil {
		return err
	}
	if d.Groups, err = o.groups(ctx); err != nil {
		return err
	}
	choice, err := d.Choose(audience...)
	if err != nil {
		return err
	}
	if err := c.settlePersonal(draft, table, choice); err != nil {
		return err
	}
	c.show(p, draft, d, choice)
	if err := c.agree(p, choice); err != nil {
		return err
	}
	submission, number, err := ceremony.Seal(o.trust, o.key, draft, choice.Recipients, time.Now(), p.progress("sealing"))
	if err != nil {
		return err
	}
	submitted, err := o.client.Submit(ctx, submission, p.progress("sending"))
	if err != nil {
		return err
	}
	if submitted.Notice != number {
		return fmt.Errorf("the portal calls the notice %s, but it is %s: don't go on, and tell the administrators", clean(string(submitted.Notice)), number)
	}
	out := sealedJSON(number, choice)
	out.Personal = len(draft.Personal)
	p.report(out, func() {
		p.say("Submitted %s. Next, by another person: valise approve %s", number, number)
	})
	return nil
}

// draft reads what the author wrote.
func (c *SealCommand) draft(p *process) (*crypto.Draft, error) {
	d := &crypto.Draft{}
	if err := c.policy(d); err != nil {
		return nil, err
	}
	for _, argument := range c.Texts {
		version, err := p.readText(argument)
		if err != nil {
			return nil, err
		}
		d.Languages = append(d.Languages, version)
	}
	for _, path := range c.Attach {
		a, err := p.readAttachment(path)
		if err != nil {
			return nil, err
		}
		d.Attachments = append(d.Attachments, a)
	}
	return d, nil
}

func (c *SealCommand) audience(p *process) ([]string, error) {
	audience := c.To
	if c.ToFile != "" {
		data, err := p.readInput(c.ToFile, maxInput)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				audience = append(audience, line)
			}
		}
	}
	if len(audience) == 0 {
		return nil, usagef("the notice goes to nobody; say to whom with --to or --to-file")
	}
	return audience, nil
}

// show tells the author what they are about to do.
func (c *SealCommand) show(p *process, draft *crypto.Draft, d *ceremony.Directory, s *ceremony.Selection) {
	for _, l := range draft.Languages {
		p.say("%s  %s", l.Language, l.Subject)
	}
	for _, a := range draft.Attachments {
		p.say("attached  %s (%s, %s)", a.Name, a.Type, size(len(a.Data)))
	}
	showPolicy(p, draft.Policy())
	for _, g := range s.Groups {
		p.say("group  %s, %s, revision %d of %s, by %s", g.Number, clean(g.Name), g.Revision, hourUTC(g.Saved), g.By.Name())
	}
	p.say("\nTo %s, %s:", count(len(s.Mailboxes), "mailbox", "mailboxes"), count(len(s.Recipients), "representative", "representatives"))
	var lines []string
	for _, m := range s.Mailboxes {
		lines = append(lines, mailboxName(m))
	}
	atMost(p, 30, lines)
	showPersonal(p, draft, s)
	section := func(title string, entries []*ceremony.DirectoryEntry, why bool) {
		if len(entries) == 0 {
			return
		}
		p.say("\n%s", title)
		var lines []string
		for _, e := range entries {
			line := entryName(d.Mailbox(e.Representative.Mailbox), e)
			if why {
				line += ": " + e.Refused.Error()
			}
			lines = append(lines, line)
		}
		atMost(p, 50, lines)
	}
	section("NOT POST-QUANTUM: who records the traffic today may read it in some years:", s.Classical, false)
	section("Not claimed yet; nobody may read it for some time:", s.Unclaimed, false)
	if draft.Fallback != crypto.FallbackNone {
		section("No e-mail address, so they get it on the portal only:", s.NoEmail, false)
	}
	section("REFUSED, so left out; have a registrar look after them:", s.Refused, true)
	if len(s.Empty) > 0 {
		p.say("\nNOBODY can be reached in:")
		var lines []string
		for _, m := range s.Empty {
			lines = append(lines, mailboxName(m))
		}
		atMost(p, 50, lines)
	}
	p.say("")
}

func deadlineText(deadline time.Time) string {
	if deadline.IsZero() {
		return "asked for, without a deadline"
	}
	return "asked for until " + hour(deadline)
}

// agree asks the author. With --yes, somebody who would be left out still stops it.
func (c *SealCommand) agree(p *process, s *ceremony.Selection) error {
	missing := len(s.Refused) + len(s.Empty)
	switch {
	case len(s.Recipients) == 0:
		return fmt.Errorf("nobody in that audience can be sealed to; nothing was submitted")
	case c.Yes && missing > 0 && !c.LeaveOutRefused:
		return fmt.Errorf("%s would be left out: %s; seal to the others with --leave-out-refused", count(missing, "recipient", "recipients"), refusedText(s))
	case c.Yes:
		return nil
	}
	return p.confirm("Seal and submit it for approval?")
}

func refusedText(s *ceremony.Selection) string {
	var out []string
	for _, e := range s.Refused {
		out = append(out, fmt.Sprintf("%s (%v)", e.Representative, e.Refused))
	}
	for _, m := range s.Empty {
		out = append(out, fmt.Sprintf("%s (nobody left)", m.Mailbox))
	}
	return strings.Join(out, "; ")
}

type refusedJSON struct {
	Representative string `json:"representative"`
	Reason         string `json:"reason"`
}

type sealJSON struct {
	Notice          crypto.Number `json:"notice"`
	Mailboxes       int           `json:"mailboxes"`
	Representatives int           `json:"representatives"`
	Personal        int           `json:"personal"`
	NotPostQuantum  []string      `json:"not_post_quantum"`
	Unclaimed       []string      `json:"unclaimed"`
	NoEmail         []string      `json:"no_email"`
	Refused         []refusedJSON `json:"refused"`
}

func sealedJSON(n crypto.Number, s *ceremony.Selection) sealJSON {
	out := sealJSON{
		Notice: n, Mailboxes: len(s.Mailboxes) - len(s.Empty), Representatives: len(s.Recipients),
		NotPostQuantum: []string{}, Unclaimed: []string{}, NoEmail: []string{}, Refused: []refusedJSON{},
	}
	for _, e := range s.Classical {
		out.NotPostQuantum = append(out.NotPostQuantum, e.Representative.String())
	}
	for _, e := range s.Unclaimed {
		out.Unclaimed = append(out.Unclaimed, e.Representative.String())
	}
	for _, e := range s.NoEmail {
		out.NoEmail = append(out.NoEmail, e.Representative.String())
	}
	for _, e := range s.Refused {
		out.Refused = append(out.Refused, refusedJSON{e.Representative.String(), e.Refused.Error()})
	}
	return out
}
