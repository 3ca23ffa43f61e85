package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are named by authors, and a server's disk may have none

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// StatementCommand holds the commands about statements to the world.
type StatementCommand struct {
	New      StatementNewCommand      `cmd:"" help:"Begin a statement: save its draft, sealed to the desk (authors)."`
	Edit     StatementEditCommand     `cmd:"" help:"Change a draft (authors, approvers)."`
	Submit   StatementSubmitCommand   `cmd:"" help:"Sign a draft and submit it for approval (authors)."`
	Approve  StatementApproveCommand  `cmd:"" help:"See a submitted statement as the world will, and approve it (approvers)."`
	Return   StatementReturnCommand   `cmd:"" help:"Send a submitted statement back to its author, with a reason (approvers)."`
	Cancel   StatementCancelCommand   `cmd:"" help:"Take back what was submitted, or approved and not published yet (authors, approvers)."`
	Correct  StatementCorrectCommand  `cmd:"" help:"Begin the correction of a published statement (authors)."`
	Withdraw StatementWithdrawCommand `cmd:"" help:"Begin the withdrawal of a published statement (authors)."`
	List     StatementListCommand     `cmd:"" help:"List published statements; with a key, those that staff work on."`
	Show     StatementShowCommand     `cmd:"" help:"Show a published statement, once all its signatures are verified."`
	Verify   StatementVerifyCommand   `cmd:"" help:"Verify a statement in a file."`
}

func parseStatement(text string) (crypto.Number, error) {
	n, err := crypto.ParseNumber(text)
	if err != nil {
		return "", usagef("the statement: %w", err)
	}
	if n.Kind() != crypto.KindStatement {
		return "", usagef("%s is not the number of a statement, which starts with P", n)
	}
	return n, nil
}

// statementOptions are what a draft has beside its texts.
type statementOptions struct {
	Topic       string   `placeholder:"TOPIC" help:"One of the institution's topics: small letters, digits, hyphens."`
	Series      string   `placeholder:"NUMBER" help:"The statement with which the incident's series began."`
	PublishAt   string   `placeholder:"TIME" help:"Not before this minute: 2026-02-01T17:00+01:00, or 2026-02-01T17:00 with --zone; \"now\": as soon as it is approved."`
	Zone        string   `placeholder:"ZONE" help:"The time zone of --publish-at: Europe/Amsterdam."`
	Acknowledge []string `placeholder:"WHO" help:"Who is asked to acknowledge it: states, organisations, individuals; none."`
	Deadline    string   `placeholder:"TIME" help:"Until when, with hour and offset from UTC."`
	Reason      []string `sep:"none" placeholder:"LANG=TEXT" help:"Why a correction or withdrawal is made, one for each language. May be repeated."`
	Attach      []string `sep:"none" placeholder:"FILE" help:"A file that goes with it, sealed until it is published; replaces one of the same name. May be repeated."`
	Detach      []string `sep:"none" placeholder:"NAME" help:"Take this attachment out. May be repeated."`
}

// apply changes what was given.
func (o *statementOptions) apply(d *crypto.StatementDraft) error {
	if o.Topic != "" {
		d.Topic = o.Topic
	}
	if o.Series != "" {
		n, err := parseStatement(o.Series)
		if err != nil {
			return err
		}
		d.Series = n
	}
	if err := o.applyTimes(d); err != nil {
		return err
	}
	if len(o.Acknowledge) > 0 {
		d.Acknowledge = nil
		for _, word := range o.Acknowledge {
			kind, ok := map[string]crypto.Kind{ceremony.States: crypto.KindState, ceremony.Organisations: crypto.KindOrganisation, ceremony.Individuals: crypto.KindIndividual}[word]
			if !ok && (word != "none" || len(o.Acknowledge) > 1) {
				return usagef("--acknowledge: %q is none of states, organisations, individuals; or none alone", word)
			}
			if ok {
				d.Acknowledge = append(d.Acknowledge, kind)
			}
		}
	}
	for _, reason := range o.Reason {
		language, text, ok := strings.Cut(reason, "=")
		i := slices.IndexFunc(d.Languages, func(l crypto.StatementLanguage) bool { return l.Language == language })
		if !ok || i < 0 {
			return usagef("--reason: write it like %s=\"Why it is made\", for a language that the statement is in", firstLanguage(d))
		}
		d.Languages[i].Reason = strings.TrimSpace(text)
	}
	return nil
}

