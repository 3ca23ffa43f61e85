package api

import (
	"time"

	"valise/crypto"
)

// MaxStatementRequest is the size in bytes of the largest request about a statement: 8 MiB sealed, as base64.
const MaxStatementRequest = 16 << 20

// MaxStatementApproval is the size in bytes of the largest approval: a statement in the clear, and its attachments as base64.
const MaxStatementApproval = MaxStatementRequest + crypto.MaxAttachmentsSize/3*4 + 64<<10

// Archive is the answer of GET /statements: a page of it, newest first.
type Archive struct {
	Statements []ArchiveLine `json:"statements"`
	Next       int64         `json:"next"` // what "before" is in the request for the next page; 0: there is none
}

// ArchiveLine is a statement in its newest version.
type ArchiveLine struct {
	Statement      crypto.Number        `json:"statement"`
	Version        int                  `json:"version"`
	Kind           crypto.StatementKind `json:"kind"`
	Topic          string               `json:"topic"`
	Series         crypto.Number        `json:"series"`          // "" for none
	FirstPublished time.Time            `json:"first_published"` // version 1
	Published      time.Time            `json:"published"`       // this version
	Titles         []StatementTitle     `json:"titles"`          // the authoritative one first
}

// StatementTitle is what a list shows of a text.
type StatementTitle struct {
	Language string `json:"language"`
	Title    string `json:"title"`
	Reason   string `json:"reason,omitempty"` // of a correction or withdrawal
}

// Statement is the answer of GET /statements/{statement}.
type Statement struct {
	Statement crypto.Number      `json:"statement"`
	Versions  []StatementVersion `json:"versions"` // the original first
}

// StatementVersion is one of them. Signed is what crypto.ParseSignedStatement reads: manifest, texts and all signatures.
type StatementVersion struct {
	Version        int                  `json:"version"`
	Kind           crypto.StatementKind `json:"kind"`
	ManifestSHA256 string               `json:"manifest_sha256"`
	Published      time.Time            `json:"published"`
	Signed         string               `json:"signed"`
}

// StatementState is where a statement stands that staff work on.
type StatementState string

const (
	StatementDraft     StatementState = "draft"
	StatementSubmitted StatementState = "submitted"
	StatementApproved  StatementState = "approved"
	StatementPublished StatementState = "published" // in answers of an approval
)

// StatementWork is one of the answer of GET /staff/statements; GET /staff/statements/{statement} fills Sealed.
type StatementWork struct {
	Statement crypto.Number  `json:"statement"`
	State     StatementState `json:"state"`
	Revision  int            `json:"revision"`
	Draft     []byte         `json:"draft"` // sealed to the desk
	Saved     time.Time      `json:"saved"`
	SavedBy   string         `json:"saved_by"` // holder name
	// Submission names what was submitted, or approved: the SHA-256 digest of Sealed in 64 small hexadecimal digits.
	Submission  string     `json:"submission,omitempty"`
	Sealed      []byte     `json:"sealed,omitempty"`
	Submitted   *time.Time `json:"submitted"`
	SubmittedBy string     `json:"submitted_by,omitempty"`
	Approved    *time.Time `json:"approved"`
	ApprovedBy  string     `json:"approved_by,omitempty"`
	Checked     *time.Time `json:"checked"` // a notary will be able to publish it; null: none has looked yet
	Reason      []byte     `json:"reason,omitempty"`
	Returned    *time.Time `json:"returned"`
	ReturnedBy  string     `json:"returned_by,omitempty"`
}

// StatementStanding is the answer of GET /staff/statements/{statement}/standing: a StatementWork without anything sealed.
type StatementStanding struct {
	Statement   crypto.Number  `json:"statement"`
	State       StatementState `json:"state"`
	Revision    int            `json:"revision"`
	Saved       time.Time      `json:"saved"`
	SavedBy     string         `json:"saved_by"`
	Submission  string         `json:"submission,omitempty"`
	Submitted   *time.Time     `json:"submitted"`
	SubmittedBy string         `json:"submitted_by,omitempty"`
	Approved    *time.Time     `json:"approved"`
	ApprovedBy  string         `json:"approved_by,omitempty"`
	Checked     *time.Time     `json:"checked"`
	Returned    *time.Time     `json:"returned"`
	ReturnedBy  string         `json:"returned_by,omitempty"`
}

// SaveStatement is the request of PUT /staff/statements/{statement}/draft. Revision is one more than the one that it follows.
type SaveStatement struct {
	Revision int    `json:"revision"`
	Draft    []byte `json:"draft"`
	// Attachments names the sealed files that the draft does, which were uploaded before with PUT /staff/statements/{statement}/attachments/{id}.
	Attachments []string `json:"attachments,omitempty"`
}

// SavedStatement is its answer.
type SavedStatement struct {
	Revision int       `json:"revision"`
	Saved    time.Time `json:"saved"`
}

// DiscardStatement is the request of POST /staff/statements/{statement}/discard.
type DiscardStatement struct {
	Revision int `json:"revision"`
}

// SubmitStatement is the request of POST /staff/statements/{statement}/submission.
type SubmitStatement struct {
	Revision int    `json:"revision"` // of the draft that it was made of
	Sealed   []byte `json:"sealed"`
}

// SubmittedStatement is its answer.
type SubmittedStatement struct {
	Submission string `json:"submission"`
}

// ApproveStatement is the request of POST /staff/statements/{statement}/approval. Exactly one of Signed and Sealed is there: what is due, to be published at
// once; or what is not, sealed to the desk and the notaries.
type ApproveStatement struct {
	Submission string `json:"submission"`
	Signed     string `json:"signed,omitempty"`
	Sealed     []byte `json:"sealed,omitempty"`
	// Files are, with Signed, the attachments in any order, but for those that an earlier version has. Attachments names, with Sealed, the files that were uploaded sealed to the
	// notaries.
	Files       [][]byte `json:"files,omitempty"`
	Attachments []string `json:"attachments,omitempty"`
}

// ApprovedStatement is its answer.
type ApprovedStatement struct {
	State     StatementState `json:"state"`     // published or approved
	Version   int            `json:"version"`   // 0 when it waits: the portal doesn't know
	Published *time.Time     `json:"published"` // null: not yet
}

// ReturnStatement is the request of POST /staff/statements/{statement}/return.
type ReturnStatement struct {
	Submission string `json:"submission"`
	Reason     []byte `json:"reason"` // sealed to the desk
}

// CancelStatement is the request of POST /staff/statements/{statement}/cancel.
type CancelStatement struct {
	Submission string `json:"submission"`
}

// StatementQuery is what GET /statements can be asked for. Zero fields ask for nothing in particular.
type StatementQuery struct {
	Language string
	Topic    string
	Series   crypto.Number
	Text     string
	From, To string // a date (2006-01-02, in UTC; To includes it) or a time (RFC 3339)
	Before   int64
	Limit    int
}
