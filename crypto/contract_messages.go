package crypto

// CONTRACT: this file is scaffolding. Move each declaration to the file named in its
// heading comment, with a real body; when it is empty, delete it.

import "time"

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

func OpenHeading(v *VerifiedManifest, envelope, heading []byte, keys []*Key) (*Heading, error) { panic("contract") }
func (o *OpenedNotice) HeadingMatches(h *Heading) error                                        { panic("contract") }
