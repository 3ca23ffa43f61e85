package crypto

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// The session keys, computed by another program (HMAC-SHA256 as in RFC 5869): the secret are the octets 00 to 1f, the notice is N-4GZ0R8T4.
func TestPersonalSessionKeysAreTheseOfTheDocument(t *testing.T) {
	secret := make([]byte, personalSecretSize)
	for i := range secret {
		secret[i] = byte(i)
	}
	keys := &PersonalKeys{"N-4GZ0R8T4", secret}
	for suite, want := range map[Suite]string{
		SuitePQ:     "b5f45f0bfb3b58f8d923a2d61317e24d3b75bdf1d22aa28f70acde16a733a1d1",
		SuiteCompat: "dda7d5216790ac90edfd04114d9d32d1c19f064eab308913d46a3914462729c3",
	} {
		k, err := keys.of("S-7K2M9QXD", suite)
		if err != nil || hex.EncodeToString(k.key) != want || k.suite != suite {
			t.Errorf("%s: %x, %v", suite, k.key, err)
		}
	}
	if k, err := keys.of("S-7K2M9QXD", "rot13"); k != nil || err == nil {
		t.Error("a key of no suite")
	}
	if strings.Contains(sprint(keys), hex.EncodeToString(secret)[:8]) || !strings.Contains(sprint(keys), "not shown") {
		t.Errorf("printed, the keys are %s", sprint(keys))
	}
}

func sprint(k *PersonalKeys) string { return fmt.Sprintf("%v %x %#v %s", k, k, k, k) }

func personalExample(t testing.TB, texts ...LanguageVersion) *personalPart {
	t.Helper()
	p := &personalPart{from: "International Court", notice: NewNumber(KindNotice), mailbox: NewNumber(KindState), created: sealedAt, salt: NewContentSalt(), texts: texts}
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPersonalPartsHaveOneSpelling(t *testing.T) {
	for name, p := range map[string]*personalPart{
		"nothing":         personalExample(t),
		"one language":    personalExample(t, LanguageVersion{"en", "Subject", "Text.\n"}),
		"dots at the end": personalExample(t, LanguageVersion{"en", "Subject", "Text .....\n......"}, LanguageVersion{"fr", "Objet…", "Texte\n\n\n"}),
		"a long line":     personalExample(t, LanguageVersion{"zh-Hant", "主旨", strings.Repeat("漢", 3000)}),
	} {
		t.Run(name, func(t *testing.T) {
			mime := paddedPersonal(p.mime())
			for _, size := range []int{len(mime), len(mime) + personalStep, len(mime) + 3*personalStep} {
				whole := padPersonal(p.mime(), size)
				if len(whole) != size {
					t.Fatalf("%d bytes were made %d, not %d", len(p.mime()), len(whole), size)
				}
				read, err := parsePersonal(whole)
				if err != nil || !bytes.Equal(read.mime(), p.mime()) || read.mailbox != p.mailbox || len(read.texts) != len(p.texts) {
					t.Fatalf("%+v, %v", read, err)
				}
			}
			for what, altered := range map[string][]byte{
				"not padded":       append(bytes.Clone(p.mime()), bytes.Repeat([]byte{'x'}, len(mime)-len(p.mime()))...),
				"half a step more": append(bytes.Clone(mime), bytes.Repeat([]byte{'.'}, personalStep/2)...),
				"dots in one line": append(bytes.Clone(mime), bytes.Repeat([]byte{'.'}, personalStep)...),
				"cut off":          mime[:len(mime)-personalStep],
				"nothing":          nil,
				"too large":        bytes.Repeat([]byte{'.'}, MaxPersonalSize+personalStep),
				"another header":   bytes.Replace(mime, []byte("hp=\"cipher\""), []byte("hp=\"clear\" "), 1),
				"small letters":    bytes.Replace(mime, []byte("mailbox: S"), []byte("mailbox: s"), 1),
			} {
				if read, err := parsePersonal(altered); err == nil || read != nil {
					t.Errorf("%s: read as %+v", what, read)
				}
			}
			for i := range mime {
				if read, err := parsePersonal(flip(mime, i)); err == nil && bytes.Equal(read.mime(), p.mime()) {
					t.Fatalf("octet %d changed, and it is the same part", i)
				}
			}
		})
	}
}

func TestTheKeyOfPersonalPartsHasOneSpelling(t *testing.T) {
	keys := newPersonalKeys(NewNumber(KindNotice))
	root := sha256Hex([]byte("root"))
	text := keys.text(root)
	read, audience, err := parsePersonalKeys(text)
	if err != nil || read.notice != keys.notice || !bytes.Equal(read.secret, keys.secret) || audience != root {
		t.Fatalf("%v, %s, %v", read, audience, err)
	}
	for i := range text {
		if read, _, err := parsePersonalKeys(flip(text, i)); err == nil && bytes.Equal(read.text(root), text) {
			t.Fatalf("octet %d changed, and it is the same key", i)
		}
	}
	for _, altered := range []string{"", string(text) + "more\n", strings.TrimSuffix(string(text), "\n"), strings.Replace(string(text), "secret", "Secret", 1)} {
		if read, _, err := parsePersonalKeys([]byte(altered)); err == nil || read != nil {
			t.Errorf("read %q", altered)
		}
	}
}

func FuzzParsePersonal(f *testing.F) {
	f.Add(paddedPersonal(personalExample(f).mime()))
	f.Add(paddedPersonal(personalExample(f, LanguageVersion{"en", "Subject", "Text.\n"}, LanguageVersion{"fr", "Objet", "Texte"}).mime()))
	f.Add(padPersonal(personalExample(f, LanguageVersion{"en", "Subject", strings.Repeat("é", 1000)}).mime(), 16<<10))
	f.Add(bytes.Repeat([]byte(".\r\n."), 256))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, mime []byte) {
		p, err := parsePersonal(mime)
		if (p == nil) != (err != nil) {
			t.Fatalf("%v, %v", p, err)
		}
		if err == nil && !bytes.Equal(padPersonal(p.mime(), len(mime)), mime) {
			t.Fatalf("read %q, wrote %q", mime, p.mime())
		}
	})
}
