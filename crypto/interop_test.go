package crypto

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// decryptForeign opens what another program encrypted, as far as the format goes:
// with Unwrap, but without the demands on the signature inside.
func decryptForeign(t *testing.T, message []byte, k *Key) (content []byte, key *SessionKey, inside []rawPacket) {
	t.Helper()
	raw, err := binaryMessage(message)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := joinPackets(raw, 10)
	if err != nil {
		t.Fatal(err)
	}
	last := len(packets) - 1
	if key, err = unwrapAny(packets[:last], []*Key{k}); err != nil {
		t.Fatal(err)
	}
	plain, err := key.decrypt(appendPacket(nil, packets[last].kind, packets[last].body))
	if err != nil {
		t.Fatal(err)
	}
	if inside, err = insidePackets(plain); err != nil {
		t.Fatal(err)
	}
	for _, p := range inside {
		if p.kind == packetLiteral {
			if content, err = literalContent(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	return content, key, inside
}

// RFC 9580, appendix A.8, and RFC 9980, appendix A.
func TestMessagesOfTheRFCs(t *testing.T) {
	for message, test := range map[string]struct {
		key, content, sessionKey string
		suite                    Suite
	}{
		"rfc9580-x25519-aead-ocb-message":            {"rfc9580-v6", "Hello, world!", "dd708f6fa1ed65114d68d2343e7c2f1d", SuitePQ},
		"rfc9980-v4-ed25519-mlkem768-message-seipd1": {"rfc9980-v4-ed25519-mlkem768", "Testing\n", "", SuiteCompat},
		"rfc9980-v4-ed25519-mlkem768-message-seipd2": {"rfc9980-v4-ed25519-mlkem768", "Testing\n", "", SuitePQ},
		"rfc9980-v6-mldsa65-mlkem768-message":        {"rfc9980-v6-mldsa65-mlkem768", "Testing\n", "", SuitePQ},
	} {
		t.Run(message, func(t *testing.T) {
			k, err := ParseArmoredKey(readVector(t, test.key+"-key.asc"), nil)
			if err != nil {
				t.Fatal(err)
			}
			content, key, inside := decryptForeign(t, readVector(t, message+".asc"), k)
			if string(content) != test.content || key.Suite() != test.suite {
				t.Errorf("%q, suite %s", content, key.Suite())
			}
			if test.sessionKey != "" && hex.EncodeToString(key.key) != test.sessionKey {
				t.Errorf("session key %x", key.key)
			}
			if len(inside) == 3 {
				s, err := parseSignature(inside[2])
				if err != nil {
					t.Fatal(err)
				}
				if err := checkOnePass(inside[0], s); err != nil {
					t.Error(err)
				}
				if _, err := k.Certificate().verify(s, packet.SigTypeBinary, "", content, time.Now()); err != nil {
					t.Error(err)
				}
			}
			// None of them was signed for a purpose of ours.
			if _, _, err := OpenRecord(readVector(t, message+".asc"), []*Key{k}, []*Certificate{k.Certificate()}, PurposeDetails, time.Now()); err == nil {
				t.Error("it passes for a record")
			}
		})
	}
}

// RFC 9580, appendix A.7: a signature over text, with the salt of version 6.
func TestInlineSignedMessageOfTheRFC(t *testing.T) {
	raw, err := binaryMessage(readVector(t, "rfc9580-inline-signed-message.asc"))
	if err != nil {
		t.Fatal(err)
	}
	packets, err := insidePackets(raw)
	if err != nil || len(packets) != 3 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	content, err := literalContent(packets[1])
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseSignature(packets[2])
	if err != nil {
		t.Fatal(err)
	}
	if err := checkOnePass(packets[0], s); err != nil {
		t.Error(err)
	}
	c := mustParse(t, readVector(t, "rfc9580-v6-certificate.asc"))
	if _, err := c.verify(s, packet.SigTypeText, "", bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n")), time.Now()); err != nil {
		t.Error(err)
	}
}

func TestGPGOpensCompatNotices(t *testing.T) {
	for name, author := range map[string]*Key{"pq author": mustKey(t, ProfilePQ, "Anna Meijer"), "compat author": mustKey(t, ProfileCompat, "Anna Meijer")} {
		t.Run(name, func(t *testing.T) {
			g := newGPG(t)
			recipient := mustKey(t, ProfileCompat, "S-7K2M9QXC/2")
			g.run("--import", g.file("key.asc", recipient.Armor()))
			g.run("--import", g.file("author.asc", author.Certificate().Armor()))
			for _, content := range []string{"", notice, strings.Repeat(notice, 10_000)} {
				body, key := mustSeal(t, SuiteCompat, author, content)
				message := Message(mustWrap(t, key, recipient), body)
				for form, data := range map[string][]byte{"binary": message, "armored": ArmorMessage(message)} {
					path := g.file("message", string(data))
					if got := g.run("--decrypt", path); string(got) != content {
						t.Errorf("%s: gpg reads %d bytes", form, len(got))
					}
					status := string(g.run("--status-fd", "1", "--output", "/dev/null", "--yes", "--decrypt", path))
					for _, want := range []string{"DECRYPTION_OKAY", "GOODMDC", "GOODSIG", "VALIDSIG " + string(author.Certificate().Fingerprint()), "NOTATION_DATA content"} {
						if !strings.Contains(status, want) {
							t.Errorf("%s: gpg does not say %s:\n%s", form, want, status)
						}
					}
				}
			}
			// A record to several is for gpg, too.
			record, err := SealRecord([]byte("name: Ada"), author, PurposeDetails, []*Certificate{mustKey(t, ProfilePQ, "Chen").Certificate(), recipient.Certificate()}, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.run("--decrypt", g.file("record", string(record))); string(got) != "name: Ada" {
				t.Errorf("gpg reads %q", got)
			}
		})
	}
}

// Envelopes to keys that people made with gpg, which then opens the notice.
func TestGPGOpensNoticesToKeysItMade(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna Meijer")
	for name, make := range gpgSigners {
		t.Run(name, func(t *testing.T) {
			g := newGPG(t)
			f := make(g)
			c := mustParse(t, g.export(f))
			body, key := mustSeal(t, SuiteCompat, author, notice)
			envelope, err := key.Wrap(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckEnvelope(envelope, c); err != nil {
				t.Error(err)
			}
			g.run("--import", g.file("author.asc", author.Certificate().SigningOnlyArmor()))
			if got := g.run("--decrypt", g.file("message", string(Message(envelope, body)))); string(got) != notice {
				t.Errorf("gpg reads %q", got)
			}
			own, err := ParseArmoredKey(g.run("--armor", "--export-secret-keys", f), nil)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := Unwrap(envelope, own)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := OpenBody(body, opened, author.Certificate(), noon); err != nil || string(got) != notice {
				t.Error(err)
			}
		})
	}
}

func TestMessagesThatGPGMade(t *testing.T) {
	recipient := mustKey(t, ProfileCompat, "S-7K2M9QXC/2")
	for name, make := range gpgSigners {
		t.Run(name, func(t *testing.T) {
			g := newGPG(t)
			f := make(g)
			author := mustParse(t, g.export(f))
			g.run("--import", g.file("cert.asc", recipient.Certificate().Armor()))
			long := strings.Repeat("compresses well. ", 20_000)
			for _, content := range []string{"short", long} {
				for _, options := range [][]string{nil, {"--compress-algo", "none"}, {"--compress-algo", "zip"}, {"--compress-algo", "zlib"}, {"--compress-algo", "bzip2"}, {"--armor"}} {
					args := append([]string{"--recipient", string(recipient.Certificate().Fingerprint()), "--output", "-"}, options...)
					path := g.file("text", content)
					unsigned := g.run(append(args, "--encrypt", path)...)
					if got, key, _ := decryptForeign(t, unsigned, recipient); string(got) != content || key.Suite() != SuiteCompat {
						t.Errorf("%q: %d bytes of %d", options, len(got), len(content))
					}
					signed := g.run(append(args, "--local-user", f, "--sign", "--encrypt", path)...)
					got, key, _ := decryptForeign(t, signed, recipient)
					if string(got) != content {
						t.Errorf("%q: %d bytes of %d", options, len(got), len(content))
					}
					plain := foreignPlain(t, signed, key)
					_, _, err := verifyInside(plain, []*Certificate{author}, PurposeContent, time.Now())
					wantError(t, err, "names no purpose")
					// Made for a purpose on purpose, it is as good as one of ours.
					marked := g.run(append(args, "--local-user", f, "--set-notation", purposeNotation+"=content", "--sign", "--encrypt", path)...)
					_, key, _ = decryptForeign(t, marked, recipient)
					if got, _, err := verifyInside(foreignPlain(t, marked, key), []*Certificate{author}, PurposeContent, time.Now()); err != nil || string(got) != content {
						t.Errorf("%q: %v", options, err)
					}
				}
			}
		})
	}
}

func foreignPlain(t *testing.T, message []byte, key *SessionKey) []byte {
	t.Helper()
	raw, err := binaryMessage(message)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := joinPackets(raw, 10)
	if err != nil {
		t.Fatal(err)
	}
	last := packets[len(packets)-1]
	plain, err := key.decrypt(appendPacket(nil, last.kind, last.body))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// The courier sends what gpg must take: what is in doubt is refused before.
func TestGPGRefusesChangedNotices(t *testing.T) {
	g := newGPG(t)
	author, recipient := mustKey(t, ProfilePQ, "Anna"), mustKey(t, ProfileCompat, "S-7K2M9QXC/2")
	g.run("--import", g.file("key.asc", recipient.Armor()))
	g.run("--import", g.file("author.asc", author.Certificate().Armor()))
	body, key := mustSeal(t, SuiteCompat, author, notice)
	message := Message(mustWrap(t, key, recipient), body)
	for _, at := range []int{20, len(message) - 100, len(message) - 1} {
		changed := bytes.Clone(message)
		changed[at] ^= 1
		if _, _, err := g.try("--decrypt", g.file("message", string(changed))); err == nil {
			t.Errorf("gpg opens a message with octet %d changed", at)
		}
	}
}
