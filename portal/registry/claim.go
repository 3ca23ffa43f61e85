package registry

import (
	"context"

	"valise/crypto"
	"valise/portal"
)

// Claiming is what a representative's client hands in. Salt, Verifier and LockedBundle are empty for profile own.
type Claiming struct {
	Profile      crypto.Profile
	Certificate  []byte // certified by the issued key
	Salt         []byte
	Verifier     []byte
	LockedBundle []byte
	Envelopes    []HeldEnvelope // rewrapped
}

// Claim moves the acting representative to their own key: all of it, or nothing.
func (g *Registry) Claim(ctx context.Context, actor portal.Actor, c Claiming) error {
	self, err := representative(actor)
	if err != nil {
		return err
	}
	state, err := g.standing(ctx, self)
	if err != nil {
		return err
	}
	if state != portal.Issued {
		return errClaimed
	}
	record, err := g.store.Representative(ctx, self)
	if err != nil {
		return err
	}
	own, err := g.checkOwnKey(ctx, record, c)
	if err != nil {
		return err
	}
	if err := g.checkRewrapped(ctx, self, own, c.Envelopes); err != nil {
		return err
	}
	if err := g.audit(ctx, actor, "registry.claim", self.String()); err != nil {
		return err
	}
	record.State, record.Profile, record.ClaimedAt = portal.Claimed, c.Profile, g.now()
	record.Salt, record.Verifier, record.LockedBundle = c.Salt, c.Verifier, c.LockedBundle
	record.Chain = append(record.Chain, own.Bytes())
	return g.store.Claim(ctx, record, c.Envelopes)
}

var errClaimed = portal.Errorf(portal.Conflict, "already-claimed", "This mailbox has been claimed already. Log in with its passphrase; if you did not claim it yourself, tell the institution at once.")

// checkOwnKey returns the new certificate when it follows the issued one in the chain, and what is locked fits its profile.
func (g *Registry) checkOwnKey(ctx context.Context, record portal.RepresentativeRecord, c Claiming) (*crypto.Certificate, error) {
	switch c.Profile {
	case crypto.ProfilePQ, crypto.ProfileCompat:
		if err := checkLock(c.Salt, c.Verifier, c.LockedBundle); err != nil {
			return nil, err
		}
	case crypto.ProfileOwn:
		if len(c.Salt)+len(c.Verifier)+len(c.LockedBundle) > 0 {
			return nil, portal.Errorf(portal.Invalid, "invalid-lock", "Who brings a key of their own keeps it: send no salt, verifier or locked bundle.")
		}
	default:
		return nil, portal.Errorf(portal.Invalid, "invalid-profile", "A mailbox is claimed with profile pq, compat or own.")
	}
	own, err := crypto.ParseCertificate(c.Certificate)
	if err != nil {
		return nil, portal.CertificateError(err)
	}
	if err := checkProfile(c.Profile, own); err != nil {
		return nil, err
	}
	chain, err := g.verified.ParseAll(record.Chain)
	if err != nil {
		return nil, err
	}
	_, err = g.verify(ctx, append(chain, own), record.Representative)
	return own, err
}

// checkRewrapped says whether there is exactly one envelope for the new certificate in the place of each that is held.
func (g *Registry) checkRewrapped(ctx context.Context, self crypto.Representative, own *crypto.Certificate, rewrapped []HeldEnvelope) error {
	held, err := g.store.Envelopes(ctx, self.String())
	if err != nil {
		return err
	}
	suites, personal := make(map[crypto.Number]crypto.Suite, len(held)), make(map[crypto.Number]bool, len(held))
	for _, e := range held {
		suites[e.Notice], personal[e.Notice] = e.Suite, len(e.Personal) > 0
	}
	seen := make(map[crypto.Number]bool, len(rewrapped))
	changed := len(rewrapped) != len(held)
	for _, e := range rewrapped {
		if seen[e.Notice] {
			return portal.Errorf(portal.Invalid, "invalid-envelope", "There are two envelopes for %s. Rewrap each once.", e.Notice)
		}
		seen[e.Notice] = true
		if e.Certificate != own.Fingerprint() {
			return portal.Errorf(portal.Invalid, "invalid-envelope", "The envelope for %s is said to be for another certificate than the one that claims. Rewrap it to that.", e.Notice)
		}
		suite, ok := suites[e.Notice]
		if !ok {
			changed = true
			continue
		}
		if suite != e.Suite {
			return portal.Errorf(portal.Invalid, "invalid-envelope", "The envelope for %s must keep its suite, %s.", e.Notice, suite)
		}
		if err := crypto.CheckEnvelopeFor(e.Suite, e.Data, own); err != nil {
			return portal.Errorf(portal.Invalid, "invalid-envelope", "The envelope for %s: %v. Rewrap it again.", e.Notice, err)
		}
		if personal[e.Notice] != (len(e.Personal) > 0) {
			return portal.Errorf(portal.Invalid, "invalid-envelope", "The personal envelope for %s must be rewrapped too, if there is one. Use a newer program to claim.", e.Notice)
		}
		if len(e.Personal) > 0 {
			if err := crypto.CheckEnvelopeFor(e.Suite, e.Personal, own); err != nil {
				return portal.Errorf(portal.Invalid, "invalid-envelope", "The personal envelope for %s: %v. Rewrap it again.", e.Notice, err)
			}
		}
	}
	if changed {
		return portal.Errorf(portal.Conflict, "envelopes-changed", "Something arrived in the mailbox meanwhile. Fetch the envelopes again, and claim again.")
	}
	return nil
}

// ChangeLock keeps a new passphrase's salt, verifier and locked bundle. Claimed representatives only.
func (g *Registry) ChangeLock(ctx context.Context, actor portal.Actor, salt, verifier, locked []byte) error {
	self, err := representative(actor)
	if err != nil {
		return err
	}
	if err := g.claimedOnly(ctx, self); err != nil {
		return err
	}
	if err := checkLock(salt, verifier, locked); err != nil {
		return err
	}
	if err := g.audit(ctx, actor, "registry.change-lock", self.String()); err != nil {
		return err
	}
	return g.store.ChangeLock(ctx, self, salt, verifier, locked)
}
