package api

import "time"

// Address is the answer of GET /addresses/{representative}.
type Address struct {
	Record []byte    `json:"record"` // sealed: crypto.Address
	Set    time.Time `json:"set"`
	SetBy  string    `json:"set_by"`
}

// SetAddress is the request of PUT /addresses/{representative}.
type SetAddress struct {
	Record []byte `json:"record"`
}

// MaxAddressRequest is the size in bytes of the largest such request.
const MaxAddressRequest = 512 << 10
