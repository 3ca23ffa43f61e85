package portal

import (
	"time"

	"valise/crypto"
)

// ReleaseProblem is why an approved notice could not be released at its time.
type ReleaseProblem struct {
	At   time.Time
	Code string // of the Error
	Text string // what to do, in English
}

// NoticeDeed is something to be done about a released notice at a time.
type NoticeDeed struct {
	Notice crypto.Number
	Deed   string // DeedRemind or DeedExpire
	Due    time.Time
}

// The deeds.
const (
	DeedRemind = "remind" // those who have not answered
	DeedExpire = "expire" // the deadline passed: for those who have not answered
)

// UnreachedMailbox is a mailbox that has not answered a notice.
type UnreachedMailbox struct {
	Notice    crypto.Number
	Mailbox   crypto.Number
	OpenedAt  time.Time // zero: it didn't
	Contacted time.Time // when somebody last reached for its people by another way; zero: nobody did
}
