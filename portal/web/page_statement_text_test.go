package web

import (
	"bytes"
	"html/template"
	"log/slog"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

func TestHeadingsOfATextStandBelowItsTitle(t *testing.T) {
	for text, want := range map[string]string{
		"# a\n\n## b\n\n# c\n":                          "<h2>a</h2>\n<h3>b</h3>\n<h2>c</h2>\n",
		"## a\n\n#### b\n\n### c\n":                     "<h2>a</h2>\n<h3>b</h3>\n<h3>c</h3>\n",
		"### a\n\n# b\n\n> ## c\n":                      "<h2>a</h2>\n<h2>b</h2>\n<blockquote>\n<h3>c</h3>\n</blockquote>\n",
		"# a\n## b\n### c\n#### d\n##### e\n###### f\n": "<h2>a</h2>\n<h3>b</h3>\n<h4>c</h4>\n<h5>d</h5>\n<h6>e</h6>\n<h6>f</h6>\n",
	} {
		if got, err := statementHTML(text); err != nil || string(got) != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

func TestATextKeepsWhatItSays(t *testing.T) {
	for text, want := range map[string]string{
		"*a* **b** `c` [d](https://x.example/?a=1&b=2) <e@x.example>\\\nf": `<p><em>a</em> <strong>b</strong> <code>c</code> <a href="https://x.example/?a=1&amp;b=2">d</a> <a href="mailto:e@x.example">e@x.example</a><br>` + "\nf</p>\n",
		"3. a\n4. b\n":                  "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n",
		"<b>a</b> &amp; <!-- c -->":     "<p>&lt;b&gt;a&lt;/b&gt; &amp; &lt;!-- c --&gt;</p>\n",
		"[a]: https://x.example\n\n[a]": "<p>[a]: https://x.example</p>\n<p>[a]</p>\n",
		"![a *b*](https://x.example)":   "<p>![a <em>b</em>](https://x.example)</p>\n",
		"[a](/login) [b](vbscript:x)":   "<p>[a](/login) [b](vbscript:x)</p>\n",
		"<ftp://x.example>":             "<p>&lt;ftp://x.example&gt;</p>\n",
	} {
		if got, err := statementHTML(text); err != nil || string(got) != want {
			t.Errorf("%q:\n got %q, %v\nwant %q", text, got, err, want)
		}
	}
	if got := beginningOf("<p>A &lt;b&gt;\n<em>text</em></p><p>goes on, and on.</p>", 16); got != "A <b> text goes…" {
		t.Errorf("%q", got)
	}
}

// An attachment's name is whatever its author's file was called.
func TestAttachmentsAreShownAsText(t *testing.T) {
	key, err := crypto.GenerateRoot("International Court (test)", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	root, err := crypto.OpenRoot(crypto.Pin{Fingerprint: key.Certificate().Fingerprint()}, key.Certificate().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	pages, err := newPages(&Portal{
		Institution: portal.Institution{Name: map[string]string{"en": "International Court (test)"}, Languages: []string{"en"}}, Origin: "https://portal.example",
		Root: root, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	page := statementPage{
		Number: "P-7K2M9QXC", Version: 1, Newest: 1, Kind: crypto.StatementOriginal, Language: "en", Direction: "ltr", Title: attackOnAPage, Topic: "security",
		Body: template.HTML("<p>text</p>"), Published: time.Now(), First: time.Now(), Author: signerLine{Name: attackOnAPage}, Approver: signerLine{Name: attackOnAPage},
		Attachments: []fileLine{{Name: attackOnAPage, Type: "application/pdf", SHA256: strings.Repeat("ab", 32), Size: 1}}, Versions: []versionLine{{Version: 1, Kind: crypto.StatementOriginal, Reason: attackOnAPage}},
		Asked: []string{"S", "O", "I"}, Deadline: time.Now(),
	}
	body, err := pages.publicBody(pages.speech("fr"), nil, "statement", page)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(body, []byte("<img")) || bytes.Contains(body, []byte("<script>")) || bytes.Count(body, []byte("&lt;img src=x")) < 5 || !bytes.Contains(body, []byte("1 octet")) {
		t.Errorf("%s", body)
	}
}

const attackOnAPage = `"'></code></title><img src=x onerror=alert(1)><script>alert(1)</script>`
