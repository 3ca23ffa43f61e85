package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// ListCommand lists a mailbox.
type ListCommand struct {
	representativeFlags
	Language string `placeholder:"TAG" help:"Show subjects in this language where there is one: fr."`
}

// Help is the part of --help below the summary.
func (ListCommand) Help() string {
	return manual(`What awaits acknowledgement comes first, the nearest deadline at the top, and what is urgent before that; then the others, newest first. Statements to the world that ask you to acknowledge them stand there, too, with their corrections and withdrawals. Whether a notice was opened and answered is the portal's word here; 'valise open' verifies the receipt. A subject is shown only when both staff signatures of its notice hold, up to the root whose fingerprint is locked in with your key, and it was meant for you.

EXAMPLES

  valise list --server https://portal.example --as S-7K2M9QXD/2
  valise list --server https://portal.example --as S-7K2M9QXD/2 --secret-file passphrase.txt --json

JSON

  an array of notice (or statement, version and kind), subjects[] (language, subject), author and approver (name, fingerprint, signed), urgent, acknowledge, deadline, delivered, opened, acknowledgement (representative, certificate, decision, received; null: none), awaiting, overdue, problem (empty: everything held)

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 listed; 1 refused or failed, or a notice in the list did not hold; 2 wrong usage.`)
}

type listedJSON struct {
	Notice          crypto.Number        `json:"notice,omitempty"`
	Statement       crypto.Number        `json:"statement,omitempty"`
	Version         int                  `json:"version,omitempty"`
	Kind            crypto.StatementKind `json:"kind,omitempty"`
	Subjects        []languageJSON       `json:"subjects"`
	Author          *signerJSON          `json:"author"`
	Approver        *signerJSON          `json:"approver"`
	Urgent          bool                 `json:"urgent"`
	Acknowledge     bool                 `json:"acknowledge"`
	Deadline        *time.Time           `json:"deadline"`
	Delivered       time.Time            `json:"delivered"`
	Opened          *time.Time           `json:"opened"`
	Acknowledgement *api.Acknowledgement `json:"acknowledgement"`
	Awaiting        bool                 `json:"awaiting"`
	Overdue         bool                 `json:"overdue"`
	Problem         string               `json:"problem"`
}

// Run lists.
func (c *ListCommand) Run(ctx context.Context, p *process) error {
	m, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	notices, err := m.client.Notices(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	var lines []updateLine
	for _, l := range ceremony.List(m.trust, m.self, notices, now) {
		lines = append(lines, updateLine{listJSON(&l, now), listLine(&l, c.Language, now)})
	}
	statements, err := m.statementLines(ctx, c.Language, now)
	if err != nil {
		return err
	}
	lines = append(lines, statements...)
	slices.SortStableFunc(lines, firstAwaiting)
	problems := 0
	out := make([]listedJSON, len(lines))
	for i, l := range lines {
		if out[i] = l.json; l.json.Problem != "" {
			problems++
		}
	}
	p.report(out, func() {
		for _, l := range lines {
			p.say("%s", l.text)
		}
		if len(lines) == 0 {
			p.say("The mailbox is empty.")
		}
	})
	if problems > 0 {
		err := fmt.Errorf("%s did not hold; tell the institution, by another way", count(problems, "item", "items"))
		if p.json {
			p.warn("%v", err)
			return errShown
		}
		return err
	}
	return nil
}

// updateLine is a notice or a statement in the mailbox's list.
type updateLine struct {
	json listedJSON
	text string
}

// errShown fails a command whose JSON value has been printed.
var errShown = errors.New("see above")

// firstAwaiting sorts in front what is urgent and awaits the reader, then what awaits acknowledgement, by deadline, those without one last; the others newest first.
func firstAwaiting(a, b updateLine) int {
	if by := urgentFirst(a.presses(), b.presses()); by != 0 {
		return by
	}
	switch da, db := a.json.Deadline, b.json.Deadline; {
	case a.json.Awaiting && !b.json.Awaiting:
		return -1
	case !a.json.Awaiting && b.json.Awaiting:
		return 1
	case !a.json.Awaiting:
		return b.json.Delivered.Compare(a.json.Delivered)
	case da == nil && db == nil:
		return 0
	case da == nil:
		return 1
	case db == nil:
		return -1
	default:
		return da.Compare(*db)
	}
}

func listJSON(l *ceremony.Listed, now time.Time) listedJSON {
	out := listedJSON{
		Notice: l.Notice, Subjects: []languageJSON{}, Delivered: l.Delivered, Opened: l.Opened,
		Acknowledgement: l.Acknowledgement, Awaiting: l.Awaiting(), Overdue: l.Overdue(now),
	}
	if l.Problem != nil {
		out.Problem = l.Problem.Error()
		return out
	}
	for _, s := range l.Subjects {
		out.Subjects = append(out.Subjects, languageJSON{Language: s.Language, Subject: s.Subject})
	}
	v := l.Verified
	out.Author, out.Approver = signedBy(v.Author(), v.AuthorSignature()), signedBy(v.Approver(), v.ApproverSignature())
	out.Urgent = v.Manifest().Urgent
	out.Acknowledge, out.Deadline = v.Manifest().Acknowledge, optional(v.Manifest().Deadline)
	return out
}

func listLine(l *ceremony.Listed, language string, now time.Time) string {
	number := clean(string(l.Notice))
	if l.Problem != nil {
		return fmt.Sprintf("%s  DOES NOT HOLD: %v", number, l.Problem)
	}
	state := "new"
	switch {
	case l.Acknowledgement != nil:
		state = fmt.Sprintf("%s by %s, %s", clean(string(l.Acknowledgement.Decision)), clean(l.Acknowledgement.Representative), hourUTC(l.Acknowledgement.Received)) + ", as the portal says"
	case l.Overdue(now):
		state = "OVERDUE since " + hour(l.Verified.Manifest().Deadline)
	case l.Awaiting():
		state = "AWAITS ACKNOWLEDGEMENT"
		if d := l.Verified.Manifest().Deadline; !d.IsZero() {
			state += " by " + hour(d)
		}
	case l.Opened != nil:
		state = "opened " + hourUTC(*l.Opened)
	}
	if late := ceremony.Late(l.Verified, l.Delivered); late != nil {
		state += "; MIND: " + late.Error()
	}
	return fmt.Sprintf("%s%s  %s  (%s)", urgentMark(l.Urgent()), number, l.Subject(language), state)
}

// presses says whether a line is urgent, and not done with: neither opened, where that is enough, nor acknowledged.
func (l updateLine) presses() bool {
	return l.json.Urgent && (l.json.Awaiting || !l.json.Acknowledge && l.json.Opened == nil)
}
