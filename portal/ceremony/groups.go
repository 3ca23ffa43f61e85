package ceremony

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// Group is a named audience that registrars keep: mailboxes, and other groups.
type Group struct {
	Number   crypto.Number
	Revision int
	Name     string
	Members  []crypto.Number // mailboxes and groups, sorted
	Saved    time.Time       // by the registrar's signature
	By       *crypto.Staff   // the registrar
	Problem  error           // why it can't be used; then name, members and By may be missing
}

// A group is a sealed record of its own kind, padded to a power of two, so that the portal learns only about how large it is:
//
//	{"record":"valise group v1","of":"G-7K2M9QXD","revision":3,"name":"Host States","members":["G-…","S-…"]}
type groupRecord struct {
	Record   string          `json:"record"`
	Of       crypto.Number   `json:"of"`
	Revision int             `json:"revision"`
	Name     string          `json:"name"`
	Members  []crypto.Number `json:"members"`
}

const (
	groupKind  = "valise group v1"
	groupBlock = 1 << 10 // bytes; the least

	// MaxGroupMembers is how many mailboxes and groups one group names.
	MaxGroupMembers = 20_000
)

// ReadGroups opens groups as the portal shows them; of each that can't be used it says why.
func ReadGroups(t *Trust, keys []*crypto.Key, groups []api.Group, now time.Time) ([]*Group, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	read := make([]*Group, len(groups))
	for i, g := range groups {
		read[i] = readGroup(t, keys, g, now)
	}
	return read, nil
}

func readGroup(t *Trust, keys []*crypto.Key, wire api.Group, now time.Time) *Group {
	g := &Group{Number: wire.Group, Revision: wire.Revision}
	fail := func(word, format string, args ...any) *Group {
		g.Name, g.Members = "", nil
		g.Problem = because(word, fmt.Errorf(format, args...))
		return g
	}
	if n, err := crypto.ParseNumber(string(wire.Group)); err != nil || n != wire.Group || n.Kind() != crypto.KindGroup {
		g.Number = ""
		return fail("group-swapped", "the portal shows a group with a number that none has, %q", printable(string(wire.Group)))
	}
	text, s, err := crypto.OpenRecord(wire.Record, keys, t.staff, crypto.PurposeDetails, now)
	if err != nil {
		return fail("group-unopened", "%w", err)
	}
	if g.By, err = t.root.VerifyStaff(s.Signer(), s.Made()); err != nil {
		return fail("group-signer", "%w", err)
	}
	if !g.By.Has(crypto.RoleRegistrar) {
		return fail("group-signer", "it was made by %s, who was not a registrar", g.By.Name())
	}
	g.Saved = s.Made()
	var r groupRecord
	if err := json.Unmarshal(text, &r); err != nil || r.Record != groupKind {
		return fail("group-malformed", "its record is malformed")
	}
	if r.Of != wire.Group || r.Revision != wire.Revision {
		return fail("group-swapped", "the portal shows revision %d of the group %q as revision %d of %s: don't rely on it, and tell the institution's administrators", r.Revision, printable(string(r.Of)), wire.Revision, wire.Group)
	}
	if err := checkGroup(r.Of, r.Name, r.Members); err != nil {
		return fail("group-malformed", "%w", err)
	}
	g.Name, g.Members = r.Name, r.Members
	return g
}

// checkGroup says what no group may be called or hold.
func checkGroup(n crypto.Number, name string, members []crypto.Number) error {
	if err := checkName("group's name", name); err != nil {
		return err
	}
	if _, err := crypto.ParseNumber(name); err == nil || kindsOf(name) != nil {
		return because("group-name", fmt.Errorf("a group can't be called %q, which means something else in an audience", name))
	}
	if strings.Contains(name, ",") {
		return because("group-comma", errors.New("a group's name has no comma in it, since commas part an audience"))
	}
	if len(members) > MaxGroupMembers {
		return because("group-large", fmt.Errorf("a group holds at most %d mailboxes and groups; divide it into several, and put those into one", MaxGroupMembers))
	}
	for i, m := range members {
		again, err := crypto.ParseNumber(string(m))
		switch {
		case err != nil || again != m || !m.Kind().Mailbox() && m.Kind() != crypto.KindGroup:
			return fmt.Errorf("a group holds mailboxes and groups, not %q", printable(string(m)))
		case m == n:
			return because("group-circle", fmt.Errorf("%s can't hold itself", n))
		case i > 0 && members[i-1] >= m:
			return errors.New("the members of a group are sorted, each once")
		}
	}
	return nil
}

// Groups are all that a client knows of.
type Groups []*Group

// Find returns a group by its number, in any spelling, or by its name, whatever its capitals; nil when there is none.
func (all Groups) Find(word string) *Group {
	n, err := crypto.ParseNumber(word)
	i := slices.IndexFunc(all, func(g *Group) bool {
		return err == nil && g.Number == n || err != nil && g.Name != "" && strings.EqualFold(g.Name, strings.TrimSpace(word))
	})
	if i < 0 {
		return nil
	}
	return all[i]
}

