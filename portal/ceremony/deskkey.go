//go:build desk || !js

package ceremony

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// The desk's key for mail programs: who of the desk has it, who lacks it, and how it is handed on. What the server says of a certificate counts for nothing; the root says which
// are the desk's, and only who is of the desk by the root's word is given a key.

// DeskKey is one of the desk's certificates for mail programs, as a client verified it.
type DeskKey struct {
	Certificate *crypto.Certificate
	Name, Email string    // of its user ID
	Certified   time.Time // by the root, the last time
	Current     bool      // the root's word stands
	Published   bool      // mail programs are given it, as the portal says

	Key     *crypto.Key // opens what was sent to it; nil when nobody gave it to who asks, or Problem says why it didn't open
	Problem error

	Lacking []*crypto.Staff // of the desk, without the key, as the portal says
	Former  []string        // names, or fingerprints, of who has it and left the desk, as the portal says
}

// ReadDeskKeys verifies the desk's certificates for mail programs, and opens their keys with those of a member; for a registrar none opens. One that the root never certified as such is refused, and so is a
// portal that shows one: nothing else in its answer can be relied on.
func ReadDeskKeys(t *Trust, keys []*crypto.Key, wire api.DeskKeys, now time.Time) ([]DeskKey, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	read := make([]DeskKey, 0, len(wire.Keys))
	for _, w := range wire.Keys {
		k, err := t.readDeskKey(w, now)
		if err != nil {
			return nil, err
		}
		for _, share := range w.Shares {
			if k.Key, k.Problem = crypto.OpenDeskKey(share.Record, keys, t.staff, k.Certificate, now); k.Key != nil {
				break
			}
		}
		read = append(read, *k)
	}
	return read, nil
}

// readDeskKey verifies what stands around the key.
func (t *Trust) readDeskKey(w api.DeskKey, now time.Time) (*DeskKey, error) {
	c, err := crypto.ParseCertificate([]byte(w.Certificate))
	if err != nil {
		return nil, fmt.Errorf("a certificate of the desk for mail programs: %w", err)
	}
	record := t.root.StaffRecord(c, now)
	if record == nil || !slices.Contains(record.Roles, crypto.RoleDeskMail) {
		return nil, fmt.Errorf("the portal shows %s as the desk's certificate for mail programs, and the root didn't certify it: don't rely on it, and tell the institution's administrators", c.Fingerprint())
	}
	k := &DeskKey{Certificate: c, Certified: record.Last, Name: record.Name, Published: w.Published}
	if member, err := t.root.VerifyStaff(c, now); err == nil {
		k.Name, k.Email, k.Current = member.DeskAddress()
	}
	for _, member := range t.deskMembers(now) {
		if slices.Contains(w.Lacking, crypto.StaffHolder(member.Certificate().Fingerprint())) {
			k.Lacking = append(k.Lacking, member)
		}
	}
	for _, holder := range w.Former {
		k.Former = append(k.Former, t.nameOf(holder, now))
	}
	return k, nil
}

// deskMembers are those to whom something can be sealed that the desk opens.
func (t *Trust) deskMembers(now time.Time) []*crypto.Staff {
	return slices.DeleteFunc(t.Staff(now, crypto.RoleAuthor, crypto.RoleApprover), func(m *crypto.Staff) bool { return m.Certificate().CheckPolicy(now) != nil })
}

// nameOf is the name that the root gave the certificate of a holder, whether or not that counts any more; else the holder, as it came.
func (t *Trust) nameOf(holder string, now time.Time) string {
	for _, c := range t.staff {
		if crypto.StaffHolder(c.Fingerprint()) != holder {
			continue
		}
		if record := t.root.StaffRecord(c, now); record != nil {
			return record.Name
		}
	}
	return printable(holder)
}

// OpenedDeskKeys are the keys of those that opened: what to try a mail to the desk with.
func OpenedDeskKeys(read []DeskKey) (keys []*crypto.Key) {
	for _, k := range read {
		if k.Key != nil {
			keys = append(keys, k.Key)
		}
	}
	return keys
}

// GivenDeskKey is what hands one of the desk's keys on.
type GivenDeskKey struct {
	Of      crypto.Fingerprint // the certificate
	To      []*crypto.Staff    // may be nobody
	Request *api.ShareDeskKey  // nil when To is nobody
}

// GiveDeskKeys seals each key that opened to those of the desk who lack it. What it returns is empty when none opened.
func GiveDeskKeys(t *Trust, giver *crypto.Key, read []DeskKey, now time.Time) ([]GivenDeskKey, error) {
	given := []GivenDeskKey{}
	for _, k := range read {
		if k.Key == nil {
			continue
		}
		g := GivenDeskKey{Of: k.Certificate.Fingerprint(), To: k.Lacking}
		if len(g.To) > 0 {
			var err error
			if g.Request, err = GiveDeskKey(t, giver, k.Key, g.To, now); err != nil {
				return nil, err
			}
		}
		given = append(given, g)
	}
	return given, nil
}

// GiveDeskKey seals an opened key, or one that was just made, to members of the desk, each alone; the giver is one of them themself.
func GiveDeskKey(t *Trust, giver *crypto.Key, desk *crypto.Key, to []*crypto.Staff, now time.Time) (*api.ShareDeskKey, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	if desk == nil {
		return nil, errors.New("this key of the desk is not at hand: somebody who has it gives it to you first")
	}
	giver, _, err := t.StaffKey(giver, now, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return nil, err
	}
	if len(to) == 0 {
		return nil, errors.New("everybody of the desk has this key already")
	}
	members := t.deskMembers(now)
	given := &api.ShareDeskKey{}
	var records []crypto.GivenDeskKey
	for _, m := range to {
		i := slices.IndexFunc(members, func(other *crypto.Staff) bool {
			return other.Certificate().Fingerprint() == m.Certificate().Fingerprint()
		})
		if i < 0 {
			return nil, fmt.Errorf("%s is not of the desk, so its key is not for them", m.Name())
		}
		record, err := crypto.SealDeskKey(desk, giver, members[i].Certificate(), now)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", members[i].Name(), err)
		}
		holder := crypto.StaffHolder(members[i].Certificate().Fingerprint())
		given.Shares = append(given.Shares, api.NewDeskKeyShare{Holder: holder, Record: record})
		records = append(records, crypto.GivenDeskKey{Holder: holder, Record: record})
	}
	signed, err := crypto.SignGivenDeskKeys(desk, giver, records, now)
	if err != nil {
		return nil, err
	}
	given.Signed = string(signed)
	return given, nil
}
