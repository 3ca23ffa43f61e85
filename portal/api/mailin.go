package api

import (
	"time"

	"valise/crypto"
)

// MailIn is the answer of GET /staff/mail: what came by e-mail.
type MailIn struct {
	Kept     []KeptMail    `json:"kept"`
	Commands []MailCommand `json:"commands"` // obeyed in the last thirty days, newest first
	Counts   []MailCount   `json:"counts"`
}

// MailCommand is what a representative had done by signed mail.
type MailCommand struct {
	Representative string             `json:"representative"`
	Command        crypto.CommandKind `json:"command"` // resend, stop-email, new-certificate
	About          string             `json:"about"`   // a notice's number, a certificate's fingerprint, or everything
	Time           time.Time          `json:"time"`    // in it
	Taken          time.Time          `json:"taken"`
}

// KeptMail is a mail that came and that the courier could do nothing with. What it says is sealed to authors and approvers.
type KeptMail struct {
	ID             string        `json:"id"`
	Received       time.Time     `json:"received"`
	Reason         string        `json:"reason"`           // receipt, command, encrypted, return, automatic, broken, other
	Detail         string        `json:"detail,omitempty"` // why a receipt was not taken: a code
	Notice         crypto.Number `json:"notice,omitempty"` // that it answers, when an address of ours in it says so
	Representative string        `json:"representative,omitempty"`
	Size           int64         `json:"size"` // octets
}

// MailCount is how many mails came on a day (UTC) to which end: receipt, repeated, returned, delayed, and "kept", "repeated" or "dropped" with a reason.
type MailCount struct {
	Day   string `json:"day"` // 2026-01-15
	What  string `json:"what"`
	Mails int    `json:"mails"`
}

// SealedMail is the answer of GET /staff/mail/{mail}.
type SealedMail struct {
	KeptMail
	Record []byte `json:"record"` // the mail, octet by octet, sealed to authors and approvers and signed by the courier
}
