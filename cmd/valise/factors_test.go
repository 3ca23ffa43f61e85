package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// desk is a staff member's browser, as far as the API goes.
type desk struct {
	t      *testing.T
	portal *live.Server
	client *http.Client
	device *portaltest.Authenticator
}

// post asks the portal, and reads what it answers with 200 to 204.
func (d *desk) post(path string, body, into any) []byte {
	d.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := d.client.Post(d.portal.URL+api.Root+path, "application/json", bytes.NewReader(data))
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode > 204 {
		d.t.Fatalf("%s: %v, %s %s", path, err, response.Status, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			d.t.Fatal(err)
		}
	}
	return text
}

// newDesk logs a member in and enrols a passkey.
func newDesk(t *testing.T, p *live.Server, key *crypto.Key) *desk {
	t.Helper()
	d := &desk{t: t, portal: p, client: p.Client(), device: portaltest.NewAuthenticator(t, p.URL)}
	as := string(key.Certificate().Fingerprint())
	var challenge api.LogInChallenge
	d.post("/login/start", api.LogInStart{As: as}, &challenge)
	signed, err := ceremony.SignLogIn(challenge, p.URL, as, key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d.post("/login", signed, nil)
	options := d.post("/factors/passkeys/enrolment", api.PasskeyAnswer{Answer: json.RawMessage("null")}, nil)
	d.post("/factors/passkeys", api.PasskeyEnrolment{Answer: d.device.Enrol(options), Label: "phone"}, nil)
	return d
}

// certificateOf writes the TLS certificate that a portal shows to a file, for SSL_CERT_FILE.
func certificateOf(t *testing.T, p *live.Server) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(p.URL, "https://"), &tls.Config{InsecureSkipVerify: true}) // it is what we ask for
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	path := filepath.Join(t.TempDir(), "tls.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var shownCode = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b`)

// TestALogInOfTheCommandLineWaitsForTheBrowser: whoever copies a staff key and its passphrase gets no further with the command than with a browser.
func TestALogInOfTheCommandLineWaitsForTheBrowser(t *testing.T) {
	p := live.Portal(t, live.Options{SecondFactor: true})
	browser := newDesk(t, p, p.Author)
	dir := t.TempDir()
	secrets, err := crypto.DeriveSecrets([]byte(live.Passphrase), crypto.NewSalt())
	if err != nil {
		t.Fatal(err)
	}
	locked, err := crypto.LockBundle(&crypto.Bundle{Holder: live.AuthorName, Pin: p.Pin, Key: p.Author}, secrets)
	if err != nil {
		t.Fatal(err)
	}
	key, secret := filepath.Join(dir, "ada.key"), filepath.Join(dir, "ada.secret")
	for path, data := range map[string][]byte{key: crypto.ArmorMessage(locked), secret: []byte(live.Passphrase + "\n")} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust := certificateOf(t, p)

	// list runs a command of staff; answer is what its owner does about the code that it shows.
	list := func(answer func(code string)) (code int, said string) {
		t.Helper()
		log := &watched{found: make(chan string, 1)}
		cmd := exec.CommandContext(t.Context(), "valise", "statement", "list", "--server", p.URL, "--key", key, "--secret-file", secret)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+trust)
		cmd.Stdout, cmd.Stderr = io.Discard, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		shown := ""
		for end := time.Now().Add(20 * time.Second); shown == "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			shown = shownCode.FindString(log.String())
		}
		if shown == "" {
			cmd.Process.Kill()
			t.Fatalf("the command shows no code:\n%s", log)
		}
		answer(shown)
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode(), log.String()
	}

	code, said := list(func(shown string) {
		options := browser.post("/factors/passkeys/question", api.PasskeyPurpose{Purpose: "confirm", Object: shown}, nil)
		browser.post("/factors/waiting/"+shown+"/confirm", api.PasskeyAnswer{Answer: browser.device.Show(options)}, nil)
	})
	if code != 0 || !strings.Contains(said, p.URL+"/staff/account") || !strings.Contains(said, "Confirmed.") {
		t.Errorf("confirmed, and the command ends with %d:\n%s", code, said)
	}
	code, said = list(func(shown string) { browser.post("/factors/waiting/"+shown+"/refuse", struct{}{}, nil) })
	if code != 1 || !strings.Contains(said, "was refused in the browser") {
		t.Errorf("refused, and the command ends with %d:\n%s", code, said)
	}
}

// TestServeSaysWherePasskeysAreImpossible before it serves anything.
func TestServeSaysWherePasskeysAreImpossible(t *testing.T) {
	p := live.Portal(t, live.Options{})
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	settings := []string{
		"serve", "--listen", "127.0.0.1:0", "--institution", write("institution.toml", "languages = [\"en\"]\nname.en = \"Court\"\ncontact = [\"Registry\"]\n"),
		"--root-certificate", write("root.asc", p.Root.Certificate().Armor()), "--portal-secret-file", write("portal.secret", strings.Repeat("0123456789abcdef", 2)),
		"--database", filepath.Join(dir, "portal.db"), "--migrate",
	}
	for _, wrong := range []struct {
		flags []string
		says  string
	}{
		{[]string{"--origin", "https://203.0.113.7"}, "an IP address"},
		{[]string{"--insecure-http"}, "--insecure-single-factor"}, // http://127.0.0.1
		{[]string{"--origin", "http://portal.example", "--insecure-http"}, "without HTTPS"},
		{[]string{"--origin", "https://portal.example", "--oidc-issuer", "https://login.example"}, "go together"},
		{[]string{"--origin", "https://portal.example", "--oidc-issuer", "http://login.example", "--oidc-client-id", "x", "--oidc-client-secret-file", write("client.secret", "y")}, "must begin with https://"},
	} {
		var said bytes.Buffer
		code := run(t.Context(), append(settings[:len(settings):len(settings)], wrong.flags...), strings.NewReader(""), io.Discard, &said)
		if code == 0 || !strings.Contains(said.String(), wrong.says) {
			t.Errorf("serve %v ends with %d:\n%s", wrong.flags, code, &said)
		}
	}
}
