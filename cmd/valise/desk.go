package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// DeskCommand holds the commands about the desk's key for mail programs.
type DeskCommand struct {
	New   DeskNewCommand   `cmd:"" help:"Make the desk's key for mail programs (authors and approvers)."`
	Share DeskShareCommand `cmd:"" help:"Give the desk's key to all of the desk who lack it (authors and approvers)."`
	Show  DeskShowCommand  `cmd:"" help:"Show the desk's certificates for mail programs, and who lacks their key (authors, approvers, registrars)."`
}

var deskRoles = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover}

// DeskNewCommand makes the desk's key.
type DeskNewCommand struct {
	Name        string `required:"" placeholder:"NAME" help:"The institution's name, or the desk's, as people see it in their mail programs."`
	Email       string `required:"" placeholder:"ADDRESS" help:"The address that the courier writes from to States and organisations: \"from\" in its file."`
	Key         string `required:"" env:"VALISE_KEY" type:"existingfile" placeholder:"FILE" help:"Your key file, as an author or approver."`
	SecretFile  string `placeholder:"FILE" help:"A file whose first line is your passphrase (\"-\": standard input). Without it you are asked."`
	Certificate string `required:"" placeholder:"FILE" help:"Where to write the certificate, for the root to certify."`
	Share       string `required:"" placeholder:"FILE" help:"Where to write the key, sealed to you alone, until it is certified."`
	Revocation  string `required:"" placeholder:"FILE" help:"Where to write the revocation, to be kept beside the root."`
}

// Help is the part of --help below the summary.
func (DeskNewCommand) Help() string {
	return manual(`Who writes to the institution from a mail program encrypts to one certificate of the desk, and every author and approver opens what comes. No server is asked. What is written to --share opens with your own key only; of the key that signs nothing is kept, so nobody can sign as the desk, not even you.

Then: the root certifies it, somebody shows it to the portal, and you give the key to the desk. From then on mail programs find it, by the Web Key Directory and in the header of what the courier sends. Make a new one when somebody leaves the desk, since they have had the key; earlier ones go on opening what was sent to them.

Whoever imports the revocation beside the certificate sees that it is not to be used any more. Keep it where the root is, for the day on which the key is stolen.

EXAMPLES

  valise desk new --name "Registry" --email registry@court.example --key amara.key --certificate desk.asc --share desk.share --revocation desk-revocation.asc
  valise staff certify desk.asc --key root.key --role desk-mail
  valise staff add desk.asc --server https://portal.example
  valise desk share --made desk.share --server https://portal.example --key amara.key

JSON

  name, fingerprint, sha256, certificate, share, revocation

ENVIRONMENT

  VALISE_KEY

EXIT STATUS

  0 made; 1 failed; 2 wrong usage.`)
}

type madeDeskKeyJSON struct {
	Name        string             `json:"name"`
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	SHA256      string             `json:"sha256"`
	Certificate string             `json:"certificate"`
	Share       string             `json:"share"`
	Revocation  string             `json:"revocation"`
}

// Run makes it.
func (c *DeskNewCommand) Run(p *process) error {
	now := time.Now()
	desk, err := crypto.NewDeskKey(c.Name, c.Email, now)
	if err != nil {
		return usageError{err}
	}
	own, err := p.openKeyFile(c.Key, c.SecretFile)
	if err != nil {
		return err
	}
	if own.Pin.Fingerprint == own.Key.Certificate().Fingerprint() {
		return fmt.Errorf("%s is the key of the institution's root; take that of an author or approver", c.Key)
	}
	record, err := crypto.SealDeskKey(desk, own.Key, own.Key.Certificate(), now)
	if err != nil {
		return err
	}
	revocation, err := crypto.RevocationOf(desk, now)
	if err != nil {
		return err
	}
	certificate := desk.Certificate()
	for _, file := range []struct {
		path string
		data []byte
		mode fs.FileMode
	}{{c.Share, crypto.ArmorMessage(record), 0o600}, {c.Revocation, []byte(revocation), 0o600}, {c.Certificate, []byte(certificate.Armor()), 0o644}} {
		if err := writeNew(file.path, file.data, file.mode); err != nil {
			return err
		}
	}
	name := strings.Join(certificate.UserIDs(), ", ")
	p.report(madeDeskKeyJSON{name, certificate.Fingerprint(), certificate.PublicKeySHA256(), c.Certificate, c.Share, c.Revocation}, func() {
		p.say("%s: %s\n", name, certificate.Fingerprint().Spaced())
		p.say("Certificate: %s. Key, sealed to you: %s. Revocation, to be kept beside the root: %s.", c.Certificate, c.Share, c.Revocation)
		p.say("Next: valise staff certify %s --role desk-mail, where the root is; valise staff add; valise desk share --made %s.", c.Certificate, c.Share)
	})
	return nil
}

