package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// This file is about statements that stand in mailboxes: what 'list', 'open', 'ack' and 'status' do with a number that starts with P.

// parseUpdate reads the number of a notice or a statement.
func parseUpdate(text string) (crypto.Number, error) {
	n, err := crypto.ParseNumber(text)
	switch {
	case err != nil:
		return "", usagef("%w", err)
	case n.Kind() != crypto.KindNotice && n.Kind() != crypto.KindStatement:
		return "", usagef("%s is a mailbox; the number of a notice starts with N, that of a statement with P", n)
	}
	return n, nil
}

// ------------------------------------------------------------------ list

// statementLines are the statements in the mailbox, each verified as everybody reads it, so that none is marked as fetched.
func (m *member) statementLines(ctx context.Context, language string, now time.Time) ([]updateLine, error) {
	listed, err := m.client.MailboxStatements(ctx)
	if err != nil {
		return nil, err
	}
	lines := make([]updateLine, len(listed))
	for i, s := range listed {
		lines[i] = m.statementLine(ctx, s, language, now)
	}
	return lines, nil
}

func (m *member) statementLine(ctx context.Context, s api.MailboxStatement, language string, now time.Time) updateLine {
	line := updateLine{json: listedJSON{
		Statement: s.Statement, Version: s.Version, Kind: s.Kind, Subjects: []languageJSON{}, Delivered: s.Published, Opened: s.Fetched, Acknowledgement: s.Acknowledgement(),
	}}
	number := clean(string(s.Statement))
	read, err := m.listed(ctx, s, now)
	if err != nil {
		line.json.Problem = err.Error()
		line.text = fmt.Sprintf("%s  DOES NOT HOLD: %v", number, err)
		return line
	}
	v, deadline := read.Newest(), read.Newest().Manifest().Deadline
	for _, t := range v.Texts() {
		line.json.Subjects = append(line.json.Subjects, languageJSON{Language: t.Language, Subject: t.Title})
	}
	line.json.Author, line.json.Approver = signedBy(v.Author(), v.AuthorSignature()), signedBy(v.Approver(), v.ApproverSignature())
	line.json.Kind = v.Manifest().Kind
	if line.json.Acknowledge = read.Asks(m.as.Mailbox.Kind()); line.json.Acknowledge {
		line.json.Deadline = optional(deadline)
	}
	line.json.Awaiting, line.json.Overdue = read.Awaiting(m.as.Mailbox), read.Overdue(m.as.Mailbox, now)
	title, _ := read.Title(language)
	line.text = fmt.Sprintf("%s  %s  (%s)", number, clean(title), m.statementState(read, now))
	return line
}

// listed verifies what the list says of a statement.
func (m *member) listed(ctx context.Context, s api.MailboxStatement, now time.Time) (*ceremony.StatementInMailbox, error) {
	public, err := m.client.StatementAsListed(ctx, s)
	if err != nil {
		return nil, err
	}
	listed := s.Statement
	s.Versions = public.Versions
	return ceremony.ReadMailboxStatement(m.trust, listed, s, now)
}

func (m *member) statementState(s *ceremony.StatementInMailbox, now time.Time) string {
	manifest := s.Newest().Manifest()
	state := "statement to the world"
	if manifest.Version > 1 {
		state = fmt.Sprintf("statement to the world, version %d", manifest.Version)
	}
	switch a := s.Acknowledgement(); {
	case manifest.Kind == crypto.StatementWithdrawal:
		return state + ", WITHDRAWN"
	case a != nil:
		return fmt.Sprintf("%s, %s by %s, %s", state, clean(string(a.Decision)), clean(a.Representative), hourUTC(a.Received))
	case s.Overdue(m.as.Mailbox, now):
		return state + ", OVERDUE since " + hour(manifest.Deadline)
	case s.Awaiting(m.as.Mailbox) && !manifest.Deadline.IsZero():
		return state + ", AWAITS ACKNOWLEDGEMENT by " + hour(manifest.Deadline)
	case s.Awaiting(m.as.Mailbox):
		return state + ", AWAITS ACKNOWLEDGEMENT"
	case manifest.Kind == crypto.StatementCorrection:
		return state + ", corrected; asks no acknowledgement"
	}
	return state
}

