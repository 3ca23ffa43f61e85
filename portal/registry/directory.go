package registry

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Directory returns all mailboxes. Staff, but not administrators; who reads it is written down.
func (g *Registry) Directory(ctx context.Context, actor portal.Actor) ([]Mailbox, error) {
	const act = "registry.directory"
	if err := g.admit(ctx, actor, act, "all", readers...); err != nil {
		return nil, err
	}
	if err := g.audit(ctx, actor, act, "all"); err != nil {
		return nil, err
	}
	return g.store.Directory(ctx)
}

// Chain returns a representative's certificates, the issued one first. Staff, but not administrators, and claimed representatives of the same mailbox; to
// others it is portal.NotFound, whether it exists or not. Which staff member reads it is written down.
func (g *Registry) Chain(ctx context.Context, actor portal.Actor, r crypto.Representative) ([][]byte, error) {
	const act = "registry.chain"
	if actor.Staff() != nil {
		if err := g.admit(ctx, actor, act, r.String(), readers...); err != nil {
			return nil, err
		}
		if err := g.audit(ctx, actor, act, r.String()); err != nil {
			return nil, err
		}
	} else {
		self, err := representative(actor)
		if err != nil {
			return nil, err
		}
		if err := g.claimedOnly(ctx, self); err != nil {
			return nil, err
		}
		if self.Mailbox != r.Mailbox {
			return nil, portal.Errorf(portal.NotFound, "no-representative", "There is no representative %s.", r)
		}
	}
	record, err := g.store.Representative(ctx, r)
	return record.Chain, err
}

// claimedOnly refuses who has not claimed their mailbox.
func (g *Registry) claimedOnly(ctx context.Context, self crypto.Representative) error {
	state, err := g.standing(ctx, self)
	if err == nil && state != portal.Claimed {
		return portal.Errorf(portal.Forbidden, "claim-first", "Claim your mailbox with the code from your letter first.")
	}
	return err
}

// standing returns the state of an acting representative; one who is revoked or gone is shut out.
func (g *Registry) standing(ctx context.Context, self crypto.Representative) (portal.RepresentativeState, error) {
	return admitted(g.store.Standing(ctx, self))
}

func admitted(state portal.RepresentativeState, err error) (portal.RepresentativeState, error) {
	if portal.KindOf(err) == portal.NotFound || err == nil && state != portal.Issued && state != portal.Claimed {
		return "", errShutOut
	}
	return state, err
}

var errShutOut = portal.Errorf(portal.Unauthenticated, "revoked", "This access was ended by the institution. Ask the institution if you don't know why.")

// Me returns the acting representative's own record.
func (g *Registry) Me(ctx context.Context, actor portal.Actor) (portal.RepresentativeRecord, error) {
	self, err := representative(actor)
	if err != nil {
		return portal.RepresentativeRecord{}, err
	}
	if _, err := g.standing(ctx, self); err != nil {
		return portal.RepresentativeRecord{}, err
	}
	return g.store.Representative(ctx, self)
}

// commandsAge is how far back a representative sees what was commanded by mail.
const commandsAge = 30 * 24 * time.Hour

// CommandsSeen returns what was commanded by signed mail in the last thirty days in the name of the acting representative, or of another of the mailbox: who has their key obeyed
// doesn't ask them, and nobody answers such a mail.
func (g *Registry) CommandsSeen(ctx context.Context, actor portal.Actor) ([]portal.TakenCommand, error) {
	self, err := representative(actor)
	if err != nil {
		return nil, err
	}
	if err := g.claimedOnly(ctx, self); err != nil {
		return nil, err
	}
	return g.store.CommandsOf(ctx, self.Mailbox, g.now().Add(-commandsAge))
}

// Envelopes returns all that the acting representative holds, released or not: what a claim has to rewrap.
func (g *Registry) Envelopes(ctx context.Context, actor portal.Actor) ([]HeldEnvelope, error) {
	self, err := representative(actor)
	if err != nil {
		return nil, err
	}
	if _, err := g.standing(ctx, self); err != nil {
		return nil, err
	}
	return g.store.Envelopes(ctx, self.String())
}

// MayRead refuses who may not see the directory, as Directory would.
func (g *Registry) MayRead(ctx context.Context, actor portal.Actor) error {
	return g.admit(ctx, actor, "registry.directory", "all", readers...)
}

// MayIssue refuses who may not issue, as Issue would.
func (g *Registry) MayIssue(ctx context.Context, actor portal.Actor) error {
	return g.admit(ctx, actor, "registry.issue", "new", crypto.RoleRegistrar)
}
