package courier_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-message/textproto"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-smtp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// post is a portal with a courier and a mail server to hand mail to.
type post struct {
	*live.Server
	t    testing.TB
	key  *crypto.Key // the courier's
	sink *portaltest.MailSink
	tls  *portaltest.Certificate
	log  *live.Log

	mutex sync.Mutex
	ahead time.Duration // the courier's clock is
}

func newPost(t testing.TB, o live.Options, sink portaltest.MailSinkOptions) *post {
	t.Helper()
	p := &post{Server: live.Portal(t, o), t: t, tls: portaltest.TLS(t), log: new(live.Log)}
	_, p.key = p.Employ("Courier 1", crypto.RoleCourier)
	sink.TLS = p.tls
	p.sink = portaltest.StartMailSink(t, sink)
	return p
}

func (p *post) now() time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return time.Now().Add(p.ahead)
}

func (p *post) pass(d time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.ahead += d
}

// address lets the registrar's client set an address.
func (p *post) address(person *live.Person, change func(*crypto.Address)) {
	p.t.Helper()
	a := crypto.Address{Representative: person.Number, Email: "somebody@mission.example", Policy: crypto.MailAsNotice}
	if change != nil {
		change(&a)
	}
	var to []*crypto.Staff
	for _, k := range []*crypto.Key{p.key, p.Registrar} {
		member, err := p.Portal.Root.VerifyStaff(k.Certificate(), time.Now())
		must(p.t, err)
		to = append(to, member)
	}
	record, err := crypto.SealAddress(a, p.Registrar, to, time.Now())
	must(p.t, err)
	must(p.t, p.Portal.Registry.SetAddress(p.t.Context(), p.Acting(p.Registrar), person.Number, record))
}

func (p *post) claimed(kind crypto.Kind, profile crypto.Profile) *live.Person {
	p.t.Helper()
	return p.Claim(p.Issue(kind, profile), profile)
}

func (p *post) identity(from string) *courier.Identity {
	return &courier.Identity{From: from, Server: courier.Server{Smarthost: p.sink.Address, Roots: p.tls.Pool}}
}

func (p *post) config() courier.Config {
	institution := p.identity("Registry <registry@court.example>")
	institution.Bounces, institution.Reader = "bounces@court.example", "https://reader.court.example/"
	return courier.Config{Institution: institution, Individuals: p.identity("M. Post <post@neutral.example>"), Poll: 20 * time.Millisecond, Lease: 2 * time.Second}
}

func (p *post) courier(config courier.Config) *courier.Courier {
	p.t.Helper()
	return p.courierOf(p.Store, config)
}

func (p *post) courierOf(db courier.Store, config courier.Config) *courier.Courier {
	p.t.Helper()
	c, err := courier.New(db, p.Portal.Root, p.key, nil, config, slog.New(slog.NewJSONHandler(p.log, nil)), p.now)
	must(p.t, err)
	return c
}

// until runs a courier until something holds.
func (p *post) until(c *courier.Courier, what string, holds func() bool) {
	p.t.Helper()
	ctx, stop := context.WithCancel(p.t.Context())
	var group sync.WaitGroup
	group.Go(func() { c.Run(ctx) })
	defer group.Wait()
	defer stop()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("it never came about that %s; the outbox: %s\nlog: %s", what, p.outbox(), p.log)
		}
	}
}

