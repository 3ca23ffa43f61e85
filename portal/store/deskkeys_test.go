package store

import (
	"slices"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/registry"
)

// TestASharedDeskKeyStays: what one gave another is not replaced, neither by the giver nor by somebody else.
func TestASharedDeskKeyStays(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		const of = crypto.Fingerprint("0123456789ABCDEF0123456789ABCDEF01234567")
		must(t, db.AddStaff(ctx, of, func([]byte) ([]byte, error) { return []byte("certificate"), nil }))
		ada, bela := crypto.StaffHolder("A"), crypto.StaffHolder("B")
		give := func(holder, by, record string, at time.Time) {
			t.Helper()
			must(t, db.ShareDeskKey(ctx, []registry.DeskKeyShare{{Of: of, Holder: holder, By: by, Record: []byte(record), At: at}}))
		}
		give(ada, ada, "hers", noon)
		give(ada, ada, "spoiled", noon.Add(time.Minute))
		give(ada, bela, "from Bela", noon.Add(2*time.Minute))
		give(bela, ada, "his", noon.Add(3*time.Minute))
		shares, err := db.DeskKeyShares(ctx, ada)
		must(t, err)
		if len(shares) != 2 || string(shares[0].Record) != "hers" || shares[0].By != ada || !shares[0].At.Equal(noon.Truncate(time.Microsecond)) || string(shares[1].Record) != "from Bela" || shares[1].Holder != ada || shares[1].Of != of {
			t.Errorf("%+v", shares)
		}
		holders, err := db.DeskKeyHolders(ctx)
		must(t, err)
		if len(holders) != 1 || !slices.Equal(holders[of], []string{ada, bela}) {
			t.Errorf("%v", holders)
		}
		if err := db.ShareDeskKey(ctx, []registry.DeskKeyShare{{Of: "unknown", Holder: ada, By: ada, Record: []byte("x"), At: noon}}); err == nil {
			t.Error("a key of a certificate that nobody showed is kept")
		}
	})
}
