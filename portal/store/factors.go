package store

import (
	"context"
	"database/sql"
	"time"

	"valise/portal"
	"valise/portal/passkey"
)

var _ passkey.Store = (*DB)(nil)

var errNoPasskey = portal.Errorf(portal.NotFound, "no-such-passkey", "There is no such passkey any more. Load the page again.")

// Passkeys implements passkey.Store.
func (d *DB) Passkeys(ctx context.Context, holder string) (list []passkey.Passkey, err error) {
	err = d.look(ctx, func(t *tx) error {
		list, err = t.passkeys(holder)
		return err
	})
	return list, err
}

func (t *tx) passkeys(holder string) (list []passkey.Passkey, err error) {
	err = t.each(func(rows *sql.Rows) error {
		p := passkey.Passkey{Holder: holder}
		var alone int64
		if err := rows.Scan(&p.ID, &p.Label, &alone, &p.Count, instant{&p.Created}, instant{&p.Used}, &p.Credential); err != nil {
			return err
		}
		p.KeyAlone = alone != 0
		list = append(list, p)
		return nil
	}, `SELECT id, label, key_alone, count, created_at, used_at, credential FROM passkeys WHERE holder = $1 ORDER BY created_at, id`, holder)
	return list, err
}

// LastReset implements passkey.Store.
func (d *DB) LastReset(ctx context.Context, holder string) (last *passkey.Reset, err error) {
	err = d.look(ctx, func(t *tx) error {
		last, err = t.lastReset(holder)
		return err
	})
	return last, err
}

func (t *tx) lastReset(holder string) (*passkey.Reset, error) {
	r := passkey.Reset{Holder: holder}
	err := t.row(`SELECT at, by_whom, reason FROM factor_resets WHERE holder = $1 ORDER BY at DESC LIMIT 1`, holder).Scan(instant{&r.At}, &r.By, &r.Reason)
	if err == sql.ErrNoRows {
		return nil, nil
	}
	return &r, err
}

// Resets implements passkey.Store.
func (d *DB) Resets(ctx context.Context, limit int) (resets []passkey.Reset, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var r passkey.Reset
			if err := rows.Scan(&r.Holder, instant{&r.At}, &r.By, &r.Reason); err != nil {
				return err
			}
			resets = append(resets, r)
			return nil
		}, `SELECT holder, at, by_whom, reason FROM factor_resets ORDER BY at DESC, holder LIMIT $1`, limit)
	})
	return resets, err
}

// Standings implements passkey.Store.
func (d *DB) Standings(ctx context.Context) (map[string]passkey.Standing, error) {
	standings := map[string]passkey.Standing{}
	err := d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var holder string
			var passkeys, accounts int
			if err := rows.Scan(&holder, &passkeys, &accounts); err != nil {
				return err
			}
			standings[holder] = passkey.Standing{Passkeys: passkeys, SignOn: accounts > 0}
			return nil
		}, `SELECT holder, SUM(passkeys), SUM(accounts) FROM (
				SELECT holder, 1 AS passkeys, 0 AS accounts FROM passkeys UNION ALL SELECT holder, 0, 1 FROM staff_accounts
			) AS factors GROUP BY holder`)
	})
	return standings, err
}

// ofMember locks a staff member's row, so that changes of their factors come one after the other.
func (t *tx) ofMember(holder string) error {
	f, ok := portal.StaffFingerprint(holder)
	if !ok {
		return portal.Errorf(portal.NotFound, "not-staff", "That is no staff member.")
	}
	var found string
	return orNotFound(t.row(`SELECT fingerprint FROM staff WHERE fingerprint = $1`+t.forUpdate, f).Scan(&found), "not-staff", "That is no staff member.")
}

