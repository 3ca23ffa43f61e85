package api

import (
	"time"

	"valise/crypto"
)

// DraftStanding is what GET /staff/notice-drafts/{draft}/standing answers: who saved it last, and nothing that anybody wrote.
type DraftStanding struct {
	Draft    crypto.Number `json:"draft"`
	Revision int           `json:"revision"`
	State    string        `json:"state"` // "draft"
	Saved    time.Time     `json:"saved"`
	SavedBy  string        `json:"saved_by"` // a staff holder
}
