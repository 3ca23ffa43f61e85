package api

import (
	"time"

	"valise/crypto"
)

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

// Mail is one of the answer of GET /staff/outbox: a message that goes to a representative by e-mail.
type Mail struct {
	Notice         crypto.Number `json:"notice"`
	Representative string        `json:"representative"`
	State          string        `json:"state"` // waiting, sent, cancelled, dead
	Queued         time.Time     `json:"queued"`
	Due            time.Time     `json:"due"`     // by what the notice says
	Next           *time.Time    `json:"next"`    // when the courier looks at it; null once it is settled
	Settled        *time.Time    `json:"settled"` // null while it waits
	Attempts       int           `json:"attempts"`
	Reason         string        `json:"reason,omitempty"` // a word, and the codes of a mail server: "refused 550 5.1.1"
}
