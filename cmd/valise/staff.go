package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/client"
)

// StaffCommand holds the commands about staff keys.
type StaffCommand struct {
	New     StaffNewCommand     `cmd:"" help:"Make your staff key."`
	Certify StaffCertifyCommand `cmd:"" help:"Certify a staff key with the root, and say what its owner may do."`
	Add     StaffAddCommand     `cmd:"" help:"Show certified staff keys to the portal."`
}

// StaffNewCommand makes a staff key.
type StaffNewCommand struct {
	Name            string         `required:"" placeholder:"NAME" help:"Your name, as it will stand under what you sign, and be seen by all who read it."`
	RootFingerprint string         `required:"" env:"VALISE_ROOT_FINGERPRINT" placeholder:"FINGERPRINT" help:"The fingerprint of the institution's root, from paper. It is locked in with the key: nobody can show you another root later."`
	Key             string         `required:"" placeholder:"FILE" help:"Where to write the locked private key."`
	Certificate     string         `required:"" placeholder:"FILE" help:"Where to write the public certificate, for the root to certify."`
	Profile         crypto.Profile `default:"pq" enum:"pq,compat" help:"How the key is made: pq (post-quantum, the default) or compat. One compat key among the staff makes the records of names readable by whoever has a quantum computer later."`
	NewSecretFile   string         `placeholder:"FILE" help:"Read the new passphrase from the first line of FILE, or, when FILE doesn't exist, choose six words and write them there. Without it you are asked."`
}

// Help is the part of --help below the summary.
func (StaffNewCommand) Help() string {
	return manual(`Make it on your own machine; the private key never leaves it. Then give the certificate, which is public, to whoever keeps the root, by hand: they certify it with 'valise staff certify'.

EXAMPLES

  valise staff new --name "Amara Diallo" --root-fingerprint "0123 4567 …" --key amara.key --certificate amara.asc

JSON

  name, fingerprint, sha256, key, certificate

EXIT STATUS

  0 made; 1 failed; 2 wrong usage.`)
}

// Run makes the key.
func (c *StaffNewCommand) Run(p *process) error {
	flag := pinFlag{c.RootFingerprint}
	pin, _, err := flag.pin()
	if err != nil {
		return err
	}
	key, err := crypto.GenerateKey(c.Profile, c.Name, time.Now())
	if err != nil {
		return err
	}
	passphrase, err := p.newSecret(c.NewSecretFile)
	if err != nil {
		return err
	}
	if err := writeKeyPair(c.Key, c.Certificate, &crypto.Bundle{Holder: c.Name, Pin: pin, Key: key}, passphrase); err != nil {
		return err
	}
	certificate := key.Certificate()
	p.report(madeKeyJSON{Name: c.Name, Fingerprint: certificate.Fingerprint(), SHA256: certificate.PublicKeySHA256(), Key: c.Key, Certificate: c.Certificate}, func() {
		p.say("%s: %s\n", c.Name, certificate.Fingerprint().Spaced())
		p.say("Locked key: %s. Certificate, to be certified by the root: %s.", c.Key, c.Certificate)
	})
	return nil
}

