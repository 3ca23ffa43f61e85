//go:build desk || !js

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of the registry: the directory of mailboxes as it holds, issuing, revoking.
func init() {
	register(table{
		"registry-directory": (*engine).registryDirectory,
		"registry-issue":     handle((*engine).registryIssue),
		"registry-own":       handle((*engine).registryOwn),
		"registry-revoke":    handle((*engine).registryRevoke),
	})
}

// registryMailbox is a mailbox of the directory, as a page shows it.
type registryMailbox struct {
	Mailbox         crypto.Number        `json:"mailbox"`
	Kind            string               `json:"kind"` // "S", "O", "I"
	Name            string               `json:"name"` // "" when it isn't sealed to the reader
	Representatives []registryRepresents `json:"representatives"`
}

type registryRepresents struct {
	Representative string              `json:"representative"`
	Name           string              `json:"name"`
	State          string              `json:"state"`   // issued, claimed, revoked; what the portal says, unless a signature says otherwise
	Since          string              `json:"since"`   // RFC 3339
	Profile        crypto.Profile      `json:"profile"` // pq, compat, own
	PostQuantum    bool                `json:"postQuantum"`
	Problem        string              `json:"problem"` // why nothing can be sealed to them; "" when it can, or when they were revoked
	Rule           string              `json:"rule"`    // that their certificate breaks, when that is why
	Revoked        *registryRevocation `json:"revoked"`
	LastClaimed    bool                `json:"lastClaimed"`
	Email          bool                `json:"email"`        // there is an address
	StoppedEmail   string              `json:"stoppedEmail"` // when they stopped e-mail themself, RFC 3339; "": not
}

type registryRevocation struct {
	By     string `json:"by"`
	Reason string `json:"reason"` // "": for registrars alone
	Note   string `json:"note"`
}

// registryDirectory reads the directory; data is the answer of GET /mailboxes as it came.
func (e *engine) registryDirectory(_, data []byte) (any, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	var mailboxes []api.Mailbox
	if err := json.Unmarshal(data, &mailboxes); err != nil {
		return nil, fmt.Errorf("what the portal sent can't be read: %w", err)
	}
	d, err := ceremony.ReadDirectory(e.trust, o.keys, mailboxes, e.now(), nil)
	if err != nil {
		return nil, err
	}
	o.directory = d
	lines := make([]registryMailbox, len(d.Mailboxes))
	for i := range d.Mailboxes {
		lines[i] = registryLine(&d.Mailboxes[i])
	}
	return lines, nil
}

// ruleOf is the rule that a certificate breaks, by which the page words it; "" when an error is about something else.
func ruleOf(err error) string {
	if broken := (*crypto.PolicyError)(nil); errors.As(err, &broken) {
		return broken.Rule
	}
	return ""
}

func registryLine(m *ceremony.DirectoryMailbox) registryMailbox {
	line := registryMailbox{Mailbox: m.Mailbox, Kind: string(rune(m.Mailbox.Kind())), Name: m.Name, Representatives: make([]registryRepresents, len(m.Representatives))}
	for i := range m.Representatives {
		e := &m.Representatives[i]
		r := registryRepresents{
			Representative: e.Representative.String(), Name: e.Name, State: string(e.State), Since: rfc3339(e.Issued.UTC()), Profile: e.Profile, PostQuantum: e.PostQuantum(),
			LastClaimed: m.LastClaimed(e), Email: e.Email,
		}
		if e.StoppedEmail != nil {
			r.StoppedEmail = rfc3339(e.StoppedEmail.UTC())
		}
		if e.Claimed != nil {
			r.Since = rfc3339(e.Claimed.UTC())
		}
		switch {
		case e.Revoked():
			r.State, r.Since = string(portal.Revoked), rfc3339(e.Revocation.At().UTC())
			r.Revoked = &registryRevocation{By: e.Revocation.By().Name(), Reason: string(e.Reason), Note: e.Note}
		case e.Refused != nil:
			r.Problem, r.Rule = sentence(e.Refused).Error(), ruleOf(e.Refused)
		}
		line.Representatives[i] = r
	}
	return line
}

type registryOrder struct {
	Kind        string         `json:"kind"`    // "S", "O", "I": a new mailbox
	Mailbox     string         `json:"mailbox"` // or one of the directory
	Stakeholder string         `json:"stakeholder"`
	Person      string         `json:"person"`
	Profile     crypto.Profile `json:"profile"`
	Own         string         `json:"own"`    // the representative's own certificate; "": none
	OwnEnd      string         `json:"ownEnd"` // the end of its fingerprint, as they read it to the registrar
}

type registryOwnCertificate struct {
	Certificate string `json:"certificate"`
}

// registryOwnShown is what a registrar is shown of it before they believe it.
type registryOwnShown struct {
	Fingerprint string   `json:"fingerprint"`
	Names       []string `json:"names"`
	Made        string   `json:"made"`
	PostQuantum bool     `json:"postQuantum"`
}

