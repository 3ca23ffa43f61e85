package portaltest

import (
	"cmp"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// Stage is a moment of an SMTP dialogue in which a server can misbehave.
type Stage string

const (
	StageGreeting Stage = "greeting" // before the server says anything
	StageMail     Stage = "mail"     // MAIL FROM
	StageRcpt     Stage = "rcpt"     // RCPT TO
	StageBody     Stage = "body"     // within the mail's octets
	StageEnd      Stage = "end"      // the mail has come, and isn't kept
	StageTaken    Stage = "taken"    // the mail is kept, and nobody was told
)

// Fault is how a mail sink misbehaves. The zero value: it doesn't.
type Fault struct {
	Answer *smtp.SMTPError // in place of "250"
	Drop   bool            // it hangs up
	Wait   time.Duration   // first
}

// Mail is one that a sink took.
type Mail struct {
	From, To   string
	EnvelopeID string // of RFC 3461
	Data       []byte
}

// MailSink is a mail server that keeps what it gets, in memory.
type MailSink struct {
	Address string // 127.0.0.1:PORT

	fault func(Stage, string) Fault
	count bool
	mutex sync.Mutex
	taken int
	mails []Mail
	wire  []byte
}

// MailSinkOptions say how a sink behaves.
type MailSinkOptions struct {
	TLS   *Certificate                           // STARTTLS is offered with it; nil: it isn't
	Fault func(at Stage, recipient string) Fault // nil: none; the recipient is "" before it is known
	At    string                                 // address and port; "": a free port of 127.0.0.1
	Count bool                                   // only count mails, and keep none
	Keep  bool                                   // keep the whole dialogue as the server sees it, TLS taken off
}

// StartMailSink starts a mail server that ends with the test.
func StartMailSink(t testing.TB, o MailSinkOptions) *MailSink {
	t.Helper()
	listener, err := net.Listen("tcp", cmp.Or(o.At, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	s := &MailSink{Address: listener.Addr().String(), fault: o.Fault, count: o.Count}
	if s.fault == nil {
		s.fault = func(Stage, string) Fault { return Fault{} }
	}
	server := smtp.NewServer(s)
	server.Domain, server.MaxMessageBytes, server.EnableDSN = "localhost", 32<<20, true
	server.ErrorLog = silent{}
	if o.TLS != nil {
		server.TLSConfig = o.TLS.Server
	}
	if o.Keep {
		server.Debug = (*wire)(s)
	}
	go server.Serve(faulty{listener, s})
	t.Cleanup(func() { server.Close() })
	return s
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// Mails returns what was taken so far.
func (s *MailSink) Mails() []Mail {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Taken returns how many mails were taken so far.
func (s *MailSink) Taken() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.taken
}

// Wire returns the dialogue, if it is kept.
func (s *MailSink) Wire() []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]byte(nil), s.wire...)
}

type wire MailSink

func (w *wire) Write(b []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.wire = append(w.wire, b...)
	return len(b), nil
}

// faulty drops connections before the server says anything.
type faulty struct {
	net.Listener
	sink *MailSink
}

func (f faulty) Accept() (net.Conn, error) {
	for {
		conn, err := f.Listener.Accept()
		if err != nil {
			return nil, err
		}
		fault := f.sink.fault(StageGreeting, "")
		if !fault.Drop && fault.Answer == nil {
			return conn, nil
		}
		go func() {
			time.Sleep(fault.Wait)
			if fault.Answer != nil {
				io.WriteString(conn, "421 4.3.2 not now\r\n")
			}
			conn.Close()
		}()
	}
}

// NewSession implements smtp.Backend.
func (s *MailSink) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &sinkSession{sink: s, conn: c}, nil
}

type sinkSession struct {
	sink *MailSink
	conn *smtp.Conn
	mail Mail
}

// at misbehaves, if it is to.
func (x *sinkSession) at(stage Stage) error {
	f := x.sink.fault(stage, x.mail.To)
	time.Sleep(f.Wait)
	if f.Drop {
		x.conn.Conn().Close()
		return errors.New("dropped")
	}
	if f.Answer != nil {
		return f.Answer
	}
	return nil
}

func (x *sinkSession) Mail(from string, o *smtp.MailOptions) error {
	x.mail = Mail{From: from, EnvelopeID: o.EnvelopeID}
	return x.at(StageMail)
}

func (x *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.mail.To = to
	return x.at(StageRcpt)
}

func (x *sinkSession) Data(r io.Reader) error {
	var first [512]byte
	n, err := io.ReadFull(r, first[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if err := x.at(StageBody); err != nil {
		return err
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.mail.Data = append(first[:n:n], rest...)
	if err := x.at(StageEnd); err != nil {
		return err
	}
	x.sink.mutex.Lock()
	if x.sink.taken++; !x.sink.count {
		x.sink.mails = append(x.sink.mails, x.mail)
	}
	x.sink.mutex.Unlock()
	return x.at(StageTaken)
}

func (x *sinkSession) Reset()        { x.mail = Mail{} }
func (x *sinkSession) Logout() error { return nil }
