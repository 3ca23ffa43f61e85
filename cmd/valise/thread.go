package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

// ThreadCommand reads a thread.
type ThreadCommand struct {
	correspondentFlags
	Thread          string `arg:"" help:"The number of the thread, from 'valise threads' or 'valise inbox'."`
	Unread          bool   `help:"Print only what you have not read yet."`
	SaveAttachments string `type:"path" placeholder:"DIR" help:"Write the attachments there, the message's place in the thread before each name."`
}

// Help is the part of --help below the summary.
func (ThreadCommand) Help() string {
	return manual(`Prints the messages of a thread, oldest first, for a representative of its mailbox (--as) or a member of the desk (--key). A message is printed only when its writer's signature held, up to the root, and when it belongs to this thread and this mailbox; otherwise it says what did not hold. A message whose writer had seen one that the portal does not show is marked: something is missing before it.

An answer is from one member of the desk, who signed it alone. What the institution says with two signatures comes as a notice.

A reply that came by e-mail is sealed to the desk alone: it is opened for who has the desk's key for mail programs, see 'valise desk', and representatives see that it came. Who wrote it is a representative whose signature stands inside; where there is none that counts, it says so, and then anybody may have written it. It is shown as text, without what HTML would do; the mail itself is among its attachments.

For the portal, what was printed is read from now on.

EXAMPLES

  valise thread T-9C3H6W2V --server https://portal.example --as S-7K2M9QXD/2

  valise thread T-9C3H6W2V --server https://portal.example --key amara.key --save-attachments .

JSON

  thread, mailbox, name, about, closed, assignee, gap (something is missing), messages[] (message, kind, from, sender, written, received, language, subject, text, attachments[], missing[], shared, problem; of kind "mail" also mailed: answers (to whom our mail went), unsigned (why nobody can say who wrote it; "": from signed it), html (the text was made of it), cut (the text is longer))

ENVIRONMENT

  VALISE_SERVER, VALISE_AS or VALISE_KEY, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 everything held (also when a mail has no signature, which it says); 1 something did not hold or is missing, refused, or failed; 2 wrong usage.`)
}

type messageJSON struct {
	Message     string             `json:"message"`
	Kind        crypto.MessageKind `json:"kind"`
	From        string             `json:"from,omitempty"`
	Sender      string             `json:"sender,omitempty"`
	Written     *time.Time         `json:"written"`
	Received    time.Time          `json:"received"`
	Language    string             `json:"language,omitempty"`
	Subject     string             `json:"subject,omitempty"`
	Text        string             `json:"text,omitempty"`
	Attachments []attachmentJSON   `json:"attachments"`
	Missing     []string           `json:"missing"`
	Shared      bool               `json:"shared"`
	Problem     string             `json:"problem"`
	Mailed      *mailedJSON        `json:"mailed,omitempty"`
}

// mailedJSON is what there is to say of a reply by e-mail beside the others' fields.
type mailedJSON struct {
	Answers  string `json:"answers"`
	Unsigned string `json:"unsigned"`
	HTML     bool   `json:"html"`
	Cut      bool   `json:"cut"`

	opened bool
}

type threadJSON struct {
	Thread   crypto.Number `json:"thread"`
	Mailbox  crypto.Number `json:"mailbox"`
	Name     string        `json:"name,omitempty"`
	About    crypto.Number `json:"about,omitempty"`
	Closed   bool          `json:"closed"`
	Assignee string        `json:"assignee,omitempty"`
	Gap      bool          `json:"gap"`
	Messages []messageJSON `json:"messages"`
}

// Run reads.
func (c *ThreadCommand) Run(ctx context.Context, p *process) error {
	number, err := parseThread(c.Thread)
	if err != nil {
		return err
	}
	who, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer who.close(ctx)
	who.share(ctx, p)
	conversation, err := who.conversation(ctx, number)
	if err != nil {
		return err
	}
	out := threadJSON{
		Thread: number, Mailbox: conversation.Mailbox, Name: conversation.Name, About: conversation.About, Closed: conversation.Closed,
		Gap: conversation.Gaps(), Messages: []messageJSON{},
	}
	if conversation.Assignee != "" {
		out.Assignee = who.name(conversation.Assignee)
	}
	for i, m := range conversation.Messages {
		if c.Unread && m.Read != nil {
			continue
		}
		line, err := c.message(ctx, p, who, conversation, i, m)
		if err != nil {
			return err
		}
		out.Messages = append(out.Messages, line)
	}
	p.report(out, func() { out.show(p) })
	for _, m := range out.Messages {
		if m.Problem != "" || m.Mailed != nil && m.Mailed.Unsigned != "" && m.Mailed.Unsigned != notSigned {
			return errShown
		}
	}
	if out.Gap {
		p.warn("A message is missing from this thread: somebody who wrote in it had seen one that the portal does not show. Ask the other side by another way than this portal.")
		return errShown
	}
	return nil
}

