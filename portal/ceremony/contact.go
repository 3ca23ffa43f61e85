package ceremony

import (
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// contactRoles are who records contacts, and reads what others noted.
var contactRoles = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar}

// approved verifies that a notice is the one that was asked for, and that two people signed it.
func (t *Trust) approved(want crypto.Number, n api.SignedManifest, now time.Time) (*crypto.VerifiedManifest, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	v, err := t.root.VerifyManifest(n.Signed(), t.staff, now)
	if err != nil {
		return nil, err
	}
	if got := v.Manifest().Notice; got != want {
		return nil, fmt.Errorf("the portal shows %s as %s: tell the administrators", got, want)
	}
	return v, nil
}

// RecordContact signs that somebody of the staff tried to reach the people of a mailbox about a released notice, by another way than the portal; what they
// noted is sealed to who authors, approves and issues.
func RecordContact(t *Trust, by *crypto.Key, want crypto.Number, n api.SignedManifest, made crypto.ContactMade, now time.Time) (api.RecordContact, error) {
	v, err := t.approved(want, n, now)
	if err != nil {
		return api.RecordContact{}, err
	}
	by, _, err = t.StaffKey(by, now, contactRoles...)
	if err != nil {
		return api.RecordContact{}, err
	}
	signed, note, err := crypto.SignContact(v, by, made, t.Staff(now, contactRoles...), now)
	if err != nil {
		return api.RecordContact{}, err
	}
	return api.RecordContact{Contact: string(signed), Note: note}, nil
}

// ContactRead is a recorded contact, as far as signatures vouch for it.
type ContactRead struct {
	Mailbox  crypto.Number // the portal's word when there is a Problem
	Way      crypto.ContactWay
	Outcome  crypto.ContactOutcome
	Time     time.Time // by the clock of who made it, with its offset
	By       string    // name
	Note     string    // "": there is none, or NoteProblem says why it can't be read
	Signed   string    // the evidence
	Received time.Time // the portal's word

	Problem     error // it does not hold; nothing of it is to be believed
	NoteProblem error // it holds, but its note can't be read: it may be sealed to others
}

// ReadContacts verifies recorded contacts of a notice, and opens their notes with any of keys.
func ReadContacts(t *Trust, keys []*crypto.Key, want crypto.Number, n api.SignedManifest, contacts []api.Contact, now time.Time) ([]ContactRead, error) {
	v, err := t.approved(want, n, now)
	if err != nil {
		return nil, err
	}
	read := make([]ContactRead, len(contacts))
	for i, c := range contacts {
		read[i] = t.readContact(keys, v, c, now)
	}
	return read, nil
}

func (t *Trust) readContact(keys []*crypto.Key, v *crypto.VerifiedManifest, wire api.Contact, now time.Time) ContactRead {
	read := ContactRead{Mailbox: wire.Mailbox, Signed: wire.Contact, Received: wire.Received}
	verified, err := t.root.VerifyContact([]byte(wire.Contact), v, t.staff, now)
	if err != nil {
		read.Problem = because("contact-signature", err)
		return read
	}
	c := verified.Contact()
	if c.Mailbox != wire.Mailbox {
		read.Problem = because("contact-other", fmt.Errorf("the portal shows a contact with %s as one with %s: tell the administrators", c.Mailbox, printable(string(wire.Mailbox))))
		return read
	}
	read.Way, read.Outcome, read.Time, read.By = c.Way, c.Outcome, c.Time, verified.By().Name()
	switch {
	case c.NoteSHA256 == "" && len(wire.Note) > 0:
		read.NoteProblem = because("note-added", errors.New("the portal shows a note where none was signed"))
	case c.NoteSHA256 != "" && len(wire.Note) == 0:
		read.NoteProblem = because("note-held", errors.New("the portal keeps the note back"))
	case c.NoteSHA256 != "":
		if read.Note, err = t.root.OpenContactNote(wire.Note, verified, keys, now); err != nil {
			read.NoteProblem = because("note-unopened", err)
		}
	}
	return read
}

// StatusNames are the names for a table of a notice's mailboxes, as far as a directory has them; nil: none.
func StatusNames(d *Directory) api.StatusNames {
	if d == nil {
		return api.StatusNames{}
	}
	return api.StatusNames{
		Stakeholder: func(mailbox crypto.Number) string {
			if m := d.Mailbox(mailbox); m != nil {
				return m.Name
			}
			return ""
		},
		Person: func(representative string) string {
			if r, err := crypto.ParseRepresentative(representative); err == nil {
				if e := d.Entry(r); e != nil {
					return e.Name
				}
			}
			return ""
		},
	}
}
