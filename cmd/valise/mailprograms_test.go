package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// mailHouse is an institution with a courier, which is a process of its own, and Postfix before it, in both directions; the recipients, with their mail programs and gpg, sit behind it.
type mailHouse struct {
	*postOffice
	postfix *portaltest.Postfix
	dovecot *portaltest.Dovecot // a second way in, with an address of its own
	closed  atomic.Bool         // the recipients' mail servers take nothing yet
	log     live.Log            // the courier's
	courier *portaltest.Program
	desk    *crypto.Key    // for mail programs
	people  []*live.Person // the first three have keys that mail programs open
	notice  crypto.Number
	content *crypto.Content // what the portal gives
	mime    []byte          // its octets
	mails   [][]byte        // to the first: receipt form, personal part, notice
}

// files go with the notice. Mail programs must show none of them by themselves.
var files = []crypto.Attachment{
	{Name: "timeline.csv", Type: "text/csv", Data: []byte("day,event\n5,found\n")},
	{Name: "Pièce jointe №1.bin", Type: "application/octet-stream", Data: everyOctet()},
	{Name: "report.html", Type: "text/html", Data: []byte("<img src=\"http://127.0.0.1:9/seen\"><p>Only a file.</p>\r\n")},
}

func everyOctet() (all []byte) {
	for i := range 1000 {
		all = append(all, byte(i))
	}
	return all
}

func openMailHouse(t *testing.T) *mailHouse {
	t.Helper()
	h := &mailHouse{postOffice: openPostOffice(t, filepath.Join(t.TempDir(), "portal.db"), nil)}
	h.closed.Store(true)
	h.sink = portaltest.StartMailSink(t, portaltest.MailSinkOptions{TLS: h.tls, Keep: true, Fault: func(at portaltest.Stage, _ string) portaltest.Fault {
		if at == portaltest.StageRcpt && h.closed.Load() {
			return portaltest.Fault{Answer: &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "later"}}
		}
		return portaltest.Fault{}
	}})
	h.dovecot = portaltest.StartDovecot(t, h.tls)
	uid, gid := h.dovecot.Owner()
	socket := filepath.Join(portaltest.SocketsForPostfix(t), "lmtp")
	h.postfix = portaltest.StartPostfix(t, h.sink.Address, h.tls,
		fmt.Sprintf("transport_maps = inline:{ {registry@court.example = lmtp:unix:%[1]s}, {bounces@court.example = lmtp:unix:%[1]s} }", socket), // as docs/email.md says
		"recipient_delimiter = +",
		"virtual_mailbox_domains = fetched.example", "virtual_mailbox_base = /", fmt.Sprintf("virtual_mailbox_maps = inline:{ {registry@fetched.example = %s/} }", h.dovecot.Maildir()),
		"virtual_minimum_uid = 1", fmt.Sprintf("virtual_uid_maps = static:%d", uid), fmt.Sprintf("virtual_gid_maps = static:%d", gid))
	_, port, _ := net.SplitHostPort(h.postfix.Address)
	h.settings[slices.Index(h.settings, "--mail")+1] = h.write("house.toml", fmt.Appendf(nil, `[institution]
from = "Registry <registry@court.example>"
bounces = "bounces@court.example"
reader = "https://reader.court.example/"
smarthost = "localhost:%[1]s"
tls-roots = %[2]q
[individuals]
from = "M. Post <post@neutral.example>"
smarthost = "localhost:%[1]s"
tls-roots = %[2]q
[imap]
server = %[3]q
user = %[4]q
password-file = %[5]q
tls-roots = %[2]q
`, port, h.tls.CertFile, h.dovecot.Address, h.dovecot.Username, h.write("imap", []byte(h.dovecot.Password))))
	h.settings = append(h.settings, "--lmtp", socket)
	h.desk = h.DeskMail("Registry", "registry@court.example", time.Now())
	h.start()
	h.send()
	return h
}

