package crypto

import (
	"crypto"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// gpgBelieves says whether gpg verifies a clear-signed text.
func (g *gpg) believes(message string) bool {
	_, _, err := g.try("--verify", g.file("message.asc", message))
	return err == nil
}

// A representative who wants to disown their receipt later must not be able to sign
// one that Valise takes and GnuPG does not: either it is refused, or what Bytes
// returns is verified by gpg --verify with exit status 0.
func TestNoReceiptThatOnlyValiseBelieves(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	g := newGPG(t)
	o, v, r, k := d.opened(t)
	g.run("--import", g.file("certificate.asc", k.Certificate().Armor()))
	text, err := acknowledgement(o, r, k.Certificate()).Encode()
	if err != nil {
		t.Fatal(err)
	}
	good, err := ClearSign(k, PurposeAcknowledgement, text, acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) string {
		t.Helper()
		if !strings.Contains(string(good), old) {
			t.Fatalf("there is no %q in the receipt", old)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	signed := func(change func(*packet.Signature)) string {
		raw := handmade(t, k, packet.SigTypeText, strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), "\n", "\r\n"), func(s *packet.Signature) {
			s.CreationTime = acknowledgedAt
			s.Notations = []*packet.Notation{notation(PurposeAcknowledgement)}
			change(s)
		})
		return beginSignedMessage + "\nHash: SHA256\n\n" + string(text) + armor(armorSignature, raw)
	}
	crc := string(good)[strings.LastIndex(string(good), "\n="):][1:6]
	body, err := dearmor(armorSignature, good[strings.Index(string(good), beginSignature):])
	if err != nil {
		t.Fatal(err)
	}
	oneLine := beginSignature + "\n\n" + base64.StdEncoding.EncodeToString(body) + "\n" + endSignature + "\n"
	for name, receipt := range map[string]string{
		"as it should be":                    string(good),
		"another hash announced":             replace("Hash: SHA512", "Hash: SHA256"),
		"no hash announced":                  replace("Hash: SHA512\n", ""),
		"a hash nobody knows":                replace("Hash: SHA512", "Hash: SIGNED-UNDER-DURESS"),
		"many hashes":                        replace("Hash: SHA512\n", strings.Repeat("Hash: MD5\n", 2000)),
		"a wrong checksum":                   replace(crc, "=AAAA"),
		"no checksum":                        replace(crc+"\n", ""),
		"no checksum, on one line":           string(good[:strings.Index(string(good), beginSignature)]) + oneLine,
		"no line before the signature":       replace(beginSignature+"\n\n", beginSignature+"\n"),
		"a header in the signature":          replace(beginSignature+"\n", beginSignature+"\nI:did not sign\n"),
		"escaped lines":                      replace("\ninstitution: ", "\n- institution: "),
		"white space":                        replace("\nopening: ", "  \t\nopening: "),
		"a critical purpose":                 signed(func(s *packet.Signature) { s.Notations[0].IsCritical = true }),
		"a purpose as binary value":          signed(func(s *packet.Signature) { s.Notations[0].IsHumanReadable = false }),
		"another issuer's key id":            signed(func(s *packet.Signature) { id := *s.IssuerKeyId ^ 1; s.IssuerKeyId = &id }),
		"no key id":                          signed(func(s *packet.Signature) { s.IssuerKeyId = nil }),
		"no fingerprint":                     signed(func(s *packet.Signature) { s.IssuerFingerprint = nil }),
		"with a policy":                      signed(func(s *packet.Signature) { s.PolicyURI = "https://example.org/void" }),
		"signed for somebody else":           signed(func(s *packet.Signature) { name := "S-00000000/1"; s.SignerUserId = &name }),
		"with preferences that mean nothing": signed(func(s *packet.Signature) { s.FlagsValid, s.FlagAuthenticate = true, true }),
		"with an expiry of its key":          signed(func(s *packet.Signature) { seconds := uint32(1); s.KeyLifetimeSecs = &seconds }),
		"by SHA-3":                           strings.Replace(signed(func(s *packet.Signature) { s.Hash = crypto.SHA3_256 }), "Hash: SHA256\n", "Hash: SHA3-256\n", 1),
		"by SHA-256, announced":              signed(func(*packet.Signature) {}),
	} {
		t.Run(name, func(t *testing.T) {
			verified, err := VerifyReceipt([]byte(receipt), v, k.Certificate(), acknowledgedAt)
			if err != nil {
				t.Logf("refused: %v", err)
				return
			}
			if found, err := RespellClearSigned([]byte(receipt)); err != nil || string(found) != string(verified.Bytes()) {
				t.Errorf("what is kept can't be found with what came: %v", err)
			}
			if kept := verified.Bytes(); !g.believes(string(kept)) {
				t.Errorf("gpg does not believe\n%s", kept)
			} else if again, err := VerifyReceipt(kept, v, k.Certificate(), acknowledgedAt); err != nil || string(again.Bytes()) != string(kept) {
				t.Errorf("what is kept reads differently: %v", err)
			}
		})
	}
}
