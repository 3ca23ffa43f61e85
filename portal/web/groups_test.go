package web_test

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest/live"
)

func TestGroupsOverHTTP(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Issue(crypto.KindState, crypto.ProfilePQ)
	registrar, author := newVisitor(t, p), newVisitor(t, p)
	registrar.logIn(fingerprint(p.Registrar), p.Registrar)
	author.logIn(fingerprint(p.Author), p.Author)
	var none []api.Group
	author.get("/groups").into(t, 200, &none)
	if none == nil || len(none) != 0 {
		t.Errorf("no groups are %v", none)
	}
	directory := directoryOf(t, p, registrar, p.Registrar)
	group, err := ceremony.Groups(nil).Change(directory, nil, "Host States", []crypto.Number{person.Number.Mailbox}, nil)
	must(t, err)
	sealed, err := ceremony.SealGroup(trustOf(t, p, registrar), p.Registrar, group, time.Now())
	must(t, err)
	path := "/groups/" + string(group.Number)
	author.do("PUT", api.Root+path, sealed).wantFailure(t, 403, "registrar-only")
	registrar.do("PUT", api.Root+"/groups/"+string(person.Number.Mailbox), sealed).wantFailure(t, 400, "invalid-number")
	registrar.do("PUT", api.Root+path, sealed).want(t, 204)
	registrar.do("PUT", api.Root+path, sealed).wantFailure(t, 409, "group-changed")
	var wire, revisions []api.Group
	author.get("/groups").into(t, 200, &wire)
	author.get(path).into(t, 200, &revisions)
	read, err := ceremony.ReadGroups(trustOf(t, p, author), []*crypto.Key{p.Author}, append(wire, revisions...), time.Now())
	must(t, err)
	if len(read) != 2 || read[0].Name != "Host States" || read[1].Problem != nil || read[0].By.Name() != live.RegistrarName {
		t.Errorf("the author reads %+v", read)
	}
	author.get("/groups/"+string(crypto.NewNumber(crypto.KindGroup))).wantFailure(t, 404, "no-group")
}
