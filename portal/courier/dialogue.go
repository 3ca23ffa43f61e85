package courier

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// dialogue speaks SMTP (RFC 5321) with one mail server, as the one who hands over. It is here and not a library's because of what lies between a mail's last octet and the server's answer:
// whoever is killed there doesn't know whether the server took it, and the mail is sent again. With DATA (which the library has) that is all the time in which the mail is on the line and is
// read. With BDAT (RFC 3030), which most servers know, all of the mail but its end is known to be at the server before the end hands it over. With pipelining (RFC 2920) both need two round trips a mail, in place of
// five.
type dialogue struct {
	conn       net.Conn
	read       *bufio.Reader
	extensions map[string]string // by their names in capital letters
	unclean    bool              // a transaction began and came to nothing
}

const (
	maxReplyLine  = 2048 // octets; RFC 5321, section 4.5.3.1.5, has 512
	maxReplyLines = 128
	endOfMail     = 128       // octets that are handed over last
	maxPipelined  = 256 << 10 // octets of a mail that are sent before it is known whether the recipient is taken
	maxTogether   = 8 << 10   // octets that are copied to go out with a command; TLS would part more from it anyway
)

// openDialogue waits for a server's greeting.
func openDialogue(conn net.Conn) (*dialogue, error) {
	d := &dialogue{}
	d.over(conn)
	return d, d.expect(2)
}

func (d *dialogue) over(conn net.Conn) {
	d.conn, d.read = conn, bufio.NewReaderSize(conn, maxReplyLine)
}

func (d *dialogue) hangUp() { d.conn.Close() }

// quit ends it politely, without waiting for an answer.
func (d *dialogue) quit() {
	d.conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(d.conn, "QUIT\r\n")
	d.conn.Close()
}

// hello says who is speaking, and learns what the server can do.
func (d *dialogue) hello(name string) error {
	if err := d.say("EHLO " + name); err != nil {
		return err
	}
	lines, err := d.reply(commandTime)
	var answer *smtp.SMTPError
	if errors.As(err, &answer) && (answer.Code == 500 || answer.Code == 502) { // a server from before 1995
		d.extensions = nil
		return d.ask("HELO " + name)
	}
	if err != nil {
		return err
	}
	d.extensions = map[string]string{}
	for _, line := range lines[1:] {
		keyword, parameters, _ := strings.Cut(line, " ")
		d.extensions[strings.ToUpper(keyword)] = parameters
	}
	return nil
}

func (d *dialogue) can(extension string) bool {
	_, ok := d.extensions[extension]
	return ok
}

// startTLS goes on over TLS (RFC 3207). What the server said before counts no longer, and what came with its answer, without TLS, ends it.
func (d *dialogue) startTLS(config *tls.Config) error {
	if !d.can("STARTTLS") {
		return errors.New("the server doesn't offer STARTTLS")
	}
	if err := d.ask("STARTTLS"); err != nil {
		return err
	}
	if d.read.Buffered() > 0 {
		return errors.New("the server says more than an answer to STARTTLS before TLS begins")
	}
	secured := tls.Client(d.conn, config)
	d.conn.SetDeadline(time.Now().Add(commandTime))
	if err := secured.Handshake(); err != nil {
		return err
	}
	d.extensions = nil
	d.over(secured)
	return nil
}

