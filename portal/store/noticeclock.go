package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
)

// ApproveLater implements dispatch.Store. It locks the notice as Release and EndNotice do.
func (d *DB) ApproveLater(ctx context.Context, n crypto.Number, approverSignature []byte, release, at time.Time) error {
	return d.write(ctx, func(t *tx) error {
		var state portal.NoticeState
		var released time.Time
		if err := t.row(`SELECT state, released_at FROM notices WHERE number = $1`+t.forUpdate, n).Scan(&state, instant{&released}); err != nil {
			return orNotFound(err, "no-notice", "There is no notice %s.", n)
		}
		if state == portal.Released {
			return alreadyReleased(n, released)
		}
		if end, err := t.noticeEnd(n); err != nil {
			return err
		} else if end != nil {
			return alreadyEnded(n, end)
		}
		changed, err := t.exec(`INSERT INTO notice_approvals (notice, approver_signature, approved_at, release_at) VALUES ($1, $2, $3, $4) ON CONFLICT (notice) DO NOTHING`,
			n, approverSignature, micros(at), micros(release))
		if err != nil || changed == 1 {
			return err
		}
		var kept []byte
		if err := t.row(`SELECT approver_signature FROM notice_approvals WHERE notice = $1`, n).Scan(&kept); err != nil || string(kept) == string(approverSignature) {
			return err
		}
		return portal.Errorf(portal.Conflict, "already-approved", "The notice %s was approved already, and will be released at %s.", n, release.UTC().Format(time.RFC3339))
	})
}

func alreadyReleased(n crypto.Number, at time.Time) error {
	return portal.Errorf(portal.Conflict, "already-released", "The notice %s was released at %s already.", n, at.Format(time.RFC3339))
}

// approvalColumns go on with how a notice was approved whose time had not come; they need joinApprovals.
const (
	approvalColumns = `, s.approver_signature, s.approved_at, s.release_at, q.at, q.code, q.problem`
	joinApprovals   = ` LEFT JOIN notice_approvals s ON s.notice = n.number LEFT JOIN notice_release_problems q ON q.notice = n.number`
)

// approval is what approvalColumns scan into.
type approval struct {
	signature        []byte
	approved, due    time.Time
	problem          time.Time
	code, whatTheyDo sql.NullString
}

func (a *approval) columns() []any {
	return []any{&a.signature, instant{&a.approved}, instant{&a.due}, instant{&a.problem}, &a.code, &a.whatTheyDo}
}

// settle makes the state of a notice that was not released of its approval.
func (a *approval) settle(n *portal.NoticeRecord) {
	if a.approved.IsZero() {
		return
	}
	n.ApprovedAt, n.ReleaseAt = a.approved, a.due
	if n.State != portal.Submitted {
		return
	}
	n.State, n.Signed.ApproverSignature = portal.Approved, a.signature
	if !a.problem.IsZero() {
		n.Problem = &portal.ReleaseProblem{At: a.problem, Code: a.code.String, Text: a.whatTheyDo.String}
	}
}

// DueReleases implements dispatch.Store.
func (d *DB) DueReleases(ctx context.Context, at time.Time) (due []portal.NoticeRecord, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var n portal.NoticeRecord
			var a approval
			if err := rows.Scan(append(noticeInto(&n), a.columns()...)...); err != nil {
				return err
			}
			a.settle(&n)
			due = append(due, n)
			return nil
		}, `SELECT `+noticeColumns+approvalColumns+` FROM notices n`+joinApprovals+`
			WHERE s.release_at <= $1 AND n.state = 'submitted' AND q.notice IS NULL AND NOT EXISTS (SELECT 1 FROM notice_ends x WHERE x.notice = n.number)
			ORDER BY s.release_at, n.number`, micros(at))
	})
	return due, err
}

// KeepReleaseProblem implements dispatch.Store.
func (d *DB) KeepReleaseProblem(ctx context.Context, n crypto.Number, problem portal.ReleaseProblem) error {
	return d.write(ctx, func(t *tx) error {
		var state portal.NoticeState
		if err := t.row(`SELECT state FROM notices WHERE number = $1`+t.forUpdate, n).Scan(&state); err != nil {
			return orNotFound(err, "no-notice", "There is no notice %s.", n)
		}
		if end, err := t.noticeEnd(n); err != nil || end != nil || state == portal.Released {
			return err
		}
		_, err := t.exec(`INSERT INTO notice_release_problems (notice, at, code, problem) VALUES ($1, $2, $3, $4) ON CONFLICT (notice) DO NOTHING`, n, micros(problem.At), problem.Code, problem.Text)
		return err
	})
}

// setClock keeps what the notice's policy says is to be done, and when.
func (t *tx) setClock(n crypto.Number, m *crypto.Manifest, released time.Time) error {
	if !m.Acknowledge || m.Deadline.IsZero() {
		return nil
	}
	rows := [][]any{{n, micros(m.Deadline), portal.DeedExpire}}
	for _, at := range m.RemindAt() {
		if at.After(released) { // nobody is reminded of what they have just got
			rows = append(rows, []any{n, micros(at), portal.DeedRemind})
		}
	}
	return t.insert("notice_clock", "notice, due_at, deed", rows)
}

