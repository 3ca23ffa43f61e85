package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/portaltest"
	"valise/portal/registry"
)

const logName = "court.example/ledger"

// publisher is the process that signs.
type publisher struct {
	*ledger.Signer
	policy ledger.Policy
}

func newPublisher(t testing.TB) *publisher {
	t.Helper()
	key, err := ledger.NewLogKey(logName)
	must(t, err)
	state := filepath.Join(t.TempDir(), "signer")
	must(t, ledger.CreateSigner(state, logName, key))
	signer, err := ledger.OpenSigner(state, logName, key)
	must(t, err)
	t.Cleanup(func() { signer.Close() })
	return &publisher{signer, ledger.Policy{Origin: logName, Log: []note.Verifier{key.Verifier()}}}
}

func (p *publisher) publish(t testing.TB, db *DB, roundTo int) *ledger.SignedCheckpoint {
	t.Helper()
	for more := true; more; {
		n, err := db.SequenceLedger(t.Context(), roundTo)
		must(t, err)
		more = n == ledger.MaxSequenced
	}
	c, err := p.Sign(t.Context(), db)
	must(t, err)
	must(t, db.PublishCheckpoint(t.Context(), c))
	return c
}

// follow reads the log as anybody would, and returns the public events, and how many private leaves there are.
func (p *publisher) follow(t testing.TB, db *DB) (public []ledger.Event, private int) {
	t.Helper()
	served := ledger.New(db)
	f := &ledger.Follower{
		Policy: p.policy,
		Fetch: func(ctx context.Context, path string) ([]byte, error) {
			if path == ledger.CheckpointPath {
				return served.Checkpoint(ctx)
			}
			return served.Resource(ctx, path)
		},
		Each: func(_ int64, text []byte) error {
			leaf, err := ledger.ParseLeaf(text)
			if e := leaf.Public(); e != nil {
				public = append(public, *e)
			} else {
				private++
			}
			return err
		},
	}
	_, err := f.Follow(t.Context())
	must(t, err)
	return public, private
}

// subjects are what the ledger's entries are about, sorted.
func subjects(t testing.TB, db *DB) (found []string) {
	t.Helper()
	rows, err := db.readers.Query(`SELECT subject FROM ledger_entries`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		found = append(found, s)
	}
	must(t, rows.Err())
	slices.Sort(found)
	return found
}

func acknowledge(t testing.TB, db *DB, r crypto.Representative, n crypto.Number, text string) portal.AcknowledgementRecord {
	t.Helper()
	_, err := db.MarkOpened(t.Context(), r, n, noon)
	must(t, err)
	kept, _, err := db.RecordAcknowledgement(t.Context(), receiptFor(r, n, text))
	must(t, err)
	return kept
}

func receiptFor(r crypto.Representative, n crypto.Number, text string) portal.AcknowledgementRecord {
	return portal.AcknowledgementRecord{Notice: n, Representative: r, Certificate: fingerprint(0), Decision: crypto.DecisionAcknowledged, Receipt: []byte(text), ReceivedAt: noon}
}

