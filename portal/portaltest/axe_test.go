package portaltest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"valise/portal/portaltest"
)

// findings is a testing.TB that keeps what it is told.
type findings struct {
	testing.TB
	lines []string
}

func (f *findings) Errorf(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

// What axe finds depends on colours, direction and size; all of them are tried.
func TestAxeFindsWhatIsWrongInOneSchemeOnly(t *testing.T) {
	const begin, end = `<!doctype html><html lang="en" dir="ltr"><title>Page</title><meta name="viewport" content="width=device-width"><style>
		@media (prefers-color-scheme: dark) { body { background: black; color: `, `</style><main><h1>A heading</h1><p>Text</p></main>`
	pages := map[string]string{
		"/good": begin + `white } }` + end,
		"/dark": begin + `#222 } }` + end,
		"/wide": begin + `white } } [dir=rtl] p { inline-size: 500px }` + end,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; require-trusted-types-for 'script'; trusted-types none")
		io.WriteString(w, pages[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	b := portaltest.Chromium(t)
	for path, want := range map[string][]string{"/good": nil, "/dark": {"1280-rtl-dark: axe: color-contrast", "360-dark: axe: color-contrast"}, "/wide": {"360-rtl: axe: wider than the window"}} {
		b.Do(chromedp.Navigate(server.URL + path))
		f := &findings{TB: t}
		portaltest.Axe(f, b, path)
		for i, line := range f.lines {
			if i >= len(want) || !strings.Contains(line, want[i]) {
				t.Errorf("%s: %s", path, line)
			}
		}
		if len(f.lines) < len(want) {
			t.Errorf("%s: found %q, want %q", path, f.lines, want)
		}
		if got := portaltest.Read(b, chromedp.Evaluate[string]("document.documentElement.dir + innerWidth")); got != "ltr1280" {
			t.Errorf("%s: left as %s", path, got)
		}
	}
}
