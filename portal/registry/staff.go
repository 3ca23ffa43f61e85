package registry

import (
	"context"
	"slices"

	"valise/crypto"
	"valise/portal"
)

// AddStaff keeps a staff certificate, from anyone, because the root certified it.
//
// One that is there already is replaced only by a later form of itself: newer by the root's certification, and with everything that the old
// one holds. Otherwise an old copy would give back roles that were withdrawn, and a stripped one would make what its owner signed in the
// past unverifiable. A copy that is older or the same changes nothing and succeeds. One that takes all roles away, or that its owner
// revoked, is kept, too, and the error (portal.Conflict, "staff-withdrawn") says so.
func (g *Registry) AddStaff(ctx context.Context, certificate []byte) (*crypto.Staff, error) {
	c, err := crypto.ParseCertificate(certificate)
	if err != nil {
		return nil, portal.CertificateError(err)
	}
	member, problem := g.root.VerifyStaff(c, g.now())
	if err := g.auditNewStaff(ctx, c, problem == nil); err != nil {
		return nil, err
	}
	var answer *crypto.Staff
	withdrawn := false
	err = g.store.AddStaff(ctx, c.Fingerprint(), func(stored []byte) ([]byte, error) {
		answer, withdrawn = member, false
		if stored == nil {
			if problem != nil {
				return nil, portal.CertificateError(problem)
			}
			return c.Bytes(), nil
		}
		old, err := g.verified.Parse(stored)
		if err != nil {
			return nil, err
		}
		before, gone := g.root.VerifyStaff(old, g.now())
		switch {
		case old.Extends(c) && gone == nil:
			answer = before
			return nil, nil
		case old.Extends(c):
			return nil, portal.CertificateError(gone)
		case !c.Extends(old):
			return nil, portal.Errorf(portal.Conflict, "staff-older", "The portal has another form of this certificate, and this one lacks something that it holds. Take the portal's, let the root certify that one, and add it again.")
		case problem != nil && gone == nil:
			withdrawn = true
			return c.Bytes(), nil
		case problem != nil:
			return nil, portal.CertificateError(problem)
		case gone == nil && !member.Certified().After(before.Certified()):
			return nil, portal.Errorf(portal.Conflict, "staff-not-newer", "The root has certified nothing new in this certificate. Let the root certify it again, and add it then.")
		}
		return c.Bytes(), nil
	})
	switch {
	case err != nil:
		return nil, err
	case withdrawn:
		return nil, portal.Errorf(portal.Conflict, "staff-withdrawn", "Kept: this certificate gives no role any more, and who has its key is shut out from now on. %s", portal.Sentence(problem))
	}
	return answer, nil
}

// auditNewStaff writes down that a certificate is about to be kept. Nobody has to log in for that, so the entry names no actor; what will change nothing isn't an act, or
// anybody could fill the trail with certificates that everybody has.
func (g *Registry) auditNewStaff(ctx context.Context, c *crypto.Certificate, counts bool) error {
	staff, err := g.staff(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(staff, func(old *crypto.Certificate) bool { return old.Fingerprint() == c.Fingerprint() })
	if i < 0 && !counts || i >= 0 && (staff[i].Extends(c) || !c.Extends(staff[i])) {
		return nil
	}
	return g.audit(ctx, portal.Actor{}, "registry.add-staff", portal.StaffHolder(c.Fingerprint()))
}

// Staff returns the certificates of all staff, checked or not: the reader's verifier checks them.
func (g *Registry) Staff(ctx context.Context) ([]*crypto.Certificate, error) { return g.staff(ctx) }
