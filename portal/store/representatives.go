package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/registry"
)

// Issue implements registry.Store.
func (d *DB) Issue(ctx context.Context, r portal.RepresentativeRecord, label []byte) error {
	fingerprints, err := fingerprintsOf(r.Chain)
	if err != nil {
		return err
	}
	return d.write(ctx, func(t *tx) error {
		if err := t.addMailbox(r, label); err != nil {
			return err
		}
		holder := r.Representative.String()
		changed, err := t.exec(`INSERT INTO representatives
			(holder, mailbox, ordinal, state, profile, certificate, issued_at, claimed_at, salt, verifier, details, locked_bundle)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (holder) DO NOTHING`,
			holder, r.Representative.Mailbox, r.Representative.Ordinal, r.State, r.Profile, fingerprints[len(fingerprints)-1],
			micros(r.IssuedAt), micros(r.ClaimedAt), r.Salt, r.Verifier, present(r.Details), r.LockedBundle)
		if err != nil {
			return err
		}
		if changed == 0 {
			return portal.Errorf(portal.Conflict, "representative-exists", "%s has been issued already. Take the next free ordinal, or a new mailbox number.", holder)
		}
		if err := t.addCertificates(holder, 0, fingerprints, r.Chain); err != nil {
			return err
		}
		return t.enterCertificate(ledger.RepresentativeIssued, r, r.IssuedAt)
	})
}

// addMailbox makes the mailbox if it is new. What is known of one that exists stays as it is.
func (t *tx) addMailbox(r portal.RepresentativeRecord, label []byte) error {
	mailbox := r.Representative.Mailbox
	if len(label) == 0 {
		var one int
		err := t.row(`SELECT 1 FROM mailboxes WHERE number = $1`, mailbox).Scan(&one)
		if err == sql.ErrNoRows {
			return portal.Errorf(portal.Invalid, "invalid-label", "The mailbox %s is new: say whose it is, in a sealed label.", mailbox)
		}
		return err
	}
	_, err := t.exec(`INSERT INTO mailboxes (number, label, issued_at) VALUES ($1, $2, $3) ON CONFLICT (number) DO NOTHING`,
		mailbox, label, micros(r.IssuedAt))
	return err
}

// addCertificates appends to a chain from a position on.
func (t *tx) addCertificates(holder string, from int, fingerprints []crypto.Fingerprint, chain [][]byte) error {
	var rows [][]any
	for i := from; i < len(chain); i++ {
		rows = append(rows, []any{holder, i, fingerprints[i], chain[i]})
	}
	return t.insert("certificates", "holder, position, fingerprint, certificate", rows)
}

func fingerprintsOf(chain [][]byte) ([]crypto.Fingerprint, error) {
	if len(chain) == 0 {
		return nil, portal.Errorf(portal.Invalid, "invalid-certificate", "The certificate is missing.")
	}
	fingerprints := make([]crypto.Fingerprint, len(chain))
	for i, data := range chain {
		c, err := crypto.ParseCertificate(data)
		if err != nil {
			return nil, portal.Errorf(portal.Invalid, "invalid-certificate", "%v", err)
		}
		fingerprints[i] = c.Fingerprint()
	}
	return fingerprints, nil
}

const representativeColumns = `holder, state, profile, salt, verifier, locked_bundle, details, issued_at, claimed_at, revoked_at, revocation_reason`

func scanRepresentative(scan func(...any) error) (r portal.RepresentativeRecord, err error) {
	var holder string
	if err := scan(&holder, &r.State, &r.Profile, &r.Salt, &r.Verifier, &r.LockedBundle, &r.Details, instant{&r.IssuedAt}, instant{&r.ClaimedAt},
		instant{&r.RevokedAt}, &r.Reason); err != nil {
		return portal.RepresentativeRecord{}, err
	}
	r.Representative, err = crypto.ParseRepresentative(holder)
	return r, err
}

// Representative implements registry.Store.
func (d *DB) Representative(ctx context.Context, of crypto.Representative) (r portal.RepresentativeRecord, err error) {
	err = d.snapshot(ctx, func(t *tx) (err error) {
		r, err = scanRepresentative(t.row(`SELECT `+representativeColumns+` FROM representatives WHERE holder = $1`, of.String()).Scan)
		if err != nil {
			return orNotFound(err, "no-representative", "There is no representative %s.", of)
		}
		chains, err := t.chains(`WHERE holder = $1`, of.String())
		r.Chain = chains[of.String()]
		return err
	})
	return r, err
}

// Standing implements registry.Store and dispatch.Store.
func (d *DB) Standing(ctx context.Context, of crypto.Representative) (state portal.RepresentativeState, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT state FROM representatives WHERE holder = $1`, of.String()).Scan(&state), "no-representative", "There is no representative %s.", of)
	})
	return state, err
}

// CurrentKey implements registry.Store.
func (d *DB) CurrentKey(ctx context.Context, of crypto.Representative) (state portal.RepresentativeState, key crypto.Fingerprint, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT state, certificate FROM representatives WHERE holder = $1`, of.String()).Scan(&state, &key), "no-representative", "There is no representative %s.", of)
	})
	return state, key, err
}

