//go:build desk || !js

package crypto

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// mailing is a mailbox whose second representative (S-…/3) has a key that gpg knows, and a desk with a certificate for mail programs.
type mailing struct {
	*correspondence
	*gpg
	deskKey *Key
	other   Representative
}

func newMailing(t testing.TB) *mailing {
	t.Helper()
	m := &mailing{correspondence: newCorrespondence(t), gpg: newGPG(t), deskKey: mustKey(t, ProfileCompat, "Registry <registry@court.example>")}
	m.other = m.representative
	m.other.Ordinal = 3
	m.run("--import", m.file("second", m.second.Armor()))
	m.run("--import", m.file("desk", m.deskKey.Certificate().Armor()))
	return m
}

func (m *mailing) writers(received time.Time) *MailWriters {
	return m.pin.MailWriters(m.representative.Mailbox, m.staff(), m.chains, []Fingerprint{m.deskKey.Certificate().Fingerprint()}, received, received.Add(time.Hour))
}

// open is what a server and then the desk do with a message.
func (m *mailing) open(t testing.TB, message []byte) *OpenedMail {
	t.Helper()
	sealed, err := CheckMailedReply(message, []*Certificate{m.author.Certificate(), m.deskKey.Certificate()})
	if err != nil {
		t.Fatal(err)
	}
	o, err := OpenMailedReply(sealed, []*Key{m.second, m.deskKey})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const mailText = "Content-Type: text/plain; charset=utf-8\r\n\r\nQui a signé la liste ?\r\n"

func TestWhoWroteAMailIsWhatIsSignedInside(t *testing.T) {
	m := newMailing(t)
	now := time.Now()
	m.run("--quick-generate-key", "Somebody <somebody@else.example>", "future-default", "default", "never")
	text, desk, self := m.file("text", mailText), string(m.deskKey.Certificate().Fingerprint()), string(m.second.Certificate().Fingerprint())
	for name, c := range map[string]struct {
		args []string
		want string // "" signed by S-…/3; "none": nobody; else in the error
	}{
		"signed":                 {[]string{"--sign", "-u", self, "-r", desk}, ""},
		"to themself, too":       {[]string{"--sign", "-u", self, "-r", desk, "-r", self}, ""},
		"not compressed":         {[]string{"--sign", "-u", self, "-r", desk, "--compress-algo", "none"}, ""},
		"in text mode":           {[]string{"--sign", "-u", self, "-r", desk, "--textmode"}, ""},
		"recipients hidden":      {[]string{"--sign", "-u", self, "-r", self, "-r", desk, "--throw-keyids"}, ""},
		"signed by two":          {[]string{"--sign", "-u", "somebody@else.example", "-u", self, "-r", desk}, ""},
		"not armored":            {[]string{"--sign", "-u", self, "-r", desk, "--no-armor"}, ""},
		"not signed":             {[]string{"-r", desk}, "none"},
		"signed by nobody known": {[]string{"--sign", "-u", "somebody@else.example", "-r", desk}, "no representative of"},
	} {
		message := m.run(append(append([]string{"--armor", "--output", "-"}, c.args...), "--encrypt", text)...)
		o := m.open(t, message)
		if !bytes.Equal(o.Content(), []byte(mailText)) {
			t.Errorf("%s: %q", name, o.Content())
		}
		s, err := m.writers(now).Around(o)
		switch {
		case c.want == "" && (err != nil || s.Representative() != m.other || s.Ended() != nil || s.Signature().Made().Before(now.Add(-time.Minute))):
			t.Errorf("%s: %+v, %v", name, s, err)
		case c.want == "none" && (err != nil || s != nil || o.Signed()):
			t.Errorf("%s: %+v, %v", name, s, err)
		case c.want != "" && c.want != "none":
			wantError(t, err, c.want)
		}
	}

	// What isn't sealed to the desk, or not to a key at all, is told before it is kept.
	_, err := CheckMailedReply(m.run("--armor", "--output", "-", "-r", self, "--encrypt", text), []*Certificate{m.deskKey.Certificate()})
	if !errors.Is(err, ErrNotToDesk) {
		t.Errorf("to somebody else: %v", err)
	}
	for name, message := range map[string][]byte{
		"a password":  m.run("--armor", "--output", "-", "--passphrase", "word", "--symmetric", text),
		"a signature": m.run("--armor", "--output", "-", "-u", self, "--sign", text),
		"words":       []byte("-----BEGIN PGP MESSAGE-----\n\nnot base 64!\n-----END PGP MESSAGE-----\n"),
		"nothing":     nil,
		"two":         bytes.Repeat(m.run("--armor", "--output", "-", "-r", desk, "--encrypt", text), 2),
	} {
		if sealed, err := CheckMailedReply(message, []*Certificate{m.deskKey.Certificate()}); err == nil || sealed != nil || errors.Is(err, ErrNotToDesk) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Beside a part (RFC 3156), whatever line ends it came with, and in the text.
	part := strings.ReplaceAll(mailText, "\r\n", "\n") // as gpg --detach-sign is not: it signs what it is given
	beside := m.run("--armor", "--output", "-", "-u", self, "--detach-sign", text)
	if s, err := m.writers(now).Beside([]byte(part), beside); err != nil || s.Representative() != m.other {
		t.Errorf("beside: %+v, %v", s, err)
	}
	if s, err := m.writers(now).Beside([]byte(part+"more"), beside); err == nil || s != nil {
		t.Error("beside something else")
	}
	clear := m.run("--output", "-", "-u", self, "--clearsign", m.file("words", "- Nobody signed it.\n"))
	said, s, err := m.writers(now).Clear(clear)
	if err != nil || s.Representative() != m.other || string(said) != "- Nobody signed it.\n" || !IsClearSigned(clear) {
		t.Errorf("%q, %+v, %v", said, s, err)
	}
	if said, s, err = m.writers(now).Clear(bytes.Replace(clear, []byte("Nobody"), []byte("Everybody"), 1)); err == nil || s != nil || len(said) == 0 {
		t.Errorf("%q, %+v, %v", said, s, err)
	}
}

// sealedMail seals packets to the desk as another program could.
func (m *mailing) sealedMail(t testing.TB, plain []byte) []byte {
	t.Helper()
	key, err := newSessionKey(SuiteCompat)
	if err != nil {
		t.Fatal(err)
	}
	body, err := key.encrypt(plain)
	if err != nil {
		t.Fatal(err)
	}
	return Message(mustWrap(t, key, m.deskKey), body)
}

func TestASignatureForSomethingElseIsNoneUnderAMail(t *testing.T) {
	m := newMailing(t)
	signed := func(k *Key, purpose Purpose) []byte {
		inside, err := signInside(SuiteCompat, k, purpose, []byte("Yes."), m.at)
		if err != nil {
			t.Fatal(err)
		}
		return m.sealedMail(t, inside)
	}
	_, err := m.writers(m.at).Around(m.open(t, signed(m.second, PurposeReply)))
	wantError(t, err, "another purpose")
	if CauseOf(err) != CauseWrongPurpose {
		t.Error(err)
	}
}

func TestWhatIsSignedWithTheKeyOfALetterOrAfterTheEndCountsForNothing(t *testing.T) {
	m := newMailing(t)
	issued := m.chains[m.other][0]
	now := time.Now().Add(-time.Minute)
	message := m.run("--armor", "--output", "-", "--sign", "-u", string(m.second.Certificate().Fingerprint()), "-r", string(m.deskKey.Certificate().Fingerprint()), "--encrypt", m.file("text", mailText))
	o := m.open(t, message)
	revoked, err := RevokeRepresentative(m.registrar, issued, m.other, now)
	if err != nil {
		t.Fatal(err)
	}
	m.chains[m.other] = []*Certificate{revoked, m.second.Certificate()}
	s, err := m.writers(time.Now()).Around(o)
	if err == nil || s != nil {
		t.Error("what somebody signed whose access was ended is believed")
	}
	m.chains[m.other] = []*Certificate{m.second.Certificate()}
	_, err = m.writers(time.Now()).Around(o)
	wantError(t, err, "whoever saw the letter")
}

// TestAKeyThatWasReplacedSpeaksNoLonger: whoever has it can date their signature back, and nobody asks them to log in.
func TestAKeyThatWasReplacedSpeaksNoLonger(t *testing.T) {
	m := newMailing(t)
	o := m.open(t, m.run("--armor", "--output", "-", "--sign", "-u", string(m.second.Certificate().Fingerprint()), "-r", string(m.deskKey.Certificate().Fingerprint()), "--encrypt", m.file("text", mailText)))
	third := mustKey(t, ProfileCompat, m.other.String())
	replaced := time.Now()
	next, err := CertifySuccessor(m.second, third.Certificate(), m.other, replaced)
	if err != nil {
		t.Fatal(err)
	}
	m.chains[m.other] = append(m.chains[m.other], next)
	if s, err := m.writers(replaced.Add(-time.Minute)).Around(o); err != nil || s.Representative() != m.other {
		t.Error("what came before does not count", s, err)
	}
	s, err := m.writers(replaced.Add(time.Minute)).Around(o)
	wantError(t, err, "had replaced by another")
	if s != nil {
		t.Error("what came later counts")
	}
}

func TestAMailThatGrowsIsNotOpened(t *testing.T) {
	m := newMailing(t)
	literal := func(n int) []byte { return appendPacket(nil, packetLiteral, make([]byte, n)) }
	for name, plain := range map[string][]byte{
		"a bomb":           appendPacket(nil, packetCompressed, deflate(t, literal(MaxBodySize+1))),
		"a bomb in a bomb": appendPacket(nil, packetCompressed, deflate(t, appendPacket(nil, packetCompressed, deflate(t, literal(1<<20))))),
		"two texts":        append(literal(10), literal(10)...),
		"nothing":          appendPacket(nil, packetPadding, make([]byte, 10)),
		"no packets":       []byte("Hello"),
	} {
		if o, err := OpenMailedReply(m.sealedMail(t, plain), []*Key{m.deskKey}); err == nil || o != nil {
			t.Errorf("%s: opened", name)
		}
	}
	good := m.sealedMail(t, literal(100))
	if _, err := OpenMailedReply(good, []*Key{m.deskKey}); err != nil {
		t.Fatal(err)
	}
	eachFlip(good, func(at int, changed []byte) {
		if o, err := OpenMailedReply(changed, []*Key{m.deskKey}); err == nil && !bytes.Equal(o.Content(), make([]byte, 94)) {
			t.Errorf("octet %d of %d may be changed", at, len(good))
		}
	})
}

// TestAMailOfManyKeysIsDecryptedAFewTimes: each try takes all of it.
func TestAMailOfManyKeysIsDecryptedAFewTimes(t *testing.T) {
	m := newMailing(t)
	inside := appendPacket(nil, packetLiteral, make([]byte, 100))
	wrong := func(n int) (envelopes []byte) {
		for range n {
			key, err := newSessionKey(SuiteCompat)
			if err != nil {
				t.Fatal(err)
			}
			envelopes = append(envelopes, mustWrap(t, key, m.deskKey)...)
		}
		return envelopes
	}
	for n, opens := range map[int]bool{2: true, 60: false} {
		if o, err := OpenMailedReply(append(wrong(n), m.sealedMail(t, inside)...), []*Key{m.deskKey}); (err == nil) != opens || (o != nil) != opens {
			t.Errorf("with %d other keys before: %v", n, err)
		}
	}
}

func FuzzCheckMailedReply(f *testing.F) {
	desk := sampleKey(f)
	body, key := mustSeal(f, SuitePQ, desk, notice)
	f.Add(Message(mustWrap(f, key, desk), body))
	f.Add([]byte(armor(armorMessage, body)))
	f.Fuzz(func(t *testing.T, message []byte) {
		sealed, err := CheckMailedReply(message, []*Certificate{desk.Certificate()})
		if (sealed == nil) != (err != nil) {
			t.Error(err)
		}
		if err == nil {
			_, _ = OpenMailedReply(sealed, []*Key{desk})
		}
	})
}
