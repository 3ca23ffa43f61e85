package portaltest

import (
	"net/url"
	"testing"

	"github.com/descope/virtualwebauthn"
)

// Authenticator is a device that holds one passkey and answers as browsers do, in JSON, without a browser. It makes sure who uses it, and
// counts its signatures.
type Authenticator struct {
	t      testing.TB
	party  virtualwebauthn.RelyingParty
	device virtualwebauthn.Authenticator
	key    virtualwebauthn.Credential
}

// wholeKey is the length of a P-256 key in COSE. The library cuts zeros off at the front of coordinates, and such keys are refused.
const wholeKey = 77

// NewAuthenticator makes one whose browser shows the page of an origin: "https://localhost:8443".
func NewAuthenticator(t testing.TB, origin string) *Authenticator {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	a := &Authenticator{t: t, party: virtualwebauthn.RelyingParty{Name: "portal", ID: u.Hostname(), Origin: origin}, device: virtualwebauthn.NewAuthenticator()}
	for len(a.key.ID) == 0 || len(a.key.Key.AttestationData()) != wholeKey {
		a.key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return a
}

// At is the same device, whose browser shows another page.
func (a *Authenticator) At(origin string) *Authenticator {
	other := NewAuthenticator(a.t, origin)
	other.device, other.key = a.device, a.key
	return other
}

// Unverified is the same device, which doesn't ask who uses it.
func (a *Authenticator) Unverified() *Authenticator {
	other := *a
	other.device.Options.UserNotVerified = true
	return &other
}

// Copy is a second device with the same key and counter.
func (a *Authenticator) Copy() *Authenticator {
	other := *a
	return &other
}

// Enrol makes a passkey for options as PublicKeyCredentialCreationOptionsJSON.
func (a *Authenticator) Enrol(options []byte) []byte {
	a.t.Helper()
	parsed, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		a.t.Fatalf("what the portal asks of authenticators can't be read: %v\n%s", err, options)
	}
	return []byte(virtualwebauthn.CreateAttestationResponse(a.party, a.device, a.key, *parsed))
}

// Show signs for options as PublicKeyCredentialRequestOptionsJSON.
func (a *Authenticator) Show(options []byte) []byte {
	a.t.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		a.t.Fatalf("what the portal asks of authenticators can't be read: %v\n%s", err, options)
	}
	a.key.Counter++
	return []byte(virtualwebauthn.CreateAssertionResponse(a.party, a.device, a.key, *parsed))
}
