package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// ContactWay is by what way, outside the portal, somebody tried to reach a mailbox's people.
type ContactWay string

// The ways of an out-of-band contact.
const (
	ByTelephone   ContactWay = "telephone"
	ByCourier     ContactWay = "courier" // a messenger who carries paper
	ByNoteVerbale ContactWay = "note-verbale"
	InPerson      ContactWay = "in-person"
	ByEMail       ContactWay = "e-mail" // written by hand, not by the portal
)

// ContactWays are all of them, in the order in which people choose.
var contactWays = []ContactWay{ByTelephone, ByCourier, ByNoteVerbale, InPerson, ByEMail}

// ContactWays returns the ways, in the order in which they are offered.
func ContactWays() []ContactWay { return slices.Clone(contactWays) }

// ContactOutcome is what came of it. None of them is an acknowledgement, nor a refusal of the notice: only who opened a notice can give either.
type ContactOutcome string

// The outcomes of an out-of-band contact.
const (
	ContactReached    ContactOutcome = "reached"      // somebody who answers for the mailbox was told
	ContactLeft       ContactOutcome = "message-left" // with somebody else, or on a machine
	ContactNotReached ContactOutcome = "not-reached"
	ContactRefused    ContactOutcome = "refused" // they were reached, and wouldn't hear or take it
)

var contactOutcomes = []ContactOutcome{ContactReached, ContactLeft, ContactNotReached, ContactRefused}

// ContactOutcomes returns the outcomes, in the order in which they are offered.
func ContactOutcomes() []ContactOutcome { return slices.Clone(contactOutcomes) }

// Told says whether the notification got somewhere: to a person, or to where they will find it.
func (o ContactOutcome) Told() bool {
	return o == ContactReached || o == ContactLeft || o == ContactRefused
}

const (
	contactFirstLine = "valise contact v1"
	contactNoteForm  = "valise contact note v1"

	// MaxContactSize is the size in bytes of the largest text of a contact that is accepted, without its signature.
	MaxContactSize = 2 << 10
	// MaxContactNote is the size in bytes of the longest note.
	MaxContactNote = 16 << 10

	noNote = "none"
)

// Contact is the text "valise contact v1": that a staff member tried to reach the people of one mailbox about a notice, by another way than the portal.
// Clear-signed by them it is evidence that anybody can check with gpg. Whom they spoke with, and what was said, is not in it: that is a ContactNote,
// sealed, which the text names by its digest. See docs/formats.md.
type Contact struct {
	// Institution is the fingerprint of the root.
	Institution Fingerprint
	Notice      Number
	Version     int
	// ManifestSHA256 is the digest of the manifest's text, 64 small hexadecimal digits: what it was that they told of.
	ManifestSHA256 string
	Mailbox        Number
	Way            ContactWay
	Outcome        ContactOutcome
	// Time is when, by the staff member's clock, with its offset from UTC; cut to seconds.
	Time time.Time
	// By is the fingerprint of the staff member's certificate, which signs.
	By Fingerprint
	// NoteSHA256 is the digest of the note before it was sealed, "" when there is none.
	NoteSHA256 string
}

func (c *Contact) text() []byte {
	note := c.NoteSHA256
	if note == "" {
		note = noNote
	}
	return writeText(contactFirstLine,
		textLine{"institution", string(c.Institution)},
		textLine{"notice", string(c.Notice)},
		textLine{"version", strconv.Itoa(c.Version)},
		textLine{"manifest-sha256", c.ManifestSHA256},
		textLine{"mailbox", string(c.Mailbox)},
		textLine{"way", string(c.Way)},
		textLine{"outcome", string(c.Outcome)},
		textLine{"time", formatTextTime(c.Time)},
		textLine{"by", string(c.By)},
		textLine{"note-sha256", note})
}

// Encode returns the text. What ParseContact would refuse is refused.
func (c *Contact) Encode() ([]byte, error) {
	text := c.text()
	if _, err := ParseContact(text); err != nil {
		return nil, err
	}
	return text, nil
}

