package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/wkd"
)

// registrarsDesk is a registrar's machine in a network with a portal, and a domain that has a Web Key Directory.
type registrarsDesk struct {
	*court
	folder, key, secret string
	asked               []string // of the directory
}

const registrarsPassphrase = "one registrar asks whoever might know"

// openRegistrarsDesk has the directory answer with what was put there, by address.
func openRegistrarsDesk(t *testing.T, certificates map[string][]byte, prepare func(*court)) *registrarsDesk {
	t.Helper()
	authority := portaltest.NewAuthority(t)
	portaltest.BelieveThere(t, authority)
	portaltest.StartSystemDNS(t,
		portaltest.Zone{Name: "court.example", Records: []string{"court.example. A 127.0.0.1"}},
		portaltest.Zone{Name: "mission.example", Records: []string{"openpgpkey.mission.example. A 127.0.0.2"}})
	d := &registrarsDesk{folder: t.TempDir()}
	d.court = openCourt(t, filepath.Join(d.folder, "portal.db"), "", prepare)
	d.withTLS(authority.Issue(false, "court.example"))
	d.settings[1], d.origin = "127.0.0.1:443", "https://court.example"
	d.start()
	listener, err := net.Listen("tcp", "127.0.0.2:443")
	if err != nil {
		t.Fatal(err)
	}
	directory := &http.Server{TLSConfig: authority.Issue(false, "openpgpkey.mission.example").Server, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.asked = append(d.asked, r.URL.Query().Get("l"))
		for address, certificate := range certificates {
			local, _, _ := wkd.Cut(address)
			if r.URL.Path == "/.well-known/openpgpkey/mission.example/hu/"+wkd.Hash(local) {
				w.Write(certificate)
				return
			}
		}
		http.NotFound(w, r)
	})}
	go directory.ServeTLS(listener, "", "")
	t.Cleanup(func() { directory.Close() })
	locked, err := lockKeyFile(&crypto.Bundle{Holder: live.RegistrarName, Pin: d.Pin, Key: d.Registrar}, registrarsPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	d.key, d.secret = filepath.Join(d.folder, "chandra.key"), filepath.Join(d.folder, "secret")
	for path, data := range map[string][]byte{d.key: locked, d.secret: []byte(registrarsPassphrase + "\n")} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// valise runs a command of the registrar's. out is what it prints, read as JSON; said is that, and what it says beside.
func (d *registrarsDesk) valise(t *testing.T, command string, args ...string) (status int, out map[string]any, said string) {
	t.Helper()
	cmd := exec.Command("valise", append([]string{command, "--server", d.origin, "--key", d.key, "--secret-file", d.secret, "--json"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatal(err)
	}
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Errorf("%s prints %q: %v", command, &stdout, err)
	}
	return cmd.ProcessState.ExitCode(), out, stderr.String() + stdout.String()
}

// TestADirectoryIsAskedAboutAnAddress: over DNS and TLS, by the commands as registrars run them. It is shown, and nothing hangs on it.
func TestADirectoryIsAskedAboutAnAddress(t *testing.T) {
	if !portaltest.OwnNetwork(t) {
		return
	}
	somebody := portaltest.GPG(t)
	certificates := map[string][]byte{}
	add := func(address, fingerprint string) {
		certificates[address] = somebody.Run(nil, "--export", "--export-options", "export-minimal", "--export-filter", "keep-uid=mbox = "+address, fingerprint)
	}
	newcomer := somebody.GenerateKey("New Comer <newcomer@mission.example>")
	add("newcomer@mission.example", newcomer)
	var person, individual *live.Person
	d := openRegistrarsDesk(t, certificates, func(c *court) {
		c.Employ("Courier 1", crypto.RoleCourier)
		person = c.Claim(c.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
		individual = c.Claim(c.Issue(crypto.KindIndividual, crypto.ProfileCompat), crypto.ProfileCompat)
	})
	fingerprint := string(person.Key.Certificate().Fingerprint())
	somebody.Import([]byte(person.Key.Armor()))
	somebody.Run(nil, "--quick-add-uid", fingerprint, "Ama Mensah <ama@mission.example>")
	add("ama@mission.example", fingerprint)
	is := func(what string, want bool, of map[string]any, key string) {
		t.Helper()
		if directory, _ := of["directory"].(map[string]any); directory == nil || directory[key] != want {
			t.Errorf("%s: %v", what, of)
		}
	}
	number := person.Number.String()

	t.Run("an address is set", func(t *testing.T) {
		status, out, said := d.valise(t, "address", number, "--email", "newcomer@mission.example", "--wkd")
		if status != 0 || !strings.Contains(said, "It is NOT the one") || !strings.Contains(said, crypto.Fingerprint(fingerprint).Spaced()) {
			t.Errorf("%d: %s", status, said)
		}
		is("somebody else's", true, out, "found")
		is("somebody else's", false, out, "same")
		status, out, said = d.valise(t, "address", number, "--email", "nobody@mission.example", "--wkd")
		if status != 0 || !strings.Contains(said, "has no certificate") {
			t.Errorf("%d: %s", status, said)
		}
		is("nobody's", false, out, "found")
		status, out, said = d.valise(t, "address", number, "--email", "ama@mission.example", "--wkd")
		if status != 0 || !strings.Contains(said, "It is the certificate that messages") {
			t.Errorf("%d: %s", status, said)
		}
		is("theirs", true, out, "same")
	})
	t.Run("it is shown", func(t *testing.T) {
		_, out, _ := d.valise(t, "address", number, "--wkd")
		is("theirs", true, out, "same")
		if _, out, _ = d.valise(t, "address", number); out["directory"] != nil {
			t.Errorf("it was asked without --wkd: %v", out)
		}
	})
	t.Run("no directory answers", func(t *testing.T) {
		if status, _, said := d.valise(t, "address", number, "--email", "ama@elsewhere.example", "--wkd"); status != exitFailed || !strings.Contains(said, "nothing was changed") {
			t.Errorf("%d: %s", status, said)
		}
		if _, out, _ := d.valise(t, "address", number); out["email"] != "ama@mission.example" {
			t.Errorf("the address is %v", out["email"])
		}
	})
	t.Run("a mailbox is issued", func(t *testing.T) {
		args := []string{"--kind", "organisation", "--stakeholder", "Field Office", "--person", "New Comer", "--letter", filepath.Join(d.folder, "letter.html"), "--wkd", "newcomer@mission.example"}
		if status, _, said := d.valise(t, "issue", append(args, "--confirm", fingerprint)...); status != exitFailed || !strings.Contains(said, "somebody else's") {
			t.Errorf("%d: %s", status, said)
		}
		status, out, said := d.valise(t, "issue", append(args, "--confirm", newcomer)...)
		if status != 0 || out["own_certificate"] != newcomer {
			t.Fatalf("%d: %v %s", status, out, said)
		}
		if _, _, said := d.valise(t, "address", out["representative"].(string), "--email", "newcomer@mission.example", "--wkd"); !strings.Contains(said, "the key of their letter") {
			t.Error(said)
		}
	})
	t.Run("individuals are not asked about", func(t *testing.T) {
		before := len(d.asked)
		for _, args := range [][]string{
			{"address", individual.Number.String(), "--email", "ama@mission.example", "--at-their-request", "--wkd"},
			{"address", individual.Number.String(), "--wkd"},
			{"issue", "--kind", "individual", "--person", "Ama", "--letter", filepath.Join(d.folder, "none.html"), "--wkd", "ama@mission.example", "--confirm", fingerprint},
			{"issue", "--mailbox", string(individual.Number.Mailbox), "--person", "Ama", "--letter", filepath.Join(d.folder, "none.html"), "--wkd", "ama@mission.example", "--confirm", fingerprint},
		} {
			if status, _, said := d.valise(t, args[0], args[1:]...); status != exitUsage || !strings.Contains(said, "not looked up") {
				t.Errorf("%s: %d: %s", args, status, said)
			}
		}
		if len(d.asked) != before {
			t.Errorf("the directory was asked about %s", d.asked[before:])
		}
	})
}
