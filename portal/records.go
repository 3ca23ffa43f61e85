package portal

import (
	"time"

	"valise/crypto"
)

// RepresentativeState is where a representative stands.
type RepresentativeState string

const (
	Issued  RepresentativeState = "issued"  // key made by a registrar, not yet claimed
	Claimed RepresentativeState = "claimed" // own key
	Revoked RepresentativeState = "revoked"
)

// RepresentativeRecord is what the server knows of a representative.
type RepresentativeRecord struct {
	Representative crypto.Representative
	State          RepresentativeState
	Profile        crypto.Profile
	Salt           []byte   // 16 bytes; nil when the key never was with us (own)
	Verifier       []byte   // crypto.LogInVerifier of the log-in secret; nil likewise
	LockedBundle   []byte   // nil likewise
	Chain          [][]byte // certificates, issued one first, current one last
	Details        []byte   // sealed: who it is
	IssuedAt       time.Time
	ClaimedAt      time.Time // zero: not yet
	RevokedAt      time.Time // zero: not
	Reason         []byte    // sealed to the registrars: why they were revoked
	StoppedEmail   time.Time // when they stopped e-mail themself, by signed mail, and no address was set since (in the directory only)
	HasAddress     bool      // there is an e-mail address, sealed (in the directory only)
}

// NoticeState is where a notice stands.
type NoticeState string

const (
	Submitted NoticeState = "submitted" // waits for approval
	Approved  NoticeState = "approved"  // waits for its time, at which it is released
	Released  NoticeState = "released"
	Returned  NoticeState = "returned" // an approver sent it back: it will never be released
	Recalled  NoticeState = "recalled" // its author, or an approver, took it back: likewise
)

// NoticeRecord is a notice without its bodies and envelopes.
type NoticeRecord struct {
	Number      crypto.Number
	State       NoticeState
	Signed      crypto.SignedManifest
	Audience    []byte
	Headings    map[crypto.Suite][]byte
	SubmittedAt time.Time
	ReleasedAt  time.Time
	ApprovedAt  time.Time       // when it was approved, if it had to wait for its time
	ReleaseAt   time.Time       // that time
	Problem     *ReleaseProblem // nil: none; an approved notice with one is not released any more
	EndedAt     time.Time       // when it was returned or recalled; zero: it wasn't
	EndedBy     string          // by whom: a staff member's holder
	Reason      []byte          // why, sealed to the desk; nil when nobody said
}

// PersonalParts is what a notice says to each mailbox alone, sealed. The zero value: it has none.
type PersonalParts struct {
	Key   []byte // a record that opens all of them for the desk
	Parts []crypto.SealedPersonal
}

// NoticeTally counts the mailboxes of a released notice.
type NoticeTally struct {
	Mailboxes, Opened, Acknowledged, Refused int
	Unreachable                              int // see MailboxStatus.Unreachable
}

// Delivery is one released notice in one mailbox, as one representative sees it.
type Delivery struct {
	Notice          NoticeRecord // Audience is empty: recipients aren't shown to each other
	Envelope        []byte       // this representative's
	Membership      []byte       // shows that they are in the audience: crypto.Membership
	Suite           crypto.Suite
	DeliveredAt     time.Time
	OpenedAt        time.Time // zero: no representative of the mailbox has fetched it
	RemindedAt      time.Time // when the institution last reminded the mailbox of it; zero: never
	Acknowledgement *AcknowledgementRecord
	Personal        []byte // the personal part of the mailbox in Suite, with the body alone; nil when the notice has none
	PersonalKey     []byte // this representative's envelope for it
}

// AcknowledgementRecord is a stored receipt. There is one per notice and mailbox.
type AcknowledgementRecord struct {
	Notice         crypto.Number
	Representative crypto.Representative
	Certificate    crypto.Fingerprint
	Decision       crypto.Decision
	Receipt        []byte // clear-signed
	ReceivedAt     time.Time
}

// StatementAcknowledgement is a stored receipt of a statement. There is one per version and mailbox.
type StatementAcknowledgement struct {
	Statement      crypto.Number
	Version        int
	Representative crypto.Representative
	Certificate    crypto.Fingerprint
	Decision       crypto.Decision
	Receipt        []byte // clear-signed; nil in lists
	ReceivedAt     time.Time
}

// MailboxStatus is one line of what staff watch.
type MailboxStatus struct {
	Mailbox         crypto.Number
	DeliveredAt     time.Time
	OpenedAt        time.Time
	Acknowledgement *AcknowledgementRecord // without the receipt

	// Only where they are asked for:
	Reach      *NoticeEvent // the last try to reach it by another way than the portal, or nil; without evidence
	RemindedAt time.Time    // last, on the portal; zero: never
}

// Unreachable says that the last try to reach a mailbox by another way failed, and that it has not come by itself.
func (m MailboxStatus) Unreachable() bool {
	return m.OpenedAt.IsZero() && m.Reach != nil && (m.Reach.Kind == ConsignmentNotificationFailure || m.Reach.Kind == RelayToNonERDSFailure)
}
