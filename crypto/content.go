package crypto

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a notice says.
const (
	// MaxContentSize is the size in bytes of the largest encoded content.
	MaxContentSize = 46 << 20
	// MaxLanguages is how many languages a notice may be written in.
	MaxLanguages = 10
	// MaxSubject is the length of the longest subject in characters (Unicode code points).
	MaxSubject = 200
	// MaxText is the size in bytes of the longest text of one language.
	MaxText = 256 << 10
	// MaxAttachments is how many files may go with a notice.
	MaxAttachments = 100
	// MaxAttachmentsSize is the size in bytes of all attachments together: 25 MiB.
	MaxAttachmentsSize = 25 << 20
	// MaxFileName is the size in bytes of the longest name of an attachment.
	MaxFileName = 200

	maxFrom        = 200 // bytes
	maxLanguageTag = 35  // characters (RFC 5646, section 4.4.1)
	maxMediaType   = 127
)

// Content is what recipients read. It is encoded as one MIME entity (RFC 2045)
// whose own header fields are the message's real ones (header protection, RFC
// 9788), so the very bytes that are sealed for the portal go by e-mail too, and a
// mail program shows subject and texts:
//
//	multipart/mixed; protected-headers="v1"; hp="cipher"
//	├ text/plain          the first language, the authoritative one
//	├ text/plain          one for each other language
//	├ text/plain          "valise opening v1": number, opening value, root of the audience
//	└ …                   attachments, base64
//
// Each language's part starts with its subject in the form that RFC 9788, section
// 5.2, calls a legacy display element, so that it is also seen by people who
// decrypt with gpg alone. For them, texts are written as they are (8bit) unless
// lines are longer than mail allows; quoted-printable then.
//
// There is one encoding of a content, and ParseContent takes no other: what
// Valise shows an approver is all there is, with no part that only some other
// program would show.
type Content struct {
	// From is the institution's name, 1 to 200 bytes in one line.
	From string
	// Notice is the notice's number.
	Notice Number
	// Opening is 32 random bytes in 64 small hexadecimal digits. A receipt reveals it.
	Opening string
	// Salt is 16 random bytes in 32 small hexadecimal digits, which only recipients
	// and the desk ever see. Receipts reveal the opening value; because of the salt,
	// who knows that can still not confirm a guess of the content by its digest.
	Salt string
	// AudienceRoot is Audience.Root, as in the manifest: so the message alone, with a
	// Membership, shows whom it was meant for.
	AudienceRoot string
	// Created is when the notice was sealed, in UTC, cut to seconds.
	Created time.Time
	// Languages are 1 to MaxLanguages versions of the same text, the first being authoritative.
	Languages []LanguageVersion
	// Attachments are at most MaxAttachments files.
	Attachments []Attachment
}

// LanguageVersion is the notice in one language.
type LanguageVersion struct {
	// Language is a tag of BCP 47 (RFC 5646): "en", "fr", "zh-Hant".
	Language string
	// Subject is one line of 1 to MaxSubject characters, with no space at its ends.
	Subject string
	// Text is Markdown of 1 to MaxText bytes, in UTF-8 with LF line ends and
	// without control characters but tabs.
	Text string
}

// Attachment is a file that goes with a notice.
type Attachment struct {
	// Name is a file name of 1 to MaxFileName bytes, without a path. No two
	// attachments of a notice have the same.
	Name string
	// Type is the media type without parameters, in small letters:
	// "application/pdf". Entities that hold others (message/…, multipart/…) are
	// refused, because mail programs would open them up.
	Type string
	// Data is the file; all of a notice's have at most MaxAttachmentsSize bytes.
	Data []byte
}

const contentSaltSize = 16

// NewContentSalt draws a salt.
func NewContentSalt() string { return randomHex(contentSaltSize) }

// NewOpening draws an opening value.
func NewOpening() string { return randomHex(openingSize) }

// Encode returns the MIME entity, with CR LF line ends. The error says what must be changed.
func (c *Content) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	mime := c.mime()
	if len(mime) > MaxContentSize {
		return nil, fmt.Errorf("the notice has %d MiB once encoded; at most %d are possible", len(mime)>>20, MaxContentSize>>20)
	}
	return mime, nil
}

