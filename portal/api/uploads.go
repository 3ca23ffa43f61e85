package api

import (
	"time"

	"valise/crypto"
)

// Size caps of uploads, in bytes.
const (
	MaxUpload      = 384 << 20 // a Submission as JSON: two bodies of 46 MiB, 100,000 envelopes, personal parts
	MaxUploadPiece = 1 << 20   // PUT /uploads/{upload}
)

// BeginUpload is the request of POST /uploads: what a Submission as JSON, UTF-8, has.
type BeginUpload struct {
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // small hexadecimal digits
}

// Upload is the answer of POST, PUT and GET.
type Upload struct {
	Upload  string        `json:"upload"`
	Offset  int64         `json:"offset"` // of the next piece
	Size    int64         `json:"size"`
	Expires time.Time     `json:"expires"`
	Notice  crypto.Number `json:"notice,omitempty"` // that it became
}
