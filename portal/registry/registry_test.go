package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest/people"
	"valise/portal/registry"
	"valise/portal/store"
)

const allowed = portal.Kind(-1)

func TestWhoMayDoWhat(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	claimed, _ := c.claimedMailbox(t)
	issued, _ := c.issue(t)
	revoked, _ := c.issue(t)
	c.revoke(t, revoked)
	colleague := crypto.Representative{Mailbox: claimed.Mailbox, Ordinal: 2}
	i, _ := c.issuanceFor(colleague, c.registrar, crypto.ProfileCompat)
	i.Label = nil
	must(t, c.Issue(ctx, c.staff(t, c.registrar), i))
	fresh, _ := c.issuance(c.registrar, crypto.ProfileCompat)

	actors := map[string]portal.Actor{
		"nobody": {}, "issued": portal.ActingRepresentative(issued), "claimed": portal.ActingRepresentative(claimed), "revoked": portal.ActingRepresentative(revoked),
		"unknown": portal.ActingRepresentative(crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}),
		"author":  c.staff(t, c.author), "approver": c.staff(t, c.approver), "registrar": c.staff(t, c.registrar), "auditor": c.staff(t, c.auditor),
	}
	no, forbidden, notFound := portal.Unauthenticated, portal.Forbidden, portal.NotFound
	for act, row := range map[string]struct {
		do   func(portal.Actor) error
		want map[string]portal.Kind
	}{
		"issue": {func(a portal.Actor) error {
			return c.Issue(ctx, a, fresh)
		}, map[string]portal.Kind{"nobody": no, "issued": forbidden, "claimed": forbidden, "revoked": forbidden, "unknown": forbidden,
			"author": forbidden, "approver": forbidden, "registrar": allowed, "auditor": forbidden}},
		"revoke": {func(a portal.Actor) error {
			err := c.Revoke(ctx, a, registry.Revoking{Representative: issued})
			if portal.KindOf(err) == portal.Invalid { // so they may, and revoke nothing for the other rows
				return nil
			}
			return err
		}, map[string]portal.Kind{"nobody": no, "issued": forbidden, "claimed": forbidden, "revoked": forbidden, "unknown": forbidden,
			"author": forbidden, "approver": forbidden, "registrar": allowed, "auditor": forbidden}},
		"read the directory": {func(a portal.Actor) error {
			_, err := c.Directory(ctx, a)
			return err
		}, map[string]portal.Kind{"nobody": no, "issued": forbidden, "claimed": forbidden, "revoked": forbidden, "unknown": forbidden,
			"author": allowed, "approver": allowed, "registrar": allowed, "auditor": allowed}},
		"read a colleague's certificates": {func(a portal.Actor) error {
			_, err := c.Chain(ctx, a, colleague)
			return err
		}, map[string]portal.Kind{"nobody": no, "issued": forbidden, "claimed": allowed, "revoked": no, "unknown": no,
			"author": allowed, "approver": allowed, "registrar": allowed, "auditor": allowed}},
		"read another mailbox's certificates": {func(a portal.Actor) error {
			_, err := c.Chain(ctx, a, issued)
			return err
		}, map[string]portal.Kind{"nobody": no, "issued": forbidden, "claimed": notFound, "revoked": no, "unknown": no,
			"author": allowed, "approver": allowed, "registrar": allowed, "auditor": allowed}},
		"read their own record": {func(a portal.Actor) error {
			_, err := c.Me(ctx, a)
			return err
		}, map[string]portal.Kind{"nobody": no, "issued": allowed, "claimed": allowed, "revoked": no, "unknown": no,
			"author": forbidden, "approver": forbidden, "registrar": forbidden, "auditor": forbidden}},
		"read their own envelopes": {func(a portal.Actor) error {
			_, err := c.Envelopes(ctx, a)
			return err
		}, map[string]portal.Kind{"nobody": no, "issued": allowed, "claimed": allowed, "revoked": no, "unknown": no,
			"author": forbidden, "approver": forbidden, "registrar": forbidden, "auditor": forbidden}},
		"claim with nothing": {func(a portal.Actor) error {
			return c.Claim(ctx, a, registry.Claiming{Profile: crypto.ProfileOwn})
		}, map[string]portal.Kind{"nobody": no, "issued": portal.Invalid, "claimed": portal.Conflict, "revoked": no, "unknown": no,
			"author": forbidden, "approver": forbidden, "registrar": forbidden, "auditor": forbidden}},
		"change the lock": {func(a portal.Actor) error {
			return c.ChangeLock(ctx, a, c.secrets.Salt(), make([]byte, 32), c.locked)
		}, map[string]portal.Kind{"nobody": no, "issued": forbidden, "claimed": allowed, "revoked": no, "unknown": no,
			"author": forbidden, "approver": forbidden, "registrar": forbidden, "auditor": forbidden}},
	} {
		for name, actor := range actors {
			want, told := row.want[name]
			if !told {
				t.Fatalf("%s: %s is not in the table", act, name)
			}
			err := row.do(actor)
			if err == nil && want != allowed || err != nil && portal.KindOf(err) != want {
				t.Errorf("%s, %s: %v (kind %d), want kind %d", name, act, err, portal.KindOf(err), want)
			}
		}
	}
	c.wantAudited(t, actors["author"], "registry.issue refused", fresh.Representative.String())
	c.wantAudited(t, actors["auditor"], "registry.directory", "all")
}

