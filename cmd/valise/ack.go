package main

import (
	"context"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// AckCommand acknowledges a notice, or a statement that asks for it.
type AckCommand struct {
	representativeFlags
	Notice string `arg:"" name:"number" help:"The number of a notice or statement, from 'valise list'."`
	Out    string `required:"" placeholder:"FILE" help:"Where to write the receipt (\"-\": standard output)."`
	Refuse bool   `help:"Decline to acknowledge. That is a receipt, too: it says that you opened the notice."`
	Yes    bool   `help:"Don't ask; on a terminal you are asked otherwise."`
}

// Help is the part of --help below the summary.
func (AckCommand) Help() string {
	return manual(`Opens and verifies the notice as 'valise open' does, and only when everything held signs the receipt, on your mailbox's behalf: which notice, when, and an opening value that only who opened it knows. What the portal confirms is on disk. There is one receipt for a mailbox; when another representative was first, theirs is written to FILE.

A statement to the world (P-…) is acknowledged in the same way, in the version that is the newest; it has no opening value, and its receipt says who acknowledged which version.

The receipt is a clear-signed text. 'valise verify' checks it with everything that it stands on; gpg checks the signature, years later and without this portal, with the certificate from 'valise cert'.

EXAMPLES

  valise ack N-4GZ0R8T4 --server https://portal.example --as S-7K2M9QXD/2 --out receipt.asc

  valise cert --server https://portal.example --as S-7K2M9QXD/2 --out me.asc
  gpg --import me.asc && gpg --verify receipt.asc

JSON

  notice (or statement, and version), decision, representative, received, receipt (FILE), already (true: it had been acknowledged before)

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 the mailbox's receipt with this decision is with the portal and in FILE; 1 refused, failed, or something did not hold; 2 wrong usage.`)
}

type acknowledgedJSON struct {
	Notice         crypto.Number   `json:"notice,omitempty"`
	Statement      crypto.Number   `json:"statement,omitempty"`
	Version        int             `json:"version,omitempty"`
	Decision       crypto.Decision `json:"decision"`
	Representative string          `json:"representative"`
	Received       time.Time       `json:"received"`
	Receipt        string          `json:"receipt"`
	Already        bool            `json:"already"`
}

// Run acknowledges.
func (c *AckCommand) Run(ctx context.Context, p *process) error {
	number, err := parseUpdate(c.Notice)
	if err != nil {
		return err
	}
	decision := crypto.DecisionAcknowledged
	if c.Refuse {
		decision = crypto.DecisionRefused
	}
	if err := canWriteOut(c.Out); err != nil {
		return usagef("--out: %w; nothing was acknowledged", err)
	}
	if number.Kind() == crypto.KindStatement {
		return c.statement(ctx, p, number, decision)
	}
	m, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	o, n, err := m.open(ctx, number)
	if err != nil {
		return err
	}
	if n.Acknowledgement != nil {
		problem := m.answered(ctx, o, n)
		if problem == nil {
			return c.already(ctx, p, m, number, decision)
		}
		p.warn("MIND: %v", problem)
		n.Acknowledgement = nil
	}
	if late := ceremony.Late(o.Verified(), n.Delivered); late != nil {
		p.warn("MIND: %v", late)
	}
	if !c.Yes && p.interactive() {
		showOpened(p, m, o, n, "")
		question := fmt.Sprintf("Acknowledge %s as %s?", number, m.as)
		if c.Refuse {
			question = fmt.Sprintf("Decline to acknowledge %s, as %s?", number, m.as)
		}
		if err := p.confirm(question); err != nil {
			return err
		}
	}
	receipt, err := ceremony.Acknowledge(o, m.key, m.as, decision, n.Nonce, time.Now())
	if err != nil {
		return err
	}
	received, err := m.client.Acknowledge(ctx, number, receipt)
	if client.IsCode(err, "already-acknowledged") { // by somebody, between our question and our answer
		return c.already(ctx, p, m, number, decision)
	}
	if err != nil {
		return err
	}
	if received.Receipt != receipt.Receipt {
		return fmt.Errorf("the portal did not keep the receipt as it was signed: don't rely on it, and tell the institution")
	}
	return c.conclude(p, []byte(receipt.Receipt), acknowledgedJSON{Notice: number, Decision: decision, Representative: m.as.String(), Received: received.Received, Receipt: c.Out})
}

// already fetches, verifies and writes the receipt that the mailbox has.
func (c *AckCommand) already(ctx context.Context, p *process, m *member, number crypto.Number, decision crypto.Decision) error {
	receipt, err := m.client.Receipt(ctx, number)
	if err != nil {
		return err
	}
	v, err := verifyReceipt(ctx, m.client, m.trust, receipt)
	if err != nil {
		return fmt.Errorf("the receipt that the portal has did not hold: %w", err)
	}
	a := v.Receipt.Acknowledgement()
	if a.Notice != number || a.Representative.Mailbox != m.as.Mailbox {
		return fmt.Errorf("the portal shows a receipt for %s by %s as that for %s: don't rely on it, and tell the institution", a.Notice, a.Representative, number)
	}
	if err := c.conclude(p, receipt, acknowledgedJSON{
		Notice: number, Decision: a.Decision, Representative: a.Representative.String(), Received: v.Received, Receipt: c.Out, Already: true,
	}); err != nil {
		return err
	}
	if a.Decision != decision {
		p.warn("%s was %s by %s before; that stands", number, a.Decision, a.Representative)
		return errShown
	}
	return nil
}

func (c *AckCommand) conclude(p *process, receipt []byte, done acknowledgedJSON) error {
	if err := p.writeOut(c.Out, receipt, 0o644); err != nil {
		return fmt.Errorf("the portal has the receipt, but it could not be written: %w; run the same command again, with another --out", err)
	}
	if c.Out == "-" && !p.json {
		return nil
	}
	p.report(done, func() {
		before := ""
		if done.Already {
			before = "already "
		}
		about := string(done.Notice)
		if done.Statement != "" {
			about = fmt.Sprintf("%s, version %d", done.Statement, done.Version)
		}
		p.say("%s: %s%s by %s; the portal has had it since %s. The receipt is in %s.", about, before, done.Decision, done.Representative, hourUTC(done.Received), c.Out)
	})
	return nil
}

// verifyReceipt asks for the evidence and verifies all of it.
func verifyReceipt(ctx context.Context, c *client.Client, t *ceremony.Trust, receipt []byte) (*ceremony.VerifiedReceipt, error) {
	var e api.Evidence
	e, err := c.Evidence(ctx, receipt)
	if err != nil {
		return nil, err
	}
	return ceremony.VerifyReceipt(t, receipt, e, time.Now())
}
