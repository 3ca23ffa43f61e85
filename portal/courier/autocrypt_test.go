package courier_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// TestMailProgramsLearnOfTheDesksCertificate: from what is sent to States and organisations, in the sizes that mails have; from what is sent to an individual, nothing.
func TestMailProgramsLearnOfTheDesksCertificate(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	desk := p.DeskMail("Registry", "registry@court.example", time.Now())
	p.DeskMail("Another desk", "other@court.example", time.Now())

	// Whoever writes into the database puts their own certificate there, later, and says that somebody has its key.
	forged, err := crypto.NewDeskKey("Registry", "registry@court.example", time.Now())
	must(t, err)
	thief, err := crypto.GenerateRoot("International Court", time.Now())
	must(t, err)
	certificate, err := crypto.CertifyStaff(thief, forged.Certificate(), []crypto.Role{crypto.RoleDeskMail}, time.Now())
	must(t, err)
	must(t, p.Store.AddStaff(t.Context(), certificate.Fingerprint(), func([]byte) ([]byte, error) { return certificate.Bytes(), nil }))
	author := p.Acting(p.Author).Holder()
	must(t, p.Store.ShareDeskKey(t.Context(), []registry.DeskKeyShare{{Of: certificate.Fingerprint(), Holder: author, By: author, Record: []byte("x"), At: time.Now()}}))

	state, person := p.claimed(crypto.KindState, crypto.ProfileCompat), p.claimed(crypto.KindIndividual, crypto.ProfilePQ)
	p.address(state, func(a *crypto.Address) { a.Email = "state@mission.example" })
	p.address(person, func(a *crypto.Address) { a.Email, a.Asked = "person@post.example", true })
	p.Release(atOnce(p.Server), state, person)
	p.until(p.courier(p.config()), "both are sent", p.is("sent ; sent "))
	for _, m := range p.sink.Mails() {
		header, _ := parts(t, m.Data)
		value := header.Get("Autocrypt")
		if len(m.Data) != 16<<10 && len(m.Data) != 64<<10 {
			t.Errorf("the mail to %s has %d octets", m.To, len(m.Data))
		}
		if m.To == "person@post.example" {
			if value != "" || bytes.Contains(m.Data, []byte("court.example")) {
				t.Errorf("the mail to an individual says who writes: %q", value)
			}
			continue
		}
		attributes, keydata, found := strings.Cut(value, "keydata=")
		if !found || strings.TrimSpace(attributes) != "addr=registry@court.example; prefer-encrypt=mutual;" {
			t.Fatalf("Autocrypt: %q", value)
		}
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(keydata), ""))
		must(t, err)
		c, err := crypto.ParseCertificate(decoded)
		must(t, err)
		if c.Fingerprint() != desk.Certificate().Fingerprint() {
			t.Errorf("mail programs are told of %s, not of the desk's %s", c.Fingerprint(), desk.Certificate().Fingerprint())
		}
		for line := range bytes.Lines(m.Data) {
			if len(line) > 100 {
				t.Errorf("a line of %d octets: %.40s", len(line), line)
			}
		}
		g := portaltest.GPG(t)
		g.Import(decoded)
	}
}
