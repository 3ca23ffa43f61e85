package api

import (
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Root is the path under which all routes stand.
const Root = "/api/v1"

// Limits of request bodies in bytes; a larger one is answered with 413.
const (
	MaxRequest       = 64 << 10
	MaxKeyRequest    = 8 << 20   // POST /claim, POST /mailboxes, POST /me/lock
	MaxNoticeRequest = 128 << 20 // POST /notices: 25 MB of attachments, in two suites, as base64 twice (MIME, JSON)

	MaxClientManifestRequest = 1 << 20 // POST /client-manifests
)

// Failure is the body of every refusal.
type Failure struct {
	Error FailureDetail `json:"error"`
}

// FailureDetail says what happened: Code for programs, Message for the person, Reference
// to find the log line of an internal error.
type FailureDetail struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Reference string `json:"reference,omitempty"`
}

// Institution is the answer of GET /institution: what anyone may know, and a verifier needs.
type Institution struct {
	Name            map[string]string  `json:"name"` // by language
	Origin          string             `json:"origin"`
	Languages       []string           `json:"languages"`
	Root            string             `json:"root"` // armored certificate
	RootFingerprint crypto.Fingerprint `json:"root_fingerprint"`
	RootSHA256      string             `json:"root_sha256"`
	Staff           []string           `json:"staff"`                // armored certificates
	LedgerKey       string             `json:"ledger_key,omitempty"` // clear-signed by the root: with what key the ledger signs
}

// StaffCertificate is the request of POST /staff.
type StaffCertificate struct {
	Certificate string `json:"certificate"` // armored
}

// StaffMember is the answer of POST /staff.
type StaffMember struct {
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Name        string             `json:"name"`
	Roles       []crypto.Role      `json:"roles"`
}

// ClientManifest is the request of POST /client-manifests: the manifest with at least two signatures of staff.
type ClientManifest struct {
	Signed string `json:"signed"` // clear-signed
}

// EnteredClientManifest is its answer.
type EnteredClientManifest struct {
	SHA256  string        `json:"sha256"` // of the text, as the ledger has it
	Files   int           `json:"files"`
	Served  bool          `json:"served"` // what this server serves is what the manifest names
	Signers []StaffMember `json:"signers"`
}

// LogInStart is the request of POST /login/start. As is a representative's number, or a staff member's fingerprint.
type LogInStart struct {
	As string `json:"as"`
}

// LogInChallenge is its answer. Text is the log-in text to sign; clients compare Origin with where they are.
type LogInChallenge struct {
	Origin  string    `json:"origin"`
	As      string    `json:"as"`
	Nonce   string    `json:"nonce"`
	Time    time.Time `json:"time"`
	Expires time.Time `json:"expires"`
	Salt    []byte    `json:"salt"`
	Text    string    `json:"text"`
}

// Unlock is the request of POST /login/unlock.
type Unlock struct {
	As          string `json:"as"`
	LogInSecret []byte `json:"log_in_secret"`
}

// Unlocked is its answer.
type Unlocked struct {
	LockedBundle []byte                     `json:"locked_bundle"`
	State        portal.RepresentativeState `json:"state"`
}

// LogIn is the request of POST /login: the clear-signed log-in text.
type LogIn struct {
	As         string `json:"as"`
	SignedText string `json:"signed_text"`
}

// LoggedIn is its answer; State is empty for staff.
type LoggedIn struct {
	Holder   string                     `json:"holder"`
	State    portal.RepresentativeState `json:"state,omitempty"`
	Share    []byte                     `json:"share"`
	Complete bool                       `json:"complete"` // false: a second factor is still to be shown, and until then nothing else is answered
}

// Session is the answer of GET /session.
type Session struct {
	Holder          string                     `json:"holder"`
	State           portal.RepresentativeState `json:"state,omitempty"`
	Complete        bool                       `json:"complete"` // false: a second factor is still to be shown
	IdleExpires     time.Time                  `json:"idle_expires"`
	AbsoluteExpires time.Time                  `json:"absolute_expires"`
	Share           []byte                     `json:"share"` // 32 bytes, the server's half of what keeps the unlocked key in the browser
}

// SessionLine is one of the answer of GET /sessions.
type SessionLine struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Current bool      `json:"current"`
}

// Me is the answer of GET /me.
type Me struct {
	Representative string                     `json:"representative"`
	State          portal.RepresentativeState `json:"state"`
	Profile        crypto.Profile             `json:"profile"`
	Fingerprint    crypto.Fingerprint         `json:"fingerprint"`
	Chain          []string                   `json:"chain"` // armored certificates, issued one first
}

