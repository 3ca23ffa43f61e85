package crypto

import (
	"bytes"
	"crypto"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// office is an institution's staff and one representative with an issued key and
// a key of their own.
type office struct {
	root                        *Key
	author, approver, registrar *Key
	representative              Representative
	issued, own                 *Key
}

func (o *office) staff() []*Certificate {
	return []*Certificate{o.author.Certificate(), o.approver.Certificate(), o.registrar.Certificate()}
}

func (o *office) chain() []*Certificate {
	return []*Certificate{o.issued.Certificate(), o.own.Certificate()}
}

func (o *office) pinned(t testing.TB) *Root {
	t.Helper()
	root, err := OpenRoot(Pin{o.root.Certificate().Fingerprint()}, []byte(o.root.Certificate().Armor()))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{root: mustRoot(t), representative: Representative{NewNumber(KindState), 2}}
	o.author = o.hire(t, "Anna Meijer", RoleAuthor)
	o.approver = o.hire(t, "Benoît Diallo (press)", RoleApprover, RoleAuditor)
	o.registrar = o.hire(t, "Chen Wei", RoleRegistrar)
	o.issued = o.issue(t, o.registrar, ProfilePQ)
	o.own = o.succeed(t, o.issued, ProfilePQ)
	return o
}

func (o *office) hire(t testing.TB, name string, roles ...Role) *Key {
	t.Helper()
	key := mustKey(t, ProfilePQ, name)
	return adopt(t, key)(CertifyStaff(o.root, key.Certificate(), roles, noon))
}

func (o *office) issue(t testing.TB, registrar *Key, profile Profile) *Key {
	t.Helper()
	key := mustKey(t, profile, o.representative.String())
	return adopt(t, key)(CertifyIssued(registrar, key.Certificate(), o.representative, noon))
}

func (o *office) succeed(t testing.TB, old *Key, profile Profile) *Key {
	t.Helper()
	key := mustKey(t, profile, o.representative.String())
	return adopt(t, key)(CertifySuccessor(old, key.Certificate(), o.representative, noon.Add(time.Hour)))
}

// adopt gives key the certificate that came back from being certified.
func adopt(t testing.TB, key *Key) func(*Certificate, error) *Key {
	return func(c *Certificate, err error) *Key {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		k, err := key.WithCertificate(c)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
}

func TestStaffHoldUnderTheRoot(t *testing.T) {
	o := newOffice(t)
	staff, err := o.pinned(t).VerifyStaff(o.approver.Certificate(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if staff.Name() != "Benoît Diallo (press)" || !slices.Equal(staff.Roles(), []Role{RoleApprover, RoleAuditor}) || !staff.Has(RoleApprover) || staff.Has(RoleAuthor) {
		t.Errorf("%q with roles %v", staff.Name(), staff.Roles())
	}
}

func TestStaffAreRefused(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	stranger := mustKey(t, ProfilePQ, "Eve")
	otherRoot := mustRoot(t)
	refuse := func(name string, c *Certificate, at time.Time) {
		t.Helper()
		if s, err := root.VerifyStaff(c, at); err == nil || s != nil {
			t.Errorf("%s: %v holds", name, s)
		}
	}
	refuse("uncertified", stranger.Certificate(), noon)
	refuse("certified by another root of the same name", adopt(t, stranger)(CertifyStaff(otherRoot, stranger.Certificate(), []Role{RoleAuthor}, noon)).Certificate(), noon)
	refuse("certified by a colleague", adopt(t, stranger)(CertifyStaff(o.registrar, stranger.Certificate(), []Role{RoleAuthor}, noon)).Certificate(), noon)
	refuse("a representative", o.own.Certificate(), noon.Add(2*time.Hour))
	refuse("the root itself", o.root.Certificate(), noon)
	refuse("before the certification", o.author.Certificate(), noon.Add(-time.Hour))
	refuse("after the certification ended", o.author.Certificate(), noon.Add(StaffPeriod))

	withdrawn := adopt(t, o.author)(CertifyStaff(o.root, o.author.Certificate(), nil, noon))
	refuse("roles withdrawn within the same second", withdrawn.Certificate(), noon.Add(time.Minute))
	if _, err := root.VerifyStaff(withdrawn.Certificate(), noon.Add(-ClockSkew)); err != nil {
		t.Errorf("before roles were withdrawn: %v", err)
	}
	changed := adopt(t, o.author)(CertifyStaff(o.root, o.author.Certificate(), []Role{RoleApprover}, noon.Add(time.Hour)))
	if s, err := root.VerifyStaff(changed.Certificate(), noon.Add(time.Hour)); err != nil || s.Has(RoleAuthor) || !s.Has(RoleApprover) {
		t.Errorf("after a change of roles: %v, %v", s, err)
	}
}

func TestRolesCountOnlyInTheHashedArea(t *testing.T) {
	o := newOffice(t)
	key := mustKey(t, ProfilePQ, "Eve")
	c, err := certify(o.root, key.Certificate(), "Eve", StaffPeriod, noon)
	if err != nil {
		t.Fatal(err)
	}
	// Slip a role into the unhashed area of the root's certification, which has none.
	var out []byte
	for i, p := range c.packet {
		if p.kind != packetSignature || i == 0 || i+1 < len(c.packet) && c.packet[i+1].kind == packetSignature || !strings.Contains(string(p.body), string(o.root.entity.PrimaryKey.Fingerprint)) {
			out = append(out, p.whole...)
			continue
		}
		hashed := 6 + int(p.body[4])<<8 + int(p.body[5])
		notation := append([]byte{0x80, 0, 0, 0, 0, byte(len(roleNotation)), 0, byte(len("author"))}, roleNotation+"author"...)
		subpacket := append([]byte{byte(1 + len(notation)), 20}, notation...)
		body := slices.Concat(p.body[:hashed], []byte{0, byte(len(subpacket))}, subpacket, p.body[hashed+2:])
		out = appendPacket(out, packetSignature, body)
	}
	forged, err := ParseCertificate(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(forged.raw) <= len(c.raw) {
		t.Fatal("the notation was not slipped in")
	}
	if s, err := o.pinned(t).VerifyStaff(forged, noon); err == nil {
		t.Errorf("roles %v", s.Roles())
	}
}

func TestCertificationsCanBeRevoked(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	revoked := o.author.Certificate()
	signer := o.root.entity.PrivateKey
	s := &packet.Signature{
		Version: 4, SigType: packet.SigTypeCertificationRevocation, PubKeyAlgo: signer.PubKeyAlgo, Hash: crypto.SHA512,
		CreationTime: noon.Add(time.Hour), IssuerKeyId: &signer.KeyId, IssuerKeyVersion: 4, IssuerFingerprint: signer.Fingerprint,
	}
	if err := s.SignUserId("Anna Meijer", revoked.entity.PrimaryKey, signer, nil); err != nil {
		t.Fatal(err)
	}
	var revocation bytes.Buffer
	if err := s.Serialize(&revocation); err != nil {
		t.Fatal(err)
	}
	revoked, err := revoked.withCertification("Anna Meijer", revocation.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.VerifyStaff(revoked, noon); err != nil {
		t.Errorf("before the revocation: %v", err)
	}
	if s, err := root.VerifyStaff(revoked, noon.Add(time.Hour)); err == nil {
		t.Errorf("after the revocation: roles %v", s.Roles())
	}
	again, err := CertifyStaff(o.root, revoked, []Role{RoleAuthor}, noon.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.VerifyStaff(again, noon.Add(2*time.Hour)); err != nil {
		t.Errorf("after being certified again: %v", err)
	}
}

// A signature may claim any issuer; only the expected key's verifies.
func TestIssuerIsNotBelieved(t *testing.T) {
	o := newOffice(t)
	eve := mustKey(t, ProfilePQ, "Eve")
	pretender := *o.author.entity.PrivateKey
	pretender.PublicKey.Fingerprint = o.root.entity.PrimaryKey.Fingerprint
	pretender.PublicKey.KeyId = o.root.entity.PrimaryKey.KeyId
	entity := *o.author.entity
	entity.PrivateKey = &pretender
	c, err := certify(&Key{certificate: o.author.certificate, entity: &entity}, eve.Certificate(), "Eve", StaffPeriod, noon, notations(roleNotation, "author")...)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := o.pinned(t).VerifyStaff(c, noon); err == nil {
		t.Errorf("roles %v", s.Roles())
	}
}

func TestWeakHashesAreRefusedInChains(t *testing.T) {
	o := newOffice(t)
	signer := o.root.entity.PrivateKey
	subject := mustKey(t, ProfilePQ, "Eve").Certificate()
	s := &packet.Signature{
		Version: 4, SigType: packet.SigTypeGenericCert, PubKeyAlgo: signer.PubKeyAlgo, Hash: crypto.SHA1,
		CreationTime: noon, IssuerKeyId: &signer.KeyId, IssuerKeyVersion: 4, IssuerFingerprint: signer.Fingerprint,
		Notations: []*packet.Notation{{Name: roleNotation, Value: []byte("author"), IsHumanReadable: true}},
	}
	off := false
	if err := s.SignUserId("Eve", subject.entity.PrimaryKey, signer, &packet.Config{NonDeterministicSignaturesViaNotation: &off}); err != nil {
		t.Fatal(err)
	}
	var certification bytes.Buffer
	if err := s.Serialize(&certification); err != nil {
		t.Fatal(err)
	}
	c, err := subject.withCertification("Eve", certification.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := o.pinned(t).VerifyStaff(c, noon); err == nil {
		t.Errorf("roles %v by SHA-1", s.Roles())
	}
}

func TestRepresentativeHoldsUnderTheRoot(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	at := noon.Add(2 * time.Hour)
	r, err := root.VerifyRepresentative(o.staff(), o.chain(), o.representative, at)
	if err != nil {
		t.Fatal(err)
	}
	if r.Representative() != o.representative || r.Certificate().Fingerprint() != o.own.Certificate().Fingerprint() || r.Registrar().Name() != "Chen Wei" {
		t.Errorf("%v", r)
	}
	if _, err := root.VerifyRepresentative(o.staff(), o.chain()[:1], o.representative, at); err != nil {
		t.Errorf("not claimed yet: %v", err)
	}
	third := o.succeed(t, o.own, ProfileCompat)
	if _, err := root.VerifyRepresentative(o.staff(), append(o.chain(), third.Certificate()), o.representative, at); err != nil {
		t.Errorf("third key: %v", err)
	}
	if _, err := root.VerifyRepresentative(o.staff(), o.chain(), o.representative, at.Add(2*StaffPeriod)); err != nil {
		t.Errorf("after the registrar's certification ended: %v", err)
	}
}

func TestRepresentativeIsRefused(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	at := noon.Add(2 * time.Hour)
	eve := mustKey(t, ProfilePQ, o.representative.String())
	other := newOffice(t)
	byAuthor := o.issue(t, o.author, ProfilePQ)
	retired := adopt(t, o.registrar)(CertifyStaff(o.root, o.registrar.Certificate(), nil, noon.Add(30*time.Minute)))
	late := mustKey(t, ProfilePQ, o.representative.String())
	late = adopt(t, late)(CertifyIssued(retired, late.Certificate(), o.representative, noon.Add(time.Hour)))
	staffRetired := []*Certificate{o.author.Certificate(), retired.Certificate()}
	issuedAsSuccessor := adopt(t, eve)(CertifySuccessor(&Key{certificate: o.issued.certificate, entity: o.registrar.entity}, eve.Certificate(), o.representative, noon))

	for name, test := range map[string]struct {
		staff, chain   []*Certificate
		representative Representative
	}{
		"empty chain":                            {o.staff(), nil, o.representative},
		"key of a stranger":                      {o.staff(), []*Certificate{eve.Certificate()}, o.representative},
		"stranger at the end":                    {o.staff(), append(o.chain(), eve.Certificate()), o.representative},
		"only the own key":                       {o.staff(), o.chain()[1:], o.representative},
		"wrong order":                            {o.staff(), []*Certificate{o.own.Certificate(), o.issued.Certificate()}, o.representative},
		"a link left out":                        {o.staff(), []*Certificate{o.issued.Certificate(), o.succeed(t, o.own, ProfilePQ).Certificate()}, o.representative},
		"the same key twice":                     {o.staff(), []*Certificate{o.issued.Certificate(), o.issued.Certificate()}, o.representative},
		"issued by an author":                    {o.staff(), []*Certificate{byAuthor.Certificate()}, o.representative},
		"issued elsewhere":                       {o.staff(), other.chain(), other.representative},
		"issued elsewhere, by their registrar":   {other.staff(), other.chain(), other.representative},
		"another representative":                 {o.staff(), o.chain(), Representative{o.representative.Mailbox, 1}},
		"nobody at hand":                         {nil, o.chain(), o.representative},
		"registrar not at hand":                  {o.staff()[:2], o.chain(), o.representative},
		"issued after the registrar had retired": {staffRetired, []*Certificate{late.Certificate()}, o.representative},
		"a successor link from the registrar":    {o.staff(), []*Certificate{issuedAsSuccessor.Certificate()}, o.representative},
	} {
		if r, err := root.VerifyRepresentative(test.staff, test.chain, test.representative, at); err == nil || r != nil {
			t.Errorf("%s: it holds", name)
		}
	}
	if _, err := root.VerifyRepresentative(staffRetired, o.chain(), o.representative, at); err != nil {
		t.Errorf("issued before the registrar retired: %v", err)
	}
	if _, err := root.VerifyRepresentative(o.staff(), o.chain(), o.representative, noon.Add(-time.Hour)); err == nil {
		t.Error("it held before it was made")
	}
}

func TestRevokedKeyBreaksTheChainAsItsReasonDemands(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	at := noon.Add(24 * time.Hour)
	for reason, holds := range map[packet.ReasonForRevocation]bool{
		packet.KeyCompromised: false,
		packet.NoReason:       false,
		packet.KeyRetired:     true,
		packet.KeySuperseded:  true,
	} {
		issued := revoke(t, o.issued, reason, noon.Add(2*time.Hour))
		_, err := root.VerifyRepresentative(o.staff(), []*Certificate{issued, o.own.Certificate()}, o.representative, at)
		if (err == nil) != holds {
			t.Errorf("issued key revoked for reason %d: %v", reason, err)
		}
		registrar := revoke(t, o.registrar, reason, noon.Add(2*time.Hour))
		_, err = root.VerifyRepresentative([]*Certificate{registrar}, o.chain(), o.representative, at)
		if (err == nil) != holds {
			t.Errorf("registrar's key revoked for reason %d: %v", reason, err)
		}
		own := revoke(t, o.own, reason, noon.Add(2*time.Hour))
		_, err = root.VerifyRepresentative(o.staff(), []*Certificate{o.issued.Certificate(), own}, o.representative, at)
		var policy *PolicyError
		if !errors.As(err, &policy) || policy.Rule != RuleRevoked {
			t.Errorf("current key revoked for reason %d: %v", reason, err)
		}
	}
}

// revoke returns key's certificate with a key revocation.
func revoke(t *testing.T, key *Key, reason packet.ReasonForRevocation, now time.Time) *Certificate {
	t.Helper()
	fresh, err := newKey(key.certificate, privateParts(key.entity))
	if err != nil {
		t.Fatal(err)
	}
	if err := fresh.entity.Revoke(reason, "", &packet.Config{Time: func() time.Time { return now }}); err != nil {
		t.Fatal(err)
	}
	var revocation strings.Builder
	if err := fresh.entity.Revocations[0].Packet.Serialize(&revocation); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for i, p := range key.certificate.packet {
		out = append(out, p.whole...)
		if i == 0 {
			out = append(out, revocation.String()...)
		}
	}
	c, err := ParseCertificate(out)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertifyRefuses(t *testing.T) {
	o := newOffice(t)
	named := mustKey(t, ProfilePQ, "Ambassador Okafor")
	var policy *PolicyError
	if _, err := CertifyIssued(o.registrar, named.Certificate(), o.representative, noon); !errors.As(err, &policy) || policy.Rule != RuleIdentifyingUserID {
		t.Errorf("a certificate with a name: %v", err)
	}
	if _, err := CertifySuccessor(o.author, mustKey(t, ProfilePQ, o.representative.String()).Certificate(), o.representative, noon); err == nil {
		t.Error("an author certified a successor")
	}
	if _, err := CertifyStaff(o.root, o.root.Certificate(), []Role{RoleAuthor}, noon); err == nil {
		t.Error("the root certified itself")
	}
	if _, err := CertifyStaff(o.root, named.Certificate(), []Role{"emperor"}, noon); err == nil {
		t.Error("an unknown role was certified")
	}
	if _, err := o.author.WithCertificate(o.approver.Certificate()); err == nil {
		t.Error("a key took another key's certificate")
	}
}

func TestCertifyingLeavesTheSubjectAlone(t *testing.T) {
	o := newOffice(t)
	subject := mustKey(t, ProfilePQ, o.representative.String()).Certificate()
	before := subject.Armor()
	c, err := CertifyIssued(o.registrar, subject, o.representative, noon)
	if err != nil {
		t.Fatal(err)
	}
	if subject.Armor() != before {
		t.Error("the certificate that was certified changed")
	}
	if len(c.packet) != len(subject.packet)+1 {
		t.Errorf("%d packets became %d", len(subject.packet), len(c.packet))
	}
	for _, p := range subject.packet {
		if !slices.ContainsFunc(c.packet, func(q rawPacket) bool { return string(q.whole) == string(p.whole) }) {
			t.Errorf("packet of type %d changed", p.kind)
		}
	}
}

func TestOpenRoot(t *testing.T) {
	root, other := mustRoot(t), mustRoot(t)
	for name, pin := range map[string]Pin{"no pin": {}, "another pin": {other.Certificate().Fingerprint()}, "part of the pin": {root.Certificate().Fingerprint()[24:]}} {
		if r, err := OpenRoot(pin, root.Certificate().Bytes()); err == nil || r != nil {
			t.Errorf("%s: it opened", name)
		}
	}
}

func TestGPGVerifiesTheChain(t *testing.T) {
	o := newOffice(t)
	o.own = o.succeed(t, o.issued, ProfileCompat)
	g := newGPG(t)
	for i, c := range append(append(o.staff(), o.chain()...), o.root.Certificate()) {
		g.run("--import", g.file(string(rune('a'+i))+".asc", c.Armor()))
	}
	for _, test := range []struct {
		subject, issuer *Key
		notation        string
	}{
		{o.author, o.root, "role@valise.invalid=author"},
		{o.registrar, o.root, "role@valise.invalid=registrar"},
		{o.issued, o.registrar, "chain@valise.invalid=issued"},
		{o.own, o.issued, "chain@valise.invalid=successor"},
	} {
		listing := string(g.run("--with-colons", "--check-sigs", string(test.subject.Certificate().Fingerprint())))
		good := slices.ContainsFunc(strings.Split(listing, "\n"), func(line string) bool {
			return strings.HasPrefix(line, "sig:!:") && strings.Contains(line, string(test.issuer.Certificate().Fingerprint()))
		})
		if !good {
			t.Errorf("gpg does not accept the certification of %s:\n%s", test.subject.Certificate().UserIDs(), listing)
		}
		shown := string(g.run("--list-options", "show-notations", "--check-sigs", string(test.subject.Certificate().Fingerprint())))
		if !strings.Contains(shown, test.notation) {
			t.Errorf("gpg does not show %s:\n%s", test.notation, shown)
		}
	}
}

func TestALaterCertificateExtendsTheOlder(t *testing.T) {
	o := newOffice(t)
	older := o.author.Certificate()
	later, err := CertifyStaff(o.root, older, []Role{RoleApprover}, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !later.Extends(older) || !older.Extends(older) {
		t.Error("a certificate with one more certification does not extend the one without")
	}
	if older.Extends(later) || o.approver.Certificate().Extends(older) {
		t.Error("an older or another certificate extends this one")
	}
	root := o.pinned(t)
	for c, want := range map[*Certificate]time.Time{older: noon, later: noon.Add(time.Hour)} {
		staff, err := root.VerifyStaff(c, noon.Add(2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if !staff.Certified().Equal(want) {
			t.Errorf("certified at %v, want %v", staff.Certified(), want)
		}
	}
}

// Whoever fills their certificate up to its limits must not become somebody whose
// roles can't be withdrawn, as there is no room for one more certification.
func TestThereIsAlwaysRoomToWithdrawRoles(t *testing.T) {
	o := newOffice(t)
	pin := o.pinned(t)
	small := o.author.Certificate().Bytes()
	spam := handmade(t, o.registrar, packet.SigTypeGenericCert, "", nil)
	subkey := o.author.Certificate().packet
	at := len(small) - len(subkey[len(subkey)-1].whole) - len(subkey[len(subkey)-2].whole) // behind the user ID's signatures
	for name, junk := range map[string][]byte{
		"many signatures":   bytes.Repeat(spam, maxCertificatePackets-len(subkey)),
		"one large packet":  appendPacket(nil, packetTrust, make([]byte, MaxCertificateSize-len(small)-10)),
		"many trust packet": bytes.Repeat(appendPacket(nil, packetTrust, []byte{1}), maxCertificatePackets-len(subkey)),
	} {
		full := slices.Concat(small[:at], junk, small[at:])
		c, err := ParseCertificate(full)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if withdrawn, err := CertifyStaff(o.root, c, nil, noon.Add(time.Hour)); err == nil {
			t.Errorf("%s: %d packets, and there is room for more", name, len(withdrawn.packet))
		}
		if s, err := pin.VerifyStaff(c, noon.Add(time.Hour)); err == nil || s != nil {
			t.Errorf("%s: it counts", name)
		}
		if c, err := CertifyStaff(o.root, c, []Role{RoleAuthor}, noon.Add(time.Hour)); err == nil || c != nil {
			t.Errorf("%s: it is certified", name)
		}
		half := slices.Concat(small[:at], junk[:len(junk)/2/len(spam)*len(spam)], small[at:])
		if name != "many signatures" {
			continue
		}
		if c, err = ParseCertificate(half); err != nil {
			t.Fatal(err)
		}
		if c, err = CertifyStaff(o.root, c, nil, noon.Add(time.Hour)); err != nil {
			t.Errorf("there is no room to withdraw: %v", err)
		} else if s, err := pin.VerifyStaff(c, noon.Add(2*time.Hour)); err == nil || s != nil {
			t.Error("the roles are not withdrawn")
		}
	}
}
