package portaltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificate is a TLS certificate for localhost, 127.0.0.1 and ::1 that nobody else trusts.
type Certificate struct {
	// CertFile and KeyFile hold it in PEM, for programs.
	CertFile, KeyFile string
	// Server serves with it.
	Server *tls.Config
	// Pool trusts it and nothing else.
	Pool *x509.CertPool
}

// TLS makes a certificate that is valid for a day.
func TLS(t testing.TB) *Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // else no one can be told to trust it
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c := &Certificate{
		Server: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}}},
		Pool:   x509.NewCertPool(),
	}
	c.Pool.AddCert(parsed)
	c.write(t, key)
	return c
}

// write writes the files.
func (c *Certificate) write(t testing.TB, key *ecdsa.PrivateKey) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var chain []byte
	for _, der := range c.Server.Certificates[0].Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	folder := t.TempDir()
	c.CertFile, c.KeyFile = filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")
	for path, data := range map[string][]byte{c.CertFile: chain, c.KeyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Client is an HTTP client that trusts the certificate and nothing else. It keeps no cookies.
func (c *Certificate) Client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.Pool}},
		Timeout:   time.Minute,
	}
}
