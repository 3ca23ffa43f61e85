package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
)

// What happens at a time, and not because somebody asks for it: approved notices are released, reminders fall due, deadlines pass. Every node runs this. Which of them
// comes first doesn't matter: the store lets one do a thing, once, and what was interrupted is done by whoever comes next.

// ClockStore keeps what is due.
type ClockStore interface {
	// ApproveLater keeps an approval until its time: the notice is portal.Approved. Again with the same signature changes nothing; with another it is portal.Conflict with
	// code "already-approved". portal.Conflict as for Release when it was released or ended; portal.NotFound.
	ApproveLater(ctx context.Context, n crypto.Number, approverSignature []byte, release, at time.Time) error
	// DueReleases returns approved notices whose time has come, without audience; not those with a problem, nor those that were recalled.
	DueReleases(ctx context.Context, at time.Time) ([]portal.NoticeRecord, error)
	// KeepReleaseProblem keeps why an approved notice could not be released; what was kept first stays. Of one that is no longer approved nothing is kept.
	KeepReleaseProblem(ctx context.Context, n crypto.Number, problem portal.ReleaseProblem) error
	// DueDeeds returns what is to be done about released notices by now, the earliest first.
	DueDeeds(ctx context.Context, at time.Time, limit int) ([]portal.NoticeDeed, error)
	// DoDeed reminds every mailbox that has not answered, or records that the deadline passed for it, unless that was done already; it returns how many mailboxes there were.
	// Of reminders that fell due while nobody was there to do them, only the last one is given, and none after the deadline.
	DoDeed(ctx context.Context, deed portal.NoticeDeed, at time.Time) (mailboxes int, err error)
	// RecordNoticeEvents keeps events with their entries for the ledger; what was kept under an ID stays as it is. portal.NotFound.
	RecordNoticeEvents(ctx context.Context, events []portal.NoticeEvent) error
	// NoticeEvents returns the events of a notice, those of one mailbox or, for "", all, in the order of time.
	NoticeEvents(ctx context.Context, n, mailbox crypto.Number) ([]portal.NoticeEvent, error)
	// Unreached returns, of the notices, the mailboxes that have not answered, with when they opened each and the last time that somebody reached for them by another way than
	// portal and e-mail.
	Unreached(ctx context.Context, notices []crypto.Number) ([]portal.UnreachedMailbox, error)
}

// deedsAtOnce is how many deeds are read at a time.
const deedsAtOnce = 100

// Tick does everything that is due. What fails doesn't stop the rest; it is tried again at the next tick, but for an approved notice that must not be released any more: that is
// kept as its problem, for staff to see.
func (d *Dispatch) Tick(ctx context.Context) error {
	return errors.Join(d.releaseDue(ctx), d.doDeeds(ctx))
}

func (d *Dispatch) releaseDue(ctx context.Context) error {
	due, err := d.store.DueReleases(ctx, d.now())
	if err != nil || len(due) == 0 {
		return err
	}
	staff, err := d.staff(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, n := range due {
		if err := d.releaseOne(ctx, n, staff); err != nil {
			failed = append(failed, fmt.Errorf("releasing %s: %w", n.Number, err))
		}
	}
	return errors.Join(failed...)
}

func (d *Dispatch) releaseOne(ctx context.Context, n portal.NoticeRecord, staff []*crypto.Certificate) error {
	err := d.mayRelease(n.Signed, staff)
	if errors.Is(err, errTooEarly) { // what the database says is not what was signed: its time comes
		return nil
	}
	if err == nil {
		_, err = d.store.Release(ctx, n.Number, n.Signed.ApproverSignature, d.now())
	}
	var problem *portal.Error
	if errors.As(err, &problem) && problem.Kind == portal.Conflict {
		switch problem.Code {
		case "already-released", "already-recalled", "already-returned": // somebody was faster
			return nil
		}
		err = d.store.KeepReleaseProblem(ctx, n.Number, portal.ReleaseProblem{At: d.now(), Code: problem.Code, Text: problem.Public})
	}
	d.told(n.Number, err)
	return err
}

// mayRelease says what stands against releasing an approved notice now. Both signatures hold, and both people are still what they were.
func (d *Dispatch) mayRelease(signed crypto.SignedManifest, staff []*crypto.Certificate) error {
	now := d.now()
	v, err := d.root.VerifyManifest(signed, staff, now)
	if err != nil {
		return portal.Errorf(portal.Conflict, "notice-invalid", "A signature no longer holds. %s", portal.Sentence(err))
	}
	if author, err := d.root.VerifyStaff(v.Author().Certificate(), now); err != nil || !author.Has(crypto.RoleAuthor) {
		return errAuthorWithdrawn
	}
	if approver, err := d.root.VerifyStaff(v.Approver().Certificate(), now); err != nil || !approver.Has(crypto.RoleApprover) {
		return portal.Errorf(portal.Conflict, "approver-withdrawn", "Who approved it is no longer an approver. Let somebody who is approve it, when its author has sealed it anew.")
	}
	if v.Manifest().Release.After(now) {
		return errTooEarly
	}
	if deadline := v.Manifest().Deadline; !deadline.IsZero() && !deadline.After(now) {
		return errDeadlinePassed
	}
	return nil
}

var (
	errTooEarly        = errors.New("the time of release that was signed has not come")
	errAuthorWithdrawn = portal.Errorf(portal.Conflict, "author-withdrawn", "Its author is no longer an author. Let somebody who is write and seal the notice.")
	errDeadlinePassed  = portal.Errorf(portal.Conflict, "deadline-passed", "The deadline has passed. Ask the author to seal the notice again with a later one.")
)

func (d *Dispatch) doDeeds(ctx context.Context) error {
	deeds, err := d.store.DueDeeds(ctx, d.now(), deedsAtOnce)
	if err != nil {
		return err
	}
	var failed []error
	for _, deed := range deeds {
		mailboxes, err := d.store.DoDeed(ctx, deed, d.now())
		if err != nil {
			failed = append(failed, fmt.Errorf("%s of %s: %w", deed.Deed, deed.Notice, err))
		}
		if mailboxes > 0 {
			d.told(deed.Notice, err)
		}
	}
	return errors.Join(failed...)
}

// Run ticks at every full minute until ctx ends, and at once: what fell due while no node was there is done then. What fails is handed to failed.
func (d *Dispatch) Run(ctx context.Context, failed func(error)) {
	for {
		if err := d.Tick(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		now := time.Now()
		timer := time.NewTimer(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}
