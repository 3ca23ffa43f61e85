package main

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestACourierElsewhereMovesDashboards: a courier is a process of its own, and who has the page of a notice open sees within a second that a mail went out, and that it came back.
func TestACourierElsewhereMovesDashboards(t *testing.T) {
	t.Parallel()
	database, redis := filepath.Join(t.TempDir(), "portal.db"), portaltest.Redis(t)
	var taken atomic.Int64 // when the mail server had the mail
	o := openPostOffice(t, database, func(portaltest.Stage, string) portaltest.Fault {
		taken.Store(time.Now().UnixNano())
		return portaltest.Fault{}
	})
	node := live.Portal(t, live.Options{Database: database, Redis: redis})
	_, port, _ := strings.Cut(o.sink.Address, ":")
	o.write("courier.toml", []byte(fmt.Sprintf("[institution]\nfrom = \"Registry <registry@court.example>\"\nbounces = \"bounces@court.example\"\nsmarthost = \"localhost:%s\"\ntls-roots = %q\n", port, o.tls.CertFile)))
	door := filepath.Join(o.folder, "lmtp")
	command, log := exec.Command("valise", append(o.settings, "--redis-file", o.write("redis", []byte(redis)), "--lmtp", door)...), new(live.Log)
	command.Stderr = log
	defer portaltest.Start(t, command).Stop()

	person := o.Claim(o.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
	o.address(crypto.Address{Representative: person.Number, Email: "reader@mission.example"})
	draft := o.Draft()
	draft.Fallback, draft.Acknowledge, draft.Deadline = crypto.FallbackAtOnce, false, time.Time{}
	n := o.Release(draft, person)
	author := node.Acting(node.Author)
	board := func() (kind portal.NoticeEventKind) {
		t.Helper()
		b, err := node.Portal.Dispatch.Dashboard(t.Context(), author, n, time.Time{}, "")
		if err != nil || len(b.Lines) != 1 {
			t.Fatalf("%d lines: %v", len(b.Lines), err)
		}
		if b.Lines[0].Reach == nil {
			return ""
		}
		return b.Lines[0].Reach.Kind
	}
	woken := node.Portal.Watch.Subscribe(t.Context(), string(n))
	moves := func(to portal.NoticeEventKind, since func() time.Time) {
		t.Helper()
		for end := time.After(20 * time.Second); board() != to; {
			select {
			case <-woken:
			case <-end:
				t.Fatalf("nobody was told of %s\n%s", to, log)
			}
		}
		if took := time.Since(since()); took > time.Second {
			t.Errorf("%s is seen after %v", to, took)
		}
	}

	moves(portal.RelayToNonERDS, func() time.Time { return time.Unix(0, taken.Load()) })

	mails := o.sink.Mails()
	back := mails[len(mails)-1].From
	conn, err := net.Dial("unix", door)
	if err != nil {
		t.Fatal(err)
	}
	client := smtp.NewClientLMTP(conn)
	defer client.Close()
	report := "From: MAILER-DAEMON@relay.example\r\nTo: " + back + "\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n" +
		"--b\r\n\r\nI'm sorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; reader@mission.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
	if err := client.SendMail("", []string{back}, strings.NewReader(report)); err != nil {
		t.Fatal(err)
	}
	handed := time.Now()
	moves(portal.RelayToNonERDSFailure, func() time.Time { return handed })
}
