package courier_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// answering is a notice that asks for a receipt, and somebody with gpg and a mail program who got it by e-mail.
type answering struct {
	*post
	t      *testing.T
	person *live.Person
	notice crypto.Number
	gpg    *portaltest.GnuPG
	inbox  *courier.Inbox
	text   string // what is to be signed, "opening" filled in
	mails  []portaltest.Mail
}

func newAnswering(t *testing.T, o live.Options) *answering {
	t.Helper()
	a := &answering{post: newPost(t, o, portaltest.MailSinkOptions{}), t: t}
	a.person = a.claimed(crypto.KindState, crypto.ProfileCompat)
	a.address(a.person, nil)
	draft := a.Draft()
	draft.Fallback = crypto.FallbackAtOnce
	a.notice = a.Release(draft, a.person)
	c := a.courier(a.config())
	a.until(c, "it is sent", a.is("sent "))
	a.inbox = courier.NewInbox(c, a.Store, a.Portal.Dispatch)
	a.mails = a.sink.Mails()
	if len(a.mails) != 2 {
		t.Fatalf("%d mails, not the form and the notice", len(a.mails))
	}
	a.gpg = portaltest.GPG(t)
	a.gpg.Run([]byte(a.person.Key.Armor()), "--import")
	for _, staff := range []*crypto.Key{a.key, a.Author} {
		a.gpg.Run([]byte(staff.Certificate().Armor()), "--import")
	}
	open := func(i int) string {
		_, all := parts(t, a.mails[i].Data)
		return strings.ReplaceAll(string(a.gpg.Run(all[1].body, "--decrypt")), "\r\n", "\n")
	}
	form, notice := open(0), open(1)
	_, rest, ok := strings.Cut(form, "\n---- from here ----\n")
	text, _, ok2 := strings.Cut(rest, "---- to here ----")
	_, opening, ok3 := strings.Cut(notice, "\nopening: ")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("the form does not say what to sign:\n%s", form)
	}
	opening, _, _ = strings.Cut(opening, "\n")
	a.text = strings.Replace(text, "opening:\n", "opening: "+opening+"\n", 1)
	if a.text == text {
		t.Fatalf("the form has no line for the opening value:\n%s", text)
	}
	return a
}

func (a *answering) sign(text string) string {
	return string(a.gpg.Run([]byte(text), "--clearsign"))
}

// take hands a mail in and returns what became of it.
func (a *answering) take(raw string, to ...string) courier.Fate {
	a.t.Helper()
	if len(to) == 0 {
		to = []string{"registry@court.example"}
	}
	fate, err := a.inbox.Take(a.t.Context(), to, []byte(raw))
	must(a.t, err)
	return fate
}

func (a *answering) acknowledged() bool {
	a.t.Helper()
	_, err := a.Store.Acknowledgement(a.t.Context(), a.notice, a.person.Number.Mailbox)
	if err != nil && portal.KindOf(err) != portal.NotFound {
		a.t.Fatal(err)
	}
	return err == nil
}

// kept are reason and detail of what is kept.
func (a *answering) kept() (all []string) {
	a.t.Helper()
	mails, err := a.Store.KeptMails(context.Background(), 100)
	must(a.t, err)
	for _, m := range mails {
		all = append(all, strings.TrimSpace(m.Reason+" "+m.Detail))
	}
	return all
}

const head = "From: Somebody <somebody@mission.example>\r\nTo: registry@court.example\r\nSubject: Re: ...\r\nMIME-Version: 1.0\r\n"

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// python writes a mail with Python's package, as a program does that knows nothing of Go's parsers.
func python(t *testing.T, script, input string) string {
	t.Helper()
	cmd := exec.Command("python3", "-c", "import sys, email, email.policy\nfrom email.message import EmailMessage\ntext = sys.stdin.read()\nm = EmailMessage(policy=email.policy.SMTP)\nm['From'], m['To'], m['Subject'] = 'somebody@mission.example', 'registry@court.example', 'Re: ...'\n"+script+"\nsys.stdout.buffer.write(m.as_bytes())")
	cmd.Stdin = strings.NewReader(input)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.Bytes())
	}
	return string(out)
}

