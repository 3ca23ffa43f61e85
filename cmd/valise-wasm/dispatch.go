//go:build desk || !js

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of notices before and after their release, as staff see them. The directory of mailboxes was read before, by registry-directory.
func init() {
	register(table{
		"dispatch-examine":    (*engine).examineNotice,
		"dispatch-personal":   (*engine).examinePersonal,
		"dispatch-told":       handle((*engine).toldTo),
		"dispatch-approve":    handle((*engine).approveNotice),
		"dispatch-return":     handle((*engine).returnNotice),
		"dispatch-recall":     handle((*engine).recallNotice),
		"dispatch-attachment": handle((*engine).noticeAttachment),
	})
}

type examiningNotice struct {
	Notice crypto.Number `json:"notice"`
}

// examinedNotice is a notice as its recipients will open it, and who they are: every line of it held, but for Problems.
type examinedNotice struct {
	Notice      crypto.Number      `json:"notice"`
	State       portal.NoticeState `json:"state"`
	From        string             `json:"from"`
	Languages   []shownLanguage    `json:"languages"` // the authoritative one first
	Attachments []deskAttachment   `json:"attachments"`
	Author      shownSigner        `json:"author"`
	Submitted   string             `json:"submitted"`
	Institution string             `json:"institution"`
	Root        string             `json:"root"`
	SHA256      string             `json:"sha256"` // of the manifest
	Acknowledge bool               `json:"acknowledge"`
	Deadline    string             `json:"deadline"`
	Fallback    string             `json:"fallback"` // "none", "at-once", or "after 24h"
	Release     string             `json:"release"`  // when it goes into the mailboxes; "": once it is approved
	Later       bool               `json:"later"`    // that time has not come yet
	releaseTimes
	Urgent    bool          `json:"urgent"`
	Reminders []int         `json:"reminders"` // hours before the deadline
	Escalate  int           `json:"escalate"`  // hours after the release; 0: never
	Mailboxes []deskMailbox `json:"mailboxes"`
	People    int           `json:"people"`
	Classical int           `json:"classical"` // of them, who are not post-quantum
	Unclaimed int           `json:"unclaimed"`
	Told      int           `json:"told"`     // mailboxes that are told something for them alone
	Problems  []string      `json:"problems"` // why it must not be approved
	Obstacle  string        `json:"obstacle"` // why who is logged in can't approve it: "mine", "role", "deadline", "problems"; "" when they can
	Mine      bool          `json:"mine"`
	Recall    bool          `json:"recall"` // who is logged in may take it back
	Ended     *deskEnd      `json:"ended"`
}

type deskAttachment struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// releaseTimes are when a notice was signed to go out, and when the portal says that it did, if they don't fit; "".
type releaseTimes struct {
	Due      string `json:"due"`
	Released string `json:"released"`
}

// timesOf compares the two.
func timesOf(v *crypto.VerifiedManifest, released *time.Time) releaseTimes {
	var differ *ceremony.TimesDiffer
	if released == nil || !errors.As(ceremony.Late(v, *released), &differ) {
		return releaseTimes{}
	}
	return releaseTimes{rfc3339(differ.Due.UTC()), rfc3339(released.UTC())}
}

// deskMailbox is one of the audience. Names are "" for whom they aren't sealed to.
type deskMailbox struct {
	Mailbox crypto.Number `json:"mailbox"`
	Kind    string        `json:"kind"` // "S", "O", "I"
	Name    string        `json:"name"`
	People  []deskPerson  `json:"people"`
	Told    []deskText    `json:"told"`   // what it alone is told; empty: nothing
	Absent  []string      `json:"absent"` // representatives of the mailbox who are not in the audience, though it could be sealed to them
}

type deskPerson struct {
	Representative string         `json:"representative"`
	Name           string         `json:"name"`
	Profile        crypto.Profile `json:"profile"` // "" when the directory doesn't have them
	PostQuantum    bool           `json:"postQuantum"`
	Unclaimed      bool           `json:"unclaimed"`
	Problem        string         `json:"problem"`
	Rule           string         `json:"rule"` // that their certificate breaks, when that is the problem
}

// deskText is a text as it was written, to be searched; dispatch-told gives it to be shown.
type deskText struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

// needsPersonal is the answer of dispatch-examine when dispatch-personal must be called next, with the answer of GET /staff/notices/{notice}/personal.
type needsPersonal struct {
	Personal bool `json:"needsPersonal"`
}

type deskEnd struct {
	By     string `json:"by"`
	At     string `json:"at"`
	Reason string `json:"reason"`
}

