// Package passkey is the second factor of staff: passkeys (Web Authentication, W3C WebAuthn Level 3) that they show after their key.
//
// A staff member logs in with their OpenPGP key, which a thief may have copied with its passphrase. The passkey is a key that doesn't leave
// an authenticator (a phone, a security key, the machine itself), which makes sure who uses it (user verification is demanded), and which signs for
// this portal's host only, so that a page that looks like the portal gets nothing.
//
// # Enrolling
//
// Whoever has no passkey enrols the first one with the key alone; the account page says so from then on. Every further one takes a [Shown]:
// the proof that a passkey was shown just now, for this purpose. The same goes for removing one, and for an administrator's reset.
//
//	BeginEnrolment ── Question ── the browser asks the authenticator ── FinishEnrolment
//	BeginShow      ── Question ── the browser asks the authenticator ── FinishShow ── *Shown
//
// A [Question] has what the browser is given and what the server must keep until the answer: in the session, for one answer, for a few minutes.
//
// # Losing
//
// The last passkey can't be removed while one is demanded. Who has lost all of them asks an administrator, who resets another member's
// second factor (passkeys and single sign-on account) and says why. That ends the member's sessions. For [ResetPeriod] the member may then
// enrol with the key alone; after it, not any more, so that a reset that was forgotten is no open door. The member is told who reset it and why.
//
// # What the portal keeps
//
// Per passkey: the credential's id and public key, its signature counter, the label that the owner gave, when it was enrolled and last used.
// Whoever reads all of it can't log in. A counter that doesn't rise says that the authenticator was copied: it is refused, and written down.
package passkey
