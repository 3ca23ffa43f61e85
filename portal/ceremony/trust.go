package ceremony

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// maxStaff is how many staff certificates are read; more is not an institution's staff.
const maxStaff = 1000

// Trust is the institution as a client may believe it: its root, opened against the
// pin, and the staff certificates that the server showed, of which each is judged
// by that root whenever it is used. The zero value trusts nobody.
type Trust struct {
	root    *crypto.Root
	staff   []*crypto.Certificate
	leftOut []error

	languages []string
}

// Believe opens what the server says of the institution against the pin. It fails
// when the root certificate is another one than the pin names. Staff certificates
// that can't be read are left out; LeftOut tells why.
func Believe(pin crypto.Pin, i api.Institution) (*Trust, error) {
	if pin.Fingerprint == "" {
		return nil, errors.New("there is no root fingerprint to compare with: it stands in your letter")
	}
	root, err := crypto.OpenRoot(pin, []byte(i.Root))
	if err != nil {
		return nil, err
	}
	if len(i.Staff) > maxStaff {
		return nil, fmt.Errorf("the portal shows %d staff certificates; more than %d are not read", len(i.Staff), maxStaff)
	}
	t := &Trust{root: root, languages: slices.Clone(i.Languages)}
	for n, armored := range i.Staff {
		c, err := crypto.ParseCertificate([]byte(armored))
		if err != nil {
			t.leftOut = append(t.leftOut, fmt.Errorf("staff certificate %d: %w", n+1, err))
			continue
		}
		t.add(c)
	}
	return t, nil
}

// add keeps, of two copies of which one holds all that the other does and more, that one.
func (t *Trust) add(c *crypto.Certificate) {
	for i, kept := range t.staff {
		switch {
		case kept.Fingerprint() != c.Fingerprint():
		case kept.Extends(c):
			return
		case c.Extends(kept):
			t.staff[i] = c
			return
		}
	}
	t.staff = append(t.staff, c)
}

// Root returns the root that matched the pin.
func (t *Trust) Root() *crypto.Root { return t.root }

// Pin returns the pin that the root matched.
func (t *Trust) Pin() crypto.Pin { return crypto.Pin{Fingerprint: t.root.Fingerprint()} }

// Institution returns the institution's name as it stands in the root
// certificate, so as it is on nobody's word but the pin's.
func (t *Trust) Institution() string { return strings.Join(t.root.Certificate().UserIDs(), ", ") }

// StaffCertificates returns the certificates that could be read. Whether one is that
// of a staff member, the root says (crypto.Root.VerifyStaff), at the time that counts.
func (t *Trust) StaffCertificates() []*crypto.Certificate { return slices.Clone(t.staff) }

// Languages returns the institution's working languages, as the portal says: it may err, or lie, as this is about what the institution wants and not
// about what is believed.
func (t *Trust) Languages() []string { return slices.Clone(t.languages) }

// LeftOut says which staff certificates could not be read, and why.
func (t *Trust) LeftOut() []error { return slices.Clone(t.leftOut) }

// Staff returns who has at least one of the roles at a time, sorted by name. All
// staff when no role is named.
func (t *Trust) Staff(at time.Time, roles ...crypto.Role) []*crypto.Staff {
	newest := map[crypto.Fingerprint]*crypto.Staff{}
	for _, c := range t.staff {
		member, err := t.root.VerifyStaff(c, at)
		if err != nil {
			continue // somebody who has left, or whom the root never knew
		}
		if other := newest[c.Fingerprint()]; other == nil || member.Certified().After(other.Certified()) {
			newest[c.Fingerprint()] = member
		}
	}
	var found []*crypto.Staff
	for _, member := range newest {
		if len(roles) == 0 || slices.ContainsFunc(roles, member.Has) {
			found = append(found, member)
		}
	}
	slices.SortFunc(found, func(a, b *crypto.Staff) int {
		return cmp.Or(cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.Certificate().Fingerprint(), b.Certificate().Fingerprint()))
	})
	return found
}

// StaffKey returns a staff member's key with the certificate that the root
// certified, as the portal shows it, and who they are. The key in a bundle is older
// than that certification. It fails when the key has none of the roles now.
func (t *Trust) StaffKey(key *crypto.Key, at time.Time, roles ...crypto.Role) (*crypto.Key, *crypto.Staff, error) {
	fingerprint := key.Certificate().Fingerprint()
	own := func(f crypto.Fingerprint) bool { return f == fingerprint }
	members := t.Staff(at)
	i := slices.IndexFunc(members, func(m *crypto.Staff) bool { return own(m.Certificate().Fingerprint()) })
	if i < 0 {
		for _, c := range t.staff {
			if own(c.Fingerprint()) {
				_, err := t.root.VerifyStaff(c, at)
				return nil, nil, err
			}
		}
		return nil, nil, fmt.Errorf("the portal does not know your key, %s: have it certified by the root, then show it to the portal with: valise staff add", fingerprint)
	}
	member := members[i]
	if len(roles) > 0 && !slices.ContainsFunc(roles, member.Has) {
		return nil, nil, fmt.Errorf("%s does not have the role %q, only %s", member.Name(), roles[0], crypto.JoinRoles(member.Roles()))
	}
	certified, err := key.WithCertificate(member.Certificate())
	if err != nil {
		return nil, nil, err
	}
	return certified, member, nil
}

// exists refuses the zero value.
func (t *Trust) exists() error {
	if t == nil || t.root == nil {
		return errors.New("there is no institution to believe: compare its root's fingerprint with your letter first")
	}
	return nil
}

func parseChain(armored []string) ([]*crypto.Certificate, error) {
	chain := make([]*crypto.Certificate, len(armored))
	for i, text := range armored {
		c, err := crypto.ParseCertificate([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("certificate %d in the chain: %w", i+1, err)
		}
		chain[i] = c
	}
	return chain, nil
}

// VerifyChain verifies a representative's certificates (issued one first, current
// one last), as the server shows them, up to the root.
func (t *Trust) VerifyChain(armored []string, of crypto.Representative, at time.Time) (*crypto.Recipient, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	chain, err := parseChain(armored)
	if err != nil {
		return nil, err
	}
	return t.root.VerifyRepresentative(t.staff, chain, of, at)
}
