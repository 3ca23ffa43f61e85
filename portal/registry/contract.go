package registry

// CONTRACT: signatures that web compiles against; the owner replaces this file by real ones.

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Registry is the step of issuing and claiming. Use New.
type Registry struct{}

// New makes the step. secret (32 bytes, the portal secret, in no database) gives unknown mailboxes a salt
// that stays the same; now is the clock.
func New(store Store, root *crypto.Root, secret []byte, now func() time.Time) *Registry {
	panic("contract")
}

// AddStaff keeps a staff certificate, from anyone, because the root certified it.
func (g *Registry) AddStaff(ctx context.Context, certificate []byte) (*crypto.Staff, error) {
	panic("contract")
}

// Staff returns the certificates of all staff, checked or not: the reader's verifier checks them.
func (g *Registry) Staff(ctx context.Context) ([]*crypto.Certificate, error) { panic("contract") }

// Issuance is what a registrar's client hands in.
type Issuance struct {
	Representative crypto.Representative
	Profile        crypto.Profile
	Certificate    []byte // armored or binary
	Salt           []byte
	Verifier       []byte
	LockedBundle   []byte
	Label          []byte // sealed; empty when the mailbox exists
	Details        []byte // sealed
}

// Issue keeps a new representative. Registrars only.
func (g *Registry) Issue(ctx context.Context, actor portal.Actor, i Issuance) error {
	panic("contract")
}

// Directory returns all mailboxes. Staff only.
func (g *Registry) Directory(ctx context.Context, actor portal.Actor) ([]Mailbox, error) {
	panic("contract")
}

// Chain returns a representative's certificates. Staff, and representatives of the same mailbox.
func (g *Registry) Chain(ctx context.Context, actor portal.Actor, r crypto.Representative) ([][]byte, error) {
	panic("contract")
}

// Me returns the acting representative's own record.
func (g *Registry) Me(ctx context.Context, actor portal.Actor) (portal.RepresentativeRecord, error) {
	panic("contract")
}

// Envelopes returns all that the acting representative holds.
func (g *Registry) Envelopes(ctx context.Context, actor portal.Actor) ([]HeldEnvelope, error) {
	panic("contract")
}

// Claiming is what a representative's client hands in. Salt, Verifier and LockedBundle are empty for profile own.
type Claiming struct {
	Profile      crypto.Profile
	Certificate  []byte // certified by the issued key
	Salt         []byte
	Verifier     []byte
	LockedBundle []byte
	Envelopes    []HeldEnvelope // rewrapped
}

// Claim moves the acting representative to their own key.
func (g *Registry) Claim(ctx context.Context, actor portal.Actor, c Claiming) error {
	panic("contract")
}

// ChangeLock keeps a new passphrase's salt, verifier and locked bundle.
func (g *Registry) ChangeLock(ctx context.Context, actor portal.Actor, salt, verifier, locked []byte) error {
	panic("contract")
}

// Salt returns the salt to derive the log-in secret with. as is a representative's number or a staff fingerprint; whatever can't have a salt,
// because it is unknown, staff, or of profile own, gets one by HMAC. The error is only for text that is neither (portal.Invalid).
func (g *Registry) Salt(ctx context.Context, as string) (canonical string, salt []byte, err error) {
	panic("contract")
}

// Unlock hands out the locked bundle for the right log-in secret. A wrong one and an unknown number are the same portal.Unauthenticated.
func (g *Registry) Unlock(ctx context.Context, as string, logInSecret []byte) (locked []byte, state portal.RepresentativeState, err error) {
	panic("contract")
}

// Proof exists only when a signed log-in text held: signature, certificate, origin, time.
// The caller must still take its nonce.
type Proof struct {
	actor portal.Actor
	state portal.RepresentativeState
	nonce string
}

func (p *Proof) Actor() portal.Actor               { return p.actor }
func (p *Proof) State() portal.RepresentativeState { return p.state }
func (p *Proof) Nonce() string                     { return p.nonce }

// VerifyLogIn checks a clear-signed log-in text against the certificate of whom it names. Whatever is wrong with the proof is portal.Unauthenticated.
func (g *Registry) VerifyLogIn(ctx context.Context, signedText []byte, origin string) (*Proof, error) {
	panic("contract")
}

// ActorOf returns the actor of a session's holder as things stand now: a staff member whose certification ended, or a revoked representative, is
// portal.Unauthenticated.
func (g *Registry) ActorOf(ctx context.Context, holder string) (portal.Actor, portal.RepresentativeState, error) {
	panic("contract")
}
