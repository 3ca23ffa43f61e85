package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// openedNotice is kept while the page is open: its attachments, and what acknowledging it takes.
type openedNotice struct {
	notice   *crypto.OpenedNotice
	answered *api.Acknowledgement // as the portal says; nil: not
	nonce    string
	decision crypto.Decision
	receipt  *api.Receipt // made, and not yet known to be kept: sent again as it is
}

type listing struct {
	Notices   []api.Notice `json:"notices"`
	Languages []string     `json:"languages"` // the reader's, preferred first
}

// listedNotice is a line of the mailbox, as far as staff signatures vouch for it.
type listedNotice struct {
	Notice   crypto.Number `json:"notice"`
	Subject  string        `json:"subject"`
	Language string        `json:"language"` // of the subject
	Awaiting bool          `json:"awaiting"`
	Overdue  bool          `json:"overdue"`
	Urgent   bool          `json:"urgent"`
	Deadline string        `json:"deadline,omitempty"` // RFC 3339, with the offset that was meant
	Problem  string        `json:"problem,omitempty"`
}

// list verifies and opens the headings.
func (e *engine) list(p listing) ([]listedNotice, error) {
	if e.bundle == nil {
		return nil, errLocked
	}
	now := e.now()
	self, err := ceremony.SelfOf(e.bundle)
	if err != nil {
		return nil, err
	}
	listed := ceremony.List(e.trust, self, p.Notices, now)
	lines := make([]listedNotice, len(listed))
	for i := range listed {
		l := &listed[i]
		line := listedNotice{Notice: l.Notice, Awaiting: l.Awaiting(), Overdue: l.Overdue(now), Urgent: l.Urgent()}
		if l.Problem != nil {
			line.Problem = sentence(l.Problem).Error()
		} else {
			line.Subject, line.Language = subject(l, p.Languages)
			line.Deadline = rfc3339(l.Verified.Manifest().Deadline)
		}
		lines[i] = line
	}
	return lines, nil
}

func subject(l *ceremony.Listed, wanted []string) (text, language string) {
	text = l.Subject(wanted...)
	for _, s := range l.Subjects {
		if s.Subject == text {
			return text, s.Language
		}
	}
	return text, ""
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

type opening struct {
	Notice crypto.Number `json:"notice"`
}

// shownNotice is an opened notice: every line of it held.
type shownNotice struct {
	Notice      crypto.Number     `json:"notice"`
	From        string            `json:"from"`
	Created     string            `json:"created"`
	Languages   []shownLanguage   `json:"languages"` // the authoritative one first
	Personal    []shownLanguage   `json:"personal"`  // what is said to the reader's mailbox alone, in some of the same; empty when nothing is
	Attachments []shownAttachment `json:"attachments"`
	Author      shownSigner       `json:"author"`
	Approver    shownSigner       `json:"approver"`
	Institution string            `json:"institution"`
	Root        string            `json:"root"`
	Urgent      bool              `json:"urgent"`
	Acknowledge bool              `json:"acknowledge"`
	Deadline    string            `json:"deadline,omitempty"`
	Mailboxes   int               `json:"mailboxes"`
	Answered    string            `json:"answered"`      // the representative who has, as the portal says; "" nobody
	Due         string            `json:"due,omitempty"` // when it was to be delivered, if the portal's time for that doesn't fit
	Delivered   string            `json:"delivered"`
}

type shownLanguage struct {
	Language string `json:"language"`
	Subject  string `json:"subject"`
	Text     []node `json:"text"`
}

type shownAttachment struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

type shownSigner struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	Signed      string `json:"signed"`
}

// open opens a notice; data is the server's whole answer, with its body.
func (e *engine) open(parameters, data []byte) (any, error) {
	if e.bundle == nil {
		return nil, errLocked
	}
	var p opening
	var n api.Notice
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, fmt.Errorf("%w (%v)", errEngine, err)
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return nil, errors.New("the portal's answer can't be read")
	}
	self, err := ceremony.SelfOf(e.bundle)
	if err != nil {
		return nil, err
	}
	o, err := ceremony.Open(e.trust, self, p.Notice, n, e.now())
	if err != nil {
		return nil, err
	}
	if e.opened == nil {
		e.opened = make(map[crypto.Number]*openedNotice)
	}
	e.opened[p.Notice] = &openedNotice{notice: o, answered: n.Acknowledgement, nonce: n.Nonce}
	personal, err := ceremony.OpenPersonal(o, self, n)
	if err != nil {
		return nil, err
	}
	shown := e.show(o)
	shown.Personal = personalShown(personal)
	shown.Delivered = rfc3339(n.Delivered.UTC())
	var differ *ceremony.TimesDiffer
	if errors.As(ceremony.Late(o.Verified(), n.Delivered), &differ) {
		shown.Due = rfc3339(differ.Due.UTC())
	}
	if n.Acknowledgement != nil {
		shown.Answered = n.Acknowledgement.Representative
	}
	return shown, nil
}

