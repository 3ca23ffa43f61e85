package dispatch

import (
	"context"

	"valise/crypto"
	"valise/portal"
)

// Mailbox returns what lies in the acting representative's mailbox, newest first. Listing is not opening.
func (d *Dispatch) Mailbox(ctx context.Context, actor portal.Actor) ([]portal.Delivery, error) {
	self, _, err := d.representative(ctx, actor)
	if err != nil {
		return nil, err
	}
	return d.store.Deliveries(ctx, self)
}

// Peek returns one of them without its body. Not opening either. Claimed representatives only.
func (d *Dispatch) Peek(ctx context.Context, actor portal.Actor, n crypto.Number) (portal.Delivery, error) {
	self, err := d.claimed(ctx, actor)
	if err != nil {
		return portal.Delivery{}, err
	}
	return d.store.Delivery(ctx, self, n)
}

// Open returns a delivered notice and its body, and marks it opened. Claimed representatives only.
func (d *Dispatch) Open(ctx context.Context, actor portal.Actor, n crypto.Number) (portal.Delivery, []byte, error) {
	self, err := d.claimed(ctx, actor)
	if err != nil {
		return portal.Delivery{}, nil, err
	}
	delivery, err := d.store.Delivery(ctx, self, n)
	if err != nil {
		return portal.Delivery{}, nil, err
	}
	body, err := d.store.Body(ctx, n, delivery.Suite)
	if err != nil {
		return portal.Delivery{}, nil, err
	}
	if delivery.Personal, delivery.PersonalKey, err = d.store.PersonalPart(ctx, n, self); err != nil {
		return portal.Delivery{}, nil, err
	}
	// It is on disk before anybody gets the body; and nothing is marked whose body could not be had.
	if delivery.OpenedAt.IsZero() {
		if delivery.OpenedAt, err = d.store.MarkOpened(ctx, self, n, d.now()); err != nil {
			return portal.Delivery{}, nil, err
		}
		d.told(n, nil)
	}
	return delivery, body, nil
}

// Manifest returns the manifest and its signatures: for recipients once it is released, and staff.
func (d *Dispatch) Manifest(ctx context.Context, actor portal.Actor, n crypto.Number) (crypto.SignedManifest, error) {
	if actor.Staff() == nil {
		delivery, err := d.Peek(ctx, actor, n)
		return delivery.Notice.Signed, err
	}
	if err := d.staffAct(ctx, actor, "dispatch.manifest", string(n), readers...); err != nil {
		return crypto.SignedManifest{}, err
	}
	notice, err := d.store.Signed(ctx, n)
	return notice.Signed, err
}
