package portal

import (
	"time"

	"valise/crypto"
)

// ProgressPoint is how far a released notice had come at a moment: how many mailboxes had opened it, acknowledged it, refused.
type ProgressPoint struct {
	At                            time.Time
	Opened, Acknowledged, Refused int
}

// HeadedNotice is a notice as a list shows it to a staff member whom it is sealed to: without audience, and with the heading that their envelope opens.
type HeadedNotice struct {
	Notice   NoticeRecord // Headings has that one
	Envelope crypto.Envelope
}
