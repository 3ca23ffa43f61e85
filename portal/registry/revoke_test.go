package registry_test

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/registry"
)

func TestRevoke(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	r, own := c.claimedMailbox(t)
	registrar := c.staff(t, c.secondRegistrar) // another than the one who issued
	c.now = c.now.Add(time.Hour)
	revoking := c.revoking(t, r, c.secondRegistrar)
	must(t, c.Revoke(ctx, registrar, revoking))
	c.wantAudited(t, registrar, "registry.revoke", r.String())
	wantCode(t, c.Revoke(ctx, registrar, revoking), portal.Conflict, "already-revoked")

	record, err := c.db.Representative(ctx, r)
	must(t, err)
	if record.State != portal.Revoked || !record.RevokedAt.Equal(c.now) || len(record.Reason) == 0 || record.LockedBundle != nil || record.Verifier != nil {
		t.Errorf("kept %+v", record)
	}
	// Whoever reads the chain sees it.
	var chain []*crypto.Certificate
	for _, data := range record.Chain {
		parsed, err := crypto.ParseCertificate(data)
		must(t, err)
		chain = append(chain, parsed)
	}
	staff, err := c.Staff(ctx)
	must(t, err)
	if _, err := c.pin.VerifyRepresentative(staff, chain, r, c.now); crypto.CauseOf(err) != crypto.CauseRevoked {
		t.Errorf("the chain: %v", err)
	}
	if _, err := c.pin.VerifyRepresentative(staff, chain, r, c.now.Add(-time.Minute)); err != nil {
		t.Errorf("the chain as it was a minute before: %v", err)
	}

	// No log-in, no session, no locked key.
	signed := signLogIn(t, &crypto.LogIn{Origin: origin, As: r.String(), Nonce: crypto.NewNonce(), Time: c.now}, own, c.now)
	_, err = c.VerifyLogIn(ctx, signed, origin)
	wantCode(t, err, portal.Unauthenticated, "revoked")
	_, _, err = c.ActorOf(ctx, r.String(), own.Certificate().Fingerprint())
	wantCode(t, err, portal.Unauthenticated, "revoked")
	_, _, err = c.Unlock(ctx, r.String(), []byte("the new log-in secret"))
	wantCode(t, err, portal.Unauthenticated, "wrong-secret")

	// Somebody new comes in their place.
	next, _ := c.issuanceFor(crypto.Representative{Mailbox: r.Mailbox, Ordinal: 2}, c.registrar, crypto.ProfilePQ)
	next.Label = nil
	must(t, c.Issue(ctx, c.staff(t, c.registrar), next))
}

func TestRevokeRefusesWhatDoesNotHold(t *testing.T) {
	c := newCourt(t)
	r, _ := c.issue(t)
	other, _ := c.issue(t)
	registrar := c.staff(t, c.registrar)
	for name, lie := range map[string]struct {
		code string
		tell func(*registry.Revoking)
	}{
		"no reason":             {"invalid-reason", func(v *registry.Revoking) { v.Reason = nil }},
		"a reason for all":      {"invalid-reason", func(v *registry.Revoking) { v.Reason = []byte("left") }},
		"nothing was revoked":   {"invalid-revocation", func(v *registry.Revoking) { v.Certificate = c.certificateOf(t, r) }},
		"somebody else's":       {"invalid-revocation", func(v *registry.Revoking) { v.Certificate = c.revoking(t, other, c.registrar).Certificate }},
		"by another registrar":  {"invalid-revocation", func(v *registry.Revoking) { v.Certificate = c.revoking(t, r, c.secondRegistrar).Certificate }},
		"by an author":          {"invalid-revocation", func(v *registry.Revoking) { v.Certificate = c.revoking(t, r, c.author).Certificate }},
		"no certificate":        {"policy-no-certificate", func(v *registry.Revoking) { v.Certificate = nil }},
		"twice in one":          {"invalid-revocation", func(v *registry.Revoking) { v.Certificate = c.revokedTwice(t, r) }},
		"dated back by an hour": {"invalid-revocation", func(v *registry.Revoking) { c.now = c.now.Add(time.Hour) }},
	} {
		before := c.now
		revoking := c.revoking(t, r, c.registrar)
		lie.tell(&revoking)
		t.Run(name, func(t *testing.T) { wantCode(t, c.Revoke(t.Context(), registrar, revoking), portal.Invalid, lie.code) })
		c.now = before
	}
	if state, err := c.db.Standing(t.Context(), r); err != nil || state != portal.Issued {
		t.Errorf("now %s is %s (%v)", r, state, err)
	}
	nobody := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}
	wantCode(t, c.Revoke(t.Context(), registrar, registry.Revoking{Representative: nobody}), portal.NotFound, "no-representative")
}

func (c *court) certificateOf(t *testing.T, r crypto.Representative) []byte {
	t.Helper()
	record, err := c.db.Representative(t.Context(), r)
	must(t, err)
	return record.Chain[0]
}

func (c *court) revokedTwice(t *testing.T, r crypto.Representative) []byte {
	t.Helper()
	once, err := crypto.ParseCertificate(c.revoking(t, r, c.registrar).Certificate)
	must(t, err)
	twice, err := crypto.RevokeRepresentative(c.registrar, once, r, c.now)
	must(t, err)
	return twice.Bytes()
}