// quoted puts marks before each line.
func quoted(text string) string {
	return "> " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n> ") + "\n"
}

// TestAReceiptInWhateverShapeMailProgramsGiveIt: signed with gpg, and mangled in each way that is known of mail programs.
func TestAReceiptInWhateverShapeMailProgramsGiveIt(t *testing.T) {
	shapes := map[string]func(t *testing.T, signed string) string{
		"as it is":      func(_ *testing.T, s string) string { return head + "Content-Type: text/plain\r\n\r\n" + crlf(s) },
		"with LF alone": func(_ *testing.T, s string) string { return strings.ReplaceAll(head, "\r\n", "\n") + "\n" + s },
		"words around": func(_ *testing.T, s string) string {
			return head + "\r\n" + crlf("Dear Registry,\n\n"+s+"\n-- \nSomebody\n")
		},
		"quoted": func(_ *testing.T, s string) string { return head + "\r\n" + crlf("Somebody wrote:\n"+quoted(s)) },
		"quoted twice": func(_ *testing.T, s string) string {
			return head + "\r\n" + crlf("Somebody wrote:\n"+quoted(quoted(s)))
		},
		"spaces added": func(_ *testing.T, s string) string { return head + "\r\n" + strings.ReplaceAll(s, "\n", " \t\r\n") },
		"flowed": func(_ *testing.T, s string) string {
			return head + "Content-Type: text/plain; charset=utf-8; format=flowed\r\n\r\n" + crlf(strings.ReplaceAll(s, "manifest-sha256: ", "manifest-sha256: \n"))
		},
		"flowed, DelSp": func(_ *testing.T, s string) string {
			return head + "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n" + crlf(strings.ReplaceAll(s, "manifest-sha256: ", "manifest-sha256:  \n"))
		},
		"lines broken": func(_ *testing.T, s string) string {
			return head + "\r\n" + crlf(strings.NewReplacer("manifest-sha256: ", "manifest-sha256:\n", "opening: ", "opening:\n").Replace(s))
		},
		"base 64": func(_ *testing.T, s string) string {
			return head + "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(crlf(s))) + "\r\n"
		},
		"no-break space": func(_ *testing.T, s string) string {
			return head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + crlf(strings.ReplaceAll(s, ": ", ":\u00a0"))
		},
		"quoted-printable": func(t *testing.T, s string) string {
			return python(t, "m.set_content(text, cte='quoted-printable')", s)
		},
		"text and HTML": func(t *testing.T, s string) string {
			return python(t, "m.set_content(text)\nm.add_alternative('<pre>' + text + '</pre>', subtype='html')", s)
		},
		"a file": func(t *testing.T, s string) string {
			return python(t, "m.set_content('Attached.')\nm.add_attachment(text.encode(), maintype='application', subtype='octet-stream', filename='receipt.txt.asc')", s)
		},
		"inside a signed mail": func(t *testing.T, s string) string {
			return python(t, "m.set_content(text)\nm.make_mixed()\nm.replace_header('Content-Type', 'multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha512')\nm.add_attachment(b'-----BEGIN PGP SIGNATURE-----', maintype='application', subtype='pgp-signature', filename='signature.asc')", s)
		},
		"forwarded in a mail of many parts": func(t *testing.T, s string) string {
			return python(t, "m.set_content('see below')\nfor i in range(5): m.add_attachment(b'GIF89a', maintype='image', subtype='gif', filename='logo%d.gif' % i)\nm.add_attachment(text)", s)
		},
	}
	a := newAnswering(t, live.Options{})
	signed := a.sign(a.text)
	recorded := false
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			want := courier.FateRepeated // one signature is one receipt, in whatever shape it comes
			if !recorded {
				want, recorded = courier.FateReceipt, true
			}
			fate, err := a.inbox.Take(t.Context(), nil, []byte(shape(t, signed)))
			must(t, err)
			if fate != want {
				t.Errorf("it is taken as %q, want %q; kept: %q", fate, want, a.kept())
			}
		})
	}
	if !a.acknowledged() || len(a.kept()) != 0 {
		t.Errorf("acknowledged: %t, kept: %q", a.acknowledged(), a.kept())
	}
	delivery, err := a.Store.Delivery(t.Context(), a.person.Number, a.notice)
	must(t, err)
	if delivery.OpenedAt.IsZero() {
		t.Error("whoever knows the opening value has opened the notice")
	}
	// What is kept is what gpg verifies, and what the portal gives out as evidence.
	if out := a.gpg.Run(delivery.Acknowledgement.Receipt, "--decrypt"); string(out) != a.text {
		t.Errorf("gpg reads %q", out)
	}
	evidence, err := a.Portal.Dispatch.Evidence(t.Context(), delivery.Acknowledgement.Receipt)
	must(t, err)
	if evidence.Kept.Representative != a.person.Number {
		t.Errorf("evidence: %+v", evidence.Kept)
	}
	// The notice is acknowledged once; another receipt changes nothing, and somebody looks at it.
	second := a.sign(strings.Replace(a.text, "decision: acknowledged", "decision: refused", 1))
	if fate := a.take(head + "\r\n" + second); fate != courier.FateKept || a.kept()[0] != "receipt already-acknowledged" {
		t.Errorf("a second receipt: %q, %q", fate, a.kept())
	}
}

