package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"time"

	"valise/crypto"
	"valise/portal/ledger"
)

// AddStaff implements registry.Store. Whether the certificate may replace one that is there is decided on what is there at that moment.
func (d *DB) AddStaff(ctx context.Context, f crypto.Fingerprint, decide func(stored []byte) (keep []byte, err error)) error {
	now := time.Now()
	return d.write(ctx, func(t *tx) error {
		var stored []byte
		err := t.row(`SELECT certificate FROM staff WHERE fingerprint = $1`+t.forUpdate, f).Scan(&stored)
		if err != nil && err != sql.ErrNoRows {
			return err
		}
		keep, err := decide(stored)
		if err != nil || keep == nil {
			return err
		}
		if stored == nil {
			changed, err := t.exec(`INSERT INTO staff (fingerprint, certificate, added_at) VALUES ($1, $2, $3) ON CONFLICT (fingerprint) DO NOTHING`,
				f, keep, micros(now))
			if err == nil && changed == 0 { // another node was faster: decide on what it put there
				return errLostRace
			}
			if err != nil {
				return err
			}
		} else if _, err = t.exec(`UPDATE staff SET certificate = $2, added_at = $3 WHERE fingerprint = $1`, f, keep, micros(now)); err != nil {
			return err
		}
		return t.enter(ledger.Event{Kind: ledger.StaffCertificate, Fingerprint: f, Certificate: sha256.Sum256(keep), At: now})
	})
}

// Staff implements registry.Store: all certificates by fingerprint.
func (d *DB) Staff(ctx context.Context) (certificates [][]byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var c []byte
			if err := rows.Scan(&c); err != nil {
				return err
			}
			certificates = append(certificates, c)
			return nil
		}, `SELECT certificate FROM staff ORDER BY fingerprint`)
	})
	return certificates, err
}
