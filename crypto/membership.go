package crypto

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
)

const (
	membershipFirstLine = "valise membership v1"

	// MaxMembershipSize is the size in bytes of the largest membership accepted.
	MaxMembershipSize = 2 << 10

	// maxPath is how many steps the path of the largest audience has: its tree is so
	// many levels high.
	maxPath = 17 // 2¹⁷ > MaxAudience

	// The prefixes of RFC 9162, section 2.1.1, without which a node could be passed off as a leaf.
	leafPrefix = 0x00
	nodePrefix = 0x01
)

// Membership shows one member of an audience that they are in it, and nothing about
// the others: one text, "valise membership v1", with the member's line, the salt of
// their leaf, and the path from the leaf up to the root that was signed in the
// manifest. The server, which holds the audience, makes it; VerifiedManifest.CheckMembership
// verifies it. Without it, who is handed a genuine notice couldn't tell that it was
// meant for somebody else: whoever can open a notice can wrap its session key anew.
//
// The other hashes in the path are of leaves under salts that the member doesn't
// know, so nobody is found out by trying. What does show: how many members there are,
// which the manifest says, and the member's own place among them, which is that of a
// random number.
type Membership struct {
	Member   AudienceMember
	Salt     string   // of the leaf: 64 small hexadecimal digits
	Position int      // of the member's line among those of the audience, from 1
	Path     []string // hashes beside the way from the leaf to the root; 64 digits each
}

// Encode returns the text. What ParseMembership would refuse is refused.
func (m *Membership) Encode() ([]byte, error) {
	text := m.text()
	if _, err := ParseMembership(text); err != nil {
		return nil, err
	}
	return text, nil
}

func (m *Membership) text() []byte {
	lines := make([]textLine, 0, 3+len(m.Path))
	lines = append(lines,
		textLine{"member", m.Member.line()},
		textLine{"salt", m.Salt},
		textLine{"position", fmt.Sprint(m.Position)})
	for _, step := range m.Path {
		lines = append(lines, textLine{"path", step})
	}
	return writeText(membershipFirstLine, lines...)
}

