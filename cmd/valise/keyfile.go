package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/store"
)

// A key file is a locked bundle (crypto.LockBundle), armored: the root's, or a staff
// member's. What a representative brings along is a private key that gpg exported.

// lockKeyFile makes a key file.
func lockKeyFile(b *crypto.Bundle, passphrase string) ([]byte, error) {
	s, err := crypto.DeriveSecrets([]byte(passphrase), crypto.NewSalt())
	if err != nil {
		return nil, err
	}
	locked, err := crypto.LockBundle(b, s)
	if err != nil {
		return nil, err
	}
	return crypto.ArmorMessage(locked), nil
}

// openKeyFile unlocks the root's or a staff member's key file, armored or binary.
func (p *process) openKeyFile(path, secretFile string) (*crypto.Bundle, error) {
	data, err := p.readInput(path, 2*crypto.MaxBundleSize)
	if err != nil {
		return nil, fmt.Errorf("the key file: %w", err)
	}
	locked, err := ceremony.KeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	salt, err := crypto.BundleSalt(locked)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	passphrase, err := p.secret(secretFile, "passphrase of "+filepath.Base(path))
	if err != nil {
		return nil, err
	}
	s, err := crypto.DeriveSecrets([]byte(passphrase), salt)
	if err != nil {
		return nil, err
	}
	b, err := crypto.UnlockBundle(locked, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// openPrivateKey reads a private key that was made with other tools. Its passphrase is
// asked for only when it is locked.
func (p *process) openPrivateKey(path, secretFile string) (*crypto.Key, error) {
	data, err := p.readInput(path, 2*crypto.MaxCertificateSize)
	if err != nil {
		return nil, fmt.Errorf("the private key: %w", err)
	}
	if secretFile == "" {
		k, err := crypto.ParseArmoredKey(data, nil)
		if !errors.Is(err, crypto.ErrWrongSecret) {
			return k, err
		}
	}
	passphrase, err := p.secret(secretFile, "passphrase of "+filepath.Base(path))
	if err != nil {
		return nil, err
	}
	k, err := crypto.ParseArmoredKey(data, []byte(passphrase))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// readCertificate reads a public certificate from a file.
func (p *process) readCertificate(path string) (*crypto.Certificate, error) {
	data, err := p.readInput(path, 2*crypto.MaxCertificateSize)
	if err != nil {
		return nil, err
	}
	c, err := crypto.ParseCertificate(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// certifiedKey is the key of a process that works for the portal, with the certificate that the portal has for it: the one in its key file is older than
// the root's certification. whose names it in errors: "notary".
func certifiedKey(ctx context.Context, db *store.DB, root *crypto.Root, bundle *crypto.Bundle, whose string) (*crypto.Key, error) {
	if bundle.Pin.Fingerprint != root.Fingerprint() {
		return nil, fmt.Errorf("the %s's key was locked for the root %s, and the root certificate is that of %s", whose, bundle.Pin.Fingerprint.Spaced(), root.Fingerprint().Spaced())
	}
	stored, err := db.Staff(ctx)
	if err != nil {
		return nil, err
	}
	self := bundle.Key.Certificate().Fingerprint()
	for _, data := range stored {
		certificate, err := crypto.ParseCertificate(data)
		if err != nil || certificate.Fingerprint() != self {
			continue
		}
		return bundle.Key.WithCertificate(certificate)
	}
	return nil, fmt.Errorf("the portal does not know the %s's key, %s: have it certified by the root, then show it to the portal with: valise staff add", whose, self)
}
