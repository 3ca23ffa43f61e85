package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// publish takes a draft to the world.
func (n *newsroom) publish(d *crypto.StatementDraft) {
	n.t.Helper()
	n.submit(d)
	n.approve(d.Statement)
}

// corrected is a draft of a version that replaces d's.
func corrected(d *crypto.StatementDraft, kind crypto.StatementKind, reasons ...string) *crypto.StatementDraft {
	c := *d
	c.Kind, c.Revision = kind, 1
	c.Languages = append([]crypto.StatementLanguage(nil), d.Languages...)
	for i := range c.Languages {
		c.Languages[i].Reason = reasons[i%len(reasons)]
		if kind == crypto.StatementWithdrawal {
			c.Languages[i].Body = ""
		}
	}
	return &c
}

func inArabicToo() *crypto.StatementDraft {
	d := announcement()
	d.Languages = append(d.Languages, crypto.StatementLanguage{Language: "ar", Title: "نشاط غير معتاد على أنظمتنا", Body: "رُصد نشاط غير معتاد.\n"})
	return d
}

func TestAStatementIsShownAndCheckedByItsReader(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := inArabicToo()
	n.publish(d)
	at := "/statements/" + string(d.Statement)

	english := n.reader.page(at+"/en", 200)
	for _, want := range []string{
		`<html lang="en" dir="ltr"`, `<h1 lang="en" dir="ltr">Anomalous activity on our systems</h1>`, "<p>Anomalous activity was detected.</p>", string(d.Statement),
		live.AuthorName, live.ApproverName, "This is the authoritative version", `href="` + at + `/fr"`, `href="` + at + `/ar"`, `href="` + at + `/1/en.txt"`,
		`<link rel="canonical" href="` + n.p.URL + at + `/en">`, `<meta property="og:title" content="Anomalous activity on our systems">`,
		`href="/en/statements/topic/security"`,
	} {
		if !strings.Contains(english, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if french := n.reader.page(at+"/fr", 200); !strings.Contains(french, `<html lang="fr"`) || !strings.Contains(french, "La version qui fait foi est celle en\u00a0: English") {
		t.Errorf("%s", french)
	}
	if arabic := n.reader.page(at+"/ar", 200); !strings.Contains(arabic, `<html lang="en"`) || !strings.Contains(arabic, `class="prose" lang="ar" dir="rtl"`) || !strings.Contains(arabic, "العربية") {
		t.Errorf("%s", arabic)
	}
	n.reader.page(at+"/ru", 404)
	n.reader.page(at+"/2/en", 404)
	n.reader.page(at+"/01/en", 404)
	n.reader.page("/statements/N-4GZ0R8TB", 400)

	// The browser's wish decides, and the answer says that it does.
	for wish, title := range map[string]string{"fr-CH, en;q=0.5": "Activité anormale", "ar": "نشاط", "ru": "Anomalous", "": "Anomalous"} {
		v := newVisitor(t, n.p)
		v.header.Set("Accept-Language", wish)
		a := v.do("GET", at, nil)
		if !strings.Contains(wholePage(t, a), title) || a.Header.Get("Vary") != "Accept-Language" {
			t.Errorf("%q: %s, Vary %q", wish, a.body, a.Header.Get("Vary"))
		}
	}

	// What the page tells its readers to do is done, in a fresh keyring, with what the portal serves.
	gpg := portaltest.GPG(t)
	folder := t.TempDir()
	for _, line := range regexp.MustCompile(`-O ([^\s<]+)`).FindAllStringSubmatch(english, -1) {
		address := html.UnescapeString(line[1])
		body := n.reader.do("GET", strings.TrimPrefix(address, n.p.URL), nil)
		body.want(t, 200)
		must(t, os.WriteFile(filepath.Join(folder, filepath.Base(address)), body.body, 0o600))
	}
	for _, id := range []string{"verify-import", "verify-txt", "verify-digest"} {
		for _, line := range strings.Split(commandIn(t, english, id), "\n") {
			command := exec.Command("sh", "-c", line)
			command.Dir, command.Env = folder, append(os.Environ(), "GNUPGHOME="+gpg.Home(), "LC_ALL=C")
			out, err := command.CombinedOutput()
			switch {
			case err != nil:
				t.Errorf("%s: %v\n%s", line, err, out)
			case strings.Contains(line, "--verify") && strings.Count(string(out), "Good signature") != 2:
				t.Errorf("%s\n%s", line, out)
			case strings.Contains(line, "--check-signatures") && strings.Count(string(out), "sig!") < 4:
				t.Errorf("%s\n%s", line, out)
			}
		}
	}
}

func commandIn(t *testing.T, page, id string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)<pre class="command" id="` + id + `"[^>]*>(.*?)</pre>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("there is no command %s", id)
	}
	return html.UnescapeString(m[1])
}