// StaffCertifyCommand certifies a staff key.
type StaffCertifyCommand struct {
	Certificate string   `arg:"" type:"existingfile" help:"The staff member's certificate."`
	Key         string   `required:"" type:"existingfile" placeholder:"FILE" help:"The root's key file."`
	SecretFile  string   `placeholder:"FILE" help:"A file whose first line is the root's passphrase (\"-\": standard input). Without it you are asked."`
	Role        []string `required:"" placeholder:"ROLE,…" help:"What they may do: author, approver, registrar, auditor, administrator; notary or courier, for a process; desk-mail, for what 'valise desk new' made; or none, to take all roles away."`
	Out         string   `placeholder:"FILE" help:"Where to write the certified certificate; without it CERTIFICATE is replaced."`
	Yes         bool     `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (StaffCertifyCommand) Help() string {
	return manual(`Run it where the root is. Compare the fingerprint that it shows with the one that the staff member reads to you. The certification lasts three years; the newest one counts, so certify again to change roles, and show the outcome to the portal with 'valise staff add'.

EXAMPLES

  valise staff certify amara.asc --key root.key --role author
  valise staff certify chen.asc --key root.key --role registrar,administrator
  valise staff certify gone.asc --key root.key --role none

JSON

  name, fingerprint, roles, certificate

EXIT STATUS

  0 certified; 1 refused or failed; 2 wrong usage.`)
}

// Run certifies.
func (c *StaffCertifyCommand) Run(p *process) error {
	roles, err := parseRoles(c.Role)
	if err != nil {
		return err
	}
	subject, err := p.readCertificate(c.Certificate)
	if err != nil {
		return err
	}
	name := strings.Join(subject.UserIDs(), ", ")
	if !c.Yes && p.interactive() {
		p.say("%s\n    fingerprint  %s\n    roles        %s\n", name, subject.Fingerprint().Spaced(), strings.Join(c.Role, ", "))
		if err := p.confirm("Did you compare the fingerprint with its owner, and shall the root certify it?"); err != nil {
			return err
		}
	}
	root, err := p.openKeyFile(c.Key, c.SecretFile)
	if err != nil {
		return err
	}
	if root.Pin.Fingerprint != root.Key.Certificate().Fingerprint() {
		return fmt.Errorf("%s is the key of %s, not the institution's root", c.Key, root.Holder)
	}
	certified, err := crypto.CertifyStaff(root.Key, subject, roles, time.Now())
	if err != nil {
		return err
	}
	out := c.Out
	if out == "" {
		out = c.Certificate
	}
	if err := p.writeOut(out, []byte(certified.Armor()), 0o644); err != nil {
		return err
	}
	p.report(staffJSON{name, subject.Fingerprint(), roles, out}, func() {
		p.say("Certified %s as %s: %s.", name, strings.Join(c.Role, ", "), out)
	})
	return nil
}

// staffJSON is a staff member with --json.
type staffJSON struct {
	Name        string             `json:"name"`
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Roles       []crypto.Role      `json:"roles"`
	Certificate string             `json:"certificate,omitempty"`
}

func parseRoles(words []string) ([]crypto.Role, error) {
	roles := []crypto.Role{}
	for _, word := range words {
		if word == "none" && len(words) == 1 {
			break
		}
		role, err := crypto.ParseRole(word)
		if err != nil {
			return nil, usagef("--role: %w, or none alone", err)
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// StaffAddCommand shows certificates to the portal.
type StaffAddCommand struct {
	serverFlags
	Certificates []string `arg:"" name:"certificate" type:"existingfile" help:"Certified staff certificates."`
}

// Help is the part of --help below the summary.
func (StaffAddCommand) Help() string {
	return manual(`The portal keeps a staff certificate because the root certified it, and for no other reason; so nobody has to log in for this. Showing it one from which the root took all roles shuts its owner out at once.

EXAMPLES

  valise staff add amara.asc benoit.asc chen.asc --server https://portal.example

JSON

  an array of name, fingerprint, roles

EXIT STATUS

  0 all are known to the portal; 1 one was refused, those before it were taken; 2 wrong usage.`)
}

// Run shows them.
func (c *StaffAddCommand) Run(ctx context.Context, p *process) error {
	portal, err := c.connect()
	if err != nil {
		return err
	}
	defer portal.Close()
	added := []staffJSON{}
	for _, path := range c.Certificates {
		certificate, err := p.readCertificate(path)
		if err != nil {
			return err
		}
		var m api.StaffMember
		m, err = portal.AddStaff(ctx, certificate.Armor())
		switch {
		case client.IsCode(err, "staff-withdrawn"): // what was asked for, when the root took all roles away
			name := strings.Join(certificate.UserIDs(), ", ")
			added = append(added, staffJSON{Name: name, Fingerprint: certificate.Fingerprint(), Roles: []crypto.Role{}})
			p.say("%s  %s  has no role any more, and is shut out", certificate.Fingerprint().Spaced(), name)
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		}
		added = append(added, staffJSON{Name: m.Name, Fingerprint: m.Fingerprint, Roles: m.Roles})
		p.say("%s  %s  %v", m.Fingerprint.Spaced(), clean(m.Name), m.Roles)
	}
	if p.json {
		p.printJSON(added)
	}
	return nil
}
