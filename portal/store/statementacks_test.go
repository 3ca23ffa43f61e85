package store

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

// published brings version v of a statement into the archive; it asks some kinds of mailboxes.
func published(t testing.TB, db *DB, n crypto.Number, v int, asked ...crypto.Kind) {
	t.Helper()
	approvedWorkOf(t, db, n)
	p := publication(n, v, "approved")
	p.Asked = asked
	if len(asked) > 0 {
		p.Deadline = noon.Add(240 * time.Hour)
	}
	_, created, err := db.Publish(t.Context(), p)
	if err != nil || !created {
		t.Fatalf("version %d: %v, %v", v, created, err)
	}
}

func statementReceipt(r crypto.Representative, n crypto.Number, version int, text string) portal.StatementAcknowledgement {
	return portal.StatementAcknowledgement{
		Statement: n, Version: version, Representative: r, Certificate: fingerprint(0), Decision: crypto.DecisionAcknowledged, Receipt: []byte(text), ReceivedAt: noon.Add(5 * time.Hour),
	}
}

func theStatement(t testing.TB, db *DB, mailbox, n crypto.Number) publish.MailboxStatement {
	t.Helper()
	s, err := db.MailboxStatement(t.Context(), mailbox, n)
	must(t, err)
	return s
}

func TestAStatementStandsInEveryMailboxThatItAsks(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		first, later := newRepresentative(), newRepresentative()
		office := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindOrganisation), Ordinal: 1}
		issued(t, db, first)
		issued(t, db, office)
		n, quiet := crypto.NewNumber(crypto.KindStatement), crypto.NewNumber(crypto.KindStatement)
		published(t, db, n, 1, crypto.KindState)
		published(t, db, quiet, 1)
		issued(t, db, later)

		for _, r := range []crypto.Representative{first, later} {
			all, err := db.MailboxStatements(ctx, r.Mailbox)
			if err != nil || len(all) != 1 || all[0].Statement != n || !all[0].Asks || !all[0].FetchedAt.IsZero() || len(all[0].Titles) != 2 ||
				!all[0].Deadline.Equal(kept(noon.Add(240*time.Hour))) || !all[0].IssuedAt.Equal(kept(noon)) {
				t.Fatalf("%+v, %v", all, err)
			}
		}
		if all, err := db.MailboxStatements(ctx, office.Mailbox); err != nil || len(all) != 0 {
			t.Errorf("the organisation is shown %+v, %v", all, err)
		}
		_, err := db.MailboxStatement(ctx, office.Mailbox, n)
		wantCode(t, err, portal.NotFound, "no-statement")
		_, err = db.MailboxStatement(ctx, first.Mailbox, quiet)
		wantCode(t, err, portal.NotFound, "no-statement")

		// Only who has fetched it acknowledges it; the first time counts.
		_, _, err = db.RecordStatementAcknowledgement(ctx, statementReceipt(first, n, 1, "receipt"))
		wantCode(t, err, portal.Conflict, "not-fetched")
		for i := range 2 {
			at, err := node().MarkStatementFetched(ctx, first.Mailbox, n, 1, noon.Add(time.Duration(i)*time.Hour))
			if err != nil || !at.Equal(kept(noon)) {
				t.Errorf("fetched at %s, %v", at, err)
			}
		}
		if _, err := db.MarkStatementFetched(ctx, first.Mailbox, n, 2, noon); err == nil {
			t.Error("a version that isn't published was fetched")
		}
		given, created, err := db.RecordStatementAcknowledgement(ctx, statementReceipt(first, n, 1, "receipt"))
		if err != nil || !created || !given.ReceivedAt.Equal(kept(noon.Add(5*time.Hour))) {
			t.Fatalf("%+v, %v, %v", given, created, err)
		}
		if again, created, err := node().RecordStatementAcknowledgement(ctx, statementReceipt(first, n, 1, "receipt")); err != nil || created || string(again.Receipt) != "receipt" {
			t.Errorf("%+v, %v, %v", again, created, err)
		}
		_, _, err = db.RecordStatementAcknowledgement(ctx, statementReceipt(first, n, 1, "another"))
		wantCode(t, err, portal.Conflict, "already-acknowledged")
		if s := theStatement(t, db, first.Mailbox, n); s.Awaiting() || s.Acknowledgement() == nil || s.Acknowledgement().Receipt != nil || !s.FetchedAt.Equal(kept(noon)) {
			t.Errorf("%+v", s)
		}
		if s := theStatement(t, db, later.Mailbox, n); !s.Awaiting() || s.Overdue(noon) || !s.Overdue(noon.Add(1000*time.Hour)) {
			t.Errorf("%+v", s)
		}

		// A correction that asks anew; the receipt of the version before stays.
		published(t, db, n, 2, crypto.KindState, crypto.KindOrganisation)
		if s := theStatement(t, db, first.Mailbox, n); !s.Awaiting() || s.Version != 2 || len(s.Acknowledgements) != 1 || s.Acknowledgements[0].Version != 1 || !s.FetchedAt.IsZero() {
			t.Errorf("%+v", s)
		}
		if s := theStatement(t, db, office.Mailbox, n); !s.Awaiting() {
			t.Errorf("%+v", s)
		}
		_, err = db.MarkStatementFetched(ctx, later.Mailbox, n, 1, noon)
		must(t, err)
		_, _, err = db.RecordStatementAcknowledgement(ctx, statementReceipt(later, n, 1, "too late"))
		wantCode(t, err, portal.Conflict, "statement-corrected")
		_, err = db.MarkStatementFetched(ctx, first.Mailbox, n, 2, noon)
		must(t, err)
		_, _, err = db.RecordStatementAcknowledgement(ctx, statementReceipt(first, n, 2, "second receipt"))
		must(t, err)
		for version, want := range map[int]string{0: "second receipt", 1: "receipt", 2: "second receipt"} {
			if a, err := db.StatementAcknowledgement(ctx, n, version, first.Mailbox); err != nil || string(a.Receipt) != want || a.Representative != first {
				t.Errorf("version %d: %+v, %v", version, a, err)
			}
		}
		_, err = db.StatementAcknowledgement(ctx, n, 0, later.Mailbox)
		wantCode(t, err, portal.NotFound, "no-acknowledgement")

		lines, err := db.StatementMailboxes(ctx, n, 2, []crypto.Kind{crypto.KindState, crypto.KindOrganisation})
		if err != nil || len(lines) != 3 || !slices.IsSortedFunc(lines, func(a, b publish.StatementMailbox) int { return compareNumbers(a.Mailbox, b.Mailbox) }) {
			t.Fatalf("%+v, %v", lines, err)
		}
		for _, line := range lines {
			if done := line.Acknowledgement != nil; done != (line.Mailbox == first.Mailbox) || done && (line.Acknowledgement.Representative != first || line.Acknowledgement.Version != 2) {
				t.Errorf("%+v", line)
			}
		}
		if lines, err = db.StatementMailboxes(ctx, n, 1, []crypto.Kind{crypto.KindOrganisation}); err != nil || len(lines) != 1 || lines[0].Mailbox != office.Mailbox {
			t.Errorf("%+v, %v", lines, err)
		}

		awaited, mailboxes, err := db.AwaitedStatements(ctx, 5)
		if err != nil || len(awaited) != 1 || awaited[0].Version != 2 || awaited[0].Answered != 1 || len(awaited[0].Asked) != 2 || len(awaited[0].Titles) != 2 ||
			mailboxes[crypto.KindState] != 2 || mailboxes[crypto.KindOrganisation] != 1 {
			t.Errorf("%+v, %v, %v", awaited, mailboxes, err)
		}

		// A correction that asks nobody: it still stands there, and asks nothing.
		published(t, db, n, 3)
		for _, r := range []crypto.Representative{first, later, office} {
			if s := theStatement(t, db, r.Mailbox, n); s.Awaiting() || s.Asks || !s.Deadline.IsZero() || s.Version != 3 {
				t.Errorf("%+v", s)
			}
		}
		wantEntries := []string{"statement-acknowledged " + string(n) + " 1 " + first.String(), "statement-acknowledged " + string(n) + " 2 " + first.String()}
		entries := slices.DeleteFunc(subjects(t, db), func(s string) bool { return s[:min(len(s), 23)] != "statement-acknowledged " })
		if !slices.Equal(entries, wantEntries) {
			t.Errorf("the ledger has %q", entries)
		}
	})
}