// EnrolPasskey implements passkey.Store.
func (d *DB) EnrolPasskey(ctx context.Context, p passkey.Passkey, decide func([]passkey.Passkey, *passkey.Reset) error) error {
	return d.write(ctx, func(t *tx) error {
		if err := t.ofMember(p.Holder); err != nil {
			return err
		}
		have, err := t.passkeys(p.Holder)
		if err != nil {
			return err
		}
		last, err := t.lastReset(p.Holder)
		if err != nil {
			return err
		}
		if err := decide(have, last); err != nil {
			return err
		}
		alone := 0
		if p.KeyAlone {
			alone = 1
		}
		changed, err := t.exec(`INSERT INTO passkeys (id, holder, label, key_alone, count, created_at, credential) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO NOTHING`, p.ID, p.Holder, p.Label, alone, int64(p.Count), micros(p.Created), p.Credential)
		if err == nil && changed == 0 {
			return portal.Errorf(portal.Conflict, "passkey-exists", "This passkey is enrolled already. Use another device.")
		}
		return err
	})
}

// UsePasskey implements passkey.Store.
func (d *DB) UsePasskey(ctx context.Context, p passkey.Passkey) (used bool, err error) {
	err = d.write(ctx, func(t *tx) error {
		changed, err := t.exec(`UPDATE passkeys SET count = $3, used_at = $4, credential = $5
			WHERE id = $1 AND holder = $2 AND (count < $3 OR (count = 0 AND $3 = 0))`, p.ID, p.Holder, int64(p.Count), micros(p.Used), p.Credential)
		used = changed == 1
		if err != nil || used {
			return err
		}
		var id string
		err = t.row(`SELECT id FROM passkeys WHERE id = $1 AND holder = $2`, p.ID, p.Holder).Scan(&id)
		if err == sql.ErrNoRows {
			return errNoPasskey
		}
		return err
	})
	return used && err == nil, err
}

// RenamePasskey implements passkey.Store.
func (d *DB) RenamePasskey(ctx context.Context, holder, id, label string) error {
	return d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(`UPDATE passkeys SET label = $3 WHERE id = $1 AND holder = $2`, id, holder, label)
		if err == nil && changed == 0 {
			return errNoPasskey
		}
		return err
	})
}

// RemovePasskey implements passkey.Store.
func (d *DB) RemovePasskey(ctx context.Context, holder, id string, decide func([]passkey.Passkey) error) error {
	return d.write(ctx, func(t *tx) error {
		if err := t.ofMember(holder); err != nil {
			return err
		}
		have, err := t.passkeys(holder)
		if err != nil {
			return err
		}
		known := false
		for _, p := range have {
			known = known || p.ID == id
		}
		if !known {
			return errNoPasskey
		}
		if err := decide(have); err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM passkeys WHERE id = $1 AND holder = $2`, id, holder)
		return err
	})
}

// ResetFactors implements passkey.Store.
func (d *DB) ResetFactors(ctx context.Context, r passkey.Reset) error {
	return d.write(ctx, func(t *tx) error {
		if err := t.ofMember(r.Holder); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM passkeys WHERE holder = $1`, r.Holder); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM staff_accounts WHERE holder = $1`, r.Holder); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO factor_resets (holder, at, by_whom, reason) VALUES ($1, $2, $3, $4)
			ON CONFLICT (holder, at) DO NOTHING`, r.Holder, micros(r.At), r.By, r.Reason)
		return err
	})
}

// BindAccount implements signon.Store.
func (d *DB) BindAccount(ctx context.Context, holder, account string, at time.Time) (bound string, err error) {
	err = d.write(ctx, func(t *tx) error {
		if err := t.ofMember(holder); err != nil {
			return err
		}
		err := t.row(`SELECT account FROM staff_accounts WHERE holder = $1`, holder).Scan(&bound)
		if err == nil || err != sql.ErrNoRows {
			return err
		}
		changed, err := t.exec(`INSERT INTO staff_accounts (holder, account, bound_at) VALUES ($1, $2, $3) ON CONFLICT (account) DO NOTHING`, holder, account, micros(at))
		if err == nil && changed == 0 {
			return portal.Errorf(portal.Conflict, "account-taken", "This account is another staff member's here. Sign on with your own.")
		}
		bound = account
		return err
	})
	return bound, err
}
