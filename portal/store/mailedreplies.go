package store

import (
	"context"
	"database/sql"

	"valise/crypto"
	"valise/portal"
	"valise/portal/correspond"
	"valise/portal/ledger"
)

// unreadMails counts what came by e-mail and the holder has not fetched: for the desk, which alone can open it.
const unreadMails = `
			+ (SELECT count(*) FROM messages um WHERE um.thread = t.number AND um.kind = 'mail' AND CAST($1 AS TEXT) LIKE 'staff:%'
				AND NOT EXISTS (SELECT 1 FROM mailed_reads ur WHERE ur.message = um.id AND ur.holder = $1))`

// AddMail implements correspond.Store.
func (d *DB) AddMail(ctx context.Context, m correspond.IncomingMail, limits correspond.MailLimits) (created bool, err error) {
	digest, err := ledger.ParseDigest(m.SHA256)
	if err != nil {
		return false, err
	}
	err = d.write(ctx, func(t *tx) error {
		created = false
		var known int
		if err := t.row(`SELECT count(*) FROM messages WHERE id = $1`, m.ID).Scan(&known); err != nil || known > 0 {
			return err
		}
		if err := t.checkMailFlood(m, limits); err != nil {
			return err
		}
		thread, position, err := t.placeMail(m, limits)
		if err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO messages (id, thread, position, kind, writer, sha256, received_at, size) VALUES ($1, $2, $3, $4, '', $5, $6, $7)`,
			m.ID, thread, position, crypto.MailedReply, m.SHA256, micros(m.At), len(m.Sealed)); err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO mailed_replies (message, answers, sealed) VALUES ($1, $2, $3)`, m.ID, m.Answers.String(), m.Sealed); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE threads SET changed_at = $2, last_kind = $3, messages = $4, state = 'open' WHERE number = $1`, thread, micros(m.At), crypto.MailedReply, position); err != nil {
			return err
		}
		created = true
		return t.enter(ledger.Event{Kind: ledger.MessageReceived, Thread: thread, Message: digest, At: m.At})
	})
	return created && err == nil, err
}

// placeMail returns the thread that a mail goes into, the mailbox's last changed one about the notice or a new one, and its place there. The thread's row is locked.
func (t *tx) placeMail(m correspond.IncomingMail, limits correspond.MailLimits) (thread crypto.Number, position int, err error) {
	var messages int
	err = t.row(`SELECT number, messages FROM threads WHERE mailbox = $1 AND about = $2 ORDER BY changed_at DESC, number LIMIT 1`+t.forUpdate, m.Answers.Mailbox, m.About).Scan(&thread, &messages)
	switch {
	case err == sql.ErrNoRows:
		return m.Begin, 1, t.beginByMail(m, limits)
	case err != nil:
		return "", 0, err
	}
	written, err := t.written(thread, messages)
	if err != nil {
		return "", 0, err
	}
	if mails := messages - written; mails >= limits.Messages {
		return "", 0, portal.Errorf(portal.Conflict, "thread-full", "The thread %s has %d mails, and that is as many as there may be.", thread, mails)
	}
	return thread, messages + 1, nil
}

func (t *tx) beginByMail(m correspond.IncomingMail, limits correspond.MailLimits) error {
	var threads int
	if err := t.row(`SELECT count(*) FROM threads WHERE mailbox = $1`, m.Answers.Mailbox).Scan(&threads); err != nil {
		return err
	}
	if threads >= limits.Threads {
		return portal.Errorf(portal.TooMany, "too-many-threads", "The mailbox has %d threads; no more are begun by e-mail.", threads)
	}
	_, err := t.exec(`INSERT INTO threads (number, mailbox, about, state, begun_at, changed_at, last_kind, messages) VALUES ($1, $2, $3, 'open', $4, $4, $5, 0)`, m.Begin, m.Answers.Mailbox, m.About, micros(m.At), crypto.MailedReply)
	return err
}

// checkMailFlood refuses more than may come by e-mail for one mailbox.
func (t *tx) checkMailFlood(m correspond.IncomingMail, limits correspond.MailLimits) error {
	var recent int
	var size int64
	if err := t.row(`SELECT count(*), CAST(COALESCE(SUM(s.size), 0) AS BIGINT) FROM messages s JOIN threads t ON t.number = s.thread WHERE t.mailbox = $1 AND t.changed_at > $2 AND s.received_at > $2 AND s.kind = 'mail'`,
		m.Answers.Mailbox, micros(m.At.Add(-limits.Period))).Scan(&recent, &size); err != nil {
		return err
	}
	if recent >= limits.Recent || size+int64(len(m.Sealed)) > limits.Size {
		return portal.Errorf(portal.TooMany, "too-many-mails", "%d mails with %d MiB came for the mailbox within a day, and that is as much as is put into threads.", recent, size>>20)
	}
	return nil
}

// written returns how many of a thread's messages did not come by e-mail.
func (t *tx) written(thread crypto.Number, messages int) (int, error) {
	var mails int
	err := t.row(`SELECT count(*) FROM messages WHERE thread = $1 AND kind = 'mail'`, thread).Scan(&mails)
	return messages - mails, err
}

// MailboxCertificates implements correspond.Store.
func (d *DB) MailboxCertificates(ctx context.Context, mailbox crypto.Number) (chains map[crypto.Representative][][]byte, err error) {
	err = d.snapshot(ctx, func(t *tx) error {
		byHolder, err := t.chains(`WHERE holder IN (SELECT holder FROM representatives WHERE mailbox = $1)`, mailbox)
		if err != nil {
			return err
		}
		chains = make(map[crypto.Representative][][]byte, len(byHolder))
		for holder, chain := range byHolder {
			r, err := crypto.ParseRepresentative(holder)
			if err != nil {
				return err
			}
			chains[r] = chain
		}
		return nil
	})
	return chains, err
}
