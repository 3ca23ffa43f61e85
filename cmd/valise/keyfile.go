package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"valise/crypto"
)

// A key file is a locked bundle (crypto.LockBundle), armored: the root's, or a staff
// member's. What a representative brings along is a private key that gpg exported.
const privateKeyBlock = "-----BEGIN PGP PRIVATE KEY BLOCK-----"

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
	if bytes.Contains(data, []byte(privateKeyBlock)) {
		return nil, fmt.Errorf("%s is an OpenPGP private key, not a key file of Valise; staff keys are made with: valise staff new", path)
	}
	locked, err := withoutArmor(data)
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

// withoutArmor returns the binary form of a locked bundle.
func withoutArmor(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN PGP MESSAGE")) {
		return data, nil
	}
	block, err := armor.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, errors.New("the armor is damaged; take another copy")
	}
	raw, err := io.ReadAll(io.LimitReader(block.Body, crypto.MaxBundleSize+1))
	if err != nil {
		return nil, errors.New("the armor is damaged; take another copy")
	}
	return raw, nil
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
