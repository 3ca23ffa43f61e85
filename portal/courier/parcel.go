package courier

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"valise/crypto"
	"valise/portal"
)

// parcel is what goes out for one entry: mails that lie ready, and where they go.
type parcel struct {
	leased    leased
	identity  *Identity
	transport *transport
	to        string // the address
	domain    string
	mails     []parcelMail // in the order in which they are handed over
}

// parcelMail is one mail of a parcel.
type parcelMail struct {
	data  []byte
	token token         // in the journal: of this mail to this address
	sheet *bytes.Buffer // on which data stands
}

func (p *parcel) size() (octets int) {
	for _, m := range p.mails {
		octets += len(m.data)
	}
	return octets
}

// tearUp gives the sheets back. Nobody reads the mails after that.
func (p *parcel) tearUp(s *sheets) {
	for _, m := range p.mails {
		s.give(m.sheet)
	}
	p.mails = nil
}

// prepare decides over an entry, and makes its parcel if it is to be sent; otherwise it returns what to settle.
func (c *Courier) prepare(ctx context.Context, e *Entry, l *Letter, hurry bool) (*parcel, Settlement, error) {
	dead := func(reason string) (*parcel, Settlement, error) {
		return nil, Settlement{State: Dead, Reason: reason, Attempts: e.Attempts}, nil
	}
	if l == nil {
		return nil, Settlement{State: Cancelled, Reason: ReasonRevoked, Attempts: e.Attempts}, nil
	}
	now := c.now()
	if d := before(e, l, now); !d.now() {
		return nil, settled(e, d), nil
	}
	var problem *errNotGenuine
	v, err := c.genuine(ctx, e, l)
	if errors.As(err, &problem) {
		return dead(ReasonNotGenuine)
	}
	if err != nil {
		return nil, Settlement{}, err
	}
	m := v.Manifest()
	if m.Release.After(now) { // a server that delivers it before its time gets no help
		return nil, settled(e, later(m.Release.UTC(), ReasonNotYet)), nil
	}
	a, err := c.open(ctx, l.Address, e.Representative)
	if portal.KindOf(err) == portal.Unavailable {
		return nil, Settlement{}, err
	}
	if err != nil {
		return dead(ReasonUnreadable)
	}
	if d := when(e, l, m, &a, hurry, now); !d.now() {
		return nil, settled(e, d), nil
	}
	p := &parcel{identity: c.config.Institution, transport: c.institution, to: a.Email, domain: a.Domain()}
	if e.Representative.Mailbox.Kind() == crypto.KindIndividual {
		p.identity, p.transport = c.config.Individuals, c.individuals
	}
	if p.identity == nil {
		return dead(ReasonNoIdentity)
	}
	for _, way := range c.ways(p) {
		if again, full := way.lanes.full(way.name, now); full {
			return nil, settled(e, later(again, ReasonBusy)), nil
		}
	}
	p.mails, err = c.write(ctx, e, l, v, &a, p.identity)
	if errors.As(err, &problem) {
		return dead(ReasonNotGenuine)
	}
	return p, Settlement{}, err
}

func settled(e *Entry, d decision) Settlement {
	return Settlement{State: d.state, NextAt: d.at, Reason: d.reason, Attempts: e.Attempts}
}

// lanesOf is a bound that a parcel falls under.
type lanesOf struct {
	lanes *lanes
	name  string
}

func (c *Courier) ways(p *parcel) [2]lanesOf {
	return [2]lanesOf{{c.domains, p.domain}, {c.servers, p.transport.host(p.domain)}}
}