func (h *mailHouse) start() {
	cmd := exec.Command("valise", h.settings...)
	cmd.Stderr = &h.log
	h.courier = portaltest.Start(h.t, cmd)
}

// send releases the notice, and waits until Postfix has all mails.
func (h *mailHouse) send() {
	h.t.Helper()
	for i, who := range []struct {
		kind    crypto.Kind
		profile crypto.Profile
	}{{crypto.KindState, crypto.ProfileCompat}, {crypto.KindState, crypto.ProfileCompat}, {crypto.KindOrganisation, crypto.ProfileCompat}, {crypto.KindOrganisation, crypto.ProfilePQ}, {crypto.KindIndividual, crypto.ProfilePQ}} {
		person := h.Claim(h.Issue(who.kind, who.profile), who.profile)
		h.address(crypto.Address{Representative: person.Number, Email: fmt.Sprintf("reader%d@post.example", i), Asked: true})
		h.people = append(h.people, person)
	}
	draft := h.Draft() // in English and French; it asks for a receipt
	draft.Fallback = crypto.FallbackAtOnce
	draft.Languages = append(draft.Languages,
		crypto.LanguageVersion{Language: "ar", Subject: "نتائج تخصكم", Text: "ربما تكون البيانات التي عهدتم بها إلينا **قد قُرئت**.\n"},
		crypto.LanguageVersion{Language: "zh", Subject: "与贵方有关的调查结果", Text: "贵方委托我方保管的数据**可能**已被读取。" + strings.Repeat("长", 400) + "\n"}, // a line longer than mail allows
		crypto.LanguageVersion{Language: "ru", Subject: "Выводы, касающиеся вас", Text: "Данные, которые вы нам доверили, **могли** быть прочитаны.\n\n- раз\n- два\n"},
		crypto.LanguageVersion{Language: "es", Subject: "Conclusiones que le conciernen", Text: "Es posible que se hayan leído datos.\nFrom here on, a line that mail programs quote.\n.\n"})
	draft.Attachments = files
	draft.Personal = map[crypto.Number][]crypto.PersonalText{h.people[0].Number.Mailbox: {{Language: "en", Text: "Your file NV-114 was read.\n"}}}
	h.notice = h.Release(draft, h.people...)
	h.wait("Postfix has all mails", func() bool { return h.waiting() == 0 })

	delivery, err := h.Store.Delivery(h.t.Context(), h.people[0].Number, h.notice)
	h.must(err)
	body, err := h.Store.Body(h.t.Context(), h.notice, crypto.SuiteCompat)
	h.must(err)
	key, err := crypto.Unwrap(delivery.Envelope, h.people[0].Key)
	h.must(err)
	h.mime, _, err = crypto.OpenBody(body, key, h.Author.Certificate(), time.Now())
	h.must(err)
	h.content, err = crypto.ParseContent(h.mime)
	h.must(err)
}

// deliver has the recipients' mail servers take what Postfix has for them.
func (h *mailHouse) deliver() {
	h.t.Helper()
	h.closed.Store(false)
	// Three for each whose mail program opens one message a mail, one for each of the others.
	h.wait("all mails came", func() bool { return len(h.sink.Mails()) == 3*3+2 })
	h.mails = h.mailsTo(0)
	if len(h.mails) != 3 {
		h.t.Fatalf("%d mails for one reader", len(h.mails))
	}
}

// formSubject is the subject inside the mail that says what to sign.
func (h *mailHouse) formSubject() string { return "To acknowledge " + string(h.notice) }

// mailsTo are receipt form, personal part and notice for one of the people.
func (h *mailHouse) mailsTo(person int) (mails [][]byte) {
	for _, m := range h.sink.Mails() {
		if m.To == fmt.Sprintf("reader%d@post.example", person) {
			mails = append(mails, m.Data)
		}
	}
	slices.SortFunc(mails, func(a, b []byte) int { return h.rank(person, a) - h.rank(person, b) })
	return mails
}

