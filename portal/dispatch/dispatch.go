package dispatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Dispatch is the step from a sealed notice to its receipts. Use New.
type Dispatch struct {
	store     Store
	root      *crypto.Root
	now       func() time.Time
	verified  portal.Certificates
	manifests manifests
	tell      func(topics ...string) // nil: nobody watches
}

// New makes the step; now is the clock.
func New(store Store, root *crypto.Root, now func() time.Time) *Dispatch {
	return &Dispatch{store: store, root: root, now: now}
}

// Telling lets whoever watches know of changes: after each commit tell is called with the topics that changed, a notice's number and
// portal.TopicDesk. It must not wait for anybody. Call Telling before the first act.
func (d *Dispatch) Telling(tell func(topics ...string)) *Dispatch {
	d.tell = tell
	return d
}

// told wakes whoever watches a notice, unless what was to change it failed.
func (d *Dispatch) told(n crypto.Number, err error) {
	if err == nil && d.tell != nil {
		d.tell(string(n), portal.TopicDesk)
	}
}

// audit writes down what is about to be done. When it can't be written, it must not be done.
//
// Of representatives, opening and acknowledging are not written a second time: the delivery and the receipt say it.
func (d *Dispatch) audit(ctx context.Context, actor portal.Actor, act, object string) error {
	return d.store.RecordAudit(ctx, portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: object})
}

var errNobody = portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")

// representative returns the acting representative and where they stand; who was revoked is shut out.
func (d *Dispatch) representative(ctx context.Context, actor portal.Actor) (crypto.Representative, portal.RepresentativeState, error) {
	r, ok := actor.Representative()
	if !ok {
		if actor.Staff() != nil {
			return r, "", portal.Errorf(portal.Forbidden, "representatives-only", "This is for representatives of a mailbox; you are logged in as staff.")
		}
		return r, "", errNobody
	}
	state, err := d.store.Standing(ctx, r)
	if portal.KindOf(err) == portal.NotFound || err == nil && state != portal.Issued && state != portal.Claimed {
		return r, "", portal.Errorf(portal.Unauthenticated, "revoked", "This access was ended by the institution. Ask the institution if you don't know why.")
	}
	return r, state, err
}

// claimed is representative for what takes an own key.
func (d *Dispatch) claimed(ctx context.Context, actor portal.Actor) (crypto.Representative, error) {
	r, state, err := d.representative(ctx, actor)
	if err == nil && state != portal.Claimed {
		return r, portal.Errorf(portal.Forbidden, "claim-first", "Claim your mailbox with the code from your letter first.")
	}
	return r, err
}

// readers are the roles that see how far a notice has come, to whom, and who acknowledged. An administrator doesn't, nor whoever steals their account.
var readers = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar, crypto.RoleAuditor}

// staffAct admits staff with one of the roles to an act, and writes it down. A staff member without
// the role is written down, too, since that is how a stolen account looks.
func (d *Dispatch) staffAct(ctx context.Context, actor portal.Actor, act, object string, roles ...crypto.Role) error {
	if actor.Staff() == nil {
		if _, ok := actor.Representative(); ok {
			return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
		}
		return errNobody
	}
	if slices.ContainsFunc(roles, actor.Has) {
		return d.audit(ctx, actor, act, object)
	}
	if err := d.audit(ctx, actor, act+" refused", object); err != nil {
		return err
	}
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return portal.Errorf(portal.Forbidden, names[0]+"-only", "This takes the role %s, which the institution's root did not give you.", strings.Join(names, " or "))
}

// staff returns all staff certificates.
func (d *Dispatch) staff(ctx context.Context) ([]*crypto.Certificate, error) {
	stored, err := d.store.StaffCertificates(ctx)
	if err != nil {
		return nil, err
	}
	return d.verified.ParseAll(stored)
}

// recipient returns one representative with their current certificate, its chain checked as things stand now.
func (d *Dispatch) recipient(ctx context.Context, staff []*crypto.Certificate, r crypto.Representative) (*crypto.Recipient, error) {
	chains, err := d.store.Certificates(ctx, r)
	if err != nil {
		return nil, err
	}
	chain, err := d.verified.ParseAll(chains[r])
	if err != nil {
		return nil, err
	}
	recipient, err := d.root.VerifyRepresentative(staff, chain, r, d.now())
	if err != nil {
		return nil, portal.CertificateError(err)
	}
	return recipient, nil
}

// maxSignature is the size in bytes of the largest armored signature that is kept.
const maxSignature = 16 << 10
