package store

import (
	"context"
	"database/sql"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/correspond"
	"valise/portal/ledger"
)

var _ correspond.Store = (*DB)(nil)

// AddMessage implements correspond.Store. The thread's row is locked first, so that messages get their places one after another.
func (d *DB) AddMessage(ctx context.Context, m correspond.Incoming, limits correspond.Limits) (received time.Time, created bool, err error) {
	digest, err := ledger.ParseDigest(m.SHA256)
	if err != nil {
		return time.Time{}, false, portal.Errorf(portal.Invalid, "invalid-id", "%s", portal.Sentence(err))
	}
	err = d.write(ctx, func(t *tx) error {
		received, created = time.UnixMicro(m.At.UnixMicro()).UTC(), true // as it is kept
		if known, err := t.knownMessage(m); err != nil || !known.IsZero() {
			received, created = known, false
			return err
		}
		if err := t.checkClaimed(m); err != nil {
			return err
		}
		position, err := t.placeInThread(m, limits)
		if err != nil {
			return err
		}
		if err := t.insertMessage(m, position); err != nil {
			return err
		}
		reopened := ""
		if m.Kind == crypto.Reply {
			reopened = `, state = 'open'`
		}
		if _, err := t.exec(`UPDATE threads SET changed_at = $2, last_kind = $3, messages = $4`+reopened+` WHERE number = $1`, m.Thread, micros(m.At), m.Kind, position); err != nil {
			return err
		}
		return t.enter(ledger.Event{Kind: ledger.MessageReceived, Thread: m.Thread, Message: digest, At: m.At})
	})
	if err != nil {
		return time.Time{}, false, err
	}
	return received, created, nil
}

// knownMessage returns when the same message was received; the zero time if it was not.
func (t *tx) knownMessage(m correspond.Incoming) (received time.Time, err error) {
	var thread crypto.Number
	var writer, digest string
	err = t.row(`SELECT thread, writer, sha256, received_at FROM messages WHERE id = $1`, m.ID).Scan(&thread, &writer, &digest, instant{&received})
	switch {
	case err == sql.ErrNoRows:
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	case thread != m.Thread || writer != m.Writer || digest != m.SHA256:
		return time.Time{}, portal.Errorf(portal.Conflict, "message-exists", "Another message has been received under the same id. Write yours anew: it gets another one.")
	}
	return received, nil
}

// checkClaimed says whether the mailbox's representatives are still those whom the message is sealed to. Their rows are locked until it is kept.
func (t *tx) checkClaimed(m correspond.Incoming) error {
	found := 0
	same := true
	if err := t.each(func(rows *sql.Rows) error {
		var holder string
		var certificate crypto.Fingerprint
		if err := rows.Scan(&holder, &certificate); err != nil {
			return err
		}
		found++
		same = same && m.Claimed[holder] == certificate
		return nil
	}, `SELECT holder, certificate FROM representatives WHERE mailbox = $1 AND state = 'claimed' ORDER BY holder`+t.forShare, m.Mailbox); err != nil {
		return err
	}
	if !same || found != len(m.Claimed) {
		return errAddressees
	}
	return nil
}

var errAddressees = portal.Errorf(portal.Conflict, "addressees-changed", "The representatives of the mailbox have changed meanwhile. Fetch the addressees again, and seal the message anew.")

// placeInThread returns the place of a new message. A reply to a thread that isn't there begins it.
func (t *tx) placeInThread(m correspond.Incoming, limits correspond.Limits) (position int, err error) {
	if m.Kind == crypto.Reply {
		if err := t.checkFlood(m, limits); err != nil {
			return 0, err
		}
		changed, err := t.exec(`INSERT INTO threads (number, mailbox, about, state, begun_at, changed_at, last_kind, messages) VALUES ($1, $2, $3, 'open', $4, $4, 'reply', 0)
			ON CONFLICT (number) DO NOTHING`, m.Thread, m.Mailbox, m.About, micros(m.At))
		if err != nil {
			return 0, err
		}
		if changed == 1 {
			var threads int
			if err := t.row(`SELECT count(*) FROM threads WHERE mailbox = $1`, m.Mailbox).Scan(&threads); err != nil {
				return 0, err
			}
			if threads > limits.Threads {
				return 0, portal.Errorf(portal.TooMany, "too-many-threads", "Your mailbox has %d threads, and that is as many as there may be. Go on in one of them.", limits.Threads)
			}
		}
	}
	var mailbox, about crypto.Number
	var messages int
	if err := t.row(`SELECT mailbox, about, messages FROM threads WHERE number = $1`+t.forUpdate, m.Thread).Scan(&mailbox, &about, &messages); err != nil {
		return 0, orNotFound(err, "no-thread", "There is no thread %s. A thread begins with a reply of a representative.", m.Thread)
	}
	written, err := t.written(m.Thread, messages)
	if err != nil {
		return 0, err
	}
	switch {
	case mailbox != m.Mailbox:
		return 0, portal.Errorf(portal.NotFound, "no-thread", "There is no thread %s of %s.", m.Thread, m.Mailbox)
	case about != m.About:
		return 0, portal.Errorf(portal.Conflict, "other-thread", "The thread %s is about something else. Begin another one.", m.Thread)
	case written >= limits.Messages:
		return 0, portal.Errorf(portal.Conflict, "thread-full", "The thread %s has %d messages, and that is as many as there may be. Begin another one.", m.Thread, written)
	}
	return messages + 1, nil
}

