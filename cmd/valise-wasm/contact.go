//go:build desk || !js

package main

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of contacts outside the portal, and of a notice's table. Names come from the directory, if registry-directory has read it.
func init() {
	register(table{
		"contact-sign": handle((*engine).signContact),
		"contact-read": handle((*engine).readContacts),
		"status-table": (*engine).statusTable,
	})
}

type contactMade struct {
	Notice   crypto.Number         `json:"notice"`
	Manifest api.SignedManifest    `json:"manifest"`
	Mailbox  crypto.Number         `json:"mailbox"`
	Way      crypto.ContactWay     `json:"way"`
	Outcome  crypto.ContactOutcome `json:"outcome"`
	Time     string                `json:"time"` // RFC 3339 with seconds and offset
	Note     string                `json:"note"`
}

// signContact signs and seals, and returns what to send.
func (e *engine) signContact(p contactMade) (api.RecordContact, error) {
	o, err := e.onDuty()
	if err != nil {
		return api.RecordContact{}, err
	}
	at, err := time.Parse(time.RFC3339, p.Time)
	switch {
	case err != nil:
		return api.RecordContact{}, &refusal{"contact-time", errors.New("say when it was, with date and time")}
	case at.After(e.now()):
		return api.RecordContact{}, &refusal{"contact-future", errors.New("that time has not come yet; say when the contact was")}
	}
	note := strings.TrimSpace(strings.ReplaceAll(p.Note, "\r\n", "\n"))
	if len(note) > crypto.MaxContactNote {
		return api.RecordContact{}, &refusal{"contact-long", errors.New("the note is too long")}
	}
	return ceremony.RecordContact(e.trust, o.key, p.Notice, p.Manifest, crypto.ContactMade{Mailbox: p.Mailbox, Way: p.Way, Outcome: p.Outcome, Time: at, Note: note}, e.now())
}

type contactsKept struct {
	Notice   crypto.Number      `json:"notice"`
	Manifest api.SignedManifest `json:"manifest"`
	Contacts []api.Contact      `json:"contacts"`
}

// shownContact is a contact as far as it is vouched for.
type shownContact struct {
	Mailbox     crypto.Number         `json:"mailbox"`
	Way         crypto.ContactWay     `json:"way"`
	Outcome     crypto.ContactOutcome `json:"outcome"`
	Time        string                `json:"time"`
	By          string                `json:"by"`
	Note        string                `json:"note"`
	Sealed      bool                  `json:"sealed"`      // there is a note, which is not for the reader
	Problem     string                `json:"problem"`     // nothing of it is to be believed
	NoteProblem string                `json:"noteProblem"` // its note is not what was signed
	Reason      string                `json:"reason"`      // a word for either; ""
	Signed      string                `json:"signed"`
}

func (e *engine) readContacts(p contactsKept) ([]shownContact, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	read, err := ceremony.ReadContacts(e.trust, o.keys, p.Notice, p.Manifest, p.Contacts, e.now())
	if err != nil {
		return nil, err
	}
	reader := o.member.Has(crypto.RoleAuthor) || o.member.Has(crypto.RoleApprover) || o.member.Has(crypto.RoleRegistrar)
	shown := make([]shownContact, len(read))
	for i, c := range read {
		shown[i] = shownContact{Mailbox: c.Mailbox, Signed: c.Signed}
		if c.Problem != nil {
			shown[i].Problem, shown[i].Reason = sentence(c.Problem).Error(), ceremony.ReasonOf(c.Problem)
			continue
		}
		shown[i].Way, shown[i].Outcome, shown[i].Time, shown[i].By, shown[i].Note = c.Way, c.Outcome, c.Time.Format(time.RFC3339), c.By, c.Note
		if c.NoteProblem != nil {
			if reader {
				shown[i].NoteProblem, shown[i].Reason = sentence(c.NoteProblem).Error(), ceremony.ReasonOf(c.NoteProblem)
			}
			shown[i].Sealed = !reader
		}
	}
	return shown, nil
}

// statusTable makes the table of a notice's mailboxes, with the names that are sealed to who asks; data is the answer of GET …/status as it came.
func (e *engine) statusTable(_, data []byte) (any, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	var s api.Status
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, errors.New("the portal's answer can't be read")
	}
	return rawData(api.StatusTable(s, ceremony.StatusNames(o.directory))), nil
}
