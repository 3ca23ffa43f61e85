package dispatch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
	"valise/portal/portaltest/people"
)

// planned submits a notice with a policy, and approves it.
func (c *court) planned(policy func(*crypto.Manifest)) (crypto.Number, []byte, dispatch.Approval) {
	c.t.Helper()
	s := c.sealed(c.author)
	c.resign(c.author, s, policy)
	n, err := c.Submit(c.t.Context(), c.staff(c.author), s)
	must(c.t, err)
	signature := c.approval(c.approver, n)
	approval, err := c.Approve(c.t.Context(), c.staff(c.approver), n, signature)
	must(c.t, err)
	return n, signature, approval
}

func inTwoHours(c *court) func(*crypto.Manifest) {
	return func(m *crypto.Manifest) { m.Release = c.now.Add(2 * time.Hour) }
}

func (c *court) stateOf(n crypto.Number) portal.NoticeRecord {
	c.t.Helper()
	record, err := c.Standing(c.t.Context(), c.staff(c.auditor), n)
	must(c.t, err)
	return record
}

func (c *court) received(p *people.Person) int {
	c.t.Helper()
	deliveries, err := c.Mailbox(c.t.Context(), p.Acting())
	must(c.t, err)
	return len(deliveries)
}

// eventsOf counts the events of a notice by their kind.
func (c *court) eventsOf(n crypto.Number) map[portal.NoticeEventKind]int {
	c.t.Helper()
	events, err := c.db.NoticeEvents(c.t.Context(), n, "")
	must(c.t, err)
	count := map[portal.NoticeEventKind]int{}
	for _, e := range events {
		count[e.Kind]++
	}
	return count
}

