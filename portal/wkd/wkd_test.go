package wkd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/wkd"
)

// world is a few domains, whose HTTPS servers are one that is really there.
type world struct {
	hosts    map[string]http.HandlerFunc // by host name; others don't exist
	asked    []string
	insecure bool // its certificate is nobody's
}

// lookup begins the world.
func (w *world) lookup(t *testing.T) *wkd.Lookup {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	for host := range w.hosts {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	authority, err := x509.ParseCertificate(der)
	must(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.asked = append(w.asked, r.Host+r.RequestURI)
		if r.UserAgent() != "" || len(r.Cookies()) > 0 {
			t.Errorf("the directory is told who asks: %v", r.Header)
		}
		w.hosts[r.Host](out, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	if !w.insecure {
		pool.AddCert(authority)
	}
	return &wkd.Lookup{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, _ := net.SplitHostPort(address)
			if w.hosts[host] == nil {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
			}
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		},
	}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func certificate(t *testing.T, userID string) *crypto.Certificate {
	t.Helper()
	key, err := crypto.GenerateKey(crypto.ProfileCompat, userID, time.Now().Add(-time.Hour))
	must(t, err)
	return key.Certificate()
}

func answers(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.Write(data) }
}

// joe is the example of the draft.
const joe = "Joe.Doe@Example.ORG"

func TestBothWaysOfTheDraft(t *testing.T) {
	c := certificate(t, "Joe Doe <joe.doe@example.org>")
	for name, w := range map[string]*world{
		"openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe": {hosts: map[string]http.HandlerFunc{"openpgpkey.example.org": answers(c.Bytes()), "example.org": answers(nil)}},
		"example.org/.well-known/openpgpkey/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe":                        {hosts: map[string]http.HandlerFunc{"example.org": answers(c.Bytes())}},
	} {
		found, err := w.lookup(t).Find(t.Context(), joe, time.Now())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(w.asked) != 1 || w.asked[0] != name || "https://"+name != found.URL {
			t.Errorf("asked %q, found at %s", w.asked, found.URL)
		}
		if found.Certificate.Fingerprint() != c.Fingerprint() || found.Refused != nil || len(found.Others) != 0 {
			t.Errorf("%+v", found)
		}
	}
}

func TestWhatADirectoryMayNotAnswer(t *testing.T) {
	good := certificate(t, "Joe Doe <joe.doe@example.org>")
	leads := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	for name, c := range map[string]struct {
		hosts map[string]http.HandlerFunc
		says  string
	}{
		"nothing":                      {map[string]http.HandlerFunc{"openpgpkey.example.org": http.NotFound, "example.org": answers(good.Bytes())}, "no certificate of Joe.Doe@Example.ORG"}, // and the other way is not tried
		"an empty file":                {map[string]http.HandlerFunc{"example.org": answers(nil)}, "no certificate of"},
		"no domain":                    {map[string]http.HandlerFunc{"elsewhere.example": answers(nil)}, "no such host"},
		"somebody else's":              {map[string]http.HandlerFunc{"example.org": answers(certificate(t, "Eve <eve@example.org>").Bytes())}, "does not name Joe.Doe@Example.ORG"},
		"somebody with the name alone": {map[string]http.HandlerFunc{"example.org": answers(certificate(t, "joe.doe@example.org <eve@example.org>").Bytes())}, "does not name Joe.Doe@Example.ORG"},
		"a page":                       {map[string]http.HandlerFunc{"example.org": answers([]byte("<html>"))}, "not a certificate"},
		"two":                          {map[string]http.HandlerFunc{"example.org": answers(append(good.Bytes(), certificate(t, joe).Bytes()...))}, "more than one certificate"},
		"no end":                       {map[string]http.HandlerFunc{"example.org": answers(make([]byte, crypto.MaxCertificateSize+1))}, "larger than a certificate may be"},
		"a failure":                    {map[string]http.HandlerFunc{"example.org": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }}, "500"},
		"a way without TLS":            {map[string]http.HandlerFunc{"example.org": leads("http://example.org/x")}, "not HTTPS"},
		"a way to a file":              {map[string]http.HandlerFunc{"example.org": leads("file:///etc/passwd")}, "not HTTPS"},
		"a way to somebody else":       {map[string]http.HandlerFunc{"example.org": leads("https://evil.example/x"), "evil.example": answers(good.Bytes())}, "another domain"},
		"a way to the registrar's own": {map[string]http.HandlerFunc{"example.org": leads("https://127.0.0.1/admin")}, "another domain"},
		"a way to a look-alike":        {map[string]http.HandlerFunc{"example.org": leads("https://badexample.org/x"), "badexample.org": answers(good.Bytes())}, "another domain"},
		"a circle":                     {map[string]http.HandlerFunc{"example.org": leads("https://example.org/x")}, "without end"},
	} {
		w := &world{hosts: c.hosts}
		found, err := w.lookup(t).Find(t.Context(), joe, time.Now())
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		if none := strings.Contains(c.says, "no certificate of"); none != errors.Is(err, wkd.ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := &world{hosts: map[string]http.HandlerFunc{"example.org": answers(good.Bytes())}, insecure: true}
	if _, err := w.lookup(t).Find(t.Context(), joe, time.Now()); err == nil || len(w.asked) > 0 {
		t.Errorf("a server that nobody vouches for was asked: %v", err)
	}
}

func TestAWayWithinTheDomain(t *testing.T) {
	c := certificate(t, "joe.doe@example.org")
	w := &world{hosts: map[string]http.HandlerFunc{"example.org": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://www.example.org"+r.RequestURI, http.StatusMovedPermanently)
	}, "www.example.org": answers(c.Bytes())}}
	if _, err := w.lookup(t).Find(t.Context(), joe, time.Now()); err != nil {
		t.Error(err)
	}
}

func TestAnOldCertificateIsShownWithItsFault(t *testing.T) {
	c := certificate(t, "joe.doe@example.org")
	w := &world{hosts: map[string]http.HandlerFunc{"example.org": answers(c.Bytes())}}
	found, err := w.lookup(t).Find(t.Context(), joe, time.Now().Add(-48*time.Hour)) // it is dated later
	if err != nil || found.Refused == nil {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestWhatIsNoAddress(t *testing.T) {
	w := &world{hosts: map[string]http.HandlerFunc{"example.org": answers(nil)}}
	for _, address := range []string{"", "joe", "joe@", "@example.org", "joe@localhost", "joe@example.org@evil.example", "joe@example.org/x", "joe@example.org:8443", "joe @example.org", "joé@example.org", "joe@10.0.0.1", strings.Repeat("a", 250) + "@example.org", "joe@example.org\r\nHost: x"} {
		if _, err := w.lookup(t).Find(t.Context(), address, time.Now()); err == nil || len(w.asked) > 0 {
			t.Errorf("%q was looked up: %v", address, err)
		}
	}
}
