package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/registry"
)

// atOnce runs the same on two nodes at the same moment.
func atOnce(nodes [2]*DB, do func(i int, db *DB)) {
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i, db := range nodes {
		wait.Go(func() {
			<-start
			do(i, db)
		})
	}
	close(start)
	wait.Wait()
}

const races = 20

func TestMigratingAtOnce(t *testing.T) {
	dsn := portaltest.PostgreSQL(t)
	var nodes [2]*DB
	for i := range nodes {
		db, err := Open(t.Context(), dsn)
		must(t, err)
		defer db.Close()
		nodes[i] = db
	}
	atOnce(nodes, func(_ int, db *DB) {
		if err := db.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestReleasingTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		nodes := [2]*DB{node(), node()}
		r := newRepresentative()
		issued(t, nodes[0], r)
		for range races {
			n := submit(t, nodes[0], r)
			var at [2]time.Time
			atOnce(nodes, func(i int, db *DB) {
				var err error
				if at[i], err = db.Release(t.Context(), n, []byte("the same approver"), noon.Add(time.Duration(i)*time.Hour)); err != nil {
					t.Error(err)
				}
			})
			if !at[0].Equal(at[1]) {
				t.Errorf("one node says that it was released at %v, the other at %v", at[0], at[1])
			}

			n = submit(t, nodes[0], r)
			var succeeded, refused atomic.Int32
			atOnce(nodes, func(i int, db *DB) {
				switch _, err := db.Release(t.Context(), n, fmt.Appendf(nil, "approver %d", i), noon); portal.KindOf(err) {
				case portal.Conflict:
					refused.Add(1)
				default:
					if err != nil {
						t.Error(err)
					}
					succeeded.Add(1)
				}
			})
			if succeeded.Load() != 1 || refused.Load() != 1 {
				t.Errorf("of two approvals %d succeeded, %d were refused", succeeded.Load(), refused.Load())
			}
		}
		deliveries, err := nodes[1].Deliveries(t.Context(), r)
		must(t, err)
		if len(deliveries) != 2*races {
			t.Errorf("%d notices were released, %d are there", 2*races, len(deliveries))
		}
	})
}

func TestAcknowledgingTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		nodes := [2]*DB{node(), node()}
		r := newRepresentative()
		issued(t, nodes[0], r)
		for range races {
			for _, same := range []bool{true, false} {
				n := delivered(t, nodes[0], r)
				_, err := nodes[0].MarkOpened(t.Context(), r, n, noon)
				must(t, err)
				var created, repeated, refused atomic.Int32
				var received [2]time.Time
				atOnce(nodes, func(i int, db *DB) {
					a := receipt(n, r, "receipt")
					a.ReceivedAt = kept(noon.Add(time.Duration(i) * time.Hour))
					if !same {
						a.Receipt = fmt.Appendf(nil, "receipt %d", i)
					}
					record, isNew, err := db.RecordAcknowledgement(t.Context(), a)
					received[i] = record.ReceivedAt
					switch {
					case portal.KindOf(err) == portal.Conflict:
						refused.Add(1)
					case err != nil:
						t.Error(err)
					case isNew:
						created.Add(1)
					default:
						repeated.Add(1)
					}
				})
				if created.Load() != 1 || same && repeated.Load() != 1 || !same && refused.Load() != 1 {
					t.Errorf("same %t: %d created, %d repeated, %d refused", same, created.Load(), repeated.Load(), refused.Load())
				}
				if same && !received[0].Equal(received[1]) {
					t.Errorf("one receipt was received at %v and at %v", received[0], received[1])
				}
			}
		}
	})
}

// Whichever comes first: no envelope for the issued key is left with somebody who has claimed.
func TestClaimingWhileANoticeIsSubmitted(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		nodes := [2]*DB{node(), node()}
		var claimFirst, submitFirst int
		for range 2 * races {
			r := newRepresentative()
			record := issued(t, nodes[0], r)
			var claim, submission error
			var n crypto.Number
			atOnce(nodes, func(i int, db *DB) {
				if i == 0 {
					claim = db.Claim(t.Context(), claimed(record), nil)
				} else {
					n, submission = trySubmit(t.Context(), db, r)
				}
			})
			switch {
			case claim == nil && submission != nil:
				claimFirst++
				wantCode(t, submission, portal.Conflict, "stale-certificate")
			case claim != nil && submission == nil:
				submitFirst++
				wantCode(t, claim, portal.Conflict, "envelopes-changed")
				must(t, nodes[0].Claim(t.Context(), claimed(record), []registry.HeldEnvelope{{Notice: n, Certificate: fingerprint(1), Suite: crypto.SuitePQ, Data: []byte("again")}}))
			default:
				t.Fatalf("claim: %v; submission: %v", claim, submission)
			}
		}
		t.Logf("the claim came first %d times, the submission %d times", claimFirst, submitFirst)
	})
}

func TestClaimingTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		nodes := [2]*DB{node(), node()}
		for range races {
			r := newRepresentative()
			record := issued(t, nodes[0], r)
			var succeeded atomic.Int32
			atOnce(nodes, func(i int, db *DB) {
				next := claimed(record)
				next.Chain[1] = certificate(1 + i)
				err := db.Claim(t.Context(), next, nil)
				if err == nil {
					succeeded.Add(1)
				} else {
					wantCode(t, err, portal.Conflict, "already-claimed")
				}
			})
			got, err := nodes[0].Representative(t.Context(), r)
			must(t, err)
			if succeeded.Load() != 1 || len(got.Chain) != 2 {
				t.Errorf("claimed %d times, with a chain of %d", succeeded.Load(), len(got.Chain))
			}
		}
	})
}

func TestAddingTheSameStaffAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		nodes := [2]*DB{node(), node()}
		for i := range races {
			var found atomic.Int32
			atOnce(nodes, func(_ int, db *DB) {
				if err := db.AddStaff(t.Context(), crypto.Fingerprint(fmt.Sprintf("%040X", i)), func(stored []byte) ([]byte, error) {
					if stored != nil {
						found.Add(1)
					}
					return fmt.Appendf(stored, "certificate %d,", i), nil
				}); err != nil {
					t.Error(err)
				}
			})
			if found.Load() != 1 {
				t.Errorf("%d of two saw what the other had added", found.Load())
			}
		}
	})
}

// After its connections were cut, a node goes on with new ones; who was under way is told to try again.
func TestPostgreSQLRestarts(t *testing.T) {
	dsn := portaltest.PostgreSQL(t)
	db, operator := openForTest(t, dsn), openForTest(t, dsn)
	r := newRepresentative()
	issued(t, db, r)
	for range 5 {
		_, err := operator.readers.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		must(t, err)
		if _, err := db.Representative(t.Context(), r); err != nil && portal.KindOf(err) != portal.Unavailable {
			t.Errorf("kind %d: %v", portal.KindOf(err), err)
		}
		if err := db.RecordAudit(t.Context(), portal.AuditEntry{Actor: "a", Act: "b", Object: "c"}); err != nil && portal.KindOf(err) != portal.Unavailable {
			t.Errorf("kind %d: %v", portal.KindOf(err), err)
		}
		_, err = db.Representative(t.Context(), r)
		must(t, err)
	}
}

// Writes that come together are committed together; one that fails takes only itself back.
func TestAFailureInAGroupHurtsNobodyElse(t *testing.T) {
	db := openForTest(t, filepath.Join(t.TempDir(), "portal.db"))
	const writers = 200
	r := newRepresentative()
	issued(t, db, r)
	var wait sync.WaitGroup
	for i := range writers {
		wait.Go(func() {
			one := r
			one.Ordinal = 2 + i
			record := portal.RepresentativeRecord{
				Representative: one, State: portal.Issued, Profile: crypto.ProfilePQ, Chain: [][]byte{certificate(0)}, IssuedAt: noon,
			}
			if i%2 == 0 {
				if err := db.Issue(t.Context(), record, nil); err != nil {
					t.Error(err)
				}
				return
			}
			record.State = "nonsense" // refused by the table, after the mailbox was looked up
			if err := db.Issue(t.Context(), record, nil); err == nil {
				t.Error("a state that does not exist was kept")
			}
		})
	}
	wait.Wait()
	directory, err := db.Directory(t.Context())
	must(t, err)
	if n := len(directory[0].Representatives); n != 1+writers/2 {
		t.Errorf("%d representatives are there, want %d", n, 1+writers/2)
	}
}

// One that fails alone takes itself back, too, and the next finds the connection as it should be.
func TestAFailureAloneLeavesNothing(t *testing.T) {
	db := openForTest(t, filepath.Join(t.TempDir(), "portal.db"))
	failed := errors.New("failed after it wrote")
	for i := range 3 {
		r := newRepresentative()
		if err := db.write(t.Context(), func(tx *tx) error {
			if _, err := tx.exec(`INSERT INTO audit (at, id, actor, act, object) VALUES ($1, 1, '', 'something', '')`, micros(noon)); err != nil {
				return err
			}
			return failed
		}); !errors.Is(err, failed) {
			t.Fatalf("%v", err)
		}
		issued(t, db, r)
		var written int
		must(t, db.look(t.Context(), func(tx *tx) error { return tx.row(`SELECT count(*) FROM audit`).Scan(&written) }))
		directory, err := db.Directory(t.Context())
		must(t, err)
		if written != 0 || len(directory) != 1+i {
			t.Fatalf("%d entries that failed, %d mailboxes; want 0 and %d", written, len(directory), 1+i)
		}
	}
}

// What was handed in before Close is kept; what comes after is refused, not lost silently.
func TestClosingKeepsWhatWasConfirmed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portal.db")
	db, err := Open(t.Context(), path)
	must(t, err)
	must(t, db.Migrate(t.Context()))
	var confirmed atomic.Int32
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			err := db.RecordAudit(t.Context(), portal.AuditEntry{Actor: "S-7K2M9QXC/1", Act: "test", Object: fmt.Sprint(i)})
			switch portal.KindOf(err) {
			case portal.Unavailable:
			default:
				if err != nil {
					t.Error(err)
				}
				confirmed.Add(1)
			}
		})
	}
	must(t, db.Close())
	wait.Wait()
	must(t, db.Close())

	again := openForTest(t, path)
	var entries int32
	must(t, again.readers.QueryRow(`SELECT count(*) FROM audit`).Scan(&entries))
	if entries != confirmed.Load() {
		t.Errorf("%d writes were confirmed, %d are there", confirmed.Load(), entries)
	}
}
