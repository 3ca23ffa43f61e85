package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"

	"valise/portal/client"
)

// tagged is a language at the beginning of an address.
const tagged = `[a-z]{2,3}(?:-[A-Za-z0-9]+)*`

var (
	// exported is what belongs on a mirror; whatever else a page leads to, logging in, say, does not. A statement has one address, whose page is checked
	// (checkPage): behind a language there are only lists.
	exported = regexp.MustCompile(`^/(?:` + tagged + `)?$|^/(?:` + tagged + `/)?(?:statements|certificates|verify)$|^/(?:` + tagged + `/)?series/[^/]+$|^/` + tagged + `/statements(?:/topic/[^/]+)?(?:/before/[0-9]+)?$` +
		`|^/statements/|^/(?:feeds|keys|assets|\.well-known/openpgpkey)/|^/(?:root\.asc|reader\.html|sitemap\.xml|robots\.txt|\.well-known/security\.txt)$`)
	links    = regexp.MustCompile(` (?:href|src|data-wasm)="([^"]+)"`)
	located  = regexp.MustCompile(`<loc>([^<]+)</loc>`)
	imported = regexp.MustCompile(`['"]\./([A-Za-z0-9_-]+\.js)['"]`)
)

// pages follows the portal's pages from the first one on.
func (e *export) pages(ctx context.Context) error {
	if err := e.apiFile(ctx, "/institution", e.checkInstitution); err != nil {
		return err
	}
	queue := []string{"/", "/statements", "/certificates", "/verify", "/root.asc", "/reader.html", "/keys/staff.asc", "/sitemap.xml", "/robots.txt", "/.well-known/security.txt", "/.well-known/openpgpkey/policy"}
	for n, versions := range e.statements {
		at := "/statements/" + string(n)
		queue = append(queue, at)
		for i, v := range versions {
			for _, tag := range v.Manifest().Languages() {
				queue = append(queue, fmt.Sprintf("%s/%d/%s", at, i+1, tag))
				if i == len(versions)-1 {
					queue = append(queue, at+"/"+tag)
				}
			}
		}
	}
	slices.Sort(queue[11:])
	seen := make(map[string]bool)
	for len(queue) > 0 {
		address := queue[0]
		queue = queue[1:]
		if seen[address] {
			continue
		}
		if seen[address] = true; len(seen) > maxExported {
			return fmt.Errorf("the portal's pages do not come to an end: %d were read", maxExported)
		}
		more, err := e.page(ctx, address)
		if err != nil {
			return err
		}
		queue = append(queue, more...)
	}
	return nil
}

