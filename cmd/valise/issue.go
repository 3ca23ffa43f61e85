package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// IssueCommand issues one representative.
type IssueCommand struct {
	staffFlags
	Kind        string         `enum:"state,organisation,individual," default:"" placeholder:"KIND" help:"A new mailbox for a state, an organisation or an individual."`
	Mailbox     string         `placeholder:"NUMBER" help:"A further representative for a mailbox that exists."`
	Stakeholder string         `placeholder:"NAME" help:"Whose mailbox it is; needed with --kind. For an individual, their name if it isn't --person's."`
	Person      string         `required:"" placeholder:"NAME" help:"The representative's name."`
	Profile     crypto.Profile `default:"pq" enum:"pq,compat" help:"pq: post-quantum, for those who use this portal's pages or program. compat: for those who must use GnuPG or Thunderbird."`
	Letter      string         `required:"" placeholder:"FILE" help:"Where to write the letter, an HTML page to be printed."`
	Contact     []string       `env:"VALISE_LETTER_CONTACT" sep:"none" placeholder:"LINE" help:"A line for the letter that says how to reach a person at the institution, such as a telephone number; may be given several times. It is never taken from the portal, whom the letter teaches to doubt."`
	emailFlags
	ownFlags
	ClaimCodeFile string `placeholder:"FILE" help:"Write the claim code there, too, for what prints letters by another way."`
}

// Help is the part of --help below the summary.
func (IssueCommand) Help() string {
	return manual(`Makes a key for the representative, certifies it with yours, locks it under a claim code of 120 random bits, and hands certificate and locked key to the portal. From then on notices can be sealed to them.

Who they are goes up sealed: to the registrars, and for States and organisations to authors and approvers. An individual's number says nothing about who it is, and only registrars can read the name.

The claim code stands in the letter and nowhere else. Print the letter, have it delivered by hand or by courier, and delete the file: until the mailbox is claimed, whoever reads the letter can claim it. Give every State and organisation two representatives, so that one absence locks nobody out.

Who uses OpenPGP already can keep their certificate. Find it with --wkd, or take it from them (--own-certificate), and have them read its fingerprint to you, by telephone or in person: what a directory says is worth what its web server is worth. The mailbox can then be taken up with that certificate and no other, so a letter that somebody opened on its way lets them take up nothing. What is sealed to them before they have can be opened with the letter's code alone, as always. Individuals are not looked up, since the domain of their address would see who asks: take their certificate from them.

EXAMPLES

  valise issue --server https://portal.example --key chen.key --kind state --stakeholder "Republic of Elbonia" \
      --person "Ama Mensah" --contact "Registry: +31 70 000 0000" --letter elbonia-1.html

  valise issue … --mailbox S-7K2M9QXD --person "Kofi Owusu" --letter elbonia-2.html --email kofi.owusu@mission.example

  valise issue … --kind organisation --stakeholder "Field Office" --person "M. Osei" --letter osei.html --wkd osei@office.example

FILES

  --letter and --claim-code-file are readable by you alone, and replace no file that is there.

JSON

  representative, profile, fingerprint, letter, own_certificate (with --wkd or --own-certificate)

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY, VALISE_LETTER_CONTACT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 issued; 1 refused or failed, and the letter is worth nothing; 2 wrong usage.`)
}

