package main

import (
	"context"
	"fmt"
	"time"

	"valise/crypto"
)

// CertCommand writes the representative's certificate.
type CertCommand struct {
	representativeFlags
	Out   string `required:"" placeholder:"FILE" help:"Where to write it (\"-\": standard output)."`
	Whole bool   `help:"With the encryption subkey and so post-quantum parts that some older programs refuse. Without it, what verifies your signatures, which every OpenPGP program reads."`
	Chain bool   `help:"All of your certificates, issued one first, one below the other: what 'valise verify' checks up to the root."`
}

// Help is the part of --help below the summary.
func (CertCommand) Help() string {
	return manual(`Give it to whoever should check your receipts with gpg. It says nothing of you but your number. Before it is written, its chain up to the root is verified.

EXAMPLES

  valise cert --server https://portal.example --as S-7K2M9QXD/2 --out me.asc
  gpg --import me.asc && gpg --verify receipt.asc

JSON

  representative, fingerprint, state, profile, post_quantum, certificate (FILE)

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 written; 1 refused, failed, or the chain did not hold; 2 wrong usage.`)
}

// Run writes it.
func (c *CertCommand) Run(ctx context.Context, p *process) error {
	m, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	me, err := m.client.Me(ctx)
	if err != nil {
		return err
	}
	r, err := m.trust.VerifyChain(me.Chain, m.as, time.Now())
	if err != nil {
		return err
	}
	certificate := r.Certificate()
	if certificate.Fingerprint() != m.key.Certificate().Fingerprint() {
		return fmt.Errorf("the portal shows the certificate %s as yours, but your key is %s: tell the institution", certificate.Fingerprint(), m.key.Certificate().Fingerprint())
	}
	armored := certificate.SigningOnlyArmor()
	switch {
	case c.Chain:
		armored = ""
		for _, link := range me.Chain {
			armored += link
		}
	case c.Whole:
		armored = certificate.Armor()
	}
	if err := p.writeOut(c.Out, []byte(armored), 0o644); err != nil {
		return err
	}
	if c.Out == "-" && !p.json {
		return nil
	}
	p.report(struct {
		Representative string             `json:"representative"`
		Fingerprint    crypto.Fingerprint `json:"fingerprint"`
		State          string             `json:"state"`
		Profile        crypto.Profile     `json:"profile"`
		PostQuantum    bool               `json:"post_quantum"`
		Certificate    string             `json:"certificate"`
	}{m.as.String(), certificate.Fingerprint(), string(me.State), me.Profile, certificate.PostQuantum(), c.Out}, func() {
		p.say("%s: %s, in %s", m.as, certificate.Fingerprint().Spaced(), c.Out)
	})
	return nil
}
