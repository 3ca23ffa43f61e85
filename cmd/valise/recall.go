package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ceremony"
)

// reasonFlags are for what is done with a reason.
type reasonFlags struct {
	Reason string `placeholder:"TEXT" help:"Why."`
	File   string `placeholder:"FILE" help:"A file that says why (\"-\": standard input)."`
}

// read returns the reason; "" for none.
func (f *reasonFlags) read(p *process) (string, error) {
	switch {
	case f.Reason != "" && f.File != "":
		return "", usagef("say why with --reason or with --file, not with both")
	case f.File == "":
		return strings.TrimSpace(f.Reason), nil
	}
	data, err := p.readInput(f.File, crypto.MaxReturnReason)
	if err != nil {
		return "", err
	}
	reason := strings.TrimSpace(string(data))
	if reason == "" {
		return "", usagef("%s is empty", f.File)
	}
	return reason, nil
}

// RecallCommand takes a notice back before its release.
type RecallCommand struct {
	staffFlags
	Notice string `arg:"" help:"The notice's number."`
	reasonFlags
	Yes bool `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (RecallCommand) Help() string {
	return manual(`A notice that waits for approval, or for its time, goes to nobody, for good; it stays on the list as recalled, with who did it and when. Whoever wrote it can do that, and anybody who may approve. The reason, if you give one, is signed by you and sealed to the staff who author and approve.

Once a notice is released it lies in the mailboxes, and can't be recalled: seal another that corrects it.

EXAMPLES

  valise recall N-4GZ0R8T4 --reason "The deadline is wrong." --server https://portal.example --key amara.key

JSON

  notice, state (recalled), ended

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 recalled; 1 refused, failed, or not confirmed; 2 wrong usage.`)
}

type endedJSON struct {
	Notice crypto.Number      `json:"notice"`
	State  portal.NoticeState `json:"state"`
	Ended  time.Time          `json:"ended"`
}

// Run recalls.
func (c *RecallCommand) Run(ctx context.Context, p *process) error {
	number, err := parseNotice(c.Notice)
	if err != nil {
		return err
	}
	reason, err := c.read(p)
	if err != nil {
		return err
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	manifest, err := o.client.Manifest(ctx, number)
	if err != nil {
		return err
	}
	request, err := ceremony.RecallNotice(o.trust, o.key, number, manifest, reason, time.Now())
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := p.confirm(fmt.Sprintf("Recall %s? It will go to nobody.", number)); err != nil {
			return err
		}
	}
	ended, err := o.client.RecallNotice(ctx, number, request)
	if err != nil {
		return err
	}
	p.report(endedJSON{number, ended.State, ended.Ended}, func() { p.say("Recalled %s. It goes to nobody.", number) })
	return nil
}
