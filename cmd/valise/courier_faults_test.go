package main

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"valise/portal/portaltest"
)

// misbehaving is a mail server that drops the line, greylists, takes its time and refuses, each at random and at every stage. It gives its final refusal before it has the mail,
// and never loses one that it took.
func misbehaving(at portaltest.Stage, to string) portaltest.Fault {
	answer := func(code int, text string) portaltest.Fault {
		return portaltest.Fault{Answer: &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 7, 1}, Message: text}}
	}
	if at == portaltest.StageTaken { // what is taken is answered: a mail whose answer is lost is sent again, as it must be
		return portaltest.Fault{}
	}
	switch n := rand.N(200); {
	case n < 2:
		return portaltest.Fault{Drop: true}
	case n < 4 && at != portaltest.StageGreeting:
		return answer(451, "greylisted "+to)
	case n < 5:
		return answer(421, "too busy")
	case n < 6 && at == portaltest.StageRcpt:
		return answer(550, "unknown user "+to)
	case n < 40 && at != portaltest.StageGreeting && at != portaltest.StageEnd:
		return portaltest.Fault{Wait: rand.N(80 * time.Millisecond)}
	}
	return portaltest.Fault{}
}

// TestCouriersAreKilledAmidFaults: none of the mails is lost, whatever the server does and whenever a courier dies; few come twice, under the same Message-ID. What was refused for good is
// tried again by staff.
func TestCouriersAreKilledAmidFaults(t *testing.T) {
	mails := load(60, 2000)
	kills := mails / 40
	o := openPostOffice(t, filepath.Join(t.TempDir(), "portal.db"), misbehaving)
	o.release(mails)
	start := func() *portaltest.Program { return portaltest.Start(t, exec.Command("valise", o.settings...)) }
	running, killed := start(), 0
	hurry := func() { // days of backoff in no time, and refusals are looked at by staff
		now := time.Now()
		if _, err := o.Store.HurryOutbox(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		dead, err := o.Store.Outbox(t.Context(), "", "dead", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range dead {
			if err := o.Store.RetryOutbox(t.Context(), e.Notice, e.Representative, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	for end := time.Now().Add(20 * time.Minute); len(o.received()) < mails || o.waiting() > 0; {
		if time.Now().After(end) {
			t.Fatalf("%d of %d got their mail", len(o.received()), mails)
		}
		before := len(o.sink.Mails())
		for wait := time.Now().Add(3 * time.Second); len(o.sink.Mails()) < before+30 && time.Now().Before(wait); {
			time.Sleep(5 * time.Millisecond)
		}
		if killed < kills {
			time.Sleep(rand.N(100 * time.Millisecond))
			running.Kill()
			running = start()
			killed++
		}
		hurry()
	}
	running.Stop()
	twice := 0
	for to, ids := range o.received() {
		for _, id := range ids[1:] {
			if twice++; id != ids[0] {
				t.Errorf("%s got one message under two Message-IDs", to)
			}
		}
	}
	if most := 16 * killed; mails < 2000 && // two of each of the eight connections; the goal, one in a hundred, is for the large run
		twice > most || mails >= 2000 && twice >= mails/100 {
		t.Errorf("of %d mails %d came twice", mails, twice)
	}
	t.Logf("killed %d times: %d mails, %d came twice", killed, mails, twice)
}
