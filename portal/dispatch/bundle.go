package dispatch

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Bundle is what an evidence bundle of a notice is made of, as far as dispatch knows it.
type Bundle struct {
	Notice portal.NoticeRecord // without audience
	Staff  []*crypto.Certificate
	Now    time.Time

	store Store
}

// Bundle admits whoever may have the evidence of a notice: staff, but not administrators, and only once the notice was released. That they took it is written down first.
func (d *Dispatch) Bundle(ctx context.Context, actor portal.Actor, n crypto.Number) (*Bundle, error) {
	if err := d.staffAct(ctx, actor, "dispatch.bundle", string(n), readers...); err != nil {
		return nil, err
	}
	notice, err := d.store.Signed(ctx, n)
	if err != nil {
		return nil, err
	}
	if notice.State != portal.Released {
		return nil, portal.Errorf(portal.Conflict, "not-released", "The notice %s has not been released, so there is no evidence of it: nobody was told.", n)
	}
	staff, err := d.staff(ctx)
	if err != nil {
		return nil, err
	}
	return &Bundle{Notice: notice, Staff: staff, Now: d.now(), store: d.store}, nil
}

// evidencePage is how many mailboxes are read at once. A bundle that is fetched over a bad line for an hour holds no transaction open meanwhile.
const evidencePage = 200

// Mailboxes are all mailboxes of the notice by their numbers, with what is kept of each; read as they are asked for. A chain ends with the key that the notice was sealed to, or
// that signed the receipt; a key that came later proves nothing here. After an error there are no more.
func (b *Bundle) Mailboxes(ctx context.Context) iter.Seq2[portal.MailboxEvidence, error] {
	return func(yield func(portal.MailboxEvidence, error) bool) {
		for after := crypto.Number(""); ; {
			page, err := b.store.MailboxEvidence(ctx, b.Notice.Number, after, evidencePage)
			if err != nil {
				yield(portal.MailboxEvidence{}, err)
				return
			}
			for _, m := range page {
				err := cutChains(&m)
				if !yield(m, err) || err != nil {
					return
				}
			}
			if len(page) < evidencePage {
				return
			}
			after = page[len(page)-1].Mailbox
		}
	}
}

func cutChains(m *portal.MailboxEvidence) error {
	for i := range m.Members {
		member := &m.Members[i]
		shown, err := crypto.ParseMembership(member.Membership)
		if err != nil {
			return fmt.Errorf("a stored membership: %w", err)
		}
		needed := []crypto.Fingerprint{shown.Member.Certificate}
		if a := m.Acknowledgement; a != nil && a.Representative == member.Representative {
			needed = append(needed, a.Certificate)
		}
		last := -1
		for _, f := range needed {
			at := slices.IndexFunc(member.Chain, func(l portal.ChainLink) bool { return l.Fingerprint == f })
			if at < 0 {
				return fmt.Errorf("the key %s of %s is not in the chain that is kept", f, member.Representative)
			}
			last = max(last, at)
		}
		member.Chain = member.Chain[:last+1]
	}
	return nil
}
