package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/passkey"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// authenticator makes a device for a portal's origin.
func (v *visitor) authenticator() *portaltest.Authenticator {
	return portaltest.NewAuthenticator(v.t, v.portal.URL)
}

// show asks for a passkey and lets a device answer.
func (v *visitor) show(device *portaltest.Authenticator, purpose, object string) api.PasskeyAnswer {
	v.t.Helper()
	a := v.post("/factors/passkeys/question", api.PasskeyPurpose{Purpose: purpose, Object: object})
	a.want(v.t, 200)
	return api.PasskeyAnswer{Answer: device.Show(a.body)}
}

// enrol asks for a new passkey, with another one shown or nothing, and lets a device make it.
func (v *visitor) enrol(device *portaltest.Authenticator, label string, shown api.PasskeyAnswer) answer {
	v.t.Helper()
	if shown.Answer == nil {
		shown.Answer = json.RawMessage("null")
	}
	a := v.post("/factors/passkeys/enrolment", shown)
	if a.StatusCode != 200 {
		return a
	}
	return v.post("/factors/passkeys", api.PasskeyEnrolment{Answer: device.Enrol(a.body), Label: label})
}

func (v *visitor) factors() (f api.Factors) {
	v.t.Helper()
	v.get("/factors").into(v.t, 200, &f)
	return f
}

// cookieOf is the session's cookie as the browser holds it.
func (v *visitor) cookieOf() string {
	v.t.Helper()
	u, err := url.Parse(v.portal.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.client.Jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "valise") {
			return c.Value
		}
	}
	return ""
}

// enrolled logs a staff member in and enrols their first device.
func enrolled(t *testing.T, p *live.Server, key *crypto.Key, label string) (*visitor, *portaltest.Authenticator) {
	t.Helper()
	v := newVisitor(t, p)
	v.logIn(fingerprint(key), key)
	device := v.authenticator()
	v.enrol(device, label, api.PasskeyAnswer{}).want(t, 201)
	return v, device
}

func TestAPasskeyMakesALogInWhole(t *testing.T) {
	for name, redis := range map[string]func() string{"SQLite": func() string { return "" }, "Redis": func() string { return portaltest.Redis(t) }} {
		t.Run(name, func(t *testing.T) {
			testPasskeyLogIn(t, live.Portal(t, live.Options{SecondFactor: true, Redis: redis()}))
		})
	}
}

