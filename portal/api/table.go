package api

import (
	"bytes"
	"encoding/csv"
	"strings"
	"time"
	"unicode/utf8"

	"valise/crypto"
)

// Table writes lines as comma-separated values (RFC 4180, with CRLF). What a spreadsheet would take for a formula gets an apostrophe before it: names come
// from outside, and whoever opens the table must not run what somebody called themselves.
func Table(lines [][]string) []byte {
	var table bytes.Buffer
	out := csv.NewWriter(&table)
	out.UseCRLF = true
	for _, line := range lines {
		cells := make([]string, len(line))
		for i, text := range line {
			cells[i] = cell(text)
		}
		_ = out.Write(cells) // a buffer takes everything; fields have no limit
	}
	out.Flush()
	return table.Bytes()
}

// formulas are what formulas begin with, in one program or another.
const formulas = "=+-@|%\t\r\n＝＋－＠"

// separators part cells in one program or another: many take the semicolon, where a comma parts whole numbers from fractions, and look at no comma.
const separators = ";\t\r\n"

// cell keeps spreadsheets from taking a name for a formula: one that begins it, also behind white space, and one behind what some of them take for the end of a cell.
func cell(text string) string {
	var safe strings.Builder
	for first := true; ; first = false {
		end := strings.IndexAny(text, separators)
		if end < 0 {
			end = len(text)
		}
		if part := text[:end]; first && formula(text) || !first && formula(part) {
			safe.WriteByte('\'')
		}
		if end == len(text) {
			safe.WriteString(text)
			return safe.String()
		}
		safe.WriteString(text[:end+1])
		text = text[end+1:]
	}
}

func formula(text string) bool {
	begins, _ := utf8.DecodeRuneInString(text)
	word, _ := utf8.DecodeRuneInString(strings.TrimSpace(text))
	return text != "" && (strings.ContainsRune(formulas, begins) || strings.ContainsRune(formulas, word))
}

// StatusNames are what a table of a notice's mailboxes says beside what the portal knows; the zero value adds nothing.
type StatusNames struct {
	Stakeholder func(mailbox crypto.Number) string // whose mailbox it is
	Person      func(representative string) string // who answered
}

// StatusTable is a notice's mailboxes as a table, with a line of names above. Who may not see names gets the same columns, empty.
func StatusTable(s Status, names StatusNames) []byte {
	lines := [][]string{{"mailbox", "stakeholder", "state", "delivered", "opened", "answered", "by", "name", "overdue", "reminded", "contacted", "way", "outcome"}}
	for _, m := range s.Mailboxes {
		stakeholder, person := "", ""
		if names.Stakeholder != nil {
			stakeholder = names.Stakeholder(m.Mailbox)
		}
		if names.Person != nil && m.By != "" {
			person = names.Person(m.By)
		}
		overdue := "no"
		if m.Overdue {
			overdue = "yes"
		}
		way, outcome, contacted := "", "", ""
		if c := m.Contacted; c != nil {
			way, outcome, contacted = string(c.Way), string(c.Outcome), c.Time.Format(time.RFC3339)
		}
		lines = append(lines, []string{
			string(m.Mailbox), stakeholder, m.state(), stamp(m.Delivered), stamp(m.Opened), stamp(m.Acknowledged), m.By, person, overdue, stamp(m.Reminded), contacted, way, outcome,
		})
	}
	return Table(lines)
}

// state is how far a mailbox has come, in one word.
func (m *MailboxStatus) state() string {
	switch {
	case m.Acknowledged != nil:
		return string(m.Decision)
	case m.Opened != nil:
		return "opened"
	case m.Delivered != nil:
		return "delivered"
	}
	return "waiting"
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
