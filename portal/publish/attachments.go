package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"valise/crypto"
	"valise/portal"
)

// This file is about the files that go with statements. Before a statement is public each is uploaded sealed, apart from the draft, which names it by the digest of the sealed octets: the
// portal knows neither its name, type, digest nor exact size. With the publication, in its transaction, the files are kept in the clear, each as the digest in the signed texts says.

const (
	// MaxSealedFiles is how many sealed files may wait for one statement: those of the draft, those that its approver handed on to the notaries, and some that two people
	// who edit it at once have not saved yet.
	MaxSealedFiles = 3 * crypto.MaxAttachments
	// MaxSealedFilesSize is how many bytes these may have together.
	MaxSealedFilesSize = 4 * crypto.MaxSealedAttachment
	// MaxSealedFilesOfPerson is how many bytes of files of all statements may wait that one person uploaded: one account must not fill the disk.
	MaxSealedFilesOfPerson = 40 * crypto.MaxSealedAttachment
)

// SealedFile is a file that waits for the publication of its statement.
type SealedFile struct {
	Statement  crypto.Number
	ID         string // SHA-256 of Data, 64 small hexadecimal digits
	Data       []byte // sealed
	ForNotary  bool   // a notary can open it
	UploadedBy string // holder name
	UploadedAt time.Time
}

// File is a published file, without its octets.
type File struct {
	Name, Type, SHA256 string
	Size               int64
}

// PublishedFile is a file that is about to be published. Data is nil when an earlier version of the statement has it already.
type PublishedFile struct {
	File
	Data []byte
}

// Attach keeps a sealed file of a statement that is being worked on, or about to be. id is the SHA-256 digest of the sealed octets. An author's is sealed to the desk alone; who approves what
// another person submitted hands it on sealed to the notaries, too. The same again changes nothing. What no draft names is forgotten after a day. Authors and approvers.
func (p *Publish) Attach(ctx context.Context, actor portal.Actor, n crypto.Number, id string, sealed []byte) error {
	if err := checkNumber(n); err != nil {
		return err
	}
	if err := p.act(ctx, actor, "publish.attach", string(n), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return err
	}
	if id != SHA256Of(sealed) {
		return invalid("wrong-digest", "The address of an attachment is the SHA-256 digest of the sealed file, and that of what arrived is another: it was damaged on the way. Send it again.")
	}
	h, err := p.house(ctx)
	if err != nil {
		return err
	}
	to, err := checkSealedFile(sealed, h.desk)
	if err != nil && actor.Has(crypto.RoleApprover) {
		if to, err = checkSealedFile(sealed, append(h.desk, h.notaries...)); err == nil {
			err = p.mayHandOn(ctx, actor, n)
		}
	}
	if err != nil {
		return err
	}
	if !among(to, actor.Staff().Certificate().Fingerprint()) {
		return invalid("not-sealed", "The attachment is not sealed to yourself, so you could not open it again. Seal it anew.")
	}
	f := SealedFile{Statement: n, ID: id, Data: sealed, ForNotary: anyNotary(to), UploadedBy: actor.Holder(), UploadedAt: p.now()}
	return p.store.SaveSealedFile(ctx, f, MaxSealedFiles, MaxSealedFilesSize, MaxSealedFilesOfPerson)
}

func checkSealedFile(sealed []byte, among []*crypto.Staff) ([]*crypto.Staff, error) {
	if len(sealed) > crypto.MaxSealedAttachment {
		return nil, portal.Errorf(portal.TooLarge, "too-large", "All attachments of a statement have at most %d MiB together. Attach a smaller file.", crypto.MaxAttachmentsSize>>20)
	}
	return checkAddressees("attachment", sealed, among)
}

// mayHandOn says whether it is time that notaries can open a file: once somebody else than who approves has submitted the statement.
func (p *Publish) mayHandOn(ctx context.Context, actor portal.Actor, n crypto.Number) error {
	w, err := p.store.StatementWork(ctx, n)
	switch {
	case err != nil:
		return err
	case w.State == Draft:
		return portal.Errorf(portal.Conflict, "not-submitted", "The statement is not submitted, so nothing of it is to be sealed to the notaries yet.")
	case w.SubmittedBy == actor.Holder():
		return errOwnStatement
	}
	return nil
}

// Attachment returns a sealed file. Authors and approvers.
func (p *Publish) Attachment(ctx context.Context, actor portal.Actor, n crypto.Number, id string) ([]byte, error) {
	if err := checkNumber(n); err != nil {
		return nil, err
	}
	if err := p.act(ctx, actor, "publish.attachment", string(n), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return nil, err
	}
	if err := checkFileIDs([]string{id}); err != nil {
		return nil, err
	}
	f, err := p.store.SealedFile(ctx, n, id)
	return f.Data, err
}