func testPasskeyLogIn(t *testing.T, p *live.Server) {
	v := newVisitor(t, p)
	if in := v.logIn(fingerprint(p.Author), p.Author); in.Complete {
		t.Fatal("the key alone makes a log-in whole")
	}
	if f := v.factors(); f.Complete || len(f.Missing) != 1 || f.Missing[0] != api.MissingEnrolment {
		t.Errorf("missing %+v", f)
	}
	page := v.page("/staff/factor?next=%2Fstaff%2Faccount", 200)
	if !strings.Contains(page, `id="enrol-first"`) || !strings.Contains(page, `value="/staff/account"`) {
		t.Errorf("the page of what is missing:\n%s", page)
	}
	half := v.cookieOf()
	phone := v.authenticator()
	var shown api.FactorShown
	v.enrol(phone, "phone", api.PasskeyAnswer{}).into(t, 201, &shown)
	if !shown.Complete || v.cookieOf() == half || v.cookieOf() == "" {
		t.Errorf("enrolled: %+v; the id rotated: %t", shown, v.cookieOf() != half)
	}
	v.get("/staff/statements").want(t, 200)
	old := newVisitor(t, p)
	old.header.Set("Cookie", "__Host-valise="+half)
	old.get("/session").wantFailure(t, 401, "no-session")

	// The next log-in takes the key and the phone; each question has one answer.
	v = newVisitor(t, p)
	if in := v.logIn(fingerprint(p.Author), p.Author); in.Complete {
		t.Fatal("the key alone makes a log-in whole")
	}
	if f := v.factors(); len(f.Passkeys) != 0 || len(f.Missing) != 1 || f.Missing[0] != api.MissingPasskey {
		t.Errorf("a half session is told %+v", f)
	}
	v.enrol(v.authenticator(), "a thief's", api.PasskeyAnswer{}).wantFailure(t, 403, "passkey-first")
	v.post("/factors/passkeys/question", api.PasskeyPurpose{Purpose: "enrol"}).wantFailure(t, 403, "factor-missing")
	v.post("/factors/log-in", api.PasskeyAnswer{Answer: json.RawMessage("null")}).wantFailure(t, 403, "passkey-not-shown")
	v.post("/factors/log-in", v.show(v.authenticator(), "log-in", "")).wantFailure(t, 403, "passkey-refused")
	answer := v.show(phone, "log-in", "")
	other := newVisitor(t, p)
	other.logIn(fingerprint(p.Author), p.Author)
	other.show(v.authenticator(), "log-in", "")
	other.post("/factors/log-in", answer).wantFailure(t, 403, "passkey-refused") // the answer to another session's question
	v.post("/factors/log-in", answer).into(t, 200, &shown)
	if !shown.Complete {
		t.Errorf("shown: %+v", shown)
	}
	v.post("/factors/log-in", answer).wantFailure(t, 409, "question-over")
	v.get("/staff/statements").want(t, 200)

	// A second device, with the first; renamed; the first one goes, the last one stays.
	v.enrol(v.authenticator(), "key", api.PasskeyAnswer{}).wantFailure(t, 403, "passkey-first")
	key := v.authenticator()
	v.enrol(key, "key", v.show(phone, "enrol", "")).want(t, 201)
	list := v.factors().Passkeys
	if len(list) != 2 || !list[0].KeyAlone || list[1].KeyAlone || list[0].Used == nil {
		t.Fatalf("passkeys %+v", list)
	}
	v.post("/factors/passkeys/"+list[1].ID+"/label", api.PasskeyLabel{Label: "<b>key in the safe</b>"}).want(t, 204)
	if page := v.page("/staff/account", 200); !strings.Contains(page, "&lt;b&gt;key in the safe&lt;/b&gt;") {
		t.Errorf("the account page:\n%s", page)
	}
	v.post("/factors/passkeys/"+list[0].ID+"/remove", v.show(key, "remove", list[1].ID)).wantFailure(t, 409, "question-over")
	v.post("/factors/passkeys/"+list[0].ID+"/remove", v.show(key, "remove", list[0].ID)).want(t, 204)
	v.post("/factors/passkeys/"+list[1].ID+"/remove", v.show(key, "remove", list[1].ID)).wantFailure(t, 409, "last-passkey")
	v.post("/staff/people/"+fingerprint(p.Approver)+"/reset", api.MemberReset{Answer: json.RawMessage("null"), Reason: "x"}).wantFailure(t, 403, "administrator-only")
}

func TestALogInOfTheCommandLineIsConfirmedInTheBrowser(t *testing.T) {
	p := live.Portal(t, live.Options{SecondFactor: true})
	browser, phone := enrolled(t, p, p.Author, "phone")

	command := newVisitor(t, p)
	command.logIn(fingerprint(p.Author), p.Author)
	var waiting, again api.Confirmation
	command.post("/factors/confirmation", struct{}{}).into(t, 200, &waiting)
	command.post("/factors/confirmation", struct{}{}).into(t, 200, &again)
	if waiting.Complete || len(waiting.Code) != 9 || again != waiting || waiting.Where != p.URL+"/staff/account" {
		t.Fatalf("waiting %+v, %+v", waiting, again)
	}
	command.get("/staff/statements").wantFailure(t, 403, "factor-missing")

	// Another member sees nothing of it; neither does the command confirm itself, or another half session of the same key.
	stranger, theirs := enrolled(t, p, p.Approver, "their phone")
	if f := stranger.factors(); len(f.Waiting) != 0 {
		t.Errorf("another member sees %+v", f.Waiting)
	}
	stranger.post("/factors/waiting/"+waiting.Code+"/confirm", stranger.show(theirs, "confirm", waiting.Code)).wantFailure(t, 404, "nobody-waits")
	command.post("/factors/waiting/"+waiting.Code+"/confirm", api.PasskeyAnswer{Answer: json.RawMessage("null")}).wantFailure(t, 403, "factor-missing")
	if f := command.factors(); len(f.Waiting) != 0 {
		t.Errorf("a half session sees %+v", f.Waiting)
	}

	if f := browser.factors(); len(f.Waiting) != 1 || f.Waiting[0].Code != waiting.Code {
		t.Fatalf("the browser sees %+v", f.Waiting)
	}
	if page := browser.page("/staff/account", 200); !strings.Contains(page, waiting.Code) {
		t.Errorf("the account page has no code:\n%s", page)
	}
	browser.post("/factors/waiting/"+waiting.Code+"/confirm", api.PasskeyAnswer{Answer: json.RawMessage("null")}).wantFailure(t, 403, "passkey-not-shown")
	browser.post("/factors/waiting/"+waiting.Code+"/confirm", browser.show(phone, "confirm", "0000-0000")).wantFailure(t, 409, "question-over")
	command.post("/factors/confirmation", struct{}{}).into(t, 200, &again)
	if again.Complete {
		t.Fatal("complete before it was confirmed")
	}
	browser.post("/factors/waiting/"+waiting.Code+"/confirm", browser.show(phone, "confirm", waiting.Code)).want(t, 204)
	command.get("/staff/statements").wantFailure(t, 403, "factor-missing") // not before it asks
	command.post("/factors/confirmation", struct{}{}).into(t, 200, &again)
	if !again.Complete || again.Code != "" {
		t.Fatalf("confirmed, and %+v", again)
	}
	command.get("/staff/statements").want(t, 200)

	refused := newVisitor(t, p)
	refused.logIn(fingerprint(p.Author), p.Author)
	refused.post("/factors/confirmation", struct{}{}).into(t, 200, &waiting)
	browser.post("/factors/waiting/"+strings.ToLower(waiting.Code)+"/refuse", struct{}{}).want(t, 204)
	refused.post("/factors/confirmation", struct{}{}).wantFailure(t, 401, "no-session")
	browser.post("/factors/waiting/"+waiting.Code+"/refuse", struct{}{}).wantFailure(t, 404, "nobody-waits")
}

