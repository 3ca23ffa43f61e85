package store

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/portaltest"
)

// Both databases with what they need to survive a crash: numbers that flatter are worth nothing.
func onBothDurable(b *testing.B, benchmark func(b *testing.B, db *DB)) {
	b.Run("SQLite", func(b *testing.B) { benchmark(b, openForTest(b, filepath.Join(b.TempDir(), "portal.db"))) })
	b.Run("PostgreSQL", func(b *testing.B) { benchmark(b, openForTest(b, portaltest.DurablePostgreSQL(b))) })
}

// crowd puts many representatives with a mailbox each into the database, and returns envelopes of the size of post-quantum ones.
func crowd(b *testing.B, db *DB, n int) ([]crypto.Representative, []crypto.Envelope) {
	b.Helper()
	const envelopeSize = 1196 // ML-KEM-768+X25519
	representatives := make([]crypto.Representative, n)
	var mailboxes, rows, certificates [][]any
	for i := range representatives {
		r := newRepresentative()
		representatives[i] = r
		mailboxes = append(mailboxes, []any{r.Mailbox, []byte("label"), 1})
		rows = append(rows, []any{r.String(), r.Mailbox, 1, portal.Claimed, crypto.ProfilePQ, fingerprint(0), 1, []byte("details"), []byte("locked")})
		certificates = append(certificates, []any{r.String(), 0, fingerprint(0), certificate(0)})
	}
	must(b, db.write(b.Context(), func(t *tx) error {
		if err := t.insert("mailboxes", "number, label, issued_at", mailboxes); err != nil {
			return err
		}
		if err := t.insert("representatives", "holder, mailbox, ordinal, state, profile, certificate, issued_at, details, locked_bundle", rows); err != nil {
			return err
		}
		return t.insert("certificates", "holder, position, fingerprint, certificate", certificates)
	}))
	sealed := envelopes(representatives...)
	for i := range sealed {
		sealed[i].Data = make([]byte, envelopeSize)
		rand.Read(sealed[i].Data)
	}
	return representatives, sealed
}

func submitCrowd(b *testing.B, db *DB, sealed []crypto.Envelope) crypto.Number {
	b.Helper()
	n := notice(crypto.NewNumber(crypto.KindNotice))
	must(b, db.Submit(b.Context(), n, map[crypto.Suite][]byte{crypto.SuitePQ: make([]byte, 8<<10)}, sealed, portal.PersonalParts{}, memberships(sealed, make([]byte, membershipSize))))
	return n.Number
}

const (
	crowdSize      = 10_000
	membershipSize = 1150 // of so many
)

func BenchmarkSubmit10000(b *testing.B) {
	onBothDurable(b, func(b *testing.B, db *DB) {
		_, sealed := crowd(b, db, crowdSize)
		for b.Loop() {
			submitCrowd(b, db, sealed)
		}
	})
}

func BenchmarkRelease10000(b *testing.B) {
	onBothDurable(b, func(b *testing.B, db *DB) {
		_, sealed := crowd(b, db, crowdSize)
		for b.Loop() {
			b.StopTimer()
			n := submitCrowd(b, db, sealed)
			b.StartTimer()
			if _, err := db.Release(b.Context(), n, []byte("approver"), noon); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSequence puts a round of waiting events into the ledger's tree, in one transaction.
func BenchmarkSequence(b *testing.B) {
	onBothDurable(b, func(b *testing.B, db *DB) {
		for b.Loop() {
			b.StopTimer()
			var rows [][]any
			for range ledger.MaxSequenced {
				e, err := ledger.Enter(ledger.Event{Kind: ledger.RepresentativeIssued, Representative: newRepresentative(), Fingerprint: fingerprint(0), Certificate: ledger.Digest{1}, At: noon})
				must(b, err)
				hash := e.Leaf().Hash()
				rows = append(rows, []any{e.Subject, hash[:], e.Extra})
			}
			must(b, db.write(b.Context(), func(t *tx) error { return t.insert("ledger_entries", "subject, hash, extra", rows) }))
			b.StartTimer()
			n, err := db.SequenceLedger(b.Context(), 0)
			must(b, err)
			if n != ledger.MaxSequenced {
				b.Fatalf("%d were entered", n)
			}
		}
		b.ReportMetric(float64(ledger.MaxSequenced*b.N)/b.Elapsed().Seconds(), "leaves/s")
	})
}

// BenchmarkAcknowledgements compares durable receipts with bare commits of one row, of the same database, from as many at a time. A ratio above
// 1 is what group commit gives.
func BenchmarkAcknowledgements(b *testing.B) {
	for _, atATime := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d at a time", atATime), func(b *testing.B) {
			onBothDurable(b, func(b *testing.B, db *DB) { benchmarkAcknowledgements(b, db, atATime) })
		})
	}
}

func benchmarkAcknowledgements(b *testing.B, db *DB, atATime int) {
	count := 200 + 30*atATime
	representatives, sealed := crowd(b, db, count)
	_, err := db.writers.Exec(`CREATE TABLE bare (number BIGINT NOT NULL PRIMARY KEY)`)
	must(b, err)
	text := make([]byte, 2<<10)
	var acknowledging, committing time.Duration
	rounds := 0
	for b.Loop() {
		b.StopTimer()
		n := submitCrowd(b, db, sealed)
		_, err := db.Release(b.Context(), n, []byte("approver"), noon)
		must(b, err)
		_, err = db.writers.Exec(`UPDATE deliveries SET opened_at = 1 WHERE notice = $1`, n)
		must(b, err)
		committing += together(b, atATime, count, func(i int) error {
			_, err := db.writers.Exec(`INSERT INTO bare (number) VALUES ($1)`, rounds*count+i)
			return err
		})
		b.StartTimer()
		acknowledging += together(b, atATime, count, func(i int) error {
			receipt := append([]byte(string(n)+representatives[i].String()), text...)
			_, _, err := db.RecordAcknowledgement(b.Context(), portal.AcknowledgementRecord{
				Notice: n, Representative: representatives[i], Certificate: fingerprint(0), Decision: crypto.DecisionAcknowledged, Receipt: receipt, ReceivedAt: noon,
			})
			return err
		})
		rounds++
	}
	total := float64(rounds * count)
	b.ReportMetric(total/acknowledging.Seconds(), "acks/s")
	b.ReportMetric(total/committing.Seconds(), "bare-commits/s")
	b.ReportMetric(committing.Seconds()/acknowledging.Seconds(), "acks/commit")
	b.ReportMetric(0, "ns/op")
}

// together does count things, so many at a time, and returns how long all took.
func together(b *testing.B, atATime, count int, do func(i int) error) time.Duration {
	b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	begun := time.Now()
	for range atATime {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(begun)
}
