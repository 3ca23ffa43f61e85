package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A statement is public. What people read and check are its texts, one for each
// language, "valise statement v1"; what holds them together, and is signed by the
// same two people, is the manifest, "valise statement manifest v1". See
// StatementText, StatementManifest, and docs/formats.md.

const statementFirstLine = "valise statement v1"

// Bounds of a statement.
const (
	// MaxStatementTextSize is the size in bytes of the largest text accepted, header included.
	MaxStatementTextSize = MaxText + 64<<10
	// MaxStatementLine is the size in bytes of the longest line of a text. GnuPG cuts
	// clear-signed lines at 20,000, and then finds the signature bad.
	MaxStatementLine = 16_000
	// MaxStatementLines is how many lines a text may have, header included.
	MaxStatementLines = 8_000
	// MaxReason is the length of the longest reason in characters (Unicode code points).
	MaxReason = 500
	// MaxTopic is the size in bytes of the longest topic.
	MaxTopic = 40
)

// StatementKind says what a version of a statement is.
type StatementKind string

const (
	// StatementOriginal is the first version, and only that.
	StatementOriginal StatementKind = "original"
	// StatementCorrection replaces the version before it, which stays readable.
	StatementCorrection StatementKind = "correction"
	// StatementWithdrawal is a tombstone: it has a title and a reason, no body and no
	// attachments, and no version follows it.
	StatementWithdrawal StatementKind = "withdrawal"
)

// ParseStatementKind reads "original", "correction" or "withdrawal".
func ParseStatementKind(text string) (StatementKind, error) {
	switch k := StatementKind(text); k {
	case StatementOriginal, StatementCorrection, StatementWithdrawal:
		return k, nil
	}
	return "", fmt.Errorf("a version of a statement is an %s, a %s or a %s", StatementOriginal, StatementCorrection, StatementWithdrawal)
}

// StatementAttachment names a file that goes with a statement.
type StatementAttachment struct {
	// SHA256 is the digest of the file, 64 small hexadecimal digits.
	SHA256 string
	// Size is the file's in bytes; all of a statement's have at most MaxAttachmentsSize.
	Size int64
	// Type and Name are as in Attachment.
	Type string
	Name string
}

// AttachmentOf returns the reference to a file.
func AttachmentOf(name, mediaType string, data []byte) StatementAttachment {
	return StatementAttachment{SHA256: sha256Hex(data), Size: int64(len(data)), Type: mediaType, Name: name}
}

// Check says whether a statement could have the file as its attachment.
func (a StatementAttachment) Check() error {
	return checkStatementAttachments(StatementOriginal, []StatementAttachment{a})
}

// StatementText is one version of a statement in one language: the very bytes that
// are read, clear-signed, and served as a file. It says everything about the version
// that a reader who has this one file must know. All the texts of a version agree in
// all but Language, Title, Reason and Body.
type StatementText struct {
	// Institution is the fingerprint of the root under which the signers must hold.
	Institution Fingerprint
	// Statement is the statement's number, of KindStatement.
	Statement Number
	// Version counts from 1 to 9999.
	Version int
	Kind    StatementKind
	// Language is a tag of BCP 47 (RFC 5646): "en", "fr", "zh-Hant".
	Language string
	// Languages are those in which the version exists, 1 to MaxLanguages; the first
	// one is authoritative.
	Languages []string
	// Title is one line of 1 to MaxSubject characters.
	Title string
	// Topic is one of the institution's: small letters, digits, and hyphens between them.
	Topic string
	// Series is the number of the statement with which a series (an incident) began;
	// "" for none. The first statement of a series names none.
	Series Number
	// PublishAt is when the version is to be published, not before; it keeps its offset from UTC.
	PublishAt time.Time
	// Reason says why a correction or withdrawal was made, in this language: one line
	// of 1 to MaxReason characters. "" for an original.
	Reason string
	// ReplacesSHA256 is the digest of the manifest of the version before, 64 small
	// hexadecimal digits; "" for an original.
	ReplacesSHA256 string
	// Salt is 16 random bytes in 32 small hexadecimal digits. Because of it nobody who
	// has the manifest before the texts are published can guess a text and confirm it.
	Salt string
	// Attachments are at most MaxAttachments files, the same in every language.
	Attachments []StatementAttachment
	// Body is Markdown of at most MaxText bytes, as TidyStatementBody returns it; "" for a withdrawal.
	Body string
}

// Authoritative says whether this is the language that counts when languages differ.
func (s *StatementText) Authoritative() bool {
	return len(s.Languages) > 0 && s.Language == s.Languages[0]
}