// administrator makes another member of the staff, who is one.
func administrator(p *live.Server) *crypto.Key {
	return p.HireAt(time.Now().Add(-time.Hour), "Dana Administrator", crypto.RoleAdministrator)
}

func TestAnAdministratorResetsAColleague(t *testing.T) {
	p := live.Portal(t, live.Options{SecondFactor: true})
	author, lost := enrolled(t, p, p.Author, "phone")
	dana := administrator(p)
	boss, device := enrolled(t, p, dana, "security key")
	if page := boss.page("/staff/people", 200); strings.Count(page, "data-reset novalidate>") != 3 || !strings.Contains(page, live.AuthorName) {
		t.Errorf("the people page:\n%s", page)
	}
	if page := author.page("/staff/people", 200); strings.Contains(page, "data-reset") {
		t.Errorf("an author is offered to reset people:\n%s", page)
	}
	boss.post("/factors/passkeys/question", api.PasskeyPurpose{Purpose: "reset", Object: fingerprint(dana)}).wantFailure(t, 403, "not-yourself")
	shown := boss.show(device, "reset", fingerprint(p.Author))
	boss.post("/staff/people/"+fingerprint(p.Author)+"/reset", api.MemberReset{Answer: shown.Answer, Reason: "The phone was lost <i>in a taxi</i>."}).want(t, 204)

	if page := boss.page("/staff/people", 200); !strings.Contains(page, `id="resets"`) || !strings.Contains(page, "lost &lt;i&gt;in a taxi&lt;/i&gt;.") {
		t.Errorf("the people page doesn't tell of the reset:\n%s", page)
	}
	author.get("/session").wantFailure(t, 401, "no-session")
	author.logIn(fingerprint(p.Author), p.Author)
	page := author.page("/staff/factor", 200)
	for _, want := range []string{"Dana Administrator", "lost &lt;i&gt;in a taxi&lt;/i&gt;.", `id="enrol-first"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of what is missing has no %q:\n%s", want, page)
		}
	}
	author.post("/factors/passkeys/question", api.PasskeyPurpose{Purpose: "log-in"}).wantFailure(t, 409, "no-passkey")
	author.enrol(lost, "phone, found", api.PasskeyAnswer{}).want(t, 201)
	author.get("/staff/statements").want(t, 200)
}

func TestSingleSignOnIsAskedForInAddition(t *testing.T) {
	provider := portaltest.StartProvider(t)
	p := live.Portal(t, live.Options{SecondFactor: true, Provider: provider})

	v := newVisitor(t, p)
	v.logIn(fingerprint(p.Author), p.Author)
	// Not with the key alone: a thief of the key would bind an account of their own, and shut the member out.
	v.do("GET", "/staff/factor/sign-on?next=/staff/people", nil).wantRedirect(t, "/staff/factor?next=%2Fstaff%2Fpeople")
	phone := v.authenticator()
	var shown api.FactorShown
	v.enrol(phone, "phone", api.PasskeyAnswer{}).into(t, 201, &shown)
	if shown.Complete || len(shown.Missing) != 1 || shown.Missing[0] != api.MissingSignOn {
		t.Fatalf("after the passkey: %+v", shown)
	}
	v.get("/staff/statements").wantFailure(t, 403, "factor-missing")
	if page := v.page("/staff/factor?next=/staff/people", 200); !strings.Contains(page, `href="/staff/factor/sign-on?next=%2fstaff%2fpeople"`) {
		t.Errorf("no way to single sign-on:\n%s", page)
	}

	// signOn goes to the provider and comes back.
	signOn := func(user string) answer {
		t.Helper()
		provider.SignOn(user, nil)
		a := v.do("GET", "/staff/factor/sign-on?next=/staff/people", nil)
		a.want(t, http.StatusSeeOther)
		back := provider.Visit(t, a.Header.Get("Location"))
		if !strings.HasPrefix(back.String(), p.URL+"/staff/factor/signed-on?") {
			t.Fatalf("sent back to %s", back)
		}
		return v.do("GET", back.RequestURI(), nil)
	}
	if a := signOn(""); a.StatusCode != 403 || !strings.Contains(string(a.body), "sign-on-problem") {
		t.Errorf("somebody whom the provider refuses: %d\n%s", a.StatusCode, a.body)
	}
	a := signOn("ada@court")
	a.wantRedirect(t, "/staff/people")
	v.get("/staff/statements").want(t, 200)
	if p := v.page("/staff/account", 200); !strings.Contains(p, "phone") {
		t.Errorf("the account page:\n%s", p)
	}

	// Another account, after the key and the right passkey.
	v = newVisitor(t, p)
	v.logIn(fingerprint(p.Author), p.Author)
	v.post("/factors/log-in", v.show(phone, "log-in", "")).want(t, 200)
	if a := signOn("somebody@court"); a.StatusCode != 403 || !strings.Contains(string(a.body), "another account") {
		t.Errorf("another account: %d\n%s", a.StatusCode, a.body)
	}
	v.get("/staff/statements").wantFailure(t, 403, "factor-missing")
	v.header.Set("Sec-Fetch-Site", "cross-site")
	if a := v.do("GET", "/staff/factor/sign-on", nil); a.StatusCode != 403 {
		t.Errorf("another site begins a sign-on: %d", a.StatusCode)
	}
	v.header.Del("Sec-Fetch-Site")
	if a := v.do("GET", "/staff/factor/signed-on?code=x&state=y", nil); a.StatusCode != 409 {
		t.Errorf("what nobody asked for: %d", a.StatusCode)
	}

	// An administrator's reset frees the account.
	dana := portal.StaffHolder(crypto.Fingerprint(fingerprint(administrator(p))))
	if err := p.Store.ResetFactors(t.Context(), passkey.Reset{Holder: portal.StaffHolder(crypto.Fingerprint(fingerprint(p.Author))), By: dana, Reason: "new account", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	v = newVisitor(t, p)
	v.logIn(fingerprint(p.Author), p.Author)
	v.enrol(v.authenticator(), "new phone", api.PasskeyAnswer{}).want(t, 201)
	signOn("somebody@court").wantRedirect(t, "/staff/people")
}

// TestWithASingleFactorNothingChanges until somebody enrols a passkey: then they are asked for it.
func TestWithASingleFactorNothingChanges(t *testing.T) {
	p := live.Portal(t, live.Options{})
	v := newVisitor(t, p)
	if in := v.logIn(fingerprint(p.Author), p.Author); !in.Complete {
		t.Fatal("not complete")
	}
	v.page("/staff/account", 200)
	v.do("GET", "/staff/factor?next=/staff/people", nil).wantRedirect(t, "/staff/people")
	v.do("GET", "/staff/factor?next=https://evil.example/", nil).wantRedirect(t, "/staff")
	v.post("/factors/passkeys/enrolment", api.PasskeyAnswer{Answer: json.RawMessage("null")}).wantFailure(t, 409, "no-passkeys-here") // at an address

	here := v.do("GET", "/staff/account", nil).Header.Get("Permissions-Policy")
	elsewhere := v.do("GET", "/staff", nil).Header.Get("Permissions-Policy")
	if !strings.Contains(here, "publickey-credentials-get=(self)") || !strings.Contains(elsewhere, "publickey-credentials-get=()") || !strings.Contains(elsewhere, "publickey-credentials-create=()") {
		t.Errorf("Permissions-Policy: %q there, %q elsewhere", here, elsewhere)
	}
}