// Run issues.
func (c *IssueCommand) Run(ctx context.Context, p *process) error {
	if (c.Kind == "") == (c.Mailbox == "") {
		return usagef("give --kind for a new mailbox, or --mailbox for one that exists")
	}
	kind := kinds[c.Kind]
	if c.Mailbox != "" {
		n, err := c.existing()
		if err != nil {
			return err
		}
		kind = n.Kind()
	}
	if c.WKD != "" {
		if err := notForIndividuals(kind, "take their certificate from them, and give it with --own-certificate"); err != nil {
			return err
		}
	}
	if c.Mailbox != "" && c.Stakeholder != "" {
		return usagef("the mailbox has its stakeholder's name already; leave out --stakeholder")
	}
	own, err := c.own(ctx, p)
	if err != nil {
		return err
	}
	o, err := c.logIn(ctx, p, crypto.RoleRegistrar)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	order, err := c.order(ctx, p, o)
	if err != nil {
		return err
	}
	order.Own = own
	i, err := o.client.Institution(ctx)
	if err != nil {
		return err
	}
	address, err := c.address(order.Representative)
	if err != nil {
		return err
	}
	var sealed *api.SetAddress
	if address != nil { // before anything is issued
		if sealed, err = ceremony.SealAddress(o.trust, o.key, *address, time.Now()); err != nil {
			return err
		}
	}
	issued, err := ceremony.Issue(o.trust, o.key, order, time.Now())
	if err != nil {
		return err
	}
	if err := c.deliver(ctx, o, i, order, issued); err != nil {
		return err
	}
	if address != nil {
		if err := o.client.SetAddress(ctx, order.Representative, *sealed); err != nil {
			return fmt.Errorf("%s was issued, and the letter is good, but the e-mail address was not kept: %w; set it with: valise address %[1]s --email …", order.Representative, err)
		}
	}
	certificate, err := crypto.ParseCertificate([]byte(issued.Request.Certificate))
	if err != nil {
		return err
	}
	p.report(issuedJSON{issued.Request.Representative, c.Profile, certificate.Fingerprint(), c.Letter, own}, func() {
		p.say("Issued %s to %s.", order.Representative, clean(c.Person))
		if own != "" {
			p.say("Only the certificate %s can take it up: valise claim --certificate FILE, or, on the portal, “with a certificate of your own”.", own.Spaced())
		}
		p.say("Print %s, send it by hand or courier, then delete the file.", c.Letter)
	})
	return nil
}

type issuedJSON struct {
	Representative string             `json:"representative"`
	Profile        crypto.Profile     `json:"profile"`
	Fingerprint    crypto.Fingerprint `json:"fingerprint"`
	Letter         string             `json:"letter"`
	Own            crypto.Fingerprint `json:"own_certificate,omitempty"`
}

var kinds = map[string]crypto.Kind{"state": crypto.KindState, "organisation": crypto.KindOrganisation, "individual": crypto.KindIndividual}

// order settles who is issued.
func (c *IssueCommand) order(ctx context.Context, p *process, o *officer) (ceremony.Order, error) {
	order := ceremony.Order{Profile: c.Profile, Person: c.Person, Stakeholder: c.Stakeholder}
	if c.Kind != "" {
		if order.Stakeholder == "" && c.Kind == "individual" {
			order.Stakeholder = c.Person
		}
		if order.Stakeholder == "" {
			return order, usagef("give the State's or organisation's name with --stakeholder")
		}
		var err error
		order.Representative, err = ceremony.NewMailbox(kinds[c.Kind])
		return order, err
	}
	n, err := c.existing()
	if err != nil {
		return order, err
	}
	d, err := o.directory(ctx, p)
	if err != nil {
		return order, err
	}
	m := d.Mailbox(n)
	if m == nil {
		return order, fmt.Errorf("the portal has no mailbox %s; give --kind to make a new one", n)
	}
	if order.Representative = (crypto.Representative{Mailbox: n, Ordinal: m.NextOrdinal()}); order.Representative.Ordinal > crypto.MaxOrdinal {
		return order, fmt.Errorf("%s has had %d representatives, which is as many as there can be", n, crypto.MaxOrdinal)
	}
	return order, nil
}

// existing reads --mailbox; the number of one of its representatives names it, too.
func (c *IssueCommand) existing() (crypto.Number, error) {
	r, err := crypto.ParseRepresentative(c.Mailbox)
	if err != nil {
		return "", usagef("--mailbox: %w", err)
	}
	return r.Mailbox, nil
}

// deliver writes the letter first: a code that is nowhere is a mailbox lost. When the
// portal then refuses, the letter is taken away.
func (c *IssueCommand) deliver(ctx context.Context, o *officer, i api.Institution, order ceremony.Order, issued *ceremony.Issued) error {
	letter, err := writeLetter(o, i, order, issued.Code, c.Contact)
	if err != nil {
		return err
	}
	if err := writeNew(c.Letter, letter, 0o600); err != nil {
		return fmt.Errorf("the letter: %w", err)
	}
	if c.ClaimCodeFile != "" {
		if err := writeNew(c.ClaimCodeFile, []byte(string(issued.Code)+"\n"), 0o600); err != nil {
			os.Remove(c.Letter)
			return fmt.Errorf("the claim code: %w", err)
		}
	}
	err = o.client.Issue(ctx, issued.Request)
	var refusal *client.Error
	if errors.As(err, &refusal) {
		os.Remove(c.Letter)
		if c.ClaimCodeFile != "" {
			os.Remove(c.ClaimCodeFile)
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; whether %s was issued is not known: try the letter's code, or issue again and destroy the letter", err, issued.Request.Representative)
	}
	return nil
}
