package dispatch

// CONTRACT: signatures that web compiles against; the owner replaces this file by real ones.

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Dispatch is the step from a sealed notice to its receipts. Use New.
type Dispatch struct{}

// New makes the step; now is the clock.
func New(store Store, root *crypto.Root, now func() time.Time) *Dispatch { panic("contract") }

// Submit keeps a sealed notice until it is approved. Authors only, and only with their own signature.
func (d *Dispatch) Submit(ctx context.Context, actor portal.Actor, s *crypto.SealedNotice) (crypto.Number, error) {
	panic("contract")
}

// Notices returns all notices, newest first, without audience. Staff only.
func (d *Dispatch) Notices(ctx context.Context, actor portal.Actor) ([]portal.NoticeRecord, error) {
	panic("contract")
}

// Examined is what an author's or approver's client needs to open a notice as recipients will.
type Examined struct {
	Notice   portal.NoticeRecord // with audience and headings
	Bodies   map[crypto.Suite][]byte
	Envelope crypto.Envelope // the actor's
}

// Examine returns a notice for its author or an approver.
func (d *Dispatch) Examine(ctx context.Context, actor portal.Actor, n crypto.Number) (Examined, error) {
	panic("contract")
}

// Approve verifies the approver's signature and releases the notice into every mailbox.
// Again with the same signature: the same outcome.
func (d *Dispatch) Approve(ctx context.Context, actor portal.Actor, n crypto.Number, signature []byte) (released time.Time, err error) {
	panic("contract")
}

// Mailbox returns what lies in the acting representative's mailbox, newest first. Listing is not opening.
func (d *Dispatch) Mailbox(ctx context.Context, actor portal.Actor) ([]portal.Delivery, error) {
	panic("contract")
}

// Peek returns one of them without its body. Not opening either.
func (d *Dispatch) Peek(ctx context.Context, actor portal.Actor, n crypto.Number) (portal.Delivery, error) {
	panic("contract")
}

// Open returns a delivered notice and its body, and marks it opened. Claimed representatives only.
func (d *Dispatch) Open(ctx context.Context, actor portal.Actor, n crypto.Number) (portal.Delivery, []byte, error) {
	panic("contract")
}

// Acknowledge verifies a receipt (signature, certificate, notice, opening value, the session's nonce) and keeps it. created is false when
// the very same receipt was there already.
func (d *Dispatch) Acknowledge(ctx context.Context, actor portal.Actor, n crypto.Number, receipt []byte, sessionNonce string) (a portal.AcknowledgementRecord, created bool, err error) {
	panic("contract")
}

// Receipt returns a mailbox's receipt: for its representatives, and staff.
func (d *Dispatch) Receipt(ctx context.Context, actor portal.Actor, n crypto.Number, mailbox crypto.Number) (portal.AcknowledgementRecord, error) {
	panic("contract")
}

// Manifest returns the manifest and its signatures: for recipients once it is released, and staff.
func (d *Dispatch) Manifest(ctx context.Context, actor portal.Actor, n crypto.Number) (crypto.SignedManifest, error) {
	panic("contract")
}

// Evidence is what proves a receipt, beyond the root.
type Evidence struct {
	Signed   crypto.SignedManifest
	Chain    [][]byte
	Received time.Time
}

// Evidence returns it to whoever shows the receipt, to the byte as it is stored; portal.NotFound otherwise.
func (d *Dispatch) Evidence(ctx context.Context, receipt []byte) (Evidence, error) { panic("contract") }

// Status is how far a notice has come.
type Status struct {
	Notice    portal.NoticeRecord
	Manifest  *crypto.Manifest
	Mailboxes []portal.MailboxStatus
	Now       time.Time // when overdue was judged
}

// Overdue says whether a mailbox has let the deadline pass.
func (s *Status) Overdue(m portal.MailboxStatus) bool { panic("contract") }

// Status returns a line per mailbox. Staff only.
func (d *Dispatch) Status(ctx context.Context, actor portal.Actor, n crypto.Number) (*Status, error) {
	panic("contract")
}
