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
	return manual(`What awaits acknowledgement comes first, the nearest deadline at the top; then the others, newest first. A subject is shown only when both staff signatures of its notice hold, up to the root whose fingerprint is locked in with your key, and it was meant for you.

EXAMPLES

  valise list --server https://portal.example --as S-7K2M9QXD/2
  valise list --server https://portal.example --as S-7K2M9QXD/2 --secret-file passphrase.txt --json

JSON

  an array of notice, subjects[] (language, subject), author and approver (name, fingerprint, signed), acknowledge, deadline, delivered, opened, acknowledgement (representative, certificate, decision, received; null: none), awaiting, overdue, problem (empty: everything held)

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 listed; 1 refused or failed, or a notice in the list did not hold; 2 wrong usage.`)
}

type listedJSON struct {
	Notice          crypto.Number        `json:"notice"`
	Subjects        []languageJSON       `json:"subjects"`
	Author          *signerJSON          `json:"author"`
	Approver        *signerJSON          `json:"approver"`
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
	listed := ceremony.List(m.trust, m.self, notices, now)
	slices.SortStableFunc(listed, firstAwaiting)
	problems := 0
	out := make([]listedJSON, len(listed))
	for i, l := range listed {
		if out[i] = listJSON(&l, now); l.Problem != nil {
			problems++
		}
	}
	p.report(out, func() {
		for _, l := range listed {
			p.say("%s", listLine(&l, c.Language, now))
		}
		if len(listed) == 0 {
			p.say("The mailbox is empty.")
		}
	})
	if problems > 0 {
		err := fmt.Errorf("%s did not hold; tell the institution, by another way", count(problems, "notice", "notices"))
		if p.json {
			p.warn("%v", err)
			return errShown
		}
		return err
	}
	return nil
}

// errShown fails a command whose JSON value has been printed.
var errShown = errors.New("see above")

// firstAwaiting sorts what awaits acknowledgement in front, by deadline, those without one last.
func firstAwaiting(a, b ceremony.Listed) int {
	switch {
	case a.Awaiting() && !b.Awaiting():
		return -1
	case !a.Awaiting() && b.Awaiting():
		return 1
	case !a.Awaiting():
		return 0 // the server's order: newest first
	}
	da, db := a.Verified.Manifest().Deadline, b.Verified.Manifest().Deadline
	switch {
	case da.IsZero() && db.IsZero():
		return 0
	case da.IsZero():
		return 1
	case db.IsZero():
		return -1
	}
	return da.Compare(db)
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
		state = fmt.Sprintf("%s by %s, %s", clean(string(l.Acknowledgement.Decision)), clean(l.Acknowledgement.Representative), hourUTC(l.Acknowledgement.Received))
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
	return fmt.Sprintf("%s  %s  (%s)", number, l.Subject(language), state)
}
