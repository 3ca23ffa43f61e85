package registry

import (
	"context"
	"crypto/sha256"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Store is what the registry needs to keep. Every method is one transaction, and
// what it confirmed is on disk.
type Store interface {
	portal.Auditor

	// AddStaff keeps what decide returns, given the certificate of that fingerprint that is stored (nil: none), in one transaction; nothing
	// when it returns nil. decide may be called again.
	AddStaff(ctx context.Context, f crypto.Fingerprint, decide func(stored []byte) (keep []byte, err error)) error
	// Staff returns all staff certificates, in a steady order.
	Staff(ctx context.Context) ([][]byte, error)

	// AddClientManifest keeps one, which must be newer than all that are there (portal.Conflict with code "client-manifest-older"), with its entry for the ledger.
	AddClientManifest(ctx context.Context, m ClientManifest) error
	// ClientManifest returns one by the digest of its text; portal.NotFound.
	ClientManifest(ctx context.Context, sha256 string) (ClientManifest, error)
	// NewestClientManifest returns the newest of a client ("": of any); portal.NotFound.
	NewestClientManifest(ctx context.Context, client string) (ClientManifest, error)

	// Issue keeps a new representative, and its mailbox when that is new (label: sealed name of the stakeholder).
	// portal.Conflict when the representative exists.
	Issue(ctx context.Context, r portal.RepresentativeRecord, label []byte) error
	// Representative returns one; portal.NotFound.
	Representative(ctx context.Context, r crypto.Representative) (portal.RepresentativeRecord, error)
	// Standing returns a representative's state; portal.NotFound.
	Standing(ctx context.Context, r crypto.Representative) (portal.RepresentativeState, error)
	// CurrentKey returns a representative's state and the certificate that is theirs now; portal.NotFound.
	CurrentKey(ctx context.Context, r crypto.Representative) (portal.RepresentativeState, crypto.Fingerprint, error)
	// Lock returns what is needed before a locked bundle is given out, without the bundle; portal.NotFound.
	Lock(ctx context.Context, holder string) (Lock, error)
	// Directory returns every mailbox with its representatives, for staff clients. Salt, Verifier and LockedBundle are left out.
	Directory(ctx context.Context) ([]Mailbox, error)
	// Envelopes returns every envelope that the representative holds, released or not.
	Envelopes(ctx context.Context, holder string) ([]HeldEnvelope, error)
	// Claim moves the representative from state Issued to Claimed with the record's key material and chain, and replaces its envelopes.
	// portal.Conflict with code "already-claimed"; with code "envelopes-changed" when an envelope that it holds isn't among the rewrapped.
	Claim(ctx context.Context, r portal.RepresentativeRecord, rewrapped []HeldEnvelope) error
	// RevokeRepresentative moves the representative to state Revoked, with the first certificate of the record's chain, the time and the reason, and forgets what their key
	// was locked with. portal.Conflict with code "already-revoked"; with code "claimed-meanwhile" when the chain has grown.
	RevokeRepresentative(ctx context.Context, r portal.RepresentativeRecord) error
	// SetAddress keeps a sealed address in place of what was there, and queues for it what lies unopened in the mailbox; portal.NotFound, portal.Conflict with code "already-revoked".
	SetAddress(ctx context.Context, a Address) error
	// RemoveAddress forgets an address; portal.NotFound.
	RemoveAddress(ctx context.Context, r crypto.Representative) error
	// Address returns one; portal.NotFound.
	Address(ctx context.Context, r crypto.Representative) (Address, error)
	// ShareDeskKey keeps records of a desk's key; one that is there already, for the same member from the same giver, stays as it is.
	ShareDeskKey(ctx context.Context, shares []DeskKeyShare) error
	// DeskKeyShares returns what a member of the desk was given.
	DeskKeyShares(ctx context.Context, holder string) ([]DeskKeyShare, error)
	// DeskKeyHolders returns who was given the key of which of the desk's certificates.
	DeskKeyHolders(ctx context.Context) (map[crypto.Fingerprint][]string, error)
	// CommandTaken says whether a text was obeyed.
	CommandTaken(ctx context.Context, r crypto.Representative, digest [sha256.Size]byte) (bool, error)
	// TryCommand writes down what is about to be tried. try is false beyond MaxCommandsTried of the same actor within a day: then it writes one entry of the act more, about the actor, and for the rest
	// of that day none.
	TryCommand(ctx context.Context, e portal.AuditEntry, more string) (try bool, err error)
	// CommandsOf returns what representatives of a mailbox had done by signed mail since a time, newest first, without the messages.
	CommandsOf(ctx context.Context, mailbox crypto.Number, since time.Time) ([]portal.TakenCommand, error)
	// TakeCommand obeys a command that was verified, once, and keeps it: a notice is queued for the courier, the address forgotten (unless it was set later than the command says), or the last
	// certificate of chain put in the place of the one before. taken is false when the same text was obeyed before. portal.NotFound with code "no-notice" or "no-address", portal.Forbidden with
	// code "never-by-email", portal.Conflict, portal.TooMany beyond MaxCommands a day.
	TakeCommand(ctx context.Context, c Command, chain [][]byte) (taken bool, err error)
	// SaveGroup keeps a revision of a group; portal.Conflict with code "group-changed" when it is not the next.
	SaveGroup(ctx context.Context, g Group) error
	// Groups returns the newest revision of every group, by number.
	Groups(ctx context.Context) ([]Group, error)
	// GroupRevisions returns all revisions of one, the first one first; portal.NotFound.
	GroupRevisions(ctx context.Context, n crypto.Number) ([]Group, error)
	// ChangeLock replaces salt, verifier and locked bundle of a claimed representative (a new passphrase).
	ChangeLock(ctx context.Context, r crypto.Representative, salt, verifier, locked []byte) error
}

// Lock is what stands before a locked bundle. Salt and Verifier are nil for who uses a key of their own.
type Lock struct {
	State    portal.RepresentativeState
	Salt     []byte
	Verifier []byte
}

// Mailbox is a directory entry.
type Mailbox struct {
	Number          crypto.Number
	Label           []byte // sealed name of the stakeholder
	Representatives []portal.RepresentativeRecord
}

// HeldEnvelope is a representative's envelope of one notice.
type HeldEnvelope struct {
	Notice      crypto.Number
	Certificate crypto.Fingerprint // it is wrapped to
	Suite       crypto.Suite
	Data        []byte
	Personal    []byte // wrapped likewise, for the personal part of their mailbox; nil when the notice has none
}
