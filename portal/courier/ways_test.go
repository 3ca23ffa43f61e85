package courier_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// serve takes mail in at an address until the test ends, and returns where that is.
func (a *answering) serve(address string, plain bool) string {
	a.t.Helper()
	l, err := courier.Listen(address)
	must(a.t, err)
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		if err := a.inbox.ServeLMTP(ctx, l, plain); err != nil {
			a.t.Errorf("serving: %v", err)
		}
	})
	a.t.Cleanup(func() { stop(); group.Wait() })
	return l.Addr().String()
}

func (a *answering) wait(what string, holds func() bool) {
	a.t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatalf("it never came about that %s; kept: %q; outbox: %s; log: %s", what, a.kept(), a.outbox(), a.log)
		}
	}
}

// TestLMTP: on a socket; each recipient is answered; what is taken is on disk.
func TestLMTP(t *testing.T) {
	a := newAnswering(t, live.Options{})
	path := filepath.Join(t.TempDir(), "lmtp")
	address := a.serve(path, false)
	conn, err := net.Dial("unix", address)
	must(t, err)
	c := gosmtp.NewClientLMTP(conn)
	defer c.Close()
	must(t, c.Hello("relay.example"))
	must(t, c.Mail("", nil))
	for _, wrong := range []string{"somebody@court.example", "registry@other.example", "bounces", ""} {
		if err := c.Rcpt(wrong, nil); err == nil {
			t.Errorf("mail to %q is taken", wrong)
		}
	}
	must(t, c.Rcpt("Registry@Court.example", nil))
	must(t, c.Rcpt(a.mails[1].From, nil))
	w, err := c.Data()
	must(t, err)
	_, err = fmt.Fprint(w, head+"\r\n"+crlf(a.sign(a.text)))
	must(t, err)
	answers, err := w.CloseWithLMTPResponse()
	must(t, err)
	if len(answers) != 2 {
		t.Errorf("%d answers", len(answers))
	}
	if !a.acknowledged() {
		t.Errorf("it is taken, and not acknowledged; kept: %q", a.kept())
	}
	// A line without an end, and a mail that is too large: refused, and the server goes on.
	must(t, c.Mail("", nil))
	must(t, c.Rcpt("registry@court.example", nil))
	w, err = c.Data()
	must(t, err)
	_, err = fmt.Fprint(w, head+"\r\n"+strings.Repeat(strings.Repeat("x", 500_000)+"\r\n", 5))
	must(t, err)
	var refused gosmtp.LMTPDataError
	if err := w.Close(); !errors.As(err, &refused) || refused["registry@court.example"].Code != 552 {
		t.Errorf("too large: %v", err)
	}
	must(t, c.Noop())
	for _, wrong := range []string{"0.0.0.0:0", "192.0.2.1:24", "court.example:24", "24"} {
		if l, err := courier.Listen(wrong); err == nil {
			l.Close()
			t.Errorf("it listens at %s", wrong)
		}
	}
}

// TestPostfixHandsMailIn by LMTP and by SMTP: an acknowledgement; and a mail of ours that Postfix itself can't deliver comes back.
func TestPostfixHandsMailIn(t *testing.T) {
	for name, plain := range map[string]bool{"LMTP": false, "SMTP": true} {
		t.Run(name, func(t *testing.T) {
			a := newAnswering(t, live.Options{})
			address := a.serve("127.0.0.1:0", plain)
			if !plain {
				address = "lmtp:" + address
			}
			relay := portaltest.StartPostfix(t, address, a.tls)
			send := func(from, to, mail string) {
				c, err := smtp.Dial(relay.Address)
				must(t, err)
				defer c.Close()
				must(t, c.StartTLS(tlsFor(a.tls)))
				must(t, c.Mail(from))
				must(t, c.Rcpt(to))
				w, err := c.Data()
				must(t, err)
				_, err = w.Write([]byte(mail))
				must(t, err)
				must(t, w.Close())
				must(t, c.Quit())
			}
			send("somebody@mission.example", "registry@court.example", head+"\r\n"+crlf(a.sign(a.text)))
			a.wait("it is acknowledged", a.acknowledged)
			// Postfix finds that nobody takes mail for that address, and writes a real report to where the mail said that it comes back to.
			send(a.mails[1].From, "gone@mission.example", string(a.mails[1].Data))
			a.wait("the mail came back", func() bool { return strings.HasPrefix(a.outbox(), "dead returned 5.") })
			if len(a.kept()) != 0 {
				t.Errorf("kept: %q", a.kept())
			}
		})
	}
}

