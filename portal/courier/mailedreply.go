package courier

import (
	"bytes"
	"context"
	"strings"

	"valise/portal"
	"valise/portal/mail"
)

// Replies takes encrypted replies into threads: the portal's own step, which looks at how they are sealed.
type Replies interface {
	TakeMail(ctx context.Context, m portal.MailedReply) (created bool, err error)
}

// TakeReplies has encrypted mail that answers one of ours put into threads. Without it, all that is encrypted is kept for the desk. Call it before Run.
func (i *Inbox) TakeReplies(r Replies) *Inbox {
	i.replies = r
	return i
}

const messageBegin, messageEnd = "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----"

// encryptedMessage is an OpenPGP message in a mail.
type encryptedMessage struct {
	armored []byte
	more    bool // the mail says something else, too, that isn't encrypted
}

// encryptedMessage finds the one that a mail holds: in multipart/encrypted (RFC 3156, section 4), also when a mail server made multipart/mixed of that, in a file, or in its text; nil when it holds none. Of several, one in
// multipart/encrypted is meant.
func (e *entity) encryptedMessage() *encryptedMessage {
	if outer := e.find("multipart/encrypted"); outer != nil {
		found := outer.armoredIn()
		if found == nil {
			return &encryptedMessage{} // it says that it is encrypted, and it is in a form that nobody knows here
		}
		found.more = found.more || outer != e && e.saysMoreThan(outer)
		return found
	}
	return e.armoredIn()
}

// armoredIn looks through an entity's parts.
func (e *entity) armoredIn() (found *encryptedMessage) {
	more := false
	e.walk(func(part *entity) {
		if part.kind == "application/pgp-encrypted" && len(part.body) < 200 { // "Version: 1"
			return
		}
		if part.kind == "text/html" && bytes.Contains(part.decoded(), []byte(messageBegin)) { // the same once more
			return
		}
		if found == nil && !strings.HasPrefix(part.kind, "image/") && !strings.HasPrefix(part.kind, "message/") && part.kind != "text/html" {
			if armored, beside := cutArmored(part.decoded()); armored != nil {
				found = &encryptedMessage{armored: armored}
				more = more || beside
				return
			}
		}
		more = more || len(bytes.TrimSpace(part.body)) > 0
	})
	if found != nil {
		found.more = more
	}
	return found
}

// saysMoreThan says whether there is something in a mail beside one of its parts.
func (e *entity) saysMoreThan(part *entity) bool {
	if e == part {
		return false
	}
	if len(e.parts) == 0 {
		return len(bytes.TrimSpace(e.body)) > 0
	}
	for _, p := range e.parts {
		if p.saysMoreThan(part) {
			return true
		}
	}
	return false
}

// cutArmored returns a message that stands in a text, from a line's beginning on, and whether there is something beside it.
func cutArmored(text []byte) (armored []byte, beside bool) {
	at := bytes.Index(text, []byte(messageBegin))
	if at < 0 || at > 0 && text[at-1] != '\n' { // behind the mark of a quote it is one of ours
		return nil, false
	}
	end := bytes.LastIndex(text, []byte(messageEnd))
	if end < at {
		return text[at:], len(bytes.TrimSpace(text[:at])) > 0
	}
	end += len(messageEnd)
	return text[at:end], len(bytes.TrimSpace(text[:at])) > 0 || len(bytes.TrimSpace(text[end:])) > 0
}

// decoded returns a part decoded, however large: what is encrypted may fill the mail.
func (e *entity) decoded() []byte { return mail.Decode(e.field("content-transfer-encoding"), e.body) }

// reply puts an encrypted mail that answers one of ours into its thread. fate is "" when that was not done: why is then the code of the refusal, or "" when it is not known what it answers. err is that it should be tried again.
func (i *Inbox) reply(ctx context.Context, raw []byte, m *encryptedMessage, about Queued) (fate Fate, why string, err error) {
	switch {
	case m == nil || i.replies == nil:
		return "", "", nil
	case m.armored == nil:
		return "", "not-sealed", nil
	case about.Notice == "":
		return "", "", nil
	}
	created, err := i.replies.TakeMail(ctx, portal.MailedReply{Notice: about.Notice, Answers: about.Representative, Message: m.armored})
	if err != nil {
		code, refused := refusal(err)
		if !refused {
			return "", "", err
		}
		return "", code, nil
	}
	if m.more { // which is in no thread
		if _, err := i.keep(ctx, raw, KeptEncrypted, "more-than-its-thread", about); err != nil {
			return "", "", err
		}
	}
	fate, err = i.taken(ctx, FateReply, created)
	return fate, "", err
}
