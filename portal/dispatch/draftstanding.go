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
	if err := checkDraftNumber(draft); err != nil {
		return NoticeDraft{}, err
	}
	found, err := d.draftStandings(ctx, actor, draft)
	switch {
	case err != nil:
		return NoticeDraft{}, err
	case len(found) == 0:
		return NoticeDraft{}, portal.Errorf(portal.NotFound, "no-draft", "There is no draft %s. It may have been submitted, or discarded.", draft)
	}
	return found[0], nil
}

// DraftStandings returns that of all drafts, the newest first, for a list.
func (d *Dispatch) DraftStandings(ctx context.Context, actor portal.Actor) ([]NoticeDraft, error) {
	return d.draftStandings(ctx, actor, "")
}

func (d *Dispatch) draftStandings(ctx context.Context, actor portal.Actor, draft crypto.Number) ([]NoticeDraft, error) {
	if !slices.ContainsFunc(writers, actor.Has) {
		if err := d.staffAct(ctx, actor, "dispatch.drafts", string(draft), writers...); err != nil {
			return nil, err
		}
	}
	return d.store.NoticeDraftStandings(ctx, draft)
}
