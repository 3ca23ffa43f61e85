//go:build desk || !js

package main

import (
	"errors"
	"slices"

	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls about replies that came by e-mail. Only the desk opens them, so they are in desk.wasm only.
func init() {
	register(table{
		"desk-mail-keys": withData((*engine).deskMailKeys),
		"mailed-message": withData((*engine).mailedMessage),
	})
}

// mailedReplies is what of replies by e-mail is open in a tab.
type mailedReplies struct {
	keys   []ceremony.DeskKey // of the desk, for mail programs
	opened map[string]*ceremony.Mailed
	order  []string // in which they were opened
	held   int      // octets of their files
}

// maxHeldMail is how many octets of opened mails a tab holds, but for the last one: whoever may answer a mail of ours can send many large ones, and a tab that runs out of memory shows nothing of the thread.
const maxHeldMail = 64 << 20

// errGivenUp is that a mail's files are not held any more: it is opened again to save one.
var errGivenUp = &refusal{"mail-given-up", errors.New("this reply by e-mail is no longer open here; load the page again")}

// hold keeps an opened mail for who saves its files, and gives up those before it that are too much.
func (m *mailedReplies) hold(id string, o *ceremony.Mailed) {
	if m.opened == nil {
		m.opened = make(map[string]*ceremony.Mailed)
	}
	m.drop(id)
	m.opened[id] = o
	m.order = append(m.order, id)
	m.held += held(o)
	for m.held > maxHeldMail && len(m.order) > 1 {
		m.drop(m.order[0])
	}
}

func (m *mailedReplies) drop(id string) {
	if o := m.opened[id]; o != nil {
		m.held -= held(o)
		delete(m.opened, id)
		m.order = slices.DeleteFunc(m.order, func(other string) bool { return other == id })
	}
}

func held(o *ceremony.Mailed) (octets int) {
	for _, f := range o.Files {
		octets += len(f.Data)
	}
	return octets
}

type mailKeys struct {
	Keys int `json:"keys"` // that open
}

// deskMailKeys takes the desk's keys for mail programs out of the answer of GET /staff/desk-keys.
func (e *engine) deskMailKeys(_ none, data []byte) (mailKeys, error) {
	if e.bundle == nil || e.desk == nil {
		return mailKeys{}, errLocked
	}
	var wire api.DeskKeys
	if err := read(data, &wire); err != nil {
		return mailKeys{}, err
	}
	keys, err := ceremony.ReadDeskKeys(e.trust, e.desk.keys, wire, e.now())
	if err != nil {
		return mailKeys{}, err
	}
	e.letters.mailed.keys = keys
	return mailKeys{len(ceremony.OpenedDeskKeys(keys))}, nil
}

// shownMail is a reply by e-mail: text, not Markdown, and never HTML.
type shownMail struct {
	Subject     string            `json:"subject"`
	Text        string            `json:"text"`
	HTML        bool              `json:"html"`
	Cut         bool              `json:"cut"`
	Answers     string            `json:"answers"`
	From        string            `json:"from"`              // who signed it inside; "": nobody can say who wrote it
	Signed      string            `json:"signed,omitempty"`  // when
	Ended       string            `json:"ended,omitempty"`   // when their access was ended, since
	Problem     string            `json:"problem,omitempty"` // why a signature that is there doesn't count
	Attachments []shownAttachment `json:"attachments"`
}

// mailedMessage opens one. data is the answer of GET /threads/{thread}/messages/{message}.
func (e *engine) mailedMessage(p messageName, data []byte) (shownMail, error) {
	if e.desk == nil {
		return shownMail{}, errEngine
	}
	c, wire, err := e.fetched(p, data)
	if err != nil {
		return shownMail{}, err
	}
	m, err := ceremony.ReadMailed(e.trust, c, wire, e.letters.mailed.keys, e.now())
	if err != nil {
		return shownMail{}, err
	}
	e.letters.mailed.hold(p.Message, m)
	shown := shownMail{Subject: m.Subject, Text: m.Text, HTML: m.HTML, Cut: m.Cut, Answers: m.Answers, Attachments: make([]shownAttachment, len(m.Files))}
	for i, f := range m.Files {
		shown.Attachments[i] = shownAttachment{f.Name, len(f.Data)}
	}
	if m.Signature != nil {
		shown.From, shown.Signed = m.Signature.Representative().String(), rfc3339(m.Signature.Signature().Made())
		if ended := m.Signature.Ended(); ended != nil {
			shown.Ended = rfc3339(ended.At())
		}
	}
	if m.Problem != nil {
		shown.Problem = sentence(m.Problem).Error()
	}
	return shown, nil
}

// file returns the octets of a file that came with an opened one; nil when there is none.
func (m *mailedReplies) file(message string, index int) []byte {
	o := m.opened[message]
	if o == nil || index < 0 || index >= len(o.Files) {
		return nil
	}
	return o.Files[index].Data
}
