package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"valise/portal"
	"valise/portal/portaltest"
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

// receiptsComeBack: signed with gpg, with NeoMutt and with Thunderbird; handed over by LMTP, and fetched by IMAP. Programs encrypt what answers an encrypted mail, if they can; for a receipt, people switch that off.
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
