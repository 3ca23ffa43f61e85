package store

import (
	"testing"

	"valise/crypto"
	"valise/portal"
)

// Personal parts are kept with the notice or not at all, thousands in one transaction, and a claim carries the second envelope over.
func TestPersonalPartsAreKept(t *testing.T) {
	const many = 9000 // more than one statement has parameters for
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newRepresentative()
		record := issued(t, db, r)
		n := notice(crypto.NewNumber(crypto.KindNotice))
		sealed := envelopes(r)
		for i := range sealed {
			if sealed[i].Holder == r.String() {
				sealed[i].Personal = []byte("personal for " + r.String())
			}
		}
		personal := portal.PersonalParts{Key: []byte("key for the desk"), Parts: []crypto.SealedPersonal{
			{Mailbox: r.Mailbox, Suite: crypto.SuitePQ, Data: []byte("part pq")}, {Mailbox: r.Mailbox, Suite: crypto.SuiteCompat, Data: []byte("part compat")},
		}}
		for range many {
			personal.Parts = append(personal.Parts, crypto.SealedPersonal{Mailbox: crypto.NewNumber(crypto.KindIndividual), Suite: crypto.SuitePQ, Data: []byte("part")})
		}
		bodies := map[crypto.Suite][]byte{crypto.SuitePQ: []byte("body pq"), crypto.SuiteCompat: []byte("body compat")}
		must(t, db.Submit(ctx, n, bodies, sealed, personal, memberships(sealed, []byte("membership of "))))

		got, err := node().PersonalParts(ctx, n.Number)
		must(t, err)
		if len(got.Parts) != len(personal.Parts) || string(got.Key) != "key for the desk" {
			t.Errorf("%d parts are kept, with the key %q", len(got.Parts), got.Key)
		}
		part, envelope, err := db.PersonalPart(ctx, n.Number, r)
		must(t, err)
		if string(part) != "part pq" || string(envelope) != "personal for "+r.String() {
			t.Errorf("they get %q and %q", part, envelope)
		}
		if part, envelope, err := db.PersonalPart(ctx, n.Number, newRepresentative()); part != nil || envelope != nil || err != nil {
			t.Errorf("somebody else gets %q and %q, %v", part, envelope, err)
		}

		held, err := db.Envelopes(ctx, r.String())
		must(t, err)
		if len(held) != 1 || string(held[0].Personal) != "personal for "+r.String() {
			t.Fatalf("%+v are held", held)
		}
		held[0].Data, held[0].Personal = []byte("rewrapped"), []byte("personal, rewrapped")
		must(t, db.Claim(ctx, claimed(record), held))
		if _, envelope, err := node().PersonalPart(ctx, n.Number, r); string(envelope) != "personal, rewrapped" || err != nil {
			t.Errorf("after the claim they get %q, %v", envelope, err)
		}

		// A notice that is refused leaves none.
		refused := notice(crypto.NewNumber(crypto.KindNotice))
		if err := db.Submit(ctx, refused, bodies, sealed, personal, nil); portal.KindOf(err) != portal.Conflict { // sealed to the certificate before
			t.Errorf("it was kept: %v", err)
		}
		if got, err := db.PersonalParts(ctx, refused.Number); err != nil || got.Key != nil || got.Parts != nil {
			t.Errorf("%d parts are left, %v", len(got.Parts), err)
		}
		plain := submit(t, db, newRepresentativeOf(t, db))
		if got, err := db.PersonalParts(ctx, plain); err != nil || got.Key != nil || got.Parts != nil {
			t.Errorf("%d parts of a notice that has none, %v", len(got.Parts), err)
		}
	})
}

// newRepresentativeOf is a new representative who was issued.
func newRepresentativeOf(t *testing.T, db *DB) crypto.Representative {
	t.Helper()
	r := newRepresentative()
	issued(t, db, r)
	return r
}
