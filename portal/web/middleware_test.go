package web

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddressComesFromTrustedProxiesOnly(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct {
		name, remote string
		forwarded    []string
		trusted      []netip.Prefix
		want         string
	}{
		{"direct", "198.51.100.7:1234", nil, proxies, "198.51.100.7"},
		{"a client that lies", "198.51.100.7:1234", []string{"192.0.2.1"}, proxies, "198.51.100.7"},
		{"nobody is trusted", "10.0.0.1:1234", []string{"192.0.2.1"}, nil, "10.0.0.1"},
		{"through a proxy", "10.0.0.1:1234", []string{"192.0.2.1"}, proxies, "192.0.2.1"},
		{"a client that lies to a proxy", "10.0.0.1:1234", []string{"203.0.113.9, 192.0.2.1"}, proxies, "192.0.2.1"},
		{"in two headers", "10.0.0.1:1234", []string{"203.0.113.9", "192.0.2.1"}, proxies, "192.0.2.1"},
		{"two proxies", "10.0.0.1:1234", []string{"192.0.2.1, 10.2.2.2"}, proxies, "192.0.2.1"},
		{"a proxy that says nothing", "10.0.0.1:1234", nil, proxies, "10.0.0.1"},
		{"nonsense", "10.0.0.1:1234", []string{"192.0.2.1, unknown"}, proxies, "10.0.0.1"},
		{"only proxies", "10.0.0.1:1234", []string{"10.2.2.2"}, proxies, "10.2.2.2"},
		{"IPv6", "[fd00::1]:1234", []string{"2001:db8::7"}, proxies, "2001:db8::7"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1234", []string{"::ffff:192.0.2.1"}, proxies, "192.0.2.1"},
		{"a socket", "@", []string{"192.0.2.1"}, proxies, "invalid IP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &server{Portal: Portal{TrustedProxies: test.trusted}}
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = test.remote
			for _, line := range test.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			if got := s.clientAddress(r).String(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestOriginOfAPortal(t *testing.T) {
	for _, origin := range []string{"https://portal.example", "https://portal.example:8443", "https://[::1]:8443"} {
		if err := checkOrigin(origin, false); err != nil {
			t.Error(err)
		}
	}
	if err := checkOrigin("http://localhost:8080", true); err != nil {
		t.Error(err)
	}
	for _, origin := range []string{"", "portal.example", "https://portal.example/", "https://u@portal.example", "https://portal.example?x", "http://portal.example", "ftp://x"} {
		if err := checkOrigin(origin, false); err == nil {
			t.Errorf("%q was accepted", origin)
		}
	}
}

func TestPoliciesAllowNothingInline(t *testing.T) {
	for _, policy := range []string{pagePolicy, workerPolicy} {
		for _, never := range []string{"unsafe-inline", "'unsafe-eval'", "data:", "blob:", "http", "*"} {
			if strings.Contains(policy, never) {
				t.Errorf("%s in %s", never, policy)
			}
		}
	}
	if strings.Contains(pagePolicy, "wasm-unsafe-eval") {
		t.Error("pages may compile WebAssembly; only the worker has to")
	}
}
