package crypto

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The policy of a notice: when it is released, and what happens while it is not
// acknowledged. It stands in the last lines of the manifest, so both signatures
// cover it: the server can carry it out, and can't change it.

const (
	// MaxReminders is how often a notice can remind before its deadline.
	MaxReminders = 5

	// maxPolicyHours is thirty days.
	maxPolicyHours = 720

	releaseOnApproval = "on-approval"
)

// Fallback is when the courier writes an e-mail that carries the same sealed
// message: FallbackNone, FallbackAtOnce, or FallbackAfter a number of hours in
// which nobody opened the notice.
type Fallback string

const (
	FallbackNone   Fallback = "none"
	FallbackAtOnce Fallback = "at-once"
)

// FallbackAfter returns "after 12h" for 12 hours; 1 to 720 are accepted in a manifest.
func FallbackAfter(hours int) Fallback { return Fallback(afterHours(hours)) }

// ParseFallback reads "none", "at-once", or "after 12h" with 1 to 720 hours.
func ParseFallback(text string) (Fallback, error) {
	f := Fallback(text)
	_, isAfter := f.Hours()
	if f == FallbackNone || f == FallbackAtOnce || isAfter {
		return f, nil
	}
	return "", fmt.Errorf("the fallback must be none, at-once, or after and hours from 1 to %d, as in \"after 12h\"", maxPolicyHours)
}

// Hours returns the hours of FallbackAfter; ok is false for the others.
func (f Fallback) Hours() (hours int, ok bool) { return parseAfterHours(string(f)) }

func afterHours(hours int) string { return "after " + strconv.Itoa(hours) + "h" }

// parseAfterHours reads what afterHours writes, with 1 to 720 hours.
func parseAfterHours(text string) (hours int, ok bool) {
	rest, _ := strings.CutPrefix(text, "after ")
	hours, ok = ParseHours(rest)
	return hours, ok && text == afterHours(hours)
}

// ParseHours reads "24h", with 1 to 720 hours in their only spelling.
func ParseHours(text string) (hours int, ok bool) {
	hours, err := strconv.Atoi(strings.TrimSuffix(text, "h"))
	if err != nil || hours < 1 || hours > maxPolicyHours || text != strconv.Itoa(hours)+"h" {
		return 0, false
	}
	return hours, true
}

// ReleaseAt is when the notice lies in the mailboxes if it is approved at the given
// time: at once, unless the manifest names a later time.
func (m *Manifest) ReleaseAt(approved time.Time) time.Time {
	if m.Release.After(approved) {
		return m.Release
	}
	return approved
}

// RemindAt returns when recipients who have not acknowledged are reminded, the
// first time first.
func (m *Manifest) RemindAt() []time.Time {
	if m.Deadline.IsZero() {
		return nil
	}
	at := make([]time.Time, len(m.Reminders))
	for i, hours := range m.Reminders {
		at[i] = m.Deadline.Add(-time.Duration(hours) * time.Hour)
	}
	return at
}

// EscalateAt is from when on a mailbox that has not acknowledged (or, when no
// acknowledgement is asked for, not opened) a notice released at the given time is
// to be reached by another way; zero: the manifest doesn't say so.
func (m *Manifest) EscalateAt(released time.Time) time.Time {
	if m.EscalateHours == 0 || released.IsZero() {
		return time.Time{}
	}
	return released.Add(time.Duration(m.EscalateHours) * time.Hour)
}

// policyLines are the last lines of the manifest, from "release" on.
func (m *Manifest) policyLines() []textLine {
	release, reminders, escalate := releaseOnApproval, "none", "none"
	if !m.Release.IsZero() {
		release = formatTextTime(m.Release)
	}
	if len(m.Reminders) > 0 {
		reminders = ReminderText(m.Reminders)
	}
	if m.EscalateHours != 0 {
		escalate = afterHours(m.EscalateHours)
	}
	return []textLine{
		{"release", release},
		{"urgent", yesOrNo(m.Urgent)},
		{"fallback", string(m.Fallback)},
		{"reminders", reminders},
		{"escalate", escalate},
	}
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// ReminderText writes hours before the deadline as the manifest does: "72h 24h 2h".
func ReminderText(hours []int) string {
	words := make([]string, len(hours))
	for i, h := range hours {
		words[i] = strconv.Itoa(h) + "h"
	}
	return strings.Join(words, " ")
}

// ParseReminders reads hours before the deadline, such as "72h 24h 2h" or
// "72h,24h,2h": at most MaxReminders, each from 1 to 720, each less than the one
// before. "none" and "" are none.
func ParseReminders(text string) ([]int, error) {
	if text == "none" || text == "" {
		return nil, nil
	}
	var hours []int
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		h, ok := ParseHours(word)
		if !ok {
			return nil, fmt.Errorf("%q is not hours from 1 to %d, such as 24h", word, maxPolicyHours)
		}
		hours = append(hours, h)
	}
	return hours, checkReminders(hours)
}

func checkReminders(hours []int) error {
	if len(hours) > MaxReminders {
		return fmt.Errorf("there are %d reminders; at most %d are accepted", len(hours), MaxReminders)
	}
	for i, h := range hours {
		if h < 1 || h > maxPolicyHours {
			return fmt.Errorf("a reminder must come 1 to %d hours before the deadline, not %d", maxPolicyHours, h)
		}
		if i > 0 && h >= hours[i-1] {
			return errors.New("the reminders must be in their order, the earliest first, each once, such as 72h 24h 2h")
		}
	}
	return nil
}

