// Package signon demands the institution's single sign-on of staff, by OpenID Connect, in addition to their key and passkey, and never instead: an
// institution that shuts a person out at its own directory shuts them out here, too, and its directory alone lets nobody in.
//
// # The way
//
//	Begin ── the browser goes to the provider, signs on, comes back with a code ── Finish
//
// It is the authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636, S256), a state and a nonce. What Begin draws
// is kept in the session of who began, for one answer, for [Period]: a code that comes back into another browser, or a second time, is refused.
//
// # Which account
//
// The account that a staff member first comes back with is theirs from then on: an HMAC over issuer and subject is kept, under a key that comes from
// the portal secret, so that the database doesn't say who they are in the directory. Another account later is refused and written down, and so is an account
// that is another member's. An administrator's reset of the second factor (package passkey) frees it.
package signon
