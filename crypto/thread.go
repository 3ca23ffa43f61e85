package crypto

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MessageKind says who wrote a message of a thread.
type MessageKind string

const (
	// Reply is from a representative to the desk.
	Reply MessageKind = "reply"
	// Answer is from one member of the desk. One person signed it: it is no notice of
	// the institution, which takes two.
	Answer MessageKind = "answer"
	// MailedReply came by e-mail, sealed to the desk's certificate for mail programs by whatever program its writer
	// has. It has no heading and no facts, and nothing outside says who wrote it: who opens it sees (OpenMailedReply).
	MailedReply MessageKind = "mail"
)

// purposes returns what content and heading of a kind are signed for.
func (k MessageKind) purposes() (content, heading Purpose, err error) {
	switch k {
	case Reply:
		return PurposeReply, PurposeReplyHeading, nil
	case Answer:
		return PurposeAnswer, PurposeAnswerHeading, nil
	}
	return "", "", fmt.Errorf("%q is neither a reply nor an answer; a newer version of Valise may read it", string(k))
}

// MaxAfter is how many messages before it a message names at most.
const MaxAfter = 16

const (
	messageIDSize   = 16
	nothing         = "nothing" // what a message without a notice or a statement is about
	maxMessageFacts = 8 << 10

	messageFirstLine        = "valise message v1"
	messageHeadingFirstLine = "valise message heading v1"

	correspondentAddress = "<correspondent@valise.invalid>"
)

// MessageFacts place a message: they stand in its content and in its heading, both
// signed, so that a server can pass it off neither as one of another thread, mailbox
// or institution nor as one about another notice.
type MessageFacts struct {
	Institution Fingerprint // of the root
	Kind        MessageKind
	Thread      Number
	Mailbox     Number
	About       Number // of a notice or a statement, or ""
	// ID is 16 random bytes in 32 small hexadecimal digits. Whoever sends the same message
	// again sends it under the same.
	ID string
	// From is a representative's number, or StaffHolder of a member of the desk.
	From string
	// Sender is From again for a representative, and for a member of the desk their name,
	// as the root certified it.
	Sender  string
	Created time.Time // in UTC, cut to seconds; the signatures bear the same time
	// Salt is 16 random bytes in 32 small hexadecimal digits. With it, the digest of a
	// heading confirms no guess of what it says.
	Salt string
	// After are the digests (VerifiedHeading.SHA256) of the messages that the writer saw
	// in the thread and that no other that they saw names, sorted; at most MaxAfter. Through
	// them, whoever reads a message knows of all before it: a server that drops one leaves a gap.
	After []string
}

func (f *MessageFacts) lines() []textLine {
	about := string(f.About)
	if about == "" {
		about = nothing
	}
	lines := []textLine{
		{"institution", string(f.Institution)}, {"kind", string(f.Kind)}, {"thread", string(f.Thread)}, {"mailbox", string(f.Mailbox)},
		{"about", about}, {"id", f.ID}, {"from", f.From}, {"sender", f.Sender}, {"created", formatTextTime(f.Created)}, {"salt", f.Salt},
	}
	for _, digest := range f.After {
		lines = append(lines, textLine{"after", digest})
	}
	return lines
}

// numberOf reads a number of one of some kinds.
func (r *textReader) numberOf(key string, kinds ...Kind) Number {
	value := r.value(key)
	n, err := ParseNumber(value)
	if r.err == nil && (err != nil || string(n) != value || !slices.Contains(kinds, n.Kind())) {
		r.wrong(key, "a number of the kind that belongs there, in capitals")
	}
	return n
}

// readMessageFacts reads what lines writes.
func readMessageFacts(r *textReader) MessageFacts {
	f := MessageFacts{
		Institution: r.fingerprint("institution"),
		Kind:        MessageKind(r.value("kind")),
		Thread:      r.numberOf("thread", KindThread),
		Mailbox:     r.numberOf("mailbox", KindState, KindOrganisation, KindIndividual),
	}
	if _, _, err := f.Kind.purposes(); err != nil && r.err == nil {
		r.wrong("kind", "reply or answer")
	}
	if r.number < len(r.lines) && r.lines[r.number] == "about: "+nothing {
		r.next()
	} else {
		f.About = r.numberOf("about", KindNotice, KindStatement)
	}
	f.ID = r.hex("id", messageIDSize)
	f.From, f.Sender = r.value("from"), r.value("sender")
	f.Created = r.time("created")
	f.Salt = r.hex("salt", contentSaltSize)
	for r.err == nil && r.number < len(r.lines) && strings.HasPrefix(r.lines[r.number], "after: ") {
		f.After = append(f.After, r.hex("after", 32))
	}
	if r.err == nil {
		r.err = f.check()
	}
	return f
}

