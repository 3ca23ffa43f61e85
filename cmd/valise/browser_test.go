package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"valise/portal/portaltest"
)

// One notice in a real Chromium, from the letter to the receipt that gpg verifies: on a desktop against the embedded default, and on a
// phone against two nodes on PostgreSQL and Redis, where each step goes to the other node than the one before.
func TestANoticeInTheBrowser(t *testing.T) {
	t.Run("desktop, embedded", func(t *testing.T) {
		d := startDemo(t)
		v := newVisitor(t, d.URL, portaltest.Desktop, "desktop")
		v.claimOpenAcknowledge(d, func(int) {})
		v.leavesNothing(d, append(portaltest.SQLitePlaces(t, filepath.Join(d.dir, "portal.db")), logFile(t, d))...)
	})
	t.Run("phone, two nodes", func(t *testing.T) {
		n := startNodes(t)
		v := newVisitor(t, n.demo.URL, portaltest.Phone, "phone")
		v.claimOpenAcknowledge(n.demo, n.use)
		v.leavesNothing(n.demo, append(portaltest.PostgreSQLPlaces(t, n.database), n.redis.Place(), n.logs[0].place(), n.logs[1].place())...)
	})
}

// leavesNothing looks for whatever only the people of the journey may know in everything that a thief can copy.
func (v *visitor) leavesNothing(d *demo, places ...portaltest.Place) {
	v.t.Helper()
	draft, err := demoDraft(time.Now())
	if err != nil {
		v.t.Fatal(err)
	}
	var secrets []portaltest.Secret
	secret := func(what, value string) {
		secrets = append(secrets, portaltest.Secret{What: what, Value: []byte(value), Guessable: true, Words: what == "a passphrase"})
	}
	for _, language := range draft.Languages {
		secret("the subject", language.Subject)
		for _, line := range strings.Split(language.Text, "\n") {
			if len(line) > 30 {
				secret("the text", line)
			}
		}
	}
	secret("the attachment's name", draft.Attachments[0].Name)
	secret("the attachment", string(draft.Attachments[0].Data))
	for _, m := range d.Mailboxes {
		secret("a stakeholder's name", m.Stakeholder)
		for _, r := range m.Representatives {
			secret("a person's name", r.Name)
			if r.ClaimCode == "" {
				secret("a passphrase", r.Passphrase)
			} else {
				secret("a claim code", string(r.ClaimCode))
			}
		}
	}
	for _, s := range d.Staff {
		secret("a passphrase", s.Passphrase)
	}
	secret("a passphrase", v.passphrase)
	for _, cookie := range v.cookies {
		secret("a session's cookie", cookie)
	}
	portaltest.NoLeaks(v.t, secrets, places...)
}

func logFile(t testing.TB, d *demo) portaltest.Place {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dir, "portal.log"))
	if err != nil || len(data) == 0 {
		t.Fatalf("the log has %d bytes: %v", len(data), err)
	}
	return portaltest.Place{Name: "the log", Data: data}
}

// startDemo runs "valise demo" as a process of its own.
func startDemo(t testing.TB) *demo {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	startValise(t, "demo", "--listen", "127.0.0.1:0", "--data", dir)
	var d *demo
	eventually(t, "the demo is ready", func() (err error) {
		d, err = readDemo(dir)
		return err
	})
	d.dir = dir
	return d
}

// startValise runs the program until the test ends; what it writes shows up when the test has failed.
func startValise(t testing.TB, args ...string) *output {
	t.Helper()
	said := new(output)
	command := exec.Command("valise", args...)
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil {
			t.Errorf("valise %s: %v", args[0], err)
		}
		if t.Failed() {
			t.Logf("valise %s:\n%s", strings.Join(args, " "), said.place().Data)
		}
	})
	return said
}

// output is what a process writes, to be read while it runs.
type output struct {
	mu   sync.Mutex
	data []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.data = append(o.data, p...)
	return len(p), nil
}

func (o *output) place() portaltest.Place {
	o.mu.Lock()
	defer o.mu.Unlock()
	return portaltest.Place{Name: "the log", Data: bytes.Clone(o.data)}
}

func eventually(t testing.TB, what string, holds func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = holds(); err == nil {
			return
		}
	}
	t.Fatalf("it never came to pass that %s: %v", what, err)
}