func firstLanguage(d *crypto.StatementDraft) string {
	if len(d.Languages) == 0 {
		return "en"
	}
	return d.Languages[0].Language
}

func (o *statementOptions) applyTimes(d *crypto.StatementDraft) (err error) {
	switch {
	case o.PublishAt == "now":
		d.PublishAt, d.Zone = time.Time{}, ""
	case o.PublishAt != "":
		if d.PublishAt, err = parseMinute(o.PublishAt, o.Zone); err != nil {
			return err
		}
		d.Zone = o.Zone
	case o.Zone != "":
		return usagef("--zone says where the clock stands that --publish-at is read from; give that, too")
	}
	if o.Deadline != "" {
		d.Deadline, err = parseFuture("deadline", o.Deadline)
	}
	return err
}

// parseMinute reads the time of publication, with an offset from UTC or in a named zone.
func parseMinute(text, zone string) (time.Time, error) {
	layouts := []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04 Z07:00"}
	location := time.UTC
	if zone != "" {
		layouts = []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"}
		var err error
		if location, err = time.LoadLocation(zone); err != nil {
			return time.Time{}, usagef("--zone: there is no time zone %q; write it like Europe/Amsterdam", zone)
		}
	}
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, text, location)
		switch {
		case err != nil:
		case !t.After(time.Now()):
			return t, usagef("--publish-at: %s has passed; leave it out to publish as soon as it is approved", hour(t))
		default:
			_, offset := t.Zone() // what is signed is the offset, whatever becomes of the zone
			return t.In(time.FixedZone("", offset)), nil
		}
	}
	return time.Time{}, usagef("--publish-at: %q is not a time with an offset from UTC, such as 2026-02-01T17:00+01:00, nor one without, such as 2026-02-01T17:00, with --zone Europe/Amsterdam", text)
}

// readLanguages reads a Markdown file per language into a draft: what is there already in that language is replaced.
func (p *process) readLanguages(d *crypto.StatementDraft, arguments []string) error {
	for _, argument := range arguments {
		l, err := p.readText(argument)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(d.Languages, func(old crypto.StatementLanguage) bool { return old.Language == l.Language })
		if i < 0 {
			d.Languages = append(d.Languages, crypto.StatementLanguage{Language: l.Language})
			i = len(d.Languages) - 1
		}
		d.Languages[i].Title, d.Languages[i].Body = l.Subject, l.Text
	}
	return nil
}

// save seals a draft to the desk and saves it.
func (o *officer) saveStatement(ctx context.Context, d *crypto.StatementDraft) error {
	request, err := ceremony.SaveStatement(o.trust, o.key, d, time.Now())
	if err != nil {
		return err
	}
	_, err = o.client.SaveStatement(ctx, d.Statement, request)
	return err
}

// work fetches and opens what staff work on.
func (o *officer) statementWork(ctx context.Context, n crypto.Number) (*ceremony.WorkedOn, error) {
	w, err := o.client.StatementWork(ctx, n)
	if err != nil {
		return nil, err
	}
	if w.Statement != n {
		return nil, fmt.Errorf("the portal shows %s as %s: tell the administrators", clean(string(w.Statement)), n)
	}
	return ceremony.OpenWork(o.trust, o.keys, w, time.Now())
}