// ParseContact reads what Encode writes, and no other spelling. The error names the line.
func ParseContact(text []byte) (*Contact, error) {
	r := readText("contact", contactFirstLine, text, MaxContactSize)
	c := &Contact{
		Institution:    r.fingerprint("institution"),
		Notice:         r.notice("notice"),
		Version:        r.integer("version", maxVersion),
		ManifestSHA256: r.hex("manifest-sha256", 32),
		Mailbox:        r.numberOf("mailbox", KindState, KindOrganisation, KindIndividual),
	}
	c.Way = ContactWay(r.value("way"))
	if !slices.Contains(contactWays, c.Way) {
		r.wrong("way", "telephone, courier, note-verbale, in-person or e-mail")
	}
	c.Outcome = ContactOutcome(r.value("outcome"))
	if !slices.Contains(contactOutcomes, c.Outcome) {
		r.wrong("outcome", "reached, message-left, not-reached or refused")
	}
	var err error
	if c.Time, err = parseTextTime(r.value("time")); err != nil {
		r.wrong("time", "a time with seconds and its offset from UTC, such as 2026-01-15T12:00:00+01:00")
	}
	c.By = r.fingerprint("by")
	if note := r.value("note-sha256"); note != noNote {
		if r.err == nil && !isHex(note, 32) {
			r.wrong("note-sha256", "none, or a digest in 64 digits 0–9 and small letters a–f")
		}
		c.NoteSHA256 = note
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return c, nil
}

// contactRoles are whose word on a contact counts.
var contactRoles = []Role{RoleAuthor, RoleApprover, RoleRegistrar}

// ContactMade is what a staff member tells of a contact.
type ContactMade struct {
	Mailbox Number
	Way     ContactWay
	Outcome ContactOutcome
	Time    time.Time // with the offset that it is to be read in
	Note    string    // UTF-8, at most MaxContactNote bytes; "": none
}

// contactNoteJSON is what is sealed of a note. With its salt, the digest in the signed text confirms no guess of what it says.
type contactNoteJSON struct {
	Form    string `json:"form"`
	Notice  Number `json:"notice"`
	Mailbox Number `json:"mailbox"`
	Salt    string `json:"salt"`
	Note    string `json:"note"`
}

func (j *contactNoteJSON) check() error {
	switch {
	case j.Form != contactNoteForm:
		return fmt.Errorf("this is not %q; a newer version of Valise may read it", contactNoteForm)
	case !isNumberOf(j.Notice, KindNotice) || !isNumberOf(j.Mailbox, KindState) && !isNumberOf(j.Mailbox, KindOrganisation) && !isNumberOf(j.Mailbox, KindIndividual):
		return errors.New("the note doesn't say which notice and which mailbox it is about")
	case !isHex(j.Salt, contentSaltSize):
		return errors.New("the note has no salt")
	case j.Note == "" || len(j.Note) > MaxContactNote || !utf8.ValidString(j.Note):
		return fmt.Errorf("a note has 1 byte to %d KiB of text", MaxContactNote>>10)
	}
	return nil
}

// SignContact writes down a contact about an approved notice: the text, clear-signed by the staff member who made it, and, when there is a note, the note,
// sealed to the staff given (nil when there is none). Both are kept; only the first is ever shown to anybody else.
func SignContact(v *VerifiedManifest, by *Key, made ContactMade, readers []*Staff, now time.Time) (signed, note []byte, err error) {
	if err := v.approved(); err != nil {
		return nil, nil, err
	}
	if by == nil || !by.exists() {
		return nil, nil, errNoKey
	}
	m := v.manifest
	c := &Contact{
		Institution: m.Institution, Notice: m.Notice, Version: m.Version, ManifestSHA256: v.digest,
		Mailbox: made.Mailbox, Way: made.Way, Outcome: made.Outcome, Time: made.Time.Truncate(time.Second), By: by.certificate.fingerprint,
	}
	if err := c.checkTime(v, now, now); err != nil {
		return nil, nil, err
	}
	if made.Note != "" {
		j := contactNoteJSON{contactNoteForm, m.Notice, made.Mailbox, NewContentSalt(), made.Note}
		if err := j.check(); err != nil {
			return nil, nil, err
		}
		encoded, err := encodeJSON(j)
		if err != nil {
			return nil, nil, err
		}
		c.NoteSHA256 = sha256Hex(encoded)
		if note, err = sealPadded(encoded, by, PurposeContactNote, readers, now); err != nil {
			return nil, nil, err
		}
	}
	text, err := c.Encode()
	if err != nil {
		return nil, nil, err
	}
	if signed, err = ClearSign(by, PurposeContact, text, now); err != nil {
		return nil, nil, err
	}
	return signed, note, nil
}

// checkTime compares the time in the text with the approval, with when it was signed, and with the clock.
func (c *Contact) checkTime(v *VerifiedManifest, made, now time.Time) error {
	approved := v.approverSignature.Made()
	switch {
	case c.Time.After(made.Add(ClockSkew)) || c.Time.After(now.Add(ClockSkew)):
		return fmt.Errorf("the contact is dated %s, which is in the future: say when it was", formatTextTime(c.Time))
	case c.Time.Before(approved.Add(-ClockSkew)):
		return fmt.Errorf("the contact is dated %s, before %s was approved at %s: nobody could be told of it then", formatTextTime(c.Time), c.Notice, formatTextTime(approved.UTC()))
	}
	return nil
}

// VerifiedContact is a contact that verified. Nothing but Root.VerifyContact makes one.
type VerifiedContact struct {
	contact   *Contact
	by        *Staff
	signature *Signature
	respelt   []byte
}

// Contact returns what was signed.
func (c *VerifiedContact) Contact() *Contact { return c.contact }

// By is who signed it.
func (c *VerifiedContact) By() *Staff { return c.by }

// Signature returns their signature.
func (c *VerifiedContact) Signature() *Signature { return c.signature }

// Bytes returns text and signature in the one spelling that GnuPG verifies, as Receipt.Bytes does.
func (c *VerifiedContact) Bytes() []byte { return bytes.Clone(c.respelt) }

// VerifyContact verifies a contact against the approved notice and the staff's certificates: the signer is whom the text names, had, when they signed, the
// role of an author, approver or registrar under the root, and speaks of this very manifest, at a time after its approval and not after their signature.
//
// That the mailbox is in the notice's audience is for who holds it to say: VerifiedManifest.CheckAudience or CheckMembership.
func (r *Root) VerifyContact(signed []byte, v *VerifiedManifest, staff []*Certificate, now time.Time) (*VerifiedContact, error) {
	if !r.exists() {
		return nil, errNoRoot
	}
	if err := v.approved(); err != nil {
		return nil, err
	}
	unverified, err := ReadClearSigned(signed)
	if err != nil {
		return nil, fmt.Errorf("the contact: %w", err)
	}
	named, err := ParseContact(unverified)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(staff, func(c *Certificate) bool { return c.exists() && c.fingerprint == named.By })
	if at < 0 {
		return nil, fmt.Errorf("the contact is signed by %s, who is not among the staff", named.By.Spaced())
	}
	text, s, respelt, err := verifyClearSigned(staff[at], PurposeContact, signed, now)
	if err != nil {
		return nil, fmt.Errorf("the contact: %w", err)
	}
	c, err := ParseContact(text)
	if err != nil {
		return nil, err
	}
	by, err := r.VerifyStaff(staff[at], s.Made())
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(contactRoles, by.Has) {
		return nil, fmt.Errorf("the contact is signed by %s, who was neither author, approver nor registrar then", by.Name())
	}
	if err := c.checkNotice(v); err != nil {
		return nil, err
	}
	if err := c.checkTime(v, s.Made(), now); err != nil {
		return nil, err
	}
	return &VerifiedContact{contact: c, by: by, signature: s, respelt: respelt}, nil
}

// checkNotice says whether the contact is about the notice that was verified.
func (c *Contact) checkNotice(v *VerifiedManifest) error {
	m := v.manifest
	switch {
	case c.Institution != m.Institution:
		return because(CauseOtherInstitution, fmt.Errorf("the contact is of another institution, whose root has the fingerprint %s", c.Institution.Spaced()))
	case c.Notice != m.Notice:
		return because(CauseOtherSubject, fmt.Errorf("the contact is about another notice, %s, not about %s", c.Notice, m.Notice))
	case c.Version != m.Version || c.ManifestSHA256 != v.digest:
		return because(CauseOtherSubject, fmt.Errorf("the contact is about another manifest of %s than the one at hand", m.Notice))
	}
	return nil
}

// OpenContactNote opens the note that belongs to a contact: signed inside by the same person, about the same notice and mailbox, and the very one that
// the signed text names.
func (r *Root) OpenContactNote(sealed []byte, of *VerifiedContact, keys []*Key, now time.Time) (string, error) {
	if of == nil || of.contact == nil {
		return "", errors.New("a note is opened with the contact that it belongs to")
	}
	c := of.contact
	encoded, by, err := r.openPadded(sealed, PurposeContactNote, keys, []*Certificate{of.by.certificate}, contactRoles, now)
	if err != nil {
		return "", fmt.Errorf("the note of a contact with %s about %s: %w", c.Mailbox, c.Notice, err)
	}
	var j contactNoteJSON
	if err := parseJSON(encoded, &j, "note"); err != nil {
		return "", err
	}
	if err := j.check(); err != nil {
		return "", err
	}
	if j.Notice != c.Notice || j.Mailbox != c.Mailbox || by.certificate.fingerprint != c.By || sha256Hex(encoded) != c.NoteSHA256 {
		return "", fmt.Errorf("the note that the portal shows for the contact with %s about %s belongs to another one", c.Mailbox, c.Notice)
	}
	return j.Note, nil
}
