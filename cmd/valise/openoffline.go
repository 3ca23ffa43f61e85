package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
)

// fileAlone opens a mail without the portal, as the offline reader does: with the files that belong to it, and a key file, which may be the emergency file.
func (c *OpenCommand) fileAlone(p *process, path string, data, keyFile []byte, found []sealedMessage) error {
	var o ceremony.Offline
	if _, err := o.Take(keyFile); err != nil {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	if _, err := o.Take(data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	more := c.With
	if c.Institution != "" {
		more = append(more, c.Institution)
	}
	for _, name := range more {
		file, err := p.readInput(name, maxMailFile)
		if err == nil {
			_, err = o.Take(file)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	pin, pinned, err := c.pin()
	if err != nil {
		return err
	}
	passphrase, err := p.secret(c.SecretFile, "passphrase of "+filepath.Base(c.Key))
	if err != nil {
		return err
	}
	bundle, trust, notice, err := o.Open(passphrase, time.Now())
	if bundle != nil && pinned && pin != bundle.Pin {
		return fmt.Errorf("the root fingerprint that you gave, %s, is not the one that your key was locked with, %s: compare both with your letter, and tell the institution", pin.Fingerprint.Spaced(), bundle.Pin.Fingerprint.Spaced())
	}
	if errors.Is(err, ceremony.ErrNoMessage) && trust != nil {
		for _, other := range found {
			if personal, ok := openPersonalAlone(trust, bundle.Keys(), other.envelope, other.body); ok {
				personal.tellAlone(p, bundle.Pin, c.Language)
				return errAuthorAlone
			}
		}
	}
	if errors.Is(err, crypto.ErrWrongSecret) {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	if err != nil {
		return fmt.Errorf("the message is not shown, because it did not hold: %w", err)
	}
	return c.tellAlone(p, bundle.Pin, notice)
}

// tellAlone prints what was opened without the portal. The error is that it is only half verified.
func (c *OpenCommand) tellAlone(p *process, pin crypto.Pin, n *ceremony.OfflineNotice) error {
	content := n.Content
	if n.Notice != nil {
		content = n.Notice.Content()
	}
	if err := hasLanguage(content, c.Language); err != nil {
		return err
	}
	j := mailJSON{Notice: content.Notice, From: content.From, RootFingerprint: pin.Fingerprint}
	j.Languages, j.Attachments = contentJSON(content)
	var signed string
	if n.Notice != nil {
		v := n.Notice.Verified()
		j.Author, j.Approver = signedBy(v.Author(), v.AuthorSignature()), signedBy(v.Approver(), v.ApproverSignature())
		signed = fmt.Sprintf("signed by %s (author), %s, and %s (approver), %s; both", v.Author().Name(), hourUTC(v.AuthorSignature().Made()), v.Approver().Name(), hourUTC(v.ApproverSignature().Made()))
	} else {
		j.Author = &signerJSON{n.Author.Name(), n.Author.Certificate().Fingerprint(), n.Signed}
		signed = fmt.Sprintf("signed by %s (author), %s;", n.Author.Name(), hourUTC(n.Signed))
	}
	var personal loosePersonal
	if part := n.Personal; part != nil {
		personal.mailbox, personal.texts = part.Mailbox, part.Languages
		j.Mailbox, j.Personal = part.Mailbox, personal.languages()
	}
	p.report(j, func() {
		p.say("%s  from %s", content.Notice, content.From)
		p.say("%s certified by the root %s", signed, pin.Fingerprint.Spaced())
		if n.Notice != nil && n.Notice.Verified().Manifest().Acknowledge {
			p.say("acknowledgement is %s", deadlineText(n.Notice.Verified().Manifest().Deadline))
		}
		showContent(p, content, c.Language)
		personal.show(p, c.Language)
		if n.Notice != nil {
			p.warn("Without the portal nobody can say what was revoked, or sent, since.")
		}
	})
	if c.SaveAttachments != "" {
		if err := p.saveAttachments(c.SaveAttachments, content); err != nil {
			return err
		}
	}
	if n.Notice == nil {
		return errAuthorAlone
	}
	return nil
}