func TestFilesOfAStatementAreWhatWasSigned(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := inArabicToo()
	n.publish(d)
	v := n.previous(d.Statement)
	signed := v.Signed()
	at := "/statements/" + string(d.Statement) + "/"
	gpg := portaltest.GPG(t)
	gpg.Import(n.reader.do("GET", at+"1/signers.asc", nil).body)
	for i, text := range signed.Texts {
		language := v.Texts()[i].Language
		clear, err := text.ClearSigned()
		must(t, err)
		detached, err := text.Detached()
		must(t, err)
		for _, in := range []string{"", "1/"} {
			for name, want := range map[string]struct {
				mediaType string
				body      []byte
			}{
				".txt": {"text/plain; charset=utf-8", clear}, ".md": {"text/markdown; charset=utf-8", text.Text}, ".md.asc": {"application/pgp-signature", detached},
			} {
				a := n.reader.do("GET", at+in+language+name, nil)
				if a.StatusCode != 200 || !bytes.Equal(a.body, want.body) || a.Header.Get("Content-Type") != want.mediaType {
					t.Errorf("%s%s: %d, %q, %d octets", language, name, a.StatusCode, a.Header.Get("Content-Type"), len(a.body))
				}
			}
		}
		if _, _, err := gpg.Verify(clear); err != nil {
			t.Errorf("gpg on %s.txt: %v", language, err)
		}
		if _, err := gpg.VerifyDetached(detached, text.Text); err != nil {
			t.Errorf("gpg on %s.md.asc: %v", language, err)
		}
	}
	encoded, err := signed.Encode()
	must(t, err)
	if a := n.reader.do("GET", at+"1/signed.json", nil); !bytes.Equal(a.body, encoded) || a.Header.Get("Content-Type") != "application/json" {
		t.Error("signed.json is not what was signed")
	}
	manifest := n.reader.do("GET", at+"1/manifest.txt", nil).body
	if sum := sha256.Sum256(manifest); hex.EncodeToString(sum[:]) != v.SHA256() {
		t.Error("manifest.txt has another digest")
	}
	if _, err := gpg.VerifyDetached(n.reader.do("GET", at+"1/manifest.txt.asc", nil).body, manifest); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"ru.txt", "en.exe", "en.", "EN.txt", "en.md.asc.asc", "index.html"} {
		n.reader.do("GET", at+name, nil).want(t, 404)
	}
}

