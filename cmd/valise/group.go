package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

// GroupCommand holds the commands about groups.
type GroupCommand struct {
	New    GroupNewCommand    `cmd:"" help:"Begin a group (registrars)."`
	Add    GroupAddCommand    `cmd:"" help:"Put mailboxes or groups into a group (registrars)."`
	Remove GroupRemoveCommand `cmd:"" help:"Take mailboxes or groups out of a group (registrars)."`
	List   GroupListCommand   `cmd:"" help:"List the groups (registrars, authors, approvers)."`
	Show   GroupShowCommand   `cmd:"" help:"Show who is in a group, and how it changed (registrars, authors, approvers)."`
}

const groupEnvironment = `ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 done; 1 refused or failed; 2 wrong usage.`

const groupSealed = `A group has a name and members: mailboxes, and other groups, as deep as need be, but never itself. Name and members are sealed, on this machine, to registrars, authors and approvers; the portal learns that there is a group, who changed it and when, and about how large it is. Each change is a revision of its own, signed by the registrar, and the old ones stay.`

// groupJSON is a group with --json.
type groupJSON struct {
	Group     crypto.Number   `json:"group"`
	Name      string          `json:"name"`
	Revision  int             `json:"revision"`
	Members   []crypto.Number `json:"members"`
	Mailboxes []crypto.Number `json:"mailboxes"` // of the members, and of all groups in it
	Saved     *time.Time      `json:"saved,omitempty"`
	By        string          `json:"by,omitempty"`
	Problem   string          `json:"problem,omitempty"`
}

func groupOf(all ceremony.Groups, g *ceremony.Group) groupJSON {
	j := groupJSON{Group: g.Number, Name: g.Name, Revision: g.Revision, Members: slices.Concat([]crypto.Number{}, g.Members), Mailboxes: []crypto.Number{}, Saved: optional(g.Saved.UTC())}
	if g.By != nil {
		j.By = g.By.Name()
	}
	mailboxes, err := all.Expand(g)
	if err != nil {
		j.Problem = err.Error()
		return j
	}
	j.Mailboxes = mailboxes
	return j
}

// groups fetches and opens the groups.
func (o *officer) groups(ctx context.Context) (ceremony.Groups, error) {
	wire, err := o.client.Groups(ctx)
	if err != nil {
		return nil, err
	}
	return ceremony.ReadGroups(o.trust, o.keys, wire, time.Now())
}

// memberArguments reads numbers of mailboxes, and numbers or names of groups.
func memberArguments(all ceremony.Groups, words []string) ([]crypto.Number, error) {
	var members []crypto.Number
	for _, word := range words {
		if g := all.Find(word); g != nil {
			members = append(members, g.Number)
			continue
		}
		n, err := crypto.ParseNumber(word)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is neither a number nor the name of a group: %w", clean(word), err)
		case !n.Kind().Mailbox():
			return nil, fmt.Errorf("%s is no mailbox, and the portal has no such group", n)
		}
		members = append(members, n)
	}
	return members, nil
}

// changeGroup makes a group's next revision and hands it in.
func (f *staffFlags) changeGroup(ctx context.Context, p *process, which, name string, add, remove []string) error {
	o, err := f.logIn(ctx, p, crypto.RoleRegistrar)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	all, err := o.groups(ctx)
	if err != nil {
		return err
	}
	var group *ceremony.Group
	if which != "" {
		if group = all.Find(which); group == nil {
			return fmt.Errorf("the portal has no group %q", clean(which))
		}
	}
	adding, err := memberArguments(all, add)
	if err != nil {
		return err
	}
	removing, err := memberArguments(all, remove)
	if err != nil {
		return err
	}
	d, err := o.directory(ctx, p)
	if err != nil {
		return err
	}
	next, err := all.Change(d, group, name, adding, removing)
	if err != nil {
		return err
	}
	now := time.Now()
	sealed, err := ceremony.SealGroup(o.trust, o.key, next, now)
	if err != nil {
		return err
	}
	if err := o.client.SaveGroup(ctx, next.Number, *sealed); err != nil {
		return err
	}
	next.By, next.Saved = o.self, now.Truncate(time.Second)
	all = append(slices.DeleteFunc(all, func(g *ceremony.Group) bool { return g.Number == next.Number }), next)
	made := groupOf(all, next)
	p.report(made, func() {
		p.say("%s  %s  revision %d: %s in all", next.Number, clean(next.Name), next.Revision, count(len(made.Mailboxes), "mailbox", "mailboxes"))
	})
	return nil
}

