package courier

import (
	"context"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// OutboxStore is what staff's view of the outbox needs.
type OutboxStore interface {
	InboxStore

	// Outbox returns entries, those first that need somebody, then the newest; of one notice ("": of all), in one state ("": in any), at most limit.
	Outbox(ctx context.Context, n crypto.Number, state State, limit int) ([]Entry, error)
	// RetryOutbox lets an entry be tried again that is dead; portal.Conflict with code "not-dead".
	RetryOutbox(ctx context.Context, n crypto.Number, r crypto.Representative, now time.Time) error
}

// Outbox is what staff see of what goes by e-mail. It opens no address: the web tier can't. Use NewOutbox.
type Outbox struct {
	store OutboxStore
	now   func() time.Time
}

// NewOutbox makes the step.
func NewOutbox(store OutboxStore, now func() time.Time) *Outbox { return &Outbox{store, now} }

// MaxOutbox is how many entries are listed at once.
const MaxOutbox = 1000

// outboxReaders are who may know which mailboxes there are.
var outboxReaders = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar, crypto.RoleAuditor}

// List returns entries of a notice ("": of all), in one state ("": in any). Staff, but not administrators; who reads it is written down.
func (o *Outbox) List(ctx context.Context, actor portal.Actor, n crypto.Number, state State) ([]Entry, error) {
	const act = "courier.outbox"
	object := string(n)
	if n == "" {
		object = "all"
	}
	if state != "" && !slices.Contains([]State{Waiting, Sent, Cancelled, Dead}, state) {
		return nil, portal.Errorf(portal.Invalid, "invalid-state", "E-mail is waiting, sent, cancelled or dead.")
	}
	if err := o.admit(ctx, actor, act, object, outboxReaders...); err != nil {
		return nil, err
	}
	return o.store.Outbox(ctx, n, state, MaxOutbox)
}

// Retry lets the courier try again what could not be sent. Authors, approvers and registrars.
func (o *Outbox) Retry(ctx context.Context, actor portal.Actor, n crypto.Number, r crypto.Representative) error {
	if err := o.admit(ctx, actor, "courier.retry", string(n)+" "+r.String(), crypto.RoleRegistrar, crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return err
	}
	return o.store.RetryOutbox(ctx, n, r, o.now())
}

// admit refuses who has none of the roles, and writes down who acts, or tried to.
func (o *Outbox) admit(ctx context.Context, actor portal.Actor, act, object string, roles ...crypto.Role) error {
	if actor.Staff() == nil {
		if _, ok := actor.Representative(); ok {
			return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
		}
		return portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")
	}
	entry := portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: object}
	if slices.ContainsFunc(roles, actor.Has) {
		return o.store.RecordAudit(ctx, entry)
	}
	entry.Act += " refused"
	if err := o.store.RecordAudit(ctx, entry); err != nil {
		return err
	}
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return portal.Errorf(portal.Forbidden, names[0]+"-only", "This takes the role %s, which the institution's root did not give you.", strings.Join(names, " or "))
}

// Codes are what a mail server answered, "550 5.1.1"; "" when none did.
func (e Entry) Codes() string {
	words := strings.Fields(e.Reason)
	if i := slices.IndexFunc(words, func(w string) bool { return w[0] >= '0' && w[0] <= '9' }); i >= 0 {
		return strings.Join(words[i:], " ")
	}
	return ""
}

// reasons are all that are known here. A courier that is newer than a node may have more.
var reasons = []string{
	ReasonOpened, ReasonAnswered, ReasonNever, ReasonLastCall, ReasonNoAddress, ReasonRevoked, ReasonNotYet, ReasonQuiet, ReasonUnclaimed, ReasonUnreadable, ReasonNotGenuine, ReasonNoIdentity,
	ReasonNoConnection, ReasonNoTLS, ReasonNoDomain, ReasonNoDNS, ReasonPolicy, ReasonDANE, ReasonBusy, ReasonDeferred, ReasonRefused, ReasonGivenUp, ReasonReturned, ReasonDelayed,
}

// Word is the part of a reason that is a word of ours: the codes of mail servers stand behind it. "": it is one that is not known here.
func (e Entry) Word() string {
	word, _, _ := strings.Cut(e.Reason, " ")
	if !slices.Contains(reasons, word) {
		return ""
	}
	return word
}