// Lock implements registry.Store.
func (d *DB) Lock(ctx context.Context, holder string) (lock registry.Lock, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT state, salt, verifier FROM representatives WHERE holder = $1`, holder).Scan(&lock.State, &lock.Salt, &lock.Verifier),
			"no-representative", "There is no representative %s.", holder)
	})
	return lock, err
}

// chains returns the certificates of holders, the issued one first.
func (t *tx) chains(where string, args ...any) (map[string][][]byte, error) {
	chains := map[string][][]byte{}
	err := t.each(func(rows *sql.Rows) error {
		var holder string
		var certificate []byte
		if err := rows.Scan(&holder, &certificate); err != nil {
			return err
		}
		chains[holder] = append(chains[holder], certificate)
		return nil
	}, `SELECT holder, certificate FROM certificates `+where+` ORDER BY holder, position`, args...)
	return chains, err
}

// Directory implements registry.Store.
func (d *DB) Directory(ctx context.Context) (mailboxes []registry.Mailbox, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		chains, err := t.chains("")
		if err != nil {
			return err
		}
		addresses := map[string]bool{}
		if err := t.each(func(rows *sql.Rows) error {
			var holder string
			err := rows.Scan(&holder)
			addresses[holder] = true
			return err
		}, `SELECT holder FROM addresses`); err != nil {
			return err
		}
		stopped, err := t.stoppedEmail()
		if err != nil {
			return err
		}
		at := map[crypto.Number]int{}
		if err := t.each(func(rows *sql.Rows) error {
			var m registry.Mailbox
			if err := rows.Scan(&m.Number, &m.Label); err != nil {
				return err
			}
			at[m.Number] = len(mailboxes)
			mailboxes = append(mailboxes, m)
			return nil
		}, `SELECT number, label FROM mailboxes ORDER BY number`); err != nil {
			return err
		}
		return t.each(func(rows *sql.Rows) error {
			r, err := scanRepresentative(rows.Scan)
			if err != nil {
				return err
			}
			r.Chain = chains[r.Representative.String()]
			m := &mailboxes[at[r.Representative.Mailbox]]
			r.HasAddress, r.StoppedEmail = addresses[r.Representative.String()], stopped[r.Representative.String()]
			m.Representatives = append(m.Representatives, r)
			return nil
		}, `SELECT holder, state, profile, NULL, NULL, NULL, details, issued_at, claimed_at, revoked_at, revocation_reason FROM representatives ORDER BY mailbox, ordinal`)
	})
	return mailboxes, err
}

// Envelopes implements registry.Store.
func (d *DB) Envelopes(ctx context.Context, holder string) (held []registry.HeldEnvelope, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var e registry.HeldEnvelope
			if err := rows.Scan(&e.Notice, &e.Certificate, &e.Suite, &e.Data, &e.Personal); err != nil {
				return err
			}
			held = append(held, e)
			return nil
		}, `SELECT notice, certificate, suite, envelope, personal FROM envelopes WHERE holder = $1 ORDER BY notice`, holder)
	})
	return held, err
}

// lockRepresentative locks the row of a representative, and returns where they stand and how many certificates their chain has; portal.NotFound.
func (t *tx) lockRepresentative(holder string) (state portal.RepresentativeState, certificates int, err error) {
	if err := t.row(`SELECT state FROM representatives WHERE holder = $1`+t.forUpdate, holder).Scan(&state); err != nil {
		return "", 0, orNotFound(err, "no-representative", "There is no representative %s.", holder)
	}
	err = t.row(`SELECT count(*) FROM certificates WHERE holder = $1`, holder).Scan(&certificates)
	return state, certificates, err
}

// Claim implements registry.Store. The row of the representative is locked first; a submission that seals to them holds it too, so one of the
// two sees what the other did.
func (d *DB) Claim(ctx context.Context, r portal.RepresentativeRecord, rewrapped []registry.HeldEnvelope) error {
	fingerprints, err := fingerprintsOf(r.Chain)
	if err != nil {
		return err
	}
	holder := r.Representative.String()
	return d.write(ctx, func(t *tx) error {
		state, stored, err := t.lockRepresentative(holder)
		if err != nil {
			return err
		}
		if state != portal.Issued || stored != len(r.Chain)-1 {
			return portal.Errorf(portal.Conflict, "already-claimed", "This mailbox has been claimed already. Log in with its passphrase; if you did not claim it yourself, tell the institution at once.")
		}
		if err := t.replaceEnvelopes(r.Representative, rewrapped); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE representatives SET state = $2, profile = $3, certificate = $4, claimed_at = $5, salt = $6, verifier = $7, locked_bundle = $8 WHERE holder = $1`,
			holder, portal.Claimed, r.Profile, fingerprints[len(fingerprints)-1], micros(r.ClaimedAt), r.Salt, r.Verifier, r.LockedBundle); err != nil {
			return err
		}
		if err := t.addCertificates(holder, stored, fingerprints, r.Chain); err != nil {
			return err
		}
		return t.enterCertificate(ledger.RepresentativeClaimed, r, r.ClaimedAt)
	})
}

