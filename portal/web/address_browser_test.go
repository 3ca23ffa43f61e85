package web_test

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// TestARegistrarSetsAnAddressInTheBrowser, sees it again, and removes it; the portal never has it.
func TestARegistrarSetsAnAddressInTheBrowser(t *testing.T) {
	f := newFrontage(t)
	_, key := f.Employ("Courier 1", crypto.RoleCourier)
	state := f.enrol(t, crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah", true)
	path := "/staff/mailboxes/" + string(state.Number.Mailbox)
	chandra := f.desk(t, live.RegistrarName, f.Registrar, path, "registry_mailbox")
	chandra.sees("details.address summary", "none")
	chandra.press("details.address summary")
	portaltest.Axe(t, chandra.Browser, "registry-address")
	chandra.looks("registry-address")
	chandra.writes("#address-1-email", "ama at mission")
	chandra.press("details.address button[type=submit]")
	chandra.sees("#address-1-email-error", "no e-mail address")
	chandra.writes("#address-1-email", "ama@mission.example")
	chandra.writes("#address-1-policy", "after")
	chandra.writes("#address-1-hours", "6")
	chandra.writes("#address-1-quiet", "22 – 7")
	chandra.writes("#address-1-zone", "Europe/Atlantis")
	chandra.press("details.address button[type=submit]")
	chandra.sees("#address-1-zone-error", "no such time zone")
	chandra.writes("#address-1-zone", "Europe/Paris")
	chandra.press("details.address button[type=submit]")
	chandra.sees("#registry-status", "sealed and saved")
	chandra.sees("details.address summary", "set")

	// The courier reads what she wrote; the portal knows only that it is there.
	registrar := newVisitor(t, f.Server)
	registrar.logIn(fingerprint(f.Registrar), f.Registrar)
	kept, err := f.Store.Address(t.Context(), state.Number)
	must(t, err)
	trust := trustOf(t, f.Server, registrar)
	a, _, err := trust.Root().OpenAddress(kept.Record, state.Number, []*crypto.Key{key}, trust.StaffCertificates(), time.Now())
	must(t, err)
	if want := (crypto.Address{Representative: state.Number, Email: "ama@mission.example", Quiet: crypto.QuietHours{From: 22, To: 7}, Zone: "Europe/Paris", Policy: crypto.MailAfter(6)}); a != want {
		t.Errorf("the courier reads %+v, want %+v", a, want)
	}
	if e := directoryOf(t, f.Server, registrar, f.Registrar).Entry(state.Number); !e.Email {
		t.Error("the directory doesn't say that there is an address")
	}

	// She sees it again, and removes it.
	chandra.press("details.address summary")
	chandra.sees("[data-by]", live.RegistrarName)
	if got := chandra.value("#address-1-email") + " " + chandra.value("#address-1-hours") + " " + chandra.value("#address-1-quiet"); got != "ama@mission.example 6 22-7" {
		t.Errorf("she sees %q", got)
	}
	chandra.press("[data-remove]")
	chandra.sees("#registry-status", "gets no e-mail any more")
	chandra.sees("details.address summary", "none")
}
