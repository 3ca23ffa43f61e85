//go:build desk || !js

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls about replies and answers, for representatives and the desk. What the portal says comes in as bytes, since it may be large. They are in desk.wasm only, which
// the pages of threads load: sealing doubles what opening takes, and who reads a notice on a bad line doesn't wait for it.
func init() {
	register(table{
		"threads":         withData((*engine).threads),
		"thread":          withData((*engine).thread),
		"thread-message":  withData((*engine).threadMessage),
		"thread-file":     handle((*engine).threadFile),
		"write":           handle((*engine).write),
		"write-file":      withData((*engine).writeFile),
		"write-seal":      withData((*engine).writeSeal),
		"write-done":      handle((*engine).writeDone),
		"share-envelopes": withData((*engine).shareEnvelopes),
	})
}

// withData is handle for calls that take bytes.
func withData[P, R any](do func(*engine, P, []byte) (R, error)) func(*engine, []byte, []byte) (any, error) {
	return func(e *engine, parameters, data []byte) (any, error) {
		var p P
		if err := json.Unmarshal(parameters, &p); err != nil {
			return nil, fmt.Errorf("%w (%v)", errEngine, err)
		}
		return do(e, p, data)
	}
}

func (e *engine) reader() (*ceremony.Reader, error) {
	switch {
	case e.bundle == nil:
		return nil, errLocked
	case e.desk != nil:
		return ceremony.DeskReader(e.desk.keys), nil
	}
	self, err := ceremony.SelfOf(e.bundle)
	if err != nil {
		return nil, err
	}
	return self.Reader(), nil
}

// read reads what the portal said.
func read(data []byte, into any) error {
	if json.Unmarshal(data, into) != nil {
		return errors.New("the portal's answer can't be read")
	}
	return nil
}

// threadLine is a thread in a list, as far as its first writer's signature vouches for it.
type threadLine struct {
	Thread   crypto.Number `json:"thread"`
	Name     string        `json:"name,omitempty"` // of the stakeholder
	Subject  string        `json:"subject"`
	Language string        `json:"language"`
	Mailed   bool          `json:"mailed"` // it was begun by e-mail, and has no subject
	Problem  string        `json:"problem,omitempty"`
}

func (e *engine) threads(_ none, data []byte) ([]threadLine, error) {
	r, err := e.reader()
	if err != nil {
		return nil, err
	}
	var wire api.Threads
	if err := read(data, &wire); err != nil {
		return nil, err
	}
	list, err := ceremony.ListThreads(e.trust, r, wire, e.now())
	if err != nil {
		return nil, err
	}
	lines := make([]threadLine, len(list))
	for i := range list {
		first := list[i].Messages[0]
		lines[i] = threadLine{Thread: list[i].Thread.Thread, Name: list[i].Name, Subject: list[i].Subject(), Mailed: first.Kind == crypto.MailedReply}
		if first.Problem != nil {
			lines[i].Problem = sentence(first.Problem).Error()
		} else if first.Verified != nil {
			lines[i].Language = first.Verified.Heading().Subject.Language
		}
	}
	return lines, nil
}

type threadName struct {
	Thread crypto.Number `json:"thread"`
}

// shownThread is a thread with its messages, which are fetched one by one.
type shownThread struct {
	Name     string         `json:"name,omitempty"`
	Subject  string         `json:"subject"`
	Gap      bool           `json:"gap"`
	Messages []shownHeading `json:"messages"`
}

type shownHeading struct {
	ID       string             `json:"id"`
	Kind     crypto.MessageKind `json:"kind"`
	Sender   string             `json:"sender"`
	Key      string             `json:"key,omitempty"` // fingerprint of a member of the desk
	Own      bool               `json:"own"`
	Written  string             `json:"written"`
	Received string             `json:"received"`
	Language string             `json:"language"`
	Subject  string             `json:"subject"`
	Read     bool               `json:"read"`
	Shared   bool               `json:"shared"`
	Missing  bool               `json:"missing"` // something that its writer saw is not there before it
	Problem  string             `json:"problem,omitempty"`
}

