package portaltest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Dovecot is an IMAP server of Debian's, private to a test, with one mailbox. It speaks TLS from the first octet.
type Dovecot struct {
	Address            string // localhost:PORT
	Username, Password string
	folder             string
	uid, gid           int
	t                  testing.TB
}

const dovecotConfig = `base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <%[2]s
ssl_key = <%[3]s
mail_location = maildir:%[1]s/mail
first_valid_uid = 1
first_valid_gid = 1
default_login_user = %[5]s
default_internal_user = %[5]s
default_internal_group = %[6]s
namespace inbox {
  inbox = yes
  mailbox Taken {
    auto = create
  }
  mailbox Large {
    auto = create
  }
}
passdb {
  driver = static
  args = password=of-a-test-only
}
userdb {
  driver = static
  args = uid=%[7]d gid=%[8]d home=%[1]s/mail
}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = %[4]s
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`

// StartDovecot starts one. It ends with the test. It takes root, as Dovecot does.
func StartDovecot(t testing.TB, certificate *Certificate) *Dovecot {
	t.Helper()
	program, err := find("dovecot", "dovecot-imapd", "/usr/sbin")
	if err != nil {
		t.Fatal(err)
	}
	folder, remove, err := folder("dovecot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	owner, err := user.Lookup("mail")
	if err != nil {
		t.Fatal(err)
	}
	d := &Dovecot{Username: "registry", Password: "of-a-test-only", folder: folder, t: t}
	d.uid, _ = strconv.Atoi(owner.Uid)
	d.gid, _ = strconv.Atoi(owner.Gid)
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"run", "state", "mail", "mail/cur", "mail/new", "mail/tmp"} {
		path := filepath.Join(folder, sub)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, d.uid, d.gid); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	d.Address = "localhost:" + port
	config := filepath.Join(folder, "dovecot.conf")
	text := fmt.Sprintf(dovecotConfig, folder, certificate.CertFile, certificate.KeyFile, port, "dovecot", "dovecot", d.uid, d.gid)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	Start(t, exec.Command(program, "-F", "-c", config))
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			return d
		}
		if time.Now().After(end) {
			t.Fatalf("dovecot does not answer: %v\n%s", err, d.Log())
		}
	}
}

// Maildir is where a mail server delivers to, as the user and the group that Owner tells.
func (d *Dovecot) Maildir() string { return filepath.Join(d.folder, "mail") }

// Owner is whom mails in Maildir belong to.
func (d *Dovecot) Owner() (uid, gid int) { return d.uid, d.gid }

// Log returns what it wrote.
func (d *Dovecot) Log() []byte {
	log, _ := os.ReadFile(filepath.Join(d.folder, "log"))
	return log
}

// Deliver puts a mail into the inbox, as a delivery agent does.
func (d *Dovecot) Deliver(name string, mail []byte) {
	d.t.Helper()
	path := filepath.Join(d.folder, "mail", "tmp", name)
	if err := os.WriteFile(path, mail, 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chown(path, d.uid, d.gid); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(path, filepath.Join(d.folder, "mail", "new", name)); err != nil {
		d.t.Fatal(err)
	}
}

// Mails returns how many mails lie in a mailbox; "": in the inbox.
func (d *Dovecot) Mails(mailbox string) (n int) {
	d.t.Helper()
	folder := filepath.Join(d.folder, "mail")
	if mailbox != "" {
		folder = filepath.Join(folder, "."+mailbox)
	}
	for _, sub := range []string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(folder, sub))
		if err != nil && !os.IsNotExist(err) {
			d.t.Fatal(err)
		}
		n += len(entries)
	}
	return n
}
