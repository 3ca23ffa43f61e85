package store

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/correspond"
)

// TestMessagesStayWhenMailsCome: a third kind of message came to a table with a CHECK that named two; what was there stays, and goes back.
func TestMessagesStayWhenMailsCome(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		ctx, db := t.Context(), node()
		provider, err := db.migrator()
		must(t, err)
		down := func() {
			t.Helper()
			_, err := provider.DownTo(ctx, 21)
			must(t, err)
		}
		up := func() {
			t.Helper()
			_, err := provider.Up(ctx)
			must(t, err)
		}
		r := newRepresentative()
		record := issued(t, db, r)
		must(t, db.Claim(ctx, claimed(record), nil))
		down() // the tables as they were
		thread := crypto.NewNumber(crypto.KindThread)
		must(t, db.write(ctx, func(t *tx) error {
			if _, err := t.exec(`INSERT INTO threads (number, mailbox, about, state, begun_at, changed_at, last_kind, messages) VALUES ($1, $2, '', 'open', 1, 2, 'answer', 2)`, thread, r.Mailbox); err != nil {
				return err
			}
			for i, kind := range []crypto.MessageKind{crypto.Reply, crypto.Answer} {
				id := []string{"00000000000000000000000000000001", "00000000000000000000000000000002"}[i]
				if _, err := t.exec(`INSERT INTO messages (id, thread, position, kind, writer, sha256, received_at, size) VALUES ($1, $2, $3, $4, 'somebody', 'digest', 1, 4)`, id, thread, i+1, kind); err != nil {
					return err
				}
				if _, err := t.exec(`INSERT INTO message_bodies (message, suite, heading, body) VALUES ($1, 'compat', $2, $3)`, id, []byte("head"), []byte("body")); err != nil {
					return err
				}
				if _, err := t.exec(`INSERT INTO message_envelopes (message, holder, certificate, suite, envelope) VALUES ($1, $2, 'F', 'compat', $3)`, id, r.String(), []byte("envelope")); err != nil {
					return err
				}
			}
			return nil
		}))
		mail := correspond.IncomingMail{
			ID: "00000000000000000000000000000003", About: crypto.NewNumber(crypto.KindNotice), Answers: r, Sealed: []byte("sealed"), Begin: crypto.NewNumber(crypto.KindThread), At: kept(noon),
			SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		}
		for range 2 {
			up()
			got, messages, err := db.Thread(ctx, r.String(), thread)
			must(t, err)
			if len(messages) != 2 || messages[0].Kind != crypto.Reply || messages[1].Kind != crypto.Answer || got.Unread != 2 || got.Unshared != 0 || string(messages[0].Heading) != "head" {
				t.Errorf("%+v %+v", got, messages)
			}
			created, err := db.AddMail(ctx, mail, correspond.MailLimits{Threads: 10, Messages: 10, Recent: 10, Size: 100, Period: time.Hour})
			if err != nil || !created {
				t.Fatalf("%v, %v", created, err)
			}
			down()                                           // mails go, and what they began; the ledger keeps what is in it
			mail.Begin = crypto.NewNumber(crypto.KindThread) // so this is another one
		}
		up()
		if threads, err := db.Threads(ctx, r.String(), r.Mailbox, ""); err != nil || len(threads) != 1 || threads[0].Number != thread {
			t.Errorf("%+v, %v", threads, err)
		}
	})
}
