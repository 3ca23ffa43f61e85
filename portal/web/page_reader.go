package web

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"strconv"
)

// The offline reader is one file that anybody can keep (cmd/valise-wasm/pack/reader.go): it opens what the courier sent, without any portal. It is the same on every portal
// of a release, so its digest can be compared.

const (
	readerAsset = "reader.html" // only `make build` makes it
	readerPath  = "/reader.html"

	readerPolicyBegins = `<meta http-equiv="Content-Security-Policy" content="`
	// readerSandbox is what the header has besides the policy in the file: here, the reader is no part of this origin, and can't be put into another page.
	readerSandbox = "; frame-ancestors 'none'; sandbox allow-scripts allow-forms allow-downloads"
)

// reader is the offline reader with what is said of it; nil when it wasn't built.
func (all assets) reader() *readerFile {
	a := all[readerAsset]
	if a == nil {
		return nil
	}
	_, rest, _ := bytes.Cut(a.data[:min(len(a.data), 4<<10)], []byte(readerPolicyBegins))
	policy, _, found := bytes.Cut(rest, []byte(`"`))
	if !found {
		return nil
	}
	return &readerFile{asset: a, policy: string(policy) + readerSandbox, sha256: hex.EncodeToString(a.sum[:])}
}

type readerFile struct {
	*asset
	policy string // of its header
	sha256 string
}

// inGroups is a SHA-256 in groups, as fingerprints are shown.
func inGroups(digest string) (groups []string) {
	for ; len(digest) >= 8; digest = digest[8:] {
		groups = append(groups, digest[:8])
	}
	return groups
}

// getReader serves the offline reader.
func (s *server) getReader(w http.ResponseWriter, r *http.Request) error {
	f := s.pages.reader
	if f == nil {
		return notFound(w, r)
	}
	h := w.Header()
	h.Set("Content-Security-Policy", f.policy)
	h.Set("Cache-Control", publicCache)
	h.Set("Vary", "Accept-Encoding")
	data, tag := f.data, f.version
	if packed := f.in("gzip", r); packed != nil {
		h.Set("Content-Encoding", "gzip")
		data, tag = packed, tag+"-gzip"
	}
	h.Set("ETag", `"`+tag+`"`)
	if etagMatches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", assetTypes[".html"])
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // who is gone can't be told
	return nil
}

// ReaderSHA256 is the digest of the offline reader that this program serves, in 64 small hexadecimal digits; "" when it was built without.
func ReaderSHA256() (string, error) {
	all, err := readAssets()
	if err != nil {
		return "", err
	}
	if f := all.reader(); f != nil {
		return f.sha256, nil
	}
	return "", nil
}
