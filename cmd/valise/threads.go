package main

import "context"

// ThreadsCommand lists a mailbox's threads.
type ThreadsCommand struct {
	representativeFlags
}

// Help is the part of --help below the summary.
func (ThreadsCommand) Help() string {
	return manual(`Lists what your mailbox has written to the institution's desk, and what came back: what you have not read first, then what changed last. A subject is shown only when the signature of who wrote it held, up to the root whose fingerprint is locked in with your key.

Messages that representatives or members of the desk lack who came later are shared with them: this program seals their keys to them, after it has verified who they are.

EXAMPLES

  valise threads --server https://portal.example --as S-7K2M9QXD/2

JSON

  an array of thread, mailbox, about, subject, closed, waiting (for an answer), changed, messages, unread, unshared, mailed (it was begun by e-mail, and has no subject), problem (empty: it held)

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 listed; 1 refused or failed, or a message did not hold; 2 wrong usage.`)
}

// Run lists.
func (c *ThreadsCommand) Run(ctx context.Context, p *process) error {
	m, err := c.logInClaimed(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	return m.correspondent().list(ctx, p, false)
}

// InboxCommand lists the desk's threads.
type InboxCommand struct {
	staffFlags
	Closed bool `help:"List those that were closed, instead of the open ones."`
}

// Help is the part of --help below the summary.
func (InboxCommand) Help() string {
	return manual(`Lists the threads of the desk: what waits for an answer first, who has waited longest at the top; then the others, the last changed first. For staff who author or approve.

Messages that colleagues or representatives lack who came later are shared with them: this program seals their keys to them, after it has verified who they are.

EXAMPLES

  valise inbox --server https://portal.example --key amara.key

  valise inbox --closed --server https://portal.example --key amara.key --json

JSON

  an array of thread, mailbox, name (of the stakeholder, if it is sealed to you), about, subject, closed, waiting (for an answer), assignee, changed, messages, unread, unshared, mailed (it was begun by e-mail, and has no subject), problem (empty: it held)

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 listed; 1 refused or failed, or a message did not hold; 2 wrong usage.`)
}

// Run lists.
func (c *InboxCommand) Run(ctx context.Context, p *process) error {
	o, err := c.logInDesk(ctx, p)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	return o.correspondent().list(ctx, p, c.Closed)
}
