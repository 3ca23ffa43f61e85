package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/verdict"
)

// optionalStaff is a staff member who may be there.
type optionalStaff struct {
	Key        string `env:"VALISE_KEY" type:"existingfile" placeholder:"FILE" help:"For staff: your key file; then it is about drafts and what waits."`
	SecretFile string `placeholder:"FILE" help:"For staff: a file whose first line is the key file's passphrase (\"-\": standard input)."`
}

func (f *optionalStaff) staff(s serverFlags) *staffFlags {
	return &staffFlags{serverFlags: s, Key: f.Key, SecretFile: f.SecretFile}
}

// StatementListCommand lists.
type StatementListCommand struct {
	serverFlags
	optionalStaff
	Language string `placeholder:"LANG" help:"Those in this language."`
	Topic    string `placeholder:"TOPIC" help:"Those on this topic."`
	Series   string `placeholder:"NUMBER" help:"The series that began with this statement."`
	Search   string `placeholder:"WORDS" help:"Those in which all these words, or words that begin like them, occur."`
	From     string `placeholder:"DATE" help:"Published on this day or later: 2026-01-31."`
	To       string `placeholder:"DATE" help:"Published on this day or earlier."`
	Before   int64  `placeholder:"PLACE" help:"The page that begins there (\"next\" in the JSON before)."`
	Limit    int    `default:"20" placeholder:"N" help:"How many, at most 100."`
}

// Help is the part of --help below the summary.
func (StatementListCommand) Help() string {
	return manual(`Without a key: what is published, newest first, as the portal lists it. Nothing is verified by that; 'valise statement show' verifies. With a key: what staff work on, opened on this machine.

EXAMPLES

  valise statement list --server https://portal.example --topic security --search forensic
  valise statement list --server https://portal.example --key amara.key

JSON

  without a key: statements[] (statement, version, kind, topic, series, first_published, published, titles[] (language, title, reason)), next
  with a key: an array of statement, state, revision, kind, title, saved, saved_by, publish_at, checked, reason, problem

EXIT STATUS

  0 listed; 1 failed; 2 wrong usage.`)
}

// Run lists.
func (c *StatementListCommand) Run(ctx context.Context, p *process) error {
	if c.Key != "" {
		return c.works(ctx, p)
	}
	q := api.StatementQuery{Language: c.Language, Topic: c.Topic, Text: c.Search, From: c.From, To: c.To, Before: c.Before, Limit: c.Limit}
	if c.Series != "" {
		n, err := parseStatement(c.Series)
		if err != nil {
			return err
		}
		q.Series = n
	}
	portal, err := c.connect()
	if err != nil {
		return err
	}
	defer portal.Close()
	archive, err := portal.Statements(ctx, q)
	if err != nil {
		return err
	}
	p.report(archive, func() {
		for _, s := range archive.Statements {
			title := ""
			if len(s.Titles) > 0 {
				title = s.Titles[0].Title
			}
			mark := ""
			if s.Kind != crypto.StatementOriginal {
				mark = fmt.Sprintf("  (%s, version %d)", clean(string(s.Kind)), s.Version)
			}
			p.say("%s  %s  %s%s", clean(string(s.Statement)), hourUTC(s.Published), clean(title), mark)
		}
		switch {
		case len(archive.Statements) == 0:
			p.say("Nothing is published that fits.")
		case archive.Next != 0:
			p.say("More: --before %d", archive.Next)
		}
	})
	return nil
}

type workJSON struct {
	Statement crypto.Number      `json:"statement"`
	State     api.StatementState `json:"state"`
	Revision  int                `json:"revision"`
	Kind      string             `json:"kind,omitempty"`
	Title     string             `json:"title,omitempty"`
	Saved     time.Time          `json:"saved"`
	SavedBy   string             `json:"saved_by,omitempty"`
	PublishAt *time.Time         `json:"publish_at"`
	Checked   *time.Time         `json:"checked"`
	Reason    string             `json:"reason,omitempty"`
	Problem   string             `json:"problem,omitempty"`
}

func (c *StatementListCommand) works(ctx context.Context, p *process) error {
	o, err := c.staff(c.serverFlags).logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	works, err := o.client.StatementWorks(ctx)
	if err != nil {
		return err
	}
	lines := []workJSON{}
	for _, w := range works {
		line := workJSON{Statement: w.Statement, State: w.State, Revision: w.Revision, Saved: w.Saved, Checked: w.Checked}
		if opened, err := ceremony.OpenWork(o.trust, o.keys, w, time.Now()); err != nil {
			line.Problem = err.Error()
		} else {
			line.Kind, line.PublishAt, line.SavedBy = kindText(opened.Content.Kind), optional(opened.Content.PublishAt), opened.Writer.Name()
			if len(opened.Content.Languages) > 0 {
				line.Title = opened.Content.Languages[0].Title
			}
			if opened.Why != nil {
				line.Reason = opened.Why.Reason
			}
		}
		lines = append(lines, line)
	}
	p.report(lines, func() {
		for _, w := range lines {
			if w.Problem != "" {
				p.say("%s  NOT READABLE: %s", w.Statement, w.Problem)
				continue
			}
			p.say("%s  %-9s  revision %d by %s, %s  %s", w.Statement, w.State, w.Revision, clean(w.SavedBy), hourUTC(w.Saved), clean(w.Title))
			switch {
			case w.Reason != "":
				p.say("    sent back: %s", cleanText(w.Reason))
			case w.State == api.StatementApproved && w.Checked == nil:
				p.say("    no notary has looked at it yet")
			}
		}
		if len(lines) == 0 {
			p.say("Nobody works on a statement.")
		}
	})
	return nil
}

