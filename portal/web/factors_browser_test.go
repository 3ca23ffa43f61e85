package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// addDevice plugs a virtual authenticator in, which makes sure who uses it.
func (r *reader) addDevice() webauthn.AuthenticatorID {
	r.t.Helper()
	added, err := chromedp.Call(r.Browser, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	return added.AuthenticatorID
}

// touches says whether somebody touches a virtual authenticator as soon as it asks for that.
func (r *reader) touches(device webauthn.AuthenticatorID, touches bool) {
	r.t.Helper()
	if _, err := chromedp.Call(r.Browser, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: device, Enabled: touches}); err != nil {
		r.t.Error(err)
	}
}

// unplug takes a virtual authenticator away.
func (r *reader) unplug(device webauthn.AuthenticatorID) {
	r.t.Helper()
	if _, err := chromedp.Call(r.Browser, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: device}); err != nil {
		r.t.Fatal(err)
	}
}

// takeSession puts a visitor's session into the browser, in place of a log-in with a key file, which TestStaffComeInWithTheirKeyFile looks at.
func (r *reader) takeSession(v *visitor) {
	r.t.Helper()
	if _, err := chromedp.Call(r.Browser, network.SetCookie, network.SetCookieParams{
		Name: "__Host-valise", Value: v.cookieOf(), URL: r.url, Path: "/", Secure: new(true), HTTPOnly: new(true),
	}); err != nil {
		r.t.Fatal(err)
	}
}

// logInWithKey is a visitor who has shown a key, and nothing else.
func logInWithKey(t *testing.T, f *frontage, key *crypto.Key) *visitor {
	v := newVisitor(t, f.Server)
	v.logIn(fingerprint(key), key)
	return v
}

// TestPasskeysInTheBrowser follows a staff member with two devices, and an administrator who resets them.
func TestPasskeysInTheBrowser(t *testing.T) {
	p := live.Portal(t, live.Options{SecondFactor: true})
	f := &frontage{Server: p, url: p.URL}
	dana := administrator(p)
	r := newReader(t, f)
	if _, err := chromedp.Call(r.Browser, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	phone := r.addDevice()

	// The first passkey, with the key file alone; then on to where they wanted to go.
	r.visit("/staff/account", "staff_login")
	r.logInStaff(f.keyFile(t, live.AuthorName, f.Author), live.Passphrase, "factor")
	portaltest.Axe(t, r.Browser, "factor-enrol")
	r.Screenshot("factor-enrol")
	r.press("#enrol-submit")
	r.sees("#enrol-label-error", "Give the device a name")
	r.typeInto("#enrol-label", "work phone")
	r.press("#enrol-submit")
	r.arrive("staff_account")
	r.sees("#passkeys", "work phone")
	r.sees("#passkeys", "Enrolled with your key alone")
	if r.isVisible("[data-remove]") {
		t.Error("the last passkey can be removed")
	}

	// The next log-in asks for it; a device that knows nothing of the portal doesn't do.
	r.press("#logout button")
	r.arrive("staff_login")
	r.takeSession(logInWithKey(t, f, f.Author))
	r.visit("/staff/people", "factor")
	portaltest.Axe(t, r.Browser, "factor-show")
	r.Screenshot("factor-show")
	r.press("#show-submit")
	r.arrive("staff_people")
	r.sees("[data-member='"+fingerprint(f.Author)+"']", "1 passkey")

	// A second device, with the first one.
	r.visit("/staff/account", "staff_account")
	key := r.addDevice()
	r.touches(key, false)
	r.typeInto("#enrol-label", "security key in the safe")
	// People touch one device at a time: the phone when it is to be shown, then the new one.
	r.Do(chromedp.Evaluate[chromedp.Void](`{ const create = navigator.credentials.create.bind(navigator.credentials);
		navigator.credentials.create = (options) => new Promise((resolve) => { window.touchTheNewOne = () => resolve(create(options)); }); }`))
	r.press("#enrol-submit")
	r.Do(chromedp.Poll[chromedp.Void]("window.touchTheNewOne !== undefined"))
	r.touches(phone, false)
	r.touches(key, true)
	r.Do(chromedp.Evaluate[chromedp.Void]("window.touchTheNewOne()"))
	r.sees("#passkeys", "security key in the safe")
	r.touches(phone, true)

	// A log-in of the command line is confirmed.
	command := logInWithKey(t, f, f.Author)
	var waiting api.Confirmation
	command.post("/factors/confirmation", struct{}{}).into(t, 200, &waiting)
	r.visit("/staff/account", "staff_account")
	r.sees("#waiting", waiting.Code)
	portaltest.Axe(t, r.Browser, "staff-account")
	r.Screenshot("staff-account")
	r.press("[data-confirm]")
	r.sees("#waiting", "None waits")
	command.post("/factors/confirmation", struct{}{}).into(t, 200, &waiting)
	if !waiting.Complete {
		t.Errorf("confirmed in the browser, and the command is told %+v", waiting)
	}

	// The first device goes: the second one is shown for that.
	r.unplug(phone)
	r.press("#passkeys li:first-child summary")
	r.press("#passkeys li:first-child [data-remove]")
	r.sees("#passkeys li:only-child", "security key in the safe")
	if page := portaltest.Read(r.Browser, chromedp.Text(css("#passkeys"))); strings.Contains(page, "work phone") {
		t.Errorf("still there: %s", page)
	}

	// An administrator resets them, with a passkey of their own.
	r.press("#logout button")
	r.arrive("staff_login")
	r.takeSession(logInWithKey(t, f, dana))
	r.visit("/staff/people", "factor")
	r.typeInto("#enrol-label", "Dana’s key")
	r.press("#enrol-submit")
	r.arrive("staff_people")
	row := "[data-member='" + fingerprint(f.Author) + "'] "
	r.press(row + "summary")
	r.press(row + "button")
	r.sees(row+".error", "reason")
	portaltest.Axe(t, r.Browser, "staff-people")
	r.Screenshot("staff-people")
	r.typeInto(row+"input", "Lost in a taxi; I called her back.")
	r.press(row + "button")
	r.sees(row+"[data-passkeys='0']", "no passkey yet")

	// They are told, and enrol anew.
	r.press("#logout button")
	r.arrive("staff_login")
	r.takeSession(logInWithKey(t, f, f.Author))
	r.visit("/staff/account?lang=fr", "factor")
	r.sees("#was-reset", "Dana Administrator")
	r.sees("#was-reset", "Lost in a taxi; I called her back.")
	r.Screenshot("factor-reset")
	r.unplug(key)
	r.press("#enrol-submit")
	r.addDevice()
	r.typeInto("#enrol-label", "nouveau téléphone")
	r.press("#enrol-submit")
	r.arrive("staff_account")
	r.sees("#passkeys", "nouveau téléphone")
	for _, size := range []struct {
		name string
		portaltest.Viewport
	}{{"phone", portaltest.Phone}, {"small", portaltest.SmallPhone}} {
		r.Resize(size.Viewport)
		r.Screenshot("staff-account-" + size.name)
		if wide := portaltest.Read(r.Browser, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > innerWidth")); wide {
			t.Errorf("the account page is wider than a screen of %d", size.Width)
		}
	}
	for _, problem := range r.Problems() {
		if !strings.Contains(problem, "Failed to load resource") { // refusals that the test meant
			t.Errorf("in the page: %s", problem)
		}
	}
}