func TestAnApprovedNoticeWaitsForItsTime(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n, signature, approval := c.planned(inTwoHours(c))
	release := c.now.Add(2 * time.Hour)
	if approval.State != portal.Approved || !approval.At.Equal(release) {
		t.Errorf("approved: %+v", approval)
	}
	if again, err := c.Approve(ctx, c.staff(c.approver), n, signature); err != nil || again.State != portal.Approved || !again.At.Equal(release) {
		t.Errorf("again: %+v, %v", again, err)
	}
	_, err := c.Approve(ctx, c.staff(c.both), n, c.approval(c.both, n))
	wantCode(t, err, portal.Conflict, "already-approved")
	if got := c.stateOf(n); got.State != portal.Approved || !got.ReleaseAt.Equal(release) || got.ApprovedAt.IsZero() || got.Problem != nil {
		t.Errorf("it stands at %+v", got)
	}

	c.now = release.Add(-time.Second)
	c.exec(`UPDATE notice_approvals SET release_at = 1`) // whoever writes into the database brings the signed time no nearer
	must(t, c.Tick(ctx))
	if got := c.received(c.people[delegate]); got != 0 || c.stateOf(n).State != portal.Approved {
		t.Errorf("a second too early, it lies in the mailbox (%d)", got)
	}
	c.now = release
	// Two nodes, several times each.
	other := dispatch.New(c.db, c.pin, func() time.Time { return c.now })
	var group sync.WaitGroup
	for _, node := range []*dispatch.Dispatch{c.Dispatch, other, c.Dispatch, other} {
		group.Go(func() {
			if err := node.Tick(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := c.stateOf(n); got.State != portal.Released || !got.ReleasedAt.Equal(release) {
		t.Errorf("at its time it stands at %+v", got)
	}
	if c.received(c.people[delegate]) != 1 || c.received(c.people[outsider]) != 0 {
		t.Error("it is not in the mailboxes that it is meant for")
	}
	c.open(c.people[delegate], n)
	if late, err := c.Approve(ctx, c.staff(c.approver), n, signature); err != nil || late.State != portal.Released || !late.At.Equal(release) {
		t.Errorf("the approver asks once more: %+v, %v", late, err)
	}
	_, err = c.Recall(ctx, c.staff(c.author), n, nil)
	wantCode(t, err, portal.Conflict, "already-released")

	// One whose time had passed before anybody approved it goes at once.
	s := c.sealed(c.author)
	c.resign(c.author, s, func(m *crypto.Manifest) { m.Release = c.now.Add(time.Minute) })
	late, err := c.Submit(ctx, c.staff(c.author), s)
	must(t, err)
	c.now = c.now.Add(time.Hour)
	if a, err := c.Approve(ctx, c.staff(c.approver), late, c.approval(c.approver, late)); err != nil || a.State != portal.Released || !a.At.Equal(c.now) {
		t.Errorf("approved after its time: %+v, %v", a, err)
	}
}

func TestAnApprovedNoticeCanBeRecalledUntilItsTime(t *testing.T) {
	c := newCourt(t)
	n, _, _ := c.planned(inTwoHours(c))
	_, err := c.Recall(t.Context(), c.staff(c.secondAuthor), n, nil)
	wantCode(t, err, portal.Forbidden, "other-author")
	_, err = c.Recall(t.Context(), c.staff(c.author), n, nil)
	must(t, err)
	c.now = c.now.Add(3 * time.Hour)
	must(t, c.Tick(t.Context()))
	if got := c.stateOf(n); got.State != portal.Recalled || c.received(c.people[delegate]) != 0 {
		t.Errorf("recalled, it stands at %+v", got)
	}
	if got := c.eventsOf(n); got[portal.Recall] != 1 {
		t.Errorf("the recall is no event: %v", got)
	}
	_, err = c.Approve(t.Context(), c.staff(c.approver), n, c.approval(c.approver, n))
	wantCode(t, err, portal.Conflict, "already-recalled")
}

// What stands against a release is kept for staff to see. It isn't tried again: whoever made it right again may not want it any more.
func TestWhatCanNotBeReleasedIsShown(t *testing.T) {
	for code, spoil := range map[string]func(c *court){
		"author-withdrawn": func(c *court) {
			demoted, err := crypto.CertifyStaff(c.Root, c.author.Certificate(), []crypto.Role{crypto.RoleAuditor}, c.now)
			must(c.t, err)
			c.keepStaff(demoted)
		},
		"approver-withdrawn": func(c *court) {
			demoted, err := crypto.CertifyStaff(c.Root, c.approver.Certificate(), []crypto.Role{crypto.RoleAuditor}, c.now)
			must(c.t, err)
			c.keepStaff(demoted)
		},
		"stale-certificate": func(c *court) {
			c.exec(`UPDATE representatives SET state = 'revoked' WHERE holder = ?`, c.people[focal].Representative.String())
		},
		"deadline-passed": func(c *court) { c.now = c.now.Add(50 * time.Hour) }, // nobody was there
	} {
		t.Run(code, func(t *testing.T) {
			c := newCourt(t)
			n, _, _ := c.planned(inTwoHours(c))
			healthy, _, _ := c.planned(func(m *crypto.Manifest) { m.Release, m.Deadline = c.now.Add(2*time.Hour), c.now.Add(90*time.Hour) })
			c.now = c.now.Add(2*time.Hour - time.Minute)
			spoil(c)
			c.now = c.now.Add(time.Minute)
			for range 2 {
				must(t, c.Tick(t.Context()))
			}
			got := c.stateOf(n)
			if got.State != portal.Approved || got.Problem == nil || got.Problem.Code != code || got.Problem.Text == "" || !got.Problem.At.Equal(c.now) {
				t.Fatalf("it stands at %+v, problem %+v", got, got.Problem)
			}
			if code == "deadline-passed" && c.stateOf(healthy).State != portal.Released {
				t.Error("another one is held up by it")
			}
			c.exec(`UPDATE representatives SET state = 'claimed'`)
			must(t, c.Tick(t.Context()))
			if got := c.stateOf(n); got.State != portal.Approved {
				t.Errorf("it was released after all: %+v", got)
			}
			_, err := c.Recall(t.Context(), c.staff(c.both), n, nil)
			must(t, err)
		})
	}
}

func TestRemindersAndExpiry(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	deadline := c.now.Add(48 * time.Hour)
	n, _, _ := c.planned(func(m *crypto.Manifest) { m.Reminders, m.EscalateHours = []int{24, 6, 2}, 30 })
	other, _, _ := c.planned(func(m *crypto.Manifest) { m.Acknowledge, m.Deadline, m.EscalateHours = false, time.Time{}, 1 })
	acknowledge := func(i int) {
		_, _, err := c.Acknowledge(ctx, c.people[i].Acting(), n, c.receipt(c.people[i], n, "00112233445566778899aabbccddeeff"), "00112233445566778899aabbccddeeff")
		must(t, err)
	}
	acknowledge(delegate)
	mailboxes := 4

	at := func(before time.Duration, reminders, expired int) {
		t.Helper()
		c.now = deadline.Add(-before)
		for range 2 {
			must(t, c.Tick(ctx))
		}
		if got := c.eventsOf(n); got[portal.NotificationForAcceptance] != reminders || got[portal.AcceptanceRejectionExpiry] != expired {
			t.Errorf("%s before the deadline there are %v; want %d reminders, %d expired", before, got, reminders, expired)
		}
	}
	at(24*time.Hour+time.Second, 0, 0)
	at(24*time.Hour, mailboxes-1, 0)
	acknowledge(focal)
	// Nobody was there when the next one fell due: only the last one is given.
	at(time.Hour, mailboxes-1+mailboxes-2, 0)
	at(0, 2*mailboxes-3, 0)
	at(-59*time.Second, 2*mailboxes-3, 0) // never early
	at(-time.Minute, 2*mailboxes-3, mailboxes-2)
	at(-100*time.Hour, 2*mailboxes-3, mailboxes-2)
	events, err := c.db.NoticeEvents(ctx, n, c.people[lawyer].Mailbox)
	must(t, err)
	if len(events) != 3 || events[0].Via != portal.ViaPortal || !events[2].At.Equal(deadline) || events[2].Kind != portal.AcceptanceRejectionExpiry {
		t.Errorf("what happened to one mailbox: %+v", events)
	}

	// Whom to reach by another way: who has not answered; of the one that asks for nothing, who has not opened it.
	c.now = noon.Add(time.Hour).Add(30*time.Hour - time.Second)
	c.open(c.people[lawyer], other)
	reach := func() (of, ofOther []crypto.Number) {
		t.Helper()
		list, err := c.ToReach(ctx, c.staff(c.registrar))
		must(t, err)
		for _, r := range list {
			if r.Notice == n {
				of = append(of, r.Mailbox)
			} else {
				ofOther = append(ofOther, r.Mailbox)
			}
		}
		return of, ofOther
	}
	if of, ofOther := reach(); len(of) != 0 || len(ofOther) != mailboxes-1 || slices.Contains(ofOther, c.people[lawyer].Mailbox) {
		t.Errorf("to reach: %v, %v", of, ofOther)
	}
	c.now = c.now.Add(time.Second)
	if of, _ := reach(); len(of) != mailboxes-2 || slices.Contains(of, c.people[delegate].Mailbox) {
		t.Errorf("to reach after 30 hours: %v", of)
	}
	must(t, c.db.RecordNoticeEvents(ctx, []portal.NoticeEvent{{Notice: n, Mailbox: c.people[lawyer].Mailbox, Kind: portal.NotificationForAcceptance, At: c.now, Via: portal.ViaTelephone}}))
	list, err := c.ToReach(ctx, c.staff(c.author))
	must(t, err)
	if i := slices.IndexFunc(list, func(r dispatch.ToReach) bool { return r.Notice == n && r.Mailbox == c.people[lawyer].Mailbox }); i < 0 || !list[i].Contacted.Equal(c.now) {
		t.Errorf("after a call: %+v", list)
	}
	if _, err := c.ToReach(ctx, c.people[delegate].Acting()); portal.KindOf(err) != portal.Forbidden {
		t.Errorf("a representative asks whom to reach: %v", err)
	}
}

// A node that runs ticks at once, tells of what fails, and ends with its context.
func TestRun(t *testing.T) {
	c := newCourt(t)
	n, _, _ := c.planned(inTwoHours(c))
	c.now = c.now.Add(3 * time.Hour)
	ctx, stop := context.WithCancel(t.Context())
	failures := make(chan error, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx, func(err error) { failures <- err })
	}()
	for c.stateOf(n).State != portal.Released {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-done
	select {
	case err := <-failures:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	default:
	}
}
