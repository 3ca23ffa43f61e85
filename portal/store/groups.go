package store

import (
	"context"
	"database/sql"

	"valise/crypto"
	"valise/portal"
	"valise/portal/registry"
)

// SaveGroup implements registry.Store.
func (d *DB) SaveGroup(ctx context.Context, g registry.Group) error {
	return d.write(ctx, func(t *tx) error {
		var newest sql.NullInt64
		if err := t.row(`SELECT max(revision) FROM groups_of_mailboxes WHERE number = $1`, g.Number).Scan(&newest); err != nil {
			return err
		}
		changed := portal.Errorf(portal.Conflict, "group-changed", "Somebody else changed the group %s meanwhile. Look at it again, and make your change then.", g.Number)
		if int64(g.Revision) != newest.Int64+1 {
			return changed
		}
		inserted, err := t.exec(`INSERT INTO groups_of_mailboxes (number, revision, saved_at, saved_by, record) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (number, revision) DO NOTHING`,
			g.Number, g.Revision, micros(g.SavedAt), g.SavedBy, g.Record)
		if err == nil && inserted == 0 { // by somebody at the same moment
			return changed
		}
		return err
	})
}

// Groups implements registry.Store.
func (d *DB) Groups(ctx context.Context) ([]registry.Group, error) {
	return d.groups(ctx, `WHERE revision = (SELECT max(other.revision) FROM groups_of_mailboxes other WHERE other.number = g.number)`)
}

// GroupRevisions implements registry.Store.
func (d *DB) GroupRevisions(ctx context.Context, n crypto.Number) ([]registry.Group, error) {
	revisions, err := d.groups(ctx, `WHERE number = $1`, n)
	if err == nil && len(revisions) == 0 {
		return nil, portal.Errorf(portal.NotFound, "no-group", "There is no group %s.", n)
	}
	return revisions, err
}

func (d *DB) groups(ctx context.Context, where string, args ...any) (groups []registry.Group, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var g registry.Group
			if err := rows.Scan(&g.Number, &g.Revision, instant{&g.SavedAt}, &g.SavedBy, &g.Record); err != nil {
				return err
			}
			groups = append(groups, g)
			return nil
		}, `SELECT number, revision, saved_at, saved_by, record FROM groups_of_mailboxes g `+where+` ORDER BY number, revision`, args...)
	})
	return groups, err
}
