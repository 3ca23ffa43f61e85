package portaltest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Secret is something that must not be found in what a thief can copy.
type Secret struct {
	// What it is, for the message: "the subject of the notice".
	What string
	// Value is text in UTF-8, or octets. At least six: shorter ones are met by chance.
	Value []byte
	// Guessable says that it is one of few enough to be tried (an address, a name, a passphrase), so that its plain hash gives it away.
	Guessable bool
	// Words says that two words of it on end give away too much (a passphrase), whatever stands between them.
	Words bool
}

// Place is something that a thief can copy: a file, a dump, a log.
type Place struct {
	Name string
	Data []byte
}

// Leak is a secret that was found.
type Leak struct {
	What string // Secret.What
	Name string // Place.Name
	How  string // "base64 → gzip → UTF-16LE, whatever case"
	Near string // what stands around it, quoted
}

func (l Leak) String() string {
	return fmt.Sprintf("%s is in %s (%s): %s", l.What, l.Name, l.How, l.Near)
}

// NoLeaks fails the test for each secret that FindLeaks finds.
func NoLeaks(t testing.TB, secrets []Secret, places ...Place) {
	t.Helper()
	leaks, err := FindLeaks(secrets, places...)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leaks {
		t.Error(l)
	}
}

// FindLeaks looks for secrets in places: as they are, in any case, and in every encoding that something may have put them in, one
// inside the other up to four deep:
//
//   - UTF-16 and UTF-32 of both orders, Latin-1, backwards;
//   - hexadecimal, with and without separators; base64 of both alphabets, wherever in a group it begins; base32 (RFC 4648, both alphabets, and
//     Crockford's); octets as decimal numbers;
//   - percent-encoding, quoted-printable, JSON, C and Go escapes, HTML entities;
//   - inside gzip, zlib, bzip2, ZIP, and OpenPGP compressed packets; raw deflate where a value begins;
//   - with other separators between its words, or none;
//   - cut: of a secret longer than 32 octets, any 31 on end;
//   - as an MD5, SHA-1, SHA-2 hash without a salt, when it is guessable.
//
// What it can't find: what is compressed by methods that the standard library doesn't know (zstd, xz, PostgreSQL's own), or a raw deflate stream
// in the middle of something. Of each secret it reports some ways per place.
func FindLeaks(secrets []Secret, places ...Place) ([]Leak, error) {
	s := &search{seen: map[[sha256.Size]byte]bool{}, told: map[Leak]bool{}, ways: map[[2]string]int{}}
	for _, secret := range secrets {
		if len(secret.Value) < minSecret {
			return nil, fmt.Errorf("%s has %d octets; what is shorter than %d is met by chance", secret.What, len(secret.Value), minSecret)
		}
		s.add(secret)
	}
	for _, p := range places {
		s.place = p.Name
		clear(s.seen)
		if err := s.look(p.Data, nil); err != nil {
			return nil, fmt.Errorf("searching %s: %w", p.Name, err)
		}
	}
	return s.leaks, nil
}

const (
	minSecret   = 6
	longSecret  = 32 // from here on pieces are looked for, too
	piece       = 24
	pieceStep   = 8
	minSqueezed = 8       // letters and digits; fewer are met by chance among the many that squeezing brings together
	maxDepth    = 4       // of encodings inside each other
	maxDecoded  = 4 << 30 // octets in all; a search that would take longer fails, instead of ending early
	maxUnzipped = 64 << 20
	contextSize = 40
	maxWays     = 5 // that are told of one secret in one place
)

// search is one FindLeaks.
type search struct {
	exact    patterns // in the octets as they are
	folded   patterns // in the octets with A-Z made a-z
	squeezed patterns // in the folded letters and digits alone

	place   string
	seen    map[[sha256.Size]byte]bool // what has been looked through in this place
	decoded int64
	leaks   []Leak
	told    map[Leak]bool
	ways    map[[2]string]int // by secret and place
}

