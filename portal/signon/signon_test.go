package signon_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/people"
	"valise/portal/signon"
	"valise/portal/store"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

const back = "https://portal.example/staff/factor/signed-on"

func TestSingleSignOn(t *testing.T) {
	for name, dsn := range map[string]func() string{
		"SQLite":     func() string { return filepath.Join(t.TempDir(), "portal.db") },
		"PostgreSQL": func() string { return portaltest.PostgreSQL(t) },
	} {
		t.Run(name, func(t *testing.T) { testSingleSignOn(t, dsn()) })
	}
}

func testSingleSignOn(t *testing.T, dsn string) {
	ctx := t.Context()
	db, err := store.Open(ctx, dsn)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	must(t, db.Migrate(ctx))
	ada, bela := hire(t, db, "Ada"), hire(t, db, "Bela")
	provider := portaltest.StartProvider(t)
	now := time.Now
	s, err := signon.New(db, signon.Config{
		Issuer: provider.URL, ClientID: provider.ClientID, Secret: provider.Secret, Return: back, Portal: bytes.Repeat([]byte{7}, 32), HTTP: provider.HTTP,
	}, now)
	must(t, err)

	// signOn goes the whole way as a browser does.
	signOn := func(actor portal.Actor, user string, change func(map[string]any)) error {
		t.Helper()
		provider.SignOn(user, change)
		address, data, err := s.Begin(ctx, actor)
		must(t, err)
		returned := provider.Visit(t, address)
		if got := strings.TrimSuffix(returned.String(), "?"+returned.RawQuery); got != back {
			t.Fatalf("sent back to %s", got)
		}
		return s.Finish(ctx, actor, data, returned.Query())
	}
	want(t, signOn(ada, "", nil), "sign-on-refused")
	for what, change := range map[string]func(map[string]any){
		"another nonce": func(c map[string]any) { c["nonce"] = "another" }, "no nonce": func(c map[string]any) { delete(c, "nonce") },
		"for another client": func(c map[string]any) { c["aud"] = "another" }, "from another issuer": func(c map[string]any) { c["iss"] = "https://evil.example" },
		"expired": func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }, "of nobody": func(c map[string]any) { c["sub"] = "" },
	} {
		if err := signOn(ada, "ada@court", change); err == nil {
			t.Errorf("a token %s is taken", what)
		} else {
			want(t, err, "sign-on-refused")
		}
	}
	must(t, signOn(ada, "ada@court", nil))
	must(t, signOn(ada, "ada@court", nil))
	want(t, signOn(ada, "somebody@court", nil), "other-account")
	want(t, signOn(bela, "ada@court", nil), "account-taken")
	must(t, signOn(bela, "bela@court", nil))

	// A code that was redeemed, one of another session, one that nobody here asked for.
	provider.SignOn("ada@court", nil)
	address, data, err := s.Begin(ctx, ada)
	must(t, err)
	returned := provider.Visit(t, address).Query()
	_, other, err := s.Begin(ctx, ada)
	must(t, err)
	want(t, s.Finish(ctx, ada, other, returned), "sign-on-over")
	want(t, s.Finish(ctx, ada, nil, returned), "sign-on-over")
	want(t, s.Finish(ctx, bela, data, returned), "sign-on-over")
	want(t, s.Finish(ctx, ada, data, url.Values{"code": returned["code"]}), "sign-on-over")
	must(t, s.Finish(ctx, ada, data, returned))
	want(t, s.Finish(ctx, ada, data, returned), "sign-on-refused")

	_, _, err = s.Begin(ctx, portal.Actor{})
	want(t, err, "no-session")

	// What is kept doesn't say who they are at the provider.
	bound, err := db.BindAccount(ctx, ada.Holder(), "x", time.Now())
	must(t, err)
	plain := sha256.Sum256([]byte("ada@court"))
	if len(bound) != 64 || bound == hex.EncodeToString(plain[:]) {
		t.Errorf("kept %q", bound)
	}
}

func TestTheProviderIsDown(t *testing.T) {
	provider := portaltest.StartProvider(t)
	s, err := signon.New(nil, signon.Config{Issuer: "https://127.0.0.1:1", ClientID: "x", Secret: "y", Portal: make([]byte, 32), HTTP: provider.HTTP}, time.Now)
	must(t, err)
	court := people.Found(time.Now())
	_, _, err = s.Begin(t.Context(), court.Acting(court.Hire("Ada", crypto.RoleAuthor), time.Now()))
	want(t, err, "sign-on-unavailable")
	for _, issuer := range []string{"", "login.court.example", "http://login.court.example", "https://login.court.example?x=1"} {
		if _, err := signon.New(nil, signon.Config{Issuer: issuer, ClientID: "x", Secret: "y", Portal: make([]byte, 32)}, time.Now); err == nil {
			t.Errorf("the issuer %q is taken", issuer)
		}
	}
}

func hire(t *testing.T, db *store.DB, name string) portal.Actor {
	t.Helper()
	court := people.Found(time.Now().Add(-time.Hour))
	key := court.Hire(name, crypto.RoleAuthor)
	must(t, db.AddStaff(t.Context(), key.Certificate().Fingerprint(), func([]byte) ([]byte, error) { return key.Certificate().Bytes(), nil }))
	return court.Acting(key, time.Now())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err error, code string) {
	t.Helper()
	var e *portal.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}
