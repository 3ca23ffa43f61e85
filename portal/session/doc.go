// Package session keeps who is logged in: a gorilla/sessions Store of our own on Redis, or in the
// database when Valise runs embedded; and beside it the single-use log-in nonces and the rate limits.
//
// What holds: the cookie carries 256 random bits and nothing else; the store keeps only their SHA-256. An id that
// is not known is never adopted (no fixation); the id rotates at log-in. A session ends
// after 30 minutes without a request, 12 hours after log-in, at log-out, or when its holder revokes all (an epoch that is
// compared on each load, so that a revoked session can't come back). When the store can't be reached, that is
// an error (503), never "anonymous".
package session
