package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

func brotlied(text string) []byte {
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

var long = strings.Repeat("a line that compresses well\n", 100)

// served is a server with invented assets.
func served(t *testing.T, files fstest.MapFS) *server {
	t.Helper()
	all, err := newAssets(files)
	if err != nil {
		t.Fatal(err)
	}
	return &server{pages: &pages{assets: all}}
}

func exampleAssets() fstest.MapFS {
	return fstest.MapFS{
		"assets/valise.css":                  {Data: []byte(long)},
		"assets/page.js":                     {Data: []byte("page " + long)},
		"assets/worker.js":                   {Data: []byte("worker " + long)},
		"assets/helper.js":                   {Data: []byte("helper " + long)},
		"assets/note.txt":                    {Data: []byte("not served")},
		"assets/generated/valise.wasm":       {Data: []byte("wasm " + long)},
		"assets/generated/valise.wasm.br":    {Data: brotlied("wasm " + long)},
		"assets/generated/valise.wasm.gz":    {Data: gzipped("wasm " + long)},
		"assets/generated/valise.css.br":     {Data: brotlied("of an older build " + long)},
		"assets/generated/valise.css.gz":     {Data: gzipped(long)},
		"assets/generated/nothing-at-all.br": {Data: []byte("x")},
	}
}

func fetch(t *testing.T, s *server, path string, header ...string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	mux := http.NewServeMux()
	var problem error
	mux.HandleFunc("GET "+assetsPath+"{version}/{name}", func(w http.ResponseWriter, r *http.Request) { problem = s.getAsset(w, r) })
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w, problem
}

func TestAssetsAreServedCompressedAndForGood(t *testing.T) {
	s := served(t, exampleAssets())
	wasm, err := s.pages.assets.address("valise.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]string{
		"": "", "identity": "", "gzip": "gzip", "gzip, deflate, br, zstd": "br", "br;q=0, gzip": "gzip", "br;q=0.1": "br", "gzip;q=0": "", "GZIP": "gzip", "brotli": "",
	} {
		w, err := fetch(t, s, wasm, "Accept-Encoding", accept)
		if err != nil || w.Code != 200 {
			t.Fatalf("%d, %v", w.Code, err)
		}
		h := w.Header()
		if h.Get("Content-Encoding") != want || h.Get("Content-Type") != "application/wasm" || h.Get("Vary") != "Accept-Encoding" ||
			!strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("ETag") == "" {
			t.Errorf("Accept-Encoding %q: %v", accept, h)
		}
		body := io.Reader(w.Body)
		switch want {
		case "br":
			body = brotli.NewReader(body)
		case "gzip":
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != "wasm "+long {
			t.Errorf("Accept-Encoding %q: other content, %v", accept, err)
		}
		again, err := fetch(t, s, wasm, "Accept-Encoding", accept, "If-None-Match", h.Get("ETag"))
		if err != nil || again.Code != 304 || again.Body.Len() != 0 {
			t.Errorf("asked again: %d, %v", again.Code, err)
		}
	}
}

func TestACompressedAssetOfAnOlderBuildIsNotServed(t *testing.T) {
	s := served(t, exampleAssets())
	style, _ := s.pages.assets.address("valise.css")
	w, err := fetch(t, s, style, "Accept-Encoding", "br, gzip")
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%v, %v", w.Header(), err)
	}
}

func TestTheWorkersAloneMayRunWebAssembly(t *testing.T) {
	s := served(t, exampleAssets())
	for _, name := range []string{"worker.js", "helper.js", "page.js", "valise.css", "valise.wasm"} {
		address, _ := s.pages.assets.address(name)
		w, err := fetch(t, s, address)
		if err != nil || w.Code != 200 {
			t.Fatalf("%s: %d, %v", name, w.Code, err)
		}
		policy := w.Header().Get("Content-Security-Policy")
		if strings.Contains(policy, "wasm-unsafe-eval") != (name == "worker.js" || name == "helper.js") {
			t.Errorf("%s: %q", name, policy)
		}
		// A helper is shown session keys: it reaches nothing and starts nothing.
		if name == "helper.js" && (!strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "connect-src") || strings.Contains(policy, "worker-src") || !strings.Contains(policy, "trusted-types 'none'")) {
			t.Errorf("%s: %q", name, policy)
		}
	}
}

func TestAnAddressHoldsTheDigestOfWhatStandsThere(t *testing.T) {
	before := served(t, exampleAssets())
	files := exampleAssets()
	files["assets/page.js"] = &fstest.MapFile{Data: []byte("changed")}
	after := served(t, files)
	for name, changes := range map[string]bool{"page.js": true, "worker.js": true, "valise.css": false, "valise.wasm": false} {
		old, _ := before.pages.assets.address(name)
		fresh, _ := after.pages.assets.address(name)
		if (old != fresh) != changes {
			t.Errorf("%s: %s, then %s", name, old, fresh)
		}
		if changes {
			if _, err := fetch(t, after, old); err == nil {
				t.Errorf("%s is served at the address of another version", old)
			}
		}
	}
	for _, path := range []string{"/assets/x/valise.css", "/assets/x/note.txt", "/assets/x/nothing.css"} {
		if _, err := fetch(t, before, path); err == nil {
			t.Errorf("%s is served", path)
		}
	}
	if _, err := before.pages.assets.address("nothing.js"); err == nil {
		t.Error("a page can name an asset that isn't there")
	}
}

func TestItStartsWithoutTheBrowsersHalf(t *testing.T) {
	files := exampleAssets()
	for name := range files {
		if strings.HasPrefix(name, "assets/generated/") {
			delete(files, name)
		}
	}
	s := served(t, files)
	if address, err := s.pages.assets.address(wasmAsset); address != "" || err != nil {
		t.Errorf("%q, %v", address, err)
	}
	style, _ := s.pages.assets.address("valise.css")
	if w, err := fetch(t, s, style, "Accept-Encoding", "br, gzip"); err != nil || w.Code != 200 || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("%d, %v", w.Code, err)
	}
}

// The page scripts themselves: nothing in them makes markup or code out of text.
func TestScriptsMakeNoMarkup(t *testing.T) {
	const svg = "http://www.w3.org/2000/svg" // a namespace, which nobody asks for
	files, err := assetFiles.ReadDir(assetsFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".js") {
			continue
		}
		text, err := assetFiles.ReadFile(assetsFolder + "/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setTimeout('", "localStorage", "DOMParser", "srcdoc", "http://", "https://"} {
			if strings.Contains(strings.ReplaceAll(string(text), svg, ""), word) {
				t.Errorf("%s has %s in it", file.Name(), word)
			}
		}
	}
}