func (s *StatementText) text() []byte {
	lines := []textLine{
		{"institution", string(s.Institution)},
		{"statement", string(s.Statement)},
		{"version", strconv.Itoa(s.Version)},
		{"kind", string(s.Kind)},
		{"language", s.Language},
		{"authoritative", authoritativeOf(s.Languages)},
		{"languages", strings.Join(s.Languages, " ")},
		{"title", s.Title},
		{"topic", s.Topic},
		{"series", orNone(string(s.Series))},
		{"publish-at", formatTextTime(s.PublishAt)},
		{"reason", orNone(s.Reason)},
		{"replaces-sha256", orNone(s.ReplacesSHA256)},
		{"salt", s.Salt},
	}
	for _, a := range s.Attachments {
		lines = append(lines, textLine{"attachment", fmt.Sprintf("%s %d %s %s", a.SHA256, a.Size, a.Type, a.Name)})
	}
	text := writeText(statementFirstLine, lines...)
	if s.Body != "" {
		text = append(append(text, '\n'), s.Body...)
	}
	return text
}

func authoritativeOf(languages []string) string {
	if len(languages) == 0 {
		return ""
	}
	return languages[0]
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}

// Encode returns the text. What ParseStatementText would refuse is refused.
func (s *StatementText) Encode() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	text := s.text()
	if _, err := ParseStatementText(text); err != nil {
		return nil, err
	}
	return text, nil
}

