//go:build desk || !js

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls behind composing a notice, in the worker that holds the key. What takes long goes to helpers (helper.go) by way of compose-ceremonies.js, and no
// call here takes longer than a moment, so that whoever waits can stop; but for compose-seal, which signs and encrypts the content.
func init() {
	register(table{
		"compose-trust":    handle((*engine).composeTrust),
		"compose-begin":    handle((*engine).composeBegin),
		"compose-labels":   handle((*engine).composeLabels),
		"compose-take":     handle((*engine).composeTake),
		"compose-complete": handle((*engine).composeComplete),
		"compose-audience": handle((*engine).composeAudience),
		"compose-attach":   withData((*engine).composeAttach),
		"compose-prepare":  handle((*engine).composePrepare),
		"compose-personal": handle((*engine).composePersonal),
		"compose-seal":     handle((*engine).composeSeal),
		"compose-add":      handle((*engine).composeAdd),
		"compose-finish":   handle((*engine).composeFinish),
		"compose-drop":     handle((*engine).composeDrop),
	})
}

// composing is a notice on its way, as the officer's worker has it.
type composing struct {
	reading     *ceremony.Directory // what helpers judge, until it is complete
	attachments []crypto.Attachment // for the next sealing
	prepared    *crypto.PreparedSealing
	sealing     *ceremony.Sealing
}

func (e *engine) composer() (*officer, *composing, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, nil, err
	}
	if o.composing == nil {
		o.composing = new(composing)
	}
	return o, o.composing, nil
}

// trustShown is what a helper needs to believe as this worker does.
type trustShown struct {
	Pin         crypto.Fingerprint `json:"pin"`
	Institution api.Institution    `json:"institution"`
}

func (e *engine) composeTrust(none) (trustShown, error) {
	if _, err := e.onDuty(); err != nil {
		return trustShown{}, err
	}
	return trustShown{e.trust.Pin().Fingerprint, e.trust.Shown()}, nil
}

// composeBegin begins to read the directory anew.
func (e *engine) composeBegin(none) (none, error) {
	_, c, err := e.composer()
	if err == nil {
		c.reading = ceremony.NewDirectory()
	}
	return none{}, err
}

type someMailboxes struct {
	Mailboxes  []api.Mailbox        `json:"mailboxes"`
	Keys       []ceremony.LabelKey  `json:"keys"`
	Judgements []ceremony.Judgement `json:"judgements"`
}

// composeLabels unwraps what opens the names of a few mailboxes.
func (e *engine) composeLabels(p someMailboxes) ([]ceremony.LabelKey, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	return ceremony.LabelKeys(o.keys, p.Mailboxes), nil
}

// composeTake adds a few mailboxes that a helper judged.
func (e *engine) composeTake(p someMailboxes) (none, error) {
	o, c, err := e.composer()
	if err != nil {
		return none{}, err
	}
	if c.reading == nil {
		return none{}, errEngine
	}
	return none{}, c.reading.Take(e.trust, o.keys, p.Mailboxes, p.Judgements, e.now())
}

// composeLine is a mailbox in lists.
type composeLine struct {
	Mailbox         crypto.Number `json:"mailbox"`
	Kind            string        `json:"kind"` // "S", "O", "I"
	Name            string        `json:"name"` // "" when it isn't sealed to the reader
	Representatives int           `json:"representatives"`
}

type composeDirectory struct {
	Directory []composeLine `json:"directory"`
	Desk      int           `json:"desk"` // staff to whom the notice is sealed as well
	Languages []string      `json:"languages"`
}

// composeComplete makes what was read the worker's directory.
func (e *engine) composeComplete(none) (composeDirectory, error) {
	o, c, err := e.composer()
	if err != nil {
		return composeDirectory{}, err
	}
	if c.reading == nil {
		return composeDirectory{}, errEngine
	}
	c.reading.Complete()
	o.directory, c.reading = c.reading, nil
	shown := composeDirectory{Desk: len(e.trust.Staff(e.now(), crypto.RoleAuthor, crypto.RoleApprover)), Languages: e.trust.Languages()}
	shown.Directory = make([]composeLine, len(o.directory.Mailboxes))
	for i := range o.directory.Mailboxes {
		shown.Directory[i] = composeLineOf(&o.directory.Mailboxes[i])
	}
	return shown, nil
}