func (p *post) outbox() string {
	entries, err := p.Store.Outbox(context.Background(), "", "", 1000)
	must(p.t, err)
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %s; ", e.State, e.Reason)
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// entry is the state and reason of the outbox's only entry.
func (p *post) is(want string) func() bool {
	return func() bool { return p.outbox() == want }
}

// atOnce asks for nothing, so that there is one mail to each.
func atOnce(p *live.Server) *crypto.Draft {
	d := p.Draft()
	d.Fallback, d.Acknowledge, d.Deadline = crypto.FallbackAtOnce, false, time.Time{}
	return d
}

// part is a leaf of a mail.
type part struct {
	contentType string
	body        []byte
}

// parts takes a mail apart.
func parts(t *testing.T, data []byte) (mail.Header, []part) {
	t.Helper()
	r, err := mail.CreateReader(bytes.NewReader(data))
	must(t, err)
	var all []part
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return r.Header, all
		}
		must(t, err)
		body, err := io.ReadAll(p.Body)
		must(t, err)
		var contentType string
		switch h := p.Header.(type) {
		case *mail.InlineHeader:
			contentType, _, _ = h.ContentType()
		case *mail.AttachmentHeader:
			contentType, _, _ = h.ContentType()
		}
		all = append(all, part{contentType, body})
	}
}

// TestACompatMailIsWhatGnuPGOpens: with gpg and Python's parser, as somebody has them who never heard of Valise; and what it opens is what the portal gives.
func TestACompatMailIsWhatGnuPGOpens(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindState, crypto.ProfileCompat)
	p.address(person, nil)
	draft := atOnce(p.Server)
	draft.Attachments = []crypto.Attachment{{Name: "timeline.csv", Type: "text/csv", Data: []byte("day,event\n5,found\n")}}
	number := p.Release(draft, person)
	p.until(p.courier(p.config()), "the mail is sent", p.is("sent "))

	mails := p.sink.Mails()
	if len(mails) == 2 {
		mails = mails[1:] // behind its papers
	}
	if len(mails) != 1 || mails[0].To != "somebody@mission.example" || !strings.HasPrefix(mails[0].From, "bounces+") {
		t.Fatalf("%d mails: %+v", len(mails), mails)
	}
	python := exec.Command("python3", "-c", `
import sys, email, email.policy
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
assert not m.defects, m.defects
assert m.get_content_type() == "multipart/encrypted" and m.get_param("protocol") == "application/pgp-encrypted", m.get_content_type()
version, sealed = m.iter_parts()
assert not version.defects and not sealed.defects
assert version.get_content_type() == "application/pgp-encrypted" and version.get_payload().strip() == "Version: 1", version.get_payload()
assert sealed.get_content_type() == "application/octet-stream" and sealed.get_filename() == "encrypted.asc"
sys.stdout.write(sealed.get_payload())
`)
	python.Stdin = bytes.NewReader(mails[0].Data)
	var errs bytes.Buffer
	python.Stderr = &errs
	armored, err := python.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.Bytes())
	}
	g := portaltest.GPG(t)
	g.Run([]byte(person.Key.Armor()), "--import")
	g.Run([]byte(p.Author.Certificate().Armor()), "--import")
	opened := g.Run(armored, "--decrypt")

	delivery, err := p.Store.Delivery(t.Context(), person.Number, number)
	must(t, err)
	body, err := p.Store.Body(t.Context(), number, crypto.SuiteCompat)
	must(t, err)
	key, err := crypto.Unwrap(delivery.Envelope, person.Key)
	must(t, err)
	content, _, err := crypto.OpenBody(body, key, p.Author.Certificate(), time.Now())
	must(t, err)
	if !bytes.Equal(opened, content) {
		t.Error("gpg opens other octets than the portal's")
	}
	if !bytes.Contains(opened, []byte("Subject: Findings that concern you")) {
		t.Error("the subject is missing inside")
	}
	if envelope, same, err := crypto.SplitMessage(armored); err != nil || !bytes.Equal(envelope, delivery.Envelope) || !bytes.Equal(same, body) {
		t.Errorf("the mail is not around exactly envelope and body: %v", err)
	}
}

