package courier

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// IMAP is a mailbox that is emptied, for who can't have mail handed over by LMTP. TLS is a must.
type IMAP struct {
	Address  string // host:port, with TLS from the first octet: "imap.court.example:993"
	Username string
	Password string
	Mailbox  string         // "": INBOX
	Done     string         // where mail is moved to that was taken; "": it is deleted
	Unwanted string         // where mail is moved to that is larger than is taken; "": it stays, marked as seen
	Roots    *x509.CertPool // whom certificates are believed from; nil: whom the system believes
	Every    time.Duration  // how often it is looked at; 0: a minute
}

// Check says what is wrong with it.
func (m *IMAP) Check() error {
	if host, port, err := net.SplitHostPort(m.Address); err != nil || host == "" || port == "" {
		return fmt.Errorf("the IMAP server %q is not of the form imap.court.example:993", m.Address)
	}
	if m.Username == "" || m.Password == "" {
		return errors.New("an IMAP mailbox takes a user and a password")
	}
	return nil
}

// At one look so many mails are taken; a flood leaves time for the rest.
const (
	maxPerLook = 500
	imapTime   = 10 * time.Minute // for one look
)

// Fetch empties a mailbox again and again, until ctx ends. What can't be reached is tried again.
func (i *Inbox) Fetch(ctx context.Context, m IMAP) {
	every := m.Every
	if every <= 0 {
		every = time.Minute
	}
	for said := ""; ctx.Err() == nil; {
		_, err := i.FetchOnce(ctx, m)
		now := ""
		if err != nil && ctx.Err() == nil {
			now = "the mailbox (IMAP) can't be read: " + reason(err)
		}
		if now != said && now != "" {
			i.log.LogAttrs(ctx, slog.LevelError, "courier", slog.String("problem", now))
		}
		said = now
		sleep(ctx, every)
	}
}

// reason says what kind of failure it was. The words of servers are dropped: they may quote a mail.
func reason(err error) string {
	var answer *imap.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return "its TLS certificate does not hold"
	case errors.As(err, &answer):
		return strings.TrimSpace("the server says " + string(answer.Type) + " " + string(answer.Code))
	case errors.Is(err, errNotKept):
		return errNotKept.Error()
	}
	return "no connection"
}

var errNotKept = errors.New("a mail can't be kept at the moment, and stays there")

// FetchOnce takes what lies in a mailbox, and removes each mail there once it is on disk here. It returns how many those were.
func (i *Inbox) FetchOnce(ctx context.Context, m IMAP) (taken int, err error) {
	ctx, cancel := context.WithTimeout(ctx, imapTime)
	defer cancel()
	c, err := imapclient.DialTLS(m.Address, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: m.Roots, MinVersion: tls.VersionTLS12}, Dialer: &net.Dialer{Timeout: connectTime}})
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer c.Close()
	if err := c.Login(m.Username, m.Password).Wait(); err != nil {
		return 0, err
	}
	mailbox := m.Mailbox
	if mailbox == "" {
		mailbox = "INBOX"
	}
	if _, err := c.Select(mailbox, nil).Wait(); err != nil {
		return 0, err
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagDeleted, imap.FlagFlagged}}, nil).Wait()
	if err != nil {
		return 0, err
	}
	uids := found.AllUIDs()
	for _, uid := range uids[:min(len(uids), maxPerLook)] {
		ok, err := i.fetchOne(ctx, c, &m, uid)
		if err != nil {
			return taken, err
		}
		if ok {
			taken++
		}
	}
	return taken, c.Logout().Wait()
}

// fetchOne takes one mail, and then removes it.
func (i *Inbox) fetchOne(ctx context.Context, c *imapclient.Client, m *IMAP, uid imap.UID) (taken bool, err error) {
	set := imap.UIDSetNum(uid)
	sizes, err := c.Fetch(set, &imap.FetchOptions{UID: true, RFC822Size: true}).Collect()
	if err != nil {
		return false, err
	}
	if len(sizes) == 0 {
		return false, nil // somebody else took it
	}
	if sizes[0].RFC822Size > MaxEncryptedMail {
		return false, setAside(c, m, set)
	}
	received, err := i.fetchBody(ctx, c, set)
	if errors.Is(err, ErrTooLarge) {
		return false, setAside(c, m, set)
	}
	if err != nil || !received {
		return false, err
	}
	if m.Done != "" {
		_, err := c.Move(set, m.Done).Wait()
		return true, err
	}
	if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return true, err
	}
	if c.Caps().Has(imap.CapUIDPlus) {
		return true, c.UIDExpunge(set).Close()
	}
	return true, c.Expunge().Close()
}

// setAside marks, or moves, what is too large, so that it is not looked at again.
func setAside(c *imapclient.Client, m *IMAP, set imap.UIDSet) error {
	if m.Unwanted != "" {
		_, err := c.Move(set, m.Unwanted).Wait()
		return err
	}
	return c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged, imap.FlagSeen}}, nil).Close()
}

// fetchBody reads a mail and takes it. To whom it was handed over, an IMAP server doesn't say: the fields that delivery agents write, and To, must do. They are believed only to hold tokens
// of ours.
func (i *Inbox) fetchBody(ctx context.Context, c *imapclient.Client, set imap.UIDSet) (received bool, err error) {
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	command := c.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	var raw []byte
	var problem error
	got := false
	for message := command.Next(); message != nil; message = command.Next() {
		for item := message.Next(); item != nil; item = message.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil || got {
				continue
			}
			raw, problem = i.Read(body.Literal)
			got = true
		}
	}
	if err := command.Close(); err != nil || !got || problem != nil {
		return false, errors.Join(err, problem)
	}
	if _, err := i.Take(ctx, deliveredTo(raw), raw); err != nil {
		i.problem(err)
		return false, fmt.Errorf("%w: %w", errNotKept, err)
	}
	return true, nil
}

// deliveredTo returns the addresses of ours that a mail's header says it went to.
func deliveredTo(raw []byte) (addresses []string) {
	header, _, err := splitHeader(raw)
	if err != nil {
		return nil
	}
	fields, err := parseFields(bytes.Clone(header))
	if err != nil {
		return nil
	}
	for _, f := range fields {
		switch f.name {
		case "delivered-to", "x-original-to", "envelope-to", "to":
			for word := range strings.FieldsFuncSeq(f.value, func(r rune) bool { return strings.ContainsRune(" ,;<>\"()", r) }) {
				if strings.Contains(word, "@") && len(addresses) < maxCandidate {
					addresses = append(addresses, word)
				}
			}
		}
	}
	return addresses
}
