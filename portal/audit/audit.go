package audit

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Entry is a line of the trail.
type Entry struct {
	portal.AuditEntry
	At    time.Time
	Place Place
}

// refusedSuffix stands behind the name of an act that was not allowed.
const refusedSuffix = " refused"

// Name is the act, whether or not it was refused, and whatever else stands behind it ("passkey.show log-in").
func (e Entry) Name() string {
	name, _, _ := strings.Cut(e.Act, " ")
	return name
}

// RefusedName is how an act is written down that was not allowed.
func RefusedName(act string) string { return act + refusedSuffix }

// Refused says whether the act was not allowed.
func (e Entry) Refused() bool { return strings.HasSuffix(e.Act, refusedSuffix) }

// Place is where an entry stands in the trail: its time in microseconds since 1970, and a number that tells entries of the same microsecond apart. The zero
// Place is none.
type Place struct{ At, ID int64 }

// String is how a place is written where a page is asked for: "1767261600000000-4711"; "" for none.
func (p Place) String() string {
	if p == (Place{}) {
		return ""
	}
	return fmt.Sprintf("%d-%d", p.At, p.ID)
}

// ParsePlace reads what String wrote.
func ParsePlace(text string) (Place, error) {
	if text == "" {
		return Place{}, nil
	}
	at, id, ok := strings.Cut(text, "-")
	var p Place
	var err, problem error
	p.At, err = strconv.ParseInt(at, 10, 64)
	p.ID, problem = strconv.ParseInt(id, 10, 64)
	if !ok || err != nil || problem != nil || p.At <= 0 || p.ID < 0 || p.String() != text {
		return Place{}, invalid("invalid-place", "There is no such page. Start from the first one.")
	}
	return p, nil
}

// Query says which entries are wanted. Zero fields ask for nothing in particular.
type Query struct {
	From, To time.Time // at From or later, and before To
	Actor    string    // a holder: staff:FINGERPRINT, or a representative's number
	Acts     []string  // one of them, by its name, whether or not it was refused
	Object   string    // a number; entries that name it beside another, and those of its representatives, count
	Changes  bool      // without those that only read
	Refused  bool      // only those that were not allowed
	Before   Place
	Limit    int // 0: DefaultPage
}

// Pages of the trail.
const (
	DefaultPage = 50
	MaxPage     = 1000
)

// MaxExport is how many entries are exported at once.
const MaxExport = 100_000

// Reads are the acts that change nothing, sorted.
var reads = []string{
	"audit.export", "audit.read", "correspond.addressees", "correspond.inbox", "correspond.lacking", "correspond.message", "correspond.thread", "courier.inbox", "courier.mail", "courier.outbox", "dispatch.attachment", "dispatch.contacts", "dispatch.draft", "dispatch.drafts", "dispatch.examine", "dispatch.manifest", "dispatch.notices", "dispatch.personal", "dispatch.reach", "dispatch.receipt", "dispatch.receipts", "dispatch.status", "publish.acknowledgements", "publish.attachment", "publish.awaited",
	"publish.draft", "publish.drafts", "publish.receipt", "publish.standing", "registry.address", "registry.chain", "registry.directory", "registry.group", "registry.groups",
}

// Reads says whether an act, by its name, only reads.
func Reads(act string) bool { return slices.Contains(reads, act) }

// Store is what the step needs.
type Store interface {
	portal.Auditor

	// AuditEntries returns entries as they were asked for, the newest first, without those whose act is one of without. q.Limit is at least 1.
	AuditEntries(ctx context.Context, q Query, without []string) ([]Entry, error)
}

// Audit is the step. Use New.
type Audit struct{ store Store }

// New makes the step.
func New(store Store) *Audit { return &Audit{store} }

func invalid(code, format string, args ...any) *portal.Error {
	return portal.Errorf(portal.Invalid, code, format, args...)
}

// auditorOnly refuses everybody else, and writes down who looks.
func (a *Audit) auditorOnly(ctx context.Context, actor portal.Actor, act string) error {
	if actor.Staff() == nil {
		if _, ok := actor.Representative(); ok {
			return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
		}
		return portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")
	}
	entry := portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: "all"}
	if actor.Has(crypto.RoleAuditor) {
		return a.store.RecordAudit(ctx, entry)
	}
	entry.Act += refusedSuffix
	if err := a.store.RecordAudit(ctx, entry); err != nil {
		return err
	}
	return portal.Errorf(portal.Forbidden, "auditor-only", "This takes the role auditor, which the institution's root did not give you.")
}

// Trail returns a page of the trail, newest first, and where the next one begins; the zero Place when there is no next one. Auditors only.
func (a *Audit) Trail(ctx context.Context, actor portal.Actor, q Query) ([]Entry, Place, error) {
	if err := a.auditorOnly(ctx, actor, "audit.read"); err != nil {
		return nil, Place{}, err
	}
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	if q.Limit < 1 || q.Limit > MaxPage {
		return nil, Place{}, invalid("invalid-limit", "A page has 1 to %d entries.", MaxPage)
	}
	if err := q.check(); err != nil {
		return nil, Place{}, err
	}
	return a.page(ctx, q)
}

// page returns one more than was asked for to itself: it tells whether there is a next page.
func (a *Audit) page(ctx context.Context, q Query) ([]Entry, Place, error) {
	limit := q.Limit
	q.Limit++
	var without []string
	if q.Changes {
		without = reads
	}
	entries, err := a.store.AuditEntries(ctx, q, without)
	if err != nil || len(entries) <= limit {
		return entries, Place{}, err
	}
	return entries[:limit], entries[limit-1].Place, nil
}

// Export hands out all entries that were asked for, newest first. Auditors only.
func (a *Audit) Export(ctx context.Context, actor portal.Actor, q Query) ([]Entry, error) {
	if err := a.auditorOnly(ctx, actor, "audit.export"); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	q.Limit = MaxPage
	var all []Entry
	for {
		entries, next, err := a.page(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
		switch {
		case next == Place{}:
			return all, nil
		case len(all) >= MaxExport:
			return nil, portal.Errorf(portal.TooLarge, "too-many-entries", "There are more than %d entries. Ask for a shorter time.", MaxExport)
		}
		q.Before = next
	}
}

var (
	actShape    = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	objectShape = regexp.MustCompile(`^[A-Za-z0-9:/._-]{1,120}$`)
)

// check refuses what no entry could be found by.
func (q Query) check() error {
	switch {
	case !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To):
		return invalid("invalid-period", "The time ends before it begins.")
	case q.Actor != "" && !isHolder(q.Actor):
		return invalid("invalid-actor", "An actor is a staff member, or a representative by their number, such as S-7K2M9QXD/2.")
	case slices.ContainsFunc(q.Acts, func(act string) bool { return !actShape.MatchString(act) }):
		return invalid("invalid-act", "There is no such act.")
	case q.Object != "" && !objectShape.MatchString(q.Object):
		return invalid("invalid-object", "An object is a number, such as P-7K2M9QXD, N-7K2M9QXD or S-7K2M9QXD/2.")
	}
	return nil
}

func isHolder(text string) bool {
	if f, ok := portal.StaffFingerprint(text); ok {
		again, err := crypto.ParseFingerprint(string(f))
		return err == nil && again == f
	}
	r, err := crypto.ParseRepresentative(text)
	return err == nil && r.String() == text
}
