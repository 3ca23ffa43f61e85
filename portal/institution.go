package portal

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"valise/crypto"
)

// Institution is the court or body that runs this portal, as its configuration file (TOML) describes it:
//
//	languages = ["en", "fr"]          # working languages, the authoritative one first
//	contact = ["Registry: +31 70 …"]  # lines for people who need a human
//	zone = "Europe/Amsterdam"         # the time zone in which staff set hours
//	pinned = "P-V2HC9RK1"             # the incident on the first page: the statement that it began with
//	certificates = ["press.asc"]      # further certificates in the Web Key Directory, files beside this one
//
//	[name]
//	en = "International Court"
//	fr = "Cour internationale"
//
//	[promise]                         # one sentence on the first page
//	en = "Should evidence appear that data entrusted to us was read, those concerned will be contacted at once, directly, by the Court."
//
//	[security]                        # security.txt (RFC 9116)
//	contact = ["mailto:security@court.example", "https://court.example/report"]
//	expires = 2027-06-30T00:00:00Z
//
// Everything but languages and name may be left out.
type Institution struct {
	Name         map[string]string `toml:"name"`      // by language; every working language has one
	Languages    []string          `toml:"languages"` // BCP 47 tags, authoritative first
	Contact      []string          `toml:"contact"`
	Zone         string            `toml:"zone"`         // IANA time zone in which staff set hours, "Europe/Amsterdam"; "": each in their own
	Promise      map[string]string `toml:"promise"`      // by language
	Pinned       crypto.Number     `toml:"pinned"`       // a statement; "": the newest incident that goes on
	Certificates []string          `toml:"certificates"` // paths of files
	Security     SecurityContact   `toml:"security"`
}

// SecurityContact is what security.txt says (RFC 9116): to whom somebody tells that they found a hole. The zero value is none.
type SecurityContact struct {
	Contact    []string  `toml:"contact"`    // URIs, the preferred one first: mailto:, tel:, https:
	Expires    time.Time `toml:"expires"`    // best less than a year ahead
	Encryption []string  `toml:"encryption"` // URIs of keys; none: those of the contacts' addresses in the Web Key Directory
	Policy     []string  `toml:"policy"`     // URIs: how reports are dealt with
	File       string    `toml:"file"`       // path of a finished file, signed or not, in place of all this
}

// Check says what is missing or wrong.
func (i Institution) Check() error {
	if len(i.Languages) == 0 {
		return errors.New(`languages is empty; name the working languages, the authoritative one first: languages = ["en", "fr"]`)
	}
	for _, language := range i.Languages {
		if strings.TrimSpace(i.Name[language]) == "" {
			return fmt.Errorf("the institution has no name in %q; add it under [name]", language)
		}
	}
	if len(i.Promise) > 0 {
		for _, language := range i.Languages {
			if strings.TrimSpace(i.Promise[language]) == "" {
				return fmt.Errorf("the institution's promise is missing in %q; add it under [promise], or leave all of it out", language)
			}
		}
	}
	if i.Pinned != "" {
		if n, err := crypto.ParseNumber(string(i.Pinned)); err != nil || n != i.Pinned || n.Kind() != crypto.KindStatement {
			return fmt.Errorf(`pinned = %q is not the number of a statement; write it like pinned = "P-V2HC9RK1"`, i.Pinned)
		}
	}
	if i.Zone != "" && !crypto.IsZoneName(i.Zone) {
		return fmt.Errorf(`zone = %q is not the name of a time zone; it looks like zone = "Europe/Amsterdam"`, i.Zone)
	}
	return i.Security.check()
}

func (s SecurityContact) check() error {
	if s.File != "" {
		if len(s.Contact) > 0 || !s.Expires.IsZero() || len(s.Encryption) > 0 || len(s.Policy) > 0 {
			return errors.New("[security] names a finished file, and says something beside it; leave one of them out")
		}
		return nil
	}
	if len(s.Contact) == 0 && s.Expires.IsZero() && len(s.Encryption) == 0 && len(s.Policy) == 0 {
		return nil
	}
	return s.SecurityTxt("", nil).check()
}

// SecurityTxt returns what the institution's description says as the fields of a security.txt.
func (s SecurityContact) SecurityTxt(canonical string, languages []string) SecurityTxt {
	t := SecurityTxt{Contact: s.Contact, Expires: s.Expires, Encryption: s.Encryption, Policy: s.Policy, Languages: languages}
	if canonical != "" {
		t.Canonical = []string{canonical}
	}
	return t
}

// NameIn returns the name in a language, or in the authoritative one.
func (i Institution) NameIn(language string) string { return i.in(i.Name, language) }

