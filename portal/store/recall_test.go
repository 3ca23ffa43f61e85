package store

import (
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

func TestEndNotice(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newRepresentative()
		issued(t, db, r)
		const author, approver = "staff:0123456789ABCDEF0123456789ABCDEF01234567", "staff:ABCDEF0123456789ABCDEF0123456789ABCDEF01"

		back := submit(t, db, r)
		ended, err := db.EndNotice(ctx, back, portal.Returned, approver, []byte("sealed"), noon)
		must(t, err)
		again, err := db.EndNotice(ctx, back, portal.Returned, approver, []byte("sealed"), noon.Add(time.Hour))
		must(t, err)
		if !ended.Equal(kept(noon)) || !again.Equal(ended) {
			t.Errorf("sent back at %v, again %v", ended, again)
		}
		for _, other := range []struct {
			end    portal.NoticeState
			by     string
			reason string
		}{{portal.Returned, approver, "another reason"}, {portal.Returned, "staff:ABCDEF0123456789ABCDEF0123456789ABCDEF02", "sealed"}, {portal.Recalled, author, "sealed"}} {
			_, err = db.EndNotice(ctx, back, other.end, other.by, []byte(other.reason), noon)
			wantCode(t, err, portal.Conflict, "already-returned")
		}
		_, err = db.Release(ctx, back, []byte("approver"), noon)
		wantCode(t, err, portal.Conflict, "already-returned")

		recalled := submit(t, db, r)
		_, err = db.EndNotice(ctx, recalled, portal.Recalled, author, nil, noon.Add(time.Minute))
		must(t, err)
		_, err = db.EndNotice(ctx, recalled, portal.Recalled, author, nil, noon.Add(time.Hour))
		must(t, err)
		_, err = db.EndNotice(ctx, "N-00000000", portal.Recalled, author, nil, noon)
		wantCode(t, err, portal.NotFound, "no-notice")
		if _, err := db.EndNotice(ctx, submit(t, db, r), portal.Returned, approver, nil, noon); err == nil {
			t.Error("one was sent back without a reason")
		}

		// Nothing is lost of them: who, when and why stand there, and the desk can still open them.
		for n, want := range map[crypto.Number]portal.NoticeRecord{
			back:     {State: portal.Returned, EndedBy: approver, EndedAt: kept(noon), Reason: []byte("sealed")},
			recalled: {State: portal.Recalled, EndedBy: author, EndedAt: kept(noon.Add(time.Minute))},
		} {
			whole, err := db.Notice(ctx, n)
			must(t, err)
			signed, err := db.Signed(ctx, n)
			must(t, err)
			all, err := db.Notices(ctx)
			must(t, err)
			got := []portal.NoticeRecord{whole, signed}
			for _, one := range all {
				if one.Number == n {
					got = append(got, one)
				}
			}
			for _, g := range got {
				if g.State != want.State || g.EndedBy != want.EndedBy || !g.EndedAt.Equal(want.EndedAt) || string(g.Reason) != string(want.Reason) || !g.ReleasedAt.IsZero() {
					t.Errorf("%s is kept as %+v", n, g)
				}
			}
			if len(got) != 3 || string(whole.Audience) != "audience" {
				t.Errorf("%s: %d of 3 are there", n, len(got))
			}
			_, err = db.Body(ctx, n, crypto.SuitePQ)
			must(t, err)
			_, err = db.Envelope(ctx, n, staffHolder)
			must(t, err)
		}
		if d, err := db.Deliveries(ctx, r); err != nil || len(d) != 0 {
			t.Errorf("the mailbox holds %+v, %v", d, err)
		}

		out := delivered(t, db, r)
		_, err = db.EndNotice(ctx, out, portal.Recalled, author, nil, noon)
		wantCode(t, err, portal.Conflict, "already-released")
		if n, err := db.Signed(ctx, out); err != nil || n.State != portal.Released || n.EndedBy != "" || !n.EndedAt.IsZero() {
			t.Errorf("released: %+v, %v", n, err)
		}
	})
}

func TestNoticeTallies(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		var people []crypto.Representative
		for range 4 {
			people = append(people, newRepresentative())
			issued(t, db, people[len(people)-1])
		}
		n, other, waits := delivered(t, db, people...), delivered(t, db, people[0]), submit(t, db, people...)
		for i, decision := range []crypto.Decision{crypto.DecisionAcknowledged, crypto.DecisionRefused, ""} {
			_, err := db.MarkOpened(ctx, people[i], n, noon)
			must(t, err)
			if decision == "" {
				continue
			}
			a := receipt(n, people[i], "receipt")
			a.Decision = decision
			_, _, err = db.RecordAcknowledgement(ctx, a)
			must(t, err)
		}
		got, err := db.NoticeTallies(ctx, []crypto.Number{n, other, waits})
		must(t, err)
		if len(got) != 2 || got[n] != (portal.NoticeTally{Mailboxes: 4, Opened: 3, Acknowledged: 1, Refused: 1}) || got[other] != (portal.NoticeTally{Mailboxes: 1}) {
			t.Errorf("%+v", got)
		}
		if got, err := db.NoticeTallies(ctx, nil); err != nil || len(got) != 0 {
			t.Errorf("of none: %v, %v", got, err)
		}
	})
}

// Whoever comes first wins, and the other one is told; there is no notice that was both.
func TestRecallingWhileItIsReleased(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		nodes := [2]*DB{node(), node()}
		r := newRepresentative()
		issued(t, nodes[0], r)
		releases := 0
		for range races {
			n := submit(t, nodes[0], r)
			var released, recalled atomic.Bool
			atOnce(nodes, func(i int, db *DB) {
				var err error
				if i == 0 {
					_, err = db.Release(t.Context(), n, []byte("approver"), noon)
					released.Store(err == nil)
				} else {
					_, err = db.EndNotice(t.Context(), n, portal.Recalled, staffHolder, nil, noon)
					recalled.Store(err == nil)
				}
				if err != nil && portal.KindOf(err) != portal.Conflict {
					t.Error(err)
				}
			})
			if released.Load() == recalled.Load() {
				t.Fatalf("released: %v, recalled: %v", released.Load(), recalled.Load())
			}
			want := portal.Recalled
			if released.Load() {
				want = portal.Released
				releases++
			}
			if got, err := nodes[1].Signed(t.Context(), n); err != nil || got.State != want {
				t.Errorf("%s is %s, want %s (%v)", n, got.State, want, err)
			}
		}
		deliveries, err := nodes[1].Deliveries(t.Context(), r)
		must(t, err)
		if len(deliveries) != releases {
			t.Errorf("%d were released, %d are in the mailbox", releases, len(deliveries))
		}
	})
}
