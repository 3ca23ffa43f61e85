package crypto

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	headingFirstLine = "valise heading v1"

	// maxHeadingSize is the size in bytes of the largest text of a heading:
	// MaxLanguages subjects of MaxSubject characters, four bytes each.
	maxHeadingSize = 10 << 10
)

// Heading is the little that the list of a mailbox shows before a notice is
// opened: its subjects. It is sealed with the same session key as the body, so the
// envelope opens both, and signed inside by the author for PurposeHeading. It
// doesn't hold the opening value: who has only listed a notice can't acknowledge it.
//
// The manifest names its text by digest, so that the headings of all suites are the
// same, and an approver who opened one of them has seen them all. As the content's
// salt stands in it, nobody can guess a subject and confirm it by that digest.
type Heading struct {
	Notice   Number
	Salt     string            // Content.Salt
	Subjects []LanguageSubject // 1 to MaxLanguages, in the order of Content.Languages
}

// LanguageSubject is the subject in one language; see LanguageVersion.
type LanguageSubject struct{ Language, Subject string }

func (c *Content) heading() *Heading {
	h := &Heading{Notice: c.Notice, Salt: c.Salt}
	for _, l := range c.Languages {
		h.Subjects = append(h.Subjects, LanguageSubject{l.Language, l.Subject})
	}
	return h
}

// encode returns the text "valise heading v1". Content.Encode has checked what is in it.
func (h *Heading) encode() []byte {
	lines := []textLine{{"notice", string(h.Notice)}, {"salt", h.Salt}}
	for _, s := range h.Subjects {
		lines = append(lines, textLine{"subject", s.Language + " " + s.Subject})
	}
	return writeText(headingFirstLine, lines...)
}

// parseHeading reads exactly what encode writes.
func parseHeading(text []byte) (*Heading, error) {
	r := readText("heading", headingFirstLine, text, maxHeadingSize)
	h := &Heading{Notice: r.notice("notice"), Salt: r.hex("salt", contentSaltSize)}
	for r.err == nil && (len(h.Subjects) == 0 || r.number < len(r.lines)) {
		language, subject, _ := strings.Cut(r.value("subject"), " ")
		if len(h.Subjects) == MaxLanguages {
			r.fail("is one too many: a notice is in at most %d languages", MaxLanguages)
		} else if err := checkSubject(language, subject); err != nil {
			r.fail("is wrong: %w", err)
		}
		h.Subjects = append(h.Subjects, LanguageSubject{language, subject})
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return h, nil
}

// OpenHeading opens the heading of one of the manifest's suites with the envelope
// that opens the body, and any of keys. It returns nothing unless it is the
// heading that was signed, with an inner signature by the manifest's author.
func OpenHeading(v *VerifiedManifest, envelope, heading []byte, keys []*Key) (*Heading, error) {
	if err := v.exists(); err != nil {
		return nil, err
	}
	if err := v.CheckHeading(heading); err != nil {
		return nil, err
	}
	text, err := v.open(PurposeHeading, envelope, heading, keys)
	if err != nil {
		return nil, fmt.Errorf("the heading of %s: %w", v.manifest.Notice, err)
	}
	if sha256Hex(text) != v.manifest.HeadingSHA256 {
		return nil, fmt.Errorf("the heading of %s says something else than the one that was signed", v.manifest.Notice)
	}
	h, err := parseHeading(text)
	if err != nil {
		return nil, fmt.Errorf("the heading of %s: %w", v.manifest.Notice, err)
	}
	if h.Notice != v.manifest.Notice {
		return nil, fmt.Errorf("the heading belongs to another notice, %s, than the manifest, %s", h.Notice, v.manifest.Notice)
	}
	return h, nil
}

// HeadingMatches says whether a heading shows the languages and subjects of the
// opened content, and nothing else. An approver's client asks before it signs.
func (o *OpenedNotice) HeadingMatches(h *Heading) error {
	if err := o.exists(); err != nil {
		return err
	}
	if h == nil || h.Notice != o.content.Notice || !slices.Equal(h.Subjects, o.content.heading().Subjects) {
		return errors.New("the list of a mailbox would show other subjects than the notice has: don't approve it, and ask its author to seal it again")
	}
	return nil
}