// TestNothingIsSaidOutside: no name, subject, number or certificate's fingerprint in what crosses the wire.
func TestNothingIsSaidOutside(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{Keep: true})
	secret := []string{"Findings", "Constatations", "entrusted", live.AuthorName, live.ApproverName, live.RegistrarName, "somebody's name", "deadline", "notice", "N-"}
	var people []*live.Person
	for i, who := range []struct {
		kind    crypto.Kind
		profile crypto.Profile
	}{{crypto.KindState, crypto.ProfilePQ}, {crypto.KindOrganisation, crypto.ProfileCompat}, {crypto.KindIndividual, crypto.ProfilePQ}, {crypto.KindIndividual, crypto.ProfileCompat}} {
		person := p.claimed(who.kind, who.profile)
		p.address(person, func(a *crypto.Address) {
			a.Email = fmt.Sprintf("reader%d@post.example", i)
			a.Asked = true
		})
		people = append(people, person)
		number := person.Number.String()
		secret = append(secret, string(person.Number.Mailbox), number, strings.ReplaceAll(number, "/", "."), string(person.Number.Mailbox)[2:])
	}
	number := p.Release(atOnce(p.Server), people...)
	secret = append(secret, string(number), string(number)[2:])
	p.until(p.courier(p.config()), "all is sent", p.is("sent ; sent ; sent ; sent "))
	for _, text := range secret {
		for _, spelled := range []string{text, strings.ToLower(text), base64.StdEncoding.EncodeToString([]byte(text)), fmt.Sprintf("%x", text)} {
			if bytes.Contains(p.sink.Wire(), []byte(spelled)) {
				t.Errorf("%q is said outside", spelled)
			}
		}
		if len(text) > 5 && strings.Contains(p.log.String(), text) {
			t.Errorf("the log says %q", text)
		}
	}
	if strings.Contains(p.log.String(), "post.example") {
		t.Error("the log says where a mail went")
	}
	ids := map[string]bool{}
	for _, m := range p.sink.Mails() {
		header, all := parts(t, m.Data)
		from, _ := header.Text("From")
		subject, _ := header.Subject()
		date, err := header.Date()
		must(t, err)
		id, err := header.MessageID()
		must(t, err)
		ids[id] = true
		individual := strings.Contains(from, "neutral.example")
		if individual && bytes.Contains(bytes.ToLower(m.Data), []byte("court")) {
			t.Errorf("a mail to an individual names the institution:\n%.2000s", m.Data)
		}
		if !individual && !strings.Contains(from, "registry@court.example") || subject != "..." || date.Minute() != 0 || date.Second() != 0 || time.Since(date) > time.Hour {
			t.Errorf("from %q, subject %q, date %s", from, subject, date)
		}
		if len(m.Data) != 16<<10 && len(m.Data) != 64<<10 {
			t.Errorf("a mail has %d octets", len(m.Data))
		}
		for _, field := range []string{"List-Id", "List-Unsubscribe", "Sender", "Reply-To", "User-Agent", "X-Mailer", "Precedence", "Auto-Submitted"} {
			if header.Has(field) {
				t.Errorf("a mail has a field %s", field)
			}
		}
		switch len(all) { // what mail programs open, or a cover with the notice and its papers
		case 2, 3:
		default:
			t.Errorf("a mail has %d parts", len(all))
		}
	}
	if len(ids) != 6 {
		t.Errorf("%d Message-IDs", len(ids))
	}
}

// TestAPortalKeyGetsAFile: what no mail program opens comes as a file, with a few neutral words and where the reader is.
func TestAPortalKeyGetsAFile(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindOrganisation, crypto.ProfilePQ)
	p.address(person, func(a *crypto.Address) { a.Subject = "Réunion de mardi" })
	number := p.Release(atOnce(p.Server), person)
	p.until(p.courier(p.config()), "the mail is sent", p.is("sent "))
	header, all := parts(t, p.sink.Mails()[0].Data)
	if subject, _ := header.Subject(); subject != "Réunion de mardi" {
		t.Errorf("subject %q", subject)
	}
	if len(all) != 3 || all[0].contentType != "text/plain" || !strings.Contains(string(all[0].body), "sealed message for you") || !strings.Contains(string(all[0].body), "https://reader.court.example/") {
		t.Fatalf("parts: %s", all)
	}
	envelope, body, err := crypto.SplitMessage(all[1].body)
	must(t, err)
	stored, err := p.Store.Body(t.Context(), number, crypto.SuitePQ)
	must(t, err)
	if !bytes.Equal(body, stored) {
		t.Error("it is another body than the portal's")
	}
	if _, err := crypto.Unwrap(envelope, person.Key); err != nil {
		t.Error(err)
	}
}

