package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// mailedPost is a portal whose courier, in a process of its own, has sent a notice and takes mail in; and people with gpg who answer it.
type mailedPost struct {
	*postOffice
	door   string // LMTP
	gpg    *portaltest.GnuPG
	desk   string // fingerprint of its certificate for mail programs
	person *live.Person
	ids    []string // Message-IDs of the mails about it
	trust  string
	secret string
}

func openMailedPost(t *testing.T) *mailedPost {
	t.Helper()
	m := &mailedPost{postOffice: openPostOffice(t, filepath.Join(t.TempDir(), "portal.db"), nil), gpg: portaltest.GPG(t)}
	desk := m.DeskMail("Registry", "registry@court.example", time.Now())
	m.desk = string(desk.Certificate().Fingerprint())
	m.gpg.Import([]byte(desk.Certificate().Armor()))
	m.door = filepath.Join(m.folder, "lmtp")
	command, log := exec.Command("valise", append(m.settings, "--lmtp", m.door)...), new(live.Log)
	command.Stderr = log
	running := portaltest.Start(t, command)
	t.Cleanup(running.Stop)
	m.person = m.release(1, crypto.ProfileCompat)[0]
	m.gpg.Import([]byte(m.person.Key.Armor()))
	for end := time.Now().Add(30 * time.Second); m.waiting() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the notice is not sent\n%s", log)
		}
	}
	m.ids = m.received()["reader0@mission.example"]
	m.trust, m.secret = certificateOf(t, m.Server), m.write("passphrase", []byte(live.Passphrase+"\n"))
	return m
}

// seal is what a mail program does with what somebody wrote.
func (m *mailedPost) seal(inside string, args ...string) []byte {
	m.t.Helper()
	return m.gpg.Run([]byte(inside), append([]string{"--armor", "--encrypt", "--recipient", m.desk}, args...)...)
}

// answering is a mail's header, in answer to ours.
func (m *mailedPost) answering(more string) string {
	return "From: Anybody <anybody@elsewhere.example>\r\nTo: registry@court.example\r\nSubject: ...\r\nIn-Reply-To: " + m.ids[len(m.ids)-1] + "\r\nMIME-Version: 1.0\r\n" + more
}

// pgpMIME puts a sealed message into a mail (RFC 3156, section 4).
func (m *mailedPost) pgpMIME(sealed []byte) string {
	return m.answering("Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"e\"\r\n\r\n--e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n" +
		"--e\r\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\r\n" + strings.ReplaceAll(string(sealed), "\n", "\r\n") + "\r\n--e--\r\n")
}

