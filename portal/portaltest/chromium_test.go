package portaltest_test

import (
	"context"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/chromedp"

	"valise/portal/portaltest"
)

const page = `<!doctype html><html lang="en"><title>Page</title><meta name="viewport" content="width=device-width">
<style>body { background: white; color: black } @media (prefers-color-scheme: dark) { body { background: black; color: white } }</style>
<h1>A heading</h1><p style="height: 2000px">قاعة 法院 Суд</p><a id="save" href="/file" download>Save</a>
<button id="fail" onclick="throw new Error('thrown on purpose')">Fail</button>
<button id="out" onclick="fetch('https://elsewhere.example/')">Out</button><noscript>no scripts here</noscript>`

func pageServer(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, page) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="receipt.txt"`)
		io.WriteString(w, "a receipt")
	})
	server := httptest.NewUnstartedServer(mux)
	server.TLS = portaltest.TLS(t).Server
	server.Config.ErrorLog = quiet(t)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestABrowserShowsSavesAndReports(t *testing.T) {
	server := pageServer(t)
	shots := t.TempDir()
	t.Setenv("VALISE_SCREENSHOTS", shots)
	b := portaltest.Chromium(t, portaltest.IgnoreCertificateErrors)
	b.Do(chromedp.Navigate(server.URL))
	if heading := portaltest.Read(b, chromedp.Text(chromedp.CSS("h1"))); heading != "A heading" {
		t.Errorf("the page says %q", heading)
	}
	if problems := slices.DeleteFunc(b.Problems(), func(p string) bool { return strings.Contains(p, "favicon") }); len(problems) > 0 {
		t.Errorf("a page without mistakes has problems: %q", problems)
	}

	for name, viewport := range map[string]portaltest.Viewport{"desktop": portaltest.Desktop, "phone": portaltest.Phone} {
		b.Resize(viewport)
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			b.Dark(dark)
			if got := portaltest.Read(b, chromedp.Evaluate[bool](`matchMedia("(prefers-color-scheme: dark)").matches`)); got != dark {
				t.Errorf("%s: the page sees dark = %t", scheme, got)
			}
			b.Screenshot("page/" + name + "-" + scheme)
			width, height := size(t, filepath.Join(shots, "page-"+name+"-"+scheme+".png"))
			if width != viewport.Width || height < 2000 {
				t.Errorf("the picture for %s is %d × %d, want all of a page %d wide", name, width, height, viewport.Width)
			}
		}
	}

	if name, data := b.Download(chromedp.Click(chromedp.CSS("#save"))); name != "receipt.txt" || string(data) != "a receipt" {
		t.Errorf("saved %q as %q", data, name)
	}

	b.Do(chromedp.Click(chromedp.CSS("#fail")))
	eventually(t, "the exception is reported", func() bool { return strings.Contains(strings.Join(b.Problems(), "\n"), "thrown on purpose") })
	b.Do(chromedp.Click(chromedp.CSS("#out")))
	eventually(t, "a request that leaves this machine fails and is reported", func() bool {
		return slices.Contains(b.Requests(), "https://elsewhere.example/") && strings.Contains(strings.Join(b.Problems(), "\n"), "ERR_NAME_NOT_RESOLVED")
	})

	tab := b.Tab()
	tab.WithoutJavaScript()
	tab.Do(chromedp.Navigate(server.URL))
	if text := portaltest.Read(tab, chromedp.Text(chromedp.CSS("body"))); !strings.Contains(text, "no scripts here") {
		t.Errorf("scripts run although they are off: %q", text)
	}
}

// TestASlowBrowserStandsStill shows that the process of page and workers, where the cryptography runs, is stopped most of the time. It looks
// at the process and at no clock, since others' tests run beside.
func TestATabThatCrashedSaysSo(t *testing.T) {
	b := portaltest.Chromium(t)
	ctx, cancel := context.WithCancel(b)
	crashed := make(chan struct{})
	if err := chromedp.Listen(ctx, func(event any) { // comes after the browser's own
		if _, is := event.(*inspector.EventTargetCrashed); is {
			close(crashed)
		}
	}); err != nil {
		t.Fatal(err)
	}
	go chromedp.Do(ctx, chromedp.Navigate("chrome://crash")) // never arrives
	<-crashed
	cancel()
	if !slices.Contains(b.Problems(), "the tab crashed") {
		t.Errorf("a tab crashed, and its problems are %q", b.Problems())
	}
}

func TestASlowBrowserStandsStill(t *testing.T) {
	server := pageServer(t)
	b := portaltest.Chromium(t, portaltest.IgnoreCertificateErrors)
	b.Do(chromedp.Navigate(server.URL))
	b.SlowDown(50)
	eventually(t, "the page stands still", func() bool { return stoppedRenderer(t) })
	b.SlowDown(1)
	if text := portaltest.Read(b, chromedp.Text(chromedp.CSS("body"))); text == "" {
		t.Error("after SlowDown(1) the page does not answer")
	}
}

// stoppedRenderer says whether a Chromium page's process is stopped by a signal just now.
func stoppedRenderer(t *testing.T) bool {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		command, _ := os.ReadFile(filepath.Join(p, "cmdline")) // it may be gone meanwhile
		state, _ := os.ReadFile(filepath.Join(p, "stat"))
		if strings.Contains(string(command), "--type=renderer") && strings.Contains(string(state), ") T ") {
			return true
		}
	}
	return false
}

func TestABrowserDoesNotTrustACertificateThatNobodyVouchesFor(t *testing.T) {
	server := pageServer(t)
	b := portaltest.Chromium(t)
	if err := chromedp.Do(b, chromedp.Navigate(server.URL)); err == nil || !strings.Contains(err.Error(), "CERT") {
		t.Errorf("a strange certificate gave %v", err)
	}
}

func size(t *testing.T, path string) (width, height int64) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.DecodeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return int64(picture.Width), int64(picture.Height)
}
