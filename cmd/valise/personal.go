package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// personalFlags are what a notice says to each mailbox alone.
type personalFlags struct {
	Personal     string   `type:"existingfile" placeholder:"FILE.csv" help:"What differs from mailbox to mailbox: a table with the column mailbox and one for each field. Whoever stands in it is told --personal-text besides, sealed for them alone."`
	PersonalText []string `type:"existingfile" sep:"none" placeholder:"FILE.md" help:"The text that goes with --personal, in Markdown with {field} where a value belongs; a file for each language of the notice, named as the notice's are. May be repeated."`
}

// readPersonal fills the draft's personal parts; nil when there are none.
func (c *personalFlags) readPersonal(p *process, d *crypto.Draft) (*ceremony.PersonalTable, error) {
	switch {
	case c.Personal == "" && len(c.PersonalText) == 0:
		return nil, nil
	case c.Personal == "":
		return nil, usagef("--personal-text needs --personal: the table that says who is told what")
	case len(c.PersonalText) == 0:
		return nil, usagef("--personal needs --personal-text: the text that the values stand in")
	}
	texts, err := c.readTexts(p, d)
	if err != nil {
		return nil, err
	}
	file, err := p.readInput(c.Personal, maxInput)
	if err != nil {
		return nil, usageError{err}
	}
	table, err := ceremony.ReadPersonalTable(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Personal, err)
	}
	if d.Personal, err = table.Fill(texts); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Personal, err)
	}
	used, err := ceremony.PersonalFields(texts)
	if err != nil {
		return nil, err
	}
	for _, field := range table.Fields {
		if !slices.Contains(used, field) {
			p.warn("%s: no personal text has {%s}, so nobody is told what stands in that column", c.Personal, clean(field))
		}
	}
	return table, nil
}

// readTexts reads one text for each language of the notice.
func (c *personalFlags) readTexts(p *process, d *crypto.Draft) ([]crypto.PersonalText, error) {
	var texts []crypto.PersonalText
	for _, argument := range c.PersonalText {
		language, path := languageOf(argument)
		if !isLanguage(language) {
			return nil, usagef("%s: which language is it in? Name the file like %s.en.md, or write en=%s", argument, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), path)
		}
		if slices.ContainsFunc(texts, func(t crypto.PersonalText) bool { return t.Language == language }) {
			return nil, usagef("there are two personal texts in %s", language)
		}
		data, err := p.readInput(path, maxInput)
		if err != nil {
			return nil, usageError{err}
		}
		text, err := someText(strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		texts = append(texts, crypto.PersonalText{Language: language, Text: text})
	}
	for _, l := range d.Languages {
		if !slices.ContainsFunc(texts, func(t crypto.PersonalText) bool { return t.Language == l.Language }) {
			return nil, usagef("the notice is written in %s, and the personal text is not: give one more --personal-text", l.Language)
		}
	}
	return texts, nil
}

// settlePersonal compares the table with those whom the notice goes to, and leaves out mailboxes where nobody can be reached, as the notice does.
func (c *personalFlags) settlePersonal(d *crypto.Draft, table *ceremony.PersonalTable, s *ceremony.Selection) error {
	if table == nil {
		return nil
	}
	var to []crypto.Number
	for _, m := range s.Mailboxes {
		to = append(to, m.Mailbox)
	}
	if err := table.CheckMailboxes(to); err != nil {
		return fmt.Errorf("%s: %w", c.Personal, err)
	}
	for _, m := range s.Empty {
		delete(d.Personal, m.Mailbox)
	}
	return nil
}

// showPersonal tells the author who is told what, by an example.
func showPersonal(p *process, d *crypto.Draft, s *ceremony.Selection) {
	if len(d.Personal) == 0 {
		return
	}
	p.say("\nTold something for them alone: %d of the %s. For example:", len(d.Personal), count(len(s.Mailboxes), "mailbox", "mailboxes"))
	for _, m := range s.Mailboxes {
		if texts := d.Personal[m.Mailbox]; texts != nil {
			p.say("    %s", mailboxName(m))
			for _, t := range texts {
				p.say("    ── %s\n%s", t.Language, indented(t.Text))
			}
			break
		}
	}
}

