package crypto

import (
	"crypto/hkdf"
	"crypto/sha256"
)

// Derive returns 32 secret bytes that follow from the private part of the primary key and a label, always the same (HKDF, RFC 5869, with SHA-256). Whoever holds
// the key can make names that nobody else can connect with what they name, and needs to keep nothing for it.
func (k *Key) Derive(label string) ([]byte, error) {
	if !k.exists() || k.entity.PrivateKey == nil {
		return nil, errNoKey
	}
	return hkdf.Key(sha256.New, secretPacket(k.entity.PrivateKey), nil, "valise derived "+label, sha256.Size)
}
