package main

import (
	"errors"
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/portaltest"
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
	t.Run("a mail acknowledges", func(t *testing.T) { acknowledgeByMail(t, d, c) })
}

// acknowledgeByMail does what docs/email.md says under "In the demo", with gpg and an SMTP client that know nothing of the portal.
func acknowledgeByMail(t *testing.T, d *demo, staff *client.Client) {
	amina := d.Mailboxes[slices.IndexFunc(d.Mailboxes, func(m demoMailbox) bool { return m.Kind == "organisation" })].Representatives[0]
	gpg := portaltest.GPG(t)
	key, err := os.ReadFile(amina.SecretFile + ".asc")
	if err != nil {
		t.Fatal(err)
	}
	gpg.Import(key)
	_, certificates, _ := get(t, d.URL+"/keys/staff.asc")
	gpg.Import(certificates)
	var form, opening string
	eventually(t, "both mails are there", func() error {
		mails, err := filepath.Glob(filepath.Join(d.dir, demoMailFolder, "*.eml"))
		for _, path := range mails {
			mail, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(mail), "\nTo: "+demoLawyersAddress) {
				continue
			}
			opened := strings.ReplaceAll(string(gpg.Decrypt(mail)), "\r\n", "\n")
			if _, rest, ok := strings.Cut(opened, "---- from here ----\n"); ok {
				form, _, _ = strings.Cut(rest, "---- to here ----")
			} else if line := regexp.MustCompile(`(?m)^opening: .+$`).FindString(opened); line != "" {
				opening = line
			}
		}
		if form == "" || opening == "" {
			err = errors.Join(err, fmt.Errorf("of %d mails none has the form, or none the notice", len(mails)))
		}
		return err
	})
	acknowledged := func() (bool, error) {
		status, err := staff.Status(t.Context(), d.Notices[0].Number)
		if err != nil {
			return false, err
		}
		at := slices.IndexFunc(status.Mailboxes, func(m api.MailboxStatus) bool { return strings.HasPrefix(amina.Number, string(m.Mailbox)) })
		return at >= 0 && status.Mailboxes[at].Acknowledged != nil, nil
	}
	if already, err := acknowledged(); err != nil || already {
		t.Fatalf("it has acknowledged already (%v), or nobody knows: %v", already, err)
	}
	receipt := regexp.MustCompile(`(?m)^opening:.*$`).ReplaceAllLiteralString(form, opening)
	signed := gpg.Run([]byte(receipt), "--clearsign")
	mail := "From: " + demoLawyersAddress + "\r\nTo: " + demoDeskAddress + "\r\nSubject: receipt\r\n\r\n" + strings.ReplaceAll(string(signed), "\n", "\r\n")
	if err := smtp.SendMail(d.MailIn, nil, demoLawyersAddress, []string{demoDeskAddress}, []byte(mail)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the receipt is there", func() error {
		there, err := acknowledged()
		if err == nil && !there {
			err = errors.New("the mailbox has not acknowledged")
		}
		return err
	})
}
