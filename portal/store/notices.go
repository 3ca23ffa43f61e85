package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
)

const envelopeColumns = `notice, holder, mailbox, certificate, suite, envelope, membership`

// Submit implements dispatch.Store.
func (d *DB) Submit(ctx context.Context, n portal.NoticeRecord, bodies map[crypto.Suite][]byte, envelopes []crypto.Envelope, memberships map[string][]byte) error {
	rows := make([][]any, len(envelopes))
	for i, e := range envelopes {
		var mailbox any // NULL for staff
		if r, err := crypto.ParseRepresentative(e.Holder); err == nil {
			mailbox = r.Mailbox
		}
		rows[i] = []any{n.Number, e.Holder, mailbox, e.Certificate, e.Suite, e.Data, memberships[e.Holder]}
	}
	return d.write(ctx, func(t *tx) error {
		changed, err := t.exec(`INSERT INTO notices (number, state, submitted_at, manifest, author_signature) VALUES ($1, 'submitted', $2, $3, $4)
			ON CONFLICT (number) DO NOTHING`, n.Number, micros(n.SubmittedAt), n.Signed.Manifest, n.Signed.AuthorSignature)
		if err != nil {
			return err
		}
		if changed == 0 {
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
			return portal.Errorf(portal.Conflict, "already-released", "The notice %s was released at %s already.", n, released.Format(time.RFC3339))
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
		// One leaf, however many mailboxes: the manifest binds all of the audience, and so nobody can count them.
		return t.enter(ledger.Event{Kind: ledger.NoticeDispatched, Notice: n, Manifest: sha256.Sum256(manifest), At: at})
	})
	if err != nil {
		return time.Time{}, err
	}
	return released, nil
}

const noticeColumns = `n.number, n.state, n.manifest, n.author_signature, n.approver_signature, n.submitted_at, n.released_at`

func noticeInto(n *portal.NoticeRecord) []any {
	return []any{&n.Number, &n.State, &n.Signed.Manifest, &n.Signed.AuthorSignature, &n.Signed.ApproverSignature, instant{&n.SubmittedAt}, instant{&n.ReleasedAt}}
}

// Notices implements dispatch.Store.
func (d *DB) Notices(ctx context.Context) (notices []portal.NoticeRecord, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var n portal.NoticeRecord
			if err := rows.Scan(noticeInto(&n)...); err != nil {
				return err
			}
			notices = append(notices, n)
			return nil
		}, `SELECT `+noticeColumns+` FROM notices n ORDER BY n.submitted_at DESC, n.number`)
	})
	return notices, err
}

// Notice implements dispatch.Store.
func (d *DB) Notice(ctx context.Context, number crypto.Number) (n portal.NoticeRecord, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		err := t.row(`SELECT `+noticeColumns+`, a.audience FROM notices n JOIN audiences a ON a.notice = n.number WHERE n.number = $1`, number).
			Scan(append(noticeInto(&n), &n.Audience)...)
		if err != nil {
			return orNotFound(err, "no-notice", "There is no notice %s.", number)
		}
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
		return orNotFound(t.row(`SELECT `+noticeColumns+` FROM notices n WHERE n.number = $1`, number).Scan(noticeInto(&n)...),
			"no-notice", "There is no notice %s.", number)
	})
	return n, err
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
