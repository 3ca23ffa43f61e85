package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// mirrored is a portal on a line without TLS, with somebody on it who can change answers, and statements of all kinds.
type mirrored struct {
	*live.Server
	t      *testing.T
	url    string
	change func(path string, body []byte) []byte // nil: nobody
	forged map[string]string                     // pages that the portal never had, by what is asked for; "": nothing is there
	first  crypto.Number
	second crypto.Number
}

func openMirrored(t *testing.T) *mirrored {
	t.Helper()
	m := &mirrored{Server: live.Portal(t, live.Options{}), t: t}
	site := *m.Portal
	line := httptest.NewUnstartedServer(nil)
	m.url = "http://" + line.Listener.Addr().String()
	site.Origin, site.InsecureHTTP = m.url, true
	press, err := crypto.GenerateKey(crypto.ProfileCompat, "Press <press@court.example>", time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	site.MailCertificates = []*crypto.Certificate{press.Certificate()}
	site.Institution.Security = portal.SecurityContact{Contact: []string{"mailto:press@court.example"}, Expires: time.Now().AddDate(0, 3, 0), Encryption: []string{"openpgp4fpr:" + string(press.Certificate().Fingerprint())}}
	handler, err := site.Handler()
	if err != nil {
		t.Fatal(err)
	}
	line.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if forged, ok := m.forged[r.RequestURI]; ok {
			if forged == "" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, forged)
			return
		}
		if m.change == nil {
			handler.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		w.Write(m.change(r.URL.Path, answer.Body.Bytes()))
	})
	line.Start()
	t.Cleanup(line.Close)

	m.first, m.second = crypto.NewNumber(crypto.KindStatement), crypto.NewNumber(crypto.KindStatement)
	draft := &crypto.StatementDraft{Statement: m.first, Revision: 1, Topic: "security", Languages: []crypto.StatementLanguage{
		{Language: "en", Title: "Anomalous activity & <more>", Body: "Activity was *detected*.\n\nIt is being looked into.\n"}, {Language: "fr", Title: "Activité anormale", Body: "Une activité a été détectée.\n"},
	}}
	m.PublishStatement(draft)
	corrected := *draft
	corrected.Kind = crypto.StatementCorrection
	corrected.Languages = []crypto.StatementLanguage{
		{Language: "en", Title: "Anomalous activity & <more>", Reason: "A date was wrong.", Body: "Activity was detected on Monday.\n"}, {Language: "fr", Title: "Activité anormale", Reason: "Une date était fausse.", Body: "Une activité a été détectée lundi.\n"},
	}
	m.PublishStatement(&corrected)
	m.PublishStatement(&crypto.StatementDraft{Statement: m.second, Revision: 1, Topic: "security", Series: m.first, Languages: []crypto.StatementLanguage{
		{Language: "en", Title: "Findings", Body: "These are the findings.\n"}, {Language: "fr", Title: "Constatations", Body: "Voici les constatations.\n"},
	}}, crypto.Attachment{Name: "Rapport – été 2026.pdf", Type: "application/pdf", Data: []byte("%PDF-1.7 findings")})
	m.SignLedger()
	return m
}

// export runs the command.
func (m *mirrored) export(dir string) (status int, done exportJSON, said string) {
	m.t.Helper()
	var out, problems bytes.Buffer
	status = run(context.Background(), []string{"--json", "export", "--server", m.url, "--root-fingerprint", string(m.Pin.Fingerprint), dir}, strings.NewReader(""), &out, &problems)
	if status == exitDone {
		if err := json.Unmarshal(out.Bytes(), &done); err != nil {
			m.t.Fatalf("%v: %s", err, out.Bytes())
		}
	}
	return status, done, out.String() + problems.String()
}