// TestWhenAMailGoesOut: by the notice, by the representative's policy, and never once the mailbox has opened the notice.
func TestWhenAMailGoesOut(t *testing.T) {
	after := func(hours int) func(*crypto.Draft) {
		return func(d *crypto.Draft) { d.Fallback = crypto.FallbackAfter(hours) }
	}
	once := func(d *crypto.Draft) { d.Fallback = crypto.FallbackAtOnce }
	policy := func(policy crypto.MailPolicy) func(*crypto.Address) {
		return func(a *crypto.Address) { a.Policy = policy }
	}
	for name, c := range map[string]struct {
		draft   func(*crypto.Draft)
		address func(*crypto.Address)
		open    bool
		pass    time.Duration
		want    string
	}{
		"at once":                             {draft: once, want: "sent "},
		"not by e-mail":                       {draft: func(d *crypto.Draft) { d.Fallback = crypto.FallbackNone }, want: ""},
		"not yet":                             {draft: after(12), pass: 11 * time.Hour, want: "waiting not-yet"},
		"after its hours":                     {draft: after(12), pass: 13 * time.Hour, want: "sent "},
		"opened":                              {draft: after(12), open: true, pass: 13 * time.Hour, want: "cancelled opened"},
		"opened before the courier looked":    {draft: once, open: true, want: "cancelled opened"},
		"never":                               {draft: once, address: policy(crypto.MailNever), want: "cancelled never"},
		"at once by policy":                   {draft: after(12), address: policy(crypto.MailAtOnce), want: "sent "},
		"later by policy":                     {draft: once, address: policy(crypto.MailAfter(6)), pass: 5 * time.Hour, want: "waiting not-yet"},
		"at last by policy":                   {draft: once, address: policy(crypto.MailAfter(6)), pass: 7 * time.Hour, want: "sent "},
		"last call, long before the deadline": {draft: once, address: policy(crypto.MailLastCall), pass: 20 * time.Hour, want: "waiting not-yet"},
		"last call":                           {draft: once, address: policy(crypto.MailLastCall), pass: 25 * time.Hour, want: "sent "},
		"urgent":                              {draft: func(d *crypto.Draft) { after(12)(d); d.Urgent = true }, address: func(a *crypto.Address) { quietNow(a) }, want: "sent "},
		"quiet":                               {draft: once, address: quietNow, want: "waiting quiet"},
		"no longer quiet":                     {draft: once, address: quietNow, pass: 3 * time.Hour, want: "sent "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
			person := p.claimed(crypto.KindState, crypto.ProfilePQ)
			p.address(person, c.address)
			draft := p.Draft()
			c.draft(draft)
			number := p.Release(draft, person)
			if c.open {
				_, err := p.Store.MarkOpened(t.Context(), person.Number, number, time.Now())
				must(t, err)
			}
			p.pass(c.pass)
			p.until(p.courier(p.config()), c.want, p.is(c.want))
			if sent := len(p.sink.Mails()); sent == 1 != (c.want == "sent ") {
				t.Errorf("%d mails were sent", sent)
			}
		})
	}
}

// quietNow makes the hour of now, and the next, quiet.
func quietNow(a *crypto.Address) {
	zone := time.FixedZone("", 0)
	hour := time.Now().In(zone).Hour()
	a.Quiet, a.Zone = crypto.QuietHours{From: hour, To: (hour + 2) % 24}, "UTC"
}