// ------------------------------------------------------------------ open

// openStatement fetches a statement from the mailbox and verifies all of it.
func (m *member) openStatement(ctx context.Context, number crypto.Number) (*ceremony.StatementInMailbox, error) {
	if err := m.needsClaim(); err != nil {
		return nil, err
	}
	fetched, err := m.client.MailboxStatement(ctx, number)
	if err != nil {
		return nil, err
	}
	s, err := ceremony.ReadMailboxStatement(m.trust, number, fetched, time.Now())
	if err != nil {
		return nil, fmt.Errorf("the statement is not shown, because it did not hold: %w", err)
	}
	return s, nil
}

type openedStatementJSON struct {
	Statement       crypto.Number        `json:"statement"`
	Version         int                  `json:"version"`
	Kind            crypto.StatementKind `json:"kind"`
	Topic           string               `json:"topic"`
	Languages       []languageJSON       `json:"languages"`
	Author          *signerJSON          `json:"author"`
	Approver        *signerJSON          `json:"approver"`
	ManifestSHA256  string               `json:"manifest_sha256"`
	RootFingerprint crypto.Fingerprint   `json:"root_fingerprint"`
	PublishAt       time.Time            `json:"publish_at"`
	Acknowledge     bool                 `json:"acknowledge"`
	Deadline        *time.Time           `json:"deadline"`
	Acknowledgement *api.Acknowledgement `json:"acknowledgement"`
}

// statement opens a statement that stands in the mailbox.
func (c *OpenCommand) statement(ctx context.Context, p *process, number crypto.Number) error {
	if c.SaveAttachments != "" || c.Message != "" || c.Membership != "" || c.Manifest != "" {
		return usagef("a statement's files are for everybody: valise statement show %s --out DIR", number)
	}
	m, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	s, err := m.openStatement(ctx, number)
	if err != nil {
		return err
	}
	v := s.Newest()
	if c.Language != "" && v.Text(c.Language) == nil {
		return usagef("the statement is not written in %q, only in %v", c.Language, v.Manifest().Languages())
	}
	out := openedStatementJSON{
		Statement: number, Version: s.Version, Kind: v.Manifest().Kind, Topic: v.Texts()[0].Topic, Languages: textsJSON(v.Texts()), Author: signedBy(v.Author(), v.AuthorSignature()),
		Approver: signedBy(v.Approver(), v.ApproverSignature()), ManifestSHA256: v.SHA256(), RootFingerprint: m.trust.Pin().Fingerprint, PublishAt: v.Manifest().PublishAt,
		Acknowledge: s.Asks(m.as.Mailbox.Kind()), Deadline: optional(v.Manifest().Deadline), Acknowledgement: s.Acknowledgement(),
	}
	p.report(out, func() { showMailboxStatement(p, m, s, c.Language) })
	return nil
}

func showMailboxStatement(p *process, m *member, s *ceremony.StatementInMailbox, language string) {
	v := s.Newest()
	p.say("%s  %s", s.Statement, m.statementState(s, time.Now()))
	p.say("%s, by the root %s", signersText(v.Author(), v.Approver()), m.trust.Pin().Fingerprint.Spaced())
	for _, t := range v.Texts() {
		if language == "" || t.Language == language {
			showStatementText(p, t)
		}
	}
}

// ------------------------------------------------------------------ ack

