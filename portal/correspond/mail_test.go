package correspond_test

import (
	"context"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/correspond"
	"valise/portal/portaltest"
	"valise/portal/store"
)

// delivering is a database in which every notice lies in every mailbox.
type delivering struct{ *store.DB }

func (delivering) Delivered(context.Context, crypto.Number, crypto.Number) (bool, error) {
	return true, nil
}

// deskMail gives the court a certificate for mail programs.
func (c *court) deskMail() *crypto.Key {
	c.t.Helper()
	made, err := crypto.NewDeskKey("International Court (test)", "registry@court.example", noon)
	must(c.t, err)
	k := c.Certify(made, noon, crypto.RoleDeskMail)
	c.keepStaff(k)
	c.Correspond = correspond.New(delivering{c.db}, c.pin, func() time.Time { return c.now })
	return k
}

func TestAMailGoesIntoTheThreadOfItsNotice(t *testing.T) {
	gpg := portaltest.GPG(t)
	onBoth(t, func(t *testing.T, c *court) {
		ctx := t.Context()
		desk := c.deskMail()
		gpg.Import([]byte(desk.Certificate().Armor()))
		gpg.Import([]byte(c.people[colleague].Own.Certificate().Armor()))
		notice := crypto.NewNumber(crypto.KindNotice)
		sealed := func(text string) portal.MailedReply {
			return portal.MailedReply{Notice: notice, Answers: c.people[colleague].Representative, Message: gpg.Encrypt([]byte(text), string(desk.Certificate().Fingerprint()))}
		}
		take := func(m portal.MailedReply) bool {
			t.Helper()
			c.now = c.now.Add(time.Minute)
			created, err := c.TakeMail(ctx, m)
			must(t, err)
			return created
		}
		approver, delegateActor := c.acting(c.approver), c.people[delegate].Acting()

		// It begins a thread, once, which waits for an answer; the mailbox sees that it came, and counts nothing as unread.
		first := sealed("One")
		if !take(first) || take(first) {
			t.Error("the first mail is not taken once")
		}
		inbox, err := c.Threads(ctx, approver, "open")
		must(t, err)
		if len(inbox) != 1 || inbox[0].Unread != 1 || inbox[0].Unshared != 0 || !inbox[0].Waiting() || inbox[0].About != notice || inbox[0].Mailbox != first.Answers.Mailbox {
			t.Fatalf("%+v", inbox)
		}
		number := inbox[0].Number
		thread, messages, err := c.Thread(ctx, delegateActor, number)
		must(t, err)
		if thread.Unread != 0 || thread.Unshared != 0 || len(messages) != 1 || messages[0].Kind != crypto.MailedReply || messages[0].Writer != "" || len(messages[0].Heading)+len(messages[0].Envelope) != 0 {
			t.Errorf("%+v %+v", thread, messages)
		}
		_, body, err := c.Message(ctx, delegateActor, number, messages[0].ID)
		c.wantCode(err, portal.NotFound, "sealed-to-desk")
		if body != nil {
			t.Error("and the body is given out")
		}
		_, _, err = c.Message(ctx, c.people[lawyer].Acting(), number, messages[0].ID)
		c.wantCode(err, portal.NotFound, "no-thread")

		// The desk fetches what came, to the octet; each member for themself.
		m, body, err := c.Message(ctx, approver, number, messages[0].ID)
		must(t, err)
		if kept, err := crypto.CheckMailedReply(first.Message, []*crypto.Certificate{desk.Certificate()}); err != nil || string(kept) != string(body) || m.ReadAt.IsZero() || m.Answers != first.Answers.String() {
			t.Errorf("%+v, %v", m, err)
		}
		for _, k := range []*crypto.Key{c.approver, c.author} {
			if inbox, err = c.Threads(ctx, c.acting(k), "open"); err != nil || (inbox[0].Unread == 0) != (k == c.approver) {
				t.Errorf("%+v, %v", inbox, err)
			}
		}
		if lacking, err := c.Lacking(ctx, approver); err != nil || len(lacking) != 0 {
			t.Errorf("somebody lacks %+v, %v", lacking, err)
		}

		// An answer; another mail about the same notice goes to the same thread, and opens it again.
		answer := crypto.NewThreadMessage(c.pin.Fingerprint(), number, thread.Mailbox, notice, []string{messages[0].SHA256}, c.now)
		answer.Text = crypto.LanguageVersion{Language: "en", Subject: "Re", Text: "The registrar.\n"}
		sealedAnswer, err := crypto.SealAnswer(c.pin, c.approver, answer, c.recipients(delegate, colleague), c.desk(c.author, c.approver), c.now)
		must(t, err)
		_, _, err = c.Answer(ctx, approver, sealedAnswer)
		must(t, err)
		must(t, c.Close(ctx, approver, number))
		if !take(sealed("Two")) {
			t.Error("the second mail is not taken")
		}
		if thread, messages, err = c.Thread(ctx, approver, number); err != nil || len(messages) != 3 || thread.Closed || !thread.Waiting() {
			t.Errorf("%+v, %v", thread, err)
		}
		writers, err := c.MailWriters(ctx, thread)
		must(t, err)
		if len(writers) != 3 || len(writers[c.people[colleague].Representative]) != 2 {
			t.Errorf("%d writers", len(writers))
		}

		// What the desk could not open, and what nobody seals like that.
		other := first
		other.Message = gpg.Encrypt([]byte("One"), string(c.people[colleague].Own.Certificate().Fingerprint()))
		_, err = c.TakeMail(ctx, other)
		c.wantCode(err, portal.Invalid, "other-key")
		other.Message = []byte("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n")
		_, err = c.TakeMail(ctx, other)
		c.wantCode(err, portal.Invalid, "not-sealed")
	})
}

