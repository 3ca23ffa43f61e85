package ceremony_test

import (
	"slices"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// save puts a group where the portal would.
func (i *institution) save(groups *[]api.Group, g *ceremony.Group) {
	i.t.Helper()
	sealed, err := ceremony.SealGroup(i.trust(), i.registrar, g, i.now)
	must(i.t, err)
	*groups = slices.DeleteFunc(*groups, func(other api.Group) bool { return other.Group == g.Number })
	*groups = append(*groups, api.Group{Group: g.Number, Revision: sealed.Revision, Record: sealed.Record, Saved: i.now})
}

func (i *institution) groups(reader *crypto.Key, wire []api.Group) ceremony.Groups {
	i.t.Helper()
	groups, err := ceremony.ReadGroups(i.trust(), []*crypto.Key{reader}, wire, i.now)
	must(i.t, err)
	return groups
}

func TestGroupsInGroups(t *testing.T) {
	court := newInstitution(t)
	elbonia := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah").Mailbox
	syldavia := court.issue(crypto.KindState, crypto.ProfilePQ, "Kingdom of Syldavia", "Bo Lund").Mailbox
	office := court.issue(crypto.KindOrganisation, crypto.ProfilePQ, "Field Office", "Jo Field").Mailbox
	d := court.directory(court.registrar)

	var wire []api.Group
	change := func(g *ceremony.Group, name string, add, remove []crypto.Number) (*ceremony.Group, error) {
		return court.groups(court.registrar, wire).Change(d, g, name, add, remove)
	}
	hosts, err := change(nil, "Host States", []crypto.Number{syldavia, elbonia, syldavia}, nil)
	must(t, err)
	if hosts.Revision != 1 || len(hosts.Members) != 2 || hosts.Number.Kind() != crypto.KindGroup {
		t.Errorf("the group is %+v", hosts)
	}
	court.save(&wire, hosts)
	concerned, err := change(nil, "Situation in the north", []crypto.Number{hosts.Number, office}, nil)
	must(t, err)
	court.save(&wire, concerned)

	all := court.groups(court.author, wire)
	found := all.Find("situation IN the north")
	if found == nil || found.By.Name() != "Chen Wei" || all.Find(strings.ToLower(string(hosts.Number))) == nil || all.Find("others") != nil {
		t.Fatalf("found %+v", found)
	}
	mailboxes, err := all.Expand(found)
	must(t, err)
	want := []crypto.Number{elbonia, syldavia, office}
	slices.Sort(want)
	if !slices.Equal(mailboxes, want) {
		t.Errorf("the group expands to %v, want %v", mailboxes, want)
	}
	seen := court.directory(court.author)
	seen.Groups = all
	choice, err := seen.Choose("Host States", string(elbonia), string(concerned.Number))
	must(t, err)
	if len(choice.Mailboxes) != 3 || len(choice.Groups) != 2 {
		t.Errorf("chosen %d mailboxes by %d groups", len(choice.Mailboxes), len(choice.Groups))
	}

	// No group holds itself, by whatever way; and none is made of what isn't there.
	for say, try := range map[string]func() error{
		"hold itself": func() error {
			_, err := change(all.Find("Host States"), "", []crypto.Number{concerned.Number}, nil)
			return err
		},
		"no mailbox": func() error {
			_, err := change(hosts, "", []crypto.Number{crypto.NewNumber(crypto.KindState)}, nil)
			return err
		},
		"no group": func() error {
			_, err := change(hosts, "", []crypto.Number{crypto.NewNumber(crypto.KindGroup)}, nil)
			return err
		},
		"not in the group": func() error {
			_, err := change(hosts, "", nil, []crypto.Number{office})
			return err
		},
		"already": func() error {
			_, err := change(nil, "HOST states", nil, nil)
			return err
		},
		"something else": func() error {
			_, err := change(nil, "States", nil, nil)
			return err
		},
		"mailboxes and groups": func() error {
			_, err := change(hosts, "", []crypto.Number{crypto.NewNumber(crypto.KindNotice)}, nil)
			return err
		},
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v; want an error that says %q", err, say)
		}
	}
	// A registrar who makes a cycle with a program of their own makes a group that nobody can use.
	loop := *hosts
	loop.Revision, loop.Members = 2, []crypto.Number{concerned.Number}
	court.save(&wire, &loop)
	if _, err := court.groups(court.author, wire).Expand(court.groups(court.author, wire).Find("Host States")); err == nil || !strings.Contains(err.Error(), "hold itself") {
		t.Errorf("a cycle: %v", err)
	}
}

func TestALyingPortalsGroups(t *testing.T) {
	court := newInstitution(t)
	elbonia := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah").Mailbox
	d := court.directory(court.registrar)
	var wire []api.Group
	first, err := court.groups(court.registrar, nil).Change(d, nil, "One", []crypto.Number{elbonia}, nil)
	must(t, err)
	court.save(&wire, first)
	second, err := court.groups(court.registrar, wire).Change(d, nil, "Two", nil, nil)
	must(t, err)
	court.save(&wire, second)

	sizes := []int{len(wire[0].Record), len(wire[1].Record)}
	if sizes[0] != sizes[1] {
		t.Errorf("the sizes of the records, %v, tell who has a member", sizes)
	}
	for name, lie := range map[string]func(g []api.Group){
		"two groups changed places":         func(g []api.Group) { g[0].Record, g[1].Record = g[1].Record, g[0].Record },
		"an old revision goes as a new one": func(g []api.Group) { g[0].Revision = 2 },
		"somebody else's record":            func(g []api.Group) { g[0].Record = court.mailboxes[0].Label },
		"rubbish":                           func(g []api.Group) { g[0].Record = []byte("rubbish") },
		"no number":                         func(g []api.Group) { g[0].Group = elbonia },
	} {
		lied := slices.Clone(wire)
		lie(lied)
		if g := court.groups(court.author, lied)[0]; g.Problem == nil || g.Name != "" || g.Members != nil {
			t.Errorf("%s: %+v", name, g)
		}
	}
	// An author's own program signs none.
	if _, err := ceremony.SealGroup(court.trust(), court.author, first, court.now); err == nil {
		t.Error("an author made a group")
	}
}
