package ceremony

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"valise/crypto"
	"valise/portal/api"
)

// DeriveSecrets derives the secrets of whatever a person typed into the one field
// there is: a claim code, in any spelling that crypto.ParseClaimCode forgives, or a
// passphrase. One Argon2id run.
func DeriveSecrets(typed string, salt []byte) (*crypto.Secrets, error) {
	if code, err := crypto.ParseClaimCode(typed); err == nil {
		typed = string(code)
	}
	return crypto.DeriveSecrets([]byte(typed), salt)
}

// Mistyped says what is wrong with a text that was meant to be a claim code and isn't
// one, naming the group; nil when the text doesn't look like a claim code. It is
// for the moment when a secret was refused.
func Mistyped(typed string) error {
	_, err := crypto.ParseClaimCode(typed)
	if err == nil {
		return nil
	}
	characters, digits := 0, 0
	for _, r := range typed {
		switch {
		case unicode.IsDigit(r):
			digits++
			characters++
		case unicode.IsLetter(r):
			characters++
		}
	}
	// Words hold no digits; of 30 characters of a claim code nine are, on average.
	if characters < 25 || characters > 35 || digits < 2 || len(strings.Fields(typed)) > 8 {
		return nil
	}
	return err
}

// UnlockRequest shows the server the log-in half of the secrets, to be given the locked bundle.
func UnlockRequest(as crypto.Representative, s *crypto.Secrets) api.Unlock {
	return api.Unlock{As: as.String(), LogInSecret: s.LogInSecret()}
}

// Unlock opens the locked bundle that the server handed out, and refuses it unless
// it is that of as. The error is crypto.ErrWrongSecret when the secrets don't open it.
func Unlock(as crypto.Representative, answer api.Unlocked, s *crypto.Secrets) (*crypto.Bundle, error) {
	b, err := crypto.UnlockBundle(answer.LockedBundle, s)
	if err != nil {
		return nil, err
	}
	if err := checkBundle(as, b); err != nil {
		return nil, err
	}
	return b, nil
}

// checkBundle says whether the bundle is the representative's, by its label and by its keys.
func checkBundle(as crypto.Representative, b *crypto.Bundle) error {
	if b.Holder != as.String() {
		return fmt.Errorf("the portal handed out the key of %s, not that of %s: don't go on, and tell the institution", b.Holder, as)
	}
	for _, k := range b.Keys() {
		if ids := k.Certificate().UserIDs(); len(ids) != 1 || ids[0] != b.Holder {
			return fmt.Errorf("the bundle of %s holds a key of somebody else, %s", as, k.Certificate().Fingerprint())
		}
	}
	return nil
}

// SignLogIn answers a challenge. wantOrigin is where the client itself knows it is,
// as browsers write it; as is a representative's number with its ordinal or a staff
// fingerprint. The challenge must name both, or some other portal is asking for a
// log-in that isn't its own. What is signed is built here from the checked fields;
// the challenge's text isn't read.
func SignLogIn(challenge api.LogInChallenge, wantOrigin, as string, key *crypto.Key, now time.Time) (api.LogIn, error) {
	switch distance := now.Sub(challenge.Time); {
	case challenge.Origin != wantOrigin:
		return api.LogIn{}, fmt.Errorf("the portal at %s asks for a log-in at %q: it may be passing your log-in on to somebody else. Check the address in your letter", wantOrigin, printable(challenge.Origin))
	case challenge.As != as:
		return api.LogIn{}, fmt.Errorf("the portal asks for a log-in of %q, not of %s: don't go on, and tell the institution", printable(challenge.As), as)
	case distance > crypto.ClockSkew || distance < -crypto.ClockSkew:
		return api.LogIn{}, fmt.Errorf("the portal's clock says %s, this machine's %s: set this machine's clock, then try again", challenge.Time.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case key == nil:
		return api.LogIn{}, errors.New("logging in needs a key")
	}
	text, err := (&crypto.LogIn{Origin: wantOrigin, As: as, Nonce: challenge.Nonce, Time: challenge.Time.UTC().Truncate(time.Second)}).Encode()
	if err != nil {
		return api.LogIn{}, fmt.Errorf("the portal's challenge can't be signed: %w", err)
	}
	signed, err := crypto.ClearSign(key, crypto.PurposeLogIn, text, now)
	if err != nil {
		return api.LogIn{}, err
	}
	return api.LogIn{As: as, SignedText: string(signed)}, nil
}

// printable makes text from a server fit to stand in one line of an error.
func printable(text string) string {
	const longest = 100
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}
