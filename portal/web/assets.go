package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// assetFiles are the stylesheet, the scripts and, once `make build` has put it there, the WebAssembly with what is needed to run it.
// Files that start with a dot stay out.
//
//go:embed assets
var assetFiles embed.FS

const (
	assetsFolder    = "assets"
	generatedFolder = assetsFolder + "/generated"
	assetsPath      = "/assets/"

	// wasmAsset and deskAsset are what only `make build` makes: the browser's half for representatives, and for staff.
	wasmAsset = "valise.wasm"
	deskAsset = "desk.wasm"
	// workerAsset may compile WebAssembly.
	workerAsset = "worker.js"
	// helperAsset is the script of workers that it starts; they run what it compiled.
	helperAsset = "helper.js"

	// An address holds the digest of what stands there, so it may be kept for good.
	immutable = "public, max-age=31536000, immutable"
)

// assetTypes are the media types of assets, by ending. An ending that isn't here is not served.
var assetTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8", // the offline reader
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

// codings are the compressions that assets lie there in, the preferred one first.
var codings = []struct {
	name, ending string
	reader       func(io.Reader) (io.Reader, error)
}{
	{"br", ".br", func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
	{"gzip", ".gz", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
}

// asset is one file, as it is served.
type asset struct {
	name       string
	mediaType  string
	version    string // in its address
	data       []byte
	sum        [sha256.Size]byte
	compressed map[string]func() []byte // by coding; nil: what lies there is of an older build
}

// assets are all of them by name. What is read from the binary doesn't change, so it is read once.
type assets map[string]*asset

var readAssets = sync.OnceValues(func() (assets, error) { return newAssets(assetFiles) })

func newAssets(files fs.FS) (assets, error) {
	all := make(assets)
	err := fs.WalkDir(files, assetsFolder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || assetTypes[path.Ext(file)] == "" {
			return err
		}
		data, err := fs.ReadFile(files, file)
		if err != nil {
			return err
		}
		name := path.Base(file)
		if all[name] != nil {
			return fmt.Errorf("two assets are named %s", name)
		}
		all[name] = &asset{name: name, mediaType: assetTypes[path.Ext(name)], data: data, sum: sha256.Sum256(data), compressed: make(map[string]func() []byte)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if err := a.readCompressed(files); err != nil {
			return nil, err
		}
	}
	all.giveVersions()
	return all, nil
}

// readCompressed takes the compressed forms that hold what the file holds. One from an older build doesn't, and is left alone; that is found out when it is first asked for, as it takes longer
// than everything else that a node does before it can listen.
func (a *asset) readCompressed(files fs.FS) error {
	for _, coding := range codings {
		data, err := fs.ReadFile(files, generatedFolder+"/"+a.name+coding.ending)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if len(data) < len(a.data) {
			a.compressed[coding.name] = sync.OnceValue(func() []byte {
				if holds(coding.reader, data, a.data) {
					return data
				}
				return nil
			})
		}
	}
	return nil
}

// in is the asset in a coding, for a client that takes it; nil when it doesn't, or there is none.
func (a *asset) in(coding string, r *http.Request) []byte {
	read := a.compressed[coding]
	if read == nil || !accepts(r, coding) {
		return nil
	}
	return read()
}

func holds(reader func(io.Reader) (io.Reader, error), compressed, want []byte) bool {
	r, err := reader(bytes.NewReader(compressed))
	if err != nil {
		return false
	}
	got, err := io.ReadAll(io.LimitReader(r, int64(len(want))+1))
	return err == nil && bytes.Equal(got, want)
}

// giveVersions gives every asset the digest of its content; the scripts, which import each other by name, have one together.
func (all assets) giveVersions() {
	var scripts []string
	for name, a := range all {
		if path.Ext(name) == ".js" {
			scripts = append(scripts, name)
		}
		a.version = hex.EncodeToString(a.sum[:10])
	}
	slices.Sort(scripts)
	var list []byte
	for _, name := range scripts {
		list = append(list, name+" "+all[name].version+"\n"...)
	}
	for _, name := range scripts {
		all[name].version = digest(list)
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:10])
}

// address is where an asset is served; "" for one that wasn't built, which pages then do without.
func (all assets) address(name string) (string, error) {
	a := all[name]
	switch {
	case a != nil:
		return assetsPath + a.version + "/" + name, nil
	case name == wasmAsset || name == deskAsset:
		return "", nil
	}
	return "", fmt.Errorf("there is no asset %s", name)
}

// getAsset serves one, in the best form that the client takes. Ranges are not served: whatever is asked for comes whole.
func (s *server) getAsset(w http.ResponseWriter, r *http.Request) error {
	a := s.pages.assets[r.PathValue("name")]
	if a == nil || a.version != r.PathValue("version") || a.name == readerAsset {
		return notFound(w, r)
	}
	h := w.Header()
	data, tag := a.data, a.version
	if len(a.compressed) > 0 {
		h.Set("Vary", "Accept-Encoding")
	}
	for _, coding := range codings {
		if compressed := a.in(coding.name, r); compressed != nil {
			h.Set("Content-Encoding", coding.name)
			data, tag = compressed, a.version+"-"+coding.name
			break
		}
	}
	switch a.name {
	case workerAsset:
		h.Set("Content-Security-Policy", workerPolicy)
	case helperAsset:
		h.Set("Content-Security-Policy", helperPolicy)
	}
	h.Set("Cache-Control", immutable)
	h.Set("ETag", `"`+tag+`"`)
	if etagMatches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", a.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // who is gone can't be told
	return nil
}

// accepts says whether a client takes a content coding (RFC 9110, section 12.5.3). Only a quality of nought refuses.
func accepts(r *http.Request, coding string) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(header, ",") {
			name, parameters, _ := strings.Cut(item, ";")
			if !strings.EqualFold(strings.TrimSpace(name), coding) {
				continue
			}
			quality, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(parameters), " ", ""), "q=")
			if !ok {
				return true
			}
			q, err := strconv.ParseFloat(quality, 64)
			return err == nil && q > 0
		}
	}
	return false
}

func etagMatches(header, tag string) bool {
	for item := range strings.SplitSeq(header, ",") {
		item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
		if item == "*" || item == `"`+tag+`"` {
			return true
		}
	}
	return false
}