func hexOf(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// Each event enters the ledger once, together with what it is about; what is repeated, refused or fails enters nothing.
func TestEveryEventHasItsLeaf(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		add := func() error {
			return db.AddStaff(ctx, fingerprint(2), func(stored []byte) ([]byte, error) {
				if stored != nil {
					return nil, nil
				}
				return certificate(2), nil
			})
		}
		must(t, add())
		must(t, add())
		r := newRepresentative()
		record := issued(t, db, r)
		wantCode(t, db.Issue(ctx, record, nil), portal.Conflict, "representative-exists")
		n := submit(t, db, r)
		if err := db.Claim(ctx, claimed(record), nil); portal.KindOf(err) != portal.Conflict {
			t.Fatal(err)
		}
		must(t, db.Claim(ctx, claimed(record), []registry.HeldEnvelope{{Notice: n, Certificate: fingerprint(1), Suite: crypto.SuitePQ, Data: []byte("again")}}))
		for range 2 {
			_, err := db.Release(ctx, n, []byte("approver"), noon)
			must(t, err)
		}
		if _, _, err := db.RecordAcknowledgement(ctx, receiptFor(r, n, "too early")); portal.KindOf(err) != portal.Conflict {
			t.Fatal(err)
		}
		acknowledge(t, db, r, n, "the receipt")
		acknowledge(t, db, r, n, "the receipt")
		if _, _, err := db.RecordAcknowledgement(ctx, receiptFor(r, n, "another")); portal.KindOf(err) != portal.Conflict {
			t.Fatal(err)
		}

		want := []string{
			"notice-acknowledged " + string(n) + " " + r.String(),
			"notice-delivered " + string(n) + " " + string(r.Mailbox),
			"notice-dispatched " + string(n),
			"notice-opened " + string(n) + " " + r.String(),
			"representative-claimed " + r.String() + " " + hexOf(certificate(1)),
			"representative-issued " + r.String() + " " + hexOf(certificate(0)),
			"staff-certificate " + hexOf(certificate(2)),
		}
		if got := subjects(t, db); !slices.Equal(got, want) {
			t.Fatalf("the ledger has entries about\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}

		p := newPublisher(t)
		p.publish(t, db, 0)
		public, private := p.follow(t, db)
		if private != 6 || len(public) != 1 || public[0].Kind != ledger.StaffCertificate || public[0].Fingerprint != fingerprint(2) {
			t.Fatalf("the log shows %d private leaves, and %+v", private, public)
		}

		// Nothing comes in by signing again, and a later event does.
		if c := p.publish(t, db, 0); c.Size != 7 {
			t.Errorf("after nothing happened, the log has %d leaves", c.Size)
		}
		delivered(t, db, newIssued(t, db)) // issued, dispatched, delivered
		if c := p.publish(t, db, 0); c.Size != 10 {
			t.Errorf("after an issue and a dispatch, the log has %d leaves", c.Size)
		}
	})
}

func newIssued(t testing.TB, db *DB) crypto.Representative {
	t.Helper()
	return issued(t, db, newRepresentative()).Representative
}

// Who has the receipt gets the proof of it, once a checkpoint covers it, and nobody else gets anything.
func TestProofs(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newIssued(t, db)
		n := delivered(t, db, r)
		receipt := acknowledge(t, db, r, n, "the receipt")
		served := ledger.New(db)
		_, err := served.Checkpoint(ctx)
		wantCode(t, err, portal.NotFound, "no-checkpoint")
		_, err = served.Resource(ctx, "tile/entries/000.p/1")
		wantCode(t, err, portal.NotFound, "no-checkpoint")
		_, err = served.ReceiptProof(ctx, receipt)
		wantCode(t, err, portal.NotFound, "not-in-ledger-yet")

		p := newPublisher(t)
		p.publish(t, db, 0)
		verify := func(file []byte, err error) *ledger.Event {
			t.Helper()
			must(t, err)
			proof, err := ledger.ParseProof(file)
			must(t, err)
			in, err := p.policy.VerifyProof(proof, nil)
			must(t, err)
			return in.Event
		}
		if e := verify(served.ReceiptProof(ctx, receipt)); e.Kind != ledger.NoticeAcknowledged || e.Notice != n || e.Representative != r || e.Receipt.String() != hexOf(receipt.Receipt) {
			t.Errorf("the proof of the receipt is of %+v", e)
		}
		if e := verify(served.NoticeProof(ctx, n)); e.Kind != ledger.NoticeDispatched || e.Notice != n || e.Manifest.String() != hexOf(manifestOf(n, nil)) || !e.At.Equal(noon.Truncate(time.Second)) {
			t.Errorf("the proof of the notice is of %+v", e)
		}
		if e := verify(served.CertificateProof(ctx, r, certificate(0))); e.Kind != ledger.RepresentativeIssued || e.Representative != r || e.Fingerprint != fingerprint(0) {
			t.Errorf("the proof of the certificate is of %+v", e)
		}
		_, err = served.ReceiptProof(ctx, receiptFor(newRepresentative(), n, "the receipt"))
		wantCode(t, err, portal.NotFound, "unknown-receipt")
		_, err = served.NoticeProof(ctx, submit(t, db, r))
		wantCode(t, err, portal.NotFound, "not-dispatched")
		_, err = served.CertificateProof(ctx, r, certificate(1))
		wantCode(t, err, portal.NotFound, "unknown-certificate")
		_, err = served.StatementProof(ctx, "P-V2HC9RK1", 1)
		wantCode(t, err, portal.NotFound, "no-statement")

		// In the tree, but under no checkpoint yet: it isn't shown.
		later := acknowledge(t, db, r, delivered(t, db, r), "a later receipt")
		_, err = db.SequenceLedger(ctx, 0)
		must(t, err)
		_, err = served.ReceiptProof(ctx, later)
		wantCode(t, err, portal.NotFound, "not-in-ledger-yet")
		_, err = served.Resource(ctx, "tile/entries/000.p/6")
		wantCode(t, err, portal.NotFound, "no-such-tile")
	})
}

