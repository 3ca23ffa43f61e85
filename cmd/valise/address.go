package main

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

// emailFlags say where a representative gets e-mail, and how.
type emailFlags struct {
	Email   string `placeholder:"ADDRESS" help:"Where they get e-mail: the same sealed message, when a notice isn't opened in time or the portal can't be reached. It is sealed, here, to the courier and the registrars; the portal can't read it."`
	Subject string `placeholder:"TEXT" help:"With --email: what stands outside as the subject, for everybody on the way to see. Without it, what the institution has for all, such as \"...\"."`
	Quiet   string `placeholder:"HOURS" help:"With --email: hours of the day in which nothing is sent unless it is urgent: 22-7."`
	Zone    string `placeholder:"ZONE" help:"With --quiet: their time zone, Europe/Paris. Without it, UTC."`
	Policy  string `placeholder:"WHEN" help:"With --email: as-notice (when the notice says; the default for States and organisations), at-once, \"after 12h\" (unopened), last-call (a day before the deadline), or never (the default for individuals)."`

	AtTheirRequest bool `help:"With --email, for an individual: they asked for e-mail themself, and were told that whoever watches their mail can notice that they get sealed messages. Without it they get none."`
}

// address makes an Address of the flags; nil when there is no --email.
func (f *emailFlags) address(of crypto.Representative) (*crypto.Address, error) {
	if f.Email == "" {
		if f.Subject+f.Quiet+f.Zone+f.Policy != "" || f.AtTheirRequest {
			return nil, usagef("--subject, --quiet, --zone, --policy and --at-their-request go with --email")
		}
		return nil, nil
	}
	a := &crypto.Address{Representative: of, Email: f.Email, Subject: f.Subject, Zone: f.Zone, Asked: f.AtTheirRequest, Policy: crypto.MailAsNotice}
	if of.Mailbox.Kind() == crypto.KindIndividual {
		a.Policy = crypto.MailNever
	}
	var err error
	if f.Policy != "" {
		if a.Policy, err = crypto.ParseMailPolicy(f.Policy); err != nil {
			return nil, usagef("--policy: %w", err)
		}
	}
	if a.Quiet, err = crypto.ParseQuietHours(f.Quiet); err != nil {
		return nil, usagef("--quiet: %w", err)
	}
	if f.Zone != "" {
		if _, err := time.LoadLocation(f.Zone); err != nil {
			return nil, usagef("--zone: %q is not the name of a time zone; it looks like Europe/Paris", f.Zone)
		}
	}
	if err := a.Check(); err != nil {
		return nil, usageError{err}
	}
	return a, nil
}

// setAddress seals an address and hands it in.
func (o *officer) setAddress(ctx context.Context, a *crypto.Address) error {
	sealed, err := ceremony.SealAddress(o.trust, o.key, *a, time.Now())
	if err != nil {
		return err
	}
	return o.client.SetAddress(ctx, a.Representative, *sealed)
}

// AddressCommand shows, sets or removes where a representative gets e-mail.
type AddressCommand struct {
	staffFlags
	Representative string `arg:"" help:"Whose address: S-7K2M9QXD/2. Without /2 it is the first representative's."`
	emailFlags
	directoryFlags
	Remove bool `help:"Forget the address: they get no e-mail from now on."`
	Reseal bool `help:"Seal what is there once more, to those who are couriers and registrars now."`
}

// Help is the part of --help below the summary.
func (AddressCommand) Help() string {
	return manual(`Without --email, --remove or --reseal it shows what is set. An address is sealed on this machine, to the courier and the registrars: neither the portal nor a copy of its database tells where anybody gets e-mail, only that they do. What lies unopened in their mailbox is sent to a new address, when the notice says so.

With --wkd the Web Key Directory of the address's domain is asked for a certificate first, which is shown: the one that messages are sealed to, which says that the address is right; another one, which you ask the person about; or none. Whatever it answers, the address is set, and messages stay sealed to the certificate that a registrar issued or that grew out of that. To find the certificate of somebody who is yet to get a mailbox, see valise issue --wkd.

The mail shows outside whom it goes to, the sender that the institution chose, and the subject; nothing about what it is.

EXAMPLES

  valise address S-7K2M9QXD/2 --server https://portal.example --key chen.key --email ama.mensah@mission.example --quiet 22-7 --zone Europe/Paris
  valise address I-4GZ0R8TB … --email m@post.example --policy "after 12h" --at-their-request
  valise address S-7K2M9QXD/2 … --email ama.mensah@mission.example --wkd
  valise address S-7K2M9QXD/2 …
  valise address S-7K2M9QXD/2 … --remove

JSON

  representative, email ("" when removed), subject, quiet, zone, policy, asked, set, by, directory (with --wkd: found, url, fingerprint, same)

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 done; 1 refused, failed, or there is none to show; 2 wrong usage.`)
}

