package registry

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Registry is the step of issuing and claiming. Use New.
type Registry struct {
	store    Store
	root     *crypto.Root
	saltKey  []byte
	now      func() time.Time
	verified portal.Certificates
}

// New makes the step. secret (32 bytes, the portal secret, in no database) gives unknown mailboxes a salt
// that stays the same; now is the clock.
func New(store Store, root *crypto.Root, secret []byte, now func() time.Time) *Registry {
	key, err := hkdf.Key(sha256.New, secret, nil, "valise log-in salts v1", 32)
	if err != nil {
		panic(err) // only for lengths above 8160
	}
	return &Registry{store: store, root: root, saltKey: key, now: now}
}

// audit writes down what is about to be done. When it can't be written, it must not be done.
func (g *Registry) audit(ctx context.Context, actor portal.Actor, act, object string) error {
	return g.store.RecordAudit(ctx, portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: object})
}

var errNobody = portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")

// representative returns the acting representative's number.
func representative(actor portal.Actor) (crypto.Representative, error) {
	r, ok := actor.Representative()
	switch {
	case ok:
		return r, nil
	case actor.Staff() != nil:
		return r, portal.Errorf(portal.Forbidden, "representatives-only", "This is for representatives of a mailbox; you are logged in as staff.")
	}
	return r, errNobody
}

// staffOnly refuses everybody else.
func staffOnly(actor portal.Actor) error {
	if actor.Staff() != nil {
		return nil
	}
	if _, ok := actor.Representative(); ok {
		return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
	}
	return errNobody
}

// readers are the roles that see whom the institution has given a mailbox, sealed as the names are. An administrator doesn't, nor whoever steals
// their account.
var readers = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar, crypto.RoleAuditor}

// admit refuses who has none of the roles; a staff member is written down then, since that is how a stolen account looks.
func (g *Registry) admit(ctx context.Context, actor portal.Actor, act, object string, roles ...crypto.Role) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	if slices.ContainsFunc(roles, actor.Has) {
		return nil
	}
	if err := g.audit(ctx, actor, act+" refused", object); err != nil {
		return err
	}
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return portal.Errorf(portal.Forbidden, names[0]+"-only", "This takes the role %s, which the institution's root did not give you.", strings.Join(names, " or "))
}

// staff returns all staff certificates.
func (g *Registry) staff(ctx context.Context) ([]*crypto.Certificate, error) {
	stored, err := g.store.Staff(ctx)
	if err != nil {
		return nil, err
	}
	return g.verified.ParseAll(stored)
}

// verify walks a chain up to the root as things stand now.
func (g *Registry) verify(ctx context.Context, chain []*crypto.Certificate, of crypto.Representative) (*crypto.Recipient, error) {
	staff, err := g.staff(ctx)
	if err != nil {
		return nil, err
	}
	recipient, err := g.root.VerifyRepresentative(staff, chain, of, g.now())
	if err != nil {
		return nil, portal.CertificateError(err)
	}
	return recipient, nil
}
