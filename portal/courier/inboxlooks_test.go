package courier_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/store"
)

// counted is the database, and how many entries of the outbox were read from it.
type counted struct {
	*store.DB
	read int
}

func (c *counted) QueuedSince(ctx context.Context, after time.Time, limit int) ([]courier.Queued, error) {
	queued, err := c.DB.QueuedSince(ctx, after, limit)
	c.read += len(queued)
	return queued, err
}

func (c *counted) QueuedNewly(ctx context.Context, within time.Duration, limit int) ([]courier.Queued, error) {
	queued, err := c.DB.QueuedNewly(ctx, within, limit)
	c.read += len(queued)
	return queued, err
}

// TestAFloodOfUnknownTokensReadsTheOutboxOnce: who sends reports with made-up return addresses has nothing read each time but what is new, and what is new is known at once.
func TestAFloodOfUnknownTokensReadsTheOutboxOnce(t *testing.T) {
	for name, database := range map[string]func() (driver, dsn string){
		"SQLite":     func() (string, string) { return "sqlite", filepath.Join(t.TempDir(), "portal.db") },
		"PostgreSQL": func() (string, string) { return "pgx", portaltest.PostgreSQL(t) },
	} {
		t.Run(name, func(t *testing.T) { floodOfTokens(t, database) })
	}
}

func floodOfTokens(t *testing.T, database func() (driver, dsn string)) {
	driver, dsn := database()
	a := newAnswering(t, live.Options{Database: dsn})
	raw, err := sql.Open(driver, dsn)
	must(t, err)
	defer raw.Close()
	_, err = raw.ExecContext(t.Context(), `UPDATE outbox SET made_at = made_at - 3600000000`) // an hour ago
	must(t, err)
	db := &counted{DB: a.Store}
	c := a.courier(a.config())
	a.inbox = courier.NewInbox(c, db, a.Portal.Dispatch)
	for i := range 20 {
		if fate := a.take(fmt.Sprintf("To: bounces+%032x@court.example\r\nIn-Reply-To: <%032x@court.example>\r\nContent-Type: text/plain\r\n\r\nHello\r\n", i, i)); fate != courier.FateKept {
			t.Fatalf("%q", fate)
		}
	}
	if db.read != 1 {
		t.Errorf("%d entries of an outbox of one were read for 20 mails", db.read)
	}
	// What is queued afterwards is known when it comes back: a notice to somebody who had none, and one that lay there before they had an address.
	late := a.claimed(crypto.KindState, crypto.ProfileCompat)
	draft := a.Draft()
	draft.Fallback = crypto.FallbackAtOnce
	notice := a.Release(draft, late, a.person)
	before := len(a.sink.Mails())
	a.until(c, "the second notice is sent", a.is("sent ; sent "))
	a.answers(a.sink.Mails()[before].Data, notice)
	before = len(a.sink.Mails())
	a.address(late, nil)
	a.until(c, "what lay there is sent", a.is("sent ; sent ; sent "))
	a.answers(a.sink.Mails()[before].Data, notice)
}

// answers says that an answer to a mail is known to be about a notice.
func (a *answering) answers(mail []byte, notice crypto.Number) {
	a.t.Helper()
	a.take("From: somebody@mission.example\r\nIn-Reply-To: <" + messageID(a.t, mail) + ">\r\nSubject: Re\r\n\r\nReceived, " + messageID(a.t, mail) + "\r\n")
	kept, err := a.Store.KeptMails(a.t.Context(), 1)
	must(a.t, err)
	if len(kept) != 1 || kept[0].Notice != notice {
		a.t.Errorf("the last mail is kept as one about %q, want %s", kept[0].Notice, notice)
	}
}
