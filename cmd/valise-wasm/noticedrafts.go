//go:build desk || !js

package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of drafts of notices. What is in a draft is the page's affair; here it is opened, sealed, and its number and files are looked at.
func init() {
	register(table{
		"notice-drafts":     handle((*engine).noticeDrafts),
		"notice-draft-new":  handle((*engine).newNoticeDraft),
		"notice-draft-seal": handle((*engine).sealNoticeDraft),
		"notice-file-seal":  withData((*engine).sealNoticeFile),
		"notice-file-open":  withData((*engine).openNoticeFile),
	})
}

type listingDrafts struct {
	Drafts []api.NoticeDraft `json:"drafts"`
}

// noticeDraftLine is a draft in a list. Draft is null when it can't be opened.
type noticeDraftLine struct {
	ID       crypto.Number   `json:"id"`
	State    string          `json:"state"` // draft
	Revision int             `json:"revision"`
	Saved    string          `json:"saved"`
	SavedBy  string          `json:"savedBy"`
	Mine     bool            `json:"mine"` // saved last by who is logged in
	Draft    json.RawMessage `json:"draft"`
	Problem  string          `json:"problem"` // why not
}

// noticeDrafts opens drafts as the portal shows them.
func (e *engine) noticeDrafts(p listingDrafts) ([]noticeDraftLine, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	now := e.now()
	lines := make([]noticeDraftLine, len(p.Drafts))
	for i, d := range p.Drafts {
		lines[i] = noticeDraftLine{ID: d.Draft, State: "draft", Revision: d.Revision, Saved: rfc3339(d.Saved.UTC()), SavedBy: e.trust.NameOf(d.SavedBy, now), Mine: d.SavedBy == e.holder()}
		opened, err := ceremony.OpenNoticeDraft(e.trust, o.keys, d, now)
		if err != nil {
			lines[i].Problem = sentence(err).Error()
			continue
		}
		lines[i].Draft, lines[i].SavedBy = opened.Content, opened.Writer.Name()
	}
	return lines, nil
}

type noticeDraftNumber struct {
	ID crypto.Number `json:"id"`
}

// newNoticeDraft draws the number of a draft.
func (e *engine) newNoticeDraft(none) (noticeDraftNumber, error) {
	if _, err := e.onDuty(); err != nil {
		return noticeDraftNumber{}, err
	}
	return noticeDraftNumber{crypto.NewNumber(crypto.KindNotice)}, nil
}

type sealingNoticeDraft struct {
	Draft    json.RawMessage `json:"draft"`
	Revision int             `json:"revision"` // of the one that was changed; 0: new
}

// sealNoticeDraft returns what to send to save a draft. Files in it are those that were uploaded.
func (e *engine) sealNoticeDraft(p sealingNoticeDraft) (api.SaveNoticeDraft, error) {
	o, err := e.onDuty()
	if err != nil {
		return api.SaveNoticeDraft{}, err
	}
	var read struct {
		ID          crypto.Number `json:"id"`
		Attachments []struct {
			Name   string `json:"name"`
			Sealed string `json:"sealed"`
		} `json:"attachments"`
	}
	if err := json.Unmarshal(p.Draft, &read); err != nil {
		return api.SaveNoticeDraft{}, fmt.Errorf("%w (%v)", errEngine, err)
	}
	var files []string
	for _, a := range read.Attachments {
		if a.Sealed == "" {
			return api.SaveNoticeDraft{}, &refusal{"attachment-not-uploaded", fmt.Errorf("the attachment %q is not uploaded yet", a.Name)}
		}
		files = append(files, a.Sealed)
	}
	var content bytes.Buffer
	if err := json.Compact(&content, p.Draft); err != nil {
		return api.SaveNoticeDraft{}, err
	}
	return ceremony.SaveNoticeDraft(e.trust, o.key, crypto.NoticeDraft{Draft: read.ID, Revision: p.Revision + 1, Content: content.Bytes()}, files, e.now())
}

type namedNoticeFile struct {
	Draft  crypto.Number `json:"draft"`
	Name   string        `json:"name"`
	Type   string        `json:"type"`   // "": by the file
	Sealed string        `json:"sealed"` // that the draft names, of one that is opened
}

// sealNoticeFile seals a file of a draft; its octets are fetched with attachment-octets, under the name in Sealed.
func (e *engine) sealNoticeFile(p namedNoticeFile, data []byte) (draftAttachment, error) {
	o, err := e.onDuty()
	if err != nil {
		return draftAttachment{}, err
	}
	if p.Type == "" || p.Type == "application/octet-stream" {
		p.Type = ceremony.AttachmentType(p.Name, data)
	}
	a, err := ceremony.SealNoticeFile(e.trust, o.key, p.Draft, p.Name, p.Type, data, e.now())
	if err != nil {
		return draftAttachment{}, coded(err)
	}
	o.send(a)
	return draftAttachment{a.Name, a.Type, a.Size, a.SHA256, a.ID}, nil
}

// openNoticeFile opens a file of a draft, if it is the one that the draft names.
func (e *engine) openNoticeFile(p namedNoticeFile, sealed []byte) (rawData, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	data, err := ceremony.OpenNoticeFile(e.trust, o.keys, p.Draft, p.Sealed, sealed, e.now())
	return data, err
}