// revoke ends somebody's access, as a registrar does.
func (c *court) revoke(t *testing.T, r crypto.Representative) {
	t.Helper()
	must(t, c.Revoke(t.Context(), c.staff(t, c.registrar), c.revoking(t, r, c.registrar)))
}

func (c *court) revoking(t *testing.T, r crypto.Representative, registrar *crypto.Key) registry.Revoking {
	t.Helper()
	record, err := c.db.Representative(t.Context(), r)
	must(t, err)
	issued, err := crypto.ParseCertificate(record.Chain[0])
	must(t, err)
	revoked, err := crypto.RevokeRepresentative(registrar, issued, r, c.now)
	must(t, err)
	return registry.Revoking{Representative: r, Certificate: []byte(revoked.Armor()), Reason: c.record}
}

func TestIssue(t *testing.T) {
	c := newCourt(t)
	ctx, registrar := t.Context(), c.staff(t, c.registrar)
	i, issued := c.issuance(c.registrar, crypto.ProfilePQ)
	must(t, c.Issue(ctx, registrar, i))
	record, err := c.Me(ctx, portal.ActingRepresentative(i.Representative))
	must(t, err)
	if record.State != portal.Issued || record.Profile != crypto.ProfilePQ || !bytes.Equal(record.Chain[0], issued.Certificate().Bytes()) || !record.IssuedAt.Equal(c.now) {
		t.Errorf("kept %+v", record)
	}
	c.wantAudited(t, registrar, "registry.issue", i.Representative.String())
	wantCode(t, c.Issue(ctx, registrar, i), portal.Conflict, "representative-exists")
}

