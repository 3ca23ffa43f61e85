package served

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"golang.org/x/net/html"

	"valise/crypto"
)

// MaxFile is the size in bytes of the largest answer that is judged, before compression and after.
const MaxFile = 64 << 20

const maxPage = 8 << 20

// Answer is what a server answered to GET, or to a form that was sent (POST).
type Answer struct {
	Path   string // with the query
	Status int
	Header http.Header
	Body   []byte // decoded: without the coding that Content-Encoding names
}

// Decode takes a content coding off a body: "", "identity", "gzip" or "br". What becomes larger than MaxFile is refused.
func Decode(body []byte, coding string) ([]byte, error) {
	var r io.Reader
	var err error
	switch strings.ToLower(strings.TrimSpace(coding)) {
	case "", "identity":
		return body, nil
	case "br":
		r = brotli.NewReader(bytes.NewReader(body))
	case "gzip":
		if r, err = gzip.NewReader(bytes.NewReader(body)); err != nil {
			return nil, fmt.Errorf("it is not compressed as it says: %w", err)
		}
	default:
		return nil, fmt.Errorf("it came in the coding %.40q, which was not asked for", coding)
	}
	whole, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err == nil && len(whole) > MaxFile {
		err = errors.New("there is no end to it")
	}
	if err != nil {
		return nil, fmt.Errorf("it can't be decompressed: %w", err)
	}
	return whole, nil
}

// Difference is one thing that isn't as it was signed.
type Difference struct {
	Path string // where
	Text string // what, in words
}

func (d Difference) String() string { return d.Path + ": " + d.Text }

// Judge compares an answer with the manifest, and returns everything that isn't as it was signed; nothing when it may be run. Answers that a browser neither runs nor shows as a page are
// passed over.
func Judge(m *crypto.ClientManifest, a Answer) []Difference {
	where, _, _ := strings.Cut(a.Path, "?")
	j := judging{path: where}
	f, listed := m.File(where)
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	switch {
	case a.Status == http.StatusNotModified: // then the browser has it already, and it was judged when it came, or not at all
	case listed && a.Status != http.StatusOK:
		j.says("it was signed, and the portal answers with status %d", a.Status)
	case listed:
		if err := f.Check(a.Body); err != nil {
			j.says("%v", err)
		}
		j.policy(m, a.Header)
		j.kind(where, kind)
	case runs(kind), kind == "" && len(a.Body) > 0:
		j.says("it can be run, as %q, and was not signed", a.Header.Get("Content-Type"))
	case kind == "text/html" || strings.HasSuffix(kind, "xml"):
		j.page(m, a)
	}
	return j.found
}

// runs says whether a browser runs or applies what has this media type, wherever it is told to; with X-Content-Type-Options it does so for no other.
func runs(kind string) bool {
	return strings.HasSuffix(kind, "javascript") || strings.HasSuffix(kind, "ecmascript") || slices.Contains([]string{"text/css", "application/wasm", "text/jscript", "text/livescript", "text/xsl"}, kind)
}

type judging struct {
	path  string
	found []Difference
}

func (j *judging) says(format string, args ...any) {
	j.found = append(j.found, Difference{j.path, fmt.Sprintf(format, args...)})
}

// policy demands the content security policy that was signed for a file.
func (j *judging) policy(m *crypto.ClientManifest, h http.Header) {
	want := m.PagePolicy
	switch path.Base(j.path) {
	case "worker.js":
		want = m.WorkerPolicy
	case "helper.js":
		want = m.HelperPolicy
	case "reader.html":
		want = m.ReaderPolicy
	}
	j.headers(want, h)
}

func (j *judging) headers(policy string, h http.Header) {
	if got := h.Values("Content-Security-Policy"); len(got) != 1 || got[0] != policy {
		j.says("the policy that tells browsers what to allow is not the one that was signed: %.500q", strings.Join(got, " / "))
	}
	if !strings.EqualFold(h.Get("X-Content-Type-Options"), "nosniff") {
		j.says("browsers are not told to take it for nothing but what it says it is (X-Content-Type-Options)")
	}
	for _, name := range []string{"Link", "Refresh", "Service-Worker-Allowed", "SourceMap"} {
		if value := h.Get(name); value != "" {
			j.says("the header %s, which no portal sends, says %.200q", name, value)
		}
	}
}

// kinds are the media types of files by their endings.
var kinds = map[string]string{".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml", ".wasm": "application/wasm"}

func (j *judging) kind(where, kind string) {
	if want := kinds[path.Ext(where)]; kind != want {
		j.says("it comes as %q, which should be %q", kind, want)
	}
}

// page demands of a page that it can run nothing but what was signed.
func (j *judging) page(m *crypto.ClientManifest, a Answer) {
	j.headers(m.PagePolicy, a.Header)
	if len(a.Body) > maxPage {
		j.says("the page has %d bytes; at most %d are read", len(a.Body), maxPage)
		return
	}
	// The whole parser and not only its tokens: what is text to the one can be a script to the other (a title within a drawing), and browsers go by the tree.
	tree, err := html.Parse(bytes.NewReader(a.Body))
	if err != nil {
		j.says("the page can't be read: %v", err)
		return
	}
	for node := range tree.Descendants() {
		if node.Type == html.ElementNode {
			j.element(m, node)
		}
	}
}

// isData says whether an element script holds data that no browser runs.
func isData(kind string) bool { return kind == "application/json" || kind == "text/plain" }

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// element looks at one element of a page, as far as it could run, load or embed something.
func (j *judging) element(m *crypto.ClientManifest, n *html.Node) {
	if slices.Contains([]string{"base", "iframe", "frame", "frameset", "object", "embed", "applet", "portal", "fencedframe", "math", "foreignobject"}, strings.ToLower(n.Data)) {
		j.says("it has an element <%s>, which no page of a portal has", n.Data)
	}
	if n.Data == "script" && !isData(attribute(n, "type")) && n.FirstChild != nil {
		j.says("a script stands in the page itself: %.80q", strings.TrimSpace(n.FirstChild.Data))
	}
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"):
			j.says("it has a script in an attribute, %s", a.Key)
		case n.Data == "script" && (a.Key == "src" || a.Key == "href"), n.Data == "link" && a.Key == "href" && loads(attribute(n, "rel")), strings.HasPrefix(a.Key, "data-") && strings.HasPrefix(a.Val, "/assets/"):
			if _, listed := m.File(a.Val); !listed {
				j.says("it has browsers load %.200q, which was not signed", a.Val)
			}
		case n.Data == "html" && a.Key == "data-wasm" && a.Val != "":
			j.says("it has browsers load %.200q, which was not signed", a.Val)
		case a.Key == "http-equiv":
			j.says("it says in the page what belongs into a header (%s)", a.Val)
		case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") && scheme(a.Val) == "javascript":
			j.says("a link or form in it is a script")
		case (a.Key == "action" || a.Key == "formaction") && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")):
			j.says("a form in it sends what is typed to %.200q", a.Val)
		}
	}
}

// loads says whether a browser loads by itself what a link of these relations leads to, and runs or applies it.
func loads(relations string) bool {
	return slices.ContainsFunc(strings.Fields(strings.ToLower(relations)), func(r string) bool {
		return slices.Contains([]string{"stylesheet", "preload", "modulepreload", "icon", "manifest", "import", "serviceworker", "prefetch", "prerender"}, r)
	})
}

// scheme is that of an address as browsers read it: they pass over control characters and spaces.
func scheme(address string) string {
	address = strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, address))
	before, _, found := strings.Cut(address, ":")
	if !found {
		return ""
	}
	return before
}