func (e *engine) show(o *crypto.OpenedNotice) shownNotice {
	shown, v := e.showContent(o.Content()), o.Verified()
	shown.Author = shownSigner{v.Author().Name(), v.Author().Certificate().Fingerprint().Spaced(), rfc3339(v.AuthorSignature().Made().UTC())}
	shown.Approver = shownSigner{v.Approver().Name(), v.Approver().Certificate().Fingerprint().Spaced(), rfc3339(v.ApproverSignature().Made().UTC())}
	shown.Urgent, shown.Acknowledge, shown.Deadline, shown.Mailboxes = v.Manifest().Urgent, v.Manifest().Acknowledge, rfc3339(v.Manifest().Deadline), v.Manifest().Mailboxes
	return shown
}

// showContent shows what is said, whoever signed it.
func (e *engine) showContent(c *crypto.Content) shownNotice {
	shown := shownNotice{
		Notice: c.Notice, From: c.From, Created: rfc3339(c.Created),
		Languages: make([]shownLanguage, len(c.Languages)), Attachments: make([]shownAttachment, len(c.Attachments)),
		Institution: e.trust.Institution(), Root: e.trust.Pin().Fingerprint.Spaced(),
	}
	for i, l := range c.Languages {
		shown.Languages[i] = shownLanguage{l.Language, l.Subject, parseMarkdown(l.Text)}
	}
	for i, a := range c.Attachments {
		shown.Attachments[i] = shownAttachment{a.Name, len(a.Data)}
	}
	return shown
}

// personalShown is what a mailbox alone is told.
func personalShown(part *crypto.Personal) []shownLanguage {
	shown := []shownLanguage{}
	if part.Empty() {
		return shown
	}
	for _, l := range part.Languages() {
		shown = append(shown, shownLanguage{l.Language, l.Subject, parseMarkdown(l.Text)})
	}
	return shown
}

func (e *engine) openedNotice(n crypto.Number) (*openedNotice, error) {
	o := e.opened[n]
	if o == nil {
		return nil, &refusal{"not-opened", errors.New("the notice is not open; load the page again")}
	}
	return o, nil
}

type receiptShown struct {
	Notice  crypto.Number `json:"notice"`
	Receipt string        `json:"receipt"`
	Chain   []string      `json:"chain"` // of who signed it, as the portal shows it
}

// checkReceipt says whether the receipt holds that the portal says the mailbox has given.
func (e *engine) checkReceipt(p receiptShown) (none, error) {
	o, err := e.openedNotice(p.Notice)
	if err != nil {
		return none{}, err
	}
	if _, err := ceremony.CheckReceipt(e.trust, o.notice, e.as.Mailbox, o.answered, []byte(p.Receipt), p.Chain, e.now()); err != nil {
		return none{}, &refusal{cmp.Or(ceremony.ReasonOf(err), "receipt-false"), err}
	}
	return none{}, nil
}

type keptReceipt struct {
	Notice  crypto.Number `json:"notice"`
	Receipt string        `json:"receipt"`
}

// receiptKept compares what the portal says it keeps with what was signed here.
func (e *engine) receiptKept(p keptReceipt) (none, error) {
	o, err := e.openedNotice(p.Notice)
	if err != nil {
		return none{}, err
	}
	if o.receipt == nil || o.receipt.Receipt != p.Receipt {
		return none{}, &refusal{"receipt-altered", errors.New("the portal did not keep the receipt as it was signed: don't rely on it, and tell the institution by another way than this portal")}
	}
	return none{}, nil
}

type attaching struct {
	Notice crypto.Number `json:"notice"`
	Index  int           `json:"index"`
}

// attachment gives out one file.
func (e *engine) attachment(p attaching) (rawData, error) {
	o, err := e.openedNotice(p.Notice)
	if err != nil {
		return nil, err
	}
	files := o.notice.Content().Attachments
	if p.Index < 0 || p.Index >= len(files) {
		return nil, errEngine
	}
	return files[p.Index].Data, nil
}

type nonceOf struct {
	Notice crypto.Number `json:"notice"`
	Nonce  string        `json:"nonce"`
}

// renonce takes the nonce of another session: the one that fetched the notice has ended. A receipt with the old nonce is of no use.
func (e *engine) renonce(p nonceOf) (none, error) {
	o, err := e.openedNotice(p.Notice)
	if err != nil {
		return none{}, err
	}
	o.nonce, o.receipt = p.Nonce, nil
	return none{}, nil
}

type acknowledging struct {
	Notice   crypto.Number   `json:"notice"`
	Decision crypto.Decision `json:"decision"`
}

// acknowledge signs the receipt, once: asked again, it returns the same one.
func (e *engine) acknowledge(p acknowledging) (api.Receipt, error) {
	if e.bundle == nil {
		return api.Receipt{}, errLocked
	}
	o, err := e.openedNotice(p.Notice)
	if err != nil {
		return api.Receipt{}, err
	}
	if o.receipt == nil || o.decision != p.Decision {
		receipt, err := ceremony.Acknowledge(o.notice, e.bundle.Key, e.as, p.Decision, o.nonce, e.now())
		if err != nil {
			return api.Receipt{}, err
		}
		o.receipt, o.decision = &receipt, p.Decision
	}
	return *o.receipt, nil
}
