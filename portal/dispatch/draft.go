package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Notices are written in drafts, sealed to those who author and approve. The server knows that there is one, who saved it when, and about how large it is.

const (
	// MaxDraftFiles is how many sealed files a draft may have, those included that two people who edit it have not saved yet.
	MaxDraftFiles = 3 * crypto.MaxAttachments
	// MaxDraftFilesSize is how many bytes these may have together.
	MaxDraftFilesSize = 3 * crypto.MaxSealedAttachment
	// MaxDraftFilesOfPerson is how many bytes of files of all drafts there may be that one person uploaded: one account must not fill the disk.
	MaxDraftFilesOfPerson = 20 * crypto.MaxSealedAttachment
	// MaxDraftsOfPerson is how many bytes of drafts there may be that one person saved last. All drafts are read for their list: one account must not make that more than others can load.
	MaxDraftsOfPerson = 4 * crypto.MaxSealedNoticeDraft

	maxDraftRevision = 1 << 30
)

// NoticeDraft is a notice that is being written.
type NoticeDraft struct {
	Draft    crypto.Number
	Revision int
	SavedAt  time.Time
	SavedBy  string   // holder
	Record   []byte   // sealed
	Files    []string // that it names, when it is saved
}

// DraftFile is a sealed file of a draft.
type DraftFile struct {
	Draft      crypto.Number
	ID         string // SHA-256 of Data, 64 small hexadecimal digits
	Data       []byte
	UploadedBy string
	UploadedAt time.Time
}

// DraftStore is what drafts of notices need of the store.
type DraftStore interface {
	// SaveNoticeDraft keeps a revision, in place of the one before. The same again changes nothing. portal.Conflict with code "draft-changed" when it is not the next one; portal.NotFound when it was not the first and there is none;
	// "attachment-not-uploaded" when it names a file that isn't there; portal.TooLarge.
	SaveNoticeDraft(ctx context.Context, d NoticeDraft, mostOfPerson int64) (saved time.Time, err error)
	// NoticeDrafts returns all, the newest first.
	NoticeDrafts(ctx context.Context) ([]NoticeDraft, error)
	// NoticeDraft returns one; portal.NotFound.
	NoticeDraft(ctx context.Context, draft crypto.Number) (NoticeDraft, error)
	// NoticeDraftStandings returns them without record and files, the newest first: one, or all for "".
	NoticeDraftStandings(ctx context.Context, draft crypto.Number) ([]NoticeDraft, error)
	// DiscardNoticeDraft removes a draft and its files, if the revision is the newest; portal.Conflict with code "draft-changed". That there is none is no error.
	DiscardNoticeDraft(ctx context.Context, draft crypto.Number, revision int) error
	// SaveDraftFile keeps a file until a draft names it, or a day; the same again changes nothing. portal.TooLarge.
	SaveDraftFile(ctx context.Context, f DraftFile, mostFiles int, mostSize, mostOfPerson int64) error
	// DraftFile returns one; portal.NotFound.
	DraftFile(ctx context.Context, draft crypto.Number, id string) ([]byte, error)
}

// writers are who write notices, and whom drafts are sealed to.
var writers = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover}

// SaveNoticeDraft keeps a revision of a draft. Authors and approvers.
func (d *Dispatch) SaveNoticeDraft(ctx context.Context, actor portal.Actor, n NoticeDraft) (time.Time, error) {
	if err := checkDraftNumber(n.Draft); err != nil {
		return time.Time{}, err
	}
	if err := d.staffAct(ctx, actor, "dispatch.save-draft", string(n.Draft), writers...); err != nil {
		return time.Time{}, err
	}
	switch {
	case n.Revision < 1 || n.Revision > maxDraftRevision:
		return time.Time{}, invalid("invalid-revision", "Revisions of a draft are counted from 1.")
	case len(n.Record) > crypto.MaxSealedNoticeDraft:
		return time.Time{}, portal.Errorf(portal.TooLarge, "too-large", "The draft has more than %d KiB. Shorten it.", crypto.MaxNoticeDraftSize>>10)
	case len(n.Files) > MaxDraftFiles:
		return time.Time{}, portal.Errorf(portal.TooLarge, "too-many-attachments", "A notice has at most %d attachments.", crypto.MaxAttachments)
	}
	if err := d.checkSealedToDesk(ctx, actor, "draft", n.Record); err != nil {
		return time.Time{}, err
	}
	n.SavedAt, n.SavedBy = d.now(), actor.Holder()
	saved, err := d.store.SaveNoticeDraft(ctx, n, MaxDraftsOfPerson)
	d.toldDesk(err)
	return saved, err
}

func checkDraftNumber(n crypto.Number) error {
	if again, err := crypto.ParseNumber(string(n)); err != nil || again != n || n.Kind() != crypto.KindNotice {
		return invalid("invalid-number", "That is no number of a notice's draft. Draw a new one.")
	}
	return nil
}

