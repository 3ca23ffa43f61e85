package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// correspondentFlags log a representative in, or a member of the desk.
type correspondentFlags struct {
	serverFlags
	As         string `env:"VALISE_AS" placeholder:"NUMBER" help:"Representatives: your number, S-7K2M9QXD/2. \"/1\" may be left out."`
	SecretFile string `placeholder:"FILE" help:"A file whose first line is your passphrase, or the key's (\"-\": standard input). Without it you are asked."`
	Key        string `type:"existingfile" placeholder:"FILE" help:"Staff: your key file, made with 'valise staff new'. Representatives, with --as: your own private key, if you claimed the mailbox with a certificate of your own."`
	StaffKey   string `hidden:"" env:"VALISE_KEY" type:"existingfile" placeholder:"FILE" help:"As --key, for staff."`
	pinFlag
}

// correspondent is who reads and writes threads.
type correspondent struct {
	client *client.Client
	trust  *ceremony.Trust
	reader *ceremony.Reader
	staff  bool
	keys   []*crypto.Key // of a member of the desk

	deskKeys []ceremony.DeskKey // once fetched
}

func (c *correspondent) close(ctx context.Context) { logOut(ctx, c.client) }

func (m *member) correspondent() *correspondent {
	return &correspondent{client: m.client, trust: m.trust, reader: m.self.Reader()}
}

func (o *officer) correspondent() *correspondent {
	return &correspondent{client: o.client, trust: o.trust, reader: ceremony.DeskReader(o.keys), staff: true, keys: o.keys}
}

// logIn opens a session. End it with close.
func (f *correspondentFlags) logIn(ctx context.Context, p *process) (*correspondent, error) {
	if f.As != "" {
		flags := &representativeFlags{serverFlags: f.serverFlags, As: f.As, SecretFile: f.SecretFile, Key: f.Key, pinFlag: f.pinFlag}
		m, err := flags.logInClaimed(ctx, p)
		if err != nil {
			return nil, err
		}
		return m.correspondent(), nil
	}
	flags := &staffFlags{serverFlags: f.serverFlags, Key: f.Key, SecretFile: f.SecretFile}
	if flags.Key == "" {
		flags.Key = f.StaffKey
	}
	if flags.Key == "" {
		return nil, usagef("say who you are: --as NUMBER for a representative, --key FILE for a member of the desk")
	}
	o, err := flags.logInDesk(ctx, p)
	if err != nil {
		return nil, err
	}
	return o.correspondent(), nil
}

func (f *representativeFlags) logInClaimed(ctx context.Context, p *process) (*member, error) {
	m, err := f.logIn(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := m.needsClaim(); err != nil {
		m.close(ctx)
		return nil, err
	}
	return m, nil
}

func (f *staffFlags) logInDesk(ctx context.Context, p *process) (*officer, error) {
	return f.logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover)
}

// share gives what this reader can open to those who came later. That it fails is no reason not to read.
func (c *correspondent) share(ctx context.Context, p *process) {
	added, err := c.client.ShareThreads(ctx, c.trust, c.reader)
	switch {
	case err != nil:
		p.warn("messages could not be shared with those who came later: %v", err)
	case added > 0:
		p.warn("shared %s with people who came later: new members of the desk, or new representatives", count(added, "message", "messages"))
	}
	if !c.staff {
		return
	}
	given, err := c.giveDeskKeys(ctx)
	if err != nil {
		p.warn("the desk's key for mail programs could not be given to those who lack it: %v", err)
	}
	for _, g := range given {
		for _, m := range g.To {
			p.warn("gave %s the key to what is sent to the desk from mail programs", clean(m.Name()))
		}
	}
}

// giveDeskKeys gives the desk's keys for mail programs that this member has to those of the desk who lack them.
func (c *correspondent) giveDeskKeys(ctx context.Context) ([]ceremony.GivenDeskKey, error) {
	wire, err := c.client.DeskKeys(ctx)
	if err != nil {
		return nil, err
	}
	if c.deskKeys, err = ceremony.ReadDeskKeys(c.trust, c.keys, wire, time.Now()); err != nil {
		return nil, err
	}
	return giveDeskKeys(ctx, c.client, c.trust, c.keys[0], c.deskKeys, false)
}

// conversation fetches a thread and verifies the headings of its messages.
func (c *correspondent) conversation(ctx context.Context, n crypto.Number) (*ceremony.Conversation, error) {
	d, err := c.client.Thread(ctx, n)
	if err != nil {
		return nil, err
	}
	return ceremony.ReadThread(c.trust, c.reader, n, d, time.Now())
}

// threads fetches a list of threads and verifies the first message of each.
func (c *correspondent) threads(ctx context.Context, closed bool) ([]ceremony.Conversation, error) {
	wire, err := c.client.Threads(ctx, closed)
	if err != nil {
		return nil, err
	}
	list, err := ceremony.ListThreads(c.trust, c.reader, wire, time.Now())
	if err != nil {
		return nil, err
	}
	rank := func(t ceremony.Conversation) int {
		switch {
		case c.staff && waiting(t.Thread), !c.staff && t.Unread > 0:
			return 0
		case t.Closed:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b ceremony.Conversation) int {
		if by := rank(a) - rank(b); by != 0 {
			return by
		}
		if c.staff && rank(a) == 0 { // who has waited longest
			return a.Changed.Compare(b.Changed)
		}
		return b.Changed.Compare(a.Changed)
	})
	return list, nil
}

