package dispatch

import (
	"bytes"
	"context"
	"crypto/subtle"
	"slices"

	"valise/crypto"
	"valise/portal"
)

// maxReceipt is the size in bytes of the largest receipt that is kept: the text, and a signature with a certificate's worth of notations.
const maxReceipt = 32 << 10

// Acknowledge verifies a receipt (signature, certificate, notice, opening value, the session's nonce) and keeps it. created is false when
// the very same receipt was there already. Claimed representatives only, of whose mailbox somebody has opened the notice.
func (d *Dispatch) Acknowledge(ctx context.Context, actor portal.Actor, n crypto.Number, receipt []byte, sessionNonce string) (a portal.AcknowledgementRecord, created bool, err error) {
	self, err := d.claimed(ctx, actor)
	if err != nil {
		return a, false, err
	}
	if len(receipt) > maxReceipt {
		return a, false, portal.Errorf(portal.TooLarge, "too-large", "The receipt has more than %d KiB.", maxReceipt>>10)
	}
	delivery, err := d.store.Delivery(ctx, self, n)
	if err != nil {
		return a, false, err
	}
	// What is kept has one spelling, which GnuPG verifies whatever the one was in which it came.
	receipt, err = crypto.RespellClearSigned(receipt)
	if err != nil {
		return a, false, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	// Whoever repeats what is kept, because the answer was lost, need not have the same session any more.
	if kept := delivery.Acknowledgement; kept != nil && bytes.Equal(kept.Receipt, receipt) {
		return *kept, false, nil
	}
	if delivery.OpenedAt.IsZero() {
		return a, false, portal.Errorf(portal.Conflict, "not-opened", "The notice %s has not been opened. Open it, then acknowledge it.", n)
	}
	verified, err := d.verifyReceipt(ctx, self, delivery, receipt)
	if err != nil {
		return a, false, err
	}
	said := verified.Acknowledgement()
	if sessionNonce == "" || subtle.ConstantTimeCompare([]byte(said.SessionNonce), []byte(sessionNonce)) != 1 {
		return a, false, invalid("wrong-nonce", "The receipt carries the nonce of another session than this one, in which you opened the notice. Take the text from this session and sign it anew.")
	}
	a, created, err = d.store.RecordAcknowledgement(ctx, portal.AcknowledgementRecord{
		Notice: n, Representative: self, Certificate: said.Certificate, Decision: said.Decision, Receipt: verified.Bytes(), ReceivedAt: d.now(),
	})
	d.told(n, err)
	return a, created, err
}

// verifyReceipt verifies a receipt with the representative's own current certificate, and that the notice was meant for them: a delivery
// that somebody wrote into the database makes no receipt.
func (d *Dispatch) verifyReceipt(ctx context.Context, self crypto.Representative, delivery portal.Delivery, receipt []byte) (*crypto.Receipt, error) {
	said, err := crypto.ReadReceipt(receipt)
	if err != nil {
		return nil, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	if said.Representative != self {
		return nil, invalid("other-representative", "The receipt names %s, and you are logged in as %s. Everybody acknowledges in their own name.", said.Representative, self)
	}
	staff, err := d.staff(ctx)
	if err != nil {
		return nil, err
	}
	recipient, err := d.recipient(ctx, staff, self)
	if err != nil {
		return nil, err
	}
	current := recipient.Certificate()
	if said.Certificate != current.Fingerprint() {
		return nil, invalid("other-certificate", "The receipt names the certificate %s; the one that is yours now is %s. Sign with that.", said.Certificate, current.Fingerprint())
	}
	v, err := d.verifyManifest(delivery.Notice.Signed, staff)
	if err != nil {
		return nil, err
	}
	if m, err := v.CheckMembership(delivery.Membership); err != nil || m.Member.Representative != self {
		return nil, portal.Errorf(portal.Conflict, "not-addressed", "Nothing shows that the notice %s was meant for you, so it can't be acknowledged. Tell the institution, by another way than this portal.", v.Manifest().Notice)
	}
	verified, err := crypto.VerifyReceipt(receipt, v, current, d.now())
	if err != nil {
		return nil, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	return verified, nil
}

// Receipt returns a mailbox's receipt: for its representatives who have claimed, and staff; portal.NotFound to others, too.
func (d *Dispatch) Receipt(ctx context.Context, actor portal.Actor, n crypto.Number, mailbox crypto.Number) (portal.AcknowledgementRecord, error) {
	if actor.Staff() != nil {
		if err := d.staffAct(ctx, actor, "dispatch.receipt", string(n)+" "+string(mailbox), readers...); err != nil {
			return portal.AcknowledgementRecord{}, err
		}
	} else {
		self, err := d.claimed(ctx, actor)
		if err != nil {
			return portal.AcknowledgementRecord{}, err
		}
		if self.Mailbox != mailbox {
			return portal.AcknowledgementRecord{}, portal.Errorf(portal.NotFound, "no-acknowledgement", "The mailbox %s has not acknowledged the notice %s.", mailbox, n)
		}
	}
	return d.store.Acknowledgement(ctx, n, mailbox)
}

// ReceiptsPage is how many receipts are read at once.
const ReceiptsPage = 1000

// Receipts returns at most ReceiptsPage receipts of a released notice, by their mailboxes, after those of a mailbox ("": from the first on), and the notice, at the
// first ones with its audience, so that a client can verify all of it. Staff, but not administrators.
func (d *Dispatch) Receipts(ctx context.Context, actor portal.Actor, n, after crypto.Number) (notice portal.NoticeRecord, receipts []portal.AcknowledgementRecord, err error) {
	if err := d.staffAct(ctx, actor, "dispatch.receipts", string(n), readers...); err != nil {
		return notice, nil, err
	}
	if after == "" {
		notice, err = d.store.Notice(ctx, n)
	} else {
		notice, err = d.store.Signed(ctx, n)
	}
	if err != nil {
		return notice, nil, err
	}
	if notice.State != portal.Released {
		return notice, nil, portal.Errorf(portal.Conflict, "not-released", "The notice %s has not been released, so nobody can have acknowledged it.", n)
	}
	receipts, err = d.store.Receipts(ctx, n, after, ReceiptsPage)
	return notice, receipts, err
}

// Evidence is what proves a receipt, beyond the root.
type Evidence struct {
	Signed     crypto.SignedManifest
	Membership []byte   // shows that the representative is in the audience
	Chain      [][]byte // of the representative, up to the certificate that signed
	Kept       portal.AcknowledgementRecord
}

// Evidence returns it to whoever shows the receipt, to the byte as it is stored; portal.NotFound otherwise.
func (d *Dispatch) Evidence(ctx context.Context, receipt []byte) (Evidence, error) {
	unknown := portal.Errorf(portal.NotFound, "unknown-receipt", "The portal has no such receipt. Show it exactly as it was given out, to the byte.")
	if len(receipt) > maxReceipt {
		return Evidence{}, unknown
	}
	said, err := crypto.ReadReceipt(receipt)
	if err != nil {
		return Evidence{}, unknown
	}
	kept, err := d.store.Acknowledgement(ctx, said.Notice, said.Representative.Mailbox)
	if portal.KindOf(err) == portal.NotFound || err == nil && !bytes.Equal(kept.Receipt, receipt) {
		return Evidence{}, unknown
	}
	if err != nil {
		return Evidence{}, err
	}
	delivery, err := d.store.Delivery(ctx, kept.Representative, kept.Notice)
	if err != nil {
		return Evidence{}, err
	}
	chains, err := d.store.Certificates(ctx, kept.Representative)
	if err != nil {
		return Evidence{}, err
	}
	chain, err := d.verified.ParseAll(chains[kept.Representative])
	if err != nil {
		return Evidence{}, err
	}
	i := slices.IndexFunc(chain, func(c *crypto.Certificate) bool { return c.Fingerprint() == kept.Certificate })
	return Evidence{Signed: delivery.Notice.Signed, Membership: delivery.Membership, Chain: chains[kept.Representative][:i+1], Kept: kept}, nil
}
