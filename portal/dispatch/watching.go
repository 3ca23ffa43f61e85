package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"valise/crypto"
	"valise/portal"
)

// MaxListed is how many notices are asked for at once by their numbers.
const MaxListed = 200

func tooManyListed(notices []crypto.Number) error {
	if len(notices) > MaxListed {
		return invalid("too-many", "At most %d notices are asked for at once.", MaxListed)
	}
	return nil
}

// Headings returns those of some notices that were sealed to the actor, with what their client needs to show the subjects. Authors and approvers; that they looked is written down.
func (d *Dispatch) Headings(ctx context.Context, actor portal.Actor, notices []crypto.Number) ([]portal.HeadedNotice, error) {
	if err := tooManyListed(notices); err != nil {
		return nil, err
	}
	if err := d.staffAct(ctx, actor, "dispatch.notices", "all", crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return nil, err
	}
	return d.store.Headings(ctx, actor.Holder(), notices)
}

// Watching returns how far some released notices have come, for a list that is open; others are missing. stamp says whether the list itself is another one: it changes
// with every notice that comes, and with the state of each. Like Standing it is not written down as an act.
func (d *Dispatch) Watching(ctx context.Context, actor portal.Actor, notices []crypto.Number) (lines []Line, stamp string, err error) {
	if err := tooManyListed(notices); err != nil {
		return nil, "", err
	}
	if err := d.MayWatch(ctx, actor); err != nil {
		return nil, "", err
	}
	records, err := d.store.Notices(ctx)
	if err != nil {
		return nil, "", err
	}
	tallies, err := d.store.NoticeTallies(ctx, notices)
	if err != nil {
		return nil, "", err
	}
	sum, now := sha256.New(), d.now()
	for _, record := range records {
		fmt.Fprintln(sum, record.Number, record.State)
		tally, ok := tallies[record.Number]
		if !ok || record.State != portal.Released {
			continue
		}
		m, err := crypto.ParseManifest(record.Signed.Manifest)
		if err != nil {
			return nil, "", err
		}
		lines = append(lines, Line{Notice: record, Manifest: m, Tally: tally, Overdue: overdue(m, tally, now)})
	}
	return lines, hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