// mailed opens a reply by e-mail that was fetched, with the desk's keys for mail programs, which are fetched for the first one.
func (c *correspondent) mailed(ctx context.Context, conversation *ceremony.Conversation, wire api.ThreadMessage) (*ceremony.Mailed, error) {
	if c.deskKeys == nil {
		keys, err := c.client.DeskKeys(ctx)
		if err != nil {
			return nil, err
		}
		if c.deskKeys, err = ceremony.ReadDeskKeys(c.trust, c.keys, keys, time.Now()); err != nil {
			return nil, err
		}
	}
	return ceremony.ReadMailed(c.trust, conversation, wire, c.deskKeys, time.Now())
}

// waiting says whether a thread waits for an answer.
func waiting(t api.Thread) bool { return !t.Closed && t.Last != crypto.Answer }

// name is how a member of the staff is called.
func (c *correspondent) name(holder string) string {
	for _, member := range c.trust.Staff(time.Now()) {
		if crypto.StaffHolder(member.Certificate().Fingerprint()) == holder {
			return member.Name()
		}
	}
	return clean(holder)
}

type threadLineJSON struct {
	Thread   crypto.Number `json:"thread"`
	Mailbox  crypto.Number `json:"mailbox"`
	Name     string        `json:"name,omitempty"`
	About    crypto.Number `json:"about,omitempty"`
	Subject  string        `json:"subject"`
	Closed   bool          `json:"closed"`
	Waiting  bool          `json:"waiting"`
	Assignee string        `json:"assignee,omitempty"`
	Changed  time.Time     `json:"changed"`
	Messages int           `json:"messages"`
	Unread   int           `json:"unread"`
	Unshared int           `json:"unshared"`
	Mailed   bool          `json:"mailed"`
	Problem  string        `json:"problem"`
}

// list shows threads, and fails when one of them did not hold.
func (c *correspondent) list(ctx context.Context, p *process, closed bool) error {
	c.share(ctx, p)
	threads, err := c.threads(ctx, closed)
	if err != nil {
		return err
	}
	out := make([]threadLineJSON, len(threads))
	var failed error
	for i := range threads {
		t := &threads[i]
		out[i] = threadLineJSON{
			Thread: t.Thread.Thread, Mailbox: t.Mailbox, Name: t.Name, About: t.About, Subject: t.Subject(), Closed: t.Closed, Waiting: waiting(t.Thread),
			Changed: t.Changed, Messages: t.Thread.Messages, Unread: t.Unread, Unshared: t.Unshared,
		}
		if t.Assignee != "" {
			out[i].Assignee = c.name(t.Assignee)
		}
		if problem := t.Messages[0].Problem; problem != nil {
			out[i].Problem, failed = problem.Error(), errShown
		}
		out[i].Mailed = t.Messages[0].Kind == crypto.MailedReply
	}
	p.report(out, func() {
		if len(out) == 0 {
			p.say("There are no threads.")
		}
		for _, line := range out {
			p.say("%s", c.line(line))
		}
	})
	return failed
}

func (c *correspondent) line(t threadLineJSON) string {
	subject := t.Subject
	switch {
	case t.Problem != "":
		subject = "DID NOT HOLD: " + t.Problem
	case t.Mailed:
		subject = "(begun by e-mail)"
	case subject == "":
		subject = "(not shared with you yet)"
	}
	line := string(t.Thread) + "  "
	if c.staff {
		line += called(numberText(t.Mailbox), t.Name) + "  "
	}
	line += clean(subject)
	var more []string
	if t.About != "" {
		more = append(more, "about "+clean(string(t.About)))
	}
	switch {
	case t.Closed:
		more = append(more, "closed")
	case c.staff && t.Waiting:
		more = append(more, "WAITS FOR AN ANSWER since "+hourUTC(t.Changed))
	}
	if t.Unread > 0 {
		more = append(more, fmt.Sprintf("%d UNREAD", t.Unread))
	}
	if t.Unshared > 0 {
		more = append(more, fmt.Sprintf("%d not shared with you yet", t.Unshared))
	}
	more = append(more, count(t.Messages, "message", "messages"))
	if t.Assignee != "" {
		more = append(more, "assigned to "+t.Assignee)
	}
	return line + "  (" + strings.Join(more, ", ") + ")"
}

func parseThread(text string) (crypto.Number, error) {
	n, err := crypto.ParseNumber(text)
	if err != nil {
		return "", usagef("the thread: %w", err)
	}
	if n.Kind() != crypto.KindThread {
		return "", usagef("%s is no thread; the number of a thread starts with T", n)
	}
	return n, nil
}

// writing reads what is to be sent.
func (p *process) writing(m *crypto.ThreadMessage, text string, attach []string) (err error) {
	if m.Text, err = p.readText(text); err != nil {
		return err
	}
	for _, path := range attach {
		a, err := p.readAttachment(path)
		if err != nil {
			return err
		}
		m.Attachments = append(m.Attachments, a)
	}
	return m.Check()
}

type sentJSON struct {
	Thread   crypto.Number `json:"thread"`
	Message  string        `json:"message"`
	SHA256   string        `json:"sha256"`
	Received time.Time     `json:"received"`
}

// send seals and hands in a message, and says so.
func (c *correspondent) send(ctx context.Context, p *process, m *crypto.ThreadMessage, seal func(api.Addressees) (*api.NewMessage, error)) error {
	var sealed *api.NewMessage
	received, err := c.client.Send(ctx, m, func(to api.Addressees) (_ *api.NewMessage, err error) {
		sealed, err = seal(to)
		return sealed, err
	})
	if err != nil {
		return err
	}
	p.report(sentJSON{m.Thread, m.ID, sealed.SHA256, received.Received}, func() {
		p.say("Sent in %s, sealed to %s; the portal has had it since %s.", m.Thread, count(len(sealed.Envelopes), "person", "people"), hourUTC(received.Received))
	})
	return nil
}
