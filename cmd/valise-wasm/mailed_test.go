//go:build desk || !js

package main

import (
	"fmt"
	"testing"

	"valise/portal/ceremony"
	"valise/portal/mail"
)

func TestATabHoldsFewLargeMails(t *testing.T) {
	e := &engine{}
	data := make([]byte, 20<<20)
	for i := range 200 {
		e.letters.mailed.hold(fmt.Sprint(i%190), &ceremony.Mailed{Mail: &mail.Mail{Files: []mail.File{{Data: data}}}})
	}
	if m := &e.letters.mailed; len(m.opened) != 3 || len(m.order) != 3 || m.held != 3*len(data) {
		t.Errorf("%d are held, with %d octets", len(m.opened), m.held)
	}
	if file, err := e.threadFile(messageName{Message: "9"}); err != nil || len(file) != len(data) {
		t.Error(err)
	}
	if _, err := e.threadFile(messageName{Message: "1"}); codeOf(err) != "mail-given-up" {
		t.Error(err)
	}
	e.letters.mailed.hold("large", &ceremony.Mailed{Mail: &mail.Mail{Files: []mail.File{{Data: data}, {Data: data}, {Data: data}, {Data: data}}}})
	if m := &e.letters.mailed; len(m.opened) != 1 || m.held != 4*len(data) {
		t.Errorf("%d are held, with %d octets", len(m.opened), m.held)
	}
}
