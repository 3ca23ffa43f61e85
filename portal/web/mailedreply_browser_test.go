package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestTheDeskReadsRepliesByEMailInTheBrowser: text as text, and who signed it, or plainly that nobody did. The mailbox sees that they came.
func TestTheDeskReadsRepliesByEMailInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	desk := f.DeskMail("Registry", "registry@court.example", time.Now())
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
	n := f.Release(f.Draft(), person)
	gpg := portaltest.GPG(t)
	gpg.Import([]byte(desk.Certificate().Armor()))
	gpg.Import([]byte(person.Key.Armor()))
	const hostile = "Content-Type: text/html\r\n\r\n<p>Pay <a href=\"https://evil.example/\">here</a></p><script>document.body.textContent = 'owned'</script><img src=\"https://evil.example/track.gif\" alt=\"logo\">\r\n"
	const signed = "Content-Type: multipart/mixed; boundary=m\r\nSubject: The list\r\n\r\n--m\r\nContent-Type: text/plain\r\n\r\nWho <b>signed</b> **it**?\r\n--m\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=list.csv\r\n\r\nname,date\r\n--m--\r\n"
	for _, m := range []portal.MailedReply{
		{Notice: n, Answers: person.Number, Message: gpg.Run([]byte(signed), "--armor", "--sign", "--local-user", string(person.Key.Certificate().Fingerprint()), "--encrypt", "--recipient", string(desk.Certificate().Fingerprint()))},
		{Notice: n, Answers: person.Number, Message: gpg.Encrypt([]byte(hostile), string(desk.Certificate().Fingerprint()))},
	} {
		if created, err := f.Portal.Correspond.TakeMail(t.Context(), m); err != nil || !created {
			t.Fatal(created, err)
		}
	}

	staff := newReader(t, f)
	staff.visit("/staff/inbox", "staff_login")
	staff.logInStaff(f.keyFile(t, live.ApproverName, f.Approver), live.Passphrase, "thread_inbox")
	staff.sees("#waiting .subject", "begun by e-mail")
	staff.sees("#waiting .facts", "2 unread messages")
	staff.press("#waiting a")
	staff.arrive("thread_desk")
	staff.sees("#messages li:nth-child(1) .writer", "Signed by "+person.Number.String())
	staff.sees("#messages li:nth-child(1) .subject", "The list")
	staff.sees("#messages li:nth-child(1) .prose", "Who <b>signed</b> **it**?")
	staff.sees("#messages li:nth-child(2) .writer.stop", "Not signed: nobody can say who wrote this.")
	staff.sees("#messages li:nth-child(2) .prose", "Pay here <https://evil.example/>")
	if text := portaltest.Read(staff.Browser, chromedp.Evaluate[string]("document.querySelector('#messages li:nth-child(2)').innerHTML")); strings.Contains(text, "<img") || strings.Contains(text, "owned") {
		t.Errorf("HTML of a stranger's is on the page: %s", text)
	}
	if name, data := staff.Download(chromedp.Click(css("#messages li:nth-child(1) [data-attachment='0']"))); name != "list.csv" || !strings.HasPrefix(string(data), "name,date") {
		t.Errorf("%s: %q", name, data)
	}
	portaltest.Axe(t, staff.Browser, "thread-desk-mail")
	thread := portaltest.Read(staff.Browser, chromedp.Evaluate[string]("document.getElementById('thread').dataset.thread"))
	staff.typeInto("#write-subject", "The list")
	staff.typeInto("#write-text", "The registrar did.")
	staff.press("#send")
	staff.sees("#messages li[data-kind=answer] .prose", "The registrar did.")
	staff.wantNoProblems()

	r := newReader(t, f)
	r.visit("/threads/"+thread, "login")
	r.logIn(person.Number.String(), live.Passphrase, "thread")
	r.sees("#messages li:nth-child(1)", "It came by e-mail, in answer to one of ours")
	r.sees("#messages li:nth-child(1) .prose", "Sealed to the desk")
	r.sees("#messages li[data-kind=answer] .prose", "The registrar did.")
	if r.isVisible("#gap") {
		t.Error("a mail that the mailbox can't open counts as one that is missing")
	}
	portaltest.Axe(t, r.Browser, "thread-mail")
	r.wantNoProblems()
}
