package registry

import (
	"context"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// maxAddress is the size in bytes of the largest sealed address: 4 KiB, and an envelope for each courier and registrar.
const maxAddress = 256 << 10

// Address is where a representative gets e-mail, as the server has it: sealed to couriers and registrars.
type Address struct {
	Representative crypto.Representative
	Record         []byte // sealed: crypto.Address
	SetAt          time.Time
	SetBy          string // holder
}

// SetAddress keeps where a representative gets e-mail, in place of what was there. Registrars only. What the notices say that wait for them unopened is taken up anew.
func (g *Registry) SetAddress(ctx context.Context, actor portal.Actor, r crypto.Representative, record []byte) error {
	const act = "registry.set-address"
	if err := g.admit(ctx, actor, act, r.String(), crypto.RoleRegistrar); err != nil {
		return err
	}
	if len(record) > maxAddress {
		return portal.Errorf(portal.TooLarge, "too-large", "The sealed address has more than %d KiB.", maxAddress>>10)
	}
	if err := g.checkAddress(ctx, actor, record); err != nil {
		return err
	}
	if err := g.audit(ctx, actor, act, r.String()); err != nil {
		return err
	}
	return g.store.SetAddress(ctx, Address{Representative: r, Record: record, SetAt: g.now(), SetBy: actor.Holder()})
}

// checkAddress refuses what is not sealed, and what is sealed to anybody but couriers and registrars, to no courier, or not to who hands it in.
func (g *Registry) checkAddress(ctx context.Context, actor portal.Actor, record []byte) error {
	staff, err := g.staff(ctx)
	if err != nil {
		return err
	}
	var readers []*crypto.Certificate
	couriers := map[crypto.Fingerprint]bool{}
	for _, c := range staff {
		member, err := g.root.VerifyStaff(c, g.now())
		if err != nil || !member.Has(crypto.RoleCourier) && !member.Has(crypto.RoleRegistrar) {
			continue
		}
		readers = append(readers, c)
		couriers[c.Fingerprint()] = member.Has(crypto.RoleCourier)
	}
	to, err := crypto.RecordAddressees(record, readers)
	if err != nil {
		return portal.Errorf(portal.Invalid, "invalid-address", "The address must be sealed to couriers and registrars before it is sent: %v.", err)
	}
	if !slices.ContainsFunc(to, func(c *crypto.Certificate) bool { return couriers[c.Fingerprint()] }) {
		return portal.Errorf(portal.Invalid, "no-courier", "The address is sealed to no courier, so nobody could write to it. Have the root certify one, show its certificate to the portal, and seal the address again.")
	}
	own := actor.Staff().Certificate().Fingerprint()
	if !slices.ContainsFunc(to, func(c *crypto.Certificate) bool { return c.Fingerprint() == own }) {
		return portal.Errorf(portal.Invalid, "invalid-address", "The address is not sealed to you, who hands it in. Seal it to all couriers and registrars.")
	}
	return nil
}

// RemoveAddress forgets where a representative gets e-mail: they get none from now on. Registrars only; portal.NotFound.
func (g *Registry) RemoveAddress(ctx context.Context, actor portal.Actor, r crypto.Representative) error {
	const act = "registry.remove-address"
	if err := g.admit(ctx, actor, act, r.String(), crypto.RoleRegistrar); err != nil {
		return err
	}
	if err := g.audit(ctx, actor, act, r.String()); err != nil {
		return err
	}
	return g.store.RemoveAddress(ctx, r)
}

// MailSince is since when the acting representative has had the address to which e-mail goes; the zero time: they get none. They see that much without a registrar; which address
// it is, and when mail goes there, is sealed to others.
func (g *Registry) MailSince(ctx context.Context, actor portal.Actor) (time.Time, error) {
	self, err := representative(actor)
	if err != nil {
		return time.Time{}, err
	}
	a, err := g.store.Address(ctx, self)
	if portal.KindOf(err) == portal.NotFound {
		return time.Time{}, nil
	}
	return a.SetAt, err
}

// Address returns where a representative gets e-mail, sealed. Registrars only; portal.NotFound.
func (g *Registry) Address(ctx context.Context, actor portal.Actor, r crypto.Representative) (Address, error) {
	const act = "registry.address"
	if err := g.admit(ctx, actor, act, r.String(), crypto.RoleRegistrar); err != nil {
		return Address{}, err
	}
	if err := g.audit(ctx, actor, act, r.String()); err != nil {
		return Address{}, err
	}
	return g.store.Address(ctx, r)
}
