package web

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"valise/crypto"
	"valise/portal"
)

// putStatementAttachment keeps a sealed file; what it confirms is on disk. Its size is limited by the route, before anything is read.
func (s *server) putStatementAttachment(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	sealed, err := readSealedFile(w, r)
	if err != nil {
		return err
	}
	if err := s.Publish.Attach(r.Context(), visitOf(r).actor, n, r.PathValue("id"), sealed); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) getStatementAttachment(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	sealed, err := s.Publish.Attachment(r.Context(), visitOf(r).actor, n, r.PathValue("id"))
	if err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, "application/octet-stream", sealed)
	return nil
}

const (
	// filePolicy keeps whatever a file is made of from doing anything with our origin, should a browser show it.
	filePolicy = "sandbox; default-src 'none'; frame-ancestors 'none'"
	// fileCache is for the file of a version: it never changes.
	fileCache = "public, max-age=31536000, immutable"
)

// getStatementFile serves an attachment of the newest version, or of the one in the path, as it was signed.
//
// Who wrote it may be hostile, or have been deceived: nothing on our origin may run it. Browsers show images that are only pixels, in a sandbox without scripts; everything else, PDF too, which no
// browser shows in one, is saved. Types that a browser could run, apply or read as a page go out as octets, so that no page can be made to load one as its script or style either.
func (s *server) getStatementFile(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	version, cache := 0, publicCache
	if text := r.PathValue("version"); text != "" {
		if version, err = strconv.Atoi(text); err != nil || version < 1 || strconv.Itoa(version) != text {
			return notFound(w, r)
		}
		cache = fileCache
	}
	f, err := s.Publish.File(r.Context(), n, version, r.PathValue("name"))
	if portal.KindOf(err) == portal.NotFound {
		return notFound(w, r)
	}
	if err != nil {
		return err
	}
	var data []byte
	if !etagMatches(r.Header.Get("If-None-Match"), f.SHA256) {
		var served func()
		if data, served, err = s.takeFile(r.Context(), f); err != nil {
			return err
		}
		defer served()
	}
	h := w.Header()
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+f.SHA256+`"`)
	if data == nil {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	served, inline := servedType(f.Type)
	disposition := "attachment"
	if inline {
		disposition = "inline"
	}
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": f.Name}))
	writeBytes(w, http.StatusOK, served, data)
	return nil
}

// servedType is the media type that a file is served with, and whether a browser may show it.
func servedType(declared string) (served string, inline bool) {
	switch declared {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif":
		return declared, true
	case "application/pdf", "application/zip", "application/gzip", "application/rtf", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
		"image/tiff", "image/bmp", "image/heic":
		return declared, false
	case "text/plain", "text/csv", "text/markdown":
		return declared + "; charset=utf-8", false
	}
	for _, passive := range []string{"audio/", "video/", "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."} {
		if strings.HasPrefix(declared, passive) {
			return declared, false
		}
	}
	return "application/octet-stream", false
}

// fileAddress is where an attachment of a version stands.
func fileAddress(n crypto.Number, version int, name string) string {
	return statementAddress(n, strconv.Itoa(version), "files", url.PathEscape(name))
}
