package crypto

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	manifestFirstLine = "valise manifest v1"

	// MaxManifestSize is the size in bytes of the largest manifest accepted.
	MaxManifestSize = 4 << 10

	maxVersion = 9999
)

// Manifest is what an author and an approver sign: one text, "valise manifest v1",
// that names every part of a notice by its digest. Whoever holds it can tell the
// notice's parts from others, and learns nothing of what they say. See
// docs/formats.md.
type Manifest struct {
	// Institution is the fingerprint of the root under which both signers must hold.
	Institution Fingerprint
	// Notice is the notice's number, of KindNotice.
	Notice Number
	// Version counts from 1 to 9999; a correction is a new version.
	Version int
	// Author is the fingerprint of the staff member whose signature comes first,
	// and who signed inside the bodies and headings.
	Author Fingerprint
	// Created is when the notice was sealed, in UTC, cut to seconds.
	Created time.Time
	// ContentSHA256 is the digest, in 64 small hexadecimal digits, of the content
	// that every body holds. The content holds a secret salt, so nobody can guess a
	// content and confirm it by this digest.
	ContentSHA256 string
	// HeadingSHA256 is the digest of the heading's text, the same in every sealed
	// heading. It follows from the content: OpenNotice compares them.
	HeadingSHA256 string
	// OpeningSHA256 is the digest of the opening value: of its 32 bytes, not of
	// their 64 digits. It is what lets the server know that a receipt was made by
	// somebody who opened the notice.
	OpeningSHA256 string
	// AudienceRoot is Audience.Root, in 64 small hexadecimal digits. Through it a
	// recipient is shown that the notice was meant for them, see Membership.
	AudienceRoot string
	// Mailboxes is how many mailboxes the notice goes to, 1 to MaxAudience.
	Mailboxes int
	// Members is how many representatives it goes to, Mailboxes to MaxAudience.
	Members int
	// Bodies names the sealed bodies, one for each suite that occurs among
	// recipients and desk.
	Bodies map[Suite]BodyRef
	// Headings names the sealed headings, one beside each body.
	Headings map[Suite]BodyRef
	// Acknowledge says whether a receipt is asked for.
	Acknowledge bool
	// Deadline is until when; only with Acknowledge. It keeps its offset from UTC,
	// so that everybody reads the hour that was meant. Zero: none.
	Deadline time.Time
	// Release is when an approved notice is put into the mailboxes; it keeps its
	// offset from UTC. Zero, or a time that has passed: once it is approved.
	Release time.Time
	// Urgent stands first wherever it is listed. It loosens no role: two people.
	Urgent bool
	// Fallback is what happens by e-mail.
	Fallback Fallback
	// Reminders are hours before the deadline, falling; at most MaxReminders, only
	// with a deadline. Who has not acknowledged by then is reminded.
	Reminders []int
	// EscalateHours is after how many hours in the mailboxes a notice that was not
	// acknowledged (or, when that isn't asked for, not opened) is brought by another
	// way, 1 to 720; 0: never.
	EscalateHours int
}

// BodyRef names a sealed body or heading.
type BodyRef struct {
	SHA256 string // of its bytes, 64 small hexadecimal digits
	Size   int64  // in bytes, 1 to MaxBodySize
}

// MaxBodySize is the size in bytes of the largest sealed body: MaxContentSize and
// what signing and sealing add to it, with room to spare.
const MaxBodySize = MaxContentSize + 64<<10

// RefTo returns the reference to a sealed body or heading.
func RefTo(sealed []byte) BodyRef {
	return BodyRef{SHA256: sha256Hex(sealed), Size: int64(len(sealed))}
}

// check says whether sealed is what the reference names.
func (b BodyRef) check(sealed []byte) error {
	if int64(len(sealed)) != b.Size || sha256Hex(sealed) != b.SHA256 {
		return fmt.Errorf("it is not the one that was signed (%d bytes, SHA-256 %s)", b.Size, b.SHA256)
	}
	return nil
}

// suites are all suites, in the order of their lines.
var suites = []Suite{SuitePQ, SuiteCompat}

// Suites returns the suites of the bodies, SuitePQ first.
func (m *Manifest) Suites() []Suite {
	return slices.DeleteFunc(slices.Clone(suites), func(s Suite) bool { _, ok := m.Bodies[s]; return !ok })
}

