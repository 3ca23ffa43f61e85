package ledger

import (
	"context"

	"valise/crypto"
	"valise/portal"
)

// Covered hands out proofs to one checkpoint, however often another one is published meanwhile: who packs many proofs together needs to check one signature for all.
type Covered struct {
	ledger     *Ledger
	signed     []byte
	checkpoint *Checkpoint
}

// Covered takes the checkpoint that was published last; portal.NotFound before the first.
func (l *Ledger) Covered(ctx context.Context) (*Covered, error) {
	signed, checkpoint, err := l.published(ctx)
	if err != nil {
		return nil, err
	}
	return &Covered{l, signed, checkpoint}, nil
}

// Checkpoint returns it, signed. Whether its signatures hold is for others to find out.
func (c *Covered) Checkpoint() []byte { return c.signed }

// EventProof is the proof of what happened to a notice, of which about names as much as its Subject tells.
func (c *Covered) EventProof(ctx context.Context, about Event) ([]byte, error) {
	return c.proof(ctx, about, portal.Errorf(portal.NotFound, "unknown-event", "The ledger has no such event: it happened before there was a ledger."))
}

// NoticeProof is Ledger.NoticeProof.
func (c *Covered) NoticeProof(ctx context.Context, n crypto.Number) ([]byte, error) {
	return c.proof(ctx, Event{Kind: NoticeDispatched, Notice: n},
		portal.Errorf(portal.NotFound, "not-dispatched", "The ledger knows of no dispatch of the notice %s: it was released before there was a ledger.", n))
}

// ReceiptProof is Ledger.ReceiptProof.
func (c *Covered) ReceiptProof(ctx context.Context, a portal.AcknowledgementRecord) ([]byte, error) {
	return c.proof(ctx, Event{Kind: NoticeAcknowledged, Notice: a.Notice, Representative: a.Representative},
		portal.Errorf(portal.NotFound, "unknown-receipt", "The ledger has no such receipt: it was given before there was a ledger."))
}

func (c *Covered) proof(ctx context.Context, about Event, unknown *portal.Error) ([]byte, error) {
	entry, index, err := c.ledger.store.LedgerEntry(ctx, about.Subject())
	if portal.KindOf(err) == portal.NotFound {
		return nil, unknown
	}
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= c.checkpoint.Size {
		return nil, tooEarly()
	}
	p, err := newProof(ctx, c.ledger.store, index, *c.checkpoint, c.signed, entry.Extra)
	if err != nil {
		return nil, err
	}
	return p.Bytes(), nil
}

// tooEarly is what is said of an event that no checkpoint covers yet.
func tooEarly() *portal.Error {
	early := portal.Errorf(portal.NotFound, "not-in-ledger-yet", "It is kept, and no checkpoint of the ledger covers it yet. Ask again in a minute.")
	early.RetryAfter = coverSoon
	return early
}
