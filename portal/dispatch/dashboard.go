package dispatch

import (
	"context"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Dashboard is how far a released notice has come, for who has it open: all of it, or the lines that changed of late.
type Dashboard struct {
	Notice   portal.NoticeRecord // without audience
	Manifest *crypto.Manifest
	Now      time.Time
	Tally    portal.NoticeTally
	Overdue  int                    // mailboxes that let the deadline pass, those among them that can't be reached
	Curve    []portal.ProgressPoint // from its release on, in equal steps; the last one is the tally
	Since    time.Time              // Lines are those that changed after it; zero: all
	Lines    []portal.MailboxStatus // by mailbox, at most LinesAtOnce
	Next     crypto.Number          // the mailbox after which there are more lines; "": these were the last
	Cursor   time.Time              // what to ask for next time, as since
}

const (
	// LinesAtOnce is how many lines a dashboard has at most.
	LinesAtOnce = 5000

	curvePoints = 200

	// overlap is how far a cursor reaches back. What is committed now may carry a time a little before now: a transaction waits for its turn, and nodes' clocks differ.
	// Lines come again because of it, which does no harm.
	overlap = 30 * time.Second
	// oldest is the age of the oldest cursor that is taken. Who comes with an older one reads all.
	oldest = time.Hour
	// audited is how long the entry of who read the lines stands for the changes that they read afterwards.
	audited = 24 * time.Hour
)

// Dashboard returns it, with lines after a mailbox ("": from the first). Staff, but not administrators. Who reads all the lines is written down, page by page, whichever they begin
// with; who keeps them up to date, with a cursor, is once a day, since an open page does so every second: a cursor is a time that anybody can name, and shows lines, too.
// portal.Conflict with code "not-released".
func (d *Dispatch) Dashboard(ctx context.Context, actor portal.Actor, n crypto.Number, since time.Time, after crypto.Number) (*Dashboard, error) {
	now := d.now()
	if now.Sub(since) > oldest {
		since = time.Time{}
	}
	notice, err := d.watched(ctx, actor, n, !since.IsZero())
	if err != nil {
		return nil, err
	}
	if notice.State != portal.Released {
		return nil, portal.Errorf(portal.Conflict, "not-released", "The notice %s has not been released, so there is nothing to watch yet.", n)
	}
	manifest, err := crypto.ParseManifest(notice.Signed.Manifest)
	if err != nil {
		return nil, err
	}
	b := &Dashboard{Notice: notice, Manifest: manifest, Now: now, Since: since, Cursor: now.Add(-overlap)}
	if err := d.count(ctx, b); err != nil {
		return nil, err
	}
	if b.Lines, err = d.store.ProgressLines(ctx, n, since, after, LinesAtOnce); err != nil {
		return nil, err
	}
	if len(b.Lines) == LinesAtOnce {
		b.Next = b.Lines[len(b.Lines)-1].Mailbox
	}
	return b, nil
}

// watched admits who may watch a notice, and returns it. It is written down, unless the actor keeps up to date what they read before, and it is in the trail that they did.
func (d *Dispatch) watched(ctx context.Context, actor portal.Actor, n crypto.Number, follows bool) (portal.NoticeRecord, error) {
	const act = "dispatch.status"
	if follows && slices.ContainsFunc(readers, actor.Has) {
		written, err := d.store.Audited(ctx, portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: string(n)}, d.now().Add(-audited))
		if err != nil {
			return portal.NoticeRecord{}, err
		}
		if written {
			return d.store.Signed(ctx, n)
		}
	}
	if err := d.staffAct(ctx, actor, act, string(n), readers...); err != nil {
		return portal.NoticeRecord{}, err
	}
	return d.store.Signed(ctx, n)
}

// count fills in curve and tally: the manifest says how many mailboxes there are, and the end of the curve what they did.
func (d *Dispatch) count(ctx context.Context, b *Dashboard) error {
	last, err := d.store.LastProgress(ctx, b.Notice.Number)
	if err != nil {
		return err
	}
	from := b.Notice.ReleasedAt
	if b.Curve, err = d.store.Progress(ctx, b.Notice.Number, from, curveEnd(from, last, b.Now, b.Manifest.Deadline), curvePoints); err != nil {
		return err
	}
	end := b.Curve[len(b.Curve)-1]
	b.Tally = portal.NoticeTally{Mailboxes: b.Manifest.Mailboxes, Opened: end.Opened, Acknowledged: end.Acknowledged, Refused: end.Refused}
	if b.Tally.Unreachable, err = d.store.Unreachable(ctx, b.Notice.Number); err != nil {
		return err
	}
	b.Overdue = overdue(b.Manifest, b.Tally, b.Now)
	return nil
}

// curveEnd is until when the curve is drawn: now, while something is still to come. When nothing has happened for long, it ends a little after the last thing that did, or it would be a
// step at the left edge of an empty drawing.
func curveEnd(from, last, now, deadline time.Time) time.Time {
	end := slices.MaxFunc([]time.Time{last, deadline, from}, time.Time.Compare)
	end = end.Add(end.Sub(from) / 10)
	if end.After(now) {
		end = now
	}
	if least := from.Add(time.Minute); end.Before(least) {
		return least
	}
	return end
}

// Late says whether a mailbox has let the deadline pass.
func (b *Dashboard) Late(m portal.MailboxStatus) bool {
	return (&Status{Manifest: b.Manifest, Now: b.Now}).Overdue(m)
}