// TestWhatChangesNothing: it is kept for the desk, sealed, with why; nothing is acknowledged, nothing returned.
func TestWhatChangesNothing(t *testing.T) {
	a := newAnswering(t, live.Options{})
	other := a.claimed(crypto.KindState, crypto.ProfileCompat)
	stranger, err := crypto.GenerateKey(crypto.ProfileCompat, a.person.Number.String(), time.Now()) // their number, and another key
	must(t, err)
	clear := func(k *crypto.Key, text string) string {
		signed, err := crypto.ClearSign(k, crypto.PurposeAcknowledgement, []byte(text), time.Now())
		must(t, err)
		return string(signed)
	}
	change := func(line, to string) string {
		i := strings.Index(a.text, "\n"+line+": ") + 1
		end := i + strings.IndexByte(a.text[i:], '\n')
		return a.text[:i] + line + ": " + to + a.text[end:]
	}
	empty := a.text[:strings.Index(a.text, "opening: ")] + "opening:" + a.text[strings.Index(a.text, "\nrepresentative"):]
	deep := "x"
	for i := range 20 {
		deep = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--\r\n", i, i, deep, i)
	}
	zip := "UEsDBBQAAAAIAA==" + strings.Repeat("AAAA", 100)
	for name, c := range map[string]struct{ mail, kept string }{
		"no signature":              {head + "\r\n" + a.text, "receipt not-signed"},
		"the opening value missing": {head + "\r\n" + a.sign(empty), "receipt invalid-receipt"},
		"a guessed opening value":   {head + "\r\n" + a.sign(change("opening", strings.Repeat("0", 64))), "receipt invalid-receipt"},
		"the nonce of a session":    {head + "\r\n" + a.sign(change("session-nonce", strings.Repeat("0", 32))), "receipt wrong-nonce"},
		"another's key":             {head + "\r\n" + clear(other.Key, a.text), "receipt invalid-receipt"},
		"a key with their number":   {head + "\r\n" + clear(stranger, a.text), "receipt invalid-receipt"},
		"another's name":            {head + "\r\n" + a.sign(change("representative", other.Number.String())), "receipt no-notice"},
		"a notice there isn't":      {head + "\r\n" + a.sign(change("notice", string(crypto.NewNumber(crypto.KindNotice)))), "receipt no-notice"},
		"altered on the way":        {head + "\r\n" + strings.Replace(a.sign(a.text), "decision: acknowledged", "decision: refused", 1), "receipt invalid-receipt"},
		"long ago":                  {head + "\r\n" + a.sign(change("time", "2020-01-01T00:00:00Z")), "receipt invalid-receipt"},
		"From alone":                {head + "\r\nI acknowledge receipt.\r\n", "other"},
		"out of office":             {"Auto-Submitted: auto-replied\r\n" + head + "\r\nI am away.\r\n", "automatic"},
		"encrypted":                 {head + "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n-----END PGP MESSAGE-----\r\n--b--\r\n", "encrypted"},
		"nested too deeply":         {head + deep, "broken"},
		"a thousand parts":          {head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 1000) + "--b--\r\n", "broken"},
		"no boundary":               {head + "Content-Type: multipart/mixed\r\n\r\nx", "broken"},
		"a header without an end":   {strings.Repeat("X-Filler: 0123456789\r\n", 20_000), "broken"},
		"a zip":                     {head + "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + zip, "other"},
		"nothing":                   {"", "other"},
		"one line of a megabyte":    {head + "\r\n" + strings.Repeat("-----BEGIN PGP SIGNED MESSAGE-----", 30_000), "other"},
	} {
		before := len(a.kept())
		if fate := a.take(c.mail); fate != courier.FateKept {
			t.Errorf("%s: it is taken as %q", name, fate)
		}
		if kept := a.kept(); len(kept) != before+1 || kept[0] != c.kept {
			t.Errorf("%s: kept %q, want %q first", name, kept, c.kept)
		}
		a.take(c.mail) // once more
		if len(a.kept()) != before+1 {
			t.Errorf("%s: the same mail is kept twice", name)
		}
	}
	if a.acknowledged() || a.outbox() != "sent " {
		t.Errorf("acknowledged: %t, outbox: %s", a.acknowledged(), a.outbox())
	}

	// The desk opens what is kept, and nobody else does.
	mails, err := a.Store.KeptMails(t.Context(), 1000)
	must(t, err)
	for _, m := range mails {
		kept, err := a.Store.KeptMail(t.Context(), m.ID)
		must(t, err)
		raw, _, err := crypto.OpenRecord(kept.Record, []*crypto.Key{a.Author}, []*crypto.Certificate{a.key.Certificate()}, crypto.PurposeKeptMail, time.Now())
		must(t, err)
		if int64(len(raw)) != m.Size {
			t.Errorf("%d octets of %d", len(raw), m.Size)
		}
		if _, _, err := crypto.OpenRecord(kept.Record, []*crypto.Key{a.Registrar}, []*crypto.Certificate{a.key.Certificate()}, crypto.PurposeKeptMail, time.Now()); err == nil {
			t.Error("a registrar opens what is sealed to the desk")
		}
	}
	counts, err := a.Store.MailCounts(t.Context(), time.Now().Add(-48*time.Hour))
	must(t, err)
	if len(counts) == 0 {
		t.Error("nothing is counted")
	}
}

