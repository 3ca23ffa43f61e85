package store

import (
	"context"
	"database/sql"
	"time"

	"valise/portal"
)

// Load implements session.Records.
func (d *DB) Load(ctx context.Context, idHash string) (data []byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		err := t.row(`SELECT data FROM sessions WHERE id_hash = $1 AND expires > $2`, idHash, micros(time.Now())).Scan(&data)
		if err == sql.ErrNoRows {
			return nil
		}
		return err
	})
	return data, err
}

// Create implements session.Records. An expired record of the same id makes way.
func (d *DB) Create(ctx context.Context, idHash, holder string, data []byte, ttl time.Duration) error {
	now := time.Now()
	return d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(`INSERT INTO sessions (id_hash, holder, expires, data) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id_hash) DO UPDATE SET holder = excluded.holder, expires = excluded.expires, data = excluded.data WHERE sessions.expires <= $5`,
			idHash, holder, micros(now.Add(ttl)), present(data), micros(now))
		if err == nil && changed == 0 {
			return portal.Errorf(portal.Conflict, "session-exists", "The session could not be begun. Log in again.")
		}
		return err
	})
}

// Update implements session.Records.
func (d *DB) Update(ctx context.Context, idHash string, old, data []byte, ttl time.Duration) (kept bool, err error) {
	now := time.Now()
	err = d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(`UPDATE sessions SET data = $3, expires = $4 WHERE id_hash = $1 AND data = $2 AND expires > $5`,
			idHash, present(old), present(data), micros(now.Add(ttl)), micros(now))
		kept = changed == 1
		return err
	})
	return kept && err == nil, err
}

// Delete implements session.Records.
func (d *DB) Delete(ctx context.Context, idHash, _ string) error {
	return d.writeOnce(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE id_hash = $1`, idHash)
		return err
	})
}

// List implements session.Records.
func (d *DB) List(ctx context.Context, holder string) (map[string][]byte, error) {
	found := map[string][]byte{}
	err := d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var idHash string
			var data []byte
			if err := rows.Scan(&idHash, &data); err != nil {
				return err
			}
			found[idHash] = data
			return nil
		}, `SELECT id_hash, data FROM sessions WHERE holder = $1 AND expires > $2`, holder, micros(time.Now()))
	})
	return found, err
}

// Epoch implements session.Records.
func (d *DB) Epoch(ctx context.Context, holder string) (epoch int64, err error) {
	err = d.look(ctx, func(t *tx) error {
		err := t.row(`SELECT epoch FROM session_epochs WHERE holder = $1`, holder).Scan(&epoch)
		if err == sql.ErrNoRows {
			return nil
		}
		return err
	})
	return epoch, err
}

// Revoke implements session.Records.
func (d *DB) Revoke(ctx context.Context, holder string) error {
	return d.write(ctx, func(t *tx) error {
		if _, err := t.exec(`INSERT INTO session_epochs (holder, epoch) VALUES ($1, 1)
			ON CONFLICT (holder) DO UPDATE SET epoch = session_epochs.epoch + 1`, holder); err != nil {
			return err
		}
		_, err := t.exec(`DELETE FROM sessions WHERE holder = $1`, holder)
		return err
	})
}

// PutNonce implements session.Nonces.
func (d *DB) PutNonce(ctx context.Context, purpose, nonce string, ttl time.Duration) error {
	return d.writeOnce(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO nonces (purpose, nonce, expires) VALUES ($1, $2, $3)`, purpose, nonce, micros(time.Now().Add(ttl)))
		return err
	})
}

// TakeNonce implements session.Nonces.
func (d *DB) TakeNonce(ctx context.Context, purpose, nonce string) (taken bool, err error) {
	err = d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(`DELETE FROM nonces WHERE purpose = $1 AND nonce = $2 AND expires > $3`, purpose, nonce, micros(time.Now()))
		taken = changed == 1
		return err
	})
	return taken && err == nil, err
}

// limitSlack is how much too early an act may be, as acts overtake one another on their way here and nodes' clocks differ. It makes no more acts in
// the long run.
const limitSlack = 100 * time.Millisecond

// Allow implements session.Limits. A row says when the next act would be due if acts came evenly; an act may come up to a burst ahead of
// that. A key without a row has been quiet.
func (d *DB) Allow(ctx context.Context, key string, burst int, period time.Duration) (ok bool, retryAfter time.Duration, err error) {
	now, step := time.Now().UnixMicro(), period.Microseconds()
	latest := now + int64(burst-1)*step + min(step/10, limitSlack.Microseconds()) // the latest due at which one more is within the burst
	err = d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(`INSERT INTO limits (key, due) VALUES ($1, $2)
			ON CONFLICT (key) DO UPDATE SET due = CASE WHEN limits.due < $3 THEN $2 ELSE limits.due + $4 END WHERE limits.due <= $5`,
			key, now+step, now, step, latest)
		if err != nil || changed == 1 {
			ok = changed == 1
			return err
		}
		var due int64
		if err := t.row(`SELECT due FROM limits WHERE key = $1`, key).Scan(&due); err != nil {
			return err
		}
		ok, retryAfter = false, time.Duration(due-latest)*time.Microsecond
		return nil
	})
	return ok && err == nil, retryAfter, err
}

// Purge deletes what has expired: sessions, nonces, limits that no longer limit, sealed files that no draft names, uploads. Nothing needs it but the disk.
func (d *DB) Purge(ctx context.Context, now time.Time) error {
	for _, statement := range []string{
		`DELETE FROM sessions WHERE expires <= $1`,
		`DELETE FROM nonces WHERE expires <= $1`,
		`DELETE FROM limits WHERE due <= $1`,
	} {
		if err := d.writeOnce(ctx, func(t *tx) error {
			_, err := t.exec(statement, micros(now))
			return err
		}); err != nil {
			return err
		}
	}
	if err := d.purgeUploads(ctx, now); err != nil {
		return err
	}
	if err := d.purgeDraftFiles(ctx, now); err != nil {
		return err
	}
	return d.purgeSealedFiles(ctx, now)
}
