package crypto

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const notice = "Content-Type: multipart/mixed\r\n\r\nforensic findings: é"

func mustSeal(t testing.TB, suite Suite, author *Key, content string) ([]byte, *SessionKey) {
	t.Helper()
	body, key, err := SealBody(suite, author, []byte(content), noon)
	if err != nil {
		t.Fatal(err)
	}
	return body, key
}

func mustWrap(t testing.TB, key *SessionKey, to *Key) []byte {
	t.Helper()
	envelope, err := key.Wrap(to.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func TestSealAndOpen(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna Meijer")
	v6, err := ParseArmoredKey(readVector(t, "rfc9580-v6-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, recipient := range map[string]*Key{
		"pq": mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), "compat": mustKey(t, ProfileCompat, "S-7K2M9QXC/2"), "v6 X25519": v6,
	} {
		suite := recipient.Certificate().Suite()
		for _, content := range []string{"", "x", notice, strings.Repeat(notice, 20_000)} {
			body, key := mustSeal(t, suite, author, content)
			if got, err := CheckBody(body); err != nil || got != suite {
				t.Fatalf("%s: %q, %v", name, got, err)
			}
			if packets, err := splitPackets(body, 1); err != nil || len(packets) != 1 {
				t.Errorf("%s: the body is not one packet with a definite length: %v", name, err)
			}
			envelope := mustWrap(t, key, recipient)
			if err := CheckEnvelope(envelope, recipient.Certificate()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			message := Message(envelope, body)
			for _, form := range [][]byte{message, ArmorMessage(message), []byte("Dear sirs,\r\n" + strings.ReplaceAll(string(ArmorMessage(message)), "\n", "\r\n"))} {
				e, b, err := SplitMessage(form)
				if err != nil || !bytes.Equal(e, envelope) || !bytes.Equal(b, body) {
					t.Fatalf("%s: the message does not come apart again: %v", name, err)
				}
			}
			opened, err := Unwrap(envelope, author, recipient)
			if err != nil {
				t.Fatal(err)
			}
			got, s, err := OpenBody(body, opened, author.Certificate(), noon)
			if err != nil || string(got) != content || s.Signer() != author.Certificate() || s.Purpose() != PurposeContent || !s.Made().Equal(noon) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
			got, s, err = OpenBody(body, opened, recipient.Certificate(), noon)
			wantError(t, err, "made by another key")
			if got != nil || s != nil {
				t.Error("content came with an error")
			}
		}
	}
}

func TestSizesThatAreRefused(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna Meijer")
	_, _, err := SealBody(SuitePQ, author, make([]byte, MaxContentSize+1), noon)
	wantError(t, err, "can be sealed")
	_, err = CheckBody(make([]byte, MaxBodySize+1))
	wantError(t, err, "are accepted")
	_, _, err = SplitMessage(make([]byte, 2*MaxBodySize))
	wantError(t, err, "too large")
	_, err = Unwrap(make([]byte, MaxEnvelopeSize+1))
	wantError(t, err, "too large")
	_, _, err = SealBody("", author, nil, noon)
	wantError(t, err, "is no suite")
}

func TestKeysAndBodiesOfTheTwoSuitesDontMix(t *testing.T) {
	author, pq, compat := mustKey(t, ProfilePQ, "Anna"), mustKey(t, ProfilePQ, "S-7K2M9QXC/1"), mustKey(t, ProfileCompat, "S-7K2M9QXC/2")
	pqBody, pqKey := mustSeal(t, SuitePQ, author, notice)
	compatBody, compatKey := mustSeal(t, SuiteCompat, author, notice)
	_, err := pqKey.Wrap(compat.Certificate())
	wantError(t, err, `opens suite "compat"`)
	_, err = compatKey.Wrap(pq.Certificate())
	wantError(t, err, `opens suite "pq"`)
	_, _, err = OpenBody(pqBody, compatKey, author.Certificate(), noon)
	wantError(t, err, "can't be opened with a key of suite")
	_, _, err = OpenBody(compatBody, pqKey, author.Certificate(), noon)
	wantError(t, err, "can't be opened with a key of suite")
	other, _ := mustSeal(t, SuitePQ, author, notice)
	_, _, err = OpenBody(other, pqKey, author.Certificate(), noon)
	wantError(t, err, "does not open with this key")
	for _, k := range []*SessionKey{pqKey, compatKey} {
		if shown := fmt.Sprintf("%v %+v %x %s", k, k, k, k); strings.Contains(shown, fmt.Sprintf("%x", k.key)) || !strings.Contains(shown, "not shown") {
			t.Errorf("printed, a session key shows %s", shown)
		}
	}
	v6, err := ParseArmoredKey(readVector(t, "rfc9580-v6-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = SealBody(SuiteCompat, v6, []byte(notice), noon)
	wantError(t, err, "GnuPG")
	pqBody, pqKey = mustSeal(t, SuitePQ, v6, notice)
	if got, _, err := OpenBody(pqBody, pqKey, v6.Certificate(), noon); err != nil || string(got) != notice {
		t.Errorf("signed by a key of version 6: %v", err)
	}
}

// One session key seals the body and the heading of a notice, which don't stand
// in for each other.
func TestHeadingAndBodyAreApart(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna")
	for _, suite := range []Suite{SuitePQ, SuiteCompat} {
		body, key := mustSeal(t, suite, author, notice)
		heading, err := key.seal(PurposeHeading, author, []byte("subjects"), noon)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := key.open(PurposeHeading, author.Certificate(), heading, noon); err != nil || string(got) != "subjects" {
			t.Errorf("%q, %v", got, err)
		}
		_, _, err = OpenBody(heading, key, author.Certificate(), noon)
		wantError(t, err, "another purpose")
		_, _, err = key.open(PurposeHeading, author.Certificate(), body, noon)
		wantError(t, err, "another purpose")
	}
}

func TestWrapAllKeepsTheOrder(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna")
	var keys []*Key
	var to []*Certificate
	for i := range 60 {
		profile := ProfilePQ
		if i%3 == 0 {
			profile = ProfileCompat
		}
		k := mustKey(t, profile, fmt.Sprintf("S-%d", i))
		keys, to = append(keys, k), append(to, k.Certificate())
	}
	pqBody, pqKey := mustSeal(t, SuitePQ, author, notice)
	compatBody, compatKey := mustSeal(t, SuiteCompat, author, notice)
	var seen []int
	envelopes, err := WrapAll(map[Suite]*SessionKey{SuitePQ: pqKey, SuiteCompat: compatKey}, to, func(done int) { seen = append(seen, done) })
	if err != nil {
		t.Fatal(err)
	}
	for i, envelope := range envelopes {
		key, err := Unwrap(envelope, keys[i])
		if err != nil {
			t.Fatalf("envelope %d: %v", i, err)
		}
		body := map[Suite][]byte{SuitePQ: pqBody, SuiteCompat: compatBody}[to[i].Suite()]
		if got, _, err := OpenBody(body, key, author.Certificate(), noon); err != nil || string(got) != notice {
			t.Errorf("envelope %d: %v", i, err)
		}
	}
	if len(seen) != len(to) || !slices.IsSorted(seen) || seen[0] != 1 || seen[len(seen)-1] != len(to) {
		t.Errorf("progress told %v", seen)
	}
	if none, err := WrapAll(nil, nil, nil); err != nil || len(none) != 0 {
		t.Errorf("nobody: %v, %v", none, err)
	}
	envelopes, err = WrapAll(map[Suite]*SessionKey{SuitePQ: pqKey}, to, nil)
	wantError(t, err, string(to[0].Fingerprint())+` needs a body of suite "compat"`)
	if envelopes != nil {
		t.Error("envelopes came with an error")
	}
	root := mustRoot(t).Certificate()
	envelopes, err = WrapAll(map[Suite]*SessionKey{SuitePQ: pqKey, SuiteCompat: compatKey}, append(to[:30:30], append([]*Certificate{root}, to[30:]...)...), nil)
	wantError(t, err, string(root.Fingerprint())+": Nothing can be encrypted to this certificate")
	if envelopes != nil {
		t.Error("envelopes came with an error")
	}
}

func TestRewrap(t *testing.T) {
	author, issued, stranger := mustKey(t, ProfilePQ, "Anna"), mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), mustKey(t, ProfilePQ, "S-7K2M9QXC/3")
	for _, own := range []*Key{mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), mustKey(t, ProfileCompat, "S-7K2M9QXC/2")} {
		for _, old := range []*Key{issued, mustKey(t, ProfileCompat, "S-7K2M9QXC/2")} {
			body, key := mustSeal(t, old.Certificate().Suite(), author, notice)
			envelope := mustWrap(t, key, old)
			again, err := Rewrap(envelope, []*Key{stranger, old}, own.Certificate())
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckEnvelopeFor(key.Suite(), again, own.Certificate()); err != nil {
				t.Error(err)
			}
			if err := CheckEnvelope(again, own.Certificate()); (err == nil) != (own.Certificate().Suite() == key.Suite()) {
				t.Errorf("an envelope of suite %s for a certificate of suite %s: %v", key.Suite(), own.Certificate().Suite(), err)
			}
			opened, err := Unwrap(again, own)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := OpenBody(body, opened, author.Certificate(), noon); err != nil || string(got) != notice {
				t.Error(err)
			}
			_, err = Rewrap(envelope, []*Key{stranger}, own.Certificate())
			wantError(t, err, "addressed to another key")
			_, err = Rewrap(envelope, []*Key{old}, mustRoot(t).Certificate())
			wantError(t, err, "Nothing can be encrypted")
		}
	}
}

func TestCheckEnvelope(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna")
	pq, compat := mustKey(t, ProfilePQ, "S-7K2M9QXC/1"), mustKey(t, ProfileCompat, "S-7K2M9QXC/2")
	body, pqKey := mustSeal(t, SuitePQ, author, notice)
	_, compatKey := mustSeal(t, SuiteCompat, author, notice)
	envelopes := map[Suite][]byte{SuitePQ: mustWrap(t, pqKey, pq), SuiteCompat: mustWrap(t, compatKey, compat)}
	for suite, c := range map[Suite]*Certificate{SuitePQ: pq.Certificate(), SuiteCompat: compat.Certificate()} {
		good := envelopes[suite]
		packets, err := splitPackets(good, 1)
		if err != nil {
			t.Fatal(err)
		}
		inside := packets[0].body
		wrongVersion, shorter := bytes.Clone(inside), inside[:len(inside)-1]
		wrongVersion[0] = 9 - wrongVersion[0] // 3 and 6
		hidden := bytes.Clone(inside)
		clear(hidden[1:9])
		for why, envelope := range map[string][]byte{
			"nothing":       nil,
			"text":          []byte("already encrypted"),
			"a body":        body,
			"a certificate": c.Bytes(),
			"two":           append(bytes.Clone(good), good...),
			"more behind":   append(bytes.Clone(good), 0),
			"cut off":       good[:len(good)-1],
			"shorter":       appendPacket(nil, packetPKESK, shorter),
			"longer":        appendPacket(nil, packetPKESK, append(bytes.Clone(inside), 0)),
			"its version":   appendPacket(nil, packetPKESK, wrongVersion),
			"nobody's":      appendPacket(nil, packetPKESK, hidden),
			"armored":       ArmorMessage(good),
			"other suite's": envelopes[map[Suite]Suite{SuitePQ: SuiteCompat, SuiteCompat: SuitePQ}[suite]],
		} {
			if err := CheckEnvelope(envelope, c); err == nil {
				t.Errorf("%s: %s was accepted", suite, why)
			}
			if _, err := Unwrap(envelope, pq, compat); err == nil && why != "other suite's" {
				t.Errorf("%s: %s was opened", suite, why)
			}
		}
		wantError(t, CheckEnvelope(good, mustKey(t, map[Suite]Profile{SuitePQ: ProfilePQ, SuiteCompat: ProfileCompat}[suite], "x").Certificate()), "addressed to another key")
		wantError(t, CheckEnvelopeFor("", good, c), "is no suite")
	}
}

func TestCheckBody(t *testing.T) {
	author, recipient := mustKey(t, ProfilePQ, "Anna"), mustKey(t, ProfilePQ, "S-7K2M9QXC/1")
	for _, suite := range []Suite{SuitePQ, SuiteCompat} {
		good, _ := mustSeal(t, suite, author, notice)
		packets, err := splitPackets(good, 1)
		if err != nil {
			t.Fatal(err)
		}
		inside := packets[0].body
		change := func(at int, to byte) []byte {
			changed := bytes.Clone(inside)
			changed[at] = to
			return appendPacket(nil, packetSEIPD, changed)
		}
		_, key := mustSeal(t, SuitePQ, author, notice)
		hostile := map[string][]byte{
			"nothing":           nil,
			"plain text":        []byte(notice),
			"a literal packet":  appendPacket(nil, packetLiteral, append([]byte("b\x00\x00\x00\x00\x00"), notice...)),
			"an envelope":       mustWrap(t, key, recipient),
			"a whole message":   Message(mustWrap(t, key, recipient), good),
			"without integrity": appendPacket(nil, 9, inside),
			"two":               append(bytes.Clone(good), good...),
			"cut off":           good[:len(good)-1],
			"an empty packet":   appendPacket(nil, packetSEIPD, nil),
			"version 0":         change(0, 0),
			"version 3":         change(0, 3),
			"in parts":          append(append([]byte{0xd2, 0xe0 | 6}, inside[:64]...), append([]byte{byte(len(inside) - 64)}, inside[64:]...)...),
			"hardly anything":   appendPacket(nil, packetSEIPD, inside[:seipd1Minimum-1]),
			"armored":           ArmorMessage(good),
		}
		if suite == SuitePQ {
			hostile["AES-128"] = change(1, byte(packet.CipherAES128))
			hostile["EAX"] = change(2, byte(packet.AEADModeEAX))
			hostile["huge chunks"] = change(3, maxChunkOctet+1)
		}
		for why, body := range hostile {
			if got, err := CheckBody(body); err == nil || got != "" {
				t.Errorf("%s: %s was accepted", suite, why)
			}
		}
	}
}

func TestRecords(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna")
	pq1, pq2, compat := mustKey(t, ProfilePQ, "Chen"), mustKey(t, ProfilePQ, "Dede"), mustKey(t, ProfileCompat, "Elif")
	stranger := mustKey(t, ProfilePQ, "Fay")
	signers := []*Certificate{stranger.Certificate(), author.Certificate()}
	for name, test := range map[string]struct {
		to    []*Key
		suite Suite
	}{
		"post-quantum": {[]*Key{pq1, pq2}, SuitePQ},
		"mixed":        {[]*Key{pq1, compat, pq2}, SuiteCompat},
		"compatible":   {[]*Key{compat}, SuiteCompat},
	} {
		t.Run(name, func(t *testing.T) {
			var to []*Certificate
			for _, k := range test.to {
				to = append(to, k.Certificate())
			}
			record, err := SealRecord([]byte("name: Ada"), author, PurposeDetails, to, noon)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range test.to {
				for _, form := range [][]byte{record, ArmorMessage(record)} {
					got, s, err := OpenRecord(form, []*Key{stranger, k}, signers, PurposeDetails, noon)
					if err != nil || string(got) != "name: Ada" || s.Signer() != author.Certificate() {
						t.Errorf("%q, %v", got, err)
					}
				}
			}
			packets, err := splitPackets(record, 10)
			if err != nil || len(packets) != len(to)+1 {
				t.Fatalf("%d packets, %v", len(packets), err)
			}
			if suite, err := CheckBody(packets[len(to)].whole); err != nil || suite != test.suite {
				t.Errorf("suite %q, %v", suite, err)
			}
			_, _, err = OpenRecord(record, []*Key{stranger}, signers, PurposeDetails, noon)
			if err == nil {
				t.Error("a stranger opened it")
			}
			_, _, err = OpenRecord(record, test.to, signers[:1], PurposeDetails, noon)
			wantError(t, err, "made by another key")
			_, _, err = OpenRecord(record, test.to, nil, PurposeDetails, noon)
			wantError(t, err, "signed by another key")
			_, _, err = OpenRecord(record, test.to, []*Certificate{stranger.Certificate(), pq1.Certificate()}, PurposeDetails, noon)
			wantError(t, err, "signed by another key")
			_, _, err = OpenRecord(record, test.to, signers, PurposeDetails, noon.Add(-time.Hour))
			wantError(t, err, "in the future")
			for cut := range record {
				if _, _, err := OpenRecord(record[:cut], test.to, signers, PurposeDetails, noon); err == nil {
					t.Fatalf("%d of %d bytes were opened", cut, len(record))
				}
				if CheckRecord(record[:cut]) == nil {
					t.Fatalf("%d of %d bytes pass for a record", cut, len(record))
				}
			}
			if err := CheckRecord(record); err != nil {
				t.Error(err)
			}
			body := packets[len(to)].whole
			for name, wrong := range map[string][]byte{
				"a name in clear": []byte("Ada"), "a body alone": body, "an envelope alone": packets[0].whole, "two bodies": slices.Concat(record, body),
				"a body in front": slices.Concat(body, record), "literal data": appendPacket(slices.Clone(packets[0].whole), packetLiteral, []byte("b\x00\x00\x00\x00\x00Ada")),
			} {
				if CheckRecord(wrong) == nil {
					t.Errorf("%s passes for a record", name)
				}
			}
		})
	}
	_, err := SealRecord(nil, author, PurposeDetails, nil, noon)
	wantError(t, err, "to 1 to")
	_, err = SealRecord(nil, author, PurposeDetails, []*Certificate{pq1.Certificate(), pq1.Certificate()}, noon)
	wantError(t, err, "named twice")
	_, err = SealRecord(nil, author, PurposeDetails, []*Certificate{mustRoot(t).Certificate()}, noon)
	wantError(t, err, "nothing can be sealed")
	_, err = SealRecord(nil, author, PurposeDetails, []*Certificate{pq1.Certificate()}, noon.Add(-time.Hour))
	wantError(t, err, "in the future")
}

// Inside a body stands exactly one signed literal packet.
func TestContentMustBeSignedByOne(t *testing.T) {
	author := mustKey(t, ProfilePQ, "Anna")
	literal := appendPacket(nil, packetLiteral, []byte("b\x00\x00\x00\x00\x00text"))
	signature := handmade(t, author, packet.SigTypeBinary, "text", func(s *packet.Signature) { s.Notations[0] = notation(PurposeContent) })
	onePass := func(change func(*packet.OnePassSignature)) []byte {
		p := &packet.OnePassSignature{Version: 3, Hash: 5, PubKeyAlgo: packet.PubKeyAlgoEdDSA, KeyId: author.entity.PrimaryKey.KeyId, IsLast: true}
		if change != nil {
			change(p)
		}
		var b bytes.Buffer
		if err := p.Serialize(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	padding := appendPacket(nil, packetPadding, make([]byte, 40))
	signed := join(onePass(nil), literal, signature)
	for name, test := range map[string]struct {
		plain []byte
		says  string
	}{
		"as it should be":      {signed, ""},
		"padded":               {join(signed, padding), ""},
		"deflated":             {appendPacket(nil, packetCompressed, deflate(t, signed)), ""},
		"nothing":              {nil, "not signed"},
		"unsigned":             {literal, "not signed"},
		"signature in front":   {join(signature, literal), "not signed"},
		"no announcement":      {join(literal, signature), "not signed"},
		"no signature":         {join(onePass(nil), literal), "not signed"},
		"two contents":         {join(onePass(nil), literal, literal, signature), "not signed"},
		"two signatures":       {join(onePass(nil), onePass(nil), literal, signature, signature), "not signed"},
		"another behind":       {join(signed, literal), "not signed"},
		"other key announced":  {join(onePass(func(p *packet.OnePassSignature) { p.KeyId++ }), literal, signature), "announces another"},
		"text announced":       {join(onePass(func(p *packet.OnePassSignature) { p.SigType = 1 }), literal, signature), "announces another"},
		"more to come":         {join(onePass(func(p *packet.OnePassSignature) { p.IsLast = false }), literal, signature), "announces another"},
		"other hash announced": {join(onePass(func(p *packet.OnePassSignature) { p.Hash = 7 }), literal, signature), "announces another"},
		"unknown literal":      {join(onePass(nil), appendPacket(nil, packetLiteral, []byte("l\x00\x00\x00\x00\x00text")), signature), "unknown kind"},
		"cut literal":          {join(onePass(nil), appendPacket(nil, packetLiteral, []byte("b\x09\x00")), signature), "cut off"},
		"altered":              {join(onePass(nil), appendPacket(nil, packetLiteral, []byte("b\x00\x00\x00\x00\x00test")), signature), "altered"},
		"compressed twice":     {appendPacket(nil, packetCompressed, deflate(t, appendPacket(nil, packetCompressed, deflate(t, signed)))), "not signed"},
		"damaged compression":  {appendPacket(nil, packetCompressed, []byte{1, 0xff, 0xff}), "compressed in a way"},
		"unknown compression":  {appendPacket(nil, packetCompressed, []byte{9, 0, 0}), "compressed in a way"},
		"many packets":         {bytes.Repeat(padding, 9), "can't be read"},
	} {
		for _, suite := range []Suite{SuitePQ, SuiteCompat} {
			key, err := newSessionKey(suite)
			if err != nil {
				t.Fatal(err)
			}
			body, err := key.encrypt(test.plain)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := OpenBody(body, key, author.Certificate(), noon)
			if test.says == "" && (err != nil || string(got) != "text") {
				t.Errorf("%s, %s: %q, %v", name, suite, got, err)
			}
			if test.says != "" {
				wantError(t, err, test.says)
			}
		}
	}
}