func indented(text string) string {
	return "        " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n        ")
}

// shownPersonal is how many mailboxes' personal parts are printed unless all are asked for.
const shownPersonal = 20

// showAllPersonal prints what mailboxes alone will read.
func showAllPersonal(p *process, e *ceremony.Examined, d *ceremony.Directory, all bool) {
	told := e.Told()
	if told == 0 {
		return
	}
	p.say("\n%s told something for them alone:", count(told, "mailbox is", "mailboxes are"))
	shown := 0
	for _, part := range e.Personal {
		if part.Empty() {
			continue
		}
		if shown++; shown > shownPersonal && !all {
			p.say("\n    … and %d more: --all-personal shows them, and so does --json", told-shownPersonal)
			return
		}
		name := string(part.Mailbox())
		if m := d.Mailbox(part.Mailbox()); m != nil {
			name = mailboxName(m)
		}
		p.say("\n    %s", name)
		for _, l := range part.Languages() {
			p.say("    ── %s\n%s", l.Language, indented(l.Text))
		}
	}
}

// personalJSON is what one mailbox alone is told, with --json.
type personalJSON struct {
	Mailbox   crypto.Number  `json:"mailbox"`
	Languages []languageJSON `json:"languages"`
}

func personalLanguages(part *crypto.Personal) []languageJSON {
	var languages []languageJSON
	for _, l := range part.Languages() {
		languages = append(languages, languageJSON{Language: l.Language, Subject: l.Subject, Text: l.Text})
	}
	return languages
}

func allPersonalJSON(e *ceremony.Examined) []personalJSON {
	all := []personalJSON{}
	for _, part := range e.Personal {
		if !part.Empty() {
			all = append(all, personalJSON{part.Mailbox(), personalLanguages(part)})
		}
	}
	return all
}

// showPersonalTo prints what the notice says to the reader's mailbox alone, in one language or, for "", in all.
func showPersonalTo(p *process, part *crypto.Personal, language string) {
	if part == nil {
		return
	}
	for _, l := range part.Languages() {
		if language == "" || l.Language == language {
			p.say("\n════ to %s alone ════ %s\n\n%s", part.Mailbox(), l.Language, strings.TrimRight(l.Text, "\n"))
		}
	}
}

// findPersonal returns the notice in a mailbox whose audience names a sealed part as that of the mailbox.
func findPersonal(notices []api.Notice, part []byte) (api.Notice, bool) {
	want := digest(part)
	for _, n := range notices {
		if m, err := crypto.ParseMembership([]byte(n.Membership)); err == nil && m.Member.Personal.SealedSHA256 == want {
			return n, true
		}
	}
	return api.Notice{}, false
}

// openPersonalFile opens the second message of a notice, which came by another way, with everything else from the portal; for that the notice counts as opened.
func (m *member) openPersonalFile(ctx context.Context, number crypto.Number, file []byte) (*crypto.OpenedNotice, *crypto.Personal, error) {
	envelope, part, err := crypto.SplitMessage(file)
	if err != nil {
		return nil, nil, err
	}
	n, err := m.client.Notice(ctx, number)
	if err != nil {
		return nil, nil, err
	}
	n.PersonalEnvelope, n.Personal = envelope, part
	o, err := ceremony.Open(m.trust, m.self, number, n, time.Now())
	if err != nil {
		return nil, nil, err
	}
	personal, err := ceremony.OpenPersonal(o, m.self, n)
	return o, personal, err
}

