package courier_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/audit"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// commanding is somebody who answers, whose inbox obeys, with the text of a command.
func commanding(t *testing.T, database string) (*answering, string) {
	a := newAnswering(t, live.Options{Database: database})
	a.inbox.TakeCommands(a.Portal.Registry)
	_, all := parts(t, a.mails[0].Data)
	form := strings.ReplaceAll(string(a.gpg.Run(all[1].body, "--decrypt")), "\r\n", "\n")
	_, rest, ok := strings.Cut(form, "\n---- command, from here ----\n")
	text, _, ok2 := strings.Cut(rest, "---- command, to here ----")
	if !ok || !ok2 {
		t.Fatalf("the form does not say how to command:\n%s", form)
	}
	return a, text
}

// ordered is a command with another line.
func ordered(text, kind, about string, at time.Time) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		for key, value := range map[string]string{"command: ": kind, "about: ": about, "time: ": at.UTC().Format(time.RFC3339)} {
			if strings.HasPrefix(line, key) {
				lines[i] = key + value
			}
		}
	}
	return strings.Join(lines, "\n")
}

func (a *answering) commands() (all []string) {
	a.t.Helper()
	taken, err := a.Store.Commands(context.Background(), time.Now().Add(-time.Hour), 100)
	must(a.t, err)
	for _, c := range taken {
		all = append(all, c.Representative.String()+" "+string(c.Kind)+" "+c.About)
	}
	return all
}

func (a *answering) acts() (acts []string) {
	a.t.Helper()
	entries, err := a.Store.AuditEntries(context.Background(), audit.Query{Limit: 100}, nil)
	must(a.t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Act, "registry.mail-") {
			acts = append(acts, e.Actor+" "+e.Act+" "+e.Object)
		}
	}
	return acts
}

// TestANoticeIsSentAgain to who asks for it by a signed mail, opened or not, once for each text; the one who saw that mail can send it as often as they like.
func TestANoticeIsSentAgain(t *testing.T) {
	for name, database := range map[string]func() string{"SQLite": func() string { return filepath.Join(t.TempDir(), "portal.db") }, "PostgreSQL": func() string { return portaltest.PostgreSQL(t) }} {
		t.Run(name, func(t *testing.T) { sentAgain(t, database()) })
	}
}

func sentAgain(t *testing.T, database string) {
	a, text := commanding(t, database)
	who := a.person.Number.String()
	now := time.Now()
	_, err := a.Store.MarkOpened(t.Context(), a.person.Number, a.notice, now)
	must(t, err)
	signed := a.sign(text)
	if fate := a.take(head + "\r\n" + crlf(signed)); fate != courier.FateCommand {
		t.Fatalf("%q; kept: %q", fate, a.kept())
	}
	a.until(a.courier(a.config()), "it is sent again", a.is("sent ; sent "))
	mails := a.sink.Mails()
	if len(mails) != 4 || bytes.Equal(mails[3].Data, mails[1].Data) || messageID(t, mails[3].Data) == messageID(t, mails[1].Data) {
		t.Errorf("%d mails, the last under the first one's Message-ID", len(mails))
	}
	for _, again := range []string{signed, a.sign(text)} { // another signature over the same text is no other command
		if fate := a.take(head + "\r\n" + crlf("Dear Registry,\n\n"+again)); fate != courier.FateRepeated {
			t.Errorf("the same again: %q; kept: %q", fate, a.kept())
		}
	}
	// By a mail program, about everything: there is nothing unopened, so nothing goes out, and the command is obeyed all the same.
	if fate := a.take(a.beside(plainPart + crlf(ordered(text, "resend", "everything", now.Add(time.Second))))); fate != courier.FateCommand {
		t.Errorf("by a mail program: %q; kept: %q", fate, a.kept())
	}
	if got := strings.Join(a.commands(), "; "); got != who+" resend everything; "+who+" resend "+string(a.notice) {
		t.Errorf("commands: %s", got)
	}
	if acts := a.acts(); len(acts) != 2 {
		t.Errorf("the audit trail: %q", acts)
	}
	if a.outbox() != "sent ; sent " {
		t.Errorf("the outbox: %s", a.outbox())
	}
}

