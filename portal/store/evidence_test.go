package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

// What an evidence bundle is made of is read a page of mailboxes at a time; each mailbox once, with all that is kept of it.
func TestMailboxEvidence(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		var to []crypto.Representative
		for range 5 {
			to = append(to, newRepresentative())
		}
		second := crypto.Representative{Mailbox: to[0].Mailbox, Ordinal: 2}
		to = append(to, second)
		for _, r := range append(slices.Clone(to), newRepresentative()) { // the last is told nothing
			record := issued(t, db, r)
			if r == second {
				must(t, db.Claim(ctx, claimed(record), nil))
			}
		}
		to = slices.DeleteFunc(to, func(r crypto.Representative) bool { return r == second })
		n := delivered(t, db, to...)
		delivered(t, db, to[1]) // another notice
		_, err := db.MarkOpened(ctx, to[2], n, noon.Add(time.Hour))
		must(t, err)
		a := receipt(n, to[2], "receipt")
		_, _, err = db.RecordAcknowledgement(ctx, a)
		must(t, err)

		found := map[crypto.Number]portal.MailboxEvidence{}
		for after := crypto.Number(""); ; {
			page, err := db.MailboxEvidence(ctx, n, after, 2)
			must(t, err)
			for _, m := range page {
				if _, twice := found[m.Mailbox]; twice || m.Mailbox <= after {
					t.Errorf("%s after %s", m.Mailbox, after)
				}
				found[m.Mailbox] = m
			}
			if len(page) < 2 {
				break
			}
			after = page[1].Mailbox
		}
		if len(found) != len(to) {
			t.Fatalf("%d mailboxes of %d", len(found), len(to))
		}
		for i, r := range to {
			m := found[r.Mailbox]
			if !m.DeliveredAt.Equal(kept(noon)) || m.OpenedAt.IsZero() != (i != 2) || (m.Acknowledgement != nil) != (i == 2) || len(m.Members) != 1 {
				t.Fatalf("%s: %+v", r, m)
			}
			member := m.Members[0]
			if member.Representative != r || !strings.HasSuffix(string(member.Membership), r.String()) || len(member.Chain) != 1 ||
				member.Chain[0].Fingerprint != fingerprint(0) || string(member.Chain[0].Certificate) != string(certificate(0)) {
				t.Errorf("%s: %+v", r, member)
			}
		}
		if got := found[to[2].Mailbox].Acknowledgement; string(got.Receipt) != string(a.Receipt) || got.Representative != to[2] {
			t.Errorf("%+v", got)
		}
		none, err := db.MailboxEvidence(ctx, crypto.NewNumber(crypto.KindNotice), "", 2)
		must(t, err)
		if len(none) != 0 {
			t.Errorf("a notice that there isn't has %d mailboxes", len(none))
		}
	})
}
