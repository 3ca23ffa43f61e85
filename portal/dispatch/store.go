package dispatch

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Store is what dispatch needs to keep. Every method is one transaction, and
// what it confirmed is on disk.
type Store interface {
	portal.Auditor

	// Submit keeps a notice in state Submitted with its bodies and envelopes. portal.Conflict when the number is taken.
	Submit(ctx context.Context, n portal.NoticeRecord, bodies map[crypto.Suite][]byte, envelopes []crypto.Envelope) error
	// Notices returns all notices, newest first, without audience.
	Notices(ctx context.Context) ([]portal.NoticeRecord, error)
	// Notice returns one with its audience; portal.NotFound.
	Notice(ctx context.Context, n crypto.Number) (portal.NoticeRecord, error)
	// Envelope returns the holder's envelope; portal.NotFound.
	Envelope(ctx context.Context, n crypto.Number, holder string) (crypto.Envelope, error)
	// Body returns one body; portal.NotFound.
	Body(ctx context.Context, n crypto.Number, s crypto.Suite) ([]byte, error)

	// Release adds the approver's signature and puts the notice into every mailbox of its audience.
	// Releasing again with the same signature changes nothing and succeeds; with another it is portal.Conflict.
	// portal.Conflict with code "stale-certificate" names representatives whose certificate is no longer the one that was sealed to
	// and who hold no portal key that still opens it.
	Release(ctx context.Context, n crypto.Number, approverSignature []byte, at time.Time) error

	// Deliveries returns what lies in the representative's mailbox, newest first.
	Deliveries(ctx context.Context, r crypto.Representative) ([]portal.Delivery, error)
	// Delivery returns one of them; portal.NotFound.
	Delivery(ctx context.Context, r crypto.Representative, n crypto.Number) (portal.Delivery, error)
	// MarkOpened records the first time that the mailbox fetched the notice; later calls change nothing.
	MarkOpened(ctx context.Context, r crypto.Representative, n crypto.Number, at time.Time) error
	// RecordAcknowledgement keeps the receipt. The same receipt again changes nothing and succeeds; another for the same mailbox
	// is portal.Conflict with code "already-acknowledged".
	RecordAcknowledgement(ctx context.Context, a portal.AcknowledgementRecord) error
	// Acknowledgement returns the mailbox's receipt; portal.NotFound.
	Acknowledgement(ctx context.Context, n crypto.Number, mailbox crypto.Number) (portal.AcknowledgementRecord, error)
	// Status returns a line per mailbox of the notice.
	Status(ctx context.Context, n crypto.Number) ([]portal.MailboxStatus, error)

	// Certificates returns the representative's chain, issued one first.
	Certificates(ctx context.Context, r crypto.Representative) ([][]byte, error)
	// StaffCertificates returns all staff certificates.
	StaffCertificates(ctx context.Context) ([][]byte, error)
}