// TestWhatIsNotObeyed is kept for the desk, with why, and changes nothing.
func TestWhatIsNotObeyed(t *testing.T) {
	a, text := commanding(t, "")
	now := time.Now()
	other := a.claimed(crypto.KindState, crypto.ProfileCompat)
	stop := ordered(text, "stop-email", "everything", now)
	clear := func(k *crypto.Key, purpose crypto.Purpose, text string) string {
		signed, err := crypto.ClearSign(k, purpose, []byte(text), time.Now())
		must(t, err)
		return string(signed)
	}
	for _, c := range []struct{ name, mail, kept string }{
		{"not signed", head + "\r\n" + crlf(text), "command not-signed"},
		{"another's key", head + "\r\n" + crlf(clear(other.Key, crypto.PurposeCommand, stop)), "command invalid-command"},
		{"signed for another purpose", head + "\r\n" + crlf(clear(a.person.Key, crypto.PurposeAcknowledgement, stop)), "command invalid-command"},
		{"altered", head + "\r\n" + crlf(strings.Replace(a.sign(text), "command: resend", "command: stop-email", 1)), "command invalid-command"},
		{"long ago", head + "\r\n" + crlf(a.sign(ordered(text, "resend", "everything", now.Add(-26*time.Hour)))), "command invalid-command"},
		{"tomorrow", head + "\r\n" + crlf(a.sign(ordered(text, "resend", "everything", now.Add(2*time.Hour)))), "command invalid-command"},
		{"no notice", head + "\r\n" + crlf(a.sign(ordered(text, "resend", string(crypto.NewNumber(crypto.KindNotice)), now))), "command no-notice"},
		{"another command", head + "\r\n" + crlf(a.sign(ordered(text, "start-email", "everything", now))), "command invalid-command"},
		{"the nonce missing", head + "\r\n" + crlf(a.sign(text[:strings.Index(text, "nonce: ")]+"nonce: "+strings.Repeat("0", 32)+"\n")), "command wrong-nonce"},
		{"a certificate to who has a key at the portal", head + "\r\n" + crlf(a.sign(ordered(text, "new-certificate", string(other.Key.Certificate().Fingerprint()), now))+other.Key.Certificate().Armor()), "command key-at-portal"},
		{"words around, by a mail program", a.beside(plainPart + crlf("Should I send this?\n"+stop)), "command words-around"},
	} {
		if fate := a.take(c.mail); fate != courier.FateKept || a.kept()[0] != c.kept {
			t.Errorf("%s: %q, kept as %q, want %q", c.name, fate, a.kept()[0], c.kept)
		}
	}
	if len(a.commands()) != 0 || len(a.acts()) > 1 { // "no notice" was tried
		t.Errorf("commands: %q, acts: %q", a.commands(), a.acts())
	}
	if _, err := a.Store.Address(t.Context(), a.person.Number); err != nil {
		t.Errorf("the address is gone: %v", err)
	}
	// A flood of good ones is bounded.
	for i := range registry.MaxCommands {
		must(t, second(a.Portal.Registry.CommandByMail(t.Context(), []byte(clear(a.person.Key, crypto.PurposeCommand, ordered(text, "resend", "everything", now.Add(-time.Duration(i)*time.Minute)))), nil, nonceOf(text))))
	}
	if fate := a.take(head + "\r\n" + crlf(a.sign(stop))); fate != courier.FateKept || a.kept()[0] != "command too-many-commands" {
		t.Errorf("one too many: %q, kept as %q", fate, a.kept()[0])
	}
}

// TestRefusedCommandsLeaveABoundedTrail: whoever has a key, or a mail that it signed, makes the audit trail no longer than so much a day, and staff see that there was more.
func TestRefusedCommandsLeaveABoundedTrail(t *testing.T) {
	for name, database := range map[string]func() string{"SQLite": func() string { return filepath.Join(t.TempDir(), "portal.db") }, "PostgreSQL": func() string { return portaltest.PostgreSQL(t) }} {
		t.Run(name, func(t *testing.T) { boundedTrail(t, database()) })
	}
}

