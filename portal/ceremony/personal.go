package ceremony

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"valise/crypto"
	"valise/portal/api"
)

// A notice can say something to each mailbox in particular. Its author writes one text in each language, with placeholders such as {file}, and for each
// mailbox concerned the values that go there: by hand, or as a table.

// maxFieldName is the length in characters of the longest name of a field.
const maxFieldName = 60

// PersonalProblem is what is wrong with the values of one mailbox.
type PersonalProblem struct {
	Mailbox crypto.Number
	Field   string // "": another thing than a field
	Err     error
}

func (p *PersonalProblem) Error() string { return fmt.Sprintf("%s: %v", p.Mailbox, p.Err) }

func (p *PersonalProblem) Unwrap() error { return p.Err }

// checkField says whether a placeholder can bear the name.
func checkField(name string) error {
	switch {
	case name == "" || utf8.RuneCountInString(name) > maxFieldName || !utf8.ValidString(name):
		return fmt.Errorf("the name of a field has 1 to %d characters", maxFieldName)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("the name of a field (%q) has no space at its ends", name)
	case strings.ContainsAny(name, "{}") || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("the name of a field (%q) holds neither braces nor control characters", name)
	}
	return nil
}

// pieces cuts a text at its placeholders: texts stand at even places, names of fields at odd ones. {{ and }} stand for braces.
func pieces(text string) ([]string, error) {
	var out []string
	var b strings.Builder
	for {
		i := strings.IndexAny(text, "{}")
		if i < 0 {
			b.WriteString(text)
			return append(out, b.String()), nil
		}
		b.WriteString(text[:i])
		if strings.HasPrefix(text[i:], "{{") || strings.HasPrefix(text[i:], "}}") {
			b.WriteByte(text[i])
			text = text[i+2:]
			continue
		}
		name, rest, closed := strings.Cut(text[i+1:], "}")
		if text[i] == '}' || !closed {
			return nil, errors.New("a brace has no counterpart: write {field} for what differs, and {{ or }} for a brace itself")
		}
		if err := checkField(name); err != nil {
			return nil, err
		}
		out, text = append(out, b.String(), name), rest
		b.Reset()
	}
}

// PersonalFields returns the fields that texts name, each once, in the order in which they first occur.
func PersonalFields(texts []crypto.PersonalText) ([]string, error) {
	var fields []string
	for _, t := range texts {
		p, err := pieces(t.Text)
		if err != nil {
			return nil, fmt.Errorf("the personal text in %s: %w", t.Language, err)
		}
		for i := 1; i < len(p); i += 2 {
			if !slices.Contains(fields, p[i]) {
				fields = append(fields, p[i])
			}
		}
	}
	return fields, nil
}

