//go:build desk || !js

package main

import (
	"encoding/json"
	"errors"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// Who has answered a notice, by the receipts. The directory of mailboxes was read before, by registry-directory.
func init() {
	register(table{"dispatch-answers": (*engine).noticeAnswers})
}

type answersAsked struct {
	Notice    crypto.Number       `json:"notice"`
	Mailboxes []api.MailboxStatus `json:"mailboxes"` // what the portal says of each
	Released  *time.Time          `json:"released"`  // likewise of the release
}

// answersShown is how many receipts held, and where what the portal says is another thing.
type answersShown struct {
	Acknowledged int           `json:"acknowledged"`
	Refused      int           `json:"refused"`
	Mailboxes    int           `json:"mailboxes"` // that the notice went to, by the audience that was signed
	Wrong        []answerWrong `json:"wrong"`
	releaseTimes
}

type answerWrong struct {
	Mailbox crypto.Number `json:"mailbox"`
	What    string        `json:"what"` // "unproved", "invented", "missing"
	Why     string        `json:"why"`
	Reason  string        `json:"reason"` // a word for it; ""
}

// noticeAnswers verifies all receipts of a released notice; data is the answer of GET /staff/notices/{notice}/receipts, all its pages in one.
func (e *engine) noticeAnswers(parameters, data []byte) (any, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	var p answersAsked
	var r api.Receipts
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, errEngine
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, errors.New("the portal's answer can't be read")
	}
	answers, err := ceremony.ReadAnswers(e.trust, p.Notice, r, o.directory, e.now(), nil)
	if err != nil {
		return nil, &refusal{"answers-false", err}
	}
	shown := answersShown{Mailboxes: len(answers.Mailboxes), Wrong: []answerWrong{}, releaseTimes: timesOf(answers.Notice, p.Released)}
	for _, answer := range answers.Mailboxes {
		switch {
		case answer.Receipt == nil:
		case answer.Receipt.Receipt.Acknowledgement().Decision == crypto.DecisionRefused:
			shown.Refused++
		default:
			shown.Acknowledged++
		}
	}
	for _, m := range p.Mailboxes {
		if err := answers.Check(m); err != nil {
			what := "unproved"
			if answers.Mailboxes[m.Mailbox] == nil {
				what = "invented"
			}
			shown.Wrong = append(shown.Wrong, answerWrong{m.Mailbox, what, sentence(err).Error(), ceremony.ReasonOf(err)})
		}
	}
	for _, n := range answers.Missing(p.Mailboxes) {
		shown.Wrong = append(shown.Wrong, answerWrong{n, "missing", "", ""})
	}
	return shown, nil
}
