package dispatch

import (
	"context"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Standing says where a notice stands: its record without audience. Staff, but not administrators.
//
// Whoever has a notice open asks this every few seconds, to be told when somebody else decides on it. So it is not written down as an act; who has not
// the role is, as everywhere.
func (d *Dispatch) Standing(ctx context.Context, actor portal.Actor, n crypto.Number) (portal.NoticeRecord, error) {
	if !slices.ContainsFunc(readers, actor.Has) {
		if err := d.staffAct(ctx, actor, "dispatch.status", string(n), readers...); err != nil {
			return portal.NoticeRecord{}, err
		}
	}
	return d.store.Signed(ctx, n)
}

// MayWatch says whether somebody may be woken when notices change: staff, but not administrators, as for Standing. Not an act, either.
func (d *Dispatch) MayWatch(ctx context.Context, actor portal.Actor) error {
	if slices.ContainsFunc(readers, actor.Has) {
		return nil
	}
	return d.staffAct(ctx, actor, "dispatch.status", "all", readers...)
}

// Line is a notice in a list, and how far it has come.
type Line struct {
	Notice   portal.NoticeRecord // without audience
	Manifest *crypto.Manifest
	Tally    portal.NoticeTally // zero before its release
	Overdue  int                // mailboxes that let the deadline pass
}

// Board returns all notices that wait, for approval or for their time, what is urgent first, and, of the others, newest first, at most limit after the first skip ones; total is how many those are.
// Staff, but not administrators; who reads it is written down.
func (d *Dispatch) Board(ctx context.Context, actor portal.Actor, skip, limit int) (waiting, rest []Line, total int, err error) {
	records, err := d.Notices(ctx, actor)
	if err != nil {
		return nil, nil, 0, err
	}
	var released []crypto.Number
	for _, record := range records {
		waits := record.State == portal.Submitted || record.State == portal.Approved
		if !waits {
			if total++; total <= skip || len(rest) >= limit {
				continue
			}
		}
		m, err := crypto.ParseManifest(record.Signed.Manifest)
		if err != nil {
			return nil, nil, 0, err
		}
		line := Line{Notice: record, Manifest: m}
		if waits {
			waiting = append(waiting, line)
			continue
		}
		rest = append(rest, line)
		if record.State == portal.Released {
			released = append(released, record.Number)
		}
	}
	slices.SortStableFunc(waiting, func(a, b Line) int {
		switch {
		case a.Manifest.Urgent == b.Manifest.Urgent:
			return 0
		case a.Manifest.Urgent:
			return -1
		}
		return 1
	})
	tallies, err := d.store.NoticeTallies(ctx, released)
	if err != nil {
		return nil, nil, 0, err
	}
	now := d.now()
	for i := range rest {
		line := &rest[i]
		line.Tally = tallies[line.Notice.Number]
		line.Overdue = overdue(line.Manifest, line.Tally, now)
	}
	return waiting, rest, total, nil
}

// overdue is how many mailboxes let a deadline pass: who refuses has answered.
func overdue(m *crypto.Manifest, t portal.NoticeTally, now time.Time) int {
	if !m.Acknowledge || m.Deadline.IsZero() || !now.After(m.Deadline) {
		return 0
	}
	return t.Mailboxes - t.Acknowledged - t.Refused
}
