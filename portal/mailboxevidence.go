package portal

import (
	"time"

	"valise/crypto"
)

// MailboxEvidence is what the portal keeps of one mailbox that a notice was released into: what an evidence bundle is made of.
type MailboxEvidence struct {
	Mailbox         crypto.Number
	DeliveredAt     time.Time
	OpenedAt        time.Time              // zero: no representative of it has fetched the notice
	OpenedBy        string                 // who did, first: a representative's number; "" when that wasn't kept
	Acknowledgement *AcknowledgementRecord // with the receipt; nil: none
	Members         []MemberEvidence       // the representatives that the notice was sealed to, by ordinal
	Events          []NoticeEvent          // what else happened, in the order of time
}

// MemberEvidence is one of them.
type MemberEvidence struct {
	Representative crypto.Representative
	Membership     []byte // shows that they are in the audience: crypto.Membership
	Chain          []ChainLink
}

// ChainLink is one certificate of a representative, the issued one first.
type ChainLink struct {
	Fingerprint crypto.Fingerprint
	Certificate []byte
}
