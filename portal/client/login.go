package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// LogIn logs in with a key: as is a representative's number with its ordinal, or a
// staff member's fingerprint.
func (c *Client) LogIn(ctx context.Context, as string, key *crypto.Key) (api.LoggedIn, error) {
	challenge, err := c.StartLogIn(ctx, as)
	if err != nil {
		return api.LoggedIn{}, err
	}
	return c.answer(ctx, challenge, as, key)
}

// LogInStaff logs in with a staff member's key.
func (c *Client) LogInStaff(ctx context.Context, key *crypto.Key) (api.LoggedIn, error) {
	return c.LogIn(ctx, string(key.Certificate().Fingerprint()), key)
}

// Unlocked is a representative who has logged in.
type Unlocked struct {
	Bundle *crypto.Bundle
	State  portal.RepresentativeState
}

// LogInSecret logs a representative in with what they typed, a passphrase or a claim
// code: derives the secrets, fetches and opens the locked bundle, signs the challenge. A
// wrong secret is crypto.ErrWrongSecret.
func (c *Client) LogInSecret(ctx context.Context, as crypto.Representative, typed string) (*Unlocked, error) {
	challenge, err := c.StartLogIn(ctx, as.String())
	if err != nil {
		return nil, err
	}
	secrets, err := ceremony.DeriveSecrets(typed, challenge.Salt)
	if err != nil {
		return nil, err
	}
	answer, err := c.Unlock(ctx, ceremony.UnlockRequest(as, secrets))
	if err != nil {
		if !IsStatus(err, http.StatusUnauthorized) {
			return nil, err
		}
		if mistyped := ceremony.Mistyped(typed); mistyped != nil {
			return nil, mistyped
		}
		return nil, &wrongSecret{err}
	}
	bundle, err := ceremony.Unlock(as, answer, secrets)
	if err != nil {
		return nil, err
	}
	in, err := c.answer(ctx, challenge, as.String(), bundle.Key)
	if err != nil {
		return nil, err
	}
	return &Unlocked{Bundle: bundle, State: in.State}, nil
}

func (c *Client) answer(ctx context.Context, challenge api.LogInChallenge, as string, key *crypto.Key) (api.LoggedIn, error) {
	signed, err := ceremony.SignLogIn(challenge, c.origin, as, key, time.Now())
	if err != nil {
		return api.LoggedIn{}, err
	}
	return c.PostLogIn(ctx, signed)
}

// maxClaims is how often a claim is tried while notices keep arriving.
const maxClaims = 5

// Claim carries a claim through: rewraps what has arrived, hands it in, and does so
// again when something arrived in between.
func (c *Client) Claim(ctx context.Context, claim *ceremony.Claim) error {
	for range maxClaims {
		held, err := c.Envelopes(ctx)
		if err != nil {
			return err
		}
		request, err := claim.Request(held)
		if err != nil {
			return err
		}
		if err = c.PostClaim(ctx, request); !IsCode(err, "envelopes-changed") {
			return err
		}
	}
	return errors.New("notices keep arriving in the mailbox; claim it again in a minute")
}

// wrongSecret is crypto.ErrWrongSecret in the words of the portal, which doesn't say whether it is the number that is wrong.
type wrongSecret struct{ refusal error }

func (e *wrongSecret) Error() string   { return e.refusal.Error() }
func (e *wrongSecret) Unwrap() []error { return []error{crypto.ErrWrongSecret, e.refusal} }
