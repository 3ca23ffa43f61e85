package courier

import (
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// MaxKept is how many kept mails are listed at once; more than all quotas together is never kept.
const MaxKept = 2000

// countsAge is how far back counts of mail that came are shown.
const countsAge = 30 * 24 * time.Hour

// desk are who mail that is kept is sealed to.
var desk = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover}

// MailIn is what staff see of the mail that came.
type MailIn struct {
	Kept     []KeptMail
	Commands []portal.TakenCommand // of the last thirty days
	Counts   []MailCount           // likewise
}

// Inbox returns the mail that came and that the courier could do nothing with; what representatives commanded, and how many mails of all kinds came, in the last thirty days. Staff, but not administrators; what a mail says
// is sealed to authors and approvers.
func (o *Outbox) Inbox(ctx context.Context, actor portal.Actor) (in MailIn, err error) {
	if err := o.admit(ctx, actor, "courier.inbox", "all", outboxReaders...); err != nil {
		return in, err
	}
	if in.Kept, err = o.store.KeptMails(ctx, MaxKept); err != nil {
		return in, err
	}
	since := o.now().Add(-countsAge)
	if in.Commands, err = o.store.Commands(ctx, since, MaxKept); err != nil {
		return in, err
	}
	in.Counts, err = o.store.MailCounts(ctx, since)
	return in, err
}

// Kept returns one mail with its sealed record. Authors and approvers.
func (o *Outbox) Kept(ctx context.Context, actor portal.Actor, id string) (KeptMail, error) {
	if err := checkKeptID(id); err != nil {
		return KeptMail{}, err
	}
	if err := o.admit(ctx, actor, "courier.mail", id, desk...); err != nil {
		return KeptMail{}, err
	}
	return o.store.KeptMail(ctx, id)
}

// RemoveKept removes one that was dealt with. Authors and approvers.
func (o *Outbox) RemoveKept(ctx context.Context, actor portal.Actor, id string) error {
	if err := checkKeptID(id); err != nil {
		return err
	}
	if err := o.admit(ctx, actor, "courier.remove-mail", id, desk...); err != nil {
		return err
	}
	return o.store.RemoveKeptMail(ctx, id)
}

func checkKeptID(id string) error {
	if len(id) != 32 || !tokenDigits.MatchString(id) {
		return portal.Errorf(portal.Invalid, "invalid-mail", "That is no mail's name: it has 32 digits and small letters, as 'valise mail' shows it.")
	}
	return nil
}
