package publish

import (
	"time"

	"valise/crypto"
)

// State is where a statement stands that is being worked on.
type State string

const (
	Draft     State = "draft"     // being written, or sent back
	Submitted State = "submitted" // waits for another person's approval
	Approved  State = "approved"  // waits for its minute, and for a notary
)

// Work is a version of a statement on its way to publication. Once it is published
// there is no Work any more.
type Work struct {
	Statement crypto.Number
	State     State
	// Revision counts what was saved, from 1; Draft is the newest, sealed to the desk.
	Revision int
	Draft    []byte
	SavedBy  string // holder name
	SavedAt  time.Time
	// Submission is what was submitted, sealed to the desk, and once it is approved that
	// in its place, sealed to desk and notaries; nil in state Draft. SubmissionSHA256 names
	// it: 64 small hexadecimal digits.
	Submission       []byte
	SubmissionSHA256 string
	// Attachments are the sealed files that the draft names, or, when it is approved, those for the notaries. Only those who save and approve fill them.
	Attachments []string
	SubmittedBy string
	SubmittedAt time.Time
	ApprovedBy  string
	ApprovedAt  time.Time
	// CheckedAt is when a notary found that it will be able to publish it; zero: none has looked yet.
	CheckedAt time.Time
	// Reason says why it was sent back, sealed to the desk; nil when it wasn't, since it was last submitted.
	Reason     []byte
	ReturnedBy string
	ReturnedAt time.Time
}

// Waiting is an approved statement as a notary looks for it.
type Waiting struct {
	Statement        crypto.Number
	SubmissionSHA256 string
	CheckedAt        time.Time
}

// Version is a published version of a statement.
type Version struct {
	Statement      crypto.Number
	Version        int
	Kind           crypto.StatementKind
	ManifestSHA256 string
	Signed         []byte // crypto.SignedStatement, encoded
	PublishedAt    time.Time
}

// Publication is a version that is about to be published, and what the archive keeps
// of it to be found by.
type Publication struct {
	Version
	PreviousSHA256 string // of the manifest before; "" for an original
	Topic          string
	Series         crypto.Number
	Asked          []crypto.Kind // who is to acknowledge it
	Deadline       time.Time     // until when; zero: none
	Titles         []Title       // the authoritative one first
	Words          []string      // of all texts; see Words
	// Files are those that it names, in its order.
	Files []PublishedFile
	// From and SubmissionSHA256 are the state and submission that it comes from: if somebody edited it
	// meanwhile, or took it back, it is not published.
	From             State
	SubmissionSHA256 string
}

// Title is what a list shows of a text.
type Title struct {
	Language string
	Title    string
	Reason   string // of a correction or withdrawal
}

// Entry is a line of the archive: a statement in its newest version.
type Entry struct {
	Statement   crypto.Number
	Version     int
	Kind        crypto.StatementKind
	Topic       string
	Series      crypto.Number
	FirstAt     time.Time // when version 1 was published
	PublishedAt time.Time // when this version was
	Titles      []Title   // the authoritative one first
	Place       Place
}

// Query says which entries are wanted. Zero fields ask for nothing in particular.
type Query struct {
	Language string // published in it
	Topic    string
	Series   crypto.Number // the statement that a series began with, and all others in it
	Words    []string      // every one occurs, or begins a word that does; see QueryWords
	From, To time.Time     // newest version published at From or later, and before To
	Before   Place
	Limit    int
}

// Place is where an entry stands in the archive: they count up in the order of publication, and a new version of a
// statement has a new one. 0 is none.
type Place int64
