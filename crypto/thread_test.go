package crypto

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// correspondence is a mailbox with two representatives, one of whom has a compat key, and a desk of two.
type correspondence struct {
	*office
	pin    *Root
	to     []*Recipient
	desk   []*Staff
	chains map[Representative][]*Certificate
	thread Number
	second *Key
	at     time.Time
}

func newCorrespondence(t testing.TB) *correspondence {
	t.Helper()
	c := &correspondence{office: newOffice(t), thread: NewNumber(KindThread), at: noon.Add(24 * time.Hour)}
	c.pin = c.pinned(t)
	other := *c.office
	other.representative.Ordinal = 3
	issued := other.issue(t, c.registrar, ProfileCompat)
	c.second = other.succeed(t, issued, ProfileCompat)
	c.chains = map[Representative][]*Certificate{c.representative: c.chain(), other.representative: {issued.Certificate(), c.second.Certificate()}}
	for _, r := range []Representative{c.representative, other.representative} {
		recipient, err := c.pin.VerifyRepresentative(c.staff(), c.chains[r], r, c.at)
		if err != nil {
			t.Fatal(err)
		}
		c.to = append(c.to, recipient)
	}
	for _, k := range []*Key{c.author, c.approver} {
		member, err := c.pin.VerifyStaff(k.Certificate(), c.at)
		if err != nil {
			t.Fatal(err)
		}
		c.desk = append(c.desk, member)
	}
	return c
}

func (c *correspondence) message(about Number, after ...string) *ThreadMessage {
	m := NewThreadMessage(c.pin.Fingerprint(), c.thread, c.representative.Mailbox, about, after, c.at)
	m.Text = LanguageVersion{Language: "fr", Subject: "Une question", Text: "Qui a signé la liste ?\n"}
	m.Attachments = []Attachment{{Name: "liste.csv", Type: "text/csv", Data: []byte("x,y\n")}}
	return m
}

// parts returns the envelope for a key, and the parts that it opens.
func (s *SealedThreadMessage) parts(t testing.TB, k *Key) (envelope, heading, body []byte) {
	t.Helper()
	for _, e := range s.Envelopes {
		if e.Certificate == k.Certificate().Fingerprint() {
			return e.Data, s.Headings[e.Suite], s.Bodies[e.Suite]
		}
	}
	t.Fatal("there is no envelope for that key")
	return nil, nil, nil
}

func (c *correspondence) heading(t testing.TB, s *SealedThreadMessage, k *Key) (*VerifiedHeading, []byte, error) {
	t.Helper()
	envelope, heading, body := s.parts(t, k)
	v, err := c.pin.OpenThreadHeading(s.Kind, s.Thread, s.Mailbox, envelope, heading, []*Key{k}, c.staff(), c.chains, c.at.Add(time.Hour))
	return v, body, err
}

func TestReplyAndAnswerAreReadByAllAddressees(t *testing.T) {
	c := newCorrespondence(t)
	about := NewNumber(KindNotice)
	reply := c.message(about)
	sealed, err := SealReply(c.own, c.representative, reply, c.to, c.desk, c.at)
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed.Envelopes) != 4 || len(sealed.Bodies) != 2 {
		t.Errorf("%d envelopes, %d bodies", len(sealed.Envelopes), len(sealed.Bodies))
	}
	for _, k := range []*Key{c.own, c.second, c.author, c.approver} {
		v, body, err := c.heading(t, sealed, k)
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := v.Representative(); !ok || r != c.representative || v.Member() != nil || v.SHA256() != sealed.SHA256 || v.Heading().Subject.Subject != "Une question" {
			t.Errorf("%+v", v.Heading())
		}
		o, err := OpenThreadMessage(v, body, c.at.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if m := o.Message(); m.Text != reply.Text || m.About != about || len(m.Attachments) != 1 || !bytes.Equal(m.Attachments[0].Data, []byte("x,y\n")) {
			t.Errorf("%+v", m)
		}
	}

	answer := c.message(about, sealed.SHA256)
	answered, err := SealAnswer(c.pin, c.approver, answer, c.to, c.desk, c.at)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := c.heading(t, answered, c.own)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := v.Representative(); ok || v.Member().Name() != "Benoît Diallo (press)" || v.Heading().After[0] != sealed.SHA256 {
		t.Errorf("%+v", v.Heading())
	}

	// Sent again, it is the same message.
	again, err := SealReply(c.own, c.representative, reply, c.to, c.desk, c.at)
	if err != nil || again.SHA256 != sealed.SHA256 || again.ID != sealed.ID {
		t.Error("the same message got another digest", err)
	}
}

