package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"valise/crypto"
	"valise/portal/ceremony"
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