func boundedTrail(t *testing.T, database string) {
	a, text := commanding(t, database)
	nowhere := string(crypto.NewNumber(crypto.KindNotice))
	for i := range registry.MaxCommandsTried + 5 {
		signed, err := crypto.ClearSign(a.person.Key, crypto.PurposeCommand, []byte(ordered(text, "resend", nowhere, time.Now().Add(-time.Duration(i)*time.Minute))), time.Now())
		must(t, err)
		_, err = a.Portal.Registry.CommandByMail(t.Context(), signed, nil, nonceOf(text))
		want := portal.NotFound
		if i >= registry.MaxCommandsTried {
			want = portal.TooMany
		}
		if portal.KindOf(err) != want {
			t.Fatalf("the command %d: %v", i, err)
		}
	}
	acts := a.acts()
	if len(acts) != registry.MaxCommandsTried+1 || !strings.HasSuffix(acts[0], " registry.mail-more "+a.person.Number.String()) {
		t.Errorf("%d entries, the last: %q", len(acts), acts[0])
	}
	if fate := a.take(head + "\r\n" + crlf(a.sign(text))); fate != courier.FateKept || a.kept()[0] != "command too-many-commands" {
		t.Errorf("one more: %q, kept as %q", fate, a.kept()[0])
	}
	// Nobody else's commands are bounded by it.
	other := a.claimed(crypto.KindState, crypto.ProfileCompat)
	theirs := strings.NewReplacer(a.person.Number.String(), other.Number.String(), string(a.person.Key.Certificate().Fingerprint()), string(other.Key.Certificate().Fingerprint())).Replace(text)
	signed, err := crypto.ClearSign(other.Key, crypto.PurposeCommand, []byte(ordered(theirs, "resend", nowhere, time.Now())), time.Now())
	must(t, err)
	if _, err := a.Portal.Registry.CommandByMail(t.Context(), signed, nil, nonceOf(text)); portal.KindOf(err) != portal.NotFound && portal.KindOf(err) != portal.Invalid {
		t.Errorf("somebody else's: %v", err)
	}
	if got := len(a.acts()); got != registry.MaxCommandsTried+2 {
		t.Errorf("%d entries after somebody else's", got)
	}
}

func messageID(t *testing.T, mail []byte) string {
	t.Helper()
	header, _ := parts(t, mail)
	id, err := header.MessageID()
	must(t, err)
	return id
}

func second(_ bool, err error) error { return err }

func nonceOf(text string) func(crypto.Representative) string {
	_, nonce, _ := strings.Cut(text, "nonce: ")
	return func(crypto.Representative) string { return strings.TrimSpace(nonce) }
}

// TestEMailIsStopped by who gets it; who held that mail back stops nothing that was begun since.
func TestEMailIsStopped(t *testing.T) {
	a, text := commanding(t, portaltest.PostgreSQL(t))
	stop := a.sign(ordered(text, "stop-email", "everything", time.Now()))
	if fate := a.take(head + "\r\n" + crlf(stop)); fate != courier.FateCommand {
		t.Fatalf("%q; kept: %q", fate, a.kept())
	}
	if _, err := a.Store.Address(t.Context(), a.person.Number); portal.KindOf(err) != portal.NotFound {
		t.Errorf("the address: %v", err)
	}
	stopped := func() time.Time {
		directory, err := a.Portal.Registry.Directory(t.Context(), a.Acting(a.Registrar))
		must(t, err)
		for _, m := range directory {
			if m.Number == a.person.Number.Mailbox {
				return m.Representatives[0].StoppedEmail
			}
		}
		return time.Time{}
	}
	if stopped().IsZero() {
		t.Error("the registrar does not see it")
	}
	if fate := a.take(head + "\r\n" + crlf(a.sign(text))); fate != courier.FateKept || a.kept()[0] != "command no-address" {
		t.Errorf("sent again, to no address: %q, %q", fate, a.kept())
	}
	late := a.sign(ordered(text, "stop-email", "everything", time.Now().Add(-time.Minute))) // which somebody held back
	a.address(a.person, nil)
	if fate := a.take(head + "\r\n" + crlf(late)); fate != courier.FateKept || a.kept()[0] != "command address-is-newer" || !stopped().IsZero() {
		t.Errorf("held back: %q, %q", fate, a.kept())
	}
}

