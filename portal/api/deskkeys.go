package api

import "valise/crypto"

// DeskKeys is the answer of GET /staff/desk-keys.
type DeskKeys struct {
	Keys []DeskKey `json:"keys"` // the certificate that the root certified last first
}

// DeskKey is one of the desk's certificates for mail programs, now or once.
type DeskKey struct {
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Certificate string             `json:"certificate"` // armored
	Published   bool               `json:"published"`   // mail programs are given this one
	Shares      []DeskKeyShare     `json:"shares"`      // of who asks
	Lacking     []string           `json:"lacking"`     // holders: members of the desk without its key
	Former      []string           `json:"former"`      // holders who have it and left the desk
}

// DeskKeyShare is its key, as somebody gave it to who asks.
type DeskKeyShare struct {
	By     string `json:"by"`     // holder
	Record []byte `json:"record"` // sealed: crypto.SealDeskKey
}

// ShareDeskKey is the request of POST /staff/desk-keys/{fingerprint}/shares.
type ShareDeskKey struct {
	Shares []NewDeskKeyShare `json:"shares"`
	Signed string            `json:"signed"` // crypto.SignGivenDeskKeys: that the key opened in the giver's hands
}

// NewDeskKeyShare gives it to one member of the desk.
type NewDeskKeyShare struct {
	Holder string `json:"holder"`
	Record []byte `json:"record"` // sealed to them alone
}

// MaxDeskKeyRequest is the size in bytes of the largest such request.
const MaxDeskKeyRequest = 2 << 20
