package api

import (
	"time"

	"valise/crypto"
)

// MaxShareRequest is the size in bytes of the largest request that shares envelopes: 500 of them, as base64.
const MaxShareRequest = 4 << 20

// Threads is the answer of GET /threads.
type Threads struct {
	Threads []Thread `json:"threads"`
	// Chains are the certificates of who wrote the first messages, by representative, the issued one first.
	Chains map[string][]string `json:"chains"`
}

// Thread is a thread as the one who asks sees it.
type Thread struct {
	Thread   crypto.Number      `json:"thread"`
	Mailbox  crypto.Number      `json:"mailbox"`
	About    crypto.Number      `json:"about"` // of a notice or a statement; "": neither
	Closed   bool               `json:"closed"`
	Assignee string             `json:"assignee"` // "staff:…"; "": nobody; never shown to representatives
	Begun    time.Time          `json:"begun"`
	Changed  time.Time          `json:"changed"`
	Last     crypto.MessageKind `json:"last"` // the last message's kind: after a reply or a mail, an answer is waited for
	Messages int                `json:"messages"`
	Unread   int                `json:"unread"`          // that who asks could fetch, and has not
	Unshared int                `json:"unshared"`        // that are not sealed to who asks
	First    ThreadMessage      `json:"first"`           // its subject is the thread's
	Label    []byte             `json:"label,omitempty"` // sealed: whose mailbox it is; for staff
}

// ThreadMessage is a reply, an answer, or a reply that came by e-mail (kind "mail"). Suite, Envelope and Heading are empty when it is not sealed to who asks; of a mail they always are.
type ThreadMessage struct {
	ID       string             `json:"id"`
	Kind     crypto.MessageKind `json:"kind"`
	SHA256   string             `json:"sha256"`            // of a mail: of the octets that Body holds
	Writer   string             `json:"writer"`            // who was logged in; of a mail "": nobody was
	Answers  string             `json:"answers,omitempty"` // of a mail: the representative to whom that of ours went; for staff
	Received time.Time          `json:"received"`
	Read     *time.Time         `json:"read"` // by who asks
	Suite    crypto.Suite       `json:"suite,omitempty"`
	Envelope []byte             `json:"envelope,omitempty"`
	Heading  []byte             `json:"heading,omitempty"`
	Body     []byte             `json:"body,omitempty"` // where one message was asked for; of a mail, a whole OpenPGP message to the desk's certificate for mail programs
}

// ThreadDetail is the answer of GET /threads/{thread}.
type ThreadDetail struct {
	Thread
	List   []ThreadMessage     `json:"list"`   // oldest first
	Chains map[string][]string `json:"chains"` // for staff, when a mail is among them, of all representatives whom the mailbox has or had
}

// NewMessage is the request of POST /threads/{thread}/messages.
type NewMessage struct {
	Kind      crypto.MessageKind      `json:"kind"`
	Mailbox   crypto.Number           `json:"mailbox"`
	About     crypto.Number           `json:"about"`
	ID        string                  `json:"id"`
	SHA256    string                  `json:"sha256"`
	Headings  map[crypto.Suite][]byte `json:"headings"`
	Bodies    map[crypto.Suite][]byte `json:"bodies"`
	Envelopes []Envelope              `json:"envelopes"`
}

// ReceivedMessage is its answer.
type ReceivedMessage struct {
	Received time.Time `json:"received"`
}

// Addressees is the answer of GET /addressees/{mailbox}: who has claimed it. The desk is in the staff of GET /institution.
type Addressees struct {
	Mailbox         crypto.Number `json:"mailbox"`
	Label           []byte        `json:"label,omitempty"` // sealed; for staff
	Representatives []Addressee   `json:"representatives"`
}

// Addressee is a representative to whom messages are sealed.
type Addressee struct {
	Representative string   `json:"representative"`
	Chain          []string `json:"chain"`
	Details        []byte   `json:"details,omitempty"` // sealed; for staff
}

// Lack is an element of the answer of GET /lacking: a message that who asks can open, and holder can't, but should.
type Lack struct {
	Thread   crypto.Number `json:"thread"`
	Mailbox  crypto.Number `json:"mailbox"`
	Message  string        `json:"message"`
	Suite    crypto.Suite  `json:"suite"`
	Envelope []byte        `json:"envelope"` // of who asks
	Holder   string        `json:"holder"`
}

// SharedEnvelope is an envelope for somebody who lacked one.
type SharedEnvelope struct {
	Message string `json:"message"`
	Envelope
}

// Share is the request of POST /threads/{thread}/envelopes.
type Share struct {
	Envelopes []SharedEnvelope `json:"envelopes"`
}

// Sharing is its answer.
type Sharing struct {
	Added int `json:"added"`
}

// Assignment is the request of POST /threads/{thread}/assignment.
type Assignment struct {
	Assignee string `json:"assignee"` // "staff:…"; "": nobody
}
