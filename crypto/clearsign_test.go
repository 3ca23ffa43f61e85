package crypto

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const logInSample = "valise login v1\norigin: https://portal.example\nas: S-7K2M9QXC/2\n"

func mustClearSign(t testing.TB, k *Key, text string) string {
	t.Helper()
	message, err := ClearSign(k, PurposeLogIn, []byte(text), noon)
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

func TestClearSignedTextsComeBackUnchanged(t *testing.T) {
	v6, err := ParseArmoredKey(readVector(t, "rfc9580-v6-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Key{"v4": mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), "v6": v6} {
		for _, text := range []string{logInSample, "a\n", "-\n", "- \u00a0\n", "-----BEGIN PGP SIGNATURE-----\n", "\n\na\n\n-b\n", "From: me\nFrom me\n", " indented\n", "Hash: SHA1\n\nx\n", "محكمة\n"} {
			message := mustClearSign(t, k, text)
			for form, m := range map[string]string{
				"as made":    message,
				"CR LF":      strings.ReplaceAll(message, "\n", "\r\n"),
				"mixed ends": strings.Replace(message, "\n", "\r\n", 3),
				"pasted":     "\n \r\n" + message + "\n\n",
				"spaces":     strings.ReplaceAll(message, "\n", " \t\n"),
			} {
				got, s, err := VerifyClearSigned(k.Certificate(), PurposeLogIn, []byte(m), noon)
				if err != nil || string(got) != text || s.Purpose() != PurposeLogIn || !s.Made().Equal(noon) {
					t.Errorf("%s %q, %s: %q, %v", name, text, form, got, err)
				}
				if read, err := ReadClearSigned([]byte(m)); err != nil || string(read) != text {
					t.Errorf("%s %q, %s: read %q, %v", name, text, form, read, err)
				}
			}
		}
	}
}

func TestTextsThatCannotBeClearSigned(t *testing.T) {
	k := mustKey(t, ProfilePQ, "S-7K2M9QXC/2")
	for _, text := range []string{"", "\n", "a", "a\n\n", "a \n", "a\t\nb\n", "a\r\n", "a\rb\n", "\xff\n", strings.Repeat("a\n", maxClearSignedSize)} {
		if _, err := ClearSign(k, PurposeLogIn, []byte(text), noon); err == nil {
			t.Errorf("%.20q was signed", text)
		}
	}
}

func TestReadingClearSignedTextsIsStrict(t *testing.T) {
	k := mustKey(t, ProfilePQ, "S-7K2M9QXC/2")
	good := mustClearSign(t, k, logInSample)
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the message", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	crc := good[strings.LastIndex(good, "\n=")+1:]
	for says, message := range map[string]string{
		"starts with something else":  "Dear Sirs,\n" + good,
		"starts with something else ": "",
		"something stands behind it":  good + "yours",
		"something stands behind it ": good + good,
		"before the text":             replace("Hash: SHA512\n", "Hash: SHA512\nComment: x\n"),
		"before the text ":            replace("Hash: SHA512\n\n", "Hash: SHA512\n"),
		"before the text  ":           replace("Hash: SHA512\n", "Hash: SHA512; valise login v1\n"),
		"starts with a hyphen":        replace("valise login", "-valise login"),
		"starts with a hyphen ":       replace("valise login", beginSignedMessage+"\nvalise login"),
		"its signature is missing":    good[:strings.Index(good, beginSignature)],
		"its signature was cut off":   good[:len(good)-10],
		"its text is missing":         beginSignedMessage,
		"carriage return":             replace("origin", "or\rigin"),
		"not UTF-8":                   replace("origin", "\xff"),
		"too long":                    good + strings.Repeat("\n", maxClearSignedSize),
		"behind the checksum":         replace(crc, crc[:6]+"valise\n"+crc[6:]),
		"block is damaged":            replace(crc, "!"+crc),
		"has been altered":            replace("portal", "porta1"),
		"has been altered ":           replace("as: ", "\nas: "),
		"has been altered  ":          replace("as: ", " as: "),
		"has been altered   ":         replace("\nas: ", "\u2028as: "),
	} {
		text, s, err := VerifyClearSigned(k.Certificate(), PurposeLogIn, []byte(message), noon)
		wantError(t, err, strings.TrimRight(says, " "))
		if text != nil || s != nil {
			t.Errorf("%q came with the error %v", text, err)
		}
	}
}

// A signature over something else doesn't become one over a text, and a second
// one doesn't slip in.
func TestClearSignedTextHasOneSignatureOverText(t *testing.T) {
	k := mustKey(t, ProfilePQ, "S-7K2M9QXC/2")
	frame := func(signatures ...[]byte) []byte {
		return []byte(beginSignedMessage + "\nHash: SHA256\n\na\nb\n" + armor(armorSignature, bytes.Join(signatures, nil)))
	}
	unmarked := func(s *packet.Signature) { s.Notations = nil }
	overText := handmade(t, k, packet.SigTypeText, "a\r\nb", unmarked)
	if _, _, err := VerifyClearSigned(k.Certificate(), PurposeLogIn, frame(overText), noon); err != nil {
		t.Error(err)
	}
	_, _, err := VerifyClearSigned(k.Certificate(), PurposeLogIn, frame(overText, overText), noon)
	wantError(t, err, "more than one signature")
	_, _, err = VerifyClearSigned(k.Certificate(), PurposeLogIn, frame(), noon)
	wantError(t, err, "it is empty")
	for _, signed := range []string{"a\r\nb", "a\nb", "a\nb\n"} {
		_, _, err = VerifyClearSigned(k.Certificate(), PurposeLogIn, frame(handmade(t, k, packet.SigTypeBinary, signed, unmarked)), noon)
		wantError(t, err, "type 0x00")
	}
	_, _, err = VerifyClearSigned(k.Certificate(), PurposeContent, frame(overText), noon)
	wantError(t, err, "names no purpose")
	_, _, err = VerifyClearSigned(k.Certificate(), PurposeLogIn, frame(handmade(t, k, packet.SigTypeText, "a\r\nb", func(s *packet.Signature) {
		s.Notations = append(s.Notations[:0], notation(PurposeLogIn), notation(PurposeAcknowledgement))
	})), noon)
	wantError(t, err, "more than one purpose")
}

func TestClearSignedSampleOfTheRFC(t *testing.T) {
	c := mustParse(t, readVector(t, "rfc9580-v6-certificate.asc"))
	text, s, err := VerifyClearSigned(c, PurposeLogIn, readVector(t, "rfc9580-cleartext-signed-message.asc"), time.Now())
	if err != nil || string(text) != "What we need from the grocery store:\n\n- tofu\n- vegetables\n- noodles\n" {
		t.Fatalf("%q, %v", text, err)
	}
	if want := time.Date(2022, 12, 13, 16, 8, 3, 0, time.UTC); !s.Made().Equal(want) {
		t.Errorf("made %s", s.Made())
	}
}
