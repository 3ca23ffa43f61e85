package crypto

import (
	"bytes"
	"compress/flate"
	"testing"
)

func deflate(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteByte(1)
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A few bytes that decompress to far more than is accepted.
func TestDecompressionIsBounded(t *testing.T) {
	bomb := deflate(t, make([]byte, MaxBodySize+1))
	if len(bomb) > 1<<20 {
		t.Fatal("this is no bomb")
	}
	_, err := insidePackets(appendPacket(nil, packetCompressed, bomb))
	wantError(t, err, "too large")
}

// eachFlip calls try with data in which one bit of one octet is changed, for every
// octet: version, key id, KEM share, wrapped key, salt, chunks, tags, digests and
// whatever else there is.
func eachFlip(data []byte, try func(at int, changed []byte)) {
	for at := range data {
		for _, bit := range []byte{0x01, 0x10, 0x80} {
			changed := bytes.Clone(data)
			changed[at] ^= bit
			try(at, changed)
		}
	}
}

func TestEveryChangedOctetIsNoticed(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna Meijer")
	for _, profile := range []Profile{ProfilePQ, ProfileCompat} {
		recipient := mustKey(t, profile, "S-7K2M9QXC/2")
		body, key := mustSeal(t, recipient.Certificate().Suite(), author, notice)
		envelope := mustWrap(t, key, recipient)
		eachFlip(envelope, func(at int, changed []byte) {
			if k, err := Unwrap(changed, recipient); err == nil || k != nil {
				t.Errorf("%s: octet %d of %d of an envelope may be changed", profile, at, len(envelope))
			}
		})
		eachFlip(body, func(at int, changed []byte) {
			if content, s, err := OpenBody(changed, key, author.Certificate(), noon); err == nil || content != nil || s != nil {
				t.Errorf("%s: octet %d of %d of a body may be changed", profile, at, len(body))
			}
		})
		for cut := range body {
			if _, _, err := OpenBody(body[:cut], key, author.Certificate(), noon); err == nil {
				t.Errorf("%s: %d of %d octets of a body were opened", profile, cut, len(body))
			}
		}
		// Cut off behind whole chunks, with the packet's length put right.
		packets, err := splitPackets(body, 1)
		if err != nil {
			t.Fatal(err)
		}
		for cut := range packets[0].body {
			if _, _, err := OpenBody(appendPacket(nil, packetSEIPD, packets[0].body[:cut]), key, author.Certificate(), noon); err == nil {
				t.Errorf("%s: %d octets of a body were opened", profile, cut)
			}
		}
		record, err := SealRecord([]byte("name: Ada"), author, PurposeDetails, []*Certificate{recipient.Certificate()}, noon)
		if err != nil {
			t.Fatal(err)
		}
		eachFlip(record, func(at int, changed []byte) {
			if _, _, err := OpenRecord(changed, []*Key{recipient}, []*Certificate{author.Certificate()}, PurposeDetails, noon); err == nil {
				t.Errorf("%s: octet %d of %d of a record may be changed", profile, at, len(record))
			}
		})
	}
}

func TestEveryChangedOctetOfASignatureIsNoticed(t *testing.T) {
	v6, err := ParseArmoredKey(readVector(t, "rfc9580-v6-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Key{"v4": mustKey(t, ProfilePQ, "Anna"), "v6": v6} {
		armored, err := SignDetached(k, PurposeNoticeAuthor, []byte("text"), noon)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := dearmor(armorSignature, armored)
		if err != nil {
			t.Fatal(err)
		}
		eachFlip(signature, func(at int, changed []byte) {
			if _, err := VerifyDetached(k.Certificate(), PurposeNoticeAuthor, []byte("text"), changed, noon); err == nil {
				t.Errorf("%s: octet %d of %d of a signature may be changed", name, at, len(signature))
			}
		})
		clear := []byte(mustClearSign(t, k, logInSample))
		eachFlip(clear, func(at int, changed []byte) {
			text, _, err := VerifyClearSigned(k.Certificate(), PurposeLogIn, changed, noon)
			// The framing has some freedom (names of hash functions, the checksum); the text has none.
			if err == nil && string(text) != logInSample {
				t.Errorf("%s: octet %d of a clear-signed text may be changed: %q", name, at, text)
			}
		})
	}
}

// A large body is sealed in several chunks, which may not be swapped, repeated or
// left out.
func TestChunksKeepTheirPlaces(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna Meijer")
	const chunk = 1 << (12 + 6) // the library's
	body, key := mustSeal(t, SuitePQ, author, string(bytes.Repeat([]byte("0123456789abcdef"), 4*chunk/16)))
	packets, err := splitPackets(body, 1)
	if err != nil {
		t.Fatal(err)
	}
	const header, sealed = 4 + 32, chunk + seipdTag
	inside := packets[0].body
	if inside[3] != 12 {
		t.Fatalf("chunk size octet %d", inside[3])
	}
	head, one, two, rest := inside[:header], inside[header:header+sealed], inside[header+sealed:header+2*sealed], inside[header+2*sealed:]
	try := func(parts ...[]byte) error {
		_, _, err := OpenBody(appendPacket(nil, packetSEIPD, bytes.Join(parts, nil)), key, author.Certificate(), noon)
		return err
	}
	if err := try(head, one, two, rest); err != nil {
		t.Fatal(err)
	}
	for how, err := range map[string]error{
		"swapped": try(head, two, one, rest), "repeated": try(head, one, one, two, rest), "left out": try(head, one, rest),
		"without the last": try(head, one, two), "without the final tag": try(inside[:len(inside)-seipdTag]),
	} {
		if err == nil {
			t.Errorf("chunks may be %s", how)
		}
	}
}
