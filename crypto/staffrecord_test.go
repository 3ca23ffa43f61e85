package crypto_test

import (
	"slices"
	"testing"
	"time"

	"valise/crypto"
)

func TestTheRecordOfAStaffMemberSaysWhatTheRootSaid(t *testing.T) {
	begin := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	must := func(k *crypto.Key, err error) *crypto.Key {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	rootKey := must(crypto.GenerateRoot("Court", begin))
	stranger := must(crypto.GenerateRoot("Another court", begin))
	root, err := crypto.OpenRoot(crypto.Pin{Fingerprint: rootKey.Certificate().Fingerprint()}, rootKey.Certificate().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	c := must(crypto.GenerateKey(crypto.ProfilePQ, "Ada Author", begin)).Certificate()
	certify := func(by *crypto.Key, at time.Time, roles ...crypto.Role) {
		t.Helper()
		var err error
		if c, err = crypto.CertifyStaff(by, c, roles, at); err != nil {
			t.Fatal(err)
		}
	}
	first, second, end := begin.AddDate(0, 0, 1), begin.AddDate(0, 2, 0), begin.AddDate(0, 3, 0)
	if got := root.StaffRecord(c, end); got != nil {
		t.Errorf("without a word of the root: %+v", got)
	}
	certify(stranger, first, crypto.RoleAdministrator)
	certify(rootKey, first, crypto.RoleAuthor)
	certify(rootKey, second, crypto.RoleAuthor, crypto.RoleApprover)
	certify(rootKey, end)
	for _, look := range []struct {
		at    time.Time
		last  time.Time
		roles []crypto.Role
		ended time.Time
	}{
		{second.Add(-time.Hour), first, []crypto.Role{crypto.RoleAuthor}, time.Time{}},
		{end.Add(-time.Hour), second, []crypto.Role{crypto.RoleApprover, crypto.RoleAuthor}, time.Time{}},
		{end.Add(time.Hour), second, []crypto.Role{crypto.RoleApprover, crypto.RoleAuthor}, end},
	} {
		got := root.StaffRecord(c, look.at)
		if got == nil || got.Name != "Ada Author" || !got.First.Equal(first) || !got.Last.Equal(look.last) || !slices.Equal(got.Roles, look.roles) || !got.Ended.Equal(look.ended) {
			t.Errorf("at %s: %+v", look.at, got)
		}
	}
	if (*crypto.Root)(nil).StaffRecord(c, end) != nil || root.StaffRecord(nil, end) != nil {
		t.Error("a record out of nothing")
	}
	// What nobody renews runs out.
	c = must(crypto.GenerateKey(crypto.ProfilePQ, "Bela", begin)).Certificate()
	certify(rootKey, first, crypto.RoleAuthor)
	if got := root.StaffRecord(c, first.Add(crypto.StaffPeriod+time.Hour)); got == nil || !got.Ended.Equal(first.Add(crypto.StaffPeriod)) {
		t.Errorf("run out: %+v", got)
	}
}
