package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"valise/crypto"
)

// DemoCommand starts a portal with a believable institution in it.
type DemoCommand struct {
	Listen string `default:"127.0.0.1:8300" placeholder:"ADDRESS" help:"Where to listen; port 0 takes a free one."`
	Data   string `placeholder:"DIR" help:"Where everything is kept: an empty or new folder, or an earlier demo's, which is continued. Default: a temporary one, removed at exit."`
}

// Help is the part of --help below the summary.
func (DemoCommand) Help() string {
	return `Starts Valise on one SQLite file, with no other server, and fills it: a root certificate; an author, an approver, a registrar, an auditor, an administrator, a notary and a courier; a State with two
representatives, an organisation, an individual, and three more States; two published statements about a security incident, and a first notice about it, approved and waiting. Other notices stand at other
points of their way: acknowledged by some and soon overdue, approved for tomorrow, waiting for an approval, a draft; there are groups, and threads in the desk's inbox. It prints the address, mailbox numbers and
passphrases, and what to try. It runs over plain HTTP, lets staff log in with their key alone, and writes passphrases down, so it is for trying out only.

EXAMPLES

  valise demo
  valise demo --listen 127.0.0.1:0 --data demo

FILES

  DIR/demo.json     what is printed, for programs
  DIR/keys/         root and staff keys, each with its passphrase beside it
  DIR/desk.asc      the desk's certificate for mail programs: gpg --import, encrypt to it, and author and approver open it
  DIR/secrets/      representatives' passphrases, for --secret-file; NUMBER.asc is the private key, as gpg imports it, of one who uses a mail program
  DIR/ledger.key    the ledger's private key; ledger.state is what was signed last, ledger-key.asc the root's word on it
  DIR/mail/         the e-mail that would go out: nothing leaves the machine. Mail comes in by SMTP on the loopback interface, at the address that is printed
  DIR/portal.log    the log, as JSON lines

EXIT STATUS

  0 after a signal; 1 when it can't start.`
}

// demoInstitution is demo.json.
type demoInstitution struct {
	URL             string             `json:"url"`
	MailIn          string             `json:"mail_in,omitempty"` // where mail to the registry comes in, by SMTP
	RootFingerprint crypto.Fingerprint `json:"root_fingerprint"`
	Mailboxes       []demoMailbox      `json:"mailboxes"`
	Staff           []demoStaff        `json:"staff"`
	Notices         []demoNotice       `json:"notices"`
	Statements      []demoStatement    `json:"statements"`
}

type demoMailbox struct {
	Number          crypto.Number        `json:"number"`
	Kind            string               `json:"kind"` // "state", "organisation", "individual"
	Stakeholder     string               `json:"stakeholder"`
	Representatives []demoRepresentative `json:"representatives"`
}

type demoRepresentative struct {
	Number     string           `json:"number"`
	Name       string           `json:"name"`
	Profile    crypto.Profile   `json:"profile"`
	Passphrase string           `json:"passphrase,omitempty"`
	ClaimCode  crypto.ClaimCode `json:"claim_code,omitempty"` // until they have claimed
	SecretFile string           `json:"secret_file"`
}

type demoStaff struct {
	Name        string             `json:"name"`
	Roles       []crypto.Role      `json:"roles"`
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Passphrase  string             `json:"passphrase"`
	KeyFile     string             `json:"key_file"`
	SecretFile  string             `json:"secret_file"`
}

type demoNotice struct {
	Number  crypto.Number `json:"number"`
	Subject string        `json:"subject"`
	State   string        `json:"state"`
}

type demoStatement struct {
	Number  crypto.Number `json:"number"`
	Title   string        `json:"title"`
	Version int           `json:"version"`
	State   string        `json:"state"`
}

const demoFile = "demo.json"

