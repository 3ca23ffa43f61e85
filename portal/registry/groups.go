package registry

import (
	"context"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// maxGroup is the size in bytes of the largest sealed record of a group: some forty thousand numbers.
const maxGroup = 1 << 20

// maxGroupRevision is how often a group may change.
const maxGroupRevision = 1_000_000

// Group is a revision of a named audience. Its name and members are in the record, sealed: the server knows that there is a group, who of staff changed it
// when, and about how large it is.
type Group struct {
	Number   crypto.Number
	Revision int    // from 1
	Record   []byte // sealed
	SavedAt  time.Time
	SavedBy  string // holder
}

// groupReaders are who groups are sealed to: those who address notices, and those who keep the groups.
var groupReaders = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar}

// SaveGroup keeps a group's next revision. Registrars only. portal.Conflict with code "group-changed" when it is not the next.
func (g *Registry) SaveGroup(ctx context.Context, actor portal.Actor, n crypto.Number, revision int, record []byte) error {
	const act = "registry.save-group"
	if err := g.admit(ctx, actor, act, string(n), crypto.RoleRegistrar); err != nil {
		return err
	}
	if again, err := crypto.ParseNumber(string(n)); err != nil || again != n || n.Kind() != crypto.KindGroup {
		return portal.Errorf(portal.Invalid, "invalid-number", "That is no number of a group. Draw a new one.")
	}
	if revision < 1 || revision > maxGroupRevision {
		return portal.Errorf(portal.Invalid, "invalid-revision", "Revisions of a group are counted from 1.")
	}
	if len(record) > maxGroup {
		return portal.Errorf(portal.TooLarge, "too-large", "The sealed record of the group has more than %d KiB. Divide the group into several, and put those into one.", maxGroup>>10)
	}
	if err := g.checkGroupRecord(ctx, actor, record); err != nil {
		return err
	}
	if err := g.audit(ctx, actor, act, string(n)); err != nil {
		return err
	}
	return g.store.SaveGroup(ctx, Group{Number: n, Revision: revision, Record: record, SavedAt: g.now(), SavedBy: actor.Holder()})
}

// checkGroupRecord refuses what is not sealed, and what is sealed to anybody but staff who may read it, or not to who hands it in.
func (g *Registry) checkGroupRecord(ctx context.Context, actor portal.Actor, record []byte) error {
	staff, err := g.staff(ctx)
	if err != nil {
		return err
	}
	var readers []*crypto.Certificate
	for _, c := range staff {
		if member, err := g.root.VerifyStaff(c, g.now()); err == nil && slices.ContainsFunc(groupReaders, member.Has) {
			readers = append(readers, c)
		}
	}
	to, err := crypto.RecordAddressees(record, readers)
	if err != nil {
		return portal.Errorf(portal.Invalid, "invalid-group", "The group must be sealed to staff who may read it before it is sent: %v.", err)
	}
	own := actor.Staff().Certificate().Fingerprint()
	if !slices.ContainsFunc(to, func(c *crypto.Certificate) bool { return c.Fingerprint() == own }) {
		return portal.Errorf(portal.Invalid, "invalid-group", "The group is not sealed to you, who hands it in. Seal it to all registrars, authors and approvers.")
	}
	return nil
}

// MayReadGroups refuses who may not see groups, as Groups would.
func (g *Registry) MayReadGroups(ctx context.Context, actor portal.Actor) error {
	return g.admit(ctx, actor, "registry.groups", "all", groupReaders...)
}

// Groups returns the newest revision of every group. Authors, approvers and registrars; who reads them is written down.
func (g *Registry) Groups(ctx context.Context, actor portal.Actor) ([]Group, error) {
	const act = "registry.groups"
	if err := g.admit(ctx, actor, act, "all", groupReaders...); err != nil {
		return nil, err
	}
	if err := g.audit(ctx, actor, act, "all"); err != nil {
		return nil, err
	}
	return g.store.Groups(ctx)
}

// GroupRevisions returns all revisions of a group, the first one first; portal.NotFound. Likewise.
func (g *Registry) GroupRevisions(ctx context.Context, actor portal.Actor, n crypto.Number) ([]Group, error) {
	const act = "registry.group"
	if err := g.admit(ctx, actor, act, string(n), groupReaders...); err != nil {
		return nil, err
	}
	if err := g.audit(ctx, actor, act, string(n)); err != nil {
		return nil, err
	}
	return g.store.GroupRevisions(ctx, n)
}
