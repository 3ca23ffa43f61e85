package dispatch

import (
	"context"
	"slices"

	"valise/crypto"
	"valise/portal"
)

// DraftStanding returns who saved a draft last, when and as which revision, and nothing that anybody wrote. Authors and approvers.
//
// Whoever has a draft open asks this every few seconds, to be told when somebody else saves it. So it is not written down as an act; who has not the role is, as everywhere.
func (d *Dispatch) DraftStanding(ctx context.Context, actor portal.Actor, draft crypto.Number) (NoticeDraft, error) {
	if !slices.ContainsFunc(writers, actor.Has) {
		if err := d.staffAct(ctx, actor, "dispatch.draft", string(draft), writers...); err != nil {
			return NoticeDraft{}, err
		}
	}
	standing, err := d.store.NoticeDraft(ctx, draft)
	standing.Record, standing.Files = nil, nil
	return standing, err
}