// Chain is the answer of GET /certificates/{representative}.
type Chain struct {
	Chain []string `json:"chain"`
}

// HeldEnvelope is one of the answer of GET /envelopes, and of the request of POST /claim.
type HeldEnvelope struct {
	Notice      crypto.Number      `json:"notice"`
	Certificate crypto.Fingerprint `json:"certificate"`
	Suite       crypto.Suite       `json:"suite"`
	Data        []byte             `json:"data"`
	Personal    []byte             `json:"personal,omitempty"` // the envelope for the personal part, when the notice has one
}

// Claim is the request of POST /claim. Salt, Verifier and LockedBundle are absent for profile "own".
type Claim struct {
	Profile      crypto.Profile `json:"profile"`
	Certificate  string         `json:"certificate"` // armored
	Salt         []byte         `json:"salt,omitempty"`
	Verifier     []byte         `json:"verifier,omitempty"`
	LockedBundle []byte         `json:"locked_bundle,omitempty"`
	Envelopes    []HeldEnvelope `json:"envelopes"`
}

// Lock is the request of POST /me/lock.
type Lock struct {
	Salt         []byte `json:"salt"`
	Verifier     []byte `json:"verifier"`
	LockedBundle []byte `json:"locked_bundle"`
}

// Notice is a delivered notice as one representative sees it: in GET /notices without Nonce and Body, in GET /notices/{notice} with them.
type Notice struct {
	Notice crypto.Number `json:"notice"`
	SignedManifest
	Membership       string           `json:"membership"` // shows that the notice was meant for this representative
	Suite            crypto.Suite     `json:"suite"`
	Envelope         []byte           `json:"envelope"`
	Heading          []byte           `json:"heading"`
	Delivered        time.Time        `json:"delivered"`
	Opened           *time.Time       `json:"opened"`          // null: nobody of the mailbox has opened it
	Reminded         *time.Time       `json:"reminded"`        // when the institution last reminded the mailbox of it; null: never
	Acknowledgement  *Acknowledgement `json:"acknowledgement"` // null: none yet
	Nonce            string           `json:"nonce,omitempty"`
	Body             []byte           `json:"body,omitempty"`
	PersonalEnvelope []byte           `json:"personal_envelope,omitempty"` // with Body, when the notice has personal parts
	Personal         []byte           `json:"personal,omitempty"`          // likewise: that of the mailbox, sealed
}

// Acknowledgement is what a mailbox's list and the staff's status show of a receipt.
type Acknowledgement struct {
	Representative string             `json:"representative"`
	Certificate    crypto.Fingerprint `json:"certificate"`
	Decision       crypto.Decision    `json:"decision"`
	Received       time.Time          `json:"received"`
}

// Nonce is the answer of GET /notices/{notice}/nonce.
type Nonce struct {
	Nonce string `json:"nonce"`
}

// Receipt is the request of POST /notices/{notice}/acknowledgement, clear-signed.
type Receipt struct {
	Receipt string `json:"receipt"`
}

// Receipts is the answer of GET /staff/notices/{notice}/receipts: the receipts of a notice, and what a client needs to verify them besides the directory. The
// first page has the audience.
type Receipts struct {
	SignedManifest
	Audience string           `json:"audience,omitempty"`
	Receipts []MailboxReceipt `json:"receipts"`
	Next     crypto.Number    `json:"next,omitempty"` // the query "after" of the next page; absent on the last one
}

// MailboxReceipt is one of them, to the byte.
type MailboxReceipt struct {
	Mailbox crypto.Number `json:"mailbox"`
	Receipt string        `json:"receipt"`
}

// ReceivedReceipt is its answer.
type ReceivedReceipt struct {
	Received time.Time `json:"received"`
	Receipt  string    `json:"receipt"`
}

// SignedManifest is the answer of GET /notices/{notice}/manifest, and a part of others.
type SignedManifest struct {
	Manifest          string `json:"manifest"`
	AuthorSignature   string `json:"author_signature"`
	ApproverSignature string `json:"approver_signature,omitempty"`
}

// Signed returns it as crypto verifies it. Nothing in it is known to be genuine.
func (m SignedManifest) Signed() crypto.SignedManifest {
	s := crypto.SignedManifest{Manifest: []byte(m.Manifest), AuthorSignature: []byte(m.AuthorSignature)}
	if m.ApproverSignature != "" {
		s.ApproverSignature = []byte(m.ApproverSignature)
	}
	return s
}