// authenticate logs in with a password (RFC 4954, RFC 4616).
func (d *dialogue) authenticate(user, password string) error {
	return d.ask("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)))
}

// errUnspoken is an error of a line that died before a server answered anything in a transaction: it hung up while nobody spoke.
type errUnspoken struct{ error }

func (e errUnspoken) Unwrap() error { return e.error }

// deliver does one transaction (RFC 5321, section 3.3). of says what an error is about: whether the sender was refused, which is about us, or what comes after.
func (d *dialogue) deliver(sender, to, token string, mail []byte) (aboutUs bool, err error) {
	commands := d.commands(sender, to, token)
	chunked := d.can("CHUNKING")
	mail, end := mail[:len(mail)-min(endOfMail, len(mail)/2)], mail[len(mail)-min(endOfMail, len(mail)/2):]
	pipelined := d.can("PIPELINING")
	if !pipelined {
		for i, command := range commands {
			if err := d.ask(command); err != nil {
				return i < len(commands)-1, d.failed(i, err)
			}
		}
	} else {
		said := strings.Join(commands, "\r\n")
		begins := chunked && len(mail) <= maxPipelined
		if begins {
			err = d.sayWith(said+"\r\nBDAT "+strconv.Itoa(len(mail)), mail)
		} else {
			err = d.say(said)
		}
		if err != nil {
			return false, errUnspoken{err}
		}
		var refused error
		for i := range commands {
			err := d.expect(2)
			if refused == nil && err != nil {
				aboutUs, refused = i < len(commands)-1, d.failed(i, err)
			}
			if err != nil && !goesOn(err) {
				return aboutUs, refused
			}
		}
		if begins {
			if err := d.expect(2); refused == nil {
				refused = err
			}
		}
		if refused != nil {
			d.unclean = true
			return aboutUs, refused
		}
		if begins {
			return false, d.last("BDAT "+strconv.Itoa(len(end))+" LAST", end)
		}
	}
	d.unclean = true
	if chunked {
		if err := d.sayWith("BDAT "+strconv.Itoa(len(mail)), mail); err != nil {
			return false, err
		}
		if _, err := d.reply(dataTime); err != nil {
			return false, err
		}
		return false, d.last("BDAT "+strconv.Itoa(len(end))+" LAST", end)
	}
	if err := d.say("DATA"); err != nil {
		return false, err
	}
	if err := d.expect(3); err != nil {
		return false, err
	}
	return false, d.last(string(stuffed(slices.Concat(mail, end)))+".", nil)
}

// commands are those before a mail's octets.
func (d *dialogue) commands(sender, to, token string) (commands []string) {
	if d.unclean {
		commands = append(commands, "RSET")
	}
	d.unclean = false
	from, recipient := "MAIL FROM:<"+sender+">", "RCPT TO:<"+to+">"
	if d.can("DSN") { // RFC 3461
		from += " RET=HDRS ENVID=" + token
		recipient += " NOTIFY=FAILURE,DELAY"
	}
	return append(commands, from, recipient)
}

// failed marks an error of the first command of a transaction, when no server answered.
func (d *dialogue) failed(command int, err error) error {
	d.unclean = true
	var answer *smtp.SMTPError
	if command == 0 && !errors.As(err, &answer) {
		return errUnspoken{err}
	}
	return err
}

// goesOn says whether a server that answered so says more: after 421 it hangs up.
func goesOn(err error) bool {
	var answer *smtp.SMTPError
	return errors.As(err, &answer) && answer.Code != 421
}

// last hands the mail over.
func (d *dialogue) last(command string, end []byte) error {
	if err := d.sayWith(command, end); err != nil {
		return err
	}
	_, err := d.reply(dataTime)
	d.unclean = err != nil
	return err
}

// size is what the server takes at most (RFC 1870); 0: it doesn't say.
func (d *dialogue) size() int {
	n, err := strconv.Atoi(d.extensions["SIZE"])
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// stuffed doubles the dots at the beginnings of lines (RFC 5321, section 4.5.2), and ends the last line.
func stuffed(mail []byte) []byte {
	mail = bytes.ReplaceAll(mail, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(mail, []byte(".")) {
		mail = append([]byte("."), mail...)
	}
	if !bytes.HasSuffix(mail, []byte("\r\n")) {
		mail = append(mail, "\r\n"...)
	}
	return mail
}

// ask says one thing, and the server agrees.
func (d *dialogue) ask(command string) error {
	if err := d.say(command); err != nil {
		return err
	}
	return d.expect(2)
}

func (d *dialogue) say(line string) error { return d.sayWith(line, nil) }

func (d *dialogue) sayWith(line string, octets []byte) error {
	d.conn.SetDeadline(time.Now().Add(dataTime))
	together := octets
	if len(together) > maxTogether {
		together = nil
	}
	all := make([]byte, 0, len(line)+2+len(together))
	all = append(append(append(all, line...), "\r\n"...), together...)
	if _, err := d.conn.Write(all); err != nil || len(together) == len(octets) {
		return err
	}
	_, err := d.conn.Write(octets)
	return err
}

// expect reads an answer whose first digit is to be so.
func (d *dialogue) expect(first int) error {
	_, err := d.replyOf(first, commandTime)
	return err
}

func (d *dialogue) reply(patience time.Duration) ([]string, error) { return d.replyOf(2, patience) }

// replyOf reads an answer; a *smtp.SMTPError when it is another than it has to be.
func (d *dialogue) replyOf(first int, patience time.Duration) (lines []string, err error) {
	d.conn.SetDeadline(time.Now().Add(patience))
	for {
		line, err := d.read.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		code, err := strconv.Atoi(text[:min(3, len(text))])
		if err != nil || code < 200 || code > 599 || len(text) > 3 && text[3] != ' ' && text[3] != '-' || len(lines) >= maxReplyLines {
			return nil, errors.New("the server doesn't speak SMTP")
		}
		lines = append(lines, text[min(4, len(text)):])
		if len(text) > 3 && text[3] == '-' {
			continue
		}
		if code/100 != first {
			return nil, &smtp.SMTPError{Code: code, EnhancedCode: enhanced(lines[len(lines)-1])}
		}
		return lines, nil
	}
}

// enhanced reads the code at the beginning of an answer's text (RFC 2034).
func enhanced(text string) smtp.EnhancedCode {
	code, _, _ := strings.Cut(text, " ")
	var e smtp.EnhancedCode
	if n, err := fmt.Sscanf(code, "%d.%d.%d", &e[0], &e[1], &e[2]); err != nil || n != 3 || e[0] < 2 || e[0] > 5 || e[1] < 0 || e[1] > 999 || e[2] < 0 || e[2] > 999 {
		return smtp.EnhancedCodeNotSet
	}
	return e
}

// closeWith hangs up when ctx ends.
func (d *dialogue) closeWith(ctx context.Context) (stop func() bool) {
	conn := d.conn
	return context.AfterFunc(ctx, func() { conn.Close() })
}