// TestDovecotIsEmptied: what was taken goes, what can't be kept or is too large stays.
func TestDovecotIsEmptied(t *testing.T) {
	a := newAnswering(t, live.Options{})
	server := portaltest.StartDovecot(t, a.tls)
	mailbox := courier.IMAP{Address: server.Address, Username: server.Username, Password: server.Password, Roots: a.tls.Pool}
	look := func() int {
		taken, err := a.inbox.FetchOnce(t.Context(), mailbox)
		if err != nil {
			t.Fatalf("%v\n%s", err, server.Log())
		}
		return taken
	}
	if look() != 0 {
		t.Error("something is taken out of an empty mailbox")
	}
	server.Deliver("1", []byte(head+"\r\n"+crlf(a.sign(a.text))))
	server.Deliver("2", []byte("Delivered-To: "+a.mails[1].From+"\r\n"+dsn("failed", "5.1.1", "somebody@elsewhere.example", "", "")))
	server.Deliver("3", []byte(head+"\r\nHello.\r\n"))
	server.Deliver("4", []byte(head+"\r\n"+strings.Repeat("x", courier.MaxOtherMail)))
	if taken := look(); taken != 3 || !a.acknowledged() || a.outbox() != "dead returned 5.1.1" || len(a.kept()) != 1 || a.kept()[0] != "other" {
		t.Errorf("%d taken; acknowledged: %t; outbox: %s; kept: %q", taken, a.acknowledged(), a.outbox(), a.kept())
	}
	if left := server.Mails(""); left != 1 {
		t.Errorf("%d mails are left", left)
	}
	if taken := look(); taken != 0 {
		t.Error("what is too large is looked at again")
	}
	mailbox.Done, mailbox.Unwanted = "Taken", "Large"
	server.Deliver("5", []byte(head+"\r\nHello again.\r\n"))
	server.Deliver("6", []byte(head+"\r\n"+strings.Repeat("y", courier.MaxOtherMail)))
	if taken := look(); taken != 1 || server.Mails("Taken") != 1 || server.Mails("Large") != 1 || server.Mails("") != 1 {
		t.Errorf("%d taken; %d and %d moved, %d left", taken, server.Mails("Taken"), server.Mails("Large"), server.Mails(""))
	}
	// While nothing can be kept, mail stays where it is.
	server.Deliver("7", []byte(head+"\r\nAnd again.\r\n"))
	broken := courier.NewInbox(a.courier(a.config()), nowhere{a.Store}, a.Portal.Dispatch)
	if _, err := broken.FetchOnce(t.Context(), mailbox); err == nil || server.Mails("") != 2 {
		t.Errorf("%v; %d left", err, server.Mails(""))
	}
	// TLS, with a certificate that holds, is a must; so is the right password.
	wrong := mailbox
	wrong.Roots = portaltest.TLS(t).Pool
	if _, err := a.inbox.FetchOnce(t.Context(), wrong); err == nil {
		t.Error("anybody's certificate is believed")
	}
	wrong = mailbox
	wrong.Password = "guessed"
	if _, err := a.inbox.FetchOnce(t.Context(), wrong); err == nil {
		t.Error("any password will do")
	}
}

// nowhere is a database that can't keep mail.
type nowhere struct{ courier.InStore }

func (nowhere) KeepMail(context.Context, courier.KeptMail, int, int64) (bool, int, error) {
	return false, 0, errors.New("the disk is full")
}

func tlsFor(c *portaltest.Certificate) *tls.Config {
	return &tls.Config{RootCAs: c.Pool, ServerName: "localhost"}
}