var sealedBlock = regexp.MustCompile(`(?s)-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----`)

// rank tells by what is inside which of the mails it is: Postfix hands them on in any order.
func (h *mailHouse) rank(person int, mail []byte) int {
	envelope, _, err := crypto.SplitMessage(mail)
	if err != nil {
		h.t.Fatal(err)
	}
	delivery, err := h.Store.Delivery(h.t.Context(), h.people[person].Number, h.notice)
	h.must(err)
	if bytes.Equal(envelope, delivery.Envelope) {
		return 2
	}
	if _, _, err := crypto.OpenRecord(sealedBlock.Find(mail), []*crypto.Key{h.people[person].Key}, []*crypto.Certificate{h.key.Certificate()}, crypto.PurposeReceiptForm, time.Now()); err != nil {
		return 1
	}
	return 0
}

func (h *mailHouse) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *mailHouse) wait(what string, holds func() bool) {
	h.t.Helper()
	flush := time.Now().Add(500 * time.Millisecond)
	for end := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(20 * time.Millisecond) { // a mailbox is looked at once a minute
		if time.Now().After(flush) {
			h.postfix.Flush() // what others, or the courier, didn't take at first
			flush = time.Now().Add(time.Second)
		}
		if time.Now().After(end) {
			said := h.postfix.Log()
			h.t.Fatalf("it never came about that %s; the courier's log: %s\nPostfix: %s", what, h.log.String(), said[max(0, len(said)-4000):])
		}
	}
}

// TestRealMailPrograms: the mails of a courier, over Postfix, in the programs that people have; and what these send back, over Postfix, to the courier.
func TestRealMailPrograms(t *testing.T) {
	h := openMailHouse(t)
	t.Run("nothing is said on the way", h.nothingIsSaidOnTheWay)
	r := h.reader(t, 0)
	t.Run("Python", r.python)
	t.Run("notmuch", r.notmuch)
	t.Run("mu", r.mu)
	for _, m := range mutts {
		t.Run(m.name, func(t *testing.T) { r.mutt(t, m) })
	}
	b := portaltest.StartThunderbird(t)
	t.Run("Thunderbird", func(t *testing.T) { r.thunderbird(t, b) })
	t.Run("receipts come back", func(t *testing.T) { h.receiptsComeBack(t, r, b) })
	t.Run("encrypted replies come in", func(t *testing.T) { h.repliesComeIn(t, r, b) })
}

// nothingIsSaidOnTheWay: all that lies in Postfix's queue and log, and all that it says to the recipients' servers, in clear.
func (h *mailHouse) nothingIsSaidOnTheWay(t *testing.T) {
	queued := h.postfix.Spool()
	h.deliver()
	places := []portaltest.Place{
		{Name: "Postfix's spool, full", Data: queued}, {Name: "Postfix's spool and log, later", Data: h.postfix.Spool()}, {Name: "the wire", Data: h.sink.Wire()},
		{Name: "the courier's log", Data: []byte(h.log.String())},
	}
	for _, p := range places[:3] {
		if !bytes.Contains(p.Data, []byte("reader1@post.example")) {
			t.Errorf("there is nothing in %s to look at", p.Name)
		}
	}
	var secrets []portaltest.Secret
	secret := func(what, value string) {
		secrets = append(secrets, portaltest.Secret{What: what, Value: []byte(value), Guessable: true})
	}
	secret("the notice", string(h.notice))
	secret("the notice, bare", string(h.notice)[2:])
	secret("the institution", h.content.From)
	secret("the file of one mailbox", "NV-114")
	secret("the opening value", h.content.Opening)
	for _, l := range h.content.Languages {
		secret("a subject", l.Subject)
		secret("a text", l.Text[:min(len(l.Text), 40)])
	}
	for _, f := range files {
		secret("a file's name", f.Name)
	}
	for _, name := range []string{live.AuthorName, live.ApproverName, live.RegistrarName, "Courier 1"} {
		secret("somebody of the staff", name)
	}
	for _, p := range h.people {
		secret("a mailbox", string(p.Number.Mailbox))
		secret("a mailbox, bare", string(p.Number.Mailbox)[2:])
	}
	portaltest.NoLeaks(t, secrets, places...)
}