// TestANewCertificateComesByMail, certified by the old key, for who keeps a key of their own; from then on it alone counts.
func TestANewCertificateComesByMail(t *testing.T) {
	a, text := commanding(t, "")
	ctx, who := t.Context(), a.Issue(crypto.KindOrganisation, crypto.ProfilePQ)
	key := func() *crypto.Key {
		k, err := crypto.GenerateKey(crypto.ProfileCompat, who.Number.String(), time.Now())
		must(t, err)
		return k
	}
	first, next := key(), key()
	own, err := crypto.CertifySuccessor(who.Key, first.Certificate(), who.Number, time.Now())
	must(t, err)
	must(t, a.Portal.Registry.Claim(ctx, portal.ActingRepresentative(who.Number), registry.Claiming{Profile: crypto.ProfileOwn, Certificate: own.Bytes()}))
	successor, err := crypto.CertifySuccessor(first, next.Certificate(), who.Number, time.Now())
	must(t, err)
	lines := strings.NewReplacer("representative: "+a.person.Number.String(), "representative: "+who.Number.String(), "certificate: "+string(a.person.Key.Certificate().Fingerprint()), "certificate: "+string(first.Certificate().Fingerprint())).Replace(text)
	_, nonce, _ := strings.Cut(lines, "nonce: ")
	nonceOfThem := courier.CommandNonce(a.courier(a.config()), who.Number)
	lines = strings.Replace(lines, nonce, nonceOfThem+"\n", 1)
	order := ordered(lines, "new-certificate", string(next.Certificate().Fingerprint()), time.Now())
	signed, err := crypto.ClearSign(first, crypto.PurposeCommand, []byte(order), time.Now())
	must(t, err)
	for name, with := range map[string]string{"": "no-certificate", next.Certificate().Armor(): "invalid-certificate"} { // the second is certified by nobody
		if fate := a.take(head + "\r\n" + crlf(string(signed)+"\n"+with)); fate != courier.FateKept || !strings.HasPrefix(a.kept()[0], "command ") {
			t.Errorf("%.30q: %q, kept as %q", name, fate, a.kept())
		}
	}
	good := head + "\r\n" + crlf(string(signed)+"\n"+own.Armor()+"\n"+successor.Armor())
	if fate := a.take(good); fate != courier.FateCommand {
		t.Fatalf("%q; kept: %q", fate, a.kept())
	}
	record, err := a.Store.Representative(ctx, who.Number)
	must(t, err)
	if len(record.Chain) != 3 || !bytes.Equal(record.Chain[2], successor.Bytes()) || record.Profile != crypto.ProfileOwn || record.State != portal.Claimed {
		t.Errorf("%d certificates, %s, %s", len(record.Chain), record.Profile, record.State)
	}
	if fate := a.take(good); fate != courier.FateRepeated {
		t.Errorf("the same again: %q, %q", fate, a.kept())
	}
	// The old key commands nothing any more.
	back, err := crypto.ClearSign(first, crypto.PurposeCommand, []byte(ordered(lines, "resend", "everything", time.Now())), time.Now())
	must(t, err)
	if fate := a.take(head + "\r\n" + crlf(string(back))); fate != courier.FateKept || a.kept()[0] != "command other-certificate" {
		t.Errorf("the old key: %q, %q", fate, a.kept())
	}
	// And what is sealed from now on is sealed to the new one.
	chains, err := a.Store.Certificates(ctx, who.Number)
	must(t, err)
	if got := chains[who.Number]; len(got) != 3 {
		t.Errorf("%d certificates are shown", len(got))
	}
}