func get(t *testing.T, address string) (int, []byte, http.Header) {
	t.Helper()
	request, err := http.NewRequest("GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "identity")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body, answer.Header
}

// filesOf are all files of a mirror with what is in them, but our own.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ownFolder:
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(strings.TrimPrefix(path, dir))] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// insteadOf lets what stands at one address stand at another.
func (m *mirrored) insteadOf(path, other string) func(string, []byte) []byte {
	m.t.Helper()
	_, there, _ := get(m.t, m.url+other)
	return func(asked string, body []byte) []byte {
		if asked == path {
			return there
		}
		return body
	}
}

// A mirror is served by a plain web server, to the byte as the portal does, and everything in it is as good to check as there.
func TestAMirrorIsThePortalToTheByte(t *testing.T) {
	m := openMirrored(t)
	dir := filepath.Join(t.TempDir(), "mirror")
	status, done, said := m.export(dir)
	if status != exitDone || done.Statements != 2 || done.Versions != 3 || done.Written != done.Files || done.Leaves == nil || len(done.Missing) > 0 {
		t.Fatalf("%d: %+v %s", status, done, said)
	}
	plain := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer plain.Close()
	files := filesOf(t, dir)
	for name, data := range files {
		address := strings.TrimSuffix(name, "/index.html")
		if strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
			continue
		}
		path := (&url.URL{Path: address}).EscapedPath()
		want, portals, header := get(t, m.url+path)
		got, served, plainly := get(t, plain.URL+path)
		if want != 200 || got != 200 || !bytes.Equal(portals, served) || data != string(portals) {
			t.Errorf("%s: the portal has %d, %d octets; the mirror %d, %d octets", address, want, len(portals), got, len(served))
		}
		if html := strings.HasPrefix(header.Get("Content-Type"), "text/html"); html != strings.HasPrefix(plainly.Get("Content-Type"), "text/html") {
			t.Errorf("%s comes as %s instead of %s", address, plainly.Get("Content-Type"), header.Get("Content-Type"))
		}
	}
	at := "/statements/" + string(m.first)
	for _, name := range []string{
		"/index.html", "/en/index.html", "/fr/index.html", "/statements/index.html", "/en/statements/index.html", "/en/statements/topic/security/index.html", "/fr/series/" + string(m.first) + "/index.html",
		"/statements/" + string(m.second) + "/1/files/Rapport – été 2026.pdf", "/statements/" + string(m.second) + "/files/Rapport – été 2026.pdf",
		at + "/index.html", at + "/en/index.html", at + "/1/fr/index.html", at + "/en.txt", at + "/1/en.md.asc", at + "/2/signed.json", at + "/2/ledger.tlog-proof", "/feeds/en.atom", "/feeds/security/fr.json",
		"/en/certificates/index.html", "/root.asc", "/keys/staff.asc", "/keys/ledger.asc", "/keys/" + string(m.Author.Certificate().Fingerprint()) + ".asc", "/keys/" + string(m.Author.Certificate().Fingerprint()) + ".tlog-proof", "/sitemap.xml", "/robots.txt", "/.well-known/security.txt",
		"/.well-known/openpgpkey/policy", "/.well-known/openpgpkey/court.example/policy", "/ledger/checkpoint", "/ledger/tile/0/000.p/" + fmt.Sprint(*done.Leaves), "/api/v1/institution", "/api/v1" + at,
	} {
		if _, ok := files[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	for name := range files {
		for _, never := range []string{"/login", "/mailbox", "/claim", "/staff", "/healthz", "/api/v1/session"} {
			if strings.HasPrefix(name, never+"/") || name == never {
				t.Errorf("%s is on the mirror", name)
			}
		}
	}

	// gpg, and our own commands, verify from the mirror as from the portal.
	gpg := portaltest.GPG(t)
	for _, path := range []string{"/root.asc", at + "/signers.asc"} {
		_, data, _ := get(t, plain.URL+path)
		gpg.Import(data)
	}
	_, text, _ := get(t, plain.URL+at+"/2/en.txt")
	if _, _, err := gpg.Verify(text); err != nil {
		t.Errorf("gpg on the mirror's text: %v", err)
	}
	file := filepath.Join(t.TempDir(), "en.txt")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "seen")
	for _, args := range [][]string{
		{"ledger", "verify", plain.URL, "--state", state, "--root-fingerprint", string(m.Pin.Fingerprint)},
		{"verify", file, "--server", plain.URL, "--root-fingerprint", string(m.Pin.Fingerprint)},
		{"statement", "show", string(m.second), "--server", plain.URL, "--root-fingerprint", string(m.Pin.Fingerprint)},
	} {
		var out, problems bytes.Buffer
		if status := run(context.Background(), args, strings.NewReader(""), &out, &problems); status != exitDone {
			t.Errorf("%v on the mirror: %d %s%s", args, status, out.String(), problems.String())
		}
	}

	// Again: nothing has changed, so nothing is written. Something new: only what changes.
	if status, again, said := m.export(dir); status != exitDone || again.Written != 0 || again.Files != done.Files {
		t.Errorf("again: %d, %+v %s", status, again, said)
	}
	third := crypto.NewNumber(crypto.KindStatement)
	m.PublishStatement(&crypto.StatementDraft{Statement: third, Revision: 1, Topic: "press", Languages: []crypto.StatementLanguage{{Language: "en", Title: "New", Body: "New.\n"}, {Language: "fr", Title: "Nouveau", Body: "Nouveau.\n"}}})
	m.SignLedger()
	before := files
	if status, more, said := m.export(dir); status != exitDone || more.Statements != 3 || more.Written == 0 || more.Written > 80 {
		t.Errorf("more: %d, %+v %s", status, more, said)
	}
	files = filesOf(t, dir)
	for name, data := range before {
		if now, ok := files[name]; !ok || now != data && strings.HasPrefix(name, at+"/") && !strings.HasSuffix(name, "proof") {
			t.Errorf("%s was removed or changed", name)
		}
	}
	var out, problems bytes.Buffer
	if status := run(context.Background(), []string{"ledger", "verify", plain.URL, "--state", state, "--root-fingerprint", string(m.Pin.Fingerprint)}, strings.NewReader(""), &out, &problems); status != exitDone || !strings.Contains(out.String(), "more than when you looked last") {
		t.Errorf("following the mirror: %d %s%s", status, out.String(), problems.String())
	}
}

