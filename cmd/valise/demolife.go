package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// demoNeighbours are States besides the cast: the notices of the demo's life go to them, so that the cast's mailboxes stay as a newcomer expects them.
var demoNeighbours = []demoStakeholder{
	{crypto.KindState, "state", "Kingdom of Norrland", []demoPerson{
		{"Astrid Lindqvist, chargée d’affaires", crypto.ProfilePQ, true, "astrid.lindqvist@norrland.example"},
	}},
	{crypto.KindState, "state", "Republic of Costa Alta", []demoPerson{
		{"Rafael Quiroga, legal adviser", crypto.ProfileCompat, true, "quiroga@costa-alta.example"},
	}},
	{crypto.KindState, "state", "Federation of Maravia", []demoPerson{
		{"Milena Dvorska, consul", crypto.ProfilePQ, false, ""},
	}},
}

// demoSoon is the deadline of the notice that becomes overdue: far enough for a slow machine to approve it and to acknowledge, near enough to be watched.
const demoSoon = time.Minute

// demoMailPatience is much longer than the demo's two mails take.
const demoMailPatience = 20 * time.Second

// live lets things happen: what staff see in a portal that has been at work for a while.
func (d *demo) live(ctx context.Context) error {
	c, err := client.New(d.URL, true)
	if err != nil {
		return err
	}
	defer c.Close()
	trust, err := d.believe(ctx, c)
	if err != nil {
		return err
	}
	if err := d.welcome(ctx, c, trust, demoNeighbours); err != nil {
		return err
	}
	states := d.Mailboxes[len(d.Mailboxes)-len(demoNeighbours):]
	warned, err := d.warn(ctx, c, trust, states)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return d.answerWarning(ctx, trust, warned, states) },
		func() error { return d.group(ctx, c, trust, states) },
		func() error { return d.correspond(ctx, c, trust, warned, states[0]) },
		func() error { return d.chase(ctx, c, trust, warned, states) },
		func() error { return d.prepareMore(ctx, c, trust, states) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return c.LogOut(ctx)
}

// warn is a notice that is out, and soon overdue.
func (d *demo) warn(ctx context.Context, c *client.Client, trust *ceremony.Trust, states []demoMailbox) (crypto.Number, error) {
	draft := demoNoticeOf("Change the keys of the shared network", `Intruders were in the part of our network that your liaison office shares with us.

Please **replace every password and key** that was used there since 1 September, and acknowledge this notice.`,
		"Changez les clés du réseau partagé", `Des intrus ont pénétré dans la partie de notre réseau que votre bureau de liaison partage avec nous.

Veuillez **remplacer chaque mot de passe et chaque clé** qui y ont servi depuis le 1er septembre, et accuser réception du présent avis.`)
	draft.Acknowledge, draft.Urgent, draft.Fallback = true, true, crypto.FallbackAtOnce
	draft.Deadline = time.Now().Add(demoSoon).UTC().Truncate(time.Second)
	number, err := d.submit(ctx, c, trust, draft, numbersOf(states)...)
	if err != nil {
		return "", err
	}
	if err := d.approve(ctx, c, trust, number); err != nil {
		return "", err
	}
	d.note(number, draft, "released")
	return number, nil
}

// answerWarning is the recipients' part: the first acknowledges, the second only opens, the third has not claimed. The organisation opens the first notice, too, which it has by e-mail by then: it is left to
// whoever tries the demo to acknowledge for it.
func (d *demo) answerWarning(ctx context.Context, trust *ceremony.Trust, warned crypto.Number, states []demoMailbox) error {
	if err := d.read(ctx, trust, states[0].Representatives[0], warned, true); err != nil {
		return err
	}
	if err := d.read(ctx, trust, states[1].Representatives[0], warned, false); err != nil {
		return err
	}
	if err := d.mailed(ctx); err != nil {
		return err
	}
	return d.read(ctx, trust, d.Mailboxes[1].Representatives[0], d.Notices[0].Number, false)
}

