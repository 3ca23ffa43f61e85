package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
)

// written writes nodes as goldmark writes HTML, so that the two can be compared.
func written(nodes []node, tight bool) string {
	var b strings.Builder
	for _, n := range nodes {
		inside := func(tight bool) string { return written(n.Inside, tight) }
		switch n.Kind {
		case "text":
			b.WriteString(html.EscapeString(n.Text))
		case "br":
			b.WriteString("<br>\n")
		case "hr":
			b.WriteString("<hr>\n")
		case "code":
			b.WriteString("<code>" + html.EscapeString(n.Text) + "</code>")
		case "pre":
			b.WriteString("<pre><code>" + html.EscapeString(n.Text) + "</code></pre>\n")
		case "p":
			if tight {
				b.WriteString(inside(false) + "\n")
			} else {
				b.WriteString("<p>" + inside(false) + "</p>\n")
			}
		case "h":
			fmt.Fprintf(&b, "<h%d>%s</h%d>\n", n.Level, inside(false), n.Level)
		case "quote":
			b.WriteString("<blockquote>\n" + inside(false) + "</blockquote>\n")
		case "ul":
			b.WriteString("<ul>\n" + inside(!n.Loose) + "</ul>\n")
		case "ol":
			start := ""
			if n.Level != 1 {
				start = fmt.Sprintf(` start="%d"`, n.Level)
			}
			b.WriteString("<ol" + start + ">\n" + inside(!n.Loose) + "</ol>\n")
		case "li":
			b.WriteString("<li>" + inside(tight) + "</li>\n")
		case "link":
			b.WriteString(`<a href="` + html.EscapeString(n.Address) + `">` + inside(false) + "</a>")
		default:
			b.WriteString("<" + n.Kind + ">" + inside(false) + "</" + n.Kind + ">")
		}
	}
	return b.String()
}

// squeeze takes away what differs in white space between tags and in spelling, and shows nothing.
func squeeze(text string) string {
	for _, tag := range []string{"p", "ul", "ol", "li", "blockquote", "pre", "hr", "h1", "h2", "h3", "h4", "h5", "h6"} {
		for _, end := range []string{"<" + tag + ">", "</" + tag + ">"} {
			text = strings.ReplaceAll(strings.ReplaceAll(text, "\n"+end, end), end+"\n", end)
		}
	}
	text = strings.NewReplacer("&#34;", "&quot;", "&#39;", "'", `<pre><code class="language-sh">`, "<pre><code>").Replace(text)
	return strings.TrimSpace(text)
}

// sameAsGoldmark are texts that goldmark and we must read alike.
var sameAsGoldmark = []string{
	"One paragraph\nover two lines.\n\nAnother.",
	"# One\n\n## Two ##\n\n### Three #\n\n#No heading\n\n####### None either",
	"Title\n=====\n\nLess\n---\n\ntext\n***\n- - -\n",
	"A *word* and **two words** and ***both***, snake_case_word, 2 * 3 * 4, **a *b* c**, *a **b** c*, __x__ _y_.",
	"*a **b c*** **a *b c*** *unclosed **also",
	"a*\"quoted\"*b, (*x*), «*é*», *foo*bar, _foo_bar",
	"`code` and `` a ` b `` and `unclosed and `  x  `",
	"- one\n- two\n- three",
	"- one\n\n- two\n\n- three",
	"1. one\n2. two\n3. three\n\n7) seven\n8) eight",
	"1. **Acknowledge this notice** before the deadline. It is\nlong.\n2. Check\n3. Treat",
	"- one\n  - in it\n    - deeper\n  - again\n- two\n\n  with a second paragraph\n\n      and code\n",
	"* a\n+ b\n- c",
	"text\n- list after text\n\ntext\n2. no list after text",
	"> quoted\n> *more*\n\n> again\nlazily\n\n> - list\n> - in quote\n>\n> end",
	"> one\n\n> two",
	"> # heading\n> text\n\nafter",
	"- > quote in list\n- # heading in list\n\n- ```\n  code in list\n  ```\n",
	"```\nfenced *code* <b>\n  kept\n```\n\n~~~\nother\n```\n~~~\n\n```sh\nnever closed",
	"    indented\n      code\n\n    on\n\ntext\n    not code",
	"hard  \nbreak\\\nagain\nsoft",
	"[the portal](https://portal.example/a?b=c) and [mail](mailto:desk@court.example) and [*a*](<https://x.example/y>)",
	"[a](https://x.example/(y)) [b] [c](no closing, [d]( https://x.example )",
	"<https://portal.example> and <desk@court.example> and < https://no.example>",
	"\\*not\\* \\[a\\](b) \\\\ \\a &amp; &lt;b&gt; &copy &#233; &#x2014; &nothing;",
	"***\n___\n---\n",
	"a\n\n\n\n\nb\n",
	"-\n- b\n-\n\n- d",
	"-\n\n  not in the item",
	"1. a\n\n   b\n2. c",
	"- a\n  > b\n  ```\n  c\n  ```\n- d",
	"10. ten\n    same item\n   11. no",
	"[outer [inner](https://a.example) b](https://c.example)",
	"- a\n\ttabbed\n- b\n\n\tsecond",
	"Überschrift\n==\n\nDéjà *vu*: « **ça** »",
	"*a*b*c* **a**b** _a_ ****a****",
	"",
	"\n\n",
}