// statement acknowledges a statement.
func (c *AckCommand) statement(ctx context.Context, p *process, number crypto.Number, decision crypto.Decision) error {
	m, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	s, err := m.openStatement(ctx, number)
	switch {
	case err != nil:
		return err
	case s.Acknowledgement() != nil:
		return c.statementAlready(ctx, p, m, s, decision)
	case !s.Asks(m.as.Mailbox.Kind()):
		return fmt.Errorf("version %d of %s doesn't ask you for an acknowledgement", s.Version, number)
	}
	if !c.Yes && p.interactive() {
		showMailboxStatement(p, m, s, "")
		question := fmt.Sprintf("Acknowledge version %d of %s as %s?", s.Version, number, m.as)
		if c.Refuse {
			question = fmt.Sprintf("Decline to acknowledge version %d of %s, as %s?", s.Version, number, m.as)
		}
		if err := p.confirm(question); err != nil {
			return err
		}
	}
	receipt, err := ceremony.AcknowledgeStatement(s, m.key, m.as, decision, s.Nonce, time.Now())
	if err != nil {
		return err
	}
	received, err := m.client.AcknowledgeStatement(ctx, number, receipt)
	if client.IsCode(err, "already-acknowledged") { // by somebody, between our question and our answer
		return c.statementAlready(ctx, p, m, s, decision)
	}
	if err != nil {
		return err
	}
	if received.Receipt != receipt.Receipt {
		return errors.New("the portal did not keep the receipt as it was signed: don't rely on it, and tell the institution")
	}
	return c.conclude(p, []byte(receipt.Receipt), acknowledgedJSON{
		Statement: number, Version: s.Version, Decision: decision, Representative: m.as.String(), Received: received.Received, Receipt: c.Out,
	})
}

// statementAlready fetches, verifies and writes the receipt that the mailbox has of the version.
func (c *AckCommand) statementAlready(ctx context.Context, p *process, m *member, s *ceremony.StatementInMailbox, decision crypto.Decision) error {
	receipt, err := m.client.StatementReceipt(ctx, s.Statement, s.Version)
	if err != nil {
		return err
	}
	v, err := verifyStatementReceipt(ctx, m.client, m.trust, receipt)
	if err != nil {
		return fmt.Errorf("the receipt that the portal has did not hold: %w", err)
	}
	a := v.Receipt.Acknowledgement()
	if a.Statement != s.Statement || a.Version != s.Version || a.Representative.Mailbox != m.as.Mailbox {
		return fmt.Errorf("the portal shows a receipt for version %d of %s by %s as that for version %d of %s: don't rely on it, and tell the institution",
			a.Version, a.Statement, a.Representative, s.Version, s.Statement)
	}
	if err := c.conclude(p, receipt, acknowledgedJSON{
		Statement: s.Statement, Version: s.Version, Decision: a.Decision, Representative: a.Representative.String(), Received: v.Received, Receipt: c.Out, Already: true,
	}); err != nil {
		return err
	}
	if a.Decision != decision {
		p.warn("%s was %s by %s before; that stands", s.Statement, a.Decision, a.Representative)
		return errShown
	}
	return nil
}

// verifyStatementReceipt asks for the evidence and verifies all of it.
func verifyStatementReceipt(ctx context.Context, c *client.Client, t *ceremony.Trust, receipt []byte) (*ceremony.VerifiedStatementReceipt, error) {
	e, err := c.Evidence(ctx, receipt)
	if err != nil {
		return nil, err
	}
	return ceremony.VerifyStatementReceipt(t, receipt, e, time.Now())
}

// ------------------------------------------------------------------ status

type statementStatusJSON struct {
	Statement crypto.Number             `json:"statement"`
	Version   int                       `json:"version"`
	Asking    []int                     `json:"asking"`
	Newest    int                       `json:"newest"`
	Kind      crypto.StatementKind      `json:"kind"`
	Title     string                    `json:"title"`
	Published time.Time                 `json:"published"`
	Deadline  *time.Time                `json:"deadline"`
	Kinds     []api.StatementKindStatus `json:"kinds"`
	Mailboxes []mailboxStatusJSON       `json:"mailboxes"`
}

