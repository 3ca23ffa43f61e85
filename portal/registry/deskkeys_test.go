package registry_test

import (
	"slices"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/registry"
)

// TestTheDeskKeyIsHandedFromMemberToMember: to members of the desk alone, each for themself, and what one gave nobody replaces.
func TestTheDeskKeyIsHandedFromMemberToMember(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	author, approver, registrar := c.staff(t, c.author), c.staff(t, c.approver), c.staff(t, c.registrar)
	made, err := crypto.NewDeskKey("International Court", "registry@court.example", noon)
	must(t, err)
	desk := c.Certify(made, noon, crypto.RoleDeskMail)
	f := desk.Certificate().Fingerprint()
	share := func(by, to *crypto.Key) registry.DeskKeyShare {
		record, err := crypto.SealDeskKey(desk, by, to.Certificate(), c.now)
		must(t, err)
		return registry.DeskKeyShare{Holder: portal.StaffHolder(to.Certificate().Fingerprint()), Record: record}
	}
	says := func(by *crypto.Key, shares ...registry.DeskKeyShare) []byte {
		given := make([]crypto.GivenDeskKey, len(shares))
		for i, s := range shares {
			given[i] = crypto.GivenDeskKey{Holder: s.Holder, Record: s.Record}
		}
		signed, err := crypto.SignGivenDeskKeys(desk, by, given, c.now)
		must(t, err)
		return signed
	}
	give := func(actor portal.Actor, shares ...registry.DeskKeyShare) error {
		by := c.author
		if actor.Holder() == approver.Holder() {
			by = c.approver
		}
		return c.ShareDeskKey(ctx, actor, f, shares, says(by, shares...))
	}
	published := func() int {
		list, err := c.MailCertificates(ctx)
		must(t, err)
		return len(list)
	}

	wantCode(t, give(author, share(c.author, c.author)), portal.NotFound, "no-desk-key") // nobody showed the certificate
	_, err = c.AddStaff(ctx, desk.Certificate().Bytes())
	must(t, err)
	if published() != 0 {
		t.Error("a certificate is published whose key nobody has")
	}
	if _, err := c.pin.VerifyStaff(desk.Certificate(), c.now); err != nil {
		t.Fatal(err)
	}
	wantCode(t, give(registrar, share(c.registrar, c.author)), portal.Forbidden, "author-only")
	wantCode(t, give(portal.Actor{}, share(c.author, c.author)), portal.Unauthenticated, "no-session")
	wantCode(t, give(author), portal.Invalid, "invalid-share")
	wantCode(t, give(author, share(c.author, c.registrar)), portal.Invalid, "not-of-desk")
	wantCode(t, give(author, share(c.author, c.former)), portal.Invalid, "not-of-desk")
	wantCode(t, give(author, registry.DeskKeyShare{Holder: author.Holder(), Record: share(c.author, c.approver).Record}), portal.Invalid, "invalid-share")
	wantCode(t, give(author, registry.DeskKeyShare{Holder: author.Holder(), Record: []byte(made.Armor())}), portal.Invalid, "invalid-share")
	wantCode(t, c.ShareDeskKey(ctx, author, c.author.Certificate().Fingerprint(), []registry.DeskKeyShare{share(c.author, c.author)}, nil), portal.Invalid, "no-desk-key")
	// A thief of a session has no key to say that it opened: what opens nothing publishes nothing.
	junk, err := crypto.SealRecord([]byte("junk"), c.stranger, crypto.PurposeDeskKey, []*crypto.Certificate{c.author.Certificate()}, c.now)
	must(t, err)
	garbage, good := registry.DeskKeyShare{Holder: author.Holder(), Record: junk}, share(c.author, c.author)
	for name, signed := range map[string][]byte{
		"nothing": nil, "somebody else's word": says(c.approver, garbage), "a stranger's": says(c.stranger, garbage), "the giver's word on another record": says(c.author, good),
		"on no record": says(c.author), "on more": says(c.author, garbage, good), "for another purpose": otherwise(t, c.author, says(c.author, garbage), c.now),
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, c.ShareDeskKey(ctx, author, f, []registry.DeskKeyShare{garbage}, signed), portal.Invalid, "invalid-share")
		})
	}
	if published() != 0 {
		t.Error("what was refused publishes")
	}

	first := share(c.author, c.author)
	must(t, give(author, first))
	c.wantAudited(t, author, "registry.share-desk-key", author.Holder())
	if published() != 1 {
		t.Error("the certificate is not published")
	}
	must(t, give(author, share(c.author, c.author))) // again: what is there stays
	must(t, give(author, share(c.author, c.approver)))
	seen := func(actor portal.Actor) registry.DeskKey {
		t.Helper()
		keys, err := c.DeskKeys(ctx, actor)
		must(t, err)
		if len(keys) != 1 || keys[0].Certificate.Fingerprint() != f {
			t.Fatalf("%d keys", len(keys))
		}
		return keys[0]
	}
	if k := seen(author); len(k.Shares) != 1 || string(k.Shares[0].Record) != string(first.Record) || k.Shares[0].By != author.Holder() || len(k.Lacking) != 0 || len(k.Former) != 0 || !k.Published {
		t.Errorf("the author sees %d shares, %v, %v", len(k.Shares), k.Lacking, k.Former)
	}
	opened, err := crypto.OpenDeskKey(seen(approver).Shares[0].Record, []*crypto.Key{c.approver}, []*crypto.Certificate{c.author.Certificate()}, desk.Certificate(), c.now)
	must(t, err)
	if k := seen(registrar); len(k.Shares) != 0 {
		t.Error("a registrar gets a share")
	}
	_, err = c.DeskKeys(ctx, c.staff(t, c.auditor))
	wantCode(t, err, portal.Forbidden, "author-only")

	// Who comes later lacks it, until somebody of the desk gives it to them; a share that the giver spoiled is beside a good one.
	late := c.Hire("Gita Rao", crypto.RoleAuthor)
	_, err = c.AddStaff(ctx, late.Certificate().Bytes())
	must(t, err)
	holder := portal.StaffHolder(late.Certificate().Fingerprint())
	if k := seen(author); !slices.Equal(k.Lacking, []string{holder}) {
		t.Errorf("lacking: %v", k.Lacking)
	}
	junk, err = crypto.SealRecord([]byte("junk"), c.author, crypto.PurposeDeskKey, []*crypto.Certificate{late.Certificate()}, c.now)
	must(t, err)
	must(t, give(author, registry.DeskKeyShare{Holder: holder, Record: junk}))
	record, err := crypto.SealDeskKey(opened, c.approver, late.Certificate(), c.now)
	must(t, err)
	must(t, give(approver, registry.DeskKeyShare{Holder: holder, Record: record}))
	if k := seen(c.staff(t, late)); len(k.Shares) != 2 || len(k.Lacking) != 0 {
		t.Errorf("%d shares, lacking %v", len(k.Shares), k.Lacking)
	}

	// Who leaves has had it; and a certificate whose role was taken away is not published, but still opens.
	gone, err := crypto.CertifyStaff(c.Root, late.Certificate(), nil, noon.Add(time.Second))
	must(t, err)
	_, err = c.AddStaff(ctx, gone.Bytes())
	wantCode(t, err, portal.Conflict, "staff-withdrawn")
	if k := seen(author); !slices.Equal(k.Former, []string{holder}) {
		t.Errorf("former: %v", k.Former)
	}
	ended, err := crypto.CertifyStaff(c.Root, desk.Certificate(), nil, noon.Add(time.Second))
	must(t, err)
	_, err = c.AddStaff(ctx, ended.Bytes())
	wantCode(t, err, portal.Conflict, "staff-withdrawn")
	if k := seen(approver); k.Published || len(k.Shares) != 1 || published() != 0 {
		t.Error("a certificate that ended is published, or its key is gone")
	}
}

// otherwise is the same text, signed for another purpose.
func otherwise(t *testing.T, by *crypto.Key, signed []byte, now time.Time) []byte {
	text, err := crypto.ReadClearSigned(signed)
	must(t, err)
	signed, err = crypto.ClearSign(by, crypto.PurposeContact, text, now)
	must(t, err)
	return signed
}

// TestTheDeskKeyLogsInNowhere: who has it opens mail, and nothing else.
func TestTheDeskKeyLogsInNowhere(t *testing.T) {
	c := newCourt(t)
	made, err := crypto.NewDeskKey("International Court", "registry@court.example", noon)
	must(t, err)
	desk := c.Certify(made, noon, crypto.RoleDeskMail)
	member, err := c.pin.VerifyStaff(desk.Certificate(), c.now)
	must(t, err)
	if actor := portal.ActingStaff(member); actor.Staff() != nil || actor.Holder() != "" {
		t.Error("the desk's certificate acts")
	}
}
