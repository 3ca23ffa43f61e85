package crypto

// CONTRACT: this file is scaffolding. Move each declaration to the file named in its
// heading comment, with a real body; when it is empty, delete it.

import "time"

// ============================== sign.go (owner: messages)

// Purpose is the value of notation "purpose@valise.invalid".
type Purpose string

const (
	PurposeLogIn           Purpose = "login"
	PurposeAcknowledgement Purpose = "acknowledgement"
	PurposeContent         Purpose = "content"         // inner signature of a sealed body
	PurposeNoticeAuthor    Purpose = "notice-author"   // author's over the manifest
	PurposeNoticeApproval  Purpose = "notice-approval" // approver's over the same manifest
	PurposeDetails         Purpose = "details"         // inner signature of a sealed personal record
)

// Signature exists only when it verified.
type Signature struct {
	signer  *Certificate
	purpose Purpose
	made    time.Time
}

func (s *Signature) Signer() *Certificate { return s.signer }
func (s *Signature) Purpose() Purpose     { return s.purpose }
func (s *Signature) Made() time.Time      { return s.made }

func SignDetached(k *Key, purpose Purpose, data []byte, now time.Time) (armored []byte, err error) {
	panic("contract")
}
func VerifyDetached(c *Certificate, purpose Purpose, data, signature []byte, now time.Time) (*Signature, error) {
	panic("contract")
} // armored or binary; certificate must have been good when it signed
func ClearSign(k *Key, purpose Purpose, text []byte, now time.Time) ([]byte, error) {
	panic("contract")
}
func VerifyClearSigned(c *Certificate, purpose Purpose, message []byte, now time.Time) (text []byte, s *Signature, err error) {
	panic("contract")
}                                                             // LF line ends returned; nothing before/after; one signature
func ReadClearSigned(message []byte) (text []byte, err error) { panic("contract") } // unverified text, to find out whose certificate to fetch

// ============================== seal.go (owner: messages)

// SessionKey is the key of one body.
type SessionKey struct {
	suite Suite
	key   []byte
}

func (k *SessionKey) Suite() Suite { return k.suite }

// SealBody signs content with the author's key (PurposeContent) and encrypts it once: one SEIPD packet with definite length.
func SealBody(suite Suite, author *Key, content []byte, now time.Time) (body []byte, key *SessionKey, err error) {
	panic("contract")
}
func (k *SessionKey) Wrap(to *Certificate) (envelope []byte, err error) { panic("contract") }

// WrapAll wraps one envelope per certificate on all cores, in order; keys holds one session key per suite that occurs. progress may be nil
// and is called from one goroutine at a time.
func WrapAll(keys map[Suite]*SessionKey, to []*Certificate, progress func(done int)) ([][]byte, error) {
	panic("contract")
}
func Unwrap(envelope []byte, keys ...*Key) (*SessionKey, error)            { panic("contract") }
func Rewrap(envelope []byte, from []*Key, to *Certificate) ([]byte, error) { panic("contract") } // PKESK opened with one key, sealed to another

// For notice.go, in this package:
//   func (k *SessionKey) seal(purpose Purpose, author *Key, content []byte, now time.Time) (packet []byte, err error)
//   func (k *SessionKey) open(purpose Purpose, author *Certificate, packet []byte, now time.Time) (content []byte, s *Signature, err error)

// OpenBody decrypts and verifies the inner signature by exactly author.
func OpenBody(body []byte, key *SessionKey, author *Certificate, now time.Time) (content []byte, s *Signature, err error) {
	panic("contract")
}

func Message(envelope, body []byte) []byte                           { panic("contract") }
func ArmorMessage(message []byte) []byte                             { panic("contract") }
func SplitMessage(message []byte) (envelope, body []byte, err error) { panic("contract") } // armored or binary, one PKESK then one SEIPD

// CheckBody and CheckEnvelope are the server's look at what clients call sealed: structure only.
func CheckBody(body []byte) (Suite, error)                 { panic("contract") }
func CheckEnvelope(envelope []byte, to *Certificate) error { panic("contract") } // one PKESK, of to's suite and addressed to its encryption subkey

// SealRecord makes a complete signed message to a few certificates (personal details to the registrars); OpenRecord opens it.
func SealRecord(content []byte, signer *Key, purpose Purpose, to []*Certificate, now time.Time) ([]byte, error) {
	panic("contract")
}
func OpenRecord(message []byte, keys []*Key, signers []*Certificate, purpose Purpose, now time.Time) ([]byte, *Signature, error) {
	panic("contract")
}