// ParseStatementText reads exactly what Encode writes. The error names the line of
// the header, or says what is wrong with the body.
func ParseStatementText(text []byte) (*StatementText, error) {
	if len(text) > MaxStatementTextSize {
		return nil, fmt.Errorf("the statement has %d KiB; at most %d are accepted", len(text)>>10, MaxStatementTextSize>>10)
	}
	if n := bytes.Count(text, []byte("\n")); n > MaxStatementLines {
		return nil, fmt.Errorf("the statement has %d lines; at most %d are accepted", n, MaxStatementLines)
	}
	head, body, hasBody := bytes.Cut(text, []byte("\n\n"))
	if hasBody {
		head = append(bytes.Clone(head), '\n')
	}
	r := readText("statement", statementFirstLine, head, MaxStatementTextSize)
	s := &StatementText{
		Institution: r.fingerprint("institution"),
		Statement:   r.statement("statement"),
		Version:     r.integer("version", maxVersion),
		Kind:        r.statementKind("kind"),
		Language:    r.value("language"),
	}
	authoritative := r.value("authoritative")
	s.Languages = strings.Split(r.value("languages"), " ")
	if authoritative != s.Languages[0] {
		r.wrong("languages", "the languages, the authoritative one first")
	}
	s.Title = r.value("title")
	s.Topic = r.value("topic")
	s.Series = r.series("series")
	s.PublishAt = r.timeWithOffset("publish-at")
	s.Reason = fromNone(r.value("reason"))
	s.ReplacesSHA256 = r.hexOrNone("replaces-sha256")
	s.Salt = r.hex("salt", contentSaltSize)
	for r.err == nil && r.number < len(r.lines) {
		s.Attachments = append(s.Attachments, r.attachment("attachment"))
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	s.Body = string(body)
	if err := s.check(); err != nil {
		return nil, err
	}
	if !bytes.Equal(s.text(), text) {
		return nil, errors.New("the statement is not in the one form that Valise writes; take another copy")
	}
	return s, nil
}

// check says what of the fields is wrong, in the words of who wrote them.
func (s *StatementText) check() error {
	if err := checkStatementNumbers(s.Statement, s.Version, s.Kind, s.ReplacesSHA256); err != nil {
		return err
	}
	if err := checkLanguages(s.Languages); err != nil {
		return err
	}
	at := 0
	for at < len(s.Languages) && s.Languages[at] != s.Language {
		at++
	}
	if at == len(s.Languages) {
		return fmt.Errorf("the language of this text, %.50q, is not among those of the statement", s.Language)
	}
	if err := checkTopic(s.Topic); err != nil {
		return err
	}
	switch {
	case s.PublishAt.IsZero():
		return errors.New("the statement has no time of publication")
	case s.Series == s.Statement:
		return errors.New("a statement can't be part of a series that began with itself: leave the series out")
	case s.Series != "" && !isNumberOf(s.Series, KindStatement):
		return fmt.Errorf("the series, %.50q, is not the number of a statement", string(s.Series))
	}
	if err := checkTitle(s.Language, s.Title); err != nil {
		return err
	}
	if err := checkReason(s.Language, s.Kind, s.Reason); err != nil {
		return err
	}
	if err := checkStatementAttachments(s.Kind, s.Attachments); err != nil {
		return err
	}
	if s.Kind == StatementWithdrawal {
		if s.Body != "" {
			return fmt.Errorf("a withdrawal has no text (here: in %s); what there is to say is its reason", s.Language)
		}
		return nil
	}
	return checkStatementBody(s.Language, s.Body)
}

// checkStatementNumbers checks what is the same in texts and manifest: the first
// version is the original and replaces nothing, and no other is.
func checkStatementNumbers(n Number, version int, kind StatementKind, replaces string) error {
	if !isNumberOf(n, KindStatement) {
		return fmt.Errorf("%.50q is not the number of a statement", string(n))
	}
	if _, err := ParseStatementKind(string(kind)); err != nil {
		return err
	}
	switch {
	case version < 1 || version > maxVersion:
		return fmt.Errorf("the version must be a number from 1 to %d", maxVersion)
	case (version == 1) != (kind == StatementOriginal):
		return fmt.Errorf("version 1 of a statement is the original, and every later one a correction or the withdrawal; this is version %d, and says that it is: %s", version, kind)
	case (version == 1) != (replaces == ""), replaces != "" && !isHex(replaces, 32):
		return fmt.Errorf("version 1 of a statement replaces none, and every later one names the manifest that it replaces by its SHA-256 digest; this is version %d, and names: %.70s", version, orNone(replaces))
	}
	return nil
}

func isNumberOf(n Number, kind Kind) bool {
	again, err := ParseNumber(string(n))
	return err == nil && again == n && n.Kind() == kind
}

func checkLanguages(languages []string) error {
	if len(languages) == 0 || len(languages) > MaxLanguages {
		return fmt.Errorf("a statement is in 1 to %d languages, not in %d", MaxLanguages, len(languages))
	}
	seen := map[string]bool{}
	for _, tag := range languages {
		if !isLanguageTag(tag) {
			return fmt.Errorf("%.50q is not the tag of a language; it looks like en, fr or zh-Hant (BCP 47)", tag)
		}
		if low := strings.ToLower(tag); seen[low] {
			return fmt.Errorf("the language %s occurs twice", tag)
		} else {
			seen[low] = true
		}
	}
	return nil
}

func checkTopic(topic string) error {
	if topic == "" || len(topic) > MaxTopic || strings.Trim(topic, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
		strings.HasPrefix(topic, "-") || strings.HasSuffix(topic, "-") || strings.Contains(topic, "--") {
		return fmt.Errorf("the topic (%.50q) must be 1 to %d small letters a–z, digits, and single hyphens between them", topic, MaxTopic)
	}
	return nil
}

// isStatementLine is isOneLine, and refuses what is not seen at all: two titles that
// look the same are to be the same.
func isStatementLine(text string, most int) bool {
	return isOneLine(text) && utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, func(r rune) bool {
		return isInvisible(r) && !isJoiner(r) && r != '\u200e' && r != '\u200f' && r != '\u061c' // marks of direction, which Arabic needs beside Latin
	})
}

func checkTitle(language, title string) error {
	if !isStatementLine(title, MaxSubject) {
		return fmt.Errorf("the title in %s must be one line of 1 to %d characters, without spaces at its ends and without invisible characters", language, MaxSubject)
	}
	return nil
}

func checkReason(language string, kind StatementKind, reason string) error {
	switch {
	case kind == StatementOriginal && reason != "":
		return fmt.Errorf("the first version of a statement has no reason; there is one in %s", language)
	case kind == StatementOriginal:
	case reason == "":
		return fmt.Errorf("the reason of the %s is missing in %s: say why it is made, in every language", kind, language)
	case reason == "none", !isStatementLine(reason, MaxReason):
		return fmt.Errorf("the reason in %s must be one line of 1 to %d characters that says why, without spaces at its ends and without invisible characters", language, MaxReason)
	}
	return nil
}

func checkStatementAttachments(kind StatementKind, attachments []StatementAttachment) error {
	switch {
	case kind == StatementWithdrawal && len(attachments) > 0:
		return errors.New("a withdrawal has no attachments; those of the versions before stay with these")
	case len(attachments) > MaxAttachments:
		return fmt.Errorf("the statement has %d attachments; at most %d are possible: put them into one archive", len(attachments), MaxAttachments)
	}
	var size int64
	seen := map[string]bool{}
	for _, a := range attachments {
		if err := checkFileName(a.Name); err != nil {
			return err
		}
		name := strings.ToLower(dropInvisible(a.Name))
		switch {
		case !isMediaType(a.Type):
			return fmt.Errorf("%.50q, the type of the attachment %s, must look like application/pdf, in small letters, without parameters, and neither message/… nor multipart/…; application/octet-stream always does", a.Type, a.Name)
		case seen[name]:
			return fmt.Errorf("two attachments have the name %s; rename one", a.Name)
		case !isHex(a.SHA256, 32) || a.Size < 0 || a.Size > MaxAttachmentsSize:
			return fmt.Errorf("the attachment %s must be named by its SHA-256 digest in small digits, and have at most %d MiB", a.Name, MaxAttachmentsSize>>20)
		}
		seen[name] = true
		size += a.Size
	}
	if size > MaxAttachmentsSize {
		return fmt.Errorf("the attachments have %d MiB together; at most %d are possible", size>>20, MaxAttachmentsSize>>20)
	}
	return nil
}

// checkStatementBody demands what TidyStatementBody makes, so that a clear-signed
// text comes back byte by byte.
func checkStatementBody(language, body string) error {
	if err := (LanguageVersion{Language: language, Subject: "none", Text: body}).check(); err != nil {
		return err
	}
	if body != TidyStatementBody(body) {
		return fmt.Errorf("the text in %s has white space at the ends of its lines, empty lines above or below, or invisible line ends: tidy it", language)
	}
	for line := range strings.SplitSeq(body, "\n") {
		if len(line) > MaxStatementLine {
			return fmt.Errorf("the text in %s has a line of %d bytes; at most %d are possible, as some programs cut longer ones: break the paragraph", language, len(line), MaxStatementLine)
		}
	}
	return nil
}

// TidyStatementBody returns a body as it can be signed: line ends LF, no white space
// at the ends of lines, one line feed at the end, no empty lines above and below, no
// byte order mark, because clear-signing keeps none of this (RFC 9580, section 7) and
// programs differ in what they do with it. A hard line break in Markdown is therefore
// written with a backslash, not with two spaces. A client shows the author what it
// returns.
func TidyStatementBody(body string) string {
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n\n", "\ufeff", "").Replace(body)
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	if body = strings.Trim(strings.Join(lines, "\n"), "\n"); body == "" {
		return ""
	}
	return body + "\n"
}

// Readers of lines that only statements have.

func fromNone(value string) string {
	if value == "none" {
		return ""
	}
	return value
}

func (r *textReader) statement(key string) Number {
	value := r.value(key)
	if r.err == nil && !isNumberOf(Number(value), KindStatement) {
		r.wrong(key, "the number of a statement: P, a hyphen and 8 characters, in capitals")
	}
	return Number(value)
}

func (r *textReader) series(key string) Number {
	value := r.value(key)
	if r.err == nil && value != "none" && !isNumberOf(Number(value), KindStatement) {
		r.wrong(key, "none, or the number of a statement: P, a hyphen and 8 characters, in capitals")
	}
	return Number(fromNone(value))
}

func (r *textReader) statementKind(key string) StatementKind {
	value := r.value(key)
	kind, err := ParseStatementKind(value)
	if r.err == nil && err != nil {
		r.wrong(key, "original, correction or withdrawal")
	}
	return kind
}

func (r *textReader) hexOrNone(key string) string {
	value := r.value(key)
	if r.err == nil && value != "none" && !isHex(value, 32) {
		r.wrong(key, "none, or 64 digits 0–9 and small letters a–f")
	}
	return fromNone(value)
}

func (r *textReader) timeWithOffset(key string) time.Time {
	value := r.value(key)
	t, err := parseTextTime(value)
	if r.err == nil && (err != nil || t.IsZero()) {
		r.wrong(key, "a time with seconds and offset from UTC, such as 2026-02-01T17:00:00+01:00")
	}
	return t
}

// attachment reads digest, size, type and name.
func (r *textReader) attachment(key string) StatementAttachment {
	fields := strings.SplitN(r.value(key), " ", 4)
	if r.err != nil {
		return StatementAttachment{}
	}
	if len(fields) == 4 {
		size, err := strconv.ParseInt(fields[1], 10, 64)
		if err == nil && strconv.FormatInt(size, 10) == fields[1] && isHex(fields[0], 32) {
			return StatementAttachment{SHA256: fields[0], Size: size, Type: fields[2], Name: fields[3]}
		}
	}
	r.wrong(key, "a SHA-256 digest of 64 digits, a size in bytes, a media type and a file name")
	return StatementAttachment{}
}
