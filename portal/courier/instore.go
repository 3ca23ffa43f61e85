package courier

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Fate is what became of a mail that came.
type Fate string

const (
	FateReceipt  Fate = "receipt"  // of a notice: verified, and kept as one that was given on the portal is
	FateReply    Fate = "reply"    // encrypted to the desk, and in the thread that it belongs to, unopened
	FateCommand  Fate = "command"  // by a representative: verified, and obeyed
	FateRepeated Fate = "repeated" // a receipt, or a reply, that is there already; nothing changed
	FateReturned Fate = "returned" // a mail of ours could not be delivered
	FateDelayed  Fate = "delayed"  // a mail of ours has not been delivered yet
	FateKept     Fate = "kept"     // nothing could be done with it: it is sealed to the desk, and shown
	FateDropped  Fate = "dropped"  // kept before, and given up for newer ones of its reason
)

// Reasons for which mail is kept for the desk. They bound each other: a flood of one pushes out nothing of another.
const (
	KeptReceipt   = "receipt"   // it holds a receipt that was not taken; the detail says why
	KeptCommand   = "command"   // it holds a command that was not obeyed; the detail says why
	KeptEncrypted = "encrypted" // it is encrypted, and in no thread, or not all of it; the detail says why
	KeptReturn    = "return"    // it came to the address for what can't be delivered, and is no report on a mail of ours
	KeptAutomatic = "automatic" // a program wrote it: somebody is out of office
	KeptBroken    = "broken"    // it is no mail, or is nested too deeply or has too many parts
	KeptOther     = "other"
)

// keptQuota is how much is kept for one reason; what is older is dropped.
type keptQuota struct {
	mails int
	bytes int64 // of the sealed records
}

var keptQuotas = map[string]keptQuota{
	KeptReceipt:   {2000, 128 << 20},
	KeptCommand:   {1000, 64 << 20},
	KeptEncrypted: {1000, 1 << 30},
	KeptReturn:    {1000, 64 << 20},
	KeptAutomatic: {500, 32 << 20},
	KeptBroken:    {500, 64 << 20},
	KeptOther:     {1000, 128 << 20},
}

// KeptMail is a mail that is kept for the desk.
type KeptMail struct {
	ID             string
	ReceivedAt     time.Time
	Reason, Detail string
	Notice         crypto.Number         // "": it answers none that is known
	Representative crypto.Representative // zero likewise
	Size           int64
	Record         []byte // the mail, sealed to the desk; nil in lists
}

// MailCount is how many mails came on a day (UTC) to which fate; for FateKept and FateDropped the reason stands behind it: "kept other".
type MailCount struct {
	Day   time.Time
	What  string
	Mails int
}

// Queued is an entry of the outbox, as little of it as it takes to know it again.
type Queued struct {
	Notice         crypto.Number
	Representative crypto.Representative
	Reminder       time.Time
}

// InStore is what taking mail in needs to keep. Every method is one transaction.
type InStore interface {
	// QueuedSince returns the entries of the outbox, in whatever state, of notices that came into the mailboxes after a time; at most limit, the newest first.
	QueuedSince(ctx context.Context, after time.Time, limit int) ([]Queued, error)
	// QueuedNewly returns likewise those that were made within a time before now, by the clock of who made them. Its cost is by what it returns.
	QueuedNewly(ctx context.Context, within time.Duration, limit int) ([]Queued, error)
	// ReturnMail records that the last mail about a notice to somebody came back (final), or has not arrived yet, and why: a word and a status. changed is false when the entry is not one that was sent, or
	// when it said so before. That a mail came back is an event of the notice.
	ReturnMail(ctx context.Context, n crypto.Number, r crypto.Representative, final bool, reason string, at time.Time) (changed bool, err error)
	// KeepMail keeps a mail, drops the oldest of its reason beyond a number and a size, and returns how many these were. The same ID again changes nothing: kept is false.
	KeepMail(ctx context.Context, m KeptMail, mails int, bytes int64) (kept bool, dropped int, err error)
	// CountMail adds to the count of a day.
	CountMail(ctx context.Context, what string, mails int, at time.Time) error
	// Staff returns all staff certificates.
	Staff(ctx context.Context) ([][]byte, error)
}

// InboxStore is what staff's view of the mail that came needs.
type InboxStore interface {
	portal.Auditor

	// KeptMails returns what is kept, newest first, without the records; at most limit.
	KeptMails(ctx context.Context, limit int) ([]KeptMail, error)
	// KeptMail returns one with its record; portal.NotFound.
	KeptMail(ctx context.Context, id string) (KeptMail, error)
	// RemoveKeptMail removes one that somebody has dealt with; portal.NotFound.
	RemoveKeptMail(ctx context.Context, id string) error
	// Commands returns those that were obeyed since a time, newest first; at most limit.
	Commands(ctx context.Context, since time.Time, limit int) ([]portal.TakenCommand, error)
	// MailCounts returns the counts since a time, newest day first.
	MailCounts(ctx context.Context, since time.Time) ([]MailCount, error)
}
