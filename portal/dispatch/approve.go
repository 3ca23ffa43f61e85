package dispatch

import (
	"bytes"
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Notices returns all notices, newest first, without audience. Staff, but not administrators; who reads it is written down.
func (d *Dispatch) Notices(ctx context.Context, actor portal.Actor) ([]portal.NoticeRecord, error) {
	if err := d.staffAct(ctx, actor, "dispatch.notices", "all", readers...); err != nil {
		return nil, err
	}
	return d.store.Notices(ctx)
}

// Examined is what an author's or approver's client needs to open a notice as recipients will.
type Examined struct {
	Notice   portal.NoticeRecord // with audience and headings
	Bodies   map[crypto.Suite][]byte
	Envelope crypto.Envelope // the actor's
}

// Examine returns a notice for its author or an approver, if it was sealed to them.
func (d *Dispatch) Examine(ctx context.Context, actor portal.Actor, n crypto.Number) (Examined, error) {
	if err := d.staffAct(ctx, actor, "dispatch.examine", string(n), crypto.RoleApprover, crypto.RoleAuthor); err != nil {
		return Examined{}, err
	}
	notice, err := d.store.Notice(ctx, n)
	if err != nil {
		return Examined{}, err
	}
	envelope, err := d.store.Envelope(ctx, n, actor.Holder())
	if err != nil {
		return Examined{}, err
	}
	examined := Examined{Notice: notice, Bodies: map[crypto.Suite][]byte{}, Envelope: envelope}
	for suite := range notice.Headings {
		if examined.Bodies[suite], err = d.store.Body(ctx, n, suite); err != nil {
			return Examined{}, err
		}
	}
	return examined, nil
}

// Approval is what has become of a notice that was approved.
type Approval struct {
	State portal.NoticeState // portal.Released, or portal.Approved: it waits for its time
	At    time.Time          // when it was released, or will be
}

// Approve verifies the approver's signature and releases the notice into every mailbox; one whose time of release has not come waits for it.
// Again with the same signature: the same outcome.
func (d *Dispatch) Approve(ctx context.Context, actor portal.Actor, n crypto.Number, signature []byte) (Approval, error) {
	if err := d.staffAct(ctx, actor, "dispatch.approve", string(n), crypto.RoleApprover); err != nil {
		return Approval{}, err
	}
	notice, err := d.store.Signed(ctx, n)
	if err != nil {
		return Approval{}, err
	}
	if bytes.Equal(notice.Signed.ApproverSignature, signature) {
		switch notice.State {
		case portal.Released:
			return Approval{portal.Released, notice.ReleasedAt}, nil
		case portal.Approved:
			return Approval{portal.Approved, notice.ReleaseAt}, nil
		}
	}
	m, err := d.verifyApproval(ctx, actor, notice, signature)
	if err != nil {
		return Approval{}, err
	}
	now := d.now()
	if at := m.ReleaseAt(now); at.After(now) {
		err = d.store.ApproveLater(ctx, n, signature, at, now)
		d.told(n, err)
		return Approval{portal.Approved, at.UTC()}, err
	}
	released, err := d.store.Release(ctx, n, signature, now)
	d.told(n, err)
	return Approval{portal.Released, released}, err
}

// verifyApproval checks that the actor, another person than the author, signed this manifest, and that nothing stands against releasing it now.
func (d *Dispatch) verifyApproval(ctx context.Context, actor portal.Actor, notice portal.NoticeRecord, signature []byte) (*crypto.Manifest, error) {
	if err := checkArmored(signature); err != nil {
		return nil, err
	}
	staff, err := d.staff(ctx)
	if err != nil {
		return nil, err
	}
	now := d.now()
	submission, err := d.root.VerifySubmission(notice.Signed, staff, now)
	if err != nil {
		return nil, portal.Errorf(portal.Conflict, "notice-invalid", "The author's signature no longer holds. %s", portal.Sentence(err))
	}
	self := actor.Staff().Certificate().Fingerprint()
	if submission.Manifest().Author == self {
		return nil, portal.Errorf(portal.Forbidden, "own-notice", "You are the author, so somebody else must approve.")
	}
	signed := notice.Signed
	signed.ApproverSignature = signature
	v, err := d.root.VerifyManifest(signed, staff, now)
	if err != nil {
		return nil, invalid("invalid-approval", "%s", portal.Sentence(err))
	}
	if v.Approver().Certificate().Fingerprint() != self {
		return nil, portal.Errorf(portal.Forbidden, "other-approver", "Another approver signed than the one who is logged in. Who signed must hand it in.")
	}
	// Whose role the root took away after they signed may be why it did.
	if author, err := d.root.VerifyStaff(v.Author().Certificate(), now); err != nil || !author.Has(crypto.RoleAuthor) {
		return nil, errAuthorWithdrawn
	}
	if deadline := v.Manifest().Deadline; !deadline.IsZero() && !deadline.After(now) {
		return nil, errDeadlinePassed
	}
	return v.Manifest(), nil
}

// Status is how far a notice has come.
type Status struct {
	Notice    portal.NoticeRecord // without audience
	Manifest  *crypto.Manifest
	Mailboxes []portal.MailboxStatus
	Now       time.Time // when overdue was judged
}

// Overdue says whether a mailbox has let the deadline pass without acknowledging. Before the notice is delivered nobody is late, and who
// acknowledged late isn't any more.
func (s *Status) Overdue(m portal.MailboxStatus) bool {
	return s.Manifest != nil && s.Manifest.Acknowledge && !s.Manifest.Deadline.IsZero() && s.Now.After(s.Manifest.Deadline) &&
		!m.DeliveredAt.IsZero() && m.Acknowledgement == nil
}

// Status returns a line per mailbox. Staff, but not administrators; who reads it is written down.
func (d *Dispatch) Status(ctx context.Context, actor portal.Actor, n crypto.Number) (*Status, error) {
	if err := d.staffAct(ctx, actor, "dispatch.status", string(n), readers...); err != nil {
		return nil, err
	}
	notice, err := d.store.Signed(ctx, n)
	if err != nil {
		return nil, err
	}
	manifest, err := crypto.ParseManifest(notice.Signed.Manifest)
	if err != nil {
		return nil, err
	}
	mailboxes, err := d.store.Status(ctx, n)
	if err != nil {
		return nil, err
	}
	return &Status{Notice: notice, Manifest: manifest, Mailboxes: mailboxes, Now: d.now()}, nil
}
