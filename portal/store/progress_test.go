package store

import (
	"fmt"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

func TestProgress(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		var people []crypto.Representative
		for range 4 {
			r := newRepresentative()
			people = append(people, r)
			issued(t, db, r)
		}
		n, other := delivered(t, db, people...), delivered(t, db, people...)
		noon := kept(noon)
		if last, err := db.LastProgress(ctx, n); err != nil || !last.IsZero() {
			t.Errorf("before anybody did anything: %v, %v", last, err)
		}
		points, err := db.Progress(ctx, n, noon, noon.Add(10*time.Minute), 5)
		if err != nil || len(points) != 5 || points[4] != (portal.ProgressPoint{At: noon.Add(10 * time.Minute)}) {
			t.Fatalf("%+v, %v", points, err)
		}

		open := func(i int, after time.Duration) {
			t.Helper()
			_, err := db.MarkOpened(ctx, people[i], n, noon.Add(after))
			must(t, err)
		}
		answer := func(i int, decision crypto.Decision, after time.Duration) {
			t.Helper()
			_, _, err := db.RecordAcknowledgement(ctx, portal.AcknowledgementRecord{
				Notice: n, Representative: people[i], Certificate: fingerprint(0), Decision: decision, Receipt: []byte(people[i].String()), ReceivedAt: noon.Add(after),
			})
			must(t, err)
		}
		open(0, time.Minute)
		open(1, 2*time.Minute) // where a part begins
		answer(1, crypto.DecisionRefused, 3*time.Minute)
		open(2, 9*time.Minute)
		answer(2, crypto.DecisionAcknowledged, time.Hour) // after the end: counted in the last part
		points, err = db.Progress(ctx, n, noon, noon.Add(10*time.Minute), 5)
		must(t, err)
		var got []string
		for _, p := range points {
			got = append(got, fmt.Sprintf("%v: %d %d %d", p.At.Sub(noon), p.Opened, p.Acknowledged, p.Refused))
		}
		if want := "[2m0s: 1 0 0 4m0s: 2 0 1 6m0s: 2 0 1 8m0s: 2 0 1 10m0s: 3 1 1]"; fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
		if one, err := db.Progress(ctx, n, noon, noon, 1); err != nil || len(one) != 1 || one[0].Opened != 3 || one[0].Refused != 1 {
			t.Errorf("in one part: %+v, %v", one, err)
		}
		if last, err := db.LastProgress(ctx, n); err != nil || !last.Equal(noon.Add(time.Hour)) {
			t.Errorf("the last thing was at %v, %v", last, err)
		}

		// All lines, page by page, are those of the status; what changed since are those that did.
		status, err := db.Status(ctx, n)
		must(t, err)
		var lines []portal.MailboxStatus
		for after := crypto.Number(""); ; {
			page, err := db.ProgressLines(ctx, n, time.Time{}, after, 3)
			must(t, err)
			lines = append(lines, page...)
			if len(page) < 3 {
				break
			}
			after = page[2].Mailbox
		}
		if len(lines) != 4 || fmt.Sprint(describe(lines)) != fmt.Sprint(describe(status)) {
			t.Errorf("%v, want %v", describe(lines), describe(status))
		}
		changed, err := db.ProgressLines(ctx, n, noon.Add(3*time.Minute), "", 10)
		must(t, err)
		if len(changed) != 2 {
			t.Errorf("changed since: %v", describe(changed))
		}
		for _, line := range changed {
			if line.Mailbox != people[1].Mailbox && line.Mailbox != people[2].Mailbox {
				t.Errorf("%s did not change", line.Mailbox)
			}
		}
		if none, err := db.ProgressLines(ctx, n, noon.Add(2*time.Hour), "", 10); err != nil || len(none) != 0 {
			t.Errorf("since then nothing changed: %v, %v", describe(none), err)
		}
		// Who can't be reached: the last try by another way failed, and they did not come by themselves.
		event := func(i int, kind portal.NoticeEventKind, via portal.NoticeVia, after time.Duration) {
			t.Helper()
			must(t, db.RecordNoticeEvents(ctx, []portal.NoticeEvent{{Notice: n, Mailbox: people[i].Mailbox, Kind: kind, Via: via, At: noon.Add(after)}}))
		}
		wantUnreachable := func(want int) {
			t.Helper()
			lines, err := db.ProgressLines(ctx, n, noon.Add(4*time.Hour), "", 10)
			must(t, err)
			said := 0
			for _, line := range lines {
				if line.Unreachable() {
					said++
				}
			}
			counted, err := db.Unreachable(ctx, n)
			must(t, err)
			tallies, err := db.NoticeTallies(ctx, []crypto.Number{n, other})
			must(t, err)
			if said != want || counted != want || tallies[n].Unreachable != want || tallies[other].Unreachable != 0 {
				t.Errorf("%d lines say that they can't be reached, %d are counted, %+v; want %d", said, counted, tallies, want)
			}
		}
		wantUnreachable(0)
		event(3, portal.RelayToNonERDSFailure, portal.ViaEMail, 5*time.Hour)
		event(2, portal.RelayToNonERDSFailure, portal.ViaEMail, 5*time.Hour) // has opened it all the same
		wantUnreachable(1)
		event(3, portal.NotificationForAcceptance, portal.ViaPortal, 6*time.Hour) // a reminder in a mailbox that nobody looks into
		wantUnreachable(1)
		event(3, portal.NotificationForAcceptance, portal.ViaTelephone, 7*time.Hour)
		wantUnreachable(0)
		event(3, portal.ConsignmentNotificationFailure, portal.ViaTelephone, 8*time.Hour)
		wantUnreachable(1)
		all, err := db.ProgressLines(ctx, n, time.Time{}, "", 10)
		must(t, err)
		for _, line := range all {
			if (line.Reach != nil) != (line.Mailbox == people[2].Mailbox || line.Mailbox == people[3].Mailbox) {
				t.Errorf("%s: %+v", line.Mailbox, line.Reach)
			}
			if line.Mailbox == people[3].Mailbox && (line.Reach.Via != portal.ViaTelephone || !line.Reach.At.Equal(noon.Add(8*time.Hour)) || !line.Unreachable()) {
				t.Errorf("%+v", line.Reach)
			}
		}
		if last, err := db.LastProgress(ctx, other); err != nil || !last.IsZero() {
			t.Errorf("another notice: %v, %v", last, err)
		}
	})
}