// GroupNewCommand begins a group.
type GroupNewCommand struct {
	staffFlags
	Name    string   `required:"" placeholder:"NAME" help:"What staff call it, such as the name of a situation. It stands in no notice."`
	Members []string `arg:"" optional:"" name:"member" help:"Mailboxes, by number, and groups, by number or name."`
}

// Help is the part of --help below the summary.
func (GroupNewCommand) Help() string {
	return manual(groupSealed + `

EXAMPLES

  valise group new --name "Host States" S-7K2M9QXD S-4GZ0R8TB --server https://portal.example --key chen.key

JSON

  group, name, revision, members[], mailboxes[] (all of them, those of groups in it too), saved, by

` + groupEnvironment)
}

// Run begins it.
func (c *GroupNewCommand) Run(ctx context.Context, p *process) error {
	return c.changeGroup(ctx, p, "", c.Name, c.Members, nil)
}

// GroupAddCommand puts members into a group.
type GroupAddCommand struct {
	staffFlags
	Group   string   `arg:"" help:"The group, by number or name."`
	Members []string `arg:"" name:"member" help:"Mailboxes, by number, and groups, by number or name."`
}

// Help is the part of --help below the summary.
func (GroupAddCommand) Help() string {
	return manual(`Notices that were sealed before are not changed: each names who its recipients were. Adding who is in the group already seals it anew, to those who are staff now.

EXAMPLES

  valise group add "Host States" S-2WRX6B0C … --server https://portal.example --key chen.key

JSON

  as of 'valise group new'

` + groupEnvironment)
}

// Run adds.
func (c *GroupAddCommand) Run(ctx context.Context, p *process) error {
	return c.changeGroup(ctx, p, c.Group, "", c.Members, nil)
}

// GroupRemoveCommand takes members out of a group.
type GroupRemoveCommand struct {
	staffFlags
	Group   string   `arg:"" help:"The group, by number or name."`
	Members []string `arg:"" name:"member" help:"Mailboxes, by number, and groups, by number or name."`
}

// Help is the part of --help below the summary.
func (GroupRemoveCommand) Help() string {
	return manual(`Takes out members that the group itself names; one that it has by way of another group is taken out of that one. Notices that were sealed before are not changed.

EXAMPLES

  valise group remove "Host States" S-2WRX6B0C … --server https://portal.example --key chen.key

JSON

  as of 'valise group new'

` + groupEnvironment)
}

// Run removes.
func (c *GroupRemoveCommand) Run(ctx context.Context, p *process) error {
	return c.changeGroup(ctx, p, c.Group, "", nil, c.Members)
}

// GroupListCommand lists the groups.
type GroupListCommand struct{ staffFlags }

// Help is the part of --help below the summary.
func (GroupListCommand) Help() string {
	return manual(`Whose record can't be opened, or doesn't hold, is named, with the reason. Who has joined the staff since a group was last changed can't open it until a registrar changes it, or adds somebody who is in it.

EXAMPLES

  valise group list --server https://portal.example --key amara.key

JSON

  an array, each as of 'valise group new', and problem (why it can't be used)

` + groupEnvironment)
}

