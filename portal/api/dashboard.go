package api

import (
	"time"

	"valise/crypto"
	"valise/portal"
)

// Dashboard is the answer of GET /staff/notices/{notice}/dashboard.
type Dashboard struct {
	Notice      crypto.Number   `json:"notice"`
	Acknowledge bool            `json:"acknowledge"` // demanded
	Released    time.Time       `json:"released"`
	Deadline    *time.Time      `json:"deadline"`
	Now         time.Time       `json:"now"`
	Tally       DashboardTally  `json:"tally"`
	Bar         []BarPart       `json:"bar"`
	Curve       Curve           `json:"curve"`
	Whole       bool            `json:"whole"` // the lines are all, from the first or from "after" on; else those that changed since
	Lines       []DashboardLine `json:"lines"` // by mailbox
	Next        crypto.Number   `json:"next"`  // what to ask for as "after", to get the lines that follow; "": none do
	Cursor      string          `json:"cursor"`
}

// DashboardTally counts mailboxes. Overdue are all that let the deadline pass; Unreachable, those that the last try did not reach and that have not opened it, may be among them.
type DashboardTally struct {
	Mailboxes    int `json:"mailboxes"`
	Opened       int `json:"opened"` // at any time, whether or not they answered
	Acknowledged int `json:"acknowledged"`
	Refused      int `json:"refused"`
	Overdue      int `json:"overdue"`
	Unreachable  int `json:"unreachable"`
}

// BarPart is one piece of the drawn bar; every mailbox is in one.
type BarPart struct {
	State string `json:"state"` // "acknowledged", "refused", "fetched", "waiting", "overdue", "unreachable"
	Count int    `json:"count"`
}

// Curve is how many had opened it and answered at the ends of equal parts of the time between two.
type Curve struct {
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	Opened       []int     `json:"opened"`
	Acknowledged []int     `json:"acknowledged"`
	Refused      []int     `json:"refused"`
}

// DashboardLine is one mailbox.
type DashboardLine struct {
	Mailbox     crypto.Number `json:"mailbox"`
	State       string        `json:"state"` // "delivered", "opened", "acknowledged", "refused"
	At          time.Time     `json:"at"`    // since when
	By          string        `json:"by,omitempty"`
	Late        bool          `json:"late,omitempty"`
	Unreachable bool          `json:"unreachable,omitempty"`
	Reach       *Reach        `json:"reach,omitempty"`
	Reminded    *time.Time    `json:"reminded,omitempty"`
}

// Reach is the last try to reach a mailbox by another way than the portal.
type Reach struct {
	Kind portal.NoticeEventKind `json:"kind"`
	Via  portal.NoticeVia       `json:"via"`
	At   time.Time              `json:"at"`
}