// expiryGrace is how long after a deadline it is recorded that it passed: who answered in time has been written down by then.
const expiryGrace = time.Minute

// DueDeeds implements dispatch.Store.
func (d *DB) DueDeeds(ctx context.Context, at time.Time, limit int) (deeds []portal.NoticeDeed, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var deed portal.NoticeDeed
			err := rows.Scan(&deed.Notice, &deed.Deed, instant{&deed.Due})
			deeds = append(deeds, deed)
			return err
		}, `SELECT notice, deed, due_at FROM notice_clock WHERE done_at IS NULL AND due_at <= $1 AND (deed <> 'expire' OR due_at <= $2) ORDER BY due_at, notice LIMIT $3`,
			micros(at), micros(at.Add(-expiryGrace)), limit)
	})
	return deeds, err
}

// DoDeed implements dispatch.Store. It locks the deed, so of two nodes one does it, and the other finds it done.
func (d *DB) DoDeed(ctx context.Context, deed portal.NoticeDeed, at time.Time) (mailboxes int, err error) {
	err = d.write(ctx, func(t *tx) error {
		mailboxes = 0
		var done time.Time
		if err := t.row(`SELECT done_at FROM notice_clock WHERE notice = $1 AND deed = $2 AND due_at = $3`+t.forUpdate, deed.Notice, deed.Deed, micros(deed.Due)).Scan(instant{&done}); err != nil {
			return err
		}
		if !done.IsZero() {
			return nil
		}
		events, err := t.eventsOf(deed, at)
		if err != nil {
			return err
		}
		mailboxes = len(events)
		if err := t.recordEvents(events); err != nil {
			return err
		}
		if deed.Deed == portal.DeedRemind && len(events) > 0 {
			if err := t.queueReminders(deed.Notice, at); err != nil {
				return err
			}
		}
		_, err = t.exec(`UPDATE notice_clock SET done_at = $4 WHERE notice = $1 AND deed = $2 AND due_at = $3`, deed.Notice, deed.Deed, micros(deed.Due), micros(at))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("nothing is to be done about %s then", deed.Notice)
	}
	return mailboxes, err
}

func (t *tx) eventsOf(deed portal.NoticeDeed, at time.Time) ([]portal.NoticeEvent, error) {
	e := portal.NoticeEvent{Notice: deed.Notice, Kind: portal.AcceptanceRejectionExpiry, At: deed.Due}
	if deed.Deed == portal.DeedRemind {
		e.Kind, e.At, e.Via = portal.NotificationForAcceptance, at, portal.ViaPortal
		var later int
		if err := t.row(`SELECT count(*) FROM notice_clock WHERE notice = $1 AND due_at > $2 AND due_at <= $3`, deed.Notice, micros(deed.Due), micros(at)).Scan(&later); err != nil {
			return nil, err
		}
		if later > 0 { // it is too late for this one: a later one is due, or the deadline has passed
			return nil, nil
		}
	}
	var events []portal.NoticeEvent
	err := t.each(func(rows *sql.Rows) error {
		if err := rows.Scan(&e.Mailbox); err != nil {
			return err
		}
		e.ID = portal.NoticeEventID(deed.Deed, string(e.Notice), string(e.Mailbox), deed.Due.UTC().Format(time.RFC3339))
		events = append(events, e)
		return nil
	}, `SELECT d.mailbox FROM deliveries d WHERE d.notice = $1 AND NOT EXISTS (SELECT 1 FROM acknowledgements a WHERE a.notice = d.notice AND a.mailbox = d.mailbox) ORDER BY d.mailbox`, deed.Notice)
	return events, err
}

// Unreached implements dispatch.Store.
func (d *DB) Unreached(ctx context.Context, notices []crypto.Number) (unreached []portal.UnreachedMailbox, err error) {
	err = d.look(ctx, func(t *tx) error {
		for len(notices) > 0 {
			n := min(len(notices), t.parameters)
			args := make([]any, n)
			for i, number := range notices[:n] {
				args[i] = number
			}
			if err := t.each(func(rows *sql.Rows) error {
				var u portal.UnreachedMailbox
				err := rows.Scan(&u.Notice, &u.Mailbox, instant{&u.OpenedAt}, instant{&u.Contacted})
				unreached = append(unreached, u)
				return err
			}, `SELECT d.notice, d.mailbox, d.opened_at, (SELECT max(e.at) FROM notice_events e WHERE e.notice = d.notice AND e.mailbox = d.mailbox
					AND e.kind = 'NotificationForAcceptance' AND e.via NOT IN ('portal', 'e-mail'))
				FROM deliveries d WHERE d.notice IN (`+parameters(1, n)+`) AND NOT EXISTS (SELECT 1 FROM acknowledgements a WHERE a.notice = d.notice AND a.mailbox = d.mailbox)
				ORDER BY d.notice, d.mailbox`, args...); err != nil {
				return err
			}
			notices = notices[n:]
		}
		return nil
	})
	return unreached, err
}
