package web_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

const strangersMail = "From: somebody@elsewhere.example\r\nSubject: <script>alert(1)</script>\r\n\r\nI acknowledge receipt.\r\n"

// keepMails keeps a mail for each reason, as a courier does: sealed to the desk. They are named 000…1 and on, in the order of reasons.
func keepMails(t *testing.T, p *live.Server, reasons ...string) (names []string, keeper *crypto.Certificate) {
	t.Helper()
	key := p.Hire("Courier 1", crypto.RoleCourier)
	record, err := crypto.SealRecord([]byte(strangersMail), key, crypto.PurposeKeptMail, []*crypto.Certificate{p.Author.Certificate(), p.Approver.Certificate()}, time.Now())
	must(t, err)
	for i, reason := range reasons {
		m := courier.KeptMail{ID: strings.Repeat("0", 31) + string("123456789"[i]), ReceivedAt: time.Now().Add(-time.Duration(i) * time.Minute), Reason: reason, Size: int64(len(strangersMail)), Record: record}
		if reason == courier.KeptReceipt {
			m.Detail = "not-signed"
		}
		_, _, err := p.Store.KeepMail(t.Context(), m, 100, 1<<20)
		must(t, err)
		must(t, p.Store.CountMail(t.Context(), "kept "+reason, 1, time.Now()))
		names = append(names, m.ID)
	}
	for _, what := range []string{"receipt", "repeated", "repeated other", "returned", "delayed", "dropped other"} {
		must(t, p.Store.CountMail(t.Context(), what, 2, time.Now()))
	}
	return names, key.Certificate()
}

var allReasons = []string{courier.KeptReceipt, courier.KeptEncrypted, courier.KeptReturn, courier.KeptAutomatic, courier.KeptBroken, courier.KeptOther, courier.KeptCommand}

// TestMailThatCameIsForTheDesk: who may know that there is mail sees the list; authors and approvers alone get what is sealed to them, and remove it; the page shows no word of a mail.
func TestMailThatCameIsForTheDesk(t *testing.T) {
	p := live.Portal(t, live.Options{})
	names, keeper := keepMails(t, p, allReasons...)
	as := func(key *crypto.Key) *visitor {
		v := newVisitor(t, p)
		v.logIn(fingerprint(key), key)
		return v
	}
	author, approver := as(p.Author), as(p.Approver)
	list, one := "/staff/mail", "/staff/mail/"+names[0]

	for name, reader := range map[string]*visitor{"registrar": as(p.Registrar), "auditor": as(p.Hire("Ola Auditor", crypto.RoleAuditor))} {
		var in api.MailIn
		reader.get(list).into(t, 200, &in)
		if len(in.Kept) != len(names) {
			t.Errorf("%s: %d mails", name, len(in.Kept))
		}
		reader.page(list, 200)
		reader.get(one).wantFailure(t, 403, "author-only")
		reader.do("DELETE", api.Root+one, nil).wantFailure(t, 403, "author-only")
	}
	administrator := as(p.Hire("Ada Ministrator", crypto.RoleAdministrator))
	for _, path := range []string{list, one} {
		administrator.get(path).wantFailure(t, 403, "author-only")
	}
	administrator.page(list, 403)
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	representative, stranger := newVisitor(t, p), newVisitor(t, p)
	representative.logIn(person.Number.String(), person.Key)
	for _, path := range []string{list, one} {
		if a := representative.get(path); a.StatusCode != 403 {
			t.Errorf("a representative gets %d from %s", a.StatusCode, path)
		}
		if a := stranger.get(path); a.StatusCode != 401 {
			t.Errorf("nobody gets %d from %s", a.StatusCode, path)
		}
	}
	if a := representative.do("DELETE", api.Root+one, nil); a.StatusCode != 403 {
		t.Errorf("a representative removes a mail: %d", a.StatusCode)
	}

	var in api.MailIn
	author.get(list).into(t, 200, &in)
	if len(in.Kept) != len(names) || in.Kept[0].ID != names[0] || in.Kept[0].Detail != "not-signed" || in.Kept[0].Size != int64(len(strangersMail)) || len(in.Counts) != len(names)+6 {
		t.Errorf("the author's list: %+v", in)
	}
	var kept api.SealedMail
	approver.get(one).into(t, 200, &kept)
	raw, _, err := crypto.OpenRecord(kept.Record, []*crypto.Key{p.Approver}, []*crypto.Certificate{keeper}, crypto.PurposeKeptMail, time.Now())
	must(t, err)
	if string(raw) != strangersMail {
		t.Errorf("the approver reads %q", raw)
	}
	if bytes.Contains(kept.Record, []byte("acknowledge receipt")) {
		t.Error("the record is in clear")
	}
	author.get("/staff/mail/0F").wantFailure(t, 400, "invalid-mail")
	author.get("/staff/mail/"+strings.Repeat("f", 32)).wantFailure(t, 404, "no-mail")

	for language, words := range map[string][]string{
		"en": {"E-mail that came", "An acknowledgement that was not taken", "Encrypted, and in no thread", "Given up for newer ones – Something else", "Had come before – Something else"},
		"fr": {"Courriels reçus", "Un accusé de réception qui n’a pas été accepté", "et dans aucun fil", "Abandonnés au profit de plus récents", "Déjà arrivés"},
	} {
		page := author.page(list+"?lang="+language, 200)
		for _, want := range append(words, "not-signed", names[5], `data-reason="broken"`) {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", language, want)
			}
		}
		if strings.Contains(page, "mail-in.") || strings.Contains(page, "alert(1)") {
			t.Errorf("%s: the page shows the name of a text, or a mail's words", language)
		}
	}
	author.do("DELETE", api.Root+one, nil).want(t, 204)
	author.do("DELETE", api.Root+one, nil).wantFailure(t, 404, "no-mail")
	approver.get(list).into(t, 200, &in)
	if len(in.Kept) != len(names)-1 {
		t.Errorf("%d mails are left", len(in.Kept))
	}
}

// TestMailThatCameInTheBrowser: everybody can use the page, with something on it and with nothing.
func TestMailThatCameInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	chandra := f.desk(t, live.RegistrarName, f.Registrar, "/staff/mail", "mail_in")
	chandra.sees("#kept", "Nothing is kept")
	portaltest.Axe(t, chandra.Browser, "mail_in, empty")
	keepMails(t, f.Server, allReasons...)
	chandra.visit("/staff/mail", "mail_in")
	chandra.sees("#kept", "and in no thread")
	chandra.sees("#counts", "Acknowledgements taken")
	portaltest.Axe(t, chandra.Browser, "mail_in")
	chandra.looks("mail-in")
}
