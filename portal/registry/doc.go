// Package registry issues mailboxes and lets their representatives claim them.
//
// A registrar's client makes everything that matters: the key, its certification,
// the lock. This package checks that what arrives holds together (the chain up to the
// root, the policy, the shape of the locked bundle) and keeps it. A claim moves a
// representative from the issued key to their own, in one transaction with the
// rewrapped envelopes. A revocation, signed by a registrar, ends their access for good; whoever
// comes after them is issued the next ordinal.
package registry
