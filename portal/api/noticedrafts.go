package api

import (
	"time"

	"valise/crypto"
)

// MaxNoticeDraftRequest is the limit of PUT /staff/notice-drafts/{draft} in bytes: a draft, sealed, in base64.
const MaxNoticeDraftRequest = crypto.MaxSealedNoticeDraft/3*4 + 64<<10

// NoticeDraft is one of the answer of GET /staff/notice-drafts.
type NoticeDraft struct {
	Draft    crypto.Number `json:"draft"`
	Revision int           `json:"revision"`
	Saved    time.Time     `json:"saved"`
	SavedBy  string        `json:"saved_by"` // holder
	Record   []byte        `json:"record"`   // sealed to the desk
}

// SaveNoticeDraft is the request of PUT /staff/notice-drafts/{draft}. Files are the digests of the sealed files that the draft names.
type SaveNoticeDraft struct {
	Revision int      `json:"revision"` // one more than the one that was changed
	Record   []byte   `json:"record"`
	Files    []string `json:"files"`
}

// SavedNoticeDraft is its answer.
type SavedNoticeDraft struct {
	Revision int       `json:"revision"`
	Saved    time.Time `json:"saved"`
}

// DiscardNoticeDraft is the request of POST /staff/notice-drafts/{draft}/discard.
type DiscardNoticeDraft struct {
	Revision int `json:"revision"` // that is to be discarded
}