func (e *engine) thread(p threadName, data []byte) (shownThread, error) {
	r, err := e.reader()
	if err != nil {
		return shownThread{}, err
	}
	var wire api.ThreadDetail
	if err := read(data, &wire); err != nil {
		return shownThread{}, err
	}
	c, err := ceremony.ReadThread(e.trust, r, p.Thread, wire, e.now())
	if err != nil {
		return shownThread{}, err
	}
	if e.letters.threads == nil {
		e.letters.threads = make(map[crypto.Number]*ceremony.Conversation)
	}
	e.letters.threads[p.Thread] = c
	shown := shownThread{Name: c.Name, Subject: c.Subject(), Gap: c.Gaps(), Messages: make([]shownHeading, len(c.Messages))}
	for i, m := range c.Messages {
		h := shownHeading{ID: m.ID, Kind: m.Kind, Received: rfc3339(m.Received), Read: m.Read != nil, Shared: m.Shared, Missing: len(m.Missing) > 0}
		switch {
		case m.Problem != nil:
			h.Problem = sentence(m.Problem).Error()
		case m.Verified != nil:
			f := m.Verified.Heading()
			h.Sender, h.Own, h.Written = f.Sender, f.From == e.holder(), rfc3339(f.Created)
			h.Language, h.Subject = f.Subject.Language, f.Subject.Subject
			if member := m.Verified.Member(); member != nil {
				h.Key = member.Certificate().Fingerprint().Spaced()
			}
		}
		shown.Messages[i] = h
	}
	return shown, nil
}

type messageName struct {
	Thread  crypto.Number `json:"thread"`
	Message string        `json:"message"`
	Index   int           `json:"index"` // of a file
}

type shownMessage struct {
	Text        []node            `json:"text"`
	Attachments []shownAttachment `json:"attachments"`
}

// fetched reads the answer of GET /threads/{thread}/messages/{message}: the message that was asked for, of a thread that is open here.
func (e *engine) fetched(p messageName, data []byte) (*ceremony.Conversation, api.ThreadMessage, error) {
	var wire api.ThreadMessage
	c := e.letters.threads[p.Thread]
	if c == nil {
		return nil, wire, errEngine
	}
	if err := read(data, &wire); err != nil {
		return nil, wire, err
	}
	if wire.ID != p.Message {
		return nil, wire, errors.New("the portal shows another message than the one that was asked for")
	}
	return c, wire, nil
}

func (e *engine) threadMessage(p messageName, data []byte) (shownMessage, error) {
	c, wire, err := e.fetched(p, data)
	if err != nil {
		return shownMessage{}, err
	}
	o, err := ceremony.ReadMessage(c, wire, e.now())
	if err != nil {
		return shownMessage{}, err
	}
	if e.letters.messages == nil {
		e.letters.messages = make(map[string]*crypto.OpenedMessage)
	}
	e.letters.messages[p.Message] = o
	m := o.Message()
	shown := shownMessage{Text: parseMarkdown(m.Text.Text), Attachments: make([]shownAttachment, len(m.Attachments))}
	for i, a := range m.Attachments {
		shown.Attachments[i] = shownAttachment{a.Name, len(a.Data)}
	}
	return shown, nil
}

func (e *engine) threadFile(p messageName) (rawData, error) {
	if file := e.letters.mailed.file(p.Message, p.Index); file != nil {
		return file, nil
	}
	o := e.letters.messages[p.Message]
	switch {
	case o == nil && e.letters.mailed.opened != nil:
		return nil, errGivenUp
	case o == nil || p.Index < 0 || p.Index >= len(o.Message().Attachments):
		return nil, errEngine
	}
	return o.Message().Attachments[p.Index].Data, nil
}

type writing struct {
	Token    string        `json:"token"`
	Thread   crypto.Number `json:"thread"`  // "": a new one
	Mailbox  crypto.Number `json:"mailbox"` // of a thread; a representative's own otherwise
	About    crypto.Number `json:"about"`
	Language string        `json:"language"`
	Subject  string        `json:"subject"`
	Text     string        `json:"text"`
}