// PromiseIn returns the promise in a language, or in the authoritative one; "" when none is made.
func (i Institution) PromiseIn(language string) string { return i.in(i.Promise, language) }

func (i Institution) in(texts map[string]string, language string) string {
	if text := texts[language]; text != "" {
		return text
	}
	if len(i.Languages) == 0 {
		return ""
	}
	return texts[i.Languages[0]]
}

// ------------------------------------------------------------------ security.txt

// SecurityTxt are the fields of a security.txt (RFC 9116).
type SecurityTxt struct {
	Contact    []string
	Expires    time.Time
	Encryption []string
	Languages  []string
	Canonical  []string
	Policy     []string
}

// MaxSecurityTxt is the size in bytes of the largest finished file that is read.
const MaxSecurityTxt = 64 << 10

// Bytes writes it.
func (t SecurityTxt) Bytes() []byte {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + ": " + value + "\n") }
	for _, uri := range t.Contact {
		line("Contact", uri)
	}
	line("Expires", t.Expires.UTC().Format(time.RFC3339))
	for _, uri := range t.Encryption {
		line("Encryption", uri)
	}
	if len(t.Languages) > 0 {
		line("Preferred-Languages", strings.Join(t.Languages, ", "))
	}
	for _, uri := range t.Canonical {
		line("Canonical", uri)
	}
	for _, uri := range t.Policy {
		line("Policy", uri)
	}
	return []byte(b.String())
}

// check demands what the RFC does. That it has expired is left to who shows it.
func (t SecurityTxt) check() error {
	if len(t.Contact) == 0 {
		return errors.New(`security.txt needs a contact: contact = ["mailto:security@court.example"]`)
	}
	if t.Expires.IsZero() {
		return errors.New("security.txt needs a time at which it expires, best within a year: expires = 2027-06-30T00:00:00Z")
	}
	for _, uri := range slices.Concat(t.Contact, t.Encryption, t.Canonical, t.Policy) {
		u, err := url.Parse(uri)
		switch {
		case err != nil || u.Scheme == "" || strings.ContainsAny(uri, " \t\r\n"):
			return fmt.Errorf("in security.txt %q is not a URI; write mailto:security@court.example, tel:+31-70-…, https://…", uri)
		case u.Scheme == "http":
			return fmt.Errorf("in security.txt %q is http, which anybody on the way can change; use https", uri)
		}
	}
	return nil
}

// ParseSecurityTxt reads a finished file, clear-signed or not, and demands what RFC 9116 does. Whether a signature holds is for those who fetch it.
func ParseSecurityTxt(data []byte) (t SecurityTxt, err error) {
	if len(data) > MaxSecurityTxt {
		return t, fmt.Errorf("security.txt has %d bytes, more than the %d that are read", len(data), MaxSecurityTxt)
	}
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	if lines, err = insideSignature(lines); err != nil {
		return t, err
	}
	expires := 0
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); !ok || value == "" {
			return t, fmt.Errorf("line %d of security.txt is not of the form name: value", i+1)
		}
		switch strings.ToLower(name) {
		case "contact":
			t.Contact = append(t.Contact, value)
		case "encryption":
			t.Encryption = append(t.Encryption, value)
		case "canonical":
			t.Canonical = append(t.Canonical, value)
		case "policy":
			t.Policy = append(t.Policy, value)
		case "preferred-languages":
			t.Languages = append(t.Languages, value)
		case "expires":
			expires++
			if t.Expires, err = time.Parse(time.RFC3339, value); err != nil {
				return t, fmt.Errorf("the time at which security.txt expires must be like 2027-06-30T00:00:00Z, not %q", value)
			}
		}
	}
	if expires > 1 {
		return t, errors.New("security.txt says more than once when it expires")
	}
	return t, t.check()
}

// insideSignature returns the lines that a clear-signed text signs (RFC 9580, section 7), or all lines of one that isn't signed.
func insideSignature(lines []string) ([]string, error) {
	if lines[0] != "-----BEGIN PGP SIGNED MESSAGE-----" {
		return lines, nil
	}
	begin := slices.Index(lines, "")
	end := slices.Index(lines, "-----BEGIN PGP SIGNATURE-----")
	if begin < 0 || end < begin || !slices.Contains(lines[end:], "-----END PGP SIGNATURE-----") {
		return nil, errors.New("security.txt begins as a clear-signed text and does not end as one; sign it anew: gpg --clearsign security.txt")
	}
	signed := slices.Clone(lines[begin+1 : end])
	for i, line := range signed {
		signed[i] = strings.TrimPrefix(line, "- ")
	}
	return signed, nil
}