// registryOwn reads a certificate that somebody has already. One to which nothing can be sealed is refused, with the rule that it breaks.
func (e *engine) registryOwn(p registryOwnCertificate) (registryOwnShown, error) {
	c, err := crypto.ParseCertificate([]byte(p.Certificate))
	if err == nil {
		err = c.CheckPolicy(e.now())
	}
	if err != nil {
		return registryOwnShown{}, err
	}
	return registryOwnShown{c.Fingerprint().Spaced(), c.UserIDs(), rfc3339(c.Created().UTC()), c.PostQuantum()}, nil
}

type registryIssued struct {
	Request api.Issue      `json:"request"`
	Letter  registryLetter `json:"letter"`
}

// registryLetter fills the empty places of the letter in the page.
type registryLetter struct {
	Addressee   []string `json:"addressee"`
	Date        string   `json:"date"`
	Origin      string   `json:"origin"`
	Number      string   `json:"number"`
	Code        []string `json:"code"`
	Fingerprint []string `json:"fingerprint"`
	SHA256      []string `json:"sha256"`
	QRSide      int      `json:"qrSide"`
	QRPath      string   `json:"qrPath"`
}

// registryIssue makes a key, and the letter with its claim code. The code is in the letter and nowhere else.
func (e *engine) registryIssue(p registryOrder) (registryIssued, error) {
	o, err := e.onDuty()
	if err != nil {
		return registryIssued{}, err
	}
	order := ceremony.Order{Profile: p.Profile, Stakeholder: p.Stakeholder, Person: p.Person}
	if order.Representative, err = o.orderFor(p); err != nil {
		return registryIssued{}, err
	}
	if p.Mailbox == "" && order.Stakeholder == "" {
		if order.Representative.Mailbox.Kind() != crypto.KindIndividual {
			return registryIssued{}, &refusal{"registry-stakeholder", errors.New("say whose mailbox it is")}
		}
		order.Stakeholder = order.Person
	}
	if p.Own != "" {
		own, err := crypto.ParseCertificate([]byte(p.Own))
		if err == nil {
			order.Own, err = ceremony.ConfirmOwn(own, p.OwnEnd, e.now())
		}
		if errors.Is(err, ceremony.ErrNotConfirmed) {
			return registryIssued{}, &refusal{"registry-own-end", err}
		}
		if err != nil {
			return registryIssued{}, err
		}
	}
	issued, err := ceremony.Issue(e.trust, o.key, order, e.now())
	if err != nil {
		return registryIssued{}, err
	}
	l, err := ceremony.WriteLetter(e.trust, e.origin, order, issued.Code, e.now())
	if err != nil {
		return registryIssued{}, err
	}
	return registryIssued{issued.Request, registryLetter{l.Addressee, l.Date, l.Origin, l.Number, l.Code, l.Fingerprint, l.SHA256, l.QR.Side, l.QR.Path}}, nil
}

// orderFor draws a new number, or takes the next ordinal of a mailbox in the directory.
func (o *officer) orderFor(p registryOrder) (crypto.Representative, error) {
	if p.Mailbox == "" {
		if len(p.Kind) != 1 {
			return crypto.Representative{}, &refusal{"registry-kind", errors.New("say whether it is a State, an organisation or an individual")}
		}
		return ceremony.NewMailbox(crypto.Kind(p.Kind[0]))
	}
	m, err := o.mailbox(p.Mailbox)
	if err != nil {
		return crypto.Representative{}, err
	}
	next := crypto.Representative{Mailbox: m.Mailbox, Ordinal: m.NextOrdinal()}
	if next.Ordinal > crypto.MaxOrdinal {
		return crypto.Representative{}, fmt.Errorf("%s has had %d representatives, which is as many as there can be", m.Mailbox, crypto.MaxOrdinal)
	}
	return next, nil
}

// mailbox is one of the directory that was read.
func (o *officer) mailbox(number string) (*ceremony.DirectoryMailbox, error) {
	n, err := crypto.ParseNumber(number)
	if err != nil {
		return nil, err
	}
	if o.directory == nil || o.directory.Mailbox(n) == nil {
		return nil, &refusal{"no-mailbox", fmt.Errorf("the portal has no mailbox %s", n)}
	}
	return o.directory.Mailbox(n), nil
}

type registryRevoking struct {
	Representative string                    `json:"representative"`
	Reason         ceremony.RevocationReason `json:"reason"`
	Note           string                    `json:"note"`
}

// registryRevoke signs the revocation of somebody in the directory.
func (e *engine) registryRevoke(p registryRevoking) (*api.Revocation, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	r, err := crypto.ParseRepresentative(p.Representative)
	if err != nil {
		return nil, err
	}
	if o.directory == nil {
		return nil, errEngine
	}
	return ceremony.Revoke(e.trust, o.key, o.directory.Entry(r), p.Reason, p.Note, e.now().Truncate(time.Second))
}