// checkFlood refuses more than one mailbox may send.
func (t *tx) checkFlood(m correspond.Incoming, limits correspond.Limits) error {
	var recent int
	var size int64
	if err := t.row(`SELECT count(*), CAST(COALESCE(SUM(s.size), 0) AS BIGINT) FROM messages s JOIN threads t ON t.number = s.thread WHERE t.mailbox = $1 AND t.changed_at > $2 AND s.received_at > $2 AND s.kind = 'reply'`,
		m.Mailbox, micros(m.At.Add(-limits.Period))).Scan(&recent, &size); err != nil {
		return err
	}
	if recent >= limits.Recent || size+messageSize(m) > limits.Size {
		return portal.Errorf(portal.TooMany, "too-many-replies", "Your mailbox has sent %d replies with %d MiB within a day, and that is as much as is taken. Try again tomorrow, or telephone.", recent, size>>20)
	}
	return nil
}

func messageSize(m correspond.Incoming) (size int64) {
	for _, body := range m.Bodies {
		size += int64(len(body))
	}
	return size
}

func (t *tx) insertMessage(m correspond.Incoming, position int) error {
	if _, err := t.exec(`INSERT INTO messages (id, thread, position, kind, writer, sha256, received_at, size) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		m.ID, m.Thread, position, m.Kind, m.Writer, m.SHA256, micros(m.At), messageSize(m)); err != nil {
		return err
	}
	for suite, body := range m.Bodies {
		if _, err := t.exec(`INSERT INTO message_bodies (message, suite, heading, body) VALUES ($1, $2, $3, $4)`, m.ID, suite, m.Headings[suite], body); err != nil {
			return err
		}
	}
	rows := make([][]any, len(m.Envelopes))
	for i, e := range m.Envelopes {
		var read any
		if e.Holder == m.Writer { // who knows what they wrote
			read = micros(m.At)
		}
		rows[i] = []any{m.ID, e.Holder, e.Certificate, e.Suite, read, e.Data}
	}
	return t.insert("message_envelopes", "message, holder, certificate, suite, read_at, envelope", rows)
}

const (
	threadColumns = `t.number, t.mailbox, t.about, t.state, t.assignee, t.begun_at, t.changed_at, t.last_kind, t.messages,
		(SELECT count(*) FROM messages um JOIN message_envelopes u ON u.message = um.id AND u.holder = $1 WHERE um.thread = t.number AND u.read_at IS NULL)` + unreadMails + `,
		(SELECT count(*) FROM messages um JOIN message_envelopes u ON u.message = um.id AND u.holder = $1 WHERE um.thread = t.number)
			+ (SELECT count(*) FROM messages um WHERE um.thread = t.number AND um.kind = 'mail'), x.label, `
	recordColumns = `m.id, m.kind, m.sha256, m.writer, COALESCE(l.answers, ''), m.received_at, COALESCE(e.read_at, r.read_at), e.suite, e.envelope, b.heading`
	recordJoins   = ` LEFT JOIN message_envelopes e ON e.message = m.id AND e.holder = $1 LEFT JOIN message_bodies b ON b.message = m.id AND b.suite = e.suite
		LEFT JOIN mailed_replies l ON l.message = m.id LEFT JOIN mailed_reads r ON r.message = m.id AND r.holder = $1 `
	threadsQuery = `SELECT ` + threadColumns + recordColumns + ` FROM threads t JOIN mailboxes x ON x.number = t.mailbox JOIN messages m ON m.thread = t.number AND m.position = 1` + recordJoins
)

func recordInto(m *correspond.Record, suite *sql.Null[string]) []any {
	return []any{&m.ID, &m.Kind, &m.SHA256, &m.Writer, &m.Answers, instant{&m.ReceivedAt}, instant{&m.ReadAt}, suite, &m.Envelope, &m.Heading}
}

func scanThread(scan func(...any) error) (h correspond.Thread, err error) {
	var state string
	var assignee, suite sql.Null[string]
	var held int
	err = scan(append([]any{&h.Number, &h.Mailbox, &h.About, &state, &assignee, instant{&h.BegunAt}, instant{&h.ChangedAt}, &h.Last, &h.Messages, &h.Unread, &held, &h.Label},
		recordInto(&h.First, &suite)...)...)
	h.Closed, h.Assignee, h.Unshared, h.First.Suite = state == "closed", assignee.V, h.Messages-held, crypto.Suite(suite.V)
	return h, err
}

// maxThreads is how many are listed at once.
const maxThreads = 1000

// Threads implements correspond.Store.
func (d *DB) Threads(ctx context.Context, holder string, mailbox crypto.Number, state string) (threads []correspond.Thread, err error) {
	query, args := threadsQuery+`WHERE 1 = 1`, []any{holder}
	if mailbox != "" {
		query, args = query+` AND t.mailbox = $2`, append(args, mailbox)
	} else if state != "" {
		query, args = query+` AND t.state = $2`, append(args, state)
	}
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			thread, err := scanThread(rows.Scan)
			threads = append(threads, thread)
			return err
		}, query+` ORDER BY t.changed_at DESC, t.number LIMIT `+parameters(len(args)+1, 1), append(args, maxThreads)...)
	})
	return threads, err
}

func orNoThread(err error, n crypto.Number) error {
	return orNotFound(err, "no-thread", "There is no thread %s.", n)
}

// Thread implements correspond.Store.
func (d *DB) Thread(ctx context.Context, holder string, n crypto.Number) (thread correspond.Thread, messages []correspond.Record, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		thread, err = scanThread(t.row(threadsQuery+`WHERE t.number = $2`, holder, n).Scan)
		if err != nil {
			return orNoThread(err, n)
		}
		return t.each(func(rows *sql.Rows) error {
			var m correspond.Record
			var suite sql.Null[string]
			err := rows.Scan(recordInto(&m, &suite)...)
			m.Suite = crypto.Suite(suite.V)
			messages = append(messages, m)
			return err
		}, `SELECT `+recordColumns+` FROM messages m`+recordJoins+`WHERE m.thread = $2 ORDER BY m.position`, holder, n)
	})
	return thread, messages, err
}

// Message implements correspond.Store.
func (d *DB) Message(ctx context.Context, holder string, n crypto.Number, id string) (m correspond.Record, body []byte, err error) {
	err = d.look(ctx, func(t *tx) error {
		var suite sql.Null[string]
		err := t.row(`SELECT `+recordColumns+`, COALESCE(b.body, l.sealed) FROM messages m`+recordJoins+`WHERE m.thread = $2 AND m.id = $3`, holder, n, id).Scan(append(recordInto(&m, &suite), &body)...)
		m.Suite = crypto.Suite(suite.V)
		return orNotFound(err, "no-message", "There is no such message in the thread %s.", n)
	})
	return m, body, err
}

// MarkRead implements correspond.Store.
func (d *DB) MarkRead(ctx context.Context, holder, id string, at time.Time) error {
	return d.write(ctx, func(t *tx) error {
		if _, err := t.exec(`INSERT INTO mailed_reads (message, holder, read_at) SELECT message, CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM mailed_replies WHERE message = $1 ON CONFLICT (message, holder) DO NOTHING`,
			id, holder, micros(at)); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE message_envelopes SET read_at = $3 WHERE message = $1 AND holder = $2 AND read_at IS NULL`, id, holder, micros(at))
		return err
	})
}

