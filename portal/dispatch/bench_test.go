package dispatch_test

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
	"valise/portal/portaltest/people"
)

// BenchmarkVerifyingAReceipt is what the server computes before it keeps one: both staff signatures, the chain, the receipt. The nonce, which
// is compared last, is wrong, so that nothing is kept.
func BenchmarkVerifyingAReceipt(b *testing.B) {
	c := newCourt(b)
	n := c.released()
	p := c.people[delegate]
	receipt := c.receipt(p, n, crypto.NewNonce())
	other := crypto.NewNonce()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := c.Acknowledge(b.Context(), p.Acting(), n, receipt, other); portal.KindOf(err) != portal.Invalid {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
}

// BenchmarkSubmit is what the server computes and writes for a notice to a thousand representatives: every chain, every envelope.
func BenchmarkSubmit(b *testing.B) {
	const size = 1000
	c := newCourt(b)
	c.people = nil
	recipients := make([]*crypto.Recipient, size)
	for i := range recipients {
		p := &people.Person{Representative: crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}}
		p.Issued = people.Issued(c.registrar, crypto.ProfilePQ, p.Representative, noon)
		must(b, c.db.Issue(b.Context(), portal.RepresentativeRecord{
			Representative: p.Representative, State: portal.Issued, Profile: crypto.ProfilePQ, Chain: [][]byte{p.Issued.Certificate().Bytes()}, IssuedAt: noon,
		}, []byte("label")))
		var err error
		recipients[i], err = c.pin.VerifyRepresentative(c.staffCertificates(), []*crypto.Certificate{p.Issued.Certificate()}, p.Representative, c.now)
		must(b, err)
	}
	draft := &crypto.Draft{From: "Court", Languages: []crypto.LanguageVersion{{Language: "en", Subject: "Subject", Text: "Text.\n"}}}
	desk := []*crypto.Staff{c.staff(c.author).Staff(), c.staff(c.approver).Staff()}
	for b.Loop() {
		b.StopTimer()
		sealed, err := crypto.SealNotice(c.pin, c.author, draft, recipients, desk, c.now, nil)
		must(b, err)
		d := dispatch.New(c.db, c.pin, func() time.Time { return c.now }) // remembers nothing yet
		b.StartTimer()
		if _, err := d.Submit(b.Context(), c.staff(c.author), sealed); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "envelopes/s")
}