// TestIndividualsAreAsked: no e-mail unless they asked for it, and none when there is no neutral identity.
func TestIndividualsAreAsked(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindIndividual, crypto.ProfilePQ)
	p.address(person, func(a *crypto.Address) { a.Asked = true })
	p.Release(atOnce(p.Server), person)
	config := p.config()
	config.Individuals = nil
	p.until(p.courier(config), "it is dead", p.is("dead no-identity"))
	if len(p.sink.Mails()) != 0 {
		t.Error("a mail was sent")
	}
}

// TestWhoHasNotClaimedWaits: nobody could open a mail that is sealed to the letter's key.
func TestWhoHasNotClaimedWaits(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	issued := p.Issue(crypto.KindState, crypto.ProfilePQ)
	p.address(issued, nil)
	p.Release(atOnce(p.Server), issued)
	c := p.courier(p.config())
	p.until(c, "it waits", p.is("waiting unclaimed"))
	person := p.Claim(issued, crypto.ProfilePQ)
	p.pass(2 * time.Hour)
	p.until(c, "it is sent", p.is("sent "))
	_, all := parts(t, p.sink.Mails()[0].Data)
	envelope, _, err := crypto.SplitMessage(all[1].body)
	must(t, err)
	if _, err := crypto.Unwrap(envelope, person.Key); err != nil {
		t.Errorf("it is not sealed to the key of their own: %v", err)
	}
}

// TestAnAddressThatComesLater finds what lies in the mailbox unopened; one that is corrected, what was refused.
func TestAnAddressThatComesLater(t *testing.T) {
	refuse := true
	var mutex sync.Mutex
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{Fault: func(at portaltest.Stage, to string) portaltest.Fault {
		mutex.Lock()
		defer mutex.Unlock()
		if at == portaltest.StageRcpt && refuse {
			return portaltest.Fault{Answer: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user " + to}}
		}
		return portaltest.Fault{}
	}})
	person := p.claimed(crypto.KindState, crypto.ProfilePQ)
	p.Release(atOnce(p.Server), person)
	if p.outbox() != "" {
		t.Fatal("somebody without an address is in the outbox")
	}
	p.address(person, nil)
	c := p.courier(p.config())
	p.until(c, "it is refused", p.is("dead refused 550 5.1.1"))
	mutex.Lock()
	refuse = false
	mutex.Unlock()
	p.address(person, func(a *crypto.Address) { a.Email = "right@mission.example" })
	p.until(c, "it is sent", p.is("sent "))
	if m := p.sink.Mails(); len(m) != 1 || m[0].To != "right@mission.example" {
		t.Errorf("mails: %+v", m)
	}
}

// TestThePortalIsDown: everything goes at once, but to who wants none.
func TestThePortalIsDown(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	later, quiet, never := p.claimed(crypto.KindState, crypto.ProfilePQ), p.claimed(crypto.KindState, crypto.ProfilePQ), p.claimed(crypto.KindState, crypto.ProfilePQ)
	p.address(later, nil)
	p.address(quiet, quietNow)
	p.address(never, func(a *crypto.Address) { a.Policy = crypto.MailNever })
	draft := p.Draft()
	draft.Fallback = crypto.FallbackAfter(24)
	p.Release(draft, later, quiet, never)
	totals, err := p.courier(p.config()).Flush(t.Context(), time.Minute)
	must(t, err)
	if totals != (courier.Totals{Sent: 2, Cancelled: 1}) {
		t.Errorf("%+v; %s", totals, p.outbox())
	}
}

