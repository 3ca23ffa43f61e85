package courier

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// State is where an entry of the outbox stands.
type State string

const (
	Waiting   State = "waiting"
	Sent      State = "sent"      // a mail server took it over: that is relayed, not read
	Cancelled State = "cancelled" // it need not be sent any more
	Dead      State = "dead"      // it can't be sent; somebody has to do something
)

// Reasons of entries. What a mail server answered stands behind ReasonRefused and ReasonDeferred as its codes, "refused 550 5.1.1": its words may hold the address.
const (
	ReasonOpened       = "opened"        // the mailbox has opened the notice
	ReasonAnswered     = "acknowledged"  // the mailbox has answered the notice
	ReasonNever        = "never"         // the representative wants no e-mail
	ReasonLastCall     = "last-call"     // the representative wants one e-mail, shortly before the deadline, and this is another one
	ReasonNoAddress    = "no-address"    // there is none any more
	ReasonRevoked      = "revoked"       // the representative's access was ended
	ReasonNotYet       = "not-yet"       // its time has not come
	ReasonQuiet        = "quiet"         // the representative's quiet hours
	ReasonUnclaimed    = "unclaimed"     // nobody could open it: the key is still that of the letter
	ReasonUnreadable   = "unreadable"    // the sealed address does not open with this courier's key, or no registrar signed it
	ReasonNotGenuine   = "not-genuine"   // what is kept is not what two people of the staff signed for the representative
	ReasonNoIdentity   = "no-identity"   // the courier has no identity to write to this kind of mailbox under
	ReasonNoConnection = "no-connection" // no mail server could be reached, or it hung up
	ReasonNoTLS        = "no-tls"        // the mail server offers no TLS, or none that can be believed
	ReasonNoDomain     = "no-domain"     // the address's domain takes no mail
	ReasonNoDNS        = "no-dns"        // DNS gives no answer about the domain's mail servers, or one whose signatures don't hold
	ReasonPolicy       = "mta-sts"       // DNS names a mail server that the domain's policy doesn't, or one that doesn't show the certificate it asks for
	ReasonDANE         = "dane"          // the mail server doesn't show the certificate that the domain's signed DNS says
	ReasonBusy         = "busy"          // the domain gets mail from here already
	ReasonDeferred     = "deferred"      // a mail server said to try later
	ReasonRefused      = "refused"       // a mail server refused it for good
	ReasonGivenUp      = "given-up"      // it was deferred for days
	ReasonReturned     = "returned"      // a mail server took it over, and sent it back later; its status stands behind it
	ReasonDelayed      = "delayed"       // a mail server took it over, and says that it has not arrived yet
)

// Entry is one message to carry: a notice to one representative.
type Entry struct {
	Notice         crypto.Number
	Representative crypto.Representative
	Reminder       time.Time // when they were reminded of the notice; zero: it is the first message about it
	State          State
	QueuedAt       time.Time // when the notice came into the mailbox
	DueAt          time.Time // when it goes out by what the notice says, and not before they were reminded
	NextAt         time.Time
	Attempts       int
	Reason         string
	SettledAt      time.Time // zero while it waits
	Asked          bool      // they asked for it themself, by signed mail: it is sent at once, opened or not
}

// Letter is what is needed to decide over an entry, but for the body.
type Letter struct {
	Signed     crypto.SignedManifest // as it is kept: nothing of it is verified
	Membership []byte                // shows that the representative is in the audience

	Standing portal.RepresentativeState
	Profile  crypto.Profile
	Address  []byte // sealed; nil: none
	Opened   bool   // by anybody of the mailbox
	Answered bool   // likewise: there is a receipt
	Suite    crypto.Suite
	Envelope []byte
	Personal []byte // a second complete message: what the notice says to the mailbox alone; nil when it has no personal parts

	Certificate crypto.Fingerprint // that the envelope is wrapped to
	Heading     []byte             // sealed
	Chain       [][]byte           // the representative's certificates, issued one first
}

// Addressed is a representative who has claimed their mailbox and has an address.
type Addressed struct {
	Representative crypto.Representative
	Record         []byte // sealed
	SetAt          time.Time
	Chain          [][]byte // certificates, issued one first
}

// Settlement is what came of an entry.
type Settlement struct {
	Notice         crypto.Number
	Representative crypto.Representative
	Reminder       time.Time
	Lease          string    // under which it was worked on
	LeasedAt       time.Time // when that began
	State          State     // Waiting: to be looked at again at NextAt
	NextAt         time.Time
	Attempts       int
	Reason         string
	At             time.Time
}

// Store is what the courier needs to keep. Every method is one transaction.
type Store interface {
	// LeaseOutbox takes up to limit waiting entries whose time to be looked at has come, and that nobody else works on, for lease until a time.
	LeaseOutbox(ctx context.Context, lease string, now, until time.Time, limit int) ([]Entry, error)
	// HurryOutbox has all waiting entries looked at now, and returns how many.
	HurryOutbox(ctx context.Context, now time.Time) (int, error)
	// Letters returns what each of some entries is about; nil for one whose envelope is gone.
	Letters(ctx context.Context, entries []Entry) ([]*Letter, error)
	// Addressed returns some representatives with addresses, in the order in which those were set, those after one.
	Addressed(ctx context.Context, after Addressed, limit int) ([]Addressed, error)
	// Body returns one body of a notice.
	Body(ctx context.Context, n crypto.Number, s crypto.Suite) ([]byte, error)
	// WaitingOutbox calls do with each entry that waits and whose time to be looked at has come, whoever works on it.
	WaitingOutbox(ctx context.Context, now time.Time, do func(Entry)) error
	// SettleOutbox records what came of entries, with the events that staff and evidence see: all of it, or nothing. kept says of each whether it was recorded. It wasn't when its lease was
	// lost; but an entry that was sent is recorded under another's lease as well, while it waits and unless its time to be looked at was set anew after LeasedAt: it was sent, whoever has it now.
	SettleOutbox(ctx context.Context, settlements ...Settlement) (kept []bool, err error)
	// DeskKeyHolders returns who was given the key of which of the desk's certificates for mail programs.
	DeskKeyHolders(ctx context.Context) (map[crypto.Fingerprint][]string, error)
	// Staff returns all staff certificates.
	Staff(ctx context.Context) ([][]byte, error)
}