func TestCorrectedAndWithdrawnVersionsStay(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := announcement()
	n.publish(d)
	at := "/statements/" + string(d.Statement)
	c := corrected(d, crypto.StatementCorrection, "The date was wrong.", "La date était fausse.")
	c.Languages[0].Title, c.Languages[0].Body = "Activity on our systems", "It was detected on Tuesday.\n"
	n.publish(c)

	page := n.reader.page(at+"/en", 200)
	for _, want := range []string{"Activity on our systems", "It was detected on Tuesday.", "The date was wrong.", "Why it was corrected", `href="` + at + `/1/en"`, `data-version="2"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the correction lacks %s", want)
		}
	}
	if n.reader.page(at+"/1", 200) != n.reader.page(at+"/1/en", 200) {
		t.Error("a version without a language is not in the one that the browser prefers")
	}
	n.reader.page(at+"/3", 404)
	n.reader.page(at+"/01", 404)
	old := n.reader.page(at+"/1/en", 200)
	for _, want := range []string{"Anomalous activity was detected.", `id="replaced"`, "The date was wrong.", `href="` + at + `/en"`, `<link rel="canonical" href="` + n.p.URL + at + `/en">`, at + "/1/en.txt"} {
		if !strings.Contains(old, want) {
			t.Errorf("the old version lacks %s", want)
		}
	}
	n.publish(corrected(c, crypto.StatementWithdrawal, "It concerned another system.", "Cela concernait un autre système."))
	page = n.reader.page(at+"/fr", 200)
	for _, want := range []string{"Retirée", "Cela concernait un autre système.", `data-kind="withdrawal"`, at + "/2/fr", at + "/1/fr"} {
		if !strings.Contains(page, want) {
			t.Errorf("the tombstone lacks %s", want)
		}
	}
	if strings.Contains(page, `id="text"`) {
		t.Error("a withdrawn statement has a text")
	}
	for _, version := range []string{"1", "2"} {
		if old := n.reader.page(at+"/"+version+"/en", 200); !strings.Contains(old, `id="withdrawn"`) || strings.Contains(old, `id="replaced"`) {
			t.Errorf("version %s does not say that the statement is withdrawn", version)
		}
	}
	gpg := portaltest.GPG(t)
	gpg.Import(n.reader.do("GET", at+"/1/signers.asc", nil).body)
	if text, _, err := gpg.Verify(n.reader.do("GET", at+"/1/en.txt", nil).body); err != nil || !strings.Contains(string(text), "Anomalous activity was detected.") {
		t.Errorf("the first version can no longer be checked: %v", err)
	}
	if list := n.reader.page("/en/statements", 200); !strings.Contains(list, `data-kind="withdrawal"`) || !strings.Contains(list, "It concerned another system.") {
		t.Error("the archive does not say that it is withdrawn")
	}
}

const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.Root}}`

func TestWhatStaffWriteStaysText(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{Languages: []string{"en"}}))
	d := announcement()
	d.Languages = d.Languages[:1]
	d.Languages[0].Title = "Title " + attack
	d.Languages[0].Body = "Text " + attack + "\n\n<script>alert(2)</script>\n\n<div onclick=\"alert(3)\">in\n\n</div>\n\n[a](javascript:alert(4)) [b](JaVaScRiPt:alert(5)) [c](data:text/html,x) ![d](https://evil.example/pixel.png)\n\n" +
		"[e](https://portal.example/?a=1&b=\"2\" \"t\") <javascript:alert(6)> <https://court.example/\"onmouseover=alert(7)>\n\n```\"onclick=alert(8)\n</code></pre><script>alert(9)</script>\n```\n\n" +
		"# Heading\n\n[f]: javascript:alert(10)\n\n[f] &lt;script&gt; [g](//evil.example)\n"
	n.publish(d)
	n.publish(corrected(d, crypto.StatementCorrection, "Reason "+attack))
	at := "/statements/" + string(d.Statement)
	for _, path := range []string{at, at + "/en", at + "/1/en", "/", "/fr", "/statements", "/en/series/" + string(d.Statement), "/statements?q=script&topic=" + url.QueryEscape(attack) + "&from=" + url.QueryEscape(attack), "/statements?q=" + url.QueryEscape(attack)} {
		a := n.reader.do("GET", path, nil)
		text := string(a.body)
		for _, live := range []string{"<script>", "<img", "<div onclick", `href="javascript`, `href="JaVa`, `href="data:`, `href="//evil`, "https://evil.example/pixel.png\"", "ZgotmplZ"} {
			if strings.Contains(text, live) {
				t.Errorf("%s: %s is live", path, live)
			}
		}
		if regexp.MustCompile(`<[a-z]+[^>"]*("[^"]*"[^>"]*)*\son[a-z]+=`).MatchString(text) {
			t.Errorf("%s: an attribute is live: %s", path, text)
		}
		if strings.Contains(path, "/statements/") {
			for _, want := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(2)", "[a](javascript:alert(4))", "![d](https://evil.example/pixel.png)", "<h2>Heading</h2>", "[f]: javascript:alert(10)"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s: %s is not shown as it was written", path, want)
				}
			}
		}
	}

	// Feed readers take the markup of a feed for markup: nothing in it is live either, and the titles are text.
	atom, feed := portaltest.ReadAtom(t, n.reader.do("GET", "/feeds/en.atom", nil).body), portaltest.ReadJSONFeed(t, n.reader.do("GET", "/feeds/en.json", nil).body)
	for _, e := range append(atom.Entries, feed.Entries...) {
		for _, live := range []string{"<script", "<img", "<div", `href="javascript`, `href="data:`, `href="//evil`} {
			if strings.Contains(strings.ToLower(e.HTML), live) {
				t.Errorf("a feed: %s is live: %s", live, e.HTML)
			}
		}
		if !strings.Contains(e.HTML, "&lt;script&gt;alert(1)&lt;/script&gt;") {
			t.Errorf("a feed does not show what was written: %s", e.HTML)
		}
	}
}

