package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// ContactCommand writes down that the people of a mailbox were told by another way than the portal.
type ContactCommand struct {
	staffFlags
	Notice   string `arg:"" help:"The notice's number."`
	Mailbox  string `arg:"" help:"The mailbox's number."`
	By       string `required:"" enum:"telephone,courier,note-verbale,in-person,e-mail" placeholder:"WAY" help:"telephone, courier, note-verbale, in-person or e-mail."`
	Outcome  string `required:"" enum:"reached,message-left,not-reached,refused" placeholder:"OUTCOME" help:"reached, message-left, not-reached or refused (they wouldn't hear or take it)."`
	At       string `placeholder:"TIME" help:"When it was, with hour and offset from UTC: 2026-02-01T17:00+01:00. Without it: now."`
	Note     string `placeholder:"TEXT" help:"Whom you spoke with, and what was said. Sealed."`
	NoteFile string `placeholder:"FILE" help:"A file with the note (\"-\": standard input)."`
}

// Help is the part of --help below the summary.
func (ContactCommand) Help() string {
	return manual(`That you tried, by what way, when, and what came of it, is signed with your key and kept as evidence: gpg checks it, the ledger has it, and it goes into the evidence bundle. The note is personal, so it is sealed to those who author, approve and issue; the signed text holds only a digest of it.

A contact is no acknowledgement, and takes no mailbox off the list of those who are awaited: only who opened the notice can do that. 'valise status' shows contacts.

EXAMPLES

  valise contact N-4GZ0R8T4 S-7K2M9QXD --by telephone --outcome reached --note "Ms. Okafor; she opens it tonight." --server https://portal.example --key chen.key
  valise contact N-4GZ0R8T4 S-7K2M9QXD --by courier --outcome not-reached --at 2026-02-01T17:00+01:00 --server https://portal.example --key chen.key

JSON

  notice, mailbox, way, outcome, time, received, contact (the signed text)

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 written down; 1 refused or failed; 2 wrong usage.`)
}

type contactJSON struct {
	Notice   crypto.Number         `json:"notice"`
	Mailbox  crypto.Number         `json:"mailbox"`
	Way      crypto.ContactWay     `json:"way"`
	Outcome  crypto.ContactOutcome `json:"outcome"`
	Time     time.Time             `json:"time"`
	Received time.Time             `json:"received"`
	Contact  string                `json:"contact"`
}

// Run signs it and hands it in.
func (c *ContactCommand) Run(ctx context.Context, p *process) error {
	number, err := parseNotice(c.Notice)
	if err != nil {
		return err
	}
	mailbox, err := parseMailbox(c.Mailbox)
	if err != nil {
		return err
	}
	made := crypto.ContactMade{Mailbox: mailbox, Way: crypto.ContactWay(c.By), Outcome: crypto.ContactOutcome(c.Outcome), Time: time.Now().Truncate(time.Second)}
	if c.At != "" {
		if made.Time, err = parsePast("at", c.At); err != nil {
			return err
		}
	}
	if made.Note, err = c.note(p); err != nil {
		return err
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	manifest, err := o.client.Manifest(ctx, number)
	if err != nil {
		return err
	}
	request, err := ceremony.RecordContact(o.trust, o.key, number, manifest, made, time.Now())
	if err != nil {
		return err
	}
	kept, err := o.client.RecordContact(ctx, number, request)
	if err != nil {
		return err
	}
	p.report(contactJSON{number, mailbox, made.Way, made.Outcome, made.Time, kept.Received, kept.Contact}, func() {
		p.say("Written down: %s, %s, about %s, %s.", contactText(made.Way, made.Outcome), mailbox, number, hour(made.Time))
	})
	return nil
}

// toldJSON is a contact that was verified; with a problem, nothing of it is to be believed.
type toldJSON struct {
	Way     crypto.ContactWay     `json:"way,omitempty"`
	Outcome crypto.ContactOutcome `json:"outcome,omitempty"`
	Time    *time.Time            `json:"time,omitempty"`
	By      string                `json:"by,omitempty"`
	Note    string                `json:"note,omitempty"`
	Problem string                `json:"problem,omitempty"`
}

func (t *toldJSON) show(p *process) {
	if t.Time == nil {
		p.say("        A CONTACT DOES NOT HOLD: %s", clean(t.Problem))
		return
	}
	p.say("        %s, %s, by %s", contactText(t.Way, t.Outcome), hour(*t.Time), clean(t.By))
	if t.Note != "" {
		p.say("            %s", strings.ReplaceAll(cleanText(t.Note), "\n", "\n            "))
	}
	if t.Problem != "" {
		p.say("            its note can't be read: %s", clean(t.Problem))
	}
}

// contacts adds the contacts to the mailboxes of a notice, each verified; notes are opened where they are sealed to the reader.
func (o *officer) contacts(ctx context.Context, p *process, out *statusJSON) error {
	contacts, err := o.client.Contacts(ctx, out.Notice)
	if err != nil || len(contacts) == 0 {
		return err
	}
	manifest, err := o.client.Manifest(ctx, out.Notice)
	if err != nil {
		return err
	}
	read, err := ceremony.ReadContacts(o.trust, o.keys, out.Notice, manifest, contacts, time.Now())
	if err != nil {
		return err
	}
	reader := o.self.Has(crypto.RoleAuthor) || o.self.Has(crypto.RoleApprover) || o.self.Has(crypto.RoleRegistrar)
	of := map[crypto.Number][]toldJSON{}
	for _, c := range read {
		told := toldJSON{Way: c.Way, Outcome: c.Outcome, Time: optional(c.Time), By: c.By, Note: c.Note}
		switch {
		case c.Problem != nil:
			told = toldJSON{Problem: c.Problem.Error()}
			p.warn("the portal shows a contact with %s that does not hold; don't count on it, and tell the administrators", c.Mailbox)
		case c.NoteProblem != nil && reader:
			told.Problem = c.NoteProblem.Error()
		}
		of[c.Mailbox] = append(of[c.Mailbox], told)
	}
	for i := range out.Mailboxes {
		out.Mailboxes[i].Contacts = of[out.Mailboxes[i].Mailbox]
	}
	return nil
}

// note reads the note; "" for none.
func (c *ContactCommand) note(p *process) (string, error) {
	note := c.Note
	switch {
	case c.Note != "" && c.NoteFile != "":
		return "", usagef("give the note with --note or with --note-file, not with both")
	case c.NoteFile != "":
		data, err := p.readInput(c.NoteFile, crypto.MaxContactNote)
		if err != nil {
			return "", err
		}
		if note = string(data); strings.TrimSpace(note) == "" {
			return "", usagef("%s is empty", c.NoteFile)
		}
	}
	if note = strings.TrimSpace(note); len(note) > crypto.MaxContactNote {
		return "", usagef("the note has more than %d KiB", crypto.MaxContactNote>>10)
	}
	return note, nil
}

// contactWays and contactOutcomes are their words.
var (
	contactWays     = map[crypto.ContactWay]string{crypto.ByTelephone: "by telephone", crypto.ByCourier: "by courier", crypto.ByNoteVerbale: "by note verbale", crypto.InPerson: "in person", crypto.ByEMail: "by e-mail"}
	contactOutcomes = map[crypto.ContactOutcome]string{
		crypto.ContactReached: "reached", crypto.ContactLeft: "message left", crypto.ContactNotReached: "not reached", crypto.ContactRefused: "they would not hear it",
	}
)

// contactText is "by telephone: reached".
func contactText(way crypto.ContactWay, outcome crypto.ContactOutcome) string {
	return contactWays[way] + ": " + contactOutcomes[outcome]
}

// parseMailbox reads a mailbox's number, or that of one of its representatives.
func parseMailbox(text string) (crypto.Number, error) {
	r, err := crypto.ParseRepresentative(text)
	if err != nil {
		return "", usagef("the mailbox: %w", err)
	}
	return r.Mailbox, nil
}

// parsePast reads a time with its offset from UTC; seconds may be left out.
func parsePast(flag, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04 Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			if t.After(time.Now()) {
				return t, usagef("--%s: %s has not come yet", flag, hour(t))
			}
			return t, nil
		}
	}
	return time.Time{}, usagef("--%s: %q is not a time with hour and offset from UTC, such as 2026-02-01T17:00+01:00 or 2026-02-01T16:00Z", flag, text)
}

