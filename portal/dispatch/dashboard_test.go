package dispatch_test

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
)

func TestDashboard(t *testing.T) {
	c := newCourt(t)
	ctx, author := t.Context(), c.staff(c.author)
	waits, _ := c.submitted()
	_, err := c.Dashboard(ctx, author, waits, time.Time{}, "")
	wantCode(t, err, portal.Conflict, "not-released")

	n := c.released()
	released := c.now
	whole := func() *dispatch.Dashboard {
		t.Helper()
		b, err := c.Dashboard(ctx, author, n, time.Time{}, "")
		must(t, err)
		if len(b.Lines) != 4 || b.Next != "" || len(b.Curve) != 200 || !b.Since.IsZero() {
			t.Fatalf("%d lines, next %q, %d points, since %v", len(b.Lines), b.Next, len(b.Curve), b.Since)
		}
		return b
	}
	first := whole()
	if first.Tally != (portal.NoticeTally{Mailboxes: 4}) || first.Overdue != 0 {
		t.Errorf("%+v, %d overdue", first.Tally, first.Overdue)
	}
	c.wantAudited(author, "dispatch.status", string(n))

	c.now = released.Add(time.Hour)
	c.receive(c.people[delegate], n)
	_, _, err = c.Open(ctx, c.people[focal].Acting(), n)
	must(t, err)
	c.now = released.Add(2 * time.Hour)
	b := whole()
	if b.Tally != (portal.NoticeTally{Mailboxes: 4, Opened: 2, Acknowledged: 1}) || b.Overdue != 0 {
		t.Errorf("%+v, %d overdue", b.Tally, b.Overdue)
	}
	if p := b.Curve[50]; p.Opened != 0 {
		t.Errorf("half an hour after the release: %+v", p)
	}
	if p := b.Curve[150]; p.Opened != 2 || p.Acknowledged != 1 {
		t.Errorf("an hour and a half after it: %+v", p)
	}
	if end := b.Curve[199].At; end.Sub(c.now).Abs() > time.Minute {
		t.Errorf("the curve ends at %v, and it is %v", end, c.now)
	}

	// What changed of late; and again, for a while, since who committed late may carry an earlier time.
	c.now = released.Add(2*time.Hour + time.Minute)
	_, _, err = c.Open(ctx, c.people[lawyer].Acting(), n)
	must(t, err)
	for range 2 {
		c.now = c.now.Add(10 * time.Second)
		late, err := c.Dashboard(ctx, author, n, b.Cursor, "")
		must(t, err)
		if len(late.Lines) != 1 || late.Lines[0].Mailbox != c.people[lawyer].Mailbox || late.Tally.Opened != 3 || late.Since.IsZero() {
			t.Errorf("%+v of %+v", late.Lines, late.Tally)
		}
		b = late
	}
	c.now = c.now.Add(2 * time.Minute)
	if late, err := c.Dashboard(ctx, author, n, c.now.Add(-time.Minute), ""); err != nil || len(late.Lines) != 0 {
		t.Errorf("%+v, %v", late, err)
	}
	// With a cursor from yesterday one is given everything, and that is written down.
	if late, err := c.Dashboard(ctx, author, n, c.now.Add(-25*time.Hour), ""); err != nil || len(late.Lines) != 4 || !late.Since.IsZero() {
		t.Errorf("%+v, %v", late, err)
	}

	// A cursor is a time that anybody can name. Who never read the lines, and names one, sees some all the same: that is written down, once a day and not with each look.
	approver := c.staff(c.approver)
	written := func() int { return c.audited(approver, "dispatch.status", string(n)) }
	for range 2 {
		if made, err := c.Dashboard(ctx, approver, n, c.now.Add(-5*time.Minute), ""); err != nil || len(made.Lines) != 1 || written() != 1 {
			t.Errorf("%d lines, %d entries, %v", len(made.Lines), written(), err)
		}
	}

	// After the deadline: who has not answered is late, whether or not they opened it.
	c.now = released.Add(72 * time.Hour)
	b = whole()
	late := 0
	for _, m := range b.Lines {
		if b.Late(m) {
			late++
		}
	}
	if b.Overdue != 3 || late != 3 {
		t.Errorf("%d overdue, %d late", b.Overdue, late)
	}
	if end := b.Curve[199].At.Sub(released); end < 48*time.Hour || end > 54*time.Hour {
		t.Errorf("the curve goes on for %v", end)
	}

	// Page by page.
	// Each is written down: nobody reads the lines in secret by leaving out the first page.
	before := written()
	if _, err := c.Dashboard(ctx, approver, n, time.Time{}, b.Lines[0].Mailbox); err != nil || written() != before+1 {
		t.Error(err, written())
	}
	page, err := c.Dashboard(ctx, author, n, time.Time{}, b.Lines[1].Mailbox)
	if err != nil || len(page.Lines) != 2 || page.Lines[0].Mailbox != b.Lines[2].Mailbox {
		t.Errorf("%+v, %v", page, err)
	}

	for _, who := range []portal.Actor{{}, c.people[delegate].Acting()} {
		for _, since := range []time.Time{{}, c.now} {
			if _, err := c.Dashboard(ctx, who, n, since, ""); err == nil {
				t.Error("somebody watches a notice who isn't staff")
			}
		}
	}
	_, err = c.Dashboard(ctx, author, crypto.NewNumber(crypto.KindNotice), time.Time{}, "")
	wantCode(t, err, portal.NotFound, "no-notice")
	if c.MayWatch(ctx, c.staff(c.auditor)) != nil || c.MayWatch(ctx, c.people[delegate].Acting()) == nil || c.MayWatch(ctx, portal.Actor{}) == nil {
		t.Error("who may be woken")
	}
}
