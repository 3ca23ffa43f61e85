package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

const (
	statementDraftForm = "valise statement draft v1"

	// MaxStatementDraftSize is the size in bytes of the largest encoded draft accepted.
	MaxStatementDraftSize = 6 << 20

	// draftPadding is the multiple of bytes to which drafts are padded: who sees the
	// sealed ones shall not see how many letters were written between two of them.
	draftPadding = 4 << 10

	// In a draft, lines may be longer than they may be in the end: nobody loses a word
	// because it was one too many.
	maxDraftLine     = 4 << 10
	maxDraftBody     = 2 * MaxText
	maxDraftRevision = 1 << 30
)

// The wire form of a draft: strict JSON, one spelling, padded with spaces.
type statementDraftJSON struct {
	Form        string                  `json:"form"`
	Statement   Number                  `json:"statement"`
	Revision    int                     `json:"revision"`
	Kind        StatementKind           `json:"kind"`
	Topic       string                  `json:"topic"`
	Series      Number                  `json:"series"`
	Languages   []statementLanguageJSON `json:"languages"`
	Attachments []draftAttachmentJSON   `json:"attachments"`
	PublishAt   string                  `json:"publish-at"` // RFC 3339, or ""
	Zone        string                  `json:"zone"`
	Acknowledge string                  `json:"acknowledge"` // as in the manifest
	Deadline    string                  `json:"deadline"`    // RFC 3339, or ""
}

type statementLanguageJSON struct {
	Language string `json:"language"`
	Title    string `json:"title"`
	Reason   string `json:"reason"`
	Body     string `json:"body"`
}

type draftAttachmentJSON struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Type   string `json:"type"`
	Name   string `json:"name"`
	Sealed string `json:"sealed"` // SHA-256 of the sealed file, or ""
}

// Encode returns the draft as JSON, padded with spaces to a multiple of 4 KiB. It may
// be incomplete, but needs its number and its revision. Times are cut to seconds;
// Acknowledge is sorted.
func (d *StatementDraft) Encode() ([]byte, error) {
	j := statementDraftJSON{
		Form: statementDraftForm, Statement: d.Statement, Revision: d.Revision, Kind: d.Kind, Topic: d.Topic, Series: d.Series,
		Languages: []statementLanguageJSON{}, Attachments: []draftAttachmentJSON{}, Zone: d.Zone,
		PublishAt: draftTime(d.PublishAt), Deadline: draftTime(d.Deadline), Acknowledge: stakeholdersText(d.Acknowledge),
	}
	for _, l := range d.Languages {
		j.Languages = append(j.Languages, statementLanguageJSON(l))
	}
	for _, a := range d.Attachments {
		j.Attachments = append(j.Attachments, draftAttachmentJSON{a.SHA256, a.Size, a.Type, a.Name, d.Sealed[a.SHA256]})
	}
	if err := j.check(); err != nil { // JSON would replace what is not UTF-8
		return nil, err
	}
	encoded, err := encodeJSON(j)
	if err != nil {
		return nil, err
	}
	encoded = append(encoded, bytes.Repeat([]byte(" "), (draftPadding-len(encoded)%draftPadding)%draftPadding)...)
	if _, err := ParseStatementDraft(encoded); err != nil {
		return nil, err
	}
	return encoded, nil
}

func draftTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return formatTextTime(t)
}

// ParseStatementDraft reads exactly what Encode writes.
func ParseStatementDraft(encoded []byte) (*StatementDraft, error) {
	if len(encoded) > MaxStatementDraftSize {
		return nil, fmt.Errorf("the draft has %d KiB; at most %d are accepted: shorten it", len(encoded)>>10, MaxStatementDraftSize>>10)
	}
	content := bytes.TrimRight(encoded, " ")
	if len(encoded)%draftPadding != 0 || len(encoded)-len(content) >= draftPadding {
		return nil, errors.New("the draft is not in the form that Valise writes; a newer version may read it")
	}
	var j statementDraftJSON
	if err := parseJSON(content, &j, "draft"); err != nil {
		return nil, err
	}
	if err := j.check(); err != nil {
		return nil, err
	}
	d := &StatementDraft{Statement: j.Statement, Revision: j.Revision, Kind: j.Kind, Topic: j.Topic, Series: j.Series, Zone: j.Zone}
	for _, l := range j.Languages {
		d.Languages = append(d.Languages, StatementLanguage(l))
	}
	for _, a := range j.Attachments {
		d.Attachments = append(d.Attachments, StatementAttachment{a.SHA256, a.Size, a.Type, a.Name})
		if a.Sealed == "" {
			continue
		}
		if d.Sealed == nil {
			d.Sealed = map[string]string{}
		}
		d.Sealed[a.SHA256] = a.Sealed
	}
	r := readText("draft", statementDraftForm, writeText(statementDraftForm, textLine{"acknowledge", j.Acknowledge}), maxDraftLine)
	d.Acknowledge = r.stakeholders("acknowledge")
	if err := r.end(); err != nil {
		return nil, err
	}
	var err error
	if d.PublishAt, err = parseDraftTime(j.PublishAt); err != nil {
		return nil, err
	}
	if d.Deadline, err = parseDraftTime(j.Deadline); err != nil {
		return nil, err
	}
	return d, nil
}