// FillPersonal writes the personal part of each mailbox that has values: the texts, with {field} replaced by the value of that field. Values are Markdown, as the
// texts are; line ends in them become LF, and each text ends with one. known are the names that there are (nil: those in values); a placeholder that names none of them is refused, and so is a mailbox for which
// a value that a text needs is missing or blank. Every mailbox's problem is a *PersonalProblem in the error, joined.
//
// The result is crypto.Draft.Personal.
func FillPersonal(texts []crypto.PersonalText, known []string, values map[crypto.Number]map[string]string) (map[crypto.Number][]crypto.PersonalText, error) {
	if len(values) == 0 {
		return nil, nil
	}
	if len(texts) == 0 {
		return nil, errors.New("there are values for mailboxes and no personal text that they could stand in: write one in each language of the notice")
	}
	fields, err := PersonalFields(texts)
	if err != nil {
		return nil, err
	}
	if known != nil {
		for _, f := range fields {
			if !slices.Contains(known, f) {
				return nil, fmt.Errorf("the personal text names {%s}, and there is no such field; there are: %s", f, strings.Join(known, ", "))
			}
		}
	}
	cut := make([][]string, len(texts))
	for i, t := range texts {
		if cut[i], err = pieces(t.Text); err != nil {
			return nil, err
		}
	}
	filled := make(map[crypto.Number][]crypto.PersonalText, len(values))
	var problems []error
	for _, mailbox := range sortedMailboxes(values) {
		of := values[mailbox]
		complete := true
		for _, f := range fields {
			if strings.TrimSpace(of[f]) == "" {
				problems = append(problems, &PersonalProblem{mailbox, f, fmt.Errorf("the value of {%s} is missing", f)})
				complete = false
			}
		}
		if !complete {
			continue
		}
		for i, t := range texts {
			var b strings.Builder
			for j, piece := range cut[i] {
				if j%2 == 1 {
					piece = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(of[piece])
				}
				b.WriteString(piece)
			}
			text := b.String()
			if !strings.HasSuffix(text, "\n") { // there are mail programs that show the next part on the same line
				text += "\n"
			}
			filled[mailbox] = append(filled[mailbox], crypto.PersonalText{Language: t.Language, Text: text})
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return filled, nil
}

func sortedMailboxes[T any](of map[crypto.Number]T) []crypto.Number {
	mailboxes := make([]crypto.Number, 0, len(of))
	for m := range of {
		mailboxes = append(mailboxes, m)
	}
	slices.Sort(mailboxes)
	return mailboxes
}

// PersonalTable is a table of values: a row for each mailbox, a column for each field.
type PersonalTable struct {
	Fields []string // but for the mailbox
	Values map[crypto.Number]map[string]string
	Lines  map[crypto.Number]int // where each mailbox stands
}

// maxTableSize is the size in bytes of the largest table that is read.
const maxTableSize = 32 << 20

// ReadPersonalTable reads a table in CSV (RFC 4180), in UTF-8, with commas, semicolons or tabs between columns. Its first line names the columns: "mailbox", then the fields. The
// errors of all lines are joined, each with the number of its line.
func ReadPersonalTable(file []byte) (*PersonalTable, error) {
	if len(file) > maxTableSize {
		return nil, fmt.Errorf("the table has %d MiB; at most %d are read", len(file)>>20, maxTableSize>>20)
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if !utf8.Valid(file) {
		return nil, errors.New("the table is not in UTF-8: save it as CSV UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(file))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	first, _, _ := bytes.Cut(file, []byte("\n"))
	if !bytes.ContainsRune(first, ',') {
		for _, separator := range ";\t" {
			if bytes.ContainsRune(first, separator) {
				r.Comma = separator
				break
			}
		}
	}
	header, err := r.Read()
	if err != nil {
		return nil, errors.New("the table is empty; its first line names the columns: mailbox, then the fields")
	}
	t := &PersonalTable{Values: map[crypto.Number]map[string]string{}, Lines: map[crypto.Number]int{}}
	if !strings.EqualFold(strings.TrimSpace(header[0]), "mailbox") {
		return nil, fmt.Errorf("line 1: the first column is %q; it must be \"mailbox\"", header[0])
	}
	for _, name := range header[1:] {
		name = strings.TrimSpace(name)
		if err := checkField(name); err != nil {
			return nil, fmt.Errorf("line 1: %w", err)
		}
		if slices.Contains(t.Fields, name) {
			return nil, fmt.Errorf("line 1: two columns are called %q", name)
		}
		t.Fields = append(t.Fields, name)
	}
	var problems []error
	for len(problems) < maxTableProblems {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			var parse *csv.ParseError
			if errors.As(err, &parse) {
				err = fmt.Errorf("line %d: %w", parse.Line, parse.Err)
			}
			problems = append(problems, err)
			break
		}
		line, _ := r.FieldPos(0)
		if err := t.add(line, row); err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", line, err))
		}
	}
	switch {
	case len(problems) > 0:
		return nil, errors.Join(problems...)
	case len(t.Values) == 0:
		return nil, errors.New("the table names no mailbox: below the names of the columns stands a line for each")
	}
	return t, nil
}

// maxTableProblems is how many wrong lines are told at once.
const maxTableProblems = 20

func (t *PersonalTable) add(line int, row []string) error {
	if !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
		return nil // programs write rows of nothing
	}
	mailbox, err := crypto.ParseNumber(row[0])
	switch {
	case err != nil:
		return fmt.Errorf("%.40q is no mailbox's number: %w", row[0], err)
	case !mailbox.Kind().Mailbox():
		return fmt.Errorf("%s is no mailbox's number; a mailbox's starts with S, O or I", mailbox)
	case t.Lines[mailbox] > 0:
		return fmt.Errorf("%s stands in line %d already", mailbox, t.Lines[mailbox])
	case len(row) != len(t.Fields)+1:
		return fmt.Errorf("there are %d columns, and %d in the first line", len(row), len(t.Fields)+1)
	}
	values := make(map[string]string, len(t.Fields))
	for i, name := range t.Fields {
		values[name] = row[i+1]
	}
	t.Values[mailbox], t.Lines[mailbox] = values, line
	return nil
}

// Fill is FillPersonal with the values of the table, whose problems name lines.
func (t *PersonalTable) Fill(texts []crypto.PersonalText) (map[crypto.Number][]crypto.PersonalText, error) {
	filled, err := FillPersonal(texts, t.Fields, t.Values)
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return filled, err
	}
	var problems []error
	for _, problem := range joined.Unwrap() {
		var of *PersonalProblem
		if errors.As(problem, &of) {
			problem = fmt.Errorf("line %d, %w", t.Lines[of.Mailbox], problem)
		}
		if problems = append(problems, problem); len(problems) == maxTableProblems {
			break
		}
	}
	return nil, errors.Join(problems...)
}

// CheckMailboxes says which mailboxes of the table are not among those that a notice goes to.
func (t *PersonalTable) CheckMailboxes(to []crypto.Number) error {
	in := make(map[crypto.Number]bool, len(to))
	for _, m := range to {
		in[m] = true
	}
	var problems []error
	for _, mailbox := range sortedMailboxes(t.Values) {
		if !in[mailbox] && len(problems) < maxTableProblems {
			problems = append(problems, fmt.Errorf("line %d: the notice does not go to %s: take the line out, or send it there too", t.Lines[mailbox], mailbox))
		}
	}
	return errors.Join(problems...)
}

// openPersonal opens every personal part of a submission.
func openPersonal(o *crypto.OpenedNotice, n api.StaffNotice, keys []*crypto.Key) ([]*crypto.Personal, error) {
	parts := make([]crypto.SealedPersonal, len(n.PersonalParts.PersonalParts))
	for i, p := range n.PersonalParts.PersonalParts {
		parts[i] = crypto.SealedPersonal(p)
	}
	return crypto.OpenAllPersonal(o, []byte(n.Audience), n.PersonalKey, parts, keys, nil)
}

// PersonalOf returns what a mailbox alone is told; nil when it is nothing.
func (e *Examined) PersonalOf(mailbox crypto.Number) *crypto.Personal {
	i, found := slices.BinarySearchFunc(e.Personal, mailbox, func(p *crypto.Personal, m crypto.Number) int { return strings.Compare(string(p.Mailbox()), string(m)) })
	if !found || e.Personal[i].Empty() {
		return nil
	}
	return e.Personal[i]
}

// Told counts the mailboxes that are told something in particular.
func (e *Examined) Told() int {
	told := 0
	for _, p := range e.Personal {
		if !p.Empty() {
			told++
		}
	}
	return told
}

// OpenPersonal opens what a notice says to self's mailbox alone; nil when that is nothing. The notice must have been opened with Open, which compares the membership
// with self, and fails when this does: then the portal withheld something, or exchanged it.
func OpenPersonal(o *crypto.OpenedNotice, self *Self, n api.Notice) (*crypto.Personal, error) {
	p, err := crypto.OpenPersonal(o, []byte(n.Membership), n.PersonalEnvelope, n.Personal, self.keys)
	if err != nil || p.Empty() {
		return nil, err
	}
	return p, nil
}

// WrapPersonal wraps the envelopes of the personal parts for some members, in their order, whom this Judge accepted with these very certificates.
func (j *Judge) WrapPersonal(keys *crypto.PersonalKeys, to []crypto.AudienceMember) ([][]byte, error) {
	recipients, err := j.recipients(to)
	if err != nil {
		return nil, err
	}
	return crypto.WrapPersonal(keys, recipients)
}
