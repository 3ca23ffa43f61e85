package web_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// TestTheDeskIsWrittenToFromAMailProgram: gpg takes what the Web Key Directory answers, encrypts to it, and the desk's client opens that with the key that it was given.
func TestTheDeskIsWrittenToFromAMailProgram(t *testing.T) {
	p := live.Portal(t, live.Options{})
	v := newVisitor(t, p)
	v.do("GET", "/.well-known/openpgpkey/court.example/policy", nil).want(t, 404)
	p.DeskMail("Registry", "registry@court.example", time.Now().Add(-time.Hour))
	desk := p.DeskMail("Registry", "registry@court.example", time.Now())

	// What somebody wrote into the database counts for nothing, there and in the desk's client.
	forged, err := crypto.NewDeskKey("Registry", "registry@court.example", time.Now())
	must(t, err)
	must(t, p.Store.AddStaff(t.Context(), forged.Certificate().Fingerprint(), func([]byte) ([]byte, error) { return forged.Certificate().Bytes(), nil }))
	author := p.Acting(p.Author).Holder()
	must(t, p.Store.ShareDeskKey(t.Context(), []registry.DeskKeyShare{{Of: forged.Certificate().Fingerprint(), Holder: author, By: author, Record: []byte("x"), At: time.Now()}}))

	gpg := portaltest.GPG(t)
	gpg.Import([]byte(desk.Certificate().Armor()))
	listed, _, err := gpg.Try(nil, "--with-wkd-hash", "--list-keys", "registry@court.example")
	must(t, err)
	named := regexp.MustCompile(`(?m)^\s+([a-z0-9]{32})@`).FindSubmatch(listed)
	if named == nil {
		t.Fatalf("%s", listed)
	}
	v.do("GET", "/.well-known/openpgpkey/court.example/policy", nil).want(t, 200)
	answer := v.do("GET", "/.well-known/openpgpkey/court.example/hu/"+string(named[1])+"?l=registry", nil)
	answer.want(t, 200)
	published, err := crypto.ParseCertificate(answer.body)
	must(t, err)
	if published.Fingerprint() != desk.Certificate().Fingerprint() || len(answer.body) > 1200 {
		t.Errorf("the directory answers %s in %d octets, not the newest of the desk", published.Fingerprint(), len(answer.body))
	}
	for _, language := range []string{"en", "fr"} {
		page := v.page("/"+language+"/certificates", 200)
		if !strings.Contains(page, ">registry@court.example</b>") || !strings.Contains(page, strings.Fields(desk.Certificate().Fingerprint().Spaced())[9]) {
			t.Errorf("the page in %s doesn't show the desk's certificate", language)
		}
	}

	writer := portaltest.GPG(t)
	if _, said, err := writer.Try(answer.body, "--import-filter", "keep-uid=mbox = registry@court.example", "--import"); err != nil {
		t.Fatalf("%s", said)
	}
	const said = "We have seen the same in our own network.\n"
	sealed, problem, err := writer.Try([]byte(said), "--trust-model", "always", "--armor", "--recipient", "registry@court.example", "--encrypt")
	if err != nil {
		t.Fatalf("%s", problem)
	}

	var institution api.Institution
	v.get("/institution").into(t, 200, &institution)
	for name, key := range map[string]*crypto.Key{"author": p.Author, "approver": p.Approver} {
		member := newVisitor(t, p)
		member.logIn(fingerprint(key), key)
		var wire api.DeskKeys
		member.get("/staff/desk-keys").into(t, 200, &wire)
		trust, err := ceremony.Believe(p.Pin, institution)
		must(t, err)
		keys, err := ceremony.ReadDeskKeys(trust, []*crypto.Key{key}, wire, time.Now())
		must(t, err)
		if len(keys) != 2 || !keys[0].Published || keys[1].Published || keys[0].Email != "registry@court.example" || len(ceremony.OpenedDeskKeys(keys)) != 2 {
			t.Fatalf("the %s sees %d keys: %+v", name, len(keys), keys)
		}
		opened, err := crypto.OpenMailedReply(sealedOctets(t, sealed, desk), ceremony.OpenedDeskKeys(keys))
		must(t, err)
		if !bytes.Contains(opened.Content(), []byte("the same in our own network")) {
			t.Errorf("the %s reads %q", name, opened.Content())
		}
		// A portal that shows a certificate of its own is not believed in anything.
		lie := wire
		lie.Keys = append([]api.DeskKey{{Fingerprint: forged.Certificate().Fingerprint(), Certificate: forged.Certificate().Armor(), Published: true}}, wire.Keys...)
		if _, err := ceremony.ReadDeskKeys(trust, []*crypto.Key{key}, lie, time.Now()); err == nil {
			t.Error("a certificate that the root didn't certify is shown as the desk's")
		}
		// Nor does a client give the key to whom the portal alone calls a member.
		registrar, err := trust.Root().VerifyStaff(p.Registrar.Certificate(), time.Now())
		must(t, err)
		if _, err := ceremony.GiveDeskKey(trust, key, keys[0].Key, []*crypto.Staff{registrar}, time.Now()); err == nil {
			t.Error("a registrar is given the desk's key")
		}
	}
}