// composeLineOf counts representatives to whom something can be sealed.
func composeLineOf(m *ceremony.DirectoryMailbox) composeLine {
	line := composeLine{Mailbox: m.Mailbox, Kind: string(rune(m.Mailbox.Kind())), Name: m.Name}
	for i := range m.Representatives {
		if _, ok := m.Representatives[i].Member(); ok {
			line.Representatives++
		}
	}
	return line
}

type choosing struct {
	Words    []string        `json:"words"`
	LeaveOut []crypto.Number `json:"leaveOut"`
}

type composeAudience struct {
	Mailboxes       int             `json:"mailboxes"`
	Representatives int             `json:"representatives"`
	Desk            int             `json:"desk"`
	Kinds           map[string]int  `json:"kinds"` // mailboxes, by "S", "O", "I"
	Lines           []composeLine   `json:"lines"`
	Warnings        composeWarnings `json:"warnings"`
	Unknown         []composeBad    `json:"unknown"`
}

type composeWarnings struct {
	Classical []composePerson `json:"classical"`
	Unclaimed []composePerson `json:"unclaimed"`
	NoEmail   []composePerson `json:"noEmail"`
	Refused   []composePerson `json:"refused"` // with why; left out only when that is confirmed
	Revoked   []composePerson `json:"revoked"` // by a registrar, with their signature
	Empty     []composeLine   `json:"empty"`   // mailboxes where nobody is left
}

type composePerson struct {
	Representative string `json:"representative"`
	Name           string `json:"name"`    // "" for whom it isn't sealed to, and after the first few hundred
	Mailbox        string `json:"mailbox"` // its name
	Why            string `json:"why,omitempty"`
	Rule           string `json:"rule,omitempty"` // that their certificate breaks, when that is why
}

type composeBad struct {
	Word string `json:"word"`
	Why  string `json:"why"`
}

// composeNames is how many people's names each warning shows: each costs opening a record, and nobody reads thousands.
const composeNames = 200

// composeAudience says whom some words name, and what an author must know of them.
func (e *engine) composeAudience(p choosing) (composeAudience, error) {
	o, err := e.onDuty()
	if err != nil {
		return composeAudience{}, err
	}
	if o.directory == nil {
		return composeAudience{}, errNoDirectory
	}
	s, unknown := o.directory.ChooseFrom(p.Words, p.LeaveOut)
	a := composeAudience{
		Mailboxes: len(s.Mailboxes), Representatives: len(s.Members), Desk: len(e.trust.Staff(e.now(), crypto.RoleAuthor, crypto.RoleApprover)),
		Kinds: map[string]int{"S": 0, "O": 0, "I": 0}, Lines: make([]composeLine, len(s.Mailboxes)), Unknown: []composeBad{},
		Warnings: composeWarnings{
			Classical: e.composePeople(s.Classical), Unclaimed: e.composePeople(s.Unclaimed), NoEmail: e.composePeople(s.NoEmail),
			Refused: e.composePeople(s.Refused), Revoked: e.composePeople(s.Revoked), Empty: []composeLine{},
		},
	}
	for i, m := range s.Mailboxes {
		a.Lines[i] = composeLineOf(m)
		a.Kinds[a.Lines[i].Kind]++
	}
	for _, m := range s.Empty {
		a.Warnings.Empty = append(a.Warnings.Empty, composeLineOf(m))
	}
	for _, u := range unknown {
		a.Unknown = append(a.Unknown, composeBad{u.Word, sentence(u.Why).Error()})
	}
	return a, nil
}

var errNoDirectory = &refusal{"no-directory", errors.New("the list of mailboxes is not loaded; load the page again")}

func (e *engine) composePeople(entries []*ceremony.DirectoryEntry) []composePerson {
	people := make([]composePerson, len(entries))
	for i, entry := range entries {
		person := composePerson{Representative: entry.Representative.String()}
		if m := e.desk.directory.Mailbox(entry.Representative.Mailbox); m != nil {
			person.Mailbox = m.Name
		}
		if i < composeNames {
			person.Name = entry.OpenName(e.trust, e.desk.keys, e.now())
		}
		if entry.Refused != nil && !entry.Revoked() {
			person.Why, person.Rule = sentence(entry.Refused).Error(), ruleOf(entry.Refused)
		}
		people[i] = person
	}
	return people
}

// ------------------------------------------------------------------ sealing

