package crypto

import (
	"bytes"
	"crypto"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var allPurposes = []Purpose{
	PurposeLogIn, PurposeAcknowledgement, PurposeContent, PurposeHeading, PurposeNoticeAuthor, PurposeNoticeApproval, PurposeDetails,
	PurposeLedgerKey,
}

// wantError fails the test unless err says part.
func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want one with %q", err, part)
	}
}

// handmade signs data with the primary key of k as change wants it, with the
// library and none of our rules, and returns the signature packet.
func handmade(t testing.TB, k *Key, kind packet.SignatureType, data string, change func(*packet.Signature)) []byte {
	t.Helper()
	signer := k.entity.PrivateKey
	s := &packet.Signature{
		Version: signer.Version, SigType: kind, PubKeyAlgo: signer.PubKeyAlgo, Hash: crypto.SHA256, CreationTime: noon,
		IssuerKeyId: &signer.KeyId, IssuerKeyVersion: uint8(signer.Version), IssuerFingerprint: signer.Fingerprint,
		Notations: []*packet.Notation{notation(PurposeNoticeAuthor)},
	}
	if change != nil {
		change(s)
	}
	salted := false
	config := &packet.Config{NonDeterministicSignaturesViaNotation: &salted}
	h, err := s.PrepareSign(config)
	if err != nil {
		t.Fatal(err)
	}
	h.Write([]byte(data))
	if err := s.Sign(h, signer, config); err != nil {
		t.Fatal(err)
	}
	raw, err := serializeSignature(s)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func notation(purpose Purpose) *packet.Notation {
	return &packet.Notation{Name: purposeNotation, Value: []byte(purpose), IsHumanReadable: true}
}

func TestDetachedSignatures(t *testing.T) {
	v6, err := ParseArmoredKey(readVector(t, "rfc9580-v6-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	mldsa, err := ParseArmoredKey(readVector(t, "rfc9980-v6-mldsa65-mlkem768-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	manifest, other := []byte("valise manifest v1\n"), []byte("valise manifest v1\r\n")
	for name, key := range map[string]*Key{"pq": mustKey(t, ProfilePQ, "Anna"), "compat": mustKey(t, ProfileCompat, "Anna"), "root": mustRoot(t), "v6": v6, "ML-DSA": mldsa} {
		t.Run(name, func(t *testing.T) {
			armored, err := SignDetached(key, PurposeNoticeAuthor, manifest, noon.Add(999*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			binary, err := dearmor(armorSignature, armored)
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range [][]byte{armored, binary, bytes.ReplaceAll(armored, []byte("\n"), []byte("\r\n"))} {
				s, err := VerifyDetached(key.Certificate(), PurposeNoticeAuthor, manifest, form, noon)
				if err != nil {
					t.Fatal(err)
				}
				if s.Signer() != key.Certificate() || s.Purpose() != PurposeNoticeAuthor || !s.Made().Equal(noon) {
					t.Errorf("signer %v, purpose %s, made %s", s.Signer().Fingerprint(), s.Purpose(), s.Made())
				}
				_, err = VerifyDetached(key.Certificate(), PurposeNoticeAuthor, other, form, noon)
				wantError(t, err, "has been altered")
				_, err = VerifyDetached(mustRoot(t).Certificate(), PurposeNoticeAuthor, manifest, form, noon)
				wantError(t, err, "made by another key")
			}
			s, err := readSignature(binary)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Notations) != 1 || s.Hash != crypto.SHA512 {
				t.Errorf("%d notations, hash %v", len(s.Notations), s.Hash)
			}
		})
	}
}

// A signature for one purpose is refused for every other, wherever signatures are read.
func TestWrongPurposeIsRefusedEverywhere(t *testing.T) {
	k := mustKey(t, ProfilePQ, "Anna")
	c, text := k.Certificate(), []byte("valise login v1\n")
	sessionKey, err := newSessionKey(SuitePQ)
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range allPurposes {
		detached, err := SignDetached(k, made, text, noon)
		if err != nil {
			t.Fatal(err)
		}
		clear, err := ClearSign(k, made, text, noon)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := sessionKey.seal(made, k, text, noon)
		if err != nil {
			t.Fatal(err)
		}
		record, err := SealRecord(text, k, made, []*Certificate{c}, noon)
		if err != nil {
			t.Fatal(err)
		}
		for _, wanted := range allPurposes {
			_, detachedErr := VerifyDetached(c, wanted, text, detached, noon)
			_, _, clearErr := VerifyClearSigned(c, wanted, clear, noon)
			_, _, sealedErr := sessionKey.open(wanted, c, sealed, noon)
			_, _, recordErr := OpenRecord(record, []*Key{k}, []*Certificate{c}, wanted, noon)
			for where, err := range map[string]error{"detached": detachedErr, "clear": clearErr, "sealed": sealedErr, "record": recordErr} {
				if made == wanted && err != nil {
					t.Errorf("%s %s: %v", where, made, err)
				}
				if made != wanted {
					wantError(t, err, "another purpose")
				}
			}
		}
		_, err = VerifyDetached(c, "", text, detached, noon)
		wantError(t, err, "no purpose")
	}
	for _, unknown := range []Purpose{"", "Login", "anything"} {
		_, err := SignDetached(k, unknown, text, noon)
		wantError(t, err, "is no purpose")
		_, err = ClearSign(k, unknown, text, noon)
		wantError(t, err, "is no purpose")
		_, err = SealRecord(text, k, unknown, []*Certificate{c}, noon)
		wantError(t, err, "is no purpose")
	}
}

func TestSignaturesThatAreRefused(t *testing.T) {
	k := mustKey(t, ProfilePQ, "Anna")
	week := uint32(7 * 24 * 3600)
	for name, test := range map[string]struct {
		change func(*packet.Signature)
		says   string // "" for accepted
	}{
		"as it should be":  {nil, ""},
		"critical purpose": {func(s *packet.Signature) { s.Notations[0].IsCritical = true }, "marking it as critical"},
		"another notation": {func(s *packet.Signature) {
			s.Notations = append(s.Notations, &packet.Notation{Name: "colour@example.org"})
		}, ""},
		"slightly in the future": {func(s *packet.Signature) { s.CreationTime = noon.Add(ClockSkew) }, ""},
		"no purpose":             {func(s *packet.Signature) { s.Notations = nil }, "names no purpose"},
		"another purpose":        {func(s *packet.Signature) { s.Notations[0] = notation(PurposeNoticeApproval) }, "another purpose"},
		"empty purpose":          {func(s *packet.Signature) { s.Notations[0] = notation("") }, "another purpose"},
		"the same purpose twice": {func(s *packet.Signature) { s.Notations = append(s.Notations, notation(PurposeNoticeAuthor)) }, "more than one purpose"},
		"two purposes":           {func(s *packet.Signature) { s.Notations = append(s.Notations, notation(PurposeDetails)) }, "more than one purpose"},
		"critical notation unknown here": {func(s *packet.Signature) {
			s.Notations = append(s.Notations, &packet.Notation{Name: "colour@example.org", IsCritical: true})
		}, "colour@example.org"},
		"SHA-1":                   {func(s *packet.Signature) { s.Hash = crypto.SHA1 }, "SHA-1"},
		"SHA-224":                 {func(s *packet.Signature) { s.Hash = crypto.SHA224 }, "too weak"},
		"over text":               {func(s *packet.Signature) { s.SigType = packet.SigTypeText }, "type 0x01"},
		"a certification":         {func(s *packet.Signature) { s.SigType = packet.SigTypeGenericCert }, "type 0x10"},
		"with an expiry":          {func(s *packet.Signature) { s.SigLifetimeSecs = &week }, "expires"},
		"in the future":           {func(s *packet.Signature) { s.CreationTime = noon.Add(ClockSkew + time.Second) }, "in the future"},
		"before the key was made": {func(s *packet.Signature) { s.CreationTime = noon.Add(-ClockSkew - time.Second) }, "was not good"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := handmade(t, k, packet.SigTypeBinary, "text", test.change)
			_, err := VerifyDetached(k.Certificate(), PurposeNoticeAuthor, []byte("text"), raw, noon)
			if test.says != "" {
				wantError(t, err, test.says)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	once := handmade(t, k, packet.SigTypeBinary, "text", nil)
	for says, signature := range map[string][]byte{
		"more than one signature": append(bytes.Clone(once), once...),
		"it is empty":             nil,
		"a packet of type 6":      nil,
		"not a sequence":          []byte("signature"),
		"too large":               bytes.Repeat([]byte("x"), 3*maxSignatureSize),
		"more than one armored":   []byte(armor(armorSignature, once) + armor(armorSignature, once)),
		" was found":              []byte(armor(armorMessage, once)),
		"cut off":                 once[:len(once)-1],
	} {
		if says == "a packet of type 6" {
			signature, says = k.Certificate().packet[0].whole, "type 6"
		}
		_, err := VerifyDetached(k.Certificate(), PurposeNoticeAuthor, []byte("text"), signature, noon)
		wantError(t, err, says)
	}
}

// Whoever passes a signature on can write into its unhashed area.
func TestPurposeInTheUnhashedAreaDoesNotCount(t *testing.T) {
	k := mustKey(t, ProfilePQ, "Anna")
	for made, says := range map[Purpose]string{"": "names no purpose", PurposeNoticeApproval: "another purpose"} {
		raw := handmade(t, k, packet.SigTypeBinary, "text", func(s *packet.Signature) {
			if s.Notations = nil; made != "" {
				s.Notations = []*packet.Notation{notation(made)}
			}
		})
		packets, err := splitPackets(raw, 1)
		if err != nil {
			t.Fatal(err)
		}
		body := packets[0].body
		at := 6 + int(body[4])<<8 + int(body[5]) // the octet count of the unhashed area, which is 0
		name, value := purposeNotation, string(PurposeNoticeAuthor)
		subpacket := append([]byte{20, 0x80, 0, 0, 0, 0, byte(len(name)), 0, byte(len(value))}, name+value...)
		subpacket = append([]byte{byte(len(subpacket))}, subpacket...)
		forged := append(bytes.Clone(body[:at]), 0, byte(len(subpacket)))
		forged = append(append(forged, subpacket...), body[at+2:]...)
		_, err = VerifyDetached(k.Certificate(), PurposeNoticeAuthor, []byte("text"), appendPacket(nil, packetSignature, forged), noon)
		wantError(t, err, says)
	}
}

// What a certificate signed counts as long as it was good then.
func TestSignaturesAndTheLifeOfTheirCertificate(t *testing.T) {
	g := newGPG(t)
	g.run("--faked-system-time", "20250101T120000!", "--quick-generate-key", "S-7K2M9QXC/2", "ed25519", "sign", "30d")
	f := g.fingerprint("S-7K2M9QXC/2")
	c := mustParse(t, g.export(f))
	sign := func(at string) []byte {
		return g.run("--faked-system-time", at+"!", "--armor", "--local-user", f, "--set-notation", purposeNotation+"=notice-author",
			"--output", "-", "--detach-sign", g.file("text", "text"))
	}
	then, later := sign("20250110T120000"), sign("20250125T120000")
	verify := func(c *Certificate, signature []byte) error {
		_, err := VerifyDetached(c, PurposeNoticeAuthor, []byte("text"), signature, time.Now())
		return err
	}
	if err := verify(c, then); err != nil {
		t.Errorf("an expired certificate's earlier signature: %v", err)
	}
	// Expired when it signed: the same key with a shorter life.
	g.run("--faked-system-time", "20250112T120000!", "--quick-set-expire", f, "3d")
	shorter := mustParse(t, g.export(f))
	if err := verify(shorter, then); err != nil {
		t.Error(err)
	}
	wantError(t, verify(shorter, later), "was not good")
}

func TestRevokedCertificatesSignatures(t *testing.T) {
	for reason, test := range map[packet.ReasonForRevocation]struct{ before, after string }{
		packet.KeySuperseded:  {"", "revoked"},
		packet.KeyRetired:     {"", "revoked"},
		packet.KeyCompromised: {"revoked", "revoked"},
		packet.NoReason:       {"revoked", "revoked"},
	} {
		k := mustKey(t, ProfilePQ, "Anna")
		before, err := SignDetached(k, PurposeNoticeAuthor, []byte("text"), noon.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		after, err := SignDetached(k, PurposeNoticeAuthor, []byte("text"), noon.Add(3*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		c := revoke(t, k, reason, noon.Add(2*time.Hour))
		for signature, says := range map[string]string{string(before): test.before, string(after): test.after} {
			_, err := VerifyDetached(c, PurposeNoticeAuthor, []byte("text"), []byte(signature), noon.Add(4*time.Hour))
			if says != "" {
				wantError(t, err, says)
			} else if err != nil {
				t.Errorf("revoked for reason %d: %v", reason, err)
			}
		}
		revoked, err := k.WithCertificate(c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = SignDetached(revoked, PurposeNoticeAuthor, []byte("text"), noon.Add(4*time.Hour))
		wantError(t, err, "can't sign")
	}
}

func TestGPGVerifiesDetachedAndClearSignatures(t *testing.T) {
	const manifest = "valise manifest v1\nnotice: N-7K2M9QXC\n"
	for name, key := range map[string]*Key{"pq": mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), "compat": mustKey(t, ProfileCompat, "S-7K2M9QXC/2"), "root": mustRoot(t)} {
		c := key.Certificate()
		for form, certificate := range map[string]string{"whole": c.Armor(), "signing only": c.SigningOnlyArmor()} {
			t.Run(name+" "+form, func(t *testing.T) {
				g := newGPG(t)
				g.run("--import", g.file("cert.asc", certificate))
				detached, err := SignDetached(key, PurposeNoticeAuthor, []byte(manifest), noon)
				if err != nil {
					t.Fatal(err)
				}
				g.run("--verify", g.file("manifest.asc", string(detached)), g.file("manifest", manifest))
				if _, _, err := g.try("--verify", g.file("manifest.asc", string(detached)), g.file("manifest", manifest+"\n")); err == nil {
					t.Error("gpg verified another manifest")
				}
				// As many lengths as it takes to meet every remainder of base 64.
				for _, text := range []string{"a\n", "- a\n-----BEGIN PGP\n", "é\n\nFrom here\n", "valise acknowledgement v1\nnotice: N-7K2M9QXC\n"} {
					clear, err := ClearSign(key, PurposeAcknowledgement, []byte(text), noon)
					if err != nil {
						t.Fatal(err)
					}
					status := g.run("--status-fd", "1", "--verify", g.file("clear.asc", string(clear)))
					if !strings.Contains(string(status), "VALIDSIG "+string(c.Fingerprint())) || !strings.Contains(string(status), "NOTATION_NAME "+purposeNotation) || !strings.Contains(string(status), "NOTATION_DATA acknowledgement") {
						t.Errorf("gpg says %s", status)
					}
					if out := g.run("--output", "-", "--decrypt", g.file("clear.asc", string(clear))); string(out) != text {
						t.Errorf("gpg reads %q, not %q", out, text)
					}
					if _, _, err := g.try("--verify", g.file("clear.asc", strings.Replace(string(clear), text[:1], "b"+text[:1], 1))); err == nil {
						t.Error("gpg verified another text")
					}
				}
			})
		}
	}
}

// gpgSigners are keys as people bring them, made by gpg.
var gpgSigners = map[string]func(g *gpg) string{
	"Ed25519": func(g *gpg) string { return g.make("S-7K2M9QXC/2", "future-default", "default", "0") },
	"RSA 3072": func(g *gpg) string {
		return g.makeFrom("S-7K2M9QXC/2", "Key-Type: RSA", "Key-Length: 3072", "Subkey-Type: RSA", "Subkey-Length: 3072")
	},
	"signing subkey": func(g *gpg) string {
		f := g.make("S-7K2M9QXC/2", "ed25519", "cert", "0")
		g.run("--faked-system-time", "20260110T120000!", "--quick-add-key", f, "ed25519", "sign", "0")
		g.run("--faked-system-time", "20260110T120000!", "--quick-add-key", f, "cv25519", "encr", "0")
		return f
	},
}

func TestSignaturesThatGPGMade(t *testing.T) {
	const text = "valise login v1\norigin: https://portal.example\n-- \n"
	const read = "valise login v1\norigin: https://portal.example\n--\n"
	for name, make := range gpgSigners {
		t.Run(name, func(t *testing.T) {
			g := newGPG(t)
			f := make(g)
			c := mustParse(t, g.export(f))
			plain := g.run("--local-user", f, "--output", "-", "--clearsign", g.file("text", text))
			crlf := bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n"))
			for _, message := range [][]byte{plain, crlf} {
				for _, purpose := range allPurposes {
					got, _, err := VerifyClearSigned(c, purpose, message, time.Now())
					if !purpose.mayLackNotation() {
						wantError(t, err, "names no purpose")
					} else if err != nil || string(got) != read {
						t.Errorf("%q, %v", got, err)
					}
				}
			}
			marked := g.run("--local-user", f, "--output", "-", "--set-notation", purposeNotation+"=acknowledgement", "--clearsign", g.file("text", text))
			if _, _, err := VerifyClearSigned(c, PurposeAcknowledgement, marked, time.Now()); err != nil {
				t.Error(err)
			}
			_, _, err := VerifyClearSigned(c, PurposeLogIn, marked, time.Now())
			wantError(t, err, "another purpose")
			weak := g.run("--local-user", f, "--output", "-", "--digest-algo", "SHA1", "--clearsign", g.file("text", text))
			_, _, err = VerifyClearSigned(c, PurposeLogIn, weak, time.Now())
			wantError(t, err, "SHA-1")
			ends := g.run("--local-user", f, "--output", "-", "--default-sig-expire", "1y", "--clearsign", g.file("text", text))
			_, _, err = VerifyClearSigned(c, PurposeLogIn, ends, time.Now())
			wantError(t, err, "expires")
			detached := g.run("--local-user", f, "--output", "-", "--set-notation", purposeNotation+"=notice-author", "--detach-sign", g.file("text", text))
			if _, err := VerifyDetached(c, PurposeNoticeAuthor, []byte(text), detached, time.Now()); err != nil {
				t.Error(err)
			}
			// Our signatures with their key.
			key, err := ParseArmoredKey(g.run("--armor", "--export-secret-keys", f), nil)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := ClearSign(key, PurposeLogIn, []byte(read), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			g.run("--verify", g.file("clear.asc", string(ours)))
		})
	}
}

// A subkey counts only for the certificate that it is bound to, and only if it signs.
func TestSubkeysOfOthers(t *testing.T) {
	g := newGPG(t)
	f := gpgSigners["signing subkey"](g)
	c := mustParse(t, g.export(f))
	signature := g.run("--local-user", f, "--output", "-", "--set-notation", purposeNotation+"=notice-author", "--detach-sign", g.file("text", "text"))
	if _, err := VerifyDetached(c, PurposeNoticeAuthor, []byte("text"), signature, time.Now()); err != nil {
		t.Fatal(err)
	}
	// Somebody else puts the subkey and its binding under a key of their own.
	thief := mustKey(t, ProfilePQ, "Anna").Certificate()
	stolen := bytes.Clone(thief.raw)
	for i, p := range c.packet {
		if p.kind == packetPublicSubkey && c.isSigningSubkey(p) {
			stolen = append(append(stolen, p.whole...), c.packet[i+1].whole...)
		}
	}
	_, err := VerifyDetached(mustParse(t, stolen), PurposeNoticeAuthor, []byte("text"), signature, time.Now())
	wantError(t, err, "doesn't count")
}

func TestRevokedSigningSubkey(t *testing.T) {
	g := newGPG(t)
	f := gpgSigners["signing subkey"](g)
	k, err := ParseArmoredKey(g.run("--armor", "--export-secret-keys", f), nil)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := SignDetached(k, PurposeNoticeAuthor, []byte("text"), noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyDetached(k.Certificate(), PurposeNoticeAuthor, []byte("text"), signature, noon); err != nil {
		t.Fatal(err)
	}
	for i := range k.entity.Subkeys {
		if subkey := &k.entity.Subkeys[i]; maySign(newest(subkey.Bindings)) {
			if err := subkey.Revoke(packet.KeyCompromised, "", &packet.Config{Time: func() time.Time { return noon.Add(time.Hour) }}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var b bytes.Buffer
	if err := k.entity.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	_, err = VerifyDetached(mustParse(t, b.Bytes()), PurposeNoticeAuthor, []byte("text"), signature, noon.Add(2*time.Hour))
	if err == nil {
		t.Error("what a compromised subkey signed was believed")
	}
}