// RevokeRepresentative implements registry.Store.
func (d *DB) RevokeRepresentative(ctx context.Context, r portal.RepresentativeRecord) error {
	fingerprints, err := fingerprintsOf(r.Chain)
	if err != nil {
		return err
	}
	holder := r.Representative.String()
	return d.write(ctx, func(t *tx) error {
		state, stored, err := t.lockRepresentative(holder)
		if err != nil {
			return err
		}
		switch {
		case state == portal.Revoked:
			return portal.Errorf(portal.Conflict, "already-revoked", "The access of %s has been ended already.", holder)
		case stored != len(r.Chain):
			return portal.Errorf(portal.Conflict, "claimed-meanwhile", "%s changed their key at this moment. Look again, and revoke again.", holder)
		}
		if _, err := t.exec(`UPDATE representatives SET state = $2, revoked_at = $3, revocation_reason = $4, verifier = NULL, locked_bundle = NULL WHERE holder = $1`,
			holder, portal.Revoked, micros(r.RevokedAt), r.Reason); err != nil {
			return err
		}
		changed, err := t.exec(`UPDATE certificates SET certificate = $2 WHERE holder = $1 AND position = 0 AND fingerprint = $3`, holder, r.Chain[0], fingerprints[0])
		if err == nil && changed != 1 {
			err = errors.New("a representative without the certificate that is revoked")
		}
		if err == nil {
			_, err = t.exec(`DELETE FROM addresses WHERE holder = $1`, holder) // what e-mail was queued is not sent
		}
		if err != nil {
			return err
		}
		return t.enter(ledger.Event{
			Kind: ledger.RepresentativeRevoked, Representative: r.Representative, Fingerprint: fingerprints[0], Certificate: sha256.Sum256(r.Chain[0]), At: r.RevokedAt,
		})
	})
}

// enterCertificate enters the last certificate of a chain into the ledger.
func (t *tx) enterCertificate(kind ledger.Kind, r portal.RepresentativeRecord, at time.Time) error {
	fingerprints, err := fingerprintsOf(r.Chain)
	if err != nil {
		return err
	}
	last := len(r.Chain) - 1
	return t.enter(ledger.Event{Kind: kind, Representative: r.Representative, Fingerprint: fingerprints[last], Certificate: sha256.Sum256(r.Chain[last]), At: at})
}

// replaceEnvelopes puts rewrapped envelopes in the place of those held, if they are for the same notices.
func (t *tx) replaceEnvelopes(of crypto.Representative, rewrapped []registry.HeldEnvelope) error {
	type key struct {
		notice crypto.Number
		suite  crypto.Suite
	}
	missing := map[key][]byte{} // their memberships, which stay
	if err := t.each(func(rows *sql.Rows) error {
		var k key
		var membership []byte
		err := rows.Scan(&k.notice, &k.suite, &membership)
		missing[k] = membership
		return err
	}, `SELECT notice, suite, membership FROM envelopes WHERE holder = $1`+t.forUpdate, of.String()); err != nil {
		return err
	}
	changed := portal.Errorf(portal.Conflict, "envelopes-changed", "Something arrived in the mailbox meanwhile. Fetch the envelopes again, and claim again.")
	var rows [][]any
	for _, e := range rewrapped {
		k := key{e.Notice, e.Suite}
		membership, held := missing[k]
		if !held {
			return changed
		}
		delete(missing, k)
		rows = append(rows, []any{e.Notice, of.String(), of.Mailbox, e.Certificate, e.Suite, e.Data, membership, orNull(e.Personal)})
	}
	if len(missing) > 0 {
		return changed
	}
	if _, err := t.exec(`DELETE FROM envelopes WHERE holder = $1`, of.String()); err != nil {
		return err
	}
	return t.insert("envelopes", envelopeColumns, rows)
}

// ChangeLock implements registry.Store.
func (d *DB) ChangeLock(ctx context.Context, of crypto.Representative, salt, verifier, locked []byte) error {
	return d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(`UPDATE representatives SET salt = $2, verifier = $3, locked_bundle = $4
			WHERE holder = $1 AND state = 'claimed' AND locked_bundle IS NOT NULL`, of.String(), salt, verifier, locked)
		if err == nil && changed == 0 {
			return portal.Errorf(portal.Conflict, "no-lock", "There is no passphrase to change: the mailbox has not been claimed yet, or its key never was with the portal.")
		}
		return err
	})
}
