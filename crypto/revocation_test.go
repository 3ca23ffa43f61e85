package crypto

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// revokedBy returns the office's chain with a revocation in its first certificate.
func (o *office) revokedBy(t testing.TB, registrar *Key, at time.Time) []*Certificate {
	t.Helper()
	chain := o.chain()
	revoked, err := RevokeRepresentative(registrar, chain[0], o.representative, at)
	if err != nil {
		t.Fatal(err)
	}
	chain[0] = revoked
	return chain
}

func TestARevocationEndsTheChainFromItsTimeOn(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	at := noon.Add(time.Hour)
	other := o.hire(t, "Dora Novak", RoleRegistrar)
	staff := append(o.staff(), other.Certificate())
	for name, registrar := range map[string]*Key{"who certified": o.registrar, "another registrar": other} {
		chain := o.revokedBy(t, registrar, at)
		if _, err := root.VerifyRepresentative(staff, chain, o.representative, at.Add(-time.Second)); err != nil {
			t.Errorf("%s, a second before: %v", name, err)
		}
		for _, after := range []time.Duration{0, time.Second, 1000 * time.Hour} {
			_, err := root.VerifyRepresentative(staff, chain, o.representative, at.Add(after))
			if CauseOf(err) != CauseRevoked || !strings.Contains(err.Error(), registrar.Certificate().UserIDs()[0]) {
				t.Errorf("%s, %v after: %v", name, after, err)
			}
		}
		r := root.Revocation(staff, chain, o.representative, at)
		if r == nil || !r.At().Equal(at) || r.By().Certificate().Fingerprint() != registrar.Certificate().Fingerprint() {
			t.Errorf("%s: the revocation is %+v", name, r)
		}
		member, err := root.VerifyStaff(registrar.Certificate(), at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := root.CheckRevocation(chain[0], o.chain()[0], o.representative, member, at); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := root.CheckRevocation(chain[0], o.chain()[0], o.representative, member, at.Add(ClockSkew+time.Second)); err == nil {
			t.Errorf("%s: dated back", name)
		}
		if _, err := root.CheckRevocation(o.chain()[0], o.chain()[0], o.representative, member, at); err == nil {
			t.Errorf("%s: nothing was revoked", name)
		}
	}
}

func TestWhoMayNotRevoke(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	at := noon.Add(time.Hour)
	stranger, err := GenerateKey(ProfilePQ, "Eve", noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*Key{"an author": o.author, "a stranger": stranger} {
		chain := o.revokedBy(t, key, at)
		if _, err := root.VerifyRepresentative(append(o.staff(), stranger.Certificate()), chain, o.representative, at.Add(time.Hour)); err != nil {
			t.Errorf("%s ended an access: %v", name, err)
		}
	}
	other := Representative{Mailbox: o.representative.Mailbox, Ordinal: o.representative.Ordinal + 1}
	if _, err := RevokeRepresentative(o.registrar, o.chain()[0], other, at); err == nil {
		t.Error("the certificate of somebody else was revoked")
	}
	if _, err := RevokeRepresentative(new(Key), o.chain()[0], o.representative, at); !errors.Is(err, errNoKey) {
		t.Errorf("with no key: %v", err)
	}
	if root.Revocation(o.staff(), o.chain(), o.representative, at) != nil || (&Root{}).Revocation(nil, nil, other, at) != nil {
		t.Error("a revocation that isn't there")
	}
}

// gpg takes the certificate with the revocation in, and shows it as good.
func TestGPGSeesTheRevocation(t *testing.T) {
	o := newOffice(t)
	g := newGPG(t)
	chain := o.revokedBy(t, o.registrar, noon.Add(time.Hour))
	g.run("--import", g.file("registrar.asc", o.registrar.Certificate().Armor()))
	g.run("--import", g.file("revoked.asc", chain[0].Armor()))
	out := string(g.run("--check-sigs", "--with-colons", string(chain[0].Fingerprint())))
	if !strings.Contains(out, "\nrev:!:") {
		t.Errorf("gpg sees no good revocation:\n%s", out)
	}
}
