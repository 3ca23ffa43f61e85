package api

import (
	"time"

	"valise/crypto"
)

// MailboxStatement is a statement that stands in a mailbox, as it is now: in GET /mailbox/statements without Versions and Nonce, in
// GET /mailbox/statements/{statement} with them.
type MailboxStatement struct {
	Statement crypto.Number        `json:"statement"`
	Version   int                  `json:"version"` // the newest one; what follows is about it
	Kind      crypto.StatementKind `json:"kind"`
	Topic     string               `json:"topic"`
	Titles    []StatementTitle     `json:"titles"` // the authoritative one first
	Published time.Time            `json:"published"`
	Asks      bool                 `json:"asks"`     // it asks this mailbox to acknowledge it
	Deadline  *time.Time           `json:"deadline"` // for that
	Overdue   bool                 `json:"overdue"`
	Fetched   *time.Time           `json:"fetched"` // null: nobody of the mailbox has fetched it from here
	// Acknowledgements are the mailbox's, of all versions, the newest first.
	Acknowledgements []StatementAcknowledgement `json:"acknowledgements"`

	Versions []StatementVersion `json:"versions,omitempty"` // the original first
	Nonce    string             `json:"nonce,omitempty"`
}

// StatementAcknowledgement is the mailbox's acknowledgement of one version.
type StatementAcknowledgement struct {
	Version int `json:"version"`
	Acknowledgement
}

// Acknowledgement returns the mailbox's of the newest version, or nil.
func (s *MailboxStatement) Acknowledgement() *Acknowledgement {
	for i := range s.Acknowledgements {
		if s.Acknowledgements[i].Version == s.Version {
			return &s.Acknowledgements[i].Acknowledgement
		}
	}
	return nil
}

// StatementStatus is the answer of GET /staff/statements/{statement}/acknowledgements.
type StatementStatus struct {
	Statement crypto.Number          `json:"statement"`
	Version   int                    `json:"version"`
	Asking    []int                  `json:"asking"` // the versions that ask anybody, the newest first
	Newest    int                    `json:"newest"` // when it is another one, this version is no longer awaited
	Kind      crypto.StatementKind   `json:"kind"`   // of the newest
	Titles    []StatementTitle       `json:"titles"` // of this version, the authoritative one first
	Published time.Time              `json:"published"`
	Deadline  *time.Time             `json:"deadline"`
	Kinds     []StatementKindStatus  `json:"kinds"`     // those that are asked
	Mailboxes []StatementMailboxLine `json:"mailboxes"` // of those kinds
}

// StatementKindStatus counts the mailboxes of a kind; each is counted once beside Mailboxes.
type StatementKindStatus struct {
	Kind         string `json:"kind"` // "S", "O", "I"
	Mailboxes    int    `json:"mailboxes"`
	Acknowledged int    `json:"acknowledged"`
	Refused      int    `json:"refused"`
	Overdue      int    `json:"overdue"`
	Fetched      int    `json:"fetched"` // and not acknowledged, nor overdue
	Waiting      int    `json:"waiting"` // neither
}

// StatementMailboxLine is how far one mailbox has come.
type StatementMailboxLine struct {
	Mailbox      crypto.Number   `json:"mailbox"`
	Fetched      *time.Time      `json:"fetched"`
	Acknowledged *time.Time      `json:"acknowledged"`
	By           string          `json:"by,omitempty"`
	Decision     crypto.Decision `json:"decision,omitempty"`
	Overdue      bool            `json:"overdue"`
}
