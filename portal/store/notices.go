package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
)

const envelopeColumns = `notice, holder, mailbox, certificate, suite, envelope, membership, personal`

// Submit implements dispatch.Store.
func (d *DB) Submit(ctx context.Context, n portal.NoticeRecord, bodies map[crypto.Suite][]byte, envelopes []crypto.Envelope, personal portal.PersonalParts, memberships map[string][]byte) error {
	rows := make([][]any, len(envelopes))
	for i, e := range envelopes {
		var mailbox any // NULL for staff
		if r, err := crypto.ParseRepresentative(e.Holder); err == nil {
			mailbox = r.Mailbox
		}
		rows[i] = []any{n.Number, e.Holder, mailbox, e.Certificate, e.Suite, e.Data, memberships[e.Holder], orNull(e.Personal)}
	}
	return d.write(ctx, func(t *tx) error {
		changed, err := t.exec(`INSERT INTO notices (number, state, submitted_at, manifest, author_signature) VALUES ($1, 'submitted', $2, $3, $4)
			ON CONFLICT (number) DO NOTHING`, n.Number, micros(n.SubmittedAt), n.Signed.Manifest, n.Signed.AuthorSignature)
		if err != nil {
			return err
		}
		if changed == 0 {
			var manifest, signature []byte
			if err := t.row(`SELECT manifest, author_signature FROM notices WHERE number = $1`, n.Number).Scan(&manifest, &signature); err != nil {
				return err
			}
			if bytes.Equal(manifest, n.Signed.Manifest) && bytes.Equal(signature, n.Signed.AuthorSignature) {
				return nil // the very same, at the same moment
			}
			return portal.Errorf(portal.Conflict, "notice-exists", "A notice %s has been submitted already. If that was not you, seal yours again: it gets another number.", n.Number)
		}
		if _, err := t.exec(`INSERT INTO audiences (notice, audience) VALUES ($1, $2)`, n.Number, n.Audience); err != nil {
			return err
		}
		for suite, body := range bodies {
			if _, err := t.exec(`INSERT INTO bodies (notice, suite, heading, body) VALUES ($1, $2, $3, $4)`, n.Number, suite, n.Headings[suite], body); err != nil {
				return err
			}
		}
		if err := t.insert("envelopes", envelopeColumns, rows); err != nil {
			return err
		}
		if err := t.addPersonal(n.Number, personal); err != nil {
			return err
		}
		return t.checkSealedToCurrent(n.Number)
	})
}

// checkSealedToCurrent refuses a notice that is sealed to certificates that a claim replaced meanwhile. The representatives' rows are locked until
// the envelopes are there for a claim to find.
func (t *tx) checkSealedToCurrent(n crypto.Number) error {
	if t.forShare != "" {
		if _, err := t.exec(`SELECT 1 FROM representatives r JOIN envelopes e ON e.holder = r.holder WHERE e.notice = $1 ORDER BY r.holder FOR SHARE OF r`, n); err != nil {
			return err
		}
	}
	return t.stale(`SELECT e.holder FROM envelopes e LEFT JOIN representatives r ON r.holder = e.holder
		WHERE e.notice = $1 AND e.mailbox IS NOT NULL AND (r.holder IS NULL OR r.state = 'revoked' OR r.certificate <> e.certificate)
		ORDER BY e.holder`, n)
}

// maxNamed is how many representatives an error names.
const maxNamed = 20

// stale is portal.Conflict that names what the query finds, if it finds any.
func (t *tx) stale(query string, n crypto.Number) error {
	var holders []string
	count := 0
	if err := t.each(func(rows *sql.Rows) error {
		var holder string
		if err := rows.Scan(&holder); err != nil {
			return err
		}
		if count++; count <= maxNamed {
			holders = append(holders, holder)
		}
		return nil
	}, query, n); err != nil || count == 0 {
		return err
	}
	named := strings.Join(holders, ", ")
	if count > maxNamed {
		named += " and others"
	}
	return portal.Errorf(portal.Conflict, "stale-certificate",
		"The notice is sealed to representatives whose key was replaced or revoked since (%d: %s). Fetch the directory again and seal it anew.", count, named)
}

