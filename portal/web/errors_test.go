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