// hand hands a mail over, as a mail server does.
func (m *mailedPost) hand(mail string) error {
	m.t.Helper()
	conn, err := net.Dial("unix", m.door)
	if err != nil {
		m.t.Fatal(err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	return c.SendMail("anybody@elsewhere.example", []string{"registry@court.example"}, strings.NewReader(mail))
}

// thread is what `valise thread` tells somebody of the only thread.
func (m *mailedPost) thread(who ...string) (out threadJSON, status int) {
	m.t.Helper()
	threads, err := m.Portal.Correspond.Threads(m.t.Context(), m.Acting(m.Approver), "open")
	if err != nil || len(threads) != 1 {
		m.t.Fatalf("%d threads, %v", len(threads), err)
	}
	status, text, said := m.valise(append([]string{"thread", string(threads[0].Number), "--json"}, who...)...)
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&out); err != nil {
		m.t.Fatalf("%v, status %d: %s%s", err, status, text, said)
	}
	return out, status
}

func (m *mailedPost) valise(args ...string) (status int, out, said string) {
	m.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(m.t.Context(), "valise", append(args, "--server", m.URL, "--secret-file", m.secret)...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+m.trust)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// kept are reason and detail of the mails that are kept, newest first.
func (m *mailedPost) kept() (all []string) {
	m.t.Helper()
	mails, err := m.Store.KeptMails(m.t.Context(), 100)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, k := range mails {
		all = append(all, strings.TrimSpace(k.Reason+" "+k.Detail))
	}
	return all
}

const (
	plainPart  = "Content-Type: text/plain; charset=utf-8; protected-headers=\"v1\"\r\nSubject: The list\r\n\r\nQui a signé ?\r\n"
	withFile   = "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: text/plain\r\n\r\nAttached.\r\n--m\r\nContent-Type: text/csv; name=list.csv\r\nContent-Disposition: attachment; filename=list.csv\r\nContent-Transfer-Encoding: base64\r\n\r\neCx5\r\n--m--\r\n"
	htmlOnly   = "Content-Type: text/html\r\n\r\n<p>See <a href=\"https://evil.example/\">here</a><script>alert(1)</script><img src=\"https://evil.example/track.gif\"></p>\r\n"
	noticeable = "nobody may read this in a database"
)

// TestARepliesWayByEMail: from a notice that came by e-mail to the thread in which the desk reads the answer, and who wrote it; whatever else comes is kept, or changes nothing.
func TestARepliesWayByEMail(t *testing.T) {
	t.Parallel()
	m := openMailedPost(t)
	self := string(m.person.Key.Certificate().Fingerprint())
	other := m.Claim(m.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	m.gpg.Import([]byte(other.Key.Armor()))
	signed := func(inside string) []byte { return m.seal(inside, "--sign", "--local-user", self) }
	beside := func() string {
		signature := strings.ReplaceAll(string(m.gpg.Sign(self, []byte(plainPart))), "\n", "\r\n")
		return "Content-Type: multipart/signed; micalg=pgp-sha512; protocol=\"application/pgp-signature\"; boundary=s\r\n\r\n--s\r\n" + plainPart + "\r\n--s\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\n" + signature + "\r\n--s--\r\n"
	}
	bomb := m.gpg.Run(bytes.Repeat([]byte("0"), crypto.MaxMailedReply+1), "--armor", "--encrypt", "--recipient", m.desk, "--compress-algo", "bzip2")
	if len(bomb) > 1<<20 {
		t.Fatal("this is no bomb")
	}

	// What goes into the thread, and what the desk is told of it.
	first := m.pgpMIME(signed(plainPart))
	steps := []struct {
		name, mail    string
		text, subject string
		from          bool   // signed by the representative
		unsigned      string // else why nobody can say who wrote it, or a part of that
		problem       string // or why it isn't shown
		files         string
		html          bool
	}{
		{name: "signed", mail: first, text: "Qui a signé ?", subject: "The list", from: true, files: "mail.eml"},
		{name: "not signed, whatever the mail says outside", mail: m.pgpMIME(m.seal(noticeable)), text: noticeable, unsigned: notSigned, files: "mail.eml"},
		{name: "signed by another mailbox's representative", mail: m.pgpMIME(m.seal(plainPart, "--sign", "--local-user", string(other.Key.Certificate().Fingerprint()))), text: "Qui a signé ?", subject: "The list", unsigned: "no representative of " + string(m.person.Number.Mailbox), files: "mail.eml"},
		{name: "signed beside a part", mail: m.pgpMIME(m.seal(beside())), text: "Qui a signé ?", subject: "The list", from: true, files: "mail.eml"},
		{name: "altered beside the signature", mail: m.pgpMIME(m.seal(strings.Replace(beside(), "Qui a sign", "Qui n’a pas sign", 1))), text: "Qui n’a pas signé ?", subject: "The list", unsigned: "altered", files: "mail.eml"},
		{name: "clear-signed, in a text", mail: m.answering("Content-Type: text/plain\r\n\r\n" + string(m.seal(string(m.gpg.ClearSign(self, "Yes.\n"))))), text: "Yes.", from: true, files: "mail.eml"},
		{name: "in a file, base 64", mail: m.answering("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: application/octet-stream; name=reply.asc\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(signed("No.")) + "\r\n--x--\r\n"), text: "No.", from: true, files: "mail.eml"},
		{name: "with a file", mail: m.pgpMIME(signed(withFile)), text: "Attached.", from: true, files: "list.csv mail.eml"},
		{name: "HTML only", mail: m.pgpMIME(signed(htmlOnly)), text: "See here <https://evil.example/>", from: true, html: true, files: "mail.eml"},
		{name: "to hidden recipients", mail: m.pgpMIME(m.gpg.Run([]byte("Hidden."), "--armor", "--encrypt", "--throw-keyids", "--recipient", m.desk, "--recipient", self)), text: "Hidden.", unsigned: notSigned, files: "mail.eml"},
		{name: "a bomb", mail: m.pgpMIME(bomb), problem: "too large"},
		{name: "nothing for the desk behind a hidden recipient", mail: m.pgpMIME(m.gpg.Run([]byte("x"), "--armor", "--encrypt", "--throw-keyids", "--recipient", self)), problem: "none of the desk"},
	}
	for _, s := range steps {
		if err := m.hand(s.mail); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}

	// What does not: the same again, on whatever way; and what nobody could open, or that answers nothing of ours.
	again := "Received: from elsewhere\r\n" + strings.Replace(first, m.ids[len(m.ids)-1], m.ids[0], 1)
	for name, c := range map[string]struct{ mail, kept string }{
		"the same again":               {again, ""},
		"another key alone":            {m.pgpMIME(m.gpg.Encrypt([]byte("x"), self)), "encrypted other-key"},
		"garbage":                      {m.pgpMIME([]byte("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n")), "encrypted not-sealed"},
		"a password":                   {m.pgpMIME(m.gpg.Run([]byte("x"), "--armor", "--passphrase", "word", "--symmetric")), "encrypted not-sealed"},
		"no message":                   {m.pgpMIME(nil), "encrypted not-sealed"},
		"in answer to nothing of ours": {strings.Replace(m.pgpMIME(m.seal("x")), m.ids[len(m.ids)-1], "<"+strings.Repeat("0", 32)+"@court.example>", 1), "encrypted"},
		"words beside it":              {m.answering("Content-Type: text/plain\r\n\r\nDear desk,\r\n" + string(m.seal("Beside.")) + "\r\n-- \r\nMe\r\n"), "encrypted more-than-its-thread"},
	} {
		before := len(m.kept())
		if err := m.hand(c.mail); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		kept := m.kept()
		if c.kept == "" && len(kept) != before || c.kept != "" && (len(kept) != before+1 || !slices.Contains(kept, c.kept)) {
			t.Errorf("%s: kept %q, want %q more", name, kept, c.kept)
		}
	}
	if err := m.hand(m.pgpMIME(nil) + strings.Repeat(strings.Repeat("x", 998)+"\r\n", 65<<10)); err == nil {
		t.Error("a mail beyond all bounds is taken")
	}

	// The desk reads. The last is the one with words beside it.
	approver := m.keyFile(live.ApproverName, m.Approver)
	shown, status := m.thread("--key", approver, "--save-attachments", m.folder)
	if len(shown.Messages) != len(steps)+1 || shown.About == "" || shown.Gap {
		t.Fatalf("%d messages of %d, about %s, gap %v", len(shown.Messages), len(steps)+1, shown.About, shown.Gap)
	}
	if status != exitFailed {
		t.Errorf("status %d, and not all of it held", status)
	}
	for i, s := range steps {
		got := shown.Messages[i]
		if got.Kind != crypto.MailedReply || got.Mailed == nil && got.Problem == "" {
			t.Fatalf("%s: %+v", s.name, got)
		}
		if s.problem != "" {
			if !strings.Contains(got.Problem, s.problem) || got.Text != "" {
				t.Errorf("%s: problem %q, want %q", s.name, got.Problem, s.problem)
			}
			continue
		}
		var files []string
		for _, a := range got.Attachments {
			files = append(files, a.Name)
		}
		from := ""
		if s.from {
			from = m.person.Number.String()
		}
		if got.Problem != "" || got.Text != s.text || got.Subject != s.subject || got.From != from || !strings.Contains(got.Mailed.Unsigned, s.unsigned) || (got.Mailed.Unsigned == "") != s.from || got.Mailed.HTML != s.html || strings.Join(files, " ") != s.files || got.Mailed.Answers != m.person.Number.String() {
			t.Errorf("%s: %+v %+v, files %q", s.name, got, got.Mailed, files)
		}
	}
	if saved, err := os.ReadFile(filepath.Join(m.folder, "08-list.csv")); err != nil || string(saved) != "x,y" {
		t.Errorf("the file: %q, %v", saved, err)
	}
	if _, text, _ := m.valise("thread", string(shown.Thread), "--key", approver); !strings.Contains(text, "NOBODY CAN SAY WHO WROTE IT: "+notSigned) || !strings.Contains(text, "signed by "+m.person.Number.String()) {
		t.Errorf("in words:\n%s", text)
	}
	if threads, err := m.Portal.Correspond.Threads(t.Context(), m.Acting(m.Approver), "open"); err != nil || threads[0].Unread != 0 {
		t.Errorf("%d unread, %v", threads[0].Unread, err)
	}
	m.seenByTheMailbox(shown)
	m.answered(shown, approver)
	m.nothingInTheClear()
}

// seenByTheMailbox: representatives see that replies came, and get none of them.
func (m *mailedPost) seenByTheMailbox(desk threadJSON) {
	m.t.Helper()
	actor := portal.ActingRepresentative(m.person.Number)
	thread, messages, err := m.Portal.Correspond.Thread(m.t.Context(), actor, desk.Thread)
	if err != nil || len(messages) != len(desk.Messages) || thread.Unread != 0 || thread.Unshared != 0 {
		m.t.Errorf("%+v, %d messages, %v", thread, len(messages), err)
	}
	if _, body, err := m.Portal.Correspond.Message(m.t.Context(), actor, desk.Thread, messages[0].ID); portal.KindOf(err) != portal.NotFound || body != nil {
		m.t.Errorf("a representative gets a mail to the desk: %v", err)
	}
}

// answered: the desk answers as always, and names the mails that it saw; who reads the answer sees when one is held back.
func (m *mailedPost) answered(desk threadJSON, approver string) {
	m.t.Helper()
	text := m.write("en.md", []byte("# Re: the list\n\nThe registrar did.\n"))
	if status, out, said := m.valise("answer", string(desk.Thread), text, "--key", approver); status != exitDone {
		m.t.Fatalf("answering (%d): %s%s", status, out, said)
	}
	shown, _ := m.thread("--key", approver)
	if last := shown.Messages[len(shown.Messages)-1]; last.Kind != crypto.Answer || last.Problem != "" || len(last.Missing) != 0 || shown.Gap {
		m.t.Errorf("%+v", last)
	}
	// What an answer names is the octets of the mails: the ledger has the same digest.
	_, messages, err := m.Portal.Correspond.Thread(m.t.Context(), m.Acting(m.Approver), desk.Thread)
	if err != nil {
		m.t.Fatal(err)
	}
	_, body, err := m.Portal.Correspond.Message(m.t.Context(), m.Acting(m.Approver), desk.Thread, messages[0].ID)
	digest := sha256.Sum256(body)
	if err != nil || hex.EncodeToString(digest[:]) != messages[0].SHA256 {
		m.t.Errorf("the digest of a mail is another: %v", err)
	}
}

// nothingInTheClear looks for what somebody wrote in all that a thief of the disk has.
func (m *mailedPost) nothingInTheClear() {
	m.t.Helper()
	dsn, err := os.ReadFile(filepath.Join(m.folder, "database"))
	if err != nil {
		m.t.Fatal(err)
	}
	for _, name := range []string{string(dsn), string(dsn) + "-wal"} {
		data, err := os.ReadFile(name)
		if err != nil {
			m.t.Fatal(err)
		}
		for _, secret := range []string{noticeable, "anybody@elsewhere.example", "The list"} {
			if bytes.Contains(data, []byte(secret)) {
				m.t.Errorf("%q stands in %s", secret, filepath.Base(name))
			}
		}
	}
}

// keyFile locks somebody's key as `valise staff new` does.
func (m *mailedPost) keyFile(name string, key *crypto.Key) string {
	m.t.Helper()
	locked, err := lockKeyFile(&crypto.Bundle{Holder: name, Pin: m.Pin, Key: key}, live.Passphrase)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.write(strings.Fields(name)[0]+".key", locked)
}
