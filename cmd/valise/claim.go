package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// ClaimCommand takes up a mailbox.
type ClaimCommand struct {
	serverFlags
	As            string         `required:"" env:"VALISE_AS" placeholder:"NUMBER" help:"The number in your letter: S-7K2M9QXD/2."`
	SecretFile    string         `placeholder:"FILE" help:"A file whose first line is the claim code (\"-\": standard input). Without it you are asked."`
	NewSecretFile string         `placeholder:"FILE" help:"Read your new passphrase from the first line of FILE, or, when FILE doesn't exist, choose six words and write them there. Without it you are asked."`
	Profile       crypto.Profile `enum:"pq,compat," default:"" help:"How your key is made: pq (post-quantum) or compat (for GnuPG and Thunderbird). Without it, as the registrar chose."`
	Certificate   string         `type:"existingfile" placeholder:"FILE" help:"Claim with a public certificate that you made with your own tools; its only user ID must be your number. The private key stays with you."`
	pinFlag
	Yes bool `help:"Don't ask whether the root's fingerprint is that in the letter. INSECURE without --root-fingerprint: you then believe whoever wrote the letter's code."`
}

// Help is the part of --help below the summary.
func (ClaimCommand) Help() string {
	return manual(`Opens the key that was issued to you with the claim code in your letter, makes a new one that nobody else has ever had, lets the issued one certify it, carries over what has already arrived, and locks the new key under a passphrase. Afterwards the claim code is worth nothing.

It shows the fingerprint of the institution's root that was locked in with your key: compare it with your letter. From then on it travels with your key, and no server can show you another one.

EXAMPLES

  valise claim --server https://portal.example --as S-7K2M9QXD/2

  valise claim --server https://portal.example --as S-7K2M9QXD/2 --secret-file code.txt --new-secret-file passphrase.txt \
      --root-fingerprint "0123 4567 …"

  gpg --quick-generate-key "S-7K2M9QXD/2" ed25519 cert,sign never
  gpg --quick-add-key FINGERPRINT cv25519 encr never
  gpg --armor --export FINGERPRINT > own.asc
  valise claim --server https://portal.example --as S-7K2M9QXD/2 --certificate own.asc

JSON

  representative, post_quantum, fingerprint, root_fingerprint, notices (how many were carried over)

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 claimed; 1 refused or failed, and the claim code is still good; 2 wrong usage.`)
}

// Run claims.
func (c *ClaimCommand) Run(ctx context.Context, p *process) error {
	if c.Certificate != "" && (c.NewSecretFile != "" || c.Profile != "") {
		return usagef("with --certificate nothing is locked here; leave out --new-secret-file and --profile")
	}
	m, err := c.unlock(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	if err := c.compare(p, m); err != nil {
		return err
	}
	claim, err := c.prepare(ctx, p, m)
	if err != nil {
		return err
	}
	held, err := m.client.Envelopes(ctx)
	if err != nil {
		return err
	}
	if err := m.client.Claim(ctx, claim); err != nil {
		return err
	}
	certificate := claim.Certificate()
	p.report(struct {
		Representative  string             `json:"representative"`
		PostQuantum     bool               `json:"post_quantum"`
		Fingerprint     crypto.Fingerprint `json:"fingerprint"`
		RootFingerprint crypto.Fingerprint `json:"root_fingerprint"`
		Notices         int                `json:"notices"`
	}{m.as.String(), certificate.PostQuantum(), certificate.Fingerprint(), m.trust.Pin().Fingerprint, len(held)}, func() {
		p.say("%s is yours. Your key: %s", m.as, certificate.Fingerprint().Spaced())
		p.say("Carried over: %s. Next: valise list --server %s --as %s", count(len(held), "notice", "notices"), m.client.Origin(), m.as)
	})
	return nil
}

// unlock logs in with the claim code.
func (c *ClaimCommand) unlock(ctx context.Context, p *process) (*member, error) {
	f := representativeFlags{serverFlags: c.serverFlags, As: c.As, pinFlag: c.pinFlag}
	as, err := f.representative()
	if err != nil {
		return nil, err
	}
	pin, pinned, err := f.pin()
	if err != nil {
		return nil, err
	}
	portalClient, err := c.connect()
	if err != nil {
		return nil, err
	}
	typed, err := p.secret(c.SecretFile, "claim code from your letter")
	if err != nil {
		return nil, err
	}
	code, err := crypto.ParseClaimCode(typed)
	if err != nil {
		return nil, err
	}
	in, err := portalClient.LogInSecret(ctx, as, string(code))
	if err != nil {
		if client.IsStatus(err, http.StatusUnauthorized) {
			return nil, fmt.Errorf("the number or the claim code is wrong, or %s has been claimed already; if that wasn't you, tell the institution at once", as)
		}
		return nil, err
	}
	m := &member{client: portalClient, as: as, state: in.State, bundle: in.Bundle, key: in.Bundle.Key}
	if pinned && pin != m.bundle.Pin {
		m.close(ctx)
		return nil, fmt.Errorf("the key was issued under the root %s, not under %s, which you gave: don't go on, and tell the institution", m.bundle.Pin.Fingerprint.Spaced(), pin.Fingerprint.Spaced())
	}
	if m.state != portal.Issued {
		m.close(ctx)
		return nil, fmt.Errorf("%s has been claimed already", as)
	}
	if m.trust, err = believe(ctx, p, portalClient, m.bundle.Pin); err != nil {
		m.close(ctx)
		return nil, err
	}
	return m, nil
}

// compare has the person compare the root with the paper: the only moment of trust.
func (c *ClaimCommand) compare(p *process, m *member) error {
	if c.RootFingerprint != "" {
		return nil
	}
	fmt.Fprintf(p.stderr, "\nThe institution: %s\nIts root's fingerprint:\n\n    %s\n\n", m.trust.Institution(), m.trust.Pin().Fingerprint.Spaced())
	if c.Yes {
		return nil
	}
	if !p.interactive() {
		return usagef("compare the fingerprint above with your letter, then give it with --root-fingerprint")
	}
	return p.confirm("Is that the fingerprint in your letter, every group of it?")
}

// prepare makes the new key, or takes the one that was brought along.
func (c *ClaimCommand) prepare(ctx context.Context, p *process, m *member) (*ceremony.Claim, error) {
	now := time.Now()
	if c.Certificate != "" {
		data, err := p.readInput(c.Certificate, 2*crypto.MaxCertificateSize)
		if err != nil {
			return nil, err
		}
		claim, err := ceremony.NewOwnClaim(m.bundle, data, now)
		var policy *crypto.PolicyError
		if errors.As(err, &policy) {
			return nil, fmt.Errorf("%s can't be used: %w", c.Certificate, err)
		}
		return claim, err
	}
	profile := c.Profile
	if profile == "" {
		me, err := m.client.Me(ctx)
		if err != nil {
			return nil, err
		}
		if profile = crypto.ProfilePQ; me.Profile == crypto.ProfileCompat {
			profile = crypto.ProfileCompat
		}
	}
	passphrase, err := p.newSecret(c.NewSecretFile)
	if err != nil {
		return nil, err
	}
	return ceremony.NewClaim(m.bundle, profile, passphrase, now)
}
