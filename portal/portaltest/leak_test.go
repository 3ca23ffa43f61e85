package portaltest_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"mime/quotedprintable"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"valise/portal/portaltest"
)

const subject = "Données consultées: l'affaire Ondřej"

func utf16of(text string, low, high int) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		pair := [2]byte{}
		pair[low], pair[high] = byte(u), byte(u>>8)
		b = append(b, pair[:]...)
	}
	return b
}

func zipped(open func(io.Writer) io.WriteCloser) func([]byte) []byte {
	return func(plain []byte) []byte {
		var b bytes.Buffer
		w := open(&b)
		w.Write(plain)
		w.Close()
		return b.Bytes()
	}
}

func openPGP(algorithm packet.CompressionAlgo) func([]byte) []byte {
	return zipped(func(w io.Writer) io.WriteCloser {
		c, err := packet.SerializeCompressed(keepOpen{w}, algorithm, &packet.CompressionConfig{Level: 6})
		if err != nil {
			panic(err)
		}
		return c
	})
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// each octet by a format, with something between.
func each(format, between string) func([]byte) []byte {
	return func(plain []byte) []byte {
		var all []string
		for _, o := range plain {
			all = append(all, fmt.Sprintf(format, o))
		}
		return []byte(strings.Join(all, between))
	}
}

func text(encode func(string) string) func([]byte) []byte {
	return func(plain []byte) []byte { return []byte(encode(string(plain))) }
}

// encodings that a search has to see through.
var encodings = map[string]func([]byte) []byte{
	"as it is":                    func(p []byte) []byte { return p },
	"small letters":               text(strings.ToLower),
	"capitals":                    text(strings.ToUpper),
	"UTF-16LE":                    func(p []byte) []byte { return utf16of(string(p), 0, 1) },
	"UTF-16BE":                    func(p []byte) []byte { return utf16of(string(p), 1, 0) },
	"backwards":                   func(p []byte) []byte { r := []rune(string(p)); slices.Reverse(r); return []byte(string(r)) },
	"octets backwards":            func(p []byte) []byte { r := bytes.Clone(p); slices.Reverse(r); return r },
	"hex":                         text(func(p string) string { return hex.EncodeToString([]byte(p)) }),
	"HEX":                         text(func(p string) string { return strings.ToUpper(hex.EncodeToString([]byte(p))) }),
	"hex with colons":             each("%02x", ":"),
	"HEX with spaces":             each("%02X", " "),
	`hex with \x`:                 each(`\x%02x`, ""),
	"Go octets":                   each("0x%02x", ", "),
	"JSON array of octets":        each("%d", ","),
	"Go's %v of octets":           each("%d", " "),
	"octal escapes":               each(`\%03o`, ""),
	"base64":                      text(func(p string) string { return base64.StdEncoding.EncodeToString([]byte(p)) }),
	"base64, one on":              text(func(p string) string { return base64.StdEncoding.EncodeToString([]byte("a" + p)) }),
	"base64, two on":              text(func(p string) string { return base64.StdEncoding.EncodeToString([]byte("ab" + p)) }),
	"base64url":                   text(func(p string) string { return base64.RawURLEncoding.EncodeToString([]byte(p)) }),
	"base64 in lines":             func(p []byte) []byte { return lines(base64.StdEncoding.EncodeToString(p), "\r\n") },
	"base64 in lines, in JSON":    func(p []byte) []byte { return lines(base64.StdEncoding.EncodeToString(p), `\n`) },
	"base32":                      text(func(p string) string { return base32.StdEncoding.EncodeToString([]byte(p)) }),
	"base32, three on, small":     text(func(p string) string { return strings.ToLower(base32.StdEncoding.EncodeToString([]byte("abc" + p))) }),
	"base32hex":                   text(func(p string) string { return base32.HexEncoding.EncodeToString([]byte(p)) }),
	"a query":                     text(url.QueryEscape),
	"a path":                      text(url.PathEscape),
	"percent for all":             each("%%%02x", ""),
	"quoted-printable":            zipped(func(w io.Writer) io.WriteCloser { return quotedprintable.NewWriter(w) }),
	"JSON":                        text(func(p string) string { b, _ := json.Marshal(p); return string(b) }),
	"Go's %q":                     text(func(p string) string { return fmt.Sprintf("%+q", p) }),
	`\u for all`:                  text(func(p string) string { return everyRune(p, `\u%04x`) }),
	"HTML":                        text(html.EscapeString),
	"HTML, numbers":               text(func(p string) string { return everyRune(p, "&#%d;") }),
	"HTML, hex numbers":           text(func(p string) string { return everyRune(p, "&#x%X;") }),
	"gzip":                        zipped(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
	"zlib":                        zipped(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
	"OpenPGP, zip":                openPGP(packet.CompressionZIP),
	"OpenPGP, zlib":               openPGP(packet.CompressionZLIB),
	"bzip2":                       bzip2,
	"ZIP":                         zipArchive,
	"words with other separators": text(func(p string) string { return strings.NewReplacer(" ", "_", "'", "").Replace(p) }),
	"the beginning only":          func(p []byte) []byte { return p[:33] },
}

// inside each other, the innermost first.
var nested = [][]string{
	{"gzip", "base64"},
	{"UTF-16LE", "hex"},
	{"JSON", "base64", "a query"},
	{"HTML, numbers", "gzip", "hex"},
	{"quoted-printable", "OpenPGP, zip", "base64 in lines, in JSON"},
}

func init() {
	for _, names := range nested {
		encodings[strings.Join(names, " in ")] = func(plain []byte) []byte {
			for _, name := range names {
				plain = encodings[name](plain)
			}
			return plain
		}
	}
}

func lines(text, end string) []byte {
	var b strings.Builder
	for len(text) > 20 {
		b.WriteString(text[:20] + end)
		text = text[20:]
	}
	return []byte(b.String() + text)
}

func everyRune(text, format string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

// bzip2 is what the program bzip2 makes of the subject; the standard library only reads it.
func bzip2([]byte) []byte {
	compressed, err := hex.DecodeString("425a68393141592653594f1fdac40000029db4408000100400af359e00002000200a002000314006234d3468351a691a69b49e53ca7a9853424bf1a2dabc0bec6b98f1c6559f00d9a641ccfe2ee48a70a1209e3fb588")
	if err != nil {
		panic(err)
	}
	return compressed
}

func zipArchive(plain []byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("notes.txt")
	if err != nil {
		panic(err)
	}
	f.Write(plain)
	w.Close()
	return b.Bytes()
}

// among puts octets between random ones.
func among(planted []byte) []byte {
	data := make([]byte, 20_000)
	rand.Read(data)
	return slices.Concat(data[:7_001], []byte("\x00"), planted, []byte("\x00"), data[7_001:])
}

func TestALeakIsFoundInEveryEncoding(t *testing.T) {
	for name, encode := range encodings {
		t.Run(name, func(t *testing.T) {
			leaks, err := portaltest.FindLeaks([]portaltest.Secret{{What: "the subject", Value: []byte(subject)}},
				portaltest.Place{Name: "there", Data: among(encode([]byte(subject)))})
			if err != nil {
				t.Fatal(err)
			}
			if len(leaks) == 0 {
				t.Error("it was not found")
			}
		})
	}
}

func TestShortAndBinarySecretsAreFound(t *testing.T) {
	key := make([]byte, 32)
	rand.Read(key)
	for what, secret := range map[string][]byte{"an address": []byte("192.0.2.17"), "a key": key} {
		for name, encode := range map[string]func([]byte) []byte{
			"as it is": encodings["as it is"], "hex": encodings["hex"], "base64": encodings["base64"], "base64, one on": encodings["base64, one on"],
			"base64, two on": encodings["base64, two on"], "base32": encodings["base32"], "octets backwards": encodings["octets backwards"],
			"gzip": encodings["gzip"], "JSON array of octets": encodings["JSON array of octets"],
		} {
			leaks, err := portaltest.FindLeaks([]portaltest.Secret{{What: what, Value: secret}}, portaltest.Place{Name: "there", Data: among(encode(secret))})
			if err != nil || len(leaks) == 0 {
				t.Errorf("%s was not found, %s (%v)", what, name, err)
			}
		}
	}
}

func TestDeflateIsTriedWhereAValueBegins(t *testing.T) {
	deflated := zipped(func(w io.Writer) io.WriteCloser {
		c, err := flate.NewWriter(w, 9)
		if err != nil {
			t.Fatal(err)
		}
		return c
	})([]byte(subject))
	leaks, err := portaltest.FindLeaks([]portaltest.Secret{{What: "the subject", Value: []byte(subject)}},
		portaltest.Place{Name: "there", Data: fmt.Appendf(nil, `bodies.body = \x%x`, deflated)})
	if err != nil || len(leaks) == 0 {
		t.Errorf("it was not found (%v)", err)
	}
}

func TestAPassphraseIsFoundByTwoOfItsWords(t *testing.T) {
	passphrase := portaltest.Secret{What: "the passphrase", Value: []byte("abbey canyon drizzle fabric hollow magnet"), Words: true}
	for _, text := range []string{"drizzle fabric", "Drizzle-Fabric", "drizzlefabric", `["drizzle","fabric"]`, "drizzle\nfabric", "1. drizzle, fabric"} {
		leaks, err := portaltest.FindLeaks([]portaltest.Secret{passphrase}, portaltest.Place{Name: "there", Data: []byte("it is " + text + " or so")})
		if err != nil || len(leaks) == 0 {
			t.Errorf("%q was not found (%v)", text, err)
		}
	}
	leaks, err := portaltest.FindLeaks([]portaltest.Secret{passphrase}, portaltest.Place{Name: "there", Data: []byte("the fabric of an abbey; a drizzle")})
	if err != nil || len(leaks) > 0 {
		t.Errorf("single words were taken for it: %v (%v)", leaks, err)
	}
}

func TestAPlainHashOfWhatCanBeGuessedIsALeak(t *testing.T) {
	sum := sha256.Sum256([]byte("192.0.2.17"))
	for guessable, want := range map[bool]int{true: 1, false: 0} {
		leaks, err := portaltest.FindLeaks([]portaltest.Secret{{What: "the address", Value: []byte("192.0.2.17"), Guessable: guessable}},
			portaltest.Place{Name: "there", Data: fmt.Appendf(nil, "limits.key = %x", sum)})
		if err != nil || min(len(leaks), 1) != want {
			t.Errorf("guessable %t: %v (%v)", guessable, leaks, err)
		}
	}
}

func TestNothingIsFoundWhereNothingIs(t *testing.T) {
	secrets := []portaltest.Secret{
		{What: "the subject", Value: []byte(subject), Guessable: true},
		{What: "the passphrase", Value: []byte("abbey canyon drizzle fabric hollow magnet"), Words: true, Guessable: true},
		{What: "the address", Value: []byte("192.0.2.17"), Guessable: true},
		{What: "the shortest", Value: []byte("Ada Lo")},
	}
	random := make([]byte, 200_000)
	rand.Read(random)
	leaks, err := portaltest.FindLeaks(secrets,
		portaltest.Place{Name: "octets", Data: random},
		portaltest.Place{Name: "hex", Data: encodings["hex"](random)},
		portaltest.Place{Name: "base64", Data: encodings["base64"](random)})
	if err != nil || len(leaks) > 0 {
		t.Errorf("found %v (%v)", leaks, err)
	}
	if _, err := portaltest.FindLeaks([]portaltest.Secret{{What: "a short one", Value: []byte("Ada")}}); err == nil {
		t.Error("a secret that is met by chance was accepted")
	}
}

func TestPlacesHoldEverything(t *testing.T) {
	secret := []portaltest.Secret{{What: "the subject", Value: []byte(subject)}}
	large := slices.Concat(make([]byte, 3_000), []byte(subject), make([]byte, 30_000)) // over several pages
	path := filepath.Join(t.TempDir(), "a.db")
	for _, database := range []struct {
		driver, dsn string
		places      func() []portaltest.Place
	}{
		{"sqlite", "file:" + path + "?_pragma=journal_mode(WAL)", func() []portaltest.Place { return portaltest.SQLitePlaces(t, path) }},
		{"pgx", portaltest.PostgreSQL(t), nil},
	} {
		db, err := sql.Open(database.driver, database.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if database.places == nil {
			database.places = func() []portaltest.Place { return portaltest.PostgreSQLPlaces(t, database.dsn) }
		}
		for _, statement := range []string{"CREATE TABLE kept (octets BYTEA, text TEXT, number BIGINT)", "INSERT INTO kept VALUES (NULL, NULL, 1)"} {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		if leaks, err := portaltest.FindLeaks(secret, database.places()...); err != nil || len(leaks) > 0 {
			t.Errorf("%s: found before it was there: %v (%v)", database.driver, leaks, err)
		}
		for _, column := range []string{"octets", "text"} {
			if _, err := db.Exec("UPDATE kept SET octets = NULL, text = NULL"); err != nil {
				t.Fatal(err)
			}
			value := any(large)
			if column == "text" {
				value = subject
			}
			if _, err := db.Exec("UPDATE kept SET "+column+" = $1", value); err != nil {
				t.Fatal(err)
			}
			leaks, err := portaltest.FindLeaks(secret, database.places()...)
			if err != nil || !slices.ContainsFunc(leaks, func(l portaltest.Leak) bool { return strings.Contains(l.Name, "table") }) {
				t.Errorf("%s: not found in the column %s: %v (%v)", database.driver, column, leaks, err)
			}
		}
	}
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Errorf("the write-ahead log was not there to be looked at: %v", err)
	}
}
