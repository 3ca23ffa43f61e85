package dispatch

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// A notice may have tens of megabytes, and its author a line that breaks. So it can be uploaded in pieces, which are kept as they come, for any node to go on with; when all are
// there it is submitted as if it had come in one.

const (
	// MaxUpload is the size in bytes of the largest upload: a submission as JSON with two bodies of crypto.MaxBodySize and 100,000 envelopes.
	MaxUpload = 384 << 20
	// MaxPiece is the size in bytes of the largest piece.
	MaxPiece = 1 << 20
	// UploadTime is how long an upload is kept.
	UploadTime = 24 * time.Hour

	// maxUploads is how many unfinished ones a person has; one more makes an end of the oldest, so that nobody is locked out by a line that broke several times.
	maxUploads = 3
	// MaxUploads is how many bytes the unfinished uploads of everybody are to have together, as they were announced: some stolen accounts must not fill the disk.
	MaxUploads = 4 << 30
)

// Upload is a submission that is arriving.
type Upload struct {
	ID       string
	Holder   string // whose it is
	Size     int64  // that it is to have
	SHA256   string // likewise, in small hexadecimal digits
	Received int64  // bytes, from the beginning
	BegunAt  time.Time
	Notice   crypto.Number // that it became; "": none yet
}

// UploadStore is what uploads need of the store.
type UploadStore interface {
	// BeginUpload keeps a new upload and removes the holder's oldest unfinished ones beyond most. When the holder has one of the same size and digest that was begun after
	// since, that one is returned. portal.TooMany with code "uploads-full", and nothing is changed, when what everybody announced since, and has not finished, would have more than inAll bytes.
	BeginUpload(ctx context.Context, u Upload, most int, inAll int64, since time.Time) (Upload, error)
	// Upload returns one of a holder's that was begun after since; portal.NotFound.
	Upload(ctx context.Context, holder, id string, since time.Time) (Upload, error)
	// AddPiece keeps what comes next, and returns how it stands; when an upload has more or less than offset already, nothing is kept.
	AddPiece(ctx context.Context, u Upload, offset int64, piece []byte) (Upload, error)
	// Piece returns what begins at an offset; io.EOF behind the last one.
	Piece(ctx context.Context, id string, offset int64) ([]byte, error)
	// FinishUpload keeps what an upload became, and removes its pieces.
	FinishUpload(ctx context.Context, id string, n crypto.Number) error
	// DropUpload removes one of a holder's; that it isn't there is no error.
	DropUpload(ctx context.Context, holder, id string) error
}

// BeginUpload announces a submission of some size and digest. The same again is the same upload: what has arrived of it need not be sent a second time.
func (d *Dispatch) BeginUpload(ctx context.Context, actor portal.Actor, size int64, digest string) (Upload, error) {
	if err := d.staffAct(ctx, actor, "dispatch.upload", "", crypto.RoleAuthor); err != nil {
		return Upload{}, err
	}
	if sum, err := hex.DecodeString(digest); err != nil || len(sum) != sha256.Size || strings.ToLower(digest) != digest {
		return Upload{}, invalid("invalid-digest", "Field \"sha256\" must be a SHA-256 digest of 64 small hexadecimal digits.")
	}
	if size < 1 || size > MaxUpload {
		return Upload{}, portal.Errorf(portal.TooLarge, "too-large", "A notice has at most %d MiB when it is submitted. Make the attachments smaller, or the audience.", MaxUpload>>20)
	}
	id := make([]byte, 16)
	rand.Read(id) // never fails: the runtime stops the process instead
	now := d.now()
	return d.store.BeginUpload(ctx, Upload{ID: hex.EncodeToString(id), Holder: actor.Holder(), Size: size, SHA256: digest, BegunAt: now}, maxUploads, MaxUploads, now.Add(-UploadTime))
}

// Upload says how far an upload of the actor's is.
func (d *Dispatch) Upload(ctx context.Context, actor portal.Actor, id string) (Upload, error) {
	if err := d.uploads(ctx, actor); err != nil {
		return Upload{}, err
	}
	return d.store.Upload(ctx, actor.Holder(), id, d.now().Add(-UploadTime))
}

