package main

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"rsc.io/qr"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/templates"
)

// letter is what the template of the letter is filled in with.
type letter struct {
	Languages   []letterText // those of the institution that the template knows; Tag only
	Names       []letterText // the institution's name in these languages
	Addressee   []string     // empty for individuals: the letter doesn't say whom the institution writes to
	Date        string
	Origin      string
	Number      string
	Code        []string // groups of five
	Fingerprint []string // groups of four
	SHA256      []string // groups of eight
	Contact     []string // how to reach a person; the registrar's word, never the server's
	QR          template.HTML
}

type letterText struct{ Tag, Text string }

// letterLanguages are the languages that the template is written in.
var letterLanguages = []string{"en", "fr"}

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
	as := order.Representative
	root := o.trust.Root().Certificate()
	l := &letter{
		Date: time.Now().Format(time.DateOnly), Origin: o.client.Origin(), Number: as.String(),
		Code: strings.Split(string(code), "-"), Fingerprint: strings.Fields(root.Fingerprint().Spaced()),
		SHA256: strings.Fields(groupsOf(root.PublicKeySHA256(), 8)), Contact: contact,
	}
	if as.Mailbox.Kind() != crypto.KindIndividual {
		l.Addressee = append(l.Addressee, order.Person)
		if order.Stakeholder != "" {
			l.Addressee = append(l.Addressee, order.Stakeholder)
		}
	}
	for _, tag := range i.Languages {
		if slices.Contains(letterLanguages, tag) {
			l.Languages = append(l.Languages, letterText{Tag: tag})
			l.Names = append(l.Names, letterText{tag, clean(i.Name[tag])})
		}
	}
	if len(l.Languages) == 0 {
		l.Languages = []letterText{{Tag: "en"}}
		l.Names = []letterText{{"en", o.trust.Institution()}}
	}
	var err error
	if l.QR, err = qrCode(claimAddress(l.Origin, as, code)); err != nil {
		return nil, err
	}
	return l.render()
}

// claimAddress is what the QR code holds. What stands behind # never leaves the
// browser, and the page takes it off its address at once.
func claimAddress(origin string, as crypto.Representative, code crypto.ClaimCode) string {
	return fmt.Sprintf("%s/claim#%s.%d:%s", origin, as.Mailbox, as.Ordinal, code)
}

func (l *letter) render() ([]byte, error) {
	type label struct {
		Letter *letter
		Key    string
	}
	t, err := template.New("letter").Funcs(template.FuncMap{
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

// qrCode draws a QR code (ISO/IEC 18004) as SVG, with the quiet zone of four modules.
func qrCode(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	const quiet = 4
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	side := code.Size + 2*quiet
	return template.HTML(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="QR"><path d="%s" fill="#000"/></svg>`, side, side, path.String())), nil
}
