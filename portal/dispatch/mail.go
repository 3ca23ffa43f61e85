package dispatch

import (
	"bytes"
	"context"
	"crypto/subtle"

	"valise/crypto"
	"valise/portal"
)

// AcknowledgeByMail is Acknowledge for a receipt that came by e-mail, which nobody logged in for. It demands all that Acknowledge does, but for the session: nonce returns what
// the receipt's session nonce must be, which only who opened the courier's sealed mail to that representative can know; the opening value says that they opened the notice as well.
// So a notice that nobody has fetched from the portal counts as opened from then on. Whoever sent the mail is of no importance, and is not asked for.
//
// Errors have the codes of Acknowledge. portal.Invalid, portal.Forbidden, portal.NotFound, portal.Conflict and portal.Unauthenticated are final; others are to be tried again.
func (d *Dispatch) AcknowledgeByMail(ctx context.Context, receipt []byte, nonce func(crypto.Number, crypto.Representative) string) (a portal.AcknowledgementRecord, created bool, err error) {
	if len(receipt) > maxReceipt {
		return a, false, portal.Errorf(portal.TooLarge, "too-large", "The receipt has more than %d KiB.", maxReceipt>>10)
	}
	if receipt, err = crypto.RespellHandSigned(receipt); err != nil {
		return a, false, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	said, err := crypto.ReadReceipt(receipt)
	if err != nil {
		return a, false, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	self, err := d.claimed(ctx, portal.ActingRepresentative(said.Representative)) // who that is, the signature says below; until then nothing is changed
	if err != nil {
		return a, false, err
	}
	delivery, err := d.store.Delivery(ctx, self, said.Notice)
	if err != nil {
		return a, false, err
	}
	if kept := delivery.Acknowledgement; kept != nil && bytes.Equal(kept.Receipt, receipt) {
		return *kept, false, nil
	}
	if want := nonce(said.Notice, self); want == "" || subtle.ConstantTimeCompare([]byte(said.SessionNonce), []byte(want)) != 1 {
		return a, false, invalid("wrong-nonce", "The receipt does not carry the nonce of the form that was sent by e-mail. One that was made on the portal is handed in there.")
	}
	verified, err := d.verifyReceipt(ctx, self, delivery, receipt)
	if err != nil {
		return a, false, err
	}
	now := d.now()
	if delivery.OpenedAt.IsZero() {
		if _, err := d.store.MarkOpened(ctx, self, said.Notice, now); err != nil {
			return a, false, err
		}
	}
	signed := verified.Acknowledgement()
	a, created, err = d.store.RecordAcknowledgement(ctx, portal.AcknowledgementRecord{
		Notice: signed.Notice, Representative: self, Certificate: signed.Certificate, Decision: signed.Decision, Receipt: verified.Bytes(), ReceivedAt: now,
	})
	d.told(said.Notice, err)
	return a, created, err
}
