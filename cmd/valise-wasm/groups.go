//go:build desk || !js

package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of groups, the named audiences that registrars keep. The directory was read before, by registry-directory.
func init() {
	register(table{
		"registry-groups":       (*engine).registryGroups,
		"registry-group-change": handle((*engine).registryGroupChange),
	})
}

type registryGroup struct {
	Group     crypto.Number    `json:"group"`
	Name      string           `json:"name"`
	Revision  int              `json:"revision"`
	Saved     string           `json:"saved"` // RFC 3339
	By        string           `json:"by"`
	Members   []registryMember `json:"members"`
	Mailboxes int              `json:"mailboxes"` // of the members, and of all groups in it
	Problem   string           `json:"problem"`   // why it can't be used; ""
	Reason    string           `json:"reason"`    // a word for that; ""
}

type registryMember struct {
	Number crypto.Number `json:"number"`
	Kind   string        `json:"kind"` // "S", "O", "I", "G"
	Name   string        `json:"name"` // "" when it isn't sealed to the reader
}

// registryGroups reads the groups; data is the answer of GET /groups as it came.
func (e *engine) registryGroups(_, data []byte) (any, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	if o.directory == nil {
		return nil, errEngine
	}
	var wire []api.Group
	if err := json.Unmarshal(data, &wire); err != nil {
		return nil, fmt.Errorf("what the portal sent can't be read: %w", err)
	}
	groups, err := ceremony.ReadGroups(e.trust, o.keys, wire, e.now())
	if err != nil {
		return nil, err
	}
	o.directory.Groups = groups
	lines := make([]registryGroup, len(groups))
	for i, g := range groups {
		lines[i] = o.groupLine(g)
	}
	return lines, nil
}

func (o *officer) groupLine(g *ceremony.Group) registryGroup {
	line := registryGroup{Group: g.Number, Name: g.Name, Revision: g.Revision, Saved: rfc3339(g.Saved.UTC()), Members: make([]registryMember, len(g.Members))}
	if g.By != nil {
		line.By = g.By.Name()
	}
	for i, n := range g.Members {
		m := registryMember{Number: n, Kind: string(rune(n.Kind()))}
		if other := o.directory.Groups.Find(string(n)); other != nil {
			m.Name = other.Name
		} else if mailbox := o.directory.Mailbox(n); mailbox != nil {
			m.Name = mailbox.Name
		}
		line.Members[i] = m
	}
	mailboxes, err := o.directory.Groups.Expand(g)
	if err != nil {
		line.Problem, line.Reason = sentence(err).Error(), ceremony.ReasonOf(err)
	}
	line.Mailboxes = len(mailboxes)
	return line
}

type registryGroupChanging struct {
	Group  string   `json:"group"` // "": a new one
	Name   string   `json:"name"`
	Add    []string `json:"add"` // numbers of mailboxes, numbers or names of groups
	Remove []string `json:"remove"`
}

type registryGroupChanged struct {
	Group   crypto.Number  `json:"group"`
	Request *api.SaveGroup `json:"request"`
}

// registryGroupChange makes a group's next revision.
func (e *engine) registryGroupChange(p registryGroupChanging) (changed registryGroupChanged, err error) {
	o, err := e.onDuty()
	if err != nil {
		return changed, err
	}
	if o.directory == nil {
		return changed, errEngine
	}
	all := o.directory.Groups
	var group *ceremony.Group
	if p.Group != "" {
		if group = all.Find(p.Group); group == nil {
			return changed, &refusal{"group-missing", fmt.Errorf("the portal has no group %s", p.Group)}
		}
	}
	add, err := groupMembers(all, p.Add)
	if err != nil {
		return changed, err
	}
	remove, err := groupMembers(all, p.Remove)
	if err != nil {
		return changed, err
	}
	next, err := all.Change(o.directory, group, p.Name, add, remove)
	if err != nil {
		return changed, err
	}
	changed.Group = next.Number
	changed.Request, err = ceremony.SealGroup(e.trust, o.key, next, e.now())
	return changed, err
}

func groupMembers(all ceremony.Groups, words []string) (members []crypto.Number, err error) {
	for _, word := range words {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		n := crypto.Number("")
		if g := all.Find(word); g != nil {
			n = g.Number
		} else if n, err = crypto.ParseNumber(word); err != nil {
			return nil, &refusal{"group-word", fmt.Errorf("%q is neither a number nor the name of a group: %w", word, err)}
		}
		members = append(members, n)
	}
	return members, nil
}
