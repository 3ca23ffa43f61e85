package correspond

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"valise/crypto"
	"valise/portal"
)

// MailLimits bound what may come by e-mail into the threads of one mailbox. They stand beside those of replies, so that a flood of mail keeps nobody from writing on the portal.
type MailLimits struct {
	Threads  int           // of a mailbox, up to which a mail may begin one more
	Messages int           // mails in a thread
	Recent   int           // mails to a mailbox within Period
	Size     int64         // bytes of those
	Period   time.Duration //
}

var mailLimits = MailLimits{Threads: 500, Messages: 200, Recent: 50, Size: 200 << 20, Period: 24 * time.Hour}

// IncomingMail is a reply by e-mail to be kept.
type IncomingMail struct {
	ID      string
	About   crypto.Number         // the notice
	Answers crypto.Representative // to whom the mail went that it answers; the thread is their mailbox's
	Sealed  []byte                // an OpenPGP message, without armor
	SHA256  string                // of Sealed
	Begin   crypto.Number         // of the thread, if there is none about the notice yet
	At      time.Time
}

// TakeMail keeps an encrypted mail that answers one of ours, unopened, in the mailbox's last thread about that notice; when there is none, it begins one. The same again, to the same mailbox, changes nothing: created is false.
// Only its structure is known here, so that is what is checked: that the desk may be able to open it, and its size. Nobody is logged in, and nothing in the mail is believed.
func (c *Correspond) TakeMail(ctx context.Context, m portal.MailedReply) (created bool, err error) {
	if m.Answers.Ordinal < 1 || m.Notice.Kind() != crypto.KindNotice {
		return false, invalid("no-notice", "A mail answers a notice to somebody.")
	}
	staff, err := c.staff(ctx)
	if err != nil {
		return false, err
	}
	sealed, err := crypto.CheckMailedReply(m.Message, c.deskMail(staff))
	switch {
	case errors.Is(err, crypto.ErrNotToDesk):
		return false, invalid("other-key", "%s", portal.Sentence(err))
	case err != nil:
		return false, invalid("not-sealed", "%s", portal.Sentence(err))
	}
	delivered, err := c.store.Delivered(ctx, m.Answers.Mailbox, m.Notice)
	if err != nil {
		return false, err
	}
	if !delivered {
		return false, portal.Errorf(portal.NotFound, "no-notice", "There is no %s in %s.", m.Notice, m.Answers.Mailbox)
	}
	digest := sha256.Sum256(sealed)
	return c.store.AddMail(ctx, IncomingMail{
		ID: mailID(m.Answers.Mailbox, sealed), About: m.Notice, Answers: m.Answers, Sealed: sealed, SHA256: hex.EncodeToString(digest[:]), Begin: crypto.NewNumber(crypto.KindThread), At: c.now(),
	}, mailLimits)
}

// mailID names a mail: the same one again, to the same mailbox, is the same message, however often mail servers hand it over.
func mailID(mailbox crypto.Number, sealed []byte) string {
	h := sha256.New()
	h.Write([]byte("valise mailed reply v1\x00" + string(mailbox) + "\x00"))
	h.Write(sealed)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// deskMail returns the desk's certificates for mail programs: those that the root's certification counts of now.
func (c *Correspond) deskMail(staff []*crypto.Certificate) (desk []*crypto.Certificate) {
	for _, certificate := range staff {
		if member, err := c.root.VerifyStaff(certificate, c.now()); err == nil && member.Has(crypto.RoleDeskMail) {
			desk = append(desk, certificate)
		}
	}
	return desk
}

// MailWriters returns the certificates of all representatives whom a mailbox has or had, issued ones first: with them the desk finds out who signed what came by e-mail. It is for the desk, in a thread that it was shown.
func (c *Correspond) MailWriters(ctx context.Context, thread Thread) (map[crypto.Representative][][]byte, error) {
	return c.store.MailboxCertificates(ctx, thread.Mailbox)
}

var errSealedToDesk = portal.Errorf(portal.NotFound, "sealed-to-desk", "This reply came by e-mail, sealed to the desk alone. Whoever sent it has it in their mail program; the portal can show that it came, and when.")