func (c *Content) check() error {
	switch {
	case !isOneLine(c.From) || len(c.From) > maxFrom:
		return fmt.Errorf("the institution's name must be one line of 1 to %d bytes, without spaces at its ends and without invisible characters that change the direction of writing", maxFrom)
	case len(c.Languages) == 0:
		return errors.New("the notice has no text; write it in one language at least")
	case len(c.Languages) > MaxLanguages:
		return fmt.Errorf("the notice is in %d languages; at most %d are possible", len(c.Languages), MaxLanguages)
	case len(c.Attachments) > MaxAttachments:
		return fmt.Errorf("the notice has %d attachments; at most %d are possible: put them into one archive", len(c.Attachments), MaxAttachments)
	}
	if _, err := parseOpeningText(c.openingText()); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, l := range c.Languages {
		if err := l.check(); err != nil {
			return err
		}
		if tag := strings.ToLower(l.Language); seen[tag] {
			return fmt.Errorf("the language %s occurs twice", l.Language)
		} else {
			seen[tag] = true
		}
		// Nobody can hit it by chance: it derives from the opening value.
		if strings.Contains(l.Text, c.boundary()) {
			return fmt.Errorf("the text in %s holds the line that separates the parts of this message; seal it again", l.Language)
		}
	}
	return checkAttachments(c.Attachments)
}

func (l LanguageVersion) check() error {
	if err := checkSubject(l.Language, l.Subject); err != nil {
		return err
	}
	switch {
	case l.Text == "":
		return fmt.Errorf("the text in %s is missing", l.Language)
	case len(l.Text) > MaxText:
		return fmt.Errorf("the text in %s has %d KiB; at most %d are possible: shorten it, or attach it as a file", l.Language, len(l.Text)>>10, MaxText>>10)
	case !utf8.ValidString(l.Text):
		return fmt.Errorf("the text in %s is not UTF-8: save it with that encoding", l.Language)
	case strings.ContainsFunc(l.Text, isForbiddenInText):
		return fmt.Errorf("the text in %s holds a control character (or line ends other than LF, or an invisible character that turns the direction of writing around): save it as plain text with LF line ends", l.Language)
	}
	return nil
}

func checkSubject(language, subject string) error {
	switch {
	case !isLanguageTag(language):
		return fmt.Errorf("%.50q is not the tag of a language; it looks like en, fr or zh-Hant (BCP 47)", language)
	case !isOneLine(subject) || utf8.RuneCountInString(subject) > MaxSubject:
		return fmt.Errorf("the subject in %s must be one line of 1 to %d characters, without spaces at its ends and without invisible characters that change the direction of writing", language, MaxSubject)
	}
	return nil
}

// isForbiddenInText is true of control characters but tab and line feed, and of the
// overrides that make a text read backwards. Arabic needs the other directional characters.
func isForbiddenInText(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u202d' || r == '\u202e'
}

// isOneLine says whether text is not empty, in UTF-8, without control characters,
// line separators or characters that reorder what stands around it, and has no
// white space at its ends.
func isOneLine(text string) bool {
	return text != "" && utf8.ValidString(text) && strings.TrimSpace(text) == text && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || isReordering(r)
	})
}

// isLanguageTag checks the form of a tag (RFC 5646, section 2.1): a language of
// two to eight letters, then subtags of one to eight letters or digits.
func isLanguageTag(tag string) bool {
	for i, subtag := range strings.Split(strings.ToLower(tag), "-") {
		allowed, shortest := "abcdefghijklmnopqrstuvwxyz0123456789", 1
		if i == 0 {
			allowed, shortest = "abcdefghijklmnopqrstuvwxyz", 2
		}
		if len(subtag) < shortest || len(subtag) > 8 || strings.Trim(subtag, allowed) != "" {
			return false
		}
	}
	return len(tag) <= maxLanguageTag && !strings.ContainsFunc(tag, func(r rune) bool { return r > unicode.MaxASCII })
}

