package dispatch

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// maxReason is the size in bytes of the largest sealed reason: a large desk has many envelopes.
const maxReason = 1 << 20

// Return sends a submitted notice back to its author, with a reason that is sealed to the desk. Approvers only; who wrote it recalls it instead.
// Again with the same reason: the same outcome.
func (d *Dispatch) Return(ctx context.Context, actor portal.Actor, n crypto.Number, reason []byte) (ended time.Time, err error) {
	if err := d.staffAct(ctx, actor, "dispatch.return", string(n), crypto.RoleApprover); err != nil {
		return time.Time{}, err
	}
	author, err := d.author(ctx, n)
	if err != nil {
		return time.Time{}, err
	}
	if author == actor.Holder() {
		return time.Time{}, portal.Errorf(portal.Forbidden, "own-notice", "You are the author, so there is nobody to send it back to. Recall it instead.")
	}
	if err := d.checkReason(ctx, reason); err != nil {
		return time.Time{}, err
	}
	ended, err = d.store.EndNotice(ctx, n, portal.Returned, actor.Holder(), reason, d.now())
	d.told(n, err)
	return ended, err
}

// Recall takes a submitted notice back before its release: its author, or an approver. A reason, sealed to the desk, may be given. Again: the same outcome.
func (d *Dispatch) Recall(ctx context.Context, actor portal.Actor, n crypto.Number, reason []byte) (ended time.Time, err error) {
	if err := d.staffAct(ctx, actor, "dispatch.recall", string(n), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return time.Time{}, err
	}
	author, err := d.author(ctx, n)
	if err != nil {
		return time.Time{}, err
	}
	if author != actor.Holder() && !actor.Has(crypto.RoleApprover) {
		return time.Time{}, portal.Errorf(portal.Forbidden, "other-author", "Another author submitted this notice. They can recall it, or an approver.")
	}
	if len(reason) == 0 {
		reason = nil // none, however it was spelt
	} else if err := d.checkReason(ctx, reason); err != nil {
		return time.Time{}, err
	}
	ended, err = d.store.EndNotice(ctx, n, portal.Recalled, actor.Holder(), reason, d.now())
	d.told(n, err)
	return ended, err
}

// author is the holder whose signature a notice was submitted with.
func (d *Dispatch) author(ctx context.Context, n crypto.Number) (string, error) {
	notice, err := d.store.Signed(ctx, n)
	if err != nil {
		return "", err
	}
	m, err := crypto.ParseManifest(notice.Signed.Manifest)
	if err != nil {
		return "", err
	}
	return portal.StaffHolder(m.Author), nil
}

// checkReason refuses what is not sealed, or sealed to anybody who is not of the desk.
func (d *Dispatch) checkReason(ctx context.Context, sealed []byte) error {
	if len(sealed) > maxReason {
		return portal.Errorf(portal.TooLarge, "too-large", "The sealed reason has more than %d KiB. Shorten it.", maxReason>>10)
	}
	staff, err := d.staff(ctx)
	if err != nil {
		return err
	}
	var desk []*crypto.Certificate
	for _, c := range staff {
		member, err := d.root.VerifyStaff(c, d.now())
		if err == nil && (member.Has(crypto.RoleAuthor) || member.Has(crypto.RoleApprover)) {
			desk = append(desk, c)
		}
	}
	if _, err := crypto.RecordAddressees(sealed, desk); err != nil {
		return invalid("not-sealed", "The reason must be sealed to staff who author and approve, and to nobody else: %v. Fetch the list of staff again, and seal it anew.", err)
	}
	return nil
}