// reader is one of the people at their machine: gpg with their key and the certificates of author and courier, and mails in files.
type reader struct {
	*mailHouse
	person *live.Person
	email  string
	gpg    *portaltest.GnuPG
	folder string   // their home
	mails  []string // files: receipt form, personal part, notice
}

func (h *mailHouse) reader(t *testing.T, person int) *reader {
	t.Helper()
	r := &reader{mailHouse: h, person: h.people[person], email: fmt.Sprintf("reader%d@post.example", person), gpg: portaltest.GPG(t), folder: t.TempDir()}
	r.gpg.Import([]byte(r.person.Key.Armor()))
	r.gpg.Import([]byte(h.Author.Certificate().Armor()))
	r.gpg.Import([]byte(h.key.Certificate().Armor()))
	for i, data := range h.mailsTo(person) {
		r.mails = append(r.mails, r.file(fmt.Sprintf("%d.eml", i+1), data))
	}
	return r
}

func (r *reader) fingerprint() string { return string(r.person.Key.Certificate().Fingerprint()) }

func (r *reader) file(name string, data []byte) (path string) {
	path = filepath.Join(r.folder, name)
	r.must(os.WriteFile(path, data, 0o600))
	return path
}

// run runs a program as the reader does.
func (r *reader) run(t *testing.T, input []byte, program string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = r.folder
	cmd.Env = append(os.Environ(), "HOME="+r.folder, "GNUPGHOME="+r.gpg.Home(), "LC_ALL=C.UTF-8", "TERM=xterm", "TZ=UTC", "NOTMUCH_CONFIG="+filepath.Join(r.folder, "notmuch"))
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s (scripts/test-packages installs it): %v\n%s%s", program, err, out, errs.Bytes())
	}
	return out
}

// readText is what a text part of a language shows: subject, and text.
func readText(l crypto.LanguageVersion) string { return "Subject: " + l.Subject + "\n\n" + l.Text }

// python: its parser agrees with what the portal's client makes of the same octets, part by part.
func (r *reader) python(t *testing.T) {
	data, err := os.ReadFile(r.mails[2])
	r.must(err)
	opened := r.gpg.Decrypt(sealedBlock.Find(data))
	if !bytes.Equal(opened, r.mime) {
		t.Fatal("gpg opens other octets than the portal's")
	}
	out := r.run(t, opened, "python3", "-c", `
import sys, json, email, email.policy
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
def defects(p): return [str(d) for d in p.defects] + [d for q in (p.iter_parts() if p.is_multipart() else []) for d in defects(q)]
json.dump({"subject": m["Subject"], "from": str(m["From"]), "defects": defects(m), "parts": [{
	"type": p.get_content_type(), "language": p["Content-Language"], "disposition": p.get_content_disposition(), "name": p.get_filename() or "", "data": p.get_payload(decode=True).hex()} for p in m.iter_parts()]}, sys.stdout)
`)
	var parsed struct {
		Subject, From string
		Defects       []string
		Parts         []struct{ Type, Language, Disposition, Name, Data string }
	}
	r.must(json.Unmarshal(out, &parsed))
	languages, attached := r.content.Languages, r.content.Attachments
	if parsed.Subject != languages[0].Subject || !strings.HasPrefix(parsed.From, `"`+r.content.From+`"`) || len(parsed.Defects) > 0 || len(parsed.Parts) != len(languages)+1+len(attached) {
		t.Fatalf("Python reads %+v", parsed)
	}
	for i, l := range languages {
		if p := parsed.Parts[i]; p.Type != "text/plain" || p.Language != l.Language || p.Disposition != "inline" || p.Data != fmt.Sprintf("%x", strings.ReplaceAll(readText(l), "\n", "\r\n")) {
			t.Errorf("Python reads the part in %s as %+v", l.Language, p)
		}
	}
	for i, a := range attached {
		if p := parsed.Parts[len(languages)+1+i]; p.Type != a.Type || p.Name != a.Name || p.Disposition != "attachment" || p.Data != fmt.Sprintf("%x", a.Data) {
			t.Errorf("Python reads the attachment %s as %+v", a.Name, p)
		}
	}
}