// checkFileIDs checks how a client names sealed files.
func checkFileIDs(ids []string) error {
	if len(ids) > crypto.MaxAttachments {
		return invalid("too-many-attachments", "A statement has at most %d attachments.", crypto.MaxAttachments)
	}
	for _, id := range ids {
		if raw, err := hex.DecodeString(id); err != nil || len(raw) != sha256.Size || id != hex.EncodeToString(raw) {
			return invalid("invalid-attachment", "An attachment is named by the SHA-256 digest of the sealed file, 64 small hexadecimal digits.")
		}
	}
	return nil
}

// MissingFiles says which attachments that a statement names the portal doesn't hold.
func MissingFiles(names []string) error {
	return portal.Errorf(portal.Conflict, "attachments-missing",
		"The portal does not hold what the statement names as its attachments (%s), or holds other files. Hand them in with the approval, or send the statement back to its author, who attaches them again.", strings.Join(names, ", "))
}

// gather returns the files of a version: of those that were handed in, and those that earlier versions have, exactly the ones that it names.
func (p *Publish) gather(ctx context.Context, v *crypto.VerifiedStatement, handed [][]byte) ([]PublishedFile, error) {
	named := v.Attachments()
	if len(named) == 0 {
		return nil, nil
	}
	given := map[string][]byte{}
	for _, data := range handed {
		given[SHA256Of(data)] = data
	}
	kept, err := p.store.KeptFiles(ctx, v.Manifest().Statement)
	if err != nil {
		return nil, err
	}
	var files []PublishedFile
	var missing []string
	for _, a := range named {
		f := PublishedFile{File: File{Name: a.Name, Type: a.Type, SHA256: a.SHA256, Size: a.Size}}
		size, earlier := kept[a.SHA256]
		switch data, ok := given[a.SHA256]; {
		case earlier && size == a.Size:
		case ok && int64(len(data)) == a.Size:
			f.Data = data
		default:
			missing = append(missing, a.Name)
		}
		files = append(files, f)
	}
	if len(missing) > 0 {
		return nil, MissingFiles(missing)
	}
	return files, nil
}

// checkHanded refuses files that the statement doesn't name: nobody signed them.
func checkHanded(v *crypto.VerifiedStatement, handed [][]byte) error {
	named := map[string]bool{}
	for _, a := range v.Attachments() {
		named[a.SHA256] = true
	}
	for _, data := range handed {
		if !named[SHA256Of(data)] {
			return invalid("attachment-not-named", "A file was handed in that the statement does not name. Compare the files with the statement, and hand in those alone.")
		}
	}
	return nil
}

// handedOn opens what the approver handed on to the notaries.
func (n *Notary) handedOn(ctx context.Context, statement crypto.Number, h *house) (files [][]byte, err error) {
	ids, err := n.store.ApprovedFiles(ctx, statement)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		f, err := n.store.SealedFile(ctx, statement, id)
		if portal.KindOf(err) == portal.NotFound {
			continue // if it is needed, it is missing
		}
		if err != nil {
			return nil, err
		}
		data, _, err := n.root.OpenStatementAttachment(f.Data, statement, n.keys, h.all, n.now())
		if err != nil {
			n.log.Warn("notary", "statement", string(statement), "problem", "an attachment can't be opened with this notary's key: "+portal.Scrubbed(err))
			continue
		}
		files = append(files, data)
	}
	return files, nil
}

// File returns what is known of a published file, by its name; version 0 is the newest. Anyone may ask.
func (p *Publish) File(ctx context.Context, n crypto.Number, version int, name string) (File, error) {
	if err := checkNumber(n); err != nil {
		return File{}, err
	}
	if version < 0 || len(name) > crypto.MaxFileName || !utf8.ValidString(name) {
		return File{}, portal.Errorf(portal.NotFound, "no-file", "The statement has no such attachment.")
	}
	return p.store.StatementFile(ctx, n, version, name)
}

// FileData returns the octets of a published file.
func (p *Publish) FileData(ctx context.Context, f File) ([]byte, error) {
	data, err := p.store.FileData(ctx, f.SHA256)
	if err == nil && SHA256Of(data) != f.SHA256 {
		err = portal.Errorf(portal.Internal, "damaged", "A published file is damaged in the database.")
	}
	return data, err
}
