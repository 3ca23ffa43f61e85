package passkey

import (
	"context"
	"time"

	"valise/portal"
)

// Passkey is what the portal keeps of one.
type Passkey struct {
	ID         string // 16 hexadecimal characters, from the SHA-256 of the credential's id
	Holder     string // portal.Actor.Holder() of the staff member
	Label      string // which device, in the owner's words
	KeyAlone   bool   // enrolled with nothing but the OpenPGP key
	Credential []byte // JSON of go-webauthn's Credential, without its attestation
	Count      uint32 // the authenticator's signature counter; 0: it has none
	Created    time.Time
	Used       time.Time // zero: never
}

// Reset is that an administrator took somebody's second factor away.
type Reset struct {
	Holder string
	By     string // holder name of the administrator
	Reason string
	At     time.Time
}

// Standing is how somebody's second factor stands, without details.
type Standing struct {
	Passkeys int
	SignOn   bool // an account at the single sign-on provider is bound
}

// Store is what this step needs to keep. Every method is one transaction, and what it confirmed is on disk.
type Store interface {
	portal.Auditor

	// Passkeys returns those of a holder, the oldest first.
	Passkeys(ctx context.Context, holder string) ([]Passkey, error)
	// LastReset returns the latest reset of a holder; nil when there was none.
	LastReset(ctx context.Context, holder string) (*Reset, error)
	// Resets returns the latest resets of all, the newest first, as many as limit.
	Resets(ctx context.Context, limit int) ([]Reset, error)
	// Standings returns how everybody stands who has a passkey or an account, by holder.
	Standings(ctx context.Context) (map[string]Standing, error)
	// EnrolPasskey keeps a new one unless decide, told what the holder has, objects. Of two at the same time, the second's decide sees the first.
	// portal.Conflict with code "passkey-exists" when the credential is known already.
	EnrolPasskey(ctx context.Context, p Passkey, decide func(have []Passkey, last *Reset) error) error
	// UsePasskey notes a use: the new counter (which must be above the one that is stored, or both 0), credential and time. used is
	// false, and nothing is written, when the counter doesn't rise; portal.NotFound when the passkey is gone.
	UsePasskey(ctx context.Context, p Passkey) (used bool, err error)
	// RenamePasskey gives a holder's passkey another label; portal.NotFound.
	RenamePasskey(ctx context.Context, holder, id, label string) error
	// RemovePasskey removes a holder's passkey unless decide, told what the holder has, objects; portal.NotFound.
	RemovePasskey(ctx context.Context, holder, id string, decide func(have []Passkey) error) error
	// ResetFactors removes all passkeys of a holder and the binding of their single sign-on account, and notes the reset.
	ResetFactors(ctx context.Context, r Reset) error
}

// Sessions is what ends somebody's sessions.
type Sessions interface {
	RevokeHolder(ctx context.Context, holder string) error
}
