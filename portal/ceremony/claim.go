package ceremony

import (
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// NewPassphrase draws six words that CheckPassphrase accepts, too: a draw in which a
// word repeats, or is one of those that count for nothing, is thrown away.
func NewPassphrase() string {
	for {
		if p := crypto.NewPassphrase(); crypto.CheckPassphrase(p) == nil {
			return p
		}
	}
}

// Claim is a representative's move from the issued key to their own. Making it costs
// a key and an Argon2id run; Request can be called again when something arrived
// in between.
type Claim struct {
	request api.Claim // but for the envelopes
	from    []*crypto.Key
	to      *crypto.Certificate
	bundle  *crypto.Bundle
}

// NewClaim makes the representative's own key of profile ProfilePQ or
// ProfileCompat, has the issued one, which issued holds, certify it, and locks it
// under the passphrase. The issued key stays in the new bundle as a past one, so
// that what was on its way to it still opens.
func NewClaim(issued *crypto.Bundle, profile crypto.Profile, passphrase string, now time.Time) (*Claim, error) {
	as, err := crypto.ParseRepresentative(issued.Holder)
	if err != nil {
		return nil, err
	}
	if err := crypto.CheckPassphrase(passphrase); err != nil {
		return nil, err
	}
	key, err := crypto.GenerateKey(profile, as.String(), now)
	if err != nil {
		return nil, err
	}
	certificate, err := crypto.CertifySuccessor(issued.Key, key.Certificate(), as, now)
	if err != nil {
		return nil, err
	}
	if key, err = key.WithCertificate(certificate); err != nil {
		return nil, err
	}
	bundle := &crypto.Bundle{Holder: issued.Holder, Pin: issued.Pin, Key: key, Past: issued.Keys()}
	lock, err := lock(bundle, passphrase)
	if err != nil {
		return nil, err
	}
	return &Claim{
		request: api.Claim{Profile: profile, Certificate: certificate.Armor(), Salt: lock.Salt, Verifier: lock.Verifier, LockedBundle: lock.LockedBundle},
		from:    issued.Keys(), to: certificate, bundle: bundle,
	}, nil
}

// NewOwnClaim claims with a certificate that was made with other tools, armored or
// binary. Its only user ID must be the representative's number. The private key stays
// where it is. The error is a *crypto.PolicyError when the certificate breaks a rule.
func NewOwnClaim(issued *crypto.Bundle, certificate []byte, now time.Time) (*Claim, error) {
	as, err := crypto.ParseRepresentative(issued.Holder)
	if err != nil {
		return nil, err
	}
	c, err := crypto.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	if c, err = crypto.CertifySuccessor(issued.Key, c, as, now); err != nil {
		return nil, err
	}
	return &Claim{request: api.Claim{Profile: crypto.ProfileOwn, Certificate: c.Armor()}, from: issued.Keys(), to: c}, nil
}

// Request rewraps what has arrived for the issued key, all of it, and returns what
// to send. When the server answers "envelopes-changed", fetch the envelopes again and
// call it again.
func (c *Claim) Request(held []api.HeldEnvelope) (api.Claim, error) {
	request := c.request
	request.Envelopes = make([]api.HeldEnvelope, len(held))
	for i, e := range held {
		data, err := crypto.Rewrap(e.Data, c.from, c.to)
		if err != nil {
			return api.Claim{}, fmt.Errorf("notice %s could not be carried over to the new key: %w", e.Notice, err)
		}
		request.Envelopes[i] = api.HeldEnvelope{Notice: e.Notice, Certificate: c.to.Fingerprint(), Suite: e.Suite, Data: data}
		if len(e.Personal) == 0 {
			continue
		}
		if request.Envelopes[i].Personal, err = crypto.Rewrap(e.Personal, c.from, c.to); err != nil {
			return api.Claim{}, fmt.Errorf("the personal part of notice %s could not be carried over to the new key: %w", e.Notice, err)
		}
	}
	return request, nil
}

// Certificate returns the representative's own certificate, certified by the issued key.
func (c *Claim) Certificate() *crypto.Certificate { return c.to }

// Bundle returns the new bundle, unlocked; nil for a certificate made with other tools.
func (c *Claim) Bundle() *crypto.Bundle { return c.bundle }

// ChangeLock locks a bundle under a new passphrase.
func ChangeLock(b *crypto.Bundle, passphrase string) (api.Lock, error) {
	if err := crypto.CheckPassphrase(passphrase); err != nil {
		return api.Lock{}, err
	}
	return lock(b, passphrase)
}

func lock(b *crypto.Bundle, secret string) (api.Lock, error) {
	s, err := crypto.DeriveSecrets([]byte(secret), crypto.NewSalt())
	if err != nil {
		return api.Lock{}, err
	}
	locked, err := crypto.LockBundle(b, s)
	if err != nil {
		return api.Lock{}, err
	}
	return api.Lock{Salt: s.Salt(), Verifier: crypto.LogInVerifier(s.LogInSecret()), LockedBundle: locked}, nil
}