func TestBeforeItsMinuteNothingIsSeen(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	first := announcement()
	n.publish(first)
	d := announcement()
	d.Series, d.Topic = first.Statement, "secret-topic"
	for i := range d.Languages {
		d.Languages[i].Title = "Zeppelin over the Hague"
	}
	d.PublishAt = time.Now().Add(3 * time.Second).Truncate(time.Second)
	at := "/statements/" + string(d.Statement)
	paths := []string{"/", "/fr", "/statements", "/en/statements?q=zeppelin", "/statements?topic=secret-topic", "/en/series/" + string(first.Statement), "/series/" + string(d.Statement),
		at, at + "/en", at + "/en.txt", at + "/1/en", at + "/1/manifest.txt", at + "/1/signed.json", "/api/v1" + at + "/1/proof",
		"/feeds/en.atom", "/feeds/fr.json", "/feeds/secret-topic/en.atom", "/sitemap.xml"}
	tags := make(map[string]string)
	for _, path := range paths {
		tags[path] = n.reader.do("GET", path, nil).Header.Get("ETag")
	}
	n.submit(d)
	n.approve(d.Statement)
	_, err := n.notary.Look(t.Context())
	must(t, err)
	for _, path := range paths {
		a := n.reader.do("GET", path, nil)
		if time.Now().After(d.PublishAt) {
			t.Fatal("this machine is too slow for this test")
		}
		if tag := a.Header.Get("ETag"); tag != tags[path] {
			t.Errorf("%s: the ETag tells that something is coming", path)
		}
		if bytes.Contains(a.body, []byte("Zeppelin")) || bytes.Contains(a.body, []byte(d.Statement)) && !strings.Contains(path, string(d.Statement)) {
			t.Errorf("%s shows what is to come: %s", path, a.body)
		}
		if strings.Contains(path, at) && (a.StatusCode != 404 || a.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %d, %v", path, a.StatusCode, a.Header)
		}
	}
	time.Sleep(time.Until(d.PublishAt))
	_, err = n.notary.Look(t.Context())
	must(t, err)
	for _, path := range []string{"/", "/statements", "/en/statements?q=zeppelin", "/en/series/" + string(first.Statement), at + "/en"} {
		if !strings.Contains(n.reader.page(path, 200), "Zeppelin over the Hague") {
			t.Errorf("%s does not show what is published", path)
		}
	}
}

func TestTheArchiveIsSearched(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	if text := n.reader.page("/en/statements", 200); !strings.Contains(text, "No statement has been published") {
		t.Error("the empty archive says nothing")
	}
	var all []*crypto.StatementDraft
	for i := range 22 {
		d := announcement()
		d.Languages[0].Title = fmt.Sprintf("Statement %d", i)
		d.Languages[0].Body = fmt.Sprintf("Number%dth.\n", i)
		if i > 0 {
			d.Series = all[0].Statement
		}
		n.publish(d)
		all = append(all, d)
	}
	first := n.reader.page("/en/statements", 200)
	if strings.Count(first, "<li data-statement=") != 20 || !strings.Contains(first, ">Statement 21<") || strings.Contains(first, ">Statement 1<") {
		t.Error("the first page is not the twenty newest")
	}
	next := regexp.MustCompile(`<a id="next" href="([^"]+)"`).FindStringSubmatch(first)
	if next == nil {
		t.Fatal("there is no next page")
	}
	second := n.reader.page(html.UnescapeString(next[1]), 200)
	if strings.Count(second, "<li data-statement=") != 2 || !strings.Contains(second, ">Statement 0<") || strings.Contains(second, `id="next"`) || !strings.Contains(second, `rel="first"`) {
		t.Error("the second page is not the rest")
	}
	today := time.Now().UTC().Format(time.DateOnly)
	for query, want := range map[string]int{
		"q=number7th": 1, "q=zebra": 0, "topic=security&q=7th": 0, "topic=security&q=number7": 1, "topic=other": 0, "language=fr&q=number7th": 1, "language=ru": 0,
		"from=" + today + "&q=number7th": 1, "to=2026-01-01": 0,
	} {
		text := n.reader.page("/fr/statements?"+query, 200)
		if got := strings.Count(text, "<li data-statement="); got != want || !strings.Contains(text, "Activité") == (want > 0) {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
		if want == 0 && !strings.Contains(text, "Rien n’a été trouvé") {
			t.Errorf("%s: it isn't said that nothing was found", query)
		}
	}
	a := n.reader.do("GET", "/en/statements?from=yesterday&q=kept", nil)
	a.want(t, 400)
	if text := wholePage(t, a); !strings.Contains(text, `role="alert"`) || !strings.Contains(text, `value="kept"`) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s", text)
	}
	series := n.reader.page("/en/series/"+string(all[0].Statement), 200)
	if strings.Count(series, "<li data-statement=") != 22 || strings.Index(series, ">Statement 0<") > strings.Index(series, ">Statement 21<") {
		t.Error("the incident is not told in its order")
	}
	for _, in := range []*crypto.StatementDraft{all[0], all[7]} {
		if !strings.Contains(n.reader.page("/statements/"+string(in.Statement)+"/fr", 200), `href="/fr/series/`+string(all[0].Statement)+`"`) {
			t.Errorf("%s does not lead to its incident", in.Statement)
		}
	}
	if home := n.reader.page("/", 200); strings.Count(home, "<li data-statement=") != 5 || !strings.Contains(home, ">Statement 21<") {
		t.Error("the first page does not show the five newest")
	}
}