func describe(lines []portal.MailboxStatus) (all []string) {
	for _, line := range lines {
		text := fmt.Sprintf("%s %v %v", line.Mailbox, line.DeliveredAt.UTC(), line.OpenedAt.UTC())
		if a := line.Acknowledgement; a != nil {
			text += fmt.Sprintf(" %s %s %v", a.Representative, a.Decision, a.ReceivedAt.UTC())
		}
		all = append(all, text)
	}
	return all
}

// BenchmarkDashboard is what an open page asks after each change, of a notice with 100,000 mailboxes of which all have opened it and nine of ten have answered: bar, curve, and
// some hundred lines that changed of late.
func BenchmarkDashboard(b *testing.B) {
	onBothDurable(b, func(b *testing.B, db *DB) {
		const count = 100_000
		n := crypto.NewNumber(crypto.KindNotice)
		fillNotice(b, db, n, count)
		from, to := noon, noon.Add(count*time.Second)
		for b.Loop() {
			last, err := db.LastProgress(b.Context(), n)
			must(b, err)
			points, err := db.Progress(b.Context(), n, from, to, 200)
			must(b, err)
			lines, err := db.ProgressLines(b.Context(), n, last.Add(-200*time.Second), "", 5000)
			must(b, err)
			_, err = db.Unreachable(b.Context(), n)
			must(b, err)
			if end := points[len(points)-1]; end.Opened != count || end.Acknowledged+end.Refused != count/10*9 || len(lines) < 100 || len(lines) > 500 {
				b.Fatalf("%+v, %d lines", end, len(lines))
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/query")
		b.ReportMetric(0, "ns/op")
	})
}

// fillNotice puts a released notice's deliveries and receipts there, in the order in which they would come: one opens each second, and answers a little later.
func fillNotice(b *testing.B, db *DB, n crypto.Number, count int) {
	b.Helper()
	const receiptSize = 1500
	var mailboxes, representatives, deliveries, receipts, events [][]any
	taken := make(map[crypto.Number]bool, count)
	for i := range count {
		r := newRepresentative() // random, so who comes first is not who stands first
		for taken[r.Mailbox] {
			r = newRepresentative()
		}
		taken[r.Mailbox] = true
		mailbox, holder := r.Mailbox, r.String()
		mailboxes = append(mailboxes, []any{mailbox, []byte("label"), 1})
		representatives = append(representatives, []any{holder, mailbox, 1, portal.Claimed, crypto.ProfilePQ, fingerprint(0), 1, []byte("details"), []byte("locked")})
		at := noon.Add(time.Duration(i) * time.Second)
		deliveries = append(deliveries, []any{n, mailbox, micros(noon), micros(at)})
		kind := portal.RelayToNonERDS
		if i%100 == 0 {
			kind = portal.RelayToNonERDSFailure
		}
		events = append(events, []any{fmt.Sprintf("%032x", i), n, mailbox, string(kind), micros(noon), nil, string(portal.ViaEMail), nil})
		if i%10 == 0 {
			continue
		}
		decision := crypto.DecisionAcknowledged
		if i%50 == 1 {
			decision = crypto.DecisionRefused
		}
		receipts = append(receipts, []any{n, mailbox, holder, fingerprint(0), decision, micros(at.Add(time.Minute)), make([]byte, receiptSize)})
	}
	must(b, db.write(b.Context(), func(t *tx) error {
		if _, err := t.exec(`INSERT INTO notices (number, state, submitted_at, released_at, manifest, author_signature, approver_signature) VALUES ($1, 'released', 1, 1, $2, $2, $2)`, n, []byte("signed")); err != nil {
			return err
		}
		for _, table := range []struct {
			name, columns string
			rows          [][]any
		}{
			{"mailboxes", "number, label, issued_at", mailboxes},
			{"representatives", "holder, mailbox, ordinal, state, profile, certificate, issued_at, details, locked_bundle", representatives},
			{"deliveries", "notice, mailbox, delivered_at, opened_at", deliveries},
			{"notice_events", eventColumns, events},
			{"acknowledgements", "notice, mailbox, holder, certificate, decision, received_at, receipt", receipts},
		} {
			if err := t.insert(table.name, table.columns, table.rows); err != nil {
				return err
			}
		}
		return nil
	}))
	if db.forUpdate != "" { // PostgreSQL does this by itself, within a minute of so many changes
		for _, table := range []string{"deliveries", "acknowledgements", "notice_events"} {
			_, err := db.writers.Exec("VACUUM ANALYZE " + table)
			must(b, err)
		}
	}
}
