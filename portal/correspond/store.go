package correspond

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Thread is a thread as one holder sees it.
type Thread struct {
	Number    crypto.Number
	Mailbox   crypto.Number
	About     crypto.Number // or ""
	Closed    bool
	Assignee  string // holder name of a member of the desk, or ""
	BegunAt   time.Time
	ChangedAt time.Time          // of the last message
	Last      crypto.MessageKind // its kind
	Messages  int
	Unread    int    // that the holder could fetch, and has not
	Unshared  int    // that are not sealed to the holder: they came later than these
	First     Record // the first message, whose subject is the thread's
	Label     []byte // sealed: whose mailbox it is
}

// Waiting says whether the thread waits for an answer.
func (t *Thread) Waiting() bool { return !t.Closed && t.Last != crypto.Answer }

// Record is a message as one holder sees it. What opens it is empty when it is not sealed to them.
type Record struct {
	ID         string
	Kind       crypto.MessageKind
	SHA256     string // of the heading in clear, as the writer's client said; of a mail, of its octets
	Writer     string // holder name of who was logged in; "" of a mail
	Answers    string // of a mail: the representative to whom that of ours went
	ReceivedAt time.Time
	ReadAt     time.Time // zero: the holder has not fetched it
	Suite      crypto.Suite
	Envelope   []byte
	Heading    []byte
}

// Incoming is a message to be kept.
type Incoming struct {
	*crypto.SealedThreadMessage
	Writer string
	At     time.Time
	// Claimed are the certificates of all who have claimed the mailbox, by holder, as they
	// were when the message was checked.
	Claimed map[string]crypto.Fingerprint
}

// Limits bound what one mailbox may send.
type Limits struct {
	Threads  int           // of a mailbox
	Messages int           // of a thread
	Recent   int           // messages of a mailbox's representatives within Period
	Size     int64         // bytes of those
	Period   time.Duration //
}

// Member is a representative of a mailbox.
type Member struct {
	Representative crypto.Representative
	Details        []byte // sealed: who it is
	Chain          [][]byte
}

// Lack is a message that its holder can open, and somebody who should can't.
type Lack struct {
	Thread   crypto.Number
	Mailbox  crypto.Number
	Message  string
	Suite    crypto.Suite
	Envelope []byte // the asking holder's
	Holder   string // whom one is missing for
}

// Shared is an envelope for somebody who lacked one.
type Shared struct {
	Message string
	crypto.Envelope
}

// Store is what the step needs to keep. Every method is one transaction, and what it confirmed is on disk.
type Store interface {
	portal.Auditor

	// AddMessage keeps a message and begins its thread, if it is a reply to one that isn't there. The same message again (id, thread, writer and digest)
	// changes nothing and returns when it was received. portal.Conflict with code "addressees-changed" when the mailbox's representatives are no longer
	// those of Claimed; "message-exists", "other-thread", "thread-full", "too-many-replies" say what else is in the way. portal.NotFound for an answer without a thread.
	AddMessage(ctx context.Context, m Incoming, limits Limits) (received time.Time, created bool, err error)
	// Threads returns threads, the last changed one first, at most a thousand: of one mailbox, or "" for all; in one state, "open" or "closed", or "" for both.
	Threads(ctx context.Context, holder string, mailbox crypto.Number, state string) ([]Thread, error)
	// Thread returns one with its messages in their order; portal.NotFound.
	Thread(ctx context.Context, holder string, n crypto.Number) (Thread, []Record, error)
	// Message returns one message of a thread and its body in the suite of the holder's envelope, both empty without one, and of a mail its octets; portal.NotFound.
	Message(ctx context.Context, holder string, n crypto.Number, id string) (Record, []byte, error)
	// AddMail keeps a reply that came by e-mail, in the mailbox's last changed thread about its notice, or begins one. The same again (its ID) changes nothing. portal.Conflict "thread-full", portal.TooMany "too-many-mails" and
	// "too-many-threads" say what is in the way.
	AddMail(ctx context.Context, m IncomingMail, limits MailLimits) (created bool, err error)
	// MarkRead records the first time that a holder fetched a message; later calls change nothing.
	MarkRead(ctx context.Context, holder, id string, at time.Time) error
	// Assign gives a thread to a member of the desk, or to nobody; portal.NotFound.
	Assign(ctx context.Context, n crypto.Number, assignee string) error
	// SetClosed closes or reopens a thread; portal.NotFound.
	SetClosed(ctx context.Context, n crypto.Number, closed bool) error

	// Lacking returns, for messages that the holder has an envelope of, who lacks one: of the desk, given by holder name, and of the mailbox's claimed
	// representatives. mailbox limits it to one; "" for all.
	Lacking(ctx context.Context, holder string, mailbox crypto.Number, desk []string, limit int) ([]Lack, error)
	// AddEnvelopes keeps envelopes of a thread for those who lack one, if by holds one of the same message; who has one keeps it. It returns how many were new.
	// portal.Conflict with code "addressees-changed" when a representative has not claimed the mailbox, or has another certificate.
	AddEnvelopes(ctx context.Context, by string, n crypto.Number, envelopes []Shared) (added int, err error)

	// Members returns who has claimed a mailbox, by ordinal, and its sealed label; portal.NotFound.
	Members(ctx context.Context, mailbox crypto.Number) (label []byte, members []Member, err error)
	// Delivered says whether a notice lies in a mailbox, or a statement is published.
	Delivered(ctx context.Context, mailbox, about crypto.Number) (bool, error)
	// Standing returns a representative's state; portal.NotFound.
	Standing(ctx context.Context, r crypto.Representative) (portal.RepresentativeState, error)
	// Certificates returns the chains of representatives, issued one first; who doesn't exist is missing in it.
	Certificates(ctx context.Context, representatives ...crypto.Representative) (map[crypto.Representative][][]byte, error)
	// MailboxCertificates returns the chains of all representatives of a mailbox, those whose access was ended included.
	MailboxCertificates(ctx context.Context, mailbox crypto.Number) (map[crypto.Representative][][]byte, error)
	// StaffCertificates returns all staff certificates.
	StaffCertificates(ctx context.Context) ([][]byte, error)
}
