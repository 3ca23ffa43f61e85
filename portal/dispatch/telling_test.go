package dispatch_test

import (
	"slices"
	"testing"

	"valise/crypto"
	"valise/portal"
)

// Whoever watches is told of each change once it is kept, by the number of the notice and never by a mailbox's, and of nothing that was refused.
func TestWhoWatchesIsTold(t *testing.T) {
	c := newCourt(t)
	var told []string
	c.Telling(func(topics ...string) { told = append(told, topics...) })
	expect := func(act string, n crypto.Number) {
		t.Helper()
		if !slices.Equal(told, []string{string(n), portal.TopicDesk}) {
			t.Errorf("%s told %q", act, told)
		}
		told = nil
	}
	nothing := func(act string) {
		t.Helper()
		if told != nil {
			t.Errorf("%s told %q", act, told)
		}
		told = nil
	}

	n, _ := c.submitted()
	expect("submitting", n)
	if _, err := c.Approve(t.Context(), c.staff(c.author), n, c.approval(c.approver, n)); err == nil {
		t.Error("its author approves")
	}
	nothing("a refused approval")
	_, err := c.Approve(t.Context(), c.staff(c.approver), n, c.approval(c.approver, n))
	must(t, err)
	expect("releasing", n)

	who := c.people[delegate]
	_, _, err = c.Open(t.Context(), who.Acting(), n)
	must(t, err)
	expect("opening", n)
	_, _, err = c.Open(t.Context(), c.people[colleague].Acting(), n)
	must(t, err)
	nothing("opening what was open")
	c.receive(who, n)
	expect("acknowledging", n)

	back, _ := c.submitted()
	told = nil
	_, err = c.Recall(t.Context(), c.staff(c.author), back, nil)
	must(t, err)
	expect("recalling", back)
	returned, _ := c.submitted()
	told = nil
	_, err = c.Return(t.Context(), c.staff(c.approver), returned, c.reason(c.approver, returned, crypto.NoticeReturned, "The date is wrong."))
	must(t, err)
	expect("sending back", returned)
}