type begunMessage struct {
	Thread  crypto.Number `json:"thread"`
	Mailbox crypto.Number `json:"mailbox"`
	Begun   bool          `json:"begun"` // anew: the files are to follow
}

// write begins a message, or says that the one with the same token is still there.
func (e *engine) write(p writing) (begunMessage, error) {
	if e.bundle == nil {
		return begunMessage{}, errLocked
	}
	if w := e.letters.writing; w != nil && w.token == p.Token {
		return begunMessage{w.message.Thread, w.message.Mailbox, false}, nil
	}
	mailbox, about, after := e.as.Mailbox, p.About, []string(nil)
	if p.Thread != "" {
		c := e.letters.threads[p.Thread]
		if c == nil {
			return begunMessage{}, errEngine
		}
		mailbox, about, after = c.Mailbox, c.About, c.Heads()
	} else if e.desk != nil {
		return begunMessage{}, errEngine // a thread begins with a reply
	} else {
		p.Thread = crypto.NewNumber(crypto.KindThread)
	}
	m := crypto.NewThreadMessage(e.trust.Pin().Fingerprint, p.Thread, mailbox, about, after, e.now())
	m.Text = crypto.LanguageVersion{Language: p.Language, Subject: strings.TrimSpace(p.Subject), Text: strings.ReplaceAll(p.Text, "\r\n", "\n")}
	if err := m.Check(); err != nil {
		return begunMessage{}, &refusal{"message", err}
	}
	e.letters.writing = &writtenMessage{p.Token, m}
	return begunMessage{m.Thread, m.Mailbox, true}, nil
}

type writtenFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func (e *engine) writeFile(p writtenFile, data []byte) (none, error) {
	w := e.letters.writing
	if w == nil {
		return none{}, errEngine
	}
	kind, _, _ := strings.Cut(strings.ToLower(p.Type), ";")
	if kind == "" || strings.HasPrefix(kind, "message/") || strings.HasPrefix(kind, "multipart/") {
		kind = "application/octet-stream"
	}
	w.message.Attachments = append(w.message.Attachments, crypto.Attachment{Name: path.Base(p.Name), Type: kind, Data: data})
	if err := w.message.Check(); err != nil {
		e.letters.writing = nil
		return none{}, &refusal{"message", err}
	}
	return none{}, nil
}

// writeSeal returns the request that hands the message in. data is the answer of GET /addressees/{mailbox}.
func (e *engine) writeSeal(_ none, data []byte) (rawData, error) {
	w := e.letters.writing
	if w == nil || e.bundle == nil {
		return nil, errEngine
	}
	var to api.Addressees
	if err := read(data, &to); err != nil {
		return nil, err
	}
	var sealed *api.NewMessage
	var err error
	if e.desk != nil {
		sealed, err = ceremony.SealAnswer(e.trust, e.desk.key, w.message, to, e.now())
	} else {
		sealed, err = ceremony.SealReply(e.trust, e.bundle.Key, e.as, w.message, to, e.now())
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealed)
}

// writeDone forgets the message: the portal has it.
func (e *engine) writeDone(none) (none, error) {
	e.letters.writing = nil
	return none{}, nil
}

type sharing struct {
	Mailbox crypto.Number `json:"mailbox"`
	Lacking []api.Lack    `json:"lacking"` // of one thread
}

// shareEnvelopes seals session keys to those who came later. data is the answer of GET /addressees/{mailbox}.
func (e *engine) shareEnvelopes(p sharing, data []byte) (api.Share, error) {
	r, err := e.reader()
	if err != nil {
		return api.Share{}, err
	}
	var to api.Addressees
	if err := read(data, &to); err != nil {
		return api.Share{}, err
	}
	envelopes, err := ceremony.ShareWith(e.trust, r, p.Mailbox, p.Lacking, to, e.now())
	if envelopes == nil {
		envelopes = []api.SharedEnvelope{}
	}
	return api.Share{Envelopes: envelopes}, err
}
