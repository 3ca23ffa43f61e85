package registry

import (
	"context"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// maxDeskKeyRecord is the size in bytes of the largest record of a desk's key, sealed to one member.
const maxDeskKeyRecord = 32 << 10

// DeskKeyShare is the key of one of the desk's certificates for mail programs, given to a member of the desk.
type DeskKeyShare struct {
	Of     crypto.Fingerprint // the certificate
	Holder string             // whose it is
	By     string             // holder who gave it to them
	Record []byte             // sealed to Holder alone: crypto.SealDeskKey
	At     time.Time
}

// DeskKey is a certificate that the root certified for crypto.RoleDeskMail, now or once, and who has its key.
type DeskKey struct {
	Certificate *crypto.Certificate
	Certified   time.Time      // the last time
	Published   bool           // it is given to mail programs
	Shares      []DeskKeyShare // of who asks
	Lacking     []string       // members of the desk without the key, as holders
	Former      []string       // who has it and is not of the desk any more
}

// deskKeepers see which certificate the desk has, and who lacks its key. Those of the desk give it to others.
var deskKeepers = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar}

// DeskKeys returns the desk's certificates for mail programs, past ones too, as what was sent to them must still open: the one certified last first. Authors, approvers and registrars.
func (g *Registry) DeskKeys(ctx context.Context, actor portal.Actor) ([]DeskKey, error) {
	if err := g.admit(ctx, actor, "registry.desk-keys", actor.Holder(), deskKeepers...); err != nil {
		return nil, err
	}
	staff, err := g.staff(ctx)
	if err != nil {
		return nil, err
	}
	holders, err := g.store.DeskKeyHolders(ctx)
	if err != nil {
		return nil, err
	}
	own, err := g.store.DeskKeyShares(ctx, actor.Holder())
	if err != nil {
		return nil, err
	}
	now := g.now()
	published := portal.DeskMail(g.root, staff, holders, now)
	desk := g.desk(staff)
	var keys []DeskKey
	for _, c := range staff {
		certified, ok := g.deskMail(c)
		if !ok {
			continue
		}
		f := c.Fingerprint()
		k := DeskKey{Certificate: c, Certified: certified}
		k.Published = slices.ContainsFunc(published, func(m *crypto.Staff) bool { return m.Certificate().Fingerprint() == f })
		for _, s := range own {
			if s.Of == f {
				k.Shares = append(k.Shares, s)
			}
		}
		for holder := range desk {
			if !slices.Contains(holders[f], holder) {
				k.Lacking = append(k.Lacking, holder)
			}
		}
		for _, holder := range holders[f] {
			if desk[holder] == nil {
				k.Former = append(k.Former, holder)
			}
		}
		slices.Sort(k.Lacking)
		keys = append(keys, k)
	}
	slices.SortStableFunc(keys, func(a, b DeskKey) int { return b.Certified.Compare(a.Certified) })
	return keys, nil
}

// deskMail says whether, and when last, the root certified a certificate as the desk's for mail programs.
func (g *Registry) deskMail(c *crypto.Certificate) (certified time.Time, ok bool) {
	record := g.root.StaffRecord(c, g.now())
	if record == nil || !slices.Contains(record.Roles, crypto.RoleDeskMail) {
		return time.Time{}, false
	}
	return record.Last, true
}

// desk returns the certificates of all who are of the desk now, and to whom something can be sealed, by holder.
func (g *Registry) desk(staff []*crypto.Certificate) map[string]*crypto.Certificate {
	desk := map[string]*crypto.Certificate{}
	for _, c := range staff {
		if member, err := g.root.VerifyStaff(c, g.now()); err == nil && portal.IsOfDesk(member) && c.CheckPolicy(g.now()) == nil {
			desk[portal.StaffHolder(c.Fingerprint())] = c
		}
	}
	return desk
}

// ShareDeskKey keeps records of the key of one of the desk's certificates, each for one member of the desk, from a member of the desk. What they gave before stays as it is: nobody, and no thief of
// a session, can replace what opens. That a record holds the key, only whom it is sealed to can tell; that it opened in the giver's hands, signed says (crypto.SignGivenDeskKeys), which takes their
// key. So a stolen session gives nothing, and no certificate is published whose key nobody of the desk has had.
func (g *Registry) ShareDeskKey(ctx context.Context, actor portal.Actor, of crypto.Fingerprint, shares []DeskKeyShare, signed []byte) error {
	const act = "registry.share-desk-key"
	if err := g.admit(ctx, actor, act, portal.StaffHolder(of), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return err
	}
	staff, err := g.staff(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(staff, func(c *crypto.Certificate) bool { return c.Fingerprint() == of })
	if at < 0 {
		return portal.Errorf(portal.NotFound, "no-desk-key", "The portal doesn't know this certificate. Have the root certify it with the role desk-mail, and show it with: valise staff add")
	}
	if _, ok := g.deskMail(staff[at]); !ok {
		return portal.Errorf(portal.Invalid, "no-desk-key", "The root did not certify this certificate as the desk's for mail programs (role desk-mail), so nobody needs its key.")
	}
	desk := g.desk(staff)
	if len(shares) == 0 || len(shares) > len(desk) {
		return portal.Errorf(portal.Invalid, "invalid-share", "There must be a record for 1 to %d members of the desk.", len(desk))
	}
	now := g.now()
	given := make([]crypto.GivenDeskKey, len(shares))
	for i := range shares {
		s := &shares[i]
		given[i] = crypto.GivenDeskKey{Holder: s.Holder, Record: s.Record}
		member := desk[s.Holder]
		if member == nil {
			return portal.Errorf(portal.Invalid, "not-of-desk", "%.80s is not of the desk now, so the desk's key is not for them. Load the list again.", s.Holder)
		}
		if len(s.Record) > maxDeskKeyRecord {
			return portal.Errorf(portal.TooLarge, "too-large", "A record of the desk's key has more than %d KiB.", maxDeskKeyRecord>>10)
		}
		if _, err := crypto.RecordAddressees(s.Record, []*crypto.Certificate{member}); err != nil {
			return portal.Errorf(portal.Invalid, "invalid-share", "The record for %s must be sealed to them alone: %v.", s.Holder, err)
		}
		s.Of, s.By, s.At = of, actor.Holder(), now
	}
	if err := crypto.VerifyGivenDeskKeys(signed, of, actor.Staff().Certificate(), given, now); err != nil {
		return portal.Errorf(portal.Invalid, "invalid-share", "Who gives the desk's key signs that it opened, with their own key: %v. Give it again, with a newer program.", err)
	}
	for _, s := range shares {
		if err := g.audit(ctx, actor, act, s.Holder); err != nil {
			return err
		}
	}
	return g.store.ShareDeskKey(ctx, shares)
}

// MailCertificates returns the desk's certificates that mail programs are given, by anyone who asks.
func (g *Registry) MailCertificates(ctx context.Context) ([]*crypto.Staff, error) {
	staff, err := g.staff(ctx)
	if err != nil {
		return nil, err
	}
	holders, err := g.store.DeskKeyHolders(ctx)
	if err != nil {
		return nil, err
	}
	return portal.DeskMail(g.root, staff, holders, g.now()), nil
}