// Assign implements correspond.Store.
func (d *DB) Assign(ctx context.Context, n crypto.Number, assignee string) error {
	var to any
	if assignee != "" {
		to = assignee
	}
	return d.changeThread(ctx, `UPDATE threads SET assignee = $2 WHERE number = $1`, n, to)
}

// SetClosed implements correspond.Store.
func (d *DB) SetClosed(ctx context.Context, n crypto.Number, closed bool) error {
	state := "open"
	if closed {
		state = "closed"
	}
	return d.changeThread(ctx, `UPDATE threads SET state = $2 WHERE number = $1`, n, state)
}

func (d *DB) changeThread(ctx context.Context, query string, n crypto.Number, value any) error {
	return d.writeOnce(ctx, func(t *tx) error {
		changed, err := t.exec(query, n, value)
		if err == nil && changed == 0 {
			return orNoThread(sql.ErrNoRows, n)
		}
		return err
	})
}

// Lacking implements correspond.Store.
func (d *DB) Lacking(ctx context.Context, holder string, mailbox crypto.Number, desk []string, limit int) (lacking []correspond.Lack, err error) {
	// Who should hold an envelope: the mailbox's representatives, and the desk for every mailbox.
	entitled, args := `SELECT holder, mailbox FROM representatives WHERE state = 'claimed'`, []any{holder}
	for _, member := range desk {
		args = append(args, member)
		entitled += ` UNION ALL SELECT CAST(` + parameters(len(args), 1) + ` AS TEXT), NULL`
	}
	where := ""
	if mailbox != "" {
		args = append(args, mailbox)
		where = ` AND t.mailbox = ` + parameters(len(args), 1)
	}
	args = append(args, limit)
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var l correspond.Lack
			err := rows.Scan(&l.Thread, &l.Mailbox, &l.Message, &l.Suite, &l.Envelope, &l.Holder)
			lacking = append(lacking, l)
			return err
		}, `SELECT m.thread, t.mailbox, m.id, e.suite, e.envelope, w.holder
			FROM message_envelopes e JOIN messages m ON m.id = e.message JOIN threads t ON t.number = m.thread
			JOIN (`+entitled+`) w ON w.mailbox IS NULL OR w.mailbox = t.mailbox
			WHERE e.holder = $1`+where+` AND NOT EXISTS (SELECT 1 FROM message_envelopes h WHERE h.message = e.message AND h.holder = w.holder)
			ORDER BY m.thread, m.position, w.holder LIMIT `+parameters(len(args), 1), args...)
	})
	return lacking, err
}

