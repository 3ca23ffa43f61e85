package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A file that goes with a statement is public with it, and sealed before: each by itself, apart from the draft that names it.

const statementAttachmentFirstLine = "valise statement attachment v1"

const (
	// MaxSealedAttachment is the size in bytes of the largest sealed attachment accepted: a file of MaxAttachmentsSize, its padding, and an envelope for each of
	// those it may be sealed to.
	MaxSealedAttachment = MaxAttachmentsSize + MaxAttachmentsSize/8 + 1<<20

	// maxAttachmentHeader bounds the lines above the file.
	maxAttachmentHeader = 1 << 10

	// attachmentPadding is the multiple of bytes to which small files are padded.
	attachmentPadding = 64 << 10
)

// paddedAttachment returns to how many bytes a sealed attachment's content of n bytes is padded: a multiple of 64 KiB, above 1 MiB of the smallest power of two
// that is more than a sixteenth of n. So little is wasted, and who knows a file that might be published finds it neither by its size nor by that of what is stored.
func paddedAttachment(n int) int {
	step := attachmentPadding
	for step <= n/16 {
		step *= 2
	}
	return (n + step - 1) / step * step
}

// SealStatementAttachment seals a file to members of the staff, bound to the statement's number, signed by who hands it in: the author to the desk, or
// the approver to desk and notaries. Name and type of the file are not in it; they stand in the draft and in the signed texts. What names the sealed file
// is the SHA-256 digest of the octets that are returned, which, unlike the file's own, tells nobody which file it is.
func SealStatementAttachment(data []byte, statement Number, sender *Key, to []*Staff, now time.Time) ([]byte, error) {
	if !isNumberOf(statement, KindStatement) {
		return nil, fmt.Errorf("%.50q is not the number of a statement", string(statement))
	}
	return statementFiles.seal(data, statement, sender, to, now)
}

// sealedFiles is how files of one kind are sealed on their way: what their first line is, and that which names what they belong to.
type sealedFiles struct {
	first, of string
	kind      Kind
	purpose   Purpose
}

var statementFiles = sealedFiles{statementAttachmentFirstLine, "statement", KindStatement, PurposeStatementAttachment}

func (f sealedFiles) seal(data []byte, of Number, sender *Key, to []*Staff, now time.Time) ([]byte, error) {
	switch {
	case len(data) == 0:
		return nil, errors.New("the attachment is an empty file")
	case len(data) > MaxAttachmentsSize:
		return nil, fmt.Errorf("the attachment has %d MiB; at most %d are possible", len(data)>>20, MaxAttachmentsSize>>20)
	case sender == nil || !sender.exists():
		return nil, errNoKey
	}
	header := f.header(of, sha256Hex(data), len(data))
	content := make([]byte, 0, paddedAttachment(len(header)+len(data)))
	content = append(append(content, header...), data...)
	certificates, err := certificatesOf(to)
	if err != nil {
		return nil, err
	}
	return SealRecord(content[:cap(content)], sender, f.purpose, certificates, now)
}

func (f sealedFiles) header(of Number, sha256 string, size int) []byte {
	return append(writeText(f.first,
		textLine{f.of, string(of)}, textLine{"sha256", sha256}, textLine{"size", strconv.Itoa(size)}), '\n')
}

// OpenStatementAttachment opens a sealed file with any of keys, and returns it and who sealed it, a staff member who had RoleAuthor or RoleApprover then. statement
// is the number under which it was kept: a server can't pass off a file of one statement as one of another. Whether it is the file that a draft or a
// signed text names, their digest says.
func (r *Root) OpenStatementAttachment(sealed []byte, statement Number, keys []*Key, staff []*Certificate, now time.Time) ([]byte, *Staff, error) {
	return statementFiles.open(r, sealed, statement, keys, staff, now)
}

func (f sealedFiles) open(r *Root, sealed []byte, of Number, keys []*Key, staff []*Certificate, now time.Time) ([]byte, *Staff, error) {
	if !r.exists() {
		return nil, nil, errNoRoot
	}
	if len(sealed) > MaxSealedAttachment {
		return nil, nil, fmt.Errorf("the sealed attachment has %d MiB; at most %d are accepted", len(sealed)>>20, MaxSealedAttachment>>20)
	}
	content, s, err := OpenRecord(sealed, keys, staff, f.purpose, now)
	if err != nil {
		return nil, nil, fmt.Errorf("an attachment of %s: %w", of, err)
	}
	sender, err := r.VerifyStaff(s.Signer(), s.Made())
	if err != nil {
		return nil, nil, fmt.Errorf("an attachment of %s: %w", of, err)
	}
	if !sender.Has(RoleAuthor) && !sender.Has(RoleApprover) {
		return nil, nil, fmt.Errorf("an attachment of %s was sealed by %s, who had no right to hand it in", of, sender.Name())
	}
	named, data, err := f.read(content)
	if err != nil {
		return nil, nil, fmt.Errorf("an attachment of %s: %w", of, err)
	}
	if named != of {
		return nil, nil, fmt.Errorf("this is an attachment of %s, not of %s: the portal has mixed them up", named, of)
	}
	return data, sender, nil
}

// read reads exactly what seal puts inside.
func (f sealedFiles) read(content []byte) (of Number, data []byte, err error) {
	wrong := errors.New("it is not in the form that Valise writes; a newer version may read it")
	head, _, ok := bytes.Cut(content[:min(len(content), maxAttachmentHeader)], []byte("\n\n"))
	if !ok {
		return "", nil, wrong
	}
	rest := content[len(head)+2:]
	r := readText("attachment", f.first, append(bytes.Clone(head), '\n'), maxAttachmentHeader)
	if f.kind == KindNotice {
		of = r.notice(f.of)
	} else {
		of = r.statement(f.of)
	}
	digest := r.hex("sha256", 32)
	size := r.integer("size", MaxAttachmentsSize)
	if err := r.end(); err != nil {
		return "", nil, err
	}
	if size > len(rest) {
		return "", nil, wrong
	}
	data = rest[:size:size]
	padding := rest[size:]
	if !bytes.Equal(f.header(of, digest, size), content[:len(head)+2]) || len(content) != paddedAttachment(len(head)+2+size) ||
		bytes.Count(padding, []byte{0}) != len(padding) || sha256Hex(data) != digest {
		return "", nil, wrong
	}
	return of, data, nil
}