func checkAttachments(attachments []Attachment) error {
	size := 0
	seen := map[string]bool{}
	for _, a := range attachments {
		size += len(a.Data)
		if err := checkFileName(a.Name); err != nil {
			return err
		}
		if !isMediaType(a.Type) {
			return fmt.Errorf("%.50q, the type of the attachment %s, must look like application/pdf, in small letters, without parameters, and neither message/… nor multipart/…; application/octet-stream always does", a.Type, a.Name)
		}
		name := strings.ToLower(dropInvisible(a.Name))
		if seen[name] {
			return fmt.Errorf("two attachments have the name %s; rename one, so that nobody overwrites the other when saving them", a.Name)
		}
		seen[name] = true
	}
	if size > MaxAttachmentsSize {
		return fmt.Errorf("the attachments have %d MiB together; at most %d are possible", size>>20, MaxAttachmentsSize>>20)
	}
	return nil
}

// checkFileName refuses what could name another folder or look like another kind of file.
func checkFileName(name string) error {
	switch {
	case !isOneLine(name) || len(name) > MaxFileName:
		return fmt.Errorf("the name of an attachment (%.50q) must be one line of 1 to %d bytes, without spaces at its ends and without invisible characters that change the direction of writing", name, MaxFileName)
	case strings.ContainsAny(name, `/\:<>"|?*`) || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || strings.HasSuffix(name, "."):
		return fmt.Errorf("the name of an attachment (%q) may neither start with a dot or a hyphen, nor end with a dot, nor hold a slash, a backslash, a colon or any of < > \" | ? *", name)
	case isDeviceName(name):
		return fmt.Errorf("the name of an attachment (%q) is that of a device, which Windows takes for no file: choose another", name)
	case strings.ContainsFunc(name, func(r rune) bool { return isInvisible(r) && !isJoiner(r) }):
		return fmt.Errorf("the name of an attachment (%q) holds an invisible character: remove it", name)
	}
	return nil
}