func compareNumbers(a, b crypto.Number) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Two representatives of one mailbox, again and again at the same moment, on two nodes: one receipt, one entry in the ledger, and who came second is told who was first.
func TestRepresentativesAcknowledgeAStatementAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db := node()
		one := newRepresentative()
		other := crypto.Representative{Mailbox: one.Mailbox, Ordinal: 2}
		issued(t, db, one)
		record := portal.RepresentativeRecord{
			Representative: other, State: portal.Issued, Profile: crypto.ProfilePQ, Salt: []byte("salt"), Verifier: []byte("verifier"), LockedBundle: []byte("locked"),
			Chain: [][]byte{certificate(2)}, Details: []byte("sealed details"), IssuedAt: noon,
		}
		must(t, db.Issue(t.Context(), record, nil))
		n := crypto.NewNumber(crypto.KindStatement)
		published(t, db, n, 1, crypto.KindState)
		_, err := db.MarkStatementFetched(t.Context(), one.Mailbox, n, 1, noon)
		must(t, err)

		const tries = 8
		nodes := []*DB{db, node()}
		var mu sync.Mutex
		var keptText []string
		created, late := 0, 0
		var all sync.WaitGroup
		for i := range tries {
			all.Go(func() {
				who := one
				if i%2 == 1 {
					who = other
				}
				a, first, err := nodes[i%2].RecordStatementAcknowledgement(t.Context(), statementReceipt(who, n, 1, "receipt of "+who.String()))
				mu.Lock()
				defer mu.Unlock()
				var refused *portal.Error
				switch {
				case err == nil:
					keptText = append(keptText, string(a.Receipt))
					if first {
						created++
					}
				case errors.As(err, &refused) && refused.Code == "already-acknowledged":
					late++
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if created != 1 || late != tries/2 || len(slices.Compact(keptText)) != 1 {
			t.Errorf("%d created, %d late, kept %q", created, late, keptText)
		}
	})
}

// BenchmarkStatementsOfTenThousandMailboxes: what a mailbox asks for at every visit, and what staff look at, with ten thousand mailboxes and a thousand statements.
func BenchmarkStatementsOfTenThousandMailboxes(b *testing.B) {
	db := openForTest(b, b.TempDir()+"/portal.db")
	const mailboxes, statements = 10_000, 1_000
	rows, people := make([][]any, mailboxes), make([][]any, mailboxes)
	var numbers []crypto.Number
	for i := range mailboxes {
		numbers = append(numbers, crypto.NewNumber(crypto.KindState))
		rows[i] = []any{numbers[i], []byte("label"), micros(noon)}
		people[i] = []any{string(numbers[i]) + "/1", numbers[i], 1, "claimed", "pq", "F", micros(noon), []byte("details")}
	}
	must(b, db.write(b.Context(), func(t *tx) error {
		if err := t.insert("mailboxes", "number, label, issued_at", rows); err != nil {
			return err
		}
		return t.insert("representatives", "holder, mailbox, ordinal, state, profile, certificate, issued_at, details", people)
	}))
	var n crypto.Number
	for i := range statements {
		s := crypto.NewNumber(crypto.KindStatement)
		if i%50 == 0 {
			n = s
			published(b, db, s, 1, crypto.KindState)
		} else {
			published(b, db, s, 1)
		}
	}
	fetches, receipts := make([][]any, mailboxes/2), make([][]any, mailboxes/2)
	for i := range fetches {
		fetches[i] = []any{n, 1, numbers[i], micros(noon)}
		receipts[i] = []any{n, 1, numbers[i], string(numbers[i]) + "/1", "F", "acknowledged", micros(noon), []byte("receipt")}
	}
	must(b, db.write(b.Context(), func(t *tx) error {
		if err := t.insert("statement_fetches", "statement, version, mailbox, fetched_at", fetches); err != nil {
			return err
		}
		return t.insert("statement_acknowledgements", "statement, version, mailbox, holder, certificate, decision, received_at, receipt", receipts)
	}))
	b.Run("mailbox", func(b *testing.B) {
		for b.Loop() {
			all, err := db.MailboxStatements(b.Context(), numbers[1])
			if err != nil || len(all) != statements/50 {
				b.Fatal(len(all), err)
			}
		}
	})
	b.Run("status", func(b *testing.B) {
		for b.Loop() {
			lines, err := db.StatementMailboxes(b.Context(), n, 1, []crypto.Kind{crypto.KindState})
			if err != nil || len(lines) != mailboxes {
				b.Fatal(len(lines), err)
			}
		}
	})
}
