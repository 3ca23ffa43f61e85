package crypto

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

const (
	audienceFirstLine = "valise audience v1"

	// MaxAudience is how many representatives a notice can be sealed to.
	MaxAudience = 100_000
	// MaxAudienceSize is the size in bytes of the largest audience accepted;
	// MaxAudience lines of the longest kind fit.
	MaxAudienceSize = 24 << 20

	audienceSaltSize = 16
)

// Audience is who a notice goes to: one text, "valise audience v1", with a line
// for each representative, sorted. The manifest holds the root of a Merkle tree over
// the lines. Staff and the server see the text; a recipient sees the root, and a
// Membership that shows that they are in the audience themself. As every leaf is
// salted, they can't find out by trying who else is. See docs/formats.md.
type Audience struct {
	// Salt is 16 random bytes as 32 small hexadecimal digits; NewAudienceSalt draws one.
	// Whoever knows it can try who is in the audience: it is for staff and server alone.
	Salt string
	// Members are 1 to MaxAudience representatives, each once.
	Members []AudienceMember
}

// AudienceMember is one representative, and what the notice was sealed to.
type AudienceMember struct {
	Representative Representative
	Certificate    Fingerprint     // of the representative's certificate
	Suite          Suite           // of the body that their envelope opens
	Personal       PersonalDigests // of the part of their mailbox in that suite; either all members have one, or nobody has
}

// NewAudienceSalt draws a salt.
func NewAudienceSalt() string { return randomHex(audienceSaltSize) }

// randomHex returns n random bytes in small hexadecimal digits.
func randomHex(n int) string {
	random := make([]byte, n)
	rand.Read(random) // never fails: the runtime stops the process instead
	return hex.EncodeToString(random)
}

func compareMembers(a, b AudienceMember) int {
	return compareRepresentatives(a.Representative, b.Representative)
}

func compareRepresentatives(a, b Representative) int {
	if c := strings.Compare(string(a.Mailbox), string(b.Mailbox)); c != 0 {
		return c
	}
	return cmp.Compare(a.Ordinal, b.Ordinal)
}

// Mailboxes returns how many mailboxes the members open.
func (a *Audience) Mailboxes() int {
	mailboxes := map[Number]bool{}
	for _, m := range a.Members {
		mailboxes[m.Representative.Mailbox] = true
	}
	return len(mailboxes)
}

// Suites returns the suites that occur, SuitePQ first.
func (a *Audience) Suites() []Suite {
	occurs := map[Suite]bool{}
	for _, m := range a.Members {
		occurs[m.Suite] = true
	}
	return slices.DeleteFunc(slices.Clone(suites), func(s Suite) bool { return !occurs[s] })
}

// Encode returns the text, with the members sorted by mailbox and ordinal. What
// ParseAudience would refuse is refused.
func (a *Audience) Encode() ([]byte, error) {
	if len(a.Members) > MaxAudience {
		return nil, fmt.Errorf("the audience has %d members; at most %d are possible", len(a.Members), MaxAudience)
	}
	members := slices.Clone(a.Members)
	slices.SortFunc(members, compareMembers)
	var b strings.Builder
	b.Write(writeText(audienceFirstLine, textLine{"salt", a.Salt}))
	for _, m := range members {
		b.WriteString(m.line() + "\n")
	}
	text := []byte(b.String())
	if _, err := ParseAudience(text); err != nil {
		return nil, err
	}
	return text, nil
}

// ParseAudience reads exactly what Encode writes. The error names the line.
func ParseAudience(text []byte) (*Audience, error) {
	r := readText("audience", audienceFirstLine, text, MaxAudienceSize)
	a := &Audience{Salt: r.hex("salt", audienceSaltSize)}
	for {
		line, ok := r.next()
		if !ok {
			break
		}
		if len(a.Members) == MaxAudience {
			r.fail("is one too many: an audience has at most %d members", MaxAudience)
			break
		}
		m, err := parseMember(line)
		if err != nil {
			r.fail("%w", err)
			break
		}
		if n := len(a.Members); n > 0 && compareMembers(a.Members[n-1], m) >= 0 {
			r.fail("is out of order: members are sorted by number and ordinal, and each stands there once")
			break
		}
		a.Members = append(a.Members, m)
	}
	if len(a.Members) == 0 {
		r.fail("is the last one: the audience has no member")
	}
	if r.err == nil {
		if err := personalAccord(a.Members); err != nil {
			return nil, fmt.Errorf("the audience: %w", err)
		}
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return a, nil
}

// line is the member's line of the text, without its line end.
func (m AudienceMember) line() string {
	return m.Representative.String() + " " + string(m.Certificate) + " " + string(m.Suite) + " " + m.Personal.text()
}

func parseMember(line string) (AudienceMember, error) {
	number, rest, _ := strings.Cut(line, " ")
	fingerprint, rest, _ := strings.Cut(rest, " ")
	suite, personal, _ := strings.Cut(rest, " ")
	representative, err := ParseRepresentative(number)
	if err != nil || representative.String() != number {
		return AudienceMember{}, fmt.Errorf("must start with a representative's number, such as S-7K2M9QXD/2, in capitals and with its ordinal")
	}
	certificate, err := ParseFingerprint(fingerprint)
	if err != nil || string(certificate) != fingerprint {
		return AudienceMember{}, fmt.Errorf("must hold a fingerprint of 40 or 64 digits 0–9 and capitals A–F behind the number")
	}
	if !slices.Contains(suites, Suite(suite)) {
		return AudienceMember{}, fmt.Errorf("must hold one of the suites pq and compat behind the fingerprint")
	}
	digests, err := parsePersonalDigests(personal)
	if err != nil {
		return AudienceMember{}, err
	}
	return AudienceMember{Representative: representative, Certificate: certificate, Suite: Suite(suite), Personal: digests}, nil
}
