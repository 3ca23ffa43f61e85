package web_test

import (
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest/live"
)

// TestStaffSeeWhatWasCommandedByMail, and registrars who stopped e-mail, until they set an address again.
func TestStaffSeeWhatWasCommandedByMail(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	registrar, err := p.Portal.Root.VerifyStaff(p.Registrar.Certificate(), time.Now())
	must(t, err)
	_, courier := p.Employ("Courier 1", crypto.RoleCourier)
	carrier, err := p.Portal.Root.VerifyStaff(courier.Certificate(), time.Now())
	must(t, err)
	set := func() {
		record, err := crypto.SealAddress(crypto.Address{Representative: person.Number, Email: "somebody@mission.example", Policy: crypto.MailAsNotice}, p.Registrar, []*crypto.Staff{registrar, carrier}, time.Now())
		must(t, err)
		must(t, p.Portal.Registry.SetAddress(t.Context(), p.Acting(p.Registrar), person.Number, record))
	}
	set()
	nonce := strings.Repeat("0f", 16)
	for _, kind := range []crypto.CommandKind{crypto.CommandResend, crypto.CommandStopEmail} {
		signed, err := crypto.SignCommand(person.Key, &crypto.Command{
			Institution: p.Portal.Root.Fingerprint(), Representative: person.Number, Certificate: person.Key.Certificate().Fingerprint(), Kind: kind, About: crypto.CommandEverything,
			Time: time.Now().UTC().Truncate(time.Second), Nonce: nonce,
		}, time.Now())
		must(t, err)
		if taken, err := p.Portal.Registry.CommandByMail(t.Context(), signed, nil, func(crypto.Representative) string { return nonce }); err != nil || !taken {
			t.Fatalf("%s: %t, %v", kind, taken, err)
		}
	}
	v := newVisitor(t, p)
	v.logIn(fingerprint(p.Registrar), p.Registrar)
	var in api.MailIn
	v.get("/staff/mail").into(t, 200, &in)
	if len(in.Commands) != 2 || in.Commands[0].Representative != person.Number.String() || in.Commands[0].About != crypto.CommandEverything {
		t.Errorf("commands: %+v", in.Commands)
	}
	for language, words := range map[string][]string{"en": {"No e-mail any more", "everything unopened"}, "fr": {"Plus de courriels", "tout ce qui n’est pas ouvert"}} {
		page := v.page("/staff/mail?lang="+language, 200)
		for _, want := range append(words, person.Number.String(), `data-command="stop-email"`) {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", language, want)
			}
		}
	}
	// Whoever's key that was sees it, and so does nobody else's mailbox.
	other := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	owner, stranger := newVisitor(t, p), newVisitor(t, p)
	owner.logIn(person.Number.String(), person.Key)
	stranger.logIn(other.Number.String(), other.Key)
	for path, want := range map[string][]string{
		"/mailbox?lang=en": {"If it wasn’t you", "No e-mail any more"}, "/account?lang=fr": {"Si ce n’était pas vous", "Plus de courriels"},
	} {
		page := owner.page(path, 200)
		for _, want := range append(want, `id="commanded"`, `data-command="stop-email"`, person.Number.String()) {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", path, want)
			}
		}
		if strings.Contains(stranger.page(path, 200), "commanded") {
			t.Errorf("%s: somebody else's page shows it", path)
		}
	}
	stopped := func() *time.Time {
		var mailboxes []api.Mailbox
		v.get("/mailboxes").into(t, 200, &mailboxes)
		for _, m := range mailboxes {
			if m.Mailbox == person.Number.Mailbox {
				return m.Representatives[0].StoppedEmail
			}
		}
		return nil
	}
	if stopped() == nil {
		t.Error("the registrar does not see who stopped e-mail")
	}
	if set(); stopped() != nil {
		t.Error("e-mail is still said to be stopped")
	}
}
