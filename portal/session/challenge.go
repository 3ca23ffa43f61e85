package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"valise/crypto"
)

// Challenges hands out and takes single-use nonces for log-in. Use NewChallenges.
type Challenges struct{ nonces Nonces }

// NewChallenges makes them on a place that keeps nonces.
func NewChallenges(nonces Nonces) *Challenges { return &Challenges{nonces} }

// purposeLogIn is where log-in's nonces are kept apart from any others.
const purposeLogIn = "login"

// New returns a nonce, 32 hexadecimal characters, that as (a representative's number or a staff fingerprint) may use once within
// NonceLifetime.
func (c *Challenges) New(ctx context.Context, as string) (string, error) {
	nonce := crypto.NewNonce()
	if err := c.nonces.PutNonce(ctx, purposeLogIn, hashNonce(as, nonce), NonceLifetime); err != nil {
		return "", err
	}
	return nonce, nil
}

// Take uses a nonce up. It says whether the nonce was given to as, and is neither used nor too old.
func (c *Challenges) Take(ctx context.Context, as, nonce string) (bool, error) {
	return c.nonces.TakeNonce(ctx, purposeLogIn, hashNonce(as, nonce))
}

// hashNonce is all that is stored of a nonce and whose it is.
func hashNonce(as, nonce string) string {
	sum := sha256.Sum256([]byte("valise nonce v1\x00" + as + "\x00" + nonce))
	return hex.EncodeToString(sum[:])
}