// statement shows who has acknowledged a statement.
func (c *StatusCommand) statement(ctx context.Context, p *process, number crypto.Number) error {
	o, err := c.logIn(ctx, p, crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar, crypto.RoleAuditor)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	status, err := o.client.StatementStatus(ctx, number, c.Version)
	if err != nil {
		return err
	}
	d, err := o.directory(ctx, p)
	if err != nil {
		return err
	}
	out := statementStatusJSON{
		Statement: number, Version: status.Version, Asking: status.Asking, Newest: status.Newest, Kind: status.Kind, Published: status.Published, Deadline: status.Deadline, Kinds: status.Kinds,
		Mailboxes: []mailboxStatusJSON{},
	}
	if len(status.Titles) > 0 {
		out.Title = status.Titles[0].Title
	}
	wrong := 0
	for _, m := range status.Mailboxes {
		line := statusLine(d, api.MailboxStatus{Mailbox: m.Mailbox, Opened: m.Fetched, Acknowledged: m.Acknowledged, By: m.By, Decision: m.Decision, Overdue: m.Overdue})
		if c.Receipts != "" && m.Acknowledged != nil {
			line.Receipt = "held"
			if err := c.statementReceipt(ctx, p, o, number, status.Version, m.Mailbox); err != nil {
				line.Receipt = err.Error()
				wrong++
			}
		}
		out.Mailboxes = append(out.Mailboxes, line)
	}
	p.report(out, func() { out.show(p) })
	if wrong > 0 {
		p.warn("%s did not hold or could not be fetched", count(wrong, "receipt", "receipts"))
		return errShown
	}
	return nil
}

// statementReceipt fetches, verifies and writes a mailbox's receipt.
func (c *StatusCommand) statementReceipt(ctx context.Context, p *process, o *officer, number crypto.Number, version int, mailbox crypto.Number) error {
	mailbox, err := crypto.ParseNumber(string(mailbox)) // it becomes a file's name
	if err != nil {
		return err
	}
	receipt, err := o.client.StaffStatementReceipt(ctx, number, version, mailbox)
	if err != nil {
		return err
	}
	v, err := verifyStatementReceipt(ctx, o.client, o.trust, receipt)
	if err != nil {
		return err
	}
	if a := v.Receipt.Acknowledgement(); a.Statement != number || a.Version != version || a.Representative.Mailbox != mailbox {
		return fmt.Errorf("it is that of %s for version %d of %s", a.Representative, a.Version, a.Statement)
	}
	return p.writeOut(filepath.Join(c.Receipts, string(mailbox)+".asc"), receipt, 0o600)
}

var stakeholderWords = map[string]string{"S": "States", "O": "organisations", "I": "individuals"}

func (s *statementStatusJSON) show(p *process) {
	p.say("%s  version %d  %s", s.Statement, s.Version, clean(s.Title))
	switch {
	case s.Kind == crypto.StatementWithdrawal:
		p.say("WITHDRAWN with version %d, so nobody is waited for any more", s.Newest)
	case s.Newest != s.Version:
		p.say("replaced by version %d, so nobody is waited for any more", s.Newest)
	case s.Deadline != nil:
		p.say("acknowledgement %s", deadlineText(*s.Deadline))
	}
	for _, k := range s.Kinds {
		p.say("%s: %d of %d acknowledged, %d declined, %d overdue, %d opened and not acknowledged, %d not opened", stakeholderWords[k.Kind], k.Acknowledged, k.Mailboxes, k.Refused, k.Overdue, k.Fetched, k.Waiting)
	}
	for _, m := range s.Mailboxes {
		p.say("    %s: %s", called(numberText(m.Mailbox), m.Stakeholder), m.stateOfStatement())
	}
}

func (m *mailboxStatusJSON) stateOfStatement() string {
	if m.Acknowledged == nil && m.Opened == nil {
		if m.Overdue {
			return "OVERDUE; not opened"
		}
		return "not opened"
	}
	return m.state()
}