// Release implements dispatch.Store.
func (d *DB) Release(ctx context.Context, n crypto.Number, approverSignature []byte, at time.Time) (released time.Time, err error) {
	err = d.write(ctx, func(t *tx) error {
		var state portal.NoticeState
		var stored, manifest []byte
		if err := t.row(`SELECT state, approver_signature, released_at, manifest FROM notices WHERE number = $1`+t.forUpdate, n).
			Scan(&state, &stored, instant{&released}, &manifest); err != nil {
			return orNotFound(err, "no-notice", "There is no notice %s.", n)
		}
		if state == portal.Released {
			if string(stored) == string(approverSignature) {
				return nil
			}
			return alreadyReleased(n, released)
		}
		if end, err := t.noticeEnd(n); err != nil {
			return err
		} else if end != nil {
			return alreadyEnded(n, end)
		}
		// An envelope for a key that came earlier in the chain still opens when that key is in a bundle that the portal keeps.
		if err := t.stale(`SELECT e.holder FROM envelopes e LEFT JOIN representatives r ON r.holder = e.holder
			WHERE e.notice = $1 AND e.mailbox IS NOT NULL AND (r.holder IS NULL OR r.state = 'revoked' OR r.certificate <> e.certificate
				AND NOT (r.locked_bundle IS NOT NULL AND EXISTS (SELECT 1 FROM certificates c WHERE c.holder = e.holder AND c.fingerprint = e.certificate)))
			ORDER BY e.holder`, n); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE notices SET state = 'released', approver_signature = $2, released_at = $3 WHERE number = $1`, n, approverSignature, micros(at)); err != nil {
			return err
		}
		released = time.UnixMicro(at.UnixMicro()).UTC() // as it is kept
		if _, err := t.exec(`INSERT INTO deliveries (notice, mailbox, delivered_at)
			SELECT DISTINCT notice, mailbox, CAST($2 AS BIGINT) FROM envelopes WHERE notice = $1 AND mailbox IS NOT NULL`, n, micros(at)); err != nil {
			return err
		}
		if err := t.queueFallback(n, manifest, at); err != nil { // what the courier carries by e-mail
			return err
		}
		m, err := crypto.ParseManifest(manifest)
		if err != nil {
			return fmt.Errorf("a manifest that is kept: %w", err)
		}
		if err := t.setClock(n, m, at); err != nil {
			return err
		}
		return t.enterRelease(n, sha256.Sum256(manifest), at)
	})
	if err != nil {
		return time.Time{}, err
	}
	return released, nil
}

// enterRelease enters for the ledger that a notice was dispatched, and that it lies in each of its mailboxes. All of these entries are made with few statements.
func (t *tx) enterRelease(n crypto.Number, manifest ledger.Digest, at time.Time) error {
	events := []ledger.Event{{Kind: ledger.NoticeDispatched, Notice: n, Manifest: manifest, At: at}}
	if err := t.each(func(rows *sql.Rows) error {
		delivered := ledger.Event{Kind: ledger.NoticeDelivered, Notice: n, Manifest: manifest, At: at}
		err := rows.Scan(&delivered.Mailbox)
		events = append(events, delivered)
		return err
	}, `SELECT mailbox FROM deliveries WHERE notice = $1`, n); err != nil {
		return err
	}
	return t.enterAll(events)
}

// noticeColumns are the columns of a notice n, without how it ended; endedColumns go on with that, and need joinEnds.
const noticeColumns = `n.number, n.state, n.manifest, n.author_signature, n.approver_signature, n.submitted_at, n.released_at`

func noticeInto(n *portal.NoticeRecord) []any {
	return []any{&n.Number, &n.State, &n.Signed.Manifest, &n.Signed.AuthorSignature, &n.Signed.ApproverSignature, instant{&n.SubmittedAt}, instant{&n.ReleasedAt}}
}

const (
	endedColumns = `, x.state, x.by_whom, x.at, x.reason` + approvalColumns
	joinEnds     = ` LEFT JOIN notice_ends x ON x.notice = n.number` + joinApprovals
)

// standing is how a notice ended, and how it was approved: what endedColumns scan into.
type standing struct {
	end sql.NullString
	approval
}

// endedInto is noticeInto for endedColumns too; settle makes the state of it afterwards.
func endedInto(n *portal.NoticeRecord, s *standing) []any {
	return append(append(noticeInto(n), &s.end, optionalText{&n.EndedBy}, instant{&n.EndedAt}, &n.Reason), s.approval.columns()...)
}

func (s *standing) settle(n *portal.NoticeRecord) {
	if s.end.Valid {
		n.State = portal.NoticeState(s.end.String)
	}
	s.approval.settle(n)
}

// EndNotice implements dispatch.Store. It locks the notice as Release does, so of two that come at once one finds what the other did.
func (d *DB) EndNotice(ctx context.Context, n crypto.Number, end portal.NoticeState, by string, reason []byte, at time.Time) (ended time.Time, err error) {
	err = d.write(ctx, func(t *tx) error {
		var state portal.NoticeState
		var released time.Time
		if err := t.row(`SELECT state, released_at FROM notices WHERE number = $1`+t.forUpdate, n).Scan(&state, instant{&released}); err != nil {
			return orNotFound(err, "no-notice", "There is no notice %s.", n)
		}
		if state == portal.Released {
			return portal.Errorf(portal.Conflict, "already-released", "The notice %s was released at %s already, and lies in the mailboxes: it can't be taken back. Send a correction.", n, released.Format(time.RFC3339))
		}
		before, err := t.noticeEnd(n)
		if err != nil {
			return err
		}
		if before != nil {
			if before.State == end && before.EndedBy == by && bytes.Equal(before.Reason, reason) {
				ended = before.EndedAt
				return nil
			}
			return alreadyEnded(n, before)
		}
		ended = time.UnixMicro(at.UnixMicro()).UTC() // as it is kept
		if _, err := t.exec(`INSERT INTO notice_ends (notice, state, by_whom, at, reason) VALUES ($1, $2, $3, $4, $5)`, n, end, by, micros(at), reason); err != nil || end != portal.Recalled {
			return err
		}
		return t.recordEvents([]portal.NoticeEvent{{ID: portal.NoticeEventID("recall", string(n)), Notice: n, Kind: portal.Recall, At: ended, By: by}})
	})
	if err != nil {
		return time.Time{}, err
	}
	return ended, nil
}

// noticeEnd says how a notice ended before its release; nil: it didn't.
func (t *tx) noticeEnd(n crypto.Number) (*portal.NoticeRecord, error) {
	var end portal.NoticeRecord
	err := t.row(`SELECT state, by_whom, at, reason FROM notice_ends WHERE notice = $1`, n).Scan(&end.State, &end.EndedBy, instant{&end.EndedAt}, &end.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &end, err
}

func alreadyEnded(n crypto.Number, end *portal.NoticeRecord) error {
	did := "recalled"
	if end.State == portal.Returned {
		did = "sent back to its author"
	}
	return portal.Errorf(portal.Conflict, "already-"+string(end.State), "The notice %s was %s at %s already, and will not be released. Its author can seal another.", n, did, end.EndedAt.Format(time.RFC3339))
}

// Notices implements dispatch.Store.
func (d *DB) Notices(ctx context.Context) (notices []portal.NoticeRecord, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var n portal.NoticeRecord
			var s standing
			if err := rows.Scan(endedInto(&n, &s)...); err != nil {
				return err
			}
			s.settle(&n)
			notices = append(notices, n)
			return nil
		}, `SELECT `+noticeColumns+endedColumns+` FROM notices n`+joinEnds+` ORDER BY n.submitted_at DESC, n.number`)
	})
	return notices, err
}

// Notice implements dispatch.Store.
func (d *DB) Notice(ctx context.Context, number crypto.Number) (n portal.NoticeRecord, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		var s standing
		err := t.row(`SELECT `+noticeColumns+endedColumns+`, a.audience FROM notices n JOIN audiences a ON a.notice = n.number`+joinEnds+` WHERE n.number = $1`, number).
			Scan(append(endedInto(&n, &s), &n.Audience)...)
		if err != nil {
			return orNotFound(err, "no-notice", "There is no notice %s.", number)
		}
		s.settle(&n)
		n.Headings = map[crypto.Suite][]byte{}
		return t.each(func(rows *sql.Rows) error {
			var suite crypto.Suite
			var heading []byte
			if err := rows.Scan(&suite, &heading); err != nil {
				return err
			}
			n.Headings[suite] = heading
			return nil
		}, `SELECT suite, heading FROM bodies WHERE notice = $1`, number)
	})
	return n, err
}

// Signed implements dispatch.Store.
func (d *DB) Signed(ctx context.Context, number crypto.Number) (n portal.NoticeRecord, err error) {
	err = d.look(ctx, func(t *tx) error {
		var s standing
		err := t.row(`SELECT `+noticeColumns+endedColumns+` FROM notices n`+joinEnds+` WHERE n.number = $1`, number).Scan(endedInto(&n, &s)...)
		s.settle(&n)
		return orNotFound(err, "no-notice", "There is no notice %s.", number)
	})
	return n, err
}

// NoticeTallies implements dispatch.Store.
func (d *DB) NoticeTallies(ctx context.Context, notices []crypto.Number) (map[crypto.Number]portal.NoticeTally, error) {
	tallies := make(map[crypto.Number]portal.NoticeTally, len(notices))
	if len(notices) == 0 {
		return tallies, nil
	}
	args := make([]any, len(notices))
	for i, n := range notices {
		args[i] = n
	}
	err := d.look(ctx, func(t *tx) error {
		unreachable, err := t.unreachable(notices...)
		if err != nil {
			return err
		}
		return t.each(func(rows *sql.Rows) error {
			var n crypto.Number
			var tally portal.NoticeTally
			err := rows.Scan(&n, &tally.Mailboxes, &tally.Opened, &tally.Acknowledged, &tally.Refused)
			tally.Unreachable = unreachable[n]
			tallies[n] = tally
			return err
		}, `SELECT d.notice, count(*), count(d.opened_at), count(CASE WHEN a.decision = 'acknowledged' THEN 1 END), count(CASE WHEN a.decision = 'refused' THEN 1 END)
			FROM deliveries d LEFT JOIN acknowledgements a ON a.notice = d.notice AND a.mailbox = d.mailbox
			WHERE d.notice IN (`+parameters(1, len(notices))+`) GROUP BY d.notice`, args...)
	})
	return tallies, err
}

// Envelope implements dispatch.Store.
func (d *DB) Envelope(ctx context.Context, n crypto.Number, holder string) (e crypto.Envelope, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT holder, certificate, suite, envelope FROM envelopes WHERE notice = $1 AND holder = $2`, n, holder).
			Scan(&e.Holder, &e.Certificate, &e.Suite, &e.Data), "no-envelope", "The notice %s is not sealed to you.", n)
	})
	return e, err
}

// Body implements dispatch.Store.
func (d *DB) Body(ctx context.Context, n crypto.Number, s crypto.Suite) (body []byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		return orNotFound(t.row(`SELECT body FROM bodies WHERE notice = $1 AND suite = $2`, n, s).Scan(&body), "no-notice", "There is no notice %s.", n)
	})
	return body, err
}
