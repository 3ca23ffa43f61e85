package crypto

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustAudienceRoot(t testing.TB, text []byte) string {
	t.Helper()
	a, err := ParseAudience(text)
	if err != nil {
		t.Fatal(err)
	}
	root, err := a.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// audienceOfSize has so many members, several of them in one mailbox now and then.
func audienceOfSize(members int) *Audience {
	a := &Audience{Salt: NewAudienceSalt()}
	kinds := []Kind{KindState, KindOrganisation, KindIndividual}
	for len(a.Members) < members {
		mailbox := NewNumber(kinds[len(a.Members)%3])
		for ordinal := 1; ordinal <= 1+len(a.Members)%2 && len(a.Members) < members; ordinal++ {
			certificate := Fingerprint(strings.ToUpper(randomHex(20)))
			a.Members = append(a.Members, AudienceMember{Representative: Representative{mailbox, ordinal}, Certificate: certificate, Suite: suites[ordinal%2]})
		}
	}
	slices.SortFunc(a.Members, compareMembers)
	return a
}

// signedAudience is a manifest that names the audience, as if it were verified.
func signedAudience(t testing.TB, a *Audience) *VerifiedManifest {
	t.Helper()
	m := testManifest()
	text, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m.AudienceRoot, m.Members, m.Mailboxes = mustAudienceRoot(t, text), len(a.Members), a.Mailboxes()
	v := &VerifiedManifest{manifest: m, author: &Staff{}, authorSignature: &Signature{}}
	if _, err := v.CheckAudience(text); err != nil {
		t.Fatal(err)
	}
	return v
}

func mustProve(t testing.TB, a *Audience, r Representative) []byte {
	t.Helper()
	m, err := a.Prove(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The tree by the recursive definition of RFC 9162, section 2.1.1, and the leaf by
// the words of docs/formats.md: a second way to the same root.
func rootByDefinition(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		sum := sha256.Sum256(append([]byte{0}, leaves[0]...))
		return sum[:]
	}
	k := 1 << (bits.Len(uint(len(leaves)-1)) - 1) // the largest power of two below
	sum := sha256.Sum256(slices.Concat([]byte{1}, rootByDefinition(leaves[:k]), rootByDefinition(leaves[k:])))
	return sum[:]
}

func TestAudienceRootIsThatOfTheRFC(t *testing.T) {
	for _, members := range []int{1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 100} {
		a := audienceOfSize(members)
		text, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		salt, err := hex.DecodeString(strings.TrimPrefix(lines[1], "salt: "))
		if err != nil {
			t.Fatal(err)
		}
		var leaves [][]byte
		for _, line := range lines[2:] {
			mac := hmac.New(sha256.New, salt)
			mac.Write([]byte(line))
			leaves = append(leaves, append(mac.Sum(nil), line...))
		}
		if want, got := hex.EncodeToString(rootByDefinition(leaves)), mustAudienceRoot(t, text); got != want {
			t.Errorf("%d members: root %s, by definition %s", members, got, want)
		}
	}
}

func TestEveryMemberCanBeShownThatTheyAreIn(t *testing.T) {
	for _, members := range []int{1, 2, 3, 5, 8, 13, 64, 65} {
		a := audienceOfSize(members)
		v := signedAudience(t, a)
		all, err := a.ProveAll()
		if err != nil || len(all) != members {
			t.Fatalf("%d memberships of %d, %v", len(all), members, err)
		}
		for i, m := range a.Members {
			text := mustProve(t, a, m.Representative)
			if again, err := all[i].Encode(); err != nil || !bytes.Equal(again, text) {
				t.Errorf("one by one and all together differ: %v\n%s%s", err, text, again)
			}
			if shown, err := v.CheckMembership(text); err != nil || shown.Member != m || shown.Position != i+1 {
				t.Errorf("member %d of %d: %+v, %v", i+1, members, shown, err)
			}
		}
	}
}

// 10,000 members: the text stays small, and the proof tells nothing but the member's own.
func TestMembershipInALargeAudience(t *testing.T) {
	const members = 10_000
	a := audienceOfSize(members)
	v := signedAudience(t, a)
	all, err := a.ProveAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < members; i += 997 {
		text, err := all[i].Encode()
		if err != nil || len(text) > 1300 {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		if _, err := v.CheckMembership(text); err != nil {
			t.Error(err)
		}
		for _, secret := range []string{a.Salt, string(a.Members[(i+1)%members].Representative.Mailbox), string(a.Members[(i+1)%members].Certificate)} {
			if strings.Contains(string(text), secret) && !strings.Contains(a.Members[i].line(), secret) {
				t.Errorf("the membership of %s holds %s", a.Members[i].Representative, secret)
			}
		}
	}
}

func TestTheLongestMembershipFits(t *testing.T) {
	m := &Membership{Member: AudienceMember{Representative: Representative{NewNumber(KindState), MaxOrdinal}, Certificate: Fingerprint(strings.Repeat("EF", 32)), Suite: SuiteCompat}, Salt: testOpening, Position: MaxAudience}
	for n := MaxAudience; n > 1; n = (n + 1) / 2 {
		m.Path = append(m.Path, testOpening)
	}
	if len(m.Path) != maxPath {
		t.Errorf("the largest audience takes %d steps, %d are read", len(m.Path), maxPath)
	}
	if text, err := m.Encode(); err != nil || len(text) > MaxMembershipSize*3/4 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	m.Path = append(m.Path, testOpening)
	if _, err := m.Encode(); err == nil {
		t.Error("one step more is accepted")
	}
}

// Whoever isn't in the audience can't be shown that they are, whatever is made of the
// memberships of those who are.
func TestForgedMembershipIsRefused(t *testing.T) {
	for _, members := range []int{1, 2, 3, 6, 7, 8, 50} {
		a, other := audienceOfSize(members), audienceOfSize(members)
		v := signedAudience(t, a)
		stranger := other.Members[0]
		refuse := func(what string, text []byte) {
			t.Helper()
			if m, err := v.CheckMembership(text); err == nil || m != nil {
				t.Errorf("%d members: %s is accepted:\n%s", members, what, text)
			}
		}
		refuse("nothing", nil)
		refuse("another audience's", mustProve(t, other, stranger.Representative))
		for i, member := range a.Members {
			honest, err := a.Prove(member.Representative)
			if err != nil {
				t.Fatal(err)
			}
			changed := func(change func(*Membership)) []byte {
				m := *honest
				m.Path = slices.Clone(m.Path)
				change(&m)
				return m.text()
			}
			refuse("somebody else's line", changed(func(m *Membership) { m.Member = stranger }))
			refuse("another representative of the mailbox", changed(func(m *Membership) { m.Member.Representative.Ordinal += 5 }))
			refuse("another certificate", changed(func(m *Membership) { m.Member.Certificate = stranger.Certificate }))
			refuse("another suite", changed(func(m *Membership) {
				m.Member.Suite = suites[1-slices.Index(suites, m.Member.Suite)]
			}))
			refuse("another salt", changed(func(m *Membership) { m.Salt = testOpening }))
			refuse("place 0", changed(func(m *Membership) { m.Position = 0 }))
			refuse("a place too many", changed(func(m *Membership) { m.Position = members + 1 }))
			for p := 1; p <= members; p++ {
				if p != i+1 {
					refuse("another place", changed(func(m *Membership) { m.Position = p }))
				}
			}
			refuse("a step more", changed(func(m *Membership) { m.Path = append(m.Path, testOpening) }))
			refuse("a step more in front", changed(func(m *Membership) { m.Path = slices.Insert(m.Path, 0, testOpening) }))
			if len(honest.Path) > 0 {
				refuse("the last step missing", changed(func(m *Membership) { m.Path = m.Path[:len(m.Path)-1] }))
				refuse("the first step missing", changed(func(m *Membership) { m.Path = m.Path[1:] }))
				refuse("no path", changed(func(m *Membership) { m.Path = nil }))
				refuse("another step", changed(func(m *Membership) { m.Path[0] = testOpening }))
			}
			if len(honest.Path) > 1 {
				refuse("steps in the wrong order", changed(func(m *Membership) { m.Path[0], m.Path[1] = m.Path[1], m.Path[0] }))
			}
			text := honest.text()
			for at := range text {
				refuse("a changed octet", flip(text, at))
			}
			for at := range text {
				refuse("a part", text[:at])
			}
			refuse("more", append(bytes.Clone(text), "path: "+testOpening+"\n"...))
			if members > 8 {
				break
			}
		}
	}
}

// A node can't be passed off as a leaf, nor a smaller tree's proof as that of a larger one.
func TestMembershipCountsTheMembers(t *testing.T) {
	a := audienceOfSize(4)
	v := signedAudience(t, a)
	v.manifest.Members = 5
	for _, m := range a.Members {
		if _, err := v.CheckMembership(mustProve(t, a, m.Representative)); err == nil {
			t.Error("a tree of 4 passes for one of 5")
		}
	}
	v = signedAudience(t, a)
	tree, err := a.tree()
	if err != nil {
		t.Fatal(err)
	}
	beneath := &Membership{Member: a.Members[0], Salt: hex.EncodeToString(tree.levels[1][0][:]), Position: 1, Path: []string{hex.EncodeToString(tree.levels[1][1][:])}}
	if _, err := v.CheckMembership(beneath.text()); err == nil {
		t.Error("a node passes for a leaf")
	}
}

func TestAudienceThatCannotBeProved(t *testing.T) {
	a := audienceOfSize(3)
	if m, err := a.Prove(Representative{NewNumber(KindState), 1}); err == nil || m != nil {
		t.Error("somebody else is in it")
	}
	for name, bad := range map[string]*Audience{
		"nobody":       {Salt: a.Salt},
		"no salt":      {Members: a.Members},
		"a short salt": {Salt: a.Salt[2:], Members: a.Members},
		"one twice":    {Salt: a.Salt, Members: []AudienceMember{a.Members[0], a.Members[0]}},
		"disorder":     {Salt: a.Salt, Members: []AudienceMember{a.Members[1], a.Members[0]}},
	} {
		if root, err := bad.Root(); err == nil || root != "" {
			t.Errorf("%s: root %s", name, root)
		}
		if m, err := bad.Prove(a.Members[0].Representative); err == nil || m != nil {
			t.Errorf("%s: %+v", name, m)
		}
		if m, err := bad.ProveAll(); err == nil || m != nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// Of any audience, any member is shown in it, at their place, and in no other audience.
func TestMembershipProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := audienceOfSize(rapid.IntRange(1, 300).Draw(t, "members"))
		i := rapid.IntRange(0, len(a.Members)-1).Draw(t, "member")
		root, err := a.Root()
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.Prove(a.Members[i].Representative)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.root(len(a.Members)); err != nil || got != root || m.Member != a.Members[i] || m.Position != i+1 {
			t.Fatalf("%s, %v; root %s", got, err, root)
		}
		// The same members under another salt, and all but one of them, are other audiences.
		salted := *a
		salted.Salt = NewAudienceSalt()
		if again, _ := salted.Root(); again == root {
			t.Fatal("the salt doesn't count")
		}
		fewer := &Audience{Salt: a.Salt, Members: slices.Delete(slices.Clone(a.Members), i, i+1)}
		if again, _ := fewer.Root(); again == root {
			t.Fatalf("%s doesn't count", a.Members[i].Representative)
		}
		// Somebody else in the same place has another leaf.
		m.Member.Representative = Representative{NewNumber(KindIndividual), 1}
		if got, err := m.root(len(a.Members)); err == nil && got == root {
			t.Fatal("somebody else is shown to be in")
		}
	})
}

func FuzzCheckMembership(f *testing.F) {
	a := &Audience{Salt: testNonce}
	for i := range 5 {
		a.Members = append(a.Members, AudienceMember{Representative: Representative{"S-7K2M9QXD", i + 1}, Certificate: Fingerprint(fmt.Sprintf("%040X", i)), Suite: SuitePQ})
	}
	m := testManifest()
	var err error
	if m.AudienceRoot, err = a.Root(); err != nil {
		f.Fatal(err)
	}
	m.Members = len(a.Members)
	v := &VerifiedManifest{manifest: m, author: &Staff{}, authorSignature: &Signature{}}
	genuine := map[string]bool{}
	for _, member := range a.Members {
		text, err := a.Prove(member.Representative)
		if err != nil {
			f.Fatal(err)
		}
		seed := text.text()
		genuine[string(seed)] = true
		f.Add(seed)
		f.Add(bytes.TrimSuffix(seed, []byte("\n")))
		f.Add(seed[:len(seed)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMembership(data)
		if (m == nil) != (err != nil) {
			t.Fatalf("%+v, %v", m, err)
		}
		if err == nil && !bytes.Equal(m.text(), data) {
			t.Fatalf("read %q, wrote %q", data, m.text())
		}
		if shown, err := v.CheckMembership(data); (err == nil) != genuine[string(data)] || (shown == nil) != (err != nil) {
			t.Fatalf("%q: %+v, %v", data, shown, err)
		}
	})
}

func BenchmarkProveAll10000(b *testing.B) {
	a := audienceOfSize(10_000)
	for b.Loop() {
		if _, err := a.ProveAll(); err != nil {
			b.Fatal(err)
		}
	}
}
