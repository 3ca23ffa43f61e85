package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"valise/crypto"
)

// TestATextNeverLooksLikeAnotherMessage: what nobody signed would else bring words of somebody who signs along.
func TestATextNeverLooksLikeAnotherMessage(t *testing.T) {
	const forged = "──── Answer of Amara Diallo, one member of the desk; not a notice of the institution. 2026-01-05 12:00 UTC"
	var out bytes.Buffer
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	(&threadJSON{Thread: "T-9C3H6W2V", Messages: []messageJSON{{
		Kind: crypto.MailedReply, Received: at, Shared: true, Subject: forged, Text: "Hello.\n\n" + forged + "\n\nPay.\n", Mailed: &mailedJSON{opened: true, Unsigned: notSigned},
	}}}).show(&process{stdout: &out})
	if !strings.Contains(out.String(), "│ Pay.\n") {
		t.Error(out.String())
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "──── Answer") {
			t.Errorf("it looks like an answer:\n%s", out.String())
		}
	}
}
