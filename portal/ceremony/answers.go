package ceremony

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// Answers is who answered a notice, as far as it is proved: by the receipts, not by what the portal says of them.
type Answers struct {
	Notice    *crypto.VerifiedManifest
	Mailboxes map[crypto.Number]*Answer // all those that the notice went to, and no other
}

// Answer is what a mailbox answered. The zero value is that nothing shows an answer.
type Answer struct {
	Receipt *VerifiedReceipt // it held; nil when there is none, or it didn't
	Problem error            // why the receipt that the portal shows proves nothing; nil when there is none
}

// ReadAnswers verifies the receipts of a notice that the portal shows to staff, all of them: that the notice is the one that was asked for and both signatures
// over it hold, that the audience is the one that was signed, and of each receipt all that VerifyReceipt demands, and that its signer is one of that audience.
// The certificates are those of the directory. It fails when something is wrong with the whole; a receipt that doesn't hold is a Problem of its mailbox.
// progress, which may be nil, is told how many receipts are done, by one goroutine at a time.
func ReadAnswers(t *Trust, want crypto.Number, r api.Receipts, d *Directory, now time.Time, progress func(done, total int)) (*Answers, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	if d == nil {
		return nil, errors.New("without the directory of mailboxes no receipt can be verified")
	}
	v, err := t.root.VerifyManifest(r.Signed(), t.staff, now)
	if err != nil {
		return nil, err
	}
	if got := v.Manifest().Notice; got != want {
		return nil, fmt.Errorf("the portal shows the receipts of %s as those of %s: don't rely on them, and tell the administrators", got, want)
	}
	audience, err := v.CheckAudience([]byte(r.Audience))
	if err != nil {
		return nil, err
	}
	a := &Answers{Notice: v, Mailboxes: map[crypto.Number]*Answer{}}
	members := make(map[crypto.Representative]crypto.Fingerprint, len(audience.Members))
	for _, m := range audience.Members {
		a.Mailboxes[m.Representative.Mailbox] = new(Answer)
		members[m.Representative] = m.Certificate
	}
	shown := map[crypto.Number]bool{}
	for _, line := range r.Receipts {
		switch {
		case a.Mailboxes[line.Mailbox] == nil:
			return nil, fmt.Errorf("the portal shows a receipt of %s, a mailbox that %s never went to: don't rely on what it says of this notice, and tell the administrators", printable(string(line.Mailbox)), want)
		case shown[line.Mailbox]:
			return nil, fmt.Errorf("the portal shows two receipts of %s: don't rely on what it says of this notice, and tell the administrators", line.Mailbox)
		}
		shown[line.Mailbox] = true
	}
	onAllCores(len(r.Receipts), progress, func(i int) {
		line, answer := r.Receipts[i], a.Mailboxes[r.Receipts[i].Mailbox]
		answer.Receipt, answer.Problem = t.receiptOf(v, line.Mailbox, []byte(line.Receipt), members, func(r crypto.Representative) ([]string, error) {
			e := d.Entry(r)
			if e == nil {
				return nil, fmt.Errorf("the directory doesn't have %s, who signed it", r)
			}
			return e.chain, nil
		}, now)
	})
	return a, nil
}

// receiptOf verifies one receipt as that of a mailbox. chainOf gives the certificates of who it says signed it; members, which may be nil, are those that
// the notice was sealed to.
func (t *Trust) receiptOf(v *crypto.VerifiedManifest, mailbox crypto.Number, receipt []byte, members map[crypto.Representative]crypto.Fingerprint,
	chainOf func(crypto.Representative) ([]string, error), now time.Time) (*VerifiedReceipt, error) {
	said, err := crypto.ReadReceipt(receipt) // to know whose certificate; verified below
	if err != nil {
		word := "receipt-unread"
		if errors.Is(err, crypto.ErrSignedMail) {
			word = "receipt-mail"
		}
		return nil, because(word, fmt.Errorf("what the portal shows is no receipt: %w", err))
	}
	if said.Notice != v.Manifest().Notice {
		return nil, because("receipt-other", fmt.Errorf("the receipt that the portal shows is that of another notice, %s", said.Notice))
	}
	if said.Representative.Mailbox != mailbox {
		return nil, because("receipt-other", fmt.Errorf("the receipt that the portal shows is that of another mailbox, %s", said.Representative.Mailbox))
	}
	sealedTo, in := members[said.Representative]
	if members != nil && !in {
		return nil, because("receipt-stranger", fmt.Errorf("the receipt is signed by %s, whom the notice did not go to", said.Representative))
	}
	shown, err := chainOf(said.Representative)
	if err != nil {
		return nil, because("receipt-signature", err)
	}
	chain, err := parseChain(shown)
	if err != nil {
		return nil, because("receipt-signature", err)
	}
	r, signer, err := t.verifyReceipt(v, receipt, said, chain, now)
	if err != nil {
		return nil, because("receipt-signature", err)
	}
	if in && !slices.ContainsFunc(chain, func(c *crypto.Certificate) bool { return c.Fingerprint() == sealedTo }) {
		return nil, because("receipt-stranger", fmt.Errorf("the notice was sealed to a key that was never that of %s", said.Representative))
	}
	return &VerifiedReceipt{Receipt: r, Notice: v, Signer: signer}, nil
}

