package courier_test

import (
	"testing"

	"valise/crypto"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestAddressesAreFoundAhead: page by page, each once, of those only who have claimed their mailbox; on either database.
func TestAddressesAreFoundAhead(t *testing.T) {
	for name, dsn := range map[string]func() string{
		"SQLite":     func() string { return "" },
		"PostgreSQL": func() string { return portaltest.PostgreSQL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t, live.Options{Database: dsn()}, portaltest.MailSinkOptions{})
			p.address(p.Issue(crypto.KindState, crypto.ProfilePQ), nil)
			var want []crypto.Representative
			for range 3 {
				person := p.claimed(crypto.KindState, crypto.ProfilePQ)
				p.address(person, nil)
				want = append(want, person.Number)
			}
			var found []courier.Addressed
			for after := (courier.Addressed{}); ; after = found[len(found)-1] {
				some, err := p.Store.Addressed(t.Context(), after, 2)
				must(t, err)
				if len(some) == 0 {
					break
				}
				found = append(found, some...)
			}
			if len(found) != len(want) {
				t.Fatalf("%d are found, not %d", len(found), len(want))
			}
			for i, a := range found {
				if a.Representative != want[i] || len(a.Record) == 0 || len(a.Chain) != 2 {
					t.Errorf("the one at %d is %s, with %d certificates", i, a.Representative, len(a.Chain))
				}
			}
		})
	}
}