// notmuch: subject from inside, decrypted and its signature good, all languages, files to the octet. It is what Emacs, alot, aerc and NeoMutt's own index show.
func (r *reader) notmuch(t *testing.T) {
	for _, sub := range []string{"cur", "new", "tmp"} {
		r.must(os.MkdirAll(filepath.Join(r.folder, "maildir", sub), 0o700))
	}
	for i, path := range r.mails {
		data, err := os.ReadFile(path)
		r.must(err)
		r.file(fmt.Sprintf("maildir/cur/%d:2,", i), data)
	}
	r.file("notmuch", fmt.Appendf(nil, "[database]\npath=%s/maildir\n[user]\nname=Reader\nprimary_email=reader0@post.example\n[index]\ndecrypt=true\n", r.folder))
	r.run(t, nil, "notmuch", "new")
	for i, want := range []string{r.formSubject(), r.content.Languages[0].Subject, r.content.Languages[0].Subject} {
		data, err := os.ReadFile(r.mails[i])
		r.must(err)
		m, err := mail.ReadMessage(bytes.NewReader(data))
		r.must(err)
		id := "id:" + strings.Trim(m.Header.Get("Message-Id"), "<>")
		var threads [][][]json.RawMessage
		r.must(json.Unmarshal(r.run(t, nil, "notmuch", "show", "--decrypt=true", "--format=json", "--include-html", "--entire-thread=false", id), &threads))
		var shown struct {
			Headers map[string]string
			Crypto  struct {
				Signed    struct{ Status []struct{ Status string } }
				Decrypted struct {
					Status string
					Mask   map[string]string `json:"header-mask"`
				}
			}
		}
		r.must(json.Unmarshal(threads[0][0][0], &shown))
		if shown.Headers["Subject"] != want || shown.Crypto.Decrypted.Status != "full" || shown.Crypto.Decrypted.Mask["Subject"] != "..." || len(shown.Crypto.Signed.Status) != 1 || shown.Crypto.Signed.Status[0].Status != "good" {
			t.Errorf("notmuch shows mail %d as %+v", i+1, shown)
		}
		if i < 2 {
			continue
		}
		part := func(n int) []byte { // 1: multipart/encrypted, 2: its version, 3: what is sealed, and then the parts
			return r.run(t, nil, "notmuch", "show", "--decrypt=true", "--format=raw", fmt.Sprintf("--part=%d", 4+n), id)
		}
		for n, l := range r.content.Languages {
			if got := strings.ReplaceAll(string(part(n)), "\r\n", "\n"); got != readText(l) {
				t.Errorf("notmuch shows the part in %s as %q", l.Language, got)
			}
		}
		for n, a := range r.content.Attachments {
			if !bytes.Equal(part(len(r.content.Languages)+1+n), a.Data) {
				t.Errorf("notmuch saves %s with other octets", a.Name)
			}
		}
		// It finds the mail by what is only inside.
		if found := string(r.run(t, nil, "notmuch", "search", "--output=messages", "entrusted")); strings.TrimSpace(found) != id {
			t.Errorf("notmuch finds %q", found)
		}
	}
}

