// Package session keeps who is logged in: a gorilla/sessions Store of our own on Redis, or in the
// database when Valise runs embedded; and beside it the single-use log-in nonces and the rate limits.
//
// What holds: the cookie carries 256 random bits and nothing else; the store keeps only their SHA-256. An id that
// is not known is never adopted (no fixation); the id rotates at log-in. A session ends
// after 30 minutes without a request, 12 hours after log-in, at log-out, or when its holder revokes all (an epoch that is
// compared on each load, so that a revoked session can't come back). When the store can't be reached, that is
// an error (503), never "anonymous".
//
// # The pieces
//
// [Store] is what handlers use: Current, Start, Update, End, Lines, RevokeAll. It stands on [Records], which [Redis] and the database
// implement; recordstest holds both to the same suite. [Challenges] stands on [Nonces], [Limiter] on [Limits], in the same places.
//
// A log-in may demand more than a key: then [Store.Start] begins a half session, whose holder shows the rest (the questions of passkeys and of
// single sign-on wait in the session itself, [Store.Ask], each for one answer), and [Store.Complete] makes it whole, under a new id. A program that
// can't show the rest lets its holder confirm it in a session that is whole ([Store.Confirm]).
//
//	request ── cookie ── SHA-256 ── Records.Load ── lifetimes, epoch ── State
//
// A [State] is JSON. It is written as a whole, by compare-and-set over the bytes that it was made from: of two requests of one
// session at the same time, the slower one makes its change again on what the other wrote. Not every request writes: the time
// of the last request is kept to the minute, so a session may end up to a minute before its 30 minutes are over, never after.
//
// # gorilla's pitfalls
//
// gorilla attaches its registry to the request that first asks, so a copy that a middleware made before knows nothing of it:
// [Attach] belongs in the outermost middleware. Set-Cookie lines are appended, so a second log-in in one request would leave two: ours
// replaces. A Save after the body has begun is lost without an error: ours is an error, when the ResponseWriter has a method
// Started() bool.
package session
