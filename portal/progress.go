package portal

import "time"

// ProgressPoint is how far a released notice had come at a moment: how many mailboxes had opened it, acknowledged it, refused.
type ProgressPoint struct {
	At                            time.Time
	Opened, Acknowledged, Refused int
}