func TestFeedsAreValid(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{Languages: []string{"en"}}))
	n.wantFeeds("security", nil)
	d := announcement()
	d.Languages[0].Title, d.Languages[0].Body = "One & two < three", "A *text* & <more>.\n"
	n.publish(d)
	only := announcement()
	only.Languages, only.Topic = only.Languages[:1], "elections"
	n.publish(only)
	n.publish(corrected(only, crypto.StatementCorrection, "A number was wrong."))
	n.wantFeeds("", map[string][]string{"en": {"Corrected: Anomalous activity on our systems", "One & two < three"}, "fr": {"Activité anormale sur nos systèmes"}})
	n.wantFeeds("security", map[string][]string{"en": {"One & two < three"}, "fr": {"Activité anormale sur nos systèmes"}})
	atom := string(n.reader.do("GET", "/feeds/en.atom", nil).body)
	for _, want := range []string{"&lt;p&gt;A &lt;em&gt;text&lt;/em&gt; &amp;amp; &amp;lt;more&amp;gt;.&lt;/p&gt;", "&lt;strong&gt;A number was wrong.&lt;/strong&gt;", `xml:lang="en"`, "/1/en.txt", "/2/en.txt"} {
		if !strings.Contains(atom, want) {
			t.Errorf("the feed lacks %s: %s", want, atom)
		}
	}
	for _, path := range []string{"/feeds/ru.atom", "/feeds/en.rss", "/feeds/en", "/feeds/security/ru.json"} {
		n.reader.do("GET", path, nil).want(t, 404)
	}
	if text := string(n.reader.do("GET", "/sitemap.xml", nil).body); !strings.Contains(text, "<loc>"+n.p.URL+"/statements/"+string(d.Statement)+"/fr</loc>") || strings.Count(text, "<url>") != 2*4+3 {
		t.Error(text)
	}
	if text := string(n.reader.do("GET", "/robots.txt", nil).body); !strings.Contains(text, "\nSitemap: "+n.p.URL+"/sitemap.xml\n") {
		t.Error(text)
	}
}

