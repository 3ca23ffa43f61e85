package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"valise/crypto"
	"valise/portal/ceremony"
)

// clean keeps control characters, whoever sent them, out of the terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// manual breaks the long indented lines of a help text, which the help printer leaves
// as they are. What stands in a second column is continued there.
func manual(text string) string {
	const width = 96
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "  ") || len(line) <= width {
			out = append(out, line)
			continue
		}
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if gap := strings.Index(line[indent:], "   "); gap >= 0 {
			indent = len(line) - len(strings.TrimLeft(line[indent+gap:], " "))
		}
		for len(line) > width {
			cut := strings.LastIndexByte(line[:width], ' ')
			if cut <= indent {
				break
			}
			out = append(out, line[:cut])
			line = strings.Repeat(" ", indent) + line[cut+1:]
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// hour writes a time for people, in its own offset from UTC.
func hour(t time.Time) string { return t.Format("2006-01-02 15:04 -07:00") }

// hourUTC writes a time for people in UTC.
func hourUTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// count writes a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func size(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return count(n, "byte", "bytes")
}

// called is a mailbox or representative with the name, if one may see it.
func called(number fmt.Stringer, names ...string) string {
	var known []string
	for _, name := range names {
		if name != "" {
			known = append(known, name)
		}
	}
	if len(known) == 0 {
		return number.String()
	}
	return number.String() + "  " + strings.Join(known, ", ")
}

// signerJSON is a staff member's signature with --json.
type signerJSON struct {
	Name        string             `json:"name"`
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Signed      time.Time          `json:"signed"`
}

func signedBy(s *crypto.Staff, signature *crypto.Signature) *signerJSON {
	if s == nil || signature == nil {
		return nil
	}
	return &signerJSON{s.Name(), s.Certificate().Fingerprint(), signature.Made().UTC()}
}

// languageJSON is one language version with --json.
type languageJSON struct {
	Language string `json:"language"`
	Subject  string `json:"subject"`
	Text     string `json:"text,omitempty"`
}

// optional is a time with --json: null when there is none.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// mailboxName is a mailbox as staff read it. A State's or organisation's name is for all
// who author and approve, so one that can't be read is said loudly; an individual's is
// for registrars alone.
func mailboxName(m *ceremony.DirectoryMailbox) string {
	if m.Name == "" && m.NameProblem != nil && m.Mailbox.Kind() != crypto.KindIndividual {
		return fmt.Sprintf("%s  NAME NOT READABLE: %v", m.Mailbox, m.NameProblem)
	}
	return called(numberText(m.Mailbox), m.Name)
}

// entryName is a directory entry as staff read it.
func entryName(m *ceremony.DirectoryMailbox, e *ceremony.DirectoryEntry) string {
	line := called(e.Representative, m.Name, e.Name)
	if m.Mailbox.Kind() == crypto.KindIndividual {
		return line
	}
	for _, problem := range []error{m.NameProblem, e.NameProblem} {
		if problem != nil {
			return fmt.Sprintf("%s  NAME NOT READABLE: %v", line, problem)
		}
	}
	return line
}

// numberText is a number that prints itself.
type numberText crypto.Number

func (n numberText) String() string { return string(n) }

// atMost shows the first lines of a long list.
func atMost(p *process, n int, lines []string) {
	for i, line := range lines {
		if i == n {
			p.say("    … and %d more (all of them with --json)", len(lines)-n)
			return
		}
		p.say("    %s", line)
	}
}