// message fetches and opens one message. What did not hold is said in it; err is what else went wrong.
func (c *ThreadCommand) message(ctx context.Context, p *process, who *correspondent, conversation *ceremony.Conversation, place int, m ceremony.Written) (messageJSON, error) {
	line := messageJSON{Message: m.ID, Kind: m.Kind, Received: m.Received, Attachments: []attachmentJSON{}, Missing: append([]string{}, m.Missing...), Shared: m.Shared}
	switch {
	case m.Problem != nil:
		line.Problem = m.Problem.Error()
		return line, nil
	case !m.Shared:
		return line, nil
	case m.Kind == crypto.MailedReply && !who.staff:
		line.Mailed = &mailedJSON{}
		return line, nil
	}
	wire, err := who.client.ThreadMessage(ctx, conversation.Thread.Thread, m.ID)
	if err != nil {
		return line, err
	}
	if m.Kind == crypto.MailedReply {
		opened, err := who.mailed(ctx, conversation, wire)
		if err != nil {
			line.Problem = err.Error()
			return line, nil
		}
		return line, c.mailed(p, &line, opened, place)
	}
	opened, err := ceremony.ReadMessage(conversation, wire, time.Now())
	if err != nil {
		line.Problem = err.Error()
		return line, nil
	}
	message := opened.Message()
	line.From, line.Sender, line.Written = message.From, message.Sender, optional(message.Created)
	content := &crypto.Content{Languages: []crypto.LanguageVersion{message.Text}, Attachments: message.Attachments}
	_, line.Attachments = contentJSON(content)
	line.Language, line.Subject, line.Text = message.Text.Language, message.Text.Subject, message.Text.Text
	return line, c.save(p, message.Attachments, place)
}

// save writes attachments, if they are wanted.
func (c *ThreadCommand) save(p *process, attachments []crypto.Attachment, place int) error {
	if c.SaveAttachments == "" {
		return nil
	}
	saved := &crypto.Content{}
	for _, a := range attachments {
		a.Name = fmt.Sprintf("%02d-%s", place+1, a.Name)
		saved.Attachments = append(saved.Attachments, a)
	}
	return p.saveAttachments(c.SaveAttachments, saved)
}

const notSigned = "it is not signed"

// mailed says what an opened reply by e-mail is.
func (c *ThreadCommand) mailed(p *process, line *messageJSON, m *ceremony.Mailed, place int) error {
	line.Subject, line.Text = m.Subject, m.Text
	line.Mailed = &mailedJSON{Answers: m.Answers, HTML: m.HTML, Cut: m.Cut, opened: true}
	switch {
	case m.Signature != nil:
		line.From = m.Signature.Representative().String()
		line.Sender, line.Written = line.From, optional(m.Signature.Signature().Made())
	case m.Problem != nil:
		line.Mailed.Unsigned = m.Problem.Error()
	default:
		line.Mailed.Unsigned = notSigned
	}
	content := &crypto.Content{}
	names := map[string]bool{}
	for i, f := range m.Files {
		if names[f.Name] {
			f.Name = fmt.Sprintf("%d-%s", i+1, f.Name)
		}
		names[f.Name] = true
		content.Attachments = append(content.Attachments, crypto.Attachment(f))
	}
	_, line.Attachments = contentJSON(content)
	return c.save(p, content.Attachments, place)
}

// mailedNotes is what to know of a mail before its text.
func mailedNotes(m messageJSON) string {
	notes := []string{"It answers our mail to " + clean(m.Mailed.Answers) + "."}
	if m.Mailed.HTML {
		notes = append(notes, "Its text was made of HTML.")
	}
	if m.Mailed.Cut {
		notes = append(notes, "Its text is longer than is shown; the mail itself has all of it.")
	}
	return strings.Join(notes, " ")
}

func (t *threadJSON) show(p *process) {
	head := string(t.Thread) + "  " + called(numberText(t.Mailbox), t.Name)
	if t.About != "" {
		head += ", about " + clean(string(t.About))
	}
	if t.Closed {
		head += ", closed"
	}
	if t.Assignee != "" {
		head += ", assigned to " + t.Assignee
	}
	p.say("%s", head)
	for _, m := range t.Messages {
		if len(m.Missing) > 0 {
			p.say("\n──── A message is missing here, or not shared with you yet: who wrote what follows had seen it.")
		}
		switch {
		case m.Problem != "":
			p.say("\n──── %s of %s: NOT SHOWN, because it did not hold: %s", clean(string(m.Kind)), hourUTC(m.Received), clean(m.Problem))
			continue
		case !m.Shared:
			p.say("\n──── %s of %s: not shared with you yet", clean(string(m.Kind)), hourUTC(m.Received))
			continue
		case m.Mailed != nil && !m.Mailed.opened:
			p.say("\n──── Reply by e-mail of %s, sealed to the desk alone: who sent it has it in their mail program", hourUTC(m.Received))
			continue
		case m.Mailed != nil && m.Mailed.Unsigned != "":
			p.say("\n──── Reply by e-mail of %s. NOBODY CAN SAY WHO WROTE IT: %s", hourUTC(m.Received), clean(m.Mailed.Unsigned))
		case m.Mailed != nil:
			p.say("\n──── Reply by e-mail, signed by %s on %s; it came %s", m.From, hourUTC(*m.Written), hourUTC(m.Received))
		case m.Kind == crypto.Answer:
			p.say("\n──── Answer of %s, one member of the desk; not a notice of the institution. %s", m.Sender, hourUTC(*m.Written))
		default:
			p.say("\n──── Reply of %s. %s", m.Sender, hourUTC(*m.Written))
		}
		if m.Mailed != nil {
			p.say("%s", mailedNotes(m))
		}
		p.say("%s", asWritten(strings.TrimLeft(fmt.Sprintf("%s  %s\n\n%s", m.Language, m.Subject, strings.TrimRight(m.Text, "\n")), " \n")))
		for _, a := range m.Attachments {
			p.say("attached  %s (%s, %s, SHA-256 %s)", a.Name, a.Type, size(a.Size), a.SHA256)
		}
	}
}

// asWritten marks each line as what somebody wrote: a text that looks like the line above a message would else seem to end this one, and begin one that somebody signed.
func asWritten(text string) string {
	const mark = "│ "
	return mark + strings.ReplaceAll(text, "\n", "\n"+mark)
}