// wantFeeds demands what the two specifications demand of every feed and entry, and these titles by language.
func (n *newsroom) wantFeeds(topic string, titles map[string][]string) {
	t := n.t
	t.Helper()
	folder := "/feeds/"
	if topic != "" {
		folder += topic + "/"
	}
	for _, language := range []string{"en", "fr"} {
		type link struct {
			Rel  string `xml:"rel,attr"`
			Href string `xml:"href,attr"`
		}
		type common struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
			Links   []link `xml:"link"`
		}
		var atom struct {
			XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
			common
			Author  string `xml:"author>name"`
			Entries []struct {
				common
				Published string `xml:"published"`
			} `xml:"entry"`
		}
		a := n.reader.do("GET", folder+language+".atom", nil)
		a.want(t, 200)
		must(t, xml.Unmarshal(a.body, &atom))
		if a.Header.Get("Content-Type") != "application/atom+xml; charset=utf-8" || atom.Author == "" || atom.Links[0] != (link{"self", n.p.URL + folder + language + ".atom"}) || atom.Links[1].Rel != "alternate" {
			t.Errorf("%+v", atom)
		}
		seen := make(map[string]bool)
		var got []string
		check := func(c common) {
			_, err := time.Parse(time.RFC3339, c.Updated)
			if u, wrong := url.Parse(c.ID); err != nil || wrong != nil || !u.IsAbs() || c.Title == "" || seen[c.ID] {
				t.Errorf("%+v", c)
			}
			seen[c.ID] = true
		}
		check(atom.common)
		for _, e := range atom.Entries {
			check(e.common)
			got = append(got, e.Title)
		}
		if !slices.Equal(got, titles[language]) {
			t.Errorf("%s: %q, want %q", language, got, titles[language])
		}

		var feed struct {
			Version string `json:"version"`
			Title   string `json:"title"`
			Self    string `json:"feed_url"`
			Items   []struct {
				ID        string    `json:"id"`
				Title     string    `json:"title"`
				HTML      *string   `json:"content_html"`
				Published time.Time `json:"date_published"`
			} `json:"items"`
		}
		j := n.reader.do("GET", folder+language+".json", nil)
		j.want(t, 200)
		must(t, json.Unmarshal(j.body, &feed))
		got = nil
		for i, item := range feed.Items {
			got = append(got, item.Title)
			if item.HTML == nil || item.ID != atom.Entries[i].ID || item.Published.IsZero() {
				t.Errorf("%+v", item)
			}
		}
		// Feed readers see the same in both.
		read, other := portaltest.ReadAtom(t, a.body), portaltest.ReadJSONFeed(t, j.body)
		if read.Self != n.p.URL+folder+language+".atom" || other.Self != n.p.URL+folder+language+".json" {
			t.Errorf("%s: %s, %s", language, read.Self, other.Self)
		}
		if other.Self = read.Self; !reflect.DeepEqual(read, other) {
			t.Errorf("%s: read as\n%+v\nand as\n%+v", language, read, other)
		}
		if read.Language != language || read.Author == "" || len(read.Entries) != len(titles[language]) {
			t.Errorf("%+v", read)
		}
		for i, e := range read.Entries {
			if e.Title != titles[language][i] || e.HTML == "" || len(e.Tags) != 1 || len(e.Related) != 1 || e.Updated.Before(e.Published) {
				t.Errorf("%+v", e)
			}
		}
		if j.Header.Get("Content-Type") != "application/feed+json; charset=utf-8" || feed.Version != "https://jsonfeed.org/version/1.1" || feed.Title != atom.Title || feed.Self == "" || feed.Items == nil || !slices.Equal(got, titles[language]) {
			t.Errorf("%s: %+v", language, feed)
		}
	}
}

