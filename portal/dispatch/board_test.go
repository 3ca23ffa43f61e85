package dispatch_test

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

func TestBoard(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n := c.released()
	c.now = c.now.Add(time.Minute)
	back, _ := c.submitted()
	_, err := c.Recall(ctx, c.staff(c.author), back, nil)
	must(t, err)
	waits, _ := c.submitted()
	c.receive(c.people[delegate], n)

	waiting, rest, total, err := c.Board(ctx, c.staff(c.auditor), 0, 10)
	must(t, err)
	if len(waiting) != 1 || waiting[0].Notice.Number != waits || len(rest) != 2 || total != 2 || rest[0].Notice.Number != back || rest[1].Notice.Number != n {
		t.Fatalf("waiting %+v, rest %+v of %d", waiting, rest, total)
	}
	if rest[0].Tally != (portal.NoticeTally{}) || rest[1].Tally != (portal.NoticeTally{Mailboxes: 4, Opened: 1, Acknowledged: 1}) || rest[1].Overdue != 0 {
		t.Errorf("%+v, %+v, overdue %d", rest[0].Tally, rest[1].Tally, rest[1].Overdue)
	}
	c.wantAudited(c.staff(c.auditor), "dispatch.notices", "all")

	// A page of it, after the deadline: who has not answered is late, and what went to nobody makes nobody late.
	c.now = c.now.Add(72 * time.Hour)
	_, rest, total, err = c.Board(ctx, c.staff(c.author), 1, 1)
	must(t, err)
	if total != 2 || len(rest) != 1 || rest[0].Notice.Number != n || rest[0].Overdue != 3 {
		t.Errorf("a page: %+v of %d", rest, total)
	}
	_, rest, _, err = c.Board(ctx, c.staff(c.author), 0, 1)
	must(t, err)
	if len(rest) != 1 || rest[0].Overdue != 0 {
		t.Errorf("recalled: %+v", rest)
	}

	// Where it stands, for whom that is their business.
	record, err := c.Standing(ctx, c.staff(c.registrar), back)
	if err != nil || record.State != portal.Recalled || record.EndedBy != portal.StaffHolder(c.author.Certificate().Fingerprint()) {
		t.Errorf("%+v, %v", record, err)
	}
	for _, who := range []portal.Actor{{}, c.people[delegate].Acting()} {
		if _, err := c.Standing(ctx, who, back); err == nil {
			t.Error("somebody was told where a notice stands who isn't staff")
		}
		if _, _, _, err := c.Board(ctx, who, 0, 1); err == nil {
			t.Error("somebody was shown the notices who isn't staff")
		}
	}
	_, err = c.Standing(ctx, c.staff(c.author), crypto.NewNumber(crypto.KindNotice))
	wantCode(t, err, portal.NotFound, "no-notice")
}
