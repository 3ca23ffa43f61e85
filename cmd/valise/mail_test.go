package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/courier"
	"valise/portal/portaltest/live"
)

// mailDesk is staff with `valise mail`, at a portal where strangers' mail was kept.
type mailDesk struct {
	*live.Server
	t                  *testing.T
	dir, trust, secret string
}

func (d *mailDesk) write(name string, data []byte) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// keyFile locks somebody's key as `valise staff new` does.
func (d *mailDesk) keyFile(name string, key *crypto.Key) string {
	d.t.Helper()
	locked, err := lockKeyFile(&crypto.Bundle{Holder: name, Pin: d.Pin, Key: key}, live.Passphrase)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.write(strings.Fields(name)[0]+".key", locked)
}

// mail runs `valise mail`.
func (d *mailDesk) mail(key string, args ...string) (status int, out, said string) {
	d.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(d.t.Context(), "valise", append([]string{"mail", "--server", d.URL, "--key", key, "--secret-file", d.secret}, args...)...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+d.trust)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// keep keeps a mail under a name, signed by keeper.
func (d *mailDesk) keep(name string, raw []byte, keeper *crypto.Key) {
	d.t.Helper()
	record, err := crypto.SealRecord(raw, keeper, crypto.PurposeKeptMail, []*crypto.Certificate{d.Author.Certificate(), d.Approver.Certificate()}, time.Now())
	if err != nil {
		d.t.Fatal(err)
	}
	m := courier.KeptMail{ID: name, ReceivedAt: time.Now(), Reason: courier.KeptReceipt, Detail: "not-signed", Size: int64(len(raw)), Record: record}
	if _, _, err := d.Store.KeepMail(d.t.Context(), m, 100, 1<<20); err != nil {
		d.t.Fatal(err)
	}
}

// TestStaffReadMailThatCame: listed for whoever may know of it, opened to the octet by the desk, believed from a courier alone, and removed.
func TestStaffReadMailThatCame(t *testing.T) {
	d := &mailDesk{Server: live.Portal(t, live.Options{}), t: t, dir: t.TempDir()}
	d.trust, d.secret = certificateOf(t, d.Server), d.write("secret", []byte(live.Passphrase+"\n"))
	_, keeper := d.Employ("Courier 1", crypto.RoleCourier)
	raw := []byte("From: somebody@elsewhere.example\r\n\r\nI acknowledge receipt.\x00\xff\r\n")
	genuine, invented := strings.Repeat("a", 32), strings.Repeat("b", 32)
	d.keep(genuine, raw, keeper)
	d.keep(invented, []byte("what a registrar put there"), d.Registrar)
	if err := d.Store.CountMail(t.Context(), "kept receipt", 2, time.Now()); err != nil {
		t.Fatal(err)
	}
	author, registrar := d.keyFile(live.AuthorName, d.Author), d.keyFile(live.RegistrarName, d.Registrar)

	for _, who := range []string{author, registrar} {
		status, out, said := d.mail(who)
		if status != 0 || !strings.Contains(out, genuine) || !strings.Contains(out, "an acknowledgement that was not taken (not-signed)") || !strings.Contains(out, "2  kept receipt") {
			t.Errorf("the list (%d): %s%s", status, out, said)
		}
	}
	status, out, said := d.mail(author, "--json")
	var in struct {
		Kept []struct{ ID, Reason, Detail string }
	}
	if err := json.Unmarshal([]byte(out), &in); status != 0 || err != nil || len(in.Kept) != 2 || in.Kept[0].Detail != "not-signed" {
		t.Errorf("the list as JSON (%d): %s%s", status, out, said)
	}

	file := filepath.Join(d.dir, "strange.eml")
	if status, _, said := d.mail(registrar, genuine, "--out", file); status != 1 || !strings.Contains(said, "author") {
		t.Errorf("a registrar opens a mail (%d): %s", status, said)
	}
	if status, _, said := d.mail(author, invented, "--out", file); status != 1 || !strings.Contains(said, "no courier") {
		t.Errorf("a mail that no courier kept is opened (%d): %s", status, said)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was written for nothing")
	}
	for _, args := range [][]string{{"--out", file}, {"--remove"}, {genuine}} {
		if status, _, said := d.mail(author, args...); status != 2 {
			t.Errorf("%q (%d): %s", args, status, said)
		}
	}
	if status, out, said := d.mail(author, genuine, "--out", "-"); status != 0 || out != string(raw) {
		t.Errorf("to standard output (%d): %q %s", status, out, said)
	}
	if status, out, said := d.mail(author, genuine, "--out", file, "--remove"); status != 0 || !strings.Contains(out, "Anybody may have written it") || !strings.Contains(said, "removed "+genuine) {
		t.Errorf("opened and removed (%d): %s%s", status, out, said)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("the file holds %q: %v", got, err)
	}
	if status, _, said := d.mail(author, genuine, "--remove"); status != 1 || !strings.Contains(said, "no such mail") {
		t.Errorf("removed twice (%d): %s", status, said)
	}
}