// published fetches and verifies all versions of a statement; none when nothing is published.
func published(ctx context.Context, c *client.Client, t *ceremony.Trust, n crypto.Number) ([]*crypto.VerifiedStatement, error) {
	s, err := c.Statement(ctx, n)
	if client.IsCode(err, "no-statement") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ceremony.ReadStatement(t, n, s, time.Now())
}

func newest(versions []*crypto.VerifiedStatement) *crypto.VerifiedStatement {
	if len(versions) == 0 {
		return nil
	}
	return versions[len(versions)-1]
}

type savedStatementJSON struct {
	Statement crypto.Number      `json:"statement"`
	State     api.StatementState `json:"state"`
	Revision  int                `json:"revision"`
	Kind      string             `json:"kind"`
	Languages []languageJSON     `json:"languages"`
	Files     []attachmentJSON   `json:"attachments"`
	PublishAt *time.Time         `json:"publish_at"`
}

func savedJSON(d *crypto.StatementDraft, state api.StatementState) savedStatementJSON {
	j := savedStatementJSON{Statement: d.Statement, State: state, Revision: d.Revision, Kind: kindText(d.Kind), Languages: []languageJSON{}, Files: statementFilesJSON(d.Attachments), PublishAt: optional(d.PublishAt)}
	for _, l := range d.Languages {
		j.Languages = append(j.Languages, languageJSON{Language: l.Language, Subject: l.Title})
	}
	return j
}

func kindText(k crypto.StatementKind) string {
	if k == "" {
		return string(crypto.StatementOriginal)
	}
	return string(k)
}

// reportSaved says what was saved.
func reportSaved(p *process, d *crypto.StatementDraft) {
	p.report(savedJSON(d, api.StatementDraft), func() {
		for _, l := range d.Languages {
			p.say("%s  %s", l.Language, clean(l.Title))
		}
		sayAttachments(p, d.Attachments)
		if !d.PublishAt.IsZero() {
			p.say("to be published  %s, which is %s", hour(d.PublishAt), hourUTC(d.PublishAt))
		}
		p.say("Saved %s, revision %d, sealed to the desk. Next: valise statement submit %s", d.Statement, d.Revision, d.Statement)
	})
}

// fill puts the texts and whatever else was asked for into a draft.
func (o *statementOptions) fill(p *process, d *crypto.StatementDraft, texts []string) error {
	if err := p.readLanguages(d, texts); err != nil {
		return err
	}
	return o.apply(d)
}

// keep attaches what is to be attached, saves the draft, and says so.
func (o *officer) keep(ctx context.Context, p *process, d *crypto.StatementDraft, options *statementOptions) error {
	if err := o.attach(ctx, p, d, options.Attach, options.Detach); err != nil {
		return err
	}
	if err := o.saveStatement(ctx, d); err != nil {
		return err
	}
	reportSaved(p, d)
	return nil
}

// StatementNewCommand begins a statement.
type StatementNewCommand struct {
	staffFlags
	statementOptions
	Texts []string `arg:"" name:"text" help:"The statement, one Markdown file per language, the authoritative one first: en.md or statement.en.md, or en=FILE. Its first line is the title, with an empty line below it."`
}

// Help is the part of --help below the summary.
func (StatementNewCommand) Help() string {
	return manual(`Seals the draft, on this machine, to the staff who author and approve, and saves it. The portal sees a number, a size and who saved it. Nothing is signed yet: 'valise statement submit' does that.

EXAMPLES

  valise statement new en.md fr.md --topic security --server https://portal.example --key amara.key
  valise statement new en.md fr.md --topic security --attach report.pdf …
  valise statement new en.md fr.md --topic security --series P-V2HC9RK1 --publish-at 2026-02-16T11:00 --zone Europe/Amsterdam …

JSON

  statement, state, revision, kind, languages[] (language, subject), attachments[] (name, type, size, sha256), publish_at

EXIT STATUS

  0 saved; 1 refused or failed; 2 wrong usage.`)
}