// mailed waits until the first notice, and the form for its receipt, are with the representative who uses a mail program: to whoever has opened a notice, none is sent. A demo whose mail doesn't go out does without.
func (d *demo) mailed(ctx context.Context) error {
	if d.MailIn == "" {
		return nil
	}
	for end := time.Now().Add(demoMailPatience); time.Now().Before(end); {
		mails, err := filepath.Glob(filepath.Join(d.dir, demoMailFolder, "*.eml"))
		if err != nil {
			return err
		}
		came := 0
		for _, path := range mails {
			mail, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if bytes.Contains(mail, []byte("\nTo: "+demoLawyersAddress+"\r\n")) {
				came++
			}
		}
		if came == 2 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// read is a representative who opens a notice, and perhaps acknowledges it.
func (d *demo) read(ctx context.Context, trust *ceremony.Trust, r demoRepresentative, number crypto.Number, acknowledge bool) error {
	return d.as(ctx, r, func(c *client.Client, as crypto.Representative, bundle *crypto.Bundle) error {
		self, err := ceremony.SelfOf(bundle)
		if err != nil {
			return err
		}
		sealed, err := c.Notice(ctx, number)
		if err != nil {
			return err
		}
		opened, err := ceremony.Open(trust, self, number, sealed, time.Now())
		if err != nil || !acknowledge {
			return err
		}
		receipt, err := ceremony.Acknowledge(opened, bundle.Key, as, crypto.DecisionAcknowledged, sealed.Nonce, time.Now())
		if err != nil {
			return err
		}
		_, err = c.Acknowledge(ctx, number, receipt)
		return err
	})
}

// as logs a representative in for what they do.
func (d *demo) as(ctx context.Context, r demoRepresentative, do func(*client.Client, crypto.Representative, *crypto.Bundle) error) error {
	as, err := crypto.ParseRepresentative(r.Number)
	if err != nil {
		return err
	}
	bundle := d.unlocked[r.Number]
	if bundle == nil {
		return fmt.Errorf("%s has not claimed", r.Number)
	}
	c, err := client.New(d.URL, true)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.LogIn(ctx, r.Number, bundle.Key); err != nil {
		return err
	}
	if err := do(c, as, bundle); err != nil {
		return err
	}
	return c.LogOut(ctx)
}

// group is the registrar's part: one group, and one that has it in it.
func (d *demo) group(ctx context.Context, c *client.Client, trust *ceremony.Trust, states []demoMailbox) error {
	registrar := d.member(crypto.RoleRegistrar)
	if _, err := c.LogInStaff(ctx, registrar); err != nil {
		return err
	}
	shared := &ceremony.Group{Number: crypto.NewNumber(crypto.KindGroup), Revision: 1, Name: "States on the shared network"}
	for _, m := range states {
		shared.Members = append(shared.Members, m.Number)
	}
	incident := &ceremony.Group{Number: crypto.NewNumber(crypto.KindGroup), Revision: 1, Name: "Incident of 30 September", Members: []crypto.Number{shared.Number, d.Mailboxes[0].Number, d.Mailboxes[1].Number}}
	for _, g := range []*ceremony.Group{shared, incident} {
		slices.Sort(g.Members)
		sealed, err := ceremony.SealGroup(trust, registrar, g, time.Now())
		if err != nil {
			return err
		}
		if err := c.SaveGroup(ctx, g.Number, *sealed); err != nil {
			return err
		}
	}
	return nil
}

// correspond fills the desk's inbox: a question that was answered, and one that waits.
func (d *demo) correspond(ctx context.Context, c *client.Client, trust *ceremony.Trust, warned crypto.Number, state demoMailbox) error {
	answered, err := d.ask(ctx, trust, state.Representatives[0], warned, "Which systems are meant?", "Does this include the telephones in our liaison office, or only its computers?")
	if err != nil {
		return err
	}
	if _, err := d.ask(ctx, trust, d.Mailboxes[1].Representatives[0], d.Notices[0].Number, "May we tell our clients?", "Several witnesses whom we support ask us whether they are concerned. What may we tell them, and from when?"); err != nil {
		return err
	}
	return d.answer(ctx, c, trust, answered)
}

func (d *demo) ask(ctx context.Context, trust *ceremony.Trust, r demoRepresentative, about crypto.Number, subject, text string) (crypto.Number, error) {
	thread := crypto.NewNumber(crypto.KindThread)
	return thread, d.as(ctx, r, func(c *client.Client, as crypto.Representative, bundle *crypto.Bundle) error {
		message := crypto.NewThreadMessage(trust.Root().Fingerprint(), thread, as.Mailbox, about, nil, time.Now())
		message.Text = crypto.LanguageVersion{Language: "en", Subject: subject, Text: text}
		wire, err := c.Addressees(ctx, as.Mailbox)
		if err != nil {
			return err
		}
		sealed, err := ceremony.SealReply(trust, bundle.Key, as, message, wire, time.Now())
		if err != nil {
			return err
		}
		_, err = c.PostMessage(ctx, thread, sealed)
		return err
	})
}

func (d *demo) answer(ctx context.Context, c *client.Client, trust *ceremony.Trust, thread crypto.Number) error {
	author := d.member(crypto.RoleAuthor)
	if _, err := c.LogInStaff(ctx, author); err != nil {
		return err
	}
	detail, err := c.Thread(ctx, thread)
	if err != nil {
		return err
	}
	conversation, err := ceremony.ReadThread(trust, ceremony.DeskReader([]*crypto.Key{author}), thread, detail, time.Now())
	if err != nil {
		return err
	}
	message := crypto.NewThreadMessage(trust.Root().Fingerprint(), thread, conversation.Mailbox, conversation.About, conversation.Heads(), time.Now())
	message.Text = crypto.LanguageVersion{Language: "en", Subject: conversation.Subject(), Text: "Only the computers. The telephones are on a network of their own, which nobody entered."}
	wire, err := c.Addressees(ctx, conversation.Mailbox)
	if err != nil {
		return err
	}
	sealed, err := ceremony.SealAnswer(trust, author, message, wire, time.Now())
	if err != nil {
		return err
	}
	_, err = c.PostMessage(ctx, thread, sealed)
	return err
}

// chase is what staff did about who has not claimed: somebody telephoned.
func (d *demo) chase(ctx context.Context, c *client.Client, trust *ceremony.Trust, warned crypto.Number, states []demoMailbox) error {
	author := d.member(crypto.RoleAuthor)
	if _, err := c.LogInStaff(ctx, author); err != nil {
		return err
	}
	manifest, err := c.Manifest(ctx, warned)
	if err != nil {
		return err
	}
	made := crypto.ContactMade{Mailbox: states[2].Number, Way: crypto.ByTelephone, Outcome: crypto.ContactLeft, Time: time.Now().UTC().Truncate(time.Second), Note: "The consul is travelling. Her secretary takes the letter with the claim code to her tomorrow."}
	contact, err := ceremony.RecordContact(trust, author, warned, manifest, made, time.Now())
	if err != nil {
		return err
	}
	_, err = c.RecordContact(ctx, warned, contact)
	return err
}

// prepareMore leaves a notice that is approved for tomorrow, one that waits for an approval, and a draft.
func (d *demo) prepareMore(ctx context.Context, c *client.Client, trust *ceremony.Trust, states []demoMailbox) error {
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Truncate(24 * time.Hour).Add(9 * time.Hour)
	scheduled := demoNoticeOf("Briefing on the findings", "Our Registrar invites you to a briefing on the findings, on the day after tomorrow at 15:00.",
		"Séance d’information sur les constats", "Notre Greffier vous invite à une séance d’information sur les constats, après-demain à 15 h.")
	scheduled.Release = tomorrow
	waiting := demoNoticeOf("The shared network is safe again", "Every system of the shared network has been rebuilt. You can use it again with your new keys.",
		"Le réseau partagé est de nouveau sûr", "Tous les systèmes du réseau partagé ont été reconstruits. Vous pouvez vous en servir de nouveau, avec vos nouvelles clés.")
	waiting.Acknowledge, waiting.Deadline, waiting.Reminders = true, time.Now().Add(demoDeadline).UTC().Truncate(time.Hour), []int{48}
	number, err := d.submit(ctx, c, trust, scheduled, numbersOf(states)...)
	if err != nil {
		return err
	}
	if err := d.approve(ctx, c, trust, number); err != nil {
		return err
	}
	d.note(number, scheduled, "approved")
	if number, err = d.submit(ctx, c, trust, waiting, numbersOf(states)...); err != nil {
		return err
	}
	d.note(number, waiting, "submitted")
	return d.draft(ctx, c, trust)
}

// draft saves what the author has begun.
func (d *demo) draft(ctx context.Context, c *client.Client, trust *ceremony.Trust) error {
	number := crypto.NewNumber(crypto.KindNotice)
	content, err := json.Marshal(map[string]any{
		"id": number, "words": []string{"states"}, "acknowledge": true, "fallback": string(crypto.FallbackAfter(12)),
		"languages": []map[string]string{
			{"language": "en", "subject": "What the experts found", "text": "The independent experts have handed in their report.\n\n[What they found, in everyday words]"},
			{"language": "fr", "subject": "", "text": ""},
		},
	})
	if err != nil {
		return err
	}
	save, err := ceremony.SaveNoticeDraft(trust, d.member(crypto.RoleAuthor), crypto.NoticeDraft{Draft: number, Revision: 1, Content: content}, nil, time.Now())
	if err != nil {
		return err
	}
	_, err = c.SaveNoticeDraft(ctx, number, save)
	return err
}

func demoNoticeOf(subject, text, sujet, texte string) *crypto.Draft {
	return &crypto.Draft{Languages: []crypto.LanguageVersion{
		{Language: "en", Subject: subject, Text: text},
		{Language: "fr", Subject: sujet, Text: texte},
	}}
}

func numbersOf(mailboxes []demoMailbox) (numbers []string) {
	for _, m := range mailboxes {
		numbers = append(numbers, string(m.Number))
	}
	return numbers
}
