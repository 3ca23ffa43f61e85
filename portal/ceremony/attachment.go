package ceremony

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
)

// SealedAttachment is a file that was sealed, to be uploaded. ID is the SHA-256 digest of Sealed, under which it is kept.
type SealedAttachment struct {
	crypto.StatementAttachment
	ID     string
	Sealed []byte
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// AttachmentType returns the media type of a file from its first octets and the ending of its name; application/octet-stream for what isn't known.
func AttachmentType(name string, data []byte) string {
	endings := map[string]string{
		"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "svg": "image/svg+xml",
		"txt": "text/plain", "csv": "text/csv", "md": "text/markdown", "zip": "application/zip", "json": "application/json", "xml": "application/xml",
		"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet", "mp3": "audio/mpeg", "mp4": "video/mp4",
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		if known := endings[strings.ToLower(name[i+1:])]; known != "" {
			return known
		}
	}
	for first, found := range map[string]string{"%PDF-": "application/pdf", "\x89PNG\r\n": "image/png", "\xff\xd8\xff": "image/jpeg", "GIF8": "image/gif"} {
		if bytes.HasPrefix(data, []byte(first)) {
			return found
		}
	}
	return "application/octet-stream"
}

// SealAttachment seals a file of a draft to the desk, for its author's client to upload; Attach puts it into the draft.
func SealAttachment(t *Trust, writer *crypto.Key, statement crypto.Number, name, mediaType string, data []byte, now time.Time) (*SealedAttachment, error) {
	return sealFile(t, writer, statement, name, mediaType, data, now, crypto.SealStatementAttachment)
}

// sealFile seals a file of a draft, of a statement or a notice as seal has it, to the desk.
func sealFile(t *Trust, writer *crypto.Key, draft crypto.Number, name, mediaType string, data []byte, now time.Time,
	seal func([]byte, crypto.Number, *crypto.Key, []*crypto.Staff, time.Time) ([]byte, error)) (*SealedAttachment, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	writer, _, err := t.StaffKey(writer, now, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return nil, err
	}
	a := crypto.AttachmentOf(name, mediaType, data)
	if err := a.Check(); err != nil {
		return nil, err
	}
	sealed, err := seal(data, draft, writer, t.StatementDesk(now), now)
	if err != nil {
		return nil, err
	}
	return &SealedAttachment{a, digestOf(sealed), sealed}, nil
}

// Attach puts a sealed file into a draft, in place of one of the same name.
func (a *SealedAttachment) Attach(d *crypto.StatementDraft) {
	Detach(d, a.Name)
	d.Attachments = append(d.Attachments, a.StatementAttachment)
	if d.Sealed == nil {
		d.Sealed = map[string]string{}
	}
	d.Sealed[a.SHA256] = a.ID
}

// Detach takes a file out of a draft, and says whether it was there.
func Detach(d *crypto.StatementDraft, name string) bool {
	for i, a := range d.Attachments {
		if strings.EqualFold(a.Name, name) {
			d.Attachments = append(d.Attachments[:i:i], d.Attachments[i+1:]...)
			return true
		}
	}
	return false
}

// sealedIDs are the sealed files that a draft names.
func sealedIDs(d *crypto.StatementDraft) (ids []string) {
	seen := map[string]bool{}
	for _, a := range d.Attachments {
		if id := d.Sealed[a.SHA256]; id != "" && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// OpenAttachment opens a sealed file, and compares it with what a draft names.
func OpenAttachment(t *Trust, keys []*crypto.Key, statement crypto.Number, want crypto.StatementAttachment, sealed []byte, now time.Time) ([]byte, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	data, _, err := t.root.OpenStatementAttachment(sealed, statement, keys, t.staff, now)
	if err != nil {
		return nil, err
	}
	if digestOf(data) != want.SHA256 || int64(len(data)) != want.Size {
		return nil, fmt.Errorf("what the portal holds as the attachment %s of %s is another file than the draft names: don't go on, and tell the administrators", want.Name, statement)
	}
	return data, nil
}

// NeededFile is an attachment of a submitted statement that must be looked at before it can be approved, and where it is: sealed, under its ID; or published with version Version already.
type NeededFile struct {
	crypto.StatementAttachment
	ID      string
	Version int
}

// Needed returns the attachments that Hold was not given yet.
func (e *ExaminedStatement) Needed() (needed []NeededFile) {
	for _, a := range e.Submitted.Attachments() {
		if _, held := e.files[a.SHA256]; held {
			continue
		}
		f := NeededFile{StatementAttachment: a, ID: e.sealed[a.SHA256]}
		if e.earlier(a) {
			f.ID, f.Version = "", e.Previous.Manifest().Version
			for _, b := range e.Previous.Attachments() {
				if b.SHA256 == a.SHA256 {
					f.Name = b.Name // as it is called there
				}
			}
		}
		needed = append(needed, f)
	}
	return needed
}

// earlier says whether the version before has a file.
func (e *ExaminedStatement) earlier(a crypto.StatementAttachment) bool { return has(e.Previous, a) }

// has says whether a version, nil for none, has a file.
func has(v *crypto.VerifiedStatement, a crypto.StatementAttachment) bool {
	for _, b := range v.Attachments() {
		if b.SHA256 == a.SHA256 && b.Size == a.Size {
			return true
		}
	}
	return false
}

// Hold takes an attachment that Needed named, sealed or as it is published, and compares it with what the author signed.
func (e *ExaminedStatement) Hold(t *Trust, keys []*crypto.Key, f NeededFile, octets []byte, now time.Time) error {
	if e == nil || e.Submitted == nil {
		return errors.New("there is no statement whose attachment this would be")
	}
	statement := e.Submitted.Manifest().Statement
	if f.Version == 0 {
		var err error
		if octets, _, err = t.root.OpenStatementAttachment(octets, statement, keys, t.staff, now); err != nil {
			return err
		}
	}
	for _, a := range e.Submitted.Attachments() {
		if a.SHA256 != f.SHA256 {
			continue
		}
		if err := e.Submitted.CheckAttachment(a.Name, octets); err != nil {
			return fmt.Errorf("%w. Don't approve it, and ask its author", err)
		}
		if e.files == nil {
			e.files = map[string][]byte{}
		}
		e.files[a.SHA256] = octets
		return nil
	}
	return fmt.Errorf("statement %s has no such attachment", statement)
}

// File returns an attachment that Hold was given; nil when it wasn't.
func (e *ExaminedStatement) File(name string) []byte {
	for _, a := range e.Submitted.Attachments() {
		if a.Name == name {
			return bytes.Clone(e.files[a.SHA256])
		}
	}
	return nil
}

// handing returns the files that go with the approval: all but those that are published already.
func (e *ExaminedStatement) handing() (files []crypto.StatementAttachment) {
	seen := map[string]bool{}
	for _, a := range e.Submitted.Attachments() {
		if !seen[a.SHA256] && !e.earlier(a) {
			seen[a.SHA256] = true
			files = append(files, a)
		}
	}
	return files
}

// HandOn seals the files of a statement that is to wait for its minute to the desk and the notaries, for the approver's client to upload before it sends the approval. It returns nothing
// when there is nothing to hand on: what is due is handed in in the clear.
func (e *ExaminedStatement) HandOn(t *Trust, approver *crypto.Key, now time.Time) (sealed []*SealedAttachment, err error) {
	if err := CheckApproval(t, approver, e, now); err != nil {
		return nil, err
	}
	if e.Due(now) || len(e.handing()) == 0 {
		return nil, nil
	}
	approver, _, err = t.StaffKey(approver, now, crypto.RoleApprover)
	if err != nil {
		return nil, err
	}
	notaries := t.Staff(now, crypto.RoleNotary)
	if len(notaries) == 0 {
		return nil, errNoNotary
	}
	handedOn := []string{}
	for _, a := range e.handing() {
		octets, err := crypto.SealStatementAttachment(e.files[a.SHA256], e.Submitted.Manifest().Statement, approver, append(t.StatementDesk(now), notaries...), now)
		if err != nil {
			return nil, err
		}
		s := &SealedAttachment{a, digestOf(octets), octets}
		sealed, handedOn = append(sealed, s), append(handedOn, s.ID)
	}
	e.handedOn = handedOn
	return sealed, nil
}