// EvidenceRequest is the request of POST /evidence: a receipt, to the byte as it was given out.
type EvidenceRequest struct {
	Receipt string `json:"receipt"`
}

// Evidence is its answer: what proves the receipt beyond the root. Whoever has a receipt may have it; nobody else can ask for it. Of a notice's receipt it holds the signed
// manifest and the membership, of a statement's the statement.
type Evidence struct {
	SignedManifest
	Membership string     `json:"membership,omitempty"` // shows that the notice was meant for them
	Statement  *Statement `json:"statement,omitempty"`  // its versions up to the one that was acknowledged
	Chain      []string   `json:"chain"`                // the acknowledging representative's
	Received   time.Time  `json:"received"`

	LedgerProof string `json:"ledger_proof,omitempty"` // C2SP tlog-proof with the opening; absent until a checkpoint covers it
}

// Mailbox is one of the answer of GET /mailboxes. Label and Details are sealed records.
type Mailbox struct {
	Mailbox         crypto.Number    `json:"mailbox"`
	Kind            string           `json:"kind"` // "S", "O", "I"
	Label           []byte           `json:"label"`
	Representatives []Representative `json:"representatives"`
}

// Representative is a line of a Mailbox.
type Representative struct {
	Representative string                     `json:"representative"`
	State          portal.RepresentativeState `json:"state"`
	Profile        crypto.Profile             `json:"profile"`
	Chain          []string                   `json:"chain"`
	Details        []byte                     `json:"details"`
	Issued         time.Time                  `json:"issued"`
	Claimed        *time.Time                 `json:"claimed"`
	Revoked        *time.Time                 `json:"revoked"`          // null: not
	Reason         []byte                     `json:"reason,omitempty"` // why they were revoked: a record sealed to the registrars
	Email          bool                       `json:"email"`            // there is an address to write to; where, only couriers and registrars can read
	StoppedEmail   *time.Time                 `json:"stopped_email"`    // when they stopped e-mail themself, by signed mail, and no address was set since; null: not
}

// Revocation is the request of POST /certificates/{representative}/revocation.
type Revocation struct {
	Certificate string `json:"certificate"` // armored: the issued certificate with the registrar's revocation
	Reason      []byte `json:"reason"`      // sealed
}

// Issue is the request of POST /mailboxes: a new representative, and its mailbox when that is new.
type Issue struct {
	Representative string         `json:"representative"`
	Profile        crypto.Profile `json:"profile"`
	Certificate    string         `json:"certificate"` // armored, certified by the registrar
	Salt           []byte         `json:"salt"`
	Verifier       []byte         `json:"verifier"`
	LockedBundle   []byte         `json:"locked_bundle"`
	Label          []byte         `json:"label"`   // sealed; for a mailbox that exists it must be empty
	Details        []byte         `json:"details"` // sealed
}

// Submission is the request of POST /notices.
type Submission struct {
	Manifest        string                  `json:"manifest"`
	AuthorSignature string                  `json:"author_signature"`
	Audience        string                  `json:"audience"`
	Headings        map[crypto.Suite][]byte `json:"headings"`
	Bodies          map[crypto.Suite][]byte `json:"bodies"`
	Envelopes       []Envelope              `json:"envelopes"`
	PersonalParts
}

// PersonalParts is the answer of GET /staff/notices/{notice}/personal, and stands in a Submission: nothing when the notice has none.
type PersonalParts struct {
	PersonalKey   []byte         `json:"personal_key,omitempty"` // a record that opens all of them for the desk
	PersonalParts []PersonalPart `json:"personal_parts,omitempty"`
}

// PersonalPart is what a notice says to one mailbox, sealed for those of its representatives who open one suite.
type PersonalPart struct {
	Mailbox crypto.Number `json:"mailbox"`
	Suite   crypto.Suite  `json:"suite"`
	Data    []byte        `json:"data"`
}

// Envelope is a wrapped session key and whose it is: "S-7K2M9QXD/2", or "staff:" and a fingerprint.
type Envelope struct {
	Holder      string             `json:"holder"`
	Certificate crypto.Fingerprint `json:"certificate"`
	Suite       crypto.Suite       `json:"suite"`
	Data        []byte             `json:"data"`
	Personal    []byte             `json:"personal,omitempty"` // likewise, for the personal part of the holder's mailbox
}

// Submitted is the answer of POST /notices.
type Submitted struct {
	Notice crypto.Number `json:"notice"`
}