// uploads admits authors. That they upload something was written down when they began.
func (d *Dispatch) uploads(ctx context.Context, actor portal.Actor) error {
	if actor.Staff() != nil && actor.Has(crypto.RoleAuthor) {
		return nil
	}
	return d.staffAct(ctx, actor, "dispatch.upload", "", crypto.RoleAuthor)
}

// AddPiece takes what comes next, at most MaxPiece. What has arrived already is not taken twice: the answer says from where to go on.
func (d *Dispatch) AddPiece(ctx context.Context, actor portal.Actor, id string, offset int64, piece []byte) (Upload, error) {
	u, err := d.Upload(ctx, actor, id)
	if err != nil {
		return u, err
	}
	switch {
	case u.Notice != "":
		return u, nil
	case len(piece) == 0 || len(piece) > MaxPiece:
		return u, invalid("invalid-piece", "A piece has 1 to %d bytes.", MaxPiece)
	case offset < 0 || offset > u.Received:
		return u, portal.Errorf(portal.Conflict, "upload-offset", "The next piece begins at byte %d.", u.Received)
	case offset < u.Received: // its answer got lost
		return u, nil
	case offset+int64(len(piece)) > u.Size:
		return u, invalid("invalid-piece", "With this piece the upload would have more bytes than were announced, %d.", u.Size)
	}
	return d.store.AddPiece(ctx, u, offset, piece)
}

// DropUpload forgets an upload of the actor's.
func (d *Dispatch) DropUpload(ctx context.Context, actor portal.Actor, id string) error {
	if err := d.uploads(ctx, actor); err != nil {
		return err
	}
	return d.store.DropUpload(ctx, actor.Holder(), id)
}

// SubmitUpload submits what was uploaded; read makes a notice of it and need not read to the end. Asking again after it succeeded is answered alike.
func (d *Dispatch) SubmitUpload(ctx context.Context, actor portal.Actor, id string, read func(io.Reader) (*crypto.SealedNotice, error)) (crypto.Number, error) {
	u, err := d.Upload(ctx, actor, id)
	switch {
	case err != nil:
		return "", err
	case u.Notice != "":
		return u.Notice, nil
	case u.Received < u.Size:
		return "", portal.Errorf(portal.Conflict, "upload-incomplete", "Of %d bytes %d have arrived. Send the rest first.", u.Size, u.Received)
	}
	digest := sha256.New()
	whole := io.TeeReader(&pieces{ctx: ctx, store: d.store, upload: id}, digest)
	sealed, err := read(whole)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return "", err
	}
	if hex.EncodeToString(digest.Sum(nil)) != u.SHA256 {
		return "", invalid("upload-damaged", "What arrived is not what was announced. Upload it again.")
	}
	n, err := d.Submit(ctx, actor, sealed)
	if err != nil {
		return "", err
	}
	// It is submitted. Should this fail, asking again finds it there.
	return n, d.store.FinishUpload(ctx, id, n)
}

// pieces reads an upload from its beginning, one piece at a time.
type pieces struct {
	ctx    context.Context
	store  Store
	upload string
	offset int64
	rest   []byte
}

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.rest) == 0 {
		piece, err := p.store.Piece(p.ctx, p.upload, p.offset)
		if err != nil {
			return 0, err
		}
		p.rest, p.offset = piece, p.offset+int64(len(piece))
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// submittedAlready says whether the very same notice was submitted before: an answer got lost.
func (d *Dispatch) submittedAlready(ctx context.Context, n crypto.Number, s crypto.SignedManifest) (bool, error) {
	kept, err := d.store.Signed(ctx, n)
	switch {
	case portal.KindOf(err) == portal.NotFound:
		return false, nil
	case err != nil:
		return false, err
	}
	return slices.Equal(kept.Signed.Manifest, s.Manifest) && slices.Equal(kept.Signed.AuthorSignature, s.AuthorSignature), nil
}