// TestWhoseAccessEndedAcknowledgesNothing by e-mail either.
func TestWhoseAccessEndedAcknowledgesNothing(t *testing.T) {
	a := newAnswering(t, live.Options{})
	signed := a.sign(a.text)
	chains, err := a.Store.Certificates(t.Context(), a.person.Number)
	must(t, err)
	issued, err := crypto.ParseCertificate(chains[a.person.Number][0])
	must(t, err)
	time.Sleep(1100 * time.Millisecond) // signatures have seconds
	revoked, err := crypto.RevokeRepresentative(a.Registrar, issued, a.person.Number, time.Now())
	must(t, err)
	reason, err := crypto.SealRecord([]byte("left"), a.Registrar, crypto.PurposeDetails, []*crypto.Certificate{a.Registrar.Certificate()}, time.Now())
	must(t, err)
	must(t, a.Portal.Registry.Revoke(t.Context(), a.Acting(a.Registrar), registry.Revoking{Representative: a.person.Number, Certificate: revoked.Bytes(), Reason: reason}))
	if fate := a.take(head + "\r\n" + signed); fate != courier.FateKept || a.acknowledged() {
		t.Errorf("%q; acknowledged: %t", fate, a.acknowledged())
	}
	if kept := a.kept(); len(kept) != 1 || kept[0] != "receipt revoked" {
		t.Errorf("kept: %q", kept)
	}
}