func TestIssueRefusesWhatDoesNotHoldTogether(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	for name, lie := range map[string]struct {
		code string
		tell func(i *registry.Issuance)
	}{
		"no certificate": {"policy-no-certificate", func(i *registry.Issuance) { i.Certificate = nil }},
		"somebody else's certificate": {"policy-identifying-user-id", func(i *registry.Issuance) {
			other, _ := c.issuance(c.registrar, crypto.ProfilePQ)
			i.Certificate = other.Certificate
		}},
		"a name in the certificate": {"policy-identifying-user-id", func(i *registry.Issuance) { i.Certificate = c.stranger.Certificate().Bytes() }},
		"certified by nobody": {"invalid-certificate", func(i *registry.Issuance) {
			i.Certificate = people.Stranger(i.Representative.String(), noon).Certificate().Bytes()
		}},
		"certified by an author": {"invalid-certificate", func(i *registry.Issuance) {
			other, _ := c.issuanceFor(i.Representative, c.author, crypto.ProfilePQ)
			i.Certificate = other.Certificate
		}},
		"certified by another registrar": {"other-registrar", func(i *registry.Issuance) {
			other, _ := c.issuanceFor(i.Representative, c.secondRegistrar, crypto.ProfilePQ)
			i.Certificate = other.Certificate
		}},
		"of another profile": {"invalid-profile", func(i *registry.Issuance) { i.Profile = crypto.ProfileCompat }},
		"of an own key":      {"invalid-profile", func(i *registry.Issuance) { i.Profile = crypto.ProfileOwn }},
		"an ordinal of 0":    {"invalid-number", func(i *registry.Issuance) { i.Representative.Ordinal = 0 }},
		"a notice's number":  {"invalid-number", func(i *registry.Issuance) { i.Representative.Mailbox = crypto.NewNumber(crypto.KindNotice) }},
		"another salt":       {"invalid-lock", func(i *registry.Issuance) { i.Salt = crypto.NewSalt() }},
		"no salt":            {"invalid-lock", func(i *registry.Issuance) { i.Salt = nil }},
		"a short verifier":   {"invalid-lock", func(i *registry.Issuance) { i.Verifier = i.Verifier[:31] }},
		"no verifier":        {"invalid-lock", func(i *registry.Issuance) { i.Verifier = nil }},
		"an unlocked key":    {"invalid-lock", func(i *registry.Issuance) { i.LockedBundle = []byte(c.stranger.Armor()) }},
		"no bundle":          {"invalid-lock", func(i *registry.Issuance) { i.LockedBundle = nil }},
		"a name in clear":    {"invalid-details", func(i *registry.Issuance) { i.Details = []byte("Ama Mensah") }},
		"no details":         {"invalid-details", func(i *registry.Issuance) { i.Details = nil }},
		"a label in clear":   {"invalid-label", func(i *registry.Issuance) { i.Label = []byte("Republic of Elbonia") }},
		"no label":           {"invalid-label", func(i *registry.Issuance) { i.Label = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			i, _ := c.issuance(c.registrar, crypto.ProfilePQ)
			lie.tell(&i)
			wantCode(t, c.Issue(ctx, c.staff(t, c.registrar), i), portal.Invalid, lie.code)
			if _, err := c.db.Representative(ctx, i.Representative); portal.KindOf(err) != portal.NotFound {
				t.Errorf("something of it was kept: %v", err)
			}
		})
	}
}

func TestClaim(t *testing.T) {
	for _, profile := range []crypto.Profile{crypto.ProfilePQ, crypto.ProfileCompat, crypto.ProfileOwn} {
		t.Run(string(profile), func(t *testing.T) {
			c := newCourt(t)
			ctx := t.Context()
			r, issued := c.issue(t)
			self := portal.ActingRepresentative(r)
			c.send(t, r)
			made := profile
			if profile == crypto.ProfileOwn {
				made = crypto.ProfileCompat
			}
			own := successor(r, issued, made)
			claiming := c.claiming(t, r, issued, own, profile)
			if profile == crypto.ProfileOwn {
				claiming.Salt, claiming.Verifier, claiming.LockedBundle = nil, nil, nil
			}

			// Something arrives in between: all is refused, and nothing has changed.
			late := c.send(t, r)
			wantCode(t, c.Claim(ctx, self, claiming), portal.Conflict, "envelopes-changed")
			if record, err := c.Me(ctx, self); err != nil || record.State != portal.Issued || len(record.Chain) != 1 {
				t.Fatalf("%+v, %v", record, err)
			}
			again := c.claiming(t, r, issued, own, profile)
			claiming.Envelopes = again.Envelopes
			must(t, c.Claim(ctx, self, claiming))

			record, err := c.Me(ctx, self)
			must(t, err)
			if record.State != portal.Claimed || record.Profile != profile || len(record.Chain) != 2 || !record.ClaimedAt.Equal(c.now) {
				t.Errorf("kept %+v", record)
			}
			held, err := c.Envelopes(ctx, self)
			must(t, err)
			if len(held) != 2 || !slices.ContainsFunc(held, func(e registry.HeldEnvelope) bool { return e.Notice == late }) {
				t.Fatalf("holds %d envelopes", len(held))
			}
			for _, e := range held {
				if _, err := crypto.Unwrap(e.Data, own); err != nil || e.Suite != crypto.SuitePQ {
					t.Errorf("the new key does not open %s (%s): %v", e.Notice, e.Suite, err)
				}
			}
			c.wantAudited(t, self, "registry.claim", r.String())
			wantCode(t, c.Claim(ctx, self, claiming), portal.Conflict, "already-claimed")
		})
	}
}