// Any cache may carry public pages: they are the same for everybody, whatever cookies come along, and they are there without Redis.
func TestPublicPagesAreTheSameForEverybody(t *testing.T) {
	redis := portaltest.StartRedis(t)
	p := live.Portal(t, live.Options{Redis: redis.URL})
	n := newNewsroom(t, p)
	d := announcement()
	d.Series = ""
	n.publish(d)
	at := "/statements/" + string(d.Statement)
	paths := map[string]string{ // and what the answer depends on
		"/": "Accept-Language", "/statements": "Accept-Language", at: "Accept-Language", "/series/" + string(d.Statement): "Accept-Language",
		"/en": "", "/fr": "", "/fr/statements?q=activit": "", at + "/fr": "", at + "/1/fr": "", at + "/en.txt": "", at + "/1/en.md": "", at + "/1/en.md.asc": "", at + "/1/signed.json": "", "/en/series/" + string(d.Statement): "",
		"/feeds/en.atom": "", "/feeds/fr.json": "", "/feeds/security/en.atom": "", "/sitemap.xml": "", "/robots.txt": "",
		"/certificates": "Accept-Language", "/fr/certificates": "", "/verify": "Accept-Language", "/en/verify": "", "/root.asc": "", "/keys/staff.asc": "", "/keys/ledger.asc": "", "/en/statements/topic/security": "",
	}
	bodies := make(map[string][]byte)
	for path := range paths {
		a := n.author.do("GET", path, nil) // logged in
		a.want(t, 200)
		bodies[path] = a.body
	}
	redis.Stop()
	for path, vary := range paths {
		v := newVisitor(t, p)
		v.header.Set("Cookie", "language=fr; __Host-session=x")
		a := v.do("GET", path, nil)
		a.want(t, 200)
		cache, tag := a.Header.Get("Cache-Control"), a.Header.Get("ETag")
		if !bytes.Equal(a.body, bodies[path]) {
			t.Errorf("%s is another for another reader", path)
		}
		if len(a.Header.Values("Set-Cookie")) > 0 || a.Header.Get("Vary") != vary || tag == "" || !strings.HasPrefix(cache, "public, max-age=") || !strings.Contains(cache, "stale-while-revalidate=") {
			t.Errorf("%s: %v", path, a.Header)
		}
		v.header.Set("If-None-Match", tag)
		if b := v.do("GET", path, nil); b.StatusCode != 304 || len(b.body) != 0 || b.Header.Get("ETag") != tag || b.Header.Get("Cache-Control") != cache || b.Header.Get("Vary") != vary {
			t.Errorf("%s again: %d, %v", path, b.StatusCode, b.Header)
		}
		v.header.Del("If-None-Match")
		if head := v.do("HEAD", path, nil); head.StatusCode != 200 || head.Header.Get("ETag") != tag || len(head.body) != 0 {
			t.Errorf("HEAD %s: %d, %v", path, head.StatusCode, head.Header)
		}
	}
}

// What was read a moment ago is still there when the database is not, also for who comes with another wish of languages to an address with one.
func TestWithoutItsDatabaseThePortalShowsWhatItRemembers(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := announcement()
	n.publish(d)
	at := "/statements/" + string(d.Statement)
	before := n.reader.page(at+"/en", 200)
	n.reader.page("/en", 200)
	must(t, n.p.Store.Close())
	time.Sleep(10 * time.Millisecond)
	other := newVisitor(t, n.p)
	other.header.Set("Accept-Language", "fr")
	if after := other.page(at+"/en", 200); after != before {
		t.Error("it is another page")
	}
	if home := n.reader.page("/en", 200); !strings.Contains(home, "Anomalous activity") {
		t.Error("the first page has forgotten the statement")
	}
	if home := n.reader.page("/fr", 200); !strings.Contains(home, "ne peuvent pas être affichées") || !strings.Contains(home, `id="root-fingerprint"`) {
		t.Error("the first page does not say that it can't show statements")
	}
	if a := n.reader.do("GET", at+"/fr", nil); a.StatusCode < 500 || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d, %v", a.StatusCode, a.Header)
	}
}

// On a small phone that runs no scripts, whichever way the language is written, public pages are whole, fit, and ask for nothing but their stylesheet.
func TestPublicPagesNeedNoScript(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := inArabicToo()
	d.Languages[0].Title = strings.Repeat("Unbreakable", 12)
	d.Languages[0].Body += "\n    " + strings.Repeat("code ", 60) + "\n\n" + strings.Repeat("x", 300) + "\n"
	n.publish(d)
	b := portaltest.Chromium(t, portaltest.IgnoreCertificateErrors)
	b.WithoutJavaScript()
	b.Resize(portaltest.SmallPhone)
	at := "/statements/" + string(d.Statement)
	for _, path := range []string{"/en", "/fr/statements?topic=security", "/en/series/" + string(d.Statement), at + "/en", at + "/ar"} {
		b.Do(chromedp.Navigate(n.p.URL + path))
		if portaltest.Read(b, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > innerWidth")) {
			t.Errorf("%s is wider than a small phone", path)
		}
		if !portaltest.Read(b, chromedp.Evaluate[bool]("getComputedStyle(document.querySelector('.masthead')).borderBlockEndStyle === 'solid'")) {
			t.Errorf("%s has no style", path)
		}
	}
	if problems := b.Problems(); len(problems) > 0 {
		t.Errorf("%q", problems)
	}
	for _, asked := range b.Requests() {
		if !strings.HasPrefix(asked, n.p.URL) && !strings.HasPrefix(asked, "data:") { // the browser's own icon of a calendar
			t.Errorf("asked for %s", asked)
		}
	}
}