// check says what is wrong with who wrote it, and with what it names before it.
func (f *MessageFacts) check() error {
	as, err := ParseRepresentative(f.From)
	fingerprint, isStaff := strings.CutPrefix(f.From, StaffHolder(""))
	switch {
	case f.Kind == Reply && (err != nil || as.String() != f.From || as.Mailbox != f.Mailbox || f.Sender != f.From):
		return errors.New("a reply must be from a representative of the mailbox that its thread belongs to")
	case f.Kind == Answer && !isStaff:
		return errors.New("an answer must be from a member of the staff")
	case f.Kind == Answer:
		if parsed, err := ParseFingerprint(fingerprint); err != nil || string(parsed) != fingerprint {
			return errors.New("an answer must name the key of a member of the staff")
		}
	}
	switch {
	case !isOneLine(f.Sender) || len(f.Sender) > maxFrom:
		return fmt.Errorf("the sender's name must be one line of 1 to %d bytes", maxFrom)
	case len(f.After) > MaxAfter:
		return fmt.Errorf("a message names at most %d before it", MaxAfter)
	case !slices.IsSorted(f.After) || len(slices.Compact(slices.Clone(f.After))) != len(f.After):
		return errors.New("the messages that a message names before it must be sorted, each named once")
	}
	return nil
}

// ThreadMessage is a reply or an answer: text in one language, and attachments within
// the bounds of a notice's. It is encoded as one MIME entity of the form that Content
// has, with "valise message v1" where the opening text stands there.
type ThreadMessage struct {
	MessageFacts
	Text        LanguageVersion
	Attachments []Attachment
}

// NewThreadMessage returns a message of a thread without text, with a new id and a
// new salt. SealReply and SealAnswer fill in who it is from.
func NewThreadMessage(institution Fingerprint, thread, mailbox, about Number, after []string, now time.Time) *ThreadMessage {
	after = slices.Clone(after)
	slices.Sort(after)
	return &ThreadMessage{MessageFacts: MessageFacts{
		Institution: institution, Thread: thread, Mailbox: mailbox, About: about, ID: randomHex(messageIDSize),
		Created: now.UTC().Truncate(time.Second), Salt: NewContentSalt(), After: slices.Compact(after),
	}}
}

// mime writes the entity.
func (m *ThreadMessage) mime() []byte {
	to := "The desk"
	if m.Kind == Answer {
		to = string(m.Mailbox)
	}
	return (&entity{
		boundary: boundaryOf(m.Salt), sender: m.Sender, address: correspondentAddress, to: to, created: m.Created,
		languages: []LanguageVersion{m.Text}, facts: writeText(messageFirstLine, m.lines()...), attachments: m.Attachments,
	}).mime()
}

// Check says what of text and attachments must be changed before it can be sealed.
func (m *ThreadMessage) Check() error {
	if err := m.Text.check(); err != nil {
		return err
	}
	if len(m.Attachments) > MaxAttachments {
		return fmt.Errorf("there are %d attachments; at most %d are possible: put them into one archive", len(m.Attachments), MaxAttachments)
	}
	if strings.Contains(m.Text.Text, boundaryOf(m.Salt)) {
		return errors.New("the text holds the line that separates the parts of this message; write it anew")
	}
	return checkAttachments(m.Attachments)
}

// encode returns the MIME entity. What it writes, parseThreadMessage reads.
func (m *ThreadMessage) encode() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	mime := m.mime()
	if len(mime) > MaxContentSize {
		return nil, fmt.Errorf("the message has %d MiB once encoded; at most %d are possible", len(mime)>>20, MaxContentSize>>20)
	}
	if _, err := parseThreadMessage(mime); err != nil {
		return nil, err
	}
	return mime, nil
}

// parseThreadMessage reads exactly what encode writes.
func parseThreadMessage(mime []byte) (*ThreadMessage, error) {
	wrong := func(err error) error {
		return fmt.Errorf("the content of this message is not in the form that Valise writes: %w; a newer version may read it", err)
	}
	if len(mime) > MaxContentSize {
		return nil, wrong(errors.New("it is too large"))
	}
	languages, facts, attachments, err := takeApart(string(mime))
	if err != nil {
		return nil, wrong(err)
	}
	if len(languages) != 1 {
		return nil, wrong(errors.New("it is not in exactly one language"))
	}
	r := readText("message", messageFirstLine, facts, maxMessageFacts)
	m := &ThreadMessage{MessageFacts: readMessageFacts(r), Text: languages[0], Attachments: attachments}
	if err := r.end(); err != nil {
		return nil, wrong(err)
	}
	if err := m.Check(); err != nil {
		return nil, wrong(err)
	}
	if string(m.mime()) != string(mime) {
		return nil, wrong(errors.New("something in it is spelt in another way"))
	}
	return m, nil
}

// ThreadHeading is the little that a list shows before a message is fetched, sealed
// with the same session key and signed by the same person for a purpose of its own. It
// names the content by its digest, so its own digest stands for the whole message.
type ThreadHeading struct {
	MessageFacts
	ContentSHA256 string
	Subject       LanguageSubject
}

func (h *ThreadHeading) encode() []byte {
	return writeText(messageHeadingFirstLine, append(h.lines(), textLine{"content-sha256", h.ContentSHA256},
		textLine{"subject", h.Subject.Language + " " + h.Subject.Subject})...)
}

// parseThreadHeading reads exactly what encode writes.
func parseThreadHeading(text []byte) (*ThreadHeading, error) {
	r := readText("heading", messageHeadingFirstLine, text, maxMessageFacts)
	h := &ThreadHeading{MessageFacts: readMessageFacts(r), ContentSHA256: r.hex("content-sha256", 32)}
	h.Subject.Language, h.Subject.Subject, _ = strings.Cut(r.value("subject"), " ")
	if r.err == nil {
		if err := checkSubject(h.Subject.Language, h.Subject.Subject); err != nil {
			r.fail("is wrong: %w", err)
		}
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return h, nil
}