// toldDesk wakes whoever watches the lists.
func (d *Dispatch) toldDesk(err error) {
	if err == nil && d.tell != nil {
		d.tell(portal.TopicDesk)
	}
}

// checkSealedToDesk refuses what is not sealed, and what is sealed to anybody but those who write notices, or not to who hands it in.
func (d *Dispatch) checkSealedToDesk(ctx context.Context, actor portal.Actor, what string, record []byte) error {
	staff, err := d.staff(ctx)
	if err != nil {
		return err
	}
	var desk []*crypto.Certificate
	for _, c := range staff {
		if member, err := d.root.VerifyStaff(c, d.now()); err == nil && slices.ContainsFunc(writers, member.Has) {
			desk = append(desk, c)
		}
	}
	to, err := crypto.RecordAddressees(record, desk)
	if err != nil {
		return invalid("not-sealed", "The %s must be sealed to those who author and approve, and to nobody else: %v.", what, err)
	}
	self := actor.Staff().Certificate().Fingerprint()
	if !slices.ContainsFunc(to, func(c *crypto.Certificate) bool { return c.Fingerprint() == self }) {
		return invalid("not-sealed", "The %s is not sealed to yourself, so you could not open it again. Seal it anew.", what)
	}
	return nil
}

// NoticeDrafts returns all drafts, the newest first. Authors and approvers.
func (d *Dispatch) NoticeDrafts(ctx context.Context, actor portal.Actor) ([]NoticeDraft, error) {
	if err := d.staffAct(ctx, actor, "dispatch.drafts", "", writers...); err != nil {
		return nil, err
	}
	return d.store.NoticeDrafts(ctx)
}

// NoticeDraft returns one.
func (d *Dispatch) NoticeDraft(ctx context.Context, actor portal.Actor, draft crypto.Number) (NoticeDraft, error) {
	if err := d.staffAct(ctx, actor, "dispatch.draft", string(draft), writers...); err != nil {
		return NoticeDraft{}, err
	}
	return d.store.NoticeDraft(ctx, draft)
}

// DiscardNoticeDraft removes a draft with its files, if nobody saved it since.
func (d *Dispatch) DiscardNoticeDraft(ctx context.Context, actor portal.Actor, draft crypto.Number, revision int) error {
	if err := d.staffAct(ctx, actor, "dispatch.discard-draft", string(draft), writers...); err != nil {
		return err
	}
	err := d.store.DiscardNoticeDraft(ctx, draft, revision)
	d.toldDesk(err)
	return err
}

// DraftBecame removes the draft of a notice that was just submitted. One that somebody saved meanwhile stays.
func (d *Dispatch) DraftBecame(ctx context.Context, actor portal.Actor, draft crypto.Number, revision int) error {
	err := d.DiscardNoticeDraft(ctx, actor, draft, revision)
	if portal.KindOf(err) == portal.Conflict {
		return nil
	}
	return err
}

// AttachToDraft keeps a sealed file of a draft; id is the digest of the sealed octets. What no draft names is forgotten after a day.
func (d *Dispatch) AttachToDraft(ctx context.Context, actor portal.Actor, draft crypto.Number, id string, sealed []byte) error {
	if err := checkDraftNumber(draft); err != nil {
		return err
	}
	if err := d.staffAct(ctx, actor, "dispatch.attach", string(draft), writers...); err != nil {
		return err
	}
	if sum := sha256.Sum256(sealed); id != hex.EncodeToString(sum[:]) {
		return invalid("wrong-digest", "The address of an attachment is the SHA-256 digest of the sealed file, and that of what arrived is another: it was damaged on the way. Send it again.")
	}
	if len(sealed) > crypto.MaxSealedAttachment {
		return portal.Errorf(portal.TooLarge, "too-large", "All attachments of a notice have at most %d MiB together. Attach a smaller file.", crypto.MaxAttachmentsSize>>20)
	}
	if err := d.checkSealedToDesk(ctx, actor, "attachment", sealed); err != nil {
		return err
	}
	return d.store.SaveDraftFile(ctx, DraftFile{Draft: draft, ID: id, Data: sealed, UploadedBy: actor.Holder(), UploadedAt: d.now()}, MaxDraftFiles, MaxDraftFilesSize, MaxDraftFilesOfPerson)
}

// DraftFile returns a sealed file of a draft.
func (d *Dispatch) DraftFile(ctx context.Context, actor portal.Actor, draft crypto.Number, id string) ([]byte, error) {
	if err := d.staffAct(ctx, actor, "dispatch.attachment", string(draft), writers...); err != nil {
		return nil, err
	}
	return d.store.DraftFile(ctx, draft, id)
}