// deskKeys reads the desk's certificates, and opens the keys that this member was given.
func (o *officer) deskKeys(ctx context.Context, now time.Time) ([]ceremony.DeskKey, error) {
	wire, err := o.client.DeskKeys(ctx)
	if err != nil {
		return nil, err
	}
	return ceremony.ReadDeskKeys(o.trust, o.keys, wire, now)
}

// DeskShareCommand gives the desk's key to others.
type DeskShareCommand struct {
	staffFlags
	Made string `type:"existingfile" placeholder:"FILE" help:"What 'valise desk new' wrote as --share: needed the first time, when nobody has the key yet."`
	All  bool   `help:"Give it also to those who have it from somebody else: when what they were given doesn't open."`
}

// Help is the part of --help below the summary.
func (DeskShareCommand) Help() string {
	return manual(`Seals the keys of the desk's certificates that you can open, past ones too, to each author and approver who lacks them. Who they are, the root says, not the portal. Whoever has a key and lists the desk's threads (valise inbox, or the page) does so, too.

EXAMPLES

  valise desk share --made desk.share --server https://portal.example --key amara.key
  valise desk share --server https://portal.example --key benoit.key

JSON

  an array of fingerprint, given (names)

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 everybody has the keys that you have; 1 refused or failed; 2 wrong usage.`)
}

type givenJSON struct {
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Given       []string           `json:"given"`
}

// Run gives it.
func (c *DeskShareCommand) Run(ctx context.Context, p *process) error {
	o, err := c.logIn(ctx, p, deskRoles...)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	now := time.Now()
	keys, err := o.deskKeys(ctx, now)
	if err != nil {
		return err
	}
	if c.Made != "" {
		if err := c.open(p, o, keys, now); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if k.Problem != nil {
			p.warn("the key of %s, that you were given, doesn't open: %v", k.Certificate.Fingerprint().Spaced(), k.Problem)
		}
	}
	given, err := giveDeskKeys(ctx, o.client, o.trust, o.key, keys, c.All)
	if err != nil {
		return err
	}
	shared := []givenJSON{}
	for _, g := range given {
		line := givenJSON{g.Of, []string{}}
		for _, m := range g.To {
			line.Given = append(line.Given, m.Name())
		}
		shared = append(shared, line)
	}
	if len(shared) == 0 {
		return errors.New("you have no key of the desk to give: somebody who has one gives it to you with 'valise desk share', or make one with 'valise desk new'")
	}
	p.report(shared, func() {
		for _, s := range shared {
			if len(s.Given) == 0 {
				p.say("%s  everybody of the desk has it", s.Fingerprint.Spaced())
				continue
			}
			p.say("%s  given to %s", s.Fingerprint.Spaced(), clean(strings.Join(s.Given, ", ")))
		}
		if c.Made != "" {
			p.say("%s is not needed any more.", c.Made)
		}
	})
	return nil
}

// giveDeskKeys gives the keys that opened to those of the desk who lack them, or to all of it.
func giveDeskKeys(ctx context.Context, c *client.Client, t *ceremony.Trust, giver *crypto.Key, keys []ceremony.DeskKey, all bool) ([]ceremony.GivenDeskKey, error) {
	if all {
		keys = slices.Clone(keys)
		for i := range keys {
			keys[i].Lacking = t.Staff(time.Now(), deskRoles...)
		}
	}
	given, err := ceremony.GiveDeskKeys(t, giver, keys, time.Now())
	if err != nil {
		return nil, err
	}
	for _, g := range given {
		if g.Request == nil {
			continue
		}
		if err := c.ShareDeskKey(ctx, g.Of, g.Request); err != nil {
			return nil, err
		}
	}
	return given, nil
}