// Run serves the demo until ctx ends.
func (c *DemoCommand) Run(ctx context.Context, p *process) (err error) {
	dir, temporary, err := c.folder()
	if err != nil {
		return err
	}
	if temporary {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	d, err := readDemo(dir)
	if errors.Is(err, fs.ErrNotExist) {
		d, err = newDemo(dir)
	}
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "portal.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	logger := slog.New(slog.NewJSONHandler(log, nil))
	server := demoServer(dir, c.Listen)
	if server.WithCourier != "" {
		mail, address, err := startDemoMail(dir)
		if err != nil {
			return err
		}
		defer mail.Close()
		if server.Mail, err = demoMailConfig(dir, address); err != nil {
			return err
		}
		if server.SMTP, err = freeLoopback(); err != nil {
			return err
		}
		d.MailIn = server.SMTP
	}
	site, err := server.open(ctx, logger)
	if err != nil {
		return err
	}
	defer site.Close()
	stop, err := signDemoLedger(ctx, dir, site.store, logger)
	if err != nil {
		return err
	}
	defer stop()
	return serveDemo(ctx, site, d, dir, p.stdout)
}

// folder returns where to keep the demo, and whether to remove it.
func (c *DemoCommand) folder() (dir string, temporary bool, err error) {
	if c.Data == "" {
		dir, err = os.MkdirTemp("", "valise-demo-")
		return dir, true, err
	}
	if dir, err = filepath.Abs(c.Data); err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", false, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", false, err
	}
	if _, err := os.Stat(filepath.Join(dir, demoFile)); err != nil && len(entries) > 0 {
		return "", false, fmt.Errorf("%s holds something, but no demo that was finished (%s is missing): name an empty folder, or remove it", dir, demoFile)
	}
	return dir, false, nil
}

// demoServer is how the demo serves.
func demoServer(dir, listen string) *ServeCommand {
	ledgerKey := filepath.Join(dir, demoLedgerKey)
	if _, err := os.Stat(ledgerKey); err != nil {
		ledgerKey = "" // a demo from before there was a ledger
	}
	c := &ServeCommand{
		Listen:           listen,
		LedgerKey:        ledgerKey,
		Institution:      filepath.Join(dir, "institution.toml"),
		RootCertificate:  filepath.Join(dir, "root.asc"),
		PortalSecretFile: filepath.Join(dir, "portal.secret"),
		Database:         filepath.Join(dir, "portal.db"),
		Migrate:          true,
		InsecureHTTP:     true,

		InsecureSingleFactor: true,
	}
	notary := filepath.Join(dir, "keys", string(crypto.RoleNotary))
	if _, err := os.Stat(notary + ".key"); err == nil { // an earlier demo may have none
		c.WithNotary, c.NotarySecretFile = notary+".key", notary+".passphrase"
	}
	courier := filepath.Join(dir, "keys", string(crypto.RoleCourier))
	if _, err := os.Stat(courier + ".key"); err == nil {
		c.WithCourier, c.CourierSecretFile, c.InsecurePlainSMTP = courier+".key", courier+".passphrase", true
	}
	return c
}

// serveDemo fills a new demo once the portal answers, and says what there is.
func serveDemo(ctx context.Context, site *site, d *demo, dir string, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- site.Serve(ctx) }()
	prepare := func() error {
		d.URL = site.portal.Origin
		if d.Notices == nil {
			fmt.Fprintln(stdout, "Making the institution, its staff, mailboxes, statements and notices …")
			if err := d.fill(ctx); err != nil {
				return fmt.Errorf("filling the demo: %w", err)
			}
			if err := d.write(dir); err != nil { // it can be used from here on, and a demo that ends before the rest is continued
				return err
			}
			if err := d.live(ctx); err != nil {
				return fmt.Errorf("filling the demo: %w", err)
			}
		}
		return d.write(dir)
	}
	if err := prepare(); err != nil {
		cancel()
		return errors.Join(err, <-served)
	}
	d.print(stdout)
	return <-served
}

func readDemo(dir string) (*demo, error) {
	data, err := os.ReadFile(filepath.Join(dir, demoFile))
	if err != nil {
		return nil, err
	}
	d := new(demo)
	if err := json.Unmarshal(data, &d.demoInstitution); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", demoFile, err)
	}
	return d, nil
}

