package portaltest_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"valise/portal/portaltest"
)

func TestTheCertificateIsForLocalhostAndTrustedByItsClientOnly(t *testing.T) {
	certificate := portaltest.TLS(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	server.TLS = certificate.Server
	server.Config.ErrorLog = quiet(t)
	server.StartTLS()
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		address := "https://" + net.JoinHostPort(host, port)
		response, err := certificate.Client().Get(address)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		response.Body.Close()
		if _, err := http.Get(address); err == nil {
			t.Errorf("%s: a client that was told nothing trusts it", host)
		}
	}
}
