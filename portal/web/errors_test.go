package web

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"valise/portal"
)

func TestEveryKindOfErrorHasAStatus(t *testing.T) {
	for kind := portal.Internal; kind <= portal.Unavailable; kind++ {
		if statusOf[kind] == 0 || defaultCodes[kind] == "" {
			t.Errorf("kind %d has status %d and code %q", kind, statusOf[kind], defaultCodes[kind])
		}
	}
}

func TestWhatIsOursStaysHere(t *testing.T) {
	for name, err := range map[string]error{
		"any error":    errors.New("pq: secret detail"),
		"Internal":     portal.Errorf(portal.Internal, "x", "secret detail"),
		"zero Error":   &portal.Error{Public: "secret detail"},
		"wrapped":      fmt.Errorf("secret: %w", errors.New("detail")),
		"unknown kind": fmt.Errorf("%w", &portal.Error{Public: "secret detail"}),
	} {
		f := judge(err)
		if f.status != 500 || strings.Contains(f.message, "secret") || f.reference == "" || !strings.Contains(f.message, f.reference) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	f := judge(portal.Errorf(portal.Unavailable, "", "Come back.").Because(errors.New("secret detail")))
	if f.status != 503 || f.message != "Come back." || f.code != "unavailable" || f.reference == "" || f.retryAfter == 0 {
		t.Errorf("%+v", f)
	}
	f = judge(portal.Errorf(portal.Conflict, "already-claimed", "Somebody was here.").Because(errors.New("secret detail")))
	if f.status != 409 || f.message != "Somebody was here." || f.code != "already-claimed" || f.reference != "" {
		t.Errorf("%+v", f)
	}
}

func TestScrubTakesOutWhatIdentifies(t *testing.T) {
	for text, gone := range map[string]string{
		"no row for S-7K2M9QXC/2 here": "7K2M9QXC",
		"notice n-4gz0r8tb":            "4gz0r8tb",
		"holder staff:3FA1C2D4E5F60718293A4B5C6D7E8F9001122334 unknown":          "3FA1C2D4",
		"read tcp 10.0.0.1:443->198.51.100.7:52011: connection reset by peer":    "198.51.100.7",
		"TLS handshake error from [2001:db8::7]:1234: EOF":                       "2001:db8::7",
		"dial tcp [::1]:6379: connect refused":                                   "::1",
		"mail for jane.doe@embassy.example failed":                               "jane.doe",
		"ERROR: duplicate key (SQLSTATE 23505) Key (holder)=(Jane Doe) exists":   "Jane Doe",
		"session e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8": "e3b0c442",
	} {
		if scrubbed := scrub(text); strings.Contains(scrubbed, gone) {
			t.Errorf("%q stays %q", text, scrubbed)
		}
	}
	const harmless = "commit: disk I/O error (SQLITE_IOERR_FSYNC)"
	if got := scrub(harmless); got != harmless {
		t.Errorf("%q became %q", harmless, got)
	}
}
