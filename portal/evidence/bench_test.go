package evidence_test

import (
	"context"
	"io"
	"iter"
	"testing"

	"valise/crypto"
	"valise/portal"
	"valise/portal/evidence"
	"valise/portal/portaltest/live"
)

// counter counts what is written.
type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

// BenchmarkWrite packs a notice to 10,000 mailboxes, each with one representative who claimed and acknowledged; what is read from the database is left out.
func BenchmarkWrite(b *testing.B) {
	const mailboxes = 10_000
	p := live.Portal(b, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := p.Release(p.Draft(), person)
	p.SignLedger()
	ctx := context.Background()
	of, err := p.Portal.Dispatch.Bundle(ctx, p.Acting(p.Approver), n)
	if err != nil {
		b.Fatal(err)
	}
	covered, err := p.Portal.Ledger.Covered(ctx)
	if err != nil {
		b.Fatal(err)
	}
	dispatched, err := covered.NoticeProof(ctx, n)
	if err != nil {
		b.Fatal(err)
	}
	var one portal.MailboxEvidence
	for m, err := range of.Mailboxes(ctx) {
		if err != nil {
			b.Fatal(err)
		}
		one = m
	}
	var many iter.Seq2[portal.MailboxEvidence, error] = func(yield func(portal.MailboxEvidence, error) bool) {
		for range mailboxes {
			m := one
			m.Mailbox = crypto.NewNumber(crypto.KindState)
			m.Members = []portal.MemberEvidence{one.Members[0]}
			m.Members[0].Representative.Mailbox = m.Mailbox
			if !yield(m, nil) {
				return
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		bundle, err := evidence.New(evidence.Source{
			Notice: of.Notice, Root: p.Portal.Root, Staff: of.Staff, LedgerKey: p.Portal.LedgerKey, Checkpoint: covered.Checkpoint(), Dispatch: dispatched, Now: of.Now,
		})
		if err != nil {
			b.Fatal(err)
		}
		var size counter
		if err := bundle.Write(io.Writer(&size), many, nil); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size.n)/mailboxes, "B/mailbox")
	}
}
