package main

import (
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/portaltest"
)

const (
	replySubject = "Which of our forty-one depositions were copied"
	replyText    = "Please telephone the chancery of the **Grand Duchy** before anybody else learns which depositions were on that shelf."
	answerText   = "Deposition nineteen was opened; *the pseudonym of its author* was in the footer, nothing else."
	replyFile    = "depositions-of-the-grand-duchy.txt"
)

// correspond replies to a notice, reads the reply at the desk, and answers.
func (j *journey) correspond(v *client.Client, bundle *crypto.Bundle, as crypto.Representative, about crypto.Number) {
	j.t.Helper()
	ctx := j.t.Context()
	for what, text := range map[string]string{"the subject of a reply": replySubject, "the name of a file in a reply": replyFile} {
		j.secrets = append(j.secrets, portaltest.Secret{What: what, Value: []byte(text), Guessable: true})
	}
	j.secret("a reply", replyText)
	j.secret("an answer", answerText)

	m := crypto.NewThreadMessage(j.trust.Root().Fingerprint(), crypto.NewNumber(crypto.KindThread), as.Mailbox, about, nil, time.Now())
	m.Text = crypto.LanguageVersion{Language: "en", Subject: replySubject, Text: replyText}
	m.Attachments = []crypto.Attachment{{Name: replyFile, Type: "text/plain", Data: []byte(attachmentText)}}
	j.secret("the salt of a reply", m.Salt)
	_, err := v.Send(ctx, m, func(to api.Addressees) (*api.NewMessage, error) {
		return ceremony.SealReply(j.trust, bundle.Key, as, m, to, time.Now())
	})
	j.must(err)

	desk, reader := j.staff(j.Approver), ceremony.DeskReader([]*crypto.Key{j.Approver})
	_, err = desk.ShareThreads(ctx, j.trust, reader)
	j.must(err)
	detail, err := desk.Thread(ctx, m.Thread)
	j.must(err)
	conversation, err := ceremony.ReadThread(j.trust, reader, m.Thread, detail, time.Now())
	j.must(err)
	wire, err := desk.ThreadMessage(ctx, m.Thread, m.ID)
	j.must(err)
	_, err = ceremony.ReadMessage(conversation, wire, time.Now())
	j.must(err)
	answer := crypto.NewThreadMessage(j.trust.Root().Fingerprint(), m.Thread, as.Mailbox, about, conversation.Heads(), time.Now())
	answer.Text = crypto.LanguageVersion{Language: "en", Subject: replySubject, Text: answerText}
	_, err = desk.Send(ctx, answer, func(to api.Addressees) (*api.NewMessage, error) {
		return ceremony.SealAnswer(j.trust, j.Approver, answer, to, time.Now())
	})
	j.must(err)
	j.must(desk.AssignThread(ctx, m.Thread, crypto.StaffHolder(j.Approver.Certificate().Fingerprint())))
	j.must(desk.CloseThread(ctx, m.Thread))
}