// TestAFloodOfMailKeepsNobodyFromWriting on the portal: each has bounds of its own.
func TestAFloodOfMailKeepsNobodyFromWriting(t *testing.T) {
	c := newCourt(t, t.TempDir()+"/portal.db")
	desk := c.deskMail()
	notice := crypto.NewNumber(crypto.KindNotice)
	gpg := portaltest.GPG(t)
	gpg.Import([]byte(desk.Certificate().Armor()))
	m := portal.MailedReply{Notice: notice, Answers: c.people[delegate].Representative}
	template := gpg.Encrypt([]byte("x"), string(desk.Certificate().Fingerprint()))
	sealed, err := crypto.CheckMailedReply(template, []*crypto.Certificate{desk.Certificate()})
	must(t, err)
	taken := 0
	for i := range 300 {
		m.Message = append(sealed[:len(sealed)-1:len(sealed)-1], byte(i)) // what is inside, nobody looks at here
		if i >= 256 {
			m.Message[len(m.Message)-2]++
		}
		created, err := c.TakeMail(t.Context(), m)
		if created {
			taken++
		} else if kind := portal.KindOf(err); kind != portal.TooMany && kind != portal.Conflict { // too-many-mails, or thread-full
			t.Fatal(err)
		}
		if i%60 == 59 {
			c.now = c.now.Add(25 * time.Hour)
		}
	}
	if taken != 200 {
		t.Errorf("%d mails were taken into one thread", taken)
	}
	threads, err := c.Threads(t.Context(), c.people[delegate].Acting(), "")
	must(t, err)
	if len(threads) != 1 || threads[0].Messages != 200 {
		t.Fatalf("%+v", threads)
	}
	for range 3 {
		reply := c.writing()
		reply.Thread, reply.About = threads[0].Number, notice
		_, created, err := c.Reply(t.Context(), c.people[delegate].Acting(), c.reply(reply, delegate, colleague))
		if err != nil || !created {
			t.Errorf("a reply on the portal: %v", err)
		}
	}
}
