package ceremony

import (
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// VerifiedReceipt is a receipt that held with everything it stands on. Nothing but
// VerifyReceipt makes one.
type VerifiedReceipt struct {
	Receipt  *crypto.Receipt          // what was acknowledged, by whom, when
	Notice   *crypto.VerifiedManifest // of which notice, by whom it was sent
	Signer   *crypto.Recipient        // the representative's certificate, and who issued it
	Meant    *crypto.Membership       // shows that the notice was meant for them; nil when the evidence doesn't hold it
	Received time.Time                // when the portal says it received it; signed by nobody
}

// VerifyReceipt verifies a receipt, to the byte, with the evidence that the portal
// keeps for it: the notice's manifest with both signatures, and the chain of the
// certificate that signed, up to the root. No server needs to be believed. When the
// evidence holds a membership, the representative must be in the notice's audience.
func VerifyReceipt(t *Trust, receipt []byte, e api.Evidence, now time.Time) (*VerifiedReceipt, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	v, err := t.root.VerifyManifest(e.Signed(), t.staff, now)
	if err != nil {
		return nil, err
	}
	claimed, err := crypto.ReadReceipt(receipt) // to know whose certificate; verified below
	if err != nil {
		return nil, err
	}
	chain, err := parseChain(e.Chain)
	if err != nil {
		return nil, err
	}
	r, recipient, err := t.verifyReceipt(v, receipt, claimed, chain, now)
	if err != nil {
		return nil, err
	}
	verified := &VerifiedReceipt{Receipt: r, Notice: v, Signer: recipient, Received: e.Received}
	if e.Membership != "" {
		if verified.Meant, err = v.CheckMembership([]byte(e.Membership)); err != nil {
			return nil, err
		}
		if m := verified.Meant.Member; m.Representative != claimed.Representative || !recipient.Had(m.Certificate) {
			return nil, fmt.Errorf("the evidence shows that %s was meant for %s with the certificate %s, and the receipt is by %s", v.Manifest().Notice, m.Representative, m.Certificate, claimed.Representative)
		}
	}
	return verified, nil
}
