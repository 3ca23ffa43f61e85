package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

// CommandCommand writes and signs a command to be sent by e-mail.
type CommandCommand struct {
	Command     string `arg:"" enum:"resend,stop-email,new-certificate" help:"What is to be done: resend, stop-email or new-certificate."`
	About       string `arg:"" optional:"" help:"For resend, the number of a notice; without it, everything that nobody of your mailbox has opened."`
	Key         string `required:"" type:"existingfile" placeholder:"FILE" help:"The emergency file that you saved on your account page, or your locked key; or your own private key, if you claimed the mailbox with a certificate of your own."`
	Form        string `required:"" placeholder:"FILE" help:"The mail with the papers of any notice, newest best; with a private key of your own, its text, decrypted: what to sign stands in it."`
	SecretFile  string `placeholder:"FILE" help:"A file whose first line is your passphrase (\"-\": standard input). Without it you are asked."`
	Certificate string `type:"existingfile" placeholder:"FILE" help:"For new-certificate: the new one, whose only user ID is your number. Your key certifies it, and it is written below the command."`
	Out         string `required:"" placeholder:"FILE" help:"Where to write the text to send (\"-\": standard output)."`
}

// Help is the part of --help below the summary.
func (CommandCommand) Help() string {
	return manual(`Writes a text that your key signs and that you send by e-mail, in answer to any mail of the institution, alone. It has done, for you and nobody else:

  resend            a notice by e-mail once more, or everything unopened
  stop-email        no e-mail any more, until the institution sets your address again
  new-certificate   a new certificate in the place of yours, if you keep a key of your own

A text is obeyed once, within a day; nobody answers. Whoever carries that mail reads it. No portal is needed.

EXAMPLES

  valise command resend N-4GZ0R8T4 --key emergency.asc --form papers.eml --out command.txt.asc
  valise command stop-email --key emergency.asc --form papers.eml --out command.txt.asc
  valise command new-certificate --certificate new.asc --key my-secret-key.asc --form papers.txt --out command.txt.asc

JSON

  command, about, representative, time, out (FILE)

EXIT STATUS

  0 written; 1 refused or failed; 2 wrong usage.`)
}

type commandJSON struct {
	Command        crypto.CommandKind `json:"command"`
	About          string             `json:"about"`
	Representative string             `json:"representative"`
	Time           time.Time          `json:"time"`
	Out            string             `json:"out"`
}

// Run writes one.
func (c *CommandCommand) Run(_ context.Context, p *process) error {
	kind := crypto.CommandKind(c.Command)
	switch {
	case (kind == crypto.CommandNewCertificate) != (c.Certificate != ""):
		return usagef("--certificate goes with new-certificate, and that needs it")
	case kind != crypto.CommandResend && c.About != "":
		return usagef("%s is about nothing but yourself", kind)
	}
	if err := canWriteOut(c.Out); err != nil {
		return usagef("--out: %w", err)
	}
	key, form, err := c.open(p)
	if err != nil {
		return err
	}
	now := time.Now()
	order := *form
	order.Kind, order.About, order.Certificate, order.Time = kind, crypto.CommandEverything, key.Certificate().Fingerprint(), now.UTC().Truncate(time.Second)
	if c.About != "" {
		number, err := crypto.ParseNumber(c.About)
		if err != nil {
			return usageError{err}
		}
		order.About = string(number)
	}
	with := ""
	if c.Certificate != "" {
		next, err := p.readCertificate(c.Certificate)
		if err != nil {
			return err
		}
		if next, err = crypto.CertifySuccessor(key, next, order.Representative, now); err != nil {
			return err
		}
		order.About, with = string(next.Fingerprint()), "\n"+next.Armor()
	}
	signed, err := crypto.SignCommand(key, &order, now)
	if err != nil {
		return err
	}
	if err := p.writeOut(c.Out, append(signed, with...), 0o644); err != nil || c.Out == "-" {
		return err
	}
	p.report(commandJSON{order.Kind, order.About, order.Representative.String(), order.Time, c.Out}, func() {
		p.say("%s: send what is in it, alone, within a day, in answer to a mail of the institution.", c.Out)
	})
	return nil
}

// open returns the key and the command that stands in the papers of a notice.
func (c *CommandCommand) open(p *process) (*crypto.Key, *crypto.Command, error) {
	file, err := p.readInput(c.Key, maxMailFile)
	if err != nil {
		return nil, nil, err
	}
	form, err := p.readInput(c.Form, maxMailFile)
	if err != nil {
		return nil, nil, err
	}
	said, err := ceremony.CommandIn(string(form)) // it was decrypted
	if err != nil && !errors.Is(err, ceremony.ErrNoCommand) {
		return nil, nil, fmt.Errorf("%s: %w", c.Form, err)
	}
	if _, notLocked := ceremony.KeyFile(file); notLocked != nil {
		if said == nil {
			return nil, nil, usagef("with a private key of your own, decrypt the mail with the papers first, and give its text: gpg --decrypt FILE")
		}
		key, err := p.openPrivateKey(c.Key, c.SecretFile)
		return key, said, err
	}
	if said != nil {
		bundle, err := p.openKeyFile(c.Key, c.SecretFile)
		if err != nil {
			return nil, nil, err
		}
		if said.Institution != bundle.Pin.Fingerprint {
			return nil, nil, fmt.Errorf("%s is of another institution, whose root has the fingerprint %s", c.Form, said.Institution.Spaced())
		}
		return bundle.Key, said, nil
	}
	var o ceremony.Offline
	for name, data := range map[string][]byte{c.Key: file, c.Form: form} {
		if _, err := o.Take(data); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	passphrase, err := p.secret(c.SecretFile, "passphrase of "+filepath.Base(c.Key))
	if err != nil {
		return nil, nil, err
	}
	bundle, said, err := o.Command(passphrase, time.Now())
	if err != nil {
		return nil, nil, err
	}
	return bundle.Key, said, nil
}
