package courier_test

import (
	"bytes"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestSizesTellLittle: mails have one of a few sizes, and what is too large for a mail is announced, with the recipient's key and nothing to click on.
func TestSizesTellLittle(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindState, crypto.ProfileCompat)
	p.address(person, nil)
	c := p.courier(p.config())
	want := 0
	for attached, size := range map[int]int{100: 16 << 10, 20_000: 64 << 10, 100_000: 256 << 10, 8 << 20: 0} {
		draft := atOnce(p.Server)
		draft.Attachments = []crypto.Attachment{{Name: "file.bin", Type: "application/octet-stream", Data: bytes.Repeat([]byte("x"), attached)}}
		p.Release(draft, person)
		want++
		if size > 0 {
			want++ // its papers
		}
		p.until(c, "the mail is sent", func() bool { return len(p.sink.Mails()) == want })
		data := p.sink.Mails()[want-1].Data
		if size > 0 {
			if len(data) != size {
				t.Errorf("with %d octets attached the mail has %d, want %d", attached, len(data), size)
			}
			continue
		}
		_, all := parts(t, data)
		fingerprint := person.Key.Certificate().Fingerprint().Spaced()
		if len(all) != 1 || !strings.Contains(string(all[0].body), fingerprint) || bytes.Contains(data, []byte("PGP MESSAGE")) || strings.Contains(string(all[0].body), "http") {
			t.Errorf("a large message is announced so:\n%.2000s", data)
		}
	}
}