// Run saves.
func (c *StatementNewCommand) Run(ctx context.Context, p *process) error {
	d := &crypto.StatementDraft{Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1}
	if err := c.fill(p, d, c.Texts); err != nil {
		return err
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuthor)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	return o.keep(ctx, p, d, &c.statementOptions)
}

// StatementEditCommand changes a draft.
type StatementEditCommand struct {
	staffFlags
	statementOptions
	Statement string   `arg:"" help:"The statement's number."`
	Texts     []string `arg:"" optional:"" name:"text" help:"Texts that replace those in the same language, as for 'valise statement new'."`
}

// Help is the part of --help below the summary.
func (StatementEditCommand) Help() string {
	return manual(`Fetches the draft, changes what is given, and saves it as the next revision. If somebody else saved it meanwhile, nothing is overwritten. If it was submitted or approved, it is a draft again: an approval counts for exactly what was approved.

EXAMPLES

  valise statement edit P-V2HC9RK1 fr.md --publish-at now --server https://portal.example --key amara.key

JSON

  as 'valise statement new'

EXIT STATUS

  0 saved; 1 refused or failed; 2 wrong usage.`)
}

// Run edits.
func (c *StatementEditCommand) Run(ctx context.Context, p *process) error {
	n, err := parseStatement(c.Statement)
	if err != nil {
		return err
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	w, err := o.statementWork(ctx, n)
	if err != nil {
		return err
	}
	d := w.Content
	d.Revision++
	if err := c.fill(p, d, c.Texts); err != nil {
		return err
	}
	return o.keep(ctx, p, d, &c.statementOptions)
}

// StatementSubmitCommand signs and submits.
type StatementSubmitCommand struct {
	staffFlags
	Statement string `arg:"" help:"The statement's number."`
	Yes       bool   `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (StatementSubmitCommand) Help() string {
	return manual(`Shows the draft, asks, signs every text and the manifest that binds them, and submits all of it, sealed to the desk. Another person approves it. An edit after this voids it.

EXAMPLES

  valise statement submit P-V2HC9RK1 --server https://portal.example --key amara.key

JSON

  as 'valise statement new', with state submitted

EXIT STATUS

  0 submitted; 1 refused or failed; 2 wrong usage.`)
}

// Run submits.
func (c *StatementSubmitCommand) Run(ctx context.Context, p *process) error {
	n, err := parseStatement(c.Statement)
	if err != nil {
		return err
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuthor)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	w, err := o.statementWork(ctx, n)
	if err != nil {
		return err
	}
	versions, err := published(ctx, o.client, o.trust, n)
	if err != nil {
		return err
	}
	request, err := ceremony.SubmitStatement(o.trust, o.key, w.Content, newest(versions), time.Now()) // says what is in the way before anybody is asked
	if err != nil {
		return err
	}
	showDraft(p, w)
	if !c.Yes {
		if err := p.confirm("Submit it for approval?"); err != nil {
			return err
		}
	}
	if _, err := o.client.SubmitStatement(ctx, n, request); err != nil {
		return err
	}
	p.report(savedJSON(w.Content, api.StatementSubmitted), func() {
		p.say("Submitted %s. Next, by another person: valise statement approve %s", n, n)
	})
	return nil
}

// showDraft prints a draft, and why it was sent back.
func showDraft(p *process, w *ceremony.WorkedOn) {
	d := w.Content
	p.say("%s, %s, revision %d, saved by %s at %s", d.Statement, kindText(d.Kind), d.Revision, clean(w.Writer.Name()), hourUTC(w.Saved))
	p.say("topic %s", clean(d.Topic))
	if d.Series != "" {
		p.say("series %s", d.Series)
	}
	if d.PublishAt.IsZero() {
		p.say("published as soon as it is approved")
	} else {
		p.say("published at %s %s", hour(d.PublishAt), clean(d.Zone))
	}
	if w.Why != nil {
		p.say("sent back by %s: %s", clean(w.ReturnedBy.Name()), cleanText(w.Why.Reason))
	}
	for _, l := range d.Languages {
		p.say("\n──── %s ──── %s", l.Language, clean(l.Title))
		if l.Reason != "" {
			p.say("reason: %s", clean(l.Reason))
		}
		p.say("\n%s", cleanText(strings.TrimRight(l.Body, "\n")))
	}
	sayAttachments(p, d.Attachments)
	p.say("")
}

// cleanText is clean for texts of several lines.
func cleanText(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = clean(strings.ReplaceAll(line, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

// StatementCorrectCommand begins a correction.
type StatementCorrectCommand struct {
	staffFlags
	statementOptions
	Statement string   `arg:"" help:"The published statement's number."`
	Texts     []string `arg:"" optional:"" name:"text" help:"Texts that replace those in the same language, as for 'valise statement new'; the others stay as they are."`
}

// Help is the part of --help below the summary.
func (StatementCorrectCommand) Help() string {
	return manual(`Begins with what is published, changes what is given, and saves the draft of a new version. Published versions are never altered: both stay readable, with the reason. Every language needs one.

EXAMPLES

  valise statement correct P-V2HC9RK1 en.md fr.md --reason en="The number of systems was wrong." --reason fr="Le nombre de systèmes était erroné." …

JSON

  as 'valise statement new'

EXIT STATUS

  0 saved; 1 refused or failed; 2 wrong usage.`)
}

// Run begins the correction.
func (c *StatementCorrectCommand) Run(ctx context.Context, p *process) error {
	return c.begin(ctx, p, c.Statement, c.Texts, &c.statementOptions, crypto.StatementCorrection)
}

// begin saves the draft of a later version.
func (f *staffFlags) begin(ctx context.Context, p *process, number string, texts []string, options *statementOptions, kind crypto.StatementKind) error {
	n, err := parseStatement(number)
	if err != nil {
		return err
	}
	o, err := f.logIn(ctx, p, crypto.RoleAuthor)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	versions, err := published(ctx, o.client, o.trust, n)
	if err != nil {
		return err
	}
	v := newest(versions)
	if v == nil {
		return fmt.Errorf("statement %s is not published; a draft is changed with: valise statement edit %s", n, n)
	}
	d, err := ceremony.BeginVersion(v, kind)
	if err != nil {
		return err
	}
	if err := options.fill(p, d, texts); err != nil {
		return err
	}
	for _, l := range d.Languages {
		if l.Reason == "" {
			return usagef("say in %s, too, why: --reason %s=\"…\"", l.Language, l.Language)
		}
	}
	return o.keep(ctx, p, d, options)
}

// StatementWithdrawCommand begins a withdrawal.
type StatementWithdrawCommand struct {
	staffFlags
	Statement string   `arg:"" help:"The published statement's number."`
	Reason    []string `required:"" sep:"none" placeholder:"LANG=TEXT" help:"Why, one for each language. May be repeated."`
	PublishAt string   `placeholder:"TIME" help:"As for 'valise statement new'."`
	Zone      string   `placeholder:"ZONE" help:"As for 'valise statement new'."`
}

// Help is the part of --help below the summary.
func (StatementWithdrawCommand) Help() string {
	return manual(`Saves the draft of a last version: a tombstone with title and reason. What was published before stays readable, marked as withdrawn. No version follows it.

EXAMPLES

  valise statement withdraw P-V2HC9RK1 --reason en="It was published in error." --reason fr="Publié par erreur." …

JSON

  as 'valise statement new'

EXIT STATUS

  0 saved; 1 refused or failed; 2 wrong usage.`)
}

// Run begins the withdrawal.
func (c *StatementWithdrawCommand) Run(ctx context.Context, p *process) error {
	options := &statementOptions{Reason: c.Reason, PublishAt: c.PublishAt, Zone: c.Zone}
	return c.begin(ctx, p, c.Statement, nil, options, crypto.StatementWithdrawal)
}
