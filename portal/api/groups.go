package api

import (
	"time"

	"valise/crypto"
)

// MaxGroupRequest is the limit of PUT /groups/{group} in bytes.
const MaxGroupRequest = 2 << 20

// Group is one of the answers of GET /groups (the newest revision of each) and GET /groups/{group} (all revisions of one). Name and members stand in Record,
// sealed to registrars, authors and approvers.
type Group struct {
	Group    crypto.Number `json:"group"`
	Revision int           `json:"revision"`
	Record   []byte        `json:"record"`
	Saved    time.Time     `json:"saved"`
	SavedBy  string        `json:"saved_by"` // staff:FINGERPRINT
}

// SaveGroup is the request of PUT /groups/{group}: the next revision.
type SaveGroup struct {
	Revision int    `json:"revision"`
	Record   []byte `json:"record"`
}
