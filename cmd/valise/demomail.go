package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/emersion/go-smtp"
)

// demoMailFolder is where the demo's e-mail ends: nothing leaves the machine.
const demoMailFolder = "mail"

// demoLawyersAddress is that of the representative who uses a mail program, and can acknowledge with it.
const demoLawyersAddress = "amina@witness-support.example"

// demoMail is the demo's mail server. It takes mail on the loopback interface and writes each into a file.
type demoMail struct {
	folder string
	number atomic.Int64
	server *smtp.Server
}

// startDemoMail starts it, and returns where it listens. Close ends it.
func startDemoMail(dir string) (*demoMail, string, error) {
	m := &demoMail{folder: filepath.Join(dir, demoMailFolder)}
	if err := os.MkdirAll(m.folder, 0o700); err != nil {
		return nil, "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	m.server = smtp.NewServer(m)
	m.server.Domain = "localhost"
	go m.server.Serve(listener)
	return m, listener.Addr().String(), nil
}

// Close ends it.
func (m *demoMail) Close() error { return m.server.Close() }

// NewSession implements smtp.Backend.
func (m *demoMail) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &demoMailSession{mail: m}, nil
}

type demoMailSession struct{ mail *demoMail }

func (*demoMailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*demoMailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*demoMailSession) Reset()                               {}
func (*demoMailSession) Logout() error                        { return nil }

// Data writes a mail into the next file that isn't there.
func (s *demoMailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for {
		path := filepath.Join(s.mail.folder, fmt.Sprintf("%03d.eml", s.mail.number.Add(1)))
		err := writeNew(path, data, 0o600)
		if _, there := os.Stat(path); err != nil && there == nil {
			continue
		}
		return err
	}
}

// freeLoopback returns an address where nobody listens.
func freeLoopback() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// demoMailConfig is what the demo's courier is told: everything goes to the demo's own mail server, without TLS, as it doesn't leave the machine.
func demoMailConfig(dir, smarthost string) (path string, err error) {
	path = filepath.Join(dir, "courier.toml")
	return path, os.WriteFile(path, []byte(fmt.Sprintf(`[institution]
from = "Registry <`+demoDeskAddress+`>"
reader = "https://reader.court.example/"
smarthost = %q

[individuals]
from = "M. Post <post@neutral.example>"
smarthost = %[1]q
`, smarthost)), 0o600)
}
