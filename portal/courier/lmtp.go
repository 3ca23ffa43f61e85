package courier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"valise/portal"
)

// Bounds of the LMTP server.
const (
	maxLMTPConnections = 20
	maxLMTPRecipients  = 100
	maxLMTPLine        = 1 << 20         // octets: mail with long lines is against RFC 5321, and comes all the same
	lmtpTime           = 5 * time.Minute // for each command, and for a mail
)

// Listen opens what ServeLMTP serves: a socket in the file system, "/run/valise/lmtp", or an address of the loopback interface, "127.0.0.1:2424". Others are refused: whoever reaches the
// server can hand mail in, so only a mail server beside it is to.
func Listen(address string) (net.Listener, error) {
	if strings.HasPrefix(address, "/") {
		if at, err := os.Lstat(address); err == nil && at.Mode()&os.ModeSocket != 0 {
			if conn, err := net.Dial("unix", address); err == nil {
				conn.Close()
				return nil, fmt.Errorf("somebody listens at %s already", address)
			}
			_ = os.Remove(address) // left behind by one that was killed
		}
		l, err := net.Listen("unix", address)
		if err != nil {
			return nil, err
		}
		return l, os.Chmod(address, 0o660)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is neither a path, such as /run/valise/lmtp, nor of the form 127.0.0.1:2424", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("mail is taken in on the loopback interface only, or on a socket in the file system; %q is neither", address)
	}
	return net.Listen("tcp", address)
}

// ServeLMTP takes mail in over LMTP (RFC 2033) until ctx ends, or over SMTP when plain is true. A mail that it says it has taken is on disk.
func (i *Inbox) ServeLMTP(ctx context.Context, l net.Listener, plainSMTP bool) error {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &lmtpSession{inbox: i, ctx: ctx}, nil }))
	s.LMTP, s.Domain = !plainSMTP, i.courier.config.Institution.domain()
	s.MaxRecipients, s.MaxMessageBytes = maxLMTPRecipients, MaxEncryptedMail+1
	s.ReadTimeout, s.WriteTimeout = lmtpTime, lmtpTime
	s.MaxLineLength = maxLMTPLine
	s.ErrorLog = silent{}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), graceTime)
		defer cancel()
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	})
	defer stop()
	err := s.Serve(limited{l, make(chan struct{}, maxLMTPConnections)})
	if ctx.Err() != nil || errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return err
}

// silent drops what the library would write to standard error: it names addresses.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// limited accepts so many connections at once.
type limited struct {
	net.Listener
	slots chan struct{}
}

func (l limited) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &counted{Conn: conn, slots: l.slots}, nil
}

type counted struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

// Close gives the slot back, once: the library closes more than once.
func (c *counted) Close() error {
	c.once.Do(func() { <-c.slots })
	return c.Conn.Close()
}

type lmtpSession struct {
	inbox *Inbox
	ctx   context.Context
	to    []string
}

func (s *lmtpSession) Mail(string, *smtp.MailOptions) error { return nil } // whom it says it is from is of no importance
func (s *lmtpSession) Reset()                               { s.to = nil }
func (s *lmtpSession) Logout() error                        { return nil }

// Rcpt takes the addresses that the courier writes from, and those to which its mails come back.
func (s *lmtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.inbox.Expects(to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "Nobody takes mail here under that address"}
	}
	s.to = append(s.to, to)
	return nil
}

// LMTPData takes a mail once, and says so for each recipient.
func (s *lmtpSession) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	err := s.Data(r)
	for _, to := range s.to {
		status.SetStatus(to, err)
	}
	return err
}

// Data takes a mail.
func (s *lmtpSession) Data(r io.Reader) error {
	ctx, cancel := context.WithTimeout(s.ctx, lmtpTime)
	defer cancel()
	_, err := s.inbox.Receive(ctx, s.to, r)
	_, _ = io.Copy(io.Discard, r)
	return s.inbox.answer(err)
}

// answer says to a mail server what became of a mail, in words that say nothing about what is in it.
func (i *Inbox) answer(err error) error {
	var ours *smtp.SMTPError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrTooLarge) || errors.As(err, &ours) && ours.Code == smtp.ErrDataTooLarge.Code:
		return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "The mail is larger than is taken here"}
	}
	i.problem(err)
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "The mail can't be kept at the moment; hand it over again later"}
}

// problem tells the log what kept a mail from being taken: nothing of the mail.
func (i *Inbox) problem(err error) {
	said := "a mail that came can't be kept, and waits where it is"
	switch {
	case errors.Is(err, errNoDesk):
		said = errNoDesk.Error()
	case portal.KindOf(err) == portal.Unavailable:
		said = "the database can't be reached, so no mail is taken"
	}
	i.log.LogAttrs(context.Background(), slog.LevelError, "courier", slog.String("problem", said))
}
