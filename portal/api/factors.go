package api

import (
	"encoding/json"
	"time"

	"valise/crypto"
)

// What may be missing of a staff log-in, in Factors.Missing.
const (
	MissingPasskey   = "passkey"   // one of their passkeys is to be shown
	MissingEnrolment = "enrolment" // they have none yet, and must enrol one
	MissingSignOn    = "sign-on"   // the institution's single sign-on
)

// Factors is the answer of GET /factors.
type Factors struct {
	Complete bool          `json:"complete"`
	Missing  []string      `json:"missing"`  // in the order in which to show it
	Passkeys []Passkey     `json:"passkeys"` // only for a complete session
	Reset    *FactorReset  `json:"reset"`    // the latest; null: none
	Waiting  []WaitingItem `json:"waiting"`  // log-ins of theirs elsewhere that wait for confirmation; only for a complete session
}

// Passkey is one of them.
type Passkey struct {
	ID       string     `json:"id"`
	Label    string     `json:"label"`
	KeyAlone bool       `json:"key_alone"` // enrolled with nothing but the OpenPGP key
	Created  time.Time  `json:"created"`
	Used     *time.Time `json:"used"`
}

// FactorReset says that an administrator took the second factor away.
type FactorReset struct {
	By     crypto.Fingerprint `json:"by"`
	Reason string             `json:"reason"`
	At     time.Time          `json:"at"`
	Until  time.Time          `json:"until"` // until when a passkey may be enrolled with the key alone
}

// WaitingItem is a log-in that waits for confirmation.
type WaitingItem struct {
	Code  string    `json:"code"`
	Since time.Time `json:"since"`
}

// PasskeyPurpose is the request of POST /factors/passkeys/question. Its answer is PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3, section 5.1.9).
type PasskeyPurpose struct {
	Purpose string `json:"purpose"` // "log-in", "enrol", "remove", "confirm", "reset"
	Object  string `json:"object"`  // a passkey's id, a code, a member's fingerprint; "" where there is none
}

// PasskeyAnswer is AuthenticationResponseJSON in the requests that show a passkey, or null.
type PasskeyAnswer struct {
	Answer json.RawMessage `json:"answer"`
}

// PasskeyEnrolment is the request of POST /factors/passkeys: RegistrationResponseJSON, and what the owner calls the device.
type PasskeyEnrolment struct {
	Answer json.RawMessage `json:"answer"`
	Label  string          `json:"label"`
}

// PasskeyLabel is the request of POST /factors/passkeys/{passkey}/label.
type PasskeyLabel struct {
	Label string `json:"label"`
}

// FactorShown is the answer when something that was missing has been shown.
type FactorShown struct {
	Complete bool     `json:"complete"`
	Missing  []string `json:"missing"`
}

// Confirmation is the answer of POST /factors/confirmation: what a program shows its user, and whether they have confirmed it.
type Confirmation struct {
	Code     string `json:"code"` // "" once it is complete
	Where    string `json:"where"`
	Complete bool   `json:"complete"`
}

// MemberReset is the request of POST /staff/people/{member}/reset.
type MemberReset struct {
	Answer json.RawMessage `json:"answer"`
	Reason string          `json:"reason"`
}