// ParseMembership reads exactly what Encode writes. The error names the line. Nothing
// in the result is known to be true.
func ParseMembership(text []byte) (*Membership, error) {
	r := readText("membership", membershipFirstLine, text, MaxMembershipSize)
	m := &Membership{}
	line, err := r.value("member"), error(nil)
	if r.err == nil {
		if m.Member, err = parseMember(line); err != nil {
			r.fail("(%q) %w", "member", err)
		}
	}
	m.Salt = r.hex("salt", sha256.Size)
	m.Position = r.integer("position", MaxAudience)
	for r.err == nil && r.number < len(r.lines) {
		if len(m.Path) == maxPath {
			r.number++
			r.fail("is one too many: a path has at most %d steps", maxPath)
			break
		}
		m.Path = append(m.Path, r.hex("path", sha256.Size))
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return m, nil
}

// root returns the root of the tree of so many members to which leaf and path lead
// (RFC 9162, section 2.1.3.2), in hexadecimal digits. A path has as many steps as
// place and number of members say, no fewer and no more.
func (m *Membership) root(members int) (string, error) {
	if m.Position < 1 || m.Position > members {
		return "", fmt.Errorf("it is said to be member %d of %d", m.Position, members)
	}
	salt, err := hex.DecodeString(m.Salt)
	if err != nil {
		return "", errors.New("its salt is not hexadecimal")
	}
	h := sha256.New()
	node := hashLeaf(h, salt, m.Member.line())
	rest := m.Path
	for i, n := m.Position-1, members; n > 1; i, n = i/2, (n+1)/2 {
		if i^1 >= n {
			continue // the last of an odd number goes up as it is
		}
		if len(rest) == 0 {
			return "", errors.New("its path is too short")
		}
		beside, err := decodeHash(rest[0])
		if err != nil {
			return "", err
		}
		rest = rest[1:]
		if i&1 == 1 {
			node = hashNode(h, beside, node)
		} else {
			node = hashNode(h, node, beside)
		}
	}
	if len(rest) > 0 {
		return "", errors.New("its path is too long")
	}
	return hex.EncodeToString(node[:]), nil
}

type treeHash = [sha256.Size]byte

func decodeHash(digits string) (node treeHash, err error) {
	if !isHex(digits, sha256.Size) {
		return node, errors.New("a step of its path is not a SHA-256 digest")
	}
	_, err = hex.Decode(node[:], []byte(digits))
	return node, err
}

func hashLeaf(h hash.Hash, salt []byte, line string) (node treeHash) {
	h.Reset()
	h.Write([]byte{leafPrefix})
	h.Write(salt)
	h.Write([]byte(line))
	h.Sum(node[:0])
	return node
}

func hashNode(h hash.Hash, left, right treeHash) (node treeHash) {
	h.Reset()
	h.Write([]byte{nodePrefix})
	h.Write(left[:])
	h.Write(right[:])
	h.Sum(node[:0])
	return node
}

// growTree returns the levels of the Merkle tree over leaves, of which there is at
// least one: leaves first, the root alone last. The last node of an odd level goes up
// as it is, which gives the tree of RFC 9162, section 2.1.1.
func growTree(leaves []treeHash) [][]treeHash {
	levels := [][]treeHash{leaves}
	h := sha256.New()
	for level := leaves; len(level) > 1; {
		next := make([]treeHash, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			next = append(next, hashNode(h, level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			next = append(next, level[len(level)-1])
		}
		levels = append(levels, next)
		level = next
	}
	return levels
}

// audienceTree is the tree over an audience.
type audienceTree struct {
	members []AudienceMember
	salts   []treeHash
	levels  [][]treeHash
}

// tree grows it. The members must stand in the order of the text.
func (a *Audience) tree() (*audienceTree, error) {
	salt, err := hex.DecodeString(a.Salt)
	switch {
	case err != nil || len(salt) != audienceSaltSize:
		return nil, errors.New("the audience has no salt")
	case len(a.Members) == 0 || len(a.Members) > MaxAudience:
		return nil, fmt.Errorf("the audience has %d members; it must have 1 to %d", len(a.Members), MaxAudience)
	}
	for i, m := range a.Members[1:] {
		if compareMembers(a.Members[i], m) >= 0 {
			return nil, fmt.Errorf("the members of the audience are out of order at %s", m.Representative)
		}
	}
	t := &audienceTree{members: a.Members, salts: make([]treeHash, len(a.Members))}
	leaves := make([]treeHash, len(a.Members))
	mac, h := hmac.New(sha256.New, salt), sha256.New()
	for i, m := range a.Members {
		line := m.line()
		mac.Reset()
		mac.Write([]byte(line))
		mac.Sum(t.salts[i][:0])
		leaves[i] = hashLeaf(h, t.salts[i][:], line)
	}
	t.levels = growTree(leaves)
	return t, nil
}

func (t *audienceTree) root() string {
	top := t.levels[len(t.levels)-1][0]
	return hex.EncodeToString(top[:])
}

func (t *audienceTree) prove(i int) *Membership {
	m := &Membership{Member: t.members[i], Salt: hex.EncodeToString(t.salts[i][:]), Position: i + 1}
	for at, levels := i, t.levels; len(levels) > 1; at, levels = at/2, levels[1:] {
		if beside := at ^ 1; beside < len(levels[0]) {
			m.Path = append(m.Path, hex.EncodeToString(levels[0][beside][:]))
		}
	}
	return m
}

// Root returns what the manifest says of the audience: the root of the Merkle tree
// (RFC 9162, section 2.1.1) whose leaves are, in the order of the text, the members'
// lines without their line ends, each behind a salt of its own of 32 bytes:
// HMAC-SHA256 of the line under the audience's salt.
func (a *Audience) Root() (string, error) {
	t, err := a.tree()
	if err != nil {
		return "", err
	}
	return t.root(), nil
}

// Prove returns what shows a representative that they are in the audience.
func (a *Audience) Prove(r Representative) (*Membership, error) {
	t, err := a.tree()
	if err != nil {
		return nil, err
	}
	i, found := slices.BinarySearchFunc(t.members, AudienceMember{Representative: r}, compareMembers)
	if !found {
		return nil, fmt.Errorf("%s is not in the audience", r)
	}
	return t.prove(i), nil
}

// ProveAll is Prove for each member, in the order of Members. It costs little more than one.
func (a *Audience) ProveAll() ([]*Membership, error) {
	t, err := a.tree()
	if err != nil {
		return nil, err
	}
	all := make([]*Membership, len(t.members))
	for i := range all {
		all[i] = t.prove(i)
	}
	return all, nil
}

// CheckMembership reads a membership and says whether it belongs to the audience that
// was signed. Whose it is the result says: the caller must compare representative and
// certificate with those of the person who is shown the notice.
func (v *VerifiedManifest) CheckMembership(text []byte) (*Membership, error) {
	if err := v.exists(); err != nil {
		return nil, err
	}
	m, err := ParseMembership(text)
	if err != nil {
		return nil, err
	}
	root, err := m.root(v.manifest.Members)
	if err != nil {
		return nil, fmt.Errorf("the membership of %s in the audience of %s does not hold: %w", m.Member.Representative, v.manifest.Notice, err)
	}
	if root != v.manifest.AudienceRoot {
		return nil, fmt.Errorf("the membership of %s does not belong to the audience of %s that was signed", m.Member.Representative, v.manifest.Notice)
	}
	if !hasKey(v.manifest.Bodies, m.Member.Suite) {
		return nil, fmt.Errorf("the audience of %s has a member for whom there is no body, of suite %q", v.manifest.Notice, m.Member.Suite)
	}
	return m, nil
}
