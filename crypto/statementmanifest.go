package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	statementManifestFirstLine = "valise statement manifest v1"

	// MaxStatementManifestSize is the size in bytes of the largest manifest accepted.
	MaxStatementManifestSize = 4 << 10
)

// StatementManifest binds all language texts of one version of a statement, and the
// version to the one before it: "valise statement manifest v1". It tells nothing of
// what the statement says, so a server may hold it before the statement is public:
// titles, topic and attachments stand in the texts, which it names by digest, and
// these hold a salt.
type StatementManifest struct {
	// Institution is the fingerprint of the root under which both signers must hold.
	Institution Fingerprint
	// Statement is the statement's number, of KindStatement.
	Statement Number
	// Version counts from 1 to 9999.
	Version int
	Kind    StatementKind
	// PreviousSHA256 is the digest of the manifest of the version before, 64 small
	// hexadecimal digits; "" for an original.
	PreviousSHA256 string
	// Author is the fingerprint of the staff member whose signature comes first.
	Author Fingerprint
	// Created is when the author signed, in UTC, cut to seconds.
	Created time.Time
	// PublishAt is when the version is to be published, not before; not before Created.
	// It keeps its offset from UTC.
	PublishAt time.Time
	// Acknowledge names the kinds of mailboxes whose owners are asked to acknowledge
	// the statement, sorted as in the constants; empty: nobody is.
	Acknowledge []Kind
	// Deadline is until when they are; only with Acknowledge. Zero: none.
	Deadline time.Time
	// Texts are 1 to MaxLanguages, the first one authoritative.
	Texts []StatementTextRef
}

// StatementTextRef names the text in one language.
type StatementTextRef struct {
	Language string
	SHA256   string // of its bytes, 64 small hexadecimal digits
	Size     int    // in bytes
}

// Languages returns those of the texts, the authoritative one first.
func (m *StatementManifest) Languages() []string {
	var languages []string
	for _, ref := range m.Texts {
		languages = append(languages, ref.Language)
	}
	return languages
}

// stakeholders are the words for kinds of mailboxes, in the order in which they are written.
var stakeholders = []struct {
	kind Kind
	word string
}{{KindState, "states"}, {KindOrganisation, "organisations"}, {KindIndividual, "individuals"}}

func stakeholdersText(kinds []Kind) string {
	var words []string
	for _, s := range stakeholders {
		if slices.Contains(kinds, s.kind) {
			words = append(words, s.word)
		}
	}
	return orNone(strings.Join(words, " "))
}

func (m *StatementManifest) text() []byte {
	deadline := "none"
	if !m.Deadline.IsZero() {
		deadline = formatTextTime(m.Deadline)
	}
	lines := []textLine{
		{"institution", string(m.Institution)},
		{"statement", string(m.Statement)},
		{"version", strconv.Itoa(m.Version)},
		{"kind", string(m.Kind)},
		{"previous-sha256", orNone(m.PreviousSHA256)},
		{"author", string(m.Author)},
		{"created", formatTextTime(m.Created)},
		{"publish-at", formatTextTime(m.PublishAt)},
		{"acknowledge", stakeholdersText(m.Acknowledge)},
		{"deadline", deadline},
	}
	for _, ref := range m.Texts {
		lines = append(lines, textLine{"text", fmt.Sprintf("%s %s %d", ref.Language, ref.SHA256, ref.Size)})
	}
	return writeText(statementManifestFirstLine, lines...)
}

// Encode returns the text. What ParseStatementManifest would refuse is refused;
// times are cut to seconds.
func (m *StatementManifest) Encode() ([]byte, error) {
	text := m.text()
	again, err := ParseStatementManifest(text)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(again.Acknowledge, m.Acknowledge) {
		return nil, errors.New("acknowledgement can be asked of States, organisations and individuals, once each and in this order")
	}
	return text, nil
}

// ParseStatementManifest reads exactly what Encode writes. The error names the line.
func ParseStatementManifest(text []byte) (*StatementManifest, error) {
	r := readText("statement's manifest", statementManifestFirstLine, text, MaxStatementManifestSize)
	m := &StatementManifest{
		Institution:    r.fingerprint("institution"),
		Statement:      r.statement("statement"),
		Version:        r.integer("version", maxVersion),
		Kind:           r.statementKind("kind"),
		PreviousSHA256: r.hexOrNone("previous-sha256"),
	}
	if r.err == nil {
		r.err = checkStatementNumbers(m.Statement, m.Version, m.Kind, m.PreviousSHA256)
	}
	m.Author = r.fingerprint("author")
	m.Created = r.time("created")
	m.PublishAt = r.timeWithOffset("publish-at")
	if m.PublishAt.Before(m.Created) {
		r.wrong("publish-at", "no earlier than the line \"created\"")
	}
	m.Acknowledge = r.stakeholders("acknowledge")
	m.Deadline = r.statementDeadline("deadline", m)
	for r.err == nil && (len(m.Texts) == 0 || r.number < len(r.lines)) {
		m.Texts = append(m.Texts, r.textRef("text"))
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	if err := checkLanguages(m.Languages()); err != nil {
		return nil, err
	}
	if !bytes.Equal(m.text(), text) {
		return nil, errors.New("the statement's manifest is not in the one form that Valise writes; take another copy")
	}
	return m, nil
}

func (r *textReader) stakeholders(key string) []Kind {
	value := r.value(key)
	if r.err != nil || value == "none" {
		return nil
	}
	var kinds []Kind
	for _, s := range stakeholders {
		if slices.Contains(strings.Split(value, " "), s.word) {
			kinds = append(kinds, s.kind)
		}
	}
	if len(kinds) == 0 || stakeholdersText(kinds) != value {
		r.wrong(key, "none, or one or more of the words states, organisations, individuals, in this order")
	}
	return kinds
}

func (r *textReader) statementDeadline(key string, m *StatementManifest) time.Time {
	value := r.value(key)
	if r.err != nil || value == "none" {
		return time.Time{}
	}
	t, err := parseTextTime(value)
	switch {
	case err != nil || t.IsZero():
		r.wrong(key, "none, or a time with seconds and offset from UTC, such as 2026-02-01T17:00:00+01:00")
	case len(m.Acknowledge) == 0:
		r.wrong(key, "none, since nobody is asked to acknowledge")
	case !t.After(m.PublishAt):
		r.wrong(key, "later than the line \"publish-at\"")
	}
	return t
}

func (r *textReader) textRef(key string) StatementTextRef {
	fields := strings.Split(r.value(key), " ")
	if r.err != nil {
		return StatementTextRef{}
	}
	if len(fields) == 3 && isLanguageTag(fields[0]) && isHex(fields[1], 32) {
		size, err := strconv.Atoi(fields[2])
		if err == nil && strconv.Itoa(size) == fields[2] && size >= 1 && size <= MaxStatementTextSize {
			return StatementTextRef{fields[0], fields[1], size}
		}
	}
	r.wrong(key, fmt.Sprintf("a language, a SHA-256 digest of 64 digits, and a size from 1 to %d", MaxStatementTextSize))
	return StatementTextRef{}
}