// send hands a parcel over. What a mail server has taken stands in the journal before anything else is done.
func (c *Courier) send(ctx context.Context, p *parcel) Settlement {
	e, unreachable := &p.leased.entry, false
	for _, way := range c.ways(p) {
		again, entered := way.lanes.enter(ctx, way.name, c.now)
		if !entered {
			return settled(e, later(again, ReasonBusy))
		}
		began := c.now()
		defer func() { way.lanes.leave(way.name, c.now().Sub(began), unreachable && way.lanes == c.servers, c.now()) }()
	}
	sender, report := p.identity.sender(c.tokens.of("return", e.Notice, e.Representative)), c.tokens.of("report", e.Notice, e.Representative)
	for i, mail := range p.mails {
		last := i == len(p.mails)-1
		if !last && c.pieces.has(mail.token, c.now()) { // in an earlier try, perhaps of another process
			continue
		}
		if f := p.transport.send(ctx, sender, p.to, p.domain, report, mail.data); f != nil {
			unreachable = f.connection
			s := c.failed(e, f, p.transport.server.Smarthost != "")
			if s.State == Dead {
				c.forget(p)
			}
			return s
		}
		if !last {
			c.journal.taken(c.pieces.add(c.now(), journalLine{linePiece, mail.token, p.leased.at.UnixMicro(), c.now().UnixMicro(), p.leased.lease})...)
		}
	}
	s := Settlement{Notice: e.Notice, Representative: e.Representative, Reminder: e.Reminder, Lease: p.leased.lease, LeasedAt: p.leased.at, State: Sent, Attempts: e.Attempts + 1, At: c.now()}
	c.journal.taken(c.line(&s))
	c.forget(p)
	return s
}

// forget forgets which mails of a parcel were taken, as none of them will be sent again.
func (c *Courier) forget(p *parcel) {
	tokens := make([]token, len(p.mails))
	for i, mail := range p.mails {
		tokens[i] = mail.token
	}
	c.journal.settled(c.pieces.forget(tokens...)...)
}

// write makes the mail of an entry, and before it others with what the notice says to the mailbox alone and with the form of a receipt, where these don't go into the same: the form
// that mail programs open by themselves holds one message. The small ones go first: when the large one can't be handed over, they are not sent again.
func (c *Courier) write(ctx context.Context, e *Entry, l *Letter, v *crypto.VerifiedManifest, a *crypto.Address, identity *Identity) ([]parcelMail, error) {
	body, err := c.body(ctx, v, l.Suite)
	if err != nil {
		return nil, err
	}
	form, err := c.receiptForm(ctx, e, l, v.Manifest())
	if err != nil {
		return nil, fmt.Errorf("saying what a receipt by e-mail takes: %w", err)
	}
	announce := ""
	if e.Representative.Mailbox.Kind() != crypto.KindIndividual {
		announce = c.autocrypt(ctx)
	}
	head := func(of, boundary string) *letterhead {
		return &letterhead{
			identity: identity, autocrypt: announce, to: a.Email, subject: identity.subject(a), date: roundDate(c.now()),
			messageID: c.messageID(of, e, identity), boundary: "=_" + c.tokens.ofMail(boundary, e.Notice, e.Representative, e.Reminder), sheets: &c.sheets,
		}
	}
	named := func(of string, h *letterhead, data []byte) parcelMail {
		return parcelMail{data, c.tokens.piece(of, a.Email, e), h.sheet}
	}
	small := []struct {
		message      []byte
		of, boundary string
	}{{l.Personal, "personal message", "personal boundary"}, {form, "form message", "form boundary"}}
	cover := l.Profile == crypto.ProfilePQ
	h := head("message", "boundary")
	if cover {
		for _, s := range small {
			if s.message != nil {
				h.more = append(h.more, s.message)
			}
		}
	}
	mail, err := h.write(crypto.Message(l.Envelope, body), cover)
	if errors.Is(err, errTooLarge) {
		mail, err = h.notify(l.Certificate)
		return []parcelMail{named("message", h, mail)}, err
	}
	if err != nil {
		return nil, err
	}
	var mails []parcelMail
	for _, s := range small {
		if cover || s.message == nil {
			continue
		}
		h := head(s.of, s.boundary)
		m, err := h.write(s.message, false)
		if err != nil {
			return nil, err
		}
		mails = append(mails, named(s.of, h, m))
	}
	return append(mails, named("message", h, mail)), nil
}