// nodes are two "valise serve" on one PostgreSQL and one Redis, behind one address.
type nodes struct {
	demo      *demo
	line      *line
	addresses [2]string
	database  string // DSN
	redis     *portaltest.RedisServer
	logs      [2]*output
	tls       *portaltest.Certificate
}

// use sends everybody to one of the nodes from now on.
func (n *nodes) use(node int) { n.line.lead(n.addresses[node%len(n.addresses)]) }

func startNodes(t *testing.T) *nodes {
	t.Helper()
	dir := t.TempDir()
	d, err := newDemo(dir)
	if err != nil {
		t.Fatal(err)
	}
	fill := demoServer(dir, "127.0.0.1:0")
	n := &nodes{demo: d, line: newLine(t), database: portaltest.PostgreSQL(t), redis: portaltest.StartRedis(t)}
	fill.Database, fill.Redis = n.database, n.redis.URL
	fill.WithCourier, fill.CourierSecretFile = "", "" // nothing goes by e-mail here
	fillInstitution(t, fill, d)

	certificate := portaltest.TLS(t)
	n.tls = certificate
	d.URL = "https://" + n.line.address()
	for i := range n.addresses {
		n.addresses[i] = freeAddress(t)
		n.logs[i] = startValise(t, "serve", "--listen", n.addresses[i], "--origin", d.URL, "--insecure-single-factor",
			"--institution", fill.Institution, "--root-certificate", fill.RootCertificate, "--portal-secret-file", fill.PortalSecretFile,
			"--database", fill.Database, "--redis", fill.Redis, "--migrate", "--ledger-key", filepath.Join(dir, demoLedgerKey),
			"--tls-certificate", certificate.CertFile, "--tls-key", certificate.KeyFile)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: certificate.Pool}}}
	for i := range n.addresses {
		n.use(i)
		eventually(t, fmt.Sprintf("node %d is ready", i+1), func() error {
			answer, err := client.Get(d.URL + "/readyz")
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return errors.New(answer.Status)
			}
			return nil
		})
	}
	return n
}

// fillInstitution fills a demo's institution through a node that is gone afterwards.
func fillInstitution(t *testing.T, node *ServeCommand, d *demo) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	site, err := node.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	served := make(chan error, 1)
	go func() { served <- site.Serve(ctx) }()
	d.URL = site.portal.Origin
	err = d.fill(ctx)
	cancel()
	if err := errors.Join(err, <-served); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// visitor is a person at a browser.
type visitor struct {
	*portaltest.Browser
	t    testing.TB
	url  string
	name string // for screenshots; "" takes none

	passphrase string   // drawn when claiming
	cookies    []string // of the sessions
}

