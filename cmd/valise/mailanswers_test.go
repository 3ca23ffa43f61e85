package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal"
	"valise/portal/correspond"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// receiptText is what somebody does with what their mail program shows of form and notice: they copy the lines to sign, and put the opening value in.
func (r *reader) receiptText(t *testing.T) string {
	t.Helper()
	_, form, ok := strings.Cut(r.display(t, "neomutt", "", r.mails[0]), "\n---- from here ----\n")
	form, _, ok2 := strings.Cut(form, "---- to here ----\n")
	_, opening, ok3 := strings.Cut(r.display(t, "neomutt", "", r.mails[2]), "\nopening: ")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("what is to be signed is not shown: %s", form)
	}
	opening, _, _ = strings.Cut(opening, "\n")
	return strings.Replace(form, "\nopening:\n", "\nopening: "+opening+"\n", 1)
}

// reply answers a mail with NeoMutt, over Postfix.
func (r *reader) reply(t *testing.T, settings, mail, text string) {
	t.Helper()
	r.write(t, settings, mail, "<reply><send-message><quit>", text)
}

// write is the same with keys of the caller's.
func (r *reader) write(t *testing.T, settings, mail, keys, text string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(r.postfix.Address)
	editor := r.file("edit", fmt.Appendf(nil, "cp %q \"$1\"\n", r.file("answer", []byte(text))))
	settings += fmt.Sprintf("\nset editor=\"sh %s\"\nset smtp_url=smtp://127.0.0.1:%s\nset ssl_starttls=yes ssl_force_tls=yes ssl_ca_certificates_file=%s\nset from=%s realname=Reader use_from=yes hostname=post.example\n", editor, port, r.tls.CertFile, r.email) +
		"set fast_reply=yes include=no abort_unmodified=no abort_nosubject=no abort_noattach=no askcc=no edit_headers=no\nset crypt_protected_headers_write=yes\n"
	r.press(t, "neomutt", settings, r.mailbox(mail), keys)
}

// acknowledged says whether there is a receipt of the reader's mailbox.
func (r *reader) acknowledged() bool {
	_, err := r.Store.Acknowledgement(r.t.Context(), r.notice, r.person.Number.Mailbox)
	if err != nil && portal.KindOf(err) != portal.NotFound {
		r.t.Fatal(err)
	}
	return err == nil
}

// receiptsComeBack: signed with gpg, with NeoMutt and with Thunderbird; handed over by LMTP, and fetched by IMAP. NeoMutt would encrypt what answers an encrypted mail; for a receipt, people switch that off.
func (h *mailHouse) receiptsComeBack(t *testing.T, withThunderbird *reader, b *portaltest.Thunderbird) {
	h.courier.Stop() // meanwhile, mail waits with Postfix and with Dovecot
	clear, beside := h.reader(t, 1), h.reader(t, 2)
	clear.reply(t, "set crypt_replyencrypt=no", clear.mails[0], "Dear Registry,\n\n"+string(clear.gpg.ClearSign(clear.fingerprint(), clear.receiptText(t)))+"\n-- \nReader\n")
	beside.write(t, "set crypt_autosign=yes pgp_sign_as="+beside.fingerprint(), beside.mails[0], "<mail>registry@fetched.example<enter>Receipt<enter><send-message><quit>", beside.receiptText(t))
	h.wait("a mail is in the mailbox that is fetched", func() bool { return h.dovecot.Mails("") == 1 })
	h.start()
	h.wait("a clear-signed receipt is taken", clear.acknowledged)
	h.wait("a receipt that NeoMutt signed is fetched", beside.acknowledged)

	form, err := os.ReadFile(withThunderbird.mails[0])
	h.must(err)
	b.Reply(form, withThunderbird.receiptText(t), false)
	h.wait("a receipt that Thunderbird signed is taken", withThunderbird.acknowledged)
	kept, err := h.Store.KeptMails(t.Context(), 100)
	h.must(err)
	if len(kept) > 0 || h.dovecot.Mails("") > 0 {
		t.Errorf("something was kept aside: %+v", kept)
	}
}

// repliesComeIn: encrypted and signed by NeoMutt, which does so by itself when it answers an encrypted mail, and by Thunderbird; each gets into a thread, where the desk reads it, and by whom it is.
func (h *mailHouse) repliesComeIn(t *testing.T, withThunderbird *reader, b *portaltest.Thunderbird) {
	withNeoMutt := h.reader(t, 1)
	withNeoMutt.gpg.Import(announced(t, h.mailsTo(1)[2]))
	withNeoMutt.run(t, []byte(withNeoMutt.fingerprint()+":6:\n"), "gpg", "--batch", "--import-ownertrust")
	withNeoMutt.run(t, nil, "gpg", "--batch", "--yes", "--quick-lsign-key", string(h.desk.Certificate().Fingerprint())) // they compared it
	withNeoMutt.reply(t, "set crypt_autosign=yes pgp_sign_as="+withNeoMutt.fingerprint(), withNeoMutt.mails[2], "Who read it?\n\nNous voudrions le savoir : §, ë, 数据.\n")

	b.ImportVerified(h.desk.Certificate().Armor())
	notice, err := os.ReadFile(withThunderbird.mails[2])
	h.must(err)
	b.Reply(notice, "What was read?\n\nNous voudrions le savoir : §, ë, 数据.\n", true)
	var threads []correspond.Thread
	h.wait("both replies are in threads", func() bool {
		threads, err = h.Portal.Correspond.Threads(t.Context(), h.Acting(h.Approver), "open")
		h.must(err)
		return len(threads) == 2
	})
	read := map[string]mailedReply{}
	for _, thread := range threads {
		if thread.About != h.notice {
			t.Errorf("a thread is about %s", thread.About)
		}
		var said struct{ Messages []mailedReply }
		h.must(json.Unmarshal(h.asApprover(t, "thread", string(thread.Number), "--json"), &said))
		read[said.Messages[0].From] = said.Messages[0]
	}
	for _, r := range []*reader{withNeoMutt, withThunderbird} {
		if got := read[r.person.Number.String()]; got.Kind != crypto.MailedReply || got.Unsigned != "" || got.Problem != "" || got.Subject != "Re: ..." || !strings.Contains(got.Text, "Nous voudrions le savoir : §, ë, 数据.") {
			t.Errorf("the desk reads %+v", read)
		}
	}
}

// mailedReply is what the command line shows of one.
type mailedReply struct {
	Kind                                   crypto.MessageKind
	From, Subject, Text, Unsigned, Problem string
}

// asApprover runs a command as a member of the desk.
func (h *mailHouse) asApprover(t *testing.T, command string, args ...string) []byte {
	t.Helper()
	locked, err := lockKeyFile(&crypto.Bundle{Holder: live.ApproverName, Pin: h.Pin, Key: h.Approver}, live.Passphrase)
	h.must(err)
	cmd := exec.CommandContext(t.Context(), "valise", append([]string{command, "--server", h.URL, "--key", h.write("approver.key", locked), "--secret-file", h.write("approver.secret", []byte(live.Passphrase+"\n"))}, args...)...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+certificateOf(t, h.Server))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("valise %s: %v\n%s%s", command, err, out, errs.Bytes())
	}
	return out
}

// announced is the certificate in a mail's Autocrypt header.
func announced(t *testing.T, raw []byte) []byte {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	_, encoded, _ := strings.Cut(m.Header.Get("Autocrypt"), "keydata=")
	certificate, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, " ", ""))
	if err != nil || len(certificate) == 0 {
		t.Fatalf("no certificate is announced: %q", m.Header.Get("Autocrypt"))
	}
	return certificate
}