// examineNotice opens a notice; data is the answer of GET /staff/notices/{notice} as it came.
func (e *engine) examineNotice(parameters, data []byte) (any, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	var p examiningNotice
	var n api.StaffNotice
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, errEngine
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return nil, errors.New("the portal's answer can't be read")
	}
	if o.directory == nil {
		return nil, errEngine
	}
	o.notice, o.unread = nil, nil
	if n.HasPersonal() {
		o.unread = &n
		return needsPersonal{true}, nil
	}
	return e.examine(o, p.Notice, n)
}

// examinePersonal goes on where examineNotice waits for what is said to single mailboxes.
func (e *engine) examinePersonal(parameters, data []byte) (any, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	var p examiningNotice
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, errEngine
	}
	n := o.unread
	o.unread = nil
	if n == nil || n.Notice != p.Notice {
		return nil, errEngine
	}
	if err := json.Unmarshal(data, &n.PersonalParts); err != nil {
		return nil, errors.New("the portal's answer can't be read")
	}
	return e.examine(o, p.Notice, *n)
}

func (e *engine) examine(o *officer, number crypto.Number, n api.StaffNotice) (any, error) {
	x, err := ceremony.Examine(e.trust, o.keys, number, n, o.directory, e.now())
	if err != nil {
		return nil, err
	}
	shown := e.showOnDesk(x, n, o.directory)
	if n.State == portal.Released {
		v, err := e.trust.Root().VerifyManifest(n.Signed(), e.trust.StaffCertificates(), e.now())
		if err != nil {
			return nil, err
		}
		shown.releaseTimes = timesOf(v, n.Released)
	}
	end, err := ceremony.OpenNoticeEnd(e.trust, o.keys, n, e.now())
	if err != nil {
		return nil, err
	}
	if end != nil {
		shown.Ended = &deskEnd{end.By, rfc3339(end.At.UTC()), end.Reason}
	}
	o.notice = &noticeOnDesk{x, api.SignedManifest{Manifest: n.Manifest, AuthorSignature: n.AuthorSignature}}
	return shown, nil
}

func (e *engine) showOnDesk(x *ceremony.Examined, n api.StaffNotice, d *ceremony.Directory) examinedNotice {
	v, c := x.Opened.Verified(), x.Opened.Content()
	m := v.Manifest()
	digest := sha256.Sum256([]byte(n.Manifest))
	shown := examinedNotice{
		Notice: m.Notice, State: n.State, From: c.From, Languages: make([]shownLanguage, len(c.Languages)), Attachments: make([]deskAttachment, len(c.Attachments)),
		Author:    shownSigner{v.Author().Name(), v.Author().Certificate().Fingerprint().Spaced(), rfc3339(v.AuthorSignature().Made().UTC())},
		Submitted: rfc3339(n.Submitted.UTC()), Institution: e.trust.Institution(), Root: e.trust.Pin().Fingerprint.Spaced(), SHA256: hex.EncodeToString(digest[:]),
		Acknowledge: m.Acknowledge, Deadline: rfc3339(m.Deadline), Fallback: string(m.Fallback),
		Release: rfc3339(m.Release), Later: m.Release.After(e.now()), Urgent: m.Urgent, Reminders: append([]int{}, m.Reminders...), Escalate: m.EscalateHours, People: len(x.Recipients), Told: x.Told(), Problems: []string{},
		Mine: v.Author().Certificate().Fingerprint() == e.desk.key.Certificate().Fingerprint(),
	}
	for i, l := range c.Languages {
		shown.Languages[i] = shownLanguage{l.Language, l.Subject, parseMarkdown(l.Text)}
	}
	for i, a := range c.Attachments {
		sum := sha256.Sum256(a.Data)
		shown.Attachments[i] = deskAttachment{a.Name, a.Type, len(a.Data), hex.EncodeToString(sum[:])}
	}
	shown.gather(x, d)
	approver := e.desk.member.Has(crypto.RoleApprover)
	shown.Recall = shown.Mine || approver
	switch {
	case shown.Mine:
		shown.Obstacle = "mine"
	case !approver:
		shown.Obstacle = "role"
	case len(shown.Problems) > 0:
		shown.Obstacle = "problems"
	case !m.Deadline.IsZero() && !m.Deadline.After(e.now()):
		shown.Obstacle = "deadline"
	}
	return shown
}

