package main

import (
	"bytes"
	"fmt"
	"html/template"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/templates"
)

// letter is what the template of the letter is filled in with.
type letter struct {
	*ceremony.Letter
	Languages []letterText // those of the institution that the template knows; Tag only
	Names     []letterText // the institution's name in these languages
	Contact   []string     // how to reach a person; the registrar's word, never the server's
	QR        template.HTML
}

type letterText struct{ Tag, Text string }

// NameIn returns the institution's name in a language, or in the first one.
func (l *letter) NameIn(tag string) string {
	for _, name := range l.Names {
		if name.Tag == tag {
			return name.Text
		}
	}
	return l.Names[0].Text
}

// writeLetter fills the letter in. Nothing in it but the institution's name in its
// languages is the server's word: that name is compared with the root's by the registrar's eye.
func writeLetter(o *officer, i api.Institution, order ceremony.Order, code crypto.ClaimCode, contact []string) ([]byte, error) {
	written, err := ceremony.WriteLetter(o.trust, o.client.Origin(), order, code, time.Now())
	if err != nil {
		return nil, err
	}
	l := &letter{Letter: written, Contact: contact, QR: picture(written.QR)}
	for _, tag := range ceremony.InLetter(i.Languages) {
		name := clean(i.Name[tag])
		if name == "" {
			name = o.trust.Institution()
		}
		l.Languages = append(l.Languages, letterText{Tag: tag})
		l.Names = append(l.Names, letterText{tag, name})
	}
	return l.render()
}

func (l *letter) render() ([]byte, error) {
	type label struct {
		Letter *letter
		Key    string
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"dict": func(l *letter, key string) label { return label{l, key} },
	}).Parse(templates.Letter)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := t.Execute(&page, l); err != nil {
		return nil, err
	}
	return append(bytes.TrimSpace(page.Bytes()), '\n'), nil
}

// picture is a QR code as SVG.
func picture(code ceremony.QRCode) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="QR"><path d="%s" fill="#000"/></svg>`, code.Side, code.Side, code.Path))
}