// look searches data, and what data holds in other encodings.
func (s *search) look(data []byte, path []string) error {
	if len(data) < minSecret {
		return nil
	}
	digest := sha256.Sum256(data)
	if s.seen[digest] {
		return nil
	}
	s.seen[digest] = true
	if s.decoded += int64(len(data)); s.decoded > maxDecoded {
		return fmt.Errorf("there are more than %d GiB to look through, decoded", maxDecoded>>30)
	}
	s.match(&s.exact, data, path)
	folded := fold(data)
	s.match(&s.folded, folded, path)
	s.match(&s.squeezed, squeeze(folded), path)
	if len(path) == maxDepth {
		return nil
	}
	for _, d := range decoders {
		var failed error
		d.decode(data, func(inner []byte) {
			if failed == nil {
				failed = s.look(inner, append(slices.Clip(path), d.name))
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

func (s *search) match(p *patterns, data []byte, path []string) {
	p.find(data, func(at int, found pattern) {
		leak := Leak{What: found.what, Name: s.place, How: strings.Join(append(slices.Clip(path), found.how), " → ")}
		if s.told[leak] || s.ways[[2]string{leak.What, leak.Name}] == maxWays {
			return
		}
		s.told[leak] = true
		s.ways[[2]string{leak.What, leak.Name}]++
		leak.Near = strconv.QuoteToASCII(string(data[max(0, at-contextSize):min(len(data), at+len(found.octets)+contextSize)]))
		s.leaks = append(s.leaks, leak)
	})
}

// ------------------------------------------------------------------ patterns

// pattern is one spelling of a secret.
type pattern struct {
	octets    []byte
	what, how string
}

// patterns are looked for all at once, by their first octets.
type patterns struct {
	first [1 << 16]bool // whether any begins with these two
	begin map[uint32][]pattern
}

const beginSize = 4

func (p *patterns) add(octets []byte, what, how string) {
	if len(octets) < minSecret {
		return
	}
	if p.begin == nil {
		p.begin = map[uint32][]pattern{}
	}
	key := binary.BigEndian.Uint32(octets)
	for _, known := range p.begin[key] {
		if known.what == what && bytes.Equal(known.octets, octets) {
			return
		}
	}
	p.first[key>>16] = true
	p.begin[key] = append(p.begin[key], pattern{octets, what, how})
}

func (p *patterns) find(data []byte, found func(at int, p pattern)) {
	for i := 0; i+beginSize <= len(data); i++ {
		if !p.first[uint16(data[i])<<8|uint16(data[i+1])] {
			continue
		}
		for _, candidate := range p.begin[binary.BigEndian.Uint32(data[i:])] {
			if bytes.HasPrefix(data[i:], candidate.octets) {
				found(i, candidate)
			}
		}
	}
}

// add adds the spellings of a secret.
func (s *search) add(secret Secret) {
	for _, v := range spellings(secret.Value) {
		s.folded.add(fold(v.octets), secret.What, v.how)
		s.encoded(v.octets, secret.What, v.how)
	}
	s.squeezed.add(squeezedLong(secret.Value), secret.What, "with other separators")
	if len(secret.Value) > longSecret {
		for at := 0; at+piece <= len(secret.Value); at += pieceStep {
			for _, v := range spellings(secret.Value[at : at+piece]) {
				s.folded.add(fold(v.octets), secret.What, v.how+", a piece")
			}
		}
	}
	if secret.Words {
		words := strings.Fields(string(secret.Value))
		for i := range words {
			for n := 2; i+n <= len(words); n++ {
				if on := squeezedLong([]byte(strings.Join(words[i:i+n], ""))); on != nil {
					s.squeezed.add(on, secret.What, "words on end")
					break
				}
			}
		}
	}
	if secret.Guessable {
		s.hashes(secret)
	}
}

// hashes adds the plain hashes of what can be guessed.
func (s *search) hashes(secret Secret) {
	for _, text := range [][]byte{secret.Value, fold(secret.Value), append(bytes.Clone(secret.Value), '\n')} {
		m, s1, s2, s5 := md5.Sum(text), sha1.Sum(text), sha256.Sum256(text), sha512.Sum512(text)
		for how, sum := range map[string][]byte{"its MD5": m[:], "its SHA-1": s1[:], "its SHA-256": s2[:], "its SHA-512": s5[:]} {
			s.exact.add(sum, secret.What, how)
			s.encoded(sum, secret.What, how)
		}
	}
}

// encoded adds what may hold octets in printable characters.
func (s *search) encoded(octets []byte, what, how string) {
	digits := hex.EncodeToString(octets)
	s.folded.add([]byte(digits), what, how+" → hexadecimal")
	for _, separator := range []string{":", " ", "-", `\x`, "%", "=", ", 0x", ",0x", " 0x"} {
		var b strings.Builder
		for i := 0; i < len(digits); i += 2 {
			if i > 0 {
				b.WriteString(separator)
			}
			b.WriteString(digits[i : i+2])
		}
		s.folded.add([]byte(b.String()), what, how+" → hexadecimal with separators")
	}
	for _, separator := range []string{" ", ",", ", "} {
		var b strings.Builder
		for i, o := range octets {
			if i > 0 {
				b.WriteString(separator)
			}
			b.WriteString(strconv.Itoa(int(o)))
		}
		s.exact.add([]byte(b.String()), what, how+" → decimal numbers")
	}
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			s.exact.add(aligned(alphabet.EncodeToString, octets, shift, 6), what, how+" → base64")
		}
	}
	for _, alphabet := range []*base32.Encoding{base32.StdEncoding, base32.HexEncoding, crockfordBase32} {
		for shift := range 5 {
			s.folded.add(fold(aligned(alphabet.WithPadding(base32.NoPadding).EncodeToString, octets, shift, 5)), what, how+" → base32")
		}
	}
}

var crockfordBase32 = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

// aligned encodes octets as if shift others stood before them, and keeps the characters that don't depend on what stands around. A
// character carries so many bits.
func aligned(encode func([]byte) string, octets []byte, shift, bits int) []byte {
	text := encode(append(make([]byte, shift), octets...))
	first := (8*shift + bits - 1) / bits
	last := 8 * (shift + len(octets)) / bits
	return []byte(text[first:last])
}

// spelling is one way to write the same text in octets.
type spelling struct {
	octets []byte
	how    string
}

func spellings(value []byte) []spelling {
	all := []spelling{{value, "as it is"}, {backwards(value), "backwards"}}
	if !utf8.Valid(value) {
		return all
	}
	texts := []string{string(value)}
	for _, other := range []string{strings.ToLower(texts[0]), strings.ToUpper(texts[0])} { // folding covers only ASCII
		if !bytes.Equal(fold([]byte(other)), fold(value)) {
			texts = append(texts, other)
			all = append(all, spelling{[]byte(other), "in another case"})
		}
	}
	for _, text := range texts {
		runes := []rune(text)
		units := utf16.Encode(runes)
		var le, be, le4, be4, latin []byte
		for _, u := range units {
			le, be = binary.LittleEndian.AppendUint16(le, u), binary.BigEndian.AppendUint16(be, u)
		}
		for _, r := range runes {
			le4, be4 = binary.LittleEndian.AppendUint32(le4, uint32(r)), binary.BigEndian.AppendUint32(be4, uint32(r))
			if r < 256 {
				latin = append(latin, byte(r))
			}
		}
		all = append(all, spelling{le, "UTF-16LE"}, spelling{be, "UTF-16BE"}, spelling{le4, "UTF-32LE"}, spelling{be4, "UTF-32BE"})
		if len(latin) == len(runes) {
			all = append(all, spelling{latin, "Latin-1"})
		}
		slices.Reverse(runes)
		all = append(all, spelling{[]byte(string(runes)), "backwards"})
	}
	return all
}

func backwards(value []byte) []byte {
	reversed := bytes.Clone(value)
	slices.Reverse(reversed)
	return reversed
}

// fold makes A-Z a-z and leaves every other octet as it is.
func fold(data []byte) []byte {
	folded := make([]byte, len(data))
	for i, c := range data {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		folded[i] = c
	}
	return folded
}

// squeeze leaves small letters, digits, and what is beyond ASCII.
func squeeze(folded []byte) []byte {
	squeezed := make([]byte, 0, len(folded))
	for _, c := range folded {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c >= utf8.RuneSelf {
			squeezed = append(squeezed, c)
		}
	}
	return squeezed
}

// squeezedLong is nil for what is too short to be looked for squeezed.
func squeezedLong(value []byte) []byte {
	if !utf8.Valid(value) {
		return nil
	}
	if squeezed := squeeze(fold(value)); len(squeezed) >= minSqueezed {
		return squeezed
	}
	return nil
}

// PrivateKeySecrets returns the private parts of an unlocked OpenPGP key in armor, and of its subkeys. All of them are secrets; the armor
// around them holds what is public, too.
func PrivateKeySecrets(t testing.TB, what, armored string) (secrets []Secret) {
	t.Helper()
	block, err := armor.Decode(strings.NewReader(armored))
	if err != nil {
		t.Fatal(err)
	}
	packets := packet.NewOpaqueReader(block.Body)
	for {
		p, err := packets.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Tag != 5 && p.Tag != 7 { // secret key, secret subkey
			continue
		}
		parsed, err := p.Parse()
		if err != nil {
			t.Fatal(err)
		}
		var public bytes.Buffer
		if err := parsed.(*packet.PrivateKey).PublicKey.SerializeForHash(&public); err != nil {
			t.Fatal(err)
		}
		// RFC 9580, section 5.5.3: the public part (hashed behind three octets of a header in version 4), the usage (0: not locked), the
		// material, a checksum of two octets.
		private := p.Contents[public.Len()-3+1 : len(p.Contents)-2]
		if len(private) < 32 {
			t.Fatalf("%s has a packet of type %d with only %d octets of private material", what, p.Tag, len(private))
		}
		secrets = append(secrets, Secret{What: what, Value: private})
		for at := 0; at+32 <= len(private); at += 32 { // X25519 and the seed of ML-KEM are separate secrets; an MPI has two octets in front
			secrets = append(secrets, Secret{What: what, Value: private[at : at+32]}, Secret{What: what, Value: private[len(private)-at-32 : len(private)-at]})
		}
	}
	if len(secrets) == 0 {
		t.Fatalf("%s holds no private key", what)
	}
	return secrets
}