func parseDraftTime(value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := parseTextTime(value)
	if err == nil && t.IsZero() {
		err = errors.New("a time in the draft is the beginning of all times")
	}
	return t, err
}

// check demands little: a draft isn't finished.
func (j *statementDraftJSON) check() error {
	lines := []string{j.Topic, j.Zone, string(j.Kind), string(j.Series), j.Acknowledge}
	for _, l := range j.Languages {
		lines = append(lines, l.Language, l.Title, l.Reason)
		if len(l.Body) > maxDraftBody || !utf8.ValidString(l.Body) {
			return fmt.Errorf("the text of the draft in %.50q must be UTF-8 of at most %d KiB", l.Language, maxDraftBody>>10)
		}
	}
	for _, a := range j.Attachments {
		lines = append(lines, a.SHA256, a.Type, a.Name)
		if a.Sealed != "" && !isHex(a.Sealed, 32) {
			return fmt.Errorf("the sealed file of the attachment %.50q must be named by its SHA-256 digest in small digits", a.Name)
		}
	}
	switch {
	case j.Form != statementDraftForm:
		return fmt.Errorf("this is not %q; a newer version of Valise may read it", statementDraftForm)
	case !isNumberOf(j.Statement, KindStatement):
		return errors.New("the draft has no number of a statement")
	case j.Revision < 1 || j.Revision > maxDraftRevision:
		return errors.New("the draft has no revision; it counts from 1")
	case len(j.Languages) > MaxLanguages:
		return fmt.Errorf("the draft is in %d languages; at most %d are possible", len(j.Languages), MaxLanguages)
	case len(j.Attachments) > MaxAttachments:
		return fmt.Errorf("the draft has %d attachments; at most %d are possible: put them into one archive", len(j.Attachments), MaxAttachments)
	case slices.ContainsFunc(lines, func(line string) bool { return len(line) > maxDraftLine || !utf8.ValidString(line) }):
		return fmt.Errorf("every line of the draft but its texts must be UTF-8 of at most %d KiB", maxDraftLine>>10)
	}
	return nil
}

// SealStatementDraft seals a draft to the desk, signed by who saved it: what a client
// saves by itself every few seconds. See SealRecord.
func SealStatementDraft(d *StatementDraft, writer *Key, desk []*Staff, now time.Time) ([]byte, error) {
	if d == nil {
		return nil, errors.New("there is no draft of a statement")
	}
	if writer == nil || writer.certificate == nil {
		return nil, errors.New("sealing a draft needs the key of who writes it")
	}
	encoded, err := d.Encode()
	if err != nil {
		return nil, err
	}
	var to []*Certificate
	for _, member := range desk {
		if member == nil || member.certificate == nil {
			return nil, errors.New("a member of the desk was not verified")
		}
		to = append(to, member.certificate)
	}
	return SealRecord(encoded, writer, PurposeStatementDraft, to, now)
}

// OpenStatementDraft opens a draft with any of keys, and returns it and who saved it,
// a staff member who had RoleAuthor or RoleApprover then. statement is the number
// under which it was kept: a server can't pass off one draft as another.
func (r *Root) OpenStatementDraft(sealed []byte, statement Number, keys []*Key, staff []*Certificate, now time.Time) (*StatementDraft, *Staff, error) {
	if r == nil || r.certificate == nil {
		return nil, nil, errors.New("there is no root to verify the draft with")
	}
	content, s, err := OpenRecord(sealed, keys, staff, PurposeStatementDraft, now)
	if err != nil {
		return nil, nil, fmt.Errorf("the draft of %s: %w", statement, err)
	}
	writer, err := r.VerifyStaff(s.Signer(), s.Made())
	if err != nil {
		return nil, nil, fmt.Errorf("the draft of %s: %w", statement, err)
	}
	if !writer.Has(RoleAuthor) && !writer.Has(RoleApprover) {
		return nil, nil, fmt.Errorf("the draft of %s was saved by %s, who was neither author nor approver then", statement, writer.Name())
	}
	d, err := ParseStatementDraft(content)
	if err != nil {
		return nil, nil, err
	}
	if d.Statement != statement {
		return nil, nil, fmt.Errorf("this is a draft of %s, not of %s: the portal has mixed them up", d.Statement, statement)
	}
	return d, writer, nil
}