// ============================== manifest.go, audience.go, login.go, acknowledgement.go, content.go (owner: messages)

// Manifest is what author and approver sign: "valise manifest v1". See docs/formats.md.
type Manifest struct {
	Institution    Fingerprint // the root's
	Notice         Number
	Version        int
	Author         Fingerprint
	Created        time.Time         // UTC, seconds
	Bodies         map[Suite]BodyRef // one or two
	Headings       map[Suite]BodyRef // the same suites
	ContentSHA256  string            // hex; both bodies hold this content; it contains the opening value, so it can't be guessed
	OpeningSHA256  string            // hex of the SHA-256 of the 32 opening bytes
	AudienceSHA256 string            // hex
	Mailboxes      int
	Acknowledge    bool
	Deadline       time.Time // zero: none; carries its UTC offset
	Fallback       Fallback
}

// BodyRef names a body by digest and size in bytes.
type BodyRef struct {
	SHA256 string
	Size   int64
}

// Fallback is when the courier writes an e-mail: "none", "at-once", or "after 12h".
type Fallback string

func (m *Manifest) Encode() ([]byte, error)        { panic("contract") }
func ParseManifest(text []byte) (*Manifest, error) { panic("contract") } // strict: exactly the bytes Encode writes

// Audience is who a notice goes to, one line each, salted so that its digest can't be guessed: "valise audience v1".
type Audience struct {
	Salt    string // 32 hex characters
	Members []AudienceMember
}
type AudienceMember struct {
	Representative Representative
	Certificate    Fingerprint
	Suite          Suite
}

func (a *Audience) Encode() ([]byte, error)        { panic("contract") } // sorts
func ParseAudience(text []byte) (*Audience, error) { panic("contract") }

// LogIn is the text a person signs to log in: "valise login v1".
type LogIn struct {
	Origin string // "https://portal.example", no path
	As     string // representative's number, or a staff fingerprint
	Nonce  string // 32 hex characters
	Time   time.Time
}

func (l *LogIn) Encode() ([]byte, error)     { panic("contract") }
func ParseLogIn(text []byte) (*LogIn, error) { panic("contract") }

// Decision of an acknowledgement.
type Decision string

const (
	DecisionAcknowledged Decision = "acknowledged"
	DecisionRefused      Decision = "refused"
)

// Acknowledgement is the receipt's text: "valise acknowledgement v1".
type Acknowledgement struct {
	Institution    Fingerprint
	Notice         Number
	Version        int
	ManifestSHA256 string
	Opening        string // hex, 64 characters
	Representative Representative
	Certificate    Fingerprint
	Decision       Decision
	Time           time.Time
	SessionNonce   string // 32 hex characters
}

func (a *Acknowledgement) Encode() ([]byte, error)               { panic("contract") }
func ParseAcknowledgement(text []byte) (*Acknowledgement, error) { panic("contract") }

// Content is what recipients read, as one MIME entity with protected headers (RFC 9788): the same bytes go by e-mail.
type Content struct {
	From           string // institution's display name
	Notice         Number
	Opening        string // hex of 32 random bytes
	AudienceSHA256 string
	Created        time.Time
	Languages      []LanguageVersion // first is the authoritative one
	Attachments    []Attachment
}
type LanguageVersion struct {
	Language string // BCP 47
	Subject  string
	Text     string // Markdown
}
type Attachment struct {
	Name string
	Type string // media type
	Data []byte
}

func (c *Content) Encode() ([]byte, error)       { panic("contract") }
func ParseContent(mime []byte) (*Content, error) { panic("contract") }

// ============================== notice.go (owner: messages): the whole ceremony

// Draft is what an author hands in.
type Draft struct {
	From        string
	Languages   []LanguageVersion
	Attachments []Attachment
	Acknowledge bool
	Deadline    time.Time
	Fallback    Fallback
}

// Envelope is one wrapped session key and whose it is.
type Envelope struct {
	Holder      string // "S-7K2M9QXC/2", or "staff:" + fingerprint
	Certificate Fingerprint
	Suite       Suite
	Data        []byte
}

