package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/registry"
)

// AddClientManifest implements registry.Store.
func (d *DB) AddClientManifest(ctx context.Context, m registry.ClientManifest) error {
	digest, err := ledger.ParseDigest(m.SHA256)
	if err != nil {
		return err
	}
	return d.write(ctx, func(t *tx) error {
		var newest time.Time
		err := t.row(`SELECT made_at FROM client_manifests ORDER BY made_at DESC LIMIT 1` + t.forUpdate).Scan(instant{&newest})
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return err
		case err == nil && !m.Made.After(newest):
			return portal.Errorf(portal.Conflict, "client-manifest-older", "The portal has a client manifest of %s, and this one is not newer. Sign it anew (valise client-manifest sign), and hand that in.", newest.UTC().Format(time.RFC3339))
		}
		changed, err := t.exec(`INSERT INTO client_manifests (sha256, client, signed, made_at, entered_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (sha256) DO NOTHING`,
			m.SHA256, m.Client, m.Signed, micros(m.Made), micros(m.Entered))
		if err == nil && changed == 0 {
			return errLostRace
		}
		if err != nil {
			return err
		}
		return t.enter(ledger.Event{Kind: ledger.ClientManifest, Manifest: digest, At: m.Entered})
	})
}

const clientManifestColumns = `SELECT sha256, client, signed, made_at, entered_at FROM client_manifests `

// ClientManifest implements registry.Store.
func (d *DB) ClientManifest(ctx context.Context, sha256 string) (registry.ClientManifest, error) {
	if _, err := hex.DecodeString(sha256); err != nil {
		return registry.ClientManifest{}, orNotFound(sql.ErrNoRows, "no-client-manifest", "The portal has no such client manifest.")
	}
	return d.clientManifest(ctx, clientManifestColumns+`WHERE sha256 = $1`, sha256)
}

// NewestClientManifest implements registry.Store.
func (d *DB) NewestClientManifest(ctx context.Context, client string) (registry.ClientManifest, error) {
	if client == "" {
		return d.clientManifest(ctx, clientManifestColumns+`ORDER BY made_at DESC LIMIT 1`)
	}
	return d.clientManifest(ctx, clientManifestColumns+`WHERE client = $1 ORDER BY made_at DESC LIMIT 1`, client)
}

func (d *DB) clientManifest(ctx context.Context, query string, args ...any) (m registry.ClientManifest, err error) {
	err = d.look(ctx, func(t *tx) error {
		err := t.row(query, args...).Scan(&m.SHA256, &m.Client, &m.Signed, instant{&m.Made}, instant{&m.Entered})
		return orNotFound(err, "no-client-manifest", "The portal has no such client manifest.")
	})
	return m, err
}