func sealedOctets(t *testing.T, armored []byte, desk *crypto.Key) []byte {
	t.Helper()
	sealed, err := crypto.CheckMailedReply(armored, []*crypto.Certificate{desk.Certificate()})
	must(t, err)
	return sealed
}

// TestWhoLacksTheDesksKeyIsGivenItInTheBrowser: a colleague sees that somebody who came later lacks it, gives it to them at the press of a button, and they open what was sent to the desk.
func TestWhoLacksTheDesksKeyIsGivenItInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	desk := f.DeskMail("Registry", "registry@court.example", time.Now())
	late := f.Hire("Gita Rao", crypto.RoleAuthor)
	as := func(key *crypto.Key) *visitor {
		v := newVisitor(t, f.Server)
		v.logIn(fingerprint(key), key)
		return v
	}
	// The registrar sees who lacks it, and can't give it; who lacks it can't either; others see nothing of it.
	for name, want := range map[string]struct {
		key         *crypto.Key
		seen, gives bool
	}{
		"author": {f.Author, true, true}, "registrar": {f.Registrar, true, false}, "who lacks it": {late, true, false}, "administrator": {f.Hire("Ada Ministrator", crypto.RoleAdministrator), false, false},
	} {
		page := as(want.key).page("/staff/people", 200)
		if got := strings.Contains(page, `data-certificate="`+string(desk.Certificate().Fingerprint())+`"`); got != want.seen {
			t.Errorf("%s: sees the certificate %t", name, got)
		}
		if got := strings.Contains(page, `id="desk-mail-give"`); got != want.gives {
			t.Errorf("%s: has the button %t", name, got)
		}
		if want.seen && !strings.Contains(page, "Can’t open it yet: <bdi>Gita Rao</bdi>") {
			t.Errorf("%s: isn't told who lacks it", name)
		}
		// Among the people it is listed only for those who don't see it in its own place.
		if listed := strings.Contains(page, `data-member="`+string(desk.Certificate().Fingerprint())+`"`); listed == want.seen {
			t.Errorf("%s: sees the certificate among the people %t", name, listed)
		}
		if asks := strings.Contains(page, "An author or approver who has it opens this page"); asks != (want.seen && !want.gives) {
			t.Errorf("%s: is told whom to ask %t", name, asks)
		}
	}

	// A certificate whose key nobody was given: the page says what its maker does next.
	made, err := crypto.NewDeskKey("Registry", "office@court.example", time.Now())
	must(t, err)
	certificate, err := crypto.CertifyStaff(f.Root, made.Certificate(), []crypto.Role{crypto.RoleDeskMail}, time.Now())
	must(t, err)
	_, err = f.Portal.Registry.AddStaff(t.Context(), certificate.Bytes())
	must(t, err)
	if page := as(f.Author).page("/staff/people", 200); strings.Count(page, "data-nobody") != 1 || !strings.Contains(page, "the last of the commands below") {
		t.Error("nobody is told what to do with a certificate that nobody can open")
	}

	anna := f.desk(t, live.AuthorName, f.Author, "/staff/people", "staff_people")
	portaltest.Axe(t, anna.Browser, "desk-mail")
	anna.looks("desk-mail")
	anna.press("#desk-mail-give")
	anna.sees("#desk-mail-status", "The key was given to: Gita Rao")

	var wire api.DeskKeys
	gita := as(late)
	gita.get("/staff/desk-keys").into(t, 200, &wire)
	keys, err := ceremony.ReadDeskKeys(trustOf(t, f.Server, gita), []*crypto.Key{late}, wire, time.Now())
	must(t, err)
	if len(keys) != 2 || !slices.ContainsFunc(keys, func(k ceremony.DeskKey) bool { return k.Key != nil && len(k.Lacking) == 0 }) {
		t.Errorf("%+v", keys)
	}
	if page := as(f.Author).page("/staff/people", 200); strings.Contains(page, `id="desk-mail-give"`) {
		t.Error("there is a button though nobody lacks the key")
	}

	// She leaves, and has had it.
	gone, err := crypto.CertifyStaff(f.Root, late.Certificate(), nil, time.Now())
	must(t, err)
	_, _ = f.Portal.Registry.AddStaff(t.Context(), gone.Bytes()) // it says that she has no role
	if page := as(f.Author).page("/staff/people", 200); !strings.Contains(page, "Make a new one: <bdi>Gita Rao</bdi>") {
		t.Error("nobody is told to make a new one")
	}
}
