package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// A newcomer finds notices at several points of their way, replies and groups, and mailboxes of the cast as the README has them.
func TestTheDemoIsAlive(t *testing.T) {
	d := startDemo(t)
	eventually(t, "things have happened", func() error {
		now, err := readDemo(d.dir)
		if err == nil && len(now.Notices) < 4 {
			err = fmt.Errorf("there are %d notices", len(now.Notices))
		}
		if err == nil {
			now.dir, d = d.dir, now
		}
		return err
	})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(d.URL, true)
	check(err)
	defer c.Close()
	locked, err := os.ReadFile(d.Staff[0].KeyFile)
	check(err)
	bundle, err := ceremony.UnlockKeyFile(locked, d.Staff[0].Passphrase)
	check(err)
	_, err = c.LogInStaff(t.Context(), bundle.Key)
	check(err)

	notices, err := c.StaffNotices(t.Context())
	check(err)
	states := make(map[crypto.Number]string)
	for _, n := range notices {
		states[n.Notice] = string(n.State)
	}
	var told []string
	for _, n := range d.Notices {
		if states[n.Number] != n.State {
			t.Errorf("%q is %s, and demo.json has it as %s", n.Subject, states[n.Number], n.State)
		}
		told = append(told, n.State)
	}
	if got := strings.Join(told, " "); got != "released released approved submitted" {
		t.Errorf("the notices are %s", got)
	}
	status, err := c.Status(t.Context(), d.Notices[1].Number)
	check(err)
	acknowledged, opened := 0, 0
	for _, m := range status.Mailboxes {
		if m.Acknowledged != nil {
			acknowledged++
		}
		if m.Opened != nil {
			opened++
		}
	}
	if acknowledged != 1 || opened != 2 || len(status.Mailboxes) != 3 {
		t.Errorf("of %d mailboxes %d opened it, and %d acknowledged", len(status.Mailboxes), opened, acknowledged)
	}
	threads, err := c.Threads(t.Context(), false)
	check(err)
	groups, err := c.Groups(t.Context())
	check(err)
	contacts, err := c.Contacts(t.Context(), d.Notices[1].Number)
	check(err)
	keys, err := c.DeskKeys(t.Context())
	check(err)
	trust, err := d.believe(t.Context(), c)
	check(err)
	read, err := ceremony.ReadDeskKeys(trust, []*crypto.Key{bundle.Key}, keys, time.Now())
	check(err)
	if len(read) != 1 || !read[0].Published || len(read[0].Lacking) != 0 || len(ceremony.OpenedDeskKeys(read)) != 1 || read[0].Email != demoDeskAddress {
		t.Errorf("the desk's certificate for mail programs: %+v", read)
	}
	if len(threads.Threads) != 2 || len(groups) != 2 || len(contacts) != 1 {
		t.Errorf("there are %d threads, %d groups, %d contacts", len(threads.Threads), len(groups), len(contacts))
	}
}
