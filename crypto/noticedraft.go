package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// MaxNoticeDraftSize is the size in bytes of the largest encoded draft of a notice: with values for the fields of thousands of mailboxes.
const MaxNoticeDraftSize = 6 << 20

// MaxSealedNoticeDraft is the size in bytes of the largest sealed one.
const MaxSealedNoticeDraft = MaxNoticeDraftSize + maxRecordRecipients*MaxEnvelopeSize + 64<<10

const noticeDraftForm = "valise notice draft v1"

// NoticeDraft is a notice that is being written. What it says is its clients' affair; here it is JSON of theirs. See docs/formats.md.
type NoticeDraft struct {
	Draft    Number // N-…, of the draft alone: the notice gets a number of its own when it is sealed
	Revision int    // from 1
	Content  []byte // one JSON value
}

type noticeDraftJSON struct {
	Form     string `json:"form"`
	Draft    Number `json:"draft"`
	Revision int    `json:"revision"`
}

// SealNoticeDraft seals a draft to the staff who author and approve. Its size is padded to a multiple of 4 KiB.
func SealNoticeDraft(d NoticeDraft, writer *Key, to []*Staff, now time.Time) ([]byte, error) {
	switch {
	case !isNumberOf(d.Draft, KindNotice):
		return nil, fmt.Errorf("%.50q is not the number of a notice", string(d.Draft))
	case d.Revision < 1 || d.Revision > maxDraftRevision:
		return nil, errors.New("revisions of a draft are counted from 1")
	case len(d.Content) > MaxNoticeDraftSize:
		return nil, fmt.Errorf("the draft has %d KiB; at most %d are possible: shorten it", len(d.Content)>>10, MaxNoticeDraftSize>>10)
	case writer == nil || !writer.exists():
		return nil, errNoKey
	}
	head, err := encodeJSON(noticeDraftJSON{noticeDraftForm, d.Draft, d.Revision})
	if err != nil {
		return nil, err
	}
	text := append(append(append([]byte{}, bytes.TrimSpace(head)...), '\n'), bytes.TrimSpace(d.Content)...)
	text = append(text, bytes.Repeat([]byte(" "), (draftPadding-len(text)%draftPadding)%draftPadding)...)
	certificates, err := certificatesOf(to)
	if err != nil {
		return nil, err
	}
	return SealRecord(text, writer, PurposeNoticeDraft, certificates, now)
}

// OpenNoticeDraft opens one, and returns who wrote it, a staff member who had RoleAuthor or RoleApprover then. draft is the number under which it was kept: a server can't
// pass off one draft as another; that revision is the newest, only the server knows.
func (r *Root) OpenNoticeDraft(sealed []byte, draft Number, revision int, keys []*Key, staff []*Certificate, now time.Time) (*NoticeDraft, *Staff, error) {
	if !r.exists() {
		return nil, nil, errNoRoot
	}
	if len(sealed) > MaxSealedNoticeDraft {
		return nil, nil, fmt.Errorf("the draft has %d KiB; at most %d are accepted", len(sealed)>>10, MaxSealedNoticeDraft>>10)
	}
	text, s, err := OpenRecord(sealed, keys, staff, PurposeNoticeDraft, now)
	if err != nil {
		return nil, nil, fmt.Errorf("the draft %s: %w", draft, err)
	}
	writer, err := r.VerifyStaff(s.Signer(), s.Made())
	if err != nil {
		return nil, nil, fmt.Errorf("the draft %s: %w", draft, err)
	}
	if !writer.Has(RoleAuthor) && !writer.Has(RoleApprover) {
		return nil, nil, fmt.Errorf("the draft %s was saved by %s, who had no right to write notices", draft, writer.Name())
	}
	head, content, _ := bytes.Cut(text, []byte("\n"))
	var j noticeDraftJSON
	if err := parseJSON(head, &j, "draft"); err != nil {
		return nil, nil, err
	}
	if j.Form != noticeDraftForm {
		return nil, nil, errors.New("the draft is not in the form that Valise writes; a newer version may read it")
	}
	if j.Draft != draft || j.Revision != revision {
		return nil, nil, fmt.Errorf("the portal shows revision %d of the draft %s as revision %d of %s: tell the administrators", j.Revision, j.Draft, revision, draft)
	}
	return &NoticeDraft{j.Draft, j.Revision, bytes.TrimRight(content, " ")}, writer, nil
}

var noticeFiles = sealedFiles{"valise notice attachment v1", "draft", KindNotice, PurposeNoticeFile}

// SealNoticeFile is SealStatementAttachment for a file of a draft of a notice.
func SealNoticeFile(data []byte, draft Number, sender *Key, to []*Staff, now time.Time) ([]byte, error) {
	if !isNumberOf(draft, KindNotice) {
		return nil, fmt.Errorf("%.50q is not the number of a notice", string(draft))
	}
	return noticeFiles.seal(data, draft, sender, to, now)
}

// OpenNoticeFile is OpenStatementAttachment for a file of a draft of a notice.
func (r *Root) OpenNoticeFile(sealed []byte, draft Number, keys []*Key, staff []*Certificate, now time.Time) ([]byte, *Staff, error) {
	return noticeFiles.open(r, sealed, draft, keys, staff, now)
}