func TestAMessageIsNotBelievedElsewhere(t *testing.T) {
	c := newCorrespondence(t)
	sealed, err := SealReply(c.own, c.representative, c.message(""), c.to, c.desk, c.at)
	if err != nil {
		t.Fatal(err)
	}
	envelope, heading, body := sealed.parts(t, c.author)
	keys := []*Key{c.author}
	later := c.at.Add(time.Hour)
	open := func(kind MessageKind, thread, mailbox Number, heading []byte, chains map[Representative][]*Certificate) error {
		_, err := c.pin.OpenThreadHeading(kind, thread, mailbox, envelope, heading, keys, c.staff(), chains, later)
		return err
	}
	if err := open(Reply, c.thread, c.representative.Mailbox, heading, c.chains); err != nil {
		t.Fatal(err)
	}
	otherThread, otherMailbox := NewNumber(KindThread), NewNumber(KindState)
	onlySecond := map[Representative][]*Certificate{c.to[1].Representative(): c.chains[c.to[1].Representative()]}
	swapped := map[Representative][]*Certificate{c.to[1].Representative(): c.chain()}
	for what, err := range map[string]error{
		"moved to another thread":     open(Reply, otherThread, c.representative.Mailbox, heading, c.chains),
		"moved to another mailbox":    open(Reply, c.thread, otherMailbox, heading, c.chains),
		"shown as an answer":          open(Answer, c.thread, c.representative.Mailbox, heading, c.chains),
		"of an unknown kind":          open("notice", c.thread, c.representative.Mailbox, heading, c.chains),
		"the body as heading":         open(Reply, c.thread, c.representative.Mailbox, body, c.chains),
		"altered":                     open(Reply, c.thread, c.representative.Mailbox, flip(heading, len(heading)-30), c.chains),
		"without the writer's chain":  open(Reply, c.thread, c.representative.Mailbox, heading, onlySecond),
		"under another's name":        open(Reply, c.thread, c.representative.Mailbox, heading, swapped),
		"with the chain cut short":    open(Reply, c.thread, c.representative.Mailbox, heading, map[Representative][]*Certificate{c.representative: {c.own.Certificate()}}),
		"without any chain":           open(Reply, c.thread, c.representative.Mailbox, heading, nil),
		"opened by nobody it was for": func() error { _, err := Unwrap(envelope, c.registrar); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: believed", what)
		}
	}
	v, _, err := c.heading(t, sealed, c.author)
	if err != nil {
		t.Fatal(err)
	}
	other, err := SealReply(c.own, c.representative, c.message(""), c.to, c.desk, c.at)
	if err != nil {
		t.Fatal(err)
	}
	_, _, otherBody := other.parts(t, c.author)
	for what, body := range map[string][]byte{"altered": flip(body, len(body)/2), "of another message": otherBody, "the heading": heading, "none": nil} {
		if o, err := OpenThreadMessage(v, body, later); err == nil || o != nil {
			t.Errorf("body %s: opened", what)
		}
	}
	for _, v := range []*VerifiedHeading{nil, {}, {heading: v.heading}} {
		if o, err := OpenThreadMessage(v, body, later); err == nil || o != nil {
			t.Error("a zero heading opened a message")
		}
	}
}