func (d *demo) write(dir string) error {
	data, err := json.MarshalIndent(d.demoInstitution, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, demoFile), append(data, '\n'), 0o600)
}

// print tells a newcomer where to go and what to try.
func (d *demo) print(w io.Writer) {
	fmt.Fprintf(w, "\n  %s\n\n  Root fingerprint, as it stands on paper: %s\n", d.URL, d.RootFingerprint.Spaced())
	var claimed, unclaimed *demoRepresentative
	for _, m := range d.Mailboxes {
		fmt.Fprintf(w, "\n  %s (%s)\n", m.Stakeholder, m.Kind)
		for i := range m.Representatives {
			r := &m.Representatives[i]
			secret := "passphrase  " + r.Passphrase
			if r.ClaimCode != "" {
				secret = "claim code  " + string(r.ClaimCode)
				if unclaimed == nil {
					unclaimed = r
				}
			} else if claimed == nil {
				claimed = r
			}
			fmt.Fprintf(w, "    %-13s %-7s %-37s %s\n", r.Number, r.Profile, r.Name, secret)
		}
	}
	fmt.Fprintf(w, "\n  Staff (keys in %s)\n", filepath.Dir(d.Staff[0].KeyFile))
	for _, s := range d.Staff {
		fmt.Fprintf(w, "    %-13s %s\n", crypto.JoinRoles(s.Roles), s.Name)
	}
	if len(d.Statements) > 0 {
		fmt.Fprint(w, "\n  Statements\n")
	}
	for _, s := range d.Statements {
		fmt.Fprintf(w, "    %-13s %s\n", s.Number, s.Title)
	}
	var released crypto.Number
	fmt.Fprint(w, "\n  Notices\n")
	for _, n := range d.Notices {
		fmt.Fprintf(w, "    %-13s %-9s %s\n", n.Number, n.State, n.Subject)
		if n.State == "released" {
			released = n.Number
		}
	}
	fmt.Fprint(w, "\n  What to try\n")
	if claimed != nil {
		fmt.Fprintf(w, "    Open and acknowledge:  %s/login as %s\n", d.URL, claimed.Number)
	}
	if unclaimed != nil {
		fmt.Fprintf(w, "    Claim a mailbox:       %s/claim as %s\n", d.URL, unclaimed.Number)
	}
	if len(d.Staff) > 0 { // the author
		fmt.Fprintf(w, "    Work as staff:         %s/staff/login with %s, passphrase in %s\n", d.URL, d.Staff[0].KeyFile, d.Staff[0].SecretFile)
	}
	if claimed != nil {
		fmt.Fprintf(w, "    The same by command:   bin/valise list --server %s --as %s --secret-file %s\n", d.URL, claimed.Number, claimed.SecretFile)
	}
	for _, s := range d.Staff {
		if s.Roles[0] == crypto.RoleAuthor && released != "" {
			fmt.Fprintf(w, "    Who has acknowledged:  %s/staff/notices/%s, or:\n                           bin/valise status %[2]s --server %[1]s --key %[3]s --secret-file %[4]s\n", d.URL, released, s.KeyFile, s.SecretFile)
		}
	}
	if d.MailIn != "" {
		fmt.Fprintf(w, "    Acknowledge by e-mail: with gpg, as docs/email.md says under \"In the demo\"; mail to %s comes in at smtp://%s\n", demoDeskAddress, d.MailIn)
	}
	fmt.Fprintf(w, "    Follow the ledger:     bin/valise ledger verify %s --root-fingerprint %s\n", d.URL, d.RootFingerprint)
	for _, s := range d.Statements[:min(1, len(d.Statements))] {
		fmt.Fprintf(w, "    Verify a statement:    bin/valise statement show %s --server %s --root-fingerprint %s\n", s.Number, d.URL, d.RootFingerprint)
	}
	fmt.Fprint(w, "\n  Ctrl-C ends it.\n\n")
}
