//go:build desk || !js

package ceremony

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/mail"
)

// Mailed is a reply that came by e-mail, as a member of the desk opened it.
type Mailed struct {
	*mail.Mail
	// Signature is by whom it was signed inside: a representative of the mailbox. nil: nobody can say who wrote it.
	Signature *crypto.MailSignature
	// Problem is why a signature that is there doesn't count; nil when it does, and when there is none.
	Problem error
	// Answers is the representative to whom the mail went that this one answers, as the portal says. It isn't who wrote it.
	Answers string
}

// ReadMailed opens a reply by e-mail of a conversation that was fetched with its body. desk are the desk's keys for mail programs. What is returned is what was encrypted, whoever wrote it: who did says Signature, or nothing does.
// What is shown as signed was signed, to the octet: text and files beside a signed part are left out then.
func ReadMailed(t *Trust, c *Conversation, wire api.ThreadMessage, desk []DeskKey, now time.Time) (*Mailed, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(c.Messages, func(m Written) bool { return m.ID == wire.ID })
	digest := sha256.Sum256(wire.Body)
	switch {
	case at < 0 || c.Messages[at].Kind != crypto.MailedReply:
		return nil, errors.New("the portal shows a mail that is not in the thread")
	case c.Messages[at].Problem != nil:
		return nil, c.Messages[at].Problem
	case c.Messages[at].Digest != hex.EncodeToString(digest[:]):
		return nil, errors.New("the portal shows another mail than the one that it names in the thread")
	}
	var certificates []crypto.Fingerprint
	for _, k := range desk {
		certificates = append(certificates, k.Certificate.Fingerprint())
	}
	o, err := crypto.OpenMailedReply(wire.Body, OpenedDeskKeys(desk))
	if err != nil {
		return nil, err
	}
	m := &Mailed{Answers: printable(wire.Answers)}
	writers := t.root.MailWriters(c.Mailbox, t.staff, c.chains, certificates, c.Messages[at].Received, now)
	m.Mail = mail.Read(m.signed(o, writers))
	// The mail itself, as it was encrypted, whatever part of it is shown.
	m.Files[len(m.Files)-1].Data = o.Content()
	return m, nil
}

// signed finds the signature of a mail, and returns what of the mail it is over; all of it when there is none.
func (m *Mailed) signed(o *crypto.OpenedMail, writers *crypto.MailWriters) (shown []byte) {
	content := o.Content()
	if m.Signature, m.Problem = writers.Around(o); m.Signature != nil {
		return content
	}
	if part, signature, ok := mail.Signed(content); ok {
		m.Signature, m.Problem = writers.Beside(part, signature)
		return part
	}
	if text, ok := mail.OnlyText(content); ok && crypto.IsClearSigned(text) {
		said, signature, err := writers.Clear(text)
		if m.Signature, m.Problem = signature, err; said != nil {
			return said
		}
	}
	return content
}
