package web

import (
	"bytes"
	"html"
	"html/template"
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	goldmarkhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// A statement's text is Markdown (CommonMark 0.31) as the browser's half reads it (cmd/valise-wasm/markdown.go), so that what an approver
// saw is what the world sees: HTML, images and link references stay what they are, text; links go to http, https and mailto only.

// markdown reads and writes it. Its parser has nothing that reads HTML or link references.
var markdown = goldmark.New(
	goldmark.WithParser(parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewEmphasisParser(), 500),
		),
		parser.WithASTTransformers(util.Prioritized(headingOrder{}, 100)),
	)),
	goldmark.WithRenderer(renderer.NewRenderer(renderer.WithNodeRenderers(
		util.Prioritized(textRenderer{}, 100), // before goldmark's own
		util.Prioritized(goldmarkhtml.NewRenderer(), 1000),
	))),
)

// headingOrder puts headings below the page's own, the title, and lets none skip a level, whatever number of # they have: who listens to the page
// goes by them.
type headingOrder struct{}

func (headingOrder) Transform(document *ast.Document, _ text.Reader, _ parser.Context) {
	var above []int // levels, as written, of the headings that one is under
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if heading, ok := n.(*ast.Heading); ok && entering {
			for len(above) > 0 && above[len(above)-1] >= heading.Level {
				above = above[:len(above)-1]
			}
			above = append(above, heading.Level)
			heading.Level = min(len(above)+1, 6)
		}
		return ast.WalkContinue, nil
	})
}

// textRenderer writes what we write otherwise than goldmark.
type textRenderer struct{}

func (textRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindLink, writeLink)
	r.Register(ast.KindImage, writeImage)
	r.Register(ast.KindAutoLink, writeAutoLink)
}

// writeLink leaves a link that may not be followed as it was typed.
func writeLink(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	address := string(n.(*ast.Link).Destination)
	var written string
	switch allowed := allowedLink(address); {
	case allowed && entering:
		written = `<a href="` + html.EscapeString(address) + `">`
	case allowed:
		written = "</a>"
	case entering:
		written = "["
	default:
		written = "](" + html.EscapeString(address) + ")"
	}
	_, err := w.WriteString(written)
	return ast.WalkContinue, err
}

// writeImage leaves an image as it was typed: one from elsewhere would tell there who reads.
func writeImage(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	text := "!["
	if !entering {
		text = "](" + html.EscapeString(string(n.(*ast.Image).Destination)) + ")"
	}
	_, err := w.WriteString(text)
	return ast.WalkContinue, err
}

func writeAutoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	link := n.(*ast.AutoLink)
	address, label := string(link.URL(source)), html.EscapeString(string(link.Label(source)))
	if link.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
		address = "mailto:" + address
	}
	text := "&lt;" + label + "&gt;"
	if allowedLink(address) {
		text = `<a href="` + html.EscapeString(address) + `">` + label + "</a>"
	}
	_, err := w.WriteString(text)
	return ast.WalkContinue, err
}

func allowedLink(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "mailto")
}

// textPolicy stands behind the renderer, which already writes nothing else.
var textPolicy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "hr", "br")
	p.AllowAttrs("start").Matching(regexp.MustCompile(`^[0-9]{1,9}$`)).OnElements("ol")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	return p
}()

var nothingButText = bluemonday.StrictPolicy()

// statementHTML writes a statement's text as HTML.
func statementHTML(body string) (template.HTML, error) {
	var page bytes.Buffer
	if err := markdown.Convert([]byte(body), &page); err != nil {
		return "", err
	}
	return template.HTML(textPolicy.SanitizeBytes(page.Bytes())), nil
}

// beginningOf returns how a text begins, in one line without markup, for previews.
func beginningOf(body template.HTML, most int) string {
	text := strings.Join(strings.Fields(html.UnescapeString(nothingButText.Sanitize(strings.ReplaceAll(string(body), "<", " <")))), " ")
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return strings.TrimRight(string(runes[:most-1]), " ,.;:–—-") + "…"
}