// personal verifies the second message of a notice.
func (c *VerifyCommand) personal(ctx context.Context, p *process, m *member, number crypto.Number, file []byte) error {
	if err := m.needsClaim(); err != nil {
		return err
	}
	o, personal, err := m.openPersonalFile(ctx, number, file)
	if err != nil {
		return err
	}
	v := o.Verified()
	p.report(verifiedJSON{
		Held: true, Kind: "personal", Notice: number, ManifestSHA256: v.SHA256(), Author: signedBy(v.Author(), v.AuthorSignature()), Approver: signedBy(v.Approver(), v.ApproverSignature()),
	}, func() {
		if personal == nil {
			p.say("It holds: this is what %s says to %s alone, which is nothing.", number, m.as.Mailbox)
		} else {
			p.say("It holds: this is what %s says to %s alone.", number, m.as.Mailbox)
		}
		showSigners(p, v)
	})
	return nil
}

// tell prints a notice, and what it says to the reader's mailbox alone.
func (c *OpenCommand) tell(p *process, m *member, o *crypto.OpenedNotice, personal *crypto.Personal, n api.Notice) {
	out := openJSON(m, o, n)
	if personal != nil {
		out.Personal = personalLanguages(personal)
	}
	p.report(out, func() {
		showOpened(p, m, o, n, c.Language)
		showPersonalTo(p, personal, c.Language)
	})
}

// personalFile opens the second message of a notice with everything else from the portal, and prints both.
func (c *OpenCommand) personalFile(ctx context.Context, p *process, m *member, number crypto.Number, file []byte) error {
	o, personal, err := m.openPersonalFile(ctx, number, file)
	if err != nil {
		return fmt.Errorf("the message is not shown, because it did not hold: %w", err)
	}
	n, err := m.client.Notice(ctx, number)
	if err != nil {
		return err
	}
	c.tell(p, m, o, personal, n)
	return nil
}

// loosePersonal is the second message of a notice when nothing but it is at hand: an author signed it.
type loosePersonal struct {
	notice, mailbox crypto.Number
	texts           []crypto.LanguageVersion
	author          *crypto.Staff
	signature       *crypto.Signature
}

// openPersonalAlone opens one; ok is false when it is none that an author signed.
func openPersonalAlone(t *ceremony.Trust, keys []*crypto.Key, envelope, part []byte) (l loosePersonal, ok bool) {
	mime, s, err := crypto.OpenRecord(crypto.Message(envelope, part), keys, t.StaffCertificates(), crypto.PurposePersonal, time.Now())
	if err != nil {
		return l, false
	}
	if l.author, err = t.Root().VerifyStaff(s.Signer(), s.Made()); err != nil || !l.author.Has(crypto.RoleAuthor) {
		return l, false
	}
	l.signature = s
	l.notice, l.mailbox, l.texts, err = crypto.ParsePersonal(mime)
	return l, err == nil
}

func (l *loosePersonal) languages() []languageJSON {
	languages := []languageJSON{}
	for _, t := range l.texts {
		languages = append(languages, languageJSON{t.Language, t.Subject, t.Text})
	}
	return languages
}

func (l *loosePersonal) show(p *process, language string) {
	for _, t := range l.texts {
		if language == "" || t.Language == language {
			p.say("\n════ to %s alone ════ %s\n\n%s", l.mailbox, t.Language, strings.TrimRight(t.Text, "\n"))
		}
	}
}

// tellAlone prints it.
func (l *loosePersonal) tellAlone(p *process, pin crypto.Pin, language string) {
	j := mailJSON{Notice: l.notice, Author: signedBy(l.author, l.signature), RootFingerprint: pin.Fingerprint, Languages: []languageJSON{}, Attachments: []attachmentJSON{}, Mailbox: l.mailbox, Personal: l.languages()}
	p.report(j, func() {
		p.say("%s  to %s alone", l.notice, l.mailbox)
		p.say("signed by %s (author), %s; certified by the root %s", l.author.Name(), hourUTC(l.signature.Made()), pin.Fingerprint.Spaced())
		l.show(p, language)
		if len(l.texts) == 0 {
			p.say("It says nothing to this mailbox in particular.")
		}
	})
}
