package courier_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/store"
)

// forgetful is a database that writes down nothing of what came of mails, as one that is killed does.
type forgetful struct {
	*store.DB
	settles atomic.Int64
}

func (f *forgetful) SettleOutbox(context.Context, ...courier.Settlement) ([]bool, error) {
	f.settles.Add(1)
	return nil, errors.New("killed")
}

// journalled is a portal with one mail that a mail server took over, of which the database knows nothing and the journal everything: its courier is gone.
func journalled(t *testing.T, dsn string) (p *post, person *live.Person, config courier.Config) {
	t.Helper()
	p = newPost(t, live.Options{Database: dsn}, portaltest.MailSinkOptions{})
	person = p.claimed(crypto.KindState, crypto.ProfilePQ)
	p.address(person, nil)
	p.Release(atOnce(p.Server), person)
	config = p.config()
	config.Journal, config.Lease = filepath.Join(t.TempDir(), "journal"), time.Minute
	dying := &forgetful{DB: p.Store}
	p.carry(dying, config, "the mail is taken over", func() bool { return dying.settles.Load() > 0 })
	if said := p.journal(config); len(p.sink.Mails()) != 1 || p.outbox() != "waiting " || strings.Count(said, "\n") != 2 {
		t.Fatalf("%d mails; outbox: %s; journal: %q", len(p.sink.Mails()), p.outbox(), said)
	}
	return p, person, config
}

// carry runs a courier over a database that isn't the portal's own until something holds, and ends it without giving it time.
func (p *post) carry(db courier.Store, config courier.Config, what string, holds func() bool) {
	p.t.Helper()
	p.until(p.courierOf(db, config), what, holds)
}

func (p *post) journal(config courier.Config) string {
	p.t.Helper()
	data, err := os.ReadFile(config.Journal)
	must(p.t, err)
	return string(data)
}

// TestWhatAMailServerTookIsNotSentAgain, though neither courier nor database lived to write it down; on either database, and whoever has the entry by now.
func TestWhatAMailServerTookIsNotSentAgain(t *testing.T) {
	for name, dsn := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return "" },
		"PostgreSQL": func(t *testing.T) string { return portaltest.PostgreSQL(t) },
	} {
		for what, between := range map[string]func(t *testing.T, p *post){
			"at once":              func(*testing.T, *post) {},
			"after its lease":      func(_ *testing.T, p *post) { p.pass(time.Hour) },
			"the portal is down":   func(t *testing.T, p *post) { _, err := p.Store.HurryOutbox(t.Context(), p.now()); must(t, err) },
			"another courier's it": func(t *testing.T, p *post) { p.pass(time.Hour); p.lease(1) },
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				p, _, config := journalled(t, dsn(t))
				between(t, p)
				sent := p.is("sent ")
				p.until(p.courier(config), "it is known to be sent, and the journal says nothing more", func() bool { return sent() && p.journal(config) == "" })
				if n := len(p.sink.Mails()); n != 1 {
					t.Errorf("%d mails were sent", n)
				}
			})
		}
	}
}

// lease takes entries as another courier does.
func (p *post) lease(want int) {
	p.t.Helper()
	entries, err := p.Store.LeaseOutbox(p.t.Context(), "another courier", p.now(), p.now().Add(time.Minute), 10)
	must(p.t, err)
	if len(entries) != want {
		p.t.Fatalf("%d entries are leased, not %d", len(entries), want)
	}
}

// TestAJournalMakesNothingSent that was put into the outbox anew since: it went to the old address.
func TestAJournalMakesNothingSent(t *testing.T) {
	p, person, config := journalled(t, "")
	p.address(person, func(a *crypto.Address) { a.Email = "corrected@mission.example" })
	p.lease(1) // so that its entry is under a lease again
	p.pass(time.Hour)
	p.until(p.courier(config), "it is sent", p.is("sent "))
	if mails := p.sink.Mails(); len(mails) != 2 || mails[1].To != "corrected@mission.example" {
		t.Errorf("%d mails were sent", len(mails))
	}
}

// TestABrokenJournalStopsNothing: what is torn, altered or another key's is passed over, and mail goes out. A file that is something else stays as it is.
func TestABrokenJournalStopsNothing(t *testing.T) {
	alter := func(at int, to string) func(string) string {
		return func(said string) string { return said[:at] + to + said[at+len(to):] }
	}
	head := len("valise mail journal v1\ntaken ")
	for name, c := range map[string]struct {
		file func(said string) string
		log  string
	}{
		"torn":                  {func(said string) string { return said[:len(said)-9] }, "torn"},
		"another entry":         {alter(head, "00000000"), "torn"},
		"another time":          {alter(head+33, "0999"), "torn"},
		"another lease":         {alter(head+33+17+17, "ABCD"), "torn"},
		"nothing but its line":  {func(said string) string { return said[23:] }, "no journal"},
		"somebody's other file": {func(string) string { return "dear diary\n" }, "no journal"},
		"as a version to come":  {func(said string) string { return strings.Replace(said, "v1", "v2", 1) }, "no journal"},
		"with a line between":   {func(said string) string { return said[:23] + "\x00\x00\n" + said[23:] }, "torn"},
		"in no folder":          {nil, "can't be used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, config := journalled(t, "")
			said := p.journal(config)
			if c.file == nil {
				config.Journal = filepath.Join(t.TempDir(), "missing", "journal")
			} else {
				said = c.file(said)
				must(t, os.WriteFile(config.Journal, []byte(said), 0o600))
			}
			p.pass(time.Hour)
			p.until(p.courier(config), "it is sent", p.is("sent "))
			if !strings.Contains(p.log.String(), c.log) {
				t.Errorf("the log doesn't say %q: %s", c.log, p.log)
			}
			want := 2
			if name == "with a line between" { // all others count
				want = 1
			}
			if n := len(p.sink.Mails()); n != want {
				t.Errorf("%d mails were sent, not %d", n, want)
			}
			if c.log == "no journal" && p.journal(config) != said {
				t.Error("a file that is no journal was altered")
			}
		})
	}
}

// TestCouriersOfOneMachineShareAJournalsName: each writes into a file of its own, and whoever starts settles what any left behind.
func TestCouriersOfOneMachineShareAJournalsName(t *testing.T) {
	p, _, config := journalled(t, "")
	must(t, os.Rename(config.Journal, config.Journal+".2")) // as the second one of two leaves it
	var beside atomic.Bool
	p.until(p.courier(config), "it is known to be sent", func() bool {
		if p.outbox() == "sent " && beside.CompareAndSwap(false, true) {
			person := p.claimed(crypto.KindState, crypto.ProfilePQ)
			p.address(person, func(a *crypto.Address) { a.Email = "second@mission.example" })
			p.Release(atOnce(p.Server), person)
			_, err := p.courier(config).Flush(t.Context(), time.Minute)
			must(t, err)
		}
		return beside.Load() && p.outbox() == "sent ; sent " // either may have leased the second one; the first one, ended with its lease, would leave it waiting
	})
	p.until(p.courier(config), "both are sent", p.is("sent ; sent "))
	if n := len(p.sink.Mails()); n != 2 {
		t.Errorf("%d mails were sent", n)
	}
	for _, name := range []string{config.Journal, config.Journal + ".2"} {
		if data, err := os.ReadFile(name); err != nil || len(data) > 0 {
			t.Errorf("%s says %q, %v", name, data, err)
		}
	}
}