// StatementShowCommand shows a statement.
type StatementShowCommand struct {
	serverFlags
	optionalStaff
	pinFlag
	Statement       string `arg:"" help:"The statement's number."`
	Version         int    `placeholder:"N" help:"This version, instead of the newest."`
	Language        string `placeholder:"LANG" help:"Only this language."`
	SaveAttachments string `placeholder:"DIR" help:"Fetch its attachments, compare them with what was signed, and write them there."`

	Out string `placeholder:"DIR" help:"Write the version's files there: en.txt (clear-signed), en.md and en.md.asc for each language, manifest.txt and .asc, statement.json."`
}

// Help is the part of --help below the summary.
func (StatementShowCommand) Help() string {
	return manual(`Fetches all versions, verifies every signature of author and approver up to the root whose fingerprint you give, and that each version follows the one before it, and only then shows one. With a key it shows the draft that staff work on.

EXAMPLES

  valise statement show P-V2HC9RK1 --server https://portal.example --root-fingerprint "0123 4567 …"
  valise statement show P-V2HC9RK1 … --out files && gpg --verify files/en.txt

JSON

  statement, version, versions, kind, topic, series, publish_at, manifest_sha256, author, approver, languages[] (language, subject, text), attachments[] (name, type, size, sha256), withdrawn

EXIT STATUS

  0 shown, and everything held; 1 it did not hold, or failed; 2 wrong usage.`)
}

type shownStatementJSON struct {
	Statement      crypto.Number    `json:"statement"`
	Version        int              `json:"version"`
	Versions       int              `json:"versions"`
	Kind           string           `json:"kind"`
	Topic          string           `json:"topic"`
	Series         crypto.Number    `json:"series"`
	PublishAt      time.Time        `json:"publish_at"`
	ManifestSHA256 string           `json:"manifest_sha256"`
	Author         *signerJSON      `json:"author"`
	Approver       *signerJSON      `json:"approver"`
	Languages      []languageJSON   `json:"languages"`
	Files          []attachmentJSON `json:"attachments"`
	Withdrawn      bool             `json:"withdrawn"`
}

// Run shows.
func (c *StatementShowCommand) Run(ctx context.Context, p *process) error {
	n, err := parseStatement(c.Statement)
	if err != nil {
		return err
	}
	if c.Key != "" {
		return c.draft(ctx, p, n)
	}
	pin, pinned, err := c.pin()
	if err != nil {
		return err
	}
	if !pinned {
		return usagef("give the fingerprint of the institution's root, from paper, with --root-fingerprint")
	}
	portal, err := c.connect()
	if err != nil {
		return err
	}
	defer portal.Close()
	t, err := believe(ctx, p, portal, pin)
	if err != nil {
		return err
	}
	s, err := portal.Statement(ctx, n)
	if err != nil {
		return err
	}
	versions, err := ceremony.ReadStatement(t, n, s, time.Now())
	if err != nil {
		return err
	}
	v := newest(versions)
	if c.Version != 0 {
		if c.Version < 1 || c.Version > len(versions) {
			return fmt.Errorf("statement %s has %s", n, count(len(versions), "version", "versions"))
		}
		v = versions[c.Version-1]
	}
	if c.Out != "" {
		if err := writeStatement(p, c.Out, v); err != nil {
			return err
		}
	}
	c.show(p, v, versions)
	return p.saveFiles(c.SaveAttachments, v.Attachments(), func(a crypto.StatementAttachment) ([]byte, error) {
		return portal.StatementFile(ctx, n, v.Manifest().Version, a)
	})
}

func (c *StatementShowCommand) draft(ctx context.Context, p *process, n crypto.Number) error {
	o, err := c.staff(c.serverFlags).logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	w, err := o.statementWork(ctx, n)
	if err != nil {
		return err
	}
	out := savedJSON(w.Content, w.State)
	for i, l := range w.Content.Languages {
		out.Languages[i].Text = l.Body
	}
	p.report(out, func() { showDraft(p, w) })
	return p.saveFiles(c.SaveAttachments, w.Content.Attachments, func(a crypto.StatementAttachment) ([]byte, error) {
		return o.draftFile(ctx, w.Content, a)
	})
}