// isDeviceName says whether Windows takes a name, whatever its ending, for a device.
func isDeviceName(name string) bool {
	bare, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch bare = strings.TrimSpace(bare); bare {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(bare, "COM")
	if !ok {
		port, ok = strings.CutPrefix(bare, "LPT")
	}
	return ok && strings.ContainsAny(port, "0123456789¹²³") && utf8.RuneCountInString(port) == 1
}

func isMediaType(t string) bool {
	kind, sub, ok := strings.Cut(t, "/")
	token := func(s string) bool {
		return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.+-_") == ""
	}
	return ok && len(t) <= maxMediaType && token(kind) && token(sub) && kind != "message" && kind != "multipart"
}

// The opening text is the part of a content that isn't written by people: the
// opening value is to be copied from there by those who acknowledge with a tool of
// their own.

const (
	openingFirstLine = "valise opening v1"
	maxOpeningText   = 2 << 10
	openingHelp      = `To acknowledge with your own OpenPGP program, copy the line "opening" into the text that the portal shows you, and clear-sign that text.`
)

func (c *Content) openingText() []byte {
	return writeText(openingFirstLine,
		textLine{"from", c.From},
		textLine{"notice", string(c.Notice)},
		textLine{"created", formatTextTime(c.Created)},
		textLine{"audience-root", c.AudienceRoot},
		textLine{"salt", c.Salt},
		textLine{"opening", c.Opening},
		textLine{"help", openingHelp})
}

// parseOpeningText returns a content without languages and attachments.
func parseOpeningText(text []byte) (*Content, error) {
	r := readText("opening text", openingFirstLine, text, maxOpeningText)
	c := &Content{
		From:         r.value("from"),
		Notice:       r.notice("notice"),
		Created:      r.time("created"),
		AudienceRoot: r.hex("audience-root", 32),
		Salt:         r.hex("salt", contentSaltSize),
		Opening:      r.hex("opening", openingSize),
	}
	if r.value("help") != openingHelp {
		r.wrong("help", "the sentence that is always there")
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return c, nil
}

// ParseContent reads exactly what Encode writes.
func ParseContent(mime []byte) (*Content, error) {
	if len(mime) > MaxContentSize {
		return nil, fmt.Errorf("the content has %d MiB; at most %d are accepted", len(mime)>>20, MaxContentSize>>20)
	}
	c, err := readContent(string(mime))
	if err != nil {
		return nil, fmt.Errorf("the content of this notice is not in the form that Valise writes: %w; a newer version may read it", err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("the content of this notice is not in the form that Valise writes: %w", err)
	}
	if string(c.mime()) != string(mime) {
		return nil, errors.New("the content of this notice is not in the form that Valise writes: something in it is spelt in another way; a newer version may read it")
	}
	return c, nil
}

// readContent takes the parts apart. It is not strict: that the content, written
// again, gives the same bytes is what tells.
func readContent(mime string) (*Content, error) {
	languages, opening, attachments, err := takeApart(mime)
	if err != nil {
		return nil, err
	}
	c, err := parseOpeningText(opening)
	if err != nil {
		return nil, err
	}
	c.Languages, c.Attachments = languages, attachments
	return c, nil
}

// takeApart returns the parts of a sealed entity: texts, what machines read, and attachments.
func takeApart(mime string) (languages []LanguageVersion, facts []byte, attachments []Attachment, err error) {
	head, body, _ := strings.Cut(mime, "\r\n\r\n")
	_, boundary, ok := strings.Cut(head, boundaryParameter)
	boundary, _, ok2 := strings.Cut(boundary, `"`)
	if !ok || !ok2 || boundary == "" {
		return nil, nil, nil, errors.New("it has no boundary between parts")
	}
	body, ok = strings.CutSuffix(body, "\r\n--"+boundary+"--\r\n")
	if !ok {
		return nil, nil, nil, errors.New("its end is missing")
	}
	const most = MaxLanguages + 1 + MaxAttachments
	parts := strings.SplitN("\r\n"+body, "\r\n--"+boundary+"\r\n", most+2)[1:]
	if len(parts) > most {
		return nil, nil, nil, fmt.Errorf("it has more than %d parts", most)
	}
	for len(parts) > 0 && strings.Contains(header(parts[0]), "\r\n"+languageField) {
		l, err := readLanguage(parts[0])
		if err != nil {
			return nil, nil, nil, err
		}
		languages, parts = append(languages, l), parts[1:]
	}
	if len(parts) == 0 {
		return nil, nil, nil, errors.New("the part that machines read is missing")
	}
	_, text, _ := strings.Cut(parts[0], "\r\n\r\n")
	for _, part := range parts[1:] {
		a, err := readAttachment(part)
		if err != nil {
			return nil, nil, nil, err
		}
		attachments = append(attachments, a)
	}
	return languages, []byte(strings.ReplaceAll(text, "\r\n", "\n") + "\n"), attachments, nil
}

func header(part string) string {
	head, _, _ := strings.Cut(part, "\r\n\r\n")
	return head
}

// headerValue returns what stands between the first occurrence of before, at the
// start of a line, and the next occurrence of after.
func headerValue(part, before, after string) string {
	_, value, _ := strings.Cut("\r\n"+header(part)+"\r\n", "\r\n"+before)
	value, _, _ = strings.Cut(value, after)
	return value
}

func readLanguage(part string) (LanguageVersion, error) {
	_, body, _ := strings.Cut(part, "\r\n\r\n")
	if headerValue(part, encodingField, "\r\n") == "quoted-printable" {
		var err error
		if body, err = decodeQuotedPrintable(body); err != nil {
			return LanguageVersion{}, err
		}
	}
	body = strings.ReplaceAll(body, "\r\n", "\n")
	subject, text, _ := strings.Cut(body, "\n\n")
	return LanguageVersion{
		Language: headerValue(part, languageField, "\r\n"),
		Subject:  strings.TrimPrefix(subject, subjectField),
		Text:     text,
	}, nil
}

func readAttachment(part string) (Attachment, error) {
	_, encoded, _ := strings.Cut(part, "\r\n\r\n")
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\r\n", ""))
	if err != nil {
		return Attachment{}, errors.New("an attachment is damaged")
	}
	name, err := decodeParameter(headerValue(part, dispositionField+fileNameParameter, "\r\n"))
	if err != nil {
		return Attachment{}, err
	}
	return Attachment{Name: name, Type: headerValue(part, typeField, "\r\n"), Data: data}, nil
}