// TestMailServersMisbehave: at every stage, in every way; each mail comes at least once, and twice only with the same Message-ID.
func TestMailServersMisbehave(t *testing.T) {
	var mutex sync.Mutex
	count := 0
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{Fault: func(at portaltest.Stage, to string) portaltest.Fault {
		mutex.Lock()
		defer mutex.Unlock()
		if count++; count > 400 {
			return portaltest.Fault{}
		}
		switch count % 7 {
		case 0:
			return portaltest.Fault{Drop: true}
		case 3:
			return portaltest.Fault{Answer: &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted " + to}}
		case 5:
			return portaltest.Fault{Wait: 20 * time.Millisecond}
		}
		return portaltest.Fault{}
	}})
	var people []*live.Person
	for i := range 40 {
		person := p.claimed(crypto.KindState, crypto.ProfilePQ)
		p.address(person, func(a *crypto.Address) { a.Email = fmt.Sprintf("reader%d@domain%d.example", i, i%5) })
		people = append(people, person)
	}
	p.Release(atOnce(p.Server), people...)
	c := p.courier(p.config())
	p.until(c, "all is sent", func() bool {
		p.pass(time.Second)
		for _, s := range strings.Split(p.outbox(), "; ") {
			if s != "sent " {
				return false
			}
		}
		return true
	})
	ids := map[string]string{}
	for _, m := range p.sink.Mails() {
		header, _ := parts(t, m.Data)
		id, err := header.MessageID()
		must(t, err)
		if before, twice := ids[m.To]; twice && before != id {
			t.Errorf("%s got two mails with different Message-IDs", m.To)
		}
		ids[m.To] = id
	}
	if len(ids) != 40 {
		t.Errorf("%d of 40 got their mail", len(ids))
	}
}

// TestTLSIsInsistedOn: no mail to a server that offers none, or whose certificate nobody vouches for.
func TestTLSIsInsistedOn(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	plain := portaltest.StartMailSink(t, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindState, crypto.ProfilePQ)
	p.address(person, nil)
	p.Release(atOnce(p.Server), person)
	config := p.config()
	config.Institution.Server.Smarthost = plain.Address
	p.until(p.courier(config), "no TLS", p.is("waiting no-tls"))
	p.pass(time.Hour)
	config = p.config()
	config.Institution.Server.Roots = portaltest.TLS(t).Pool
	p.until(p.courier(config), "another's TLS", p.is("waiting no-tls"))
	p.pass(time.Hour)
	config = p.config()
	config.Institution.Server.Smarthost, config.Institution.Server.InsecurePlain = plain.Address, true
	p.until(p.courier(config), "without TLS, knowingly", p.is("sent "))
	if len(plain.Mails()) != 1 || len(p.sink.Mails()) != 0 {
		t.Error("the mail went elsewhere")
	}
}

// TestDKIM: a signature of each key, and both hold.
func TestDKIM(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindState, crypto.ProfileCompat)
	p.address(person, nil)
	p.Release(atOnce(p.Server), person)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	config := p.config()
	config.Institution.DKIM = []courier.DKIMKey{{Selector: "ed", Key: private}, {Selector: "rsa", Key: long}}
	p.until(p.courier(config), "it is sent", p.is("sent "))
	records := map[string]string{
		"ed._domainkey.court.example":  "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public),
		"rsa._domainkey.court.example": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(rsaPublic(t, long)),
	}
	data := p.sink.Mails()[0].Data
	found, err := dkim.VerifyWithOptions(bytes.NewReader(data), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
		return []string{records[domain]}, nil
	}})
	must(t, err)
	if len(found) != 2 {
		t.Fatalf("%d signatures", len(found))
	}
	for _, v := range found {
		if v.Err != nil || v.Domain != "court.example" {
			t.Errorf("%s: %v", v.Domain, v.Err)
		}
	}
	if _, err := textproto.ReadHeader(bufferOf(data)); err != nil {
		t.Error(err)
	}
}

func rsaPublic(t *testing.T, k *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	must(t, err)
	return der
}

func bufferOf(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }

