package courier

import (
	"time"

	"valise/crypto"
	"valise/portal"
)

// lastCall is how long before the deadline a representative gets a mail who wants only that.
const lastCall = 24 * time.Hour

// unclaimedAgain is when it is looked again whether a representative has claimed their mailbox.
const unclaimedAgain = time.Hour

// decision is what to do with an entry. state Waiting with at zero: send it now.
type decision struct {
	state  State
	at     time.Time // Waiting: when to look again
	reason string
}

var sendNow = decision{state: Waiting}

func (d decision) now() bool { return d.state == Waiting && d.at.IsZero() }

func cancel(reason string) decision              { return decision{Cancelled, time.Time{}, reason} }
func later(at time.Time, reason string) decision { return decision{Waiting, at, reason} }

// before decides what needs no address.
func before(e *Entry, l *Letter, now time.Time) decision {
	switch {
	case l.Standing == portal.Revoked:
		return cancel(ReasonRevoked)
	case l.Answered && !e.Asked:
		return cancel(ReasonAnswered)
	case len(l.Address) == 0:
		return cancel(ReasonNoAddress)
	case l.Standing != portal.Claimed:
		return later(now.Add(unclaimedAgain), ReasonUnclaimed)
	}
	return sendNow
}

// awaited says whether a mail would still say something. The first message is for who has not opened the notice. A reminder, and a last call, of a notice that asks for an
// answer are for who has not answered it.
func awaited(e *Entry, l *Letter, m *crypto.Manifest, a *crypto.Address) bool {
	if m.Acknowledge && (!e.Reminder.IsZero() || lastCallOnly(m, a)) {
		return !l.Answered
	}
	return !l.Opened
}

// lastCallOnly says whether a representative wants one mail about a notice, shortly before its deadline.
func lastCallOnly(m *crypto.Manifest, a *crypto.Address) bool {
	return a.Policy == crypto.MailLastCall && !m.Deadline.IsZero()
}

// when decides when an entry goes out, if anything is awaited. Whoever wants no e-mail gets none; beyond that, hurry (the portal is down) and an urgent notice wait for nothing. Otherwise the representative's
// policy stands in the place of the notice's hours, and quiet hours hold it back, unless the deadline passes in them.
func when(e *Entry, l *Letter, m *crypto.Manifest, a *crypto.Address, hurry bool, now time.Time) decision {
	switch {
	case m.Fallback == crypto.FallbackNone: // a server that queues it gets no help
		return cancel(ReasonNever)
	case e.Asked:
		return sendNow
	case a.Policy == crypto.MailNever:
		return cancel(ReasonNever)
	case !awaited(e, l, m, a):
		return cancel(ReasonOpened)
	case !e.Reminder.IsZero() && lastCallOnly(m, a):
		return cancel(ReasonLastCall)
	}
	if hurry || m.Urgent {
		return sendNow
	}
	due := e.DueAt
	if hours, ok := a.Policy.Hours(); ok {
		due = latest(e.Reminder, e.QueuedAt.Add(time.Duration(hours)*time.Hour))
	}
	switch {
	case a.Policy == crypto.MailAtOnce:
		due = latest(e.Reminder, e.QueuedAt)
	case lastCallOnly(m, a):
		due = m.Deadline.Add(-lastCall)
	}
	if now.Before(due) {
		return later(due, ReasonNotYet)
	}
	zone, err := time.LoadLocation(a.Zone) // "": UTC
	if err != nil {
		zone = time.UTC // one that this machine doesn't know: the registrar's client knew it
	}
	if end := a.Quiet.Until(now.In(zone)); end.After(now) && (m.Deadline.IsZero() || end.Before(m.Deadline)) {
		return later(end.UTC(), ReasonQuiet)
	}
	return sendNow
}