// open opens what was just made, and puts it beside its certificate.
func (c *DeskShareCommand) open(p *process, o *officer, keys []ceremony.DeskKey, now time.Time) error {
	record, err := p.readInput(c.Made, crypto.MaxCertificateSize)
	if err != nil {
		return err
	}
	problem := errors.New("the portal knows no certificate of the desk: have the root certify it with the role desk-mail, and show it to the portal with: valise staff add")
	for i := range keys {
		k, err := crypto.OpenDeskKey(record, o.keys, o.trust.StaffCertificates(), keys[i].Certificate, now)
		if err != nil {
			problem = fmt.Errorf("%s: %w", c.Made, err)
			continue
		}
		keys[i].Key, keys[i].Problem = k, nil
		return nil
	}
	return problem
}

// DeskShowCommand shows the desk's certificates.
type DeskShowCommand struct {
	staffFlags
	Out string `placeholder:"FILE" help:"Write the certificate that is given to mail programs there (\"-\": standard output)."`
}

// Help is the part of --help below the summary.
func (DeskShowCommand) Help() string {
	return manual(`Shows the certificates that the root certified as the desk's for mail programs, the last one first: which is given to mail programs, whether you can open what is sent to it, who of the desk can't, and who left the desk and has had its key. In that case make a new one.

EXAMPLES

  valise desk show --server https://portal.example --key amara.key

JSON

  an array of fingerprint, name, email, certified, published, opens (you have its key), lacking (names), former (names), problem (empty: what you were given opens)

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 shown; 1 refused or failed; 2 wrong usage.`)
}

type deskKeyJSON struct {
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Name        string             `json:"name"`
	Email       string             `json:"email"`
	Certified   time.Time          `json:"certified"`
	Published   bool               `json:"published"`
	Opens       bool               `json:"opens"`
	Lacking     []string           `json:"lacking"`
	Former      []string           `json:"former"`
	Problem     string             `json:"problem"`
}

// Run shows them.
func (c *DeskShowCommand) Run(ctx context.Context, p *process) error {
	o, err := c.logIn(ctx, p, append([]crypto.Role{crypto.RoleRegistrar}, deskRoles...)...)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	keys, err := o.deskKeys(ctx, time.Now())
	if err != nil {
		return err
	}
	if c.Out != "" {
		return c.write(p, keys)
	}
	shown := []deskKeyJSON{}
	for _, k := range keys {
		line := deskKeyJSON{
			Fingerprint: k.Certificate.Fingerprint(), Name: k.Name, Email: k.Email, Certified: k.Certified.UTC(), Published: k.Published && k.Current, Opens: k.Key != nil,
			Lacking: []string{}, Former: append([]string{}, k.Former...),
		}
		for _, m := range k.Lacking {
			line.Lacking = append(line.Lacking, m.Name())
		}
		if k.Problem != nil {
			line.Problem = k.Problem.Error()
		}
		shown = append(shown, line)
	}
	p.report(shown, func() {
		for _, k := range shown {
			c.say(p, k)
		}
		if len(shown) == 0 {
			p.say("The desk has no certificate for mail programs. Make one with: valise desk new")
		}
	})
	return nil
}

func (c *DeskShowCommand) say(p *process, k deskKeyJSON) {
	standing := "given to mail programs"
	if !k.Published {
		standing = "not given to mail programs"
	}
	p.say("%s  %s <%s>  certified %s, %s", k.Fingerprint.Spaced(), clean(k.Name), clean(k.Email), hourUTC(k.Certified), standing)
	switch {
	case k.Opens:
		p.say("    You open what is sent to it.")
	case k.Problem != "":
		p.say("    What you were given doesn't open: %s", clean(k.Problem))
	}
	if len(k.Lacking) > 0 {
		p.say("    Without its key: %s. Who has it gives it to them with: valise desk share", clean(strings.Join(k.Lacking, ", ")))
	}
	if len(k.Former) > 0 && k.Published {
		p.say("    Left the desk with its key: %s. Make a new one with: valise desk new", clean(strings.Join(k.Former, ", ")))
	}
}

// write writes the certificate that is given to mail programs.
func (c *DeskShowCommand) write(p *process, keys []ceremony.DeskKey) error {
	for _, k := range keys {
		if k.Published && k.Current {
			return p.writeOut(c.Out, []byte(k.Certificate.Armor()), 0o644)
		}
	}
	return errors.New("no certificate of the desk is given to mail programs: make one with 'valise desk new', have it certified, and give its key to the desk with 'valise desk share'")
}
