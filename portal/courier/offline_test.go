package courier_test

import (
	"encoding/json"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestAReceiptFromTheOfflineReader: what it signs, out of nothing but the mails, the emergency file and the passphrase, is taken, for keys of either kind; and of a notice that asks for no receipt it
// verifies everything as well.
func TestAReceiptFromTheOfflineReader(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	inbox := courier.NewInbox(p.courier(p.config()), p.Store, p.Portal.Dispatch)
	said := api.Institution{Root: p.Portal.Root.Certificate().Armor()}
	staff, err := p.Store.Staff(t.Context())
	must(t, err)
	for _, c := range staff {
		said.Staff = append(said.Staff, crypto.ArmorCertificate(c))
	}
	const passphrase = "nobody answers and still it opens"
	for _, profile := range []crypto.Profile{crypto.ProfilePQ, crypto.ProfileCompat} {
		person := p.claimed(crypto.KindState, profile)
		p.address(person, nil)
		secrets, err := crypto.DeriveSecrets([]byte(passphrase), crypto.NewSalt())
		must(t, err)
		locked, err := crypto.LockBundle(person.Bundle, secrets)
		must(t, err)
		kit, err := ceremony.EmergencyFile(locked, person.Bundle, said, time.Now())
		must(t, err)
		for _, asks := range []bool{true, false} {
			draft := atOnce(p.Server)
			if asks {
				draft = p.Draft()
				draft.Fallback = crypto.FallbackAtOnce
			}
			before := len(p.sink.Mails())
			number := p.Release(draft, person)
			p.until(p.courier(p.config()), "it is sent", func() bool {
				entries, err := p.Store.Outbox(t.Context(), number, courier.Sent, 10)
				must(t, err)
				return len(entries) == 1
			})
			var reader ceremony.Offline
			for _, file := range append([]portaltest.Mail{{Data: kit}}, p.sink.Mails()[before:]...) {
				_, err := reader.Take(file.Data)
				must(t, err)
			}
			bundle, _, opened, err := reader.Open(passphrase, time.Now())
			must(t, err)
			if opened.Notice == nil || (opened.Nonce != "") != asks {
				t.Fatalf("%s, asking %t: %v, nonce %q", profile, asks, opened.Missing, opened.Nonce)
			}
			if !asks {
				continue
			}
			receipt, err := ceremony.Acknowledge(opened.Notice, bundle.Key, person.Number, crypto.DecisionRefused, opened.Nonce, time.Now())
			must(t, err)
			encoded, err := json.Marshal(receipt) // as the page has it
			must(t, err)
			must(t, json.Unmarshal(encoded, &receipt))
			fate, err := inbox.Take(t.Context(), []string{"registry@court.example"}, []byte(head+"\r\n"+crlf("See below.\n\n"+receipt.Receipt)))
			must(t, err)
			kept, err := p.Store.Acknowledgement(t.Context(), number, person.Number.Mailbox)
			if must(t, err); fate != courier.FateReceipt || kept.Decision != crypto.DecisionRefused || kept.Representative != person.Number {
				t.Errorf("%s: it is taken as %q: %+v", profile, fate, kept)
			}
		}
	}
}
