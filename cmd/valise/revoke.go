package main

import (
	"context"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

// RevokeCommand ends a representative's access.
type RevokeCommand struct {
	staffFlags
	Representative string `arg:"" help:"Whose access ends: S-7K2M9QXD/2. Without /2 it is the first representative's."`
	Reason         string `required:"" enum:"key-lost,left,compromised" placeholder:"WHY" help:"key-lost: passphrase or key are gone. left: they no longer represent the stakeholder. compromised: somebody else has the key, or may have it. Only registrars can read it."`
	Note           string `placeholder:"TEXT" help:"More about it, in one line, sealed likewise."`
	Yes            bool   `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (RevokeCommand) Help() string {
	return manual(`Signs, with your key, that their chain no longer holds from now on, and hands that to the portal, which ends their sessions, takes no log-in of theirs any more, and gives them nothing new. Everybody's program sees the signature beside their certificates and seals nothing to them. It can't be undone: whoever is to have access again, or comes in their place, is issued the next ordinal with 'valise issue --mailbox'.

What they acknowledged before stays as valid as it was. What they have read they have read.

EXAMPLES

  valise revoke S-7K2M9QXD/2 --server https://portal.example --key chen.key --reason left
  valise revoke I-4GZ0R8TB … --reason compromised --note "telephone stolen on 5 May" --yes --json

JSON

  representative, revoked, reason, last_claimed (nobody is left who can open the mailbox)

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 revoked; 1 refused or failed; 2 wrong usage.`)
}

// Run revokes.
func (c *RevokeCommand) Run(ctx context.Context, p *process) error {
	as, err := crypto.ParseRepresentative(c.Representative)
	if err != nil {
		return usageError{err}
	}
	o, err := c.logIn(ctx, p, crypto.RoleRegistrar)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	d, err := o.directory(ctx, p)
	if err != nil {
		return err
	}
	entry := d.Entry(as)
	if entry == nil {
		return fmt.Errorf("the portal has no representative %s", as)
	}
	m := d.Mailbox(as.Mailbox)
	last := m.LastClaimed(entry)
	if last {
		p.warn("%s is the only representative of %s who has claimed: until another one is issued and claims, nobody can open what arrives", as, as.Mailbox)
	}
	if !c.Yes {
		p.say("%s, %s, of %s", as, orUnreadable(entry.Name), orUnreadable(m.Name))
		if err := p.confirm("End this access for good?"); err != nil {
			return err
		}
	}
	now := time.Now()
	revocation, err := ceremony.Revoke(o.trust, o.key, entry, ceremony.RevocationReason(c.Reason), c.Note, now)
	if err != nil {
		return err
	}
	if err := o.client.Revoke(ctx, as, *revocation); err != nil {
		return err
	}
	if err := o.seeRevoked(ctx, p, as); err != nil {
		return err
	}
	p.report(revokedJSON{as.String(), now.UTC().Truncate(time.Second), c.Reason, last}, func() {
		p.say("Ended the access of %s.", as)
		p.say("To issue a key to whoever comes next: valise issue --mailbox %s …", as.Mailbox)
	})
	return nil
}

// seeRevoked asks the portal what it shows now: one that hides a revocation is found out by who made it.
func (o *officer) seeRevoked(ctx context.Context, p *process, as crypto.Representative) error {
	d, err := o.directory(ctx, p)
	if err != nil {
		return fmt.Errorf("the portal took the revocation, and then didn't show whether it keeps it: %w", err)
	}
	if e := d.Entry(as); e == nil || !e.Revoked() {
		return fmt.Errorf("the portal took the revocation of %s and does not show it: tell authors by another way to leave %s out, and the institution's administrators", as, as)
	}
	return nil
}

func orUnreadable(name string) string {
	if name == "" {
		return "(name not readable)"
	}
	return clean(name)
}

type revokedJSON struct {
	Representative string    `json:"representative"`
	Revoked        time.Time `json:"revoked"`
	Reason         string    `json:"reason"`
	LastClaimed    bool      `json:"last_claimed"`
}
