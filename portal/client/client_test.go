package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
)

func TestAddresses(t *testing.T) {
	for server, origin := range map[string]string{
		"https://portal.example":         "https://portal.example",
		"HTTPS://Portal.Example:443/":    "https://portal.example",
		"https://portal.example:8443":    "https://portal.example:8443",
		"http://127.0.0.1:8080":          "http://127.0.0.1:8080",
		"http://[::1]:8080":              "http://[::1]:8080",
		"http://localhost:80":            "http://localhost",
		"http://portal.example":          "",
		"http://127.0.0.1.example:8080":  "",
		"portal.example":                 "",
		"ftp://portal.example":           "",
		"https://user@portal.example":    "",
		"https://portal.example/mailbox": "",
		"https://portal.example?x=1":     "",
		"":                               "",
	} {
		c, err := client.New(server, false)
		switch {
		case origin == "" && err == nil:
			t.Errorf("%q was taken as %s", server, c.Origin())
		case origin != "" && err != nil:
			t.Errorf("%q: %v", server, err)
		case origin != "" && c.Origin() != origin:
			t.Errorf("%q is taken as %s, want %s", server, c.Origin(), origin)
		}
	}
	if c, err := client.New("http://portal.example", true); err != nil || c.Origin() != "http://portal.example" {
		t.Errorf("insecure HTTP that was asked for: %v", err)
	}
}

// portal answers every request with handle.
func portal(t *testing.T, handle http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Failure{Error: api.FailureDetail{Code: code, Message: message, Reference: "ABCD2345"}})
}

func TestUnavailableIsTriedAgain(t *testing.T) {
	var asked atomic.Int32
	c := portal(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			refuse(w, http.StatusServiceUnavailable, "unavailable", "A part is missing.")
			return
		}
		fmt.Fprint(w, `{"origin":"https://portal.example","news":"unknown fields are passed over"}`)
	})
	i, err := c.Institution(context.Background())
	if err != nil || i.Origin != "https://portal.example" || asked.Load() != 3 {
		t.Errorf("after %d requests: %v", asked.Load(), err)
	}
}

func TestALogInIsNotSentTwice(t *testing.T) {
	var asked atomic.Int32
	c := portal(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		refuse(w, http.StatusServiceUnavailable, "unavailable", "A part is missing.")
	})
	_, err := c.PostLogIn(context.Background(), api.LogIn{})
	if !client.IsCode(err, "unavailable") || asked.Load() != 1 {
		t.Errorf("after %d requests: %v", asked.Load(), err)
	}
}

func TestALongWaitIsLeftToThePerson(t *testing.T) {
	begin := time.Now()
	c := portal(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3600")
		refuse(w, http.StatusServiceUnavailable, "unavailable", "A part is missing.")
	})
	if _, err := c.Institution(context.Background()); err == nil || time.Since(begin) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
}

func TestRefusalsAreShownInOneCleanLine(t *testing.T) {
	c := portal(t, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusConflict, "already-acknowledged", "No\x1b[31m,\nnot again.")
	})
	_, err := c.Acknowledge(context.Background(), "N-4GZ0R8T4", api.Receipt{})
	if !client.IsCode(err, "already-acknowledged") || !client.IsStatus(err, http.StatusConflict) || err.Error() != "No[31m, not again. (reference ABCD2345)" {
		t.Errorf("%q", err)
	}
}

func TestStrangeAnswers(t *testing.T) {
	for say, handle := range map[string]http.HandlerFunc{
		"redirects are not followed": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
		},
		"not as a Valise portal does": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "<h1>nginx</h1>", http.StatusBadGateway) },
		"can't be read":               func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") },
		"can't be right":              func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `"`+strings.Repeat("x", 2<<20)+`"`) },
	} {
		if _, err := portal(t, handle).Session(context.Background()); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v; want an error that says %q", err, say)
		}
	}
	c, err := client.New("http://127.0.0.1:1", false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := c.Institution(ctx); err == nil {
		t.Error("nobody answered, and that was fine")
	}
}

func TestAPassphraseIsShownToNobody(t *testing.T) {
	as := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}
	const passphrase = "one two three four five six"
	c := portal(t, func(w http.ResponseWriter, r *http.Request) {
		var body strings.Builder
		_, _ = fmt.Fprint(&body, r.URL, r.Header)
		buffer := make([]byte, 1<<16)
		n, _ := r.Body.Read(buffer)
		if strings.Contains(body.String()+string(buffer[:n]), passphrase) {
			t.Error("the passphrase was sent")
		}
		switch r.URL.Path {
		case "/api/v1/login/start":
			_ = json.NewEncoder(w).Encode(api.LogInChallenge{Salt: crypto.NewSalt(), As: as.String(), Time: time.Now(), Nonce: crypto.NewNonce()})
		default:
			refuse(w, http.StatusUnauthorized, "wrong-secret", "The number or the secret is wrong.")
		}
	})
	if _, err := c.LogInSecret(context.Background(), as, passphrase); !errors.Is(err, crypto.ErrWrongSecret) || !client.IsCode(err, "wrong-secret") || strings.Count(err.Error(), "wrong") != 1 {
		t.Errorf("a wrong passphrase: %v", err)
	}
}

func TestAClaimIsTriedAgainWhenSomethingArrived(t *testing.T) {
	now := time.Now()
	as := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}
	key, err := crypto.GenerateKey(crypto.ProfilePQ, as.String(), now)
	if err != nil {
		t.Fatal(err)
	}
	own, err := crypto.GenerateKey(crypto.ProfilePQ, as.String(), now)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := ceremony.NewOwnClaim(&crypto.Bundle{Holder: as.String(), Key: key}, own.Certificate().Bytes(), now)
	if err != nil {
		t.Fatal(err)
	}
	var claims atomic.Int32
	c := portal(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			fmt.Fprint(w, "[]")
		case claims.Add(1) == 1:
			refuse(w, http.StatusConflict, "envelopes-changed", "Something arrived.")
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	if err := c.Claim(context.Background(), claim); err != nil || claims.Load() != 2 {
		t.Errorf("after %d claims: %v", claims.Load(), err)
	}
}

func TestACertificateThatNobodyVouchesForIsRefusedAtOnce(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1) }))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	c, err := client.New(server.URL, true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begin := time.Now()
	if _, err := c.Institution(context.Background()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v; want an error about the certificate", err)
	}
	if asked.Load() != 0 || time.Since(begin) > 2*time.Second {
		t.Errorf("asked %d times, in %s", asked.Load(), time.Since(begin))
	}
}

// What is refused since too many came at once was not done: it is asked again when the portal says, even what must not be done twice.
func TestACrowdIsAskedToWait(t *testing.T) {
	var asked atomic.Int32
	c := portal(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "too-many", "Too many tries in a short time.")
			return
		}
		fmt.Fprint(w, `{"holder":"S-7K2M9QXD/1","complete":true}`)
	})
	begin := time.Now()
	in, err := c.PostLogIn(context.Background(), api.LogIn{})
	if err != nil || in.Holder != "S-7K2M9QXD/1" || asked.Load() != 2 || time.Since(begin) < time.Second {
		t.Errorf("after %d requests and %v: %v", asked.Load(), time.Since(begin), err)
	}
}
