package store

import (
	"testing"
	"time"

	"valise/portal/audit"
	"valise/portal/portaltest"
)

// What was written down before the trail had an order is still there afterwards, in the order of its times.
func TestOldEntriesOfTheTrailAreKept(t *testing.T) {
	for name, dsn := range map[string]string{"SQLite": t.TempDir() + "/portal.db", "PostgreSQL": portaltest.PostgreSQL(t)} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(t.Context(), dsn)
			must(t, err)
			t.Cleanup(func() { db.Close() })
			migrator, err := db.migrator()
			must(t, err)
			_, err = migrator.UpTo(t.Context(), 7)
			must(t, err)
			for i, act := range []string{"registry.issue", "registry.claim", "dispatch.submit"} {
				_, err := db.writers.ExecContext(t.Context(), `INSERT INTO audit (at, actor, act, object) VALUES ($1, 'staff:X', $2, 'S-7K2M9QXD')`, noon.Add(time.Duration(i/2)*time.Second).UnixMicro(), act)
				must(t, err)
			}
			must(t, db.Migrate(t.Context()))
			entries, err := db.AuditEntries(t.Context(), audit.Query{Limit: 10}, nil)
			must(t, err)
			if len(entries) != 3 || entries[0].Act != "dispatch.submit" || !entries[0].At.Equal(noon.Add(time.Second).Truncate(time.Microsecond)) || entries[1].Place == entries[2].Place {
				t.Errorf("%+v", entries)
			}
			_, err = migrator.DownTo(t.Context(), 7)
			must(t, err)
		})
	}
}
