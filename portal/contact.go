package portal

import (
	"time"

	"valise/crypto"
)

// ContactRecord is a contact outside the portal that a staff member wrote down: a line of the notice's events, with the signed text as its evidence, and the
// note beside it.
type ContactRecord struct {
	Notice     crypto.Number
	Mailbox    crypto.Number
	By         string // a staff member's holder
	Way        crypto.ContactWay
	Outcome    crypto.ContactOutcome
	Time       time.Time // when it was, as it was signed
	Signed     []byte    // crypto.Contact, clear-signed
	Note       []byte    // sealed; nil: none
	ReceivedAt time.Time
}

// Told is by what else than the notice itself the people of a mailbox were told of it.
type Told struct {
	RemindedAt time.Time      // the last reminder on the portal; zero: none
	Contact    *ContactRecord // the newest, without text and note; nil: none
}