// StaffNotice is one of the answer of GET /staff/notices; GET /staff/notices/{notice} fills the rest.
type StaffNotice struct {
	Notice crypto.Number      `json:"notice"`
	State  portal.NoticeState `json:"state"`
	SignedManifest
	Submitted     time.Time               `json:"submitted"`
	Released      *time.Time              `json:"released"`
	Approved      *time.Time              `json:"approved"`           // when, if it had to wait for its time
	Release       *time.Time              `json:"release"`            // that time
	Problem       *ReleaseProblem         `json:"problem"`            // why it was not released then; null: nothing is wrong
	Ended         *time.Time              `json:"ended"`              // when it was returned or recalled
	EndedBy       string                  `json:"ended_by,omitempty"` // by whom: "staff:FINGERPRINT"
	Reason        []byte                  `json:"reason,omitempty"`   // why, sealed to the desk
	Audience      string                  `json:"audience,omitempty"`
	Headings      map[crypto.Suite][]byte `json:"headings,omitempty"`
	Bodies        map[crypto.Suite][]byte `json:"bodies,omitempty"`
	Envelope      []byte                  `json:"envelope,omitempty"` // this staff member's
	Suite         crypto.Suite            `json:"suite,omitempty"`    // of that envelope
	PersonalParts                         // from GET /staff/notices/{notice}/personal; not in the answer itself
}

// HasPersonal says whether the notice has personal parts, as its audience says.
func (n *StaffNotice) HasPersonal() bool {
	_, members, _ := strings.Cut(n.Audience, "\n")
	_, members, _ = strings.Cut(members, "\n")
	first, _, _ := strings.Cut(members, "\n") // all have one, or nobody has
	return first != "" && !strings.HasSuffix(first, " none")
}

// ReleaseProblem is why an approved notice could not be released at its time. It is not tried again.
type ReleaseProblem struct {
	At      time.Time `json:"at"`
	Code    string    `json:"code"`
	Message string    `json:"message"` // what to do
}

// NoticeStanding is the answer of GET /staff/notices/{notice}/standing.
type NoticeStanding struct {
	Notice    crypto.Number      `json:"notice"`
	State     portal.NoticeState `json:"state"`
	Submitted time.Time          `json:"submitted"`
	Released  *time.Time         `json:"released"`
	Release   *time.Time         `json:"release"` // when an approved one is to be
	Problem   *ReleaseProblem    `json:"problem"` // why it was not
	Ended     *time.Time         `json:"ended"`
	EndedBy   string             `json:"ended_by,omitempty"`
}

// Approval is the request of POST /staff/notices/{notice}/approval.
type Approval struct {
	Signature string `json:"signature"` // armored
}

// NoticeReason is the request of POST /staff/notices/{notice}/return and …/recall.
type NoticeReason struct {
	Reason []byte `json:"reason,omitempty"` // sealed to the desk; a recall may lack it
}

// NoticeEnded is their answer.
type NoticeEnded struct {
	State portal.NoticeState `json:"state"`
	Ended time.Time          `json:"ended"`
}

// Released is the answer of POST /staff/notices/{notice}/approval.
type Released struct {
	State    portal.NoticeState `json:"state"`    // released, or approved: it waits for its time
	Released time.Time          `json:"released"` // when it was released, or will be
}

// Status is the answer of GET /staff/notices/{notice}/status.
type Status struct {
	Notice      crypto.Number      `json:"notice"`
	State       portal.NoticeState `json:"state"`
	Acknowledge bool               `json:"acknowledge"` // demanded
	Deadline    *time.Time         `json:"deadline"`
	Released    *time.Time         `json:"released"`
	Urgent      bool               `json:"urgent"`
	Release     *time.Time         `json:"release"` // when an approved one is to be released
	Problem     *ReleaseProblem    `json:"problem"` // why it was not
	Mailboxes   []MailboxStatus    `json:"mailboxes"`
}

// Changed is what an event of a stream says: look again. Live: changes on all nodes are heard; else only those on the node that sends it, until the next event.
type Changed struct {
	Live bool `json:"live"`
}

// MailboxStatus is one line of it.
type MailboxStatus struct {
	Mailbox      crypto.Number   `json:"mailbox"`
	Delivered    *time.Time      `json:"delivered"`
	Opened       *time.Time      `json:"opened"`
	Acknowledged *time.Time      `json:"acknowledged"`
	By           string          `json:"by,omitempty"`
	Decision     crypto.Decision `json:"decision,omitempty"`
	Overdue      bool            `json:"overdue"`
	Reminded     *time.Time      `json:"reminded"`            // last, on the portal
	Contacted    *LastContact    `json:"contacted,omitempty"` // by another way, the last time
}