// Whoever has the web server, or the line, can't get a lie into a mirror, and the mirror stays as it was.
func TestALyingPortalIsNotMirrored(t *testing.T) {
	m := openMirrored(t)
	dir := filepath.Join(t.TempDir(), "mirror")
	if status, _, said := m.export(dir); status != exitDone {
		t.Fatal(said)
	}
	before := filesOf(t, dir)
	at, armor := "/statements/"+string(m.first), strings.Split(m.Root.Certificate().Armor(), "\n")
	replace := func(path, old, new string) func(string, []byte) []byte {
		return func(asked string, body []byte) []byte {
			if asked != path {
				return body
			}
			changed := bytes.ReplaceAll(body, []byte(old), []byte(new))
			if bytes.Equal(changed, body) {
				panic("nothing to change at " + path)
			}
			return changed
		}
	}
	for lie, change := range map[string]struct {
		change func(string, []byte) []byte
		words  string
		fresh  bool // seen only by who has not fetched it before
	}{
		"a text in the API":         {replace("/api/v1"+at, "Activity was *detected*", "Nothing was *detected*"), string(m.first), false},
		"a text in its file":        {replace(at+"/1/en.txt", "Activity", "Inactivity"), "is not what was signed", true},
		"an attachment":             {replace("/statements/"+string(m.second)+"/1/files/Rapport – été 2026.pdf", "findings", "nothing!"), "Rapport", true},
		"a page":                    {replace(at+"/1/en", "Activity was", "Nothing was"), "does not show the text that was signed", false},
		"a title on a page":         {replace(at+"/fr", "Activité anormale</h1>", "Activité normale</h1>"), "does not show the text that was signed", false},
		"a statement left out":      {replace("/api/v1/statements", string(m.second), string(m.first)), "withholds it", false},
		"another root":              {replace("/api/v1/institution", armor[3][:20], armor[4][:20]), "root", false},
		"a certificate of nobody's": {replace("/keys/staff.asc", "-----BEGIN", m.stranger()+"-----BEGIN"), "never certified", false},
		"a proof of another's":      {m.insteadOf("/keys/"+string(m.Author.Certificate().Fingerprint())+".tlog-proof", "/keys/"+string(m.Approver.Certificate().Fingerprint())+".tlog-proof"), "is of something else", false},
		"a leaf of the ledger":      {replace("/ledger/tile/entries/000.p/"+m.leaves(), "statement-published", "statement-withdrawn"), "", false},
	} {
		t.Run(lie, func(t *testing.T) {
			m.change = change.change
			defer func() { m.change = nil }()
			target := dir
			if change.fresh {
				target = filepath.Join(t.TempDir(), "mirror")
			}
			status, _, said := m.export(target)
			if status == exitDone || !strings.Contains(said, change.words) {
				t.Errorf("%d: %s", status, said)
			}
			for name, data := range filesOf(t, target) {
				if !change.fresh && before[name] != data {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

// What was verified is what is written: an answer that is another when it is asked for again, and pages that are named in a way that nobody looks
// at, don't get in either. Nor does a portal that now says that nobody signs its ledger, to keep a correction back.
func TestAMirrorHoldsWhatWasVerified(t *testing.T) {
	m := openMirrored(t)
	dir := filepath.Join(t.TempDir(), "mirror")
	if status, _, said := m.export(dir); status != exitDone {
		t.Fatal(said)
	}
	before := filesOf(t, dir)
	at, number := "/statements/"+string(m.first), strings.TrimPrefix(string(m.first), "P-")
	again := func(path string, change func([]byte) []byte) func(string, []byte) []byte {
		asked := 0
		return func(p string, body []byte) []byte {
			if p != path {
				return body
			}
			if asked++; asked == 1 {
				return body
			}
			return change(body)
		}
	}
	replace := func(old, new string) func([]byte) []byte {
		return func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(old), []byte(new)) }
	}
	leads := func(to string) func(string, []byte) []byte {
		return func(p string, body []byte) []byte {
			if p != "/en/statements" {
				return body
			}
			return append(body, ` <a href="`+to+`">more</a>`...)
		}
	}
	key := regexp.MustCompile(`,"ledger_key":"[^"]*"`)
	for lie, change := range map[string]struct {
		change func(string, []byte) []byte
		forged map[string]string
		status int
		words  string
	}{
		"a statement's second answer":  {again("/api/v1"+at, replace("Activity was *detected*", "Nothing was *F0RGED*")), nil, exitFailed, string(m.first)},
		"the root's second answer":     {again("/api/v1/institution", func([]byte) []byte { return []byte(`{"name":"F0RGED"}`) }), nil, exitFailed, ""},
		"an address spelled otherwise": {leads("/statements/%50-" + number), map[string]string{"/statements/%50-" + number: "F0RGED"}, exitDone, ""},
		"an address in small letters":  {leads("/statements/p-" + strings.ToLower(number)), map[string]string{"/statements/p-" + strings.ToLower(number): "F0RGED"}, exitFailed, "none of that number"},
		"an address behind a language": {leads("/fr" + at), map[string]string{"/fr" + at: "F0RGED"}, exitDone, ""},
		"no key of the ledger": {func(p string, body []byte) []byte {
			if p == "/api/v1/institution" {
				return key.ReplaceAll(body, nil)
			}
			return body
		}, nil, exitAlarm, "ledger"},
		"no checkpoint": {nil, map[string]string{"/ledger/checkpoint": ""}, exitAlarm, "ledger"},
	} {
		t.Run(lie, func(t *testing.T) {
			m.change, m.forged = change.change, change.forged
			defer func() { m.change, m.forged = nil, nil }()
			if status, _, said := m.export(dir); status != change.status || !strings.Contains(said, change.words) {
				t.Errorf("%d: %s", status, said)
			}
			for name, data := range filesOf(t, dir) {
				if strings.Contains(data, "F0RGED") || strings.HasPrefix(name, at+"/") && before[name] != data {
					t.Errorf("%s was written, or changed", name)
				}
			}
		})
	}
}

func (m *mirrored) stranger() string {
	m.t.Helper()
	key, err := crypto.GenerateKey(crypto.ProfileCompat, live.AuthorName, time.Now())
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.ReplaceAll(key.Certificate().Armor(), "\\", "")
}

func (m *mirrored) leaves() string {
	return fmt.Sprint(m.SignLedger().Size)
}

func TestAMirrorsFolderWithSomethingElseIsLeftAlone(t *testing.T) {
	m := openMirrored(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "diary.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, said := m.export(dir); status != exitFailed || !strings.Contains(said, "diary.txt") {
		t.Errorf("%d: %s", status, said)
	}
	// The mirror of another portal is.
	other := filepath.Join(t.TempDir(), "mirror")
	taken, err := openMirror(other, "https://elsewhere.example", m.Pin.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	taken.close()
	if status, _, said := m.export(other); status != exitFailed || !strings.Contains(said, "another portal") {
		t.Errorf("%d: %s", status, said)
	}
	// And one that another process is at.
	busy := filepath.Join(t.TempDir(), "mirror")
	held, err := openMirror(busy, m.url, m.Pin.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	defer held.close()
	if status, _, said := m.export(busy); status != exitFailed || !strings.Contains(said, "another process") {
		t.Errorf("%d: %s", status, said)
	}
	// No address of a portal's leads out of the folder.
	for _, address := range []string{"/../x", "/a/../../x", "/%2e%2e/x", "/a%2f..%2fb", "/.valise-mirror/lock", "/a/.hidden", "//x", "x", "/a\x00", "/" + strings.Repeat("x", 300), `/a\b`} {
		if file, err := held.file(address); err == nil {
			t.Errorf("%q leads to %s", address, file)
		}
	}
}

func TestScriptsThatNobodySignedAreNotMirrored(t *testing.T) {
	m := openMirrored(t)
	own := theClient(t)
	signed, err := crypto.SignClientManifest(m.Pin, m.Author, own, time.Now())
	if err == nil {
		signed, err = crypto.CosignClientManifest(m.Pin, m.Approver, signed, own, time.Now())
	}
	if err == nil {
		_, err = m.Portal.Registry.AddClientManifest(t.Context(), signed)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.SignLedger()
	dir := filepath.Join(t.TempDir(), "mirror")
	m.change = func(path string, body []byte) []byte {
		if strings.HasSuffix(path, "/verify.js") {
			return append(body, "steal()"...)
		}
		return body
	}
	if status, _, said := m.export(dir); status != exitFailed || !strings.Contains(said, "verify.js is not what was signed") {
		t.Fatalf("%d: %s", status, said)
	}
	m.change = nil
	if status, _, said := m.export(dir); status != exitDone {
		t.Fatalf("%d: %s", status, said)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "client-manifest", "current.asc")); err != nil || !bytes.Equal(kept, signed) {
		t.Errorf("the mirror lacks the list: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "client-manifest", "current.tlog-proof")); err != nil {
		t.Errorf("the mirror lacks the proof of the list: %v", err)
	}
	m.forged = map[string]string{"/client-manifest/current.asc": ""}
	if status, _, said := m.export(dir); status != exitAlarm || !strings.Contains(said, "keeps the list back") {
		t.Errorf("%d: %s", status, said)
	}
}
