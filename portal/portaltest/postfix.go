package portaltest

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Postfix is a mail server of Debian's, private to a test: it takes mail on a free port of the loopback interface, with STARTTLS, and hands all of it to another server.
type Postfix struct {
	Address string // 127.0.0.1:PORT
	folder  string
	t       testing.TB
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
local_recipient_maps =
mynetworks = 127.0.0.0/8
%[2]s
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = %[3]s
smtpd_tls_key_file = %[4]s
smtp_tls_security_level = none
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
message_size_limit = 20971520
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
`

const postfixMaster = `%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
virtual unix - n n - - virtual
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
`

// StartPostfix starts one that hands mail on to a server at 127.0.0.1:PORT, by LMTP when "lmtp:" stands before that, or keeps it in its spool when nobody listens there. It ends with the
// test. It takes root, as Postfix does. settings are further lines of its main.cf.
func StartPostfix(t testing.TB, next string, certificate *Certificate, settings ...string) *Postfix {
	t.Helper()
	postfix, err := find("postfix", "postfix", "/usr/sbin")
	if err != nil {
		t.Fatal(err)
	}
	master, err := find("master", "postfix", "/usr/lib/postfix/sbin")
	if err != nil {
		t.Fatal(err)
	}
	folder, remove, err := folder("postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	p := &Postfix{folder: folder, t: t}
	if err := p.prepare(next, certificate, settings); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(folder, "config")
	if out, err := exec.Command(postfix, "-c", config, "check").CombinedOutput(); err != nil { // makes the queues
		t.Fatalf("postfix check: %v\n%s", err, out)
	}
	Start(t, exec.Command(master, "-c", config, "-d"))
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.Address)
		if err == nil {
			conn.Close()
			return p
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(folder, "log"))
			t.Fatalf("postfix does not answer: %v\n%s", err, log)
		}
	}
}

func (p *Postfix) prepare(next string, certificate *Certificate, settings []string) error {
	owner, err := user.Lookup("postfix")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return err
	}
	if err := os.Chmod(p.folder, 0o755); err != nil {
		return err
	}
	for _, sub := range []string{"config", "queue", "data"} {
		if err := os.Mkdir(filepath.Join(p.folder, sub), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chown(filepath.Join(p.folder, "data"), uid, -1); err != nil {
		return fmt.Errorf("%w (Postfix has to be started by root)", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.Address = free.Addr().String()
	free.Close()
	address, byLMTP := strings.CutPrefix(next, "lmtp:")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	route := "relayhost = [127.0.0.1]:" + port
	if byLMTP {
		route = "default_transport = lmtp:inet:127.0.0.1:" + port
	}
	for name, text := range map[string]string{
		"main.cf":   fmt.Sprintf(postfixMain, p.folder, route, certificate.CertFile, certificate.KeyFile) + strings.Join(settings, "\n") + "\n",
		"master.cf": fmt.Sprintf(postfixMaster, p.Address),
	} {
		if err := os.WriteFile(filepath.Join(p.folder, "config", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// SocketsForPostfix makes a folder in which Postfix can use the sockets that other programs make, as it can when it belongs to their group. It is gone when the test ends.
func SocketsForPostfix(t testing.TB) string {
	t.Helper()
	sockets, remove, err := folder("sockets")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	group, err := user.LookupGroup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(group.Gid)
	if err == nil {
		err = os.Chown(sockets, -1, gid)
	}
	if err == nil {
		err = os.Chmod(sockets, 0o750|fs.ModeSetgid) // what is made in it is of that group
	}
	if err != nil {
		t.Fatal(err)
	}
	return sockets
}

// Log returns what it wrote.
func (p *Postfix) Log() []byte {
	log, _ := os.ReadFile(filepath.Join(p.folder, "log"))
	return log
}

// Flush has it try at once what it put off, and servers that it found gone.
func (p *Postfix) Flush() {
	p.t.Helper()
	if out, err := exec.Command("postqueue", "-c", filepath.Join(p.folder, "config"), "-f").CombinedOutput(); err != nil {
		p.t.Fatalf("postqueue -f: %v\n%s", err, out)
	}
}

// Spool returns all that lies in the queues and in the log, as somebody reads it who took the machine over.
func (p *Postfix) Spool() (spool []byte) {
	p.t.Helper()
	err := filepath.WalkDir(p.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // a file that moves from queue to queue
		}
		data, err := os.ReadFile(path)
		if err == nil {
			spool = append(spool, data...)
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return spool
}
