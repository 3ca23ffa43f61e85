//go:build reader || !js

package main

import (
	"errors"
	"fmt"

	"valise/crypto"
	"valise/portal/ceremony"
)

// The offline reader (pack/reader): a page in one file that opens what the courier sent, with no network. It calls these, and nothing else of this program; they are in
// its own build alone, which is part of that file and weighs on no line.

func init() {
	register(table{
		"offline-take":       (*engine).offlineTake,
		"offline-forget":     handle((*engine).offlineForget),
		"offline-open":       handle((*engine).offlineOpen),
		"offline-attachment": handle((*engine).offlineAttachment),
		"offline-receipt":    handle((*engine).offlineReceipt),
	})
}

// offline is what the offline reader was handed.
type offline struct {
	taken  ceremony.Offline
	notice *ceremony.OfflineNotice
}

type offlineHeld struct {
	Held     string `json:"held"` // of this file
	Messages int    `json:"messages"`
	Key      bool   `json:"key"` // of all files
}

// offlineTake reads a file.
func (e *engine) offlineTake(_, data []byte) (any, error) {
	held, err := e.offline.taken.Take(data)
	if err != nil {
		return nil, err
	}
	return offlineHeld{held, e.offline.taken.Messages(), e.offline.taken.HasKey()}, nil
}

// offlineForget drops all files, and the key.
func (e *engine) offlineForget(none) (none, error) { return e.forget(none{}) }

type offlinePassphrase struct {
	Passphrase string `json:"passphrase"`
}

// offlineShown is a notice as the offline reader shows it.
type offlineShown struct {
	shownNotice
	Whole        bool   `json:"whole"`                 // everything held; else Approver is empty, and so is what follows from the manifest
	PersonalHeld bool   `json:"personal_held"`         // Personal is what both people signed
	Receipt      bool   `json:"receipt"`               // one can be signed here
	As           string `json:"as"`                    // whose key it is
	PersonalTo   string `json:"personal_to,omitempty"` // the mailbox
}

// offlineOpen opens what was taken.
func (e *engine) offlineOpen(p offlinePassphrase) (offlineShown, error) {
	bundle, trust, notice, err := e.offline.taken.Open(p.Passphrase, e.now())
	if err != nil {
		if errors.Is(err, ceremony.ErrNoMessage) {
			return offlineShown{}, &refusal{"no-notice", err}
		}
		return offlineShown{}, err
	}
	as, err := crypto.ParseRepresentative(bundle.Holder)
	if err != nil {
		return offlineShown{}, err
	}
	e.as, e.bundle, e.trust, e.offline.notice = as, bundle, trust, notice
	shown := offlineShown{As: as.String(), Whole: notice.Notice != nil}
	if shown.Whole {
		shown.shownNotice = e.show(notice.Notice)
		shown.Receipt = shown.Acknowledge && notice.Nonce != ""
	} else {
		shown.shownNotice = e.showContent(notice.Content)
		shown.Author = shownSigner{notice.Author.Name(), notice.Author.Certificate().Fingerprint().Spaced(), rfc3339(notice.Signed.UTC())}
	}
	shown.Personal = []shownLanguage{}
	if part := notice.Personal; part != nil {
		shown.PersonalHeld, shown.PersonalTo = part.Held, string(part.Mailbox)
		for _, l := range part.Languages {
			shown.Personal = append(shown.Personal, shownLanguage{l.Language, l.Subject, parseMarkdown(l.Text)})
		}
	}
	return shown, nil
}

type offlineFile struct {
	Index int `json:"index"`
}

func (e *engine) offlineAttachment(p offlineFile) (rawData, error) {
	n := e.offline.notice
	if n == nil {
		return nil, errLocked
	}
	content := n.Content
	if n.Notice != nil {
		content = n.Notice.Content()
	}
	if p.Index < 0 || p.Index >= len(content.Attachments) {
		return nil, fmt.Errorf("%w (attachment %d)", errEngine, p.Index)
	}
	return rawData(content.Attachments[p.Index].Data), nil
}

type offlineDecision struct {
	Decision crypto.Decision `json:"decision"`
}

type signedText struct {
	Text string `json:"text"`
}

// offlineReceipt signs a receipt to be sent by e-mail, with the nonce that the courier gave for it.
func (e *engine) offlineReceipt(p offlineDecision) (signedText, error) {
	n := e.offline.notice
	if n == nil || n.Notice == nil || n.Nonce == "" {
		return signedText{}, errors.New("what this receipt takes is not among these files")
	}
	receipt, err := ceremony.Acknowledge(n.Notice, e.bundle.Key, e.as, p.Decision, n.Nonce, e.now())
	if err != nil {
		return signedText{}, err
	}
	return signedText{receipt.Receipt}, nil
}