// verifyReceipt verifies a receipt, what it says having been read, with the chain that the portal shows for its signer.
func (t *Trust) verifyReceipt(v *crypto.VerifiedManifest, receipt []byte, said *crypto.Acknowledgement, chain []*crypto.Certificate, now time.Time) (*crypto.Receipt, *crypto.Recipient, error) {
	// Who has changed their key since has a longer chain than when they signed.
	at := slices.IndexFunc(chain, func(c *crypto.Certificate) bool { return c.Fingerprint() == said.Certificate })
	if at < 0 {
		return nil, nil, fmt.Errorf("the certificate that the receipt names, %s, is not in the chain that the portal shows for %s", said.Certificate, said.Representative)
	}
	r, err := crypto.VerifyReceipt(receipt, v, chain[at], now)
	if err != nil {
		return nil, nil, err
	}
	signer, err := t.root.VerifyRepresentative(t.staff, chain[:at+1], said.Representative, r.Signature().Made())
	if err != nil {
		return nil, nil, err
	}
	return r, signer, nil
}

// Check compares what the portal says of a mailbox with what its receipt proves. The error says what is to be believed in its place, and what to do.
func (a *Answers) Check(m api.MailboxStatus) error {
	answer := a.Mailboxes[m.Mailbox]
	switch {
	case answer == nil:
		return fmt.Errorf("%s did not go to this mailbox, though the portal says so: leave it out, and tell the administrators", a.Notice.Manifest().Notice)
	case answer.Problem != nil:
		return fmt.Errorf("no receipt holds, so count it as not acknowledged, reach them by another way, and tell the administrators: %w", answer.Problem)
	case answer.Receipt == nil && m.Acknowledged != nil:
		return because("receipt-none", errors.New("the portal says that it has answered, and shows no receipt: count it as not acknowledged, reach them by another way, and tell the administrators"))
	case answer.Receipt == nil:
		return nil
	}
	switch said := answer.Receipt.Receipt.Acknowledgement(); {
	case m.Acknowledged == nil:
		return because("receipt-hidden", fmt.Errorf("the portal says that it has not answered, and there is a receipt: it was %s by %s; tell the administrators", said.Decision, said.Representative))
	case m.Decision != said.Decision || m.By != said.Representative.String():
		return because("receipt-differs", fmt.Errorf("the portal says %s by %s, and the receipt says %s by %s: believe the receipt, and tell the administrators", printable(string(m.Decision)), printable(m.By), said.Decision, said.Representative))
	}
	return nil
}

// Missing returns the mailboxes that the notice went to and of which the portal says nothing, sorted.
func (a *Answers) Missing(lines []api.MailboxStatus) []crypto.Number {
	told := make(map[crypto.Number]bool, len(lines))
	for _, m := range lines {
		told[m.Mailbox] = true
	}
	var missing []crypto.Number
	for n := range a.Mailboxes {
		if !told[n] {
			missing = append(missing, n)
		}
	}
	slices.Sort(missing)
	return missing
}

// CheckReceipt says whether a mailbox's receipt holds that the portal shows to its own representatives, with the chain that it shows for who signed it.
// notice is as it was opened: what it says of an acknowledgement is compared with the receipt.
func CheckReceipt(t *Trust, o *crypto.OpenedNotice, mailbox crypto.Number, said *api.Acknowledgement, receipt []byte, chain []string, now time.Time) (*VerifiedReceipt, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	if o == nil || o.Content() == nil || said == nil {
		return nil, errors.New("only the receipt of a notice that was opened, and is said to be acknowledged, can be checked")
	}
	r, err := t.receiptOf(o.Verified(), mailbox, receipt, nil, func(crypto.Representative) ([]string, error) { return chain, nil }, now)
	if err != nil {
		return nil, err
	}
	if a := r.Receipt.Acknowledgement(); a.Decision != said.Decision || a.Representative.String() != said.Representative {
		return nil, because("receipt-differs", fmt.Errorf("the portal says %s by %s, and the receipt says %s by %s", printable(string(said.Decision)), printable(said.Representative), a.Decision, a.Representative))
	}
	r.Received = said.Received
	return r, nil
}

// FalseAnswer is what a representative must know whose mailbox is said to have acknowledged when nothing proves it.
func FalseAnswer(err error) error {
	if errors.Is(err, crypto.ErrSignedMail) {
		return fmt.Errorf("the portal says that your mailbox has answered this notice by signed e-mail, and keeps a receipt. Until you know that it holds, take the notice as not answered: %w", err)
	}
	return fmt.Errorf("the portal says that your mailbox has answered this notice, and no receipt proves it: take it as not answered, answer it yourself, and tell the institution by another way than this portal (%w)", err)
}

// onAllCores does n things; progress, which may be nil, is told how many are done, by one goroutine at a time.
func onAllCores(n int, progress func(done, total int), do func(i int)) {
	var next atomic.Int64
	var reporting sync.Mutex
	done := 0
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		group.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				do(i)
				reporting.Lock()
				if done++; progress != nil {
					progress(done, n)
				}
				reporting.Unlock()
			}
		})
	}
	group.Wait()
}
