package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// lockedFile writes a bundle as a key file, locked under live.Passphrase.
func lockedFile(t testing.TB, b *crypto.Bundle) (path string) {
	t.Helper()
	s, err := crypto.DeriveSecrets([]byte(live.Passphrase), crypto.NewSalt())
	if err != nil {
		t.Fatal(err)
	}
	locked, err := crypto.LockBundle(b, s)
	if err != nil {
		t.Fatal(err)
	}
	return writtenTo(t, strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(b.Holder, "/", "."), " ", "-"))+".key", crypto.ArmorMessage(locked))
}

func writtenTo(t testing.TB, name string, data []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keyFile is a staff member's, as 'valise staff new' writes it.
func (f *frontage) keyFile(t testing.TB, name string, key *crypto.Key) (path string) {
	t.Helper()
	return lockedFile(t, &crypto.Bundle{Holder: name, Pin: f.Pin, Key: key})
}

func (r *reader) choose(selector, path string) {
	r.t.Helper()
	r.Do(chromedp.SetUploadFiles(css(selector), []string{path}))
}

// logInStaff logs a staff member in with a key file, and waits for the page that comes.
func (r *reader) logInStaff(file, passphrase, page string) {
	r.t.Helper()
	if file != "" {
		r.choose("#key-file", file)
	}
	r.typeInto("#key-passphrase", passphrase)
	r.press("#staff-login-submit")
	if page != "" {
		r.arrive(page)
	}
}

// TestStaffComeInWithTheirKeyFile follows a staff member's key from a file into the browser, from page to page and tab to tab, and out; and what people may
// take for a key file.
func TestStaffComeInWithTheirKeyFile(t *testing.T) {
	f := newFrontage(t)
	person := f.Claim(f.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	bela := f.keyFile(t, live.ApproverName, f.Approver)
	n := newNewsroom(t, f.Server)
	submitted := announcement()
	n.submit(submitted)
	f.Submit(f.Draft(), person)
	r := newReader(t, f)

	r.visit("/staff", "staff_login") // the door of staff, and back to where they wanted to go
	portaltest.Axe(t, r.Browser, "staff-login")
	r.logInStaff("", "words", "")
	r.sees("#key-file-error", "Choose your key file")

	// What isn't a staff member's key file is named.
	stranger, err := crypto.GenerateKey(crypto.ProfilePQ, "Sam Stranger", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	other, err := crypto.GenerateRoot("Another court", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	notary := f.Hire("Notary 1", crypto.RoleNotary)
	for _, wrong := range []struct{ file, says string }{
		{writtenTo(t, "private.asc", []byte(f.Approver.Armor())), "an OpenPGP private key"},
		{writtenTo(t, "certificate.asc", []byte(f.Approver.Certificate().Armor())), "a certificate"},
		{writtenTo(t, "photo.jpg", []byte("\xff\xd8\xff\xe0 a photograph")), "no key file"},
		{writtenTo(t, "cut.key", []byte("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n")), "damaged"},
		{lockedFile(t, person.Bundle), "a representative of a mailbox"},
		{f.keyFile(t, "Root", f.Root), "the institution’s root"},
		{f.keyFile(t, "Notary 1", notary), "a notary"},
	} {
		r.logInStaff(wrong.file, live.Passphrase, "")
		r.sees("#key-file-error", wrong.says)
	}
	r.logInStaff(lockedFile(t, &crypto.Bundle{Holder: live.ApproverName, Pin: crypto.Pin{Fingerprint: other.Certificate().Fingerprint()}, Key: f.Approver}), live.Passphrase, "")
	r.sees("#key-passphrase-error", "root")
	r.logInStaff(f.keyFile(t, "Sam Stranger", stranger), live.Passphrase, "")
	r.sees("#key-uncertified", "whoever keeps the institution’s root")
	if name, data := r.Download(chromedp.Click(css("#key-certificate"))); name != "certificate.asc" || strings.TrimSpace(string(data)) != strings.TrimSpace(stranger.Certificate().Armor()) {
		t.Errorf("the certificate to be certified is saved as %s: %.60s", name, data)
	}
	r.logInStaff(bela, "wrong words entirely", "")
	r.sees("#key-passphrase-error", "wrong")
	if r.isVisible("#key-uncertified") {
		t.Error("what was wrong with another file still stands there")
	}

	// The right one, to be kept.
	r.press("#key-keep")
	r.logInStaff(bela, live.Passphrase, "staff_home")
	r.sees("footer", live.ApproverName+", approver")
	if r.isVisible("#unlock") {
		t.Error("the key did not come along")
	}
	if stored := portaltest.Read(r.Browser, chromedp.Evaluate[string]("JSON.stringify(sessionStorage)")); strings.Contains(stored, "PRIVATE") || strings.Contains(stored, live.Passphrase) {
		t.Error("the key lies in the session storage in clear")
	}
	r.Do(chromedp.Reload())
	r.arrive("staff_home")
	if r.isVisible("#unlock") {
		t.Error("a page change lost the key")
	}

	r.sees("[data-statement="+string(submitted.Statement)+"] .subject", submitted.Languages[0].Title)
	portaltest.Axe(t, r.Browser, "staff-home")

	// Their place is here, and not in a mailbox.
	r.Do(chromedp.Navigate(f.url+"/mailbox"), chromedp.WaitVisible(css("[data-go=place]")))
	r.sees("#failure", "you are logged in as staff")
	r.press("[data-go=place]")
	r.arrive("staff_home")

	// Another tab has the session; this browser has the key, still locked. Somebody else's key is of no use there.
	tab := &reader{Browser: r.Tab(), t: t, url: f.url}
	tab.visit("/staff", "staff_home")
	tab.sees("#key-kept", live.ApproverName)
	tab.press("#key-choice-file")
	tab.choose("#key-file", f.keyFile(t, live.AuthorName, f.Author))
	tab.typeInto("#key-passphrase", live.Passphrase)
	tab.press("#unlock-submit")
	tab.sees("#key-file-error", "somebody else")
	tab.press("#key-choice-" + string(f.Approver.Certificate().Fingerprint()))
	tab.press("#unlock-submit")
	for end := time.Now().Add(20 * time.Second); tab.isVisible("#unlock") && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if !tab.keeps() || tab.isVisible("#unlock") {
		t.Error("the key that this browser keeps does not open")
	}

	// Logging out in one takes the key from both; what is kept stays, locked, and the passphrase is enough.
	tab.press("#logout button")
	tab.arrive("staff_login")
	r.arrive("staff_login")
	r.sees(".notice-box", "logged out")
	if r.keeps() || tab.keeps() {
		t.Error("log-out leaves something in the tab")
	}
	r.sees("#key-kept", live.ApproverName)
	if r.isVisible("#key-new") {
		t.Error("a file is asked for where one is kept")
	}
	portaltest.Axe(t, r.Browser, "staff-login-kept")
	r.logInStaff("", live.Passphrase, "staff_home")

	// The idle end leads to the door of staff.
	r.Do(chromedp.Evaluate[chromedp.Void]("{ const now = Date.now; Date.now = () => now() + 31 * 60_000; }"))
	r.arrive("staff_login")
	r.sees(".notice-box", "half an hour")

	// Forgotten, it is gone.
	r.press("[data-forget]")
	r.sees("#key-forgotten", "no longer has the key file of "+live.ApproverName)
	r.Do(chromedp.Reload())
	r.arrive("staff_login")
	if r.isVisible("#key-kept") || !r.isVisible("#key-new") {
		t.Error("the browser still keeps what it was to forget")
	}

	// An auditor reads what has been done meanwhile.
	emil := f.Hire("Emil Sato", crypto.RoleAuditor)
	r.logInStaff(f.keyFile(t, "Emil Sato", emil), live.Passphrase, "staff_home")
	portaltest.Axe(t, r.Browser, "staff-home-auditor")
	r.visit("/staff/audit?show=all", "audit")
	r.sees("#entries", live.ApproverName+" logged in with their key.")
	portaltest.Axe(t, r.Browser, "staff-audit")

	// A representative who comes to a page of staff is shown where theirs is.
	r.visit("/login", "login")
	r.logIn(person.Number.String(), live.Passphrase, "mailbox")
	r.Do(chromedp.Navigate(f.url+"/staff"), chromedp.WaitVisible(css("[data-go=place]")))
	r.sees("#failure", "representative of a mailbox")
	r.press("[data-go=place]")
	r.arrive("mailbox")
	r.wantNoProblems("401", "403")
	tab.wantNoProblems("401", "403")
}