// SealedNotice is everything an author submits.
type SealedNotice struct {
	Manifest        []byte
	AuthorSignature []byte // armored, detached
	Audience        []byte
	Headings        map[Suite][]byte
	Bodies          map[Suite][]byte
	Envelopes       []Envelope // representatives, then desk
}

// SealNotice builds content and audience, seals one body per suite that occurs, wraps every envelope on all cores, signs the manifest.
func SealNotice(root *Root, author *Key, draft *Draft, recipients []*Recipient, desk []*Staff, now time.Time, progress func(done, total int)) (*SealedNotice, error) {
	panic("contract")
}

// SignedManifest is what travels beside a message.
type SignedManifest struct {
	Manifest          []byte
	AuthorSignature   []byte
	ApproverSignature []byte // nil before approval
}

// VerifiedManifest exists only when the author's signature (and, unless it came from VerifySubmission, the approver's) holds up to the root.
type VerifiedManifest struct {
	manifest *Manifest
	author   *Staff
	approver *Staff // nil for a submission
	digest   string
}

func (v *VerifiedManifest) Manifest() *Manifest { return v.manifest }
func (v *VerifiedManifest) Author() *Staff      { return v.author }
func (v *VerifiedManifest) Approver() *Staff    { return v.approver }
func (v *VerifiedManifest) SHA256() string      { return v.digest }

func (r *Root) VerifySubmission(s SignedManifest, staff []*Certificate, now time.Time) (*VerifiedManifest, error) {
	panic("contract")
} // author's signature only; for the approver and the server
func (r *Root) VerifyManifest(s SignedManifest, staff []*Certificate, now time.Time) (*VerifiedManifest, error) {
	panic("contract")
} // both, by two people with the two roles

// OpenedNotice exists only when body, content, opening and manifest all agree.
type OpenedNotice struct {
	verified *VerifiedManifest
	content  *Content
}

func (o *OpenedNotice) Verified() *VerifiedManifest { return o.verified }
func (o *OpenedNotice) Content() *Content           { return o.content }

// OpenNotice opens one body (of the envelope's suite) with any of keys.
func OpenNotice(v *VerifiedManifest, envelope, body []byte, keys []*Key) (*OpenedNotice, error) {
	panic("contract")
}

// Approve signs the manifest a second time; refuses the author's own key and a key without the role.
func Approve(root *Root, approver *Key, o *OpenedNotice, manifest []byte, now time.Time) (signature []byte, err error) {
	panic("contract")
}

// Acknowledge builds and clear-signs the receipt.
func Acknowledge(o *OpenedNotice, k *Key, as Representative, decision Decision, sessionNonce string, now time.Time) ([]byte, error) {
	panic("contract")
}

// Receipt exists only when the receipt verified: signature, certificate, manifest digest, opening value.
type Receipt struct {
	acknowledgement *Acknowledgement
	signature       *Signature
}

func (r *Receipt) Acknowledgement() *Acknowledgement { return r.acknowledgement }
func (r *Receipt) Signature() *Signature             { return r.signature }

// VerifyReceipt checks a receipt against the manifest it names and the signer's certificate.
func VerifyReceipt(receipt []byte, v *VerifiedManifest, c *Certificate, now time.Time) (*Receipt, error) {
	panic("contract")
}

// ============================== heading.go (owner: messages) — ADDED BY THE LEAD at 11:36, part of helper-2's task

// Heading is the little that a mailbox's list shows before a notice is opened: the subjects. It is sealed with the same session
// key as the body (one more SEIPD packet, signed inside by the author with PurposeHeading), so a list of hundreds opens at once and
// listing is never taken for opening: the heading doesn't hold the opening value. Manifest gets fields Headings map[Suite]BodyRef
// (lines heading-pq / heading-compat), SealedNotice gets Headings map[Suite][]byte. OpenNotice refuses a content whose
// languages and subjects differ from those of the heading? No: it needs no heading; Approve's caller opens both and compares (function HeadingMatches).
type Heading struct {
	Notice   Number
	Subjects []LanguageSubject // same order as Content.Languages
}
type LanguageSubject struct{ Language, Subject string }

const PurposeHeading Purpose = "heading" // inner signature of a sealed heading

func OpenHeading(v *VerifiedManifest, envelope, heading []byte, keys []*Key) (*Heading, error) { panic("contract") }
func (o *OpenedNotice) HeadingMatches(h *Heading) error                                        { panic("contract") }
