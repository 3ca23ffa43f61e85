package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/portaltest/live"
	"valise/portal/web"
	"valise/portal/wkd"
)

// TestARegistrarLooksACertificateUp asks a directory that is a portal's own, over HTTPS; whose names are in no DNS, so this process says where they are.
func TestARegistrarLooksACertificateUp(t *testing.T) {
	key, err := crypto.GenerateKey(crypto.ProfileCompat, "Ama Mensah <Ama.Mensah@localhost.example>", time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	p := live.Portal(t, live.Options{})
	site := *p.Portal
	site.MailCertificates = []*crypto.Certificate{key.Certificate()}
	server := directoryServer(t, &site)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // the name in the certificate of package httptest
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !strings.HasPrefix(address, "localhost.example:") {
			return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
		}
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	fingerprint := key.Certificate().Fingerprint()
	own := func(f ownFlags) (crypto.Fingerprint, string, error) {
		var said bytes.Buffer
		f.directory = wkd.Lookup{Transport: transport}
		found, err := f.own(t.Context(), &process{stdin: strings.NewReader(""), stdout: &said, stderr: &said})
		return found, said.String(), err
	}
	found, said, err := own(ownFlags{WKD: "ama.mensah@localhost.example", Confirm: fingerprint.Spaced()})
	if err != nil || found != fingerprint {
		t.Fatalf("%q, %v", found, err)
	}
	for _, want := range []string{fingerprint.Spaced(), "ama.mensah@localhost.example", "not post-quantum", "/hu/"} {
		if !strings.Contains(said, want) {
			t.Errorf("the registrar is not shown %q: %s", want, said)
		}
	}
	other := strings.Repeat("0", len(fingerprint))
	for says, f := range map[string]ownFlags{
		"give it with --confirm":      {WKD: "ama.mensah@localhost.example"},
		"it is somebody else's":       {WKD: "ama.mensah@localhost.example", Confirm: other},
		"no certificate of":           {WKD: "somebody@localhost.example", Confirm: other},
		"not both":                    {WKD: "ama.mensah@localhost.example", Own: "x"},
		"goes with":                   {Confirm: other},
		"--confirm: ":                 {WKD: "ama.mensah@localhost.example", Confirm: "0123"},
		"not the e-mail address of a": {WKD: "Ama Mensah", Confirm: other},
	} {
		if found, _, err := own(f); err == nil || !strings.Contains(err.Error(), says) || found != "" {
			t.Errorf("%q: %q, %v", says, found, err)
		}
	}
	file := filepath.Join(t.TempDir(), "weak.asc")
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := own(ownFlags{Own: file, Confirm: other}); err == nil {
		t.Error("a file without a certificate was taken")
	}
}

func directoryServer(t *testing.T, site *web.Portal) *httptest.Server {
	t.Helper()
	handler, err := site.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return server
}