// mu shows the outer subject, as it knows no protected headers; the real ones stand above each text, which is what they are there for.
func (r *reader) mu(t *testing.T) {
	shown := string(r.run(t, nil, "mu", "view", "--decrypt", "--nocolor", r.mails[2]))
	for _, l := range r.content.Languages {
		if !strings.Contains(shown, strings.TrimSuffix(readText(l), "\n")) {
			t.Errorf("mu does not show the text in %s:\n%s", l.Language, shown)
		}
	}
	saved := filepath.Join(r.folder, "mu")
	r.must(os.Mkdir(saved, 0o700))
	r.run(t, nil, "mu", "extract", "--decrypt", "--save-attachments", "--target-dir="+saved, r.mails[2])
	for _, a := range r.content.Attachments {
		if data, err := os.ReadFile(filepath.Join(saved, strings.ReplaceAll(a.Name, " ", "-"))); err != nil || !bytes.Equal(data, a.Data) {
			t.Errorf("mu saves %s with other octets (%v)", a.Name, err)
		}
	}
}

// mutts are the programs, with each of the two ways in which they use gpg.
var mutts = []struct{ name, program, gpg string }{
	{"NeoMutt over GPGME", "neomutt", "set crypt_use_gpgme=yes"},
	{"NeoMutt over gpg", "neomutt", "source /etc/neomuttrc.d/gpg.rc\nset crypt_use_gpgme=no"},
	{"mutt over GPGME", "mutt", "set crypt_use_gpgme=yes"},
	{"mutt over gpg", "mutt", "source /etc/Muttrc.d/gpg.rc\nset crypt_use_gpgme=no"},
}

// press starts mutt or NeoMutt on a mail, on a terminal as they need one, and presses keys, named as they name what keys do.
func (r *reader) press(t *testing.T, program, settings, mailbox, keys string) {
	t.Helper()
	rc := r.file("rc", []byte(settings+"\nset folder="+r.folder+"\nset wait_key=no\nset prompt_after=no\nset charset=utf-8\nset sort=mailbox-order\nset header_cache=\"\"\nset record=\"\"\nunset confirmcreate confirmappend mark_old\npush '"+keys+"'\n"))
	r.run(t, nil, "script", "-qec", program+" -n -F "+rc+" -f "+mailbox, "/dev/null")
}

