package registry

import (
	"context"

	"valise/crypto"
	"valise/portal"
)

// Revoking is what a registrar's client hands in to end a representative's access.
type Revoking struct {
	Representative crypto.Representative
	Certificate    []byte // the issued certificate with the registrar's revocation; armored or binary
	Reason         []byte // sealed to the registrars
}

// Revoke ends a representative's access. Registrars only, and only with a revocation that they themselves signed, just now.
//
// From its return on the representative's sessions count for nothing, on any node, because who acts is looked up with each request (ActorOf); no
// log-in is taken, no locked key is given out, and it is gone from storage. What was sealed to them stays: it is evidence.
func (g *Registry) Revoke(ctx context.Context, actor portal.Actor, r Revoking) error {
	const act = "registry.revoke"
	if err := g.admit(ctx, actor, act, r.Representative.String(), crypto.RoleRegistrar); err != nil {
		return err
	}
	record, err := g.store.Representative(ctx, r.Representative)
	if err != nil {
		return err
	}
	if record.State == portal.Revoked {
		return portal.Errorf(portal.Conflict, "already-revoked", "The access of %s has been ended already.", r.Representative)
	}
	if err := checkSealed("reason", r.Reason); err != nil {
		return err
	}
	revoked, err := crypto.ParseCertificate(r.Certificate)
	if err != nil {
		return portal.CertificateError(err)
	}
	chain, err := g.verified.ParseAll(record.Chain)
	if err != nil {
		return err
	}
	now := g.now()
	if _, err := g.root.CheckRevocation(revoked, chain[0], r.Representative, actor.Staff(), now); err != nil {
		return portal.Errorf(portal.Invalid, "invalid-revocation", "%s", portal.Sentence(err))
	}
	if err := g.audit(ctx, actor, act, r.Representative.String()); err != nil {
		return err
	}
	record.Chain[0] = revoked.Bytes()
	record.State, record.RevokedAt, record.Reason = portal.Revoked, now, r.Reason
	return g.store.RevokeRepresentative(ctx, record)
}