// noticeDraft is a notice as pages have it; its attachments were handed in with compose-attach.
type noticeDraft struct {
	Languages []struct {
		Language string `json:"language"`
		Subject  string `json:"subject"`
		Text     string `json:"text"`
	} `json:"languages"`
	Acknowledge bool      `json:"acknowledge"`
	Deadline    *momentOf `json:"deadline"`
	Release     *momentOf `json:"release"`
	Urgent      bool      `json:"urgent"`
	Fallback    string    `json:"fallback"`
	Reminders   []int     `json:"reminders"` // hours before the deadline
	Escalate    int       `json:"escalate"`  // hours; 0: not

	// Personal is what each mailbox is told besides: texts with {field} in them, and what the fields are, by mailbox.
	Personal *struct {
		Fields []string                            `json:"fields"`
		Texts  []crypto.PersonalText               `json:"texts"`
		Values map[crypto.Number]map[string]string `json:"values"`
	} `json:"personal"`
}

// momentOf is a time as a page has it: what its author chose is not needed here, but the moment is.
type momentOf struct {
	At string `json:"at"` // RFC 3339, with the offset that is meant; "": none
}

func (m *momentOf) text() string {
	if m == nil {
		return ""
	}
	return m.At
}

func (w *noticeDraft) draft() (*crypto.Draft, error) {
	d := &crypto.Draft{Acknowledge: w.Acknowledge, Urgent: w.Urgent, Reminders: w.Reminders, EscalateHours: w.Escalate}
	for _, l := range w.Languages {
		d.Languages = append(d.Languages, crypto.LanguageVersion{Language: l.Language, Subject: strings.TrimSpace(l.Subject), Text: crypto.TidyStatementBody(l.Text)})
	}
	var err error
	if w.Fallback != "" {
		if d.Fallback, err = crypto.ParseFallback(w.Fallback); err != nil {
			return nil, &refusal{"fallback", err}
		}
	}
	if d.Deadline, err = parseStamp(w.Deadline.text()); err != nil {
		return nil, err
	}
	if d.Release, err = parseStamp(w.Release.text()); err != nil {
		return nil, err
	}
	if w.Personal != nil && len(w.Personal.Texts) > 0 {
		d.Personal, err = ceremony.FillPersonal(w.Personal.Texts, w.Personal.Fields, w.Personal.Values)
	}
	return d, err
}

type attachingNow struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // "": by the file
	First bool   `json:"first"`
}

// composeAttach hands in a file of the notice that is sealed next. The first one forgets those of a sealing before.
func (e *engine) composeAttach(p attachingNow, data []byte) (none, error) {
	_, c, err := e.composer()
	if err != nil {
		return none{}, err
	}
	if p.First {
		c.attachments = nil
	}
	if p.Type == "" || p.Type == "application/octet-stream" {
		p.Type = ceremony.AttachmentType(p.Name, data)
	}
	c.attachments = append(c.attachments, crypto.Attachment{Name: p.Name, Type: p.Type, Data: data})
	return none{}, nil
}

type sealingNotice struct {
	choosing
	Draft     noticeDraft `json:"draft"`
	Confirmed []string    `json:"confirmed"` // refused representatives who are left out knowingly
}

// sealingWork is what helpers are to wrap: members in their order, and with what keys.
type sealingWork struct {
	Notice   crypto.Number           `json:"notice"`
	Keys     map[crypto.Suite][]byte `json:"keys"`
	Personal []byte                  `json:"personal"` // null: the notice has no personal parts
	Members  []memberOf              `json:"members"`
}

type memberOf struct {
	Representative string             `json:"representative"`
	Certificate    crypto.Fingerprint `json:"certificate"`
}

// preparedNotice says how many personal parts are to be sealed before the content.
type preparedNotice struct {
	Left int `json:"left"`
}

