package store

import (
	"context"
	"database/sql"

	"valise/crypto"
	"valise/portal/registry"
)

// ShareDeskKey implements registry.Store.
func (d *DB) ShareDeskKey(ctx context.Context, shares []registry.DeskKeyShare) error {
	return d.write(ctx, func(t *tx) error {
		for _, s := range shares {
			if _, err := t.exec(`INSERT INTO desk_key_shares (fingerprint, holder, given_by, record, at) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (fingerprint, holder, given_by) DO NOTHING`, s.Of, s.Holder, s.By, s.Record, micros(s.At)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeskKeyShares implements registry.Store.
func (d *DB) DeskKeyShares(ctx context.Context, holder string) (shares []registry.DeskKeyShare, err error) {
	err = d.look(ctx, func(t *tx) error {
		shares = nil
		return t.each(func(rows *sql.Rows) error {
			s := registry.DeskKeyShare{Holder: holder}
			if err := rows.Scan(&s.Of, &s.By, &s.Record, instant{&s.At}); err != nil {
				return err
			}
			shares = append(shares, s)
			return nil
		}, `SELECT fingerprint, given_by, record, at FROM desk_key_shares WHERE holder = $1 ORDER BY at, given_by`, holder)
	})
	return shares, err
}

// DeskKeyHolders implements registry.Store and courier.Store.
func (d *DB) DeskKeyHolders(ctx context.Context) (holders map[crypto.Fingerprint][]string, err error) {
	err = d.look(ctx, func(t *tx) error {
		holders = map[crypto.Fingerprint][]string{}
		return t.each(func(rows *sql.Rows) error {
			var of crypto.Fingerprint
			var holder string
			if err := rows.Scan(&of, &holder); err != nil {
				return err
			}
			holders[of] = append(holders[of], holder)
			return nil
		}, `SELECT DISTINCT fingerprint, holder FROM desk_key_shares ORDER BY fingerprint, holder`)
	})
	return holders, err
}
