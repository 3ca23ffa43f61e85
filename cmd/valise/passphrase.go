package main

import (
	"context"
	"errors"
	"fmt"

	"valise/portal/ceremony"
	"valise/portal/client"
)

// PassphraseCommand changes the passphrase.
type PassphraseCommand struct {
	representativeFlags
	NewSecretFile string `placeholder:"FILE" help:"Read the new passphrase from the first line of FILE, or, when FILE doesn't exist, choose six words and write them there. Without it you are asked."`
}

// Help is the part of --help below the summary.
func (PassphraseCommand) Help() string {
	return manual(`Locks the same key under a new passphrase. Whoever has a copy of the old lock, and the old passphrase, still has the key: when that may be so, ask the registrar for a new one.

EXAMPLES

  valise passphrase --server https://portal.example --as S-7K2M9QXD/2

JSON

  representative

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 changed; 1 refused or failed: the old one still counts, unless the line broke before the portal answered, which the message says; 2 wrong usage.`)
}

// Run changes it.
func (c *PassphraseCommand) Run(ctx context.Context, p *process) error {
	if c.Key != "" {
		return usagef("the passphrase of a key of your own is changed where the key is: gpg --change-passphrase FINGERPRINT")
	}
	m, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	if err := m.needsClaim(); err != nil {
		return err
	}
	passphrase, err := p.newSecret(c.NewSecretFile)
	if err != nil {
		return err
	}
	lock, err := ceremony.ChangeLock(m.bundle, passphrase)
	if err != nil {
		return err
	}
	if err := m.client.ChangeLock(ctx, lock); err != nil {
		if _, refused := errors.AsType[*client.Error](err); !refused {
			err = fmt.Errorf("the portal's answer didn't arrive, so it isn't known which passphrase counts: try the new one first, and if it is refused, the old one: %w", err)
		}
		return err
	}
	p.report(struct {
		Representative string `json:"representative"`
	}{m.as.String()}, func() { p.say("The passphrase of %s is changed.", m.as) })
	return nil
}