// Expand returns the mailboxes of a group and of all groups in it, each once, sorted. A group that holds itself, by whatever way, one that is missing, and one that
// can't be opened, are errors that name it.
func (all Groups) Expand(g *Group) ([]crypto.Number, error) {
	found := map[crypto.Number]bool{}
	if err := all.expand(g, nil, map[crypto.Number]bool{}, found); err != nil {
		return nil, err
	}
	mailboxes := make([]crypto.Number, 0, len(found))
	for n := range found {
		mailboxes = append(mailboxes, n)
	}
	slices.Sort(mailboxes)
	return mailboxes, nil
}

func (all Groups) expand(g *Group, within []crypto.Number, finished, found map[crypto.Number]bool) error {
	if g.Problem != nil {
		return fmt.Errorf("the group %s can't be used: %w", g.Number, g.Problem)
	}
	if slices.Contains(within, g.Number) {
		return because("group-circle", fmt.Errorf("the group %s (%s) would hold itself", g.Number, printable(g.Name)))
	}
	if finished[g.Number] {
		return nil
	}
	within = append(slices.Clip(within), g.Number)
	for _, m := range g.Members {
		if m.Kind() != crypto.KindGroup {
			found[m] = true
			continue
		}
		other := all.Find(string(m))
		if other == nil {
			return because("group-missing", fmt.Errorf("the portal has no group %s, which the group %s (%s) holds", m, g.Number, printable(g.Name)))
		}
		if err := all.expand(other, within, finished, found); err != nil {
			return err
		}
	}
	finished[g.Number] = true
	return nil
}

// Change returns what a group is after members came and went, as its next revision; a nil g begins one, with a name and a new number. It refuses members that the
// directory doesn't have, and cycles. A group that is saved again as it was is sealed to those who are staff now.
func (all Groups) Change(d *Directory, g *Group, name string, add, remove []crypto.Number) (*Group, error) {
	next := &Group{Name: name}
	if g == nil {
		next.Number = crypto.NewNumber(crypto.KindGroup)
	} else {
		if g.Problem != nil {
			return nil, fmt.Errorf("the group %s can't be changed: %w", g.Number, g.Problem)
		}
		next.Number, next.Revision, next.Members = g.Number, g.Revision, slices.Clone(g.Members)
		next.Name = cmp.Or(name, g.Name)
	}
	next.Revision++
	for _, m := range remove {
		if !slices.Contains(next.Members, m) {
			return nil, because("group-not-in", fmt.Errorf("%s is not in the group", m))
		}
		next.Members = slices.DeleteFunc(next.Members, func(other crypto.Number) bool { return other == m })
	}
	for _, m := range add {
		if m.Kind().Mailbox() && d.Mailbox(m) == nil {
			return nil, because("group-no-mailbox", fmt.Errorf("the portal has no mailbox %s", m))
		}
		next.Members = append(next.Members, m)
	}
	slices.Sort(next.Members)
	next.Members = slices.Compact(next.Members)
	if err := checkGroup(next.Number, next.Name, next.Members); err != nil {
		return nil, err
	}
	if other := all.Find(next.Name); other != nil && other.Number != next.Number {
		return nil, because("group-exists", fmt.Errorf("there is a group %q already: %s", printable(next.Name), other.Number))
	}
	after := slices.DeleteFunc(slices.Clone(all), func(other *Group) bool { return other.Number == next.Number })
	if _, err := append(after, next).Expand(next); err != nil {
		return nil, err
	}
	return next, nil
}

// SealGroup seals a group, as Change returned it, to those who address notices and those who keep the groups.
func SealGroup(t *Trust, registrar *crypto.Key, g *Group, now time.Time) (*api.SaveGroup, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	registrar, _, err := t.StaffKey(registrar, now, crypto.RoleRegistrar)
	if err != nil {
		return nil, err
	}
	if err := checkGroup(g.Number, g.Name, g.Members); err != nil {
		return nil, err
	}
	text, err := json.Marshal(groupRecord{groupKind, g.Number, g.Revision, g.Name, append([]crypto.Number{}, g.Members...)})
	if err != nil {
		return nil, err
	}
	size := groupBlock
	for size < len(text) {
		size *= 2
	}
	text = append(text, bytes.Repeat([]byte{' '}, size-len(text))...)
	sealed, err := sealText(text, registrar, t.Staff(now, crypto.RoleRegistrar, crypto.RoleAuthor, crypto.RoleApprover), now)
	if err != nil {
		return nil, fmt.Errorf("sealing the group: %w", err)
	}
	return &api.SaveGroup{Revision: g.Revision, Record: sealed}, nil
}