func TestWhoMayNotWrite(t *testing.T) {
	c := newCorrespondence(t)
	stranger := *c.office
	stranger.representative = Representative{NewNumber(KindState), 1}
	strangeIssued := stranger.issue(t, c.registrar, ProfilePQ)
	strange, err := c.pin.VerifyRepresentative(c.staff(), []*Certificate{strangeIssued.Certificate()}, stranger.representative, c.at)
	if err != nil {
		t.Fatal(err)
	}
	registrar, err := c.pin.VerifyStaff(c.registrar.Certificate(), c.at)
	if err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() error{
		"under another's number": func() error {
			_, err := SealReply(c.own, c.to[1].Representative(), c.message(""), c.to, c.desk, c.at)
			return err
		},
		"not to oneself": func() error {
			_, err := SealReply(c.own, c.representative, c.message(""), c.to[1:], c.desk, c.at)
			return err
		},
		"to no desk": func() error { _, err := SealReply(c.own, c.representative, c.message(""), c.to, nil, c.at); return err },
		"to a stranger": func() error {
			_, err := SealReply(c.own, c.representative, c.message(""), append(c.to[:2:2], strange), c.desk, c.at)
			return err
		},
		"to somebody not of the desk": func() error {
			_, err := SealReply(c.own, c.representative, c.message(""), c.to, append(c.desk[:2:2], registrar), c.at)
			return err
		},
		"answer by a registrar": func() error {
			_, err := SealAnswer(c.pin, c.registrar, c.message(""), c.to, append(c.desk[:2:2], registrar), c.at)
			return err
		},
		"answer by a representative": func() error { _, err := SealAnswer(c.pin, c.own, c.message(""), c.to, c.desk, c.at); return err },
		"answer to nobody":           func() error { _, err := SealAnswer(c.pin, c.author, c.message(""), nil, c.desk, c.at); return err },
		"zero recipient": func() error {
			_, err := SealReply(c.own, c.representative, c.message(""), append(c.to[:2:2], &Recipient{}), c.desk, c.at)
			return err
		},
		"no text": func() error {
			m := c.message("")
			m.Text.Text = ""
			_, err := SealReply(c.own, c.representative, m, c.to, c.desk, c.at)
			return err
		},
		"a notice as thread": func() error {
			m := c.message("")
			m.Thread = NewNumber(KindNotice)
			_, err := SealReply(c.own, c.representative, m, c.to, c.desk, c.at)
			return err
		},
		"a file in another folder": func() error {
			m := c.message("")
			m.Attachments[0].Name = "../x"
			_, err := SealReply(c.own, c.representative, m, c.to, c.desk, c.at)
			return err
		},
	} {
		if try() == nil {
			t.Errorf("%s: sealed", what)
		}
	}
}

// An issued key is known to whoever saw the letter: what it signs is no reply.
func TestAnIssuedKeySignsNoReply(t *testing.T) {
	c := newCorrespondence(t)
	issued, err := c.pin.VerifyRepresentative(c.staff(), c.chain()[:1], c.representative, c.at)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := SealReply(c.issued, c.representative, c.message(""), []*Recipient{issued}, c.desk, c.at)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.heading(t, sealed, c.author); err == nil || !strings.Contains(err.Error(), "issued") {
		t.Errorf("believed: %v", err)
	}
}

// Who has left the staff answers nothing any more; what they answered before stays.
func TestFormerMembersOfTheDesk(t *testing.T) {
	c := newCorrespondence(t)
	sealed, err := SealAnswer(c.pin, c.approver, c.message(""), c.to, c.desk, c.at)
	if err != nil {
		t.Fatal(err)
	}
	left := c.at.Add(time.Hour)
	if c.approver, err = c.approver.WithCertificate(mustCertify(t, c.root, c.approver, left)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.heading(t, sealed, c.own); err != nil {
		t.Errorf("an answer from before is no longer believed: %v", err)
	}
	c.at = left.Add(2 * time.Hour)
	if _, err := SealAnswer(c.pin, c.approver, c.message(""), c.to, c.desk, c.at); err == nil {
		t.Error("somebody who left has answered")
	}
}

// mustCertify makes of a member of the desk an auditor.
func mustCertify(t testing.TB, root, member *Key, at time.Time) *Certificate {
	t.Helper()
	c, err := CertifyStaff(root, member.Certificate(), []Role{RoleAuditor}, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func FuzzParseThreadMessage(f *testing.F) {
	m := NewThreadMessage("0123456789ABCDEF0123456789ABCDEF01234567", NewNumber(KindThread), "S-7K2M9QXD", "", []string{sha256Hex(nil)}, noon)
	m.Kind, m.From, m.Sender = Reply, "S-7K2M9QXD/2", "S-7K2M9QXD/2"
	m.Text = LanguageVersion{"en", "A question", "Who?\n"}
	mime, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(mime)
	f.Fuzz(func(t *testing.T, mime []byte) {
		if m, err := parseThreadMessage(mime); err == nil && !bytes.Equal(m.mime(), mime) {
			t.Error("two spellings of one message")
		}
	})
}