// page fetches what stands at an address, writes it, and returns where it leads.
func (e *export) page(ctx context.Context, address string) ([]string, error) {
	if strings.HasPrefix(address, "/assets/") && e.mirror.exists(address) { // the address holds the digest
		data, err := e.mirror.read(address)
		if err != nil {
			return nil, err
		}
		return assetsIn(address, data), e.compressed(ctx, address, data)
	}
	f, err := e.client.PublicFile(ctx, address, "", maxExportFile)
	if client.IsStatus(err, http.StatusNotFound) {
		if e.optional(address) {
			return nil, nil
		}
		e.missing = append(e.missing, address+" is named by a page, and not there")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if f.Location != "" {
		return e.leadsTo(f.Location), nil
	}
	if err := e.signedForBrowsers(address, f.Body); err != nil {
		return nil, err
	}
	if err := e.checkPage(strings.SplitN(address, "?", 2)[0], f); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(f.Type, "text/html") || address == "/reader.html" { // which is a file that somebody keeps
		if err := e.mirror.put(address, f.Body); err != nil {
			return nil, err
		}
		if strings.HasPrefix(address, "/assets/") {
			return assetsIn(address, f.Body), e.compressed(ctx, address, f.Body)
		}
		return e.others(address, f.Body), nil
	}
	if err := e.mirror.putPage(address, f.Body); err != nil {
		return nil, err
	}
	var more []string
	for _, m := range links.FindAllSubmatch(f.Body, -1) {
		more = append(more, e.leadsTo(html.UnescapeString(string(m[1])))...)
	}
	return more, nil
}

// optional says whether an address that is asked for on suspicion need not be there.
func (e *export) optional(address string) bool {
	return strings.HasSuffix(address, proofEnd) || // which no checkpoint may cover yet
		slices.Contains([]string{"/.well-known/security.txt", "/.well-known/openpgpkey/policy", "/keys/staff.asc", "/verify", "/reader.html"}, address)
}

// leadsTo returns a link as an address that belongs on a mirror, or nothing. Of what has a query, only the directory of keys does, whose query says nothing that the
// path doesn't.
func (e *export) leadsTo(link string) []string {
	link = strings.TrimPrefix(link, e.institution.Origin)
	link = strings.TrimPrefix(link, e.client.Origin())
	if link == "" {
		link = "/"
	}
	link, _, _ = strings.Cut(link, "#")
	u, err := url.Parse(link)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(link, "/") || path.Clean(link) != link && link != "/" || !exported.MatchString(u.Path) {
		return nil
	}
	u.RawPath = "" // an address has one spelling: what is checked is what is fetched and written
	if strings.HasPrefix(u.Path, "/.well-known/openpgpkey/") {
		return keyDirectory(u)
	}
	if u.RawQuery != "" || path.Clean(u.Path) != u.Path || signedFileOf(u.Path) {
		return nil
	}
	return []string{u.EscapedPath()}
}

// signedFileOf says whether an address is of a file that was written along with its statement.
func signedFileOf(address string) bool {
	return strings.HasPrefix(address, "/statements/") && (strings.Contains(path.Base(address), ".") || strings.Contains(address, "/files/"))
}

// keyDirectory returns the ways by which a mail program asks for a certificate, and whether there is a directory.
func keyDirectory(u *url.URL) []string {
	rest := strings.Split(strings.TrimPrefix(u.Path, "/.well-known/openpgpkey/"), "/")
	if len(rest) != 3 || rest[1] != "hu" {
		return []string{u.EscapedPath()}
	}
	const root = "/.well-known/openpgpkey/"
	return []string{u.EscapedPath(), root + "hu/" + rest[2], root + rest[0] + "/policy"}
}

// others are the addresses in what is no page.
func (e *export) others(address string, data []byte) (more []string) {
	if address == "/sitemap.xml" {
		for _, m := range located.FindAllSubmatch(data, -1) {
			more = append(more, e.leadsTo(html.UnescapeString(string(m[1])))...)
		}
	}
	return more
}

// assetsIn are the scripts that a script loads, from the folder that it lies in; they have one address together.
func assetsIn(address string, data []byte) (more []string) {
	if !strings.HasSuffix(address, ".js") {
		return nil
	}
	for _, m := range imported.FindAllSubmatch(data, -1) {
		more = append(more, path.Join(path.Dir(address), string(m[1])))
	}
	return more
}

// compressed writes the compressed forms of an asset beside it, for web servers that know what to do with them. They must be the same file.
func (e *export) compressed(ctx context.Context, address string, data []byte) error {
	for coding, ending := range map[string]string{"gzip": ".gz", "br": ".br"} {
		if e.mirror.exists(address + ending) {
			continue
		}
		f, err := e.client.PublicFile(ctx, address, coding, maxExportFile)
		if err != nil {
			return err
		}
		if f.Coding != coding {
			continue
		}
		var reader io.Reader = brotli.NewReader(bytes.NewReader(f.Body))
		if coding == "gzip" {
			if reader, err = gzip.NewReader(bytes.NewReader(f.Body)); err != nil {
				return err
			}
		}
		whole, err := io.ReadAll(io.LimitReader(reader, int64(len(data))+1))
		if err != nil || !bytes.Equal(whole, data) {
			return fmt.Errorf("what the portal has at %s is another file when it is compressed", address)
		}
		if err := e.mirror.put(address+ending, f.Body); err != nil {
			return err
		}
	}
	return nil
}