// AddEnvelopes implements correspond.Store.
func (d *DB) AddEnvelopes(ctx context.Context, by string, n crypto.Number, envelopes []correspond.Shared) (added int, err error) {
	err = d.write(ctx, func(t *tx) error {
		added = 0
		for _, e := range envelopes {
			if r, err := crypto.ParseRepresentative(e.Holder); err == nil {
				var certificate crypto.Fingerprint
				err := t.row(`SELECT certificate FROM representatives WHERE holder = $1 AND state = 'claimed'`+t.forShare, r.String()).Scan(&certificate)
				if err == sql.ErrNoRows || err == nil && certificate != e.Certificate {
					return errAddressees
				}
				if err != nil {
					return err
				}
			}
			changed, err := t.exec(`INSERT INTO message_envelopes (message, holder, certificate, suite, envelope)
				SELECT m.id, CAST($4 AS TEXT), CAST($5 AS TEXT), b.suite, $7 FROM messages m JOIN message_bodies b ON b.message = m.id AND b.suite = $6
				JOIN message_envelopes h ON h.message = m.id AND h.holder = $3 WHERE m.id = $1 AND m.thread = $2
				ON CONFLICT (message, holder) DO NOTHING`, e.Message, n, by, e.Holder, e.Certificate, e.Suite, e.Data)
			if err != nil {
				return err
			}
			added += int(changed)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// Members implements correspond.Store.
func (d *DB) Members(ctx context.Context, mailbox crypto.Number) (label []byte, members []correspond.Member, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		if err := t.row(`SELECT label FROM mailboxes WHERE number = $1`, mailbox).Scan(&label); err != nil {
			return orNotFound(err, "no-mailbox", "There is no mailbox %s.", mailbox)
		}
		chains, err := t.chains(`WHERE holder IN (SELECT holder FROM representatives WHERE mailbox = $1 AND state = 'claimed')`, mailbox)
		if err != nil {
			return err
		}
		return t.each(func(rows *sql.Rows) error {
			var holder string
			var m correspond.Member
			if err := rows.Scan(&holder, &m.Details); err != nil {
				return err
			}
			m.Chain = chains[holder]
			members = append(members, m)
			members[len(members)-1].Representative, err = crypto.ParseRepresentative(holder)
			return err
		}, `SELECT holder, details FROM representatives WHERE mailbox = $1 AND state = 'claimed' ORDER BY ordinal`, mailbox)
	})
	return label, members, err
}

// Delivered implements correspond.Store.
func (d *DB) Delivered(ctx context.Context, mailbox, about crypto.Number) (delivered bool, err error) {
	query, args := `SELECT count(*) FROM deliveries WHERE notice = $1 AND mailbox = $2`, []any{about, mailbox}
	if about.Kind() == crypto.KindStatement {
		query, args = `SELECT count(*) FROM statement_heads WHERE statement = $1`, args[:1]
	}
	var found int
	err = d.look(ctx, func(t *tx) error { return t.row(query, args...).Scan(&found) })
	return found > 0, err
}