// readPolicy reads the lines of policyLines.
func (r *textReader) readPolicy(m *Manifest) {
	m.Release = r.release("release", m)
	m.Urgent = r.yes("urgent")
	fallback := r.value("fallback")
	if _, err := ParseFallback(fallback); err != nil {
		r.wrong("fallback", `none, at-once, or such as "after 12h", with 1 to 720 hours`)
	}
	m.Fallback = Fallback(fallback)
	m.Reminders = r.reminders("reminders", m)
	if escalate := r.value("escalate"); r.err == nil && escalate != "none" {
		var ok bool
		if m.EscalateHours, ok = parseAfterHours(escalate); !ok {
			r.wrong("escalate", `none, or such as "after 24h", with 1 to 720 hours`)
		}
	}
}

func (r *textReader) release(key string, m *Manifest) time.Time {
	value := r.value(key)
	if r.err != nil || value == releaseOnApproval {
		return time.Time{}
	}
	t, err := parseTextTime(value)
	switch {
	case err != nil || t.IsZero():
		r.wrong(key, "on-approval, or a time with seconds and offset from UTC, such as 2026-01-20T08:00:00+01:00")
	case t.Before(m.Created):
		r.wrong(key, "not before the line \"created\"")
	case !m.Deadline.IsZero() && !t.Before(m.Deadline):
		r.wrong(key, "before the line \"deadline\"")
	}
	return t
}

func (r *textReader) reminders(key string, m *Manifest) []int {
	value := r.value(key)
	if r.err != nil || value == "none" {
		return nil
	}
	hours, err := ParseReminders(value)
	switch {
	case err != nil || ReminderText(hours) != value:
		r.wrong(key, fmt.Sprintf("none, or at most %d times of 1 to 720 hours before the deadline, the earliest first, such as \"72h 24h 2h\"", MaxReminders))
	case m.Deadline.IsZero():
		r.wrong(key, "none, since there is no deadline")
	case tooEarly(m, hours) != nil:
		r.wrong(key, "after the lines \"created\" and \"release\": nobody can be reminded of what they don't have yet")
	}
	return hours
}

// tooEarly refuses reminders before the notice can have been released.
func tooEarly(m *Manifest, hours []int) error {
	for _, h := range hours {
		if at := m.Deadline.Add(-time.Duration(h) * time.Hour); at.Before(m.Created) || at.Before(m.Release) {
			return fmt.Errorf("the reminder %dh before the deadline would come before the notice is released: leave it out, or let the deadline be later", h)
		}
	}
	return nil
}

// checkDraft checks what of the manifest comes from the draft, in the author's words.
func checkDraft(m *Manifest) error {
	if _, err := ParseFallback(string(m.Fallback)); err != nil {
		return err
	}
	if !m.Deadline.IsZero() {
		switch {
		case !m.Acknowledge:
			return errors.New("the notice has a deadline but asks for no acknowledgement: ask for it, or leave out the deadline")
		case !m.Deadline.Truncate(time.Second).After(m.Created):
			return fmt.Errorf("the deadline, %s, has passed", formatTextTime(m.Deadline))
		}
	}
	if release := m.Release.Truncate(time.Second); !m.Release.IsZero() {
		switch {
		case release.Before(m.Created):
			return fmt.Errorf("the time of release, %s, has passed: choose a later one, or let approval release it", formatTextTime(m.Release))
		case !m.Deadline.IsZero() && !release.Before(m.Deadline.Truncate(time.Second)):
			return fmt.Errorf("the notice would be released at %s, after its deadline, %s: release it earlier, or let the deadline be later", formatTextTime(m.Release), formatTextTime(m.Deadline))
		}
	}
	if len(m.Reminders) > 0 && m.Deadline.IsZero() {
		return errors.New("the notice reminds of a deadline but has none: give it one, or leave out the reminders")
	}
	if err := checkReminders(m.Reminders); err != nil {
		return err
	}
	if err := tooEarly(m, m.Reminders); err != nil {
		return err
	}
	if m.EscalateHours < 0 || m.EscalateHours > maxPolicyHours {
		return fmt.Errorf("who doesn't answer can be reached by another way after 1 to %d hours, not %d", maxPolicyHours, m.EscalateHours)
	}
	return nil
}

// Policy returns a manifest that says nothing but what the draft says of its policy.
func (d *Draft) Policy() *Manifest {
	m := &Manifest{}
	m.setPolicy(d)
	return m
}

// CheckPolicy says what of a draft's policy SealNotice would refuse at the given time.
func (d *Draft) CheckPolicy(now time.Time) error {
	m := d.Policy()
	m.Created = now.UTC().Truncate(time.Second)
	return checkDraft(m)
}

// setPolicy takes a draft's policy over.
func (m *Manifest) setPolicy(d *Draft) {
	m.Acknowledge, m.Deadline, m.Release, m.Urgent = d.Acknowledge, d.Deadline, d.Release, d.Urgent
	m.Fallback, m.Reminders, m.EscalateHours = d.Fallback, slices.Clone(d.Reminders), d.EscalateHours
	if m.Fallback == "" {
		m.Fallback = FallbackNone
	}
}
