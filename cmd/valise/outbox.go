package main

import (
	"context"
	"strings"

	"valise/crypto"
	"valise/portal/api"
)

// OutboxCommand shows what goes by e-mail.
type OutboxCommand struct {
	staffFlags
	Notice string `arg:"" optional:"" help:"A notice; without it, all of them."`
	State  string `enum:",waiting,sent,cancelled,dead" default:"" placeholder:"STATE" help:"waiting, sent, cancelled, or dead: what could not be sent."`
	Retry  string `placeholder:"NUMBER" help:"Have the e-mail of NOTICE to this representative tried again, after it could not be sent."`
}

// Help is the part of --help below the summary.
func (OutboxCommand) Help() string {
	return manual(`Lists what the courier carries: one line for each notice and representative with an e-mail address, what could not be sent first, with why and what to do. To which address, the portal doesn't know; registrars see it with 'valise address'. That a mail server took a mail over does not mean that anybody has read it.

EXAMPLES

  valise outbox --state dead --server https://portal.example --key chen.key
  valise outbox N-4GZ0R8T4 …
  valise outbox N-4GZ0R8T4 --retry S-7K2M9QXD/2 …

JSON

  an array: notice, representative, state, queued, due, next, settled, attempts, reason, advice

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 done; 1 refused or failed; 2 wrong usage.`)
}

type outboxJSON struct {
	api.Mail
	Advice string `json:"advice,omitempty"`
}

// mailAdvice says, for each word of a reason, what it means and what to do.
var mailAdvice = map[string]string{
	"opened":        "The mailbox has opened the notice on the portal; no mail is needed.",
	"acknowledged":  "The mailbox has answered the notice; no mail is needed.",
	"never":         "They want no e-mail.",
	"last-call":     "They want one mail, a day before the deadline, and no other.",
	"no-address":    "There is no address any more.",
	"revoked":       "Their access was ended.",
	"not-yet":       "Its time has not come.",
	"quiet":         "It waits for the end of their quiet hours.",
	"unclaimed":     "They have not claimed their mailbox yet, so they could open nothing. Reach them by another way, with their letter.",
	"unreadable":    "The courier can't open the address: it was sealed before the courier had its key, or is damaged. A registrar seals it once more: valise address NUMBER --reseal",
	"not-genuine":   "What is kept is not what two people of the staff signed for them, so the courier sends none of it. Somebody may have altered the database: tell whoever runs the portal.",
	"no-identity":   "The courier has no neutral identity to write to individuals under. Have its operator set one, or reach them by another way.",
	"no-connection": "No mail server could be reached. If this stays, tell the courier's operator.",
	"no-tls":        "The mail server offers no TLS that can be believed, so nothing is handed over. Tell the courier's operator.",
	"no-dns":        "DNS gives no answer about the mail servers of their domain, or one whose signatures don't hold. If this stays, tell the courier's operator.",
	"mta-sts":       "The mail server that DNS names is not one that the domain's own policy (MTA-STS) names, or shows no certificate for its name. Somebody may be in between, so nothing is handed over. Tell the courier's operator, and if it is urgent, reach them by another way.",
	"dane":          "The mail server doesn't show the certificate that the domain's signed DNS says (DANE). Somebody may be in between, so nothing is handed over. Tell the courier's operator, and if it is urgent, reach them by another way.",
	"no-domain":     "The domain of the address takes no mail. Ask them for the right address, by another way.",
	"busy":          "Other mails go to the same place just now.",
	"deferred":      "Their mail server said to try later.",
	"refused":       "Their mail server refused it for good. Ask them for the right address, by another way; then: valise address NUMBER --email …",
	"returned":      "Their mail server took it over, and sent it back later. Ask them for the right address, by another way; then: valise address NUMBER --email …",
	"delayed":       "A mail server took it over, and says that it has not arrived yet. It tries on.",
	"given-up":      "Their mail server put it off for days. Reach them by another way; then: valise outbox NOTICE --retry NUMBER",
}

// Run lists, or has one tried again.
func (c *OutboxCommand) Run(ctx context.Context, p *process) error {
	var n crypto.Number
	var err error
	if c.Notice != "" {
		if n, err = parseNotice(c.Notice); err != nil {
			return err
		}
	}
	var retry crypto.Representative
	if c.Retry != "" {
		if retry, err = crypto.ParseRepresentative(c.Retry); err != nil {
			return usagef("--retry: %w", err)
		}
		if n == "" {
			return usagef("--retry needs the notice")
		}
	}
	o, err := c.logIn(ctx, p, crypto.RoleRegistrar, crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleAuditor)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	if c.Retry != "" {
		if err := o.client.RetryOutbox(ctx, n, retry); err != nil {
			return err
		}
	}
	mails, err := o.client.Outbox(ctx, n, c.State)
	if err != nil {
		return err
	}
	out := make([]outboxJSON, len(mails))
	for i, m := range mails {
		word, _, _ := strings.Cut(m.Reason, " ")
		out[i] = outboxJSON{m, mailAdvice[word]}
	}
	p.report(out, func() {
		for _, m := range out {
			at := m.Queued
			switch {
			case m.Settled != nil:
				at = *m.Settled
			case m.Next != nil:
				at = *m.Next
			}
			p.say("%-9s  %s  %-14s  %s  %s", m.State, m.Notice, m.Representative, hourUTC(at), clean(m.Reason))
			if m.Advice != "" && m.State != "cancelled" {
				p.say("    %s", m.Advice)
			}
		}
		if len(out) == 0 {
			p.say("Nothing goes by e-mail.")
		}
	})
	return nil
}
