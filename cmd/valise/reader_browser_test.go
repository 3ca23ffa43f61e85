package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// away is somebody with what they saved, on a machine without a network.
type away struct {
	*portaltest.Browser
	t      *testing.T
	folder string
}

func (a *away) write(name string, data []byte) string {
	a.t.Helper()
	path := filepath.Join(a.folder, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

func (a *away) begin() {
	a.t.Helper()
	a.Do(chromedp.Navigate("file://"+filepath.Join(a.folder, "reader.html")), chromedp.WaitReady(chromedp.CSS("html[data-ready]")))
}

func (a *away) open(passphrase string, files ...string) {
	a.t.Helper()
	a.Do(chromedp.Click(chromedp.CSS("#again")))
	for i, file := range files {
		a.Do(chromedp.SetUploadFiles(chromedp.CSS("#files"), []string{file}), chromedp.WaitReady(chromedp.CSS(fmt.Sprintf("#taken li:nth-child(%d)[data-held]", i+1))))
	}
	a.Do(chromedp.SendKeys(chromedp.CSS("#passphrase"), passphrase), chromedp.Click(chromedp.CSS("#open")))
}

func (a *away) sees(selector, want string) {
	a.t.Helper()
	text := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		text = portaltest.Read(a.Browser, chromedp.Evaluate[string](fmt.Sprintf("(e => e && e.checkVisibility() ? e.innerText || e.value || '' : '')(document.querySelector(%q))", selector)))
		if strings.Contains(text, want) {
			return
		}
	}
	a.t.Fatalf("%s shows %q, want %q", selector, text, want)
}

func (a *away) shows(selector string) bool {
	return portaltest.Read(a.Browser, chromedp.Evaluate[bool](fmt.Sprintf("(e => e !== null && e.checkVisibility())(document.querySelector(%q))", selector)))
}

// releaseAsking releases a notice that asks for a receipt, has a file and says something to each mailbox, and goes by e-mail at once.
func (o *postOffice) releaseAsking(profiles ...crypto.Profile) (people []*live.Person) {
	o.t.Helper()
	var to []*crypto.Staff
	for _, k := range []*crypto.Key{o.key, o.Registrar} {
		member, err := o.Portal.Root.VerifyStaff(k.Certificate(), time.Now())
		if err != nil {
			o.t.Fatal(err)
		}
		to = append(to, member)
	}
	draft := o.Draft()
	draft.Fallback, draft.Personal = crypto.FallbackAtOnce, map[crypto.Number][]crypto.PersonalText{}
	draft.Attachments = []crypto.Attachment{{Name: "findings.txt", Type: "text/plain", Data: []byte("what was found")}}
	draft.Languages[0].Text += " [See here](https://elsewhere.example/)."
	for i, profile := range profiles {
		person := o.Claim(o.Issue(crypto.KindState, profile), profile)
		people = append(people, person)
		draft.Personal[person.Number.Mailbox] = []crypto.PersonalText{{Language: "en", Text: fmt.Sprintf("Your file NV-%d was read.\n", i)}}
		record, err := crypto.SealAddress(crypto.Address{Representative: person.Number, Email: fmt.Sprintf("reader%d@mission.example", i), Policy: crypto.MailAsNotice}, o.Registrar, to, time.Now())
		if err != nil {
			o.t.Fatal(err)
		}
		if err := o.Portal.Registry.SetAddress(o.t.Context(), o.Acting(o.Registrar), person.Number, record); err != nil {
			o.t.Fatal(err)
		}
	}
	o.Release(draft, people...)
	return people
}

func (o *postOffice) get(path string) []byte {
	o.t.Helper()
	response, err := o.Client().Get(o.URL + path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		o.t.Fatalf("%s: %d %v", path, response.StatusCode, err)
	}
	return data
}

// TestTheOfflineReader: with the mails, the emergency file and the passphrase, in a browser that reaches nothing, from a file: a notice is verified as on the portal, and a receipt signed.
func TestTheOfflineReader(t *testing.T) {
	o := openPostOffice(t, filepath.Join(t.TempDir(), "portal.db"), nil)
	people := o.releaseAsking(crypto.ProfilePQ, crypto.ProfileCompat)
	if out, err := exec.Command("valise", append(o.settings, "--now")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var institution api.Institution
	if err := json.Unmarshal(o.get("/api/v1/institution"), &institution); err != nil {
		t.Fatal(err)
	}
	a := &away{Browser: portaltest.Chromium(t), t: t, folder: t.TempDir()}
	a.write("reader.html", o.get("/reader.html"))
	const passphrase = "nobody answers and still it opens"
	var kits []string
	for i, person := range people {
		file, err := lockKeyFile(person.Bundle, passphrase)
		if err != nil {
			t.Fatal(err)
		}
		locked, err := ceremony.KeyFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kit, err := ceremony.EmergencyFile(locked, person.Bundle, institution, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(kit), "PUBLIC KEY") {
			t.Error("the emergency file shows certificates")
		}
		kits = append(kits, a.write(fmt.Sprintf("emergency%d.asc", i), kit))
	}
	mails := map[string][]string{}
	for _, m := range o.sink.Mails() {
		mails[m.To] = append(mails[m.To], a.write(fmt.Sprintf("%s-%d.eml", m.To, len(mails[m.To])), m.Data))
	}

	a.begin()
	if !strings.HasPrefix(a.Requests()[0], "file://") || len(a.Requests()) > 1 {
		t.Errorf("it asked for %v", a.Requests())
	}
	a.sees("h1", "without the portal")
	portaltest.Axe(t, a.Browser, "reader")

	pq := mails["reader0@mission.example"]
	if len(pq) != 1 {
		t.Fatalf("%d mails to who has a portal's key only", len(pq))
	}
	a.open(passphrase, pq...)
	a.sees("#files-error", "Your key is missing")
	a.open("another passphrase that is long", append(pq, kits[0])...)
	a.sees("#passphrase-error", "does not open this key")
	a.open(passphrase, append(pq, kits[1])...)
	a.sees("#problem-text", "one of these messages is sealed to this key")
	a.open(passphrase, a.write("holiday.txt", []byte("greetings from the sea")))
	a.sees("#taken", "nothing in it is sealed")

	for i, person := range people {
		a.open(passphrase, append(mails[fmt.Sprintf("reader%d@mission.example", i)], kits[i])...)
		a.sees("#subject", "Findings that concern you")
		a.sees("#text", "may have been read. See here (https://elsewhere.example/).")
		a.sees("#personal-text", fmt.Sprintf("NV-%d", i))
		a.sees("#personal-hint", "both people signed it")
		a.sees("#signers", live.ApproverName)
		a.sees("#checks", person.Number.String())
		if a.shows("#half") || a.shows("#text a") {
			t.Error("it is called half verified, or leads elsewhere")
		}
		a.Do(chromedp.Click(chromedp.CSS("#languages button[data-language=fr]")))
		a.sees("#subject", "Constatations")
		if name, data := a.Download(chromedp.Click(chromedp.CSS("#attachment-list button"))); name != "findings.txt" || string(data) != "what was found" {
			t.Errorf("%s: %q", name, data)
		}
		a.Do(chromedp.Click(chromedp.CSS("#acknowledge")))
		a.sees("#signed-text", "BEGIN PGP SIGNED MESSAGE")
		receipt := portaltest.Read(a.Browser, chromedp.Evaluate[string]("document.querySelector('#signed-text').value"))
		text, err := crypto.ReadClearSigned([]byte(receipt))
		if err != nil {
			t.Fatal(err)
		}
		if said, err := crypto.ParseAcknowledgement(text); err != nil || said.Representative != person.Number || said.Decision != crypto.DecisionAcknowledged {
			t.Errorf("%v: %s", err, text)
		}
		portaltest.Axe(t, a.Browser, "reader")
		a.Resize(portaltest.Phone)
		a.Screenshot(fmt.Sprintf("reader-phone-%d", i))
		if wide := portaltest.Read(a.Browser, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > innerWidth")); wide {
			t.Error("the page is wider than a phone")
		}
		a.Resize(portaltest.Desktop)
		a.Screenshot(fmt.Sprintf("reader-%d", i))
	}

	// The one mail of several that carries the notice, alone: half of it, and said so.
	compat := mails["reader1@mission.example"]
	a.open(passphrase, compat[len(compat)-1], kits[1])
	a.sees("#half", "Only half of it could be verified")
	a.sees("#unchecked-list", "another person approved it")
	if a.shows("#receipt") || strings.Contains(portaltest.Read(a.Browser, chromedp.Text(chromedp.CSS("#signers"))), live.ApproverName) {
		t.Error("what is half verified can be acknowledged")
	}
	a.Screenshot("reader-half")
	// Mail servers change how parts are encoded.
	data, err := os.ReadFile(compat[len(compat)-1])
	if err != nil {
		t.Fatal(err)
	}
	a.open(passphrase, a.write("encoded.eml", []byte(strings.ReplaceAll(strings.ReplaceAll(string(data), "=", "=3D"), "w", "w=\r\n"))), kits[1])
	a.sees("#subject", "Findings")
	// And somebody may change more.
	at := strings.Index(string(data), "-----END PGP") - 300
	if data[at] != 'A' {
		data[at] = 'A'
	} else {
		data[at] = 'B'
	}
	a.open(passphrase, a.write("altered.eml", data), kits[1])
	a.sees("#problem-text", "may have been damaged")
	if a.shows("#notice") {
		t.Error("an altered mail is shown")
	}
	for _, problem := range a.Problems() {
		t.Errorf("the browser complains: %s", problem)
	}
	for _, asked := range a.Requests() {
		if !strings.HasPrefix(asked, "file://") && !strings.HasPrefix(asked, "blob:") {
			t.Errorf("it asked for %s", asked)
		}
	}
}