// composePrepare takes a notice, and says what stands against sealing it.
func (e *engine) composePrepare(p sealingNotice) (preparedNotice, error) {
	o, c, err := e.composer()
	if err != nil {
		return preparedNotice{}, err
	}
	if o.directory == nil {
		return preparedNotice{}, errNoDirectory
	}
	s, unknown := o.directory.ChooseFrom(p.Words, p.LeaveOut)
	if len(unknown) > 0 {
		return preparedNotice{}, &refusal{"audience-unknown", fmt.Errorf("nobody is meant by %q: %w", unknown[0].Word, unknown[0].Why)}
	}
	refused, empty := s.Unreachable(p.Confirmed)
	switch {
	case len(empty) > 0:
		return preparedNotice{}, &refusal{"audience-empty", fmt.Errorf("%s has nobody to whom it could be sealed; leave it out, or have a registrar look after it", empty[0].Mailbox)}
	case len(refused) > 0:
		return preparedNotice{}, &refusal{"audience-refused", fmt.Errorf("%s would be left out (%w); confirm it, or have a registrar look after them", refused[0].Representative, refused[0].Refused)}
	}
	if p.Draft.Personal != nil { // who was left out of the audience may still have values
		in := make(map[crypto.Number]bool, len(s.Mailboxes))
		for _, m := range s.Mailboxes {
			in[m.Mailbox] = true
		}
		maps.DeleteFunc(p.Draft.Personal.Values, func(n crypto.Number, _ map[string]string) bool { return !in[n] })
	}
	d, err := p.Draft.draft()
	if err != nil {
		return preparedNotice{}, err
	}
	d.Attachments = c.attachments
	c.sealing, c.prepared = nil, nil
	if c.prepared, err = ceremony.PrepareSealing(e.trust, o.key, d, s.Members, e.now()); err != nil {
		return preparedNotice{}, coded(err)
	}
	c.attachments = nil
	return preparedNotice{c.prepared.Left()}, nil
}

type sealingPersonal struct {
	Most int `json:"most"`
}

// composePersonal seals the next few personal parts.
func (e *engine) composePersonal(p sealingPersonal) (preparedNotice, error) {
	_, c, err := e.composer()
	if err != nil {
		return preparedNotice{}, err
	}
	if c.prepared == nil {
		return preparedNotice{}, errEngine
	}
	if err := c.prepared.SealPersonal(p.Most); err != nil {
		return preparedNotice{}, err
	}
	return preparedNotice{c.prepared.Left()}, nil
}

// composeSeal signs and encrypts the content of what was prepared; what is left is wrapping envelopes.
func (e *engine) composeSeal(none) (work sealingWork, err error) {
	_, c, err := e.composer()
	if err != nil {
		return work, err
	}
	if c.prepared == nil {
		return work, errEngine
	}
	begun, err := c.prepared.Begin()
	c.prepared = nil
	if err != nil {
		return work, coded(err)
	}
	c.sealing = &ceremony.Sealing{Sealing: begun}
	work.Notice, work.Keys = c.sealing.Notice(), map[crypto.Suite][]byte{}
	for suite, k := range c.sealing.Keys() {
		work.Keys[suite] = k.Secret()
	}
	if k := c.sealing.PersonalKeys(); k != nil {
		work.Personal = k.Secret()
	}
	for _, m := range c.sealing.Members() {
		work.Members = append(work.Members, memberOf{m.Representative.String(), m.Certificate})
	}
	return work, nil
}

// wrappedEnvelopes are those of some members; Envelopes in base64.
type wrappedEnvelopes struct {
	At        []int    `json:"at"` // which members
	Envelopes [][]byte `json:"envelopes"`
	Personal  [][]byte `json:"personal,omitempty"`
}

// composeAdd takes envelopes that a helper wrapped.
func (e *engine) composeAdd(p wrappedEnvelopes) (none, error) {
	_, c, err := e.composer()
	if err != nil {
		return none{}, err
	}
	if c.sealing == nil || len(p.At) != len(p.Envelopes) {
		return none{}, errEngine
	}
	for k, i := range p.At {
		if err := c.sealing.Add(i, p.Envelopes[k]); err != nil {
			return none{}, err
		}
		if k < len(p.Personal) {
			if err := c.sealing.AddPersonal(i, p.Personal[k]); err != nil {
				return none{}, err
			}
		}
	}
	return none{}, nil
}

// composeFinish signs, and returns what to send: an api.Submission as JSON.
func (e *engine) composeFinish(none) (rawData, error) {
	_, c, err := e.composer()
	if err != nil {
		return nil, err
	}
	if c.sealing == nil {
		return nil, errEngine
	}
	s, err := c.sealing.Submission()
	if err != nil {
		return nil, err
	}
	c.sealing = nil
	return json.Marshal(s)
}

// composeDrop forgets a sealing that is not wanted any more.
func (e *engine) composeDrop(none) (none, error) {
	_, c, err := e.composer()
	if err == nil {
		c.prepared, c.sealing, c.attachments = nil, nil, nil
	}
	return none{}, err
}
