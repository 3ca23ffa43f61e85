package main

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// ReplyCommand writes to the desk.
type ReplyCommand struct {
	representativeFlags
	What   []string `arg:"" name:"number-and-text" help:"What it is about, if anything: the number of a notice or statement (N-…, P-…) for a new thread, or of a thread (T-…) to go on in it. Then the text, a Markdown file whose name says the language: en.md, or en=FILE. Its first line is the subject."`
	Attach []string `type:"existingfile" sep:"none" placeholder:"FILE" help:"A file that goes with it; 25 MiB in all. May be repeated."`
}

// Help is the part of --help below the summary.
func (ReplyCommand) Help() string {
	return manual(`Seals, on this machine, a text with its subject and attachments to the institution's desk (the staff who author and approve) and to all representatives who have claimed your mailbox, you among them, and signs it with your key. The portal sees that you wrote, when, how much and about which notice; not a word of it.

It names the messages that you have seen in the thread, so that nobody can drop one of them unnoticed.

EXAMPLES

  valise reply N-4GZ0R8T4 en.md --server https://portal.example --as S-7K2M9QXD/2 --attach list.pdf

  valise reply T-9C3H6W2V fr=suite.txt --server https://portal.example --as S-7K2M9QXD/2

JSON

  thread, message, sha256 (what later messages name it by), received

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 the portal has the reply; 1 refused or failed; 2 wrong usage.`)
}

// Run replies.
func (c *ReplyCommand) Run(ctx context.Context, p *process) error {
	var number crypto.Number
	switch len(c.What) {
	case 1:
	case 2:
		var err error
		if number, err = crypto.ParseNumber(c.What[0]); err != nil {
			return usagef("what you reply to: %w", err)
		}
		if number.Kind().Mailbox() {
			return usagef("%s is a mailbox; one replies to a notice (N-…), a statement (P-…) or in a thread (T-…)", number)
		}
	default:
		return usagef("give what you reply to, if anything, and one text")
	}
	text := c.What[len(c.What)-1]
	if err := p.writing(crypto.NewThreadMessage("", "", "", "", nil, time.Now()), text, c.Attach); err != nil { // before anybody types a passphrase
		return err
	}
	m, err := c.logInClaimed(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	who := m.correspondent()
	thread, about, after := crypto.NewNumber(crypto.KindThread), number, []string(nil)
	if number.Kind() == crypto.KindThread {
		conversation, err := who.conversation(ctx, number)
		if err != nil {
			return err
		}
		thread, about, after = number, conversation.About, conversation.Heads()
	}
	message := crypto.NewThreadMessage(m.trust.Root().Fingerprint(), thread, m.as.Mailbox, about, after, time.Now())
	if err := p.writing(message, text, c.Attach); err != nil {
		return err
	}
	return who.send(ctx, p, message, func(to api.Addressees) (*api.NewMessage, error) {
		return ceremony.SealReply(m.trust, m.key, m.as, message, to, time.Now())
	})
}
