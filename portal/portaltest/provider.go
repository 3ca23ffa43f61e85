package portaltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Provider is an OpenID Connect provider: discovery, keys, authorization (which asks nobody anything), and tokens for codes, with PKCE
// demanded. Its fields may be changed between requests.
type Provider struct {
	URL      string // the issuer
	ClientID string
	Secret   string
	HTTP     *http.Client // trusts its certificate

	mu     sync.Mutex
	user   string
	change func(claims map[string]any)
	codes  map[string]grant
	now    func() time.Time
}

type grant struct{ user, nonce, challenge, redirect string }

// StartProvider starts one; it is gone when the test ends.
func StartProvider(t testing.TB) *Provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{ClientID: "valise", Secret: "a client's secret", codes: map[string]grant{}, now: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		claims, problem := p.redeem(r)
		if problem != "" {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": problem})
			return
		}
		token, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Error(err)
		}
		answer(w, map[string]any{"access_token": "none", "token_type": "Bearer", "id_token": token})
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	p.URL, p.HTTP = server.URL, server.Client()
	return p
}

// SignOn says who signs on from now on; "" is somebody whom the provider refuses. change may alter the claims of tokens; nil: leave them.
func (p *Provider) SignOn(user string, change func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.user, p.change = user, change
}

// At sets the clock of tokens.
func (p *Provider) At(now func() time.Time) { p.now = now }

// Visit follows an address that a portal sends a browser to, and returns the one that the provider sends it back to.
func (p *Provider) Visit(t testing.TB, address string) *url.URL {
	t.Helper()
	client := *p.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	back, err := a.Location()
	if err != nil {
		t.Fatalf("the provider answers %s: %v", a.Status, err)
	}
	return back
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	if q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("state") == "" || q.Get("nonce") == "" {
		http.Error(w, "a parameter is missing", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if p.user == "" {
		back.Set("error", "access_denied")
	} else {
		code := rand.Text()
		p.codes[code] = grant{p.user, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
		back.Set("code", code)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *Provider) redeem(r *http.Request) (claims map[string]any, problem string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	} else {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	}
	if id != p.ClientID || secret != p.Secret {
		return nil, "invalid_client"
	}
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge || r.PostFormValue("redirect_uri") != g.redirect {
		return nil, "invalid_grant"
	}
	now := p.now()
	claims = map[string]any{"iss": p.URL, "sub": g.user, "aud": p.ClientID, "nonce": g.nonce, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	if p.change != nil {
		p.change(claims)
	}
	return claims, ""
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
