package ceremony

import (
	"fmt"
	"time"

	"valise/crypto"
)

// lateAfter is how much later than it was approved, or was to be released, a notice may be delivered before that is said. The release follows within
// seconds, unless somebody's certificate stood in the way and staff saw to it.
const lateAfter = 24 * time.Hour

// Late compares when the portal says that it delivered a notice, or to staff that it released it, with when it was approved, and with the release that was signed: a *TimesDiffer, or nil when they fit. The signatures
// hold all the same; but a portal can keep an approved notice back, or show an old one as if it were new, and the reader must know when it was written.
func Late(v *crypto.VerifiedManifest, delivered time.Time) error {
	if v == nil || v.Approver() == nil {
		return nil
	}
	due := v.ApproverSignature().Made()
	if release := v.Manifest().Release; release.After(due) {
		due = release
	}
	if delivered.After(due.Add(lateAfter)) || delivered.Before(due.Add(-crypto.ClockSkew)) {
		return &TimesDiffer{due, delivered}
	}
	return nil
}

// TimesDiffer is that a notice was delivered, as the portal says, long after it was due, or before.
type TimesDiffer struct{ Due, Delivered time.Time }

func (e *TimesDiffer) Error() string {
	due, delivered := e.times()
	if e.Delivered.Before(e.Due) {
		return fmt.Sprintf("the portal says that it was delivered on %s, and it was due on %s only: don't rely on the portal's times, and tell the institution", delivered, due)
	}
	return fmt.Sprintf("it was due on %s, and the portal says that it was delivered on %s: it was held back, or an old notice is shown as a new one; ask the institution, by another way than this portal, whether it still holds", due, delivered)
}

// ToStaff says the same to those who wrote it.
func (e *TimesDiffer) ToStaff() string {
	due, delivered := e.times()
	if e.Delivered.Before(e.Due) {
		return fmt.Sprintf("it was signed to go out on %s, and the portal says that it did on %s already: don't rely on the portal's times, and tell the administrators", due, delivered)
	}
	return fmt.Sprintf("it was signed to go out on %s, and the portal says that it did on %s only: it was held back meanwhile, or the time is wrong; ask the administrators, and tell recipients by another way whether it still holds", due, delivered)
}

func (e *TimesDiffer) times() (due, delivered string) {
	const utc = "2 January 2006, 15:04 UTC"
	return e.Due.UTC().Format(utc), e.Delivered.UTC().Format(utc)
}
