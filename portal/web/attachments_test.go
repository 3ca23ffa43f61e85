package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest/live"
)

// doTyped sends octets that are not JSON.
func (v *visitor) doTyped(method, path, mediaType string, body io.Reader) answer {
	v.t.Helper()
	before := v.header
	defer func() { v.header = before }()
	v.header = http.Header{"Content-Type": {mediaType}}
	return v.do(method, path, body)
}

func (v *visitor) putFile(number crypto.Number, f *ceremony.SealedAttachment) {
	v.t.Helper()
	v.doTyped("PUT", api.Root+"/staff/statements/"+string(number)+"/attachments/"+f.ID, "application/octet-stream", bytes.NewReader(f.Sealed)).want(v.t, 204)
}

// attach puts a file into a draft, as the author's program does.
func (n *newsroom) attach(d *crypto.StatementDraft, name, mediaType string, data []byte) *ceremony.SealedAttachment {
	n.t.Helper()
	f, err := ceremony.SealAttachment(n.trust(), n.p.Author, d.Statement, name, mediaType, data, time.Now())
	must(n.t, err)
	n.author.putFile(d.Statement, f)
	f.Attach(d)
	return f
}

// hold fetches and compares the files of a submission, as the approver's program does.
func (n *newsroom) hold(e *ceremony.ExaminedStatement) {
	n.t.Helper()
	number := string(e.Submitted.Manifest().Statement)
	for _, f := range e.Needed() {
		path := api.Root + "/staff/statements/" + number + "/attachments/" + f.ID
		if f.Version > 0 {
			path = "/statements/" + number + "/1/files/" + url.PathEscape(f.Name)
		}
		a := n.approver.do("GET", path, nil)
		a.want(n.t, 200)
		must(n.t, e.Hold(n.trust(), []*crypto.Key{n.p.Approver}, f, a.body, time.Now()))
	}
}

