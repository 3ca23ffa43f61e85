package store

import (
	"context"

	"valise/crypto"
	"valise/portal"
	"valise/portal/registry"
)

// SetAddress implements registry.Store. The representative's row is locked, so that an address doesn't outlive an access that ends at this moment.
func (d *DB) SetAddress(ctx context.Context, a registry.Address) error {
	holder := a.Representative.String()
	return d.write(ctx, func(t *tx) error {
		state, _, err := t.lockRepresentative(holder)
		if err != nil {
			return err
		}
		if state == portal.Revoked {
			return portal.Errorf(portal.Conflict, "already-revoked", "The access of %s has been ended; they get no e-mail.", holder)
		}
		if _, err := t.exec(`INSERT INTO addresses (holder, record, set_at, set_by) VALUES ($1, $2, $3, $4)
			ON CONFLICT (holder) DO UPDATE SET record = excluded.record, set_at = excluded.set_at, set_by = excluded.set_by`,
			holder, a.Record, micros(a.SetAt), a.SetBy); err != nil {
			return err
		}
		return t.queueWaiting(a.Representative, a.SetAt)
	})
}

// RemoveAddress implements registry.Store.
func (d *DB) RemoveAddress(ctx context.Context, r crypto.Representative) error {
	return d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(`DELETE FROM addresses WHERE holder = $1`, r.String())
		if err == nil && changed == 0 {
			return noAddress(r)
		}
		return err
	})
}

// Address implements registry.Store.
func (d *DB) Address(ctx context.Context, r crypto.Representative) (a registry.Address, err error) {
	a.Representative = r
	err = d.look(ctx, func(t *tx) error {
		err := t.row(`SELECT record, set_at, set_by FROM addresses WHERE holder = $1`, r.String()).Scan(&a.Record, instant{&a.SetAt}, &a.SetBy)
		return orNotFound(err, "no-address", "%s has no e-mail address here.", r)
	})
	return a, err
}

func noAddress(r crypto.Representative) error {
	return portal.Errorf(portal.NotFound, "no-address", "%s has no e-mail address here.", r)
}
