package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/portaltest"
)

// What somebody types, writes or is known by in this journey. None of it may be in what a thief can copy.
const (
	visitorAddress = "2001:db8:5ca1:ab1e::c0ff:ee"
	visitorNetwork = "2001:db8:5ca1:ab1e"
	visitorProgram = "Netscape Navigator 4.08 (BeOS; embassy edition)"
	stateName      = "Grand Duchy of Ostrava-Élysée"
	stateSecret    = "Ambassador Zdeněk Hradecký"
	witnessName    = "Mirela Kovačević-Okonkwo"
	subjectEN      = "Exfiltration of the witness index on 14 March"
	subjectFR      = "Exfiltration de l'index des témoins le 14 mars"
	noteOfCall     = "The duty officer, Mr. Adjei-Boateng, answered; he was frightened, and asks that nobody calls his home."
	personalEN     = "Your own statement of 3 May, with the name of your village, lay in the folder that was copied."
	textEN         = "Between two and four in the morning somebody copied **the index of protected witnesses** from the shelf server."
	textFR         = "Entre deux et quatre heures du matin, quelqu'un a copié **l'index des témoins protégés** du serveur des étagères."
	attachmentName = "indicators-of-compromise.csv"
	attachmentText = "sha256,c2-hostname\n41e1b2,update.polaris-telemetry.example\n"
	statePhrase    = "lantern meadow orchard pebble ribbon saddle"
	witnessPhrase  = "turbine walnut yonder zephyr anchor breeze"
	secondPhrase   = "cobalt dahlia ermine falcon garnet heather"
)

// One notice from the letter to the receipt over HTTP; then everything that a thief can copy is searched for what nobody but the people may know.
func TestNoSecretInWhatAThiefCanCopy(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "portal.db")
		j := startJourney(t, path, "")
		j.places = func() []portaltest.Place { return portaltest.SQLitePlaces(t, path) }
		j.run()
	})
	t.Run("PostgreSQL and Redis", func(t *testing.T) {
		dsn, redis := portaltest.PostgreSQL(t), portaltest.StartRedis(t)
		j := startJourney(t, dsn, redis.URL)
		j.secret("the password of Redis", redis.Password)
		address, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		password, _ := address.User.Password()
		j.secret("the password of the database", password)
		j.places = func() []portaltest.Place { return append(portaltest.PostgreSQLPlaces(t, dsn), redis.Place()) }
		j.run()
	})
}

// journey is a court, and a record of all that must not get out.
type journey struct {
	*court
	node   *node
	front  *front
	places func() []portaltest.Place

	secrets []portaltest.Secret
}

func startJourney(t *testing.T, dsn, redis string) *journey {
	t.Helper()
	j := &journey{court: openCourt(t, dsn, redis, func(*court) {}), front: new(front)}
	server := httptest.NewServer(j.front.before(j.line.address()))
	t.Cleanup(server.Close)
	j.origin = server.URL
	j.settings = append(j.settings, "--trusted-proxy", "127.0.0.0/8")
	j.node = j.start()
	j.believe()
	for what, text := range map[string]string{
		"the visitor's address": visitorAddress, "the visitor's network": visitorNetwork, "the visitor's program": visitorProgram,
		"the State's name": stateName, "the ambassador's name": stateSecret, "the witness's name": witnessName,
		"the subject": subjectEN, "the French subject": subjectFR,
		"the attachment's name": attachmentName, "the portal's secret": strings.Repeat("0123456789abcdef", 2),
	} {
		j.secrets = append(j.secrets, portaltest.Secret{What: what, Value: []byte(text), Guessable: true})
	}
	for what, text := range map[string]string{"the text": textEN, "the French text": textFR, "the attachment": attachmentText, "what one mailbox alone is told": personalEN, "the note of a telephone call": noteOfCall} {
		j.secret(what, text)
	}
	for _, phrase := range []string{statePhrase, witnessPhrase, secondPhrase} {
		j.secrets = append(j.secrets, portaltest.Secret{What: "a passphrase", Value: []byte(phrase), Guessable: true, Words: true})
	}
	octets := netip.MustParseAddr(visitorAddress).As16()
	j.secrets = append(j.secrets, portaltest.Secret{What: "the visitor's address", Value: octets[:], Guessable: true})
	for what, key := range map[string]*crypto.Key{"the root's key": j.Root, "the author's key": j.Author, "the approver's key": j.Approver, "the registrar's key": j.Registrar} {
		j.secrets = append(j.secrets, portaltest.PrivateKeySecrets(t, what, key.Armor())...)
	}
	return j
}

