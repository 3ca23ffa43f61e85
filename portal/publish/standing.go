package publish

import (
	"context"

	"valise/crypto"
	"valise/portal"
)

// Standing returns where a statement stands that is being worked on: its state, its revision, who did what last and when; no draft, no submission, no
// reason. Authors and approvers.
//
// Whoever has a draft open asks this every few seconds, to be told when somebody else saves it. So it is not written down as an act: it shows nothing
// that anybody wrote. Who has not the role is written down, as everywhere.
func (p *Publish) Standing(ctx context.Context, actor portal.Actor, n crypto.Number) (Work, error) {
	if err := checkNumber(n); err != nil {
		return Work{}, err
	}
	if !actor.Has(crypto.RoleAuthor) && !actor.Has(crypto.RoleApprover) {
		if err := p.act(ctx, actor, "publish.standing", string(n), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
			return Work{}, err
		}
	}
	return p.store.StatementStanding(ctx, n)
}