func TestMarkdownIsReadAsGoldmarkReadsIt(t *testing.T) {
	texts := sameAsGoldmark
	examples, err := filepath.Glob("../valise/demo/notice.*.md")
	if err != nil || len(examples) == 0 {
		t.Fatalf("the demo's notices are not where they were: %v", err)
	}
	for _, file := range examples {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for _, text := range texts {
		var want bytes.Buffer
		if err := goldmark.Convert([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got := squeeze(written(parseMarkdown(text), false)); got != squeeze(want.String()) {
			t.Errorf("%q\n got %s\nwant %s", text, got, squeeze(want.String()))
		}
	}
}

func TestWhatMarkdownDoesNotTakeStaysText(t *testing.T) {
	for text, want := range map[string]string{
		"<script>alert(1)</script>":                   "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
		"[press](javascript:alert(1))":                "<p>press (javascript:alert(1))</p>",
		"[press](JAVASCRIPT&#58;alert(1))":            "<p>press (JAVASCRIPT:alert(1))</p>",
		"[press](data:text/html,x)":                   "<p>press (data:text/html,x)</p>",
		"[press](/account)":                           "<p>press (/account)</p>",
		"<javascript:alert(1)>":                       "<p>&lt;javascript:alert(1)&gt;</p>",
		"[Desk](mailto:a@b.example \"Title\")":        `<p><a href="mailto:a@b.example">Desk</a></p>`,
		"![seal](https://x.example/pixel.png)":        `<p>!<a href="https://x.example/pixel.png">seal</a></p>`,
		"[a]: https://x.example\n\n[a]":               "<p>[a]: https://x.example</p>\n<p>[a]</p>",
		"[a](https://x.example/\u202egnp.exe)":        "<p>a (https://x.example/\u202egnp.exe)</p>",
		"<img src=x onerror=alert(1)>\n\n<b>bold</b>": "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n<p>&lt;b&gt;bold&lt;/b&gt;</p>",
		"&#0; &#27;": "<p>\ufffd \ufffd</p>",
	} {
		if got := strings.TrimSpace(written(parseMarkdown(text), false)); got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestMarkdownTakesNoLongerThanItsLength(t *testing.T) {
	const size = 256 << 10
	for name, piece := range map[string]string{
		"stars": "*", "pairs": "**a ", "underscores": "_a", "brackets": "[", "links": "[a](b", "backticks": "`", "quotes": "> ", "lists": "- ",
		"nested": " - a\n", "fences": "```\n", "backslashes": "\\", "entities": "&", "angles": "<a", "numbers": "1. ", "lines": "a\n", "runs": "` `` ",
	} {
		begin := time.Now()
		parseMarkdown(strings.Repeat(piece, size/len(piece)))
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, text := range sameAsGoldmark {
		f.Add(text)
	}
	kinds := map[string]bool{}
	for _, kind := range strings.Fields("p h ul ol li quote pre hr text em strong code link br") {
		kinds[kind] = true
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		nodes := parseMarkdown(text)
		var check func([]node, int)
		check = func(nodes []node, depth int) {
			if depth > 200 {
				t.Fatal("nested too deep")
			}
			for _, n := range nodes {
				if !kinds[n.Kind] || n.Kind == "link" && !allowed(n.Address) || n.Kind == "h" && (n.Level < 1 || n.Level > 6) {
					t.Fatalf("%+v", n)
				}
				check(n.Inside, depth+1)
			}
		}
		check(nodes, 0)
		if _, err := json.Marshal(nodes); err != nil {
			t.Fatal(err)
		}
	})
}
