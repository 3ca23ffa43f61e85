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
	UploadStore
	DraftStore
	ClockStore

	// Audited says whether the audit trail has an entry, by the same for the same act on the same object, from a time on.
	Audited(ctx context.Context, e portal.AuditEntry, since time.Time) (bool, error)

	// Submit keeps a notice in state Submitted with its bodies, its envelopes, its personal parts if it has any, and, by holder, the texts that show representatives
	// that they are in the audience; a claim, which replaces envelopes, leaves those as they are. portal.Conflict when the number is taken, or, with code
	// "stale-certificate", when a representative's current certificate is another one than their envelope's.
	Submit(ctx context.Context, n portal.NoticeRecord, bodies map[crypto.Suite][]byte, envelopes []crypto.Envelope, personal portal.PersonalParts, memberships map[string][]byte) error
	// Notices returns all notices, newest first, without audience.
	Notices(ctx context.Context) ([]portal.NoticeRecord, error)
	// Notice returns one with its audience and headings; portal.NotFound.
	Notice(ctx context.Context, n crypto.Number) (portal.NoticeRecord, error)
	// Signed returns one without them; portal.NotFound.
	Signed(ctx context.Context, n crypto.Number) (portal.NoticeRecord, error)
	// Envelope returns the holder's envelope; portal.NotFound.
	Envelope(ctx context.Context, n crypto.Number, holder string) (crypto.Envelope, error)
	// Body returns one body; portal.NotFound.
	Body(ctx context.Context, n crypto.Number, s crypto.Suite) ([]byte, error)
	// PersonalParts returns the personal parts of a notice, by mailbox; none when it has none.
	PersonalParts(ctx context.Context, n crypto.Number) (portal.PersonalParts, error)
	// PersonalPart returns the one that a representative gets, and their envelope for it; nil when the notice has none.
	PersonalPart(ctx context.Context, n crypto.Number, r crypto.Representative) (part, envelope []byte, err error)

	// Release adds the approver's signature, sets the clock for what the notice's policy says, and puts the notice into every mailbox of its audience.
	// Releasing again with the same signature changes nothing and returns when it was released; with another it is portal.Conflict.
	// portal.Conflict with code "already-returned" or "already-recalled" when it ended before.
	// portal.Conflict with code "stale-certificate" names representatives whose certificate is no longer the one that was sealed to
	// and who hold no portal key that still opens it.
	Release(ctx context.Context, n crypto.Number, approverSignature []byte, at time.Time) (released time.Time, err error)

	// EndNotice keeps that a submitted notice was returned or recalled, by whom, and why (sealed; nil: nobody said), and returns when. It is never released
	// after that, and stays where it is for the desk to read. The same again changes nothing; portal.Conflict with code "already-released", "already-returned"
	// or "already-recalled"; portal.NotFound.
	EndNotice(ctx context.Context, n crypto.Number, end portal.NoticeState, by string, reason []byte, at time.Time) (ended time.Time, err error)

	// Deliveries returns what lies in the representative's mailbox, newest first.
	Deliveries(ctx context.Context, r crypto.Representative) ([]portal.Delivery, error)
	// Delivery returns one of them; portal.NotFound.
	Delivery(ctx context.Context, r crypto.Representative, n crypto.Number) (portal.Delivery, error)
	// MarkOpened records the first time that the mailbox fetched the notice, and returns it; later calls change nothing. portal.NotFound.
	MarkOpened(ctx context.Context, r crypto.Representative, n crypto.Number, at time.Time) (opened time.Time, err error)
	// RecordAcknowledgement keeps the receipt of a notice that was opened, and returns what is kept. The same receipt again changes
	// nothing; another for the same mailbox is portal.Conflict with code "already-acknowledged".
	RecordAcknowledgement(ctx context.Context, a portal.AcknowledgementRecord) (kept portal.AcknowledgementRecord, created bool, err error)
	// Acknowledgement returns the mailbox's receipt; portal.NotFound.
	Acknowledgement(ctx context.Context, n crypto.Number, mailbox crypto.Number) (portal.AcknowledgementRecord, error)
	// Receipts returns, by their mailboxes, at most limit receipts of a notice after those of a mailbox ("": from the first on).
	Receipts(ctx context.Context, n, after crypto.Number, limit int) ([]portal.AcknowledgementRecord, error)
	// Status returns a line per mailbox of the notice.
	Status(ctx context.Context, n crypto.Number) ([]portal.MailboxStatus, error)
	// NoticeTallies counts the mailboxes of released notices; one without any is missing.
	NoticeTallies(ctx context.Context, notices []crypto.Number) (map[crypto.Number]portal.NoticeTally, error)
	// Headings returns those of the notices that have an envelope of the holder's, newest first.
	Headings(ctx context.Context, holder string, notices []crypto.Number) ([]portal.HeadedNotice, error)
	// LastProgress returns when a mailbox of the notice last opened or answered it; zero: none has.
	LastProgress(ctx context.Context, n crypto.Number) (time.Time, error)
	// Progress returns how far the notice had come at the ends of so many equal parts of the time between two; the last one counts all there is.
	Progress(ctx context.Context, n crypto.Number, from, to time.Time, parts int) ([]portal.ProgressPoint, error)
	// Unreachable counts the mailboxes of the notice that can't be reached: portal.MailboxStatus.Unreachable.
	Unreachable(ctx context.Context, n crypto.Number) (int, error)
	// ProgressLines returns, with Reach, by mailbox, at most limit lines of a released notice after a mailbox's ("": from the first): all, or those that changed at a time or later.
	ProgressLines(ctx context.Context, n crypto.Number, since time.Time, after crypto.Number, limit int) ([]portal.MailboxStatus, error)
	// MailboxEvidence returns, by their numbers, at most limit mailboxes of a released notice that come after one ("": from the first on), each with all that
	// is kept of it at one moment.
	MailboxEvidence(ctx context.Context, n, after crypto.Number, limit int) ([]portal.MailboxEvidence, error)

	// RecordContact keeps a contact outside the portal with a mailbox of a released notice: the event, its entry for the ledger, and the sealed note. The same
	// signed text again changes nothing: created is false. portal.NotFound when the notice does not lie in the mailbox.
	RecordContact(ctx context.Context, c portal.ContactRecord) (kept portal.ContactRecord, created bool, err error)
	// Contacts returns all contacts about a notice, newest first; way, outcome and time are in the signed text.
	Contacts(ctx context.Context, n crypto.Number) ([]portal.ContactRecord, error)
	// Told returns when mailboxes of a notice were last reminded and contacted; those that weren't are missing.
	Told(ctx context.Context, n crypto.Number) (map[crypto.Number]portal.Told, error)
	// RecordReminders reminds those of mailboxes that were not reminded after since, and returns them, in their order.
	RecordReminders(ctx context.Context, n crypto.Number, mailboxes []crypto.Number, by string, at, since time.Time) (reminded []crypto.Number, err error)

	// Standing returns a representative's state; portal.NotFound.
	Standing(ctx context.Context, r crypto.Representative) (portal.RepresentativeState, error)
	// Certificates returns the chains of representatives, issued one first; who doesn't exist is missing in it.
	Certificates(ctx context.Context, representatives ...crypto.Representative) (map[crypto.Representative][][]byte, error)
	// StaffCertificates returns all staff certificates.
	StaffCertificates(ctx context.Context) ([][]byte, error)
}