func (c *StatementShowCommand) show(p *process, v *crypto.VerifiedStatement, versions []*crypto.VerifiedStatement) {
	m, last := v.Manifest(), newest(versions).Manifest()
	texts := v.Texts()
	if c.Language != "" {
		texts = nil
		if text := v.Text(c.Language); text != nil {
			texts = []*crypto.StatementText{text}
		}
	}
	out := shownStatementJSON{
		Statement: m.Statement, Version: m.Version, Versions: len(versions), Kind: string(m.Kind), Topic: v.Texts()[0].Topic, Series: v.Texts()[0].Series, PublishAt: m.PublishAt,
		ManifestSHA256: v.SHA256(), Author: signedBy(v.Author(), v.AuthorSignature()), Approver: signedBy(v.Approver(), v.ApproverSignature()), Languages: textsJSON(texts), Files: statementFilesJSON(v.Attachments()),
		Withdrawn: last.Kind == crypto.StatementWithdrawal,
	}
	p.report(out, func() {
		p.say("%s, version %d of %d (%s), published at %s", m.Statement, m.Version, len(versions), m.Kind, hour(m.PublishAt))
		switch {
		case out.Withdrawn:
			p.say("IT WAS WITHDRAWN with version %d.", last.Version)
		case last.Version > m.Version:
			p.say("IT WAS CORRECTED: version %d replaces this one.", last.Version)
		}
		for _, t := range texts {
			showStatementText(p, t)
		}
		p.say("\nIt holds: %s.", signersText(v.Author(), v.Approver()))
		p.say("    manifest SHA-256 %s", v.SHA256())
	})
}

func signersText(author, approver *crypto.Staff) string {
	return fmt.Sprintf("signed by %s (author) and %s (approver), both certified by the root", clean(author.Name()), clean(approver.Name()))
}

// writeStatement writes what any gpg can check.
func writeStatement(p *process, dir string, v *crypto.VerifiedStatement) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	signed := v.Signed()
	files := map[string]func() ([]byte, error){
		"manifest.txt":     func() ([]byte, error) { return signed.Manifest, nil },
		"manifest.txt.asc": signed.ManifestSignatures,
		"statement.json":   signed.Encode,
	}
	for i, text := range v.Texts() {
		t := signed.Texts[i]
		files[text.Language+".txt"] = t.ClearSigned
		files[text.Language+".md"] = func() ([]byte, error) { return t.Text, nil }
		files[text.Language+".md.asc"] = t.Detached
	}
	for name, make := range files {
		data, err := make()
		if err != nil {
			return err
		}
		if err := p.writeOut(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// StatementVerifyCommand verifies a statement in a file.
type StatementVerifyCommand struct {
	Server       string `env:"VALISE_SERVER" placeholder:"URL" help:"The portal's address; not needed with --offline."`
	InsecureHTTP bool   `name:"insecure-http" help:"Allow http:// to another machine. INSECURE: whoever is on the line can change what you are shown."`
	pinFlag
	File      string `arg:"" help:"A clear-signed text (.txt), a text (.md), or a signed statement (JSON); \"-\": standard input."`
	Signature string `arg:"" optional:"" help:"For a text: the file of its two signatures (.md.asc). Without it, FILE.asc is taken."`
	Offline   string `type:"existingfile" placeholder:"FILE" help:"Evidence that 'valise verify --save' wrote; nobody is asked then."`
}

// Help is the part of --help below the summary.
func (StatementVerifyCommand) Help() string {
	return manual(`Verifies that an author and an approver of the institution, two people, signed what FILE says, up to the root whose fingerprint you give. Asks the portal for the staff's certificates, and whether the statement is published there and was corrected or withdrawn since; nothing that it says is believed but what signatures prove.

EXAMPLES

  valise statement verify en.txt --server https://portal.example --root-fingerprint "0123 4567 …"
  valise statement verify en.md en.md.asc …
  valise statement verify statement.json …

JSON

  held (true), kind (statement), statement, version, language, title, manifest_sha256, author, approver, published, newest (version), withdrawn

EXIT STATUS

  0 it held; 1 it did not hold, or could not be verified; 2 wrong usage.`)
}

// Run verifies.
func (c *StatementVerifyCommand) Run(ctx context.Context, p *process) error {
	if c.Server == "" && c.Offline == "" {
		return usagef("name the portal with --server, or evidence that was saved with --offline")
	}
	files := []string{c.File}
	if c.Signature != "" {
		files = append(files, c.Signature)
	}
	verify := &VerifyCommand{Server: c.Server, InsecureHTTP: c.InsecureHTTP, Offline: c.Offline, Files: files, pinFlag: c.pinFlag}
	read, err := verify.read(p)
	if err != nil {
		return err
	}
	if !verdict.IsStatement(read[0]) {
		return fmt.Errorf("%s is no statement; what else there is to verify, 'valise verify' does", c.File)
	}
	return verify.Run(ctx, p)
}
