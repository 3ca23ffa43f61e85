package dispatch

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// ToReach is a mailbox that should be reached by another way, as the policy of a notice says.
type ToReach struct {
	Notice   crypto.Number
	Manifest *crypto.Manifest
	Since    time.Time // when the notice's time for that came
	portal.UnreachedMailbox
}

// ToReach returns the mailboxes that have not answered a notice within the time after which its policy says to reach them by another way (or not opened it, where no
// acknowledgement is asked for), the longest ago first. Those whom somebody reached for since stay in the list, with the time of that, until they answer. Staff, but not
// administrators; who reads it is written down.
func (d *Dispatch) ToReach(ctx context.Context, actor portal.Actor) ([]ToReach, error) {
	if err := d.staffAct(ctx, actor, "dispatch.reach", "all", readers...); err != nil {
		return nil, err
	}
	records, err := d.store.Notices(ctx)
	if err != nil {
		return nil, err
	}
	now := d.now()
	manifests, since := map[crypto.Number]*crypto.Manifest{}, map[crypto.Number]time.Time{}
	var notices []crypto.Number
	for i := len(records) - 1; i >= 0; i-- { // the oldest first
		n := records[i]
		if n.State != portal.Released {
			continue
		}
		m, err := crypto.ParseManifest(n.Signed.Manifest)
		if err != nil {
			return nil, err
		}
		if at := m.EscalateAt(n.ReleasedAt); !at.IsZero() && !at.After(now) {
			manifests[n.Number], since[n.Number] = m, at
			notices = append(notices, n.Number)
		}
	}
	unreached, err := d.store.Unreached(ctx, notices)
	if err != nil {
		return nil, err
	}
	of := map[crypto.Number][]ToReach{}
	for _, u := range unreached {
		m := manifests[u.Notice]
		if m.Acknowledge || u.OpenedAt.IsZero() {
			of[u.Notice] = append(of[u.Notice], ToReach{Notice: u.Notice, Manifest: m, Since: since[u.Notice], UnreachedMailbox: u})
		}
	}
	var list []ToReach
	for _, n := range notices {
		list = append(list, of[n]...)
	}
	return list, nil
}
