package ceremony

import (
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// Listed is one notice in a mailbox's list. What stands in Verified and Subjects was
// signed by two staff members; Delivered, Opened and Acknowledgement are the server's word.
type Listed struct {
	Notice          crypto.Number
	Verified        *crypto.VerifiedManifest // nil when Problem is set
	Subjects        []crypto.LanguageSubject // the authoritative language first; empty when Problem is set
	Delivered       time.Time
	Opened          *time.Time // nil: nobody of the mailbox has opened it
	Acknowledgement *api.Acknowledgement
	Problem         error // what didn't hold; such a notice is shown with its number alone
}

// Awaiting says whether the notice awaits acknowledgement.
func (l *Listed) Awaiting() bool {
	return l.Verified != nil && l.Verified.Manifest().Acknowledge && l.Acknowledgement == nil
}

// Overdue says whether it awaits acknowledgement and its deadline has passed.
func (l *Listed) Overdue(now time.Time) bool {
	if !l.Awaiting() {
		return false
	}
	deadline := l.Verified.Manifest().Deadline
	return !deadline.IsZero() && now.After(deadline)
}

// Urgent says whether both signers say so.
func (l *Listed) Urgent() bool { return l.Verified != nil && l.Verified.Manifest().Urgent }

// Presses says whether it is urgent and not done with: not acknowledged, or, where that
// isn't asked for, not opened.
func (l *Listed) Presses() bool {
	return l.Urgent() && (l.Awaiting() || !l.Verified.Manifest().Acknowledge && l.Opened == nil)
}

// Subject returns the subject in the first of the wanted languages that there is,
// else in the authoritative one; "" when there is none to show.
func (l *Listed) Subject(wanted ...string) string {
	for _, language := range wanted {
		for _, s := range l.Subjects {
			if s.Language == language {
				return s.Subject
			}
		}
	}
	if len(l.Subjects) == 0 {
		return ""
	}
	return l.Subjects[0].Subject
}

// List verifies and opens the headings of a mailbox, in the order given. One that
// doesn't hold, or wasn't meant for self, doesn't hide the others: its Problem says why.
func List(t *Trust, self *Self, notices []api.Notice, now time.Time) []Listed {
	listed := make([]Listed, len(notices))
	for i, n := range notices {
		l := Listed{Notice: n.Notice, Delivered: n.Delivered, Opened: n.Opened, Acknowledgement: n.Acknowledgement}
		if v, h, err := openHeading(t, self, n.Notice, n, now); err != nil {
			l.Problem = err
		} else {
			l.Verified, l.Subjects = v, h.Subjects
		}
		listed[i] = l
	}
	return listed
}

// openHeading verifies a notice's manifest, with both signatures, and that it was meant
// for self, and opens its heading.
func openHeading(t *Trust, self *Self, want crypto.Number, n api.Notice, now time.Time) (*crypto.VerifiedManifest, *crypto.Heading, error) {
	v, err := verifyNotice(t, want, n, now)
	if err != nil {
		return nil, nil, err
	}
	if err := self.meant(v, []byte(n.Membership)); err != nil {
		return nil, nil, err
	}
	h, err := crypto.OpenHeading(v, n.Envelope, n.Heading, self.keys)
	if err != nil {
		return nil, nil, err
	}
	return v, h, nil
}

func verifyNotice(t *Trust, want crypto.Number, n api.Notice, now time.Time) (*crypto.VerifiedManifest, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	v, err := t.root.VerifyManifest(n.Signed(), t.staff, now)
	if err != nil {
		return nil, err
	}
	if got := v.Manifest().Notice; got != want || n.Notice != want {
		return nil, fmt.Errorf("the portal shows %s as %s: don't rely on it, and tell the institution", got, want)
	}
	return v, nil
}

// Open opens a notice that was fetched with its body, the one that was asked for. It
// returns it only when everything held: both staff signatures and their chains up to
// the root, that self is in the audience, the body, the content, that the list
// showed the same subjects, and what is said to the mailbox alone (OpenPersonal). The error is an ErrPassedOn when the notice is genuine,
// and was meant for somebody else.
func Open(t *Trust, self *Self, want crypto.Number, n api.Notice, now time.Time) (*crypto.OpenedNotice, error) {
	v, heading, err := openHeading(t, self, want, n, now)
	if err != nil {
		return nil, err
	}
	o, err := openBody(v, heading, self, n)
	if err != nil {
		return nil, err
	}
	if _, err := OpenPersonal(o, self, n); err != nil {
		return nil, err
	}
	return o, nil
}

func openBody(v *crypto.VerifiedManifest, heading *crypto.Heading, self *Self, n api.Notice) (*crypto.OpenedNotice, error) {
	o, err := crypto.OpenNotice(v, n.Envelope, n.Body, self.keys)
	if err != nil {
		return nil, err
	}
	if err := o.HeadingMatches(heading); err != nil {
		return nil, err
	}
	return o, nil
}

// OpenMessage is Open without what is said to the mailbox alone: for a message that came by another way, where that is a message of its own.
func OpenMessage(t *Trust, self *Self, want crypto.Number, n api.Notice, now time.Time) (*crypto.OpenedNotice, error) {
	v, heading, err := openHeading(t, self, want, n, now)
	if err != nil {
		return nil, err
	}
	return openBody(v, heading, self, n)
}

// Acknowledge signs the receipt of a notice that was opened. nonce is what the
// server handed out with it (api.Notice.Nonce).
func Acknowledge(o *crypto.OpenedNotice, key *crypto.Key, as crypto.Representative, decision crypto.Decision, nonce string, now time.Time) (api.Receipt, error) {
	receipt, err := crypto.Acknowledge(o, key, as, decision, nonce, now)
	if err != nil {
		return api.Receipt{}, err
	}
	return api.Receipt{Receipt: string(receipt)}, nil
}
