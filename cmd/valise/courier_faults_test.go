package main

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"valise/crypto"
	"valise/portal/portaltest"
)

// misbehaving is a mail server that drops the line, defers, takes its time and refuses, each at random and at every stage. It greylists some recipients and doesn't know others, the
// first time it hears of them. It never loses a mail that it took, but sometimes tells nobody that it did: those must come again.
type misbehaving struct {
	mutex   sync.Mutex
	known   map[string]bool // recipients
	untold  int             // mails that it took and told nobody
	refused int             // recipients that it greylisted, or said not to know
}

func (m *misbehaving) fault(at portaltest.Stage, to string) portaltest.Fault {
	answer := func(code int, text string) portaltest.Fault {
		return portaltest.Fault{Answer: &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 7, 1}, Message: text}}
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if at == portaltest.StageRcpt && !m.known[to] {
		m.known[to] = true
		switch n := rand.N(100); {
		case n < 10:
			m.refused++
			return answer(450, "greylisted "+to)
		case n < 12:
			m.refused++
			return answer(550, "unknown user "+to)
		}
	}
	switch n := rand.N(200); {
	case at == portaltest.StageTaken: // it is answered at once, or never
		if n < 1 {
			m.untold++
			return portaltest.Fault{Drop: true}
		}
	case n < 2:
		return portaltest.Fault{Drop: true}
	case n < 4 && at != portaltest.StageGreeting:
		return answer(451, "later, "+to)
	case n < 5:
		return answer(421, "too busy")
	case n < 40 && at != portaltest.StageGreeting && at != portaltest.StageEnd:
		return portaltest.Fault{Wait: rand.N(80 * time.Millisecond)}
	}
	return portaltest.Fault{}
}

// TestCouriersAreKilledAmidFaults: none of the mails is lost, whatever the server does and whenever a courier dies; few come twice, under the same Message-ID. What was refused for good is
// tried again by staff. A quarter gets three mails each, as their programs open one message a mail.
func TestCouriersAreKilledAmidFaults(t *testing.T) {
	people := load(60, 2000)
	kills, mails := people/40, 0
	server := &misbehaving{known: map[string]bool{}}
	o := openPostOffice(t, filepath.Join(t.TempDir(), "portal.db"), server.fault)
	profiles := make([]crypto.Profile, people)
	for i := range profiles {
		profiles[i] = crypto.ProfilePQ
		if mails++; i%4 == 0 {
			profiles[i] = crypto.ProfileCompat
			mails += 2
		}
	}
	o.release(people, profiles...)
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
	unfinished := func() bool {
		dead, err := o.Store.Outbox(t.Context(), "", "dead", 1)
		if err != nil {
			t.Fatal(err)
		}
		return o.waiting() > 0 || len(dead) > 0
	}
	for end := time.Now().Add(20 * time.Minute); unfinished(); {
		if time.Now().After(end) {
			t.Fatalf("%d of %d got their mail", len(o.received()), people)
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
	twice, came := 0, 0
	for _, ids := range o.received() {
		different := map[string]bool{}
		for _, id := range ids {
			if different[id] {
				twice++
			}
			different[id] = true
		}
		came += len(different)
	}
	server.mutex.Lock()
	defer server.mutex.Unlock()
	t.Logf("killed %d times, %d refused at first: %d mails to %d people, %d came twice, %d of them since the server had told nobody", killed, server.refused, came, people, twice, server.untold)
	if came != mails {
		t.Errorf("%d mails came, under as many Message-IDs, not %d", came, mails)
	}
	twice -= server.untold
	if most := 8 * killed; people < 2000 && // one of each connection; the goal, one in a hundred, is for the large run
		twice > most || people >= 2000 && twice >= people/100 {
		t.Errorf("to %d people %d mails came twice", people, twice)
	}
}
