package ceremony

import (
	"encoding/json"
	"errors"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// NoticeDraft is a draft of a notice as it was opened.
type NoticeDraft struct {
	Draft    crypto.Number
	Revision int
	Content  json.RawMessage // as the page that wrote it has it
	Writer   *crypto.Staff
}

// SaveNoticeDraft seals a revision of a draft to those who author and approve; files names the sealed files that it has.
func SaveNoticeDraft(t *Trust, writer *crypto.Key, d crypto.NoticeDraft, files []string, now time.Time) (api.SaveNoticeDraft, error) {
	if err := t.exists(); err != nil {
		return api.SaveNoticeDraft{}, err
	}
	writer, _, err := t.StaffKey(writer, now, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return api.SaveNoticeDraft{}, err
	}
	if !json.Valid(d.Content) {
		return api.SaveNoticeDraft{}, errors.New("the draft is not JSON")
	}
	record, err := crypto.SealNoticeDraft(d, writer, t.StatementDesk(now), now)
	return api.SaveNoticeDraft{Revision: d.Revision, Record: record, Files: append([]string{}, files...)}, err
}

// OpenNoticeDraft opens a draft as the portal shows it.
func OpenNoticeDraft(t *Trust, keys []*crypto.Key, d api.NoticeDraft, now time.Time) (*NoticeDraft, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	opened, writer, err := t.root.OpenNoticeDraft(d.Record, d.Draft, d.Revision, keys, t.staff, now)
	if err != nil {
		return nil, err
	}
	if !json.Valid(opened.Content) {
		return nil, errors.New("the draft is not in the form that Valise writes; a newer version may read it")
	}
	return &NoticeDraft{opened.Draft, opened.Revision, opened.Content, writer}, nil
}

// SealNoticeFile seals a file of a draft, for its author's client to upload.
func SealNoticeFile(t *Trust, writer *crypto.Key, draft crypto.Number, name, mediaType string, data []byte, now time.Time) (*SealedAttachment, error) {
	return sealFile(t, writer, draft, name, mediaType, data, now, crypto.SealNoticeFile)
}

// OpenNoticeFile opens a file of a draft. id is the SHA-256 digest of the sealed octets, as the draft names it: the portal can't show another file in its place.
func OpenNoticeFile(t *Trust, keys []*crypto.Key, draft crypto.Number, id string, sealed []byte, now time.Time) ([]byte, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	if digestOf(sealed) != id {
		return nil, errors.New("the portal shows another file than the draft names: attach it again, and tell the administrators")
	}
	data, _, err := t.root.OpenNoticeFile(sealed, draft, keys, t.staff, now)
	return data, err
}