// RemindCommand puts reminders into mailboxes.
type RemindCommand struct {
	staffFlags
	Notice    string   `arg:"" help:"The notice's number."`
	Mailboxes []string `arg:"" optional:"" name:"mailbox" help:"The numbers of mailboxes."`
	Overdue   bool     `help:"All mailboxes that let the deadline pass."`
	Awaited   bool     `help:"All mailboxes that have not answered; of a notice that asks for nothing, those that have not opened it."`
	Yes       bool     `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (RemindCommand) Help() string {
	return manual(`Its representatives read in their mailbox that the institution reminds them, and when. It is an event of the notice: the ledger has it, and the evidence bundle. A mailbox that has answered is left out, and so is one that was reminded within the hour.

EXAMPLES

  valise remind N-4GZ0R8T4 --overdue --server https://portal.example --key amara.key
  valise remind N-4GZ0R8T4 S-7K2M9QXD O-4GZ0R8T4 --server https://portal.example --key amara.key

JSON

  notice, reminded[], lately[] (left in peace: reminded within the hour), answered[]: numbers of mailboxes

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 reminded, or nobody was to be; 1 refused, failed, or not confirmed; 2 wrong usage.`)
}

type remindedJSON struct {
	Notice crypto.Number `json:"notice"`
	api.Reminded
}

// Run reminds.
func (c *RemindCommand) Run(ctx context.Context, p *process) error {
	number, err := parseNotice(c.Notice)
	if err != nil {
		return err
	}
	request := api.Remind{Overdue: c.Overdue, Awaited: c.Awaited}
	for _, text := range c.Mailboxes {
		mailbox, err := parseMailbox(text)
		if err != nil {
			return err
		}
		request.Mailboxes = append(request.Mailboxes, mailbox)
	}
	whom := count(len(request.Mailboxes), "mailbox", "mailboxes")
	switch {
	case len(request.Mailboxes) > 0 && (c.Overdue || c.Awaited) || c.Overdue && c.Awaited:
		return usagef("name mailboxes, or give --overdue or --awaited: one of the three")
	case c.Overdue:
		whom = "all mailboxes that are overdue"
	case c.Awaited:
		whom = "all mailboxes that have not answered"
	case len(request.Mailboxes) == 0:
		return usagef("say whom to remind: the numbers of mailboxes, --overdue, or --awaited")
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	if !c.Yes {
		if err := p.confirm(fmt.Sprintf("Remind %s of %s?", whom, number)); err != nil {
			return err
		}
	}
	done, err := o.client.Remind(ctx, number, request)
	if err != nil {
		return err
	}
	p.report(remindedJSON{number, done}, func() {
		p.say("Reminded %s of %s.", count(len(done.Reminded), "mailbox", "mailboxes"), number)
		if n := len(done.Lately); n > 0 {
			p.say("%s had been reminded within the hour, and not again.", count(n, "mailbox", "mailboxes"))
		}
		if n := len(done.Answered); n > 0 {
			p.say("%s had answered already.", count(n, "mailbox", "mailboxes"))
		}
	})
	return nil
}
