package api

import "valise/crypto"

// Board is the answer of GET /staff/board: how far notices of an open list have come.
type Board struct {
	Stamp   string        `json:"stamp"` // changes when the list itself does
	Notices []BoardNotice `json:"notices"`
}

// BoardNotice is one that was released.
type BoardNotice struct {
	Notice      crypto.Number  `json:"notice"`
	Acknowledge bool           `json:"acknowledge"` // demanded
	Tally       DashboardTally `json:"tally"`
	Bar         []BarPart      `json:"bar"`
}
