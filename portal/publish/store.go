package publish

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Store is what publish needs to keep. Every method is one transaction, and what it
// confirmed is on disk.
type Store interface {
	portal.Auditor

	// SaveStatementDraft keeps a draft (Statement, Revision, Draft, Attachments, SavedBy, SavedAt) that follows the revision before it; the statement is a draft
	// again, and what was submitted or approved is gone. The same draft again changes nothing. Another one of that revision, or a later one, is
	// portal.Conflict with code "draft-changed"; that there is none to follow, portal.NotFound;
	// that a sealed file that it names isn't there, portal.Conflict with code "attachment-not-uploaded".
	SaveStatementDraft(ctx context.Context, w Work, mostOfPerson int64) error
	// DiscardStatementDraft forgets a draft in state Draft; portal.NotFound, and portal.Conflict when it isn't in that state and revision.
	DiscardStatementDraft(ctx context.Context, n crypto.Number, revision int) error
	// StatementWorks returns all statements being worked on, last saved first, without submissions.
	StatementWorks(ctx context.Context) ([]Work, error)
	// StatementWork returns one with everything; portal.NotFound.
	StatementWork(ctx context.Context, n crypto.Number) (Work, error)

	// StatementStanding returns one without draft, submission and reason; portal.NotFound.
	StatementStanding(ctx context.Context, n crypto.Number) (Work, error)

	// SubmitStatement keeps what was submitted (Statement, Revision, Submission, SubmissionSHA256, SubmittedBy, SubmittedAt). The same again changes
	// nothing. When the revision is not the current one, or it isn't in state Draft: portal.Conflict.
	SubmitStatement(ctx context.Context, w Work) error
	// ApproveStatement puts what was approved (Statement, Submission, SubmissionSHA256, Attachments, ApprovedBy, ApprovedAt) in the place of the submission named, which must be
	// there, in state Submitted; portal.Conflict. The same again changes nothing.
	ApproveStatement(ctx context.Context, w Work, submission string) error
	// ReturnStatement makes a draft again of what was submitted or approved as named, and keeps the sealed reason, if there is one; portal.Conflict.
	ReturnStatement(ctx context.Context, n crypto.Number, submission string, reason []byte, by string, at time.Time) error

	// WaitingStatements returns what is approved.
	WaitingStatements(ctx context.Context) ([]Waiting, error)
	// MarkStatementChecked says that a notary will be able to publish it.
	MarkStatementChecked(ctx context.Context, n crypto.Number, submission string, at time.Time) error
	// Publish adds a version to the archive and ends the work on it. When the version is published already, with the same manifest, it returns
	// when, and created is false. portal.Conflict when the work is not as the publication says, or the version doesn't follow the newest one.
	Publish(ctx context.Context, p Publication) (at time.Time, created bool, err error)

	// Statement returns all published versions, the original first; portal.NotFound.
	Statement(ctx context.Context, n crypto.Number) ([]Version, error)
	// Statements returns a page of the archive, newest first.
	Statements(ctx context.Context, q Query) ([]Entry, error)

	// MailboxStatements returns the statements that stand in a mailbox: those of which any version asks its kind. The last published first.
	MailboxStatements(ctx context.Context, mailbox crypto.Number) ([]MailboxStatement, error)
	// MailboxStatement returns one of them; portal.NotFound.
	MailboxStatement(ctx context.Context, mailbox, n crypto.Number) (MailboxStatement, error)
	// MarkStatementFetched records the first time that the mailbox fetched the version, and returns it; later calls change nothing.
	MarkStatementFetched(ctx context.Context, mailbox, n crypto.Number, version int, at time.Time) (fetched time.Time, err error)
	// RecordStatementAcknowledgement keeps the receipt of a version that was fetched, and returns what is kept. The same receipt again changes nothing; another for the same mailbox is
	// portal.Conflict with code "already-acknowledged", and one of a version that is no longer the newest, "statement-corrected".
	RecordStatementAcknowledgement(ctx context.Context, a portal.StatementAcknowledgement) (kept portal.StatementAcknowledgement, created bool, err error)
	// StatementAcknowledgement returns the mailbox's receipt of a version, or, for version 0, of the newest that it has acknowledged; portal.NotFound.
	StatementAcknowledgement(ctx context.Context, n crypto.Number, version int, mailbox crypto.Number) (portal.StatementAcknowledgement, error)
	// StatementMailboxes returns a line for every mailbox of the kinds that anybody can still log in to, sorted by number.
	StatementMailboxes(ctx context.Context, n crypto.Number, version int, kinds []crypto.Kind) ([]StatementMailbox, error)

	// AwaitedStatements returns at most n statements whose newest version asks anybody, the last published first; and how many mailboxes of each kind there are that anybody can still
	// log in to.
	AwaitedStatements(ctx context.Context, n int) ([]Awaited, map[crypto.Kind]int, error)

	// Standing returns a representative's state; portal.NotFound.
	Standing(ctx context.Context, r crypto.Representative) (portal.RepresentativeState, error)
	// Certificates returns the chains of representatives, issued one first; who doesn't exist is missing in it.
	Certificates(ctx context.Context, representatives ...crypto.Representative) (map[crypto.Representative][][]byte, error)
	// SaveSealedFile keeps a file of a statement that nobody may read yet. The same again changes nothing. More than so many files, or bytes, for one statement are portal.TooLarge, and so
	// are more bytes than mostOfPerson that one person uploaded, for whatever statements.
	SaveSealedFile(ctx context.Context, f SealedFile, mostFiles int, mostSize, mostOfPerson int64) error
	// SealedFile returns one; portal.NotFound.
	SealedFile(ctx context.Context, n crypto.Number, id string) (SealedFile, error)
	// ApprovedFiles names those that were handed in, with the approval, for the notaries.
	ApprovedFiles(ctx context.Context, n crypto.Number) (ids []string, err error)
	// KeptFiles returns the sizes of all files of a statement's published versions, by their digests.
	KeptFiles(ctx context.Context, n crypto.Number) (map[string]int64, error)
	// StatementFile finds a published file; version 0 is the newest. portal.NotFound.
	StatementFile(ctx context.Context, n crypto.Number, version int, name string) (File, error)
	// FileData returns a published file's octets.
	FileData(ctx context.Context, sha256 string) ([]byte, error)

	// StaffCertificates returns all staff certificates.
	StaffCertificates(ctx context.Context) ([][]byte, error)
}
