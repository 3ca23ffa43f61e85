package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls about statements that stand in a mailbox.
func init() {
	register(table{
		"check-statement":       (*engine).checkStatement,
		"read-statement":        (*engine).readStatement,
		"acknowledge-statement": handle((*engine).acknowledgeStatement),
	})
}

// readingStatement is kept while the page is open: what acknowledging it takes.
type readingStatement struct {
	statement *ceremony.StatementInMailbox
	decision  crypto.Decision
	receipt   *api.Receipt // made, and not yet known to be kept: sent again as it is
}

type listedStatement struct {
	Line      api.MailboxStatement `json:"line"`      // of the mailbox's list
	Languages []string             `json:"languages"` // the reader's, preferred first
}

// shownLine is what staff signed of a line of the mailbox.
type shownLine struct {
	Statement crypto.Number `json:"statement"`
	Title     string        `json:"title"`
	Language  string        `json:"language"` // of the title
	Deadline  string        `json:"deadline,omitempty"`
	Problem   string        `json:"problem,omitempty"`
}

// checkStatement verifies what the mailbox's list says of a statement; data is the answer of GET /statements/{statement}, which is for everybody.
func (e *engine) checkStatement(parameters, data []byte) (any, error) {
	if e.bundle == nil {
		return nil, errLocked
	}
	var p listedStatement
	var public api.Statement
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, fmt.Errorf("%w (%v)", errEngine, err)
	}
	if err := json.Unmarshal(data, &public); err != nil {
		return nil, errors.New("the portal's answer can't be read")
	}
	line := shownLine{Statement: p.Line.Statement}
	p.Line.Versions = public.Versions
	s, err := ceremony.ReadMailboxStatement(e.trust, p.Line.Statement, p.Line, e.now())
	if err != nil {
		line.Problem = sentence(err).Error()
		return line, nil
	}
	line.Title, line.Language = s.Title(p.Languages...)
	if s.Asks(e.as.Mailbox.Kind()) {
		line.Deadline = rfc3339(s.Newest().Manifest().Deadline)
	}
	return line, nil
}

type reading struct {
	Statement crypto.Number `json:"statement"`
}

// shownStatement is the newest version of a statement: every line of it held.
type shownStatement struct {
	Statement   crypto.Number        `json:"statement"`
	Version     int                  `json:"version"`
	Kind        crypto.StatementKind `json:"kind"`
	Languages   []shownText          `json:"languages"` // the authoritative one first
	Attachments []shownAttachment    `json:"attachments"`
	Author      shownSigner          `json:"author"`
	Approver    shownSigner          `json:"approver"`
	Institution string               `json:"institution"`
	Root        string               `json:"root"`
	PublishAt   string               `json:"publish_at"`
	Asks        bool                 `json:"asks"`
	Deadline    string               `json:"deadline,omitempty"`
}

type shownText struct {
	shownLanguage
	Reason string `json:"reason,omitempty"`
}

// readStatement verifies a statement that was fetched from the mailbox; data is the server's whole answer.
func (e *engine) readStatement(parameters, data []byte) (any, error) {
	if e.bundle == nil {
		return nil, errLocked
	}
	var p reading
	var m api.MailboxStatement
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, fmt.Errorf("%w (%v)", errEngine, err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, errors.New("the portal's answer can't be read")
	}
	s, err := ceremony.ReadMailboxStatement(e.trust, p.Statement, m, e.now())
	if err != nil {
		return nil, err
	}
	if e.reading == nil {
		e.reading = make(map[crypto.Number]*readingStatement)
	}
	e.reading[p.Statement] = &readingStatement{statement: s}
	return e.showStatement(s), nil
}

func (e *engine) showStatement(s *ceremony.StatementInMailbox) shownStatement {
	v := s.Newest()
	m := v.Manifest()
	shown := shownStatement{
		Statement: m.Statement, Version: m.Version, Kind: m.Kind, Attachments: []shownAttachment{}, Author: signerOf(v.Author(), v.AuthorSignature()), Approver: signerOf(v.Approver(), v.ApproverSignature()),
		Institution: e.trust.Institution(), Root: e.trust.Pin().Fingerprint.Spaced(), PublishAt: rfc3339(m.PublishAt), Asks: s.Asks(e.as.Mailbox.Kind()), Deadline: rfc3339(m.Deadline),
	}
	for _, t := range v.Texts() {
		shown.Languages = append(shown.Languages, shownText{shownLanguage{t.Language, t.Title, parseMarkdown(t.Body)}, t.Reason})
	}
	for _, a := range v.Attachments() {
		shown.Attachments = append(shown.Attachments, shownAttachment{a.Name, int(a.Size)})
	}
	return shown
}

func signerOf(member *crypto.Staff, s *crypto.Signature) shownSigner {
	return shownSigner{member.Name(), member.Certificate().Fingerprint().Spaced(), rfc3339(s.Made().UTC())}
}

type acknowledgingStatement struct {
	Statement crypto.Number   `json:"statement"`
	Version   int             `json:"version"` // that the person reads
	Decision  crypto.Decision `json:"decision"`
}

// acknowledgeStatement signs the receipt, once: asked again, it returns the same one.
func (e *engine) acknowledgeStatement(p acknowledgingStatement) (api.Receipt, error) {
	if e.bundle == nil {
		return api.Receipt{}, errLocked
	}
	r := e.reading[p.Statement]
	switch {
	case r == nil:
		return api.Receipt{}, &refusal{"not-opened", errors.New("the statement is not open; load the page again")}
	case r.statement.Version != p.Version:
		return api.Receipt{}, &refusal{"statement-corrected", errors.New("a newer version of the statement was published meanwhile; load the page again, and read that")}
	}
	if r.receipt == nil || r.decision != p.Decision {
		receipt, err := ceremony.AcknowledgeStatement(r.statement, e.bundle.Key, e.as, p.Decision, r.statement.Nonce, e.now())
		if err != nil {
			return api.Receipt{}, err
		}
		r.receipt, r.decision = &receipt, p.Decision
	}
	return *r.receipt, nil
}
