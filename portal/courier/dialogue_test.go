package courier

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// lesser is a mail server's side of connections on which some extensions are not offered.
type lesser struct {
	net.Listener
	without []string
}

func (l lesser) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return lesserConn{conn, l.without}, err
}

type lesserConn struct {
	net.Conn
	without []string
}

func (c lesserConn) Write(b []byte) (int, error) {
	said := string(b)
	for _, extension := range c.without {
		said = strings.Replace(said, "250-"+extension+"\r\n", "", 1)
	}
	_, err := c.Conn.Write([]byte(said))
	return len(b), err
}

// keeper takes mail, but none from "us", to "nobody", or that says "refuse".
type keeper struct {
	mutex sync.Mutex
	mails []string
}

func (k *keeper) NewSession(*smtp.Conn) (smtp.Session, error) { return keeping{k}, nil }

type keeping struct{ *keeper }

func refusing(when bool) error {
	if when {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "no"}
	}
	return nil
}
func (keeping) Mail(from string, _ *smtp.MailOptions) error {
	return refusing(strings.HasPrefix(from, "us@"))
}
func (keeping) Rcpt(to string, _ *smtp.RcptOptions) error {
	return refusing(strings.HasPrefix(to, "nobody@"))
}
func (k keeping) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := refusing(strings.Contains(string(data), "refuse")); err != nil {
		return err
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.mails = append(k.mails, string(data))
	return nil
}
func (keeping) Reset()        {}
func (keeping) Logout() error { return nil }

// TestADialogue with servers that know much and little: what is taken comes whole, what is refused says by whom, and the line goes on.
func TestADialogue(t *testing.T) {
	for name, without := range map[string][]string{
		"with everything": nil, "without BDAT": {"CHUNKING"}, "without pipelining": {"PIPELINING"}, "with neither": {"CHUNKING", "PIPELINING"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			k := new(keeper)
			server := smtp.NewServer(k)
			server.Domain, server.MaxMessageBytes = "localhost", 4<<20
			go server.Serve(lesser{listener, without})
			defer server.Close()
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			d, err := openDialogue(conn)
			if err == nil {
				err = d.hello("courier.example")
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.hangUp()
			if d.size() != 4<<20 {
				t.Errorf("it takes %d octets", d.size())
			}
			if err := d.startTLS(nil); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
				t.Errorf("STARTTLS that isn't offered: %v", err)
			}
			small := "Subject: dots\r\n\r\n.\r\n..two\r\nthe end.\r\n.\r\n"
			large := "Subject: large\r\n\r\n" + strings.Repeat(".xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", 2*maxPipelined/78)
			var want []string
			for i, c := range []struct {
				from, to, mail string
				refused, us    bool
			}{
				{"from@court.example", "to@mission.example", small, false, false},
				{"us@court.example", "to@mission.example", small, true, true},
				{"from@court.example", "nobody@mission.example", small, true, false},
				{"from@court.example", "to@mission.example", "Subject: x\r\n\r\nrefuse\r\n", true, false},
				{"from@court.example", "nobody@mission.example", large, true, false},
				{"from@court.example", "to@mission.example", large, false, false},
				{"from@court.example", "to@mission.example", small, false, false},
			} {
				us, err := d.deliver(c.from, c.to, "token", []byte(c.mail))
				var answer *smtp.SMTPError
				if c.refused != (err != nil) || us != c.us || err != nil && (!errors.As(err, &answer) || answer.Code != 550 || answer.EnhancedCode != smtp.EnhancedCode{5, 7, 1}) {
					t.Fatalf("%d: about us %v, %v", i, us, err)
				}
				if !c.refused {
					want = append(want, c.mail)
				}
			}
			k.mutex.Lock()
			defer k.mutex.Unlock()
			if strings.Join(k.mails, "|") != strings.Join(want, "|") {
				t.Errorf("%d mails came, or they are others than what was sent", len(k.mails))
			}
		})
	}
}

// TestAServerThatSaysOtherThanItMust ends a dialogue with an error, and never counts as an agreement.
func TestAServerThatSaysOtherThanItMust(t *testing.T) {
	for name, said := range map[string]string{
		"nothing":                "",
		"no code":                "hello\r\n",
		"a line without an end":  strings.Repeat("2", 3*maxReplyLine),
		"an answer without end":  strings.Repeat("250-x\r\n", maxReplyLines+1),
		"half an answer":         "250-x\r\n",
		"what isn't an answer":   "25x hello\r\n",
		"a code that isn't one":  "999 hello\r\n",
		"an intermediate answer": "354 go on\r\n",
	} {
		client, server := net.Pipe()
		go func() {
			io.WriteString(server, said)
			server.Close()
		}()
		if _, err := openDialogue(client); err == nil {
			t.Errorf("%s is taken for a greeting", name)
		}
		client.Close()
	}
	// What comes with the answer to STARTTLS was not said over TLS.
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		io.WriteString(server, "220 hello\r\n")
		io.ReadFull(server, make([]byte, len("EHLO x\r\n")))
		io.WriteString(server, "250-hello\r\n250 STARTTLS\r\n")
		io.ReadFull(server, make([]byte, len("STARTTLS\r\n")))
		io.WriteString(server, "220 go on\r\n250 and more\r\n")
	}()
	d, err := openDialogue(client)
	if err == nil {
		err = d.hello("x")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := d.startTLS(nil); err == nil || !strings.Contains(err.Error(), "before TLS") {
		t.Errorf("what is said before TLS is taken for said over it: %v", err)
	}
}