func TestClaimRefusesWhatDoesNotHoldTogether(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	r, issued := c.issue(t)
	other, otherIssued := c.issue(t)
	n := c.send(t, r)
	own := successor(r, issued, crypto.ProfilePQ)
	honest := c.claiming(t, r, issued, own, crypto.ProfilePQ)
	certificate := func(k *crypto.Key) func(*registry.Claiming) {
		return func(claiming *registry.Claiming) { claiming.Certificate = k.Certificate().Bytes() }
	}
	envelope := func(change func(e *registry.HeldEnvelope)) func(*registry.Claiming) {
		return func(claiming *registry.Claiming) {
			claiming.Envelopes = slices.Clone(claiming.Envelopes)
			change(&claiming.Envelopes[0])
		}
	}
	for name, lie := range map[string]struct {
		kind portal.Kind
		code string
		tell func(*registry.Claiming)
	}{
		"a key that nobody certified":   {portal.Invalid, "invalid-certificate", certificate(people.Stranger(r.String(), noon))},
		"a key certified by a stranger": {portal.Invalid, "invalid-certificate", certificate(people.Issued(c.stranger, crypto.ProfilePQ, r, noon))},
		"another representative's key":  {portal.Invalid, "policy-identifying-user-id", certificate(successor(other, otherIssued, crypto.ProfilePQ))},
		"the issued key again":          {portal.Invalid, "invalid-certificate", certificate(issued)},
		"a name in the certificate":     {portal.Invalid, "policy-identifying-user-id", certificate(c.stranger)},
		"a key of another profile":      {portal.Invalid, "invalid-profile", func(x *registry.Claiming) { x.Profile = crypto.ProfileCompat }},
		"no profile":                    {portal.Invalid, "invalid-profile", func(x *registry.Claiming) { x.Profile = "" }},
		"an own key with a lock":        {portal.Invalid, "invalid-lock", func(x *registry.Claiming) { x.Profile = crypto.ProfileOwn }},
		"a lock without salt":           {portal.Invalid, "invalid-lock", func(x *registry.Claiming) { x.Salt = nil }},
		"a missing envelope":            {portal.Conflict, "envelopes-changed", func(x *registry.Claiming) { x.Envelopes = nil }},
		"an envelope twice":             {portal.Invalid, "invalid-envelope", func(x *registry.Claiming) { x.Envelopes = append(slices.Clone(x.Envelopes), x.Envelopes[0]) }},
		"an envelope never held": {portal.Conflict, "envelopes-changed", func(x *registry.Claiming) {
			extra := x.Envelopes[0]
			extra.Notice = crypto.NewNumber(crypto.KindNotice)
			x.Envelopes = append(slices.Clone(x.Envelopes), extra)
		}},
		"an envelope not rewrapped": {portal.Invalid, "invalid-envelope", envelope(func(e *registry.HeldEnvelope) {
			held, err := c.Envelopes(ctx, portal.ActingRepresentative(r))
			must(t, err)
			e.Data = held[0].Data
		})},
		"an envelope for another certificate": {portal.Invalid, "invalid-envelope", envelope(func(e *registry.HeldEnvelope) { e.Certificate = issued.Certificate().Fingerprint() })},
		"an envelope of another suite":        {portal.Invalid, "invalid-envelope", envelope(func(e *registry.HeldEnvelope) { e.Suite = crypto.SuiteCompat })},
		"an envelope that is none":            {portal.Invalid, "invalid-envelope", envelope(func(e *registry.HeldEnvelope) { e.Data = []byte("the session key") })},
	} {
		t.Run(name, func(t *testing.T) {
			claiming := honest
			lie.tell(&claiming)
			wantCode(t, c.Claim(ctx, portal.ActingRepresentative(r), claiming), lie.kind, lie.code)
		})
	}
	if held, err := c.Envelopes(ctx, portal.ActingRepresentative(r)); err != nil || len(held) != 1 || held[0].Notice != n || held[0].Certificate != issued.Certificate().Fingerprint() {
		t.Errorf("after all the lies it holds %d envelopes, %v", len(held), err)
	}
	must(t, c.Claim(ctx, portal.ActingRepresentative(r), honest))
}

