package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

// Files that go with statements.

// attach seals the files that were named to the desk, uploads them, and puts them into the draft; those of detach are taken out of it.
func (o *officer) attach(ctx context.Context, p *process, d *crypto.StatementDraft, files, detach []string) error {
	for _, name := range detach {
		if !ceremony.Detach(d, name) {
			return usagef("--detach: the draft has no attachment %q", name)
		}
	}
	for _, file := range files {
		data, err := p.readInput(file, crypto.MaxAttachmentsSize)
		if err != nil {
			return usageError{fmt.Errorf("--attach: %w", err)}
		}
		name := filepath.Base(file)
		a, err := ceremony.SealAttachment(o.trust, o.key, d.Statement, name, ceremony.AttachmentType(name, data), data, time.Now())
		if err != nil {
			return usageError{fmt.Errorf("--attach %s: %w", file, err)}
		}
		a.Attach(d)
		if err := checkAttachments(d); err != nil {
			return err
		}
		if err := o.client.Attach(ctx, d.Statement, a.ID, a.Sealed); err != nil {
			return err
		}
	}
	return nil
}

// checkAttachments says early what nobody could sign.
func checkAttachments(d *crypto.StatementDraft) error {
	var size int64
	for _, a := range d.Attachments {
		size += a.Size
	}
	if size > crypto.MaxAttachmentsSize || len(d.Attachments) > crypto.MaxAttachments {
		return usagef("--attach: a statement has at most %d attachments, of %d MiB together", crypto.MaxAttachments, crypto.MaxAttachmentsSize>>20)
	}
	return nil
}

// hold fetches every attachment of a submission, and compares it with what its author signed.
func (o *officer) hold(ctx context.Context, e *ceremony.ExaminedStatement) error {
	n := e.Submitted.Manifest().Statement
	for _, f := range e.Needed() {
		var octets []byte
		var err error
		switch {
		case f.Version > 0:
			octets, err = o.client.StatementFile(ctx, n, f.Version, f.StatementAttachment)
		case f.ID == "":
			err = fmt.Errorf("nobody uploaded the attachment %s; send the statement back, so that its author attaches it", clean(f.Name))
		default:
			octets, err = o.client.Attachment(ctx, n, f.ID)
		}
		if err != nil {
			return err
		}
		if err := e.Hold(o.trust, o.keys, f, octets, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// handOn seals the attachments of what is to wait for its minute to the notaries.
func (o *officer) handOn(ctx context.Context, e *ceremony.ExaminedStatement) error {
	files, err := e.HandOn(o.trust, o.key, time.Now())
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := o.client.Attach(ctx, e.Submitted.Manifest().Statement, f.ID, f.Sealed); err != nil {
			return err
		}
	}
	return nil
}

// saveFiles writes attachments, whose names were checked to have no path, into a folder; what is there is not replaced.
func (p *process) saveFiles(dir string, attachments []crypto.StatementAttachment, file func(crypto.StatementAttachment) ([]byte, error)) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, a := range attachments {
		data, err := file(a)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.Base(a.Name))
		if err := writeNew(path, data, 0o600); err != nil {
			return fmt.Errorf("the attachment %s: %w", clean(a.Name), err)
		}
		p.say("saved  %s", path)
	}
	return nil
}

// draftFile fetches and opens an attachment of a draft: where it was uploaded sealed, or with the published version that has it.
func (o *officer) draftFile(ctx context.Context, d *crypto.StatementDraft, a crypto.StatementAttachment) ([]byte, error) {
	if id := d.Sealed[a.SHA256]; id != "" {
		sealed, err := o.client.Attachment(ctx, d.Statement, id)
		if err != nil {
			return nil, err
		}
		return ceremony.OpenAttachment(o.trust, o.keys, d.Statement, a, sealed, time.Now())
	}
	versions, err := published(ctx, o.client, o.trust, d.Statement)
	if err != nil {
		return nil, err
	}
	for i := len(versions) - 1; i >= 0; i-- {
		for _, b := range versions[i].Attachments() {
			if b.SHA256 == a.SHA256 {
				return o.client.StatementFile(ctx, d.Statement, i+1, b)
			}
		}
	}
	return nil, errors.New("the attachment " + clean(a.Name) + " was not uploaded; attach it again")
}

func statementFilesJSON(list []crypto.StatementAttachment) []attachmentJSON {
	files := []attachmentJSON{}
	for _, a := range list {
		files = append(files, attachmentJSON{a.Name, a.Type, int(a.Size), a.SHA256})
	}
	return files
}

func sayAttachments(p *process, list []crypto.StatementAttachment) {
	for _, a := range list {
		p.say("attached  %s (%s, %s, SHA-256 %s)", clean(a.Name), clean(a.Type), size(int(a.Size)), clean(a.SHA256))
	}
}
