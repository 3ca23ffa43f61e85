package api

import (
	"time"

	"valise/crypto"
)

// RecordContact is the request of POST /staff/notices/{notice}/contacts.
type RecordContact struct {
	Contact string `json:"contact"`        // "valise contact v1", clear-signed by who sends it
	Note    []byte `json:"note,omitempty"` // sealed; absent when the contact names none
}

// RecordedContact is its answer.
type RecordedContact struct {
	Received time.Time `json:"received"`
	Contact  string    `json:"contact"` // as it is kept, in the one spelling that gpg reads
}

// LastContact is what the portal reads in the newest contact with a mailbox.
type LastContact struct {
	Way     crypto.ContactWay     `json:"way"`
	Outcome crypto.ContactOutcome `json:"outcome"`
	Time    time.Time             `json:"time"` // with the offset that it was signed with
}

// Contact is one of the answer of GET /staff/notices/{notice}/contacts: newest first.
type Contact struct {
	Mailbox  crypto.Number `json:"mailbox"`
	Contact  string        `json:"contact"`
	Note     []byte        `json:"note,omitempty"`
	Received time.Time     `json:"received"`
}

// Remind is the request of POST /staff/notices/{notice}/reminders: some mailboxes, or all that are awaited.
type Remind struct {
	Mailboxes []crypto.Number `json:"mailboxes,omitempty"`
	Overdue   bool            `json:"overdue,omitempty"` // all whose deadline has passed
	Awaited   bool            `json:"awaited,omitempty"` // all that have not answered, or, when nothing is asked, not opened
}

// Reminded is its answer. Each mailbox that was named is in one of the lists.
type Reminded struct {
	Reminded []crypto.Number `json:"reminded"`
	Lately   []crypto.Number `json:"lately"`   // not again: they were reminded within the hour
	Answered []crypto.Number `json:"answered"` // nothing is awaited of them any more
}