func TestChangeLock(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	r, _ := c.claimedMailbox(t)
	self := portal.ActingRepresentative(r)
	wantCode(t, c.ChangeLock(ctx, self, c.secrets.Salt(), make([]byte, 32), []byte("unlocked")), portal.Invalid, "invalid-lock")
	must(t, c.ChangeLock(ctx, self, c.secrets.Salt(), crypto.LogInVerifier([]byte("newest")), c.locked))
	c.wantAudited(t, self, "registry.change-lock", r.String())
	if _, _, err := c.Unlock(ctx, r.String(), []byte("newest")); err != nil {
		t.Error(err)
	}
	_, _, err := c.Unlock(ctx, r.String(), []byte("the new log-in secret"))
	wantCode(t, err, portal.Unauthenticated, "wrong-secret")
}

// unwritable is a database whose audit can't be written.
type unwritable struct{ *store.DB }

var errDisk = errors.New("disk full")

func (unwritable) RecordAudit(context.Context, portal.AuditEntry) error { return errDisk }

func TestWhatCannotBeWrittenDownIsNotDone(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	r, issued := c.issue(t)
	claimed, _ := c.claimedMailbox(t)
	claiming := c.claiming(t, r, issued, successor(r, issued, crypto.ProfilePQ), crypto.ProfilePQ)
	i, _ := c.issuance(c.registrar, crypto.ProfilePQ)
	g := registry.New(unwritable{c.db}, c.pin, portalSecret, func() time.Time { return c.now })
	_, directory := g.Directory(ctx, c.staff(t, c.auditor))
	for name, err := range map[string]error{
		"issue":       g.Issue(ctx, c.staff(t, c.registrar), i),
		"claim":       g.Claim(ctx, portal.ActingRepresentative(r), claiming),
		"change lock": g.ChangeLock(ctx, portal.ActingRepresentative(claimed), c.secrets.Salt(), make([]byte, 32), c.locked),
		"directory":   directory,
	} {
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.db.Representative(ctx, i.Representative); portal.KindOf(err) != portal.NotFound {
		t.Errorf("issued all the same: %v", err)
	}
	if record, err := c.Me(ctx, portal.ActingRepresentative(r)); err != nil || record.State != portal.Issued {
		t.Errorf("claimed all the same: %v", err)
	}
	if _, _, err := c.Unlock(ctx, claimed.String(), []byte("the new log-in secret")); err != nil {
		t.Errorf("the lock was changed all the same: %v", err)
	}
}

func TestDirectory(t *testing.T) {
	c := newCourt(t)
	r, _ := c.issue(t)
	directory, err := c.Directory(t.Context(), c.staff(t, c.author))
	must(t, err)
	if len(directory) != 1 || directory[0].Number != r.Mailbox || !bytes.Equal(directory[0].Label, c.record) {
		t.Fatalf("%+v", directory)
	}
	entry := directory[0].Representatives[0]
	if entry.Salt != nil || entry.Verifier != nil || entry.LockedBundle != nil || len(entry.Chain) != 1 || !bytes.Equal(entry.Details, c.record) {
		t.Errorf("%+v", entry)
	}
}

func TestStaffCertificates(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	roles := func(k *crypto.Key) string {
		t.Helper()
		actor, _, err := c.ActorOf(ctx, portal.StaffHolder(k.Certificate().Fingerprint()), k.Certificate().Fingerprint())
		if portal.KindOf(err) == portal.Unauthenticated {
			return "none"
		}
		must(t, err)
		return fmt.Sprint(actor.Staff().Roles())
	}
	recertify := func(k *crypto.Certificate, at time.Time, roles ...crypto.Role) *crypto.Certificate {
		t.Helper()
		again, err := crypto.CertifyStaff(c.Root, k, roles, at)
		must(t, err)
		return again
	}
	for name, refused := range map[string]*crypto.Certificate{"a stranger": c.stranger.Certificate(), "a former member": c.former.Certificate(), "the root itself": c.Root.Certificate()} {
		if _, err := c.AddStaff(ctx, refused.Bytes()); portal.KindOf(err) != portal.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := c.AddStaff(ctx, []byte("no certificate"))
	wantCode(t, err, portal.Invalid, "policy-no-certificate")
	if staff, err := c.Staff(ctx); err != nil || len(staff) != 5 {
		t.Fatalf("%d staff, %v", len(staff), err)
	}

	// Roles are changed by a newer certification. The old copy doesn't bring the old ones back.
	old := c.author.Certificate()
	changed := recertify(old, noon.Add(30*time.Minute), crypto.RoleAuditor)
	member, err := c.AddStaff(ctx, changed.Bytes())
	must(t, err)
	if fmt.Sprint(member.Roles()) != "[auditor]" || roles(c.author) != "[auditor]" {
		t.Errorf("the roles are %v and %s", member.Roles(), roles(c.author))
	}
	member, err = c.AddStaff(ctx, old.Bytes())
	must(t, err)
	if fmt.Sprint(member.Roles()) != "[auditor]" || roles(c.author) != "[auditor]" {
		t.Errorf("an old copy brought back %v, %s", member.Roles(), roles(c.author))
	}
	// One that lost the certification under which its owner has signed would make those signatures worthless.
	bare := people.Stranger("Gita Rao", noon).Certificate()
	_, err = c.AddStaff(ctx, recertify(bare, noon, crypto.RoleAuthor).Bytes())
	must(t, err)
	_, err = c.AddStaff(ctx, recertify(bare, noon.Add(30*time.Minute), crypto.RoleAuthor).Bytes())
	wantCode(t, err, portal.Conflict, "staff-older")

	// All roles withdrawn: kept, said, and shut out at once; and an old copy doesn't open the door again.
	withdrawn := recertify(changed, noon.Add(40*time.Minute))
	_, err = c.AddStaff(ctx, withdrawn.Bytes())
	wantCode(t, err, portal.Conflict, "staff-withdrawn")
	for _, again := range []*crypto.Certificate{changed, old, withdrawn} {
		if _, err := c.AddStaff(ctx, again.Bytes()); portal.KindOf(err) != portal.Invalid {
			t.Errorf("after the withdrawal: %v", err)
		}
		if roles(c.author) != "none" {
			t.Errorf("the roles are %s again", roles(c.author))
		}
	}
	// The root may take somebody back.
	_, err = c.AddStaff(ctx, recertify(withdrawn, noon.Add(50*time.Minute), crypto.RoleApprover).Bytes())
	must(t, err)
	if roles(c.author) != "[approver]" {
		t.Errorf("the roles are %s", roles(c.author))
	}
}