// Nodes that put leaves into the tree at the same time, while events come in, put each there once.
func TestSequencingAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		nodes := [2]*DB{node(), node()}
		const events = 60
		var group sync.WaitGroup
		group.Go(func() {
			for i := range events {
				r := newRepresentative()
				record := portal.RepresentativeRecord{
					Representative: r, State: portal.Issued, Profile: crypto.ProfilePQ, Chain: [][]byte{certificate(0)}, Details: []byte("sealed"), IssuedAt: noon,
				}
				if err := nodes[i%2].Issue(t.Context(), record, []byte("sealed label")); err != nil {
					t.Error(err)
				}
			}
		})
		for _, db := range nodes {
			group.Go(func() {
				for range 40 {
					if _, err := db.SequenceLedger(t.Context(), 0); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		p := newPublisher(t)
		if c := p.publish(t, nodes[0], 0); c.Size != events {
			t.Errorf("%d events became %d leaves", events, c.Size)
		}
		if _, private := p.follow(t, nodes[1]); private != events {
			t.Errorf("%d events are %d private leaves", events, private)
		}
		var leaves, distinct int
		must(t, nodes[0].readers.QueryRow(`SELECT count(leaf), count(DISTINCT leaf) FROM ledger_entries`).Scan(&leaves, &distinct))
		if leaves != events || distinct != events {
			t.Errorf("%d entries have become %d leaves", leaves, distinct)
		}
	})
}

// Decoys fill up private leaves, and no public ones; nobody can tell them from others, nor the order within a round.
func TestDecoys(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, p := node(), newPublisher(t)
		must(t, db.AddStaff(t.Context(), fingerprint(2), func([]byte) ([]byte, error) { return certificate(2), nil }))
		if c := p.publish(t, db, 16); c.Size != 1 {
			t.Errorf("one public event became %d leaves", c.Size)
		}
		for range 17 {
			newIssued(t, db)
		}
		p.publish(t, db, 16)
		if _, private := p.follow(t, db); private != 32 {
			t.Errorf("17 private events became %d leaves, want 32", private)
		}
		if c := p.publish(t, db, 16); c.Size != 33 {
			t.Errorf("nothing happened, and the log grew to %d leaves", c.Size)
		}
		rows, err := db.readers.Query(`SELECT leaf FROM ledger_leaves WHERE i > 0 ORDER BY i`)
		must(t, err)
		defer rows.Close()
		var before tlog.Hash
		for rows.Next() {
			var leaf []byte
			must(t, rows.Scan(&leaf))
			hash := tlog.RecordHash(leaf)
			if string(hash[:]) < string(before[:]) {
				t.Error("leaves of a round are not ordered by their hash, which is random, but by something else")
			}
			before = hash
		}
		for _, wrong := range []int{-1, ledger.MaxSequenced + 1} {
			if _, err := db.SequenceLedger(t.Context(), wrong); err == nil {
				t.Errorf("numbers can be rounded to %d", wrong)
			}
		}
	})
}

// More than one round takes.
func TestManyEventsWait(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, p := node(), newPublisher(t)
		const events = 2*ledger.MaxSequenced + 300
		var rows [][]any
		for range events {
			r := newRepresentative()
			e, err := ledger.Enter(ledger.Event{Kind: ledger.RepresentativeIssued, Representative: r, Fingerprint: fingerprint(0), Certificate: sha256.Sum256(certificate(0)), At: noon})
			must(t, err)
			hash := e.Leaf().Hash()
			rows = append(rows, []any{e.Subject, hash[:], e.Extra})
		}
		must(t, db.write(t.Context(), func(t *tx) error { return t.insert("ledger_entries", "subject, hash, extra", rows) }))
		if c := p.publish(t, db, 0); c.Size != events {
			t.Errorf("%d events became %d leaves", events, c.Size)
		}
		if _, private := p.follow(t, db); private != events { // whole tiles, too
			t.Errorf("%d events are %d private leaves", events, private)
		}
	})
}

