package crypto

import (
	"bytes"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The fuzz targets of what is signed and sealed. Their corpora in testdata/fuzz
// are made with the sample key of RFC 9980, so that they stay what they are: good
// ones, and some of every kind of bad one.
func sampleKey(t testing.TB) *Key {
	t.Helper()
	k, err := ParseArmoredKey(readVector(t, "rfc9980-v4-ed25519-mlkem768-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func FuzzReadClearSigned(f *testing.F) {
	k := sampleKey(f)
	f.Add(readVector(f, "rfc9580-cleartext-signed-message.asc"))
	f.Fuzz(func(t *testing.T, message []byte) {
		text, err := ReadClearSigned(message)
		verified, s, verifyErr := VerifyClearSigned(k.Certificate(), PurposeLogIn, message, noon)
		if (s == nil) != (verifyErr != nil) || verifyErr == nil && (err != nil || !bytes.Equal(verified, text)) {
			t.Errorf("read %q, %v; verified %q, %v", text, err, verified, verifyErr)
		}
		if err != nil {
			return
		}
		if bytes.ContainsAny(text, "\r") || !bytes.HasSuffix(text, []byte("\n")) {
			t.Errorf("read %q", text)
		}
		// What was read can be signed, and comes back.
		if checkSignable(text) == nil {
			again, err := ReadClearSigned([]byte(mustClearSign(t, k, string(text))))
			if err != nil || !bytes.Equal(again, text) {
				t.Errorf("%q became %q, %v", text, again, err)
			}
		}
	})
}

func FuzzVerifyDetached(f *testing.F) {
	k := sampleKey(f)
	f.Add(handmade(f, k, packet.SigTypeBinary, "text", nil))
	f.Fuzz(func(t *testing.T, signature []byte) {
		s, err := VerifyDetached(k.Certificate(), PurposeNoticeAuthor, []byte("text"), signature, noon)
		if (s == nil) != (err != nil) {
			t.Errorf("%v, %v", s, err)
		}
		if _, err := VerifyDetached(k.Certificate(), PurposeNoticeAuthor, []byte("another text"), signature, noon); err == nil {
			t.Error("a forgery")
		}
	})
}

func FuzzUnwrap(f *testing.F) {
	k, compat := sampleKey(f), mustKey(f, ProfileCompat, "S-7K2M9QXC/2")
	_, key := mustSeal(f, SuiteCompat, k, notice)
	f.Add(mustWrap(f, key, compat))
	f.Fuzz(func(t *testing.T, envelope []byte) {
		for _, owner := range []*Key{k, compat} {
			key, err := Unwrap(envelope, owner)
			if (key == nil) != (err != nil) {
				t.Errorf("%v, %v", key, err)
			}
			if err == nil && CheckEnvelopeFor(key.suite, envelope, owner.Certificate()) != nil {
				t.Error("an envelope opens that the server refuses")
			}
		}
	})
}

func FuzzSplitMessage(f *testing.F) {
	f.Add(readVector(f, "rfc9580-x25519-aead-ocb-message.asc"))
	f.Fuzz(func(t *testing.T, message []byte) {
		envelope, body, err := SplitMessage(message)
		if err != nil {
			return
		}
		again, same, err := SplitMessage(ArmorMessage(Message(envelope, body)))
		if err != nil || !bytes.Equal(again, envelope) || !bytes.Equal(same, body) {
			t.Errorf("the message does not survive being joined: %v", err)
		}
	})
}

func FuzzOpenBody(f *testing.F) {
	k := sampleKey(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		suite, err := CheckBody(body)
		for _, want := range []Suite{SuitePQ, SuiteCompat} {
			key := &SessionKey{suite: want, key: make([]byte, sessionKeySize)} // the corpus's
			_, s, openErr := OpenBody(body, key, k.Certificate(), noon)
			if openErr == nil && (err != nil || suite != want || s == nil) {
				t.Errorf("a body opens that the server refuses: %v", err)
			}
		}
	})
}

func FuzzOpenRecord(f *testing.F) {
	k := sampleKey(f)
	for _, name := range []string{"rfc9980-v4-ed25519-mlkem768-message-seipd1", "rfc9980-v4-ed25519-mlkem768-message-seipd2"} {
		f.Add(readVector(f, name+".asc"))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		_, s, err := OpenRecord(message, []*Key{k}, []*Certificate{k.Certificate()}, PurposeDetails, noon)
		if (s == nil) != (err != nil) {
			t.Errorf("%v, %v", s, err)
		}
	})
}

// What stands inside an encrypted packet comes from whoever knows the session key:
// every other recipient.
func FuzzInside(f *testing.F) {
	k := sampleKey(f)
	f.Add(appendPacket(nil, packetCompressed, deflate(f, appendPacket(nil, packetLiteral, []byte("b\x00\x00\x00\x00\x00text")))))
	f.Fuzz(func(t *testing.T, plain []byte) {
		content, s, err := verifyInside(plain, []*Certificate{k.Certificate()}, PurposeContent, noon)
		if (s == nil) != (err != nil) || err == nil && string(content) != notice {
			t.Errorf("%q, %v", content, err)
		}
	})
}