type addressJSON struct {
	Representative string            `json:"representative"`
	Email          string            `json:"email"`
	Subject        string            `json:"subject"`
	Quiet          string            `json:"quiet"`
	Zone           string            `json:"zone"`
	Policy         crypto.MailPolicy `json:"policy"`
	Asked          bool              `json:"asked"`
	Set            *time.Time        `json:"set"`
	By             string            `json:"by"`
	Directory      *directoryAnswer  `json:"directory,omitempty"`
}

// Run shows, sets or removes.
func (c *AddressCommand) Run(ctx context.Context, p *process) error {
	of, err := crypto.ParseRepresentative(c.Representative)
	if err != nil {
		return usageError{err}
	}
	a, err := c.address(of)
	if err != nil {
		return err
	}
	given := 0
	for _, one := range []bool{a != nil, c.Remove, c.Reseal} {
		if one {
			given++
		}
	}
	switch {
	case given > 1:
		return usagef("give one of --email, --remove and --reseal")
	case c.WKD && c.Remove:
		return usagef("--wkd asks about an address that is set or shown, not about one that is removed")
	case c.WKD:
		if err := notForIndividuals(of.Mailbox.Kind(), "leave out --wkd"); err != nil {
			return err
		}
	}
	o, err := c.logIn(ctx, p, crypto.RoleRegistrar)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	switch {
	case c.Remove:
		return c.remove(ctx, p, o, of)
	case a != nil:
		return c.set(ctx, p, o, a)
	}
	return c.show(ctx, p, o, of)
}

func (c *AddressCommand) remove(ctx context.Context, p *process, o *officer, of crypto.Representative) error {
	if err := o.client.RemoveAddress(ctx, of); err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	p.report(addressJSON{Representative: of.String(), Set: &now, By: o.self.Name()}, func() { p.say("%s gets no e-mail any more.", of) })
	return nil
}

func (c *AddressCommand) set(ctx context.Context, p *process, o *officer, a *crypto.Address) error {
	directory, err := c.lookUp(ctx, p, o, a.Representative, a.Email)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	if err := o.setAddress(ctx, a); err != nil {
		return err
	}
	p.report(addressOf(a, now, o.self.Name(), directory), func() { p.say("%s gets e-mail at %s.", a.Representative, a.Email) })
	return nil
}

// show opens what is set, and seals it once more when that is asked for.
func (c *AddressCommand) show(ctx context.Context, p *process, o *officer, of crypto.Representative) error {
	wire, err := o.client.Address(ctx, of)
	if err != nil {
		return err
	}
	opened, by, err := ceremony.OpenAddress(o.trust, o.keys, of, wire, time.Now())
	if err != nil {
		return err
	}
	directory, err := c.lookUp(ctx, p, o, of, opened.Email)
	if err != nil {
		return err
	}
	if c.Reseal {
		if err := o.setAddress(ctx, &opened); err != nil {
			return err
		}
	}
	p.report(addressOf(&opened, wire.Set, by.Name(), directory), func() {
		p.say("%s  %s", of, opened.Email)
		quiet := opened.Quiet.String()
		if opened.Zone != "" {
			quiet += " " + opened.Zone
		}
		p.say("    %s; quiet %s; written down by %s, %s", opened.Policy, quiet, clean(by.Name()), hourUTC(wire.Set))
		if opened.Subject != "" {
			p.say("    subject outside: %s", clean(opened.Subject))
		}
		if c.Reseal {
			p.say("Sealed once more.")
		}
	})
	return nil
}

func addressOf(a *crypto.Address, set time.Time, by string, directory *directoryAnswer) addressJSON {
	return addressJSON{a.Representative.String(), a.Email, a.Subject, a.Quiet.String(), a.Zone, a.Policy, a.Asked, &set, by, directory}
}
