package portaltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// Authority signs TLS certificates.
type Authority struct {
	Certificate *x509.Certificate
	Pool        *x509.CertPool // trusts it and nothing else

	t   testing.TB
	key *ecdsa.PrivateKey
}

// NewAuthority makes one that nobody else trusts.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, Pool: x509.NewCertPool()}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	a.Certificate, a.key = a.sign(template, nil)
	a.Pool.AddCert(a.Certificate)
	return a
}

// Issue makes a certificate for names, valid for a day, or one that was over an hour ago.
func (a *Authority) Issue(over bool, names ...string) *Certificate {
	a.t.Helper()
	until := time.Now().Add(24 * time.Hour)
	if over {
		until = time.Now().Add(-time.Hour)
	}
	leaf, key := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
	}, a)
	c := &Certificate{
		Server: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, a.Certificate.Raw}, PrivateKey: key, Leaf: leaf}}},
		Pool:   a.Pool,
	}
	c.write(a.t, key)
	return c
}

func (a *Authority) sign(template *x509.Certificate, by *Authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		a.t.Fatal(err)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return c, key
}

// Leaf is the certificate itself, as it is shown.
func (c *Certificate) Leaf() *x509.Certificate { return c.Server.Certificates[0].Leaf }