// Run lists.
func (c *GroupListCommand) Run(ctx context.Context, p *process) error {
	o, err := c.logIn(ctx, p, crypto.RoleRegistrar, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	all, err := o.groups(ctx)
	if err != nil {
		return err
	}
	lines := make([]groupJSON, len(all))
	for i, g := range all {
		lines[i] = groupOf(all, g)
	}
	p.report(lines, func() {
		for _, g := range lines {
			if g.Problem != "" {
				p.say("%s  CAN'T BE USED: %s", g.Group, clean(g.Problem))
				continue
			}
			p.say("%s  %s  (%s, revision %d)", g.Group, clean(g.Name), count(len(g.Mailboxes), "mailbox", "mailboxes"), g.Revision)
		}
		if len(lines) == 0 {
			p.say("There are no groups.")
		}
	})
	return nil
}

// GroupShowCommand shows a group.
type GroupShowCommand struct {
	staffFlags
	Group   string `arg:"" help:"The group, by number or name."`
	History bool   `help:"All revisions: who changed it, when, and who came and went."`
}

// Help is the part of --help below the summary.
func (GroupShowCommand) Help() string {
	return manual(`EXAMPLES

  valise group show "Host States" --server https://portal.example --key amara.key
  valise group show G-7K2M9QXD … --history

JSON

  as of 'valise group new'; with --history an array of the revisions

` + groupEnvironment)
}

// Run shows.
func (c *GroupShowCommand) Run(ctx context.Context, p *process) error {
	o, err := c.logIn(ctx, p, crypto.RoleRegistrar, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	all, err := o.groups(ctx)
	if err != nil {
		return err
	}
	group := all.Find(c.Group)
	if group == nil {
		return fmt.Errorf("the portal has no group %q", clean(c.Group))
	}
	if c.History {
		return o.groupHistory(ctx, p, all, group)
	}
	if group.Problem != nil {
		return fmt.Errorf("the group %s can't be used: %w", group.Number, group.Problem)
	}
	d, err := o.directory(ctx, p)
	if err != nil {
		return err
	}
	shown := groupOf(all, group)
	p.report(shown, func() {
		p.say("%s  %s  (revision %d, by %s at %s)", group.Number, clean(group.Name), group.Revision, group.By.Name(), hourUTC(group.Saved))
		for _, n := range group.Members {
			if other := all.Find(string(n)); other != nil {
				p.say("  %s  the group %s", n, clean(other.Name))
				continue
			}
			if m := d.Mailbox(n); m != nil {
				p.say("  %s", mailboxName(m))
			} else {
				p.say("  %s  THE PORTAL HAS NO SUCH MAILBOX", n)
			}
		}
		if shown.Problem != "" {
			p.say("It can't be used: %s", clean(shown.Problem))
			return
		}
		p.say("In all: %s.", count(len(shown.Mailboxes), "mailbox", "mailboxes"))
	})
	return nil
}

// groupHistory shows how a group changed.
func (o *officer) groupHistory(ctx context.Context, p *process, all ceremony.Groups, group *ceremony.Group) error {
	wire, err := o.client.GroupRevisions(ctx, group.Number)
	if err != nil {
		return err
	}
	revisions, err := ceremony.ReadGroups(o.trust, o.keys, wire, time.Now())
	if err != nil {
		return err
	}
	lines := make([]groupJSON, len(revisions))
	for i, g := range revisions {
		lines[i] = groupOf(nil, g) // groups in it were others then
		lines[i].Mailboxes, lines[i].Problem = []crypto.Number{}, ""
		if g.Problem != nil {
			lines[i].Problem = g.Problem.Error()
		}
	}
	p.report(lines, func() {
		var before []crypto.Number
		for i, g := range revisions {
			if g.Problem != nil {
				p.say("%d  CAN'T BE READ: %v", g.Revision, g.Problem)
				continue
			}
			p.say("%d  %s  by %s, %s", g.Revision, hourUTC(g.Saved), g.By.Name(), clean(g.Name))
			for _, n := range g.Members {
				if i == 0 || !slices.Contains(before, n) {
					p.say("     + %s", n)
				}
			}
			for _, n := range before {
				if !slices.Contains(g.Members, n) {
					p.say("     - %s", n)
				}
			}
			before = g.Members
		}
	})
	return nil
}