// gather sorts the audience by mailbox, and counts what an approver must know of it.
func (shown *examinedNotice) gather(x *ceremony.Examined, d *ceremony.Directory) {
	at := make(map[crypto.Number]int)
	in := make(map[crypto.Representative]bool, len(x.Recipients))
	for _, r := range x.Recipients {
		n := r.Representative.Mailbox
		in[r.Representative] = true
		i, ok := at[n]
		if !ok {
			i = len(shown.Mailboxes)
			at[n] = i
			box := deskMailbox{Mailbox: n, Kind: string(rune(n.Kind())), People: []deskPerson{}, Absent: []string{}, Told: []deskText{}}
			if part := x.PersonalOf(n); part != nil {
				for _, l := range part.Languages() {
					box.Told = append(box.Told, deskText{l.Language, l.Text})
				}
			}
			if r.Mailbox != nil {
				box.Name = r.Mailbox.Name
			}
			shown.Mailboxes = append(shown.Mailboxes, box)
		}
		person := deskPerson{Representative: r.Representative.String()}
		if r.Entry != nil {
			person.Name, person.Profile, person.PostQuantum, person.Unclaimed = r.Entry.Name, r.Entry.Profile, r.Entry.PostQuantum(), r.Entry.Unclaimed()
		}
		switch {
		case r.Problem != nil:
			person.Problem, person.Rule = sentence(r.Problem).Error(), ruleOf(r.Problem)
			shown.Problems = append(shown.Problems, person.Problem)
		case !person.PostQuantum:
			shown.Classical++
		}
		if person.Unclaimed {
			shown.Unclaimed++
		}
		shown.Mailboxes[i].People = append(shown.Mailboxes[i].People, person)
	}
	for i := range shown.Mailboxes {
		box := &shown.Mailboxes[i]
		known := d.Mailbox(box.Mailbox)
		if known == nil {
			continue
		}
		for _, entry := range known.Representatives {
			if entry.Recipient != nil && !in[entry.Representative] {
				box.Absent = append(box.Absent, entry.Representative.String())
			}
		}
	}
	slices.SortStableFunc(shown.Mailboxes, func(a, b deskMailbox) int { return strings.Compare(string(a.Mailbox), string(b.Mailbox)) })
}

type aboutMailbox struct {
	Notice  crypto.Number `json:"notice"`
	Mailbox crypto.Number `json:"mailbox"`
}

// toldTo gives what a mailbox alone is told, to be shown.
func (e *engine) toldTo(p aboutMailbox) ([]shownLanguage, error) {
	n, err := e.noticeBefore(p.Notice)
	if err != nil {
		return nil, err
	}
	return personalShown(n.examined.PersonalOf(p.Mailbox)), nil
}

type aboutNotice struct {
	Notice crypto.Number `json:"notice"`
	Reason string        `json:"reason"`
}

func (e *engine) noticeBefore(n crypto.Number) (*noticeOnDesk, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	if o.notice == nil || o.notice.examined.Opened.Verified().Manifest().Notice != n {
		return nil, &refusal{"not-examined", errors.New("the notice is not open; load the page again")}
	}
	return o.notice, nil
}

// approveNotice signs what was examined, and returns what to send.
func (e *engine) approveNotice(p aboutNotice) (api.Approval, error) {
	n, err := e.noticeBefore(p.Notice)
	if err != nil {
		return api.Approval{}, err
	}
	a, err := ceremony.Approve(e.trust, e.desk.key, n.examined, e.now())
	return a, coded(err)
}

// returnNotice seals the reason, and returns what to send.
func (e *engine) returnNotice(p aboutNotice) (api.NoticeReason, error) {
	n, err := e.noticeBefore(p.Notice)
	if err != nil {
		return api.NoticeReason{}, err
	}
	reason := strings.TrimSpace(p.Reason)
	if reason == "" {
		return api.NoticeReason{}, &refusal{"reason-empty", errors.New("say why it is sent back")}
	}
	return ceremony.ReturnNotice(e.trust, e.desk.key, n.examined, reason, e.now())
}

// recallNotice is returnNotice for taking it back, where a reason may be missing.
func (e *engine) recallNotice(p aboutNotice) (api.NoticeReason, error) {
	n, err := e.noticeBefore(p.Notice)
	if err != nil {
		return api.NoticeReason{}, err
	}
	return ceremony.RecallNotice(e.trust, e.desk.key, p.Notice, n.signed, strings.TrimSpace(p.Reason), e.now())
}

// noticeAttachment gives out one file.
func (e *engine) noticeAttachment(p attaching) (rawData, error) {
	n, err := e.noticeBefore(p.Notice)
	if err != nil {
		return nil, err
	}
	files := n.examined.Opened.Content().Attachments
	if p.Index < 0 || p.Index >= len(files) {
		return nil, errEngine
	}
	return files[p.Index].Data, nil
}