// dsn is what Postfix writes when a mail could not be delivered.
func dsn(action, status, to, envelope, id string) string {
	return "From: MAILER-DAEMON@relay.example\r\nTo: " + to + "\r\nSubject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n" +
		"--b\r\nContent-Description: Notification\r\n\r\nI'm sorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n" + envelope + "\r\nFinal-Recipient: rfc822; somebody@mission.example\r\nAction: " + action + "\r\nStatus: " + status + "\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + id + "Subject: ...\r\n\r\n--b--\r\n"
}

// TestAMailThatComesBack is seen by staff, by whatever it is known again; one that is forged changes nothing, and none disables anything.
func TestAMailThatComesBack(t *testing.T) {
	for name, database := range map[string]func() string{"SQLite": func() string { return filepath.Join(t.TempDir(), "portal.db") }, "PostgreSQL": func() string { return portaltest.PostgreSQL(t) }} {
		t.Run(name, func(t *testing.T) {
			a := newAnswering(t, live.Options{Database: database()})
			main := a.mails[1]
			header, _ := parts(t, main.Data)
			id, err := header.MessageID()
			must(t, err)
			other := "bounces+" + strings.Repeat("0", 32) + "@court.example"

			if fate := a.take(dsn("failed", "5.1.1", other, "", ""), other); fate != courier.FateKept || a.outbox() != "sent " {
				t.Errorf("forged: %q; %s", fate, a.outbox())
			}
			if fate := a.take(dsn("delivered", "2.0.0", main.From, "", ""), main.From); fate != courier.FateKept || a.outbox() != "sent " {
				t.Errorf("delivered: %q; %s", fate, a.outbox())
			}
			if fate := a.take(head+"\r\nThis address is not monitored.\r\n", main.From); fate != courier.FateKept || a.outbox() != "sent " {
				t.Errorf("no report: %q; %s", fate, a.outbox())
			}
			if fate := a.take(dsn("delayed", "4.4.1", main.From, "", ""), main.From); fate != courier.FateDelayed || a.outbox() != "sent delayed 4.4.1" {
				t.Errorf("delayed: %q; %s", fate, a.outbox())
			}
			unreachable := func() int {
				n, err := a.Store.Unreachable(t.Context(), a.notice)
				must(t, err)
				return n
			}
			if unreachable() != 0 {
				t.Error("unreachable before anything came back")
			}
			for how, mail := range map[string]struct{ to, raw string }{
				"return address":        {main.From, dsn("failed", "5.1.1", main.From, "", "")},
				"the name for reports":  {"registry@court.example", dsn("failed", "5.1.1", "registry@court.example", "Original-Envelope-Id: "+main.EnvelopeID+"\r\n", "")},
				"Message-ID":            {"registry@court.example", dsn("failed", "5.1.1", "registry@court.example", "", "Message-ID: <"+id+">\r\n")},
				"in capitals":           {strings.ToUpper(main.From), dsn("failed", "5.1.1", main.From, "", "")},
				"the form's Message-ID": {"registry@court.example", dsn("failed", "5.1.1", "registry@court.example", "", formID(t, a))},
			} {
				if fate := a.take(mail.raw, mail.to); fate != courier.FateReturned || a.outbox() != "dead returned 5.1.1" {
					t.Errorf("%s: %q; %s", how, fate, a.outbox())
				}
			}
			if unreachable() != 1 {
				t.Error("staff do not see that it came back")
			}
			events, err := a.Store.NoticeEvents(t.Context(), a.notice, a.person.Number.Mailbox)
			must(t, err)
			if last := events[len(events)-1]; len(events) != 2 || last.Kind != portal.RelayToNonERDSFailure || last.Via != portal.ViaEMail {
				t.Errorf("%d events, the last one %+v", len(events), last)
			}
			// They answer all the same, and nothing was disabled.
			if fate := a.take(head + "\r\n" + a.sign(a.text)); fate != courier.FateReceipt || unreachable() != 0 {
				t.Errorf("after it: %q, %d unreachable", fate, unreachable())
			}
			must(t, a.Portal.Mail.Retry(t.Context(), a.Acting(a.Author), a.notice, a.person.Number))
		})
	}
}

func formID(t *testing.T, a *answering) string {
	header, _ := parts(t, a.mails[0].Data)
	id, err := header.MessageID()
	must(t, err)
	return "Message-ID: <" + id + ">\r\n"
}

