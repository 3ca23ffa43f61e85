package main

import (
	"strings"
	"time"

	"valise/crypto"
)

// policyFlags are what an author decides of a notice beside what it says and to whom.
type policyFlags struct {
	Acknowledge bool   `help:"Ask for acknowledgement."`
	Deadline    string `placeholder:"TIME" help:"Until when acknowledgement is asked for, with hour and offset from UTC: 2026-02-01T17:00+01:00. Asks for acknowledgement."`
	Release     string `default:"on-approval" placeholder:"TIME" help:"When an approved notice is put into the mailboxes: on-approval, or a time, with hour and offset from UTC."`
	Urgent      bool   `help:"It stands first, and marked, for who approves it and for who receives it. It needs two people all the same."`
	Fallback    string `default:"none" placeholder:"WHEN" help:"When the sealed message goes by e-mail as well: none, at-once, or \"after 12h\" unopened."`
	Remind      string `default:"none" placeholder:"HOURS,…" help:"Remind those who have not acknowledged, so many hours before the deadline: 72h,24h,2h. Five times at most."`
	Escalate    string `default:"none" placeholder:"HOURS" help:"List a mailbox for staff to reach by another way when, so long after the release, it has not acknowledged (or not opened, when that isn't asked for): 24h."`
}

// policy fills in a draft. What doesn't fit together is said before anybody logs in.
func (f *policyFlags) policy(d *crypto.Draft) (err error) {
	d.Acknowledge, d.Urgent = f.Acknowledge || f.Deadline != "", f.Urgent
	if d.Fallback, err = crypto.ParseFallback(f.Fallback); err != nil {
		return usagef("--fallback: %w", err)
	}
	if f.Deadline != "" {
		if d.Deadline, err = parseFuture("deadline", f.Deadline); err != nil {
			return err
		}
	}
	if f.Release != "on-approval" {
		if d.Release, err = parseFuture("release", f.Release); err != nil {
			return err
		}
	}
	if d.Reminders, err = crypto.ParseReminders(f.Remind); err != nil {
		return usagef("--remind: %w", err)
	}
	if f.Escalate != "none" {
		hours, ok := crypto.ParseHours(strings.TrimPrefix(f.Escalate, "after "))
		if !ok {
			return usagef("--escalate: %q is not none or hours from 1 to 720, such as 24h", f.Escalate)
		}
		d.EscalateHours = hours
	}
	if err := d.CheckPolicy(time.Now()); err != nil {
		return usagef("%w", err)
	}
	return nil
}

// parseFuture reads a time with its offset from UTC; seconds may be left out.
func parseFuture(flag, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04 Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			if !t.After(time.Now()) {
				return t, usagef("--%s: %s has passed", flag, hour(t))
			}
			return t, nil
		}
	}
	return time.Time{}, usagef("--%s: %q is not a time with hour and offset from UTC, such as 2026-02-01T17:00+01:00 or 2026-02-01T16:00Z", flag, text)
}

// showPolicy prints what will happen to a notice, one line each.
func showPolicy(p *process, m *crypto.Manifest) {
	if m.Urgent {
		p.say("URGENT")
	}
	if m.Acknowledge {
		p.say("acknowledgement %s", deadlineText(m.Deadline))
	}
	p.say("release: %s", releaseText(m))
	p.say("by e-mail: %s", fallbackText(m.Fallback))
	if len(m.Reminders) > 0 {
		p.say("reminders: %s before the deadline", strings.ReplaceAll(crypto.ReminderText(m.Reminders), " ", ", "))
	}
	if m.EscalateHours > 0 {
		waits := "unopened"
		if m.Acknowledge {
			waits = "unacknowledged"
		}
		p.say("by another way: after %dh %s", m.EscalateHours, waits)
	}
}

func releaseText(m *crypto.Manifest) string {
	if m.Release.IsZero() {
		return "once it is approved"
	}
	return hour(m.Release)
}

func fallbackText(f crypto.Fallback) string {
	if _, ok := f.Hours(); ok {
		return string(f) + " unopened"
	}
	return string(f)
}

// policyJSON is what the manifest of a notice says of it.
type policyJSON struct {
	Acknowledge   bool            `json:"acknowledge"`
	Deadline      *time.Time      `json:"deadline"`
	Release       *time.Time      `json:"release"` // null: once it is approved
	Urgent        bool            `json:"urgent"`
	Fallback      crypto.Fallback `json:"fallback"`
	Reminders     []int           `json:"reminders"` // hours before the deadline
	EscalateHours int             `json:"escalate_hours"`
}

func policyOf(m *crypto.Manifest) policyJSON {
	return policyJSON{m.Acknowledge, optional(m.Deadline), optional(m.Release), m.Urgent, m.Fallback, append([]int{}, m.Reminders...), m.EscalateHours}
}

// urgentMark stands before the number of an urgent notice in a list.
func urgentMark(urgent bool) string {
	if urgent {
		return "URGENT  "
	}
	return ""
}

// urgentFirst sorts what is urgent in front.
func urgentFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
