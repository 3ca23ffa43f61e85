//go:build desk || !js

package main

import (
	"errors"

	"valise/crypto"
	"valise/portal/ceremony"
)

// The calls about files that go with statements. Sealed octets cross as bytes, each in a call of its own.
func init() {
	register(table{
		"attachment-seal":    withData((*engine).sealAttachment),
		"attachment-octets":  handle((*engine).attachmentOctets),
		"attachment-open":    withData((*engine).openAttachment),
		"attachment-needed":  handle((*engine).neededAttachments),
		"attachment-hold":    withData((*engine).holdAttachment),
		"attachment-file":    handle((*engine).attachmentFile),
		"attachment-hand-on": handle((*engine).handOnAttachments),
	})
}

type namedFile struct {
	Statement crypto.Number `json:"statement"`
	Name      string        `json:"name"`
	Type      string        `json:"type"` // "": by the file
}

// sealAttachment seals a file to the desk; its octets are fetched with attachment-octets, under the name in Sealed.
func (e *engine) sealAttachment(p namedFile, data []byte) (draftAttachment, error) {
	o, err := e.onDuty()
	if err != nil {
		return draftAttachment{}, err
	}
	if p.Type == "" || p.Type == "application/octet-stream" {
		p.Type = ceremony.AttachmentType(p.Name, data)
	}
	a, err := ceremony.SealAttachment(e.trust, o.key, p.Statement, p.Name, p.Type, data, e.now())
	if err != nil {
		return draftAttachment{}, coded(err)
	}
	o.send(a)
	return draftAttachment{a.Name, a.Type, a.Size, a.SHA256, a.ID}, nil
}

func (o *officer) send(a *ceremony.SealedAttachment) {
	if o.outgoing == nil {
		o.outgoing = make(map[string][]byte)
	}
	o.outgoing[a.ID] = a.Sealed
}

type namedOctets struct {
	ID string `json:"id"`
}

// attachmentOctets returns what is to be uploaded, and forgets it.
func (e *engine) attachmentOctets(p namedOctets) (rawData, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	octets := o.outgoing[p.ID]
	if octets == nil {
		return nil, errEngine
	}
	delete(o.outgoing, p.ID)
	return octets, nil
}

type openingAttachment struct {
	Statement  crypto.Number   `json:"statement"`
	Attachment draftAttachment `json:"attachment"`
}

// openAttachment opens a file of a draft, and compares it with what the draft names.
func (e *engine) openAttachment(p openingAttachment, sealed []byte) (rawData, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	a := p.Attachment
	data, err := ceremony.OpenAttachment(e.trust, o.keys, p.Statement, crypto.StatementAttachment{SHA256: a.SHA256, Size: a.Size, Type: a.Type, Name: a.Name}, sealed, e.now())
	return data, err
}

type neededAttachment struct {
	SHA256  string `json:"sha256"`
	Name    string `json:"name"`
	ID      string `json:"id"`
	Version int    `json:"version"` // with which it is published already; 0: it isn't
}

// neededAttachments names the files of what is examined that were not compared yet.
func (e *engine) neededAttachments(p aboutExamined) ([]neededAttachment, error) {
	x, err := e.examined(p.Statement)
	if err != nil {
		return nil, err
	}
	needed := []neededAttachment{}
	for _, f := range x.Needed() {
		needed = append(needed, neededAttachment{f.SHA256, f.Name, f.ID, f.Version})
	}
	return needed, nil
}

type holding struct {
	Statement crypto.Number `json:"statement"`
	SHA256    string        `json:"sha256"`
}

// holdAttachment compares a file, sealed or published, with what the author signed.
func (e *engine) holdAttachment(p holding, octets []byte) (none, error) {
	x, err := e.examined(p.Statement)
	if err != nil {
		return none{}, err
	}
	for _, f := range x.Needed() {
		if f.SHA256 == p.SHA256 {
			return none{}, x.Hold(e.trust, e.desk.keys, f, octets, e.now())
		}
	}
	return none{}, nil // it is held already
}

// attachmentFile returns a file of what is examined.
func (e *engine) attachmentFile(p namedFile) (rawData, error) {
	x, err := e.examined(p.Statement)
	if err != nil {
		return nil, err
	}
	if data := x.File(p.Name); data != nil {
		return data, nil
	}
	return nil, &refusal{"attachment-not-compared", errors.New("the attachment is not loaded; load the page again")}
}

// handOnAttachments seals the files to the notaries, when what is examined has a minute, and names what is to be uploaded before it is approved.
func (e *engine) handOnAttachments(p aboutExamined) ([]string, error) {
	x, err := e.examined(p.Statement)
	if err != nil {
		return nil, err
	}
	files, err := x.HandOn(e.trust, e.desk.key, e.now())
	if err != nil {
		return nil, coded(err)
	}
	ids := []string{}
	for _, f := range files {
		e.desk.send(f)
		ids = append(ids, f.ID)
	}
	return ids, nil
}