func (j *journey) secret(what, text string) {
	j.secrets = append(j.secrets, portaltest.Secret{What: what, Value: []byte(text)})
}

// must ends the test when a step failed.
func (j *journey) must(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

// run goes the whole way, and looks before and after the receipt: it reveals the opening value, as it should.
func (j *journey) run() {
	ctx := j.t.Context()
	j.t.Helper()
	state := j.issue(crypto.KindState, crypto.ProfilePQ, stateName, stateSecret)
	witness := j.issue(crypto.KindIndividual, crypto.ProfileCompat, witnessName, witnessName)
	j.claim(state, statePhrase)
	number := j.dispatch()
	j.claim(witness, witnessPhrase) // with something to carry over

	v := j.visitor()
	unlocked, err := v.LogInSecret(ctx, state.number, statePhrase)
	j.must(err)
	keys := unlocked.Bundle.Keys()
	self, err := ceremony.SelfOf(unlocked.Bundle)
	j.must(err)
	notices, err := v.Notices(ctx)
	j.must(err)
	for _, l := range ceremony.List(j.trust, self, notices, time.Now()) {
		j.must(l.Problem)
	}
	fetched, err := v.Notice(ctx, number)
	j.must(err)
	opened, err := ceremony.Open(j.trust, self, number, fetched, time.Now())
	j.must(err)
	j.secret("the salt in the content", opened.Content().Salt)
	receipt, err := ceremony.Acknowledge(opened, keys[0], state.number, crypto.DecisionAcknowledged, fetched.Nonce, time.Now())
	j.must(err)
	j.correspond(v, unlocked.Bundle, state.number, number)
	j.goWrong(state.number, number)
	j.search(number, state.number, portaltest.Secret{What: "the opening value", Value: []byte(opened.Content().Opening)})

	_, err = v.Acknowledge(ctx, number, receipt)
	j.must(err)
	_, err = v.Evidence(ctx, []byte(receipt.Receipt))
	j.must(err)
	lock, err := ceremony.ChangeLock(unlocked.Bundle, secondPhrase)
	j.must(err)
	j.must(v.ChangeLock(ctx, lock))
	_, err = j.staff(j.Author).Status(ctx, number)
	j.must(err)
	j.must(j.logIn(state.number.String(), keys[0]).LogOut(ctx))
	j.search(number, state.number)
}

// addressee is a representative with what their letter says.
type addressee struct {
	number  crypto.Representative
	profile crypto.Profile
	code    crypto.ClaimCode
}

// issue is the registrar's part.
func (j *journey) issue(kind crypto.Kind, profile crypto.Profile, stakeholder, person string) addressee {
	j.t.Helper()
	number, err := ceremony.NewMailbox(kind)
	j.must(err)
	issued, err := ceremony.Issue(j.trust, j.Registrar, ceremony.Order{Representative: number, Profile: profile, Stakeholder: stakeholder, Person: person}, time.Now())
	j.must(err)
	j.must(j.staff(j.Registrar).Issue(j.t.Context(), issued.Request))
	j.secret("a claim code", string(issued.Code))
	return addressee{number, profile, issued.Code}
}

// claim is the representative's part.
func (j *journey) claim(a addressee, passphrase string) {
	j.t.Helper()
	v := j.visitor()
	unlocked, err := v.LogInSecret(j.t.Context(), a.number, string(a.code))
	j.must(err)
	claim, err := ceremony.NewClaim(unlocked.Bundle, a.profile, passphrase, time.Now())
	j.must(err)
	j.must(v.Claim(j.t.Context(), claim))
	for _, key := range claim.Bundle().Keys() {
		j.secrets = append(j.secrets, portaltest.PrivateKeySecrets(j.t, "a representative's key", key.Armor())...)
	}
}

// dispatch is author's and approver's part.
func (j *journey) dispatch() crypto.Number {
	ctx := j.t.Context()
	j.t.Helper()
	author := j.staff(j.Author)
	to, err := j.directory(author, j.Author).Choose(ceremony.AllMailboxes)
	j.must(err)
	submission, number, err := ceremony.Seal(j.trust, j.Author, &crypto.Draft{
		Languages:   []crypto.LanguageVersion{{Language: "en", Subject: subjectEN, Text: textEN}, {Language: "fr", Subject: subjectFR, Text: textFR}},
		Attachments: []crypto.Attachment{{Name: attachmentName, Type: "text/csv", Data: []byte(attachmentText)}},
		Acknowledge: true, Deadline: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
		Personal: map[crypto.Number][]crypto.PersonalText{to.Mailboxes[0].Mailbox: {{Language: "en", Text: personalEN}}},
	}, to.Recipients, time.Now(), nil)
	j.must(err)
	_, err = author.Submit(ctx, submission, nil)
	j.must(err)

	approver := j.staff(j.Approver)
	waiting, err := approver.StaffNotice(ctx, number)
	j.must(err)
	examined, err := ceremony.Examine(j.trust, []*crypto.Key{j.Approver}, number, waiting, j.directory(approver, j.Approver), time.Now())
	j.must(err)
	approval, err := ceremony.Approve(j.trust, j.Approver, examined, time.Now())
	j.must(err)
	_, err = approver.Approve(ctx, number, approval)
	j.must(err)

	// He telephones one of them, and reminds all.
	manifest, err := approver.Manifest(ctx, number)
	j.must(err)
	call, err := ceremony.RecordContact(j.trust, j.Approver, number, manifest, crypto.ContactMade{
		Mailbox: to.Mailboxes[0].Mailbox, Way: crypto.ByTelephone, Outcome: crypto.ContactReached, Time: time.Now(), Note: noteOfCall,
	}, time.Now())
	j.must(err)
	_, err = approver.RecordContact(ctx, number, call)
	j.must(err)
	_, err = approver.Remind(ctx, number, api.Remind{Awaited: true})
	j.must(err)
	return number
}

func (j *journey) directory(v *client.Client, reader *crypto.Key) *ceremony.Directory {
	j.t.Helper()
	mailboxes, err := v.Mailboxes(j.t.Context())
	j.must(err)
	d, err := ceremony.ReadDirectory(j.trust, []*crypto.Key{reader}, mailboxes, time.Now(), nil)
	j.must(err)
	return d
}

// goWrong does what people and programs do wrong, with secrets in every place of a request: what is refused is logged, too.
func (j *journey) goWrong(person crypto.Representative, n crypto.Number) {
	ctx := j.t.Context()
	j.t.Helper()
	if _, err := j.visitor().LogInSecret(ctx, person, witnessPhrase); err == nil {
		j.t.Error("somebody else's passphrase was taken")
	}
	_, err := j.visitor().StartLogIn(ctx, person.String()) // and never come back
	j.must(err)
	quoted, err := json.Marshal(subjectEN + textFR)
	j.must(err)
	for _, wrong := range []struct{ method, path, body string }{
		{"GET", "/api/v1/notices/" + url.PathEscape(subjectEN) + "?who=" + url.QueryEscape(witnessName), ""},
		{"GET", "/" + url.PathEscape(stateSecret), ""},
		{"POST", "/api/v1/login/start", `{"as":` + string(quoted) + `}`},
		{"POST", "/api/v1/login", `{"as":"` + person.String() + `","signed_text":` + string(quoted) + `}`},
		{"POST", "/api/v1/login/unlock", `{"as":"` + person.String() + `","log_in_secret":` + string(quoted) + `}`},
		{"POST", "/api/v1/login/unlock", `{"` + statePhrase + `":1}`},
		{"POST", "/api/v1/evidence", `{"receipt":` + string(quoted) + `}`},
		{"POST", "/api/v1/staff", `{"certificate":` + string(quoted) + `}`},
		{"POST", "/api/v1/notices/" + string(n) + "/acknowledgement", string(quoted)},
		{"POST", "/api/v1/notices", textEN},
		{"DELETE", "/api/v1/notices/" + url.PathEscape(subjectFR), textEN},
		{"BREW", "/api/v1/session", ""},
	} {
		request, err := http.NewRequestWithContext(ctx, wrong.method, j.origin+wrong.path, strings.NewReader(wrong.body))
		j.must(err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Referer", "https://mail.example/?subject="+url.QueryEscape(subjectEN))
		request.AddCookie(&http.Cookie{Name: "valise", Value: base64.RawURLEncoding.EncodeToString([]byte(statePhrase))})
		answer, err := http.DefaultClient.Do(request)
		j.must(err)
		answer.Body.Close()
		if answer.StatusCode < 400 && wrong.path != "/api/v1/login/start" {
			j.t.Errorf("%s %s: %d", wrong.method, wrong.path, answer.StatusCode)
		}
	}
}

// search looks for all that was a secret in all that can be copied.
func (j *journey) search(n crypto.Number, person crypto.Representative, more ...portaltest.Secret) {
	j.t.Helper()
	places := append(j.places(), portaltest.Place{Name: "the log", Data: []byte(j.node.log.String())})
	secrets := append(more, append(j.secrets, j.front.secrets()...)...)
	portaltest.NoLeaks(j.t, secrets, places...)

	// What must be there is found, so it was looked for in the right places.
	known, err := portaltest.FindLeaks([]portaltest.Secret{
		{What: "notice", Value: []byte(n)}, {What: "person", Value: []byte(person.String())}, {What: "route", Value: []byte("GET /api/v1/notices/{notice}")},
	}, places...)
	j.must(err)
	found := map[string]bool{}
	for _, l := range known {
		found[l.What+" in "+l.Name] = true
	}
	want := []string{"route in the log", "notice in the database's file-wal", "notice in the table notices", "person in the table sessions"}
	if strings.Contains(j.dsn, "://") {
		want = []string{"route in the log", "notice in the table public.notices", "person in Redis", "person in the table public.representatives"}
	}
	for _, w := range want {
		if !found[w] {
			j.t.Errorf("the search did not find what is there: %s; it found %v", w, known)
		}
	}
	j.t.Logf("%d secrets are nowhere in %d places", len(secrets), len(places))
}

// ------------------------------------------------------------------ what passes by

// front stands before the portal as a proxy does, says where visitors come from, and keeps what passes by that is secret.
type front struct {
	mu     sync.Mutex
	caught []portaltest.Secret
}

func (f *front) secrets() []portaltest.Secret {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]portaltest.Secret(nil), f.caught...)
}

func (f *front) catch(what string, values ...[]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range values {
		f.caught = append(f.caught, portaltest.Secret{What: what, Value: v})
	}
}

func (f *front) before(address string) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			r.Out.Header.Set("X-Forwarded-For", visitorAddress)
			r.Out.Header.Set("User-Agent", visitorProgram)
		},
		ModifyResponse: func(r *http.Response) error {
			for _, c := range r.Cookies() {
				if id, err := base64.RawURLEncoding.DecodeString(c.Value); err == nil && len(id) > 0 {
					f.catch("a session's id", []byte(c.Value), id)
				}
			}
			if !strings.HasSuffix(r.Request.URL.Path, "/login/start") {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			var challenge api.LogInChallenge
			if json.Unmarshal(body, &challenge) == nil && challenge.Nonce != "" {
				f.catch("a nonce for logging in", []byte(challenge.Nonce))
			}
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/login/unlock") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			var u api.Unlock
			if json.Unmarshal(body, &u) == nil && len(u.LogInSecret) > 0 {
				f.catch("a log-in secret", u.LogInSecret)
			}
		}
		proxy.ServeHTTP(w, r)
	})
}