func (m *Manifest) text() []byte {
	lines := []textLine{
		{"institution", string(m.Institution)},
		{"notice", string(m.Notice)},
		{"version", strconv.Itoa(m.Version)},
		{"author", string(m.Author)},
		{"created", formatTextTime(m.Created)},
		{"content-sha256", m.ContentSHA256},
		{"heading-sha256", m.HeadingSHA256},
		{"opening-sha256", m.OpeningSHA256},
		{"audience-root", m.AudienceRoot},
		{"mailboxes", strconv.Itoa(m.Mailboxes)},
		{"members", strconv.Itoa(m.Members)},
	}
	for _, s := range suites {
		lines = append(lines, textLine{"body-" + string(s), refText(m.Bodies, s)})
	}
	for _, s := range suites {
		lines = append(lines, textLine{"heading-" + string(s), refText(m.Headings, s)})
	}
	deadline := "none"
	if !m.Deadline.IsZero() {
		deadline = formatTextTime(m.Deadline)
	}
	lines = append(lines, textLine{"acknowledge", yesOrNo(m.Acknowledge)}, textLine{"deadline", deadline})
	lines = append(lines, m.policyLines()...)
	return writeText(manifestFirstLine, lines...)
}

func refText(refs map[Suite]BodyRef, s Suite) string {
	ref, ok := refs[s]
	if !ok {
		return "none"
	}
	return ref.SHA256 + " " + strconv.FormatInt(ref.Size, 10)
}

// Encode returns the text. What ParseManifest would refuse is refused; times are
// cut to seconds.
func (m *Manifest) Encode() ([]byte, error) {
	text := m.text()
	again, err := ParseManifest(text)
	if err != nil {
		return nil, err
	}
	if !maps.Equal(again.Bodies, m.Bodies) || !maps.Equal(again.Headings, m.Headings) {
		return nil, fmt.Errorf("the manifest names bodies of unknown suites; there are %q", suites)
	}
	return text, nil
}

// ParseManifest reads exactly what Encode writes. The error names the line.
func ParseManifest(text []byte) (*Manifest, error) {
	r := readText("manifest", manifestFirstLine, text, MaxManifestSize)
	m := &Manifest{
		Institution:   r.fingerprint("institution"),
		Notice:        r.notice("notice"),
		Version:       r.integer("version", maxVersion),
		Author:        r.fingerprint("author"),
		Created:       r.time("created"),
		ContentSHA256: r.hex("content-sha256", 32),
		HeadingSHA256: r.hex("heading-sha256", 32),
		OpeningSHA256: r.hex("opening-sha256", 32),
		AudienceRoot:  r.hex("audience-root", 32),
		Mailboxes:     r.integer("mailboxes", MaxAudience),
		Members:       r.integer("members", MaxAudience),
		Bodies:        map[Suite]BodyRef{},
		Headings:      map[Suite]BodyRef{},
	}
	if m.Members < m.Mailboxes {
		r.wrong("members", "at least as many as mailboxes: each has a representative")
	}
	for _, s := range suites {
		r.ref("body-"+string(s), s, m.Bodies)
	}
	if len(m.Bodies) == 0 {
		r.fail("and the one before it name no body; there must be one at least")
	}
	for _, s := range suites {
		r.ref("heading-"+string(s), s, m.Headings)
		if _, body := m.Bodies[s]; body != hasKey(m.Headings, s) {
			r.fail("does not fit the bodies: each body has one heading")
		}
	}
	m.Acknowledge = r.yes("acknowledge")
	m.Deadline = r.deadline("deadline", m)
	r.readPolicy(m)
	if err := r.end(); err != nil {
		return nil, err
	}
	return m, nil
}

func hasKey(refs map[Suite]BodyRef, s Suite) bool { _, ok := refs[s]; return ok }

// ref reads "none", or a digest and a size.
func (r *textReader) ref(key string, s Suite, into map[Suite]BodyRef) {
	value := r.value(key)
	if r.err != nil || value == "none" {
		return
	}
	digest, decimal, _ := strings.Cut(value, " ")
	size, err := strconv.ParseInt(decimal, 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != decimal || size < 1 || size > MaxBodySize || !isHex(digest, 32) {
		r.wrong(key, fmt.Sprintf("none, or a SHA-256 digest of 64 digits, a space, and a size from 1 to %d", MaxBodySize))
		return
	}
	into[s] = BodyRef{SHA256: digest, Size: size}
}

func (r *textReader) yes(key string) bool {
	value := r.value(key)
	if value != "yes" && value != "no" {
		r.wrong(key, "yes or no")
	}
	return value == "yes"
}

func (r *textReader) deadline(key string, m *Manifest) time.Time {
	value := r.value(key)
	if r.err != nil || value == "none" {
		return time.Time{}
	}
	t, err := parseTextTime(value)
	switch {
	case err != nil || t.IsZero():
		r.wrong(key, "none, or a time with seconds and offset from UTC, such as 2026-02-01T17:00:00+01:00")
	case !m.Acknowledge:
		r.wrong(key, "none, since no acknowledgement is asked for")
	case !t.After(m.Created):
		r.wrong(key, "later than the line \"created\"")
	}
	return t
}