// mailbox is a mail as a mailbox of its own.
func (r *reader) mailbox(mail string) (path string) {
	data, err := os.ReadFile(mail)
	r.must(err)
	return r.file(filepath.Base(mail)+".mbox", slices.Concat([]byte("From registry@court.example Mon Jan  5 12:00:00 2026\n"), bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\n")))
}

// marks are what mutt puts before lines that come from itself, so that its pager knows.
var marks = regexp.MustCompile("\x1b\\][0-9;]*\x07")

// display opens a mail, and returns what the pager shows.
func (r *reader) display(t *testing.T, program, settings, mail string) string {
	t.Helper()
	shown := filepath.Join(r.folder, "shown")
	_ = os.Remove(shown)
	r.press(t, program, settings+"\nset display_filter=\"tee "+shown+"\"", r.mailbox(mail), "<display-message><exit><quit>")
	data, err := os.ReadFile(shown)
	if err != nil {
		t.Fatal(err)
	}
	return marks.ReplaceAllString(string(data), "")
}

func (r *reader) mutt(t *testing.T, m struct{ name, program, gpg string }) {
	for i, want := range []string{"---- from here ----\nvalise acknowledgement v1\n", "Your file NV-114 was read.", "\nopening: " + r.content.Opening + "\n"} {
		subject := r.content.Languages[0].Subject
		if i == 0 {
			subject = r.formSubject()
		}
		shown := r.display(t, m.program, m.gpg, r.mails[i])
		_, inside, ok := strings.Cut(shown, "[-- The following data is PGP/MIME ") // "signed and encrypted", or "encrypted"
		if !ok || !strings.Contains(inside, "\nSubject: "+subject+"\n") || !strings.Contains(inside, want) || strings.Count(shown, "Good signature from") != 1 {
			t.Errorf("mail %d:\n%s", i+1, shown)
		}
		if i < 2 {
			continue
		}
		for _, l := range r.content.Languages {
			if !strings.Contains(inside, readText(l)) {
				t.Errorf("the text in %s is not shown:\n%s", l.Language, inside)
			}
		}
		for _, a := range r.content.Attachments {
			if !strings.Contains(inside, ": "+a.Name+" --]") {
				t.Errorf("the attachment %s is not shown:\n%s", a.Name, inside)
			}
		}
	}
	// Each file is saved as people do it; the whole is kept decrypted.
	saved, keys := t.TempDir(), "<view-attachments>"
	for i := range files {
		keys += fmt.Sprintf("<last-entry>%s<save-entry><kill-line>%s/%d<enter>", strings.Repeat("<previous-entry>", len(files)-1-i), saved, i)
	}
	r.press(t, m.program, m.gpg, r.mailbox(r.mails[2]), keys+"<exit><decrypt-copy><kill-line>"+saved+"/decrypted<enter><quit>")
	for i, a := range files {
		want := a.Data
		if m.program == "mutt" && strings.HasPrefix(a.Type, "text/") { // it gives the line ends of texts the form that files have on this machine
			want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
		}
		if data, err := os.ReadFile(filepath.Join(saved, fmt.Sprint(i))); err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s is saved with other octets (%v): %q", a.Name, err, data)
		}
	}
	decrypted, err := os.ReadFile(filepath.Join(saved, "decrypted"))
	_, body, _ := bytes.Cut(r.mime, []byte("\r\n\r\n"))
	if body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")); err != nil || !bytes.Contains(bytes.ReplaceAll(decrypted, []byte("\n>From "), []byte("\nFrom ")), bytes.TrimSpace(body)) {
		t.Errorf("what it keeps decrypted is not the portal's (%v):\n%s", err, decrypted)
	}
}

// thunderbird shows all that mutt does. It calls the signature uncertain: it would have the address in From among the names in the author's certificate.
func (r *reader) thunderbird(t *testing.T, b *portaltest.Thunderbird) {
	b.ImportOwn(r.person.Key.Armor(), r.fingerprint())
	b.Account(r.email, r.fingerprint(), r.postfix.Address, r.tls)
	b.ImportVerified(r.Author.Certificate().Armor())
	b.ImportVerified(r.key.Certificate().Armor())
	for i, want := range []string{"---- from here ----\nvalise acknowledgement v1\n", "Your file NV-114 was read.", "\nopening: " + r.content.Opening + "\n"} {
		subject := r.content.Languages[0].Subject
		if i == 0 {
			subject = r.formSubject()
		}
		data, err := os.ReadFile(r.mails[i])
		r.must(err)
		shown := b.Open(data)
		if shown.Subject != subject || !strings.Contains(shown.From, "registry@court.example") || !strings.Contains(shown.Text, want) || shown.Encryption != "Message Is Encrypted" || shown.Signature != "Uncertain Digital Signature" {
			t.Errorf("mail %d is shown as %q from %q: %s, %s\n%s", i+1, shown.Subject, shown.From, shown.Encryption, shown.Signature, shown.Text)
		}
		if i < 2 {
			continue
		}
		for _, l := range r.content.Languages {
			if !strings.Contains(shown.Text, readText(l)) {
				t.Errorf("the text in %s is not shown: %q", l.Language, shown.Text)
			}
		}
		if strings.Contains(shown.Text, "Only a file.") || len(shown.Attachments) != len(files) {
			t.Errorf("%d attachments; text: %s", len(shown.Attachments), shown.Text)
			continue
		}
		for n, a := range files {
			if got := shown.Attachments[n]; got.Name != a.Name || got.Type != a.Type || !bytes.Equal(got.Data, a.Data) {
				t.Errorf("the attachment %s is shown as %+v", a.Name, got)
			}
		}
	}
}