func TestFilesForEverybody(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := announcement()
	hostile := []byte("<script>alert(1)</script>")
	const evil = `it's $(touch pwned) &; b.html`
	files := map[string][]byte{"Report – été.pdf": []byte("%PDF-1.7 report"), "picture.png": []byte("\x89PNG\r\n\x1a\n"), evil: hostile, "drawing.svg": []byte("<svg onload='alert(1)'/>"), "code.js": []byte("alert(1)")}
	for _, f := range [][2]string{{"Report – été.pdf", "application/pdf"}, {"picture.png", "image/png"}, {evil, "text/html"}, {"drawing.svg", "image/svg+xml"}, {"code.js", "text/javascript"}} {
		n.attach(d, f[0], f[1], files[f[0]])
	}
	n.submit(d)
	at := "/statements/" + string(d.Statement)
	n.reader.do("GET", at+"/1/files/picture.png", nil).want(t, 404)
	n.approve(d.Statement)

	for name, want := range map[string]struct{ mediaType, disposition string }{
		"Report – été.pdf": {"application/pdf", "attachment"},
		"picture.png":      {"image/png", "inline"},
		evil:               {"application/octet-stream", "attachment"},
		"drawing.svg":      {"application/octet-stream", "attachment"},
		"code.js":          {"application/octet-stream", "attachment"},
	} {
		for _, version := range []string{"", "/1"} {
			a := n.reader.do("GET", at+version+"/files/"+url.PathEscape(name), nil)
			a.want(t, 200)
			h := a.Header
			sum := sha256.Sum256(files[name])
			tag := `"` + hex.EncodeToString(sum[:]) + `"`
			if !bytes.Equal(a.body, files[name]) || h.Get("Content-Type") != want.mediaType || !strings.HasPrefix(h.Get("Content-Disposition"), want.disposition+";") ||
				!strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox; default-src 'none'") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("ETag") != tag ||
				strings.Contains(h.Get("Cache-Control"), "immutable") != (version == "/1") || h.Get("Set-Cookie") != "" {
				t.Errorf("%s%s: %q %v", name, version, a.body, h)
			}
		}
	}
	for _, path := range []string{"/2/files/picture.png", "/01/files/picture.png", "/0/files/picture.png", "/1/files/Picture.png", "/1/files/", "/files/x", "/1/files/..%2Fen.txt"} {
		n.reader.do("GET", at+path, nil).want(t, 404)
	}

	// The page names every file with its digest, and the line to paste does what it says and nothing else.
	page := n.reader.page(at+"/1/en", 200)
	if !strings.Contains(page, `href="`+at+`/1/files/picture.png"`) {
		t.Error("the page does not list the files")
	}
	folder := t.TempDir()
	for name, data := range files {
		must(t, os.WriteFile(filepath.Join(folder, name), data, 0o600))
	}
	found := regexp.MustCompile(`(?s)<pre[^>]* id="verify-digest"[^>]*>(.*?)</pre>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("the page tells no commands")
	}
	check := html.UnescapeString(found[1])
	check = check[strings.Index(check, "\n")+1:] // the first line is about the text
	shell := exec.Command("sh", "-e", "-c", check)
	shell.Dir = folder
	if out, err := shell.CombinedOutput(); err != nil || strings.Count(string(out), ": OK") != len(files) {
		t.Errorf("%v: %s\n%s", err, out, check)
	}
	if _, err := os.Stat(filepath.Join(folder, "pwned")); err == nil {
		t.Error("a file's name was run")
	}

	// Feeds carry them.
	var feed struct {
		Items []struct {
			Attachments []struct {
				URL  string `json:"url"`
				Type string `json:"mime_type"`
				Size int    `json:"size_in_bytes"`
			} `json:"attachments"`
		} `json:"items"`
	}
	must(t, json.Unmarshal(n.reader.do("GET", "/feeds/en.json", nil).body, &feed))
	if len(feed.Items) != 1 || len(feed.Items[0].Attachments) != 1+len(files) || feed.Items[0].Attachments[1].Size != len(files["Report – été.pdf"]) {
		t.Errorf("%+v", feed)
	}
	if atom := string(n.reader.do("GET", "/feeds/en.atom", nil).body); strings.Count(atom, `rel="enclosure"`) != len(files) {
		t.Error(atom)
	}

	// A correction for a minute to come keeps one file, and its approver looks at the published one.
	c := corrected(d, crypto.StatementCorrection, "It was the wrong report.")
	c.Attachments, c.Sealed = d.Attachments[1:2], nil
	n.attach(c, "Report – été.pdf", "application/pdf", []byte("%PDF-1.7 the right report"))
	c.PublishAt = time.Now().Add(2 * time.Second).Truncate(time.Second).Add(time.Second)
	n.submit(c)
	if approved := n.approve(c.Statement); approved.State != api.StatementApproved {
		t.Fatalf("it is %s", approved.State)
	}
	for published := false; !published; time.Sleep(100 * time.Millisecond) {
		_, err := n.notary.Look(t.Context())
		must(t, err)
		published = n.reader.do("GET", at+"/2/files/picture.png", nil).StatusCode == 200
	}
	if a := n.reader.do("GET", at+"/files/"+url.PathEscape("Report – été.pdf"), nil); string(a.body) != "%PDF-1.7 the right report" {
		t.Errorf("%q", a.body)
	}
	if a := n.reader.do("GET", at+"/1/files/"+url.PathEscape("Report – été.pdf"), nil); string(a.body) != "%PDF-1.7 report" {
		t.Errorf("%q", a.body)
	}
}

func TestSealedFilesOverHTTP(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := announcement()
	f, err := ceremony.SealAttachment(n.trust(), n.p.Author, d.Statement, "report.pdf", "application/pdf", []byte("%PDF-1.7 report"), time.Now())
	must(t, err)
	path := api.Root + "/staff/statements/" + string(d.Statement) + "/attachments/" + f.ID
	put := func(v *visitor, path, mediaType string, data []byte) answer {
		t.Helper()
		return v.doTyped("PUT", path, mediaType, bytes.NewReader(data))
	}
	put(n.reader, path, "application/octet-stream", f.Sealed).wantFailure(t, 401, "no-session")
	put(n.author, path, "application/json", f.Sealed).wantFailure(t, 415, "unsupported-media-type")
	put(n.author, path, "application/octet-stream", f.Sealed[1:]).wantFailure(t, 400, "wrong-digest")
	put(n.author, path, "application/octet-stream", make([]byte, crypto.MaxSealedAttachment+1)).wantFailure(t, 413, "too-large")
	n.author.do("GET", path, nil).wantFailure(t, 404, "no-attachment")
	put(n.author, path, "application/octet-stream", f.Sealed).want(t, 204)
	put(n.author, path, "application/octet-stream", f.Sealed).want(t, 204)
	n.reader.do("GET", path, nil).wantFailure(t, 401, "no-session")
	a := n.approver.do("GET", path, nil)
	a.want(t, 200)
	if !bytes.Equal(a.body, f.Sealed) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.Header)
	}
	d.Sealed = map[string]string{f.SHA256: strings.Repeat("0", 64)}
	d.Attachments = []crypto.StatementAttachment{f.StatementAttachment}
	save, err := ceremony.SaveStatement(n.trust(), n.p.Author, d, time.Now())
	must(t, err)
	n.author.do("PUT", api.Root+"/staff/statements/"+string(d.Statement)+"/draft", save).wantFailure(t, 409, "attachment-not-uploaded")
}
