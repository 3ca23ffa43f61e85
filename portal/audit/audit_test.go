package audit_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/audit"
	"valise/portal/portaltest"
	"valise/portal/portaltest/people"
	"valise/portal/store"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// office is an auditor and others, over a database.
type office struct {
	*audit.Audit
	t              *testing.T
	store          *store.DB
	auditor, admin portal.Actor
}

func onBoth(t *testing.T, test func(t *testing.T, o *office)) {
	court := people.Found(time.Now())
	auditor, admin := court.Acting(court.Hire("Emil Sato", crypto.RoleAuditor), time.Now()), court.Acting(court.Hire("Olga Berg", crypto.RoleAdministrator), time.Now())
	for name, dsn := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return filepath.Join(t.TempDir(), "portal.db") },
		"PostgreSQL": func(t *testing.T) string { return portaltest.PostgreSQL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := store.Open(t.Context(), dsn(t))
			must(t, err)
			t.Cleanup(func() { db.Close() })
			must(t, db.Migrate(t.Context()))
			test(t, &office{audit.New(db), t, db, auditor, admin})
		})
	}
}

// did writes acts down, one after the other.
func (o *office) did(entries ...portal.AuditEntry) {
	o.t.Helper()
	for _, e := range entries {
		must(o.t, o.store.RecordAudit(o.t.Context(), e))
	}
}

// acts reads a page and names what is on it, oldest first, without the readings of the test itself.
func (o *office) acts(q audit.Query) (acts []string) {
	o.t.Helper()
	entries, _, err := o.Trail(o.t.Context(), o.auditor, q)
	must(o.t, err)
	for _, e := range slices.Backward(entries) {
		if e.Act != "audit.read" {
			acts = append(acts, e.Act+" "+e.Object)
		}
	}
	return acts
}

func TestTheTrailIsForAuditors(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		for code, actor := range map[string]portal.Actor{
			"auditor-only": o.admin, "staff-only": portal.ActingRepresentative(crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}), "no-session": {},
		} {
			_, _, err := o.Trail(t.Context(), actor, audit.Query{})
			_, exportErr := o.Export(t.Context(), actor, audit.Query{})
			for _, err := range []error{err, exportErr} {
				if e, ok := err.(*portal.Error); !ok || e.Code != code {
					t.Errorf("refused with %v, want %s", err, code)
				}
			}
		}
		entries, next, err := o.Trail(t.Context(), o.auditor, audit.Query{})
		must(t, err)
		var got []string
		for _, e := range slices.Backward(entries) {
			got = append(got, e.Act+" "+e.Object)
			if e.Refused() != (e.Actor == o.admin.Holder()) || e.Name() != "audit.read" && e.Name() != "audit.export" || time.Since(e.At) > time.Minute {
				t.Errorf("%+v", e)
			}
		}
		// Those whom it isn't for have left a trace, and so has the auditor; strangers have no name to write down.
		if want := []string{"audit.read refused all", "audit.export refused all", "audit.read all"}; !slices.Equal(got, want) || next != (audit.Place{}) {
			t.Errorf("%q, next %v; want %q", got, next, want)
		}
	})
}

func TestTheTrailIsSearched(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		state, person := crypto.NewNumber(crypto.KindState), crypto.NewNumber(crypto.KindIndividual)
		statement, notice := crypto.NewNumber(crypto.KindStatement), crypto.NewNumber(crypto.KindNotice)
		ada := "staff:" + "0123456789ABCDEF0123456789ABCDEF01234567"
		second := crypto.Representative{Mailbox: state, Ordinal: 2}.String()
		o.did(
			portal.AuditEntry{Actor: ada, Act: "publish.drafts", Object: "all"},
			portal.AuditEntry{Actor: ada, Act: "publish.save", Object: string(statement)},
			portal.AuditEntry{Actor: ada, Act: "publish.approve refused", Object: string(statement)},
			portal.AuditEntry{Actor: ada, Act: "dispatch.receipt", Object: string(notice) + " " + string(state)},
			portal.AuditEntry{Actor: second, Act: "registry.claim", Object: second},
			portal.AuditEntry{Actor: o.admin.Holder(), Act: "publish.approve", Object: string(person)},
		)
		between := time.Now()
		time.Sleep(2 * time.Millisecond)
		o.did(portal.AuditEntry{Actor: ada, Act: "dispatch.submit", Object: string(notice)})
		for name, c := range map[string]struct {
			q    audit.Query
			want []string
		}{
			"who":           {audit.Query{Actor: second}, []string{"registry.claim " + second}},
			"one act":       {audit.Query{Acts: []string{"publish.approve"}}, []string{"publish.approve refused " + string(statement), "publish.approve " + string(person)}},
			"group":         {audit.Query{Acts: []string{"dispatch.receipt", "dispatch.submit", "dispatch.sub"}}, []string{"dispatch.receipt " + string(notice) + " " + string(state), "dispatch.submit " + string(notice)}},
			"object":        {audit.Query{Object: string(statement)}, []string{"publish.save " + string(statement), "publish.approve refused " + string(statement)}},
			"mailbox":       {audit.Query{Object: string(state)}, []string{"dispatch.receipt " + string(notice) + " " + string(state), "registry.claim " + second}},
			"beside others": {audit.Query{Object: string(notice), To: between}, []string{"dispatch.receipt " + string(notice) + " " + string(state)}},
			"changes":       {audit.Query{Actor: ada, Changes: true, To: between}, []string{"publish.save " + string(statement), "publish.approve refused " + string(statement)}},
			"refused":       {audit.Query{Refused: true}, []string{"publish.approve refused " + string(statement)}},
			"since":         {audit.Query{From: between}, []string{"dispatch.submit " + string(notice)}},
			"nothing":       {audit.Query{Object: "P-00000000"}, nil},
		} {
			if got := o.acts(c.q); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
		for name, q := range map[string]audit.Query{
			"actor": {Actor: "staff:%"}, "act": {Acts: []string{"publish.save", "publish.%"}}, "object": {Object: "P-%"}, "period": {From: between, To: between}, "limit": {Limit: audit.MaxPage + 1},
		} {
			if _, _, err := o.Trail(t.Context(), o.auditor, q); portal.KindOf(err) != portal.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestTheTrailIsReadPageByPage(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		const entries = 25
		for range entries {
			o.did(portal.AuditEntry{Actor: o.admin.Holder(), Act: "registry.directory", Object: "all"})
		}
		q := audit.Query{Acts: []string{"registry.directory"}, Limit: 10}
		seen, pages := map[audit.Place]bool{}, 0
		for {
			page, next, err := o.Trail(t.Context(), o.auditor, q)
			must(t, err)
			pages++
			for _, e := range page {
				seen[e.Place] = true
			}
			if next == (audit.Place{}) {
				break
			}
			if q.Before, err = audit.ParsePlace(next.String()); err != nil || q.Before != next {
				t.Fatalf("%s is read as %v, %v", next, q.Before, err)
			}
		}
		if len(seen) != entries || pages != 3 {
			t.Errorf("%d entries on %d pages", len(seen), pages)
		}
		all, err := o.Export(t.Context(), o.auditor, audit.Query{Acts: []string{"registry.directory"}})
		if err != nil || len(all) != entries {
			t.Errorf("%d entries exported, %v", len(all), err)
		}
		for _, wrong := range []string{"x", "1", "-1-2", "1-", "0-0", "1-2-3", "01-2"} {
			if _, err := audit.ParsePlace(wrong); err == nil {
				t.Errorf("%q was read as a place", wrong)
			}
		}
	})
}