// TestPostfixCarriesItOn: a real mail server takes what the courier hands over, with TLS, and hands it on unchanged; nothing in its spool or log says what must not be said.
func TestPostfixCarriesItOn(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	people := []*live.Person{p.claimed(crypto.KindState, crypto.ProfileCompat), p.claimed(crypto.KindOrganisation, crypto.ProfilePQ), p.claimed(crypto.KindIndividual, crypto.ProfilePQ)}
	var secret []string
	for i, person := range people {
		p.address(person, func(a *crypto.Address) { a.Email, a.Asked = fmt.Sprintf("reader%d@post.example", i), true })
		secret = append(secret, string(person.Number.Mailbox))
	}
	nobody := portaltest.StartPostfix(t, "127.0.0.1:9", p.tls) // where nobody listens: all stays in the spool
	relay := portaltest.StartPostfix(t, p.sink.Address, p.tls)
	over := func(server *portaltest.Postfix) courier.Config {
		config := p.config()
		for _, i := range []*courier.Identity{config.Institution, config.Individuals} {
			i.Server.Smarthost = server.Address
			_, private, err := ed25519.GenerateKey(rand.Reader)
			must(t, err)
			i.DKIM = []courier.DKIMKey{{Selector: "ed", Key: private}}
		}
		return config
	}
	first := p.Release(atOnce(p.Server), people...)
	p.until(p.courier(over(nobody)), "Postfix has it", p.is("sent ; sent ; sent "))
	second := p.Release(atOnce(p.Server), people...)
	p.until(p.courier(over(relay)), "Postfix hands it on", func() bool { return len(p.sink.Mails()) == 4 })
	secret = append(secret, string(first), string(second), "Findings", "Constatations", live.AuthorName, live.ApproverName, live.RegistrarName)
	for _, server := range []*portaltest.Postfix{nobody, relay} {
		spool := server.Spool()
		if len(spool) < 1000 || server == nobody && !bytes.Contains(spool, []byte("reader1@post.example")) {
			t.Error("there is nothing in the spool to look at")
		}
		for _, text := range secret {
			if bytes.Contains(spool, []byte(text)) || bytes.Contains(spool, []byte(base64.StdEncoding.EncodeToString([]byte(text)))) {
				t.Errorf("the spool says %q", text)
			}
		}
	}
	for _, m := range p.sink.Mails() {
		_, all := parts(t, m.Data)
		for _, part := range all[1:] {
			if _, _, err := crypto.SplitMessage(part.body); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestStaffSeeWhatCouldNotBeSent, and have it tried again; administrators and representatives don't.
func TestStaffSeeWhatCouldNotBeSent(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindIndividual, crypto.ProfilePQ)
	p.address(person, func(a *crypto.Address) { a.Asked = true })
	number := p.Release(atOnce(p.Server), person)
	without := p.config()
	without.Individuals = nil
	p.until(p.courier(without), "it is dead", p.is("dead no-identity"))
	ctx, author := t.Context(), p.Acting(p.Author)
	entries, err := p.Portal.Mail.List(ctx, author, number, courier.Dead)
	must(t, err)
	if len(entries) != 1 || entries[0].Representative != person.Number || entries[0].Word() != courier.ReasonNoIdentity {
		t.Errorf("they see %+v", entries)
	}
	for name, actor := range map[string]portal.Actor{"a representative": portal.ActingRepresentative(person.Number), "nobody": {}} {
		if _, err := p.Portal.Mail.List(ctx, actor, number, ""); err == nil {
			t.Errorf("%s sees the outbox", name)
		}
		if p.Portal.Mail.Retry(ctx, actor, number, person.Number) == nil {
			t.Errorf("%s has a mail tried again", name)
		}
	}
	must(t, p.Portal.Mail.Retry(ctx, author, number, person.Number))
	if err := p.Portal.Mail.Retry(ctx, author, number, person.Number); portal.KindOf(err) != portal.Conflict {
		t.Errorf("once more: %v", err)
	}
	p.until(p.courier(p.config()), "it is sent", p.is("sent "))
	events, err := p.Store.NoticeEvents(ctx, number, person.Number.Mailbox)
	must(t, err)
	if len(events) != 2 || events[0].Kind != portal.RelayToNonERDSFailure || events[1].Kind != portal.RelayToNonERDS || events[1].Via != portal.ViaEMail {
		t.Errorf("events: %+v", events)
	}
}

// TestNoAddressInWhatAThiefCanCopy: the whole database and the logs, after mails were sent, refused in words that name the recipient, and deferred.
func TestNoAddressInWhatAThiefCanCopy(t *testing.T) {
	for name, database := range map[string]func() (string, func() []portaltest.Place){
		"SQLite": func() (string, func() []portaltest.Place) {
			path := filepath.Join(t.TempDir(), "portal.db")
			return path, func() []portaltest.Place { return portaltest.SQLitePlaces(t, path) }
		},
		"PostgreSQL": func() (string, func() []portaltest.Place) {
			dsn := portaltest.PostgreSQL(t)
			return dsn, func() []portaltest.Place { return portaltest.PostgreSQLPlaces(t, dsn) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, places := database()
			p := newPost(t, live.Options{Database: dsn}, portaltest.MailSinkOptions{Fault: func(at portaltest.Stage, to string) portaltest.Fault {
				code := map[string]int{"refused": 550, "deferred": 451}[strings.SplitN(to, ".", 2)[0]]
				if at != portaltest.StageRcpt || code == 0 {
					return portaltest.Fault{}
				}
				return portaltest.Fault{Answer: &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "unknown user <" + to + ">"}}
			}})
			var people []*live.Person
			var secrets []portaltest.Secret
			secret := func(what, value string) {
				secrets = append(secrets, portaltest.Secret{What: what, Value: []byte(value), Guessable: true})
			}
			for _, who := range []string{"taken", "refused", "deferred"} {
				person := p.claimed(crypto.KindState, crypto.ProfilePQ)
				email := who + ".zdenka.hradecka@ambassade-" + who + ".example"
				p.address(person, func(a *crypto.Address) {
					a.Email, a.Subject, a.Zone = email, "Re: the concert on Thursday, "+who, "Antarctica/Troll"
				})
				people = append(people, person)
				_, domain, _ := strings.Cut(email, "@")
				secret("an address", email)
				secret("its domain", domain)
				secret("what it is known by", "zdenka.hradecka")
				secret("a subject", "the concert on Thursday")
			}
			secret("a time zone", "Antarctica/Troll")
			number := p.Release(atOnce(p.Server), people...)
			config := p.config()
			config.Journal = filepath.Join(t.TempDir(), "journal")
			p.until(p.courier(config), "each is what it is", func() bool {
				return strings.Contains(p.outbox(), "sent ") && strings.Contains(p.outbox(), "refused 550 5.1.1") && strings.Contains(p.outbox(), "deferred 451 4.1.1")
			})
			for _, m := range p.sink.Mails() {
				header, _ := parts(t, m.Data)
				id, err := header.MessageID()
				must(t, err)
				token, _, _ := strings.Cut(id, "@")
				secret("a Message-ID", token)
				secret("a return address", m.From)
				secret("a name for reports", m.EnvelopeID)
			}
			secrets = append(secrets, portaltest.PrivateKeySecrets(t, "the courier's key", p.key.Armor())...)
			all := append(places(), portaltest.Place{Name: "the courier's log", Data: []byte(p.log.String())}, portaltest.Place{Name: "the portal's log", Data: []byte(p.Log.String())})
			portaltest.NoLeaks(t, secrets, all...)
			found, err := portaltest.FindLeaks([]portaltest.Secret{{What: "notice", Value: []byte(number)}}, all...)
			must(t, err)
			if len(found) == 0 {
				t.Error("the search finds nothing that is there")
			}
		})
	}
}
