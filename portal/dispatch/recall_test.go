package dispatch_test

import (
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

// reason is why a notice ends, as a client seals it to the desk.
func (c *court) reason(by *crypto.Key, n crypto.Number, end crypto.NoticeEnd, text string, more ...*crypto.Key) []byte {
	c.t.Helper()
	desk := []*crypto.Staff{c.staff(c.author).Staff(), c.staff(c.approver).Staff(), c.staff(c.both).Staff()}
	for _, k := range more {
		desk = append(desk, c.staff(k).Staff())
	}
	sealed, err := crypto.SealNoticeReason(crypto.NoticeReason{Notice: n, ManifestSHA256: strings.Repeat("0", 64), End: end, Reason: text}, by, desk, c.now)
	must(c.t, err)
	return sealed
}

func TestReturnAndRecall(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n, _ := c.submitted()
	approval := c.approval(c.approver, n)
	why := c.reason(c.approver, n, crypto.NoticeReturned, "The date is wrong.")

	// Not by whom, and not how.
	for name, k := range map[string]*crypto.Key{"author": c.author, "registrar": c.registrar, "auditor": c.auditor} {
		if _, err := c.Return(ctx, c.staff(k), n, why); portal.KindOf(err) != portal.Forbidden {
			t.Errorf("%s sends back: %v", name, err)
		}
	}
	_, err := c.Recall(ctx, c.staff(c.secondAuthor), n, nil)
	wantCode(t, err, portal.Forbidden, "other-author")
	_, err = c.Recall(ctx, c.people[delegate].Acting(), n, nil)
	wantCode(t, err, portal.Forbidden, "staff-only")
	for _, wrong := range [][]byte{nil, []byte("The date is wrong."), c.reason(c.approver, n, crypto.NoticeReturned, "x", c.registrar)} {
		_, err = c.Return(ctx, c.staff(c.approver), n, wrong)
		wantCode(t, err, portal.Invalid, "not-sealed")
	}
	_, err = c.Recall(ctx, c.staff(c.author), n, []byte("The date is wrong."))
	wantCode(t, err, portal.Invalid, "not-sealed")
	_, err = c.Return(ctx, c.staff(c.approver), n, make([]byte, 2<<20))
	wantCode(t, err, portal.TooLarge, "too-large")

	// Sent back: nobody receives it, whatever was signed before.
	ended, err := c.Return(ctx, c.staff(c.approver), n, why)
	must(t, err)
	c.now = c.now.Add(time.Minute)
	if again, err := c.Return(ctx, c.staff(c.approver), n, why); err != nil || !again.Equal(ended) {
		t.Errorf("again: %v, %v", again, err)
	}
	c.wantAudited(c.staff(c.approver), "dispatch.return", string(n))
	_, err = c.Approve(ctx, c.staff(c.approver), n, approval)
	wantCode(t, err, portal.Conflict, "already-returned")
	_, err = c.Recall(ctx, c.staff(c.author), n, nil)
	wantCode(t, err, portal.Conflict, "already-returned")
	if list, err := c.Mailbox(ctx, c.people[delegate].Acting()); err != nil || len(list) != 0 {
		t.Errorf("a notice that was sent back is in a mailbox: %v, %v", list, err)
	}
	examined, err := c.Examine(ctx, c.staff(c.author), n)
	must(t, err)
	got, by, err := c.pin.OpenNoticeReason(examined.Notice.Reason, n, []*crypto.Key{c.author}, c.staffCertificates(), c.now)
	if err != nil || got.Reason != "The date is wrong." || by.Name() != "Benoît Laurent" || examined.Notice.State != portal.Returned {
		t.Errorf("its author reads %+v of %v, %v", got, by, err)
	}

	// Recalled by its author, or by an approver, with and without a reason.
	for _, by := range []*crypto.Key{c.author, c.approver} {
		n, _ = c.submitted()
		_, err = c.Recall(ctx, c.staff(by), n, c.reason(by, n, crypto.NoticeRecalled, "Too early."))
		must(t, err)
		c.wantAudited(c.staff(by), "dispatch.recall", string(n))
		n, _ = c.submitted()
		_, err = c.Recall(ctx, c.staff(by), n, nil)
		must(t, err)
		_, err = c.Recall(ctx, c.staff(by), n, []byte{})
		must(t, err)
	}

	// Who wrote it has nobody to send it back to.
	own, err := c.Submit(ctx, c.staff(c.both), c.sealed(c.both))
	must(t, err)
	_, err = c.Return(ctx, c.staff(c.both), own, c.reason(c.both, own, crypto.NoticeReturned, "x"))
	wantCode(t, err, portal.Forbidden, "own-notice")

	// What is released lies in the mailboxes.
	out := c.released()
	for _, err := range []error{
		func() error { _, err := c.Recall(ctx, c.staff(c.author), out, nil); return err }(),
		func() error {
			_, err := c.Return(ctx, c.staff(c.approver), out, c.reason(c.approver, out, crypto.NoticeReturned, "x"))
			return err
		}(),
	} {
		wantCode(t, err, portal.Conflict, "already-released")
		if !strings.Contains(err.Error(), "Send a correction") {
			t.Errorf("it doesn't say what to do: %v", err)
		}
	}
	_, err = c.Recall(ctx, c.staff(c.author), crypto.NewNumber(crypto.KindNotice), nil)
	wantCode(t, err, portal.NotFound, "no-notice")
}