// keepCookies remembers what the browser knows, to look for it elsewhere.
func (v *visitor) keepCookies() {
	v.t.Helper()
	found, err := chromedp.Call(v, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range found.Cookies {
		if strings.HasSuffix(c.Name, "valise") {
			v.cookies = append(v.cookies, c.Value)
			if !c.HTTPOnly || c.SameSite != network.CookieSameSiteLax || c.Secure != strings.HasPrefix(v.url, "https:") || c.Secure != strings.HasPrefix(c.Name, "__Host-") {
				v.t.Errorf("the session's cookie is %+v", c)
			}
		}
	}
	if len(v.cookies) == 0 {
		v.t.Error("no cookie of a session was found")
	}
}

func newVisitor(t testing.TB, url string, size portaltest.Viewport, name string) *visitor {
	t.Helper()
	v := &visitor{Browser: portaltest.Chromium(t, portaltest.IgnoreCertificateErrors), t: t, url: url, name: name}
	v.Resize(size)
	return v
}

// look has axe look, which takes pictures, for people to look at, along the way. Once is enough: it looks at both sizes.
func (v *visitor) look(page string) {
	v.t.Helper()
	if v.name == nameOfDesktop {
		portaltest.Axe(v.t, v.Browser, page)
	}
}

const nameOfDesktop = "desktop"

func (v *visitor) visit(path string) {
	v.t.Helper()
	v.Visit(v.url + path)
	v.ready()
}

// ready waits until the page's script has done what it does by itself.
func (v *visitor) ready() {
	v.t.Helper()
	v.Do(chromedp.WaitReady(chromedp.CSS("html[data-ready]")))
}

func (v *visitor) see(selector string) string {
	v.t.Helper()
	v.Do(chromedp.WaitVisible(chromedp.CSS(selector)))
	return portaltest.Read(v.Browser, chromedp.Text(chromedp.CSS(selector)))
}

func (v *visitor) mustSee(selector, want string) {
	v.t.Helper()
	if got := v.see(selector); !strings.Contains(got, want) {
		v.t.Errorf("%s says %q, which lacks %q", selector, got, want)
	}
}

func (v *visitor) typeInto(selector, text string) {
	v.t.Helper()
	v.Do(chromedp.WaitVisible(chromedp.CSS(selector)),
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).value = ''", selector)),
		chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (v *visitor) press(selector string) {
	v.t.Helper()
	v.Do(chromedp.WaitReady(chromedp.CSS(selector+":not([disabled])")), chromedp.Click(chromedp.CSS(selector)))
}

// claimOpenAcknowledge is a representative's whole way. turn is told each step, so that it can send it to another node.
func (v *visitor) claimOpenAcknowledge(d *demo, turn func(step int)) {
	t := v.t
	person := d.Mailboxes[0].Representatives[1]
	notice := d.Notices[0]

	v.visit("/")
	v.look("home")
	turn(1)
	v.passphrase = v.claim(d, person)
	v.keepCookies()

	turn(0)
	v.press("[data-go=mailbox]")
	v.Do(chromedp.WaitReady(chromedp.CSS("html[data-page=mailbox][data-ready]")))
	row := fmt.Sprintf("[data-notice=%q]", notice.Number)
	v.mustSee("#awaiting "+row+" .subject", notice.Subject)
	v.look("mailbox")

	turn(1)
	v.press(row + " a")
	v.Do(chromedp.WaitReady(chromedp.CSS("html[data-page=notice][data-ready]")))
	v.mustSee("#text", "The intruders knew what they were looking for")
	v.mustSee("#signers", demoTeam[0].name)
	v.mustSee("#signers", demoTeam[1].name)
	v.look("notice")
	v.press("#languages [data-language=fr]")
	v.mustSee("#text", "Les intrus savaient ce qu’ils cherchaient")
	name, data := v.Download(chromedp.Click(chromedp.CSS("#attachments button")))
	if name != "timeline.csv" || !bytes.HasPrefix(data, []byte("date,event\n")) {
		t.Errorf("the attachment came as %q, %q", name, data)
	}

	turn(0)
	v.press("#acknowledge")
	v.Do(chromedp.WaitVisible(chromedp.CSS("#receipt-section")))
	v.look("receipt")
	_, receipt := v.Download(chromedp.Click(chromedp.CSS("#receipt-download")))
	v.checkReceipt(d, person, receipt)

	v.logOutAndIn(d, person)
	v.keepCookies()
	if problems := v.Problems(); len(problems) > 0 {
		t.Errorf("the browser complained:\n%s", strings.Join(problems, "\n"))
	}
	for _, asked := range v.Requests() {
		if !strings.HasPrefix(asked, v.url+"/") && !strings.HasPrefix(asked, "blob:"+v.url) && !strings.HasPrefix(asked, "data:") {
			t.Errorf("a page asked for %s", asked)
		}
	}
}

// claim takes the mailbox up with the code from the letter and returns the passphrase.
func (v *visitor) claim(d *demo, person demoRepresentative) string {
	t := v.t
	v.visit("/claim")
	v.look("claim")
	v.typeInto("#claim-number", strings.ToLower(person.Number))
	wrong := []byte(person.ClaimCode)
	wrong[7], wrong[8] = wrong[8], wrong[7] // a typing error in the second group
	if wrong[7] != wrong[8] {
		v.typeInto("#claim-code", string(wrong))
		v.press("#claim-submit")
		v.mustSee("#claim-code-error", "2")
	}
	v.typeInto("#claim-code", string(person.ClaimCode))
	v.press("#claim-submit")
	if got := strings.Join(strings.Fields(v.see("#claim-fingerprint")), " "); got != d.RootFingerprint.Spaced() {
		t.Errorf("the page shows the root fingerprint %q, on paper stands %q", got, d.RootFingerprint.Spaced())
	}
	v.look("claim-root")
	v.press("#claim-compared")
	v.press("#claim-compared-next")
	passphrase := strings.Join(strings.Fields(v.see("#claim-words")), " ")
	if len(strings.Fields(passphrase)) != 6 {
		t.Fatalf("the passphrase is %q, not six words", passphrase)
	}
	v.look("claim-key")
	v.press("#claim-kept")
	v.typeInto("#claim-again", passphrase)
	v.press("#claim-again-submit")
	v.Do(chromedp.WaitVisible(chromedp.CSS("#claim-done")))
	v.look("claim-done")
	return passphrase
}

// checkReceipt verifies it with gpg, and with valise.
func (v *visitor) checkReceipt(d *demo, person demoRepresentative, receipt []byte) {
	t := v.t
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "receipt.asc")
	if err := os.WriteFile(file, receipt, 0o600); err != nil {
		t.Fatal(err)
	}
	name, certificate := v.Download(chromedp.Evaluate[chromedp.Void](`document.querySelector("#receipt-certificate").click()`))
	if !strings.HasSuffix(name, ".asc") {
		t.Errorf("the certificate came as %q", name)
	}
	g := portaltest.GPG(t)
	g.Import(certificate)
	if text, _, err := g.Verify(receipt); err != nil || !bytes.Contains(text, []byte("representative: "+person.Number)) {
		t.Errorf("gpg does not verify the receipt: %v\n%s", err, text)
	}
	if strings.HasPrefix(d.URL, "https:") {
		return // the command line does not know the test's TLS certificate
	}
	out, err := exec.Command("valise", "verify", file, "--server", d.URL, "--root-fingerprint", string(d.RootFingerprint), "--json").CombinedOutput()
	if err != nil || !json.Valid(out) || !bytes.Contains(out, []byte(person.Number)) {
		t.Errorf("valise verify: %v\n%s", err, out)
	}
}

// logOutAndIn shows that the key is gone after logging out, and that the passphrase brings it back.
func (v *visitor) logOutAndIn(d *demo, person demoRepresentative) {
	t := v.t
	t.Helper()
	notice := "/notices/" + string(d.Notices[0].Number)
	v.press("#logout button")
	v.Do(chromedp.WaitReady(chromedp.CSS("html[data-page=login][data-ready]")))
	if left := portaltest.Read(v.Browser, chromedp.Evaluate[int]("sessionStorage.length + localStorage.length")); left != 0 {
		t.Errorf("%d things are left in the browser's storage after logging out", left)
	}
	v.visit(notice) // asks to log in, and comes back
	v.look("login")
	v.typeInto("#login-number", person.Number)
	v.typeInto("#login-passphrase", "not the passphrase at all")
	v.press("#login-submit")
	v.see("#login-passphrase-error")
	v.look("login-wrong")
	v.typeInto("#login-passphrase", v.passphrase)
	v.press("#login-submit")
	v.Do(chromedp.WaitReady(chromedp.CSS("html[data-page=notice][data-ready]")))
	v.mustSee("#text", "The intruders knew what they were looking for")
	v.mustSee("#receipt-by", person.Number)
	v.visit("/account")
	v.look("account")
}

// BenchmarkLogInToOpenedNotice is how long a person waits from pressing "Log in" until they read a notice, on a processor as it is and on one
// four times slower, WebAssembly already in the browser's cache.
func BenchmarkLogInToOpenedNotice(b *testing.B) {
	d := startDemo(b)
	person, notice := d.Mailboxes[0].Representatives[0], "/notices/"+string(d.Notices[0].Number)
	for _, slower := range []float64{1, 4} {
		b.Run(fmt.Sprintf("slower=%v", slower), func(b *testing.B) {
			v := newVisitor(b, d.URL, portaltest.Phone, "")
			v.visit("/login")
			for b.Loop() {
				b.StopTimer()
				v.SlowDown(1)
				v.visit(notice)
				v.typeInto("#login-number", person.Number)
				v.typeInto("#login-passphrase", person.Passphrase)
				v.SlowDown(slower)
				b.StartTimer()
				v.press("#login-submit")
				v.see("#text")
				b.StopTimer()
				v.SlowDown(1)
				v.press("#logout button")
				v.Do(chromedp.WaitReady(chromedp.CSS("html[data-page=login][data-ready]")))
				b.StartTimer()
			}
		})
	}
}
