package crypto

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// deskMail is a desk whose key for mail programs was made by an author and certified by the root.
type deskMail struct {
	root             *Key
	trusted          *Root
	author, approver *Key
	made, certified  *Key // the same key, before and after
	staff            *Staff
}

func newDeskMail(t *testing.T) *deskMail {
	t.Helper()
	d := &deskMail{}
	var err error
	if d.root, err = GenerateRoot("International Court (test)", noon); err != nil {
		t.Fatal(err)
	}
	if d.trusted, err = OpenRoot(Pin{d.root.Certificate().Fingerprint()}, d.root.Certificate().Bytes()); err != nil {
		t.Fatal(err)
	}
	d.author, d.approver = d.hire(t, "Anna Meijer", RoleAuthor), d.hire(t, "Benoît Diallo", RoleApprover)
	if d.made, err = NewDeskKey("Registre de la Cour", "registry@court.example", noon); err != nil {
		t.Fatal(err)
	}
	certificate, err := CertifyStaff(d.root, d.made.Certificate(), []Role{RoleDeskMail}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if d.certified, err = d.made.WithCertificate(certificate); err != nil {
		t.Fatal(err)
	}
	if d.staff, err = d.trusted.VerifyStaff(certificate, noon); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *deskMail) hire(t *testing.T, name string, role Role) *Key {
	t.Helper()
	k, err := GenerateKey(ProfilePQ, name, noon)
	if err != nil {
		t.Fatal(err)
	}
	c, err := CertifyStaff(d.root, k.Certificate(), []Role{role}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if k, err = k.WithCertificate(c); err != nil {
		t.Fatal(err)
	}
	return k
}

// share gives a member the desk's key, and opens what they got.
func (d *deskMail) share(t *testing.T, desk, by, to *Key) *Key {
	t.Helper()
	record, err := SealDeskKey(desk, by, to.Certificate(), noon)
	if err != nil {
		t.Fatal(err)
	}
	k, err := OpenDeskKey(record, []*Key{to}, []*Certificate{by.Certificate()}, d.staff.Certificate(), noon)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheDeskOpensWhatMailProgramsSealToIt(t *testing.T) {
	d := newDeskMail(t)
	g := newGPG(t)
	published, err := d.staff.MailCertificate(d.trusted)
	if err != nil {
		t.Fatal(err)
	}
	g.run("--import", g.file("desk.pgp", string(published)))
	g.run("--import", g.file("root.asc", d.root.Certificate().Armor()))
	if out := string(g.run("--with-colons", "--check-signatures", "registry@court.example")); !strings.Contains(out, "sig:!:") || !strings.Contains(out, string(d.root.Certificate().Fingerprint()[24:])) {
		t.Errorf("gpg doesn't see the root's certification:\n%s", out)
	}
	const said = "We have seen the same in our own network.\n"
	sealed := g.run("--recipient", "registry@court.example", "--armor", "--output", "-", "--encrypt", g.file("reply.txt", said))

	// The author made it; the approver got it from the author, and passed it on.
	authors := d.share(t, d.certified, d.author, d.author)
	approvers := d.share(t, authors, d.author, d.approver)
	late := d.hire(t, "Chen Wei", RoleAuthor)
	for who, k := range map[string]*Key{"the author": authors, "the approver": approvers, "who came late": d.share(t, approvers, d.approver, late)} {
		raw, err := dearmor(armorMessage, sealed)
		if err != nil {
			t.Fatal(err)
		}
		m, err := openpgp.ReadMessage(bytes.NewReader(raw), openpgp.EntityList{k.entity}, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		if got, err := io.ReadAll(m.UnverifiedBody); err != nil || string(got) != said {
			t.Errorf("%s reads %q, %v", who, got, err)
		}
	}

	// A record is text and a private key as gpg takes it, so a desk whose portal is gone can go on with that.
	record, err := SealDeskKey(authors, d.author, d.approver.Certificate(), noon)
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := OpenRecord(record, []*Key{d.approver}, []*Certificate{d.author.Certificate()}, PurposeDeskKey, noon)
	if err != nil {
		t.Fatal(err)
	}
	member := newGPG(t)
	member.run("--import", member.file("share.txt", string(text)))
	if got := member.run("--decrypt", member.file("sealed.asc", string(sealed))); string(got) != said {
		t.Errorf("gpg reads %q with the desk's key", got)
	}
	if _, _, err := member.try("--local-user", "registry@court.example", "--clearsign", member.file("x.txt", said)); err == nil {
		t.Error("gpg signs as the desk with what a member got")
	}
}

func TestWhatADeskKeyIsNot(t *testing.T) {
	d := newDeskMail(t)
	opens := d.share(t, d.certified, d.author, d.approver)
	if _, err := SignDetached(opens, PurposeContent, []byte("x"), noon); err == nil {
		t.Error("a member of the desk signs as the desk")
	}
	if _, err := CertifyStaff(opens, d.author.Certificate(), []Role{RoleAuthor}, noon); err == nil {
		t.Error("a member of the desk certifies as the desk")
	}
	if _, err := opens.Derive("x"); err == nil {
		t.Error("the missing part is derived from")
	}
	if _, err := RevocationOf(opens, noon); err == nil {
		t.Error("a member of the desk revokes the desk's certificate")
	}
	if _, err := LockBundle(&Bundle{Holder: "x", Pin: Pin{d.trusted.Fingerprint()}, Key: opens}, nil); err == nil {
		t.Error("locked without secrets")
	}
	if d.staff.Has(RoleAuthor) || d.staff.ofDesk() == nil || !d.staff.IsProcess() {
		t.Error("the certificate is a person of the desk")
	}
	if _, err := CertifyStaff(d.root, d.staff.Certificate(), []Role{RoleDeskMail, RoleAuthor}, noon); err == nil {
		t.Error("the desk's certificate gets another role")
	}
	if _, err := CertifyStaff(d.root, d.author.Certificate(), []Role{RoleDeskMail}, noon); err == nil {
		t.Error("a person's certificate becomes the desk's")
	}
	if pq, err := GenerateKey(ProfilePQ, "Registry <registry@court.example>", noon); err != nil {
		t.Fatal(err)
	} else if _, err := CertifyStaff(d.root, pq.Certificate(), []Role{RoleDeskMail}, noon); err == nil {
		t.Error("a certificate that mail programs can't encrypt to is certified for them")
	}
	for _, wrong := range [][2]string{{"", "registry@court.example"}, {"Registry", "registry"}, {"Registry <a@b.example>", "registry@court.example"}, {"Registry", "a@b.example>\nX: <c@d.example"}, {" Registry", "registry@court.example"}} {
		if _, err := NewDeskKey(wrong[0], wrong[1], noon); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	if name, email, ok := d.staff.DeskAddress(); name != "Registre de la Cour" || email != "registry@court.example" || !ok {
		t.Errorf("the address is %q, %q, %t", name, email, ok)
	}
	if author, err := d.trusted.VerifyStaff(d.author.Certificate(), noon); err != nil {
		t.Fatal(err)
	} else if _, _, ok := author.DeskAddress(); ok {
		t.Error("a person has the desk's address")
	}
}

func TestRecordsOfADeskKeyThatAreRefused(t *testing.T) {
	d := newDeskMail(t)
	of, signers := d.staff.Certificate(), []*Certificate{d.author.Certificate()}
	record := func(text []byte, purpose Purpose) []byte {
		t.Helper()
		r, err := SealRecord(text, d.author, purpose, []*Certificate{d.approver.Certificate()}, noon)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	text := func(packets []byte) []byte {
		return append([]byte(deskKeyFirstLine+"\n\n"), armor(armorPrivateKey, packets)...)
	}
	good := d.certified.openingPackets()
	other, err := NewDeskKey("Registre de la Cour", "registry@court.example", noon)
	if err != nil {
		t.Fatal(err)
	}
	// The certificate's own public parts, with another's private one.
	otherSecret, ownSecret := secretPacket(other.entity.Subkeys[0].PrivateKey), secretPacket(d.certified.entity.Subkeys[0].PrivateKey)
	mixed := bytes.Replace(good, ownSecret[len(ownSecret)-34:], otherSecret[len(otherSecret)-34:], 1) // MPI of 255 bits, and checksum
	for name, r := range map[string][]byte{
		"the key of another":              record(text(other.openingPackets()), PurposeDeskKey),
		"another's private part":          record(text(mixed), PurposeDeskKey),
		"another purpose":                 record(text(good), PurposeKeptMail),
		"another form":                    record(append([]byte("valise desk key v2\n\n"), armor(armorPrivateKey, good)...), PurposeDeskKey),
		"no key":                          record([]byte(deskKeyFirstLine+"\n\n"), PurposeDeskKey),
		"the certificate":                 record(append([]byte(deskKeyFirstLine+"\n\n"), of.Armor()...), PurposeDeskKey),
		"without its subkey":              record(text(good[:len(good)/2]), PurposeDeskKey),
		"nothing":                         nil,
		"a record with an octet too much": append(record(text(good), PurposeDeskKey), 0),
	} {
		if k, err := OpenDeskKey(r, []*Key{d.approver}, signers, of, noon); err == nil || k != nil {
			t.Errorf("%s: taken", name)
		}
	}
	fine := record(text(good), PurposeDeskKey)
	if _, err := OpenDeskKey(fine, []*Key{d.author}, signers, of, noon); err == nil {
		t.Error("opened by who it was not given to")
	}
	if _, err := OpenDeskKey(fine, []*Key{d.approver}, []*Certificate{d.approver.Certificate()}, of, noon); err == nil {
		t.Error("taken from a stranger")
	}
	if _, err := OpenDeskKey(fine, []*Key{d.approver}, signers, other.Certificate(), noon); err == nil {
		t.Error("taken as the key of another certificate")
	}
	// Whoever gave the primary part away, too: it is not taken.
	whole, err := OpenDeskKey(record(text(d.certified.secretPackets()), PurposeDeskKey), []*Key{d.approver}, signers, of, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SignDetached(whole, PurposeContent, []byte("x"), noon); err == nil {
		t.Error("a key with its primary part signs")
	}
	// What ended still opens: the root took the role away.
	ended, err := CertifyStaff(d.root, of, nil, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDeskKey(fine, []*Key{d.approver}, signers, ended, noon.Add(2*time.Hour)); err != nil {
		t.Errorf("what was sent to an earlier certificate can't be opened: %v", err)
	}
}

func TestWhatMailProgramsGetOfTheDeskCertificate(t *testing.T) {
	d := newDeskMail(t)
	// Somebody else certified it, too, and the root did so again.
	certificate, err := CertifyStaff(d.root, d.staff.Certificate(), []Role{RoleDeskMail}, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := GenerateRoot("Somebody else", noon)
	if err != nil {
		t.Fatal(err)
	}
	if certificate, err = CertifyStaff(stranger, certificate, []Role{RoleDeskMail}, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	staff, err := d.trusted.VerifyStaff(certificate, noon.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		root *Root
		want []byte
	}{
		{nil, []byte{packetPublicKey, packetUserID, packetSignature, packetPublicSubkey, packetSignature}},
		{d.trusted, []byte{packetPublicKey, packetUserID, packetSignature, packetSignature, packetPublicSubkey, packetSignature}},
	} {
		small, err := staff.MailCertificate(c.root)
		if err != nil {
			t.Fatal(err)
		}
		packets, err := splitPackets(small, 20)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []byte
		for _, p := range packets {
			kinds = append(kinds, p.kind)
		}
		if !bytes.Equal(kinds, c.want) {
			t.Errorf("packets %v, want %v", kinds, c.want)
		}
		again := mustParse(t, small)
		if again.Fingerprint() != certificate.Fingerprint() || again.CheckPolicy(noon) != nil {
			t.Error("mail programs get another certificate")
		}
		if _, err := d.trusted.VerifyStaff(again, noon.Add(2*time.Hour)); (err == nil) != (c.root != nil) {
			t.Errorf("with root %t: %v", c.root != nil, err)
		}
	}
}

func TestTheDeskCertificateIsRevokedWithWhatWasMadeWithIt(t *testing.T) {
	d := newDeskMail(t)
	revocation, err := RevocationOf(d.made, noon)
	if err != nil {
		t.Fatal(err)
	}
	if d.certified.Certificate().CheckPolicy(noon) != nil || d.made.Certificate().CheckPolicy(noon) != nil {
		t.Error("making the revocation revokes")
	}
	g := newGPG(t)
	g.run("--import", g.file("desk.asc", d.staff.Certificate().Armor()))
	g.run("--trust-model", "pgp", "--check-trustdb") // gpg wants its file when it revokes
	g.run("--import", g.file("revocation.asc", revocation))
	if _, _, err := g.try("--recipient", "registry@court.example", "--encrypt", g.file("reply.txt", "x")); err == nil {
		t.Error("gpg encrypts to a revoked certificate")
	}
	revoked := mustParse(t, g.run("--export", "registry@court.example"))
	if !revoked.Extends(d.staff.Certificate()) {
		t.Error("what gpg makes of the two is no later form of the certificate, so no portal would take it")
	}
	if _, err := d.trusted.VerifyStaff(revoked, noon.Add(time.Hour)); err == nil {
		t.Error("a revoked certificate is the desk's")
	}
}