// The process that signs may have a role in PostgreSQL that can't take back what is there, nor write or read anything else (docs/deploy).
func TestTheSignersRoleInPostgreSQL(t *testing.T) {
	dsn := portaltest.PostgreSQL(t)
	db := openForTest(t, dsn)
	role := "signer_" + strings.ToLower(rand.Text())
	for _, statement := range []string{
		`CREATE ROLE ` + role,
		`GRANT SELECT ON ledger_entries, ledger_leaves, ledger_hashes, ledger_checkpoints TO ` + role,
		`GRANT INSERT ON ledger_leaves, ledger_hashes, ledger_checkpoints TO ` + role,
		`GRANT UPDATE ON ledger_checkpoints TO ` + role,
		`GRANT UPDATE (leaf) ON ledger_entries TO ` + role,
	} {
		_, err := db.writers.Exec(statement)
		must(t, err)
	}
	t.Cleanup(func() {
		for _, statement := range []string{`DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			if _, err := db.writers.Exec(statement); err != nil {
				t.Error(err)
			}
		}
	})
	signing, err := Open(t.Context(), dsn+"&role="+role)
	must(t, err)
	defer signing.Close()
	newIssued(t, db)
	p := newPublisher(t)
	if c := p.publish(t, signing, 4); c.Size != 4 {
		t.Errorf("the log has %d leaves", c.Size)
	}
	p.publish(t, signing, 4)
	if _, private := p.follow(t, signing); private != 4 {
		t.Errorf("the log has %d private leaves", private)
	}
	for _, statement := range []string{
		`DELETE FROM ledger_entries`, `DELETE FROM ledger_leaves`, `UPDATE ledger_leaves SET leaf = leaf`, `UPDATE ledger_entries SET extra = extra`, `SELECT * FROM representatives`,
		`INSERT INTO ledger_entries (subject, hash, extra) VALUES ('x', 'x', 'x')`,
	} {
		if _, err := signing.writers.Exec(statement); err == nil {
			t.Errorf("it may %s", statement)
		}
	}
}

// Whoever changes the tables is found out by the process that signs, which then signs nothing.
func TestWhoChangesTheTablesIsFoundOut(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, p := node(), newPublisher(t)
		for range 5 {
			newIssued(t, db)
		}
		p.publish(t, db, 0)
		for range 3 {
			newIssued(t, db)
		}
		_, err := db.SequenceLedger(t.Context(), 0)
		must(t, err)
		for name, of := range map[string]struct{ table, column, where string }{
			"a leaf that was not signed yet": {"ledger_leaves", "leaf", "i = 6"},
			"a hash":                         {"ledger_hashes", "hash", "i = 7"},
		} {
			change := `UPDATE ` + of.table + ` SET ` + of.column + ` = $1 WHERE ` + of.where
			var before []byte
			must(t, db.readers.QueryRow(`SELECT `+of.column+` FROM `+of.table+` WHERE `+of.where).Scan(&before))
			_, err = db.writers.Exec(change, make([]byte, 32))
			must(t, err)
			var alarm *ledger.Alarm
			if _, err := p.Sign(t.Context(), db); !errors.As(err, &alarm) {
				t.Errorf("%s was changed, and it signed: %v", name, err)
			}
			_, err = db.writers.Exec(change, before)
			must(t, err)
		}
		if _, err := p.Sign(t.Context(), db); err != nil {
			t.Errorf("after all was put back: %v", err)
		}
		_, err = db.writers.Exec(`DELETE FROM ledger_leaves WHERE i >= 4`)
		must(t, err)
		var alarm *ledger.Alarm
		if _, err := p.Sign(t.Context(), db); !errors.As(err, &alarm) || alarm.Trouble != ledger.Shrunk {
			t.Errorf("leaves were deleted: %v", err)
		}
	})
}
