package store

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

// submitPlanned puts a notice with a policy to one representative into the database.
func submitPlanned(t *testing.T, db *DB, policy func(*crypto.Manifest), to ...crypto.Representative) crypto.Number {
	t.Helper()
	n := notice(crypto.NewNumber(crypto.KindNotice))
	n.Signed.Manifest = manifestOf(n.Number, policy)
	must(t, db.Submit(t.Context(), n, map[crypto.Suite][]byte{crypto.SuitePQ: []byte("pq"), crypto.SuiteCompat: []byte("compat")}, envelopes(to...), portal.PersonalParts{}, memberships(envelopes(to...), []byte("m "))))
	return n.Number
}

func TestANoticeIsApprovedForLater(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newIssued(t, db)
		release := kept(noon.Add(time.Hour))
		n, recalled := submit(t, db, r), submit(t, db, r)
		for range 2 {
			must(t, db.ApproveLater(ctx, n, []byte("approver"), release, noon))
		}
		wantCode(t, db.ApproveLater(ctx, n, []byte("another"), release, noon), portal.Conflict, "already-approved")
		wantCode(t, db.ApproveLater(ctx, "N-00000000", []byte("approver"), release, noon), portal.NotFound, "no-notice")
		must(t, db.ApproveLater(ctx, recalled, []byte("approver"), release, noon))
		_, err := db.EndNotice(ctx, recalled, portal.Recalled, staffHolder, nil, noon)
		must(t, err)
		wantCode(t, db.ApproveLater(ctx, recalled, []byte("approver"), release, noon), portal.Conflict, "already-recalled")

		if due, err := db.DueReleases(ctx, release.Add(-time.Microsecond)); err != nil || len(due) != 0 {
			t.Errorf("due too early: %+v, %v", due, err)
		}
		due, err := db.DueReleases(ctx, release)
		must(t, err)
		if len(due) != 1 || due[0].Number != n || due[0].State != portal.Approved || string(due[0].Signed.ApproverSignature) != "approver" {
			t.Fatalf("due: %+v", due)
		}
		for _, look := range []func() (portal.NoticeRecord, error){
			func() (portal.NoticeRecord, error) { return db.Signed(ctx, n) }, func() (portal.NoticeRecord, error) { return db.Notice(ctx, n) },
		} {
			if got, err := look(); err != nil || got.State != portal.Approved || !got.ReleaseAt.Equal(release) || !got.ApprovedAt.Equal(kept(noon)) {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if lines, err := db.Deliveries(ctx, r); err != nil || len(lines) != 0 {
			t.Errorf("before its time it lies in the mailbox: %v, %v", lines, err)
		}

		// Several nodes release it at its minute.
		var group sync.WaitGroup
		at := make([]time.Time, 4)
		for i := range at {
			db := node()
			group.Go(func() {
				var err error
				if at[i], err = db.Release(context.Background(), n, []byte("approver"), release.Add(time.Duration(i)*time.Second)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, other := range at {
			if !other.Equal(at[0]) {
				t.Errorf("released at %v", at)
			}
		}
		must(t, db.KeepReleaseProblem(ctx, n, portal.ReleaseProblem{At: noon, Code: "stale-certificate", Text: "no"}))
		if got, err := db.Signed(ctx, n); err != nil || got.State != portal.Released || got.Problem != nil {
			t.Errorf("released: %+v, %v", got, err)
		}
		wantCode(t, db.ApproveLater(ctx, n, []byte("approver"), release, noon), portal.Conflict, "already-released")

		third := submit(t, db, r)
		must(t, db.ApproveLater(ctx, third, []byte("approver"), release, noon))
		must(t, db.KeepReleaseProblem(ctx, third, portal.ReleaseProblem{At: noon, Code: "first", Text: "do this"}))
		must(t, db.KeepReleaseProblem(ctx, third, portal.ReleaseProblem{At: noon, Code: "second", Text: "do that"}))
		all, err := db.Notices(ctx)
		must(t, err)
		for _, got := range all {
			if got.Number == third && (got.State != portal.Approved || got.Problem == nil || got.Problem.Code != "first" || got.Problem.Text != "do this") {
				t.Errorf("its problem is %+v", got.Problem)
			}
		}
		if due, err := db.DueReleases(ctx, release.Add(time.Hour)); err != nil || len(due) != 0 {
			t.Errorf("what has a problem is tried again: %v, %v", due, err)
		}
	})
}

// Nodes that run at the same minute remind each mailbox once, and record once that the deadline passed.
func TestWhatIsDueIsDoneOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		a, b := newIssued(t, db), newIssued(t, db)
		deadline := kept(noon.Add(50 * time.Hour)).Truncate(time.Second)
		n := submitPlanned(t, db, func(m *crypto.Manifest) { m.Acknowledge, m.Deadline, m.Reminders = true, deadline, []int{24, 2} }, a, b)
		_, err := db.Release(ctx, n, []byte("approver"), noon)
		must(t, err)
		acknowledge(t, db, a, n, "in time")
		do := func(at time.Time) (mailboxes int) {
			t.Helper()
			var group sync.WaitGroup
			var mutex sync.Mutex
			for range 4 {
				db := node()
				group.Go(func() {
					deeds, err := db.DueDeeds(context.Background(), at, 10)
					for _, deed := range deeds {
						var n int
						if n, err = db.DoDeed(context.Background(), deed, at); err != nil {
							break
						}
						mutex.Lock()
						mailboxes += n
						mutex.Unlock()
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			return mailboxes
		}
		for _, step := range []struct {
			before time.Duration
			want   int
		}{{25 * time.Hour, 0}, {24 * time.Hour, 1}, {3 * time.Hour, 0}, {2 * time.Hour, 1}, {0, 0}, {-time.Minute, 1}, {-time.Hour, 0}} {
			if got := do(deadline.Add(-step.before)); got != step.want {
				t.Errorf("%v before the deadline something is done for %d mailboxes, want %d", step.before, got, step.want)
			}
		}
		events, err := db.NoticeEvents(ctx, n, "")
		must(t, err)
		if len(events) != 3 || events[2].Mailbox != b.Mailbox || events[2].Kind != portal.AcceptanceRejectionExpiry || bytes.Equal([]byte(events[0].ID), []byte(events[1].ID)) {
			t.Errorf("%+v", events)
		}
		if _, err := db.DoDeed(ctx, portal.NoticeDeed{Notice: n, Deed: portal.DeedRemind, Due: noon}, noon); err == nil {
			t.Error("something is done that nobody planned")
		}
	})
}