// TestAFloodIsBounded: what is kept for one reason pushes out older mail of that reason, and nothing else; all of it is counted.
func TestAFloodIsBounded(t *testing.T) {
	for name, database := range map[string]func() string{"SQLite": func() string { return filepath.Join(t.TempDir(), "portal.db") }, "PostgreSQL": func() string { return portaltest.PostgreSQL(t) }} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t, live.Options{Database: database()}, portaltest.MailSinkOptions{})
			at := time.Now()
			keep := func(id int, reason string, size int) (bool, int) {
				kept, dropped, err := p.Store.KeepMail(t.Context(), courier.KeptMail{ID: fmt.Sprintf("%032x", id), ReceivedAt: at.Add(time.Duration(id) * time.Second), Reason: reason, Size: 1, Record: make([]byte, size)}, 5, 1000)
				must(t, err)
				return kept, dropped
			}
			keep(1, courier.KeptReceipt, 10)
			for i := range 8 {
				if kept, dropped := keep(10+i, courier.KeptOther, 10); !kept || dropped != max(0, i-4)-max(0, i-5) {
					t.Errorf("the %dth: %t, %d dropped", i+1, kept, dropped)
				}
			}
			if kept, dropped := keep(20, courier.KeptOther, 995); !kept || dropped != 5 {
				t.Errorf("a large one: %t, %d dropped", kept, dropped)
			}
			if kept, _ := keep(20, courier.KeptOther, 995); kept {
				t.Error("the same again is kept")
			}
			all, err := p.Store.KeptMails(t.Context(), 100)
			must(t, err)
			if len(all) != 2 || all[0].Reason != courier.KeptOther || all[1].Reason != courier.KeptReceipt {
				t.Errorf("kept: %+v", all)
			}
			must(t, p.Store.RemoveKeptMail(t.Context(), all[0].ID))
			if err := p.Store.RemoveKeptMail(t.Context(), all[0].ID); portal.KindOf(err) != portal.NotFound {
				t.Errorf("once more: %v", err)
			}
			must(t, p.Store.CountMail(t.Context(), "kept other", 2, at))
			must(t, p.Store.CountMail(t.Context(), "kept other", 3, at))
			counts, err := p.Store.MailCounts(t.Context(), at.Add(-time.Hour))
			must(t, err)
			if len(counts) != 1 || counts[0].Mails != 5 || counts[0].What != "kept other" {
				t.Errorf("counts: %+v", counts)
			}
		})
	}
}

// TestSizes: what is larger than its kind may be is refused before it is looked at.
func TestSizes(t *testing.T) {
	a := newAnswering(t, live.Options{})
	for name, c := range map[string]struct {
		kind string
		size int
		ok   bool
	}{
		"a text":                 {"text/plain", courier.MaxOtherMail - 1000, true},
		"too large a text":       {"text/plain", courier.MaxOtherMail + 1, false},
		"a large report":         {"multipart/report; boundary=b", courier.MaxOtherMail + 1000, true},
		"too large a report":     {"multipart/report; boundary=b", courier.MaxReport + 1, false},
		"too large an encrypted": {"multipart/encrypted; boundary=b", courier.MaxEncryptedMail + 1, false},
	} {
		header := head + "Content-Type: " + c.kind + "\r\n\r\n"
		_, err := a.inbox.Receive(t.Context(), nil, strings.NewReader(header+strings.Repeat("x", c.size-len(header))))
		if c.ok != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzInbox(f *testing.F) {
	f.Add([]byte(head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nvalise acknowledgement v1\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\r\n--b--\r\n"))
	f.Add([]byte(dsn("failed", "5.1.1", "bounces+00000000000000000000000000000000@court.example", "", "Message-ID: <x@y>\r\n")))
	f.Add([]byte("Content-Type: text/plain; format=flowed\nContent-Transfer-Encoding: quoted-printable\n\n> -----BEGIN PGP SIGNED MESSAGE-----=\n"))
	f.Fuzz(func(t *testing.T, raw []byte) { courier.LookAt(raw) })
}
