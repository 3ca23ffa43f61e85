package main

import (
	"context"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// MailCommand shows what came by e-mail.
type MailCommand struct {
	staffFlags
	Mail   string `arg:"" optional:"" help:"The name of a kept mail; without it, all of them are listed."`
	Out    string `placeholder:"FILE" help:"Open MAIL and write it there (\"-\": standard output), octet by octet as it came. Mind: anybody may have written it."`
	Remove bool   `help:"Remove MAIL: it was dealt with."`
}

// Help is the part of --help below the summary.
func (MailCommand) Help() string {
	return manual(`Lists the mail that came and that the courier could do nothing with: acknowledgements that did not hold, with why; encrypted mail; what came to the address for mail that can't be delivered, and is no report; everything else. It is sealed to authors and approvers, changed nothing, and was not answered. Below stands how much came in the last thirty days, acknowledgements that were taken included.

For each reason so much is kept, and the oldest is given up for newer mail; a flood of one kind pushes out nothing of another.

EXAMPLES

  valise mail --server https://portal.example --key chen.key
  valise mail 0f3c… --out strange.eml …
  valise mail 0f3c… --remove …

JSON

  kept[] (id, received, reason, detail, notice, representative, size), commands[] (representative, command, about, time, taken), counts[] (day, what, mails); with --out: id, received, reason, detail, size, out

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 done; 1 refused or failed; 2 wrong usage.`)
}

// keptReasons say what a reason means, and what to do.
var keptReasons = map[string]string{
	"receipt":   "an acknowledgement that was not taken",
	"command":   "a command that was not obeyed",
	"encrypted": "encrypted, and in no thread, or not all of it; open it with --out and your OpenPGP program",
	"return":    "came to the address for what can't be delivered, and is no report on a mail of ours",
	"automatic": "written by a program",
	"broken":    "no proper mail, or one with too many parts",
	"other":     "something else",
}

// Run lists, opens or removes.
func (c *MailCommand) Run(ctx context.Context, p *process) error {
	if c.Mail == "" && (c.Out != "" || c.Remove) {
		return usagef("--out and --remove need the name of a mail")
	}
	if c.Out != "" {
		if err := canWriteOut(c.Out); err != nil {
			return usagef("--out: %w", err)
		}
	}
	roles := []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover}
	if c.Mail == "" {
		roles = append(roles, crypto.RoleRegistrar, crypto.RoleAuditor)
	}
	o, err := c.logIn(ctx, p, roles...)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	switch {
	case c.Mail == "":
		in, err := o.client.MailIn(ctx)
		if err != nil {
			return err
		}
		p.report(in, func() { showMailIn(p, in) })
		return nil
	case c.Out != "":
		if err := c.open(ctx, p, o); err != nil || !c.Remove {
			return err
		}
	case !c.Remove:
		return usagef("say where to write it: --out FILE")
	}
	if err := o.client.RemoveKeptMail(ctx, c.Mail); err != nil {
		return err
	}
	p.warn("removed %s", clean(c.Mail))
	return nil
}

func showMailIn(p *process, in api.MailIn) {
	for _, m := range in.Kept {
		why := keptReasons[m.Reason]
		if m.Detail != "" {
			why += " (" + clean(m.Detail) + ")"
		}
		p.say("%s  %s  %s  %s %s", clean(m.ID), hourUTC(m.Received), why, clean(string(m.Notice)), clean(m.Representative))
	}
	if len(in.Kept) == 0 {
		p.say("Nothing is kept.")
	}
	for _, c := range in.Commands {
		p.say("%s  %s commanded by signed mail: %s %s", hourUTC(c.Taken), clean(c.Representative), clean(string(c.Command)), clean(c.About))
	}
	sums, order := map[string]int{}, []string{}
	for _, count := range in.Counts {
		if sums[count.What] == 0 {
			order = append(order, count.What)
		}
		sums[count.What] += count.Mails
	}
	for _, what := range order {
		p.say("%6d  %s", sums[what], clean(what))
	}
}

type openedMailJSON struct {
	api.KeptMail
	Out string `json:"out"`
}

// open opens one, when a courier whom the root certified kept it.
func (c *MailCommand) open(ctx context.Context, p *process, o *officer) error {
	m, err := o.client.KeptMail(ctx, c.Mail)
	if err != nil {
		return err
	}
	raw, s, err := crypto.OpenRecord(m.Record, append([]*crypto.Key{o.key}, o.keys...), o.trust.StaffCertificates(), crypto.PurposeKeptMail, time.Now())
	if err != nil {
		return fmt.Errorf("the mail is not shown: %w", err)
	}
	keeper, err := o.trust.Root().VerifyStaff(s.Signer(), s.Made())
	if err != nil {
		return err
	}
	if !keeper.Has(crypto.RoleCourier) {
		return fmt.Errorf("the mail is not shown: it was kept by %s, who is no courier", keeper.Name())
	}
	if err := p.writeOut(c.Out, raw, 0o600); err != nil {
		return err
	}
	if c.Out == "-" {
		return nil
	}
	p.report(openedMailJSON{m.KeptMail, c.Out}, func() { p.say("%s: %d octets. Anybody may have written it.", c.Out, len(raw)) })
	return nil
}
