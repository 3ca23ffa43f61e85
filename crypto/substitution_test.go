package crypto

import (
	"bytes"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A server that lies adds keys of its own to somebody's certificate: none of them
// may sign for that person, and nothing may be sealed to any.
func TestKeysThatAServerAddsCountForNothing(t *testing.T) {
	o := newOffice(t)
	pin := o.pinned(t)
	mallory := mustKey(t, ProfilePQ, "Mallory")
	stolen := mustKey(t, ProfilePQ, "Mallory")
	victim := o.author.Certificate()

	// A subkey that signs, bound by Mallory, with its cross-signature over the victim's key.
	binding := func(by *Key, flags func(*packet.Signature)) []byte {
		t.Helper()
		s := func(kind packet.SignatureType, signer *packet.PrivateKey) *packet.Signature {
			return &packet.Signature{
				Version: 4, SigType: kind, PubKeyAlgo: signer.PubKeyAlgo, Hash: 7, CreationTime: noon.Add(time.Minute),
				IssuerKeyId: &victim.entity.PrimaryKey.KeyId, IssuerKeyVersion: 4, IssuerFingerprint: victim.entity.PrimaryKey.Fingerprint,
			}
		}
		config := generationConfig(noon)
		outer := s(packet.SigTypeSubkeyBinding, by.entity.PrivateKey)
		flags(outer)
		cross := s(packet.SigTypePrimaryKeyBinding, stolen.entity.PrivateKey)
		outer.Hash, cross.Hash = config.Hash(), config.Hash()
		if err := cross.CrossSignKey(&stolen.entity.PrivateKey.PublicKey, victim.entity.PrimaryKey, stolen.entity.PrivateKey, config); err != nil {
			t.Fatal(err)
		}
		outer.EmbeddedSignature = cross
		if err := outer.SignKey(&stolen.entity.PrivateKey.PublicKey, by.entity.PrivateKey, config); err != nil {
			t.Fatal(err)
		}
		raw, err := serializeSignature(outer)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	signs := func(s *packet.Signature) { s.FlagsValid, s.FlagSign = true, true }
	subkey := appendPacket(nil, packetPublicSubkey, publicBody(stolen.entity.PrimaryKey))
	encryption := mallory.certificate.packet[len(mallory.certificate.packet)-2:]
	for name, added := range map[string][]byte{
		"a signing subkey":                  bytes.Join([][]byte{subkey, binding(mallory, signs)}, nil),
		"a signing subkey, bound by itself": bytes.Join([][]byte{subkey, binding(stolen, signs)}, nil),
		"an encryption subkey":              bytes.Join([][]byte{encryption[0].whole, encryption[1].whole}, nil),
		"a user ID":                         bytes.Join([][]byte{mallory.certificate.packet[1].whole, mallory.certificate.packet[2].whole}, nil),
	} {
		c, err := ParseCertificate(append(victim.Bytes(), added...))
		if err != nil {
			continue
		}
		if c.encryption == nil || !bytes.Equal(c.encryption.PublicKey.Fingerprint, victim.encryption.PublicKey.Fingerprint) || len(c.UserIDs()) != 1 {
			t.Errorf("%s: it is sealed to, or names the owner", name)
		}
		for _, k := range []*Key{mallory, stolen} {
			signature, err := SignDetached(k, PurposeNoticeAuthor, []byte("text"), noon.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if s, err := VerifyDetached(c, PurposeNoticeAuthor, []byte("text"), signature, noon.Add(time.Hour)); err == nil || s != nil {
				t.Errorf("%s: it signs", name)
			}
		}
		if _, err := pin.VerifyStaff(c, noon.Add(time.Hour)); err != nil {
			t.Errorf("%s: its owner is locked out: %v", name, err)
		}
	}
}

// Who has the key of somebody who has left dates a notice back to when its author had
// the role. Approvers, who know better, must not sign it.
func TestNobodyApprovesForAnAuthorWhoHasLeft(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	left, err := CertifyStaff(d.root, d.author.Certificate(), nil, sealedAt.Add(3*ClockSkew))
	if err != nil {
		t.Fatal(err)
	}
	staff := []*Certificate{left, d.approver.Certificate(), d.registrar.Certificate()}
	v, err := d.pin.VerifySubmission(d.sealed.Signed(), staff, approvedAt)
	if err != nil {
		t.Fatal(err) // what was signed before somebody left holds
	}
	o, err := d.open(v, StaffHolder(d.approver.Certificate().Fingerprint()))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Approve(d.pin, d.approver, o, d.sealed.Manifest, approvedAt); err == nil || s != nil {
		t.Error("approved")
	}
}
